/* SPDX-License-Identifier: MIT */
/*
 * The mysqld check against servers that misbehave. Every test also holds for:
 * no check outlives its deadline, closing takes less than 200 ms, no
 * descriptor and not more than 1 MB stays behind.
 */
#include "config.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "agent/myserver.h"
#include "agent/myverdict.h"
#include "tests/unit/checkwatch.h"
#include "tests/unit/fakemysqld.h"

#define TIMEOUT (300 * MSEC)
#define LATE_MAX (1 * SEC)   /* of a check behind its deadline: a loaded machine's scheduling */
#define CLOSE_MAX (10 * SEC) /* the promise is 200 ms, on a machine that is not loaded */
#define SOON (3 * SEC)	     /* "at once": milliseconds, on a machine that is not loaded */

#ifdef HAVE_MYSQL_REAL_CONNECT_START
#define STRANGE "not a MySQL server's answer"
#else
#define STRANGE "" /* Oracle's library has words of its own */
#endif

static char dir[32];
static char path[64];
static struct mycheck_config config;
static const struct mycheck_config usual = {
	.socket = path,
	.user = "zonevip",
	.password_file = "",
	.interval = 100 * MSEC,
	.timeout = TIMEOUT,
};

static const struct mycheck_callbacks nobody;
static struct watch watch; /* open while watch.check is set */
static pid_t pid;	   /* of the fake server, 0 = none */

static int setup(void **state)
{
	(void)state;
	config = usual;
	return 0;
}

static void stop(void)
{
	fake_stop(pid);
	pid = 0;
}

static int teardown(void **state)
{
	(void)state;
	if (watch.check)
		(void)watch_close(&watch); /* the test has failed */
	stop();
	return 0;
}

static void start(enum fake_fault fault, unsigned int number)
{
	pid = fake_start(path, fault, number);
	assert_true(pid > 0);
}

/* Runs checks against a fault for a while; leaves the watch open. */
static void face(enum fake_fault fault, unsigned int number, mono_us time)
{
	start(fault, number);
	assert_true(watch_open(&watch, &config));
	watch_for(&watch, time);
	for (int i = 0; i < 100 && watch.count == 0; i++)
		watch_for(&watch, 200 * MSEC);
	assert_true(watch.count > 0);
}

/* What holds whatever the fault. */
static void part(void)
{
	for (unsigned int i = 0; i < watch.count; i++) {
		const struct mycheck_result *result = &watch.heard[i].result;

		assert_true(result->took <= config.timeout + LATE_MAX);
		assert_true(result->evidence[0]);
		for (const char *c = result->evidence; *c; c++)
			assert_in_range((unsigned char)*c, 0x20, 0x7e);
	}
	assert_true(watch_close(&watch) < CLOSE_MAX);
	stop();
}

/* All results of a second have @verdict, and it costs no memory and no descriptors. */
static void always(enum fake_fault fault, unsigned int number, enum mycheck_verdict verdict,
		   const char *evidence)
{
	unsigned int files = open_files();
	unsigned int matched = 0;
	long memory;

	if (verdict != MYCHECK_HUNG)
		config.timeout = 1 * SEC; /* an answer comes at once, but the server needs a CPU */
	face(fault, number, config.timeout + 50 * MSEC);
	memory = memory_used();
	for (unsigned int i = 0; i == 0 || (watch.count < 2 && i < 10); i++)
		watch_for(&watch, 650 * MSEC);
	memory = memory_used() - memory;
	assert_true(watch.count >= 2);
	for (unsigned int i = 0; i < watch.count; i++) {
		const struct mycheck_result *result = &watch.heard[i].result;

		/* The fake serves one session after the other: it may be busy with the last. */
		if (result->verdict == MYCHECK_HUNG &&
		    strstr(result->evidence, "after the server had ended a session"))
			continue;
		matched++;
		if (result->verdict != verdict || !strstr(result->evidence, evidence))
			fail_msg("%s: %s, not %s: %s", mycheck_verdict_name(result->verdict),
				 result->evidence, mycheck_verdict_name(verdict), evidence);
	}
	assert_true(matched > 0);
	if (!SANITIZED && memory > 1 << 20)
		fail_msg("%ld bytes more", memory);
	part();
	assert_int_equal(open_files(), files);
}

