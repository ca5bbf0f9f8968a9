/* SPDX-License-Identifier: MIT */
/*
 * What comes back from AWS: each finished job becomes one event for the core,
 * and its words are kept for people. Names are turned into node indexes here;
 * the core never sees a string.
 */
#include "agent/agent.h"

#include <stdlib.h>
#include <string.h>

#include "agent/base/log.h"
#include "agent/touch.h"

#define LOOK_AGAIN 3.0 /* seconds */

/* Keeps @text at *@place; true when it changed. Empty is NULL. */
static bool set_text(char **place, const char *text)
{
	if ((*place && strcmp(*place, text) == 0) || (!*place && text[0] == '\0'))
		return false;
	free(*place);
	*place = text[0] ? strdup(text) : NULL; /* without memory: no words, no harm */
	return true;
}

/* One line when an error appears, changes or goes; repeats are in the counters. */
static void log_change(const char *instance, const char *what, const struct aws_job *job)
{
	if (job->error[0])
		log_event(LOG_LV_WARNING, "aws_call", "instance=%s what=%s outcome=%s error=\"%s\"",
			  instance, what, outcome_name(job->outcome), job->error);
	else
		log_event(LOG_LV_INFO, "aws_call", "instance=%s what=%s outcome=%s", instance, what,
			  outcome_name(job->outcome));
}

/* --- parameter and touch ---------------------------------------------------------- */

static void param_done(struct agent *agent, const struct aws_job *job)
{
	struct agent_instance *extra = &agent->extra[job->instance];
	bool put = job->call == AWS_PARAM_PUT;
	int node = conf_node_by_name(agent->conf, job->value);

	if (!put && job->outcome == OUTCOME_OK)
		memcpy(extra->type, job->type, sizeof(extra->type));
	else if (!put && job->outcome == OUTCOME_ABSENT)
		extra->type[0] = '\0';
	if (!put && job->outcome == OUTCOME_OK)
		(void)snprintf(extra->value, sizeof(extra->value), "%.*s",
			       (int)sizeof(extra->value) - 1, job->value);
	if (set_text(&extra->record_error, job->error))
		log_change(agent->conf->instances[job->instance].name, "parameter", job);
	agent_feed(agent, &(struct event){
				  .type = put ? EV_PARAM_WRITTEN : EV_PARAM_READ,
				  .instance = job->instance,
				  .op = job->op,
				  .outcome = job->outcome,
				  .sent = job->sent,
				  .owner = node >= 0 ? node : OWNER_STRANGER,
				  .version = (uint64_t)job->version,
				  .mtime = job->mtime,
			  });
}

static void touch_done(struct agent *agent, const struct aws_job *job)
{
	struct touch touch = {.count = 0};
	static struct log_gate gate;
	unsigned int held;

	if (job->error[0] && log_gate(&gate, 30, &held))
		log_change("-", "touch", job);
	if (job->call == AWS_PARAM_GET && job->outcome == OUTCOME_OK &&
	    touch_parse(job->value, &touch) < 0)
		log_event(LOG_LV_WARNING, "touch_unreadable", "parameter=%s", job->name);
	agent_feed(agent,
		   &(struct event){
			   .type = job->call == AWS_PARAM_PUT ? EV_TOUCH_WRITTEN : EV_TOUCH_READ,
			   .node = (int)job->table,
			   .op = job->op,
			   .outcome = job->outcome,
			   .sent = job->sent,
			   .version = (uint64_t)job->version,
			   .mtime = job->mtime,
			   .touch = &touch,
		   });
}

/* --- routes --------------------------------------------------------------------------- */

/* A node may have other interfaces than the one its heartbeats come from. */
static bool points_at(const struct agent *agent, const struct aws_job *job, unsigned int node)
{
	const char *eni = agent->node_eni[node];
	const char *instance = agent->node_instance[node];

	return (eni[0] && strcmp(eni, job->route_eni) == 0) ||
	       (instance[0] && node != agent->conf->self &&
		strcmp(instance, job->route_instance) == 0);
}

