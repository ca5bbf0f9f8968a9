/* SPDX-License-Identifier: MIT */
/*
 * What is asked and done on the worker's session once the server serves: the
 * row that says it is alive, the probes that the configuration adds, the
 * looks at replication, and orders. Knows no sockets and no threads.
 */
#ifndef AGENT_MYTASK_H
#define AGENT_MYTASK_H

#include "agent/mycheck.h"
#include "agent/myclient.h"
#include "agent/myorder.h"
#include "agent/mystate.h"

struct mytask {
	const struct mycheck_config *config;
	struct mycheck_facts facts;
	struct mystate_galera galera;
	mono_us next_look;
	mono_us began; /* the probe under way */
	bool writing;  /* the probe has come to its write */
	bool crowded;  /* every connection was taken at the last look */
	/* what the last probe found */
	char query_problem[160];
	char write_problem[160];
	unsigned int write_code;
	unsigned long stuck; /* session of a write that was never answered, 0 = none */
	mono_us stuck_since;
	/* the gate under way */
	bool gating;
	struct mycheck_order gate;
	struct mygate_watch watch;
};

void mytask_init(struct mytask *task, const struct mycheck_config *config);

/* The one question of every check. */
enum myclient_end mytask_alive(struct mytask *task, struct myclient *client,
			       const struct myclient_limit *limit);
/* The user's query, and a write where this node acts. */
enum myclient_end mytask_probe(struct mytask *task, struct myclient *client, enum mycheck_role role,
			       const struct myclient_limit *limit);
/* Makes of an OK what it is, with evidence. */
void mytask_judge(const struct mytask *task, enum mycheck_role role, struct mycheck_result *result);

bool mytask_due(const struct mytask *task);
enum myclient_end mytask_look(struct mytask *task, struct myclient *client,
			      const struct myclient_limit *limit);

/* @client may be NULL. A gate only begins here; every other order ends. */
enum myclient_end mytask_obey(struct mytask *task, struct myclient *client,
			      const struct mycheck_order *order, struct mycheck_report *report,
			      const struct myclient_limit *limit);
/* One look of the gate under way; @report counts when gating has ended. */
enum myclient_end mytask_gate(struct mytask *task, struct myclient *client,
			      struct mycheck_report *report, const struct myclient_limit *limit);

#endif
