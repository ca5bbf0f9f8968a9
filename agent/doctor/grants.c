/* SPDX-License-Identifier: MIT */
/*
 * Has the account the rights for what the configuration orders: positions,
 * promotion, fence, rejoining, the write probe? Rights of roles that are
 * active at login count. The table is that of doc/mysql.md, "The account".
 */
#include "agent/doctor/doctor.h"

#include <stdlib.h>
#include <string.h>

#define LIST_MAX 4096

enum need {
	NEED_POSITIONS = 1 << 0,
	NEED_REPLICATION = 1 << 1, /* to stop it, to point it elsewhere */
	NEED_READ_ONLY = 1 << 2,
	NEED_SESSIONS = 1 << 3,
	NEED_PROBE = 1 << 4,
};

/* A right by its names, "|" between those of one meaning; in the grant the first counts. */
static const struct right {
	enum need need;
	const char *mariadb, *mysql;
} rights[] = {
	{NEED_POSITIONS, "REPLICA MONITOR|SLAVE MONITOR", "REPLICATION CLIENT"},
	{NEED_REPLICATION, "REPLICATION SLAVE ADMIN|REPLICATION REPLICA ADMIN",
	 "REPLICATION_SLAVE_ADMIN"},
	{NEED_READ_ONLY, "READ_ONLY ADMIN|READ ONLY ADMIN", "SYSTEM_VARIABLES_ADMIN"},
	{NEED_SESSIONS, "CONNECTION ADMIN", "CONNECTION_ADMIN"},
	{NEED_SESSIONS, "PROCESS", "PROCESS"},
};

static const char *const probe_rights[] = {"SELECT", "INSERT", "UPDATE"};

static unsigned int needs_of(const struct conf *conf, unsigned int track)
{
	unsigned int needs = conf->tracks[track].write_probe ? NEED_PROBE : 0;

	for (unsigned int i = 0; i < conf->instance_count; i++) {
		const struct conf_instance *in = &conf->instances[i];
		bool gate = in->gate != CONF_GATE_OFF;
		bool rejoin = in->rejoin == CONF_REJOIN_AUTO;

		if (in->track_count == 0 || in->tracks[0] != track)
			continue;
		if (gate || in->promote || in->fence || rejoin)
			needs |= NEED_POSITIONS;
		if (in->promote || rejoin)
			needs |= NEED_REPLICATION;
		if (in->promote || in->fence)
			needs |= NEED_READ_ONLY;
		if (in->fence && in->sessions != CONF_SESSIONS_KEEP)
			needs |= NEED_SESSIONS;
	}
	return needs;
}

/* One of the names in @names ("A|B") stands in @list ("X,A,Y"). */
static bool has(const char *list, const char *names)
{
	while (*names) {
		size_t length = strcspn(names, "|");

		for (const char *at = list; *at;) {
			size_t word = strcspn(at, ",");

			if (word == length && strncmp(at, names, length) == 0)
				return true;
			at += word + (at[word] == ',');
		}
		names += length + (names[length] == '|');
	}
	return false;
}

static void add(char *missing, size_t size, const char *names)
{
	size_t used = strlen(missing);

	(void)snprintf(missing + used, size - used, "%s%.*s", used ? ", " : "",
		       (int)strcspn(names, "|"), names);
}

static void check_orders(struct doctor *d, const struct conf_track_mysql *track, unsigned int needs,
			 const char *list, bool mariadb)
{
	char missing[256] = "", fix[400];

	for (size_t r = 0; r < sizeof(rights) / sizeof(rights[0]); r++) {
		const char *names = mariadb ? rights[r].mariadb : rights[r].mysql;

		/* SUPER is all of it in MySQL; in MariaDB no longer. */
		if (needs & rights[r].need && !has(list, names) &&
		    (mariadb || rights[r].need == NEED_POSITIONS || !has(list, "SUPER")))
			add(missing, sizeof(missing), names);
	}
	(void)snprintf(fix, sizeof(fix), "GRANT %s ON *.* TO '%.64s'@...", missing, track->user);
	if (missing[0])
		doctor_say(d, DOCTOR_FAIL, track->name, fix,
			   "'%s' may not do what is asked of it: %s missing", track->user, missing);
	else
		doctor_say(d, DOCTOR_OK, track->name, "",
			   "'%s' has the rights that promotion, fence and rejoining need",
			   track->user);
}

static void check_probe(struct doctor *d, const struct conf_track_mysql *track,
			struct myclient *client, const struct myclient_limit *limit)
{
	char list[512] = "", missing[64] = "", fix[256];

	if (myclient_ask(
		    client,
		    "SELECT COALESCE(GROUP_CONCAT(DISTINCT privilege_type), '') FROM ("
		    "SELECT privilege_type FROM information_schema.table_privileges "
		    "WHERE table_schema = 'zonevip' AND table_name = 'heartbeat' "
		    "UNION ALL SELECT privilege_type FROM information_schema.schema_privileges "
		    "WHERE table_schema = 'zonevip' "
		    "UNION ALL SELECT privilege_type FROM information_schema.user_privileges "
		    "WHERE privilege_type IN ('SELECT', 'INSERT', 'UPDATE')) AS rights",
		    list, sizeof(list), limit) != MYCLIENT_DONE) {
		doctor_say(d, DOCTOR_SKIP, track->name, "", "write probe: %s",
			   myclient_text(client));
		return;
	}
	for (size_t r = 0; r < sizeof(probe_rights) / sizeof(probe_rights[0]); r++)
		if (!has(list, probe_rights[r]))
			add(missing, sizeof(missing), probe_rights[r]);
	(void)snprintf(
		fix, sizeof(fix),
		"the table in doc/mysql.md, and GRANT %s ON zonevip.heartbeat TO '%.64s'@...",
		missing, track->user);
	if (missing[0])
		doctor_say(d, DOCTOR_FAIL, track->name, fix,
			   "write_probe: %s on zonevip.heartbeat missing", missing);
	else
		doctor_say(d, DOCTOR_OK, track->name, "", "write_probe: may write its row");
}

void check_grants(struct doctor *d, unsigned int index, struct myclient *client,
		  const struct myclient_limit *limit)
{
	const struct conf_track_mysql *track = &d->conf->tracks[index];
	unsigned int needs = needs_of(d->conf, index);
	char version[128] = "";
	char *list;

	if (needs == 0)
		return;
	list = calloc(1, LIST_MAX);
	if (!list)
		return;
	if (myclient_ask(client,
			 "SELECT COALESCE(GROUP_CONCAT(DISTINCT privilege_type), '') "
			 "FROM information_schema.user_privileges",
			 list, LIST_MAX, limit) != MYCLIENT_DONE ||
	    myclient_ask(client, "SELECT VERSION()", version, sizeof(version), limit) !=
		    MYCLIENT_DONE)
		doctor_say(d, DOCTOR_SKIP, track->name, "", "rights: %s", myclient_text(client));
	else if (needs & ~(unsigned int)NEED_PROBE)
		check_orders(d, track, needs, list, strstr(version, "MariaDB") != NULL);
	if (needs & NEED_PROBE)
		check_probe(d, track, client, limit);
	free(list);
}
