/* SPDX-License-Identifier: MIT */
/*
 * What the files of netlink/ share and nobody else sees.
 */
#ifndef NETLINK_INTERNAL_H
#define NETLINK_INTERNAL_H

#include <netlink/netlink.h>
#include <netlink/msg.h>
#include <stddef.h>

#include "agent/base/mono.h"
#include "netlink/netlink.h"

/* An interface as last heard: events carry an index, our callers speak names. */
struct link_seen {
	int index;
	bool up;
	char name[IFNAMSIZ];
};

struct netlink {
	struct ev_loop *loop;
	struct netlink_callbacks callbacks;
	struct nl_sock *command; /* questions and changes; NULL after a failed reopening */
	struct nl_sock *events;	 /* subscribed, non-blocking */
	ev_io readable;
	mono_us lost_at; /* when events were first lost since the last resync; 0 = none */
	struct link_seen *links;
	size_t link_count;
	size_t link_room;
};

/* libnl's error (negative) as -errno; 0 stays 0. */
int nl_to_errno(int nl_error);

/*
 * The command socket, opened anew if an earlier failure left it in doubt.
 * NULL: it cannot be opened.
 */
struct nl_sock *netlink_command(struct netlink *nl);
/* Gives up the command socket when @ret says that an answer may still be under way. */
void netlink_command_done(struct netlink *nl, int ret);

/*
 * Asks for everything of @type (RTM_GETLINK, RTM_GETADDR) with @header, and
 * hands each answer to @fn. Retries a dump that was torn by a change.
 * Returns 0 or libnl's error.
 */
struct netlink_dump {
	int type;
	void *header;
	size_t header_length;
	nl_recvmsg_msg_cb_t fn;
	void *arg;
};
int netlink_dump(struct netlink *nl, const struct netlink_dump *dump);

/* watch.c: the event socket and what is known of the links. */
int watch_open(struct netlink *nl, struct err *err);
void watch_close(struct netlink *nl);

#endif
