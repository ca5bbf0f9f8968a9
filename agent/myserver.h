/* SPDX-License-Identifier: MIT */
/*
 * What can be learned about a mysqld without speaking its protocol: whether
 * anybody listens at its address and whether its process lives; and the
 * password file. Calls end at their limit like those of myclient.h.
 */
#ifndef AGENT_MYSERVER_H
#define AGENT_MYSERVER_H

#include <stddef.h>
#include <stdint.h>

#include "agent/base/err.h"
#include "agent/base/ip.h"
#include "agent/base/mono.h"

#define MYSERVER_PASSWORD_MAX 256

struct myserver_address {
	const char *socket; /* "" = TCP */
	struct ip host;
	uint16_t port;
};

/*
 * Connects and hangs up. Only for finding out why a client library could not
 * connect: a server that lives counts it as a broken connection. Returns 0 if
 * somebody listens, else -errno; -ETIMEDOUT at @deadline, -EINTR when @wake_fd
 * became readable.
 */
int myserver_knock(const struct myserver_address *address, mono_us deadline, int wake_fd);

/*
 * A descriptor that becomes readable when process @pid ends; -1 when there is
 * none to be had: not visible from here, or pid 1, which holds sockets for
 * servers that it starts on demand and never ends.
 */
int myserver_watch(int pid);

/*
 * A descriptor that becomes readable when a socket file watched by it is
 * removed, moved or changed; -1 when there is none to be had. MySQL (8 and
 * later), told to stop, removes the file first and lets idle sessions be:
 * nothing else would tell. Keep it: closing it may take the kernel 30 ms.
 */
int myserver_file_watcher(void);
/* Watches @socket from now on; watching it again changes nothing. False: it cannot. */
bool myserver_file_watch(int watcher, const char *socket);
/* Takes the news in. */
void myserver_file_heard(int watcher);

/*
 * Reads the first line of @file into @password, terminated. Refuses what is
 * not a plain file or what group or others may read. The caller wipes it.
 * Returns 0, or -1 with @err set and @password empty.
 */
int myserver_password(const char *file, char password[static MYSERVER_PASSWORD_MAX],
		      struct err *err);

#endif
