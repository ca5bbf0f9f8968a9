/* SPDX-License-Identifier: MIT */
/*
 * The face of the mysqld check on the main loop: starts the worker's thread,
 * hands its results over, and ends it. The two sides share a box of plain
 * structs and nothing else. The box is bounded and loses no change of
 * verdict: when the main loop does not empty it, repetitions of the newest
 * result are merged into one, and at the next change the worker waits.
 */
#include "config.h"

#include "agent/mycheck.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/un.h>
#include <unistd.h>

#include "agent/myclient.h"
#include "agent/myworker.h"

#define BOX_MAX 64
#define BOX_FULL_WAIT_MS 20
#define REPORTS_MAX 16 /* the main loop gives one order of each type at a time */
#define COPIES_MAX 8
#define STACK_SIZE (256UL * 1024) /* Connector/C brings its own 60 KiB for the call under way */

struct mycheck {
	struct ev_loop *loop;
	unsigned int track;
	struct mycheck_callbacks callbacks;
	ev_async ready;
	char *copies[COPIES_MAX]; /* of the configuration's strings */
	unsigned int copy_count;
	struct myworker worker;
	int wake_fd;
	int order_fd;
	pthread_t thread;
	pthread_mutex_t lock; /* the rest */
	enum mycheck_role role;
	struct mycheck_facts facts;
	bool ordered[MYCHECK_ORDERS];
	struct mycheck_order orders[MYCHECK_ORDERS];
	uint32_t gate_op; /* of the gate that the worker has; valid while gating */
	bool gating;
	struct mycheck_report reports[REPORTS_MAX];
	unsigned int report_count;
	struct mycheck_result box[BOX_MAX];
	unsigned int first;
	unsigned int count;
};

/* True: it is in the box. */
static bool put(struct mycheck *check, const struct mycheck_result *result)
{
	bool done = true;

	(void)pthread_mutex_lock(&check->lock);
	if (check->count < BOX_MAX)
		check->box[(check->first + check->count++) % BOX_MAX] = *result;
	else if (check->box[(check->first + BOX_MAX - 1) % BOX_MAX].verdict == result->verdict)
		check->box[(check->first + BOX_MAX - 1) % BOX_MAX] = *result;
	else
		done = false;
	(void)pthread_mutex_unlock(&check->lock);
	return done;
}

/* On the worker's thread. */
static void post(void *arg, const struct mycheck_result *result)
{
	struct mycheck *check = arg;
	struct pollfd wake = {.fd = check->wake_fd, .events = POLLIN};

	while (!put(check, result))
		if (poll(&wake, 1, BOX_FULL_WAIT_MS) == 1)
			return; /* told to end: nobody will read it */
	ev_async_send(check->loop, &check->ready);
}

static void post_report(void *arg, const struct mycheck_report *report)
{
	struct mycheck *check = arg;

	(void)pthread_mutex_lock(&check->lock);
	if (report->type == MYCHECK_GATE)
		check->gating = false;
	if (check->report_count < REPORTS_MAX) /* more: repetitions of one that nobody reads */
		check->reports[check->report_count++] = *report;
	(void)pthread_mutex_unlock(&check->lock);
	ev_async_send(check->loop, &check->ready);
}

static void keep_facts(void *arg, const struct mycheck_facts *facts)
{
	struct mycheck *check = arg;

	(void)pthread_mutex_lock(&check->lock);
	check->facts = *facts;
	(void)pthread_mutex_unlock(&check->lock);
}

static enum mycheck_role tell_role(void *arg)
{
	struct mycheck *check = arg;
	enum mycheck_role role;

	(void)pthread_mutex_lock(&check->lock);
	role = check->role;
	(void)pthread_mutex_unlock(&check->lock);
	return role;
}

static bool next_order(void *arg, struct mycheck_order *order)
{
	static const enum mycheck_order_type first[] = {MYCHECK_FENCE, MYCHECK_PROMOTE,
							MYCHECK_GATE, MYCHECK_FOLLOW};
	struct mycheck *check = arg;
	bool any = false;

	(void)pthread_mutex_lock(&check->lock);
	for (unsigned int i = 0; i < MYCHECK_ORDERS && !any; i++) {
		any = check->ordered[first[i]];
		if (!any)
			continue;
		*order = check->orders[first[i]];
		check->ordered[first[i]] = false;
		if (order->type == MYCHECK_GATE) {
			check->gating = true;
			check->gate_op = order->op;
		}
	}
	(void)pthread_mutex_unlock(&check->lock);
	return any;
}

