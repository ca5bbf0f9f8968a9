/* SPDX-License-Identifier: MIT */
/*
 * The parameter store is away, for longer than T_ssm and by its own fault,
 * and the owner is silent: nothing tells a dead owner from a living one but
 * the route. By configuration a BACKUP then takes the routes, once in one
 * silence; a living owner that can read them sees it and concedes, one that
 * reaches the store puts them back, and then this node knows that it lives.
 * Whoever holds the routes writes P as soon as it can be read.
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

/* It was done in this silence already: neither the owner was heard nor P read since. */
static bool spent(const struct turn *t, int owner)
{
	mono_us taken = t->in->route_taken;

	return taken != MONO_LONG_AGO && t->in->view[owner].act_seen <= taken &&
	       t->in->record.reachable <= taken;
}

/* Every table was read twice since @from, V_fast apart, and none is at a third node. */
static bool routes_left_alone(const struct turn *t, int owner, mono_us from)
{
	for (unsigned int i = 0; i < t->in->config.tables; i++) {
		const struct route *route = &t->in->routes[i];

		if (route->target >= 0 && route->target != owner &&
		    route->target != self_of(t->core))
			return false;
		if (route->read_at - mono_max(route->same_since, from) <
			    timers_of(t)->verify_fast ||
		    !lately(t, route->read_at, 2 * timers_of(t)->verify_fast))
			return false;
	}
	return true;
}

/* Candidates need not hear each other: all nodes that go before us count, so that we see
 * their routes before it is our turn. */
static mono_us turn_of(const struct turn *t, int owner)
{
	const struct timers *timers = timers_of(t);
	unsigned int before = 0;

	for (unsigned int n = 0; n < t->core->config.node_count; n++)
		before += n != t->core->config.self && (int)n != owner && node_better(t->core, n);
	return before * (timers->stagger + 2 * timers->verify_fast);
}

void outage_consider(struct turn *t, int owner)
{
	const struct timers *timers = timers_of(t);
	const struct view *view = &t->in->view[owner];
	mono_us silent_since =
		mono_max(mono_max(view->act_seen + timers->dead_after, view->touch_seen),
			 mono_max(t->in->record.first_seen, begun(t->core, t->in)));
	mono_us at;

	if ((!t->core->config.outage_takeover && !PLANTED(OUTAGE_ALWAYS)) || !outage(t) ||
	    (spent(t, owner) && !PLANTED(ROUTE_AGAIN)))
		return; /* no outage has no beginning to count from */
	at = mono_max(silent_since + timers->grace, t->in->record.outage_since) +
	     timers->ssm_outage + turn_of(t, owner);
	if (!due(t, at) || !routes_left_alone(t, owner, at - timers->ssm_outage))
		return;
	claim_begin(t, CLAIM_ROUTE, REASON_STORE_OUTAGE);
	if (!core_acting(t->in)) /* the gate has not answered yet */
		return;
	t->in->by_route = true;
	t->in->route_taken = t->now;
}

bool outage_conceded(const struct turn *t)
{
	int owner = t->in->record.owner;

	if (!t->in->by_route || owner < 0 || owner == self_of(t->core))
		return false;
	for (unsigned int i = 0; i < t->in->config.tables; i++)
		if (t->in->routes[i].target == owner && !t->in->routes[i].wanted)
			return true;
	return false;
}

mono_us outage_route_period(const struct turn *t)
{
	bool matters = t->core->config.evidence || (t->core->config.outage_takeover && outage(t));

	return matters && t->in->flags & FLAG_SUSPECT && !(t->in->flags & FLAG_PARTITIONED)
		       ? timers_of(t)->verify_fast
		       : MONO_NEVER;
}
