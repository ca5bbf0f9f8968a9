/* SPDX-License-Identifier: MIT */
/*
 * The numbered writer of the lab: a few sessions through the VIP, each of
 * which commits rows (writer, n) with n counting up, at a fixed rate, and
 * writes down what it was told. A number is used once: whatever was not
 * acknowledged is given up, so that a row found twice, or an acknowledged one
 * not found, is the database's doing and not ours. The server's id is part of
 * the row and comes back with the acknowledgement: it tells which server took
 * the write.
 *
 * It measures and judges nothing: tests/lab/commits.py does. Never installed.
 *
 * One line a write, tab-separated; times are CLOCK_BOOTTIME nanoseconds:
 *
 *   SENT_NS  DONE_NS  ok    WRITER  N  SERVER_ID
 *   SENT_NS  DONE_NS  fail  WRITER  N  WHY
 */
#include "config.h"

#include <getopt.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "agent/myclient.h"

#define WRITERS_MAX 16

static struct {
	struct myclient_target target;
	const char *table;
	unsigned int writers;
	double rate; /* of all writers together */
	double limit_s;
	FILE *out;
} opt = {.table = "mlb.commits", .writers = 4, .rate = 500, .limit_s = 0.25};

static atomic_bool stopping;

struct writer {
	unsigned int number;
	pthread_t thread;
	struct myclient *client;
};

static void on_signal(int number)
{
	(void)number;
	atomic_store(&stopping, true);
}

static struct myclient_limit limit_from(mono_us now)
{
	return (struct myclient_limit){
		.deadline = now + (mono_us)(opt.limit_s * SEC), .wake_fd = -1, .pid_fd = -1};
}

/* A new session; false and a short pause when there is none to be had. */
static bool connect_again(struct writer *writer)
{
	struct myclient_limit limit = limit_from(mono_now());

	writer->client = myclient_new();
	if (writer->client &&
	    myclient_connect(writer->client, &opt.target, &limit) == MYCLIENT_DONE)
		return true;
	myclient_close(writer->client);
	writer->client = NULL;
	(void)usleep(10000);
	return false;
}

static void say(const struct writer *writer, mono_us sent, unsigned long n, bool ok,
		const char *text)
{
	char clean[120];
	size_t i;

	for (i = 0; i < sizeof(clean) - 1 && text[i]; i++)
		clean[i] = (unsigned char)text[i] < 0x20 ? ' ' : text[i];
	clean[i] = '\0';
	fprintf(opt.out, "%lld\t%lld\t%s\t%u\t%lu\t%s\n", (long long)sent * 1000,
		(long long)mono_now() * 1000, ok ? "ok" : "fail", writer->number, n, clean);
}

static void write_row(struct writer *writer, unsigned long n)
{
	mono_us sent = mono_now();
	struct myclient_limit limit = limit_from(sent);
	char server[24] = "";
	char sql[200];
	enum myclient_end end;

	(void)snprintf(sql, sizeof(sql),
		       "INSERT INTO %s (writer, n, server) VALUES (%u, %lu, @@server_id) "
		       "RETURNING server",
		       opt.table, writer->number, n);
	end = myclient_ask(writer->client, sql, server, sizeof(server), &limit);
	say(writer, sent, n, end == MYCLIENT_DONE,
	    end == MYCLIENT_DONE    ? server
	    : end == MYCLIENT_ERROR ? myclient_text(writer->client)
				    : "not answered");
	if (end == MYCLIENT_DONE)
		return;
	myclient_close(writer->client);
	writer->client = NULL;
}

static void *run(void *arg)
{
	struct writer *writer = arg;
	mono_us every = (mono_us)(opt.writers / opt.rate * SEC);
	mono_us due = mono_now() + every * writer->number / opt.writers;

	if (myclient_thread_begin() != 0)
		return NULL;
	for (unsigned long n = 1; !atomic_load(&stopping);) {
		mono_us now = mono_now();

		if (now < due) {
			(void)usleep((useconds_t)(due - now));
			continue;
		}
		if (!writer->client && !connect_again(writer))
			continue;
		write_row(writer, n++);
		due = mono_max(due + every, mono_now() - every); /* what is missed is missed */
	}
	myclient_close(writer->client);
	myclient_thread_end();
	return NULL;
}

static int read_options(int argc, char **argv)
{
	static const struct option options[] = {
		{"host", required_argument, NULL, 'h'},
		{"port", required_argument, NULL, 'P'},
		{"user", required_argument, NULL, 'u'},
		{"password", required_argument, NULL, 'p'},
		{"table", required_argument, NULL, 't'},
		{"writers", required_argument, NULL, 'w'},
		{"rate", required_argument, NULL, 'r'},
		{"limit", required_argument, NULL, 'l'},
		{"output", required_argument, NULL, 'o'},
		{NULL, 0, NULL, 0},
	};
	int c;

	opt.target =
		(struct myclient_target){.socket = "", .password = "", .tls_ca = "", .port = 3306};
	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 'h':
			opt.target.host = optarg;
			break;
		case 'P':
			opt.target.port = (uint16_t)strtoul(optarg, NULL, 10);
			break;
		case 'u':
			opt.target.user = optarg;
			break;
		case 'p':
			opt.target.password = optarg;
			break;
		case 't':
			opt.table = optarg;
			break;
		case 'w':
			opt.writers = (unsigned int)strtoul(optarg, NULL, 10);
			break;
		case 'r':
			opt.rate = strtod(optarg, NULL);
			break;
		case 'l':
			opt.limit_s = strtod(optarg, NULL);
			break;
		case 'o':
			opt.out = fopen(optarg, "we");
			break;
		default:
			return -1;
		}
	}
	return opt.target.host && opt.target.user && opt.out && opt.rate > 0 && opt.limit_s > 0 &&
			       opt.writers > 0 && opt.writers <= WRITERS_MAX
		       ? 0
		       : -1;
}

int main(int argc, char **argv)
{
	static struct writer writers[WRITERS_MAX];
	struct sigaction action = {.sa_handler = on_signal};

	if (read_options(argc, argv) < 0) {
		fprintf(stderr, "usage: vipwrite --host ADDRESS --user NAME --password WORD "
				"--output FILE [--table T] [--writers N] [--rate N] [--limit S]\n");
		return 64;
	}
	(void)sigaction(SIGTERM, &action, NULL);
	(void)sigaction(SIGINT, &action, NULL);
	(void)signal(SIGPIPE, SIG_IGN);
	(void)setvbuf(opt.out, NULL, _IOLBF, 0); /* whoever follows the file sees whole lines */
	if (myclient_begin() != 0)
		return 71;
	for (unsigned int w = 0; w < opt.writers; w++) {
		writers[w].number = w;
		if (pthread_create(&writers[w].thread, NULL, run, &writers[w]) != 0)
			return 71;
	}
	for (unsigned int w = 0; w < opt.writers; w++)
		(void)pthread_join(writers[w].thread, NULL);
	return fclose(opt.out) == 0 ? 0 : 1;
}
