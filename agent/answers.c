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

static int route_target(const struct agent *agent, const struct aws_job *job)
{
	if (job->route == AWS_ROUTE_MISSING)
		return TARGET_MISSING;
	if (job->route_is_ours)
		return (int)agent->conf->self;
	if (job->route == AWS_ROUTE_BLACKHOLE)
		return TARGET_OTHER;
	for (unsigned int n = 0; n < agent->conf->node_count; n++)
		if (agent->node_eni[n][0] && strcmp(agent->node_eni[n], job->route_eni) == 0)
			return (int)n;
	return TARGET_OTHER;
}

static void route_done(struct agent *agent, const struct aws_job *job)
{
	struct agent_route *route = &agent->extra[job->instance].routes[job->table];
	bool set = job->call == AWS_ROUTE_SET;

	if (!agent_table_is(agent, job))
		return; /* the set of tables has changed since; the core has forgotten it too */

	if (job->outcome == OUTCOME_OK)
		(void)snprintf(route->target, sizeof(route->target), "%s",
			       set ? agent->identity.eni : job->route_eni);
	if (set_text(&route->error, job->error))
		log_change(agent->conf->instances[job->instance].name, job->table_id, job);
	if (set && job->outcome == OUTCOME_OK)
		log_event(LOG_LV_INFO, "route_set", "instance=%s table=%s took_ms=%lld",
			  agent->conf->instances[job->instance].name, job->table_id,
			  (long long)((job->done - job->sent) / MSEC));
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

static void check_off(struct agent *agent)
{
	struct aws_job *job = aws_job_new(AWS_TARGET_FIX);

	if (!job)
		return; /* again in a minute */
	job->instance = AGENT_TOUCH;
	job->table = agent->conf->self;
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
			  agent->identity.eni);
		agent_remember(agent, "source/destination check of %s switched off",
			       agent->identity.eni);
		agent_check_target(agent);
	} else if (log_gate(&gate, 600, &held)) {
		log_change("-", "source_dest_check", job);
	}
}

static void own_interface_done(struct agent *agent, const struct aws_job *job)
{
	bool before = agent->source_dest_check;

	if (strcmp(agent->target_error, job->error) != 0) {
		(void)snprintf(agent->target_error, sizeof(agent->target_error), "%s", job->error);
		log_change("-", "interface", job);
	}
	if (job->outcome == OUTCOME_OK) {
		agent->target_checked = true;
		agent->source_dest_check = job->source_dest_check;
	} else if (job->outcome == OUTCOME_DENIED || job->outcome == OUTCOME_REFUSED ||
		   job->outcome == OUTCOME_ABSENT) {
		agent->target_checked = false; /* an outage in between proves nothing */
	}
	if (agent->source_dest_check != before)
		log_event(agent->source_dest_check ? LOG_LV_ERROR : LOG_LV_INFO,
			  "source_dest_check",
			  "state=%s interface=%s hint=\"must be off, or no traffic for the VIP "
			  "passes: aws ec2 modify-network-interface-attribute "
			  "--network-interface-id %s --no-source-dest-check\"",
			  agent->source_dest_check ? "on" : "off", agent->identity.eni,
			  agent->identity.eni);
	if (job->outcome == OUTCOME_OK && agent->source_dest_check &&
	    agent->conf->aws.source_dest_check == CONF_CHECK_FIX)
		check_off(agent);
	feed_target(agent);
}

static void interface_done(struct agent *agent, const struct aws_job *job)
{
	if (job->table == agent->conf->self)
		own_interface_done(agent, job);
	else if (job->outcome == OUTCOME_OK)
		(void)snprintf(agent->node_eni[job->table], sizeof(agent->node_eni[0]), "%s",
			       job->route_eni);
}

/* Looks up every node's interface by its address: ours for the check, the
 * others' so that a route's target has a name. */
void agent_check_target(struct agent *agent)
{
	mono_us now = mono_now();

	for (unsigned int n = 0; agent->identity.known && n < agent->conf->node_count; n++) {
		struct aws_job *job = aws_job_new(AWS_TARGET_CHECK);

		if (!job)
			return; /* again in a minute */
		job->instance = AGENT_TOUCH;
		job->table = n;
		if (n != agent->conf->self)
			job->vip = agent->conf->nodes[n].address;
		job->not_after = now + agent->core.config.timers.route_call;
		job->deadline = job->not_after;
		aws_submit(agent->aws, job);
	}
}

void agent_on_identity(void *arg, const struct aws_identity *identity)
{
	struct agent *agent = arg;

	if (identity->problem[0] && strcmp(identity->problem, agent->identity.problem) != 0)
		log_event(LOG_LV_ERROR, "aws_identity", "problem=\"%s\"", identity->problem);
	else if (identity->known && !agent->identity.known)
		log_event(LOG_LV_INFO, "aws_identity",
			  "region=%s instance=%s eni=%s zone=%s role=%s", identity->region,
			  identity->instance_id, identity->eni, identity->zone, identity->role);
	agent->identity = *identity;
	agent_check_target(agent);
	if (identity->known)
		agent_tables_look(agent);
	feed_target(agent);
}

void agent_on_job(void *arg, struct aws_job *job)
{
	struct agent *agent = arg;

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
	case AWS_ASK:
	case AWS_CALLS:
		break; /* never asked by the daemon */
	}
	aws_job_free(job);
}
