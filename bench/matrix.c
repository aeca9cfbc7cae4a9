/* SPDX-License-Identifier: MIT
 *
 * matrix.c - the rows: what is measured, and the bare twin of each. A new mechanism is one row.
 *
 * A channel that serves any number of peers has to watch its listener as well as its peers; the
 * fair twin of that is a server in epoll. With peers=1 the twin is a plain blocking read.
 * Names are removed by who measures, not by temp=yes: a sender may have left before its reader comes.
 * DIR stands for a private directory, NAME for a word of the same use, PORT for a free port.
 */
#include "alone.h"
#include "bench.h"
#include "event.h"
#include "raw/alone.h"
#include "raw/event.h"
#include "raw/raw.h"
#include "raw/region.h"
#include "region.h"

#define K 1024
#define M (1024 * K)

#define BIT(mode) (1u << (mode))
#define TRIPS BIT(LATENCY)
#define ALL (BIT(LATENCY) | BIT(STREAM) | BIT(BATCHED) | BIT(PACED))
#define FANS (BIT(FAN_IN) | BIT(FAN_OUT))

#define TAKEN_APART "several readers would take parts of the same message"
#define ONE_BY_ONE "who has several peers writes to them one by one"
#define FOR_TWO "it is for two processes; a queue or a topic is for many"

