/* SPDX-License-Identifier: MIT */
/*
 * Statements in order, each refused or done; see myorder.h. What a server
 * refuses because it is so already (no source configured, threads stopped)
 * is no failure. Passwords stand in one buffer, which is wiped.
 */
#include "agent/myorder.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/myserver.h"
#include "agent/mystate.h"

#define SESSIONS_MAX 8192 /* at one look; fencing looks until there are none */
#define LOOKS_MAX 20
#define DRAIN (300 * MSEC) /* for what runs when sessions are drained */
#define SQL_MAX (MYGTID_TEXT_MAX + 1024)

/* One order on its way. */
struct steps {
	struct myclient *client;
	const struct myclient_limit *limit;
	struct mycheck_report *report;
	enum myclient_end end; /* DONE as long as the session lives */
	bool failed;
};

/* The session ended under it, or the time was over: nobody knows how far it came. */
static void lost(struct steps *steps, const char *what)
{
	steps->failed = true;
	steps->report->outcome = OUTCOME_UNKNOWN;
	(void)snprintf(steps->report->text, sizeof(steps->report->text), "%s: %s", what,
		       steps->end == MYCLIENT_DEADLINE ? "not done in time"
						       : "the session has ended");
}

static void refuse(struct steps *steps, const char *what, const char *why)
{
	steps->failed = true;
	steps->report->outcome = OUTCOME_REFUSED;
	(void)snprintf(steps->report->text, sizeof(steps->report->text), "%s: %s", what, why);
}

/* @what is told instead of @sql, which may have a password in it. */
static void run(struct steps *steps, const char *sql, const char *what)
{
	char problem[160] = "";

	if (steps->failed)
		return;
	steps->end = mystate_ask(steps->client, sql, NULL, NULL, problem, steps->limit);
	if (steps->end != MYCLIENT_DONE)
		lost(steps, what);
	else if (problem[0])
		refuse(steps, what, problem);
}

/* The same, but the server may well say that there is nothing to do. */
static void try(struct steps *steps, const char *sql)
{
	unsigned int code;

	if (steps->failed)
		return;
	run(steps, sql, sql);
	code = steps->end == MYCLIENT_DONE ? myclient_code(steps->client) : 0;
	/* 1200, 1617: no source configured; 3084: threads are stopped already */
	if (steps->failed && steps->end == MYCLIENT_DONE &&
	    (code == 1200 || code == 1617 || code == 3084))
		steps->failed = false;
}

static bool take_truths(void *arg, const struct myclient_row *row)
{
	struct mycheck_facts *facts = arg;

	return mystate_alive_row(row, facts);
}

/* What counts in the end is what the server says then. */
static void expect(struct steps *steps, int read_only)
{
	struct mycheck_facts facts = {.read_only = -1};
	char problem[160] = "";

	if (steps->failed)
		return;
	steps->end = mystate_ask(steps->client, mystate_alive(steps->client), take_truths, &facts,
				 problem, steps->limit);
	if (steps->end != MYCLIENT_DONE)
		lost(steps, "reading read_only back");
	else if (facts.read_only != read_only)
		refuse(steps, "reading read_only back",
		       problem[0] ? problem : "it is not what was set");
}

static enum myclient_end finish(struct steps *steps, const char *done)
{
	if (!steps->failed) {
		steps->report->outcome = OUTCOME_OK;
		(void)snprintf(steps->report->text, sizeof(steps->report->text), "%s", done);
	}
	return steps->end;
}

static bool super_read_only(struct steps *steps)
{
	return strstr(mystate_alive(steps->client), "super_read_only") != NULL;
}

/* --- promote ---------------------------------------------------------------------- */

enum myclient_end myorder_promote(struct myclient *client, const struct mycheck_order *order,
				  const struct mycheck_facts *facts, struct mycheck_report *report,
				  const struct myclient_limit *limit)
{
	struct steps steps = {.client = client, .limit = limit, .report = report};
	const char *word = mystate_replica_word(client);
	char sql[64];
	char done[200];

	if (facts->replica || !facts->known) {
		(void)snprintf(sql, sizeof(sql), "STOP %s", word);
		try(&steps, sql);
		(void)snprintf(sql, sizeof(sql), "RESET %s ALL", word);
		if (order->reset)
			try(&steps, sql);
	}
	if (super_read_only(&steps))
		run(&steps, "SET GLOBAL super_read_only = 0", "super_read_only off");
	run(&steps, "SET GLOBAL read_only = 0", "read_only off");
	expect(&steps, 0);
	(void)snprintf(done, sizeof(done), "takes writes%s%s",
		       facts->replica ? "; no longer replicates from " : "",
		       facts->replica ? facts->source : "");
	return finish(&steps, done);
}

/* --- fence ------------------------------------------------------------------------ */