static void a_server_without_a_fault_is_ok(void **state)
{
	(void)state;
	always(FAKE_SERVES, 0, MYCHECK_OK, "SELECT 1 in");
	assert_int_equal(fake_connections(), 1); /* one session, held */
}

static void a_server_that_accepts_and_says_nothing_is_hung(void **state)
{
	(void)state;
	always(FAKE_SILENT, 0, MYCHECK_HUNG, "no greeting in ");
}

static void a_server_that_does_not_accept_is_hung_even_with_a_full_queue(void **state)
{
	(void)state;
	face(FAKE_NO_ACCEPT, 0, 2500 * MSEC);
	assert_true(watch.count >= 6);
	assert_int_equal(watch_count(&watch, 0, MYCHECK_HUNG), watch.count);
	assert_non_null(strstr(watch.heard[watch.count - 1].result.evidence, "not accepted"));
	part();
}

static void a_dripping_server_ends_at_the_deadline(void **state)
{
	(void)state;
	always(FAKE_DRIP, 0, MYCHECK_HUNG, "no greeting in ");
}

static void garbage_is_a_failure(void **state)
{
	(void)state;
	always(FAKE_GARBAGE, 0, MYCHECK_FAILED, STRANGE);
}

static void a_greeting_of_16_megabytes_is_refused_unread(void **state)
{
	(void)state;
	always(FAKE_BIG, 0, MYCHECK_FAILED, STRANGE);
}

static void the_promise_of_16_megabytes_costs_nothing(void **state)
{
	(void)state;
	always(FAKE_BIG_HEADER, 0, MYCHECK_FAILED, STRANGE);
}

static void error_packets_are_told_apart(void **state)
{
	(void)state;
	always(FAKE_ERROR, 1040, MYCHECK_FULL, "1040 ");
	always(FAKE_ERROR, 1203, MYCHECK_FULL, "1203 ");
	always(FAKE_ERROR, 1045, MYCHECK_AUTH, "CREATE USER 'zonevip'@'localhost' IDENTIFIED VIA");
	always(FAKE_ERROR, 1129, MYCHECK_AUTH, "1129 ");
	always(FAKE_ERROR, 1053, MYCHECK_DEAD, "no??@");
	always(FAKE_ERROR, 1105, MYCHECK_FAILED, "no??@");
}

#define SLOWER 20 /* so much may a busy machine stretch a second */

/* Until a check failed and did not only wait to its deadline. */
static void wait_failed(void)
{
	for (int i = 0; i < SLOWER && watch_count(&watch, 0, MYCHECK_FAILED) == 0; i++)
		watch_for(&watch, SEC);
	assert_true(watch_count(&watch, 0, MYCHECK_FAILED) > 0);
}

static void closing_at_once_is_asked_again_until_the_deadline(void **state)
{
	(void)state;
	face(FAKE_SLAM, 0, 1 * SEC);
	wait_failed();
	assert_in_range(watch.count, 1, 4 * SLOWER);
	/* HUNG: the deadline found it waiting for a greeting once more. */
	assert_int_equal(watch_count(&watch, 0, MYCHECK_FAILED) +
				 watch_count(&watch, 0, MYCHECK_HUNG),
			 watch.count);
	assert_true(watch.heard[0].result.took >= TIMEOUT);
	assert_in_range(fake_connections(), 2, (watch.count + 1) * 13); /* steps, not a flood */
	part();
	face(FAKE_GREET_SLAM, 0, 1 * SEC);
	wait_failed();
	assert_int_equal(watch_count(&watch, 0, MYCHECK_DEAD), 0);
	part();
}

