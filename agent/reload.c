/* SPDX-License-Identifier: MIT */
/*
 * Another configuration while everything goes on: the file is read into a tree
 * of its own, held against the one in force, and taken whole or not at all.
 * Everything that can fail is made before anything is changed; then the core
 * goes over (core_carry), and only those shells are opened anew whose own
 * settings are other ones. What may not happen here: a wait, or a decision
 * about ownership.
 *
 * An acting instance that the file does not have any more hands over first;
 * the file waits for that, and is not taken when the hand-over is refused.
 *
 * Long because what changes places, and in which order, is one list: whoever
 * adds something that is made of the configuration must see the whole of it.
 */
#include "agent/agent.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/awsconf.h"
#include "agent/base/log.h"
#include "agent/memory.h"
#include "conf/diff.h"

#define LEAVE_PERIOD 0.1
#define LEAVE_MAX (60 * SEC)

/* What of the daemon a change concerns beside the core. */
struct effects {
	bool any;
	bool aws;
	bool interfaces; /* of the instances: others than before */
	bool nodes;	 /* where they are */
	bool tables;	 /* of some instance, or where they lead */
	bool socket;
	bool watches;
	bool checks[CONF_TRACKS_MAX]; /* of the new configuration */
	struct buf *out;	      /* the changes in words, NULL = nobody asks */
	const struct conf *to;
};

/* Everything that a new configuration may replace. */
struct parts {
	struct conf *conf;
	struct core core;
	struct instance *instances;
	struct route *routes;
	struct agent_instance *extra;
	struct agent_database *databases;
	struct stage_run *runs;
	struct heartbeat *heartbeat;
	struct aws *aws;
	struct watcher *watch;
	struct mycheck *checks[CONF_TRACKS_MAX];
	struct mycheck_result results[CONF_TRACKS_MAX];
	enum mycheck_role roles[CONF_TRACKS_MAX];
	char node_eni[CORE_NODES_MAX][AWS_ID_MAX];
	char node_instance[CORE_NODES_MAX][AWS_ID_MAX];
};

/* --- what is other ------------------------------------------------------------------------ */

static bool is_word(const char *item, const char *word)
{
	size_t length = strlen(word);

	return strncmp(item, word, length) == 0 && (item[length] == ' ' || item[length] == '\0');
}

static int track_by_name(const struct conf *conf, const char *name)
{
	for (unsigned int k = 0; k < conf->track_count; k++)
		if (strcmp(conf->tracks[k].name, name) == 0)
			return (int)k;
	return -1;
}

/* Counted and judged by the core and by agent.c: the worker does not know these. */
static bool concerns_worker(const char *item)
{
	return !is_word(item, "rise") && !is_word(item, "fall") && !is_word(item, "unfit_on");
}

static void on_change(void *arg, const struct conf_change *change)
{
	struct effects *effects = arg;
	int track = track_by_name(effects->to, change->name);
	const char *self = effects->to->nodes[effects->to->self].name;

	effects->any = true;
	effects->nodes |= strcmp(change->block, "node") == 0;
	effects->tables |=
		is_word(change->item, "route_table") || is_word(change->item, "virtual_ipaddress");
	effects->watches |= strcmp(change->block, "vrrp_script") == 0 ||
			    strcmp(change->block, "track_file") == 0 ||
			    strcmp(change->block, "track_process") == 0;
	if (strcmp(change->block, "aws") == 0 && !is_word(change->item, "api_budget") &&
	    !is_word(change->item, "source_dest_check") &&
	    !is_word(change->item, "maintenance_lead"))
		effects->aws = true;
	else if (strcmp(change->block, "heartbeat") == 0 && is_word(change->item, "port"))
		effects->socket = true;
	else if (strcmp(change->block, "node") == 0 && strcmp(change->name, self) == 0 &&
		 is_word(change->item, "address"))
		effects->socket = true;
	else if (strcmp(change->block, "track_mysql") == 0 && track >= 0 &&
		 concerns_worker(change->item))
		effects->checks[track] = true;
	if (effects->out)
		(void)buf_printf(effects->out, "%c %s\n", change->sign, change->line);
}

