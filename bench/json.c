/* SPDX-License-Identifier: MIT
 *
 * json.c - the whole report as one JSON object: every round, nothing rounded away.
 *
 * {"version", "date", "system", "cpu", "file", "transfers": [...], "scores": [...]}; durations in
 * nanoseconds, rates in messages a second, transfer rates in bytes a second.
 */
#include <errno.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>

#include "report.h"

static void string(FILE *out, const char *name, const char *text)
{
	fprintf(out, "\"%s\":\"", name);
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (c == '"' || c == '\\')
			fprintf(out, "\\%c", c);
		else if (c < 0x20)
			fprintf(out, "\\u%04x", c);
		else
			fputc(c, out);
	}
	fputc('"', out);
}

/* The processor's name as the kernel has it. */
static void cpu_name(char *name, size_t size)
{
	char line[256];
	FILE *in = fopen("/proc/cpuinfo", "re");

	snprintf(name, size, "unknown");
	while (in && fgets(line, sizeof(line), in)) {
		char *colon = strchr(line, ':');

		if (strncmp(line, "model name", 10) || !colon)
			continue;
		line[strcspn(line, "\n")] = 0;
		snprintf(name, size, "%s", colon + 2);
		break;
	}
	if (in)
		fclose(in);
}

static void head(FILE *out, const struct report *report)
{
	struct utsname system;
	char date[32], text[300], cpu[200];
	time_t now = time(NULL);

	strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%SZ", gmtime(&now));
	uname(&system);
	snprintf(text, sizeof(text), "%s %s %s", system.sysname, system.release, system.machine);
	cpu_name(cpu, sizeof(cpu));
	string(out, "version", report->version);
	fputs(",", out);
	string(out, "date", date);
	fputs(",", out);
	string(out, "system", text);
	fputs(",", out);
	string(out, "cpu", cpu);
	fprintf(out, ",\"file\":%llu", (unsigned long long)report->file_size);
}

static void transfer(FILE *out, const struct carriage *carriage)
{
	fputs("{", out);
	string(out, "name", carriage->row->name);
	fprintf(out,
		",\"messages\":%llu,\"bytes\":%llu,\"message_size\":%zu,\"same\":%s,\"rates\":[",
		(unsigned long long)carriage->messages, (unsigned long long)carriage->bytes,
		carriage->chunk, carriage->same ? "true" : "false");
	for (unsigned i = 0; i < carriage->repeats; i++)
		fprintf(out, "%s%.0f", i ? "," : "", carriage->rates[i]);
	fprintf(out, "],\"lost\":%llu,", (unsigned long long)carriage->lost);
	string(out, "sha256", carriage->sum);
	fputs(",", out);
	string(out, "error", carriage->error);
	fputs("}", out);
}

static void contender(FILE *out, const struct score *score, unsigned i)
{
	const double *p = score->percentiles[i];

	fputs("{", out);
	string(out, "name", score->names[i]);
	fprintf(out,
		",\"p50\":%.0f,\"p90\":%.0f,\"p99\":%.0f,\"p999\":%.0f,\"max\":%.0f,\"rounds\":[",
		p[0], p[1], p[2], p[3], p[4]);
	for (unsigned k = 0; k < score->rounds; k++) {
		const struct run *run = &score->runs[k][i];

		fprintf(out,
			"%s{\"p50\":%.0f,\"p99\":%.0f,\"rate\":%.0f,\"cpu\":%.1f,\"calls\":%.4f,"
			"\"switches\":%.4f}",
			k ? "," : "", run->of[P50], run->of[P99], run->of[RATE], run->of[CPU],
			run->of[CALLS], run->of[SWITCHES]);
	}
	fputs("]}", out);
}

static void score_out(FILE *out, const struct score *score)
{
	fputs("{", out);
	string(out, "name", score->row->name);
	fputs(",", out);
	string(out, "part", score->part);
	fprintf(out, ",\"cpus\":%d,\"size\":%zu,\"bare\":%u,", score->cpus, score->size,
		score->bare);
	string(out, "place_before", score->before.name);
	fputs(",", out);
	string(out, "place_after", score->after.name);
	fprintf(out, ",\"ns_before\":%.1f,\"ns_after\":%.1f,", score->before.ns, score->after.ns);
	string(out, "error", score->error);
	fputs(",\"contenders\":[", out);
	for (unsigned i = 0; i < score->contenders; i++) {
		fputs(i ? "," : "", out);
		contender(out, score, i);
	}
	fputs("]}", out);
}

int json_write(const struct report *report, const char *path)
{
	FILE *out = strcmp(path, "-") ? fopen(path, "we") : stdout;

	if (!out)
		return -errno;
	fputs("{", out);
	head(out, report);
	fputs(",\"transfers\":[", out);
	for (unsigned i = 0; i < report->carriage_count; i++) {
		fputs(i ? ",\n" : "\n", out);
		transfer(out, &report->carriages[i]);
	}
	fputs("],\"scores\":[", out);
	for (unsigned i = 0; i < report->score_count; i++) {
		fputs(i ? ",\n" : "\n", out);
		score_out(out, &report->scores[i]);
	}
	fputs("]}\n", out);
	if (ferror(out) | (out == stdout ? fflush(out) : fclose(out)))
		return -EIO;
	return 0;
}
