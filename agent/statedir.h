/* SPDX-License-Identifier: MIT */
/*
 * Files in the state directory, where somebody may have planted links, FIFOs
 * or files of their own: nothing outside the directory is ever opened or
 * changed, and nothing in it that is not a plain file of ours.
 */
#ifndef AGENT_STATEDIR_H
#define AGENT_STATEDIR_H

#include <stddef.h>
#include <sys/types.h>

#include "agent/base/buf.h"
#include "agent/base/err.h"

/*
 * Opens directory @path, made with mode 0700 if it is missing. It must belong
 * to us or to root and be writable for nobody else. Returns a descriptor, or
 * -1 with @err.
 */
int statedir_open(const char *path, struct err *err);

/* Opens a file of ours as it is. Returns a descriptor or -errno; -EPERM: not a plain file of ours.
 */
int statedir_existing(int dir, const char *name, int flags);

/* A new empty file, mode 0600, in place of whatever had the name. A descriptor or -errno. */
int statedir_fresh(int dir, const char *name);

/* Appends the file to @text, at most as much as fits. 0 or -errno; -EFBIG: longer. */
int statedir_read(int dir, const char *name, struct buf *text);

/*
 * Replaces file @name as a whole: after a crash it is the old one or the new
 * one. Waits for the disk. 0 or -errno, and then the old one is still there.
 */
int statedir_replace(int dir, const char *name, const void *data, size_t length);

/* All of it at @offset. 0 or -errno. */
int statedir_write(int fd, const void *data, size_t length, off_t offset);

#endif
