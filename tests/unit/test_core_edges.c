/* SPDX-License-Identifier: MIT */
/*
 * The edges of the rules: answers that nobody waits for, values outside their
 * range, a node alone, and the words for everything.
 */
#include "tests/unit/core_world.h"

/* --- words ----------------------------------------------------------------------------- */

static void everything_has_a_word_and_what_is_nothing_says_so(void **state)
{
	(void)state;
	for (unsigned int s = 0; s < CORE_STATES; s++)
		assert_string_not_equal(core_state_name((enum core_state)s), "invalid");
	for (unsigned int r = 0; r < REASON_COUNT; r++)
		assert_non_null(core_reason_name((enum core_reason)r));
	for (unsigned int n = 0; n < NOTE_COUNT; n++)
		assert_non_null(core_note_name((enum core_note)n));
	for (unsigned int e = 0; e < EV_TYPES; e++)
		assert_non_null(core_event_name((enum event_type)e));
	for (unsigned int r = 0; r < REFUSE_COUNT; r++)
		assert_non_null(core_refusal_name((enum core_refusal)r));
	for (unsigned int bit = 0; bit < 32; bit++) {
		assert_non_null(core_blocker_name(1U << bit));
		assert_non_null(core_flag_name(1U << bit));
	}
	assert_string_equal(core_state_name(CORE_STATES), "invalid");
	assert_string_equal(core_reason_name(REASON_COUNT), "invalid");
	assert_string_equal(core_note_name(NOTE_COUNT), "invalid");
	assert_string_equal(core_event_name(EV_TYPES), "invalid");
	assert_string_equal(core_refusal_name(REFUSE_COUNT), "invalid");
	assert_string_equal(core_blocker_name(0), "invalid");
	assert_string_equal(core_flag_name(0), "invalid");
}

/* --- answers that nobody waits for -------------------------------------------------------- */

static void answers_that_nobody_waits_for_end_no_call(void **state)
{
	static const enum event_type types[] = {
		EV_PARAM_WRITTEN, EV_ROUTE_WRITTEN, EV_TOUCH_WRITTEN, EV_TOUCH_READ, EV_EVIDENCE,
		EV_GATE,	  EV_PROMOTED,	    EV_FENCED,	      EV_RELEASED};
	struct world *world = pair();
	struct touch touch = {.count = 0};

	(void)state;
	for (unsigned int k = 0; k < sizeof(types) / sizeof(types[0]); k++)
		for (unsigned int n = A; n <= B; n++) {
			world_tell(world, n,
				   &(struct event){.type = types[k],
						   .op = 4000000000u,
						   .node = A,
						   .owner = A,
						   .version = 1,
						   .outcome = OUTCOME_UNKNOWN,
						   .sent = world_clock(world, n) - SEC,
						   .touch = &touch});
			pass(world, 100 * MSEC);
		}
	pass(world, 30 * SEC);
	assert_quiet(world);
	assert_owner(world, A);
	world_free(world);
}

static void a_foreign_answer_does_not_free_a_call_under_way(void **state)
{
	struct world *world = pair();
	struct record *record = &world_instance(world, A, 0)->record;
	uint32_t op;

	(void)state;
	while ((op = record->op) == 0 && !world->broken)
		world_step(world);
	world_tell(world, A,
		   &(struct event){.type = EV_PARAM_READ,
				   .op = op + 1,
				   .outcome = OUTCOME_NOT_SENT,
				   .sent = world_clock(world, A)});
	assert_int_equal(record->op, op);
	pass(world, 10 * SEC);
	assert_quiet(world);
	world_free(world);
}

static void an_event_of_no_instance_is_only_a_tick(void **state)
{
	struct world *world = pair();

	(void)state;
	world_tell(world, A,
		   &(struct event){.type = EV_LINK, .instance = CORE_INSTANCES_MAX, .up = false});
	pass(world, 5 * SEC);
	assert_quiet(world);
	world_free(world);
}

/* --- packets ---------------------------------------------------------------------------------- */

