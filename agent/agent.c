/* SPDX-License-Identifier: MIT */
/*
 * Callbacks are three lines: they make an event and go through the door.
 * Nothing here decides, and nothing here waits.
 */
#include "config.h"

#include "agent/agent.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "agent/base/log.h"
#include "agent/memory.h"

#define TARGET_PERIOD 60.0
#define HELLO_LATE (50 * MSEC)

/* --- the door ---------------------------------------------------------------------- */

static void rearm(struct agent *agent)
{
	mono_us now = mono_now();

	agent->deadline = core_deadline(&agent->core);
	ev_timer_stop(agent->loop, &agent->timer);
	ev_timer_set(&agent->timer, mono_seconds(mono_max(agent->deadline - now, 0)), 0.0);
	ev_timer_start(agent->loop, &agent->timer);
}

/* How far heartbeats are behind their schedule: what the peers would notice. */
static void count_lateness(struct agent *agent, mono_us late)
{
	agent->hello_late_max = mono_max(agent->hello_late_max, late);
	agent->hello_late_count += late > HELLO_LATE;
}

/* Words for people and scripts: they can wait until what moves the VIP is on its way. */
static bool only_tells(const struct action *act)
{
	return act->type == ACT_STATE || act->type == ACT_NOTE || act->type == ACT_EXIT;
}

static void carry_out(struct agent *agent)
{
	const struct actions *todo = &agent->todo;

	for (unsigned int i = 0; i < todo->count; i++)
		stages_action(&agent->stages, &agent->core, agent->stepped, &todo->items[i]);
	for (unsigned int i = 0; i < todo->count; i++)
		if (!only_tells(&todo->items[i]))
			agent_apply(agent, &todo->items[i]); /* starts work; never waits for it */
	for (unsigned int i = 0; i < todo->count; i++)
		if (only_tells(&todo->items[i]))
			agent_apply(agent, &todo->items[i]);
}

static void step(struct agent *agent, const struct event *ev)
{
	mono_us beat = agent->core.hello_at;

	agent->stepped = mono_now();
	stages_event(&agent->stages, &agent->core, agent->stepped, ev);
	core_step(&agent->core, agent->stepped, ev, &agent->todo);
	if (agent->core.hello_at != beat)
		count_lateness(agent, agent->stepped - beat);
	carry_out(agent);
	agent_remember_changes(agent);
	memory_step(agent->memory, ev);
}

/* How plumbing went is known at once, but told after the step that asked for it. */
static bool report_aliases(struct agent *agent)
{
	bool any = false;

	for (unsigned int i = 0; i < agent->conf->instance_count; i++) {
		struct agent_instance *extra = &agent->extra[i];
		bool acting = core_acting(&agent->instances[i]);
		bool up = extra->alias_added;

		if (!extra->alias_report)
			continue;
		extra->alias_report = false;
		if (extra->alias_failed) /* the kernel knows how far it came */
			up = agent_plumbed(agent, i, !acting);
		step(agent,
		     &(struct event){.type = EV_ALIAS,
				     .instance = i,
				     .up = up,
				     .outcome = up == acting ? OUTCOME_OK : OUTCOME_REFUSED});
		any = true;
	}
	return any;
}

void agent_feed(struct agent *agent, const struct event *ev)
{
	aws_hold(agent->aws);
	step(agent, ev);
	while (report_aliases(agent))
		; /* a report may lead to plumbing */
	aws_release(agent->aws);
	agent_database_settle(agent);
	rearm(agent);
}

/* --- callbacks ------------------------------------------------------------------------ */

static void on_timer(struct ev_loop *loop, ev_timer *timer, int events)
{
	(void)loop;
	(void)events;
	agent_feed(timer->data, &(struct event){.type = EV_TICK});
}

/* Runs before every other callback of a wake-up: a stall is dealt with first. */
static void on_woken(struct ev_loop *loop, ev_check *check, int events)
{
	struct agent *agent = check->data;
	mono_us late = mono_now() - agent->deadline;

	(void)loop;
	(void)events;
	if (late <= 0)
		return;
	agent->late_max = mono_max(agent->late_max, late);
	if (late <= agent->core.config.timers.slack)
		return;
	log_event(LOG_LV_WARNING, "stalled", "late_ms=%lld", (long long)(late / MSEC));
	agent_remember(agent, "the loop stood still for %lld ms", (long long)(late / MSEC));
	agent_feed(agent, &(struct event){.type = EV_RESUMED, .gap = late});
}

