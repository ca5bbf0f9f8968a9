/* SPDX-License-Identifier: MIT */
/*
 * What a MASTER must do to stay one and when it has to let go, what operators
 * may order, what a stall leaves behind, and that nothing overflows. Long
 * because it is one list of sentences; each is short.
 */
#include <stdlib.h>

#include "tests/unit/core_world.h"

/* --- lease and fence ------------------------------------------------------------------ */

static struct world *fenced_pair(bool fence)
{
	struct world *world = pair();

	for (unsigned int n = A; n <= B; n++)
		world_instance(world, n, 0)->config.fence = fence;
	return world;
}

static void cut_off(struct world *world, unsigned int host)
{
	world_cut(world, A, B, true);
	ssm(world, host, false);
	ec2(world, host, false);
}

static void an_isolated_master_fences_itself_before_anybody_claims(void **state)
{
	struct world *world = fenced_pair(true);
	const struct timers *timers = timers_profile(TIMERS_SAFE);
	mono_us took;

	(void)state;
	cut_off(world, A);
	took = wait_for(world, A, CORE_FAULT, 10 * SEC);
	assert_int_equal(reason_of(world, A), REASON_FENCED);
	assert_in_range(took, timers->lease, timers->dead_after + timers->lease + timers->slack);
	assert_false(world->hosts[A].alias[0]);
	assert_int_equal(state_of(world, B), CORE_BACKUP);
	wait_for(world, B, CORE_MASTER, 10 * SEC);
	world_free(world);
}

static void with_hold_an_isolated_master_stays_and_yields_at_first_contact(void **state)
{
	struct world *world = fenced_pair(false);
	mono_us healed;

	(void)state;
	cut_off(world, A);
	wait_for(world, B, CORE_MASTER, 10 * SEC);
	pass(world, 30 * SEC);
	assert_int_equal(state_of(world, A), CORE_MASTER);
	assert_true(world_instance(world, A, 0)->flags & FLAG_DEGRADED);
	world_cut(world, A, B, false);
	healed = world->now;
	wait_for(world, A, CORE_BACKUP, SEC);
	assert_in_range(world->now - healed, 0, 300 * MSEC);
	ssm(world, A, true);
	ec2(world, A, true);
	forget();
	pass(world, 30 * SEC);
	assert_owner(world, B);
	assert_int_equal(seen.sets[A] + seen.sets[B], 0);
	world_free(world);
}

static void a_master_that_can_read_its_routes_needs_no_other_lease(void **state)
{
	struct world *world = fenced_pair(true);

	(void)state;
	world_cut(world, A, B, true);
	ssm(world, A, false);
	ssm(world, B, false);
	pass(world, 60 * SEC);
	assert_quiet(world);
	assert_true(world_instance(world, A, 0)->flags & FLAG_UNCONFIRMED);
	world_free(world);
}

static void a_slow_route_read_is_a_read(void **state)
{
	struct world *world = fenced_pair(true);

	(void)state;
	world_cut(world, A, B, true);
	ssm(world, A, false);
	ssm(world, B, false);
	world->hosts[A].path[SERVICE_EC2].latency_min = 900 * MSEC;
	world->hosts[A].path[SERVICE_EC2].latency_max = SEC;
	pass(world, 60 * SEC);
	assert_quiet(world);
	world_free(world);
}

static void a_master_without_a_lease_concedes_when_a_route_moves_to_a_peer(void **state)
{
	struct world *world = pair();

	(void)state;
	world_cut(world, A, B, true);
	ssm(world, A, false);
	pass(world, 4 * SEC);
	world_route_set(world, 0, 0, B);
	wait_for(world, A, CORE_BACKUP, 5 * SEC);
	assert_int_equal(reason_of(world, A), REASON_CONCEDED);
	world_free(world);
}

static void a_throttled_touch_keeps_the_lease(void **state)
{
	struct world *world = fenced_pair(true);

	(void)state;
	world_crash(world, B);
	for (unsigned int s = 0; s < SERVICES; s++) {
		world->hosts[A].path[s].error = OUTCOME_THROTTLED;
		world->hosts[A].path[s].error_permille = 1000;
	}
	pass(world, 120 * SEC);
	assert_quiet(world);
	assert_in_range(seen.touches[A], 3, 60);
	world_free(world);
}

