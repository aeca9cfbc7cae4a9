#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""sinew help, info, rm, --version and wrong usage: words, JSON and exit codes."""

import json
import os
import re
import signal
import socket
import subprocess
import sys

from golden import BENCH_LIMIT, LIMIT, SINEW, case, each, lines, main

VERBS = ["send", "recv", "relay", "wait", "post", "lock", "region", "trace", "ps", "report", "bench", "info", "stat",
         "rm", "help"]
EVENTS = ["signal", "sem", "sysvsem", "eventfd"]
REGIONS = ["shm", "memfd", "file", "sysvshm"]
KINDS = {**dict.fromkeys(EVENTS, "event"), **dict.fromkeys(REGIONS, "region")}
SCHEMES = [line.split("\t")[0] for line in subprocess.run(
    [SINEW, "help", "--list", "schemes"], capture_output=True, text=True, check=True
).stdout.splitlines()]


def text(ended):
    return ended.out.decode()


# ---- help ----

@case
def schemes_are_these(world):
    world.equal(SCHEMES, ["pipe", "fifo", "unix", "tcp", "udp", "mq", "msgq", "ring",
                          *EVENTS, *REGIONS],
                "schemes")


@each(verb=VERBS)
def help_of_a_verb(world, verb):
    """--help, -h and help VERB say the same: usage, every option, two examples."""
    shown = world.do(verb, "--help")
    world.equal(shown.err, b"", "standard error")
    world.equal(world.do(verb, "-h").out, shown.out, "-h")
    world.equal(world.do("help", verb).out, shown.out, f"help {verb}")
    world.has(shown.out, f"Usage: sinew {verb}", "--help")
    for line in text(world.do("help", "--list", "options", verb)).splitlines():
        world.has(shown.out, line.split("\t")[0])
    examples = text(shown).split("Examples\n")[1].splitlines()
    world.equal(len(examples), 2, "examples")
    for example in examples:
        world.has(example, "sinew ")
    world.check(max(map(len, text(shown).split("Examples")[0].splitlines())) <= 80, "80 columns")


@each(verb=VERBS)
def examples_work(world, verb):
    """Each example of a verb runs as it stands, in a shell whose /tmp is this case's."""
    for example in text(world.do(verb, "--help")).split("Examples\n")[1].splitlines():
        script = example.strip().replace("/tmp/", f"{world.path}/")
        script = re.sub(r"\bsinew\b", "$SINEW", script)
        with socket.socket() as port:  # nobody is given it while it is bound, and who asks for it may share it
            port.bind(("127.0.0.1", 0))
            port.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            script = script.replace("localhost:7000", f"localhost:{port.getsockname()[1]}")
            ended = world.shell(script + "; wait", limit=BENCH_LIMIT if verb == "bench" else LIMIT)
        world.check(ended.code in (0, 124), f"{ended}")
        world.check(b": unknown option" not in ended.err, f"{ended}")


@each(scheme=SCHEMES)
def help_of_a_scheme(world, scheme):
    """Each option with its values and default, the limits of this system."""
    shown = world.do("help", scheme)
    info = json.loads(world.do("info", "--json", EXAMPLES[scheme]).out)
    for option in info["options"]:
        world.has(shown.out, f"{option['key']}={option['values']}")
        if option["default"]:
            world.has(shown.out, f"[{option['default']}]")
    for limit in info["limits"]:
        world.has(shown.out, limit["name"], limit["source"])
    listed = text(world.do("help", "--list", "options", scheme)).splitlines()
    world.equal([line.split("\t")[0] for line in listed],
                [option["key"] for option in info["options"]], "keys")
    world.equal(world.do("help", scheme + ":").out, shown.out, "help with a colon")


@case
def help_of_everything(world):
    shown = world.do("help")
    world.equal(world.do("--help").out, shown.out, "--help")
    world.equal(world.do("-h").out, shown.out, "-h")
    world.has(shown.out, *VERBS, *[s + ":" for s in SCHEMES], "Exit codes")
    world.equal([line.split("\t")[0] for line in text(world.do("help", "--list", "verbs"))
                 .splitlines()], VERBS, "verbs")


