/* SPDX-License-Identifier: MIT */
/*
 * Opening, closing, and the command socket: the part of netlink that vip.c,
 * link.c and watch.c stand on. The command socket is kept open, because a
 * machine that has run out of descriptors must still be able to drop a VIP;
 * it is replaced after any error that may have left an answer in its queue.
 */
#include "netlink/internal.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <netlink/errno.h>
#include <netlink/socket.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define DUMP_TRIES 8

int nl_to_errno(int nl_error)
{
	switch (nl_error < 0 ? -nl_error : nl_error) {
	case 0:
		return 0;
	case NLE_PERM:
		return -EPERM;
	case NLE_NOACCESS: /* IPv6 is switched off on the interface */
		return -EACCES;
	case NLE_NODEV:
	case NLE_OBJ_NOTFOUND:
		return -ENODEV;
	case NLE_EXIST:
		return -EEXIST;
	case NLE_NOADDR:
		return -EADDRNOTAVAIL;
	case NLE_NOMEM:
		return -ENOMEM;
	case NLE_INVAL:
	case NLE_RANGE:
	case NLE_NOATTR:
		return -EINVAL;
	case NLE_AGAIN:
		return -EAGAIN;
	case NLE_BUSY:
		return -EBUSY;
	case NLE_OPNOTSUPP:
	case NLE_AF_NOSUPPORT:
		return -EOPNOTSUPP;
	default:
		return -EIO;
	}
}

/* The kernel answers within the call; this only bounds a kernel that does not. */
static const struct timeval answer_timeout = {.tv_sec = 1};

struct nl_sock *netlink_command(struct netlink *nl)
{
	struct nl_sock *sock;
	int one = 1;

	if (nl->command)
		return nl->command;
	sock = nl_socket_alloc();
	if (!sock)
		return NULL;
	if (nl_connect(sock, NETLINK_ROUTE) < 0) {
		nl_socket_free(sock);
		return NULL;
	}
	/* Both only help: the first lets the kernel filter a dump by interface. */
	(void)setsockopt(nl_socket_get_fd(sock), SOL_NETLINK, NETLINK_GET_STRICT_CHK, &one,
			 sizeof(one));
	(void)setsockopt(nl_socket_get_fd(sock), SOL_SOCKET, SO_RCVTIMEO, &answer_timeout,
			 sizeof(answer_timeout));
	nl->command = sock;
	return sock;
}

void netlink_command_done(struct netlink *nl, int ret)
{
	switch (ret < 0 ? -ret : ret) {
	case 0:
	case NLE_EXIST:
	case NLE_NOADDR:
	case NLE_NODEV:
	case NLE_OBJ_NOTFOUND:
	case NLE_PERM:
	case NLE_NOACCESS:
		return; /* the kernel has answered: nothing is under way */
	default:
		nl_socket_free(nl->command);
		nl->command = NULL;
	}
}

static int dump_once(struct netlink *nl, const struct netlink_dump *dump)
{
	struct nl_sock *sock = netlink_command(nl);
	struct nl_cb *cb = NULL;
	int ret;

	if (!sock)
		return -NLE_BAD_SOCK;
	ret = nl_send_simple(sock, dump->type, NLM_F_DUMP, dump->header, dump->header_length);
	if (ret < 0)
		goto out;
	ret = -NLE_NOMEM;
	cb = nl_cb_alloc(NL_CB_DEFAULT);
	if (!cb)
		goto out;
	nl_cb_set(cb, NL_CB_VALID, NL_CB_CUSTOM, dump->fn, dump->arg);
	ret = nl_recvmsgs(sock, cb);
out:
	if (cb)
		nl_cb_put(cb);
	netlink_command_done(nl, ret < 0 ? ret : 0);
	return ret < 0 ? ret : 0;
}

int netlink_dump(struct netlink *nl, const struct netlink_dump *dump)
{
	int ret = 0;

	for (int i = 0; i < DUMP_TRIES; i++) {
		ret = dump_once(nl, dump);
		if (ret != -NLE_DUMP_INTR)
			break;
	}
	return ret;
}

struct netlink *netlink_open(struct ev_loop *loop, const struct netlink_callbacks *callbacks,
			     struct err *err)
{
	struct netlink *nl = calloc(1, sizeof(*nl));

	if (!nl) {
		err_set(err, "netlink: out of memory");
		return NULL;
	}
	nl->loop = loop;
	nl->callbacks = *callbacks;
	if (!netlink_command(nl)) {
		err_set(err, "netlink: cannot open a socket: %s", strerror(errno));
		goto fail;
	}
	if (watch_open(nl, err) < 0)
		goto fail;
	return nl;
fail:
	netlink_close(nl);
	return NULL;
}

void netlink_close(struct netlink *nl)
{
	if (!nl)
		return;
	watch_close(nl);
	if (nl->command)
		nl_socket_free(nl->command);
	free(nl);
}
