/* SPDX-License-Identifier: MIT */
/*
 * See wire.h for the format. There is no unauthenticated mode. The tag is
 * HMAC-SHA256; of a key are kept, in a page of its own (keypage.h), the two
 * states that have hashed its blocks, so that a heartbeat costs neither a key
 * schedule nor an allocation. That is why it is put together here from
 * OpenSSL's SHA256_* functions: its EVP_MAC allocates and frees contexts for
 * every message, a fifth of the CPU of an idle daemon (doc/performance.md).
 * OpenSSL 3 has them still, marked as old.
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "agent/wire.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/sha.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/base/secret.h"
#include "agent/keypage.h"

#ifndef WIRE_PROTOCOL
#define WIRE_PROTOCOL 1 /* raised only by what an older peer would misunderstand */
#endif
#define HEADER 56
#define RECORD 30
#define TRAILER 2 /* absent in packets of older peers */
#define TAG 32
#define NOTE_KIND 1
#define NOTE_HEADER 4
_Static_assert(HEADER + NOTE_HEADER + HELLO_NOTE_MAX + TAG <= WIRE_MAX, "a note must fit");
#define KEY_DISTINCT_MIN 16 /* different byte values; 32 random bytes have about 30 */

#define KEYS_MAX 2

_Static_assert(WIRE_KEY_MAX <= SHA256_CBLOCK, "a longer key would have to be hashed first");

/* RFC 2104: each has hashed one block, made of the key. As good as the key itself. */
struct pads {
	SHA256_CTX inner;
	SHA256_CTX outer;
};
_Static_assert(sizeof(struct pads) <= KEYPAGE_MAX && sizeof(struct pads) % 16 == 0,
	       "they end where their page ends, and must be aligned");

struct wire {
	struct wire_key {
		uint8_t id;
		struct keypage page; /* holds struct pads */
	} keys[KEYS_MAX];	     /* the first is sent with */
	unsigned int key_count;
	unsigned int last; /* of the last packet that was good */
	uint32_t cluster;
	uint16_t self;
};

/* --- key ------------------------------------------------------------------------ */

static bool looks_like_text(const uint8_t *key, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if ((key[i] < 0x20 || key[i] > 0x7e) && key[i] != '\n')
			return false;
	return true;
}

static unsigned int distinct(const uint8_t *key, size_t length)
{
	bool seen[256] = {false};
	unsigned int count = 0;

	for (size_t i = 0; i < length; i++) {
		count += !seen[key[i]];
		seen[key[i]] = true;
	}
	return count;
}

static bool hash_block(SHA256_CTX *hash, const uint8_t key[static SHA256_CBLOCK], uint8_t pad)
{
	uint8_t block[SHA256_CBLOCK];
	bool good;

	for (size_t i = 0; i < sizeof(block); i++)
		block[i] = key[i] ^ pad;
	good = SHA256_Init(hash) == 1 && SHA256_Update(hash, block, sizeof(block)) == 1;
	explicit_bzero(block, sizeof(block));
	return good;
}

static int keep_key(struct wire_key *kept, const uint8_t *key, size_t length)
{
	uint8_t whole[SHA256_CBLOCK] = {0};
	struct pads pads;
	int ret = -EINVAL;

	if (length > sizeof(whole))
		return ret;
	memcpy(whole, key, length);
	if (hash_block(&pads.inner, whole, 0x36) && hash_block(&pads.outer, whole, 0x5c))
		ret = keypage_open(&kept->page, (const uint8_t *)&pads, sizeof(pads));
	explicit_bzero(whole, sizeof(whole));
	explicit_bzero(&pads, sizeof(pads));
	return ret;
}

