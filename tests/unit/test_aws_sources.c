/* SPDX-License-Identifier: MIT */
/*
 * The real worker with each source of credentials: which one is taken, what
 * is said when it is empty, and roles assumed on top of it.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "aws/chain.h"
#include "tests/unit/aws_fake.h"

#define ROUTES_ROLE "arn:aws:iam::123456789012:role/routes"
#define OWN_ROLE "arn:aws:iam::123456789012:role/own"

static char folder[64];
static char file[128];

static int open_fake(void **state)
{
	(void)snprintf(folder, sizeof(folder), "/tmp/zonevip-sources-XXXXXX");
	assert_non_null(mkdtemp(folder));
	(void)snprintf(file, sizeof(file), "%s/file", folder);
	*state = fake_open();
	return 0;
}

static int close_fake(void **state)
{
	fake_close(*state);
	(void)unlink(file);
	return rmdir(folder);
}

static void write_file(const char *text)
{
	FILE *stream = fopen(file, "w");

	assert_non_null(stream);
	assert_true(fputs(text, stream) >= 0);
	assert_int_equal(fclose(stream), 0);
	assert_int_equal(chmod(file, 0600), 0);
}

static void set(const char *name, const char *value)
{
	assert_int_equal(setenv(name, value, 1), 0);
}

static char keys[FAKE_JOBS_MAX][32]; /* access key of each API request */
static char actions[FAKE_JOBS_MAX][32];
static unsigned int key_count;
static unsigned int assumed; /* roles given out so far: ASIAn */
static int assumed_life_s;
static bool assume_denied;
static bool refuse_first_role;
static char assume_body[FAKE_REQUEST_MAX];
static char security_token[64]; /* of the last API request, "" = none */

static void assume(struct fake_reply *reply)
{
	time_t until = time(NULL) + assumed_life_s;
	char text[32];
	struct tm utc;

	if (assume_denied) {
		reply->status = 403;
		(void)snprintf(reply->body, sizeof(reply->body),
			       "<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code>"
			       "<Message>User is not authorized</Message></Error></ErrorResponse>");
		return;
	}
	assumed++;
	(void)gmtime_r(&until, &utc);
	(void)strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &utc);
	(void)snprintf(reply->body, sizeof(reply->body),
		       "<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>ASIA%u"
		       "</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t%u"
		       "</SessionToken><Expiration>%s</Expiration></Credentials></AssumeRoleResult>"
		       "</AssumeRoleResponse>",
		       assumed, assumed, text);
}

/* Remembers who signed; plays STS as well. */
static void script(struct fake *fake, const struct fake_request *request, struct fake_reply *reply)
{
	const char *credential = strstr(request->text, "Credential=");
	const char *token = strstr(request->text, "X-Amz-Security-Token: ");

	(void)fake;
	assert_non_null(credential);
	security_token[0] = '\0';
	if (token)
		(void)sscanf(token, "X-Amz-Security-Token: %63s", security_token);
	if (key_count < FAKE_JOBS_MAX) {
		(void)sscanf(credential, "Credential=%31[^/]", keys[key_count]);
		(void)snprintf(actions[key_count++], sizeof(actions[0]), "%.31s", request->action);
	}
	if (strcmp(request->action, "AssumeRole") == 0) {
		(void)snprintf(assume_body, sizeof(assume_body), "%s", request->body);
		assume(reply);
	} else if (refuse_first_role && strstr(credential, "ASIA1/")) {
		fake_ec2_error(reply, 400, "RequestExpired", "expired");
	} else {
		fake_ok(request, reply);
	}
}

static const char *key_of(const char *action)
{
	for (unsigned int i = key_count; i > 0; i--)
		if (strcmp(actions[i - 1], action) == 0)
			return keys[i - 1];
	return "nobody";
}

static int begin(void **state)
{
	key_count = 0;
	assumed = 0;
	assumed_life_s = 3600;
	assume_denied = false;
	refuse_first_role = false;
	(void)open_fake(state);
	((struct fake *)*state)->script = script;
	return 0;
}

static void assert_source(struct fake *fake, const char *source, const char *key)
{
	fake_start(fake);
	assert_string_equal(fake->identity.source, source);
	assert_int_equal(fake_do(fake, fake_job(AWS_PARAM_GET))->outcome, OUTCOME_OK);
	assert_string_equal(key_of("GetParameter"), key);
}

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
	assert_int_equal(fake->requests, 0);
}

