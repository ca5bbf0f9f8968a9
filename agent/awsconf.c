/* SPDX-License-Identifier: MIT */
/*
 * What the AWS worker is told of the configuration, by the daemon and by the
 * doctor alike. May not interpret it.
 */
#include "agent/awsconf.h"

#include <string.h>

#define WARM (20 * SEC) /* connections are used so often at least */

/* Each device once: an instance's addresses live on the ENI of its own device. */
static int collect_interfaces(const struct conf *conf, struct aws_config *config, struct err *err)
{
	for (unsigned int i = 0; i < conf->instance_count; i++) {
		const char *name = conf->instances[i].interface;
		unsigned int at = 0;

		while (at < config->interface_count && strcmp(config->interfaces[at], name) != 0)
			at++;
		if (at < config->interface_count)
			continue;
		if (at == AWS_INTERFACES_MAX)
			return err_set(err, "more than %d interfaces: no EC2 instance has so many",
				       AWS_INTERFACES_MAX);
		config->interfaces[config->interface_count++] = name;
	}
	return 0;
}

int awsconf_fill(const struct conf *all, struct aws_config *config, struct err *err)
{
	const struct conf_aws *conf = &all->aws;

	*config = (struct aws_config){
		.region = conf->region,
		.endpoint_ec2 = conf->endpoint_url_ec2,
		.endpoint_ssm = conf->endpoint_url_ssm,
		.endpoint_sts = conf->endpoint_url_sts,
		.imds_endpoint = conf->imds_endpoint,
		.proxy = conf->proxy,
		.ca_file = conf->ca_file,
		.ca_path = conf->ca_path,
		.profile = conf->profile,
		.credentials_file = conf->credentials_file,
		.config_file = conf->config_file,
		.role_arn = conf->role_arn,
		.external_id = conf->external_id,
		.role_session_name = conf->role_session_name,
		.allow_http = conf->allow_http,
		.use_fips = conf->use_fips,
		.use_dualstack = conf->use_dualstack,
		.warm = WARM,
		.read_only = all->observe,
	};
	return collect_interfaces(all, config, err);
}
