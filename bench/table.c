/* SPDX-License-Identifier: MIT
 *
 * table.c - the tables, 100 columns at most. A missed goal is said, a failed row says why.
 *
 * "1.02 (0.99-1.05)" is the median of the rounds' ratios and their spread.
 */
#include <string.h>

#include <sinew/sinew.h>

#include "report.h"

#define ROUND_TRIP_GOAL 1.05
#define LARGE_GOAL 1.0

struct words {
	char text[40];
};

static struct words spread(struct figure figure)
{
	struct words words;

	snprintf(words.text, sizeof(words.text), "%.2f (%.2f-%.2f)", figure.median, figure.low,
		figure.high);
	return words;
}

static const char *verdict(bool met)
{
	return met ? "met" : "missed";
}

/* What the two CPUs were to each other; "!" where it changed under the row. */
static struct words place(const struct score *score)
{
	struct words words;
	bool moved = strcmp(score->before.name, score->after.name) != 0;

	if (score->cpus == 1)
		snprintf(words.text, sizeof(words.text), "-");
	else
		snprintf(words.text, sizeof(words.text), "%.0f%s", score->after.ns,
			moved ? "!" : "");
	return words;
}

/* Whether the row has figures; if not it is said why. */
static bool has_figures(const struct score *score, FILE *out)
{
	if (score->rounds > 0 && !score->error[0])
		return true;
	fprintf(out, "%-19s FAILED: %s\n", score->row->name,
		score->error[0] ? score->error : "not run");
	return false;
}

static const struct score *find(
	const struct report *report, const struct row *row, const char *part, int cpus)
{
	for (unsigned i = 0; i < report->score_count; i++) {
		const struct score *score = &report->scores[i];

		if (score->row == row && strcmp(score->part, part) == 0 && score->cpus == cpus)
			return score;
	}
	return NULL;
}

static bool has_part(const struct report *report, const char *part)
{
	for (unsigned i = 0; i < report->score_count; i++)
		if (strcmp(report->scores[i].part, part) == 0)
			return true;
	return false;
}

static void print_trip(const struct report *report, const struct row *row, FILE *out)
{
	const struct score *score = find(report, row, "round trip", 2);
	struct words ratio;

	if (!score || score->rounds == 0 || score->error[0]) {
		fprintf(out, "\n");
		return;
	}
	ratio = spread(score_ratio(score, P50, 1, 0));
	fprintf(out, " %8.1f %8.1f %9.1f %8.1f  %s\n", score->percentiles[1][0] / 1e3,
		score->percentiles[1][2] / 1e3, score->percentiles[0][0] / 1e3,
		score->percentiles[0][2] / 1e3, ratio.text);
}

static void print_carriages(const struct report *report, FILE *out)
{
	fprintf(out,
		"\nThe file, %.1f MB, through each mechanism between two programs, and 64 B "
		"round trips\nbeside those of the bare system calls (us, two CPUs):\n\n",
		(double)report->file_size / 1e6);
	fprintf(out, "%-15s %8s %8s %7s %8s %8s %9s %8s  %s\n", "mechanism", "messages", "MB/s",
		"sha256", "p50", "p99", "bare p50", "bare p99", "p50 ratio");
	for (unsigned i = 0; i < report->carriage_count; i++) {
		const struct carriage *carriage = &report->carriages[i];

		if (carriage->error[0]) {
			fprintf(out, "%-15s FAILED: %s\n", carriage->row->name, carriage->error);
			continue;
		}
		fprintf(out, "%-15s %8llu %8.0f %7s", carriage->row->name,
			(unsigned long long)carriage->messages,
			figure_of(carriage->rates, carriage->repeats).median / 1e6,
			carriage->same ? "ok" : "NOT");
		print_trip(report, carriage->row, out);
		if (carriage->row->lossy)
			fprintf(out,
				"%-15s %8llu lost on the way, counted, and sent again until "
				"whole\n",
				"", (unsigned long long)carriage->lost);
	}
}

static void print_roundtrip(const struct score *score, FILE *out)
{
	struct figure p50 = score_ratio(score, P50, 1, 0);
	struct figure cpu = score_ratio(score, CPU, 1, 0);

	fprintf(out, "%-19s %d %6.2f %6.2f %-16s %6.2f %-16s %5.2f %5.2f %4s %s\n",
		score->row->name, score->cpus, score->percentiles[1][0] / 1e3,
		score->percentiles[0][0] / 1e3, spread(p50).text,
		score_figure(score, CPU, 1).median / 1e3, spread(cpu).text,
		score_figure(score, CALLS, 1).median, score_figure(score, CALLS, 0).median,
		place(score).text,
		verdict(p50.median <= ROUND_TRIP_GOAL && cpu.median <= ROUND_TRIP_GOAL));
}

static void print_roundtrips(const struct report *report, FILE *out)
{
	fprintf(out,
		"\nRound trip of 64 B, one message at a time; goal: p50 and CPU time at most "
		"%.2f of bare\n\n",
		ROUND_TRIP_GOAL);
	fprintf(out, "%-17s %s %6s %6s %-16s %6s %-16s %5s %5s %4s %s\n", "", "CPUs", "p50 us",
		"bare", "ratio", "CPU us", "CPU ratio", "calls", "bare", "ns", "goal");
	for (unsigned i = 0; i < report->score_count; i++) {
		const struct score *score = &report->scores[i];

		if (strcmp(score->part, "round trip") == 0 && has_figures(score, out))
			print_roundtrip(score, out);
	}
}

