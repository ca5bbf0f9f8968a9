/* SPDX-License-Identifier: MIT */
/*
 * PURE: sets of transactions by their global ids, in the text of both kinds
 * of server, and the two questions that promotion and rejoining ask: how many
 * are missing here, and which should not be here.
 *
 *   MySQL    "uuid[:tag]:1-100:105,..."     ranges: exact
 *   MariaDB  "0-21-1234,0-22-1300"          gtid_binlog_state: the last number
 *            of each server in each domain. Numbers of a domain run on across
 *            servers, so what is missing is an upper bound.
 */
#ifndef AGENT_MYGTID_H
#define AGENT_MYGTID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MYGTID_TEXT_MAX 1024 /* of a position, as held and sent; longer ones are not known */
#define MYGTID_RANGES_MAX 64
#define MYGTID_SOURCE_MAX 72 /* uuid, ':', a tag of 32 bytes, NUL */

struct mygtid_range {
	char source[MYGTID_SOURCE_MAX]; /* "uuid[:tag]", or "domain-server" */
	uint32_t domain;		/* MariaDB */
	uint64_t first;
	uint64_t last;
};

struct mygtid_set {
	bool mariadb; /* as the text looked; an empty set is of either kind */
	unsigned int count;
	struct mygtid_range ranges[MYGTID_RANGES_MAX];
};

/* 0, -EINVAL for what is neither form, -E2BIG. @set is empty after a failure. */
int mygtid_parse(const char *text, struct mygtid_set *set);

/* Transactions of @want that @have lacks. MariaDB: at most so many, by domain. */
uint64_t mygtid_missing(const struct mygtid_set *want, const struct mygtid_set *have);

/*
 * Transactions of @mine that @theirs lacks, as text for people and for the
 * manual of the server ("0-21-17..19"), cut to @room. Returns their number.
 */
uint64_t mygtid_errant(const struct mygtid_set *mine, const struct mygtid_set *theirs, char *text,
		       size_t room);

/*
 * MariaDB: the newest of every domain in either set, in the form that
 * gtid_slave_pos and MASTER_GTID_WAIT take. "" when there is none; false when
 * @room is too small.
 */
bool mygtid_position(const struct mygtid_set *a, const struct mygtid_set *b, char *text,
		     size_t room);

#endif
