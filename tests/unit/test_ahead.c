/* SPDX-License-Identifier: MIT */
/* Whose database is ahead, while commits flow and when they have stopped. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>

#include "agent/ahead.h"

static const char *gtid(unsigned int number)
{
	static char text[2][32];
	static unsigned int turn;

	turn ^= 1;
	(void)snprintf(text[turn], sizeof(text[0]), "0-1-%u", number);
	return text[turn];
}

/* Both get 100 a second; ours is read half a second before theirs is told. */
static void two_that_keep_up_are_not_behind_each_other(void **state)
{
	struct ahead ahead = {.at = 0};

	(void)state;
	for (unsigned int s = 1; s < 20; s++) {
		mono_us now = s * SEC;

		assert_false(ahead_look(&ahead, gtid(100 * s), now, gtid(100 * s - 50),
					now - 500 * MSEC));
	}
}

static void one_that_lags_by_more_than_a_moment_is_behind_until_it_has_caught_up(void **state)
{
	struct ahead ahead = {.at = 0};

	(void)state;
	assert_false(ahead_look(&ahead, gtid(100), 1 * SEC, gtid(40), 1 * SEC));
	assert_false(
		ahead_look(&ahead, gtid(150), 1500 * MSEC, gtid(45), 1500 * MSEC)); /* too soon */
	assert_true(ahead_look(&ahead, gtid(200), 2 * SEC, gtid(50), 2 * SEC));
	assert_true(ahead_look(&ahead, gtid(300), 3 * SEC, gtid(199), 3 * SEC));
	assert_false(ahead_look(&ahead, gtid(300), 4 * SEC, gtid(300), 4 * SEC));
}

static void what_is_no_position_changes_nothing_and_who_leaves_is_forgotten(void **state)
{
	struct ahead ahead = {.at = 0};

	(void)state;
	(void)ahead_look(&ahead, gtid(100), 1 * SEC, gtid(40), 1 * SEC);
	assert_true(ahead_look(&ahead, "nonsense", 3 * SEC, gtid(40), 3 * SEC));
	assert_true(
		ahead_look(&ahead, gtid(100), 5 * SEC, gtid(100), 5 * SEC)); /* of the nonsense */
	assert_false(ahead_look(&ahead, gtid(100), 7 * SEC, gtid(100), 7 * SEC));
	(void)ahead_look(&ahead, gtid(900), 9 * SEC, gtid(100), 9 * SEC);
	assert_true(ahead_look(&ahead, gtid(900), 11 * SEC, gtid(100), 11 * SEC));
	ahead_forget(&ahead);
	assert_false(ahead_look(&ahead, gtid(900), 13 * SEC, gtid(100), 13 * SEC));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_that_keep_up_are_not_behind_each_other),
		cmocka_unit_test(
			one_that_lags_by_more_than_a_moment_is_behind_until_it_has_caught_up),
		cmocka_unit_test(what_is_no_position_changes_nothing_and_who_leaves_is_forgotten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