static void hear_from(struct world *world, uint16_t sender, uint8_t says, uint8_t count)
{
	const struct core *core = &world->hosts[B].core;
	struct hello hello = {.sender = sender,
			      .receiver = core->config.nodes[B].id,
			      .nonce = core->peers[A].nonce,
			      .seq = core->peers[A].seq + 1,
			      .echo_nonce = core->config.nonce,
			      .echo_seq = core->seq,
			      .count = count};

	hello.instances[0] = (struct hello_instance){.id = 100, .state = says};
	world_tell(world, B, &(struct event){.type = EV_HELLO, .hello = &hello});
}

static void strangers_and_our_own_echo_are_not_heard(void **state)
{
	struct world *world = pair();
	struct view before = world_instance(world, B, 0)->view[A];

	(void)state;
	hear_from(world, 999, CORE_FAULT, 1);
	hear_from(world, world->hosts[B].core.config.nodes[B].id, CORE_FAULT, 1);
	assert_memory_equal(&before, &world_instance(world, B, 0)->view[A], sizeof(before));
	world_free(world);
}

static void a_state_that_does_not_exist_is_no_acting_one(void **state)
{
	struct world *world = pair();

	(void)state;
	hear_from(world, world->hosts[B].core.config.nodes[A].id, 200, 1);
	assert_int_equal(world_instance(world, B, 0)->view[A].state, CORE_INIT);
	world_free(world);
}

static void a_packet_without_instances_says_nothing_of_its_build(void **state)
{
	struct world *world = pair();

	(void)state;
	world->hosts[B].core.config.software = HELLO_SOFTWARE(9, 9, 9);
	world->hosts[B].core.software_differs[A] = false;
	world->hosts[B].core.software[A] = 1;
	hear_from(world, world->hosts[B].core.config.nodes[A].id, 0, 0);
	assert_false(world->hosts[B].core.software_differs[A]);
	assert_int_equal(world->hosts[B].core.software[A], 1);
	world_free(world);
}

static void a_version_out_of_this_world_is_not_believed(void **state)
{
	struct world *world = pair();
	struct record *mine = &world_instance(world, A, 0)->record;

	(void)state;
	mine->version += (uint64_t)1 << 40;
	pass(world, SEC);
	assert_true(world_instance(world, B, 0)->record.version < 10);
	world_free(world);
}

/* --- alone -------------------------------------------------------------------------------------
 */

static void a_node_alone_needs_no_lease(void **state)
{
	struct world *world = make_world(1, 1);

	(void)state;
	world_boot(world, A);
	pass(world, 10 * SEC);
	assert_owner(world, A);
	forget();
	ssm(world, A, false);
	ec2(world, A, false);
	pass(world, 60 * SEC);
	assert_int_equal(state_of(world, A), CORE_MASTER);
	assert_int_equal(world_instance(world, A, 0)->flags & FLAG_UNCONFIRMED, 0);
	world_free(world);
}

static void operation_numbers_wrap_around_zero(void **state)
{
	struct world *world = pair();

	(void)state;
	world->hosts[A].core.op = UINT32_MAX - 2;
	pass(world, 60 * SEC);
	assert_true(world->hosts[A].core.op < 1000);
	assert_quiet(world);
	assert_owner(world, A);
	world_free(world);
}

/* --- small print of the outage -----------------------------------------------------------------
 */

/* A pair whose owner is silent and whose store is away; runs until just before T_ssm is over. */
static struct world *outage(void)
{
	struct world *world = make_world(3, 2);

	world->config.outage_takeover = true;
	world_boot(world, A);
	world_boot(world, B);
	pass(world, 60 * SEC);
	assert_owner(world, A);
	ssm(world, B, false);
	world_crash(world, A);
	pass(world, 25 * SEC);
	forget();
	return world;
}

static void in_an_outage_a_route_at_a_third_node_stops_the_taker(void **state)
{
	struct world *world = outage();

	(void)state;
	world_route_set(world, 0, 1, C);
	pass(world, 120 * SEC);
	assert_int_equal(state_of(world, B), CORE_BACKUP);
	assert_int_equal(seen.sets[B], 0);
	world_free(world);
}

