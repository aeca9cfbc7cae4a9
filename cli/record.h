/* SPDX-License-Identifier: MIT
 *
 * record.h - one received message as a JSON object.
 *
 *     {"size":2,"time":1700000000.123456789,"peer":{…},"priority":0,"lost":0,"data":"hi"}
 *     {"event":"joined","time":…,"peer":{"id":1,"uid":0,"gid":0,"pid":4711,"address":"…"}}
 */
#ifndef CLI_RECORD_H
#define CLI_RECORD_H

#include <sinew/sinew.h>

#include "out.h"

/* The peer asked about last: most messages come from the same one as the message before. */
struct record {
	sinew_channel *channel;
	struct sinew_peer peer;
	uint64_t id;
	bool asked, found;
	bool fds; /* descriptors are taken in and shown */
};

/* `ns` is the time of day. */
void record_write(struct record *record, struct out *out, const struct sinew_msg *msg, int64_t ns);

/* What is known of a peer in words: "peer 3 (uid 0, pid 4711, @name)". Returns `text`. */
char *record_peer_words(struct record *record, uint64_t id, char *text, size_t size);

#endif
