#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Programs that are not ours, on each mechanism: socat, nc, the shell, systemd-notify, and Python
with its own sockets, speaking the frames as the manual describes them."""

import json
import os
import pathlib
import shutil
import socket
import struct
import sys
import threading

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "cli"))

from golden import PIPE, SINEW, Skip, case, each, main, sha  # noqa: E402

MESSAGES = [b"", b"a", b"two words", b"\1\n\xff", b"x" * 70000, b"last"]
SMALL = [b"a", b"two words", b"\1\n\xff", b"x" * 3000, b"last"]


def need(program):
    if not shutil.which(program):
        raise Skip(f"{program} is not installed")
    return program


def frame(message):
    return struct.pack(">I", len(message)) + message


def frames(messages):
    return b"".join(map(frame, messages))


def unframe(data):
    """The messages of a whole stream."""
    messages = []
    while data:
        size, = struct.unpack(">I", data[:4])
        messages.append(data[4:4 + size])
        data = data[4 + size:]
    return messages


def everything(peer):
    """What a stream peer sends until its end."""
    data = b""
    while more := peer.recv(1 << 16):
        data += more
    return data


def printed(messages):
    return b"".join(m + b"\0" for m in messages)


def stream(world, name="s"):
    peer = socket.socket(socket.AF_UNIX)
    peer.settimeout(20)
    world.appears(name)
    peer.connect(str(world.path / name))
    return peer


def numbers(count):
    return b"".join(b"%d\n" % n for n in range(count))


# ---- Python speaks the frames ----

@case
def python_to_unix(world):
    receiver = world.sinew("recv", "--split", "nul", f"unix:{world.path}/s")
    peer = stream(world)
    peer.sendall(frames(MESSAGES))
    peer.close()
    world.equal(receiver.end().out, printed(MESSAGES), "messages")


@case
def unix_to_python(world):
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(world.path / "s"))
    server.listen()
    sender = world.sinew("send", "--split", "nul", f"unix:{world.path}/s", stdin=printed(MESSAGES))
    peer, _ = server.accept()
    world.equal(unframe(everything(peer)), MESSAGES, "messages")
    world.equal(sender.end().code, 0, "exit code")
    peer.close()
    server.close()
    os.unlink(world.path / "s")


@case
def python_to_tcp(world):
    receiver = world.sinew("recv", "--split", "nul", "tcp:127.0.0.1:0")
    peer = socket.create_connection(("127.0.0.1", world.listening(receiver)), 20)
    for byte in frames(SMALL):
        peer.sendall(bytes([byte]))
    peer.close()
    world.equal(receiver.end().out, printed(SMALL), "messages")


@each(address=[("ipv4", "127.0.0.1", "127.0.0.1"), ("ipv6", "::1", "[::1]")])
def tcp_to_python(world, address):
    try:
        family = socket.AF_INET6 if address[0] == "ipv6" else socket.AF_INET
        server = socket.create_server((address[1], 0), family=family)
    except OSError:
        raise Skip(f"no {address[0]} on the loopback interface here") from None
    sender = world.sinew("send", "--split", "nul", f"tcp:{address[2]}:{server.getsockname()[1]}",
                         stdin=printed(MESSAGES))
    peer, _ = server.accept()
    world.equal(unframe(everything(peer)), MESSAGES, "messages")
    world.equal(sender.end().code, 0, "exit code")
    peer.close()
    server.close()


@case
def python_to_pipe(world):
    """An inherited descriptor."""
    reading, writing = os.pipe()
    receiver = world.sinew("recv", "--split", "nul", f"pipe:read={reading}", pass_fds=[reading])
    os.close(reading)
    with open(writing, "wb") as out:
        out.write(frames(MESSAGES))
    world.equal(receiver.end().out, printed(MESSAGES), "messages")


@case
def pipe_to_python(world):
    reading, writing = os.pipe()
    sender = world.sinew("send", "--split", "nul", f"pipe:write={writing}", pass_fds=[writing],
                         stdin=printed(MESSAGES))
    os.close(writing)
    with open(reading, "rb") as source:
        world.equal(unframe(source.read()), MESSAGES, "messages")
    world.equal(sender.end().code, 0, "exit code")


@case
def descriptor_flags_are_kept(world):
    """Adopted descriptors share their flags with us: sinew changes none, blocking or not."""
    for blocking in (True, False):
        reading, writing = os.pipe()
        os.set_blocking(reading, blocking)
        os.set_blocking(writing, blocking)
        receiver = world.sinew("recv", f"pipe:read={reading}", pass_fds=[reading])
        sender = world.sinew("send", f"pipe:write={writing}", pass_fds=[writing],
                             stdin=numbers(100000))
        flags = [os.get_blocking(reading), os.get_blocking(writing)]
        os.close(writing)
        world.equal(sender.end().code, 0, "exit code of send")
        world.equal(flags + [os.get_blocking(reading)], [blocking] * 3, "flags")
        os.close(reading)
        world.equal(sha(receiver.end().out), sha(numbers(100000)), "lines")


@case
def python_to_seqpacket(world):
    """A packet a message; one of no bytes is not the end."""
    receiver = world.sinew("recv", "--split", "nul", f"unix:{world.path}/s?type=seqpacket")
    world.appears("s")
    peer = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    peer.connect(str(world.path / "s"))
    messages = [b"a", b"", b"", b"b" * 50000, b""]
    for message in messages:
        peer.send(message)
    peer.close()
    ended = receiver.end()
    world.equal((ended.code, ended.out), (0, printed(messages)), "exit code and messages")


@case
def seqpacket_to_python(world):
    server = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    server.bind(str(world.path / "s"))
    server.listen()
    sender = world.sinew("send", f"unix:{world.path}/s?type=seqpacket", stdin=b"a\n\nb\n")
    peer, _ = server.accept()
    world.equal([peer.recv(100) for _ in range(4)], [b"a", b"", b"b", b""], "packets and the end")
    world.equal(sender.end().code, 0, "exit code")
    peer.close()
    server.close()
    os.unlink(world.path / "s")


@case
def python_to_dgram(world):
    """From a socket with a name, which can be answered."""
    receiver = world.sinew("recv", "--json", "-n", 2, f"unix:{world.path}/s?type=dgram")
    world.appears("s")
    peer = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    peer.bind(str(world.path / "me"))
    peer.sendto(b"", str(world.path / "s"))
    peer.sendto(b"a name", str(world.path / "s"))
    records = [json.loads(line) for line in receiver.end().out.splitlines()]
    world.equal([r["data"] for r in records], ["", "a name"], "messages")
    world.equal({(r["peer"]["uid"], r["peer"]["pid"]) for r in records},
                {(os.getuid(), os.getpid())}, "sender")
    world.equal(records[1]["peer"]["address"], str(world.path / "me"), "address")
    peer.close()
    os.unlink(world.path / "me")


@case
def nameless_python_to_dgram(world):
    """It cannot be answered; the kernel vouches for it all the same."""
    receiver = world.sinew("recv", "--json", "-n", 1, f"unix:{world.path}/s?type=dgram")
    world.appears("s")
    peer = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    peer.sendto(b"no name", str(world.path / "s"))
    record = json.loads(receiver.end().out)
    peer.close()
    world.equal(record["data"], "no name", "message")
    world.check(record["peer"], f"no peer: {record}")
    world.equal((record["peer"]["uid"], record["peer"]["pid"]), (os.getuid(), os.getpid()), "who")


@case
def dgram_to_python_and_back(world):
    """sinew relay answers a datagram's sender: Python on both sides of it."""
    server = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    server.bind(str(world.path / "server"))
    server.settimeout(20)
    uri = f"unix:{world.path}/server?type=dgram&side=connect"
    receiver = world.sinew("recv", "-n", 2, uri)
    receiver.blocked()
    sender = world.sinew("send", f"unix:{world.path}/server?type=dgram", stdin=b"question\n")
    data, address = server.recvfrom(100)
    world.equal(data, b"question", "message")
    world.check(address.startswith(b"\0"), "an abstract name to answer to")
    world.equal(sender.end().code, 0, "exit code")
    world.check(not any(f.endswith("ready") for f in world.names()), "nothing left")
    for peer in abstract_names_of(receiver.pid):
        server.sendto(b"answer 1", peer)
        server.sendto(b"answer 2", peer)
    world.equal(receiver.end().out, b"answer 1\nanswer 2\n", "answers")
    server.close()
    os.unlink(world.path / "server")


