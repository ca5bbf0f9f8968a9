/* SPDX-License-Identifier: MIT */
/*
 * The life of one job (doc/protocol.md, "Request discipline"). May not retry:
 * what follows a first answer inside the job's deadline is one new signature
 * after new credentials or a corrected clock, the switch from ReplaceRoute to
 * CreateRoute and, should that find a route after all, back, and the further
 * pages of a listing. An outcome never claims more than was seen: a write that
 * may have left is UNKNOWN until an answer says otherwise. Long, because that
 * life is one state machine with a row for every call.
 */
#include "aws/task.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/base/log.h"
#include "aws/ec2.h"
#include "aws/reply.h"
#include "aws/ssm.h"

#define SWITCHES_MAX 2
#define PAGES_MAX 50
#define PATIENCE_MAX (5 * SEC) /* of what x-amz-retry-after may ask for */
#define WHAT_MAX (AWS_PARAM_NAME_MAX + 64)
#define BLOB_WORD "Encoded authorization failure message: "

struct task {
	struct task *next;
	struct task **link; /* what points here */
	struct worker *worker;
	struct aws_job *job;
	struct http_call *call; /* in flight, or NULL: waiting */
	struct ev_timer timer;	/* the deadline while waiting */
	bool queued;		/* a read that waits for its turn */
	bool gathers;		/* waits for others that ask about the same table */
	bool waits_for_keys;	/* for a round of its supply, else for a name */
	bool judged;		/* job->outcome and error hold an answer's verdict */
	bool create;		/* the next request is CreateRoute */
	bool resigned;
	unsigned int switches;
	unsigned int pages;
	unsigned int generation; /* of the credentials last signed with */
	int64_t offset_s;	 /* of the clock last signed with */
	char page[EC2_TOKEN_MAX];
};

static bool is_write(const struct aws_job *job)
{
	return job->call == AWS_PARAM_PUT || job->call == AWS_ROUTE_SET ||
	       job->call == AWS_TARGET_FIX;
}

static bool is_ssm(const struct aws_job *job)
{
	return job->call == AWS_PARAM_GET || job->call == AWS_PARAM_PUT ||
	       (job->call == AWS_ASK && job->ask->ssm);
}

static struct lane *lane_of(const struct task *task)
{
	const struct aws_job *job = task->job;

	if (is_ssm(job))
		return task->worker->ssm;
	if (job->call == AWS_ROUTE_GET || job->call == AWS_ROUTE_SET || job->call == AWS_TABLES ||
	    (job->call == AWS_ASK && strstr(job->ask->action, "Route")))
		return task->worker->routes; /* another account may own the tables */
	return task->worker->ec2;
}

static struct supply *supply_of(const struct task *task)
{
	return lane_supply(lane_of(task));
}

static struct ec2_target target_of(const struct task *task)
{
	const struct identity *identity = task->worker->identity;

	return (struct ec2_target){identity_eni(identity, task->job->interface),
				   identity_self(identity)->instance_id};
}

static const char *action_of(const struct task *task)
{
	switch (task->job->call) {
	case AWS_PARAM_GET:
		return "GetParameter";
	case AWS_PARAM_PUT:
		return "PutParameter";
	case AWS_ROUTE_GET:
		return "DescribeRouteTables";
	case AWS_ROUTE_SET:
		return task->create ? "CreateRoute" : "ReplaceRoute";
	case AWS_TARGET_CHECK:
		return "DescribeNetworkInterfaces";
	case AWS_TARGET_FIX:
		return "ModifyNetworkInterfaceAttribute";
	case AWS_TABLES:
		return "DescribeRouteTables";
	case AWS_INSTANCE:
		return "DescribeInstances";
	case AWS_ASK:
		return task->job->ask->action;
	case AWS_CALLS:
		break;
	}
	return "?";
}

/* "ReplaceRoute rtb-1": the call and what it is about. */
static void describe(const struct task *task, char what[static WHAT_MAX])
{
	const struct aws_job *job = task->job;
	const char *subject = is_ssm(job) ? job->name : job->table_id;
	char address[IP_TEXT_MAX];

	if (job->call == AWS_TARGET_CHECK && job->vip.family)
		subject = ip_format(&job->vip, address);
	else if (job->call == AWS_TARGET_CHECK || job->call == AWS_TARGET_FIX)
		subject = target_of(task).eni;
	else if (job->call == AWS_TABLES)
		subject = identity_vpc(task->worker->identity);
	else if (job->call == AWS_INSTANCE)
		subject = job->instance_id;
	(void)snprintf(what, WHAT_MAX, "%s %s", action_of(task), subject);
}