/* What the instance that commands the server wants of its check. */
static bool commanded_alike(const struct conf *a, unsigned int i, const struct conf *b,
			    unsigned int j)
{
	const struct conf_instance *was = &a->instances[i], *is = &b->instances[j];

	return agent_commands_database(was) == agent_commands_database(is) &&
	       was->sessions == is->sessions && a->observe == b->observe &&
	       (was->track_count == 0 || is->track_count == 0 ||
		strcmp(a->tracks[was->tracks[0]].name, b->tracks[is->tracks[0]].name) == 0);
}

static void find_checks(const struct conf *from, struct effects *effects)
{
	const struct conf *to = effects->to;

	for (unsigned int k = 0; k < to->track_count; k++)
		effects->checks[k] |= track_by_name(from, to->tracks[k].name) != (int)k ||
				      from->observe != to->observe;
	for (unsigned int i = 0; i < to->instance_count; i++) {
		int was = conf_instance_by_name(from, to->instances[i].name);
		bool alike = was >= 0 ? commanded_alike(from, (unsigned int)was, to, i)
				      : !agent_commands_database(&to->instances[i]);

		if (!alike && to->instances[i].track_count > 0)
			effects->checks[to->instances[i].tracks[0]] = true;
	}
}

/* The same are tracked under the same numbers. */
static bool same_watches(const struct conf *from, const struct conf *to)
{
	bool same = conf_watch_count(from) == conf_watch_count(to);

	for (unsigned int w = 0; same && w < conf_watch_count(to); w++)
		same = agent_watch_by(from, conf_watch_kind(to, w), conf_watch(to, w)->name) ==
		       (int)w;
	return same;
}

/* The worker asks IMDS which interfaces of this host are which. */
static bool same_interfaces(const struct conf *from, const struct conf *to)
{
	struct aws_config was, is;
	struct err err;
	bool same = awsconf_fill(from, &was, &err) == 0 && awsconf_fill(to, &is, &err) == 0 &&
		    was.interface_count == is.interface_count;

	for (unsigned int i = 0; same && i < is.interface_count; i++)
		same = strcmp(was.interfaces[i], is.interfaces[i]) == 0;
	return same;
}

static int find_effects(const struct conf *from, struct effects *effects)
{
	if (conf_diff(from, effects->to, on_change, effects) < 0)
		return -1;
	effects->watches |= !same_watches(from, effects->to);
	effects->interfaces = !same_interfaces(from, effects->to);
	effects->aws |= effects->interfaces;
	find_checks(from, effects);
	return 0;
}

/*
 * What tells a node's words from another's for its peers: were it changed on
 * one host while the others run, they would speak of different things by one name.
 */
static int check_fixed(const struct conf *from, const struct conf *to, struct err *err)
{
	static const char how[] = "is taken at start only: 'zonevipctl stop --keep' on every "
				  "host, then start them; this moves nothing";

	if (strcmp(from->cluster, to->cluster) != 0)
		return err_set(err, "%s: 'cluster' %s", to->path, how);
	if (strcmp(from->touch_prefix, to->touch_prefix) != 0)
		return err_set(err, "%s: 'touch_parameter' %s", to->path, how);
	for (unsigned int i = 0; i < to->instance_count; i++) {
		const struct conf_instance *is = &to->instances[i];
		int was = conf_instance_by_name(from, is->name);

		if (was >= 0 && strcmp(from->instances[was].parameter, is->parameter) != 0)
			return err_set(err, "%s: 'parameter' of %s %s", to->path, is->name, how);
	}
	return 0;
}

static void say_effects(const struct conf *from, const struct effects *effects)
{
	const struct conf *to = effects->to;
	struct buf *out = effects->out;

	for (unsigned int k = 0; k < to->track_count; k++)
		if (effects->checks[k])
			(void)buf_printf(out,
					 "= the check %s begins anew; its last verdict stands "
					 "until the next\n",
					 to->tracks[k].name);
	if (effects->watches)
		(void)buf_printf(out, "= what is tracked beside mysqld is looked at anew\n");
	if (effects->aws)
		(void)buf_printf(out, "= the connections to AWS are made anew\n");
	if (effects->socket)
		(void)buf_printf(out, "= the heartbeat socket is opened anew\n");
	for (unsigned int i = 0; i < from->instance_count; i++)
		if (conf_instance_by_name(to, from->instances[i].name) < 0)
			(void)buf_printf(out,
					 "= %s goes; if it is MASTER here it hands over first\n",
					 from->instances[i].name);
	if (from->journal_mb != to->journal_mb)
		(void)buf_printf(out, "= 'journal_size' is taken at the next start\n");
	if (strcmp(from->control_group, to->control_group) != 0)
		(void)buf_printf(out, "= 'control_group' is taken at the next start\n");
	if (strcmp(from->script_user, to->script_user) != 0)
		(void)buf_printf(out,
				 "= 'script_user' is taken when zonevip-notify is restarted\n");
}

