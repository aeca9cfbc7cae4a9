/* SPDX-License-Identifier: MIT
 *
 * situations.h - a situation is a row: a process that is known to be in one state for one reason, and the
 * truth about it. prepare() runs in the parent, act() in the child, where it gets stuck.
 */
#ifndef SITUATIONS_H
#define SITUATIONS_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/types.h>
#include <unistd.h>

/* Shared by all processes of the situation. */
struct scene {
	const char *place;    /* a directory for files */
	char path[200];       /* made there; removed at the end, if set */
	int fds[4];           /* close-on-exec or not, as prepare() made them */
	int id;               /* System V */
	char name[40];        /* POSIX */
	pid_t parent;         /* this program */
	pid_t child;          /* who gets stuck */
	volatile pid_t tid;   /* the thread of it that does; 0: its first one */
	volatile pid_t other; /* who is at the other side, or 0 */
	char object[320];     /* "" none */
	volatile bool ready;  /* what is before the waiting has been done */
};

struct situation {
	const char *name, *state, *cause, *call; /* NULL: none */
	long number;                             /* of the call; or: */
	char letter;                             /* of /proc/PID/stat, when it has settled */
	void (*prepare)(struct scene *scene);
	void (*act)(struct scene *scene);
	void (*tidy)(struct scene *scene);
};

enum { NO_CALL = -1, ANY_CALL = -2 };

extern const struct situation talk_situations[], lock_situations[], life_situations[];

/* Says what failed, exits. */
void __attribute__((noreturn)) give_up(const char *what);
/* The same, but that it cannot be had here: exit 77. */
void __attribute__((noreturn)) not_here(const char *what);

/* r, if it is not negative. */
long must(long r, const char *what);
/* Sets scene->object. */
void is_object(struct scene *scene, const char *format, ...) __attribute__((format(printf, 2, 3)));
unsigned long inode_of(int fd);
/* scene->path = place/name */
void make_path(struct scene *scene, const char *name);
/* A child that dies with its parent. 0 in it. */
pid_t fork_child(void);
/* Waits until it is true, looking again and again. */
#define WAIT_UNTIL(condition)                                                                      \
	do {                                                                                       \
		for (unsigned tries_ = 0; !(condition);)                                           \
			look_again(&tries_, #condition);                                           \
	} while (0)
void look_again(unsigned *tries, const char *what);
/* The letter of /proc/PID/task/TID/stat, 0: gone. */
char letter_of(pid_t pid, pid_t tid);
/* The number of its system call, NO_CALL if none, ANY_CALL if it runs or cannot be seen. */
long call_of(pid_t pid, pid_t tid);

#endif
