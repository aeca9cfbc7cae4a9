#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes a C header that holds the text of files: embed.py OUTPUT NAME=FILE..."""
import json
import sys

with open(sys.argv[1], "w", encoding="utf-8") as out:
    for pair in sys.argv[2:]:
        name, file = pair.split("=", 1)
        with open(file, encoding="utf-8") as source:
            lines = [json.dumps(line) for line in source]
        out.write(f"static const char {name}[] =\n\t" + "\n\t".join(lines) + ";\n")
