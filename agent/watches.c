/* SPDX-License-Identifier: MIT */
/*
 * What is tracked beside mysqld: scripts are run by zonevip-notify when we ask
 * (this process may not start any), files and processes are looked at by the
 * thread of agent/watcher.h, interfaces are told by the kernel. All end as
 * verdicts on the tracks of the core. A runner that is away, a script that may
 * not be run, a file that holds no number: no verdict, never a bad one.
 * Follows zonevip.conf(5), "TRACKS".
 */
#include "agent/agent.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "agent/base/log.h"

/* To end a script that has timed out takes the runner a second; the rest is for a busy host. */
#define ANSWER_MARGIN (3 * SEC)
/* A runner that is started again must not be noticed. */
#define AWAY_MARGIN (5 * SEC)
#define STAGGER 0.05 /* seconds between the first runs of two scripts */

_Static_assert(CONF_TRACKS_MAX + CONF_WATCHES_MAX <= CORE_TRACKS_MAX, "every track has a bit");
_Static_assert(CONF_WATCH_FILES_MAX + CONF_WATCH_PROCESSES_MAX <= WATCHER_MAX,
	       "one thread for all");
_Static_assert(WATCHER_NUMBER_MAX <= HEALTH_NUMBER_MAX, "the core takes any number of a file");

static unsigned int number_of(const struct agent_watch *watch)
{
	return (unsigned int)(watch - watch->agent->watches);
}

static const struct conf_watch *conf_of(const struct agent_watch *watch)
{
	return conf_watch(watch->agent->conf, number_of(watch));
}

/* --- what the core knows of them -------------------------------------------------------- */

const char *agent_track_name(const struct conf *conf, unsigned int track)
{
	return track < conf->track_count ? conf->tracks[track].name
					 : conf_watch(conf, track - conf->track_count)->name;
}

void agent_watch_tracks(const struct conf *conf, struct core_config *core)
{
	for (unsigned int w = 0; w < conf_watch_count(conf); w++) {
		const struct conf_watch *watch = conf_watch(conf, w);
		unsigned int k = core->track_count++;

		core->tracks[k].rise = watch->rise;
		core->tracks[k].fall = watch->fall;
		core->tracks[k].counts = conf_watch_kind(conf, w) == CONF_WATCH_FILE;
	}
}

void agent_watch_weights(const struct conf *conf, const struct conf_instance *instance,
			 struct core_instance_config *core)
{
	for (unsigned int i = 0; i < instance->watch_count; i++) {
		unsigned int k = conf->track_count + instance->watches[i].watch;

		if (instance->watches[i].weight == 0)
			core->tracks |= 1U << k;
		else
			core->weights[k] = instance->watches[i].weight;
	}
}

/* --- verdicts ------------------------------------------------------------------------------ */

static void say(const struct agent_watch *watch, const struct watcher_result *result)
{
	const char *kind =
		conf_watch_kind_name(conf_watch_kind(watch->agent->conf, number_of(watch)));
	const char *verdict = watcher_verdict_name(result->verdict);

	log_event(result->verdict == WATCHER_GOOD ? LOG_LV_INFO : LOG_LV_WARNING, "track",
		  "kind=%s name=%s verdict=%s evidence=\"%s\"", kind, conf_of(watch)->name, verdict,
		  result->evidence);
	agent_remember(watch->agent, "%s %s: %s (%s)", kind, conf_of(watch)->name, verdict,
		       result->evidence);
}

/* Through the door, and what it made of our priorities. */
static void feed(struct agent *agent, const struct event *ev)
{
	unsigned int before[CONF_INSTANCES_MAX] = {0};

	for (unsigned int i = 0; i < agent->conf->instance_count; i++)
		before[i] = core_priority(&agent->core, i);
	agent_feed(agent, ev);
	for (unsigned int i = 0; i < agent->conf->instance_count; i++) {
		unsigned int now = core_priority(&agent->core, i);

		if (now == before[i])
			continue;
		log_event(LOG_LV_INFO, "priority", "instance=%s from=%u to=%u base=%u",
			  agent->conf->instances[i].name, before[i], now,
			  agent->conf->nodes[agent->conf->self].priority);
		agent_remember(agent, "(%s) priority %u, was %u", agent->conf->instances[i].name,
			       now, before[i]);
	}
}

static void judge(struct agent_watch *watch, const struct watcher_result *result)
{
	static const enum health_result healths[WATCHER_VERDICTS] = {
		[WATCHER_NONE] = HEALTH_RESULT_NO_ANSWER,
		[WATCHER_GOOD] = HEALTH_RESULT_GOOD,
		[WATCHER_BAD] = HEALTH_RESULT_BAD,
		[WATCHER_UNKNOWN] = HEALTH_RESULT_NO_ANSWER,
	};
	struct event ev = {.type = EV_VERDICT,
			   .track = watch->agent->conf->track_count + number_of(watch),
			   .health = healths[result->verdict],
			   .number = result->number};

	if (result->verdict != watch->result.verdict || result->number != watch->result.number)
		say(watch, result);
	watch->result = *result;
	feed(watch->agent, &ev);
}

