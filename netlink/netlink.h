/* SPDX-License-Identifier: MIT */
/*
 * The kernel's addresses and links, through libnl. One socket for commands
 * (add, remove, look up: synchronous, some 50 microseconds each) and one for
 * events (subscribed, non-blocking, drained from the loop). Every effect is
 * idempotent: adding a present address and removing an absent one succeed.
 *
 * An IPv4 VIP is plumbed as the alias "eth0:1" (label, /32, host scope
 * global). It is recognised as ours by exact address, device and label; an
 * IPv6 VIP, which has no label, by exact address and device.
 */
#ifndef NETLINK_NETLINK_H
#define NETLINK_NETLINK_H

#include <ev.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

#include "agent/base/err.h"
#include "agent/base/ip.h"

struct netlink;

struct vip {
	struct ip address;
	unsigned int prefix_length;
	char interface[IFNAMSIZ];
	char label[IFNAMSIZ]; /* "" for none */
};

/* An address appeared on or vanished from @interface. */
typedef void netlink_address_fn(void *arg, const char *interface, const struct ip *address,
				bool present);
/* @interface came up (running, with carrier), went down, appeared or vanished. */
typedef void netlink_link_fn(void *arg, const char *interface, bool up);
/* Events were lost (ENOBUFS): everything must be looked up again. */
typedef void netlink_resync_fn(void *arg);

struct netlink_callbacks {
	netlink_address_fn *address;
	netlink_link_fn *link;
	netlink_resync_fn *resync;
	void *arg;
};

/* Callbacks run on @loop, never from inside a call. Returns NULL with @err set. */
struct netlink *netlink_open(struct ev_loop *loop, const struct netlink_callbacks *callbacks,
			     struct err *err);
void netlink_close(struct netlink *nl);

/* 0, or -errno: -ENODEV no such interface, -EPERM lacks CAP_NET_ADMIN. */
int vip_add(struct netlink *nl, const struct vip *vip);
int vip_remove(struct netlink *nl, const struct vip *vip);
/* 1 present, 0 absent, or -errno. Asks the kernel, no cache. */
int vip_present(struct netlink *nl, const struct vip *vip);

/* 1 up and running, 0 down or absent, or -errno. Asks the kernel. */
int link_up(struct netlink *nl, const char *interface);

#endif
