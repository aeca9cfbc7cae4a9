#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""sinew recv: what it prints, when it ends, and with which exit code."""

import base64
import os
import signal
import socket
import struct
import sys
import time

from channels import CHANNELS, Meeting
from golden import PIPE, SINEW, Skip, case, each, lines, main


def frames(*messages):
    return b"".join(struct.pack(">I", len(m)) + m for m in messages)


@each(channel=CHANNELS)
def json_fields(world, channel):
    meeting = Meeting(world, channel)
    before = time.time()
    receiver = meeting.recv("--json", count=3)
    sender = meeting.send(stdin=b'plain\n"\\\t\x01\xc3\xa9\n\xff\xfe\n')
    world.equal(sender.end().code, 0, "exit code of send")
    records = lines(receiver.end().out)
    world.equal(len(records), 3, "records")
    for record in records:
        world.check(set(record) >= {"size", "time", "peer", "priority", "lost"}, f"{record}")
        world.check(before - 1 < record["time"] < time.time() + 1, "a time of day")
        world.equal((record["priority"], record["lost"]), (0, 0), "priority and lost")
    world.equal([r["size"] for r in records], [5, 6, 2], "sizes")
    world.equal([r.get("data") for r in records], ["plain", '"\\\t\x01\u00e9', None], "data")
    world.equal(base64.b64decode(records[2]["base64"]), b"\xff\xfe", "base64")
    if channel.startswith("unix"):
        peer = records[0]["peer"]
        world.equal((peer["uid"], peer["gid"], peer["pid"]),
                    (os.getuid(), os.getgid(), sender.pid), "peer")
    if channel == "tcp":
        world.has(records[0]["peer"]["address"], "127.0.0.1:")
    meeting.over()


@case
def json_of_any_byte(world):
    """Each line is valid JSON whatever the bytes are."""
    messages = [bytes([b]) for b in range(256) if b != 10] + ["\u2028\U0001f600\x7f".encode()]
    receiver = world.sinew("recv", "--json", f"unix:{world.path}/s")
    world.do("send", f"unix:{world.path}/s", stdin=b"\n".join(messages) + b"\n")
    got = [r["data"].encode() if "data" in r else base64.b64decode(r["base64"])
           for r in lines(receiver.end().out)]
    world.equal(got, messages, "messages")


@case
def json_of_events(world):
    receiver = world.sinew("recv", "--json", "--events", f"unix:{world.path}/s")
    sender = world.sinew("send", f"unix:{world.path}/s", stdin=b"a\n")
    sender.end()
    records = lines(receiver.end().out)
    world.equal([r.get("event") for r in records], ["joined", None, "left"], "events")
    world.equal(len({r["peer"]["id"] for r in records}), 1, "peers")


@case
def events_in_words(world):
    receiver = world.sinew("recv", "--events", f"unix:{world.path}/s")
    sender = world.sinew("send", f"unix:{world.path}/s", stdin=b"a\n")
    sender.end()
    ended = receiver.end()
    world.equal(ended.out, b"a\n", "data alone")
    world.has(ended.err, "joined", "left", f"pid {sender.pid}")


# ---- how many ----

@case
def count_leaves_the_rest_in_a_fifo(world):
    """What -n does not deliver is there for whoever reads next, framed or in lines."""
    path = world.path / "f"
    os.mkfifo(path)
    held = os.open(path, os.O_RDWR)
    os.write(held, frames(*[b"m%d" % n for n in range(9)]))
    world.equal(world.do("recv", "-n", 3, f"fifo:{path}").out, b"m0\nm1\nm2\n", "first three")
    world.equal(world.do("recv", "-n", 1, f"fifo:{path}").out, b"m3\n", "the fourth")
    world.equal(world.do("recv", f"fifo:{path}", "-n", "5").out, b"m4\nm5\nm6\nm7\nm8\n", "rest")
    os.write(held, b"one\ntwo\nthree\nfour\n")
    world.equal(world.do("recv", "-n2", f"fifo:{path}?frame=line").out, b"one\ntwo\n", "lines")
    world.equal(os.read(held, 100), b"three\nfour\n", "lines left")
    os.close(held)
    os.unlink(path)


@case
def count_leaves_the_rest_of_sinew_send(world):
    path = world.path / "f"
    os.mkfifo(path)
    held = os.open(path, os.O_RDWR)
    world.do("send", f"fifo:{path}", stdin=b"".join(b"%d\n" % n for n in range(1000)))
    for first in range(0, 1000, 250):
        world.equal(world.do("recv", "-n", 250, f"fifo:{path}").out,
                    b"".join(b"%d\n" % n for n in range(first, first + 250)), "lines")
    os.close(held)
    os.unlink(path)


