/* SPDX-License-Identifier: MIT */
/*
 * Heartbeat bytes with a key known to the fuzzer: half of the inputs are
 * sealed by us so that the parser behind the tag is reached. Oracle: what
 * decodes encodes to the same bytes again (up to what we do not know), and
 * touches survive their way through text.
 *
 * fuzz: agent/wire.c agent/keypage.c agent/touch.c agent/core/[a-z]*.c agent/base/timers.c -lcrypto
 * covers: agent/wire.c wire_decode wire_encode get16 get32 get64 put16 put32 put64 seal
 */
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>
#include <string.h>

#include "agent/touch.h"
#include "agent/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t key[32] = "\x81zonevip fuzzing key, 32 bytes!";

static void roundtrip(struct wire *wire, const uint8_t *packet, size_t size)
{
	struct hello hello;
	struct hello again;
	uint8_t encoded[WIRE_MAX];
	int length;

	if (wire_decode(wire, packet, size, &hello) != WIRE_OK)
		return;
	length = wire_encode(wire, &hello, encoded);
	if (length < 0 || wire_decode(wire, encoded, (size_t)length, &again) !=
				  (hello.receiver == 22 ? WIRE_OK : WIRE_RECEIVER))
		abort();
	if (again.count != hello.count || again.seq != hello.seq || again.nonce != hello.nonce)
		abort();
}

static void try_touch(const uint8_t *data, size_t size)
{
	char text[4097];
	char back[4097];
	struct touch touch;

	if (size >= sizeof(text))
		return;
	memcpy(text, data, size);
	text[size] = '\0';
	if (touch_parse(text, &touch) == 0 && touch_format(&touch, back, sizeof(back)) == 0 &&
	    strlen(back) > strlen(text))
		abort(); /* ours is the shortest form */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct wire *wire;
	uint8_t packet[WIRE_MAX + 64];
	unsigned int tag = 0;

	if (!wire)
		wire = wire_open_key(key, sizeof(key), 0x5a5a5a5a, 22, NULL);
	roundtrip(wire, data, size);
	try_touch(data, size);
	if (size < 56 || size > WIRE_MAX - 32)
		return 0;
	memcpy(packet, data, size); /* the same with a header and a tag that pass */
	memcpy(packet, "ZV\x01\x01\x5a\x5a\x5a\x5a", 8);
	memcpy(packet + 10, "\0\x16", 2);
	(void)HMAC(EVP_sha256(), key, sizeof(key), packet, size, packet + size, &tag);
	roundtrip(wire, packet, size + 32);
	return 0;
}
