# SPDX-License-Identifier: MIT
"""A small framework for running the command, or any program, and saying in TAP what came of it.

A case is a function with @case, which gets a World: a fresh directory, and processes that cannot
outlive it. It passes when it returns, has made at least one check, and has left neither a process
nor a file behind. Nothing here sleeps for a fixed time: a wait ends when the
state waited for is observed, and its limit only bounds how long a failure takes.
"""

import contextlib
import hashlib
import json
import os
import pathlib
import pty
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback

PIPE = subprocess.PIPE
SINEW = os.environ.get("SINEW") or sys.exit("SINEW= has to name the program to be tested")
FACTOR = int(os.environ.get("RUNNER_TIMEOUT_FACTOR", "1"))
LIMIT = 30 * FACTOR
BENCH_LIMIT = 4 * LIMIT  # for what keeps a CPU busy for seconds, of which others may want most
CASES = []


class Failure(Exception):
    """A check that did not hold."""


class Skip(Exception):
    """A case that cannot run here, with the reason."""


def case(function):
    """Register a case."""
    CASES.append((function.__name__, function, {}))
    return function


def each(**lists):
    """Register a case once per value, which is a name or begins with one: @each(verb=VERBS)."""
    (key, values), = lists.items()

    def register(function):
        for value in values:
            name = value if isinstance(value, str) else value[0]
            CASES.append((f"{function.__name__}[{name}]", function, {key: value}))
        return function
    return register


class Ended:
    """What a program left: its exit code (minus the signal) and both outputs."""

    def __init__(self, argv, code, out, err):
        self.argv, self.code, self.out, self.err = argv, code, out, err

    def __str__(self):
        return (f"{' '.join(map(str, self.argv))}\n  exit code {self.code}\n"
                f"  out {self.out[-800:]!r}\n  err {self.err[-800:]!r}")


class Running:
    """A program that runs. Its standard error goes to a file, which can be looked at meanwhile."""

    def __init__(self, world, argv, stdin, stdout, env, options):
        self.world, self.argv = world, argv
        self.err_path = world.hidden / f"err-{len(world.running)}"
        self.out_path = world.hidden / f"out-{len(world.running)}"
        data = stdin if isinstance(stdin, bytes) else None
        with contextlib.ExitStack() as files:
            source = stdin
            if data is not None:
                path = world.hidden / f"in-{len(world.running)}"
                path.write_bytes(data)
                source = files.enter_context(open(path, "rb"))
            err = options.pop("stderr", None) or files.enter_context(open(self.err_path, "wb"))
            out = stdout
            if out is None:
                out = files.enter_context(open(self.out_path, "wb"))
            self.process = subprocess.Popen(argv, stdin=source, stdout=out, stderr=err,
                                            cwd=world.path, env=env, **options)
        self.pid = self.process.pid
        world.running.append(self)

    @property
    def out(self):
        return self.out_path.read_bytes() if self.out_path.exists() else b""

    @property
    def err(self):
        return self.err_path.read_bytes() if self.err_path.exists() else b""

    def end(self, limit=LIMIT):
        """Wait for its end."""
        try:
            code = self.process.wait(limit)
        except subprocess.TimeoutExpired:
            raise Failure(f"still running after {limit} s: {self.now()}") from None
        return Ended(self.argv, code, self.out, self.err)

    def now(self):
        return Ended(self.argv, self.process.poll(), self.out, self.err)

    def signal(self, number):
        self.process.send_signal(number)

    def blocked(self):
        """Wait until it sleeps in the kernel, twice the same way with no step between."""
        self.world.until(lambda: self._settled(), f"{self.argv[0]} blocks")

    def _settled(self):
        first = self._state()
        os.sched_yield()
        select.select([], [], [], 0.002)
        return first == self._state() and first[0] == "S"

    def _state(self):
        if self.process.poll() is not None:
            raise Failure(f"it ended: {self.now()}")
        status = pathlib.Path(f"/proc/{self.pid}/status").read_text()
        fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
        return (fields["State"][0], fields["voluntary_ctxt_switches"],
                fields["nonvoluntary_ctxt_switches"])


