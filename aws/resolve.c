/* SPDX-License-Identifier: MIT */
/*
 * One short-lived, detached thread per question. It shares a counted object
 * with the loop: whoever leaves last frees it, so closing never waits for
 * getaddrinfo(). May not be used from any other thread than the loop's.
 */
#include "aws/resolve.h"

#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/base/ip.h"
#include "agent/base/mono.h"

#define ADDRESSES_MAX 8
#define PIN_MAX (ENDPOINT_HOST_MAX + 16 + ADDRESSES_MAX * (IP_TEXT_MAX + 3))
#define FRESH (60 * SEC)
#define SOON (1 * SEC)
#define RETRY_MAX (10 * SEC)
#define STACK_SIZE ((size_t)256 * 1024)

struct question { /* what the thread and the loop share */
	pthread_mutex_t lock;
	unsigned int users;
	struct resolve *resolve; /* NULL when the loop's side has gone; under the lock */
	char host[ENDPOINT_HOST_MAX];
	uint16_t port;
	char pin[PIN_MAX]; /* the answer, "" = none */
	char problem[128];
};

struct resolve {
	struct ev_loop *loop;
	struct ev_async answered;
	struct ev_timer timer;
	struct question *question; /* NULL = none is out */
	struct endpoint endpoint;
	mono_us retry;
	mono_us asked;
	char pin[PIN_MAX];
	char problem[128];
	resolve_fn *fn;
	void *arg;
};

/* --- the thread ------------------------------------------------------------------ */

static void question_put(struct question *question)
{
	unsigned int users;

	(void)pthread_mutex_lock(&question->lock);
	users = --question->users;
	(void)pthread_mutex_unlock(&question->lock);
	if (users > 0)
		return;
	(void)pthread_mutex_destroy(&question->lock);
	free(question);
}

static void append_address(char *pin, const struct addrinfo *info)
{
	struct sockaddr_storage storage;
	char text[IP_TEXT_MAX];
	size_t used = strlen(pin);
	struct ip ip;

	memset(&storage, 0, sizeof(storage));
	memcpy(&storage, info->ai_addr, info->ai_addrlen);
	if (ip_from_sockaddr(&storage, &ip) < 0)
		return;
	(void)snprintf(pin + used, PIN_MAX - used, "%s%s%s%s", pin[used - 1] == ':' ? "" : ",",
		       ip.family == AF_INET6 ? "[" : "", ip_format(&ip, text),
		       ip.family == AF_INET6 ? "]" : ""); /* PIN_MAX holds ADDRESSES_MAX */
}

static void look_up(const char *host, uint16_t port, char *pin, char *problem, size_t problem_size)
{
	struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
	struct addrinfo *list = NULL;
	unsigned int count = 0;
	int ret = getaddrinfo(host, NULL, &hints, &list);

	if (ret != 0) {
		(void)snprintf(problem, problem_size, "%s", gai_strerror(ret));
		return;
	}
	(void)snprintf(pin, PIN_MAX, "%s:%u:", host, port);
	for (struct addrinfo *info = list; info && count < ADDRESSES_MAX; info = info->ai_next) {
		append_address(pin, info);
		count++;
	}
	freeaddrinfo(list);
}

static void *ask(void *arg)
{
	struct question *question = arg;
	char pin[PIN_MAX] = "";
	char problem[sizeof(question->problem)] = "";

	look_up(question->host, question->port, pin, problem, sizeof(problem));
	(void)pthread_mutex_lock(&question->lock);
	memcpy(question->pin, pin, sizeof(pin));
	memcpy(question->problem, problem, sizeof(problem));
	if (question->resolve) /* under the lock: its loop cannot go meanwhile */
		ev_async_send(question->resolve->loop, &question->resolve->answered);
	(void)pthread_mutex_unlock(&question->lock);
	question_put(question);
	return NULL;
}

