/* SPDX-License-Identifier: MIT
 *
 * bpf.c - words for a kernel that does not take a program.
 */
#include "bpf.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../banned.h"
#include "../fault.h"

static int keep_quiet(enum libbpf_print_level level, const char *format, va_list args)
{
	(void)level;
	return getenv("SINEW_BPF_LOG") ? vfprintf(stderr, format, args) : 0;
}

void sinew__bpf_hush(void)
{
	libbpf_set_print(keep_quiet);
}

int sinew__bpf_refused(int error, const char *doing, const char *what)
{
	if (error == EPERM || error == EACCES)
		return sinew__observe_fail(error,
			"%s by BPF needs root, or the capabilities CAP_BPF and CAP_PERFMON", doing);
	if (error == ENOSYS)
		return sinew__observe_fail(error, "this kernel has no BPF");
	return sinew__observe_fail(
		error, "this kernel does not take the program (%s: %s)", what, strerror(error));
}
