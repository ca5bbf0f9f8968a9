/* SPDX-License-Identifier: MIT */
/*
 * Positions of both kinds of server: what is missing, what is errant, and
 * that no text from outside confuses the reader.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "agent/mygtid.h"

#define A "3e11fa47-71ca-11e1-9e33-c80aa9429562"
#define B "4F22AB58-71CA-11E1-9E33-C80AA9429562"

static uint64_t missing(const char *want, const char *have)
{
	struct mygtid_set sets[2];

	assert_int_equal(mygtid_parse(want, &sets[0]), 0);
	assert_int_equal(mygtid_parse(have, &sets[1]), 0);
	return mygtid_missing(&sets[0], &sets[1]);
}

static uint64_t errant(const char *mine, const char *theirs, const char *expect)
{
	struct mygtid_set sets[2];
	char text[256];
	uint64_t count;

	assert_int_equal(mygtid_parse(mine, &sets[0]), 0);
	assert_int_equal(mygtid_parse(theirs, &sets[1]), 0);
	count = mygtid_errant(&sets[0], &sets[1], text, sizeof(text));
	assert_string_equal(text, expect);
	return count;
}

static int parse(const char *text)
{
	struct mygtid_set set;
	int ret = mygtid_parse(text, &set);

	if (ret < 0)
		assert_int_equal(set.count, 0);
	return ret;
}

static void mysql_counts_missing_transactions_exactly(void **state)
{
	(void)state;
	assert_int_equal(missing(A ":1-100", A ":1-100"), 0);
	assert_int_equal(missing(A ":1-100", A ":1-90"), 10);
	assert_int_equal(missing(A ":1-100:105", A ":1-50:60-100"), 10);
	assert_int_equal(missing(A ":1-10,\n" B ":7", A ":1-10"), 1);
	assert_int_equal(missing(A ":1-10", ""), 10);
	assert_int_equal(missing("", A ":1-10"), 0);
	/* neither sorted nor disjoint */
	assert_int_equal(missing(A ":1-100", A ":50-60:1-55:61-99"), 1);
	/* the same uuid in another case */
	assert_int_equal(missing("4f22ab58-71ca-11e1-9e33-c80aa9429562:1-5", B ":1-5"), 0);
	/* tags are sources of their own */
	assert_int_equal(missing(A ":1-5:batch:1-3", A ":1-5"), 3);
}

static void mariadb_counts_by_domain_whichever_server_wrote(void **state)
{
	(void)state;
	assert_int_equal(missing("0-21-1234", "0-21-1230"), 4);
	assert_int_equal(missing("0-21-1234,0-22-1240", "0-21-1234"), 6);
	assert_int_equal(missing("0-21-1234", "0-22-1240"), 0);
	assert_int_equal(missing("0-1-10,1-1-7", "0-1-10"), 7);
	assert_int_equal(missing("", ""), 0);
}

static void errant_transactions_are_found_and_named(void **state)
{
	(void)state;
	assert_int_equal(errant("0-21-1240,0-22-1200", "0-22-1300,0-21-1235", "0-21-1236..1240"),
			 5);
	assert_int_equal(errant("0-21-1235", "0-21-1235,0-22-1300", ""), 0);
	assert_int_equal(errant("0-9-3", "0-21-1235", "0-9-1..3"), 3);
	assert_int_equal(errant("0-9-1", "0-21-1235", "0-9-1"), 1);
	assert_int_equal(errant("0-9-3,0-9-4,0-9-4", "0-9-2", "0-9-3..4"), 2);
	assert_int_equal(errant(A ":1-12", A ":1-10," B ":1-99", A ":11-12"), 2);
	assert_int_equal(errant(A ":1-12:20", A ":1-12", A ":20"), 1);
	assert_int_equal(errant(A ":1-10", A ":1-10", ""), 0);
}

static void what_does_not_fit_is_counted_though_not_named(void **state)
{
	struct mygtid_set mine;
	struct mygtid_set theirs;
	char text[8];

	(void)state;
	assert_int_equal(mygtid_parse(A ":1-12:20", &mine), 0);
	assert_int_equal(mygtid_parse("", &theirs), 0);
	assert_int_equal(mygtid_errant(&mine, &theirs, text, sizeof(text)), 13);
	assert_int_equal(strlen(text), 7);
}

static void a_position_has_the_newest_of_every_domain(void **state)
{
	struct mygtid_set a;
	struct mygtid_set b;
	char text[64];

	(void)state;
	assert_int_equal(mygtid_parse("0-21-5,0-22-9,1-21-3", &a), 0);
	assert_int_equal(mygtid_parse("0-23-7,2-1-1", &b), 0);
	assert_true(mygtid_position(&a, &b, text, sizeof(text)));
	assert_string_equal(text, "0-22-9,1-21-3,2-1-1");
	assert_false(mygtid_position(&a, &b, text, 8));
	assert_int_equal(mygtid_parse("0-22-9", &b), 0);
	assert_true(mygtid_position(&a, &b, text, sizeof(text)));
	assert_string_equal(text, "0-22-9,1-21-3");
}

static void no_text_from_outside_confuses_the_reader(void **state)
{
	char many[4096] = "";

	(void)state;
	assert_int_equal(parse("garbage"), -EINVAL);
	assert_int_equal(parse("0-1"), -EINVAL);
	assert_int_equal(parse("0-1-"), -EINVAL);
	assert_int_equal(parse("0-1-0"), -EINVAL);
	assert_int_equal(parse("0-4294967296-1"), -EINVAL);
	assert_int_equal(parse("0-1-99999999999999999999"), -EINVAL);
	assert_int_equal(parse("0-1-5 0-2-6"), -EINVAL);
	assert_int_equal(parse("0-1-5," A ":1"), -EINVAL);
	assert_int_equal(parse(A), -EINVAL);
	assert_int_equal(parse(A ":"), -EINVAL);
	assert_int_equal(parse(A ":5-3"), -EINVAL);
	assert_int_equal(parse(A ":0"), -EINVAL);
	assert_int_equal(parse(A ":tag"), -EINVAL);
	assert_int_equal(parse(A ":1-18446744073709551615"), -EINVAL);
	assert_int_equal(parse(" 0-1-5 , 0-2-6 \n"), 0);
	for (int i = 0; i <= MYGTID_RANGES_MAX; i++)
		(void)snprintf(many + strlen(many), sizeof(many) - strlen(many), "%s0-%d-%d",
			       i ? "," : "", i + 1, i + 1);
	assert_int_equal(parse(many), -E2BIG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mysql_counts_missing_transactions_exactly),
		cmocka_unit_test(mariadb_counts_by_domain_whichever_server_wrote),
		cmocka_unit_test(errant_transactions_are_found_and_named),
		cmocka_unit_test(what_does_not_fit_is_counted_though_not_named),
		cmocka_unit_test(a_position_has_the_newest_of_every_domain),
		cmocka_unit_test(no_text_from_outside_confuses_the_reader),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
