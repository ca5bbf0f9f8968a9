/* SPDX-License-Identifier: MIT */
/*
 * For tests that need files of root on a path of root: a tmpfs on OWN_MOUNT
 * that only this process sees, so nothing is left behind and nothing of the
 * machine is touched. (Not below /tmp, which everybody may write, so that no
 * script there is trusted.)
 */
#ifndef TESTS_UNIT_OWN_MOUNT_H
#define TESTS_UNIT_OWN_MOUNT_H

#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#define OWN_MOUNT "/mnt"
#define OWN_MOUNT_SKIP 77 /* automake: skipped */

/* False: not root, or not allowed here. */
static inline bool own_mount(void)
{
	if (geteuid() != 0 || unshare(CLONE_NEWNS) < 0 ||
	    mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("tmpfs", OWN_MOUNT, "tmpfs", MS_NOSUID, "mode=0755") < 0) {
		perror("skipped: needs root and a mount namespace");
		return false;
	}
	return true;
}

/* Scripts are watched by pidfd, which valgrind 3.19 does not know. */
static inline bool pidfd_works(void)
{
	int fd = (int)syscall(SYS_pidfd_open, getpid(), 0);

	if (fd < 0) {
		perror("skipped: pidfd_open");
		return false;
	}
	close(fd);
	return true;
}

#endif
