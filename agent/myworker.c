/* SPDX-License-Identifier: MIT */
/*
 * One check after another, start to start. A check holds one session and asks
 * one row on it. What ends a session is a question, not an answer (an
 * administrator's KILL and wait_timeout end it, too), so it is asked again at
 * once, then in steps of 1, 2, 4 ... 100 ms until the server is known to be
 * there (OK), gone (nobody listens, or it says itself that it shuts down), or
 * the time of the check is over. A server that is being stopped ends our
 * session before it stops listening: that is what the steps are for.
 *
 * Between checks the session is watched for its end, the server's process by
 * pidfd and its socket file by inotify, so that a crash or a shutdown is known
 * in milliseconds. What is asked and done on a session that serves is
 * mytask.c's.
 * Long, because one held connection passes through all of it in turn.
 */
#include "config.h"

#include "agent/myworker.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agent/myclient.h"
#include "agent/mytask.h"
#include "agent/myverdict.h"

#define STEP_MAX (100 * MSEC)
#define GAP_MAX (50 * MSEC)
#define FILE_GAP (3 * MSEC)
#define GATE_STEP (10 * MSEC)
#define MESSAGE_MAX 100 /* of the server's own text in the evidence */

struct worker {
	const struct myworker *run;
	const struct mycheck_config *config;
	struct myserver_address address;
	char host[IP_TEXT_MAX];
	struct myclient *client; /* NULL: no session */
	bool reserved;		 /* through the admin port */
	struct mytask task;
	int pid;      /* of the process that listens, 0 = not known */
	int pid_fd;   /* -1: not watched */
	int file_fd;  /* news of the socket file, -1: none */
	bool watches; /* that file as it is now */
	bool exited;  /* that process has ended, and nobody has answered since */
	bool cut;     /* a session has ended outside of a check */
	mono_us gap;  /* how long the next news must wait for its check */
	mono_us news; /* when the last was looked into */
};

/* What came of one attempt. */
enum attempt { DECIDED, AGAIN, STOP };

/* What woke a sleeper. */
enum rest { REST_OVER, REST_NEWS, REST_ORDER, REST_STOP };

/* A check under way. */
struct check {
	struct myclient_limit limit;
	bool lost; /* a session has ended in this check */
	bool full; /* the queue of connections, at the last look */
	bool tried_admin;
	mono_us began; /* the attempt under way */
	struct mycheck_result *result;
};

static void drop_session(struct worker *worker)
{
	myclient_close(worker->client);
	worker->client = NULL;
}

static void drop_fd(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
	*fd = -1;
}

/* Sleeps, but not through the end of the process, nor, if @watch, through other news. */
static enum rest rest(struct worker *worker, mono_us until, bool watch)
{
	int session = watch && worker->client ? myclient_fd(worker->client) : -1;
	struct pollfd fds[] = {{.fd = worker->run->wake_fd, .events = POLLIN},
			       {.fd = worker->pid_fd, .events = POLLIN},
			       {.fd = session, .events = POLLIN | POLLRDHUP},
			       {.fd = watch ? worker->file_fd : -1, .events = POLLIN},
			       {.fd = watch ? worker->run->order_fd : -1, .events = POLLIN}};
	enum rest over = REST_OVER;

	for (;;) {
		mono_us left = mono_max(until - mono_now(), 0);
		struct timespec most = {.tv_sec = left / SEC, .tv_nsec = left % SEC * 1000};
		int count = ppoll(fds, sizeof(fds) / sizeof(fds[0]), &most, NULL);

		if (count < 0 && errno != EINTR)
			return REST_STOP; /* a bug, or fewer descriptors allowed than these */
		if (count > 0 && fds[0].revents)
			return REST_STOP;
		if (count > 0 && fds[1].revents) {
			worker->exited = true;
			drop_fd(&worker->pid_fd);
			return REST_NEWS;
		}
		if (count > 0 && fds[2].revents)
			return REST_NEWS;
		if (count > 0 && fds[4].revents)
			return REST_ORDER;
		if (count > 0) {
			/* A server that ends our session next is given the time to: a question
			 * in between would wait for its answer. */
			myserver_file_heard(worker->file_fd);
			worker->watches = false; /* it may be another by now */
			over = REST_NEWS;
			until = mono_min(until, mono_now() + FILE_GAP);
		}
		if (count == 0 && mono_now() >= until)
			return over;
	}
}

