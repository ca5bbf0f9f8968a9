/* SPDX-License-Identifier: MIT */
/*
 * Both ends of notification together: events go in at notify_send(), real
 * scripts run, reports come out (doc/faults.md rows 9 and 62). The
 * configuration is a real file on a file system of our own.
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

static void on_report(void *arg, const struct notify_report *report)
{
	(void)arg;
	if (fix.count < REPORTS_MAX)
		fix.reports[fix.count++] = *report;
}

static struct conf *load(void *arg, struct err *err)
{
	(void)arg;
	return conf_load(CONF, "A", err);
}

static void write_file(const char *path, const char *text, mode_t mode)
{
	int fd = open(path, O_CREAT | O_WRONLY | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

/* A shell script at OWN_MOUNT/@name. */
static void script(const char *name, const char *body)
{
	char path[128];
	char text[2048];

	(void)snprintf(path, sizeof(path), OWN_MOUNT "/%s", name);
	(void)snprintf(text, sizeof(text), "#!/bin/sh\n%s\n", body);
	write_file(path, text, 0755);
}

/* Instance V1 with @words, and V2 with a notify of its own. */
static void write_conf(const char *words)
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

static void start(const char *words)
{
	struct inbox_config where = {.path = SOCKET, .user = (uid_t)-1, .group = (gid_t)-1};
	struct runner_config config = {.load = load, .path = CONF};
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

static int set_up(void **state)
{
	(void)state;
	assert_int_equal(system("rm -rf " OWN_MOUNT "/*"), 0);
	memset(&fix, 0, sizeof(fix));
	fix.loop = ev_loop_new(EVFLAG_AUTO);
	script("two", "echo two $4 >> " LOG);
	write_file(LOG, "", 0644);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	notify_close(fix.notify);
	runner_close(&fix.runner);
	inbox_close(&fix.inbox);
	ev_loop_destroy(fix.loop);
	return 0;
}

static void send_event(const char *instance, const char *state, uint32_t priority)
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
static void wait_reports(unsigned int count)
{
	mono_us until = mono_now() + 20 * SEC;

	while (fix.count < count) {
		assert_true(mono_now() < until);
		ev_run(fix.loop, EVRUN_ONCE);
	}
}

static void turn(mono_us how_long)
{
	mono_us until = mono_now() + how_long;

	do {
		ev_run(fix.loop, EVRUN_NOWAIT);
		usleep(1000);
	} while (mono_now() < until);
}

static const char *read_file(const char *path)
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

/* Our log goes to a file from here until log_taken(). */
static int saved_stderr;

static void take_log(void)
{
	int fd = open(OWN_MOUNT "/stderr", O_CREAT | O_TRUNC | O_RDWR | O_CLOEXEC, 0600);

	saved_stderr = dup(STDERR_FILENO);
	assert_true(dup2(fd, STDERR_FILENO) >= 0);
	close(fd);
}

static const char *log_taken(void)
{
	assert_true(dup2(saved_stderr, STDERR_FILENO) >= 0);
	close(saved_stderr);
	return read_file(OWN_MOUNT "/stderr");
}

static void the_script_of_the_state_runs_first_then_notify_with_four_arguments(void **state)
{
	(void)state;
	script("own", "echo own $ZONEVIP_STATE $# \"$@\" >> " LOG);
	script("any", "echo any $# \"$@\" >> " LOG);
	start("notify_master \"" OWN_MOUNT "/own 'a b'\"\n"
	      "notify_backup " OWN_MOUNT "/own\n"
	      "notify_stop " OWN_MOUNT "/own\n"
	      "notify \"" OWN_MOUNT "/any x\"\n");
	send_event("V1", "MASTER", 150);
	send_event("V1", "BACKUP", 150);
	send_event("V1", "FAULT", 0);
	send_event("V1", "STOP", 150);
	wait_reports(7); /* notify_fault is not configured */
	assert_string_equal(read_file(LOG), "own MASTER 1 a b\n"
					    "any 5 x INSTANCE V1 MASTER 150\n"
					    "own BACKUP 0\n"
					    "any 5 x INSTANCE V1 BACKUP 150\n"
					    "any 5 x INSTANCE V1 FAULT 0\n"
					    "own STOP 0\n"
					    "any 5 x INSTANCE V1 STOP 150\n");
	assert_int_equal(fix.reports[0].number, 1);
	assert_string_equal(fix.reports[0].script, OWN_MOUNT "/own");
	assert_int_equal(fix.reports[1].number, 1);
	assert_string_equal(fix.reports[1].script, OWN_MOUNT "/any");
	assert_int_equal(fix.reports[6].number, 4);
	for (int i = 0; i < 7; i++) {
		assert_int_equal(fix.reports[i].status, 0);
		assert_string_equal(fix.reports[i].problem, "");
	}
}

static void a_script_sees_a_clean_world(void **state)
{
	(void)state;
	script("any", "env | grep -v '^PWD=\\|^_=\\|^OLDPWD=\\|^SHLVL=' | sort > " LOG "\n"
		      "pwd >> " LOG "; umask >> " LOG "; cat >> " LOG "\n"
		      "readlink /proc/$$/fd/0 >> " LOG "\n"
		      "grep -E '^Sig(Ign|Blk)' /proc/self/status >> " LOG "\n"
		      "[ $$ = $(ps -o pgid= -p $$) ] && echo own group >> " LOG "\n"
		      "ls /proc/$$/fd | wc -l >> " LOG);
	(void)setenv("LD_PRELOAD", "", 1);
	(void)setenv("BASH_ENV", "/x", 1);
	start("notify " OWN_MOUNT "/any\n");
	send_event("V1", "MASTER", 150);
	wait_reports(1);
	(void)unsetenv("LD_PRELOAD");
	(void)unsetenv("BASH_ENV");
	assert_string_equal(
		read_file(LOG),
		"PATH=" ENVIRONMENT_PATH "\n"
		"ZONEVIP_EVENT=1\nZONEVIP_INSTANCE=V1\nZONEVIP_NEW_STATE=MASTER\n"
		"ZONEVIP_OLD_STATE=CLAIMING\nZONEVIP_PEER=B\nZONEVIP_PRIORITY=150\n"
		"ZONEVIP_REASON=confirmed\nZONEVIP_SCRIPT=" OWN_MOUNT "/any\n"
		"ZONEVIP_STATE=MASTER\nZONEVIP_TERM=42\nZONEVIP_VIP=10.1.5.5\n"
		"/\n0022\n/dev/null\nSigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n"
		"own group\n"
		"5\n"); /* 0, 1, 2, the script, and the shell's own of it */
}

static void events_run_one_at_a_time_in_order(void **state)
{
	char expected[1024] = "";

	(void)state;
	script("any", "echo begin $ZONEVIP_EVENT >> " LOG "; sleep 0.02; "
		      "echo end $ZONEVIP_EVENT >> " LOG);
	start("notify " OWN_MOUNT "/any\n");
	for (unsigned int i = 1; i <= 10; i++) {
		send_event("V1", i % 2 ? "MASTER" : "BACKUP", 150);
		(void)snprintf(expected + strlen(expected), sizeof(expected) - strlen(expected),
			       "begin %u\nend %u\n", i, i);
	}
	wait_reports(10);
	assert_string_equal(read_file(LOG), expected);
}

static void an_event_with_a_newer_one_behind_it_is_marked_superseded(void **state)
{
	(void)state;
	script("any", "echo $ZONEVIP_EVENT ${ZONEVIP_SUPERSEDED-last} >> " LOG "; sleep 0.05");
	start("notify " OWN_MOUNT "/any\n");
	send_event("V1", "MASTER", 1);
	turn(20 * MSEC); /* 1 runs: nothing was behind it */
	send_event("V1", "BACKUP", 1);
	send_event("V2", "BACKUP", 1); /* of another instance */
	send_event("V1", "MASTER", 1);
	wait_reports(4);
	assert_string_equal(read_file(LOG), "1 last\n2 1\ntwo 1\n4 last\n");
}

/* True when the process of the number in @path is gone, or only waits for an
 * init that reaps. */
static bool gone(const char *path)
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

static void a_hanging_script_is_ended_with_its_group_at_the_timeout(void **state)
{
	(void)state;
	script("any", "sleep 1000 & echo $! > " OWN_MOUNT "/pid\nsleep 1000");
	start("notify " OWN_MOUNT "/any\nnotify_timeout 0.3\n");
	send_event("V1", "MASTER", 1);
	send_event("V2", "MASTER", 5);
	wait_reports(2);
	assert_int_equal(fix.reports[0].status, 128 + SIGTERM);
	assert_string_equal(fix.reports[0].problem, "timed out after 0.3 s");
	assert_in_range(fix.reports[0].took_ms, 290, 600);
	assert_true(gone(OWN_MOUNT "/pid"));
	assert_string_equal(read_file(LOG), "two 5\n");
}

static void a_script_that_ignores_sigterm_is_killed_a_second_later(void **state)
{
	(void)state;
	script("any", "trap '' TERM\nsleep 1000 & echo $! > " OWN_MOUNT "/pid\n"
		      "while :; do sleep 0.1; done");
	start("notify " OWN_MOUNT "/any\nnotify_timeout 0.2\n");
	send_event("V1", "MASTER", 1);
	wait_reports(1);
	assert_int_equal(fix.reports[0].status, 128 + SIGKILL);
	assert_string_equal(fix.reports[0].problem,
			    "timed out after 0.2 s, ignored SIGTERM, killed");
	assert_in_range(fix.reports[0].took_ms, 1190, 1800);
	assert_true(gone(OWN_MOUNT "/pid"));
}

static void what_a_script_leaves_behind_is_killed_when_it_ends(void **state)
{
	(void)state;
	script("any", "i=0; while [ $i -lt 200 ]; do sleep 1000 & i=$((i+1)); done\n"
		      "echo $! > " OWN_MOUNT "/pid; exit 0");
	start("notify " OWN_MOUNT "/any\n");
	send_event("V1", "MASTER", 1);
	wait_reports(1);
	assert_int_equal(fix.reports[0].status, 0);
	assert_true(gone(OWN_MOUNT "/pid"));
}

static void a_process_that_left_the_group_does_not_hold_the_queue(void **state)
{
	(void)state;
	script("any", "setsid sleep 3 & exit 4"); /* it keeps the output pipe */
	start("notify " OWN_MOUNT "/any\n");
	send_event("V1", "MASTER", 1);
	send_event("V2", "MASTER", 9);
	wait_reports(2);
	assert_int_equal(fix.reports[0].status, 4);
	assert_true(fix.reports[0].took_ms < 2000);
	assert_string_equal(read_file(LOG), "two 9\n");
}

static void a_hundred_megabytes_of_output_cost_a_hundred_lines(void **state)
{
	const char *log;
	unsigned int lines = 0;

	(void)state;
	script("any", "echo hello; echo wor\\\\033ld >&2\n"
		      "head -c 100000000 /dev/zero | tr '\\000' 'x\\n'; exit 3");
	start("notify " OWN_MOUNT "/any\n");
	take_log();
	send_event("V1", "MASTER", 1);
	wait_reports(1);
	log = log_taken();
	assert_int_equal(fix.reports[0].status, 3);
	assert_non_null(strstr(log, "(V1) any[1]: hello\n"));
	assert_non_null(strstr(log, "(V1) any[1]: wor"));
	assert_null(strchr(log, '\033'));
	assert_non_null(strstr(log, "more bytes not shown"));
	assert_non_null(strstr(log, "event=notify_script instance=V1 number=1 state=MASTER "
				    "script=" OWN_MOUNT "/any status=3"));
	assert_true(strlen(log) < 80 * 1024UL);
	for (; *log; log++)
		lines += *log == '\n';
	assert_true(lines <= OUTPUT_LINES_MAX + 3);
}

static void every_way_to_fail_is_reported_and_the_queue_goes_on(void **state)
{
	(void)state;
	script("any", "exit 127");
	script("open", "echo never >> " LOG);
	assert_int_equal(chmod(OWN_MOUNT "/open", 0777), 0);
	start("notify_master " OWN_MOUNT "/missing\n"
	      "notify_backup \"" OWN_MOUNT "/any 'open quote\"\n"
	      "notify_fault " OWN_MOUNT "/open\n"
	      "notify " OWN_MOUNT "/any\n");
	send_event("V1", "MASTER", 1);
	send_event("V1", "FAULT", 1);
	send_event("V9", "MASTER", 1);
	send_event("V2", "MASTER", 7);
	wait_reports(6);
	assert_int_equal(fix.reports[0].status, -2);
	assert_string_equal(fix.reports[0].problem,
			    OWN_MOUNT "/missing: No such file or directory");
	assert_int_equal(fix.reports[1].status, 127);
	assert_int_equal(fix.reports[2].status, -2);
	assert_non_null(
		strstr(fix.reports[2].problem, OWN_MOUNT "/open is owned by uid 0, mode 0777"));
	assert_int_equal(fix.reports[3].status, 127);
	assert_int_equal(fix.reports[4].status, -1);
	assert_int_equal(fix.reports[4].number, 3);
	assert_non_null(strstr(fix.reports[4].problem, "no such instance"));
	assert_int_equal(fix.reports[5].status, 0);
	assert_string_equal(read_file(LOG), "two 7\n");
}

static void more_events_than_the_queue_holds_arrive_all_the_same(void **state)
{
	unsigned int count = RUNNER_QUEUE_MAX + 150;

	(void)state;
	script("any", "[ $ZONEVIP_EVENT = 1 ] && sleep 0.3; exit 0");
	start("notify " OWN_MOUNT "/any\n");
	for (unsigned int i = 0; i < count; i++) {
		send_event("V1", "MASTER", 1);
		if (i % 100 == 99)
			turn(20 * MSEC);
	}
	turn(50 * MSEC);
	assert_int_equal(fix.runner.count, RUNNER_QUEUE_MAX); /* the rest waits in the sockets */
	wait_reports(count);
	for (unsigned int i = 0; i < count; i++)
		assert_int_equal(fix.reports[i].number, i + 1);
}

static void a_changed_file_is_read_again_and_a_bad_one_changes_nothing(void **state)
{
	(void)state;
	script("any", "echo any >> " LOG);
	script("new", "echo new >> " LOG);
	start("notify " OWN_MOUNT "/any\n");
	send_event("V1", "MASTER", 1);
	wait_reports(1);
	usleep(20000); /* another date */
	write_conf("notify " OWN_MOUNT "/new\n");
	send_event("V1", "MASTER", 1);
	wait_reports(2);
	usleep(20000);
	write_conf("notify " OWN_MOUNT "/any\nno_such_word 1\n");
	send_event("V1", "MASTER", 1);
	wait_reports(3);
	assert_int_equal(unlink(CONF), 0);
	send_event("V1", "MASTER", 1);
	wait_reports(4);
	runner_reload(&fix.runner); /* HUP without a file */
	send_event("V1", "MASTER", 1);
	wait_reports(5);
	assert_string_equal(read_file(LOG), "any\nnew\nnew\nnew\nnew\n");
}

static void an_unsafe_script_is_named_at_start(void **state)
{
	(void)state;
	script("any", "exit 0");
	assert_int_equal(chmod(OWN_MOUNT "/any", 0775), 0);
	take_log();
	start("notify_fault " OWN_MOUNT "/any\n");
	assert_non_null(strstr(log_taken(), "event=notify_unsafe instance=V1 problem=\"" OWN_MOUNT
					    "/any is owned by uid 0, mode 0775"));
}

/* A connection from a process of @uid: what it reads after sending @length bytes. */
static int hostile(uid_t uid, const void *data, size_t length)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		struct sockaddr_un sun = {.sun_family = AF_UNIX, .sun_path = SOCKET};
		int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);
		char byte;

		if (setresuid(uid, uid, uid) < 0 ||
		    connect(fd, (struct sockaddr *)&sun, sizeof(sun)) < 0)
			_exit(9);
		(void)send(fd, data, length, MSG_NOSIGNAL);
		_exit(recv(fd, &byte, 1, 0) > 0 ? 1 : 0); /* 0: it was closed */
	}
	while (waitpid(pid, &status, WNOHANG) == 0)
		turn(1 * MSEC);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void strangers_and_strange_messages_are_turned_away(void **state)
{
	struct notify_event event;

	(void)state;
	start("notify " OWN_MOUNT "/two\n");
	memset(&event, 0, sizeof(event));
	event.version = NOTIFY_VERSION;
	event.number = 1;
	strcpy(event.instance, "V1");
	strcpy(event.state, "MASTER");
	assert_int_equal(chmod(SOCKET, 0666), 0);
	assert_int_equal(hostile(NOBODY, &event, sizeof(event)), 0);
	assert_string_equal(read_file(LOG), "");
	/* root may, but not this */
	assert_int_equal(hostile(0, &event, sizeof(event) - 1), 0);
	assert_int_equal(hostile(0, "x", 1), 0);
	event.version++;
	assert_int_equal(hostile(0, &event, sizeof(event)), 0);
	assert_string_equal(read_file(LOG), "");
	/* the user named by -u may */
	fix.inbox.user = NOBODY;
	event.version = NOTIFY_VERSION;
	event.priority = 77;
	assert_int_equal(hostile(NOBODY, &event, sizeof(event)), 1);
	assert_string_equal(read_file(LOG), "two 77\n");
	/* and the honest connection is still served */
	send_event("V1", "MASTER", 78);
	wait_reports(1);
	assert_string_equal(read_file(LOG), "two 77\ntwo 78\n");
}

