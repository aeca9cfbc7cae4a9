#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Other libraries beside sinew: each one that was there when this was built has its row."""

import json
import os
import pathlib
import re
import sys

import jsonschema

from golden import SINEW, Skip, case, each, main

DOCS = pathlib.Path(__file__).resolve().parents[2] / "docs"
SCHEMA = json.loads((DOCS / "bench.schema.json").read_text(encoding="utf-8"))
BUILT = os.environ["PEERS"].split()
PEERS = {"unix-stream": {"zmq": "libzmq", "nng": "nng", "nanomsg": "nanomsg", "sdbus": "sd-bus"},
         "ring-shm": {"boost": "Boost", "ck": "ck_ring"},
         "pipe": {}}
RING = pathlib.Path(SINEW).parent / "bench" / "sinew-bench-ring"


@case
def other_libraries(world):
    """In the same turns, with the same messages; in a program of their own, which is there if one of them is."""
    program = f"{SINEW}-peers"
    world.equal(os.path.exists(program), bool(BUILT), program)
    if not BUILT:
        return
    done = world.run(program, "bench", "--quiet", "--duration", "2ms", "--repeat", "1", "--json", "out.json",
                     "--mode", "latency,stream", "--sizes", "64,100K", "--cpus", "none", *PEERS, code=0)
    file = pathlib.Path(world.path) / "out.json"
    result = json.loads(file.read_text(encoding="utf-8"))
    file.unlink()
    jsonschema.validate(result, SCHEMA)
    world.equal(len(result["rows"]), 5 * len(PEERS), "rows")
    for row in result["rows"]:
        expected = {shown for name, shown in PEERS[row["mechanism"]].items() if name in BUILT}
        world.equal({peer["name"] for peer in row["peers"]}, expected, f"beside {row['mechanism']}")
        for peer in row["peers"]:
            world.check(peer["messages"] > 0 and peer["lost"] == 0, f"{peer['name']}, {row['mode']}: {peer}")
            world.has(done.out, f"  {peer['name']}")


@each(peer_row=[("zmq", "topic to 4 readers / ZeroMQ PUB"), ("sdbus", "topic to 4 readers / D-Bus signals")])
def topics(world, peer_row):
    """One writer, four readers, none of whom may miss a message."""
    peer, row = peer_row
    if len(os.sched_getaffinity(0)) < 2:
        raise Skip("needs two CPUs")
    shown = world.run(RING, "--quick", row, code=0 if peer in BUILT else 1).out.decode()
    line, = [line for line in shown.splitlines() if row in line]
    if peer not in BUILT:
        world.has(line, "is not built in")
        return
    ours, ratio, lowest = re.search(r"([\d.]+) [Mk]/s .* [Mk]/s +([\d.]+) \(([\d.]+)-", line).groups()
    world.check(float(ours) > 0 and float(ratio) >= float(lowest) > 0, line)


sys.exit(main())
