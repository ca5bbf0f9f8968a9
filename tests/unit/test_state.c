/* SPDX-License-Identifier: MIT */
/* The state file: read whole or not at all, safe against what is planted beside it. */
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

#include "agent/base/crc.h"
#include "agent/state.h"
#include "agent/statedir.h"

static struct state *sample(void)
{
	struct state *state = calloc(1, sizeof(*state));

	*state = (struct state){.cluster = "mlb",
				.node = "DB_Host1",
				.boot = "0b4e4a3c-1111-2222-3333-444455556666",
				.written = 1000 * SEC,
				.wall_us = 1700000000 * SEC,
				.count = 2};
	state->instances[0] = (struct state_instance){.name = "MasterDB",
						      .life = 2,
						      .version = UINT64_MAX,
						      .owner = "DB_Host1",
						      .disclaimed = 41,
						      .frozen = true,
						      .frozen_until = 4600 * SEC,
						      .reason = "patch \"it\" = 100% -- \tnow",
						      .hold_until = 1060 * SEC,
						      .last_failure = -3 * SEC,
						      .failures = 3};
	state->instances[1] = (struct state_instance){.name = "Second",
						      .standby = true,
						      .frozen_until = MONO_NEVER,
						      .hold_until = MONO_LONG_AGO,
						      .last_failure = MONO_LONG_AGO};
	return state;
}

static struct buf text_of(const struct state *state)
{
	struct buf text;

	buf_init(&text, STATE_BYTES_MAX);
	assert_int_equal(state_format(state, &text), 0);
	return text;
}

static void what_is_written_is_what_is_read(void **state_)
{
	struct state *in = sample();
	struct state *out = calloc(1, sizeof(*out));
	struct buf text = text_of(in);

	(void)state_;
	assert_int_equal(state_parse(text.data, text.length, out, NULL), 0);
	assert_memory_equal(in, out, sizeof(*in));
	assert_ptr_equal(state_find(out, "Second"), &out->instances[1]);
	assert_null(state_find(out, "Third"));
	buf_free(&text);
	free(in);
	free(out);
}

static void the_largest_state_fits(void **state_)
{
	struct state *in = sample();
	struct buf text;

	(void)state_;
	in->count = STATE_INSTANCES_MAX;
	for (unsigned int i = 0; i < in->count; i++) {
		in->instances[i] = in->instances[0];
		memset(in->instances[i].name, 'x', STATE_NAME_MAX - 1);
		memset(in->instances[i].reason, '\x01', STATE_REASON_MAX - 1);
	}
	text = text_of(in);
	assert_int_equal(state_parse(text.data, text.length, in, NULL), 0);
	buf_free(&text);
	free(in);
}

static void a_file_cut_at_any_byte_or_with_any_byte_changed_is_refused(void **state_)
{
	struct state *in = sample();
	struct state *out = calloc(1, sizeof(*out));
	struct buf text = text_of(in);

	(void)state_;
	for (size_t cut = 0; cut < text.length; cut++)
		assert_int_equal(state_parse(text.data, cut, out, NULL), -1);
	for (size_t at = 0; at < text.length; at++) {
		text.data[at] ^= 1;
		assert_int_equal(state_parse(text.data, text.length, out, NULL), -1);
		text.data[at] ^= 1;
	}
	assert_int_equal(state_parse(text.data, text.length, out, NULL), 0);
	buf_free(&text);
	free(in);
	free(out);
}

/* With a checksum that fits. */
static int parse_body(const char *body)
{
	struct state *out = calloc(1, sizeof(*out));
	char text[2048];
	int length = snprintf(text, sizeof(text), "%schecksum=%08x\n", body,
			      crc32_add(0, body, strlen(body)));
	int ret = state_parse(text, (size_t)length, out, NULL);

	free(out);
	return ret;
}

#define HEAD "zonevip-state 1\ncluster=c node=n boot=b written=1 wall=2\n"
#define TAIL                                                                                       \
	" owner=- disclaimed=0 standby=0 maintenance=0 until=- reason=- hold=- failed=- "          \
	"failures=0\n"

