#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""sinew report --format html, opened in Chromium: what is drawn, said, and done by mouse and keys."""

import itertools
import json
import os
import pathlib
import re
import sys

from browser import Browser
from golden import case, each, main
from recordings import HERE, NAMES, crowd, lines_of, made, recording, report

MS = 1000000
SHIFT, CTRL = 8, 2
PAGE = pathlib.Path(__file__).resolve().parent.parent.parent / "src/observe/page"
STATES = ["new", "ready", "running", "blocked", "terminated", "asleep", "unseen"]


class Shared:
    """One browser for all cases, started when it is first needed."""

    browser = None

    @classmethod
    def get(cls):
        if not cls.browser:
            cls.browser = Browser(os.environ.get("CHROMIUM", "chromium"))
        return cls.browser

    @classmethod
    def close(cls):
        if cls.browser:
            cls.browser.close()


def page_of(world, data, **options):
    path = world.hidden / "timeline.html"
    path.write_bytes(report(world, data, "html").out)
    return Shared.get().open(path, **options)


def data_of(html):
    return json.loads(re.search(r'<script type="application/json" id="data">\n(.*?)\n</script>',
                                html.decode(), re.S)[1])


def text_of(page, id_):
    return page.ask(f"document.getElementById('{id_}').innerText")


def lane_of(page, tid):
    return page.ask(f"page.recording.lanes.findIndex(lane => lane.tid === {tid})")


def place_of(page, tid, time):
    """Where on the page a thread is at this time."""
    lane = lane_of(page, tid)
    return page.ask(f"""(() => {{
        const box = page.canvas.getBoundingClientRect();
        return [box.left + page.picture.xOf({time}), box.top + page.picture.yOf({lane})];
    }})()""")


# ---- the file ----

@each(name=NAMES)
def the_data_is_as_it_was(world, name):
    first, second = (report(world, recording(name), "html").out for _ in range(2))
    world.check(first == second, "not the same twice")
    data = data_of(first)
    summary, told = data.pop("report"), json.loads(report(world, recording(name), "json").out)
    world.check(set(summary.pop("doubts")) >= set(told.pop("doubts")), "doubts in the page")
    world.equal(summary, told, "the summary in the page")
    kept = HERE / f"{name}.lanes"
    text = json.dumps(data, indent=0, ensure_ascii=False) + "\n"
    if sys.argv[1:] == ["--write"]:
        kept.write_text(text, encoding="utf-8")
    world.check(text == kept.read_text(encoding="utf-8"), f"differs:\n{text[:4000]}")


@case
def the_page_needs_nothing_else(world):
    html = report(world, recording("pipe"), "html").out.decode()
    outside = set(re.findall(r"https?://[^\"' ]*", html))
    world.equal(outside, {"http://www.w3.org/2000/svg"}, "addresses")
    world.equal(re.findall(r"<(?:link|iframe|object|embed|base)\b|\bsrc=|@import|url\((?!#)", html), [],
                "what would load something")
    world.has(html, "default-src 'none'")


# ---- opening it ----

@each(name=NAMES)
def it_opens_without_a_word(world, name):
    for dark in (False, True):
        with page_of(world, recording(name), dark=dark) as page:
            page.frame()
            world.equal(page.complaints(), [], "console and network")
            world.check(page.picture().startswith(b"\x89PNG"), "no picture")
            colours = page.ask("""[...new Set(page.picture.buffer)].map(pixel => pixel >>> 0)""")
            wanted = page.ask("[...page.picture.pixels].map(pixel => pixel >>> 0)")
            world.check(len(set(colours) & set(wanted)) >= 3, "few states are drawn")
            light = page.ask("page.picture.background & 255")
            world.equal(light < 128, dark, "a dark background")


@each(name=["pipe", "real"])
def every_nanosecond_is_where_it_was(world, name):
    told = json.loads(report(world, recording(name), "json").out)
    with page_of(world, recording(name)) as page:
        sums = page.ask("""page.recording.lanes.map((lane, i) => {
            const {first, from, to, state} = page.recording, sums = Array(7).fill(0);
            for (let span = first[i]; span < first[i + 1]; span++)
                sums[state[span]] += to[span] - from[span];
            return [lane.tid, sums];
        })""")
    expected = {t["tid"]: [t["time_ns"][state] for state in STATES]
                for p in told["processes"] for t in p["threads"] if t["lifetime_ns"]}
    world.equal(dict(sums), expected, "time in each state")


