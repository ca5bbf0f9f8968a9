/* SPDX-License-Identifier: MIT */
/*
 * What a mysqld says of itself beyond being alive: connections, Galera,
 * replication, its position. Statements and column names of MySQL 5.7 to 9
 * and MariaDB 10.5 to 11. On a session of myclient.h, in its worker.
 */
#ifndef AGENT_MYSTATE_H
#define AGENT_MYSTATE_H

#include "agent/mycheck.h"
#include "agent/myclient.h"

/* Galera: values of wsrep_local_state that matter. */
#define MYSTATE_DONOR 2
#define MYSTATE_SYNCED 4

struct mystate_galera {
	bool known;
	bool ready;
	int local_state;
};

/* The statement of a check: its first cell is 1. */
const char *mystate_alive(const struct myclient *client);
/* Takes what the answer to it says. Returns false when it is not that answer. */
bool mystate_alive_row(const struct myclient_row *row, struct mycheck_facts *facts);

/* SHOW REPLICA STATUS or its elder; STOP, START and RESET likewise. */
const char *mystate_replica_word(const struct myclient *client);
bool mystate_source_words(const struct myclient *client);

/*
 * Runs @sql and lets the server's refusal be: it goes to @problem with its
 * number. Anything but MYCLIENT_DONE means that the session has ended.
 */
enum myclient_end mystate_ask(struct myclient *client, const char *sql, myclient_row_fn *fn,
			      void *arg, char problem[static 160],
			      const struct myclient_limit *limit);

/* Position and replication; fills the second half of @facts, and @facts->at. */
enum myclient_end mystate_replication(struct myclient *client, struct mycheck_facts *facts,
				      const struct myclient_limit *limit);
/* Connections, and Galera's state if @galera is given. */
enum myclient_end mystate_status(struct myclient *client, struct mycheck_facts *facts,
				 struct mystate_galera *galera, const struct myclient_limit *limit);

#endif
