/* SPDX-License-Identifier: MIT */
/* One seed, one run; and what many runs add up to. */
#ifndef TESTS_SIM_SIM_H
#define TESTS_SIM_SIM_H

#include "tests/sim/swarm.h"

struct sim_options {
	const char *commit; /* goes into the line of a failure */
	const char *words;  /* the options that make this run, likewise */
	uint32_t without;   /* fault families left out */
	mono_us quiet;	    /* how long nothing may move at the end */
	mono_us wall;	    /* the cloud's clock at start */
	unsigned int trace; /* lines printed on failure */
	bool verbose;	    /* every transition */
	bool canary;
};

struct sim_total {
	uint64_t seeds, events, transitions, takeovers, violations, first_failing, hash;
	mono_us simulated, out, dual, mis, slowest;
	uint64_t slowest_seed;
	uint64_t hits[FAMILIES][CORE_STATES];
};

/* True when everything held. A failure has been printed. */
bool sim_seed(const struct sim_options *options, uint64_t seed, struct sim_total *total);

#endif
