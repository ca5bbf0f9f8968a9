/* SPDX-License-Identifier: MIT */
/*
 * The invariants. Each function is one of them and returns its sentence when it
 * is broken. One long file: it is read as a list.
 */
#include "tests/sim/judge.h"

#define DUAL_MAX (500 * MSEC)
#define ALIAS_WRONG_MAX (100 * MSEC)
#define TICKS_PER_SECOND_MAX 150
#define CALLS_PER_MINUTE_MAX 1500 /* in the worst of times, per instance */

void judge_init(struct judge *judge)
{
	*judge = (struct judge){0};
	for (unsigned int n = 0; n < WORLD_NODES; n++) {
		for (unsigned int o = 0; o < WORLD_NODES; o++)
			judge->mute_since[n][o] = MONO_NEVER;
		for (unsigned int i = 0; i < WORLD_INSTANCES; i++) {
			judge->seats[n][i].alias_wrong = MONO_NEVER;
			judge->seats[n][i].read_me = MONO_LONG_AGO;
			judge->seats[n][i].lapsed = MONO_LONG_AGO;
			judge->seats[n][i].took_up = MONO_LONG_AGO;
			for (unsigned int o = 0; o < WORLD_NODES; o++)
				judge->dual_since[n][o][i] = judge->both_writable_since[n][o][i] =
					MONO_NEVER;
		}
	}
}

static bool awake(const struct world *world, unsigned int host)
{
	return world->hosts[host].running && !world->hosts[host].paused;
}

/* --- after every event --------------------------------------------------------------- */

static const char *blame(struct world *world, unsigned int node, const char *sentence)
{
	world->culprit = (int)node;
	return sentence;
}

/* Believes in versions that were deleted, perhaps by hearsay: two reads T_api apart (K1). */
static bool behind(const struct world *world, unsigned int n, unsigned int i)
{
	const struct param_version *param = world_param(world, i);
	const struct record *record = &world->hosts[n].instances[i].record;

	return record->known && (!param->exists || record->version >= param->version) &&
	       param->birth > 0;
}

/* Writable, although nothing keeps it from being fenced. */
static bool fences_well(const struct world *world, unsigned int n, unsigned int i)
{
	const struct host *h = &world->hosts[n];

	return awake(world, n) && h->writable[i] && !behind(world, n, i) &&
	       h->check == HEALTH_RESULT_GOOD && h->core.health[0].state == HEALTH_UP &&
	       !h->instances[i].frozen && h->instances[i].state != CORE_INIT &&
	       h->duty[DUTY_FENCE].outcome == OUTCOME_OK && !h->duty[DUTY_FENCE].silent &&
	       h->duty[DUTY_FENCE].takes < 300 * MSEC &&
	       h->instances[i].duties[DUTY_FENCE].failures == 0;
}

static bool both_hear(const struct world *world, unsigned int a, unsigned int b)
{
	return core_hears(&world->hosts[a].core, world_clock(world, a), b) &&
	       core_hears(&world->hosts[b].core, world_clock(world, b), a);
}

/* I1 With contact both ways for D, at most one MASTER; an overlap ends within half a second. */
static const char *one_master(struct world *world, struct judge *judge, unsigned int i)
{
	const struct timers *timers = timers_profile(world->config.profile);

	for (unsigned int a = 0; a < world->config.nodes; a++)
		for (unsigned int b = a + 1; b < world->config.nodes; b++) {
			mono_us *since = &judge->dual_since[a][b][i];
			bool dual = awake(world, a) && awake(world, b) &&
				    world->hosts[a].instances[i].state == CORE_MASTER &&
				    world->hosts[b].instances[i].state == CORE_MASTER &&
				    both_hear(world, a, b);

			if (!dual)
				*since = MONO_NEVER;
			else if (*since == MONO_NEVER)
				*since = world->now;
			else if (world->now - *since > timers->dead_after + DUAL_MAX)
				return blame(world, b, "I1 two MASTERs that hear each other");
		}
	return NULL;
}

static const char *told(const struct core *core, unsigned int peer, const struct core *other)
{
	if (core->config_differs[peer] != (other->config.digest != core->config.digest))
		return "M1 a node does not say that a peer's configuration is another, or the same";
	if (core->software_differs[peer] != (other->config.software != core->config.software))
		return "M1 a node does not say that a peer runs another version, or the same";
	return NULL;
}

/* M1 Two that hear each other both say whether configuration and version differ. */
static const char *mismatch_is_told(struct world *world, struct judge *judge)
{
	const struct timers *timers = timers_profile(world->config.profile);

	for (unsigned int a = 0; a < world->config.nodes; a++)
		for (unsigned int b = 0; b < world->config.nodes; b++) {
			mono_us *since = &judge->mute_since[a][b];
			const struct core *core = &world->hosts[a].core;
			const char *broken = NULL;

			if (a != b && awake(world, a) && awake(world, b) && both_hear(world, a, b))
				broken = told(core, b, &world->hosts[b].core);
			if (!broken)
				*since = MONO_NEVER;
			else if (*since == MONO_NEVER)
				*since = world->now;
			else if (world->now - *since > 2 * timers->dead_after + DUAL_MAX)
				return blame(world, a, broken);
		}
	return NULL;
}

