/* SPDX-License-Identifier: MIT */
/*
 * The three profiles and the inequalities between timers: each holds at the
 * edge, fails one microsecond beyond it, and is named when it fails.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <string.h>

#include "agent/base/timers.h"

/* One timer of the safe profile set to an edge, and to the other side of it. */
static void edge(const struct timers *good, const struct timers *bad, const char *text)
{
	struct err err = {0};

	assert_int_equal(timers_check(good, &err), 0);
	assert_string_equal(err.text, "");
	assert_int_equal(timers_check(bad, &err), -1);
	assert_memory_equal(err.text, text, strlen(text));
}

static void every_profile_satisfies_every_inequality(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < TIMERS_PROFILES; i++) {
		struct err err = {0};

		assert_int_equal(timers_check(timers_profile(i), &err), 0);
	}
}

static void the_profiles_are_those_of_the_protocol(void **state)
{
	/* H U D W L L_R Sigma Q eps F G S V V_b V_fast T_claim T_route T_api T_ssm, in ms. */
	static const int table[TIMERS_PROFILES][19] = {
		[TIMERS_SAFE] = {100, 500, 1000, 1000, 1000, 2500, 500, 250, 250, 2500, 4000, 1500,
				 5000, 10000, 1000, 4000, 20000, 30000, 30000},
		[TIMERS_FAST] = {50, 200, 500, 500, 500, 1500, 250, 100, 100, 1200, 1800, 750, 2000,
				 5000, 1000, 3000, 10000, 20000, 20000},
		[TIMERS_WAN] = {300, 1000, 2000, 1000, 1500, 4000, 500, 500, 500, 3500, 5500, 2500,
				5000, 10000, 1000, 6000, 20000, 30000, 30000},
	};

	(void)state;
	for (unsigned int i = 0; i < TIMERS_PROFILES; i++) {
		const struct timers *t = timers_profile(i);
		const mono_us have[] = {
			t->heartbeat,	  t->ack_age,	    t->dead_after,  t->touch,
			t->param_call,	  t->route_call,    t->stale,	    t->poll,
			t->slack,	  t->lease,	    t->grace,	    t->stagger,
			t->verify_master, t->verify_backup, t->verify_fast, t->claim,
			t->route,	  t->api_age,	    t->ssm_outage,
		};

		for (unsigned int n = 0; n < sizeof(have) / sizeof(have[0]); n++)
			assert_int_equal(have[n], table[i][n] * MSEC);
		assert_int_equal(t->hold, 60 * SEC);
		assert_int_equal(t->hold_max, 1800 * SEC);
	}
}

static void the_profiles_have_names(void **state)
{
	(void)state;
	assert_string_equal(timers_profile_name(TIMERS_SAFE), "safe");
	assert_string_equal(timers_profile_name(TIMERS_FAST), "fast");
	assert_string_equal(timers_profile_name(TIMERS_WAN), "wan");
}

static void a_silenced_master_is_fenced_before_another_claims(void **state)
{
	struct timers good = *timers_profile(TIMERS_SAFE);
	struct timers bad;

	(void)state;
	good.grace = good.lease + good.param_call + good.slack;
	bad = good;
	bad.grace--;
	edge(&good, &bad, "lease + param_call + slack <= grace does not hold (3.750 s against");
}

static void a_master_that_touches_in_time_is_seen_to(void **state)
{
	struct timers good = *timers_profile(TIMERS_SAFE);
	struct timers bad;

	(void)state;
	good.stale = good.grace - good.touch - good.param_call - good.poll;
	good.claim = 10 * SEC;
	bad = good;
	bad.stale++;
	edge(&good, &bad, "touch + param_call + stale + poll <= grace does not hold");
}

static void the_first_touch_arrives_before_the_grace_ends(void **state)
{
	struct timers good = *timers_profile(TIMERS_SAFE);
	struct timers bad;

	(void)state;
	good.stale = good.grace - good.touch - good.param_call - good.poll;
	good.claim = 10 * SEC;
	good.ack_age = good.dead_after - 1;
	bad = good;
	bad.ack_age = bad.dead_after + 1;
	edge(&good, &bad,
	     "ack_age + touch + param_call + stale + poll <= dead_after + grace does not hold");
}

