/* SPDX-License-Identifier: MIT */
/*
 * The mysqld check against a real mariadbd, started in a directory of its
 * own for each test; no mariadbd: skipped, 77. The times that it prints are
 * from the deed to the verdict on the main loop.
 */
#include "config.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <mysql.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/checkwatch.h"

static char base[64];
static char datadir[128];
static char sockpath[128];
static pid_t server;

static struct mycheck_config config = {
	.socket = sockpath,
	.user = "zv_check",
	.password_file = "",
	.interval = 200 * MSEC,
	.timeout = 1 * SEC,
};

static pid_t run(char *const argv[])
{
	pid_t pid = fork();

	if (pid == 0) {
		int null = open("/dev/null", O_RDWR);

		(void)dup2(null, 0);
		(void)dup2(null, 1);
		(void)dup2(null, 2);
		execvp(argv[0], argv);
		_exit(127);
	}
	return pid;
}

static int run_wait(char *const argv[])
{
	int status = -1;
	pid_t pid = run(argv);

	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* As the administrator; what matters is only that it works. */
static void sql(const char *statement)
{
	MYSQL *admin = mysql_init(NULL);
	unsigned int protocol = MYSQL_PROTOCOL_SOCKET;

	assert_non_null(admin);
	(void)mysql_options(admin, MYSQL_OPT_PROTOCOL, &protocol);
	if (!mysql_real_connect(admin, "localhost", "root", "", NULL, 0, sockpath, 0))
		fail_msg("admin: %s", mysql_error(admin));
	if (mysql_query(admin, statement) != 0)
		fail_msg("%s: %s", statement, mysql_error(admin));
	mysql_free_result(mysql_store_result(admin));
	mysql_close(admin);
}

static bool serving(void)
{
	MYSQL *admin = mysql_init(NULL);
	unsigned int protocol = MYSQL_PROTOCOL_SOCKET;
	bool ret;

	(void)mysql_options(admin, MYSQL_OPT_PROTOCOL, &protocol);
	ret = mysql_real_connect(admin, "localhost", "root", "", NULL, 0, sockpath, 0) != NULL;
	mysql_close(admin);
	return ret;
}

static void start_server(void)
{
	char data[160], sock[160], pid[160], log[160];
	char *argv[] = {"mariadbd",
			"--no-defaults",
			"--user=mysql",
			data,
			sock,
			pid,
			log,
			"--skip-networking",
			"--innodb-buffer-pool-size=16M",
			"--innodb-log-file-size=8M",
			"--performance-schema=OFF",
			"--max-connections=10",
			NULL};
	mono_us until = mono_now() + 20 * SEC;

	(void)snprintf(data, sizeof(data), "--datadir=%s", datadir);
	(void)snprintf(sock, sizeof(sock), "--socket=%s", sockpath);
	(void)snprintf(pid, sizeof(pid), "--pid-file=%s/pid", base);
	(void)snprintf(log, sizeof(log), "--log-error=%s/log", base);
	server = run(argv);
	while (!serving()) {
		if (mono_now() > until)
			fail_msg("mariadbd does not start, see %s/log", base);
		usleep(20000);
	}
}

static void end_server(int with)
{
	if (server <= 0)
		return;
	(void)kill(server, SIGCONT);
	(void)kill(server, with);
	(void)waitpid(server, NULL, 0);
	server = 0;
}

static int setup(void **state)
{
	static struct watch watch;

	if (!server)
		start_server();
	if (!watch_open(&watch, &config))
		return -1;
	*state = &watch;
	return watch_until(&watch, MYCHECK_OK, 5 * SEC) ? 0 : -1;
}

static int teardown(void **state)
{
	mono_us took = watch_close(*state);

	end_server(SIGKILL);
	if (took > 200 * MSEC)
		fprintf(stderr, "closing took %.1f ms\n", (double)took / 1e3);
	return took > 10 * SEC ? -1 : 0; /* a call that hangs would last longer */
}

static void report(const char *what, mono_us from, const struct heard *heard)
{
	printf("[   TIME   ] %s: %s after %.1f ms (%s)\n", what,
	       mycheck_verdict_name(heard->result.verdict), (double)(heard->at - from) / 1e3,
	       heard->result.evidence);
}

/* The next result with @verdict, within @most of @from; prints how long it took. */
static const struct heard *expect(struct watch *watch, enum mycheck_verdict verdict, mono_us from,
				  mono_us most, const char *what)
{
	const struct heard *heard = watch_until(watch, verdict, most);

	if (!heard)
		fail_msg("%s: no %s; last: %s %s", what, mycheck_verdict_name(verdict),
			 mycheck_verdict_name(watch->heard[watch->count - 1].result.verdict),
			 watch->heard[watch->count - 1].result.evidence);
	report(what, from, heard);
	assert_true(heard->at - from <= most);
	return heard;
}

static void it_serves_and_is_asked_start_to_start(void **state)
{
	struct watch *watch = *state;

	watch_for(watch, 2100 * MSEC);
	assert_in_range(watch->count, 6, 12); /* 11, on a machine that is not loaded */
	assert_int_equal(watch_count(watch, 0, MYCHECK_OK), watch->count);
	assert_int_equal(watch->heard[5].result.server_pid, server);
	assert_int_equal(watch->heard[5].result.code, 0);
	printf("[   TIME   ] a warm check: %.2f ms\n", (double)watch->heard[5].result.took / 1e3);
}

static void killing_our_session_is_no_bad_verdict(void **state)
{
	struct watch *watch = *state;

	for (int i = 0; i < 10; i++) {
		mono_us from = mono_now();

		sql("KILL USER zv_check");
		(void)expect(watch, MYCHECK_OK, from, 5 * SEC, "KILL of our session");
		watch_for(watch, 30 * MSEC);
	}
	sql("KILL SOFT QUERY USER zv_check");
	watch_for(watch, 500 * MSEC);
	assert_int_equal(watch_count(watch, 0, MYCHECK_OK), watch->count);
}

static void wait_timeout_is_no_bad_verdict(void **state)
{
	struct watch *watch = *state;

	(void)watch_close(watch);
	sql("SET GLOBAL wait_timeout = 1");
	config.interval = 3 * SEC;
	assert_true(watch_open(watch, &config));
	config.interval = 200 * MSEC;
	watch_for(watch, 5 * SEC);
	assert_in_range(watch->count, 3, 8); /* the end of the session brings a check of its own */
	assert_int_equal(watch_count(watch, 0, MYCHECK_OK), watch->count);
}

static void a_stopped_server_hangs_and_comes_back(void **state)
{
	struct watch *watch = *state;
	const struct heard *heard;
	mono_us from = mono_now();

	assert_int_equal(kill(server, SIGSTOP), 0);
	heard = expect(watch, MYCHECK_HUNG, from, 5 * SEC, "SIGSTOP, held session");
	assert_true(heard->result.took >= 1 * SEC && heard->result.took < 3 * SEC);
	heard = expect(watch, MYCHECK_HUNG, from, 10 * SEC, "SIGSTOP, new session");
	assert_true(heard->result.took >= 1 * SEC && heard->result.took < 3 * SEC);
	from = mono_now();
	assert_int_equal(kill(server, SIGCONT), 0);
	heard = expect(watch, MYCHECK_OK, from, 20 * SEC, "SIGCONT");
	assert_int_equal(heard->result.server_pid, server);
	assert_int_equal(watch_count(watch, 0, MYCHECK_DEAD), 0);
}

static void killed_while_stopped_is_death_in_the_middle_of_a_check(void **state)
{
	struct watch *watch = *state;
	const struct heard *heard;
	mono_us from;

	assert_int_equal(kill(server, SIGSTOP), 0);
	(void)expect(watch, MYCHECK_HUNG, mono_now(), 5 * SEC, "SIGSTOP");
	watch_for(watch, 300 * MSEC); /* in the middle of the next check */
	from = mono_now();
	assert_int_equal(kill(server, SIGKILL), 0);
	heard = expect(watch, MYCHECK_DEAD, from, 5 * SEC, "SIGKILL of a stopped server");
	assert_int_equal(heard->result.server_pid, server);
}

static void kill_9_is_death_within_milliseconds_and_a_restart_is_ok(void **state)
{
	struct watch *watch = *state;

	for (int i = 0; i < 3; i++) {
		const struct heard *heard;
		mono_us from;
		unsigned int before = watch->count;

		watch_for(watch, 70 * MSEC * i); /* at another moment of the interval each time */
		before = watch->count;
		watch->seen = before;
		from = mono_now();
		assert_int_equal(kill(server, SIGKILL), 0);
		heard = expect(watch, MYCHECK_DEAD, from, 5 * SEC, "SIGKILL");
		assert_int_equal(heard->result.server_pid, server);
		assert_true(watch_count(watch, before, MYCHECK_OK) <= 1); /* one under way */
		(void)waitpid(server, NULL, 0);
		server = 0;
		watch_for(watch, 500 * MSEC);
		assert_int_equal(watch->heard[watch->count - 1].result.verdict, MYCHECK_DEAD);
		start_server();
		heard = expect(watch, MYCHECK_OK, mono_now(), 20 * SEC, "restart");
		assert_int_equal(heard->result.server_pid, server);
	}
}

static void a_shutdown_is_death_at_once_and_never_ok_again(void **state)
{
	struct watch *watch = *state;

	for (int i = 0; i < 10; i++) {
		const struct heard *heard;
		mono_us from;

		watch_for(watch, 20 * MSEC * i);
		watch->seen = watch->count;
		from = mono_now();
		assert_int_equal(kill(server, SIGTERM), 0);
		heard = expect(watch, MYCHECK_DEAD, from, 5 * SEC, "SIGTERM");
		(void)waitpid(server, NULL, 0);
		server = 0;
		watch_for(watch, 50 * MSEC);
		for (; heard < watch->heard + watch->count; heard++)
			assert_int_equal(heard->result.verdict, MYCHECK_DEAD);
		start_server();
		(void)expect(watch, MYCHECK_OK, mono_now(), 20 * SEC, "restart");
	}
}

static void a_wrong_user_is_not_death_and_gets_a_hint(void **state)
{
	struct watch *watch = *state;
	const struct heard *heard;
	mono_us from;

	(void)watch_close(watch);
	config.user = "nobody_known";
	assert_true(watch_open(watch, &config));
	config.user = "zv_check";
	heard = expect(watch, MYCHECK_AUTH, mono_now(), 500 * MSEC, "wrong user");
	assert_true(heard->result.code == 1045 || heard->result.code == 1698);
	assert_non_null(strstr(heard->result.evidence, "nobody_known"));
	assert_non_null(strstr(heard->result.evidence, "IDENTIFIED VIA unix_socket"));
	assert_int_equal(heard->result.server_pid, server);
	from = mono_now(); /* no session is held, yet its death is known at once */
	watch->seen = watch->count;
	assert_int_equal(kill(server, SIGKILL), 0);
	(void)expect(watch, MYCHECK_DEAD, from, 100 * MSEC, "SIGKILL without a session");
}

static void a_password_comes_from_a_private_file(void **state)
{
	struct watch *watch = *state;
	char path[128];
	FILE *file;

	sql("CREATE OR REPLACE USER zv_pw@localhost IDENTIFIED BY 'opensesame'");
	(void)watch_close(watch);
	(void)snprintf(path, sizeof(path), "%s/secret", base);
	file = fopen(path, "we");
	assert_non_null(file);
	(void)fprintf(file, "opensesame\nnot this\n");
	(void)fclose(file);
	assert_int_equal(chmod(path, 0640), 0);
	config.user = "zv_pw";
	config.password_file = path;
	assert_true(watch_open(watch, &config));
	(void)expect(watch, MYCHECK_UNKNOWN, mono_now(), 500 * MSEC, "readable password file");
	assert_int_equal(chmod(path, 0400), 0);
	(void)expect(watch, MYCHECK_OK, mono_now(), 20 * SEC, "private password file");
	config.user = "zv_check";
	config.password_file = "";
	assert_int_equal(unlink(path), 0);
}

static void a_full_server_is_alive(void **state)
{
	struct watch *watch = *state;
	MYSQL *others[16] = {NULL};
	unsigned int protocol = MYSQL_PROTOCOL_SOCKET;
	unsigned int count = 0;

	(void)watch_close(watch);
	for (; count < 16; count++) {
		others[count] = mysql_init(NULL);
		(void)mysql_options(others[count], MYSQL_OPT_PROTOCOL, &protocol);
		if (!mysql_real_connect(others[count], "localhost", "zv_check", "", NULL, 0,
					sockpath, 0))
			break;
	}
	assert_true(watch_open(watch, &config));
	(void)expect(watch, MYCHECK_FULL, mono_now(), 500 * MSEC, "max_connections");
	for (unsigned int i = 0; i <= count; i++)
		mysql_close(others[i]);
	(void)expect(watch, MYCHECK_OK, mono_now(), 20 * SEC, "room again");
}

/* --- what is demanded, probes and orders ----------------------------------------- */

/* Closes the watch that setup() opened, and opens one with @changed. */
static void reopen(struct watch *watch, const struct mycheck_config *changed)
{
	(void)watch_close(watch);
	assert_true(watch_open(watch, changed));
}

static const struct mycheck_report *order(struct watch *watch, const struct mycheck_order *given)
{
	unsigned int before = watch->report_count;
	mono_us until = mono_now() + 20 * SEC;

	mycheck_give(watch->check, given);
	while (watch->report_count == before && mono_now() < until)
		ev_run(watch->loop, 0);
	assert_int_equal(watch->report_count, before + 1);
	assert_int_equal(watch->reports[before].op, given->op);
	return &watch->reports[before];
}

static void read_only_is_a_verdict_only_where_writes_are_demanded(void **state)
{
	struct watch *watch = *state;

	sql("SET GLOBAL read_only = 1");
	watch_for(watch, 600 * MSEC);
	watch->seen = watch->count;
	(void)expect(watch, MYCHECK_OK, mono_now(), 20 * SEC, "read-only standby");
	mycheck_set_role(watch->check, MYCHECK_ACTING);
	(void)expect(watch, MYCHECK_READONLY, mono_now(), 20 * SEC, "read-only owner");
	sql("SET GLOBAL read_only = 0");
	(void)expect(watch, MYCHECK_OK, mono_now(), 20 * SEC, "writable owner");
}

static void the_user_s_query_decides_too(void **state)
{
	struct mycheck_config changed = config;
	struct watch *watch = *state;
	const struct heard *heard;

	changed.query = "SELECT @@global.max_error_count > 0";
	reopen(watch, &changed);
	(void)expect(watch, MYCHECK_OK, mono_now(), 20 * SEC, "query true");
	sql("SET GLOBAL max_error_count = 0");
	heard = expect(watch, MYCHECK_FAILED, mono_now(), 20 * SEC, "query false");
	assert_non_null(strstr(heard->result.evidence, "empty, null or 0"));
	changed.query = "SELECT nothing FROM nowhere.at_all";
	reopen(watch, &changed);
	(void)expect(watch, MYCHECK_FAILED, mono_now(), 20 * SEC, "query refused");
}

static void a_write_probe_without_its_table_proves_nothing_and_with_it_it_writes(void **state)
{
	struct mycheck_config changed = config;
	struct watch *watch = *state;

	changed.write_probe = true;
	changed.node = "n1";
	reopen(watch, &changed);
	(void)expect(watch, MYCHECK_OK, mono_now(), 20 * SEC, "no write where it does not act");
	mycheck_set_role(watch->check, MYCHECK_ACTING);
	(void)expect(watch, MYCHECK_AUTH, mono_now(), 20 * SEC, "no table");
	sql("CREATE DATABASE zonevip");
	sql("CREATE TABLE zonevip.heartbeat (node VARCHAR(64) PRIMARY KEY, beat BIGINT)");
	sql("GRANT SELECT, INSERT, UPDATE ON zonevip.heartbeat TO zv_check@localhost");
	(void)expect(watch, MYCHECK_OK, mono_now(), 20 * SEC, "row written");
	sql("CREATE OR REPLACE TABLE zonevip.heartbeat (node VARCHAR(64) PRIMARY KEY, beat "
	    "TINYINT)");
	(void)expect(watch, MYCHECK_STALLED, mono_now(), 20 * SEC, "row refused");
	sql("DROP DATABASE zonevip");
}

static int read_only_now(struct watch *watch)
{
	struct mycheck_facts facts;

	mycheck_facts(watch->check, &facts);
	return facts.read_only;
}

static void orders_without_the_right_are_refused_and_with_it_done(void **state)
{
	struct mycheck_order given = {.type = MYCHECK_FENCE, .op = 1};
	struct mycheck_config changed = config;
	struct watch *watch = *state;
	const struct mycheck_report *done;

	changed.replication = true;
	reopen(watch, &changed);
	given.deadline = mono_now() + 20 * SEC;
	done = order(watch, &given);
	assert_int_equal(done->outcome, OUTCOME_REFUSED);
	assert_non_null(strstr(done->text, "1227"));
	sql("GRANT READ_ONLY ADMIN, CONNECTION ADMIN, PROCESS, REPLICA MONITOR, "
	    "REPLICATION SLAVE ADMIN ON *.* TO zv_check@localhost");
	reopen(watch, &changed); /* rights are those of the login */
	(void)expect(watch, MYCHECK_OK, mono_now(), 20 * SEC, "new rights");
	given.op = 2;
	assert_int_equal(order(watch, &given)->outcome, OUTCOME_OK);
	assert_int_equal(read_only_now(watch), 1);
	given = (struct mycheck_order){
		.type = MYCHECK_PROMOTE, .op = 3, .deadline = mono_now() + 20 * SEC};
	assert_int_equal(order(watch, &given)->outcome, OUTCOME_OK);
	assert_int_equal(read_only_now(watch), 0);
	given = (struct mycheck_order){.type = MYCHECK_GATE,
				       .op = 4,
				       .policy = MYCHECK_REFUSE,
				       .wanted = "0-9-5",
				       .deadline = mono_now() + 20 * SEC};
	done = order(watch, &given);
	assert_int_equal(done->outcome, OUTCOME_REFUSED);
	assert_int_equal(done->lost, 5);
	given = (struct mycheck_order){
		.type = MYCHECK_PROMOTE, .op = 5, .deadline = mono_now() - 1};
	assert_int_equal(order(watch, &given)->outcome, OUTCOME_UNKNOWN); /* too late */
	given = (struct mycheck_order){.type = MYCHECK_FOLLOW,
				       .op = 6,
				       .host = {.family = AF_INET},
				       .port = 3306,
				       .theirs = "0-9-5",
				       .deadline = mono_now() + 20 * SEC};
	sql("SET GLOBAL gtid_slave_pos = '7-7-7'");
	done = order(watch, &given);
	assert_int_equal(done->outcome, OUTCOME_REFUSED);
	assert_non_null(strstr(done->text, "errant transactions: 7-7-1..7"));
}

static void a_fence_ends_the_sessions_of_clients(void **state)
{
	struct mycheck_order given = {
		.type = MYCHECK_FENCE, .op = 1, .deadline = mono_now() + 20 * SEC};
	struct watch *watch = *state;
	MYSQL *client = mysql_init(NULL);
	const struct mycheck_report *done;

	assert_non_null(client);
	sql("GRANT READ_ONLY ADMIN, CONNECTION ADMIN, PROCESS ON *.* TO zv_check@localhost");
	reopen(watch, &config);
	(void)expect(watch, MYCHECK_OK, mono_now(), 20 * SEC, "new rights");
	assert_non_null(mysql_real_connect(client, "localhost", "root", "", NULL, 0, sockpath, 0));
	assert_int_equal(mysql_query(client, "DO 1"), 0);
	done = order(watch, &given);
	assert_int_equal(done->outcome, OUTCOME_OK);
	assert_non_null(strstr(done->text, "1 sessions ended"));
	assert_int_not_equal(mysql_query(client, "DO 1"), 0);
	mysql_close(client);
	sql("SET GLOBAL read_only = 0");
	sql("REVOKE READ_ONLY ADMIN, CONNECTION ADMIN, PROCESS ON *.* FROM zv_check@localhost");
}

static int install(void)
{
	char data[160];
	char *argv[] = {"mariadb-install-db",
			"--no-defaults",
			"--user=mysql",
			data,
			"--auth-root-authentication-method=socket",
			"--skip-test-db",
			NULL};
	struct passwd *mysql = getpwnam("mysql");

	(void)snprintf(base, sizeof(base), "/tmp/zv-mycheck-XXXXXX");
	if (!mysql || geteuid() != 0 || !mkdtemp(base) || chmod(base, 0755) < 0 ||
	    chown(base, mysql->pw_uid, mysql->pw_gid) < 0)
		return -1;
	(void)snprintf(datadir, sizeof(datadir), "%s/data", base);
	(void)snprintf(sockpath, sizeof(sockpath), "%s/sock", base);
	(void)snprintf(data, sizeof(data), "--datadir=%s", datadir);
	if (run_wait(argv) != 0)
		return -1;
	start_server();
	sql("CREATE USER zv_check@localhost");
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		T(it_serves_and_is_asked_start_to_start),
		T(killing_our_session_is_no_bad_verdict),
		T(wait_timeout_is_no_bad_verdict),
		T(a_stopped_server_hangs_and_comes_back),
		T(killed_while_stopped_is_death_in_the_middle_of_a_check),
		T(kill_9_is_death_within_milliseconds_and_a_restart_is_ok),
		T(a_shutdown_is_death_at_once_and_never_ok_again),
		T(a_wrong_user_is_not_death_and_gets_a_hint),
		T(a_password_comes_from_a_private_file),
		T(read_only_is_a_verdict_only_where_writes_are_demanded),
		T(the_user_s_query_decides_too),
		T(a_write_probe_without_its_table_proves_nothing_and_with_it_it_writes),
		T(a_fence_ends_the_sessions_of_clients),
		T(orders_without_the_right_are_refused_and_with_it_done),
		T(a_full_server_is_alive),
	};
	char *remove[] = {"rm", "-rf", base, NULL};
	int ret;

	(void)alarm(240);
	(void)setenv("PATH", "/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin", 1);
	if (install() != 0) {
		printf("SKIP: no mariadbd to be had (not installed, or not root)\n");
		if (strlen(base) && base[strlen(base) - 1] != 'X')
			(void)run_wait(remove);
		return 77;
	}
	ret = cmocka_run_group_tests(tests, NULL, NULL);
	end_server(SIGKILL);
	(void)run_wait(remove);
	return ret;
}
