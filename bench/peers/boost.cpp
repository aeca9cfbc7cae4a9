/* SPDX-License-Identifier: MIT
 *
 * boost.cpp - message_queue of Boost.Interprocess, one each way, 1024 messages deep or 4 MiB of them. Their names
 * are removed as soon as they are made: both processes inherit the memory.
 */
#include <boost/interprocess/ipc/message_queue.hpp>
#include <cstdio>
#include <unistd.h>

extern "C" {
#include "../crew.h"
#include "../peers.h"
}

using boost::interprocess::interprocess_exception;
using boost::interprocess::message_queue;

namespace
{

const std::size_t depth_most = 1024, depth_least = 8, memory = 4 << 20;

std::size_t depth(std::size_t size)
{
	const std::size_t fits = memory / size;

	return fits > depth_most ? depth_most : fits < depth_least ? depth_least : fits;
}

message_queue *make_queue(std::size_t size, int which)
{
	char name[64];

	std::snprintf(name, sizeof name, "sinew-bench.%d.%d", getpid(), which);
	message_queue::remove(name);
	message_queue *queue =
		new message_queue(boost::interprocess::create_only, name, depth(size), size);
	message_queue::remove(name);
	return queue;
}

void prepare(struct link *link)
try {
	link->state =
		new message_queue *[2] { make_queue(link->size, 0), make_queue(link->size, 1) };
} catch (const std::exception &failure) {
	crew_fail("Boost.Interprocess, a new queue: %s", failure.what());
}

void join(struct link *link, enum role role)
{
	link->in = role == SERVER ? 0 : 1;
	link->out = !link->in;
}

message_queue &queue(struct link *link, int which)
{
	return *static_cast<message_queue **>(link->state)[which];
}

void send_one(struct link *link, const void *data, std::size_t size)
try {
	queue(link, link->out).send(data, size, 0);
} catch (const interprocess_exception &failure) {
	crew_fail("Boost.Interprocess send: %s", failure.what());
}

void recv_one(struct link *link, void *data, std::size_t size)
try {
	std::size_t got;
	unsigned priority;

	queue(link, link->in).receive(data, size, got, priority);
	if (got != size)
		crew_fail("Boost.Interprocess: a message of %zu bytes instead of %zu", got, size);
} catch (const interprocess_exception &failure) {
	crew_fail("Boost.Interprocess receive: %s", failure.what());
}

PEER_PREPARED(BY_MEMORY, "Boost", prepare, join, send_one, recv_one);

} // namespace