static int seal(const struct wire_key *key, const uint8_t *bytes, size_t length,
		uint8_t tag[static TAG])
{
	const struct pads *pads = (const void *)key->page.bytes;
	SHA256_CTX hash = pads->inner;
	bool good = SHA256_Update(&hash, bytes, length) == 1 && SHA256_Final(tag, &hash) == 1;

	hash = pads->outer;
	good = good && SHA256_Update(&hash, tag, TAG) == 1 && SHA256_Final(tag, &hash) == 1;
	explicit_bzero(&hash, sizeof(hash));
	return good ? 0 : -EIO;
}

static int add_key(struct wire *wire, uint8_t id, const uint8_t *key, size_t length,
		   struct err *err)
{
	struct wire_key *added = &wire->keys[wire->key_count];

	added->id = id;
	if (keep_key(added, key, length) < 0)
		return err_set(err, "heartbeat key: OpenSSL has no SHA-256, or no memory");
	wire->key_count++;
	return 0;
}

static struct wire *make(uint32_t cluster, uint16_t self, struct err *err)
{
	struct wire *wire = calloc(1, sizeof(*wire));

	if (!wire) {
		(void)err_set(err, "heartbeat: no memory");
		return NULL;
	}
	wire->cluster = cluster;
	wire->self = self;
	return wire;
}

struct wire *wire_open_key(const uint8_t *key, size_t length, uint32_t cluster, uint16_t self,
			   struct err *err)
{
	struct wire *wire = make(cluster, self, err);

	if (wire && add_key(wire, WIRE_KEY_ID, key, length, err) < 0) {
		wire_close(wire);
		return NULL;
	}
	return wire;
}

static int read_key(const char *path, uint8_t key[static WIRE_KEY_MAX + 1], struct err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat st;
	ssize_t length;
	int ret = -1;

	if (fd < 0)
		return err_set(err, "key_file %s: %s; make one: head -c 32 /dev/urandom > %s", path,
			       strerror(errno), path);
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		(void)err_set(err, "key_file %s: not a regular file", path);
		goto out;
	}
	if (!secret_is_private(path, st.st_mode)) {
		(void)err_set(err, "key_file %s: mode %04o lets others read the key; chmod 0400 %s",
			      path, (unsigned int)st.st_mode & 07777, path);
		goto out;
	}
	if (st.st_uid != 0 && st.st_uid != geteuid()) {
		(void)err_set(err, "key_file %s: owned by uid %u, neither root nor us", path,
			      (unsigned int)st.st_uid);
		goto out;
	}
	length = read(fd, key, WIRE_KEY_MAX + 1);
	if (length < WIRE_KEY_MIN || length > WIRE_KEY_MAX) {
		(void)err_set(err, "key_file %s: has %zd bytes, needs %d to %d random ones", path,
			      length, WIRE_KEY_MIN, WIRE_KEY_MAX);
		goto out;
	}
	if (looks_like_text(key, (size_t)length) ||
	    distinct(key, (size_t)length) < KEY_DISTINCT_MIN) {
		(void)err_set(err, "key_file %s: not random; head -c 32 /dev/urandom > %s", path,
			      path);
		goto out;
	}
	ret = (int)length;
out:
	(void)close(fd);
	return ret;
}

static int add_file(struct wire *wire, uint8_t id, const char *file, struct err *err)
{
	uint8_t key[WIRE_KEY_MAX + 1];
	int length = read_key(file, key, err);
	int ret = length > 0 ? add_key(wire, id, key, (size_t)length, err) : -1;

	explicit_bzero(key, sizeof(key));
	return ret;
}

struct wire *wire_open(const struct wire_keys *keys, uint32_t cluster, uint16_t self,
		       struct err *err)
{
	struct wire *wire = make(cluster, self, err);

	if (wire && (add_file(wire, keys->id, keys->file, err) < 0 ||
		     (keys->accept_file[0] &&
		      add_file(wire, keys->accept_id, keys->accept_file, err) < 0))) {
		wire_close(wire);
		return NULL;
	}
	return wire;
}

