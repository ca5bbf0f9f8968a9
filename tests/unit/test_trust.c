/* SPDX-License-Identifier: MIT */
/*
 * Which scripts may run: refused with the component
 * named, and what runs is what was checked, whatever happens to the path.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <ev.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "agent/base/log.h"
#include "agent/runner/child.h"
#include "agent/runner/trust.h"
#include "tests/unit/own_mount.h"

#define DIR_A OWN_MOUNT "/a"
#define DIR_B OWN_MOUNT "/a/b"
#define SCRIPT OWN_MOUNT "/a/b/script"
#define MARK OWN_MOUNT "/mark"
#define ALICE 1000

static void write_file(const char *path, const char *text, mode_t mode)
{
	int fd = open(path, O_CREAT | O_WRONLY | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

static int set_up(void **state)
{
	(void)state;
	assert_int_equal(system("rm -rf " OWN_MOUNT "/*"), 0);
	assert_int_equal(mkdir(DIR_A, 0755), 0);
	assert_int_equal(mkdir(DIR_B, 0755), 0);
	write_file(SCRIPT, "#!/bin/sh\necho good > " MARK "\n", 0755);
	return 0;
}

static void accepted(const char *path, uid_t user)
{
	struct err err = {""};
	struct stat st;
	int fd = trust_open(path, user, &err);

	if (fd < 0)
		fail_msg("%s", err.text);
	assert_int_equal(fstat(fd, &st), 0);
	assert_true(S_ISREG(st.st_mode));
	close(fd);
}

/* The reason must name @component first and hold @why. */
static void refused(const char *path, uid_t user, const char *component, const char *why)
{
	struct err err = {""};

	assert_int_equal(trust_open(path, user, &err), -1);
	if (strncmp(err.text, component, strlen(component)) != 0 || !strstr(err.text, why))
		fail_msg("'%s' does not say '%s' of %s", err.text, why, component);
}

static void a_script_of_root_in_directories_of_root_is_accepted(void **state)
{
	(void)state;
	accepted(SCRIPT, 0);
	accepted(SCRIPT, ALICE);
	accepted(OWN_MOUNT "//a/./b/../b///script", 0);
}

static void what_others_can_write_is_refused_with_the_component_named(void **state)
{
	(void)state;
	assert_int_equal(chmod(SCRIPT, 0775), 0);
	refused(SCRIPT, 0, SCRIPT " ",
		"mode 0775: others than its owner can write it; chmod go-w " SCRIPT);
	assert_int_equal(chmod(SCRIPT, 0757), 0);
	refused(SCRIPT, 0, SCRIPT " ", "mode 0757");
	assert_int_equal(chmod(SCRIPT, 0755), 0);
	assert_int_equal(chmod(DIR_A, 0775), 0);
	refused(SCRIPT, 0, DIR_A " ",
		"mode 0775: others than its owner can write it; chmod go-w " DIR_A);
	assert_int_equal(chmod(DIR_A, 01777), 0);
	refused(SCRIPT, 0, DIR_A " ", "mode 1777");
}

static void a_foreign_owner_is_refused_with_the_component_named(void **state)
{
	(void)state;
	assert_int_equal(chown(SCRIPT, ALICE, 0), 0);
	refused(SCRIPT, 0, SCRIPT " ", "owned by uid 1000");
	accepted(SCRIPT, ALICE); /* the script user's own */
	assert_int_equal(chown(SCRIPT, 0, 0), 0);
	assert_int_equal(chown(DIR_B, ALICE, 0), 0);
	refused(SCRIPT, 0, DIR_B " ", "chown root " DIR_B);
	accepted(SCRIPT, ALICE);
}

