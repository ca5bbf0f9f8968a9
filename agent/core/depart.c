/* SPDX-License-Identifier: MIT */
/*
 * How an acting state ends, and the order that others rely on: writes
 * cancelled, database fenced, address gone, disclaimed, told. The instance
 * keeps its state while the fence is under way, at most as long as a database
 * may take to answer; a planned end may ask the release hook before all that
 * and goes on serving until it has answered.
 */
#include "agent/core/machine.h"

void drop_alias(struct turn *t)
{
	if ((!t->in->alias_present && !t->in->alias_pending) || observes(t))
		return;
	emit(t, ACT_ALIAS_DEL);
	t->in->alias_present = false;
	t->in->alias_pending = true;
	t->in->alias_asked = false;
}

bool taken_over(const struct turn *t)
{
	int owner = t->in->record.owner;

	return owner >= 0 && owner != self_of(t->core) && !record_covered(t->in, t->core);
}

static bool planned(enum core_reason reason)
{
	return reason == REASON_SWITCHOVER || reason == REASON_RELEASED ||
	       reason == REASON_STANDBY || reason == REASON_STOPPING ||
	       reason == REASON_PREEMPTED || reason == REASON_SYNC_GROUP;
}

/* Nobody else could serve: a sick server behind an address is no worse than no address. */
static bool alone(const struct turn *t)
{
	return t->in->departure.state == CORE_FAULT && t->in->departure.reason != REASON_FENCED &&
	       !t->core->stopping && !peer_could_serve(t) && !taken_over(t);
}

/* Nobody takes it for T_hand: we take it back. */
static void await_taker(struct turn *t, bool renounced)
{
	struct instance *in = t->in;

	in->handover_to = in->departure.target;
	in->preempt_after = t->now + timers_of(t)->hold; /* it was meant to go */
	in->handover_until = t->now + timers_of(t)->handover;
	if (!renounced) /* there was nothing to renounce yet */
		in->claim_after = in->handover_until;
}

static void go(struct turn *t)
{
	struct instance *in = t->in;
	enum core_reason reason = in->departure.reason;
	bool was_master = in->state == CORE_MASTER;
	bool renounced = in->record.owner == self_of(t->core);
	bool stays = alone(t);

	if (!stays && !PLANTED(KEEP_ALIAS))
		drop_alias(t);
	record_disclaim(t->core, in);
	enter(t, in->departure.state, reason);
	in->alias_kept = stays;
	if ((was_master && !planned(reason)) || reason == REASON_PROMOTE_FAILED) {
		failed(t);
		group_fail(t);
	}
	if (reason == REASON_SWITCHOVER || reason == REASON_RELEASED ||
	    reason == REASON_PREEMPTED || reason == REASON_SYNC_GROUP)
		await_taker(t, renounced);
}

static void depart(struct turn *t, const struct departure *departure)
{
	struct instance *in = t->in;

	if (in->departure.step == DEPARTURE_FENCING)
		return;
	in->departure = *departure;
	in->departure.step = DEPARTURE_FENCING;
	emit(t, ACT_CANCEL);
	if (alone(t) || duty_fence(t))
		go(t);
}

void leave(struct turn *t, enum core_state state, enum core_reason reason)
{
	depart(t, &(struct departure){.state = state, .reason = reason, .target = -1});
}

void leave_planned(struct turn *t, enum core_state state, enum core_reason reason, int target)
{
	struct instance *in = t->in;
	const struct departure departure = {
		.step = DEPARTURE_RELEASING, .state = state, .reason = reason, .target = target};

	if (in->departure.step != DEPARTURE_NONE)
		return;
	if (!in->config.releases || in->state != CORE_MASTER) {
		depart(t, &departure);
		return;
	}
	in->departure = departure;
	duty_release(t, target);
}

void depart_continue(struct turn *t)
{
	struct instance *in = t->in;
	const struct duty *release = &in->duties[DUTY_RELEASE];
	struct departure departure = in->departure;

	switch (departure.step) {
	case DEPARTURE_NONE:
		break;
	case DEPARTURE_RELEASING:
		if (release->op != 0)
			break;
		in->departure.step = DEPARTURE_NONE;
		if (release->outcome != OUTCOME_DENIED || t->core->stopping)
			depart(t, &departure);
		else if (departure.reason == REASON_STANDBY)
			in->standby = false;
		else
			in->preempt_after = t->now + timers_of(t)->hold;
		break;
	case DEPARTURE_FENCING:
		if (duty_fence_done(t))
			go(t);
		break;
	}
}
