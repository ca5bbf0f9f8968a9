/* SPDX-License-Identifier: MIT */
/*
 * What the core decided is done here: each action starts work in one shell
 * and returns at once.
 */
#include "agent/agent.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "agent/base/log.h"
#include "agent/touch.h"

/* With many addresses a look at a table waits so long for others at it: when
 * somebody is about to act on it only for those that were asked for with it. */
#define GATHER_QUIET (250 * MSEC)
#define GATHER_URGENT (2 * MSEC)

/* --- heartbeats --------------------------------------------------------------------- */

static void send_hello(struct agent *agent)
{
	const struct core_config *config = &agent->core.config;
	mono_us now = mono_now();
	struct hello hello;

	for (unsigned int n = 0; n < config->node_count; n++) {
		unsigned int next = 0;

		if (n == config->self)
			continue;
		do {
			next = core_hello(&agent->core, now, n, next, &hello);
			heartbeat_send(agent->heartbeat, &agent->conf->nodes[n].address, &hello);
		} while (next < config->instance_count);
	}
}

/* --- state changes -------------------------------------------------------------------- */

/* keepalived's four words: a claim under way is still BACKUP to scripts. */
static const char *script_word(enum core_state state)
{
	switch (state) {
	case CORE_MASTER:
		return "MASTER";
	case CORE_FAULT:
		return "FAULT";
	case CORE_INIT:
	case CORE_BACKUP:
	case CORE_CLAIMING:
	case CORE_MAINT:
	case CORE_STATES:
		break;
	}
	return "BACKUP";
}

static const char *node_name(const struct agent *agent, int node)
{
	return node >= 0 ? agent->conf->nodes[node].name : "";
}

/* What a script is told, of a state or before one. */
static struct notify_event describe(struct agent *agent, const struct action *act, const char *word)
{
	const struct conf_instance *conf = &agent->conf->instances[act->instance];
	const struct instance *in = &agent->instances[act->instance];
	struct notify_event event = {
		.version = NOTIFY_VERSION,
		.priority = core_priority(&agent->core, act->instance),
		.term = in->record.version,
	};

	(void)snprintf(event.instance, sizeof(event.instance), "%s", conf->name);
	(void)snprintf(event.state, sizeof(event.state), "%s", word);
	(void)snprintf(event.old_state, sizeof(event.old_state), "%s",
		       core_state_name(act->old_state));
	(void)snprintf(event.new_state, sizeof(event.new_state), "%s", core_state_name(act->state));
	(void)snprintf(event.reason, sizeof(event.reason), "%s",
		       act->state == CORE_MAINT ? "maintenance" : core_reason_name(act->reason));
	(void)snprintf(event.peer, sizeof(event.peer), "%s", node_name(agent, in->record.owner));
	if (conf->vip_count)
		(void)ip_format(&conf->vips[0].address, event.vip);
	return event;
}

static void tell_scripts(struct agent *agent, const struct action *act, const char *word)
{
	struct notify_event event = describe(agent, act, word);

	if (!agent->conf->observe) /* what a script does is a change as well */
		(void)notify_send(agent->notify, &event);
	(void)snprintf(agent->extra[act->instance].told, sizeof(event.state), "%s", word);
}

uint32_t agent_run_hook(struct agent *agent, const struct action *act, const char *word)
{
	enum core_state state = agent->instances[act->instance].state;
	struct action about = {.instance = act->instance,
			       .old_state = state,
			       .state = state,
			       .reason = agent->instances[act->instance].departure.reason};
	struct notify_event event = describe(agent, &about, word);

	return notify_send(agent->notify, &event);
}

static void state_changed(struct agent *agent, const struct action *act)
{
	const struct instance *in = &agent->instances[act->instance];
	const char *name = agent->conf->instances[act->instance].name;
	const char *word = script_word(act->state);

	agent->extra[act->instance].last_transition = agent_wall_clock();
	log_line(LOG_LV_INFO, "(%s) Entering %s STATE from=%s reason=%s term=%" PRIu64 " owner=%s",
		 name, core_state_name(act->state), core_state_name(act->old_state),
		 core_reason_name(act->reason), in->record.version,
		 node_name(agent, in->record.owner));
	agent_remember_state(agent, act);
	if (act->state == CORE_MAINT || strcmp(word, agent->extra[act->instance].told) != 0)
		tell_scripts(agent, act, word);
}