/* --- the order ------------------------------------------------------------------------- */

static void the_environment_comes_before_the_instance(void **state)
{
	struct fake *fake = *state;

	set("AWS_ACCESS_KEY_ID", "AKIAENV");
	set("AWS_SECRET_ACCESS_KEY", "secret");
	set("AWS_SESSION_TOKEN", "session/token+of==the-environment");
	assert_source(fake, "the environment", "AKIAENV");
	assert_string_equal(security_token, "session/token+of==the-environment");
	assert_true(fake->identity.credentials_until == MONO_NEVER);
	assert_int_equal(fake->credentials_asked, 0);
}

static void half_of_the_environment_is_an_error_and_no_reason_to_look_elsewhere(void **state)
{
	set("AWS_ACCESS_KEY_ID", "AKIAENV");
	assert_problem(*state, "there is no usable secret key: set AWS_SECRET_ACCESS_KEY");
}

static void a_chosen_profile_comes_before_the_environment(void **state)
{
	struct fake *fake = *state;
	char source[192];

	set("AWS_ACCESS_KEY_ID", "AKIAENV");
	set("AWS_SECRET_ACCESS_KEY", "secret");
	write_file("[p]\naws_access_key_id = AKIAFILE\naws_secret_access_key = s\n");
	fake->config.profile = "p";
	fake->config.credentials_file = file;
	(void)snprintf(source, sizeof(source), "profile p of %s", file);
	assert_source(fake, source, "AKIAFILE");
}

static void a_chosen_profile_that_is_empty_is_an_error_with_the_fix(void **state)
{
	struct fake *fake = *state;

	write_file("[q]\naws_access_key_id = AKIAFILE\n");
	fake->config.profile = "p";
	fake->config.credentials_file = file;
	assert_problem(fake, "profile p has no keys and no role in ");
}

static void the_default_profile_comes_before_the_instance(void **state)
{
	struct fake *fake = *state;
	char source[192];

	write_file("[default]\naws_access_key_id = AKIADEF\naws_secret_access_key = s\n");
	set("AWS_SHARED_CREDENTIALS_FILE", file);
	(void)snprintf(source, sizeof(source), "profile default of %s", file);
	assert_source(fake, source, "AKIADEF");
}

static void without_any_of_them_the_instance_role_is_used(void **state)
{
	set("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent/credentials");
	assert_source(*state, "role zonevip-role of this instance", "AKID1");
}

static void a_profile_is_read_again_when_aws_calls_its_keys_expired(void **state)
{
	struct fake *fake = *state;

	write_file("[p]\naws_access_key_id = ASIA1\naws_secret_access_key = s\n"
		   "aws_session_token = t\n");
	fake->config.profile = "p";
	fake->config.credentials_file = file;
	fake_start(fake);
	write_file("[p]\naws_access_key_id = AKIANEW\naws_secret_access_key = s\n");
	refuse_first_role = true;
	assert_int_equal(fake_do(fake, fake_job(AWS_ROUTE_SET))->outcome, OUTCOME_OK);
	assert_string_equal(key_of("ReplaceRoute"), "AKIANEW");
	assert_int_equal(fake_count(fake, "ReplaceRoute"), 2);
}

/* --- a container ------------------------------------------------------------------------- */

static bool container_gone;

static void container(struct fake *fake, const struct fake_request *request,
		      struct fake_reply *reply)
{
	time_t until = time(NULL) + 3600;
	char text[32];
	struct tm utc;

	if (strcmp(request->action, "GET /v2/credentials?id=1") != 0) {
		fake_plain_imds(fake, request, reply);
		return;
	}
	if (container_gone || !strstr(request->text, "Authorization: Basic tok==\r\n")) {
		reply->status = 403;
		return;
	}
	(void)gmtime_r(&until, &utc);
	(void)strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &utc);
	(void)snprintf(
		reply->body, sizeof(reply->body),
		"{\"RoleArn\":\"arn:x\",\"AccessKeyId\":\"ASIATASK\",\"SecretAccessKey\":\"s\","
		"\"Token\":\"t\",\"Expiration\":\"%s\"}",
		text);
}

