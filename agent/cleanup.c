/* SPDX-License-Identifier: MIT */
/*
 * zonevip-cleanup: takes away the addresses that an agent which will not be
 * restarted has left on this host (doc/protocol.md: an alias without an agent
 * serves clients of a database that nobody watches). The unit's OnFailure=
 * runs it. It knows addresses only from the configuration, removes exactly
 * those (address, device, prefix, label), touches neither routes nor the
 * parameter, and does nothing while an agent answers, nor where the agent only
 * observes. Manual:
 * zonevip-cleanup(8).
 */
#include "config.h"

#include <errno.h>
#include <ev.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sysexits.h>
#include <unistd.h>

#include "agent/base/log.h"
#include "agent/base/options.h"
#include "conf/conf.h"
#include "netlink/netlink.h"

#define EXIT_ALIVE 1

struct options {
	const char *config;
	const char *node;
	const char *socket;
	bool console;
};

static void usage(FILE *to)
{
	(void)fputs("usage: zonevip-cleanup [-f FILE] [-i NODE] [-s SOCKET] [-l] | -v | -h\n"
		    "  -f FILE    configuration (" SYSCONFDIR "/zonevip/zonevip.conf)\n"
		    "  -i NODE    which node of the file this host is (its host name)\n"
		    "  -s SOCKET  the agent's status socket (" RUNSTATEDIR
		    "/zonevip/zonevipd.sock)\n"
		    "  -l         log to the terminal instead of syslog or the journal\n",
		    to);
}

/* Returns -1 to go on, else an exit status. */
static int read_options(int argc, char **argv, struct options *options)
{
	const struct option_word words[] = {
		{'f', NULL, &options->config, NULL},
		{'i', NULL, &options->node, NULL},
		{'s', NULL, &options->socket, NULL},
		{'l', NULL, NULL, &options->console},
		{0, NULL, NULL, NULL},
	};

	return options_read(argc, argv, words, "zonevip-cleanup", usage);
}

/* A socket that accepts belongs to a process; one that a crash left refuses. */
static bool agent_answers(const char *path)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	int fd;
	bool answers;

	if (strlen(path) >= sizeof(sun.sun_path))
		return false;
	memcpy(sun.sun_path, path, strlen(path));
	/* Non-blocking: a stopped agent with a full backlog must not hold us up. */
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return false;
	answers = connect(fd, (const struct sockaddr *)&sun, sizeof(sun)) == 0 || errno == EAGAIN;
	(void)close(fd);
	return answers;
}

/* 0, or -1 when an address is there and would not go. */
static int clean_instance(struct netlink *nl, const struct conf_instance *instance)
{
	char text[IP_TEXT_MAX];
	int failed = 0;

	for (unsigned int i = 0; i < instance->vip_count; i++) {
		struct vip vip = {.address = instance->vips[i].address,
				  .prefix_length = instance->vips[i].prefix_length};
		int ret;

		memcpy(vip.interface, instance->interface, sizeof(vip.interface));
		memcpy(vip.label, instance->vips[i].label, sizeof(vip.label));
		ret = vip_present(nl, &vip);
		if (ret == 0)
			continue;
		if (ret > 0)
			ret = vip_remove(nl, &vip);
		(void)ip_format(&vip.address, text);
		if (ret == 0)
			log_event(LOG_LV_WARNING, "alias_cleaned",
				  "instance=%s address=%s interface=%s label=\"%s\"",
				  instance->name, text, vip.interface, vip.label);
		else
			log_event(LOG_LV_ERROR, "alias_left",
				  "instance=%s address=%s interface=%s error=\"%s\"",
				  instance->name, text, vip.interface, strerror(-ret));
		failed |= ret;
	}
	return failed ? -1 : 0;
}

static int clean(const struct conf *conf)
{
	const struct netlink_callbacks none = {0};
	struct ev_loop *loop = ev_loop_new(EVFLAG_NOENV); /* never run: nothing is awaited */
	struct err err = {.text = ""};
	struct netlink *nl = loop ? netlink_open(loop, &none, &err) : NULL;
	int status = EX_OSERR;

	if (!nl) {
		log_event(LOG_LV_ERROR, "cleanup_failed", "error=\"%s\"", err.text);
		goto out;
	}
	status = EX_OK;
	for (unsigned int i = 0; i < conf->instance_count; i++)
		if (clean_instance(nl, &conf->instances[i]) < 0)
			status = EX_OSERR;
	netlink_close(nl);
out:
	if (loop)
		ev_loop_destroy(loop);
	return status;
}

int main(int argc, char **argv)
{
	struct options options = {.config = SYSCONFDIR "/zonevip/zonevip.conf",
				  .socket = RUNSTATEDIR "/zonevip/zonevipd.sock"};
	int status = read_options(argc, argv, &options);
	struct err err = {.text = ""};
	struct conf *conf;

	if (status >= 0)
		return status;
	log_open("zonevip-cleanup", log_sink_of(options.console), LOG_LV_INFO);
	if (agent_answers(options.socket)) {
		log_event(LOG_LV_ERROR, "cleanup_refused", "socket=%s problem=\"%s\"",
			  options.socket,
			  "an agent is running and looks after its addresses itself");
		return EXIT_ALIVE;
	}
	conf = conf_load(options.config, options.node, &err);
	if (!conf) {
		log_event(LOG_LV_ERROR, "cleanup_failed", "error=\"%s\"", err.text);
		return EX_CONFIG;
	}
	if (conf->observe)
		log_event(LOG_LV_INFO, "cleanup_observes", "left=\"every address\"");
	status = conf->observe ? EX_OK : clean(conf); /* they are somebody else's */
	conf_free(conf);
	return status;
}