static bool start_thread(struct question *question)
{
	pthread_attr_t attributes;
	sigset_t all;
	sigset_t old;
	pthread_t thread;
	int ret;

	if (pthread_attr_init(&attributes) != 0)
		return false;
	(void)pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	(void)pthread_attr_setstacksize(&attributes, STACK_SIZE);
	(void)sigfillset(&all); /* signals are the main thread's */
	(void)pthread_sigmask(SIG_SETMASK, &all, &old);
	ret = pthread_create(&thread, &attributes, ask, question);
	(void)pthread_sigmask(SIG_SETMASK, &old, NULL);
	(void)pthread_attr_destroy(&attributes);
	return ret == 0;
}

/* --- the loop's side ---------------------------------------------------------------- */

static void arm(struct resolve *resolve, mono_us after)
{
	ev_timer_stop(resolve->loop, &resolve->timer);
	ev_now_update(resolve->loop);
	ev_timer_set(&resolve->timer, mono_seconds(after), 0.0);
	ev_timer_start(resolve->loop, &resolve->timer);
}

static mono_us next_retry(struct resolve *resolve)
{
	mono_us now = resolve->retry;

	resolve->retry = mono_min(2 * now, RETRY_MAX);
	return now;
}

static void start(struct resolve *resolve)
{
	struct question *question;

	if (resolve->question) /* one is out already, and may never come back */
		return;
	resolve->asked = mono_now();
	question = calloc(1, sizeof(*question));
	if (question) {
		(void)pthread_mutex_init(&question->lock, NULL);
		question->users = 2;
		question->resolve = resolve;
		question->port = resolve->endpoint.port;
		memcpy(question->host, resolve->endpoint.host, sizeof(question->host));
		if (start_thread(question)) {
			resolve->question = question;
			return;
		}
		(void)pthread_mutex_destroy(&question->lock);
		free(question);
	}
	arm(resolve, next_retry(resolve));
}

static void on_timer(struct ev_loop *loop, struct ev_timer *timer, int events)
{
	(void)loop;
	(void)events;
	start(timer->data);
}

static void on_answered(struct ev_loop *loop, struct ev_async *async, int events)
{
	struct resolve *resolve = async->data;
	struct question *question = resolve->question;

	(void)loop;
	(void)events;
	if (!question)
		return;
	resolve->question = NULL;
	(void)pthread_mutex_lock(&question->lock);
	question->resolve = NULL;
	if (question->pin[0]) {
		memcpy(resolve->pin, question->pin, sizeof(resolve->pin));
		resolve->retry = SOON;
	}
	memcpy(resolve->problem, question->problem, sizeof(resolve->problem));
	(void)pthread_mutex_unlock(&question->lock);
	question_put(question);
	arm(resolve, resolve->problem[0] ? next_retry(resolve) : FRESH);
	resolve->fn(resolve->arg);
}

struct resolve *resolve_open(struct ev_loop *loop, const struct endpoint *endpoint, resolve_fn *fn,
			     void *arg)
{
	struct resolve *resolve = calloc(1, sizeof(*resolve));

	if (!resolve)
		return NULL;
	resolve->loop = loop;
	resolve->endpoint = *endpoint;
	resolve->retry = SOON;
	resolve->fn = fn;
	resolve->arg = arg;
	ev_async_init(&resolve->answered, on_answered);
	resolve->answered.data = resolve;
	ev_async_start(loop, &resolve->answered);
	ev_timer_init(&resolve->timer, on_timer, 0.0, 0.0);
	resolve->timer.data = resolve;
	start(resolve);
	return resolve;
}

void resolve_close(struct resolve *resolve)
{
	struct question *question;

	if (!resolve)
		return;
	question = resolve->question;
	if (question) {
		(void)pthread_mutex_lock(&question->lock);
		question->resolve = NULL;
		(void)pthread_mutex_unlock(&question->lock);
		question_put(question);
	}
	ev_timer_stop(resolve->loop, &resolve->timer);
	ev_async_stop(resolve->loop, &resolve->answered);
	free(resolve);
}

const char *resolve_pin(const struct resolve *resolve)
{
	return resolve->pin[0] ? resolve->pin : NULL;
}

const char *resolve_problem(const struct resolve *resolve)
{
	return resolve->problem;
}

void resolve_soon(struct resolve *resolve)
{
	mono_us since = mono_now() - resolve->asked;

	if (!resolve->question)
		arm(resolve, mono_max(SOON - since, 0));
}
