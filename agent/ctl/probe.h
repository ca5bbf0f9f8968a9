/* SPDX-License-Identifier: MIT */
/*
 * A client of the VIP in a process of its own, which tries every 10 ms whether
 * it is served, and counts.
 */
#ifndef AGENT_CTL_PROBE_H
#define AGENT_CTL_PROBE_H

#include <stdint.h>

#include "agent/base/err.h"
#include "agent/base/ip.h"
#include "agent/base/mono.h"

#define PROBE_PERIOD (10 * MSEC)
#define PROBE_CONNECT (100 * MSEC) /* longer, and the try has failed */
#define PROBE_PHASES 3

struct probe_config {
	struct ip address;
	uint16_t port;
	const char *command; /* instead, for the shell: status 0 = served; NULL = none */
};

struct probe_count {
	uint64_t tries;
	uint64_t good;
	mono_us gap; /* the longest time from one good answer to the next, or to now */
};

struct probe;

/* NULL with @err. Phase 0 begins. */
struct probe *probe_start(const struct probe_config *config, struct err *err);
/* Tries that begin from now on are counted there. */
void probe_phase(struct probe *probe, unsigned int phase);
struct probe_count probe_count(const struct probe *probe, unsigned int phase);
/* Served within the last half second. */
bool probe_served(const struct probe *probe);
void probe_stop(struct probe *probe);

#endif
