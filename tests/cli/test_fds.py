#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Descriptors of the command: sinew send --fd, recv --fd, relay, and programs that are not ours."""

import os
import select
import socket
import sys

from golden import case, each, lines, main

TYPES = ["stream", "seqpacket", "dgram"]


def receive(world, kind, *options):
    """What hears -n 1 message, once it is there."""
    running = world.sinew("recv", "-n", 1, f"unix:{world.path}/s?type={kind}", *options)
    world.appears("s")
    return running


def opened(world, name="file"):
    (world.path / name).write_bytes(b"content\n")
    return os.open(world.path / name, os.O_RDONLY)


def send(world, kind, *options, fds, **how):
    words = [w for fd in fds for w in ("--fd", fd)]
    return world.do("send", *words, f"unix:{world.path}/s?type={kind}", *options,
                    pass_fds=[fd for fd in fds if fd > 2], **how)


@each(kind=TYPES)
def a_file_in_json(world, kind):
    receiver = receive(world, kind, "--fd", "--json")
    fd = opened(world)
    send(world, kind, "-d", "take", fds=[fd])
    got = lines(receiver.end().out)
    world.equal([m["fds"] for m in got], [[f"{world.path}/file"]], "fds")
    world.equal(got[0]["data"], "take", "data")
    world.check("fds_lost" not in got[0], "nothing was lost")
    os.close(fd)
    (world.path / "file").unlink()


@each(kind=TYPES)
def several_in_words(world, kind):
    receiver = receive(world, kind, "--fd")
    first, second = opened(world), opened(world, "other")
    send(world, kind, "-d", "take", fds=[second, first])
    ended = receiver.end()
    world.equal(ended.out, b"take\n", "standard output")
    world.equal(ended.err.decode().splitlines(),
                [f"sinew: message 1 came with {world.path}/other",
                 f"sinew: message 1 came with {world.path}/file"], "words")
    for name, fd in ("file", first), ("other", second):
        os.close(fd)
        (world.path / name).unlink()


@case
def they_travel_with_the_first_message(world):
    receiver = world.sinew("recv", "--fd", "--json", f"unix:{world.path}/s")
    fd = opened(world)
    send(world, "stream", fds=[fd], stdin=b"1\n2\n3\n")
    world.equal([len(m["fds"]) for m in lines(receiver.end().out)], [1, 0, 0], "descriptors")
    os.close(fd)
    (world.path / "file").unlink()


@case
def standard_input_goes_and_is_still_read(world):
    receiver = world.sinew("recv", "--fd", "--json", f"unix:{world.path}/s")
    send(world, "stream", fds=[0, 1], stdin=b"1\n2\n")
    got = lines(receiver.end().out)
    world.equal([m["data"] for m in got], ["1", "2"], "messages")
    world.equal([name.rsplit("/", 1)[1].split("-")[0] for name in got[0]["fds"]], ["in", "out"],
                "names of the files that the programs are run with")


@case
def nobody_keeps_it(world):
    """The end of a pipe that travelled is closed everywhere when the programs have ended."""
    reading, writing = os.pipe()
    receiver = receive(world, "stream", "--fd")
    send(world, "stream", "-d", "x", fds=[writing])
    os.close(writing)
    receiver.end()
    ready, _, _ = select.select([reading], [], [], 20)
    world.check(ready and os.read(reading, 1) == b"", "the pipe has ended")
    os.close(reading)


@case
def a_descriptor_that_is_not_open(world):
    """Said before anything waits: nobody is there."""
    for word in "777", "-1", "x", "99999999999":
        ended = world.do("send", f"--fd={word}", f"unix:{world.path}/s", "-d", "x", code=2)
        world.has(ended.err, f"--fd {word} is not possible", "open descriptor")


@case
def a_mechanism_that_carries_none(world):
    for verb, uri in ("send", "tcp:localhost:1"), ("recv", "tcp:localhost:0"), \
                     ("send", "unix:@x?fds=0"), ("recv", "fifo:/nowhere/x"):
        words = ["--fd", "1"] if verb == "send" else ["--fd"]
        ended = world.do(verb, *words, uri, code=2)
        world.has(ended.err, "carries no descriptors")
    ended = world.do("recv", "--fd", "unix:@x?frame=line", code=2)
    world.has(ended.err, "frame=length")


@case
def no_message_to_travel_with(world):
    receiver = world.sinew("recv", "--fd", f"unix:{world.path}/s")
    ended = world.do("send", "--fd", "1", f"unix:{world.path}/s", stdin=b"", code=1)
    world.has(ended.err, "no message was sent")
    world.equal(receiver.end().out, b"", "output")


@case
def more_than_the_uri_allows(world):
    receiver = world.sinew("recv", "--fd", f"unix:{world.path}/s")
    ended = world.do("send", "--fd", "1", "--fd", "2", f"unix:{world.path}/s?fds=1", code=1,
                     stdin=b"1\n2\n")
    world.has(ended.err, "2 descriptors, the limit is 1 (fds=)")
    world.equal(receiver.end().out, b"", "output")


@each(kind=TYPES)
def they_are_not_taken_in_unasked(world, kind):
    receiver = receive(world, kind, "--json")
    send(world, kind, "-d", "x", fds=[1])
    ended = receiver.end()
    got = lines(ended.out)
    told = kind != "seqpacket"  # which does not learn of them
    world.equal((got[0]["data"], "fds_lost" in got[0], "fds" in got[0]), ("x", told, False),
                "record")
    world.equal(b"not taken in; see --fd" in ended.err, told, "words")


@each(kind=TYPES)
def through_a_relay(world, kind):
    receiver = receive(world, kind, "--fd", "--json")
    relay = world.sinew("relay", f"unix:{world.path}/left?fds=4",
                        f"unix:{world.path}/s?fds=4&type={kind}")
    fd = opened(world)
    world.do("send", "--fd", fd, "-d", "x", f"unix:{world.path}/left", pass_fds=[fd])
    world.equal(lines(receiver.end().out)[0]["fds"], [f"{world.path}/file"], "fds")
    relay.end()
    os.close(fd)
    (world.path / "file").unlink()


@case
def to_python(world):
    """A packet without a frame, its descriptors attached as every program does it."""
    heard = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    heard.settimeout(20)
    heard.bind(str(world.path / "s"))
    fd = opened(world)
    send(world, "dgram", "-d", "x", fds=[fd, fd])
    data, fds, _, _ = socket.recv_fds(heard, 100, 8)
    world.equal(data, b"x", "data")
    world.equal([os.readlink(f"/proc/self/fd/{n}") for n in fds], [f"{world.path}/file"] * 2, "fds")
    for n in [fd, *fds]:
        os.close(n)
    heard.close()
    for name in "s", "file":
        (world.path / name).unlink()


@each(kind=[("seqpacket", socket.SOCK_SEQPACKET), ("dgram", socket.SOCK_DGRAM),
            ("stream", socket.SOCK_STREAM)])
def from_python(world, kind):
    receiver = receive(world, kind[0], "--fd", "--json")
    fd = opened(world)
    sender = socket.socket(socket.AF_UNIX, kind[1])
    sender.connect(str(world.path / "s"))
    header = b"" if kind[0] != "stream" else b"\x80\0\0\x0d\4\0\0\1" + bytes(8)
    socket.send_fds(sender, [header + b"x"], [fd])
    world.equal(lines(receiver.end().out)[0]["fds"], [f"{world.path}/file"], "fds")
    sender.close()
    os.close(fd)
    (world.path / "file").unlink()


if __name__ == "__main__":
    sys.exit(main())
