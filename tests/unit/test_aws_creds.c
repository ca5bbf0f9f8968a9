/* SPDX-License-Identifier: MIT */
/*
 * What IMDS hands out, when to ask for the next, and where the services are.
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

#include "aws/creds.h"
#include "aws/endpoint.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* --- IMDS credentials --- */

#define CREDS(code, key, secret, token, until)                                                     \
	"{\"Code\":\"" code "\",\"LastUpdated\":\"2017-05-17T09:00:00Z\",\"Type\":\"AWS-HMAC\","   \
	"\"AccessKeyId\":\"" key "\",\"SecretAccessKey\":\"" secret "\",\"Token\":\"" token        \
	"\",\"Expiration\":\"" until "\"}"
#define UNTIL "2017-05-17T15:09:54Z"

static int read_creds(const char *json, struct creds *creds, struct err *err)
{
	return creds_read(json, strlen(json), creds, err);
}

static void credentials_are_read_and_wiped(void **state)
{
	static const struct creds none;
	struct creds creds;

	(void)state;
	assert_int_equal(read_creds(CREDS("Success", "ASIAX", "s/+", "t/+=", UNTIL), &creds, NULL),
			 0);
	assert_string_equal(creds.access_key, "ASIAX");
	assert_string_equal(creds.secret_key, "s/+");
	assert_string_equal(creds.token, "t/+=");
	assert_true(creds.expires == 1495033794);
	creds_wipe(&creds);
	assert_memory_equal(&creds, &none, sizeof(creds));
}

static void a_200_with_another_code_is_an_error_with_its_reason(void **state)
{
	struct creds creds;
	struct err err = {""};

	(void)state;
	assert_int_equal(read_creds("{\"Code\":\"AssumeRoleUnauthorizedAccess\\u007f\",\"Message\":"
				    "\"EC2 cannot assume the role app\\u0007.\"}",
				    &creds, &err),
			 -EBADMSG);
	assert_string_equal(err.text,
			    "AssumeRoleUnauthorizedAccess?: EC2 cannot assume the role app?.");
}

static void unusable_credentials_leave_nothing_behind(void **state)
{
	static const struct creds none;
	static const char *const bad[] = {
		CREDS("Success", "", "s", "t", UNTIL),
		CREDS("Success", "k", "", "t", UNTIL),
		CREDS("Success", "k", "s", "", UNTIL),
		CREDS("Success", "k", "s", "t", "soon"),
		CREDS("Success", "k", "s", "t", UNTIL "x"),
		CREDS("Success", "k", "s\\n", "t", UNTIL),
		CREDS("Success", "k", "s", "t\\r\\nX-Evil: 1", UNTIL),
		CREDS("Success", "k k", "s", "t", UNTIL),
		CREDS("Success", "k", "s", "té", UNTIL),
		"{\"Code\":\"Success\",\"AccessKeyId\":\"k\",\"SecretAccessKey\":\"s\"}",
		"{\"AccessKeyId\":\"k\",\"AccessKeyId\":\"l\"}",
		"<html>404</html>",
		"",
	};
	struct creds creds;

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		memset(&creds, 'x', sizeof(creds));
		if (read_creds(bad[i], &creds, NULL) != -EBADMSG)
			fail_msg("accepted: %s", bad[i]);
		assert_memory_equal(&creds, &none, sizeof(creds));
	}
}

static void the_next_refresh_is_a_quarter_of_an_hour_before_the_end(void **state)
{
	const mono_us now = 1000 * SEC;

	(void)state;
	assert_true(creds_refresh_at(now, now + 6 * 3600 * SEC, 0) == now + (6 * 3600 - 900) * SEC);
	assert_true(creds_refresh_at(now, now + 6 * 3600 * SEC, 500) ==
		    now + (6 * 3600 - 930) * SEC);
	assert_true(creds_refresh_at(now, now + 600 * SEC, 0) == now + 60 * SEC);
	assert_true(creds_refresh_at(now, now + 40 * SEC, 0) == now + 20 * SEC);
	assert_true(creds_refresh_at(now, now + 4 * SEC, 0) == now + 5 * SEC);
	assert_true(creds_refresh_at(now, now - 600 * SEC, 0) == now + 5 * SEC);
}

/* --- endpoints --- */

static int build(const char *service, const char *region, const char *domain, const char *kind,
		 struct endpoint *endpoint, struct err *err)
{
	const struct endpoint_wish wish = {
		.service = service,
		.region = region,
		.domain = domain,
		.fips = strstr(kind, "fips"),
		.dualstack = strstr(kind, "dual"),
	};

	return endpoint_build(&wish, endpoint, err);
}

