#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""sinew report over recordings that are kept in readable lines (tests/recordings).

What comes out must be the same bytes each time: NAME.text, NAME.json and NAME.svg stand beside NAME.txt.
`test_report.py --write` writes them anew, to be read before they are committed.
"""

import json
import random
import sys
import xml.etree.ElementTree

from golden import SINEW, Terminal, case, each
from recordings import HERE, NAMES, build, keep, main_or_write, recording

FORMATS = ["text", "json", "svg"]
STATES = ["new", "ready", "running", "blocked", "terminated", "asleep", "unseen"]


def report(world, data, *options, code=0):
    return world.do("report", keep(world, data), *options, code=code)


def as_json(world, data, code=0):
    return json.loads(report(world, data, "--json", code=code).out)


def threads(told):
    return [thread for process in told["processes"] for thread in process["threads"]]


# ---- the same bytes ----

@each(output=[f"{name}.{form}" for name in NAMES for form in FORMATS])
def the_output_is_as_it_was(world, output):
    name, form = output.split(".")
    ended = report(world, recording(name), "--format", form)
    world.equal(ended.err, b"", "standard error")
    world.check(ended.out == (HERE / output).read_bytes(), f"differs:\n{ended.out.decode()}")


@each(name=NAMES)
def standard_input_is_a_file_too(world, name):
    ended = world.shell(f"cat {keep(world, recording(name))} | $SINEW report -", code=0)
    world.equal(ended.out, (HERE / f"{name}.text").read_bytes(), "text")


# ---- what holds of every output ----

@each(name=NAMES)
def text_fits_a_terminal_and_cannot_harm_it(world, name):
    text = report(world, recording(name)).out.decode()
    world.equal([line for line in text.splitlines() if len(line) > 80], [], "long lines")
    world.equal([c for c in text if c != "\n" and not c.isprintable()], [], "control characters")


@case
def colour_is_for_terminals_and_can_be_refused(world):
    path = keep(world, recording("pipe"))
    for environment, bold in (({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)):
        shown, code = Terminal(world, SINEW, "report", path, env=environment).end()
        world.equal(code, 0, "exit code")
        world.equal(b"\033[1m" in shown, bold, f"bold with {environment}")


@each(name=NAMES)
def the_picture_is_well_formed_and_runs_nothing(world, name):
    root = xml.etree.ElementTree.fromstring(report(world, recording(name), "-f", "svg").out)
    tags = {element.tag.rpartition("}")[2] for element in root.iter()}
    world.check(tags <= {"svg", "title", "style", "defs", "marker", "path", "rect", "text"}, tags)
    world.equal([key for element in root.iter() for key in element.attrib
                 if key.startswith("on") or "href" in key], [], "what could run or load")


@each(name=NAMES)
def times_add_up(world, name):
    """To each life, to each process, to all; and transitions to what they lead to."""
    told = as_json(world, recording(name))
    total = dict.fromkeys(STATES, 0)
    for process in told["processes"]:
        sums = dict.fromkeys(STATES, 0)
        for thread in process["threads"]:
            world.equal(sum(thread["time_ns"].values()), thread["lifetime_ns"], thread["comm"])
            sums = {state: sums[state] + thread["time_ns"][state] for state in STATES}
        world.equal(process["time_ns"], sums, f"process {process['pid']}")
        total = {state: total[state] + sums[state] for state in STATES}
    world.equal(told["total"]["time_ns"], total, "all")
    blocked = sum(row["time_ns"] for row in told["blocked"])
    world.equal(blocked, total["blocked"] + total["asleep"], "blocked time by cause")


# ---- what is said of one recording ----

@case
def each_transition_has_its_cause(world):
    told = as_json(world, recording("pipe"))
    world.equal(told["total"]["transitions"], {
        "admitted": 2, "dispatched": 13, "slice": 1, "woken": 2, "class": 1, "yield": 1, "other": 0,
        "blocked": 6, "woken_up": 6, "terminated": 2, "reaped": 1}, "transitions")
    world.equal({v["name"]: v["answer"] for v in told["verdicts"]}, {
        "one_per_cpu": "true", "ready_often": "false", "ready_briefly": "true",
        "lives_add_up": "true", "cpus_are_full": "true"}, "verdicts")
    world.equal(told["doubts"], [], "doubts")
    world.equal(told["complete"], True, "complete")


@case
def a_write_and_a_signal_are_told_apart(world):
    """Both wake a read on the same pipe; without the waker's call it is only known to have woken."""
    lines = (HERE / "pipe.txt").read_text(encoding="utf-8")
    text = report(world, build.build(lines.splitlines())).out.decode()
    world.has(text, "read on pipe:[8123], written by 456 feeder, 2 times",
              "read on pipe:[8123], signalled by 400 sh, 1 time")
    blind = lines.replace("waker_call=write+1", "").replace("waker_call=kill+1", "")
    text = report(world, build.build(blind.splitlines())).out.decode()
    world.has(text, "read on pipe:[8123], woken by 456 feeder, 2 times")
    world.check("written by" not in text and "signalled by" not in text, "a guess is told")


