/* SPDX-License-Identifier: MIT */
/*
 * Reads and judges nothing. What a server does not know or does not let us
 * see stays "not known", with the reason; only the end of the session ends a
 * reading. See mystate.h.
 */
#include "agent/mystate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "agent/myverdict.h"

/* super_read_only came with MySQL 5.7.8; MariaDB has none. */
static bool has_super(const struct myclient *client)
{
	return !myclient_mariadb(client) && myclient_version(client) >= 50708;
}

const char *mystate_alive(const struct myclient *client)
{
	return has_super(client) ? "SELECT 1, @@global.read_only AS read_only, "
				   "@@global.super_read_only AS super_read_only"
				 : "SELECT 1, @@global.read_only AS read_only";
}

/* A boolean variable: 1, 0, -1. MariaDB 12 has words for degrees of it. */
static int truth(const char *cell)
{
	if (!cell)
		return -1;
	return strcmp(cell, "0") != 0 && strcasecmp(cell, "OFF") != 0;
}

bool mystate_alive_row(const struct myclient_row *row, struct mycheck_facts *facts)
{
	facts->read_only = truth(myclient_cell(row, "read_only"));
	facts->super_read_only = truth(myclient_cell(row, "super_read_only"));
	return row->count > 0 && row->cells[0] && strcmp(row->cells[0], "1") == 0;
}

/* MySQL 8.0.22 and MariaDB 10.5.1 know REPLICA; MySQL 8.4 knows nothing else. */
const char *mystate_replica_word(const struct myclient *client)
{
	unsigned long since = myclient_mariadb(client) ? 100501 : 80022;

	return myclient_version(client) >= since ? "REPLICA" : "SLAVE";
}

bool mystate_source_words(const struct myclient *client)
{
	return !myclient_mariadb(client) && myclient_version(client) >= 80023;
}

enum myclient_end mystate_ask(struct myclient *client, const char *sql, myclient_row_fn *fn,
			      void *arg, char problem[static 160],
			      const struct myclient_limit *limit)
{
	enum myclient_end end = myclient_run(client, sql, fn, arg, limit);
	char text[128];

	if (end != MYCLIENT_ERROR)
		return end;
	myverdict_clean(text, sizeof(text), myclient_text(client));
	(void)snprintf(problem, 160, "%u %s", myclient_code(client), text);
	return myclient_fd(client) >= 0 ? MYCLIENT_DONE : MYCLIENT_ERROR;
}

/* --- replication -------------------------------------------------------------------- */

/* By its name of today or by its elder one. */
static const char *either(const struct myclient_row *row, const char *name, const char *elder)
{
	const char *cell = myclient_cell(row, name);

	return cell ? cell : myclient_cell(row, elder);
}

static bool says(const char *cell, const char *word)
{
	return cell && strcasecmp(cell, word) == 0;
}

/* False: too long to be kept, so not known. */
static bool keep(char to[static MYGTID_TEXT_MAX], const char *from)
{
	if (!from || strlen(from) >= MYGTID_TEXT_MAX)
		return false;
	myverdict_clean(to, MYGTID_TEXT_MAX, from);
	for (char *at = to; *at; at++)
		if (*at == '?') /* a newline between the sets of two servers */
			*at = ' ';
	return true;
}

struct reading {
	struct mycheck_facts *facts;
	unsigned int rows;
	bool too_long;
};

static bool take_status(void *arg, const struct myclient_row *row)
{
	struct reading *reading = arg;
	struct mycheck_facts *facts = reading->facts;
	const char *lag = either(row, "Seconds_Behind_Source", "Seconds_Behind_Master");
	const char *host = either(row, "Source_Host", "Master_Host");
	const char *port = either(row, "Source_Port", "Master_Port");
	const char *received = either(row, "Gtid_IO_Pos", "Retrieved_Gtid_Set");
	const char *why = myclient_cell(row, "Last_SQL_Error");

	if (reading->rows++ > 0) /* further channels: the first is the one that counts */
		return true;
	facts->replica = true;
	facts->io_running = says(either(row, "Replica_IO_Running", "Slave_IO_Running"), "Yes");
	facts->sql_running = says(either(row, "Replica_SQL_Running", "Slave_SQL_Running"), "Yes");
	facts->lag_s = lag ? strtol(lag, NULL, 10) : -1;
	facts->source_port = (uint16_t)(port ? strtoul(port, NULL, 10) : 0);
	myverdict_clean(facts->source, sizeof(facts->source), host ? host : "");
	if (!why || !why[0])
		why = myclient_cell(row, "Last_IO_Error");
	if (why && why[0])
		myverdict_clean(facts->problem, sizeof(facts->problem), why);
	reading->too_long |= received && !keep(facts->received, received);
	return true;
}

