/* SPDX-License-Identifier: MIT */
#include "agent/base/ip.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

int ip_parse(const char *text, struct ip *ip)
{
	memset(ip, 0, sizeof(*ip));
	if (inet_pton(AF_INET, text, &ip->v4) == 1) {
		ip->family = AF_INET;
		return 0;
	}
	if (inet_pton(AF_INET6, text, &ip->v6) == 1) {
		ip->family = AF_INET6;
		return 0;
	}
	return -EINVAL;
}

const char *ip_format(const struct ip *ip, char text[static IP_TEXT_MAX])
{
	if (!inet_ntop(ip->family, ip->bytes, text, IP_TEXT_MAX))
		memcpy(text, "none", sizeof("none"));
	return text;
}

bool ip_equal(const struct ip *a, const struct ip *b)
{
	return a->family == b->family && memcmp(a->bytes, b->bytes, ip_length(a)) == 0;
}

size_t ip_length(const struct ip *ip)
{
	switch (ip->family) {
	case AF_INET:
		return sizeof(ip->v4);
	case AF_INET6:
		return sizeof(ip->v6);
	default:
		return 0;
	}
}

socklen_t ip_sockaddr(const struct ip *ip, uint16_t port, struct sockaddr_storage *sa)
{
	memset(sa, 0, sizeof(*sa));
	if (ip->family == AF_INET6) {
		struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)sa;

		in6->sin6_family = AF_INET6;
		in6->sin6_addr = ip->v6;
		in6->sin6_port = htons(port);
		return sizeof(*in6);
	}
	struct sockaddr_in *in4 = (struct sockaddr_in *)sa;

	in4->sin_family = AF_INET;
	in4->sin_addr = ip->v4;
	in4->sin_port = htons(port);
	return sizeof(*in4);
}

int ip_from_sockaddr(const struct sockaddr_storage *sa, struct ip *ip)
{
	memset(ip, 0, sizeof(*ip));
	ip->family = sa->ss_family;
	switch (sa->ss_family) {
	case AF_INET:
		ip->v4 = ((const struct sockaddr_in *)sa)->sin_addr;
		return 0;
	case AF_INET6:
		ip->v6 = ((const struct sockaddr_in6 *)sa)->sin6_addr;
		return 0;
	default:
		return -EAFNOSUPPORT;
	}
}
