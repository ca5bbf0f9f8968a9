/* SPDX-License-Identifier: MIT */
/*
 * Puts the parts on one loop and passes events between them. May not decide
 * anything: jobs come from aws.c, their fate is task.c's.
 */
#include "aws/worker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aws/ec2.h"
#include "aws/http.h"
#include "aws/ssm.h"
#include "aws/task.h"

#define IDLE_SPARE 8 /* connections to IMDS and STS, and those that reads take turns on */
/* Parameters are written one after another, or their service throttles. */
#define SSM_WIDTH_MAX 8

/* A task may end, and free itself, when it is woken or cancelled. */
static void wake_all(struct worker *worker)
{
	struct task *next;

	for (struct task *task = worker->tasks; task; task = next) {
		next = task_next(task);
		task_wake(task);
	}
}

static bool differs(const struct aws_identity *a, const struct aws_identity *b)
{
	return a->known != b->known || a->credentials_until != b->credentials_until ||
	       a->interface_count != b->interface_count ||
	       memcmp(a->interfaces, b->interfaces, sizeof(a->interfaces)) != 0 ||
	       strcmp(a->region, b->region) != 0 || strcmp(a->instance_id, b->instance_id) != 0 ||
	       strcmp(a->zone, b->zone) != 0 || strcmp(a->source, b->source) != 0 ||
	       strcmp(a->routes_source, b->routes_source) != 0 ||
	       strcmp(a->problem, b->problem) != 0;
}

/* The first of them that AWS may ask about is the one to show. */
static const char *problem_of(const struct worker *worker)
{
	const char *why = identity_self(worker->identity)->problem;

	if (!*why)
		why = supply_problem(chain_supply(worker->chain));
	if (!*why)
		why = supply_problem(worker->keys);
	if (!*why)
		why = supply_problem(worker->route_keys);
	return why;
}

/* Nothing is said while a first answer is still to come: half of it is not worth acting on. */
static bool worth_telling(const struct worker *worker)
{
	if (!identity_complete(worker->identity))
		return true;
	if (!supply_creds(worker->keys))
		return *supply_problem(worker->keys) ||
		       *supply_problem(chain_supply(worker->chain));
	return supply_tried(worker->route_keys);
}

static void tell(struct worker *worker)
{
	struct aws_identity self = *identity_self(worker->identity);
	bool news = false;

	if (!worth_telling(worker))
		return;
	self.credentials_until =
		mono_min(supply_until(worker->keys), supply_until(worker->route_keys));
	self.known = identity_complete(worker->identity) && self.credentials_until > 0;
	(void)snprintf(self.source, sizeof(self.source), "%s", supply_source(worker->keys));
	if (worker->route_keys != worker->keys)
		(void)snprintf(self.routes_source, sizeof(self.routes_source), "%s",
			       supply_source(worker->route_keys));
	(void)snprintf(self.problem, sizeof(self.problem), "%s", problem_of(worker));
	memcpy(self.notices, notices_all(worker->notices), sizeof(self.notices));
	self.generation = worker->told.generation + (differs(&self, &worker->told) ? 1 : 0);
	for (unsigned int k = 0; k < AWS_NOTICES; k++)
		news |= !aws_notice_same(&self.notices[k], &worker->told.notices[k]);
	if (self.generation == worker->told.generation && !news)
		return;
	worker->told = self;
	worker->hooks.changed(worker->hooks.arg, &self);
}

static void on_round(void *arg)
{
	struct worker *worker = arg;

	if (identity_complete(worker->identity)) {
		lane_identify(worker->ec2);
		if (worker->routes != worker->ec2)
			lane_identify(worker->routes);
		lane_identify(worker->ssm);
		if (worker->own_role)
			assume_identify(worker->own_role);
		if (worker->routes_role)
			assume_identify(worker->routes_role);
		supply_start(chain_supply(worker->chain));
	}
	tell(worker);
	wake_all(worker);
}

/* Credentials came, or did not: roles that hang on them, then the jobs. */
static void on_keys(void *arg)
{
	struct worker *worker = arg;

	tell(worker);
	wake_all(worker);
}

static void on_own_role(void *arg)
{
	struct worker *worker = arg;

	if (worker->routes_role)
		assume_parent_changed(worker->routes_role);
	on_keys(worker);
}

static void on_chain(void *arg)
{
	struct worker *worker = arg;

	if (worker->own_role)
		assume_parent_changed(worker->own_role);
	else if (worker->routes_role)
		assume_parent_changed(worker->routes_role);
	on_keys(worker);
}

static void on_notice(void *arg)
{
	tell(arg);
}

static void on_lane_changed(void *arg)
{
	wake_all(arg);
}

static void ping_ssm(struct buf *body, const char *subject)
{
	body->overflow |= ssm_get(body, subject) < 0;
}

static struct lane_config lane_config(struct worker *worker, const char *service)
{
	return (struct lane_config){
		.service = service,
		.content_type = "application/x-www-form-urlencoded; charset=utf-8",
		.loop = worker->loop,
		.http = worker->http,
		.settings = &worker->settings,
		.identity = worker->identity,
		.supply = worker->keys,
		.origin = chain_supply(worker->chain),
		.clock = &worker->clock,
		.budget = &worker->budget,
		.connects = &worker->hooks.tally->connects,
		.changed = on_lane_changed,
		.arg = worker,
	};
}

