/* SPDX-License-Identifier: MIT */
/*
 * What happened, for people: a ring of lines with the wall clock's time, and
 * beside the words what a program needs to draw them: state changes, and for
 * every take-over and departure how long its stages took. Nothing is decided
 * by it; it is lost with the process (the journal is what outlives that).
 */
#include "config.h"

#include "agent/agent.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

double agent_wall_clock(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* --- remembering ------------------------------------------------------------------- */

static struct agent_event *fresh(struct agent *agent, enum agent_event_kind kind)
{
	struct agent_event *event = &agent->events[agent->event_count++ % AGENT_EVENTS_MAX];

	*event = (struct agent_event){.kind = kind, .when = agent_wall_clock()};
	return event;
}

static void name_instance(const struct agent *agent, struct agent_event *event,
			  unsigned int instance)
{
	(void)snprintf(event->instance, sizeof(event->instance), "%s",
		       agent->conf->instances[instance].name);
}

void agent_remember(struct agent *agent, const char *fmt, ...)
{
	struct agent_event *event = fresh(agent, EVENT_NOTE);
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(event->text, sizeof(event->text), fmt, args);
	va_end(args);
}

void agent_remember_state(struct agent *agent, const struct action *act)
{
	struct agent_event *event = fresh(agent, EVENT_STATE);

	name_instance(agent, event, act->instance);
	event->from = act->old_state;
	event->to = act->state;
	event->reason = act->reason;
	event->term = agent->instances[act->instance].record.version;
	(void)snprintf(event->text, sizeof(event->text), "%s: %s -> %s (%s), term %" PRIu64,
		       agent->conf->instances[act->instance].name, core_state_name(event->from),
		       core_state_name(event->to), core_reason_name(event->reason), event->term);
}

static void list_stages(struct agent_event *event)
{
	for (unsigned int s = 0; s < STAGES; s++) {
		size_t used = strlen(event->text);

		if (event->took[s] >= 0 && s != STAGE_TOTAL)
			(void)snprintf(event->text + used, sizeof(event->text) - used,
				       ", %s %.1f ms", stage_name((enum stage)s),
				       (double)event->took[s] / 1e3);
	}
}

static void remember_change(struct agent *agent, unsigned int i)
{
	const struct stage_run *run = &agent->stages.runs[i];
	struct agent_event *event = fresh(agent, EVENT_CHANGE);
	mono_us now = mono_now();

	name_instance(agent, event, i);
	event->to = agent->instances[i].state;
	event->reason = run->reason;
	event->term = agent->instances[i].record.version;
	event->takeover = run->took[STAGE_TOTAL] >= 0;
	event->sign = event->when - mono_seconds(now - run->sign);
	event->decided = event->when - mono_seconds(now - run->decided);
	if (run->promoted_from)
		event->promote_from = event->when - mono_seconds(now - run->promoted_from);
	event->when -= mono_seconds(now - run->ended);
	memcpy(event->took, run->took, sizeof(event->took));
	(void)snprintf(event->text, sizeof(event->text), "%s: %s within %.1f ms (%s)",
		       agent->conf->instances[i].name, event->takeover ? "taken over" : "left",
		       (event->when - event->sign) * 1e3, core_reason_name(event->reason));
	list_stages(event);
}

void agent_remember_changes(struct agent *agent)
{
	for (unsigned int i = 0; i < agent->conf->instance_count; i++)
		if (stages_ended(&agent->stages, i))
			remember_change(agent, i);
}

/* --- telling ------------------------------------------------------------------------- */

static unsigned int oldest(const struct agent *agent)
{
	return agent->event_count > AGENT_EVENTS_MAX ? agent->event_count - AGENT_EVENTS_MAX : 0;
}

void agent_events_text(const struct agent *agent, struct buf *reply)
{
	for (unsigned int e = oldest(agent); e < agent->event_count; e++) {
		const struct agent_event *event = &agent->events[e % AGENT_EVENTS_MAX];
		time_t seconds = (time_t)event->when;
		struct tm tm;
		char when[32];

		(void)localtime_r(&seconds, &tm);
		(void)strftime(when, sizeof(when), "%Y-%m-%d %H:%M:%S", &tm);
		(void)buf_printf(reply, "%s.%03d %s\n", when,
				 (int)((event->when - (double)seconds) * 1000), event->text);
	}
	if (agent->event_count == 0)
		(void)buf_printf(reply, "nothing has happened yet\n");
}

static json_t *stages_json(const struct agent_event *event)
{
	json_t *took = json_object();

	for (unsigned int s = 0; s < STAGES; s++)
		if (event->took[s] >= 0)
			(void)json_object_set_new(took, stage_name((enum stage)s),
						  json_real((double)event->took[s] / 1e3));
	return took;
}

static json_t *event_json(const struct agent_event *event)
{
	static const char *const kinds[] = {"note", "state", "change"};
	json_t *object = json_pack("{s:f, s:s, s:s}", "when", event->when, "kind",
				   kinds[event->kind], "text", event->text);
	json_t *more = NULL;

	if (!object) /* a text that is not UTF-8, cut in a character: told without it */
		object = json_pack("{s:f, s:s, s:s}", "when", event->when, "kind",
				   kinds[event->kind], "text", "?");
	if (event->kind == EVENT_NOTE)
		return object;
	more = json_pack("{s:s, s:s, s:s, s:I}", "instance", event->instance, "to",
			 core_state_name(event->to), "reason", core_reason_name(event->reason),
			 "term", (json_int_t)event->term);
	(void)json_object_update(object, more);
	json_decref(more);
	more = event->kind == EVENT_STATE
		       ? json_pack("{s:s}", "from", core_state_name(event->from))
		       : json_pack("{s:b, s:f, s:f, s:f, s:o}", "takeover", event->takeover, "sign",
				   event->sign, "decided", event->decided, "promote_from",
				   event->promote_from, "took_ms", stages_json(event));
	(void)json_object_update(object, more);
	json_decref(more);
	return object;
}

int agent_events_json(const struct agent *agent, struct buf *reply)
{
	json_t *list = json_array();
	json_t *root;
	char *dump;
	int ret;

	for (unsigned int e = oldest(agent); e < agent->event_count; e++)
		(void)json_array_append_new(list, event_json(&agent->events[e % AGENT_EVENTS_MAX]));
	root = json_pack("{s:i, s:s, s:s, s:f, s:o}", "version", 1, "node",
			 agent->conf->nodes[agent->conf->self].name, "cluster",
			 agent->conf->cluster, "now", agent_wall_clock(), "events", list);
	dump = root ? json_dumps(root, JSON_COMPACT | JSON_REAL_PRECISION(17)) : NULL;
	ret = dump ? buf_printf(reply, "%s\n", dump) : -1;
	free(dump);
	json_decref(root);
	return ret;
}