struct sessions {
	unsigned int count;
	unsigned int busy; /* of them run a statement */
	uint64_t own;
	bool idle_only;
	uint64_t ids[SESSIONS_MAX];
};

static bool take_session(void *arg, const struct myclient_row *row)
{
	struct sessions *sessions = arg;
	uint64_t id = row->count == 2 && row->cells[0] ? strtoull(row->cells[0], NULL, 10) : 0;
	bool busy = row->count == 2 && row->cells[1] && strcmp(row->cells[1], "Sleep") != 0;

	if (!id || id == sessions->own)
		return true;
	sessions->busy += busy;
	if ((!busy || !sessions->idle_only) && sessions->count < SESSIONS_MAX)
		sessions->ids[sessions->count++] = id;
	return true;
}

/* Everybody but the server's own threads, replicas that read from here, and us. */
#define CLIENT_SESSIONS                                                                            \
	"SELECT id, command FROM information_schema.processlist WHERE user NOT IN "                \
	"('system user', 'event_scheduler') AND command NOT IN ('Daemon', 'Binlog Dump', "         \
	"'Binlog Dump GTID', 'Slave_IO', 'Slave_SQL', 'Slave_worker') LIMIT 2000"

/* One look: returns how many sessions are left to be looked for. */
static unsigned int end_sessions(struct steps *steps, struct sessions *sessions)
{
	char problem[160] = "";
	char sql[48];

	sessions->count = sessions->busy = 0;
	steps->end = mystate_ask(steps->client, CLIENT_SESSIONS, take_session, sessions, problem,
				 steps->limit);
	if (steps->end == MYCLIENT_DONE && problem[0])
		refuse(steps, "listing sessions", problem);
	for (unsigned int i = 0; i < sessions->count && steps->end == MYCLIENT_DONE; i++) {
		(void)snprintf(sql, sizeof(sql), "KILL %" PRIu64, sessions->ids[i]);
		problem[0] = '\0';
		steps->end = mystate_ask(steps->client, sql, NULL, NULL, problem, steps->limit);
		/* 1094: it has ended by itself */
		if (problem[0] && steps->end == MYCLIENT_DONE &&
		    myclient_code(steps->client) != 1094) {
			refuse(steps, sql, problem);
			return 0;
		}
	}
	return sessions->count + (sessions->idle_only ? sessions->busy : 0);
}

/* The server is read-only by now, whatever comes of this. */
static unsigned int clear_sessions(struct steps *steps, enum mycheck_sessions policy)
{
	struct sessions *sessions = calloc(1, sizeof(*sessions));
	mono_us until = mono_now() + (policy == MYCHECK_SESSIONS_DRAIN ? DRAIN : 0);
	unsigned int ended = 0;

	if (!sessions)
		return 0;
	sessions->own = myclient_session(steps->client);
	for (int look = 0; look < LOOKS_MAX && !steps->failed; look++) {
		unsigned int left;

		sessions->idle_only = mono_now() < until;
		left = end_sessions(steps, sessions);
		ended += sessions->count;
		if (steps->end != MYCLIENT_DONE || left == 0)
			break;
		if (sessions->idle_only) {
			char cell[8];

			steps->end = myclient_ask(steps->client, "SELECT SLEEP(0.03)", cell,
						  sizeof(cell), steps->limit);
		}
	}
	free(sessions);
	return ended;
}

enum myclient_end myorder_fence(struct myclient *client, enum mycheck_sessions sessions,
				struct mycheck_report *report, const struct myclient_limit *limit)
{
	struct steps steps = {.client = client, .limit = limit, .report = report};
	unsigned int ended = 0;
	char done[200];

	/* super_read_only brings read_only with it; both wait for commits under way. */
	if (super_read_only(&steps))
		run(&steps, "SET GLOBAL super_read_only = 1", "super_read_only on");
	else
		run(&steps, "SET GLOBAL read_only = 1", "read_only on");
	expect(&steps, 1);
	if (!steps.failed && sessions != MYCHECK_SESSIONS_KEEP)
		ended = clear_sessions(&steps, sessions);
	if (steps.failed && steps.report->outcome == OUTCOME_REFUSED && ended == 0 &&
	    strncmp(report->text, "listing", 7) == 0)
		steps.failed = false; /* no right to see them: it is fenced all the same */
	(void)snprintf(done, sizeof(done), "read-only; %u sessions ended", ended);
	return finish(&steps, done);
}

/* --- follow -------------------------------------------------------------------------- */

/* As a string of SQL, quotes included. False when it does not fit. */
static bool quote(char *to, size_t room, const char *from)
{
	size_t used = 0;

	if (room < 3)
		return false;
	to[used++] = '\'';
	for (; *from; from++) {
		if (used + 4 > room)
			return false;
		if (*from == '\'' || *from == '\\')
			to[used++] = '\\';
		to[used++] = *from;
	}
	to[used++] = '\'';
	to[used] = '\0';
	return true;
}

