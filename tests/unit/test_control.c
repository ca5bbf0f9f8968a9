/* SPDX-License-Identifier: MIT */
/*
 * The status socket under honest and hostile clients (doc/faults.md rows 8,
 * 58, 59, 63). SIGPIPE keeps its default here: a write to a client that has
 * gone must not kill the daemon.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <ev.h>
#include <fcntl.h>
#include <grp.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "agent/base/log.h"
#include "agent/base/unixsock.h"
#include "agent/control.h"

#define NOBODY 65534
#define BIG (CONTROL_REPLY_MAX - 16)

struct fixture {
	struct ev_loop *loop;
	struct control *control;
	char dir[64];
	char path[80];
	struct control_peer peer; /* of the last request */
	char line[CONTROL_REQUEST_MAX];
	int requests;
};

static struct fixture fix;

static void answer(void *arg, const struct control_peer *peer, const char *line, struct buf *reply)
{
	struct fixture *f = arg;

	f->peer = *peer;
	f->requests++;
	(void)snprintf(f->line, sizeof(f->line), "%s", line);
	if (strcmp(line, "big") == 0 || strcmp(line, "huge") == 0) {
		static char block[4096];
		size_t length = line[0] == 'b' ? BIG : CONTROL_REPLY_MAX + 1;

		memset(block, 'x', sizeof(block));
		while (reply->length < length && !reply->overflow) {
			size_t rest = length - reply->length;

			(void)buf_append(reply, block, rest < sizeof(block) ? rest : sizeof(block));
		}
		return;
	}
	(void)buf_printf(reply, "you said %s\n", line);
}

static void open_control(const char *group)
{
	struct err err = {""};

	fix.control = control_open(fix.loop, fix.path, group, answer, &fix, &err);
	if (!fix.control)
		fail_msg("%s", err.text);
}

static int set_up(void **state)
{
	(void)state;
	memset(&fix, 0, sizeof(fix));
	strcpy(fix.dir, "/tmp/zv-control-XXXXXX");
	assert_non_null(mkdtemp(fix.dir));
	(void)snprintf(fix.path, sizeof(fix.path), "%s/sock", fix.dir);
	fix.loop = ev_loop_new(EVFLAG_AUTO);
	assert_non_null(fix.loop);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	control_close(fix.control);
	ev_loop_destroy(fix.loop);
	(void)unlink(fix.path);
	(void)rmdir(fix.path);
	assert_int_equal(rmdir(fix.dir), 0);
	return 0;
}

static int client(void)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	strcpy(sun.sun_path, fix.path);
	if (connect(fd, (struct sockaddr *)&sun, sizeof(sun)) == 0)
		return fd;
	close(fd);
	return -1;
}