bool wire_key_locked(const struct wire *wire)
{
	for (unsigned int k = 0; k < wire->key_count; k++)
		if (!wire->keys[k].page.locked)
			return false;
	return true;
}

void wire_close(struct wire *wire)
{
	if (!wire)
		return;
	for (unsigned int k = 0; k < KEYS_MAX; k++)
		keypage_close(&wire->keys[k].page);
	free(wire);
}

bool wire_other_key(const struct wire *wire)
{
	return wire->last > 0;
}

/* --- bytes ----------------------------------------------------------------------- */

static void put16(uint8_t *at, uint16_t value)
{
	value = htobe16(value);
	memcpy(at, &value, sizeof(value));
}

static void put32(uint8_t *at, uint32_t value)
{
	value = htobe32(value);
	memcpy(at, &value, sizeof(value));
}

static void put64(uint8_t *at, uint64_t value)
{
	value = htobe64(value);
	memcpy(at, &value, sizeof(value));
}

static uint16_t get16(const uint8_t *at)
{
	uint16_t value;

	memcpy(&value, at, sizeof(value));
	return be16toh(value);
}

static uint32_t get32(const uint8_t *at)
{
	uint32_t value;

	memcpy(&value, at, sizeof(value));
	return be32toh(value);
}

static uint64_t get64(const uint8_t *at)
{
	uint64_t value;

	memcpy(&value, at, sizeof(value));
	return be64toh(value);
}

static void put_record(uint8_t *at, const struct hello_instance *in)
{
	put16(at, in->id);
	put16(at + 2, in->flags);
	at[4] = in->state;
	at[5] = in->priority;
	put16(at + 6, in->owner);
	put16(at + 8, in->handover_to);
	put32(at + 10, in->life);
	put64(at + 14, in->version);
	put64(at + 22, in->disclaimed);
}

static void get_record(const uint8_t *at, struct hello_instance *in)
{
	in->id = get16(at);
	in->flags = get16(at + 2);
	in->state = at[4];
	in->priority = at[5];
	in->owner = get16(at + 6);
	in->handover_to = get16(at + 8);
	in->life = get32(at + 10);
	in->version = get64(at + 14);
	in->disclaimed = get64(at + 22);
}

static size_t put_note(uint8_t *at, const struct hello *hello)
{
	at[0] = NOTE_KIND;
	at[1] = 0;
	put16(at + 2, hello->note_length);
	memcpy(at + NOTE_HEADER, hello->note, hello->note_length);
	return NOTE_HEADER + hello->note_length;
}

/* What is no note that we know is left alone. */
static void get_note(const uint8_t *at, size_t room, struct hello *hello)
{
	uint16_t length;

	if (room < NOTE_HEADER || at[0] != NOTE_KIND)
		return;
	length = get16(at + 2);
	if (length > HELLO_NOTE_MAX || length > room - NOTE_HEADER)
		return;
	hello->note_length = length;
	memcpy(hello->note, at + NOTE_HEADER, length);
}

/* --- packets ------------------------------------------------------------------------ */

int wire_encode(struct wire *wire, const struct hello *hello, uint8_t packet[static WIRE_MAX])
{
	size_t length = HEADER;
	int ret;

	if (hello->count > HELLO_INSTANCES_MAX ||
	    (hello->note_length && (hello->count || hello->note_length > HELLO_NOTE_MAX)))
		return -EINVAL;
	packet[0] = 'Z';
	packet[1] = 'V';
	packet[2] = WIRE_PROTOCOL;
	packet[3] = wire->keys[0].id;
	put32(packet + 4, wire->cluster);
	put16(packet + 8, hello->sender);
	put16(packet + 10, hello->receiver);
	packet[12] = hello->flags;
	packet[13] = hello->count;
	packet[14] = RECORD;
	packet[15] = 0;
	put32(packet + 16, hello->digest);
	put32(packet + 20, hello->echo_age_us);
	put64(packet + 24, hello->nonce);
	put64(packet + 32, hello->seq);
	put64(packet + 40, hello->echo_nonce);
	put64(packet + 48, hello->echo_seq);
	for (unsigned int i = 0; i < hello->count; i++, length += RECORD)
		put_record(packet + length, &hello->instances[i]);
	if (hello->count > 0) {
		put16(packet + length, hello->software);
		length += TRAILER;
	} else if (hello->note_length) {
		length += put_note(packet + length, hello);
	}
	ret = seal(&wire->keys[0], packet, length, packet + length);
	return ret < 0 ? ret : (int)(length + TAG);
}

