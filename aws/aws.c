/* SPDX-License-Identifier: MIT */
/*
 * The boundary between the main loop and the worker's: a thread and two
 * mailboxes. Each mailbox is a list behind a lock that is held for a few
 * pointer moves, and an ev_async that says there is something in it. Nothing
 * else is shared but the counters. May not touch what lives on the worker's
 * loop: worker.c does, on its own thread.
 */
#include "aws/aws.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>

#include "agent/base/log.h"
#include "aws/worker.h"

#define STACK_SIZE ((size_t)512 * 1024) /* TLS and a 16 KiB token fit with room */
#define CLOSE_MAX_NS 200000000L

struct letter { /* to the worker: a job, or the order to cancel */
	struct letter *next;
	struct aws_job *job; /* NULL: cancel */
	unsigned int instance;
};

struct aws {
	struct ev_loop *loop;	 /* the main one */
	struct ev_async arrived; /* on it */
	aws_job_fn *on_job;
	aws_identity_fn *on_identity;
	void *arg;

	pthread_t thread;
	struct worker *worker;
	struct ev_async wanted; /* on the worker's loop */
	struct tally tally;
	bool held;   /* the worker is told later, */
	bool untold; /* because there is something to tell */

	pthread_mutex_t lock; /* for all that follows */
	unsigned int budget;  /* the limit */
	pthread_cond_t ended_cond;
	struct letter *letters;
	struct letter **letters_end;
	struct letter **routes_end; /* behind the last cancel and the writes of routes since */
	bool cancel_all;
	bool stop;
	struct aws_job *jobs;
	struct aws_job **jobs_end;
	struct aws_identity *identity; /* the newest not yet reported, or NULL */
	bool ended;		       /* the worker has gone */
	bool orphan;		       /* the main loop has gone: nobody to report to */
};

/* --- the worker's side ---------------------------------------------------------------- */

static void post_job(void *arg, struct aws_job *job)
{
	struct aws *aws = arg;

	(void)pthread_mutex_lock(&aws->lock);
	if (!aws->orphan) {
		job->next = NULL;
		*aws->jobs_end = job;
		aws->jobs_end = &job->next;
		job = NULL;
		ev_async_send(aws->loop, &aws->arrived);
	}
	(void)pthread_mutex_unlock(&aws->lock);
	aws_job_free(job);
}

static void post_identity(void *arg, const struct aws_identity *identity)
{
	struct aws *aws = arg;
	struct aws_identity *copy = malloc(sizeof(*copy));
	struct aws_identity *old = copy;

	if (!copy)
		return; /* the next round of IMDS says it again */
	*copy = *identity;
	(void)pthread_mutex_lock(&aws->lock);
	if (!aws->orphan) {
		old = aws->identity;
		aws->identity = copy;
		ev_async_send(aws->loop, &aws->arrived);
	}
	(void)pthread_mutex_unlock(&aws->lock);
	free(old);
}

static void on_wanted(struct ev_loop *loop, struct ev_async *async, int events)
{
	struct aws *aws = async->data;
	struct letter *letters;
	bool cancel_all;
	bool stop;

	(void)events;
	(void)pthread_mutex_lock(&aws->lock);
	letters = aws->letters;
	aws->letters = NULL;
	aws->letters_end = aws->routes_end = &aws->letters;
	cancel_all = aws->cancel_all;
	aws->cancel_all = false;
	aws->worker->budget.limit = aws->budget;
	stop = aws->stop;
	(void)pthread_mutex_unlock(&aws->lock);

	while (letters) {
		struct letter *letter = letters;

		letters = letter->next;
		if (letter->job && stop)
			aws_job_free(letter->job);
		else if (letter->job)
			worker_submit(aws->worker, letter->job);
		else
			worker_cancel(aws->worker, letter->instance);
		free(letter);
	}
	if (cancel_all)
		worker_cancel_all(aws->worker);
	if (stop)
		ev_break(loop, EVBREAK_ALL);
}