static void one_lost_touch_does_not_end_the_lease(void **state)
{
	struct world *world = fenced_pair(true);

	(void)state;
	world_crash(world, B);
	ec2(world, A, false);
	pass(world, 10 * SEC);
	for (unsigned int k = 0; k < 10; k++) {
		uint64_t touches = seen.touches[A];

		while (seen.touches[A] == touches)
			world_step(world);
		world->hosts[A].path[SERVICE_SSM].lost_permille = 1000;
		world_run(world, world->now + 5 * MSEC);
		world->hosts[A].path[SERVICE_SSM].lost_permille = 0;
		pass(world, 7 * SEC);
	}
	assert_quiet(world);
	world_free(world);
}

/* --- routes ---------------------------------------------------------------------------------- */

static void drift_is_mended_after_two_reads_and_one_of_the_parameter(void **state)
{
	struct world *world = pair();
	const struct timers *timers = timers_profile(TIMERS_SAFE);
	unsigned int gets;
	mono_us moved;

	(void)state;
	world_route_set(world, 0, 1, B);
	moved = world->now;
	gets = seen.gets[A];
	while (seen.sets[A] == 0 && world->now < moved + 10 * SEC)
		world_step(world);
	assert_in_range(world->now - moved, timers->verify_fast,
			timers->verify_master + timers->verify_fast + 700 * MSEC);
	assert_true(seen.gets[A] > gets);
	assert_int_equal(seen.notes[A][NOTE_DRIFT], 1);
	pass(world, 30 * SEC);
	assert_owner(world, A);
	assert_int_equal(seen.sets[A], 1);
	assert_quiet(world);
	world_free(world);
}

static void one_read_of_a_moved_route_is_not_believed(void **state)
{
	struct world *world = pair();
	mono_us begun = world->now;

	(void)state;
	world_route_set(world, 0, 1, B);
	while (world_instance(world, A, 0)->routes[1].target != B && world->now - begun < 10 * SEC)
		world_step(world);
	assert_int_equal(world_instance(world, A, 0)->routes[1].target, B);
	world_route_set(world, 0, 1, A);
	pass(world, 20 * SEC);
	assert_int_equal(seen.sets[A], 0);
	world_free(world);
}

static void a_table_that_cannot_be_written_is_retried_alone(void **state)
{
	struct world *world = pair();

	(void)state;
	world_route_set(world, 0, 1, TARGET_MISSING);
	pass(world, 10 * SEC);
	assert_owner(world, A);
	assert_int_equal(seen.sets[A], 1);
	world_free(world);
}

static void a_stale_route_after_a_write_causes_no_second_write(void **state)
{
	struct world *world = pair();

	(void)state;
	for (unsigned int n = A; n <= B; n++) {
		world->hosts[n].path[SERVICE_EC2].stale_permille = 1000;
		world->hosts[n].path[SERVICE_EC2].stale_max = 9 * SEC;
	}
	command(world, A, CMD_SWITCHOVER, B);
	pass(world, 60 * SEC);
	assert_owner(world, B);
	assert_int_equal(seen.sets[B], 2);
	assert_int_equal(seen.sets[A], 0);
	world_free(world);
}

static void a_master_that_cannot_write_any_route_makes_way(void **state)
{
	struct world *world = pair();
	const struct timers *timers = timers_profile(TIMERS_SAFE);

	(void)state;
	world->hosts[B].path[SERVICE_EC2].writes_denied = true;
	command(world, A, CMD_SWITCHOVER, B);
	wait_for(world, B, CORE_MASTER, 10 * SEC);
	/* At T_route by itself, or earlier because the peer sees it stranded. */
	assert_in_range(wait_for(world, B, CORE_BACKUP, 60 * SEC), 5 * SEC, timers->route + SEC);
	pass(world, 10 * SEC);
	assert_owner(world, A);
	world_free(world);
}

static void a_stranded_owner_is_helped(void **state)
{
	struct world *world = pair();

	(void)state;
	ec2(world, A, false);
	ssm(world, A, false);
	pass(world, 40 * SEC);
	assert_quiet(world);
	world_route_set(world, 0, 0, B);
	pass(world, 20 * SEC);
	assert_owner(world, B);
	assert_int_equal(state_of(world, A), CORE_BACKUP);
	world_free(world);
}

static void a_source_destination_check_keeps_a_backup_from_claiming(void **state)
{
	struct world *world = pair();

	(void)state;
	world_target(world, B, true, true);
	pass(world, SEC);
	world_crash(world, A);
	pass(world, 30 * SEC);
	assert_int_equal(state_of(world, B), CORE_BACKUP);
	assert_true(world_instance(world, B, 0)->blockers & BLOCK_SOURCE_DEST);
	world_target(world, B, true, false);
	wait_for(world, B, CORE_MASTER, 5 * SEC);
	world_free(world);
}

