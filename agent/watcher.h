/* SPDX-License-Identifier: MIT */
/*
 * Files and processes that are watched (track_file, track_process). One thread
 * for all of them, since a file may lie on a disk that hangs and /proc may be
 * long; it hands over what it found through a mailbox. A process that counted
 * and ends is seen at once, by its pidfd.
 */
#ifndef AGENT_WATCHER_H
#define AGENT_WATCHER_H

#include <ev.h>

#include "agent/base/err.h"
#include "agent/base/mono.h"
#include "agent/process.h"

#define WATCHER_MAX 12
#define WATCHER_NUMBER_MAX 10000

enum watcher_verdict { WATCHER_NONE, WATCHER_GOOD, WATCHER_BAD, WATCHER_UNKNOWN, WATCHER_VERDICTS };

struct watcher_result {
	enum watcher_verdict verdict;
	int number;   /* of a file, cut to +-WATCHER_NUMBER_MAX */
	mono_us when; /* when it was looked at */
	char evidence[160];
};

struct watcher_config {
	const char *what; /* path of a file, or process with arguments; copied */
	bool process;	  /* else a file */
	enum process_match match;
	unsigned int quorum, quorum_max;
	mono_us interval;
};

struct watcher;

/* From the main loop, never from inside a call; the first time, and when something changed. */
typedef void watcher_fn(void *arg, unsigned int index, const struct watcher_result *result);

/* @count at most WATCHER_MAX. NULL with @err. */
struct watcher *watcher_open(struct ev_loop *loop, const struct watcher_config *configs,
			     unsigned int count, watcher_fn *fn, void *arg, struct err *err);
/* When each was looked at last, changed or not. */
mono_us watcher_looked(struct watcher *watch, unsigned int index);
/* Waits for the thread, which a disk that hangs may hold. */
void watcher_close(struct watcher *watch);

/* "NONE", "UP", "DOWN", "UNKNOWN" */
const char *watcher_verdict_name(enum watcher_verdict verdict);

/* What a file of @length bytes says: the heart of track_file. @length -1: it is not there. */
void watcher_read_number(const char *text, ssize_t length, struct watcher_result *result);

#endif
