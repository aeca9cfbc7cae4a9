/* SPDX-License-Identifier: MIT
 *
 * tiers.c - the list of sources, best first, by the letters that `sinew trace` has for the same rights. One
 * that this build does not have is told as a row that cannot be used.
 */
#include <errno.h>

#include "../fault.h"
#include "inside.h"

#ifdef SINEW_LACKS
int sinew__iter_threads(struct sinew__look *look, const struct sinew__asked *asked, int here)
{
	(void)look;
	(void)asked;
	(void)here;
	return sinew__observe_fail(ENOTSUP, "this program was built without " SINEW_LACKS);
}
#endif

const struct sinew__look_source sinew__look_sources[] = {
	{'A', sinew__iter_threads},
	{'D', sinew__proc_threads},
	{0},
};