/* --- hold ----------------------------------------------------------------------------------------
 */

static void after_a_failure_the_vip_does_not_move_back_until_acked(void **state)
{
	struct world *world = pair();
	struct event back = {.command = CMD_SWITCHOVER, .node = A};

	(void)state;
	world_check(world, A, HEALTH_RESULT_DEAD);
	pass(world, 5 * SEC);
	world_check(world, A, HEALTH_RESULT_GOOD);
	pass(world, 5 * SEC);
	assert_owner(world, B);
	assert_int_equal(core_refuses(&world->hosts[B].core, world_clock(world, B), &back),
			 REFUSE_TARGET_HOLD);
	command(world, A, CMD_ACK, -1);
	pass(world, 300 * MSEC);
	assert_int_equal(core_refuses(&world->hosts[B].core, world_clock(world, B), &back),
			 REFUSE_NOT);
	world_command(world, B, &back);
	wait_for(world, A, CORE_MASTER, SEC);
	world_free(world);
}

static void a_hold_never_keeps_the_last_healthy_node_away(void **state)
{
	struct world *world = pair();

	(void)state;
	world_check(world, A, HEALTH_RESULT_DEAD);
	pass(world, 5 * SEC);
	world_check(world, A, HEALTH_RESULT_GOOD);
	pass(world, 5 * SEC);
	assert_true(world_instance(world, A, 0)->hold_until > world_clock(world, A));
	world_check(world, B, HEALTH_RESULT_DEAD);
	assert_in_range(wait_for(world, A, CORE_MASTER, 5 * SEC), 0, SEC);
	world_free(world);
}

/* --- commands
 * -------------------------------------------------------------------------------------- */

static void a_switchover_moves_the_vip_at_once_without_two_holders(void **state)
{
	struct world *world = pair();

	(void)state;
	command(world, A, CMD_SWITCHOVER, B);
	assert_false(world->hosts[A].alias[0]);
	assert_in_range(wait_for(world, B, CORE_MASTER, SEC), 0, 300 * MSEC);
	pass(world, 30 * SEC);
	assert_owner(world, B);
	assert_int_equal(seen.puts[A] + seen.puts[B], 1);
	assert_false(seen.naked);
	world_free(world);
}

static void with_three_nodes_the_target_of_a_switchover_takes_it(void **state)
{
	struct world *world = make_world(3, 1);

	(void)state;
	for (unsigned int n = A; n <= C; n++)
		world_boot(world, n);
	pass(world, 30 * SEC);
	command(world, A, CMD_SWITCHOVER, C);
	assert_in_range(wait_for(world, C, CORE_MASTER, SEC), 0, 300 * MSEC);
	pass(world, 20 * SEC);
	assert_owner(world, C);
	world_free(world);
}

static void a_switchover_that_nobody_takes_is_taken_back(void **state)
{
	struct world *world = pair();
	const struct timers *timers = timers_profile(TIMERS_SAFE);

	(void)state;
	world_check(world, B, HEALTH_RESULT_DEAD); /* known there, not yet heard of here */
	world_command(world, A,
		      &(struct event){.command = CMD_SWITCHOVER, .node = B, .force = true});
	assert_int_equal(state_of(world, A), CORE_BACKUP);
	assert_in_range(wait_for(world, A, CORE_MASTER, 10 * SEC), timers->handover,
			timers->handover + SEC);
	assert_int_equal(seen.notes[A][NOTE_TAKEN_BACK], 1);
	pass(world, 5 * SEC);
	assert_owner(world, A);
	world_free(world);
}

static enum core_refusal refusal(struct world *world, unsigned int host, int target, bool force)
{
	return core_refuses(
		&world->hosts[host].core, world_clock(world, host),
		&(struct event){.command = CMD_SWITCHOVER, .node = target, .force = force});
}

