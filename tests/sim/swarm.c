/* SPDX-License-Identifier: MIT */
/* Strikes: each has a family, a victim or two, and an end. One number says all of it. */
#include "tests/sim/swarm.h"

#include "tests/sim/forge.h"

#define END 1
#define POKE (FAMILIES << 16)

struct strike {
	enum family family;
	unsigned int a, b;
	bool end;
};

static int number_of(const struct strike *s)
{
	return (int)(s->family << 16 | s->a << 8 | s->b << 4 | (s->end ? END : 0));
}

static struct strike strike_of(int number)
{
	return (struct strike){.family = (enum family)(number >> 16),
			       .a = (unsigned int)number >> 8 & 15,
			       .b = (unsigned int)number >> 4 & 15,
			       .end = number & END};
}

const char *family_name(enum family family)
{
	static const char *const names[FAMILIES] = {
		"loss",	     "burst",	   "delay",	 "twice",     "replay",	  "forged",
		"partition", "one_way",	   "api_away",	 "api_error", "api_slow", "api_lost",
		"api_late",  "api_stale",  "api_denied", "outage",    "store",	  "pause",
		"crash",     "check",	   "link",	 "alias",     "target",	  "route",
		"parameter", "hand_over",  "freeze",	 "standby",   "stop",	  "clock",
		"late",	     "state_file", "duty",	 "dark",      "weight",	  "reload",
		"table",
	};

	return names[family];
}

/* Short mostly, long sometimes. */
static mono_us spell(struct swarm *swarm, mono_us longest)
{
	unsigned int shift = (unsigned int)rng_below(&swarm->rng, 11);

	return MSEC + rng_below(&swarm->rng, longest >> shift);
}

/* Each strike has its own chances, so that one left out changes no other. */
static void draw_for(struct swarm *swarm, enum family family, bool next)
{
	swarm->rng.state = swarm->seed + (uint64_t)family * 0x9e3779b97f4a7c15ULL +
			   (uint64_t)swarm->count[family] * 0xbf58476d1ce4e5b9ULL + next;
	(void)rng_next(&swarm->rng);
	swarm->rng.state ^= rng_next(&swarm->rng);
}

static void schedule(struct swarm *swarm, struct world *world, enum family family)
{
	struct strike next = {.family = family};
	mono_us at;

	if (world->config.nodes < 2)
		return;
	swarm->count[family]++;
	draw_for(swarm, family, true);
	at = world->now + rng_below(&swarm->rng, 2 * swarm->every);
	next.a = (unsigned int)rng_below(&swarm->rng, world->config.nodes);
	next.b = (next.a + 1 + (unsigned int)rng_below(&swarm->rng, world->config.nodes - 1)) %
		 world->config.nodes;
	if (at < swarm->heal_at)
		world_at(world, at, number_of(&next));
}

static bool picked(const struct swarm *swarm, enum family family)
{
	for (unsigned int k = 0; k < swarm->pick_count; k++)
		if (swarm->picks[k].family == family &&
		    swarm->picks[k].count == swarm->count[family])
			return true;
	return swarm->pick_count == 0;
}

static void end_after(struct swarm *swarm, struct world *world, struct strike strike,
		      mono_us longest)
{
	strike.end = true;
	world_at(world, mono_min(world->now + spell(swarm, longest), swarm->heal_at - 1),
		 number_of(&strike));
}

/* --- the network ---------------------------------------------------------------------- */

static void strike_link(struct swarm *swarm, struct world *world, const struct strike *s)
{
	struct link *link = &world->links[s->a][s->b];

	switch (s->family) {
	case FAMILY_BURST:
		link->bursts = !s->end;
		break;
	case FAMILY_LOSS:
		link->loss_permille = s->end ? 0 : (unsigned int)rng_between(&swarm->rng, 10, 600);
		break;
	case FAMILY_DELAY:
		link->delay_max = s->end ? 900 * USEC : MSEC + spell(swarm, 2 * SEC);
		break;
	case FAMILY_TWICE:
		link->twice_permille = s->end ? 0 : 300;
		break;
	case FAMILY_ONE_WAY:
		link->cut = !s->end;
		break;
	default: /* FAMILY_PARTITION */
		world_cut(world, s->a, s->b, !s->end);
		break;
	}
	if (!s->end)
		end_after(swarm, world, *s, 120 * SEC);
}

