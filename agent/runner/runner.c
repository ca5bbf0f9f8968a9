/* SPDX-License-Identifier: MIT */
/*
 * Decides which script runs next, and that is all: sockets are inbox.c's,
 * processes child.c's, paths trust.c's. Callbacks only change the queue; the
 * one place that starts anything is advance(), before each sleep of the loop.
 * What runs comes from the configuration alone, never from the message.
 * Follows zonevip-notify(8).
 */
#include "agent/runner/runner.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/base/log.h"
#include "agent/runner/fifo.h"
#include "agent/runner/trust.h"

#define FIFO_LOG_S 60
#define STATUS_NOT_STARTED (-1)
#define STATUS_REFUSED (-2)

static const char *own_command(const struct conf_instance *instance, const char *state)
{
	if (strcmp(state, "MASTER") == 0)
		return instance->notify_master;
	if (strcmp(state, "BACKUP") == 0)
		return instance->notify_backup;
	if (strcmp(state, "FAULT") == 0)
		return instance->notify_fault;
	return instance->notify_stop;
}

/* Tells the log and the daemon how a script ended. */
static void report(struct runner *runner, const struct child_end *end)
{
	const struct notify_event *event = &runner->job.event;
	struct notify_report message = {.version = NOTIFY_VERSION,
					.number = event->number,
					.status = end->status,
					.took_ms = end->took_ms};
	const char *script = runner->split.count ? runner->split.words[0] : "";

	(void)snprintf(message.script, sizeof(message.script), "%s", script);
	(void)snprintf(message.problem, sizeof(message.problem), "%s", end->problem);
	log_event(end->status == 0 && !end->problem[0] ? LOG_LV_INFO : LOG_LV_ERROR,
		  "notify_script",
		  "instance=%s number=%" PRIu32
		  " state=%s script=%s status=%d took_ms=%u problem=\"%s\"",
		  event->instance, event->number, event->state, script, end->status, end->took_ms,
		  end->problem);
	inbox_report(runner->inbox, runner->job.origin, &message);
}

static void report_failure(struct runner *runner, int status, const char *problem)
{
	struct child_end end = {.status = status};

	(void)snprintf(end.problem, sizeof(end.problem), "%s", problem);
	report(runner, &end);
}

static bool superseded(const struct runner *runner)
{
	for (unsigned int i = 0; i < runner->count; i++) {
		unsigned int at = (runner->head + i) % RUNNER_QUEUE_MAX;

		if (strcmp(runner->queue[at].event.instance, runner->job.event.instance) == 0)
			return true;
	}
	return false;
}

/* keepalived's four arguments, for notify only. */
static void append_arguments(struct runner *runner)
{
	struct notify_event *event = &runner->job.event;
	static char kind[] = "INSTANCE";

	(void)snprintf(runner->priority, sizeof(runner->priority), "%" PRIu32, event->priority);
	split_append(&runner->split, kind);
	split_append(&runner->split, event->instance);
	split_append(&runner->split, event->state);
	split_append(&runner->split, runner->priority);
}

static int start(struct runner *runner, int script)
{
	const char *path = runner->split.words[0];
	const char *base = strrchr(path, '/') + 1; /* trust_open() takes absolute paths only */
	struct child_spec spec = {.script = script,
				  .argv = runner->split.words,
				  .envp = runner->env.vars,
				  .timeout = runner->timeout,
				  .prefix = runner->prefix};

	environment_build(&runner->env, &runner->job.event, path, superseded(runner));
	(void)snprintf(runner->prefix, sizeof(runner->prefix), "(%s) %.60s[%" PRIu32 "]",
		       runner->job.event.instance, base, runner->job.event.number);
	return child_start(&runner->child, &spec);
}

/* One command of the event: started, or reported as what it is. */
static void run_command(struct runner *runner, const char *command, bool generic)
{
	struct err err = {""};
	int script;
	int ret;

	if (split_command(command, &runner->split, &err) < 0) {
		report_failure(runner, STATUS_REFUSED, err.text);
		return;
	}
	if (generic)
		append_arguments(runner);
	script = trust_open(runner->split.words[0], geteuid(), &err);
	if (script < 0) {
		report_failure(runner, STATUS_REFUSED, err.text);
		return;
	}
	ret = start(runner, script);
	close(script);
	if (ret < 0) {
		err_set(&err, "cannot start: %s", strerror(-ret));
		report_failure(runner, STATUS_NOT_STARTED, err.text);
	}
}

