/* SPDX-License-Identifier: MIT */
/*
 * Opened for each line: state changes are rare, and a reader that comes and
 * goes then needs nothing of us. A line is shorter than PIPE_BUF, so it goes
 * whole or not at all. What is no FIFO is not written to, and opening without
 * waiting cannot hang on it. Follows zonevip.conf(5), notify_fifo.
 */
#define _GNU_SOURCE
#include "agent/runner/fifo.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int open_fifo(const char *path)
{
	struct stat found;
	int fd;

	if (mkfifo(path, 0640) < 0 && errno != EEXIST)
		return -errno;
	fd = open(path, O_WRONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &found) == 0 && S_ISFIFO(found.st_mode))
		return fd;
	close(fd);
	return -ENOTSUP;
}

int fifo_tell(const char *path, const struct notify_event *event)
{
	char line[256];
	int length = snprintf(line, sizeof(line), "INSTANCE \"%.63s\" %.15s %" PRIu32 "\n",
			      event->instance, event->state, event->priority);
	int fd = open_fifo(path);
	ssize_t written;
	int ret;

	if (fd < 0)
		return fd;
	written = write(fd, line, (size_t)length);
	ret = written == length ? 0 : written < 0 ? -errno : -EIO;
	close(fd);
	return ret;
}