static void one_lost_touch_does_not_end_the_lease(void **state)
{
	struct timers good = *timers_profile(TIMERS_SAFE);
	struct timers bad;

	(void)state;
	good.lease = good.touch + good.param_call + 2 * good.slack;
	bad = good;
	bad.lease--;
	edge(&good, &bad, "touch + param_call + 2 * slack <= lease does not hold");
}

static void two_lost_heartbeats_do_not_start_touching(void **state)
{
	struct timers good = *timers_profile(TIMERS_SAFE);
	struct timers bad;

	(void)state;
	good.ack_age = 3 * good.heartbeat;
	bad = good;
	bad.ack_age--;
	edge(&good, &bad, "3 * heartbeat <= ack_age does not hold");
}

static void touching_starts_before_a_peer_is_suspected(void **state)
{
	struct timers good = *timers_profile(TIMERS_SAFE);
	struct timers bad;

	(void)state;
	good.ack_age = good.dead_after - 1;
	bad = good;
	bad.ack_age = bad.dead_after;
	edge(&good, &bad, "ack_age < dead_after does not hold");
}

static void the_better_candidate_can_finish_its_claim_first(void **state)
{
	struct timers good = *timers_profile(TIMERS_SAFE);
	struct timers bad;

	(void)state;
	good.stagger = good.param_call + good.poll;
	bad = good;
	bad.stagger--;
	edge(&good, &bad, "param_call + poll <= stagger does not hold");
}

static void a_claim_has_time_to_be_confirmed(void **state)
{
	struct timers good = *timers_profile(TIMERS_SAFE);
	struct timers bad;

	(void)state;
	good.claim = good.param_call + good.stale + good.slack + good.verify_fast;
	bad = good;
	bad.claim--;
	edge(&good, &bad, "param_call + stale + slack + verify_fast <= claim does not hold");
}

static void a_refusal_names_the_word_to_change(void **state)
{
	struct timers timers = *timers_profile(TIMERS_SAFE);
	struct err err = {0};

	(void)state;
	timers.heartbeat = 1 * SEC;
	assert_int_equal(timers_check(&timers, &err), -1);
	assert_string_equal(err.text, "3 * heartbeat <= ack_age does not hold (3.000 s against "
				      "0.500 s): two lost heartbeats must not start touching; "
				      "raise ack_age or lower heartbeat");
}

static void a_silent_owner_keeps_the_vip_for_dead_after_and_grace(void **state)
{
	(void)state;
	assert_int_equal(timers_silent(timers_profile(TIMERS_SAFE)), 5 * SEC);
	assert_int_equal(timers_silent(timers_profile(TIMERS_FAST)), 2300 * MSEC);
	assert_int_equal(timers_silent(timers_profile(TIMERS_WAN)), 7500 * MSEC);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_profile_satisfies_every_inequality),
		cmocka_unit_test(the_profiles_are_those_of_the_protocol),
		cmocka_unit_test(the_profiles_have_names),
		cmocka_unit_test(a_silenced_master_is_fenced_before_another_claims),
		cmocka_unit_test(a_master_that_touches_in_time_is_seen_to),
		cmocka_unit_test(the_first_touch_arrives_before_the_grace_ends),
		cmocka_unit_test(one_lost_touch_does_not_end_the_lease),
		cmocka_unit_test(two_lost_heartbeats_do_not_start_touching),
		cmocka_unit_test(touching_starts_before_a_peer_is_suspected),
		cmocka_unit_test(the_better_candidate_can_finish_its_claim_first),
		cmocka_unit_test(a_claim_has_time_to_be_confirmed),
		cmocka_unit_test(a_refusal_names_the_word_to_change),
		cmocka_unit_test(a_silent_owner_keeps_the_vip_for_dead_after_and_grace),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