/*
 * B1 Where databases are fenced, two that hear each other are not both
 * writable for longer than it takes to hear, to fence and to try again.
 */
static const char *one_writable(struct world *world, struct judge *judge, unsigned int i)
{
	const struct timers *timers = timers_profile(world->config.profile);
	mono_us limit = timers->dead_after + timers->param_call + DUAL_MAX + SEC;

	if (!world->config.duties[DUTY_FENCE] || !world->config.duties[DUTY_PROMOTE] ||
	    judge->standing[i].masters == 0) /* beside an owner */
		return NULL;
	for (unsigned int a = 0; a < world->config.nodes; a++)
		for (unsigned int b = a + 1; b < world->config.nodes; b++) {
			mono_us *since = &judge->both_writable_since[a][b][i];

			if (!fences_well(world, a, i) || !fences_well(world, b, i) ||
			    !both_hear(world, a, b))
				*since = MONO_NEVER;
			else if (*since == MONO_NEVER)
				*since = world->now;
			else if (world->now - *since > limit)
				return blame(world, b,
					     "B1 two writable databases whose nodes hear "
					     "each other");
		}
	return NULL;
}

/* I9 The address is there when the state says so, within 100 ms. */
static const char *alias_fits(struct world *world, struct judge *judge, unsigned int n,
			      unsigned int i)
{
	const struct host *h = &world->hosts[n];
	const struct instance *in = &h->instances[i];
	struct seat *seat = &judge->seats[n][i];
	bool exempt = !awake(world, n) || h->alias_news[i] > 0 || in->state == CORE_INIT ||
		      in->frozen || h->alias_fails || in->flags & FLAG_ALIAS_FIGHT ||
		      in->alias_quiet > world_clock(world, n);

	if (exempt || h->alias[i] == (core_acting(in) || in->alias_kept))
		seat->alias_wrong = MONO_NEVER;
	else if (seat->alias_wrong == MONO_NEVER)
		seat->alias_wrong = world->now;
	else if (world->now - seat->alias_wrong > ALIAS_WRONG_MAX)
		return h->alias[i] ? "I9 a node keeps an address that its state denies"
				   : "I9 a node lacks the address that its state promises";
	return NULL;
}

static bool written(const struct world *world, unsigned int i, uint64_t version, int owner)
{
	const struct param_history *history = &world->cloud.param[i];
	unsigned int oldest = history->count > WORLD_HISTORY ? history->count - WORLD_HISTORY : 0;
	bool complete = oldest == 0;

	for (unsigned int k = oldest; k < history->count; k++) {
		const struct param_version *put = &history->items[k % WORLD_HISTORY];
		int value = put->value == WORLD_STRANGER ? OWNER_STRANGER : put->value;

		if (put->exists && put->version == version && value == owner)
			return true;
	}
	return !complete; /* it may have been and is forgotten */
}

/* I5 What a node knows of P was once written, and its knowledge never goes back. */
static const char *knows_the_truth(struct world *world, struct judge *judge, unsigned int n,
				   unsigned int i)
{
	const struct record *record = &world->hosts[n].instances[i].record;
	struct seat *seat = &judge->seats[n][i];

	if (!record->known)
		return NULL;
	if (seat->known) {
		if (record->life == seat->life && record->version == seat->version &&
		    record->owner == seat->owner)
			return NULL;
		if (record->life < seat->life ||
		    (record->life == seat->life && record->version <= seat->version))
			return "I5 knowledge of the parameter went back, or changed its mind";
	}
	seat->known = true;
	seat->life = record->life;
	seat->version = record->version;
	seat->owner = record->owner;
	if (record->version > 0 && !written(world, i, record->version, record->owner))
		return "I5 a node believes in a version that nobody wrote";
	return NULL;
}

/* S2 Who cannot act has renounced whatever P says of it. */
static const char *renounces(const struct world *world, unsigned int n, unsigned int i)
{
	const struct instance *in = &world->hosts[n].instances[i];

	if ((in->state == CORE_FAULT || in->state == CORE_MAINT) && in->record.known &&
	    in->record.owner == (int)n && in->record.version > in->disclaimed)
		return "S2 a node that cannot act keeps its name in P without renouncing";
	return NULL;
}

