/* SPDX-License-Identifier: MIT
 *
 * signal.c - signals as events: posted through a pidfd, so that a PID that was used again is never
 * hit, with a word in siginfo; received through a signalfd.
 *
 * A signal is received here only while every thread blocks it. We block it in the thread that opens
 * and refuse where another thread has it open. Dispositions are never touched: a blocked signal stays
 * pending whatever its disposition. At close what is pending is taken away before the signal is
 * unblocked, for it would hit the host; where the host blocked it itself all stays as it is.
 */
#include <ctype.h>
#include <dirent.h>
#include <string.h>
#include <sys/syscall.h>

#include "../banned.h"
#include "../cleanup.h"
#include "../error.h"
#include "../event.h"
#include "../process.h"
#include "../signal_name.h"

enum { SIGNALS = 65 };

struct settings {
	int64_t sig;
};

struct state {
	int pidfd;
	int sig;
	pid_t thread; /* which we block it in */
	pid_t pid;    /* ours, as we tell it with each post */
	uid_t uid;
	bool ours;    /* we blocked it, the host did not */
	bool claimed; /* owners[sig] is ours */
};

/* Which process waits for a signal already, as its token; a forked child has another one. */
static _Atomic uint64_t owners[SIGNALS];

#define OWN(member) offsetof(struct settings, member)

static const struct sinew__option_row options[] = {
	{{"sig", "signal", "RTMIN", "RTMIN+n or RTMAX-n (queued), a name (USR1, HUP) or a number"},
		SINEW__OPTION_SIGNAL, OWN(sig), 0, 0},
	{.type = SINEW__OPTION_END},
};

static const struct sinew__limit_row limits[] = {
	{"bits of a word", "sigval(3type)", 8 * sizeof(void *)},
	{NULL, NULL, 0},
};

/* Those that nobody can block, or that a thread raises by its own fault. */
static bool is_usable(int sig)
{
	static const int refused[] = {
		SIGKILL, SIGSTOP, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS, SIGABRT};

	for (unsigned i = 0; i < sizeof refused / sizeof *refused; i++)
		if (sig == refused[i])
			return false;
	return true;
}

static int describe(const struct sinew__event_spec *spec, struct sinew_caps *caps)
{
	const struct settings *own = spec->own;
	bool queued = own->sig >= SIGRTMIN;
	char name[16];

	if (!is_usable((int)own->sig))
		return sinew__fail(EINVAL,
			"%s: SIG%s cannot carry events: it cannot be blocked, or a thread raises "
			"it "
			"by its own fault",
			spec->text, sinew__signal_write((int)own->sig, name, sizeof name));
	caps->bits = SINEW_EVENT_CAP_WORD | SINEW_EVENT_CAP_POLLABLE | SINEW_EVENT_CAP_SENDER |
		     SINEW_EVENT_CAP_NAMED |
		     (queued ? SINEW_EVENT_CAP_EVERY | SINEW_EVENT_CAP_ORDERED : 0);
	caps->max_message = UINTPTR_MAX;
	return 0;
}

/* ---- receiving ---- */

/* Whether the status of that thread says that it blocks the signal; a thread that ended does. */
static bool blocks(const char *tid, int sig)
{
	char path[64], text[4096];

	snprintf(path, sizeof path, "/proc/self/task/%.20s/status", tid);
	CLEANUP_FD int fd = sinew__sys.open(path, O_RDONLY | O_CLOEXEC, 0);
	ssize_t n = fd < 0 ? -1 : sinew__sys.read(fd, text, sizeof text - 1);
	if (n <= 0)
		return true;
	text[n] = '\0';
	const char *row = strstr(text, "\nSigBlk:");
	uint64_t mask = row ? strtoull(row + strlen("\nSigBlk:"), NULL, 16) : 0;
	return mask >> (sig - 1) & 1;
}

