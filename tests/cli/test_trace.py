#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""sinew trace over real processes: what it says is held against what tests/trace_scene.c knows of itself,
against the kernel's own counts, and against itself. What needs no kernel tracing runs everywhere.
"""

import contextlib
import json
import os
import pathlib
import signal
import subprocess
import sys

from golden import SINEW, FACTOR, Failure, Skip, case, each, main

SCENE = os.environ["TRACE_SCENE"]
POLLS = {"7", "73", "271"}  # poll or ppoll, by machine
MS = 1_000_000
LIMIT = 20 * FACTOR


def why_not(tier):
    """Why it cannot be traced in this way here, in the command's own words; empty if it can."""
    ended = subprocess.run([SINEW, "trace", "-q", "--tier", tier, "--", "true"],
                           capture_output=True, check=False)
    return ended.stderr.decode().strip() if ended.returncode else ""


WHY_NOT = why_not("A")


def needs_tracing():
    """What this build or this machine lacks; that the kernel refuses our program is a failure."""
    if any(lack in WHY_NOT for lack in ("built without", "CAP_BPF", "has no BPF", "/sys/kernel/btf")):
        raise Skip(WHY_NOT)
    if WHY_NOT:
        raise Failure(WHY_NOT)


def trace(world, *what, code=0):
    """The recording of a command, as sinew report --json tells it, and the command's own words."""
    needs_tracing()
    kept = world.hidden / "recording"
    ended = world.do("trace", "-q", "--tier", "A", "-o", kept, *what, code=code, limit=LIMIT)
    told = json.loads(world.do("report", "--json", kept).out)
    world.equal(told["complete"], True, "complete")
    world.equal(told["tier"], "A", "tier")
    return told, ended.out


def scene(world, *words):
    told, out = trace(world, "--", SCENE, *words)
    truths = [json.loads(line) for line in out.splitlines()]
    return told, truths[0] if len(truths) == 1 else truths


def process(told, pid):
    found, = (p for p in told["processes"] if p["pid"] == pid)
    return found


def threads(told):
    return [thread for p in told["processes"] for thread in p["threads"]]


def preempted(told, pid, by):
    """How often which reason let `by` take over from `pid`."""
    return {row["why"]: row["count"] for row in told["preemptions"]
            if row["pid"] == pid and row["next"] == by}


def dominant(counts):
    return max(counts, key=counts.get) if counts else None


# ---- the cause of each transition ----

@case
def two_busy_processes_take_turns_by_slices(world):
    told, truth = scene(world, "slice")
    for a, b in ("first", "second"), ("second", "first"):
        world.equal(dominant(preempted(told, truth[a], truth[b])), "slice", "why")
        world.check(process(told, truth[a])["transitions"]["slice"] >= 10, "too few slices")


@case
def one_that_wakes_takes_over_from_a_busy_one(world):
    told, truth = scene(world, "woken")
    counts = preempted(told, truth["first"], truth["second"])
    world.equal(dominant(counts), "woken", f"why, of {counts}")
    world.check(counts["woken"] >= 3, f"too few: {counts}")
    rows = [row for row in told["blocked"] if row["pid"] == truth["second"]
            and row["call"] == "clock_nanosleep"]
    world.equal({(row["context"], row["waker"]) for row in rows if not row["wakeup_unseen"]},
                {("timer", None)}, "who woke it")
    world.equal(sum(row["count"] for row in rows), truth["naps"], "naps")


@case
def a_higher_class_takes_over(world):
    told, truth = scene(world, "class")
    counts = preempted(told, truth["first"], truth["second"])
    world.equal(dominant(counts), "class", f"why, of {counts}")
    world.check(counts["class"] >= 3, f"too few: {counts}")
    world.equal(preempted(told, truth["second"], truth["first"]), {}, "the other way")


@case
def who_yields_is_told_to(world):
    told, truth = scene(world, "yield")
    for a, b in ("first", "second"), ("second", "first"):
        world.equal(dominant(preempted(told, truth[a], truth[b])), "yield", "why")


