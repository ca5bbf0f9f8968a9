/* SPDX-License-Identifier: MIT */
/*
 * What the worker goes by, put together once at start: the configuration
 * first, and where it is silent the variables that AWS's SDKs read. No
 * secrets: those are read from the environment when they are needed
 * (aws/chain.h). Proxy variables are not among them: a daemon is not led
 * elsewhere by what happens to be exported.
 *
 *   AWS_REGION, AWS_DEFAULT_REGION, AWS_PROFILE, AWS_SHARED_CREDENTIALS_FILE,
 *   AWS_CONFIG_FILE, AWS_USE_FIPS_ENDPOINT, AWS_USE_DUALSTACK_ENDPOINT,
 *   AWS_ENDPOINT_URL_EC2, _SSM, _STS, AWS_ENDPOINT_URL,
 *   AWS_IGNORE_CONFIGURED_ENDPOINT_URLS, AWS_CA_BUNDLE,
 *   AWS_EC2_METADATA_SERVICE_ENDPOINT, _MODE, AWS_EC2_METADATA_DISABLED
 *
 * AWS_METADATA_SERVICE_TIMEOUT and _NUM_ATTEMPTS, AWS_MAX_ATTEMPTS and
 * AWS_RETRY_MODE are not: how long and how often is asked is the protocol's.
 */
#ifndef AWS_SETTINGS_H
#define AWS_SETTINGS_H

#include <limits.h>
#include <net/if.h>
#include <stdbool.h>

#include "aws/aws.h"
#include "aws/endpoint.h"
#include "aws/profile.h"

struct settings {
	char region[64]; /* "" = nobody said */
	char ec2[ENDPOINT_URL_MAX];
	char ssm[ENDPOINT_URL_MAX];
	char sts[ENDPOINT_URL_MAX];
	char imds[ENDPOINT_URL_MAX];
	char imds_problem[256];	      /* why it cannot be asked, "" = it can */
	char proxy[ENDPOINT_URL_MAX]; /* "" = none */
	char ca_file[PATH_MAX];	      /* "" = the system's */
	char profile[128];
	bool profile_chosen; /* by the configuration or AWS_PROFILE: no other source counts */
	char credentials_file[PATH_MAX];
	char config_file[PATH_MAX];
	char role_arn[AWS_ARN_MAX]; /* for the route tables; "" = none */
	char external_id[AWS_EXTERNAL_ID_MAX];
	char session[64];		     /* "" = zonevip-<instance id> */
	struct {			     /* of the profile: assumed for everything */
		char arn[PROFILE_VALUE_MAX]; /* "" = none */
		char external_id[PROFILE_VALUE_MAX];
		char session[PROFILE_NAME_MAX];
	} own;
	char interfaces[AWS_INTERFACES_MAX][IFNAMSIZ];
	unsigned int interface_count;
	bool allow_http;
	bool fips;
	bool dualstack;
	mono_us warm;
	unsigned int watch;  /* aws_config.watch */
	unsigned int budget; /* calls an hour, 0 = no limit */
	bool read_only;
};

void settings_load(struct settings *settings, const struct aws_config *config);

#endif
