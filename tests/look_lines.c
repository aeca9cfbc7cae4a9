/* SPDX-License-Identifier: MIT
 *
 * look_lines.c - files of /proc as text: real ones, hostile ones, and every one cut at every byte.
 */
#include "lines.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runner.h"

#define STAT_REST                                                                                  \
	"17 12 12 34816 12 4194304 100 0 0 0 1 2 0 0 20 0 3 0 4242 9000 200 "                      \
	"18446744073709551615 1 1 0 0 0 0 0 0 65536 0 0 0 17 5 0 0 0 0 0 0 0 0 0 0 0 0 0\n"

static struct sinew__facts facts;

static bool stat_of(const char *name, char letter)
{
	char text[1024];

	facts = (struct sinew__facts){.tid = 12};
	snprintf(text, sizeof text, "12 (%s) %c " STAT_REST, name, letter);
	return sinew__parse_stat(text, &facts);
}

TEST(stat_has_its_fields)
{
	CHECK(stat_of("cat", 'S'));
	CHECK_STR(facts.comm, "cat");
	CHECK_EQ(facts.letter, 'S');
	CHECK_EQ(facts.ppid, 17);
	CHECK_EQ(facts.kernel, false);
	CHECK_EQ(facts.threads, 3);
	CHECK_EQ(facts.started, 4242);
	CHECK_EQ(facts.cpu, 5);
}

TEST(names_in_stat_may_hold_anything)
{
	static const char *const names[] = {"", " ", ")", "(", ") R 1 1", "a) Z 1 (b",
		"x\n12 (y) Z 2", "\n", "12 (12) R", "\xff\x1b[m",
		"kworker/u8:0-events_unbound_and_a_name_that_is_long"};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		CHECK(stat_of(names[i], 'D'));
		CHECK_STR(facts.comm, names[i]);
		CHECK_EQ(facts.letter, 'D');
		CHECK_EQ(facts.ppid, 17);
	}
}

TEST(a_name_is_cut_to_its_room)
{
	char name[300];

	memset(name, 'n', sizeof name);
	name[sizeof name - 1] = '\0';
	CHECK(stat_of(name, 'I'));
	CHECK_EQ(strlen(facts.comm), sizeof facts.comm - 1);
	CHECK_EQ(facts.cpu, 5);
}

TEST(stat_that_makes_no_sense)
{
	CHECK(!stat_of("cat", '?'));
	CHECK(!stat_of("cat", ' '));
	facts.tid = 13;
	CHECK(!sinew__parse_stat("12 (cat) S " STAT_REST, &facts));
	CHECK(!sinew__parse_stat("99999999999 (cat) S " STAT_REST, &facts));
	CHECK(!sinew__parse_stat("(cat) S " STAT_REST, &facts));
	CHECK(!sinew__parse_stat("12 cat S " STAT_REST, &facts));
	CHECK(!sinew__parse_stat("12 (cat)", &facts));
	CHECK(!sinew__parse_stat("", &facts));
}

TEST(kernel_threads_have_a_mark)
{
	facts = (struct sinew__facts){.tid = 2};
	CHECK(sinew__parse_stat("2 (kthreadd) S 0 0 0 0 -1 2129984 0 0 0 0 0 0 0 0 20 0 1 0 2 0 0 "
				"0 0 0 0 0 0 0 0 2147483647 0 0 0 0 0 1 0 0 0 0\n",
		&facts));
	CHECK(facts.kernel);
	CHECK_EQ(facts.cpu, 1);
}

/* ---- what a thread is in ---- */

TEST(syscall_in_its_three_forms)
{
	facts = (struct sinew__facts){0};
	CHECK(sinew__parse_syscall(
		"0 0x3 0x7f 0x20000 0x1 0xffffffff 0x5 0x7ffc0 0x7f35\n", &facts));
	CHECK_EQ(facts.in, SINEW__IN_CALL);
	CHECK_EQ(facts.number, 0);
	CHECK_EQ(facts.args[0], 3);
	CHECK_EQ(facts.args[5], 5);
	CHECK_EQ(facts.stack, 0x7ffc0);
	CHECK(sinew__parse_syscall("-1 0x7ffc1 0x7f35\n", &facts));
	CHECK_EQ(facts.in, SINEW__IN_NONE);
	CHECK_EQ(facts.number, -1);
	CHECK_EQ(facts.stack, 0x7ffc1);
	CHECK(sinew__parse_syscall("running\n", &facts));
	CHECK_EQ(facts.in, SINEW__IN_RUNNING);
}

TEST(syscall_that_makes_no_sense)
{
	static const char *const texts[] = {"", "\n", "run", "running", "0", "0 0x1\n",
		"0 3 4 5 6 7 8 9 10\n", "-1\n", "-1 0x1\n", "-2 0x1 0x2\n",
		"4294967296 0x1 0x2 0x3 0x4 0x5 0x6 0x7 0x8\n",
		"0 0x1ffffffffffffffff 0x2 0x3 0x4 0x5 0x6 0x7 0x8\n"};

	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		facts = (struct sinew__facts){.number = 77};
		CHECK(!sinew__parse_syscall(texts[i], &facts));
		CHECK_EQ(facts.in, SINEW__IN_UNKNOWN);
		CHECK_EQ(facts.number, 77);
	}
}

