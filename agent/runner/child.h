/* SPDX-License-Identifier: MIT */
/*
 * One script, from fork to reaped: in its own process group, with a time
 * limit, its output into the log, and nothing of it left in the end.
 */
#ifndef AGENT_RUNNER_CHILD_H
#define AGENT_RUNNER_CHILD_H

#include <ev.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "agent/base/mono.h"
#include "agent/runner/output.h"

/* From SIGTERM to SIGKILL. */
#define CHILD_KILL_AFTER (1 * SEC)

struct child_end {
	int status; /* exit status; 128 + signal; -1 could not be started */
	uint32_t took_ms;
	char problem[256]; /* "" or why it was killed or not started */
};

typedef void child_fn(void *arg, const struct child_end *end);

struct child_spec {
	int script; /* what to execute, from trust_open(); stays the caller's */
	char *const *argv;
	char *const *envp;
	mono_us timeout;
	const char *prefix; /* of its lines in the log; borrowed until the end */
};

struct child {
	struct ev_loop *loop;
	pid_t pid;	/* 0 = none runs; also the process group */
	int pidfd;	/* readable when it has ended */
	int output_fd;	/* read end */
	int failure_fd; /* read end: errno of an exec that failed */
	ev_io ended;
	ev_io readable;
	ev_timer timer;
	mono_us started;
	mono_us timeout;
	bool terminated; /* SIGTERM was sent, SIGKILL is next */
	char problem[256];
	struct output output;
	child_fn *fn;
	void *arg;
};

void child_init(struct child *child, struct ev_loop *loop, child_fn *fn, void *arg);

/* 0, and @fn will be called once from the loop; or -errno with nothing started. */
int child_start(struct child *child, const struct child_spec *spec);

bool child_running(const struct child *child);

/* Ends it now (SIGTERM, then SIGKILL), for @why; @fn is called as always. */
void child_terminate(struct child *child, const char *why);

#endif
