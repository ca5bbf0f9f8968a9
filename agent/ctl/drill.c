/* SPDX-License-Identifier: MIT */
/*
 * "zonevipctl drill": a switchover and back while a client probes the VIP, and
 * a report. It begins only where everything agrees and the daemon itself would
 * not refuse; it orders nothing but switchovers, which the daemons guard. For
 * the way back this node's daemon asks the owner's, or --back CMD does it.
 */
#include <jansson.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "agent/base/mono.h"
#include "agent/ctl/ask.h"
#include "agent/ctl/ctl.h"
#include "agent/ctl/facts.h"
#include "agent/ctl/probe.h"

#define LOOK_MS 50
#define WARM_UP (2 * SEC)
#define TAKE_OVER (60 * SEC)
#define RECOVER (120 * SEC)

struct drill {
	const struct ctl *ctl;
	struct text instance; /* given, or found */
	const char *to, *back, *report;
	struct probe_config probe_config;
	struct probe *probe;
	bool yes, one_way;
	struct text node; /* ours */
	struct text peer; /* who took it */
	double begun;	  /* wall clock */
	FILE *out;
	struct err err;
};

/* --- looking ------------------------------------------------------------------------- */

static json_t *fetch(struct drill *drill, const char *question)
{
	struct buf reply;
	json_t *answer = NULL;

	buf_init(&reply, CTL_REPLY_MAX);
	if (ask(drill->ctl->socket, question, &reply, &drill->err) == CTL_OK) {
		answer = json_loadb(reply.data, reply.length, 0, NULL);
		if (!answer)
			(void)err_set(&drill->err, "the daemon's answer is not JSON");
	}
	buf_free(&reply);
	return answer;
}

/* Of the status: the one that is meant. Borrowed. */
static const json_t *find_instance(struct drill *drill, const json_t *status)
{
	const json_t *all = json_object_get(status, "instances");

	if (!drill->instance.s[0] && json_array_size(all) == 1)
		drill->instance = text_of(json_array_get(all, 0), "iname");
	if (!drill->instance.s[0]) {
		(void)err_set(&drill->err, "there are several instances: name one");
		return NULL;
	}
	for (size_t i = 0; i < json_array_size(all); i++)
		if (strcmp(text_of(json_array_get(all, i), "iname").s, drill->instance.s) == 0)
			return json_array_get(all, i);
	(void)err_set(&drill->err, "no instance of that name");
	return NULL;
}

enum look { LOOK_HERE, LOOK_THERE, LOOK_FIT };

static bool routes_say(const json_t *instance, const char *who)
{
	const json_t *routes = json_object_get(instance, "routes");

	for (size_t r = 0; r < json_array_size(routes); r++)
		if (strcmp(text_of(json_array_get(routes, r), "points_at").s, who) != 0)
			return false;
	return true;
}

static bool is_so(struct drill *drill, const json_t *instance, enum look look)
{
	struct text owner = text_of(json_object_get(instance, "record"), "owner");
	bool elsewhere = owner.s[0] && strcmp(owner.s, drill->node.s) != 0;

	switch (look) {
	case LOOK_THERE: /* the record and all routes have been seen to lead there */
		if (elsewhere)
			drill->peer = owner;
		return elsewhere && routes_say(instance, owner.s);
	case LOOK_HERE:
		return strcmp(text_of(instance, "state_name").s, "MASTER") == 0 &&
		       text_true(json_object_get(instance, "alias"), "present") &&
		       routes_say(instance, "self");
	case LOOK_FIT:
		return text_true(instance, "eligible");
	}
	return false;
}

/* Polls until it is so; -1: not in time. */
static int wait_for(struct drill *drill, enum look look, mono_us patience, const char *what)
{
	mono_us until = mono_now() + patience;

	while (mono_now() < until) {
		json_t *status = fetch(drill, "json");
		const json_t *instance = status ? find_instance(drill, status) : NULL;
		bool so = instance && is_so(drill, instance, look);

		json_decref(status);
		if (so)
			return 0;
		(void)poll(NULL, 0, LOOK_MS);
	}
	return err_set(&drill->err,
		       "%s did not come within %.0f s: see 'zonevipctl status' on both", what,
		       mono_seconds(patience));
}

static int wait_served(struct drill *drill, mono_us patience)
{
	mono_us until = mono_now() + patience;

	while (!probe_served(drill->probe) && mono_now() < until)
		(void)poll(NULL, 0, LOOK_MS);
	(void)poll(NULL, 0, 500); /* the end of the gap is in the count */
	return probe_served(drill->probe)
		       ? 0
		       : err_set(&drill->err, "the client is not served any more: the VIP does not "
					      "answer it from this host");
}

/* --- guards ---------------------------------------------------------------------------- */

