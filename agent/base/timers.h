/* SPDX-License-Identifier: MIT */
/*
 * The constants of the ownership protocol (doc/protocol.md, section
 * "Timers"), their three profiles, and the inequalities without which the
 * protocol is not safe. All values in microseconds.
 */
#ifndef AGENT_BASE_TIMERS_H
#define AGENT_BASE_TIMERS_H

#include "agent/base/err.h"
#include "agent/base/mono.h"

struct timers {
	mono_us heartbeat;     /* H     heartbeat period */
	mono_us ack_age;       /* U     age of a peer's ack at which touching starts */
	mono_us dead_after;    /* D     owner not seen acting for so long: suspected */
	mono_us touch;	       /* W     touch period */
	mono_us param_call;    /* L     hard deadline of one parameter call */
	mono_us route_call;    /* L_R   hard deadline of one route call */
	mono_us stale;	       /* Sigma assumed staleness of parameter reads */
	mono_us poll;	       /* Q     parameter poll period of a suspecting BACKUP */
	mono_us slack;	       /* eps   scheduling, clock rate, read-to-write gap */
	mono_us lease;	       /* F     lease after the last ack + D, or touch */
	mono_us grace;	       /* G     grace of the silent claim */
	mono_us stagger;       /* S     further wait per rank, with more than two nodes */
	mono_us verify_master; /* V     verify period of the MASTER */
	mono_us verify_backup; /* V_b   verify period of everybody else */
	mono_us verify_fast;   /* V_fast two reads this far apart make a fact */
	mono_us claim;	       /* T_claim  a claim not confirmed by then is given up */
	mono_us route;	       /* T_route  no route written or verified for so long: give up */
	mono_us api_age;       /* T_api    evidence of the API older than this is none */
	mono_us ssm_outage;    /* T_ssm    parameter store unreachable for so long: an outage */
	mono_us reclaim;       /* T_re     after one's own disclaim, let a peer go first */
	mono_us handover;      /* T_hand   nobody took a planned hand-over: take it back */
	mono_us hold;	       /* T_hold   no moving back after a failure */
	mono_us hold_max;      /* T_hold_max  cap of the doubling hold */
};

enum timers_profile { TIMERS_SAFE, TIMERS_FAST, TIMERS_WAN, TIMERS_PROFILES };

/* The constants of a profile: each satisfies every inequality. */
const struct timers *timers_profile(enum timers_profile profile);
/* "safe", "fast", "wan". */
const char *timers_profile_name(enum timers_profile profile);

/*
 * Returns 0, or -1 with @err naming the inequality that does not hold, both
 * sides in seconds, and which value to change.
 */
int timers_check(const struct timers *timers, struct err *err);

/* D + G: how long a silent owner keeps the VIP, the API's own time not counted. */
mono_us timers_silent(const struct timers *timers);

#endif
