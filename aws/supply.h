/* SPDX-License-Identifier: MIT */
/*
 * One set of credentials, kept fresh: asked for at start, before it expires,
 * and when AWS refuses it. Asked for ever, with back-off; what was had stays
 * in use until something better is there. Where credentials come from is the
 * business of the fetch function (aws/chain.h, aws/assume.h).
 */
#ifndef AWS_SUPPLY_H
#define AWS_SUPPLY_H

#include <ev.h>
#include <stdbool.h>

#include "agent/base/mono.h"
#include "aws/creds.h"

#define SUPPLY_SOURCE_MAX 192

struct supply;

/* Begins to fetch. Ends, now or later, in one supply_deliver() or supply_fail(). */
typedef void supply_fetch_fn(void *arg);
/* A round has ended, well or badly. Called on the loop, never from supply_start() or _renew(). */
typedef void supply_fn(void *arg);

struct supply_config {
	struct ev_loop *loop;
	supply_fetch_fn *fetch;
	void *fetch_arg;
	supply_fn *changed;
	void *arg;
};

/* Idle until supply_start(). NULL without memory. */
struct supply *supply_open(const struct supply_config *config);
/* Wipes what it holds. The fetch under way must have been given up by then. */
void supply_close(struct supply *supply);

/* Asks for the first time; nothing when that was done before. */
void supply_start(struct supply *supply);

/*
 * AWS refused what we have: ask now. False when that was done less than five
 * seconds ago, so that a lasting refusal does not become a storm.
 */
bool supply_renew(struct supply *supply);

/* For fetch functions: @until boottime of expiry, MONO_NEVER = not known; @source for people. */
void supply_deliver(struct supply *supply, const struct creds *creds, mono_us until,
		    const char *source);
void supply_fail(struct supply *supply, const char *why);

/* NULL while there are none; expired ones are given out as long as they are the best. */
const struct creds *supply_creds(const struct supply *supply);
/* Goes up with every change; 0 = none yet. */
unsigned int supply_generation(const struct supply *supply);
/* 0 = none, or none that are still good. */
mono_us supply_until(const struct supply *supply);
/* A round is under way. */
bool supply_asking(const struct supply *supply);
/* A first round has ended. */
bool supply_tried(const struct supply *supply);
/* "" or what is missing and how to mend it. */
const char *supply_problem(const struct supply *supply);
/* "role app of this instance"; "" while there are none. */
const char *supply_source(const struct supply *supply);

#endif
