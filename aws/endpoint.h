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

/* https://<service>.<region>.<domain>/. @domain "" = the region's own. 0 or -1. */
int endpoint_build(const char *service, const char *region, const char *domain,
		   struct endpoint *endpoint, struct err *err);

/* "cn-north-1" -> "amazonaws.com.cn": for when IMDS does not say. */
const char *endpoint_domain(const char *region);

/* Letters, digits, dashes, and dots where @dots: a region, an id, a domain. */
bool endpoint_word(const char *word, bool dots);

#endif
