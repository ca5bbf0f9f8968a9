/* SPDX-License-Identifier: MIT */
/*
 * zonevipctl: asks a running zonevipd and tells it what to do. A table of
 * commands; each one is a question on the status socket. Manual:
 * zonevipctl(8).
 */
#include "config.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "agent/ctl/ctl.h"

static const struct ctl_command commands[] = {
	{"status", CTL_JSON, "[--json]",
	 "alias, routes and record of every instance; peers, checks", ctl_run_status},
	{"watch", CTL_PLAIN, "[--every SECONDS]", "the same, again and again", ctl_run_watch},
	{"json", CTL_PLAIN, "", "the same for programs", ctl_run_request},
	{"metrics", CTL_PLAIN, "", "the same for Prometheus", ctl_run_request},
	{"why", CTL_NAME, "[INSTANCE]", "why it is so, and what would have to change",
	 ctl_run_request},
	{"events", CTL_PLAIN, "[--json] [--svg N [--with FILE]]",
	 "what happened lately, and why; --svg draws a fail-over", ctl_run_events},
	{"whatif", CTL_CASE | CTL_INSTANCE, "peer-down|db-down|api-down [INSTANCE]",
	 "what this node would do, by its own rules", ctl_run_request},
	{"instances", CTL_PLAIN, "", "names of the instances", ctl_run_request},
	{"nodes", CTL_PLAIN, "", "names of the nodes", ctl_run_request},
	{"version", CTL_PLAIN, "", "the daemon's version", ctl_run_request},
	{"switchover", CTL_INSTANCE | CTL_TO_FORCE, "[INSTANCE] [--to NODE] [--force] [--dry-run]",
	 "hand over to a peer, as planned", ctl_run_request},
	{"drill", CTL_PLAIN,
	 "[INSTANCE] [--to NODE] [--back CMD] [--one-way] [--probe CMD] [--port N] [--report FILE] "
	 "[--yes]",
	 "a switchover and back under a client probe, with a report", ctl_run_drill},
	{"maintenance", CTL_ON_OFF | CTL_INSTANCE | CTL_FOR,
	 "on|off [INSTANCE] [--for TIME] [--reason TEXT]",
	 "freeze: hands off, the VIP stays where it is", ctl_run_request},
	{"standby", CTL_ON_OFF | CTL_INSTANCE, "on|off [INSTANCE]", "leave in order and stay out",
	 ctl_run_request},
	{"release", CTL_INSTANCE, "[INSTANCE]", "give the VIP up once", ctl_run_request},
	{"ack", CTL_INSTANCE, "[INSTANCE]", "end the hold after a failure", ctl_run_request},
	{"reload", CTL_DRY, "[--dry-run]", "take the configuration as it is now", ctl_run_request},
	{"stop", CTL_KEEP, "[--keep]", "stop the daemon; --keep: without handing over",
	 ctl_run_request},
	{"doctor", CTL_PLAIN, "[--json] [-f FILE] [-i NODE]",
	 "look at everything before it matters, and say how to mend it", ctl_run_doctor},
	{"iam-policy", CTL_PLAIN, "[--offline] [-f FILE] ...",
	 "the IAM policy that this configuration needs", ctl_run_doctor},
	{"exporter", CTL_PLAIN, "[--listen ADDRESS:PORT]", "serve the metrics over HTTP",
	 ctl_run_exporter},
	{"import-keepalived", CTL_PLAIN, "FILE", "print a keepalived.conf as ours", ctl_run_import},
	{"keygen", CTL_PLAIN, "FILE", "make a heartbeat key", ctl_run_keygen},
	{"completion", CTL_PLAIN, "bash|zsh", "what a shell needs to complete all this",
	 ctl_run_completion},
	{NULL, CTL_PLAIN, NULL, NULL, NULL},
};

#define DEFAULT_SOCKET RUNSTATEDIR "/zonevip/zonevipd.sock"
#define COMMANDS (sizeof(commands) / sizeof(commands[0]) - 1)

static void usage(FILE *to)
{
	(void)fputs("usage: zonevipctl [-s SOCKET] COMMAND [ARGUMENTS]\n", to);
	for (size_t i = 0; i < COMMANDS; i++)
		(void)fprintf(to, "  %-11s %-33s %s\n", commands[i].name, commands[i].arguments,
			      commands[i].help);
	(void)fputs("  -s, --socket SOCKET   instead of " DEFAULT_SOCKET "\n"
		    "  -v, --version    -h, --help\n",
		    to);
}

static const struct ctl_command *find(const char *name)
{
	for (size_t i = 0; i < COMMANDS; i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	return NULL;
}

int main(int argc, char **argv)
{
	static const struct option names[] = {{"socket", required_argument, NULL, 's'},
					      {"version", no_argument, NULL, 'v'},
					      {"help", no_argument, NULL, 'h'},
					      {NULL, 0, NULL, 0}};
	struct ctl ctl = {.socket = DEFAULT_SOCKET, .commands = commands};
	const struct ctl_command *command;
	struct err err = {""};
	enum ctl_exit code;
	int option;

	/* "+": options behind the command are the command's. */
	while ((option = getopt_long(argc, argv, "+s:vh", names, NULL)) != -1) {
		switch (option) {
		case 's':
			ctl.socket = optarg;
			break;
		case 'v':
			puts("zonevipctl " PACKAGE_VERSION);
			return CTL_OK;
		case 'h':
			usage(stdout);
			return CTL_OK;
		default:
			usage(stderr);
			return CTL_USAGE;
		}
	}
	if (optind == argc) {
		usage(stderr);
		return CTL_USAGE;
	}
	command = find(argv[optind]);
	if (!command) {
		(void)err_set(&err, "there is no command '%s'; 'zonevipctl -h' lists them",
			      argv[optind]);
		return (int)ctl_fail(CTL_USAGE, err.text);
	}
	code = command->run(&ctl, command, argv + optind + 1);
	if ((fflush(stdout) != 0 || ferror(stdout)) && code == CTL_OK)
		code = ctl_fail(CTL_REFUSED, "cannot write the answer");
	return (int)code;
}
