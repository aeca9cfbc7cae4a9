/* SPDX-License-Identifier: MIT
 *
 * flow.c - sends, receives and compares: see flow.h.
 */
#include "flow.h"

#include <stdlib.h>

void flow_open(struct flow *f, const struct mechanism *m, size_t size, unsigned flags)
{
	uint64_t most = mechanism_most(m);

	*f = (struct flow){.size = size < most ? size : most};
	f->data = malloc(FLOW_GROUP * f->size);
	ends_open(m, &f->e, flags, "");
}

int flow_send(struct flow *f, unsigned count, int64_t until)
{
	struct sinew_msg msgs[FLOW_GROUP];

	for (unsigned i = 0; i < count; i++) {
		msgs[i] = (struct sinew_msg){.data = f->data + i * f->size, .size = f->size};
		fill(f->data + i * f->size, f->size, f->accepted + i);
	}
	int r = sinew_send(f->e.out, msgs, count, until);
	CHECK(r <= (int)count && r != 0);
	if (r > 0)
		f->accepted += (unsigned)r;
	return r;
}

void flow_close(struct flow *f)
{
	free(f->data);
	ends_close(&f->e);
}

void flow_drain(struct flow *f)
{
	struct sinew_msg msg;
	char *buf = malloc(f->size);
	int64_t limit = soon();
	bool flushed = false;

	while (!flushed || f->received < f->accepted) {
		flushed = flushed || sinew_flush(f->e.out, SINEW_NOW) == 0;
		CHECK(test_now() < limit);
		int r = sinew_recv(f->e.in, buf, f->size, &msg, after_ms(1));
		if (r == -ETIMEDOUT)
			continue;
		CHECK_EQ(CHECK_OK(r), 1);
		fill(f->data, f->size, f->received++);
		CHECK_MEM(buf, msg.size, f->data, f->size);
	}
	CHECK_ERR(sinew_recv(f->e.in, buf, f->size, &msg, SINEW_NOW), -EAGAIN);
	CHECK_EQ(f->received, f->accepted);
	free(buf);
}

bool flow_never_blocks(const struct mechanism *m)
{
	CHECK(mechanism_is_reliable(m) || m->single);
	return !mechanism_is_reliable(m);
}