static void on_hello(void *arg, const struct hello *hello)
{
	agent_feed(arg, &(struct event){.type = EV_HELLO, .hello = hello});
	agent_database_heard(arg, hello);
	agent_wish_heard(arg, hello);
}

/* The verdicts that the configuration may hold against a node. */
static bool unfit(const struct conf_track_mysql *track, enum mycheck_verdict verdict)
{
	static const enum mycheck_verdict verdicts[CONF_UNFIT_COUNT] = {
		[CONF_UNFIT_SLOW] = MYCHECK_SLOW,	  [CONF_UNFIT_FULL] = MYCHECK_FULL,
		[CONF_UNFIT_READONLY] = MYCHECK_READONLY, [CONF_UNFIT_STALLED] = MYCHECK_STALLED,
		[CONF_UNFIT_HUNG] = MYCHECK_HUNG,	  [CONF_UNFIT_FAILED] = MYCHECK_FAILED,
		[CONF_UNFIT_DEAD] = MYCHECK_DEAD,
	};

	for (unsigned int u = 0; u < track->unfit_count; u++)
		if (verdicts[track->unfit[u]] == verdict)
			return true;
	return false;
}

static enum health_result health_of(const struct conf_track_mysql *track,
				    enum mycheck_verdict verdict)
{
	switch (verdict) {
	case MYCHECK_OK:
		return HEALTH_RESULT_GOOD;
	case MYCHECK_SLOW: /* it answered: alive, if crowded, late or not to be written to */
	case MYCHECK_FULL:
	case MYCHECK_READONLY:
		return unfit(track, verdict) ? HEALTH_RESULT_BAD : HEALTH_RESULT_GOOD;
	case MYCHECK_DEAD:
		if (unfit(track, verdict))
			return HEALTH_RESULT_DEAD;
		break;
	case MYCHECK_STALLED:
	case MYCHECK_HUNG:
	case MYCHECK_FAILED:
		if (unfit(track, verdict))
			return HEALTH_RESULT_BAD;
		break;
	case MYCHECK_AUTH: /* never: a changed password would be an outage */
	case MYCHECK_UNKNOWN:
	case MYCHECK_COUNT:
		break;
	}
	return HEALTH_RESULT_NO_ANSWER;
}

static void on_check(void *arg, unsigned int track, const struct mycheck_result *result)
{
	struct agent *agent = arg;
	enum mycheck_verdict before = agent->results[track].verdict;
	bool first = agent->results[track].evidence[0] == '\0';

	agent->results[track] = *result;
	if (first || before != result->verdict) {
		log_event(result->verdict == MYCHECK_OK ? LOG_LV_INFO : LOG_LV_WARNING, "check",
			  "track=%s verdict=%s evidence=\"%s\"", agent->conf->tracks[track].name,
			  mycheck_verdict_name(result->verdict), result->evidence);
		agent_remember(agent, "check %s: %s (%s)", agent->conf->tracks[track].name,
			       mycheck_verdict_name(result->verdict), result->evidence);
	}
	agent_feed(agent, &(struct event){.type = EV_VERDICT,
					  .track = track,
					  .health = health_of(&agent->conf->tracks[track],
							      result->verdict)});
	agent_database_checked(agent, track);
}

static void on_notified(void *arg, const struct notify_report *report)
{
	struct agent *agent = arg;

	if (agent_watch_reported(agent, report))
		return;
	(void)agent_hook_ended(agent, report);
	if (report->status != 0)
		log_event(LOG_LV_WARNING, "notify",
			  "number=%u status=%d took_ms=%u script=\"%s\" problem=\"%s\"",
			  report->number, report->status, report->took_ms, report->script,
			  report->problem);
	stages_notified(&agent->stages, (mono_us)report->took_ms * MSEC);
	agent_remember(agent, "notify %u: %s ended %d after %u ms %s", report->number,
		       report->script, report->status, report->took_ms, report->problem);
}