__attribute__((format(printf, 3, 4))) static void
conclude(struct agent_watch *watch, enum watcher_verdict verdict, const char *fmt, ...)
{
	struct watcher_result result = {.verdict = verdict, .when = mono_now()};
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(result.evidence, sizeof(result.evidence), fmt, args);
	va_end(args);
	judge(watch, &result);
}

/* --- scripts ---------------------------------------------------------------------------------- */

/* The runner is away, or does not answer: its next start answers soon enough. */
static void miss(struct agent_watch *watch, mono_us now, const char *why)
{
	const struct conf_watch *conf = conf_of(watch);

	if (now - watch->answered > 3 * conf->interval + conf->timeout + AWAY_MARGIN)
		conclude(watch, WATCHER_UNKNOWN, "%s", why);
}

static void on_script_due(struct ev_loop *loop, ev_timer *timer, int revents)
{
	struct agent_watch *watch = timer->data;
	struct notify_event event = {.state = "CHECK"};
	mono_us now = mono_now();

	(void)loop;
	(void)revents;
	if (watch->asked && now - watch->asked_at < conf_of(watch)->timeout + ANSWER_MARGIN)
		return; /* still under way */
	if (watch->asked)
		miss(watch, now, "zonevip-notify does not answer");
	(void)snprintf(event.instance, sizeof(event.instance), "%s", conf_of(watch)->name);
	watch->asked = notify_ask(watch->agent->notify, &event);
	watch->asked_at = now;
	if (!watch->asked)
		miss(watch, now, "zonevip-notify, which runs it, is away");
}

static void script_ended(struct agent_watch *watch, const struct notify_report *report)
{
	const char *colon = report->problem[0] ? ": " : "";

	watch->asked = 0;
	watch->answered = mono_now();
	watch->took_ms = report->took_ms;
	if (report->status < 0)
		conclude(watch, WATCHER_UNKNOWN, "could not be run%s%s", colon, report->problem);
	else
		conclude(watch, report->status == 0 ? WATCHER_GOOD : WATCHER_BAD,
			 "status %" PRId32 "%s%s", report->status, colon, report->problem);
}

bool agent_watch_reported(struct agent *agent, const struct notify_report *report)
{
	if (!report->check)
		return false;
	for (unsigned int w = 0; w < agent->conf->script_count; w++)
		if (agent->watches[w].asked == report->number)
			script_ended(&agent->watches[w], report);
	return true;
}

/* --- files, processes, interfaces ----------------------------------------------------------------
 */

static void on_watched(void *arg, unsigned int index, const struct watcher_result *result)
{
	struct agent *agent = arg;

	judge(&agent->watches[agent->conf->script_count + index], result);
}

void agent_watch_links(struct agent *agent, const char *interface)
{
	const struct conf *conf = agent->conf;
	unsigned int first = conf_watch_count(conf) - conf->interface_count;

	for (unsigned int i = 0; i < conf->interface_count; i++) {
		const char *name = conf->interfaces[i].what;
		bool up;

		if (interface && strcmp(interface, name) != 0)
			continue;
		up = link_up(agent->netlink, name) == 1;
		conclude(&agent->watches[first + i], up ? WATCHER_GOOD : WATCHER_BAD, "%s",
			 up ? "is up" : "is down or absent");
	}
}

/* --- opening
 * --------------------------------------------------------------------------------------- */

int agent_watcher_open(struct agent *agent, struct err *err)
{
	const struct conf *conf = agent->conf;
	struct watcher_config configs[WATCHER_MAX];
	unsigned int count = conf->file_count + conf->process_count;

	for (unsigned int i = 0; i < count; i++) {
		const struct conf_watch *watch = conf_watch(conf, conf->script_count + i);

		configs[i] = (struct watcher_config){
			.what = watch->what,
			.process = i >= conf->file_count,
			.match = (enum process_match)watch->match, /* the same order */
			.quorum = watch->quorum,
			.quorum_max = watch->quorum_max,
			.interval = watch->interval,
		};
	}
	agent->watch = NULL;
	if (count == 0)
		return 0;
	agent->watch = watcher_open(agent->loop, configs, count, on_watched, agent, err);
	return agent->watch ? 0 : -1;
}

static void start_scripts(struct agent *agent)
{
	for (unsigned int w = 0; w < conf_watch_count(agent->conf); w++)
		agent->watches[w].agent = agent;
	for (unsigned int w = 0; w < agent->conf->script_count; w++) {
		struct agent_watch *watch = &agent->watches[w];

		if (!watch->answered)
			watch->answered = mono_now();
		ev_timer_init(&watch->timer, on_script_due, STAGGER * (w + 1),
			      mono_seconds(conf_of(watch)->interval));
		watch->timer.data = watch;
		ev_timer_start(agent->loop, &watch->timer);
	}
}

