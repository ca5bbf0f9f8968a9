/* SPDX-License-Identifier: MIT */
/*
 * zonevipctl: the request lines it sends, the page it makes of the status
 * JSON, and how it ends when the daemon is away, hangs or says no.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <jansson.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "agent/ctl/ask.h"
#include "agent/ctl/ctl.h"
#include "agent/ctl/facts.h"
#include "agent/ctl/page.h"

#define NOBODY 65534

static json_t *fixture(const char *name)
{
	const char *top = getenv("top_srcdir");
	char path[512];
	json_error_t problem;
	json_t *status;

	(void)snprintf(path, sizeof(path), "%s/tests/unit/status/%s", top ? top : ".", name);
	status = json_load_file(path, 0, &problem);
	if (!status)
		fail_msg("%s: %s", path, problem.text);
	return status;
}

/* Owned by the caller. */
static char *page_of(const json_t *status, bool colour)
{
	struct err err = {""};
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	if (page_print(out, status, colour, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(fclose(out), 0);
	return text;
}

static void a_node_that_is_well_gives_this_page(void **state)
{
	static const char expected[] =
		"DB_Host1 in cluster orders-db: zonevipd 0.1.0, pid 812, up 2 h 03 min\n"
		"configuration /etc/zonevip/zonevip.conf, digest 0011aabb; loop at most 0.2 ms "
		"late\n"
		"\n"
		"MasterDB  MASTER for 12.3 s (confirmed)  10.1.5.5/32\n"
		"  owner     DB_Host1 (this node), term 7; priority 150 (base 150)\n"
		"  alias     10.1.5.5/32 on eth0 as eth0:1: present\n"
		"  route     rtb-0a1b to this node (eni-0aaa), 900 ms ago\n"
		"  route     rtb-0c2d to this node (eni-0aaa), 1.2 s ago\n"
		"  record    MasterDB_VIP = DB_Host1, version 7, 900 ms ago\n"
		"  agree     yes: alias, 2 routes and record say DB_Host1\n"
		"\n"
		"DB_Host1  around it\n"
		"  peer      DB_Host2 10.0.4.10: heard 40 ms ago, echoed 55 ms ago, rtt 0.3 ms, "
		"hears us\n"
		"  heartbeat 1200 sent, 1190 received\n"
		"  check     local up: OK, SELECT 1 in 0.1 ms, 120 ms ago, server pid 813\n"
		"  track     disk up: script, status 0, 412 ms ago\n"
		"  aws       us-east-1a i-0aaa eni-0aaa, credentials for 1 h 00 min, "
		"source/destination check off\n"
		"  notify    runner is there, 0 waiting, 2 sent; event 2: /etc/zonevip/notify.sh "
		"status 0 in 4 ms\n";
	json_t *status = fixture("well.json");
	char *text = page_of(status, false);

	(void)state;
	assert_string_equal(text, expected);
	free(text);
	json_decref(status);
}

static void a_node_in_trouble_names_every_problem(void **state)
{
	static const char *const lines[] = {
		"the last reload failed, the old configuration is used: "
		"/etc/zonevip/zonevip.conf:12:2: "
		"'prioritty': unknown word; did you mean 'priority'?\n",
		"\nMasterDB  FAULT for 1 h 02 min (check_failed)  10.1.5.5/32\n",
		"  alias     10.1.5.5/32 on eth0 as eth0:1: present, but not wanted\n",
		"  route     rtb-0a1b to DB_Host2 (eni-0bbb), 900 ms ago\n",
		"  route     rtb-0c2d to missing, never, denied: DescribeRouteTables: "
		"UnauthorizedOperation (HTTP 403)\n",
		"  record    MasterDB_VIP = DB_Host2, version 8, 900 ms ago, throttled: "
		"GetParameter: "
		"ThrottlingException (HTTP 400)\n",
		"  agree     NO: the alias is here; route rtb-0c2d is missing; the record names "
		"DB_Host2\n",
		"  eligible  no: check_failed; hold\n",
		"  flags     partitioned, unconfirmed\n",
		"  hold      55.0 s more until it may move back; 'zonevipctl ack' ends it\n",
		"  frozen    maintenance is on for 1 h 30 min, new kernel: ",
		"the state file in /var/lib/zonevip cannot be written: Read-only file system\n",
		"the journal in /var/lib/zonevip cannot be written, 17 s of it are lost: "
		"No space left on device\n",
		"  standby   on: ",
		"  peer      DB_Host2?[31m 10.0.4.10: heard never, echoed never, never heard, its "
		"configuration differs\n",
		"  heartbeat 1200 sent, 1190 received; dropped: bad_tag 31\n",
		"  check     local down: DEAD, process 813 exited???2J, 1.5 s ago\n",
		"  track     disk down: script, status 1, 412 ms ago\n",
		"  aws       this node is not known to AWS, source/destination check ON: packets "
		"to the "
		"VIP are dropped\n            no instance profile",
		"  notify    runner (zonevip-notify) is away, 3 waiting, 2 sent, 2 dropped; event "
		"9: "
		"/etc/zonevip/hooks/promote status -2 in 0 ms\n            /etc/zonevip/hooks is "
		"owned",
	};
	json_t *status = fixture("trouble.json");
	char *text = page_of(status, false);

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		if (!strstr(text, lines[i]))
			fail_msg("no line '%s' in:\n%s", lines[i], text);
	for (const char *c = text; *c; c++)
		assert_true((unsigned char)*c >= 0x20 || *c == '\n');
	free(text);
	json_decref(status);
}

static void colour_changes_no_word(void **state)
{
	static const char *const names[] = {"well.json", "trouble.json"};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		json_t *status = fixture(names[i]);
		char *plain = page_of(status, false);
		char *colour = page_of(status, true);
		char *out = colour;

		assert_null(strchr(plain, '\033'));
		assert_non_null(
			strstr(colour, i ? "\033[31mFAULT\033[0m" : "\033[32mMASTER\033[0m"));
		for (const char *in = colour; *in; in++) {
			if (*in == '\033')
				in += strcspn(in, "m");
			else
				*out++ = *in;
		}
		*out = '\0';
		assert_string_equal(colour, plain);
		free(plain);
		free(colour);
		json_decref(status);
	}
}

/* Takes out, one at a time, everything that can be taken out, and puts other
 * types in its place: the page has gaps, and that is all. */
static void damage(json_t *root, json_t *object)
{
	json_t *const others[] = {
		NULL,	      json_null(),  json_true(), json_integer(-1), json_string("x"),
		json_array(), json_object()};
	char keys[32][64];
	size_t count = 0;

	/* the keys first: taking out and putting back changes their order */
	for (void *at = json_object_iter(object); at; at = json_object_iter_next(object, at)) {
		assert_true(count < 32);
		(void)snprintf(keys[count++], sizeof(keys[0]), "%s", json_object_iter_key(at));
	}
	for (size_t k = 0; k < count; k++) {
		json_t *value = json_incref(json_object_get(object, keys[k]));

		if (json_is_object(value))
			damage(root, value);
		if (json_is_object(json_array_get(value, 0)))
			damage(root, json_array_get(value, 0));
		for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
			if (object == root && strcmp(keys[k], "version") == 0)
				break;
			if (others[i])
				(void)json_object_set(object, keys[k], others[i]);
			else
				(void)json_object_del(object, keys[k]);
			free(page_of(root, true));
		}
		(void)json_object_set_new(object, keys[k], value);
	}
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		json_decref(others[i]);
}

