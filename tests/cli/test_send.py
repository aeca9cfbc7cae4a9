#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""sinew send: how input becomes messages, what is left out, and the exit codes."""

import json
import os
import signal
import sys
import time

from golden import PIPE, case, each, main


def receive(world, *options):
    return world.sinew("recv", f"unix:{world.path}/s", *options)


@each(how=[("line", b"a\nb\0c\nd", [b"a", b"b\0c", b"d"]),
           ("nul", b"a\nb\0c\nd", [b"a\nb", b"c\nd"]),
           ("none", b"a\nb\0c\nd", [b"a\nb\0c\nd"]),
           ("3", b"a\nb\0c\nd", [b"a\nb", b"\0c\n", b"d"]),
           ("1K", b"x" * 2500, [b"x" * 1024, b"x" * 1024, b"x" * 452])])
def split(world, how):
    receiver = receive(world, "--json")
    world.do("send", "--split", how[0], f"unix:{world.path}/s", stdin=how[1])
    got = [json.loads(line)["data"].encode() for line in receiver.end().out.splitlines()]
    world.equal(got, how[2], "messages")


@case
def chunk_option(world):
    receiver = receive(world, "--split", "nul")
    world.do("send", "-o", "chunk=4", f"unix:{world.path}/s", stdin=b"abcdefghij")
    world.equal(receiver.end().out, b"abcd\0efgh\0ij\0", "pieces")


@case
def files_and_standard_input(world):
    (world.path / "a").write_bytes(b"1\n2\n")
    (world.path / "-b").write_bytes(b"4")
    receiver = receive(world)
    world.do("send", f"unix:{world.path}/s", "--", "a", "-", "-b", stdin=b"3\n")
    world.equal(receiver.end().out, b"1\n2\n3\n4\n", "lines")
    (world.path / "a").unlink()
    (world.path / "-b").unlink()


@case
def missing_file(world):
    """The others go; the exit code tells."""
    (world.path / "a").write_bytes(b"1\n")
    receiver = receive(world)
    ended = world.do("send", f"unix:{world.path}/s", "no-such", "a", code=1)
    world.has(ended.err, "no-such", "No such file")
    world.equal(receiver.end().out, b"1\n", "lines")
    (world.path / "a").unlink()


@case
def directory_as_file(world):
    receiver = receive(world)
    ended = world.do("send", f"unix:{world.path}/s", ".", code=None)
    world.check(ended.code not in (0, 2), f"{ended}")
    world.has(ended.err, "directory")
    receiver.end()


@case
def data_option(world):
    receiver = receive(world)
    world.do("send", f"unix:{world.path}/s", "--data", "one\ntwo")
    world.equal(receiver.end().out, b"one\ntwo\n", "output")
    receiver = receive(world)
    world.do("send", f"unix:{world.path}/s", "-d", "")
    world.equal(receiver.end().out, b"\n", "an empty message")


@case
def data_and_file_exclude_each_other(world):
    ended = world.do("send", "unix:@nowhere", "file", "--data", "x", code=2)
    world.has(ended.err, "exclude")


@case
def count(world):
    receiver = receive(world)
    world.do("send", "-n", "3", f"unix:{world.path}/s", stdin=b"1\n2\n3\n4\n")
    world.equal(receiver.end().out, b"1\n2\n3\n", "lines")


@case
def report_in_json(world):
    receiver = receive(world)
    ended = world.do("send", "--json", f"unix:{world.path}/s?max=4", code=1,
                     stdin=b"1\n22\n55555\n")
    report = json.loads(ended.out)
    world.check(0 <= report.pop("seconds") < 30, "seconds")
    world.equal(report, {"sent": 2, "bytes": 3, "refused": 1}, "report")
    receiver.end()


@case
def report_in_words(world):
    receiver = receive(world)
    ended = world.do("send", "-v", f"unix:{world.path}/s", stdin=b"1\n22\n")
    world.equal(ended.out, b"", "standard output")
    world.has(ended.err, "sent 2 messages, 3 bytes")
    receiver.end()


@case
def left_out(world):
    """Each of the first few is named, then a total; the others arrive."""
    receiver = receive(world)
    ended = world.do("send", f"unix:{world.path}/s?max=9", code=1,
                     stdin=b"".join(b"%s\n" % (b"x" * (n % 20)) for n in range(100)))
    world.has(ended.err, "line 11", "9 bytes", "left out", "50 messages were left out")
    world.check(ended.err.count(b"\n") < 10, "few words")
    world.equal(receiver.end().out.count(b"\n"), 50, "lines")


@case
def too_long_for_a_fifo(world):
    receiver = world.sinew("recv", f"fifo:{world.path}/f")
    ended = world.do("send", f"fifo:{world.path}/f", code=1,
                     stdin=b"a" * 4092 + b"\n" + b"b" * 4093 + b"\nc\n")
    world.has(ended.err, "4092")
    world.equal(receiver.end().out, b"a" * 4092 + b"\nc\n", "lines")


@case
def pieces_larger_than_a_message(world):
    """Told before anything is opened."""
    ended = world.do("send", "--split", "2M", f"unix:{world.path}/s", code=2, stdin=b"x")
    world.has(ended.err, "2M", "1M")