/* --- what is said about it -------------------------------------------------------- */

static enum attempt decide(const struct check *check, enum mycheck_verdict verdict)
{
	check->result->verdict = verdict;
	return DECIDED;
}

__attribute__((format(printf, 2, 3))) static void evidence(const struct check *check,
							   const char *fmt, ...)
{
	char text[sizeof(check->result->evidence)];
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, args); /* cut is better than none */
	va_end(args);
	myverdict_clean(check->result->evidence, sizeof(check->result->evidence), text);
}

static enum attempt serves(struct worker *worker, const struct check *check)
{
	evidence(check, "SELECT 1 in %.1f ms%s%s", (double)(mono_now() - check->began) / 1e3,
		 check->lost ? " on a new session: the server had ended the old one" : "",
		 worker->reserved ? " through the admin port: the other is full" : "");
	if (worker->exited)
		worker->pid = 0; /* whoever that was, it is not the one that answers */
	worker->exited = false;
	if (worker->address.socket[0] && (!worker->watches || check->lost))
		worker->watches = myserver_file_watch(worker->file_fd, worker->address.socket);
	return decide(check, worker->reserved ? MYCHECK_FULL : MYCHECK_OK);
}

static enum attempt dead(struct worker *worker, const struct check *check, const char *why)
{
	char exit[48] = "";

	if (worker->exited)
		(void)snprintf(exit, sizeof(exit), "process %d exited; ", worker->pid);
	evidence(check, "%s%s", exit, why);
	worker->exited = false;
	return decide(check, MYCHECK_DEAD);
}

static enum attempt hung(struct worker *worker, const struct check *check)
{
	static const char *const waiting[] = {
		[MYCLIENT_GREETING] = "no greeting",
		[MYCLIENT_LOGIN] = "login not answered",
		[MYCLIENT_QUERY] = "SELECT 1 not answered",
	};
	const char *what = worker->client ? waiting[myclient_phase(worker->client)] : "no answer";

	if (worker->exited)
		return dead(worker, check, what);
	evidence(check, "%s in %lld ms%s", check->full ? "connection not accepted" : what,
		 (long long)((mono_now() - check->result->started) / MSEC),
		 check->lost ? ", after the server had ended a session" : "");
	return decide(check, MYCHECK_HUNG);
}

/* The login is refused: says which, and what would mend it. */
static enum attempt refused(struct worker *worker, const struct check *check, const char *message)
{
	const struct mycheck_config *config = worker->config;

	if (check->result->code == MYCLIENT_TLS_ERROR)
		evidence(
			check,
			"%u %s; check tls_ca, and that the certificate names the address in 'host'",
			check->result->code, message);
	else if (!config->socket[0] || config->password_file[0])
		evidence(check, "%u %s; check user %s%s%s", check->result->code, message,
			 config->user, config->password_file[0] ? " and password_file " : "",
			 config->password_file);
	else
		evidence(check,
			 "%u %s; CREATE USER '%s'@'localhost' IDENTIFIED VIA unix_socket "
			 "(MySQL: WITH auth_socket) on %s",
			 check->result->code, message, config->user, config->socket);
	return decide(check, MYCHECK_AUTH);
}

/* --- asking ------------------------------------------------------------------------ */

/* Nobody could be reached, or not through the library: asks the kernel why. */
static enum attempt knock(struct worker *worker, struct check *check)
{
	int error = -myserver_knock(&worker->address, check->limit.deadline, worker->run->wake_fd);
	char why[sizeof(check->result->evidence)];

	if (error == EINTR)
		return STOP;
	if (error == ETIMEDOUT)
		return hung(worker, check);
	check->full = error == EAGAIN;
	(void)snprintf(why, sizeof(why), "connect to %s: %s",
		       worker->address.socket[0] ? worker->address.socket : worker->host,
		       strerror(error));
	switch (myverdict_of_errno(error)) {
	case MYMEANS_DEAD:
		return dead(worker, check, why);
	case MYMEANS_LOST:
		return AGAIN;
	case MYMEANS_OURS:
		evidence(check, "%s", why);
		return decide(check, MYCHECK_UNKNOWN);
	case MYMEANS_AUTH:
	case MYMEANS_FULL:
	case MYMEANS_FAILED:
	case MYMEANS_UNREACHED:
		break;
	}
	evidence(check, "%s", why);
	return decide(check, MYCHECK_FAILED);
}

