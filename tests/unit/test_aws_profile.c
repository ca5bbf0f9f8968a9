/* SPDX-License-Identifier: MIT */
/*
 * The shared profile files, AssumeRole's body and answer, and what the
 * configuration and the environment say together.
 */
#define _GNU_SOURCE /* asprintf */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "aws/profile.h"
#include "aws/settings.h"
#include "aws/sts.h"

/* --- profiles ------------------------------------------------------------------------ */

static struct profile profile;

static void read_text(const char *text, bool config, const char *name)
{
	profile_wipe(&profile);
	profile_read(text, strlen(text), config, name, &profile);
}

static void a_profile_ends_where_the_next_one_begins(void **state)
{
	static const char text[] = "# a comment\n"
				   "[default]\r\n"
				   "aws_access_key_id = AKIADEFAULT\r\n"
				   "[prod]\n"
				   "AWS_Access_Key_Id=AKIAPROD\n"
				   "; aws_secret_access_key = no\n"
				   "aws_secret_access_key =  s/+= #x \n"
				   "aws_session_token\t=\tt==\n"
				   "unknown = 1\nno equals sign\n"
				   "[other]\naws_access_key_id = AKIAOTHER\n";

	(void)state;
	read_text(text, false, "prod");
	assert_true(profile.found);
	assert_string_equal(profile.access_key, "AKIAPROD");
	assert_string_equal(profile.secret_key, "s/+= #x");
	assert_string_equal(profile.token, "t==");
	read_text(text, false, "default");
	assert_string_equal(profile.access_key, "AKIADEFAULT");
	assert_string_equal(profile.secret_key, "");
	read_text(text, false, "pro");
	assert_false(profile.found);
	assert_string_equal(profile.access_key, "");
}

static void the_config_file_says_profile_before_a_name(void **state)
{
	static const char text[] = "[default]\nregion = eu-west-1\n"
				   "[prod]\nregion = wrong\n"
				   "[profile prod]\n"
				   "role_arn = arn:aws:iam::1:role/x\n"
				   "s3 =\n"
				   "  region = nested\n"
				   "source_profile = base\n"
				   "external_id = e-1\n"
				   "role_session_name = me\n"
				   "credential_source = Environment\n"
				   "[profile \"two words\"]\nregion = us-east-2\n";

	(void)state;
	read_text(text, true, "prod");
	assert_string_equal(profile.region, "");
	assert_string_equal(profile.role_arn, "arn:aws:iam::1:role/x");
	assert_string_equal(profile.source_profile, "base");
	assert_string_equal(profile.external_id, "e-1");
	assert_string_equal(profile.role_session_name, "me");
	assert_string_equal(profile.credential_source, "Environment");
	read_text(text, true, "default");
	assert_string_equal(profile.region, "eu-west-1");
	read_text(text, true, "two words");
	assert_string_equal(profile.region, "us-east-2");
}

static void a_value_that_does_not_fit_is_not_cut(void **state)
{
	char text[512];

	(void)state;
	memset(text, 'A', sizeof(text));
	memcpy(text, "[p]\naws_access_key_id = ", 24);
	text[sizeof(text) - 1] = '\0';
	read_text(text, false, "p");
	assert_true(profile.cut);
	assert_string_equal(profile.access_key, "");
}

static void any_bytes_are_only_skipped(void **state)
{
	static const char *const texts[] = {
		"[",	    "]",	  "[]",		 "=",
		"[p]\n=",   "[p]\nx",	  "[profile]\n", "[p]\naws_access_key_id",
		"\n\n\r\n", "[p\n[p]]\n="};
	static const char zero[] = "[p]\naws_access_key_id = A\0B\n";

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		read_text(texts[i], false, "p");
		read_text(texts[i], true, "p");
		assert_string_equal(profile.access_key, "");
	}
	profile_wipe(&profile);
	profile_read(zero, sizeof(zero) - 1, false, "p", &profile);
	assert_true(profile.cut);
}

static char folder[64];

static int make_folder(void **state)
{
	(void)state;
	(void)snprintf(folder, sizeof(folder), "/tmp/zonevip-profile-XXXXXX");
	return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
	char command[128];

	(void)state;
	(void)snprintf(command, sizeof(command), "rm -rf '%s'", folder);
	return system(command); /* a test's own folder */
}