static void a_login_that_is_not_answered_is_hung(void **state)
{
	(void)state;
	always(FAKE_LOGIN_SILENT, 0, MYCHECK_HUNG, "login not answered in ");
}

static void a_query_that_is_not_answered_is_hung(void **state)
{
	(void)state;
	always(FAKE_QUERY_SILENT, 0, MYCHECK_HUNG, "SELECT 1 not answered in ");
}

static void a_query_refused_by_a_server_that_shuts_down_is_death(void **state)
{
	(void)state;
	always(FAKE_QUERY_ERROR, 1053, MYCHECK_DEAD, "no??@");
	always(FAKE_QUERY_ERROR, 1820, MYCHECK_AUTH, "1820 ");
	always(FAKE_QUERY_ERROR, 1030, MYCHECK_FAILED, "1030 ");
}

static void the_wrong_answer_is_a_failure(void **state)
{
	(void)state;
	always(FAKE_QUERY_TWO, 0, MYCHECK_FAILED, "");
	always(FAKE_QUERY_NULL, 0, MYCHECK_FAILED, "");
	always(FAKE_QUERY_CELL, 0, MYCHECK_FAILED, "");
}

static void an_answer_without_an_end_is_cut_off(void **state)
{
	(void)state;
	always(FAKE_QUERY_ROWS, 0, MYCHECK_FAILED, "");
#ifdef HAVE_MYSQL_REAL_CONNECT_START
	always(FAKE_QUERY_COLUMNS, 0, MYCHECK_FAILED, "");
#else
	always(FAKE_QUERY_COLUMNS, 0, MYCHECK_UNKNOWN, "2008 "); /* Oracle's way to say it */
#endif
	always(FAKE_QUERY_PROGRESS, 0, MYCHECK_FAILED, "");
}

static void progress_reports_instead_of_a_greeting_do_not_crash_us(void **state)
{
	(void)state;
	always(FAKE_PROGRESS, 0, MYCHECK_FAILED, "");
	always(FAKE_PROGRESS_DRIP, 0, MYCHECK_FAILED, "");
}

static void no_file_and_no_password_is_given_away(void **state)
{
	char secret[64];
	FILE *file;

	(void)state;
	always(FAKE_QUERY_FILE, 0, MYCHECK_FAILED, "");
	assert_false(fake_robbed());
	(void)snprintf(secret, sizeof(secret), "%s/secret", dir);
	file = fopen(secret, "we");
	assert_non_null(file);
	(void)fprintf(file, "opensesame\n");
	(void)fclose(file);
	assert_int_equal(chmod(secret, 0400), 0);
	config.password_file = secret;
	always(FAKE_DIALOG, 0, MYCHECK_AUTH, "check user zonevip and password_file");
	assert_false(fake_robbed());
	assert_int_equal(unlink(secret), 0);
}

static void nobody_listening_is_death_at_once(void **state)
{
	(void)state;
	(void)unlink(path);
	assert_true(watch_open(&watch, &config));
	for (int i = 0; i < 100 && watch.count < 3; i++)
		watch_for(&watch, 250 * MSEC);
	assert_true(watch.count >= 3); /* and asked again at the normal pace */
	assert_int_equal(watch_count(&watch, 0, MYCHECK_DEAD), watch.count);
	assert_true(watch.heard[0].result.took < SOON);
	assert_non_null(strstr(watch.heard[0].result.evidence, "No such file"));
	part();
}

static void death_between_two_checks_is_known_at_once(void **state)
{
	const struct heard *heard;
	mono_us from;
	pid_t was;

	(void)state;
	config.interval = 5 * SEC;
	face(FAKE_SERVES, 0, 50 * MSEC);
	was = pid;
	from = mono_now();
	stop();
	heard = watch_until(&watch, MYCHECK_DEAD, 20 * SEC);
	assert_non_null(heard);
	assert_true(heard->at - from < SOON);
	assert_int_equal(heard->result.server_pid, was);
	part();
}

