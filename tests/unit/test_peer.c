/* SPDX-License-Identifier: MIT */
/* Which packets prove that a peer lives and hears us, and which prove nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "agent/core/peer.h"

#define ME 1000
#define PEER 2000
#define FRESH (1 * SEC)

static struct hello packet(uint64_t nonce, uint64_t seq, mono_us echo)
{
	return (struct hello){.nonce = nonce,
			      .seq = seq,
			      .echo_nonce = echo ? ME : 0,
			      .echo_seq = (uint64_t)echo,
			      .flags = HELLO_COUNTED};
}

static enum peer_verdict hear(struct peer *peer, mono_us now, struct hello hello)
{
	return peer_hear(peer, now, ME, FRESH, &hello);
}

static void a_packet_without_an_echo_proves_nothing(void **state)
{
	struct peer peer;

	(void)state;
	peer_init(&peer);
	assert_int_equal(hear(&peer, 10 * SEC, packet(PEER, 1, 0)), PEER_UNPROVEN);
	assert_int_equal(peer.heard, MONO_LONG_AGO);
	assert_int_equal(peer.ack, MONO_LONG_AGO);
}

static void an_echo_of_this_run_younger_than_d_proves_life_and_gives_an_ack(void **state)
{
	struct peer peer;

	(void)state;
	peer_init(&peer);
	assert_int_equal(hear(&peer, 10 * SEC, packet(PEER, 1, 9 * SEC)), PEER_FRESH);
	assert_int_equal(peer.heard, 10 * SEC);
	assert_int_equal(peer.ack, 9 * SEC);
}

/* Both restarted: the last packet of the peer's run before comes after the first of its present. */
static void a_late_packet_of_the_run_before_does_not_make_us_deaf_to_the_present_one(void **state)
{
	struct peer peer;

	(void)state;
	peer_init(&peer);
	assert_int_equal(hear(&peer, 10 * SEC, packet(PEER + 1, 20, 9900 * MSEC)), PEER_FRESH);
	assert_int_equal(hear(&peer, 10100 * MSEC, packet(PEER, 10, 9800 * MSEC)), PEER_FRESH);
	assert_int_equal(hear(&peer, 10200 * MSEC, packet(PEER + 1, 21, 10 * SEC)), PEER_OLD);
	assert_int_equal(hear(&peer, 11101 * MSEC, packet(PEER + 1, 22, 11 * SEC)), PEER_FRESH);
	assert_int_equal(peer.nonce, PEER + 1);
	assert_int_equal(hear(&peer, 11102 * MSEC, packet(PEER, 11, 11 * SEC)), PEER_OLD);
	/* a recording of it is not fresh, however long this one is silent */
	assert_int_equal(hear(&peer, 20 * SEC, packet(PEER, 12, 11 * SEC)), PEER_OLD);
}

static void an_echo_older_than_d_proves_nothing(void **state)
{
	struct peer peer;

	(void)state;
	peer_init(&peer);
	assert_int_equal(hear(&peer, 10 * SEC, packet(PEER, 1, 9 * SEC - 1)), PEER_UNPROVEN);
	assert_int_equal(hear(&peer, 10 * SEC, packet(PEER, 2, 9 * SEC)), PEER_FRESH);
	assert_int_equal(hear(&peer, 20 * SEC, packet(PEER, 3, 9 * SEC)), PEER_UNPROVEN);
	assert_int_equal(peer.heard, 10 * SEC);
}

static void an_echo_of_the_future_or_of_another_run_proves_nothing(void **state)
{
	struct hello other = packet(PEER, 1, 10 * SEC);
	struct peer peer;

	(void)state;
	peer_init(&peer);
	other.echo_nonce = ME + 1;
	assert_int_equal(hear(&peer, 10 * SEC, other), PEER_UNPROVEN);
	assert_int_equal(hear(&peer, 10 * SEC, packet(PEER, 2, 11 * SEC)), PEER_UNPROVEN);
}

static void an_echo_that_did_not_count_there_gives_no_ack(void **state)
{
	struct hello hello = packet(PEER, 1, 10 * SEC);
	struct peer peer;

	(void)state;
	peer_init(&peer);
	hello.flags = 0;
	assert_int_equal(hear(&peer, 10 * SEC, hello), PEER_FRESH);
	assert_int_equal(peer.ack, MONO_LONG_AGO);
}

static void duplicates_and_reordered_packets_are_dropped(void **state)
{
	struct peer peer;

	(void)state;
	peer_init(&peer);
	assert_int_equal(hear(&peer, 10 * SEC, packet(PEER, 5, 10 * SEC)), PEER_FRESH);
	assert_int_equal(hear(&peer, 11 * SEC, packet(PEER, 5, 11 * SEC)), PEER_OLD);
	assert_int_equal(hear(&peer, 11 * SEC, packet(PEER, 4, 11 * SEC)), PEER_OLD);
	assert_int_equal(peer.heard, 10 * SEC);
	assert_int_equal(peer.old, 2);
}