static void on_script_end(void *arg, const struct child_end *end)
{
	report(arg, end);
}

/* The file as it is now differs from what was read. */
static bool changed(struct runner *runner)
{
	struct stat now;

	if (runner->config.look(runner->config.path, &now) < 0)
		return false; /* being replaced, or gone: what we have is what counts */
	if (now.st_mtim.tv_sec == runner->config.seen.st_mtim.tv_sec &&
	    now.st_mtim.tv_nsec == runner->config.seen.st_mtim.tv_nsec &&
	    now.st_ino == runner->config.seen.st_ino && now.st_size == runner->config.seen.st_size)
		return false;
	runner->config.seen = now;
	return true;
}

/* Takes the oldest event and looks up what it runs. */
static void begin_event(struct runner *runner)
{
	const struct conf_instance *instance;
	int index;

	if (changed(runner))
		runner_reload(runner);
	runner->job = runner->queue[runner->head];
	runner->head = (runner->head + 1) % RUNNER_QUEUE_MAX;
	runner->count--;
	index = conf_instance_by_name(runner->config.conf, runner->job.event.instance);
	if (index < 0) {
		runner->split.count = 0;
		report_failure(runner, STATUS_NOT_STARTED,
			       "the configuration that zonevip-notify read has no such instance");
		return;
	}
	instance = &runner->config.conf->instances[index];
	memcpy(runner->commands[0], own_command(instance, runner->job.event.state),
	       CONF_SCRIPT_MAX);
	memcpy(runner->commands[1], instance->notify, CONF_SCRIPT_MAX);
	runner->timeout = instance->notify_timeout;
	runner->step = 0;
	runner->busy = true;
}

/* Everything that can be done now. Ends when a script runs or nothing waits. */
static void advance(struct runner *runner)
{
	while (!child_running(&runner->child)) {
		if (!runner->busy) {
			inbox_drain(runner->inbox);
			if (runner->count == 0)
				break;
			begin_event(runner);
			continue;
		}
		if (runner->step == 2) {
			runner->busy = false;
			continue;
		}
		inbox_drain(runner->inbox); /* to know what supersedes this */
		if (runner->commands[runner->step][0])
			run_command(runner, runner->commands[runner->step], runner->step == 1);
		runner->step++;
	}
	inbox_pause(runner->inbox, runner->count == RUNNER_QUEUE_MAX);
	if (runner->stopping && runner_idle(runner))
		ev_break(runner->loop, EVBREAK_ALL);
}

static void on_prepare(struct ev_loop *loop, ev_prepare *prepare, int revents)
{
	(void)loop;
	(void)revents;
	advance(prepare->data);
}

/* At once, in the order of arrival: whoever reads does not wait for our scripts. */
static void tell_fifo(struct runner *runner, const struct notify_event *event)
{
	const char *path = runner->config.conf->notify_fifo;
	unsigned int held;
	int ret;

	if (!path[0] || conf_instance_by_name(runner->config.conf, event->instance) < 0)
		return;
	ret = fifo_tell(path, event);
	if (ret < 0 && log_gate(&runner->fifo_gate, FIFO_LOG_S, &held))
		log_event(LOG_LV_WARNING, "notify_fifo", "path=%s problem=\"%s\" held_back=%u",
			  path, ret == -ENXIO ? "nobody reads it" : strerror(-ret), held);
}

static void on_event(void *arg, const struct notify_event *event, struct inbox_origin origin)
{
	struct runner *runner = arg;
	unsigned int tail = (runner->head + runner->count) % RUNNER_QUEUE_MAX;

	if (runner->gave_up)
		return;
	if (check_asked(event)) {
		if (changed(runner))
			runner_reload(runner);
		check_run(&runner->checks, runner->config.conf, event, origin);
		return;
	}
	if (hook_asked(event)) {
		if (changed(runner))
			runner_reload(runner);
		hook_run(&runner->hooks, runner->config.conf, event, origin);
		return;
	}
	if (changed(runner))
		runner_reload(runner);
	tell_fifo(runner, event);
	runner->queue[tail].event = *event;
	runner->queue[tail].origin = origin;
	if (++runner->count == RUNNER_QUEUE_MAX)
		inbox_pause(runner->inbox, true);
}

