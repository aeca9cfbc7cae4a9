#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""sinew bench: what it measures, in which form it says so, and how it ends."""

import json
import os
import pathlib
import re
import shutil
import signal
import sys

import jsonschema

from golden import BENCH_LIMIT, SINEW, Skip, Terminal, case, each, main

DOCS = pathlib.Path(__file__).resolve().parents[2] / "docs"
SCHEMA = json.loads((DOCS / "bench.schema.json").read_text(encoding="utf-8"))
SHORT = ["--quiet", "--duration", "2ms", "--repeat", "1"]
NAMES = ["pipe", "fifo", "unix-stream", "unix-seqpacket", "unix-dgram", "tcp", "udp", "mq", "msgq",
         "ring-shm", "ring-memfd", "ring-queue-shm", "ring-topic-shm", "ring-latest-shm",
         "signal", "sem", "sysvsem", "eventfd", "futex", "shm", "sysvshm", "file", "memfd"]


def measure(world, *words, code=0, under=()):
    """Run it; answer the checked JSON."""
    result = json.loads(world.run(*under, SINEW, "bench", *SHORT, "--json", "-", *words, code=code,
                                  limit=BENCH_LIMIT).out)
    jsonschema.validate(result, SCHEMA)
    return result


@case
def every_mechanism_beside_its_twin(world):
    rows = measure(world, "--quick", "--mode", "latency", "--sizes", "64", "--cpus", "none")["rows"]
    world.equal([row["mechanism"] for row in rows], NAMES, "mechanisms")
    for row in rows:
        world.equal(row.get("error"), None, row["mechanism"])
        world.check(row["p50_ns"] > 0 and row["bare"]["p50_ns"] > 0 and row["bare_ratio"] > 0,
                    f"{row['mechanism']} has figures")
        world.check(row["p50_ns"] <= row["p90_ns"] <= row["p99_ns"] <= row["max_ns"],
                    f"{row['mechanism']}: percentiles rise")
        for state in row["states"].values():
            world.check(0.98 < sum(state.values()) < 1.05, f"{row['mechanism']}: {state}")


@each(mode=["stream", "paced"])
def modes(world, mode):
    rows = measure(world, "--mode", mode, "--rate", "20000", "--sizes", "64", "--cpus", "none", "channels")["rows"]
    world.check(len(rows) >= 12, "all channels")
    for row in rows:
        world.equal(row.get("error"), None, row["mechanism"])
        world.check(row["msgs_per_s"] > 0, "a rate")
        world.equal(row["p50_ns"] is None, mode != "paced", "times")
        if row["mechanism"] != "udp":
            world.equal([row["lost"], row["bare"]["lost"]], [0, 0], "lost")


@each(mode=["fan-in", "fan-out"])
def fans(world, mode):
    """Each of the many, of whom the rows tell; checked message by message by the benchmark itself."""
    sockets = ["unix-stream", "unix-seqpacket", "unix-dgram", "tcp", "udp"]
    names = ["mq", "ring-queue-shm", "ring-topic-shm", *sockets]
    rows = measure(world, "--mode", mode, "--cpus", "none", *names)["rows"]
    world.equal({(row["mechanism"], row["fan"]) for row in rows},
                {(name, fan) for name in names for fan in (1, 2, 4, 8)}, "mechanisms, and how many")
    for row in rows:
        who = f"{row['mechanism']} {row['fan']}"
        world.equal(row.get("error"), None, who)
        world.equal(row["mode"], mode, "mode")
        world.check(row["msgs_per_s"] > 0 and row["bare"]["msgs_per_s"] > 0 and row["bare_ratio"] > 0, who)
        world.equal(row.get("one_by_one", False), mode == "fan-out" and row["mechanism"] in sockets, who)
        if row["mechanism"] != "udp":
            world.equal([row["lost"], row["bare"]["lost"]], [0, 0], who)


