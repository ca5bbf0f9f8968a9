/* SPDX-License-Identifier: MIT */
/*
 * Files and processes that are watched: what a file says, what counts as a
 * process, and that the thread sees a real one come and go.
 */
#define _GNU_SOURCE /* unshare */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <grp.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/watcher.h"

#define LIMIT 20.0 /* seconds; an event comes within milliseconds on an idle host */

/* --- what a file says --------------------------------------------------------------------- */

static enum watcher_verdict number_of(const char *text, ssize_t length, int *number)
{
	struct watcher_result result = {.number = 77};

	watcher_read_number(text, length, &result);
	*number = result.number;
	return result.verdict;
}

static void a_file_holds_one_number_or_says_nothing(void **state)
{
	static const struct {
		const char *text;
		enum watcher_verdict verdict;
		int number;
	} cases[] = {
		{"0\n", WATCHER_GOOD, 0},
		{"", WATCHER_GOOD, 0},
		{" \n", WATCHER_GOOD, 0},
		{"7", WATCHER_BAD, 7},
		{"  -12 \r\n", WATCHER_BAD, -12},
		{"+3", WATCHER_BAD, 3},
		{"99999999999", WATCHER_BAD, 10000},
		{"-10001", WATCHER_BAD, -10000},
		{"1 2", WATCHER_UNKNOWN, 0},
		{"one", WATCHER_UNKNOWN, 0},
		{"-", WATCHER_UNKNOWN, 0},
		{"0x10", WATCHER_UNKNOWN, 0},
	};
	char text[65];
	int number;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(number_of(cases[i].text, (ssize_t)strlen(cases[i].text), &number),
				 cases[i].verdict);
		if (cases[i].verdict != WATCHER_UNKNOWN)
			assert_int_equal(number, cases[i].number);
	}
	assert_int_equal(number_of("", -1, &number), WATCHER_GOOD); /* not there */
	assert_int_equal(number, 0);
	assert_int_equal(number_of("1\0002", 3, &number), WATCHER_UNKNOWN);
	memset(text, '0', sizeof(text));
	assert_int_equal(number_of(text, 64, &number), WATCHER_GOOD);
	assert_int_equal(number_of(text, 65, &number), WATCHER_UNKNOWN);
}

/* --- what counts as a process --------------------------------------------------------------- */

/* @args: with spaces where the NULs go. */
static bool matches(const char *what, enum process_match match, const char *comm, const char *args)
{
	struct process_pattern pattern;
	char cmdline[128];
	size_t length = strlen(args);

	assert_true(process_pattern(&pattern, what, match));
	(void)snprintf(cmdline, sizeof(cmdline), "%s", args);
	for (size_t i = 0; i < length; i++)
		if (cmdline[i] == ' ')
			cmdline[i] = '\0';
	return process_matches(&pattern, comm, cmdline, length ? length + 1 : 0);
}

static void a_name_is_the_kernel_s_or_the_last_part_of_the_first_argument(void **state)
{
	(void)state;
	assert_true(matches("mariadbd", PROCESS_EXACT, "mariadbd", "/usr/sbin/mysqld"));
	assert_true(matches("mysqld", PROCESS_EXACT, "mariadbd", "/usr/sbin/mysqld"));
	assert_true(matches("a-name-longer-than-15", PROCESS_EXACT, "a-name-longer-t",
			    "/opt/a-name-longer-than-15"));
	assert_true(matches("kworker/0:1", PROCESS_EXACT, "x", "kworker/0:1"));
	assert_true(matches("/usr/sbin/mysqld", PROCESS_EXACT, "mariadbd", "/usr/sbin/mysqld"));
	assert_false(matches("/usr/sbin/mysqld", PROCESS_EXACT, "mysqld", "mysqld"));
	assert_false(matches("mysql", PROCESS_EXACT, "mysqld", "/usr/sbin/mysqld"));
	assert_true(matches("kthreadd", PROCESS_EXACT, "kthreadd", "")); /* without arguments */
	assert_false(matches("kthreadd x", PROCESS_EXACT, "kthreadd", ""));
}