/* The library or the server has given an error number. */
static enum attempt weigh_error(struct worker *worker, struct check *check)
{
	char message[MESSAGE_MAX];

	check->result->code = myclient_code(worker->client);
	myverdict_clean(message, sizeof(message), myclient_text(worker->client));
	evidence(check, "%u %s", check->result->code, message);
	switch (myverdict_meaning(check->result->code)) {
	case MYMEANS_DEAD:
		return dead(worker, check, message);
	case MYMEANS_AUTH:
		return refused(worker, check, message);
	case MYMEANS_FULL:
		/* Once in a check: the port kept free for administrators. */
		if (worker->config->admin_port && !check->tried_admin) {
			check->tried_admin = worker->reserved = true;
			return AGAIN;
		}
		return decide(check, MYCHECK_FULL);
	case MYMEANS_FAILED:
		return decide(check, MYCHECK_FAILED);
	case MYMEANS_OURS:
		return decide(check, MYCHECK_UNKNOWN);
	case MYMEANS_LOST:
		return AGAIN;
	case MYMEANS_UNREACHED:
		if (worker->reserved) { /* nobody there says nothing: the other port answered */
			evidence(check, "full, and nobody listens on the admin port %u",
				 worker->config->admin_port);
			return decide(check, MYCHECK_FULL);
		}
		return knock(worker, check);
	}
	return decide(check, MYCHECK_FAILED);
}

static enum attempt weigh(struct worker *worker, struct check *check, enum myclient_end end)
{
	switch (end) {
	case MYCLIENT_DONE:
		return serves(worker, check);
	case MYCLIENT_ERROR:
		return weigh_error(worker, check);
	case MYCLIENT_STRANGE:
		evidence(check, "not a MySQL server's answer to SELECT 1");
		return decide(check, MYCHECK_FAILED);
	case MYCLIENT_DEADLINE:
		return hung(worker, check);
	case MYCLIENT_EXITED:
		worker->exited = true;
		drop_fd(&worker->pid_fd);
		return AGAIN;
	case MYCLIENT_WOKEN:
		break;
	}
	return STOP;
}

/* Follows the process behind a new session, however far the session got. */
static void adopt_process(struct worker *worker)
{
	int pid = myclient_pid(worker->client);

	if (!pid || (pid == worker->pid && worker->pid_fd >= 0))
		return;
	drop_fd(&worker->pid_fd);
	worker->pid_fd = myserver_watch(pid);
	worker->pid = worker->pid_fd >= 0 ? pid : 0;
	worker->exited = false;
}

/* The usual way in, or the one that a full server keeps for administrators. */
static struct myclient_target way_in(const struct worker *worker, const char *password)
{
	const struct mycheck_config *config = worker->config;
	struct myclient_target target = {.socket = config->socket,
					 .host = worker->host,
					 .port = config->port,
					 .user = config->user,
					 .password = password,
					 .tls = config->tls,
					 .tls_ca = config->tls_ca};

	if (!worker->reserved)
		return target;
	if (config->socket[0])
		target.host = "127.0.0.1";
	target.socket = "";
	target.port = config->admin_port;
	return target;
}

/* Opens a session. DECIDED here means that it cannot even be tried. */
static enum attempt open_session(struct worker *worker, struct check *check, enum myclient_end *end)
{
	const struct mycheck_config *config = worker->config;
	char password[MYSERVER_PASSWORD_MAX] = "";
	struct myclient_target target;
	struct err err = {""};
	enum attempt ret;

	if (config->password_file[0] &&
	    myserver_password(config->password_file, password, &err) < 0) {
		ret = knock(worker, check); /* dead is dead, with or without a password */
		if (ret != AGAIN)
			return ret;
		evidence(check, "%s", err.text);
		return decide(check, MYCHECK_UNKNOWN);
	}
	worker->client = myclient_new();
	if (!worker->client) {
		explicit_bzero(password, sizeof(password));
		evidence(check, "out of memory");
		return decide(check, MYCHECK_UNKNOWN);
	}
	target = way_in(worker, password);
	*end = myclient_connect(worker->client, &target, &check->limit);
	explicit_bzero(password, sizeof(password));
	if (!worker->reserved)
		adopt_process(worker);
	return AGAIN;
}