@case
def one_by_one_is_told_and_counted(world):
    """To each of eight readers a send of its own, through sinew and through the bare calls, for each message."""
    result = measure(world, "--quick", "--mode", "fan-out", "--cpus", "none", "unix-seqpacket", "unix-dgram")
    for row in result["rows"]:
        world.equal([row["one_by_one"], row["fan"]], [True, 8], row["mechanism"])
        for calls in (row["calls_per_msg"], row["bare"]["calls_per_msg"]):
            world.check(calls >= 16, f"{row['mechanism']}: eight sends and eight reads: {calls}")
    shown = world.do("bench", *SHORT, "--quick", "--mode", "fan-out", "--cpus", "none", "unix-dgram", "mq").out.decode()
    world.has(shown, "unix-dgram x8", "is so many sends, to each reader one by one", "mq ")
    world.check(max(map(len, shown.splitlines())) <= 80, "80 columns")


@case
def what_has_no_fan_is_told(world):
    result = json.loads(world.do("bench", *SHORT, "--quick", "--mode", "fan", "--sizes", "64,64K", "--cpus", "none",
                                 "--json", "-", "pipe", "ring-shm").out)
    jsonschema.validate(result, SCHEMA)
    told = {(row["mechanism"], row["mode"], row["size"]) for row in result["rows"] if "skipped" in row}
    world.equal(told, {("pipe", "fan-in", 65536)} | {(name, mode, size) for size in (64, 65536) for name, mode in (
        ("pipe", "fan-out"), ("ring-shm", "fan-in"), ("ring-shm", "fan-out"))}, "left out")
    shown = world.do("bench", *SHORT, "--mode", "fan", "--cpus", "none", "pipe").out.decode()
    world.has(shown, "Many writers, one reader", "Not measured: pipe, fan-out, 64 bytes: several readers")
    world.check(max(map(len, shown.splitlines())) <= 80, "80 columns")


@case
def what_has_no_fan_divides_no_table(world):
    """Between those that have one; and of what is left out for the same reason it is told once."""
    shown = world.do("bench", *SHORT, "--quick", "--mode", "fan-in", "--cpus", "none", "pipe", "ring-shm", "ring-memfd",
                     "ring-queue-shm").out.decode()
    world.equal(shown.count("Many writers, one reader"), 1, "tables")
    world.has(shown, "Not measured: ring-shm, ring-memfd, fan-in, 64 bytes: it is for two")


@case
def writers_of_a_pipe_stay_apart(world):
    """A message of one of several goes with its header in one write, or is left out."""
    rows = measure(world, "--quick", "--mode", "fan-in", "--sizes", "4092,4093", "--cpus", "none", "pipe", "fifo")["rows"]
    world.equal([(row["mechanism"], row["size"], "skipped" in row) for row in rows],
                [(name, size, size > 4092) for size in (4092, 4093) for name in ("pipe", "fifo")], "left out")
    world.equal([row.get("error") for row in rows], [None] * 4, "errors")


@case
def echo(world):
    """Servers with few and with many connections, as far as descriptors go."""
    done = world.run("sh", "-c", 'ulimit -n 1200 && exec "$@"', "-", SINEW, "bench", *SHORT,
                     "--mode", "echo", "--json", "-", "channels", code=0)
    result = json.loads(done.out)
    jsonschema.validate(result, SCHEMA)
    rows = result["rows"]
    world.equal([(row["mechanism"], row["fan"], "skipped" in row) for row in rows],
                [(name, fan, fan == 10000) for fan in (10, 100, 1000, 10000) for name in ("unix-stream", "tcp")],
                "mechanisms and connections")
    for row in rows[:6]:
        world.equal(row.get("error"), None, f"{row['mechanism']} {row['fan']}")
        world.check(row["msgs_per_s"] > 0 and row["bare_ratio"] > 0, "figures")
        world.check(row["fan"] < 1000 or row["bytes_per_peer"] > 0, "memory")
    world.has(rows[6]["skipped"], "descriptors are needed", "1200")