class World:
    """One case's directory and processes."""

    def __init__(self):
        self.path = pathlib.Path(tempfile.mkdtemp(prefix="golden-"))
        self.hidden = pathlib.Path(tempfile.mkdtemp(prefix="golden-x-"))
        self.running, self.checks = [], 0
        self.env = {k: v for k, v in os.environ.items()
                    if k not in ("NO_COLOR", "TERM", "LINES", "COLUMNS", "NOTIFY_SOCKET")}
        self.env |= {"LC_ALL": "C.UTF-8", "TERM": "xterm"}

    # ---- programs ----

    def start(self, *argv, stdin=subprocess.DEVNULL, stdout=None, env=None, **options):
        """Start any program."""
        return Running(self, [str(a) for a in argv], stdin, stdout, self.env | (env or {}),
                       options)

    def run(self, *argv, code=None, limit=LIMIT, **options):
        """Run any program to its end; with code=, that must be its exit code."""
        ended = self.start(*argv, **options).end(limit)
        if code is not None:
            self.check(ended.code == code, f"exit code {code} expected: {ended}")
        return ended

    def sinew(self, *argv, **options):
        """Start the command."""
        return self.start(SINEW, *argv, **options)

    def do(self, *argv, code=0, **options):
        """Run the command to its end."""
        return self.run(SINEW, *argv, code=code, **options)

    def shell(self, script, **options):
        """Run a script with the shell; $SINEW is the command."""
        return self.run("bash", "-c", script, env={"SINEW": SINEW}, **options)

    def feed(self, running, data):
        """Write to a program that was started with stdin=PIPE."""
        running.process.stdin.write(data)
        running.process.stdin.flush()

    # ---- checks and waits ----

    def check(self, holds, words):
        self.checks += 1
        if not holds:
            raise Failure(words)

    def equal(self, got, want, what="value"):
        self.check(got == want, f"{what}: {short(got)} instead of {short(want)}")

    def has(self, text, *words):
        """Every word occurs in it."""
        text = text.decode(errors="replace") if isinstance(text, bytes) else text
        for word in words:
            self.check(word in text, f"no {word!r} in {text!r}")

    def until(self, condition, what, limit=LIMIT):
        """Wait until it is true."""
        end = time.monotonic() + limit
        while not (value := condition()):
            if time.monotonic() > end:
                raise Failure(f"not within {limit} s: {what}")
            select.select([], [], [], 0.002)
        self.checks += 1
        return value

    def names(self):
        return sorted(p.name for p in self.path.iterdir())

    def appears(self, name):
        """Wait for a path in the directory."""
        self.until(lambda: os.path.lexists(self.path / name), f"{name} appears")
        return self.path / name

    def listening(self, running):
        """Wait until a program listens on TCP or receives on UDP; answer the port."""
        def port():
            if running.process.poll() is not None:
                raise Failure(f"it ended: {running.now()}")
            return ports_of(running.pid)
        return self.until(port, "it listens")

    # ---- the end ----

    def close(self):
        left = [r for r in self.running if r.process.poll() is None]
        for running in left:
            running.process.kill()
            running.process.wait()
        names = self.names()
        shutil.rmtree(self.path)
        shutil.rmtree(self.hidden)
        return [r.argv for r in left], names


def ports_of(pid):
    """The port on which a process listens, from what the kernel shows."""
    inodes = set()
    with contextlib.suppress(FileNotFoundError):
        for fd in os.scandir(f"/proc/{pid}/fd"):
            with contextlib.suppress(FileNotFoundError):
                inodes.add(os.readlink(fd.path))
    for protocol, state in ("tcp", "0A"), ("udp", "07"):
        for line in pathlib.Path(f"/proc/net/{protocol}").read_text().splitlines()[1:]:
            fields = line.split()
            port = int(fields[1].split(":")[1], 16)
            if fields[3] == state and port and f"socket:[{fields[9]}]" in inodes:
                return port
    return None


