/* SPDX-License-Identifier: MIT */
/*
 * Which of the nodes is this host: by the name given, by the host's own name,
 * by an address it carries. Never a guess: no match or two matches is an
 * error that says how to choose.
 */
#include "conf/load.h"

#include <errno.h>
#include <ifaddrs.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#ifndef HOST_NAME_MAX
#define HOST_NAME_MAX 64
#endif

/* "A, B, C" of the nodes. */
static void node_names(const struct conf *conf, char *text, size_t room)
{
	size_t used = 0;

	text[0] = '\0';
	for (unsigned int i = 0; i < conf->node_count && used < room; i++)
		used += (size_t)snprintf(text + used, room - used, "%s%s", i ? ", " : "",
					 conf->nodes[i].name);
}

static int no_self(const struct conf *conf, struct conf_tree *tree, const char *what)
{
	char names[256];

	node_names(conf, names, sizeof(names));
	return conf_fail(tree, &conf_where(tree, &conf->nodes[0])->name,
			 "%s; the nodes are %s; choose one with -i NAME", what, names);
}

static bool carried(const struct ip *address, const struct ifaddrs *list)
{
	for (const struct ifaddrs *one = list; one; one = one->ifa_next) {
		struct sockaddr_storage sa = {0};
		struct ip ip;
		size_t length = 0;

		if (!one->ifa_addr)
			continue;
		if (one->ifa_addr->sa_family == AF_INET)
			length = sizeof(struct sockaddr_in);
		else if (one->ifa_addr->sa_family == AF_INET6)
			length = sizeof(struct sockaddr_in6);
		memcpy(&sa, one->ifa_addr, length);
		if (ip_from_sockaddr(&sa, &ip) == 0 && ip_equal(&ip, address))
			return true;
	}
	return false;
}

static int find_by_address(struct conf *conf, struct conf_tree *tree, const char *host)
{
	unsigned int found = 0;
	struct ifaddrs *list;
	char what[HOST_NAME_MAX + 160];

	if (getifaddrs(&list) < 0) {
		(void)snprintf(what, sizeof(what), "the addresses of this host cannot be read: %s",
			       strerror(errno));
		return no_self(conf, tree, what);
	}
	for (unsigned int i = 0; i < conf->node_count; i++)
		if (carried(&conf->nodes[i].address, list)) {
			conf->self = i;
			found++;
		}
	freeifaddrs(list);
	if (found == 1)
		return 0;
	(void)snprintf(what, sizeof(what), "%s is this host (%s), by name or by address",
		       found ? "more than one" : "none", host);
	return no_self(conf, tree, what);
}

int conf_find_self(struct conf *conf, struct conf_tree *tree, const char *self_name)
{
	char host[HOST_NAME_MAX + 1] = "";
	char what[CONF_SHOWN_MAX + 32];
	int self;

	if (self_name) {
		self = conf_node_by_name(conf, self_name);
		(void)snprintf(what, sizeof(what), "none is named '%.*s'", CONF_SHOWN_MAX,
			       self_name);
		if (self < 0)
			return no_self(conf, tree, what);
		conf->self = (unsigned int)self;
		return 0;
	}
	if (gethostname(host, sizeof(host)) < 0)
		host[0] = '\0';
	host[sizeof(host) - 1] = '\0';
	host[strcspn(host, ".")] = '\0';
	self = conf_node_by_name(conf, host);
	if (self < 0)
		return find_by_address(conf, tree, host);
	conf->self = (unsigned int)self;
	return 0;
}
