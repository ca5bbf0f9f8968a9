/* SPDX-License-Identifier: MIT */
/*
 * A tape of a node's life in the simulator's world, replayed: the same
 * transitions, and a difference is seen.
 */
#define _GNU_SOURCE
#include "tests/unit/core_world.h"

#include <stdlib.h>

#include "agent/tape/replay.h"
#include "agent/tape/tape.h"

/* A recorder as agent/memory.c is one, into memory. */
struct recorder {
	struct buf file;
	struct buf pending;
	struct tape_block block;
	uint64_t number;
	mono_us begun;
	unsigned int host;
	unsigned int transitions;
	bool open;
};

static struct recorder rec;

static const char *const instance_names[] = {"MasterDB", "Second", "Third"};

static void seal(enum journal_kind kind, const struct buf *payload)
{
	uint8_t header[JOURNAL_HEADER];

	journal_seal(header, kind, ++rec.number, payload->data, (uint32_t)payload->length);
	assert_int_equal(buf_append(&rec.file, header, sizeof(header)), 0);
	assert_int_equal(buf_append(&rec.file, payload->data, payload->length), 0);
}

static void end_block(void)
{
	if (rec.pending.length > 0)
		seal(JOURNAL_EVENTS, &rec.pending);
	buf_clear(&rec.pending);
}

static void head(struct world *world, enum tape_cause cause)
{
	static const struct tape_names names = {.program = "test 1",
						.cluster = "lab",
						.nodes = {"alpha", "beta", "gamma", "delta", "eta"},
						.tracks = {"mysqld"},
						.instances = instance_names};
	struct tape_stamp stamp = {.cause = cause,
				   .now = world_clock(world, rec.host),
				   .wall_us = 1700000000 * SEC + world->now};
	struct buf out;

	end_block();
	buf_init(&out, 1 << 20);
	assert_int_equal(tape_head(&out, &world->hosts[rec.host].core, &names, &stamp), 0);
	seal(JOURNAL_HEAD, &out);
	buf_free(&out);
}

/* Sees every step before its actions are carried out. */
static const char *tape_witness(struct world *world, unsigned int host, const struct event *ev,
				const struct actions *out, void *arg)
{
	mono_us now = world_clock(world, host);

	if (host != rec.host || !rec.open)
		return witness(world, host, ev, out, arg);
	if (rec.pending.length == 0) {
		rec.begun = now;
		(void)tape_begin(&rec.block, &rec.pending, now, 1700000000 * SEC + world->now);
	}
	(void)tape_event(&rec.block, &rec.pending, now, ev);
	for (unsigned int a = 0; a < out->count; a++)
		if (out->items[a].type == ACT_STATE) {
			(void)tape_state(&rec.pending, &out->items[a]);
			rec.transitions++;
		}
	if (now - rec.begun > SEC)
		end_block();
	return witness(world, host, ev, out, arg);
}

static void start(struct world *world, unsigned int host)
{
	buf_free(&rec.file);
	buf_free(&rec.pending);
	rec = (struct recorder){.host = host, .open = true};
	buf_init(&rec.file, 64 << 20);
	buf_init(&rec.pending, 1 << 20);
	world->witness = tape_witness;
	head(world, TAPE_STARTED);
}

static enum replay_result replay_all(struct replay_summary *summary, FILE *out, bool all)
{
	struct err err = {.text = ""};
	enum replay_result result;

	end_block();
	result = replay_bytes((const uint8_t *)rec.file.data, rec.file.length, all, out, summary,
			      &err);
	if (result == REPLAY_NOTHING)
		fail_msg("%s", err.text);
	return result;
}

static void assert_same(void)
{
	FILE *nowhere = fopen("/dev/null", "w");
	struct replay_summary summary;

	assert_non_null(nowhere);
	assert_int_equal(replay_all(&summary, nowhere, true), REPLAY_SAME);
	assert_int_equal(summary.transitions, rec.transitions);
	assert_int_equal(summary.compared, rec.transitions);
	assert_int_equal(summary.gaps, 0);
	assert_int_equal(summary.skipped, 0);
	(void)fclose(nowhere);
}

