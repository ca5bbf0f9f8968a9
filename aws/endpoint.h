/* SPDX-License-Identifier: MIT */
/*
 * Where a service is reached: from region and domain, or from an address the
 * operator gave. Pure. The signing region never comes from a host name.
 */
#ifndef AWS_ENDPOINT_H
#define AWS_ENDPOINT_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/base/err.h"

#define ENDPOINT_HOST_MAX 256
#define ENDPOINT_URL_MAX 288

struct endpoint {
	bool tls;
	bool literal; /* an address, no name to look up */
	uint16_t port;
	char host[ENDPOINT_HOST_MAX];		/* without brackets */
	char authority[ENDPOINT_HOST_MAX + 16]; /* the Host header: port only if not the default */
	char url[ENDPOINT_URL_MAX];		/* scheme://authority/ */
};

/*
 * Takes scheme://host[:port][/]. Refuses, with a sentence in @err, user
 * names, paths, queries, and plain http unless @allow_http. 0 or -1.
 */
int endpoint_parse(const char *url, bool allow_http, struct endpoint *endpoint, struct err *err);

struct endpoint_wish {	     /* borrowed strings */
	const char *service; /* "ec2", "ssm", "sts" */
	const char *region;
	const char *domain; /* "" = the region's own */
	bool fips;
	bool dualstack;
};

/*
 * https://<service>[-fips].<region>.<domain>/. That a name can be built does
 * not say that AWS has it: FIPS names exist in the USA and Canada only. 0, or
 * -1 with @err, also where the partition has no dual-stack names at all.
 */
int endpoint_build(const struct endpoint_wish *wish, struct endpoint *endpoint, struct err *err);

/* "cn-north-1" -> "amazonaws.com.cn": for when IMDS does not say. NULL where @dualstack and
 * the partition has none. */
const char *endpoint_domain(const char *region, bool dualstack);

/* Letters, digits, dashes, and dots where @dots: a region, an id, a domain. */
bool endpoint_word(const char *word, bool dots);

#endif
