/* SPDX-License-Identifier: MIT */
/*
 * Listening unix sockets, safely made and safely removed
 * (agent/base/unixsock.h): an object planted at the path is named and left
 * alone, and the file's mode does not depend on the umask.
 *
 * It blocks only as long as the file system does, so it belongs to start and
 * stop, not into the loop.
 */
#define _GNU_SOURCE /* O_PATH, AT_EMPTY_PATH, struct ucred */
#include "agent/base/unixsock.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* As long as the kernel lets a burst of clients wait for the next loop turn. */
#define BACKLOG 64

/* The daemon and the runner start together and share a directory: one waits
 * for the other, which holds the lock for a few system calls. */
#define LOCK_TRIES 100
#define LOCK_PAUSE_US 10000

static const char *kind(mode_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFREG:
		return "a regular file";
	case S_IFDIR:
		return "a directory";
	case S_IFLNK:
		return "a symbolic link";
	case S_IFIFO:
		return "a FIFO";
	case S_IFSOCK:
		return "a socket";
	default:
		return "a device";
	}
}

static int lock(int fd)
{
	for (int i = 0; i < LOCK_TRIES; i++) {
		if (flock(fd, LOCK_EX | LOCK_NB) == 0)
			return 0;
		if (errno != EWOULDBLOCK && errno != EINTR)
			break;
		(void)usleep(LOCK_PAUSE_US); /* woken early: one more try */
	}
	return -1;
}

/* Opens and locks the directory of @path. Its write bits matter: whoever may
 * write there can swap the socket under its clients. */
static int lock_directory(const char *path, struct err *err)
{
	char name[sizeof(((struct unixsock *)0)->path)];
	size_t length = (size_t)(strrchr(path, '/') - path);
	struct stat st;
	int fd;

	memcpy(name, path, length);
	name[length] = '\0';
	if (length == 0)
		strcpy(name, "/");
	fd = open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return err_set(err, "%s: cannot open the directory: %s", name, strerror(errno));
	if (fstat(fd, &st) < 0) {
		err_set(err, "%s: %s", name, strerror(errno));
		goto fail;
	}
	if (st.st_mode & (S_IWGRP | S_IWOTH)) {
		err_set(err,
			"%s is mode %04o: others could replace the socket; use a directory that "
			"only its owner can write (chmod go-w %s)",
			name, st.st_mode & 07777, name);
		goto fail;
	}
	if (lock(fd) < 0) {
		err_set(err, "%s: cannot lock the directory: %s; who holds it? (lslocks)", name,
			strerror(errno));
		goto fail;
	}
	return fd;
fail:
	close(fd);
	return -1;
}

/* 0 when the path is free afterwards. Nothing but a dead socket is removed. */
static int clear_stale(int dir, const char *base, const struct sockaddr_un *sun, int type,
		       struct err *err)
{
	struct stat st;
	int fd;
	int ret;