/* key_count: we do not have it. */
static unsigned int key_of(const struct wire *wire, uint8_t id)
{
	unsigned int k = 0;

	while (k < wire->key_count && wire->keys[k].id != id)
		k++;
	return k;
}

static enum wire_verdict check_header(const struct wire *wire, const uint8_t *packet, size_t length)
{
	if (length < HEADER + TAG || length > WIRE_MAX)
		return WIRE_LENGTH;
	if (packet[0] != 'Z' || packet[1] != 'V')
		return WIRE_MAGIC;
	if (packet[2] != WIRE_PROTOCOL)
		return WIRE_VERSION;
	if (get32(packet + 4) != wire->cluster)
		return WIRE_CLUSTER;
	if (get16(packet + 10) != wire->self)
		return WIRE_RECEIVER;
	if (key_of(wire, packet[3]) == wire->key_count)
		return WIRE_KEY;
	if (packet[14] < RECORD || packet[13] > HELLO_INSTANCES_MAX ||
	    HEADER + (size_t)packet[13] * packet[14] + TAG > length)
		return WIRE_LENGTH;
	return WIRE_OK;
}

enum wire_verdict wire_decode(struct wire *wire, const uint8_t *packet, size_t length,
			      struct hello *hello)
{
	enum wire_verdict verdict = check_header(wire, packet, length);
	size_t records;
	uint8_t tag[TAG];
	unsigned int k;

	if (verdict != WIRE_OK)
		return verdict;
	k = key_of(wire, packet[3]);
	if (seal(&wire->keys[k], packet, length - TAG, tag) < 0 ||
	    CRYPTO_memcmp(tag, packet + length - TAG, TAG) != 0)
		return WIRE_TAG;
	wire->last = k;
	*hello = (struct hello){
		.sender = get16(packet + 8),
		.receiver = get16(packet + 10),
		.flags = packet[12],
		.count = packet[13],
		.digest = get32(packet + 16),
		.echo_age_us = get32(packet + 20),
		.nonce = get64(packet + 24),
		.seq = get64(packet + 32),
		.echo_nonce = get64(packet + 40),
		.echo_seq = get64(packet + 48),
	};
	records = (size_t)packet[13] * packet[14];
	if (hello->count > 0 && HEADER + records + TRAILER + TAG <= length)
		hello->software = get16(packet + HEADER + records);
	for (unsigned int i = 0; i < hello->count; i++)
		get_record(packet + HEADER + (size_t)i * packet[14], &hello->instances[i]);
	if (hello->count == 0)
		get_note(packet + HEADER, length - HEADER - TAG, hello);
	return WIRE_OK;
}

const char *wire_verdict_name(enum wire_verdict verdict)
{
	static const char *const names[WIRE_COUNT] = {
		[WIRE_OK] = "ok",
		[WIRE_LENGTH] = "bad_length",
		[WIRE_MAGIC] = "bad_magic",
		[WIRE_VERSION] = "bad_version",
		[WIRE_CLUSTER] = "other_cluster",
		[WIRE_RECEIVER] = "other_receiver",
		[WIRE_KEY] = "unknown_key",
		[WIRE_TAG] = "bad_tag",
	};

	return (unsigned int)verdict < WIRE_COUNT ? names[verdict] : "invalid";
}
