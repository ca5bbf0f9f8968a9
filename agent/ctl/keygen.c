/* SPDX-License-Identifier: MIT */
/*
 * "zonevipctl keygen FILE": a heartbeat key of 32 bytes from the kernel. It is
 * never printed: a key on a terminal is a key in somebody's scrollback.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "agent/ctl/ctl.h"

#define KEY_BYTES 32

/* 0 or -errno; a half-written file is taken away again. */
static int write_key(const char *path)
{
	unsigned char key[KEY_BYTES];
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0400);
	int ret = 0;

	if (fd < 0)
		return -errno;
	if (getrandom(key, sizeof(key), 0) != sizeof(key) ||
	    write(fd, key, sizeof(key)) != sizeof(key) || fsync(fd) < 0)
		ret = errno ? -errno : -EIO;
	explicit_bzero(key, sizeof(key));
	if (close(fd) < 0 && ret == 0)
		ret = -errno;
	if (ret < 0)
		(void)unlink(path);
	return ret;
}

enum ctl_exit ctl_run_keygen(const struct ctl *ctl, const struct ctl_command *command,
			     char *const *arguments)
{
	struct err err = {""};
	int ret;

	(void)ctl;
	(void)command;
	if (!arguments[0] || arguments[1])
		return ctl_fail(CTL_USAGE, "keygen: name one file, for example heartbeat.key");
	ret = write_key(arguments[0]);
	if (ret == -EEXIST)
		(void)err_set(&err, "%s exists and is left alone: the hosts may be using it",
			      arguments[0]);
	else if (ret < 0)
		(void)err_set(&err, "%s: %s", arguments[0], strerror(-ret));
	if (ret < 0)
		return ctl_fail(CTL_REFUSED, err.text);
	(void)printf("%s: %d random bytes, mode 0400. Copy it to every host, owned by the daemon's "
		     "user:\n  chown zonevip: %s\n",
		     arguments[0], KEY_BYTES, arguments[0]);
	return CTL_OK;
}
