/* SPDX-License-Identifier: MIT */
/*
 * What a script is told besides its arguments: a clean environment with a
 * fixed PATH and the facts of the event, and nothing of our own.
 */
#ifndef AGENT_RUNNER_ENVIRONMENT_H
#define AGENT_RUNNER_ENVIRONMENT_H

#include <stdbool.h>

#include "agent/notify.h"

#define ENVIRONMENT_VARS_MAX 16
#define ENVIRONMENT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

struct environment {
	char text[4096];
	char *vars[ENVIRONMENT_VARS_MAX + 1]; /* into text; NULL-terminated, for execve */
	unsigned int count;
	size_t used;
};

/*
 * Makes a message safe to use: every string NUL-terminated and without control
 * bytes. False if it is not one of ours (length, version, an unknown state, no
 * instance).
 */
bool environment_accept(struct notify_event *event, size_t length);

/* @script is the command's path; @superseded: a newer event of the instance waits. */
void environment_build(struct environment *env, const struct notify_event *event,
		       const char *script, bool superseded);

#endif