/* A life with everything in it; ends with 'a' as MASTER again. */
static void eventful(struct world *world)
{
	pass(world, 5 * SEC);
	world_check(world, A, HEALTH_RESULT_DEAD);
	pass(world, 5 * SEC);
	world_check(world, A, HEALTH_RESULT_GOOD);
	command(world, A, CMD_ACK, -1);
	pass(world, 5 * SEC);
	command(world, B, CMD_SWITCHOVER, A);
	pass(world, 5 * SEC);
	world_cut(world, A, B, true);
	pass(world, 10 * SEC);
	ssm(world, A, false);
	pass(world, 20 * SEC);
	ssm(world, A, true);
	world_cut(world, A, B, false);
	pass(world, 10 * SEC);
	command(world, A, CMD_STANDBY_ON, -1);
	pass(world, 3 * SEC);
	command(world, A, CMD_STANDBY_OFF, -1);
	command(world, A, CMD_FREEZE_ON, -1);
	pass(world, 3 * SEC);
	command(world, A, CMD_FREEZE_OFF, -1);
	world_param_delete(world, 0);
	pass(world, 20 * SEC);
	world_route_set(world, 0, 1, TARGET_OTHER);
	world_link(world, A, 0, false);
	pass(world, 3 * SEC);
	world_link(world, A, 0, true);
	world_target(world, A, false, false);
	pass(world, 3 * SEC);
	world_target(world, A, true, false);
	world_pause(world, A, 8 * SEC);
	pass(world, 30 * SEC);
}

static void a_replay_of_an_eventful_life_makes_the_same_transitions(void **state)
{
	struct world *world = pair();

	(void)state;
	start(world, A);
	eventful(world);
	assert_in_range(rec.transitions, 8, 200);
	assert_same();
	world_free(world);
}

static void a_replay_can_begin_at_any_head(void **state)
{
	(void)state;
	for (unsigned int cut = 1; cut < 12; cut++) {
		struct world *world = pair();

		pass(world, cut * SEC);
		world_check(world, A, cut & 1 ? HEALTH_RESULT_DEAD : HEALTH_RESULT_GOOD);
		world_cut(world, A, B, cut % 3 == 0);
		ssm(world, A, cut % 4 != 0);
		world_run(world, world->now + (mono_us)cut * 1234 * MSEC);
		start(world, A); /* in the midst of whatever it is */
		ssm(world, A, true);
		world_cut(world, A, B, false);
		eventful(world);
		assert_same();
		world_free(world);
	}
}

static void five_nodes_and_three_instances_replay_as_well(void **state)
{
	const struct world_config config = {.nodes = 5,
					    .instances = 3,
					    .tables = 3,
					    .seed = 11,
					    .fence = true,
					    .profile = TIMERS_FAST,
					    .priority = {150, 100, 50, 40, 30}};
	struct world *world = world_new(&config);

	(void)state;
	world->witness = witness;
	for (unsigned int n = 0; n < 5; n++)
		world_boot(world, n);
	start(world, 2);
	world_run(world, 30 * SEC);
	world_crash(world, 0);
	world_run(world, 60 * SEC);
	world_crash(world, 1);
	world_run(world, 90 * SEC);
	head(world, TAPE_NEXT_FILE);
	world_command(world, 2,
		      &(struct event){.instance = 1, .command = CMD_SWITCHOVER, .node = 3});
	world_run(world, 100 * SEC);
	world->config.profile = TIMERS_SAFE;
	world_reload(world, 2, NULL);
	head(world, TAPE_RELOADED);
	world_run(world, 120 * SEC);
	assert_in_range(rec.transitions, 3, 100);
	assert_same();
	world_free(world);
}

