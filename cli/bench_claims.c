/* SPDX-License-Identifier: MIT
 *
 * bench_claims.c - what is said of the mechanisms, sentence by sentence, and what was measured here.
 *
 * What is claimed of a mechanism of the kernel is judged by its bare system calls, which sinew cannot make
 * better or worse, and each text says so; of rings those of sinew are told.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "bench_verdicts.h"

enum { SMALL = 64, BIG = 64 << 10 };

static bool is_ring(const struct record *record, const void *arg)
{
	(void)arg;
	return is_in_group(record, "rings");
}

static bool is_other_channel(const struct record *record, const void *arg)
{
	(void)arg;
	return is_in_group(record, "channels") && !is_in_group(record, "rings");
}

/* ---- shared memory ---- */

static double compare_trips(struct verdict *v, const struct bench_run *run, bool two)
{
	const struct record *ring = find_least(run, LATENCY, SMALL, two, is_ring, NULL);
	const struct record *other = find_least(run, LATENCY, SMALL, two, is_other_channel, NULL);
	char a[FIGURE], b[FIGURE];

	if (!ring || !other)
		return NAN;
	bench_caution(v, ring);
	bench_caution(v, other);
	verdict_add(v,
		"On %s %s takes %s there and back (64 bytes), of all others %s least, %s, both "
		"through sinew. ",
		two ? "two CPUs" : "one CPU", ring->row->name, say_ns(find_cost(ring), a),
		other->row->name, say_ns(find_cost(other), b));
	return find_cost(other) / find_cost(ring);
}

static void compare_streams(struct verdict *v, const struct bench_run *run)
{
	const struct record *ring = find_least(run, STREAM, BIG, true, is_ring, NULL);
	const struct record *other = find_least(run, STREAM, BIG, true, is_other_channel, NULL);
	char a[FIGURE], b[FIGURE];

	if (!ring || !other)
		return;
	bench_caution(v, ring);
	bench_caution(v, other);
	verdict_add(v, "64K messages one way, through sinew: %s by %s, %s by %s. ",
		say_bytes(ring, a), ring->row->name, say_bytes(other, b), other->row->name);
}

static void compare_region(struct verdict *v, const struct bench_run *run)
{
	const struct record *shm = find_record(run, "shm", LATENCY, SMALL, true);
	const struct record *pipe = find_record(run, "pipe", LATENCY, SMALL, true);
	char a[FIGURE], b[FIGURE];

	if (!shm || !pipe)
		return;
	bench_caution_bare(v, shm);
	bench_caution_bare(v, pipe);
	verdict_add(v,
		"Memory alone does not do it: by bare system calls, with a semaphore on which the "
		"reader sleeps, it takes %s, a pipe %s. What is saved is not the copy but the "
		"sleep.",
		say_ns(find_bare(shm), a), say_ns(find_bare(pipe), b));
}

static bool judge_shared_memory(const struct bench_run *run, struct verdict *v)
{
	double two = compare_trips(v, run, true), one = compare_trips(v, run, false);

	compare_streams(v, run);
	compare_region(v, run);
	v->verdict = two > 2 ? one > 1 ? "true, while its reader is awake"
				       : "true, with a CPU for each side"
			     : "not in this run";
	return !isnan(two);
}

/* ---- twice as fast as TCP ---- */

static const double TWICE_MOST = 2.55; /* 1.55 to this are told as 1.6 to 2.5 */

struct tally {
	unsigned count, twice, faster;
	double least, most;
};

static void compare_sockets(struct verdict *v, const struct bench_run *run, struct tally *tally,
	enum mode mode, size_t size, bool two)
{
	const struct record *a = find_record(run, "unix-stream", mode, size, two);
	const struct record *b = find_record(run, "tcp", mode, size, two);
	double ratio = find_bare(b) / find_bare(a);
	char bytes[FIGURE];