@case
def echo_takes_what_a_uri_says(world):
    """A server that cannot begin is told at once; one that may have few peers is none for many."""
    rows = measure(world, "--mode", "echo", "--cpus", "none", "unix:?birds=2", "tcp:?peers=1", code=1)["rows"]
    world.equal(["birds" in row.get("error", "") for row in rows], [True, False] * 4, "errors")
    world.check(all("peers" in row["skipped"] for row in rows[1::2]), "one peer is not many")


@case
def alone(world):
    rows = measure(world, "--mode", "alone", "--cpus", "none", "all")["rows"]
    world.equal([row["mechanism"] for row in rows],
                ["mutex", "rwlock", "semaphore", "fork", "fork-return", "fork-first-run", "fork-reap", "exec",
                 "exec-return"], "rows")
    for row in rows:
        world.check(row.get("error") is None and row["msgs_per_s"] > 0, row["mechanism"])
        world.equal(row["bare"] is None, row["mechanism"].startswith(("fork", "exec")), "twin")
    world.has(world.do("bench", *SHORT, "--mode", "alone", "--cpus", "none", "locks").out, "Alone", "rwlock")


@each(cpus=["0,0", "none"])
def contended(world, cpus):
    """Two processes take it at once; what they count under it is checked by both kinds."""
    rows = measure(world, "--mode", "contended", "--cpus", cpus, "locks")["rows"]
    world.equal([row["mechanism"] for row in rows], ["mutex", "rwlock", "semaphore"], "rows")
    for row in rows:
        world.equal(row.get("error"), None, row["mechanism"])
        world.check(row["messages"] > 0 and row["bare"]["messages"] > 0 and row["bare_ratio"] > 0, row["mechanism"])


@case
def sizes_and_cpus(world):
    rows = measure(world, "--sizes", "24,1K,64K", "--cpus", "0,0", "--mode", "latency",
                   "mq", "unix-stream")["rows"]
    world.equal([(row["mechanism"], row["size"], row["cpus"]) for row in rows],
                [(name, size, "0,0") for size in (24, 1024, 65536) for name in ("mq", "unix-stream")],
                "rows")
    world.has(rows[4]["skipped"], "its largest message has 8192 bytes")


@case
def a_fifo_of_one_writer_has_large_messages(world):
    rows = measure(world, "--sizes", "64K", "--cpus", "none", "--mode", "latency,stream,paced", "fifo")["rows"]
    world.equal([(row["mode"], row.get("skipped"), row.get("error")) for row in rows],
                [(mode, None, None) for mode in ("latency", "stream", "paced")], "rows")


@case
def large_packets(world):
    """The bare twin's buffers have room for one, as those of sinew; the kernel makes none above 4M."""
    uris = [f"unix:?type={kind}&max=8M" for kind in ("seqpacket", "dgram")]
    for uri in uris:
        most = json.loads(world.do("info", "--json", uri).out)["max_message"]
        if most < 3 << 20:
            raise Skip(f"{uri} carries {most} bytes at most here")
    rows = measure(world, "--mode", "latency", "--sizes", "3M,6M", "--cpus", "none", *uris)["rows"]
    world.equal([(row["size"], row.get("skipped"), row.get("error")) for row in rows],
                [(3 << 20, None, None)] * 2 + [(6 << 20, "its largest message has 4194304 bytes", None)] * 2, "rows")


@case
def a_uri_lends_its_options(world):
    row, = measure(world, "--mode", "latency", "--sizes", "64", "--cpus", "none",
                   "unix:/not/used?type=seqpacket&peers=1")["rows"]
    world.equal([row["mechanism"], row["options"]], ["unix-seqpacket", "type=seqpacket&peers=1"], "row")
    bad = measure(world, "--mode", "latency", "--sizes", "64", "--cpus", "none",
                  "unix:?birds=2", code=1)["rows"]
    world.has(bad[0]["error"], "birds")


