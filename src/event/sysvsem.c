/* SPDX-License-Identifier: MIT
 *
 * sysvsem.c - System V semaphores, semop(2): sets under a key; what a process took and did not give
 * back is given back by the kernel when it dies (SEM_UNDO).
 *
 * Creation without the race between semget and the first values: a set of ours has one semaphore
 * more, the last, which is 0 until the values are set. One semop asks that it is 0, marks it and sets
 * all values. Whoever finds a set that nobody has used yet (its sem_otime is 0) tries just that; of
 * all who try one succeeds, and it does not matter who made the set or whether he still lives. A set
 * of another program, which has no such semaphore, is used once its maker has used it.
 */
#include <limits.h>
#include <string.h>

#include "../banned.h"
#include "../error.h"
#include "../event.h"
#include "../ipc_key.h"
#include "../wait.h"

enum { MOST = 250, LARGEST = 32767, MARK = 0x5157 };

struct settings {
	int64_t n, count, initial, id, create, mode, undo;
};

struct state {
	int id;
	unsigned count;              /* semaphores that can be addressed */
	_Atomic unsigned held[MOST]; /* taken with undo and not given back, each */
};

#define OWN(member) offsetof(struct settings, member)

static const struct sinew__option_row options[] = {
	{{"n", "number", "0", "which semaphore of the set"}, SINEW__OPTION_NUMBER, OWN(n), 0,
		MOST - 1},
	{{"count", "number", NULL, "semaphores of the set; as many as n= needs"},
		SINEW__OPTION_NUMBER, OWN(count), 1, MOST},
	{{"initial", "number", "0", "units in each when the set is made"}, SINEW__OPTION_NUMBER,
		OWN(initial), 0, LARGEST},
	{{"id", "number", "1", "with a path: which key of that file, as for ftok(3)"},
		SINEW__OPTION_NUMBER, OWN(id), 1, 255},
	{{"create", "yes|no", "yes", "make the set if it is not there"}, SINEW__OPTION_SWITCH,
		OWN(create), 0, 0},
	{{"mode", "octal permissions", "600", "of a set we make; the umask has no say"},
		SINEW__OPTION_MODE, OWN(mode), 0, 0777},
	{{"undo", "yes|no", "yes", "what we took is given back when we die"}, SINEW__OPTION_SWITCH,
		OWN(undo), 0, 0},
	{.type = SINEW__OPTION_END},
};

static const struct sinew__limit_row limits[] = {
	{"largest value (SEMVMX)", "semctl(2)", LARGEST},
	{"semaphores of a set, semaphores in all, steps of an operation, sets",
		"/proc/sys/kernel/sem", 0},
	{NULL, NULL, 0},
};

static int describe(const struct sinew__event_spec *spec, struct sinew_caps *caps)
{
	const struct settings *own = spec->own;

	if (own->count >= 0 && own->n >= own->count)
		return sinew__fail(EINVAL, "%s: n=%lld of count=%lld: they are counted from 0",
			spec->text, (long long)own->n, (long long)own->count);
	caps->bits = SINEW_EVENT_CAP_COUNTS | SINEW_EVENT_CAP_EVERY | SINEW_EVENT_CAP_NAMED |
		     SINEW_EVENT_CAP_SURVIVES | SINEW_EVENT_CAP_WAITERS | SINEW_EVENT_CAP_SETS |
		     (own->undo ? SINEW_EVENT_CAP_GIVES_BACK : 0);
	caps->max_message = LARGEST;
	return 0;
}

/* ---- the key ---- */

static int read_key(const struct sinew__event_spec *spec, key_t *key)
{
	const struct settings *own = spec->own;
	const char *rest = spec->uri.rest;

	if (*rest == '/') {
		*key = ftok(rest, (int)own->id);
		return *key == (key_t)-1
			       ? sinew__fail(errno, "%s: no key from that file: %m", spec->text)
			       : 0;
	}
	if (!sinew__ipc_key_read(rest, key) || *key == 0)
		return sinew__fail(EINVAL,
			"%s: write sysvsem:0xKEY, a number from 1 to 0xffffffff, or sysvsem:/path",
			spec->text);
	return 0;
}