static void a_damaged_answer_makes_gaps_and_no_crash(void **state)
{
	json_t *status = fixture("trouble.json");
	json_t *least = json_pack("{s:i}", "version", PAGE_VERSION);

	(void)state;
	damage(status, status);
	free(page_of(least, false));
	json_decref(least);
	json_decref(status);
}

static void another_version_is_refused(void **state)
{
	json_t *status = json_pack("{s:i}", "version", 2);
	struct err err = {""};

	(void)state;
	assert_int_equal(page_print(stderr, status, false, &err), -1);
	assert_non_null(strstr(err.text, "version 2, this zonevipctl reads 1"));
	json_decref(status);
}

static void durations_read_well(void **state)
{
	(void)state;
	assert_string_equal(text_duration(0).s, "0 ms");
	assert_string_equal(text_duration(0.0404).s, "40 ms");
	assert_string_equal(text_duration(59.94).s, "59.9 s");
	assert_string_equal(text_duration(60).s, "1 min 00 s");
	assert_string_equal(text_duration(3599).s, "59 min 59 s");
	assert_string_equal(text_duration(3600).s, "1 h 00 min");
	assert_string_equal(text_duration(90000).s, "1 d 01 h");
}

/* What facts_compare() says when these three are so. */
static enum facts compare(bool alias, const char *route, const char *record, struct text *why)
{
	json_t *instance = json_pack("{s:{s:b}, s:{s:s}, s:[{s:s, s:s, s:s}]}", "alias", "present",
				     alias, "record", "value", record, "routes", "table", "rtb-1",
				     "points_at", route, "target", "eni-9");
	enum facts facts = facts_compare("A", instance, why);

