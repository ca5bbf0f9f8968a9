/* SPDX-License-Identifier: MIT */
/* Heartbeat bytes: what goes in comes out, and nothing else is believed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/hmac.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/touch.h"
#include "agent/wire.h"

#define CLUSTER 0xabcd1234u
#define SELF 22

static const uint8_t key[32] = {1,  2,	3,  4,	5,  6,	7,  8,	9,  10, 11, 12, 13, 14, 15, 16,
				17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32};

static struct wire *open_key(uint8_t first, uint32_t cluster, uint16_t self)
{
	uint8_t other[32];
	struct wire *wire;

	memcpy(other, key, sizeof(other));
	other[0] = first;
	wire = wire_open_key(other, sizeof(other), cluster, self, NULL);
	assert_non_null(wire);
	return wire;
}

static struct hello sample(uint8_t count)
{
	struct hello hello = {.sender = 11,
			      .receiver = SELF,
			      .flags = HELLO_COUNTED,
			      .digest = 0xdeadbeef,
			      .software = HELLO_SOFTWARE(1, 2, 3),
			      .nonce = 0x1122334455667788u,
			      .seq = 99,
			      .echo_nonce = 7,
			      .echo_seq = 8,
			      .echo_age_us = 12345,
			      .count = count};

	for (uint8_t i = 0; i < count; i++)
		hello.instances[i] = (struct hello_instance){.id = (uint16_t)(1000 + i),
							     .flags = HELLO_ELIGIBLE,
							     .state = 3,
							     .priority = 150,
							     .owner = 11,
							     .handover_to = 22,
							     .life = 4,
							     .version = UINT64_MAX - i,
							     .disclaimed = i};
	return hello;
}

static void what_is_sealed_is_what_is_read(void **state)
{
	struct wire *wire = open_key(1, CLUSTER, SELF);
	uint8_t packet[WIRE_MAX];
	uint8_t again[WIRE_MAX];

	(void)state;
	for (uint8_t count = 0; count <= HELLO_INSTANCES_MAX; count++) {
		struct hello in = sample(count);
		struct hello out;
		int length = wire_encode(wire, &in, packet);

		assert_int_equal(length, 56 + 30 * count + (count ? 2 : 0) + 32);
		assert_int_equal(wire_decode(wire, packet, (size_t)length, &out), WIRE_OK);
		assert_int_equal(wire_encode(wire, &out, again), length);
		assert_memory_equal(packet, again, (size_t)length);
		assert_true(out.count == count && out.seq == in.seq && out.echo_age_us == 12345);
		assert_int_equal(out.software, count ? in.software : 0);
		if (count)
			assert_true(out.instances[count - 1].version == UINT64_MAX - (count - 1u));
	}
	wire_close(wire);
}

/* The tag is put together by hand: OpenSSL's own HMAC must agree, for short and long keys. */
static void the_tag_is_hmac_sha256(void **state)
{
	uint8_t long_key[WIRE_KEY_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(long_key); i++)
		long_key[i] = (uint8_t)(200 - i);
	for (uint8_t count = 0; count <= HELLO_INSTANCES_MAX; count++) {
		bool tall = count % 2;
		const uint8_t *used = tall ? long_key : key;
		size_t size = tall ? sizeof(long_key) : sizeof(key);
		struct wire *wire = wire_open_key(used, size, CLUSTER, SELF, NULL);
		struct hello hello = sample(count);
		uint8_t packet[WIRE_MAX], tag[32];
		int length = wire_encode(wire, &hello, packet);

		assert_true(length > 32);
		assert_non_null(HMAC(EVP_sha256(), used, (int)size, packet, (size_t)length - 32,
				     tag, NULL));
		assert_memory_equal(packet + length - 32, tag, 32);
		wire_close(wire);
	}
}

static void one_instance_fits_160_bytes_with_ip_and_udp(void **state)
{
	struct wire *wire = open_key(1, CLUSTER, SELF);
	struct hello hello = sample(1);
	uint8_t packet[WIRE_MAX];

	(void)state;
	assert_true(wire_encode(wire, &hello, packet) + 28 <= 160);
	wire_close(wire);
}