/* Since when this node runs and its way to the parameter store is as good as it gets. */
static void watch_store(const struct world *world, struct judge *judge, unsigned int n)
{
	const struct path *path = &world->hosts[n].path[SERVICE_SSM];

	if (!awake(world, n) || path->down || path->writes_denied || path->error_permille ||
	    path->lost_permille || path->late_permille || path->latency_max > 100 * MSEC ||
	    path->hand_over_max > 10 * MSEC)
		judge->store_bad[n] = MONO_NEVER; /* until looked at again */
	else if (judge->store_bad[n] == MONO_NEVER)
		judge->store_bad[n] = world->now;
}

/* When it was last bad. */
static mono_us store_bad(const struct world *world, const struct judge *judge, unsigned int n)
{
	mono_us bad =
		mono_max(judge->store_bad[n], mono_min(world->now, world->cloud.outage_until));

	return mono_min(bad, world->now);
}

/* How things stand now, to be counted when they change. */
static struct standing stands(const struct world *world, unsigned int i)
{
	struct standing is = {0};
	unsigned int aliases = 0, writable = 0;
	int target = world_route(world, i, 0);

	for (unsigned int n = 0; n < world->config.nodes; n++) {
		is.masters += world_acts(world, n, i) &&
			      world->hosts[n].instances[i].state == CORE_MASTER;
		aliases += awake(world, n) && world->hosts[n].alias[i];
		writable += awake(world, n) && world->hosts[n].writable[i];
	}
	is.dual = aliases > 1;
	is.both_writable = writable > 1;
	is.mis = target >= 0 && (!world->hosts[target].running || !world->hosts[target].alias[i]);
	return is;
}

static void keep_history(const struct world *world, struct judge *judge, unsigned int i)
{
	struct standing *was = &judge->standing[i];
	mono_us span = world->now - judge->counted[i];

	judge->out += was->masters == 0 ? span : 0;
	judge->dual += was->dual ? span : 0;
	judge->mis += was->mis ? span : 0;
	judge->counted[i] = world->now;
	*was = stands(world, i);
}

void judge_close(struct world *world, struct judge *judge)
{
	for (unsigned int i = 0; i < world->config.instances; i++)
		keep_history(world, judge, i);
}

static const char *look_at(struct world *world, struct judge *judge, unsigned int n, unsigned int i)
{
	const char *broken;

	if (!world->hosts[n].running)
		return NULL;
	world->culprit = (int)n;
	if (world->hosts[n].instances[i].flags & FLAG_UNCONFIRMED)
		judge->seats[n][i].lapsed = world->now;
	broken = alias_fits(world, judge, n, i);
	broken = broken ? broken : knows_the_truth(world, judge, n, i);
	return broken ? broken : renounces(world, n, i);
}

/*
 * An event changes the host that it came to; scripts and the cloud may change
 * anything. What breaks by time alone (an overlap, a wrong address) is watched
 * at every event once it has begun, and everything at every 64th.
 */
const char *judge_look(struct world *world, struct judge *judge)
{
	bool all = world->touched == UINT32_MAX || world->events % 64 == 0;
	const char *broken = NULL;

	if (all)
		for (unsigned int n = 0; n < world->config.nodes; n++)
			watch_store(world, judge, n);
	for (unsigned int i = 0; i < world->config.instances && !broken; i++) {
		if (all || judge->moved)
			keep_history(world, judge, i);
		for (unsigned int n = 0; n < world->config.nodes && !broken; n++)
			if (all || world->touched & 1U << n ||
			    judge->seats[n][i].alias_wrong != MONO_NEVER)
				broken = look_at(world, judge, n, i);
		if (!broken && (all || judge->standing[i].masters > 1))
			broken = one_master(world, judge, i);
		if (!broken && (all || judge->standing[i].both_writable))
			broken = one_writable(world, judge, i);
	}
	judge->moved = false;
	if (all && !broken)
		broken = mismatch_is_told(world, judge);
	if (world->heap_count > 20000 && !broken)
		broken = "I11 the queue of events grows without end";
	return broken;
}

/* By preemption or to gather a group: between the old owner's word and the new one's claim. */
static bool handed_over(const struct world *world, unsigned int i)
{
	for (unsigned int n = 0; n < world->config.nodes; n++) {
		const struct instance *in = &world->hosts[n].instances[i];

		if (awake(world, n) && in->handover_until > world_clock(world, n) &&
		    (in->reason == REASON_PREEMPTED || in->reason == REASON_SYNC_GROUP))
			return true;
	}
	return false;
}

const char *judge_one_acts(struct world *world)
{
	for (unsigned int i = 0; i < world->config.instances; i++) {
		unsigned int acting = 0;

		for (unsigned int n = 0; n < world->config.nodes; n++)
			acting += world_acts(world, n, i);
		if (acting != 1 && (acting || !handed_over(world, i)))
			return acting ? "I3 more than one node acts long after the faults ended"
				      : "I3 nobody acts long after the faults ended";
	}
	return NULL;
}