static void a_switchover_is_refused_with_its_reason(void **state)
{
	struct world *world = pair();

	(void)state;
	assert_int_equal(refusal(world, B, A, false), REFUSE_NOT_MASTER);
	assert_int_equal(refusal(world, A, A, false), REFUSE_SELF);
	assert_int_equal(refusal(world, A, B, false), REFUSE_NOT);
	assert_int_equal(refusal(world, A, -1, false), REFUSE_NOT);
	world_check(world, B, HEALTH_RESULT_NO_ANSWER);
	pass(world, SEC);
	assert_int_equal(refusal(world, A, B, false), REFUSE_TARGET_UNFIT);
	assert_int_equal(refusal(world, A, B, true), REFUSE_NOT);
	world_crash(world, B);
	pass(world, 2 * SEC);
	assert_int_equal(refusal(world, A, -1, false), REFUSE_TARGET_SILENT);
	assert_int_equal(refusal(world, A, B, true), REFUSE_TARGET_SILENT);
	command(world, A, CMD_FREEZE_ON, -1);
	assert_int_equal(refusal(world, A, B, false), REFUSE_FROZEN);
	command(world, A, CMD_SWITCHOVER, B);
	assert_int_equal(state_of(world, A), CORE_MASTER);
	world_free(world);
}

static void standby_leaves_in_order_and_stays_out(void **state)
{
	struct world *world = pair();

	(void)state;
	command(world, A, CMD_STANDBY_ON, -1);
	assert_in_range(wait_for(world, B, CORE_MASTER, SEC), 0, 300 * MSEC);
	world_crash(world, B);
	pass(world, 60 * SEC);
	assert_int_equal(state_of(world, A), CORE_MAINT);
	assert_false(world->hosts[A].alias[0]);
	command(world, A, CMD_STANDBY_OFF, -1);
	wait_for(world, A, CORE_MASTER, 10 * SEC);
	world_free(world);
}

static void maintenance_keeps_hands_off(void **state)
{
	struct world *world = pair();

	(void)state;
	command(world, A, CMD_FREEZE_ON, -1);
	command(world, B, CMD_FREEZE_ON, -1);
	world_check(world, A, HEALTH_RESULT_DEAD);
	world_route_set(world, 0, 1, TARGET_MISSING);
	pass(world, 30 * SEC);
	world_alias(world, A, 0, false);
	pass(world, 30 * SEC);
	assert_quiet(world);
	assert_int_equal(seen.puts[A] + seen.puts[B] + seen.sets[A] + seen.sets[B], 0);
	assert_int_equal(seen.adds[A] + seen.adds[B] + seen.dels[A] + seen.dels[B], 0);
	world_param_put(world, 0, B); /* S1 alone still applies */
	wait_for(world, A, CORE_BACKUP, 10 * SEC);
	pass(world, 30 * SEC);
	assert_int_equal(state_of(world, B), CORE_BACKUP);
	command(world, A, CMD_FREEZE_OFF, -1);
	command(world, B, CMD_FREEZE_OFF, -1);
	wait_for(world, B, CORE_MASTER, 5 * SEC);
	world_free(world);
}

static void release_gives_the_vip_away_once(void **state)
{
	struct world *world = pair();

	(void)state;
	command(world, A, CMD_RELEASE, -1);
	assert_in_range(wait_for(world, B, CORE_MASTER, SEC), 0, 300 * MSEC);
	pass(world, 60 * SEC);
	assert_owner(world, B);
	assert_int_equal(state_of(world, A), CORE_BACKUP);
	world_free(world);
}

static void a_stop_hands_over_and_then_exits(void **state)
{
	struct world *world = pair();

	(void)state;
	command(world, A, CMD_STOP, -1);
	assert_false(world->hosts[A].alias[0]);
	assert_false(seen.exits[A]); /* not before the copies are out */
	wait_for(world, B, CORE_MASTER, SEC);
	pass(world, 300 * MSEC);
	assert_true(seen.exits[A]);
	pass(world, 10 * SEC);
	assert_owner(world, B);
	world_free(world);
}

static void stop_keep_leaves_everything_and_a_quick_restart_adopts_it(void **state)
{
	struct world *world = pair();

	(void)state;
	command(world, A, CMD_STOP_KEEP, -1);
	assert_true(seen.exits[A]);
	assert_true(world->hosts[A].alias[0]);
	pass(world, 2 * SEC);
	world_boot(world, A);
	wait_for(world, A, CORE_MASTER, 2 * SEC);
	assert_int_equal(seen.states[B], 0);
	world_free(world);
}

/* --- standing still
 * ------------------------------------------------------------------------------------ */

static void a_stall_shorter_than_the_lease_changes_nothing(void **state)
{
	struct world *world = pair();

	(void)state;
	world_pause(world, A, 700 * MSEC);
	pass(world, 20 * SEC);
	assert_quiet(world);
	world_pause(world, B, 700 * MSEC);
	pass(world, 20 * SEC);
	assert_quiet(world);
	assert_owner(world, A);
	world_free(world);
}

