/* SPDX-License-Identifier: MIT */
/*
 * Jobs through the real worker: what each call sends, how its answers are
 * reported, and what may follow a first answer inside one job.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/unit/aws_fake.h"

static char last_request[FAKE_REQUEST_MAX];

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

static void remember(struct fake *fake, const struct fake_request *request,
		     struct fake_reply *reply)
{
	(void)fake;
	memcpy(last_request, request->text, sizeof(last_request));
	fake_ok(request, reply);
}

static void assert_sent(const char *words)
{
	if (!strstr(last_request, words))
		fail_msg("'%s' is not in:\n%s", words, last_request);
}

/* --- what is sent ---------------------------------------------------------------------------- */

static void a_parameter_is_read_by_a_signed_json_call(void **state)
{
	struct fake *fake = *state;
	const struct aws_job *job;
	struct aws_job *mine = fake_job(AWS_PARAM_GET);
	char date[64];
	time_t now;
	struct tm utc;

	fake->script = remember;
	fake_start(fake);
	mine->op = 17;
	mine->table = 3;
	job = fake_do(fake, mine);
	assert_ptr_equal(job, mine);
	assert_int_equal(job->op, 17);
	assert_int_equal(job->table, 3);
	assert_int_equal(job->outcome, OUTCOME_OK);
	assert_string_equal(job->value, "DB_Host1");
	assert_int_equal(job->version, 7);
	assert_true(job->mtime == INT64_C(1795364686500000));
	assert_true(job->sent > 0 && job->sent <= job->done);
	assert_string_equal(job->error, "");
	now = time(NULL);
	(void)gmtime_r(&now, &utc);
	(void)strftime(date, sizeof(date), "Credential=AKID1/%Y%m%d/eu-west-1/ssm/aws4_request",
		       &utc);
	assert_sent(date);
	assert_sent("POST / HTTP/1.1\r\n");
	assert_sent("X-Amz-Target: AmazonSSM.GetParameter\r\n");
	assert_sent("Content-Type: application/x-amz-json-1.1\r\n");
	assert_sent("X-Amz-Security-Token: token1\r\n");
	assert_sent(
		"SignedHeaders=content-type;host;x-amz-date;x-amz-security-token;x-amz-target,");
	assert_sent("\r\n\r\n{\"Name\":\"MasterDB_VIP\",\"WithDecryption\":false}");
	assert_null(strstr(last_request, "Expect:"));
}

static void a_parameter_is_created_or_overwritten(void **state)
{
	struct fake *fake = *state;
	struct aws_job *job = fake_job(AWS_PARAM_PUT);

	fake->script = remember;
	fake_start(fake);
	assert_int_equal(fake_do(fake, job)->outcome, OUTCOME_OK);
	assert_int_equal(job->version, 8);
	assert_string_equal(job->value, "DB_Host2"); /* the question is not changed */
	assert_sent("\"Overwrite\":false");
	job = fake_job(AWS_PARAM_PUT);
	job->overwrite = true;
	assert_int_equal(fake_do(fake, job)->outcome, OUTCOME_OK);
	assert_sent("{\"Name\":\"MasterDB_VIP\",\"Value\":\"DB_Host2\",\"Type\":\"String\","
		    "\"Overwrite\":true}");
}

static void the_type_of_a_parameter_is_kept(void **state)
{
	struct fake *fake = *state;
	struct aws_job *job = fake_job(AWS_PARAM_PUT);

	fake->script = remember;
	fake_start(fake);
	job->overwrite = true;
	strcpy(job->type, "StringList");
	assert_int_equal(fake_do(fake, job)->outcome, OUTCOME_OK);
	assert_sent("\"Type\":\"StringList\",\"Overwrite\":true");
}

static void a_bare_call(struct fake *fake, const struct fake_request *request,
			struct fake_reply *reply)
{
	remember(fake, request, reply);
	reply->status = 412;
	(void)snprintf(reply->body, sizeof(reply->body),
		       "<Response><Errors><Error><Code>DryRunOperation</Code><Message>m</Message>"
		       "</Error></Errors><RequestID>r</RequestID></Response>");
}

