/* SPDX-License-Identifier: MIT */
/*
 * Claiming. claim_consider() is a BACKUP's list of reasons, each a rule of
 * the protocol; claim_continue() carries one claim from the Put to its
 * confirmation (C5: Fischer's write, wait, read again, where the version says
 * whether the wait is needed).
 */
#include "agent/core/machine.h"

/* --- reasons to claim -------------------------------------------------------------- */

/* From when on the owner counts as silent. */
mono_us claim_quiet_from(const struct core *core, const struct instance *in)
{
	int owner = in->record.owner;
	mono_us heard = begun(core, in);

	if (owner >= 0 && owner != self_of(core))
		heard = mono_max(heard, in->view[owner].act_seen);
	return heard + core->config.timers.dead_after;
}

/* The owner was seen alive in the cloud since it fell silent. */
static bool lives_in_cloud(const struct turn *t, mono_us quiet_from)
{
	const struct record *record = &t->in->record;

	if (record->owner < 0)
		return false;
	return mono_max(t->in->view[record->owner].touch_seen, record->first_seen) > quiet_from;
}

/* How often to ask P (and the owner's touch) now. */
static mono_us poll_period(const struct turn *t, bool silent, bool lives)
{
	const struct timers *timers = timers_of(t);
	mono_us slow = timers->grace - timers->touch - timers->param_call - timers->stale;

	if (!t->in->record.known || t->in->record.odd_since != MONO_NEVER)
		return timers->verify_fast;
	if (!silent)
		return slowed(timers->verify_backup, t->in->record.slow);
	/* Once a touch was seen the question is answered; from then on only watch. */
	return lives || t->in->flags & FLAG_WOULD_CLAIM
		       ? mono_max(timers->poll, mono_min(slow, SEC))
		       : timers->poll;
}

/* Reads what this state may need to decide upon, and says when an owner falls silent. */
static void watch_owner(struct turn *t)
{
	const struct timers *timers = timers_of(t);
	const struct instance *in = t->in;
	int owner = in->record.owner;
	bool peer = owner >= 0 && owner != self_of(t->core);
	mono_us quiet_from = claim_quiet_from(t->core, in);
	bool silent = (peer || owner == OWNER_STRANGER) && !record_covered(in, t->core) &&
		      due(t, quiet_from);
	bool lives = silent && lives_in_cloud(t, quiet_from);
	bool blind = peer && peer_acting(t) && !(in->view[owner].flags & HELLO_EC2_OK);
	mono_us period = poll_period(t, silent, lives);

	if (set_flag(t->in, FLAG_SUSPECT, silent))
		note(t, silent ? NOTE_SUSPECT : NOTE_HEARD_AGAIN, owner);
	if (set_flag(t->in, FLAG_PARTITIONED, lives) && lives)
		note(t, NOTE_PARTITIONED, owner);
	record_refresh(t, period);
	if (peer) /* at other times only: may we read it at all? */
		touch_refresh(t, owner, silent ? period : touch_idle_period(t, owner));
	routes_refresh(t, blind ? timers->verify_fast
				: mono_min(routes_idle_period(t), outage_route_period(t)));
}

void claim_begin(struct turn *t, enum claim_kind kind, enum core_reason reason)
{
	struct instance *in = t->in;

	if (observes(t)) {
		observe_claim(t, reason);
		return;
	}
	if (!duty_gate(t)) /* the reasons are looked at again when it has answered */
		return;
	in->claim = (struct claim){.kind = kind,
				   .base = in->record.version,
				   .life = in->record.life,
				   .since = t->now,
				   .put_at = t->now,
				   .settled_at = MONO_LONG_AGO};
	enter(t, CORE_CLAIMING, reason);
	if (kind == CLAIM_FAST || kind == CLAIM_ROUTE) {
		in->promise = in->record.version;
		routes_want(t, t->now);
	}
}

/* A1: P names us and we have not renounced: a Put of ours whose answer was lost. */
static void adopt(struct turn *t)
{
	if (record_just_read(t, t->in->since)) {
		enter(t, CORE_MASTER, REASON_ADOPTED);
		return;
	}
	record_ask(t);
	outage_consider(t);
}

