/* SPDX-License-Identifier: MIT */
/*
 * One peer's session: which packets are new, which prove that the peer lives
 * and hears us, and what it has acknowledged. Pure; the tag of a packet has
 * been verified before it comes here.
 */
#ifndef AGENT_CORE_PEER_H
#define AGENT_CORE_PEER_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/base/mono.h"
#include "agent/core/hello.h"

enum peer_verdict {
	PEER_FRESH,    /* echoes a counter of ours not older than D: alive, and hears us */
	PEER_UNPROVEN, /* authentic and new, but could be a recording */
	PEER_OLD,      /* duplicate, reordered or replayed: dropped */
};

struct peer {
	uint64_t nonce;	   /* of the session that has proven itself, 0 = none yet */
	uint64_t seq;	   /* newest accepted in it */
	uint64_t retired;  /* the session before: not believed while this one is heard */
	uint64_t newcomer; /* nonce of a session still unproven, 0 = none */
	uint64_t newcomer_seq;
	mono_us heard;	  /* receipt of the newest fresh packet */
	mono_us received; /* receipt of the newest packet of that session */
	mono_us newcomer_received;
	mono_us ack;	   /* send time of our newest packet that it counted */
	mono_us rtt;	   /* of the newest echo, 0 = unknown */
	bool counted;	   /* the newest packet of that session was fresh */
	uint32_t digest;   /* of its configuration */
	uint64_t accepted; /* counters */
	uint64_t old;
};

void peer_init(struct peer *peer);

/*
 * Takes the session part of @hello.
 * @my_nonce	our own session.
 * @fresh_us	D: an echo older than this proves nothing.
 */
enum peer_verdict peer_hear(struct peer *peer, mono_us now, uint64_t my_nonce, mono_us fresh_us,
			    const struct hello *hello);

/*
 * Fills in the echo: of the proven session while it is heard (a flood of
 * recordings must not take its place), else of the newcomer.
 */
void peer_echo(const struct peer *peer, mono_us now, mono_us fresh_us, struct hello *hello);

#endif