/* --- what was what ---------------------------------------------------------------------------- */

struct maps {
	struct core_map core;
	int *instances;
	int *routes;
	bool *readdressed;
};

static bool same_addresses(const struct conf_instance *a, const struct conf_instance *b)
{
	bool same = a->vip_count == b->vip_count && strcmp(a->interface, b->interface) == 0;

	for (unsigned int v = 0; same && v < a->vip_count; v++)
		same = ip_equal(&a->vips[v].address, &b->vips[v].address) &&
		       a->vips[v].prefix_length == b->vips[v].prefix_length &&
		       strcmp(a->vips[v].label, b->vips[v].label) == 0;
	return same;
}

/* What the routes of both point at here is the same. */
static bool same_target(const struct conf_instance *a, const struct conf_instance *b)
{
	return a->target == b->target && strcmp(a->interface, b->interface) == 0;
}

/* The number that route @r of @agent's instance @i had in @old's @was, or -1. */
static int route_before(struct agent *agent, unsigned int i, unsigned int r,
			const struct parts *old, unsigned int was)
{
	const struct conf_instance *conf = &old->conf->instances[was];
	const struct agent_instance *extra = &old->extra[was];
	const struct ip *vip = agent_route_vip(agent, i, r);

	if (!same_target(conf, &agent->conf->instances[i]))
		return -1;
	for (unsigned int b = 0; b < extra->route_count; b++)
		if (ip_equal(&conf->vips[b % conf->vip_count].address, vip) &&
		    strcmp(extra->tables[b / conf->vip_count].id, agent_table_id(agent, i, r)) == 0)
			return (int)b;
	return -1;
}

/* The core counts the mysqlds first, then what is watched. */
static int track_before(const struct conf *from, const struct conf *to, unsigned int k)
{
	unsigned int w = k - to->track_count;
	int was;

	if (k < to->track_count)
		return track_by_name(from, to->tracks[k].name);
	if (w >= conf_watch_count(to))
		return -1;
	was = agent_watch_by(from, conf_watch_kind(to, w), conf_watch(to, w)->name);
	return was < 0 ? -1 : (int)from->track_count + was;
}

static int make_maps(struct agent *agent, const struct parts *old, struct maps *maps)
{
	const struct conf *to = agent->conf, *from = old->conf;
	size_t routes = 1, place = 0; /* one more than needed: none is no memory */
	size_t instances = to->instance_count + 1;

	for (unsigned int i = 0; i < to->instance_count; i++)
		routes += agent->extra[i].route_room;
	*maps = (struct maps){.instances = calloc(instances, sizeof(int)),
			      .routes = calloc(routes, sizeof(int)),
			      .readdressed = calloc(instances, sizeof(bool))};
	if (!maps->instances || !maps->routes || !maps->readdressed)
		return -1;
	maps->core = (struct core_map){.instances = maps->instances,
				       .routes = maps->routes,
				       .readdressed = maps->readdressed};
	for (unsigned int n = 0; n < CORE_NODES_MAX; n++)
		maps->core.nodes[n] =
			n < from->node_count ? conf_node_by_name(to, from->nodes[n].name) : -1;
	for (unsigned int k = 0; k < CORE_TRACKS_MAX; k++)
		maps->core.tracks[k] = track_before(from, to, k);
	for (unsigned int i = 0; i < to->instance_count; i++) {
		int was = conf_instance_by_name(from, to->instances[i].name);

		maps->instances[i] = was;
		maps->readdressed[i] =
			was >= 0 && !same_addresses(&from->instances[was], &to->instances[i]);
		for (unsigned int r = 0; was >= 0 && r < agent->extra[i].route_count; r++)
			maps->routes[place + r] = route_before(agent, i, r, old, (unsigned int)was);
		place += agent->extra[i].route_room;
	}
	return 0;
}

