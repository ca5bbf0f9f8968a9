/* SPDX-License-Identifier: MIT */
/* From the configuration to what the AWS worker takes. */
#ifndef AGENT_AWSCONF_H
#define AGENT_AWSCONF_H

#include "agent/base/err.h"
#include "aws/aws.h"
#include "conf/conf.h"

/* Strings stay @all's. 0, or -1 with @err. */
int awsconf_fill(const struct conf *all, struct aws_config *config, struct err *err);

#endif
