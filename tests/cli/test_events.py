#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""sinew wait, post and lock."""

import json
import os
import pathlib
import signal
import time

from golden import case, each, lines, main

KEY = 0x53000000 | os.getpid()


def name(world):
    """A semaphore of this case's own; it is gone at the end of it."""
    return f"sem:/sinew-golden-{os.getpid()}-{world.path.name}"


def blocks(pid, number):
    """Whether that process blocks the signal: only then may it be posted."""
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    mask = int(status.split("SigBlk:\t")[1].split()[0], 16)
    return mask >> (number - 1) & 1


def waiter(world, sig, number, *options):
    process = world.sinew("wait", *options, f"signal:self?sig={sig}")
    world.until(lambda: blocks(process.pid, number), "it waits for the signal")
    return process


# ---- wait and post ----

@case
def one_post_ends_one_wait(world):
    uri = name(world)
    process = world.sinew("wait", uri)
    world.do("post", uri)
    world.equal(process.end().out, b"1\n", "output")
    world.do("rm", uri)


@case
def counts(world):
    """-n of both; what was not waited for stays."""
    uri = name(world)
    world.do("post", "-n", "3", uri)
    world.equal(world.do("wait", "-n", "2", uri).out, b"1\n1\n", "two")
    world.equal(world.do("wait", "--timeout", "5s", uri).out, b"1\n", "the third")
    world.has(world.do("wait", "--timeout", "10ms", uri, code=124).err, "not within 10")
    world.equal(world.do("wait", "-n", "0", uri).out, b"", "none")
    world.do("rm", uri)
    world.do("rm", uri, code=1)


@case
def a_word_and_its_sender(world):
    number = signal.SIGRTMIN + 2
    process = waiter(world, "RTMIN+2", number, "-n", "3")
    senders = []
    for value in ("7", "0xffffffffffffffff", "0"):
        sender = world.sinew("post", f"signal:{process.pid}?sig=RTMIN+2", value)
        senders.append(sender.pid)
        world.equal(sender.end().code, 0, "exit code")
    uid = os.getuid()
    world.equal(process.end().out.decode().splitlines(),
                [f"{value} pid {pid} uid {uid}" for value, pid in
                 zip((7, (1 << 64) - 1, 0), senders)], "output")


@case
def json_of_events(world):
    process = waiter(world, "USR1", signal.SIGUSR1, "--json", "-n", "2")
    os.kill(process.pid, signal.SIGUSR1)
    world.until(lambda: process.out.count(b"\n") == 1, "the first is printed")
    world.do("post", f"signal:{process.pid}?sig=SIGUSR1", "5")
    first, second = lines(process.end().out)
    world.equal((first["value"], first["sender"]),
                (0, {"pid": os.getpid(), "uid": os.getuid(), "vouched": True}), "of kill")
    world.equal((second["value"], second["sender"]["vouched"]), (5, False), "of post")
    world.check(abs(second["time"] - time.time()) < 60, "time")
    uri = name(world)
    world.do("post", uri)
    world.equal(lines(world.do("wait", "--json", uri).out)[0]["sender"], None, "of a semaphore")
    world.do("rm", uri)


@each(uri=["sem", "sysvsem", "signal"])
def ctrl_c(world, uri):
    place = {"sem": name(world), "sysvsem": f"sysvsem:{KEY}", "signal": "signal:self?sig=USR1"}[uri]
    process = world.sinew("wait", place)
    process.blocked()
    process.signal(signal.SIGINT)
    ended = process.end()
    world.equal((ended.code, ended.out, ended.err), (130, b"", b""), "end")
    if uri != "signal":
        world.do("rm", place)


@case
def what_cannot_be(world):
    world.has(world.do("post", name(world), "many", code=2).err, "many", "64 bits")
    world.has(world.do("post", name(world), "0x10000000000000000", code=2).err, "64 bits")
    world.has(world.do("post", name(world), "2", code=2).err, "more than a post can carry")
    world.do("rm", name(world))
    world.has(world.do("post", "signal:4194304", code=1).err, "no such process")
    world.has(world.do("wait", f"signal:{os.getpid()}", code=2).err, "signal:self")
    world.has(world.do("wait", "unix:/x", code=2).err, "kind of channel, not of event")
    world.has(world.do("recv", "sem:/x", code=2).err, "kind of event, not of channel")
    world.has(world.do("wait", "signal:self?sig=KILL", code=2).err, "SIGKILL")
    world.has(world.do("rm", "eventfd:", code=2).err, "leaves nothing")


