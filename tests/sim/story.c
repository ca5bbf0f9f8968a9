/* SPDX-License-Identifier: MIT */
/*
 * The vocabulary of scenarios. An action, a claim or a count is one row of a
 * table: its first word and the number of words that must follow; the node
 * that it is about comes first where there is one ("DB_Host1 MASTER"). Long,
 * because a vocabulary is.
 */
#include "tests/sim/story.h"

#include <stdlib.h>
#include <string.h>

#define ALL 1000 /* instead of a node: every one */

void story_init(struct story *story)
{
	*story = (struct story){.config = {.instances = 1, .tables = 2}};
}

static bool same(const char *a, const char *b)
{
	return strcmp(a, b) == 0;
}

static int node_of(const struct story *story, const char *name)
{
	for (unsigned int n = 0; n < story->nodes; n++)
		if (same(story->names[n], name))
			return (int)n;
	return same(name, "all") ? ALL : -1;
}

static const char *word(const struct words *words, unsigned int at)
{
	return at < words->count ? words->items[at] : "";
}

static mono_us seconds(const char *text)
{
	return (mono_us)(strtod(text, NULL) * 1e6);
}

/* --- headings ---------------------------------------------------------------------------- */

static bool read_nodes(struct story *story, const struct words *words)
{
	for (unsigned int k = 1; k < words->count; k++) {
		const char *name = words->items[k];
		size_t length = strcspn(name, "=");

		if (story->nodes == WORLD_NODES || length >= NAME_BYTES)
			return false;
		memcpy(story->names[story->nodes], name, length);
		story->config.priority[story->nodes] =
			name[length] ? (uint8_t)strtoul(name + length + 1, NULL, 10) : 100;
		story->nodes++;
	}
	story->config.nodes = story->nodes;
	return story->nodes >= 2;
}

static bool read_duties(struct story *story, const struct words *words)
{
	static const char *const names[CORE_DUTIES] = {"gate", "promote", "fence", "release"};
	unsigned int known = 0;

	for (unsigned int k = 1; k < words->count; k++)
		for (unsigned int d = 0; d < CORE_DUTIES; d++)
			if (same(words->items[k], names[d])) {
				story->config.duties[d] = true;
				known++;
			}
	return known == words->count - 1;
}

static bool read_setting(struct story *story, const char *name)
{
	if (same(name, "touch_owner"))
		story->config.touch_owner = true;
	else if (same(name, "outage_takeover"))
		story->config.outage_takeover = true;
	else if (same(name, "unpromoted_ok"))
		story->config.unpromoted_ok = true;
	else if (same(name, "timely"))
		story->timely = true;
	else
		return false;
	return true;
}

bool story_heading(struct story *story, const struct words *words)
{
	const char *name = word(words, 0), *value = word(words, 1);

	if (same(name, "nodes"))
		return read_nodes(story, words);
	if (same(name, "duties"))
		return read_duties(story, words);
	if (words->count != 2)
		return false;
	if (same(name, "setting"))
		return read_setting(story, value);
	if (same(name, "tables"))
		story->config.tables = (unsigned int)strtoul(value, NULL, 10);
	else if (same(name, "instances"))
		story->config.instances = (unsigned int)strtoul(value, NULL, 10);
	else if (same(name, "isolation"))
		story->config.fence = same(value, "fence");
	else if (same(name, "profile"))
		story->config.profile = same(value, "fast")  ? TIMERS_FAST
					: same(value, "wan") ? TIMERS_WAN
							     : TIMERS_SAFE;
	else
		return false;
	return story->config.tables <= WORLD_TABLES && story->config.instances <= WORLD_INSTANCES &&
	       story->config.instances > 0;
}

/* --- actions ------------------------------------------------------------------------------- */

/* One action on one node; @b: the second node of it, or -1. */
typedef void (*deed)(struct world *world, unsigned int node, int b, const struct words *words);

static void do_boot(struct world *world, unsigned int node, int b, const struct words *words)
{
	(void)b;
	(void)words;
	world_boot(world, node);
}

static void do_crash(struct world *world, unsigned int node, int b, const struct words *words)
{
	(void)b;
	(void)words;
	world_crash(world, node);
}

