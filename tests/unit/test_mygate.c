/* SPDX-License-Identifier: MIT */
/*
 * The gate's table of doc/mysql.md, one look at a time; and the note that
 * carries a position.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "agent/myorder.h"
#include "agent/position.h"

#define START (100 * SEC)

static struct mycheck_order order;
static struct mycheck_facts facts;
static struct mygate_watch watch;
static struct mycheck_report report;

/* A replica that has applied all it received, of an owner that is dead. */
static int setup(void **state)
{
	(void)state;
	order = (struct mycheck_order){.type = MYCHECK_GATE,
				       .policy = MYCHECK_WAIT,
				       .deadline = START + 5 * SEC,
				       .wanted = "0-21-100"};
	facts = (struct mycheck_facts){.known = true,
				       .replica = true,
				       .io_running = true,
				       .sql_running = true,
				       .executed = "0-21-100",
				       .received = "0-21-100"};
	watch = (struct mygate_watch){.began = START, .moved = START};
	memset(&report, 0, sizeof(report));
	return 0;
}

static enum mygate look(mono_us after)
{
	return mygate_look(&order, &facts, &watch, START + after, &report);
}

static void executed(const char *text)
{
	(void)snprintf(facts.executed, sizeof(facts.executed), "%s", text);
}

static void received(const char *text)
{
	(void)snprintf(facts.received, sizeof(facts.received), "%s", text);
}

static void what_has_everything_is_let_through_at_once_by_every_policy(void **state)
{
	(void)state;
	for (int policy = MYCHECK_CLAIM; policy <= MYCHECK_REFUSE; policy++) {
		order.policy = (enum mycheck_policy)policy;
		assert_int_equal(look(0), MYGATE_OPEN);
		assert_int_equal(report.outcome, OUTCOME_OK);
		assert_int_equal(report.lost, 0);
	}
}

static void what_was_received_is_waited_for_and_then_the_policy_speaks(void **state)
{
	(void)state;
	executed("0-21-90");
	for (int policy = MYCHECK_CLAIM; policy <= MYCHECK_REFUSE; policy++) {
		order.policy = (enum mycheck_policy)policy;
		assert_int_equal(look(0), MYGATE_ASK_AGAIN);
		assert_int_equal(look(4 * SEC), MYGATE_ASK_AGAIN);
		assert_int_equal(look(5 * SEC),
				 policy == MYCHECK_CLAIM ? MYGATE_OPEN : MYGATE_SHUT);
		assert_int_equal(report.lost, 10);
		assert_non_null(strstr(report.text, "10 transactions received are not applied"));
	}
	executed("0-21-100");
	assert_int_equal(look(4 * SEC), MYGATE_OPEN);
}

static void applying_that_has_stopped_is_not_waited_for(void **state)
{
	(void)state;
	executed("0-21-90");
	facts.sql_running = false;
	(void)snprintf(facts.problem, sizeof(facts.problem), "Duplicate entry");
	assert_int_equal(look(0), MYGATE_SHUT);
	assert_non_null(strstr(report.text, "applying has stopped: Duplicate entry"));
	order.policy = MYCHECK_CLAIM;
	assert_int_equal(look(0), MYGATE_OPEN);
}

static void what_a_dead_owner_never_sent_is_lost_unless_that_is_refused(void **state)
{
	(void)state;
	(void)snprintf(order.wanted, sizeof(order.wanted), "0-21-103");
	assert_int_equal(look(0), MYGATE_ASK_AGAIN); /* some may be on the way */
	assert_int_equal(look(SEC), MYGATE_OPEN);    /* no longer: quiet for a while */
	assert_int_equal(report.lost, 3);
	assert_non_null(strstr(report.text, "up to 3 transactions"));
	order.policy = MYCHECK_REFUSE;
	assert_int_equal(look(SEC), MYGATE_SHUT);
	assert_int_equal(report.outcome, OUTCOME_REFUSED);
}

static void more_that_arrives_prolongs_the_wait(void **state)
{
	(void)state;
	(void)snprintf(order.wanted, sizeof(order.wanted), "0-21-103");
	assert_int_equal(look(0), MYGATE_ASK_AGAIN);
	received("0-21-101");
	executed("0-21-101");
	assert_int_equal(look(SEC), MYGATE_ASK_AGAIN);
	assert_int_equal(look(2 * SEC), MYGATE_OPEN);
	assert_int_equal(report.lost, 2);
}

