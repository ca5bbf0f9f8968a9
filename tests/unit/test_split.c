/* SPDX-License-Identifier: MIT */
/*
 * The pure parts of zonevip-notify: how a command is split, what a script's
 * environment holds, what of its output is kept.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "agent/runner/environment.h"
#include "agent/runner/output.h"
#include "agent/runner/split.h"

/* The words joined by '|', or the error. */
static const char *split(const char *command)
{
	static char joined[2048];
	struct split out = {.count = 0};
	struct err err = {""};

	joined[0] = '\0';
	if (split_command(command, &out, &err) < 0) {
		assert_int_equal(out.count, 0);
		assert_null(out.words[0]);
		(void)snprintf(joined, sizeof(joined), "%s", err.text);
		return joined;
	}
	assert_null(out.words[out.count]);
	for (unsigned int i = 0; i < out.count; i++)
		(void)snprintf(joined + strlen(joined), sizeof(joined) - strlen(joined), "%s%s",
			       i ? "|" : "", out.words[i]);
	return joined;
}

static void words_are_split_at_white_space(void **state)
{
	(void)state;
	assert_string_equal(split("/a"), "/a");
	assert_string_equal(split("  /a\tb \v c\n"), "/a|b|c");
	assert_string_equal(split("/a $HOME *.c `id` $(id) ~ > x ; y"),
			    "/a|$HOME|*.c|`id`|$(id)|~|>|x|;|y");
}

static void quotes_keep_white_space_and_join_with_their_neighbours(void **state)
{
	(void)state;
	assert_string_equal(split("/a \"b c\" 'd e'"), "/a|b c|d e");
	assert_string_equal(split("/a b\"c d\"e'f g'h"), "/a|bc def gh");
	assert_string_equal(split("/a \"it's\" 'say \"x\"'"), "/a|it's|say \"x\"");
	assert_string_equal(split("/a \"\" ''"), "/a||");
}

static void escapes_are_those_of_keepalived(void **state)
{
	(void)state;
	assert_string_equal(split("/a b\\ c \\\"d\\\" \"e\\\"f\" 'g\\'h' \\\\"),
			    "/a|b c|\"d\"|e\"f|g'h|\\");
	assert_string_equal(split("/a \\a\\b\\E\\f\\n\\r\\t\\v"), "/a|\a\b\033\f\n\r\t\v");
	assert_string_equal(split("/a \\x41\\x4a1 \\1012 \\cA \\xzz \\q"), "/a|AJ1|A2|\001|xzz|q");
}

static void a_broken_command_is_no_command(void **state)
{
	(void)state;
	assert_string_equal(split(""), "the command '' is empty");
	assert_string_equal(split(" \t"), "the command ' \t' is empty");
	assert_string_equal(split("/a \"b"), "the command '/a \"b' has no closing \"");
	assert_string_equal(split("/a 'b"), "the command '/a 'b' has no closing '");
	assert_string_equal(split("/a b\\"), "the command '/a b\\' ends with a backslash");
	assert_string_equal(split("/a b\\0c"), "the command '/a b\\0c' holds a NUL byte");
	assert_string_equal(split("/a \\x00"), "the command '/a \\x00' holds a NUL byte");
	assert_string_equal(split("/a \\c@"), "the command '/a \\c@' holds a NUL byte");
}

static void a_command_has_its_limits(void **state)
{
	char command[2 * SPLIT_TEXT_MAX];
	struct split out = {.count = 0};
	struct err err = {""};

	(void)state;
	memset(command, 'a', sizeof(command));
	command[SPLIT_TEXT_MAX - 1] = '\0';
	assert_int_equal(split_command(command, &out, &err), 0);
	assert_int_equal(strlen(out.words[0]), SPLIT_TEXT_MAX - 1);
	command[SPLIT_TEXT_MAX - 1] = 'a';
	command[SPLIT_TEXT_MAX] = '\0';
	assert_int_equal(split_command(command, &out, &err), -1);

	/* as many words as there may be, and the four arguments behind them */
	for (size_t i = 0; i < sizeof(command); i++)
		command[i] = i % 2 ? ' ' : 'a';
	command[2 * SPLIT_WORDS_MAX] = '\0';
	assert_int_equal(split_command(command, &out, &err), 0);
	assert_int_equal(out.count, SPLIT_WORDS_MAX);
	for (int i = 0; i < SPLIT_EXTRA_MAX + 3; i++)
		split_append(&out, command);
	assert_int_equal(out.count, SPLIT_WORDS_MAX + SPLIT_EXTRA_MAX);
	assert_null(out.words[out.count]);
	command[2 * SPLIT_WORDS_MAX] = 'a';
	command[2 * SPLIT_WORDS_MAX + 1] = '\0';
	err.text[0] = '\0';
	assert_int_equal(split_command(command, &out, &err), -1);
	assert_non_null(strstr(err.text, "more than 64 words"));
}

