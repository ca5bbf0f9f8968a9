/* SPDX-License-Identifier: MIT */
/*
 * The route tables: registers in the cloud, last writer wins, writes may land
 * late, reads may be stale. So a difference is believed only when two reads
 * V_fast apart show it, never right after our own success, and it is mended
 * only after P, read later still, names us (V1: whoever moved the route by
 * right had put P before).
 */
#include "agent/core/machine.h"

#define FIGHT_WINDOW (60 * SEC)

void route_init(struct route *route)
{
	*route = (struct route){
		.target = TARGET_UNREAD,
		.asked = MONO_LONG_AGO,
		.read_at = MONO_LONG_AGO,
		.same_since = MONO_LONG_AGO,
		.reachable = MONO_LONG_AGO,
		.written = MONO_LONG_AGO,
		.mine_at = MONO_LONG_AGO,
		.mended = {MONO_LONG_AGO, MONO_LONG_AGO, MONO_LONG_AGO},
		.retry_at = MONO_LONG_AGO,
		.outcome = OUTCOME_NOT_SENT,
	};
}

static bool peer_says_it_acts(const struct core *core, const struct instance *in, mono_us now)
{
	for (unsigned int n = 0; n < core->config.node_count; n++)
		if (n != core->config.self &&
		    now - in->view[n].act_seen <= core->config.timers.dead_after)
			return true;
	return false;
}

static void believe(struct core *core, struct instance *in, mono_us now, const struct event *ev)
{
	struct route *route = &in->routes[ev->table];
	int target = ev->outcome == OUTCOME_ABSENT ? TARGET_MISSING : ev->target;

	if (target != self_of(core) && core_acting(in) &&
	    ev->sent < route->written + READ_MAY_BE_STALE && !peer_says_it_acts(core, in, now))
		return;
	if (target != route->target)
		route->same_since = ev->sent;
	route->target = target;
	route->read_at = ev->sent;
	if (target != self_of(core))
		return;
	route->wanted = false;
	route->mine_at = now;
}

static void note_failure(struct core *core, struct route *route, mono_us now, enum outcome outcome)
{
	route->retry_at = now + backoff(core, outcome, route->failures++);
}

void route_read(struct core *core, struct instance *in, mono_us now, const struct event *ev)
{
	struct route *route = &in->routes[ev->table];

	if (ev->op == route->op && !route->writing)
		route->op = 0;
	route->outcome = ev->outcome;
	route->unsettled = false;
	if (ev->outcome == OUTCOME_THROTTLED)
		in->routes_slow += in->routes_slow < SLOW_MAX;
	else if (ev->outcome == OUTCOME_OK || ev->outcome == OUTCOME_ABSENT)
		in->routes_slow -= in->routes_slow > 0;
	if (ev->outcome != OUTCOME_NOT_SENT)
		route->tried = true;
	if (ev->outcome == OUTCOME_OK || ev->outcome == OUTCOME_ABSENT ||
	    ev->outcome == OUTCOME_THROTTLED)
		route->reachable = ev->sent;
	if (ev->outcome == OUTCOME_OK || ev->outcome == OUTCOME_ABSENT) {
		if (!route->wanted) {
			route->failures = 0;
			route->retry_at = MONO_LONG_AGO;
		}
		believe(core, in, now, ev);
	} else {
		note_failure(core, route, now, ev->outcome);
	}
}

static void count_mending(struct route *route, mono_us now)
{
	route->mended[2] = route->mended[1];
	route->mended[1] = route->mended[0];
	route->mended[0] = now;
}

void route_written(struct core *core, struct instance *in, mono_us now, const struct event *ev)
{
	struct route *route = &in->routes[ev->table];

	if (ev->op == route->op && route->writing)
		route->op = 0;
	route->outcome = ev->outcome;
	route->unsettled = ev->outcome == OUTCOME_UNKNOWN;
	if (ev->outcome != OUTCOME_OK) {
		note_failure(core, route, now, ev->outcome);
		return;
	}
	route->failures = 0;
	route->retry_at = MONO_LONG_AGO;
	if (!route->wanted && route->target != self_of(core)) /* no claim's: it was a drift */
		count_mending(route, now);
	route->written = ev->sent;
	route->mine_at = now;
	route->asked = ev->sent; /* the first look comes one period after the write */
	route->wanted = false;
	route->tried = true;
	if (route->target != self_of(core))
		route->same_since = ev->sent;
	route->target = self_of(core);
	route->read_at = ev->sent;
	route->reachable = ev->sent;
}

