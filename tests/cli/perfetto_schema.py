# SPDX-License-Identifier: MIT
"""The part of Perfetto's trace format that sinew writes, for an independent decoder.

Names, numbers and kinds are those of Perfetto's published schema at v58.3 (2026-08-27): the messages in
protos/perfetto/trace of github.com/google/perfetto that are named here, and of those the fields that are
used. Whatever else is in a trace turns up as an unknown field.
"""

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

FIELD = descriptor_pb2.FieldDescriptorProto
KINDS = {
    "uint64": FIELD.TYPE_UINT64, "uint32": FIELD.TYPE_UINT32, "int64": FIELD.TYPE_INT64,
    "int32": FIELD.TYPE_INT32, "fixed64": FIELD.TYPE_FIXED64, "bool": FIELD.TYPE_BOOL,
    "string": FIELD.TYPE_STRING, "bytes": FIELD.TYPE_BYTES,
    # enumerations travel as int32; their values are below
    "enum": FIELD.TYPE_INT32,
}

# message: (number, kind, name); a kind that begins with * is repeated
MESSAGES = {
    "Trace": [(1, "*TracePacket", "packet")],
    "TracePacket": [
        (6, "ClockSnapshot", "clock_snapshot"), (8, "uint64", "timestamp"),
        (10, "uint32", "trusted_packet_sequence_id"), (11, "TrackEvent", "track_event"),
        (12, "InternedData", "interned_data"), (13, "uint32", "sequence_flags"),
        (58, "uint32", "timestamp_clock_id"), (59, "TracePacketDefaults", "trace_packet_defaults"),
        (60, "TrackDescriptor", "track_descriptor"), (87, "bool", "first_packet_on_sequence"),
        (117, "GenericKernelTaskStateEvent", "generic_kernel_task_state_event")],
    "TracePacketDefaults": [(58, "uint32", "timestamp_clock_id")],
    "ClockSnapshot": [(1, "*Clock", "clocks"), (2, "enum", "primary_trace_clock")],
    "Clock": [(1, "uint32", "clock_id"), (2, "uint64", "timestamp")],
    "TrackDescriptor": [
        (1, "uint64", "uuid"), (2, "string", "name"), (3, "ProcessDescriptor", "process"),
        (4, "ThreadDescriptor", "thread"), (5, "uint64", "parent_uuid"),
        (8, "CounterDescriptor", "counter")],
    "ProcessDescriptor": [(1, "int32", "pid"), (6, "string", "process_name")],
    "ThreadDescriptor": [(1, "int32", "pid"), (2, "int32", "tid"), (5, "string", "thread_name")],
    "CounterDescriptor": [(3, "enum", "unit")],
    "TrackEvent": [
        (3, "*uint64", "category_iids"), (4, "*DebugAnnotation", "debug_annotations"),
        (9, "enum", "type"), (10, "uint64", "name_iid"), (11, "uint64", "track_uuid"),
        (23, "string", "name"), (30, "int64", "counter_value"), (47, "*fixed64", "flow_ids"),
        (48, "*fixed64", "terminating_flow_ids")],
    "DebugAnnotation": [
        (1, "uint64", "name_iid"), (3, "uint64", "uint_value"), (17, "uint64", "string_value_iid")],
    "InternedData": [
        (1, "*EventCategory", "event_categories"), (2, "*EventName", "event_names"),
        (3, "*DebugAnnotationName", "debug_annotation_names"),
        (29, "*InternedString", "debug_annotation_string_values")],
    "EventCategory": [(1, "uint64", "iid"), (2, "string", "name")],
    "EventName": [(1, "uint64", "iid"), (2, "string", "name")],
    "DebugAnnotationName": [(1, "uint64", "iid"), (2, "string", "name")],
    "InternedString": [(1, "uint64", "iid"), (2, "bytes", "str")],
    "GenericKernelTaskStateEvent": [
        (1, "int32", "cpu"), (2, "string", "comm"), (3, "int64", "tid"), (4, "enum", "state")],
}

REALTIME, MONOTONIC, BOOTTIME = 1, 3, 6  # BuiltinClock
CLEARED, NEEDS_STATE = 1, 2  # TracePacket.SequenceFlags
BEGIN, END, INSTANT, COUNTER = 1, 2, 3, 4  # TrackEvent.Type
UNIT_COUNT = 2  # CounterDescriptor.Unit
# GenericKernelTaskStateEvent.TaskStateEnum
UNKNOWN, RUNNABLE, RUNNING, SLEEP, DISK_SLEEP, STOPPED, DEAD, DESTROYED = 0, 2, 3, 4, 5, 6, 7, 8


def trace_class():
    file = descriptor_pb2.FileDescriptorProto(name="trace.proto", package="p", syntax="proto2")
    for message, fields in MESSAGES.items():
        described = file.message_type.add(name=message)
        for number, kind, name in fields:
            one = kind.lstrip("*")
            field = described.field.add(
                name=name, number=number,
                label=FIELD.LABEL_REPEATED if kind != one else FIELD.LABEL_OPTIONAL)
            if one in KINDS:
                field.type = KINDS[one]
            else:
                field.type, field.type_name = FIELD.TYPE_MESSAGE, f".p.{one}"
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.MessageFactory(pool).GetPrototype(pool.FindMessageTypeByName("p.Trace"))


def unknown_fields(message, path="trace"):
    """Paths of fields that the schema does not have."""
    for field in message.UnknownFields():
        yield f"{path}.{field.field_number}"
    for field, value in message.ListFields():
        if field.message_type:
            parts = value if field.label == FIELD.LABEL_REPEATED else [value]
            for part in parts:
                yield from unknown_fields(part, f"{path}.{field.name}")
