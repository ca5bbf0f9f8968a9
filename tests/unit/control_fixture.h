/* SPDX-License-Identifier: MIT */
/*
 * A status socket in a directory of its own, and clients of it, in one loop.
 * SIGPIPE keeps its default: a write to a client that has gone must not kill
 * the daemon.
 */
#ifndef TESTS_UNIT_CONTROL_FIXTURE_H
#define TESTS_UNIT_CONTROL_FIXTURE_H

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

static inline void answer(void *arg, const struct control_peer *peer, const char *line,
			  struct buf *reply)
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

static inline void open_control(const char *group)
{
	struct err err = {""};

	fix.control = control_open(fix.loop, fix.path, group, answer, &fix, &err);
	if (!fix.control)
		fail_msg("%s", err.text);
}

static inline int set_up(void **state)
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

static inline int tear_down(void **state)
{
	(void)state;
	control_close(fix.control);
	ev_loop_destroy(fix.loop);
	(void)unlink(fix.path);
	(void)rmdir(fix.path);
	assert_int_equal(rmdir(fix.dir), 0);
	return 0;
}

static inline int client(void)
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

static inline void send_text(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

static inline void turn(mono_us how_long)
{
	mono_us until = mono_now() + how_long;

	do {
		ev_run(fix.loop, EVRUN_NOWAIT);
		usleep(1000);
	} while (mono_now() < until);
}

/* Everything up to the end the daemon puts; "" if it just closed. */
static inline const char *receive(int fd)
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

static inline const char *ask(const char *request)
{
	int fd = client();

	assert_true(fd >= 0);
	send_text(fd, request);
	return receive(fd);
}

static inline int open_fds(void)
{
	int count = 0;

	for (int fd = 0; fd < 1024; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

#endif