static int route_target(const struct agent *agent, const struct aws_job *job)
{
	if (job->route == AWS_ROUTE_MISSING)
		return TARGET_MISSING;
	if (job->route_is_ours)
		return (int)agent->conf->self;
	if (job->route == AWS_ROUTE_BLACKHOLE)
		return TARGET_BLACKHOLE;
	for (unsigned int n = 0; n < agent->conf->node_count; n++)
		if (points_at(agent, job, n))
			return (int)n;
	return TARGET_OTHER;
}

static void route_done(struct agent *agent, const struct aws_job *job)
{
	struct agent_route *route = &agent->extra[job->instance].routes[job->table];
	bool set = job->call == AWS_ROUTE_SET;

	if (job->outcome == OUTCOME_OK)
		(void)snprintf(route->target, sizeof(route->target), "%s", job->route_eni);
	if (set_text(&route->error, job->error))
		log_change(agent->conf->instances[job->instance].name, job->table_id, job);
	if (set && job->outcome == OUTCOME_OK) {
		const char *name = agent->conf->instances[job->instance].name;
		long long took_ms = (long long)((job->done - job->sent) / MSEC);

		log_event(LOG_LV_INFO, "route_set", "instance=%s table=%s took_ms=%lld", name,
			  job->table_id, took_ms);
		agent_remember(agent, "%s: route in %s written, %lld ms", name, job->table_id,
			       took_ms);
	}
	agent_feed(agent, &(struct event){
				  .type = set ? EV_ROUTE_WRITTEN : EV_ROUTE_READ,
				  .instance = job->instance,
				  .table = job->table,
				  .op = job->op,
				  .outcome = job->outcome,
				  .sent = job->sent,
				  .target = set ? (int)agent->conf->self : route_target(agent, job),
			  });
}

/* --- who we are ------------------------------------------------------------------------- */

static void feed_target(struct agent *agent)
{
	agent_feed(agent, &(struct event){.type = EV_TARGET,
					  .up = agent->identity.known && agent->target_checked,
					  .source_dest_check = agent->source_dest_check});
}

static void check_off(struct agent *agent, const char *interface)
{
	struct aws_job *job = aws_job_new(AWS_TARGET_FIX);

	if (!job)
		return; /* again in a minute */
	job->instance = AGENT_TOUCH;
	job->table = agent->conf->nodes[agent->conf->self].id;
	(void)snprintf(job->interface, sizeof(job->interface), "%s", interface);
	job->not_after = mono_now() + agent->core.config.timers.route_call;
	job->deadline = job->not_after;
	aws_submit(agent->aws, job);
}

/* Was it switched off? The next look says; only a refusal needs words now. */
static void check_off_done(struct agent *agent, const struct aws_job *job)
{
	static struct log_gate gate;
	unsigned int held;

	if (job->outcome == OUTCOME_OK) {
		log_event(LOG_LV_WARNING, "source_dest_check", "action=switched_off interface=%s",
			  job->interface);
		agent_remember(agent, "source/destination check of %s switched off",
			       job->interface);
		agent_check_target(agent);
	} else if (log_gate(&gate, 600, &held)) {
		log_change("-", "source_dest_check", job);
	}
}

static void say_check(const char *eni, bool on)
{
	log_event(on ? LOG_LV_ERROR : LOG_LV_INFO, "source_dest_check",
		  "state=%s interface=%s hint=\"must be off, or no traffic for the VIP passes: aws "
		  "ec2 modify-network-interface-attribute --network-interface-id %s "
		  "--no-source-dest-check\"",
		  on ? "on" : "off", eni, eni);
}

/* The node is only as good as the worst of its interfaces: the core knows one target. */
static void sum_up_checks(struct agent *agent)
{
	agent->target_checked = agent->identity.interface_count > 0 && agent->address_checked &&
				!agent->clone_error[0];
	agent->source_dest_check = false;
	for (unsigned int i = 0; i < agent->identity.interface_count; i++) {
		agent->target_checked &= agent->checks_of[i].checked;
		agent->source_dest_check |= agent->checks_of[i].on;
	}
}

/* No answer, and nothing known yet: this node waits for it to be of any use. */
static void look_again_soon(struct agent *agent, const struct aws_job *job)
{
	if (agent->target_checked ||
	    (job->outcome != OUTCOME_UNKNOWN && job->outcome != OUTCOME_THROTTLED &&
	     job->outcome != OUTCOME_NOT_SENT))
		return;
	ev_timer_stop(agent->loop, &agent->target_timer);
	ev_timer_set(&agent->target_timer, LOOK_AGAIN, agent->target_timer.repeat);
	ev_timer_start(agent->loop, &agent->target_timer);
}