@case
def a_fifo_without_its_name_is_a_fifo(world):
    """Its name is gone, and that of the file system tells nothing."""
    lines = (HERE / "pipe.txt").read_text(encoding="utf-8").replace("magic=pipe", "magic=0xef53")
    text = report(world, build.build(lines.replace("object time", "# object time").splitlines())).out.decode()
    world.has(text, "receive on fifo:[8123] (empty), written by 456 feeder")
    world.check("ext4:[8123]" not in text, text)


@case
def an_interrupt_is_not_its_victims_deed(world):
    lines = (HERE / "pipe.txt").read_text(encoding="utf-8").replace("context=task", "context=hardirq")
    told = as_json(world, build.build(lines.splitlines()))
    world.equal([row for row in told["blocked"] if row["waker"] is not None], [], "blamed")


@case
def overlap_is_found(world):
    """A thread that is said to have left its CPU only after the next had come."""
    lines = (HERE / "pipe.txt").read_text(encoding="utf-8")
    late = lines.replace("ran_since=base+40055000 left=base+40095000",
                         "ran_since=base+40055000 left=base+40095001")
    world.check(late != lines, "nothing was changed")
    verdict = as_json(world, build.build(late.splitlines()))["verdicts"][0]
    world.equal(verdict["answer"], "unknown", verdict["figures"])
    world.has(verdict["figures"], "1 overlap")
    world.equal(as_json(world, build.build(late.splitlines()))["total"]["time_ns"]["unseen"], 1, "unseen")


@case
def a_used_number_is_another_process(world):
    told = as_json(world, recording("doubt"))
    world.equal(sorted((p["comm"], p["thread_count"]) for p in told["processes"] if p["pid"] == 30),
                [("\\x1b[31mred\\x07", 2), ("first", 1)], "processes with the number 30")


@case
def what_a_kernel_recorded_agrees_with_itself(world):
    told = as_json(world, recording("real"))
    evidence = told["evidence"]
    world.check(evidence["joined"] > 40 and evidence["checked"] > 40, evidence)
    world.equal([evidence[key] for key in ("torn", "overlaps", "gaps", "contradictions", "late",
                                           "lost", "strange", "missing")], [0] * 8, "faults")
    world.equal(told["total"]["time_ns"]["unseen"], 0, "unseen")
    world.has(report(world, recording("real")).out, "written by 24144 sh, 5 times")


@each(name=["pipe", "real"])
def lines_and_bytes_are_the_same(world, name):
    world.equal(build.build(build.lines(recording(name))), recording(name), "bytes")


# ---- order, loss, cuts ----

def shuffled(data, reach):
    """Neighbours exchanged where their times are no further apart than `reach` ns."""
    records, at = [], 512
    while at < len(data):
        size = int.from_bytes(data[at + 2:at + 4], "little")
        records.append(data[at:at + size])
        at += size
    dice = random.Random(5)
    time = [int.from_bytes(r[8:16], "little") for r in records]
    for _ in range(400):
        i = dice.randrange(len(records) - 2)
        if abs(time[i] - time[i + 1]) <= reach and time[i] != time[i + 1]:
            records[i], records[i + 1] = records[i + 1], records[i]
            time[i], time[i + 1] = time[i + 1], time[i]
    newest, fits = 0, True
    for t in time:
        fits, newest = fits and newest - t <= 10_000_000, max(newest, t)
    return data[:512] + b"".join(records), fits


@case
def slight_disorder_changes_nothing(world):
    data, fits = shuffled(recording("pipe"), 2_000_000)
    world.check(fits and data != recording("pipe"), "it is in the window, and out of order")
    told, wanted = as_json(world, data), as_json(world, recording("pipe"))
    for key in ("total", "blocked", "preemptions", "verdicts", "evidence"):
        if key in ("blocked", "preemptions"):
            told[key], wanted[key] = (sorted(map(json.dumps, x[key])) for x in (told, wanted))
        world.equal(told[key], wanted[key], key)


