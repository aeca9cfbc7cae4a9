#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""sinew report --format perfetto, decoded by Google's own protobuf library against Perfetto's schema.

What the trace says is compared with what --json says of the same recording, which is made of sums that
nobody has to draw.
"""

import collections
import json
import sys
import types

import perfetto_schema as schema
from golden import case, each, main
from recordings import NAMES, crowd, lines_of, made, recording, report

Trace = schema.trace_class()
Slice = collections.namedtuple("Slice", "name category begin end args arrows")
PACKET_MOST = 16384


class Decoded:
    """A trace with its texts put in, or a check that failed."""

    def __init__(self, world, data):
        self.world = world
        self.trace = Trace.FromString(data)
        world.equal(list(schema.unknown_fields(self.trace)), [], "unknown fields")
        self.texts = collections.defaultdict(dict)
        self.tracks = {}
        self.states = collections.defaultdict(list)  # tid: (time, state, cpu)
        self.slices = collections.defaultdict(list)  # track: Slice
        self.instants, self.counts = [], collections.defaultdict(list)
        self.starts, self.ends = {}, {}  # of arrows: (time, track)
        self.open = {}
        for packet in self.trace.packet:
            self.take(packet)
        world.equal(self.open, {}, "slices that do not end")

    def take(self, packet):
        self.world.equal(packet.trusted_packet_sequence_id, 1, "sequence")
        self.world.check(packet.ByteSize() <= PACKET_MOST, "a packet is too large")
        for field, entries in packet.interned_data.ListFields():
            for entry in entries:
                known = self.texts[field.name]
                self.world.check(entry.iid and entry.iid not in known, f"{entry.iid} again")
                known[entry.iid] = entry.str.decode() if field.number == 29 else entry.name
        if packet.HasField("track_descriptor"):
            track = packet.track_descriptor
            self.world.check(track.uuid and track.uuid not in self.tracks, "a track twice")
            self.tracks[track.uuid] = track
        if packet.HasField("generic_kernel_task_state_event"):
            task = packet.generic_kernel_task_state_event
            self.states[task.tid].append((packet.timestamp, task.state, task.cpu))
        if packet.HasField("track_event"):
            self.event(packet.timestamp, packet.track_event)

    def event(self, time, event):
        track = event.track_uuid
        self.world.check(track in self.tracks, f"an event of no track: {track}")
        for arrows, known in ((event.flow_ids, self.starts), (event.terminating_flow_ids, self.ends)):
            for arrow in arrows:
                self.world.check(arrow and arrow not in known, f"arrow {arrow} is there twice")
                known[arrow] = (time, track)
        if event.type == schema.BEGIN:
            self.world.check(track not in self.open, "slices of a thread overlap")
            self.open[track] = (time, event)
        elif event.type == schema.END:
            begin, first = self.open.pop(track)
            self.slices[track].append(Slice(self.name(first), self.category(first), begin, time,
                                            self.args(first), list(first.terminating_flow_ids)))
        elif event.type == schema.COUNTER:
            self.counts[self.tracks[track].name].append((time, event.counter_value))
        else:
            self.world.equal(event.type, schema.INSTANT, "type")
            self.instants.append((time, track, self.name(event)))

    def name(self, event):
        return event.name or self.texts["event_names"][event.name_iid]

    def category(self, event):
        category, = event.category_iids
        return self.texts["event_categories"][category]

    def args(self, event):
        names, texts = (self.texts[key] for key in
                        ("debug_annotation_names", "debug_annotation_string_values"))
        return {names[a.name_iid]: texts[a.string_value_iid] if a.string_value_iid else a.uint_value
                for a in event.debug_annotations}

    def tid(self, track):
        return self.tracks[track].thread.tid


def decoded(world, name, data=None):
    return Decoded(world, report(world, data or recording(name), "perfetto").out)


def told(world, name):
    return json.loads(report(world, recording(name), "json").out)


def begin_of(name):
    """When the recording began, from its header."""
    return int.from_bytes(recording(name)[32:40], sys.byteorder)


@each(name=NAMES)
def every_field_is_in_the_schema(world, name):
    trace = decoded(world, name).trace
    first, clocks = trace.packet[0], trace.packet[1].clock_snapshot
    world.equal(first.sequence_flags, schema.CLEARED | schema.NEEDS_STATE, "flags of the first")
    world.equal(sum(bool(p.sequence_flags & schema.CLEARED) for p in trace.packet), 1,
                "from one packet on everything is known")
    world.equal(first.first_packet_on_sequence, True, "first of its sequence")
    world.equal(first.trace_packet_defaults.timestamp_clock_id, schema.MONOTONIC, "clock")
    world.equal(clocks.primary_trace_clock, schema.MONOTONIC, "clock of the trace")
    times = {clock.clock_id: clock.timestamp for clock in clocks.clocks}
    data = recording(name)
    started, day, asleep = (int.from_bytes(data[at:at + 8], sys.byteorder) for at in (32, 40, 48))
    world.equal(times, {schema.MONOTONIC: started, schema.BOOTTIME: started + asleep,
                        **({schema.REALTIME: day} if day else {})}, "snapshot of clocks")
    world.check(all(p.sequence_flags & schema.NEEDS_STATE or p.HasField("clock_snapshot")
                    for p in trace.packet), "flags")
    stamps = [p.timestamp for p in trace.packet if p.HasField("timestamp")]
    world.equal(stamps, sorted(stamps), "order of time")


@each(name=NAMES)
def tracks_are_those_of_the_recording(world, name):
    seen = decoded(world, name)
    report_ = told(world, name)
    threads = sorted((t["pid"], t["tid"]) for p in report_["processes"] for t in p["threads"]
                     if t["lifetime_ns"])
    tracks = [track for track in seen.tracks.values() if track.HasField("thread")]
    world.equal(sorted((t.thread.pid, t.thread.tid) for t in tracks), threads, "threads")
    for track in tracks:
        process = seen.tracks[track.parent_uuid]
        world.equal(process.process.pid, track.thread.pid, "the process of a thread")
    world.equal(sorted(t.name for t in seen.tracks.values() if t.HasField("counter")),
                ["threads ready", "threads running"], "counters")


def native_times(states, end):
    """Time of one thread in each native state."""
    times = collections.Counter()
    for (begin, state, _), (until, _, _) in zip(states, states[1:] + [(end, None, None)]):
        times[state] += until - begin
    return times


@each(name=["pipe", "real"])
def native_states_last_as_long_as_the_account_says(world, name):
    seen, report_ = decoded(world, name), told(world, name)
    end = begin_of(name) + report_["duration_ns"]
    for process in report_["processes"]:
        for thread in process["threads"]:
            times = native_times(seen.states[thread["tid"]], end)
            spent = thread["time_ns"]
            world.equal(times[schema.RUNNING], spent["running"], f"running {thread['tid']}")
            world.equal(times[schema.RUNNABLE], spent["ready"], f"ready {thread['tid']}")
            world.equal(times[schema.SLEEP] + times[schema.DISK_SLEEP] + times[schema.STOPPED],
                        spent["blocked"] + spent["asleep"], f"blocked {thread['tid']}")
            world.equal(times[schema.DEAD], spent["terminated"], f"dead {thread['tid']}")


@each(name=NAMES)
def states_follow_each_other_as_perfetto_wants_them(world, name):
    """By the rules of its importer: no run right after a run, nothing but an end after death, and what
    ends a run says on which CPU that was. Two threads that have one number at a time are one for it."""
    seen = decoded(world, name)
    owners = collections.Counter(track.thread.tid for track in seen.tracks.values())
    for tid, states in seen.states.items():
        last, cpu = None, 0
        if owners[tid] > 1:
            world.equal(name, "doubt", "a number of two threads")
            continue
        for time, state, on in states:
            if state == schema.UNKNOWN:
                continue
            world.check(not (state == last == schema.RUNNING), f"{tid} runs twice at {time}")
            world.check(last != schema.DEAD or state == schema.DESTROYED, f"{tid} lives on at {time}")
            world.check(state == schema.RUNNING or on == cpu, f"{tid} ran on {cpu}, not on {on}")
            last, cpu = (None, 0) if state == schema.DESTROYED else (state, on)


@case
def looks_now_and_then_are_no_states_of_a_cpu(world):
    seen = decoded(world, "samples")
    world.equal(dict(seen.states), {}, "native states")
    running = sum(s.end - s.begin for slices in seen.slices.values() for s in slices
                  if s.name == "running")
    world.equal(running, told(world, "samples")["total"]["time_ns"]["running"], "running")


@each(name=["pipe", "real"])
def one_thread_at_a_time_is_on_a_cpu(world, name):
    """As Perfetto draws its CPUs: who comes finds it free, or it is left at that very moment."""
    changes = [(time, cpu, tid, state)
               for tid, states in decoded(world, name).states.items() for time, state, cpu in states]
    there, left = {}, {}
    for time, cpu, tid, state in sorted(changes, key=lambda change: change[0]):
        if state == schema.RUNNING:
            if there.get(cpu) is not None:
                left[there[cpu]] = time
            there[cpu] = tid
        else:
            world.equal(left.pop(tid, time), time, f"when {tid} was displaced")
            if there.get(cpu) == tid:
                there[cpu] = None
    world.equal(left, {}, "who was displaced, and never left")


@each(name=NAMES)
def waits_say_their_cause(world, name):
    """As many, and as long, with each call, object and end as the sums by cause."""
    seen = decoded(world, name)
    waits = collections.Counter()
    for slices in seen.slices.values():
        for wait in slices:
            if wait.category == "wait":
                key = tuple(wait.args.get(arg) for arg in ("call", "object", "ended", "context"))
                waits[key] += wait.end - wait.begin
    expected = collections.Counter()
    for row in told(world, name)["blocked"]:
        expected[row["call"], row["object"], row["ended"], row["context"]] += row["time_ns"]
    world.equal(dict(waits), {key: time for key, time in expected.items() if time}, "by cause")


@each(name=NAMES)
def arrows_lead_from_who_woke_to_who_is_ready(world, name):
    seen = decoded(world, name)
    world.equal(sorted(seen.starts), sorted(seen.ends), "arrows with two ends")
    for arrow, (time, track) in seen.starts.items():
        world.equal(seen.ends[arrow][0], time, "an arrow is a moment")
        world.check((time, track) in [i[:2] for i in seen.instants], "nothing at its start")
    for track, slices in seen.slices.items():
        by_end = {s.end: s for s in slices if s.category == "wait"}
        for ready in (s for s in slices if s.category == "ready" and s.arrows):
            source = seen.tid(seen.starts[ready.arrows[0]][1])
            world.equal(by_end[ready.begin].args["waker_tid"], source, "who woke it")


@case
def the_arrows_of_one_recording(world):
    seen = decoded(world, "pipe")
    base = begin_of("pipe")
    arrows = sorted((time - base, seen.tid(track), seen.tid(seen.ends[arrow][1]))
                    for arrow, (time, track) in seen.starts.items())
    world.equal(arrows, [(20050000, 456, 457), (40050000, 456, 457)], "writes that woke the reader")


@each(name=NAMES)
def counters_count_the_states(world, name):
    """At every moment: as many threads run, and are ready, as there are in that state just then."""
    seen = decoded(world, name)
    changes = []
    for tid, states in seen.states.items():
        changes += [(time, tid, state) for time, state, _ in states]
    now, counts = {}, {"threads running": [], "threads ready": []}
    kinds = {"threads running": schema.RUNNING, "threads ready": schema.RUNNABLE}
    if len(seen.states) != sum(t.HasField("thread") for t in seen.tracks.values()):
        world.check(name in ("doubt", "samples"), "threads that share a number, or have no states")
        return
    for time, tid, state in sorted(changes, key=lambda change: change[0]):
        now[tid] = state
        for counter, kind in kinds.items():
            value = sum(s == kind for s in now.values())
            if counts[counter] and counts[counter][-1][0] == time:
                counts[counter].pop()
            counts[counter].append((time, value))
    for counter, values in counts.items():
        different = [v for i, v in enumerate(values) if v[1] != (values[i - 1][1] if i else 0)]
        world.equal(seen.counts[counter], different, counter)


@case
def doubts_are_said_in_the_trace(world):
    seen = decoded(world, "doubt")
    said = [name for _, track, name in seen.instants if seen.tracks[track].name == "recording"]
    world.equal(said[1:], told(world, "doubt")["doubts"], "what it does not tell")


@each(what=["pipe", "doubt", "loss", "crowd"])
def slices_last_as_long_as_the_account_says(world, what):
    """What was lost is a slice, too: no time of a thread is without one, but where it runs."""
    if what == "loss":
        lines = lines_of("pipe").splitlines()
        at = next(i for i, line in enumerate(lines) if "tid=457" in line and "number=3 " in line)
        lines[at:at + 1] = ["loss time=base+41000000 lost=1 since=base+30000000"]
        data = made("\n".join(lines))
    elif what == "crowd":
        parts = []
        crowd.write(4000, types.SimpleNamespace(write=parts.append))
        data = b"".join(parts)
    else:
        data = recording(what)
    seen = decoded(world, what, data)
    report_ = json.loads(report(world, data, "json").out)
    spent = collections.Counter()
    for slices in seen.slices.values():
        for slice_ in slices:
            spent[slice_.category] += slice_.end - slice_.begin
    time = report_["total"]["time_ns"]
    world.equal([spent["ready"], spent["wait"], spent["unseen"], spent["life"]],
                [time["ready"], time["blocked"] + time["asleep"], time["unseen"],
                 time["new"] + time["terminated"]], "ready, waits, not told, new and ended")
    if what == "loss":
        world.check(spent["unseen"] > 0, "nothing is missing")


@case
def the_longest_texts_have_room(world):
    """Packets of the longest names there can be, of bytes that all need an escape, and nothing is left out."""
    lines = lines_of("pipe").replace("text=pipe:[8123]", "text='" + r"\xff" * 512 + "'")
    lines = lines.replace("comm=feeder", r"comm='" + r"\xff" * 15 + "'")
    lines = lines.replace("text='feeder: 2 lines in 40 ms'", "text='" + r"\x01" * 512 + "'")
    data = made(lines)
    seen = decoded(world, "pipe", data)
    objects = {row["object"] for row in json.loads(report(world, data, "json").out)["blocked"]}
    told_ = {wait.args.get("object") for slices in seen.slices.values() for wait in slices
             if wait.category == "wait"}
    world.equal(told_, objects, "objects")
    world.check(max(len(o or "") for o in objects) > 150, "no long object")
    world.equal(sum(map(len, seen.slices.values())), sum(map(len, decoded(world, "pipe").slices.values())),
                "slices")
    said = [name for _, track, name in seen.instants if seen.tracks[track].name == "recording"]
    world.check(any(name.startswith(r"\x01\x01") for name in said), "the note")


@case
def hostile_names_are_text(world):
    hostile = lines_of("pipe").replace("comm=feeder", r"comm='\xff\x1b[2J\xe2\x80\xae<'")
    seen = decoded(world, "pipe", made(hostile))
    names = {track.thread.thread_name for track in seen.tracks.values()}
    world.check("\\xff\\x1b[2J\\xe2\\x80\\xae<" in names, names)


if __name__ == "__main__":
    sys.exit(main())
