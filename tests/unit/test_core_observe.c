/* SPDX-License-Identifier: MIT */
/* One that observes decides and tells; whoever guards the VIP meanwhile is played by the test. */
#include "tests/unit/core_world.h"

#define BOTH 3

/* Another guardian has made 'a' the owner; the hosts in @observers only look on. */
static struct world *guarded(unsigned int observers)
{
	struct world *world = make_world(2, 2);

	world->config.observers = observers;
	for (unsigned int d = 0; d < CORE_DUTIES; d++)
		world->config.duties[d] = true;
	world_param_put(world, 0, A);
	world_route_set(world, 0, 0, A);
	world_route_set(world, 0, 1, A);
	world_alias(world, A, 0, true);
	world_alias(world, B, 0, true); /* on both hosts, by hand */
	world_boot(world, A);
	world_boot(world, B);
	pass(world, 20 * SEC);
	assert_int_equal(state_of(world, A), CORE_MASTER);
	assert_int_equal(reason_of(world, A), REASON_ADOPTED);
	assert_int_equal(state_of(world, B), CORE_BACKUP);
	forget();
	return world;
}

static void assert_untouched(unsigned int host)
{
	assert_int_equal(seen.puts[host] + seen.sets[host] + seen.touches[host], 0);
	assert_int_equal(seen.adds[host] + seen.dels[host], 0);
	for (unsigned int d = 0; d < CORE_DUTIES; d++)
		assert_int_equal(seen.duties[host][d], 0);
}

static void it_tells_what_it_would_claim_and_follows_who_moves_it(void **state)
{
	struct world *world = guarded(BOTH);

	(void)state;
	world_check(world, A, HEALTH_RESULT_DEAD);
	pass(world, SEC);
	assert_int_equal(state_of(world, A), CORE_FAULT);
	assert_int_equal(seen.notes[B][NOTE_WOULD_CLAIM], 1);
	assert_true(world_instance(world, B, 0)->flags & FLAG_WOULD_CLAIM);
	pass(world, 40 * SEC); /* until the other guardian looks */
	assert_int_equal(state_of(world, B), CORE_BACKUP);
	assert_int_equal(seen.notes[B][NOTE_WOULD_CLAIM], 1);
	world_route_set(world, 0, 0, B);
	world_route_set(world, 0, 1, B);
	world_param_put(world, 0, B);
	wait_for(world, B, CORE_MASTER, 15 * SEC);
	assert_int_equal(reason_of(world, B), REASON_ADOPTED);
	assert_false(world_instance(world, B, 0)->flags & FLAG_WOULD_CLAIM);
	pass(world, 20 * SEC);
	assert_untouched(A);
	assert_untouched(B);
	world_free(world);
}

static void a_silent_owner_is_told_once_and_asked_after_at_an_easy_pace(void **state)
{
	struct world *world = guarded(BOTH);

	(void)state;
	world_crash(world, A);
	pass(world, 7 * SEC);
	assert_int_equal(seen.notes[B][NOTE_WOULD_CLAIM], 1);
	forget();
	pass(world, 60 * SEC);
	assert_in_range(seen.gets[B], 30, 70);
	assert_int_equal(seen.notes[B][NOTE_WOULD_CLAIM], 0);
	world_boot(world, A);
	wait_for(world, A, CORE_MASTER, 3 * SEC);
	pass(world, 5 * SEC);
	assert_false(world_instance(world, B, 0)->flags & FLAG_WOULD_CLAIM);
	world_crash(world, A);
	pass(world, 7 * SEC);
	assert_int_equal(seen.notes[B][NOTE_WOULD_CLAIM], 1);
	assert_untouched(A);
	assert_untouched(B);
	world_free(world);
}

static void a_recovery_before_the_other_guardian_noticed_goes_on_as_before(void **state)
{
	struct world *world = guarded(BOTH);

	(void)state;
	world_check(world, A, HEALTH_RESULT_DEAD);
	pass(world, 3 * SEC);
	assert_int_equal(state_of(world, A), CORE_FAULT);
	world_check(world, A, HEALTH_RESULT_GOOD);
	wait_for(world, A, CORE_MASTER, 30 * SEC);
	pass(world, 3 * SEC);
	assert_false(world_instance(world, B, 0)->flags & FLAG_WOULD_CLAIM);
	assert_int_equal(world_param(world, 0)->version, 1);
	forget();
	world_check(world, A, HEALTH_RESULT_DEAD);
	pass(world, 3 * SEC);
	assert_int_equal(seen.notes[B][NOTE_WOULD_CLAIM], 1);
	assert_untouched(A);
	assert_untouched(B);
	world_free(world);
}

static void nothing_that_happens_makes_it_change_anything(void **state)
{
	struct world *world = guarded(BOTH);

	(void)state;
	world_cut(world, A, B, true);
	pass(world, 20 * SEC);
	world_cut(world, A, B, false);
	pass(world, 5 * SEC);
	world_route_set(world, 0, 1, TARGET_MISSING); /* drift */
	pass(world, 10 * SEC);
	world_param_delete(world, 0);
	pass(world, 20 * SEC);
	world_param_put(world, 0, WORLD_STRANGER);
	pass(world, 10 * SEC);
	world_param_put(world, 0, A);
	pass(world, 20 * SEC);
	ssm(world, A, false);
	ssm(world, B, false);
	world_cut(world, A, B, true);
	pass(world, 60 * SEC);
	world_pause(world, A, 20 * SEC);
	pass(world, 30 * SEC);
	command(world, A, CMD_STANDBY_ON, -1);
	command(world, B, CMD_STOP, -1);
	pass(world, 5 * SEC);
	assert_true(seen.exits[B]);
	assert_untouched(A);
	assert_untouched(B);
	assert_true(world->hosts[A].alias[0] && world->hosts[B].alias[0]);
	world_free(world);
}

static void an_owner_that_acts_hands_nothing_to_one_that_observes(void **state)
{
	struct world *world = guarded(1U << B);
	const struct event ask = {.command = CMD_SWITCHOVER, .node = B};

	(void)state;
	assert_int_equal(core_refuses(&world->hosts[A].core, world->now, &ask),
			 REFUSE_TARGET_UNFIT);
	assert_int_equal(world_instance(world, B, 0)->blockers, BLOCK_OBSERVE);
	command(world, A, CMD_STOP, -1);
	pass(world, 10 * SEC);
	assert_int_equal(state_of(world, B), CORE_BACKUP);
	assert_int_equal(seen.notes[B][NOTE_WOULD_CLAIM], 1);
	assert_untouched(B);
	world_free(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_tells_what_it_would_claim_and_follows_who_moves_it),
		cmocka_unit_test(a_silent_owner_is_told_once_and_asked_after_at_an_easy_pace),
		cmocka_unit_test(a_recovery_before_the_other_guardian_noticed_goes_on_as_before),
		cmocka_unit_test(nothing_that_happens_makes_it_change_anything),
		cmocka_unit_test(an_owner_that_acts_hands_nothing_to_one_that_observes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
