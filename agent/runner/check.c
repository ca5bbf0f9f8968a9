/* SPDX-License-Identifier: MIT */
/*
 * What runs comes from the configuration alone; the message only names the
 * block. A check that cannot be run is reported as such (-1, -2): that is no
 * verdict on what it would have checked. Follows zonevip-notify(8).
 */
#include "agent/runner/check.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agent/runner/environment.h"
#include "agent/runner/split.h"
#include "agent/runner/trust.h"

#define STATUS_NOT_STARTED (-1)
#define STATUS_REFUSED (-2)

bool check_asked(const struct notify_event *event)
{
	return strcmp(event->state, "CHECK") == 0;
}

static void report(struct inbox *inbox, const struct notify_event *event,
		   struct inbox_origin origin, const char *script, const struct child_end *end)
{
	struct notify_report message = {.version = NOTIFY_VERSION,
					.number = event->number,
					.status = end->status,
					.took_ms = end->took_ms,
					.check = 1};

	(void)snprintf(message.script, sizeof(message.script), "%s", script);
	(void)snprintf(message.problem, sizeof(message.problem), "%s", end->problem);
	inbox_report(inbox, origin, &message);
}

static void on_end(void *arg, const struct child_end *end)
{
	const struct check *check = arg;
	struct child_end told = *end;

	if (!told.problem[0])
		(void)snprintf(told.problem, sizeof(told.problem), "%s", check->child.output.last);
	report(check->checks->inbox, &check->event, check->origin, check->script, &told);
}

void checks_init(struct checks *checks, struct ev_loop *loop, struct inbox *inbox)
{
	checks->inbox = inbox;
	for (unsigned int i = 0; i < CONF_WATCH_SCRIPTS_MAX; i++) {
		checks->slots[i].checks = checks;
		child_init(&checks->slots[i].child, loop, on_end, &checks->slots[i]);
	}
}

static int place_of(const struct conf *conf, const char *name)
{
	for (unsigned int i = 0; i < conf->script_count; i++)
		if (strcmp(conf->scripts[i].name, name) == 0)
			return (int)i;
	return -1;
}

/* 0, or the status to be reported with @err. */
static int start(struct check *check, const struct conf_watch *conf, struct err *err)
{
	struct environment env = {.count = 0};
	struct split split = {.count = 0};
	struct child_spec spec = {.timeout = conf->timeout};
	int ret;

	if (split_command(conf->what, &split, err) < 0)
		return STATUS_REFUSED;
	(void)snprintf(check->script, sizeof(check->script), "%s", split.words[0]);
	spec.script = trust_open(split.words[0], geteuid(), err);
	if (spec.script < 0)
		return STATUS_REFUSED;
	environment_build(&env, &check->event, split.words[0], false);
	spec.argv = split.words;
	spec.envp = env.vars;
	ret = child_start(&check->child, &spec);
	(void)close(spec.script);
	if (ret == 0)
		return 0;
	(void)err_set(err, "cannot start: %s", strerror(-ret));
	return STATUS_NOT_STARTED;
}

void check_run(struct checks *checks, const struct conf *conf, const struct notify_event *event,
	       struct inbox_origin origin)
{
	struct child_end end = {.status = STATUS_NOT_STARTED};
	int place = place_of(conf, event->instance);
	struct err err = {""};
	struct check *check;

	if (place < 0 || child_running(&checks->slots[place].child)) {
		(void)snprintf(end.problem, sizeof(end.problem), "%s",
			       place < 0 ? "the configuration that zonevip-notify read has no such "
					   "vrrp_script"
					 : "its last run has not ended");
		report(checks->inbox, event, origin, "", &end);
		return;
	}
	check = &checks->slots[place];
	check->event = *event;
	check->origin = origin;
	check->script[0] = '\0';
	end.status = start(check, &conf->scripts[place], &err);
	if (end.status == 0)
		return;
	(void)snprintf(end.problem, sizeof(end.problem), "%.255s", err.text);
	report(checks->inbox, event, origin, check->script, &end);
}

bool checks_idle(const struct checks *checks)
{
	for (unsigned int i = 0; i < CONF_WATCH_SCRIPTS_MAX; i++)
		if (child_running(&checks->slots[i].child))
			return false;
	return true;
}

void checks_end(struct checks *checks, const char *why)
{
	for (unsigned int i = 0; i < CONF_WATCH_SCRIPTS_MAX; i++)
		if (child_running(&checks->slots[i].child))
			child_terminate(&checks->slots[i].child, why);
}