/* Finds fields that hide where padding could be: nothing may ever be in those bytes. */
static void no_struct_has_anything_in_a_byte_that_no_table_covers(void **state)
{
	static uint8_t covered[65536];
	struct world *world = pair();
	const struct host *h = &world->hosts[A];

	(void)state;
	start(world, A);
	eventful(world);
	for (unsigned int s = 0; s < SHAPES; s++) {
		const uint8_t *bytes =
			s == SHAPE_CORE		     ? (const uint8_t *)&h->core
			: s == SHAPE_INSTANCE	     ? (const uint8_t *)&h->instances[0]
			: s == SHAPE_RECORD	     ? (const uint8_t *)&h->instances[0].record
			: s == SHAPE_CLAIM	     ? (const uint8_t *)&h->instances[0].claim
			: s == SHAPE_ROUTE	     ? (const uint8_t *)&h->routes[0]
			: s == SHAPE_PEER	     ? (const uint8_t *)&h->core.peers[B]
			: s == SHAPE_CONFIG	     ? (const uint8_t *)&h->core.config
			: s == SHAPE_VIEW	     ? (const uint8_t *)&h->instances[0].view[B]
			: s == SHAPE_TOUCH_READER    ? (const uint8_t *)&h->core.touch_read[B]
			: s == SHAPE_TOUCH_WRITER    ? (const uint8_t *)&h->core.touch_write
			: s == SHAPE_INSTANCE_CONFIG ? (const uint8_t *)&h->instances[0].config
						     : NULL;

		memset(covered, 0, sizeof(covered));
		for (unsigned int f = 0; f < shapes[s].field_count; f++)
			for (unsigned int e = 0; e < shapes[s].fields[f].count; e++)
				memset(covered + shapes[s].fields[f].offset +
					       e * shapes[s].fields[f].stride,
				       1, shapes[s].fields[f].size);
		for (size_t at = 0; bytes && at < shapes[s].size; at++)
			if (!covered[at] && bytes[at])
				fail_msg("struct %s has something at offset %zu that "
					 "agent/tape/shape.c does not list",
					 shapes[s].name, at);
	}
	world_free(world);
}

static size_t find(const char *text)
{
	const char *at = memmem(rec.file.data, rec.file.length, text, strlen(text));

	assert_non_null(at);
	return (size_t)(at - rec.file.data);
}

/* Makes the checksums fit again, as far as the blocks can be told apart. */
static void reseal(void)
{
	size_t at = 0;

	while (at + JOURNAL_HEADER <= rec.file.length) {
		uint8_t *block = (uint8_t *)rec.file.data + at;
		uint32_t length, kind;
		uint64_t number;

		memcpy(&length, block + 4, 4); /* little-endian, as are our machines */
		memcpy(&kind, block + 12, 4);
		memcpy(&number, block + 16, 8);
		if (length > rec.file.length - at - JOURNAL_HEADER)
			break;
		journal_seal(block, (enum journal_kind)kind, number, block + JOURNAL_HEADER,
			     length);
		at += JOURNAL_HEADER + length;
	}
}

static void a_decision_that_differs_is_found(void **state)
{
	struct world *world = pair();
	struct replay_summary summary;
	char *text = NULL;
	size_t size = 0;
	FILE *out;

	(void)state;
	start(world, A);
	eventful(world);
	end_block();
	/* As if the reason had another name then: the recorded word is not the replayed one. */
	memcpy(rec.file.data + find("check_failed"), "check_fooled", 12);
	reseal();
	out = open_memstream(&text, &size);
	assert_int_equal(replay_all(&summary, out, false), REPLAY_DIFFERS);
	(void)fclose(out);
	assert_in_range(summary.differences, 1, 1); /* after it the machines have parted */
	assert_non_null(strstr(text, "Entering FAULT STATE from=MASTER reason=check_fooled"));
	assert_non_null(strstr(text, "DIFFERS: recorded as above; replayed: (MasterDB) MASTER -> "
				     "FAULT, check_failed"));
	assert_non_null(strstr(text, "(not compared)"));
	free(text);
	world_free(world);
}

