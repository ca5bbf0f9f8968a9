/* SPDX-License-Identifier: MIT */
/*
 * A listening unix socket at a path that may hold anything: what a dead
 * process left behind, a live server, or an object somebody planted there.
 * Used by the status socket and by the notify runner.
 */
#ifndef AGENT_BASE_UNIXSOCK_H
#define AGENT_BASE_UNIXSOCK_H

#include <limits.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "agent/base/err.h"

#define UNIXSOCK_GROUPS_MAX 256

struct unixsock {
	int fd;	   /* listening, non-blocking, close-on-exec; -1 = closed */
	dev_t dev; /* the socket file that we made: only that one is ever removed */
	ino_t inode;
	char path[108];
};

/*
 * Listens at @path (absolute, in a directory that only its owner can change)
 * with @type SOCK_STREAM or SOCK_SEQPACKET, mode 0660 whatever the umask and
 * group @gid ((gid_t)-1: that of the process).
 *
 * A socket that refuses connections is the leftover of a dead process and is
 * replaced. A live one, or anything that is not a socket, stays untouched.
 * Two processes that start at once cannot take each other's socket: the
 * directory is locked meanwhile.
 *
 * Returns 0, or -1 with @err saying what is there and what to do.
 */
int unixsock_listen(struct unixsock *sock, const char *path, int type, gid_t gid, struct err *err);

/* Closes, and removes the socket file if it is still the one we made. */
void unixsock_close(struct unixsock *sock);

/* Who is at the other end, as the kernel noted it when the connection was made. */
struct unixsock_peer {
	pid_t pid;
	uid_t uid;
	gid_t gid;
	gid_t groups[UNIXSOCK_GROUPS_MAX]; /* supplementary; cut at the maximum */
	unsigned int group_count;
};

/* 0 or -errno. */
int unixsock_peer(int fd, struct unixsock_peer *peer);

/* By primary or supplementary group, without asking any user database. */
bool unixsock_in_group(const struct unixsock_peer *peer, gid_t gid);

/* The number of @group in the group file, or -1 with @err. May read files: at start only. */
int unixsock_group(const char *group, gid_t *gid, struct err *err);

#endif
