/* SPDX-License-Identifier: MIT */
/*
 * PURE. The text comes from a server or from a peer: every number is checked,
 * every range counted, and nothing is assumed to be sorted or disjoint.
 */
#include "agent/mygtid.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Ranges never reach this: so last + 1 cannot wrap. */
#define NUMBER_MAX (INT64_MAX - 1)

static const char *skip_space(const char *at)
{
	while (*at == ' ' || *at == '\n' || *at == '\r' || *at == '\t')
		at++;
	return at;
}

/* Reads digits; NULL if there are none or too many. */
static const char *number(const char *at, uint64_t *value)
{
	const char *from = at;

	*value = 0;
	for (; isdigit((unsigned char)*at); at++) {
		if (*value > NUMBER_MAX / 10 - 1)
			return NULL;
		*value = *value * 10 + (uint64_t)(*at - '0');
	}
	return at == from ? NULL : at;
}

static int add(struct mygtid_set *set, const char *source, uint32_t domain, uint64_t first,
	       uint64_t last)
{
	struct mygtid_range *range;

	for (unsigned int i = 0; set->mariadb && i < set->count; i++)
		if (strcmp(set->ranges[i].source, source) == 0) { /* named twice: the newer */
			if (set->ranges[i].last < last)
				set->ranges[i].last = last;
			return 0;
		}
	if (set->count == MYGTID_RANGES_MAX)
		return -E2BIG;
	range = &set->ranges[set->count++];
	*range = (struct mygtid_range){.domain = domain, .first = first, .last = last};
	(void)snprintf(range->source, sizeof(range->source), "%s", source);
	return 0;
}

/* "domain-server-sequence" */
static const char *read_mariadb(const char *at, struct mygtid_set *set, int *ret)
{
	char source[MYGTID_SOURCE_MAX];
	uint64_t domain;
	uint64_t server;
	uint64_t last;

	at = number(at, &domain);
	at = at && *at == '-' ? number(at + 1, &server) : NULL;
	at = at && *at == '-' ? number(at + 1, &last) : NULL;
	if (!at || domain > UINT32_MAX || server > UINT32_MAX || last == 0) {
		*ret = -EINVAL;
		return NULL;
	}
	(void)snprintf(source, sizeof(source), "%" PRIu64 "-%" PRIu64, domain, server);
	*ret = add(set, source, (uint32_t)domain, 1, last);
	return *ret < 0 ? NULL : at;
}

static bool is_uuid(const char *at)
{
	for (int i = 0; i < 36; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;

		if (dash ? at[i] != '-' : !isxdigit((unsigned char)at[i]))
			return false;
	}
	return true;
}

/* A tag of MySQL 8.4: up to 32 letters, digits and underscores, not beginning with a digit. */
static size_t tag_length(const char *at)
{
	size_t length = 0;

	if (!isalpha((unsigned char)*at) && *at != '_')
		return 0;
	while (isalnum((unsigned char)at[length]) || at[length] == '_')
		length++;
	return length <= 32 ? length : 0;
}

/* "uuid[:tag]:first[-last][:...]" */
static const char *read_mysql(const char *at, struct mygtid_set *set, int *ret)
{
	char source[MYGTID_SOURCE_MAX];

	for (int i = 0; i < 36; i++)
		source[i] = (char)tolower((unsigned char)at[i]);
	source[36] = '\0';
	at += 36;
	*ret = -EINVAL;
	while (*at == ':') {
		size_t tag = tag_length(++at);
		uint64_t first;
		uint64_t last;

		if (tag) {
			(void)snprintf(source + 36, sizeof(source) - 36, ":%.*s", (int)tag, at);
			at += tag;
			continue;
		}
		at = number(at, &first);
		if (!at)
			return NULL;
		last = first;
		if (*at == '-')
			at = number(at + 1, &last);
		if (!at || first == 0 || last < first) {
			*ret = -EINVAL;
			return NULL;
		}
		*ret = add(set, source, 0, first, last);
		if (*ret < 0)
			return NULL;
		at = skip_space(at);
	}
	return *ret < 0 ? NULL : at;
}

int mygtid_parse(const char *text, struct mygtid_set *set)
{
	const char *at = skip_space(text);
	int ret = 0;

	set->count = 0;
	set->mariadb = *at && !is_uuid(at);
	while (at && *at) {
		if (is_uuid(at) == set->mariadb)
			ret = -EINVAL;
		else if (set->mariadb)
			at = read_mariadb(at, set, &ret);
		else
			at = read_mysql(at, set, &ret);
		if (ret < 0 || !at)
			break;
		at = skip_space(at);
		if (*at == ',')
			at = skip_space(at + 1);
		else if (*at)
			ret = -EINVAL;
		if (ret < 0)
			break;
	}
	if (ret < 0)
		set->count = 0;
	return ret;
}

/* --- MySQL: ranges --------------------------------------------------------------- */

/* The parts of @source's [first, last] that @have lacks, one after the other. */
struct gap {
	uint64_t first;
	uint64_t last;
};

static bool next_gap(const struct mygtid_set *have, const struct mygtid_range *want, uint64_t from,
		     struct gap *gap)
{
	bool moved = true;

