/* SPDX-License-Identifier: MIT */
/*
 * The power of the simulator: with each bug planted in turn it must fail, and
 * soon. The first row is a canary, an invariant that cannot hold: if even
 * that is not found, the simulator is dead.
 */
#include "tests/sim/planted.h"

#include <inttypes.h>
#include <stdlib.h>

#include "agent/core/planted.h"

enum planted core_planted = PLANT_NOTHING;

static const char *const names[PLANT_COUNT] = {
	[PLANT_NOTHING] = "canary",
	[PLANT_NO_CONFIRM] = "no_confirm",
	[PLANT_NO_GAP] = "no_gap",
	[PLANT_NO_STEP_DOWN] = "no_step_down",
	[PLANT_NO_DISCLAIM] = "no_disclaim",
	[PLANT_NO_TOUCH] = "no_touch",
	[PLANT_NO_GRACE] = "no_grace",
	[PLANT_NO_LEASE] = "no_lease",
	[PLANT_LEASE_BY_ECHO] = "lease_by_echo",
	[PLANT_NO_ECHO_CHECK] = "no_echo_check",
	[PLANT_REPLAY] = "replay",
	[PLANT_STALE_READ] = "stale_read",
	[PLANT_GOSSIP_IS_READ] = "gossip_is_read",
	[PLANT_NO_STALL_CHECK] = "no_stall_check",
	[PLANT_NO_VERIFY] = "no_verify",
	[PLANT_FORGET_TABLE] = "forget_table",
	[PLANT_ROUTE_FIRST] = "route_first",
	[PLANT_KEEP_ALIAS] = "keep_alias",
	[PLANT_SICK_MASTER] = "sick_master",
	[PLANT_NO_BACKOFF] = "no_backoff",
	[PLANT_TWO_CALLS] = "two_calls",
	[PLANT_NO_MAINTENANCE] = "no_maintenance",
	[PLANT_OLD_PROMISE] = "old_promise",
	[PLANT_NO_TIE_BREAK] = "no_tie_break",
	[PLANT_CLAIM_FOR_EVER] = "claim_for_ever",
	[PLANT_FORGET_WAKE] = "forget_wake",
	[PLANT_WRONG_STATE] = "wrong_state",
	[PLANT_SKIP_GATE] = "skip_gate",
	[PLANT_NO_FENCE] = "no_fence",
	[PLANT_STALE_FENCE] = "stale_fence",
	[PLANT_UNPROMOTED] = "unpromoted",
	[PLANT_ROUTE_AGAIN] = "route_again",
	[PLANT_OUTAGE_ALWAYS] = "outage_always",
	[PLANT_WALL_CLOCK] = "wall_clock",
	[PLANT_OLD_PACKET] = "old_packet",
};

/* A seed that fails without the bug proves nothing about it. */
static bool fails_anyway(const struct sim_options *options, uint64_t seed)
{
	struct sim_total *total = calloc(1, sizeof(*total));
	enum planted bug = core_planted;
	bool failed;

	if (!total)
		abort();
	core_planted = PLANT_NOTHING;
	failed = !sim_seed(options, seed, total);
	core_planted = bug;
	free(total);
	return failed;
}

static bool hunt(const struct sim_options *options, double seconds, uint64_t *seed,
		 const char **sentence)
{
	struct sim_total *total = calloc(1, sizeof(*total));
	double until = sim_spent() + seconds;

	if (!total)
		abort();
	while (!total->broken && sim_spent() < until) {
		(void)sim_seed(options, ++*seed, total);
		if (total->broken && !options->canary && fails_anyway(options, *seed))
			total->broken = NULL;
		total->violations = 0;
	}
	*sentence = total->broken;
	free(total);
	return *sentence != NULL;
}

unsigned int planted_run(const struct sim_options *options, double seconds, FILE *report)
{
	struct sim_options with = *options;
	double slowest = 0;
	unsigned int missed = 0;

	for (unsigned int bug = PLANT_NOTHING; bug < PLANT_COUNT; bug++) {
		double begun = sim_spent();
		const char *sentence = NULL;
		uint64_t seed = 0;
		bool found;

		core_planted = (enum planted)bug;
		with.canary = bug == PLANT_NOTHING;
		with.silent = true;
		with.twin = 4;
		found = hunt(&with, seconds, &seed, &sentence);
		missed += !found;
		slowest = sim_spent() - begun > slowest ? sim_spent() - begun : slowest;
		(void)printf("%-16s %s %7.2f core-seconds, seed %4llu: %s\n", names[bug],
			     found ? "found" : "NOT FOUND", sim_spent() - begun,
			     (unsigned long long)seed, found ? sentence : "-");
		if (report)
			(void)fprintf(report,
				      "%s{\"bug\":\"%s\",\"found\":%s,\"core_seconds\":%.2f}",
				      bug ? "," : "", names[bug], found ? "true" : "false",
				      sim_spent() - begun);
		(void)fflush(stdout);
	}
	core_planted = PLANT_NOTHING;
	(void)printf("%u of %u planted bugs found, the slowest after %.1f core-seconds\n",
		     PLANT_COUNT - missed, PLANT_COUNT, slowest);
	return missed;
}