static void strike_replay(struct swarm *swarm, struct world *world)
{
	for (int64_t k = rng_between(&swarm->rng, 1, 20); k > 0; k--)
		world_replay(world);
}

static void strike_forged(struct swarm *swarm, struct world *world)
{
	for (int64_t k = rng_between(&swarm->rng, 1, 20); swarm->forge && k > 0; k--)
		forge_packet(swarm->forge, world, &swarm->rng);
}

/* --- the cloud ------------------------------------------------------------------------------- */

static const enum outcome errors[] = {OUTCOME_UNKNOWN,	 OUTCOME_UNKNOWN, OUTCOME_THROTTLED,
				      OUTCOME_THROTTLED, OUTCOME_DENIED,  OUTCOME_REFUSED};

static void spoil(struct swarm *swarm, struct world *world, const struct strike *s,
		  struct path *path)
{
	const struct timers *timers = timers_profile(world->config.profile);
	struct rng *rng = &swarm->rng;

	switch (s->family) {
	case FAMILY_API_AWAY:
		path->down = !s->end;
		break;
	case FAMILY_API_ERROR:
		path->error = errors[rng_below(rng, sizeof(errors) / sizeof(errors[0]))];
		path->error_permille = s->end ? 0 : (unsigned int)rng_between(rng, 50, 1000);
		break;
	case FAMILY_API_SLOW:
		path->latency_max = s->end ? 60 * MSEC : 100 * MSEC + spell(swarm, 3 * SEC);
		path->hand_over_max = s->end ? 200 : spell(swarm, 400 * MSEC);
		break;
	case FAMILY_API_LOST:
		path->lost_permille = s->end ? 0 : (unsigned int)rng_between(rng, 50, 600);
		break;
	case FAMILY_API_LATE:
		path->late_permille =
			s->end || swarm->timely ? 0 : (unsigned int)rng_between(rng, 50, 500);
		path->late_max = spell(swarm, 30 * SEC);
		break;
	case FAMILY_API_STALE:
		path->stale_permille = s->end ? 0 : (unsigned int)rng_between(rng, 50, 1000);
		path->stale_max = swarm->timely ? timers->stale : spell(swarm, 30 * SEC);
		break;
	default: /* FAMILY_API_DENIED */
		path->writes_denied = !s->end;
		break;
	}
}

static void strike_path(struct swarm *swarm, struct world *world, const struct strike *s)
{
	enum service service = s->b % 3 == 0 ? SERVICE_SSM : SERVICE_EC2;

	spoil(swarm, world, s, &world->hosts[s->a].path[service]);
	if (s->b % 3 == 2)
		spoil(swarm, world, s, &world->hosts[s->a].path[SERVICE_SSM]);
	if (!s->end)
		end_after(swarm, world, *s, 120 * SEC);
}

static void strike_operator(struct swarm *swarm, struct world *world, const struct strike *s)
{
	unsigned int i = (unsigned int)rng_below(&swarm->rng, world->config.instances);
	unsigned int t = (unsigned int)rng_below(&swarm->rng, world->config.tables);

	if (s->family == FAMILY_ROUTE) {
		world_route_set(
			world, i, t,
			(int)rng_between(&swarm->rng, TARGET_OTHER, (int)world->config.nodes - 1));
	} else if (rng_chance(&swarm->rng, 300)) {
		world_param_delete(world, i);
	} else {
		world_param_put(world, i,
				rng_chance(&swarm->rng, 300) ? WORLD_STRANGER : (int)s->b);
	}
}

/* --- hosts
 * ---------------------------------------------------------------------------------------- */

static void strike_check(struct swarm *swarm, struct world *world, const struct strike *s)
{
	static const enum health_result bad[] = {HEALTH_RESULT_BAD, HEALTH_RESULT_DEAD,
						 HEALTH_RESULT_DEAD, HEALTH_RESULT_NO_ANSWER};

	world_check(world, s->a, s->end ? HEALTH_RESULT_GOOD : bad[rng_below(&swarm->rng, 4)]);
	if (!s->end)
		end_after(swarm, world, *s, 60 * SEC);
}

