/* SPDX-License-Identifier: MIT
 *
 * main.c - the benchmark driver: what is asked for, in which order, and the exit status.
 *
 * Exit: 0 everything arrived, in order and whole; 1 something did not; 2 usage; 3 the system
 * refused; 130 interrupted. A missed goal is a result, not an error.
 */
#include <errno.h>
#include <ftw.h>
#include <getopt.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sinew/sinew.h>

#include "bench.h"
#include "crew.h"
#include "echo.h"
#include "report.h"

static const char help[] =
	"Usage: sinew-bench [OPTION]... [FILE]\n"
	"Measures sinew beside the bare system calls of each mechanism, in turns, in the same "
	"run.\n"
	"With FILE, first the main job: the file goes through each mechanism to another program, "
	"and\n"
	"the SHA-256 of what arrives is compared.\n"
	"\n"
	"  -o, --only NAME     only rows whose name contains NAME (may be repeated)\n"
	"  -p, --part PART     only transfer, roundtrip, stream or large (may be repeated)\n"
	"  -r, --rounds N      rounds of each measurement, 3 to 31 (9)\n"
	"  -e, --echo          instead: servers with 10 to 10,000 peers, beside a bare epoll loop\n"
	"  -s, --self          bare calls against themselves: what the noise of this machine does\n"
	"  -q, --quick         three short rounds: a look, not a measurement\n"
	"  -j, --json FILE     also write everything as JSON; - is standard output, without "
	"tables\n"
	"  -l, --list          name the rows\n"
	"  -h, --help          this text\n"
	"\n"
	"Examples:\n"
	"  sinew-bench --quick /bin/sh\n"
	"  sinew-bench --only 'unix stream' --part roundtrip --rounds 15 --json result.json\n";

enum { NAMES = 16 };

struct options {
	const char *only[NAMES], *parts[NAMES];
	unsigned only_count, part_count;
	unsigned rounds;
	bool quick, self, echo;
	const char *json, *file;
};

struct step {
	const struct row *row;
	const char *part;
	int cpus;
};

static char directory[64];

_Noreturn static void usage(const char *what, const char *value)
{
	fprintf(stderr, "sinew-bench: %s%s; try --help\n", what, value);
	exit(2);
}

static void list_rows(void)
{
	for (unsigned i = 0; i < bench_row_count; i++)
		puts(bench_rows[i].name);
	for (unsigned i = 0; i < echo_line_count; i++)
		printf("%s (--echo)\n", echo_line(i));
}

static unsigned round_count(const char *text)
{
	char *end;
	unsigned long rounds = strtoul(text, &end, 10);

	if (*end || end == text || rounds < 3 || rounds > ROUNDS_MAX)
		usage("--rounds wants a number from 3 to 31, not ", text);
	return (unsigned)rounds;
}

static const char *known_part(const char *part)
{
	static const char *const parts[] = {"transfer", "roundtrip", "stream", "large"};

	for (unsigned i = 0; i < 4; i++)
		if (strcmp(part, parts[i]) == 0)
			return part;
	usage("--part wants transfer, roundtrip, stream or large, not ", part);
}

static void check_name(const char *name, bool echo)
{
	for (unsigned i = 0; echo && i < echo_line_count; i++)
		if (strstr(echo_line(i), name))
			return;
	for (unsigned i = 0; !echo && i < bench_row_count; i++)
		if (strstr(bench_rows[i].name, name))
			return;
	usage("no row (see --list) is named ", name);
}

static void add(const char *names[NAMES], unsigned *count, const char *name)
{
	if (*count == NAMES)
		usage("too many of ", name);
	names[(*count)++] = name;
}