/* The next look, when throttling has made the looks rarer: it may last five minutes. */
static mono_us slowed_look(const struct world *world, mono_us asked, unsigned int slow)
{
	mono_us period = timers_profile(world->config.profile)->verify_backup;

	return slow ? asked + mono_min(period << slow, 300 * SEC) : MONO_LONG_AGO;
}

static mono_us instance_waits(const struct world *world, const struct instance *in)
{
	const struct record *record = &in->record;
	mono_us until = mono_max(mono_max(record->retry_at, record->throttled),
				 mono_max(in->claim_after, in->handover_until));

	until = mono_max(until, slowed_look(world, record->asked, record->slow));
	for (unsigned int t = 0; t < in->config.tables; t++)
		until = mono_max(until, slowed_look(world, in->routes[t].asked, in->routes_slow));
	until = mono_max(until, mono_max(in->alias_quiet, in->alias_retry));
	until = mono_max(until, in->preempt_after);
	for (unsigned int t = 0; t < in->config.tables; t++) /* and those left alone for a minute */
		until = mono_max(until, mono_max(in->routes[t].retry_at,
						 in->routes[t].mended[2] + 60 * SEC));
	for (unsigned int d = 0; d < CORE_DUTIES; d++)
		until = mono_max(until, mono_max(in->duties[d].retry_at,
						 in->duties[d].op ? in->duties[d].deadline : 0));
	return until;
}

mono_us judge_waits(const struct world *world)
{
	const struct timers *timers = timers_profile(world->config.profile);
	mono_us longest = 0;

	for (unsigned int n = 0; n < world->config.nodes; n++)
		for (unsigned int i = 0; i < world->config.instances; i++) {
			const struct instance *in = &world->hosts[n].instances[i];
			unsigned int slow = in->record.slow > in->routes_slow ? in->record.slow
									      : in->routes_slow;

			if (behind(world, n, i))
				longest =
					mono_max(longest, timers->api_age + timers->verify_backup);
			if (world->hosts[n].running &&
			    slow > 0) /* looks made slower by throttling */
				longest = mono_max(longest, mono_min(timers->verify_backup << slow,
								     300 * SEC));
		}

	for (unsigned int n = 0; n < world->config.nodes; n++) {
		const struct host *h = &world->hosts[n];
		mono_us until = h->core.touch_write.next;

		if (!h->running)
			continue;
		for (unsigned int o = 0; o < world->config.nodes; o++)
			until = mono_max(until, h->core.touch_read[o].retry_at);
		for (unsigned int i = 0; i < world->config.instances; i++)
			until = mono_max(until, instance_waits(world, &h->instances[i]));
		longest = mono_max(longest, until - world_clock(world, n));
	}
	return longest;
}

static const char *all_hear_all(struct world *world)
{
	for (unsigned int a = 0; a < world->config.nodes; a++)
		for (unsigned int b = a + 1; b < world->config.nodes; b++)
			if (!both_hear(world, a, b))
				return blame(world, a,
					     "I3 two nodes are deaf to each other long after the "
					     "faults ended");
	return NULL;
}

const char *judge_agreed(struct world *world)
{
	const char *broken = judge_one_acts(world);

	broken = broken ? broken : all_hear_all(world);
	for (unsigned int i = 0; i < world->config.instances && !broken; i++) {
		const struct param_version *param = world_param(world, i);

		if (handed_over(world, i))
			continue;
		if (!param->exists || param->value >= (int)world->config.nodes)
			return "I3 the parameter names nobody";
		if (world->hosts[param->value].instances[i].state != CORE_MASTER)
			return "I3 the parameter names a node that is not MASTER";
		for (unsigned int t = 0; t < world->config.tables; t++)
			if (world_route(world, i, t) != param->value)
				return "I3 a route does not follow the parameter";
		for (unsigned int n = 0; n < world->config.nodes; n++)
			if (world->hosts[n].alias[i] != ((int)n == param->value))
				return "I3 an address does not follow the parameter";
		if (world->config.group && param->value != world_param(world, 0)->value)
			return "G1 the instances of a sync group are not on one node";
	}
	return broken;
}

/* --- at every step ------------------------------------------------------------------------- */

/* I8 Transitions follow each other, and only along the arrows of the picture. */
static const char *legal(struct seat *seat, const struct action *act)
{
	static const uint8_t arrows[CORE_STATES] = {
		[CORE_INIT] =
			1 << CORE_BACKUP | 1 << CORE_MASTER | 1 << CORE_FAULT | 1 << CORE_MAINT,
		[CORE_BACKUP] =
			1 << CORE_CLAIMING | 1 << CORE_MASTER | 1 << CORE_FAULT | 1 << CORE_MAINT,
		[CORE_CLAIMING] =
			1 << CORE_MASTER | 1 << CORE_BACKUP | 1 << CORE_FAULT | 1 << CORE_MAINT,
		[CORE_MASTER] =
			1 << CORE_BACKUP | 1 << CORE_CLAIMING | 1 << CORE_FAULT | 1 << CORE_MAINT,
		[CORE_FAULT] = 1 << CORE_BACKUP | 1 << CORE_MAINT,
		[CORE_MAINT] = 1 << CORE_BACKUP,
	};

	if (act->old_state != seat->told)
		return "I8 a transition does not begin where the last one ended";
	if (!(arrows[act->old_state] & 1 << act->state))
		return "I8 a transition that does not exist";
	seat->told = act->state;
	return NULL;
}