static void do_pause(struct world *world, unsigned int node, int b, const struct words *words)
{
	(void)b;
	world_pause(world, node, seconds(word(words, 2)));
}

static void do_cut(struct world *world, unsigned int node, int b, const struct words *words)
{
	(void)words;
	world_cut(world, node, (unsigned int)b, true);
}

static void do_join(struct world *world, unsigned int node, int b, const struct words *words)
{
	(void)words;
	world_cut(world, node, (unsigned int)b, false);
}

static void do_mute(struct world *world, unsigned int node, int b, const struct words *words)
{
	(void)words;
	world->links[node][b].cut = true;
}

static void do_loss(struct world *world, unsigned int node, int b, const struct words *words)
{
	unsigned int permille = (unsigned int)(strtod(word(words, 3), NULL) * 10);

	world->links[node][b].loss_permille = world->links[b][node].loss_permille = permille;
}

static void do_delay(struct world *world, unsigned int node, int b, const struct words *words)
{
	mono_us longest = seconds(word(words, 3));

	world->links[node][b].delay_max = world->links[b][node].delay_max =
		mono_max(longest, world->links[node][b].delay_min);
}

static void do_check(struct world *world, unsigned int node, int b, const struct words *words)
{
	const char *how = word(words, 2);

	(void)b;
	world_check(world, node,
		    same(how, "good")	   ? HEALTH_RESULT_GOOD
		    : same(how, "bad")	   ? HEALTH_RESULT_BAD
		    : same(how, "unknown") ? HEALTH_RESULT_NO_ANSWER
					   : HEALTH_RESULT_DEAD);
}

static void do_link(struct world *world, unsigned int node, int b, const struct words *words)
{
	(void)b;
	for (unsigned int i = 0; i < world->config.instances; i++)
		world_link(world, node, i, same(word(words, 2), "up"));
}

static void do_alias(struct world *world, unsigned int node, int b, const struct words *words)
{
	(void)b;
	world_alias(world, node, 0, same(word(words, 2), "add"));
}

static void set_path(struct path *path, const char *how)
{
	path->down = same(how, "down");
	path->writes_denied = same(how, "readonly");
	path->error_permille =
		same(how, "throttled") || same(how, "denied") || same(how, "error") ? 1000 : 0;
	path->error = same(how, "throttled") ? OUTCOME_THROTTLED
		      : same(how, "denied")  ? OUTCOME_DENIED
					     : OUTCOME_UNKNOWN;
	path->lost_permille = same(how, "lost") ? 1000 : 0;
	path->stale_permille = same(how, "stale") ? 1000 : 0;
	path->stale_max = 10 * SEC;
	path->latency_max = same(how, "slow") ? 800 * MSEC : 60 * MSEC;
}

static void do_ssm(struct world *world, unsigned int node, int b, const struct words *words)
{
	(void)b;
	set_path(&world->hosts[node].path[SERVICE_SSM], word(words, 2));
}

static void do_ec2(struct world *world, unsigned int node, int b, const struct words *words)
{
	(void)b;
	set_path(&world->hosts[node].path[SERVICE_EC2], word(words, 2));
}

static void do_identity(struct world *world, unsigned int node, int b, const struct words *words)
{
	(void)b;
	world_target(world, node, same(word(words, 2), "known"), false);
}

static void do_state_file(struct world *world, unsigned int node, int b, const struct words *words)
{
	const char *how = word(words, 2);

	(void)b;
	world->hosts[node].state_file = same(how, "kept")    ? STATE_KEPT
					: same(how, "stale") ? STATE_STALE
							     : STATE_LOST;
}

static void order(struct world *world, unsigned int node, enum core_command what, int target)
{
	for (unsigned int i = 0; i < world->config.instances; i++)
		world_command(world, node,
			      &(struct event){.instance = i, .command = what, .node = target});
}

static void do_stop(struct world *world, unsigned int node, int b, const struct words *words)
{
	(void)b;
	world_command(world, node,
		      &(struct event){.command = same(word(words, 0), "keep") ? CMD_STOP_KEEP
									      : CMD_STOP});
}