static void describe_right(const struct task *task, char right[static WHAT_MAX])
{
	const char *where = "resource * (it knows no other)";

	if (is_ssm(task->job))
		where = "this parameter";
	else if (task->job->call == AWS_ROUTE_SET)
		where = "this route table";
	else if (task->job->call == AWS_TARGET_FIX)
		where = "this network interface";
	(void)snprintf(right, WHAT_MAX, "%s:%s on %s", is_ssm(task->job) ? "ssm" : "ec2",
		       action_of(task), where);
}

/* --- the end ------------------------------------------------------------------------- */

static void unlink_task(struct task *task)
{
	ev_timer_stop(task->worker->loop, &task->timer);
	*task->link = task->next;
	if (task->next)
		task->next->link = task->link;
	free(task);
}

/* One read was the answer to all that wait beside it. */
static void hand_back(struct worker *worker, struct aws_job *job)
{
	const struct aws_job first = *job;

	worker->hooks.done(worker->hooks.arg, job);
	for (struct aws_job *next = first.beside; next;) {
		job = next;
		next = job->beside;
		job->outcome = first.outcome;
		job->sent = first.sent;
		job->done = first.done;
		memcpy(job->error, first.error, sizeof(job->error));
		job->beside = NULL;
		worker->hooks.done(worker->hooks.arg, job);
	}
}

static void finish(struct task *task)
{
	struct worker *worker = task->worker;
	struct aws_job *job = task->job;

	job->done = mono_now();
	worker->hooks.tally->hour = budget_hour(&worker->budget, job->done);
	if (job->outcome != OUTCOME_NOT_SENT) {
		worker->hooks.tally->calls[job->call]++;
		if (job->outcome != OUTCOME_OK && job->outcome != OUTCOME_ABSENT &&
		    job->outcome != OUTCOME_EXISTS)
			worker->hooks.tally->failures[job->call]++;
	}
	unlink_task(task);
	hand_back(worker, job);
}

__attribute__((format(printf, 3, 4))) static void end(struct task *task, enum outcome outcome,
						      const char *fmt, ...)
{
	struct aws_job *job = task->job;
	char what[WHAT_MAX];
	char why[384];
	va_list args;

	describe(task, what);
	va_start(args, fmt);
	(void)vsnprintf(why, sizeof(why), fmt, args); /* a cut sentence still helps */
	va_end(args);
	(void)snprintf(job->error, sizeof(job->error), "%.120s: %.380s", what, why);
	reply_copy(job->error, sizeof(job->error), job->error);
	job->outcome = outcome;
	finish(task);
}

/*
 * The request at hand did not leave. After an answer to an earlier one that
 * verdict stands. Else a write did not happen; a read tells that the service
 * cannot be reached, which is evidence, unless it is our own doing (@own).
 */
static void end_unsent(struct task *task, bool own, const char *why)
{
	if (task->judged)
		finish(task);
	else
		end(task, own || is_write(task->job) ? OUTCOME_NOT_SENT : OUTCOME_UNKNOWN, "%s",
		    why);
}

/* --- sending -------------------------------------------------------------------------- */

static void on_reply(void *arg, struct http_reply *reply);
static void go(struct task *task);

static void wait_for(struct task *task, bool keys)
{
	task->waits_for_keys = keys;
	ev_timer_stop(task->worker->loop, &task->timer);
	ev_now_update(task->worker->loop);
	ev_timer_set(&task->timer, mono_seconds(mono_max(task->job->deadline - mono_now(), 0)),
		     0.0);
	ev_timer_start(task->worker->loop, &task->timer);
}

static void on_waited(struct ev_loop *loop, struct ev_timer *timer, int events)
{
	struct task *task = timer->data;
	struct err err = {""};

	(void)loop;
	(void)events;
	if (task->gathers) {
		task->gathers = false;
		go(task);
		return;
	}
	if (mono_now() < task->job->deadline) {
		wait_for(task, task->waits_for_keys);
		return;
	}
	if (task->queued)
		(void)err_set(&err, "the calls before it took all of its time");
	else
		(void)lane_ready(lane_of(task), &err);
	end_unsent(task, task->queued, err.text);
}

