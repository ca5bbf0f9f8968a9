/* SPDX-License-Identifier: MIT */
/*
 * The open client loop of the lab: one MySQL login and one query every few
 * milliseconds, whatever is still outstanding, each on a connection of its
 * own and with a deadline of its own, each written down as one line. Because
 * the loop never waits for an answer, an outage cannot slow it down and so
 * hide itself; because no connection is used twice, no SYN waits for the
 * kernel's retransmission timer and hides the end of the outage.
 *
 * It measures and judges nothing: gaps are computed from its file by
 * tests/lab/demo/gaps.py. It is a tool of the lab, never installed.
 *
 * One line per request, tab-separated, in the order in which they ended:
 *
 *   SENT_NS  DONE_NS  ok    LAST_COLUMN_OF_THE_FIRST_ROW
 *   SENT_NS  DONE_NS  fail  WHY
 *
 * Times are CLOCK_BOOTTIME nanoseconds. Lines that begin with '#' are for
 * people, but "# skipped N NOW_NS" matters: the loop itself was late by N requests.
 */
#include "config.h"

#include <errno.h>
#include <ev.h>
#include <getopt.h>
#include <mysql.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#ifdef HAVE_MYSQL_REAL_CONNECT_START

#define SLOTS_MAX 128 /* outstanding: limit / every, and room to spare */
#define NS_PER_MS 1000000LL
#define NS_PER_S 1000000000LL
#define SECONDS_MAX 86400.0

struct options {
	const char *host;
	const char *user;
	const char *database;
	const char *query;
	const char *out;
	char password[128];
	unsigned int port;
	double every_ms;
	double limit_ms;
	double seconds;
};

enum stage { STAGE_CONNECT, STAGE_QUERY, STAGE_STORE };

struct load;

struct request {
	struct load *load;
	bool used;
	enum stage stage;
	MYSQL mysql;
	int64_t sent_ns;
	ev_io io;
	ev_timer limit;
	/* results of the calls under way; the library writes them when a call ends */
	MYSQL *connected;
	int queried;
	MYSQL_RES *result;
};

struct load {
	struct options opt;
	struct ev_loop *loop;
	FILE *out;
	ev_timer tick;
	ev_signal term;
	ev_signal intr;
	int64_t every_ns;
	int64_t next_ns; /* when the next request is due */
	int64_t stop_ns; /* no request is sent after this */
	unsigned int busy;
	uint64_t sent;
	uint64_t good;
	uint64_t skipped;
	struct request slots[SLOTS_MAX];
};

static int64_t now_ns(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_BOOTTIME, &now); /* cannot fail for a clock that exists */
	return (int64_t)now.tv_sec * NS_PER_S + now.tv_nsec;
}

static void write_line(struct load *load, int64_t sent_ns, bool ok, const char *text)
{
	char clean[160];
	size_t i;

	for (i = 0; i < sizeof(clean) - 1 && text[i]; i++)
		clean[i] = (unsigned char)text[i] < 0x20 ? ' ' : text[i];
	clean[i] = '\0';
	fprintf(load->out, "%lld\t%lld\t%s\t%s\n", (long long)sent_ns, (long long)now_ns(),
		ok ? "ok" : "fail", clean);
}

static void request_end(struct request *request, bool ok, const char *text)
{
	struct load *load = request->load;

	write_line(load, request->sent_ns, ok, text);
	load->good += ok;
	ev_io_stop(load->loop, &request->io);
	ev_timer_stop(load->loop, &request->limit);
	if (request->result)
		mysql_free_result(request->result);
	mysql_close(&request->mysql);
	request->used = false;
	load->busy--;
	if (load->busy == 0 && !ev_is_active(&load->tick))
		ev_break(load->loop, EVBREAK_ALL);
}

static void request_fail(struct request *request)
{
	char text[160];

	(void)snprintf(text, sizeof(text), "%u %s", mysql_errno(&request->mysql),
		       mysql_error(&request->mysql)); /* a cut reason is still a reason */
	request_end(request, false, text);
}

static void request_answered(struct request *request)
{
	unsigned int columns = mysql_num_fields(request->result);
	MYSQL_ROW row = mysql_fetch_row(request->result);

	if (!row || columns == 0 || !row[columns - 1])
		request_end(request, false, "the answer has no rows");
	else
		request_end(request, true, row[columns - 1]);
}

/* Starts (@ready 0) or goes on with the call of this stage; returns what the
 * library wants to wait for, 0 when the call has ended. */
static int stage_run(struct request *request, int ready)
{
	const struct options *opt = &request->load->opt;
	MYSQL *mysql = &request->mysql;

	switch (request->stage) {
	case STAGE_CONNECT:
		return ready ? mysql_real_connect_cont(&request->connected, mysql, ready)
			     : mysql_real_connect_start(&request->connected, mysql, opt->host,
							opt->user, opt->password, opt->database,
							opt->port, NULL, 0);
	case STAGE_QUERY:
		return ready ? mysql_real_query_cont(&request->queried, mysql, ready)
			     : mysql_real_query_start(&request->queried, mysql, opt->query,
						      (unsigned long)strlen(opt->query));
	case STAGE_STORE:
		return ready ? mysql_store_result_cont(&request->result, mysql, ready)
			     : mysql_store_result_start(&request->result, mysql);
	}
	return 0;
}

