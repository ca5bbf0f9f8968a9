/* SPDX-License-Identifier: MIT */
/*
 * One connection to a mysqld, with a deadline that holds: a thin face over the
 * non-blocking calls of MariaDB Connector/C or of Oracle's libmysqlclient,
 * whichever was there at build time (doc/adr/0001). The libraries' own
 * timeouts are not used: they are whole seconds, and per read.
 *
 * A connection belongs to one thread, which has called myclient_thread_begin().
 */
#ifndef AGENT_MYCLIENT_H
#define AGENT_MYCLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/base/mono.h"

#define MYCLIENT_COLUMNS_MAX 128

struct myclient;

/* A row of an answer, for the length of a callback. */
struct myclient_row {
	unsigned int count;
	const char *names[MYCLIENT_COLUMNS_MAX];
	const char *cells[MYCLIENT_COLUMNS_MAX]; /* NULL = null */
};

/* False: seen enough. The connection is then of no use any more. */
typedef bool myclient_row_fn(void *arg, const struct myclient_row *row);

/* The cell of the column @name, NULL when it is null or there is no such column. */
const char *myclient_cell(const struct myclient_row *row, const char *name);

struct myclient_target {
	const char *socket; /* "" = TCP to host:port */
	const char *host;   /* literal address */
	uint16_t port;
	const char *user;
	const char *password; /* "" = none; no copy outlives the login */
	bool tls;	      /* TCP only: with TLS or not at all */
	const char *tls_ca;   /* PEM file; "" = the server's certificate is not checked */
};

#define MYCLIENT_TLS_ERROR 2026 /* CR_SSL_CONNECTION_ERROR */

/* What may end a call besides the server. */
struct myclient_limit {
	mono_us deadline;
	int wake_fd; /* readable: give up at once; -1 = none */
	int pid_fd;  /* readable: the server's process has ended; -1 = none */
};

enum myclient_end {
	MYCLIENT_DONE,
	MYCLIENT_ERROR,	   /* myclient_code() and myclient_text() say which */
	MYCLIENT_STRANGE,  /* answered more, or something else, than we can have asked for */
	MYCLIENT_DEADLINE, /* myclient_phase() says what was being waited for */
	MYCLIENT_WOKEN,
	MYCLIENT_EXITED,
};

/* How far a connection has come. */
enum myclient_phase {
	MYCLIENT_GREETING, /* connecting, or connected and not a word from the server yet */
	MYCLIENT_LOGIN,
	MYCLIENT_QUERY,
};

/* The library, once per process, from the main thread. 0 or -1. */
int myclient_begin(void);
/* Around the life of every thread that has a connection. 0 or -1. */
int myclient_thread_begin(void);
void myclient_thread_end(void);

/* NULL: no memory. */
struct myclient *myclient_new(void);

/*
 * Connects and logs in, once in the life of a myclient. After anything but
 * MYCLIENT_DONE it is good only for asking why and for myclient_close().
 */
enum myclient_end myclient_connect(struct myclient *client, const struct myclient_target *target,
				   const struct myclient_limit *limit);

/*
 * Asks for one row of one column and copies it to @cell ("NULL" for null),
 * cut to @room. After MYCLIENT_ERROR the connection is usable if myclient_fd()
 * is not -1: the server has answered; any other failure ends it.
 */
enum myclient_end myclient_ask(struct myclient *client, const char *sql, char *cell, size_t room,
			       const struct myclient_limit *limit);

/*
 * Runs any statement; @fn sees every row of its answer, if it gives one. NULL
 * for statements without. Errors as for myclient_ask().
 */
enum myclient_end myclient_run(struct myclient *client, const char *sql, myclient_row_fn *fn,
			       void *arg, const struct myclient_limit *limit);

/* The server's version as it names itself, "" before the greeting. */
const char *myclient_server(const struct myclient *client);
/* MariaDB, not MySQL. */
bool myclient_mariadb(const struct myclient *client);
/* 80036 for 8.0.36 */
unsigned long myclient_version(const struct myclient *client);
/* Of the session, at the server. */
unsigned long myclient_session(const struct myclient *client);

/* For poll(): -1 when not connected. */
int myclient_fd(const struct myclient *client);
/* Of the process that listens at the other end, by SO_PEERCRED; 0 = not known. */
int myclient_pid(const struct myclient *client);
enum myclient_phase myclient_phase(const struct myclient *client);
unsigned int myclient_code(const struct myclient *client);
/* Foreign text. */
const char *myclient_text(const struct myclient *client);

/* Never waits for the server. NULL is fine. */
void myclient_close(struct myclient *client);

#endif