	if (fstatat(dir, base, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : err_set(err, "%s: %s", sun->sun_path, strerror(errno));
	if (!S_ISSOCK(st.st_mode))
		return err_set(
			err, "%s is %s, not a socket: left alone; remove it or choose another path",
			sun->sun_path, kind(st.st_mode));
	fd = socket(AF_UNIX, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return err_set(err, "socket: %s", strerror(errno));
	ret = connect(fd, (const struct sockaddr *)sun, sizeof(*sun)) < 0 ? errno : 0;
	close(fd);
	if (ret != ECONNREFUSED)
		return err_set(err, "%s is a socket of a live process (%s): left alone",
			       sun->sun_path, ret ? strerror(ret) : "it accepts connections");
	if (unlinkat(dir, base, 0) < 0)
		return err_set(err, "%s: cannot remove the leftover of a dead process: %s",
			       sun->sun_path, strerror(errno));
	return 0;
}

/* Group and mode of the new file, through a descriptor of exactly that file. */
static int set_access(struct unixsock *sock, int dir, const char *base, gid_t gid, struct err *err)
{
	char self[64];
	struct stat st;
	int fd = openat(dir, base, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	int ret = -1;

	if (fd < 0)
		return err_set(err, "%s: %s", sock->path, strerror(errno));
	if (fstat(fd, &st) < 0 || !S_ISSOCK(st.st_mode)) {
		err_set(err, "%s was replaced while we made it", sock->path);
		goto out;
	}
	if (gid != (gid_t)-1 && gid != st.st_gid &&
	    fchownat(fd, "", (uid_t)-1, gid, AT_EMPTY_PATH) < 0) {
		err_set(err, "%s: cannot give it to group %u: %s; make our user a member of it",
			sock->path, gid, strerror(errno));
		goto out;
	}
	/* fchmod() refuses O_PATH descriptors; this way leads to the same inode. */
	(void)snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
	if (chmod(self, S_IRUSR | S_IWUSR | S_IRGRP | S_IWGRP) < 0) {
		err_set(err, "%s: cannot set mode 0660: %s", sock->path, strerror(errno));
		goto out;
	}
	sock->dev = st.st_dev;
	sock->inode = st.st_ino;
	ret = 0;
out:
	close(fd);
	return ret;
}

static int bind_and_listen(struct unixsock *sock, int dir, const struct sockaddr_un *sun, gid_t gid,
			   struct err *err)
{
	const char *base = strrchr(sock->path, '/') + 1;

	/* Linux makes the file with the mode of the socket itself, less the
	 * umask: so it is never, not for an instant, open to everybody. */
	if (fchmod(sock->fd, S_IRUSR | S_IWUSR) < 0 ||
	    bind(sock->fd, (const struct sockaddr *)sun, sizeof(*sun)) < 0)
		return err_set(err, "%s: cannot make the socket: %s", sock->path, strerror(errno));
	if (set_access(sock, dir, base, gid, err) < 0)
		goto unlink;
	if (listen(sock->fd, BACKLOG) == 0)
		return 0;
	err_set(err, "%s: listen: %s", sock->path, strerror(errno));
unlink:
	(void)unlinkat(dir, base, 0); /* the error is already told */
	return -1;
}

int unixsock_listen(struct unixsock *sock, const char *path, int type, gid_t gid, struct err *err)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	size_t length = strlen(path);
	int ret = -1;
	int dir;

	*sock = (struct unixsock){.fd = -1};
	if (path[0] != '/' || path[length - 1] == '/')
		return err_set(err, "'%s': the path of a socket must be absolute", path);
	if (length >= sizeof(sun.sun_path))
		return err_set(err, "%s: longer than the %zu bytes a socket's path may have", path,
			       sizeof(sun.sun_path) - 1);
	memcpy(sun.sun_path, path, length + 1);
	memcpy(sock->path, path, length + 1);
	dir = lock_directory(path, err);
	if (dir < 0)
		return -1;
	if (clear_stale(dir, strrchr(path, '/') + 1, &sun, type, err) < 0)
		goto out;
	sock->fd = socket(AF_UNIX, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (sock->fd < 0) {
		err_set(err, "socket: %s", strerror(errno));
		goto out;
	}
	ret = bind_and_listen(sock, dir, &sun, gid, err);
	if (ret < 0) {
		close(sock->fd);
		sock->fd = -1;
	}
out:
	close(dir); /* and with it the lock */
	return ret;
}

void unixsock_close(struct unixsock *sock)
{
	struct stat st;

	if (sock->fd < 0)
		return;
	/* A successor may have replaced the file already: then it is not ours.
	 * Failing is no harm either, since the next start replaces a dead socket. */
	if (lstat(sock->path, &st) == 0 && st.st_dev == sock->dev && st.st_ino == sock->inode)
		(void)unlink(sock->path);
	close(sock->fd);
	sock->fd = -1;
}

int unixsock_peer(int fd, struct unixsock_peer *peer)
{
	struct ucred cred;
	socklen_t length = sizeof(cred);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &length) < 0)
		return -errno;
	peer->pid = cred.pid;
	peer->uid = cred.uid;
	peer->gid = cred.gid;
	length = sizeof(peer->groups);
	/* ERANGE means more groups than we look at: then none counts, which
	 * refuses a command and never allows one. */
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, peer->groups, &length) < 0)
		length = 0;
	peer->group_count = (unsigned int)(length / sizeof(gid_t));
	return 0;
}

bool unixsock_in_group(const struct unixsock_peer *peer, gid_t gid)
{
	if (peer->gid == gid)
		return true;
	for (unsigned int i = 0; i < peer->group_count; i++)
		if (peer->groups[i] == gid)
			return true;
	return false;
}

int unixsock_group(const char *group, gid_t *gid, struct err *err)
{
	char space[16384];
	struct group entry;
	struct group *found;
	int ret = getgrnam_r(group, &entry, space, sizeof(space), &found);

	if (!found)
		return err_set(err, "group '%s' is not known%s%s: create it with groupadd(8)",
			       group, ret ? ": " : "", ret ? strerror(ret) : "");
	*gid = found->gr_gid;
	return 0;
}