static void build(struct task *task, struct buf *body)
{
	struct ec2_target ours = target_of(task);
	struct aws_job *job = task->job;
	int ret = 0;

	switch (job->call) {
	case AWS_PARAM_GET:
		ret = ssm_get(body, job->name);
		break;
	case AWS_PARAM_PUT:
		ret = ssm_put(body, job);
		break;
	case AWS_ROUTE_GET:
		ec2_describe_table(body, job->table_id, task->page);
		break;
	case AWS_ROUTE_SET:
		(void)snprintf(job->route_eni, sizeof(job->route_eni), "%s", ours.eni);
		ec2_set_route(body, task->create, job, &ours);
		break;
	case AWS_TARGET_CHECK:
		ec2_describe_interface(body, &job->vip, ours.eni,
				       identity_vpc(task->worker->identity));
		break;
	case AWS_TARGET_FIX:
		ec2_check_off(body, ours.eni);
		break;
	case AWS_TABLES:
		ec2_describe_tables(body, identity_vpc(task->worker->identity), job->tag,
				    task->page);
		break;
	case AWS_INSTANCE:
		ec2_describe_instance(body, job->instance_id);
		break;
	case AWS_ASK:
		if (!job->ask->ssm)
			ec2_begin(body, job->ask->action);
		(void)buf_append(body, job->ask->body, strlen(job->ask->body));
		break;
	case AWS_CALLS:
		break;
	}
	body->overflow |= ret < 0;
}

static const char *header_of(const struct aws_job *job, char target[static WHAT_MAX])
{
	if (!is_ssm(job))
		return NULL;
	if (job->call == AWS_ASK) {
		(void)snprintf(target, WHAT_MAX, "AmazonSSM.%s", job->ask->action);
		return target;
	}
	return job->call == AWS_PARAM_GET ? SSM_TARGET_GET : SSM_TARGET_PUT;
}

/* What follows a first answer is part of the call that was allowed. */
static bool affordable(const struct task *task)
{
	enum budget_need need = task->job->urgent ? BUDGET_CLAIM : BUDGET_QUIET;

	if (task->judged || task->pages > 0)
		return true;
	return budget_allows(&task->worker->budget, is_write(task->job) ? BUDGET_WRITE : need,
			     mono_now());
}

static void go(struct task *task)
{
	struct worker *worker = task->worker;
	struct aws_job *job = task->job;
	char target[WHAT_MAX];
	struct lane_request request = {
		.target = header_of(job, target),
		.reply_max = is_ssm(job) ? REPLY_SSM_MAX : REPLY_EC2_MAX,
		/* What follows an answer is bounded by the deadline alone. */
		.not_after = task->judged || task->pages > 0 ? MONO_NEVER : job->not_after,
		.deadline = job->deadline,
		.again = !is_write(job),
	};
	struct err err = {""};
	struct buf body;
	int ret = lane_ready(lane_of(task), &err);

	ev_timer_stop(worker->loop, &task->timer);
	task->queued = ret == 0 && !is_write(job) && lane_full(lane_of(task));
	if (ret == -EAGAIN || task->queued) {
		wait_for(task, false);
		return;
	}
	if (ret < 0) {
		end_unsent(task, ret == -ENOTCONN, err.text);
		return;
	}
	if (job->call == AWS_TABLES && !*identity_vpc(worker->identity)) {
		end(task, OUTCOME_NOT_SENT, "IMDS does not say which VPC this is");
		return;
	}
	if (!task->judged && mono_now() < worker->not_before[job->call]) {
		(void)err_set(&err, "held back: AWS throttles and asked to wait %lld ms more",
			      (long long)((worker->not_before[job->call] - mono_now()) / MSEC));
		end_unsent(task, true, err.text);
		return;
	}
	if (!affordable(task)) {
		worker->hooks.tally->held_back++;
		(void)err_set(&err, "held back: the API budget of %u calls an hour is used up",
			      worker->budget.limit);
		end_unsent(task, true, err.text);
		return;
	}
	if (*job->interface && !*target_of(task).eni) {
		(void)err_set(&err, "the ENI of %s is not known", job->interface);
		end_unsent(task, true, err.text);
		return;
	}
	buf_init(&body, is_ssm(job) ? SSM_BODY_MAX : EC2_BODY_MAX);
	build(task, &body);
	request.body = &body;
	task->generation = supply_generation(supply_of(task));
	task->offset_s = worker->clock.offset_s;
	task->call = lane_send(lane_of(task), &request, on_reply, task, &err);
	buf_free(&body);
	if (!task->call)
		end_unsent(task, true, err.text);
}