static void a_vanished_socket_file_is_looked_into_at_once(void **state)
{
	const struct heard *heard;
	mono_us from;

	(void)state;
	config.interval = 5 * SEC;
	face(FAKE_SHUTDOWN, 0, 50 * MSEC);
	from = mono_now();
	assert_int_equal(unlink(path), 0);
	heard = watch_until(&watch, MYCHECK_DEAD, 20 * SEC);
	assert_non_null(heard);
	assert_true(heard->at - from < SOON);
	assert_int_equal(heard->result.code, 1053);
	part();
	face(FAKE_SERVES, 0, 50 * MSEC); /* but a file alone is no server */
	assert_int_equal(unlink(path), 0);
	watch_for(&watch, 100 * MSEC);
	assert_int_equal(watch.count, 2);
	assert_int_equal(watch.heard[1].result.verdict, MYCHECK_OK);
	part();
}

static void a_server_that_ends_every_session_does_not_make_us_spin(void **state)
{
	mono_us from;

	(void)state;
	face(FAKE_ONCE, 0, 2 * SEC);
	assert_int_equal(watch_count(&watch, 0, MYCHECK_OK), watch.count);
	assert_in_range(watch.count, 2, 70); /* 20 by the interval, at most 20 a second more */
	part();
	face(FAKE_CHATTER, 0, 2 * SEC);
	assert_in_range(watch.count, 2, 90);
	part();
	config.interval = 5 * SEC; /* it is the end of the session that leads to a check */
	face(FAKE_ONCE, 0, 150 * MSEC);
	for (int i = 0; i < 40 && watch.count < 2; i++) /* less than an interval in all */
		watch_for(&watch, 100 * MSEC);
	assert_in_range(watch.count, 2, 12);
	part();
	face(FAKE_SERVES, 0, 20 * MSEC); /* nor do changes of the socket file */
	from = mono_now();
	for (int i = 0; i < 300; i++) {
		assert_int_equal(chmod(path, i % 2 ? 0755 : 0700), 0);
		watch_for(&watch, MSEC);
	}
	assert_in_range(watch.count, 1,
			10 + 20 * (mono_now() - from) / SEC); /* and 1000 a second */
	part();
}

/* The main loop stands still while the verdict changes to and fro. */
static void a_verdict_is_never_lost_in_a_stalled_loop(void **state)
{
	(void)state;
	config.interval = 2 * MSEC;
	face(FAKE_SERVES, 0, 20 * MSEC);
	watch.seen = watch.count;
	usleep(400000); /* 200 results for a box of 64 */
	stop();
	usleep(100000);
	start(FAKE_SERVES, 0);
	usleep(100000);
	assert_non_null(watch_until(&watch, MYCHECK_DEAD, 20 * SEC));
	assert_non_null(watch_until(&watch, MYCHECK_OK, 20 * SEC));
	part();
}

static void closing_is_quick_whatever_hangs(void **state)
{
	static const enum fake_fault faults[] = {FAKE_NO_ACCEPT,    FAKE_SILENT,       FAKE_DRIP,
						 FAKE_LOGIN_SILENT, FAKE_QUERY_SILENT, FAKE_SLAM,
						 FAKE_QUERY_ROWS,   FAKE_SERVES};

	(void)state;
	config.timeout = 60 * SEC;
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		start(faults[i], 0);
		assert_true(watch_open(&watch, &config));
		watch_for(&watch, 100 * MSEC);
		assert_true(watch_close(&watch) < CLOSE_MAX);
		stop();
	}
}

static void a_full_box_does_not_hold_up_the_closing(void **state)
{
	(void)state;
	config.interval = MSEC;
	start(FAKE_SERVES, 0);
	assert_true(watch_open(&watch, &config));
	usleep(300000);
	stop(); /* a change of verdict that finds no room */
	usleep(50000);
	assert_true(watch_close(&watch) < CLOSE_MAX);
}

