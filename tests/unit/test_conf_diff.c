/* SPDX-License-Identifier: MIT */
/* What is other in one configuration than in another, word by word. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "conf/diff.h"
#include "conf/load.h"

static const char *const base =
	"global_defs {\n\tcluster c\n}\n"
	"node a {\n\taddress 10.0.0.1\n\tpriority 150\n}\n"
	"node b {\n\taddress 10.0.0.2\n\tpriority 100\n}\n"
	"heartbeat {\n\tkey_file /k\n}\n"
	"track_mysql db {\n\tsocket /s\n}\n"
	"vip_instance V {\n\tinterface eth0\n\tvirtual_ipaddress {\n\t\t10.1.0.1\n\t}\n"
	"\troute_table {\n\t\trtb-0a1b2c3d\n\t}\n\tparameter P\n\ttrack_mysql db\n}\n";

static char said[8192];

static void note(void *arg, const struct conf_change *change)
{
	size_t used = strlen(said);

	(void)arg;
	(void)snprintf(said + used, sizeof(said) - used, "%c %s|%s|%s\n", change->sign,
		       change->block, change->name, change->item);
	assert_non_null(strstr(change->line, change->item));
}

static struct conf *make(const char *text)
{
	struct conf_tree tree;
	struct err err = {.text = ""};
	struct conf *conf = NULL;

	if (conf_parse_buffer(&tree, text, strlen(text), &err) == 0)
		conf = conf_make(&tree);
	if (!conf)
		fail_msg("%s", err.text);
	conf_tree_free(&tree);
	return conf;
}

/* @from in the base becomes @to; what conf_diff() says of it. */
static const char *difference(const char *from, const char *to)
{
	char text[4096];
	const char *at = strstr(base, from);
	struct conf *was = make(base), *is;

	assert_non_null(at);
	(void)snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - base), base, to,
		       at + strlen(from));
	is = make(text);
	said[0] = '\0';
	assert_int_equal(conf_diff(was, is, note, NULL), 0);
	conf_free(was);
	conf_free(is);
	return said;
}

static void a_file_written_otherwise_is_the_same(void **state)
{
	(void)state;
	assert_string_equal(difference("cluster c", "cluster \"c\" # the only one"), "");
	assert_string_equal(difference("key_file /k", "key_file /k\n\tport 7112"), "");
}

static void a_value_that_changes_is_one_of_each(void **state)
{
	(void)state;
	assert_string_equal(difference("priority 100", "priority 90"),
			    "- node|b|priority 100\n+ node|b|priority 90\n");
	assert_string_equal(difference("key_file /k", "key_file /l"),
			    "- heartbeat||key_file /k\n+ heartbeat||key_file /l\n");
	assert_string_equal(difference("socket /s", "socket /s\n\trise 3"),
			    "- track_mysql|db|rise 2\n+ track_mysql|db|rise 3\n");
}

static void what_stands_in_inner_blocks_says_which(void **state)
{
	(void)state;
	assert_string_equal(difference("rtb-0a1b2c3d", "rtb-0a1b2c3d rtb-11111111"),
			    "+ vip_instance|V|route_table rtb-11111111\n");
	assert_string_equal(difference("10.1.0.1", "10.1.0.2"),
			    "- vip_instance|V|virtual_ipaddress 10.1.0.1/32 label eth0:1\n"
			    "+ vip_instance|V|virtual_ipaddress 10.1.0.2/32 label eth0:1\n");
}

static void an_instance_that_comes_or_goes_is_all_its_words(void **state)
{
	(void)state;
	(void)difference("vip_instance V {", "vip_instance W {");
	assert_non_null(strstr(said, "- vip_instance|V|parameter P\n"));
	assert_non_null(strstr(said, "+ vip_instance|W|parameter P\n"));
	assert_null(strstr(said, "node"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_written_otherwise_is_the_same),
		cmocka_unit_test(a_value_that_changes_is_one_of_each),
		cmocka_unit_test(what_stands_in_inner_blocks_says_which),
		cmocka_unit_test(an_instance_that_comes_or_goes_is_all_its_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
