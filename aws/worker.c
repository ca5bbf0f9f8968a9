/* SPDX-License-Identifier: MIT */
/*
 * Puts the parts on one loop and passes events between them. May not decide
 * anything: jobs come from aws.c, their fate is task.c's.
 */
#include "aws/worker.h"

#include <stdlib.h>
#include <string.h>

#include "aws/ec2.h"
#include "aws/http.h"
#include "aws/ssm.h"
#include "aws/task.h"

/* A task may end, and free itself, when it is woken or cancelled. */
static void wake_all(struct worker *worker, enum task_event event)
{
	struct task *next;

	for (struct task *task = worker->tasks; task; task = next) {
		next = task_next(task);
		task_wake(task, event);
	}
}

static bool differs(const struct aws_identity *a, const struct aws_identity *b)
{
	return a->known != b->known || a->credentials_until != b->credentials_until ||
	       strcmp(a->region, b->region) != 0 || strcmp(a->instance_id, b->instance_id) != 0 ||
	       strcmp(a->eni, b->eni) != 0 || strcmp(a->zone, b->zone) != 0 ||
	       strcmp(a->role, b->role) != 0 || strcmp(a->problem, b->problem) != 0;
}

static void on_round(void *arg)
{
	struct worker *worker = arg;
	const struct aws_identity *self = identity_self(worker->identity);

	lane_identify(worker->ec2);
	lane_identify(worker->ssm);
	if (differs(self, &worker->told)) {
		worker->told = *self;
		worker->hooks.changed(worker->hooks.arg, self);
	}
	wake_all(worker, TASK_IDENTITY_ROUND);
}

static void on_lane_changed(void *arg)
{
	wake_all(arg, TASK_NAME_KNOWN);
}

static void ping_ssm(struct buf *body, const char *subject)
{
	body->overflow |= ssm_get(body, subject) < 0;
}

static bool open_lanes(struct worker *worker, const struct aws_config *config)
{
	struct lane_config lane = {
		.service = "ec2",
		.content_type = "application/x-www-form-urlencoded; charset=utf-8",
		.url = worker->url_ec2,
		.allow_http = config->allow_http,
		.warm = config->warm,
		.ping = ec2_describe_table_dry,
		.loop = worker->loop,
		.http = worker->http,
		.identity = worker->identity,
		.clock = &worker->clock,
		.connects = &worker->hooks.tally->connects,
		.changed = on_lane_changed,
		.arg = worker,
	};

	worker->ec2 = lane_open(&lane);
	lane.service = "ssm";
	lane.content_type = "application/x-amz-json-1.1";
	lane.url = worker->url_ssm;
	lane.ping = ping_ssm;
	lane.ping_target = SSM_TARGET_GET;
	worker->ssm = lane_open(&lane);
	return worker->ec2 && worker->ssm;
}

struct worker *worker_open(const struct aws_config *config, const struct worker_hooks *hooks)
{
	struct worker *worker = calloc(1, sizeof(*worker));

	if (!worker)
		return NULL;
	worker->hooks = *hooks;
	worker->loop = ev_loop_new(EVFLAG_AUTO);
	worker->url_ec2 = strdup(config->endpoint_ec2);
	worker->url_ssm = strdup(config->endpoint_ssm);
	if (!worker->loop || !worker->url_ec2 || !worker->url_ssm)
		goto fail;
	worker->http = http_open(worker->loop, config->ca_file, config->ca_path);
	if (!worker->http)
		goto fail;
	worker->identity = identity_open(worker->loop, worker->http, config, on_round, worker);
	if (worker->identity && open_lanes(worker, config))
		return worker;
fail:
	worker_close(worker);
	return NULL;
}

void worker_close(struct worker *worker)
{
	while (worker->tasks)
		task_drop(worker->tasks);
	identity_close(worker->identity);
	http_close(worker->http); /* resets what warms the lanes */
	lane_close(worker->ec2);
	lane_close(worker->ssm);
	if (worker->loop)
		ev_loop_destroy(worker->loop);
	free(worker->url_ec2);
	free(worker->url_ssm);
	free(worker);
}

void worker_submit(struct worker *worker, struct aws_job *job)
{
	task_begin(worker, job);
}

void worker_cancel(struct worker *worker, unsigned int instance)
{
	struct task *next;

	for (struct task *task = worker->tasks; task; task = next) {
		next = task_next(task);
		if (task_instance(task) == instance)
			task_cancel(task);
	}
}

void worker_cancel_all(struct worker *worker)
{
	struct task *next;

	for (struct task *task = worker->tasks; task; task = next) {
		next = task_next(task);
		task_cancel(task);
	}
}