@case
def who_reads_a_pipe_is_woken_by_the_writer(world):
    told, truth = scene(world, "pipe")
    rows = [row for row in told["blocked"] if row["pid"] == truth["reader"]
            and row["call"] == "read" and (row["object"] or "").startswith("pipe:[")]
    by_writer = [row for row in rows if row["waker"] == truth["writer"]]
    world.check(sum(row["count"] for row in by_writer) >= truth["messages"], by_writer)
    world.equal({row["context"] for row in by_writer}, {"task"}, "context")
    written = [row for row in by_writer if row["ended"].startswith("written by")]
    world.check(sum(row["count"] for row in written) >= truth["messages"], written)
    text = world.do("report", world.hidden / "recording").out.decode()
    text = " ".join(text.split())
    world.has(text, f"read on {rows[0]['object']}, written by {truth['writer']} ")


@case
def a_socket_is_called_by_its_name(world):
    told, truth = scene(world, "unix", "here.sock")
    rows = [row for row in told["blocked"] if row["pid"] == truth["reader"]
            and row["call"] == "recvfrom"]
    world.equal({row["object"] for row in rows}, {"unix:here.sock"}, "object")
    text = world.do("report", world.hidden / "recording").out.decode()
    world.has(" ".join(text.split()), "receive on unix:here.sock (empty), ")
    sent = sum(row["count"] for row in rows if row["waker"] == truth["writer"])
    world.check(sent >= truth["messages"], rows)


@case
def a_channel_is_called_by_its_name(world):
    """Not by the private one under which it was made."""
    needs_tracing()
    uri = f"unix:{world.path}/a.sock"
    receiver = world.sinew("recv", "-q", uri, stdout=subprocess.DEVNULL)
    world.appears("a.sock")
    receiver.blocked()
    receiver.signal(signal.SIGSTOP)
    (world.hidden / "big").write_bytes((b"x" * 999 + b"\n") * 100000)
    kept = world.hidden / "recording"
    tracer = world.sinew("trace", "-q", "-o", kept, "--", SINEW, "send", "-q", uri,
                         world.hidden / "big")
    sender = world.until(lambda: children(tracer.pid), "a sender")[0]
    world.until(lambda: pathlib.Path(f"/proc/{sender}/syscall").read_text().split()[0] in POLLS,
                "it finds no room")
    receiver.signal(signal.SIGCONT)
    world.equal([tracer.end().code, receiver.end().code], [0, 0], "exit codes")
    told = json.loads(world.do("report", "--json", kept).out)
    world.equal({row["object"] for row in told["blocked"]
                 if (row["object"] or "").startswith("unix:")}, {uri}, "object")


def children(pid):
    return pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


@case
def a_ring_is_called_by_its_name(world):
    """Not the futex in it."""
    needs_tracing()
    uri = f"ring:shm:/sinew-trace-{os.getpid()}"
    reader = world.sinew("recv", f"{uri}?wait=power")
    world.until(lambda: os.path.exists(f"/dev/shm/{uri.rpartition('/')[2]}"), "a ring")
    reader.blocked()
    ended = world.do("trace", "--json", "-d", "300ms", "-p", reader.pid)
    reader.signal(signal.SIGKILL)
    reader.end()
    world.do("rm", uri)
    rows = [row for row in json.loads(ended.out)["blocked"] if row["pid"] == reader.pid]
    world.equal({row["object"] for row in rows}, {uri}, "object")


def attached(world, tracer):
    """Wait until it traces: it has made the set in which it polls, which it does last, and sleeps."""
    def polls():
        for fd in os.scandir(f"/proc/{tracer.pid}/fd"):
            with contextlib.suppress(FileNotFoundError):
                if "eventpoll" in os.readlink(fd.path):
                    return True
        return tracer.process.poll() is not None
    world.until(polls, "programs")
    world.until(lambda: pathlib.Path(f"/proc/{tracer.pid}/syscall").read_text().split()[0] in POLLS,
                "it polls")