static void use_container(struct fake *fake, const char *path)
{
	char url[128];

	container_gone = false;
	fake->imds_script = container;
	(void)snprintf(url, sizeof(url), "%s%s", fake->imds_url, path);
	set("AWS_CONTAINER_CREDENTIALS_FULL_URI", url);
}

static void a_container_gives_its_credentials_for_a_token(void **state)
{
	struct fake *fake = *state;
	char source[192];

	use_container(fake, "/v2/credentials?id=1");
	set("AWS_CONTAINER_AUTHORIZATION_TOKEN", "wrong");
	set("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", file);
	write_file("Basic tok==");
	(void)snprintf(source, sizeof(source), "the container's %s/v2/credentials?id=1",
		       fake->imds_url);
	assert_source(fake, source, "ASIATASK");
}

static void the_token_of_the_environment_will_do(void **state)
{
	struct fake *fake = *state;
	char source[192];

	use_container(fake, "/v2/credentials?id=1");
	set("AWS_CONTAINER_AUTHORIZATION_TOKEN", "Basic tok==");
	(void)snprintf(source, sizeof(source), "the container's %s/v2/credentials?id=1",
		       fake->imds_url);
	assert_source(fake, source, "ASIATASK");
}

static void a_relative_address_is_of_the_one_host_and_comes_before_a_full_one(void **state)
{
	char url[256];
	struct err err = {""};

	(void)state;
	set("AWS_CONTAINER_CREDENTIALS_FULL_URI", "https://10.0.0.1/full");
	assert_int_equal(chain_container_url(url, sizeof(url), &err), 0);
	assert_string_equal(url, "https://10.0.0.1/full");
	set("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/v2/credentials/a-b");
	assert_int_equal(chain_container_url(url, sizeof(url), &err), 0);
	assert_string_equal(url, "http://169.254.170.2/v2/credentials/a-b");
	set("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", ".evil.test/x");
	assert_int_equal(chain_container_url(url, sizeof(url), &err), -1);
	assert_non_null(strstr(err.text, "must begin with '/'"));
}

static void a_container_that_refuses_is_said(void **state)
{
	struct fake *fake = *state;

	use_container(fake, "/v2/credentials?id=1");
	container_gone = true;
	assert_problem(fake, "container credentials: HTTP 403 from http://127.0.0.1");
}

static void no_token_goes_to_a_host_that_aws_does_not_name(void **state)
{
	struct fake *fake = *state;

	set("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://10.0.0.1/x");
	assert_problem(fake, "10.0.0.1: credentials are taken from 169.254.170.2");
}

static void a_container_named_by_a_name_is_refused(void **state)
{
	set("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://metadata.test/x");
	assert_problem(*state, "metadata.test: credentials are taken from");
}

static void a_token_with_a_line_end_is_refused(void **state)
{
	struct fake *fake = *state;

	use_container(fake, "/v2/credentials?id=1");
	set("AWS_CONTAINER_AUTHORIZATION_TOKEN", "Basic tok==\r\nX: y");
	assert_problem(fake, "the authorization token holds a line end");
}

/* --- roles --------------------------------------------------------------------------------- */

static void the_role_for_the_routes_signs_the_calls_about_routes_only(void **state)
{
	struct fake *fake = *state;

	fake->config.role_arn = ROUTES_ROLE;
	fake->config.external_id = "ext-1";
	fake_start(fake); /* held ready: before the first job */
	assert_string_equal(key_of("AssumeRole"), "AKID1");
	assert_non_null(strstr(assume_body, "&RoleSessionName=zonevip-i-0aa&"));
	assert_non_null(strstr(assume_body, "&ExternalId=ext-1"));
	assert_string_equal(fake->identity.source, "role zonevip-role of this instance");
	assert_string_equal(fake->identity.routes_source, "assumed role " ROUTES_ROLE);
	assert_true(fake->identity.credentials_until - mono_now() < 3605 * SEC);
	(void)fake_do(fake, fake_job(AWS_ROUTE_SET));
	(void)fake_do(fake, fake_job(AWS_ROUTE_GET));
	(void)fake_do(fake, fake_job(AWS_PARAM_PUT));
	(void)fake_do(fake, fake_job(AWS_TARGET_CHECK));
	assert_string_equal(key_of("ReplaceRoute"), "ASIA1");
	assert_string_equal(key_of("DescribeRouteTables"), "ASIA1");
	assert_string_equal(key_of("PutParameter"), "AKID1");
	assert_string_equal(key_of("DescribeNetworkInterfaces"), "AKID1");
	assert_int_equal(fake_count(fake, "AssumeRole"), 1);
}