static void a_call_of_the_askers_own_comes_back_bare(void **state)
{
	struct fake *fake = *state;
	struct aws_job *job = fake_job(AWS_ASK);

	fake->script = a_bare_call;
	fake_start(fake);
	job->ask = calloc(1, sizeof(*job->ask));
	strcpy(job->ask->action, "DescribeSecurityGroups");
	job->ask->body = strdup("&DryRun=true");
	assert_int_equal(fake_do(fake, job)->outcome, OUTCOME_OK);
	assert_sent("\r\n\r\nAction=DescribeSecurityGroups&Version=2016-11-15&DryRun=true");
	assert_int_equal(job->ask->status, 412);
	assert_string_equal(job->ask->code, "DryRunOperation");
	assert_non_null(strstr(job->ask->reply, "<Code>DryRunOperation</Code>"));
}

static void a_route_is_read_by_a_signed_form(void **state)
{
	struct fake *fake = *state;
	const struct aws_job *job;

	fake->script = remember;
	fake_start(fake);
	job = fake_do(fake, fake_job(AWS_ROUTE_GET));
	assert_int_equal(job->outcome, OUTCOME_OK);
	assert_int_equal(job->route, AWS_ROUTE_ACTIVE);
	assert_true(job->route_is_ours);
	assert_string_equal(job->route_eni, "eni-0aa");
	assert_sent("Content-Type: application/x-www-form-urlencoded; charset=utf-8\r\n");
	assert_sent("/eu-west-1/ec2/aws4_request, "
		    "SignedHeaders=content-type;host;x-amz-date;x-amz-security-token,");
	assert_sent("\r\n\r\nAction=DescribeRouteTables&Version=2016-11-15&RouteTableId.1=rtb-1");
}

static void a_route_is_set_to_our_interface_or_instance(void **state)
{
	struct fake *fake = *state;
	struct aws_job *job = fake_job(AWS_ROUTE_SET);

	fake->script = remember;
	fake_start(fake);
	assert_int_equal(fake_do(fake, job)->outcome, OUTCOME_OK);
	assert_sent("Action=ReplaceRoute&Version=2016-11-15&RouteTableId=rtb-1"
		    "&DestinationCidrBlock=10.1.5.5%2F32&NetworkInterfaceId=eni-0aa");
	job = fake_job(AWS_ROUTE_SET);
	job->target_instance = true;
	assert_int_equal(fake_do(fake, job)->outcome, OUTCOME_OK);
	assert_sent("&InstanceId=i-0aa");
}

static void one_interface(struct fake *fake, const struct fake_request *request,
			  struct fake_reply *reply)
{
	remember(fake, request, reply);
	(void)snprintf(reply->body, sizeof(reply->body),
		       "<DescribeNetworkInterfacesResponse><networkInterfaceSet><item>"
		       "<networkInterfaceId>%s</networkInterfaceId><privateIpAddress>10.0.4.10"
		       "</privateIpAddress><sourceDestCheck>true</sourceDestCheck></item>"
		       "</networkInterfaceSet></DescribeNetworkInterfacesResponse>",
		       strstr(request->text, "Filter") ? "eni-0bb" : "eni-0aa");
}

static void an_interface_is_checked_by_id_or_address(void **state)
{
	struct fake *fake = *state;
	struct aws_job *job = fake_job(AWS_TARGET_CHECK);

	fake->script = one_interface;
	fake_start(fake);
	assert_int_equal(fake_do(fake, job)->outcome, OUTCOME_OK);
	assert_true(job->source_dest_check);
	assert_string_equal(job->route_eni, "eni-0aa");
	assert_sent("&NetworkInterfaceId.1=eni-0aa");
	job = fake_job(AWS_TARGET_CHECK);
	assert_int_equal(ip_parse("10.0.4.10", &job->vip), 0);
	assert_int_equal(fake_do(fake, job)->outcome, OUTCOME_OK);
	assert_string_equal(job->route_eni, "eni-0bb");
	assert_sent("&Filter.1.Value.1=10.0.4.10&Filter.2.Name=vpc-id&Filter.2.Value.1=vpc-0aa");
	job = fake_job(AWS_TARGET_CHECK);
	assert_int_equal(ip_parse("10.0.4.11", &job->vip), 0);
	assert_int_equal(fake_do(fake, job)->outcome, OUTCOME_ABSENT);
	assert_string_equal(job->error,
			    "DescribeNetworkInterfaces 10.0.4.11: there is no such interface");
}