/* ", MASTER_USER='..', MASTER_PASSWORD='..'"; nothing when the server's own are to stay. */
static bool credentials(const struct mycheck_config *config, const char *prefix, char *text,
			size_t room, struct err *err)
{
	char password[MYSERVER_PASSWORD_MAX] = "";
	char quoted[2][2 * MYSERVER_PASSWORD_MAX + 3];
	bool ok = true;

	text[0] = '\0';
	if (!config->replication_user[0])
		return true;
	if (config->replication_password_file[0] &&
	    myserver_password(config->replication_password_file, password, err) < 0)
		return false;
	ok = quote(quoted[0], sizeof(quoted[0]), config->replication_user) &&
	     quote(quoted[1], sizeof(quoted[1]), password) &&
	     snprintf(text, room, ", %s_USER=%s, %s_PASSWORD=%s", prefix, quoted[0], prefix,
		      quoted[1]) < (int)room;
	if (!ok)
		(void)err_set(err, "replication_user or its password is too long");
	explicit_bzero(password, sizeof(password));
	explicit_bzero(quoted, sizeof(quoted));
	return ok;
}

/* MariaDB replicates from gtid_slave_pos on: what was written here must be in it. */
static void set_position(struct steps *steps, const struct mycheck_facts *facts)
{
	struct mygtid_set mine;
	const struct mygtid_set none = {.count = 0};
	char position[MYGTID_TEXT_MAX];
	char sql[SQL_MAX];

	if (steps->failed || !myclient_mariadb(steps->client))
		return;
	if (mygtid_parse(facts->executed, &mine) < 0 ||
	    !mygtid_position(&mine, &none, position, sizeof(position))) {
		refuse(steps, "own position", "cannot be read");
		return;
	}
	(void)snprintf(sql, sizeof(sql), "SET GLOBAL gtid_slave_pos = '%s'", position);
	run(steps, sql, "gtid_slave_pos");
}

static void change_source(struct steps *steps, const struct mycheck_order *order,
			  const struct mycheck_config *config)
{
	bool modern = mystate_source_words(steps->client);
	const char *prefix = modern ? "SOURCE" : "MASTER";
	const char *gtid = myclient_mariadb(steps->client) ? "MASTER_USE_GTID=slave_pos"
			   : modern			   ? "SOURCE_AUTO_POSITION=1"
							   : "MASTER_AUTO_POSITION=1";
	char who[2 * MYSERVER_PASSWORD_MAX + 512];
	char host[IP_TEXT_MAX];
	char sql[SQL_MAX + sizeof(who)];
	struct err err = {""};

	if (steps->failed)
		return;
	if (!credentials(config, prefix, who, sizeof(who), &err)) {
		refuse(steps, "credentials", err.text);
		return;
	}
	(void)snprintf(sql, sizeof(sql), "CHANGE %s TO %s_HOST='%s', %s_PORT=%u, %s%s",
		       modern ? "REPLICATION SOURCE" : "MASTER", prefix,
		       ip_format(&order->host, host), prefix, order->port, gtid, who);
	explicit_bzero(who, sizeof(who));
	run(steps, sql, "CHANGE MASTER");
	explicit_bzero(sql, sizeof(sql));
}

enum myclient_end myorder_follow(struct myclient *client, const struct mycheck_order *order,
				 const struct mycheck_config *config, struct mycheck_report *report,
				 const struct myclient_limit *limit)
{
	struct steps steps = {.client = client, .limit = limit, .report = report};
	struct mycheck_facts facts = {.read_only = -1};
	struct mygtid_set mine;
	struct mygtid_set theirs;
	char errant[160] = "";
	char sql[64];
	char done[200];
	char host[IP_TEXT_MAX];

	steps.end = mystate_replication(client, &facts, limit);
	if (steps.end != MYCLIENT_DONE)
		lost(&steps, "reading the position");
	else if (!facts.known || mygtid_parse(facts.executed, &mine) < 0 ||
		 mygtid_parse(order->theirs, &theirs) < 0 || !theirs.count)
		refuse(&steps, "positions", facts.problem[0] ? facts.problem : "not known");
	else if (mygtid_errant(&mine, &theirs, errant, sizeof(errant)))
		refuse(&steps, "errant transactions", errant);
	(void)snprintf(sql, sizeof(sql), "STOP %s", mystate_replica_word(client));
	try(&steps, sql);
	set_position(&steps, &facts);
	change_source(&steps, order, config);
	(void)snprintf(sql, sizeof(sql), "START %s", mystate_replica_word(client));
	run(&steps, sql, sql);
	(void)snprintf(done, sizeof(done), "replicates from %s port %u",
		       ip_format(&order->host, host), order->port);
	return finish(&steps, done);
}