static const char *write_file(const char *name, const char *text, mode_t mode)
{
	static char paths[4][128];
	static unsigned int next;
	char *path = paths[next++ % 4];
	FILE *file;

	(void)snprintf(path, sizeof(paths[0]), "%s/%s", folder, name);
	file = fopen(path, "w");
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(chmod(path, mode), 0);
	return path;
}

static void the_credentials_file_wins_over_the_config_file(void **state)
{
	const char *credentials = write_file("credentials", "[p]\naws_access_key_id = ONE\n", 0600);
	const char *config =
		write_file("config", "[profile p]\naws_access_key_id = TWO\nregion = r\n", 0644);
	struct err err = {""};

	(void)state;
	assert_int_equal(profile_load(credentials, config, "p", &profile, &err), 0);
	assert_string_equal(profile.access_key, "ONE");
	assert_string_equal(profile.region, "r");
	assert_int_equal(profile_load("", config, "p", &profile, &err), 0);
	assert_string_equal(profile.access_key, "TWO");
	assert_int_equal(profile_load("/nonexistent/x", "", "p", &profile, &err), 0);
	assert_false(profile.found);
}

static void a_secret_that_others_can_read_is_refused_with_the_fix(void **state)
{
	const char *path =
		write_file("open", "[p]\naws_secret_access_key = s3cret\nregion = r\n", 0640);
	struct err err = {""};

	(void)state;
	assert_int_equal(profile_load(path, "", "p", &profile, &err), -1);
	assert_non_null(strstr(err.text, "chmod 0600"));
	assert_null(strstr(err.text, "s3cret"));
	assert_string_equal(profile.secret_key, "");
}

static void what_is_no_plain_file_of_fitting_size_is_refused(void **state)
{
	char *big = malloc(PROFILE_FILE_MAX + 2);
	struct err err = {""};
	char fifo[128];

	(void)state;
	assert_non_null(big);
	memset(big, '\n', PROFILE_FILE_MAX + 1);
	big[PROFILE_FILE_MAX + 1] = '\0';
	assert_int_equal(profile_load(write_file("big", big, 0600), "", "p", &profile, &err), -1);
	assert_non_null(strstr(err.text, "is longer than 65536 bytes"));
	free(big);
	(void)snprintf(fifo, sizeof(fifo), "%s/fifo", folder);
	assert_int_equal(mkfifo(fifo, 0600), 0);
	err.text[0] = '\0';
	assert_int_equal(profile_load(fifo, "", "p", &profile, &err), -1);
	assert_non_null(strstr(err.text, "is no plain file"));
	err.text[0] = '\0';
	assert_int_equal(profile_load(folder, "", "p", &profile, &err), -1);
}

/* --- AssumeRole ------------------------------------------------------------------------ */

static void a_role_is_asked_for_by_form(void **state)
{
	struct sts_role role = {"arn:aws:iam::123456789012:role/a/b", "e+/ 1", "zonevip-i-0aa"};
	struct buf body;

	(void)state;
	buf_init(&body, STS_BODY_MAX);
	sts_assume(&body, &role);
	assert_string_equal(body.data,
			    "Action=AssumeRole&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A"
			    "123456789012%3Arole%2Fa%2Fb&RoleSessionName=zonevip-i-0aa&"
			    "DurationSeconds=3600&ExternalId=e%2B%2F%201");
	role.external_id = "";
	buf_clear(&body);
	sts_assume(&body, &role);
	assert_null(strstr(body.data, "ExternalId"));
	buf_free(&body);
}

static void a_session_name_holds_what_sts_takes(void **state)
{
	static const char *const rows[][2] = {
		{"zonevip-i-0aa", "zonevip-i-0aa"},
		{"a b/c\xc3\xa4", "a-b-c--"},
		{"", "--"},
		{"x", "x-"},
		{"_+=,.@-0Az", "_+=,.@-0Az"},
	};
	char session[STS_SESSION_MAX];
	char longer[100];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		sts_session(rows[i][0], session);
		assert_string_equal(session, rows[i][1]);
	}
	memset(longer, 'l', sizeof(longer));
	longer[sizeof(longer) - 1] = '\0';
	sts_session(longer, session);
	assert_int_equal(strlen(session), 64);
}

#define ASSUMED(key, secret, token, until)                                                         \
	"<AssumeRoleResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">"                 \
	"<AssumeRoleResult><AssumedRoleUser><Arn>a</Arn></AssumedRoleUser><Credentials>"           \
	"<AccessKeyId>" key "</AccessKeyId><SecretAccessKey>" secret "</SecretAccessKey>"          \
	"<SessionToken>" token "</SessionToken><Expiration>" until "</Expiration>"                 \
	"</Credentials></AssumeRoleResult></AssumeRoleResponse>"
