/* SPDX-License-Identifier: MIT */
/* One seed, one run; and what many runs add up to. */
#ifndef TESTS_SIM_SIM_H
#define TESTS_SIM_SIM_H

#include "tests/sim/judge.h"
#include "tests/sim/swarm.h"

#define SIM_WORDS 65536

struct sim_options {
	const char *commit;	  /* goes into the line of a failure */
	uint64_t without;	  /* set of fault families left out */
	const struct pick *picks; /* the only strikes, none = all */
	unsigned int pick_count;
	mono_us heal;	    /* faults end then at the latest, 0 = as drawn */
	mono_us quiet;	    /* how long nothing may move at the end, 0 = as drawn */
	mono_us wall;	    /* the cloud's clock at start */
	unsigned int trace; /* lines printed on failure */
	unsigned int twin;  /* every so many seeds are run twice (I6, I10); 0 = none */
	bool deaf;	    /* old packets are not delivered */
	bool verbose;	    /* every transition */
	bool silent;	    /* a failure is not printed */
	bool canary;
};

struct sim_total {
	uint64_t seeds, events, transitions, takeovers, twins, violations, first_failing, hash;
	mono_us simulated, out, dual, mis, slowest, nearest;
	uint64_t slowest_seed;
	const char *broken; /* what the first failing seed broke */
	uint64_t hits[FAMILIES][CORE_STATES];
};

/* How one run ended. */
struct sim_end {
	const char *broken; /* NULL = all held */
	mono_us at;
	uint64_t hash;
	uint64_t families; /* those it drew */
	unsigned int strikes[FAMILIES];
	mono_us heal_at;
};

/* True when everything held. A failure has been printed. */
bool sim_seed(const struct sim_options *options, uint64_t seed, struct sim_total *total);
/* One run without its twin. */
struct sim_end sim_run(const struct sim_options *options, uint64_t seed, struct sim_total *total);
/* The options that make a run what it is, as words of the command line. */
void sim_words(const struct sim_options *options, char words[static SIM_WORDS]);

/*
 * Makes a failing seed's story short: leaves out families, ends the faults
 * earlier, keeps only the strikes that matter, as long as the same invariant breaks.
 * Writes it to @path; spends at most @seconds of processor time.
 */
void shrink(const struct sim_options *options, uint64_t seed, double seconds, const char *path);

/* Processor time of this process. */
double sim_spent(void);

#endif
