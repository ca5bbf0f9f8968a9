/* SPDX-License-Identifier: MIT */
/*
 * The simulator. From one number it draws a world, what will go wrong in it,
 * and every chance within; lets that happen (80 %), heals everything, and
 * waits for the world to agree and to stay quiet. The judge looks after every
 * event. The same number gives the same run to the byte: scripts/sim prints
 * it, and --seed brings it back.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/sim/judge.h"
#include "tests/sim/sim.h"

struct run {
	struct swarm swarm;
	struct judge judge;
	struct world *world;
	mono_us healed, agreed;
};

/* --- hooks ------------------------------------------------------------------------------ */

static const char *look(struct world *world, void *arg)
{
	struct run *run = arg;

	return judge_look(world, &run->judge);
}

static const char *witness(struct world *world, unsigned int host, const struct event *ev,
			   const struct actions *out, void *arg)
{
	struct run *run = arg;

	return judge_step(world, &run->judge, host, ev, out);
}

static void script(struct world *world, int index, void *arg)
{
	struct run *run = arg;

	swarm_strike(&run->swarm, world, index);
}

/* --- one seed ----------------------------------------------------------------------------- */

static void draw_world(struct rng *rng, struct world_config *config)
{
	static const unsigned int nodes[] = {2, 2, 2, 3, 3, 5};

	config->nodes = nodes[rng_below(rng, 6)];
	config->instances = rng_chance(rng, 300) ? 2 : 1;
	config->tables = (unsigned int)rng_between(rng, 1, 3);
	config->profile = (enum timers_profile)rng_below(rng, TIMERS_PROFILES);
	config->fence = rng_chance(rng, 500);
	for (unsigned int n = 0; n < WORLD_NODES; n++)
		config->priority[n] =
			(uint8_t)(rng_chance(rng, 500) ? 100 : rng_between(rng, 1, 255));
}

static void draw_faults(struct run *run, struct rng *rng)
{
	struct swarm *swarm = &run->swarm;

	swarm->rng.state = rng_next(rng);
	swarm->timely = rng_chance(rng, 500);
	swarm->families = (uint32_t)rng_next(rng) & ((1U << FAMILIES) - 1);
	if (rng_chance(rng, 200)) /* few at a time: the story is easier to read */
		for (unsigned int k = 0; k < 2; k++)
			swarm->families &= (uint32_t)rng_next(rng);
	if (swarm->timely)
		swarm->families &= ~(1U << FAMILY_PARAMETER | 1U << FAMILY_API_LATE);
	swarm->every = rng_between(rng, 3, 60) * SEC;
	swarm->heal_at = rng_between(rng, 30, 600) * SEC;
	run->judge.timely = swarm->timely;
}

static void begin(struct run *run, const struct sim_options *options, uint64_t seed)
{
	struct rng rng = {.state = seed};
	struct world_config config = {.seed = seed, .wall = options->wall};
	struct world *world;

	judge_init(&run->judge);
	run->judge.canary = options->canary;
	draw_world(&rng, &config);
	config.seed = rng_next(&rng);
	draw_faults(run, &rng);
	run->swarm.families &= ~options->without;
	run->world = world = world_new(&config);
	world->shuffle = rng_chance(&rng, 500);
	world->late_lands = rng_chance(&rng, 500);
	world->judge = look;
	world->witness = witness;
	world->script = script;
	world->arg = run;
	world->log = options->verbose ? stdout : NULL;
	swarm_begin(&run->swarm, world);
	for (unsigned int n = 0; n < config.nodes; n++) {
		world_run(world,
			  world->now + (rng_chance(&rng, 500) ? 0 : rng_below(&rng, 20 * SEC)));
		world_boot(world, n);
	}
}

/* When the world must agree at the latest, after the faults are over. */
static mono_us patience(const struct run *run)
{
	const struct timers *timers = timers_profile(run->world->config.profile);

	return timers_silent(timers) + run->world->config.nodes * timers->stagger + timers->hold +
	       timers->api_age + 30 * SEC;
}

static void live(struct run *run, const struct sim_options *options)
{
	struct world *world = run->world;

	world_run(world, run->swarm.heal_at);
	if (world->broken)
		return;
	run->swarm.heal_at = 0; /* no more strikes */
	swarm_heal(&run->swarm, world);
	world_run(world, world->now + 2 * SEC);
	swarm_heal(&run->swarm, world); /* whoever was just stopping has stopped */
	run->healed = world->now;
	world_run(world, run->healed + patience(run));
	run->agreed = run->judge.last_transition;
	if (!world->broken)
		world->broken = judge_agreed(world);
	run->judge.settled = true;
	memset(run->judge.calls, 0, sizeof(run->judge.calls));
	world_run(world, world->now + options->quiet);
	if (!world->broken)
		world->broken = judge_agreed(world);
}

static void count(const struct run *run, struct sim_total *total)
{
	const struct world *world = run->world;

	total->seeds++;
	total->events += world->events;
	total->simulated += world->now;
	total->transitions += run->judge.transitions;
	total->takeovers += run->judge.takeovers;
	total->out += run->judge.out;
	total->dual += run->judge.dual;
	total->mis += run->judge.mis;
	total->hash = (total->hash ^ world->hash) * 0x100000001b3ULL;
	if (!world->broken && run->agreed - run->healed > total->slowest) {
		total->slowest = run->agreed - run->healed;
		total->slowest_seed = world->config.seed;
	}
	for (unsigned int f = 0; f < FAMILIES; f++)
		for (unsigned int s = 0; s < CORE_STATES; s++)
			total->hits[f][s] += run->swarm.hits[f][s];
}

static void tell_failure(const struct run *run, const struct sim_options *options, uint64_t seed)
{
	const struct world *world = run->world;

	(void)printf("SIMFAIL seed=0x%016" PRIx64 " commit=%s opts=\"%s\" t=%.6fs ev=%" PRIu64
		     " hash=%016" PRIx64 " %s\n",
		     seed, options->commit, options->words, mono_seconds(world->now), world->events,
		     world->hash, world->broken);
	if (options->trace > 0)
		trace_nodes(run->world, stdout);
	if (options->trace > 0)
		trace_print(world, stdout, options->trace);
}

bool sim_seed(const struct sim_options *options, uint64_t seed, struct sim_total *total)
{
	struct run *run = calloc(1, sizeof(*run));
	bool held;

	if (!run)
		abort();
	begin(run, options, seed);
	live(run, options);
	held = run->world->broken == NULL;
	if (!held)
		tell_failure(run, options, seed);
	count(run, total);
	if (!held && total->violations++ == 0)
		total->first_failing = seed;
	world_free(run->world);
	free(run);
	return held;
}