static void noted(struct agent *agent, const struct action *act)
{
	const char *name = agent->conf->instances[act->instance].name;

	const char *why = act->reason == REASON_NONE ? "" : core_reason_name(act->reason);

	log_event(LOG_LV_WARNING, core_note_name(act->note), "instance=%s node=%s table=%u%s%s",
		  name, node_name(agent, act->node), act->table, *why ? " reason=" : "", why);
	agent_remember(agent, "%s: %s %s%s%s", name, core_note_name(act->note),
		       node_name(agent, act->node), *why ? ", because: " : "", why);
}

/* --- addresses -------------------------------------------------------------------------- */

static struct vip vip_of(const struct conf_instance *conf, unsigned int index)
{
	struct vip vip = {.address = conf->vips[index].address,
			  .prefix_length = conf->vips[index].prefix_length};

	memcpy(vip.interface, conf->interface, sizeof(vip.interface));
	memcpy(vip.label, conf->vips[index].label, sizeof(vip.label));
	return vip;
}

bool agent_plumbed(struct agent *agent, unsigned int instance, bool any)
{
	const struct conf_instance *conf = &agent->conf->instances[instance];
	unsigned int there = 0;

	for (unsigned int v = 0; v < conf->vip_count; v++) {
		struct vip vip = vip_of(conf, v);

		there += vip_present(agent->netlink, &vip) == 1;
	}
	return any ? there > 0 : there == conf->vip_count;
}

static bool has(const struct conf_instance *conf, const struct vip *vip)
{
	for (unsigned int v = 0; v < conf->vip_count; v++) {
		struct vip own = vip_of(conf, v);

		if (ip_equal(&own.address, &vip->address) &&
		    own.prefix_length == vip->prefix_length &&
		    strcmp(own.interface, vip->interface) == 0 &&
		    strcmp(own.label, vip->label) == 0)
			return true;
	}
	return false;
}

void agent_unplumb(struct agent *agent, const struct conf_instance *before)
{
	int now = conf_instance_by_name(agent->conf, before->name);

	for (unsigned int v = 0; v < before->vip_count && !agent->conf->observe; v++) {
		struct vip vip = vip_of(before, v);
		char text[IP_TEXT_MAX];

		if ((now >= 0 && has(&agent->conf->instances[now], &vip)) ||
		    vip_present(agent->netlink, &vip) != 1)
			continue;
		log_event(LOG_LV_INFO, "alias_removed",
			  "instance=%s address=%s interface=%s cause=\"configured no more\"",
			  before->name, ip_format(&vip.address, text), vip.interface);
		(void)vip_remove(agent->netlink, &vip); /* what fails shows with the next look */
	}
}

static void plumb(struct agent *agent, const struct action *act, bool add)
{
	const struct conf_instance *conf = &agent->conf->instances[act->instance];
	struct agent_instance *extra = &agent->extra[act->instance];
	char text[IP_TEXT_MAX];

	extra->alias_report = true;
	extra->alias_added = add;
	extra->alias_failed = false;
	for (unsigned int v = 0; v < conf->vip_count; v++) {
		struct vip vip = vip_of(conf, v);
		int ret = add ? vip_add(agent->netlink, &vip) : vip_remove(agent->netlink, &vip);

		extra->alias_failed |= ret < 0;
		if (ret < 0)
			log_event(LOG_LV_ERROR, add ? "alias_add" : "alias_remove",
				  "instance=%s address=%s interface=%s error=\"%s\"", conf->name,
				  ip_format(&vip.address, text), vip.interface, strerror(-ret));
	}
	log_event(LOG_LV_INFO, add ? "alias_added" : "alias_removed", "instance=%s", conf->name);
	agent_remember(agent, "%s: address %s", conf->name, add ? "added" : "removed");
}