static void strike_weight(struct swarm *swarm, struct world *world, const struct strike *s)
{
	int number = s->end ? 0 : (int)rng_between(&swarm->rng, -3, 3);

	world_weigh(world, s->a,
		    s->end	 ? HEALTH_RESULT_GOOD
		    : number < 0 ? HEALTH_RESULT_NO_ANSWER
				 : HEALTH_RESULT_BAD,
		    number);
	world_behind(world, s->a, !s->end && rng_chance(&swarm->rng, 300));
	if (!s->end)
		end_after(swarm, world, *s, 60 * SEC);
}

static void strike_reload(struct swarm *swarm, struct world *world, const struct strike *s)
{
	const struct host *h = &world->hosts[s->a];
	uint8_t variant = (uint8_t)rng_below(&swarm->rng, VARIANTS);

	world->config.variants[s->a] = rng_chance(&swarm->rng, 500) ? variant : 0;
	if (h->running && !h->paused)
		world_reload(world, s->a, NULL);
}

static void strike_table(struct swarm *swarm, struct world *world, const struct strike *s)
{
	struct path *path = &world->hosts[s->a].path[SERVICE_EC2];

	path->bad_table = s->end ? 0 : 1 + (unsigned int)rng_below(&swarm->rng, WORLD_TABLES);
	path->table_error = errors[rng_below(&swarm->rng, sizeof(errors) / sizeof(errors[0]))];
	if (!s->end)
		end_after(swarm, world, *s, 120 * SEC);
}

static void strike_process(struct swarm *swarm, struct world *world, const struct strike *s)
{
	if (s->end) {
		world_boot(world, s->a);
		return;
	}
	if (s->family == FAMILY_CRASH) {
		world_crash(world, s->a);
		world->hosts[s->a].machine_stopped = rng_chance(&swarm->rng, 300);
	} else
		world_command(world, s->a,
			      &(struct event){.command = rng_chance(&swarm->rng, 700)
								 ? CMD_STOP
								 : CMD_STOP_KEEP});
	end_after(swarm, world, *s, 60 * SEC);
}

static void strike_kernel(struct swarm *swarm, struct world *world, const struct strike *s)
{
	unsigned int i = (unsigned int)rng_below(&swarm->rng, world->config.instances);

	if (s->family == FAMILY_ALIAS) {
		world_alias(world, s->a, i, rng_chance(&swarm->rng, 500));
		return;
	}
	if (s->family == FAMILY_LINK)
		world_link(world, s->a, s->end ? s->b % world->config.instances : i, s->end);
	else
		world_target(world, s->a, s->end || rng_chance(&swarm->rng, 500), !s->end);
	if (!s->end) {
		struct strike end = *s;

		end.b = i;
		end_after(swarm, world, end, 30 * SEC);
	}
}

static void strike_clock(struct swarm *swarm, struct world *world, const struct strike *s)
{
	struct host *h = &world->hosts[s->a];

	if (s->family == FAMILY_CLOCK) {
		world_clock_rate(world, s->a, (int)rng_between(&swarm->rng, -200, 200));
		return;
	}
	h->late_max = s->end ? 0 : MSEC + spell(swarm, 500 * MSEC);
	if (!s->end)
		end_after(swarm, world, *s, 60 * SEC);
}

static void strike_duty(struct swarm *swarm, struct world *world, const struct strike *s)
{
	static const enum outcome answers[] = {OUTCOME_OK, OUTCOME_DENIED, OUTCOME_REFUSED,
					       OUTCOME_UNKNOWN};
	enum core_duty duty = (enum core_duty)rng_below(&swarm->rng, CORE_DUTIES);
	struct host *h = &world->hosts[s->a];
	mono_us takes;

	if (s->end) {
		for (unsigned int d = 0; d < CORE_DUTIES; d++)
			world_duty(world, s->a, (enum core_duty)d, OUTCOME_OK, 5 * MSEC);
		return;
	}
	takes = MSEC + spell(swarm, 4 * SEC); /* not in the call: two draws, one order */
	world_duty(world, s->a, duty, answers[rng_below(&swarm->rng, 4)], takes);
	h->duty[duty].silent = rng_chance(&swarm->rng, 200);
	end_after(swarm, world, *s, 60 * SEC);
}

