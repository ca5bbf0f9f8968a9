/* SPDX-License-Identifier: MIT */
/*
 * PURE: what a node tells its peers of its database once a second, and at
 * once when it has been fenced or promoted: the note of a heartbeat
 * (agent/wire.h), which an older peer ignores. Bytes, big-endian:
 *
 *    0 kind (1)   1 flags   2 track id (2)   4 term (8)   12 lag s (4)   16 text
 */
#ifndef AGENT_POSITION_H
#define AGENT_POSITION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/mygtid.h"

#define POSITION_SERVES 0x01  /* the server answers */
#define POSITION_KNOWN 0x02   /* the text is its position; else it could not be read */
#define POSITION_FINAL 0x04   /* takes no writes, and will not for this term */
#define POSITION_REPLICA 0x08 /* it replicates, both threads run */

struct position {
	uint8_t flags;
	uint16_t track; /* conf_id of its name */
	uint64_t term;	/* of the parameter, as the sender knew it */
	int32_t lag_s;	/* -1 = not known */
	char executed[MYGTID_TEXT_MAX];
};

/* Returns the length; @room is at least POSITION_MAX. */
#define POSITION_MAX (16 + MYGTID_TEXT_MAX)
size_t position_write(const struct position *position, uint8_t note[static POSITION_MAX]);
/* False: not a position. */
bool position_read(const uint8_t *note, size_t length, struct position *position);

#endif
