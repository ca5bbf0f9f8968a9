/* SPDX-License-Identifier: MIT */
/*
 * Is another candidate's database ahead of ours? Pure. A position that was told
 * is a moment old, and so is what we know of our own server: while commits
 * flow, each would seem to be behind the other. So what was told is kept, and
 * compared with what our server has a while later: only who still lacks it
 * is behind.
 */
#ifndef AGENT_AHEAD_H
#define AGENT_AHEAD_H

#include <stdbool.h>

#include "agent/base/mono.h"
#include "agent/mygtid.h"

/* What a server that keeps up has made good by then. */
#define AHEAD_GRACE (1 * SEC)

/* Of one other node; all zero at first. */
struct ahead {
	mono_us at; /* when it told what follows; 0 = nothing to compare with */
	bool more;  /* the verdict: it has something that we lack */
	char executed[MYGTID_TEXT_MAX];
};

/*
 * @told   newest position of the other, heard at @heard.
 * @here   what we have applied or received, read from the server at @read_at.
 * Returns the verdict, which stays until there is a newer one. A text that is
 * no position changes nothing.
 */
bool ahead_look(struct ahead *ahead, const char *told, mono_us heard, const char *here,
		mono_us read_at);
/* It is no candidate any more. */
void ahead_forget(struct ahead *ahead);

#endif
