#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""sinew ps: what it says of processes that are known to be in a state, for a reason; and how it says it."""

import contextlib
import ctypes
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import time

from golden import LIMIT, Failure, Skip, Terminal, case, each, lines, main

SITUATIONS = os.environ.get("SITUATIONS") or sys.exit("SITUATIONS= has to name the program")
NAMES = subprocess.run([SITUATIONS, "--list"], check=True, capture_output=True,
                       text=True).stdout.split()
STATES = ["new", "ready", "running", "blocked", "terminated"]
MOVING = ["busy", "crowded"]
BY_BPF_ALONE = ["new"]
KEYS = ["pid", "tid", "ppid", "uid", "comm", "kernel", "state", "cause", "call", "object", "others",
        "others_known", "since", "ran", "delay", "dispatches", "voluntary", "involuntary", "cpu",
        "wchan", "evidence"]


TIERS = ["A", "D"] if subprocess.run([os.environ["SINEW"], "ps", "--tier=A"], check=False,
                                     capture_output=True).returncode == 0 else ["D"]


def look(world, *arguments, **options):
    return lines(world.do("ps", "--json", *arguments, **options).out)


def thread(world, tid, *arguments, **options):
    return next(row for row in look(world, *arguments, **options) if row["tid"] == tid)


def play(world, name):
    """A process in that situation; the truth about it."""
    running = world.start(SITUATIONS, name, world.path, stdin=subprocess.PIPE)

    def told():
        if running.process.poll() == 77:
            raise Skip(running.now().err.decode().strip())
        if running.process.poll() is not None:
            raise Failure(f"no situation: {running.now()}")
        return running.out.endswith(b"\n")
    world.until(told, f"{name} is set up")
    return running, json.loads(running.out)


def finish(world, running):
    running.process.stdin.close()
    world.equal(running.end().code, 0, "the end of the situation")


def says_the_truth(world, truth, tier):
    seen = thread(world, truth["tid"], f"--tier={tier}", truth["pid"])
    for key in ("pid", "tid", "state", "cause", "call", "object"):
        world.equal(seen[key], truth[key], f"{key} in {seen}")
    world.equal([other["tid"] for other in seen["others"]], truth["others"], f"others in {seen}")
    world.equal(seen["comm"], "situations", "comm")
    evidence = {"A": "bpf_iter", "D": "proc_stat"}[tier]
    world.check(evidence in seen["evidence"] and "no_right" not in seen["evidence"],
                f"evidence {seen}")
    world.check(seen["call"] is None or {"bpf_iter", "proc_syscall"} & set(seen["evidence"]),
                f"evidence {seen}")
    world.check(seen["since"] is None or 0 <= seen["since"] < LIMIT, f"since {seen}")
    return seen


@each(situation=[name for name in NAMES if name not in MOVING + BY_BPF_ALONE])
def tells_the_truth(world, situation):
    """By all ways, and those tell the same."""
    running, truth = play(world, situation)
    seen = [says_the_truth(world, truth, tier) for tier in TIERS]
    for key in ("ppid", "uid", "kernel", "others_known", "ran", "delay", "dispatches",
                "voluntary", "involuntary", "wchan"):
        world.equal(len({row[key] for row in seen}), 1, f"{key} in {seen}")
    finish(world, running)


@case
def is_new(world):
    """The kernel has made it and lets it on no run queue. /proc cannot tell that from ready, and says so."""
    running, truth = play(world, "new")
    for tier in TIERS:
        if tier == "D":
            truth |= {"state": "ready", "cause": "waits for its first run"}
        says_the_truth(world, truth, tier)
    finish(world, running)