/* A call has ended: the read that has waited longest has its turn. */
static void next_turn(struct worker *worker, const struct lane *lane)
{
	struct task *oldest = NULL;

	if (lane_full(lane))
		return;
	for (struct task *task = worker->tasks; task; task = task->next)
		if (task->queued && lane_of(task) == lane)
			oldest = task; /* they are linked newest first */
	if (oldest)
		go(oldest);
}

static void over(struct task *task, const struct http_reply *reply)
{
	task->call = NULL;
	lane_over(lane_of(task), reply);
	next_turn(task->worker, lane_of(task));
}

/* --- answers ----------------------------------------------------------------------------- */

static void next_page(struct task *task, const char *page)
{
	if (++task->pages >= PAGES_MAX) {
		end(task, OUTCOME_UNKNOWN, "the listing does not end after %u pages", PAGES_MAX);
		return;
	}
	memcpy(task->page, page, sizeof(task->page));
	if (!page[0])
		task->job->table_count = 0; /* begun anew */
	go(task);
}

/* Status 200. */
static void take_answer(struct task *task, const struct http_reply *reply)
{
	struct ec2_target ours = target_of(task);
	const char *text = reply->body.data;
	size_t length = reply->body.length;
	struct aws_job *job = task->job;
	char page[EC2_TOKEN_MAX] = "";
	struct err err = {""};
	int ret = -EBADMSG;

	job->error[0] = '\0';
	switch (job->call) {
	case AWS_PARAM_GET:
		ret = ssm_read_parameter(text, length, job, &err);
		break;
	case AWS_PARAM_PUT:
		ret = ssm_read_version(text, length, job, &err);
		break;
	case AWS_ROUTE_GET:
		ret = ec2_read_table(text, length, job, &ours, page, &err);
		break;
	case AWS_ROUTE_SET:
		ret = ec2_read_done(text, length, &err);
		break;
	case AWS_TARGET_CHECK:
		ret = ec2_read_interface(text, length, job, ours.eni, &err);
		break;
	case AWS_TARGET_FIX:
		ret = ec2_read_done(text, length, &err);
		break;
	case AWS_TABLES:
		ret = ec2_read_tables(text, length, job, page, &err);
		if (ret == 0 && page[0])
			ret = -ENOENT; /* there is more */
		break;
	case AWS_INSTANCE:
		ret = ec2_read_instance(text, length, job, &err);
		break;
	case AWS_ASK:
		ret = 0;
		break;
	case AWS_CALLS:
		break;
	}
	if (ret == 0) {
		job->outcome = OUTCOME_OK;
		finish(task);
	} else if (ret == -ENOENT && page[0]) {
		next_page(task, page);
	} else if (ret == -ENOENT && (job->call == AWS_TARGET_CHECK || job->call == AWS_INSTANCE)) {
		end(task, OUTCOME_ABSENT, "%s", err.text);
	} else {
		end(task, ret == -EPROTOTYPE ? OUTCOME_REFUSED : OUTCOME_UNKNOWN, "%s", err.text);
	}
}

/* Signing again may help, once: with the right time, or with other credentials. */
static void sign_again(struct task *task, bool clock, int64_t date)
{
	struct worker *worker = task->worker;

	if (task->resigned) {
		finish(task);
		return;
	}
	task->resigned = true;
	if ((clock && clock_correct(&worker->clock, date)) ||
	    task->offset_s != worker->clock.offset_s ||
	    task->generation != supply_generation(supply_of(task)))
		go(task);
	else if (supply_renew(supply_of(task)))
		wait_for(task, true);
	else
		finish(task);
}

static void switch_route(struct task *task, bool create)
{
	struct aws_job *job = task->job;

	if (job->call != AWS_ROUTE_SET || task->create == create ||
	    task->switches == SWITCHES_MAX) {
		finish(task);
	} else if (create && !job->create) {
		end(task, OUTCOME_ABSENT, "no route to replace, and creating one is switched off");
	} else {
		task->switches++;
		task->create = create;
		go(task);
	}
}