static void command(struct world *world, const struct strike *s, unsigned int instance,
		    enum core_command what)
{
	world_command(world, s->a,
		      &(struct event){.instance = instance, .command = what, .node = (int)s->b});
}

static void strike_command(struct swarm *swarm, struct world *world, const struct strike *s)
{
	unsigned int i = s->b % world->config.instances;
	bool pick = rng_chance(&swarm->rng, 700);

	switch (s->family) {
	case FAMILY_FREEZE:
		command(world, s, i, s->end ? CMD_FREEZE_OFF : CMD_FREEZE_ON);
		break;
	case FAMILY_STANDBY:
		command(world, s, i, s->end ? CMD_STANDBY_OFF : CMD_STANDBY_ON);
		break;
	default: /* FAMILY_HAND_OVER */
		for (unsigned int n = 0; n < world->config.nodes; n++) {
			struct strike at = {.a = n, .b = s->b};

			if (rng_chance(&swarm->rng, 300))
				command(world, &at, i, CMD_ACK);
			if (world_acts(world, n, i))
				command(world, &at, i, pick ? CMD_SWITCHOVER : CMD_RELEASE);
		}
		return;
	}
	if (!s->end)
		end_after(swarm, world, *s, 60 * SEC);
}

/* --- all of them
 * ------------------------------------------------------------------------------------ */

/* Long, because it is a table: a case for every family, and the compiler misses a forgotten one. */
static void carry_out(struct swarm *swarm, struct world *world, const struct strike *s)
{
	switch (s->family) {
	case FAMILY_LOSS:
	case FAMILY_BURST:
	case FAMILY_DELAY:
	case FAMILY_TWICE:
	case FAMILY_PARTITION:
	case FAMILY_ONE_WAY:
		strike_link(swarm, world, s);
		break;
	case FAMILY_REPLAY:
		strike_replay(swarm, world);
		break;
	case FAMILY_API_AWAY:
	case FAMILY_API_ERROR:
	case FAMILY_API_SLOW:
	case FAMILY_API_LOST:
	case FAMILY_API_LATE:
	case FAMILY_API_STALE:
	case FAMILY_API_DENIED:
		strike_path(swarm, world, s);
		break;
	case FAMILY_OUTAGE:
		world->cloud.outage_until = world->now + spell(swarm, 60 * SEC);
		break;
	case FAMILY_STORE:
		for (unsigned int n = 0; n < world->config.nodes; n++)
			world->hosts[n].path[SERVICE_SSM].down = !s->end;
		if (!s->end)
			end_after(swarm, world, *s, 400 * SEC);
		break;
	case FAMILY_DARK:
		world_cut(world, s->a, s->b, !s->end);
		world->hosts[s->a].path[SERVICE_SSM].down = !s->end;
		if (!s->end) {
			struct strike end = *s;

			end.end = true;
			world_at(world,
				 mono_min(world->now + rng_between(&swarm->rng, 20, 300) * SEC,
					  swarm->heal_at - 1),
				 number_of(&end));
		}
		break;
	case FAMILY_PAUSE:
		world_pause(world, s->a, spell(swarm, 60 * SEC));
		break;
	case FAMILY_CRASH:
	case FAMILY_STOP:
		strike_process(swarm, world, s);
		break;
	case FAMILY_CHECK:
		strike_check(swarm, world, s);
		break;
	case FAMILY_LINK:
	case FAMILY_ALIAS:
	case FAMILY_TARGET:
		strike_kernel(swarm, world, s);
		break;
	case FAMILY_ROUTE:
	case FAMILY_PARAMETER:
		strike_operator(swarm, world, s);
		break;
	case FAMILY_HAND_OVER:
	case FAMILY_FREEZE:
	case FAMILY_STANDBY:
		strike_command(swarm, world, s);
		break;
	case FAMILY_FORGED:
		strike_forged(swarm, world);
		break;
	case FAMILY_CLOCK:
	case FAMILY_LATE:
		strike_clock(swarm, world, s);
		break;
	case FAMILY_STATE_FILE:
		world->hosts[s->a].state_file = (enum state_file)rng_below(&swarm->rng, 3);
		break;
	case FAMILY_DUTY:
		strike_duty(swarm, world, s);
		break;
	case FAMILY_WEIGHT:
		strike_weight(swarm, world, s);
		break;
	case FAMILY_RELOAD:
		strike_reload(swarm, world, s);
		break;
	case FAMILY_TABLE:
		strike_table(swarm, world, s);
		break;
	case FAMILIES:
		break;
	}
}