static void without_descriptors_it_cannot_tell(void **state)
{
	struct rlimit limit;
	struct rlimit none;
	const struct heard *heard;
	int filler;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	none = limit;
	start(FAKE_ONCE, 0); /* wants a new descriptor each time */
	assert_true(watch_open(&watch, &config));
	assert_non_null(watch_until(&watch, MYCHECK_OK, 20 * SEC));
	while ((filler = dup(STDIN_FILENO)) <= 4)
		; /* stays: 0 to 4 are taken, whoever closes what above */
	(void)close(filler);
	none.rlim_cur = 5; /* not less: ppoll() refuses more descriptors than that */
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	heard = watch_until(&watch, MYCHECK_UNKNOWN, 20 * SEC);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	assert_non_null(heard);
	assert_non_null(watch_until(&watch, MYCHECK_OK, 20 * SEC));
	assert_int_equal(watch_count(&watch, 0, MYCHECK_DEAD), 0);
	part();
}

static void over_tcp_it_tells_the_same(void **state)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t length = sizeof(address);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)state;
	assert_int_equal(bind(listener, (struct sockaddr *)&address, length), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &length), 0);
	config.socket = "";
	config.port = ntohs(address.sin_port);
	assert_int_equal(ip_parse("127.0.0.1", &config.host), 0);
	assert_true(watch_open(&watch, &config)); /* bound, but nobody listens yet */
	assert_non_null(watch_until(&watch, MYCHECK_DEAD, 20 * SEC));
	assert_int_equal(listen(listener, 64), 0);
	assert_non_null(watch_until(&watch, MYCHECK_HUNG, 20 * SEC));
	assert_int_equal(watch.heard[watch.count - 1].result.server_pid, 0);
	(void)close(listener);
	assert_non_null(watch_until(&watch, MYCHECK_DEAD, 20 * SEC));
	part();
}

static void a_configuration_that_cannot_work_is_refused(void **state)
{
	struct mycheck_config bad = config;
	struct ev_loop *loop = ev_loop_new(EVFLAG_AUTO);
	struct err err = {""};
	char long_path[200];

	(void)state;
	memset(long_path, 'x', sizeof(long_path) - 1);
	long_path[sizeof(long_path) - 1] = '\0';
	bad.socket = long_path; /* the client library would copy it over its own stack */
	assert_null(mycheck_open(loop, 0, &bad, &nobody, &err));
	assert_non_null(strstr(err.text, "longer than 107"));
	err.text[0] = '\0';
	bad = config;
	bad.socket = "";
	bad.port = 0;
	assert_null(mycheck_open(loop, 0, &bad, &nobody, &err));
	assert_non_null(strstr(err.text, "neither"));
	err.text[0] = '\0';
	bad = config;
	bad.timeout = 0;
	assert_null(mycheck_open(loop, 0, &bad, &nobody, &err));
	assert_non_null(strstr(err.text, "timeout"));
	ev_loop_destroy(loop);
}

static void only_a_private_plain_password_file_is_read(void **state)
{
	char password[MYSERVER_PASSWORD_MAX];
	struct err err = {""};
	char file[64];
	FILE *out;

	(void)state;
	(void)snprintf(file, sizeof(file), "%s/pw", dir);
	assert_int_equal(myserver_password(file, password, &err), -1);
	assert_non_null(strstr(err.text, "No such file"));
	out = fopen(file, "we");
	(void)fprintf(out, "first line\r\nsecond");
	(void)fclose(out);
	for (mode_t mode = 0040; mode; mode >>= 1) {
		err.text[0] = '\0';
		assert_int_equal(chmod(file, 0600 | mode), 0);
		assert_int_equal(myserver_password(file, password, &err), -1);
		assert_string_equal(password, "");
	}
	assert_int_equal(chmod(file, 0600), 0);
	assert_int_equal(myserver_password(file, password, &err), 0);
	assert_string_equal(password, "first line");
	assert_int_equal(memcmp(password + 10, (char[32]){0}, 32), 0);
	out = fopen(file, "we");
	for (int i = 0; i < MYSERVER_PASSWORD_MAX; i++)
		(void)fputc('p', out);
	(void)fclose(out);
	assert_int_equal(myserver_password(file, password, &err), -1);
	assert_int_equal(unlink(file), 0);
	assert_int_equal(mkfifo(file, 0600), 0);
	assert_int_equal(myserver_password(file, password, &err), -1); /* and returns */
	assert_int_equal(unlink(file), 0);
}