@contextlib.contextmanager
def keeps_a_cpu(tid):
    """Nobody takes its CPU from it, where we may say so; what looks at it has the others. Beside many others it
    had a CPU too seldom to be met on it."""
    everywhere = os.sched_getaffinity(0)
    others = everywhere - {max(everywhere)}
    with contextlib.suppress(PermissionError):
        if others:
            os.sched_setscheduler(tid, os.SCHED_FIFO, os.sched_param(1))
            os.sched_setaffinity(tid, everywhere - others)
            os.sched_setaffinity(0, others)
    try:
        yield
    finally:
        os.sched_setaffinity(0, everywhere)


@each(tier=TIERS)
def runs(world, tier):
    """It loses its CPU now and then, but it is never said to wait for anything else."""
    running, truth = play(world, "busy")

    def is_running():
        seen = thread(world, truth["tid"], f"--tier={tier}", truth["pid"])
        world.check(seen["state"] in ("ready", "running") and seen["call"] is None and
                    seen["cause"] in (None, "waits for a CPU"), f"{seen}")
        world.equal(seen["cause"] is None, seen["state"] == "running", "cause")
        return seen["state"] == "running"
    is_running()
    with keeps_a_cpu(truth["tid"]):
        world.until(is_running, "it is seen to run")
    finish(world, running)


@each(tier=TIERS)
def at_most_one_runs_on_a_cpu(world, tier):
    running, truth = play(world, "crowded")
    pair = {truth["pid"], truth["others"][0]}
    ready = set()

    def each_was_ready():
        rows = [row for row in look(world, f"--tier={tier}", *pair) if row["tid"] in pair]
        world.equal({row["state"] for row in rows} - {"ready", "running"}, set(), "states")
        world.equal(len({row["cpu"] for row in rows}), 1, "CPUs")
        states = [row["state"] for row in rows]
        world.check(states.count("running") <= 1, f"both run: {rows}")
        ready.update(row["tid"] for row in rows if row["state"] == "ready")
        world.check(all(row["cause"] == "waits for a CPU" for row in rows
                        if row["state"] == "ready"), f"{rows}")
        return ready == pair
    world.until(each_was_ready, "each of them is ready at times")
    finish(world, running)


@each(tier=TIERS)
def at_most_one_runs_on_each_cpu_of_all(world, tier):
    running, _ = play(world, "crowded")
    rows = look(world, f"--tier={tier}")
    cpus = [row["cpu"] for row in rows if row["state"] == "running"]
    world.equal(len(cpus), len(set(cpus)), f"on CPUs {cpus}")
    world.check("sinew" in [row["comm"] for row in rows if row["state"] == "running"],
                "the one that looks runs")
    finish(world, running)


@case
def since_when(world):
    """A process that stays blocked has been so for as long as it takes to look at it again. On one CPU: each
    has its own clock of what it gave to threads."""
    everywhere = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(everywhere)})
    try:
        running, truth = play(world, "pause")
        before = time.monotonic()
        first = thread(world, truth["tid"], truth["pid"])
        looks = []

        def later():
            looks.append(thread(world, truth["tid"], truth["pid"]))
            return looks[-1]["since"] - first["since"] >= 0.1
        world.until(later, "it is blocked for longer than before")
        second, passed = looks[-1], time.monotonic() - before
    finally:
        os.sched_setaffinity(0, everywhere)
    # The clock of who looks may be a tick old.
    world.check(second["since"] - first["since"] <= passed + 0.05,
                f"{first['since']}, {second['since']} within {passed}")
    world.equal([first[k] for k in ("voluntary", "dispatches", "ran")],
                [second[k] for k in ("voluntary", "dispatches", "ran")], "it did not move")
    finish(world, running)


# ---- all processes ----

@each(tier=TIERS)
def all_there_are(world, tier):
    rows = look(world, f"--tier={tier}")
    for row in rows:
        world.equal(sorted(row), sorted(KEYS), "keys")
        world.check(row["state"] in STATES, f"{row}")
        world.check(not (row["kernel"] and row["call"]), f"{row}")
    tids = [row["tid"] for row in rows]
    world.equal(len(tids), len(set(tids)), "each once")
    world.check({os.getpid(), 1} <= set(tids), "those that are known to be")
    me = next(row for row in rows if row["tid"] == os.getpid())
    world.equal((me["uid"], me["ppid"]), (os.getuid(), os.getppid()), "this test")