static bool stage_failed(const struct request *request)
{
	switch (request->stage) {
	case STAGE_CONNECT:
		return !request->connected;
	case STAGE_QUERY:
		return request->queried != 0;
	case STAGE_STORE:
		return !request->result;
	}
	return true;
}

static void request_wait(struct request *request, int want)
{
	int events = 0;

	if (want & (MYSQL_WAIT_READ | MYSQL_WAIT_EXCEPT))
		events |= EV_READ;
	if (want & MYSQL_WAIT_WRITE)
		events |= EV_WRITE;
	ev_io_stop(request->load->loop, &request->io);
	ev_io_set(&request->io, (int)mysql_get_socket(&request->mysql), events);
	ev_io_start(request->load->loop, &request->io);
}

/* As far as it goes without waiting. */
static void request_run(struct request *request, int ready)
{
	for (;;) {
		int want = stage_run(request, ready);

		if (want) {
			request_wait(request, want);
			return;
		}
		if (stage_failed(request)) {
			request_fail(request);
			return;
		}
		if (request->stage == STAGE_STORE) {
			request_answered(request);
			return;
		}
		request->stage++;
		ready = 0;
	}
}

static void on_io(struct ev_loop *loop, ev_io *io, int events)
{
	struct request *request = io->data;
	int ready = 0;

	(void)loop;
	if (events & EV_READ)
		ready |= MYSQL_WAIT_READ;
	if (events & EV_WRITE)
		ready |= MYSQL_WAIT_WRITE;
	request_run(request, ready);
}

/* The library is told that its wait timed out, so that it unwinds and frees
 * what the call had allocated; whatever it says then, the request is over. */
static void on_limit(struct ev_loop *loop, ev_timer *timer, int events)
{
	static const char *const during[] = {"connect", "query", "answer"};
	struct request *request = timer->data;
	char text[64];

	(void)loop;
	(void)events;
	(void)stage_run(request, MYSQL_WAIT_TIMEOUT);
	(void)snprintf(text, sizeof(text), "no answer in %.0f ms (%s)", request->load->opt.limit_ms,
		       during[request->stage]);
	request_end(request, false, text);
}

static struct request *free_slot(struct load *load)
{
	for (unsigned int i = 0; i < SLOTS_MAX; i++)
		if (!load->slots[i].used)
			return &load->slots[i];
	return NULL;
}

static void request_send(struct load *load)
{
	struct request *request = free_slot(load);

	load->sent++;
	if (!request) { /* a bug of ours: limit / every is checked against SLOTS_MAX */
		write_line(load, now_ns(), false, "no free slot");
		return;
	}
	memset(request, 0, sizeof(*request));
	request->load = load;
	request->used = true;
	load->busy++;
	ev_io_init(&request->io, on_io, -1, EV_READ);
	request->io.data = request;
	ev_timer_init(&request->limit, on_limit, load->opt.limit_ms / 1e3, 0.0);
	request->limit.data = request;
	ev_timer_start(load->loop, &request->limit);
	request->sent_ns = now_ns();
	if (!mysql_init(&request->mysql)) {
		request_end(request, false, "out of memory");
		return;
	}
	(void)mysql_options(&request->mysql, MYSQL_OPT_NONBLOCK, 0);
	request_run(request, 0);
}

static void stop(struct load *load)
{
	ev_timer_stop(load->loop, &load->tick);
	if (load->busy == 0)
		ev_break(load->loop, EVBREAK_ALL);
}

/* Requests that the loop itself was too late for are not sent in a burst:
 * they are owned up to. */
static void on_tick(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct load *load = timer->data;
	int64_t late, now = now_ns();

	(void)events;
	if (now >= load->stop_ns) {
		stop(load);
		return;
	}
	late = (now - load->next_ns) / load->every_ns;
	if (late > 0) {
		fprintf(load->out, "# skipped %lld %lld\n", (long long)late, (long long)now);
		load->skipped += (uint64_t)late;
	}
	ev_now_update(loop); /* limits count from the sending, not from the wake-up */
	request_send(load);
	load->next_ns += (late > 0 ? late + 1 : 1) * load->every_ns;
	now = now_ns();
	ev_timer_set(timer,
		     load->next_ns > now ? (double)(load->next_ns - now) / (double)NS_PER_S : 0.0,
		     0.0);
	ev_timer_start(loop, timer);
}

static void on_signal(struct ev_loop *loop, ev_signal *signal, int events)
{
	(void)loop;
	(void)events;
	stop(signal->data);
}