@case
def every_record_may_be_missing(world):
    """Then the lives add up all the same, nothing is told twice, and the missing one is noticed."""
    lines = (HERE / "pipe.txt").read_text(encoding="utf-8").splitlines()
    whole = as_json(world, build.build(lines))
    for i, line in enumerate(lines):
        if not line.startswith("interval"):
            continue
        told = as_json(world, build.build(lines[:i] + lines[i + 1:]))
        for thread in threads(told):
            world.equal(sum(thread["time_ns"].values()), thread["lifetime_ns"], line)
        for state in ("ready", "running", "blocked", "terminated"):
            world.check(told["total"]["time_ns"][state] <= whole["total"]["time_ns"][state],
                        f"{state} is longer without {line}")
        noticed = told["evidence"]["gaps"] + told["total"]["time_ns"]["unseen"]
        world.check(noticed > 0, f"not noticed: {line}")


@case
def a_cut_file_is_told_as_far_as_it_goes(world):
    data = recording("pipe")
    for size in range(512, len(data), 173):
        ended = report(world, data[:size], "--json", code=1)
        world.has(ended.err, "it is cut")
        told = json.loads(ended.out)
        world.check(any("not whole" in doubt for doubt in told["doubts"]), told["doubts"])
        world.equal(told["complete"], False, "complete")


REFUSED = {
    "nothing": (b"", "is not a recording"),
    "a text": (b"#!/bin/sh\n" * 100, "is not a recording"),
    "half a header": (recording("pipe")[:200], "is cut inside of its header"),
    "another version": (build.build(["header version=2"]), "version 2"),
    "another order": (build.build(["header order=0x04030201"]), "other byte order"),
    "a small header": (build.build(["header size=8"]), "a header of 8 bytes"),
    "a large header": (build.build(["header size=4097"]), "a header of 4097 bytes"),
}


@each(what=list(REFUSED))
def what_is_no_recording_is_refused(world, what):
    data, words = REFUSED[what]
    ended = report(world, data, code=1)
    world.has(ended.err, words)
    world.equal(ended.out, b"", "output")


@case
def damage_is_told_with_its_place(world):
    data = build.build(["header", "note text=kept", "bytes 0100110000000000ffffffffffffffff"])
    ended = report(world, data, code=1)
    world.has(ended.err, "damaged at byte 544")
    world.has(ended.out, "kept")


@case
def what_later_versions_add_is_passed_over(world):
    """A longer header, longer records, shorter ones, unknown types."""
    lines = (HERE / "pipe.txt").read_text(encoding="utf-8").splitlines()
    longer = [line.replace("header ", "header size=1024 ") if line.startswith("header") else
              line + " size=192" if line.startswith("interval") else line for line in lines]
    shorter = [line + " size=128" if line.startswith("interval") else line for line in lines]
    wanted = as_json(world, build.build(lines))
    world.equal(as_json(world, build.build(longer)), wanted, "longer")
    world.equal(as_json(world, build.build(shorter))["total"], wanted["total"], "shorter")


# ---- the command ----

@case
def words_for_what_cannot_be(world):
    world.has(world.do("report", "/nowhere/x", code=1).err, "cannot open /nowhere/x")
    world.has(world.do("report", ".", code=3).err, "cannot read .")
    world.has(world.do("report", "x", "--format", "pdf", code=2).err, "text, json, svg")
    world.has(world.do("report", code=2).err, "FILE")


@case
def notes_are_told_and_are_no_doubts(world):
    """Those of the recording first. What is hostile in them is escaped."""
    evil = "</script>\x1b[2J"
    path = keep(world, recording("pipe"))
    told = json.loads(world.do("report", "--json", "--note", "a", "--note", evil, path).out)
    world.equal(told["notes"], ["feeder: 2 lines in 40 ms", "a", "</script>\\x1b[2J"], "notes")
    world.equal(told["doubts"], as_json(world, recording("pipe"))["doubts"], "doubts")
    world.has(world.do("report", "--note", "16 MiB", path).out, "\n  16 MiB\n")
    for bad in (["--note", ""], ["--note", "x" * 401], ["--note", "x"] * 17):
        world.has(world.do("report", *bad, path, code=2).err, "1 to 400 bytes")


@case
def a_reader_that_leaves_ends_it_quietly(world):
    ended = world.shell(f"$SINEW report --json {keep(world, recording('pipe'))} | true; "
                        "echo ${PIPESTATUS[0]}")
    world.check(ended.out in (b"141\n", b"0\n"), ended)
    world.equal(ended.err, b"", "standard error")


@case
def a_full_disk_is_told(world):
    path = keep(world, recording("pipe"))
    ended = world.shell(f"$SINEW report {path} >/dev/full", code=3)
    world.has(ended.err, "cannot write")


if __name__ == "__main__":
    sys.exit(main_or_write(FORMATS))