def abstract_names_of(pid):
    """The abstract socket names that a process has bound."""
    inodes = {os.readlink(e.path) for e in os.scandir(f"/proc/{pid}/fd")}
    rows = [line.split() for line in pathlib.Path("/proc/net/unix").read_text().splitlines()[1:]]
    return [b"\0" + row[7][1:].encode() for row in rows
            if len(row) > 7 and row[7].startswith("@") and f"socket:[{row[6]}]" in inodes]


@case
def many_python_peers(world):
    """Fifty at once, each in its own order."""
    receiver = world.sinew("recv", "-n", 5000, f"unix:{world.path}/s")
    peers = [stream(world) for _ in range(50)]

    def talk(number):
        for n in range(100):
            peers[number].sendall(frame(b"%d %d" % (number, n)))

    threads = [threading.Thread(target=talk, args=(n,)) for n in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seen = {n: 0 for n in range(50)}
    for line in receiver.end().out.splitlines():
        number, n = map(int, line.split())
        world.equal(n, seen[number], "order")
        seen[number] += 1
    world.equal(set(seen.values()), {100}, "messages of each")
    for peer in peers:
        peer.close()


# ---- the shell and a bare fifo ----

@case
def echo_to_fifo(world):
    receiver = world.sinew("recv", f"fifo:{world.path}/f?frame=line&keep-open=1", "-n", 3)
    world.appears("f")
    world.shell(f"echo one > {world.path}/f; echo 'two words' > {world.path}/f;"
                f" printf '%s\\n' three > {world.path}/f", code=0)
    world.equal(receiver.end().out, b"one\ntwo words\nthree\n", "lines")


@case
def last_line_without_newline(world):
    receiver = world.sinew("recv", "--json", f"fifo:{world.path}/f?frame=line")
    world.appears("f")
    world.shell(f"printf 'one\\ntwo' > {world.path}/f", code=0)
    records = [json.loads(line) for line in receiver.end().out.splitlines()]
    world.equal([(r["data"], r.get("unfinished", False)) for r in records],
                [("one", False), ("two", True)], "lines")


@case
def fifo_to_cat(world):
    os.mkfifo(world.path / "f")
    reader = world.start("cat", world.path / "f")
    world.do("send", f"fifo:{world.path}/f?frame=line", stdin=numbers(50000))
    world.equal(sha(reader.end().out), sha(numbers(50000)), "lines")
    os.unlink(world.path / "f")


@case
def printf_frames_to_fifo(world):
    """Four bytes of length, as printf can write them."""
    receiver = world.sinew("recv", f"fifo:{world.path}/f")
    world.appears("f")
    world.shell(rf"printf '\0\0\0\5hello\0\0\0\2hi' > {world.path}/f", code=0)
    world.equal(receiver.end().out, b"hello\nhi\n", "messages")


@case
def shell_pipeline(world):
    """sinew between programs that know nothing of it."""
    ended = world.shell("seq 100000 | $SINEW send pipe:write=1 | $SINEW recv pipe:read=0 | tail -1",
                        code=0)
    world.equal(ended.out, b"100000\n", "output")
    ended = world.shell("seq 9 | $SINEW recv 'pipe:read=0&frame=line' | tac | "
                        "$SINEW send 'pipe:write=1&frame=line' | head -1", code=0)
    world.equal(ended.out, b"9\n", "output")


# ---- socat ----

@case
def socat_to_unix(world):
    need("socat")
    receiver = world.sinew("recv", f"unix:{world.path}/s?frame=line")
    world.appears("s")
    world.run("socat", "-u", "-", f"UNIX-CONNECT:{world.path}/s", stdin=numbers(50000), code=0)
    world.equal(sha(receiver.end().out), sha(numbers(50000)), "lines")


@case
def unix_to_socat(world):
    need("socat")
    listener = world.start("socat", "-u", f"UNIX-LISTEN:{world.path}/s", "-")
    world.do("send", f"unix:{world.path}/s?frame=line", stdin=numbers(50000))
    world.equal(sha(listener.end().out), sha(numbers(50000)), "lines")


@case
def socat_raw(world):
    """frame=raw: bytes as they come, both ways."""
    need("socat")
    data = os.urandom(300000)
    receiver = world.sinew("recv", "--split", "none", f"unix:{world.path}/s?frame=raw")
    world.appears("s")
    world.run("socat", "-u", "-", f"UNIX-CONNECT:{world.path}/s", stdin=data, code=0)
    world.equal(sha(receiver.end().out), sha(data), "bytes")
    listener = world.start("socat", "-u", f"UNIX-LISTEN:{world.path}/t", "-")
    world.do("send", "--split", "none", f"unix:{world.path}/t?frame=raw", stdin=data)
    world.equal(sha(listener.end().out), sha(data), "bytes")


@case
def socat_echo_behind_a_relay(world):
    """Python to sinew relay to socat's echo, and back."""
    need("socat")
    echo = world.start("socat", f"UNIX-LISTEN:{world.path}/echo", "EXEC:cat")
    relay = world.sinew("relay", f"unix:{world.path}/s?frame=line",
                        f"unix:{world.path}/echo?frame=line")
    peer = stream(world)
    for n in range(20):
        peer.sendall(b"hello %d\n" % n)
        world.equal(peer.recv(100), b"hello %d\n" % n, "echo")
    peer.shutdown(socket.SHUT_WR)
    world.equal(peer.recv(100), b"", "the end")
    peer.close()
    world.equal((relay.end().code, echo.end().code), (0, 0), "exit codes")


@case
def socat_seqpacket(world):
    need("socat")
    receiver = world.sinew("recv", f"unix:{world.path}/s?type=seqpacket")
    world.appears("s")
    world.run("socat", "-u", "-", f"UNIX-CONNECT:{world.path}/s,type=5", stdin=b"one packet",
              code=0)
    world.equal(receiver.end().out, b"one packet\n", "packet")


@case
def socat_dgram(world):
    need("socat")
    receiver = world.sinew("recv", "-n", 1, f"unix:{world.path}/s?type=dgram")
    world.appears("s")
    world.run("socat", "-u", "-", f"UNIX-SENDTO:{world.path}/s", stdin=b"one packet", code=0)
    world.equal(receiver.end().out, b"one packet\n", "packet")


# ---- UDP: datagrams as they are, and with a number ----

def numbered(session, number, message):
    return b"\xadsq\1" + struct.pack(">QQ", session, number) + message


@case
def python_to_udp(world):
    receiver = world.sinew("recv", "--split", "nul", "-n", len(SMALL), "udp:127.0.0.1:0")
    peer = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    peer.connect(("127.0.0.1", world.listening(receiver)))
    for number, message in enumerate(SMALL):
        peer.send(numbered(5, number, message))
    ended = receiver.end()
    world.equal((ended.out, ended.code, ended.err), (printed(SMALL), 0, b""), "messages")
    peer.close()


@each(options=[("numbered", ""), ("raw", "?frame=raw"), ("framed", "?frame=length")])
def udp_to_python(world, options):
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("127.0.0.1", 0))
    server.settimeout(20)
    sender = world.sinew("send", "--split", "nul",
                         f"udp:127.0.0.1:{server.getsockname()[1]}{options[1]}",
                         stdin=printed(SMALL))
    got = [server.recv(70000) for _ in SMALL]
    world.equal(sender.end().code, 0, "exit code")
    session = int.from_bytes(got[0][4:12], "big")
    expected = SMALL if options[0] == "raw" else [
        numbered(session, number, frame(message) if options[0] == "framed" else message)
        for number, message in enumerate(SMALL)]
    world.equal(got, expected, "datagrams")
    server.close()