	json_decref(instance);
	return facts;
}

static void the_three_facts_agree_only_if_all_name_one_node(void **state)
{
	struct text why;

	(void)state;
	assert_int_equal(compare(true, "self", "A", &why), FACTS_AGREE);
	assert_string_equal(why.s, "alias, 1 route and record say A");
	assert_int_equal(compare(false, "B", "B", &why), FACTS_AGREE);
	assert_int_equal(compare(false, "self", "A", &why), FACTS_DIFFER);
	assert_string_equal(why.s, "the alias is not here; the record names A");
	assert_int_equal(compare(true, "B", "B", &why), FACTS_DIFFER);
	assert_string_equal(why.s, "the alias is here; the record names B");
	assert_int_equal(compare(true, "B", "A", &why), FACTS_DIFFER);
	assert_string_equal(why.s, "route rtb-1 points at B; the record names A");
	assert_int_equal(compare(false, "self", "B", &why), FACTS_DIFFER);
	assert_string_equal(why.s, "route rtb-1 points at A; the record names B");
	assert_int_equal(compare(true, "missing", "A", &why), FACTS_DIFFER);
	assert_int_equal(compare(true, "other", "A", &why), FACTS_DIFFER);
	assert_string_equal(why.s, "route rtb-1 points at a stranger (eni-9); the record names A");
	assert_int_equal(compare(true, "unknown", "A", &why), FACTS_UNKNOWN);
	assert_string_equal(why.s, "route rtb-1 was not read");
	assert_int_equal(compare(true, "self", "", &why), FACTS_UNKNOWN);
	assert_string_equal(why.s, "the record was not read");
}

/* --- request lines ------------------------------------------------------------- */

/* The line for @command of @form with up to four arguments, or the error. */
static const char *line_of(const char *command, unsigned int form, char *const *arguments)
{
	const struct ctl_command entry = {.name = command, .form = form};
	static char line[CTL_LINE_MAX];
	static struct err err;

	err.text[0] = '\0';
	return ctl_compose(&entry, arguments, line, &err) < 0 ? err.text : line;
}

#define LINE(command, form, ...) line_of(command, form, (char *[]){__VA_ARGS__, NULL})

static void requests_are_the_lines_that_the_daemon_reads(void **state)
{
	const unsigned int move = CTL_INSTANCE | CTL_TO_FORCE;

	(void)state;
	assert_string_equal(LINE("json", CTL_PLAIN, NULL), "json");
	assert_string_equal(LINE("status", CTL_JSON, "--json"), "status");
	assert_string_equal(LINE("why", CTL_NAME, NULL), "why");
	assert_string_equal(LINE("why", CTL_NAME, "MasterDB"), "why MasterDB");
	assert_string_equal(LINE("ack", CTL_INSTANCE, "MasterDB"), "ack instance=MasterDB");
	assert_string_equal(LINE("switchover", move, NULL), "switchover");
	assert_string_equal(LINE("switchover", move, "M", "--to", "B", "--force"),
			    "switchover instance=M to=B force");
	assert_string_equal(LINE("switchover", move, "--dry-run"), "switchover dry");
	assert_string_equal(LINE("switchover", move, "--to=B"), "switchover to=B");
	assert_string_equal(LINE("standby", CTL_ON_OFF | CTL_INSTANCE, "on"), "standby on");
	assert_string_equal(LINE("maintenance", CTL_ON_OFF | CTL_INSTANCE | CTL_FOR, "on",
				 "--reason", "new kernel, at last", "M", "--for=2h"),
			    "maintenance on instance=M for=7200 reason=new kernel, at last");
	assert_string_equal(LINE("maintenance", CTL_ON_OFF | CTL_FOR, "on", "--for", "90"),
			    "maintenance on for=90");
	assert_string_equal(LINE("maintenance", CTL_ON_OFF | CTL_FOR, "on", "--for", "30d"),
			    "maintenance on for=2592000");
	assert_string_equal(LINE("standby", CTL_ON_OFF | CTL_INSTANCE, "off", "M"),
			    "standby off instance=M");
	assert_string_equal(LINE("stop", CTL_KEEP, "--keep"), "stop keep");
}

