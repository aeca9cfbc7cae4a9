#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Makes a recording out of readable lines.

build.py LINES RECORDING
build.py --lines RECORDING >LINES

A line is the type of a record and its fields, as `interval tid=7 number=1 why=blocked …`; the first one
is the header. Fields are those of src/observe/record.h; what is not given is zero. Numbers may be sums
(`time=base+250`), words stand for constants (WORDS), `let NAME NUMBER` makes another. Values of texts are
shell words with Python's escapes. `sort` puts the records so far into the order of their times, `bytes
00ff` puts bytes as they are, `size=` gives a record another size than its own. `#` begins a comment.
"""
import shlex
import struct
import sys

WHO = [("tid", "I"), ("tgid", "I"), ("start", "Q")]
WAIT = [("state", "I"), ("call", "i"), ("arg0", "Q"), ("arg1", "I"), ("fd", "i"), ("magic", "I"),
        ("dev", "I"), ("ino", "Q"), ("detail", "I"), ("arg2", "I")]
TYPES = {
    "interval": (1, WHO + [("number", "I"), ("left_cpu", "H"), ("why", "B"), ("context", "B"),
                           ("ran_since", "Q"), ("left", "Q"), ("woken", "Q"), ("waker_tid", "I"),
                           ("waker_tgid", "I"), ("next_tid", "I"), ("next_tgid", "I")] + WAIT +
                 [("waker_call", "I"), ("reserved", "I")]),
    "thread": (2, WHO + [("maker_tid", "I"), ("maker_tgid", "I"), ("state", "I"), ("priority", "i"),
                         ("cgroup", "Q"), ("comm", "16s")]),
    "admit": (3, WHO),
    "exec": (4, WHO + [("old_tid", "I"), ("reserved", "I"), ("old_start", "Q"), ("comm", "16s")]),
    "exit": (5, WHO + [("code", "I"), ("parent_tgid", "I")]),
    "reaped": (6, WHO + [("exited", "Q"), ("reaped", "Q"), ("reaper_tid", "I"), ("reaper_tgid", "I"),
                         ("certain", "I"), ("reserved", "I")]),
    "name": (7, WHO + [("comm", "16s")]),
    "object": (8, [("magic", "I"), ("dev", "I"), ("ino", "Q"), ("detail", "I"), ("length", "I")]),
    "loss": (9, [("lost", "Q"), ("since", "Q")]),
    "cpu": (10, [("idle", "Q"), ("recorder", "Q"), ("switches", "Q"), ("overlaps", "Q"),
                  ("unknown", "Q")]),
    "note": (11, [("length", "I"), ("reserved", "I")]),
    "end": (12, [("records", "Q"), ("lost", "Q"), ("exit_code", "i"), ("reserved", "I"),
                 ("startup", "Q"), ("seeding", "Q"), ("seeded", "Q")]),
    "sample": (13, WHO + [("running", "Q"), ("ready", "Q"), ("blocked", "Q"), ("terminated", "Q"),
                          ("dispatched", "I"), ("voluntary", "I"), ("involuntary", "I"),
                          ("reserved", "I")] + WAIT),
}
HEADER = [("magic", "8s"), ("version", "I"), ("order", "I"), ("size", "I"), ("tier", "I"),
          ("has", "I"), ("scope", "I"), ("started", "Q"), ("day", "Q"), ("asleep", "Q"),
          ("pid_space", "Q"), ("slice", "Q"), ("machine", "I"), ("cpus", "I"), ("page", "I"),
          ("recorder", "I"), ("target", "I"), ("reserved0", "I"), ("boot_id", "16s"),
          ("release", "64s"), ("command", "256s"), ("reserved", "80s")]
PRESET = {"magic": b"SINEWREC", "version": 1, "order": 0x01020304, "size": 512, "tier": ord("A"),
          "has": 0xff, "scope": 1, "machine": 62, "cpus": 2, "page": 4096}
WORDS = {
    # why
    "unknown": 0, "blocked": 1, "slice": 2, "woken": 3, "class": 4, "yield": 5, "other": 6, "dead": 7,
    "running": 8, "new": 9,
    # context
    "task": 1, "softirq": 2, "hardirq": 3, "timer": 4, "worker": 5, "nmi": 6,
    # flags of an interval, of a note, of a thread, of an exit
    "open": 1, "seeded": 2, "early": 4, "fault": 8, "kernel": 16, "compat": 32, "late": 64,
    "user": 1, "there": 1, "kthread": 2, "zombie": 4, "oncpu": 8, "process": 1,
    # magic numbers
    "pipe": 0x50495045, "socket": 0x534f434b, "anon": 0x09041934,
    # system calls of x86-64
    "read": 0, "write": 1, "poll": 7, "wait4": 61, "kill": 62, "futex": 202, "nanosleep": 230,
    "everything": 0x1ff,
}


def number(text):
    total = 0
    for part in text.split("+"):
        sign = -1 if part.startswith("-") else 1
        part = part.removeprefix("-")
        total += sign * (WORDS[part] if part in WORDS else int(part, 0))
    return total


def plain(text):
    return text.encode("latin-1", "backslashreplace").decode("unicode_escape").encode("latin-1")


def pack(fields, given):
    values = [given.pop(name, b"" if kind.endswith("s") else 0) for name, kind in fields]
    return struct.pack("=" + "".join(kind for _, kind in fields), *values)


def assign(words, fields):
    kinds = dict(fields)
    given = {}
    for word in words:
        name, _, value = word.partition("=")
        given[name] = plain(value) if kinds.get(name, "").endswith("s") or name == "text" \
            else number(value)
    return given


def header(words):
    given = dict(PRESET, **assign(words, HEADER))
    extra = bytes(max(0, given["size"] - 512)) if given["size"] < 4097 else b""
    return pack(HEADER, given) + extra


def record(kind, words):
    code, fields = TYPES[kind]
    given = assign(words, fields)
    text = given.pop("text", b"")
    if "length" in dict(fields):
        given.setdefault("length", len(text))
    if kind in ("interval", "sample"):
        given.setdefault("call", -1)
        given.setdefault("fd", -1)
    head = [given.pop(name, 0) for name in ("cpu", "flags", "time")]
    size = given.pop("size", None)
    code = given.pop("type", code)
    body = pack(fields, given) + text + bytes(-len(text) % 8)
    if given:
        sys.exit(f"{kind}: no such field: {', '.join(given)}")
    if size is not None and 16 <= size < 1024:
        body = body[:size - 16] + bytes(max(0, size - 16 - len(body)))
    return struct.pack("=HHHHQ", code, size if size is not None else 16 + len(body), *head) + body


def build(lines):
    head, records, count = b"", [], 0
    for line in lines:
        words = shlex.split(line, comments=True)
        if not words:
            continue
        if words[0] == "header":
            head = header(words[1:])
        elif words[0] == "let":
            WORDS[words[1]] = number(words[2])
        elif words[0] == "sort":
            records.sort(key=lambda data: int.from_bytes(data[8:16], sys.byteorder))
        elif words[0] == "bytes":
            records.append(bytes.fromhex(words[1]))
        elif words[0] == "end":
            records.append(record("end", [f"records={count}", "exit_code=-1", *words[1:]]))
        else:
            count += 1
            records.append(record(words[0], words[1:]))
    return head + b"".join(records)


def field(name, kind, value):
    if kind.endswith("s"):
        value = shlex.quote(value.rstrip(b"\0").decode("latin-1").encode("unicode_escape").decode())
    return f"{name}={value}"


def fields_of(data, at, end, fields, preset):
    """The fields that are not what they would be if they were not given."""
    for name, kind in fields:
        size = struct.calcsize("=" + kind)
        if at + size > end:
            return
        value, = struct.unpack_from("=" + kind, data, at)
        at += size
        if value != preset.get(name, 0) and value != bytes(size):
            yield field(name, kind, value)


def lines(data):
    """The readable form of a recording that is whole."""
    yield " ".join(["header", *fields_of(data, 0, 512, HEADER, PRESET)])
    names = {code: (name, fields) for name, (code, fields) in TYPES.items()}
    at = struct.unpack_from("=I", data, 16)[0]
    while at < len(data):
        code, size, *head = struct.unpack_from("=HHHHQ", data, at)
        name, fields = names[code]
        words = [name] + [f"{key}={value}"
                          for key, value in zip(("cpu", "flags", "time"), head) if value]
        preset = {"interval": {"call": -1, "fd": -1}, "end": {"exit_code": -1}}.get(name, {})
        words += [word for word in fields_of(data, at + 16, at + size, fields, preset)
                  if not word.startswith(("length=", "records="))]
        if "length" in dict(fields):
            text = at + 16 + struct.calcsize("=" + "".join(kind for _, kind in fields))
            words.append(field("text", "s", data[text:at + size]))
        yield " ".join(words)
        at += size


if __name__ == "__main__":
    if sys.argv[1] == "--lines":
        with open(sys.argv[2], "rb") as source:
            print("\n".join(lines(source.read())))
        sys.exit()
    with open(sys.argv[1], encoding="utf-8") as source:
        made = build(source)
    with open(sys.argv[2], "wb") as target:
        target.write(made)
