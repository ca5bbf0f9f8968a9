/* SPDX-License-Identifier: MIT */
/*
 * The runner's queue: failures, floods, a changed configuration, strangers,
 * the end.
 */
#define _GNU_SOURCE
#include "tests/unit/runner_fixture.h"

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

/* Reads what is there. */
static const char *read_fifo(int fd)
{
	static char text[512];
	ssize_t length = read(fd, text, sizeof(text) - 1);

	text[length > 0 ? length : 0] = '\0';
	return text;
}

static void the_fifo_gets_keepalived_s_lines_and_nobody_waits_for_its_reader(void **state)
{
	struct stat found;
	int fd;

	(void)state;
	script("any", "true");
	start("notify " OWN_MOUNT "/any\n");
	(void)snprintf(fix.runner.config.conf->notify_fifo,
		       sizeof(fix.runner.config.conf->notify_fifo), OWN_MOUNT "/fifo");
	send_event("V1", "BACKUP", 150); /* nobody reads: lost, and the script runs */
	wait_reports(1);
	assert_int_equal(lstat(OWN_MOUNT "/fifo", &found), 0);
	assert_true(S_ISFIFO(found.st_mode));
	fd = open(OWN_MOUNT "/fifo", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	assert_true(fd >= 0);
	send_event("V1", "MASTER", 150);
	send_event("V2", "FAULT", 7);
	wait_reports(3);
	assert_string_equal(read_fifo(fd), "INSTANCE \"V1\" MASTER 150\nINSTANCE \"V2\" FAULT 7\n");
	close(fd);
	write_file(OWN_MOUNT "/plain", "", 0644);
	(void)snprintf(fix.runner.config.conf->notify_fifo,
		       sizeof(fix.runner.config.conf->notify_fifo), OWN_MOUNT "/plain");
	send_event("V1", "MASTER", 1);
	turn(50 * MSEC);
	assert_string_equal(read_file(OWN_MOUNT "/plain"), ""); /* never into a file */
}

static void more_events_than_the_queue_holds_arrive_all_the_same(void **state)
{
	unsigned int count = RUNNER_QUEUE_MAX + 150;

	(void)state;
	script("any", "while [ ! -e " OWN_MOUNT "/go ]; do sleep 0.02; done");
	start("notify " OWN_MOUNT "/any\n");
	for (unsigned int i = 0; i < count; i++) {
		send_event("V1", "MASTER", 1);
		if (i % 100 == 99)
			turn(20 * MSEC);
	}
	for (int i = 0; i < 400 && fix.runner.count < RUNNER_QUEUE_MAX; i++)
		turn(50 * MSEC);
	assert_int_equal(fix.runner.count, RUNNER_QUEUE_MAX); /* the rest waits in the sockets */
	write_file(OWN_MOUNT "/go", "", 0644);
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
	       "sleep 1000 & echo $! > " OWN_MOUNT "/pid; echo $ZONEVIP_EVENT >> " LOG "; wait");
	start("notify " OWN_MOUNT "/any\n");
	for (int i = 0; i < 3; i++)
		send_event("V1", "MASTER", 1);
	wait_file(LOG, "1\n");
	runner_stop(&fix.runner);
	runner_stop(&fix.runner);
	ev_run(fix.loop, 0);
	assert_true(mono_now() - start_time < 20 * SEC);
	assert_string_equal(read_file(LOG), "1\n");
	assert_true(gone(OWN_MOUNT "/pid"));
}

/* Sets the limit such that two descriptors are left: what trust_open() needs. */
static void leave_two_descriptors(const struct rlimit *old)
{
	struct rlimit few = *old;
	int fd = 0;

	for (int left = 2; left > 0; fd++)
		left -= fcntl(fd, F_GETFD) < 0;
	few.rlim_cur = (rlim_t)fd;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
}

static void a_failing_fork_is_reported(void **state)
{
	struct rlimit old;
	bool seen = false;

	(void)state;
	script("any", "exit 0");
	start("notify " OWN_MOUNT "/any\n");
	send_event("V1", "MASTER", 1);
	wait_reports(1);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	/* Again when a descriptor of before was closed meanwhile. */
	for (unsigned int i = 1; i < 20 && !seen; i++) {
		turn(20 * MSEC);
		leave_two_descriptors(&old);
		send_event("V1", "MASTER", 1);
		wait_reports(i + 1);
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
		seen = fix.reports[i].status == -1 &&
		       strcmp(fix.reports[i].problem, "cannot start: Too many open files") == 0;
	}
	assert_true(seen);
	send_event("V1", "MASTER", 1);
	wait_reports(fix.count + 1);
	assert_int_equal(fix.reports[fix.count - 1].status, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(every_way_to_fail_is_reported_and_the_queue_goes_on),
		TEST(the_fifo_gets_keepalived_s_lines_and_nobody_waits_for_its_reader),
		TEST(more_events_than_the_queue_holds_arrive_all_the_same),
		TEST(a_changed_file_is_read_again_and_a_bad_one_changes_nothing),
		TEST(an_unsafe_script_is_named_at_start),
		TEST(strangers_and_strange_messages_are_turned_away),
		TEST(stopping_finishes_what_is_queued),
		TEST(stopping_twice_ends_the_script_at_once),
		TEST(a_failing_fork_is_reported),
	};

	if (!own_mount() || !pidfd_works())
		return OWN_MOUNT_SKIP;
	(void)signal(SIGPIPE, SIG_IGN); /* as the program does; scripts must not inherit it */
	log_open("test_runner_queue", LOG_TO_STDERR, LOG_LV_INFO);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