int agent_watch_by(const struct conf *conf, enum conf_watch_kind kind, const char *name)
{
	for (unsigned int w = 0; w < conf_watch_count(conf); w++)
		if (conf_watch_kind(conf, w) == kind &&
		    strcmp(conf_watch(conf, w)->name, name) == 0)
			return (int)w;
	return -1;
}

void agent_watches_carry(struct agent *agent, const struct conf *before)
{
	const struct conf *conf = agent->conf;
	struct agent_watch was[CONF_WATCHES_MAX];

	for (unsigned int w = 0; w < before->script_count; w++)
		ev_timer_stop(agent->loop, &agent->watches[w].timer);
	memcpy(was, agent->watches, sizeof(was));
	memset(agent->watches, 0, sizeof(agent->watches));
	for (unsigned int w = 0; w < conf_watch_count(conf); w++) {
		int b = agent_watch_by(before, conf_watch_kind(conf, w), conf_watch(conf, w)->name);

		if (b >= 0)
			agent->watches[w] = was[b];
	}
	start_scripts(agent);
}

int agent_watches_open(struct agent *agent, struct err *err)
{
	start_scripts(agent);
	return agent_watcher_open(agent, err);
}

void agent_watches_close(struct agent *agent)
{
	for (unsigned int w = 0; w < agent->conf->script_count; w++)
		ev_timer_stop(agent->loop, &agent->watches[w].timer);
	watcher_close(agent->watch);
	agent->watch = NULL;
}

/* --- for people
 * ------------------------------------------------------------------------------------- */

/* When it was last looked at, changed or not; 0 = never. */
static mono_us looked(struct agent *agent, unsigned int w)
{
	enum conf_watch_kind kind = conf_watch_kind(agent->conf, w);

	if (agent->watch && (kind == CONF_WATCH_FILE || kind == CONF_WATCH_PROCESS))
		return watcher_looked(agent->watch, w - agent->conf->script_count);
	return agent->watches[w].result.when;
}

static enum health_state health_of(const struct agent *agent, unsigned int w)
{
	return agent->core.health[agent->conf->track_count + w].state;
}

json_t *agent_watches_json(struct agent *agent, mono_us now)
{
	json_t *list = json_array();

	for (unsigned int w = 0; w < conf_watch_count(agent->conf); w++) {
		const struct agent_watch *watch = &agent->watches[w];
		mono_us when = looked(agent, w);

		(void)json_array_append_new(
			list,
			json_pack("{s:s, s:s, s:s, s:s, s:s, s:i, s:o, s:i}", "name",
				  conf_watch(agent->conf, w)->name, "kind",
				  conf_watch_kind_name(conf_watch_kind(agent->conf, w)), "verdict",
				  watcher_verdict_name(watch->result.verdict), "health",
				  health_state_name(health_of(agent, w)), "evidence",
				  watch->result.evidence, "number", watch->result.number, "age_ms",
				  when ? json_real((double)(now - when) / 1000.0) : json_null(),
				  "took_ms", (int)watch->took_ms));
	}
	return list;
}

/* Every track that counts for the instance: 0 = down is unfit. */
json_t *agent_weights_json(const struct agent *agent, unsigned int instance)
{
	const struct conf_instance *conf = &agent->conf->instances[instance];
	json_t *list = json_array();

	for (unsigned int i = 0; i < conf->watch_count; i++) {
		unsigned int w = conf->watches[i].watch;

		(void)json_array_append_new(
			list,
			json_pack("{s:s, s:s, s:i, s:i}", "name", conf_watch(agent->conf, w)->name,
				  "kind", conf_watch_kind_name(conf_watch_kind(agent->conf, w)),
				  "weight", conf->watches[i].weight, "adds",
				  core_track_adds(&agent->core, instance,
						  agent->conf->track_count + w)));
	}
	return list;
}

void agent_watches_why(const struct agent *agent, unsigned int instance, struct buf *reply)
{
	const struct conf_instance *conf = &agent->conf->instances[instance];
	unsigned int base = agent->conf->nodes[agent->conf->self].priority;
	bool weighs = false;

	for (unsigned int i = 0; i < conf->watch_count; i++) {
		unsigned int w = conf->watches[i].watch;
		const struct watcher_result *result = &agent->watches[w].result;
		int weight = conf->watches[i].weight;

		(void)buf_printf(reply, "  %s %s: %s (%s)",
				 conf_watch_kind_name(conf_watch_kind(agent->conf, w)),
				 conf_watch(agent->conf, w)->name,
				 health_state_name(health_of(agent, w)), result->evidence);
		if (weight != 0)
			(void)buf_printf(reply, ", weight %d: adds %d", weight,
					 core_track_adds(&agent->core, instance,
							 agent->conf->track_count + w));
		(void)buf_printf(reply, "\n");
		weighs |= weight != 0;
	}
	if (weighs)
		(void)buf_printf(reply, "  the priority is %u, of the node %u\n",
				 core_priority(&agent->core, instance), base);
}
