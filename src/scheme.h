/* SPDX-License-Identifier: MIT
 *
 * scheme.h - what a URI can name: a kind (channel, …) has schemes, a scheme has options and limits,
 * all of them rows. Parsing, help, completions and the tests follow the rows.
 */
#ifndef SINEW_SCHEME_H
#define SINEW_SCHEME_H

#include <stdbool.h>

#include "option.h"
#include "sinew/sinew.h"
#include "uri.h"

struct sinew__limit_row {
	const char *name, *source;
	int64_t value; /* where the source is not a file; the resource, where it is getrlimit(2) */
};

/* The first member of every mechanism's table. */
struct sinew__scheme {
	struct sinew_scheme shown;
	const struct sinew__option_row *options;
	size_t settings_size;
	const struct sinew__limit_row *limits;
	bool nameless; /* nothing between the colon and the options */
};

struct sinew__kind {
	const char *name;
	const struct sinew__scheme *const *schemes;            /* ends with NULL */
	const struct sinew__option_row *common;                /* options that all of them have */
	size_t common_size;                                    /* of the settings they fill */
	int (*describe)(const char *uri, struct sinew_caps *); /* sinew_caps() */
	int (*remove)(const char *uri);                        /* sinew_remove() */
};

extern const struct sinew__kind sinew__channel_kind; /* spec.c */
extern const struct sinew__kind sinew__event_kind;   /* event_spec.c */
extern const struct sinew__kind sinew__region_kind;  /* region_spec.c */

/* registry.c, made by the build from its lists of mechanisms. */
extern const struct sinew__scheme *const sinew__channels[];
extern const struct sinew__scheme *const sinew__events[];
extern const struct sinew__scheme *const sinew__regions[];

/* A URI understood. The caller gives where the parts and the common options go, and owns the rest. */
struct sinew__parsed {
	struct sinew__uri *uri;
	void *common;
	const struct sinew__scheme *scheme;
	char *text; /* the URI as given, for words; to be freed */
	void *own;  /* the scheme's settings; to be freed */
};

/* Parses the URI of something of this kind. -EINVAL with words that name what is known; -ENOMEM. On
 * failure there is nothing to free. */
int sinew__scheme_parse(const struct sinew__kind *, const char *uri, struct sinew__parsed *);

/* The number in a file of proc(5), or -1. */
int64_t sinew__read_limit(const char *file);

#endif
