/* SPDX-License-Identifier: MIT */
/*
 * A peer's session under any sequence of authentic packets: restarts, replays, reordered echoes.
 * Oracle: a naive model that keeps every packet it was given and looks at all of them each time;
 * and what an unproven or old packet may never change.
 *
 * Input: records of 8 bytes: what kind of packet, which session, its counter, the echo's session
 * and age, and how far time goes on.
 *
 * fuzz: agent/core/peer.c
 * covers: agent/core/peer.c
 */
#include <stdlib.h>
#include <string.h>

#include "agent/core/peer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MINE 77
#define D (1 * SEC)
#define PACKETS_MAX 512

struct given {
	uint64_t nonce, seq;
	enum peer_verdict verdict;
	mono_us at;
	bool proved; /* this packet began a proven session */
	bool stood;  /* its session was the proven one when it came */
};

static struct given history[PACKETS_MAX];
static unsigned int count;

/* The proven sessions in their order: the newest is current, the one before it is retired. */
static uint64_t proven(unsigned int back)
{
	for (unsigned int i = count; i-- > 0;)
		if (history[i].proved && back-- == 0)
			return history[i].nonce;
	return 0;
}

static bool accepted_newer(uint64_t nonce, uint64_t seq)
{
	unsigned int from = 0;

	for (unsigned int i = 0; i < count; i++) /* its life as the current session */
		if (history[i].proved && history[i].nonce == nonce)
			from = i;
	for (unsigned int i = from; i < count; i++)
		if (history[i].nonce == nonce && history[i].stood &&
		    history[i].verdict != PEER_OLD && history[i].seq >= seq)
			return true;
	return false;
}

/* The newest unproven session since the last proof, and how far it has come. */
static bool newcomer_newer(uint64_t nonce, uint64_t seq)
{
	for (unsigned int i = count; i-- > 0 && !history[i].proved;)
		if (history[i].verdict == PEER_UNPROVEN && !history[i].stood)
			return history[i].nonce == nonce && history[i].seq >= seq;
	return false;
}

/* Nothing fresh was given for D: what stands in the place of the present run may be an older one.
 */
static bool fell_silent(mono_us now)
{
	for (unsigned int i = 0; i < count; i++)
		if (history[i].verdict == PEER_FRESH && now - history[i].at <= D)
			return false;
	return true;
}

static enum peer_verdict expected(const struct hello *hello, bool fresh, mono_us now)
{
	uint64_t current = proven(0);

	if (hello->nonce == 0)
		return PEER_OLD;
	if (proven(1) && hello->nonce == proven(1) && !(fresh && fell_silent(now)))
		return PEER_OLD;
	if (current && hello->nonce == current) {
		if (accepted_newer(current, hello->seq))
			return PEER_OLD;
	} else if (!fresh && newcomer_newer(hello->nonce, hello->seq)) {
		return PEER_OLD;
	}
	return fresh ? PEER_FRESH : PEER_UNPROVEN;
}

static bool was_given(uint64_t nonce, uint64_t seq)
{
	for (unsigned int i = 0; i < count; i++)
		if (history[i].nonce == nonce && history[i].seq == seq)
			return true;
	return false;
}

static void must(bool true_)
{
	if (!true_)
		abort();
}

static void check_unchanged(const struct peer *before, const struct peer *after,
			    enum peer_verdict verdict)
{
	must(after->heard == before->heard && after->ack == before->ack &&
	     after->rtt == before->rtt && after->nonce == before->nonce &&
	     after->retired == before->retired);
	if (verdict == PEER_OLD)
		must(after->seq == before->seq && after->newcomer == before->newcomer &&
		     after->newcomer_seq == before->newcomer_seq &&
		     after->received == before->received && after->digest == before->digest);
}

static void one(struct peer *peer, mono_us now, const uint8_t *in)
{
	struct hello hello = {.nonce = in[1] % 6, .seq = in[2], .digest = in[0]};
	struct hello echo = {0};
	struct peer before = *peer;
	enum peer_verdict verdict;
	bool current = peer->nonce && hello.nonce == peer->nonce;
	bool fresh;

	hello.echo_nonce = in[3] % 3 ? MINE : in[3];
	hello.echo_seq = (uint64_t)(now - (mono_us)(in[4] - 3) * 10 * MSEC);
	hello.echo_age_us = (uint32_t)in[5] * 1000;
	hello.flags = in[0] & HELLO_COUNTED;
	fresh = hello.echo_nonce == MINE && hello.echo_seq <= (uint64_t)(now + MSEC) &&
		(uint64_t)now <= hello.echo_seq + D;
	verdict = peer_hear(peer, now, MINE, D, &hello);
	must(verdict == expected(&hello, fresh, now));
	if (verdict != PEER_FRESH)
		check_unchanged(&before, peer, verdict);
	else
		must(peer->heard == now && peer->nonce == hello.nonce && peer->rtt >= 1);
	must(peer->accepted + peer->old == before.accepted + before.old + 1);
	must(peer->ack >= before.ack);
	history[count++] = (struct given){.nonce = hello.nonce,
					  .seq = hello.seq,
					  .verdict = verdict,
					  .at = now,
					  .proved = verdict == PEER_FRESH && !current,
					  .stood = verdict == PEER_FRESH || current};
	peer_echo(peer, now, D, &echo);
	must(echo.echo_nonce == 0 || was_given(echo.echo_nonce, echo.echo_seq));
	if (echo.flags & HELLO_COUNTED) /* only what proved itself counts as an acknowledgement */
		must(echo.echo_nonce == peer->nonce && peer->counted);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct peer peer;
	mono_us now = 100 * SEC;

	count = 0;
	peer_init(&peer);
	for (; size >= 8 && count < PACKETS_MAX; data += 8, size -= 8) {
		one(&peer, now, data);
		now += (mono_us)data[6] * MSEC + (data[7] == 255 ? 2 * D : 0);
	}
	return 0;
}
