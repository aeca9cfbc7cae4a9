/* SPDX-License-Identifier: MIT
 *
 * bench_json.c - a run as one JSON object, nothing rounded away: docs/bench.schema.json.
 */
#include <math.h>

#include "bench_goals.h"
#include "json.h"

static void write_limit(struct json *json, const char *key, long value)
{
	if (value < 0)
		json_null(json, key);
	else
		json_signed(json, key, value);
}

static void write_machine(struct json *json, const struct machine *machine)
{
	json_open(json, "machine", '{');
	json_text(json, "system", machine->system);
	json_text(json, "cpu", machine->cpu);
	json_signed(json, "cpus", machine->cpus);
	write_limit(json, "pipe_max", machine->pipe_max);
	write_limit(json, "mq_msg_max", machine->mq_depth);
	write_limit(json, "mq_msgsize_max", machine->mq_size);
	write_limit(json, "socket_buffer", machine->socket_buffer);
	json_close(json, '}');
}

static void write_plan(struct json *json, const struct bench_run *run)
{
	json_open(json, "plan", '{');
	json_signed(json, "duration_ns", run->plan.duration);
	json_number(json, "repeats", run->plan.repeats);
	json_bool(json, "quick", run->settings->bench.quick);
	json_bool(json, "interrupted", run->interrupted);
	json_text(json, "unwatched", run->unwatched);
	json_close(json, '}');
}

static bool is_timed(const struct record *record)
{
	return record->mode == LATENCY || record->mode == PACED;
}

static void write_times(
	struct json *json, const struct record *record, const struct outcome *outcome)
{
	const struct {
		const char *key;
		double ns;
	} times[] = {{"p50_ns", outcome->p50_all}, {"p90_ns", outcome->p90_all},
		{"p99_ns", outcome->p99_all}, {"p999_ns", outcome->p999_all},
		{"max_ns", outcome->max_all}};

	for (unsigned i = 0; i < sizeof times / sizeof *times; i++)
		json_decimal(json, times[i].key, is_timed(record) ? times[i].ns : NAN, 0);
}

static void write_state(struct json *json, const char *side, const struct spent *spent)
{
	double wall = spent->wall ? (double)spent->wall : NAN;
	double running = (double)spent->running / wall, ready = (double)spent->ready / wall;

	json_open(json, side, '{');
	json_decimal(json, "running", running, 4);
	json_decimal(json, "ready", ready, 4);
	json_decimal(json, "blocked", fmax(0, 1 - running - ready), 4);
	json_close(json, '}');
}

static void write_states(struct json *json, const struct outcome *outcome)
{
	json_open(json, "states", '{');
	write_state(json, "client", &outcome->spent[CLIENT]);
	write_state(json, "server", &outcome->spent[SERVER]);
	json_close(json, '}');
}

static void write_each(struct json *json, const struct outcome *outcome)
{
	const struct spent *client = &outcome->spent[CLIENT], *server = &outcome->spent[SERVER];
	const double n = outcome->messages ? (double)outcome->messages : NAN;

	json_decimal(json, "calls_per_msg",
		outcome->calls_known ? (double)(client->calls + server->calls) / n : NAN, 4);
	json_decimal(
		json, "switches_per_msg", (double)(client->voluntary + server->voluntary) / n, 4);
	json_decimal(json, "preemptions_per_msg",
		(double)(client->involuntary + server->involuntary) / n, 4);
	json_decimal(json, "faults_per_msg", (double)(client->faults + server->faults) / n, 4);
	json_decimal(json, "cpu_ns_per_msg", (double)(client->cpu + server->cpu) / n, 1);
}

static void write_costs(struct json *json, const struct record *record, unsigned contender)
{
	json_open(json, "costs_ns", '[');
	for (unsigned i = 0; i < record->repeats; i++)
		json_decimal(json, NULL, bench_cost(record, contender, i), 3);
	json_close(json, ']');
}

static void write_outcome(struct json *json, const struct record *record, unsigned contender)
{
	const struct outcome *outcome = &record->outcomes[contender];
	struct figure rate = bench_figure(outcome->rate, record->repeats);

	write_times(json, record, outcome);
	json_decimal(json, "msgs_per_s", rate.median, 1);
	json_decimal(json, "bytes_per_s", rate.median * (double)record->size, 0);
	json_number(json, "messages", outcome->messages);
	json_number(json, "lost", outcome->lost);
	write_states(json, outcome);
	write_each(json, outcome);
	write_costs(json, record, contender);
}

static void write_place(struct json *json, const char *key, const struct place *place)
{
	json_open(json, key, '{');
	json_text(json, "name", place->name);
	json_decimal(json, "ns", place->ns > 0 ? place->ns : NAN, 1);
	json_close(json, '}');
}

static void write_bare(struct json *json, const struct record *record)
{
	if (record->bare == 0) {
		json_null(json, "bare_ratio");
		json_null(json, "bare");
		return;
	}
	json_decimal(json, "bare_ratio", record->ratio.median, 4);
	json_decimal(json, "bare_ratio_low", record->ratio.low, 4);
	json_decimal(json, "bare_ratio_high", record->ratio.high, 4);
	json_open(json, "bare", '{');
	write_outcome(json, record, record->bare);
	json_close(json, '}');
}

static void write_peers(struct json *json, const struct record *record)
{
	json_open(json, "peers", '[');
	for (unsigned i = record->peers; i < record->contenders; i++) {
		json_open(json, NULL, '{');
		json_text(json, "name", record->outcomes[i].name);
		write_outcome(json, record, i);
		json_close(json, '}');
	}
	json_close(json, ']');
}

