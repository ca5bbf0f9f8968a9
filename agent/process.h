/* SPDX-License-Identifier: MIT */
/*
 * Processes by name: what counts as one, and how many there are in /proc.
 * Names and arguments are compared as keepalived's track_process does.
 */
#ifndef AGENT_PROCESS_H
#define AGENT_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define PROCESS_WORDS_MAX 32
#define PROCESS_TEXT_MAX 512
#define PROCESS_PIDS_MAX 64 /* of one pattern, to be watched for their end */

enum process_match {
	PROCESS_EXACT,	 /* all arguments */
	PROCESS_INITIAL, /* the first ones */
	PROCESS_PARTIAL, /* the first ones, the last of them up to its length */
};

struct process_pattern {
	enum process_match match;
	char text[PROCESS_TEXT_MAX];
	const char *words[PROCESS_WORDS_MAX]; /* into text */
	unsigned int count;
};

/* How many were found, and the first of them. */
struct process_found {
	unsigned int count;
	pid_t pids[PROCESS_PIDS_MAX];
};

/* Splits @what at blanks. False: empty, or more than PROCESS_WORDS_MAX words. */
bool process_pattern(struct process_pattern *pattern, const char *what, enum process_match match);

/*
 * @comm is the kernel's name (15 bytes at most), @cmdline the arguments, each
 * with its NUL. A name without '/' must be comm, or the last part of the first
 * argument; a path must be the first argument.
 */
bool process_matches(const struct process_pattern *pattern, const char *comm, const char *cmdline,
		     size_t length);

/*
 * Looks through /proc once for @count patterns; zombies are none. Takes a few
 * milliseconds per thousand processes: not on the main loop. False when those of
 * other users are hidden (hidepid, ProtectProc=), so that "none" means nothing.
 */
bool process_scan(const struct process_pattern *const *patterns, struct process_found *found,
		  unsigned int count);

#endif