static void own_interface_done(struct agent *agent, const struct aws_job *job)
{
	const struct aws_identity *self = &agent->identity;
	unsigned int i = 0;

	while (i < self->interface_count && strcmp(self->interfaces[i].name, job->interface) != 0)
		i++;
	if (i == self->interface_count)
		return; /* asked before the identity changed */
	if (strcmp(agent->target_error, job->error) != 0) {
		(void)snprintf(agent->target_error, sizeof(agent->target_error), "%s", job->error);
		log_change("-", "interface", job);
	}
	if (job->outcome == OUTCOME_OK) {
		if (agent->checks_of[i].on != job->source_dest_check)
			say_check(job->route_eni, job->source_dest_check);
		agent->checks_of[i].checked = true;
		agent->checks_of[i].on = job->source_dest_check;
		if (job->source_dest_check && agent->conf->aws.source_dest_check == CONF_CHECK_FIX)
			check_off(agent, job->interface);
	} else if (job->outcome == OUTCOME_DENIED || job->outcome == OUTCOME_REFUSED ||
		   job->outcome == OUTCOME_ABSENT) {
		agent->checks_of[i].checked = false; /* an outage in between proves nothing */
	}
	sum_up_checks(agent);
	look_again_soon(agent, job);
	feed_target(agent);
}

/*
 * The address under which this node is configured belongs to another
 * instance: a cloned image, or -i with the wrong name. Such a node must not
 * take the parameter's word for its own.
 */
static void own_address_done(struct agent *agent, const struct aws_job *job)
{
	const char *name = agent->conf->nodes[agent->conf->self].name;
	bool before = agent->clone_error[0];
	char text[IP_TEXT_MAX];

	look_again_soon(agent, job);
	if (job->outcome != OUTCOME_OK && job->outcome != OUTCOME_ABSENT)
		return; /* an outage in between proves nothing */
	agent->address_checked = true;
	agent->clone_error[0] = '\0';
	if (job->outcome == OUTCOME_OK && job->route_instance[0] &&
	    strcmp(job->route_instance, agent->identity.instance_id) != 0)
		(void)snprintf(agent->clone_error, sizeof(agent->clone_error),
			       "node %s has address %s, which is %s's, and this is %s: a cloned "
			       "image? name the node that this is with -i",
			       name, ip_format(&job->vip, text), job->route_instance,
			       agent->identity.instance_id);
	if (agent->clone_error[0] && !before)
		log_event(LOG_LV_ERROR, "duplicate_node", "problem=\"%s\"", agent->clone_error);
	sum_up_checks(agent);
	feed_target(agent);
}

static void interface_done(struct agent *agent, const struct aws_job *job)
{
	if (job->table == agent->conf->self && job->vip.family)
		own_address_done(agent, job);
	else if (job->table == agent->conf->self)
		own_interface_done(agent, job);
	else if (job->outcome == OUTCOME_OK) {
		memcpy(agent->node_eni[job->table], job->route_eni, sizeof(job->route_eni));
		memcpy(agent->node_instance[job->table], job->route_instance,
		       sizeof(job->route_instance));
	}
}

/* @interface: one of ours, or "" with the address of another node's. */
static void ask_interface(struct agent *agent, unsigned int node, const char *interface)
{
	struct aws_job *job = aws_job_new(AWS_TARGET_CHECK);

	if (!job)
		return; /* again in a minute */
	job->instance = AGENT_TOUCH;
	job->table = agent->conf->nodes[node].id;
	(void)snprintf(job->interface, sizeof(job->interface), "%s", interface);
	if (!*interface)
		job->vip = agent->conf->nodes[node].address;
	job->not_after = mono_now() + agent->core.config.timers.route_call;
	job->deadline = job->not_after;
	aws_submit(agent->aws, job);
}

/* Looks up our interfaces for the check, and every node's by its address: so
 * that a route's target has a name, and that ours is ours. */
