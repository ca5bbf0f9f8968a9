/* SPDX-License-Identifier: MIT */
/*
 * The order of precedence, in one place. May not judge a value: who uses it
 * does, and says what is wrong with it.
 */
#include "aws/settings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char *from_environment(const char *name)
{
	const char *value = getenv(name);

	return value ? value : "";
}

static bool is_true(const char *name)
{
	return strcasecmp(from_environment(name), "true") == 0;
}

/* The first of two that is not empty. */
static const char *first(const char *a, const char *b)
{
	return a && *a ? a : b;
}

static void copy(char *out, size_t size, const char *text)
{
	size_t length = text ? strnlen(text, size - 1) : 0;

	memcpy(out, text ? text : "", length);
	out[length] = '\0';
}

/* Configuration, then the variable of the service, then the one for all. */
static void set_endpoint(char out[static ENDPOINT_URL_MAX], const char *configured,
			 const char *variable)
{
	const char *standing = "";

	if (!is_true("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"))
		standing = first(from_environment(variable), from_environment("AWS_ENDPOINT_URL"));
	copy(out, ENDPOINT_URL_MAX, first(configured, standing));
}

static void set_file(char out[static PATH_MAX], const char *configured, const char *variable,
		     const char *below_home)
{
	const char *home = from_environment("HOME");
	const char *path = first(configured, from_environment(variable));

	if (*path || *home != '/')
		copy(out, PATH_MAX, path);
	else if (snprintf(out, PATH_MAX, "%s/.aws/%s", home, below_home) >= PATH_MAX)
		out[0] = '\0';
}

/* The two addresses at which every instance finds its metadata, never off the host. */
#define IMDS_V4 "http://169.254.169.254"
#define IMDS_V6 "http://[fd00:ec2::254]"

static bool same(const char *url, size_t length, const char *other)
{
	return length == strlen(other) && strncmp(url, other, length) == 0;
}

/* The configuration's is checked when it is loaded; a variable's is here. */
static void set_imds(struct settings *settings, const struct aws_config *config)
{
	const char *url = from_environment("AWS_EC2_METADATA_SERVICE_ENDPOINT");
	size_t length = strlen(url);
	bool six =
		strcasecmp(from_environment("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE"), "IPv6") == 0;

	copy(settings->imds, sizeof(settings->imds),
	     first(config->imds_endpoint, first(url, six ? IMDS_V6 : IMDS_V4)));
	if (is_true("AWS_EC2_METADATA_DISABLED")) {
		copy(settings->imds_problem, sizeof(settings->imds_problem),
		     "AWS_EC2_METADATA_DISABLED is true, but who this host is stands nowhere else: "
		     "take it out of the environment");
		return;
	}
	if (config->imds_endpoint && *config->imds_endpoint)
		return;
	length -= length > 0 && url[length - 1] == '/';
	if (strncmp(url, "http://", 7) == 0 && !config->allow_http && !same(url, length, IMDS_V4) &&
	    !same(url, length, IMDS_V6))
		copy(settings->imds_problem, sizeof(settings->imds_problem),
		     "AWS_EC2_METADATA_SERVICE_ENDPOINT would be talked to without TLS: only the "
		     "two "
		     "link-local addresses may be, or set 'allow_http' for a test double");
}

static void set_interfaces(struct settings *settings, const struct aws_config *config)
{
	unsigned int count = config->interface_count;

	settings->interface_count = count < AWS_INTERFACES_MAX ? count : AWS_INTERFACES_MAX;
	for (unsigned int i = 0; i < settings->interface_count; i++)
		copy(settings->interfaces[i], IFNAMSIZ, config->interfaces[i]);
}

/*
 * What a profile says beside its keys, read once: a role or a region that
 * changes under a running daemon would change what it is. A file that cannot
 * be read is complained about when its keys are wanted.
 */
static void peek_at_profile(struct settings *settings)
{
	struct profile *profile = calloc(1, sizeof(*profile));

	if (profile && profile_load(settings->credentials_file, settings->config_file,
				    settings->profile, profile, NULL) == 0) {
		if (!settings->region[0])
			copy(settings->region, sizeof(settings->region), profile->region);
		if (settings->profile_chosen || !getenv("AWS_ACCESS_KEY_ID")) {
			copy(settings->own.arn, sizeof(settings->own.arn), profile->role_arn);
			copy(settings->own.external_id, sizeof(settings->own.external_id),
			     profile->external_id);
			copy(settings->own.session, sizeof(settings->own.session),
			     profile->role_session_name);
		}
	}
	if (profile)
		profile_wipe(profile);
	free(profile);
}

void settings_load(struct settings *settings, const struct aws_config *config)
{
	const char *profile = first(config->profile, from_environment("AWS_PROFILE"));

	memset(settings, 0, sizeof(*settings));
	copy(settings->region, sizeof(settings->region),
	     first(config->region,
		   first(from_environment("AWS_REGION"), from_environment("AWS_DEFAULT_REGION"))));
	set_endpoint(settings->ec2, config->endpoint_ec2, "AWS_ENDPOINT_URL_EC2");
	set_endpoint(settings->ssm, config->endpoint_ssm, "AWS_ENDPOINT_URL_SSM");
	set_endpoint(settings->sts, config->endpoint_sts, "AWS_ENDPOINT_URL_STS");
	set_imds(settings, config);
	copy(settings->ca_file, sizeof(settings->ca_file),
	     first(config->ca_file,
		   *first(config->ca_path, "") ? "" : from_environment("AWS_CA_BUNDLE")));
	copy(settings->proxy, sizeof(settings->proxy), config->proxy);
	settings->profile_chosen = *profile;
	copy(settings->profile, sizeof(settings->profile), first(profile, "default"));
	set_file(settings->credentials_file, config->credentials_file,
		 "AWS_SHARED_CREDENTIALS_FILE", "credentials");
	set_file(settings->config_file, config->config_file, "AWS_CONFIG_FILE", "config");
	copy(settings->role_arn, sizeof(settings->role_arn), config->role_arn);
	copy(settings->external_id, sizeof(settings->external_id), config->external_id);
	copy(settings->session, sizeof(settings->session), config->role_session_name);
	set_interfaces(settings, config);
	settings->allow_http = config->allow_http;
	settings->fips = config->use_fips || is_true("AWS_USE_FIPS_ENDPOINT");
	settings->dualstack = config->use_dualstack || is_true("AWS_USE_DUALSTACK_ENDPOINT");
	settings->warm = config->warm;
	settings->watch = config->watch;
	settings->budget = config->budget;
	settings->read_only = config->read_only;
	peek_at_profile(settings);
}