static void stopping_finishes_what_is_queued(void **state)
{
	(void)state;
	script("any", "sleep 0.1; echo $ZONEVIP_EVENT >> " LOG);
	start("notify " OWN_MOUNT "/any\n");
	for (int i = 0; i < 3; i++)
		send_event("V1", "MASTER", 1);
	runner_stop(&fix.runner); /* they are still in the socket */
	ev_run(fix.loop, 0);
	assert_true(runner_idle(&fix.runner));
	assert_string_equal(read_file(LOG), "1\n2\n3\n");
}

static void stopping_twice_ends_the_script_at_once(void **state)
{
	mono_us start_time = mono_now();

	(void)state;
	script("any",
	       "echo $ZONEVIP_EVENT >> " LOG "; sleep 1000 & echo $! > " OWN_MOUNT "/pid; wait");
	start("notify " OWN_MOUNT "/any\n");
	for (int i = 0; i < 3; i++)
		send_event("V1", "MASTER", 1);
	turn(100 * MSEC);
	runner_stop(&fix.runner);
	runner_stop(&fix.runner);
	ev_run(fix.loop, 0);
	assert_true(mono_now() - start_time < 2 * SEC);
	assert_string_equal(read_file(LOG), "1\n");
	assert_true(gone(OWN_MOUNT "/pid"));
}