/* The promise on which a node acts was once given by the owner of that version. */
static bool promised(const struct world *world, const struct judge *judge, unsigned int i,
		     uint64_t version)
{
	const struct param_history *history = &world->cloud.param[i];
	unsigned int oldest = history->count > WORLD_HISTORY ? history->count - WORLD_HISTORY : 0;

	for (unsigned int k = oldest; k < history->count; k++) {
		const struct param_version *put = &history->items[k % WORLD_HISTORY];

		if (put->exists && put->version == version && put->value != WORLD_STRANGER &&
		    judge->promised[put->value][i] >= version)
			return true;
	}
	return oldest > 0;
}

/*
 * Limit 8 of the protocol page: it acts on a version that stood there before it began (it adopted
 * it, or its own Put had landed and it never learned of that), or took its own disclaim back. A
 * peer in its grace learns of it by the first ack or touch, and without either it has stopped by
 * then.
 */
static bool just_took_up(const struct world *world, const struct judge *judge, unsigned int n,
			 unsigned int i)
{
	const struct timers *timers = timers_profile(world->config.profile);
	mono_us limit = timers->dead_after + timers->lease + timers->slack;
	mono_us acts = world_clock(world, n) - world->hosts[n].instances[i].acting_since;

	return world->now - judge->seats[n][i].took_up <= limit ||
	       (acts <= limit && world_param(world, i)->at <= world->now - acts);
}

/* I2 A claim on a promise that was forgotten in a restart, while its giver acts. */
static const char *promise_is_young(const struct world *world, const struct judge *judge,
				    unsigned int host, const struct action *act)
{
	const struct record *record = &world->hosts[host].instances[act->instance].record;
	const struct host *owner;

	/* Versions that began anew make old promises look like new ones for a moment. */
	if (act->reason != REASON_DISCLAIMED || record->owner < 0 ||
	    world_param(world, act->instance)->birth > 0)
		return NULL;
	owner = &world->hosts[record->owner];
	if (!awake(world, (unsigned int)record->owner) ||
	    !core_acting(&owner->instances[act->instance]) ||
	    owner->instances[act->instance].by_route || /* limit 5: the route alone decides */
	    owner->instances[act->instance].disclaimed >= record->version ||
	    owner->instances[act->instance].record.version != record->version ||
	    world->now - judge->booted[record->owner] < 30 * SEC ||
	    just_took_up(world, judge, (unsigned int)record->owner, act->instance))
		return NULL;
	return "I2 a claim on a promise whose giver has been acting again for long";
}

/* Section 7 b: once in one silence of the owner. */
static const char *route_alone_decides(const struct world *world, struct judge *judge,
				       unsigned int host, unsigned int instance)
{
	const struct instance *in = &world->hosts[host].instances[instance];
	struct seat *seat = &judge->seats[host][instance];
	mono_us seen = in->record.answered;

	if (in->acting_since == seat->by_route_since || in->record.owner < 0)
		return NULL;
	for (unsigned int n = 0; n < world->config.nodes; n++)
		seen = mono_max(seen, in->view[n].act_seen);
	if (seat->by_route_since > seen && seat->by_route_version == in->record.version &&
	    seat->by_route_life == in->record.life)
		return "I2 a second claim by route in one silence of the owner";
	seat->by_route_since = in->acting_since;
	seat->by_route_version = in->record.version;
	seat->by_route_life = in->record.life;
	return NULL;
}

/* I2 No route is written without health, an address, and a fresh reason. */
static const char *route_is_justified(struct world *world, struct judge *judge, unsigned int host,
				      const struct action *act)
{
	const struct host *h = &world->hosts[host];
	const struct instance *in = &h->instances[act->instance];
	const struct seat *seat = &judge->seats[host][act->instance];

	if (act->not_after - world_clock(world, host) > SEC)
		return "I2 a route write whose decision may be older than a second";
	if (!core_acting(in))
		return "I2 a route write by a node that does not act";
	if (h->core.health[0].state == HEALTH_DOWN || !in->link_up)
		return "I2 a route write by a node that cannot serve";
	if (!h->alias[act->instance] && h->alias_news[act->instance] == 0)
		return "I2 a route write before the address is there";
	if (world->config.duties[DUTY_PROMOTE] && !world->config.unpromoted_ok &&
	    !h->writable[act->instance])
		return "D10 a route write before the database is writable";
	if (in->by_route) /* nobody's word: the store is away and the owner silent */
		return route_alone_decides(world, judge, host, act->instance);
	if (in->promise != 0 && in->record.owner != (int)host)
		return promised(world, judge, act->instance, in->promise)
			       ? NULL
			       : "I2 a route write on a promise that nobody gave";
	if (in->promise == 0 && world->now - seat->read_me > SEC)
		return "I2 a route write without having read the parameter";
	return NULL;
}