@case
def socat_to_udp(world):
    need("socat")
    receiver = world.sinew("recv", "-n", 1, "udp:127.0.0.1:0?frame=raw")
    world.run("socat", "-u", "-", f"UDP:127.0.0.1:{world.listening(receiver)}",
              stdin=b"one packet", code=0)
    world.equal(receiver.end().out, b"one packet\n", "packet")


@case
def udp_to_socat_and_back(world):
    """socat's echo answers a relay."""
    need("socat")
    probe = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    probe.bind(("127.0.0.1", 0))
    port = probe.getsockname()[1]
    probe.close()
    echo = world.start("socat", f"UDP-LISTEN:{port},bind=127.0.0.1", "EXEC:cat")
    world.until(lambda: bound(port), "socat is there")
    relay = world.sinew("relay", f"unix:{world.path}/front?type=seqpacket",
                        f"udp:127.0.0.1:{port}?frame=raw")
    world.appears("front")
    peer = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    peer.settimeout(20)
    peer.connect(str(world.path / "front"))
    peer.send(b"there and back")
    world.equal(peer.recv(100), b"there and back", "echo")
    peer.close()
    for running in relay, echo:
        running.process.terminate()
        running.end()


def bound(port):
    return any(f":{port:04X} " in line
               for line in pathlib.Path("/proc/net/udp").read_text().splitlines())