static void a_long_stall_drops_the_alias_first_and_reads_before_anything_else(void **state)
{
	struct world *world = pair();
	mono_us woken;

	(void)state;
	world_pause(world, A, 60 * SEC);
	wait_for(world, B, CORE_MASTER, 10 * SEC);
	while (world->hosts[A].paused)
		world_step(world);
	woken = world->now;
	assert_false(world->hosts[A].alias[0]);
	pass(world, SEC);
	assert_int_equal(state_of(world, A), CORE_BACKUP);
	assert_false(world->hosts[A].alias[0]);
	assert_int_equal(seen.sets[A] + seen.puts[A], 0);
	assert_true(woken > 0);
	pass(world, 60 * SEC);
	assert_owner(world, B);
	assert_int_equal(seen.states[B], 2);
	world_free(world);
}

static void a_stall_longer_than_the_lease_but_too_short_for_a_claim_ends_as_it_began(void **state)
{
	struct world *world = pair();

	(void)state;
	world_pause(world, A, 3 * SEC);
	pass(world, 30 * SEC);
	assert_owner(world, A);
	assert_int_equal(seen.states[B], 0);
	assert_int_equal(seen.puts[A] + seen.puts[B], 0);
	world_free(world);
}

static void a_backup_that_stood_still_learns_its_peers_before_it_suspects_them(void **state)
{
	(void)state;
	for (unsigned int k = 0; k < 20; k++) {
		struct world *world = pair();

		world->rng.state = k;
		world_pause(world, B, (mono_us)(k + 1) * 1700 * MSEC);
		pass(world, 60 * SEC);
		assert_quiet(world);
		world_free(world);
	}
}

static void a_write_decided_before_a_stall_is_not_sent_after_it(void **state)
{
	struct world *world = pair();
	uint64_t writes;

	(void)state;
	world_crash(world, A);
	while (seen.puts[B] == 0)
		world_step(world);
	world_pause(world, B, 5 * SEC);
	writes = world->cloud.puts;
	pass(world, 5 * SEC - MSEC);
	world_boot(world, A);
	pass(world, 20 * SEC);
	assert_true(world->cloud.puts == writes || world_param(world, 0)->value == A ||
		    state_of(world, B) == CORE_MASTER);
	assert_owner(world, (unsigned int)world_param(world, 0)->value);
	world_free(world);
}

/* --- replays
 * --------------------------------------------------------------------------------------------- */

static void replayed_packets_prove_nothing(void **state)
{
	struct world *world = pair();
	mono_us died;

	(void)state;
	world->record_permille = 200;
	pass(world, 20 * SEC);
	world->record_permille = 0;
	for (unsigned int k = 0; k < 2000; k++) {
		world_replay(world);
		pass(world, 3 * MSEC);
	}
	assert_quiet(world);
	world_crash(world, A); /* and while the peer is dead: dead it stays */
	died = world->now;
	while (state_of(world, B) == CORE_BACKUP && world->now - died < 20 * SEC) {
		world_replay(world);
		pass(world, 3 * MSEC);
	}
	assert_in_range(world->now - died, 0, 5500 * MSEC);
	world_free(world);
}

static void a_restarted_peer_proves_itself_within_two_heartbeats(void **state)
{
	struct world *world = pair();
	mono_us begun;

	(void)state;
	world_crash(world, B);
	pass(world, 5 * SEC);
	world_boot(world, B);
	begun = world->now;
	while (!core_hears(&world->hosts[A].core, world_clock(world, A), B) ||
	       !core_hears(&world->hosts[B].core, world_clock(world, B), A))
		world_step(world);
	assert_in_range(world->now - begun, 0, 300 * MSEC);
	world_free(world);
}

/* --- sizes
 * -------------------------------------------------------------------------------------------------
 */

struct big {
	struct core core;
	struct instance instances[CORE_INSTANCES_MAX];
	struct route routes[CORE_INSTANCES_MAX * CORE_TABLES_MAX];
	struct core_instance_config configs[CORE_INSTANCES_MAX];
	struct actions out;
};

/* Every read fails or shows nothing; the core keeps asking. Returns how many steps were full. */
static unsigned int drive(struct big *big, mono_us *now, struct event ev)
{
	unsigned int full = 0;

	for (unsigned int k = 0; k < 2000; k++) {
		core_step(&big->core, *now, &ev, &big->out);
		assert_in_range(big->out.count, 0, CORE_ACTIONS_MAX);
		ev = (struct event){.type = EV_TICK};
		if (core_deadline(&big->core) > *now)
			break;
		full++;
	}
	assert_true(core_deadline(&big->core) > *now); /* it comes to rest */
	*now = core_deadline(&big->core);
	return full;
}

