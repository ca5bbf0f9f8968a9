/* SPDX-License-Identifier: MIT */
/*
 * What goes wrong in a random run. Each family of faults is in or out of a
 * run with equal chance (swarm testing), so rare pairs meet; a family that is
 * in strikes again and again, each time for a while.
 */
#ifndef TESTS_SIM_SWARM_H
#define TESTS_SIM_SWARM_H

#include "tests/sim/world.h"

enum family {
	FAMILY_LOSS,
	FAMILY_DELAY, /* and so reordering */
	FAMILY_TWICE,
	FAMILY_REPLAY,
	FAMILY_PARTITION,
	FAMILY_ONE_WAY,
	FAMILY_API_AWAY,
	FAMILY_API_ERROR,
	FAMILY_API_SLOW,
	FAMILY_API_LOST, /* executed, the answer lost */
	FAMILY_API_LATE, /* executed after its deadline */
	FAMILY_API_STALE,
	FAMILY_API_DENIED, /* writes only */
	FAMILY_OUTAGE,	   /* the region's */
	FAMILY_PAUSE,
	FAMILY_CRASH,
	FAMILY_CHECK,
	FAMILY_LINK,
	FAMILY_ALIAS,
	FAMILY_TARGET,
	FAMILY_ROUTE,	  /* an operator moves or deletes a route */
	FAMILY_PARAMETER, /* an operator edits or deletes P */
	FAMILY_HAND_OVER,
	FAMILY_FREEZE,
	FAMILY_STANDBY,
	FAMILY_STOP,
	FAMILY_CLOCK,
	FAMILIES
};

const char *family_name(enum family family);

struct swarm {
	struct rng rng;
	uint32_t families;
	bool timely; /* keep the timing assumptions: nothing late, staleness within Sigma */
	mono_us heal_at;
	mono_us every; /* mean time between two strikes of one family */
	uint64_t hits[FAMILIES][CORE_STATES];
};

/* Draws the families, the world's shape is drawn before: see sim.c. */
void swarm_begin(struct swarm *swarm, struct world *world);
/* The world's script hook: carries out strike or end @index. */
void swarm_strike(struct swarm *swarm, struct world *world, int index);
/* Ends everything; the world is as good as new. */
void swarm_heal(struct swarm *swarm, struct world *world);

#endif