@case
def words(world):
    """The sentences follow the figures."""
    result = measure(world, "--sizes", "64", "--mode", "latency,stream", "--cpus", "0,0", "unix-stream", "tcp",
                     "mq", "pipe", "eventfd", "ring-shm")
    rows = {(row["mechanism"], row["mode"]): row for row in result["rows"]}
    world.has(rows["pipe", "latency"]["why"], "A trip takes", "The client computes for", "System calls: 4.0.")
    world.has(rows["pipe", "stream"]["why"], "A message takes", "The client computes for", "the server for")
    claims = {claim["about"]: claim for claim in result["claims"]}
    cost = {key: sorted(row["bare"]["costs_ns"])[0] for key, row in rows.items()}
    ratio = cost["tcp", "latency"] / cost["unix-stream", "latency"]
    world.has(claims["On one host a Unix socket is twice as fast as TCP."]["text"],
              f"round trip of 64 bytes on one: {ratio:.1f} times")
    world.check(not any("checksums" in about for about in claims), "nothing that was not tried out")
    world.has(claims["On one CPU no more than one process runs at a time."]["verdict"], "true")
    world.check("A named pipe can do what a pipe can." not in claims, "nothing of what was not measured")
    advice = {work["about"]: work["verdict"] for work in result["advice"]}
    least = min((row for row in result["rows"] if row["mode"] == "latency" and row["size"]),
                key=lambda row: row["costs_ns"][0])
    world.equal(advice["the same, one CPU for both"], least["mechanism"], "advice")


def reached(ratios, most, repeats):
    """What a row comes to; None: it is too near to be told from rounded figures."""
    if min(abs(ratio - most) for ratio in ratios) < 0.001:
        return None
    if repeats < 2 or min(ratios) <= most < max(ratios):
        return "cannot be told"
    return "met" if max(ratios) <= most else "missed"


def check_aimed(world, goal, aimed, row):
    ratios = [row[key] for key in ("bare_ratio_low", "bare_ratio", "bare_ratio_high")]
    world.equal([aimed[key] for key in ("ratio_low", "ratio", "ratio_high")], ratios, "its ratios")
    expected = reached(ratios, goal["most"], row["repeats"])
    world.check(expected in (None, aimed["result"]), f"{goal['about']}: {aimed}, not {expected}")
    if aimed["result"] != "missed":
        world.equal(aimed["cause"], "", "no cause of what is not missed")
    elif row["mode"] == "batched" and row["calls_per_msg"] > 1.6:
        world.check(aimed["cause"], f"the cause is known: {aimed}")


@each(repeats=["1", "2"])
def goals_are_held_against_the_rows(world, repeats):
    """Each row on its own: met, missed, or between its repeats."""
    result = measure(world, "--repeat", repeats, "--sizes", "64", "--mode", "latency,stream,batched,alone", "--cpus",
                     "none", "pipe", "mq", "msgq", "eventfd", "ring-shm", "shm", "mutex", "rwlock", "fork")
    rows = {(row["mechanism"], row["mode"]): row for row in result["rows"]}
    aimed = [(goal, row) for goal in result["goals"] for row in goal["rows"]]
    world.equal({(row["mechanism"], row["mode"]) for _, row in aimed},
                {(name, mode) for name in ("pipe", "mq", "msgq") for mode in ("latency", "stream", "batched")} |
                {("ring-shm", "latency"), ("ring-shm", "stream"), ("eventfd", "latency"), ("mutex", "alone"),
                 ("rwlock", "alone")}, "what has a goal")
    for goal, row in aimed:
        check_aimed(world, goal, row, rows[row["mechanism"], row["mode"]])
    for goal in result["goals"]:
        results = [row["result"] for row in goal["rows"]]
        world.equal(goal["result"], next(word for word in ("missed", "cannot be told", "met") if word in results),
                    goal["about"])