static bool gate_gone(void *arg, uint32_t op)
{
	struct mycheck *check = arg;
	bool gone;

	(void)pthread_mutex_lock(&check->lock);
	gone = !check->gating || check->gate_op != op;
	(void)pthread_mutex_unlock(&check->lock);
	return gone;
}

static bool take(struct mycheck *check, struct mycheck_result *result)
{
	bool any;

	(void)pthread_mutex_lock(&check->lock);
	any = check->count > 0;
	if (any) {
		*result = check->box[check->first];
		check->first = (check->first + 1) % BOX_MAX;
		check->count--;
	}
	(void)pthread_mutex_unlock(&check->lock);
	return any;
}

static bool take_report(struct mycheck *check, struct mycheck_report *report)
{
	bool any;

	(void)pthread_mutex_lock(&check->lock);
	any = check->report_count > 0;
	if (any) {
		*report = check->reports[0];
		memmove(check->reports, check->reports + 1,
			--check->report_count * sizeof(check->reports[0]));
	}
	(void)pthread_mutex_unlock(&check->lock);
	return any;
}

static void on_ready(struct ev_loop *loop, ev_async *watcher, int revents)
{
	struct mycheck *check = watcher->data;
	struct mycheck_callbacks *callbacks = &check->callbacks;
	struct mycheck_result result;
	struct mycheck_report report;

	(void)loop;
	(void)revents;
	/* Not for ever: a worker that is faster than we are must not hold the loop. */
	for (unsigned int i = 0; i < BOX_MAX && take(check, &result); i++)
		callbacks->result(callbacks->arg, check->track, &result);
	for (unsigned int i = 0; i < REPORTS_MAX && take_report(check, &report); i++)
		callbacks->report(callbacks->arg, check->track, &report);
}

/* --- orders --------------------------------------------------------------------- */

void mycheck_set_role(struct mycheck *check, enum mycheck_role role)
{
	(void)pthread_mutex_lock(&check->lock);
	check->role = role;
	(void)pthread_mutex_unlock(&check->lock);
}

void mycheck_give(struct mycheck *check, const struct mycheck_order *order)
{
	const uint64_t one = 1;

	(void)pthread_mutex_lock(&check->lock);
	check->orders[order->type] = *order;
	check->ordered[order->type] = true;
	(void)pthread_mutex_unlock(&check->lock);
	(void)!write(check->order_fd, &one, sizeof(one)); /* an eventfd has room for one */
}

void mycheck_take_back(struct mycheck *check, enum mycheck_order_type type)
{
	(void)pthread_mutex_lock(&check->lock);
	check->ordered[type] = false;
	if (type == MYCHECK_GATE)
		check->gating = false;
	(void)pthread_mutex_unlock(&check->lock);
}

void mycheck_facts(struct mycheck *check, struct mycheck_facts *facts)
{
	(void)pthread_mutex_lock(&check->lock);
	*facts = check->facts;
	(void)pthread_mutex_unlock(&check->lock);
}

/* --- the thread ------------------------------------------------------------------- */

static void *run(void *arg)
{
	struct mycheck *check = arg;

	(void)pthread_setname_np(pthread_self(), "zonevip-mysql");
	if (myclient_thread_begin() == 0) {
		myworker_run(&check->worker);
		myclient_thread_end();
	} else {
		const struct mycheck_result result = {.verdict = MYCHECK_UNKNOWN,
						      .started = mono_now(),
						      .evidence = "out of memory: no worker"};

		post(check, &result);
	}
	return NULL;
}