@case
def help_of_nonsense(world):
    ended = world.do("help", "pigeon", code=2)
    world.has(ended.err, "pigeon", *VERBS, *SCHEMES)
    world.has(world.do("help", "--list", "birds", code=2).err, "birds", "schemes", "verbs")
    world.has(world.do("help", "--list", "options", code=2).err, "options needs")


@case
def version(world):
    shown = world.do("--version").out
    world.check(re.fullmatch(rb"sinew \d+\.\d+\.\d+\n", shown), f"{shown}")
    world.equal(world.do("-V").out, shown, "-V")


# ---- wrong usage ----

WRONG = [
    ("no_verb", [], [*VERBS]),
    ("unknown_verb", ["fly"], ["fly", *VERBS]),
    ("unknown_option", ["recv", "--colour", "unix:@x"], ["--colour", "--count", "--timeout"]),
    ("unknown_letter", ["recv", "-z", "unix:@x"], ["-z"]),
    ("option_of_another_verb", ["info", "--count", "3", "unix:@x"], ["--count"]),
    ("no_uri", ["recv"], ["too few", "URI"]),
    ("one_uri_too_many", ["recv", "unix:@x", "unix:@y"], ["one argument too many", "unix:@y"]),
    ("relay_to_nowhere", ["relay", "unix:@x"], ["too few"]),
    ("rm_of_nothing", ["rm"], ["too few"]),
    ("missing_value", ["recv", "unix:@x", "--count"], ["--count needs"]),
    ("value_too_much", ["recv", "--json=yes", "unix:@x"], ["--json takes no value"]),
    ("count_of_letters", ["recv", "-n", "many", "unix:@x"], ["many", "a number"]),
    ("count_negative", ["recv", "-n", "-1", "unix:@x"], ["-1"]),
    ("time_of_letters", ["recv", "--timeout", "soon", "unix:@x"], ["soon"]),
    ("split_of_nonsense", ["recv", "--split", "hairs", "unix:@x"], ["hairs", "line, nul or none"]),
    ("split_of_zero", ["send", "--split", "0", "unix:@x"], ["0"]),
    ("pair_without_value", ["recv", "-o", "max", "unix:@x"], ["max"]),
    ("data_twice", ["send", "-d", "a", "-d", "b", "unix:@x"], ["--data"]),
    ("no_scheme", ["recv", "/tmp/x"], ["scheme:name"]),
    ("unknown_scheme", ["recv", "pigeon:/x"], ["pigeon", *[s + ":" for s in SCHEMES]]),
    ("unknown_key", ["recv", "unix:/x?colour=red"], ["colour", "type", "allow", "max", "frame"]),
    ("unknown_key_by_option", ["recv", "unix:/x", "-o", "colour=red"], ["colour", "type"]),
    ("unknown_value", ["recv", "unix:/x?type=carrier"], ["carrier", "stream|seqpacket|dgram"]),
    ("unknown_key_of_send", ["send", "tcp:127.0.0.1:1?colour=red"], ["colour", "nodelay"]),
    ("unknown_key_of_relay", ["relay", "unix:/x", "tcp:127.0.0.1:1?a=b"], ["nodelay"]),
    ("unknown_key_of_info", ["info", "fifo:/x?a=b"], ["chunk"]),
    ("unknown_key_of_rm", ["rm", "fifo:/x?a=b"], ["chunk"]),
    ("pipe_of_nothing", ["recv", "pipe:"], ["read="]),
    ("descriptor_not_open", ["recv", "pipe:read=77"], ["77"]),
    ("descriptor_wrong_way", ["recv", "pipe:read=2"], []),
    ("name_too_long", ["recv", "unix:/" + "x" * 200], ["107"]),
    ("rm_of_tcp", ["rm", "tcp:127.0.0.1:1"], ["leaves nothing"]),
]


@each(row=WRONG)
def wrong(world, row):
    """Exit code 2, nothing on standard output, one line of words that name what is known."""
    ended = world.do(*row[1], code=2)
    world.equal(ended.out, b"", "standard output")
    world.check(ended.err.startswith(b"sinew: "), f"{ended}")
    world.equal(ended.err.count(b"\n"), 1, "lines of words")
    world.has(ended.err, *row[2])