static void free_maps(struct maps *maps)
{
	free(maps->instances);
	free(maps->routes);
	free(maps->readdressed);
}

/* --- changing places
 * ------------------------------------------------------------------------------ */

static void take_out(struct agent *agent, struct parts *parts)
{
	*parts = (struct parts){.conf = agent->conf,
				.core = agent->core,
				.instances = agent->instances,
				.routes = agent->routes,
				.extra = agent->extra,
				.databases = agent->databases,
				.runs = agent->stages.runs,
				.heartbeat = agent->heartbeat,
				.aws = agent->aws,
				.watch = agent->watch};
	memcpy(parts->checks, agent->checks, sizeof(parts->checks));
	memcpy(parts->results, agent->results, sizeof(parts->results));
	memcpy(parts->roles, agent->roles, sizeof(parts->roles));
	memcpy(parts->node_eni, agent->node_eni, sizeof(parts->node_eni));
	memcpy(parts->node_instance, agent->node_instance, sizeof(parts->node_instance));
}

static void put_back(struct agent *agent, const struct parts *parts)
{
	agent->conf = parts->conf;
	agent->core = parts->core;
	agent->instances = parts->instances;
	agent->routes = parts->routes;
	agent->extra = parts->extra;
	agent->databases = parts->databases;
	agent->stages.runs = parts->runs;
	agent->heartbeat = parts->heartbeat;
	agent->aws = parts->aws;
	agent->watch = parts->watch;
	memcpy(agent->checks, parts->checks, sizeof(agent->checks));
	memcpy(agent->results, parts->results, sizeof(agent->results));
	memcpy(agent->roles, parts->roles, sizeof(agent->roles));
	memcpy(agent->node_eni, parts->node_eni, sizeof(agent->node_eni));
	memcpy(agent->node_instance, parts->node_instance, sizeof(agent->node_instance));
}

/* Those of @parts that @other does not have. */
static void close_shells(const struct parts *parts, const struct parts *other)
{
	if (parts->heartbeat != other->heartbeat)
		heartbeat_close(parts->heartbeat);
	if (parts->aws != other->aws && parts->aws)
		aws_close(parts->aws);
	if (parts->watch != other->watch)
		watcher_close(parts->watch);
	for (unsigned int k = 0; k < CONF_TRACKS_MAX; k++) {
		bool kept = false;

		for (unsigned int o = 0; o < CONF_TRACKS_MAX; o++)
			kept |= parts->checks[k] == other->checks[o];
		if (parts->checks[k] && !kept)
			mycheck_close(parts->checks[k]);
	}
}

/* What the configuration in agent->conf needs and the old parts do not give. */
static int open_shells(struct agent *agent, const struct effects *effects, const struct parts *old,
		       struct err *err)
{
	struct wire_keys keys;

	for (unsigned int k = 0; k < CONF_TRACKS_MAX; k++) {
		agent->checks[k] = NULL;
		if (k >= agent->conf->track_count)
			continue;
		agent->checks[k] =
			effects->checks[k] ? agent_open_check(agent, k, err) : old->checks[k];
		if (!agent->checks[k])
			return -1;
	}
	if (effects->watches && agent_watcher_open(agent, err) < 0)
		return -1;
	if (effects->aws) {
		agent->aws = agent_open_aws(agent, err);
		if (!agent->aws)
			return -1;
	}
	if (effects->socket) {
		agent->heartbeat = agent_open_heartbeat(agent, err);
		return agent->heartbeat ? 0 : -1;
	}
	/* Last: from here on nothing fails. */
	keys = agent_keys(agent->conf);
	return heartbeat_rekey(agent->heartbeat, &keys, err);
}

/* --- words and worries of the shells' side
 * ---------------------------------------------------------- */

static void carry_words(struct agent *agent, unsigned int i, struct agent_instance *was,
			const int *routes)
{
	struct agent_instance *extra = &agent->extra[i];

	if (ev_is_active(&was->tables_timer))
		agent_tables_wake(agent, i, ev_timer_remaining(agent->loop, &was->tables_timer));
	extra->sent_away = was->sent_away;
	extra->last_transition = was->last_transition;
	extra->alias_report = was->alias_report;
	extra->record_error = was->record_error;
	was->record_error = NULL;
	memcpy(extra->value, was->value, sizeof(extra->value));
	memcpy(extra->type, was->type, sizeof(extra->type));
	memcpy(extra->reason, was->reason, sizeof(extra->reason));
	memcpy(extra->told, was->told, sizeof(extra->told));
	for (unsigned int r = 0; r < extra->route_count; r++) {
		if (routes[r] < 0)
			continue;
		extra->routes[r] = was->routes[routes[r]];
		was->routes[routes[r]].error = NULL;
	}
}

