/* SPDX-License-Identifier: MIT
 *
 * exit.c - errno -> exit code, and what the user can do about it.
 */
#include "exit.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

struct row {
	int error, code;
	const char *advice;
};

/* What is not listed is a fault of the system. */
static const struct row rows[] = {
	{0, EXIT_DONE, NULL},

	{ENOENT, EXIT_NEGATIVE, "start the other side"},
	{ECONNREFUSED, EXIT_NEGATIVE, "start the other side"},
	{ENXIO, EXIT_NEGATIVE, "start the other side"},
	{EADDRINUSE, EXIT_NEGATIVE, "stop the program that has it, or choose another name"},
	{EEXIST, EXIT_NEGATIVE, "choose another name"},
	{EBUSY, EXIT_NEGATIVE, NULL},
	{EPIPE, EXIT_NEGATIVE, NULL},
	{ECONNRESET, EXIT_NEGATIVE, NULL},
	{ECONNABORTED, EXIT_NEGATIVE, NULL},
	{ENOTCONN, EXIT_NEGATIVE, NULL},
	{ESTALE, EXIT_NEGATIVE, NULL},
	{EBADMSG, EXIT_NEGATIVE, NULL},
	{EMSGSIZE, EXIT_NEGATIVE, NULL},
	{EPROTOTYPE, EXIT_NEGATIVE, "give the type its owner uses, type=stream|seqpacket|dgram"},
	{EHOSTUNREACH, EXIT_NEGATIVE, NULL},
	{ENETUNREACH, EXIT_NEGATIVE, NULL},
	{EADDRNOTAVAIL, EXIT_NEGATIVE, "choose an address of this machine"},
	{ENOTDIR, EXIT_NEGATIVE, NULL},
	{EISDIR, EXIT_NEGATIVE, NULL},
	{EIDRM, EXIT_NEGATIVE, NULL},
	{ESRCH, EXIT_NEGATIVE, NULL},
	{EOVERFLOW, EXIT_NEGATIVE, NULL},

	{EINVAL, EXIT_USAGE, NULL},
	{EOPNOTSUPP, EXIT_USAGE, NULL},
	{EDESTADDRREQ, EXIT_USAGE, NULL},
	{ENAMETOOLONG, EXIT_USAGE, "choose a shorter name"},
	{EBADF, EXIT_USAGE, NULL},

	{EACCES, EXIT_SYSTEM, "look at the owner and mode of the name and of its directory"},
	{EPERM, EXIT_SYSTEM, NULL},
	{EMFILE, EXIT_SYSTEM, "raise `ulimit -n`"},

	{ETIMEDOUT, EXIT_TIMEOUT, NULL},
	{EAGAIN, EXIT_TIMEOUT, NULL},
};

static const struct row *find(int error)
{
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if (rows[i].error == abs(error))
			return &rows[i];
	return NULL;
}

int exit_code(int error)
{
	const struct row *row = find(error);

	return row ? row->code : EXIT_SYSTEM;
}

int exit_worse(int a, int b)
{
	return a > b ? a : b;
}

const char *exit_advice(int error)
{
	const struct row *row = find(error);

	return row ? row->advice : NULL;
}
