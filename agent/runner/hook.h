/* SPDX-License-Identifier: MIT */
/*
 * Hooks that the daemon waits for: pre_claim and pre_release. They do not
 * stand in the queue of notifications, which may be long: each begins when it
 * is asked for, beside whatever runs.
 */
#ifndef AGENT_RUNNER_HOOK_H
#define AGENT_RUNNER_HOOK_H

#include <ev.h>
#include <stdbool.h>

#include "agent/runner/child.h"
#include "agent/runner/inbox.h"
#include "conf/conf.h"

#define HOOKS_MAX 8

struct hooks;

struct hook {
	struct hooks *hooks;
	struct child child;
	struct notify_event event;
	struct inbox_origin origin;
	char script[128];
	char prefix[160];
};

struct hooks {
	struct inbox *inbox;
	struct hook slots[HOOKS_MAX];
};

void hooks_init(struct hooks *hooks, struct ev_loop *loop, struct inbox *inbox);
/* The event asks for a hook, not for notifications. */
bool hook_asked(const struct notify_event *event);
/* The command that it asks for, "" = none. */
const char *hook_command(const struct conf_instance *instance, const struct notify_event *event);
/* Starts it; the report always follows. A fence first ends the instance's other hooks. */
void hook_run(struct hooks *hooks, const struct conf *conf, const struct notify_event *event,
	      struct inbox_origin origin);
bool hooks_idle(const struct hooks *hooks);
void hooks_end(struct hooks *hooks, const char *why);

#endif
