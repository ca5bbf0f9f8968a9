/* SPDX-License-Identifier: MIT */
/*
 * What must hold after every event, whatever happens (invariants I1 to I11,
 * and W: no wake-up missed, no spinning). The judge sees the world from above
 * and never what a core thinks of itself, except where the sentence is about
 * just that.
 */
#ifndef TESTS_SIM_JUDGE_H
#define TESTS_SIM_JUDGE_H

#include "tests/sim/world.h"

struct seat {		      /* one node's place in one instance */
	bool dropped;	      /* ALIAS_DEL was asked for in this step */
	enum core_state told; /* by the last ACT_STATE */
	bool known;	      /* the next three are set */
	uint32_t life;
	uint64_t version;
	int owner;
	mono_us read_sent, put_answered, gap_at, gate_open; /* its own clock */
	mono_us by_route_since; /* its own clock: the last claim by the route alone */
	uint64_t by_route_version;
	uint32_t by_route_life;
	mono_us lapsed;	     /* world time at which its lease was last seen to be over */
	mono_us took_up;     /* world time at which it adopted P or took its own disclaim back */
	mono_us read_me;     /* world time of the last answered read that named this node */
	mono_us alias_wrong; /* since when the address contradicts the state, MONO_NEVER = fits */
	unsigned int record_calls, route_calls[WORLD_TABLES];
};

struct standing { /* of one instance */
	unsigned int masters;
	bool dual, both_writable, mis;
};

struct judge {
	struct seat seats[WORLD_NODES][WORLD_INSTANCES];
	mono_us dual_since[WORLD_NODES][WORLD_NODES][WORLD_INSTANCES];
	mono_us both_writable_since[WORLD_NODES][WORLD_NODES][WORLD_INSTANCES];
	mono_us mute_since[WORLD_NODES][WORLD_NODES]; /* a mismatch is there and not told */
	uint32_t boot[WORLD_NODES];
	mono_us booted[WORLD_NODES];
	mono_us store_bad[WORLD_NODES]; /* when its way to the parameter store was last not good */
	uint64_t promised[WORLD_NODES][WORLD_INSTANCES]; /* highest version ever disclaimed */
	mono_us second[WORLD_NODES];			 /* of the counters below */
	unsigned int ticks[WORLD_NODES];		 /* in it */
	mono_us minute[WORLD_NODES];
	unsigned int calls[WORLD_NODES];
	bool timely;  /* the timing assumptions hold in this run: T1 and T2 are judged */
	bool settled; /* faults are over and the world has had time: nothing may move */
	bool canary;  /* claims that no node ever becomes MASTER */
	uint64_t transitions, takeovers;
	mono_us last_transition;
	/* history for the report, world time */
	struct standing standing[WORLD_INSTANCES];
	mono_us counted[WORLD_INSTANCES], out, dual, mis;
	bool moved; /* this event did more than send or hear a heartbeat */
	uint64_t hits[CORE_STATES];
};

void judge_init(struct judge *judge);
/* Both are hooks of the world; @arg must lead to the judge: see sim.h. */
const char *judge_look(struct world *world, struct judge *judge);
const char *judge_step(struct world *world, struct judge *judge, unsigned int host,
		       const struct event *ev, const struct actions *out);
/* Counts the history up to now. */
void judge_close(struct world *world, struct judge *judge);
/* NULL when each instance has at most, and at least, one that acts. */
const char *judge_one_acts(struct world *world);
/*
 * The longest wait, from now, that something in a core has yet to sit out:
 * a back-off after the API's errors, a hand-over nobody took, a fight.
 */
mono_us judge_waits(const struct world *world);
/* NULL when each instance has one MASTER, and P, every R and the addresses agree with it. */
const char *judge_agreed(struct world *world);

#endif