/* What the server answers decides, unless it says more than that it is alive. */
static enum attempt weigh_task(struct worker *worker, struct check *check, enum myclient_end end)
{
	enum attempt ret = weigh(worker, check, end);

	if (ret != DECIDED || check->result->verdict != MYCHECK_OK)
		return ret;
	mytask_judge(&worker->task, worker->run->peer.role(worker->run->peer.arg), check->result);
	return ret;
}

static enum attempt attempt(struct worker *worker, struct check *check)
{
	enum mycheck_role role = worker->run->peer.role(worker->run->peer.arg);
	enum myclient_end end = MYCLIENT_DONE;

	check->began = mono_now();
	check->full = false;
	check->limit.pid_fd = worker->pid_fd;
	if (!worker->client) {
		enum attempt opened = open_session(worker, check, &end);

		if (opened != AGAIN)
			return opened;
		check->limit.pid_fd = worker->pid_fd;
	}
	if (end == MYCLIENT_DONE)
		end = mytask_alive(&worker->task, worker->client, &check->limit);
	if (end == MYCLIENT_DONE)
		end = mytask_probe(&worker->task, worker->client, role, &check->limit);
	if (end == MYCLIENT_DEADLINE && worker->task.writing) {
		evidence(check, "a write is not answered in %lld ms; SELECT 1 was",
			 (long long)((mono_now() - check->result->started) / MSEC));
		return decide(check, MYCHECK_STALLED);
	}
	return weigh_task(worker, check, end);
}

/* The time is over and no attempt has decided: sessions end before they begin. */
static enum attempt give_up(struct worker *worker, struct check *check)
{
	char last[sizeof(check->result->evidence)];
	enum attempt ret;

	(void)snprintf(last, sizeof(last), "%s", check->result->evidence);
	ret = knock(worker, check);
	if (ret != AGAIN)
		return ret;
	if (worker->exited || check->full)
		return hung(worker, check);
	evidence(check, "ends every session at once: %s", last);
	return decide(check, MYCHECK_FAILED);
}

static void keep_or_drop(struct worker *worker, const struct mycheck_result *result)
{
	bool served = result->verdict == MYCHECK_OK || result->verdict == MYCHECK_SLOW ||
		      result->verdict == MYCHECK_READONLY || worker->reserved ||
		      worker->task.crowded;

	/* After any doubt the next check starts afresh; what did not get in holds nothing. */
	if (worker->client && (!served || myclient_fd(worker->client) < 0))
		drop_session(worker);
	if (!worker->client)
		worker->reserved = false; /* the usual way is tried first */
}

/* One whole check; false when told to stop. */
static bool run_check(struct worker *worker, struct mycheck_result *result)
{
	struct check check = {.result = result};
	mono_us step = 0;
	enum attempt ret;

	*result = (struct mycheck_result){.verdict = MYCHECK_UNKNOWN, .started = mono_now()};
	check.limit.deadline = result->started + worker->config->timeout;
	check.limit.wake_fd = worker->run->wake_fd;
	for (;;) {
		mono_us until;

		ret = attempt(worker, &check);
		if (ret != AGAIN)
			break;
		drop_session(worker);
		check.lost = true;
		until = mono_min(mono_now() + step, check.limit.deadline);
		if (rest(worker, until, false) == REST_STOP)
			return false;
		if (mono_now() >= check.limit.deadline) {
			ret = give_up(worker, &check);
			break;
		}
		step = step ? mono_min(2 * step, STEP_MAX) : MSEC;
	}
	if (ret == STOP)
		return false;
	result->took = mono_now() - result->started;
	result->server_pid = worker->pid;
	keep_or_drop(worker, result);
	if (result->verdict == MYCHECK_OK)
		result->code = 0;
	if (worker->pid_fd < 0)
		worker->pid = 0; /* reported once */
	worker->task.facts.serves = worker->client != NULL;
	return true;
}

/* --- between two checks ------------------------------------------------------------------ */

/* Something was asked or done outside of a check; a session that it ended is opened anew. */
static bool after_task(struct worker *worker, enum myclient_end end)
{
	worker->run->peer.facts(worker->run->peer.arg, &worker->task.facts);
	if (end != MYCLIENT_DONE) {
		drop_session(worker);
		worker->cut = true;
	}
	return end != MYCLIENT_WOKEN;
}