static void take_option(struct options *options, int option)
{
	switch (option) {
	case 'o':
		add(options->only, &options->only_count, optarg);
		break;
	case 'p':
		add(options->parts, &options->part_count, known_part(optarg));
		break;
	case 'r':
		options->rounds = round_count(optarg);
		break;
	case 'q':
		options->quick = true;
		break;
	case 'e':
		options->echo = true;
		break;
	case 's':
		options->self = true;
		break;
	case 'j':
		options->json = optarg;
		break;
	case 'l':
		list_rows();
		exit(0);
	case 'h':
		fputs(help, stdout);
		exit(0);
	default:
		exit(2); /* getopt has said why */
	}
}

static struct options parse(int argc, char **argv)
{
	static const struct option longs[] = {
		{"only", required_argument, NULL, 'o'},
		{"part", required_argument, NULL, 'p'},
		{"rounds", required_argument, NULL, 'r'},
		{"echo", no_argument, NULL, 'e'},
		{"self", no_argument, NULL, 's'},
		{"quick", no_argument, NULL, 'q'},
		{"json", required_argument, NULL, 'j'},
		{"list", no_argument, NULL, 'l'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	struct options options = {0};
	int option;

	while ((option = getopt_long(argc, argv, "o:p:r:esqj:lh", longs, NULL)) != -1)
		take_option(&options, option);
	if (optind < argc)
		options.file = argv[optind++];
	if (optind < argc)
		usage("only one FILE; not wanted: ", argv[optind]);
	if (options.echo && (options.file || options.json || options.part_count || options.self))
		usage("--echo goes with --only, --rounds and --quick alone", "");
	for (unsigned i = 0; i < options.only_count; i++)
		check_name(options.only[i], options.echo);
	if (!options.rounds)
		options.rounds = options.quick ? 3 : 9;
	return options;
}

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *ftw)
{
	(void)status, (void)type, (void)ftw;
	return remove(path);
}

static void clean_up(void)
{
	if (directory[0])
		nftw(directory, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
	directory[0] = 0;
}

/* Short enough for the paths of sockets in it. */
static void make_directory(void)
{
	const char *base = getenv("TMPDIR");
	char path[sizeof(directory)];

	if (!base || !*base || strlen(base) > 32)
		base = "/tmp";
	snprintf(path, sizeof(path), "%s/sinew-bench.XXXXXX", base);
	if (!mkdtemp(path)) {
		fprintf(stderr, "sinew-bench: cannot make a directory in %s: %s\n", base,
			strerror(errno));
		exit(3);
	}
	memcpy(directory, path, sizeof(path));
}

static bool wants(const char *const names[NAMES], unsigned count, const char *text, bool whole)
{
	for (unsigned i = 0; i < count; i++)
		if (whole ? strcmp(text, names[i]) == 0 : strstr(text, names[i]) != NULL)
			return true;
	return count == 0;
}

/* What a row is measured in: not every row has every part. */
static bool has_part(const struct row *row, const char *part)
{
	if (strcmp(part, "stream") == 0)
		return row->batch_goal > 0;
	if (strcmp(part, "large") == 0 && row->lossy)
		return false;
	return strcmp(part, "roundtrip") == 0 || row->bulk;
}

static unsigned plan_steps(
	const struct options *options, const struct plan *plan, struct step *steps)
{
	static const struct step kinds[] = {
		{NULL, "transfer", 2},
		{NULL, "roundtrip", 2},
		{NULL, "roundtrip", 1},
		{NULL, "stream", 2},
		{NULL, "large", 2},
	};
	unsigned count = 0;

	for (unsigned k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
		bool transfer = strcmp(kinds[k].part, "transfer") == 0;

		if (!wants(options->parts, options->part_count, kinds[k].part, true) ||
			(transfer && !options->file) ||
			(!transfer && kinds[k].cpus == 2 && plan->cpu[1] < 0))
			continue;
		for (unsigned i = 0; i < bench_row_count; i++) {
			const struct row *row = &bench_rows[i];

			if (!wants(options->only, options->only_count, row->name, false) ||
				!has_part(row, kinds[k].part))
				continue;
			steps[count] = kinds[k];
			steps[count++].row = row;
		}
	}
	return count;
}

static void take_step(
	const struct step *step, struct report *report, const struct plan *plan, const char *sum)
{
	struct score *score = &report->scores[report->score_count];

	if (strcmp(step->part, "transfer") == 0) {
		struct carriage *carriage = &report->carriages[report->carriage_count++];

		carriage->row = step->row;
		transfer_file(carriage, report->file, sum, plan);
		return;
	}
	report->score_count++;
	score->row = step->row;
	if (strcmp(step->part, "roundtrip") == 0)
		measure_roundtrip(score, plan, step->cpus);
	else if (strcmp(step->part, "stream") == 0)
		measure_stream(score, plan);
	else
		measure_large(score, plan);
}

static void take_steps(const struct step *steps, unsigned count, struct report *report,
	const struct plan *plan, const char *sum)
{
	char what[80];

	for (unsigned i = 0; i < count && !crew_interrupted(); i++) {
		bool trip = strcmp(steps[i].part, "roundtrip") == 0;

		snprintf(what, sizeof(what), "%s: %s%s", steps[i].row->name, steps[i].part,
			!trip                ? ""
			: steps[i].cpus == 2 ? ", two CPUs"
					     : ", one CPU");
		progress_step(what, (double)i / count);
		take_step(&steps[i], report, plan, sum);
	}
	progress_end();
}

static uint64_t size_of(const char *file)
{
	struct stat status;

	if (stat(file, &status) || !S_ISREG(status.st_mode) || status.st_size == 0) {
		fprintf(stderr, "sinew-bench: %s: %s\n", file,
			errno ? strerror(errno) : "not a file with anything in it");
		exit(2);
	}
	return (uint64_t)status.st_size;
}

static int finish(const struct report *report, const struct options *options)
{
	int error = 0;

	if (!options->json || strcmp(options->json, "-"))
		table_print(report, stdout);
	if (options->json)
		error = json_write(report, options->json);
	if (error)
		fprintf(stderr, "sinew-bench: %s: %s\n", options->json, strerror(-error));
	if (error)
		return 3;
	return report_is_sound(report) ? 0 : 1;
}

int main(int argc, char **argv)
{
	static struct carriage carriages[64];
	static struct score scores[256];
	static struct step steps[256];
	struct report report = {.carriages = carriages, .scores = scores};
	struct plan plan = {.directory = directory};
	struct options options;
	char sum[65] = "";
	unsigned count;
	int status;

	if (argc == 4 && strcmp(argv[1], "--receive") == 0)
		return transfer_receive(argv[2], argv[3]);
	options = parse(argc, argv);
	crew_init();
	(void)!unshare(CLONE_NEWIPC); /* where we may, queues that are left behind vanish with us */
	place_cpus(plan.cpu);
	plan.rounds = options.rounds;
	plan.self = options.self;
	plan.divide = options.quick ? 4 : 1;
	report.file = options.file;
	report.file_size = options.file ? size_of(options.file) : 0;
	report.version = sinew_version();
	report.rounds = plan.rounds;
	report.self = options.self;
	memcpy(report.cpu, plan.cpu, sizeof(plan.cpu));
	if (options.file && transfer_sum(options.file, sum)) {
		fprintf(stderr, "sinew-bench: sha256sum cannot read %s\n", options.file);
		return 3;
	}
	if (plan.cpu[1] < 0)
		fputs("sinew-bench: only one CPU: what needs two is left out\n", stderr);
	make_directory();
	if (options.echo) {
		status = echo_measure(&plan, options.only, options.only_count);
		clean_up();
		return crew_interrupted() ? 130 : status;
	}
	count = plan_steps(&options, &plan, steps);
	take_steps(steps, count, &report, &plan, sum);
	clean_up();
	status = crew_interrupted() ? 130 : 0;
	if (status)
		fputs("sinew-bench: interrupted\n", stderr);
	return status ? status : finish(&report, &options);
}