@case
def goals_are_told(world):
    shown = " ".join(world.do("bench", *SHORT, "--sizes", "64", "--mode", "latency", "--cpus", "none", "pipe")
                     .out.decode().split())
    world.has(shown, "Goals, and whether this run meets them", "at most 5 % more than bare system calls -> cannot be told.",
              "(measured once)")


@case
def a_part_of_a_life_has_its_own_time(world):
    """The sentence has the figure of the row, and says what the rest of it is of."""
    for row in measure(world, "--mode", "alone", "--cpus", "none", "processes")["rows"]:
        if row["mechanism"] in ("fork", "exec"):
            world.has(row["why"], "A use takes")
            continue
        world.has(row["why"], "This part takes", "The whole, from the call until the child is reaped")
        value, unit = re.match(r"This part takes ([\d.]+) (\w+)\.", row["why"]).groups()
        told = float(value) * {"ns": 1, "us": 1e3, "ms": 1e6, "s": 1e9}[unit]
        world.check(abs(told / row["costs_ns"][0] - 1) < 0.01, f"{row['mechanism']}: {told} of {row['costs_ns']}")


@case
def many_are_advised_by_many(world):
    """Where several writers were measured, the advice for them rests on those."""
    result = measure(world, "--mode", "stream,fan", "--sizes", "64", "--cpus", "0,1" if os.cpu_count() > 1 else "none",
                     "fifo", "msgq")
    advice = {work["about"]: work["text"] for work in result["advice"]}
    most = max(row["fan"] for row in result["rows"] if row["mode"] == "fan-in")
    world.has(advice["many writers, one reader"], f"Measured with {most} writers.")
    alone = measure(world, "--mode", "stream", "--sizes", "64", "--cpus", "none", "fifo")
    advice = {work["about"]: work["text"] for work in alone["advice"]}
    world.has(advice["many writers, one reader"], "Measured with 1 writer.")


@case
def who_is_faster_with_writers_it_may_not_have(world):
    """A pipe is no advice for many writers, of which nobody promises that they can share it; that it is faster is told."""
    result = measure(world, "--quick", "--mode", "fan-in", "--sizes", "64", "--cpus", "0,1" if os.cpu_count() > 1 else "none",
                     "pipe", "tcp")
    cost = {row["mechanism"]: row["costs_ns"][0] for row in result["rows"]}
    advice = {work["about"]: work for work in result["advice"]}["many writers, one reader"]
    world.equal(advice["verdict"], "tcp", "advice")
    world.equal("Faster was pipe" in advice["text"], cost["pipe"] < cost["tcp"], advice["text"])


def can_trace(world):
    """Whether who woke whom can be told here: the tracer itself is asked."""
    asked = world.sinew("trace", "--json", "--", "true").end()
    told = asked.err[asked.err.find(b"{"):]
    return asked.code == 0 and "wakers" in json.JSONDecoder().raw_decode(told.decode())[0]["has"]


@case
def who_waits_for_whom(world):
    """A side of a pipe on one CPU sleeps in read until the other one writes; or it is said why nobody knows. A word
    to sleep on is memory, also where that has a name.

    Who is woken must not take the CPU over at once, or the waker finds the answer there and never sleeps."""
    result = measure(world, "--sizes", "64", "--mode", "latency", "--cpus", "0,0", "pipe", "sysvsem", "futex",
                     under=("chrt", "--batch", "0"))
    traced = can_trace(world)
    world.equal(bool(result["plan"]["unwatched"]), not traced, result["plan"]["unwatched"])
    for row, call, waker_call, what in zip(result["rows"], ("read", "semtimedop", "futex"),
                                           ("pwritev2", "semtimedop", "futex"), (("pipe",), ("",), ("", "shared memory"))):
        world.equal(row["waits"] is not None, traced, "waits")
        for side, waker in (("client", "the server"), ("server", "the client")) if traced else ():
            world.check(any(wait["side"] == side and wait["waker"] == waker and wait["call"] == call and
                            wait["object"] in what and wait["waker_call"] == waker_call and not wait["probable"] and
                            0 < wait["times_per_msg"] < 1.1 for wait in row["waits"]),
                        f"{row['mechanism']}, {side}: {row['waits']}")
        world.equal(f"woken by the client in {waker_call}" in row["why"], traced, row["why"])