static void a_transition_that_was_not_recorded_is_found(void **state)
{
	struct world *world = pair();
	struct replay_summary summary;
	FILE *nowhere = fopen("/dev/null", "w");

	(void)state;
	start(world, A);
	pass(world, 3 * SEC);
	end_block();
	/* The check's verdict that was good is bad on the tape: the replayed core leaves. */
	rec.open = false;
	(void)tape_begin(&rec.block, &rec.pending, world_clock(world, A), SEC);
	(void)tape_event(&rec.block, &rec.pending, world_clock(world, A),
			 &(struct event){.type = EV_VERDICT, .health = HEALTH_RESULT_DEAD});
	assert_int_equal(replay_all(&summary, nowhere, false), REPLAY_DIFFERS);
	assert_int_equal(summary.differences, 1);
	(void)fclose(nowhere);
	world_free(world);
}

static void after_a_gap_is_told_but_not_compared_until_the_next_head(void **state)
{
	struct world *world = pair();
	struct replay_summary summary;
	char *text = NULL;
	size_t size = 0;
	FILE *out;

	(void)state;
	start(world, A);
	pass(world, 3 * SEC);
	end_block();
	rec.number += 5; /* blocks that never came to the disk */
	command(world, A, CMD_STANDBY_ON, -1);
	pass(world, 3 * SEC);
	head(world, TAPE_AFTER_GAP);
	command(world, A, CMD_STANDBY_OFF, -1);
	pass(world, 3 * SEC);
	out = open_memstream(&text, &size);
	assert_int_equal(replay_all(&summary, out, false), REPLAY_SAME);
	(void)fclose(out);
	assert_non_null(strstr(text, "GAP: missing: 5 blocks"));
	assert_non_null(
		strstr(text, "Entering MAINT STATE from=MASTER reason=standby (not compared)"));
	assert_non_null(strstr(text, "GAP: the daemon could not write"));
	assert_int_equal(summary.gaps, 2);
	assert_int_equal(summary.transitions, 2);
	assert_int_equal(summary.compared, 1);
	free(text);
	world_free(world);
}

static void the_timeline_tells_what_happened_once_and_in_words(void **state)
{
	struct world *world = pair();
	struct replay_summary summary;
	char *text = NULL;
	size_t size = 0;
	FILE *out;

	(void)state;
	start(world, B);
	world_check(world, A, HEALTH_RESULT_DEAD);
	pass(world, 10 * SEC);
	out = open_memstream(&text, &size);
	assert_int_equal(replay_all(&summary, out, false), REPLAY_SAME);
	(void)fclose(out);
	assert_non_null(
		strstr(text, "--- test 1 starts on beta, cluster lab, 2 nodes, 1 instance\n"));
	assert_non_null(
		strstr(text, "heard alpha: (MasterDB) FAULT version 1 of alpha disclaimed 1"));
	assert_non_null(strstr(text, "(MasterDB) Entering CLAIMING STATE from=BACKUP "
				     "reason=owner_disclaimed\n"));
	assert_non_null(strstr(text, "(MasterDB) parameter written: ok, version 2 ("));
	assert_non_null(strstr(text, "(MasterDB) route 1 written: ok ("));
	assert_null(strstr(text, "tick"));
	assert_in_range(size, 500, 20000); /* ten seconds are hundreds of events */
	assert_in_range(summary.events, 100, 5000);
	free(text);
	world_free(world);
}

static void a_heartbeat_costs_few_bytes(void **state)
{
	struct world *world = pair();

	(void)state;
	start(world, A);
	world_run(world, world->now + 60 * SEC);
	end_block();
	assert_in_range(rec.file.length, 1000, 40000); /* 16 MB hold half a day and more */
	world_free(world);
}