static void do_switchover(struct world *world, unsigned int node, int b, const struct words *words)
{
	(void)words;
	order(world, node, CMD_SWITCHOVER, b);
}

static void do_release(struct world *world, unsigned int node, int b, const struct words *words)
{
	(void)b;
	(void)words;
	order(world, node, CMD_RELEASE, -1);
}

static void do_ack(struct world *world, unsigned int node, int b, const struct words *words)
{
	(void)b;
	(void)words;
	order(world, node, CMD_ACK, -1);
}

static void do_standby(struct world *world, unsigned int node, int b, const struct words *words)
{
	(void)b;
	order(world, node, same(word(words, 2), "on") ? CMD_STANDBY_ON : CMD_STANDBY_OFF, -1);
}

static void do_maintenance(struct world *world, unsigned int node, int b, const struct words *words)
{
	(void)b;
	order(world, node, same(word(words, 2), "on") ? CMD_FREEZE_ON : CMD_FREEZE_OFF, -1);
}

static void do_duty(struct world *world, unsigned int node, int b, const struct words *words)
{
	const char *name = word(words, 2), *how = word(words, 3);
	enum core_duty duty = same(name, "gate")      ? DUTY_GATE
			      : same(name, "promote") ? DUTY_PROMOTE
			      : same(name, "fence")   ? DUTY_FENCE
						      : DUTY_RELEASE;

	(void)b;
	world_duty(world, node, duty,
		   same(how, "no")	? OUTCOME_DENIED
		   : same(how, "fails") ? OUTCOME_REFUSED
					: OUTCOME_OK,
		   same(how, "slow") ? 3 * SEC : 20 * MSEC);
	world->hosts[node].duty[duty].silent = same(how, "hangs");
}

static void do_replay(struct world *world, unsigned int node, int b, const struct words *words)
{
	(void)node;
	(void)b;
	for (unsigned long k = strtoul(word(words, 2), NULL, 10); k > 0; k--)
		world_replay(world);
}

/* The operator's hand in the cloud: "param all delete" has no node, so "all" stands there. */
static void do_param(struct world *world, unsigned int node, int b, const struct words *words)
{
	(void)b;
	if (same(word(words, 2), "delete")) {
		if (node == 0)
			world_param_delete(world, 0);
	} else if (same(word(words, 2), "stranger")) {
		if (node == 0)
			world_param_put(world, 0, WORLD_STRANGER);
	} else {
		world_param_put(world, 0, (int)node);
	}
}

static void do_route(struct world *world, unsigned int node, int b, const struct words *words)
{
	unsigned int table = (unsigned int)strtoul(word(words, 2), NULL, 10);
	const char *how = word(words, 3);

	(void)b;
	if (table < world->config.tables)
		world_route_set(world, 0, table,
				same(how, "missing") ? TARGET_MISSING
				: same(how, "other") ? TARGET_OTHER
						     : (int)node);
}

static const struct action_word {
	const char *name;
	deed deed;
	unsigned int least, most; /* words after the name */
	bool second;		  /* the second of them is a node as well */
	bool second_optional;
} actions[] = {
	{"boot", do_boot, 1, 1, false, false},
	{"crash", do_crash, 1, 1, false, false},
	{"stop", do_stop, 1, 1, false, false},
	{"keep", do_stop, 1, 1, false, false},
	{"pause", do_pause, 2, 2, false, false},
	{"cut", do_cut, 2, 2, true, false},
	{"join", do_join, 2, 2, true, false},
	{"mute", do_mute, 2, 2, true, false},
	{"loss", do_loss, 3, 3, true, false},
	{"delay", do_delay, 3, 3, true, false},
	{"check", do_check, 2, 2, false, false},
	{"link", do_link, 2, 2, false, false},
	{"alias", do_alias, 2, 2, false, false},
	{"ssm", do_ssm, 2, 2, false, false},
	{"ec2", do_ec2, 2, 2, false, false},
	{"identity", do_identity, 2, 2, false, false},
	{"state_file", do_state_file, 2, 2, false, false},
	{"switchover", do_switchover, 1, 2, true, true},
	{"release", do_release, 1, 1, false, false},
	{"ack", do_ack, 1, 1, false, false},
	{"standby", do_standby, 2, 2, false, false},
	{"maintenance", do_maintenance, 2, 2, false, false},
	{"duty", do_duty, 3, 3, false, false},
	{"replay", do_replay, 2, 2, false, false},
	{"param", do_param, 1, 2, false, false},
	{"route", do_route, 2, 3, false, false},
};