@case
def count_on_standard_input(world):
    """The shell's next command reads on where recv stopped."""
    ended = world.shell(r"printf 'a\nb\nc\nd\n' |"
                        r" { $SINEW recv -n 2 'pipe:read=0&frame=line'; echo -; cat; }", code=0)
    world.equal(ended.out, b"a\nb\n-\nc\nd\n", "output")


@case
def count_of_nothing(world):
    world.equal(world.do("recv", "-n", 0, f"unix:{world.path}/s").out, b"", "output")


@each(channel=["mq", "msgq"])
def count_leaves_the_rest_in_a_queue(world, channel):
    """Its sender needs no reader: it waits for room, and what it sent is there for the next."""
    meeting = Meeting(world, channel)
    receiver = meeting.recv(count=5)
    sender = meeting.send("--timeout", "300ms", stdin=b"".join(b"%d\n" % n for n in range(100000)))
    world.equal(receiver.end().out, b"0\n1\n2\n3\n4\n", "lines")
    world.equal(sender.end().code, 124, "exit code of a sender that found no room")
    world.equal(world.do("recv", "-n", 2, meeting.uri).out, b"5\n6\n", "the next lines")
    world.do("rm", meeting.uri)


@each(channel=[c for c in CHANNELS if c not in ("mq", "msgq", "ring-queue", "ring-topic")])
def count_ends_it(world, channel):
    """After -n COUNT it ends though the sender has more to say, and more than the kernel takes."""
    meeting = Meeting(world, channel)
    receiver = meeting.recv("-n", 5, count=5)
    sender = meeting.send(stdin=b"0\n1\n2\n3\n4\n" + (b"#" * 3000 + b"\n") * 8000)
    ended = receiver.end()
    world.equal((ended.code, ended.out), (0, b"0\n1\n2\n3\n4\n"), "exit code and lines")
    ended = sender.end()
    world.equal(ended.code, 1, "exit code of a sender whose reader left")
    world.has(ended.err, "no reader is left")
    if channel == "ring-file":
        world.do("rm", meeting.uri)


# ---- time, signals ----

@each(uri=[("fifo", "fifo:{}/x"), ("unix", "unix:{}/x"), ("dgram", "unix:{}/x?type=dgram"),
           ("tcp", "tcp:127.0.0.1:0")])
def timeout(world, uri):
    start = time.monotonic()
    ended = world.do("recv", "--timeout", "150ms", uri[1].format(world.path), code=124)
    taken = time.monotonic() - start
    world.check(0.15 <= taken < 10, f"took {taken}")
    world.has(ended.err, "150 ms")


@case
def timeout_is_without_progress(world):
    """Each message begins it anew."""
    receiver = world.sinew("recv", "--timeout", "400ms", f"unix:{world.path}/s")
    world.appears("s")
    peer = socket.socket(socket.AF_UNIX)
    peer.connect(str(world.path / "s"))
    start = time.monotonic()
    for n in range(6):
        peer.sendall(frames(b"%d" % n))
        world.until(lambda n=n: b"%d\n" % n in receiver.out, "the message is printed")
        while time.monotonic() < start + 0.15 * (n + 1):
            world.check(receiver.process.poll() is None, "it is still there")
    world.equal(receiver.end().code, 124, "exit code")
    peer.close()


@each(number=[("SIGINT", 130), ("SIGTERM", 143), ("SIGHUP", 129)])
def stopped(world, number):
    """A summary, the path gone, everything printed."""
    for uri in (f"unix:{world.path}/x", f"unix:{world.path}/x?type=dgram", f"fifo:{world.path}/x"):
        receiver = world.sinew("recv", uri)
        world.appears("x")
        sender = world.sinew("send", uri, stdin=PIPE)
        world.feed(sender, b"a\nb\n")
        world.until(lambda r=receiver: r.out == b"a\nb\n", "both lines are printed")
        receiver.signal(getattr(signal, number[0]))
        ended = receiver.end()
        world.equal((ended.code, ended.out), (number[1], b"a\nb\n"), "exit code and lines")
        world.has(ended.err, "2 messages, 2 bytes")
        world.equal(world.names(), [], "what is left")
        sender.process.stdin.close()
        sender.end()


@case
def stopped_while_nobody_is_there(world):
    receiver = world.sinew("recv", f"unix:{world.path}/x")
    world.appears("x")
    receiver.blocked()
    receiver.signal(signal.SIGINT)
    ended = receiver.end()
    world.equal((ended.code, ended.out, world.names()), (130, b"", []), "exit code, output, names")
    world.has(ended.err, "0 messages")


