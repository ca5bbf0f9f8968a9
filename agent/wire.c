/* SPDX-License-Identifier: MIT */
/*
 * See wire.h for the format. There is no unauthenticated mode. A key lies in
 * its own page (keypage.h) and nowhere else: a MAC context, whose inner states
 * are as good as the key, lives as long as one packet takes.
 */
#include "agent/wire.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
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

struct wire {
	EVP_MAC *mac;
	struct wire_key {
		uint8_t id;
		struct keypage page;
	} keys[KEYS_MAX]; /* the first is sent with */
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

/* Freeing the context cleanses what it knew of the key. */
static int seal(const struct wire *wire, const struct wire_key *key, const uint8_t *bytes,
		size_t length, uint8_t tag[static TAG])
{
	char digest[] = "SHA256";
	OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
			       OSSL_PARAM_construct_end()};
	EVP_MAC_CTX *ctx = EVP_MAC_CTX_new(wire->mac);
	size_t size = 0;
	bool ok;

	ok = ctx && EVP_MAC_init(ctx, key->page.bytes, key->page.length, params) == 1 &&
	     EVP_MAC_update(ctx, bytes, length) == 1 && EVP_MAC_final(ctx, tag, &size, TAG) == 1 &&
	     size == TAG;
	EVP_MAC_CTX_free(ctx);
	return ok ? 0 : -EIO;
}

static int add_key(struct wire *wire, uint8_t id, const uint8_t *key, size_t length,
		   struct err *err)
{
	struct wire_key *added = &wire->keys[wire->key_count];
	uint8_t tag[TAG];

	added->id = id;
	if (!wire->mac || keypage_open(&added->page, key, length) < 0)
		return err_set(err, "heartbeat key: OpenSSL has no HMAC, or no memory");
	wire->key_count++;
	if (seal(wire, added, tag, 0, tag) < 0)
		return err_set(err, "heartbeat key: OpenSSL has no HMAC-SHA256, or no memory");
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
	wire->mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
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
	EVP_MAC_free(wire->mac);
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
	ret = seal(wire, &wire->keys[0], packet, length, packet + length);
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
	if (seal(wire, &wire->keys[k], packet, length - TAG, tag) < 0 ||
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