/* Which sizes move large messages best was tried out; several are kept where none always wins. */
const struct row bench_rows[] = {
	{
		.name = "pipe",
		.groups = "channels pipes",
		.uri = "pipe:?dir=both",
		.bulk = "pipe:",
		.bare = &bare_pipe,
		.tunings = {{1 * M, 0, 0}, {1 * M, 16 * K, 64 * K}, {256 * K, 16 * K, 0}},
		.chunk = 64 * K,
		.modes = ALL | BIT(FAN_IN),
		.many = "pipe:",
		.no_fan_out = TAKEN_APART,
	},
	{
		.name = "fifo",
		.groups = "channels pipes",
		.uri = "fifo:DIR/there",
		.back = "fifo:DIR/back",
		.bulk = "fifo:DIR/there?writers=1",
		.bare = &bare_fifo,
		.tunings = {{1 * M, 0, 0}, {1 * M, 16 * K, 64 * K}, {256 * K, 16 * K, 0}},
		.chunk = 64 * K,
		.modes = ALL | BIT(FAN_IN),
		.many = "fifo:DIR/there",
		.no_fan_out = TAKEN_APART,
	},
	{
		.name = "unix-stream",
		.groups = "channels sockets",
		.uri = "unix:DIR/socket?peers=1",
		.bulk = "unix:DIR/socket?peers=1",
		.bare = &bare_unix_stream,
		.tunings = {{1 * M, 0, 0}, {4 * M, 0, 0}, {1 * M, 256 * K, 64 * K}},
		.chunk = 256 * K,
		.modes = ALL | BIT(FAN_IN) | BIT(ECHO),
		.peers = BY_SOCKET,
		.many = "unix:DIR/socket",
		.bare_many = &bare_unix_stream_many,
		.no_fan_out = ONE_BY_ONE,
	},
	{
		.name = "unix-stream-many",
		.groups = "channels sockets",
		.uri = "unix:DIR/socket",
		.bare = &bare_unix_stream_many,
		.modes = TRIPS | BIT(STREAM) | BIT(BATCHED),
		.extra = true,
	},
	{
		.name = "unix-seqpacket",
		.groups = "channels sockets",
		.uri = "unix:DIR/socket?type=seqpacket&peers=1",
		.bulk = "unix:DIR/socket?type=seqpacket&peers=1",
		.bare = &bare_unix_seqpacket,
		.tunings = {{1 * M + 4 * K, 0, 0}, {2 * M, 0, 0}, {4 * M, 0, 0}},
		.chunk = 128 * K,
		.modes = ALL | BIT(FAN_IN),
		.many = "unix:DIR/socket?type=seqpacket",
		.bare_many = &bare_unix_seqpacket_many,
		.no_fan_out = ONE_BY_ONE,
	},
	{
		.name = "unix-seqpacket-many",
		.groups = "channels sockets",
		.uri = "unix:DIR/socket?type=seqpacket",
		.bare = &bare_unix_seqpacket_many,
		.modes = TRIPS | BIT(STREAM) | BIT(BATCHED),
		.extra = true,
	},
	{
		.name = "unix-dgram",
		.groups = "channels sockets",
		.uri = "unix:DIR/socket?type=dgram",
		.bulk = "unix:DIR/socket?type=dgram",
		.bare = &bare_unix_dgram,
		.tunings = {{1 * M + 4 * K, 0, 0}, {2 * M, 0, 0}, {4 * M, 0, 0}},
		.chunk = 128 * K,
		.modes = ALL | BIT(FAN_IN),
		.no_fan_out = ONE_BY_ONE,
	},
	{
		.name = "tcp",
		.groups = "channels sockets",
		.uri = "tcp:127.0.0.1:PORT?peers=1",
		.bulk = "tcp:127.0.0.1:PORT?peers=1",
		.bare = &bare_tcp,
		.tunings = {{0, 0, 64 * K}, {4 * M, 0, 64 * K}, {4 * M, 256 * K, 64 * K}},
		.chunk = 256 * K,
		.modes = ALL | BIT(FAN_IN) | BIT(ECHO),
		.many = "tcp:127.0.0.1:PORT",
		.bare_many = &bare_tcp_many,
		.no_fan_out = ONE_BY_ONE,
	},
	{
		.name = "tcp-many",
		.groups = "channels sockets",
		.uri = "tcp:127.0.0.1:PORT",
		.bare = &bare_tcp_many,
		.modes = TRIPS | BIT(STREAM) | BIT(BATCHED),
		.extra = true,
	},
	{
		.name = "udp",
		.groups = "channels sockets",
		.uri = "udp:127.0.0.1:PORT",
		.bulk = "udp:127.0.0.1:PORT",
		.bare = &bare_udp,
		.chunk = 32 * K,
		.lossy = true,
		.modes = ALL | BIT(FAN_IN),
		.no_fan_out = ONE_BY_ONE,
	},
	{
		.name = "mq",
		.groups = "channels queues",
		.uri = "mq:/NAME-there",
		.back = "mq:/NAME-back",
		.bulk = "mq:/NAME-there",
		.bare = &bare_mq,
		.tunings = {{0, 8 * K, 8 * K}},
		.chunk = 8 * K,
		.modes = ALL | FANS,
	},
	{
		.name = "msgq",
		.groups = "channels queues",
		.uri = "msgq:DIR/there",
		.back = "msgq:DIR/back",
		.bulk = "msgq:DIR/there",
		.bare = &bare_msgq,
		.tunings = {{0, 8 * K, 8 * K}},
		.chunk = 8 * K,
		.modes = ALL | FANS,
	},
	{
		.name = "ring-shm",
		.groups = "channels rings",
		.uri = "ring:shm:/NAME?pattern=pair",
		.bulk = "ring:shm:/NAME?pattern=pair",
		.bare = &bare_shared,
		.tunings = {{0, 1 * M, 1 * M}},
		.chunk = 256 * K,
		.modes = ALL,
		.peers = BY_MEMORY,
		.no_fan_in = FOR_TWO,
		.no_fan_out = FOR_TWO,
	},
	{
		.name = "ring-file",
		.groups = "channels rings",
		.uri = "ring:file:DIR/ring?pattern=pair",
		.bulk = "ring:file:DIR/ring?pattern=pair",
		.bare = &bare_shared,
		.tunings = {{0, 1 * M, 1 * M}},
		.chunk = 256 * K,
		.modes = ALL,
		.extra = true,
	},
	{
		.name = "ring-memfd",
		.groups = "channels rings",
		.uri = "ring:memfd:DIR/socket?pattern=pair&serve=thread",
		.bulk = "ring:memfd:DIR/socket?pattern=pair&serve=thread",
		.bare = &bare_shared,
		.tunings = {{0, 1 * M, 1 * M}},
		.chunk = 256 * K,
		.modes = ALL,
		.no_fan_in = FOR_TWO,
		.no_fan_out = FOR_TWO,
	},
	{
		.name = "ring-queue-shm",
		.groups = "channels rings",
		.uri = "ring:shm:/NAME-there?pattern=queue",
		.back = "ring:shm:/NAME-back?pattern=queue",
		.bulk = "ring:shm:/NAME-there?pattern=queue",
		.bare = &bare_shared,
		.tunings = {{0, 1 * M, 1 * M}},
		.chunk = 256 * K,
		.modes = ALL | FANS,
	},
	{
		.name = "ring-queue-file",
		.groups = "channels rings",
		.uri = "ring:file:DIR/there?pattern=queue",
		.back = "ring:file:DIR/back?pattern=queue",
		.bulk = "ring:file:DIR/there?pattern=queue",
		.bare = &bare_shared,
		.tunings = {{0, 1 * M, 1 * M}},
		.chunk = 256 * K,
		.modes = ALL | FANS,
		.extra = true,
	},
	{
		.name = "ring-queue-memfd",
		.groups = "channels rings",
		.uri = "ring:memfd:DIR/there?pattern=queue&serve=thread",
		.back = "ring:memfd:DIR/back?pattern=queue&serve=thread",
		.bulk = "ring:memfd:DIR/there?pattern=queue&serve=thread",
		.bare = &bare_shared,
		.tunings = {{0, 1 * M, 1 * M}},
		.chunk = 256 * K,
		.modes = ALL | FANS,
		.extra = true,
	},
	/* With one reader, that is waited for. */
	{
		.name = "ring-topic-shm",
		.groups = "channels rings",
		.uri = "ring:shm:/NAME-there?pattern=topic&full=block&from=oldest",
		.back = "ring:shm:/NAME-back?pattern=topic&full=block&from=oldest",
		.bulk = "ring:shm:/NAME-there?pattern=topic&full=block&from=oldest",
		.bare = &bare_shared,
		.tunings = {{0, 1 * M, 1 * M}},
		.chunk = 256 * K,
		.modes = ALL | FANS,
		.many = "ring:shm:/NAME-there?pattern=topic&full=block&from=oldest&lanes=8",
		.each = true,
	},
	{
		.name = "ring-latest-shm",
		.groups = "channels rings",
		.uri = "ring:shm:/NAME-there?pattern=latest",
		.back = "ring:shm:/NAME-back?pattern=latest",
		.bare = &bare_shared,
		.modes = TRIPS,
		.no_fan_in = "it is for one writer at a time",
		.no_fan_out = "its readers see the latest message and are meant to miss others",
	},
	/* Events: a post there and a post back. */
	{"signal", "events", "signal:self?sig=RTMIN+4", .ours = &sinew_event_pair,
		.bare = &bare_signal, .modes = TRIPS, .wake = true},
	{"sem", "events", "sem:/NAME-there", "sem:/NAME-back", .ours = &sinew_event_pair,
		.bare = &bare_sem, .modes = TRIPS, .wake = true},
	{"sysvsem", "events", "sysvsem:DIR?undo=no", "sysvsem:DIR?id=2&undo=no",
		.ours = &sinew_event_pair, .bare = &bare_sysvsem, .modes = TRIPS, .wake = true},
	{"eventfd", "events", "eventfd:", .ours = &sinew_event_pair, .bare = &bare_eventfd,
		.modes = TRIPS, .wake = true},
	{"futex", "events", "futex", .ours = &sinew_tally_pair, .bare = &bare_futex, .modes = TRIPS,
		.wake = true},
	/* Regions: bytes written, then told by a tally; the twin tells by a sem_t. */
	{"shm", "regions", "shm:/NAME", .ours = &sinew_region_pair, .bare = &bare_shm,
		.modes = TRIPS, .most = SIZE_MOST},
	{"sysvshm", "regions", "sysvshm:DIR?id=1", .ours = &sinew_region_pair,
		.bare = &bare_sysvshm, .modes = TRIPS, .most = SIZE_MOST},
	{"file", "regions", "file:DIR/region", .ours = &sinew_region_pair, .bare = &bare_file,
		.modes = TRIPS, .most = SIZE_MOST},
	{"memfd", "regions", "memfd:DIR/region?serve=thread", .ours = &sinew_region_pair,
		.bare = &bare_memfd, .modes = TRIPS, .most = SIZE_MOST},
	/* Locks; and processes, which have no twin. */
	{"mutex", "locks", "mutex", .ours = &sinew_mutex_use, .bare = &bare_mutex,
		.modes = BIT(ALONE) | BIT(CONTENDED), .wake = true},
	{"rwlock", "locks", "rwlock", .ours = &sinew_rwlock_use, .bare = &bare_rwlock,
		.modes = BIT(ALONE) | BIT(CONTENDED), .wake = true},
	{"semaphore", "locks", "semaphore", .ours = &sinew_semaphore_use, .bare = &bare_semaphore,
		.modes = BIT(ALONE) | BIT(CONTENDED), .wake = true},
	{"fork", "processes", "fork", .ours = &fork_use, .modes = BIT(ALONE), .wake = true},
	{"fork-return", "processes", "fork", .ours = &fork_return, .modes = BIT(ALONE),
		.wake = true},
	{"fork-first-run", "processes", "fork", .ours = &fork_first_run, .modes = BIT(ALONE),
		.wake = true},
	{"fork-reap", "processes", "fork", .ours = &fork_reap, .modes = BIT(ALONE), .wake = true},
	{"exec", "processes", "exec", .ours = &exec_use, .modes = BIT(ALONE), .wake = true},
	{"exec-return", "processes", "exec", .ours = &exec_return, .modes = BIT(ALONE),
		.wake = true},
};
const unsigned bench_row_count = sizeof(bench_rows) / sizeof(bench_rows[0]);

const char *const bench_modes[MODES] = {
	"latency", "stream", "batched", "paced", "alone", "fan-in", "fan-out", "echo", "contended"};
