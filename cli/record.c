/* SPDX-License-Identifier: MIT
 *
 * record.c - one received message as a JSON object.
 */
#include "record.h"

#include <inttypes.h>
#include <stdio.h>

#include "json.h"
#include "passing.h"

/* A peer that has left cannot be asked any more; what was learned before stays true. Without an id
 * it may be another one each time. */
static bool know_peer(struct record *record, uint64_t id)
{
	if (record->asked && record->id == id && id != SINEW_ANY_PEER)
		return record->found;
	record->asked = true;
	record->id = id;
	record->found = sinew_peer(record->channel, id, &record->peer) == 0;
	return record->found;
}

static void write_owner(struct json *json, const struct sinew_peer *peer)
{
	if (!peer->known) {
		json_null(json, "uid");
		json_null(json, "gid");
		json_null(json, "pid");
		return;
	}
	json_number(json, "uid", peer->uid);
	json_number(json, "gid", peer->gid);
	json_signed(json, "pid", peer->pid);
}

static void write_peer(struct json *json, struct record *record, uint64_t id)
{
	bool found = know_peer(record, id);
	bool something = found && (record->peer.known || record->peer.address[0]);

	if (!something && id == SINEW_ANY_PEER) {
		json_null(json, "peer");
		return;
	}
	json_open(json, "peer", '{');
	json_number(json, "id", id);
	write_owner(json, found ? &record->peer : &(struct sinew_peer){0});
	json_text(json, "address", found && record->peer.address[0] ? record->peer.address : NULL);
	json_close(json, '}');
}

static void write_event(
	struct json *json, struct record *record, const struct sinew_msg *msg, int64_t ns)
{
	json_text(json, "event", msg->flags & SINEW_MSG_JOINED ? "joined" : "left");
	json_seconds(json, "time", ns);
	write_peer(json, record, msg->peer);
	if (msg->flags & SINEW_MSG_CORRUPT)
		json_bool(json, "corrupt", true);
	if (msg->lost)
		json_number(json, "lost", msg->lost);
}

static void write_message(
	struct json *json, struct record *record, const struct sinew_msg *msg, int64_t ns)
{
	json_number(json, "size", msg->size);
	json_seconds(json, "time", ns);
	write_peer(json, record, msg->peer);
	json_number(json, "priority", msg->priority);
	json_number(json, "lost", msg->lost);
	if (msg->flags & SINEW_MSG_LATE)
		json_bool(json, "late", true);
	if (msg->copies)
		json_number(json, "copies", msg->copies);
	if (msg->flags & SINEW_MSG_TAGGED)
		json_number(json, "tag", msg->tag);
	if (msg->flags & SINEW_MSG_UNFINISHED)
		json_bool(json, "unfinished", true);
	if (record->fds)
		passing_write(json, msg);
	if (msg->flags & SINEW_MSG_FDS_LOST)
		json_bool(json, "fds_lost", true);
	json_data(json, msg->data, msg->size);
}

void record_write(struct record *record, struct out *out, const struct sinew_msg *msg, int64_t ns)
{
	struct json json = {.out = out};

	json_open(&json, NULL, '{');
	if (msg->flags & (SINEW_MSG_JOINED | SINEW_MSG_LEFT))
		write_event(&json, record, msg, ns);
	else
		write_message(&json, record, msg, ns);
	json_close(&json, '}');
	out_byte(out, '\n');
}

char *record_peer_words(struct record *record, uint64_t id, char *text, size_t size)
{
	const struct sinew_peer *peer = &record->peer;
	bool found = know_peer(record, id);
	char owner[64] = "";

	if (found && peer->known)
		snprintf(owner, sizeof owner, "uid %u, pid %d", (unsigned)peer->uid, peer->pid);
	const char *address = found ? peer->address : "";
	bool both = owner[0] && address[0], any = owner[0] || address[0];
	snprintf(text, size, "peer %" PRIu64 "%s%s%s%s%s", id, any ? " (" : "", owner,
		both ? ", " : "", address, any ? ")" : "");
	return text;
}