static void links_are_followed_under_the_same_rule(void **state)
{
	(void)state;
	assert_int_equal(symlink("b", DIR_A "/relative"), 0);
	accepted(DIR_A "/relative/script", 0);
	assert_int_equal(symlink(DIR_B, OWN_MOUNT "/absolute"), 0);
	accepted(OWN_MOUNT "/absolute/script", 0);
	accepted("/bin/sh", 0); /* /bin is a link on every modern system */

	/* a safe link to an unsafe place */
	assert_int_equal(chmod(DIR_B, 0777), 0);
	refused(OWN_MOUNT "/absolute/script", 0, DIR_B " ", "mode 0777");
	assert_int_equal(chmod(DIR_B, 0755), 0);

	/* an unsafe link to a safe place */
	assert_int_equal(lchown(OWN_MOUNT "/absolute", ALICE, 0), 0);
	refused(OWN_MOUNT "/absolute/script", 0, OWN_MOUNT "/absolute ", "owned by uid 1000");

	assert_int_equal(symlink("loop", OWN_MOUNT "/loop"), 0);
	refused(OWN_MOUNT "/loop", 0, OWN_MOUNT "/loop", "too many symbolic links");
}

static void what_is_no_script_is_refused(void **state)
{
	static char path[8192];

	(void)state;
	refused("script", 0, "script", "must be absolute");
	refused("", 0, "", "must be absolute");
	refused("/", 0, "/ ", "is a directory");
	refused(DIR_B, 0, DIR_B, "is a directory");
	refused(DIR_B "/none", 0, DIR_B "/none", "No such file");
	refused(SCRIPT "/more", 0, SCRIPT, "is not a directory");
	assert_int_equal(mkfifo(DIR_B "/fifo", 0755), 0);
	refused(DIR_B "/fifo", 0, DIR_B "/fifo", "not a regular file");
	refused("/dev/null", 0, "/dev/null", "");
	assert_int_equal(chmod(SCRIPT, 0644), 0);
	refused(SCRIPT, 0, SCRIPT, "not executable; chmod +x");
	memset(path, 'a', sizeof(path) - 1);
	path[0] = '/';
	refused(path, 0, "/a", "too long");
	path[300] = '\0';
	refused(path, 0, "/a", "File name too long");
}

/* --- what was checked is what runs ---------------------------------------- */

struct run {
	struct ev_loop *loop;
	struct child child;
	struct child_end end;
	int ended;
};

static void on_end(void *arg, const struct child_end *end)
{
	struct run *run = arg;

	run->end = *end;
	run->ended++;
}

/* Runs the open @script to its end. */
static int run_script(struct run *run, int script)
{
	static char *argv[] = {SCRIPT, NULL};
	static char *envp[] = {NULL};
	struct child_spec spec = {.script = script,
				  .argv = argv,
				  .envp = envp,
				  .timeout = 10 * SEC,
				  .prefix = "test"};

	run->ended = 0;
	child_init(&run->child, run->loop, on_end, run);
	assert_int_equal(child_start(&run->child, &spec), 0);
	while (!run->ended)
		ev_run(run->loop, EVRUN_ONCE);
	return run->end.status;
}

