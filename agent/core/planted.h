/* SPDX-License-Identifier: MIT */
/*
 * Bugs planted on purpose, one at a time, to see that the simulator finds
 * each (scripts/sim --planted). Only the simulator's own copy of the core has
 * the switch; everywhere else PLANTED() is false and leaves no trace.
 */
#ifndef AGENT_CORE_PLANTED_H
#define AGENT_CORE_PLANTED_H

/*
 * What a BACKUP makes of throttling (C2), for scripts/sim --fleet, which
 * measures the choices; everywhere else the one of doc/fleet.md is built in.
 */
enum core_throttle { CORE_THROTTLE_IGNORED, CORE_THROTTLE_WAITS, CORE_THROTTLE_CAPPED };
#ifdef CORE_FLEET
extern enum core_throttle core_throttle;
#else
#define core_throttle CORE_THROTTLE_WAITS
#endif

#ifdef CORE_PLANTED
enum planted {
	PLANT_NOTHING,
	PLANT_NO_CONFIRM,     /* C5: MASTER without reading P back */
	PLANT_NO_GAP,	      /* C5: a Put that met another is taken for a clean one */
	PLANT_NO_STEP_DOWN,   /* S1: another name in P is ignored */
	PLANT_NO_DISCLAIM,    /* S2: nothing is renounced */
	PLANT_NO_TOUCH,	      /* T2 */
	PLANT_NO_GRACE,	      /* C2: claims as soon as the owner is silent */
	PLANT_NO_LEASE,	      /* F1: never fences */
	PLANT_LEASE_BY_ECHO,  /* F1: the lease counts from the receipt of an ack */
	PLANT_NO_ECHO_CHECK,  /* any packet proves life */
	PLANT_REPLAY,	      /* counters need not rise */
	PLANT_STALE_READ,     /* K1: the last read is the truth */
	PLANT_GOSSIP_IS_READ, /* K2: hearsay counts as a read */
	PLANT_NO_STALL_CHECK, /* Z1 */
	PLANT_NO_VERIFY,      /* V1: drift is not mended */
	PLANT_FORGET_TABLE,   /* the last table is never written */
	PLANT_ROUTE_FIRST,    /* the route is moved before the address is there */
	PLANT_KEEP_ALIAS,     /* the address stays when the VIP goes */
	PLANT_SICK_MASTER,    /* a dead check does not end a MASTER */
	PLANT_NO_BACKOFF,     /* failed calls are repeated at once */
	PLANT_TWO_CALLS,      /* asks again while the answer is on its way */
	PLANT_NO_MAINTENANCE, /* writes although frozen */
	PLANT_OLD_PROMISE,    /* C1 on a promise of any age */
	PLANT_NO_TIE_BREAK,   /* two may act on one promise */
	PLANT_CLAIM_FOR_EVER, /* T_claim and its lease have no end */
	PLANT_FORGET_WAKE,    /* ages are not announced in core_deadline() */
	PLANT_WRONG_STATE,    /* a notification names the wrong old state */
	PLANT_SKIP_GATE,      /* D10: claims without asking the gate */
	PLANT_NO_FENCE,	      /* D11: the database stays writable when the VIP goes */
	PLANT_STALE_FENCE,    /* a promotion does not undo what was known of the fence */
	PLANT_UNPROMOTED,     /* D10: routes before the database is writable */
	PLANT_ROUTE_AGAIN,    /* 7 b: more than one claim by route in one silence */
	PLANT_OUTAGE_ALWAYS,  /* 7 b: although that is off */
	PLANT_WALL_CLOCK,     /* I10: chances depend on the cloud's clock */
	PLANT_OLD_PACKET,     /* I6: what is old is taken all the same */
	PLANT_COUNT
};

extern enum planted core_planted;
#define PLANTED(bug) (core_planted == PLANT_##bug)
#else
#define PLANTED(bug) 0
#endif

#endif