	if (isnan(ratio))
		return;
	bench_caution_bare(v, a);
	bench_caution_bare(v, b);
	verdict_add(v, "%s%s of %s bytes on %s: %.1f times",
		tally->count ? "; "
			     : "By bare system calls TCP takes, of the time of a Unix socket: ",
		mode == LATENCY ? "round trip" : "one way", say_size((double)size, bytes),
		two ? "two CPUs" : "one", ratio);
	tally->least = tally->count ? fmin(tally->least, ratio) : ratio;
	tally->most = tally->count ? fmax(tally->most, ratio) : ratio;
	tally->count++;
	tally->faster += ratio > 1.05;
	tally->twice += ratio >= 1.55 && ratio < TWICE_MOST;
}

static bool judge_twice(const struct bench_run *run, struct verdict *v)
{
	static const size_t sizes[] = {SMALL, 1 << 10, BIG, 1 << 20};
	struct tally tally = {0};

	for (int mode = LATENCY; mode <= STREAM; mode++)
		for (unsigned i = 0; i < 4; i++)
			for (int two = 1; two >= 0; two--)
				compare_sockets(v, run, &tally, (enum mode)mode, sizes[i], two);
	if (tally.count > 1)
		verdict_add(v,
			". That is from %.1f to %.1f times as long; about twice (1.6 to 2.5) in "
			"%u of these %u.",
			tally.least, tally.most, tally.twice, tally.count);
	else if (tally.count)
		verdict_add(v, ".");
	v->verdict = tally.twice == tally.count    ? "true here"
		     : tally.least >= TWICE_MOST   ? "more than twice"
		     : tally.faster == tally.count ? "faster, but not twice"
						   : "it depends on size and work";
	return tally.count;
}

/* ---- the reasons ---- */

/* ns of computing of both sides, a message, of the bare twin. */
static double computing(const struct record *record)
{
	const struct outcome *o = record && record->bare ? &record->outcomes[record->bare] : NULL;

	return o ? (double)(o->spent[CLIENT].cpu + o->spent[SERVER].cpu) / (double)o->messages
		 : NAN;
}

/* What the way through the network costs is what TCP computes and a Unix socket does not. */
static bool judge_stack(const struct bench_run *run, struct verdict *v)
{
	const struct record *a = find_record(run, "unix-stream", STREAM, SMALL, true);
	const struct record *b = find_record(run, "tcp", STREAM, SMALL, true);
	const struct record *c = find_record(run, "unix-stream", STREAM, BIG, true);
	const struct record *d = find_record(run, "tcp", STREAM, BIG, true);
	double small = computing(b) / computing(a), big = computing(d) / computing(c);
	char ns[4][FIGURE];

	if (isnan(small))
		return false;
	bench_caution_bare(v, a);
	bench_caution_bare(v, b);
	if (!isnan(big)) {
		bench_caution_bare(v, c);
		bench_caution_bare(v, d);
	}
	verdict_add(v,
		"One way, by bare system calls, a message of 64 bytes takes %s of computing over "
		"a Unix socket and %s over TCP, both sides added up. ",
		say_ns(computing(a), ns[0]), say_ns(computing(b), ns[1]));
	if (!isnan(big))
		verdict_add(v, "Of 64K bytes it is %s and %s%s.", say_ns(computing(c), ns[2]),
			say_ns(computing(d), ns[3]),
			big < small ? ": the copying, which both do, outweighs the rest" : "");
	v->verdict = small > 1.05 ? isnan(big) || big > 1.25 ? "true" : "true of small messages"
				  : "not in this run";
	return true;
}

static bool judge_checksums(const struct bench_run *run, struct verdict *v)
{
	int left_out = run->evidence.checksums_left_out;

	v->verdict = left_out == 1 ? "no reason" : left_out == 0 ? "true" : "not known here";
	verdict_add(v,
		left_out == 1
			? "Loopback leaves checksums out (its device says that it makes them, and "
			  "nobody does), so a Unix socket saves none."
		: left_out == 0 ? "Here loopback makes checksums."
				: "The loopback device does not say.");
	return true;
}

