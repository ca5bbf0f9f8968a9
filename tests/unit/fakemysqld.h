/* SPDX-License-Identifier: MIT */
/*
 * A process that pretends to be mysqld on a unix socket, badly: one fault a
 * life. Every connection is served by a child of its own.
 */
#ifndef TESTS_UNIT_FAKEMYSQLD_H
#define TESTS_UNIT_FAKEMYSQLD_H

#include <sys/types.h>

enum fake_fault {
	/* before the login */
	FAKE_NO_ACCEPT, /* listens with a short queue, accepts nobody */
	FAKE_SILENT,
	FAKE_DRIP,	    /* the greeting, one byte per 0.2 s */
	FAKE_GARBAGE,	    /* 1 MB of it */
	FAKE_BIG,	    /* a 16 MB greeting, header and body, over and over */
	FAKE_BIG_HEADER,    /* promises 16 MB and says no more */
	FAKE_PROGRESS,	    /* progress reports for ever, without a pause */
	FAKE_PROGRESS_DRIP, /* one, byte by byte */
	FAKE_ERROR,	    /* an error packet; fake_start's number */
	FAKE_SLAM,	    /* closes at once */
	FAKE_GREET_SLAM,    /* closes after the greeting */
	/* after the login */
	FAKE_LOGIN_SILENT, /* reads the login, answers nothing */
	FAKE_DIALOG,	   /* asks for the password in the clear, by the dialog plugin */
	FAKE_QUERY_SILENT,
	FAKE_QUERY_ERROR, /* fake_start's number */
	FAKE_QUERY_TWO,	  /* answers 2 */
	FAKE_QUERY_NULL,
	FAKE_QUERY_CELL,     /* one cell of 1 MB */
	FAKE_QUERY_ROWS,     /* rows for ever */
	FAKE_QUERY_PROGRESS, /* progress reports for ever */
	FAKE_QUERY_COLUMNS,  /* descriptions of columns for ever */
	FAKE_QUERY_FILE,     /* asks for /etc/passwd by LOAD DATA LOCAL */
	FAKE_ONCE,	     /* answers one query and closes */
	FAKE_CHATTER,	     /* answers, and now and then sends a byte unasked */
	FAKE_SHUTDOWN,	     /* as MySQL does: answers 1053 once its socket file is gone */
	FAKE_SERVES,	     /* no fault */
};

/* Returns its pid; it listens when this returns. -1 on failure. */
pid_t fake_start(const char *path, enum fake_fault fault, unsigned int number);
/* Ends it and its children. */
void fake_stop(pid_t pid);
/* Connections that it has accepted, and those that asked for nothing we know. */
unsigned int fake_connections(void);
/* True once a client has sent the contents of a file. */
int fake_robbed(void);

#endif