/* Every thread but ours must block it. */
static int check_threads(const struct sinew_event *event, int sig)
{
	char name[16];
	const struct dirent *entry;
	int r = 0;
	DIR *tasks = opendir("/proc/self/task");

	if (!tasks)
		return sinew__fail(errno, "%s: the threads of this process cannot be listed: %m",
			event->spec.text);
	while (r == 0 && (entry = readdir(tasks)))
		if (isdigit((unsigned char)*entry->d_name) && !blocks(entry->d_name, sig))
			r = sinew__fail(EBUSY,
				"%s: thread %s of this process could take SIG%s; block it there, "
				"best "
				"before threads are started",
				event->spec.text, entry->d_name,
				sinew__signal_write(sig, name, sizeof name));
	closedir(tasks);
	return r;
}

static int claim(const struct sinew_event *event, struct state *state)
{
	uint64_t owner = atomic_load(&owners[state->sig]);
	char name[16];

	if (owner == event->process ||
		!atomic_compare_exchange_strong(&owners[state->sig], &owner, event->process))
		return sinew__fail(EBUSY, "%s: SIG%s is waited for in this process already",
			event->spec.text, sinew__signal_write(state->sig, name, sizeof name));
	state->claimed = true;
	return 0;
}

static int receive_signal(struct sinew_event *event, struct state *state)
{
	sigset_t set, old;

	int r = claim(event, state);
	if (r < 0)
		return r;
	sigemptyset(&set);
	sigaddset(&set, state->sig);
	event->fd = sinew__sys.signalfd(-1, &set, SFD_CLOEXEC);
	if (event->fd < 0)
		return sinew__fail(errno, "%s: signalfd: %m", event->spec.text);
	event->blocks = true;
	r = sinew__sys.pthread_sigmask(SIG_BLOCK, &set, &old);
	if (r != 0)
		return sinew__fail(
			r, "%s: cannot block the signal: %s", event->spec.text, strerror(r));
	state->thread = gettid();
	state->ours = !sigismember(&old, state->sig);
	return check_threads(event, state->sig);
}

/* ---- sending ---- */

static int open_process(struct sinew_event *event, struct state *state, pid_t pid)
{
	state->pidfd = sinew__sys.pidfd_open(pid, 0);
	if (state->pidfd >= 0)
		return 0;
	if (errno == ESRCH)
		return sinew__fail(ESRCH, "%s: there is no such process", event->spec.text);
	return sinew__fail(errno, "%s: pidfd_open: %m", event->spec.text);
}

/* ---- opening ---- */

/* The process that the URI names; 0: self. */
static int read_pid(const struct sinew_event *event, pid_t *pid)
{
	const char *rest = event->spec.uri.rest;
	char *end;

	*pid = 0;
	if (strcmp(rest, "self") == 0)
		return 0;
	errno = 0;
	long number = isdigit((unsigned char)*rest) ? strtol(rest, &end, 10) : 0;
	if (number <= 0 || errno || *end || number > INT32_MAX)
		return sinew__fail(EINVAL, "%s: write signal:PID or signal:self", event->spec.text);
	*pid = (pid_t)number;
	return 0;
}

static int signal_open(struct sinew_event *event, int64_t until)
{
	const struct settings *own = event->spec.own;
	struct state *state = calloc(1, sizeof *state);
	pid_t pid;

	(void)until;
	event->state = state;
	if (!state)
		return sinew__fail(ENOMEM, "%s: no memory", event->spec.text);
	state->pidfd = -1;
	state->sig = (int)own->sig;
	state->pid = getpid();
	state->uid = getuid();
	int r = read_pid(event, &pid);
	if (r < 0)
		return r;
	if (!(event->flags & (SINEW_IN | SINEW_OUT)))
		event->flags |= SINEW_OUT | (pid == 0 ? SINEW_IN : 0);
	if (event->flags & SINEW_IN && pid != 0 && pid != state->pid)
		return sinew__fail(EOPNOTSUPP,
			"%s: another process's signals cannot be waited for; wait at signal:self",
			event->spec.text);
	if (event->flags & SINEW_OUT)
		r = open_process(event, state, pid ? pid : state->pid);
	if (r == 0 && event->flags & SINEW_IN)
		r = receive_signal(event, state);
	return r;
}