static void *run(void *arg)
{
	struct aws *aws = arg;

	(void)ev_run(aws->worker->loop, 0);
	ev_async_stop(aws->worker->loop, &aws->wanted);
	worker_close(aws->worker);
	(void)pthread_mutex_lock(&aws->lock);
	aws->ended = true;
	(void)pthread_cond_signal(&aws->ended_cond);
	(void)pthread_mutex_unlock(&aws->lock);
	return NULL;
}

/* --- the main loop's side ---------------------------------------------------------------- */

static void on_arrived(struct ev_loop *loop, struct ev_async *async, int events)
{
	struct aws *aws = async->data;
	struct aws_identity *identity;
	struct aws_job *jobs;

	(void)loop;
	(void)events;
	(void)pthread_mutex_lock(&aws->lock);
	jobs = aws->jobs;
	aws->jobs = NULL;
	aws->jobs_end = &aws->jobs;
	identity = aws->identity;
	aws->identity = NULL;
	(void)pthread_mutex_unlock(&aws->lock);

	if (identity)
		aws->on_identity(aws->arg, identity);
	free(identity);
	while (jobs) {
		struct aws_job *job = jobs;

		jobs = job->next;
		job->next = NULL;
		aws->on_job(aws->arg, job);
	}
}

static const char *or_empty(const char *text)
{
	return text ? text : "";
}

static bool start_thread(struct aws *aws)
{
	pthread_attr_t attributes;
	sigset_t all;
	sigset_t old;
	int ret;

	if (pthread_attr_init(&attributes) != 0)
		return false;
	(void)pthread_attr_setstacksize(&attributes, STACK_SIZE);
	/* Signals are the main loop's, and a write to a reset connection must
	 * not raise SIGPIPE here. */
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &old);
	ret = pthread_create(&aws->thread, &attributes, run, aws);
	(void)pthread_sigmask(SIG_SETMASK, &old, NULL);
	(void)pthread_attr_destroy(&attributes);
	return ret == 0;
}