static struct assume *open_role(struct worker *worker, const struct sts_role *role, supply_fn *fn)
{
	struct assume_config config = {.lane = lane_config(worker, "sts"),
				       .parent = worker->keys,
				       .clock = &worker->clock,
				       .role = *role,
				       .changed = fn,
				       .arg = worker};

	config.lane.url = worker->settings.sts;
	return assume_open(&config);
}

/* Our own credentials, the role that a profile puts on top, and the role for the routes. */
static bool open_keys(struct worker *worker)
{
	const struct settings *settings = &worker->settings;
	struct sts_role own = {settings->own.arn, settings->own.external_id, settings->own.session};
	struct sts_role routes = {settings->role_arn, settings->external_id, settings->session};

	worker->chain = chain_open(worker->loop, worker->http, worker->imds, settings);
	if (!worker->chain)
		return false;
	chain_watch(worker->chain, on_chain, worker);
	worker->keys = chain_supply(worker->chain);
	if (*own.arn) {
		worker->own_role = open_role(worker, &own, on_own_role);
		if (!worker->own_role)
			return false;
		worker->keys = assume_supply(worker->own_role);
	}
	worker->route_keys = worker->keys;
	if (*routes.arn) {
		worker->routes_role = open_role(worker, &routes, on_keys);
		if (!worker->routes_role)
			return false;
		worker->route_keys = assume_supply(worker->routes_role);
	}
	return true;
}

static bool open_lanes(struct worker *worker)
{
	const struct settings *settings = &worker->settings;
	bool shared = worker->route_keys == worker->keys;
	struct lane_config ec2 = lane_config(worker, "ec2");
	struct lane_config ssm = lane_config(worker, "ssm");

	ec2.url = settings->ec2;
	ec2.warm_max = ec2.width_max = LANE_WARM_MAX;
	ec2.ping = ec2_describe_table_dry;
	ec2.warm = shared ? settings->warm : 0;
	worker->ec2 = lane_open(&ec2);
	worker->routes = worker->ec2;
	if (!shared) {
		ec2.supply = worker->route_keys;
		ec2.warm = settings->warm;
		worker->routes = lane_open(&ec2);
	}
	ssm.content_type = "application/x-amz-json-1.1";
	ssm.url = settings->ssm;
	ssm.warm_max = 1; /* no client waits for the record, and reads of it keep one warm */
	ssm.width_max = SSM_WIDTH_MAX;
	ssm.warm = settings->warm;
	ssm.ping = ping_ssm;
	ssm.ping_target = SSM_TARGET_GET;
	worker->ssm = lane_open(&ssm);
	return worker->ec2 && worker->routes && worker->ssm;
}

static void open_imds(struct worker *worker)
{
	struct settings *settings = &worker->settings;
	struct err err = {""};

	if (settings->imds_problem[0])
		return;
	worker->imds = imds_open(worker->http, worker->loop, settings->imds, &err);
	(void)snprintf(settings->imds_problem, sizeof(settings->imds_problem), "%.250s", err.text);
}

struct worker *worker_open(const struct aws_config *config, const struct worker_hooks *hooks)
{
	struct worker *worker = calloc(1, sizeof(*worker));

	if (!worker)
		return NULL;
	worker->hooks = *hooks;
	settings_load(&worker->settings, config);
	worker->loop = ev_loop_new(EVFLAG_AUTO);
	if (!worker->loop)
		goto fail;
	worker->http = http_open(worker->loop, worker->settings.ca_file, config->ca_path);
	if (!worker->http)
		goto fail;
	budget_init(&worker->budget, worker->settings.budget, mono_now());
	open_imds(worker);
	worker->notices =
		notices_open(worker->loop, worker->imds, worker->settings.watch, on_notice, worker);
	worker->identity =
		identity_open(worker->loop, worker->imds, &worker->settings, on_round, worker);
	if (worker->notices && worker->identity && open_keys(worker) && open_lanes(worker))
		return worker;
fail:
	worker_close(worker);
	return NULL;
}

void worker_close(struct worker *worker)
{
	while (worker->tasks)
		task_drop(worker->tasks);
	assume_close(worker->routes_role);
	assume_close(worker->own_role);
	imds_close(worker->imds);
	notices_close(worker->notices);
	identity_close(worker->identity);
	chain_close(worker->chain);
	http_close(worker->http); /* resets what warms the lanes */
	if (worker->routes != worker->ec2)
		lane_close(worker->routes);
	lane_close(worker->ec2);
	lane_close(worker->ssm);
	if (worker->loop)
		ev_loop_destroy(worker->loop);
	explicit_bzero(&worker->settings, sizeof(worker->settings));
	free(worker);
}

void worker_submit(struct worker *worker, struct aws_job *job)
{
	task_begin(worker, job);
	http_keep(worker->http,
		  lane_width(worker->ec2) + lane_width(worker->ssm) +
			  (worker->routes == worker->ec2 ? 0 : lane_width(worker->routes)) +
			  IDLE_SPARE);
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
