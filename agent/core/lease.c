/* SPDX-License-Identifier: MIT */
/*
 * The owner's side of the silent claim. Every ack of a peer, and every touch
 * of our parameter that landed, buys the right to act for F more; a peer that
 * neither hears us nor sees a touch waits G > F before it claims. So the
 * owner has stopped, or watches the route, before anybody else may start.
 *
 * A touch is one write of the *node's* own parameter, whatever the number of
 * its instances: it lists those it acts on and those it disclaims.
 */
#include "agent/core/machine.h"

/* --- acks and lease ---------------------------------------------------------- */

bool lease_acked(const struct turn *t)
{
	const struct core *core = t->core;

	for (unsigned int n = 0; n < core->config.node_count; n++) {
		mono_us from = mono_max(core->peers[n].ack, t->in->acting_since);

		if (n != core->config.self && !lately(t, from, core->config.timers.ack_age))
			return false;
	}
	return true;
}

mono_us lease_base(const struct turn *t)
{
	const struct core *core = t->core;
	mono_us acked = MONO_NEVER;

	for (unsigned int n = 0; n < core->config.node_count; n++) {
		mono_us ack = core->peers[n].ack;

		if (n == core->config.self || core->awaited[n])
			continue;
		if (ack < t->in->acting_since) /* of a packet that did not say we act */
			ack = MONO_LONG_AGO;
		acked = mono_min(acked, ack + core->config.timers.dead_after);
	}
	if (core->config.node_count < 2)
		return t->now; /* nobody to be silent to */
	return mono_max(acked, t->in->touch_sent);
}

/* Lease over: the route decides whether we are still the one who is reached. */
static void lease_over(struct turn *t)
{
	const struct timers *timers = timers_of(t);
	bool readable = lately(t, routes_reachable_since(t->in), timers->lease);

	if (routes_at_peer(t)) {
		leave(t, CORE_BACKUP, REASON_CONCEDED);
		return;
	}
	if (readable) {
		set_flag(t->in, FLAG_DEGRADED, false);
		return;
	}
	/* Throttled means reachable: never a reason to fence. */
	if (touch_throttled(t) && routes_all_mine(t))
		return;
	if (t->in->config.fence) {
		leave(t, CORE_FAULT, REASON_FENCED);
		return;
	}
	if (set_flag(t->in, FLAG_DEGRADED, true))
		note(t, NOTE_DEGRADED, -1);
}

void lease_watch(struct turn *t)
{
	bool over = due(t, lease_base(t) + timers_of(t)->lease) && !PLANTED(NO_LEASE);
	bool unread = t->in->record.read_at < t->in->confirm_after;

	if (set_flag(t->in, FLAG_UNCONFIRMED, over || unread) && (over || unread))
		note(t, NOTE_UNCONFIRMED, -1);
	if (unread)
		record_ask(t);
	if (over)
		lease_over(t);
	else
		set_flag(t->in, FLAG_DEGRADED, false);
}

/* --- touching ------------------------------------------------------------------ */

static bool wants_touch(struct turn *t)
{
	const struct instance *in = t->in;
	const struct core *core = t->core;

	if (PLANTED(NO_TOUCH))
		return false;
	if (core_acting(in))
		return !lease_acked(t);
	if (in->record.owner != self_of(core) || in->disclaimed < in->record.version)
		return false;
	for (unsigned int n = 0; n < core->config.node_count; n++)
		if (n != core->config.self &&
		    !lately(t, core->peers[n].ack, core->config.timers.ack_age))
			return true; /* it has not heard our disclaim; it may read it */
	return false;
}

/* When the next touch may go. Throttled, it backs off far; but once reads are
 * answered again the peers can read as well, and they will miss our touch. */
static mono_us next_touch(const struct core *core)
{
	const struct touch_writer *writer = &core->touch_write;

	for (unsigned int i = 0; i < core->config.instance_count; i++) {
		const struct record *record = &core->instances[i].record;

		if (writer->outcome == OUTCOME_THROTTLED && record->outcome == OUTCOME_OK &&
		    record->answered > writer->asked)
			return mono_min(writer->next,
					writer->asked + 2 * core->config.timers.touch);
	}
	return writer->next;
}