@case
def the_theme_follows_its_user(world):
    with page_of(world, recording("pipe")) as page:
        for dark in (True, False):
            page.dark(dark)
            page.frame()
            world.equal(page.ask("page.picture.background & 255") < 128, dark, "dark")


@case
def on_paper_it_is_light(world):
    with page_of(world, recording("pipe"), dark=True) as page:
        page.command("Emulation.setEmulatedMedia", media="print",
                     features=[{"name": "prefers-color-scheme", "value": "dark"}])
        page.frame()
        world.check(page.ask("page.picture.background & 255") > 250, "dark paper")


@case
def a_recording_of_nothing_is_a_page_too(world):
    with page_of(world, made("header started=1000\nend time=2000")) as page:
        for key in ("+", "d", "ArrowRight", "f", "c", "n", "Escape"):
            page.key(key)
        page.frame()
        world.equal(page.ask("page.recording.from.length"), 0, "spans")
        world.equal(page.complaints(), [], "console and network")


# ---- asking it ----

@case
def a_click_says_what_was_waited_for_and_who_ended_that(world):
    with page_of(world, recording("pipe")) as page:
        page.click(*place_of(page, 457, 30 * MS))
        said = text_of(page, "now")
        world.has(said, "457 cat: blocked", "read on pipe:[8123]", "written by 456 feeder",
                  "Next hop", "456 feeder, running")
        page.click(*place_of(page, 470, 42 * MS))
        world.has(text_of(page, "now"), "470 busy: running", "on CPU")
        page.click(*place_of(page, 457, 45 * MS))
        world.has(text_of(page, "now"), "457 cat: ready", "it gave way")


@case
def following_leads_to_the_origin(world):
    """The reader waits for the writer, that for its timer."""
    with page_of(world, recording("pipe")) as page:
        page.click(*place_of(page, 457, 30 * MS))
        page.key("f")
        steps = page.ask("[...document.querySelectorAll('#chain li')].map(item => item.innerText)")
        world.has(steps[0], "457 cat, blocked: read on pipe:[8123]", "written by 456 feeder")
        world.has(steps[1], "456 feeder, running")
        world.has(steps[-1], "456 feeder, blocked: clock_nanosleep", "ended by a timer")
        world.equal(len(steps), 4, "steps")
        page.ask("document.querySelector('#chain li:last-child button').click()")
        world.has(text_of(page, "now"), "456 feeder: blocked", "ended by a timer")


@case
def the_critical_path_fills_the_time(world):
    """From a moment in the reader's work back: the reader, the writer, its sleep."""
    with page_of(world, recording("pipe")) as page:
        page.ask(f"page.select(page.recording.before({lane_of(page, 457)}, {50 * MS}))")
        (x0, y), (x1, _) = place_of(page, 457, 10 * MS), place_of(page, 457, 40.09 * MS)
        page.drag(x0, x1, y, modifiers=SHIFT)
        begin, end = page.ask("page.picture.range")
        path = page.ask("page.picture.path.map(({lane, from, to}) => "
                        "[page.recording.lanes[lane].tid, from, to])")
        world.equal((path[0][2], path[-1][1]), (end, begin), "ends")
        world.check(all(a[1] == b[2] for a, b in itertools.pairwise(path)), f"gaps: {path}")
        spent = {}
        for tid, from_, to in path:
            spent[tid] = spent.get(tid, 0) + to - from_
        world.check(spent[456] > 25 * MS > spent[457], f"on whom: {spent}")
        world.has(text_of(page, "path"), "Critical path", "456 feeder", "blocked: clock_nanosleep")


@case
def without_a_choice_the_path_is_that_of_who_ran_last(world):
    with page_of(world, recording("pipe")) as page:
        page.key("c")
        world.has(text_of(page, "path"), "470 busy", "running")
        world.equal(page.ask("page.picture.range"), [0, 100 * MS], "all that is shown")
        for _ in range(3):
            page.key("+")
        page.key("c")
        world.equal(page.ask("page.picture.range"),
                    page.ask("[page.picture.begin, page.picture.end]"), "what is shown now")


