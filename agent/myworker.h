/* SPDX-License-Identifier: MIT */
/*
 * The checking itself, as one sequence: ask, report, watch, ask again. Knows
 * neither threads nor loops; mycheck.c runs it on a thread of its own.
 */
#ifndef AGENT_MYWORKER_H
#define AGENT_MYWORKER_H

#include "agent/mycheck.h"
#include "agent/myserver.h"

struct myworker { /* all borrowed for the length of the run */
	struct myserver_address address;
	const char *user;
	const char *password_file;
	mono_us interval;
	mono_us timeout;
	int wake_fd; /* readable: end the run, whatever is under way */
	void (*post)(void *arg, const struct mycheck_result *result);
	void *arg;
};

/* Returns when @wake_fd is readable, at most some milliseconds later. */
void myworker_run(const struct myworker *config);

#endif
