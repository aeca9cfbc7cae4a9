#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""sinew send and sinew recv as two processes: nothing lost, nothing reordered, on each channel."""

import json
import os
import random
import signal
import sys

from channels import CHANNELS, ENDLESS, Meeting, queue_of
from golden import case, each, main, sha

LINES = int(os.environ.get("TRANSFER_LINES", "200000"))


@each(channel=CHANNELS)
def many_lines(world, channel):
    """Fewer through queues, whose every message is a system call. ./check --long asks for a million."""
    count = LINES // 3 if channel in ("mq", "msgq") else LINES
    lines = b"".join(b"%d\n" % n for n in range(count))
    meeting = Meeting(world, channel)
    receiver = meeting.recv(count=count)
    sender = meeting.send(stdin=lines)
    world.equal(sender.end(90).code, 0, "exit code of send")
    ended = receiver.end(90)
    world.equal(ended.code, 0, "exit code of recv")
    world.equal(len(ended.out), len(lines), "bytes")
    world.equal(sha(ended.out), sha(lines), "SHA-256")
    world.equal(ended.err, b"", "words of recv")
    meeting.over()


def blob(size):
    return random.Random(7).randbytes(size)


@each(channel=CHANNELS)
def binary_file(world, channel):
    """Cut into pieces and put together again."""
    data = blob(5_000_001)
    meeting = Meeting(world, channel)
    receiver = meeting.recv("--split", "none", count=-(-len(data) // 4000))
    sender = meeting.send("--split", "4000", stdin=data)
    world.equal(sender.end().code, 0, "exit code of send")
    ended = receiver.end()
    world.equal((ended.code, sha(ended.out)), (0, sha(data)), "exit code and SHA-256")
    meeting.over()


@each(channel=[c for c in CHANNELS if c not in ENDLESS])
def binary_in_largest_pieces(world, channel):
    """--split none takes the largest messages the channel has."""
    data = blob(7_654_321)
    meeting = Meeting(world, channel)
    receiver = meeting.recv("--split", "none", count=0)
    sender = meeting.send("--split", "none", stdin=data)
    world.equal(sender.end().code, 0, "exit code of send")
    ended = receiver.end()
    world.equal((ended.code, sha(ended.out)), (0, sha(data)), "exit code and SHA-256")
    meeting.over()


@each(channel=CHANNELS)
def awkward_lines(world, channel):
    """Long, of bytes that are no text; the last without its newline."""
    lines = [b"x" * 4000, bytes(b for b in range(256) if b != 10), b"\0", b" ", b"last"]
    meeting = Meeting(world, channel)
    receiver = meeting.recv(count=len(lines))
    sender = meeting.send(stdin=b"\n".join(lines))
    world.equal(sender.end().code, 0, "exit code of send")
    ended = receiver.end()
    world.equal((ended.code, ended.out), (0, b"\n".join(lines) + b"\n"), "exit code and lines")
    meeting.over()


@each(channel=CHANNELS)
def empty_lines(world, channel):
    """Messages of no bytes are messages."""
    meeting = Meeting(world, channel)
    receiver = meeting.recv(count=5)
    sender = meeting.send(stdin=b"\n\na\n\nb\n")
    world.equal(sender.end().code, 0, "exit code of send")
    world.equal(receiver.end().out, b"\n\na\n\nb\n", "lines")
    meeting.over()


@each(channel=CHANNELS)
def records(world, channel):
    """Ended by zero bytes, with newlines inside, as find -print0 and xargs -0 have them."""
    data = b"a\nb\0\nc\0" + b"d" * 3000 + b"\0"
    meeting = Meeting(world, channel)
    receiver = meeting.recv("--split", "nul", count=3)
    sender = meeting.send("--split", "nul", stdin=data)
    world.equal(sender.end().code, 0, "exit code of send")
    world.equal(receiver.end().out, data, "records")
    meeting.over()


@each(channel=[c for c in CHANNELS if c not in ENDLESS])
def nothing_at_all(world, channel):
    meeting = Meeting(world, channel)
    receiver = meeting.recv(count=0)
    sender = meeting.send(stdin=b"")
    world.equal(sender.end().code, 0, "exit code of send")
    ended = receiver.end()
    world.equal((ended.code, ended.out, ended.err), (0, b"", b""), "what recv left")
    meeting.over()


@each(channel=["fifo", "unix-stream", "unix-seqpacket", "unix-dgram", "tcp", "mq", "msgq",
               "ring-queue", "ring-topic"])
def many_senders(world, channel):
    """Each sender's lines come in its order, and no line is torn. Without keep-open a moment when
    no sender is there would be the end."""
    meeting = Meeting(world, channel)
    receiver = meeting.recv("-n", 20000, "-o", "keep-open=1", count=20000)
    senders = [meeting.send(stdin=b"".join(b"%d %d %s\n" % (s, n, b"#" * (n % 300))
                                           for n in range(5000))) for s in range(4)]
    for sender in senders:
        world.equal(sender.end().code, 0, "exit code of send")
    expected = [0] * 4
    for line in receiver.end().out.decode().splitlines():
        which, number, fill = line.split(" ")
        world.equal((int(number), len(fill)), (expected[int(which)], int(number) % 300), "line")
        expected[int(which)] += 1
    world.equal(expected, [5000] * 4, "lines of each")
    meeting.over()


@each(channel=["mq", "msgq", "ring-queue"])
def queue_keeps_the_rest(world, channel):
    """recv -n takes exactly so many, from a queue that nobody has open meanwhile."""
    uri = Meeting(world, channel).uri
    world.do("send", uri, stdin=b"1\n2\n3\n4\n5\n")
    world.equal(world.do("recv", uri, "-n", 2).out, b"1\n2\n", "the first two")
    world.equal(world.do("recv", uri, "-n", 0).out, b"", "none")
    world.equal(world.do("recv", uri, "-n", 3).out, b"3\n4\n5\n", "the rest")
    world.do("recv", uri, "--timeout", "1ms", code=124)
    world.do("rm", uri)
    world.do("rm", uri, code=1)


@case
def two_readers_of_a_ring(world):
    """Each line comes to one of them; rm refuses while they are there."""
    uri = f"ring:file:{world.path}/name?pattern=queue"
    readers = [world.sinew("recv", uri) for _ in range(2)]
    for reader in readers:
        reader.blocked()
    world.do("send", uri, stdin=b"".join(b"%d\n" % n for n in range(20000)))
    world.until(lambda: sum(r.now().out.count(b"\n") for r in readers) == 20000, "all lines")
    world.has(world.do("rm", uri, code=1).err, "has it open")
    for reader in readers:
        reader.signal(signal.SIGINT)
    lines = [int(n) for reader in readers for n in reader.end().out.split()]
    world.equal(sorted(lines), list(range(20000)), "lines of both")
    world.do("rm", uri)


@case
def a_killed_reader_of_a_ring(world):
    """What it did not print another one gets."""
    uri = f"ring:file:{world.path}/name?pattern=queue"
    reader = world.sinew("recv", uri)
    reader.blocked()
    world.do("send", uri, stdin=b"one\n")
    world.until(lambda: reader.now().out == b"one\n", "the first line")
    reader.signal(signal.SIGSTOP)
    world.do("send", uri, stdin=b"two\nthree\n")
    reader.signal(signal.SIGKILL)
    reader.end()
    world.equal(world.do("recv", "-n", 2, uri).out, b"two\nthree\n", "the others")
    world.do("rm", uri)


@each(channel=["mq", "msgq"])
def queue_priorities(world, channel):
    """What is urgent comes first, and JSON tells how urgent."""
    uri = queue_of(world, channel)
    for priority, word in ((None, "later"), (7, "now"), (7, "now too"), (32767, "at once")):
        options = [] if priority is None else ["--priority", priority]
        world.do("send", uri, "-d", word, *options)
    got = [json.loads(line) for line in world.do("recv", uri, "--json", "-n", 4).out.splitlines()]
    world.equal([(m["priority"], m["data"]) for m in got],
                [(32767, "at once"), (7, "now"), (7, "now too"), (0, "later")], "messages")
    world.has(world.do("send", uri, "-d", "x", "--priority", 32768, code=1).err, "32767")
    world.do("rm", "-v", uri)


@case
def priorities_where_there_are_none(world):
    ended = world.do("send", f"unix:{world.path}/s", "-d", "x", "--priority", 1, code=2)
    world.has(ended.err, "priorities")


@each(channel=["mq", "msgq"])
def queue_in_use_is_not_removed(world, channel):
    """A path can tell who uses its queue, a name, too; a bare key cannot."""
    uri = f"msgq:{world.path}/q" if channel == "msgq" else queue_of(world, channel)
    receiver = world.sinew("recv", uri, "-n", 2)
    world.do("send", uri, "-d", "here")
    world.until(lambda: receiver.now().out == b"here\n", "the receiver is there")
    world.has(world.do("rm", uri, code=1).err, "sinew channel")
    world.do("send", uri, "-d", "x")
    world.equal(receiver.end().out, b"here\nx\n", "messages")
    world.do("rm", uri)


@case
def long_lines_through_a_fifo(world):
    """In pieces with chunk=1; whole with writers=1."""
    lines = b"".join(b"%d " % n * 3000 + b"\n" for n in range(40))
    for option in ("chunk=1", "writers=1"):
        receiver = world.sinew("recv", f"fifo:{world.path}/f", "-o", option)
        sender = world.sinew("send", f"fifo:{world.path}/f", "-o", option, stdin=lines)
        world.equal(sender.end().code, 0, "exit code of send")
        world.equal(sha(receiver.end().out), sha(lines), "SHA-256")


@case
def sizes_at_the_limit(world):
    """One byte more than the largest message is left out, with the limit in words."""
    receiver = world.sinew("recv", f"unix:{world.path}/s?max=100")
    ended = world.do("send", f"unix:{world.path}/s?max=100", code=1,
                     stdin=b"a" * 100 + b"\n" + b"b" * 101 + b"\n" + b"c\n")
    world.has(ended.err, "line 2", "100", "left out")
    world.equal(receiver.end().out, b"a" * 100 + b"\nc\n", "lines")


@case
def too_long_for_the_receiver(world):
    """The receiver's own limit: one loss, told, and exit code 1."""
    receiver = world.sinew("recv", f"unix:{world.path}/s?max=100")
    world.do("send", f"unix:{world.path}/s", stdin=b"one\n" + b"b" * 101 + b"\ntwo\n")
    ended = receiver.end()
    world.equal((ended.code, ended.out), (1, b"one\ntwo\n"), "exit code and lines")
    world.has(ended.err, "1 message was lost")


if __name__ == "__main__":
    sys.exit(main())
