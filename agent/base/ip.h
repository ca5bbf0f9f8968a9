/* SPDX-License-Identifier: MIT */
/*
 * An IPv4 or IPv6 address as a value: comparable, printable, family-neutral.
 */
#ifndef AGENT_BASE_IP_H
#define AGENT_BASE_IP_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#define IP_TEXT_MAX INET6_ADDRSTRLEN

struct ip {
	sa_family_t family; /* AF_INET, AF_INET6, or 0 for none */
	union {
		struct in_addr v4;
		struct in6_addr v6;
		uint8_t bytes[16];
	};
};

/* Literal addresses only, never a name. Returns 0 or -EINVAL. */
int ip_parse(const char *text, struct ip *ip);

/* Writes the canonical text and returns @text. */
const char *ip_format(const struct ip *ip, char text[static IP_TEXT_MAX]);

bool ip_equal(const struct ip *a, const struct ip *b);

/* 4 or 16. */
size_t ip_length(const struct ip *ip);

/* Fills @sa with address and port (host byte order); returns its length. */
socklen_t ip_sockaddr(const struct ip *ip, uint16_t port, struct sockaddr_storage *sa);

/* Returns 0, or -EAFNOSUPPORT for anything but IPv4 and IPv6. */
int ip_from_sockaddr(const struct sockaddr_storage *sa, struct ip *ip);

#endif
