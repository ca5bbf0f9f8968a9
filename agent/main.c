/* SPDX-License-Identifier: MIT */
/*
 * zonevipd: options, privileges, signals, the loop; in the order of the world.
 */
#include "config.h"

#include <cap-ng.h>
#include <errno.h>
#include <ev.h>
#include <malloc.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sysexits.h>
#include <unistd.h>

#include "agent/agent.h"
#include "agent/base/log.h"
#include "agent/base/options.h"
#include "agent/systemd.h"
#include "agent/tape/replay.h"

#define IDENT "zonevipd"

struct options {
	const char *config;
	const char *node;
	const char *pid_file;
	const char *user;
	const char *replay;
	struct agent_paths paths;
	bool test;
	bool online;
	bool console;
	bool detail;
};

/* --- options ------------------------------------------------------------------------ */

static void usage(FILE *to)
{
	(void)fprintf(
		to,
		"usage: zonevipd [-f FILE] [-i NODE] [-s SOCKET] [-N SOCKET] [-S DIR] [-p FILE]\n"
		"                [-u USER] [-D] [-l] [-n] | -t | --replay PATH [-D] | -v | -h\n"
		"  -f FILE    configuration (" SYSCONFDIR "/zonevip/zonevip.conf)\n"
		"  -t         test the configuration and exit: 0 good, 78 bad\n"
		"  -t --online  then look at everything it needs: see zonevipctl(8), doctor\n"
		"  -i NODE    which node of the file this host is (its host name)\n"
		"  -s SOCKET  status socket (" RUNSTATEDIR "/zonevip/zonevipd.sock)\n"
		"  -N SOCKET  the notify runner's socket (" RUNSTATEDIR "/zonevip/notify.sock)\n"
		"  -S DIR     state file and journal (" LOCALSTATEDIR "/lib/zonevip)\n"
		"  -p FILE    write the process id there\n"
		"  -u USER    become USER, keeping CAP_NET_ADMIN only\n"
		"  -l         log to the terminal instead of syslog or the journal\n"
		"  -D         log details\n"
		"  -n         stay in the foreground (always so)\n"
		"  --replay PATH   tell a journal's story and compare its decisions; -D: every "
		"event\n");
}

/* Returns -1 to go on, else an exit status. */
static int read_options(int argc, char **argv, struct options *options)
{
	const struct option_word words[] = {
		{'f', NULL, &options->config, NULL},
		{'i', NULL, &options->node, NULL},
		{'s', NULL, &options->paths.control, NULL},
		{'N', NULL, &options->paths.notify, NULL},
		{'S', NULL, &options->paths.state, NULL},
		{'p', NULL, &options->pid_file, NULL},
		{'u', NULL, &options->user, NULL},
		{'t', NULL, NULL, &options->test},
		{0, "online", NULL, &options->online},
		{0, "replay", &options->replay, NULL},
		{'l', NULL, NULL, &options->console},
		{'D', NULL, NULL, &options->detail},
		{'n', NULL, NULL, NULL}, /* keepalived's hands type it */
		{0, NULL, NULL, NULL},
	};
	int status = options_read(argc, argv, words, IDENT, usage);

	if (status < 0 && options->online && !options->test) {
		(void)fputs("zonevipd: --online goes with -t\n", stderr);
		status = EX_USAGE;
	}
	return status;
}

/* Becomes zonevip-doctor, which lies beside this program; returns only on failure. */
static int test_online(const struct options *options)
{
	const char *argv[] = {"zonevip-doctor",	      "-f",
			      options->config,	      "-s",
			      options->paths.control, options->node ? "-i" : NULL,
			      options->node,	      NULL};
	char path[PATH_MAX + sizeof("zonevip-doctor")];
	ssize_t length = readlink("/proc/self/exe", path, PATH_MAX - 1);
	char *slash;

	path[length > 0 ? length : 0] = '\0';
	slash = strrchr(path, '/');
	(void)fflush(stdout);
	if (slash) {
		memcpy(slash + 1, "zonevip-doctor", sizeof("zonevip-doctor"));
		(void)execv(path, (char *const *)argv);
	}
	(void)fprintf(stderr, "zonevipd: %s: %s\n", path, strerror(errno));
	return EX_UNAVAILABLE;
}

static int test_config(const struct options *options)
{
	struct err err = {.text = ""};
	struct conf *conf = conf_load(options->config, options->node, &err);

	if (!conf) {
		(void)fprintf(stderr, "%s\n", err.text);
		return EX_CONFIG;
	}
	(void)printf("%s: configuration OK: node %s of %u, %u instance%s, profile %s\n", conf->path,
		     conf->nodes[conf->self].name, conf->node_count, conf->instance_count,
		     conf->instance_count == 1 ? "" : "s",
		     timers_profile_name(conf->heartbeat.profile));
	conf_free(conf);
	return options->online ? test_online(options) : EX_OK;
}