static void send_text(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

static void turn(mono_us how_long)
{
	mono_us until = mono_now() + how_long;

	do {
		ev_run(fix.loop, EVRUN_NOWAIT);
		usleep(1000);
	} while (mono_now() < until);
}

/* Everything up to the end the daemon puts; "" if it just closed. */
static const char *receive(int fd)
{
	static char text[4096];
	size_t used = 0;
	mono_us until = mono_now() + 5 * SEC;

	while (mono_now() < until) {
		ssize_t count = recv(fd, text + used, sizeof(text) - 1 - used, 0);

		if (count == 0 || (count < 0 && errno == ECONNRESET)) {
			close(fd);
			text[used] = '\0';
			return text;
		}
		if (count > 0)
			used += (size_t)count;
		else
			assert_int_equal(errno, EAGAIN);
		ev_run(fix.loop, EVRUN_NOWAIT);
	}
	fail_msg("no end after 5 s");
	return NULL;
}

static const char *ask(const char *request)
{
	int fd = client();

	assert_true(fd >= 0);
	send_text(fd, request);
	return receive(fd);
}

static int open_fds(void)
{
	int count = 0;

	for (int fd = 0; fd < 1024; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

static void a_line_gets_one_answer_and_the_end(void **state)
{
	int before;

	(void)state;
	open_control("");
	before = open_fds();
	assert_string_equal(ask("why MasterDB\n"), "you said why MasterDB\n");
	assert_string_equal(ask("status\r\n"), "you said status\n");
	assert_string_equal(ask("one\ntwo\n"), "you said one\n");
	assert_int_equal(fix.requests, 3);
	assert_int_equal(open_fds(), before);
}

static void a_line_may_come_byte_by_byte_or_end_without_newline(void **state)
{
	int fd;

	(void)state;
	open_control("");
	fd = client();
	for (const char *c = "version"; *c; c++) {
		assert_int_equal(send(fd, c, 1, MSG_NOSIGNAL), 1);
		turn(2 * MSEC);
		assert_int_equal(fix.requests, 0);
	}
	assert_int_equal(shutdown(fd, SHUT_WR), 0);
	assert_string_equal(receive(fd), "you said version\n");
}

static void too_long_a_line_and_unprintable_bytes_are_refused(void **state)
{
	static char line[1024 * 1024];
	int fd;

	(void)state;
	open_control("");
	memset(line, 'a', sizeof(line));
	fd = client();
	(void)send(fd, line, sizeof(line), MSG_NOSIGNAL);
	assert_string_equal(receive(fd), "ERROR the request is too long\n");
	/* the longest that fits: 1023 bytes and the newline */
	line[CONTROL_REQUEST_MAX - 1] = '\n';
	line[CONTROL_REQUEST_MAX] = '\0';
	assert_int_equal(strncmp(ask(line), "you said aaaa", 13), 0);
	assert_int_equal(strlen(fix.line), CONTROL_REQUEST_MAX - 1);
	assert_string_equal(ask("sta\033[2Jtus\n"),
			    "ERROR the request holds bytes that are not printable\n");
	assert_string_equal(ask("st\xc3\xa4tus\n"),
			    "ERROR the request holds bytes that are not printable\n");
	fd = client();
	assert_int_equal(send(fd, "a\0b\n", 4, MSG_NOSIGNAL), 4);
	assert_string_equal(receive(fd), "ERROR the request holds bytes that are not printable\n");
	assert_int_equal(fix.requests, 1);
}

static void an_answer_beyond_the_cap_becomes_an_error(void **state)
{
	(void)state;
	open_control("");
	assert_string_equal(ask("huge\n"), "ERROR the answer is too long\n");
}

static void a_silent_client_is_ended_at_the_deadline(void **state)
{
	mono_us start = mono_now();
	int before;
	int silent;
	int closed;

	(void)state;
	open_control("");
	before = open_fds();
	silent = client();
	closed = client();
	close(closed);
	assert_string_equal(receive(silent), "ERROR no request in time\n");
	assert_true(mono_now() - start >= CONTROL_DEADLINE - 50 * MSEC);
	assert_true(mono_now() - start < CONTROL_DEADLINE + 500 * MSEC);
	assert_int_equal(open_fds(), before);
}

static void answers_nobody_reads_are_bounded_and_dropped_at_the_deadline(void **state)
{
	int fds[4];
	int before;

	(void)state;
	open_control("");
	before = open_fds();
	for (int i = 0; i < 4; i++) {
		fds[i] = client();
		send_text(fds[i], "big\n");
		turn(5 * MSEC);
	}
	/* two such answers are kept; the third client is told, in a few bytes */
	assert_int_equal(fix.requests, 2);
	assert_string_equal(receive(fds[3]),
			    "ERROR busy: other clients do not read their answers\n");
	assert_string_equal(receive(fds[2]),
			    "ERROR busy: other clients do not read their answers\n");
	turn(CONTROL_DEADLINE + 100 * MSEC);
	close(fds[0]);
	close(fds[1]);
	assert_int_equal(open_fds(), before);
	assert_string_equal(ask("status\n"), "you said status\n");
}

static void a_client_gone_before_its_answer_raises_no_sigpipe(void **state)
{
	(void)state;
	open_control("");
	for (int i = 0; i < 50; i++) {
		int fd = client();

		send_text(fd, i % 2 ? "big\n" : "status\n");
		close(fd);
		turn(1 * MSEC);
	}
	turn(20 * MSEC);
	assert_int_equal(fix.requests, 50);
}

static void the_seventeenth_client_is_refused_and_the_others_are_served(void **state)
{
	int fds[CONTROL_CLIENTS_MAX];
	int extra;

	(void)state;
	open_control("");
	for (int i = 0; i < CONTROL_CLIENTS_MAX; i++)
		fds[i] = client();
	turn(20 * MSEC);
	extra = client();
	assert_string_equal(receive(extra), "ERROR busy: too many clients\n");
	for (int i = 0; i < CONTROL_CLIENTS_MAX; i++) {
		send_text(fds[i], "status\n");
		assert_string_equal(receive(fds[i]), "you said status\n");
	}
	assert_string_equal(ask("status\n"), "you said status\n");
}

/* Runs @fn in a child that is @uid with supplementary group @group (or none). */
static void as_user(uid_t uid, gid_t group, int (*fn)(void))
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		if (setgroups(group ? 1 : 0, &group) < 0 || setresgid(NOBODY, NOBODY, NOBODY) < 0 ||
		    setresuid(uid, uid, uid) < 0)
			_exit(99);
		_exit(fn());
	}
	do {
		ev_run(fix.loop, EVRUN_NOWAIT);
		usleep(1000);
	} while (waitpid(pid, &status, WNOHANG) == 0);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static int ask_as_child(void)
{
	char text[64] = "";
	int fd = client();

	if (fd < 0)
		return 1;
	if (fcntl(fd, F_SETFL, 0) < 0 || send(fd, "release\n", 8, MSG_NOSIGNAL) != 8)
		return 2;
	return recv(fd, text, sizeof(text) - 1, 0) > 0 ? 0 : 3;
}

static void open_to_all(void)
{
	assert_int_equal(chmod(fix.dir, 0755), 0);
	assert_int_equal(chmod(fix.path, 0666), 0);
}

static void only_root_ourselves_and_the_group_are_privileged(void **state)
{
	struct group *group = getgrnam("daemon");

	(void)state;
	if (geteuid() != 0 || !group)
		skip();
	open_control("daemon");
	open_to_all();
	as_user(NOBODY, 0, ask_as_child);
	assert_int_equal(fix.peer.uid, NOBODY);
	assert_false(fix.peer.privileged);
	as_user(NOBODY, group->gr_gid, ask_as_child);
	assert_int_equal(fix.peer.uid, NOBODY);
	assert_true(fix.peer.privileged);
	assert_string_equal(ask("release\n"), "you said release\n");
	assert_int_equal(fix.peer.uid, 0);
	assert_true(fix.peer.privileged);
	assert_int_equal(fix.peer.pid, getpid());
}

static void without_a_command_group_membership_gives_nothing(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	open_control("");
	open_to_all();
	as_user(NOBODY, 1, ask_as_child);
	assert_false(fix.peer.privileged);
}

static int hold_all_slots(void)
{
	for (int i = 0; i < CONTROL_CLIENTS_MAX; i++)
		if (client() < 0)
			return 1;
	usleep(500000);
	return 0;
}

static void an_operator_gets_in_when_strangers_hold_every_slot(void **state)
{
	int status;
	pid_t pid;

	(void)state;
	if (geteuid() != 0)
		skip();
	open_control("");
	open_to_all();
	pid = fork();
	if (pid == 0) {
		if (setresuid(NOBODY, NOBODY, NOBODY) < 0)
			_exit(99);
		_exit(hold_all_slots());
	}
	turn(200 * MSEC);
	assert_string_equal(ask("status\n"), "you said status\n");
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

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

static void scarce_descriptors_are_kept_for_the_daemon(void **state)
{
	struct rlimit old;
	struct rlimit small;
	const char *text;
	int fd;

	(void)state;
	open_control("");
	fd = client();
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	small = old;
	small.rlim_cur = (rlim_t)fd + 6; /* the accepted one gets fd + 1: only 5 behind it */
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &small), 0);
	text = receive(fd);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
	assert_string_equal(text, "ERROR busy: the daemon is short of file descriptors\n");
	assert_string_equal(ask("status\n"), "you said status\n");
}

static void no_descriptor_at_all_does_not_spin_the_loop(void **state)
{
	struct rlimit old;
	struct rlimit none;
	unsigned int turns;
	int fd;

	(void)state;
	open_control("");
	fd = client();
	send_text(fd, "status\n");
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	none = old;
	none.rlim_cur = (rlim_t)fd + 1;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	turns = ev_iteration(fix.loop);
	for (mono_us until = mono_now() + 300 * MSEC; mono_now() < until;)
		ev_run(fix.loop, EVRUN_ONCE);
	turns = ev_iteration(fix.loop) - turns;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
	assert_true(turns < 30);
	assert_string_equal(receive(fd), "you said status\n");
}

/* --- 200 hostile clients against a heartbeat ------------------------------ */

#define HOSTILE 200
#define BEAT (10 * MSEC)
#define BEATS_MAX 1000

static struct {
	ev_timer timer;
	mono_us due;
	mono_us late[BEATS_MAX];
	int count;
} beat;

static void on_beat(struct ev_loop *loop, ev_timer *timer, int revents)
{
	mono_us now = mono_now();

	(void)loop;
	(void)timer;
	(void)revents;
	if (beat.count < BEATS_MAX)
		beat.late[beat.count++] = now - beat.due;
	beat.due = now + BEAT;
}

static int by_value(const void *a, const void *b)
{
	mono_us left = *(const mono_us *)a;
	mono_us right = *(const mono_us *)b;

	return (left > right) - (left < right);
}

/* One of five kinds of malice, again and again for three seconds. */
static void be_hostile(int kind)
{
	static char megabyte[1024 * 1024];
	mono_us until = mono_now() + 3 * SEC;

	memset(megabyte, 'a', sizeof(megabyte));
	while (mono_now() < until) {
		int fd = client();

		if (fd < 0) {
			usleep(2000);
			continue;
		}
		switch (kind) {
		case 0: /* idle */
			usleep(500000);
			break;
		case 1: /* a byte at a time */
			for (int i = 0; i < 100 && send(fd, "s", 1, MSG_NOSIGNAL) == 1; i++)
				usleep(10000);
			break;
		case 2: /* asks and never reads */
			(void)!send(fd, "big\n", 4, MSG_NOSIGNAL);
			usleep(500000);
			break;
		case 3: /* a megabyte without newline */
			(void)!send(fd, megabyte, sizeof(megabyte), MSG_NOSIGNAL);
			usleep(1000);
			break;
		default: /* closes at once */
			usleep(1000);
			break;
		}
		close(fd);
	}
	_exit(0);
}

static void two_hundred_hostile_clients_do_not_delay_a_heartbeat(void **state)
{
	pid_t pids[HOSTILE];
	mono_us until;
	int before;

	(void)state;
	open_control("");
	before = open_fds();
	for (int i = 0; i < HOSTILE; i++) {
		pids[i] = fork();
		assert_true(pids[i] >= 0);
		if (pids[i] == 0) {
			(void)nice(19); /* they share two processors with us */
			be_hostile(i % 5);
		}
	}
	beat.count = 0;
	ev_timer_init(&beat.timer, on_beat, mono_seconds(BEAT), mono_seconds(BEAT));
	ev_now_update(fix.loop);
	beat.due = mono_now() + BEAT;
	ev_timer_start(fix.loop, &beat.timer);
	for (until = mono_now() + 3 * SEC; mono_now() < until;)
		ev_run(fix.loop, EVRUN_ONCE);
	ev_timer_stop(fix.loop, &beat.timer);
	for (int i = 0; i < HOSTILE; i++)
		assert_int_equal(waitpid(pids[i], NULL, 0), pids[i]);
	qsort(beat.late, (size_t)beat.count, sizeof(beat.late[0]), by_value);
	assert_true(beat.count > 100);
	print_message("%d beats, late p50 %.1f ms, p99 %.1f ms\n", beat.count,
		      (double)beat.late[beat.count / 2] / 1000,
		      (double)beat.late[beat.count * 99 / 100] / 1000);
	assert_true(beat.late[beat.count * 99 / 100] <= 20 * MSEC);
	turn(CONTROL_DEADLINE + 200 * MSEC); /* what they left behind */
	assert_int_equal(open_fds(), before);
	assert_string_equal(ask("status\n"), "you said status\n");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_line_gets_one_answer_and_the_end),
		TEST(a_line_may_come_byte_by_byte_or_end_without_newline),
		TEST(too_long_a_line_and_unprintable_bytes_are_refused),
		TEST(an_answer_beyond_the_cap_becomes_an_error),
		TEST(a_silent_client_is_ended_at_the_deadline),
		TEST(answers_nobody_reads_are_bounded_and_dropped_at_the_deadline),
		TEST(a_client_gone_before_its_answer_raises_no_sigpipe),
		TEST(the_seventeenth_client_is_refused_and_the_others_are_served),
		TEST(only_root_ourselves_and_the_group_are_privileged),
		TEST(without_a_command_group_membership_gives_nothing),
		TEST(an_operator_gets_in_when_strangers_hold_every_slot),
		TEST(a_planted_object_is_named_and_stays_untouched),
		TEST(a_live_socket_stays_and_a_dead_one_is_replaced),
		TEST(close_removes_only_its_own_file),
		TEST(the_mode_is_0660_whatever_the_umask),
		TEST(the_socket_belongs_to_the_group_and_an_unknown_group_is_an_error),
		TEST(a_directory_that_others_can_write_is_refused),
		TEST(a_bad_path_is_an_error),
		TEST(scarce_descriptors_are_kept_for_the_daemon),
		TEST(no_descriptor_at_all_does_not_spin_the_loop),
		TEST(two_hundred_hostile_clients_do_not_delay_a_heartbeat),
	};

	log_open("test_control", LOG_TO_STDERR, LOG_LV_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