static int run(struct load *load)
{
	load->loop = ev_default_loop(0);
	if (!load->loop) {
		fprintf(stderr, "vipload: no event loop\n");
		return 1;
	}
	load->every_ns = (int64_t)(load->opt.every_ms * (double)NS_PER_MS);
	load->next_ns = now_ns();
	load->stop_ns = load->next_ns + (int64_t)(load->opt.seconds * (double)NS_PER_S);
	ev_timer_init(&load->tick, on_tick, 0.0, 0.0);
	load->tick.data = load;
	ev_timer_start(load->loop, &load->tick);
	ev_signal_init(&load->term, on_signal, SIGTERM);
	load->term.data = load;
	ev_signal_start(load->loop, &load->term);
	ev_signal_init(&load->intr, on_signal, SIGINT);
	load->intr.data = load;
	ev_signal_start(load->loop, &load->intr);
	ev_run(load->loop, 0);
	fprintf(load->out, "# end sent=%llu good=%llu skipped=%llu\n",
		(unsigned long long)load->sent, (unsigned long long)load->good,
		(unsigned long long)load->skipped);
	return 0;
}

static int read_password(const char *path, char *password, size_t room)
{
	FILE *file = fopen(path, "re");

	if (!file || !fgets(password, (int)room, file)) {
		fprintf(stderr, "vipload: cannot read a password from %s\n", path);
		if (file)
			(void)fclose(file); /* only read from */
		return -1;
	}
	(void)fclose(file);
	password[strcspn(password, "\r\n")] = '\0';
	return 0;
}

static double number(const char *text)
{
	char *end;
	double value = strtod(text, &end);

	return end == text || *end ? -1.0 : value;
}

static int options_check(const struct options *opt)
{
	if (!opt->host || !opt->user || !opt->query || !opt->out) {
		fprintf(stderr, "vipload: --host, --user, --query and --out are needed\n");
		return -1;
	}
	if (!(opt->every_ms >= 1.0) || !(opt->limit_ms > 0.0) ||
	    opt->limit_ms / opt->every_ms > SLOTS_MAX / 2) {
		fprintf(stderr,
			"vipload: --every-ms is 1 or more, and at most %d requests may be "
			"outstanding within --limit-ms\n",
			SLOTS_MAX / 2);
		return -1;
	}
	if (!(opt->seconds > 0.0) || opt->seconds > SECONDS_MAX || opt->port == 0 ||
	    opt->port > 65535) {
		fprintf(stderr, "vipload: --seconds is 0..%.0f, --port 1..65535\n", SECONDS_MAX);
		return -1;
	}
	return 0;
}

static int options_read(int argc, char **argv, struct options *opt)
{
	static const struct option words[] = {
		{"host", required_argument, NULL, 'h'},
		{"port", required_argument, NULL, 'P'},
		{"user", required_argument, NULL, 'u'},
		{"password-file", required_argument, NULL, 'p'},
		{"database", required_argument, NULL, 'd'},
		{"query", required_argument, NULL, 'q'},
		{"every-ms", required_argument, NULL, 'e'},
		{"limit-ms", required_argument, NULL, 'l'},
		{"seconds", required_argument, NULL, 's'},
		{"out", required_argument, NULL, 'o'},
		{NULL, 0, NULL, 0},
	};
	int word;

	while ((word = getopt_long(argc, argv, "", words, NULL)) != -1) {
		switch (word) {
		case 'h':
			opt->host = optarg;
			break;
		case 'P':
			opt->port = (unsigned int)strtoul(optarg, NULL, 10);
			break;
		case 'u':
			opt->user = optarg;
			break;
		case 'p':
			if (read_password(optarg, opt->password, sizeof(opt->password)))
				return -1;
			break;
		case 'd':
			opt->database = optarg;
			break;
		case 'q':
			opt->query = optarg;
			break;
		case 'e':
			opt->every_ms = number(optarg);
			break;
		case 'l':
			opt->limit_ms = number(optarg);
			break;
		case 's':
			opt->seconds = number(optarg);
			break;
		case 'o':
			opt->out = optarg;
			break;
		default:
			return -1;
		}
	}
	return options_check(opt);
}

int main(int argc, char **argv)
{
	static struct load load = {
		.opt = {.port = 3306, .every_ms = 10.0, .limit_ms = 250.0, .seconds = 60.0}};
	int ret;

	if (options_read(argc, argv, &load.opt))
		return 2;
	load.out = fopen(load.opt.out, "we");
	if (!load.out) {
		fprintf(stderr, "vipload: cannot write %s: %s\n", load.opt.out, strerror(errno));
		return 1;
	}
	(void)setvbuf(load.out, NULL, _IOLBF, 0); /* readers follow the file */
	(void)signal(SIGPIPE, SIG_IGN);
	ret = run(&load);
	if (fclose(load.out) != 0) {
		fprintf(stderr, "vipload: writing %s failed\n", load.opt.out);
		ret = 1;
	}
	explicit_bzero(load.opt.password, sizeof(load.opt.password));
	return ret;
}

#else

int main(void)
{
	fprintf(stderr, "vipload: this lab tool needs MariaDB Connector/C (libmariadb-dev)\n");
	return 77;
}

#endif