static int order(struct drill *drill, const char *to, const char *dry)
{
	char line[CTL_LINE_MAX];
	struct buf reply;
	int ret;

	(void)snprintf(line, sizeof(line), "switchover instance=%s%s%s%s", drill->instance.s,
		       to ? " to=" : "", to ? to : "", dry);
	buf_init(&reply, CTL_REPLY_MAX);
	ret = ask(drill->ctl->socket, line, &reply, &drill->err) == CTL_OK ? 0 : -1;
	buf_free(&reply);
	return ret;
}

static int guard(struct drill *drill)
{
	json_t *status = fetch(drill, "json");
	const json_t *instance = status ? find_instance(drill, status) : NULL;
	struct text why, vip, state;
	int ret = -1;

	if (!instance)
		goto out;
	drill->node = text_of(status, "node");
	state = text_of(instance, "state_name");
	vip = text_of(json_object_get(instance, "alias"), "address");
	vip.s[strcspn(vip.s, "/")] = '\0';
	if (strcmp(state.s, "MASTER") != 0)
		(void)err_set(&drill->err, "a drill begins on the owner; %s is %s on this node",
			      drill->instance.s, state.s);
	else if (facts_compare(drill->node.s, instance, &why) != FACTS_AGREE)
		(void)err_set(&drill->err, "the facts do not agree: %.400s", why.s);
	else if (!drill->probe_config.command && ip_parse(vip.s, &drill->probe_config.address) < 0)
		(void)err_set(&drill->err, "there is no address to probe: use --probe CMD");
	else
		ret = order(drill, drill->to, " dry"); /* the daemon's own refusals */
out:
	json_decref(status);
	return ret;
}

static int confirm(struct drill *drill)
{
	char answer[16] = "";

	if (drill->yes)
		return 0;
	if (!isatty(STDIN_FILENO))
		return err_set(&drill->err, "this moves %s for real: say --yes", drill->instance.s);
	(void)fprintf(stderr,
		      "This moves %s away from %s and back. Type 'yes': ", drill->instance.s,
		      drill->node.s);
	if (!fgets(answer, sizeof(answer), stdin) || strcmp(answer, "yes\n") != 0)
		return err_set(&drill->err, "nothing was done");
	return 0;
}

/* --- the report ------------------------------------------------------------------------------ */

static void report_stages(struct drill *drill, const json_t *change)
{
	const char *name;
	json_t *took;

	json_object_foreach (json_object_get(change, "took_ms"), name, took)
		(void)fprintf(drill->out, "| %s: %s | %.1f ms |\n",
			      text_true(change, "takeover") ? "taking over here" : "leaving here",
			      name, json_number_value(took));
}

/* The stages that this node has seen since @since. */
static void report_changes(struct drill *drill, double since)
{
	json_t *root = fetch(drill, "events json");
	const json_t *events = json_object_get(root, "events");

	for (size_t e = 0; e < json_array_size(events); e++) {
		const json_t *event = json_array_get(events, e);

		if (strcmp(text_of(event, "kind").s, "change") == 0 &&
		    strcmp(text_of(event, "instance").s, drill->instance.s) == 0 &&
		    text_number(event, "when", 0) >= since)
			report_stages(drill, event);
	}
	json_decref(root);
}

