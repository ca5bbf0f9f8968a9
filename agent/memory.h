/* SPDX-License-Identifier: MIT */
/*
 * What the agent remembers: the state file, read at start and written when
 * something in it changes, and the journal of every step of the core. Nothing
 * here waits for a disk (agent/keeper.h does), and without a state directory
 * the agent runs as well as with one.
 */
#ifndef AGENT_MEMORY_H
#define AGENT_MEMORY_H

#include "agent/agent.h"
#include "agent/keeper.h"

struct memory;

/*
 * Right after core_init(): restores what an earlier run left in @directory and
 * begins the journal. A file that cannot be believed is ignored with one
 * warning. Returns NULL only without memory for it.
 */
struct memory *memory_open(struct agent *agent, const char *directory);
void memory_close(struct memory *memory);

/* After each step of the core, with the event and what it led to (agent->todo). */
void memory_step(struct memory *memory, const struct event *ev);

/*
 * After core_carry(), before the next step: the journal goes on with the
 * machine as it is now. The names of the configuration before are read here
 * for the last time.
 */
void memory_reload(struct memory *memory);

struct memory_view {
	bool open; /* there is a state directory */
	const char *directory;
	uint64_t journal_max;
	struct keeper_counters counters;
};

void memory_view(struct memory *memory, struct memory_view *view);

#endif
