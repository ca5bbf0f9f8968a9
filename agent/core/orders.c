/* SPDX-License-Identifier: MIT */
/*
 * What operators want. An order concerns every instance of a sync group; it
 * is carried out by each in its own turn, so that the actions of a large
 * group find room.
 */
#include "agent/core/machine.h"

static enum core_refusal refuses(const struct core *core, mono_us now, const struct instance *in,
				 const struct event *command)
{
	enum core_refusal worst = REFUSE_NO_PEER;

	if (in->state != CORE_MASTER)
		return REFUSE_NOT_MASTER;
	if (in->frozen)
		return REFUSE_FROZEN;
	if (in->departure.step != DEPARTURE_NONE)
		return REFUSE_BUSY;
	if (command->node == self_of(core))
		return REFUSE_SELF;
	for (unsigned int n = 0; n < core->config.node_count; n++) {
		const struct view *view = &in->view[n];

		if (n == core->config.self || (command->node >= 0 && (int)n != command->node))
			continue;
		if (!core_hears(core, now, n))
			worst = REFUSE_TARGET_SILENT;
		else if (command->force)
			return REFUSE_NOT;
		else if (view->flags & HELLO_BLOCKED)
			worst = REFUSE_TARGET_BLOCKED;
		else if (view->flags & HELLO_ELIGIBLE)
			return REFUSE_NOT;
		else
			worst = view->flags & HELLO_HOLD ? REFUSE_TARGET_HOLD : REFUSE_TARGET_UNFIT;
	}
	return worst;
}

enum core_refusal core_refuses(const struct core *core, mono_us now, const struct event *command)
{
	enum core_refusal refusal = REFUSE_NOT;

	if (command->command != CMD_SWITCHOVER)
		return REFUSE_NOT;
	for (unsigned int i = 0; i < core->config.instance_count && refusal == REFUSE_NOT; i++)
		if (group_mates(core, i, command->instance))
			refusal = refuses(core, now, &core->instances[i], command);
	return refusal;
}

static void obey(struct turn *t, const struct order *order)
{
	struct instance *in = t->in;

	switch (order->command) {
	case CMD_SWITCHOVER:
		leave_planned(t, CORE_BACKUP, REASON_SWITCHOVER, order->node);
		break;
	case CMD_RELEASE:
		if (core_acting(in))
			leave_planned(t, CORE_BACKUP, REASON_RELEASED, -1);
		break;
	case CMD_STANDBY_ON:
		in->standby = true;
		if (core_acting(in))
			leave_planned(t, CORE_MAINT, REASON_STANDBY, -1);
		else if (in->state != CORE_MAINT)
			enter(t, CORE_MAINT, REASON_STANDBY);
		break;
	case CMD_STANDBY_OFF:
		in->standby = false;
		break;
	case CMD_FREEZE_ON:
		in->frozen = true;
		in->frozen_until = order->until > 0 ? order->until : MONO_NEVER;
		break;
	case CMD_FREEZE_OFF:
		in->frozen = false;
		break;
	case CMD_ACK:
		in->hold_until = MONO_LONG_AGO;
		in->failures = 0;
		break;
	case CMD_STOP:
	case CMD_STOP_KEEP:
		break; /* of the whole node: core.c */
	}
}

void orders_carry_out(struct turn *t)
{
	if (!t->in->ordered)
		return;
	t->in->ordered = false;
	obey(t, &t->in->order);
}

static void order_group(struct core *core, const struct event *ev)
{
	for (unsigned int i = 0; i < core->config.instance_count; i++) {
		if (!group_mates(core, i, ev->instance))
			continue;
		core->instances[i].ordered = true;
		core->instances[i].order = (struct order){
			.command = ev->command, .node = ev->node, .until = ev->until};
	}
}

void orders_take(struct turn *t, const struct event *ev)
{
	struct core *core = t->core;

	switch (ev->command) {
	case CMD_STOP:
		if (core->stopping)
			break;
		core->stopping = true;
		core->hello_now = true;
		core->burst = 3;
		break;
	case CMD_STOP_KEEP:
		emit(t, ACT_EXIT);
		break;
	case CMD_SWITCHOVER:
	case CMD_RELEASE:
	case CMD_STANDBY_ON:
	case CMD_STANDBY_OFF:
	case CMD_FREEZE_ON:
	case CMD_FREEZE_OFF:
	case CMD_ACK:
		if (core_refuses(core, t->now, ev) == REFUSE_NOT)
			order_group(core, ev);
		break;
	}
}