/* Starts it with every signal blocked: they are the main loop's. */
static int start(struct mycheck *check)
{
	pthread_attr_t attr;
	sigset_t all;
	sigset_t before;
	int ret = pthread_attr_init(&attr);

	if (ret)
		return ret;
	(void)sigfillset(&all);
	ret = pthread_attr_setstacksize(&attr, STACK_SIZE);
	if (!ret)
		ret = pthread_sigmask(SIG_BLOCK, &all, &before);
	if (!ret) {
		ret = pthread_create(&check->thread, &attr, run, check);
		(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	}
	(void)pthread_attr_destroy(&attr);
	return ret;
}

static int validate(const struct mycheck_config *config, struct err *err)
{
	if (strlen(config->socket) >= sizeof(((struct sockaddr_un *)NULL)->sun_path))
		return err_set(err, "track_mysql: socket path is longer than %zu bytes: %s",
			       sizeof(((struct sockaddr_un *)NULL)->sun_path) - 1, config->socket);
	if (!config->socket[0] && (!config->host.family || !config->port))
		return err_set(err, "track_mysql: neither a socket nor a host and port");
	if (!config->user[0])
		return err_set(err, "track_mysql: no user");
	if (config->interval <= 0 || config->timeout <= 0)
		return err_set(err, "track_mysql: interval and timeout must be above 0");
	return 0;
}

/* Points @text to a copy of its own. */
static int copy(struct mycheck *check, const char **text)
{
	char *own = strdup(*text ? *text : "");

	if (!own)
		return -ENOMEM;
	check->copies[check->copy_count++] = own;
	*text = own;
	return 0;
}

static int copy_config(struct mycheck *check, const struct mycheck_config *config)
{
	struct mycheck_config *own = &check->worker.config;

	*own = *config;
	if (own->slow <= 0)
		own->slow = own->timeout;
	if (copy(check, &own->socket) < 0 || copy(check, &own->user) < 0 ||
	    copy(check, &own->password_file) < 0 || copy(check, &own->tls_ca) < 0 ||
	    copy(check, &own->node) < 0 || copy(check, &own->query) < 0 ||
	    copy(check, &own->replication_user) < 0 ||
	    copy(check, &own->replication_password_file) < 0)
		return -ENOMEM;
	check->worker.wake_fd = check->wake_fd;
	check->worker.order_fd = check->order_fd;
	check->worker.peer = (struct myworker_peer){
		.result = post,
		.report = post_report,
		.facts = keep_facts,
		.role = tell_role,
		.order = next_order,
		.gate_gone = gate_gone,
		.arg = check,
	};
	return 0;
}

static void release(struct mycheck *check)
{
	(void)pthread_mutex_destroy(&check->lock);
	if (check->wake_fd >= 0)
		(void)close(check->wake_fd);
	if (check->order_fd >= 0)
		(void)close(check->order_fd);
	for (unsigned int i = 0; i < check->copy_count; i++)
		free(check->copies[i]);
	free(check);
}

struct mycheck *mycheck_open(struct ev_loop *loop, unsigned int track,
			     const struct mycheck_config *config,
			     const struct mycheck_callbacks *callbacks, struct err *err)
{
	struct mycheck *check;
	int ret;

	if (validate(config, err) < 0)
		return NULL;
	if (myclient_begin() < 0) {
		err_set(err, "track_mysql: the MySQL client library does not start");
		return NULL;
	}
	check = calloc(1, sizeof(*check));
	if (!check) {
		err_set(err, "track_mysql: out of memory");
		return NULL;
	}
	check->loop = loop;
	check->track = track;
	check->callbacks = *callbacks;
	check->facts.read_only = check->facts.super_read_only = -1;
	(void)pthread_mutex_init(&check->lock, NULL); /* cannot fail on Linux */
	check->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	check->order_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (check->wake_fd < 0 || check->order_fd < 0 || copy_config(check, config) < 0) {
		err_set(err, "track_mysql: %s", strerror(errno));
		goto fail;
	}
	ev_async_init(&check->ready, on_ready);
	check->ready.data = check;
	ev_async_start(loop, &check->ready);
	ret = start(check);
	if (ret) {
		ev_async_stop(loop, &check->ready);
		err_set(err, "track_mysql: no thread: %s", strerror(ret));
		goto fail;
	}
	return check;
fail:
	release(check);
	return NULL;
}

void mycheck_close(struct mycheck *check)
{
	const uint64_t one = 1;

	if (!check)
		return;
	(void)!write(check->wake_fd, &one, sizeof(one)); /* an eventfd has room for one */
	(void)pthread_join(check->thread, NULL);
	ev_async_stop(check->loop, &check->ready);
	release(check);
}
