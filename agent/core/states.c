/* SPDX-License-Identifier: MIT */
/*
 * The machine of one instance: what each state looks after, and the two doors
 * between states. enter() is the only place that changes a state; leave()
 * (depart.c) is the way there for a node that acts.
 */
#include "agent/core/machine.h"

#define FIGHT_MAX 5
#define FIGHT_WINDOW (10 * SEC)
#define FIGHT_PAUSE (60 * SEC)

/* --- doors ------------------------------------------------------------------------ */

void enter(struct turn *t, enum core_state state, enum core_reason reason)
{
	struct instance *in = t->in;
	bool acted = core_acting(in);
	struct action *act = emit(t, ACT_STATE);
	/* Since when nobody else can have moved the routes by right: since our claim began; for
	 * an adoption, since P was seen to name us, or since the start. */
	mono_us reign = acted			 ? in->claim.since
			: in->state == CORE_INIT ? begun(t->core, in)
						 : in->record.first_seen;

	act->old_state = PLANTED(WRONG_STATE) && state == CORE_FAULT ? CORE_BACKUP : in->state;
	act->state = state;
	act->reason = reason;
	in->state = state;
	in->reason = reason;
	in->since = t->now;
	in->flags &= FLAG_ALIAS_FIGHT | FLAG_PARTIAL | FLAG_STRANGER;
	t->core->hello_now = true;
	if (core_acting(in) && !acted) {
		in->acting_since = t->now;
		in->touch_sent = t->now; /* of a claim: its Put; of an adoption: nothing yet */
		in->handover_until = MONO_LONG_AGO;
		in->handover_to = -1;
		duty_begin(in);
	}
	if (!core_acting(in)) {
		in->departure.step = DEPARTURE_NONE;
		duty_end(in);
		in->acting_since = MONO_NEVER;
		in->promise = 0;
		in->by_route = false;
		routes_unwant(t);
	}
	if (state == CORE_MASTER)
		routes_want(t, reign);
	if (state != CORE_FAULT)
		in->alias_kept = false;
}

/* --- states ------------------------------------------------------------------------- */

/* INIT: nothing is decided, and nothing changed, before the first look is complete. */
static void step_init(struct turn *t)
{
	struct instance *in = t->in;
	struct core *core = t->core;
	mono_us patience = begun(core, in) + timers_of(t)->claim;
	bool fit = healthy(t) || in->frozen; /* hands off, whatever the checks say */

	record_refresh(t, timers_of(t)->verify_fast);
	routes_refresh(t, timers_of(t)->verify_fast);
	outage_start(t);
	if (in->standby) {
		enter(t, CORE_MAINT, REASON_STARTED);
		return;
	}
	if (unhealthy(t) && !in->frozen) {
		enter(t, CORE_FAULT, in->link_up ? REASON_CHECK_FAILED : REASON_LINK_DOWN);
		in->alias_kept = in->alias_present;
		return;
	}
	if (!in->record.known || (!routes_tried(in) && !due(t, patience)) ||
	    (!fit && !due(t, patience)))
		return;
	if (in->record.owner == self_of(core) && fit && !record_covered(in, core) &&
	    !routes_at_peer(t) && !peer_acting(t)) {
		if (record_just_read(t, MONO_LONG_AGO))
			enter(t, CORE_MASTER, REASON_ADOPTED);
		else if (!outage_adopt(t))
			record_ask(t);
		return;
	}
	record_disclaim(core, in);
	enter(t, CORE_BACKUP, REASON_STARTED);
}

static void step_backup(struct turn *t)
{
	if (unhealthy(t) && !t->in->frozen) {
		enter(t, CORE_FAULT, t->in->link_up ? REASON_CHECK_FAILED : REASON_LINK_DOWN);
		return;
	}
	claim_consider(t);
}

/* Whoever promised has forgotten it in a restart, and acts. */
static bool taken_back(const struct turn *t)
{
	return peer_acts(t, (unsigned int)t->in->record.owner);
}