static void arguments_are_compared_as_param_match_says(void **state)
{
	(void)state;
	assert_true(matches("p -a -b", PROCESS_EXACT, "p", "p -a -b"));
	assert_false(matches("p -a", PROCESS_EXACT, "p", "p -a -b"));
	assert_false(matches("p -a -b", PROCESS_EXACT, "p", "p -a"));
	assert_true(matches("p -a", PROCESS_INITIAL, "p", "p -a -b"));
	assert_false(matches("p -b", PROCESS_INITIAL, "p", "p -a -b"));
	assert_false(matches("p -a -", PROCESS_INITIAL, "p", "p -a -b"));
	assert_true(matches("p -a -", PROCESS_PARTIAL, "p", "p -a -b -c"));
	assert_false(matches("p - -b", PROCESS_PARTIAL, "p", "p -a -b"));
	assert_true(matches("p", PROCESS_EXACT, "p", "p -a")); /* nothing was asked of them */
}

static void a_pattern_has_words_but_not_any_number(void **state)
{
	struct process_pattern pattern;
	char many[3 * PROCESS_WORDS_MAX + 1] = "";

	(void)state;
	assert_false(process_pattern(&pattern, "  ", PROCESS_EXACT));
	for (unsigned int i = 0; i < PROCESS_WORDS_MAX; i++)
		strcat(many, " a");
	assert_true(process_pattern(&pattern, many, PROCESS_EXACT));
	strcat(many, " a");
	assert_false(process_pattern(&pattern, many, PROCESS_EXACT));
}

/* As ProtectProc=invisible makes it. 0 said so, 1 did not, 77 cannot be tried here. */
static int scan_hidden(void)
{
	const struct process_pattern *patterns[1];
	struct process_pattern pattern;
	struct process_found found;

	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("proc", "/proc", "proc", 0, "hidepid=2") < 0 || setgroups(0, NULL) < 0 ||
	    setresgid(65534, 65534, 65534) < 0 || setresuid(65534, 65534, 65534) < 0)
		return 77;
	(void)process_pattern(&pattern, "no-such-process", PROCESS_EXACT);
	patterns[0] = &pattern;
	return process_scan(patterns, &found, 1) || found.count != 0;
}

static void processes_that_are_hidden_are_not_taken_for_none(void **state)
{
	int status = 0;
	pid_t pid = fork();

	(void)state;
	if (pid == 0)
		_exit(scan_hidden());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == 77)
		skip();
	assert_int_equal(WEXITSTATUS(status), 0);
}

/* --- the thread ------------------------------------------------------------------------------- */

static struct {
	struct ev_loop *loop;
	struct watcher *watch;
	struct watcher_result seen[2];
	enum watcher_verdict wanted;
	int number;
	unsigned int index;
} world;

static void on_watched(void *arg, unsigned int index, const struct watcher_result *result)
{
	(void)arg;
	world.seen[index] = *result;
	if (index == world.index && result->verdict == world.wanted &&
	    result->number == world.number)
		ev_break(world.loop, EVBREAK_ALL);
}

static void give_up(struct ev_loop *loop, ev_timer *timer, int revents)
{
	(void)revents;
	(void)timer;
	ev_break(loop, EVBREAK_ALL);
}

static void expect(unsigned int index, enum watcher_verdict verdict, int number)
{
	ev_timer limit;

	world.index = index;
	world.wanted = verdict;
	world.number = number;
	ev_timer_init(&limit, give_up, LIMIT, 0.);
	ev_timer_start(world.loop, &limit);
	if (world.seen[index].verdict != verdict || world.seen[index].number != number)
		ev_run(world.loop, 0);
	ev_timer_stop(world.loop, &limit);
	assert_int_equal(world.seen[index].verdict, verdict);
	assert_int_equal(world.seen[index].number, number);
}

static void begin(const struct watcher_config *configs, unsigned int count)
{
	struct err err = {""};

	memset(&world, 0, sizeof(world));
	world.loop = ev_loop_new(EVFLAG_AUTO);
	world.watch = watcher_open(world.loop, configs, count, on_watched, NULL, &err);
	if (!world.watch)
		print_error("%s\n", err.text);
	assert_non_null(world.watch);
}