static void on_target_timer(struct ev_loop *loop, ev_timer *timer, int events)
{
	(void)loop;
	(void)events;
	agent_check_target(timer->data);
}

static void on_exit_timer(struct ev_loop *loop, ev_timer *timer, int events)
{
	(void)timer;
	(void)events;
	ev_break(loop, EVBREAK_ALL);
}

/* --- opening ------------------------------------------------------------------------------ */

static uint64_t random64(void)
{
	uint64_t value = 0;

	while (getrandom(&value, sizeof(value), 0) != sizeof(value) || value == 0)
		; /* interrupted: again; zero means "none" */
	return value;
}

static uint16_t software(void)
{
	unsigned long number[3] = {0}; /* major, minor, patch */
	const char *at = PACKAGE_VERSION;

	for (size_t i = 0; i < 3; i++) {
		char *end;

		number[i] = strtoul(at, &end, 10);
		at = end + (*end == '.');
	}
	return HELLO_SOFTWARE(number[0], number[1], number[2]);
}

static void fill_core_config(const struct agent *agent, struct core_config *config,
			     struct core_instance_config *instances)
{
	const struct conf *conf = agent->conf;

	*config = (struct core_config){
		.timers = conf->heartbeat.timers,
		.node_count = conf->node_count,
		.self = conf->self,
		.track_count = conf->track_count,
		.instance_count = conf->instance_count,
		.instances = instances,
		.nonce = random64(),
		.seed = random64(),
		.digest = conf->digest,
		.software = software(),
		.evidence = conf->early_evidence,
		.touch_owner = conf->touch == CONF_TOUCH_OWNER,
		.outage_takeover = conf->ssm_outage_takeover == CONF_OUTAGE_ROUTE,
		.observe = conf->observe,
	};
	for (unsigned int n = 0; n < conf->node_count; n++)
		config->nodes[n] = (struct core_node){.id = conf->nodes[n].id,
						      .priority = (uint8_t)conf->nodes[n].priority};
	for (unsigned int k = 0; k < conf->track_count; k++) {
		config->tracks[k].rise = conf->tracks[k].rise;
		config->tracks[k].fall = conf->tracks[k].fall;
	}
	agent_watch_tracks(conf, config);
	for (unsigned int i = 0; i < conf->instance_count; i++) {
		const struct conf_instance *from = &conf->instances[i];
		unsigned int room = agent->extra[i].table_room;

		instances[i] = (struct core_instance_config){
			.id = from->id,
			.tables = agent->extra[i].route_count,
			.tables_room = from->vip_count * room,
			.discovers = from->discover || from->discover_tag[0],
			.fence = from->isolation == CONF_ISOLATION_FENCE,
			.group = (uint8_t)from->group,
			.preempt = from->preempt,
			.preempt_delay = from->preempt_delay};
		for (unsigned int k = 0; k < from->track_count; k++)
			instances[i].tracks |= 1U << from->tracks[k];
		agent_watch_weights(conf, from, &instances[i]);
		agent_database_core(from, &instances[i]);
	}
}

static int open_extra(struct agent *agent, unsigned int instance)
{
	const struct conf_instance *conf = &agent->conf->instances[instance];
	struct agent_instance *extra = &agent->extra[instance];
	size_t routes;

	if (agent_tables_open(agent, instance) < 0)
		return -1;
	routes = (size_t)conf->vip_count * extra->table_room;
	extra->routes = calloc(routes ? routes : 1, sizeof(*extra->routes));
	extra->route_room = (unsigned int)routes;
	extra->route_count = conf->vip_count * extra->table_count;
	return extra->routes ? 0 : -1;
}

int agent_build_instances(struct agent *agent)
{
	unsigned int count = agent->conf->instance_count;

	agent->instances = calloc(count, sizeof(*agent->instances));
	agent->extra = calloc(count, sizeof(*agent->extra));
	agent->stages.runs = calloc(count, sizeof(*agent->stages.runs));
	if (!agent->instances || !agent->extra || !agent->stages.runs)
		return -1;
	for (unsigned int i = 0; i < count; i++)
		if (open_extra(agent, i) < 0)
			return -1;
	return agent_database_build(agent);
}