/* ---- making a set and finding one ---- */

static int set_values(int id, unsigned count, int64_t initial)
{
	struct sembuf steps[MOST + 2];
	unsigned n = 0;

	steps[n++] = (struct sembuf){(unsigned short)count, 0, IPC_NOWAIT};
	steps[n++] = (struct sembuf){(unsigned short)count, MARK, IPC_NOWAIT};
	for (unsigned i = 0; initial && i < count; i++)
		steps[n++] = (struct sembuf){(unsigned short)i, (short)initial, IPC_NOWAIT};
	return (int)sinew__result(sinew__sys.semtimedop(id, steps, n, NULL));
}

static bool is_gone(int r)
{
	return r == -EIDRM || r == -EINVAL;
}

static unsigned wanted_count(const struct sinew_event *event)
{
	const struct settings *own = event->spec.own;

	return (unsigned)(own->count >= 0 ? own->count : own->n + 1);
}

/* 0 and *ds; -ENOENT it was removed meanwhile; else -errno in words. */
static int look_at(const struct sinew_event *event, int id, struct semid_ds *ds)
{
	const union sinew__semun argument = {.ds = ds};
	int r = (int)sinew__result(sinew__sys.semctl(id, 0, IPC_STAT, argument));

	if (r == 0 || is_gone(r))
		return r == 0 ? 0 : -ENOENT;
	return sinew__fail(-r, "open %s: %s", event->spec.text, strerror(-r));
}

/* How many semaphores a complete set has, without our mark; -ENOENT it was removed meanwhile. */
static int count_of(int id, const struct semid_ds *ds)
{
	const union sinew__semun none = {0};
	int last = sinew__sys.semctl(id, (int)ds->sem_nsems - 1, GETVAL, none);

	return last < 0 ? -ENOENT : (int)ds->sem_nsems - (last == MARK);
}

/* A set that is there: 0 it can be used; -EAGAIN its maker has not set its values yet; -ENOENT it was
 * removed meanwhile; else -errno in words. */
static int enter_set(struct sinew_event *event, int id)
{
	const struct settings *own = event->spec.own;
	struct state *state = event->state;
	unsigned wanted = wanted_count(event);
	struct semid_ds ds;

	int r = look_at(event, id, &ds);
	bool half = r == 0 && ds.sem_otime == 0;
	bool ours = own->count >= 0 ? ds.sem_nsems == wanted + 1 : ds.sem_nsems > wanted;
	if (half && ours && ds.sem_nsems <= MOST + 1) {
		r = set_values(id, (unsigned)ds.sem_nsems - 1, own->initial);
		if (r < 0 && r != -EAGAIN && !is_gone(r))
			return sinew__fail(
				-r, "set the values of %s: %s", event->spec.text, strerror(-r));
		r = look_at(event, id, &ds); /* somebody else may have done it */
	}
	if (r < 0 || ds.sem_otime == 0)
		return r < 0 ? r : -EAGAIN;
	int count = count_of(id, &ds);
	if (count < 0)
		return count;
	if (count < (int)wanted || (own->count >= 0 && count != (int)wanted))
		return sinew__fail(EEXIST, "%s: exists with %d semaphores, not %u",
			event->spec.text, count, wanted);
	state->id = id;
	state->count = (unsigned)(count < MOST ? count : MOST);
	return 0;
}

/* The id of the set under that key, made if need be, or -errno. */
static int find_set(const struct sinew_event *event, key_t key)
{
	const struct settings *own = event->spec.own;
	int count = (int)wanted_count(event);

	int id = (int)sinew__result(sinew__sys.semget(key, 0, 0));
	if (id != -ENOENT || !own->create)
		return id;
	return (int)sinew__result(
		sinew__sys.semget(key, count + 1, IPC_CREAT | IPC_EXCL | (int)own->mode));
}

