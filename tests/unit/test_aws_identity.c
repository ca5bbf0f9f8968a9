/* SPDX-License-Identifier: MIT */
/*
 * The real worker against a scripted IMDS: who we are, what is said when
 * something is missing, and what happens when credentials run out.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

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

static void imds_tells_who_we_are(void **state)
{
	struct fake *fake = *state;
	mono_us left;

	fake_start(fake);
	assert_string_equal(fake->identity.region, "eu-west-1");
	assert_string_equal(fake->identity.instance_id, "i-0aa");
	assert_string_equal(fake->identity.eni, "eni-0aa");
	assert_string_equal(fake->identity.zone, "eu-west-1a");
	assert_string_equal(fake->identity.source, "role zonevip-role of this instance");
	left = fake->identity.credentials_until - mono_now();
	assert_true(left > (6 * 3600 - 3) * SEC && left < (6 * 3600 + 3) * SEC);
}

static void a_configured_region_is_not_asked_for(void **state)
{
	struct fake *fake = *state;

	fake->config.region = "us-gov-west-1";
	fake_start(fake);
	assert_string_equal(fake->identity.region, "us-gov-west-1");
	assert_int_equal(fake_count(fake, "GET /latest/meta-data/placement/region"), 0);
}

/* --- what is missing is named ------------------------------------------------------------- */

static void assert_problem(struct fake *fake, const char *words)
{
	const struct aws_job *job;

	fake_start_unknown(fake);
	fake_wait_report(fake, 1);
	assert_false(fake->identity.known);
	if (!strstr(fake->identity.problem, words))
		fail_msg("'%s' does not say '%s'", fake->identity.problem, words);
	job = fake_do(fake, fake_job(AWS_PARAM_GET));
	assert_int_equal(job->outcome, OUTCOME_NOT_SENT);
	if (!strstr(job->error, words))
		fail_msg("'%s' does not say '%s'", job->error, words);
	assert_int_equal(fake->requests, 0);
}

static void no_imds_is_said_with_what_to_look_at(void **state)
{
	struct fake *fake = *state;

	(void)close(fake->imds_fd);
	ev_io_stop(fake->loop, &fake->imds_io);
	fake->imds_fd = -1;
	assert_problem(fake, "): is this an EC2 instance, is IMDSv2 enabled, is "
			     "HttpPutResponseHopLimit high enough?");
	assert_non_null(strstr(fake->identity.problem, fake->imds_url));
}

static void imds_silent(struct fake *fake, const struct fake_request *request,
			struct fake_reply *reply)
{
	(void)fake;
	(void)request;
	reply->silent = true;
}

static void a_silent_imds_is_given_up_after_a_second(void **state)
{
	struct fake *fake = *state;
	mono_us start = mono_now();

	fake->imds_script = imds_silent;
	assert_problem(fake, "(timeout): is this an EC2 instance");
	assert_in_range(mono_now() - start, SEC, SEC + PATIENCE);
}

static void imds_off(struct fake *fake, const struct fake_request *request,
		     struct fake_reply *reply)
{
	(void)fake;
	(void)request;
	reply->status = 403;
}

static void an_imds_that_is_switched_off_is_said_to_be(void **state)
{
	struct fake *fake = *state;

	fake->imds_script = imds_off;
	assert_problem(fake, "is switched off (HTTP 403)");
}

static void a_missing_role_is_said(void **state)
{
	struct fake *fake = *state;

	fake->no_role = true;
	assert_problem(fake, "the instance has no IAM role attached");
	assert_string_equal(fake->identity.eni, "eni-0aa"); /* the rest is shown */
}

static void an_interface_that_does_not_exist_is_said(void **state)
{
	struct fake *fake = *state;

	fake->config.interfaces[0] = "eth9nosuch";
	assert_problem(fake, "interface eth9nosuch does not exist");
}

static void imds_without_macs(struct fake *fake, const struct fake_request *request,
			      struct fake_reply *reply)
{
	if (strstr(request->text, "/macs/")) {
		reply->status = 404;
	} else if (strncmp(request->action, "PUT ", 4) == 0) {
		fake->tokens++;
		(void)snprintf(reply->body, sizeof(reply->body), "session%u==", fake->tokens);
	} else {
		(void)snprintf(reply->body, sizeof(reply->body), "word");
	}
}

static void a_mac_that_imds_does_not_know_is_said(void **state)
{
	struct fake *fake = *state;

	fake->imds_script = imds_without_macs;
	assert_problem(fake, "IMDS knows no interface with MAC 00:00:00:00:00:00 of lo");
}

static void imds_hostile(struct fake *fake, const struct fake_request *request,
			 struct fake_reply *reply)
{
	(void)fake;
	if (strncmp(request->action, "PUT ", 4) == 0)
		(void)snprintf(reply->body, sizeof(reply->body), "t==");
	else
		(void)snprintf(reply->body, sizeof(reply->body), "../x\r\nX-Evil: 1");
}