static void poke(struct world *world)
{
	world_poke(world, (unsigned int)rng_below(&world->rng, world->config.nodes));
	world_at(world, world->now + rng_below(&world->rng, 2 * SEC), POKE);
}

void swarm_strike(struct swarm *swarm, struct world *world, int index)
{
	struct strike s = strike_of(index);
	bool happens = s.end || picked(swarm, s.family);

	if (index == POKE) {
		poke(world);
		return;
	}
	if (world->now >= swarm->heal_at)
		return;
	if (happens) {
		if (world->hosts[s.a].running && !s.end)
			swarm->hits[s.family][world->hosts[s.a].instances[0].state]++;
		trace_note(world, (int)s.a, WORLD_FAULT, (int)s.family * 2 + s.end, (int)s.b);
		draw_for(swarm, s.family, false);
		carry_out(swarm, world, &s);
	}
	if (!s.end)
		schedule(swarm, world, s.family);
}

void swarm_begin(struct swarm *swarm, struct world *world)
{
	if (swarm->families & (1ULL << FAMILY_REPLAY | 1ULL << FAMILY_FORGED))
		world->record_permille = 20;
	for (unsigned int n = 0; n < world->config.nodes; n++) {
		world->hosts[n].offset = rng_between(&swarm->rng, SEC, 100000 * SEC);
		if (swarm->families & 1ULL << FAMILY_CLOCK)
			world_clock_rate(world, n, (int)rng_between(&swarm->rng, -200, 200));
		for (unsigned int d = 0; d < CORE_DUTIES; d++)
			world_duty(world, n, (enum core_duty)d, OUTCOME_OK, 5 * MSEC);
	}
	for (unsigned int f = 0; f < FAMILIES; f++)
		if (swarm->families & 1ULL << f)
			schedule(swarm, world, (enum family)f);
	world_at(world, world->now + SEC, POKE);
}

void swarm_heal(struct swarm *swarm, struct world *world)
{
	struct path good = {.error = OUTCOME_UNKNOWN,
			    .latency_min = 20 * MSEC,
			    .latency_max = 60 * MSEC,
			    .hand_over_max = 200};

	(void)swarm;
	world->cloud.outage_until = 0;
	for (unsigned int a = 0; a < world->config.nodes; a++) {
		for (unsigned int b = 0; b < world->config.nodes; b++)
			world->links[a][b] =
				(struct link){.delay_min = 300 * USEC, .delay_max = 900 * USEC};
		for (unsigned int s = 0; s < SERVICES; s++)
			world->hosts[a].path[s] = good;
		world->hosts[a].alias_fails = false;
		world->hosts[a].late_max = 0;
		for (unsigned int d = 0; d < CORE_DUTIES; d++)
			world_duty(world, a, (enum core_duty)d, OUTCOME_OK, 5 * MSEC);
		world_boot(world, a);
		world_resume(world, a);
		if (world->config.variants[a]) { /* all are told the same in the end */
			world->config.variants[a] = 0;
			world_reload(world, a, NULL);
		}
		world_check(world, a, HEALTH_RESULT_GOOD);
		world_weigh(world, a, HEALTH_RESULT_GOOD, 0);
		world_behind(world, a, false);
		world_target(world, a, true, false);
		for (unsigned int i = 0; i < world->config.instances; i++) {
			world_link(world, a, i, true);
			world_command(world, a,
				      &(struct event){.instance = i, .command = CMD_FREEZE_OFF});
			world_command(world, a,
				      &(struct event){.instance = i, .command = CMD_STANDBY_OFF});
			if (world->config.preempt || world->config.group)
				world_command(world, a,
					      &(struct event){.instance = i, .command = CMD_ACK});
		}
	}
}
