/* SPDX-License-Identifier: MIT */
/*
 * The daemon's end of notification against a runner that is there, away,
 * slow, of another build, or hostile.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <ev.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#include "agent/base/log.h"
#include "agent/base/unixsock.h"
#include "agent/notify.h"

struct fixture {
	struct ev_loop *loop;
	struct notify *notify;
	struct unixsock runner;
	char dir[64];
	char path[80];
	int reports;
	struct notify_report report;
};

static struct fixture fix;

static void on_report(void *arg, const struct notify_report *report)
{
	struct fixture *f = arg;

	f->reports++;
	f->report = *report;
}

static int set_up(void **state)
{
	(void)state;
	memset(&fix, 0, sizeof(fix));
	strcpy(fix.dir, "/tmp/zv-notify-XXXXXX");
	assert_non_null(mkdtemp(fix.dir));
	(void)snprintf(fix.path, sizeof(fix.path), "%s/sock", fix.dir);
	fix.runner.fd = -1;
	fix.loop = ev_loop_new(EVFLAG_AUTO);
	fix.notify = notify_open(fix.loop, fix.path, on_report, &fix);
	assert_non_null(fix.notify);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	notify_close(fix.notify);
	unixsock_close(&fix.runner);
	ev_loop_destroy(fix.loop);
	assert_int_equal(rmdir(fix.dir), 0);
	return 0;
}

static void turn(mono_us how_long)
{
	mono_us until = mono_now() + how_long;

	do {
		ev_run(fix.loop, EVRUN_NOWAIT);
		usleep(1000);
	} while (mono_now() < until);
}

static void runner_up(void)
{
	struct err err = {""};

	assert_int_equal(unixsock_listen(&fix.runner, fix.path, SOCK_SEQPACKET, (gid_t)-1, &err),
			 0);
}

/* The daemon's connection, as the runner sees it. */
static int runner_accept(void)
{
	for (mono_us until = mono_now() + 3 * SEC; mono_now() < until; turn(5 * MSEC)) {
		int fd = accept4(fix.runner.fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd >= 0)
			return fd;
	}
	fail_msg("the daemon did not connect");
	return -1;
}

static void send_events(unsigned int count)
{
	for (unsigned int i = 0; i < count; i++) {
		struct notify_event event;

		memset(&event, 0, sizeof(event));
		event.version = 99;  /* filled in by notify */
		event.number = 4711; /* filled in by notify */
		strcpy(event.instance, "MasterDB");
		strcpy(event.state, "MASTER");
		event.priority = i;
		notify_send(fix.notify, &event);
	}
}

/* Number of the next event, 0 = nothing there. */
static uint32_t next(int fd)
{
	struct notify_event event;
	ssize_t count = recv(fd, &event, sizeof(event), MSG_TRUNC);

	if (count < 0)
		return 0;
	assert_int_equal(count, sizeof(event));
	assert_int_equal(event.version, NOTIFY_VERSION);
	assert_string_equal(event.instance, "MasterDB");
	return event.number;
}

static struct notify_state state_now(void)
{
	struct notify_state now;

	notify_state(fix.notify, &now);
	return now;
}

static void events_are_numbered_and_arrive_in_order(void **state)
{
	int fd;

	(void)state;
	runner_up();
	fd = runner_accept();
	assert_true(state_now().connected);
	assert_true(notify_idle(fix.notify));
	send_events(20);
	assert_true(notify_idle(fix.notify));
	for (uint32_t i = 1; i <= 20; i++)
		assert_int_equal(next(fd), i);
	assert_int_equal(next(fd), 0);
	assert_int_equal(state_now().sent, 20);
	close(fd);
}

static void events_wait_while_the_runner_is_away(void **state)
{
	int fd;

	(void)state;
	send_events(3);
	turn(50 * MSEC);
	assert_false(state_now().connected);
	assert_false(notify_idle(fix.notify));
	assert_int_equal(state_now().queued, 3);
	runner_up();
	fd = runner_accept(); /* tried once a second */
	turn(20 * MSEC);
	for (uint32_t i = 1; i <= 3; i++)
		assert_int_equal(next(fd), i);
	assert_true(notify_idle(fix.notify));
	close(fd);
}

static void a_full_queue_loses_the_oldest_and_counts(void **state)
{
	int fd;

	(void)state;
	send_events(NOTIFY_QUEUE_MAX + 10);
	assert_int_equal(state_now().queued, NOTIFY_QUEUE_MAX);
	assert_int_equal(state_now().dropped, 10);
	runner_up();
	fd = runner_accept();
	turn(20 * MSEC);
	for (uint32_t i = 11; i <= NOTIFY_QUEUE_MAX + 10; i++) {
		uint32_t number = next(fd);

		if (number == 0) { /* the socket holds fewer: the rest comes as we read */
			turn(10 * MSEC);
			number = next(fd);
		}
		assert_int_equal(number, i);
	}
	assert_int_equal(state_now().sent, NOTIFY_QUEUE_MAX);
	close(fd);
}

