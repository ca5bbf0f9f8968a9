/* SPDX-License-Identifier: MIT */
/*
 * How a call to the outside ended, in the only words on which a decision may
 * depend. The AWS side reduces some eighty error codes to these; the core
 * knows nothing finer. The words and their table stand here because the
 * caller, the core and the status page all speak them.
 */
#ifndef AGENT_BASE_OUTCOME_H
#define AGENT_BASE_OUTCOME_H

enum outcome {
	OUTCOME_OK,	   /* done, the answer is in the other fields */
	OUTCOME_ABSENT,	   /* answered: the thing does not exist */
	OUTCOME_EXISTS,	   /* answered: create refused, it exists already */
	OUTCOME_THROTTLED, /* answered: too many calls. Reachable, so never a reason to fence */
	OUTCOME_DENIED,	   /* answered: credentials or permissions; asking again soon is useless */
	OUTCOME_REFUSED,   /* answered: any other permanent error */
	OUTCOME_UNKNOWN,   /* timeout, reset, 5xx: a write may have happened or may still land */
	OUTCOME_NOT_SENT,  /* given up before a byte left: too old, cancelled, no credentials */
	OUTCOME_COUNT
};

/* "ok", "absent", ... for logs and status; never NULL. */
const char *outcome_name(enum outcome outcome);

#endif
