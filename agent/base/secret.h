/* SPDX-License-Identifier: MIT */
/*
 * May others read a file with a secret in it?
 */
#ifndef AGENT_BASE_SECRET_H
#define AGENT_BASE_SECRET_H

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/*
 * True when @mode lets nobody but the owner in. A credential of systemd's is
 * let in by an access list, whose mask stands where the group's bits are: below
 * $CREDENTIALS_DIRECTORY, which only systemd writes, "r" there means us.
 */
static inline bool secret_is_private(const char *path, mode_t mode)
{
	const char *dir = getenv("CREDENTIALS_DIRECTORY");
	size_t length = dir ? strlen(dir) : 0;

	if (!(mode & (S_IRWXG | S_IRWXO)))
		return true;
	return length > 1 && strncmp(path, dir, length) == 0 && path[length] == '/' &&
	       !strstr(path, "/..") && !(mode & (S_IWGRP | S_IXGRP | S_IRWXO));
}

#endif