void touch_settle(struct core *core, mono_us now, struct actions *out)
{
	struct touch_writer *writer = &core->touch_write;
	struct turn t = {.core = core, .now = now, .out = out};
	/* Once at start: may we write it at all, and away with what an earlier run listed. */
	bool wanted = core->target_known && !writer->landed;
	struct action *act;

	if (core->stopping || core->config.touch_owner || core->config.observe)
		return;
	for (t.index = 0; t.index < core->config.instance_count && !wanted; t.index++) {
		t.in = &core->instances[t.index];
		wanted = wants_touch(&t);
	}
	wanted |= writer->outcome == OUTCOME_DENIED || writer->outcome == OUTCOME_REFUSED;
	if (!wanted || writer->op != 0 || !due(&t, next_touch(core)))
		return;
	writer->op = next_op(core);
	writer->asked = now;
	writer->next = now + core->config.timers.touch;
	t.index = 0; /* of the node, not of an instance */
	act = emit(&t, ACT_TOUCH_PUT);
	act->node = self_of(core);
	act->op = writer->op;
	act->not_after = now + core->config.timers.slack;
	act->deadline = now + core->config.timers.param_call;
}

void touch_written(struct core *core, mono_us now, const struct event *ev)
{
	struct touch_writer *writer = &core->touch_write;

	if (ev->op != writer->op)
		return;
	writer->op = 0;
	writer->outcome = ev->outcome;
	switch (ev->outcome) {
	case OUTCOME_OK:
		writer->landed = true;
		writer->failures = 0;
		for (unsigned int i = 0; i < core->config.instance_count; i++) {
			struct instance *in = &core->instances[i];

			/* It was listed as acting when the value was made. */
			if (core_acting(in) && in->acting_since <= writer->asked)
				in->touch_sent = mono_max(in->touch_sent, ev->sent);
		}
		break;
	case OUTCOME_THROTTLED:
		writer->next = now + jitter(core, mono_min(30 * SEC,
							   SEC << mono_min(++writer->failures, 5)));
		break;
	case OUTCOME_DENIED:
	case OUTCOME_REFUSED:
		writer->next = now + backoff(core, ev->outcome, 0);
		break;
	case OUTCOME_ABSENT:
	case OUTCOME_EXISTS:
	case OUTCOME_UNKNOWN:
	case OUTCOME_NOT_SENT:
	case OUTCOME_COUNT:
		break; /* again after W */
	}
}

bool touch_lands(const struct turn *t)
{
	return (t->core->config.touch_owner ? t->in->record.put_outcome
					    : t->core->touch_write.outcome) == OUTCOME_OK;
}

bool touch_throttled(const struct turn *t)
{
	if (!t->core->config.touch_owner)
		return t->core->touch_write.outcome == OUTCOME_THROTTLED;
	return t->in->record.put_outcome == OUTCOME_THROTTLED ||
	       t->in->record.outcome == OUTCOME_THROTTLED;
}

/*
 * T1. The touch is a Put of our own name on P itself: read, and if it names us
 * write at once, both within one L. An answer beyond read + 1 has overwritten
 * somebody's claim: claim_written() makes that a gap.
 */
void touch_owner(struct turn *t)
{
	struct instance *in = t->in;
	struct record *record = &in->record;

	if (!t->core->config.touch_owner || PLANTED(NO_TOUCH) || observes(t) || lease_acked(t) ||
	    in->state != CORE_MASTER || record->owner != self_of(t->core) || record->op != 0 ||
	    !due(t, in->touch_at))
		return;
	if (!record_just_read(t, in->confirm_after)) {
		record_ask(t);
		return;
	}
	in->claim.kind = CLAIM_OWN;
	in->claim.base = record->version;
	in->claim.life = record->life;
	in->claim.puts++;
	in->touch_at = t->now + timers_of(t)->touch;
	record_put(t, false);
	t->out->items[t->out->count - 1].deadline = record->asked + timers_of(t)->param_call;
}

void core_touch(const struct core *core, struct touch *touch)
{
	touch->count = 0;
	for (unsigned int i = 0; i < core->config.instance_count; i++) {
		const struct instance *in = &core->instances[i];
		bool disclaims = in->record.owner == self_of(core) && in->disclaimed != 0 &&
				 in->disclaimed >= in->record.version;

		if (!core_acting(in) && !disclaims)
			continue;
		touch->entries[touch->count++] = (struct touch_entry){
			.id = in->config.id,
			.disclaims = !core_acting(in),
			.term = core_acting(in) ? in->record.version : in->disclaimed,
		};
	}
}

