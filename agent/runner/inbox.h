/* SPDX-License-Identifier: MIT */
/*
 * Where the daemon's events come in and reports go out: a SOCK_SEQPACKET
 * socket that takes only the daemon's user, our own and root.
 */
#ifndef AGENT_RUNNER_INBOX_H
#define AGENT_RUNNER_INBOX_H

#include <ev.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "agent/base/err.h"
#include "agent/base/log.h"
#include "agent/base/unixsock.h"
#include "agent/notify.h"

#define INBOX_PEERS_MAX 4 /* one daemon, and its successor while it restarts */

/* Whose event it was: the report goes there, or nowhere if he is gone. */
struct inbox_origin {
	unsigned int slot;
	uint32_t generation;
};

typedef void inbox_fn(void *arg, const struct notify_event *event, struct inbox_origin origin);

struct inbox_config {
	const char *path;
	uid_t user;  /* whose events are taken besides root's and our own; (uid_t)-1 = nobody's */
	gid_t group; /* of the socket file, so that @user can connect; (gid_t)-1 = ours */
};

struct inbox;

struct inbox_peer {
	struct inbox *inbox;
	int fd; /* -1 = free */
	uint32_t generation;
	ev_io io;
};

struct inbox {
	struct ev_loop *loop;
	struct unixsock sock;
	uid_t user;
	bool paused;
	ev_io accepting;
	inbox_fn *fn;
	void *arg;
	struct log_gate gate;
	struct inbox_peer peers[INBOX_PEERS_MAX];
};

int inbox_open(struct inbox *inbox, struct ev_loop *loop, const struct inbox_config *config,
	       struct err *err);
/* Set before the loop runs. Events are clean (environment_accept) and borrowed. */
void inbox_on_event(struct inbox *inbox, inbox_fn *fn, void *arg);

/* While paused nothing is read: events wait in the sockets, then in the daemon. */
void inbox_pause(struct inbox *inbox, bool paused);
/* Takes what has arrived and was not read yet. */
void inbox_drain(struct inbox *inbox);
/* Takes no new connections from here on. */
void inbox_stop(struct inbox *inbox);

/* Lost, and counted in the log, if the daemon does not read. */
void inbox_report(struct inbox *inbox, struct inbox_origin origin,
		  const struct notify_report *report);
void inbox_close(struct inbox *inbox);

#endif