@case
def a_set_is_called_by_what_is_in_it(world):
    """Where it waits since it is followed; the wait of before is seen from outside."""
    needs_tracing()
    uri = f"unix:{world.hidden}/socket"
    reader = world.sinew("recv", "-o", "keep-open=1", uri)
    reader.blocked()
    tracer = world.sinew("trace", "--json", "-p", reader.pid)
    attached(world, tracer)
    for _ in range(2):
        world.do("send", "--data", "hello", uri)
        reader.blocked()
    tracer.signal(signal.SIGINT)
    ended = tracer.end()
    reader.signal(signal.SIGKILL)
    reader.end()
    rows = [row for row in json.loads(ended.out)["blocked"] if row["pid"] == reader.pid]
    world.equal({row["object"] for row in rows} - {None}, {f"epoll of {uri}"}, "object")


@case
def notes_go_with_the_recording(world):
    needs_tracing()
    kept = world.hidden / "recording"
    ended = world.do("trace", "--note", "what it is for", "-o", kept, "--", "true")
    world.has(ended.err, "what it is for")
    told = json.loads(world.do("report", "--json", "--note", "and more", kept).out)
    world.equal([told["notes"], told["complete"]], [["what it is for", "and more"], True], "notes")


# ---- the other ways ----

TIERS = "ABCD"
TICK = 10 * MS  # the kernel's counts lag by as much


def needs_tier(tier):
    if tier == "A":
        needs_tracing()
    elif why := why_not(tier):
        raise Skip(why)


@each(tier=list(TIERS))
def all_ways_agree_on_what_they_share(world, tier):
    """The same scene, with the truth that it knows itself."""
    needs_tier(tier)
    kept = world.hidden / "recording"
    ended = world.do("trace", "-q", "--tier", tier, "-o", kept, "--", SCENE, "plain", limit=LIMIT)
    truth = json.loads(ended.out)
    told = json.loads(world.do("report", "--json", kept).out)
    world.equal([told["tier"], told["complete"], told["exit_code"]], [tier, True, 0], "recording")
    life = process(told, truth["pid"])
    thread, = life["threads"]
    time = life["time_ns"]
    world.equal(sum(thread["time_ns"].values()), thread["lifetime_ns"], "life")
    # What it did after it looked at its own clock, and around its birth and end, comes on top. What
    # the kernel did not show is told as such.
    world.check(truth["ran"] - TICK <= time["running"] + time["unseen"], f"{time} {truth}")
    world.check(time["running"] <= truth["ran"] + 2 * TICK, f"{time} {truth}")
    asleep = time["blocked"] + time["asleep"]
    world.check(truth["rested"] - 2 * TICK <= asleep, f"{time} {truth}")
    rows = {}
    for row in told["blocked"]:
        if row["pid"] == truth["pid"]:
            rows[row["call"], row["object"]] = rows.get((row["call"], row["object"]), 0) + row["time_ns"]
    world.equal(dominant(rows), ("read", truth["pipe"]), f"of {rows}")
    world.check(rows["read", truth["pipe"]] >= truth["rested"] - 2 * TICK, rows)
    world.check(life["transitions"]["blocked"] >= 1, life["transitions"])
    world.equal(life["transitions"]["admitted"], 1, "admitted")
    world.check(time["terminated"] <= truth["gone"], f"{time} {truth}")
    end = thread["end"]
    first = next(t for t in process(told, told["target"])["threads"] if t["tid"] == told["target"])
    world.equal(first["end"]["code"], 0, "code of the command")
    if tier != "D":  # which sees the end when it looks the next time
        world.check(truth["zombie"] <= end["reaped_before_ns"] - end["off_cpu_at_ns"] + MS, f"{end} {truth}")
    world.equal(thread["end"]["reaper"], truth["parent"], "reaper")
    world.equal(thread["birth"]["maker"], truth["parent"], "maker")
    text = world.do("report", kept).out.decode()
    world.has(text, f"tier {tier}: ")


def by_tracefs(world, *words, code=0):
    needs_tier("B")
    kept = world.hidden / "recording"
    ended = world.do("trace", "-q", "--tier", "B", *words, code=code, limit=LIMIT)
    return json.loads(world.do("report", "--json", kept).out), json.loads(ended.out)