/* The worker that was asked may be gone: what it was asked is answered as lost. */
static void carry_database(struct agent *agent, unsigned int i, const struct agent_database *was,
			   const struct core_map *map, bool anew)
{
	struct agent_database *db = &agent->databases[i];
	const struct agent_database fresh = *db;

	*db = *was;
	db->commands = fresh.commands;
	db->track = fresh.track;
	db->owner = agent->instances[i].record.owner;
	for (unsigned int n = 0; n < CORE_NODES_MAX; n++) {
		db->positions[n] = fresh.positions[n];
		db->heard[n] = MONO_LONG_AGO;
		ahead_forget(&db->ahead[n]); /* compared anew */
	}
	for (unsigned int n = 0; n < CORE_NODES_MAX; n++) {
		if (map->nodes[n] < 0)
			continue;
		db->positions[map->nodes[n]] = was->positions[n];
		db->heard[map->nodes[n]] = was->heard[n];
	}
	if (!anew && db->commands)
		return;
	db->following = db->gate_waits = false;
	for (unsigned int d = 0; d < CORE_DUTIES; d++) {
		if (!db->ops[d] || db->hook_numbers[d])
			continue;
		db->answers[d] = (struct database_answer){true, db->ops[d], OUTCOME_UNKNOWN};
		db->ops[d] = 0;
	}
}

static void carry_nodes(struct agent *agent, const struct parts *old, const struct core_map *map)
{
	memset(agent->node_eni, 0, sizeof(agent->node_eni));
	memset(agent->node_instance, 0, sizeof(agent->node_instance));
	for (unsigned int n = 0; n < old->conf->node_count; n++) {
		int as = map->nodes[n];

		if (as < 0 ||
		    !ip_equal(&old->conf->nodes[n].address, &agent->conf->nodes[as].address))
			continue; /* asked for again */
		memcpy(agent->node_eni[as], old->node_eni[n], sizeof(agent->node_eni[as]));
		memcpy(agent->node_instance[as], old->node_instance[n],
		       sizeof(agent->node_instance[as]));
	}
}

static void carry_checks(struct agent *agent, const struct effects *effects,
			 const struct parts *old, const struct core_map *map)
{
	for (unsigned int k = 0; k < CONF_TRACKS_MAX; k++) {
		int was = k < agent->conf->track_count ? map->tracks[k] : -1;

		agent->results[k] = was >= 0 ? old->results[was] : (struct mycheck_result){0};
		agent->roles[k] =
			was >= 0 && !effects->checks[k] ? old->roles[was] : MYCHECK_STANDBY;
	}
}

static void carry_instances(struct agent *agent, const struct effects *effects, struct parts *old,
			    const struct maps *maps)
{
	const int *routes = maps->routes;

	for (unsigned int i = 0; i < agent->conf->instance_count; i++) {
		const struct conf_instance *conf = &agent->conf->instances[i];
		int was = maps->instances[i];

		if (was >= 0) {
			bool anew = conf->track_count > 0 && effects->checks[conf->tracks[0]];

			carry_words(agent, i, &old->extra[was], routes);
			carry_database(agent, i, &old->databases[was], &maps->core, anew);
			agent->stages.runs[i] = old->runs[was];
		}
		routes += agent->extra[i].route_room;
	}
}

static void unplumb(struct agent *agent, const struct conf *before)
{
	for (unsigned int i = 0; i < before->instance_count; i++)
		agent_unplumb(agent, &before->instances[i]);
}

static bool lost(uint32_t op, uint32_t newest)
{
	return op != 0 && (int32_t)(newest - op) >= 0;
}

