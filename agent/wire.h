/* SPDX-License-Identifier: MIT */
/*
 * Heartbeat bytes <-> struct hello, sealed with HMAC-SHA256. Format and
 * limits: doc/protocol.md, "Heartbeats". All integers big-endian:
 *
 *    0 'Z' 'V'   2 version (1)   3 key id        4 cluster (4)
 *    8 sender (2)  10 receiver (2)  12 flags  13 count  14 record size  15 zero
 *   16 digest (4)  20 echo age us (4)  24 nonce (8)  32 seq (8)
 *   40 echo nonce (8)  48 echo seq (8)
 *   56 count records:  id (2) flags (2) state (1) priority (1) owner (2)
 *                      handover (2) life (4) version (8) disclaimed (8)
 *      software (2): 4 bits major, 6 minor, 6 patch; or, in packets without
 *      records, a note: kind 1 (1) zero (1) length (2) bytes
 *      whatever a later version adds, ignored
 *      tag (32): HMAC-SHA256 over everything before it
 *
 * A record may be longer than we know (record size says) and bytes may follow
 * the records, so that a newer peer can add to both.
 */
#ifndef AGENT_WIRE_H
#define AGENT_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/base/err.h"
#include "agent/core/hello.h"

#define WIRE_MAX 1200 /* bytes of one packet: below any path's MTU */
#define WIRE_KEY_MIN 32
#define WIRE_KEY_MAX 64

/* Why a packet was dropped; each has a counter. */
enum wire_verdict {
	WIRE_OK,
	WIRE_LENGTH, /* too short, too long, or not what its count says */
	WIRE_MAGIC,  /* not ours */
	WIRE_VERSION,
	WIRE_CLUSTER,  /* another cluster's */
	WIRE_RECEIVER, /* for another node */
	WIRE_KEY,      /* a key id we do not have */
	WIRE_TAG,      /* forged, damaged, or another key */
	WIRE_COUNT
};

struct wire; /* keys and cluster */

#define WIRE_KEY_ID 1 /* of a lone key */

/*
 * Keys are told apart by id, 1 to 255. Packets are sealed with one; another is
 * accepted beside it, so that the hosts can change over one at a time. A key
 * file holds 32 to 64 random bytes and is not readable by group or others.
 */
struct wire_keys {
	const char *file; /* sent with */
	uint8_t id;
	const char *accept_file; /* "" = none */
	uint8_t accept_id;	 /* not @id */
};

/* Reads the key files. Returns NULL with @err naming the file, the fault and the fix. */
struct wire *wire_open(const struct wire_keys *keys, uint32_t cluster, uint16_t self,
		       struct err *err);
/* The same with one key from memory, which is copied. For tests and fuzzing. */
struct wire *wire_open_key(const uint8_t *key, size_t length, uint32_t cluster, uint16_t self,
			   struct err *err);
/* False: RLIMIT_MEMLOCK lets the key be swapped out. */
bool wire_key_locked(const struct wire *wire);
/* Wipes the key. */
void wire_close(struct wire *wire);

/* Returns the number of bytes written to @packet, or -errno. */
int wire_encode(struct wire *wire, const struct hello *hello, uint8_t packet[static WIRE_MAX]);
/* @hello is filled only on WIRE_OK. Cheap tests first, the tag last. */
enum wire_verdict wire_decode(struct wire *wire, const uint8_t *packet, size_t length,
			      struct hello *hello);

/* The last packet that was WIRE_OK was sealed with the key that is only accepted. */
bool wire_other_key(const struct wire *wire);

const char *wire_verdict_name(enum wire_verdict verdict);

#endif
