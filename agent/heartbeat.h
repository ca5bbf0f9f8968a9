/* SPDX-License-Identifier: MIT */
/*
 * The UDP socket to the peers: sealed packets out, verified ones in. One
 * unicast packet per peer and interval. Knows bytes and addresses, not what a
 * heartbeat means.
 */
#ifndef AGENT_HEARTBEAT_H
#define AGENT_HEARTBEAT_H

#include <ev.h>
#include <stdint.h>

#include "agent/base/err.h"
#include "agent/base/ip.h"
#include "agent/core/hello.h"
#include "agent/wire.h"

struct heartbeat;

struct heartbeat_config {
	struct ip local; /* ours; may appear on the host later (IP_FREEBIND) */
	uint16_t port;
	struct wire_keys keys; /* strings are borrowed for the call */
	uint32_t cluster;      /* hash of its name */
	uint16_t self;	       /* our node id */
};

struct heartbeat_counters {
	uint64_t sent;
	uint64_t send_failed;	       /* EPERM, ENETUNREACH, ... : as good as lost */
	uint64_t received[WIRE_COUNT]; /* by verdict */
	uint64_t other_key; /* of the good ones: sealed with the key that is only accepted */
};

/* @hello borrowed for the call. */
typedef void heartbeat_fn(void *arg, const struct hello *hello);

/* @fn runs on @loop. Returns NULL with @err set. */
struct heartbeat *heartbeat_open(struct ev_loop *loop, const struct heartbeat_config *config,
				 heartbeat_fn *fn, void *arg, struct err *err);
/* Reads the keys again. Returns -1 with @err set and the old ones in force. */
int heartbeat_rekey(struct heartbeat *hb, const struct wire_keys *keys, struct err *err);
/* Sends at once; never blocks, a failure is counted and is a lost packet. */
void heartbeat_send(struct heartbeat *hb, const struct ip *peer, const struct hello *hello);
const struct heartbeat_counters *heartbeat_counters(const struct heartbeat *hb);
void heartbeat_close(struct heartbeat *hb);

#endif