/* Calls that died with their worker. */
static void answer_lost_calls(struct agent *agent)
{
	struct core *core = &agent->core;
	const uint32_t newest = core->op; /* what is asked from here on is not lost */
	struct event ev = {.outcome = OUTCOME_UNKNOWN, .sent = mono_now(), .node = -1};

	for (unsigned int i = 0; i < agent->conf->instance_count; i++) {
		const struct instance *in = &agent->instances[i];

		ev.instance = i;
		ev.op = in->record.op;
		ev.type = in->record.putting ? EV_PARAM_WRITTEN : EV_PARAM_READ;
		if (lost(ev.op, newest))
			agent_feed(agent, &ev);
		for (ev.table = 0; ev.table < in->config.tables; ev.table++) {
			const struct route *route = &in->routes[ev.table];

			ev.op = route->op;
			ev.type = route->writing ? EV_ROUTE_WRITTEN : EV_ROUTE_READ;
			if (lost(ev.op, newest))
				agent_feed(agent, &ev);
		}
	}
	ev.instance = ev.table = 0;
	for (ev.node = 0; ev.node < (int)agent->conf->node_count; ev.node++) {
		ev.op = core->touch_read[ev.node].op;
		ev.type = EV_TOUCH_READ;
		if (lost(ev.op, newest))
			agent_feed(agent, &ev);
		ev.op = core->evidence[ev.node].op;
		ev.type = EV_EVIDENCE;
		ev.up = true;
		if (lost(ev.op, newest))
			agent_feed(agent, &ev);
	}
	ev.op = core->touch_write.op;
	ev.type = EV_TOUCH_WRITTEN;
	if (lost(ev.op, newest))
		agent_feed(agent, &ev);
}

static void free_old(struct agent *agent, const struct parts *old)
{
	struct parts now;

	take_out(agent, &now);
	put_back(agent, old);
	agent_free_instances(agent); /* goes by agent->conf */
	put_back(agent, &now);
	if (old->conf != now.conf)
		conf_free(old->conf);
}

/* --- taking it
 * -------------------------------------------------------------------------------------- */

/* Makes all that the new configuration needs; nothing has changed when it fails. */
static int prepare(struct agent *agent, struct conf *fresh, const struct effects *effects,
		   struct parts *old, struct maps *maps, struct err *err)
{
	struct parts made;
	int ret = -1;

	*maps = (struct maps){.instances = NULL};
	take_out(agent, old);
	agent->conf = fresh;
	agent->instances = NULL;
	agent->routes = NULL;
	agent->extra = NULL;
	agent->databases = NULL;
	agent->stages.runs = NULL;
	if (agent_build_instances(agent) < 0)
		goto no_memory;
	for (unsigned int i = 0; i < fresh->instance_count; i++) {
		int was = conf_instance_by_name(old->conf, fresh->instances[i].name);

		if (was >= 0)
			agent_tables_carry(agent, i, &old->extra[was]);
	}
	if (agent_build_core(agent, mono_now()) < 0 || make_maps(agent, old, maps) < 0)
		goto no_memory;
	ret = open_shells(agent, effects, old, err);
	goto out;
no_memory:
	(void)err_set(err, "no memory for the new configuration; the old one goes on");
out:
	if (ret < 0) {
		take_out(agent, &made);
		close_shells(&made, old);
		agent_free_instances(agent);
		put_back(agent, old);
		free_maps(maps);
	}
	return ret;
}

/* 0, or -1 with everything as it was; @fresh is the agent's only on success. */
static int take(struct agent *agent, struct conf *fresh, const struct effects *effects,
		struct err *err)
{
	struct parts old, now;
	struct maps maps;

	if (prepare(agent, fresh, effects, &old, &maps, err) < 0)
		return -1;
	core_carry(&agent->core, mono_now(), &old.core, &maps.core);
	carry_nodes(agent, &old, &maps.core);
	carry_checks(agent, effects, &old, &maps.core);
	carry_instances(agent, effects, &old, &maps);
	if (effects->watches)
		agent_watches_carry(agent, old.conf);
	memory_reload(agent->memory);
	take_out(agent, &now);
	close_shells(&old, &now);
	aws_set_budget(agent->aws, agent_api_budget(fresh));
	unplumb(agent, old.conf);
	free_old(agent, &old);
	free_maps(&maps);
	agent->address_seen &= !effects->socket;
	if (effects->interfaces)
		memset(agent->checks_of, 0, sizeof(agent->checks_of));
	if (effects->aws) {
		agent->identity.generation = UINT_MAX; /* whatever it reports is news */
		answer_lost_calls(agent);
	}
	agent_look_around(agent);
	if (effects->nodes)
		agent_check_target(agent);
	if (effects->tables)
		agent_tables_look(agent);
	return 0;
}

