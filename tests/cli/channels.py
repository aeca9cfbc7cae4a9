# SPDX-License-Identifier: MIT
"""The channels of the command, each as two programs that meet."""

import ctypes
import json
import os
import subprocess
import zlib

from golden import SINEW

CHANNELS = ["pipe", "fifo", "unix-stream", "unix-seqpacket", "unix-dgram", "tcp", "mq", "msgq",
            "ring-file", "ring-memfd", "ring-queue", "ring-topic"]
ENDLESS = ["unix-dgram", "mq", "msgq", "ring-queue", "ring-topic"]
STAYING = ["mq", "msgq", "ring-file", "ring-queue", "ring-topic"]
OF_PATHS = {"fifo": "fifo:{}/name", "unix-stream": "unix:{}/name",
            "unix-seqpacket": "unix:{}/name?type=seqpacket",
            "unix-dgram": "unix:{}/name?type=dgram",
            "ring-file": "ring:file:{}/name", "ring-memfd": "ring:memfd:{}/name",
            "ring-queue": "ring:file:{}/name?pattern=queue",
            "ring-topic": "ring:file:{}/name?pattern=topic&lanes=4&full=block&from=oldest"}

# Where we may, queues that a failed case leaves behind vanish with the test program.
ctypes.CDLL(None).unshare(0x08000000)  # CLONE_NEWIPC


def queue_of(world, channel):
    """A queue of this case alone: ftok's keys of two cases' files may be the same."""
    name = os.path.basename(world.path)
    return f"mq:/{name}" if channel == "mq" else f"msgq:{zlib.crc32(name.encode()) or 1:#x}"


class Meeting:
    """A channel under test: start the receiver first, then senders."""

    def __init__(self, world, channel):
        self.world, self.channel = world, channel
        self.ends = channel not in ENDLESS
        self.uri, self.reading, self.writing = None, None, None
        if channel in OF_PATHS:
            self.uri = OF_PATHS[channel].format(world.path)
        elif channel in ("mq", "msgq"):
            self.uri = queue_of(world, channel)
        elif channel == "pipe":
            self.reading, self.writing = os.pipe()

    def recv(self, *options, count, **how):
        """Start sinew recv; where the channel has no end it gets -n COUNT."""
        if not self.ends:
            options += ("-n", count)
        if self.channel == "pipe":
            running = self.world.sinew("recv", f"pipe:read={self.reading}", *options,
                                       pass_fds=[self.reading], **how)
            os.close(self.reading)
            return running
        if self.channel == "tcp":
            running = self.world.sinew("recv", "tcp:127.0.0.1:0", *options, **how)
            self.uri = f"tcp:127.0.0.1:{self.world.listening(running)}"
            return running
        running = self.world.sinew("recv", self.uri, *options, **how)
        if self.channel.startswith("ring-") and "memfd" not in self.channel:
            # Else a writer may have come, and gone, before; one in a memfd waits for whom it gets that from.
            self.world.until(lambda: running.process.poll() is not None or self.has_reader(), "a reader")
        return running

    def has_reader(self):
        """Whether it reads, or is there to be waited for."""
        command = [SINEW, "stat", "--json", self.uri]
        look = subprocess.run(command, capture_output=True, check=False).stdout
        members = json.loads(look)["members"] if look else []
        return any(m["state"] == "lives" and m["does"] == "reads" for m in members)

    def send(self, *options, files=(), **how):
        """Start sinew send."""
        if self.channel != "pipe":
            return self.world.sinew("send", *options, "--", self.uri, *files, **how)
        running = self.world.sinew("send", *options, "--", f"pipe:write={self.writing}", *files,
                                   pass_fds=[self.writing], **how)
        os.close(self.writing)
        return running

    def over(self):
        """What stays until it is removed; everything was taken from it."""
        if self.channel in STAYING:
            # A topic keeps what was taken; of that is nothing new.
            now = ["-o", "from=now"] if self.channel == "ring-topic" else []
            left = self.world.do("recv", self.uri, *now, "--timeout", "1ms", code=124)
            self.world.equal(left.out, b"", "what is left")
            self.world.do("rm", self.uri)