static void words_that_do_not_belong_there_are_refused_even_with_a_good_checksum(void **state_)
{
	static const char *const bad[] = {
		"zonevip-state 2\ncluster=c node=n boot=b written=1 wall=2\n",
		HEAD "\n",
		"zonevip-state 1\ncluster=c node=n boot=b written=1 wall=2 ", /* a line is a line */
		"zonevip-state 1\ncluster=c\nnode=n boot=b written=1 wall=2\n",
		HEAD "instance=a life=0\n",
		HEAD "instance=a life=0 version=18446744073709551616" TAIL,
		HEAD "instance=a life=0 version=-1" TAIL,
		HEAD "instance=a life=0 version=01" TAIL,
		HEAD "instance=a life=99999999999 version=1" TAIL,
		HEAD "instance=%00 life=0 version=1" TAIL,
		HEAD "instance=%4 life=0 version=1" TAIL,
		HEAD "instance=%41 life=0 version=1" TAIL, /* one way to write an A */
		HEAD "instance=a  life=0 version=1" TAIL,
		HEAD "instance=a life=0 version=1" TAIL "more\n",
	};

	(void)state_;
	assert_int_equal(parse_body(HEAD), 0);
	assert_int_equal(parse_body(HEAD "instance=a life=0 version=1" TAIL), 0);
	for (size_t b = 0; b < sizeof(bad) / sizeof(bad[0]); b++)
		if (parse_body(bad[b]) == 0)
			fail_msg("believed: %s", bad[b]);
}

static void times_are_kept_in_the_same_boot_and_shortened_by_another(void **state_)
{
	struct state *state = sample();

	(void)state_;
	state_rebase(state, state->boot, 1005 * SEC, 1700000005 * SEC);
	assert_int_equal(state->instances[0].frozen_until, 4600 * SEC);
	assert_int_equal(state->instances[0].hold_until, 1060 * SEC);
	/* After a boot, ten minutes later: 50 of the 60 minutes of maintenance are left. */
	state_rebase(state, "another", 20 * SEC, 1700000600 * SEC);
	assert_int_equal(state->instances[0].frozen_until, 3020 * SEC);
	assert_int_equal(state->instances[0].hold_until, -520 * SEC);
	assert_int_equal(state->instances[1].frozen_until, MONO_NEVER);
	assert_int_equal(state->instances[1].hold_until, MONO_LONG_AGO);
	free(state);
}

static void without_a_boot_id_the_wall_clock_tells(void **state_)
{
	struct state *state = sample();

	(void)state_;
	(void)snprintf(state->boot, sizeof(state->boot), STATE_BOOT_UNKNOWN);
	state_rebase(state, STATE_BOOT_UNKNOWN, 1005 * SEC, 1700000005 * SEC); /* same boot */
	assert_int_equal(state->instances[0].frozen_until, 4600 * SEC);
	state_rebase(state, STATE_BOOT_UNKNOWN, 5 * SEC, 1700000010 * SEC); /* another */
	assert_int_equal(state->instances[0].frozen_until, 3595 * SEC);
	free(state);
}

static void a_wall_clock_that_went_back_shortens_nothing(void **state_)
{
	struct state *state = sample();

	(void)state_;
	state_rebase(state, "another", 20 * SEC, 1);
	assert_int_equal(state->instances[0].frozen_until, 3620 * SEC);
	free(state);
}

/* --- the directory ------------------------------------------------------------------------- */

static char top[] = "/tmp/zonevip-state-XXXXXX";
static int dir = -1;

static int make_directory(void **state)
{
	(void)state;
	(void)snprintf(top, sizeof(top), "/tmp/zonevip-state-XXXXXX");
	assert_non_null(mkdtemp(top));
	dir = statedir_open(top, NULL);
	return dir >= 0 ? 0 : -1;
}

static int remove_directory(void **state)
{
	static const char *const names[] = {"state", "state.new", "outside", "journal.0"};

	(void)state;
	for (size_t n = 0; n < sizeof(names) / sizeof(names[0]); n++)
		(void)unlinkat(dir, names[n], 0);
	(void)close(dir);
	return rmdir(top);
}

