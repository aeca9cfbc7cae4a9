/* SPDX-License-Identifier: MIT
 *
 * lock_steps_rw.c - who reads or writes, or would, dies at every step.
 */
#include "stepping.h"

static void read_it(void)
{
	CHECK_OK(sinew_rwlock_read(&s->rwlock, in_ms(20000)));
	CHECK_EQ(s->a, s->b);
	CHECK_OK(sinew_rwlock_unlock(&s->rwlock));
}

static void write_it(void)
{
	CHECK_OK(sinew_rwlock_write(&s->rwlock, in_ms(20000)));
	CHECK_EQ(s->a, s->b);
	s->a++;
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	s->b++;
	CHECK_OK(sinew_rwlock_unlock(&s->rwlock));
}

/* No news after a reader. */
static void check_read(pid_t sleeper)
{
	write_it();
	read_it();
	if (sleeper)
		CHECK_EQ(test_wait(sleeper), 0);
}

/* r: what the lock was had with. */
static void repair_after(int r)
{
	if (r == -EOWNERDEAD) {
		s->b = s->a;
		CHECK_OK(sinew_rwlock_repaired(&s->rwlock));
	}
}

static void check_write(pid_t sleeper)
{
	int r = sinew_rwlock_read(&s->rwlock, in_ms(20000));

	(void)sleeper;
	repair_after(r);
	CHECK_EQ(s->a, s->b);
	CHECK_OK(sinew_rwlock_unlock(&s->rwlock));
	check_read(0);
}

static void write_in_vain_now(void *arg)
{
	(void)arg;
	CHECK_ERR(sinew_rwlock_write(&s->rwlock, SINEW_NOW), -EAGAIN);
}

/* A writer comes after the dead one, then we read where we did before it: we are seen. */
static void check_reader_is_seen(pid_t sleeper)
{
	int r = sinew_rwlock_write(&s->rwlock, in_ms(20000));

	(void)sleeper;
	repair_after(r);
	CHECK_OK(sinew_rwlock_unlock(&s->rwlock));
	CHECK_OK(sinew_rwlock_read(&s->rwlock, SINEW_NOW));
	CHECK_EQ(test_wait(test_fork(write_in_vain_now, NULL)), 0);
	CHECK_OK(sinew_rwlock_unlock(&s->rwlock));
	check_read(0);
}

static void be_reader(void)
{
	CHECK_OK(sinew_rwlock_read(&s->rwlock, SINEW_NOW));
}

static void unlock_it(void)
{
	CHECK_OK(sinew_rwlock_unlock(&s->rwlock));
}

static void repair_writing(void)
{
	CHECK_ERR(sinew_rwlock_write(&s->rwlock, in_ms(20000)), -EOWNERDEAD);
	s->b = s->a;
	CHECK_OK(sinew_rwlock_repaired(&s->rwlock));
	CHECK_OK(sinew_rwlock_unlock(&s->rwlock));
}

static void break_writing(void)
{
	pid_t pid = CHECK_SYS(fork());

	if (pid == 0) {
		CHECK_OK(sinew_rwlock_write(&s->rwlock, in_ms(20000)));
		s->a++;
		kill(getpid(), SIGKILL);
	}
	CHECK_EQ(test_wait(pid), -SIGKILL);
}

/* A reader is there, or a writer: we. */
static void read_in_vain(void)
{
	CHECK_ERR(sinew_rwlock_read(&s->rwlock, in_ms(1)), -ETIMEDOUT);
}

static void write_in_vain(void)
{
	CHECK_ERR(sinew_rwlock_write(&s->rwlock, in_ms(1)), -ETIMEDOUT);
}

static void be_writer(void)
{
	CHECK_OK(sinew_rwlock_write(&s->rwlock, SINEW_NOW));
}

/* Who died waiting had nothing: no news, and nobody is kept out. */
static void check_vain(pid_t sleeper)
{
	CHECK_OK(sinew_rwlock_unlock(&s->rwlock));
	check_read(sleeper);
}

/* The favourite seat of who read before us is taken by now. */
static void read_beside(void)
{
	CHECK_OK(sinew_rwlock_read(&s->rwlock, in_ms(20000)));
	CHECK_ERR(sinew_rwlock_read(&s->rwlock, SINEW_NOW), -EDEADLK);
	CHECK_OK(sinew_rwlock_unlock(&s->rwlock));
}

/* A lock beside it makes us sit elsewhere in this one. */
static void read_other(void)
{
	CHECK_OK(sinew_rwlock_read(&s->other, SINEW_NOW));
}

/* The sleeper reads what was left whole, or is told and repairs. */
static void use_after_death(void)
{
	int r = sinew_rwlock_read(&s->rwlock, in_ms(20000));

	if (r == -EOWNERDEAD) {
		s->b = s->a;
		CHECK_OK(sinew_rwlock_repaired(&s->rwlock));
	} else {
		CHECK_OK(r);
	}
	CHECK_EQ(s->a, s->b);
	CHECK_OK(sinew_rwlock_unlock(&s->rwlock));
}

static void check_use(pid_t sleeper)
{
	CHECK_EQ(test_wait(sleeper), 0);
	check_write(0);
}

static const struct row rows[] = {
	{"read", NULL, NULL, read_it, NULL, check_read},
	{"unlock_reader", NULL, be_reader, unlock_it, write_it, check_read},
	{"read_again", read_it, NULL, read_it, NULL, check_read},
	{"write", NULL, NULL, write_it, NULL, check_write},
	{"write_again", NULL, write_it, write_it, NULL, check_write},
	{"write_after_reader", read_it, NULL, write_it, NULL, check_reader_is_seen},
	{"repair", NULL, break_writing, repair_writing, NULL, check_write},
	{"unlock_writer", NULL, be_writer, unlock_it, use_after_death, check_use},
	{"read_beside", be_reader, read_other, read_beside, NULL, check_vain},
	{"read_in_vain", be_writer, NULL, read_in_vain, read_it, check_vain},
	{"write_in_vain", be_reader, NULL, write_in_vain, write_it, check_vain},
};
TEST_SUITE(rwlock, rows);

/* Symbols are bound, pages are there, and a favourite seat is chosen. */
static void warm_up(void)
{
	read_it();
	write_it();
	s->a = s->b = 0;
}

TEST_EACH(rwlock, dies_at_every_step, struct row, row, .timeout = 250)
{
	die_at_every_step(row, warm_up);
}