/* C1, X = me: our own disclaim, and we can serve again. Peers go first. */
static void reclaim(struct turn *t)
{
	mono_us at = mono_max(t->in->since + timers_of(t)->reclaim, t->in->handover_until);
	bool handed_over;

	if (!due(t, at))
		return;
	if (!record_just_read(t, at)) {
		record_ask(t);
		return;
	}
	handed_over = t->in->handover_until != MONO_LONG_AGO;
	claim_begin(t, CLAIM_OWN, REASON_RECLAIM);
	if (handed_over && core_acting(t->in)) /* else the gate has not answered yet */
		note(t, NOTE_TAKEN_BACK, -1);
}

/* With touch = owner there is none: a touch shows in the version of P. */
static bool touch_just_read(struct turn *t, int owner, mono_us from)
{
	const struct touch_reader *reader = &t->core->touch_read[owner];

	if (t->core->config.touch_owner)
		return true;
	return reader->read_at >= from && lately(t, reader->answered, timers_of(t)->slack);
}

/*
 * A promise stands while its version is the newest and its giver has not
 * restarted, so an old one needs news: its giver is heard, or P and its touch
 * were just read. With the store away a young one will do: whoever gave it
 * needs the store to take it back.
 */
static bool promise_stands(struct turn *t, int owner)
{
	const struct timers *timers = timers_of(t);
	const struct record *record = &t->in->record;
	const struct view *view = &t->in->view[owner];

	if (peer_heard(t, (unsigned int)owner) || PLANTED(OLD_PROMISE))
		return true;
	if (!due(t,
		 begun(t->core, t->in) + timers->dead_after)) /* it may well be heard in a moment */
		return false;
	if (record_just_read(t, MONO_LONG_AGO) && touch_just_read(t, owner, MONO_LONG_AGO))
		return true;
	if (!record_just_read(t, MONO_LONG_AGO))
		record_ask(t);
	if (!touch_just_read(t, owner, MONO_LONG_AGO))
		touch_refresh(t, owner, timers->poll / 2);
	return record->outcome == OUTCOME_UNKNOWN && record->odd_since == MONO_NEVER &&
	       view->act_seen <= view->covered_at && begun(t->core, t->in) < view->covered_at &&
	       lately(t, view->covered_at, timers->dead_after + timers->grace);
}

/* C1: the owner promised not to act on this version. */
static void take_disclaimed(struct turn *t, int owner)
{
	const struct view *view = &t->in->view[owner];
	bool meant = view->handover_to == self_of(t->core);
	unsigned int order = meant ? 0 : rank(t) + (view->handover_to >= 0);

	if (due(t, view->covered_at + order * timers_of(t)->stagger) && promise_stands(t, owner))
		claim_begin(t, CLAIM_FAST, REASON_DISCLAIMED);
}

#define THROTTLED_MAX (30 * SEC)

/* Up to when throttling makes a missing touch too weak to act upon. */
static mono_us throttled(const struct turn *t, mono_us quiet_from)
{
	mono_us last = t->in->record.throttled;

	if (core_throttle == CORE_THROTTLE_IGNORED)
		return MONO_LONG_AGO;
	if (core_throttle == CORE_THROTTLE_CAPPED)
		return mono_min(last, quiet_from + THROTTLED_MAX);
	return last;
}

/* C2: neither heard nor touching; two reads of P, the last after the deadline. */
static void take_silent(struct turn *t, int owner)
{
	const struct timers *timers = timers_of(t);
	const struct record *record = &t->in->record;
	mono_us quiet_from = claim_quiet_from(t->core, t->in);
	mono_us since =
		mono_max(mono_max(record->first_seen, quiet_from), throttled(t, quiet_from));
	mono_us gone, at;
	bool ready = true;

	if (owner >= 0)
		since = mono_max(since, t->in->view[owner].touch_seen);
	gone = owner >= 0 ? evidence_found(t, owner, since) : MONO_NEVER;
	at = mono_min(since + (PLANTED(NO_GRACE) ? 0 : timers->grace), gone) +
	     rank(t) * timers->stagger;
	if (!due(t, at))
		return;
	if (!record_just_read(t, at) || record->first_read < quiet_from ||
	    record->first_read >= record->read_at) {
		record_ask(t);
		ready = false;
	}
	if (owner >= 0 && !touch_just_read(t, owner, at)) {
		touch_refresh(t, owner, timers->poll / 2);
		ready = false;
	}
	if (ready)
		claim_begin(t, CLAIM_SILENT,
			    gone == MONO_NEVER ? REASON_OWNER_SILENT : REASON_OWNER_GONE);
}