# ---- lock ----

LOCKS = ["sysvsem", "file"]


def place_of(world, kind):
    return f"sysvsem:{KEY}" if kind == "sysvsem" else f"file:{world.path}/a lock%25"


def clean(world, kind):
    if kind == "sysvsem":
        world.do("rm", place_of(world, kind))
    else:
        world.check((world.path / "a lock%").read_bytes() == b"", "the file stays, empty")
        (world.path / "a lock%").unlink()


@each(kind=LOCKS)
def the_commands_exit_code(world, kind):
    lock = place_of(world, kind)
    world.equal(world.do("lock", lock, "--", "sh", "-c", "echo $0 $1; exit 7", "a b", "c", code=7).out,
                b"a b c\n", "output")
    world.do("lock", lock, "--", "sh", "-c", "kill -TERM $$", code=-15)
    world.has(world.do("lock", lock, "--", "./no-such-program", code=127).err, "no-such-program")
    world.do("lock", lock, "--", str(world.path), code=126)
    world.do("lock", "--timeout", "5s", lock, "--", "true")
    clean(world, kind)


@each(kind=LOCKS)
def one_at_a_time(world, kind):
    """Twenty who read, wait and write: without the lock some writes would be lost."""
    total = world.path / "total"
    total.write_text("0")
    script = 'n=$(cat total); sleep 0.01; echo $((n + 1)) >total'
    running = [world.sinew("lock", place_of(world, kind), "--", "sh", "-c", script)
               for _ in range(20)]
    for process in running:
        world.equal(process.end().code, 0, "exit code")
    world.equal(total.read_text(), "20\n", "total")
    total.unlink()
    clean(world, kind)


@each(kind=LOCKS)
def a_time_limit(world, kind):
    lock = place_of(world, kind)
    holder = world.sinew("lock", lock, "--", "sh", "-c", "echo held; exec sleep 100")
    world.until(lambda: holder.out == b"held\n", "it is held")
    begin = time.monotonic()
    ended = world.do("lock", "--timeout", "100ms", lock, "--", "touch", "ran", code=124)
    world.check(time.monotonic() - begin >= 0.1, "not early")
    world.has(ended.err, "not within 100")
    waiting = world.sinew("lock", lock, "--", "touch", "ran")
    waiting.blocked()
    waiting.signal(signal.SIGINT)
    world.equal(waiting.end().code, 130, "Ctrl-C")
    world.check(not (world.path / "ran").exists(), "nothing ran without the lock")
    holder.signal(signal.SIGKILL)
    world.equal(holder.end().code, -9, "the holder's end")
    world.do("lock", "--timeout", "10s", lock, "--", "true")
    clean(world, kind)


@case
def a_lock_file_that_is_removed(world):
    """Who waited for the old file locks the one that has the name now, with all others."""
    lock = f"file:{world.path}/l"
    holder = world.sinew("lock", lock, "--", "sh", "-c", "echo held; exec sleep 100")
    world.until(lambda: holder.out == b"held\n", "it is held")
    waiting = world.sinew("lock", lock, "--", "sh", "-c", "echo next; exec sleep 100")
    waiting.blocked()
    (world.path / "l").unlink()
    newcomer = world.sinew("lock", lock, "--", "sh", "-c", "echo new; exec sleep 100")
    world.until(lambda: newcomer.out == b"new\n", "the new file is locked")
    holder.signal(signal.SIGKILL)
    holder.end()
    waiting.blocked()
    world.equal(waiting.out, b"", "it waits on")
    newcomer.signal(signal.SIGKILL)
    newcomer.end()
    world.until(lambda: waiting.out == b"next\n", "its turn")
    waiting.signal(signal.SIGKILL)
    waiting.end()
    (world.path / "l").unlink()


@each(kind=LOCKS)
def a_killed_holder(world, kind):
    """The process that holds the lock is the command: whoever gets the lock next finds it dead."""
    lock = place_of(world, kind)
    for _ in range(10):
        holder = world.sinew("lock", lock, "--", "sh", "-c", "echo $$; exec sleep 100")
        world.until(lambda: holder.out.endswith(b"\n"), "it is held")
        world.equal(int(holder.out), holder.pid, "the command is the holder")
        # PF_EXITING, 4, in the flags of the kernel: it runs no instruction of its program any more.
        successor = world.sinew("lock", lock, "--", "awk", "{exit int($9 / 4) % 2 == 0}",
                                f"/proc/{holder.pid}/stat")
        successor.blocked()
        holder.signal(signal.SIGKILL)
        world.equal(successor.end().code, 0, "the holder was dead")
        holder.end()
    clean(world, kind)


