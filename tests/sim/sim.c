/* SPDX-License-Identifier: MIT */
/*
 * The simulator. From one number it draws a world, what will go wrong in it,
 * and every chance within; lets that happen (80 %), heals everything, and
 * waits for the world to agree and to stay quiet. The judge looks after every
 * event. The same number gives the same run to the byte: scripts/sim prints
 * it, and --seed brings it back.
 *
 * Some seeds have a twin: the same run ten years earlier and without the
 * packets that a core must drop as old. Its trace must be the same (I6, I10).
 */
#include "tests/sim/sim.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/sim/forge.h"

#define TEN_YEARS ((mono_us)10 * 365 * 86400 * SEC)

struct run {
	struct swarm swarm;
	struct judge judge;
	struct world *world;
	mono_us healed, agreed, patience;
};

double sim_spent(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

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
	static const unsigned int nodes[] = {2, 2, 2, 2, 2, 2, 3, 3, 3, 5};

	config->nodes = nodes[rng_below(rng, 10)];
	config->instances = rng_chance(rng, 300) ? 2 : 1;
	config->tables = (unsigned int)rng_between(rng, 1, 3);
	config->profile = (enum timers_profile)rng_below(rng, TIMERS_PROFILES);
	config->fence = rng_chance(rng, 500);
	for (unsigned int n = 0; n < WORLD_NODES; n++)
		config->priority[n] =
			(uint8_t)(rng_chance(rng, 500) ? 100 : rng_between(rng, 1, 255));
	if (rng_chance(rng, 400))
		for (unsigned int d = 0; d < CORE_DUTIES; d++)
			config->duties[d] = rng_chance(rng, 600);
	config->unpromoted_ok = rng_chance(rng, 300);
	config->touch_owner = rng_chance(rng, 200);
	config->outage_takeover = rng_chance(rng, 500);
	config->evidence = rng_chance(rng, 300);
	config->preempt = rng_chance(rng, 200);
	config->preempt_delay = rng_between(rng, 0, 30) * SEC;
	config->group = config->instances > 1 && rng_chance(rng, 400);
}

/* Of chances of its own: no other draw of the seed moves. */
static void draw_weight(uint64_t seed, struct world_config *config)
{
	struct rng rng = {.state = ~seed};

	config->weight = (int)rng_between(&rng, -200, 200);
	config->weight_counts = rng_chance(&rng, 300);
}

/* The same: nodes that were not given the same configuration, or run another version. */
static void draw_mix(uint64_t seed, struct world_config *config)
{
	struct rng rng = {.state = seed ^ 0x5bd1e9955bd1e995ULL};

	if (rng_chance(&rng, 700))
		return;
	for (unsigned int n = 0; n < config->nodes; n++)
		config->variants[n] = (uint8_t)rng_below(&rng, VARIANTS);
}

static void draw_faults(struct run *run, struct rng *rng)
{
	struct swarm *swarm = &run->swarm;

	swarm->seed = rng_next(rng);
	swarm->rng.state = rng_next(rng);
	swarm->timely = rng_chance(rng, 500);
	swarm->families = rng_next(rng) & ((1ULL << FAMILIES) - 1);
	if (rng_chance(rng, 200)) /* few at a time: the story is easier to read */
		for (unsigned int k = 0; k < 2; k++)
			swarm->families &= rng_next(rng);
	if (swarm->timely)
		swarm->families &= ~(1ULL << FAMILY_PARAMETER | 1ULL << FAMILY_API_LATE);
	swarm->every = rng_between(rng, 3, 60) * SEC;
	swarm->heal_at = rng_between(rng, 30, 600) * SEC;
	run->judge.timely = swarm->timely;
}

