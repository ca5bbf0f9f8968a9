/* SPDX-License-Identifier: MIT */
/*
 * The program zonevip-notify as an administrator starts it: as root it gives
 * up everything before a script runs, and its exit codes are those of the
 * manual.
 */
#define _GNU_SOURCE
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
#include <sys/stat.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>
#include <cmocka.h>

#include "agent/base/log.h"
#include "agent/notify.h"
#include "tests/unit/own_mount.h"

#define CONF OWN_MOUNT "/zonevip.conf"
#define SOCKET OWN_MOUNT "/run/notify.sock"
#define OUT OWN_MOUNT "/out"
#define STDERR OWN_MOUNT "/stderr"
#define NOBODY 65534

static struct {
	struct ev_loop *loop;
	struct notify *notify;
	unsigned int count;
	struct notify_report last;
	pid_t pid;
} fix;

static void write_file(const char *path, const char *text, mode_t mode)
{
	int fd = open(path, O_CREAT | O_WRONLY | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

static const char *read_file(const char *path)
{
	static char text[16384];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t count = read(fd, text, sizeof(text) - 1);

	close(fd);
	text[count > 0 ? count : 0] = '\0';
	return text;
}

static void write_conf(const char *script_user, const char *script)
{
	char text[2048];

	(void)snprintf(text, sizeof(text),
		       "global_defs {\n cluster test\n script_user %s\n}\n"
		       "node A {\n address 127.0.0.1\n priority 150\n}\n"
		       "node B {\n address 127.0.0.2\n priority 100\n}\n"
		       "heartbeat {\n key_file /etc/zonevip/heartbeat.key\n}\n"
		       "vip_instance V1 {\n interface lo\n"
		       " virtual_ipaddress {\n 10.1.5.5/32\n }\n"
		       " route_table {\n rtb-0a1b2c3d\n }\n parameter V1_VIP\n"
		       " notify %s\n}\n",
		       script_user, script);
	write_file(CONF, text, 0644);
}

static void on_report(void *arg, const struct notify_report *report)
{
	(void)arg;
	fix.last = *report;
	fix.count++;
}

static int set_up(void **state)
{
	(void)state;
	memset(&fix, 0, sizeof(fix));
	assert_int_equal(system("rm -rf " OWN_MOUNT "/*"), 0);
	assert_int_equal(mkdir(OWN_MOUNT "/run", 0755), 0);
	write_file(OUT, "", 0600);
	assert_int_equal(chown(OUT, NOBODY, NOBODY), 0);
	write_file(OWN_MOUNT "/script",
		   "#!/bin/sh\nexec > " OUT "\nid -u; id -g; id -G\n"
		   "grep -E '^(Cap|NoNewPrivs)' /proc/self/status\n",
		   0755);
	fix.loop = ev_loop_new(EVFLAG_AUTO);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	notify_close(fix.notify);
	ev_loop_destroy(fix.loop);
	if (fix.pid > 0) {
		(void)kill(fix.pid, SIGKILL);
		(void)waitpid(fix.pid, NULL, 0);
	}
	return 0;
}

static void start(char *const *argv)
{
	const char *top = getenv("top_builddir");
	char path[512];

	(void)snprintf(path, sizeof(path), "%s/zonevip-notify", top ? top : ".");
	fix.pid = fork();
	assert_true(fix.pid >= 0);
	if (fix.pid > 0)
		return;
	int fd = open(STDERR, O_CREAT | O_WRONLY | O_TRUNC, 0600);

	(void)dup2(fd, STDOUT_FILENO);
	(void)dup2(fd, STDERR_FILENO);
	(void)execv(path, argv);
	_exit(126);
}

#define START(...) start((char *[]){"zonevip-notify", __VA_ARGS__, NULL})
#define ARGUMENTS "-l", "-f", CONF, "-s", SOCKET, "-i", "A", "-u", "daemon"

/* Its exit status, within ten seconds. */
static int ended(void)
{
	int status;

	for (int i = 0; i < 1000; i++, usleep(10000))
		if (waitpid(fix.pid, &status, WNOHANG) == fix.pid) {
			fix.pid = 0;
			assert_true(WIFEXITED(status));
			return WEXITSTATUS(status);
		}
	fail_msg("still running; it says: %s", read_file(STDERR));
	return -1;
}

static void run_one_event(void)
{
	struct notify_event event;
	unsigned int before = fix.count;
	mono_us until = mono_now() + 10 * SEC;

	memset(&event, 0, sizeof(event));
	strcpy(event.instance, "V1");
	strcpy(event.state, "MASTER");
	if (!fix.notify)
		fix.notify = notify_open(fix.loop, SOCKET, on_report, NULL);
	notify_send(fix.notify, &event);
	while (fix.count == before) {
		if (mono_now() > until)
			fail_msg("no report; it says: %s", read_file(STDERR));
		ev_run(fix.loop, EVRUN_ONCE);
	}
}

static void started_as_root_it_gives_everything_up(void **state)
{
	struct stat st;

	(void)state;
	write_conf("nobody", OWN_MOUNT "/script");
	START(ARGUMENTS);
	run_one_event();
	assert_int_equal(fix.last.status, 0);
	assert_string_equal(read_file(OUT), "65534\n65534\n65534\n"
					    "CapInh:\t0000000000000000\nCapPrm:\t0000000000000000\n"
					    "CapEff:\t0000000000000000\nCapBnd:\t0000000000000000\n"
					    "CapAmb:\t0000000000000000\nNoNewPrivs:\t1\n");
	/* the daemon's group may connect */
	assert_int_equal(stat(SOCKET, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0660);
	assert_int_equal(st.st_gid, 1);
	assert_int_equal(kill(fix.pid, SIGTERM), 0);
	assert_int_equal(ended(), EX_OK);
}

static void root_stays_root_only_when_asked_for(void **state)
{
	(void)state;
	write_conf("root", OWN_MOUNT "/script");
	START(ARGUMENTS);
	run_one_event();
	assert_int_equal(strncmp(read_file(OUT), "0\n0\n", 4), 0);
	(void)kill(fix.pid, SIGTERM);
	assert_int_equal(ended(), EX_OK);
	assert_int_equal(access(SOCKET, F_OK), -1);

	write_conf("no-such-user", OWN_MOUNT "/script");
	START(ARGUMENTS);
	assert_int_equal(ended(), EX_OSERR);
	assert_non_null(strstr(read_file(STDERR), "there is no falling back to root"));
	assert_int_equal(access(SOCKET, F_OK), -1);
}

static void hup_reads_the_file_again(void **state)
{
	(void)state;
	write_conf("root", OWN_MOUNT "/script");
	START(ARGUMENTS);
	run_one_event();
	write_conf("root", "/bin/false");
	(void)kill(fix.pid, SIGHUP);
	run_one_event();
	assert_int_equal(fix.last.status, 1);
	assert_string_equal(fix.last.script, "/bin/false");
	assert_non_null(strstr(read_file(STDERR), "event=reload "));
}

static void exit_codes_are_those_of_the_manual(void **state)
{
	(void)state;
	START("-h");
	assert_int_equal(ended(), EX_OK);
	START("-v");
	assert_int_equal(ended(), EX_OK);
	assert_int_equal(strncmp(read_file(STDERR), "zonevip-notify ", 15), 0);
	START("-x");
	assert_int_equal(ended(), EX_USAGE);
	START("extra");
	assert_int_equal(ended(), EX_USAGE);
	START("-l", "-f", OWN_MOUNT "/none");
	assert_int_equal(ended(), EX_CONFIG);
	write_file(CONF, "nonsense\n", 0644);
	START(ARGUMENTS);
	assert_int_equal(ended(), EX_CONFIG);
	assert_non_null(strstr(read_file(STDERR), CONF ":1:"));
	write_conf("root", OWN_MOUNT "/script");
	write_file(SOCKET, "planted", 0644);
	START(ARGUMENTS);
	assert_int_equal(ended(), EX_OSERR);
	assert_string_equal(read_file(SOCKET), "planted");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(started_as_root_it_gives_everything_up),
		TEST(root_stays_root_only_when_asked_for),
		TEST(hup_reads_the_file_again),
		TEST(exit_codes_are_those_of_the_manual),
	};

	if (!own_mount())
		return OWN_MOUNT_SKIP;
	log_open("test_notify_program", LOG_TO_STDERR, LOG_LV_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
