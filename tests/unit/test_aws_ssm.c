/* SPDX-License-Identifier: MIT */
/*
 * Parameter Store's request bodies and answers.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aws/ssm.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* --- SSM --- */

#define PARAMETER(rest) "{\"Parameter\":{\"Name\":\"P\",\"Type\":\"String\"," rest "}}"

static int read_parameter(const char *json, struct aws_job *job)
{
	memset(job, 0, sizeof(*job));
	return ssm_read_parameter(json, strlen(json), job, NULL);
}

static void a_parameter_is_read_with_version_and_date(void **state)
{
	struct aws_job job;

	(void)state;
	assert_int_equal(read_parameter(PARAMETER("\"Value\":\"DB_Host1\",\"Version\":7,"
						  "\"LastModifiedDate\":1795364686.666,"
						  "\"ARN\":\"arn:x\",\"DataType\":\"text\""),
					&job),
			 0);
	assert_string_equal(job.value, "DB_Host1");
	assert_int_equal(job.version, 7);
	assert_true(job.mtime == INT64_C(1795364686666000));
	assert_string_equal(job.error, "");
}

static void dates_in_exponent_form_are_read(void **state)
{
	struct aws_job job;

	(void)state;
	assert_int_equal(read_parameter(PARAMETER("\"Value\":\"a\",\"Version\":1,"
						  "\"LastModifiedDate\":1.526429453908E9"),
					&job),
			 0);
	assert_true(job.mtime == INT64_C(1526429453908000));
	assert_int_equal(read_parameter(PARAMETER("\"Value\":\"a\",\"Version\":1,"
						  "\"LastModifiedDate\":1526429453"),
					&job),
			 0);
	assert_true(job.mtime == INT64_C(1526429453000000));
}

static void odd_versions_and_dates_are_refused(void **state)
{
	static const char *const bad[] = {
		PARAMETER("\"Value\":\"a\",\"Version\":0,\"LastModifiedDate\":1"),
		PARAMETER("\"Value\":\"a\",\"Version\":-1,\"LastModifiedDate\":1"),
		PARAMETER("\"Value\":\"a\",\"Version\":\"1\",\"LastModifiedDate\":1"),
		PARAMETER("\"Value\":\"a\",\"Version\":1.0,\"LastModifiedDate\":1"),
		PARAMETER(
			"\"Value\":\"a\",\"Version\":99999999999999999999,\"LastModifiedDate\":1"),
		PARAMETER("\"Value\":\"a\",\"Version\":1,\"LastModifiedDate\":-1"),
		PARAMETER("\"Value\":\"a\",\"Version\":1,\"LastModifiedDate\":1e300"),
		PARAMETER("\"Value\":\"a\",\"Version\":1,\"LastModifiedDate\":\"today\""),
		PARAMETER("\"Value\":\"a\",\"Version\":1"),
		PARAMETER("\"Value\":1,\"Version\":1,\"LastModifiedDate\":1"),
		PARAMETER("\"Version\":1,\"LastModifiedDate\":1"),
		PARAMETER("\"Value\":\"a\",\"Version\":1,\"Version\":2,\"LastModifiedDate\":1"),
		PARAMETER("\"Value\":\"a\\u0000b\",\"Version\":1,\"LastModifiedDate\":1"),
		PARAMETER("\"Value\":\"\xc3\x28\",\"Version\":1,\"LastModifiedDate\":1"),
		"{\"Parameter\":[]}",
		"{\"Parameter\":null}",
		"[]",
		"\"Parameter\"",
		"",
		"{}",
		"<html></html>",
		"{\"Parameter\":{\"Value\":\"a\",\"Version\":1,\"LastModifiedDate\":1}} x",
	};
	struct aws_job job;

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++)
		if (read_parameter(bad[i], &job) != -EBADMSG)
			fail_msg("accepted: %s", bad[i]);
}