/*
 * C3: nobody owns it. When P was deleted under an owner, that one may live and
 * only not be heard; it makes P anew within its verify period, so wait for it.
 */
static void take_unowned(struct turn *t)
{
	const struct timers *timers = timers_of(t);
	mono_us at = begun(t->core, t->in) + timers->dead_after;

	for (unsigned int n = 0; n < t->core->config.node_count; n++)
		at = mono_max(at, t->in->view[n].act_seen + timers->dead_after + timers->grace);
	if (t->in->record.life > 0)
		at = mono_max(at, t->in->record.first_seen + timers->verify_master + timers->grace);
	at += rank(t) * timers->stagger;
	if (!due(t, at))
		return;
	if (record_just_read(t, at))
		claim_begin(t, CLAIM_CREATE, REASON_NO_OWNER);
	else
		record_ask(t);
}

/* C4: the owner lives but has lost EC2, and a route is wrong: only we can mend it. */
static void take_stranded(struct turn *t, int owner)
{
	if (t->in->view[owner].flags & HELLO_EC2_OK || !routes_stranded(t, owner))
		return;
	if (record_just_read(t, MONO_LONG_AGO))
		claim_begin(t, CLAIM_OWN, REASON_STRANDED);
	else
		record_ask(t);
}

void claim_consider(struct turn *t)
{
	struct instance *in = t->in;
	int owner = in->record.owner;

	watch_owner(t);
	set_flag(in, FLAG_CLAIM_BACKOFF, t->now < in->claim_after);
	if (!in->record.known || !due(t, in->claim_after))
		return;
	if (owner == self_of(t->core) && !record_covered(in, t->core) && !peer_acting(t)) {
		/* Not moving back: P says it never left. So a hold is no reason against. */
		if ((blockers(t) & ~(uint32_t)(BLOCK_HOLD | BLOCK_GATE | BLOCK_OBSERVE)) == 0)
			adopt(t);
		return;
	}
	if ((blockers(t) & ~(uint32_t)BLOCK_OBSERVE) != 0 || observe_told(t))
		return;
	if (peer_acting(t)) {
		if (owner >= 0 && owner != self_of(t->core) && peer_acts(t, (unsigned int)owner))
			take_stranded(t, owner);
		return;
	}
	if (owner == self_of(t->core))
		reclaim(t);
	else if (owner == OWNER_NOBODY)
		take_unowned(t);
	else if (record_covered(in, t->core))
		take_disclaimed(t, owner);
	else
		take_silent(t, owner);
	if (!core_acting(in) && owner != OWNER_NOBODY)
		outage_consider(t);
}

/* --- one claim ------------------------------------------------------------------------ */

static void give_up(struct turn *t)
{
	leave(t, CORE_BACKUP, REASON_CLAIM_FAILED);
	t->in->claim_after = t->now + 200 * MSEC + jitter(t->core, 1800 * MSEC);
}

/* The Put's turn: at once, and again only after a read has shown that it did not happen. */
static void put_when_due(struct turn *t)
{
	struct claim *claim = &t->in->claim;

	if (claim->kind == CLAIM_GAP || claim->kind == CLAIM_ROUTE || t->in->frozen ||
	    t->in->record.op != 0)
		return;
	if (claim->puts > 0 && t->in->record.read_at < claim->settled_at) {
		if (due(t, claim->settled_at)) /* what became of the last one? */
			record_ask(t);
		return;
	}
	if (!due(t, claim->put_at))
		return;
	if (claim->puts > 0 && !record_just_read(t, claim->settled_at)) {
		record_ask(t);
		return;
	}
	claim->puts++;
	claim->put_at = MONO_NEVER; /* the answer sets it */
	record_put(t, claim->kind == CLAIM_CREATE);
}

