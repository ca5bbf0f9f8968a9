/* SPDX-License-Identifier: MIT */
/*
 * "Why is it so?": the present state of an instance as a chain of facts, each
 * with its age, then what it means, then what would have to change. Reads the
 * core, decides nothing; the sentences follow doc/protocol.md.
 */
#include "agent/agent.h"

/* What each reason against means, and what ends it. */
static const char *const remedies[] = {
	"a check fails: see the evidence above",
	"a check cannot tell: see its evidence (login, grants, socket)",
	"the interface is down",
	"an operator set standby: 'zonevipctl standby off' ends it",
	"maintenance is on: 'zonevipctl maintenance off' ends it",
	"held back after a failure: 'zonevipctl ack' ends it",
	"who this host is in AWS is not known",
	"source/destination check is on for our network interface: switch it off",
	"the parameter could not be read lately",
	"no route table could be read lately",
	"the daemon is stopping",
	"the touch parameter is denied: allow ssm:GetParameter, ssm:PutParameter",
	"the gate before a claim refused; it is asked again in a moment",
	"it only observes: 'observe off' in the configuration and a restart make it act",
};

/* What each flag means while it lasts. */
static const char *const meanings[] = {
	"a peer is alive by its touches but not heard: look at the network between the hosts (UDP)",
	"no peer has confirmed it lately: the routes are watched closely",
	"it acts, but the parameter does not say so yet: it is being written",
	"some route table does not lead here and cannot be written: see the route's error",
	"neither peers nor the cloud can be reached: it only keeps what it has",
	"somebody keeps removing or adding the address: find who (doctor lists suspects)",
	"the parameter names no configured node: set it to one, or configure that node",
	"the last claim failed: the next one waits a moment",
	"the owner is not heard: the parameter and its touches are being asked",
	"the gate refuses, or says that it would",
	"it acts, but the database is not writable yet",
	"touches go to the parameter itself",
	"somebody keeps moving a route: it is left alone for the rest of a minute",
	"it would have claimed: whoever guards the VIP now has not moved it yet",
	"another candidate's database has transactions that are missing here: that one goes first",
};

struct why {
	const struct agent *agent;
	const struct instance *in;
	unsigned int index;
	mono_us now;
	struct buf *reply;
};

static const char *node_name(const struct why *why, int node)
{
	return node >= 0 ? why->agent->conf->nodes[node].name : "no node of ours";
}

static int self_of(const struct why *why)
{
	return (int)why->agent->conf->self;
}

/* ", 0.2 s ago", or ", never". */
static void put_age(const struct why *why, mono_us then)
{
	if (then <= 0)
		(void)buf_printf(why->reply, ", never\n");
	else
		(void)buf_printf(why->reply, ", %.1f s ago\n",
				 mono_seconds(mono_max(why->now - then, 0)));
}

/* --- the facts ---------------------------------------------------------------------- */

static void put_routes(const struct why *why)
{
	const struct agent_instance *extra = &why->agent->extra[why->index];

	for (unsigned int r = 0; r < extra->route_count; r++) {
		const struct route *route = &why->in->routes[r];

		(void)buf_printf(why->reply, "  route in %s leads to %s, read",
				 agent_table_id(why->agent, why->index, r),
				 route->target >= 0		   ? node_name(why, route->target)
				 : route->target == TARGET_MISSING ? "nowhere: it is missing"
				 : route->target == TARGET_UNREAD  ? "we do not know whom"
								   : "a stranger");
		put_age(why, route->read_at);
		if (extra->routes[r].error)
			(void)buf_printf(why->reply, "  route: %s\n", extra->routes[r].error);
	}
}

static void put_peers(const struct why *why)
{
	const struct core *core = &why->agent->core;

	for (unsigned int n = 0; n < core->config.node_count; n++) {
		if ((int)n == self_of(why))
			continue;
		(void)buf_printf(why->reply, "  %s is %s, says %s%s",
				 why->agent->conf->nodes[n].name,
				 core_hears(core, why->now, n) ? "heard" : "not heard",
				 core_state_name(why->in->view[n].state),
				 why->in->view[n].flags & HELLO_ELIGIBLE ? ", could take it" : "");
		put_age(why, core->peers[n].heard);
	}
}