static bool judge_acknowledgements(const struct bench_run *run, struct verdict *v)
{
	const struct evidence *e = &run->evidence;

	v->verdict = e->tcp_answers ? "true" : "not seen here";
	verdict_add(v,
		"%u messages, each read before the next, were %u numbered segments, and the "
		"reader sent %u segments of its own without data: acknowledgements. %u were sent "
		"again. The congestion control is %s, its window %u segments at the end.",
		e->tcp_messages, e->tcp_segments, e->tcp_answers, e->tcp_resent, e->tcp_control,
		e->tcp_window);
	return true;
}

static bool judge_flow(const struct bench_run *run, struct verdict *v)
{
	const struct evidence *e = &run->evidence;
	bool all = e->unix_stream.pushed_back && e->unix_dgram.pushed_back &&
		   e->unix_seqpacket.pushed_back;

	v->verdict = all ? "false" : "true";
	verdict_add(v,
		"With nobody reading, a stream took %llu messages of 64 bytes, a seqpacket socket "
		"%llu, a datagram socket %llu, TCP %llu; then each said EAGAIN until somebody "
		"read: a full Unix socket pushes back as TCP does. What differs is how: the "
		"writer is put to sleep, no window is told.",
		(unsigned long long)e->unix_stream.messages,
		(unsigned long long)e->unix_seqpacket.messages,
		(unsigned long long)e->unix_dgram.messages, (unsigned long long)e->tcp.messages);
	return true;
}

/* ---- who loses ---- */

static void add_delivery(struct verdict *v, const char *name, const struct delivery *d)
{
	char sent[FIGURE], lost[FIGURE];

	verdict_add(v,
		"%s: of %s messages over a bare socket to a reader that pauses %s were lost (%.2f "
		"%%) and %llu came out of order. ",
		name, say_whole(d->sent, sent), say_whole(d->lost, lost),
		d->sent ? 100.0 * (double)d->lost / (double)d->sent : 0,
		(unsigned long long)d->reordered);
}

static bool is_whole(const struct delivery *d)
{
	return d->sent && d->lost == 0 && d->reordered == 0;
}

static bool judge_reliable(const struct bench_run *run, struct verdict *v)
{
	const struct evidence *e = &run->evidence;

	add_delivery(v, "Datagrams", &e->dgram);
	add_delivery(v, "Seqpacket", &e->seqpacket);
	v->verdict = is_whole(&e->dgram) && is_whole(&e->seqpacket) ? "true" : "FALSE";
	return true;
}

static bool judge_udp(const struct bench_run *run, struct verdict *v)
{
	add_delivery(v, "UDP over loopback", &run->evidence.udp);
	verdict_add(v, "Nobody is told, unless messages are numbered, as sinew does.");
	v->verdict = is_whole(&run->evidence.udp) ? "not this time" : "true, in silence";
	return true;
}

static bool judge_signals_kept(const struct bench_run *run, struct verdict *v)
{
	unsigned plain = run->evidence.plain_signals, realtime = run->evidence.realtime_signals;

	verdict_add(v,
		"Of %u plain signals to a process that did not look %u came, of %u real-time ones "
		"%u: a plain signal is a bit, only the others wait in a queue.",
		JUDGE_SIGNALS, plain, JUDGE_SIGNALS, realtime);
	v->verdict = plain == JUDGE_SIGNALS      ? "true here"
		     : realtime == JUDGE_SIGNALS ? "of real-time signals only"
						 : "false";
	return true;
}

/* ---- queues and pipes ---- */

static bool judge_fifo(const struct bench_run *run, struct verdict *v)
{
	const struct record *fifo = find_record(run, "fifo", LATENCY, SMALL, true);
	const struct record *pipe = find_record(run, "pipe", LATENCY, SMALL, true);
	double ratio = find_bare(fifo) / find_bare(pipe);
	char a[FIGURE], b[FIGURE];

	if (isnan(ratio))
		return false;
	bench_caution_bare(v, fifo);
	bench_caution_bare(v, pipe);
	verdict_add(v,
		"By bare system calls a round trip of 64 bytes takes %s over a FIFO, %s over a "
		"pipe: to the kernel both are the same once they are open.",
		say_ns(find_bare(fifo), a), say_ns(find_bare(pipe), b));
	v->verdict = ratio < 1.25 ? "true, and as fast" : "true, but slower here";
	return true;
}

