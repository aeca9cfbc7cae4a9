#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The sums of summary.py, against logs of which the right sum is known."""

import json
import os
import subprocess
import sys
import tempfile
import unittest

SUMMARY = os.path.join(os.path.dirname(os.path.abspath(__file__)), "summary.py")


def tap(stdout, result="OK", returncode=0, name="program"):
    """One program's line of the log."""
    return {"name": name, "stdout": stdout, "result": result, "returncode": returncode,
            "command": [name, "--tap"]}


def plain(result, stdout=None, returncode=0):
    """A test that only has an exit status."""
    return {"name": "script", "stdout": stdout, "result": result, "returncode": returncode,
            "command": ["script"]}


class Sums(unittest.TestCase):
    def sum_up(self, *logs):
        """What summary.py says of these logs: status, all lines."""
        with tempfile.TemporaryDirectory() as top:
            paths = []
            for number, tests in enumerate(logs):
                logs_dir = os.path.join(top, f"build{number}", "meson-logs")
                os.makedirs(logs_dir)
                with open(os.path.join(logs_dir, "testlog.json"), "w", encoding="utf-8") as log:
                    log.writelines(json.dumps(test) + "\n" for test in tests)
                paths.append(os.path.dirname(logs_dir))
            done = subprocess.run([sys.executable, SUMMARY, *paths], capture_output=True,
                                  text=True, check=False)
        return done.returncode, done.stdout.splitlines()

    def expect(self, status, last, *logs):
        got, lines = self.sum_up(*logs)
        self.assertEqual((got, lines[-1]), (status, last), lines)
        return lines

    def test_cases_not_programs(self):
        log = [tap("TAP version 13\n1..3\nok 1 - a\nok 2 - b[x]/y\nok 3 - c\n# 3 passed\n")]
        self.expect(0, "3 passed, 0 failed, 0 skipped", log)

    def test_several_logs(self):
        log = [tap("1..2\nok 1 - a\nok 2 - b # SKIP no such kernel\n"), plain("OK"), plain("SKIP")]
        lines = self.expect(0, "4 passed, 0 failed, 4 skipped", log, log)
        self.assertIn("skipped  build1: program: b: no such kernel", lines)

    def test_left_out_is_neither_passed_nor_skipped(self):
        log = [tap("1..1\nok 1 - a\n# left out by RUNNER_SHARE: 4\n# 1 passed\n"),
               tap("1..1\nok 1 - b\n# left out by RUNNER_SHARE: 3\n")]
        whole = [tap("1..2\nok 1 - a\nok 2 - b\n#   # left out by RUNNER_SHARE: 9\n")]
        lines = self.expect(0, "4 passed, 0 failed, 0 skipped", log, whole)
        said = [line for line in lines if line.startswith("left out")]
        self.assertEqual(said, ["left out build0: 7 cases, which other shares have (RUNNER_SHARE)"])

    def test_failure_with_its_reason(self):
        log = [tap("1..2\nok 1 - a\nnot ok 2 - b\n# a.c:3: x is false\n#   ok 3 - said by b\n",
                   "ERROR", 1)]
        lines = self.expect(1, "1 passed, 1 failed, 0 skipped", log)
        self.assertIn("FAILED   build0: program: b: a.c:3: x is false", lines)

    def test_short_report(self):
        log = [tap("1..5\nok 1 - a\n", "TIMEOUT", -15)]
        self.expect(1, "1 passed, 1 failed, 0 skipped", log)

    def test_short_report_that_calls_itself_good(self):
        self.expect(1, "1 passed, 1 failed, 0 skipped", [tap("1..2\nok 1 - a\n")])

    def test_silence(self):
        self.expect(1, "0 passed, 1 failed, 0 skipped", [tap("", "SKIP")])
        self.expect(1, "0 passed, 1 failed, 0 skipped", [tap(None, "SKIP")])

    def test_bad_end_after_good_cases(self):
        self.expect(1, "1 passed, 1 failed, 0 skipped", [tap("1..1\nok 1 - a\n", "ERROR", 23)])

    def test_bail_out(self):
        log = [tap("1..1\nok 1 - a\nBail out! stopped\n", "ERROR", 143)]
        self.expect(1, "1 passed, 1 failed, 0 skipped", log)

    def test_plain_results(self):
        log = [plain("OK"), plain("FAIL", returncode=1), plain("TIMEOUT"), plain("UNEXPECTEDPASS")]
        self.expect(1, "1 passed, 3 failed, 0 skipped", log)

    def test_nothing_passed(self):
        self.expect(1, "0 passed, 0 failed, 1 skipped", [plain("SKIP", "a\nthe reason\n")])
        self.expect(1, "0 passed, 1 failed, 0 skipped", [])

    def test_no_log(self):
        done = subprocess.run([sys.executable, SUMMARY, "/nowhere/at/all"], capture_output=True,
                              text=True, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertEqual(done.stdout.splitlines()[-1], "0 passed, 1 failed, 0 skipped")


if __name__ == "__main__":
    unittest.main()
