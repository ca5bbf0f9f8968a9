/* SPDX-License-Identifier: MIT */
/*
 * How many calls an hour this node makes at most, and what is kept of them
 * for the moment that counts. Pure. A bucket of a quarter of the limit fills
 * with the other three quarters in an hour, so no hour sees more than the
 * limit. The lower half of the bucket is the reserve: only reads that belong
 * to a claim or to the question who serves may draw on it. A write is counted
 * and never held back: a budget that stops a fail-over is worth less than none.
 */
#ifndef AWS_BUDGET_H
#define AWS_BUDGET_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/base/mono.h"

#define BUDGET_MINUTES 60

enum budget_need {
	BUDGET_QUIET, /* can wait: the world is read once more */
	BUDGET_CLAIM, /* somebody waits for the answer to act on it */
	BUDGET_WRITE,
};

struct budget {
	unsigned int limit;		      /* calls an hour, 0 = none */
	double left;			      /* calls; below zero after writes without cover */
	mono_us filled;			      /* when @left was last brought up to date */
	unsigned int minutes[BUDGET_MINUTES]; /* calls in each, by minute of boottime */
	int64_t minute;			      /* the newest of them */
};

void budget_init(struct budget *budget, unsigned int limit, mono_us now);
/* May a call with this need be made? */
bool budget_allows(struct budget *budget, enum budget_need need, mono_us now);
/* One was made. */
void budget_spend(struct budget *budget, mono_us now);
/* Calls in the last hour, to the minute. */
unsigned int budget_hour(struct budget *budget, mono_us now);

#endif