static void in_an_outage_routes_that_cannot_be_read_are_not_taken(void **state)
{
	struct world *world = outage();

	(void)state;
	ec2(world, B, false);
	pass(world, 60 * SEC);
	assert_int_equal(seen.sets[B], 0);
	ec2(world, B, true);
	wait_for(world, B, CORE_MASTER, 60 * SEC);
	world_free(world);
}

static void in_an_outage_a_gate_is_asked_first(void **state)
{
	struct world *world = outage();

	(void)state;
	world_instance(world, B, 0)->config.gates = true;
	world->hosts[B].duty[DUTY_GATE].takes = 200 * MSEC;
	wait_for(world, B, CORE_CLAIMING, 60 * SEC);
	assert_int_equal(seen.duties[B][DUTY_GATE], 1);
	assert_true(world_instance(world, B, 0)->by_route);
	world_free(world);
}

/* --- small print of the duties
 * --------------------------------------------------------------------- */

static void a_configured_patience_bounds_a_duty(void **state)
{
	struct world *world = pair();

	(void)state;
	world_instance(world, B, 0)->config.gates = true;
	world_instance(world, B, 0)->config.patience[DUTY_GATE] = 300 * MSEC;
	world->hosts[B].duty[DUTY_GATE].silent = true;
	world_check(world, A, HEALTH_RESULT_DEAD);
	pass(world, 700 * MSEC);
	assert_int_equal(world_instance(world, B, 0)->duties[DUTY_GATE].failures, 1);
	world_free(world);
}

static void maintenance_in_a_claim_keeps_the_promotion_waiting(void **state)
{
	struct world *world = pair();

	(void)state;
	world_instance(world, A, 0)->config.promotes = true;
	command(world, A, CMD_FREEZE_ON, -1);
	pass(world, 5 * SEC);
	assert_int_equal(seen.duties[A][DUTY_PROMOTE], 0);
	command(world, A, CMD_FREEZE_OFF, -1);
	pass(world, 10 * SEC);
	assert_int_equal(seen.duties[A][DUTY_PROMOTE], 1);
	world_free(world);
}

static void a_throttled_store_bears_with_a_touching_owner(void **state)
{
	struct world *world = make_world(2, 1);

	(void)state;
	world->config.touch_owner = true;
	world_boot(world, A);
	pass(world, 10 * SEC);
	world_instance(world, A, 0)->record.put_outcome = OUTCOME_OK;
	world->hosts[A].path[SERVICE_SSM].error = OUTCOME_THROTTLED;
	world->hosts[A].path[SERVICE_SSM].error_permille = 1000;
	ec2(world, A, false);
	forget();
	pass(world, 20 * SEC);
	assert_quiet(world);
	assert_int_equal(world_instance(world, A, 0)->flags & FLAG_DEGRADED, 0);
	world_free(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everything_has_a_word_and_what_is_nothing_says_so),
		cmocka_unit_test(answers_that_nobody_waits_for_end_no_call),
		cmocka_unit_test(a_foreign_answer_does_not_free_a_call_under_way),
		cmocka_unit_test(an_event_of_no_instance_is_only_a_tick),
		cmocka_unit_test(strangers_and_our_own_echo_are_not_heard),
		cmocka_unit_test(a_state_that_does_not_exist_is_no_acting_one),
		cmocka_unit_test(a_packet_without_instances_says_nothing_of_its_build),
		cmocka_unit_test(a_version_out_of_this_world_is_not_believed),
		cmocka_unit_test(a_node_alone_needs_no_lease),
		cmocka_unit_test(operation_numbers_wrap_around_zero),
		cmocka_unit_test(in_an_outage_a_route_at_a_third_node_stops_the_taker),
		cmocka_unit_test(in_an_outage_routes_that_cannot_be_read_are_not_taken),
		cmocka_unit_test(in_an_outage_a_gate_is_asked_first),
		cmocka_unit_test(a_configured_patience_bounds_a_duty),
		cmocka_unit_test(maintenance_in_a_claim_keeps_the_promotion_waiting),
		cmocka_unit_test(a_throttled_store_bears_with_a_touching_owner),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