static void from_an_owner_that_is_alive_nothing_may_be_missing(void **state)
{
	(void)state;
	order.source_alive = true;
	(void)snprintf(order.wanted, sizeof(order.wanted), "0-21-103");
	assert_int_equal(look(3 * SEC), MYGATE_ASK_AGAIN); /* however quiet: it is on its way */
	facts.io_running = false;
	assert_int_equal(look(3 * SEC), MYGATE_SHUT);
	order.policy = MYCHECK_CLAIM;
	assert_int_equal(look(3 * SEC), MYGATE_OPEN);
	order.wanted[0] = '\0';
	order.policy = MYCHECK_WAIT;
	assert_int_equal(look(3 * SEC), MYGATE_SHUT);
	assert_non_null(strstr(report.text, "not known"));
}

static void what_cannot_be_read_is_refused_unless_the_policy_is_to_claim(void **state)
{
	(void)state;
	facts.known = false;
	assert_int_equal(look(0), MYGATE_ASK_AGAIN);
	(void)snprintf(facts.problem, sizeof(facts.problem), "1227 Access denied");
	assert_int_equal(look(0), MYGATE_SHUT);
	assert_string_equal(report.text, "1227 Access denied");
	order.policy = MYCHECK_CLAIM;
	assert_int_equal(look(0), MYGATE_OPEN);
	facts.known = true;
	order.policy = MYCHECK_WAIT;
	received("nonsense");
	assert_int_equal(look(0), MYGATE_SHUT);
}

static void mysql_s_sets_are_counted_across_executed_and_received(void **state)
{
	(void)state;
	executed("3e11fa47-71ca-11e1-9e33-c80aa9429562:1-90");
	received("3e11fa47-71ca-11e1-9e33-c80aa9429562:91-95");
	(void)snprintf(order.wanted, sizeof(order.wanted),
		       "3e11fa47-71ca-11e1-9e33-c80aa9429562:1-100");
	assert_int_equal(look(0), MYGATE_ASK_AGAIN);
	executed("3e11fa47-71ca-11e1-9e33-c80aa9429562:1-95");
	assert_int_equal(look(SEC), MYGATE_OPEN);
	assert_int_equal(report.lost, 5);
}

static void a_position_survives_the_wire_and_nothing_else_does(void **state)
{
	struct position sent = {.flags = POSITION_SERVES | POSITION_FINAL,
				.track = 0x1234,
				.term = 1ULL << 40,
				.lag_s = -1,
				.executed = "0-21-100"};
	struct position heard;
	uint8_t note[POSITION_MAX];
	size_t length = position_write(&sent, note);

	(void)state;
	assert_int_equal(length, 16 + 8);
	assert_true(position_read(note, length, &heard));
	assert_memory_equal(&heard, &sent, sizeof(sent));
	assert_false(position_read(note, 15, &heard));
	assert_false(position_read(note, sizeof(note) + 1, &heard));
	note[20] = '\n';
	assert_false(position_read(note, length, &heard));
	note[20] = '-';
	note[0] = 2;
	assert_false(position_read(note, length, &heard));
	memset(sent.executed, '1', sizeof(sent.executed) - 1);
	length = position_write(&sent, note);
	assert_true(length <= sizeof(note));
	assert_true(position_read(note, length, &heard));
	assert_string_equal(heard.executed, sent.executed);
}

#define T(name) cmocka_unit_test_setup(name, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(what_has_everything_is_let_through_at_once_by_every_policy),
		T(what_was_received_is_waited_for_and_then_the_policy_speaks),
		T(applying_that_has_stopped_is_not_waited_for),
		T(what_a_dead_owner_never_sent_is_lost_unless_that_is_refused),
		T(more_that_arrives_prolongs_the_wait),
		T(from_an_owner_that_is_alive_nothing_may_be_missing),
		T(what_cannot_be_read_is_refused_unless_the_policy_is_to_claim),
		T(mysql_s_sets_are_counted_across_executed_and_received),
		T(a_position_survives_the_wire_and_nothing_else_does),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
