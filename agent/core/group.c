/* SPDX-License-Identifier: MIT */
/*
 * Who should have what when more than one could: sync groups, whose instances
 * belong on one node, and preemption, by which a better node asks for the VIP.
 * Both only ever *ask an owner to hand over*; neither claims against one.
 *
 * The first instance of a group leads: the others belong where it is. One
 * check or interface that fails is a fault of all, an order concerns all, one
 * that fails takes its mates along, and one gate speaks for all.
 */
#include "agent/core/machine.h"

/* --- sync groups ---------------------------------------------------------------------- */

/* A track weighs the same for all: as the first says that gives it a weight. */
static void share_weights(struct core_instance_config *to, const struct core_instance_config *from)
{
	for (unsigned int k = 0; k < CORE_TRACKS_MAX; k++)
		if (to->weights[k] == 0)
			to->weights[k] = from->weights[k];
}

void group_init(struct core *core)
{
	for (unsigned int i = 0; i < core->config.instance_count; i++) {
		struct instance *in = &core->instances[i];
		unsigned int first = 0;

		while (first < i && (in->config.group == 0 ||
				     core->instances[first].config.group != in->config.group))
			first++;
		in->leader = first;
		core->instances[first].config.tracks |= in->config.tracks;
		core->instances[first].config.gates |= in->config.gates;
		share_weights(&core->instances[first].config, &in->config);
	}
	for (unsigned int i = 0; i < core->config.instance_count; i++) {
		struct core_instance_config *config = &core->instances[i].config;
		const struct core_instance_config *leader =
			&core->instances[core->instances[i].leader].config;

		config->tracks = leader->tracks;
		share_weights(config, leader);
	}
}

bool group_mates(const struct core *core, unsigned int one, unsigned int other)
{
	return core->instances[one].leader == core->instances[other].leader;
}

void group_links(struct core *core)
{
	for (unsigned int i = 0; i < core->config.instance_count; i++)
		core->instances[i].link_up = true;
	for (unsigned int i = 0; i < core->config.instance_count; i++) {
		if (core->instances[i].own_link_up)
			continue;
		for (unsigned int m = 0; m < core->config.instance_count; m++)
			core->instances[m].link_up &= !group_mates(core, i, m);
	}
}

void group_link(struct core *core, unsigned int index, bool up)
{
	core->instances[index].own_link_up = up;
	group_links(core);
}

void group_fail(struct turn *t)
{
	for (unsigned int i = 0; i < t->core->config.instance_count; i++) {
		struct instance *mate = &t->core->instances[i];

		if (i == t->index || !group_mates(t->core, i, t->index) || !core_acting(mate) ||
		    t->in->reason == REASON_OVERRULED)
			continue;
		mate->follow = true;
		t->core->wake = t->now; /* its turn may be over */
	}
}

void group_follow(struct turn *t)
{
	if (!t->in->follow)
		return;
	t->in->follow = false;
	if (!core_acting(t->in))
		return;
	failed(t);
	leave(t, CORE_BACKUP, REASON_SYNC_GROUP);
}

static const struct instance *leader_of(const struct turn *t)
{
	return &t->core->instances[t->in->leader];
}

static bool acts_on_leader(const struct turn *t, unsigned int node)
{
	enum core_state state = leader_of(t)->view[node].state;

	return node != t->core->config.self && t->in->leader != t->index && peer_heard(t, node) &&
	       (state == CORE_CLAIMING || state == CORE_MASTER);
}

bool group_elsewhere(const struct turn *t)
{
	for (unsigned int n = 0; n < t->core->config.node_count; n++)
		if (acts_on_leader(t, n))
			return true;
	return false;
}

bool group_here(const struct turn *t)
{
	return t->in->leader != t->index && core_acting(leader_of(t));
}

/* --- handing over ------------------------------------------------------------------------ */

static bool asks_by_right(const struct turn *t, unsigned int node)
{
	return t->in->config.preempt && t->in->view[node].handover_to == (int)node &&
	       node != t->core->config.self && peer_heard(t, node) && peer_better(t, node);
}

void group_yield(struct turn *t)
{
	struct instance *in = t->in;

	if (in->departure.step != DEPARTURE_NONE || in->record.owner != self_of(t->core) ||
	    !due(t, in->preempt_after))
		return;
	for (unsigned int n = 0; n < t->core->config.node_count; n++) {
		bool group = acts_on_leader(t, n);
		uint16_t flags = in->view[n].flags;

		if (!(group || asks_by_right(t, n)) || !(flags & HELLO_ELIGIBLE) ||
		    flags & HELLO_BLOCKED)
			continue;
		leave_planned(t, CORE_BACKUP, group ? REASON_SYNC_GROUP : REASON_PREEMPTED, (int)n);
		return;
	}
}

/* --- preemption ----------------------------------------------------------------------------- */

/* The MASTER is heard and not better than we are, nor is anybody else who could serve. */
static bool better_than_master(const struct turn *t)
{
	bool found = false;

	for (unsigned int n = 0; n < t->core->config.node_count; n++) {
		if (n == t->core->config.self || !peer_acts(t, n))
			continue;
		if (t->in->view[n].state != CORE_MASTER || peer_better(t, n))
			return false;
		found = true;
	}
	return found && rank(t) == 0;
}

/* Priorities move with the tracks: the delay begins anew when the MASTER was the better one. */
static bool beside_a_better_master(const struct turn *t)
{
	for (unsigned int n = 0; n < t->core->config.node_count; n++)
		if (n != t->core->config.self && peer_heard(t, n) &&
		    t->in->view[n].state == CORE_MASTER && peer_better(t, n))
			return true;
	return false;
}

void group_want(struct turn *t)
{
	struct instance *in = t->in;
	int self = self_of(t->core);
	bool wants;

	if (beside_a_better_master(t)) /* never by the time of a look: any packet causes one */
		in->fit_since = MONO_NEVER;
	wants = in->config.preempt && in->leader == t->index && better_than_master(t) &&
		in->fit_since != MONO_NEVER &&
		due(t, mono_max(in->fit_since + in->config.preempt_delay, in->preempt_after));
	if (wants == (in->handover_to == self) || !due(t, in->handover_until))
		return;
	in->handover_to = wants ? self : -1;
	t->core->hello_now = true;
}
