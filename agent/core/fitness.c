/* SPDX-License-Identifier: MIT */
/*
 * Who may take the VIP: the reasons against, the hold after a failure, and
 * the order in which several candidates try.
 */
#include "agent/core/machine.h"

bool core_hears(const struct core *core, mono_us now, unsigned int node)
{
	return now - core->peers[node].heard <= core->config.timers.dead_after;
}

bool peer_heard(const struct turn *t, unsigned int node)
{
	return lately(t, t->core->peers[node].heard, timers_of(t)->dead_after);
}

static bool view_acting(const struct view *view)
{
	return view->state == CORE_CLAIMING || view->state == CORE_MASTER;
}

bool peer_acts(const struct turn *t, unsigned int node)
{
	return peer_heard(t, node) && view_acting(&t->in->view[node]);
}

bool peer_acting(const struct turn *t)
{
	for (unsigned int n = 0; n < t->core->config.node_count; n++)
		if (n != t->core->config.self && peer_acts(t, n))
			return true;
	return false;
}

bool peer_could_serve(const struct turn *t)
{
	for (unsigned int n = 0; n < t->core->config.node_count; n++) {
		const struct view *view = &t->in->view[n];

		if (n != t->core->config.self && peer_heard(t, n) &&
		    (view_acting(view) || (view->flags & HELLO_ELIGIBLE)))
			return true;
	}
	return false;
}

static enum health_state worst_check(const struct turn *t)
{
	enum health_state worst = HEALTH_UP;

	for (unsigned int k = 0; k < t->core->config.track_count; k++) {
		enum health_state state = t->core->health[k].state;

		if (!(t->in->config.tracks & (1U << k)) || state == HEALTH_UP)
			continue;
		if (state == HEALTH_DOWN)
			return HEALTH_DOWN;
		worst = state;
	}
	return worst;
}

bool healthy(const struct turn *t)
{
	return t->in->link_up && worst_check(t) == HEALTH_UP;
}

bool check_failed(const struct turn *t)
{
	return worst_check(t) == HEALTH_DOWN;
}

bool unhealthy(const struct turn *t)
{
	return !t->in->link_up || check_failed(t);
}

static bool touch_denied(const struct turn *t)
{
	int owner = t->in->record.owner;

	if (t->core->config.touch_owner)
		return false;
	return t->core->touch_write.outcome == OUTCOME_DENIED ||
	       (owner >= 0 && t->core->touch_read[owner].outcome == OUTCOME_DENIED);
}

uint32_t blockers(const struct turn *t)
{
	const struct timers *timers = timers_of(t);
	const struct instance *in = t->in;
	const struct core *core = t->core;
	mono_us slow = slowed(timers->verify_backup, in->record.slow);
	mono_us age = mono_max(timers->api_age, 3 * slow);
	mono_us routes_age =
		mono_max(timers->api_age, 3 * slowed(timers->verify_backup, in->routes_slow));
	enum health_state check = worst_check(t);
	uint32_t set = 0;

	if (check == HEALTH_DOWN)
		set |= BLOCK_CHECK;
	else if (check != HEALTH_UP)
		set |= BLOCK_NO_VERDICT;
	if (!in->link_up)
		set |= BLOCK_LINK;
	if (in->standby)
		set |= BLOCK_STANDBY;
	if (in->frozen)
		set |= BLOCK_MAINTENANCE;
	if (core->stopping)
		set |= BLOCK_STOPPING;
	if (!core->target_known)
		set |= BLOCK_IDENTITY;
	else if (core->source_dest_check)
		set |= BLOCK_SOURCE_DEST;
	/* An outage of the store (no answer, 5xx) is not this node's fault. */
	if (!lately(t, in->record.reachable, age) && in->record.outcome != OUTCOME_UNKNOWN)
		set |= BLOCK_PARAMETER;
	if (!lately(t, routes_reachable_since(in), routes_age))
		set |= BLOCK_ROUTES;
	if (touch_denied(t))
		set |= BLOCK_TOUCH;
	if (!due(t, in->hold_until) && peer_could_serve(t) && !group_here(t))
		set |= BLOCK_HOLD;
	if (duty_gate_waits(t))
		set |= BLOCK_GATE;
	if (core->config.observe)
		set |= BLOCK_OBSERVE;
	return set;
}

bool eligible(const struct turn *t)
{
	return blockers(t) == 0;
}

/*
 * What a track adds, as in keepalived: a weight above 0 while it is up, below 0 while it is down.
 * One that can no longer tell adds what it did when it could: its silence moves nothing.
 */
int core_track_adds(const struct core *core, unsigned int instance, unsigned int track)
{
	const struct health *health = &core->health[track];
	int weight = core->instances[instance].config.weights[track];

	if (core->config.tracks[track].counts)
		return weight * health->number;
	return health->proven == (weight > 0 ? HEALTH_UP : HEALTH_DOWN) ? weight : 0;
}

unsigned int core_priority(const struct core *core, unsigned int instance)
{
	const struct instance *in = &core->instances[instance];
	uint32_t flags = in->flags | core->instances[in->leader].flags;
	int sum = core->config.nodes[core->config.self].priority;

	/* Of one that acts nobody else has more. */
	if (flags & FLAG_BEHIND && !core_acting(in))
		return 1;
	for (unsigned int k = 0; k < core->config.track_count; k++)
		sum += core_track_adds(core, instance, k);
	return sum < 1 ? 1 : sum > 254 ? 254 : (unsigned int)sum;
}

bool node_better(const struct core *core, unsigned int node)
{
	unsigned int self = core->config.self;
	uint8_t mine = core->config.nodes[self].priority;
	uint8_t other = core->config.nodes[node].priority;

	return other > mine || (other == mine && node < self);
}

bool peer_better(const struct turn *t, unsigned int node)
{
	unsigned int self = t->core->config.self;
	unsigned int mine = core_priority(t->core, t->index);
	unsigned int other = t->in->view[node].priority;

	return other > mine || (other == mine && node < self);
}

unsigned int rank(const struct turn *t)
{
	unsigned int self = t->core->config.self;
	unsigned int better = 0;

	for (unsigned int n = 0; n < t->core->config.node_count; n++) {
		if (n == self || (int)n == t->in->record.owner || !peer_heard(t, n) ||
		    !(t->in->view[n].flags & HELLO_ELIGIBLE))
			continue;
		better += peer_better(t, n);
	}
	return better + group_elsewhere(t);
}

void failed(struct turn *t)
{
	struct instance *in = t->in;
	const struct timers *timers = timers_of(t);
	mono_us hold = timers->hold;

	if (t->now - in->last_failure > timers->hold_max)
		in->failures = 0;
	for (unsigned int i = 0; i < in->failures && hold < timers->hold_max; i++)
		hold *= 2;
	in->hold_until = t->now + mono_min(hold, timers->hold_max);
	in->last_failure = t->now;
	in->failures++;
}