/* --- how answers are reported --------------------------------------------------------------------
 */

static struct {
	const char *code;
	int status;
} ssm_error;

static void ssm_says(struct fake *fake, const struct fake_request *request,
		     struct fake_reply *reply)
{
	(void)fake;
	(void)request;
	fake_ssm_error(reply, ssm_error.status, ssm_error.code);
}

static void errors_of_a_put_have_their_outcome_and_are_not_retried(void **state)
{
	static const struct {
		const char *code;
		int status;
		enum outcome outcome;
	} rows[] = {
		{"ThrottlingException", 400, OUTCOME_THROTTLED},
		{"TooManyUpdates", 400, OUTCOME_UNKNOWN},
		{"InternalServerError", 500, OUTCOME_UNKNOWN},
		{"ParameterAlreadyExists", 400, OUTCOME_EXISTS},
		{"ParameterNotFound", 400, OUTCOME_ABSENT},
		{"AccessDeniedException", 400, OUTCOME_DENIED},
		{"ValidationException", 400, OUTCOME_REFUSED},
	};
	struct fake *fake = *state;
	struct aws_counters counters;

	fake->script = ssm_says;
	fake_start(fake);
	for (unsigned int i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		ssm_error.code = rows[i].code;
		ssm_error.status = rows[i].status;
		assert_int_equal(fake_do(fake, fake_job(AWS_PARAM_PUT))->outcome, rows[i].outcome);
		assert_int_equal(fake->requests, i + 1);
		assert_non_null(strstr(fake->jobs[i]->error, rows[i].code));
	}
	assert_non_null(strstr(fake->jobs[5]->error,
			       "PutParameter MasterDB_VIP: AccessDeniedException (HTTP 400): no; "
			       "allow ssm:PutParameter on this parameter"));
	aws_counters(fake->aws, &counters);
	assert_int_equal(counters.calls[AWS_PARAM_PUT], 7);
	assert_int_equal(counters.failures[AWS_PARAM_PUT], 5);
}

static void page_of_html(struct fake *fake, const struct fake_request *request,
			 struct fake_reply *reply)
{
	(void)fake;
	(void)request;
	reply->status = 200;
	(void)snprintf(reply->body, sizeof(reply->body), "<html><p>Please log in</html>");
}

static void a_success_that_cannot_be_read_is_unknown(void **state)
{
	static const enum aws_call calls[] = {AWS_PARAM_GET, AWS_PARAM_PUT, AWS_ROUTE_GET,
					      AWS_ROUTE_SET, AWS_TARGET_CHECK};
	struct fake *fake = *state;

	fake->script = page_of_html;
	fake_start(fake);
	for (unsigned int i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		const struct aws_job *job = fake_do(fake, fake_job(calls[i]));

		assert_int_equal(job->outcome, OUTCOME_UNKNOWN);
		assert_non_null(strstr(job->error, "the answer is not the "));
	}
}

static void secure_parameter(struct fake *fake, const struct fake_request *request,
			     struct fake_reply *reply)
{
	(void)fake;
	(void)request;
	reply->status = 200;
	(void)snprintf(reply->body, sizeof(reply->body),
		       "{\"Parameter\":{\"Type\":\"SecureString\",\"Value\":\"AQIC\","
		       "\"Version\":1,\"LastModifiedDate\":1}}");
}

static void a_secure_string_is_refused_with_the_reason(void **state)
{
	struct fake *fake = *state;
	const struct aws_job *job;

	fake->script = secure_parameter;
	fake_start(fake);
	job = fake_do(fake, fake_job(AWS_PARAM_GET));
	assert_int_equal(job->outcome, OUTCOME_REFUSED);
	assert_string_equal(
		job->error,
		"GetParameter MasterDB_VIP: the parameter is of type SecureString, which "
		"cannot be changed: delete it and let zonevip make a String, or name "
		"another one");
}

/* --- what may follow
 * --------------------------------------------------------------------------------- */

static void no_route_yet(struct fake *fake, const struct fake_request *request,
			 struct fake_reply *reply)
{
	(void)fake;
	if (strcmp(request->action, "ReplaceRoute") == 0)
		fake_ec2_error(reply, 400, "InvalidParameterValue",
			       "There is no route defined for '10.1.5.5/32' in the route table. "
			       "Use CreateRoute instead.");
	else
		fake_ok(request, reply);
}