static void a_runner_that_does_not_read_blocks_nobody(void **state)
{
	mono_us start;
	int fd;

	(void)state;
	runner_up();
	fd = runner_accept();
	start = mono_now();
	send_events(5000);
	assert_true(mono_now() - start < 10 * SEC);
	assert_int_equal(state_now().queued, NOTIFY_QUEUE_MAX);
	assert_true(state_now().dropped > 0);
	assert_int_equal(state_now().sent + state_now().dropped + NOTIFY_QUEUE_MAX, 5000);
	/* the first is still the first, and order holds across the gap */
	assert_int_equal(next(fd), 1);
	for (uint32_t last = 1, number; (number = next(fd)) != 0; last = number) {
		assert_true(number > last);
		turn(0);
	}
	close(fd);
}

static void nothing_is_replayed_to_a_restarted_runner(void **state)
{
	int fd;

	(void)state;
	runner_up();
	fd = runner_accept();
	send_events(2);
	assert_int_equal(next(fd), 1);
	close(fd); /* it dies with event 2 unread */
	turn(20 * MSEC);
	assert_false(state_now().connected);
	send_events(1);
	fd = runner_accept();
	turn(20 * MSEC);
	assert_int_equal(next(fd), 3);
	assert_int_equal(next(fd), 0);
	close(fd);
}

static struct notify_report report(uint32_t number)
{
	struct notify_report report;

	memset(&report, 0, sizeof(report));
	report.version = NOTIFY_VERSION;
	report.number = number;
	report.status = 3;
	report.took_ms = 17;
	strcpy(report.script, "/etc/zonevip/notify.sh");
	strcpy(report.problem, "timed\nout");
	return report;
}

static void a_report_reaches_the_daemon_without_control_bytes(void **state)
{
	struct notify_report sent = report(1);
	int fd;

	(void)state;
	runner_up();
	fd = runner_accept();
	send_events(1);
	memset(sent.script, 'x', sizeof(sent.script)); /* no end */
	assert_int_equal(state_now().last.version, 0);
	assert_int_equal(send(fd, &sent, sizeof(sent), 0), sizeof(sent));
	assert_int_equal(fix.reports, 0);
	turn(20 * MSEC);
	assert_int_equal(fix.reports, 1);
	assert_int_equal(fix.report.status, 3);
	assert_int_equal(fix.report.took_ms, 17);
	assert_string_equal(fix.report.problem, "timed?out");
	assert_int_equal(strlen(fix.report.script), sizeof(sent.script) - 1);
	assert_int_equal(state_now().last.number, 1);
	close(fd);
}

static void a_report_on_an_event_never_sent_is_ignored(void **state)
{
	struct notify_report sent = report(2);
	int fd;

	(void)state;
	runner_up();
	fd = runner_accept();
	send_events(1);
	assert_int_equal(send(fd, &sent, sizeof(sent), 0), sizeof(sent));
	sent = report(0);
	assert_int_equal(send(fd, &sent, sizeof(sent), 0), sizeof(sent));
	turn(20 * MSEC);
	assert_int_equal(fix.reports, 0);
	assert_true(state_now().connected);
	close(fd);
}

static void a_runner_of_another_build_is_left_alone(void **state)
{
	struct notify_report sent = report(1);
	int fd;

	(void)state;
	runner_up();
	fd = runner_accept();
	send_events(1);
	assert_int_equal(send(fd, &sent, sizeof(sent) - 1, 0), sizeof(sent) - 1);
	turn(20 * MSEC);
	assert_false(state_now().connected);
	close(fd);
	fd = runner_accept();
	sent.version++;
	assert_int_equal(send(fd, &sent, sizeof(sent), 0), sizeof(sent));
	turn(20 * MSEC);
	assert_false(state_now().connected);
	assert_int_equal(fix.reports, 0);
	close(fd);
}

static void too_long_a_path_is_refused(void **state)
{
	char path[200];

	(void)state;
	memset(path, 'a', sizeof(path));
	path[0] = '/';
	path[sizeof(path) - 1] = '\0';
	assert_null(notify_open(fix.loop, path, on_report, &fix));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(events_are_numbered_and_arrive_in_order),
		TEST(events_wait_while_the_runner_is_away),
		TEST(a_full_queue_loses_the_oldest_and_counts),
		TEST(a_runner_that_does_not_read_blocks_nobody),
		TEST(nothing_is_replayed_to_a_restarted_runner),
		TEST(a_report_reaches_the_daemon_without_control_bytes),
		TEST(a_report_on_an_event_never_sent_is_ignored),
		TEST(a_runner_of_another_build_is_left_alone),
		TEST(too_long_a_path_is_refused),
	};

	log_open("test_notify", LOG_TO_STDERR, LOG_LV_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