static void a_restarted_peer_takes_over_as_soon_as_it_echoes_and_the_old_run_is_dead(void **state)
{
	struct peer peer;

	(void)state;
	peer_init(&peer);
	(void)hear(&peer, 10 * SEC, packet(PEER, 500, 10 * SEC));
	assert_int_equal(hear(&peer, 11 * SEC, packet(PEER + 1, 1, 0)), PEER_UNPROVEN);
	assert_int_equal(peer.nonce, PEER);
	assert_int_equal(hear(&peer, 12 * SEC, packet(PEER + 1, 2, 12 * SEC)), PEER_FRESH);
	assert_int_equal(peer.nonce, PEER + 1);
	assert_int_equal(hear(&peer, 12 * SEC, packet(PEER, 501, 12 * SEC)), PEER_OLD);
}

static void a_recording_of_an_older_run_proves_nothing_and_does_not_take_the_echo(void **state)
{
	struct hello out = {0};
	struct peer peer;

	(void)state;
	peer_init(&peer);
	(void)hear(&peer, 10 * SEC, packet(PEER, 500, 10 * SEC));
	for (uint64_t k = 1; k < 100; k++)
		assert_int_equal(hear(&peer, 10 * SEC, packet(PEER - 7, k, 0)), PEER_UNPROVEN);
	peer_echo(&peer, 10 * SEC + 1, FRESH, &out);
	assert_int_equal(out.echo_nonce, PEER);
	assert_int_equal(out.echo_seq, 500);
	assert_true(out.flags & HELLO_COUNTED);
	assert_int_equal(out.echo_age_us, 1);
}

static void a_newcomer_is_echoed_without_counting_once_the_old_run_is_silent(void **state)
{
	struct hello out = {0};
	struct peer peer;

	(void)state;
	peer_init(&peer);
	(void)hear(&peer, 10 * SEC, packet(PEER, 500, 10 * SEC));
	(void)hear(&peer, 12 * SEC, packet(PEER + 1, 3, 0));
	peer_echo(&peer, 12 * SEC, FRESH, &out);
	assert_int_equal(out.echo_nonce, PEER + 1);
	assert_int_equal(out.echo_seq, 3);
	assert_false(out.flags & HELLO_COUNTED);
}

static void nothing_heard_is_nothing_echoed(void **state)
{
	struct hello out = {0};
	struct peer peer;

	(void)state;
	peer_init(&peer);
	peer_echo(&peer, 12 * SEC, FRESH, &out);
	assert_int_equal(out.echo_nonce, 0);
	assert_int_equal(hear(&peer, 10 * SEC, packet(0, 1, 10 * SEC)), PEER_OLD);
}

static void two_new_nodes_prove_themselves_within_three_packets(void **state)
{
	struct peer at_a, at_b;
	struct hello hello;

	(void)state;
	peer_init(&at_a);
	peer_init(&at_b);
	hello = (struct hello){.nonce = 1, .seq = 100};
	assert_int_equal(peer_hear(&at_b, 200, 2, FRESH, &hello), PEER_UNPROVEN);
	hello = (struct hello){.nonce = 2, .seq = 300};
	peer_echo(&at_b, 300, FRESH, &hello);
	assert_int_equal(peer_hear(&at_a, 400, 1, FRESH, &hello), PEER_FRESH);
	hello = (struct hello){.nonce = 1, .seq = 500};
	peer_echo(&at_a, 500, FRESH, &hello);
	assert_int_equal(peer_hear(&at_b, 600, 2, FRESH, &hello), PEER_FRESH);
	assert_int_equal(at_b.ack, 300);
	assert_int_equal(at_b.rtt, 200);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_packet_without_an_echo_proves_nothing),
		cmocka_unit_test(an_echo_of_this_run_younger_than_d_proves_life_and_gives_an_ack),
		cmocka_unit_test(
			a_late_packet_of_the_run_before_does_not_make_us_deaf_to_the_present_one),
		cmocka_unit_test(an_echo_older_than_d_proves_nothing),
		cmocka_unit_test(an_echo_of_the_future_or_of_another_run_proves_nothing),
		cmocka_unit_test(an_echo_that_did_not_count_there_gives_no_ack),
		cmocka_unit_test(duplicates_and_reordered_packets_are_dropped),
		cmocka_unit_test(
			a_restarted_peer_takes_over_as_soon_as_it_echoes_and_the_old_run_is_dead),
		cmocka_unit_test(
			a_recording_of_an_older_run_proves_nothing_and_does_not_take_the_echo),
		cmocka_unit_test(a_newcomer_is_echoed_without_counting_once_the_old_run_is_silent),
		cmocka_unit_test(nothing_heard_is_nothing_echoed),
		cmocka_unit_test(two_new_nodes_prove_themselves_within_three_packets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
