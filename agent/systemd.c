/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "agent/systemd.h"

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#ifdef HAVE_SYSTEMD
#include <systemd/sd-daemon.h>
#endif

static int notify_fd = -1;

void systemd_open(void)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	const char *path = getenv("NOTIFY_SOCKET");
	size_t length = path ? strlen(path) : 0;

	if (length < 2 || length >= sizeof(to.sun_path) || (path[0] != '/' && path[0] != '@'))
		return;
	memcpy(to.sun_path, path, length);
	if (path[0] == '@') /* no file: a name of its own */
		to.sun_path[0] = '\0';
	notify_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (notify_fd < 0)
		return;
	length += offsetof(struct sockaddr_un, sun_path);
	if (connect(notify_fd, (const struct sockaddr *)&to, (socklen_t)length) < 0) {
		close(notify_fd);
		notify_fd = -1;
	}
}

void systemd_tell(const char *words)
{
	if (notify_fd >= 0)
		(void)send(notify_fd, words, strlen(words), MSG_NOSIGNAL);
#ifdef HAVE_SYSTEMD
	else
		(void)sd_notify(0, words); /* a socket that we do not know, or nobody */
#endif
}

double systemd_watchdog_s(void)
{
#ifdef HAVE_SYSTEMD
	uint64_t usec = 0;

	if (sd_watchdog_enabled(0, &usec) > 0)
		return (double)usec / 1e6;
#endif
	return 0.0;
}
