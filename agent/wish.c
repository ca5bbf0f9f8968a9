/* SPDX-License-Identifier: MIT */
/*
 * A switchover asked for where the VIP is to go: this node tells the owner its
 * wish in the note of a heartbeat, a few times in case some are lost, and the
 * owner does what it would do if its own operator had said so: under the same
 * conditions, or not at all. A wish names the term that it is about, so an old
 * one means nothing, and counts only in a packet that proves its sender alive.
 *
 *    0 kind (2)   1 zero   2 instance id (2)   4 term (8)   big-endian
 *
 * May not decide about ownership: the owner's core does.
 */
#include "agent/agent.h"

#include <endian.h>
#include <string.h>

#include "agent/base/log.h"

#define KIND 2 /* position.c has 1 */
#define LENGTH 12
#define PERIOD 0.1
#define PATIENCE (2 * SEC)

static int wished_for(const struct agent *agent)
{
	for (unsigned int i = 0; i < agent->conf->instance_count; i++)
		if (agent->conf->instances[i].id == agent->wish.id)
			return (int)i;
	return -1;
}

static void send_wish(struct agent *agent, unsigned int owner)
{
	uint16_t id = htobe16(agent->wish.id);
	uint64_t term = htobe64(agent->wish.term);
	struct hello hello;

	(void)core_hello(&agent->core, mono_now(), owner, agent->core.config.instance_count,
			 &hello);
	memset(hello.note, 0, LENGTH);
	hello.note[0] = KIND;
	memcpy(hello.note + 2, &id, sizeof(id));
	memcpy(hello.note + 4, &term, sizeof(term));
	hello.note_length = LENGTH;
	heartbeat_send(agent->heartbeat, &agent->conf->nodes[owner].address, &hello);
}

/* Until something has come of it, or it is too late. */
static void on_timer(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct agent *agent = timer->data;
	int i = wished_for(agent);
	const struct instance *in = i >= 0 ? &agent->instances[i] : NULL;

	(void)events;
	if (!in || in->record.version != agent->wish.term || in->record.owner < 0 ||
	    in->record.owner == (int)agent->conf->self || in->state != CORE_BACKUP ||
	    mono_now() >= agent->wish.until)
		ev_timer_stop(loop, timer);
	else
		send_wish(agent, (unsigned int)in->record.owner);
}

const char *agent_wish(struct agent *agent, unsigned int instance, bool dry)
{
	const struct instance *in = &agent->instances[instance];
	int owner = in->record.owner;

	if (in->state != CORE_BACKUP || owner < 0 || owner == (int)agent->conf->self)
		return "this node is not a standby beside an owner";
	if (in->blockers != 0)
		return "this node is not eligible; 'zonevipctl why' says more";
	if (!core_hears(&agent->core, mono_now(), (unsigned int)owner) ||
	    in->view[owner].state != CORE_MASTER)
		return "the owner is not heard";
	if (dry)
		return NULL;
	agent->wish.id = in->config.id;
	agent->wish.term = in->record.version;
	agent->wish.until = mono_now() + PATIENCE;
	ev_timer_stop(agent->loop, &agent->wish.timer);
	ev_timer_set(&agent->wish.timer, 0.0, PERIOD);
	ev_timer_start(agent->loop, &agent->wish.timer);
	return NULL;
}

/* --- the owner's side -------------------------------------------------------------------- */

static void grant(struct agent *agent, unsigned int i, int node)
{
	struct event ev = {
		.type = EV_COMMAND, .instance = i, .command = CMD_SWITCHOVER, .node = node};
	const char *name = agent->conf->instances[i].name;
	const char *by = agent->conf->nodes[node].name;
	enum core_refusal refusal = core_refuses(&agent->core, mono_now(), &ev);
	static struct log_gate gate;
	unsigned int held;

	if (refusal == REFUSE_NOT) {
		log_event(LOG_LV_INFO, "wish", "instance=%s node=%s result=granted", name, by);
		agent_remember(agent, "%s: '%s' asks for it", name, by);
		agent_feed(agent, &ev);
	} else if (refusal != REFUSE_BUSY && log_gate(&gate, 10, &held)) {
		log_event(LOG_LV_WARNING, "wish", "instance=%s node=%s result=refused why=\"%s\"",
			  name, by, core_refusal_name(refusal));
		agent_remember(agent, "%s: '%s' asks for it, refused: %s", name, by,
			       core_refusal_name(refusal));
	}
}

void agent_wish_heard(struct agent *agent, const struct hello *hello)
{
	uint16_t id;
	uint64_t term;
	int node = -1;

	if (hello->note_length != LENGTH || hello->note[0] != KIND)
		return;
	memcpy(&id, hello->note + 2, sizeof(id));
	memcpy(&term, hello->note + 4, sizeof(term));
	for (unsigned int n = 0; n < agent->conf->node_count; n++)
		if (agent->conf->nodes[n].id == hello->sender)
			node = (int)n;
	/* Only of a packet that the core has just taken as fresh, never of a recording. */
	if (node < 0 || agent->core.peers[node].heard != agent->stepped)
		return;
	for (unsigned int i = 0; i < agent->conf->instance_count; i++)
		if (agent->conf->instances[i].id == be16toh(id) &&
		    agent->instances[i].state == CORE_MASTER &&
		    agent->instances[i].record.version == be64toh(term))
			grant(agent, i, node);
}

void agent_wish_open(struct agent *agent)
{
	ev_timer_init(&agent->wish.timer, on_timer, 0.0, PERIOD);
	agent->wish.timer.data = agent;
}