@case
def the_kernels_own_tracer_tells_causes_and_wakers(world):
    kept = world.hidden / "recording"
    told, truth = by_tracefs(world, "-o", kept, "--", SCENE, "class")
    counts = preempted(told, truth["first"], truth["second"])
    world.equal(dominant(counts), "class", f"why, of {counts}")
    told, truth = by_tracefs(world, "-o", kept, "--", SCENE, "pipe")
    rows = [row for row in told["blocked"] if row["pid"] == truth["reader"]
            and row["waker"] == truth["writer"]]
    world.check(sum(row["count"] for row in rows) >= truth["messages"], told["blocked"])
    world.equal({row["context"] for row in rows}, {"task"}, "context")
    world.equal({row["call"] for row in rows} - {"read", "unknown call"}, set(), "calls")


@each(tier=["B", "C"])
def loss_is_counted_in_the_other_ways(world, tier):
    """4 KiB have room for less than comes between two readings, even of who is to be followed."""
    needs_tier(tier)
    kept = world.hidden / "recording"
    world.do("trace", "-q", "--buffer", "4K", "--tier", tier, "-o", kept, "--", SCENE, "storm", limit=LIMIT)
    told = json.loads(world.do("report", "--json", kept).out)
    world.check(told["evidence"]["lost"] > 0, told["evidence"])
    world.check(any("lost" in doubt for doubt in told["doubts"]), told["doubts"])
    for thread in threads(told):
        world.equal(sum(thread["time_ns"].values()), thread["lifetime_ns"], "life")
    world.check(told["total"]["time_ns"]["unseen"] > 0, "no time is unseen")


@each(tier=["B", "C", "D"])
def a_socket_has_its_name_in_every_way(world, tier):
    needs_tier(tier)
    kept = world.hidden / "recording"
    ended = world.do("trace", "-q", "--tier", tier, "-o", kept, "--", SCENE, "unix", "here.sock", limit=LIMIT)
    truth = json.loads(ended.out)
    told = json.loads(world.do("report", "--json", kept).out)
    world.equal({row["object"] for row in told["blocked"] if row["pid"] == truth["reader"]
                 and row["call"] == "recvfrom"}, {"unix:here.sock"}, "object")


@case
def a_command_of_ones_own_needs_no_right(world):
    """By perf events, or by looks where they are not allowed."""
    ended = world.do("trace", "--json", "--", "sleep", "0.1",
                     preexec_fn=nobody if os.geteuid() == 0 else None)
    told = json.loads(ended.err.decode().splitlines()[0])
    world.check(told["tier"] in ("C", "D") or os.geteuid() != 0, told["tier"])
    world.equal(told["complete"], True, "complete")
    rows = {row["call"]: row["time_ns"] for row in told["blocked"]}
    world.check(rows.get("clock_nanosleep", 0) > 50 * MS, rows)


@case
def looks_tell_nothing_that_they_cannot_see(world):
    kept = world.hidden / "recording"
    world.do("trace", "-q", "--tier", "D", "-o", kept, "--", SCENE, "slice", limit=LIMIT)
    told = json.loads(world.do("report", "--json", kept).out)
    moves = told["total"]["transitions"]
    world.equal([moves[why] for why in ("slice", "woken", "class", "yield")], [0] * 4, "reasons")
    world.check(moves["other"] >= 10, f"too few: {moves}")
    world.equal({row["waker"] for row in told["blocked"]}, {None}, "wakers")
    world.equal(told["preemptions"], [], "preemptions")
    for words in "looks now and then", "Who woke whom was not recorded", "Why a running thread":
        world.check(any(words in doubt for doubt in told["doubts"]), f"{words}: {told['doubts']}")


@case
def looks_see_processes_of_others(world):
    """As nobody: what it sleeps in is hidden, and said to be unknown."""
    busy = world.start("sh", "-c", "while :; do :; done")
    asleep = world.start("sleep", "1000")
    asleep.blocked()
    ended = world.do("trace", "--json", "--tier", "D", "-d", "200ms", "-p", f"{busy.pid},{asleep.pid}",
                     preexec_fn=nobody if os.geteuid() == 0 else None)
    for process_ in busy, asleep:
        process_.signal(signal.SIGKILL)
        process_.end()
    told = json.loads(ended.out)
    time = process(told, busy.pid)["time_ns"]
    world.check(time["running"] + time["ready"] > time["blocked"], time)
    thread, = process(told, asleep.pid)["threads"]
    world.check(0 < thread["lifetime_ns"] <= thread["time_ns"]["blocked"] + MS, thread)
    world.equal(thread["state"], "blocked", "state")
    if os.geteuid() == 0:
        world.equal({(row["call"], row["object"]) for row in told["blocked"]
                     if row["pid"] == asleep.pid}, {("unknown call", None)}, "what it sleeps in")