	while (moved && from <= want->last) { /* step over everything that covers @from */
		moved = false;
		for (unsigned int i = 0; i < have->count; i++) {
			const struct mygtid_range *range = &have->ranges[i];

			if (strcmp(range->source, want->source) == 0 && range->first <= from &&
			    from <= range->last) {
				from = range->last + 1;
				moved = true;
			}
		}
	}
	if (from > want->last)
		return false;
	*gap = (struct gap){from, want->last};
	for (unsigned int i = 0; i < have->count; i++) {
		const struct mygtid_range *range = &have->ranges[i];

		if (strcmp(range->source, want->source) == 0 && range->first > from &&
		    range->first <= gap->last)
			gap->last = range->first - 1;
	}
	return true;
}

static uint64_t missing_ranges(const struct mygtid_set *want, const struct mygtid_set *have)
{
	uint64_t count = 0;
	struct gap gap;

	for (unsigned int i = 0; i < want->count; i++)
		for (uint64_t from = want->ranges[i].first;
		     next_gap(have, &want->ranges[i], from, &gap); from = gap.last + 1)
			count += gap.last - gap.first + 1;
	return count;
}

/* --- MariaDB: domains ------------------------------------------------------------- */

/* The newest of @domain in @set; NULL when it has none. */
static const struct mygtid_range *newest(const struct mygtid_set *set, uint32_t domain)
{
	const struct mygtid_range *found = NULL;

	for (unsigned int i = 0; i < set->count; i++)
		if (set->ranges[i].domain == domain &&
		    (!found || set->ranges[i].last > found->last))
			found = &set->ranges[i];
	return found;
}

static uint64_t missing_domains(const struct mygtid_set *want, const struct mygtid_set *have)
{
	uint64_t count = 0;

	for (unsigned int i = 0; i < want->count; i++) {
		const struct mygtid_range *top = newest(want, want->ranges[i].domain);
		const struct mygtid_range *mine = newest(have, want->ranges[i].domain);
		uint64_t reached = mine ? mine->last : 0;

		if (top == &want->ranges[i] && top->last > reached)
			count += top->last - reached;
	}
	return count;
}

uint64_t mygtid_missing(const struct mygtid_set *want, const struct mygtid_set *have)
{
	return want->mariadb ? missing_domains(want, have) : missing_ranges(want, have);
}

/* The last number of @source in @set, 0 = none. */
static uint64_t last_of(const struct mygtid_set *set, const char *source)
{
	uint64_t last = 0;

	for (unsigned int i = 0; i < set->count; i++)
		if (strcmp(set->ranges[i].source, source) == 0 && set->ranges[i].last > last)
			last = set->ranges[i].last;
	return last;
}

struct list {
	char *text;
	size_t room;
	size_t used;
	uint64_t count;
};

static void name(struct list *list, const struct mygtid_range *range, const struct gap *gap,
		 bool mariadb)
{
	int length;

	list->count += gap->last - gap->first + 1;
	if (list->used >= list->room)
		return;
	length = snprintf(list->text + list->used, list->room - list->used,
			  mariadb ? "%s%s-%" PRIu64 "%s" : "%s%s:%" PRIu64 "%s",
			  list->used ? "," : "", range->source, gap->first,
			  gap->first == gap->last ? ""
			  : mariadb		  ? ".."
						  : "-");
	if (length > 0)
		list->used += (size_t)length;
	if (gap->first == gap->last || list->used >= list->room)
		return;
	length = snprintf(list->text + list->used, list->room - list->used, "%" PRIu64, gap->last);
	if (length > 0)
		list->used += (size_t)length;
}

uint64_t mygtid_errant(const struct mygtid_set *mine, const struct mygtid_set *theirs, char *text,
		       size_t room)
{
	struct list list = {.text = text, .room = room};
	struct gap gap;

	if (room)
		text[0] = '\0';
	for (unsigned int i = 0; i < mine->count; i++) {
		const struct mygtid_range *range = &mine->ranges[i];
		uint64_t known = last_of(theirs, range->source);

		if (mine->mariadb && range->last > known) {
			gap = (struct gap){known + 1, range->last};
			name(&list, range, &gap, true);
		}
		for (uint64_t from = range->first;
		     !mine->mariadb && next_gap(theirs, range, from, &gap); from = gap.last + 1)
			name(&list, range, &gap, false);
	}
	return list.count;
}

bool mygtid_position(const struct mygtid_set *a, const struct mygtid_set *b, char *text,
		     size_t room)
{
	const struct mygtid_set *sets[] = {a, b};
	size_t used = 0;

	if (room)
		text[0] = '\0';
	for (unsigned int s = 0; s < 2; s++)
		for (unsigned int i = 0; i < sets[s]->count; i++) {
			const struct mygtid_range *range = &sets[s]->ranges[i];
			const struct mygtid_range *in_a = newest(a, range->domain);
			const struct mygtid_range *in_b = newest(b, range->domain);
			const struct mygtid_range *best =
				!in_b || (in_a && in_a->last >= in_b->last) ? in_a : in_b;
			int length;

			if (best != range)
				continue;
			length = snprintf(text + used, room - used, "%s%s-%" PRIu64,
					  used ? "," : "", range->source, range->last);
			if (length < 0 || (size_t)length >= room - used)
				return false;
			used += (size_t)length;
		}
	return true;
}
