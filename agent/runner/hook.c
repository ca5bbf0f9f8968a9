/* SPDX-License-Identifier: MIT */
/*
 * One slot a hook. What runs comes from the configuration alone; the message
 * only says which instance and which stage. Follows zonevip-notify(8).
 */
#include "agent/runner/hook.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agent/base/log.h"
#include "agent/runner/environment.h"
#include "agent/runner/split.h"
#include "agent/runner/trust.h"

#define STATUS_NOT_STARTED (-1)
#define STATUS_REFUSED (-2)

/* The stage in the message, and what the hook gets as its argument. */
static const struct {
	const char *state;
	char argument[12];
	bool claims;
} stages[] = {
	{"GATE", "gate", true},
	{"PROMOTE", "promote", true},
	{"FENCE", "fence", false},
	{"RELEASE", "release", false},
};

static int stage_of(const struct notify_event *event)
{
	for (unsigned int i = 0; i < sizeof(stages) / sizeof(stages[0]); i++)
		if (strcmp(stages[i].state, event->state) == 0)
			return (int)i;
	return -1;
}

bool hook_asked(const struct notify_event *event)
{
	return stage_of(event) >= 0;
}

const char *hook_command(const struct conf_instance *instance, const struct notify_event *event)
{
	return stages[stage_of(event)].claims ? instance->pre_claim : instance->pre_release;
}

static void report(struct inbox *inbox, const struct notify_event *event,
		   struct inbox_origin origin, const char *script, const struct child_end *end)
{
	struct notify_report message = {.version = NOTIFY_VERSION,
					.number = event->number,
					.status = end->status,
					.took_ms = end->took_ms};

	(void)snprintf(message.script, sizeof(message.script), "%s", script);
	(void)snprintf(message.problem, sizeof(message.problem), "%s", end->problem);
	log_event(end->status == 0 ? LOG_LV_INFO : LOG_LV_WARNING, "hook",
		  "instance=%s number=%" PRIu32
		  " stage=%s script=%s status=%d took_ms=%u problem=\"%s\"",
		  event->instance, event->number, event->state, script, end->status, end->took_ms,
		  end->problem);
	inbox_report(inbox, origin, &message);
}

static void on_end(void *arg, const struct child_end *end)
{
	const struct hook *hook = arg;

	report(hook->hooks->inbox, &hook->event, hook->origin, hook->script, end);
}

void hooks_init(struct hooks *hooks, struct ev_loop *loop, struct inbox *inbox)
{
	hooks->inbox = inbox;
	for (unsigned int i = 0; i < HOOKS_MAX; i++) {
		hooks->slots[i].hooks = hooks;
		child_init(&hooks->slots[i].child, loop, on_end, &hooks->slots[i]);
	}
}

static struct hook *free_slot(struct hooks *hooks)
{
	for (unsigned int i = 0; i < HOOKS_MAX; i++)
		if (!child_running(&hooks->slots[i].child))
			return &hooks->slots[i];
	return NULL;
}

/* 0, or the status to be reported with @err. */
static int start(struct hook *hook, const struct notify_event *event,
		 const struct conf_instance *conf, struct err *err)
{
	char stage[sizeof(stages[0].argument)];
	struct environment env = {.count = 0};
	struct split split = {.count = 0};
	struct child_spec spec = {.timeout = conf->hook_timeout, .prefix = hook->prefix};
	int ret;

	memcpy(stage, stages[stage_of(event)].argument, sizeof(stage));
	if (split_command(hook_command(conf, event), &split, err) < 0)
		return STATUS_REFUSED;
	(void)snprintf(hook->script, sizeof(hook->script), "%s", split.words[0]);
	(void)snprintf(hook->prefix, sizeof(hook->prefix), "(%s) %s[%" PRIu32 "]", event->instance,
		       stage, event->number);
	split_append(&split, stage);
	spec.script = trust_open(split.words[0], geteuid(), err);
	if (spec.script < 0)
		return STATUS_REFUSED;
	environment_build(&env, event, split.words[0], false);
	spec.argv = split.words;
	spec.envp = env.vars;
	ret = child_start(&hook->child, &spec);
	close(spec.script);
	if (ret == 0)
		return 0;
	(void)err_set(err, "cannot start: %s", strerror(-ret));
	return STATUS_NOT_STARTED;
}

static void end_others(struct hooks *hooks, const struct notify_event *event)
{
	for (unsigned int i = 0; i < HOOKS_MAX; i++) {
		struct hook *hook = &hooks->slots[i];

		if (child_running(&hook->child) &&
		    strcmp(hook->event.instance, event->instance) == 0)
			child_terminate(&hook->child, "the database is fenced instead");
	}
}

void hook_run(struct hooks *hooks, const struct conf *conf, const struct notify_event *event,
	      struct inbox_origin origin)
{
	int index = conf_instance_by_name(conf, event->instance);
	const char *command = index < 0 ? "" : hook_command(&conf->instances[index], event);
	struct child_end end = {.status = STATUS_NOT_STARTED};
	struct inbox *inbox = hooks->inbox;
	struct err err = {""};
	struct hook *hook;

	if (strcmp(event->state, "FENCE") == 0)
		end_others(hooks, event);
	hook = free_slot(hooks);
	if (!hook || !command[0]) {
		(void)snprintf(end.problem, sizeof(end.problem), "%s",
			       hook ? "the configuration that zonevip-notify read has no such hook"
				    : "too many hooks are under way");
		report(inbox, event, origin, "", &end);
		return;
	}
	hook->event = *event;
	hook->origin = origin;
	hook->script[0] = '\0';
	end.status = start(hook, event, &conf->instances[index], &err);
	if (end.status == 0)
		return;
	(void)snprintf(end.problem, sizeof(end.problem), "%.255s", err.text);
	report(inbox, event, origin, hook->script, &end);
}

bool hooks_idle(const struct hooks *hooks)
{
	for (unsigned int i = 0; i < HOOKS_MAX; i++)
		if (child_running(&hooks->slots[i].child))
			return false;
	return true;
}

void hooks_end(struct hooks *hooks, const char *why)
{
	for (unsigned int i = 0; i < HOOKS_MAX; i++)
		if (child_running(&hooks->slots[i].child))
			child_terminate(&hooks->slots[i].child, why);
}
