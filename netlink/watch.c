/* SPDX-License-Identifier: MIT */
/*
 * Listens to the kernel's word on addresses and links and hands it on, one
 * fact a callback. It decides nothing and changes nothing. Messages that do
 * not come from the kernel are dropped unread. When the kernel says that
 * messages were lost, everything said since is passed on, and then, once the
 * queue is empty or 200 ms have gone by, the resync callback is called:
 * looking up in the middle of a storm would only have to be done again.
 */
#include "netlink/internal.h"

#include <errno.h>
#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/errno.h>
#include <netlink/socket.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define READS_PER_TURN 64      /* then the loop has its other duties */
#define LINKS_MAX 16384	       /* names kept; past that the kernel is asked */
#define BUFFER_MAX (1 << 20)   /* of the event socket, if we may */
#define STORM_MAX (200 * MSEC) /* how long a resync may wait for silence */

static struct link_seen *find_link(struct netlink *nl, int index)
{
	for (size_t i = 0; i < nl->link_count; i++)
		if (nl->links[i].index == index)
			return &nl->links[i];
	return NULL;
}

/* NULL when there are too many, or no memory: then names come from the kernel. */
static struct link_seen *new_link(struct netlink *nl, int index)
{
	if (nl->link_count == nl->link_room) {
		size_t room = nl->link_room ? 2 * nl->link_room : 16;
		struct link_seen *links;

		if (room > LINKS_MAX)
			return NULL;
		links = realloc(nl->links, room * sizeof(*links));
		if (!links)
			return NULL;
		nl->links = links;
		nl->link_room = room;
	}
	nl->links[nl->link_count] = (struct link_seen){.index = index};
	return &nl->links[nl->link_count++];
}

/* A new or changed link. Says so only when the name or the state is news. */
static void link_is(struct netlink *nl, const struct link_seen *now)
{
	struct link_seen *link = find_link(nl, now->index);
	struct link_seen before = link ? *link : (struct link_seen){.index = 0};

	if (!link)
		link = new_link(nl, now->index);
	if (link)
		*link = *now;
	if (before.index && strcmp(before.name, now->name) != 0) {
		nl->callbacks.link(nl->callbacks.arg, before.name, false); /* renamed */
		before.index = 0;
	}
	if (!before.index || before.up != now->up)
		nl->callbacks.link(nl->callbacks.arg, now->name, now->up);
}

static void link_gone(struct netlink *nl, int index, const char *name)
{
	struct link_seen *link = find_link(nl, index);

	if (link)
		*link = nl->links[--nl->link_count];
	nl->callbacks.link(nl->callbacks.arg, name, false);
}

/* Takes a link message apart; false if it is none, or not about the link itself. */
static bool read_link(struct nlmsghdr *header, struct link_seen *link)
{
	const unsigned int running = IFF_UP | IFF_RUNNING | IFF_LOWER_UP;
	struct nlattr *attrs[IFLA_MAX + 1];
	const struct ifinfomsg *info;

	if (nlmsg_parse(header, sizeof(*info), attrs, IFLA_MAX, NULL) < 0 || !attrs[IFLA_IFNAME])
		return false;
	info = nlmsg_data(header);
	if (info->ifi_family != AF_UNSPEC) /* a bridge speaks of its port in the same words */
		return false;
	*link = (struct link_seen){.index = info->ifi_index,
				   .up = (info->ifi_flags & running) == running};
	(void)nla_strlcpy(link->name, attrs[IFLA_IFNAME], sizeof(link->name));
	return true;
}

static void hear_link(struct netlink *nl, struct nlmsghdr *header)
{
	struct link_seen link;

	if (!read_link(header, &link))
		return;
	if (header->nlmsg_type == RTM_NEWLINK)
		link_is(nl, &link);
	else
		link_gone(nl, link.index, link.name);
}

static void hear_address(struct netlink *nl, struct nlmsghdr *header)
{
	struct nlattr *attrs[IFA_MAX + 1];
	char name[IFNAMSIZ] = "";
	const struct link_seen *link;
	const struct ifaddrmsg *addr;
	const struct nlattr *local;
	struct ip address = {0};

	if (nlmsg_parse(header, sizeof(*addr), attrs, IFA_MAX, NULL) < 0)
		return;
	addr = nlmsg_data(header);
	local = attrs[IFA_LOCAL] ? attrs[IFA_LOCAL] : attrs[IFA_ADDRESS];
	address.family = addr->ifa_family;
	if (!local || !ip_length(&address) || nla_len(local) != (int)ip_length(&address))
		return;
	memcpy(address.bytes, nla_data(local), ip_length(&address));
	link = find_link(nl, (int)addr->ifa_index);
	if (link)
		memcpy(name, link->name, sizeof(name)); /* the table may move under a callback */
	else if (!if_indextoname(addr->ifa_index, name))
		return; /* gone already; its last word is the link's own event */
	nl->callbacks.address(nl->callbacks.arg, name, &address, header->nlmsg_type == RTM_NEWADDR);
}

