/* SPDX-License-Identifier: MIT */
/*
 * Messages of the kernel about addresses and links whose lengths lie. Oracle: nothing outside the
 * message is read (its copy has its exact size), and what is reported equals a naive walk over the
 * bytes.
 *
 * Input: messages one after the other: a length byte, a kind, a flag byte, then the bytes behind
 * the netlink header.
 *
 * fuzz: agent/base/ip.c $(pkg-config --cflags --libs libnl-3.0 libnl-route-3.0) -lev
 * covers: netlink/watch.c find_link new_link link_is link_gone read_link hear_link hear_address
 * covers: netlink/watch.c hear learn_link
 */
#include <net/if.h>
#include <stdlib.h>
#include <string.h>

#include "agent/base/ip.h"

/* The kernel of the machine has no say here. */
static char *no_name(unsigned int index, char *name);
#define if_indextoname no_name
#include "netlink/watch.c"
#undef if_indextoname

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char *no_name(unsigned int index, char *name)
{
	if (index % 2)
		return NULL;
	memcpy(name, "asked0", sizeof("asked0"));
	return name;
}

#ifdef FUZZ_ALONE
int netlink_dump(struct netlink *nl, const struct netlink_dump *dump)
{
	(void)nl;
	(void)dump;
	return 0;
}
#endif

struct heard {
	unsigned int links, addresses;
	char name[IFNAMSIZ];
	struct ip address;
	bool present;
};

static void on_link(void *arg, const char *interface, bool up)
{
	struct heard *heard = arg;

	(void)up;
	if (strnlen(interface, IFNAMSIZ) == IFNAMSIZ)
		abort();
	heard->links++;
}

static void on_address(void *arg, const char *interface, const struct ip *address, bool present)
{
	struct heard *heard = arg;

	if (strnlen(interface, IFNAMSIZ) == IFNAMSIZ)
		abort();
	heard->addresses++;
	heard->address = *address;
	heard->present = present;
}

/* The last attribute of that kind, by the book; its length, or -1. */
static int attribute(const uint8_t *at, size_t left, unsigned int kind, const uint8_t **payload)
{
	int found = -1;

	while (left >= 4) {
		unsigned int length = (unsigned int)at[0] | (unsigned int)at[1] << 8;
		unsigned int type = ((unsigned int)at[2] | (unsigned int)at[3] << 8) & 0x3fff;
		size_t step = (length + 3U) & ~3U;

		if (length < 4 || length > left)
			break;
		if (type == kind) {
			*payload = at + 4;
			found = (int)length - 4;
		}
		if (step >= left)
			break;
		at += step;
		left -= step;
	}
	return found;
}

static void check_address(const struct heard *heard, const uint8_t *body, size_t length,
			  bool is_new)
{
	const uint8_t *payload = NULL;
	size_t wanted;
	int found;

	if (length < sizeof(struct ifaddrmsg)) {
		if (heard->addresses)
			abort();
		return;
	}
	found = attribute(body + 8, length - 8, IFA_LOCAL, &payload);
	if (found < 0)
		found = attribute(body + 8, length - 8, IFA_ADDRESS, &payload);
	wanted = body[0] == AF_INET ? 4 : body[0] == AF_INET6 ? 16 : 0;
	if (heard->addresses == 0)
		return; /* of an interface that has gone, or no address */
	if (!wanted || found != (int)wanted || heard->present != is_new ||
	    heard->address.family != body[0] || memcmp(heard->address.bytes, payload, wanted) != 0)
		abort();
}

static void one(struct netlink *nl, struct heard *heard, unsigned int kind, const uint8_t *body,
		size_t length)
{
	static const int kinds[] = {RTM_NEWLINK, RTM_DELLINK, RTM_NEWADDR, RTM_DELADDR,
				    RTM_NEWROUTE};
	int type = kinds[kind % 5];
	struct nlmsghdr *header = malloc(NLMSG_HDRLEN + length);
	struct nl_msg *msg;

	if (!header)
		abort();
	*header = (struct nlmsghdr){.nlmsg_len = (uint32_t)(NLMSG_HDRLEN + length),
				    .nlmsg_type = (uint16_t)type};
	memcpy((char *)header + NLMSG_HDRLEN, body, length);
	msg = nlmsg_convert(header);
	if (!msg)
		abort();
	heard->links = heard->addresses = 0;
	(void)hear(msg, nl);
	if (type == RTM_NEWADDR || type == RTM_DELADDR)
		check_address(heard, body, length, type == RTM_NEWADDR);
	else if (heard->addresses)
		abort();
	if (heard->links && type != RTM_NEWLINK && type != RTM_DELLINK)
		abort();
	if (kind & 64)
		(void)learn_link(msg, nl);
	for (size_t i = 0; i < nl->link_count; i++)
		for (size_t j = 0; j < i; j++)
			if (nl->links[i].index == nl->links[j].index)
				abort();
	nlmsg_free(msg);
	free(header);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct heard heard = {0};
	struct netlink nl = {.callbacks = {.address = on_address, .link = on_link, .arg = &heard}};

	while (size >= 2) {
		size_t length = data[0] < size - 2 ? data[0] : size - 2;

		one(&nl, &heard, data[1], data + 2, length);
		data += 2 + length;
		size -= 2 + length;
	}
	free(nl.links);
	return 0;
}
