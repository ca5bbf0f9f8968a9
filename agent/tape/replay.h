/* SPDX-License-Identifier: MIT */
/*
 * zonevipd --replay: feeds a journal to the core again and compares what
 * follows with what followed then. Runs anywhere, for anybody, on a copy.
 */
#ifndef AGENT_TAPE_REPLAY_H
#define AGENT_TAPE_REPLAY_H

#include <stdio.h>

#include "agent/base/err.h"
#include "agent/journal.h"

enum replay_result {
	REPLAY_SAME,	/* every transition as recorded */
	REPLAY_DIFFERS, /* at least one not */
	REPLAY_NOTHING, /* nothing that could be replayed; said in the error */
};

struct replay_summary {
	uint64_t runs, events, transitions, compared;
	uint64_t differences;
	uint64_t gaps;	  /* places where something is missing */
	uint64_t skipped; /* bytes */
};

/*
 * @data is read as blocks (agent/journal.h); the timeline goes to @out, with
 * every event when @all.
 */
enum replay_result replay_bytes(const uint8_t *data, size_t size, bool all, FILE *out,
				struct replay_summary *summary, struct err *err);

/* @path: a file, or a directory with a ring of them. */
enum replay_result replay_path(const char *path, bool all, FILE *out, struct err *err);

#endif
