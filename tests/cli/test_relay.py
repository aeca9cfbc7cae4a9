#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""sinew relay: between each two mechanisms, one way and both ways, and how it ends."""

import json
import os
import signal
import socket
import struct
import sys

from golden import case, each, main, sha


def frame(message):
    return struct.pack(">I", len(message)) + message


def read_frame(peer):
    """The next message of a stream socket, or None."""
    data = b""
    while len(data) < 4 or len(data) < 4 + struct.unpack(">I", data[:4])[0]:
        more = peer.recv(4 + struct.unpack(">I", data[:4])[0] - len(data) if len(data) >= 4
                         else 4 - len(data))
        if not more:
            return None
        data += more
    return data[4:]


def connect(path):
    peer = socket.socket(socket.AF_UNIX)
    peer.settimeout(20)
    peer.connect(str(path))
    return peer


PAIRS = [(f"{a}-to-{b}", a, b) for a in ("fifo", "unix", "seqpacket", "tcp")
         for b in ("fifo", "unix", "seqpacket", "dgram", "tcp") if a != b]
URIS = {"fifo": "fifo:{}/{}", "unix": "unix:{}/{}", "seqpacket": "unix:{}/{}?type=seqpacket",
        "dgram": "unix:{}/{}?type=dgram", "tcp": "tcp:127.0.0.1:0"}


@each(pair=PAIRS)
def one_way(world, pair):
    """Lines through a relay between two kinds: all, in order, and it ends when they have."""
    lines = b"".join(b"line %d\n" % n for n in range(5000))
    right = URIS[pair[2]].format(world.path, "right")
    options = ["-n", 5000] if pair[2] == "dgram" else []
    receiver = world.sinew("recv", right, *options)
    if pair[2] == "tcp":
        right = f"tcp:127.0.0.1:{world.listening(receiver)}"
    left = URIS[pair[1]].format(world.path, "left")
    relay = world.sinew("relay", left, right)
    if pair[1] == "tcp":
        left = f"tcp:127.0.0.1:{world.listening(relay)}"
    sender = world.sinew("send", left, stdin=lines)
    world.equal(sender.end().code, 0, "exit code of send")
    ended = receiver.end()
    world.equal((ended.code, sha(ended.out)), (0, sha(lines)), "exit code and SHA-256")
    if pair[2] == "dgram" and relay.process.poll() is None:
        relay.signal(signal.SIGINT)  # a datagram's peer never ends: its way back may stay open
        world.equal(relay.end().code in (0, 130), True, "exit code of relay")
    else:
        world.equal(relay.end().code, 0, "exit code of relay")


@case
def both_ways(world):
    """Question and answer through unix and tcp."""
    server = socket.create_server(("127.0.0.1", 0))
    server.settimeout(20)
    relay = world.sinew("relay", "--json", f"unix:{world.path}/s",
                        f"tcp:127.0.0.1:{server.getsockname()[1]}")
    right, _ = server.accept()
    right.settimeout(20)
    world.appears("s")
    left = connect(world.path / "s")
    for n in range(100):
        left.sendall(frame(b"question %d" % n))
        world.equal(read_frame(right), b"question %d" % n, "question")
        right.sendall(frame(b"answer %d" % n))
        world.equal(read_frame(left), b"answer %d" % n, "answer")
    left.shutdown(socket.SHUT_WR)
    world.equal(read_frame(right), None, "the half-close is passed on")
    right.sendall(frame(b"last"))
    world.equal(read_frame(left), b"last", "an answer after it")
    right.close()
    world.equal(read_frame(left), None, "the end")
    left.close()
    ended = relay.end()
    world.equal(ended.code, 0, "exit code")
    report = json.loads(ended.out)
    world.equal((report["left_to_right"]["messages"], report["right_to_left"]["messages"]),
                (100, 101), "messages")
    server.close()


