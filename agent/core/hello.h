/* SPDX-License-Identifier: MIT */
/*
 * A heartbeat as plain data: what a node tells one peer every period. Its
 * bytes are agent/wire.h's business; what follows from it is the core's.
 *
 * seq is the sender's boottime in microseconds at sending (raised by one when
 * the clock has not moved). So a counter echoed back *is* the send time of
 * the packet it names, and no table of past packets is needed (doc/adr/0002).
 */
#ifndef AGENT_CORE_HELLO_H
#define AGENT_CORE_HELLO_H

#include <stdint.h>

#define HELLO_INSTANCES_MAX 37 /* per packet; more instances take more packets */
#define HELLO_NOTE_MAX 1040    /* bytes beside the instances: agent/position.h */
#define HELLO_NOBODY 0	       /* owner or node id: none */
#define HELLO_STRANGER 0xffff  /* owner id: the parameter names no configured node */

#define HELLO_SOFTWARE(major, minor, patch)                                                        \
	((uint16_t)((((major)&15) << 12) | (((minor)&63) << 6) | ((patch)&63)))

/* hello.flags */
#define HELLO_COUNTED 0x01 /* the packet echoed here was itself fresh: it counts as an ack */

/* hello_instance.flags */
#define HELLO_HEALTHY 0x0001  /* the database serves */
#define HELLO_SSM_OK 0x0002   /* the parameter was read lately */
#define HELLO_EC2_OK 0x0004   /* a route was read lately */
#define HELLO_ELIGIBLE 0x0008 /* could take the VIP now */
#define HELLO_HOLD 0x0010     /* held back after a failure */
#define HELLO_STANDBY 0x0020  /* an operator keeps it out */
#define HELLO_FROZEN 0x0040   /* maintenance: hands off */
#define HELLO_PARTIAL 0x0080  /* some route table cannot be written */
#define HELLO_BLOCKED 0x0100  /* the gate refuses, or would */

struct hello_instance {
	uint16_t id; /* conf_id of its name */
	uint16_t flags;
	uint8_t state;	      /* enum core_state */
	uint8_t priority;     /* effective */
	uint16_t owner;	      /* node id that version names: gossip */
	uint16_t handover_to; /* node id meant to take a planned hand-over, or 0 */
	uint32_t life;	      /* which life of the parameter version counts in (owner.c) */
	uint64_t version;     /* newest version of the parameter known: gossip */
	uint64_t disclaimed;  /* "I do not act on any version up to this one" */
};

struct hello {
	uint16_t sender;
	uint16_t receiver;
	uint8_t flags;
	uint32_t digest;     /* of the configuration */
	uint16_t software;   /* version of the program: HELLO_SOFTWARE(); 0 = does not say */
	uint64_t nonce;	     /* one per run of the daemon */
	uint64_t seq;	     /* send time, see above */
	uint64_t echo_nonce; /* of the newest packet heard from the receiver */
	uint64_t echo_seq;
	uint32_t echo_age_us; /* how long ago it came */
	uint8_t count;
	struct hello_instance instances[HELLO_INSTANCES_MAX];
	uint16_t note_length; /* with count 0 only; the core does not look at it */
	uint8_t note[HELLO_NOTE_MAX];
};

#endif
