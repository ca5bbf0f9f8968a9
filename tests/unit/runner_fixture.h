/* SPDX-License-Identifier: MIT */
/*
 * Both ends of notification together, in one loop: events go in at
 * notify_send(), real scripts run, reports come out. The configuration is a
 * real file on a file system of our own.
 */
#ifndef TESTS_UNIT_RUNNER_FIXTURE_H
#define TESTS_UNIT_RUNNER_FIXTURE_H

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
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "agent/base/log.h"
#include "agent/notify.h"
#include "agent/runner/inbox.h"
#include "agent/runner/runner.h"
#include "conf/conf.h"
#include "tests/unit/own_mount.h"

#define CONF OWN_MOUNT "/zonevip.conf"
#define SOCKET OWN_MOUNT "/notify.sock"
#define LOG OWN_MOUNT "/log"
#define REPORTS_MAX 1024
#define NOBODY 65534

static struct {
	struct ev_loop *loop;
	struct inbox inbox;
	struct runner runner;
	struct notify *notify;
	unsigned int count;
	struct notify_report reports[REPORTS_MAX];
} fix;

static inline void on_report(void *arg, const struct notify_report *report)
{
	(void)arg;
	if (fix.count < REPORTS_MAX)
		fix.reports[fix.count++] = *report;
}

static inline struct conf *load(void *arg, struct err *err)
{
	(void)arg;
	return conf_load(CONF, "A", err);
}

static inline void write_file(const char *path, const char *text, mode_t mode)
{
	int fd = open(path, O_CREAT | O_WRONLY | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

/* A shell script at OWN_MOUNT/@name. */
static inline void script(const char *name, const char *body)
{
	char path[128];
	char text[2048];

	(void)snprintf(path, sizeof(path), OWN_MOUNT "/%s", name);
	(void)snprintf(text, sizeof(text), "#!/bin/sh\n%s\n", body);
	write_file(path, text, 0755);
}

/* Instance V1 with @words, and V2 with a notify of its own. */
static inline void write_conf(const char *words)
{
	char text[4096];

	(void)snprintf(text, sizeof(text),
		       "global_defs {\n cluster test\n script_user root\n}\n"
		       "node A {\n address 127.0.0.1\n priority 150\n}\n"
		       "node B {\n address 127.0.0.2\n priority 100\n}\n"
		       "heartbeat {\n key_file /etc/zonevip/heartbeat.key\n}\n"
		       "vip_instance V1 {\n interface lo\n"
		       " virtual_ipaddress {\n 10.1.5.5/32\n }\n"
		       " route_table {\n rtb-0a1b2c3d\n }\n parameter V1_VIP\n%s\n}\n"
		       "vip_instance V2 {\n interface lo\n"
		       " virtual_ipaddress {\n 10.1.5.6/32\n }\n"
		       " route_table {\n rtb-0a1b2c3d\n }\n parameter V2_VIP\n"
		       " notify " OWN_MOUNT "/two\n}\n",
		       words);
	write_file(CONF, text, 0644);
}

static inline void start(const char *words)
{
	struct inbox_config where = {.path = SOCKET, .user = (uid_t)-1, .group = (gid_t)-1};
	struct runner_config config = {.load = load, .look = stat, .path = CONF};
	struct err err = {""};

	write_conf(words);
	assert_int_equal(stat(CONF, &config.seen), 0);
	config.conf = load(NULL, &err);
	if (!config.conf)
		fail_msg("%s", err.text);
	if (inbox_open(&fix.inbox, fix.loop, &where, &err) < 0)
		fail_msg("%s", err.text);
	runner_open(&fix.runner, fix.loop, &fix.inbox, &config);
	fix.notify = notify_open(fix.loop, SOCKET, on_report, NULL);
	ev_run(fix.loop, EVRUN_ONCE); /* connects */
}

static inline int set_up(void **state)
{
	(void)state;
	assert_int_equal(system("rm -rf " OWN_MOUNT "/*"), 0);
	memset(&fix, 0, sizeof(fix));
	fix.loop = ev_loop_new(EVFLAG_AUTO);
	script("two", "echo two $4 >> " LOG);
	write_file(LOG, "", 0644);
	return 0;
}

static inline int tear_down(void **state)
{
	(void)state;
	notify_close(fix.notify);
	runner_close(&fix.runner);
	inbox_close(&fix.inbox);
	ev_loop_destroy(fix.loop);
	return 0;
}

static inline void send_event(const char *instance, const char *state, uint32_t priority)
{
	struct notify_event event;

	memset(&event, 0, sizeof(event));
	(void)snprintf(event.instance, sizeof(event.instance), "%s", instance);
	(void)snprintf(event.state, sizeof(event.state), "%s", state);
	strcpy(event.old_state, "CLAIMING");
	strcpy(event.new_state, "MASTER");
	strcpy(event.reason, "confirmed");
	strcpy(event.peer, "B");
	strcpy(event.vip, "10.1.5.5");
	event.priority = priority;
	event.term = 42;
	notify_send(fix.notify, &event);
}

/* Runs the loop until @count reports are there. */
static inline void wait_reports(unsigned int count)
{
	mono_us until = mono_now() + 120 * SEC;

	while (fix.count < count) {
		assert_true(mono_now() < until);
		ev_run(fix.loop, EVRUN_ONCE);
	}
}

static inline void turn(mono_us how_long)
{
	mono_us until = mono_now() + how_long;

	do {
		ev_run(fix.loop, EVRUN_NOWAIT);
		usleep(1000);
	} while (mono_now() < until);
}

static inline const char *read_file(const char *path)
{
	static char text[256 * 1024];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t count;

	assert_true(fd >= 0);
	count = read(fd, text, sizeof(text) - 1);
	close(fd);
	assert_true(count >= 0);
	text[count] = '\0';
	return text;
}

static inline void wait_file(const char *path, const char *text)
{
	for (int i = 0; i < 2000; i++) {
		turn(10 * MSEC);
		if (access(path, R_OK) == 0 && strcmp(read_file(path), text) == 0)
			return;
	}
	fail_msg("%s never was: %s", path, text);
}

/* Our log goes to a file from here until log_taken(). */
static int saved_stderr;

static inline void take_log(void)
{
	int fd = open(OWN_MOUNT "/stderr", O_CREAT | O_TRUNC | O_RDWR | O_CLOEXEC, 0600);

	saved_stderr = dup(STDERR_FILENO);
	assert_true(dup2(fd, STDERR_FILENO) >= 0);
	close(fd);
}

static inline const char *log_taken(void)
{
	assert_true(dup2(saved_stderr, STDERR_FILENO) >= 0);
	close(saved_stderr);
	return read_file(OWN_MOUNT "/stderr");
}

/* True when the process of the number in @path is gone, or only waits for an
 * init that reaps. */
static inline bool gone(const char *path)
{
	pid_t pid = (pid_t)atoi(read_file(path));
	char stat_path[64];

	assert_true(pid > 1);
	(void)snprintf(stat_path, sizeof(stat_path), "/proc/%d/stat", pid);
	for (int i = 0; i < 100; i++, usleep(10000))
		if (access(stat_path, F_OK) < 0 || strstr(read_file(stat_path), ") Z "))
			return true;
	return false;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

#endif
