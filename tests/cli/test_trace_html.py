#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""sinew trace --html: a timeline of real processes in one step."""

import json
import re
import subprocess
import sys

from golden import SINEW, Failure, Skip, case, main

EXACTLY = ("trace", "--tier", "A")
LACKS = ("built without", "CAP_BPF", "has no BPF", "/sys/kernel/btf")


def needs_tracing():
    """What this build or this machine lacks; that the kernel refuses our program is a failure."""
    ended = subprocess.run([SINEW, *EXACTLY, "-q", "--", "true"], capture_output=True, check=False)
    words = ended.stderr.decode().strip()
    if ended.returncode and any(lack in words for lack in LACKS):
        raise Skip(words)
    if ended.returncode:
        raise Failure(words)


def data_of(path):
    return json.loads(re.search(r'<script type="application/json" id="data">\n(.*?)\n</script>',
                                path.read_text(encoding="utf-8"), re.S)[1])


@case
def one_step_makes_a_timeline(world):
    needs_tracing()
    page = world.hidden / "timeline.html"
    ended = world.do(*EXACTLY, "--html", page, "--", "sh", "-c", "(sleep 0.05; echo x) | cat; exit 3",
                     code=3)
    world.equal(ended.out, b"x\n", "standard output is the command's")
    world.has(ended.err, "Time in each state", "records, ")
    data = data_of(page)
    world.check({"sh", "sleep", "cat"} <= {lane["name"].split()[-1] for lane in data["lanes"]},
                [lane["name"] for lane in data["lanes"]])
    world.check(all(lane["count"] and lane["spans"] for lane in data["lanes"]), "lanes without spans")
    calls = [cause["call"] for cause in data["causes"]]
    world.check("clock_nanosleep" in calls, calls)


@case
def a_page_and_no_words(world):
    needs_tracing()
    page = world.hidden / "timeline.html"
    ended = world.do(*EXACTLY, "-q", "--html", page, "--", "true")
    world.equal((ended.out, ended.err), (b"", b""), "output")
    world.equal(data_of(page)["report"]["exit_code"], 0, "exit code in the page")


@case
def where_no_page_can_be_nothing_runs(world):
    needs_tracing()
    made = world.path / "made"
    ended = world.do(*EXACTLY, "-q", "--html", "/nowhere/page", "--", "touch", made, code=3)
    world.has(ended.err, "cannot make /nowhere/page")
    world.check(not made.exists(), "the command ran")


@case
def of_what_cannot_run_there_is_no_page(world):
    needs_tracing()
    page = world.path / "page"
    world.do(*EXACTLY, "-q", "--html", page, "--", "/nowhere/command", code=127)
    world.check(not page.exists(), "an empty page")
    other = world.path / "other"
    other.symlink_to("/dev/null")
    world.do(*EXACTLY, "-q", "--html", other, "--", "/nowhere/command", code=127)
    world.check(other.is_symlink(), "what is no plain file is gone")
    other.unlink()


@case
def a_page_on_a_full_disk_is_told(world):
    needs_tracing()
    ended = world.do(*EXACTLY, "-q", "--html", "/dev/full", "--", "true", code=3)
    world.has(ended.err, "cannot write")


if __name__ == "__main__":
    sys.exit(main())