static void refuse(struct agent *agent, const struct err *err)
{
	agent->reload.refused++;
	(void)snprintf(agent->reload.error, sizeof(agent->reload.error), "%s", err->text);
	log_event(LOG_LV_ERROR, "reload", "result=refused error=\"%s\"", err->text);
	agent_remember(agent, "reload refused: %s", err->text);
}

static void taken(struct agent *agent, const char *result)
{
	agent->reload.done++;
	agent->reload.at = agent_wall_clock();
	agent->reload.error[0] = '\0';
	log_event(LOG_LV_INFO, "reload", "result=%s digest=%08x", result, agent->conf->digest);
	agent_remember(agent, "configuration %s", result);
}

/* --- instances that go
 * -------------------------------------------------------------------------------- */

static bool goes(const struct agent *agent, const struct conf *to, unsigned int i)
{
	return conf_instance_by_name(to, agent->conf->instances[i].name) < 0;
}

static bool acts(const struct agent *agent, unsigned int i)
{
	return core_acting(&agent->instances[i]);
}

/* Alone, so that its order is no order to its mates: they stay. */
static int leave_groups(struct agent *agent, const struct conf *to, struct err *err)
{
	struct effects nothing = {.to = agent->conf};
	bool any = false;

	for (unsigned int i = 0; i < agent->conf->instance_count; i++) {
		if (!goes(agent, to, i))
			continue;
		any |= agent->conf->instances[i].group != 0;
		agent->conf->instances[i].group = 0;
	}
	return any ? take(agent, agent->conf, &nothing, err) : 0;
}

static int send_away(struct agent *agent, const struct conf *to, struct err *err)
{
	for (unsigned int i = 0; i < agent->conf->instance_count; i++)
		if (goes(agent, to, i) && acts(agent, i) && agent->instances[i].frozen)
			return err_set(err, "%s: %s would go, and is under maintenance", to->path,
				       agent->conf->instances[i].name);
	if (leave_groups(agent, to, err) < 0)
		return -1;
	for (unsigned int i = 0; i < agent->conf->instance_count; i++) {
		if (!goes(agent, to, i) || !acts(agent, i))
			continue;
		agent->extra[i].sent_away = true;
		agent_feed(agent, &(struct event){.type = EV_COMMAND,
						  .instance = i,
						  .command = CMD_STANDBY_ON,
						  .node = -1});
	}
	return 0;
}

static bool some_stay(const struct agent *agent, const struct conf *to)
{
	for (unsigned int i = 0; i < agent->conf->instance_count; i++)
		if (goes(agent, to, i) && acts(agent, i))
			return true;
	return false;
}

/* The first that refused to go (its hook said no), or -1. */
static int refuser(const struct agent *agent, const struct conf *to)
{
	for (unsigned int i = 0; i < agent->conf->instance_count; i++)
		if (goes(agent, to, i) && acts(agent, i) && !agent->instances[i].standby)
			return (int)i;
	return -1;
}

/* The file is not taken, or another one instead: who was sent away may come back. */
static void call_back(struct agent *agent)
{
	struct conf *conf = agent->conf;
	struct effects nothing = {.to = conf};
	struct err err = {.text = ""};

	for (unsigned int i = 0; i < conf->instance_count; i++) {
		if (!agent->extra[i].sent_away)
			continue;
		agent->extra[i].sent_away = false;
		agent_feed(agent, &(struct event){.type = EV_COMMAND,
						  .instance = i,
						  .command = CMD_STANDBY_OFF,
						  .node = -1});
	}
	for (unsigned int g = 0; g < conf->group_count; g++)
		for (unsigned int m = 0; m < conf->groups[g].member_count; m++)
			conf->instances[conf_instance_by_name(conf, conf->groups[g].members[m])]
				.group = 1 + g;
	if (conf->group_count > 0 && take(agent, conf, &nothing, &err) < 0)
		log_event(LOG_LV_ERROR, "reload", "result=groups_apart error=\"%s\"", err.text);
}

