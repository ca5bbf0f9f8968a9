/* SPDX-License-Identifier: MIT */
/*
 * What lives on the worker's loop, put together: connections, identity, the
 * two services, and the jobs in hand. Internal to aws/. After worker_open()
 * everything here is called by one thread only, the one that runs the loop.
 */
#ifndef AWS_WORKER_H
#define AWS_WORKER_H

#include <ev.h>
#include <stdatomic.h>

#include "aws/assume.h"
#include "aws/aws.h"
#include "aws/budget.h"
#include "aws/chain.h"
#include "aws/clock.h"
#include "aws/identity.h"
#include "aws/lane.h"
#include "aws/notices.h"

#define WORKER_CALLS AWS_CALLS

struct task; /* aws/task.h */

struct tally { /* written by the worker, read by anybody */
	_Atomic uint64_t calls[WORKER_CALLS];
	_Atomic uint64_t failures[WORKER_CALLS];
	_Atomic uint64_t connects;
	_Atomic uint64_t held_back;
	_Atomic unsigned int hour;
};

struct worker_hooks {
	aws_job_fn *done;	  /* the job is handed over */
	aws_identity_fn *changed; /* something an operator sees is different */
	void *arg;
	struct tally *tally;
};

struct worker {
	struct ev_loop *loop;
	struct settings settings;
	struct http *http;
	struct imds *imds; /* NULL: badly configured, settings.imds_problem says how */
	struct identity *identity;
	struct chain *chain;
	struct assume *own_role;    /* of the profile, assumed for everything, or NULL */
	struct assume *routes_role; /* for the route tables, or NULL */
	struct supply *keys;	    /* for everything but the route tables */
	struct supply *route_keys;  /* for those; often the same */
	struct lane *ec2;
	struct lane *routes; /* the same as ec2 without a role of its own */
	struct lane *ssm;
	struct notices *notices;
	struct budget budget;
	mono_us not_before[AWS_CALLS]; /* AWS, throttling, asked for so much patience */
	struct clock clock;
	struct task *tasks;
	struct log_gate blob_gate;
	struct aws_identity told; /* as last handed to hooks.changed */
	struct worker_hooks hooks;
};

/* NULL without memory or descriptors. Nothing moves until the loop is run. */
struct worker *worker_open(const struct aws_config *config, const struct worker_hooks *hooks);
/* Resets what is in flight and frees the jobs in hand. */
void worker_close(struct worker *worker);

void worker_submit(struct worker *worker, struct aws_job *job);
void worker_cancel(struct worker *worker, unsigned int instance);
/* For a cancel that could not be named for want of memory: more than asked is safe. */
void worker_cancel_all(struct worker *worker);

#endif