static void every_flipped_bit_is_refused(void **state)
{
	struct wire *wire = open_key(1, CLUSTER, SELF);
	struct hello hello = sample(2);
	struct hello out;
	uint8_t packet[WIRE_MAX];
	int length = wire_encode(wire, &hello, packet);

	(void)state;
	for (int bit = 0; bit < length * 8; bit++) {
		packet[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_int_not_equal(wire_decode(wire, packet, (size_t)length, &out), WIRE_OK);
		packet[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	assert_int_equal(wire_decode(wire, packet, (size_t)length, &out), WIRE_OK);
	wire_close(wire);
}

static void every_other_length_is_refused(void **state)
{
	struct wire *wire = open_key(1, CLUSTER, SELF);
	struct hello hello = sample(3);
	struct hello out;
	uint8_t packet[WIRE_MAX + 1] = {0};
	int length = wire_encode(wire, &hello, packet);

	(void)state;
	for (size_t n = 0; n <= sizeof(packet); n++)
		if (n != (size_t)length)
			assert_int_not_equal(wire_decode(wire, packet, n, &out), WIRE_OK);
	wire_close(wire);
}

static void foreign_packets_are_named_by_what_is_foreign(void **state)
{
	struct wire *wire = open_key(1, CLUSTER, SELF);
	struct wire *other_key = open_key(200, CLUSTER, SELF);
	struct wire *other_cluster = open_key(1, CLUSTER + 1, SELF);
	struct wire *other_self = open_key(1, CLUSTER, SELF + 1);
	struct hello hello = sample(1);
	struct hello out;
	uint8_t packet[WIRE_MAX];
	size_t length = (size_t)wire_encode(wire, &hello, packet);

	(void)state;
	assert_int_equal(wire_decode(other_key, packet, length, &out), WIRE_TAG);
	assert_int_equal(wire_decode(other_cluster, packet, length, &out), WIRE_CLUSTER);
	assert_int_equal(wire_decode(other_self, packet, length, &out), WIRE_RECEIVER);
	packet[2] = 9;
	assert_int_equal(wire_decode(wire, packet, length, &out), WIRE_VERSION);
	packet[0] = 'X';
	assert_int_equal(wire_decode(wire, packet, length, &out), WIRE_MAGIC);
	wire_close(wire);
	wire_close(other_key);
	wire_close(other_cluster);
	wire_close(other_self);
}

static void expect_key_file(const char *bytes, size_t length, mode_t mode, const char *complaint)
{
	char path[] = "/tmp/zonevip-key-XXXXXX";
	struct err err = {.text = ""};
	int fd = mkstemp(path);
	struct wire *wire;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, length), (ssize_t)length);
	assert_int_equal(fchmod(fd, mode), 0);
	(void)close(fd);
	wire = wire_open(&(struct wire_keys){.file = path, .id = 1, .accept_file = ""}, CLUSTER,
			 SELF, &err);
	if (complaint) {
		assert_null(wire);
		assert_non_null(strstr(err.text, complaint));
		assert_non_null(strstr(err.text, path));
	} else {
		assert_non_null(wire);
	}
	wire_close(wire);
	(void)unlink(path);
}

static void weak_keys_and_open_files_are_refused(void **state)
{
	const char *random = (const char *)key;
	char repeated[32];

	(void)state;
	memset(repeated, 0x81, sizeof(repeated));
	expect_key_file(random, 32, 0400, NULL);
	expect_key_file(random, 31, 0400, "needs 32 to 64");
	expect_key_file(random, 32, 0440, "chmod 0400");
	expect_key_file("correct horse battery staple and so on", 38, 0400, "not random");
	expect_key_file(repeated, 32, 0400, "not random");
}

static void write_key(char *path, uint8_t first)
{
	uint8_t bytes[32];
	int fd = mkstemp(path);

	memcpy(bytes, key, sizeof(bytes));
	bytes[0] = first;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, sizeof(bytes)), (ssize_t)sizeof(bytes));
	assert_int_equal(fchmod(fd, 0400), 0);
	(void)close(fd);
}

static enum wire_verdict between(struct wire *from, struct wire *to)
{
	struct hello in = sample(2), out;
	uint8_t packet[WIRE_MAX];
	int length = wire_encode(from, &in, packet);

