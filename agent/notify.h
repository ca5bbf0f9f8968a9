/* SPDX-License-Identifier: MIT */
/*
 * The daemon's end of notification: hands each state change to the runner
 * (zonevip-notify, own user, own sandbox) over a unix SOCK_SEQPACKET socket
 * and hears back how each script ended. Ordered; bounded (NOTIFY_QUEUE_MAX,
 * the oldest is dropped and counted); never waits. While the runner is away
 * events wait in the queue and the connection is tried once a second.
 */
#ifndef AGENT_NOTIFY_H
#define AGENT_NOTIFY_H

#include <ev.h>
#include <stdbool.h>
#include <stdint.h>

#include "agent/base/mono.h"

#define NOTIFY_QUEUE_MAX 256

/* One message to the runner: fixed size, host byte order, same machine, same build. */
struct notify_event {
	uint32_t version; /* NOTIFY_VERSION */
	uint32_t number;  /* counts up from 1 per daemon start */
	char instance[64];
	char state[16];	    /* MASTER BACKUP FAULT STOP: keepalived's words; or, for a hook that
			     * is waited for, GATE PROMOTE FENCE RELEASE; or CHECK: run the
			     * vrrp_script that "instance" names */
	char old_state[16]; /* INIT BACKUP CLAIMING MASTER FAULT MAINT: ours */
	char new_state[16];
	char reason[64];
	char peer[64]; /* the node that owns the VIP as far as we know, or "" */
	char vip[64];
	uint32_t priority;
	uint64_t term;
};
#define NOTIFY_VERSION 1

/* The runner's report on one script. */
struct notify_report {
	uint32_t version;
	uint32_t number; /* of the event */
	int32_t status;	 /* exit status; 128 + signal; -1 could not be started; -2 refused */
	uint32_t took_ms;
	uint32_t check; /* 1: of a CHECK, and not for the record */
	char script[128];
	char problem[256]; /* "" or why it was refused or killed; of a CHECK also what it printed */
};

struct notify;
typedef void notify_report_fn(void *arg, const struct notify_report *report);

struct notify_state {
	bool connected;	     /* the runner is there */
	unsigned int queued; /* not yet handed over */
	uint64_t sent;
	uint64_t dropped;	   /* queue was full */
	struct notify_report last; /* version 0 = none yet */
};

struct notify *notify_open(struct ev_loop *loop, const char *path, notify_report_fn *fn, void *arg);
/* Copies @event, numbers it, sends or queues it. Returns the number. */
uint32_t notify_send(struct notify *notify, const struct notify_event *event);
/* The same for a CHECK, which cannot wait: 0 when it cannot be handed over at once. */
uint32_t notify_ask(struct notify *notify, const struct notify_event *event);
void notify_state(const struct notify *notify, struct notify_state *out);
/* True when nothing waits to be handed over. */
bool notify_idle(const struct notify *notify);
void notify_close(struct notify *notify);

#endif