static void begin(struct run *run, const struct sim_options *options, uint64_t seed)
{
	struct rng rng = {.state = seed};
	struct world_config config = {.wall = options->wall};
	struct world *world;

	judge_init(&run->judge);
	run->judge.canary = options->canary;
	draw_world(&rng, &config);
	draw_weight(seed, &config);
	draw_mix(seed, &config);
	config.seed = rng_next(&rng);
	draw_faults(run, &rng);
	run->swarm.families &= ~options->without;
	run->swarm.picks = options->picks;
	run->swarm.pick_count = options->pick_count;
	if (options->heal > 0)
		run->swarm.heal_at = mono_min(run->swarm.heal_at, options->heal);
	if (run->swarm.families & 1ULL << FAMILY_FORGED)
		run->swarm.forge = forge_open();
	run->world = world = world_new(&config);
	world->shuffle = rng_chance(&rng, 500);
	world->late_lands = rng_chance(&rng, 500);
	world->deaf_to_old = options->deaf;
	world->tells_evidence = true;
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

/*
 * I3 When exactly one node acts at the latest, after the faults are over: what
 * the API's errors made somebody wait for, the next look of a node that sleeps,
 * the silence of an owner, everybody's place in the queue, and one claim that
 * meets another and begins anew (DECISIONS 20).
 */
static mono_us one_acts_by(const struct run *run)
{
	const struct timers *timers = timers_profile(run->world->config.profile);

	return run->world->now + judge_waits(run->world) + timers->verify_backup +
	       timers_silent(timers) + (run->world->config.nodes - 1) * timers->stagger +
	       2 * timers->claim + 2 * SEC;
}

/* And when P, routes and addresses agree with it: reads may be stale for as long as the core
 * allows for that, then one verify round and its second look. */
static mono_us agreed_by(const struct run *run, mono_us one_acts)
{
	const struct timers *timers = timers_profile(run->world->config.profile);

	mono_us moves = 0;

	/* Afterwards a better node may ask for it, or a group gather: one hand-over each. */
	if (run->world->config.preempt || run->world->config.group)
		moves = 2 * (run->world->config.preempt_delay + timers->hold + timers->handover);
	return one_acts + moves + 10 * SEC + timers->verify_master + 2 * timers->verify_fast +
	       timers->route_call;
}

static bool somebody_stops(const struct world *world)
{
	for (unsigned int n = 0; n < world->config.nodes; n++)
		if (world->hosts[n].running && world->hosts[n].core.stopping)
			return true;
	return false;
}

static void heal(struct run *run)
{
	struct world *world = run->world;

	run->swarm.heal_at = 0; /* no more strikes */
	swarm_heal(&run->swarm, world);
	world_run(world, world->now + 2 * SEC);
	for (unsigned int k = 0; k < 30 && somebody_stops(world); k++) /* its hook takes time */
		world_run(world, world->now + SEC);
	swarm_heal(&run->swarm, world); /* whoever was just stopping has stopped */
	run->healed = world->now;
}

static void live(struct run *run, const struct sim_options *options)
{
	struct world *world = run->world;
	mono_us by;

	world_run(world, run->swarm.heal_at);
	if (world->broken)
		return;
	heal(run);
	by = one_acts_by(run);
	run->patience = by - run->healed;
	world_run(world, by);
	run->agreed = run->judge.last_transition;
	if (!world->broken)
		world->broken = judge_one_acts(world);
	world_run(world, agreed_by(run, by));
	if (!world->broken)
		world->broken = judge_agreed(world);
	run->judge.settled = true;
	memset(run->judge.calls, 0, sizeof(run->judge.calls));
	world_run(world, world->now + (options->quiet > 0	 ? options->quiet
				       : world->config.seed % 16 ? 120 * SEC
								 : 600 * SEC));
	if (!world->broken)
		world->broken = judge_agreed(world);
	judge_close(world, &run->judge);
}

/* --- what came of it -------------------------------------------------------------------- */

static void count(const struct run *run, struct sim_total *total)
{
	const struct world *world = run->world;
	mono_us took = run->agreed - run->healed;

	total->seeds++;
	total->events += world->events;
	total->simulated += world->now;
	total->transitions += run->judge.transitions;
	total->takeovers += run->judge.takeovers;
	total->out += run->judge.out;
	total->dual += run->judge.dual;
	total->mis += run->judge.mis;
	total->hash = (total->hash ^ world->hash) * 0x100000001b3ULL;
	if (!world->broken && took > total->slowest) {
		total->slowest = took;
		total->slowest_seed = world->config.seed;
	}
	if (!world->broken && (total->nearest == 0 || run->patience - took < total->nearest))
		total->nearest = run->patience - took;
	for (unsigned int f = 0; f < FAMILIES; f++)
		for (unsigned int s = 0; s < CORE_STATES; s++)
			total->hits[f][s] += run->swarm.hits[f][s];
}

void sim_words(const struct sim_options *options, char words[static SIM_WORDS])
{
	size_t at = 0;

	words[0] = '\0';
#define SAY(...)                                                                                   \
	do {                                                                                       \
		if (at < SIM_WORDS)                                                                \
			at += (size_t)snprintf(words + at, SIM_WORDS - at, __VA_ARGS__);           \
	} while (0)
	for (unsigned int f = 0; f < FAMILIES; f++)
		if (options->without & 1ULL << f)
			SAY("%s--without %s", at ? " " : "", family_name((enum family)f));
	for (unsigned int k = 0; k < options->pick_count; k++)
		SAY("%s--only %s:%u", at ? " " : "", family_name(options->picks[k].family),
		    options->picks[k].count);
	if (options->heal > 0)
		SAY("%s--heal %" PRId64, at ? " " : "", options->heal / SEC);
	if (options->quiet > 0)
		SAY("%s--quiet %" PRId64, at ? " " : "", options->quiet / SEC);
	if (options->canary)
		SAY("%s--canary", at ? " " : "");
	if (options->twin)
		SAY("%s--twin %u", at ? " " : "", options->twin);
#undef SAY
}

/* "I3 nobody acts": the word of the invariant comes first, so a script can cut it out. */
static void tell_failure(struct world *world, const struct sim_options *options, uint64_t seed)
{
	char words[SIM_WORDS];
	const char *sentence = strchr(world->broken, ' ');
	char node[16] = "-";

	if (options->silent)
		return;
	sim_words(options, words);
	if (world->culprit >= 0)
		(void)snprintf(node, sizeof(node), "n%d", world->culprit);
	(void)printf("SIMFAIL seed=0x%016" PRIx64 " commit=%s opts=\"%s\" t=%.6fs ev=%" PRIu64
		     " %.*s node=%s trace=%016" PRIx64 "%s\n",
		     seed, options->commit, words, mono_seconds(world->now), world->events,
		     sentence ? (int)(sentence - world->broken) : 2, world->broken, node,
		     world->hash, sentence ? sentence : "");
	if (options->trace > 0) {
		trace_nodes(world, stdout);
		trace_print(world, stdout, options->trace);
	}
}

static struct sim_end end_of(const struct run *run)
{
	struct sim_end end = {.broken = run->world->broken,
			      .at = run->world->now,
			      .hash = run->world->hash,
			      .families = run->swarm.families,
			      .heal_at = run->healed ? run->healed : run->world->now};

	memcpy(end.strikes, run->swarm.count, sizeof(end.strikes));
	return end;
}

struct sim_end sim_run(const struct sim_options *options, uint64_t seed, struct sim_total *total)
{
	struct run *run = calloc(1, sizeof(*run));
	struct sim_end end;

	if (!run)
		abort();
	begin(run, options, seed);
	live(run, options);
	if (run->world->broken)
		tell_failure(run->world, options, seed);
	if (total)
		count(run, total);
	end = end_of(run);
	if (run->swarm.forge)
		forge_close(run->swarm.forge);
	world_free(run->world);
	free(run);
	return end;
}

/* I6, I10 The twin's trace is the same. */
static const char *twin_differs(const struct sim_options *options, uint64_t seed, uint64_t hash)
{
	struct sim_options other = *options;

	other.silent = true;
	other.verbose = false;
	other.wall -= TEN_YEARS;
	if (sim_run(&other, seed, NULL).hash != hash)
		return "I10 the wall clock changed a decision";
	other.deaf = true;
	if (sim_run(&other, seed, NULL).hash != hash)
		return "I6 an old packet changed a decision";
	return NULL;
}

bool sim_seed(const struct sim_options *options, uint64_t seed, struct sim_total *total)
{
	struct sim_end end = sim_run(options, seed, total);
	const char *differs = NULL;
	char words[SIM_WORDS];

	if (!end.broken && options->twin && seed % options->twin == 0) {
		total->twins++;
		differs = twin_differs(options, seed, end.hash);
	}
	if (differs && !options->silent) {
		sim_words(options, words);
		(void)printf("SIMFAIL seed=0x%016" PRIx64
			     " commit=%s opts=\"%s\" t=%.6fs ev=0 %s\n",
			     seed, options->commit, words, mono_seconds(end.at), differs);
	}
	if ((end.broken || differs) && total->violations++ == 0) {
		total->first_failing = seed;
		total->broken = end.broken ? end.broken : differs;
	}
	return !end.broken && !differs;
}