void claim_continue(struct turn *t)
{
	struct instance *in = t->in;
	struct claim *claim = &in->claim;
	int owner = in->record.owner;
	/* By our Put, or by an earlier one that landed late. */
	bool ours = owner == self_of(t->core) &&
		    (claim->kind == CLAIM_GAP || in->record.version != claim->base ||
		     in->record.life != claim->life);

	if (ours && due(t, claim->settled_at)) {
		if (record_just_read(t, claim->settled_at) || PLANTED(NO_CONFIRM)) {
			enter(t, CORE_MASTER, REASON_CONFIRMED);
			return;
		}
		if (in->record.asked < claim->settled_at)
			record_ask(t);
		else
			record_refresh(t, timers_of(t)->poll);
	} else if (!ours) {
		if ((claim->kind == CLAIM_SILENT || claim->kind == CLAIM_ROUTE) && owner >= 0 &&
		    in->view[owner].act_seen > claim->since) {
			give_up(t); /* it was not dead */
			return;
		}
		put_when_due(t);
	}
	if (claim->kind == CLAIM_ROUTE && routes_all_mine(t)) {
		enter(t, CORE_MASTER, REASON_UNRECORDED); /* writes P when it can */
		return;
	}
	/* A claimant needs a lease like a MASTER: somebody may be waiting for its end. */
	if (PLANTED(CLAIM_FOR_EVER) || !due(t, mono_min(claim->since + timers_of(t)->claim,
							lease_base(t) + timers_of(t)->lease)))
		routes_write(t);
	else if (in->promise != 0 && in->promise == in->record.version &&
		 (routes_any_mine(t) || !duty_promoted(t)))
		enter(t, CORE_MASTER, REASON_UNRECORDED); /* the store is away; the promise holds */
	else
		give_up(t);
}

/* A Put of ours was answered (the record has learned from it already). */
void claim_written(struct turn *t, const struct event *ev)
{
	const struct timers *timers = timers_of(t);
	struct instance *in = t->in;
	struct claim *claim = &in->claim;

	if (!core_acting(in))
		return;
	switch (ev->outcome) {
	case OUTCOME_OK:
		in->touch_sent = mono_max(in->touch_sent, ev->sent);
		claim->settled_at = t->now;
		if (ev->version == claim->base + 1 || PLANTED(NO_GAP))
			break;
		/* Somebody wrote in between. Every Put decided before ours must have
		 * landed, and be visible, before a read means anything. */
		claim->kind = CLAIM_GAP;
		claim->settled_at = t->now + timers->param_call + timers->stale + timers->slack;
		in->promise = 0;
		if (in->state == CORE_MASTER)
			enter(t, CORE_CLAIMING, REASON_GAP);
		claim->since = t->now; /* the wait is part of T_claim, and starts now */
		break;
	case OUTCOME_UNKNOWN:
		claim->settled_at = ev->sent + timers->param_call;
		claim->put_at = mono_max(claim->settled_at,
					 t->now + backoff(t->core, ev->outcome, claim->puts));
		break;
	case OUTCOME_ABSENT:
	case OUTCOME_EXISTS:
	case OUTCOME_THROTTLED:
	case OUTCOME_DENIED:
	case OUTCOME_REFUSED:
	case OUTCOME_NOT_SENT:
	case OUTCOME_COUNT:
		claim->settled_at = t->now;
		claim->put_at = t->now + backoff(t->core, ev->outcome, claim->puts);
		break;
	}
}

/* P, read since we act where nothing but the route told us to, names us on a version that we have
 * not renounced. */
static bool recorded(const struct turn *t)
{
	const struct instance *in = t->in;

	return in->record.owner == self_of(t->core) &&
	       (!in->by_route ||
		(!record_covered(in, t->core) && in->record.read_at >= in->acting_since));
}

/* MASTER, but P does not say so: absent, a stranger's name, or we act on a promise. */
void claim_record(struct turn *t)
{
	struct instance *in = t->in;
	struct record *record = &in->record;
	struct claim *claim = &in->claim;

	set_flag(in, FLAG_UNRECORDED, !recorded(t));
	if (observes(t))
		return;
	if (recorded(t)) {
		in->promise = 0;
		in->by_route = false;
		claim->put_at = MONO_LONG_AGO;
		return;
	}
	if (record->op != 0)
		return;
	if (claim->put_at == MONO_NEVER) /* of a claim, or of a Put answered meanwhile */
		claim->put_at = t->now;
	if (!due(t, claim->put_at))
		return;
	if (!record_just_read(t, in->confirm_after)) {
		record_refresh(t, timers_of(t)->verify_fast);
		return;
	}
	claim->kind = record->owner == OWNER_NOBODY ? CLAIM_CREATE : CLAIM_OWN;
	claim->base = record->version;
	claim->life = record->life;
	claim->puts = 1;
	claim->put_at = MONO_NEVER;
	record_put(t, claim->kind == CLAIM_CREATE);
}
