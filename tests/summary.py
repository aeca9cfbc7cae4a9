#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Sum up the tests of one or more Meson builds, case by case.

usage: summary.py BUILD_DIR_OR_TESTLOG_JSON...

A test that speaks the Test Anything Protocol counts once per case; any other counts once. Prints
what failed and what was skipped, and last "N passed, N failed, N skipped". Exits with 1 if
anything failed or nothing passed. A program that ends without reporting every case it announced
is a failure, whatever its exit status says.
"""

import json
import os
import re
import sys

CASE = re.compile(r"(ok|not ok)\b\s*(?:\d+\s*)?(?:-\s*)?([^#]*)(?:#\s*((?i:skip))\S*\s*(.*))?$")
PLAN = re.compile(r"1\.\.(\d+)\b")
LEFT_OUT = re.compile(r"# left out by RUNNER_SHARE: (\d+)$")


class Totals:
    """What is known so far."""

    def __init__(self):
        self.passed = 0
        self.failures = []
        self.skips = []
        self.left_out = {}

    def fail(self, where, why):
        self.failures.append((where, why))

    def skip(self, where, why):
        self.skips.append((where, why or "no reason given"))

    def leave_out(self, build, number):
        self.left_out[build] = self.left_out.get(build, 0) + number


def reason_after(lines, index):
    """The comment that follows a failed case, if there is one."""
    if index + 1 < len(lines) and lines[index + 1].startswith("#"):
        return lines[index + 1].lstrip("# ")
    return "failed"


def count_case(totals, program, match, reason):
    """Count one line of TAP; answer whether it is a failure."""
    where = f"{program}: {match[2].strip()}"
    if match[1] == "not ok":
        totals.fail(where, reason)
        return True
    if match[3]:
        totals.skip(where, match[4].strip())
    else:
        totals.passed += 1
    return False


def count_tap(totals, label, test):
    """Count a test program's cases, and what is missing from its report."""
    program = f"{label}: {test['name']}"
    lines = (test.get("stdout") or "").splitlines()
    planned = None
    seen = failed = 0
    for index, line in enumerate(lines):
        plan = PLAN.match(line)
        if plan and planned is None:
            planned = int(plan[1])
            continue
        match = CASE.match(line)
        if match:
            seen += 1
            failed += count_case(totals, program, match, reason_after(lines, index))
        elif LEFT_OUT.match(line):
            totals.leave_out(label, int(LEFT_OUT.match(line)[1]))
        elif line.startswith("Bail out!"):
            failed += 1
            totals.fail(program, line)
    if planned is None or seen != planned:
        announced = "no plan" if planned is None else f"{planned} cases"
        totals.fail(program, f"announced {announced}, reported {seen} ({test['result']})")
    elif not failed and test["result"] not in ("OK", "SKIP"):
        totals.fail(program, outcome(test))


def outcome(test):
    """A program's end in words."""
    return f"{test['result']}, exit status {test.get('returncode')}"


def count_plain(totals, label, test):
    """Count a test whose exit status is all it says."""
    program = f"{label}: {test['name']}"
    if test["result"] in ("OK", "EXPECTEDFAIL"):
        totals.passed += 1
    elif test["result"] == "SKIP":
        lines = (test.get("stdout") or "").strip().splitlines()
        totals.skip(program, lines[-1] if lines else "")
    else:
        totals.fail(program, outcome(test))


def is_tap(test):
    """Whether this program was asked for TAP or speaks it."""
    lines = (test.get("stdout") or "").splitlines()
    return "--tap" in test.get("command", []) or any(PLAN.match(line) for line in lines[:2])


def read_log(totals, path):
    """Count every test in one log."""
    if os.path.isdir(path):
        path = os.path.join(path, "meson-logs", "testlog.json")
    label = os.path.basename(os.path.dirname(os.path.dirname(os.path.abspath(path))))
    try:
        with open(path, encoding="utf-8", errors="replace") as log:
            tests = [json.loads(line) for line in log if line.strip()]
    except (OSError, ValueError) as error:
        totals.fail(path, str(error))
        return
    if not tests:
        totals.fail(path, "no test in this log")
    for test in tests:
        if is_tap(test):
            count_tap(totals, label, test)
        else:
            count_plain(totals, label, test)


def main(paths):
    """Print the sum of all logs; answer the exit status."""
    if not paths:
        print(__doc__.strip(), file=sys.stderr)
        return 2
    totals = Totals()
    for path in paths:
        read_log(totals, path)
    for where, why in totals.skips:
        print(f"skipped  {where}: {why}")
    for build, number in totals.left_out.items():
        print(f"left out {build}: {number} cases, which other shares have (RUNNER_SHARE)")
    for where, why in totals.failures:
        print(f"FAILED   {where}: {why}")
    print(f"{totals.passed} passed, {len(totals.failures)} failed, {len(totals.skips)} skipped")
    return 1 if totals.failures or not totals.passed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
