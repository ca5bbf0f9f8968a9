/* SPDX-License-Identifier: MIT */
/*
 * Asks the local mysqld whether it serves, from a worker thread of its own,
 * one per track. One connection is held and used for every check; between
 * checks the worker watches that connection for EOF and the server's process
 * by pidfd. EOF is a question, not a verdict (an administrator's KILL or
 * wait_timeout gives it too): it is answered by connecting again at once.
 * No client call outlives the deadline of its check (doc/adr/0001).
 */
#ifndef AGENT_MYCHECK_H
#define AGENT_MYCHECK_H

#include <ev.h>
#include <stdint.h>

#include "agent/base/err.h"
#include "agent/base/ip.h"
#include "agent/base/mono.h"

enum mycheck_verdict {
	MYCHECK_OK,	 /* answered SELECT 1 in time */
	MYCHECK_HUNG,	 /* no answer within the deadline: counts towards fall */
	MYCHECK_FAILED,	 /* answered, but with an error or nonsense: counts towards fall */
	MYCHECK_DEAD,	 /* process gone, connection refused, server shutting down: no counting */
	MYCHECK_AUTH,	 /* alive, but refuses our login: says nothing about its health */
	MYCHECK_FULL,	 /* alive, "too many connections" */
	MYCHECK_UNKNOWN, /* cannot tell: our own problem (no memory, bad option) */
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

struct mycheck_config {	    /* strings are copied by mycheck_open */
	const char *socket; /* "" = TCP to host:port */
	struct ip host;
	uint16_t port;
	const char *user;
	const char *password_file; /* "" = none; first line, re-read at each connect */
	mono_us interval;	   /* start to start */
	mono_us timeout;	   /* of one whole check, connect and login included */
};

struct mycheck;
typedef void mycheck_fn(void *arg, unsigned int track, const struct mycheck_result *result);

/* "OK", "HUNG", ... */
const char *mycheck_verdict_name(enum mycheck_verdict verdict);

/* Starts the worker; @fn runs on @loop. Returns NULL with @err set. */
struct mycheck *mycheck_open(struct ev_loop *loop, unsigned int track,
			     const struct mycheck_config *config, mycheck_fn *fn, void *arg,
			     struct err *err);
/* Ends the worker within 200 ms, whatever hangs. Not from inside @fn. */
void mycheck_close(struct mycheck *check);

#endif
