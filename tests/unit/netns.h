/* SPDX-License-Identifier: MIT */
/*
 * For test_netlink.c: what it hears, its own hand on the world, and witnesses
 * other than the code under test.
 */
#ifndef TESTS_UNIT_NETNS_H
#define TESTS_UNIT_NETNS_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <netlink/errno.h>
#include <netlink/netlink.h>
#include <netlink/msg.h>
#include <netlink/route/addr.h>
#include <netlink/route/link.h>
#include <netlink/route/link/bridge.h>
#include <netlink/route/link/veth.h>
#include <netlink/socket.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/base/mono.h"
#include "netlink/netlink.h"

#define FACTS_MAX 64

struct fact {
	char interface[IFNAMSIZ];
	char address[IP_TEXT_MAX]; /* "" = a fact about the link */
	bool yes;		   /* present, or up */
};

struct world {
	struct ev_loop *loop;
	struct netlink *nl;
	struct nl_sock *sock; /* ours, to change things with */
	struct fact facts[FACTS_MAX];
	unsigned int fact_count; /* all, also those that found no room */
	unsigned int resync_count;
};

static inline void note(struct world *world, const char *interface, const char *address, bool yes)
{
	struct fact *fact = &world->facts[world->fact_count % FACTS_MAX];

	(void)snprintf(fact->interface, sizeof(fact->interface), "%s", interface);
	(void)snprintf(fact->address, sizeof(fact->address), "%s", address);
	fact->yes = yes;
	world->fact_count++;
}

static inline void on_address(void *arg, const char *interface, const struct ip *address,
			      bool present)
{
	char text[IP_TEXT_MAX];

	note(arg, interface, ip_format(address, text), present);
}

static inline void on_link(void *arg, const char *interface, bool up)
{
	note(arg, interface, "", up);
}

static inline void on_resync(void *arg)
{
	struct world *world = arg;

	world->resync_count++;
}

static inline bool told(const struct world *world, const char *interface, const char *address,
			bool yes)
{
	for (unsigned int i = 0; i < world->fact_count && i < FACTS_MAX; i++)
		if (strcmp(world->facts[i].interface, interface) == 0 &&
		    strcmp(world->facts[i].address, address) == 0 && world->facts[i].yes == yes)
			return true;
	return false;
}

static inline void forget(struct world *world)
{
	world->fact_count = 0;
	world->resync_count = 0;
}

/* Hears everything that is queued, and what follows within @wait. */
static inline void listen_for(struct world *world, mono_us wait)
{
	mono_us until = mono_now() + wait;

	do {
		ev_run(world->loop, EVRUN_NOWAIT);
		usleep(1000);
	} while (mono_now() < until);
}

static inline bool hears(struct world *world, const char *interface, const char *address, bool yes)
{
	mono_us from = mono_now();

	while (!told(world, interface, address, yes) && mono_now() - from < 2 * SEC) {
		ev_run(world->loop, EVRUN_NOWAIT);
		usleep(200);
	}
	return told(world, interface, address, yes) && mono_now() - from < 100 * MSEC;
}

/* --- changing the world from outside ---------------------------------------- */

static inline void make_veth(struct world *world)
{
	assert_int_equal(rtnl_link_veth_add(world->sock, "v0", "v1", getpid()), 0);
}

static inline void set_up(struct world *world, const char *name, bool up)
{
	struct rtnl_link *change = rtnl_link_alloc();
	struct rtnl_link *link = NULL;

	assert_non_null(change);
	assert_int_equal(rtnl_link_get_kernel(world->sock, 0, name, &link), 0);
	if (up)
		rtnl_link_set_flags(change, IFF_UP);
	else
		rtnl_link_unset_flags(change, IFF_UP);
	assert_int_equal(rtnl_link_change(world->sock, link, change, 0), 0);
	rtnl_link_put(change);
	rtnl_link_put(link);
}