	assert_true(length > 0);
	return wire_decode(to, packet, (size_t)length, &out);
}

/* Old and new key, and the three steps from one to the other: hosts one step apart agree. */
static void keys_change_one_host_at_a_time(void **state)
{
	char old[] = "/tmp/zonevip-key-XXXXXX", new[] = "/tmp/zonevip-key-XXXXXX";
	const struct wire_keys steps[] = {
		{old, 1, "", 0}, {old, 1, new, 2}, {new, 2, old, 1}, {new, 2, "", 0}};
	struct wire *wires[4];
	struct err err = {.text = ""};

	(void)state;
	write_key(old, 1);
	write_key(new, 77);
	for (size_t i = 0; i < 4; i++) {
		wires[i] = wire_open(&steps[i], CLUSTER, SELF, &err);
		assert_non_null(wires[i]);
	}
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(between(wires[i], wires[i + 1]), WIRE_OK);
		assert_int_equal(wire_other_key(wires[i + 1]), i == 1);
		assert_int_equal(between(wires[i + 1], wires[i]), WIRE_OK);
		assert_int_equal(wire_other_key(wires[i]), i == 1);
	}
	assert_int_equal(between(wires[0], wires[3]), WIRE_KEY); /* the old one is out */
	assert_int_equal(between(wires[3], wires[0]), WIRE_KEY);
	wire_close(wires[2]);
	wires[2] = wire_open(&(struct wire_keys){old, 2, "", 0}, CLUSTER, SELF, &err);
	assert_int_equal(between(wires[2], wires[3]), WIRE_TAG); /* the number is no key */
	for (size_t i = 0; i < 4; i++)
		wire_close(wires[i]);
	(void)unlink(new);
	assert_null(wire_open(&(struct wire_keys){old, 1, new, 2}, CLUSTER, SELF, &err));
	assert_non_null(strstr(err.text, new));
	(void)unlink(old);
}

static void touches_survive_the_way_through_text(void **state)
{
	struct touch in = {.count = 2,
			   .entries = {{.id = 0x5f3a, .term = 17},
				       {.id = 0x01, .disclaims = true, .term = UINT32_MAX}}};
	struct touch out;
	char text[64];

	(void)state;
	assert_int_equal(touch_format(&in, text, sizeof(text)), 0);
	assert_string_equal(text, "5f3a:m17 0001:d4294967295");
	assert_int_equal(touch_parse(text, &out), 0);
	assert_int_equal(out.count, 2);
	for (unsigned int i = 0; i < 2; i++) {
		assert_int_equal(out.entries[i].id, in.entries[i].id);
		assert_int_equal(out.entries[i].disclaims, in.entries[i].disclaims);
		assert_int_equal(out.entries[i].term, in.entries[i].term);
	}
	assert_int_equal(touch_format(&in, text, 20), -EMSGSIZE);
}

static void a_touch_with_one_bad_word_says_nothing(void **state)
{
	static const char *const bad[] = {
		"",	    "5f3a",	"5f3a:",
		"5f3a:m",   "5f3a:x1",	"5F3A:m1",
		"5f3a:m1 ", "5f3a:m1,", "5f3a:m1 junk",
		"zzzz:m1",  "5f3a:m-1", "5f3a:m99999999999999999999",
		" 5f3a:m1", "DB_Host1",
	};
	struct touch out;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(touch_parse(bad[i], &out), -EINVAL);
		assert_int_equal(out.count, 0);
	}
	assert_int_equal(touch_parse("-", &out), 0);
	assert_int_equal(out.count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_sealed_is_what_is_read),
		cmocka_unit_test(the_tag_is_hmac_sha256),
		cmocka_unit_test(one_instance_fits_160_bytes_with_ip_and_udp),
		cmocka_unit_test(every_flipped_bit_is_refused),
		cmocka_unit_test(every_other_length_is_refused),
		cmocka_unit_test(foreign_packets_are_named_by_what_is_foreign),
		cmocka_unit_test(weak_keys_and_open_files_are_refused),
		cmocka_unit_test(keys_change_one_host_at_a_time),
		cmocka_unit_test(touches_survive_the_way_through_text),
		cmocka_unit_test(a_touch_with_one_bad_word_says_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