static void bad_arguments_are_usage_errors(void **state)
{
	const unsigned int move = CTL_INSTANCE | CTL_TO_FORCE;
	char long_name[CTL_NAME_MAX + 2];

	(void)state;
	memset(long_name, 'a', sizeof(long_name));
	long_name[sizeof(long_name) - 1] = '\0';
	assert_string_equal(LINE("reload", CTL_PLAIN, "x"), "reload: 'x' is one argument too many");
	assert_string_equal(LINE("ack", CTL_INSTANCE, "x", "y"),
			    "ack: 'y' is one argument too many");
	assert_string_equal(LINE("standby", CTL_ON_OFF, NULL), "standby: say 'on' or 'off'");
	assert_string_equal(LINE("standby", CTL_ON_OFF, "maybe"), "standby: say 'on' or 'off'");
	static const char *const times[] = {
		"", "h", "2w", "2hh", "31d", "-1", "1.5h", "0", "99999999999999999"};
	for (size_t t = 0; t < sizeof(times) / sizeof(times[0]); t++)
		assert_string_equal(
			LINE("maintenance", CTL_ON_OFF | CTL_FOR, "on", "--for", (char *)times[t]),
			"--for takes a time up to 30 days: 45s, 30m, 2h or 1d");
	assert_string_equal(LINE("maintenance", CTL_ON_OFF | CTL_FOR, "on", "--for"),
			    "--for takes a time up to 30 days: 45s, 30m, 2h or 1d");
	assert_string_equal(LINE("maintenance", CTL_ON_OFF | CTL_FOR, "on", "--reason", "a\nb"),
			    "--reason takes printable ASCII only");
	assert_string_equal(LINE("maintenance", CTL_ON_OFF | CTL_FOR, "on", "--reason", ""),
			    "--reason takes 1 to 127 characters");
	assert_string_equal(LINE("switchover", move, "--to"), "--to needs the name of a node");
	assert_string_equal(LINE("switchover", move, "--too"), "switchover has no option '--too'");
	assert_string_equal(LINE("stop", CTL_KEEP, "--force"), "stop has no option '--force'");
	assert_string_equal(LINE("stop", CTL_KEEP, "--dry-run"), "stop has no option '--dry-run'");
	/* nothing that could become another request */
	assert_non_null(strstr(LINE("ack", CTL_INSTANCE, "a\nstop"), "no spaces"));
	assert_non_null(strstr(LINE("ack", CTL_INSTANCE, "a b"), "no spaces"));
	assert_non_null(strstr(LINE("switchover", move, "--to=a b"), "no spaces"));
	assert_non_null(strstr(LINE("switchover", move, "to=b"), "'='"));
	assert_non_null(strstr(LINE("ack", CTL_INSTANCE, ""), "1 to 63"));
	assert_non_null(strstr(LINE("ack", CTL_INSTANCE, long_name), "1 to 63"));
}

/* --- the conversation ------------------------------------------------------------ */

static char dir[64];
static char path[80];

static int set_up(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/zv-ctl-XXXXXX");
	assert_non_null(mkdtemp(dir));
	(void)snprintf(path, sizeof(path), "%s/sock", dir);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	(void)unlink(path);
	assert_int_equal(rmdir(dir), 0);
	return 0;
}

static int listener(void)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	strcpy(sun.sun_path, path);
	assert_int_equal(bind(fd, (struct sockaddr *)&sun, sizeof(sun)), 0);
	assert_int_equal(listen(fd, 1), 0);
	return fd;
}

/* A daemon in a child process that answers once, after reading @read_first
 * bytes; -1: takes the connection and hangs. */
static pid_t daemon_says(const char *answer, int read_first)
{
	int fd = listener();
	pid_t pid = fork();
	char request[128];
	int client;

	if (pid > 0) {
		close(fd);
		return pid;
	}
	alarm(20);
	client = accept(fd, NULL, NULL);
	if (read_first < 0)
		(void)pause();
	if (read_first > 0)
		(void)!read(client, request, sizeof(request));
	for (; *answer; answer++)
		(void)!write(client, answer, 1); /* in pieces */
	_exit(0);
}