/* --- calls to AWS ------------------------------------------------------------------------- */

/* Somebody is about to act on the answer: the API budget has something left for that. */
static bool is_urgent(const struct agent *agent, unsigned int instance)
{
	const struct instance *in = &agent->instances[instance];
	int owner = in->record.owner;

	if (in->state == CORE_MASTER)
		return in->flags & FLAG_UNCONFIRMED;
	if (in->state != CORE_BACKUP || owner < 0 || (unsigned int)owner == agent->conf->self)
		return true;
	return mono_now() - in->view[owner].act_seen > agent->core.config.timers.dead_after;
}

/* A node that is not on its own host asks nothing, so it learns nothing to act on. */
static void check_host(struct agent *agent, struct aws_job *job)
{
	agent_look_for_address(agent);
	if (!agent->address_seen)
		(void)snprintf(job->error, sizeof(job->error),
			       "no interface of this host carries the address of node %s",
			       agent->conf->nodes[agent->conf->self].name);
}

static void submit(struct agent *agent, const struct action *act, struct aws_job *job)
{
	job->op = act->op;
	job->instance = agent->conf->instances[act->instance].id;
	job->table = act->table;
	job->not_after = act->not_after;
	job->deadline = act->deadline;
	job->urgent = is_urgent(agent, act->instance);
	check_host(agent, job);
	aws_submit(agent->aws, job);
}

/*
 * Without memory for a call its answer would never come. A clean end is
 * better: systemd starts us again and we adopt what we find, without a flap.
 */
static void out_of_memory(struct agent *agent)
{
	log_event(LOG_LV_ERROR, "no_memory", "effect=\"ending; the restart adopts\"");
	agent->out_of_memory = true;
	ev_break(agent->loop, EVBREAK_ALL);
}

static void call_param(struct agent *agent, const struct action *act)
{
	const struct conf_instance *conf = &agent->conf->instances[act->instance];
	bool put = act->type == ACT_PARAM_PUT;
	struct aws_job *job = aws_job_new(put ? AWS_PARAM_PUT : AWS_PARAM_GET);

	if (!job) {
		out_of_memory(agent);
		return;
	}
	(void)snprintf(job->name, sizeof(job->name), "%s", conf->parameter);
	if (put) {
		(void)snprintf(job->value, sizeof(job->value), "%s",
			       agent->conf->nodes[agent->conf->self].name);
		job->overwrite = !act->create;
		(void)snprintf(job->type, sizeof(job->type), "%s",
			       agent->extra[act->instance].type);
	}
	submit(agent, act, job);
}

static void call_touch(struct agent *agent, const struct action *act)
{
	bool put = act->type == ACT_TOUCH_PUT;
	struct aws_job *job = aws_job_new(put ? AWS_PARAM_PUT : AWS_PARAM_GET);
	struct touch touch;

	if (!job) {
		out_of_memory(agent);
		return;
	}
	(void)snprintf(job->name, sizeof(job->name), "%s.%s", agent->conf->touch_prefix,
		       agent->conf->nodes[act->node].name);
	if (put) {
		core_touch(&agent->core, &touch);
		(void)touch_format(&touch, job->value,
				   sizeof(job->value)); /* size checked at load */
		job->overwrite = true;
	}
	job->op = act->op;
	job->instance = AGENT_TOUCH;
	job->urgent = true; /* asked for only where an owner is silent */
	job->table = agent->conf->nodes[act->node].id;
	job->not_after = act->not_after;
	job->deadline = act->deadline;
	check_host(agent, job);
	aws_submit(agent->aws, job);
}

