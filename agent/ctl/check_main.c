/* SPDX-License-Identifier: MIT */
/*
 * check_zonevip: the plugin for Nagios, Icinga and what speaks like them.
 * Manual: check_zonevip(8).
 */
#include "config.h"

#include <getopt.h>
#include <stdio.h>

#include "agent/ctl/ask.h"
#include "agent/ctl/check.h"

#define DEFAULT_SOCKET RUNSTATEDIR "/zonevip/zonevipd.sock"

static void usage(FILE *to)
{
	(void)fputs("usage: check_zonevip [-s SOCKET] [-i INSTANCE]\n"
		    "  -s, --socket SOCKET       default " DEFAULT_SOCKET "\n"
		    "  -i, --instance INSTANCE   only this one\n"
		    "  -v, --version    -h, --help\n",
		    to);
}

static int report(enum check_level level, const char *line, const char *numbers)
{
	(void)printf("ZONEVIP %s - %s%s%s\n", check_level_name(level), line,
		     numbers[0] ? " | " : "", numbers);
	return (int)level;
}

static int judge(const struct buf *reply, const char *instance)
{
	json_error_t problem;
	json_t *status = json_loadb(reply->data, reply->length, JSON_REJECT_DUPLICATES, &problem);
	struct text line;
	struct text numbers;
	enum check_level level;

	if (!status)
		return report(CHECK_UNKNOWN, "the daemon's answer is not JSON", "");
	level = check_status(status, instance, &line, &numbers);
	json_decref(status);
	return report(level, line.s, numbers.s);
}

int main(int argc, char **argv)
{
	static const struct option names[] = {{"socket", required_argument, NULL, 's'},
					      {"instance", required_argument, NULL, 'i'},
					      {"version", no_argument, NULL, 'v'},
					      {"help", no_argument, NULL, 'h'},
					      {NULL, 0, NULL, 0}};
	const char *socket_path = DEFAULT_SOCKET;
	const char *instance = NULL;
	struct err err = {""};
	struct buf reply;
	enum ctl_exit code;
	int option;
	int ret;

	while ((option = getopt_long(argc, argv, "s:i:vh", names, NULL)) != -1) {
		switch (option) {
		case 's':
			socket_path = optarg;
			break;
		case 'i':
			instance = optarg;
			break;
		case 'v':
			puts("check_zonevip " PACKAGE_VERSION);
			return CHECK_OK;
		case 'h':
			usage(stdout);
			return CHECK_OK;
		default:
			usage(stderr);
			return CHECK_UNKNOWN;
		}
	}
	buf_init(&reply, CTL_REPLY_MAX);
	code = ask(socket_path, "json", &reply, &err);
	if (code == CTL_OK)
		ret = judge(&reply, instance);
	else /* a plugin without rights knows nothing; a daemon that is not there is the fault */
		ret = report(code == CTL_PERMISSION || code == CTL_USAGE ? CHECK_UNKNOWN
									 : CHECK_CRITICAL,
			     err.text, "");
	buf_free(&reply);
	return ret;
}