/*
 * Journals are kept for years, so they must stay readable: nothing in this one
 * may turn into a gap. What it decided then may be decided otherwise by now;
 * that is for --replay to show, not for this test to forbid.
 */
static void a_journal_of_an_earlier_version_is_still_understood(void **state)
{
	const char *top = getenv("top_srcdir");
	static uint8_t data[1 << 20];
	struct replay_summary summary;
	struct err err = {.text = ""};
	char *text = NULL;
	char path[512];
	size_t size, told = 0;
	FILE *file, *out;

	(void)state;
	(void)snprintf(path, sizeof(path), "%s/tests/replay/failover.journal", top ? top : ".");
	file = fopen(path, "re");
	if (!file)
		skip();
	size = fread(data, 1, sizeof(data), file);
	(void)fclose(file);
	out = open_memstream(&text, &told);
	assert_int_not_equal(replay_bytes(data, size, false, out, &summary, &err), REPLAY_NOTHING);
	(void)fclose(out);
	assert_int_equal(summary.gaps, 0);
	assert_int_equal(summary.skipped, 0);
	assert_int_equal(summary.transitions, 2);
	assert_non_null(strstr(text, "(MasterDB) Entering FAULT STATE from=MASTER "
				     "reason=check_failed"));
	assert_non_null(strstr(text, "(MasterDB) command: maintenance on"));
	free(text);
}

static void whatever_is_cut_or_changed_is_survived(void **state)
{
	struct world *world = pair();
	struct replay_summary summary;
	struct err err = {.text = ""};
	FILE *nowhere = fopen("/dev/null", "w");
	uint8_t *copy;
	size_t length;

	(void)state;
	start(world, A);
	world_check(world, A, HEALTH_RESULT_DEAD);
	pass(world, 3 * SEC);
	end_block();
	length = rec.file.length;
	copy = malloc(length);
	for (size_t cut = 0; cut < length; cut += cut < 4000 ? 37 : 1) {
		memcpy(copy, rec.file.data, length);
		assert_int_not_equal(replay_bytes(copy, cut, true, nowhere, &summary, &err),
				     REPLAY_DIFFERS);
		assert_int_equal(summary.gaps, 0); /* a torn end is no gap */
	}
	for (size_t at = 0; at < length; at += 11) {
		memcpy(copy, rec.file.data, length);
		copy[at] ^= 0x40;
		assert_int_not_equal(replay_bytes(copy, length, true, nowhere, &summary, &err),
				     REPLAY_DIFFERS);
		assert_true(summary.skipped > 0);
	}
	/* The same with checksums that fit: nonsense is refused, or is another story. */
	for (size_t at = JOURNAL_HEADER; at < length; at += 13) {
		memcpy(copy, rec.file.data, length);
		rec.file.data[at] ^= 0x15;
		reseal();
		(void)replay_bytes((uint8_t *)rec.file.data, length, true, nowhere, &summary, &err);
		memcpy(rec.file.data, copy, length);
	}
	free(copy);
	(void)fclose(nowhere);
	world_free(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_replay_of_an_eventful_life_makes_the_same_transitions),
		cmocka_unit_test(a_replay_can_begin_at_any_head),
		cmocka_unit_test(five_nodes_and_three_instances_replay_as_well),
		cmocka_unit_test(no_struct_has_anything_in_a_byte_that_no_table_covers),
		cmocka_unit_test(a_decision_that_differs_is_found),
		cmocka_unit_test(a_transition_that_was_not_recorded_is_found),
		cmocka_unit_test(after_a_gap_is_told_but_not_compared_until_the_next_head),
		cmocka_unit_test(the_timeline_tells_what_happened_once_and_in_words),
		cmocka_unit_test(a_heartbeat_costs_few_bytes),
		cmocka_unit_test(a_journal_of_an_earlier_version_is_still_understood),
		cmocka_unit_test(whatever_is_cut_or_changed_is_survived),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	buf_free(&rec.file);
	buf_free(&rec.pending);
	return failed;
}
