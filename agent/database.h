/* SPDX-License-Identifier: MIT */
/*
 * The agent's side of a change of owner as the database sees it: duties of
 * the core become orders to the worker of mycheck or hooks of the runner,
 * positions travel between the nodes, and what does not replicate from the
 * owner is told, or made, to. Rules: doc/mysql.md.
 *
 * Belongs to the agent (agent/agent.h), not to the shells: it knows both sides.
 */
#ifndef AGENT_DATABASE_H
#define AGENT_DATABASE_H

#include "agent/ahead.h"
#include "agent/core/core.h"
#include "agent/mycheck.h"
#include "agent/position.h"

/* An answer that waits for the loop's next turn: a shell never reports at once. */
struct database_answer {
	bool waits;
	uint32_t op;
	enum outcome outcome;
};

struct agent_database { /* one per instance */
	bool commands;	/* the instance gives orders to the mysqld of @track */
	int owner;	/* at the last look */
	bool look_now;	/* the owner has changed: what was foreseen before is void */
	unsigned int track;
	struct mycheck_facts facts;
	struct position positions[CORE_NODES_MAX];
	mono_us heard[CORE_NODES_MAX];	    /* when, or MONO_LONG_AGO */
	struct ahead ahead[CORE_NODES_MAX]; /* used when there are more than two nodes */
	mono_us send_at;		    /* next position to the peers */
	unsigned int burst;		    /* copies of it still to go at once */

	struct database_answer answers[CORE_DUTIES];
	uint32_t ops[CORE_DUTIES];	    /* under way at the worker or a hook, 0 = none */
	uint32_t hook_numbers[CORE_DUTIES]; /* of the runner's event, 0 = no hook */
	mono_us gate_deadline;		    /* of a gate that waits for the owner's last position */
	bool gate_waits;

	enum outcome gate; /* what the last gate, or the look ahead, said */
	char gate_text[256];
	uint64_t would_lose; /* transactions, if it were promoted now */
	bool lose_known;
	char last[320];	  /* the last order and how it ended */
	char rejoin[400]; /* what is to be done to replicate from the owner, "" = nothing */
	mono_us rejoin_after;
	bool following;
};

#endif
