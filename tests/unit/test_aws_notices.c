/* SPDX-License-Identifier: MIT */
/*
 * What IMDS announces, read and reported by the real worker; and the budget
 * of calls.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "aws/budget.h"
#include "aws/notices.h"
#include "tests/unit/aws_fake.h"

#define DATE 1505728920 /* 18 Sep 2017 10:02:00 GMT */
#define NOW (1000 * SEC)
#define ALL ((1U << AWS_NOTICES) - 1)

static struct aws_notice notice;

static bool read_text(enum aws_notice_kind kind, const char *text)
{
	return notice_read(kind, text, strlen(text), DATE, NOW, &notice);
}

/* --- reading -------------------------------------------------------------------------- */

static void a_spot_notice_says_what_and_when(void **state)
{
	(void)state;
	assert_true(read_text(AWS_NOTICE_SPOT,
			      "{\"action\":\"terminate\",\"time\":\"2017-09-18T10:04:00Z\"}"));
	assert_true(notice.stands);
	assert_string_equal(notice.what, "terminate");
	assert_true(notice.at == NOW + 120 * SEC);
	assert_true(read_text(AWS_NOTICE_SPOT, "{\"action\":\"hibernate\"}"));
	assert_true(notice.at == 0);
}

static void the_earliest_maintenance_still_to_come_counts(void **state)
{
	(void)state;
	assert_true(read_text(AWS_NOTICE_MAINTENANCE, "[]"));
	assert_false(notice.stands);
	assert_true(read_text(
		AWS_NOTICE_MAINTENANCE,
		"[{\"NotBefore\":\"18 Sep 2017 12:02:00 GMT\",\"Code\":\"system-reboot\","
		"\"State\":\"active\"},"
		"{\"NotBefore\":\"18 Sep 2017 11:02:00 GMT\",\"Code\":\"instance-stop\","
		"\"State\":\"active\"},"
		"{\"NotBefore\":\"18 Sep 2017 10:03:00 GMT\",\"Code\":\"done\",\"State\":"
		"\"completed\"},"
		"{\"NotBefore\":\"18 Sep 2017 10:04:00 GMT\",\"Code\":\"old\",\"Description\":"
		"\"[Completed] x\"}]"));
	assert_true(notice.stands);
	assert_string_equal(notice.what, "instance-stop");
	assert_true(notice.at == NOW + 3600 * SEC);
}

static void in_service_is_no_notice_and_anything_else_is(void **state)
{
	(void)state;
	assert_true(read_text(AWS_NOTICE_LIFECYCLE, "InService"));
	assert_false(notice.stands);
	assert_true(read_text(AWS_NOTICE_LIFECYCLE, "Terminated\n"));
	assert_true(notice.stands);
	assert_string_equal(notice.what, "Terminated");
	assert_true(read_text(AWS_NOTICE_LIFECYCLE, "Warmed:Stopped"));
	assert_string_equal(notice.what, "Warmed:Stopped");
	assert_false(read_text(AWS_NOTICE_LIFECYCLE, ""));
}

static void what_cannot_be_understood_announces_nothing(void **state)
{
	static const char *const texts[] = {"",
					    "x",
					    "[]",
					    "{}",
					    "{\"action\":1}",
					    "{\"action\":\"\"}",
					    "[[[[[[[[[[[[[[[[[[[[[[[["};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		assert_false(read_text(AWS_NOTICE_SPOT, texts[i]));
		assert_false(notice.stands);
	}
	assert_false(read_text(AWS_NOTICE_MAINTENANCE, "{}"));
	assert_false(read_text(AWS_NOTICE_REBALANCE, "[]"));
	assert_true(read_text(AWS_NOTICE_MAINTENANCE, "[1, {}, {\"Code\":1}, null]"));
	assert_false(notice.stands);
	/* A date of another century is no date. */
	assert_true(read_text(AWS_NOTICE_SPOT,
			      "{\"action\":\"stop\",\"time\":\"2217-09-18T10:04:00Z\"}"));
	assert_true(notice.at == 0);
}

/* --- the worker --------------------------------------------------------------------------- */

static const char *spot_action;	    /* NULL = 404 */
static const char *lifecycle_state; /* NULL = 404 */
static int imds_status;		    /* of every notice, 0 = as they are */
static bool spot_instance;