static void a_failing_fork_is_reported(void **state)
{
	(void)state;
	script("any", "exit 0");
	start("notify " OWN_MOUNT "/any\n");
	turn(10 * MSEC);
	send_event("V1", "MASTER", 1);
	/* no descriptor left for the pipes of the script */
	{
		struct rlimit old;
		struct rlimit none;
		int fd = dup(0);

		close(fd);
		assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
		none = old;
		none.rlim_cur = (rlim_t)fd + 2; /* trust_open() needs two */
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
		turn(20 * MSEC);
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
	}
	wait_reports(1);
	assert_int_equal(fix.reports[0].status, -1);
	assert_string_equal(fix.reports[0].problem, "cannot start: Too many open files");
	send_event("V1", "MASTER", 1);
	wait_reports(2);
	assert_int_equal(fix.reports[1].status, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_script_of_the_state_runs_first_then_notify_with_four_arguments),
		TEST(a_script_sees_a_clean_world),
		TEST(events_run_one_at_a_time_in_order),
		TEST(an_event_with_a_newer_one_behind_it_is_marked_superseded),
		TEST(a_hanging_script_is_ended_with_its_group_at_the_timeout),
		TEST(a_script_that_ignores_sigterm_is_killed_a_second_later),
		TEST(what_a_script_leaves_behind_is_killed_when_it_ends),
		TEST(a_process_that_left_the_group_does_not_hold_the_queue),
		TEST(a_hundred_megabytes_of_output_cost_a_hundred_lines),
		TEST(every_way_to_fail_is_reported_and_the_queue_goes_on),
		TEST(more_events_than_the_queue_holds_arrive_all_the_same),
		TEST(a_changed_file_is_read_again_and_a_bad_one_changes_nothing),
		TEST(an_unsafe_script_is_named_at_start),
		TEST(strangers_and_strange_messages_are_turned_away),
		TEST(stopping_finishes_what_is_queued),
		TEST(stopping_twice_ends_the_script_at_once),
		TEST(a_failing_fork_is_reported),
	};

	if (!own_mount())
		return OWN_MOUNT_SKIP;
	(void)signal(SIGPIPE, SIG_IGN); /* as the program does; scripts must not inherit it */
	log_open("test_runner", LOG_TO_STDERR, LOG_LV_INFO);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
