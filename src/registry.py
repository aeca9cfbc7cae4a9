#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes registry.c: the tables of mechanisms, from the build's lists.

registry.py OUTPUT HEADER... -- TABLE TYPE NAME... [-- TABLE TYPE NAME...]...

A mechanism NAME is a `const struct sinew__TYPE sinew__TYPE_NAME`, declared in one of the headers,
whose first member is its scheme.
"""
import sys


def lists(words):
    """The words between the dashes."""
    found = [[]]
    for word in words:
        if word == "--":
            found.append([])
        else:
            found[-1].append(word)
    return found


output = sys.argv[1]
headers, *tables = lists(sys.argv[2:])
lines = ["/* Made by registry.py from the lists in meson.build. */"]
lines += [f'#include "{header}"' for header in headers] + [""]
for table, kind, *names in tables:
    symbols = [f"sinew__{kind}_{name}" for name in names]
    lines += [f"extern const struct sinew__{kind} {symbol};" for symbol in symbols]
    lines += ["", f"const struct sinew__scheme *const {table}[] = {{"]
    lines += [f"\t&{symbol}.scheme," for symbol in symbols]
    lines += ["\tNULL,", "};", ""]
with open(output, "w", encoding="ascii") as f:
    f.write("\n".join(lines))