#define UNTIL "2017-05-17T15:09:54Z"

static int read_assumed(const char *xml, struct creds *creds, struct err *err)
{
	err->text[0] = '\0';
	return sts_read_assumed(xml, strlen(xml), creds, err);
}

static void an_assumed_role_is_read(void **state)
{
	struct creds creds;
	struct err err;

	(void)state;
	assert_int_equal(read_assumed(ASSUMED("ASIAR", "s/+", "t/+=", UNTIL), &creds, &err), 0);
	assert_string_equal(creds.access_key, "ASIAR");
	assert_string_equal(creds.secret_key, "s/+");
	assert_string_equal(creds.token, "t/+=");
	assert_true(creds.expires == 1495033794);
}

static void half_a_role_is_none_and_no_secret_is_quoted(void **state)
{
	static const char *const bad[] = {
		ASSUMED("", "s3cret", "t0ken", UNTIL),
		ASSUMED("ASIAR", "", "t0ken", UNTIL),
		ASSUMED("ASIAR", "s3cret", "", UNTIL),
		ASSUMED("ASIAR", "s3cret", "t0ken", "tomorrow"),
		ASSUMED("ASIAR", "s3 cret", "t0ken", UNTIL),
		"<AssumeRoleResponse><AssumeRoleResult/></AssumeRoleResponse>",
		"<Other/>",
		"<AssumeRoleResponse>",
		"{}",
	};
	static const struct creds none;
	struct creds creds;
	struct err err;
	char *xml;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(read_assumed(bad[i], &creds, &err), -EBADMSG);
		assert_string_not_equal(err.text, "");
		assert_null(strstr(err.text, "s3cret"));
		assert_null(strstr(err.text, "t0ken"));
		assert_memory_equal(&creds, &none, sizeof(creds));
	}
	/* A token that the walker cut would be signed and refused: it is not taken. */
	assert_true(asprintf(&xml, ASSUMED("ASIAR", "s", "%020000d", UNTIL), 0) > 0);
	assert_int_equal(read_assumed(xml, &creds, &err), -EBADMSG);
	free(xml);
}

/* --- settings ----------------------------------------------------------------------------- */

static struct settings settings;

static const char *const variables[] = {
	"AWS_REGION",
	"AWS_DEFAULT_REGION",
	"AWS_PROFILE",
	"AWS_ENDPOINT_URL",
	"AWS_ENDPOINT_URL_EC2",
	"AWS_ENDPOINT_URL_SSM",
	"AWS_ENDPOINT_URL_STS",
	"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
	"AWS_USE_FIPS_ENDPOINT",
	"AWS_USE_DUALSTACK_ENDPOINT",
	"AWS_SHARED_CREDENTIALS_FILE",
	"AWS_CONFIG_FILE",
	"AWS_ACCESS_KEY_ID",
	"AWS_CA_BUNDLE",
	"AWS_EC2_METADATA_SERVICE_ENDPOINT",
	"AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE",
	"AWS_EC2_METADATA_DISABLED",
	"HOME",
};

static int clean_environment(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(variables) / sizeof(variables[0]); i++)
		(void)unsetenv(variables[i]);
	return 0;
}

static void set(const char *name, const char *value)
{
	assert_int_equal(setenv(name, value, 1), 0);
}

