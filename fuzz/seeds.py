#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes the hand-made seeds of the fuzz targets into corpus/, one file each, by the name of what
it is about. Inputs that once broke something stand beside them and are never written by this."""

import pathlib
import struct
import sys

HERE = pathlib.Path(__file__).resolve().parent / "corpus"


def write(target, name, data):
    path = HERE / target / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def u16(n):
    return struct.pack(">H", n)


def u32(n):
    return struct.pack(">I", n)


def u64(n):
    return struct.pack(">Q", n)


def control(kind, fields, payload=b"", flags=b"\0\0\0"):
    body = bytes([kind]) + flags + fields + payload
    return u32(0x80000000 | len(body)) + body


PLAIN = u32(5) + b"hello"
TAGGED = control(1, u64(0x1122334455667788), b"hello")
PIECE = control(2, u64(7) + u32(10) + u32(0), b"12345")
PASSING = control(4, u64(0x1122334455667788), b"hello", flags=b"\1\0\3")
HELLO = control(3, u64(9) + u64(100))
OPTIONAL = control(200, b"", b"later", flags=b"\1\2\3")

# ---- uri: the text itself ----

URIS = {
    "pipe-fds": "pipe:read=3&write=4",
    "pipe-capacity": "pipe:?capacity=1M&dir=both",
    "pipe-name": "pipe:name?read=3",
    "fifo": "fifo:/run/a.fifo?chunk=yes&writers=1&mode=0600&create=no",
    "fifo-line-chunk": "fifo:/x?chunk=1&frame=line",
    "unix-path": "unix:/tmp/hello",
    "unix-abstract": "unix:@name?type=seqpacket&peers=1",
    "unix-dgram": "unix:@d?type=dgram&frame=length&max=64K&buffer=1M",
    "unix-packet-line": "unix:@d?type=dgram&frame=line",
    "unix-allow": "unix:/s?allow=0,1000,4294967294",
    "unix-allow-most": "unix:/s?allow=" + ",".join(str(n) for n in range(33)),
    "unix-allow-nobody": "unix:/s?allow=",
    "unix-allow-comma": "unix:/s?allow=1,",
    "unix-adopt": "unix:?fd=2147483647",
    "signal-self": "signal:self?sig=RTMIN+2",
    "signal-pid": "signal:4711?sig=SIGUSR1",
    "signal-refused": "signal:self?sig=9",
    "signal-beyond": "signal:self?sig=RTMAX-31",
    "sem": "sem:/name?initial=2147483647&mode=0600&create=no",
    "sysvsem": "sysvsem:0x51?n=3&count=4&initial=32767&undo=no",
    "sysvsem-outside": "sysvsem:/path?id=255&n=4&count=4",
    "sysvsem-octal": "sysvsem:0010",
    "sysvsem-decimal": "sysvsem:4294967295?undo=yes",
    "shm": "shm:/name?temp=yes&trust=yes&create=no&mode=0640",
    "shm-names": "shm:/a/../b",
    "sysvshm": "sysvshm:0xffffffff?huge=1G&mode=0777",
    "sysvshm-decimal": "sysvshm:81?create=no",
    "sysvshm-path": "sysvshm:/path?id=255",
    "sysvshm-both": "sysvshm:0x51?id=1",
    "memfd": "memfd:/run/a.sock?huge=2M&allow=0,1000",
    "memfd-abstract": "memfd:@name?serve=thread",
    "file": "file:/tmp/a%3fb?temp=no&trust=on",
    "ring": "ring:shm:/quotes?pattern=queue&size=4M&temp=yes",
    "ring-twice": "ring:ring:shm:/x",
    "ring-event": "ring:sem:/x",
    "eventfd": "eventfd:take=one&initial=4294967295",
    "eventfd-adopt": "eventfd:?fd=2147483647",
    "tcp-v6": "tcp:[::1]:7000?nodelay=yes&keepalive=10s",
    "tcp-any": "tcp:*:0?reconnect=500ms&frame=length",
    "tcp-reconnect-line": "tcp:localhost:1?reconnect=1us&frame=line",
    "udp": "udp:*:0?peers=1&buffer=4K&resolve=no",
    "udp-length": "udp:[::1]:7000?frame=length&seq=off&max=65K",
    "udp-contradiction": "udp:localhost:7000?frame=raw&seq=on",
    "udp-mapped": "udp:[::ffff:127.0.0.1]:7000?frame=raw",
    "udp-max": "udp::1?max=1&frame=length",
    "mq": "mq:/jobs?depth=3&msgsize=4K&temp=yes&create=no",
    "mq-tiny": "mq:/x?msgsize=1&max=1&frame=raw",
    "mq-no-room": "mq:/x?msgsize=4&frame=length",
    "mq-room-for-one": "mq:/x?msgsize=5&frame=length&max=1G",
    "mq-huge": "mq:/x?msgsize=16M&depth=65536&max=1G",
    "mq-zero": "mq:/x?msgsize=0",
    "mq-names": "mq://a/../b",
    "mq-empty": "mq:",
    "msgq-path": "msgq:/tmp/q?id=255&select=0&poll=thread&temp=1",
    "msgq-key": "msgq:0xffffffff?select=2147483647&size=2147483647",
    "msgq-no-key": "msgq:0x",
    "msgq-private": "msgq:0",
    "msgq-signed": "msgq:0x-1",
    "msgq-large": "msgq:99999999999999999999",
    "msgq-tiny": "msgq:1?size=1&frame=raw&max=1",
    "msgq-no-room": "msgq:1?size=4&frame=length",
    "msgq-id": "msgq:/x?id=0",
    "msgq-empty": "msgq:?size=1&poll=no",
    "owner": "fifo:/x?owner=4294967294&group=0&mode=0402",
    "owner-none": "tcp:localhost:1?owner=0",
    "owner-too-large": "unix:/x?owner=4294967295",
    "all-common": "unix:/x?dir=in&side=listen&max=1G&frame=raw&coalesce=4K&keep=on&keep-open=off",
    "max-too-large": "tcp::1?max=1025M",
    "max-overflow": "tcp::1?max=9223372036854775807G",
    "mode-octal": "unix:/x?mode=0778",
    "escapes": "unix:/a%20b%25%3f%26?mode=%30600",
    "escape-nul": "unix:/a%00b",
    "escape-short": "unix:/a%4",
    "no-scheme": ":x",
    "no-value": "unix:/x?max",
    "empty-key": "unix:/x?=1",
    "empty-options": "unix:/x?&&max=1&",
    "twice": "unix:/x?max=1&max=2&max=3",
    "unknown-key": "unix:/x?colour=red",
    "unknown-scheme": "carrier-pigeon:/loft",
    "options-most": "unix:/x?" + "&".join(["max=1"] * 32),
    "options-too-many": "unix:/x?" + "&".join(["max=1"] * 33),
    "longest": "unix:/" + "a" * 4089,
    "too-long": "unix:/" + "a" * 4090,
    "only-options": "max=4K&frame=line&keep=true",
    "empty": "",
}
for name, text in URIS.items():
    write("uri", name, text.encode())

# ---- frame: the bytes of a header ----

FRAMES = {
    "plain": PLAIN,
    "plain-empty": u32(0),
    "plain-2-gib": u32(0x7FFFFFFF),
    "plain-1-gib": u32(0x40000000),
    "text": b"GET / HTTP/1.1\r\n",
    "tagged-1-gib": u32(0xC000000D) + b"\1\0\0\0" + u64(1),
    "length-4-gib": u32(0xFFFFFFFF) + b"\xff" * 24,
    "tagged": TAGGED,
    "tagged-short": control(1, b"1234567"),
    "piece": PIECE,
    "hello": HELLO,
    "hello-with-payload": control(3, u64(9) + u64(100), b"x"),
    "flags-set": control(1, u64(1), flags=b"\0\0\1"),
    "optional": OPTIONAL,
    "unknown": control(5, u64(1)),
    "fds": PASSING,
    "fds-untagged": control(4, u64(0), b"x", flags=b"\0\0\xfd"),
    "fds-none": control(4, u64(0), flags=b"\0\0\0"),
    "fds-too-many": control(4, u64(0), flags=b"\0\0\xfe"),
    "fds-flag": control(4, u64(1), flags=b"\2\0\1"),
    "fds-tag-without-flag": control(4, u64(1), flags=b"\0\0\1"),
    "control-plain": control(0, u64(1)),
    "control-3-bytes": u32(0x80000003) + b"\1\0\0\0",
    "control-empty": u32(0x80000000),
}
for name, data in FRAMES.items():
    write("frame", name, data)

# ---- stream: a plan of five bytes, then a script (script.h) ----

UNIX, PIPE, FIFO = range(3)
LENGTH, LINE, RAW = range(3)
SIZES = [1, 2, 7, 16, 100, 1000, 4092, 65535, 65536, 70000, 200000, 1 << 20]
CHUNKS = [1 << 18, 1, 2, 3, 4, 5, 8, 16, 24, 100, 4096, 65536]
EXACT, TAKE, RECV, POLL, DEADLINE, WAIT, CLOSE, DEAD = (1 << n for n in range(8))


def plan(carrier, framing, limit=1 << 20, cap=1 << 20, chunk=1 << 18, flags=0, passing=0):
    return bytes([carrier + 3 * framing + 9 * passing, SIZES.index(limit), SIZES.index(cap), flags,
                  CHUNKS.index(chunk)])


def literal(data):
    out = b""
    for at in range(0, len(data), 32):
        part = data[at:at + 32]
        out += bytes([(len(part) - 1) << 3]) + part
    return out


def message(size):
    return bytes([1 | (size >> 16) << 3]) + u16(size & 0xFFFF)


def tagged(size, tag):
    return b"\2" + u16(size) + bytes([tag])


def passing(size, tag, fds):
    return bytes([2 | fds << 3]) + u16(size) + bytes([tag])


def piece(writer, size=None, total=None, disorder=False):
    p = writer | (4 if total is not None else 0) | (8 if disorder else 0)
    p |= 16 if size is None else 0
    out = bytes([3 | p << 3]) + (u16(total) if total is not None else b"")
    return out + (u16(size) if size is not None else b"")


def hello(session, following):
    return bytes([4, session, following])


def other(kind, size):
    return bytes([5, kind]) + u16(size)


PAUSE = b"\6"


def line(size):
    return b"\7" + u16(size)


STREAMS = {
    "plain": plan(UNIX, LENGTH) + literal(PLAIN * 3),
    "plain-bytewise": plan(PIPE, LENGTH, chunk=1) + literal(PLAIN * 3),
    "length-4-gib": plan(UNIX, LENGTH) + message(5) + literal(b"\xff" * 30),
    "length-1-gib": plan(PIPE, LENGTH) + message(5) + literal(u32(0x40000000) + b"tail"),
    "length-2-gib": plan(UNIX, LENGTH) + message(5) + literal(u32(0x7FFFFFFF) + b"tail"),
    "tagged": plan(UNIX, LENGTH, flags=TAKE) + literal(TAGGED) + tagged(300, 7) + message(0),
    "hello": plan(UNIX, LENGTH) + hello(9, 100) + message(3) + hello(9, 101),
    "optional": plan(PIPE, LENGTH, chunk=5) + other(200, 300) + message(3) + other(255, 0),
    "optional-too-large": plan(PIPE, LENGTH) + literal(u32(0x80010005) + b"\xc8\0\0\0"),
    "unknown": plan(UNIX, LENGTH) + message(1) + other(5, 8) + message(1),
    "fds-discarded": plan(UNIX, LENGTH) + message(3) + literal(PASSING) + passing(300, 7, 2),
    "fds-discarded-batch": plan(PIPE, LENGTH, chunk=5, flags=TAKE | POLL) +
                           literal(PASSING * 3) + passing(0, 7, 2) + message(3),
    "fds-discarded-too-large": plan(UNIX, LENGTH, 16, 16) + passing(17, 7, 2) + message(3),
    "fds-announced": plan(UNIX, LENGTH, flags=POLL, passing=1) + message(3) + passing(9, 7, 2) +
                     message(3),
    "fds-taken": plan(UNIX, LENGTH, passing=2) + message(3) + passing(300, 7, 2) +
                 passing(0, 7, 1) + message(3),
    "fds-taken-batch": plan(UNIX, LENGTH, flags=TAKE | POLL, passing=2) + message(3) +
                       passing(300, 7, 2) * 3 + message(3),
    "fds-taken-straight": plan(UNIX, LENGTH, flags=POLL, passing=2) + passing(65000, 1, 3) * 3,
    "fds-taken-too-large": plan(UNIX, LENGTH, 16, 16, passing=2) + passing(17, 7, 2) +
                           passing(16, 7, 2),
    "fds-taken-kept": plan(UNIX, LENGTH, 1000, 7, passing=2) + passing(100, 7, 2) * 3,
    "fds-too-many": plan(UNIX, LENGTH, passing=2) + passing(9, 7, 4) + message(3),
    "fds-flood": plan(UNIX, LENGTH, chunk=1, flags=POLL, passing=2) + message(300) * 9,
    "fds-in-pieces": plan(UNIX, LENGTH, chunk=8, flags=POLL | TAKE, passing=2) +
                     passing(20, 7, 2) * 4 + message(3),
    "piece-where-none": plan(UNIX, LENGTH) + literal(PIECE),
    "too-large": plan(UNIX, LENGTH, 16, 16, 8) + message(16) + message(17) + message(3),
    "too-large-last": plan(UNIX, LENGTH, 16, 16) + message(3) + message(17),
    "too-large-batch": plan(UNIX, LENGTH, 16, 16, flags=TAKE) + message(3) + message(17) * 2 +
                       tagged(17, 1) + message(4),
    "kept": plan(PIPE, LENGTH, 1000, 7, 24) + message(3) + message(100) + message(7),
    "kept-alternate": plan(UNIX, LENGTH, 1000, 7, 24, TAKE | RECV) + message(100) * 4,
    "straight": plan(UNIX, LENGTH, flags=WAIT) + message(150000) + message(70000) + message(3),
    "straight-split": plan(PIPE, LENGTH, chunk=4096) + message(100000) + PAUSE + message(5),
    "straight-unfinished": plan(UNIX, LENGTH) + literal(u32(100000)) + line(60000),
    "exact": plan(PIPE, LENGTH, flags=EXACT) + message(10) * 3 + message(90000) + message(0),
    "polled": plan(UNIX, LENGTH, chunk=3, flags=POLL) + message(10) * 3 + other(4, 1),
    "polled-batch": plan(UNIX, LENGTH, flags=POLL | TAKE) + message(10) * 20,
    "polled-too-large": plan(UNIX, LENGTH, 16, 16, flags=POLL) + message(17) + message(3),
    "polled-line-too-large": plan(UNIX, LINE, 7, 7, flags=POLL) + line(80) + line(3),
    "polled-control-too-large": plan(UNIX, LENGTH, flags=POLL) + message(3) +
                                literal(u32(0x80010005) + b"\xc8\0\0\0"),
    "polled-pieces": plan(FIFO, LENGTH, flags=POLL) + message(3) + piece(0, 5, 10) + piece(0) +
                     piece(1, None, 10) + piece(2, None, 10),
    "polled-piece-where-none": plan(UNIX, LENGTH, flags=POLL) + message(3) + literal(PIECE),
    "polled-line-over-max": plan(UNIX, LINE, 7, 7, 100, POLL) + line(3) + line(200),
    "polled-hello": plan(UNIX, LENGTH, flags=POLL) + message(3) + hello(1, 1) + message(3),
    "closed-early-pieces": plan(UNIX, LENGTH, flags=CLOSE) + message(3) * 2 +
                           literal(PIECE * 3),
    "deadline": plan(PIPE, LENGTH, chunk=2, flags=DEADLINE) + message(10) * 3,
    "unfinished": plan(UNIX, LENGTH) + message(3) + literal(u32(9) + b"half"),
    "unfinished-header": plan(UNIX, LENGTH) + message(3) + literal(b"\0\0"),
    "closed-early": plan(UNIX, LENGTH, flags=CLOSE) + message(3) * 9 + other(4, 1),
    "nothing": plan(UNIX, LENGTH),
    "pieces": plan(FIFO, LENGTH, chunk=100) + piece(0, 500, 5000) + piece(1, 10, 20) +
              piece(0) + message(4) + piece(1),
    "pieces-again": plan(FIFO, LENGTH) + piece(2, 5, 10) + piece(2, None, 6),
    "pieces-disorder": plan(FIFO, LENGTH) + piece(2, 5, 10) + piece(2, 2, None, True) +
                       piece(2, None, 6),
    "pieces-too-large": plan(FIFO, LENGTH, 16, 16) + piece(1, None, 16) + piece(1, 5, 17),
    "pieces-dead": plan(FIFO, LENGTH, flags=DEAD) + piece(0, 5, 10) + PAUSE + message(3) +
                   piece(0),
    "pieces-too-many-writers": plan(FIFO, LENGTH) + b"".join(
        literal(control(2, u64(n + 1) + u32(2) + u32(0), b"a")) for n in range(66)) + b"".join(
        literal(control(2, u64(n + 1) + u32(2) + u32(1), b"b")) for n in range(66)),
    "pieces-no-writer": plan(FIFO, LENGTH) + literal(control(2, u64(0) + u32(1) + u32(0), b"a")),
    "pieces-writer-negative": plan(FIFO, LENGTH) + literal(
        control(2, u64(1 << 63) + u32(2) + u32(0), b"a")) + PAUSE + message(1),
    "pieces-one-byte-over": plan(FIFO, LENGTH, 16, 16) + piece(0, 15, 16) + literal(
        control(2, u64(1) + u32(16) + u32(15), b"ab")) + message(3),
    "pieces-beyond": plan(FIFO, LENGTH) + literal(
        control(2, u64(1) + u32(4) + u32(0xFFFFFFFF), b"aaaa")),
    "pieces-kept": plan(FIFO, LENGTH, 1000, 7) + piece(0, 50, 100) + piece(0) + message(3),
    "pieces-kept-alternate": plan(FIFO, LENGTH, 1000, 7, flags=TAKE | RECV) + message(1) +
                             piece(0, 50, 100) + piece(0) + message(3),
    "fifo-plain": plan(FIFO, LENGTH, chunk=16, flags=POLL) + message(100) * 3,
    "line": plan(UNIX, LINE, chunk=3) + line(10) + line(0) + literal(b"unfinished"),
    "line-fifo": plan(FIFO, LINE, flags=TAKE) + line(10) + line(0) + line(200),
    "line-too-large": plan(PIPE, LINE, 7, 7, 4) + line(7) + line(8) + line(3) + line(9),
    "line-too-large-last": plan(UNIX, LINE, 7, 7) + line(7) + literal(b"123456789"),
    "line-batch": plan(UNIX, LINE, 16, 16, flags=TAKE) + line(3) * 3 + line(17) + line(3),
    "line-fifo-batch": plan(FIFO, LINE, 16, 16, flags=TAKE) + line(3) + line(17) + line(3),
    "line-kept": plan(UNIX, LINE, 100, 7, 2) + line(3) + line(50) + literal(b"more than seven"),
    "raw": plan(UNIX, RAW, chunk=100) + line(1000) + PAUSE + line(3),
    "raw-small-buffer": plan(PIPE, RAW, 100, 7) + line(100),
    "raw-small-max": plan(PIPE, RAW, 7, 100) + line(100),
    "raw-take": plan(PIPE, RAW, 7, 7, flags=TAKE) + line(100),
    "raw-fifo": plan(FIFO, RAW) + line(100),
}
for name, data in STREAMS.items():
    write("stream", name, data)

# ---- packet: a plan of four bytes, then packets (packet.c) ----

SEQPACKET, DGRAM, FRAMED, TAKES_FDS = 0, 1, 2, 4
PACKET_SIZES = [1, 2, 7, 16, 32, 100, 1000, 4096, 65536, 100000, 1 << 20]
P_TAKE, P_RECV, P_POLL, P_DEADLINE, P_WAIT = (1 << n for n in range(5))


def packets(kind, limit=1 << 20, cap=1 << 20, flags=0):
    return bytes([kind, PACKET_SIZES.index(limit), PACKET_SIZES.index(cap), flags])


def bare(data, descriptor=0):
    return bytes([len(data) << 3 | descriptor << 2]) + data


def framed(size, descriptor=0):
    return bytes([1 | descriptor << 2 | size >> 16 << 3]) + u16(size & 0xFFFF)


def framed_tagged(size, tag):
    return b"\2" + u16(size) + bytes([tag])


def filling(size):
    return b"\3" + u16(size)


PACKETS = {}
for word, kind in ("seqpacket", SEQPACKET), ("dgram", DGRAM):
    length = kind | FRAMED
    PACKETS |= {
        f"{word}-raw": packets(kind) + bare(b"hello") + bare(b"") + filling(1000),
        f"{word}-raw-kept": packets(kind, cap=7) + filling(100) * 3,
        f"{word}-raw-too-large": packets(kind, 16, 7) + filling(17) + filling(16) + filling(999),
        f"{word}-raw-batch": packets(kind, 16, 7, P_TAKE) + filling(3) * 6 + filling(17) * 2,
        f"{word}-length": packets(length, flags=P_POLL) + framed(5) + framed_tagged(6, 7),
        f"{word}-length-kept": packets(length, cap=7, flags=P_TAKE | P_RECV) + framed(100) * 5,
        f"{word}-length-too-large": packets(length, 16, 16) + framed(17) + framed(900) + framed(9),
        f"{word}-length-4-gib": packets(length) + bare(b"\xff" * 20) + framed(3),
        f"{word}-length-not-filled": packets(length) + bare(PLAIN + b"x") + bare(PLAIN[:-1]) +
                                     bare(b"") + bare(b"\0\0\0") + framed(0),
        f"{word}-length-control": packets(length) + bare(HELLO) + bare(PIECE) + bare(OPTIONAL),
        f"{word}-descriptor": packets(kind) + bare(b"fd", 1) + bare(b"", 1) + framed(5, 1),
        f"{word}-descriptors-taken": packets(kind | TAKES_FDS) + bare(b"f", 1) + bare(b"", 1) +
                                     bare(b"fd", 1) + framed(5, 1) + bare(b""),
        f"{word}-descriptors-batch": packets(length | TAKES_FDS, flags=P_TAKE | P_POLL) +
                                     framed(5) * 2 + framed(5, 1) * 2 + bare(b"bad", 1) +
                                     framed(9),
        f"{word}-descriptors-kept": packets(kind | TAKES_FDS, cap=7) + framed(100, 1) * 3,
        f"{word}-descriptors-too-large": packets(kind | TAKES_FDS, 16, 16) + framed(100, 1) * 3,
        f"{word}-nothing": packets(kind, flags=P_WAIT),
    }
for name, data in PACKETS.items():
    write("packet", name, data)

# ---- sequence: how many senders are remembered, a secret, then datagrams ----


def senders(most=16):
    return bytes([most]) + u16(7)


def near(distance, peer=0, session=0):
    return bytes([1 | peer << 2 | session << 4]) + struct.pack(">h", distance)


def following(times, peer=0, session=0):
    return bytes([2 | peer << 2 | session << 4]) * times


def numbered(number, peer=0, session=0):
    return bytes([3 | peer << 2 | session << 4]) + u64(number)


def literal(data):
    return bytes([0, len(data)]) + data


HEADER = b"\xadsq\1" + u64(77)
SEQUENCES = {
    "in-order": senders() + following(30),
    "gaps": senders() + near(3) + near(0) + near(9) + near(-4) + near(-4) + near(1000),
    "window": senders() + near(3000) + near(-1024) + near(-1025) + near(-1) + near(1100) + near(-1100),
    "far": senders() + following(2) + numbered(1 << 40) + numbered((1 << 40) + 1) + near(-1),
    "far-unconfirmed": senders() + following(2) + numbered(1 << 40) + following(1) +
                       numbered((1 << 40) + 1),
    "first-is-far": senders() + numbered((1 << 63) - 1) + near(-1) + following(1),
    "never": senders() + numbered(1 << 63) + numbered((1 << 64) - 1) + following(1),
    "moves": senders() + following(5, 0) + following(5, 1) + near(-3, 1) + following(1, 0),
    "forgotten": senders(2) + b"".join(following(3, p, s) for p in range(4) for s in range(4)),
    "header": senders() + literal(HEADER + u64(4) + b"data") + literal(HEADER + u64(4)[:7]),
    "not-a-header": senders() + literal(b"") + literal(b"\xadsq\2" + bytes(16)),
}
for name, data in SEQUENCES.items():
    write("sequence", name, data)

# ---- ring: two bytes, what ring, then acts ----


def ring(backing, *acts, lanes=1, large=False, drop=False, full=0, wait=0, keep=False, events=False,
         guard=False, pattern=0):
    first = backing | large << 2 | lanes - 1 << 3 | drop << 5 | full << 6
    second = wait | keep << 2 | events << 3 | guard << 4 | pattern << 5
    return bytes([first, second]) + b"".join(acts)


def act(kind, member=0, p=0, fields=b""):
    return bytes([kind | member << 4 | p << 6]) + fields


def rsend(member, size, p=0):
    return act(0, member, p, u16(size))


def rrecv(member, cap=4096):
    return act(1, member, 0, u16(cap))


def rtake(member, p=3):
    return act(2, member, p)


def rloan(member, size, part=255):
    return act(4, member, 0, u16(size)) + act(5, member, 0, bytes([part]))


def lie(kind, fields):
    return act(14) + bytes([kind]) + fields


def word(lane, where, kind, size):
    return lie(0, bytes([lane]) + u16(where & 0xffff) + bytes([kind]) + u16(size))


def value(kind, p=0, fields=b""):
    return bytes([kind | p << 3]) + fields


RELEASE, ABANDON, CLOSE, OPEN, DIE, LOOK, SHOW, WAIT = 3, 6, 8, 9, 10, 11, 12, 13
ENDS, PAIR, QUEUE, SERVED = range(4)
TALK = [rsend(1, n, p) + rrecv(0) for n in (0, 1, 8, 48, 49, 56, 57, 64, 300, 4096) for p in (0, 1, 2)]
HOLD = [rsend(1, n) for n in (8, 56, 64, 300, 3000)] + [rtake(0)]
RINGS = {
    "ends": ring(ENDS, *TALK, *[rsend(0, 100) + rrecv(1)] * 9, rloan(1, 500, 9), rrecv(0)),
    "pair-wraps": ring(PAIR, *TALK * 3, *[rloan(1, 4096) + rrecv(0)] * 20),
    "pair-full": ring(PAIR, *[rsend(1, 2000, 2)] * 6, rtake(0, 1), rrecv(0), act(WAIT), rrecv(0), full=2),
    "pair-end": ring(PAIR, rsend(1, 9), act(SHOW, 1, 3), act(CLOSE, 1), *[rrecv(0)] * 3, act(OPEN, 1),
                     *HOLD, act(CLOSE), act(OPEN), rtake(0), act(DIE, 1), act(LOOK), rrecv(0), events=True),
    "queue-many": ring(QUEUE, act(OPEN, 2), act(OPEN, 3), *[rsend(1, n) + rsend(3, 90 - n) + rtake(0, 1) +
                       rrecv(2) + act(RELEASE) for n in range(0, 90, 7)], lanes=2),
    "queue-heirs": ring(QUEUE, *HOLD, act(DIE), act(OPEN, 2), rrecv(2), rtake(2, 0), act(DIE, 2), act(OPEN),
                        *[rrecv(0)] * 7, *TALK),
    "queue-drops": ring(QUEUE, *HOLD, act(DIE), act(OPEN, 2), rsend(1, 8), rrecv(2), *HOLD, drop=True, full=2),
    "topic": ring(QUEUE, act(OPEN, 2), *[rsend(1, n) + rrecv(0) for n in (8, 56, 300, 3000)] * 4, rrecv(2), *HOLD,
                  act(RELEASE), full=3, pattern=1),
    "topic-waits": ring(QUEUE, act(OPEN, 2), *TALK, rtake(2), *HOLD, act(DIE, 2), *TALK, drop=True, pattern=1),
    "topic-lanes": ring(SERVED, act(OPEN, 2), act(OPEN, 3), *[rsend(1, n) + rsend(3, 90 - n) + rtake(2) for n in
                        range(0, 90, 9)], act(CLOSE, 3), rtake(0), lanes=3, full=3, pattern=1),
    "latest": ring(QUEUE, act(OPEN, 2), *TALK, rtake(2), act(CLOSE, 1), act(OPEN, 1), *HOLD, lanes=3, pattern=2),
    "lies-histories": ring(QUEUE, *TALK[:9], *[lie(1, bytes([128, f]) + value(1)) + rsend(1, 900) + rrecv(0) for f in
                           range(20)], act(CLOSE, 1), act(OPEN, 1), *TALK[:6], full=3, pattern=1),
    "lies-cursors": ring(QUEUE, *TALK[:9], *[lie(2, bytes([128, f]) + value(1)) + rsend(1, 900) for f in range(3)],
                         pattern=1),
    "served": ring(SERVED, act(OPEN, 2), *TALK, *HOLD, act(SHOW, 0, 1), act(CLOSE, 2), rrecv(0), lanes=3),
    "polled": ring(QUEUE, *[act(SHOW, m, 1) for m in (0, 1)], *TALK[:9], act(SHOW, 0, 0), act(SHOW, 0, 2)),
    "lies-words": ring(PAIR, rsend(1, 8), *[word(1, 0, k, n) + rrecv(0, 4104) for k, n in
                       ((0, 4097), (1, 57), (8, 0), (3, 49), (7, 41), (0xf0, 1))]),
    "lies-skips": ring(QUEUE, rsend(1, 64), rrecv(0), *[word(0, w, 8, 0) for w in range(8)], rtake(0), rrecv(0)),
    "lies-room": ring(PAIR, rsend(1, 100), lie(1, bytes([1, 7]) + value(7, 0, u16(0x200) + u16(3))),
                      *[rsend(1, 3000)] * 5, rrecv(0)),
    "lies-next": ring(QUEUE, *[rsend(1, 30)] * 5, lie(1, bytes([0, 8]) + value(4, 0, u64(0xfffffff700000005))),
                      rtake(0), rrecv(0), *[rsend(1, 900)] * 9),
    "lies-claim": ring(QUEUE, rsend(1, 9), lie(1, bytes([0, 9]) + value(6, 1, b"\1")), act(WAIT), rrecv(0),
                       rtake(0), act(LOOK), rrecv(0)),
    "lies-holds": ring(QUEUE, *HOLD, lie(2, bytes([9, 7]) + value(5, 1)), lie(2, bytes([9, 0]) + value(6, 9, b"\1")),
                       lie(2, bytes([9, 9]) + value(1)), act(RELEASE), act(LOOK), *[rsend(1, 800) + rrecv(0)] * 12),
    "lies-header": ring(SERVED, *[lie(3, bytes([f]) + value(1)) for f in range(12)], *TALK[:6], act(CLOSE, 1),
                        act(OPEN, 1), act(OPEN, 2)),
    "lies-locks": ring(QUEUE, *[lie(6, bytes([s, 0])) for s in range(32)], act(OPEN, 2), act(DIE), act(LOOK, 1),
                       rsend(1, 8), act(OPEN), rrecv(0)),
    "cut": ring(PAIR, *HOLD, lie(7, b"\1"), *TALK[:6], act(RELEASE), act(CLOSE), act(OPEN), guard=True),
}
for name, data in RINGS.items():
    write("ring", name, data)

# ---- recording: a byte, whether a header comes first, then a file or its records ----

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "tests" / "recordings"))
import build  # noqa: E402


def recording(*lines):
    return build.build(lines)


def whole(name):
    path = pathlib.Path(build.__file__).with_name(f"{name}.txt")
    return build.build(path.read_text(encoding="utf-8").splitlines())


THREAD = "tid=7 tgid=7 start=5"
RECORDINGS = {
    "nothing": b"",
    "pipe": b"\1" + whole("pipe")[512:],
    "doubt": b"\1" + whole("doubt")[512:],
    "file": b"\0" + whole("pipe")[:1500],
    "version": b"\0" + recording("header version=2"),
    "order": b"\0" + recording("header order=0x04030201"),
    "header-cut": b"\0" + recording("header")[:100],
    "header-long": b"\0" + recording("header size=1024 cpus=0xffffffff", "end"),
    "sizes": b"\1" + recording(f"interval {THREAD} size=64", "note text=x size=1024",
                               "end size=32", "admit size=8"),
    "far": b"\1" + recording(f"thread time=0x0fffffffffffffff {THREAD}",
                             f"exit time=0x7fffffffffffffff {THREAD}"),
    "end-far": b"\1" + recording(f"admit time=1000000001 {THREAD}", "end time=0xffffffffffffffff"),
    "cut": b"\1" + whole("pipe")[512:900],
    "samples": b"\0" + whole("samples"),
}
for name, data in RECORDINGS.items():
    write("recording", name, data)

# ---- proc: a byte, which file of /proc, then its text ----

REST = (b"17 12 12 34816 12 4194304 100 0 0 0 1 2 0 0 20 0 3 0 4242 9000 200 1 1 1 0 0 0 0 0 0 65536 0 0 0 17 5 "
        b"0 0 0 0 0\n")
SCHED = (b"cat (12, #threads: 1)\n------\nse.exec_start : 22024217.995588\n"
         b"nr_voluntary_switches : 41\nnr_involuntary_switches : 7\n")
PROCS = {
    "stat": b"\0" b"12 (cat) S " + REST,
    "stat-name": b"\0" b"12 (a) R 1 (\n) S " + REST,
    "stat-cut": b"\0" b"12 (cat) S " + REST[:60],
    "schedstat": b"\1" b"247792327 34143339 609\n",
    "sched": b"\2" + SCHED,
    "status": b"\3" b"Name:\tcat\nTracerPid:\t5\nvoluntary_ctxt_switches:\t3\n"
              b"nonvoluntary_ctxt_switches:\t4\n",
    "syscall": b"\4" b"0 0x3 0x7f 0x20000 0x1 0xf 0x5 0x7ffc0 0x7f35\n",
    "syscall-none": b"\4" b"-1 0x7ffc0 0x7f35\n",
    "syscall-running": b"\4" b"running\n",
    "wchan": b"\5" b"pipe_read",
}
for name, data in PROCS.items():
    write("proc", name, data)
