#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Other libraries beside sinew: each one that was there when this was built has its row."""

import os
import pathlib
import re
import sys

from golden import SINEW, Skip, case, each, main

BUILT = os.environ["PEERS"].split()
RING = pathlib.Path(SINEW).parent / "bench" / "sinew-bench-ring"


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
    ours, ratio, lowest = re.search(r"([\d.]+) M/s .* M/s +([\d.]+) \(([\d.]+)-", line).groups()
    world.check(float(ours) > 0 and float(ratio) >= float(lowest) > 0, line)


sys.exit(main())
