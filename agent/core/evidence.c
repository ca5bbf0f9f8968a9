/* SPDX-License-Identifier: MIT */
/*
 * Evidence that a silent owner cannot act, which spares the wait G: its
 * machine is stopping, stopped or terminated, or every route of the VIP is a
 * blackhole, by two looks V_fast apart that began after it fell silent. An
 * answer that fails, or no answer, is evidence of nothing.
 */
#include "agent/core/machine.h"

void evidence_learn(struct core *core, mono_us now, const struct event *ev)
{
	struct evidence *evidence = &core->evidence[ev->node];

	if (ev->op != evidence->op)
		return;
	evidence->op = 0;
	if (ev->outcome != OUTCOME_OK) {
		evidence->retry_at = now + backoff(core, ev->outcome, 0);
		return;
	}
	if (ev->up)
		evidence->gone_since = MONO_NEVER;
	else if (evidence->gone_since == MONO_NEVER)
		evidence->gone_since = ev->sent;
	evidence->gone_at = ev->sent;
}

static void ask(struct turn *t, int node)
{
	struct evidence *evidence = &t->core->evidence[node];
	struct action *act;

	if (evidence->op != 0 || !due(t, evidence->retry_at) ||
	    !due(t, evidence->asked + timers_of(t)->verify_fast))
		return;
	evidence->op = next_op(t->core);
	evidence->asked = t->now;
	act = emit(t, ACT_EVIDENCE_GET);
	act->node = node;
	act->op = evidence->op;
	act->not_after = t->now + timers_of(t)->route_call;
	act->deadline = act->not_after;
}

/* Of two looks from @first to @last: when they became a fact. */
static mono_us fact(const struct turn *t, mono_us first, mono_us last)
{
	mono_us apart = timers_of(t)->verify_fast;

	/* An old one proves nothing: the machine may have been started again. */
	return last - first >= apart && lately(t, last, 2 * apart) ? last : MONO_NEVER;
}

static mono_us machine_gone(const struct turn *t, int owner, mono_us since)
{
	const struct evidence *evidence = &t->core->evidence[owner];

	if (evidence->gone_since == MONO_NEVER)
		return MONO_NEVER;
	return fact(t, mono_max(evidence->gone_since, since), evidence->gone_at);
}

static mono_us routes_gone(const struct turn *t, mono_us since)
{
	mono_us gone = t->in->config.tables > 0 ? MONO_LONG_AGO : MONO_NEVER;

	for (unsigned int i = 0; i < t->in->config.tables; i++) {
		const struct route *route = &t->in->routes[i];

		if (route->target != TARGET_BLACKHOLE)
			return MONO_NEVER;
		gone = mono_max(gone, fact(t, mono_max(route->same_since, since), route->read_at));
	}
	return gone;
}

mono_us evidence_found(struct turn *t, int owner, mono_us since)
{
	if (!t->core->config.evidence || t->now < since)
		return MONO_NEVER;
	ask(t, owner);
	return mono_min(machine_gone(t, owner, since), routes_gone(t, since));
}
