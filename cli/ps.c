/* SPDX-License-Identifier: MIT
 *
 * ps.c - sinew ps: every thread, in which of the five states it is, and why.
 */
#include <errno.h>
#include <fault.h>
#include <stdlib.h>
#include <string.h>

#include "exit.h"
#include "options.h"
#include "ps.h"
#include "say.h"

struct page {
	const struct settings *settings;
	const struct sinew__look *look;
	const struct sinew__facts *threads;
	size_t count;
	const struct ps_column *columns[GRID_COLUMNS];
	unsigned column_count;
	struct out out;
};

static bool is_wanted(const struct page *page, const struct sinew__facts *facts)
{
	return facts->shown &&
	       (!page->settings->states || page->settings->states >> facts->state & 1) &&
	       (!page->settings->processes || facts->tid == facts->pid);
}

/* ---- the table ---- */

static int put_row(
	const struct page *page, struct grid *grid, const struct sinew__facts *facts, int parent)
{
	char texts[GRID_COLUMNS][PS_CELL];
	const char *cells[GRID_COLUMNS];

	for (unsigned i = 0; i < page->column_count; i++) {
		*texts[i] = '\0';
		page->columns[i]->write(page->look, facts, texts[i]);
		cells[i] = *texts[i] ? texts[i] : "-";
	}
	return grid_row(grid, cells, parent);
}

static bool put_list(const struct page *page, struct grid *grid)
{
	for (size_t i = 0; i < page->count; i++)
		if (is_wanted(page, &page->threads[i]) &&
			put_row(page, grid, &page->threads[i], GRID_NO_PARENT) < 0)
			return false;
	return true;
}

/* ---- the tree: threads below their process, processes below their parents ---- */

struct node {
	size_t parent, child, next; /* counted from 1; 0: none */
	int row;                    /* -1: not put, or not wanted */
	bool seen;
};

static size_t parent_of(const struct page *page, size_t i)
{
	const struct sinew__facts *facts = &page->threads[i], *above;

	above = sinew__look_thread(page->look, facts->tid == facts->pid ? facts->ppid : facts->pid);
	return above && above != facts && (facts->tid != facts->pid || facts->ppid)
		       ? (size_t)(above - page->threads) + 1
		       : 0;
}

/* From the last to the first, so that children stand in the order of their numbers. */
static void hang(const struct page *page, struct node *nodes)
{
	for (size_t i = page->count; i-- > 0;) {
		nodes[i].row = -1;
		nodes[i].parent = parent_of(page, i);
		if (nodes[i].parent) {
			nodes[i].next = nodes[nodes[i].parent - 1].child;
			nodes[nodes[i].parent - 1].child = i + 1;
		}
	}
}

/* The nearest one above that has a row. */
static int row_above(const struct node *nodes, size_t at)
{
	size_t above = nodes[at].parent;

	for (size_t steps = 0; above && steps < 64; steps++) {
		if (nodes[above - 1].row >= 0)
			return nodes[above - 1].row;
		above = nodes[above - 1].parent;
	}
	return GRID_NO_PARENT;
}

static bool put_node(const struct page *page, struct grid *grid, struct node *nodes, size_t at)
{
	nodes[at].seen = true;
	if (!is_wanted(page, &page->threads[at]))
		return true;
	nodes[at].row = put_row(page, grid, &page->threads[at], row_above(nodes, at));
	return nodes[at].row >= 0;
}

/* What follows in the walk: a child, else what stands beside it, or beside one above. Numbers that were
 * used again while we looked could make a circle: nothing is gone to twice. */
static size_t next_node(const struct node *nodes, size_t at, size_t top)
{
	size_t child = nodes[at - 1].child;

	if (child && !nodes[child - 1].seen)
		return child;
	while (at && at != top) {
		size_t next = nodes[at - 1].next;
		if (next && !nodes[next - 1].seen)
			return next;
		at = nodes[at - 1].parent;
	}
	return 0;
}

static bool walk(const struct page *page, struct grid *grid, struct node *nodes, size_t top)
{
	bool good = true;

	for (size_t at = top; at && good; at = next_node(nodes, at, top))
		good = put_node(page, grid, nodes, at - 1);
	return good;
}

static bool put_tree(const struct page *page, struct grid *grid)
{
	struct node *nodes = calloc(page->count + 1, sizeof *nodes);
	bool good = nodes;

	if (good)
		hang(page, nodes);
	for (size_t i = 0; i < page->count && good; i++)
		if (!nodes[i].parent)
			good = walk(page, grid, nodes, i + 1);
	for (size_t i = 0; i < page->count && good; i++)
		if (!nodes[i].seen)
			good = walk(page, grid, nodes, i + 1);
	free(nodes);
	return good;
}

static int print_table(struct page *page)
{
	struct grid_column shown[GRID_COLUMNS];
	struct grid *grid;

	for (unsigned i = 0; i < page->column_count; i++) {
		shown[i] = page->columns[i]->shown;
		shown[i].tree = shown[i].tree && page->settings->tree;
	}
	grid = grid_open(shown, page->column_count);
	bool good = grid && (page->settings->tree ? put_tree(page, grid) : put_list(page, grid));
	if (good)
		grid_print(grid, &page->out);
	else
		say_error("out of memory");
	grid_close(grid);
	return good ? EXIT_DONE : EXIT_SYSTEM;
}

/* ---- all of it ---- */

