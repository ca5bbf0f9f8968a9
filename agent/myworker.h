/* SPDX-License-Identifier: MIT */
/*
 * The checking itself, as one sequence: ask, report, watch, ask again, and
 * between two checks do what was ordered. Knows neither threads nor loops;
 * mycheck.c runs it on a thread of its own.
 */
#ifndef AGENT_MYWORKER_H
#define AGENT_MYWORKER_H

#include "agent/mycheck.h"
#include "agent/myserver.h"

/* The other side; every function may be called from the worker's thread at any time. */
struct myworker_peer {
	void (*result)(void *arg, const struct mycheck_result *result);
	void (*report)(void *arg, const struct mycheck_report *report);
	void (*facts)(void *arg, const struct mycheck_facts *facts);
	enum mycheck_role (*role)(void *arg);
	/* Takes the next order: fence, promote, gate, follow, in this order. */
	bool (*order)(void *arg, struct mycheck_order *order);
	/* A gate that was taken and has not been reported was taken back. */
	bool (*gate_gone)(void *arg, uint32_t op);
	void *arg;
};

struct myworker { /* all borrowed for the length of the run */
	struct mycheck_config config;
	int wake_fd;  /* readable: end the run, whatever is under way */
	int order_fd; /* readable: there is an order; an eventfd, taken in here */
	struct myworker_peer peer;
};

/* Returns when wake_fd is readable, at most some milliseconds later. */
void myworker_run(const struct myworker *config);

#endif
