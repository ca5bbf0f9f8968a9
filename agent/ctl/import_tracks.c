/* SPDX-License-Identifier: MIT */
/*
 * Words are keepalived's on both sides, so this copies more than it
 * translates; what has no counterpart is named, with the reason. The table is
 * that of doc/migrate-keepalived.md.
 */
#include "agent/ctl/import_tracks.h"

#include <stdlib.h>
#include <string.h>

#define KINDS IMPORT_NONE
#define SECONDS_MAX 3600
#define WEIGHT_MAX 253

static const char *const blocks[KINDS] = {"vrrp_script", "track_file", "track_process", ""};
static const char *const lists[KINDS] = {"track_script", "track_file", "track_process",
					 "track_interface"};
static const char *const whats[KINDS] = {"script", "file", "process", ""};

static bool same(const char *a, const char *b)
{
	return strcmp(a, b) == 0;
}

enum import_kind import_kind_of_block(const char *word)
{
	/* Before 2.1 the last two began with vrrp_. */
	if (same(word, "vrrp_track_file") || same(word, "vrrp_track_process"))
		word += strlen("vrrp_");
	for (unsigned int k = 0; k < IMPORT_INTERFACE; k++)
		if (same(word, blocks[k]))
			return (enum import_kind)k;
	return IMPORT_NONE;
}

enum import_kind import_kind_of_list(const char *word)
{
	for (unsigned int k = 0; k < KINDS; k++)
		if (same(word, lists[k]))
			return (enum import_kind)k;
	return IMPORT_NONE;
}

static long number_of(const char *text, long low, long high)
{
	long value = strtol(text, NULL, 10);

	return value < low ? low : value > high ? high : value;
}

static bool learn_number(struct import_watch *watch, const char *word, const char *value)
{
	const struct {
		const char *word;
		unsigned int *field;
		long high;
	} numbers[] = {
		{"interval", &watch->interval, SECONDS_MAX},
		{"timeout", &watch->timeout, SECONDS_MAX},
		{"rise", &watch->rise, 100},
		{"fall", &watch->fall, 100},
		{"quorum", &watch->quorum, 65535},
		{"quorum_max", &watch->quorum_max, 65535},
	};

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		if (!same(word, numbers[i].word))
			continue;
		*numbers[i].field = (unsigned int)number_of(value, 1, numbers[i].high);
		return true;
	}
	return false;
}

const char *import_watch_learn(struct import_watch *watch, const char *word, const char *value)
{
	if (same(word, whats[watch->kind])) {
		(void)snprintf(watch->what, sizeof(watch->what), "%s", value);
	} else if (same(word, "weight")) {
		watch->weight = (int)number_of(value, -WEIGHT_MAX, WEIGHT_MAX);
		watch->weighs = true;
		if (strstr(value, "reverse"))
			return "'reverse': turn the exit status round in the script";
	} else if (same(word, "param_match") &&
		   (same(value, "initial") || same(value, "partial"))) {
		(void)snprintf(watch->match, sizeof(watch->match), "%s", value);
	} else if (same(word, "user")) {
		return "every script runs as script_user";
	} else if (!learn_number(watch, word, value)) {
		return "";
	}
	return NULL;
}

bool import_watch_is_mysql(const struct import_watch *watch)
{
	return watch->kind != IMPORT_FILE &&
	       (strstr(watch->what, "mysql") || strstr(watch->what, "maria") ||
		strstr(watch->name, "mysql"));
}

static void put_number(FILE *out, const char *word, unsigned int number)
{
	if (number)
		(void)fprintf(out, "\t%s %u\n", word, number);
}

void import_watch_put(FILE *out, const struct import_watch *watch)
{
	(void)fprintf(out, "%s %s {\n", blocks[watch->kind], watch->name);
	/* Words that could end the quotes early are not carried over. */
	if (strpbrk(watch->what, "\"\\"))
		(void)fprintf(out, "\t# %s: quote this yourself: %s\n", whats[watch->kind],
			      watch->what);
	else
		(void)fprintf(out, "\t%s \"%s\"\n", whats[watch->kind], watch->what);
	put_number(out, "interval", watch->interval);
	if (watch->kind == IMPORT_SCRIPT)
		put_number(out, "timeout", watch->timeout);
	if (watch->weighs)
		(void)fprintf(out, "\tweight %d\n", watch->weight);
	if (watch->kind == IMPORT_SCRIPT) {
		put_number(out, "rise", watch->rise);
		put_number(out, "fall", watch->fall);
	}
	if (watch->kind == IMPORT_PROCESS) {
		if (watch->match[0])
			(void)fprintf(out, "\tparam_match %s\n", watch->match);
		put_number(out, "quorum", watch->quorum);
		put_number(out, "quorum_max", watch->quorum_max);
	}
	(void)fprintf(out, "}\n\n");
}

static bool asks_mysqld(const struct import_tracked *tracked, const struct import_watch *watches,
			unsigned int count)
{
	for (unsigned int w = 0; w < count; w++)
		if (watches[w].kind == tracked->kind && same(watches[w].name, tracked->name))
			return import_watch_is_mysql(&watches[w]);
	return false;
}

void import_tracked_put(FILE *out, const struct import_tracked *tracked, unsigned int count,
			const struct import_watch *watches, unsigned int watch_count)
{
	for (unsigned int k = 0; k < KINDS; k++) {
		bool open = false;

		for (unsigned int t = 0; t < count; t++) {
			if (tracked[t].kind != (enum import_kind)k ||
			    asks_mysqld(&tracked[t], watches, watch_count))
				continue;
			if (!open)
				(void)fprintf(out, "\t%s {\n", lists[k]);
			open = true;
			(void)fprintf(out, "\t\t%s", tracked[t].name);
			if (tracked[t].weighs)
				(void)fprintf(out, " weight %d", tracked[t].weight);
			(void)fprintf(out, "\n");
		}
		if (open)
			(void)fprintf(out, "\t}\n");
	}
}