static enum ctl_exit ask_now(const char *line, struct buf *reply, struct err *err)
{
	buf_init(reply, CTL_REPLY_MAX);
	err->text[0] = '\0';
	return ask(path, line, reply, err);
}

static void expect(const char *answer, int read_first, enum ctl_exit code, const char *text)
{
	struct buf reply;
	struct err err;
	pid_t pid = daemon_says(answer, read_first);

	assert_int_equal(ask_now("status", &reply, &err), code);
	assert_string_equal(code == CTL_OK ? reply.data : err.text, text);
	(void)kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	buf_free(&reply);
	(void)unlink(path);
}

static void answers_and_refusals_have_their_exit_codes(void **state)
{
	(void)state;
	expect("OK handing over\n", 1, CTL_OK, "OK handing over");
	expect("line one\nline two\n\n", 1, CTL_OK, "line one\nline two");
	expect("ERROR this node is not MASTER\n", 1, CTL_REFUSED, "this node is not MASTER");
	expect("ERROR not permitted: commands are for root\n", 1, CTL_PERMISSION,
	       "not permitted: commands are for root");
	/* refused before it had read anything */
	expect("ERROR busy: too many clients\n", 0, CTL_REFUSED, "busy: too many clients");
}

static void a_daemon_that_is_away_is_told_with_the_way_to_start_it(void **state)
{
	struct buf reply;
	struct err err;
	int fd;

	(void)state;
	assert_int_equal(ask_now("status", &reply, &err), CTL_NOT_RUNNING);
	assert_non_null(
		strstr(err.text, "zonevipd is not running; start it with 'systemctl start "));
	fd = listener();
	close(fd); /* a dead daemon's socket */
	assert_int_equal(ask_now("status", &reply, &err), CTL_NOT_RUNNING);
	assert_non_null(strstr(err.text, "zonevipd is not running"));
	(void)unlink(path);
	fd = creat(path, 0600);
	close(fd);
	assert_int_equal(ask_now("status", &reply, &err), CTL_NOT_RUNNING);
}

static void a_socket_that_may_not_be_opened_is_a_matter_of_permission(void **state)
{
	int fd;
	int status;
	pid_t pid;

	(void)state;
	if (geteuid() != 0)
		skip();
	fd = listener();
	assert_int_equal(chmod(dir, 0755), 0);
	assert_int_equal(chmod(path, 0660), 0);
	pid = fork();
	if (pid == 0) {
		struct buf reply;
		struct err err;

		if (setgroups(0, NULL) < 0 || setresgid(NOBODY, NOBODY, NOBODY) < 0 ||
		    setresuid(NOBODY, NOBODY, NOBODY) < 0)
			_exit(99);
		_exit((int)ask_now("status", &reply, &err));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	close(fd);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), CTL_PERMISSION);
}

static void a_hanging_daemon_is_given_up_in_time(void **state)
{
	struct buf reply;
	struct err err;
	mono_us start = mono_now();
	pid_t pid = daemon_says("", -1);

	(void)state;
	assert_int_equal(ask_now("status", &reply, &err), CTL_TIMEOUT);
	assert_in_range((mono_now() - start) / MSEC, 4900, 30000);
	(void)kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	buf_free(&reply);
}

#define SERVED(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_node_that_is_well_gives_this_page),
		cmocka_unit_test(a_node_in_trouble_names_every_problem),
		cmocka_unit_test(colour_changes_no_word),
		cmocka_unit_test(a_damaged_answer_makes_gaps_and_no_crash),
		cmocka_unit_test(another_version_is_refused),
		cmocka_unit_test(durations_read_well),
		cmocka_unit_test(the_three_facts_agree_only_if_all_name_one_node),
		cmocka_unit_test(requests_are_the_lines_that_the_daemon_reads),
		cmocka_unit_test(bad_arguments_are_usage_errors),
		SERVED(answers_and_refusals_have_their_exit_codes),
		SERVED(a_daemon_that_is_away_is_told_with_the_way_to_start_it),
		SERVED(a_socket_that_may_not_be_opened_is_a_matter_of_permission),
		SERVED(a_hanging_daemon_is_given_up_in_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
