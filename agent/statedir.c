/* SPDX-License-Identifier: MIT */
/* Every open is relative to the directory's descriptor and follows no link. */
#include "agent/statedir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SAFE (O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY)

int statedir_open(const char *path, struct err *err)
{
	struct stat st;
	int dir;

	(void)mkdir(path, 0700); /* there already, or the open says what is wrong */
	dir = open(path, O_RDONLY | O_DIRECTORY | SAFE);
	if (dir < 0)
		return err_set(err, "state directory %s: %s", path, strerror(errno));
	if (fstat(dir, &st) < 0 || (st.st_uid != geteuid() && st.st_uid != 0) ||
	    st.st_mode & (S_IWGRP | S_IWOTH)) {
		(void)close(dir);
		return err_set(err, "state directory %s: others can write there; chmod 0700 %s",
			       path, path);
	}
	return dir;
}

int statedir_existing(int dir, const char *name, int flags)
{
	int fd = openat(dir, name, flags | SAFE);
	struct stat st;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_nlink == 1 &&
	    st.st_uid == geteuid())
		return fd;
	(void)close(fd);
	return -EPERM;
}

int statedir_fresh(int dir, const char *name)
{
	int fd;

	if (unlinkat(dir, name, 0) < 0 && errno != ENOENT)
		return -errno;
	fd = openat(dir, name, O_RDWR | O_CREAT | O_EXCL | SAFE, 0600);
	return fd < 0 ? -errno : fd;
}

int statedir_read(int dir, const char *name, struct buf *text)
{
	int fd = statedir_existing(dir, name, O_RDONLY);
	char part[4096];
	ssize_t length;
	int ret = 0;

	if (fd < 0)
		return fd;
	while ((length = read(fd, part, sizeof(part))) > 0 && ret == 0)
		ret = buf_append(text, part, (size_t)length) < 0 ? -EFBIG : 0;
	if (length < 0)
		ret = -errno;
	(void)close(fd);
	return ret;
}

int statedir_write(int fd, const void *data, size_t length, off_t offset)
{
	const char *bytes = data;

	while (length > 0) {
		ssize_t done = pwrite(fd, bytes, length, offset);

		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return done < 0 ? -errno : -EIO;
		bytes += done;
		offset += done;
		length -= (size_t)done;
	}
	return 0;
}

int statedir_replace(int dir, const char *name, const void *data, size_t length)
{
	char fresh[64];
	int fd, ret;

	(void)snprintf(fresh, sizeof(fresh), "%s.new", name);
	fd = statedir_fresh(dir, fresh);
	if (fd < 0)
		return fd;
	ret = statedir_write(fd, data, length, 0);
	if (ret == 0 && fsync(fd) < 0)
		ret = -errno;
	(void)close(fd);
	if (ret == 0 && renameat(dir, fresh, dir, name) < 0)
		ret = -errno;
	if (ret == 0)
		(void)fsync(dir); /* without it a power cut may bring the old one back: harmless */
	else
		(void)unlinkat(dir, fresh, 0); /* gives the space back */
	return ret;
}