int agent_build_core(struct agent *agent, mono_us now)
{
	const struct conf *conf = agent->conf;
	struct core_instance_config *instances = calloc(conf->instance_count, sizeof(*instances));
	struct core_config config;
	size_t routes = 1;

	for (unsigned int i = 0; i < conf->instance_count; i++)
		routes += agent->extra[i].route_room;
	agent->routes = calloc(routes, sizeof(*agent->routes));
	if (instances && agent->routes) {
		fill_core_config(agent, &config, instances);
		core_init(&agent->core, now, &config, agent->instances, agent->routes);
	}
	free(instances);
	return instances && agent->routes ? 0 : -1;
}

void agent_free_instances(struct agent *agent)
{
	for (unsigned int i = 0; agent->extra && i < agent->conf->instance_count; i++) {
		struct agent_instance *extra = &agent->extra[i];

		for (unsigned int r = 0; extra->routes && r < extra->route_room; r++)
			free(extra->routes[r].error);
		agent_tables_close(agent, i);
		free(extra->routes);
		free(extra->record_error);
	}
	free(agent->databases);
	free(agent->stages.runs);
	free(agent->extra);
	free(agent->routes);
	free(agent->instances);
	agent->databases = NULL;
	agent->stages.runs = NULL;
	agent->extra = NULL;
	agent->routes = NULL;
	agent->instances = NULL;
}

struct wire_keys agent_keys(const struct conf *conf)
{
	return (struct wire_keys){.file = conf->heartbeat.key_file,
				  .id = (uint8_t)conf->heartbeat.key_id,
				  .accept_file = conf->heartbeat.accept_key_file,
				  .accept_id = (uint8_t)conf->heartbeat.accept_key_id};
}

struct heartbeat *agent_open_heartbeat(struct agent *agent, struct err *err)
{
	const struct conf *conf = agent->conf;
	const struct conf_node *self = &conf->nodes[conf->self];
	uint32_t cluster = 2166136261u; /* FNV-1a */

	for (const char *c = conf->cluster; *c; c++)
		cluster = (cluster ^ (uint8_t)*c) * 16777619u;
	return heartbeat_open(agent->loop,
			      &(struct heartbeat_config){
				      .local = self->address,
				      .port = conf->heartbeat.port,
				      .keys = agent_keys(conf),
				      .cluster = cluster,
				      .self = self->id,
			      },
			      on_hello, agent, err);
}

/* What the instance that commands this server, if any, wants of it. */
static void command_words(const struct agent *agent, unsigned int track,
			  struct mycheck_config *config)
{
	static const enum mycheck_sessions sessions[] = {
		[CONF_SESSIONS_KILL] = MYCHECK_SESSIONS_KILL,
		[CONF_SESSIONS_DRAIN] = MYCHECK_SESSIONS_DRAIN,
		[CONF_SESSIONS_KEEP] = MYCHECK_SESSIONS_KEEP,
	};

	for (unsigned int i = 0; i < agent->conf->instance_count; i++) {
		const struct conf_instance *instance = &agent->conf->instances[i];

		if (!agent_commands_database(instance) || instance->tracks[0] != track)
			continue;
		config->replication = true;
		config->sessions = sessions[instance->sessions];
	}
}

struct mycheck *agent_open_check(struct agent *agent, unsigned int k, struct err *err)
{
	const struct mycheck_callbacks callbacks = {
		.result = on_check, .report = agent_on_report, .arg = agent};
	const struct conf_track_mysql *track = &agent->conf->tracks[k];
	struct mycheck_config config = {
		.socket = track->socket,
		.host = track->host,
		.port = track->port,
		.admin_port = track->admin_port,
		.user = track->user,
		.password_file = track->password_file,
		.tls = track->tls,
		.tls_ca = track->tls_ca,
		.interval = track->interval,
		.timeout = track->timeout,
		.slow = track->slow,
		.galera = track->galera,
		.write_probe = track->write_probe && !agent->conf->observe,
		.node = agent->conf->nodes[agent->conf->self].name,
		.query = track->query,
		.replication_user = track->replication_user,
		.replication_password_file = track->replication_password_file,
	};

	command_words(agent, k, &config);
	return mycheck_open(agent->loop, k, &config, &callbacks, err);
}