@case
def options_anywhere(world):
    """Before the verb, after it, between and after the operands; none after --."""
    uri = f"unix:{world.path}/s"
    for argv in (["-n1", "recv", uri], ["recv", "-n1", uri], ["recv", uri, "-n", "1"],
                 ["--count=1", "recv", "--", uri], ["recv", uri, "--cou", "1"]):
        receiver = world.sinew(*argv)
        world.do("send", uri, "--data", "x")
        world.equal(receiver.end().out, b"x\n", f"output of {argv}")
    world.has(world.do("recv", "--", uri, "-n1", code=2).err, "one argument too many, -n1")


@case
def options_of_the_uri(world):
    """-o key=value is the same as in the URI; the last word counts."""
    one = json.loads(world.do("info", "--json", "unix:/x?max=7&frame=line").out)
    two = json.loads(world.do("info", "--json", "unix:/x", "-o", "max=7", "-o", "frame=line").out)
    for key in ("max_message", "capabilities"):
        world.equal(two[key], one[key], key)
    again = json.loads(world.do("info", "--json", "unix:/x?max=7", "-omax=9").out)
    world.equal(again["max_message"], 9, "the largest message")
    receiver = world.sinew("recv", "-o", "type=seqpacket", "-o", "mode=0600", f"unix:{world.path}/s")
    world.equal(world.appears("s").stat().st_mode & 0o777, 0o600, "mode")
    world.do("send", "-o", "type=seqpacket", f"unix:{world.path}/s", "-d", "x")
    world.equal(receiver.end().out, b"x\n", "output")


@case
def odd_names(world):
    """%XX in names; names with a space, a plus and a hash."""
    receiver = world.sinew("recv", f"unix:{world.path}/a%20b+c#d%3f%25")
    world.appears("a b+c#d?%")
    world.do("send", f"unix:{world.path}/a b+c#d%3F%25", "-d", "x")
    world.equal(receiver.end().out, b"x\n", "output")


# ---- info ----

EXAMPLES = {"pipe": "pipe:", "fifo": "fifo:/no/such", "unix": "unix:/no/such",
            "tcp": "tcp:localhost:7000", "udp": "udp:localhost:7000",
            "mq": "mq:/sinew.no.such", "msgq": "msgq:/no/such",
            "ring": "ring:shm:/no-such",
            "signal": "signal:self", "sem": "sem:/x", "sysvsem": "sysvsem:1", "eventfd": "eventfd:",
            "shm": "shm:/no-such", "memfd": "memfd:/no/such", "file": "file:/no/such",
            "sysvshm": "sysvshm:0x51"}
# As the kernel has it, unless it was told otherwise.
LARGEST = {"fifo": 4092, "udp": 65487, "mq": 8192, "msgq": 8192, "signal": (1 << 64) - 1, "sem": 1,
           "sysvsem": 32767, "eventfd": (1 << 64) - 2}


@each(scheme=SCHEMES)
def info(world, scheme):
    uri = EXAMPLES[scheme]
    report = json.loads(world.do("info", "--json", uri).out)
    kind = KINDS.get(scheme, "channel")
    most = "max_size" if kind == "region" else "max_message"
    world.equal(set(report), {"uri", "scheme", "kind", "summary", most, "capabilities", "limits",
                              "options"}, "keys")
    world.equal((report["uri"], report["scheme"]), (uri, scheme), "uri and scheme")
    world.equal(report["kind"], kind, "kind")
    if kind == "region":
        world.equal(report["capabilities"]["served"], scheme == "memfd", "served")
    else:
        world.equal(report["max_message"], LARGEST.get(scheme, 1 << 20), "largest message")
        world.equal(report["capabilities"].get("network", False), scheme in ("tcp", "udp"), "network")
        world.equal(report["capabilities"]["named"], scheme not in ("pipe", "eventfd"), "named")
    shown = world.do("info", uri)
    for name, able in report["capabilities"].items():
        world.check(re.search(rf"\b{name} +{'yes' if able else 'no'} ", text(shown)), f"{name}")
    for limit in report["limits"]:
        world.has(shown.out, limit["name"], str(limit["value"]))
        if limit["source"].startswith("/proc"):
            world.equal(limit["value"],
                        min(int(open(limit["source"]).read().split()[0]), (1 << 63) - 1), "limit")
    world.equal(world.names(), [], "what is left")