/* T1: with touch = owner the MASTER puts its own name on P again; touches go on. */
static bool touches_parameter(const struct world *world, unsigned int host, unsigned int instance)
{
	const struct instance *in = &world->hosts[host].instances[instance];

	return world->config.touch_owner && in->state == CORE_MASTER &&
	       in->record.owner == (int)host;
}

/* I2, D10 Writes are void a second after their decision; a claim's first asks the gate. */
static const char *put_is_allowed(const struct world *world, struct judge *judge, unsigned int host,
				  const struct action *act)
{
	const struct instance *in = &world->hosts[host].instances[act->instance];
	const struct seat *seat = &judge->seats[host][in->leader]; /* a group has one gate */

	if (act->not_after - world_clock(world, host) > SEC)
		return "I2 a Put whose decision may be older than a second";
	if (in->state != CORE_CLAIMING || !world->config.duties[DUTY_GATE])
		return NULL;
	if (seat->gate_open < in->claim.since - in->config.patience[DUTY_GATE] -
				      timers_profile(world->config.profile)->claim)
		return "D10 a claim that did not ask the gate";
	return NULL;
}

/* Nothing is promised of a MASTER whose lease had run out until everybody has looked again. */
#define LAPSE (15 * SEC)
/* Long enough for every wait and back-off to have ended. */
#define WELL (60 * SEC)

/* T1, T2 A claim on silence is never begun against a node that acts with a valid lease. */
static const char *silence_is_real(struct world *world, const struct judge *judge,
				   unsigned int host, const struct action *act)
{
	if (!judge->timely || act->reason != REASON_OWNER_SILENT)
		return NULL;
	for (unsigned int n = 0; n < world->config.nodes; n++) {
		const struct instance *in = &world->hosts[n].instances[act->instance];

		if (n == host || !awake(world, n) || !core_acting(in) || in->by_route ||
		    just_took_up(world, judge, n, act->instance))
			continue;
		if (world->now - store_bad(world, judge, n) > WELL && in->state == CORE_MASTER &&
		    in->record.owner == (int)n && world_clock(world, n) - in->acting_since > WELL)
			return "T2 a silent claim against a MASTER that reaches the store";
		if (world->now - judge->seats[n][act->instance].lapsed <= LAPSE)
			continue;
		if (!(in->flags & FLAG_UNCONFIRMED) && in->record.owner == (int)n &&
		    in->disclaimed < in->record.version &&
		    in->record.version ==
			    world->hosts[host].instances[act->instance].record.version)
			return "T1 a silent claim against a MASTER with a valid lease";
		if (in->config.fence && in->record.owner == (int)n &&
		    world->hosts[n].path[SERVICE_EC2].down &&
		    world->hosts[n].path[SERVICE_SSM].down)
			return "T1 a silent claim before the isolated MASTER fenced itself";
	}
	return NULL;
}

/* E1 Evidence that the owner's machine is stopped is never about one that runs. */
static const char *evidence_is_true(const struct world *world, const struct judge *judge,
				    unsigned int host, const struct action *act)
{
	int owner = world->hosts[host].instances[act->instance].record.owner;

	if (act->reason != REASON_OWNER_GONE || owner < 0 || !world->hosts[owner].running ||
	    world->now - judge->booted[owner] < 10 * SEC)
		return NULL;
	return "E1 a claim on evidence against a machine that runs";
}

/* Section 7 b: at the moment of taking it; a reload may switch it off afterwards. */
static const char *outage_is_a_setting(const struct world *world, unsigned int host,
				       const struct action *act)
{
	if (act->reason != REASON_STORE_OUTAGE || world->hosts[host].core.config.outage_takeover)
		return NULL;
	return "I2 a route taken in an outage of the store although that is off";
}

/* C5 A claim is confirmed by a read that began after its Put was answered, and after a Put
 * that met another one only when nothing decided before it can land any more. */
static const char *confirmation_counts(struct world *world, const struct judge *judge,
				       unsigned int host, const struct action *act)
{
	const struct timers *timers = timers_profile(world->config.profile);
	const struct seat *seat = &judge->seats[host][act->instance];

	if (act->reason != REASON_CONFIRMED)
		return NULL;
	if (seat->read_sent < seat->put_answered)
		return "C5 a claim confirmed without reading the parameter back";
	if (world_clock(world, host) - seat->gap_at <
	    timers->param_call + timers->stale + timers->slack)
		return "C5 a claim that met another confirmed too early";
	return NULL;
}