def nobody():
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)


# ---- lives ----

@case
def a_zombie_is_one_until_it_is_reaped(world):
    told, truth = scene(world, "zombie")
    life = process(told, truth["pid"])["time_ns"]["terminated"]
    world.check(truth["least"] - 5 * MS <= life <= truth["most"] + 5 * MS, f"{life} of {truth}")
    thread, = process(told, truth["pid"])["threads"]
    world.equal(thread["end"]["reaper"], truth["parent"], "reaper")
    world.equal(thread["end"]["code"], 3 << 8, "exit code")


@case
def every_life_is_the_sum_of_its_states(world):
    told, truth = scene(world, "lives")
    parent = process(told, told["target"])
    world.equal(len(parent["threads"]), 1 + truth["threads"], "threads")
    traced = [p for p in told["processes"] if p["thread_count"]]
    # A sanitizer makes one more at the end.
    world.check(len(traced) - 1 - truth["children"] in (0, 1), "processes")
    for thread in threads(told):
        world.equal(sum(thread["time_ns"].values()), thread["lifetime_ns"], "life")
        # What the kernel did not show to its tracers is told as such.
        time = thread["time_ns"]
        world.check(time["running"] + time["unseen"] > 0, f"never ran: {thread}")
        for move in "admitted", "terminated":
            world.equal(thread["transitions"][move], 1, move)
    for one in told["processes"]:
        world.check(any(thread["end"]["reaper"] for thread in one["threads"]),
                    f"reaped by nobody: {one}")
    world.check(told["total"]["transitions"]["reaped"] >= 1 + truth["children"], "reaped")
    world.equal([told["evidence"][k] for k in ("lost", "gaps", "contradictions", "torn", "late")],
                [0] * 5, "evidence")


@case
def who_asks_all_the_time_reaps_nobody_too_soon(world):
    """A process whose first thread ended long ago ends with its last one, and is reaped after that."""
    told, truth = scene(world, "firsts")
    ended = [p for p in told["processes"] if len(p["threads"]) == 2]
    world.equal(len(ended), truth["children"], "processes")
    world.equal({p["threads"][0]["end"]["reaper"] for p in ended}, {told["target"]}, "reapers")
    world.equal(told["evidence"]["contradictions"], 0, "contradictions")


def taken_from_threads():
    """Time of interrupts and of the host, in ns, which the kernel does not count as a thread's."""
    with open("/proc/stat", encoding="ascii") as stat:
        _, _, _, _, _, _, irq, softirq, steal, *_ = stat.readline().split()
    return (int(irq) + int(softirq) + int(steal)) * 1000 * MS // os.sysconf("SC_CLK_TCK")


@case
def running_and_ready_are_what_the_kernel_counts(world):
    """/proc/PID/schedstat, within 2 % of the time that both had."""
    taken = taken_from_threads()
    told, truths = scene(world, "counted")
    taken = taken_from_threads() - taken
    for truth in truths:
        time = process(told, truth["pid"])["time_ns"]
        # After it has looked it may have to wait once more for its end. What the kernel did not show
        # to its tracers is told as such.
        share = (truth["ran"] + truth["waited"]) // 50 + MS + time["unseen"] + time["asleep"] + taken
        last = process(told, truth["pid"])["delay"]["longest_ns"]
        world.check(abs(time["running"] - truth["ran"]) <= share, f"running: {time} of {truth}")
        world.check(-share <= time["ready"] - truth["waited"] <= share + last, f"ready: {time} of {truth}")