void routes_found(struct instance *in, const struct event *ev)
{
	in->tables_sought = true;
	if (ev->count > core_tables_room(&in->config))
		return;
	for (unsigned int i = ev->table; i < ev->count; i++)
		route_init(&in->routes[i]); /* an answer on its way has an old number */
	in->config.tables = ev->count;
}

static void ask(struct turn *t, unsigned int table)
{
	struct route *route = &t->in->routes[table];
	struct action *act = emit(t, ACT_ROUTE_GET);

	route->op = next_op(t->core);
	route->writing = false;
	route->asked = t->now;
	act->op = route->op;
	act->table = table;
	act->not_after = t->now + timers_of(t)->route_call;
	act->deadline = t->now + timers_of(t)->route_call;
}

void routes_refresh(struct turn *t, mono_us period)
{
	for (unsigned int i = 0; i < t->in->config.tables; i++) {
		struct route *route = &t->in->routes[i];

		if (route->op == 0 && !route->wanted && due(t, route->asked + period) &&
		    due(t, route->retry_at))
			ask(t, i);
	}
}

mono_us routes_idle_period(const struct turn *t)
{
	const struct instance *in = t->in;

	for (unsigned int i = 0; i < in->config.tables; i++)
		if (in->routes[i].read_at < in->record.first_seen + timers_of(t)->verify_fast)
			return timers_of(t)->verify_fast;
	return slowed(timers_of(t)->verify_backup, in->routes_slow);
}

void routes_want(struct turn *t, mono_us since)
{
	for (unsigned int i = 0; i < t->in->config.tables; i++) {
		struct route *route = &t->in->routes[i];
		bool known = route->target == self_of(t->core) &&
			     mono_max(route->read_at, route->written) >= since;

		if (!route->wanted) { /* a new claim owes nothing to old errors */
			route->failures = 0;
			route->retry_at = MONO_LONG_AGO;
			route->unsettled = false;
		}
		route->wanted = !known && !observes(t); /* or it would be read no more */
	}
}

void routes_unwant(struct turn *t)
{
	for (unsigned int i = 0; i < t->in->config.tables; i++)
		t->in->routes[i].wanted = false;
}

static void set(struct turn *t, unsigned int table)
{
	struct route *route = &t->in->routes[table];
	struct action *act;

	if (PLANTED(FORGET_TABLE) && table > 0)
		return;
	act = emit(t, ACT_ROUTE_SET);
	route->op = next_op(t->core);
	route->writing = true;
	act->op = route->op;
	act->table = table;
	act->not_after = t->now + timers_of(t)->slack;
	act->deadline = t->now + timers_of(t)->route_call;
}

bool routes_entitled(const struct turn *t, mono_us from)
{
	const struct instance *in = t->in;

	if (in->promise != 0 &&
	    (in->promise == in->record.version || in->record.owner == self_of(t->core)))
		return true;
	return in->state == CORE_MASTER && in->record.owner == self_of(t->core) &&
	       record_just_read(t, mono_max(from, in->confirm_after));
}

void routes_write(struct turn *t)
{
	bool asked = false;

	duty_promote(t);
	if (observes(t) || (!t->in->alias_present && !PLANTED(ROUTE_FIRST)) || !duty_promoted(t) ||
	    (t->in->frozen && !PLANTED(NO_MAINTENANCE))) /* an address first, then traffic for it */
		return;
	for (unsigned int i = 0; i < t->in->config.tables; i++) {
		struct route *route = &t->in->routes[i];

		if (!route->wanted || route->op != 0 || !due(t, route->retry_at))
			continue;
		if (route->unsettled)
			ask(t, i);
		else if (routes_entitled(t, MONO_LONG_AGO))
			set(t, i);
		else if (!asked && t->in->state == CORE_MASTER) {
			record_ask(t);
			asked = true;
		}
	}
}

