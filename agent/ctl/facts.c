/* SPDX-License-Identifier: MIT */
/*
 * The record is the truth, since every node obeys it (doc/protocol.md); so the
 * others are held against it. Pure.
 */
#include "agent/ctl/facts.h"

#include <string.h>

struct comparing {
	const char *node;
	struct text owner;
	struct text differ;  /* facts that say something else */
	struct text unknown; /* facts that were not read */
	size_t routes;
};

static void compare_alias(struct comparing *facts, const json_t *instance)
{
	bool present = text_true(json_object_get(instance, "alias"), "present");
	bool ours = strcmp(facts->owner.s, facts->node) == 0;

	if (ours && !present)
		text_add(&facts->differ, "; the alias is not here");
	else if (!ours && present)
		text_add(&facts->differ, "; the alias is here");
}

static void compare_route(struct comparing *facts, const json_t *route)
{
	struct text table = text_of(route, "table");
	struct text points_at = text_of(route, "points_at");
	const char *holder = strcmp(points_at.s, "self") == 0 ? facts->node : points_at.s;

	facts->routes++;
	if (!points_at.s[0] || strcmp(points_at.s, "unknown") == 0)
		text_add(&facts->unknown, "; route %s was not read", table.s);
	else if (strcmp(points_at.s, "missing") == 0)
		text_add(&facts->differ, "; route %s is missing", table.s);
	else if (strcmp(points_at.s, "other") == 0)
		text_add(&facts->differ, "; route %s points at a stranger (%s)", table.s,
			 text_of(route, "target").s);
	else if (strcmp(holder, facts->owner.s) != 0)
		text_add(&facts->differ, "; route %s points at %s", table.s, holder);
}

enum facts facts_compare(const char *node, const json_t *instance, struct text *why)
{
	struct comparing facts = {.node = node};
	const json_t *routes = json_object_get(instance, "routes");

	*why = (struct text){""};
	facts.owner = text_of(json_object_get(instance, "record"), "value");
	if (!facts.owner.s[0]) {
		text_add(why, "the record was not read");
		return FACTS_UNKNOWN;
	}
	compare_alias(&facts, instance);
	for (size_t i = 0; i < json_array_size(routes); i++)
		compare_route(&facts, json_array_get(routes, i));
	if (facts.differ.s[0]) {
		text_add(why, "%s; the record names %s", facts.differ.s + 2, facts.owner.s);
		return FACTS_DIFFER;
	}
	if (facts.unknown.s[0]) {
		text_add(why, "%s", facts.unknown.s + 2);
		return FACTS_UNKNOWN;
	}
	text_add(why, "alias, %zu route%s and record say %s", facts.routes,
		 facts.routes == 1 ? "" : "s", facts.owner.s);
	return FACTS_AGREE;
}
