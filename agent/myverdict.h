/* SPDX-License-Identifier: MIT */
/*
 * PURE: what an error of the MySQL client or server says about the server.
 */
#ifndef AGENT_MYVERDICT_H
#define AGENT_MYVERDICT_H

#include <stddef.h>

#include "agent/mycheck.h"

/* What one attempt has taught us. */
enum mymeaning {
	MYMEANS_DEAD,	   /* it says itself that it is going down */
	MYMEANS_AUTH,	   /* alive, refuses our login or our statement */
	MYMEANS_FULL,	   /* alive, no room for one more */
	MYMEANS_FAILED,	   /* answered, but cannot serve */
	MYMEANS_OURS,	   /* we cannot ask: memory, descriptors */
	MYMEANS_LOST,	   /* the session ended under us: nothing yet, ask again */
	MYMEANS_UNREACHED, /* could not connect: errno tells (myverdict_of_errno) */
};

enum mymeaning myverdict_meaning(unsigned int code);

/* Of a bare connect() to the server's address: 0 or a positive errno. */
enum mymeaning myverdict_of_errno(int error);

/* Copies foreign text: printable ASCII only, cut to @room, always terminated. */
void myverdict_clean(char *to, size_t room, const char *from);

#endif