static void the_configuration_comes_before_the_environment(void **state)
{
	const struct aws_config config = {.region = "eu-west-1",
					  .endpoint_ec2 = "https://conf-ec2",
					  .profile = "conf",
					  .credentials_file = "/conf/credentials"};
	const struct aws_config silent = {.region = ""};

	(void)state;
	settings_load(&settings, &silent);
	assert_string_equal(settings.region, "");
	assert_string_equal(settings.ec2, "");
	assert_string_equal(settings.profile, "default");
	assert_false(settings.profile_chosen);
	assert_string_equal(settings.credentials_file, "");
	set("AWS_REGION", "us-east-1");
	set("AWS_DEFAULT_REGION", "us-east-2");
	set("AWS_ENDPOINT_URL", "https://all");
	set("AWS_ENDPOINT_URL_SSM", "https://ssm");
	set("AWS_PROFILE", "env");
	set("HOME", "/home/x");
	set("AWS_USE_FIPS_ENDPOINT", "TRUE");
	set("https_proxy", "http://elsewhere:1");
	settings_load(&settings, &silent);
	assert_string_equal(settings.region, "us-east-1");
	assert_string_equal(settings.ec2, "https://all");
	assert_string_equal(settings.ssm, "https://ssm");
	assert_string_equal(settings.sts, "https://all");
	assert_string_equal(settings.proxy, "");
	assert_string_equal(settings.profile, "env");
	assert_true(settings.profile_chosen);
	assert_string_equal(settings.credentials_file, "/home/x/.aws/credentials");
	assert_string_equal(settings.config_file, "/home/x/.aws/config");
	assert_true(settings.fips);
	assert_false(settings.dualstack);
	settings_load(&settings, &config);
	assert_string_equal(settings.region, "eu-west-1");
	assert_string_equal(settings.ec2, "https://conf-ec2");
	assert_string_equal(settings.ssm, "https://ssm");
	assert_string_equal(settings.profile, "conf");
	assert_string_equal(settings.credentials_file, "/conf/credentials");
	set("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true");
	settings_load(&settings, &config);
	assert_string_equal(settings.ec2, "https://conf-ec2");
	assert_string_equal(settings.ssm, "");
}

/* What a variable does where the configuration is silent, and that it does nothing where it is not.
 */
static void every_variable_counts_where_the_configuration_is_silent(void **state)
{
#define WHERE(field) offsetof(struct settings, field)
	static const struct {
		const char *name, *value, *there;
		size_t at;
		const char *expected;
	} rows[] = {
		{"AWS_REGION", "us-east-1", "conf", WHERE(region), "us-east-1"},
		{"AWS_DEFAULT_REGION", "us-east-2", "conf", WHERE(region), "us-east-2"},
		{"AWS_PROFILE", "env", "conf", WHERE(profile), "env"},
		{"AWS_SHARED_CREDENTIALS_FILE", "/e/cred", "/conf", WHERE(credentials_file),
		 "/e/cred"},
		{"AWS_CONFIG_FILE", "/e/conf", "/conf", WHERE(config_file), "/e/conf"},
		{"AWS_ENDPOINT_URL", "https://all", "https://conf", WHERE(ec2), "https://all"},
		{"AWS_ENDPOINT_URL", "https://all", "https://conf", WHERE(ssm), "https://all"},
		{"AWS_ENDPOINT_URL", "https://all", "https://conf", WHERE(sts), "https://all"},
		{"AWS_ENDPOINT_URL_EC2", "https://e", "https://conf", WHERE(ec2), "https://e"},
		{"AWS_ENDPOINT_URL_SSM", "https://s", "https://conf", WHERE(ssm), "https://s"},
		{"AWS_ENDPOINT_URL_STS", "https://t", "https://conf", WHERE(sts), "https://t"},
		{"AWS_CA_BUNDLE", "/e/ca.pem", "/conf/ca.pem", WHERE(ca_file), "/e/ca.pem"},
		{"AWS_EC2_METADATA_SERVICE_ENDPOINT", "https://10.1.1.1/", "https://10.2.2.2",
		 WHERE(imds), "https://10.1.1.1/"},
		{"AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "IPv6", "https://10.2.2.2", WHERE(imds),
		 "http://[fd00:ec2::254]"},
	};
#undef WHERE

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *there = rows[i].there;
		const struct aws_config silent = {.region = ""};
		const struct aws_config says = {.region = there,
						.profile = there,
						.credentials_file = there,
						.config_file = there,
						.endpoint_ec2 = there,
						.endpoint_ssm = there,
						.endpoint_sts = there,
						.ca_file = there,
						.imds_endpoint = there};
		const char *value = (const char *)&settings + rows[i].at;

		(void)clean_environment(state);
		settings_load(&settings, &silent);
		assert_string_not_equal(value, rows[i].expected);
		set(rows[i].name, rows[i].value);
		settings_load(&settings, &silent);
		assert_string_equal(value, rows[i].expected);
		settings_load(&settings, &says);
		assert_string_equal(value, there);
	}
	(void)clean_environment(state);
}