static void check_mark(const char *expected)
{
	char text[16] = "";
	int fd = open(MARK, O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_true(read(fd, text, sizeof(text) - 1) > 0);
	close(fd);
	(void)unlink(MARK);
	assert_string_equal(text, expected);
}

static void a_file_swapped_after_the_check_does_not_run(void **state)
{
	struct run run = {.ended = 0};
	struct err err = {""};

	(void)state;
	if (!pidfd_works())
		skip();
	run.loop = ev_loop_new(EVFLAG_AUTO);
	for (int i = 0; i < 100; i++) {
		int fd;

		assert_int_equal(set_up(NULL), 0);
		fd = trust_open(SCRIPT, 0, &err);
		assert_true(fd >= 0);
		if (i % 2) { /* another file under the same name */
			write_file(DIR_B "/evil", "#!/bin/sh\necho evil > " MARK "\n", 0777);
			assert_int_equal(rename(DIR_B "/evil", SCRIPT), 0);
		} else { /* the whole directory */
			assert_int_equal(rename(DIR_B, DIR_A "/old"), 0);
			assert_int_equal(mkdir(DIR_B, 0777), 0);
			write_file(SCRIPT, "#!/bin/sh\necho evil > " MARK "\n", 0777);
		}
		assert_int_equal(run_script(&run, fd), 0);
		close(fd);
		check_mark("good\n");
	}
	ev_loop_destroy(run.loop);
}

/* Another process swaps a good and an unsafe file under the name without a
 * pause, while this one checks and runs. */
static void a_file_swapped_all_the_time_never_runs(void **state)
{
	struct run run = {.ended = 0};
	unsigned int ran = 0;
	unsigned int refusals = 0;
	pid_t pid;

	(void)state;
	if (!pidfd_works())
		skip();
	run.loop = ev_loop_new(EVFLAG_AUTO);
	write_file(DIR_B "/evil", "#!/bin/sh\necho evil > " MARK "\n", 0777);
	pid = fork();
	if (pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			(void)renameat2(AT_FDCWD, DIR_B "/evil", AT_FDCWD, SCRIPT, RENAME_EXCHANGE);
	}
	for (int i = 0; i < 100000 || ((ran == 0 || refusals == 0) && i < 1000000); i++) {
		struct err err = {""};
		int fd = trust_open(SCRIPT, 0, &err);
		struct stat st;

		if (fd < 0) {
			assert_non_null(strstr(err.text, "mode 0777"));
			refusals++;
			continue;
		}
		assert_int_equal(fstat(fd, &st), 0);
		assert_int_equal(st.st_mode & 07777, 0755);
		if (i % 500 == 0 || ran == 0) {
			assert_int_equal(run_script(&run, fd), 0);
			check_mark("good\n");
			ran++;
		}
		close(fd);
	}
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	print_message("%u refused, %u run\n", refusals, ran);
	assert_true(ran > 0 && refusals > 0);
	ev_loop_destroy(run.loop);
}

static void programs_scripts_and_broken_scripts_end_as_they_should(void **state)
{
	struct run run = {.ended = 0};
	struct err err = {""};
	int fd;

	(void)state;
	if (!pidfd_works())
		skip();
	run.loop = ev_loop_new(EVFLAG_AUTO);
	fd = trust_open("/bin/false", 0, &err); /* not a #! script */
	assert_true(fd >= 0);
	assert_int_equal(run_script(&run, fd), 1);
	close(fd);
	write_file(SCRIPT, "#!/bin/bash\n[[ $# == 0 ]] && exit 42\n", 0755);
	fd = trust_open(SCRIPT, 0, &err);
	assert_int_equal(run_script(&run, fd), 42);
	close(fd);
	write_file(SCRIPT, "#!/no/such/interpreter\n", 0755);
	fd = trust_open(SCRIPT, 0, &err);
	assert_int_equal(run_script(&run, fd), -1);
	assert_string_equal(
		run.end.problem,
		"cannot execute: No such file or directory (is the interpreter of its #! "
		"line there?)");
	close(fd);
	write_file(SCRIPT, "not a program\n", 0755);
	fd = trust_open(SCRIPT, 0, &err);
	assert_int_equal(run_script(&run, fd), -1);
	assert_string_equal(run.end.problem, "cannot execute: Exec format error");
	close(fd);
	write_file(SCRIPT, "#!/bin/sh\nkill -9 $$\n", 0755);
	fd = trust_open(SCRIPT, 0, &err);
	assert_int_equal(run_script(&run, fd), 137);
	assert_string_equal(run.end.problem, "killed by signal 9 (Killed)");
	close(fd);
	ev_loop_destroy(run.loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_script_of_root_in_directories_of_root_is_accepted, set_up),
		cmocka_unit_test_setup(what_others_can_write_is_refused_with_the_component_named,
				       set_up),
		cmocka_unit_test_setup(a_foreign_owner_is_refused_with_the_component_named, set_up),
		cmocka_unit_test_setup(links_are_followed_under_the_same_rule, set_up),
		cmocka_unit_test_setup(what_is_no_script_is_refused, set_up),
		cmocka_unit_test_setup(a_file_swapped_after_the_check_does_not_run, set_up),
		cmocka_unit_test_setup(a_file_swapped_all_the_time_never_runs, set_up),
		cmocka_unit_test_setup(programs_scripts_and_broken_scripts_end_as_they_should,
				       set_up),
	};

	if (!own_mount())
		return OWN_MOUNT_SKIP;
	log_open("test_trust", LOG_TO_STDERR, LOG_LV_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