/* P names none of those who act, and cannot be written now: the better one goes on. */
static bool outranked(const struct turn *t)
{
	for (unsigned int n = 0; n < t->core->config.node_count; n++)
		if (n != t->core->config.self && peer_heard(t, n) && peer_better(t, n) &&
		    t->in->view[n].state == CORE_MASTER && t->in->state == CORE_MASTER)
			return true;
	return false;
}

/*
 * Two began on one promise without hearing each other: who is MASTER already
 * goes on, else the better one.
 */
static bool outbid(const struct turn *t)
{
	for (unsigned int n = 0; n < t->core->config.node_count; n++) {
		enum core_state state = t->in->view[n].state;

		if (n != t->core->config.self && peer_heard(t, n) &&
		    (state == CORE_MASTER || (state == CORE_CLAIMING && peer_better(t, n))))
			return t->in->promise != 0 && !PLANTED(NO_TIE_BREAK);
	}
	return false;
}

/* S1. P names another node: it has overruled us, unless it has itself renounced
 * that very version and we act on its promise. */
static bool overruled(const struct turn *t)
{
	const struct instance *in = t->in;
	const struct record *record = &in->record;

	if (PLANTED(NO_STEP_DOWN))
		return false;
	if (record->owner == self_of(t->core)) /* both say so, and P cannot be asked */
		return record->disputed != MONO_NEVER && record->outcome != OUTCOME_OK &&
		       outranked(t);
	if (record->owner < 0)
		return outranked(t);
	if (in->state == CORE_CLAIMING)
		return record->life != in->claim.life || record->version > in->claim.base ||
		       outbid(t) ||
		       (in->promise != 0 && in->promise == record->version && taken_back(t));
	return in->promise == 0 || in->promise != record->version || taken_back(t) ||
	       (outranked(t) && !PLANTED(NO_TIE_BREAK));
}

/* The database stays read-only, and somebody else might do better. */
static bool promotion_hopeless(const struct turn *t)
{
	return duty_promote_failed(t) && peer_could_serve(t);
}

static void step_claiming(struct turn *t)
{
	if (overruled(t))
		leave(t, CORE_BACKUP, REASON_OVERRULED);
	else if (unhealthy(t) && !t->in->frozen)
		leave(t, CORE_FAULT, t->in->link_up ? REASON_CHECK_FAILED : REASON_LINK_DOWN);
	else if (promotion_hopeless(t))
		leave(t, CORE_BACKUP, REASON_PROMOTE_FAILED);
	else
		claim_continue(t);
}

/* C6: not one table could be written for T_route, and somebody else might do better. */
static bool routes_hopeless(struct turn *t)
{
	mono_us since = mono_max(t->in->since, t->in->duties[DUTY_PROMOTE].answered);

	since = mono_max(since, routes_mine_at(t->in));
	return duty_promoted(t) && !routes_any_mine(t) && due(t, since + timers_of(t)->route) &&
	       peer_could_serve(t);
}

static void step_master(struct turn *t)
{
	const struct timers *timers = timers_of(t);
	bool watched = lease_acked(t);
	bool blind = !watched && (!touch_lands(t) || t->in->record.outcome == OUTCOME_UNKNOWN);

	if (overruled(t)) {
		leave(t, CORE_BACKUP, REASON_OVERRULED);
		return;
	}
	record_refresh(t,
		       watched ? slowed(timers->verify_master, t->in->record.slow) : timers->touch);
	touch_owner(t); /* under maintenance too */
	if (t->in->frozen && !PLANTED(NO_MAINTENANCE)) {
		set_flag(t->in, FLAG_UNCONFIRMED, due(t, lease_base(t) + timers->lease));
		routes_refresh(t, timers->verify_master); /* to show what others do */
		return;
	}
	if (unhealthy(t) && !PLANTED(SICK_MASTER)) {
		leave(t, CORE_FAULT, t->in->link_up ? REASON_CHECK_FAILED : REASON_LINK_DOWN);
		return;
	}
	if (routes_hopeless(t)) {
		leave(t, CORE_BACKUP, REASON_ROUTES_FAILED);
		t->in->claim_after = t->now + timers->hold;
		return;
	}
	if (promotion_hopeless(t)) {
		leave(t, CORE_BACKUP, REASON_PROMOTE_FAILED);
		return;
	}
	group_yield(t);
	if (t->in->departure.step == DEPARTURE_FENCING || t->in->state != CORE_MASTER)
		return;
	if (outage_conceded(t)) {
		leave(t, CORE_BACKUP, REASON_CONCEDED);
		return;
	}
	lease_watch(t);
	if (t->in->departure.step == DEPARTURE_FENCING || t->in->state != CORE_MASTER)
		return;
	claim_record(t);
	routes_write(t);
	routes_mend(t);
	routes_refresh(t, blind ? mono_min(timers->touch, routes_period(t)) : routes_period(t));
}

