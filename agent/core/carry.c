/* SPDX-License-Identifier: MIT */
/*
 * Another configuration, the same run. Nothing is decided here: what is known
 * of what is still configured goes along under its new number, what is new
 * begins as at a start, and what is gone is forgotten. Every call under way
 * stays under way, so the shells must not lose its answer unsaid.
 *
 * A change may not look like a failure: a MASTER whose routes are other ones
 * now has T_route to write them, and a node that was added is nobody's reason
 * to doubt the lease before it was heard once (it is touched for all the same).
 */
#include "agent/core/machine.h"

static int now_called(const struct core_map *map, int node, int gone)
{
	if (node < 0)
		return node;
	return map->nodes[node] >= 0 ? map->nodes[node] : gone;
}

static void carry_run(struct core *to, mono_us now, const struct core *from)
{
	to->config.nonce = from->config.nonce;
	to->started = from->started;
	to->wake = now;
	to->hello_at = mono_min(from->hello_at, now + to->config.timers.heartbeat);
	to->hello_now = true; /* the digest may be another */
	to->burst_at = from->burst_at;
	to->burst = from->burst;
	to->seq = from->seq;
	to->rng = from->rng;
	to->op = from->op;
	to->target_known = from->target_known;
	to->source_dest_check = from->source_dest_check;
	to->stopping = from->stopping;
	to->touch_write = from->touch_write;
}

static void carry_nodes(struct core *to, const struct core *from, const struct core_map *map)
{
	for (unsigned int n = 0; n < to->config.node_count; n++)
		to->awaited[n] = n != to->config.self;
	for (unsigned int n = 0; n < from->config.node_count; n++) {
		int as = map->nodes[n];

		if (as < 0)
			continue;
		to->awaited[as] = from->awaited[n];
		to->peers[as] = from->peers[n];
		to->touch_read[as] = from->touch_read[n];
		to->evidence[as] = from->evidence[n];
		to->config_differs[as] = from->config_differs[n];
		to->software_differs[as] = from->software_differs[n];
		to->software[as] = from->software[n];
	}
}

/* A verdict outlives a change of how often it is asked for; counts begin anew. */
static void carry_checks(struct core *to, const struct core *from, const struct core_map *map)
{
	for (unsigned int k = 0; k < to->config.track_count; k++) {
		const struct health *was;

		if (map->tracks[k] < 0)
			continue;
		was = &from->health[map->tracks[k]];
		to->health[k].state = was->state;
		to->health[k].proven = was->proven;
		to->health[k].number = was->number;
		if (was->rise == to->health[k].rise && was->fall == to->health[k].fall)
			to->health[k].run = was->run;
	}
}

/* --- instances -------------------------------------------------------------------------- */

static void carry_views(struct instance *in, const struct instance *was, const struct view *fresh,
			const struct core_map *map)
{
	for (unsigned int n = 0; n < CORE_NODES_MAX; n++)
		in->view[n] = fresh[n];
	for (unsigned int n = 0; n < CORE_NODES_MAX; n++) {
		if (map->nodes[n] < 0)
			continue;
		in->view[map->nodes[n]] = was->view[n];
		in->view[map->nodes[n]].handover_to = now_called(map, was->view[n].handover_to, -1);
	}
}

static void carry_record(struct instance *in, const struct core *to, const struct core_map *map)
{
	struct record *record = &in->record;
	bool stranger = record->owner == OWNER_STRANGER;

	record->owner = now_called(map, record->owner, OWNER_STRANGER);
	record->recalled = now_called(map, record->recalled, OWNER_NOBODY);
	for (unsigned int n = 0; n < to->config.node_count; n++) {
		if (!stranger || !to->awaited[n])
			continue;
		record->known = false; /* the stranger may be this one: read who it is */
		record->read_at = record->asked = MONO_LONG_AGO;
	}
}

/* A MASTER writes what is new in its list as it does after a claim. */
static void renew_route(struct route *route, mono_us now, const struct instance *was)
{
	route->reachable = mono_min(routes_reachable_since(was), now);
	if (!core_acting(was))
		return;
	route->mine_at = now;
	route->wanted = was->state == CORE_MASTER && !was->frozen;
}

static void carry_routes(struct instance *in, mono_us now, const struct instance *was,
			 const struct core_map *map, const int *before)
{
	for (unsigned int r = 0; r < in->config.tables; r++) {
		if (before[r] < 0) {
			renew_route(&in->routes[r], now, was);
			continue;
		}
		in->routes[r] = was->routes[before[r]];
		in->routes[r].target = now_called(map, in->routes[r].target, TARGET_OTHER);
	}
}

/* Those of before are gone; whether the new ones are there the shell will say. */
static void forget_alias(struct instance *in)
{
	in->alias_present = in->alias_pending = in->alias_asked = false;
	in->alias_retry = in->alias_quiet = MONO_LONG_AGO;
	set_flag(in, FLAG_ALIAS_FIGHT, false);
}

static void carry_instance(struct instance *in, const struct instance *was,
			   const struct core_map *map)
{
	const struct instance fresh = *in;

	*in = *was;
	in->config = fresh.config;
	in->routes = fresh.routes;
	in->leader = fresh.leader;
	in->tables_sought &= fresh.config.discovers;
	carry_views(in, was, fresh.view, map);
	in->order.node = now_called(map, in->order.node, -1);
	in->departure.target = now_called(map, in->departure.target, -1);
	in->handover_to = now_called(map, in->handover_to, -1);
}

void core_carry(struct core *to, mono_us now, const struct core *from, const struct core_map *map)
{
	const int *before = map->routes;

	carry_run(to, now, from);
	carry_nodes(to, from, map);
	carry_checks(to, from, map);
	for (unsigned int i = 0; i < to->config.instance_count; i++) {
		struct instance *in = &to->instances[i];
		const struct instance *was =
			map->instances[i] >= 0 ? &from->instances[map->instances[i]] : NULL;

		if (was) {
			carry_instance(in, was, map);
			carry_record(in, to, map);
			carry_routes(in, now, was, map, before);
			if (map->readdressed[i])
				forget_alias(in);
		}
		before += core_tables_room(&in->config);
	}
	group_links(to);
}
