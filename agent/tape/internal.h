/* SPDX-License-Identifier: MIT */
/* What the two sides of a tape must agree upon: write.c and read.c. */
#ifndef AGENT_TAPE_INTERNAL_H
#define AGENT_TAPE_INTERNAL_H

#include "agent/tape/tape.h"

enum {
	TAG_STATE = 1,
	TAG_EVENTS = 8, /* and from there on the number of the event */
};

enum { WITH_HELLO = 1, WITH_TOUCH = 2 };

/* The heartbeat that the next one of @sender differs from; NULL: too many senders. */
struct hello *tape_sender(struct tape_block *block, uint16_t sender);

#endif