@case
def the_path_of_one_that_had_ended_is_that_until_its_end(world):
    with page_of(world, recording("pipe")) as page:
        lane = lane_of(page, 457)
        path, last = page.ask(f"[criticalPath(page.recording, {lane}, 0, {500 * MS}).map("
                              f"({{from, to}}) => [from, to]), "
                              f"page.recording.to[page.recording.first[{lane} + 1] - 1]]")
        world.check(len(path) > 2, f"nothing is told: {path}")
        world.equal(path[0][1], last, "from its end on")
        world.check(all(a[0] == b[1] for a, b in itertools.pairwise(path)), f"gaps: {path}")


@case
def search_finds_threads_and_waits(world):
    with page_of(world, recording("pipe")) as page:
        page.key("/")
        for letter in "pipe":
            page.key(letter)
        world.has(text_of(page, "found"), "2 found", "read on pipe:[8123]")
        page.key("Enter")
        world.has(text_of(page, "now"), "457 cat: blocked", "read on pipe:[8123]")
        page.ask("document.getElementById('search').value = 'busy', page.search('busy')")
        world.has(text_of(page, "found"), "1 found", "470 busy")
        page.ask("page.search('nothing like it')")
        world.has(text_of(page, "found"), "0 found")


@case
def keys_and_wheel_move_it(world):
    with page_of(world, recording("pipe")) as page:
        def shown():
            return page.ask("[page.picture.begin, page.picture.end]")
        begin, end = shown()
        page.key("+")
        closer = shown()
        world.check(begin < closer[0] < closer[1] < end, f"zoomed in: {closer}")
        page.key("d")
        world.check(shown()[0] > closer[0], "moved")
        page.key("0")
        world.equal(shown(), [begin, end], "all of it")
        x, y = place_of(page, 457, 30 * MS)
        page.mouse("mouseWheel", x, y, deltaX=0, deltaY=-300, modifiers=CTRL)
        world.until(lambda: shown()[1] - shown()[0] < (end - begin) * 0.9, "a zoom by the wheel")
        zoomed = shown()
        page.drag(x, x - 100, y)
        world.check(shown()[0] > zoomed[0], "dragged")
        page.key("ArrowDown")
        world.check(page.ask("page.picture.selected") >= 0, "selected by a key")
        page.key("Escape")
        world.equal(page.ask("page.picture.selected"), -1, "nothing selected")


@case
def zoom_keeps_what_is_looked_at_where_it_is(world):
    """What is selected, else what the pointer is at, else the middle."""
    with page_of(world, recording("pipe")) as page:
        def middle_of(span):
            return page.ask(f"page.picture.xOf((page.recording.from[{span}] + page.recording.to[{span}]) / 2)")
        page.key("+")
        shown = page.ask("[page.picture.begin, page.picture.end]")
        world.check(abs(sum(shown) / 2 - 50 * MS) < 1, f"the middle: {shown}")
        page.key("0")
        x, y = place_of(page, 457, 10 * MS)
        page.mouse("mouseMoved", x, y)
        world.until(lambda: page.ask("page.pointer") > 0, "the pointer")
        page.key("+")
        world.check(abs(place_of(page, 457, 10 * MS)[0] - x) < 1, "the pointer is where it was")
        page.key("0")
        page.ask(f"page.select(page.recording.before({lane_of(page, 457)}, {70 * MS}))")
        span = page.ask("page.picture.selected")
        before = middle_of(span)
        for _ in range(3):
            page.key("+")
            world.check(abs(middle_of(span) - before) < 1, "what is selected is where it was")


@case
def two_moments_are_chosen_by_keys(world):
    with page_of(world, recording("pipe")) as page:
        page.ask(f"page.select(page.recording.before({lane_of(page, 457)}, {10 * MS}))")
        page.key("[")
        from_ = page.ask("page.recording.from[page.picture.selected]")
        world.equal(page.ask("page.picture.range"), [from_, 100 * MS], "from there to the end")
        page.key("ArrowRight")
        page.key("]")
        to = page.ask("page.recording.to[page.picture.selected]")
        world.equal(page.ask("page.picture.range"), [from_, to], "from one to the other")
        world.has(text_of(page, "path"), "Critical path", "457 cat")