/* The columns of the comparison with libzmq; empty where none is asked for. */
static void print_peer(const struct score *score, FILE *out)
{
	int peer = score_find(score, "libzmq");
	struct figure ratio;

	if (score->row->peer_goal <= 0)
		return;
	if (peer < 0) {
		fprintf(out, " libzmq not built (libzmq3-dev)");
		return;
	}
	ratio = score_ratio(score, RATE, 1, (unsigned)peer);
	fprintf(out, " %6.0f %-16s %.0f %s", score_figure(score, RATE, (unsigned)peer).median / 1e3,
		spread(ratio).text, score->row->peer_goal,
		verdict(ratio.median >= score->row->peer_goal));
}

static void print_stream(const struct score *score, FILE *out)
{
	struct figure ratio = score_ratio(score, RATE, 1, 0);
	double goal = score->row->batch_goal;

	fprintf(out, "%-17s %6.0f %5.0f %-17s ", score->row->name,
		score_figure(score, RATE, 1).median / 1e3,
		score_figure(score, RATE, 0).median / 1e3, spread(ratio).text);
	if (goal > 1)
		fprintf(out, "%.0f %-6s", goal, verdict(ratio.median >= goal));
	else
		fprintf(out, "%-8s", "-");
	fprintf(out, " %5.3f %4s", score_figure(score, CALLS, 1).median, place(score).text);
	print_peer(score, out);
	fprintf(out, "\n");
}

static void print_streams(const struct report *report, FILE *out)
{
	fprintf(out,
		"\nOne way, 64 B in batches of %d, against one bare call a message, and libzmq "
		"over ipc (1000 msg/s)\n\n",
		BATCH);
	fprintf(out, "%-17s %6s %5s %-17s %-8s %5s %4s %6s %-16s %s\n", "", "sinew", "bare",
		"ratio", "goal", "calls", "ns", "libzmq", "ratio", "goal");
	for (unsigned i = 0; i < report->score_count; i++) {
		const struct score *score = &report->scores[i];

		if (strcmp(score->part, "stream") == 0 && has_figures(score, out))
			print_stream(score, out);
	}
}

static void print_large(const struct score *score, FILE *out)
{
	struct figure ratio = score_ratio(score, RATE, 0, score->bare);
	double size = (double)score->size;

	fprintf(out, "%-17s %8zu %7.2f %7.2f %-17s %6.1f %6.1f %4s %s\n", score->row->name,
		score->size, score_figure(score, RATE, 0).median * size / 1e9,
		score_figure(score, RATE, score->bare).median * size / 1e9, spread(ratio).text,
		score_figure(score, CALLS, 0).median,
		score_figure(score, CALLS, score->bare).median, place(score).text,
		verdict(ratio.median >= LARGE_GOAL));
}

static void print_larges(const struct report *report, FILE *out)
{
	fprintf(out, "\nOne way, 1 MiB messages (or the largest there is), GB/s; goal: at least "
		     "the best "
		     "bare figure\n\n");
	fprintf(out, "%-17s %8s %7s %7s %-17s %6s %6s %4s %s\n", "", "bytes", "sinew", "bare",
		"ratio", "calls", "bare", "ns", "goal");
	for (unsigned i = 0; i < report->score_count; i++) {
		const struct score *score = &report->scores[i];

		if (strcmp(score->part, "large") == 0 && has_figures(score, out))
			print_large(score, out);
	}
}

static bool moved(const struct report *report)
{
	for (unsigned i = 0; i < report->score_count; i++)
		if (strcmp(report->scores[i].before.name, report->scores[i].after.name) != 0)
			return true;
	return false;
}

static bool has_row(const char *scheme)
{
	size_t length = strlen(scheme);

	for (unsigned i = 0; i < bench_row_count; i++)
		if (strncmp(bench_rows[i].uri, scheme, length) == 0 &&
			bench_rows[i].uri[length] == ':')
			return true;
	return false;
}

/* A channel that nobody gave a row is not passed over in silence. */
static void print_missing(FILE *out)
{
	const struct sinew_scheme *scheme;

	for (unsigned i = 0; (scheme = sinew_scheme(i)); i++)
		if (strcmp(sinew_scheme_kind(scheme->name), "channel") == 0 &&
			!has_row(scheme->name))
			fprintf(out, "Not measured, there is no row for it: %s\n", scheme->name);
}

void table_print(const struct report *report, FILE *out)
{
	if (report->self)
		fprintf(out, "\nBare calls against themselves: what stands for sinew below is bare "
			     "too.\n");
	if (report->carriage_count)
		print_carriages(report, out);
	if (has_part(report, "round trip"))
		print_roundtrips(report, out);
	if (has_part(report, "stream"))
		print_streams(report, out);
	if (has_part(report, "large"))
		print_larges(report, out);
	if (!report->score_count)
		return;
	fprintf(out,
		"\nMedian of %u interleaved rounds (lowest-highest). calls: system calls a "
		"message, "
		"both processes.\nns: a cache line there and back between the two CPUs.%s\n",
		report->rounds, moved(report) ? " \"!\": it changed meanwhile." : "");
	print_missing(out);
}