static void a_missing_route_is_created_where_allowed(void **state)
{
	struct fake *fake = *state;
	struct aws_job *job = fake_job(AWS_ROUTE_SET);

	fake->script = no_route_yet;
	fake_start(fake);
	job->create = true;
	assert_int_equal(fake_do(fake, job)->outcome, OUTCOME_OK);
	assert_string_equal(job->error, "");
	assert_int_equal(fake_count(fake, "ReplaceRoute"), 1);
	assert_int_equal(fake_count(fake, "CreateRoute"), 1);
	job = fake_job(AWS_ROUTE_SET);
	assert_int_equal(fake_do(fake, job)->outcome, OUTCOME_ABSENT);
	assert_string_equal(job->error, "ReplaceRoute rtb-1: no route to replace, and creating one "
					"is switched off");
	assert_int_equal(fake_count(fake, "CreateRoute"), 1);
}

static void a_slow_no_route_yet(struct fake *fake, const struct fake_request *request,
				struct fake_reply *reply)
{
	no_route_yet(fake, request, reply);
	reply->delay_ms = 1500;
}

static void the_switch_to_create_is_bounded_by_the_deadline_only(void **state)
{
	struct fake *fake = *state;
	struct aws_job *job = fake_job(AWS_ROUTE_SET);

	fake->script = a_slow_no_route_yet;
	fake_start(fake);
	job->create = true;
	job->not_after = mono_now() + SEC;
	assert_int_equal(fake_do(fake, job)->outcome, OUTCOME_OK);
	job = fake_job(AWS_ROUTE_SET);
	job->create = true;
	job->deadline = mono_now() + 2500 * MSEC;
	assert_int_equal(fake_do(fake, job)->outcome, OUTCOME_UNKNOWN); /* CreateRoute is out */
	assert_in_range(job->done - job->deadline, 0, PATIENCE);
}

/* Creating finds a route that replacing did not: somebody else was quicker. */
static void lost_race(struct fake *fake, const struct fake_request *request,
		      struct fake_reply *reply)
{
	if (strcmp(request->action, "CreateRoute") == 0)
		fake_ec2_error(reply, 400, "RouteAlreadyExists", "it does");
	else if (request->nth == 1)
		no_route_yet(fake, request, reply);
	else
		fake_ok(request, reply);
}

static void a_route_that_appears_meanwhile_is_replaced(void **state)
{
	struct fake *fake = *state;
	struct aws_job *job = fake_job(AWS_ROUTE_SET);

	fake->script = lost_race;
	fake_start(fake);
	job->create = true;
	assert_int_equal(fake_do(fake, job)->outcome, OUTCOME_OK);
	assert_int_equal(fake_count(fake, "ReplaceRoute"), 2);
	assert_int_equal(fake_count(fake, "CreateRoute"), 1);
}

/* EC2 contradicts itself for ever. */
static void schizophrenic(struct fake *fake, const struct fake_request *request,
			  struct fake_reply *reply)
{
	if (strcmp(request->action, "CreateRoute") == 0)
		fake_ec2_error(reply, 400, "RouteAlreadyExists", "it does");
	else
		no_route_yet(fake, request, reply);
}

static void the_switch_does_not_go_on_for_ever(void **state)
{
	struct fake *fake = *state;
	struct aws_job *job = fake_job(AWS_ROUTE_SET);

	fake->script = schizophrenic;
	fake_start(fake);
	job->create = true;
	assert_int_equal(fake_do(fake, job)->outcome, OUTCOME_ABSENT);
	assert_int_equal(fake->requests, 3);
}

/* A server ten minutes ahead of us, which says so. */
static void ahead(struct fake *fake, const struct fake_request *request, struct fake_reply *reply)
{
	const char *date = strstr(request->text, "X-Amz-Date: ");
	time_t now = time(NULL) + 600;
	char good[32];
	struct tm utc;

	(void)fake;
	(void)gmtime_r(&now, &utc);
	(void)strftime(good, sizeof(good), "X-Amz-Date: %Y%m%dT%H%M", &utc);
	if (date && strncmp(date, good, strlen(good)) == 0)
		fake_ok(request, reply);
	else if (strstr(request->text, "X-Amz-Target"))
		fake_ssm_error(reply, 400, "InvalidSignatureException");
	else
		fake_ec2_error(reply, 400, "RequestExpired", "Request has expired.");
	(void)strftime(reply->headers, sizeof(reply->headers),
		       "Date: %a, %d %b %Y %H:%M:%S GMT\r\n", &utc);
}