static void a_credential_of_systemd_s_may_look_group_readable(void **state)
{
	char password[MYSERVER_PASSWORD_MAX];
	struct err err = {""};
	char file[80];
	int fd;

	(void)state;
	(void)snprintf(file, sizeof(file), "%s/credential", dir);
	fd = open(file, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "secret\n", 7), 7);
	assert_int_equal(fchmod(fd, 0440), 0);
	(void)close(fd);
	assert_int_equal(myserver_password(file, password, &err), -1);
	assert_int_equal(setenv("CREDENTIALS_DIRECTORY", dir, 1), 0);
	assert_int_equal(myserver_password(file, password, &err), 0);
	assert_string_equal(password, "secret");
	assert_int_equal(chmod(file, 0444), 0);
	assert_int_equal(myserver_password(file, password, &err), -1);
	assert_int_equal(setenv("CREDENTIALS_DIRECTORY", "/run/other", 1), 0);
	assert_int_equal(chmod(file, 0440), 0);
	assert_int_equal(myserver_password(file, password, &err), -1);
	assert_int_equal(unsetenv("CREDENTIALS_DIRECTORY"), 0);
	(void)unlink(file);
}

static void every_verdict_has_a_name(void **state)
{
	(void)state;
	for (int i = 0; i < MYCHECK_COUNT; i++)
		assert_non_null(mycheck_verdict_name((enum mycheck_verdict)i));
	assert_string_equal(mycheck_verdict_name(MYCHECK_DEAD), "DEAD");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		T(a_server_without_a_fault_is_ok),
		T(a_server_that_accepts_and_says_nothing_is_hung),
		T(a_server_that_does_not_accept_is_hung_even_with_a_full_queue),
		T(a_dripping_server_ends_at_the_deadline),
		T(garbage_is_a_failure),
		T(a_greeting_of_16_megabytes_is_refused_unread),
		T(the_promise_of_16_megabytes_costs_nothing),
		T(error_packets_are_told_apart),
		T(closing_at_once_is_asked_again_until_the_deadline),
		T(a_login_that_is_not_answered_is_hung),
		T(a_query_that_is_not_answered_is_hung),
		T(a_query_refused_by_a_server_that_shuts_down_is_death),
		T(the_wrong_answer_is_a_failure),
		T(an_answer_without_an_end_is_cut_off),
		T(progress_reports_instead_of_a_greeting_do_not_crash_us),
		T(no_file_and_no_password_is_given_away),
		T(nobody_listening_is_death_at_once),
		T(death_between_two_checks_is_known_at_once),
		T(a_vanished_socket_file_is_looked_into_at_once),
		T(a_server_that_ends_every_session_does_not_make_us_spin),
		T(a_verdict_is_never_lost_in_a_stalled_loop),
		T(closing_is_quick_whatever_hangs),
		T(a_full_box_does_not_hold_up_the_closing),
		T(without_descriptors_it_cannot_tell),
		T(over_tcp_it_tells_the_same),
		T(a_configuration_that_cannot_work_is_refused),
		T(only_a_private_plain_password_file_is_read),
		T(a_credential_of_systemd_s_may_look_group_readable),
		T(every_verdict_has_a_name),
	};
	int ret;

	(void)alarm(180);
	strcpy(dir, "/tmp/zv-fake-XXXXXX");
	if (!mkdtemp(dir))
		return 99;
	(void)snprintf(path, sizeof(path), "%s/sock", dir);
	ret = cmocka_run_group_tests(tests, NULL, NULL);
	(void)unlink(path);
	(void)rmdir(dir);
	return ret;
}