static void imds(struct fake *fake, const struct fake_request *request, struct fake_reply *reply)
{
	const char *text = NULL;

	if (strstr(request->text, "/instance-life-cycle "))
		text = spot_instance ? "spot" : "on-demand";
	else if (strstr(request->text, "/spot/instance-action "))
		text = spot_action;
	else if (strstr(request->text, "/target-lifecycle-state "))
		text = lifecycle_state;
	fake_plain_imds(fake, request, reply);
	if (imds_status && (strstr(request->text, "/spot/") || strstr(request->text, "/auto")))
		reply->status = imds_status;
	else if (text && reply->status != 401) {
		reply->status = 200;
		(void)snprintf(reply->body, sizeof(reply->body), "%s", text);
	}
}

static int open_fake(void **state)
{
	struct fake *fake = fake_open();

	spot_action = NULL;
	lifecycle_state = NULL;
	imds_status = 0;
	spot_instance = true;
	fake->imds_script = imds;
	fake->config.watch = ALL;
	*state = fake;
	return 0;
}

static int close_fake(void **state)
{
	fake_close(*state);
	return 0;
}

static void a_spot_interruption_is_reported_and_taken_back(void **state)
{
	struct fake *fake = *state;
	unsigned int generation;

	spot_action = "{\"action\":\"stop\"}";
	fake_start(fake);
	generation = fake->identity.generation;
	fake_wait_report(fake, 2);
	assert_true(fake->identity.notices[AWS_NOTICE_SPOT].stands);
	assert_string_equal(fake->identity.notices[AWS_NOTICE_SPOT].what, "stop");
	assert_int_equal(fake->identity.generation, generation); /* who we are is the same */
	spot_action = NULL;
	fake_wait_report(fake, 3);
	assert_false(fake->identity.notices[AWS_NOTICE_SPOT].stands);
}

static void an_imds_that_fails_takes_nothing_back(void **state)
{
	struct fake *fake = *state;

	lifecycle_state = "Terminated";
	fake_start(fake);
	fake_wait_report(fake, 2);
	assert_true(fake->identity.notices[AWS_NOTICE_LIFECYCLE].stands);
	imds_status = 503;
	fake_run(fake, 6000);
	assert_int_equal(fake->identities, 2);
	assert_true(fake->identity.notices[AWS_NOTICE_LIFECYCLE].stands);
}

static void only_what_applies_and_is_watched_is_asked(void **state)
{
	struct fake *fake = *state;

	spot_instance = false;
	fake->config.watch = ALL & ~(1U << AWS_NOTICE_MAINTENANCE);
	spot_action = "{\"action\":\"stop\"}";
	lifecycle_state = "Detached";
	fake_start(fake);
	fake_wait_report(fake, 2);
	assert_false(fake->identity.notices[AWS_NOTICE_SPOT].stands);
	assert_int_equal(fake_count(fake, "GET /latest/meta-data/spot/instance-action"), 0);
	assert_int_equal(fake_count(fake, "GET /latest/meta-data/events/maintenance/scheduled"), 0);
}

static void who_watches_nothing_asks_nothing(void **state)
{
	struct fake *fake = *state;

	fake->config.watch = 0;
	fake_start(fake);
	fake_run(fake, 1500);
	assert_int_equal(fake_count(fake, "GET /latest/meta-data/instance-life-cycle"), 0);
}

/* --- the budget ------------------------------------------------------------------------------ */

static unsigned int spend(struct budget *budget, enum budget_need need, mono_us now,
			  unsigned int most)
{
	unsigned int made = 0;

	while (made < most && budget_allows(budget, need, now)) {
		budget_spend(budget, now);
		made++;
	}
	return made;
}

static void quiet_reads_leave_half_of_the_bucket_to_claims(void **state)
{
	struct budget budget;

	(void)state;
	budget_init(&budget, 8000, NOW);
	assert_int_equal(spend(&budget, BUDGET_QUIET, NOW, 9999), 1000);
	assert_int_equal(spend(&budget, BUDGET_CLAIM, NOW, 9999), 1000);
	assert_false(budget_allows(&budget, BUDGET_CLAIM, NOW));
	assert_true(budget_allows(&budget, BUDGET_WRITE, NOW)); /* always */
	assert_int_equal(budget_hour(&budget, NOW), 2000);
}