def short(value):
    text = repr(value)
    return text if len(text) < 600 else f"{text[:250]} ... {text[-250:]} ({len(text)} characters)"


def sha(data):
    return hashlib.sha256(data).hexdigest()


def lines(data):
    """A program's output as JSON objects, one a line."""
    return [json.loads(line) for line in data.decode().split("\n")[:-1]]


# ---- terminals ----

class Terminal:
    """A program whose standard output and error are a terminal."""

    def __init__(self, world, *argv, env=None):
        self.world = world
        self.master, slave = pty.openpty()
        self.seen = b""
        environment = world.env | (env or {})
        self.running = world.start(*argv, stdout=slave, stderr=slave, env=environment)
        os.close(slave)

    def end(self):
        """All it wrote, newline by newline as it wrote them, and its exit code."""
        while True:
            ready, _, _ = select.select([self.master], [], [], LIMIT)
            if not ready:
                raise Failure(f"the terminal is silent; so far {self.seen!r}")
            try:
                data = os.read(self.master, 65536)
            except OSError:
                data = b""
            if not data:
                break
            self.seen += data
        os.close(self.master)
        code = self.running.end().code
        return self.seen.replace(b"\r\n", b"\n"), code


# ---- running the cases ----

def run_case(function, arguments):
    """Run one; answer (verdict, reason)."""
    world = World()
    verdict, reason = "ok", ""
    try:
        function(world, **arguments)
        if not world.checks:
            verdict, reason = "not ok", "made no check"
    except Skip as skip:
        verdict, reason = "skip", str(skip)
    except Failure as failure:
        where = traceback.extract_tb(failure.__traceback__)
        place = next((f for f in where if f.name == function.__name__), where[0])
        verdict, reason = "not ok", f"line {place.lineno}: {failure}"
    except Exception:
        verdict, reason = "not ok", traceback.format_exc(limit=-3)
    left, names = world.close()
    if verdict == "ok" and left:
        verdict, reason = "not ok", f"left processes behind: {left}"
    if verdict == "ok" and names:
        verdict, reason = "not ok", f"left files behind: {names}"
    return verdict, reason


def may_skip(name):
    """Whether RUNNER_SKIPS, if set, has a line for this case."""
    path = os.environ.get("RUNNER_SKIPS")
    rows = pathlib.Path(path).read_text().splitlines() if path else [name]
    return name in [row.split("\t")[0] for row in rows]


def ignore_alone():
    """What this was told to ignore, by nohup or a shell's &, is not ignored by what it starts."""
    for number in (signal.SIGHUP, signal.SIGINT):
        if signal.getsignal(number) == signal.SIG_IGN:
            signal.signal(number, lambda *_: None)


def main():
    """Run the cases whose names contain one of the words, or all."""
    words = [w for w in sys.argv[1:] if not w.startswith("-")]
    chosen = [c for c in CASES if not words or any(w in c[0] for w in words)]
    failed = 0
    print("TAP version 13", f"1..{len(chosen)}", sep="\n", flush=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    ignore_alone()
    for number, (name, function, arguments) in enumerate(chosen, 1):
        start = time.monotonic()
        verdict, reason = run_case(function, arguments)
        taken = time.monotonic() - start
        if verdict == "skip" and not may_skip(name):
            verdict, reason = "not ok", f"skipped, and not on the list of allowed skips: {reason}"
        failed += verdict == "not ok"
        if verdict == "skip":
            print(f"ok {number} - {name} # SKIP {reason}", flush=True)
            continue
        print(f"{verdict} {number} - {name}", flush=True)
        for line in reason.splitlines():
            print(f"#   {re.sub('[^ -~]', '?', line)}", flush=True)
        if "-v" in sys.argv:
            print(f"# {taken:.3f} s", flush=True)
    return 1 if failed else 0
