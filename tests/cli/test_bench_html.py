#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The report of sinew bench: one HTML file that is whole, loads nothing, and works in a browser."""

import html.parser
import json
import pathlib
import re
import shutil
import sys

from golden import SINEW, Skip, case, main

BROWSER = shutil.which("chromium")
VOID = {"meta"}

# Clicks the heading "p50" twice and leaves what came of it where the DOM shows it.
PROBE = """<script>
window.addEventListener("error", (event) => { document.body.dataset.error = event.message; });
const head = [...document.querySelectorAll("th")].find((cell) => cell.textContent === "p50");
const column = () => [...document.querySelectorAll("tbody tr")].map((row) => row.cells[head.cellIndex].dataset.v);
const seen = {};
head.querySelector("button").click();
seen.up = column();
seen.sort = head.getAttribute("aria-sort");
head.querySelector("button").click();
seen.down = column();
seen.pictures = document.querySelectorAll("svg").length;
seen.wide = document.documentElement.scrollWidth > document.documentElement.clientWidth;
seen.resources = performance.getEntriesByType("resource").length;
document.body.dataset.seen = JSON.stringify(seen);
</script></body>"""


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
    done = world.do("bench", "--quiet", "-d", "2ms", "-r", "2", "--sizes", "64,1K", "--cpus", "none", "--rate",
                    "20000", "--json", "-", "--html", "report.html", "pipe", "tcp", "mq", "udp", "unix-stream",
                    "ring-shm", "sem", "shm", "pipe:?pipe-size=<b>&x", code=1)
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
    measured = [row for row in result["rows"] if "costs_ns" in row]
    world.equal(text.count("<tr>"), len(measured) + 1, "rows, and the heading")
    (pathlib.Path(world.path) / "report.html").unlink()
    world.check("<b>" not in text.split("</style>")[1], "words from outside are no markup")


@case
def it_works_in_a_browser(world):
    if not BROWSER:
        raise Skip("chromium is not installed")
    text, _ = report(world)
    page = pathlib.Path(world.path) / "report.html"
    page.write_text(text.replace("</body>", PROBE), encoding="utf-8")
    common = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--enable-logging=stderr",
              "--host-resolver-rules=MAP * ~NOTFOUND", f"--user-data-dir={world.path}/home/profile"]
    done = world.run(BROWSER, *common, "--window-size=500,900", "--dump-dom", page.as_uri(), code=0,
                     env={"HOME": f"{world.path}/home"})
    world.equal(re.findall(rb".*CONSOLE.*", done.err), [], "console")
    dom = done.out.decode()
    world.check("data-error" not in dom, "no error")
    seen = json.loads(html.unescape(re.search(r'data-seen="([^"]*)"', dom)[1]))
    known = [float(value) for value in seen["up"] if value]
    world.check(len(known) > 8, f"rows with a p50: {len(known)}")
    world.equal(known, sorted(known), "sorted")
    world.equal([float(value) for value in seen["down"] if value], known[::-1], "the other way")
    world.check(not any(seen["down"][len(known):]), "what has none comes last")
    world.equal([seen["sort"], seen["wide"], seen["resources"]], ["ascending", False, 0], "the page")
    world.check(seen["pictures"] >= 5, "pictures")
    page.unlink()
    world.until(lambda: not shutil.rmtree(f"{world.path}/home", ignore_errors=True) and not world.names(),
                "nothing of the browser is left")


sys.exit(main())
