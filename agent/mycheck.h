/* SPDX-License-Identifier: MIT */
/*
 * Asks the local mysqld whether it serves, and gives it the few orders that a
 * change of owner needs, from a worker thread of its own, one per track. One
 * connection is held and used for everything; between checks the worker
 * watches that connection for EOF and the server's process by pidfd. EOF is a
 * question, not a verdict (an administrator's KILL or wait_timeout gives it
 * too): it is answered by connecting again at once. No client call outlives
 * its deadline (doc/adr/0001). doc/mysql.md says what is asked and ordered.
 */
#ifndef AGENT_MYCHECK_H
#define AGENT_MYCHECK_H

#include <ev.h>
#include <stdbool.h>
#include <stdint.h>

#include "agent/base/err.h"
#include "agent/base/ip.h"
#include "agent/base/mono.h"
#include "agent/base/outcome.h"
#include "agent/mygtid.h"

enum mycheck_verdict {
	MYCHECK_OK,	  /* answered in time, and is what it should be */
	MYCHECK_SLOW,	  /* the same, but later than `slow` */
	MYCHECK_FULL,	  /* alive, "too many connections": not one more client gets in */
	MYCHECK_READONLY, /* alive, but takes no writes although this node acts */
	MYCHECK_STALLED,  /* answers reads; a write is not answered, or fails */
	MYCHECK_HUNG,	  /* no answer within the deadline */
	MYCHECK_FAILED,	  /* answered, but with an error or nonsense; Galera not ready */
	MYCHECK_DEAD,	  /* process gone, connection refused, server shutting down: no counting */
	MYCHECK_AUTH,	  /* alive, but refuses our login: says nothing about its health */
	MYCHECK_UNKNOWN,  /* cannot tell: our own problem (no memory, bad option) */
	MYCHECK_COUNT
};

struct mycheck_result {
	enum mycheck_verdict verdict;
	mono_us started;    /* when this check began */
	mono_us took;	    /* how long it lasted */
	unsigned int code;  /* client or server error number, 0 = none */
	int server_pid;	    /* of mysqld by SO_PEERCRED, 0 = not known (TCP, socket activation) */
	char evidence[256]; /* "SELECT 1 in 0.1 ms", "process 812 exited; ...": printable */
};

/* What the server says of itself, as of @at. */
struct mycheck_facts {
	mono_us at;  /* 0 = never read */
	bool serves; /* at the last check it answered */
	bool mariadb;
	char version[40];
	int read_only; /* 1, 0, or -1 = not known */
	int super_read_only;
	unsigned int connections; /* with connections_max, when max is not 0 */
	unsigned int connections_max;

	bool known;   /* what follows: replication was asked for, and answered */
	bool replica; /* has a source configured */
	bool io_running;
	bool sql_running;
	long lag_s; /* -1 = not known */
	char source[64];
	uint16_t source_port;
	char executed[MYGTID_TEXT_MAX]; /* the position */
	char received[MYGTID_TEXT_MAX]; /* from the source, applied or not; "" = nothing */
	char problem[160];		/* why replication is broken or not known, "" = neither */
};

enum mycheck_sessions { MYCHECK_SESSIONS_KILL, MYCHECK_SESSIONS_DRAIN, MYCHECK_SESSIONS_KEEP };

struct mycheck_config {	    /* strings are copied by mycheck_open */
	const char *socket; /* "" = TCP to host:port */
	struct ip host;
	uint16_t port;
	uint16_t admin_port; /* on 127.0.0.1, or on host: asked when the other is full; 0 = none */
	const char *user;
	const char *password_file; /* "" = none; first line, re-read at each connect */
	bool tls;
	const char *tls_ca; /* "" = the certificate is not checked */
	mono_us interval;   /* start to start */
	mono_us timeout;    /* of one whole check, connect and login included */
	mono_us slow;
	bool replication; /* positions are read, once a second */
	bool galera;
	enum mycheck_sessions sessions;
	bool write_probe;
	const char *node;  /* the row of the write probe */
	const char *query; /* "" = none */
	const char *replication_user;
	const char *replication_password_file;
};

/* What is demanded of the server. */
enum mycheck_role {
	MYCHECK_STANDBY, /* that it serves */
	MYCHECK_ACTING,	 /* that it takes writes, too */
};

enum mycheck_order_type {
	MYCHECK_GATE,	 /* may it be promoted? Waits for what it has received to be applied */
	MYCHECK_PROMOTE, /* stop replicating, take writes */
	MYCHECK_FENCE,	 /* take no writes, end clients' sessions */
	MYCHECK_FOLLOW,	 /* replicate from host:port */
	MYCHECK_ORDERS
};

enum mycheck_policy { MYCHECK_CLAIM, MYCHECK_WAIT, MYCHECK_REFUSE };

struct mycheck_order {
	enum mycheck_order_type type;
	uint32_t op; /* handed back in the report */
	mono_us deadline;
	/* GATE */
	enum mycheck_policy policy;
	bool source_alive;	      /* more may still come from there */
	char wanted[MYGTID_TEXT_MAX]; /* the owner's position, "" = not known */
	/* PROMOTE */
	bool reset; /* forget the source */
	/* FOLLOW */
	struct ip host;
	uint16_t port;
	char theirs[MYGTID_TEXT_MAX]; /* the new source's position */
};

struct mycheck_report {
	enum mycheck_order_type type;
	uint32_t op;
	/* OK: done. REFUSED: must not be, @text says why. UNKNOWN: not answered in time. */
	enum outcome outcome;
	uint64_t lost; /* GATE: transactions that the owner had and this server has not */
	mono_us took;
	char text[256]; /* printable */
};

struct mycheck;

struct mycheck_callbacks {
	void (*result)(void *arg, unsigned int track, const struct mycheck_result *result);
	void (*report)(void *arg, unsigned int track, const struct mycheck_report *report);
	void *arg;
};

/* "OK", "HUNG", ... */
const char *mycheck_verdict_name(enum mycheck_verdict verdict);
/* "gate", "promote", ... */
const char *mycheck_order_name(enum mycheck_order_type type);

/* Starts the worker; callbacks run on @loop. Returns NULL with @err set. */
struct mycheck *mycheck_open(struct ev_loop *loop, unsigned int track,
			     const struct mycheck_config *config,
			     const struct mycheck_callbacks *callbacks, struct err *err);
void mycheck_set_role(struct mycheck *check, enum mycheck_role role);
/* Copies @order. One of each type waits at most: a second replaces the first unreported. */
void mycheck_give(struct mycheck *check, const struct mycheck_order *order);
/* Takes back an order that has not begun, or a gate at any time; it is not reported. */
void mycheck_take_back(struct mycheck *check, enum mycheck_order_type type);
/* As of the last result or report. */
void mycheck_facts(struct mycheck *check, struct mycheck_facts *facts);
/* Ends the worker within 200 ms, whatever hangs. Not from inside a callback. */
void mycheck_close(struct mycheck *check);

#endif
