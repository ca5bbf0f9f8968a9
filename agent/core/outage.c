/* SPDX-License-Identifier: MIT */
/*
 * The parameter store is away, for longer than T_ssm and by its own fault,
 * and nobody is seen to act: nothing tells a dead owner from a living one but
 * the route. By configuration a BACKUP then takes the routes, whomever P
 * names, once in one silence; a living owner that can read them sees it and
 * concedes, one that reaches the store puts them back, and then this node
 * knows that it lives. Whoever holds the routes writes P as soon as it can be
 * read.
 *
 * The node that P names itself (it has restarted, stood still, or takes its
 * own disclaim back) need not wait for its own silence to grow old.
 *
 * This is the one place where a node acts on less than a promise or P.
 */
#include "agent/core/machine.h"

/* The store fails (no answer, 5xx); it does not throttle or deny. */
static bool outage(const struct turn *t)
{
	mono_us since = t->in->record.outage_since;

	return since != MONO_NEVER && due(t, since + timers_of(t)->ssm_outage);
}

static bool takes_routes(const struct turn *t)
{
	return t->core->config.outage_takeover || PLANTED(OUTAGE_ALWAYS);
}

/* It was done in this silence already: neither was anybody seen to act since, nor P read (to be
 * throttled is no answer to that). */
static bool spent(const struct turn *t)
{
	const struct record *record = &t->in->record;
	mono_us taken = t->in->route_taken;

	if (taken == MONO_LONG_AGO || PLANTED(ROUTE_AGAIN) ||
	    mono_max(record->read_at, record->first_seen) > taken)
		return false;
	for (unsigned int n = 0; n < t->core->config.node_count; n++)
		if (t->in->view[n].act_seen > taken)
			return false;
	return true;
}

static bool everybody_heard(const struct turn *t)
{
	for (unsigned int n = 0; n < t->core->config.node_count; n++)
		if (n != t->core->config.self && !peer_heard(t, n))
			return false;
	return true;
}

/* Who is heard says itself whether it acts; the route is a sign of life of others. */
static bool leads_to_the_unheard(const struct turn *t, const struct route *route)
{
	return route->target >= 0 && route->target != self_of(t->core) &&
	       !peer_heard(t, (unsigned int)route->target);
}

/*
 * Every table was read twice since @from, V_fast apart, and none was moved in
 * this outage to a node that is not heard: that one took it as we would, and
 * two that cannot see each other must not go on doing so.
 */
static bool routes_left_alone(const struct turn *t, mono_us from)
{
	const struct record *record = &t->in->record;

	for (unsigned int i = 0; i < t->in->config.tables; i++) {
		const struct route *route = &t->in->routes[i];

		if (route->target != record->owner && leads_to_the_unheard(t, route) &&
		    route->same_since > record->outage_since)
			return false;
		if (route->read_at - mono_max(route->same_since, from) <
			    timers_of(t)->verify_fast ||
		    !lately(t, route->read_at, 2 * timers_of(t)->verify_fast))
			return false;
	}
	return true;
}

/* Candidates need not hear each other: all nodes that go before us count, so that we see
 * their routes before it is our turn. So does an owner that is heard: it may go on. */
static mono_us turn_of(const struct turn *t)
{
	const struct timers *timers = timers_of(t);
	int owner = t->in->record.owner;
	unsigned int before = 0;

	for (unsigned int n = 0; n < t->core->config.node_count; n++)
		if (n != t->core->config.self)
			before += (int)n == owner ? peer_heard(t, n) : node_better(t->core, n);
	return before * (timers->stagger + 2 * timers->verify_fast);
}

/* Since when nobody was seen to act, ourselves included. */
static mono_us quiet_since(const struct turn *t)
{
	const struct instance *in = t->in;
	mono_us since = mono_max(in->record.first_seen, begun(t->core, in));

	if (in->record.owner == self_of(t->core))
		since = mono_max(since, in->since);
	for (unsigned int n = 0; n < t->core->config.node_count; n++)
		since = mono_max(since, mono_max(in->view[n].act_seen + timers_of(t)->dead_after,
						 in->view[n].touch_seen));
	return since;
}

/* P names us, and no route leads to somebody who may be acting beside it. */
static bool ours(const struct turn *t)
{
	if (t->in->record.owner != self_of(t->core))
		return false;
	for (unsigned int i = 0; i < t->in->config.tables; i++)
		if (leads_to_the_unheard(t, &t->in->routes[i]))
			return false;
	return true;
}

static bool may_take(const struct turn *t)
{
	const struct timers *timers = timers_of(t);
	mono_us quiet = quiet_since(t), from;

	if (!takes_routes(t) || !outage(t) || spent(t))
		return false; /* no outage has no beginning to count from */
	if (ours(t)) {
		quiet = mono_max(quiet, t->in->handover_until);
		from = mono_max(quiet + (everybody_heard(t) ? timers->reclaim : timers->grace),
				t->in->record.outage_since + timers->ssm_outage);
	} else {
		from = mono_max(quiet + timers->grace, t->in->record.outage_since) + turn_of(t) +
		       timers->ssm_outage;
	}
	return due(t, from) && routes_left_alone(t, ours(t) ? quiet : from - timers->ssm_outage);
}

static void taken(struct turn *t)
{
	t->in->promise = t->in->record.version;
	t->in->by_route = true;
	t->in->route_taken = t->now;
}

void outage_consider(struct turn *t)
{
	if (observe_told(t) || !may_take(t))
		return;
	claim_begin(t, CLAIM_ROUTE, REASON_STORE_OUTAGE);
	if (core_acting(t->in)) /* else the gate has not answered yet */
		taken(t);
}

void outage_start(struct turn *t)
{
	struct record *record = &t->in->record;

	if (takes_routes(t) && outage(t) && !record->known && record->recalled >= 0)
		record_recall(record, begun(t->core, t->in));
}

bool outage_adopt(struct turn *t)
{
	if (!may_take(t))
		return false;
	enter(t, CORE_MASTER, REASON_STORE_OUTAGE);
	taken(t);
	return true;
}

/* A route was moved to a peer that could serve, and P cannot say by what right. */
static bool moved_away(const struct turn *t, const struct route *route)
{
	const struct record *record = &t->in->record;

	return route->target >= 0 && route->target != self_of(t->core) && !route->wanted &&
	       record->outage_since != MONO_NEVER &&
	       due(t, record->outage_since + timers_of(t)->grace) &&
	       route->read_at - route->same_since >= timers_of(t)->verify_fast &&
	       peer_heard(t, (unsigned int)route->target) &&
	       t->in->view[route->target].flags & HELLO_ELIGIBLE;
}

bool outage_conceded(const struct turn *t)
{
	int owner = t->in->record.owner;

	for (unsigned int i = 0; i < t->in->config.tables; i++) {
		const struct route *route = &t->in->routes[i];

		if (t->in->by_route && owner >= 0 && owner != self_of(t->core) &&
		    route->target == owner && !route->wanted)
			return true;
		if (moved_away(t, route))
			return true;
	}
	return false;
}

mono_us outage_route_period(const struct turn *t)
{
	bool suspect = t->in->flags & FLAG_SUSPECT;
	bool lives = t->in->flags & FLAG_PARTITIONED;
	bool matters = (t->core->config.evidence && suspect) ||
		       (takes_routes(t) && outage(t) && !peer_acting(t) && !spent(t));

	return matters && !lives ? timers_of(t)->verify_fast : MONO_NEVER;
}