@case
def of_many_it_is_told_who_waits(world):
    """A queue for one message is full or empty at once, whoever else wants the CPU; all of a side are added up."""
    result = measure(world, "--mode", "fan", "--cpus", "0,0", "mq:?depth=1")
    if not can_trace(world):
        world.check(result["plan"]["unwatched"] and all(row["waits"] is None for row in result["rows"]), "waits")
        return
    for row in result["rows"]:
        writer, reader = ("a writer", "the reader") if row["mode"] == "fan-in" else ("the writer", "a reader")
        told = (f"{writer} blocks in mq_timedsend on mq, woken by {reader} in mq_timedreceive",
                f"{reader} blocks in mq_timedreceive on mq, woken by {writer} in mq_timedsend")
        world.check(any(words in row["why"] for words in told), f"{row['mode']}, {row['fan']}: {row['why']}")
        of = [tuple(value for key, value in wait.items() if key != "times_per_msg") for wait in row["waits"]]
        world.equal(len(of), len(set(of)), f"{row['mode']}, {row['fan']}: {row['waits']}")


@case
def of_an_echo_it_is_told_who_waits(world):
    """Its twin is not played, its clients are known."""
    row, = measure(world, "--quick", "--mode", "echo", "--cpus", "0,0", "unix-stream")["rows"]
    world.equal(row["waits"] is not None, can_trace(world), "waits")
    for wait in row["waits"] or ():
        if wait["times_per_msg"] > 0.05: # what happens to a message, not to a round
            world.check(wait["waker"] in ("a client", "the server"), f"all are known: {wait}")


@case
def who_gives_way_calls_the_system(world):
    """On one CPU nobody gets a message but by a system call of the other, or of the kernel that takes his CPU."""
    rows = measure(world, "--sizes", "64", "--mode", "latency", "--cpus", "0,0", "ring-shm", "ring-queue-shm",
                   "ring-topic-shm")["rows"]
    for row in rows:
        for calls in (row["calls_per_msg"], row["bare"]["calls_per_msg"]):
            world.check(calls > 0.5, f"{row['mechanism']}: {calls}")


@case
def nobody_may_look(world):
    """Without the right to trace everything is measured, and a sentence says what is missing."""
    if os.geteuid() != 0 or not shutil.which("setpriv"):
        raise Skip("root and setpriv are needed to be somebody else")
    os.chmod(world.path, 0o777)
    done = world.run("setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", SINEW, "bench", *SHORT,
                     "--sizes", "64", "--mode", "latency", "--cpus", "none", "pipe", code=0)
    world.has(" ".join(done.out.decode().split()), "is not told: this user may only trace by")


@case
def the_table_fits(world):
    shown = world.do("bench", *SHORT, "--rate", "20000", "--sizes", "64", "--cpus", "none", "pipe", "udp",
                     "ring-queue-shm", "events").out.decode()
    world.check(max(map(len, shown.splitlines())) <= 80, "80 columns")
    world.has(shown, "Round trip, 64 bytes, CPUs none", "One way, in arrays of 64", "eventfd", "RATIO")


@case
def progress_on_a_terminal(world):
    terminal = Terminal(world, SINEW, "bench", "--duration", "2ms", "--repeat", "1", "--mode", "latency",
                        "--sizes", "64", "--cpus", "none", "pipe", "fifo")
    text, code = terminal.end()
    world.equal(code, 0, "exit code")
    world.has(text, "s left", "fifo, latency", "Round trip")