static void a_role_that_expired_is_assumed_again_and_the_call_signed_again(void **state)
{
	struct fake *fake = *state;

	fake->config.role_arn = ROUTES_ROLE;
	fake_start(fake);
	refuse_first_role = true;
	assert_int_equal(fake_do(fake, fake_job(AWS_ROUTE_SET))->outcome, OUTCOME_OK);
	assert_string_equal(key_of("ReplaceRoute"), "ASIA2");
	assert_int_equal(fake_count(fake, "AssumeRole"), 2);
	assert_int_equal(fake->credentials_asked, 1); /* the instance's own were well */
}

static void a_role_that_is_refused_is_said_with_what_to_allow(void **state)
{
	struct fake *fake = *state;

	assume_denied = true;
	fake->config.role_arn = ROUTES_ROLE;
	fake_start_unknown(fake);
	fake_wait_report(fake, 1);
	assert_false(fake->identity.known);
	assert_non_null(strstr(fake->identity.problem, "AssumeRole " ROUTES_ROLE ": STS: "
						       "AccessDenied (HTTP 403)"));
	assert_non_null(strstr(fake->identity.problem, "allow sts:AssumeRole on this role"));
	/* The other calls do not wait for it. */
	assert_int_equal(fake_do(fake, fake_job(AWS_PARAM_GET))->outcome, OUTCOME_OK);
	assert_int_equal(fake_do(fake, fake_job(AWS_ROUTE_SET))->outcome, OUTCOME_NOT_SENT);
	assert_int_equal(fake_count(fake, "ReplaceRoute"), 0);
}

static void a_role_comes_when_sts_gives_in(void **state)
{
	struct fake *fake = *state;
	unsigned int reports;

	assume_denied = true;
	fake->config.role_arn = ROUTES_ROLE;
	fake_start_unknown(fake);
	fake_wait_report(fake, 1);
	assume_denied = false;
	for (reports = 2; !fake->identity.known; reports++)
		fake_wait_report(fake, reports);
	assert_string_equal(fake->identity.problem, "");
	assert_int_equal(fake_do(fake, fake_job(AWS_ROUTE_SET))->outcome, OUTCOME_OK);
}

static void a_profile_with_a_role_signs_everything_with_it(void **state)
{
	struct fake *fake = *state;

	write_file("[profile p]\nrole_arn = " OWN_ROLE
		   "\nsource_profile = base\nregion = eu-north-1\n"
		   "[profile base]\naws_access_key_id = AKIABASE\naws_secret_access_key = s\n");
	fake->config.profile = "p";
	fake->config.config_file = file;
	fake_start(fake);
	assert_string_equal(key_of("AssumeRole"), "AKIABASE");
	assert_string_equal(fake->identity.source, "assumed role " OWN_ROLE);
	assert_string_equal(fake->identity.region, "eu-north-1");
	assert_int_equal(fake_do(fake, fake_job(AWS_PARAM_GET))->outcome, OUTCOME_OK);
	assert_string_equal(key_of("GetParameter"), "ASIA1");
}

static void a_profile_role_from_the_instance_and_a_role_for_the_routes_on_top(void **state)
{
	struct fake *fake = *state;

	write_file("[profile p]\nrole_arn = " OWN_ROLE
		   "\ncredential_source = Ec2InstanceMetadata\n");
	fake->config.profile = "p";
	fake->config.config_file = file;
	fake->config.role_arn = ROUTES_ROLE;
	fake_start(fake);
	assert_int_equal(fake_count(fake, "AssumeRole"), 2);
	assert_string_equal(keys[0], "AKID1");
	assert_string_equal(keys[1], "ASIA1");
	(void)fake_do(fake, fake_job(AWS_ROUTE_SET));
	assert_string_equal(key_of("ReplaceRoute"), "ASIA2");
	(void)fake_do(fake, fake_job(AWS_PARAM_GET));
	assert_string_equal(key_of("GetParameter"), "ASIA1");
}

