/* SPDX-License-Identifier: MIT
 *
 * bpf.h - what all that load programs into the kernel say if it does not take them.
 */
#ifndef SINEW_LOOK_BPF_H
#define SINEW_LOOK_BPF_H

/* libbpf says nothing by itself, unless SINEW_BPF_LOG is set in the environment. */
void sinew__bpf_hush(void);
/* A sentence for an errno; `doing`: "tracing", `what`: the step. -error. */
int sinew__bpf_refused(int error, const char *doing, const char *what);

#endif