static void the_largest_configuration_does_not_overflow_the_action_list(void **state)
{
	struct big *big = calloc(1, sizeof(*big));
	struct core_config config = {
		.timers = *timers_profile(TIMERS_SAFE),
		.nodes = {{.id = 11, .priority = 150}, {.id = 22, .priority = 100}},
		.node_count = 2,
		.tracks = {{.rise = 2, .fall = 2}},
		.track_count = 1,
		.instance_count = CORE_INSTANCES_MAX,
		.instances = big->configs,
		.nonce = 99,
		.seed = 1,
	};
	mono_us now = 1000 * SEC;
	unsigned int full;

	(void)state;
	for (unsigned int i = 0; i < CORE_INSTANCES_MAX; i++)
		big->configs[i] = (struct core_instance_config){
			.id = (uint16_t)(i + 1), .tables = CORE_TABLES_MAX, .tracks = 1};
	core_init(&big->core, now, &config, big->instances, big->routes);
	full = drive(big, &now, (struct event){.type = EV_TICK});
	assert_true(full > 0);
	for (unsigned int k = 0; k < 50; k++)
		drive(big, &now, (struct event){.type = EV_TICK});
	drive(big, &now, (struct event){.type = EV_VERDICT, .health = HEALTH_RESULT_DEAD});
	drive(big, &now, (struct event){.type = EV_COMMAND, .command = CMD_STOP});
	free(big);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_isolated_master_fences_itself_before_anybody_claims),
		cmocka_unit_test(with_hold_an_isolated_master_stays_and_yields_at_first_contact),
		cmocka_unit_test(a_master_that_can_read_its_routes_needs_no_other_lease),
		cmocka_unit_test(a_slow_route_read_is_a_read),
		cmocka_unit_test(a_master_without_a_lease_concedes_when_a_route_moves_to_a_peer),
		cmocka_unit_test(a_throttled_touch_keeps_the_lease),
		cmocka_unit_test(one_lost_touch_does_not_end_the_lease),
		cmocka_unit_test(drift_is_mended_after_two_reads_and_one_of_the_parameter),
		cmocka_unit_test(one_read_of_a_moved_route_is_not_believed),
		cmocka_unit_test(a_table_that_cannot_be_written_is_retried_alone),
		cmocka_unit_test(a_stale_route_after_a_write_causes_no_second_write),
		cmocka_unit_test(a_master_that_cannot_write_any_route_makes_way),
		cmocka_unit_test(a_stranded_owner_is_helped),
		cmocka_unit_test(a_source_destination_check_keeps_a_backup_from_claiming),
		cmocka_unit_test(after_a_failure_the_vip_does_not_move_back_until_acked),
		cmocka_unit_test(a_hold_never_keeps_the_last_healthy_node_away),
		cmocka_unit_test(a_switchover_moves_the_vip_at_once_without_two_holders),
		cmocka_unit_test(with_three_nodes_the_target_of_a_switchover_takes_it),
		cmocka_unit_test(a_switchover_that_nobody_takes_is_taken_back),
		cmocka_unit_test(a_switchover_is_refused_with_its_reason),
		cmocka_unit_test(standby_leaves_in_order_and_stays_out),
		cmocka_unit_test(maintenance_keeps_hands_off),
		cmocka_unit_test(release_gives_the_vip_away_once),
		cmocka_unit_test(a_stop_hands_over_and_then_exits),
		cmocka_unit_test(stop_keep_leaves_everything_and_a_quick_restart_adopts_it),
		cmocka_unit_test(a_stall_shorter_than_the_lease_changes_nothing),
		cmocka_unit_test(a_long_stall_drops_the_alias_first_and_reads_before_anything_else),
		cmocka_unit_test(
			a_stall_longer_than_the_lease_but_too_short_for_a_claim_ends_as_it_began),
		cmocka_unit_test(
			a_backup_that_stood_still_learns_its_peers_before_it_suspects_them),
		cmocka_unit_test(a_write_decided_before_a_stall_is_not_sent_after_it),
		cmocka_unit_test(replayed_packets_prove_nothing),
		cmocka_unit_test(a_restarted_peer_proves_itself_within_two_heartbeats),
		cmocka_unit_test(the_largest_configuration_does_not_overflow_the_action_list),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