/* 0: the same decisions; 1: others; 65: nothing to compare. Needs no right but to read. */
static int replay(const struct options *options)
{
	struct err err = {.text = ""};
	enum replay_result result = replay_path(options->replay, options->detail, stdout, &err);

	if (result == REPLAY_NOTHING) {
		(void)fprintf(stderr, "zonevipd: %s: %s\n", options->replay, err.text);
		return EX_DATAERR;
	}
	if (fflush(stdout) != 0 || ferror(stdout))
		return EX_IOERR;
	return result == REPLAY_SAME ? EX_OK : 1;
}

/* --- process ---------------------------------------------------------------------------- */

/* Keeps CAP_NET_ADMIN and nothing else; as @user if named. */
static int drop_privileges(const char *user, struct err *err)
{
	struct passwd *pw = NULL;
	int ret;

	capng_clear(CAPNG_SELECT_ALL);
	(void)capng_updatev(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED, CAP_NET_ADMIN, -1);
	if (user) {
		pw = getpwnam(user);
		if (!pw)
			return err_set(err, "-u %s: no such user", user);
		ret = capng_change_id((int)pw->pw_uid, (int)pw->pw_gid,
				      CAPNG_INIT_SUPP_GRP | CAPNG_CLEAR_BOUNDING);
	} else {
		ret = capng_apply(CAPNG_SELECT_CAPS);
	}
	if (ret < 0)
		return err_set(err,
			       "cannot drop to CAP_NET_ADMIN (%d); is it granted? "
			       "AmbientCapabilities=CAP_NET_ADMIN in the unit",
			       ret);
	return 0;
}