@case
def help_and_the_diagram_open_by_a_key(world):
    with page_of(world, recording("pipe")) as page:
        for key, name, word in (("?", "help", "Mouse and keys"), ("g", "diagram", "")):
            page.key(key)
            world.check(page.ask(f"document.getElementById('{name}').open"), f"{name} is open")
            world.has(text_of(page, name), word)
            page.key("+")
            world.equal(page.ask("page.picture.end"), 100 * MS, "keys are not for what is behind")
            page.ask(f"document.querySelector('#{name} button').click()")
            world.check(not page.ask(f"document.getElementById('{name}').open"), f"{name} is closed")
        width = page.ask("""(page.act('g'), document.querySelector('#diagram img').getBoundingClientRect().width)""")
        world.check(width > 900, f"large enough to be read: {width}")


@case
def each_key_is_in_the_help_and_each_button_has_a_name(world):
    with page_of(world, recording("pipe")) as page:
        told = page.ask("[...document.querySelectorAll('#help kbd')].map(key => key.textContent)")
        words = {"←": "ArrowLeft", "→": "ArrowRight", "↑": "ArrowUp", "↓": "ArrowDown", "−": "-",
                 "Esc": "Escape"}
        known = {words.get(key, key) for key in told} - {"Ctrl", "Shift"}
        acts = set(page.ask("Object.keys(page.acts)"))
        world.equal(known, acts - {"=", "w", "s"}, "keys")
        tree = page.command("Accessibility.getFullAXTree")["nodes"]
        roles = ("button", "searchbox", "application")
        names = [(node["role"]["value"], node["name"]["value"]) for node in tree
                 if not node["ignored"] and node["role"]["value"] in roles]
        world.check(all(name.strip() for _, name in names), f"without a name: {names}")
        world.check({"zoom in", "zoom out", "help", "Follow", "Critical path"} <= {n for _, n in names}, names)
        world.check("Search threads and waits" in [n for _, n in names], names)


@case
def what_has_the_focus_is_seen(world):
    with page_of(world, recording("pipe")) as page:
        for _ in range(9):
            page.command("Input.dispatchKeyEvent", type="keyDown", key="Tab", code="Tab",
                         windowsVirtualKeyCode=9)
            seen = page.ask("""(() => {
                const style = getComputedStyle(document.activeElement);
                return [document.activeElement.tagName, style.outlineStyle, style.outlineWidth];
            })()""")
            world.equal(seen[1:], ["solid", "2px"], f"outline of {seen[0]}")


@case
def keys_are_for_what_has_the_focus(world):
    """Arrows scroll the words, and select bars again once one was chosen there; letters move the picture."""
    with page_of(world, recording("pipe")) as page:
        page.ask("document.querySelector('aside').focus()")
        page.key("ArrowDown")
        world.equal(page.ask("page.picture.selected"), -1, "selected")
        page.key("+")
        world.check(page.ask("page.picture.end") < 100 * MS, "zoomed")
        page.ask("document.querySelector('#summary li button').click()")
        chosen = page.ask("page.picture.selected")
        world.check(chosen >= 0, "nothing was chosen")
        page.key("ArrowRight")
        world.equal(page.ask("page.picture.selected"), chosen + 1, "the next one")


@case
def a_narrow_screen_has_all_of_it(world):
    """The picture above, the words below; nothing sticks out, all can be reached."""
    with page_of(world, recording("pipe"), width=400, height=800) as page:
        page.frame()
        world.check(page.ask("document.documentElement.scrollWidth") <= 400, "wider than the screen")
        boxes = page.ask("""[...document.querySelectorAll('header button, header input, #lanes, aside')].map(
            e => e.getBoundingClientRect()).map(b => [b.left, b.right, b.width, b.height])""")
        world.check(all(left >= 0 and right <= 400 and width > 8 and height > 8
                        for left, right, width, height in boxes), f"outside: {boxes}")
        world.check(page.ask("page.picture.width - page.picture.gutter") > 250, "room for bars")
        page.click(*place_of(page, 457, 30 * MS))
        world.has(text_of(page, "now"), "457 cat: blocked")