/*
 * Whoever moves a route a fourth time within a minute means it, and a human
 * must see that rather than two programs writing for ever. It is mended again
 * when the minute is over, so nothing stays lost for good.
 */
static bool fought_over(struct turn *t, const struct route *route)
{
	return lately(t, route->mended[2], FIGHT_WINDOW);
}

void routes_mend(struct turn *t)
{
	bool fight = false;

	if (observes(t) || !t->in->alias_present || !duty_promoted(t) || PLANTED(NO_VERIFY))
		return;
	for (unsigned int i = 0; i < t->in->config.tables; i++) {
		struct route *route = &t->in->routes[i];
		bool drifted = route->target != self_of(t->core) && route->target != TARGET_UNREAD;

		if (!drifted || route->wanted)
			continue;
		if (fought_over(t, route)) {
			fight = true;
			continue;
		}
		if (route->op != 0)
			continue;
		if (route->read_at - route->same_since < timers_of(t)->verify_fast)
			continue; /* the second look comes with routes_period() */
		if (!due(t, route->retry_at))
			continue;
		if (routes_entitled(t, route->read_at)) {
			note(t, NOTE_DRIFT, route->target);
			t->out->items[t->out->count - 1].table = i;
			set(t, i);
		} else {
			record_ask(t);
		}
	}
	if (set_flag(t->in, FLAG_ROUTE_FIGHT, fight) && fight)
		note(t, NOTE_ROUTE_FIGHT, -1);
}

bool routes_tried(const struct instance *in)
{
	if (in->config.discovers && !in->tables_sought)
		return false;
	for (unsigned int i = 0; i < in->config.tables; i++)
		if (!in->routes[i].tried)
			return false;
	return true;
}

bool routes_all_mine(const struct turn *t)
{
	for (unsigned int i = 0; i < t->in->config.tables; i++)
		if (t->in->routes[i].target != self_of(t->core))
			return false;
	return true;
}

bool routes_any_mine(const struct turn *t)
{
	for (unsigned int i = 0; i < t->in->config.tables; i++)
		if (t->in->routes[i].target == self_of(t->core))
			return true;
	return t->in->config.tables == 0 && !t->in->config.discovers;
}

mono_us routes_mine_at(const struct instance *in)
{
	mono_us newest = MONO_LONG_AGO;

	for (unsigned int i = 0; i < in->config.tables; i++)
		newest = mono_max(newest, mono_max(in->routes[i].mine_at,
						   in->routes[i].mended[2] + FIGHT_WINDOW));
	return newest;
}

bool routes_at_peer(const struct turn *t)
{
	for (unsigned int i = 0; i < t->in->config.tables; i++) {
		int target = t->in->routes[i].target;

		if (target >= 0 && target != self_of(t->core))
			return true;
	}
	return false;
}

mono_us routes_reachable_since(const struct instance *in)
{
	bool none_needed = in->config.tables == 0 && !in->config.discovers;
	mono_us newest = none_needed ? MONO_NEVER : MONO_LONG_AGO;

	for (unsigned int i = 0; i < in->config.tables; i++)
		newest = mono_max(newest, in->routes[i].reachable);
	return newest;
}

bool routes_stranded(const struct turn *t, int owner)
{
	for (unsigned int i = 0; i < t->in->config.tables; i++) {
		const struct route *route = &t->in->routes[i];

		if (route->target != TARGET_UNREAD && route->target != owner &&
		    route->read_at - route->same_since >= timers_of(t)->verify_fast &&
		    t->now - route->read_at <= 2 * timers_of(t)->verify_fast)
			return true;
	}
	return false;
}

mono_us routes_period(const struct turn *t)
{
	const struct timers *timers = timers_of(t);
	const struct instance *in = t->in;
	mono_us period = slowed(timers->verify_master, in->routes_slow);

	if (in->state == CORE_MASTER &&
	    t->now - in->since < 2 * timers->verify_fast + timers->slack)
		period = timers->verify_fast; /* at 0, +1 s, +2 s after the claim */
	for (unsigned int i = 0; i < in->config.tables; i++)
		if (in->routes[i].target != self_of(t->core) && !in->routes[i].wanted)
			period = timers->verify_fast;
	return in->flags & FLAG_UNCONFIRMED ? mono_min(period, timers->touch) : period;
}