static void endpoints_follow_region_domain_and_kind(void **state)
{
	static const struct {
		const char *service;
		const char *region;
		const char *domain;
		const char *kind;
		const char *url;
	} rows[] = {
		{"ec2", "eu-west-1", "", "", "https://ec2.eu-west-1.amazonaws.com/"},
		{"ssm", "us-east-1", "amazonaws.com", "", "https://ssm.us-east-1.amazonaws.com/"},
		{"sts", "us-east-1", "", "", "https://sts.us-east-1.amazonaws.com/"},
		{"ec2", "cn-north-1", "", "", "https://ec2.cn-north-1.amazonaws.com.cn/"},
		{"ec2", "us-gov-west-1", "", "", "https://ec2.us-gov-west-1.amazonaws.com/"},
		{"ssm", "eusc-de-east-1", "", "", "https://ssm.eusc-de-east-1.amazonaws.eu/"},
		{"ec2", "us-iso-east-1", "", "", "https://ec2.us-iso-east-1.c2s.ic.gov/"},
		{"ec2", "us-isob-east-1", "", "", "https://ec2.us-isob-east-1.sc2s.sgov.gov/"},
		{"ec2", "eu-isoe-west-1", "", "", "https://ec2.eu-isoe-west-1.cloud.adc-e.uk/"},
		{"ec2", "us-isof-east-1", "", "", "https://ec2.us-isof-east-1.csp.hci.ic.gov/"},
		{"ec2", "xx-new-1", "example.org", "", "https://ec2.xx-new-1.example.org/"},
		{"ec2", "us-east-1", "", "fips", "https://ec2-fips.us-east-1.amazonaws.com/"},
		{"ssm", "us-gov-west-1", "", "fips", "https://ssm.us-gov-west-1.amazonaws.com/"},
		{"ssm", "eusc-de-east-1", "", "fips",
		 "https://ssm-fips.eusc-de-east-1.amazonaws.eu/"},
		{"ec2", "us-east-1", "amazonaws.com", "dual", "https://ec2.us-east-1.api.aws/"},
		{"ec2", "cn-north-1", "", "dual",
		 "https://ec2.cn-north-1.api.amazonwebservices.com.cn/"},
		{"sts", "us-gov-east-1", "", "dual", "https://sts.us-gov-east-1.api.aws/"},
		{"ssm", "eusc-de-east-1", "", "dual",
		 "https://ssm.eusc-de-east-1.api.amazonwebservices.eu/"},
		{"ec2", "us-east-2", "", "fips dual", "https://ec2-fips.us-east-2.api.aws/"},
		{"ec2", "us-gov-west-1", "", "fips dual",
		 "https://ec2-fips.us-gov-west-1.api.aws/"},
	};
	struct endpoint endpoint;
	struct err err = {""};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		assert_int_equal(build(rows[i].service, rows[i].region, rows[i].domain,
				       rows[i].kind, &endpoint, NULL),
				 0);
		assert_string_equal(endpoint.url, rows[i].url);
		assert_int_equal(endpoint.port, 443);
		assert_false(endpoint.literal);
	}
	assert_int_equal(build("ec2", "eu/west", "", "", &endpoint, NULL), -1);
	assert_int_equal(build("ec2", "", "", "", &endpoint, NULL), -1);
	assert_int_equal(build("ec2", "eu-west-1", "a@b", "", &endpoint, NULL), -1);
	assert_int_equal(build("ec2", "us-iso-east-1", "", "dual", &endpoint, &err), -1);
	assert_non_null(strstr(err.text, "has no dual-stack endpoints"));
}

static void overrides_are_scheme_host_and_port_and_no_more(void **state)
{
	static const struct {
		const char *text;
		const char *authority; /* NULL: refused */
		bool literal;
	} rows[] = {
		{"https://ec2.eu-west-1.amazonaws.com", "ec2.eu-west-1.amazonaws.com", false},
		{"https://vpce-1.ec2.eu-west-1.vpce.amazonaws.com/",
		 "vpce-1.ec2.eu-west-1.vpce.amazonaws.com", false},
		{"https://h:443", "h", false},
		{"https://h:8443/", "h:8443", false},
		{"http://127.0.0.1:80", "127.0.0.1", true},
		{"http://127.0.0.1:5000", "127.0.0.1:5000", true},
		{"http://[fd00:ec2::254]", "[fd00:ec2::254]", true},
		{"http://[::1]:5000/", "[::1]:5000", true},
		{"ftp://h", NULL, false},
		{"h", NULL, false},
		{"https://", NULL, false},
		{"https://u@h", NULL, false},
		{"https://u:p@h", NULL, false},
		{"https://h/x", NULL, false},
		{"https://h?x", NULL, false},
		{"https://h#x", NULL, false},
		{"https://h:0", NULL, false},
		{"https://h:65536", NULL, false},
		{"https://h:99999999999999999999", NULL, false},
		{"https://h:+1", NULL, false},
		{"https://h:1x", NULL, false},
		{"https://h\r\nX: y", NULL, false},
		{"https://[::1", NULL, false},
		{"https://[h]", NULL, false},
		{"https://[127.0.0.1]", NULL, false},
	};
	struct endpoint endpoint;
	struct err err;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		err.text[0] = '\0';
		if (!rows[i].authority) {
			if (endpoint_parse(rows[i].text, true, &endpoint, &err) != -1)
				fail_msg("accepted: %s", rows[i].text);
			assert_string_not_equal(err.text, "");
			continue;
		}
		assert_int_equal(endpoint_parse(rows[i].text, true, &endpoint, &err), 0);
		assert_string_equal(endpoint.authority, rows[i].authority);
		assert_int_equal(endpoint.literal, rows[i].literal);
	}
	assert_int_equal(endpoint_parse("http://h", false, &endpoint, NULL), -1);
	assert_int_equal(endpoint_parse("https://h", false, &endpoint, NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(credentials_are_read_and_wiped),
		cmocka_unit_test(a_200_with_another_code_is_an_error_with_its_reason),
		cmocka_unit_test(unusable_credentials_leave_nothing_behind),
		cmocka_unit_test(the_next_refresh_is_a_quarter_of_an_hour_before_the_end),
		cmocka_unit_test(endpoints_follow_region_domain_and_kind),
		cmocka_unit_test(overrides_are_scheme_host_and_port_and_no_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
