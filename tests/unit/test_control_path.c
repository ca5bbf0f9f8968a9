/* SPDX-License-Identifier: MIT */
/*
 * Where the status socket is made: what is in the way, whose it is, who may
 * open it.
 */
#define _GNU_SOURCE
#include "tests/unit/control_fixture.h"

static void refused(const char *part)
{
	struct err err = {""};

	assert_null(control_open(fix.loop, fix.path, "", answer, &fix, &err));
	if (!strstr(err.text, part))
		fail_msg("'%s' does not say '%s'", err.text, part);
}

static void a_planted_object_is_named_and_stays_untouched(void **state)
{
	struct stat before;
	struct stat after;
	char target[96];
	int fd = open(fix.path, O_CREAT | O_WRONLY | O_EXCL, 0600);

	(void)state;
	assert_int_equal(write(fd, "precious", 8), 8);
	close(fd);
	assert_int_equal(lstat(fix.path, &before), 0);
	refused("a regular file");
	assert_int_equal(lstat(fix.path, &after), 0);
	assert_true(before.st_ino == after.st_ino && after.st_size == 8 &&
		    before.st_mode == after.st_mode);

	(void)snprintf(target, sizeof(target), "%s-target", fix.dir);
	assert_int_equal(unlink(fix.path), 0);
	assert_int_equal(symlink(target, fix.path), 0);
	refused("a symbolic link");
	assert_int_equal(lstat(fix.path, &after), 0);
	assert_true(S_ISLNK(after.st_mode));
	assert_int_equal(lstat(target, &after), -1);

	assert_int_equal(unlink(fix.path), 0);
	assert_int_equal(mkfifo(fix.path, 0600), 0);
	refused("a FIFO");
	assert_int_equal(lstat(fix.path, &after), 0);
	assert_true(S_ISFIFO(after.st_mode));

	assert_int_equal(unlink(fix.path), 0);
	assert_int_equal(mkdir(fix.path, 0700), 0);
	refused("a directory");
	assert_int_equal(rmdir(fix.path), 0);
}

static void a_live_socket_stays_and_a_dead_one_is_replaced(void **state)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	struct stat st;
	ino_t inode;
	int fd;

	(void)state;
	open_control("");
	assert_int_equal(lstat(fix.path, &st), 0);
	inode = st.st_ino;
	refused("live process");
	assert_int_equal(lstat(fix.path, &st), 0);
	assert_int_equal(st.st_ino, inode);
	assert_string_equal(ask("status\n"), "you said status\n");
	control_close(fix.control);
	fix.control = NULL;
	assert_int_equal(lstat(fix.path, &st), -1);

	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	strcpy(sun.sun_path, fix.path);
	assert_int_equal(bind(fd, (struct sockaddr *)&sun, sizeof(sun)), 0);
	close(fd); /* died without removing it */
	open_control("");
	assert_string_equal(ask("status\n"), "you said status\n");
}

static void close_removes_only_its_own_file(void **state)
{
	int fd;
	struct stat st;

	(void)state;
	open_control("");
	assert_int_equal(unlink(fix.path), 0);
	fd = open(fix.path, O_CREAT | O_WRONLY | O_EXCL, 0600);
	close(fd);
	control_close(fix.control);
	fix.control = NULL;
	assert_int_equal(lstat(fix.path, &st), 0);
}

static void the_mode_is_0660_whatever_the_umask(void **state)
{
	static const mode_t masks[] = {0, 022, 0777};
	struct stat st;

	(void)state;
	for (size_t i = 0; i < sizeof(masks) / sizeof(masks[0]); i++) {
		mode_t old = umask(masks[i]);

		open_control("");
		(void)umask(old);
		assert_int_equal(lstat(fix.path, &st), 0);
		assert_int_equal(st.st_mode & 07777, 0660);
		control_close(fix.control);
		fix.control = NULL;
	}
}

static void the_socket_belongs_to_the_group_and_an_unknown_group_is_an_error(void **state)
{
	struct group *group = getgrnam("daemon");
	struct err err = {""};
	struct stat st;

	(void)state;
	assert_null(control_open(fix.loop, fix.path, "no-such-group", answer, &fix, &err));
	assert_non_null(strstr(err.text, "no-such-group"));
	assert_int_equal(lstat(fix.path, &st), -1);
	if (geteuid() != 0 || !group)
		skip();
	open_control("daemon");
	assert_int_equal(lstat(fix.path, &st), 0);
	assert_int_equal(st.st_gid, group->gr_gid);
}

static void a_directory_that_others_can_write_is_refused(void **state)
{
	(void)state;
	assert_int_equal(chmod(fix.dir, 0770), 0);
	refused("others could replace the socket");
	assert_int_equal(chmod(fix.dir, 01777), 0);
	refused("others could replace the socket");
	assert_int_equal(chmod(fix.dir, 0700), 0);
}

static void a_bad_path_is_an_error(void **state)
{
	static const char *const paths[] = {"", "sock", "/tmp/", "@abstract", "/no/such/dir/sock"};
	char long_path[200];
	struct err err = {""};

	(void)state;
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		err.text[0] = '\0';
		assert_null(control_open(fix.loop, paths[i], "", answer, &fix, &err));
		assert_true(err.text[0]);
	}
	memset(long_path, 'a', sizeof(long_path));
	long_path[0] = '/';
	long_path[sizeof(long_path) - 1] = '\0';
	assert_null(control_open(fix.loop, long_path, "", answer, &fix, &err));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_planted_object_is_named_and_stays_untouched),
		TEST(a_live_socket_stays_and_a_dead_one_is_replaced),
		TEST(close_removes_only_its_own_file),
		TEST(the_mode_is_0660_whatever_the_umask),
		TEST(the_socket_belongs_to_the_group_and_an_unknown_group_is_an_error),
		TEST(a_directory_that_others_can_write_is_refused),
		TEST(a_bad_path_is_an_error),
	};

	log_open("test_control_path", LOG_TO_STDERR, LOG_LV_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
