/* SPDX-License-Identifier: MIT */
/*
 * How one script runs: which, with what, for how long, and what is left of it.
 */
#define _GNU_SOURCE
#include "tests/unit/runner_fixture.h"

static void the_script_of_the_state_runs_first_then_notify_with_four_arguments(void **state)
{
	(void)state;
	script("own", "echo own $ZONEVIP_STATE $# \"$@\" >> " LOG);
	script("any", "echo any $# \"$@\" >> " LOG);
	start("notify_master \"" OWN_MOUNT "/own 'a b'\"\n"
	      "notify_backup \"" OWN_MOUNT "/own b\"\n"
	      "notify_stop \"" OWN_MOUNT "/own s\"\n"
	      "notify \"" OWN_MOUNT "/any x\"\n");
	send_event("V1", "MASTER", 150);
	send_event("V1", "BACKUP", 150);
	send_event("V1", "FAULT", 0);
	send_event("V1", "STOP", 150);
	wait_reports(7); /* notify_fault is not configured */
	assert_string_equal(read_file(LOG), "own MASTER 1 a b\n"
					    "any 5 x INSTANCE V1 MASTER 150\n"
					    "own BACKUP 1 b\n"
					    "any 5 x INSTANCE V1 BACKUP 150\n"
					    "any 5 x INSTANCE V1 FAULT 0\n"
					    "own STOP 1 s\n"
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

static void a_hook_is_not_held_up_by_a_notification_and_its_status_comes_back(void **state)
{
	(void)state;
	script("slow", "sleep 20");
	script("claim", "echo claim $# $1 $2 $ZONEVIP_INSTANCE >> " LOG "\n[ $2 = promote ]");
	script("release", "echo release $1 >> " LOG);
	start("notify \"" OWN_MOUNT "/slow\"\n"
	      "pre_claim \"" OWN_MOUNT "/claim x\"\n"
	      "pre_release " OWN_MOUNT "/release\n");
	send_event("V1", "MASTER", 150);
	send_event("V1", "GATE", 150);
	wait_reports(1);
	send_event("V1", "PROMOTE", 150);
	wait_reports(2);
	send_event("V1", "RELEASE", 150);
	wait_reports(3);
	assert_string_equal(read_file(LOG),
			    "claim 2 x gate V1\nclaim 2 x promote V1\nrelease release\n");
	assert_int_equal(fix.reports[0].number, 2);
	assert_int_equal(fix.reports[0].status, 1); /* the veto */
	assert_int_equal(fix.reports[1].number, 3);
	assert_int_equal(fix.reports[1].status, 0);
	send_event("V2", "GATE", 150); /* has none */
	wait_reports(4);
	assert_int_equal(fix.reports[3].status, -1);
	assert_non_null(strstr(fix.reports[3].problem, "no such hook"));
}

static void a_hook_ends_at_its_timeout_and_a_fence_ends_what_is_under_way(void **state)
{
	mono_us from;

	(void)state;
	script("hang", "[ $1 = fence ] || sleep 100");
	start("pre_claim " OWN_MOUNT "/hang\npre_release " OWN_MOUNT "/hang\nhook_timeout 0.2\n");
	send_event("V1", "GATE", 150);
	wait_reports(1);
	assert_int_not_equal(fix.reports[0].status, 0);
	assert_true(fix.reports[0].problem[0]);
	write_conf("pre_claim " OWN_MOUNT "/hang\npre_release " OWN_MOUNT
		   "/hang\nhook_timeout 90\n");
	runner_reload(&fix.runner);
	from = mono_now();
	send_event("V1", "PROMOTE", 150);
	turn(100 * MSEC);
	send_event("V1", "FENCE", 150);
	wait_reports(3);
	assert_true(mono_now() - from < 60 * SEC);
	for (int i = 1; i < 3; i++)
		assert_int_equal(fix.reports[i].status == 0, fix.reports[i].number == 3);
}

static void a_script_sees_a_clean_world(void **state)
{
	int input[2];

	(void)state;
	script("any",
	       "env | grep -v '^PWD=\\|^_=\\|^OLDPWD=\\|^SHLVL=' | sort > " LOG "\n"
	       "pwd >> " LOG "; umask >> " LOG "; cat >> " LOG "\n"
	       "readlink /proc/$$/fd/0 >> " LOG "\n"
	       "sed -n 's/^\\(Sig[IB].*:\\).*\\(.......\\)$/\\1 \\2/p' /proc/self/status >> " LOG
	       "\n"
	       "[ $$ = $(ps -o pgid= -p $$) ] && echo own group >> " LOG "\n"
	       "set -- /proc/$$/fd/*; echo $# >> " LOG); /* no pipe: the shell would hold its ends
							  */
	assert_int_equal(pipe(input), 0); /* standard input of ours: no business of the script */
	assert_int_equal(write(input[1], "ours\n", 5), 5);
	close(input[1]);
	assert_true(dup2(input[0], STDIN_FILENO) >= 0);
	close(input[0]);
	(void)setenv("LD_PRELOAD", "", 1);
	(void)setenv("BASH_ENV", "/x", 1);
	start("notify " OWN_MOUNT "/any\n");
	send_event("V1", "MASTER", 150);
	wait_reports(1);
	(void)unsetenv("LD_PRELOAD");
	(void)unsetenv("BASH_ENV");
	assert_string_equal(read_file(LOG),
			    "PATH=" ENVIRONMENT_PATH "\n"
			    "ZONEVIP_EVENT=1\nZONEVIP_INSTANCE=V1\nZONEVIP_NEW_STATE=MASTER\n"
			    "ZONEVIP_OLD_STATE=CLAIMING\nZONEVIP_PEER=B\nZONEVIP_PRIORITY=150\n"
			    "ZONEVIP_REASON=confirmed\nZONEVIP_SCRIPT=" OWN_MOUNT "/any\n"
			    "ZONEVIP_STATE=MASTER\nZONEVIP_TERM=42\nZONEVIP_VIP=10.1.5.5\n"
			    "/\n0022\n/dev/null\nSigBlk: 0000000\nSigIgn: 0000000\n"
			    "own group\n"
			    "6\n"); /* 0, 1, 2, the script, the shell's own of it, the directory */
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
	script("any", "echo $ZONEVIP_EVENT ${ZONEVIP_SUPERSEDED-last} >> " LOG "; sleep 0.5");
	start("notify " OWN_MOUNT "/any\n");
	send_event("V1", "MASTER", 1);
	wait_file(LOG, "1 last\n"); /* 1 runs: nothing was behind it */
	send_event("V1", "BACKUP", 1);
	send_event("V2", "BACKUP", 1); /* of another instance */
	send_event("V1", "MASTER", 1);
	wait_reports(4);
	assert_string_equal(read_file(LOG), "1 last\n2 1\ntwo 1\n4 last\n");
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
	assert_in_range(fix.reports[0].took_ms, 290, 20000);
	assert_true(gone(OWN_MOUNT "/pid"));
	assert_string_equal(read_file(LOG), "two 5\n");
}

static void the_whole_group_may_clean_up_at_sigterm(void **state)
{
	(void)state;
	script("any", "sh -c 'trap \"echo child >> " LOG "; exit 0\" TERM\n"
		      "while :; do sleep 0.05; done' &\n"
		      "trap : TERM\nwait\nwait\necho leader >> " LOG "; exit 9");
	start("notify " OWN_MOUNT "/any\nnotify_timeout 0.3\n");
	send_event("V1", "MASTER", 1);
	wait_reports(1);
	assert_int_equal(fix.reports[0].status, 9);
	assert_string_equal(fix.reports[0].problem, "timed out after 0.3 s");
	assert_string_equal(read_file(LOG), "child\nleader\n");
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
	assert_in_range(fix.reports[0].took_ms, 1190, 20000);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_script_of_the_state_runs_first_then_notify_with_four_arguments),
		TEST(a_hook_ends_at_its_timeout_and_a_fence_ends_what_is_under_way),

		TEST(a_hook_is_not_held_up_by_a_notification_and_its_status_comes_back),

		TEST(a_script_sees_a_clean_world),
		TEST(events_run_one_at_a_time_in_order),
		TEST(an_event_with_a_newer_one_behind_it_is_marked_superseded),
		TEST(a_hanging_script_is_ended_with_its_group_at_the_timeout),
		TEST(the_whole_group_may_clean_up_at_sigterm),
		TEST(a_script_that_ignores_sigterm_is_killed_a_second_later),
		TEST(what_a_script_leaves_behind_is_killed_when_it_ends),
		TEST(a_process_that_left_the_group_does_not_hold_the_queue),
		TEST(a_hundred_megabytes_of_output_cost_a_hundred_lines),
	};

	if (!own_mount() || !pidfd_works())
		return OWN_MOUNT_SKIP;
	(void)signal(SIGPIPE, SIG_IGN); /* as the program does; scripts must not inherit it */
	log_open("test_runner", LOG_TO_STDERR, LOG_LV_INFO);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