TEST(wchan_says_nothing_without_rights)
{
	facts = (struct sinew__facts){0};
	CHECK(!sinew__parse_wchan("0", &facts));
	CHECK(!sinew__parse_wchan("0\n", &facts));
	CHECK(!sinew__parse_wchan("", &facts));
	CHECK_STR(facts.wchan, "");
	CHECK(sinew__parse_wchan("pipe_read", &facts));
	CHECK_STR(facts.wchan, "pipe_read");
}

/* ---- the scheduler's ---- */

#define SCHED(name)                                                                                \
	name " (12, #threads: 1)\n-------------------------------\n"                               \
	     "se.exec_start                                :      22024217.995588\n"               \
	     "se.vruntime                                  :          2104.460117\n"               \
	     "nr_voluntary_switches                        :                   41\n"               \
	     "nr_involuntary_switches                      :                    7\n"

TEST(sched_is_believed_behind_the_line_alone)
{
	static const char *const texts[] = {SCHED("cat"), SCHED("\n-----\nse.x"),
		SCHED("a\nnr_voluntary_switches:9"), SCHED("se.exec_start : 1.000000\n")};

	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		facts = (struct sinew__facts){0};
		CHECK(sinew__parse_sched(texts[i], &facts));
		CHECK_EQ(facts.exec_start, 22024217995588);
		CHECK_EQ(facts.voluntary, 41);
		CHECK_EQ(facts.involuntary, 7);
	}
	CHECK(!sinew__parse_sched("se.exec_start : 1.000000\n", &facts));
}

TEST(schedstat_and_status)
{
	facts = (struct sinew__facts){0};
	CHECK(sinew__parse_schedstat("247792327 34143339 609\n", &facts));
	CHECK_EQ(facts.ran, 247792327);
	CHECK_EQ(facts.delay, 34143339);
	CHECK_EQ(facts.dispatches, 609);
	CHECK(!sinew__parse_schedstat("1 2\n", &facts));
	CHECK(sinew__parse_status(
		"Name:\ta\\nTracerPid: 9\nTracerPid:\t5\nvoluntary_ctxt_switches:\t3\n"
		"nonvoluntary_ctxt_switches:\t4\n",
		&facts));
	CHECK_EQ(facts.tracer, 5);
	CHECK_EQ(facts.voluntary, 3);
	CHECK_EQ(facts.involuntary, 4);
}

/* ---- cut ---- */

static const struct form {
	bool (*parse)(const char *text, struct sinew__facts *facts);
	const char *text;
	size_t least; /* bytes that are needed; the rest is of no interest */
} forms[] = {
	{sinew__parse_stat, "12 (a b) S " STAT_REST, 0},
	{sinew__parse_schedstat, "247792327 34143339 609\n", 23},
	{sinew__parse_syscall, "0 0x3 0x7f 0x20000 0x1 0xf 0x5 0x7ffc0 0x7f35\n", 46},
	{sinew__parse_syscall, "-1 0x7ffc0 0x7f35\n", 18},
	{sinew__parse_syscall, "running\n", 8},
	{sinew__parse_sched, SCHED("cat"), 0},
};

/* A file that ends early gives no figure that was cut. */
TEST(cut_at_every_byte)
{
	for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
		struct sinew__facts whole = {.tid = 12}, part;
		CHECK(forms[i].parse(forms[i].text, &whole));
		for (size_t size = 0; size < strlen(forms[i].text); size++) {
			char *cut =
				strndup(forms[i].text, size); /* so that ASan sees what is read */
			part = (struct sinew__facts){.tid = 12};
			bool good = forms[i].parse(cut, &part);
			CHECK(!good || memcmp(&part, &whole, sizeof part) == 0);
			CHECK(!good || size >= forms[i].least);
			free(cut);
		}
	}
}

/* ---- and as they are ---- */

static const char *slurp(const char *path)
{
	static char text[8192];
	FILE *file = fopen(path, "re");
	size_t n = file ? fread(text, 1, sizeof text - 1, file) : 0;

	text[n] = '\0';
	if (file)
		fclose(file);
	return text;
}

TEST(of_this_kernel)
{
	facts = (struct sinew__facts){.tid = (uint32_t)getpid()};
	CHECK(sinew__parse_stat(slurp("/proc/self/stat"), &facts));
	CHECK_EQ(facts.ppid, (uint32_t)getppid());
	CHECK_EQ(facts.letter, 'R');
	CHECK(sinew__parse_schedstat(slurp("/proc/self/schedstat"), &facts));
	CHECK(facts.ran > 0 && facts.dispatches > 0);
	CHECK(sinew__parse_status(slurp("/proc/self/status"), &facts));
	CHECK(sinew__parse_syscall(slurp("/proc/self/syscall"), &facts));
	CHECK_EQ(facts.in, SINEW__IN_CALL);
}
