#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Compares the man pages with what they describe, and runs their examples.

check.py SINEW HEADER PAGE...

SINEW is the program, HEADER the public header, PAGE every page that is installed. What the program
and the header say is the truth; each page must say it, too, and nothing else. Prints TAP.
"""
import json
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import tempfile

sinew, header = sys.argv[1], pathlib.Path(sys.argv[2])
pages = {path.name: path for path in map(pathlib.Path, sys.argv[3:])}
count = failed = 0


def tell(name, problems, skip=None):
    """One TAP line; `problems` is a list of sentences, none if all is well."""
    global count, failed
    count += 1
    failed += bool(problems)
    directive = f" # SKIP {skip}" if skip else ""
    print(f"{'not ok' if problems else 'ok'} {count} - {name}{directive}")
    for problem in problems:
        print("#", problem)


def ask(*arguments):
    return subprocess.run([sinew, *arguments], check=True, capture_output=True, text=True).stdout


def text(name):
    return pages[name].read_text(encoding="utf-8") if name in pages else ""


def differences(page, documented, actual):
    """What is missing, superfluous or different; both are dictionaries."""
    problems = [f"{page} does not exist"] if page not in pages else []
    problems += [f"{page} does not tell {key}" for key in sorted(actual - documented.keys())]
    problems += [f"{page} tells {key}, which is not there"
                 for key in sorted(documented.keys() - actual)]
    problems += [f"{page} says {key}: {documented[key]}, the program says {actual[key]}"
                 for key in sorted(documented.keys() & actual)
                 if documented[key] != actual[key]]
    return problems


def check_installed():
    here = {path.name for path in pathlib.Path(__file__).parent.glob("*.[1-9]")}
    return [f"{name} is not listed in meson.build" for name in sorted(here - pages.keys())]


def check_lint(name):
    found = subprocess.run(["mandoc", "-Tlint", "-Wwarning", pages[name]],
                           check=False, capture_output=True, text=True)
    return found.stdout.splitlines()


def page_options(name):
    """key -> (values, preset or None), of the lines `.It Cm key= Ns Ar values Pq preset`."""
    row = re.compile(r"^\.It Cm ([a-z-]+)= Ns Ar (.+?)(?: Pq (.+))?$", re.M)
    return {key: (values, preset or None) for key, values, preset in row.findall(text(name))}


def options_of(scheme):
    rows = json.loads(ask("info", "--json", f"{scheme}:"))["options"]
    return {row["key"]: (row["values"], row["default"] or None) for row in rows}


def kind_of(scheme):
    return json.loads(ask("info", "--json", f"{scheme}:"))["kind"]


def check_verb(verb):
    page = f"sinew-{verb}.1"
    if page not in pages:
        return [f"{page} does not exist"]
    # A verb's page may leave words to sinew(1), never an option.
    flags = r"^\.It (?:Fl \w , )?Fl -([a-z-]+)(?: Ar (.*))?$"
    documented = {key: bool(argument) for key, argument in re.findall(flags, text(page), re.M)}
    actual = {}
    for line in ask("help", "--list", "options", verb).splitlines():
        name, argument, _ = line.split("\t")
        actual[name.removeprefix("--")] = argument != "-"
    return differences(page, documented, actual)


def check_functions():
    declared = "".join(path.read_text(encoding="utf-8") for path in header.parent.glob("*.h"))
    public = set(re.findall(r"\b(sinew_\w+)\(", re.sub(
        r"/\*.*?\*/", "", declared, flags=re.S)))
    documented = {}
    for page in (name for name in pages if name.endswith(".3")):
        synopsis = re.search(r"^\.Sh SYNOPSIS\n(.*?)^\.Sh ", text(page), re.M | re.S)
        for function in re.findall(r"^\.F[no] (sinew_\w+)", synopsis.group(1), re.M):
            documented[function] = page
    problems = [f"{name}() is in no page of section 3" for name in sorted(public - documented.keys())]
    for name, page in sorted(documented.items()):
        if name not in public:
            problems.append(f"{page} tells {name}(), which is not there")
        if not re.search(rf"^\.Nm {name}\b", text(page), re.M):
            problems.append(f"{page} does not name {name} in its NAME section")
    return problems


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


def examples(name):
    """(commands, expected output or None) of each literal block of the EXAMPLES that a shell runs."""
    section = re.search(r"^\.Sh EXAMPLES\n(.*?)^\.Sh ", text(name) + ".Sh ", re.M | re.S)
    for block in re.findall(r"^\.Bd -literal.*?\n(.*?)^\.Ed", section.group(1), re.M | re.S):
        lines = block.replace("\\e", "\\").replace("\\&", "").splitlines()
        typed = [line[2:] for line in lines if line.startswith("$ ")]
        if typed:
            yield typed, [line for line in lines if not line.startswith("$ ")]
        elif not re.match(r"#include|[0-9a-f]{8}:", lines[0]):
            yield lines, None


def run_example(commands, expected):
    """Runs the commands in a directory of their own instead of /tmp, at a port of their own."""
    with tempfile.TemporaryDirectory() as place:
        script = "\n".join(commands).replace("/tmp/", f"{place}/").replace("7000", free_port())
        script = ("set -eo pipefail\ntrap 'kill $(jobs -p) 2>/dev/null || :' EXIT\n"
                  f"{script}\nfor job in $(jobs -p); do wait $job; done\n")
        environment = {"PATH": f"{pathlib.Path(sinew).parent}:/usr/bin:/bin", "LC_ALL": "C.UTF-8"}
        try:
            done = subprocess.run(["timeout", "120", "bash", "-c", script], env=environment,
                                  check=False, capture_output=True, text=True, errors="replace",
                                  stdin=subprocess.DEVNULL, timeout=150)
        except subprocess.TimeoutExpired:
            return ["never ends: " + "; ".join(commands)]
        if done.returncode or (expected is not None and done.stdout.splitlines() != expected):
            return [f"exit {done.returncode}: {'; '.join(commands)}",
                    *done.stderr.splitlines(), *done.stdout.splitlines()[:20]]
    return []


def missing_programs():
    return [name for name in ("bash", "socat", "nc", "xxd") if not shutil.which(name)]


def main():
    tell("every page is installed", check_installed())
    lint = None if shutil.which("mandoc") else "mandoc is not installed"
    for name in sorted(pages):
        tell(f"mandoc has nothing to say about {name}", [] if lint else check_lint(name), lint)

    schemes = [line.split("\t")[0] for line in ask("help", "--list", "schemes").splitlines()]
    options = {scheme: options_of(scheme) for scheme in schemes}
    for scheme in schemes:
        page = f"sinew_{scheme}.7"
        tell(f"the options in {page}", differences(page, page_options(page), options[scheme]))
    channels = [options[scheme] for scheme in schemes if kind_of(scheme) == "channel"]
    common = dict(set.intersection(*(set(rows.items()) for rows in channels)))
    tell("the options in sinew.7", differences("sinew.7", page_options("sinew.7"), common))

    for verb in (line.split("\t")[0] for line in ask("help", "--list", "verbs").splitlines()):
        tell(f"the options in sinew-{verb}.1", check_verb(verb))
    tell("every public function has a page", check_functions())

    missing = missing_programs()
    for name in sorted(name for name in pages if name[-1] in "17"):
        skip = f"not installed: {' '.join(missing)}" if missing else None
        problems = [] if skip else [p for each in examples(name) for p in run_example(*each)]
        tell(f"the examples in {name}", problems, skip)
    print(f"1..{count}")
    return 1 if failed else 0


sys.exit(main())
