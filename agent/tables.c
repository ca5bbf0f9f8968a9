/* SPDX-License-Identifier: MIT */
/*
 * Which route tables an instance has: those of the configuration, and those
 * found in the VPC by 'discover' and 'tag' (zonevip.conf(5), route_table).
 * Looked for again at a low rate; between two looks the set is fixed. May not
 * decide what a table's route means: the core is told that the set is another
 * and reads what is new in it.
 *
 * A table found because it carried the address stays for as long as it exists:
 * a route that somebody deleted is to be mended, not to be forgotten. One
 * found by its tag goes with its tag.
 */
#include "agent/agent.h"

#include <stdlib.h>
#include <string.h>

#include "agent/base/log.h"

#define AGAIN_SOON 10.0 /* seconds, after a failure */

static bool discovers(const struct conf_instance *conf)
{
	return conf->discover || conf->discover_tag[0];
}

const char *agent_table_id(const struct agent *agent, unsigned int instance, unsigned int route)
{
	return agent->extra[instance].tables[route / agent->conf->instances[instance].vip_count].id;
}

const struct ip *agent_route_vip(const struct agent *agent, unsigned int instance,
				 unsigned int route)
{
	const struct conf_instance *conf = &agent->conf->instances[instance];

	return &conf->vips[route % conf->vip_count].address;
}

int agent_route_by(const struct agent *agent, unsigned int instance, const char *table,
		   const struct ip *vip)
{
	for (unsigned int r = 0; r < agent->extra[instance].route_count; r++)
		if (strcmp(agent_table_id(agent, instance, r), table) == 0 &&
		    ip_equal(agent_route_vip(agent, instance, r), vip))
			return (int)r;
	return -1;
}

/* --- looking -------------------------------------------------------------------------- */

void agent_tables_wake(struct agent *agent, unsigned int instance, double seconds)
{
	ev_timer *timer = &agent->extra[instance].tables_timer;

	ev_timer_stop(agent->loop, timer);
	ev_timer_set(timer, seconds, 0.0);
	ev_timer_start(agent->loop, timer);
}

/* The first VIP says what is looked for; the others move with it. */
static void look(struct agent *agent, unsigned int instance)
{
	const struct conf_instance *conf = &agent->conf->instances[instance];
	struct aws_job *job = aws_job_new(AWS_TABLES);
	mono_us now = mono_now();

	agent_tables_wake(agent, instance, AGAIN_SOON); /* unless the answer says otherwise */
	if (!job)
		return;
	job->instance = conf->id;
	job->vip = conf->vips[0].address;
	(void)snprintf(job->tag, sizeof(job->tag), "%s", conf->discover_tag);
	job->not_after = now + agent->core.config.timers.route_call;
	job->deadline = job->not_after;
	aws_submit(agent->aws, job);
}

static void on_timer(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct agent *agent = timer->data;

	(void)loop;
	(void)events;
	for (unsigned int i = 0; i < agent->conf->instance_count; i++)
		if (timer == &agent->extra[i].tables_timer)
			look(agent, i);
}

void agent_tables_look(struct agent *agent)
{
	for (unsigned int i = 0; i < agent->conf->instance_count; i++)
		if (discovers(&agent->conf->instances[i]))
			look(agent, i);
}

/* --- what was found ----------------------------------------------------------------------- */

/* The set while it is being made of the old one and of what was found. */
struct making {
	struct agent_table tables[CONF_ROUTES_MAX];
	unsigned int count;
	unsigned int room;
	unsigned int left_out;
};

static bool holds(const struct agent_table *tables, unsigned int count, const char *id)
{
	for (unsigned int i = 0; i < count; i++)
		if (strcmp(tables[i].id, id) == 0)
			return true;
	return false;
}

static void take(struct making *making, const char *id, bool found)
{
	struct agent_table *table = &making->tables[making->count];

	if (holds(making->tables, making->count, id))
		return;
	if (making->count == making->room) {
		making->left_out++;
		return;
	}
	making->count++;
	table->found = found;
	(void)snprintf(table->id, sizeof(table->id), "%s", id);
}

static const struct aws_table *answered(const struct aws_job *job, const char *id)
{
	for (unsigned int i = 0; i < job->table_count; i++)
		if (strcmp(job->tables[i].id, id) == 0)
			return &job->tables[i];
	return NULL;
}

/* Keeps the old order, so that as few numbers as possible change. */
static void make(const struct agent *agent, const struct aws_job *job, struct making *making)
{
	const struct agent_instance *extra = &agent->extra[job->instance];

	making->room = extra->table_room;
	for (unsigned int i = 0; i < extra->table_count; i++)
		if (!extra->tables[i].found || answered(job, extra->tables[i].id))
			take(making, extra->tables[i].id, extra->tables[i].found);
	for (unsigned int i = 0; i < job->table_count; i++)
		if (job->tag[0] || job->tables[i].carries)
			take(making, job->tables[i].id, true);
}

static void forget_words(struct agent_instance *extra, unsigned int from)
{
	for (unsigned int r = from; r < extra->route_room; r++) {
		free(extra->routes[r].error);
		extra->routes[r] = (struct agent_route){.target = ""};
	}
}

