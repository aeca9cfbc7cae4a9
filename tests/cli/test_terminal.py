#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""On a terminal: hostile data is shown, never obeyed; colour only there, and only if wanted."""

import sys

from golden import SINEW, Terminal, case, each, main

HOSTILE = [
    ("clear_screen", b"\x1b[2J\x1b[H", rb"\x1b[2J\x1b[H"),
    ("title", b"\x1b]0;owned\x07", rb"\x1b]0;owned\x07"),
    ("backspaces", b"safe\b\b\b\bevil", rb"safe\x08\x08\x08\x08evil"),
    ("carriage_return", b"safe\revil", rb"safe\x0devil"),
    ("c1_controls", "\u009b2J\u0085".encode(), rb"\xc2\x9b2J\xc2\x85"),
    ("delete", b"\x7f", rb"\x7f"),
    ("not_utf8", b"\x9b\xff\xc0\x80", rb"\x9b\xff\xc0\x80"),
    ("zero", b"a\0b", rb"a\x00b"),
    ("plain", "t\u00e4b\there \U0001f600".encode(), "t\u00e4b\there \U0001f600".encode()),
]


@each(row=HOSTILE)
def data_is_shown(world, row):
    """Escaped on a terminal, byte for byte in a file."""
    uri = f"unix:{world.path}/s"
    terminal = Terminal(world, SINEW, "recv", uri)
    world.do("send", uri, "--split", "none", stdin=row[1])
    seen, code = terminal.end()
    world.equal((seen.replace(b"\t", b"\t"), code), (row[2] + b"\n", 0), "screen and exit code")
    plain = world.sinew("recv", uri)
    world.do("send", uri, "--split", "none", stdin=row[1])
    world.equal(plain.end().out, row[1] + b"\n", "file")


@case
def long_hostile_data(world):
    """The buffer of the escaper is not a limit."""
    uri = f"unix:{world.path}/s"
    terminal = Terminal(world, SINEW, "recv", uri)
    world.do("send", uri, "--split", "none", stdin=b"\x1b" * 50000 + "\u00e9".encode() * 5000)
    seen, _ = terminal.end()
    world.equal(seen, rb"\x1b" * 50000 + "\u00e9".encode() * 5000 + b"\n", "screen")


@case
def names_are_shown(world):
    """In error texts, too."""
    terminal = Terminal(world, SINEW, "recv", "unix:/no\x1b[31m/such")
    seen, code = terminal.end()
    world.equal(code, 1, "exit code")
    world.check(b"\x1b[31m" not in seen, f"{seen}")
    world.has(seen, r"\x1b[31m")


@case
def json_is_shown(world):
    uri = f"unix:{world.path}/s"
    terminal = Terminal(world, SINEW, "recv", "--json", uri)
    world.do("send", uri, "--split", "none", stdin="\x1b[2J\u009b".encode())
    seen, _ = terminal.end()
    world.check(b"\x1b" not in seen and b"\xc2\x9b" not in seen, f"{seen}")


@each(row=[("colour", {}, True), ("no_colour", {"NO_COLOR": "1"}, False),
           ("empty_no_colour", {"NO_COLOR": ""}, True), ("dumb", {"TERM": "dumb"}, False)])
def colour(world, row):
    """Bold headings and a red prefix on a terminal, unless NO_COLOR says no."""
    seen, _ = Terminal(world, SINEW, "help", env=row[1]).end()
    world.equal(b"\x1b[" in seen, row[2], "colour in help")
    seen, code = Terminal(world, SINEW, "recv", "pigeon:", env=row[1]).end()
    world.equal((b"\x1b[" in seen, code), (row[2], 2), "colour in an error")


@case
def no_colour_in_files(world):
    for argv in (["help"], ["recv", "--help"], ["info", "unix:/x"], ["recv", "pigeon:"]):
        ended = world.do(*argv, code=None)
        world.check(b"\x1b" not in ended.out + ended.err, f"{ended}")


@case
def output_on_a_terminal_error_in_a_file(world):
    """Each of the two is judged by itself."""
    ended = world.run("script", "-qec", f"{SINEW} recv pigeon: 2>err", "/dev/null", code=2)
    world.check(b"\x1b" not in (world.path / "err").read_bytes(), "no colour in the file")
    world.check(b"\x1b" not in ended.out, "nothing on the terminal")
    (world.path / "err").unlink()


if __name__ == "__main__":
    sys.exit(main())
