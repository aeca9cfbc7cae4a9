#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes registry.c: the table of mechanisms, from the build's list. registry.py OUTPUT NAME..."""
import sys

output, names = sys.argv[1], sys.argv[2:]
lines = ["/* Made by registry.py from the list in meson.build. */", '#include "channel.h"', ""]
lines += [f"extern const struct sinew__transport sinew__transport_{name};" for name in names]
lines += ["", "const struct sinew__transport *const sinew__transports[] = {"]
lines += [f"\t&sinew__transport_{name}," for name in names]
lines += ["\tNULL,", "};", ""]
with open(output, "w", encoding="ascii") as f:
    f.write("\n".join(lines))
