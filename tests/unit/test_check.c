/* SPDX-License-Identifier: MIT */
/*
 * What check_zonevip makes of a status, from the documents that are held
 * against the schema.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/ctl/check.h"

static json_t *status;
static struct text line;
static struct text numbers;

static json_t *read_status(const char *name)
{
	const char *top = getenv("top_srcdir");
	char path[512];

	(void)snprintf(path, sizeof(path), "%s/tests/unit/status/%s.json", top ? top : ".", name);
	return json_load_file(path, 0, NULL);
}

static int setup(void **state)
{
	(void)state;
	status = read_status("well");
	return status ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	json_decref(status);
	return 0;
}

static json_t *first(const char *array)
{
	return json_array_get(json_object_get(status, array), 0);
}

static void expect(enum check_level level, const char *word)
{
	enum check_level found = check_status(status, NULL, &line, &numbers);

	if (found != level || !strstr(line.s, word))
		fail_msg("%s - %s", check_level_name(found), line.s);
}

static void set(json_t *object, const char *key, json_t *value)
{
	assert_int_equal(json_object_set_new(object, key, value), 0);
}

static void a_node_that_is_well_is_ok(void **state)
{
	(void)state;
	expect(CHECK_OK, "MasterDB MASTER: alias, 2 routes and record say DB_Host1");
	assert_non_null(strstr(numbers.s, "'MasterDB_state'=2 'MasterDB_term'=7"));
	assert_non_null(strstr(numbers.s, "'DB_Host2_rtt'=0.000310s"));
}

static void a_fault_is_critical(void **state)
{
	(void)state;
	set(first("instances"), "state_name", json_string("FAULT"));
	set(first("instances"), "reason", json_string("check failed"));
	expect(CHECK_CRITICAL, "MasterDB FAULT (check failed)");
}

static void a_spare_that_could_not_take_over_is_a_warning(void **state)
{
	(void)state;
	set(first("instances"), "not_eligible_because", json_pack("[s]", "hold"));
	expect(CHECK_WARNING, "could not take the VIP: hold");
}

static void facts_that_differ_are_critical_once_the_master_has_settled(void **state)
{
	json_t *route = json_array_get(json_object_get(first("instances"), "routes"), 0);

	(void)state;
	set(route, "points_at", json_string("missing"));
	set(first("instances"), "since_s", json_real(3));
	expect(CHECK_WARNING, "route rtb-0a1b is missing");
	set(first("instances"), "since_s", json_real(60));
	expect(CHECK_CRITICAL, "route rtb-0a1b is missing");
}

static void flags_are_told_apart(void **state)
{
	(void)state;
	set(first("instances"), "flags", json_pack("[s]", "partitioned"));
	expect(CHECK_WARNING, "MasterDB partitioned");
	set(first("instances"), "flags", json_pack("[ss]", "partitioned", "degraded"));
	expect(CHECK_CRITICAL, "MasterDB degraded; MasterDB partitioned");
}

static void a_peer_that_is_not_heard_is_a_warning(void **state)
{
	(void)state;
	set(first("peers"), "proven", json_false());
	expect(CHECK_WARNING, "peer DB_Host2 is not heard");
}

static void a_failed_reload_and_a_missing_runner_are_warnings(void **state)
{
	(void)state;
	set(json_object_get(status, "config"), "reload_error", json_string("line 3"));
	expect(CHECK_WARNING, "the last reload failed: line 3");
	set(json_object_get(status, "notify"), "connected", json_false());
	expect(CHECK_WARNING, "zonevip-notify is not there");
}

static void what_others_say_cannot_forge_numbers(void **state)
{
	(void)state;
	set(json_object_get(status, "aws"), "problem", json_string("a | b\nc"));
	expect(CHECK_WARNING, "AWS: a / b?c");
	assert_null(strchr(line.s, '|'));
}

static void one_instance_can_be_asked_for(void **state)
{
	(void)state;
	assert_int_equal(check_status(status, "MasterDB", &line, &numbers), CHECK_OK);
	assert_int_equal(check_status(status, "Reports", &line, &numbers), CHECK_UNKNOWN);
	assert_non_null(strstr(line.s, "no instance Reports"));
}

static void an_empty_document_is_not_ok(void **state)
{
	(void)state;
	json_decref(status);
	status = json_object();
	expect(CHECK_UNKNOWN, "no instance at all");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		T(a_node_that_is_well_is_ok),
		T(a_fault_is_critical),
		T(a_spare_that_could_not_take_over_is_a_warning),
		T(facts_that_differ_are_critical_once_the_master_has_settled),
		T(flags_are_told_apart),
		T(a_peer_that_is_not_heard_is_a_warning),
		T(a_failed_reload_and_a_missing_runner_are_warnings),
		T(what_others_say_cannot_forge_numbers),
		T(one_instance_can_be_asked_for),
		T(an_empty_document_is_not_ok),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
