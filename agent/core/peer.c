/* SPDX-License-Identifier: MIT */
/*
 * Why an echo and not only a counter: a recording of yesterday's heartbeats
 * has valid tags and rising counters. It cannot carry a counter that this run
 * of this daemon sent within the last second. So only an echo proves life
 * (doc/protocol.md, "Heartbeats").
 */
#include "agent/core/peer.h"

#include "agent/core/planted.h"

void peer_init(struct peer *peer)
{
	*peer = (struct peer){.heard = MONO_LONG_AGO,
			      .received = MONO_LONG_AGO,
			      .newcomer_received = MONO_LONG_AGO,
			      .ack = MONO_LONG_AGO};
}

static bool echo_is_fresh(mono_us now, uint64_t my_nonce, mono_us fresh_us,
			  const struct hello *hello)
{
	/* What we sent is not of the future; packets of one burst may run a few us ahead. */
	if (PLANTED(NO_ECHO_CHECK))
		return true;
	return hello->echo_nonce == my_nonce && hello->echo_seq <= (uint64_t)(now + MSEC) &&
	       now - (mono_us)hello->echo_seq <= fresh_us;
}

static enum peer_verdict hear_newcomer(struct peer *peer, mono_us now, const struct hello *hello)
{
	if (hello->nonce == peer->newcomer && hello->seq <= peer->newcomer_seq)
		return PEER_OLD;
	peer->newcomer = hello->nonce;
	peer->newcomer_seq = hello->seq;
	peer->newcomer_received = now;
	return PEER_UNPROVEN;
}

static void take_echo(struct peer *peer, mono_us now, const struct hello *hello)
{
	mono_us flight = now - (mono_us)hello->echo_seq - (mono_us)hello->echo_age_us;

	peer->rtt = mono_max(flight, 1);
	if (hello->flags & HELLO_COUNTED)
		peer->ack = PLANTED(LEASE_BY_ECHO) ? now
						   : mono_max(peer->ack, (mono_us)hello->echo_seq);
}

enum peer_verdict peer_hear(struct peer *peer, mono_us now, uint64_t my_nonce, mono_us fresh_us,
			    const struct hello *hello)
{
	bool fresh = echo_is_fresh(now, my_nonce, fresh_us, hello);
	bool current = peer->nonce != 0 && hello->nonce == peer->nonce;
	/* A packet of the run before, late but fresh still, may have taken the place of the
	 * present run. No true run before can be fresh D after the one that followed was heard. */
	bool fell_silent = now - peer->heard > fresh_us;
	enum peer_verdict verdict;

	if (hello->nonce == 0 || (hello->nonce == peer->retired && !(fresh && fell_silent)) ||
	    (current && hello->seq <= peer->seq && !PLANTED(REPLAY))) {
		peer->old++;
		return PEER_OLD;
	}
	if (!current && !fresh) {
		verdict = hear_newcomer(peer, now, hello);
		if (verdict == PEER_OLD)
			peer->old++;
		else
			peer->accepted++;
		return verdict;
	}
	if (!current) { /* it restarted, and proves it */
		peer->retired = peer->nonce;
		peer->nonce = hello->nonce;
		peer->newcomer = 0;
	}
	peer->seq = hello->seq;
	peer->received = now;
	peer->counted = fresh;
	peer->digest = hello->digest;
	peer->accepted++;
	if (!fresh)
		return PEER_UNPROVEN;
	peer->heard = now;
	take_echo(peer, now, hello);
	return PEER_FRESH;
}

void peer_echo(const struct peer *peer, mono_us now, mono_us fresh_us, struct hello *hello)
{
	mono_us received = peer->received;

	if (peer->nonce != 0 && (peer->newcomer == 0 || now - received <= fresh_us)) {
		hello->echo_nonce = peer->nonce;
		hello->echo_seq = peer->seq;
		if (peer->counted)
			hello->flags |= HELLO_COUNTED;
	} else if (peer->newcomer != 0) {
		hello->echo_nonce = peer->newcomer;
		hello->echo_seq = peer->newcomer_seq;
		received = peer->newcomer_received;
	} else {
		return; /* nothing heard yet: the echo stays zero */
	}
	hello->echo_age_us = (uint32_t)mono_min(now - received, UINT32_MAX);
}
