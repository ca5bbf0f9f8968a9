/* SPDX-License-Identifier: MIT */
/*
 * The parameter P: one register in the cloud, last writer wins, whose version
 * counts up by one with every write. The node named by the newest version is
 * the owner. Knowledge of it is monotonic (K1), travels by gossip (K2), and
 * survives P being deleted and made anew: versions then start at one again,
 * so knowledge is ordered by (life, version), and a new life is believed only
 * when two reads a second apart say so.
 */
#include "agent/core/machine.h"

#define VERSION_JUMP_MAX ((uint64_t)1 << 31) /* gossip further ahead than this is nonsense */

void record_init(struct record *record)
{
	*record = (struct record){
		.owner = OWNER_NOBODY,
		.recalled = OWNER_NOBODY,
		.first_seen = MONO_LONG_AGO,
		.mtime = MONO_NEVER,
		.odd_since = MONO_NEVER,
		.disputed = MONO_NEVER,
		.asked = MONO_LONG_AGO,
		.read_at = MONO_LONG_AGO,
		.answered = MONO_LONG_AGO,
		.first_read = MONO_LONG_AGO,
		.reachable = MONO_LONG_AGO,
		.retry_at = MONO_LONG_AGO,
		.throttled = MONO_LONG_AGO,
		.outage_since = MONO_NEVER,
		.outcome = OUTCOME_NOT_SENT,
		.put_outcome = OUTCOME_NOT_SENT,
	};
}

static void adopt(struct record *record, mono_us now, uint64_t version, int owner)
{
	if (record->known && record->version == version)
		return;
	record->known = true;
	record->version = version;
	record->owner = owner;
	record->recalled = OWNER_NOBODY;
	record->first_seen = now;
	record->first_read = MONO_LONG_AGO;
	record->disputed = MONO_NEVER;
	record->mtime = MONO_NEVER; /* until we read this version ourselves */
	if (PLANTED(GOSSIP_IS_READ))
		return;
	record->read_at = MONO_LONG_AGO;
	record->answered = MONO_LONG_AGO;
}

void record_recall(struct record *record, mono_us started)
{
	int owner = record->recalled;

	adopt(record, started, record->version, owner);
	record->recalled = owner; /* until more is heard of P than that */
}

/* P was deleted, or deleted and made anew: nothing said about old versions holds. */
static void start_life(struct instance *in, mono_us now, uint32_t life, uint64_t version, int owner)
{
	in->record.known = false;
	in->record.life = life;
	in->disclaimed = 0;
	in->promise = 0;
	for (unsigned int n = 0; n < CORE_NODES_MAX; n++)
		in->view[n].disclaimed = 0;
	adopt(&in->record, now, version, owner);
}

void record_hear(struct instance *in, mono_us now, const struct hello_instance *said, int owner)
{
	struct record *record = &in->record;

	if (said->life > record->life) {
		start_life(in, now, said->life, said->version, owner);
		return;
	}
	if (said->life < record->life || said->version == 0)
		return;
	if (record->known && said->version > record->version + VERSION_JUMP_MAX)
		return;
	if (record->known ? said->version > record->version : said->version >= record->version) {
		adopt(record, now, said->version, owner);
	} else if (record->known && said->version == record->version && owner != record->owner &&
		   record->disputed == MONO_NEVER) {
		record->disputed = now;
		record->asked = MONO_LONG_AGO; /* only P itself can tell */
	}
}

/*
 * One version with two owners: P was deleted and made anew, and both began to
 * count at the same number. Whoever has just read P is right, and counts a
 * life more, so that the other believes it.
 */
static void settle_dispute(struct instance *in, mono_us now, mono_us sent)
{
	const struct record *record = &in->record;
	bool renounced = in->disclaimed >= record->version;

	if (record->disputed == MONO_NEVER || sent <= record->disputed)
		return;
	start_life(in, now, record->life + 1, record->version, record->owner);
	if (renounced)
		in->disclaimed = record->version;
}

/*
 * A read that contradicts what is known may be stale, or P may have been
 * deleted or made anew. It is believed when a second one, @apart later, says
 * so too.
 */
static bool seen_twice(struct record *record, mono_us sent, uint64_t version, mono_us apart)
{
	if (record->odd_since == MONO_NEVER || version < record->odd_version) {
		record->odd_since = sent;
		record->odd_version = version;
		return false;
	}
	return sent - record->odd_since >= apart;
}

static bool new_life(struct core *core, struct record *record, mono_us now, const struct event *ev)
{
	const struct timers *timers = &core->config.timers;

	if (!record->known)
		return seen_twice(record, ev->sent, 0, timers->verify_fast);
	if (ev->outcome == OUTCOME_ABSENT)
		return now - record->first_seen > READ_MAY_BE_STALE &&
		       seen_twice(record, ev->sent, 0, timers->verify_fast);
	if (record->mtime != MONO_NEVER) /* a stale read is never younger than what is known */
		return ev->mtime > record->mtime &&
		       seen_twice(record, ev->sent, ev->version, timers->verify_fast);
	return seen_twice(record, ev->sent, ev->version,
			  record->recalled >= 0 ? timers->verify_fast : timers->api_age);
}

