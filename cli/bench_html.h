/* SPDX-License-Identifier: MIT
 *
 * bench_html.h - the report as one HTML file: what draws it.
 */
#ifndef CLI_BENCH_HTML_H
#define CLI_BENCH_HTML_H

#include "bench_verdicts.h"

/* bench_svg.c: text that cannot be taken for markup. */
void html_text(struct out *out, const char *text);

/* A picture of this width and height in the units of its text, which is 13 high; it fills the column. */
void svg_open(struct out *out, double width, double height, const char *label);
void svg_close(struct out *out);
void svg_rect(struct out *out, const char *class, double x, double y, double width, double height,
	const char *title);
/* anchor: "start", "middle" or "end". */
void svg_text(struct out *out, const char *class, double x, double y, const char *anchor,
	const char *text);
void svg_line(struct out *out, const char *class, double x1, double y1, double x2, double y2);

/* bench_charts.c: figures, each drawn if there is something to draw. */
void chart_percentiles(const struct bench_run *run, struct out *out, bool two);
void chart_rates(const struct bench_run *run, struct out *out, enum mode mode, size_t size);
void chart_states(const struct bench_run *run, struct out *out);

/* For a chart in another file: its frame, and "10 us" on its axis. */
void chart_open(struct out *out, const char *title);
void chart_close(struct out *out, const char *caption);
char *chart_round_ns(double ns, char *text);

/* bench_chart_sizes.c */
void chart_sizes(const struct bench_run *run, struct out *out);

/* bench_html_why.c; html_step: "pipe, 64 bytes, there and back, CPUs 0,1" */
void html_step(struct out *out, const struct record *record);
void html_why(const struct bench_run *run, struct out *out);

/* bench_html_trust.c */
void html_trust(const struct bench_run *run, struct out *out);
void html_glossary(struct out *out);

/* bench_html_goals.c */
void html_goals(const struct bench_run *run, struct out *out);

/* bench_html_table.c: every row with all its figures. */
void html_table(const struct bench_run *run, struct out *out);

#endif
