#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""sinew stat: members, lanes, who lives and who is dead, the same for people; and words."""

import json
import os
import signal
import subprocess
import sys
import time

from golden import case, each, main


def look(world, uri):
    return json.loads(world.do("stat", "--json", uri).out)


@case
def what_waits(world):
    uri = f"ring:file:{world.path}/ring"
    world.do("send", "-o", "pattern=queue", uri, stdin=b"one\ntwo\nthree\n")
    seen = look(world, uri)
    world.equal(seen["pattern"], "queue", "pattern")
    world.equal(seen["deaths"], "redeliver", "deaths")
    world.equal([(m["does"], m["state"]) for m in seen["members"]], [("writes", "left")], "members")
    lane = seen["lanes"][0]
    world.equal([lane[k] for k in ("depth", "depth_bytes", "sent", "received", "has_writer")],
                [3, 11, 3, 0, False], "lane")
    world.do("recv", "-n", "2", uri)
    lane = look(world, uri)["lanes"][0]
    world.equal([lane["depth"], lane["received"]], [1, 2], "after two")
    world.equal(b"pattern queue, 8 lanes of 2M" in world.do("stat", uri).out, True, "in words")
    world.do("rm", uri)


@case
def who_lives(world):
    uri = f"ring:file:{world.path}/ring?pattern=queue"
    reader = world.sinew("recv", uri)
    world.until(lambda: os.path.exists(f"{world.path}/ring") and look(world, uri)["members"],
                "a member")
    member = look(world, uri)["members"][0]
    world.equal([member["pid"], member["state"], member["does"]],
                [reader.pid, "lives", "reads"], "alive")
    os.kill(reader.pid, signal.SIGSTOP)
    world.equal(look(world, uri)["members"][0]["state"], "lives", "stopped")
    os.kill(reader.pid, signal.SIGKILL)
    reader.end()
    world.equal(look(world, uri)["members"][0]["state"], "dead", "killed")
    world.do("rm", uri)


@each(backing=["file", "memfd"])
def who_awaits_what(world, backing):
    uri = f"ring:{backing}:{world.path}/ring?pattern=queue&size=4K"
    reader = world.sinew("recv", uri)

    def member(does):
        found = [m for m in look(world, uri)["members"] if m["does"] == does]
        return found[0] if found else {"awaits": "nobody yet"}
    world.until(lambda: os.path.exists(f"{world.path}/ring")
                and member("reads")["awaits"] == "messages", "the reader sleeps")
    world.equal(member("reads")["slept_for_messages"] >= 1, True, "it slept")
    if backing == "memfd":  # who made it has to answer
        reader.signal(signal.SIGINT)
    else:
        os.kill(reader.pid, signal.SIGSTOP)
        sender = world.sinew("send", uri, stdin=subprocess.PIPE)
        world.feed(sender, b"x" * 1000 + b"\n")
        for _ in range(8):
            world.feed(sender, b"x" * 1000 + b"\n")
        world.until(lambda: member("writes")["awaits"] == "room", "the sender sleeps")
        world.equal(member("writes")["slept_for_room"] >= 1, True, "it slept")
        world.has(world.do("stat", uri).out, "room")
        sender.signal(signal.SIGKILL)
        sender.end()
        os.kill(reader.pid, signal.SIGKILL)
    reader.end()
    if backing == "file":
        world.equal([m["awaits"] for m in look(world, uri)["members"]], [None, None], "the dead")
        world.do("rm", uri)


@each(kind=["ring:shm:/{}", "ring:memfd:{}", "ring:memfd:{}?serve=thread"])
def looking_ends_nothing(world, kind):
    """Nor does a third one who comes, is refused and goes; but a death does."""
    shm = kind.startswith("ring:shm")
    uri = kind.format(os.path.basename(world.path) if shm else f"{world.path}/ring")
    receiver = world.sinew("recv", uri)
    sender = world.sinew("send", uri, stdin=subprocess.PIPE)
    world.feed(sender, b"one\n")
    world.until(lambda: receiver.now().out == b"one\n", "the first message")
    world.equal([m["state"] for m in look(world, uri)["members"]], ["lives"] * 2, "members")
    world.has(world.do("recv", uri, code=1).err, "both ends of this pair are taken")
    receiver.blocked()
    world.feed(sender, b"two\n")
    world.until(lambda: receiver.now().out == b"one\ntwo\n", "the second message")
    sender.signal(signal.SIGKILL)
    sender.end()
    ended = receiver.end()
    world.equal((ended.code, ended.out), (0, b"one\ntwo\n"), "receiver")
    if shm:
        world.do("rm", uri)


@case
def of_no_ring(world):
    done = world.do("stat", f"unix:{world.path}/socket", code=2)
    world.equal(b"is no ring" in done.err, True, done.err)
    with open(f"{world.path}/file", "wb") as f:
        f.write(bytes(8192))
    done = world.do("stat", f"ring:file:{world.path}/file", code=1)
    world.equal(b"is no ring" in done.err, True, done.err)
    os.unlink(f"{world.path}/file")
    begun = time.monotonic()
    done = world.do("stat", f"ring:file:{world.path}/file", code=1)
    world.equal(b"there is no such ring" in done.err, True, done.err)
    world.check(time.monotonic() - begun < 4, "waited for what nobody makes")


sys.exit(main())
