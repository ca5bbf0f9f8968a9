/* SPDX-License-Identifier: MIT */
/*
 * Observing: a node beside another guardian of the VIP (doc/migrate-lambda.md)
 * looks, hears, decides and tells, and changes nothing: no parameter, no touch,
 * no route, no address, no database. It is MASTER while P names it, so that
 * what it says is comparable with what it will do; where it would claim, it
 * says so once and goes on looking. It is not eligible, so a node that does
 * act never hands anything over to it.
 *
 * Every place that orders a change asks observes(), and the duties are not
 * configured (core_init); emit() makes sure that none was forgotten.
 */
#include "agent/core/machine.h"

bool observes(const struct turn *t)
{
	return t->core->config.observe;
}

bool core_changes(enum action_type type)
{
	switch (type) {
	case ACT_ALIAS_ADD:
	case ACT_ALIAS_DEL:
	case ACT_PARAM_PUT:
	case ACT_TOUCH_PUT:
	case ACT_ROUTE_SET:
	case ACT_PROMOTE:
	case ACT_FENCE:
	case ACT_GATE: /* a hook, and hooks do as they like */
	case ACT_RELEASE:
		return true;
	case ACT_HELLO:
	case ACT_STATE:
	case ACT_NOTE:
	case ACT_CANCEL:
	case ACT_PARAM_GET:
	case ACT_TOUCH_GET:
	case ACT_ROUTE_GET:
	case ACT_EXIT:
	case ACT_EVIDENCE_GET:
	case ACT_TYPES:
		break;
	}
	return false;
}

void observe_duties(struct core_instance_config *config)
{
	config->gates = config->promotes = config->fences = config->releases = false;
}

void observe_claim(struct turn *t, enum core_reason reason)
{
	struct instance *in = t->in;

	if (in->record.owner == self_of(t->core)) /* the Put would change nothing: go on as if */
		in->disclaimed = 0;
	in->claim.base = in->record.version;
	in->claim.life = in->record.life;
	in->claim.since = t->now;
	set_flag(in, FLAG_WOULD_CLAIM, true);
	note(t, NOTE_WOULD_CLAIM, in->record.owner);
	t->out->items[t->out->count - 1].reason = reason;
}

bool observe_told(struct turn *t)
{
	struct instance *in = t->in;
	int owner = in->record.owner;
	bool back = owner >= 0 && owner != self_of(t->core) &&
		    in->view[owner].act_seen > in->claim.since;

	if (!(in->flags & FLAG_WOULD_CLAIM))
		return false;
	if (!back && in->record.version == in->claim.base && in->record.life == in->claim.life)
		return true;
	set_flag(in, FLAG_WOULD_CLAIM, false);
	return false;
}