/* For an operator's sts decode-authorization-message; too long for one line. */
static void log_blob(struct worker *worker, const char *what, const char *message)
{
	const char *blob = strstr(message, BLOB_WORD);
	unsigned int held;
	unsigned int part = 0;

	if (!blob || !log_gate(&worker->blob_gate, 600, &held))
		return;
	for (blob += strlen(BLOB_WORD); *blob; part++) {
		size_t length = strnlen(blob, 800);

		log_event(LOG_LV_INFO, "aws_denied", "call=\"%s\" part=%u encoded=%.*s", what, part,
			  (int)length, blob);
		blob += length;
	}
}

/* A listing's page token may expire between two pages: begin anew. */
static bool page_expired(const struct task *task, const struct reply_fault *fault)
{
	return task->page[0] && (strcmp(fault->code, "InvalidNextToken") == 0 ||
				 strcmp(fault->code, "InvalidPaginationToken") == 0);
}

static void judge(struct task *task, const struct http_reply *reply)
{
	struct aws_job *job = task->job;
	char right[WHAT_MAX];
	char what[WHAT_MAX];
	struct reply_fault fault = {.code = ""};

	if (is_ssm(job))
		reply_fault_ssm(reply->status, reply->error_type, reply->body.data,
				reply->body.length, &fault);
	else
		reply_fault_ec2(reply->status, reply->body.data, reply->body.length, &fault);
	describe(task, what);
	describe_right(task, right);
	log_blob(task->worker, what, fault.message);
	if (page_expired(task, &fault)) {
		next_page(task, (const char[EC2_TOKEN_MAX]){""});
		return;
	}
	reply_sentence(&fault, reply->status, what, right, job->error, sizeof(job->error));
	/* None of ours is a dry run, so that this one would have been is no success. */
	job->outcome = fault.outcome == OUTCOME_OK ? OUTCOME_UNKNOWN : fault.outcome;
	task->judged = true;
	if (fault.outcome == OUTCOME_THROTTLED && reply->retry_after > 0)
		task->worker->not_before[job->call] =
			mono_now() + mono_min(reply->retry_after, PATIENCE_MAX);
	if (job->call == AWS_ASK) {
		memcpy(job->ask->code, fault.code, sizeof(job->ask->code));
		job->outcome = fault.outcome; /* a dry run may well be what was asked */
	}
	switch (fault.remedy) {
	case REPLY_CREATE_ROUTE:
	case REPLY_REPLACE_ROUTE:
		switch_route(task, fault.remedy == REPLY_CREATE_ROUTE);
		break;
	case REPLY_RENEW:
	case REPLY_CORRECT_CLOCK:
		sign_again(task, fault.remedy == REPLY_CORRECT_CLOCK, reply->date);
		break;
	case REPLY_ASK_IMDS:
		identity_renew(task->worker->identity); /* for the next job */
		finish(task);
		break;
	case REPLY_GIVE_UP:
	case REPLY_NAME_RIGHT:
		finish(task);
		break;
	}
}

/* The bare answer, for whoever asked a question of its own. */
static void keep_reply(struct aws_ask *ask, const struct http_reply *reply)
{
	free(ask->reply);
	ask->reply = strndup(reply->body.length ? reply->body.data : "", reply->body.length);
	ask->reply_length = ask->reply ? strlen(ask->reply) : 0;
	ask->status = reply->status;
	ask->date = reply->date;
	ask->code[0] = '\0';
}

static void on_reply(void *arg, struct http_reply *reply)
{
	struct task *task = arg;
	struct aws_job *job = task->job;
	char why[512];

	over(task, reply);
	if (reply->sent)
		job->sent = reply->sent_at;
	switch (reply->end) {
	case HTTP_DONE:
		clock_hear(&task->worker->clock, reply->date);
		if (job->call == AWS_ASK)
			keep_reply(job->ask, reply);
		if (reply->status == 200)
			take_answer(task, reply);
		else
			judge(task, reply);
		return;
	case HTTP_LATE:
		end_unsent(task, true, "too old to be sent when it could have been");
		return;
	case HTTP_TIMEOUT:
		(void)snprintf(why, sizeof(why), "no answer from %s by the deadline",
			       lane_host(lane_of(task)));
		break;
	case HTTP_FAILED:
		(void)snprintf(why, sizeof(why), "%s: %s", lane_host(lane_of(task)), reply->error);
		break;
	}
	if (reply->sent)
		end(task, OUTCOME_UNKNOWN, "%s", why);
	else
		end_unsent(task, false, why);
}