static void no_input_breaks_the_splitter(void **state)
{
	static const char bytes[] = "ab \t\"'\\x0c1n/";
	char command[SPLIT_TEXT_MAX + 64];
	unsigned int seed = 1;

	(void)state;
	for (int round = 0; round < 20000; round++) {
		size_t length = (size_t)rand_r(&seed) % (sizeof(command) - 1);
		struct split out = {.count = 0};
		struct err err = {""};

		for (size_t i = 0; i < length; i++)
			command[i] = bytes[(size_t)rand_r(&seed) % (sizeof(bytes) - 1)];
		command[length] = '\0';
		if (split_command(command, &out, &err) < 0) {
			assert_true(err.text[0]);
			continue;
		}
		assert_true(out.count > 0 && out.count <= SPLIT_WORDS_MAX);
		for (unsigned int i = 0; i < out.count; i++)
			assert_true(strlen(out.words[i]) < SPLIT_TEXT_MAX);
	}
}

static struct notify_event event(void)
{
	struct notify_event event = {.version = NOTIFY_VERSION,
				     .number = 7,
				     .instance = "MasterDB",
				     .state = "MASTER",
				     .old_state = "CLAIMING",
				     .new_state = "MASTER",
				     .reason = "confirmed",
				     .peer = "DB_Host1",
				     .vip = "10.1.5.5",
				     .priority = 150,
				     .term = 42};

	return event;
}

static const char *var(const struct environment *env, const char *name)
{
	size_t length = strlen(name);

	for (unsigned int i = 0; i < env->count; i++)
		if (strncmp(env->vars[i], name, length) == 0 && env->vars[i][length] == '=')
			return env->vars[i] + length + 1;
	return NULL;
}

static void the_environment_holds_the_facts_and_nothing_of_ours(void **state)
{
	struct notify_event ev = event();
	struct environment env;

	(void)state;
	environment_build(&env, &ev, "/etc/zonevip/notify.sh", false);
	assert_int_equal(env.count, 12);
	assert_null(env.vars[env.count]);
	assert_string_equal(var(&env, "PATH"), ENVIRONMENT_PATH);
	assert_string_equal(var(&env, "ZONEVIP_SCRIPT"), "/etc/zonevip/notify.sh");
	assert_string_equal(var(&env, "ZONEVIP_INSTANCE"), "MasterDB");
	assert_string_equal(var(&env, "ZONEVIP_STATE"), "MASTER");
	assert_string_equal(var(&env, "ZONEVIP_OLD_STATE"), "CLAIMING");
	assert_string_equal(var(&env, "ZONEVIP_NEW_STATE"), "MASTER");
	assert_string_equal(var(&env, "ZONEVIP_REASON"), "confirmed");
	assert_string_equal(var(&env, "ZONEVIP_TERM"), "42");
	assert_string_equal(var(&env, "ZONEVIP_PEER"), "DB_Host1");
	assert_string_equal(var(&env, "ZONEVIP_VIP"), "10.1.5.5");
	assert_string_equal(var(&env, "ZONEVIP_PRIORITY"), "150");
	assert_string_equal(var(&env, "ZONEVIP_EVENT"), "7");
	environment_build(&env, &ev, "/x", true);
	assert_string_equal(var(&env, "ZONEVIP_SUPERSEDED"), "1");
	assert_int_equal(env.count, 13);
}

