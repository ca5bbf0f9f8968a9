/* SPDX-License-Identifier: MIT */
/*
 * The client's end of the status socket (zonevipctl(8)). Whatever hangs, it
 * ends within ASK_DEADLINE; whatever is wrong, the sentence says who must do
 * what, since this is read at three in the morning.
 */
#define _GNU_SOURCE /* SOCK_NONBLOCK */
#include "agent/ctl/ask.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define RETRY_MS 20

static enum ctl_exit fail(struct err *err, enum ctl_exit code, const char *path, const char *text)
{
	(void)err_set(err, "%s: %s", path, text);
	return code;
}

static enum ctl_exit connect_failed(struct err *err, const char *path, int error)
{
	switch (error) {
	case ENOENT:
	case ECONNREFUSED:
		return fail(err, CTL_NOT_RUNNING, path,
			    "zonevipd is not running; start it with 'systemctl start zonevip', "
			    "see why it stopped with 'journalctl -u zonevip'");
	case ENOTSOCK:
	case EPROTOTYPE:
		return fail(err, CTL_NOT_RUNNING, path, "this is not zonevipd's socket");
	case EACCES:
	case EPERM:
		return fail(err, CTL_PERMISSION, path,
			    "permission denied: ask as root or as a member of the socket's group");
	case EAGAIN:
		return fail(err, CTL_TIMEOUT, path, "zonevipd does not take connections in time");
	default:
		return fail(err, CTL_NOT_RUNNING, path, strerror(error));
	}
}

static int remaining_ms(mono_us deadline)
{
	mono_us left = deadline - mono_now();

	return left > 0 ? (int)(left / MSEC) : 0;
}

/* Connected descriptor, or -errno. A unix socket with a full backlog says EAGAIN. */
static int connect_until(const struct sockaddr_un *address, mono_us deadline)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	while (connect(fd, (const struct sockaddr *)address, sizeof(*address)) < 0) {
		int error = errno;

		if ((error != EAGAIN && error != EINTR) || remaining_ms(deadline) == 0) {
			close(fd);
			return -error;
		}
		(void)poll(NULL, 0, RETRY_MS);
	}
	return fd;
}

/* 0 when the peer has closed, -ETIMEDOUT, -EMSGSIZE or another -errno. */
static int read_until(int fd, struct buf *reply, mono_us deadline)
{
	struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
	char data[16384];

	for (;;) {
		ssize_t count;
		int ret = poll(&poll_fd, 1, remaining_ms(deadline));

		if (ret < 0 && errno != EINTR)
			return -errno;
		if (ret == 0)
			return -ETIMEDOUT;
		count = recv(fd, data, sizeof(data), MSG_DONTWAIT);
		if (count == 0 || (count < 0 && errno == ECONNRESET))
			return 0; /* reset: it refused before it had read all of ours */
		if (count < 0 && (errno == EAGAIN || errno == EINTR))
			continue;
		if (count < 0)
			return -errno;
		ret = buf_append(reply, data, (size_t)count);
		if (ret < 0)
			return ret;
	}
}

static enum ctl_exit converse(int fd, const char *path, const char *line, struct buf *reply,
			      struct err *err)
{
	mono_us deadline = mono_now() + ASK_DEADLINE;
	char request[CTL_LINE_MAX + 1];
	int length = snprintf(request, sizeof(request), "%s\n", line);
	int ret;

	if (length >= (int)sizeof(request))
		return fail(err, CTL_USAGE, path, "the request is too long");
	/* It fits any socket buffer. If the daemon has refused us and closed, its
	 * reason is still to be read, so a failure here is not the end. */
	(void)!send(fd, request, (size_t)length, MSG_NOSIGNAL);
	ret = read_until(fd, reply, deadline);
	if (ret == -ETIMEDOUT)
		return fail(err, CTL_TIMEOUT, path,
			    "no answer in time: zonevipd hangs or is stopped (systemctl status "
			    "zonevip)");
	if (ret < 0)
		return fail(err, CTL_REFUSED, path, strerror(-ret));
	if (reply->length == 0)
		return fail(err, CTL_REFUSED, path, "zonevipd closed the connection; ask again");
	return CTL_OK;
}

/* "ERROR why" becomes the error; "ERROR not permitted ..." has its own code. */
static enum ctl_exit judge(struct buf *reply, struct err *err)
{
	static const char refusal[] = "ERROR ";
	static const char permission[] = "not permitted";
	const char *why = reply->data + sizeof(refusal) - 1;

	while (reply->length > 0 && reply->data[reply->length - 1] == '\n')
		reply->data[--reply->length] = '\0';
	if (strncmp(reply->data, refusal, sizeof(refusal) - 1) != 0)
		return CTL_OK;
	(void)err_set(err, "%s", why);
	return strncmp(why, permission, sizeof(permission) - 1) == 0 ? CTL_PERMISSION : CTL_REFUSED;
}

enum ctl_exit ask(const char *socket_path, const char *line, struct buf *reply, struct err *err)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	size_t length = strlen(socket_path);
	enum ctl_exit code;
	int fd;

	if (length == 0 || length >= sizeof(address.sun_path))
		return fail(err, CTL_USAGE, socket_path, "not a path for a socket");
	memcpy(address.sun_path, socket_path, length + 1);
	fd = connect_until(&address, mono_now() + ASK_DEADLINE);
	if (fd < 0)
		return connect_failed(err, socket_path, -fd);
	code = converse(fd, socket_path, line, reply, err);
	close(fd);
	return code == CTL_OK ? judge(reply, err) : code;
}
