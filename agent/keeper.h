/* SPDX-License-Identifier: MIT */
/*
 * Writes what outlives the process: the state file and the journal, on a
 * thread of its own, because a disk may take its time. The main loop only
 * copies bytes under a mutex that is never held during a write. A disk that is
 * full, read-only or hung loses what it loses; it is counted, said once, and
 * nothing waits for it.
 */
#ifndef AGENT_KEEPER_H
#define AGENT_KEEPER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/journal.h"

struct keeper;

/*
 * @dir		descriptor of the state directory, or -1; the keeper's from now on.
 * @journal_max	bytes of the journal's ring, 0 = none.
 * Returns NULL without memory or thread.
 */
struct keeper *keeper_open(int dir, uint64_t journal_max);
/* Writes what waits, for at most a second; @keeper is gone after that. */
void keeper_close(struct keeper *keeper);

/* Replaces the state file by @text. Of several that wait the newest is written. */
void keeper_state(struct keeper *keeper, const char *text, size_t length);

/* Appends a block; @flush: to the disk, not only to the kernel. False: no room, it is lost. */
bool keeper_journal(struct keeper *keeper, enum journal_kind kind, const void *payload,
		    size_t length, bool flush);

/* Why the journal needs a HEAD next. Asking takes the answer back. */
enum keeper_need { KEEPER_NOTHING, KEEPER_NEXT_FILE, KEEPER_AFTER_GAP };
enum keeper_need keeper_needs(struct keeper *keeper);

struct keeper_counters {
	uint64_t state_written;
	uint64_t state_failed;
	uint64_t journal_written; /* bytes */
	uint64_t journal_lost;	  /* blocks */
	int state_error;	  /* -errno of the last try, 0 = good */
	int journal_error;
};

void keeper_counters(struct keeper *keeper, struct keeper_counters *counters);

#endif