static void a_wrong_clock_is_corrected_from_the_answer(void **state)
{
	struct fake *fake = *state;

	if (time(NULL) % 60 >= 57) /* the script compares minutes */
		fake_run(fake, 4000);
	fake->script = ahead;
	fake_start(fake);
	assert_int_equal(fake_do(fake, fake_job(AWS_PARAM_PUT))->outcome, OUTCOME_OK);
	assert_int_equal(fake_count(fake, "PutParameter"), 2);
	assert_int_equal(fake_do(fake, fake_job(AWS_ROUTE_SET))->outcome, OUTCOME_OK);
	assert_int_equal(fake_count(fake, "ReplaceRoute"), 1); /* right from the start now */
	assert_int_equal(fake->credentials_asked, 1);
}

/* First the clock, then the credentials: one thing after another. */
static void never_content(struct fake *fake, const struct fake_request *request,
			  struct fake_reply *reply)
{
	ahead(fake, request, reply);
	fake_ssm_error(reply, 400,
		       request->nth == 1 ? "InvalidSignatureException" : "ExpiredTokenException");
}

static void a_job_is_signed_again_once_only(void **state)
{
	struct fake *fake = *state;

	fake->script = never_content;
	fake_start(fake);
	fake->key = 2;
	assert_int_equal(fake_do(fake, fake_job(AWS_PARAM_PUT))->outcome, OUTCOME_DENIED);
	assert_int_equal(fake->requests, 2);
}

static void wrong_secret(struct fake *fake, const struct fake_request *request,
			 struct fake_reply *reply)
{
	(void)fake;
	(void)request;
	fake_ec2_error(reply, 403, "SignatureDoesNotMatch", "We computed another one.");
}

static void a_wrong_secret_is_denied_and_said(void **state)
{
	struct fake *fake = *state;
	const struct aws_job *job;

	fake->script = wrong_secret;
	fake_start(fake);
	job = fake_do(fake, fake_job(AWS_ROUTE_SET));
	assert_int_equal(job->outcome, OUTCOME_DENIED);
	assert_string_equal(job->error, "ReplaceRoute rtb-1: SignatureDoesNotMatch (HTTP 403): We "
					"computed another one.; the secret key is wrong or the "
					"clock is off");
	assert_int_equal(fake->requests, 1);
}

static void pages(struct fake *fake, const struct fake_request *request, struct fake_reply *reply)
{
	(void)fake;
	if (strstr(request->body, "&NextToken=page%2F3")) {
		fake_ok(request, reply);
		return;
	}
	reply->status = 200;
	(void)snprintf(reply->body, sizeof(reply->body),
		       "<DescribeRouteTablesResponse><routeTableSet/><nextToken>%s</nextToken>"
		       "</DescribeRouteTablesResponse>",
		       strstr(request->body, "&NextToken=page%2F2") ? "page/3" : "page/2");
}

static void a_listing_is_followed_to_our_table(void **state)
{
	struct fake *fake = *state;

	fake->script = pages;
	fake_start(fake);
	assert_int_equal(fake_do(fake, fake_job(AWS_ROUTE_GET))->outcome, OUTCOME_OK);
	assert_int_equal(fake->requests, 3);
}

static void endless_pages(struct fake *fake, const struct fake_request *request,
			  struct fake_reply *reply)
{
	(void)fake;
	(void)request;
	reply->status = 200;
	(void)snprintf(reply->body, sizeof(reply->body),
		       "<DescribeRouteTablesResponse><routeTableSet/><nextToken>more</nextToken>"
		       "</DescribeRouteTablesResponse>");
}

static void a_listing_without_an_end_is_given_up(void **state)
{
	struct fake *fake = *state;
	const struct aws_job *job;

	fake->script = endless_pages;
	fake_start(fake);
	job = fake_do(fake, fake_job(AWS_ROUTE_GET));
	assert_int_equal(job->outcome, OUTCOME_UNKNOWN);
	assert_non_null(strstr(job->error, "does not end after 50 pages"));
	assert_int_equal(fake->requests, 50);
}

