/* SPDX-License-Identifier: MIT */
/*
 * vrrp_script, track_file, track_process and the lists that name them, on
 * their way from a keepalived.conf to ours. Part of import.c, which reads.
 */
#ifndef AGENT_CTL_IMPORT_TRACKS_H
#define AGENT_CTL_IMPORT_TRACKS_H

#include <stdbool.h>
#include <stdio.h>

#define IMPORT_WORD_MAX 256
#define IMPORT_WATCHES_MAX 24
#define IMPORT_TRACKED_MAX 16

enum import_kind { IMPORT_SCRIPT, IMPORT_FILE, IMPORT_PROCESS, IMPORT_INTERFACE, IMPORT_NONE };

struct import_watch {
	enum import_kind kind;
	char name[64];
	char what[IMPORT_WORD_MAX]; /* command, file or process with arguments */
	char match[16];
	unsigned int interval, timeout, rise, fall, quorum, quorum_max; /* 0 = not there */
	int weight;
	bool weighs; /* weight was there */
};

/* One line of a list in an instance. */
struct import_tracked {
	enum import_kind kind;
	char name[64];
	int weight;
	bool weighs;
};

/* The kind that a block at the top, or a list in an instance, is about; else IMPORT_NONE. */
enum import_kind import_kind_of_block(const char *word);
enum import_kind import_kind_of_list(const char *word);

/* One item of a block; @value has all words of the line but the first. NULL, or why it is left out.
 */
const char *import_watch_learn(struct import_watch *watch, const char *word, const char *value);
/* It asks whether mysqld is there: track_mysql does that. */
bool import_watch_is_mysql(const struct import_watch *watch);

/* A block of ours. */
void import_watch_put(FILE *out, const struct import_watch *watch);
/* The lists of an instance; a script that asks mysqld is left out. */
void import_tracked_put(FILE *out, const struct import_tracked *tracked, unsigned int count,
			const struct import_watch *watches, unsigned int watch_count);

#endif