static int hear(struct nl_msg *msg, void *arg)
{
	struct nlmsghdr *header = nlmsg_hdr(msg);

	switch (header->nlmsg_type) {
	case RTM_NEWLINK:
	case RTM_DELLINK:
		hear_link(arg, header);
		break;
	case RTM_NEWADDR:
	case RTM_DELADDR:
		hear_address(arg, header);
		break;
	default:
		break;
	}
	return NL_OK;
}

/* First to see every message, errors and acknowledgements included. */
static int only_the_kernel(struct nl_msg *msg, void *arg)
{
	const struct sockaddr_nl *from = nlmsg_get_src(msg);

	(void)arg;
	return from->nl_family == AF_NETLINK && from->nl_pid == 0 ? NL_OK : NL_SKIP;
}

static int learn_link(struct nl_msg *msg, void *arg)
{
	struct netlink *nl = arg;
	struct link_seen link;
	struct link_seen *known;

	if (nlmsg_hdr(msg)->nlmsg_type != RTM_NEWLINK || !read_link(nlmsg_hdr(msg), &link))
		return NL_SKIP;
	known = find_link(nl, link.index); /* a torn dump is read again */
	if (!known)
		known = new_link(nl, link.index);
	if (known)
		*known = link;
	return NL_OK;
}

/* Reads all links afresh, without callbacks. 0 or libnl's error. */
static int learn_links(struct netlink *nl)
{
	struct ifinfomsg header = {.ifi_family = AF_UNSPEC};

	nl->link_count = 0;
	return netlink_dump(nl, &(struct netlink_dump){.type = RTM_GETLINK,
						       .header = &header,
						       .header_length = sizeof(header),
						       .fn = learn_link,
						       .arg = nl});
}

static void resync(struct netlink *nl)
{
	nl->lost_at = 0;
	(void)learn_links(nl); /* on failure names and states come with the next events */
	nl->callbacks.resync(nl->callbacks.arg);
}

static void on_readable(struct ev_loop *loop, ev_io *watcher, int revents)
{
	struct netlink *nl = watcher->data;
	bool drained = false;

	(void)loop;
	(void)revents;
	for (int i = 0; i < READS_PER_TURN && !drained; i++) {
		int ret = nl_recvmsgs_default(nl->events);

		drained = ret == -NLE_AGAIN;
		if (ret < 0 && !drained && !nl->lost_at)
			nl->lost_at = mono_now(); /* ENOBUFS, or a message we cannot read */
	}
	if (nl->lost_at && (drained || mono_now() - nl->lost_at > STORM_MAX))
		resync(nl);
}

static int subscribe(struct netlink *nl)
{
	int room = BUFFER_MAX;
	int ret = nl_connect(nl->events, NETLINK_ROUTE);

	if (ret < 0)
		return ret;
	ret = nl_socket_set_nonblocking(nl->events);
	if (ret < 0)
		return ret;
	/* Room for some thousand changes at once. Only memory in use counts. */
	if (setsockopt(nl_socket_get_fd(nl->events), SOL_SOCKET, SO_RCVBUFFORCE, &room,
		       sizeof(room)) < 0)
		(void)setsockopt(nl_socket_get_fd(nl->events), SOL_SOCKET, SO_RCVBUF, &room,
				 sizeof(room));
	nl_socket_disable_seq_check(nl->events);
	ret = nl_socket_modify_cb(nl->events, NL_CB_MSG_IN, NL_CB_CUSTOM, only_the_kernel, NULL);
	if (ret == 0)
		ret = nl_socket_modify_cb(nl->events, NL_CB_VALID, NL_CB_CUSTOM, hear, nl);
	if (ret < 0)
		return ret;
	return nl_socket_add_memberships(nl->events, RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR,
					 RTNLGRP_IPV6_IFADDR, 0);
}

int watch_open(struct netlink *nl, struct err *err)
{
	int ret = -NLE_NOMEM;

	nl->events = nl_socket_alloc();
	if (nl->events)
		ret = subscribe(nl);
	if (ret < 0)
		return err_set(err, "netlink: cannot listen to address and link events: %s",
			       nl_geterror(ret));
	ret = learn_links(nl); /* after the subscription, so that nothing falls between */
	if (ret < 0)
		return err_set(err, "netlink: cannot read the interfaces: %s", nl_geterror(ret));
	ev_io_init(&nl->readable, on_readable, nl_socket_get_fd(nl->events), EV_READ);
	nl->readable.data = nl;
	ev_io_start(nl->loop, &nl->readable);
	return 0;
}

void watch_close(struct netlink *nl)
{
	if (nl->readable.data)
		ev_io_stop(nl->loop, &nl->readable);
	if (nl->events)
		nl_socket_free(nl->events);
	free(nl->links);
}