@case
def newline_in_a_line(world):
    receiver = receive(world, "-o", "frame=line")
    ended = world.do("send", "--split", "nul", "-o", "frame=line", f"unix:{world.path}/s",
                     code=1, stdin=b"a\0b\nc\0d\0")
    world.has(ended.err, "newline")
    world.equal(receiver.end().out, b"a\nd\n", "lines")


# ---- time ----

@each(uri=[("fifo", "fifo:{}/x"), ("unix", "unix:{}/x"), ("dgram", "unix:{}/x?type=dgram"),
           ("tcp", "tcp:127.0.0.1:1")])
def nobody_there(world, uri):
    start = time.monotonic()
    ended = world.do("send", "--timeout", "150ms", uri[1].format(world.path), stdin=b"a\n",
                     code=124)
    world.check(0.15 <= time.monotonic() - start < 10, "the time it took")
    world.has(ended.err, "start the other side", "150 ms")


@case
def waits_for_the_listener(world):
    sender = world.sinew("send", f"unix:{world.path}/s", stdin=b"a\n")
    sender.blocked()
    receiver = receive(world)
    world.equal((receiver.end().out, sender.end().code), (b"a\n", 0), "output and exit code")


@case
def receiver_does_not_read(world):
    """A full channel and a time limit."""
    receiver = receive(world)
    world.appears("s")
    receiver.signal(signal.SIGSTOP)
    ended = world.do("send", "--timeout", "200ms", f"unix:{world.path}/s", code=124,
                     stdin=b"x" * 100 * 1000 + b"\n" + b"y\n" * 1000000)
    world.has(ended.err, "nothing moved for 200 ms")
    receiver.signal(signal.SIGCONT)
    receiver.end()


@case
def no_input_in_time(world):
    receiver = receive(world)
    sender = world.sinew("send", "--timeout", "200ms", f"unix:{world.path}/s", stdin=PIPE)
    world.feed(sender, b"a\n")
    ended = sender.end()
    world.equal(ended.code, 124, "exit code")
    world.has(ended.err, "no input")
    sender.process.stdin.close()
    world.equal(receiver.end().out, b"a\n", "output")


@case
def stopped(world):
    receiver = receive(world)
    sender = world.sinew("send", f"unix:{world.path}/s", stdin=PIPE)
    world.feed(sender, b"a\n")
    world.until(lambda: receiver.out == b"a\n", "the line is printed")
    sender.signal(signal.SIGINT)
    ended = sender.end()
    world.equal(ended.code, 130, "exit code")
    world.has(ended.err, "sent 1 message")
    sender.process.stdin.close()
    receiver.end()


@case
def stopped_while_it_waits(world):
    for uri in (f"unix:{world.path}/x", f"fifo:{world.path}/x", "tcp:127.0.0.1:1"):
        sender = world.sinew("send", uri, stdin=b"a\n")
        sender.blocked()
        sender.signal(signal.SIGINT)
        world.equal(sender.end().code, 130, f"exit code on {uri}")
        world.equal(world.names(), [], "what is left")


@case
def stopped_while_full(world):
    receiver = receive(world)
    world.appears("s")
    receiver.signal(signal.SIGSTOP)
    sender = world.sinew("send", f"unix:{world.path}/s", stdin=b"y\n" * 1000000)
    sender.blocked()
    sender.signal(signal.SIGINT)
    world.equal(sender.end().code, 130, "exit code")
    receiver.signal(signal.SIGCONT)
    receiver.end()


# ---- a receiver that goes ----

@each(uri=[("fifo", "fifo:{}/x"), ("unix", "unix:{}/x"), ("dgram", "unix:{}/x?type=dgram"),
           ("seqpacket", "unix:{}/x?type=seqpacket"), ("tcp", "tcp:127.0.0.1:0")])
def receiver_killed(world, uri):
    name = uri[1].format(world.path)
    receiver = world.sinew("recv", name)
    if uri[0] == "tcp":
        name = f"tcp:127.0.0.1:{world.listening(receiver)}"
    sender = world.sinew("send", name, stdin=PIPE)
    world.feed(sender, b"a\n")
    world.until(lambda: receiver.out == b"a\n", "the line is printed")
    receiver.signal(signal.SIGKILL)
    receiver.end()
    sender.process.stdin.write(b"y\n" * 1000)
    sender.process.stdin.close()
    ended = sender.end()
    if uri[0] != "tcp":  # TCP learns of it only with the answer to what it sent
        world.equal(ended.code, 1, "exit code")
        world.has(ended.err, "no reader is left")
    world.equal(ended.err.count(b"Traceback"), 0, "words")
    for path in world.path.iterdir():
        path.unlink()


@case
def pipe_without_a_reader(world):
    """No SIGPIPE: words and exit code 1."""
    reading, writing = os.pipe()
    os.close(reading)
    ended = world.do("send", f"pipe:write={writing}", "--data", "x", code=1, pass_fds=[writing])
    world.has(ended.err, "no reader is left")
    os.close(writing)


@case
def wrong_type(world):
    receiver = world.sinew("recv", f"unix:{world.path}/s?type=seqpacket")
    world.appears("s")
    ended = world.do("send", f"unix:{world.path}/s", "--data", "x", code=1)
    world.has(ended.err, "type=")
    world.do("send", f"unix:{world.path}/s?type=seqpacket", "--data", "x")
    world.equal(receiver.end().out, b"x\n", "output")


if __name__ == "__main__":
    sys.exit(main())