static int open_failed(const struct sinew_event *event, int error)
{
	if (error == -EAGAIN)
		return sinew__fail(ETIMEDOUT,
			"open %s: another program made the set and has not used it yet",
			event->spec.text);
	if (error == -ENOSPC)
		return sinew__fail(ENOSPC,
			"create %s: the system has as many semaphores as it may "
			"(/proc/sys/kernel/sem)",
			event->spec.text);
	return sinew__fail(-error, "open %s: %s%s", event->spec.text, strerror(-error),
		error == -ENOENT ? " (with create=no, or removed meanwhile)" : "");
}

static int sysvsem_open(struct sinew_event *event, int64_t until)
{
	const struct settings *own = event->spec.own;
	int64_t pause = 0;
	key_t key;

	event->state = calloc(1, sizeof(struct state));
	if (!event->state)
		return sinew__fail(ENOMEM, "%s: no memory", event->spec.text);
	if (!(event->flags & (SINEW_IN | SINEW_OUT)))
		event->flags |= SINEW_IN | SINEW_OUT;
	int r = read_key(&event->spec, &key);
	if (r < 0)
		return r;
	for (;;) {
		int id = find_set(event, key);
		if (id == -EEXIST)
			continue;
		if (id < 0 && id != -ENOENT)
			return open_failed(event, id);
		r = id < 0 ? id : enter_set(event, id);
		if (r != -EAGAIN && r != -ENOENT)
			return r;
		if (r == -ENOENT && own->create)
			continue;
		int over = sinew__event_pause(event, &pause, until);
		if (over == -EAGAIN || over == -ETIMEDOUT)
			return open_failed(event, r);
		if (over < 0)
			return over;
	}
}

/* ---- operations ----
 *
 * Only what we took is given back with undo: else the kernel would take away at our death what we
 * posted. The waiting thread adds to held[] after it took, the posting one takes from it before. */

/* How much of a post gives back: taken out of held[] until it turns out that the post failed. */
static int claim(struct state *state, unsigned n, int amount)
{
	unsigned held = atomic_load(&state->held[n]), back;

	do
		back = held < (unsigned)amount ? held : (unsigned)amount;
	while (!atomic_compare_exchange_weak(&state->held[n], &held, held - back));
	return (int)back;
}

/* One step as semop wants it: how many, 1 or 2. *back: how much of it gives back. */
static unsigned add_step(struct sinew_event *event, const struct sinew_event_step *step,
	struct sembuf *out, int *back)
{
	const struct settings *own = event->spec.own;
	unsigned short n = (unsigned short)step->n;
	short undo = own->undo ? SEM_UNDO : 0;
	unsigned used = 0;

	*back = 0;
	if (step->amount <= 0) {
		out[0] = (struct sembuf){n, (short)step->amount, step->amount ? undo : 0};
		return 1;
	}
	if (undo)
		*back = claim(event->state, step->n, step->amount);
	if (*back)
		out[used++] = (struct sembuf){n, (short)*back, SEM_UNDO};
	if (step->amount > *back)
		out[used++] = (struct sembuf){n, (short)(step->amount - *back), 0};
	return used;
}

/* After the operation. */
static void settle(
	struct sinew_event *event, const struct sinew_event_step *step, int back, bool done)
{
	const struct settings *own = event->spec.own;
	struct state *state = event->state;

	if (!own->undo)
		return;
	if (done && step->amount < 0)
		atomic_fetch_add(&state->held[step->n], (unsigned)-step->amount);
	if (!done && back)
		atomic_fetch_add(&state->held[step->n], (unsigned)back);
}

static int failed(const struct sinew_event *event)
{
	switch (errno) {
	case EINTR:
		return sinew__answer(EINTR, "a signal ended the wait");
	case ERANGE:
		return sinew__fail(EOVERFLOW,
			"post %s: it would pass its maximum, %d; nothing was posted",
			event->spec.text, LARGEST);
	case EIDRM:
	case EINVAL:
		return sinew__fail(EIDRM, "%s: the set was removed", event->spec.text);
	case EACCES:
		return sinew__fail(EACCES, "%s: no write permission", event->spec.text);
	default:
		return sinew__fail(errno, "%s: semop: %m", event->spec.text);
	}
}