static void odd_words_of_imds_go_nowhere(void **state)
{
	struct fake *fake = *state;

	fake->imds_script = imds_hostile;
	assert_problem(fake, "IMDS does not say the region (HTTP 200)");
	assert_string_equal(fake->identity.region, "");
}

static void a_name_as_imds_endpoint_is_refused(void **state)
{
	struct fake *fake = *state;

	fake->config.imds_endpoint = "http://imds.test";
	assert_problem(fake, "must be an address, not a name");
}

static void plain_http_is_refused_unless_allowed(void **state)
{
	struct fake *fake = *state;
	const struct aws_job *job;

	fake->config.allow_http = false;
	fake_start(fake);
	job = fake_do(fake, fake_job(AWS_PARAM_GET));
	assert_int_equal(job->outcome, OUTCOME_NOT_SENT);
	assert_non_null(strstr(job->error, "plain http is not allowed"));
	assert_int_equal(fake->requests, 0);
}

static void imds_is_asked_again_until_it_answers(void **state)
{
	struct fake *fake = *state;

	fake->no_role = true;
	fake_start_unknown(fake);
	fake_wait_report(fake, 1);
	assert_false(fake->identity.known);
	fake->no_role = false;
	fake_wait_report(fake, 2);
	assert_true(fake->identity.known);
	assert_string_equal(fake->identity.problem, "");
	assert_int_equal(fake_do(fake, fake_job(AWS_PARAM_GET))->outcome, OUTCOME_OK);
}

/* --- credentials that run out --------------------------------------------------------------- */

/* Refuses what was signed with the first key, as EC2 and SSM do. */
static void only_the_second_key(struct fake *fake, const struct fake_request *request,
				struct fake_reply *reply)
{
	(void)fake;
	if (strstr(request->text, "Credential=AKID2/"))
		fake_ok(request, reply);
	else if (strstr(request->text, "X-Amz-Target:"))
		fake_ssm_error(reply, 400, "ExpiredTokenException");
	else
		fake_ec2_error(reply, 400, "RequestExpired", "expired");
}

static void expired_credentials_are_renewed_and_the_call_signed_again(void **state)
{
	struct fake *fake = *state;
	const struct aws_job *job;

	fake_start(fake);
	fake->script = only_the_second_key;
	fake->key = 2;
	job = fake_do(fake, fake_job(AWS_PARAM_PUT));
	assert_int_equal(job->outcome, OUTCOME_OK);
	assert_int_equal(job->version, 8);
	assert_string_equal(job->error, "");
	assert_int_equal(fake_count(fake, "PutParameter"), 2);
	assert_int_equal(fake->credentials_asked, 2);
	job = fake_do(fake, fake_job(AWS_ROUTE_SET));
	assert_int_equal(job->outcome, OUTCOME_OK);
	assert_int_equal(fake_count(fake, "ReplaceRoute"), 1); /* with the new ones at once */
}

/* Half of the refusals come when the refresh is already over. */
static void only_the_second_key_slowly(struct fake *fake, const struct fake_request *request,
				       struct fake_reply *reply)
{
	only_the_second_key(fake, request, reply);
	if (reply->status != 200 && strcmp(request->action, "GetParameter") == 0)
		reply->delay_ms = 100;
}

static void many_calls_with_expired_credentials_cost_one_refresh(void **state)
{
	struct fake *fake = *state;

	fake_start(fake);
	fake->script = only_the_second_key_slowly;
	fake->key = 2;
	for (unsigned int i = 0; i < 10; i++)
		fake_submit(fake, fake_job(i % 2 ? AWS_PARAM_GET : AWS_ROUTE_SET));
	fake_wait(fake, 10);
	for (unsigned int i = 0; i < 10; i++)
		assert_int_equal(fake->jobs[i]->outcome, OUTCOME_OK);
	assert_int_equal(fake->credentials_asked, 2);
	assert_int_equal(fake->requests, 20);
}

static void without_better_credentials_the_refusal_stands(void **state)
{
	struct fake *fake = *state;
	const struct aws_job *job;

	fake_start(fake);
	fake->script = only_the_second_key;
	job = fake_do(fake, fake_job(AWS_PARAM_GET));
	assert_int_equal(job->outcome, OUTCOME_DENIED);
	assert_string_equal(job->error, "GetParameter MasterDB_VIP: ExpiredTokenException (HTTP "
					"400): no; the credentials have expired");
	assert_int_equal(fake_count(fake, "GetParameter"), 1);
	assert_int_equal(fake->credentials_asked, 2);
	/* A second refusal within five seconds asks nobody. */
	job = fake_do(fake, fake_job(AWS_PARAM_GET));
	assert_int_equal(job->outcome, OUTCOME_DENIED);
	assert_int_equal(fake->credentials_asked, 2);
}

static void a_forgotten_session_token_is_replaced(void **state)
{
	struct fake *fake = *state;

	fake_start(fake);
	assert_int_equal(fake->tokens, 1);
	fake->forget_token = true;
	fake->script = only_the_second_key;
	fake->key = 2;
	assert_int_equal(fake_do(fake, fake_job(AWS_PARAM_GET))->outcome, OUTCOME_OK);
	assert_int_equal(fake->tokens, 2);
}