static void add_queue(struct verdict *v, const struct bench_run *run, const char *name)
{
	const struct record *trip = find_record(run, name, LATENCY, SMALL, true);
	const struct record *stream = find_record(run, name, STREAM, SMALL, true);
	const struct record *pipe_trip = find_record(run, "pipe", LATENCY, SMALL, true);
	const struct record *pipe_stream = find_record(run, "pipe", STREAM, SMALL, true);
	double a = find_bare(trip) / find_bare(pipe_trip);
	double b = find_bare(stream) / find_bare(pipe_stream);

	bench_caution_bare(v, trip);
	bench_caution_bare(v, stream);
	bench_caution_bare(v, pipe_trip);
	bench_caution_bare(v, pipe_stream);
	if (!isnan(a))
		verdict_add(v,
			"%s: by bare system calls a round trip of 64 bytes takes %.2f times as "
			"long as over a pipe",
			name, a);
	if (!isnan(a) && !isnan(b))
		verdict_add(v, ", a message in a stream %.2f times", b);
	if (!isnan(a))
		verdict_add(v, ". ");
}

static bool judge_queues(const struct bench_run *run, struct verdict *v)
{
	const struct machine *m = &run->machine;

	add_queue(v, run, "mq");
	add_queue(v, run, "msgq");
	if (!*v->text)
		return false;
	verdict_add(v,
		"They keep boundaries, obey priorities, have many readers and outlive everybody, "
		"which a pipe does not. Their buffers are no larger: a POSIX queue here holds %ld "
		"messages of %ld bytes, a pipe 64K and, if asked, %ld.",
		m->mq_depth, m->mq_size, m->pipe_max);
	v->verdict = "true of format, not of size";
	return true;
}

/* ---- all ---- */

struct claim {
	const char *text;
	bool tried; /* needs what was tried out, not only the rows */
	bool (*judge)(const struct bench_run *run, struct verdict *verdict);
};

static const struct claim claims[] = {
	{"Shared memory is the fastest.", false, judge_shared_memory},
	{"On one host a Unix socket is twice as fast as TCP.", false, judge_twice},
	{"A Unix socket does not go through the network's layers and only copies.", false,
		judge_stack},
	{"A Unix socket is faster because it computes no checksums.", true, judge_checksums},
	{"It is faster because it keeps no sequence numbers and acknowledgements.", true,
		judge_acknowledgements},
	{"It is faster because it needs no flow control.", true, judge_flow},
	{"Message-oriented Unix sockets neither lose nor reorder.", true, judge_reliable},
	{"UDP loses, also on one host.", true, judge_udp},
	{"POSIX signals are reliable.", true, judge_signals_kept},
	{"A named pipe can do what a pipe can.", false, judge_fifo},
	{"Message queues overcome what pipes lack: format and buffers.", false, judge_queues},
	{"On one CPU no more than one process runs at a time.", false, claim_one_runs},
	{"Processes often become ready, but seldom blocked.", false, claim_seldom_blocked},
};

/* Of those who add sentence by sentence. */
static void end_text(struct verdict *v)
{
	size_t length = strlen(v->text);

	if (length && v->text[length - 1] == ' ')
		v->text[length - 1] = '\0';
}

unsigned bench_claims(const struct bench_run *run, struct verdict verdicts[MOST_VERDICTS])
{
	unsigned count = 0;

	for (unsigned i = 0; i < sizeof claims / sizeof *claims; i++) {
		struct verdict *v = &verdicts[count];
		if (claims[i].tried && !run->evidence.tried)
			continue;
		*v = (struct verdict){.about = claims[i].text};
		if (!claims[i].judge(run, v))
			continue;
		end_text(v);
		count++;
	}
	return count;
}
