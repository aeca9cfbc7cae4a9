#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Makes page.h of page.html: embed.py PAGE.html OUTPUT.

@FILE@ stands for a file beside it. What is left is cut at @states@ and @data@, which are written for each
recording, into three arrays of bytes.
"""
import pathlib
import re
import sys

page, output = map(pathlib.Path, sys.argv[1:])


def content(match):
    return (page.parent / match[1]).read_text(encoding="utf-8")


whole = re.sub(r"@([a-z]+\.(?:js|css))@\n?", content, page.read_text(encoding="utf-8"))
parts = re.split(r"@states@\n|@data@\n", whole)
names = ["page_head", "page_middle", "page_tail"]
with output.open("w", encoding="ascii") as header:
    for name, part in zip(names, parts, strict=True):
        data = part.encode()
        header.write(f"static const unsigned char {name}[{len(data)}] = {{\n")
        for at in range(0, len(data), 24):
            header.write("".join(f"{byte}," for byte in data[at:at + 24]) + "\n")
        header.write("};\n")
