/* SPDX-License-Identifier: MIT
 *
 * place.h - which CPUs are used, how far apart they are just now, and what their host takes away.
 */
#ifndef BENCH_PLACE_H
#define BENCH_PLACE_H

/* Where two CPUs are to each other, by the time a cache line takes there and back. */
struct place {
	double ns; /* 0: one CPU, or not known */
	const char *name;
};

void place_pin(int cpu);    /* < 0: nowhere */
int place_cpus(int cpu[2]); /* how many there are, 1 or 2 */
struct place place_probe(const int cpu[2]);
double place_steal(void); /* CPU seconds that the host took away so far */

#endif