@case
def states_and_processes_are_chosen(world):
    running, truth = play(world, "join")
    pid = truth["pid"]
    world.equal(len(look(world, pid)), 2, "threads")
    world.equal([row["tid"] for row in look(world, "-P", pid)], [pid], "-P")
    world.equal(len(look(world, "--state", "blocked", pid)), 2, "blocked")
    world.equal(look(world, "-s", "running,ready,new,terminated", pid), [], "others")
    world.equal(len(look(world, pid, truth["others"][0], pid)), 2, "asked for twice")
    finish(world, running)


@case
def in_a_table(world):
    running, truth = play(world, "join")
    shown = world.do("ps", "-o", "tid,Call,object,+state", str(truth["pid"]), code=2)
    world.has(shown.err, "columns", "EVIDENCE")
    shown = world.do("ps", "-o", "tid,Call,object", truth["pid"]).out.decode()
    rows = [line.split(None, 2) for line in shown.splitlines()]
    world.equal([cell.strip() for cell in rows[0]], ["TID", "CALL", "OBJECT"], "heading")
    world.equal(rows[1], [str(truth["tid"]), "futex", truth["object"]], "row")
    world.check(shown.endswith("\n"), "a last newline")
    more = world.do("ps", "-o", "+ppid,EVIDENCE", truth["pid"]).out.decode()
    world.has(more.splitlines()[0], "PID", "COMM", "OTHER", "PPID", "EVIDENCE")
    world.check("proc_syscall" in more or "bpf_iter" in more, more)
    world.has(more, "situations")
    finish(world, running)


@case
def as_a_tree(world):
    running, truth = play(world, "join")
    shown = world.do("ps", "--tree", "-o", "TID,COMM,STATE").out.decode().splitlines()

    def depth(tid):
        row = next(line for line in shown if line.split()[0] == str(tid))
        return row.index("situations")
    order = [line.split()[0] for line in shown[1:]]
    family = [str(tid) for tid in (running.pid, truth["pid"], truth["others"][0])]
    world.equal([tid for tid in order if tid in family], family, "order")
    world.check(depth(family[0]) < depth(family[1]) < depth(family[2]), "indented")
    world.equal(len(order), len(set(order)), "each once")
    finish(world, running)


# ---- channels of its own ----

@each(uri=["ring:shm:/{name}", "ring:file:{path}/ring", "ring:memfd:{path}/ring",
           "unix:{path}/socket", "fifo:{path}/fifo", "mq:/{name}"])
def channels_have_their_names(world, uri):
    uri = uri.format(name=world.path.name, path=world.path)
    receiver = world.sinew("recv", uri)

    def waits():
        if receiver.process.poll() is not None:
            raise Failure(f"{receiver.now()}")
        row = thread(world, receiver.pid, receiver.pid)
        return uri in (row["object"] or "") and row["state"] == "blocked" and row
    row = world.until(waits, f"it waits in {uri}")
    if uri.startswith("ring:"):
        world.equal((row["cause"], row["object"]), ("waits for data", uri), "ring")
    receiver.signal(signal.SIGINT)
    receiver.end()
    if not uri.startswith(("unix:", "fifo:", "ring:memfd:")):
        world.do("rm", uri)


@each(tier=TIERS)
def who_connected_is_called_by_whom_it_reached(world, tier):
    """Also where the kernel gave it a name before (autobind), by which nobody looks for it."""
    script = ("import socket, sys; s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET); "
              "s.bind(''); s.connect(sys.argv[1]); s.recv(1)")
    path = f"{world.path}/here"
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
        listener.bind(path)
        listener.listen()
        client = world.start(sys.executable, "-c", script, path)
        peer, _ = listener.accept()
        world.until(lambda: thread(world, client.pid, "--tier", tier, client.pid)["object"] == f"unix:{path}",
                    "it waits for whom it reached")
        peer.send(b"x")
        world.equal(client.end().code, 0, "client")
        peer.close()
    os.unlink(path)


