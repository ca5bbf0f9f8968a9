/* SPDX-License-Identifier: MIT */
/*
 * Errors of the socket are weather, not events: an ICMP message, a firewall
 * or a full queue costs a packet, which the protocol bears; none of them says
 * that a peer is dead.
 */
#define _GNU_SOURCE
#include "agent/heartbeat.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/base/log.h"

#define DRAIN_MAX 8 /* packets per wake-up: a flood must not starve the timers */

struct heartbeat {
	struct ev_loop *loop;
	ev_io io;
	int fd;
	uint16_t port;
	uint32_t cluster;
	uint16_t self;
	struct wire *wire;
	heartbeat_fn *fn;
	void *arg;
	struct log_gate tag_gate;
	struct log_gate key_gate;
	struct log_gate version_gate;
	struct heartbeat_counters counters;
};

static void report_bad_tag(struct heartbeat *hb)
{
	unsigned int held;

	if (log_gate(&hb->tag_gate, 10, &held))
		log_event(LOG_LV_WARNING, "heartbeat_refused",
			  "cause=bad_tag more=%u hint=\"is key_file the same on every host?\"",
			  held);
}

static void report_unknown_key(struct heartbeat *hb, uint8_t id)
{
	unsigned int held;

	if (log_gate(&hb->key_gate, 10, &held))
		log_event(LOG_LV_WARNING, "heartbeat_refused",
			  "cause=unknown_key id=%u more=%u hint=\"neither key_id nor accept_key_id "
			  "here: is the file the same on every host?\"",
			  id, held);
}

static void report_bad_version(struct heartbeat *hb)
{
	unsigned int held;

	if (log_gate(&hb->version_gate, 60, &held))
		log_event(LOG_LV_WARNING, "heartbeat_refused",
			  "cause=bad_version more=%u hint=\"a peer's zonevipd speaks another "
			  "version of the protocol: finish the upgrade\"",
			  held);
}

static void take(struct heartbeat *hb, const uint8_t *packet, size_t length)
{
	struct hello hello;
	enum wire_verdict verdict =
		length > WIRE_MAX ? WIRE_LENGTH : wire_decode(hb->wire, packet, length, &hello);

	hb->counters.received[verdict]++;
	hb->counters.other_key += verdict == WIRE_OK && wire_other_key(hb->wire);
	if (verdict == WIRE_OK)
		hb->fn(hb->arg, &hello);
	else if (verdict == WIRE_TAG)
		report_bad_tag(hb);
	else if (verdict == WIRE_KEY)
		report_unknown_key(hb, packet[3]);
	else if (verdict == WIRE_VERSION)
		report_bad_version(hb);
}

/* One call takes all that is there, as a rule one packet. A pending ICMP error,
 * which it may return instead, is cleared by that; what is left wakes us again. */
static void on_readable(struct ev_loop *loop, ev_io *io, int events)
{
	struct heartbeat *hb = io->data;
	uint8_t packets[DRAIN_MAX][WIRE_MAX + 1]; /* one more, so that too long shows */
	struct iovec rooms[DRAIN_MAX];
	struct mmsghdr messages[DRAIN_MAX];
	int count;

	(void)loop;
	(void)events;
	memset(messages, 0, sizeof(messages));
	for (unsigned int i = 0; i < DRAIN_MAX; i++) {
		rooms[i] = (struct iovec){.iov_base = &packets[i], .iov_len = sizeof(packets[i])};
		messages[i].msg_hdr.msg_iov = &rooms[i];
		messages[i].msg_hdr.msg_iovlen = 1;
	}
	count = recvmmsg(hb->fd, messages, DRAIN_MAX, MSG_DONTWAIT, NULL);
	for (int i = 0; i < count; i++)
		take(hb, packets[i], messages[i].msg_len);
}

static int open_socket(const struct heartbeat_config *config, struct err *err)
{
	struct sockaddr_storage local;
	socklen_t length = ip_sockaddr(&config->local, config->port, &local);
	int fd = socket(local.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	char text[IP_TEXT_MAX];
	int on = 1;

	if (fd < 0) {
		(void)err_set(err, "heartbeat socket: %s", strerror(errno));
		return -1;
	}
	/* The address may come after us (boot) and go for a while (DHCP). */
	if (local.ss_family == AF_INET)
		(void)setsockopt(fd, IPPROTO_IP, IP_FREEBIND, &on, sizeof(on));
	else
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_FREEBIND, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&local, length) < 0) {
		(void)err_set(err, "heartbeat socket: cannot bind %s port %u: %s%s",
			      ip_format(&config->local, text), config->port, strerror(errno),
			      errno == EADDRINUSE ? "; is another zonevipd running?" : "");
		(void)close(fd);
		return -1;
	}
	return fd;
}

struct heartbeat *heartbeat_open(struct ev_loop *loop, const struct heartbeat_config *config,
				 heartbeat_fn *fn, void *arg, struct err *err)
{
	struct heartbeat *hb = calloc(1, sizeof(*hb));

	if (!hb) {
		(void)err_set(err, "heartbeat: no memory");
		return NULL;
	}
	hb->loop = loop;
	hb->port = config->port;
	hb->cluster = config->cluster;
	hb->self = config->self;
	hb->fn = fn;
	hb->arg = arg;
	hb->fd = -1;
	hb->wire = wire_open(&config->keys, config->cluster, config->self, err);
	if (!hb->wire)
		goto fail;
	if (!wire_key_locked(hb->wire))
		log_event(LOG_LV_WARNING, "key_not_locked",
			  "effect=\"the heartbeat key may be swapped out\" hint=\"LimitMEMLOCK\"");
	hb->fd = open_socket(config, err);
	if (hb->fd < 0)
		goto fail;
	ev_io_init(&hb->io, on_readable, hb->fd, EV_READ);
	hb->io.data = hb;
	ev_io_start(loop, &hb->io);
	return hb;
fail:
	wire_close(hb->wire);
	free(hb);
	return NULL;
}

int heartbeat_rekey(struct heartbeat *hb, const struct wire_keys *keys, struct err *err)
{
	struct wire *wire = wire_open(keys, hb->cluster, hb->self, err);

	if (!wire)
		return -1;
	wire_close(hb->wire);
	hb->wire = wire;
	return 0;
}

void heartbeat_send(struct heartbeat *hb, const struct ip *peer, const struct hello *hello)
{
	uint8_t packet[WIRE_MAX];
	struct sockaddr_storage to;
	socklen_t to_length = ip_sockaddr(peer, hb->port, &to);
	int length = wire_encode(hb->wire, hello, packet);

	if (length < 0 || sendto(hb->fd, packet, (size_t)length, MSG_DONTWAIT | MSG_NOSIGNAL,
				 (struct sockaddr *)&to, to_length) != length)
		hb->counters.send_failed++;
	else
		hb->counters.sent++;
}

const struct heartbeat_counters *heartbeat_counters(const struct heartbeat *hb)
{
	return &hb->counters;
}

void heartbeat_close(struct heartbeat *hb)
{
	if (!hb)
		return;
	ev_io_stop(hb->loop, &hb->io);
	(void)close(hb->fd);
	wire_close(hb->wire);
	free(hb);
}