@case
def socat_abstract(world):
    need("socat")
    name = f"sinew-interop-{os.getpid()}"
    receiver = world.sinew("recv", f"unix:@{name}?frame=line")
    world.run("socat", "-u", "-", f"ABSTRACT-CONNECT:{name},retry=200,interval=0.02",
              stdin=b"hello\n", code=0)
    world.equal(receiver.end().out, b"hello\n", "line")


@case
def socat_fifo(world):
    need("socat")
    receiver = world.sinew("recv", f"fifo:{world.path}/f?frame=line")
    world.appears("f")
    world.run("socat", "-u", "-", f"PIPE:{world.path}/f", stdin=numbers(20000), code=0)
    world.equal(sha(receiver.end().out), sha(numbers(20000)), "lines")


@case
def socat_tcp(world):
    need("socat")
    receiver = world.sinew("recv", "tcp:127.0.0.1:0?frame=line")
    port = world.listening(receiver)
    world.run("socat", "-u", "-", f"TCP4:127.0.0.1:{port}", stdin=numbers(50000), code=0)
    world.equal(sha(receiver.end().out), sha(numbers(50000)), "lines")


# ---- nc ----

@case
def nc_to_unix(world):
    need("nc")
    receiver = world.sinew("recv", f"unix:{world.path}/s?frame=line")
    world.appears("s")
    world.run("nc", "-N", "-U", world.path / "s", stdin=numbers(20000), code=0)
    world.equal(sha(receiver.end().out), sha(numbers(20000)), "lines")