/* Says at start and after a reload what would be refused at the fail-over. */
static void check_command(const char *name, const char *command)
{
	struct split split = {.count = 0};
	struct err err = {""};
	int fd;

	if (!command[0])
		return;
	fd = split_command(command, &split, &err) < 0 ? -1
						      : trust_open(split.words[0], geteuid(), &err);
	if (fd >= 0)
		close(fd);
	else
		log_event(LOG_LV_ERROR, "notify_unsafe", "instance=%s problem=\"%s\"", name,
			  err.text);
}

static void check_commands(const struct conf *conf)
{
	for (unsigned int i = 0; i < conf->instance_count; i++) {
		const struct conf_instance *instance = &conf->instances[i];

		check_command(instance->name, instance->notify_master);
		check_command(instance->name, instance->notify_backup);
		check_command(instance->name, instance->notify_fault);
		check_command(instance->name, instance->notify_stop);
		check_command(instance->name, instance->notify);
		check_command(instance->name, instance->pre_claim);
		check_command(instance->name, instance->pre_release);
	}
	for (unsigned int s = 0; s < conf->script_count; s++)
		check_command(conf->scripts[s].name, conf->scripts[s].what);
}

void runner_reload(struct runner *runner)
{
	struct err err = {""};
	struct conf *conf;

	(void)changed(runner); /* notes the date before the reading, never after */
	conf = runner->config.load(runner->config.load_arg, &err);
	if (!conf) {
		log_event(LOG_LV_ERROR, "reload_failed", "kept=old problem=\"%s\"", err.text);
		return;
	}
	conf_free(runner->config.conf);
	runner->config.conf = conf;
	log_event(LOG_LV_INFO, "reload", "file=%s instances=%u", runner->config.path,
		  conf->instance_count);
	check_commands(conf);
}

static void on_drain_limit(struct ev_loop *loop, ev_timer *timer, int revents)
{
	struct runner *runner = timer->data;

	(void)loop;
	(void)revents;
	log_event(LOG_LV_WARNING, "notify_gave_up", "waiting=%u", runner->count);
	runner->gave_up = true;
	runner->count = 0;
	runner->step = 2;
	child_terminate(&runner->child, "zonevip-notify is stopping");
	hooks_end(&runner->hooks, "zonevip-notify is stopping");
	checks_end(&runner->checks, "zonevip-notify is stopping");
}

void runner_open(struct runner *runner, struct ev_loop *loop, struct inbox *inbox,
		 const struct runner_config *config)
{
	memset(runner, 0, sizeof(*runner));
	runner->loop = loop;
	runner->inbox = inbox;
	runner->config = *config;
	child_init(&runner->child, loop, on_script_end, runner);
	hooks_init(&runner->hooks, loop, inbox);
	checks_init(&runner->checks, loop, inbox);
	inbox_on_event(inbox, on_event, runner);
	ev_prepare_init(&runner->work, on_prepare);
	runner->work.data = runner;
	ev_prepare_start(loop, &runner->work);
	ev_timer_init(&runner->drain, on_drain_limit, 0., 0.);
	runner->drain.data = runner;
	check_commands(config->conf);
}

void runner_stop(struct runner *runner)
{
	if (runner->stopping) {
		ev_feed_event(runner->loop, &runner->drain, EV_TIMER);
		return;
	}
	runner->stopping = true;
	inbox_stop(runner->inbox);
	ev_timer_set(&runner->drain, mono_seconds(RUNNER_DRAIN), 0.);
	ev_timer_start(runner->loop, &runner->drain);
}

bool runner_idle(const struct runner *runner)
{
	return runner->count == 0 && !runner->busy && !child_running(&runner->child) &&
	       hooks_idle(&runner->hooks) && checks_idle(&runner->checks);
}

void runner_close(struct runner *runner)
{
	ev_prepare_stop(runner->loop, &runner->work);
	ev_timer_stop(runner->loop, &runner->drain);
	conf_free(runner->config.conf);
	runner->config.conf = NULL;
}
