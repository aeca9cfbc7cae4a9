/* SPDX-License-Identifier: MIT
 *
 * sources.c - the list of sources, best first. Those that this build does not have are told as a row
 * that cannot be opened, so that what is missing is said.
 */
#include "source.h"

#include <errno.h>

#include "fault.h"

#ifdef SINEW_HAS_BPF
extern const struct sinew__source_type sinew__source_bpf;
#else
static int open_missing(struct sinew__source **source, const struct sinew__request *request)
{
	(void)source;
	(void)request;
	return sinew__observe_fail(ENOTSUP, "this program was built without " SINEW_LACKS);
}

static const struct sinew__source_type sinew__source_bpf = {
	.tier = SINEW__TIER_BPF,
	.name = "BPF",
	.open = open_missing,
};
#endif

extern const struct sinew__source_type sinew__source_tracefs, sinew__source_perf,
	sinew__source_proc;

const struct sinew__source_type *const sinew__sources[] = {
	&sinew__source_bpf,
	&sinew__source_tracefs,
	&sinew__source_perf,
	&sinew__source_proc,
	NULL,
};