static const struct action_word *action_of(const char *name)
{
	for (size_t k = 0; k < sizeof(actions) / sizeof(actions[0]); k++)
		if (same(actions[k].name, name))
			return &actions[k];
	return NULL;
}

void story_act(const struct story *story, struct world *world, const struct words *words)
{
	const struct action_word *act = action_of(word(words, 0));
	int node = node_of(story, word(words, 1));
	int other = act->second && words->count > 2 ? node_of(story, word(words, 2)) : -1;

	for (unsigned int n = 0; n < story->nodes; n++)
		if (node == ALL || (int)n == node)
			act->deed(world, n, other, words);
}

/* --- claims ---------------------------------------------------------------------------------- */

static unsigned int count_acting(struct world *world, unsigned int i)
{
	unsigned int acting = 0;

	for (unsigned int n = 0; n < world->config.nodes; n++)
		acting += world_acts(world, n, i);
	return acting;
}

/* What more than one node has at once while both run. */
static bool two(struct world *world, const char *what)
{
	unsigned int have = 0;

	for (unsigned int n = 0; n < world->config.nodes; n++) {
		const struct host *h = &world->hosts[n];

		if (!h->running || h->paused)
			continue;
		have += same(what, "owners")	 ? h->alias[0]
			: same(what, "writable") ? h->writable[0]
						 : h->instances[0].state == CORE_MASTER;
	}
	return have > 1;
}

static bool routes_at(const struct world *world, unsigned int i, int node)
{
	for (unsigned int t = 0; t < world->config.tables; t++)
		if (world_route(world, i, t) != node)
			return false;
	return true;
}

static bool owns(struct world *world, unsigned int i, int node)
{
	const struct param_version *param = world_param(world, i);

	return param->exists && param->value == node && routes_at(world, i, node) &&
	       world->hosts[node].alias[i] && count_acting(world, i) == 1 &&
	       world->hosts[node].instances[i].state == CORE_MASTER;
}

static bool has_bit(uint32_t set, const char *(*name)(uint32_t), const char *wanted)
{
	for (; set; set &= set - 1)
		if (same(name(set), wanted))
			return true;
	return false;
}

static bool node_is(struct world *world, int node, const char *what, const char *more)
{
	const struct host *h = &world->hosts[node];
	const struct instance *in = &h->instances[0];

	if (same(what, "owner")) {
		for (unsigned int i = 0; i < world->config.instances; i++)
			if (!owns(world, i, node))
				return false;
		return true;
	}
	if (same(what, "acting"))
		return world_acts(world, (unsigned int)node, 0);
	if (same(what, "alias"))
		return h->alias[0];
	if (same(what, "writable"))
		return h->writable[0];
	if (same(what, "running"))
		return h->running;
	if (same(what, "flag"))
		return has_bit(in->flags, core_flag_name, more);
	if (same(what, "blocked"))
		return has_bit(in->blockers, core_blocker_name, more);
	if (same(what, "reason"))
		return same(core_reason_name(in->reason), more);
	return h->running && same(core_state_name(in->state), what);
}

static bool claim_holds(const struct story *story, struct world *world, const char *who,
			const char *what, const char *more)
{
	int node = node_of(story, who);
	bool all = true;

	if (same(who, "two"))
		return two(world, what);
	if (same(who, "nobody"))
		return count_acting(world, 0) == 0;
	if (same(who, "routes"))
		return routes_at(world, 0, node_of(story, what));
	if (same(who, "param"))
		return same(what, "nobody")
			       ? !world_param(world, 0)->exists
			       : world_param(world, 0)->exists &&
					 world_param(world, 0)->value == node_of(story, what);
	if (node != ALL)
		return node_is(world, node, what, more);
	for (unsigned int n = 0; n < story->nodes; n++)
		all &= node_is(world, (int)n, what, more);
	return all;
}