static void imds_lost_after_the_start_leaves_the_credentials_in_use(void **state)
{
	struct fake *fake = *state;
	const struct aws_job *job;

	fake_start(fake);
	fake->imds_script = imds_off;
	fake->forget_token = true;
	fake->script = only_the_second_key;
	job = fake_do(fake, fake_job(AWS_PARAM_GET));
	assert_int_equal(job->outcome, OUTCOME_DENIED);
	fake_wait_report(fake, 2);
	assert_true(fake->identity.known); /* they have not expired by their date */
	assert_non_null(strstr(fake->identity.problem, "the credentials cannot be renewed"));
}

static void changed_credentials_are_reported(void **state)
{
	struct fake *fake = *state;
	mono_us before;

	fake_start(fake);
	before = fake->identity.credentials_until;
	fake->script = only_the_second_key;
	fake->key = 2;
	fake->lifetime_s = 3600;
	assert_int_equal(fake_do(fake, fake_job(AWS_PARAM_GET))->outcome, OUTCOME_OK);
	fake_wait_report(fake, 2);
	assert_true(fake->identity.credentials_until < before);
}

static void credentials_expired_by_imds_own_clock_are_not_known(void **state)
{
	struct fake *fake = *state;

	fake->lifetime_s = -100;
	fake_start_unknown(fake);
	fake_wait_report(fake, 1);
	assert_false(fake->identity.known);
	assert_non_null(
		strstr(fake->identity.problem,
		       "role zonevip-role of this instance: handed out credentials that expired"));
	/* Used all the same: AWS, not we, decides whether they are good. */
	assert_int_equal(fake_do(fake, fake_job(AWS_PARAM_GET))->outcome, OUTCOME_OK);
}

/* An IMDS whose clock, or ours, is an hour off: only its own dates are compared. */
static void imds_ahead(struct fake *fake, const struct fake_request *request,
		       struct fake_reply *reply)
{
	time_t now = time(NULL) + 3600;
	struct tm utc;

	fake_plain_imds(fake, request, reply);
	(void)gmtime_r(&now, &utc);
	(void)strftime(reply->headers, sizeof(reply->headers),
		       "Date: %a, %d %b %Y %H:%M:%S GMT\r\n", &utc);
}

static void the_end_of_credentials_is_told_by_the_clock_that_issued_them(void **state)
{
	struct fake *fake = *state;
	mono_us left;

	fake->imds_script = imds_ahead;
	fake->lifetime_s = 3600 + 7200;
	fake_start(fake);
	left = fake->identity.credentials_until - mono_now();
	assert_true(left > 7195 * SEC && left < 7205 * SEC);
}

static void unknown_interface(struct fake *fake, const struct fake_request *request,
			      struct fake_reply *reply)
{
	(void)fake;
	(void)request;
	fake_ec2_error(reply, 400, "InvalidNetworkInterfaceID.NotFound", "gone");
}

static void an_interface_that_ec2_does_not_know_makes_us_ask_imds(void **state)
{
	struct fake *fake = *state;
	const struct aws_job *job;

	fake_start(fake);
	fake->script = unknown_interface;
	job = fake_do(fake, fake_job(AWS_ROUTE_SET));
	assert_int_equal(job->outcome, OUTCOME_REFUSED);
	fake_run(fake, 100);
	assert_int_equal(fake_count(fake, "GET /latest/meta-data/instance-id"), 2);
	assert_int_equal(fake_count(fake, "ReplaceRoute"), 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_fake, close_fake)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(imds_tells_who_we_are),
		TEST(a_configured_region_is_not_asked_for),
		TEST(no_imds_is_said_with_what_to_look_at),
		TEST(a_silent_imds_is_given_up_after_a_second),
		TEST(an_imds_that_is_switched_off_is_said_to_be),
		TEST(a_missing_role_is_said),
		TEST(an_interface_that_does_not_exist_is_said),
		TEST(a_mac_that_imds_does_not_know_is_said),
		TEST(odd_words_of_imds_go_nowhere),
		TEST(a_name_as_imds_endpoint_is_refused),
		TEST(plain_http_is_refused_unless_allowed),
		TEST(imds_is_asked_again_until_it_answers),
		TEST(expired_credentials_are_renewed_and_the_call_signed_again),
		TEST(many_calls_with_expired_credentials_cost_one_refresh),
		TEST(without_better_credentials_the_refusal_stands),
		TEST(a_forgotten_session_token_is_replaced),
		TEST(imds_lost_after_the_start_leaves_the_credentials_in_use),
		TEST(changed_credentials_are_reported),
		TEST(credentials_expired_by_imds_own_clock_are_not_known),
		TEST(the_end_of_credentials_is_told_by_the_clock_that_issued_them),
		TEST(an_interface_that_ec2_does_not_know_makes_us_ask_imds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