static void a_profile_role_without_a_source_is_an_error(void **state)
{
	struct fake *fake = *state;

	write_file("[profile p]\nrole_arn = " OWN_ROLE "\n");
	fake->config.profile = "p";
	fake->config.config_file = file;
	assert_problem(fake, "role_arn needs source_profile or credential_source");
}

static void one_role_after_another_in_profiles_is_an_error(void **state)
{
	struct fake *fake = *state;

	write_file("[profile p]\nrole_arn = " OWN_ROLE "\nsource_profile = q\n"
		   "[profile q]\nrole_arn = " OWN_ROLE "\nsource_profile = r\n");
	fake->config.profile = "p";
	fake->config.config_file = file;
	assert_problem(fake, "its source_profile q has a role too");
}

/* --- interfaces ------------------------------------------------------------------------------- */

static void each_interface_has_its_own_eni(void **state)
{
	struct fake *fake = *state;
	struct aws_job *job;

	fake->config.interfaces[1] = "lo"; /* the only device that every machine has */
	fake->config.interface_count = 2;
	fake_start(fake);
	assert_int_equal(fake->identity.interface_count, 2);
	assert_string_equal(fake->identity.interfaces[1].eni, "eni-0aa");
	job = fake_job(AWS_ROUTE_SET);
	(void)snprintf(job->interface, sizeof(job->interface), "eth7");
	assert_int_equal(fake_do(fake, job)->outcome, OUTCOME_NOT_SENT);
	assert_non_null(strstr(job->error, "eth7"));
}

/* --- a proxy ------------------------------------------------------------------------------------
 */

static void a_proxy_is_asked_for_a_tunnel_and_never_told_the_request(void **state)
{
	struct fake *fake = *state;
	const struct aws_job *job;

	fake->config.proxy = fake->api_url; /* it refuses: what matters is what it was asked */
	fake->config.endpoint_ssm = "https://ssm.eu-west-1.amazonaws.com";
	fake->script = fake_no_tunnel;
	fake_start(fake);
	job = fake_do(fake, fake_job(AWS_PARAM_PUT));
	assert_int_equal(job->outcome, OUTCOME_NOT_SENT); /* nothing of it left */
	assert_int_equal(fake_count(fake, "CONNECT ssm.eu-west-1.amazonaws.com:443"), 1);
	assert_int_equal(fake->requests, 1);
	assert_int_equal(fake_resolver_asked(), 0); /* names are the proxy's business */
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, close_fake)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_environment_comes_before_the_instance),
		TEST(half_of_the_environment_is_an_error_and_no_reason_to_look_elsewhere),
		TEST(a_chosen_profile_comes_before_the_environment),
		TEST(a_chosen_profile_that_is_empty_is_an_error_with_the_fix),
		TEST(the_default_profile_comes_before_the_instance),
		TEST(without_any_of_them_the_instance_role_is_used),
		TEST(a_profile_is_read_again_when_aws_calls_its_keys_expired),
		TEST(a_container_gives_its_credentials_for_a_token),
		TEST(the_token_of_the_environment_will_do),
		TEST(a_relative_address_is_of_the_one_host_and_comes_before_a_full_one),
		TEST(a_container_that_refuses_is_said),
		TEST(no_token_goes_to_a_host_that_aws_does_not_name),
		TEST(a_container_named_by_a_name_is_refused),
		TEST(a_token_with_a_line_end_is_refused),
		TEST(the_role_for_the_routes_signs_the_calls_about_routes_only),
		TEST(a_role_that_expired_is_assumed_again_and_the_call_signed_again),
		TEST(a_role_that_is_refused_is_said_with_what_to_allow),
		TEST(a_role_comes_when_sts_gives_in),
		TEST(a_profile_with_a_role_signs_everything_with_it),
		TEST(a_profile_role_from_the_instance_and_a_role_for_the_routes_on_top),
		TEST(a_profile_role_without_a_source_is_an_error),
		TEST(one_role_after_another_in_profiles_is_an_error),
		TEST(each_interface_has_its_own_eni),
		TEST(a_proxy_is_asked_for_a_tunnel_and_never_told_the_request),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