static void init_lock(struct aws *aws)
{
	pthread_condattr_t attributes;

	(void)pthread_mutex_init(&aws->lock, NULL);
	(void)pthread_condattr_init(&attributes);
	(void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	(void)pthread_cond_init(&aws->ended_cond, &attributes);
	(void)pthread_condattr_destroy(&attributes);
	aws->letters_end = aws->routes_end = &aws->letters;
	aws->jobs_end = &aws->jobs;
}

static void free_all(struct aws *aws)
{
	while (aws->letters) {
		struct letter *letter = aws->letters;

		aws->letters = letter->next;
		aws_job_free(letter->job);
		free(letter);
	}
	while (aws->jobs) {
		struct aws_job *job = aws->jobs;

		aws->jobs = job->next;
		aws_job_free(job);
	}
	free(aws->identity);
	(void)pthread_cond_destroy(&aws->ended_cond);
	(void)pthread_mutex_destroy(&aws->lock);
	free(aws);
	curl_global_cleanup();
}

struct aws *aws_open(struct ev_loop *loop, const struct aws_config *config, aws_job_fn *on_job,
		     aws_identity_fn *on_identity, void *arg)
{
	struct aws_config copy = *config;
	struct worker_hooks hooks = {.done = post_job, .changed = post_identity};
	struct aws *aws;

	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return NULL;
	aws = calloc(1, sizeof(*aws));
	if (!aws) {
		curl_global_cleanup();
		return NULL;
	}
	aws->loop = loop;
	aws->on_job = on_job;
	aws->on_identity = on_identity;
	aws->budget = config->budget;
	aws->arg = arg;
	init_lock(aws);
	copy.ca_file = or_empty(config->ca_file);
	copy.ca_path = or_empty(config->ca_path);
	hooks.arg = aws;
	hooks.tally = &aws->tally;
	aws->worker = worker_open(&copy, &hooks);
	if (!aws->worker) {
		free_all(aws);
		return NULL;
	}
	ev_async_init(&aws->wanted, on_wanted);
	aws->wanted.data = aws;
	ev_async_start(aws->worker->loop, &aws->wanted);
	ev_async_init(&aws->arrived, on_arrived);
	aws->arrived.data = aws;
	ev_async_start(loop, &aws->arrived);
	if (!start_thread(aws)) {
		ev_async_stop(loop, &aws->arrived);
		worker_close(aws->worker);
		free_all(aws);
		return NULL;
	}
	return aws;
}

void aws_close(struct aws *aws)
{
	struct timespec until;
	bool ended;
	int ret = 0;

	if (!aws)
		return;
	(void)clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += CLOSE_MAX_NS;
	until.tv_sec += until.tv_nsec / 1000000000L;
	until.tv_nsec %= 1000000000L;
	(void)pthread_mutex_lock(&aws->lock);
	aws->stop = true;
	aws->orphan = true;
	if (!aws->ended)
		ev_async_send(aws->worker->loop, &aws->wanted);
	while (!aws->ended && ret == 0)
		ret = pthread_cond_timedwait(&aws->ended_cond, &aws->lock, &until);
	ended = aws->ended;
	(void)pthread_mutex_unlock(&aws->lock);

	ev_async_stop(aws->loop, &aws->arrived);
	if (ended) {
		(void)pthread_join(aws->thread, NULL);
		free_all(aws);
	} else {
		/* Stuck in a library: it reports to nobody any more. What it
		 * holds is leaked rather than taken from under it. */
		log_event(LOG_LV_WARNING, "aws_stuck", "action=left_behind");
		(void)pthread_detach(aws->thread);
	}
}

static void post_letter(struct aws *aws, struct letter *letter)
{
	bool cancels = !letter || !letter->job;
	bool route = !cancels && letter->job->call == AWS_ROUTE_SET;

	(void)pthread_mutex_lock(&aws->lock);
	if (letter) {
		struct letter **at = route ? aws->routes_end : aws->letters_end;

		letter->next = *at;
		*at = letter;
		if (at == aws->letters_end)
			aws->letters_end = &letter->next;
		if (route || cancels) /* nothing overtakes a cancel */
			aws->routes_end = &letter->next;
	} else {
		aws->cancel_all = true;
	}
	(void)pthread_mutex_unlock(&aws->lock);
	aws->untold = aws->held && !cancels;
	if (!aws->untold)
		ev_async_send(aws->worker->loop, &aws->wanted);
}

void aws_hold(struct aws *aws)
{
	if (aws)
		aws->held = true;
}

void aws_release(struct aws *aws)
{
	if (!aws)
		return;
	aws->held = false;
	if (aws->untold)
		ev_async_send(aws->worker->loop, &aws->wanted);
	aws->untold = false;
}

void aws_submit(struct aws *aws, struct aws_job *job)
{
	struct letter *letter = calloc(1, sizeof(*letter));

	if (!letter) {
		job->outcome = OUTCOME_NOT_SENT;
		job->done = mono_now();
		(void)snprintf(job->error, sizeof(job->error), "no memory for the call");
		post_job(aws, job);
		return;
	}
	letter->job = job;
	post_letter(aws, letter);
}

void aws_cancel(struct aws *aws, unsigned int instance)
{
	struct letter *letter = calloc(1, sizeof(*letter));

	if (letter)
		letter->instance = instance;
	post_letter(aws, letter);
}

void aws_set_budget(struct aws *aws, unsigned int calls)
{
	(void)pthread_mutex_lock(&aws->lock);
	aws->budget = calls;
	(void)pthread_mutex_unlock(&aws->lock);
	ev_async_send(aws->worker->loop, &aws->wanted);
}

struct aws_job *aws_job_new(enum aws_call call)
{
	struct aws_job *job = calloc(1, sizeof(*job));

	if (job)
		job->call = call;
	return job;
}

void aws_job_free(struct aws_job *job)
{
	if (!job)
		return;
	if (job->ask) {
		free(job->ask->body);
		free(job->ask->reply);
		free(job->ask);
	}
	free(job->tables);
	free(job);
}

void aws_counters(struct aws *aws, struct aws_counters *out)
{
	for (size_t i = 0; i < WORKER_CALLS; i++) {
		out->calls[i] = atomic_load(&aws->tally.calls[i]);
		out->failures[i] = atomic_load(&aws->tally.failures[i]);
	}
	out->held_back = atomic_load(&aws->tally.held_back);
	out->hour = atomic_load(&aws->tally.hour);
	out->budget = aws->budget;
	out->connects = atomic_load(&aws->tally.connects);
}