static int open_checks(struct agent *agent, struct err *err)
{
	for (unsigned int k = 0; k < agent->conf->track_count; k++) {
		agent->checks[k] = agent_open_check(agent, k, err);
		if (!agent->checks[k])
			return -1;
	}
	return 0;
}

static int open_shells(struct agent *agent, const struct agent_paths *paths, struct err *err)
{
	if (agent_open_netlink(agent, err) < 0)
		return -1;
	agent->heartbeat = agent_open_heartbeat(agent, err);
	if (!agent->heartbeat)
		return -1;
	agent->control = control_open(agent->loop, paths->control, agent->conf->control_group,
				      agent_on_request, agent, err);
	if (!agent->control)
		return -1;
	agent->notify = notify_open(agent->loop, paths->notify, on_notified, agent);
	if (!agent->notify)
		return err_set(err, "notify: no memory");
	agent->aws = agent_open_aws(agent, err);
	if (!agent->aws)
		return -1;
	if (open_checks(agent, err) < 0)
		return -1;
	return agent_watches_open(agent, err);
}

static void start_watchers(struct agent *agent)
{
	ev_timer_init(&agent->timer, on_timer, 0.0, 0.0);
	agent->timer.data = agent;
	ev_check_init(&agent->woken, on_woken);
	ev_set_priority(&agent->woken, EV_MAXPRI);
	agent->woken.data = agent;
	ev_check_start(agent->loop, &agent->woken);
	ev_timer_init(&agent->target_timer, on_target_timer, TARGET_PERIOD, TARGET_PERIOD);
	agent->target_timer.data = agent;
	ev_timer_start(agent->loop, &agent->target_timer);
	ev_timer_init(&agent->exit_timer, on_exit_timer, 0.0, 0.0);
	agent->exit_timer.data = agent;
}

struct agent *agent_open(struct ev_loop *loop, struct conf *conf, const struct agent_paths *paths,
			 struct err *err)
{
	struct agent *agent = calloc(1, sizeof(*agent));

	if (!agent) {
		(void)err_set(err, "no memory");
		return NULL;
	}
	agent->loop = loop;
	agent->conf = conf;
	agent->started = mono_now();
	agent->deadline = MONO_NEVER;
	if (agent_build_instances(agent) < 0 || agent_build_core(agent, agent->started) < 0) {
		(void)err_set(err, "no memory for %u instances", conf->instance_count);
		goto fail;
	}
	agent->memory = memory_open(agent, paths->state);
	if (!agent->memory) {
		(void)err_set(err, "no memory");
		goto fail;
	}
	if (open_shells(agent, paths, err) < 0)
		goto fail;
	if (conf->observe)
		log_event(LOG_LV_WARNING, "observe",
			  "effect=\"decides and tells, changes nothing\"");
	agent_database_open(agent);
	agent_reload_open(agent);
	agent_wish_open(agent);
	start_watchers(agent);
	agent_look_around(agent);
	return agent;
fail:
	agent_close(agent);
	return NULL;
}

void agent_close(struct agent *agent)
{
	if (!agent)
		return;
	ev_timer_stop(agent->loop, &agent->timer);
	ev_timer_stop(agent->loop, &agent->target_timer);
	ev_timer_stop(agent->loop, &agent->leave_timer);
	ev_timer_stop(agent->loop, &agent->exit_timer);
	ev_check_stop(agent->loop, &agent->woken);
	for (unsigned int k = 0; k < CONF_TRACKS_MAX; k++)
		if (agent->checks[k])
			mycheck_close(agent->checks[k]);
	agent_watches_close(agent);
	agent_database_close(agent);
	agent_reload_close(agent);
	ev_timer_stop(agent->loop, &agent->wish.timer);
	if (agent->aws)
		aws_close(agent->aws);
	if (agent->notify)
		notify_close(agent->notify);
	if (agent->control)
		control_close(agent->control);
	heartbeat_close(agent->heartbeat);
	agent_close_netlink(agent);
	agent_free_instances(agent);
	memory_close(agent->memory);
	free(agent);
}

void agent_stop(struct agent *agent)
{
	agent_feed(agent, &(struct event){.type = EV_COMMAND, .command = CMD_STOP, .node = -1});
}

bool agent_alive(const struct agent *agent)
{
	return mono_now() - agent->stepped < 500 * MSEC;
}