/* semtimedop's time is a duration: computed anew at each call. */
static struct timespec time_left(int64_t until)
{
	int64_t left = until - sinew__now();

	return sinew__event_time(left > 0 ? left : 0);
}

static int operate(const struct sinew_event *event, struct sembuf *steps, unsigned n, int64_t until)
{
	const struct state *state = event->state;
	const struct timespec *most = NULL;
	struct timespec left;

	if (until == SINEW_NOW) {
		for (unsigned i = 0; i < n; i++)
			steps[i].sem_flg |= IPC_NOWAIT;
	} else if (until != SINEW_FOREVER) {
		left = time_left(until);
		most = &left;
	}
	if (sinew__sys.semtimedop(state->id, steps, n, most) == 0)
		return 0;
	if (errno == EAGAIN && until == SINEW_NOW)
		return sinew__answer(EAGAIN, "the semaphore does not allow it now");
	if (errno == EAGAIN)
		return sinew__answer(ETIMEDOUT, "the deadline passed");
	return failed(event);
}

static int check_step(const struct sinew_event *event, const struct sinew_event_step *step)
{
	const struct state *state = event->state;

	if (step->n < state->count && step->amount <= LARGEST && step->amount >= -LARGEST)
		return 0;
	return sinew__fail(EINVAL,
		"%s: a step of %d on semaphore %u is not possible: the set has %u",
		event->spec.text, step->amount, step->n, state->count);
}

static int sysvsem_apply(struct sinew_event *event, const struct sinew_event_step *steps,
	unsigned count, int64_t until)
{
	struct sembuf ops[2 * SINEW__MOST_STEPS];
	int back[SINEW__MOST_STEPS];
	unsigned n = 0;

	for (unsigned i = 0; i < count; i++) {
		int r = check_step(event, &steps[i]);
		if (r < 0)
			return r;
	}
	for (unsigned i = 0; i < count; i++)
		n += add_step(event, &steps[i], ops + n, &back[i]);
	int r = operate(event, ops, n, until);
	for (unsigned i = 0; i < count; i++)
		settle(event, &steps[i], back[i], r == 0);
	return r;
}

/* That n= is of the set was seen when it was opened, and a post's largest value is the core's to see. */
static int one_step(struct sinew_event *event, int amount, int64_t until)
{
	const struct settings *own = event->spec.own;
	const struct sinew_event_step step = {.n = (unsigned)own->n, .amount = amount};
	struct sembuf ops[2];
	int back;

	unsigned n = add_step(event, &step, ops, &back);
	int r = operate(event, ops, n, until);
	settle(event, &step, back, r == 0);
	return r;
}

static int sysvsem_post(struct sinew_event *event, uint64_t value, int64_t until)
{
	return one_step(event, (int)value, until);
}

static int sysvsem_wait(struct sinew_event *event, struct sinew_notice *notice, int64_t until)
{
	notice->value = 1;
	return one_step(event, -1, until);
}

static int sysvsem_remove(const struct sinew__event_spec *spec)
{
	key_t key;

	int r = read_key(spec, &key);
	if (r < 0)
		return r;
	int id = sinew__sys.semget(key, 0, 0);
	if (id < 0 || sinew__sys.semctl(id, 0, IPC_RMID, (union sinew__semun){0}) < 0)
		return sinew__fail(errno, "remove %s: %m", spec->text);
	return 0;
}

const struct sinew__event_type sinew__event_type_sysvsem = {
	.scheme =
		{
			.shown = {"sysvsem", "sysvsem:0xKEY or sysvsem:/path",
				"System V semaphores, given back when their holder dies"},
			.options = options,
			.settings_size = sizeof(struct settings),
			.limits = limits,
		},
	.describe = describe,
	.open = sysvsem_open,
	.post = sysvsem_post,
	.wait = sysvsem_wait,
	.apply = sysvsem_apply,
	.patience = SINEW__DEADLINE,
	.remove = sysvsem_remove,
};