static void no_hour_sees_more_than_the_limit(void **state)
{
	struct budget budget;
	unsigned int made = 0;

	(void)state;
	budget_init(&budget, 8000, NOW);
	for (mono_us now = NOW; now < NOW + 3600 * SEC; now += SEC)
		made += spend(&budget, BUDGET_CLAIM, now, 9999);
	assert_in_range(made, 7900, 8000);
	/* And what was used up is there again after some time. */
	assert_in_range(spend(&budget, BUDGET_CLAIM, NOW + 7200 * SEC, 9999), 1999, 2000);
}

static void writes_go_into_debt_that_an_hour_can_pay(void **state)
{
	struct budget budget;

	(void)state;
	budget_init(&budget, 400, NOW);
	for (unsigned int i = 0; i < 10000; i++)
		budget_spend(&budget, NOW);
	assert_false(budget_allows(&budget, BUDGET_CLAIM, NOW));
	assert_true(budget_allows(&budget, BUDGET_QUIET, NOW + 3600 * SEC));
}

static void minutes_that_have_passed_are_forgotten(void **state)
{
	struct budget budget;

	(void)state;
	budget_init(&budget, 0, NOW);
	budget_spend(&budget, NOW);
	budget_spend(&budget, NOW + 1800 * SEC);
	assert_int_equal(budget_hour(&budget, NOW + 3500 * SEC), 2);
	assert_int_equal(budget_hour(&budget, NOW + 3660 * SEC), 1);
	assert_int_equal(budget_hour(&budget, NOW + 100000 * SEC), 0);
	assert_true(budget_allows(&budget, BUDGET_QUIET, NOW)); /* no limit */
}

static void a_read_beyond_the_budget_is_not_sent_and_a_write_is(void **state)
{
	struct fake *fake = *state;
	struct aws_counters counters;
	const struct aws_job *job;

	fake->config.watch = 0;
	fake->config.budget = 16; /* a bucket of four, two of them for claims */
	fake_start(fake);
	for (unsigned int i = 0; i < 2; i++)
		assert_int_equal(fake_do(fake, fake_job(AWS_ROUTE_GET))->outcome, OUTCOME_OK);
	job = fake_do(fake, fake_job(AWS_ROUTE_GET));
	assert_int_equal(job->outcome, OUTCOME_NOT_SENT);
	assert_non_null(strstr(job->error, "held back: the API budget of 16 calls an hour"));
	for (unsigned int i = 0; i < 4; i++) {
		struct aws_job *urgent = fake_job(AWS_PARAM_GET);

		urgent->urgent = true;
		assert_int_equal(fake_do(fake, urgent)->outcome,
				 i < 2 ? OUTCOME_OK : OUTCOME_NOT_SENT);
	}
	assert_int_equal(fake_do(fake, fake_job(AWS_ROUTE_SET))->outcome, OUTCOME_OK);
	aws_counters(fake->aws, &counters);
	assert_int_equal(counters.held_back, 3);
	assert_int_equal(counters.hour, 5);
	assert_int_equal(counters.budget, 16);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_fake, close_fake)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_spot_notice_says_what_and_when),
		cmocka_unit_test(the_earliest_maintenance_still_to_come_counts),
		cmocka_unit_test(in_service_is_no_notice_and_anything_else_is),
		cmocka_unit_test(what_cannot_be_understood_announces_nothing),
		TEST(a_spot_interruption_is_reported_and_taken_back),
		TEST(an_imds_that_fails_takes_nothing_back),
		TEST(only_what_applies_and_is_watched_is_asked),
		TEST(who_watches_nothing_asks_nothing),
		cmocka_unit_test(quiet_reads_leave_half_of_the_bucket_to_claims),
		cmocka_unit_test(no_hour_sees_more_than_the_limit),
		cmocka_unit_test(writes_go_into_debt_that_an_hour_can_pay),
		cmocka_unit_test(minutes_that_have_passed_are_forgotten),
		TEST(a_read_beyond_the_budget_is_not_sent_and_a_write_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
