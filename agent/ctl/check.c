/* SPDX-License-Identifier: MIT */
/*
 * CRITICAL is what clients of the VIP feel or will feel at the next fault of
 * this very node; WARNING is what a person should look at in working hours: the
 * spare is not ready, somebody froze it, two hosts disagree. Pure.
 */
#include "agent/ctl/check.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "agent/ctl/facts.h"

#define SETTLE_S 15 /* a change under way is no disagreement */

struct checking {
	const char *node;
	struct text found[CHECK_UNKNOWN + 1]; /* by level, joined by "; " */
	struct text *numbers;
};

__attribute__((format(printf, 3, 4))) static void find(struct checking *checking,
						       enum check_level level, const char *fmt, ...)
{
	struct text *found = &checking->found[level];
	struct text what = {""};
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(what.s, sizeof(what.s), fmt, args); /* cut is fine */
	va_end(args);
	text_clean(&what);
	for (char *bar = what.s; (bar = strchr(bar, '|'));)
		*bar = '/'; /* what follows a bar would be taken for numbers */
	text_add(found, "%s%s", found->s[0] ? "; " : "", what.s);
}

static bool among(const char *word, const char *const *words, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(word, words[i]) == 0)
			return true;
	return false;
}

static void check_flags(struct checking *checking, const json_t *instance, const char *name)
{
	static const char *const critical[] = {"degraded", "unpromoted", "alias_fight",
					       "route_fight", "partial"};
	const json_t *flags = json_object_get(instance, "flags");

	for (size_t i = 0; i < json_array_size(flags); i++) {
		const char *flag = json_string_value(json_array_get(flags, i));

		if (flag)
			find(checking,
			     among(flag, critical, sizeof(critical) / sizeof(critical[0]))
				     ? CHECK_CRITICAL
				     : CHECK_WARNING,
			     "%s %s", name, flag);
	}
}

static void check_facts(struct checking *checking, const json_t *instance, const char *name)
{
	bool settled = text_number(instance, "since_s", 0) > SETTLE_S;
	bool master = strcmp(text_of(instance, "state_name").s, "MASTER") == 0;
	struct text why;

	switch (facts_compare(checking->node, instance, &why)) {
	case FACTS_AGREE:
		find(checking, CHECK_OK, "%s %s: %s", name, text_of(instance, "state_name").s,
		     why.s);
		break;
	case FACTS_DIFFER:
		find(checking, master && settled ? CHECK_CRITICAL : CHECK_WARNING, "%s: %s", name,
		     why.s);
		break;
	case FACTS_UNKNOWN:
		find(checking, settled ? CHECK_WARNING : CHECK_OK, "%s: %s", name, why.s);
		break;
	}
}

static void check_instance(struct checking *checking, const json_t *instance)
{
	struct text name = text_of(instance, "iname");
	struct text state = text_of(instance, "state_name");
	struct text against = text_list(instance, "not_eligible_because", ", ");

	if (strcmp(state.s, "FAULT") == 0)
		find(checking, CHECK_CRITICAL, "%s FAULT (%s)", name.s,
		     text_of(instance, "reason").s);
	else if (against.s[0])
		find(checking, CHECK_WARNING, "%s %s, could not take the VIP: %s", name.s, state.s,
		     against.s);
	check_flags(checking, instance, name.s);
	check_facts(checking, instance, name.s);
	text_add(checking->numbers, " '%s_state'=%.0f '%s_term'=%.0f", name.s,
		 text_number(instance, "state", 0), name.s,
		 text_number(json_object_get(instance, "record"), "version", 0));
}

static void check_peer(struct checking *checking, const json_t *peer)
{
	struct text name = text_of(peer, "name");

	if (!text_true(peer, "proven"))
		find(checking, CHECK_WARNING, "peer %s is not heard", name.s);
	else if (!text_true(peer, "hears_us"))
		find(checking, CHECK_WARNING, "peer %s does not hear us", name.s);
	if (text_true(peer, "proven") && !text_true(peer, "config_match"))
		find(checking, CHECK_WARNING, "peer %s has another configuration", name.s);
	text_add(checking->numbers, " '%s_rtt'=%.6fs", name.s,
		 text_number(peer, "rtt_ms", 0) / 1e3);
}

static void check_node(struct checking *checking, const json_t *status)
{
	const json_t *aws = json_object_get(status, "aws");
	struct text reload = text_of(json_object_get(status, "config"), "reload_error");
	struct text problem = text_of(aws, "problem");

	if (reload.s[0])
		find(checking, CHECK_WARNING, "the last reload failed: %s", reload.s);
	if (problem.s[0])
		find(checking, CHECK_WARNING, "AWS: %s", problem.s);
	if (!text_true(json_object_get(status, "notify"), "connected"))
		find(checking, CHECK_WARNING, "zonevip-notify is not there");
	text_add(checking->numbers, "loop_late=%.6fs",
		 text_number(json_object_get(status, "loop"), "late_max_ms", 0) / 1e3);
}

enum check_level check_status(const json_t *status, const char *instance, struct text *line,
			      struct text *numbers)
{
	const json_t *instances = json_object_get(status, "instances");
	const json_t *peers = json_object_get(status, "peers");
	struct text node = text_of(status, "node");
	struct checking checking = {.node = node.s, .numbers = numbers};
	enum check_level level = CHECK_OK;
	size_t seen = 0;

	*line = *numbers = (struct text){""};
	check_node(&checking, status);
	for (size_t i = 0; i < json_array_size(instances); i++) {
		const json_t *one = json_array_get(instances, i);

		if (instance && strcmp(text_of(one, "iname").s, instance) != 0)
			continue;
		check_instance(&checking, one);
		seen++;
	}
	for (size_t i = 0; i < json_array_size(peers); i++)
		check_peer(&checking, json_array_get(peers, i));
	if (seen == 0)
		find(&checking, CHECK_UNKNOWN, "no instance %s", instance ? instance : "at all");
	/* UNKNOWN only says that we were asked for nothing that exists: it is worst. */
	for (int l = CHECK_UNKNOWN; l >= CHECK_OK; l--) {
		if (!checking.found[l].s[0])
			continue;
		if (!line->s[0])
			level = (enum check_level)l;
		text_add(line, "%s%s", line->s[0] ? "; " : "", checking.found[l].s);
	}
	return level;
}

const char *check_level_name(enum check_level level)
{
	static const char *const names[] = {"OK", "WARNING", "CRITICAL", "UNKNOWN"};

	return names[level];
}
