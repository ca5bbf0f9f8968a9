/* SPDX-License-Identifier: MIT */
/*
 * Many jobs at once through the real worker: looks at one table share a call,
 * reads take turns on the connections, writes wait for neither.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "tests/unit/aws_fake.h"

static int open_fake(void **state)
{
	*state = fake_open();
	return 0;
}

static int close_fake(void **state)
{
	fake_close(*state);
	return 0;
}

static void looks_at_one_table_that_are_asked_together_are_one_call(void **state)
{
	static const char *const vips[] = {"10.1.5.5", "10.1.5.6", "10.1.5.5"};
	struct fake *fake = *state;

	fake_start(fake);
	for (unsigned int i = 0; i < 4; i++) {
		struct aws_job *job = fake_job(AWS_ROUTE_GET);

		job->op = i;
		job->patience = 200 * MSEC;
		assert_int_equal(ip_parse(vips[i % 3], &job->vip), 0);
		if (i == 3) /* another table is another call */
			(void)snprintf(job->table_id, sizeof(job->table_id), "rtb-2");
		fake_submit(fake, job);
	}
	fake_wait(fake, 4);
	assert_int_equal(fake_count(fake, "DescribeRouteTables"), 2);
	for (unsigned int i = 0; i < 4; i++) {
		const struct aws_job *job = fake->jobs[i];

		if (job->op == 3) {
			assert_int_equal(job->outcome,
					 OUTCOME_UNKNOWN); /* the fake has only rtb-1 */
			continue;
		}
		assert_int_equal(job->outcome, OUTCOME_OK);
		assert_int_not_equal(job->sent, 0);
		assert_int_equal(job->route, job->op == 1 ? AWS_ROUTE_MISSING : AWS_ROUTE_ACTIVE);
		assert_int_equal(job->route_is_ours, job->op != 1);
	}
}

static char order[8][64]; /* actions in the order in which they came */

static void note_order(struct fake *fake, const struct fake_request *request,
		       struct fake_reply *reply)
{
	if (fake->requests >= 1 && fake->requests <= 8)
		(void)snprintf(order[fake->requests - 1], sizeof(order[0]), "%s", request->action);
	fake_ok(request, reply);
}

static void jobs_of_one_moment_set_out_together_and_routes_first(void **state)
{
	struct fake *fake = *state;

	fake->config.warm = 0;
	fake->script = note_order;
	fake_start(fake);
	(void)fake_do(fake, fake_job(AWS_TARGET_CHECK)); /* one connection: for the first */
	aws_hold(fake->aws);
	fake_submit(fake, fake_job(AWS_TARGET_CHECK));
	fake_submit(fake, fake_job(AWS_ROUTE_SET));
	fake_run(fake, 50);
	assert_int_equal(fake->requests, 1);
	aws_release(fake->aws);
	fake_wait(fake, 3);
	assert_string_equal(order[1], "ReplaceRoute");
}

static void no_write_overtakes_the_order_to_cancel(void **state)
{
	struct fake *fake = *state;
	unsigned int done = 0;

	fake_start(fake);
	aws_hold(fake->aws);
	fake_submit(fake, fake_job(AWS_PARAM_GET));
	fake_submit(fake, fake_job(AWS_ROUTE_SET));
	aws_cancel(fake->aws, 1);
	fake_submit(fake, fake_job(AWS_ROUTE_SET));
	aws_release(fake->aws);
	fake_wait(fake, 3);
	for (unsigned int i = 0; i < 3; i++)
		done += fake->jobs[i]->call == AWS_ROUTE_SET &&
			fake->jobs[i]->outcome == OUTCOME_OK;
	assert_int_equal(done, 1); /* the second; the first may have left, or not */
}

static void slow_script(struct fake *fake, const struct fake_request *request,
			struct fake_reply *reply)
{
	(void)fake;
	fake_ok(request, reply);
	reply->delay_ms = 50;
}

static void no_look_is_answered_by_a_call_that_left_before(void **state)
{
	struct fake *fake = *state;

	fake->script = slow_script;
	fake_start(fake);
	for (unsigned int i = 0; i < 2; i++) {
		struct aws_job *job = fake_job(AWS_ROUTE_GET);

		job->patience = 10 * MSEC;
		fake_submit(fake, job);
		fake_wait_for(fake, &fake->requests, i + 1);
	}
	fake_wait(fake, 2);
	assert_int_equal(fake_count(fake, "DescribeRouteTables"), 2);
}

static void denied(struct fake *fake, const struct fake_request *request, struct fake_reply *reply)
{
	(void)fake;
	(void)request;
	fake_ec2_error(reply, 403, "UnauthorizedOperation", "You are not authorized.");
}

static void what_fails_for_one_look_fails_for_those_beside_it(void **state)
{
	struct fake *fake = *state;

	fake->script = denied;
	fake_start(fake);
	for (unsigned int i = 0; i < 3; i++) {
		struct aws_job *job = fake_job(AWS_ROUTE_GET);

		job->patience = 200 * MSEC;
		(void)snprintf(job->table_id, sizeof(job->table_id), "rtb-2");
		fake_submit(fake, job);
	}
	fake_wait(fake, 3);
	assert_int_equal(fake->requests, 1);
	for (unsigned int i = 0; i < 3; i++) {
		assert_int_equal(fake->jobs[i]->outcome, OUTCOME_DENIED);
		assert_non_null(strstr(fake->jobs[i]->error, "not authorized"));
	}
}

static void hundreds_of_looks_take_turns_and_writes_do_not_wait_for_them(void **state)
{
	struct fake *fake = *state;
	unsigned int put = 0;

	fake->script = slow_script;
	fake_start(fake);
	for (unsigned int i = 0; i < 60; i++)
		fake_submit(fake, fake_job(AWS_PARAM_GET));
	fake_submit(fake, fake_job(AWS_PARAM_PUT));
	fake_wait(fake, 61);
	for (unsigned int i = 0; i < 61; i++) {
		assert_int_equal(fake->jobs[i]->outcome, OUTCOME_OK);
		if (fake->jobs[i]->call == AWS_PARAM_PUT)
			put = i;
	}
	assert_in_range(fake->in_flight_max, 1, 9); /* 8 looks and the write */
	assert_in_range(put, 0, 50);		    /* not behind them all */
}

static void a_look_whose_turn_never_comes_ends_at_its_deadline(void **state)
{
	struct fake *fake = *state;

	fake->script = slow_script;
	fake_start(fake);
	for (unsigned int i = 0; i < 9; i++) {
		struct aws_job *job = fake_job(AWS_PARAM_GET);

		job->deadline = mono_now() + (i == 8 ? MSEC : 10 * SEC);
		fake_submit(fake, job);
	}
	fake_wait(fake, 9);
	for (unsigned int i = 0; i < 9; i++)
		if (fake->jobs[i]->outcome == OUTCOME_NOT_SENT)
			return;
	fail_msg("all were sent");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_fake, close_fake)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(looks_at_one_table_that_are_asked_together_are_one_call),
		TEST(no_look_is_answered_by_a_call_that_left_before),
		TEST(what_fails_for_one_look_fails_for_those_beside_it),
		TEST(jobs_of_one_moment_set_out_together_and_routes_first),
		TEST(no_write_overtakes_the_order_to_cancel),
		TEST(hundreds_of_looks_take_turns_and_writes_do_not_wait_for_them),
		TEST(a_look_whose_turn_never_comes_ends_at_its_deadline),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
