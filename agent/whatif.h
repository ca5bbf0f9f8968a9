/* SPDX-License-Identifier: MIT */
/*
 * "What if": the core's own answer to a question about the future. A copy of
 * the machine is fed, in simulated time, what would happen.
 */
#ifndef AGENT_WHATIF_H
#define AGENT_WHATIF_H

#include "agent/base/buf.h"
#include "agent/core/core.h"
#include "conf/conf.h"

enum whatif_case {
	WHATIF_PEER_DOWN,  /* the owner falls silent, or every peer when we own the VIP */
	WHATIF_DB_DOWN,	   /* the database here dies */
	WHATIF_API_DOWN,   /* no call of this node to AWS is answered any more */
	WHATIF_SWITCHOVER, /* the operator's order */
	WHATIF_CASES
};

struct whatif {
	enum whatif_case what;
	unsigned int instance;
	int node; /* target of a switchover, or -1 */
	bool force;
	mono_us now;
	const struct conf *conf; /* for names only */
};

/* "peer-down" and the like; WHATIF_CASES when it is none. */
enum whatif_case whatif_case_of(const char *word);

/*
 * Appends what would happen to the instance (and its sync group) of @core,
 * which is only read. Bounded: at most WHATIF_TURNS_MAX turns of an instance, some
 * 0.7 us each, so that the loop is not held up for 5 ms.
 * Returns 0, or -1 with @err: the question makes no sense here, or no memory.
 */
#define WHATIF_TURNS_MAX 5000
int whatif_tell(const struct core *core, const struct whatif *question, struct buf *reply,
		struct err *err);

#endif