bool story_holds(const struct story *story, struct world *world, const struct words *words)
{
	unsigned int first = same(word(words, 0), "not");

	return claim_holds(story, world, word(words, first), word(words, first + 1),
			   word(words, first + 2)) != (first == 1);
}

/* --- counts ------------------------------------------------------------------------------ */

double story_count(const struct story *story, const struct world *world, const struct judge *judge,
		   const struct words *words)
{
	const char *what = word(words, 0);

	(void)story;
	if (same(what, "route_writes"))
		return (double)world->cloud.route_writes;
	if (same(what, "puts"))
		return (double)world->cloud.puts;
	if (same(what, "touches"))
		return (double)world->cloud.touches;
	if (same(what, "transitions"))
		return (double)judge->transitions;
	if (same(what, "takeovers"))
		return (double)judge->takeovers;
	if (same(what, "out"))
		return mono_seconds(judge->out);
	return same(what, "dual") ? mono_seconds(judge->dual) : mono_seconds(judge->mis);
}

/* --- what makes sense ------------------------------------------------------------------------ */

static bool is_one_of(const char *text, const char *const *list)
{
	for (; *list; list++)
		if (same(*list, text))
			return true;
	return false;
}

static bool action_known(const struct story *story, const struct words *words)
{
	const struct action_word *act = action_of(word(words, 0));
	unsigned int more = words->count - 1;

	if (!act || more < act->least || more > act->most || node_of(story, word(words, 1)) < 0)
		return false;
	if (act->second && more < 2)
		return act->second_optional;
	return !act->second ||
	       (node_of(story, word(words, 2)) >= 0 && node_of(story, word(words, 2)) != ALL);
}

static bool bit_known(const char *(*name)(uint32_t), const char *wanted)
{
	for (unsigned int bit = 0; bit < 31; bit++)
		if (same(name(1U << bit), wanted))
			return true;
	return false;
}

static bool reason_known(const char *wanted)
{
	for (unsigned int r = 0; r < REASON_COUNT; r++)
		if (same(core_reason_name((enum core_reason)r), wanted))
			return true;
	return false;
}

static bool predicate_known(const char *what, const char *more)
{
	static const char *const plain[] = {"owner",   "acting", "alias",  "writable",
					    "running", "INIT",	 "BACKUP", "CLAIMING",
					    "MASTER",  "FAULT",	 "MAINT",  NULL};

	if (same(what, "flag"))
		return bit_known(core_flag_name, more);
	if (same(what, "blocked"))
		return bit_known(core_blocker_name, more);
	if (same(what, "reason"))
		return reason_known(more);
	return *more == '\0' && is_one_of(what, plain);
}

static bool claim_known(const struct story *story, const struct words *words)
{
	static const char *const pairs[] = {"owners", "masters", "writable", NULL};
	unsigned int first = same(word(words, 0), "not");
	const char *who = word(words, first), *what = word(words, first + 1);

	if (same(who, "nobody"))
		return same(what, "acting") && words->count == first + 2;
	if (same(who, "two"))
		return is_one_of(what, pairs) && words->count == first + 2;
	if (same(who, "param") || same(who, "routes"))
		return words->count == first + 2 &&
		       (node_of(story, what) >= 0 || same(what, "nobody"));
	return node_of(story, who) >= 0 && words->count <= first + 3 &&
	       predicate_known(what, word(words, first + 2));
}

bool story_knows(const struct story *story, const struct words *words, enum story_part part)
{
	static const char *const counted[] = {"route_writes", "puts",	   "touches",
					      "transitions",  "takeovers", "out",
					      "dual",	      "mis",	   NULL};

	switch (part) {
	case STORY_ACTION:
		return action_known(story, words);
	case STORY_CLAIM:
		return claim_known(story, words);
	case STORY_COUNTED:
		return words->count == 1 && is_one_of(word(words, 0), counted);
	}
	return false;
}
