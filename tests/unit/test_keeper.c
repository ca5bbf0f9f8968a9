/* SPDX-License-Identifier: MIT */
/* The thread that writes: everything arrives, and what cannot is counted and blocks nothing. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/base/log.h"
#include "agent/keeper.h"
#include "agent/state.h"
#include "agent/statedir.h"

#define PATIENCE_MS 20000 /* a loaded machine may be slow; nothing here is timed */

static char top[64];

static int make_directory(void **state)
{
	(void)state;
	(void)snprintf(top, sizeof(top), "/tmp/zonevip-keeper-XXXXXX");
	return mkdtemp(top) ? 0 : -1;
}

static int remove_directory(void **state)
{
	static const char *const names[] = {"state",	 "state.new", "journal.0",
					    "journal.1", "journal.2", "journal.3"};
	char path[128];

	(void)state;
	for (size_t n = 0; n < sizeof(names) / sizeof(names[0]); n++) {
		(void)snprintf(path, sizeof(path), "%s/%s", top, names[n]);
		(void)unlink(path);
	}
	return rmdir(top);
}

static struct keeper *open_keeper(uint64_t journal_max)
{
	struct keeper *keeper = keeper_open(statedir_open(top, NULL), journal_max);

	assert_non_null(keeper);
	return keeper;
}

static void assert_file(const char *name, const char *expected)
{
	int dir = statedir_open(top, NULL);
	struct buf text;

	buf_init(&text, 1 << 20);
	assert_int_equal(statedir_read(dir, name, &text), 0);
	assert_string_equal(text.data, expected);
	buf_free(&text);
	(void)close(dir);
}

static void of_many_states_the_newest_is_written_before_the_close(void **state)
{
	struct keeper *keeper = open_keeper(0);
	char text[32];

	(void)state;
	for (unsigned int i = 0; i <= 1000; i++) {
		(void)snprintf(text, sizeof(text), "state %u\n", i);
		keeper_state(keeper, text, strlen(text));
	}
	keeper_close(keeper);
	assert_file("state", "state 1000\n");
}

static void blocks_come_to_the_file_in_order_and_a_full_one_asks_for_a_head(void **state)
{
	struct keeper *keeper = open_keeper(16384);
	static uint8_t data[65536];
	uint8_t payload[512] = "";
	enum keeper_need need = KEEPER_NOTHING;
	struct journal_block block;
	size_t size = 0, at = 0;
	char path[128];
	FILE *file;

	(void)state;
	assert_true(keeper_journal(keeper, JOURNAL_HEAD, payload, sizeof(payload), false));
	for (unsigned int i = 0; i < 20; i++)
		assert_true(
			keeper_journal(keeper, JOURNAL_EVENTS, payload, sizeof(payload), i == 9));
	for (unsigned int i = 0; i < PATIENCE_MS && need == KEEPER_NOTHING; i++) {
		need = keeper_needs(keeper);
		(void)usleep(1000);
	}
	assert_int_equal(need, KEEPER_NEXT_FILE);
	assert_true(keeper_journal(keeper, JOURNAL_HEAD, payload, sizeof(payload), false));
	keeper_close(keeper);
	(void)snprintf(path, sizeof(path), "%s/journal.0", top);
	file = fopen(path, "re");
	assert_non_null(file);
	size = fread(data, 1, sizeof(data), file);
	(void)fclose(file);
	for (uint64_t number = 1; number <= 21; number++) {
		assert_int_equal(journal_next(data, size, &at, &block), 0);
		assert_int_equal(block.number, number);
	}
	assert_int_equal(at, size);
	(void)snprintf(path, sizeof(path), "%s/journal.1", top);
	assert_int_equal(access(path, R_OK), 0);
}

static struct keeper_counters wait_failed(struct keeper *keeper)
{
	struct keeper_counters counters = {.state_failed = 0};

	for (unsigned int i = 0; i < PATIENCE_MS; i++) {
		keeper_counters(keeper, &counters);
		if (counters.state_failed > 0 && counters.journal_lost > 0)
			break;
		(void)usleep(1000);
	}
	return counters;
}

static void a_directory_that_cannot_be_written_is_counted_and_blocks_nothing(void **state)
{
	/* One of the kernel's, in which nobody can make files. */
	struct keeper *keeper =
		keeper_open(open("/proc/self", O_RDONLY | O_DIRECTORY | O_CLOEXEC), 65536);
	uint8_t payload[64] = "";
	struct keeper_counters counters;

	(void)state;
	log_open("test", LOG_TO_STDERR, LOG_LV_ERROR);
	keeper_state(keeper, "text\n", 5);
	for (unsigned int i = 0; i < 1000; i++)
		(void)keeper_journal(keeper, i ? JOURNAL_EVENTS : JOURNAL_HEAD, payload,
				     sizeof(payload), true);
	counters = wait_failed(keeper);
	assert_true(counters.state_error < 0 && counters.journal_error < 0);
	assert_int_equal(counters.state_written + counters.journal_written, 0);
	keeper_close(keeper);
}

static void more_than_the_queue_takes_is_lost_as_a_gap_that_only_a_head_ends(void **state)
{
	struct keeper *keeper = open_keeper(64 << 20);
	static uint8_t payload[400 * 1024];
	struct keeper_counters counters;
	bool lost = false;

	(void)state;
	(void)keeper_journal(keeper, JOURNAL_HEAD, payload, 10, false);
	for (unsigned int i = 0; i < 10000 && !lost; i++)
		lost = !keeper_journal(keeper, JOURNAL_EVENTS, payload, sizeof(payload), true);
	if (!lost) {
		keeper_close(keeper);
		skip(); /* this disk is faster than we are */
	}
	keeper_counters(keeper, &counters);
	assert_true(counters.journal_lost > 0);
	assert_int_equal(keeper_needs(keeper), KEEPER_AFTER_GAP);
	assert_false(keeper_journal(keeper, JOURNAL_EVENTS, payload, 10, false));
	assert_true(keeper_journal(keeper, JOURNAL_HEAD, payload, 10, false));
	assert_true(keeper_journal(keeper, JOURNAL_EVENTS, payload, 10, false));
	keeper_close(keeper);
}

int main(void)
{
#define IN_DIRECTORY(test) cmocka_unit_test_setup_teardown(test, make_directory, remove_directory)
	const struct CMUnitTest tests[] = {
		IN_DIRECTORY(of_many_states_the_newest_is_written_before_the_close),
		IN_DIRECTORY(blocks_come_to_the_file_in_order_and_a_full_one_asks_for_a_head),
		cmocka_unit_test(a_directory_that_cannot_be_written_is_counted_and_blocks_nothing),
		IN_DIRECTORY(more_than_the_queue_takes_is_lost_as_a_gap_that_only_a_head_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
