#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Makes a large recording: crowd.py INTERVALS RECORDING.

Forty threads of ten processes, of which each wakes the next one by writing to its pipe: a thread runs for
less than twenty microseconds, blocks in read(), is woken and soon runs again. Nothing is random.
"""
import struct
import sys

import build

THREADS, PER_PROCESS, STEP, RUN = 40, 4, 20000, 18100  # ns
BASE = 1000000000


def who(i):
    return struct.pack("=IIQ", 1000 + i, 1000 + i - i % PER_PROCESS, 1 + i)


def thread(i):
    return struct.pack("=HHHHQ", 2, 72, i % 2, 1, BASE) + who(i) + \
        struct.pack("=IIIiQ16s", 1, 1, 1, 120, 0, f"worker-{i}".encode())


def interval(i, number, ran_since, left, woken, time):
    """Of thread i, which waits for what the one before it writes."""
    waker = (i - 1) % THREADS
    return struct.pack(
        "=HHHHQ", 1, 136, i % 2, 0, time) + who(i) + struct.pack(
        "=IHBBQQQIIII", number, i % 2, 1, 1, ran_since, left, woken, 1000 + waker,
        1000 + waker - waker % PER_PROCESS, 0, 0) + struct.pack(
        "=IiQIiIIQII", 1, 0, 0, 0, 3, build.WORDS["pipe"], 0, 5000 + i, 0x1001, 0) + struct.pack(
        "=II", 2, 0)


def intervals(count):
    """Round by round: thread i runs at its turn and is woken by the one before."""
    last = [0] * THREADS
    for n in range(count):
        i, number = n % THREADS, n // THREADS + 1
        time = BASE + (n + 1) * STEP
        left = last[i] + RUN + 100 * (number % 7) if last[i] else BASE + 1000
        yield interval(i, number, last[i], left, time - 2000, time)
        last[i] = time


def write(count, stream):
    stream.write(build.header(["scope=1", f"started={BASE}", "has=everything", "cpus=2",
                               f"command='a crowd of {count}'"]))
    for i in range(THREADS):
        stream.write(thread(i))
    for record in intervals(count):
        stream.write(record)
    stream.write(build.record("end", [f"time={BASE + (count + 2) * STEP}", "exit_code=-1",
                                      f"records={count + THREADS}"]))


if __name__ == "__main__":
    with open(sys.argv[2], "wb") as target:
        write(int(sys.argv[1]), target)
