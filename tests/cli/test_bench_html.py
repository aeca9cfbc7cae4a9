#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The report of sinew bench: one HTML file that is whole, loads nothing, and works in a browser."""

import html.parser
import json
import pathlib
import re
import shutil
import sys

from browser import Browser
from golden import SINEW, Skip, case, main

CHROMIUM = shutil.which("chromium")
VOID = {"input", "meta"}

# The figures of the column "p50", and how it is sorted.
COLUMN = """(() => {
  const head = [...document.querySelectorAll("th")].find((cell) => cell.textContent === "p50");
  return {sort: head.getAttribute("aria-sort"),
          values: [...document.querySelectorAll("tbody tr")].map((row) => row.cells[head.cellIndex].dataset.v)};
})()"""
CLICK = """[...document.querySelectorAll("th")].find((cell) => cell.textContent === "p50")
  .querySelector("button").click()"""
WIDE = "document.documentElement.scrollWidth > document.documentElement.clientWidth"


class Page(html.parser.HTMLParser):
    """Checks that every element is closed; keeps the text, and what is referred to."""

    def __init__(self):
        super().__init__()
        self.open, self.words, self.wrong, self.refers = [], [], [], []

    def handle_starttag(self, tag, attrs):
        self.refers += [value for key, value in attrs if key in ("src", "href")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        pass

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.wrong.append((tag, self.getpos()))

    def handle_data(self, data):
        self.words.append(data)


def report(world):
    """A short run; its report and its JSON."""
    done = world.do("bench", "--quiet", "-d", "2ms", "-r", "2", "--sizes", "64,1K", "--cpus", "none", "--mode",
                    "latency,stream,paced", "--rate", "20000", "--json", "-", "--html", "report.html", "pipe", "tcp", "mq", "udp", "unix-stream",
                    "ring-shm", "unix-seqpacket-many", "sem", "shm",
                    "pipe:?pipe-size=<b>&x", code=1)
    return (pathlib.Path(world.path) / "report.html").read_text(encoding="utf-8"), json.loads(done.out)


@case
def it_is_whole(world):
    text, result = report(world)
    page = Page()
    page.feed(text)
    world.equal([page.open, page.wrong, page.refers], [[], [], []], "elements")
    world.equal(re.findall(r"https?://|url\(|@import", text), [], "references")
    words = " ".join(page.words)
    for claim in result["claims"] + result["advice"]:
        world.has(words, claim["about"], claim["verdict"], claim["text"])
    for goal in result["goals"]:
        world.has(words, goal["about"], goal["wanted"], *(row["mechanism"] for row in goal["rows"]))
    measured = [row for row in result["rows"] if "costs_ns" in row]
    world.equal(text.count("<tr>"), len(measured) + 1, "rows, and the heading")
    (pathlib.Path(world.path) / "report.html").unlink()
    world.check("<b>" not in text.split("</style>", 1)[1], "words from outside are no markup")


def check_sorting(world, page):
    page.ask(CLICK)
    up = page.ask(COLUMN)
    known = [float(value) for value in up["values"] if value]
    world.check(len(known) > 8, f"rows with a p50: {len(known)}")
    world.equal(known, sorted(known), "sorted")
    world.equal(up["sort"], "ascending", "what the heading says")
    page.ask(CLICK)
    down = page.ask(COLUMN)["values"]
    world.equal([float(value) for value in down if value], known[::-1], "the other way")
    world.check(not any(down[len(known):]), "what has none comes last")


SHOWN = """[...document.querySelectorAll("th")].filter((head) => head.getClientRects().length).length"""


def check_columns(world, page):
    """Few at first, all on demand, and on paper."""
    few = page.ask(SHOWN)
    page.command("Emulation.setEmulatedMedia", media="print")
    everything = page.ask(SHOWN)
    page.command("Emulation.setEmulatedMedia", media="")
    page.ask("document.querySelector('label[for=all]').click()")
    world.equal([few, everything, page.ask(SHOWN)], [11, 22, 22], "columns: at first, on paper, on demand")
    page.ask("document.querySelector('label[for=all]').click()")
    world.equal(page.ask(SHOWN), few, "and few again")


def check_labels(world, page):
    """No figure of a chart lies on a bar or on another word."""
    hidden = page.ask("""[...document.querySelectorAll("svg")].flatMap((svg) => {
      const texts = [...svg.querySelectorAll("text")].map((text) => [text.textContent, text.getBoundingClientRect()]);
      const bars = [...svg.querySelectorAll("rect")].map((bar) => ["a bar", bar.getBoundingClientRect()]);
      const frame = svg.getBoundingClientRect();
      const meet = (a, b) => a.left + 1 < b.right && b.left + 1 < a.right && a.top + 3 < b.bottom && b.top + 3 < a.bottom;
      return texts.flatMap(([word, box], i) => [...texts.slice(i + 1), ...bars]
        .filter(([, other]) => other.width > 0 && meet(box, other)).map(([other]) => `${word} on ${other}`)
        .concat(box.left < frame.left - 1 || box.right > frame.right + 1 ? [`${word} is cut`] : []));
    })""")
    world.equal(hidden, [], "labels that are hidden")


@case
def it_works_in_a_browser(world):
    if not CHROMIUM:
        raise Skip("chromium is not installed")
    report(world)
    path = pathlib.Path(world.path) / "report.html"
    browser = Browser(CHROMIUM)
    try:
        with browser.open(path) as page:
            check_sorting(world, page)
            check_columns(world, page)
            check_labels(world, page)
            world.check(page.ask("document.querySelectorAll('svg').length") >= 5, "pictures")
            world.check(page.ask("document.body.innerText.includes('by size, two CPUs: sockets')"),
                        "a picture for each family")
            world.equal(page.complaints(), [], "complaints")
        with browser.open(path, width=400, dark=True) as page:
            world.equal(page.ask(WIDE), False, "wider than a telephone")
            check_labels(world, page)
    finally:
        browser.close()
    path.unlink()


sys.exit(main())