/* --- many addresses, one table ---------------------------------------------------------------
 *
 * A read of a table shows every route in it, so with many addresses the quiet
 * reads of one table wait a moment for each other and are one call. None is
 * answered by a call that left before it was asked.
 */

static bool same_read(const struct aws_job *a, const struct aws_job *b)
{
	return a->call == AWS_ROUTE_GET && b->call == AWS_ROUTE_GET &&
	       strcmp(a->table_id, b->table_id) == 0 && strcmp(a->interface, b->interface) == 0 &&
	       a->target_instance == b->target_instance;
}

static void gather(struct task *task, mono_us patience)
{
	task->gathers = true;
	ev_timer_stop(task->worker->loop, &task->timer);
	ev_now_update(task->worker->loop);
	ev_timer_set(&task->timer, mono_seconds(patience), 0.0);
	ev_timer_start(task->worker->loop, &task->timer);
}

/* True when a read that has not left yet takes this one along. */
static bool join(struct worker *worker, struct aws_job *job)
{
	for (struct task *task = worker->tasks; task; task = task->next) {
		struct aws_job *first = task->job;

		if (!task->gathers || !same_read(first, job) || first->deadline > job->deadline)
			continue;
		job->beside = first->beside;
		first->beside = job;
		first->not_after = mono_min(first->not_after, job->not_after);
		if (job->urgent && !first->urgent)
			gather(task, job->patience);
		first->urgent |= job->urgent;
		return true;
	}
	return false;
}

/* --- from outside --------------------------------------------------------------------------- */

void task_begin(struct worker *worker, struct aws_job *job)
{
	mono_us now = mono_now();
	struct task *task;

	job->outcome = OUTCOME_NOT_SENT;
	job->sent = 0;
	job->beside = NULL;
	if (worker->settings.read_only && is_write(job))
		(void)snprintf(job->error, sizeof(job->error), "observe is on: nothing is written");
	if (!job->error[0] && now <= job->not_after && join(worker, job))
		return;
	task = job->error[0] ? NULL : calloc(1, sizeof(*task));
	if (!task) {
		job->done = now;
		if (!job->error[0])
			(void)snprintf(job->error, sizeof(job->error), "no memory for the call");
		worker->hooks.done(worker->hooks.arg, job);
		return;
	}
	task->worker = worker;
	task->job = job;
	ev_timer_init(&task->timer, on_waited, 0.0, 0.0);
	task->timer.data = task;
	task->next = worker->tasks;
	task->link = &worker->tasks;
	if (task->next)
		task->next->link = &task->next;
	worker->tasks = task;
	if (now > job->not_after || now >= job->deadline) {
		end(task, OUTCOME_NOT_SENT, "too old to be sent: it waited too long in the queue");
		return;
	}
	if (is_ssm(job) ? job->call != AWS_ASK : job->table_id[0] != '\0')
		lane_expect(lane_of(task), is_ssm(job) ? job->name : job->table_id);
	if (job->call == AWS_ROUTE_GET && job->patience > 0 &&
	    now + job->patience < mono_min(job->not_after, job->deadline))
		gather(task, job->patience);
	else
		go(task);
}

void task_wake(struct task *task)
{
	if (task->call || task->gathers || task->queued ||
	    (task->waits_for_keys && supply_asking(supply_of(task))))
		return;
	if (task->waits_for_keys && task->generation == supply_generation(supply_of(task)))
		finish(task); /* nothing better: the refusal stands */
	else
		go(task);
}

void task_cancel(struct task *task)
{
	struct aws_job *job = task->job;
	mono_us sent = 0;

	if (!is_write(job))
		return;
	if (task->call) {
		sent = http_abort(task->call);
		over(task, NULL);
	}
	if (sent)
		job->sent = sent;
	if (job->sent)
		end(task, OUTCOME_UNKNOWN, "cancelled after it was sent");
	else
		end(task, OUTCOME_NOT_SENT, "cancelled before it was sent");
}

void task_drop(struct task *task)
{
	if (task->call) {
		(void)http_abort(task->call);
		lane_over(lane_of(task), NULL);
	}
	while (task->job) {
		struct aws_job *job = task->job;

		task->job = job->beside;
		aws_job_free(job);
	}
	unlink_task(task);
}

struct task *task_next(const struct task *task)
{
	return task->next;
}

unsigned int task_instance(const struct task *task)
{
	return task->job->instance;
}
