# SPDX-License-Identifier: MIT
"""The recordings that are kept in readable lines in tests/recordings, and sinew report over them."""

import os
import pathlib
import subprocess
import sys

from golden import SINEW, main

HERE = pathlib.Path(__file__).resolve().parent.parent / "recordings"
sys.path.insert(0, str(HERE))
import build  # noqa: E402
import crowd  # noqa: E402, F401

NAMES = sorted(path.stem for path in HERE.glob("*.txt"))


def lines_of(name):
    return (HERE / f"{name}.txt").read_text(encoding="utf-8")


def made(text):
    """The recording of such lines."""
    return build.build(text.splitlines())


def recording(name):
    return made(lines_of(name))


def keep(world, data):
    path = world.hidden / "recording"
    path.write_bytes(data)
    return path


def report(world, data, form):
    return world.do("report", keep(world, data), "--format", form)


def write(forms):
    """What comes out now, beside the recordings: to be read before it is committed."""
    for name in NAMES:
        path = HERE / f"{name}.rec"
        path.write_bytes(recording(name))
        for form in forms:
            out = subprocess.run([SINEW, "report", path, "--format", form], check=True,
                                 capture_output=True).stdout
            (HERE / f"{name}.{form}").write_bytes(out)
        os.unlink(path)


def main_or_write(forms):
    """The tests, or with --write what they compare with."""
    return write(forms) if sys.argv[1:] == ["--write"] else main()
