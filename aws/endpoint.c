/* SPDX-License-Identifier: MIT */
/*
 * Host names of the services and the reading of an override. May not look
 * anything up. The table of domains is that of the AWS SDKs' rule sets.
 */
#include "aws/endpoint.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/base/ip.h"

static const struct partition {
	const char *prefix;
	const char *domain;
	const char *dualstack; /* NULL = the partition has none */
	bool fips_is_plain;    /* its ordinary names are FIPS endpoints */
} partitions[] = {
	{"cn-", "amazonaws.com.cn", "api.amazonwebservices.com.cn", false},
	{"us-gov-", "amazonaws.com", "api.aws", true},
	{"eusc-", "amazonaws.eu", "api.amazonwebservices.eu", false},
	{"us-iso-", "c2s.ic.gov", NULL, false},
	{"us-isob-", "sc2s.sgov.gov", NULL, false},
	{"eu-isoe-", "cloud.adc-e.uk", NULL, false},
	{"us-isof-", "csp.hci.ic.gov", NULL, false},
	{"", "amazonaws.com", "api.aws", false},
};

static const struct partition *partition_of(const char *region)
{
	size_t i = 0;

	while (strncmp(region, partitions[i].prefix, strlen(partitions[i].prefix)) != 0)
		i++; /* ends at "" */
	return &partitions[i];
}

const char *endpoint_domain(const char *region, bool dualstack)
{
	const struct partition *partition = partition_of(region);

	return dualstack ? partition->dualstack : partition->domain;
}

bool endpoint_word(const char *word, bool dots)
{
	for (const char *c = word; *c; c++)
		if (!(*c >= 'a' && *c <= 'z') && !(*c >= 'A' && *c <= 'Z') &&
		    !(*c >= '0' && *c <= '9') && *c != '-' && !(dots && *c == '.'))
			return false;
	return *word;
}

static void spell(struct endpoint *endpoint)
{
	bool six = strchr(endpoint->host, ':');
	char port[8] = "";

	if (endpoint->port != (endpoint->tls ? 443 : 80))
		(void)snprintf(port, sizeof(port), ":%u", endpoint->port);
	(void)snprintf(endpoint->authority, sizeof(endpoint->authority), "%s%s%s%s", six ? "[" : "",
		       endpoint->host, six ? "]" : "", port);
	(void)snprintf(endpoint->url, sizeof(endpoint->url), "%s://%s/",
		       endpoint->tls ? "https" : "http", endpoint->authority);
}

/* ":port" or "" or "/"; anything else is not an endpoint. */
static int parse_port(const char *rest, struct endpoint *endpoint)
{
	char *end = NULL;
	unsigned long port;

	if (*rest == ':') {
		if (rest[1] < '0' || rest[1] > '9')
			return -1;
		port = strtoul(rest + 1, &end, 10);
		if (port < 1 || port > UINT16_MAX)
			return -1;
		endpoint->port = (uint16_t)port;
		rest = end;
	}
	return *rest == '\0' || strcmp(rest, "/") == 0 ? 0 : -1;
}

/* "host", "1.2.3.4" or "[::1]" at the start of @text; *@rest is what follows. */
static int parse_host(const char *text, struct endpoint *endpoint, const char **rest)
{
	bool bracket = *text == '[';
	size_t length;
	struct ip ip;

	text += bracket;
	length = strcspn(text, bracket ? "]" : ":/?#@");
	if (length == 0 || length >= sizeof(endpoint->host))
		return -1;
	memcpy(endpoint->host, text, length);
	endpoint->host[length] = '\0';
	*rest = text + length;
	endpoint->literal = ip_parse(endpoint->host, &ip) == 0;
	if (!bracket)
		return endpoint_word(endpoint->host, true) ? 0 : -1;
	if (!endpoint->literal || ip.family != AF_INET6 || **rest != ']')
		return -1;
	(*rest)++;
	return 0;
}

int endpoint_parse(const char *url, bool allow_http, struct endpoint *endpoint, struct err *err)
{
	const char *rest = NULL;
	const char *text;

	memset(endpoint, 0, sizeof(*endpoint));
	if (strncmp(url, "https://", 8) == 0) {
		endpoint->tls = true;
		endpoint->port = 443;
		text = url + 8;
	} else if (strncmp(url, "http://", 7) == 0) {
		endpoint->port = 80;
		text = url + 7;
	} else {
		return err_set(err, "endpoint '%s': must begin with https://", url);
	}
	if (!endpoint->tls && !allow_http)
		return err_set(err, "endpoint '%s': plain http is not allowed here", url);
	if (parse_host(text, endpoint, &rest) < 0 || parse_port(rest, endpoint) < 0)
		return err_set(err, "endpoint '%s': must be scheme://host[:port] and no more", url);
	spell(endpoint);
	return 0;
}

int endpoint_build(const struct endpoint_wish *wish, struct endpoint *endpoint, struct err *err)
{
	const struct partition *partition = partition_of(wish->region);
	const char *domain = wish->domain;
	bool suffix = wish->fips && !(partition->fips_is_plain && !wish->dualstack);
	int used;

	memset(endpoint, 0, sizeof(*endpoint));
	if (!*domain || wish->dualstack) /* IMDS names the ordinary domain only */
		domain = endpoint_domain(wish->region, wish->dualstack);
	if (!domain)
		return err_set(err, "region '%.64s' has no dual-stack endpoints: use_dualstack off",
			       wish->region);
	used = snprintf(endpoint->host, sizeof(endpoint->host), "%s%s.%s.%s", wish->service,
			suffix ? "-fips" : "", wish->region, domain);
	if (!endpoint_word(wish->region, false) || !endpoint_word(domain, true) || used < 0 ||
	    (size_t)used >= sizeof(endpoint->host))
		return err_set(err, "region '%.64s' and domain '%.64s' make no host name",
			       wish->region, domain);
	endpoint->tls = true;
	endpoint->port = 443;
	spell(endpoint);
	return 0;
}
