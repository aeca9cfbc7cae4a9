# SPDX-License-Identifier: MIT
"""The recordings that are kept in readable lines in tests/recordings, and sinew report over them."""

import pathlib
import sys

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


def report(world, data, form):
    path = world.hidden / "recording"
    path.write_bytes(data)
    return world.do("report", path, "--format", form)
