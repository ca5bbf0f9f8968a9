/* SPDX-License-Identifier: MIT */
/* Rise, fall, proof of death and answers that say nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "agent/core/health.h"

static enum health_state after(const char *results)
{
	struct health health;

	health_init(&health, 3, 2);
	for (const char *c = results; *c; c++)
		health_count(&health, *c == '+'	  ? HEALTH_RESULT_GOOD
				      : *c == '-' ? HEALTH_RESULT_BAD
				      : *c == 'x' ? HEALTH_RESULT_DEAD
						  : HEALTH_RESULT_NO_ANSWER);
	return health.state;
}

static void nothing_is_known_before_the_first_result(void **state)
{
	(void)state;
	assert_int_equal(after(""), HEALTH_NONE);
}

static void the_first_result_decides_at_once(void **state)
{
	(void)state;
	assert_int_equal(after("+"), HEALTH_UP);
	assert_int_equal(after("-"), HEALTH_DOWN);
	assert_int_equal(after("x"), HEALTH_DOWN);
	assert_int_equal(after("?"), HEALTH_UNKNOWN);
}

static void it_falls_after_fall_bad_results_in_a_row(void **state)
{
	(void)state;
	assert_int_equal(after("+-"), HEALTH_UP);
	assert_int_equal(after("+-+-+-+-"), HEALTH_UP);
	assert_int_equal(after("+--"), HEALTH_DOWN);
}

static void it_rises_after_rise_good_results_in_a_row(void **state)
{
	(void)state;
	assert_int_equal(after("-++"), HEALTH_DOWN);
	assert_int_equal(after("-++-++"), HEALTH_DOWN);
	assert_int_equal(after("-+++"), HEALTH_UP);
	assert_int_equal(after("x+++"), HEALTH_UP);
}

static void proof_of_death_needs_no_counting(void **state)
{
	(void)state;
	assert_int_equal(after("+x"), HEALTH_DOWN);
}

static void an_answer_that_says_nothing_makes_it_unknown_and_one_good_one_mends_that(void **state)
{
	(void)state;
	assert_int_equal(after("+?"), HEALTH_UNKNOWN);
	assert_int_equal(after("+?+"), HEALTH_UP);
	assert_int_equal(after("+?-"), HEALTH_UNKNOWN);
	assert_int_equal(after("+?--"), HEALTH_DOWN);
}

static void saying_nothing_after_death_is_not_a_recovery(void **state)
{
	(void)state;
	assert_int_equal(after("x?"), HEALTH_DOWN);
	assert_int_equal(after("--?+"), HEALTH_DOWN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_known_before_the_first_result),
		cmocka_unit_test(the_first_result_decides_at_once),
		cmocka_unit_test(it_falls_after_fall_bad_results_in_a_row),
		cmocka_unit_test(it_rises_after_rise_good_results_in_a_row),
		cmocka_unit_test(proof_of_death_needs_no_counting),
		cmocka_unit_test(
			an_answer_that_says_nothing_makes_it_unknown_and_one_good_one_mends_that),
		cmocka_unit_test(saying_nothing_after_death_is_not_a_recovery),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
