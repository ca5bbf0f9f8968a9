/* SPDX-License-Identifier: MIT */
/*
 * Rise and fall over the results of one check. Pure.
 */
#ifndef AGENT_CORE_HEALTH_H
#define AGENT_CORE_HEALTH_H

enum health_result {
	HEALTH_RESULT_GOOD,
	HEALTH_RESULT_BAD,	/* counts towards fall */
	HEALTH_RESULT_DEAD,	/* proof: down at once */
	HEALTH_RESULT_NO_ANSWER /* says nothing about the service (login refused, check broken) */
};

enum health_state { HEALTH_NONE, HEALTH_UP, HEALTH_DOWN, HEALTH_UNKNOWN };

/* What a track may report beside its health, either way. */
#define HEALTH_NUMBER_MAX 10000

struct health {
	unsigned int rise; /* good results in a row that bring it up, at least 1 */
	unsigned int fall; /* bad results in a row that bring it down, at least 1 */
	enum health_state state;
	unsigned int run;	  /* results in a row against the present state */
	enum health_state proven; /* the last of up and down; none before the first */
	int number;		  /* last reported */
};

void health_init(struct health *health, unsigned int rise, unsigned int fall);
/* The first result decides at once; later ones count. */
void health_count(struct health *health, enum health_result result);
/* "none", "up", "down", "unknown" */
const char *health_state_name(enum health_state state);

#endif
