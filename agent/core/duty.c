/* SPDX-License-Identifier: MIT */
/*
 * The duties around an ownership: questions that a claim and its end put to
 * the database and to hooks, each carried out by a shell.
 *
 *   gate     may this node take over? Asked before the first Put of a claim.
 *   promote  make the database writable: once ownership is certain, and
 *	      before the first route leads to it.
 *   fence    make it read-only: before the address goes, and on every node
 *	      beside the owner.
 *   release  prepare for a planned hand-over; may refuse it.
 *
 * Nothing here hangs on one answer. What is true of the database is kept in
 * promoted and fenced, and what is missing is asked for again; a shell that
 * does not answer has answered OUTCOME_UNKNOWN. An instance without duties
 * never comes here to wait.
 */
#include "agent/core/machine.h"

#define RETRY_MAX (30 * SEC)

static const struct {
	enum action_type act;
	mono_us patience; /* when the configuration has none */
} duties[CORE_DUTIES] = {
	[DUTY_GATE] = {ACT_GATE, 2 * SEC},
	[DUTY_PROMOTE] = {ACT_PROMOTE, 10 * SEC},
	[DUTY_FENCE] = {ACT_FENCE, SEC},
	[DUTY_RELEASE] = {ACT_RELEASE, 10 * SEC},
};

void duty_init(struct instance *in)
{
	for (unsigned int d = 0; d < CORE_DUTIES; d++)
		in->duties[d] = (struct duty){.asked = MONO_LONG_AGO,
					      .answered = MONO_LONG_AGO,
					      .retry_at = MONO_LONG_AGO,
					      .outcome = OUTCOME_NOT_SENT};
}

static mono_us patience(const struct turn *t, enum core_duty which)
{
	mono_us given = t->in->config.patience[which];
	mono_us limit = given > 0 ? given : duties[which].patience;

	/* Somebody may be counting: F + L + eps <= G leaves room for L, no more. */
	return which == DUTY_FENCE ? mono_min(limit, timers_of(t)->param_call) : limit;
}

static struct action *ask(struct turn *t, enum core_duty which)
{
	struct duty *duty = &t->in->duties[which];
	struct action *act = emit(t, duties[which].act);

	/* A fence asked for before it is carried out before it. */
	if (which == DUTY_PROMOTE && !PLANTED(STALE_FENCE)) {
		t->in->fenced = false;
		t->in->duties[DUTY_FENCE].op = 0;
	}
	duty->op = next_op(t->core);
	duty->asked = t->now;
	duty->deadline = t->now + patience(t, which);
	act->op = duty->op;
	act->not_after = duty->deadline;
	act->deadline = duty->deadline;
	return act;
}

/* Unless the answer is on its way, or the last one bids us wait. */
static void ask_in_time(struct turn *t, enum core_duty which)
{
	if (t->in->duties[which].op == 0 && due(t, t->in->duties[which].retry_at))
		(void)ask(t, which);
}

/* --- answers ------------------------------------------------------------------------ */

static void conclude(struct turn *t, enum core_duty which, enum outcome outcome)
{
	struct instance *in = t->in;
	struct duty *duty = &in->duties[which];
	mono_us limit = mono_min(SEC << (duty->failures < 5 ? duty->failures : 5), RETRY_MAX);

	duty->op = 0;
	duty->outcome = outcome;
	duty->answered = t->now;
	duty->retry_at = MONO_LONG_AGO;
	if (outcome == OUTCOME_OK) {
		duty->failures = 0;
		/* The later answer tells how the database is: a fence asked for before the
		 * claim may be answered within it, before the promotion. */
		if (which == DUTY_PROMOTE || which == DUTY_FENCE) {
			in->promoted = which == DUTY_PROMOTE;
			in->fenced = which == DUTY_FENCE || (PLANTED(STALE_FENCE) && in->fenced);
		}
		return;
	}
	duty->failures++;
	duty->retry_at = t->now + limit / 2 + jitter(t->core, limit / 2);
	if (duty->failures == 1)
		note(t,
		     which == DUTY_GATE	     ? NOTE_GATE_SHUT
		     : which == DUTY_PROMOTE ? NOTE_PROMOTE_FAILED
		     : which == DUTY_FENCE   ? NOTE_FENCE_FAILED
					     : NOTE_RELEASE_REFUSED,
		     -1);
}

/* What a shell has seen without being asked. */
static void volunteer(struct turn *t, enum core_duty which, enum outcome outcome)
{
	struct instance *in = t->in;

	switch (which) {
	case DUTY_GATE:
		in->gate_shut = outcome != OUTCOME_OK;
		break;
	case DUTY_FENCE: /* read-only, or writable */
		in->fenced = outcome == OUTCOME_OK && !core_acting(in);
		in->promoted &= outcome != OUTCOME_OK;
		break;
	case DUTY_PROMOTE:
	case DUTY_RELEASE:
	case CORE_DUTIES:
		break;
	}
}