void agent_check_target(struct agent *agent)
{
	const struct aws_identity *self = &agent->identity;

	if (!self->known)
		return;
	for (unsigned int i = 0; i < self->interface_count; i++)
		ask_interface(agent, agent->conf->self, self->interfaces[i].name);
	for (unsigned int n = 0; n < agent->conf->node_count; n++)
		ask_interface(agent, n, "");
}

void agent_on_identity(void *arg, const struct aws_identity *identity)
{
	struct agent *agent = arg;
	struct aws_notice before[AWS_NOTICES];
	bool known_anew;

	if (identity->problem[0] && strcmp(identity->problem, agent->identity.problem) != 0)
		log_event(LOG_LV_ERROR, "aws_identity", "problem=\"%s\"", identity->problem);
	else if (identity->known && !agent->identity.known)
		log_event(LOG_LV_INFO, "aws_identity",
			  "region=%s instance=%s eni=%s zone=%s credentials=\"%s\"",
			  identity->region, identity->instance_id, identity->eni, identity->zone,
			  identity->source);
	memcpy(before, agent->identity.notices, sizeof(before));
	known_anew = agent->identity.generation != identity->generation;
	agent->identity = *identity;
	agent_on_notices(agent, before);
	if (!known_anew)
		return; /* nothing that concerns the target */
	agent_check_target(agent);
	if (identity->known)
		agent_tables_look(agent);
	feed_target(agent);
}

/* Only a machine that cannot be serving is evidence; what AWS calls pending may be. */
static void instance_done(struct agent *agent, const struct aws_job *job)
{
	static const char *const gone[] = {"stopping", "stopped", "shutting-down", "terminated"};
	const char *name = agent->conf->nodes[job->table].name;
	bool up = true;

	for (size_t i = 0; i < sizeof(gone) / sizeof(gone[0]); i++)
		up &= strcmp(job->instance_state, gone[i]) != 0;
	if (job->outcome == OUTCOME_OK)
		log_event(LOG_LV_INFO, "evidence", "node=%s instance=%s state=%s", name,
			  job->instance_id, job->instance_state);
	else
		log_event(LOG_LV_WARNING, "evidence", "node=%s error=\"%s\"", name, job->error);
	agent_feed(agent, &(struct event){.type = EV_EVIDENCE,
					  .node = (int)job->table,
					  .op = job->op,
					  .outcome = job->outcome,
					  .sent = job->sent,
					  .up = up});
}

/* By what it leads to: the set of tables may be another since, and then the core has begun
 * anew with those that have another number. */
static bool find_route(const struct agent *agent, struct aws_job *job)
{
	int route = agent_route_by(agent, job->instance, job->table_id, &job->vip);

	job->table = (unsigned int)route;
	return route >= 0;
}

/* From ids to the numbers of the present configuration; false: it is of something gone. */
static bool find(const struct agent *agent, struct aws_job *job)
{
	const struct conf *conf = agent->conf;
	unsigned int i = 0;

	if (job->instance == AGENT_TOUCH) {
		while (i < conf->node_count && conf->nodes[i].id != job->table)
			i++;
		job->table = i;
		return i < conf->node_count;
	}
	while (i < conf->instance_count && conf->instances[i].id != job->instance)
		i++;
	job->instance = i;
	return i < conf->instance_count &&
	       ((job->call != AWS_ROUTE_GET && job->call != AWS_ROUTE_SET) ||
		find_route(agent, job));
}

void agent_on_job(void *arg, struct aws_job *job)
{
	struct agent *agent = arg;

	if (!find(agent, job)) {
		aws_job_free(job);
		return;
	}
	switch (job->call) {
	case AWS_PARAM_GET:
	case AWS_PARAM_PUT:
		if (job->instance == AGENT_TOUCH)
			touch_done(agent, job);
		else
			param_done(agent, job);
		break;
	case AWS_ROUTE_GET:
	case AWS_ROUTE_SET:
		route_done(agent, job);
		break;
	case AWS_TARGET_CHECK:
		interface_done(agent, job);
		break;
	case AWS_TARGET_FIX:
		check_off_done(agent, job);
		break;
	case AWS_TABLES:
		agent_tables_done(agent, job);
		break;
	case AWS_INSTANCE:
		instance_done(agent, job);
		break;
	case AWS_ASK:
	case AWS_CALLS:
		break; /* never asked by the daemon */
	}
	aws_job_free(job);
}