static void the_longest_values_all_fit(void **state)
{
	struct notify_event ev = event();
	struct environment env;
	char script[SPLIT_TEXT_MAX];

	(void)state;
	memset(ev.instance, 'i', sizeof(ev.instance));
	memset(ev.old_state, 'o', sizeof(ev.old_state));
	memset(ev.new_state, 'n', sizeof(ev.new_state));
	memset(ev.reason, 'r', sizeof(ev.reason));
	memset(ev.peer, 'p', sizeof(ev.peer));
	memset(ev.vip, 'v', sizeof(ev.vip));
	memset(script, 's', sizeof(script));
	script[sizeof(script) - 1] = '\0';
	ev.term = UINT64_MAX;
	ev.priority = ev.number = UINT32_MAX;
	assert_true(environment_accept(&ev, sizeof(ev)));
	environment_build(&env, &ev, script, true);
	assert_int_equal(env.count, 13);
}

static void control_bytes_never_reach_a_script(void **state)
{
	struct notify_event ev = event();
	struct environment env;

	(void)state;
	strcpy(ev.reason, "a\nLD_PRELOAD=x\033[2J\x7f");
	strcpy(ev.instance, "Master\tDB");
	assert_true(environment_accept(&ev, sizeof(ev)));
	environment_build(&env, &ev, "/x", false);
	assert_string_equal(var(&env, "ZONEVIP_REASON"), "a?LD_PRELOAD=x?[2J?");
	assert_string_equal(var(&env, "ZONEVIP_INSTANCE"), "Master?DB");
	assert_null(var(&env, "LD_PRELOAD"));
}

static void a_message_of_another_build_is_not_accepted(void **state)
{
	struct notify_event ev = event();

	(void)state;
	assert_true(environment_accept(&ev, sizeof(ev)));
	assert_false(environment_accept(&ev, sizeof(ev) - 1));
	assert_false(environment_accept(&ev, sizeof(ev) + 1));
	assert_false(environment_accept(&ev, 0));
	ev.version++;
	assert_false(environment_accept(&ev, sizeof(ev)));
	ev = event();
	strcpy(ev.state, "CLAIMING");
	assert_false(environment_accept(&ev, sizeof(ev)));
	ev = event();
	ev.instance[0] = '\0';
	assert_false(environment_accept(&ev, sizeof(ev)));
}

static void output_is_cut_into_lines_and_capped(void **state)
{
	static char data[OUTPUT_BYTES_MAX];
	struct output output;

	(void)state;
	output_open(&output, "test");
	output_feed(&output, "one\ntwo\nthr", 11);
	assert_int_equal(output.lines, 2);
	assert_int_equal(output.used, 3);
	output_feed(&output, "\0e\n", 3);
	assert_int_equal(output.lines, 3);
	memset(data, 'x', sizeof(data));
	output_feed(&output, data, OUTPUT_LINE_MAX + 10);
	assert_int_equal(output.lines, 4); /* a long one is cut */
	for (int i = 0; i < 1000; i++)
		output_feed(&output, data, sizeof(data));
	assert_int_equal(output.taken, OUTPUT_BYTES_MAX);
	assert_true(output.lines <= OUTPUT_LINES_MAX);
	output_close(&output);
	/* shown and hidden are together what was printed */
	assert_true(output.hidden_bytes >= 1000ULL * sizeof(data) - OUTPUT_BYTES_MAX);
	assert_true(output.hidden_bytes <= 1000ULL * sizeof(data));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_are_split_at_white_space),
		cmocka_unit_test(quotes_keep_white_space_and_join_with_their_neighbours),
		cmocka_unit_test(escapes_are_those_of_keepalived),
		cmocka_unit_test(a_broken_command_is_no_command),
		cmocka_unit_test(a_command_has_its_limits),
		cmocka_unit_test(no_input_breaks_the_splitter),
		cmocka_unit_test(the_environment_holds_the_facts_and_nothing_of_ours),
		cmocka_unit_test(the_longest_values_all_fit),
		cmocka_unit_test(control_bytes_never_reach_a_script),
		cmocka_unit_test(a_message_of_another_build_is_not_accepted),
		cmocka_unit_test(output_is_cut_into_lines_and_capped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