/* --- reading the touches of others ------------------------------------------------ */

/*
 * What a touch says of one instance. That its owner acts is news only when the
 * touch has @moved. A disclaim stands as long as it is listed, but one written
 * before P's present version was cannot mean that version: P was made anew.
 */
/*
 * A disclaim counts only if it can be newer than what the node's own heartbeats
 * said: while they come they say it better, and a touch that was not seen to
 * move since may be of an earlier run (a node that may not write its touch
 * leaves the last promise of the run before standing there).
 */
static bool newer_than_heard(const struct core *core, const struct instance *in, int node,
			     mono_us now)
{
	return now - core->peers[node].heard > core->config.timers.dead_after &&
	       in->view[node].act_seen <= core->touch_read[node].moved_at;
}

static void hear_entry(const struct core *core, struct instance *in,
		       const struct touch_entry *entry, bool moved, const struct event *ev,
		       mono_us now)
{
	const struct record *record = &in->record;
	struct view *view = &in->view[ev->node];

	/* On whatever term: it may not have seen the answer of its own Put yet. */
	if (!entry->disclaims && moved) {
		view->touch_seen = now;
		if (view->disclaimed >= entry->term) /* forgotten in a restart */
			view->disclaimed = 0;
	} else if (entry->disclaims && entry->term > view->disclaimed && record->known &&
		   record->mtime != MONO_NEVER && ev->mtime >= record->mtime &&
		   newer_than_heard(core, in, ev->node, now)) {
		view->disclaimed = entry->term;
		view->covered_at = now;
	}
}

static void hear_touch(struct core *core, mono_us now, const struct event *ev, bool moved)
{
	for (unsigned int e = 0; e < ev->touch->count; e++)
		for (unsigned int i = 0; i < core->config.instance_count; i++)
			if (core->instances[i].config.id == ev->touch->entries[e].id)
				hear_entry(core, &core->instances[i], &ev->touch->entries[e], moved,
					   ev, now);
}

void touch_read(struct core *core, mono_us now, const struct event *ev)
{
	struct touch_reader *reader = &core->touch_read[ev->node];
	bool absent = ev->outcome == OUTCOME_ABSENT;
	bool moved;

	if (ev->op != reader->op)
		return;
	reader->op = 0;
	reader->outcome = ev->outcome;
	if (ev->outcome == OUTCOME_THROTTLED) /* the owner's touches may be, too */
		for (unsigned int i = 0; i < core->config.instance_count; i++)
			core->instances[i].record.throttled = now;
	if (ev->outcome != OUTCOME_OK && !absent) {
		reader->retry_at = now + backoff(core, ev->outcome, 0);
		return;
	}
	reader->read_at = ev->sent;
	reader->answered = now;
	if (absent)
		return;
	moved = ev->version != reader->version;
	if (moved)
		reader->moved_at = reader->version != 0 ? ev->sent : MONO_LONG_AGO;
	reader->version = ev->version;
	hear_touch(core, now, ev, moved);
}

void touch_begins_anew(struct core *core, int node)
{
	struct touch_reader *reader = &core->touch_read[node];

	reader->version = 0;
	reader->asked = MONO_LONG_AGO;
}

mono_us touch_idle_period(const struct turn *t, int node)
{
	bool denied = t->core->touch_read[node].outcome == OUTCOME_DENIED;

	return (denied ? 3 : 30) * timers_of(t)->verify_backup;
}

void touch_refresh(struct turn *t, int node, mono_us period)
{
	struct touch_reader *reader = &t->core->touch_read[node];
	struct action *act;

	if (t->core->config.touch_owner || reader->op != 0 || !due(t, reader->asked + period) ||
	    !due(t, reader->retry_at))
		return;
	reader->op = next_op(t->core);
	reader->asked = t->now;
	act = emit(t, ACT_TOUCH_GET);
	act->node = node;
	act->op = reader->op;
	act->not_after = t->now + timers_of(t)->param_call;
	act->deadline = t->now + timers_of(t)->param_call;
}