# ---- without rights, with hostile names, with processes that go ----

@case
def another_user(world):
    if os.getuid():
        raise Skip("becoming another user is for root alone")
    running, truth = play(world, "pipe_read")
    seen = thread(world, truth["tid"], truth["pid"], user=65534, group=65534, extra_groups=[])
    world.equal([seen[k] for k in ("state", "cause", "call", "object", "others_known")],
                ["blocked", "unknown", "unknown", "unknown", False], "seen")
    world.check("no_right" in seen["evidence"], f"{seen['evidence']}")
    world.check(seen["voluntary"] > 0 and seen["dispatches"] > 0 and seen["since"] is not None,
                f"what all may see: {seen}")
    finish(world, running)


@case
def what_is_missing_is_said(world):
    """By /proc alone, where BPF is not allowed: a sentence. Whoever asks for one way gets that or an error."""
    nobody = {"user": 65534, "group": 65534, "extra_groups": []} if os.getuid() == 0 else {}
    shown = world.do("ps", os.getpid(), **nobody)
    world.has(shown.err, "sinew: ps: by /proc alone: ")
    world.equal(shown.err.count(b"\n"), 1, "lines")
    world.equal(world.do("ps", "--tier=D", os.getpid(), **nobody).err, b"", "as was asked for")
    shown = world.do("ps", "--json", os.getpid(), **nobody)
    world.equal(shown.err, b"", "--json")
    world.check(all("bpf_iter" not in row["evidence"] for row in lines(shown.out)), "evidence")
    shown = world.do("ps", "--tier=A", os.getpid(), code=None, **nobody)
    world.check(shown.code in (2, 3) and shown.out == b"", f"--tier=A: {shown}")
    if TIERS[0] == "A" and nobody:
        world.has(shown.err, "CAP_BPF")
        world.equal(world.do("ps", os.getpid()).err, b"", "with all rights")


@each(tier=TIERS)
def in_a_pid_namespace(world, tier):
    """Only who is in it, by the numbers that it has there."""
    if world.run("unshare", "-pf", "--mount-proc", "true").code:
        raise Skip("PID namespaces are for root alone")
    shown = world.run("unshare", "-pf", "--mount-proc", os.environ["SINEW"], "ps", "--json",
                      f"--tier={tier}", code=0)
    rows = [(row["pid"], row["tid"], row["ppid"], row["comm"], row["state"])
            for row in lines(shown.out)]
    world.equal(rows, [(1, 1, 0, "sinew", "running")], "processes")
    if tier == "A":
        shown = world.run("unshare", "-pf", os.environ["SINEW"], "ps", "--tier=A", code=2)
        world.has(shown.err, "/proc is that of another PID namespace")


@case
def others_that_are_not_all(world):
    """Who may not look at all descriptors does not say that nobody else holds the other side."""
    if os.getuid():
        raise Skip("becoming another user is for root alone")
    os.chmod(world.path, 0o755)
    sleeper = world.start("sh", "-c", "exec cat", stdin=subprocess.PIPE, user=65534, group=65534,
                          extra_groups=[])

    def seen():
        return thread(world, sleeper.pid, sleeper.pid, user=65534, group=65534, extra_groups=[])
    world.until(lambda: seen()["call"] == "read", "cat reads")
    world.equal((seen()["object"][:5], seen()["others"], seen()["others_known"]),
                ("pipe:", [], False), "as that user")
    mine = thread(world, sleeper.pid, sleeper.pid)
    world.equal(([o["pid"] for o in mine["others"]], mine["others_known"]),
                ([os.getpid()], True), "as root")
    sleeper.process.stdin.close()
    sleeper.end()


