/* SPDX-License-Identifier: MIT */
/*
 * What the copy foretells is compared with what then happens to the original
 * in a world that is not the copy's model: same states, same moments (give or
 * take the calls' own time), and the original is not touched by the question.
 */
#include <stdio.h>
#include <stdlib.h>

#include "agent/whatif.h"
#include "tests/unit/core_world.h"

#define SLACK_S 1.0 /* calls, polls and retries of the world are not those of the model */

static struct conf_instance instance_conf;
static struct conf conf = {.instances = &instance_conf};

static void name_things(void)
{
	conf.node_count = 3;
	conf.instance_count = 1;
	for (unsigned int n = 0; n < conf.node_count; n++)
		(void)snprintf(conf.nodes[n].name, sizeof(conf.nodes[n].name), "node-%c",
			       (char)('a' + n));
	(void)snprintf(conf.instances[0].name, sizeof(conf.instances[0].name), "vip");
}

static char *ask(struct world *world, unsigned int host, enum whatif_case what)
{
	const struct whatif question = {
		.what = what, .node = -1, .now = world_clock(world, host), .conf = &conf};
	struct host *asked = &world->hosts[host];
	struct core *core = malloc(sizeof(*core));
	struct instance *instances = malloc(sizeof(asked->instances));
	struct route *routes = malloc(sizeof(asked->routes));
	struct buf reply;
	struct err err = {""};

	assert_true(core && instances && routes);
	memcpy(core, &asked->core, sizeof(*core));
	memcpy(instances, asked->instances, sizeof(asked->instances));
	memcpy(routes, asked->routes, sizeof(asked->routes));
	buf_init(&reply, 65536);
	if (whatif_tell(&asked->core, &question, &reply, &err) < 0)
		(void)buf_printf(&reply, "refused: %s", err.text);
	assert_memory_equal(core, &asked->core, sizeof(*core));
	assert_memory_equal(instances, asked->instances, sizeof(asked->instances));
	assert_memory_equal(routes, asked->routes, sizeof(asked->routes));
	free(core);
	free(instances);
	free(routes);
	if (getenv("VERBOSE"))
		(void)fprintf(stderr, "%s\n", reply.data);
	return reply.data;
}

/* Seconds before the first line that has @words; fails without one. */
static double when(const char *answer, const char *words)
{
	const char *found = strstr(answer, words);
	double seconds = -1;

	if (!found)
		fail_msg("'%s' is not in:\n%s", words, answer);
	while (found > answer && found[-1] != '\n')
		found--;
	assert_int_equal(sscanf(found, "  after %lf s", &seconds), 1);
	return seconds;
}

static void assert_near(double foretold, mono_us happened)
{
	double seconds = (double)happened / 1e6;

	if (foretold < seconds - SLACK_S || foretold > seconds + SLACK_S)
		fail_msg("foretold after %.3f s, happened after %.3f s", foretold, seconds);
}

static void a_silent_owner_is_succeeded_when_it_was_foretold(void **state)
{
	struct world *world = pair();
	char *answer = ask(world, B, WHATIF_PEER_DOWN);
	mono_us crashed = world->now;

	(void)state;
	world_crash(world, A);
	wait_for(world, B, CORE_CLAIMING, 20 * SEC);
	assert_near(when(answer, "from BACKUP to CLAIMING (owner_silent)"), world->now - crashed);
	wait_for(world, B, CORE_MASTER, 5 * SEC);
	assert_near(when(answer, "to MASTER"), world->now - crashed);
	assert_non_null(strstr(answer, "If node-a fell silent now"));
	assert_non_null(strstr(answer, "node-b is MASTER, the address is here, the parameter names "
				       "node-b"));
	assert_true(when(answer, "route 2 leads to node-b") >= when(answer, "address would come"));
	free(answer);
	world_free(world);
}

static void the_owner_of_a_silent_peer_stays(void **state)
{
	struct world *world = pair();
	char *answer = ask(world, A, WHATIF_PEER_DOWN);

	(void)state;
	world_crash(world, B);
	pass(world, 60 * SEC);
	assert_int_equal(state_of(world, A), CORE_MASTER);
	assert_null(strstr(answer, "would go from"));
	assert_non_null(strstr(answer, "node-a is MASTER, the address is here"));
	free(answer);
	world_free(world);
}