@case
def unix_to_nc(world):
    need("nc")
    listener = world.start("nc", "-l", "-U", world.path / "s")
    world.do("send", f"unix:{world.path}/s?frame=line", stdin=numbers(20000))
    world.equal(sha(listener.end().out), sha(numbers(20000)), "lines")
    os.unlink(world.path / "s")


@case
def nc_to_tcp(world):
    need("nc")
    receiver = world.sinew("recv", "tcp:127.0.0.1:0?frame=line")
    world.run("nc", "-N", "127.0.0.1", world.listening(receiver), stdin=numbers(20000), code=0)
    world.equal(sha(receiver.end().out), sha(numbers(20000)), "lines")


@case
def nc_conversation(world):
    """nc on the left of a relay, a Python server on the right."""
    need("nc")
    server = socket.create_server(("127.0.0.1", 0))
    relay = world.sinew("relay", "tcp:127.0.0.1:0?frame=line",
                        f"tcp:127.0.0.1:{server.getsockname()[1]}?frame=line")
    peer, _ = server.accept()
    peer.settimeout(20)
    client = world.start("nc", "-N", "127.0.0.1", world.listening(relay), stdin=PIPE)
    world.feed(client, b"hello\n")
    world.equal(peer.recv(100), b"hello\n", "question")
    peer.sendall(b"good day\n")
    world.until(lambda: client.out == b"good day\n", "the answer is printed")
    client.process.stdin.close()
    world.equal(peer.recv(100), b"", "the half-close is passed on")
    peer.close()
    client.end()
    relay.end()
    server.close()


# ---- systemd's notify protocol ----

@case
def notify_from_python(world):
    """Each state change is one datagram, in newline-separated words, credentials attached."""
    receiver = world.sinew("recv", "--json", "-n", 2, f"unix:{world.path}/notify?type=dgram")
    world.appears("notify")
    peer = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    peer.connect(str(world.path / "notify"))
    peer.sendall(b"READY=1\nSTATUS=Up")
    peer.sendall(b"WATCHDOG=1")
    peer.close()
    records = [json.loads(line) for line in receiver.end().out.splitlines()]
    world.equal([r["data"] for r in records], ["READY=1\nSTATUS=Up", "WATCHDOG=1"], "states")
    world.check(records[0]["peer"], f"no peer: {records[0]}")
    world.equal(records[0]["peer"]["pid"], os.getpid(), "who")


@case
def notify_from_systemd_notify(world):
    need("systemd-notify")
    uri = f"unix:{world.path}/notify?type=dgram&frame=raw"
    receiver = world.sinew("recv", "-n", 1, uri)
    world.appears("notify")
    world.run("systemd-notify", "--no-block", "--ready", "--status=Up and running",
              env={"NOTIFY_SOCKET": str(world.path / "notify")}, code=0)
    world.has(receiver.end().out, "READY=1", "STATUS=Up and running")


@case
def notify_by_sinew(world):
    """The other way round: sinew send tells a service manager."""
    manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    manager.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
    manager.bind(str(world.path / "notify"))
    manager.settimeout(20)
    ended = world.do("send", f"unix:{world.path}/notify?type=dgram&frame=raw", "--data",
                     "READY=1\nSTATUS=Up")
    data, ancillary, _, _ = manager.recvmsg(100, socket.CMSG_SPACE(12))
    world.equal(data, b"READY=1\nSTATUS=Up", "state")
    world.equal(struct.unpack("iii", ancillary[0][2])[1:], (os.getuid(), os.getgid()), "who")
    world.equal(ended.err, b"", "words")
    manager.close()
    os.unlink(world.path / "notify")


if __name__ == "__main__":
    assert SINEW
    sys.exit(main())