@case
def pass_by_pass(world):
    """A repeat of each row, then the next one of each."""
    told = world.do("bench", "-d", "2ms", "-r", "2", "--mode", "latency", "--sizes", "64", "--cpus", "none",
                    "pipe", "fifo").err.decode()
    world.equal(re.findall(r"(\d of 2): (\w+), latency", told),
                [("1 of 2", "pipe"), ("1 of 2", "fifo"), ("2 of 2", "pipe"), ("2 of 2", "fifo")], "order")


@case
def an_interrupt_keeps_what_is_done(world):
    running = world.sinew("bench", "-d", "200ms", "-r", "1", "--json", "out.json", "--mode", "latency",
                          "--cpus", "none", "pipe", "channels")
    world.until(lambda: b"fifo, latency" in running.err, "the second row")
    running.signal(signal.SIGINT)
    ended = running.end()
    world.equal(ended.code, 130, "exit code")
    world.has(ended.out.decode(), "Interrupted", "pipe")
    result = json.loads((pathlib.Path(world.path) / "out.json").read_text())
    jsonschema.validate(result, SCHEMA)
    world.equal(result["plan"]["interrupted"], True, "interrupted")
    world.check(result["rows"][0]["p50_ns"] > 0, "the first row")
    world.equal(result["rows"][-1]["skipped"], "interrupted", "the last")
    os.unlink(f"{world.path}/out.json")


# In a namespace of System V objects of its own, which the benchmark itself then has no right to leave.
APART = ["unshare", "--ipc", "sh", "-c", '"$@"; code=$?; tail -n +2 /proc/sysvipc/msg /proc/sysvipc/sem; exit $code',
         "sh", "setpriv", "--bounding-set=-all", SINEW]


def child_of(pid):
    """Its only child, or 0."""
    words = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return int(words[0]) if len(words) == 1 else 0


def objects_of(world, pid):
    """How many queues and sets of semaphores its namespace has."""
    shown = world.run("nsenter", "--ipc", "--target", pid, "cat", "/proc/sysvipc/msg", "/proc/sysvipc/sem", code=0)
    return len(shown.out.splitlines()) - 2


@each(mechanism_ended=[("msgq", "driver"), ("sysvsem", "driver"), ("msgq", "leader")])
def nothing_of_system_v_stays_behind(world, mechanism_ended):
    """Where a namespace of one's own cannot be had, as without root."""
    mechanism, ended = mechanism_ended
    if os.getuid() != 0:
        raise Skip("making namespaces is for root alone")
    shell = world.start(*APART, "bench", "-q", "-d", "20s", "-r", "1", "--mode", "latency", "--sizes", "64", "--cpus",
                        "none", mechanism)
    world.until(lambda: child_of(shell.process.pid), "the benchmark")
    driver = child_of(shell.process.pid)
    world.until(lambda: child_of(driver), "the leader")
    world.until(lambda: objects_of(world, driver) >= 2, "objects of both contenders")
    leader = child_of(driver)
    world.check(driver > 0 and leader > 0, "both run")
    os.kill(driver, signal.SIGINT) if ended == "driver" else os.kill(leader, signal.SIGKILL)
    result = shell.end()
    world.equal(result.code, 130 if ended == "driver" else 1, f"exit code: {result}")
    world.has(result.out, "Interrupted" if ended == "driver" else "ended by signal 9")
    listed = [line for line in result.out.decode().splitlines() if re.match(r" +\d+ +\d+ +\d+ ", line)]
    world.equal(listed, [], "what stays behind")


def with_costs(result, factor):
    """The same run, as if sinew had cost so much of that."""
    for row in result["rows"]:
        row["costs_ns"] = [cost * factor for cost in row["costs_ns"]]
    return result