/* ---- moving ---- */

static int signal_post(struct sinew_event *event, uint64_t value, int64_t until)
{
	const struct state *state = event->state;
	siginfo_t info = {0};

	(void)until;
	info.si_signo = state->sig;
	info.si_code = SI_QUEUE;
	info.si_pid = state->pid;
	info.si_uid = state->uid;
	info.si_value.sival_ptr = (void *)(uintptr_t)value;
	if (sinew__sys.pidfd_send_signal(state->pidfd, state->sig, &info, 0) == 0)
		return 0;
	if (errno == EAGAIN)
		return sinew__answer(
			EAGAIN, "the queue of signals is full (ulimit -i of the receiver's user)");
	if (errno == ESRCH)
		return sinew__fail(ESRCH, "post %s: that process has ended", event->spec.text);
	return sinew__fail(errno, "post %s: %m", event->spec.text);
}

/* What the kernel says of a signal it delivers; a code below 0 is the sender's own word, but for
 * tgkill's, which nobody else can give. */
static uint32_t flags_of(const struct signalfd_siginfo *info)
{
	bool sent = info->ssi_code <= 0 || info->ssi_signo == SIGCHLD;
	bool vouched = info->ssi_code >= 0 || info->ssi_code == SI_TKILL;

	return (sent ? SINEW_NOTICE_SENDER : 0) | (sent && vouched ? SINEW_NOTICE_VOUCHED : 0) |
	       (info->ssi_code == SI_QUEUE ? SINEW_NOTICE_WORD : 0);
}

static int signal_wait(struct sinew_event *event, struct sinew_notice *notice, int64_t until)
{
	struct signalfd_siginfo info;

	ssize_t n = sinew__event_read(event, &info, sizeof info, until);
	if (n == -EAGAIN || n == -EINTR)
		return sinew__answer((int)-n, "no signal is pending");
	if (n < 0)
		return sinew__fail((int)-n, "wait for %s: %s", event->spec.text, strerror((int)-n));
	notice->flags = flags_of(&info);
	notice->value = notice->flags & SINEW_NOTICE_WORD ? info.ssi_ptr : 0;
	if (notice->flags & SINEW_NOTICE_SENDER) {
		notice->pid = (pid_t)info.ssi_pid;
		notice->uid = info.ssi_uid;
	}
	return 0;
}

/* ---- closing ---- */

/* Takes away what is pending, then lets the signal through again: how many there were. */
static int unblock(const struct state *state)
{
	const struct timespec zero = {0};
	sigset_t set;
	int dropped = 0;

	sigemptyset(&set);
	sigaddset(&set, state->sig);
	for (;;) {
		int r = sinew__sys.sigtimedwait(&set, NULL, &zero);
		if (r < 0 && errno != EINTR)
			break;
		dropped += r > 0;
	}
	sinew__sys.pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	return dropped;
}

/* In a forked child the mask was inherited, and the claim is the parent's. */
static int signal_close(struct sinew_event *event, bool child)
{
	struct state *state = event->state;
	uint64_t owner = event->process;
	int dropped = 0;

	if (!state)
		return 0;
	if (state->ours && (child || state->thread == gettid()))
		dropped = unblock(state);
	if (state->claimed && !child)
		atomic_compare_exchange_strong(&owners[state->sig], &owner, 0);
	sinew__close_fd(&state->pidfd);
	return dropped;
}

const struct sinew__event_type sinew__event_type_signal = {
	.scheme =
		{
			.shown = {"signal", "signal:PID or signal:self",
				"a signal, with a word and its sender; RTMIN+n are queued"},
			.options = options,
			.settings_size = sizeof(struct settings),
			.limits = limits,
		},
	.describe = describe,
	.open = signal_open,
	.post = signal_post,
	.wait = signal_wait,
	.patience = SINEW__NO_DEADLINE,
	.close = signal_close,
};
