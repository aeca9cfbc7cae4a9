/* SPDX-License-Identifier: MIT
 *
 * bench_svg.c - shapes and words of SVG in HTML. Colours are those of the page's classes.
 */
#include <string.h>

#include "bench_html.h"

void html_text(struct out *out, const char *text)
{
	for (; *text; text++) {
		static const char marks[] = "<>&\"";
		static const char *const names[] = {"&lt;", "&gt;", "&amp;", "&quot;"};
		const char *mark = strchr(marks, *text);
		if (mark)
			out_text(out, names[mark - marks]);
		else
			out_byte(out, *text);
	}
}

void svg_open(struct out *out, double width, double height, const char *label)
{
	out_format(out, "<svg viewBox=\"0 0 %.0f %.0f\" role=\"img\" aria-label=\"", width, height);
	html_text(out, label);
	out_text(out, "\">\n");
}

void svg_close(struct out *out)
{
	out_text(out, "</svg>\n");
}

void svg_rect(struct out *out, const char *class, double x, double y, double width, double height,
	const char *title)
{
	out_format(out,
		"<rect class=\"%s\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\"><title>",
		class, x, y, width > 0 ? width : 0, height);
	html_text(out, title);
	out_text(out, "</title></rect>\n");
}

void svg_text(struct out *out, const char *class, double x, double y, const char *anchor,
	const char *text)
{
	out_format(out, "<text class=\"%s\" x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">", class, x, y,
		anchor);
	html_text(out, text);
	out_text(out, "</text>\n");
}

void svg_line(struct out *out, const char *class, double x1, double y1, double x2, double y2)
{
	out_format(out, "<line class=\"%s\" x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\"/>\n",
		class, x1, y1, x2, y2);
}
