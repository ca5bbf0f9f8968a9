/* SPDX-License-Identifier: MIT */
/*
 * Adds, removes and looks up one VIP, and tells whether an interface runs.
 * Interfaces are named in every call and looked up each time: an interface
 * that was deleted and made again has another index. There is no cache; the
 * kernel is the only memory, so a run that follows a crash finds the truth.
 */
#include "netlink/internal.h"

#include <errno.h>
#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <netlink/addr.h>
#include <netlink/attr.h>
#include <netlink/errno.h>
#include <netlink/route/addr.h>
#include <netlink/route/link.h>
#include <string.h>

struct search {
	const struct vip *vip;
	int index;
	bool ours;  /* exact address, device, prefix and label */
	bool alien; /* the same but for the label */
};

static int compare(struct nl_msg *msg, void *arg)
{
	struct search *search = arg;
	const struct vip *vip = search->vip;
	struct nlmsghdr *header = nlmsg_hdr(msg);
	struct nlattr *attrs[IFA_MAX + 1];
	const struct ifaddrmsg *addr;
	const struct nlattr *local;

	if (header->nlmsg_type != RTM_NEWADDR ||
	    nlmsg_parse(header, sizeof(*addr), attrs, IFA_MAX, NULL) < 0)
		return NL_SKIP;
	addr = nlmsg_data(header);
	local = attrs[IFA_LOCAL] ? attrs[IFA_LOCAL] : attrs[IFA_ADDRESS];
	if ((int)addr->ifa_index != search->index || addr->ifa_family != vip->address.family ||
	    addr->ifa_prefixlen != vip->prefix_length || !local ||
	    nla_len(local) != (int)ip_length(&vip->address) ||
	    memcmp(nla_data(local), vip->address.bytes, ip_length(&vip->address)) != 0)
		return NL_SKIP;
	if (!vip->label[0] || vip->address.family == AF_INET6 ||
	    (attrs[IFA_LABEL] && nla_strcmp(attrs[IFA_LABEL], vip->label) == 0))
		search->ours = true;
	else
		search->alien = true;
	return NL_OK;
}

/* 0 or libnl's error. */
static int look_up(struct netlink *nl, struct search *search)
{
	struct ifaddrmsg header = {
		.ifa_family = (unsigned char)search->vip->address.family,
		.ifa_index = (unsigned int)search->index,
	};

	return netlink_dump(nl, &(struct netlink_dump){.type = RTM_GETADDR,
						       .header = &header,
						       .header_length = sizeof(header),
						       .fn = compare,
						       .arg = search});
}

/* The kernel's form of @vip; NULL without memory. */
static struct rtnl_addr *build(const struct vip *vip, int index, bool labelled)
{
	struct rtnl_addr *addr = rtnl_addr_alloc();
	struct nl_addr *local =
		nl_addr_build(vip->address.family, vip->address.bytes, ip_length(&vip->address));
	int ret = -NLE_NOMEM;

	if (!addr || !local)
		goto out;
	nl_addr_set_prefixlen(local, (int)vip->prefix_length);
	rtnl_addr_set_ifindex(addr, index);
	rtnl_addr_set_scope(addr, RT_SCOPE_UNIVERSE);
	ret = rtnl_addr_set_local(addr, local);
	if (ret < 0)
		goto out;
	if (vip->address.family == AF_INET6) {
		/* No duplicate detection: the old owner may still have it, and a second of
		 * silence is an outage. Never preferred: it must not become the source
		 * address of what this host itself sends. */
		rtnl_addr_set_flags(addr, IFA_F_NODAD);
		rtnl_addr_set_valid_lifetime(addr, UINT32_MAX);
		rtnl_addr_set_preferred_lifetime(addr, 0);
	} else if (labelled && vip->label[0]) {
		ret = rtnl_addr_set_label(addr, vip->label);
	}
out:
	if (local)
		nl_addr_put(local);
	if (ret < 0 && addr) {
		rtnl_addr_put(addr);
		addr = NULL;
	}
	return addr;
}

enum change { CHANGE_ADD, CHANGE_DELETE, CHANGE_DELETE_ANY_LABEL };

/* 0 or libnl's error. */
static int change(struct netlink *nl, const struct vip *vip, int index, enum change what)
{
	struct nl_sock *sock = netlink_command(nl);
	struct rtnl_addr *addr;
	int ret = -NLE_INVAL;

	if (!sock)
		return -NLE_BAD_SOCK;
	addr = build(vip, index, what != CHANGE_DELETE_ANY_LABEL);
	if (!addr)
		return -NLE_NOMEM;
	switch (what) {
	case CHANGE_ADD:
		/* IPv6 may replace: that only mends flags and lifetimes. IPv4 must not. */
		ret = rtnl_addr_add(sock, addr,
				    vip->address.family == AF_INET6 ? NLM_F_REPLACE : NLM_F_EXCL);
		break;
	case CHANGE_DELETE:
	case CHANGE_DELETE_ANY_LABEL:
		ret = rtnl_addr_delete(sock, addr, 0);
		break;
	}
	rtnl_addr_put(addr);
	netlink_command_done(nl, ret);
	return ret;
}

/*
 * The kernel has the address, but perhaps under another label: added by hand,
 * or by a run with another configuration. Ours must bear ours, or the next
 * look-up would not know it; a label cannot be changed, so it is made anew.
 */
static int relabel(struct netlink *nl, const struct vip *vip, int index)
{
	struct search search = {.vip = vip, .index = index};
	int ret = look_up(nl, &search);

	if (ret < 0 || search.ours)
		return ret;
	if (search.alien)
		ret = change(nl, vip, index, CHANGE_DELETE_ANY_LABEL);
	if (ret < 0 && ret != -NLE_NOADDR)
		return ret;
	return change(nl, vip, index, CHANGE_ADD);
}

int vip_add(struct netlink *nl, const struct vip *vip)
{
	int index = (int)if_nametoindex(vip->interface);
	int ret;

	if (!index)
		return -ENODEV;
	ret = change(nl, vip, index, CHANGE_ADD);
	if (ret == -NLE_EXIST)
		ret = relabel(nl, vip, index);
	return nl_to_errno(ret);
}

int vip_remove(struct netlink *nl, const struct vip *vip)
{
	int index = (int)if_nametoindex(vip->interface);
	int ret;

	if (!index)
		return 0; /* an interface that is gone has taken its addresses with it */
	ret = nl_to_errno(change(nl, vip, index, CHANGE_DELETE));
	return ret == -EADDRNOTAVAIL || ret == -ENODEV ? 0 : ret;
}

int vip_present(struct netlink *nl, const struct vip *vip)
{
	struct search search = {.vip = vip, .index = (int)if_nametoindex(vip->interface)};
	int ret;

	if (!search.index)
		return 0;
	ret = nl_to_errno(look_up(nl, &search));
	if (ret == -ENODEV)
		return 0;
	return ret < 0 ? ret : search.ours;
}

int link_up(struct netlink *nl, const char *interface)
{
	const unsigned int running = IFF_UP | IFF_RUNNING | IFF_LOWER_UP;
	struct nl_sock *sock = netlink_command(nl);
	struct rtnl_link *link = NULL;
	int ret;

	if (!sock)
		return -EIO;
	ret = rtnl_link_get_kernel(sock, 0, interface, &link);
	netlink_command_done(nl, ret);
	ret = nl_to_errno(ret);
	if (ret == -ENODEV)
		return 0;
	if (ret < 0)
		return ret;
	ret = (rtnl_link_get_flags(link) & running) == running;
	rtnl_link_put(link);
	return ret;
}
