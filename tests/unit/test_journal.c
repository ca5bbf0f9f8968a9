/* SPDX-License-Identifier: MIT */
/* The ring of files: bounded, goes on after a restart, survives torn ends and damage. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/journal.h"
#include "agent/statedir.h"

#define RING (64 * 1024)
#define FILE_MAX (RING / JOURNAL_FILES)

static char top[] = "/tmp/zonevip-journal-XXXXXX";
static int dir = -1;
static struct journal journal;

static void name_of(unsigned int file, char name[static JOURNAL_NAME_MAX])
{
	(void)snprintf(name, JOURNAL_NAME_MAX, "journal.%u", file);
}

static int make_directory(void **state)
{
	(void)state;
	(void)snprintf(top, sizeof(top), "/tmp/zonevip-journal-XXXXXX");
	assert_non_null(mkdtemp(top));
	dir = statedir_open(top, NULL);
	journal_init(&journal, dir, RING);
	return dir >= 0 ? 0 : -1;
}

static int remove_directory(void **state)
{
	(void)state;
	journal_close(&journal);
	for (unsigned int i = 0; i < JOURNAL_FILES; i++) {
		char name[JOURNAL_NAME_MAX];

		name_of(i, name);
		(void)unlinkat(dir, name, 0);
	}
	(void)unlinkat(dir, "outside", 0);
	(void)close(dir);
	return rmdir(top);
}

static void restart(void)
{
	journal_close(&journal);
	journal_init(&journal, dir, RING);
}

static void add(enum journal_kind kind, unsigned int length)
{
	uint8_t payload[4096];

	memset(payload, (int)length & 0xff, sizeof(payload));
	assert_int_equal(journal_add(&journal, kind, payload, length), 0);
}

static size_t load(unsigned int file, uint8_t *data, size_t room)
{
	char name[JOURNAL_NAME_MAX];
	int fd;
	ssize_t size;

	name_of(file, name);
	fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	size = read(fd, data, room);
	(void)close(fd);
	return size < 0 ? 0 : (size_t)size;
}

/* Blocks in one file; each file must begin with a HEAD and count up. */
static unsigned int count_blocks(unsigned int file, uint64_t *last)
{
	static uint8_t data[4 * RING];
	size_t size = load(file, data, sizeof(data));
	struct journal_block block;
	unsigned int count = 0;
	size_t at = 0;

	while (journal_next(data, size, &at, &block) == 0) {
		if (count == 0)
			assert_int_equal(block.kind, JOURNAL_HEAD);
		else
			assert_int_equal(block.number, *last + 1);
		*last = block.number;
		count++;
	}
	assert_int_equal(at, size);
	return count;
}

static void a_ring_wraps_and_stays_within_its_size(void **state)
{
	uint64_t last = 0;

	(void)state;
	add(JOURNAL_HEAD, 100);
	for (unsigned int i = 0; i < 2000; i++) {
		struct stat st;
		uint64_t total = 0;

		if (journal_full(&journal))
			add(JOURNAL_HEAD, 100);
		add(JOURNAL_EVENTS, 50 + i % 200);
		for (unsigned int f = 0; f < JOURNAL_FILES; f++) {
			char name[JOURNAL_NAME_MAX];

			name_of(f, name);
			if (fstatat(dir, name, &st, 0) == 0)
				total += (uint64_t)st.st_size;
		}
		assert_in_range(total, 1, RING + JOURNAL_FILES * 300);
	}
	assert_in_range(journal.number, 2000, 2100);
	for (unsigned int f = 0; f < JOURNAL_FILES; f++)
		assert_true(count_blocks(f, &last) > 3);
}

static void many_short_runs_do_not_push_out_a_long_one(void **state)
{
	uint64_t last = 0;

	(void)state;
	for (unsigned int run = 0; run < 20; run++) {
		restart();
		assert_int_equal(journal_add(&journal, JOURNAL_EVENTS, "x", 1), -EPIPE);
		add(JOURNAL_HEAD, 100);
		add(JOURNAL_EVENTS, 10);
	}
	assert_int_equal(count_blocks(0, &last), 40);
	assert_int_equal(last, 40);
}