@case
def it_says_what_was_traced_how_and_with_which_words(world):
    with page_of(world, recording("pipe")) as page:
        world.equal(text_of(page, "title"), "./feeder | cat", "title")
        world.has(text_of(page, "about"), "every change of these threads was seen in the kernel", "tier A")
        world.equal(text_of(page, "notes"), "feeder: 2 lines in 40 ms", "the note of who recorded it")
        rows = page.ask("""[...document.querySelectorAll('#summary tbody tr')].map(
            row => [...row.cells].map(cell => cell.innerText))""")
        processes = json.loads(report(world, recording("pipe"), "json").out)["processes"]
        waits = {f"{p['pid']} {p['comm']}": str(p["transitions"]["blocked"])
                 for p in processes if p["thread_count"]}
        world.equal({row[0]: row[4] for row in rows}, waits, "how often each waited")


@case
def arrows_are_drawn_where_a_wait_is_wide_enough(world):
    with page_of(world, recording("pipe")) as page:
        page.frame()
        world.check(page.ask("page.picture.wakes.length") > 0, "no arrow")
        least = page.ask("""Math.min(...page.picture.wakes.map(span =>
            page.picture.xOf(page.recording.to[span]) - page.picture.xOf(page.recording.from[span])))""")
        world.check(least > 5, f"an arrow on a bar of {least} pixels")


@case
def a_dot_ends_what_none_of_the_threads_ended(world):
    """Every wait that is wide enough has an arrow or a dot, but those that were not over."""
    with page_of(world, recording("pipe")) as page:
        page.frame()
        ends = page.ask("""(() => { const {recording: r, picture: p} = page;
            const wide = span => r.isWait(span) && p.widthOf(span) > ARROW_LEAST + 1 && r.to[span] < r.duration;
            return {wide: [...r.state.keys()].filter(wide), wakes: p.wakes, dots: p.dots,
                    timers: p.dots.map(span => r.causeOf(span).ended)}; })()""")
        world.check("ended by a timer" in ends["timers"], f"what dots are: {ends['timers']}")
        world.equal([span for span in ends["wide"] if span not in ends["wakes"] + ends["dots"]], [], "without an end")


@case
def percentages_add_up(world):
    """In the table of a path and in the diagram."""
    with page_of(world, recording("pipe")) as page:
        world.equal(page.ask("shares([1, 1, 1])"), ["33.4 %", "33.3 %", "33.3 %"], "thirds")
        world.equal(page.ask("shares([])"), [], "of nothing")
        page.ask("page.showPath()")
        told = page.ask("""[...document.querySelectorAll("#path tbody tr")].map(row => row.cells[1].textContent)""")
        world.check(len(told) > 1, f"parts: {told}")
        world.equal(sum(round(float(part.split()[0]) * 10) for part in told), 1000, "tenths of the path")
        diagram = page.ask("document.getElementById('states').innerHTML")
        world.equal(sum(map(int, re.findall(r"(\d+) % of all time", diagram))), 100, "of the diagram")


@case
def a_state_has_one_name(world):
    """Who has ended is terminated, everywhere, as in the diagram."""
    with page_of(world, recording("pipe")) as page:
        world.equal(page.ask("STATES[TERMINATED]"), "terminated", "a bar")
        words = page.ask("document.body.textContent.replace(document.getElementById('data').textContent, '')")
        world.has(words, "terminated")
        world.check("zombie" not in words, "another word")


@case
def a_process_with_threads_can_be_folded(world):
    with page_of(world, b"".join(crowd_of(400))) as page:
        rows = page.ask("page.picture.rows.length")
        page.ask("page.select(page.recording.first[1])")
        for expected in (rows - crowd.PER_PROCESS, rows):
            page.key("x")
            world.equal(page.ask("page.picture.rows.length"), expected, "rows, folded by a key")
        page.ask("page.click(20, RULER + 5)")
        world.equal(page.ask("page.picture.rows.length"), rows - crowd.PER_PROCESS, "rows")
        page.ask("page.goTo(page.recording.first[1])")
        world.equal(page.ask("page.picture.rows.length"), rows, "rows when one of them is gone to")


# ---- what could go wrong ----

