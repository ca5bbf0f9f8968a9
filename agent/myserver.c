/* SPDX-License-Identifier: MIT */
/*
 * Sockets, pidfds and one small file; see myserver.h. It asks and reports,
 * and draws no conclusions.
 */
#include "config.h"

#include "agent/myserver.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "agent/base/secret.h"

static socklen_t socket_address(const struct myserver_address *address, struct sockaddr_storage *sa)
{
	struct sockaddr_un *un = (struct sockaddr_un *)sa;

	if (!address->socket[0])
		return ip_sockaddr(&address->host, address->port, sa);
	memset(sa, 0, sizeof(*sa));
	un->sun_family = AF_UNIX;
	memcpy(un->sun_path, address->socket, strnlen(address->socket, sizeof(un->sun_path) - 1));
	return sizeof(*un);
}

/* The end of a connect() under way: 0 or -errno. */
static int connected(int fd, mono_us deadline, int wake_fd)
{
	struct pollfd fds[] = {{.fd = fd, .events = POLLOUT}, {.fd = wake_fd, .events = POLLIN}};
	int error = 0;
	socklen_t length = sizeof(error);
	int count;

	do {
		mono_us left = mono_max(deadline - mono_now(), 0);
		struct timespec most = {.tv_sec = left / SEC, .tv_nsec = left % SEC * 1000};

		count = ppoll(fds, 2, &most, NULL);
	} while (count < 0 && errno == EINTR);
	if (count == 0)
		return -ETIMEDOUT;
	if (count < 0 || fds[1].revents)
		return -EINTR;
	return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) < 0 ? -errno : -error;
}

int myserver_knock(const struct myserver_address *address, mono_us deadline, int wake_fd)
{
	struct sockaddr_storage sa;
	socklen_t length = socket_address(address, &sa);
	int fd = socket(sa.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int ret = 0;

	if (fd < 0)
		return -errno;
	if (connect(fd, (struct sockaddr *)&sa, length) < 0)
		ret = errno == EINPROGRESS ? connected(fd, deadline, wake_fd) : -errno;
	(void)close(fd);
	return ret;
}

int myserver_watch(int pid)
{
	if (pid <= 1)
		return -1;
	return (int)syscall(SYS_pidfd_open, pid, 0); /* glibc has a wrapper from 2.36 on only */
}

int myserver_file_watcher(void)
{
	return inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
}

bool myserver_file_watch(int watcher, const char *socket)
{
	/* The last link's removal is a change of attributes while the server holds it open.
	 * Without it a shutdown is known by the next check: no reason to fail. */
	return inotify_add_watch(watcher, socket, IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF) >= 0;
}

void myserver_file_heard(int watcher)
{
	char events[1024];

	while (read(watcher, events, sizeof(events)) > 0)
		; /* which does not matter: it only leads to a question */
}

int myserver_password(const char *file, char password[static MYSERVER_PASSWORD_MAX],
		      struct err *err)
{
	struct stat stat;
	ssize_t length;
	int ret = -1;
	int fd;

	memset(password, 0, MYSERVER_PASSWORD_MAX);
	fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a FIFO must not hold us */
	if (fd < 0)
		return err_set(err, "password_file %s: %s", file, strerror(errno));
	if (fstat(fd, &stat) < 0 || !S_ISREG(stat.st_mode)) {
		err_set(err, "password_file %s is not a plain file", file);
		goto out;
	}
	if (!secret_is_private(file, stat.st_mode)) {
		err_set(err, "password_file %s is open to group or others: chmod 0400", file);
		goto out;
	}
	length = read(fd, password, MYSERVER_PASSWORD_MAX);
	if (length < 0) {
		err_set(err, "password_file %s: %s", file, strerror(errno));
		goto out;
	}
	if (length == MYSERVER_PASSWORD_MAX && !memchr(password, '\n', (size_t)length)) {
		err_set(err, "password_file %s: its first line is longer than %d bytes", file,
			MYSERVER_PASSWORD_MAX - 1);
		goto out;
	}
	password[MYSERVER_PASSWORD_MAX - 1] = '\0';
	length = (ssize_t)strcspn(password, "\r\n");
	explicit_bzero(password + length, (size_t)(MYSERVER_PASSWORD_MAX - length));
	ret = 0;
out:
	if (ret < 0)
		explicit_bzero(password, MYSERVER_PASSWORD_MAX);
	(void)close(fd);
	return ret;
}