/* MariaDB: what was written here, by anybody, and what replication has applied. */
static bool take_position(void *arg, const struct myclient_row *row)
{
	struct reading *reading = arg;
	const char *first = row->count > 0 ? row->cells[0] : NULL;
	const char *second = row->count > 1 ? row->cells[1] : NULL;
	char both[2 * MYGTID_TEXT_MAX];

	(void)snprintf(both, sizeof(both), "%s%s%s", first ? first : "",
		       first && first[0] && second && second[0] ? "," : "", second ? second : "");
	reading->too_long |= !keep(reading->facts->executed, both);
	return true;
}

enum myclient_end mystate_replication(struct myclient *client, struct mycheck_facts *facts,
				      const struct myclient_limit *limit)
{
	const char *position =
		myclient_mariadb(client)
			? "SELECT @@global.gtid_binlog_state, @@global.gtid_slave_pos"
			: "SELECT @@global.gtid_executed";
	struct reading reading = {.facts = facts};
	enum myclient_end end;
	char status[32];
	char refused[160] = "";

	facts->known = false;
	facts->replica = facts->io_running = facts->sql_running = false;
	facts->lag_s = -1;
	facts->source_port = 0;
	facts->source[0] = facts->executed[0] = facts->received[0] = facts->problem[0] = '\0';
	(void)snprintf(status, sizeof(status), "SHOW %s STATUS", mystate_replica_word(client));
	/* Received before executed: so what was received is never newer than it is said to be. */
	end = mystate_ask(client, status, take_status, &reading, refused, limit);
	if (end == MYCLIENT_DONE && !refused[0])
		end = mystate_ask(client, position, take_position, &reading, refused, limit);
	facts->at = mono_now();
	if (end != MYCLIENT_DONE)
		(void)snprintf(facts->problem, sizeof(facts->problem),
			       "the server does not answer the question");
	else if (refused[0])
		(void)snprintf(facts->problem, sizeof(facts->problem), "%s", refused);
	else if (reading.too_long)
		(void)snprintf(facts->problem, sizeof(facts->problem),
			       "the position is longer than %d bytes", MYGTID_TEXT_MAX - 1);
	else
		facts->known = true;
	return end;
}

/* --- status variables ------------------------------------------------------------------ */

struct status {
	struct mycheck_facts *facts;
	struct mystate_galera *galera;
};

static bool take_variable(void *arg, const struct myclient_row *row)
{
	struct status *status = arg;
	const char *name = row->count == 2 ? row->cells[0] : NULL;
	const char *value = row->count == 2 ? row->cells[1] : NULL;

	if (!name || !value)
		return true;
	if (strcasecmp(name, "Threads_connected") == 0)
		status->facts->connections = (unsigned int)strtoul(value, NULL, 10);
	if (strcasecmp(name, "max_connections") == 0)
		status->facts->connections_max = (unsigned int)strtoul(value, NULL, 10);
	if (status->galera && strcasecmp(name, "wsrep_ready") == 0) {
		status->galera->known = true;
		status->galera->ready = strcasecmp(value, "ON") == 0;
	}
	if (status->galera && strcasecmp(name, "wsrep_local_state") == 0)
		status->galera->local_state = (int)strtol(value, NULL, 10);
	return true;
}

enum myclient_end mystate_status(struct myclient *client, struct mycheck_facts *facts,
				 struct mystate_galera *galera, const struct myclient_limit *limit)
{
	struct status status = {.facts = facts, .galera = galera};
	enum myclient_end end;
	char refused[160] = "";

	facts->connections_max = 0;
	if (galera)
		*galera = (struct mystate_galera){.known = false};
	end = mystate_ask(client,
			  galera ? "SHOW GLOBAL STATUS WHERE Variable_name IN "
				   "('Threads_connected', 'wsrep_ready', 'wsrep_local_state')"
				 : "SHOW GLOBAL STATUS LIKE 'Threads_connected'",
			  take_variable, &status, refused, limit);
	if (end == MYCLIENT_DONE && !refused[0])
		end = mystate_ask(client, "SELECT 'max_connections', @@global.max_connections",
				  take_variable, &status, refused, limit);
	return end;
}
