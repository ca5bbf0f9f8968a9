/* SPDX-License-Identifier: MIT */
/*
 * The state file: what of each instance outlives the process, as text that a
 * person can read. Pure: bytes are statedir.h's business. It is read whole or
 * not at all; a file that is damaged, of another node or of another format is
 * ignored by the caller with one warning.
 *
 * Times are CLOCK_BOOTTIME, which begins anew with every boot of the machine.
 * So the file carries the boot's id and the wall clock at writing, and
 * state_rebase() turns what is left of a time into the present boot's.
 */
#ifndef AGENT_STATE_H
#define AGENT_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/base/buf.h"
#include "agent/base/err.h"
#include "agent/base/mono.h"

#define STATE_FILE "state"
#define STATE_INSTANCES_MAX 255
#define STATE_NAME_MAX 64
#define STATE_REASON_MAX 128 /* with the NUL */
#define STATE_BOOT_MAX 40
#define STATE_BOOT_UNKNOWN "unknown" /* then the wall clock alone tells */
#define STATE_BYTES_MAX ((size_t)256 * 1024)
#define STATE_LIFE_MAX ((uint32_t)1 << 30)

struct state_instance {
	char name[STATE_NAME_MAX];
	uint32_t life;
	uint64_t version;
	char owner[STATE_NAME_MAX]; /* of that version; "" = nobody or unknown */
	uint64_t disclaimed;
	bool standby;
	bool frozen;
	mono_us frozen_until;	       /* MONO_NEVER = until told */
	char reason[STATE_REASON_MAX]; /* an operator's words for the maintenance */
	mono_us hold_until;	       /* MONO_LONG_AGO = no hold */
	mono_us last_failure;	       /* MONO_LONG_AGO = none */
	unsigned int failures;
};

struct state {
	char cluster[STATE_NAME_MAX];
	char node[STATE_NAME_MAX];
	char boot[STATE_BOOT_MAX]; /* the kernel's boot_id */
	mono_us written;
	int64_t wall_us; /* the same moment, since the epoch */
	unsigned int count;
	struct state_instance instances[STATE_INSTANCES_MAX];
};

/* Appends the text to @text, checksum included. 0, or -1 when it did not fit. */
int state_format(const struct state *state, struct buf *text);

/* 0, or -1 with @err saying what is wrong; @state is then undefined. */
int state_parse(const char *text, size_t length, struct state *state, struct err *err);

/*
 * Makes the times those of boot @boot at @now. A time of another boot is what
 * was left of it when it was written, less the wall time gone by since; a wall
 * clock that went back counts as none.
 */
void state_rebase(struct state *state, const char *boot, mono_us now, int64_t wall_us);

const struct state_instance *state_find(const struct state *state, const char *name);

#endif
