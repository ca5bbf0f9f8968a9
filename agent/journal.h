/* SPDX-License-Identifier: MIT */
/*
 * The journal's files: a ring of JOURNAL_FILES files in the state directory,
 * together not larger than a given size, each a row of blocks. A block has a
 * length, a checksum and a number that counts up through the whole ring, so a
 * torn end, a damaged place and a gap are seen. What is in a block is
 * agent/tape's business; here a block is bytes of one of two kinds:
 *
 *   HEAD    everything needed to begin: who, since when, the whole machine
 *   EVENTS  what came in since the block before
 *
 * Every file begins with a HEAD, so reading can begin at any file. Files may
 * be put together with cat. Everything is little-endian.
 */
#ifndef AGENT_JOURNAL_H
#define AGENT_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/base/err.h"

#define JOURNAL_FILES 4
#define JOURNAL_NAME_MAX 16 /* "journal.0" */
#define JOURNAL_BLOCK_MAX ((uint32_t)8 << 20)
#define JOURNAL_HEADER 24

enum journal_kind { JOURNAL_HEAD = 1, JOURNAL_EVENTS = 2 };

struct journal_block {
	enum journal_kind kind;
	uint64_t number;
	const uint8_t *payload; /* in the caller's bytes */
	uint32_t length;
};

/* Fills the header of a block around a payload of @length that will follow. */
void journal_seal(uint8_t header[static JOURNAL_HEADER], enum journal_kind kind, uint64_t number,
		  const void *payload, uint32_t length);

/*
 * Finds the next whole block at or after *@at and moves *@at behind it.
 * Returns how many bytes had to be skipped to get there, or -1 when there is
 * none (what is left from *@at on is torn or foreign).
 */
int64_t journal_next(const uint8_t *data, size_t size, size_t *at, struct journal_block *block);

/* --- writing: one thread at a time ------------------------------------------------- */

struct journal {
	int dir;	 /* borrowed; -1 = no directory */
	int fd;		 /* -1 = none open */
	uint64_t max;	 /* bytes of the whole ring; 0 = no journal */
	uint64_t size;	 /* of the open file */
	uint64_t number; /* of the last block */
	unsigned int file;
	bool scanned;
	bool gap; /* a block was lost: nothing is written before the next HEAD */
};

void journal_init(struct journal *journal, int dir, uint64_t max);
void journal_close(struct journal *journal);

/*
 * Appends a block; a HEAD begins the next file when this one is full. 0 or
 * -errno, and then the block is lost and with it all up to the next HEAD
 * (-EPIPE: one of those). Some of the file system is always left free: the
 * journal is the least important writer on the machine.
 */
int journal_add(struct journal *journal, enum journal_kind kind, const void *payload,
		uint32_t length);
/* The file is full: a HEAD is due. */
bool journal_full(const struct journal *journal);
int journal_sync(const struct journal *journal);

#endif