/* Takes one answered read; false when it is not believed (yet). */
static bool believe(struct core *core, struct instance *in, mono_us now, const struct event *ev)
{
	struct record *record = &in->record;
	bool absent = ev->outcome == OUTCOME_ABSENT;
	uint64_t version = absent ? 0 : ev->version;
	int owner = absent ? OWNER_NOBODY : ev->owner;
	bool knew = record->known || record->version > 0;

	if (!absent &&
	    (version > record->version || (!record->known && version == record->version) ||
	     (PLANTED(STALE_READ) && version != record->version))) {
		adopt(record, now, version, owner);
	} else if (!record->known || version < record->version || owner != record->owner) {
		if (!new_life(core, record, now, ev))
			return false;
		start_life(in, now, record->life + (knew ? 1 : 0), version, owner);
	} else {
		settle_dispute(in, now, ev->sent);
	}
	record->odd_since = MONO_NEVER;
	record->mtime = absent ? MONO_NEVER : ev->mtime;
	if (PLANTED(WALL_CLOCK))
		core->rng ^= (uint64_t)(ev->mtime / SEC / 1000000);
	record->read_at = ev->sent;
	record->answered = now;
	if (record->first_read < claim_quiet_from(core, in))
		record->first_read = ev->sent;
	return true;
}

void record_read(struct core *core, struct instance *in, mono_us now, const struct event *ev)
{
	struct record *record = &in->record;

	if (ev->op == record->op && !record->putting)
		record->op = 0;
	record->outcome = ev->outcome;
	if (ev->outcome != OUTCOME_UNKNOWN && ev->outcome != OUTCOME_NOT_SENT)
		record->outage_since = MONO_NEVER;
	else if (ev->outcome == OUTCOME_UNKNOWN && record->outage_since == MONO_NEVER)
		record->outage_since = ev->sent;
	switch (ev->outcome) {
	case OUTCOME_OK:
	case OUTCOME_ABSENT:
		record->failures = 0;
		record->slow -= record->slow > 0;
		record->retry_at = MONO_LONG_AGO;
		record->reachable = ev->sent;
		if (!believe(core, in, now, ev))
			record->retry_at = now + core->config.timers.poll;
		return;
	case OUTCOME_THROTTLED:
		record->slow += record->slow < SLOW_MAX;
		record->reachable = ev->sent;
		record->throttled = now;
		break;
	case OUTCOME_EXISTS:
	case OUTCOME_DENIED:
	case OUTCOME_REFUSED:
	case OUTCOME_UNKNOWN:
	case OUTCOME_NOT_SENT:
	case OUTCOME_COUNT:
		break;
	}
	record->retry_at = now + backoff(core, ev->outcome, record->failures++);
}

void record_written(struct core *core, struct instance *in, mono_us now, const struct event *ev)
{
	struct record *record = &in->record;

	if (ev->op == record->op && record->putting)
		record->op = 0;
	record->put_outcome = ev->outcome;
	if (ev->outcome == OUTCOME_THROTTLED)
		record->throttled = now;
	if (ev->outcome == OUTCOME_OK && (!record->known || ev->version > record->version))
		adopt(record, now, ev->version, self_of(core));
}

void record_ask(struct turn *t)
{
	struct record *record = &t->in->record;
	struct action *act;

	if ((record->op != 0 && !PLANTED(TWO_CALLS)) || !due(t, record->retry_at))
		return;
	record->op = next_op(t->core);
	record->putting = false;
	record->asked = t->now;
	act = emit(t, ACT_PARAM_GET);
	act->op = record->op;
	act->not_after = t->now + timers_of(t)->param_call;
	act->deadline = t->now + timers_of(t)->param_call;
}

void record_refresh(struct turn *t, mono_us period)
{
	if (t->in->record.op == 0 && due(t, t->in->record.asked + period))
		record_ask(t);
}

void record_put(struct turn *t, bool create)
{
	struct record *record = &t->in->record;
	struct action *act;

	record->op = next_op(t->core);
	record->putting = true;
	act = emit(t, ACT_PARAM_PUT);
	act->op = record->op;
	act->create = create;
	act->not_after = t->now + timers_of(t)->slack;
	act->deadline = t->now + timers_of(t)->param_call;
}

bool record_just_read(const struct turn *t, mono_us from)
{
	const struct record *record = &t->in->record;

	if (record->outcome != OUTCOME_OK &&
	    !(record->outcome == OUTCOME_ABSENT && record->owner == OWNER_NOBODY))
		return false;
	return record->read_at >= from && lately(t, record->answered, timers_of(t)->slack);
}

bool record_covered(const struct instance *in, const struct core *core)
{
	int owner = in->record.owner;

	if (owner == self_of(core))
		return in->record.version <= in->disclaimed;
	return owner >= 0 && in->record.version <= in->view[owner].disclaimed;
}

void record_disclaim(struct core *core, struct instance *in)
{
	if (PLANTED(NO_DISCLAIM) || !in->record.known || in->record.owner != self_of(core) ||
	    in->record.version <= in->disclaimed)
		return;
	in->disclaimed = in->record.version;
	core->hello_now = true;
	core->burst = 3; /* copies: a disclaim should survive the loss of a packet */
}