@case
def a_baseline_tells_what_costs_more(world):
    """On one CPU: where two are free, the scheduler may put one pair beside each other and the next one not."""
    file = pathlib.Path(world.path) / "old.json"
    cpu = min(os.sched_getaffinity(0))
    words = ["--mode", "latency", "--sizes", "64", "--cpus", f"{cpu},{cpu}", "pipe"]
    old = json.loads(world.do("bench", "--quiet", "-d", "10ms", "-r", "3", "--json", "-", *words).out)
    again = pathlib.Path(world.path) / "again.json"

    def compare(factor, code):
        file.write_text(json.dumps(with_costs(old, factor)))
        shown = world.do("bench", "--quiet", "-d", "10ms", "-r", "3", "--json", again, "--baseline", file, *words,
                         code=code).out
        return shown.decode(), [row["repeats"] for row in json.loads(again.read_text())["rows"]]
    shown, repeats = compare(0.02, 1)
    world.has(shown, f"pipe, latency, 64 bytes, CPUs {cpu},{cpu}: costs", "more than before", "1 rows")
    world.equal(repeats, [3 + 4], "it was measured again before it was said")
    shown, repeats = compare(50, 0)
    world.has(shown, "1 rows, 0 of them cost more")
    world.equal(repeats, [3], "what is in no doubt is not measured again")
    again.unlink()
    file.write_text("{}")
    world.has(world.do("bench", "--baseline", file, *words, code=2).err, "is not a result of sinew bench")
    file.unlink()


@each(name_words_expected=[
    ("group", ["birds"], ["birds", "unix-stream", "channels"]),
    ("scheme", ["bird:/x"], ["bird:/x"]),
    ("mode", ["--mode", "fast"], ["latency"]),
    ("size", ["--sizes", "7"], ["24"]),
    ("cpus", ["--cpus", "1"], ["0,1"]),
    ("no_such_cpu", ["--cpus", "4000,4000"], ["CPU 4000"]),
    ("repeat", ["--repeat", "99"], ["31"]),
    ("nothing", ["--mode", "batched", "--sizes", "64K", "pipe"], ["--mode", "--sizes"]),
])
def mistakes(world, name_words_expected):
    _, words, expected = name_words_expected
    world.has(world.do("bench", *words, code=2).err.decode(), *expected)


@case
def a_file_that_cannot_be_written(world):
    ended = world.do("bench", "--json", "no/such/file", "pipe", code=1)
    world.has(ended.err.decode(), "no/such/file", "No such file")


def calls_between(lines, first, size):
    """What a process calls between its calls of `first` that write so many bytes, and the next."""
    plain = re.compile(r"^\d+ +(\w+)\((.*)\) += (-?\d+)")
    between, result = None, []
    for line in lines:
        match = plain.match(line)
        if not match or match[1] in ("clock_gettime", "pread64", "getrusage"):
            continue
        if match[1] == first and match[3] == str(size):
            result += [between] if between is not None else []
            between = []
        elif between is not None:
            between.append(match[1])
    return result


@case
def one_message_takes_the_same_calls(world):
    """Of a bare pipe and of sinew's: one write and one read there, one each back."""
    if not shutil.which("strace"):
        raise Skip("strace is not installed")
    world.run("strace", "-ff", "-o", "calls", SINEW, "bench", *SHORT, "--mode", "latency",
              "--sizes", "64", "--cpus", "none", "pipe", code=0,
              env={"ASAN_OPTIONS": "detect_leaks=0"})
    seen = {"pwritev2": 0, "write": 0}
    for file in pathlib.Path(world.path).glob("calls.*"):
        lines = [f"1 {line}" for line in file.read_text(errors="replace").splitlines()]
        for call, size in (("pwritev2", 68), ("write", 64)):
            trips = [trip for trip in calls_between(lines, call, size) if len(trip) == 1]
            others = [trip for trip in calls_between(lines, call, size) if len(trip) != 1]
            seen[call] += len(trips)
            world.check(all(trip == ["read"] for trip in trips), f"{call} is answered by a read")
            world.check(len(others) <= len(trips), f"only where turns change: {others[:3]}")
        file.unlink()
    world.check(seen["pwritev2"] >= 4 and seen["write"] >= 4, f"trips of both: {seen}")


sys.exit(main())