/* Order of effects: the address goes before anybody is told that the VIP is free. */
static const char *address_first(const struct world *world, const struct judge *judge,
				 unsigned int host, const struct action *act)
{
	const struct host *h = &world->hosts[host];
	bool acted = act->old_state == CORE_CLAIMING || act->old_state == CORE_MASTER;
	bool acts = act->state == CORE_CLAIMING || act->state == CORE_MASTER;

	/* Kept in FAULT, where it did not stay in this very step. */
	if (act->state == CORE_FAULT && h->instances[act->instance].state != CORE_FAULT)
		return NULL;
	if (h->alias_news[act->instance] > 0) /* somebody else put it there just now */
		return NULL;
	if (h->instances[act->instance].frozen) /* nor does it look at addresses then */
		return NULL;
	if (!acted || acts || !h->alias[act->instance] || h->instances[act->instance].alias_kept ||
	    judge->seats[host][act->instance].dropped)
		return NULL;
	return "D11 the VIP is given up before the address is removed";
}

static const char *see_state(struct world *world, struct judge *judge, unsigned int host,
			     const struct action *act)
{
	const char *broken = legal(&judge->seats[host][act->instance], act);

	if (act->state == CORE_CLAIMING && act->reason != REASON_GAP)
		judge->seats[host][act->instance].gap_at = MONO_LONG_AGO;

	judge->transitions++;
	judge->last_transition = world->now;
	judge->takeovers += act->state == CORE_MASTER;
	if (act->reason == REASON_ADOPTED || act->reason == REASON_RECLAIM)
		judge->seats[host][act->instance].took_up = world->now;
	if (judge->canary && act->state == CORE_MASTER)
		return "canary: a node became MASTER, as it should";
	if (judge->settled && act->reason != REASON_STARTED)
		broken = broken ? broken : "I3 a transition long after the faults ended";
	broken = broken ? broken : address_first(world, judge, host, act);
	broken = broken ? broken : evidence_is_true(world, judge, host, act);
	broken = broken ? broken : outage_is_a_setting(world, host, act);
	broken = broken ? broken : confirmation_counts(world, judge, host, act);
	broken = broken ? broken : promise_is_young(world, judge, host, act);
	return broken ? broken : silence_is_real(world, judge, host, act);
}

/* I11 One call of a kind at a time. */
static const char *see_call(struct judge *judge, unsigned int host, const struct action *act)
{
	struct seat *seat = &judge->seats[host][act->instance];

	judge->calls[host]++;
	if (act->type == ACT_PARAM_GET || act->type == ACT_PARAM_PUT)
		return ++seat->record_calls > 1 ? "I11 two calls for one parameter" : NULL;
	if (act->type == ACT_ROUTE_GET || act->type == ACT_ROUTE_SET)
		return ++seat->route_calls[act->table] > 1 ? "I11 two calls for one table" : NULL;
	return NULL;
}

static const char *see_action(struct world *world, struct judge *judge, unsigned int host,
			      const struct action *act)
{
	bool frozen = world->hosts[host].instances[act->instance].frozen;
	const char *broken = NULL;

	switch (act->type) {
	case ACT_STATE:
		return see_state(world, judge, host, act);
	case ACT_ALIAS_ADD:
		return frozen ? "I7 an address added in maintenance" : NULL;
	case ACT_PARAM_PUT:
		broken = frozen && !touches_parameter(world, host, act->instance)
				 ? "I7 a Put in maintenance"
				 : put_is_allowed(world, judge, host, act);
		break;
	case ACT_ROUTE_SET:
		broken = frozen ? "I7 a route write in maintenance"
				: route_is_justified(world, judge, host, act);
		break;
	case ACT_PARAM_GET:
	case ACT_TOUCH_GET:
	case ACT_TOUCH_PUT:
	case ACT_ROUTE_GET:
		break;
	case ACT_ALIAS_DEL:
		judge->seats[host][act->instance].dropped = true;
		return NULL;
	case ACT_HELLO:
	case ACT_NOTE:
	case ACT_CANCEL:
	case ACT_EXIT:
	case ACT_GATE:
	case ACT_PROMOTE:
	case ACT_FENCE:
	case ACT_RELEASE:
	case ACT_EVIDENCE_GET:
	case ACT_TYPES:
		return NULL;
	}
	return broken ? broken : see_call(judge, host, act);
}

static void see_put(const struct world *world, struct seat *seat, unsigned int host,
		    const struct event *ev)
{
	const struct claim *claim = &world->hosts[host].instances[ev->instance].claim;

	seat->put_answered = world_clock(world, host);
	if (ev->outcome == OUTCOME_OK && world_acts(world, host, ev->instance) &&
	    ev->version != claim->base + 1)
		seat->gap_at = seat->put_answered;
}