@case
def the_options_of_a_lock_file(world):
    """They are read as the library reads them, wherever they stand."""
    path = world.path / "a?b&c=d%"
    uri = f"file:{world.path}/a%3fb%26c=d%25"
    for mode in ("602", "466"):
        world.shell(f"umask 077; exec $SINEW lock '{uri}?mode={mode}&trust=yes' -- sh -c umask", code=0)
        world.equal(oct(path.stat().st_mode & 0o777), f"0o{mode}", "mode, whatever the umask")
        path.unlink()
    world.equal(world.shell(f"umask 027; $SINEW lock '{uri}' -- sh -c umask", code=0).out, b"0027\n",
                "the command's umask")
    world.equal(oct(path.stat().st_mode & 0o777), "0o640", "without mode= what the umask leaves")
    world.do("lock", "-o", "create=no", "-o", "mo%64e=600", uri, "--", "true")
    path.unlink()


@case
def a_lock_file_that_others_make(world):
    """With create=no one waits for it, and makes nothing."""
    uri = f"file:{world.path}/l"
    ended = world.do("lock", "--timeout", "50ms", f"{uri}?create=no", "--", "touch", "ran", code=124)
    world.has(ended.err, "not within 50")
    waiting = world.sinew("lock", f"{uri}?create=no", "--", "echo", "alone")
    waiting.blocked()
    world.check(not (world.path / "l").exists(), "it makes none")
    world.do("lock", uri, "--", "true")
    world.equal(waiting.end().out, b"alone\n", "its turn")
    (world.path / "l").unlink()
    waiting = world.sinew("lock", f"{uri}?create=no", "--", "touch", "ran")
    waiting.blocked()
    waiting.signal(signal.SIGINT)
    world.equal(waiting.end().code, 130, "Ctrl-C")
    world.check(not (world.path / "ran").exists(), "nothing ran")


@case
def options_that_a_lock_file_does_not_have(world):
    uri = f"file:{world.path}/l"
    for option, words in (("colour=red", ("unknown option", "trust", "mode")),
                          ("mode=999", ("mode=999", "octal")), ("create=maybe", ("yes|no",)),
                          ("create", ("key=value",)), ("temp=yes", ("temp=yes", "nobody")),
                          ("huge=2M", ("unknown option",))):
        world.has(world.do("lock", f"{uri}?{option}", "--", "touch", "ran", code=2).err, *words)
    world.has(world.do("lock", f"{uri}%0", "--", "touch", "ran", code=2).err, "%25")
    world.has(world.do("lock", f"{uri}{'x' * 300}", "--", "touch", "ran", code=2).err, "too long")
    world.check(not list(world.path.iterdir()), "nothing ran, nothing was made")


@case
def what_is_no_lock(world):
    for uri in (name(world), "eventfd:", "signal:self", f"sysvsem:{KEY}?undo=no"):
        world.has(world.do("lock", uri, "--", "touch", "ran", code=2).err, "given back")
    world.has(world.do("lock", "file:", "--", "touch", "ran", code=2).err, "file:/path")
    world.has(world.do("lock", f"file:{world.path}", "--", "touch", "ran", code=1).err, "directory")
    os.mkfifo(world.path / "fifo")
    world.has(world.do("lock", f"file:{world.path}/fifo", "--", "touch", "ran", code=1).err,
              "not a file")
    (world.path / "fifo").unlink()
    world.check(not (world.path / "ran").exists(), "nothing ran")
    world.do("lock", f"sysvsem:{KEY}", code=2)


@case
def the_command_finds_signals_as_they_were(world):
    """SIGPIPE ends it as it would without us."""
    ended = world.shell('$SINEW lock "file:$PWD/l" -- grep -E "Sig(Blk|Ign|Cgt)" /proc/self/status; '
                        'grep -E "Sig(Blk|Ign|Cgt)" /proc/self/status; rm l')
    rows = ended.out.decode().splitlines()
    world.equal(rows[:3], rows[3:], "masks")
    world.check(len(rows) == 6, f"{ended}")


main()