/* FAULT: cannot serve. Whatever P says of us is renounced (S2). */
static void step_fault(struct turn *t)
{
	struct instance *in = t->in;
	const struct record *record = &in->record;
	bool told = record->read_at >= in->since;
	bool store_away = record->outcome == OUTCOME_UNKNOWN && in->reason != REASON_FENCED;

	record_disclaim(t->core, in);
	record_refresh(t, in->alias_kept ? timers_of(t)->touch : timers_of(t)->verify_backup);
	routes_refresh(t, routes_idle_period(t));
	if (in->standby) {
		enter(t, CORE_MAINT, REASON_STANDBY);
	} else if (healthy(t)) {
		if (told || store_away)
			enter(t, CORE_BACKUP, REASON_RECOVERED);
		else
			record_refresh(t, timers_of(t)->verify_fast);
	}
}

static void step_maint(struct turn *t)
{
	record_disclaim(t->core, t->in);
	record_refresh(t, timers_of(t)->verify_backup);
	routes_refresh(t, routes_idle_period(t));
	if (!t->in->standby)
		enter(t, CORE_BACKUP, REASON_RESUMED);
}

/* --- the address ------------------------------------------------------------------------ */

static bool alias_wanted(struct turn *t)
{
	struct instance *in = t->in;

	if (in->alias_kept && (peer_could_serve(t) || taken_over(t)))
		in->alias_kept = false;
	return core_acting(in) || in->alias_kept;
}

static void plumb(struct turn *t)
{
	struct instance *in = t->in;
	bool wanted = alias_wanted(t);

	if (in->state == CORE_INIT || in->alias_pending || wanted == in->alias_present ||
	    in->frozen || observes(t)) /* frozen: leave() takes its own address along */
		return;
	if (!due(t, mono_max(in->alias_retry, in->alias_quiet)))
		return;
	set_flag(in, FLAG_ALIAS_FIGHT, false);
	if (wanted) {
		emit(t, ACT_ALIAS_ADD);
		in->alias_pending = true;
		in->alias_asked = true;
	} else {
		drop_alias(t);
	}
}

/* Somebody else changed our address: mend it, but do not fight for ever. */
static void count_meddling(struct instance *in, mono_us now)
{
	for (unsigned int i = FIGHT_MAX - 1; i > 0; i--)
		in->alias_lost[i] = in->alias_lost[i - 1];
	in->alias_lost[0] = now;
	if (now - in->alias_lost[FIGHT_MAX - 1] > FIGHT_WINDOW)
		return;
	in->alias_quiet = now + FIGHT_PAUSE;
	set_flag(in, FLAG_ALIAS_FIGHT, true);
}

void alias_seen(struct instance *in, mono_us now, const struct event *ev)
{
	bool asked = in->alias_pending;

	in->alias_pending = false;
	if (!asked && in->state != CORE_INIT && ev->up != in->alias_present &&
	    ev->up != core_acting(in))
		count_meddling(in, now);
	in->alias_present = ev->up;
	/* The state may have changed since: only what was asked for last can have failed. */
	in->alias_retry = asked && ev->up != in->alias_asked ? now + SEC : MONO_LONG_AGO;
}

/* --- one look ------------------------------------------------------------------------------ */