static double wall_clock(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void report_way(struct drill *drill, unsigned int phase, double since)
{
	struct probe_count count = probe_count(drill->probe, phase);

	(void)fprintf(drill->out, "\n## %s to %s\n\n| what | measured |\n| --- | --- |\n",
		      phase == 1 ? drill->node.s : drill->peer.s,
		      phase == 1 ? drill->peer.s : drill->node.s);
	(void)fprintf(drill->out,
		      "| longest time from one good answer to the next | %.1f ms |\n"
		      "| tries, of them not served | %llu, %llu |\n",
		      (double)count.gap / 1e3, (unsigned long long)count.tries,
		      (unsigned long long)(count.tries - count.good));
	report_changes(drill, since);
	(void)fflush(drill->out);
}

static void report_head(struct drill *drill)
{
	time_t now = time(NULL);
	struct probe_count still = probe_count(drill->probe, 0);
	struct tm tm;
	char when[40];

	(void)localtime_r(&now, &tm);
	(void)strftime(when, sizeof(when), "%Y-%m-%d %H:%M:%S %z", &tm);
	(void)fprintf(drill->out,
		      "# Drill of %s on %s, %s\n\nClient: %s, every %d ms, from this host through "
		      "the route. At rest %.1f ms lay at most between two good answers (%llu "
		      "tries).\n",
		      drill->instance.s, drill->node.s, when,
		      drill->probe_config.command ? drill->probe_config.command
						  : "connects to the VIP and is greeted by mysqld",
		      (int)(PROBE_PERIOD / MSEC), (double)still.gap / 1e3,
		      (unsigned long long)still.tries);
}

/* --- the two ways --------------------------------------------------------------------------------
 */

static int go_there(struct drill *drill)
{
	double since = wall_clock();

	probe_phase(drill->probe, 1);
	if (order(drill, drill->to, "") < 0 ||
	    wait_for(drill, LOOK_THERE, TAKE_OVER, "the other node's take-over") < 0 ||
	    wait_served(drill, TAKE_OVER) < 0)
		return -1;
	report_way(drill, 1, since);
	return 0;
}

static int come_back(struct drill *drill)
{
	double since = wall_clock();
	int status = 0;

	if (wait_for(drill, LOOK_FIT, RECOVER, "this node's fitness to take it back") < 0)
		return -1;
	probe_phase(drill->probe, 2);
	if (drill->back)
		status = system(drill->back); /* NOLINT(cert-env33-c): the caller's own words */
	else if (order(drill, drill->node.s, "") < 0)
		return -1;
	if (status != 0)
		return err_set(&drill->err,
			       "--back has failed (status %d): %s is on %s, which is healthy",
			       WIFEXITED(status) ? WEXITSTATUS(status) : -1, drill->instance.s,
			       drill->peer.s);
	if (wait_for(drill, LOOK_HERE, TAKE_OVER, "the way back") < 0 ||
	    wait_served(drill, TAKE_OVER) < 0)
		return -1;
	report_way(drill, 2, since);
	return 0;
}

static int play(struct drill *drill)
{
	int ret = -1;

	drill->probe = probe_start(&drill->probe_config, &drill->err);
	if (!drill->probe)
		return -1;
	(void)poll(NULL, 0, (int)(WARM_UP / MSEC));
	if (probe_count(drill->probe, 0).good == 0) {
		(void)err_set(&drill->err, "the client is not served even now: nothing was moved "
					   "(see --port and --probe)");
		goto out;
	}
	report_head(drill);
	ret = go_there(drill);
	if (ret == 0 && !drill->one_way)
		ret = come_back(drill);
	(void)fprintf(drill->out, "\n%s%s\n",
		      ret == 0 ? "Done." : "Not finished: ", ret == 0 ? "" : drill->err.text);
out:
	probe_stop(drill->probe);
	return ret;
}

/* --- arguments
 * ------------------------------------------------------------------------------------- */

static int read_port(const char *text, uint16_t *port)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);

	*port = (uint16_t)value;
	return *end || value < 1 || value > 65535 ? -1 : 0;
}

static int read_arguments(struct drill *drill, char *const *arguments)
{
	for (; *arguments; arguments++) {
		const char *word = *arguments;
		const char **value = strcmp(word, "--probe") == 0    ? &drill->probe_config.command
				     : strcmp(word, "--back") == 0   ? &drill->back
				     : strcmp(word, "--report") == 0 ? &drill->report
				     : strcmp(word, "--to") == 0     ? &drill->to
								     : NULL;

		if (strcmp(word, "--yes") == 0)
			drill->yes = true;
		else if (strcmp(word, "--one-way") == 0)
			drill->one_way = true;
		else if (value && arguments[1])
			*value = *++arguments;
		else if (strcmp(word, "--port") == 0 && arguments[1] &&
			 read_port(arguments[1], &drill->probe_config.port) == 0)
			arguments++;
		else if (*word != '-' && !drill->instance.s[0] && strlen(word) <= CTL_NAME_MAX &&
			 !strpbrk(word, " =\n"))
			text_add(&drill->instance, "%s", word);
		else
			return err_set(&drill->err, "drill: '%s' is not understood", word);
	}
	if (drill->to && strpbrk(drill->to, " =\n"))
		return err_set(&drill->err, "--to takes the name of a node");
	return 0;
}

enum ctl_exit ctl_run_drill(const struct ctl *ctl, const struct ctl_command *command,
			    char *const *arguments)
{
	struct drill drill = {.ctl = ctl, .out = stdout, .probe_config = {.port = 3306}};
	enum ctl_exit code = CTL_REFUSED;

	(void)command;
	if (read_arguments(&drill, arguments) < 0)
		return ctl_fail(CTL_USAGE, drill.err.text);
	if (guard(&drill) < 0 || confirm(&drill) < 0)
		return ctl_fail(CTL_REFUSED, drill.err.text);
	if (drill.report)
		drill.out = fopen(drill.report, "we");
	if (!drill.out)
		return ctl_fail(CTL_REFUSED, "the report cannot be written there");
	if (play(&drill) == 0)
		code = CTL_OK;
	else
		(void)ctl_fail(code, drill.err.text);
	if (drill.report && fclose(drill.out) != 0)
		code = ctl_fail(CTL_REFUSED, "the report could not be written");
	return code;
}