static void put_facts(const struct why *why)
{
	const struct agent *agent = why->agent;
	const struct record *record = &why->in->record;

	(void)buf_printf(why->reply, "  the parameter names %s at version %llu, known",
			 node_name(why, record->owner), (unsigned long long)record->version);
	put_age(why, mono_max(record->read_at, record->first_seen));
	if (agent->extra[why->index].record_error)
		(void)buf_printf(why->reply, "  parameter: %s\n",
				 agent->extra[why->index].record_error);
	put_routes(why);
	(void)buf_printf(why->reply, "  the address is %s\n",
			 why->in->alias_present ? "here" : "not here");
	put_peers(why);
	for (unsigned int k = 0; k < agent->conf->track_count; k++)
		(void)buf_printf(why->reply, "  check %s: %s (%s)\n", agent->conf->tracks[k].name,
				 health_state_name(agent->core.health[k].state),
				 agent->results[k].evidence);
	agent_watches_why(agent, why->index, why->reply);
	if (agent->identity.problem[0] || agent->target_error[0])
		(void)buf_printf(why->reply, "  AWS: %s %s\n", agent->identity.problem,
				 agent->target_error);
	agent_database_why(agent, why->index, why->reply);
}

/* --- what it means ---------------------------------------------------------------------- */

static void put_meaning(const struct why *why)
{
	for (unsigned int bit = 0; bit < sizeof(meanings) / sizeof(meanings[0]); bit++)
		if (why->in->flags & (1U << bit))
			(void)buf_printf(why->reply, "  so: %s\n", meanings[bit]);
	if (why->in->blockers == 0 && !core_acting(why->in))
		(void)buf_printf(why->reply, "  it could take the VIP now\n");
	for (unsigned int bit = 0; bit < sizeof(remedies) / sizeof(remedies[0]); bit++)
		if (why->in->blockers & (1U << bit))
			(void)buf_printf(why->reply, "  it could not take the VIP: %s\n",
					 remedies[bit]);
	if (why->in->hold_until > why->now)
		(void)buf_printf(why->reply, "  the hold ends by itself in %.0f s\n",
				 mono_seconds(why->in->hold_until - why->now));
}

/* --- what would have to change ------------------------------------------------------------ */

static void change_master(const struct why *why)
{
	const struct event command = {
		.type = EV_COMMAND, .instance = why->index, .command = CMD_SWITCHOVER, .node = -1};
	enum core_refusal refusal = core_refuses(&why->agent->core, why->now, &command);

	(void)buf_printf(why->reply, "to move it: 'zonevipctl switchover'%s%s\n",
			 refusal == REFUSE_NOT ? ", which nothing refuses now"
					       : ", which would be refused: ",
			 refusal == REFUSE_NOT ? "" : core_refusal_name(refusal));
	(void)buf_printf(why->reply,
			 "it goes by itself if a check fails, the interface goes down, or the "
			 "parameter names another\n");
}

static void change_backup(const struct why *why)
{
	const struct timers *timers = &why->agent->core.config.timers;
	int owner = why->in->record.owner;
	mono_us seen;

	if (owner < 0 || owner == self_of(why)) {
		(void)buf_printf(why->reply,
				 "to take it: nobody has it; it is claimed as soon as nothing "
				 "above stands against it\n");
		return;
	}
	seen = mono_max(why->in->view[owner].act_seen, why->in->view[owner].touch_seen);
	(void)buf_printf(why->reply,
			 "to take it: %s hands over or renounces it (at once), or is silent for "
			 "%.1f s by heartbeat and touch; last sign",
			 node_name(why, owner), mono_seconds(timers_silent(timers)));
	put_age(why, seen);
	(void)buf_printf(why->reply,
			 "to bring it here now: 'zonevipctl switchover --to %s' on %s\n",
			 node_name(why, self_of(why)), node_name(why, owner));
}

static void put_change(const struct why *why)
{
	switch (why->in->state) {
	case CORE_MASTER:
		change_master(why);
		break;
	case CORE_BACKUP:
		change_backup(why);
		break;
	case CORE_CLAIMING:
		(void)buf_printf(why->reply, "to become MASTER: the parameter, written by us, is "
					     "read back; else it is given up\n");
		break;
	case CORE_FAULT:
		(void)buf_printf(why->reply, "to be a spare again: what stands against it above "
					     "must end; that is noticed by itself\n");
		break;
	case CORE_MAINT:
		(void)buf_printf(why->reply, "to be a spare again: 'zonevipctl standby off'\n");
		break;
	case CORE_INIT:
		(void)buf_printf(why->reply, "to begin: the parameter, the routes and the checks "
					     "must have been looked at once\n");
		break;
	case CORE_STATES:
		break;
	}
}

void agent_why(const struct agent *agent, unsigned int i, struct buf *reply)
{
	const struct why why = {.agent = agent,
				.in = &agent->instances[i],
				.index = i,
				.now = mono_now(),
				.reply = reply};

	(void)buf_printf(reply, "%s is %s on %s, for %.1f s, because: %s\n",
			 agent->conf->instances[i].name, core_state_name(why.in->state),
			 agent->conf->nodes[agent->conf->self].name,
			 mono_seconds(why.now - why.in->since), core_reason_name(why.in->reason));
	put_facts(&why);
	put_meaning(&why);
	put_change(&why);
}