static void a_parameter_of_another_type_is_not_taken(void **state)
{
	static const char secure[] = "{\"Parameter\":{\"Type\":\"SecureString\",\"Value\":\"AQIC\","
				     "\"Version\":1,\"LastModifiedDate\":1}}";
	struct aws_job job;

	(void)state;
	assert_int_equal(read_parameter(secure, &job), -EPROTOTYPE);
	assert_string_equal(job.value, "");
}

static void a_value_of_8_kb_is_cut_and_said_so(void **state)
{
	static char json[9000];
	struct aws_job job;

	(void)state;
	(void)snprintf(json, sizeof(json),
		       PARAMETER("\"Version\":1,\"LastModifiedDate\":1,\"Value\":\"%08192d\""), 0);
	assert_int_equal(read_parameter(json, &job), 0);
	assert_int_equal(strlen(job.value), AWS_PARAM_VALUE_MAX - 1);
	assert_non_null(strstr(job.error, "8192 bytes was cut to 4095"));
}

static void a_cut_value_ends_between_characters(void **state)
{
	static char json[9000];
	struct aws_job job;
	size_t used;

	(void)state;
	(void)snprintf(json, sizeof(json),
		       PARAMETER("\"Version\":1,\"LastModifiedDate\":1,"
				 "\"Value\":\""));
	used = strlen(json) - 2; /* without the closing braces */
	for (size_t i = 0; i < 3000; i++)
		used += (size_t)snprintf(json + used, sizeof(json) - used, "é");
	(void)snprintf(json + used, sizeof(json) - used, "\"}}");
	assert_int_equal(read_parameter(json, &job), 0);
	assert_int_equal(strlen(job.value), AWS_PARAM_VALUE_MAX - 2);
}

static void a_put_answers_its_version(void **state)
{
	struct aws_job job = {0};

	(void)state;
	assert_int_equal(ssm_read_version("{\"Version\":8,\"Tier\":\"Standard\"}", 32, &job, NULL),
			 -EBADMSG); /* a byte too many: the NUL */
	assert_int_equal(ssm_read_version("{\"Version\":8,\"Tier\":\"Standard\"}", 31, &job, NULL),
			 0);
	assert_int_equal(job.version, 8);
	assert_int_equal(ssm_read_version("{}", 2, &job, NULL), -EBADMSG);
}

static void ssm_bodies_are_json_whatever_the_value(void **state)
{
	struct aws_job job = {.name = "MasterDB_VIP", .value = "db-a", .overwrite = true};
	struct buf body;

	(void)state;
	buf_init(&body, SSM_BODY_MAX);
	assert_int_equal(ssm_put(&body, &job), 0);
	assert_string_equal(body.data, "{\"Name\":\"MasterDB_VIP\",\"Value\":\"db-a\","
				       "\"Type\":\"String\",\"Overwrite\":true}");
	buf_clear(&body);
	job.overwrite = false;
	(void)snprintf(job.value, sizeof(job.value), "a\"b\\c\n");
	assert_int_equal(ssm_put(&body, &job), 0);
	assert_string_equal(body.data, "{\"Name\":\"MasterDB_VIP\",\"Value\":\"a\\\"b\\\\c\\n\","
				       "\"Type\":\"String\",\"Overwrite\":false,"
				       "\"Tier\":\"Standard\"}");
	buf_clear(&body);
	(void)snprintf(job.value, sizeof(job.value), "\xff");
	assert_int_equal(ssm_put(&body, &job), -EINVAL);
	assert_int_equal(ssm_get(&body, "P"), 0);
	assert_string_equal(body.data, "{\"Name\":\"P\",\"WithDecryption\":false}");
	buf_free(&body);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_parameter_is_read_with_version_and_date),
		cmocka_unit_test(dates_in_exponent_form_are_read),
		cmocka_unit_test(odd_versions_and_dates_are_refused),
		cmocka_unit_test(a_parameter_of_another_type_is_not_taken),
		cmocka_unit_test(a_value_of_8_kb_is_cut_and_said_so),
		cmocka_unit_test(a_cut_value_ends_between_characters),
		cmocka_unit_test(a_put_answers_its_version),
		cmocka_unit_test(ssm_bodies_are_json_whatever_the_value),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