/* Z1 Who stood still for longer than its lease is no MASTER any more. */
static const char *see_resumed(const struct world *world, unsigned int host, mono_us gap)
{
	for (unsigned int i = 0; i < world->config.instances; i++)
		if (gap > timers_profile(world->config.profile)->lease &&
		    core_acting(&world->hosts[host].instances[i]))
			return "Z1 a node acts on after standing still for longer than its lease";
	return NULL;
}

/* F1 An ack counts from when we sent what it acknowledges, which is a round trip ago. */
static const char *see_hello(const struct world *world, unsigned int host)
{
	for (unsigned int n = 0; n < world->config.nodes; n++)
		if (n != host &&
		    world->hosts[host].core.peers[n].ack > world_clock(world, host) - 500 * USEC)
			return "F1 an ack counts from its receipt";
	return NULL;
}

static const char *see_event(struct world *world, struct judge *judge, unsigned int host,
			     const struct event *ev)
{
	struct seat *seat = &judge->seats[host][ev->instance];

	if (ev->type == EV_PARAM_READ || ev->type == EV_PARAM_WRITTEN)
		seat->record_calls -= seat->record_calls > 0;
	if (ev->type == EV_ROUTE_READ || ev->type == EV_ROUTE_WRITTEN)
		seat->route_calls[ev->table] -= seat->route_calls[ev->table] > 0;
	if (ev->type == EV_PARAM_READ && ev->outcome == OUTCOME_OK && ev->owner == (int)host) {
		seat->read_me = world->now;
		seat->read_sent = ev->sent;
	}
	if (ev->type == EV_GATE && ev->outcome == OUTCOME_OK)
		seat->gate_open = world_clock(world, host);
	if (ev->type == EV_PARAM_WRITTEN)
		see_put(world, seat, host, ev);
	if (ev->type == EV_RESUMED)
		return see_resumed(world, host, ev->gap);
	return ev->type == EV_HELLO ? see_hello(world, host) : NULL;
}

/* I4 What one instance may ask of the cloud in a minute. */
static unsigned int budget(const struct world *world, const struct judge *judge)
{
	const struct timers *timers = timers_profile(world->config.profile);

	if (!judge->settled)
		return CALLS_PER_MINUTE_MAX;
	/* P and every table once a verify period, and a few more. */
	return (1 + world->config.tables) * (unsigned int)(60 * SEC / timers->verify_master) + 20;
}

/* W No spinning. */
static const char *pace(struct world *world, struct judge *judge, unsigned int host, bool tick)
{
	if (world->now / SEC != judge->second[host]) {
		judge->second[host] = world->now / SEC;
		judge->ticks[host] = 0;
	}
	judge->ticks[host] += tick;
	if (judge->ticks[host] > TICKS_PER_SECOND_MAX)
		return "W the core spins";
	if (world->now / (60 * SEC) != judge->minute[host]) {
		judge->minute[host] = world->now / (60 * SEC);
		judge->calls[host] = 0;
	}
	if (judge->calls[host] > world->config.instances * budget(world, judge))
		return "I4 too many calls in a minute";
	return NULL;
}

/* A new process: nothing is in flight, nothing was told. */
static void see_boot(struct world *world, struct judge *judge, unsigned int host)
{
	judge->boot[host] = world->hosts[host].boot;
	judge->booted[host] = world->now;
	for (unsigned int i = 0; i < WORLD_INSTANCES; i++)
		judge->seats[host][i] = (struct seat){.alias_wrong = MONO_NEVER,
						      .read_me = MONO_LONG_AGO,
						      .read_sent = MONO_LONG_AGO,
						      .put_answered = MONO_LONG_AGO,
						      .gap_at = MONO_LONG_AGO,
						      .gate_open = MONO_LONG_AGO,
						      .by_route_since = MONO_LONG_AGO,
						      .lapsed = MONO_LONG_AGO,
						      .took_up = MONO_LONG_AGO};
}

const char *judge_step(struct world *world, struct judge *judge, unsigned int host,
		       const struct event *ev, const struct actions *out)
{
	const char *broken = pace(world, judge, host, ev->type == EV_TICK);

	if (judge->boot[host] != world->hosts[host].boot)
		see_boot(world, judge, host);
	broken = broken ? broken : see_event(world, judge, host, ev);
	for (unsigned int i = 0; i < world->config.instances; i++) {
		uint64_t *promise = &judge->promised[host][i];

		judge->seats[host][i].dropped = false;
		if (world->hosts[host].instances[i].disclaimed > *promise)
			*promise = world->hosts[host].instances[i].disclaimed;
	}
	judge->moved |= out->count > 1 || (out->count == 1 && out->items[0].type != ACT_HELLO) ||
			(ev->type != EV_HELLO && ev->type != EV_TICK);
	for (unsigned int k = 0; k < out->count && !broken; k++)
		broken = see_action(world, judge, host, &out->items[k]);
	return broken;
}