static void say(struct agent *agent, unsigned int instance, const struct making *making)
{
	const struct agent_instance *extra = &agent->extra[instance];
	const char *name = agent->conf->instances[instance].name;

	for (unsigned int i = 0; i < making->count; i++)
		if (!holds(extra->tables, extra->table_count, making->tables[i].id)) {
			log_event(LOG_LV_INFO, "route_table_found", "instance=%s table=%s", name,
				  making->tables[i].id);
			agent_remember(agent, "%s: route table %s found", name,
				       making->tables[i].id);
		}
	for (unsigned int i = 0; i < extra->table_count; i++)
		if (!holds(making->tables, making->count, extra->tables[i].id)) {
			log_event(LOG_LV_WARNING, "route_table_gone", "instance=%s table=%s", name,
				  extra->tables[i].id);
			agent_remember(agent, "%s: route table %s is gone", name,
				       extra->tables[i].id);
		}
	if (making->left_out)
		log_event(LOG_LV_ERROR, "route_tables_left_out",
			  "instance=%s count=%u hint=\"one instance has room for %d routes\"", name,
			  making->left_out, CONF_ROUTES_MAX);
	if (making->count == 0)
		log_event(LOG_LV_ERROR, "no_route_table",
			  "instance=%s hint=\"no table of the VPC carries the address or the tag: "
			  "create the first route by hand, or list the tables\"",
			  name);
}

static void adopt(struct agent *agent, unsigned int instance, const struct making *making)
{
	struct agent_instance *extra = &agent->extra[instance];
	unsigned int vips = agent->conf->instances[instance].vip_count;
	unsigned int same = 0;

	while (same < making->count && same < extra->table_count &&
	       strcmp(making->tables[same].id, extra->tables[same].id) == 0)
		same++;
	if (same < making->count || same < extra->table_count || making->count == 0) {
		say(agent, instance, making);
		memcpy(extra->tables, making->tables, making->count * sizeof(making->tables[0]));
		extra->table_count = making->count;
		extra->route_count = vips * making->count;
		forget_words(extra, vips * same);
	}
	agent_feed(agent, &(struct event){.type = EV_TABLES,
					  .instance = instance,
					  .table = vips * same,
					  .count = vips * making->count});
}

void agent_tables_done(struct agent *agent, const struct aws_job *job)
{
	const struct conf_instance *conf = &agent->conf->instances[job->instance];
	struct agent_instance *extra = &agent->extra[job->instance];
	struct making making = {.count = 0};
	static struct log_gate gate;
	unsigned int held;

	if (!discovers(conf) || !ip_equal(&job->vip, &conf->vips[0].address))
		return; /* asked under another configuration */
	if (job->outcome != OUTCOME_OK) {
		if (log_gate(&gate, 300, &held))
			log_event(LOG_LV_WARNING, "aws_call",
				  "instance=%s what=route_tables outcome=%s error=\"%s\"",
				  conf->name, outcome_name(job->outcome), job->error);
		agent_feed(agent, &(struct event){.type = EV_TABLES,
						  .instance = job->instance,
						  .table = extra->route_count,
						  .count = extra->route_count});
		return;
	}
	make(agent, job, &making);
	adopt(agent, job->instance, &making);
	agent_tables_wake(agent, job->instance, mono_seconds(conf->discover_interval));
}

/* --- open and close --------------------------------------------------------------------------- */

void agent_tables_carry(struct agent *agent, unsigned int instance,
			const struct agent_instance *before)
{
	struct agent_instance *extra = &agent->extra[instance];
	bool carried = discovers(&agent->conf->instances[instance]);

	for (unsigned int i = 0; i < before->table_count && carried; i++)
		if (before->tables[i].found && extra->table_count < extra->table_room &&
		    !holds(extra->tables, extra->table_count, before->tables[i].id))
			extra->tables[extra->table_count++] = before->tables[i];
	extra->route_count = agent->conf->instances[instance].vip_count * extra->table_count;
}

int agent_tables_open(struct agent *agent, unsigned int instance)
{
	const struct conf_instance *conf = &agent->conf->instances[instance];
	struct agent_instance *extra = &agent->extra[instance];

	extra->table_room = discovers(conf) ? CONF_ROUTES_MAX / conf->vip_count : conf->table_count;
	extra->tables = calloc(extra->table_room, sizeof(*extra->tables));
	if (!extra->tables)
		return -1;
	for (unsigned int i = 0; i < conf->table_count; i++)
		memcpy(extra->tables[i].id, conf->tables[i], sizeof(extra->tables[i].id));
	extra->table_count = conf->table_count;
	ev_timer_init(&extra->tables_timer, on_timer, 0.0, 0.0);
	extra->tables_timer.data = agent;
	return 0;
}

void agent_tables_close(struct agent *agent, unsigned int instance)
{
	struct agent_instance *extra = &agent->extra[instance];

	ev_timer_stop(agent->loop, &extra->tables_timer);
	free(extra->tables);
	extra->tables = NULL;
}
