#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""sinew region: made, shown, filled, dumped, waited for, handed out, cut short; words and exit codes."""

import json
import os
import signal
import sys

from golden import case, each, main

REGIONS = ["file", "shm", "sysvshm"]


def name(world, scheme):
    """A region of this case alone."""
    if scheme == "shm":
        return f"shm:/sinew-golden-{os.getpid()}-{world.path.name}"
    if scheme == "sysvshm":
        (world.path / "key").touch()
        return f"sysvshm:{world.path}/key?id=3"
    return f"{scheme}:{world.path}/region"


def gone(world, uri):
    world.do("rm", uri)
    if uri.startswith("sysvshm"):
        (world.path / "key").unlink()
    world.equal(world.names(), [], "what is left")


@each(scheme=REGIONS)
def filled_and_dumped(world, scheme):
    uri = name(world, scheme)
    made = world.do("region", "--create", "4K", "--load", "--json", uri, stdin=b"hello")
    world.equal(json.loads(made.out), {"uri": uri, "size": 4096, "made": True}, "made")
    world.equal(world.do("region", "--dump", uri).out, b"hello" + bytes(4091), "bytes")
    world.do("region", "--load", "--offset", "4094", uri, stdin=b"xy")
    world.equal(world.do("region", "--dump", "--offset", "4093", uri).out, b"\0xy", "tail")
    world.equal(world.do("region", "--dump", "--offset", "1", "--length", "3", uri).out, b"ell",
                "part")
    world.equal(world.do("region", uri).out.decode(), f"{uri}: 4K\n", "shown")
    world.equal(world.do("region", "--create", "4096", uri).out.decode(), f"{uri}: 4K\n", "again")
    world.has(world.do("region", "--create", "8K", uri, code=1).err, "4096 bytes, not 8192")
    gone(world, uri)


@each(scheme=REGIONS)
def too_much_input(world, scheme):
    """Nothing is made of what does not fit; what is there keeps its size."""
    uri = name(world, scheme)
    ended = world.do("region", "--create", "10", "--load", uri, stdin=b"12345678901", code=1)
    world.has(ended.err, "more bytes than fit")
    world.do("rm", uri, code=1)
    world.do("region", "--create", "10", "--load", uri, stdin=b"1234567890")
    world.has(world.do("region", "--load", uri, stdin=b"x" * 11, code=1).err, "more bytes")
    for words in (["--dump", "--offset", "11"], ["--dump", "--offset", "5", "--length", "6"]):
        world.has(world.do("region", *words, uri, code=2).err, "beyond its end")
    gone(world, uri)


@each(scheme=REGIONS)
def waited_for(world, scheme):
    uri = name(world, scheme)
    waiting = world.sinew("region", "--dump", uri)
    waiting.blocked()
    world.do("region", "--create", "3", "--load", uri, stdin=b"abc")
    world.equal(waiting.end().out, b"abc", "output")
    gone(world, uri)


@each(scheme=[*REGIONS, "memfd"])
def nobody_makes_it(world, scheme):
    uri = name(world, scheme)
    world.has(world.do("region", "--timeout", "20ms", uri, code=124).err, "nobody has made it")
    waiting = world.sinew("region", uri)
    waiting.blocked()
    waiting.signal(signal.SIGINT)
    world.equal(waiting.end().code, 130, "exit code")
    if scheme == "sysvshm":
        (world.path / "key").unlink()


@case
def handed_out(world):
    """A memfd: is there as long as its maker, and what was handed out is what was loaded."""
    uri = name(world, "memfd")
    maker = world.sinew("region", "--create", "3", "--load", uri, stdin=b"abc")
    world.appears("region")
    for _ in range(3):
        world.equal(world.do("region", "--dump", uri).out, b"abc", "bytes")
    world.has(world.do("rm", uri, code=1).err, "its maker hands it out")
    maker.signal(signal.SIGTERM)
    world.equal(maker.end().code, 143, "exit code")
    world.do("region", "--timeout", "10ms", uri, code=124)
    world.do("region", "--create", "3", "--timeout", "10ms", uri, code=124)
    world.equal(world.names(), [], "what is left")


@case
def no_room(world):
    ended = world.do("region", "--create", "8000000G", f"file:{world.path}/region", code=3)
    world.has(ended.err, "region")
    world.equal(world.names(), [], "what is left")


@case
def wrong_use(world):
    world.has(world.do("region", "--dump", "--load", "shm:/x", code=2).err, "--dump")
    world.has(world.do("region", "--create", "many", "shm:/x", code=2).err, "a size")
    world.has(world.do("region", "unix:/x", code=2).err, "unix", "region")
    world.has(world.do("recv", "shm:/x", code=2).err, "shm", "channel")
    world.has(world.do("region", "shm:x", code=2).err, "shm:/name")
    world.has(world.do("region", "--create", "4K", "sysvshm:five", code=2).err, "0xKEY")


@case
def temporary(world):
    uri = f"{name(world, 'file')}?temp=yes"
    world.do("region", "--create", "4K", uri)
    world.equal(world.names(), [], "what is left")


if __name__ == "__main__":
    sys.exit(main())