/* Is that node's machine still there? Without its id the job comes back unsent. */
static void call_instance(struct agent *agent, const struct action *act)
{
	struct aws_job *job = aws_job_new(AWS_INSTANCE);

	if (!job) {
		out_of_memory(agent);
		return;
	}
	(void)snprintf(job->instance_id, sizeof(job->instance_id), "%s",
		       agent->node_instance[act->node]);
	if (!job->instance_id[0])
		(void)snprintf(job->error, sizeof(job->error), "the instance of %s is not known",
			       agent->conf->nodes[act->node].name);
	job->op = act->op;
	job->instance = AGENT_TOUCH; /* of no instance; it may run beside any write */
	job->table = agent->conf->nodes[act->node].id;
	job->not_after = act->not_after;
	job->deadline = act->deadline;
	aws_submit(agent->aws, job);
}

static void call_route(struct agent *agent, const struct action *act)
{
	const struct conf_instance *conf = &agent->conf->instances[act->instance];
	struct aws_job *job =
		aws_job_new(act->type == ACT_ROUTE_SET ? AWS_ROUTE_SET : AWS_ROUTE_GET);

	if (!job) {
		out_of_memory(agent);
		return;
	}
	(void)snprintf(job->table_id, sizeof(job->table_id), "%s",
		       agent_table_id(agent, act->instance, act->table));
	job->vip = *agent_route_vip(agent, act->instance, act->table);
	job->create = conf->create_route;
	job->target_instance = conf->target == CONF_TARGET_INSTANCE;
	if (agent->conf->instance_count > 1 || conf->vip_count > 1)
		job->patience = is_urgent(agent, act->instance) ? GATHER_URGENT : GATHER_QUIET;
	memcpy(job->interface, conf->interface, sizeof(job->interface));
	submit(agent, act, job);
}

/* --- the list --------------------------------------------------------------------------------- */

/* The core asks for it at every tick until it comes to pass: the first time counts. */
static void leave_loop(struct agent *agent)
{
	if (ev_is_active(&agent->exit_timer))
		return;
	for (unsigned int i = 0; i < agent->conf->instance_count && agent->core.stopping; i++) {
		struct action act = {.instance = i,
				     .old_state = agent->instances[i].state,
				     .state = agent->instances[i].state,
				     .reason = REASON_STOPPING};

		tell_scripts(agent, &act, "STOP");
	}
	/* A moment for the last notifications; never more. */
	ev_timer_set(&agent->exit_timer, 0.0, 0.0);
	if (agent->core.stopping && !notify_idle(agent->notify))
		ev_timer_set(&agent->exit_timer, 0.2, 0.0);
	ev_timer_start(agent->loop, &agent->exit_timer);
}

void agent_apply(struct agent *agent, const struct action *act)
{
	/* The core orders no such thing (observe.c); should it once, nothing happens all the same.
	 */
	if (agent->conf->observe && core_changes(act->type)) {
		log_event(LOG_LV_ERROR, "observe_refused", "action=%d", (int)act->type);
		return;
	}
	switch (act->type) {
	case ACT_HELLO:
		send_hello(agent);
		break;
	case ACT_STATE:
		state_changed(agent, act);
		break;
	case ACT_NOTE:
		noted(agent, act);
		break;
	case ACT_ALIAS_ADD:
		plumb(agent, act, true);
		break;
	case ACT_ALIAS_DEL:
		plumb(agent, act, false);
		break;
	case ACT_CANCEL:
		aws_cancel(agent->aws, agent->conf->instances[act->instance].id);
		break;
	case ACT_PARAM_GET:
	case ACT_PARAM_PUT:
		call_param(agent, act);
		break;
	case ACT_TOUCH_GET:
	case ACT_TOUCH_PUT:
		call_touch(agent, act);
		break;
	case ACT_ROUTE_GET:
	case ACT_ROUTE_SET:
		call_route(agent, act);
		break;
	case ACT_EXIT:
		leave_loop(agent);
		break;
	case ACT_GATE:
	case ACT_PROMOTE:
	case ACT_FENCE:
	case ACT_RELEASE:
		agent_database_duty(agent, act);
		break;
	case ACT_EVIDENCE_GET:
		call_instance(agent, act);
		break;
	case ACT_TYPES:
		break;
	}
}