@case
def who_reads_too_is_no_other_side(world):
    readable, writable = os.pipe()
    cats = [world.start("cat", stdin=readable) for _ in range(2)]
    os.close(readable)
    seen = world.until(lambda: (row := thread(world, cats[0].pid, cats[0].pid))["call"] == "read"
                       and row, "cat reads")
    world.equal([other["pid"] for other in seen["others"]], [os.getpid()], f"{seen}")
    os.close(writable)
    for cat in cats:
        cat.end()


HOSTILE = [b") R 1 1", b"\x1b[2J\x1b]0;x\a", b'"\\\xff\xfe', b"a\nState:\tZ", b"\n-----\nse.x",
           "\u202egnp.exe".encode()]


@each(name=[(f"name_{i}", name) for i, name in enumerate(HOSTILE)])
def hostile_names(world, name):
    script = world.path / "script"
    script.write_text("import ctypes, sys, time\n"
                      "ctypes.CDLL(None).prctl(15, bytes.fromhex(sys.argv[1]), 0, 0, 0)\n"
                      "print('named', flush=True)\nsys.stdin.read()\n")
    running = world.start(sys.executable, script, name[1].hex(), stdin=subprocess.PIPE)
    world.until(lambda: running.out, "it has its name")
    seen = world.until(lambda: (row := thread(world, running.pid, running.pid))["call"] == "read"
                       and row, "it reads")
    world.equal(seen["state"], "blocked", f"{seen}")
    shown = re.sub(r"\\x(..)", lambda m: chr(int(m[1], 16)), seen["comm"]).encode("utf-8")
    world.equal(seen["ppid"], os.getpid(), "ppid")
    world.check(seen["comm"].isprintable() and len(shown) >= 5, f"{seen['comm']!r}")
    terminal, code = Terminal(world, os.environ["SINEW"], "ps", running.pid).end()
    world.equal(code, 0, "exit code")
    world.equal(re.findall(rb"[\x00-\x09\x0b-\x1f\x7f\xff]", terminal), [], f"{terminal!r}")
    world.equal(terminal.count(b"\n"), 2, f"lines of {terminal!r}")
    running.process.stdin.close()
    running.end()
    script.unlink()


@case
def hostile_paths(world):
    path = str(world.path) + "/a\n\x1b[31m'\"\\"
    os.mkfifo(path)
    reader = world.start("cat", path)
    seen = world.until(lambda: (row := thread(world, reader.pid, reader.pid))["call"] == "openat"
                       and row, "it opens the fifo")
    world.equal(seen["object"], "fifo:" + str(world.path) + r"""/a\x0a\x1b[31m'"\x5c""", "object")
    reader.process.kill()
    reader.end()
    os.unlink(path)


@case
def processes_that_come_and_go(world):
    """A storm of short lives is never an error, nor a line that makes no sense."""
    storm = world.start("sh", "-c", "while :; do (:) & (:); wait; done")
    for _ in range(5):
        for row in look(world):
            world.check(row["state"] in STATES and row["comm"], f"{row}")
    storm.signal(signal.SIGKILL)
    storm.end()


@case
def one_that_is_not_there(world):
    ended = world.do("ps", 999999999, code=1)
    world.has(ended.err, "there is no process 999999999")
    world.equal(ended.out, b"", "output")


@each(words=[("letters", "x"), ("zero", "0"), ("negative", "-1"), ("huge", "99999999999999999999"),
             ("state", "--state=dead"),
             ("tier", "--tier=B"), ("columns", "-oNONE"), ("nothing", "-o,")])
def mistakes(world, words):
    ended = world.do("ps", words[1], code=2)
    world.check(ended.err.startswith(b"sinew: ") and ended.out == b"", f"{ended}")


sys.exit(main())
