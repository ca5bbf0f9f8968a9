/* SPDX-License-Identifier: MIT */
/* What outlives a run: promises, orders and holds; never a belief about the world. */
#include "tests/unit/core_world.h"

/* As the daemon does it: save, die, start, restore before the first event. */
static void restart(struct world *world, unsigned int host)
{
	struct core_saved saved;

	core_save(&world->hosts[host].core, 0, &saved);
	world_crash(world, host);
	pass(world, 300 * MSEC);
	world_boot(world, host);
	core_restore(&world->hosts[host].core, 0, &saved);
}

static void a_restart_that_remembers_adopts_without_a_write(void **state)
{
	struct world *world = pair();

	(void)state;
	restart(world, A);
	assert_in_range(wait_for(world, A, CORE_MASTER, 2 * SEC), 0, SEC);
	assert_int_equal(reason_of(world, A), REASON_ADOPTED);
	pass(world, 20 * SEC);
	assert_owner(world, A);
	assert_int_equal(seen.puts[A] + seen.puts[B] + seen.sets[A] + seen.sets[B], 0);
	assert_int_equal(seen.states[B], 0);
	world_free(world);
}

static void a_version_that_was_disclaimed_is_not_adopted_after_a_restart(void **state)
{
	struct world *world = pair();

	(void)state;
	world_crash(world, B); /* nobody takes it over */
	world_check(world, A, HEALTH_RESULT_DEAD);
	wait_for(world, A, CORE_FAULT, SEC);
	assert_int_equal(world_instance(world, A, 0)->disclaimed, 1);
	world_check(world, A, HEALTH_RESULT_GOOD);
	restart(world, A);
	assert_int_equal(world_instance(world, A, 0)->disclaimed, 1);
	pass(world, 30 * SEC);
	assert_owner(world, A); /* by a Put of its own */
	assert_int_equal(world_param(world, 0)->version, 2);
	world_free(world);
}

static void standby_outlives_a_restart(void **state)
{
	struct world *world = pair();

	(void)state;
	command(world, A, CMD_STANDBY_ON, -1);
	pass(world, 5 * SEC);
	assert_owner(world, B);
	forget();
	restart(world, A);
	pass(world, 20 * SEC);
	assert_int_equal(state_of(world, A), CORE_MAINT);
	assert_owner(world, B);
	assert_int_equal(seen.puts[A] + seen.puts[B] + seen.sets[A] + seen.sets[B], 0);
	world_free(world);
}

static void in_maintenance_a_dead_database_and_a_restart_move_nothing(void **state)
{
	struct world *world = pair();

	(void)state;
	command(world, A, CMD_FREEZE_ON, -1);
	command(world, B, CMD_FREEZE_ON, -1);
	world_check(world, A, HEALTH_RESULT_DEAD);
	pass(world, 5 * SEC);
	forget();
	restart(world, A);
	pass(world, 20 * SEC);
	assert_int_equal(state_of(world, A), CORE_MASTER);
	assert_int_equal(state_of(world, B), CORE_BACKUP);
	assert_true(world->hosts[A].alias[0]);
	assert_int_equal(seen.puts[A] + seen.puts[B] + seen.sets[A] + seen.sets[B], 0);
	assert_int_equal(seen.adds[A] + seen.dels[A] + seen.adds[B], 0);
	world_free(world);
}

static void maintenance_with_an_end_ends_by_itself(void **state)
{
	struct world *world = pair();
	mono_us until = world_clock(world, A) + 10 * SEC;

	(void)state;
	world_command(world, A,
		      &(struct event){.command = CMD_FREEZE_ON, .node = -1, .until = until});
	pass(world, 9 * SEC);
	assert_true(world_instance(world, A, 0)->frozen);
	restart(world, A);
	assert_int_equal(world_instance(world, A, 0)->frozen_until, until);
	assert_int_equal(seen.notes[A][NOTE_THAWED], 0);
	pass(world, 2 * SEC);
	assert_false(world_instance(world, A, 0)->frozen);
	assert_int_equal(seen.notes[A][NOTE_THAWED], 1);
	pass(world, 5 * SEC);
	assert_owner(world, A);
	world_free(world);
}

static void a_hold_outlives_a_restart_but_is_never_longer_than_its_cap(void **state)
{
	struct world *world = pair();
	struct core_saved saved;

	(void)state;
	world_check(world, A, HEALTH_RESULT_DEAD);
	pass(world, 3 * SEC);
	world_check(world, A, HEALTH_RESULT_GOOD);
	restart(world, A);
	pass(world, 5 * SEC);
	assert_true(world_instance(world, A, 0)->blockers & BLOCK_HOLD);
	assert_owner(world, B);
	core_save(&world->hosts[A].core, 0, &saved);
	assert_int_equal(saved.failures, 1);
	saved.hold_until = MONO_NEVER; /* a file from somewhere else */
	saved.failures = UINT32_MAX;
	world_crash(world, A);
	world_boot(world, A);
	core_restore(&world->hosts[A].core, 0, &saved);
	assert_int_equal(world_instance(world, A, 0)->hold_until,
			 world_clock(world, A) + world->hosts[A].core.config.timers.hold_max);
	assert_in_range(world_instance(world, A, 0)->failures, 1, 64);
	world_free(world);
}

static void a_parameter_made_anew_while_the_node_was_down_is_a_new_life(void **state)
{
	struct world *world = pair();
	struct core_saved saved = {.version = 40,
				   .disclaimed = 40,
				   .owner = OWNER_NOBODY,
				   .frozen_until = MONO_NEVER,
				   .hold_until = MONO_LONG_AGO,
				   .last_failure = MONO_LONG_AGO};

	(void)state;
	world_crash(world, A);
	world_crash(world, B);
	world_boot(world, A);
	core_restore(&world->hosts[A].core, 0, &saved);
	pass(world, 20 * SEC);
	assert_owner(world, A);
	assert_int_equal(world_instance(world, A, 0)->record.life, 1);
	assert_int_equal(world_instance(world, A, 0)->disclaimed, 0);
	assert_in_range(world_param(world, 0)->version, 1, 2); /* no race to version 40 */
	world_free(world);
}

static void one_read_older_than_what_was_known_is_not_believed(void **state)
{
	struct world *world = pair();
	struct core_saved saved;

	(void)state;
	core_save(&world->hosts[B].core, 0, &saved);
	saved.version = 2; /* the last run had seen the next version; the first read is stale */
	world_crash(world, B);
	world_boot(world, B);
	core_restore(&world->hosts[B].core, 0, &saved);
	pass(world, 500 * MSEC);
	assert_false(world_instance(world, B, 0)->record.known);
	world_param_put(world, 0, A);
	pass(world, 5 * SEC);
	assert_int_equal(world_instance(world, B, 0)->record.life, 0);
	assert_int_equal(world_instance(world, B, 0)->record.version, 2);
	world_free(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_restart_that_remembers_adopts_without_a_write),
		cmocka_unit_test(a_version_that_was_disclaimed_is_not_adopted_after_a_restart),
		cmocka_unit_test(standby_outlives_a_restart),
		cmocka_unit_test(in_maintenance_a_dead_database_and_a_restart_move_nothing),
		cmocka_unit_test(maintenance_with_an_end_ends_by_itself),
		cmocka_unit_test(a_hold_outlives_a_restart_but_is_never_longer_than_its_cap),
		cmocka_unit_test(a_parameter_made_anew_while_the_node_was_down_is_a_new_life),
		cmocka_unit_test(one_read_older_than_what_was_known_is_not_believed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
