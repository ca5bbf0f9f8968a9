/* SPDX-License-Identifier: MIT */
/*
 * vrrp_script: commands whose exit status says whether all is well. One slot
 * each, beside whatever else runs; the daemon says when. What they print is
 * not logged, since they run every second: the last line goes with the report.
 */
#ifndef AGENT_RUNNER_CHECK_H
#define AGENT_RUNNER_CHECK_H

#include <ev.h>
#include <stdbool.h>

#include "agent/runner/child.h"
#include "agent/runner/inbox.h"
#include "conf/conf.h"

struct checks;

struct check {
	struct checks *checks;
	struct child child;
	struct notify_event event;
	struct inbox_origin origin;
	char script[128];
};

struct checks {
	struct inbox *inbox;
	struct check slots[CONF_WATCH_SCRIPTS_MAX]; /* by place in the configuration */
};

void checks_init(struct checks *checks, struct ev_loop *loop, struct inbox *inbox);
/* The event asks for a check. */
bool check_asked(const struct notify_event *event);
/* Starts it; the report always follows. One that still runs is not started twice. */
void check_run(struct checks *checks, const struct conf *conf, const struct notify_event *event,
	       struct inbox_origin origin);
bool checks_idle(const struct checks *checks);
void checks_end(struct checks *checks, const char *why);

#endif