static void end(void)
{
	watcher_close(world.watch);
	ev_loop_destroy(world.loop);
}

/* A child by a name that no other process has. */
static pid_t named_child(const char *name)
{
	int ready[2];
	char byte;
	pid_t pid;

	assert_int_equal(pipe(ready), 0);
	pid = fork();
	if (pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		(void)prctl(PR_SET_NAME, name);
		(void)!write(ready[1], "x", 1);
		for (;;)
			pause();
	}
	assert_true(pid > 0);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	(void)close(ready[0]);
	(void)close(ready[1]);
	return pid;
}

static void reap(pid_t pid)
{
	(void)kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void processes_come_and_go_and_a_zombie_is_none(void **state)
{
	char name[16];
	struct watcher_config config = {.what = name,
					.process = true,
					.quorum = 2,
					.quorum_max = 65535,
					.interval = 50 * MSEC};
	pid_t one, two;

	(void)state;
	(void)snprintf(name, sizeof(name), "zvt%d", (int)getpid());
	begin(&config, 1);
	expect(0, WATCHER_BAD, 0);
	one = named_child(name);
	two = named_child(name);
	expect(0, WATCHER_GOOD, 0);
	assert_string_equal(world.seen[0].evidence, "2 running");
	(void)kill(one, SIGKILL); /* nobody reaps it: a zombie */
	expect(0, WATCHER_BAD, 0);
	assert_string_equal(world.seen[0].evidence, "1 running");
	end();
	reap(one);
	reap(two);
}

/* The interval is an hour: only the pidfd can have told. */
static void the_end_of_a_process_is_seen_without_waiting_for_the_interval(void **state)
{
	char name[16];
	struct watcher_config config = {.what = name,
					.process = true,
					.quorum = 1,
					.quorum_max = 65535,
					.interval = 3600 * SEC};
	pid_t one;

	(void)state;
	(void)snprintf(name, sizeof(name), "zvu%d", (int)getpid());
	one = named_child(name);
	begin(&config, 1);
	expect(0, WATCHER_GOOD, 0);
	reap(one);
	expect(0, WATCHER_BAD, 0);
	end();
}

static void write_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static void a_file_is_read_again_and_again_and_a_fifo_holds_nobody_up(void **state)
{
	char folder[] = "/tmp/test-watcher-XXXXXX";
	char path[64], fifo[64];
	struct watcher_config configs[2] = {{.what = path, .interval = 50 * MSEC},
					    {.what = fifo, .interval = 50 * MSEC}};

	(void)state;
	assert_non_null(mkdtemp(folder));
	(void)snprintf(path, sizeof(path), "%s/number", folder);
	(void)snprintf(fifo, sizeof(fifo), "%s/fifo", folder);
	assert_int_equal(mkfifo(fifo, 0600), 0);
	begin(configs, 2);
	expect(1, WATCHER_UNKNOWN, 0);
	expect(0, WATCHER_GOOD, 0);
	write_file(path, "-5\n");
	expect(0, WATCHER_BAD, -5);
	write_file(path, "6\n");
	expect(0, WATCHER_BAD, 6);
	assert_int_equal(unlink(path), 0);
	expect(0, WATCHER_GOOD, 0);
	assert_true(watcher_looked(world.watch, 0) > 0);
	end();
	(void)unlink(fifo);
	(void)rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_holds_one_number_or_says_nothing),
		cmocka_unit_test(a_name_is_the_kernel_s_or_the_last_part_of_the_first_argument),
		cmocka_unit_test(arguments_are_compared_as_param_match_says),
		cmocka_unit_test(a_pattern_has_words_but_not_any_number),
		cmocka_unit_test(processes_that_are_hidden_are_not_taken_for_none),
		cmocka_unit_test(processes_come_and_go_and_a_zombie_is_none),
		cmocka_unit_test(the_end_of_a_process_is_seen_without_waiting_for_the_interval),
		cmocka_unit_test(a_file_is_read_again_and_again_and_a_fifo_holds_nobody_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