static struct myclient_limit task_limit(const struct worker *worker, mono_us deadline)
{
	return (struct myclient_limit){
		.deadline = deadline, .wake_fd = worker->run->wake_fd, .pid_fd = worker->pid_fd};
}

/* What need not be known within a check, lest a lock in the server looks like its death. */
static bool look_around(struct worker *worker)
{
	struct myclient_limit limit = task_limit(worker, mono_now() + worker->config->timeout);

	if (!worker->client || !mytask_due(&worker->task))
		return true;
	return after_task(worker, mytask_look(&worker->task, worker->client, &limit));
}

/* Takes orders and carries them out; false when told to stop. */
static bool obey(struct worker *worker)
{
	const struct myworker_peer *peer = &worker->run->peer;
	struct mycheck_order order;
	uint64_t count;

	(void)!read(worker->run->order_fd, &count, sizeof(count)); /* only takes the news in */
	while (peer->order(peer->arg, &order)) {
		struct mycheck_report report = {.type = order.type, .op = order.op};
		struct myclient_limit limit = task_limit(worker, order.deadline);
		enum myclient_end end =
			mytask_obey(&worker->task, worker->client, &order, &report, &limit);

		if (!after_task(worker, end))
			return false;
		if (order.type != MYCHECK_GATE)
			peer->report(peer->arg, &report);
	}
	return true;
}

/* A gate is looked at again and again, without holding up the checks. */
static bool watch_gate(struct worker *worker)
{
	const struct myworker_peer *peer = &worker->run->peer;
	struct mytask *task = &worker->task;
	struct mycheck_report report;
	struct myclient_limit limit;
	enum myclient_end end;

	if (task->gating && peer->gate_gone(peer->arg, task->gate.op))
		task->gating = false;
	if (!task->gating)
		return true;
	report = (struct mycheck_report){.type = MYCHECK_GATE, .op = task->gate.op};
	limit = task_limit(worker, mono_now() + worker->config->timeout);
	end = mytask_gate(task, worker->client, &report, &limit);
	if (!after_task(worker, end))
		return false;
	if (!task->gating)
		peer->report(peer->arg, &report);
	return true;
}

/*
 * News is looked into at once; but a server that ends every session as soon
 * as it has answered must not make us turn without a pause.
 */
static enum rest until_next(struct worker *worker, mono_us next)
{
	enum rest ret;

	for (;;) {
		mono_us until = worker->task.gating ? mono_min(next, mono_now() + GATE_STEP) : next;

		ret = worker->cut ? REST_NEWS : rest(worker, until, true);
		worker->cut = false;
		if (ret == REST_ORDER && !obey(worker))
			return REST_STOP;
		if (ret == REST_STOP || ret == REST_NEWS || mono_now() >= next)
			break;
		if (!watch_gate(worker))
			return REST_STOP;
	}
	if (ret != REST_NEWS)
		return ret;
	if (mono_now() - worker->news > 2 * GAP_MAX)
		worker->gap = 0;
	if (worker->gap)
		ret = rest(worker, mono_min(mono_now() + worker->gap, next), false);
	worker->gap = worker->gap ? mono_min(2 * worker->gap, GAP_MAX) : MSEC;
	worker->news = mono_now();
	return ret;
}

void myworker_run(const struct myworker *run)
{
	struct worker worker = {.run = run,
				.config = &run->config,
				.address = {.socket = run->config.socket,
					    .host = run->config.host,
					    .port = run->config.port},
				.pid_fd = -1,
				.file_fd = myserver_file_watcher(),
				.news = MONO_LONG_AGO};
	struct mycheck_result result;

	mytask_init(&worker.task, &run->config);
	(void)ip_format(&run->config.host, worker.host);
	do {
		if (!run_check(&worker, &result))
			break;
		run->peer.facts(run->peer.arg, &worker.task.facts);
		run->peer.result(run->peer.arg, &result);
		if (!look_around(&worker))
			break;
	} while (until_next(&worker, mono_max(result.started + run->config.interval, mono_now())) !=
		 REST_STOP);
	drop_session(&worker);
	drop_fd(&worker.pid_fd);
	drop_fd(&worker.file_fd);
}
