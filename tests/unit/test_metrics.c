/* SPDX-License-Identifier: MIT */
/*
 * The Prometheus form of the status, from the documents that the schema's test
 * holds against the schema: the rules of the format, and some facts.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/metrics.h"

#define LINES_MAX 2000

static struct buf out;
static char *lines[LINES_MAX];
static size_t line_count;

/* The lines of @name.json's metrics. */
static json_t *read_status(const char *name)
{
	const char *top = getenv("top_srcdir");
	char path[512];
	json_t *status;
	json_error_t error;

	(void)snprintf(path, sizeof(path), "%s/tests/unit/status/%s.json", top ? top : ".", name);
	status = json_load_file(path, 0, &error);
	if (!status)
		fail_msg("%s: %s", path, error.text);
	return status;
}

static void print(json_t *status)
{
	buf_init(&out, (size_t)1 << 20);
	assert_int_equal(metrics_print(status, &out), 0);
	json_decref(status);
	line_count = 0;
	for (char *line, *rest = out.data; (line = strtok_r(rest, "\n", &rest));)
		lines[line_count++] = line;
}

static bool has(const char *line)
{
	for (size_t i = 0; i < line_count; i++)
		if (strcmp(lines[i], line) == 0)
			return true;
	return false;
}

static int teardown(void **state)
{
	(void)state;
	buf_free(&out);
	return 0;
}

static bool ends(const char *text, size_t length, const char *end)
{
	return length >= strlen(end) && strncmp(text + length - strlen(end), end, strlen(end)) == 0;
}

/* Every sample belongs to the head before it, counters are called so, no series is there twice. */
static void assert_format(void)
{
	char name[128] = "";
	char type[16] = "";

	for (size_t i = 0; i < line_count; i++) {
		size_t length = strcspn(lines[i], "{ ");

		if (sscanf(lines[i], "# HELP %127s", name) == 1)
			continue;
		if (lines[i][0] == '#') {
			char again[128];

			assert_int_equal(sscanf(lines[i], "# TYPE %127s %15s", again, type), 2);
			assert_string_equal(again, name);
			assert_int_equal(strcmp(type, "counter") == 0,
					 ends(name, strlen(name), "_total"));
			continue;
		}
		if (strncmp(lines[i], name, strlen(name)) != 0)
			fail_msg("%s stands under %s", lines[i], name);
		if (strcmp(type, "histogram") != 0)
			assert_int_equal(length, strlen(name));
		for (size_t j = 0; j < i; j++) {
			size_t key = (size_t)(strrchr(lines[i], ' ') - lines[i]);

			if (strncmp(lines[i], lines[j], key + 1) == 0)
				fail_msg("twice: %s", lines[i]);
		}
	}
}

static void the_format_holds_for_a_node_that_is_well(void **state)
{
	(void)state;
	print(read_status("well"));
	assert_true(line_count > 150);
	assert_format();
}

static void the_format_holds_for_a_node_in_trouble(void **state)
{
	(void)state;
	print(read_status("trouble"));
	assert_format();
}

static void the_facts_are_those_of_the_document(void **state)
{
	(void)state;
	print(read_status("well"));
	assert_true(has("zonevip_state{vip_instance=\"MasterDB\",state=\"MASTER\"} 1"));
	assert_true(has("zonevip_state{vip_instance=\"MasterDB\",state=\"BACKUP\"} 0"));
	assert_true(has("zonevip_vip_present{vip_instance=\"MasterDB\"} 1"));
	assert_true(has("zonevip_record_version{vip_instance=\"MasterDB\"} 7"));
	assert_true(has("zonevip_route_ours{vip_instance=\"MasterDB\",table=\"rtb-0a1b\","
			"destination=\"10.1.5.5\"} 1"));
	assert_true(has("zonevip_route_age_seconds{vip_instance=\"MasterDB\",table=\"rtb-0c2d\","
			"destination=\"10.1.5.5\"} 1.25"));
	assert_true(has("zonevip_peer_rtt_seconds{peer=\"DB_Host2\"} 0.00031"));
	assert_true(has("zonevip_check_verdict{check=\"local\",verdict=\"OK\"} 1"));
	assert_true(has("zonevip_aws_calls_total{action=\"GetParameter\"} 3"));
	assert_true(has("zonevip_config_reload_failed 0"));
}

static void histograms_are_cumulated(void **state)
{
	(void)state;
	print(read_status("well"));
#define BUCKET(stage, le)                                                                          \
	"zonevip_stage_duration_seconds_bucket{stage=\"" stage "\",le=\"" le "\"} "
	assert_true(has(BUCKET("route", "0.005") "0"));
	assert_true(has(BUCKET("route", "0.01") "1"));
	assert_true(has(BUCKET("route", "0.025") "2"));
	assert_true(has(BUCKET("route", "30") "2"));
	assert_true(has(BUCKET("route", "+Inf") "2"));
	assert_true(has("zonevip_stage_duration_seconds_sum{stage=\"route\"} 0.031"));
	assert_true(has("zonevip_stage_duration_seconds_count{stage=\"route\"} 2"));
}

static void labels_are_escaped(void **state)
{
	json_t *status = read_status("well");
	json_t *peer = json_array_get(json_object_get(status, "peers"), 0);

	(void)state;
	(void)json_object_set_new(peer, "name", json_string("a\"b\\c\nd"));
	print(status);
	assert_true(has("zonevip_peer_heard{peer=\"a\\\"b\\\\c d\"} 1"));
}

static void what_is_not_known_is_left_out(void **state)
{
	json_t *status = read_status("well");
	json_t *peer = json_array_get(json_object_get(status, "peers"), 0);

	(void)state;
	(void)json_object_set_new(peer, "heard_ms", json_null());
	print(status);
	for (size_t i = 0; i < line_count; i++)
		assert_null(strstr(lines[i], "zonevip_peer_heard_age_seconds{"));
	buf_free(&out);
	print(json_object()); /* and an empty document is no reason to fall over */
	assert_format();
}

static void a_full_buffer_is_an_error(void **state)
{
	json_t *status = read_status("well");

	(void)state;
	buf_init(&out, 1000);
	assert_int_equal(metrics_print(status, &out), -1);
	json_decref(status);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_teardown(name, teardown)
		T(the_format_holds_for_a_node_that_is_well),
		T(the_format_holds_for_a_node_in_trouble),
		T(the_facts_are_those_of_the_document),
		T(histograms_are_cumulated),
		T(labels_are_escaped),
		T(what_is_not_known_is_left_out),
		T(a_full_buffer_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