static void some_tables_fail(struct fake *fake, const struct fake_request *request,
			     struct fake_reply *reply)
{
	(void)fake;
	if (strstr(request->body, "rtb-2"))
		fake_ec2_error(reply, 403, "UnauthorizedOperation", "You are not authorized.");
	else if (strstr(request->body, "rtb-3"))
		fake_ec2_error(reply, 400, "InvalidRouteTableID.NotFound", "It does not exist");
	else
		fake_ok(request, reply);
}

static void one_failing_table_does_not_touch_the_others(void **state)
{
	static const enum outcome expected[] = {OUTCOME_OK, OUTCOME_DENIED, OUTCOME_REFUSED};
	struct fake *fake = *state;

	fake->script = some_tables_fail;
	fake_start(fake);
	for (unsigned int i = 0; i < 3; i++) {
		struct aws_job *job = fake_job(AWS_ROUTE_SET);

		job->table = i;
		(void)snprintf(job->table_id, sizeof(job->table_id), "rtb-%u", i + 1);
		fake_submit(fake, job);
	}
	fake_wait(fake, 3);
	for (unsigned int i = 0; i < 3; i++)
		assert_int_equal(fake->jobs[i]->outcome, expected[fake->jobs[i]->table]);
}

/* --- patience ------------------------------------------------------------------------------- */

static void throttled_with_a_wish(struct fake *fake, const struct fake_request *request,
				  struct fake_reply *reply)
{
	(void)fake;
	if (request->nth > 1 || strcmp(request->action, "ReplaceRoute") != 0) {
		fake_ok(request, reply);
		return;
	}
	fake_ec2_error(reply, 503, "RequestLimitExceeded", "slowly");
	(void)snprintf(reply->headers, sizeof(reply->headers), "x-amz-retry-after: 700\r\n");
}

static void what_is_throttled_is_not_sent_before_aws_wants_it(void **state)
{
	struct fake *fake = *state;
	const struct aws_job *job;

	fake->script = throttled_with_a_wish;
	fake_start(fake);
	assert_int_equal(fake_do(fake, fake_job(AWS_ROUTE_SET))->outcome, OUTCOME_THROTTLED);
	job = fake_do(fake, fake_job(AWS_ROUTE_SET));
	assert_int_equal(job->outcome, OUTCOME_NOT_SENT);
	assert_non_null(strstr(job->error, "held back: AWS throttles and asked to wait"));
	assert_int_equal(fake_do(fake, fake_job(AWS_PARAM_PUT))->outcome, OUTCOME_OK);
	assert_int_equal(fake_count(fake, "ReplaceRoute"), 1);
	fake_run(fake, 750);
	assert_int_equal(fake_do(fake, fake_job(AWS_ROUTE_SET))->outcome, OUTCOME_OK);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_fake, close_fake)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_parameter_is_read_by_a_signed_json_call),
		TEST(a_parameter_is_created_or_overwritten),
		TEST(the_type_of_a_parameter_is_kept),
		TEST(a_call_of_the_askers_own_comes_back_bare),
		TEST(a_route_is_read_by_a_signed_form),
		TEST(a_route_is_set_to_our_interface_or_instance),
		TEST(an_interface_is_checked_by_id_or_address),
		TEST(errors_of_a_put_have_their_outcome_and_are_not_retried),
		TEST(a_success_that_cannot_be_read_is_unknown),
		TEST(a_secure_string_is_refused_with_the_reason),
		TEST(a_missing_route_is_created_where_allowed),
		TEST(the_switch_to_create_is_bounded_by_the_deadline_only),
		TEST(a_route_that_appears_meanwhile_is_replaced),
		TEST(the_switch_does_not_go_on_for_ever),
		TEST(a_wrong_clock_is_corrected_from_the_answer),
		TEST(a_job_is_signed_again_once_only),
		TEST(a_wrong_secret_is_denied_and_said),
		TEST(a_listing_is_followed_to_our_table),
		TEST(a_listing_without_an_end_is_given_up),
		TEST(one_failing_table_does_not_touch_the_others),
		TEST(what_is_throttled_is_not_sent_before_aws_wants_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