static void harden(void)
{
	const struct rlimit none = {0, 0};

	(void)prctl(PR_SET_DUMPABLE, 0); /* the key and the credentials stay out of cores */
	(void)setrlimit(RLIMIT_CORE, &none);
	(void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	(void)signal(SIGPIPE, SIG_IGN);
	/* A large answer is given back to the system when it is read: without this
	 * glibc raises its threshold after the first one and keeps the rest. */
	(void)mallopt(M_MMAP_THRESHOLD, 128 * 1024);
}

static int write_pid(const char *path, struct err *err)
{
	FILE *file = fopen(path, "we");

	if (!file)
		return err_set(err, "-p %s: %s", path, strerror(errno));
	(void)fprintf(file, "%d\n", (int)getpid());
	(void)fclose(file);
	return 0;
}

/* --- when the loop itself gets nothing ------------------------------------------------------- */

/* libev aborts where it gets no memory; this goes with a reason, and the supervisor starts anew:
 * addresses stay, and what is found is adopted. Not exit(): other threads may hold anything. */
static void *loop_memory(void *old, long size)
{
	void *memory;

	if (size == 0) {
		free(old);
		return NULL;
	}
	memory = realloc(old, (size_t)size);
	if (!memory) {
		log_event(LOG_LV_ERROR, "out_of_memory", "bytes=%ld where=loop", size);
		_exit(EX_OSERR);
	}
	return memory;
}

static void loop_failed(const char *what)
{
	log_event(LOG_LV_ERROR, "loop_failed", "call=\"%s\" error=\"%s\"", what, strerror(errno));
	_exit(EX_OSERR);
}

static struct ev_loop *open_loop(void)
{
	ev_set_allocator(loop_memory);
	ev_set_syserr_cb(loop_failed);
	return ev_default_loop(EVFLAG_NOENV);
}

/* --- readiness and watchdog ----------------------------------------------------------------- */

static void on_watchdog(struct ev_loop *loop, ev_timer *timer, int events)
{
	(void)loop;
	(void)events;
	if (agent_alive(timer->data))
		systemd_tell("WATCHDOG=1");
}

static void start_watchdog(struct ev_loop *loop, ev_timer *timer, struct agent *agent)
{
	double period = systemd_watchdog_s() / 4;

	ev_timer_init(timer, on_watchdog, period, period);
	timer->data = agent;
	if (period > 0)
		ev_timer_start(loop, timer);
}

/* --- signals ------------------------------------------------------------------------------------
 */

/* A pre_release hook may take longer than the unit's TimeoutStopSec: ask for that time. */
static void tell_stopping(const struct conf *conf)
{
	mono_us longest = 0, usec;
	char text[64];

	for (unsigned int i = 0; i < conf->instance_count; i++)
		if (conf->instances[i].pre_release[0] && conf->instances[i].hook_timeout > longest)
			longest = conf->instances[i].hook_timeout;
	usec = longest + 20 * SEC;
	(void)snprintf(text, sizeof(text), "STOPPING=1\nEXTEND_TIMEOUT_USEC=%lld", (long long)usec);
	systemd_tell(text);
}

static void on_stop(struct ev_loop *loop, ev_signal *signal_, int events)
{
	struct agent *agent = signal_->data;

	(void)loop;
	(void)events;
	agent_stop(agent); /* the peer is told first, then the others */
	log_event(LOG_LV_INFO, "stopping", "signal=%d", signal_->signum);
	tell_stopping(agent->conf);
}

static void on_reload(struct ev_loop *loop, ev_signal *signal_, int events)
{
	struct err err = {.text = ""};
	struct buf unread;

	(void)loop;
	(void)events;
	buf_init(&unread, 256);
	(void)agent_reload(signal_->data, false, &unread, &err); /* says itself what came of it */
	buf_free(&unread);
}

static void on_dump(struct ev_loop *loop, ev_signal *signal_, int events)
{
	struct agent *agent = signal_->data;
	struct buf text;

	(void)loop;
	(void)events;
	buf_init(&text, (size_t)64 * 1024);
	if (signal_->signum == SIGUSR1)
		agent_status_text(agent, &text);
	else
		for (unsigned int i = 0; i < agent->conf->instance_count; i++)
			agent_why(agent, i, &text);
	for (char *rest = text.data, *line;
	     rest && (line = strsep(&rest, "\n")) && (line[0] || rest);)
		log_line(LOG_LV_INFO, "%s", line);
	buf_free(&text);
}

static const struct {
	int number;
	void (*callback)(struct ev_loop *, ev_signal *, int);
} signals[] = {
	{SIGTERM, on_stop}, {SIGINT, on_stop},	{SIGHUP, on_reload},
	{SIGUSR1, on_dump}, {SIGUSR2, on_dump},
};

#define SIGNALS (sizeof(signals) / sizeof(signals[0]))

/* --- the daemon
 * ------------------------------------------------------------------------------------ */

static int run(const struct options *options)
{
	struct err err = {.text = ""};
	struct ev_loop *loop = open_loop();
	struct conf *conf = conf_load(options->config, options->node, &err);
	struct agent *agent = NULL;
	ev_signal watchers[SIGNALS];
	ev_timer watchdog;
	int status = EX_CONFIG;

	if (!conf)
		goto out;
	status = EX_OSERR;
	if ((options->pid_file && write_pid(options->pid_file, &err) < 0) ||
	    drop_privileges(options->user, &err) < 0)
		goto out;
	harden(); /* after the change of user, which makes a process dumpable again */
	agent = agent_open(loop, conf, &options->paths, &err);
	if (!agent)
		goto out;
	for (size_t s = 0; s < SIGNALS; s++) {
		ev_signal_init(&watchers[s], signals[s].callback, signals[s].number);
		watchers[s].data = agent;
		ev_signal_start(loop, &watchers[s]);
	}
	systemd_open();
	start_watchdog(loop, &watchdog, agent);
	log_event(LOG_LV_INFO, "started",
		  "version=" PACKAGE_VERSION " node=%s config=%s profile=%s",
		  conf->nodes[conf->self].name, conf->path,
		  timers_profile_name(conf->heartbeat.profile));
	systemd_tell("READY=1");
	(void)ev_run(loop, 0);
	status = agent->out_of_memory ? EX_OSERR : EX_OK;
	log_event(LOG_LV_INFO, "stopped", "status=%d", status);
out:
	if (err.text[0])
		log_event(LOG_LV_ERROR, "start_failed", "error=\"%s\"", err.text);
	if (agent)
		conf = agent->conf; /* it may have been reloaded */
	agent_close(agent);
	conf_free(conf);
	ev_loop_destroy(loop);
	return status;
}

int main(int argc, char **argv)
{
	struct options options = {
		.config = SYSCONFDIR "/zonevip/zonevip.conf",
		.paths = {.control = RUNSTATEDIR "/zonevip/zonevipd.sock",
			  .notify = RUNSTATEDIR "/zonevip/notify.sock",
			  .state = LOCALSTATEDIR "/lib/zonevip"},
	};
	int status = read_options(argc, argv, &options);

	if (status >= 0)
		return status;
	if (options.replay)
		return replay(&options);
	if (options.test)
		return test_config(&options);
	log_open(IDENT, log_sink_of(options.console), options.detail ? LOG_LV_DEBUG : LOG_LV_INFO);
	return run(&options);
}
