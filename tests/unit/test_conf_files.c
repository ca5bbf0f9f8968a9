/* SPDX-License-Identifier: MIT */
/*
 * The configuration as files: include, what kind of file is read at all, and
 * which node this host is. Works in a directory of its own, removed at the end.
 */
#define _GNU_SOURCE /* nftw, unshare */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <errno.h>
#include <ftw.h>
#include <ifaddrs.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf/load.h"
#include "tests/unit/conf_text.h"

static char dir[64];

static int set_up(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/zonevip-conf-XXXXXX");
	return mkdtemp(dir) ? 0 : -1;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static int tear_down(void **state)
{
	(void)state;
	return nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* Full name of @name in the directory; three at a time. */
static const char *in_dir(const char *name)
{
	static char paths[3][256];
	static unsigned int turn;
	char *path = paths[turn++ % 3];

	(void)snprintf(path, sizeof(paths[0]), "%s/%s", dir, name);
	return path;
}

static void put(const char *name, const char *text)
{
	FILE *file = fopen(in_dir(name), "w");

	assert_non_null(file);
	assert_int_equal(fputs(text, file) < 0, 0);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(chmod(in_dir(name), 0640), 0);
}

/* The good text with the lines from that which begins with @from to that before @to replaced. */
static char *with(const char *from, const char *to, const char *lines)
{
	const char *start = strstr(conf_text, from);
	const char *end = strstr(conf_text, to);
	char *text = malloc(sizeof(conf_text) + strlen(lines));

	assert_true(start && end && text && start <= end);
	(void)sprintf(text, "%.*s%s%s", (int)(start - conf_text), conf_text, lines, end);
	return text;
}

static void put_with(const char *name, const char *from, const char *to, const char *lines)
{
	char *text = with(from, to, lines);

	put(name, text);
	free(text);
}

static struct conf *load(const char *name, struct err *err)
{
	*err = (struct err){0};
	return conf_load(in_dir(name), "DB_Host1", err);
}

static struct conf *good(const char *name)
{
	struct err err;
	struct conf *conf = load(name, &err);

	if (!conf)
		print_error("%s\n", err.text);
	assert_non_null(conf);
	return conf;
}

/* @where follows the name of the directory and a slash. */
static void refused(const char *name, const char *where, const char *what)
{
	struct err err;
	struct conf *conf = load(name, &err);
	size_t skip = strlen(dir) + 1;

	if (conf || strncmp(err.text, dir, skip - 1) != 0 ||
	    strncmp(err.text + skip, where, strlen(where)) != 0 || !strstr(err.text, what))
		print_error("expected %s ... %s\ngot %s\n", where, what,
			    conf ? "no error" : err.text);
	assert_null(conf);
	assert_memory_equal(err.text + skip, where, strlen(where));
	assert_non_null(strstr(err.text, what));
}

static void a_file_is_loaded_whole(void **state)
{
	struct conf *conf;

	(void)state;
	put("a.conf", conf_text);
	conf = good("a.conf");
	assert_string_equal(conf->path, in_dir("a.conf"));
	assert_int_equal(conf->self, 0);
	assert_int_equal(conf->instance_count, 2);
	conf_free(conf);
}

static void includes_do_not_change_what_is_configured(void **state)
{
	struct conf *whole;
	struct conf *split;

	(void)state;
	put("a.conf", conf_text);
	whole = good("a.conf");
	assert_int_equal(mkdir(in_dir("conf.d"), 0755), 0);
	assert_int_equal(mkdir(in_dir("conf.d/more"), 0755), 0);
	/* In the order of their names, each relative to its own directory. */
	put("conf.d/20-b.conf", "node DB_Host2 {\n\tinclude more/b.conf\n}");
	put("conf.d/10-a.conf", "# first\nnode DB_Host1 {\naddress 10.0.2.10\npriority 150\n}\n");
	put("conf.d/more/b.conf", "address 10.0.4.10\npriority 100");
	put_with("b.conf", "node DB_Host1", "heartbeat {", "include conf.d/*.conf # all\n");
	split = good("b.conf");
	assert_int_equal(split->digest, whole->digest);
	assert_string_equal(split->nodes[0].name, "DB_Host1");
	conf_free(split);
	conf_free(whole);
}

static void an_include_of_nothing_is_an_error_only_without_wildcards(void **state)
{
	(void)state;
	put_with("a.conf", "node DB_Host1", "node DB_Host1", "include none.d/*.conf\n");
	conf_free(good("a.conf"));
	put_with("a.conf", "node DB_Host1", "node DB_Host1", "include none.conf\n");
	refused("a.conf", "a.conf:5:9: 'none.conf': ", "cannot be opened: No such file");
}

static void an_error_in_an_included_file_names_that_file(void **state)
{
	(void)state;
	put("bad.conf", "\n\tadress 10.0.0.1\n");
	put_with("a.conf", "\taddress 10.0.2.10", "\tpriority 150", "include bad.conf\n");
	refused("a.conf", "bad.conf:2:2: 'adress': ", "did you mean 'address'?");
	put("bad.conf", "\n\taddress 10.0.2.10\n\tpriority 100\n");
	put_with("a.conf", "\taddress 10.0.2.10", "}\nnode DB_Host2",
		 "include bad.conf\npriority 150\n");
	refused("a.conf", "a.conf:7:1: 'priority': ", "twice; the first is on line 3 of bad.conf");
}

static void a_directory_with_wildcards_in_its_name_is_itself(void **state)
{
	struct conf *conf;

	(void)state;
	assert_int_equal(mkdir(in_dir("[a]*"), 0755), 0);
	put("[a]*/x-1.conf", "region us-east-1\n");
	put_with("[a]*/a.conf", "\tregion", "\tendpoint", "include x-?.conf\n");
	conf = good("[a]*/a.conf");
	assert_string_equal(conf->aws.region, "us-east-1");
	conf_free(conf);
}

static void an_include_loop_is_refused(void **state)
{
	(void)state;
	put("a.conf", "include b.conf\n");
	put("b.conf", "\n  include a.conf\n");
	refused("a.conf", "b.conf:2:11: 'a.conf': ", "includes itself");
	put("a.conf", "include a.conf\n");
	refused("a.conf", "a.conf:1:9: 'a.conf': ", "includes itself");
	put("a.conf", "include *.conf\n");
	refused("a.conf", "a.conf:1:9: '*.conf': ", "includes itself");
}

static void includes_nest_only_so_deep(void **state)
{
	char name[32];
	char text[64];

	(void)state;
	for (int i = 0; i <= CONF_INCLUDE_DEPTH_MAX; i++) {
		(void)snprintf(name, sizeof(name), "%d.conf", i);
		(void)snprintf(text, sizeof(text), "include %d.conf\n", i + 1);
		put(name, text);
	}
	put("9.conf", conf_text);
	refused("0.conf", "8.conf:1:9: '9.conf': ", "too deep: at most 8");
	put("8.conf", conf_text);
	conf_free(good("0.conf"));
}

static void only_so_many_files_are_read(void **state)
{
	char name[32];

	(void)state;
	assert_int_equal(mkdir(in_dir("d"), 0755), 0);
	for (int i = 1; i < CONF_FILES_MAX; i++) {
		(void)snprintf(name, sizeof(name), "d/%d.conf", i);
		put(name, "\n");
	}
	put_with("a.conf", "node DB_Host1", "node DB_Host1", "include d/*.conf\n");
	conf_free(good("a.conf"));
	put("d/0.conf", "\n");
	refused("a.conf", "a.conf:5:9: 'd/*.conf': ", "one file too many: at most 300");
}

static void a_block_ends_in_the_file_that_opened_it(void **state)
{
	(void)state;
	put("open.conf", "node DB_Host1 {\naddress 10.0.2.10\npriority 150\n");
	put_with("a.conf", "node DB_Host1", "}\nnode DB_Host2", "include open.conf\n");
	refused("a.conf", "open.conf:4:1: '}': ", "nothing closes 'node' on line 1");
	put("close.conf", "priority 150\n}\n");
	put_with("a.conf", "\tpriority 150", "node DB_Host2", "include close.conf\n");
	refused("a.conf",
		"close.conf:2:1: '}': ", "'node' on line 5 of a.conf, which another file");
}

static void only_regular_files_are_read(void **state)
{
	(void)state;
	assert_int_equal(mkdir(in_dir("d.conf"), 0755), 0);
	refused("d.conf", "d.conf: ", "is not a regular file");
	put("a.conf", "include d.conf\n");
	refused("a.conf", "a.conf:1:9: 'd.conf': ", "is not a regular file");
	assert_int_equal(mkfifo(in_dir("f.conf"), 0600), 0);
	refused("f.conf", "f.conf: ", "is not a regular file"); /* and does not wait for a writer */
	refused("none.conf", "none.conf: ", "cannot be opened: No such file");
}

static void a_file_that_others_can_write_is_refused(void **state)
{
	(void)state;
	put("a.conf", conf_text);
	assert_int_equal(chmod(in_dir("a.conf"), 0660), 0);
	refused("a.conf", "a.conf: ", "(mode 0660); run: chmod go-w '");
	assert_int_equal(chmod(in_dir("a.conf"), 0602), 0);
	refused("a.conf", "a.conf: ", "(mode 0602); run: chmod go-w '");
	assert_int_equal(chmod(in_dir("a.conf"), 0644), 0);
	conf_free(good("a.conf"));
	put("b.conf", "include a.conf\n");
	assert_int_equal(chmod(in_dir("a.conf"), 0646), 0);
	refused("b.conf", "b.conf:1:9: 'a.conf': ", "(mode 0646)");
}

static void a_file_of_another_user_is_refused(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip(); /* only root can give a file away */
	put("a.conf", conf_text);
	assert_int_equal(chown(in_dir("a.conf"), 12345, 0), 0);
	refused("a.conf",
		"a.conf: ", "belongs to user 12345, who could rewrite it; run: chown root");
	/* The same file is fine for that user, and root's is fine for everybody. */
	assert_int_equal(chmod(dir, 0755), 0);
	assert_int_equal(seteuid(12345), 0);
	conf_free(good("a.conf"));
	assert_int_equal(seteuid(0), 0);
	assert_int_equal(chown(in_dir("a.conf"), 0, 12345), 0);
	assert_int_equal(setegid(12345), 0);
	assert_int_equal(seteuid(12345), 0);
	conf_free(good("a.conf"));
	assert_int_equal(seteuid(0), 0);
	assert_int_equal(setegid(0), 0);
}

static void a_huge_file_is_refused_at_once(void **state)
{
	struct timespec before;
	struct timespec after;
	char *text = malloc(10UL * 1024 * 1024 + 1);

	(void)state;
	assert_non_null(text);
	memset(text, 'x', 10UL * 1024 * 1024);
	text[10UL * 1024 * 1024] = '\0';
	put("a.conf", text);
	(void)clock_gettime(CLOCK_MONOTONIC, &before);
	refused("a.conf", "a.conf: ", "is too big: 1048576 bytes for all files together");
	(void)clock_gettime(CLOCK_MONOTONIC, &after);
	assert_in_range((after.tv_sec - before.tv_sec) * 1000 +
				(after.tv_nsec - before.tv_nsec) / 1000000,
			0, 3000);
	/* The sum counts, not each. */
	memset(text, '#', 700UL * 1024);
	text[700UL * 1024] = '\0';
	put("c.conf", text);
	put("d.conf", text);
	put("b.conf", "include [cd].conf\n");
	refused("b.conf", "b.conf:1:9: '[cd].conf': ", "d.conf is too big");
	/* One line of 1 MB is read and judged as fast. */
	memset(text, 'x', 1024UL * 1024);
	text[1024UL * 1024] = '\0';
	put("a.conf", text);
	(void)clock_gettime(CLOCK_MONOTONIC, &before);
	refused("a.conf", "a.conf:1:1: 'xxx", "unknown word");
	(void)clock_gettime(CLOCK_MONOTONIC, &after);
	assert_in_range((after.tv_sec - before.tv_sec) * 1000 +
				(after.tv_nsec - before.tv_nsec) / 1000000,
			0, 3000);
	free(text);
}

static void a_nul_byte_is_refused_wherever_it_is(void **state)
{
	static const struct {
		const char *text;
		size_t length;
		const char *where;
	} texts[] = {
		{"node\0 A {\n", 10, "a.conf:1:5: '': control byte 0x00"},
		{"\n\0", 2, "a.conf:2:1: '': control byte 0x00"},
		{"# why\0not\n", 10, "a.conf:1:6: '': control byte 0x00"},
		{"node 'A\0B' {\n", 13, "a.conf:1:8: '': control byte 0x00"},
		{"node 'A'\0 {\n", 12, "a.conf:1:9: '': control byte 0x00"},
		{"node 'A\\\0' {\n", 13, "a.conf:1:8: '\\': unknown escape"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		FILE *file = fopen(in_dir("a.conf"), "w");

		assert_non_null(file);
		assert_int_equal(fwrite(texts[i].text, 1, texts[i].length, file), texts[i].length);
		assert_int_equal(fclose(file), 0);
		assert_int_equal(chmod(in_dir("a.conf"), 0600), 0);
		refused("a.conf", texts[i].where, "");
	}
}

static void a_long_path_leaves_room_for_the_message(void **state)
{
	char path[1200] = "";
	struct err err = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(path) - 8; i += 2)
		memcpy(path + i, "./", 3);
	memcpy(path + strlen(path), "x.conf", sizeof("x.conf"));
	assert_null(conf_load(path, NULL, &err));
	assert_non_null(strstr(err.text, "x.conf: cannot be opened: No such file"));
}

static void we_are_the_node_we_are_told_to_be(void **state)
{
	struct err err = {0};
	struct conf *conf;

	(void)state;
	put("a.conf", conf_text);
	conf = conf_load(in_dir("a.conf"), "DB_Host2", &err);
	assert_non_null(conf);
	assert_int_equal(conf->self, 1);
	conf_free(conf);
	assert_null(conf_load(in_dir("a.conf"), "DB_Host3", &err));
	assert_non_null(strstr(err.text, "a.conf:5:1: 'node': none is named 'DB_Host3'; the nodes "
					 "are DB_Host1, DB_Host2; choose one with -i NAME"));
}

static void we_are_the_node_with_our_host_name(void **state)
{
	char host[256];
	char line[300];
	struct err err = {0};
	struct conf *conf;

	(void)state;
	assert_int_equal(gethostname(host, sizeof(host)), 0);
	host[strcspn(host, ".")] = '\0';
	if (strlen(host) >= CONF_NAME_MAX)
		skip();
	(void)snprintf(line, sizeof(line), "node %s {\n", host);
	/* The other node's address is ours too, but the name comes first. */
	put_with("a.conf", "node DB_Host1", "\taddress 10.0.2.10", line);
	conf = conf_load(in_dir("a.conf"), NULL, &err);
	assert_string_equal(err.text, "");
	assert_non_null(conf);
	assert_int_equal(conf->self, 0);
	conf_free(conf);
}

static void the_domain_of_our_host_name_does_not_count(void **state)
{
	struct err err = {0};
	struct conf *conf;

	(void)state;
	/* A host name of our own, for this process only. */
	if (unshare(CLONE_NEWUTS) < 0)
		skip();
	assert_int_equal(sethostname("DB_Host2.example.org", 20), 0);
	put("a.conf", conf_text);
	conf = conf_load(in_dir("a.conf"), NULL, &err);
	assert_string_equal(err.text, "");
	assert_non_null(conf);
	assert_int_equal(conf->self, 1);
	conf_free(conf);
	assert_int_equal(sethostname("zv-no-such", 10), 0);
}

/* An IPv4 address of this host besides 127.0.0.1; "" when there is none. */
static void second_address(char text[static IP_TEXT_MAX])
{
	struct ifaddrs *list;

	text[0] = '\0';
	assert_int_equal(getifaddrs(&list), 0);
	for (struct ifaddrs *one = list; one && !text[0]; one = one->ifa_next) {
		struct sockaddr_storage sa = {0};
		struct ip ip;

		if (!one->ifa_addr || one->ifa_addr->sa_family != AF_INET)
			continue;
		memcpy(&sa, one->ifa_addr, sizeof(struct sockaddr_in));
		if (ip_from_sockaddr(&sa, &ip) == 0 && ip.bytes[0] != 127)
			(void)ip_format(&ip, text);
	}
	freeifaddrs(list);
}

static void two_nodes_that_are_both_this_host_are_an_error(void **state)
{
	struct err err = {0};
	char second[IP_TEXT_MAX];
	char lines[256];

	(void)state;
	second_address(second);
	if (!second[0])
		skip();
	(void)snprintf(lines, sizeof(lines),
		       "node zv-no-such-a {\naddress 127.0.0.1\npriority 2\n}\n"
		       "node zv-no-such-b {\naddress %s\npriority 1\n}\n",
		       second);
	put_with("a.conf", "node DB_Host1", "heartbeat {", lines);
	assert_null(conf_load(in_dir("a.conf"), NULL, &err));
	assert_non_null(strstr(err.text, "more than one is this host ("));
	assert_non_null(strstr(err.text, "choose one with -i NAME"));
}

static void we_are_the_node_whose_address_we_carry(void **state)
{
	struct err err = {0};
	struct conf *conf;

	(void)state;
	put_with("a.conf", "\taddress 10.0.4.10", "\tpriority 100", "\taddress 127.0.0.1\n");
	conf = conf_load(in_dir("a.conf"), NULL, &err);
	if (!conf)
		print_error("%s\n", err.text);
	assert_non_null(conf);
	assert_int_equal(conf->self, 1);
	conf_free(conf);
}

static void no_node_here_is_an_error_that_names_them(void **state)
{
	struct err err = {0};

	(void)state;
	/* Documentation addresses: nobody carries them. */
	put_with("a.conf", "node DB_Host1", "heartbeat {",
		 "node zv-no-such-a {\naddress 203.0.113.251\npriority 2\n}\n"
		 "node zv-no-such-b {\naddress 203.0.113.252\npriority 1\n}\n");
	assert_null(conf_load(in_dir("a.conf"), NULL, &err));
	assert_non_null(strstr(err.text, "a.conf:5:1: 'node': none is this host ("));
	assert_non_null(strstr(err.text, "by name or by address; the nodes are zv-no-such-a, "
					 "zv-no-such-b; choose one with -i NAME"));
}

static void the_sample_is_good(void **state)
{
	const char *top = getenv("top_srcdir");
	static char text[32768];
	char path[512];
	struct conf *conf;
	FILE *file;
	size_t length;

	(void)state;
	(void)snprintf(path, sizeof(path), "%s/conf/zonevip.conf.sample", top ? top : ".");
	file = fopen(path, "r");
	assert_non_null(file);
	length = fread(text, 1, sizeof(text) - 1, file);
	assert_int_equal(fclose(file), 0);
	assert_in_range(length, 1, sizeof(text) - 2);
	text[length] = '\0';
	put("a.conf", text); /* a copy: the modes of a checkout are its owner's business */
	conf = good("a.conf");
	assert_string_equal(conf->nodes[1].name, "DB_Host2");
	assert_string_equal(conf->instances[0].parameter, "MasterDB_VIP");
	assert_string_equal(conf->instances[0].vips[0].label, "eth0:1");
	conf_free(conf);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_file_is_loaded_whole),
		TEST(includes_do_not_change_what_is_configured),
		TEST(an_include_of_nothing_is_an_error_only_without_wildcards),
		TEST(an_error_in_an_included_file_names_that_file),
		TEST(a_directory_with_wildcards_in_its_name_is_itself),
		TEST(an_include_loop_is_refused),
		TEST(includes_nest_only_so_deep),
		TEST(only_so_many_files_are_read),
		TEST(a_block_ends_in_the_file_that_opened_it),
		TEST(only_regular_files_are_read),
		TEST(a_file_that_others_can_write_is_refused),
		TEST(a_file_of_another_user_is_refused),
		TEST(a_huge_file_is_refused_at_once),
		TEST(a_nul_byte_is_refused_wherever_it_is),
		TEST(a_long_path_leaves_room_for_the_message),
		TEST(we_are_the_node_we_are_told_to_be),
		TEST(we_are_the_node_with_our_host_name),
		TEST(the_domain_of_our_host_name_does_not_count),
		TEST(we_are_the_node_whose_address_we_carry),
		TEST(two_nodes_that_are_both_this_host_are_an_error),
		TEST(no_node_here_is_an_error_that_names_them),
		TEST(the_sample_is_good),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
