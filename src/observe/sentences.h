/* SPDX-License-Identifier: MIT
 *
 * sentences.h - what is known, in plain words, for every output. What is not known is said to be so. All
 * text is plain (sinew__plain): nothing from outside can do harm with it.
 */
#ifndef SINEW_OBSERVE_SENTENCES_H
#define SINEW_OBSERVE_SENTENCES_H

#include "states.h"
#include "words.h"

/* Room for a sentence, or a part of one. */
typedef char sinew__long[512];

/* "456 feeder"; of nobody: "somebody unknown". Returns `text`. */
char *sinew__process_text(const struct sinew__states *states, uint32_t id, sinew__long text);

/* A thread of the timeline: "457 cat", "457/460 worker" if it is not the first. Returns `text`. */
char *sinew__lane_text(const struct sinew__states *states, uint32_t lane, sinew__long text);

/* "pipe:[8123]", or NULL: none. */
const char *sinew__object_text(
	const struct sinew__states *states, const struct sinew__block_key *key, sinew__long text);
/* "read", "page fault", "stopped"; never NULL. */
const char *sinew__call_text(
	const struct sinew__states *states, const struct sinew__block_key *key, sinew__long text);
/* "read on pipe:[8123]" */
char *sinew__wait_text(
	const struct sinew__states *states, const struct sinew__block_key *key, sinew__long text);
/* "written by 456 feeder", "ended by a timer", "not over at the end" */
char *sinew__ender_text(
	const struct sinew__states *states, const struct sinew__block_key *key, sinew__long text);
/* As JSON has them: "task", "softirq", "interrupt", "timer", "worker", "nmi", "unknown". */
const char *sinew__context_name(unsigned context);
/* "its time slice was over" */
const char *sinew__why_text(unsigned why);
/* Why a thread became ready: the same, "woken up", or "admitted". */
const char *sinew__ready_text(unsigned why);
const char *sinew__why_name(unsigned why);

/* "exited with 0", "killed by signal 9" */
char *sinew__code_text(uint32_t code, sinew__long text);
/* "BPF: every switch, exactly" */
const char *sinew__tier_text(unsigned tier);

/* What was traced: "./feeder | cat", "-p 456"; "something" if that is not told. Returns `text`. */
char *sinew__traced_text(const struct sinew__states *states, sinew__long text);
/* The i-th note of whoever asked for it. False: there are no more. */
bool sinew__note_text_at(const struct sinew__states *states, unsigned i, sinew__long text);
/* The i-th thing that the recording does not tell, or that is wrong with it. False: there are no more. */
bool sinew__doubt(const struct sinew__states *states, unsigned i, sinew__long text);

#endif