@case
def tags_are_kept(world):
    """A tagged frame goes through with its tag."""
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(world.path / "right"))
    server.listen()
    relay = world.sinew("relay", f"unix:{world.path}/left", f"unix:{world.path}/right")
    right, _ = server.accept()
    right.settimeout(20)
    world.appears("left")
    left = connect(world.path / "left")
    tagged = struct.pack(">IBxxxQ", 0x80000000 | 17, 1, 0x1122334455667788) + b"hello"
    left.sendall(tagged)
    data = b""
    while len(data) < len(tagged):
        data += right.recv(100)
    world.equal(data, tagged, "frame")
    left.close()
    world.equal(right.recv(1), b"", "the end")
    right.close()
    relay.end()
    server.close()
    os.unlink(world.path / "right")


@case
def stopped(world):
    receiver = world.sinew("recv", f"unix:{world.path}/right")
    relay = world.sinew("relay", f"unix:{world.path}/left", f"unix:{world.path}/right")
    world.appears("left")
    left = connect(world.path / "left")
    left.sendall(frame(b"x"))
    world.until(lambda: receiver.out == b"x\n", "the message came through")
    relay.signal(signal.SIGINT)
    ended = relay.end()
    world.equal(ended.code, 130, "exit code")
    world.has(ended.err, "left to right: 1 message")
    left.close()
    world.equal(receiver.end().out, b"x\n", "output")
    world.equal(world.names(), [], "what is left")


@case
def timeout(world):
    receiver = world.sinew("recv", f"unix:{world.path}/right")
    ended = world.do("relay", "--timeout", "200ms", f"unix:{world.path}/left",
                     f"unix:{world.path}/right", code=124)
    world.has(ended.err, "200 ms")
    receiver.end()


@case
def nobody_on_the_right(world):
    world.do("relay", "--timeout", "100ms", f"unix:{world.path}/left",
             f"unix:{world.path}/right", code=124)
    world.equal(world.names(), [], "what is left")


@case
def right_side_killed(world):
    receiver = world.sinew("recv", f"unix:{world.path}/right")
    relay = world.sinew("relay", f"unix:{world.path}/left", f"unix:{world.path}/right")
    world.appears("left")
    left = connect(world.path / "left")
    left.sendall(frame(b"x"))
    world.until(lambda: receiver.out == b"x\n", "the message came through")
    receiver.signal(signal.SIGKILL)
    receiver.end()
    world.equal(left.recv(1), b"", "the end reaches the left")
    left.close()
    world.equal(relay.end().code, 0, "exit code: what the right said has ended")
    os.unlink(world.path / "right")


@case
def right_side_killed_while_busy(world):
    """What cannot be handed over is a lost peer: exit code 1."""
    receiver = world.sinew("recv", f"unix:{world.path}/right?type=seqpacket", "-o", "dir=in")
    relay = world.sinew("relay", f"fifo:{world.path}/left",
                        f"unix:{world.path}/right?type=seqpacket")
    sender = world.sinew("send", "-q", f"fifo:{world.path}/left", stdin=b"y\n" * 3000000)
    world.until(lambda: len(receiver.out) > 100, "messages come through")
    receiver.signal(signal.SIGKILL)
    receiver.end()
    ended = relay.end()
    world.equal(ended.code, 1, "exit code")
    world.has(ended.err, "no reader is left")
    world.equal(sender.end().code, 1, "exit code of send")
    os.unlink(world.path / "right")


@case
def too_large_for_the_right(world):
    """Left out and told; the others go through."""
    receiver = world.sinew("recv", f"fifo:{world.path}/right")
    relay = world.sinew("relay", f"unix:{world.path}/left", f"fifo:{world.path}/right")
    world.do("send", f"unix:{world.path}/left", stdin=b"a\n" + b"b" * 5000 + b"\nc\n")
    ended = relay.end()
    world.equal((ended.code, receiver.end().out), (1, b"a\nc\n"), "exit code and output")
    world.has(ended.err, "4092", "left out")


@case
def name_in_use(world):
    receiver = world.sinew("recv", f"unix:{world.path}/s")
    world.appears("s")
    ended = world.do("relay", f"unix:{world.path}/s", "tcp:127.0.0.1:1", code=1)
    world.has(ended.err, "already")
    world.do("send", f"unix:{world.path}/s", "-d", "x")
    receiver.end()


if __name__ == "__main__":
    sys.exit(main())