@case
def info_follows_the_options(world):
    """Capabilities are those of the URI with its options."""
    def ask(uri):
        return json.loads(world.do("info", "--json", uri).out)
    stream, packets = ask("unix:/x")["capabilities"], ask("unix:/x?type=dgram")["capabilities"]
    world.equal((stream["end"], packets["end"]), (True, False), "end")
    world.equal(ask("fifo:/x?chunk=1")["max_message"], 1 << 20, "with chunk=1")
    world.equal(ask("unix:/x?frame=raw")["capabilities"]["boundaries"], False, "frame=raw")


@case
def info_of_everything(world):
    report = json.loads(world.do("info", "--json").out)
    world.equal([s["name"] for s in report["schemes"]], SCHEMES, "schemes")
    shown = world.do("info")
    for scheme in report["schemes"]:
        world.has(shown.out, scheme["syntax"])


@case
def info_of_several(world):
    ended = world.do("info", "--json", "unix:/x", "tcp:localhost:1", code=None)
    if ended.code == 2:
        world.has(ended.err, "one argument too many")
    else:
        world.equal([r["scheme"] for r in lines(ended.out)], ["unix", "tcp"], "schemes")


# ---- rm ----

def stale_socket(path):
    left = socket.socket(socket.AF_UNIX)
    left.bind(str(path))
    left.close()


@case
def rm_stale(world):
    stale_socket(world.path / "s")
    os.mkfifo(world.path / "f")
    ended = world.do("rm", "-v", f"unix:{world.path}/s", f"fifo:{world.path}/f")
    world.has(ended.err, "removed")
    world.equal((ended.out, world.names()), (b"", []), "output and what is left")


@case
def rm_missing(world):
    world.has(world.do("rm", f"unix:{world.path}/s", code=1).err, "No such file")
    world.has(world.do("rm", f"fifo:{world.path}/s", code=1).err, "No such file")


@each(kind=["stream", "seqpacket", "dgram"])
def rm_live(world, kind):
    """Refused with exit code 1, and the listener is not disturbed."""
    receiver = world.sinew("recv", "-n", 1, f"unix:{world.path}/s?type={kind}")
    world.appears("s")
    ended = world.do("rm", f"unix:{world.path}/s?type={kind}", code=1)
    world.has(ended.err, "somebody listens there")
    world.do("rm", f"unix:{world.path}/s", code=1)
    world.do("send", f"unix:{world.path}/s?type={kind}", "-d", "x")
    world.equal(receiver.end().out, b"x\n", "output")


@case
def rm_live_fifo(world):
    receiver = world.sinew("recv", f"fifo:{world.path}/f")
    world.appears("f")
    receiver.blocked()
    world.do("rm", f"fifo:{world.path}/f", code=1)
    receiver.signal(signal.SIGINT)
    receiver.end()
    world.equal(world.names(), [], "what is left")


@case
def rm_something_else(world):
    (world.path / "file").write_text("precious")
    os.mkfifo(world.path / "f")
    world.has(world.do("rm", f"unix:{world.path}/file", code=1).err, "not a socket")
    world.has(world.do("rm", f"fifo:{world.path}/file", code=1).err, "not a fifo")
    world.has(world.do("rm", f"unix:{world.path}/f", code=1).err, "not a socket")
    world.equal(world.names(), ["f", "file"], "what is left")
    os.unlink(world.path / "file")
    os.unlink(world.path / "f")


@case
def rm_goes_on(world):
    """After a failure; the exit code is the worst."""
    stale_socket(world.path / "s")
    world.do("rm", f"unix:{world.path}/missing", f"unix:{world.path}/s", code=1)
    world.equal(world.names(), [], "what is left")
    stale_socket(world.path / "s")
    world.do("rm", "pigeon:/x", f"unix:{world.path}/s", code=2)
    world.equal(world.names(), [], "what is left")


@case
def output_closed(world):
    """What cannot be printed is a fault of the system."""
    for argv in ("help", "info", "--version", "recv --help"):
        ended = world.shell(f"$SINEW {argv} > /dev/full", code=3)
        world.has(ended.err, "standard output")


if __name__ == "__main__":
    sys.exit(main())