@case
def hostile_names_are_words(world):
    """Of threads, objects and the command: no element, no script, no end of one."""
    evil = "</script><script>document.title='owned'</script><img src=x onerror=alert(1)>"
    lines = lines_of("pipe").replace("comm=feeder", "comm='</template><b>'")
    lines = lines.replace("text=pipe:[8123]", f'text="{evil}"')
    lines = lines.replace("command='-- ./feeder | cat'", f'command="{evil}"')
    with page_of(world, made(lines)) as page:
        page.frame()
        page.click(*place_of(page, 457, 30 * MS))
        world.has(text_of(page, "now"), evil, "456 </template><b>")
        world.equal(page.ask("document.scripts.length"), 2, "scripts")
        world.equal(page.ask("document.images.length"), 2, "images: the diagram, small and large")
        world.equal(page.ask("document.querySelectorAll('b').length"), 0, "elements")
        world.equal(page.ask("document.title"), f"Timeline of {evil}", "title")
        world.equal(page.complaints(), [], "console and network")


def crowd_of(count):
    class Parts(list):
        write = list.append
    parts = Parts()
    crowd.write(count, parts)
    return parts


@case
def a_hundred_thousand_intervals_are_shown(world):
    with page_of(world, b"".join(crowd_of(100000))) as page:
        world.equal(page.ask("page.recording.lanes.length"), crowd.THREADS, "threads")
        world.check(page.ask("page.recording.from.length") > 300000, "spans")
        frames = page.ask("page.drawn.frames")
        for key in ("+", "d", "-", "0"):
            page.key(key)
            page.frame()
        world.check(page.ask("page.drawn.frames") >= frames + 3, "drawn anew")
        drawn = page.ask("""(() => {
            let sum = 0;
            page.picture.draw();
            for (let i = 0; i < page.picture.shares.length; i++)
                sum += page.picture.shares[i];
            return sum / page.picture.columns;
        })()""")
        world.check(0.99 < drawn < 1.01, f"the last lane is drawn from one end to the other: {drawn}")
        world.equal(page.complaints(), [], "console and network")


# ---- colours ----

# What is left of linear red, green and blue for who sees no red, no green, no blue (Machado et al., 2009).
BLIND = {
    "nothing amiss": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "no red": ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216),
               (-0.003882, -0.048116, 1.051998)),
    "no green": ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413),
                 (-0.011820, 0.042940, 0.968881)),
    "no blue": ((1.255528, -0.076749, -0.178779), (-0.078411, 0.930809, 0.147602),
                (0.004733, 0.691367, 0.303900)),
    "paper": ((0.2126, 0.7152, 0.0722),) * 3,
}


def linear(colour):
    parts = (int(colour[at:at + 2], 16) / 255 for at in (1, 3, 5))
    return [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]


def lab(rgb):
    r, g, b = rgb
    xyz = ((0.4124 * r + 0.3576 * g + 0.1805 * b) / 0.9505, 0.2126 * r + 0.7152 * g + 0.0722 * b,
           (0.0193 * r + 0.1192 * g + 0.9505 * b) / 1.089)
    x, y, z = (max(0, t) ** (1 / 3) if t > 0.008856 else 7.787 * t + 16 / 116 for t in xyz)
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


def seen(colour, matrix):
    rgb = linear(colour)
    return lab([min(1, max(0, sum(m * c for m, c in zip(row, rgb)))) for row in matrix])


@each(eyes=list(BLIND))
def colours_can_be_told_apart(world, eyes):
    """Any two of five, and each from what is behind it. On paper they are the light ones, and grey."""
    css = (PAGE / "page.css").read_text(encoding="utf-8")
    light, dark = css.split("@media screen and (prefers-color-scheme: dark)")[:2]
    least = 10 if eyes == "paper" else 14
    for theme in (light,) if eyes == "paper" else (light, dark):
        colours = dict(re.findall(r"--(new|ready|running|blocked|terminated): (#[0-9a-f]{6})", theme))
        world.equal(len(colours), 5, "states")
        back = re.search(r"--back: (#[0-9a-f]{6})", theme)[1]
        for (a, x), (b, y) in itertools.combinations([*colours.items(), ("back", back)], 2):
            apart = sum((p - q) ** 2 for p, q in zip(seen(x, BLIND[eyes]), seen(y, BLIND[eyes])))
            world.check(apart ** 0.5 >= least, f"{a} and {b}: {apart ** 0.5:.1f}")


if __name__ == "__main__":
    try:
        code = main()
    finally:
        Shared.close()
    sys.exit(code)
