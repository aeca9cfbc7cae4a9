#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""How fluid the timeline of a large recording is: timeline_frames.py INTERVALS...

Makes a recording of so many intervals, opens its page in Chromium, moves and zooms for 120 frames at four
scales, and prints frames a second as the page's own requestAnimationFrame sees them (the browser makes at
most 60), the time to draw one, and the longest from one to the next. The frames of the first move after
opening are not counted: the browser still translates the script then. SINEW and CHROMIUM name the programs.
"""
import os
import pathlib
import subprocess
import sys
import tempfile
import time

from browser import Browser
from recordings import crowd

MOVE = """new Promise(done => {
    const {picture, drawn} = page, all = page.recording.duration, shown = all * SHARE;
    let n = 0, longest = 0, first = performance.now(), last = first;
    drawn.frames = drawn.time = 0;
    const next = () => {
        const now = performance.now();
        longest = Math.max(longest, now - last);
        last = now;
        if (n++ === 120)
            return done([120000 / (now - first), drawn.time / drawn.frames, longest]);
        picture.show(all * n / 240, all * n / 240 + shown * (1 + n / 1200));
        page.redraw();
        requestAnimationFrame(next);
    };
    requestAnimationFrame(next);
})"""


def page_of(count, directory):
    made, page = directory / "recording", directory / "timeline.html"
    with made.open("wb") as stream:
        crowd.write(count, stream)
    with page.open("wb") as stream:
        subprocess.run([os.environ["SINEW"], "report", "-f", "html", made], stdout=stream, check=True)
    return page


def measure(browser, count, directory):
    path = page_of(count, directory)
    started = time.monotonic()
    with browser.open(path) as page:
        page.frame()
        print(f"{count} intervals: {page.ask('page.recording.from.length')} spans, "
              f"{path.stat().st_size / 1e6:.1f} MB, open after {time.monotonic() - started:.1f} s, "
              f"{page.ask('performance.memory.usedJSHeapSize') / 1e6:.0f} MB of memory")
        page.ask(MOVE.replace("SHARE", "1"))
        for share in (1, 0.3, 0.03, 0.001):
            rate, draw, longest = page.ask(MOVE.replace("SHARE", str(share)))
            print(f"  {share:5} of it in sight: {rate:.1f} frames a second, {draw:.1f} ms to draw one, "
                  f"{longest:.0f} ms at most between two")


def main():
    browser = Browser(os.environ.get("CHROMIUM", "chromium"))
    try:
        for count in map(int, sys.argv[1:]):
            with tempfile.TemporaryDirectory() as directory:
                measure(browser, count, pathlib.Path(directory))
    finally:
        browser.close()


if __name__ == "__main__":
    main()
