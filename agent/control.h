/* SPDX-License-Identifier: MIT */
/*
 * The status socket: a unix stream socket that takes one request line, gives
 * one answer and closes. At most CONTROL_CLIENTS_MAX clients, each with a
 * request of at most CONTROL_REQUEST_MAX bytes, an answer of at most
 * CONTROL_REPLY_MAX and CONTROL_DEADLINE for the whole conversation; nobody
 * can make the loop wait. Knows nothing of what is asked.
 */
#ifndef AGENT_CONTROL_H
#define AGENT_CONTROL_H

#include <ev.h>
#include <stdbool.h>
#include <sys/types.h>

#include "agent/base/buf.h"
#include "agent/base/err.h"
#include "agent/base/mono.h"

#define CONTROL_CLIENTS_MAX 16
#define CONTROL_REQUEST_MAX 1024
#define CONTROL_REPLY_MAX ((size_t)512 * 1024) /* 255 instances with 64 tables each */
#define CONTROL_DEADLINE (2 * SEC)

struct control;

/* Who asks, by SO_PEERCRED. */
struct control_peer {
	uid_t uid;
	gid_t gid;
	pid_t pid;
	bool privileged; /* root, our own uid, or a member of the command group */
};

/*
 * Answers @line (NUL-terminated, newline removed, printable) into @reply,
 * which is empty and is sent as it stands.
 */
typedef void control_fn(void *arg, const struct control_peer *peer, const char *line,
			struct buf *reply);

/*
 * Creates the socket at @path, mode 0660, group @group_name if not "". A
 * stale socket of a dead daemon is replaced; a live one, or anything that is
 * not a socket, is an error and stays untouched.
 */
struct control *control_open(struct ev_loop *loop, const char *path, const char *group_name,
			     control_fn *fn, void *arg, struct err *err);
/* Removes the socket. */
void control_close(struct control *control);

#endif