static void an_end_torn_at_any_byte_is_cut_back_and_gone_on_from(void **state)
{
	static uint8_t data[RING];
	size_t size, start;
	uint64_t last;

	(void)state;
	add(JOURNAL_HEAD, 100);
	add(JOURNAL_EVENTS, 30);
	start = (size_t)journal.size;
	add(JOURNAL_EVENTS, 40);
	size = load(0, data, sizeof(data));
	for (size_t cut = start; cut < size; cut++) {
		int fd = openat(dir, "journal.0", O_WRONLY | O_TRUNC | O_CLOEXEC);

		assert_int_equal(write(fd, data, cut), cut);
		(void)close(fd);
		restart();
		add(JOURNAL_HEAD, 20);
		last = 0;
		assert_int_equal(count_blocks(0, &last), 3);
		assert_int_equal(last, 3);
	}
}

static void a_damaged_place_is_skipped_and_counted(void **state)
{
	static uint8_t data[RING];
	struct journal_block block;
	size_t size, at;

	(void)state;
	add(JOURNAL_HEAD, 100);
	add(JOURNAL_EVENTS, 30);
	add(JOURNAL_EVENTS, 40);
	size = load(0, data, sizeof(data));
	for (size_t bad = 124; bad < 124 + 54; bad++) { /* the second block */
		data[bad] ^= 0x80;
		at = 0;
		assert_int_equal(journal_next(data, size, &at, &block), 0);
		assert_int_equal(journal_next(data, size, &at, &block), 54);
		assert_int_equal(block.number, 3);
		assert_int_equal(block.length, 40);
		assert_int_equal(journal_next(data, size, &at, &block), -1);
		data[bad] ^= 0x80;
	}
}

static void what_is_planted_is_replaced_and_never_followed(void **state)
{
	int fd = openat(dir, "outside", O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	struct stat st;
	uint64_t last = 0;

	(void)state;
	assert_int_equal(write(fd, "mine", 4), 4);
	(void)close(fd);
	assert_int_equal(symlinkat("outside", dir, "journal.0"), 0);
	assert_int_equal(linkat(dir, "outside", dir, "journal.1", 0), 0);
	assert_int_equal(mkfifoat(dir, "journal.2", 0600), 0);
	add(JOURNAL_HEAD, 100);
	for (unsigned int i = 0; i < 400; i++) {
		if (journal_full(&journal))
			add(JOURNAL_HEAD, 100);
		add(JOURNAL_EVENTS, 200);
	}
	for (unsigned int f = 0; f < JOURNAL_FILES; f++)
		assert_true(count_blocks(f, &last) > 3);
	assert_int_equal(fstatat(dir, "outside", &st, AT_SYMLINK_NOFOLLOW), 0);
	assert_int_equal(st.st_size, 4);
	assert_int_equal(st.st_nlink, 1);
}

static void after_a_failed_write_nothing_is_taken_before_the_next_head(void **state)
{
	(void)state;
	add(JOURNAL_HEAD, 100);
	(void)close(journal.fd);
	journal.fd =
		openat(dir, "journal.0", O_RDONLY | O_CLOEXEC); /* as if it had become read-only */
	assert_int_equal(journal_add(&journal, JOURNAL_EVENTS, "x", 1), -EBADF);
	assert_int_equal(journal_add(&journal, JOURNAL_EVENTS, "x", 1), -EPIPE);
	restart();
	add(JOURNAL_HEAD, 100);
	add(JOURNAL_EVENTS, 100);
}

static void a_block_is_not_larger_than_its_maximum(void **state)
{
	uint8_t header[JOURNAL_HEADER + 1] = "";
	struct journal_block block;
	size_t at = 0;

	(void)state;
	journal_seal(header, JOURNAL_HEAD, 1, header + JOURNAL_HEADER, UINT32_MAX >> 31);
	assert_int_equal(journal_next(header, sizeof(header), &at, &block), 0);
	memset(header + 4, 0xff, 4);
	at = 0;
	assert_int_equal(journal_next(header, sizeof(header), &at, &block), -1);
	assert_true(journal_add(&journal, JOURNAL_HEAD, header, JOURNAL_BLOCK_MAX + 1) < 0);
}

int main(void)
{
#define IN_DIRECTORY(test) cmocka_unit_test_setup_teardown(test, make_directory, remove_directory)
	const struct CMUnitTest tests[] = {
		IN_DIRECTORY(a_ring_wraps_and_stays_within_its_size),
		IN_DIRECTORY(many_short_runs_do_not_push_out_a_long_one),
		IN_DIRECTORY(an_end_torn_at_any_byte_is_cut_back_and_gone_on_from),
		IN_DIRECTORY(a_damaged_place_is_skipped_and_counted),
		IN_DIRECTORY(what_is_planted_is_replaced_and_never_followed),
		IN_DIRECTORY(after_a_failed_write_nothing_is_taken_before_the_next_head),
		IN_DIRECTORY(a_block_is_not_larger_than_its_maximum),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