static int print(struct page *page)
{
	if (!page->settings->json)
		return print_table(page);
	for (size_t i = 0; i < page->count; i++)
		if (is_wanted(page, &page->threads[i]))
			ps_json(&page->out, page->look, &page->threads[i]);
	return EXIT_DONE;
}

static bool read_pids(const struct settings *settings, uint32_t *pids)
{
	for (int i = 0; i < settings->operand_count; i++) {
		char *end;
		unsigned long n = strtoul(settings->operands[i], &end, 10);
		if (*end || n == 0 || n > INT32_MAX || *settings->operands[i] < '0' ||
			*settings->operands[i] > '9') {
			say_error("%s is no number of a process; try: sinew ps $$",
				settings->operands[i]);
			return false;
		}
		pids[i] = (uint32_t)n;
	}
	return true;
}

/* Objects of JSON have it among their evidence. */
static void say_lacks(const struct page *page)
{
	const char *lacks = sinew__look_lacks(page->look);

	if (lacks && !page->settings->json)
		say("ps: by /proc alone: %s", lacks);
}

static struct sinew__look_request request_of(struct page *page, const uint32_t *pids)
{
	const struct settings *settings = page->settings;
	const size_t asked = (size_t)settings->operand_count;
	const bool others = settings->others || asked;
	struct sinew__look_request request = {.pids = asked ? pids : NULL, .count = asked};

	page->column_count = ps_columns(settings->columns, others, page->columns);
	request.tier = settings->tier ? *settings->tier : 0;
	request.flags = settings->json ? (unsigned)SINEW__LOOK_WCHAN
				       : ps_looks(page->columns, page->column_count);
	if (others)
		request.flags |= SINEW__LOOK_OTHERS_TOO;
	return request;
}

static int show(struct page *page, const uint32_t *pids)
{
	const struct sinew__look_request request = request_of(page, pids);
	struct sinew__look *look;

	int r = sinew__look_open(&look, &request);
	if (r < 0) {
		say_error("%s", sinew__observe_error());
		return exit_code(r);
	}
	page->look = look;
	page->threads = sinew__look_threads(look, &page->count);
	say_lacks(page);
	int code = print(page);
	sinew__look_close(look);
	return code;
}

static int run(const struct settings *settings)
{
	struct page page = {.settings = settings};
	uint32_t *pids = calloc((size_t)settings->operand_count + 1, sizeof *pids);

	if (!pids || !out_open(&page.out)) {
		free(pids);
		say_error("out of memory");
		return EXIT_SYSTEM;
	}
	int code = read_pids(settings, pids) ? show(&page, pids) : EXIT_USAGE;
	free(pids);
	return exit_worse(code, out_close(&page.out));
}

/* ---- options ---- */

static bool set_columns(struct settings *settings, const char *value)
{
	const struct ps_column *chosen[GRID_COLUMNS];

	settings->columns = value;
	return ps_columns(value, false, chosen) > 0;
}

static bool add_state(struct settings *settings, const char *name, size_t size)
{
	for (unsigned i = SINEW__NEW; i <= SINEW__TERMINATED; i++)
		if (strlen(sinew__state_names[i]) == size &&
			memcmp(sinew__state_names[i], name, size) == 0) {
			settings->states |= 1u << i;
			return true;
		}
	return false;
}

static bool set_states(struct settings *settings, const char *value)
{
	for (const char *at = value;; at++) {
		size_t size = strcspn(at, ",");
		if (!add_state(settings, at, size))
			return false;
		at += size;
		if (!*at)
			return true;
	}
}

static bool set_tree(struct settings *settings, const char *value)
{
	(void)value;
	return settings->tree = true;
}

static bool set_processes(struct settings *settings, const char *value)
{
	(void)value;
	return settings->processes = true;
}

static bool set_others(struct settings *settings, const char *value)
{
	(void)value;
	return settings->others = true;
}

static bool set_tier(struct settings *settings, const char *value)
{
	settings->tier = value;
	return strlen(value) == 1 && strchr("AD", *value);
}

static const struct cli_option options[] = {
	{"state", 's', "STATE", "only those in these states, as ready,running", set_states,
		"new, ready, running, blocked or terminated, or several with commas"},
	{"tree", 't', NULL, "processes below their parents, threads below their process", set_tree,
		NULL},
	{"columns", 'o', "LIST", "these columns, or with + in front these, too", set_columns,
		"columns with commas, out of PID, TID, PPID, USER, COMM, STATE, SINCE, RAN, "
		"DELAY, VOL, INVOL, CPU, CAUSE, CALL, OBJECT, OTHER, WCHAN, EVIDENCE"},
	{"processes", 'P', NULL, "of each process the first thread alone", set_processes, NULL},
	{"others", 0, NULL, "who is at the other side, also where no PID is given", set_others,
		NULL},
	{"tier", 0, "A|D", "look in this way only, A by BPF or D by /proc", set_tier, "A or D"},
	{"json", 0, NULL, "one JSON object a thread", set_json, NULL},
	OPTION_HELP,
	OPTION_END,
};

const struct cli_verb verb_ps = {
	.name = "ps",
	.synopsis = "[PID...]",
	.summary = "show in which of the five states threads are, and why",
	.about = "Shows the threads of these processes, or of all, as new, ready, running, blocked "
		 "or terminated: since when, in which system call, on what they wait and who is at "
		 "the other side of it, as far as rights allow; what they do not allow is unknown.",
	.options = options,
	.examples = {"sinew ps --tree", "sinew ps --state blocked -o PID,COMM,CALL,OBJECT"},
	.least = 0,
	.most = -1,
	.run = run,
};
