/* SPDX-License-Identifier: MIT */
/*
 * The queue of events and the order of scripts: one event after the other in
 * the order of arrival, of each event first notify_master, notify_backup,
 * notify_fault or notify_stop and then notify, as keepalived does; one script
 * at a time.
 */
#ifndef AGENT_RUNNER_RUNNER_H
#define AGENT_RUNNER_RUNNER_H

#include <ev.h>
#include <stdbool.h>
#include <sys/stat.h>

#include "agent/base/err.h"
#include "agent/runner/check.h"
#include "agent/runner/child.h"
#include "agent/runner/environment.h"
#include "agent/runner/hook.h"
#include "agent/runner/inbox.h"
#include "agent/runner/split.h"
#include "conf/conf.h"

/* When it is full the rest waits in the daemon's queue, which drops the oldest. */
#define RUNNER_QUEUE_MAX 256
/* How long queued events may still take after SIGTERM. */
#define RUNNER_DRAIN (10 * SEC)

/* Reads the configuration: conf_load(), or a test's own. */
typedef struct conf *runner_load_fn(void *arg, struct err *err);

struct runner_config {
	runner_load_fn *load;
	void *load_arg;
	int (*look)(const char *path, struct stat *st); /* stat(), with the right to */
	const char *path;  /* whose change of date means: load again. Borrowed */
	struct stat seen;  /* of path, from before @conf was read */
	struct conf *conf; /* the first one; the runner owns it from here on */
};

struct runner_job {
	struct notify_event event;
	struct inbox_origin origin;
};

struct runner {
	struct ev_loop *loop;
	struct inbox *inbox;
	struct runner_config config;
	ev_prepare work;
	ev_timer drain;
	bool stopping;
	bool gave_up; /* the time for what was queued is over */
	struct child child;
	struct hooks hooks;
	struct checks checks;
	struct log_gate fifo_gate;

	/* the event under way; its commands are copied, a reload may come meanwhile */
	bool busy;
	unsigned int step; /* next of commands */
	struct runner_job job;
	char commands[2][CONF_SCRIPT_MAX];
	mono_us timeout;
	struct split split;
	struct environment env;
	char priority[16]; /* as an argument */
	char prefix[160];

	unsigned int head;
	unsigned int count;
	struct runner_job queue[RUNNER_QUEUE_MAX];
};

/* @runner is large: static or allocated. Takes over the inbox's callback. */
void runner_open(struct runner *runner, struct ev_loop *loop, struct inbox *inbox,
		 const struct runner_config *config);

/* Reads the configuration again. A bad file changes nothing but the log. */
void runner_reload(struct runner *runner);

/* Finishes what is queued, for RUNNER_DRAIN at most, then breaks the loop; the
 * second call does not wait. */
void runner_stop(struct runner *runner);

/* Nothing runs and nothing waits. */
bool runner_idle(const struct runner *runner);
void runner_close(struct runner *runner);

#endif
