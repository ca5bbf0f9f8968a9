/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <getopt.h>
#include <sysexits.h>

#include "agent/base/options.h"

static const char *file, *region;
static bool loud, wide;
static int asked_on_stdout, asked_on_stderr;

static void usage(FILE *to)
{
	asked_on_stdout += to == stdout;
	asked_on_stderr += to == stderr;
}

/* read(argument...): a command line after the program's name. */
#define read(...)                                                                                  \
	read_these((char *[]){"it", __VA_ARGS__, NULL},                                            \
		   (int)(sizeof((char *[]){"it", __VA_ARGS__}) / sizeof(char *)))

static int read_these(char **argv, int argc)
{
	const struct option_word words[] = {
		{'f', "file", &file, NULL}, {0, "region", &region, NULL}, {'l', NULL, NULL, &loud},
		{0, "wide", NULL, &wide},   {'n', NULL, NULL, NULL},	  {0, NULL, NULL, NULL},
	};

	file = region = NULL;
	loud = wide = false;
	asked_on_stdout = asked_on_stderr = 0;
	optind = 0; /* glibc: begin again */
	opterr = 0;
	return options_read(argc, argv, words, "it", usage);
}

static void an_option_is_known_by_its_letter_and_by_its_name(void **state)
{
	(void)state;
	assert_int_equal(read("-f", "a", "-l"), -1);
	assert_string_equal(file, "a");
	assert_true(loud);
	assert_false(wide);
	assert_int_equal(read("--file", "b"), -1);
	assert_string_equal(file, "b");
	assert_int_equal(read("--wide", "--region=c", "-n"), -1);
	assert_true(wide);
	assert_false(loud);
	assert_string_equal(region, "c");
	assert_null(file);
}

static void what_is_wrong_is_answered_with_64(void **state)
{
	(void)state;
	assert_int_equal(read("-x"), EX_USAGE);
	assert_int_equal(asked_on_stderr, 1);
	assert_int_equal(read("-f"), EX_USAGE);
	assert_int_equal(read("--wide=5"), EX_USAGE);
	assert_int_equal(read("--nothing"), EX_USAGE);
	assert_int_equal(read("-l", "more"), EX_USAGE);
	assert_int_equal(asked_on_stdout, 0);
}

static void help_and_version_belong_to_every_program(void **state)
{
	(void)state;
	assert_int_equal(read("-h"), EX_OK);
	assert_int_equal(asked_on_stdout, 1);
	assert_int_equal(read("--help"), EX_OK);
	assert_int_equal(read("-v"), EX_OK);
	assert_int_equal(read("--version"), EX_OK);
	assert_int_equal(asked_on_stdout + asked_on_stderr, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_option_is_known_by_its_letter_and_by_its_name),
		cmocka_unit_test(what_is_wrong_is_answered_with_64),
		cmocka_unit_test(help_and_version_belong_to_every_program),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