void duty_answered(struct turn *t, enum core_duty which, const struct event *ev)
{
	if (ev->op == 0)
		volunteer(t, which, ev->outcome);
	else if (ev->op == t->in->duties[which].op)
		conclude(t, which, ev->outcome);
}

void duty_forget(struct core *core, unsigned int track)
{
	for (unsigned int i = 0; i < core->config.instance_count; i++)
		if (core->instances[i].config.tracks & (1U << track))
			core->instances[i].promoted = core->instances[i].fenced = false;
}

/* --- gate ------------------------------------------------------------------------------ */

bool duty_gate(struct turn *t)
{
	struct turn leader = *t;
	const struct duty *gate;

	leader.index = t->in->leader; /* one gate for a sync group */
	leader.in = &t->core->instances[leader.index];
	gate = &leader.in->duties[DUTY_GATE];
	if (!leader.in->config.gates || PLANTED(SKIP_GATE) ||
	    (gate->outcome == OUTCOME_OK && lately(t, gate->answered, timers_of(t)->claim)))
		return true;
	ask_in_time(&leader, DUTY_GATE);
	return false;
}

bool duty_gate_waits(const struct turn *t)
{
	const struct duty *gate = &t->core->instances[t->in->leader].duties[DUTY_GATE];

	return gate->failures > 0 && !due(t, gate->retry_at);
}

/* --- promote --------------------------------------------------------------------------- */

bool duty_promoted(const struct turn *t)
{
	const struct instance *in = t->in;

	return !in->config.promotes || in->promoted || PLANTED(UNPROMOTED) ||
	       (in->config.unpromoted_ok && in->duties[DUTY_PROMOTE].failures > 0);
}

void duty_promote(struct turn *t)
{
	struct instance *in = t->in;

	if (!in->config.promotes || in->promoted || in->frozen)
		return;
	if (routes_entitled(t, MONO_LONG_AGO))
		ask_in_time(t, DUTY_PROMOTE);
	else if (in->state == CORE_MASTER)
		record_ask(t);
}

bool duty_promote_failed(const struct turn *t)
{
	return t->in->duties[DUTY_PROMOTE].failures > 0 && !duty_promoted(t);
}

/* --- fence ----------------------------------------------------------------------------- */

bool duty_fence(struct turn *t)
{
	struct instance *in = t->in;

	if (!in->config.fences || in->fenced || PLANTED(NO_FENCE))
		return true;
	if (in->duties[DUTY_FENCE].op == 0)
		(void)ask(t, DUTY_FENCE);
	return check_failed(t); /* the dead are not waited for */
}

bool duty_fence_done(struct turn *t)
{
	const struct duty *fence = &t->in->duties[DUTY_FENCE];

	return fence->op == 0 || check_failed(t) || due(t, fence->deadline);
}

static void fence_beside_owner(struct turn *t)
{
	struct instance *in = t->in;
	int owner = in->record.owner;
	bool beside = (owner >= 0 && owner != self_of(t->core)) || peer_acting(t);

	if (in->config.fences && !in->fenced && !in->frozen && beside && !check_failed(t) &&
	    !PLANTED(NO_FENCE))
		ask_in_time(t, DUTY_FENCE);
}

/* --- release --------------------------------------------------------------------------- */

void duty_release(struct turn *t, int target)
{
	ask(t, DUTY_RELEASE)->node = target;
}

/* --- one look -------------------------------------------------------------------------- */

void duty_begin(struct instance *in)
{
	in->promoted = false;
	in->fenced &= in->config.promotes; /* else somebody else makes it writable now */
	in->duties[DUTY_PROMOTE].failures = 0;
	in->duties[DUTY_PROMOTE].retry_at = MONO_LONG_AGO;
}

void duty_end(struct instance *in)
{
	in->promoted = false;
	in->duties[DUTY_PROMOTE].op = in->duties[DUTY_RELEASE].op = 0;
}

void duty_settle(struct turn *t)
{
	struct instance *in = t->in;

	for (unsigned int d = 0; d < CORE_DUTIES; d++)
		if (in->duties[d].op != 0 && due(t, in->duties[d].deadline + timers_of(t)->slack))
			conclude(t, (enum core_duty)d, OUTCOME_UNKNOWN);
	if (peer_acting(t) || in->state == CORE_MASTER)
		in->duties[DUTY_GATE].failures = 0; /* it is not up to the gate any more */
	if (!core_acting(in))
		fence_beside_owner(t);
}

void duty_flags(struct turn *t)
{
	struct instance *in = t->in;
	const struct instance *leader = &t->core->instances[in->leader];

	set_flag(in, FLAG_BLOCKED, leader->gate_shut || leader->duties[DUTY_GATE].failures > 0);
	set_flag(in, FLAG_UNPROMOTED, core_acting(in) && in->config.promotes && !in->promoted);
}
