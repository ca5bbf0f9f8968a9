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
	FAMILY_BURST, /* two-state loss */
	FAMILY_DELAY, /* and so reordering */
	FAMILY_TWICE,
	FAMILY_REPLAY,
	FAMILY_FORGED, /* damaged, cut off, sealed with another key, meant for others */
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
	FAMILY_STORE,	   /* the parameter store's alone, for everybody, long */
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
	FAMILY_CLOCK,	   /* rates, all the time and changing */
	FAMILY_LATE,	   /* timers */
	FAMILY_STATE_FILE, /* kept, stale, or lost at the next start */
	FAMILY_DUTY,	   /* gate, promotion, fence and release hook fail, refuse, hang */
	FAMILY_DARK,	   /* a pair cut apart and the store away for one of it, long */
	FAMILY_WEIGHT,	   /* a track that moves the priority changes */
	FAMILY_RELOAD,	   /* a node reads another configuration, or its own again */
	FAMILY_TABLE,	   /* one table alone fails, for one node */
	FAMILIES
};

#define SWARM_PICKS 4096

const char *family_name(enum family family);

/* One strike: the count-th of its family. */
struct pick {
	enum family family;
	unsigned int count;
};

struct swarm {
	uint64_t seed;
	struct rng rng; /* of the strike at hand: seed, family and count make it */
	uint64_t families;
	bool timely; /* keep the timing assumptions: nothing late, staleness within Sigma */
	mono_us heal_at;
	mono_us every; /* mean time between two strikes of one family */
	unsigned int count[FAMILIES];
	const struct pick *picks; /* the only strikes that happen; none = all */
	unsigned int pick_count;
	uint64_t hits[FAMILIES][CORE_STATES];
	struct forge *forge; /* NULL: FAMILY_FORGED does nothing */
};

/* Draws the families, the world's shape is drawn before: see sim.c. */
void swarm_begin(struct swarm *swarm, struct world *world);
/* The world's script hook: carries out strike or end @index. */
void swarm_strike(struct swarm *swarm, struct world *world, int index);
/* Ends everything; the world is as good as new. */
void swarm_heal(struct swarm *swarm, struct world *world);

#endif