@case
def stopped_quietly(world):
    receiver = world.sinew("recv", "-q", f"unix:{world.path}/x")
    world.appears("x")
    receiver.signal(signal.SIGINT)
    ended = receiver.end()
    world.equal((ended.code, ended.err), (130, b""), "exit code and words")


@case
def background_job_ignores_interrupt(world):
    """SIGINT ignored by a shell's & stays ignored."""
    ended = world.shell("trap '' INT; $SINEW recv -n1 unix:" + str(world.path) + "/x & pid=$!\n"
                        "while ! [ -S x ]; do :; done; kill -INT $pid\n"
                        "$SINEW send --data hi unix:" + str(world.path) + "/x; wait $pid", code=0)
    world.equal(ended.out, b"hi\n", "output")


# ---- output ----

@case
def full_disk(world):
    receiver = world.start("bash", "-c", f"exec {SINEW} recv "
                           f"unix:{world.path}/s > /dev/full")
    world.do("send", f"unix:{world.path}/s", stdin=b"a\n")
    ended = receiver.end()
    world.equal(ended.code, 3, "exit code")
    world.has(ended.err, "standard output", "No space")


@case
def reader_of_the_output_gone(world):
    """recv | head -1 is quiet, and ends."""
    ended = world.shell(f"$SINEW recv unix:{world.path}/s | head -1 &"
                        f" seq 1000000 | $SINEW send -q unix:{world.path}/s 2>send.err; wait; "
                        "rm send.err", code=0)
    world.equal((ended.out, ended.err), (b"1\n", b""), "output and words")


@case
def message_shows_at_once(world):
    """What has come is printed before the next is waited for."""
    receiver = world.sinew("recv", f"unix:{world.path}/s")
    sender = world.sinew("send", f"unix:{world.path}/s", stdin=PIPE)
    for n in range(5):
        world.feed(sender, b"%d\n" % n)
        world.until(lambda n=n: receiver.out.endswith(b"%d\n" % n), "the message is printed")
    sender.process.stdin.close()
    world.equal((sender.end().code, receiver.end().code), (0, 0), "exit codes")


@each(how=[("line", b"a\nb\n"), ("nul", b"a\0b\0"), ("none", b"ab")])
def split(world, how):
    receiver = world.sinew("recv", "--split", how[0], f"unix:{world.path}/s")
    world.do("send", f"unix:{world.path}/s", stdin=b"a\nb\n")
    world.equal(receiver.end().out, how[1], "output")


# ---- faults ----

@case
def name_in_use(world):
    receiver = world.sinew("recv", f"unix:{world.path}/s")
    world.appears("s")
    ended = world.do("recv", f"unix:{world.path}/s", code=1)
    world.has(ended.err, "somebody listens there already", str(world.path / "s"))
    world.do("send", f"unix:{world.path}/s", "--data", "x")
    world.equal(receiver.end().out, b"x\n", "output")


@case
def port_in_use(world):
    receiver = world.sinew("recv", "tcp:127.0.0.1:0")
    port = world.listening(receiver)
    world.has(world.do("recv", f"tcp:127.0.0.1:{port}", code=1).err, "already")
    world.do("send", f"tcp:127.0.0.1:{port}", "--data", "x")
    world.equal(receiver.end().out, b"x\n", "output")


@case
def verbose_tells_the_port(world):
    """With port 0 the kernel chooses; -v says what it chose."""
    receiver = world.sinew("recv", "-v", "tcp:127.0.0.1:0")
    port = world.listening(receiver)
    world.do("send", f"tcp:127.0.0.1:{port}", "--data", "x")
    ended = receiver.end()
    world.equal(ended.out, b"x\n", "output")
    world.has(ended.err, f"tcp:127.0.0.1:{port}")


@case
def name_is_something_else(world):
    (world.path / "file").write_text("precious")
    for scheme in ("unix", "fifo"):
        ended = world.do("recv", f"{scheme}:{world.path}/file", code=1)
        world.has(ended.err, "exists and is not a", str(world.path / "file"))
    world.equal((world.path / "file").read_text(), "precious", "the file")
    (world.path / "file").unlink()


@case
def no_directory(world):
    ended = world.do("recv", f"unix:{world.path}/no/such", code=1)
    world.has(ended.err, "No such file", "create the directory")


