/* SPDX-License-Identifier: MIT
 *
 * verdicts.h - sentences of the text book about the five states, held against what was seen; and whether
 * the recording agrees with itself.
 */
#ifndef SINEW_OBSERVE_VERDICTS_H
#define SINEW_OBSERVE_VERDICTS_H

#include "sentences.h"

enum sinew__answer {
	SINEW__TRUE_HERE,
	SINEW__NOT_HERE,
	SINEW__CANNOT_TELL, /* too little was seen */
};

struct sinew__verdict {
	const char *name;  /* as JSON has it */
	const char *claim; /* what the text book says */
	enum sinew__answer answer;
	sinew__long figures; /* why: plain text */
};

enum { SINEW__VERDICTS = 5 };

/* i < SINEW__VERDICTS */
void sinew__judge(const struct sinew__states *states, unsigned i, struct sinew__verdict *verdict);

const char *sinew__answer_text(enum sinew__answer answer); /* "true here" */
const char *sinew__answer_name(enum sinew__answer answer); /* "true", "false", "unknown" */

#endif