static void a_dead_database_hands_over_at_once(void **state)
{
	struct world *world = pair();
	char *answer = ask(world, A, WHATIF_DB_DOWN);

	(void)state;
	assert_near(when(answer, "from MASTER to FAULT (check_failed)"), 0);
	assert_near(when(answer, "node-b has taken over"), 0);
	assert_non_null(strstr(answer, "the parameter names node-b"));
	world_check(world, A, HEALTH_RESULT_DEAD);
	wait_for(world, A, CORE_FAULT, 2 * SEC);
	wait_for(world, B, CORE_MASTER, 2 * SEC);
	free(answer);
	world_free(world);
}

static void without_a_peer_that_could_nobody_takes_it(void **state)
{
	struct world *world = pair();
	char *answer;

	(void)state;
	world_check(world, B, HEALTH_RESULT_DEAD);
	pass(world, 2 * SEC);
	answer = ask(world, A, WHATIF_DB_DOWN);
	(void)when(answer, "nobody would take over");
	assert_non_null(strstr(answer, "the parameter names node-a"));
	free(answer);
	world_free(world);
}

static void without_the_api_the_owner_stays_and_the_other_is_no_spare(void **state)
{
	struct world *world = pair();
	char *owner = ask(world, A, WHATIF_API_DOWN);
	char *spare = ask(world, B, WHATIF_API_DOWN);
	mono_us cut = world->now;

	(void)state;
	assert_null(strstr(owner, "would go from"));
	assert_null(strstr(spare, "would go from"));
	assert_null(strstr(owner, "begins:")); /* the peers are heard, so the lease holds */
	assert_null(strstr(spare, "owner_silent"));
	ssm(world, B, false);
	ec2(world, B, false);
	while (world_instance(world, B, 0)->blockers == 0 && world->now - cut < 60 * SEC)
		pass(world, 100 * MSEC);
	assert_int_equal(world_instance(world, B, 0)->blockers, BLOCK_ROUTES);
	assert_near(when(spare, "could no longer take the VIP: no_route_table"), world->now - cut);
	free(owner);
	free(spare);
	world_free(world);
}

static void a_switchover_is_played_or_refused_as_the_core_would(void **state)
{
	struct world *world = pair();
	char *played = ask(world, A, WHATIF_SWITCHOVER);
	char *refused = ask(world, B, WHATIF_SWITCHOVER);

	(void)state;
	(void)when(played, "from MASTER to BACKUP (switchover)");
	(void)when(played, "node-b has taken over");
	assert_string_equal(refused, "refused: this node is not MASTER");
	assert_int_equal(state_of(world, A), CORE_MASTER);
	free(played);
	free(refused);
	world_free(world);
}

/* Any moment is a moment to ask at: no state may make the copy spin or end badly. */
static void it_may_be_asked_at_any_moment(void **state)
{
	struct world *world = make_world(3, 2);

	(void)state;
	for (unsigned int n = A; n <= C; n++)
		world_boot(world, n);
	for (unsigned int s = 0; s < 150; s++) {
		if (s == 40)
			world_crash(world, A);
		if (s == 90)
			world_boot(world, A);
		world_run(world, world->now + 237 * MSEC);
		for (unsigned int w = 0; w < WHATIF_CASES; w++) {
			char *answer = ask(world, B, (enum whatif_case)w);

			assert_null(strstr(answer, "too much would happen"));
			free(answer);
		}
	}
	world_free(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_silent_owner_is_succeeded_when_it_was_foretold),
		cmocka_unit_test(the_owner_of_a_silent_peer_stays),
		cmocka_unit_test(a_dead_database_hands_over_at_once),
		cmocka_unit_test(without_a_peer_that_could_nobody_takes_it),
		cmocka_unit_test(without_the_api_the_owner_stays_and_the_other_is_no_spare),
		cmocka_unit_test(a_switchover_is_played_or_refused_as_the_core_would),
		cmocka_unit_test(it_may_be_asked_at_any_moment),
	};

	name_things();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