static inline void rename_link(struct world *world, const char *name, const char *to)
{
	struct rtnl_link *change = rtnl_link_alloc();
	struct rtnl_link *link = NULL;

	assert_non_null(change);
	assert_int_equal(rtnl_link_get_kernel(world->sock, 0, name, &link), 0);
	rtnl_link_set_name(change, to);
	assert_int_equal(rtnl_link_change(world->sock, link, change, 0), 0);
	rtnl_link_put(change);
	rtnl_link_put(link);
}

static inline void delete_link(struct world *world, const char *name)
{
	struct rtnl_link *link = rtnl_link_alloc();

	assert_non_null(link);
	rtnl_link_set_name(link, name);
	(void)rtnl_link_delete(world->sock, link);
	rtnl_link_put(link);
}

/* By hand, as ip(8) does it: any label, any prefix. */
static inline int by_hand(struct world *world, const struct vip *vip, bool add)
{
	struct rtnl_addr *addr = rtnl_addr_alloc();
	struct nl_addr *local =
		nl_addr_build(vip->address.family, vip->address.bytes, ip_length(&vip->address));
	int ret;

	assert_non_null(addr);
	assert_non_null(local);
	nl_addr_set_prefixlen(local, (int)vip->prefix_length);
	rtnl_addr_set_ifindex(addr, (int)if_nametoindex(vip->interface));
	assert_int_equal(rtnl_addr_set_local(addr, local), 0);
	if (vip->label[0])
		rtnl_addr_set_label(addr, vip->label);
	ret = add ? rtnl_addr_add(world->sock, addr, NLM_F_EXCL)
		  : rtnl_addr_delete(world->sock, addr, 0);
	nl_addr_put(local);
	rtnl_addr_put(addr);
	return ret;
}

/* --- the witnesses -------------------------------------------------------------- */

/* How many IPv4 addresses equal to @vip's bear @label. */
static inline unsigned int labels_seen(const struct vip *vip, const char *label)
{
	struct ifaddrs *all;
	unsigned int count = 0;

	assert_int_equal(getifaddrs(&all), 0);
	for (const struct ifaddrs *one = all; one; one = one->ifa_next) {
		struct sockaddr_in sin;
		struct sockaddr_in mask;

		if (!one->ifa_addr || one->ifa_addr->sa_family != AF_INET)
			continue;
		memcpy(&sin, one->ifa_addr, sizeof(sin));
		memcpy(&mask, one->ifa_netmask, sizeof(mask));
		if (memcmp(&sin.sin_addr, vip->address.bytes, 4) == 0 &&
		    mask.sin_addr.s_addr == UINT32_MAX && strcmp(one->ifa_name, label) == 0)
			count++;
	}
	freeifaddrs(all);
	return count;
}

/* The flags of @vip in /proc/net/if_inet6, or -1 when it is not there. */
static inline int flags6(const struct vip *vip)
{
	char want[33] = "";
	char line[128];
	int found = -1;
	FILE *file = fopen("/proc/self/net/if_inet6", "re");

	assert_non_null(file);
	for (int i = 0; i < 16; i++)
		(void)snprintf(want + 2 * i, 3, "%02x", vip->address.bytes[i]);
	while (fgets(line, sizeof(line), file)) {
		char address[33];
		char name[17];
		unsigned int index, prefix, scope, flags;

		if (sscanf(line, "%32s %x %x %x %x %16s", address, &index, &prefix, &scope, &flags,
			   name) == 6 &&
		    strcmp(address, want) == 0 && strcmp(name, vip->interface) == 0 &&
		    prefix == vip->prefix_length)
			found = (int)flags;
	}
	(void)fclose(file);
	return found;
}

/* The subscribed socket inside struct netlink: found from outside. */
static inline int event_fd(struct sockaddr_nl *name)
{
	for (int fd = 3; fd < 256; fd++) {
		socklen_t length = sizeof(*name);

		memset(name, 0, sizeof(*name));
		if (getsockname(fd, (struct sockaddr *)name, &length) == 0 &&
		    name->nl_family == AF_NETLINK && name->nl_groups != 0)
			return fd;
	}
	fail_msg("no subscribed netlink socket");
	return -1;
}

#endif