@case
def running_and_idle_time_fill_each_cpu(world):
    told, _ = trace(world, "-a", "-d", "1s")
    world.check(told["duration_ns"] >= 1000 * MS, "too short")
    for cpu in told["cpus"]:
        known = cpu["running_ns"] + cpu["idle_ns"] + cpu["recorder_ns"] + cpu["unknown_ns"]
        # What ran before it was looked at is nobody's.
        least = told["duration_ns"] * 98 // 100 - told["seeding_ns"]
        world.check(least <= known <= told["duration_ns"] * 102 // 100, f"{told['duration_ns']}: {cpu}")
    world.equal({p["pid"] for p in told["processes"]} & {told["recorder"]}, set(), "the recorder")


# ---- what is lost is told ----

@case
def loss_is_counted(world):
    """4 KiB have room for thirty records, and there are forty thousand."""
    needs_tracing()
    kept = world.hidden / "recording"
    world.do("trace", "-q", "--buffer", "4K", "-o", kept, "--", SCENE, "storm", limit=LIMIT)
    told = json.loads(world.do("report", "--json", kept).out)
    world.check(told["evidence"]["lost"] > 0, "nothing was lost")
    # If all of the rest is lost, no number shows it: then the time until the end is unseen.
    world.check(any("lost" in doubt for doubt in told["doubts"]), told["doubts"])
    for thread in threads(told):
        world.equal(sum(thread["time_ns"].values()), thread["lifetime_ns"], "life")
    wanted = told["total"]["time_ns"]["unseen"]
    world.check(wanted > 0, "no time is unseen")


# ---- the command ----

@each(hostile=[("escape", b"\x1b[31mred"), ("newline", b"a\nb"), ("quote", b'q"\\'),
               ("turned", "\u202eabc".encode()), ("no-text", b"\xff\xfe")])
def a_hostile_name_harms_nobody(world, hostile):
    _, raw = hostile
    needs_tracing()
    kept = world.hidden / "recording"
    text = world.do("trace", "-o", kept, "--", "python3", "-c",
                    f"import ctypes; ctypes.CDLL(None).prctl(15, {raw!r}, 0, 0, 0)").err.decode()
    world.equal([c for c in text if c != "\n" and not c.isprintable()], [], "control characters")
    told = json.loads(world.do("report", "--json", kept).out)
    world.check(len({t["comm"] for t in threads(told)}) == 1, "one name")
    world.check("python3" not in threads(told)[0]["comm"], "the name was not seen")


@case
def the_exit_code_is_the_commands(world):
    needs_tracing()
    for script, code in ("exit 7", 7), ("kill -TERM $$", 143):
        world.do("trace", "-q", "--", "sh", "-c", script, code=code)
    world.has(world.do("trace", "-q", "--", "./not-there", code=127).err, "./not-there: ")
    (world.path / "plain").write_text("no program")
    world.has(world.do("trace", "-q", "--", "./plain", code=126).err, "./plain: ")
    (world.path / "plain").unlink()


@case
def standard_output_is_the_commands(world):
    needs_tracing()
    ended = world.do("trace", "--", "echo", "hello")
    world.equal(ended.out, b"hello\n", "standard output")
    world.has(ended.err, "The model, with what was seen", "echo")


@case
def interrupted_it_tells_what_it_saw(world):
    needs_tracing()
    busy = world.start("sh", "-c", "while :; do :; done")
    kept = world.path / "kept"
    tracer = world.sinew("trace", "-p", busy.pid, "-o", kept)
    attached(world, tracer)
    tracer.signal(signal.SIGINT)
    ended = tracer.end()
    world.equal(ended.code, 130, "exit code")
    world.has(ended.out, f"{busy.pid} sh", "Time in each state")
    busy.signal(signal.SIGKILL)
    busy.end()
    told = json.loads(world.do("report", "--json", kept).out)
    world.equal([p["pid"] for p in told["processes"] if p["thread_count"]], [busy.pid], "traced")
    kept.unlink()


@case
def descendants_are_followed_and_others_are_not(world):
    needs_tracing()
    told, _ = trace(world, "--", "sh", "-c", "(sh -c 'true; true'; true); true")
    traced = [p for p in told["processes"] if p["thread_count"]]
    world.check(len(traced) >= 3, traced)
    world.equal({t["birth"]["maker"] for t in threads(told)} - {p["pid"] for p in traced},
                {told["recorder"]}, "makers")


@contextlib.contextmanager
def a_cgroup(world):
    root = world.hidden / "cgroup"
    root.mkdir()
    if world.run("mount", "-t", "cgroup2", "none", root).code:
        raise Skip("cgroup2 cannot be mounted")
    group = f"{root}/sinew-trace-{os.getpid()}"
    try:
        os.mkdir(group)
        yield group
    finally:
        world.until(lambda: not open(f"{group}/cgroup.procs", encoding="utf-8").read(), "empty")
        os.rmdir(group)
        world.run("umount", root, code=0)


@case
def a_cgroup_is_followed(world):
    needs_tracing()
    kept = world.hidden / "recording"
    with a_cgroup(world) as group:
        tracer = world.sinew("trace", "-q", "--cgroup", group, "-o", kept)
        attached(world, tracer)
        world.run("sh", "-c", f"echo $$ >{group}/cgroup.procs; true; sh -c 'true; true'", code=0)
        tracer.signal(signal.SIGINT)
        world.equal(tracer.end().code, 130, "exit code")
    told = json.loads(world.do("report", "--json", kept).out)
    world.check({t["comm"] for t in threads(told)} == {"sh"}, threads(told))


def steps(tracer):
    """How often it has slept between two looks."""
    status = pathlib.Path(f"/proc/{tracer.pid}/status").read_text()
    return int(status.split("\nvoluntary_ctxt_switches:")[1].split()[0])


@each(tier=["B", "D"])
def who_joins_a_cgroup_is_followed(world, tier):
    """No event tells of it: those who are there now are looked at again and again."""
    needs_tier(tier)
    kept = world.hidden / "recording"
    with a_cgroup(world) as group:
        tracer = world.sinew("trace", "-q", "--tier", tier, "--cgroup", group, "-o", kept)
        late = world.start("sh", "-c", "while :; do :; done")
        world.until(lambda: steps(tracer) > 20, "it looks")
        pathlib.Path(f"{group}/cgroup.procs").write_text(str(late.pid))
        seen = steps(tracer)
        world.until(lambda: steps(tracer) > seen + 100, "it looks again")
        tracer.signal(signal.SIGINT)
        world.equal(tracer.end().code, 130, "exit code")
        late.signal(signal.SIGKILL)
        late.end()
    told = json.loads(world.do("report", "--json", kept).out)
    world.equal([t["tid"] for t in threads(told)], [late.pid], "traced")
    world.check(threads(told)[0]["time_ns"]["running"] > 0, threads(told))


# ---- what cannot be ----

@case
def what_is_asked_for_must_be_clear(world):
    for words in [], ["-a", "-p", "1"], ["-a", "--", "true"]:
        world.has(world.do("trace", *words, code=2).err, "say what to trace")
    for words in ["-p", "x"], ["-p", "0"], ["-p", "1,"], ["-d", "0", "-a"], ["--buffer", "2G", "-a"], \
            ["--tier", "E", "-a"]:
        world.do("trace", *words, code=2)


@case
def without_rights_a_sentence_says_what_is_missing(world):
    """As nobody, if we are root; without anything else, if this build cannot trace at all."""
    drop = nobody if os.geteuid() == 0 else None
    ended = world.do("trace", "--tier", "A", "-a", code=3, preexec_fn=drop)
    world.check(b"CAP_BPF" in ended.err or b"built without" in ended.err, ended)
    world.equal(ended.out, b"", "standard output")
    told = json.loads(world.do("trace", "--json", "-a", "-d", "50ms", preexec_fn=drop).out)
    world.equal(told["tier"], "D", "tier")
    world.check(any(doubt.startswith("Not by BPF: ") for doubt in told["doubts"]), told["doubts"])


@case
def who_is_not_there_is_told(world):
    needs_tracing()
    gone = world.start("true")
    gone.end()
    world.has(world.do("trace", "-p", gone.pid, code=1).err, f"no process has the number {gone.pid}")
    world.has(world.do("trace", "--cgroup", "/not-there", code=1).err, "/not-there")
    world.has(world.do("trace", "--cgroup", world.path, code=1).err, "is not a directory of a cgroup2")


if __name__ == "__main__":
    sys.exit(main())