static void forget_next(struct agent *agent)
{
	if (!agent->reload.next)
		return;
	ev_timer_stop(agent->loop, &agent->reload.timer);
	conf_free(agent->reload.next);
	agent->reload.next = NULL;
	call_back(agent);
}

/* Against the configuration in force as it is now. */
static int take_next(struct agent *agent, struct conf *fresh, struct err *err)
{
	struct effects effects = {.to = fresh};

	if (find_effects(agent->conf, &effects) < 0)
		return err_set(err, "no memory to compare the configurations");
	return take(agent, fresh, &effects, err);
}

static void on_timer(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct agent *agent = timer->data;
	struct conf *next = agent->reload.next;
	struct err err = {.text = ""};
	int stays = refuser(agent, next);

	(void)loop;
	(void)events;
	if (stays >= 0)
		(void)err_set(&err, "%s: %s does not go: its pre_release hook refuses", next->path,
			      agent->conf->instances[stays].name);
	else if (some_stay(agent, next) && mono_now() >= agent->reload.until)
		(void)err_set(&err, "%s: an instance that goes could not hand over", next->path);
	else if (some_stay(agent, next))
		return;
	else if (take_next(agent, next, &err) == 0) {
		agent->reload.next = NULL;
		ev_timer_stop(agent->loop, &agent->reload.timer);
		taken(agent, "reloaded");
		return;
	}
	refuse(agent, &err);
	forget_next(agent);
}

void agent_reload_open(struct agent *agent)
{
	agent->reload.at = agent_wall_clock();
	ev_timer_init(&agent->reload.timer, on_timer, LEAVE_PERIOD, LEAVE_PERIOD);
	agent->reload.timer.data = agent;
}

void agent_reload_close(struct agent *agent)
{
	ev_timer_stop(agent->loop, &agent->reload.timer);
	conf_free(agent->reload.next);
}

/* --- the order
 * ---------------------------------------------------------------------------------------- */

/* @fresh is the agent's, or freed. */
static int obey(struct agent *agent, struct conf *fresh, const struct effects *effects,
		struct buf *out, struct err *err)
{
	int ret;

	if (!effects->any) { /* the key may be another all the same */
		const struct wire_keys keys = agent_keys(fresh);

		ret = heartbeat_rekey(agent->heartbeat, &keys, err);
		conf_free(fresh);
		if (ret == 0) {
			taken(agent, "unchanged");
			(void)buf_printf(out, "OK nothing in the file has changed\n");
		}
		return ret;
	}
	if (some_stay(agent, fresh)) {
		if (send_away(agent, fresh, err) < 0) {
			call_back(agent);
			conf_free(fresh);
			return -1;
		}
		agent->reload.next = fresh;
		agent->reload.until = mono_now() + LEAVE_MAX;
		ev_timer_start(agent->loop, &agent->reload.timer);
		(void)buf_printf(out, "OK taken as soon as what is not in it has handed over\n");
		return 0;
	}
	if (take(agent, fresh, effects, err) < 0) {
		conf_free(fresh);
		return -1;
	}
	taken(agent, "reloaded");
	(void)buf_printf(out, "OK reloaded\n");
	return 0;
}

int agent_reload(struct agent *agent, bool dry, struct buf *out, struct err *err)
{
	const struct conf *running = agent->conf;
	struct conf *fresh = conf_load(running->path, running->nodes[running->self].name, err);
	struct effects effects = {.to = fresh, .out = dry ? out : NULL};
	int ret = -1;

	if (!dry)
		forget_next(agent);
	if (!fresh)
		goto out;
	ret = check_fixed(running, fresh, err);
	if (ret == 0 && find_effects(running, &effects) < 0)
		ret = err_set(err, "no memory to compare the configurations");
	if (ret == 0 && !dry && agent->core.stopping)
		ret = err_set(err, "the daemon is stopping");
	if (ret == 0 && !dry) {
		ret = obey(agent, fresh, &effects, out, err);
		goto out;
	}
	if (ret == 0) {
		say_effects(running, &effects);
		(void)buf_printf(out, "OK %s\n",
				 effects.any ? "nothing was done" : "nothing would change");
	}
	conf_free(fresh);
out:
	if (ret < 0 && !dry)
		refuse(agent, err);
	return ret;
}