static void switches_in_the_environment_are_on_when_true(void **state)
{
	const struct aws_config silent = {.region = ""};

	(void)clean_environment(state);
	settings_load(&settings, &silent);
	assert_false(settings.fips || settings.dualstack);
	assert_string_equal(settings.imds, "http://169.254.169.254");
	assert_string_equal(settings.imds_problem, "");
	set("AWS_USE_DUALSTACK_ENDPOINT", "true");
	set("AWS_EC2_METADATA_DISABLED", "false");
	settings_load(&settings, &silent);
	assert_true(settings.dualstack && !settings.fips);
	assert_string_equal(settings.imds_problem, "");
	set("AWS_EC2_METADATA_DISABLED", "true");
	set("AWS_USE_FIPS_ENDPOINT", "True");
	settings_load(&settings, &silent);
	assert_true(settings.fips);
	assert_non_null(strstr(settings.imds_problem, "AWS_EC2_METADATA_DISABLED"));
	(void)clean_environment(state);
}

static void the_authorities_of_the_environment_do_not_join_a_directory_of_the_file(void **state)
{
	const struct aws_config config = {.ca_path = "/etc/ssl/certs"};

	(void)clean_environment(state);
	set("AWS_CA_BUNDLE", "/e/ca.pem");
	settings_load(&settings, &config);
	assert_string_equal(settings.ca_file, "");
	(void)clean_environment(state);
}

static void metadata_is_asked_without_tls_at_the_link_only(void **state)
{
	static const struct {
		const char *url;
		bool fine;
	} rows[] = {
		{"http://169.254.169.254", true},
		{"http://169.254.169.254/", true},
		{"http://[fd00:ec2::254]", true},
		{"http://169.254.169.25", false},
		{"http://169.254.169.254.evil.test", false},
		{"http://10.0.0.1", false},
		{"http://", false},
		{"https://10.0.0.1", true},
	};
	struct aws_config config = {.region = ""};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		(void)clean_environment(state);
		set("AWS_EC2_METADATA_SERVICE_ENDPOINT", rows[i].url);
		settings_load(&settings, &config);
		assert_int_equal(settings.imds_problem[0] == '\0', rows[i].fine);
		config.allow_http = true;
		settings_load(&settings, &config);
		assert_string_equal(settings.imds_problem, "");
		config.allow_http = false;
	}
	(void)clean_environment(state);
}

static void a_profile_gives_region_and_role(void **state)
{
	struct aws_config config = {.profile = "p"};

	(void)clean_environment(state);
	config.config_file = write_file("config2",
					"[profile p]\nregion = eu-north-1\nrole_arn = arn:r\n"
					"external_id = x\nrole_session_name = s\n",
					0644);
	settings_load(&settings, &config);
	assert_string_equal(settings.region, "eu-north-1");
	assert_string_equal(settings.own.arn, "arn:r");
	assert_string_equal(settings.own.external_id, "x");
	assert_string_equal(settings.own.session, "s");
	config.region = "eu-west-1";
	settings_load(&settings, &config);
	assert_string_equal(settings.region, "eu-west-1");
}

#define WITH_FOLDER(name) cmocka_unit_test_setup_teardown(name, make_folder, remove_folder)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_profile_ends_where_the_next_one_begins),
		cmocka_unit_test(the_config_file_says_profile_before_a_name),
		cmocka_unit_test(a_value_that_does_not_fit_is_not_cut),
		cmocka_unit_test(any_bytes_are_only_skipped),
		WITH_FOLDER(the_credentials_file_wins_over_the_config_file),
		WITH_FOLDER(a_secret_that_others_can_read_is_refused_with_the_fix),
		WITH_FOLDER(what_is_no_plain_file_of_fitting_size_is_refused),
		cmocka_unit_test(a_role_is_asked_for_by_form),
		cmocka_unit_test(a_session_name_holds_what_sts_takes),
		cmocka_unit_test(an_assumed_role_is_read),
		cmocka_unit_test(half_a_role_is_none_and_no_secret_is_quoted),
		cmocka_unit_test_setup(the_configuration_comes_before_the_environment,
				       clean_environment),
		cmocka_unit_test(every_variable_counts_where_the_configuration_is_silent),
		cmocka_unit_test(switches_in_the_environment_are_on_when_true),
		cmocka_unit_test(
			the_authorities_of_the_environment_do_not_join_a_directory_of_the_file),
		cmocka_unit_test(metadata_is_asked_without_tls_at_the_link_only),
		cmocka_unit_test_setup_teardown(a_profile_gives_region_and_role, make_folder,
						remove_folder),
	};

	(void)clean_environment(NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