static void read_back(const char *expected)
{
	struct buf text;

	buf_init(&text, 4096);
	assert_int_equal(statedir_read(dir, "state", &text), 0);
	assert_string_equal(text.data, expected);
	buf_free(&text);
}

static void a_file_is_replaced_whole_with_mode_0600_whatever_the_umask(void **state_)
{
	mode_t before = umask(0);
	struct stat st;

	(void)state_;
	assert_int_equal(statedir_replace(dir, "state", "one", 3), 0);
	assert_int_equal(statedir_replace(dir, "state", "two", 3), 0);
	(void)umask(before);
	read_back("two");
	assert_int_equal(fstatat(dir, "state", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(fstatat(dir, "state.new", &st, 0), -1);
}

static void put_outside(void)
{
	int fd = openat(dir, "outside", O_CREAT | O_WRONLY | O_TRUNC | O_CLOEXEC, 0600);

	assert_int_equal(write(fd, "mine", 4), 4);
	(void)close(fd);
}

static void assert_outside_untouched(void)
{
	char text[16] = "";
	int fd = openat(dir, "outside", O_RDONLY | O_CLOEXEC);

	assert_int_equal(read(fd, text, sizeof(text)), 4);
	assert_string_equal(text, "mine");
	(void)close(fd);
}

static void links_and_fifos_are_neither_followed_nor_read_nor_written(void **state_)
{
	static const char *const names[] = {"state", "state.new"};
	struct buf text;

	(void)state_;
	buf_init(&text, 4096);
	for (unsigned int kind = 0; kind < 3; kind++) {
		put_outside();
		for (unsigned int n = 0; n < 2; n++) {
			(void)unlinkat(dir, names[n], 0);
			assert_int_equal(kind == 0   ? symlinkat("outside", dir, names[n])
					 : kind == 1 ? linkat(dir, "outside", dir, names[n], 0)
						     : mkfifoat(dir, names[n], 0600),
					 0);
		}
		assert_true(statedir_read(dir, "state", &text) < 0);
		assert_int_equal(text.length, 0);
		assert_int_equal(statedir_replace(dir, "state", "new", 3), 0);
		assert_outside_untouched();
		read_back("new");
	}
}

static void a_directory_that_others_can_write_is_refused_with_the_fix(void **state_)
{
	struct err err = {.text = ""};

	(void)state_;
	assert_int_equal(fchmod(dir, 0770), 0);
	assert_int_equal(statedir_open(top, &err), -1);
	assert_non_null(strstr(err.text, "chmod 0700"));
	assert_int_equal(fchmod(dir, 0700), 0);
	err.text[0] = '\0';
	assert_int_equal(statedir_open("/proc/self/nowhere", &err), -1);
	assert_non_null(strstr(err.text, "/proc/self/nowhere"));
}

static void a_file_longer_than_its_limit_is_refused(void **state_)
{
	struct buf text;

	(void)state_;
	assert_int_equal(statedir_replace(dir, "state", "0123456789", 10), 0);
	buf_init(&text, 9);
	assert_int_equal(statedir_read(dir, "state", &text), -EFBIG);
	buf_free(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_is_what_is_read),
		cmocka_unit_test(the_largest_state_fits),
		cmocka_unit_test(a_file_cut_at_any_byte_or_with_any_byte_changed_is_refused),
		cmocka_unit_test(
			words_that_do_not_belong_there_are_refused_even_with_a_good_checksum),
		cmocka_unit_test(times_are_kept_in_the_same_boot_and_shortened_by_another),
		cmocka_unit_test(without_a_boot_id_the_wall_clock_tells),
		cmocka_unit_test(a_wall_clock_that_went_back_shortens_nothing),
		cmocka_unit_test_setup_teardown(
			a_file_is_replaced_whole_with_mode_0600_whatever_the_umask, make_directory,
			remove_directory),
		cmocka_unit_test_setup_teardown(
			links_and_fifos_are_neither_followed_nor_read_nor_written, make_directory,
			remove_directory),
		cmocka_unit_test_setup_teardown(
			a_directory_that_others_can_write_is_refused_with_the_fix, make_directory,
			remove_directory),
		cmocka_unit_test_setup_teardown(a_file_longer_than_its_limit_is_refused,
						make_directory, remove_directory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