static void step_state(struct turn *t)
{
	depart_continue(t);
	if (t->in->departure.step == DEPARTURE_FENCING)
		return;
	switch (t->in->state) {
	case CORE_INIT:
		step_init(t);
		break;
	case CORE_BACKUP:
		step_backup(t);
		break;
	case CORE_CLAIMING:
		step_claiming(t);
		break;
	case CORE_MASTER:
		step_master(t);
		break;
	case CORE_FAULT:
		step_fault(t);
		break;
	case CORE_MAINT:
		step_maint(t);
		break;
	case CORE_STATES:
		break;
	}
}

static bool partial(const struct turn *t)
{
	for (unsigned int i = 0; i < t->in->config.tables; i++) {
		const struct route *route = &t->in->routes[i];

		if (route->target != self_of(t->core) && route->tried &&
		    route->outcome != OUTCOME_OK)
			return true;
	}
	return false;
}

/* Z1. The loop did not run for a while: trust nothing that was queued. */
static void stalled(struct turn *t)
{
	struct instance *in = t->in;
	mono_us gap = in->stall;

	in->stall = 0;
	for (unsigned int n = 0; n < CORE_NODES_MAX; n++) /* silence while deaf proves nothing */
		in->view[n].act_seen = mono_min(t->now, in->view[n].act_seen + gap);
	if (!core_acting(in))
		return;
	emit(t, ACT_CANCEL);
	in->confirm_after = t->now;
	if (in->state == CORE_MASTER && gap <= timers_of(t)->lease)
		return;
	/* A claim begins anew, from fresh knowledge. Nothing is disclaimed: if P names us
	 * after this, we simply go on (A1). */
	if (in->state == CORE_MASTER)
		failed(t);
	(void)duty_fence(t);		   /* too late to wait for it */
	in->alias_present |= !observes(t); /* whatever was last heard of it is old */
	drop_alias(t);
	enter(t, CORE_BACKUP, REASON_STALLED);
}

/* The end is planned: what is left of us is taken along. */
static void step_stopping(struct turn *t)
{
	t->in->alias_kept = false;
	if (!t->in->alias_pending)
		drop_alias(t); /* one kept in FAULT, or found at start */
	record_disclaim(t->core, t->in);
}

void settle(struct turn *t)
{
	struct instance *in = t->in;
	uint32_t now_blocked;
	enum core_state before, first = in->state;

	if (in->stall > 0 && !PLANTED(NO_STALL_CHECK))
		stalled(t);
	orders_carry_out(t);
	group_follow(t);
	if (in->frozen && due(t, in->frozen_until)) {
		in->frozen = false;
		note(t, NOTE_THAWED, -1);
	}
	duty_settle(t);
	if (t->core->stopping) {
		if (core_acting(in)) {
			leave_planned(t, CORE_BACKUP, REASON_STOPPING, -1);
			step_state(t);
		}
		if (!core_acting(in))
			step_stopping(t);
	} else {
		/* A new state may have something to do at once. Bounded: no rule leads
		 * back to a state left in the same look. */
		for (unsigned int i = 0; i < CORE_STATES; i++) {
			before = in->state;
			step_state(t);
			if (in->state == before)
				break;
		}
	}
	if (in->state != first) /* a new state may owe the database something */
		duty_settle(t);
	if (!t->core->stopping || core_acting(in)) /* the release hook may take its time */
		plumb(t);
	duty_flags(t);
	set_flag(in, FLAG_TOUCHES_OWNER, t->core->config.touch_owner);
	set_flag(in, FLAG_PARTIAL, core_acting(in) && partial(t));
	if (set_flag(in, FLAG_STRANGER, in->record.owner == OWNER_STRANGER) &&
	    in->record.owner == OWNER_STRANGER)
		note(t, NOTE_STRANGER, -1);
	now_blocked = blockers(t);
	t->core->hello_now |= (now_blocked == 0) != (in->blockers == 0); /* peers decide on it */
	if (now_blocked != 0)
		in->fit_since = MONO_NEVER;
	else if (in->fit_since == MONO_NEVER)
		in->fit_since = t->now;
	in->blockers = now_blocked;
	if (in->state == CORE_BACKUP && !t->core->stopping) /* by what is true now */
		group_want(t);
}
