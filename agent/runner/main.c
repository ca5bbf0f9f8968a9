/* SPDX-License-Identifier: MIT */
/*
 * zonevip-notify: runs the notify scripts, so that the daemon need not. Reads
 * the configuration, opens the socket, gives up its rights, and then waits for
 * events. Manual: zonevip-notify(8).
 */
#include "config.h"

#include <ev.h>
#include <fcntl.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "agent/base/log.h"
#include "agent/base/options.h"
#include "agent/runner/drop.h"
#include "agent/runner/inbox.h"
#include "agent/runner/runner.h"
#include "conf/conf.h"

#define DEFAULT_FILE SYSCONFDIR "/zonevip/zonevip.conf"
#define DEFAULT_SOCKET RUNSTATEDIR "/zonevip/notify.sock"

struct options {
	const char *file;
	const char *socket;
	const char *user;
	const char *node;
	bool console;
};

static struct inbox inbox;
static struct runner runner;

static void usage(FILE *to)
{
	(void)fputs("usage: zonevip-notify [-f FILE] [-s SOCKET] [-u USER] [-i NODE] [-l]\n"
		    "  -f, --use-file FILE   configuration, the same as zonevipd's\n"
		    "                        (" DEFAULT_FILE ")\n"
		    "  -s, --socket SOCKET   where zonevipd sends events (" DEFAULT_SOCKET ")\n"
		    "  -u, --user USER       zonevipd's user (zonevip)\n"
		    "  -i, --config-id NODE  our node, if the host name does not say it\n"
		    "  -l, --log-console     log to stderr\n"
		    "  -v, --version    -h, --help\n",
		    to);
}

/* -1 to go on, else an exit status. */
static int read_options(int argc, char **argv, struct options *options)
{
	const struct option_word words[] = {
		{'f', "use-file", &options->file, NULL},
		{'s', "socket", &options->socket, NULL},
		{'u', "user", &options->user, NULL},
		{'i', "config-id", &options->node, NULL},
		{'l', "log-console", NULL, &options->console},
		{0, NULL, NULL, NULL},
	};

	return options_read(argc, argv, words, "zonevip-notify", usage);
}

/* Descriptors 0 to 2 must be something, or the next file opened becomes one. */
static void open_standard(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

static struct conf *load(void *arg, struct err *err)
{
	const struct options *options = arg;
	struct conf *conf;

	drop_as_reader(true);
	conf = conf_load(options->file, options->node, err);
	drop_as_reader(false);
	return conf;
}

static int look(const char *path, struct stat *st)
{
	int ret;

	drop_as_reader(true);
	ret = stat(path, st);
	drop_as_reader(false);
	return ret;
}

/* The group by whose right the file can be read, if only a group's will do. */
static gid_t reader_of(const struct stat *st)
{
	return (st->st_mode & (S_IRGRP | S_IROTH)) == S_IRGRP && st->st_gid != 0 ? st->st_gid
										 : (gid_t)-1;
}

/* Without that user only root and the scripts' own user can send events. */
static void find_user(const char *name, struct inbox_config *config)
{
	const struct passwd *entry = getpwnam(name);

	config->user = (uid_t)-1;
	config->group = (gid_t)-1;
	if (!entry) {
		log_event(LOG_LV_WARNING, "notify_user_unknown",
			  "user=%s accepted=\"root and our own user\"", name);
		return;
	}
	config->user = entry->pw_uid;
	if (entry->pw_uid != geteuid())
		config->group = entry->pw_gid;
}

static void on_signal(struct ev_loop *loop, ev_signal *watcher, int revents)
{
	(void)loop;
	(void)revents;
	if (watcher->signum == SIGHUP)
		runner_reload(&runner);
	else
		runner_stop(&runner);
}

static void serve(struct ev_loop *loop)
{
	static const int signals[] = {SIGHUP, SIGTERM, SIGINT};
	static ev_signal watchers[sizeof(signals) / sizeof(signals[0])];

	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		ev_signal_init(&watchers[i], on_signal, signals[i]);
		ev_signal_start(loop, &watchers[i]);
	}
	log_event(LOG_LV_INFO, "started", "program=zonevip-notify version=%s socket=%s uid=%u",
		  PACKAGE_VERSION, inbox.sock.path, geteuid());
	ev_run(loop, 0);
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		ev_signal_stop(loop, &watchers[i]);
	log_event(LOG_LV_INFO, "stopped", "program=zonevip-notify");
}

/* Configuration and socket as whoever started us, then the drop, then work. */
static int start(struct ev_loop *loop, struct options *options)
{
	struct runner_config config = {
		.load = load, .load_arg = options, .look = look, .path = options->file};
	struct inbox_config where = {.path = options->socket};
	struct err err = {""};

	(void)stat(options->file, &config.seen); /* if it fails, load() says why */
	config.conf = load(options, &err);
	if (!config.conf) {
		log_event(LOG_LV_ERROR, "config_bad", "problem=\"%s\"", err.text);
		return EX_CONFIG;
	}
	find_user(options->user, &where);
	if (inbox_open(&inbox, loop, &where, &err) < 0) {
		log_event(LOG_LV_ERROR, "socket_failed", "problem=\"%s\"", err.text);
		goto no_inbox;
	}
	if (drop_privileges(config.conf->script_user, reader_of(&config.seen), &err) < 0) {
		log_event(LOG_LV_ERROR, "privileges", "problem=\"%s\"", err.text);
		goto no_drop;
	}
	runner_open(&runner, loop, &inbox, &config);
	serve(loop);
	runner_close(&runner);
	inbox_close(&inbox);
	return EX_OK;
no_drop:
	inbox_close(&inbox);
no_inbox:
	conf_free(config.conf);
	return EX_OSERR;
}

int main(int argc, char **argv)
{
	struct options options = {
		.file = DEFAULT_FILE, .socket = DEFAULT_SOCKET, .user = "zonevip"};
	struct ev_loop *loop;
	int status;

	open_standard();
	status = read_options(argc, argv, &options);
	if (status >= 0)
		return status;
	log_open("zonevip-notify", log_sink_of(options.console), LOG_LV_INFO);
	(void)signal(SIGPIPE, SIG_IGN);
	/* Not the default loop: that one reaps every child by itself. */
	loop = ev_loop_new(EVFLAG_AUTO);
	if (!loop) {
		log_event(LOG_LV_ERROR, "loop_failed", "problem=\"libev found no backend\"");
		return EX_OSERR;
	}
	status = start(loop, &options);
	ev_loop_destroy(loop);
	return status;
}