static void write_wait(struct json *json, const struct wait *wait)
{
	json_open(json, NULL, '{');
	json_text(json, "side", wait->side == CLIENT ? "client" : "server");
	json_text(json, "call", wait->call);
	json_text(json, "object", wait->object);
	json_text(json, "waker", wait->waker);
	json_text(json, "waker_call", wait->waker_call);
	json_bool(json, "probable", wait->probable);
	json_decimal(json, "times_per_msg", wait->times, 4);
	json_close(json, '}');
}

static void write_waits(struct json *json, const struct bench_run *run, unsigned i)
{
	const struct waits *waits = run->waits ? &run->waits[i] : NULL;

	if (!waits || !waits->seen) {
		json_null(json, "waits");
		return;
	}
	json_open(json, "waits", '[');
	for (unsigned k = 0; k < waits->count; k++)
		write_wait(json, &waits->of[k]);
	json_close(json, ']');
}

static void write_figures(struct json *json, const struct bench_run *run, unsigned i)
{
	const struct record *record = &run->records[i];
	char why[WHY];

	write_outcome(json, record, 0);
	json_decimal(json, "spread", bench_spread(record), 4);
	write_bare(json, record);
	write_peers(json, record);
	write_place(json, "place_before", &record->before);
	write_place(json, "place_after", &record->after);
	if (record->mode == ECHO)
		json_decimal(json, "bytes_per_peer", record->outcomes[0].peer_bytes, 0);
	json_decimal(json, "steal", record->steal, 4);
	json_text(json, "why", bench_why(run, record, why, sizeof why));
	write_waits(json, run, i);
}

static void write_row(struct json *json, const struct bench_run *run, unsigned i)
{
	const struct record *record = &run->records[i];
	char cpus[32];

	json_open(json, NULL, '{');
	json_text(json, "mechanism", record->row->name);
	json_text(json, "options", run->options[i] ? run->options[i] : "");
	json_text(json, "mode", bench_modes[record->mode]);
	json_number(json, "size", record->size);
	json_text(json, "cpus", bench_cpus(record, cpus, sizeof cpus));
	json_decimal(json, "rate", record->mode == PACED ? record->rate : NAN, 0);
	json_number(json, "fan", record->fan);
	if (bench_is_one_by_one(record))
		json_bool(json, "one_by_one", true);
	json_number(json, "repeats", record->repeats);
	if (record->error[0])
		json_text(json, "error", record->error);
	else if (record->skipped[0])
		json_text(json, "skipped", record->skipped);
	else
		write_figures(json, run, i);
	json_close(json, '}');
}

static void write_verdicts(
	struct json *json, const char *key, const struct verdict *verdicts, unsigned count)
{
	json_open(json, key, '[');
	for (unsigned i = 0; i < count; i++) {
		json_open(json, NULL, '{');
		json_text(json, "about", verdicts[i].about);
		json_text(json, "verdict", verdicts[i].verdict);
		json_text(json, "text", verdicts[i].text);
		json_text(json, "caution", verdicts[i].caution);
		json_close(json, '}');
	}
	json_close(json, ']');
}

static void write_aimed(struct json *json, const struct aimed *aimed)
{
	char cpus[32];

	json_open(json, NULL, '{');
	json_text(json, "mechanism", aimed->record->row->name);
	json_text(json, "mode", bench_modes[aimed->record->mode]);
	json_number(json, "size", aimed->record->size);
	json_text(json, "cpus", bench_cpus(aimed->record, cpus, sizeof cpus));
	json_decimal(json, "ratio", aimed->ratio.median, 4);
	json_decimal(json, "ratio_low", aimed->ratio.low, 4);
	json_decimal(json, "ratio_high", aimed->ratio.high, 4);
	json_text(json, "result", goal_results[aimed->reached]);
	json_text(json, "cause", aimed->cause);
	json_close(json, '}');
}

static void write_goals(struct json *json, const struct bench_run *run)
{
	static struct goal goals[MOST_GOALS];
	unsigned count = bench_goals(run, goals);

	json_open(json, "goals", '[');
	for (unsigned i = 0; i < count; i++) {
		json_open(json, NULL, '{');
		json_text(json, "about", goals[i].about);
		json_text(json, "wanted", goals[i].wanted);
		json_decimal(json, "most", goals[i].most, 4);
		json_text(json, "result", goal_results[goal_result(&goals[i])]);
		json_open(json, "rows", '[');
		for (unsigned k = 0; k < goals[i].count; k++)
			write_aimed(json, &goals[i].of[k]);
		json_close(json, ']');
		json_close(json, '}');
	}
	json_close(json, ']');
}

void bench_write_json(const struct bench_run *run, struct out *out)
{
	static struct verdict verdicts[MOST_VERDICTS];
	struct json json = {.out = out};

	json_open(&json, NULL, '{');
	json_number(&json, "format", 1);
	json_text(&json, "version", SINEW_VERSION);
	json_text(&json, "date", run->machine.date);
	write_machine(&json, &run->machine);
	write_plan(&json, run);
	json_open(&json, "rows", '[');
	for (unsigned i = 0; i < run->count; i++) {
		write_row(&json, run, i);
		out_byte(out, '\n');
	}
	json_close(&json, ']');
	write_goals(&json, run);
	write_verdicts(&json, "claims", verdicts, bench_claims(run, verdicts));
	write_verdicts(&json, "advice", verdicts, bench_advice(run, verdicts));
	json_close(&json, '}');
	out_byte(out, '\n');
}