@case
def no_right(world):
    if os.getuid() != 0:
        raise Skip("becoming another user needs root")
    os.chmod(world.path, 0o755)
    ended = world.do("recv", f"unix:{world.path}/s", code=3, user=65534, group=65534)
    world.has(ended.err, "ermission denied", "owner and mode")


@case
def garbage(world):
    """A single peer that does not speak the framing: what was good is printed, exit code 1."""
    ended = world.do("recv", "pipe:read=0", code=1, stdin=frames(b"good") + b"\xff" * 40)
    world.equal(ended.out, b"good\n", "output")
    world.has(ended.err, "framing")


@case
def garbage_of_one_of_two(world):
    receiver = world.sinew("recv", f"unix:{world.path}/s")
    world.appears("s")
    good, bad = socket.socket(socket.AF_UNIX), socket.socket(socket.AF_UNIX)
    for peer in (good, bad):
        peer.connect(str(world.path / "s"))
    good.sendall(frames(b"one"))
    world.until(lambda: receiver.out == b"one\n", "the first is printed")
    bad.sendall(b"\xff" * 40)
    world.equal(bad.recv(1), b"", "the bad one is cut off")
    good.sendall(frames(b"two"))
    good.close()
    bad.close()
    ended = receiver.end()
    world.equal((ended.code, ended.out), (1, b"one\ntwo\n"), "exit code and lines")
    world.has(ended.err, "lost")


@case
def partial_message(world):
    ended = world.do("recv", "pipe:read=0", code=1, stdin=frames(b"good") + b"\0\0\0\x09half")
    world.equal(ended.out, b"good\n", "output")
    world.has(ended.err, "1 message was lost")


def datagram(number, data):
    """As sinew_udp(7) has it."""
    return b"\xadsq\1" + struct.pack(">QQ", 77, number) + data


@case
def what_a_network_does(world):
    """Lost, late and doubled: in words, and as JSON keys."""
    order = [0, 3, 1, 1, 4]
    for options in ("--json",), ():
        receiver = world.sinew("recv", "-n", 4, *options, "udp:127.0.0.1:0")
        peer = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        peer.connect(("127.0.0.1", world.listening(receiver)))
        for number in order:
            peer.send(datagram(number, b"m%d" % number))
        peer.close()
        ended = receiver.end()
        world.equal(ended.code, 1, "exit code: one is missing still")
        world.has(ended.err, "2 messages were lost before message 2",
                  "message 3 came late", "1 second copy was dropped before message 4")
        if options:
            told = [(r["data"], r["lost"], r.get("late"), r.get("copies"))
                    for r in lines(ended.out)]
            world.equal(told, [("m0", 0, None, None), ("m3", 2, None, None),
                               ("m1", 0, True, None), ("m4", 0, None, 1)], "records")
        else:
            world.equal(ended.out, b"m0\nm3\nm1\nm4\n", "output")


@case
def late_is_not_lost(world):
    receiver = world.sinew("recv", "-n", 2, "udp:127.0.0.1:0")
    peer = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    peer.connect(("127.0.0.1", world.listening(receiver)))
    peer.send(datagram(1, b"second"))
    peer.send(datagram(0, b"first"))
    peer.close()
    ended = receiver.end()
    world.equal((ended.code, ended.out), (0, b"second\nfirst\n"), "exit code and lines")


@case
def standard_descriptors_closed(world):
    """What is meant for the user never goes to a peer."""
    receiver = world.sinew("recv", f"unix:{world.path}/s", "-v")
    ended = world.shell(f"$SINEW send -v --json --data hi unix:{world.path}/s <&- >&- 2>&-")
    world.check(ended.code >= 0, f"{ended}")
    world.equal(receiver.end().out, b"hi\n", "output")


@case
def few_descriptors(world):
    """A listener at its limit serves those who are there."""
    receiver = world.start("bash", "-c", f"ulimit -n 12; exec {SINEW} recv "
                           f"-o keep-open=1 -n 40 unix:{world.path}/s")
    world.appears("s")
    peers = []
    for n in range(20):
        peer = socket.socket(socket.AF_UNIX)
        peer.connect(str(world.path / "s"))
        peer.sendall(frames(b"%d" % n))
        peers.append(peer)
    world.until(lambda: receiver.out.count(b"\n") >= 3, "some are served")
    receiver.blocked()
    for peer in peers:
        peer.sendall(frames(b"again"))
        peer.close()
    ended = receiver.end()
    world.equal(sorted(ended.out.split()),
                sorted([b"%d" % n for n in range(20)] + [b"again"] * 20), "messages")


if __name__ == "__main__":
    sys.exit(main())
