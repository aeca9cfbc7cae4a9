#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""sinew report as pictures of time, over the recordings that are kept in tests/recordings.

What comes out must be the same bytes each time: NAME.flame and its like stand beside NAME.txt.
`test_pictures.py --write` writes them anew, to be looked at before they are committed.
"""

import json
import sys
import xml.etree.ElementTree

from golden import SINEW, Terminal, case, each
from recordings import HERE, NAMES, main_or_write, recording, report

FORMATS = ["flame", "flame-svg", "perfetto"]


# ---- the same bytes ----

@each(output=[f"{name}.{form}" for name in NAMES for form in FORMATS])
def the_output_is_as_it_was(world, output):
    name, form = output.split(".")
    ended = report(world, recording(name), form)
    world.equal(ended.err, b"", "standard error")
    world.check(ended.out == (HERE / output).read_bytes(), f"differs:\n{ended.out[:4000]}")


# ---- blocked time ----

def stacks(text):
    for line in text.decode().splitlines():
        frames, _, time = line.rpartition(" ")
        yield frames.split(";"), int(time)


@each(name=NAMES)
def stacks_are_all_blocked_time(world, name):
    """Of each thread, and no more: the same as the account says."""
    told = json.loads(report(world, recording(name), "json").out)
    seen = {}
    for frames, time in stacks(report(world, recording(name), "flame").out):
        world.equal(len(frames), 4, f"frames of {frames}")
        tid = frames[0].split(" ")[0].split("/")[-1]
        seen[tid] = seen.get(tid, 0) + time
    expected = {}
    for process in told["processes"]:
        for thread in process["threads"]:
            time = thread["time_ns"]["blocked"] + thread["time_ns"]["asleep"]
            if time:
                tid = str(thread["tid"])
                expected[tid] = expected.get(tid, 0) + time
    world.equal(seen, expected, "blocked time by tid")


@each(name=NAMES)
def the_flame_is_well_formed_and_runs_nothing(world, name):
    root = xml.etree.ElementTree.fromstring(report(world, recording(name), "flame-svg").out)
    tags = {element.tag.rpartition("}")[2] for element in root.iter()}
    world.check(tags <= {"svg", "g", "title", "style", "rect", "text"}, tags)
    world.equal([key for element in root.iter() for key in element.attrib
                 if key.startswith("on") or "href" in key], [], "what could run or load")


@each(name=NAMES)
def frames_stand_on_what_they_are_part_of(world, name):
    """Each frame lies within one of the row below, and no two of a row overlap."""
    root = xml.etree.ElementTree.fromstring(report(world, recording(name), "flame-svg").out)
    rows = {}
    for rect in root.iter("{http://www.w3.org/2000/svg}rect"):
        if rect.get("class") == "back":
            continue
        x, width = float(rect.get("x")), float(rect.get("width"))
        rows.setdefault(rect.get("class"), []).append((x, x + width))
    below = None
    for row in sorted(rows):
        spans = sorted(rows[row])
        world.check(all(a[1] <= b[0] + 0.2 for a, b in zip(spans, spans[1:])), f"{row} overlaps")
        world.check(below is None or all(any(p[0] - 0.2 <= s[0] and s[1] <= p[1] + 0.2
                                             for p in below) for s in spans), f"{row} hangs over")
        below = spans
    world.equal(sorted(rows)[0], "f0", "the first row")


# ---- the command ----

@case
def bytes_that_are_no_text_never_reach_a_terminal(world):
    path = world.hidden / "recording"
    path.write_bytes(recording("pipe"))
    shown, code = Terminal(world, SINEW, "report", path, "-f", "perfetto").end()
    world.equal(code, 2, "exit code")
    world.has(shown, "perfetto is no text", ">trace.pftrace")


if __name__ == "__main__":
    sys.exit(main_or_write(FORMATS))
