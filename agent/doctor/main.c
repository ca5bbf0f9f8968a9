/* SPDX-License-Identifier: MIT */
/*
 * zonevip-doctor: looks at this host with its configuration from all sides
 * and says what is wrong and how to mend it; or prints the IAM policy that the
 * configuration needs. Run by 'zonevipctl doctor', 'zonevipctl iam-policy' and
 * 'zonevipd -t --online'; documented in zonevipctl(8).
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "agent/base/log.h"
#include "agent/base/options.h"
#include "agent/ctl/ask.h"
#include "agent/doctor/doctor.h"

struct options {
	const char *config;
	const char *node;
	const char *socket;
	const char *region;
	const char *account;
	bool json;
	bool policy;
	bool offline;
};

static void usage(FILE *to)
{
	(void)fputs("usage: zonevip-doctor [-f FILE] [-i NODE] [-s SOCKET] [--json]\n"
		    "       zonevip-doctor --iam-policy [-f FILE] [-i NODE] [--offline]\n"
		    "                      [--region REGION] [--account ID]\n",
		    to);
}

/* -1 to go on, else an exit status. */
static int read_options(int argc, char **argv, struct options *options)
{
	const struct option_word words[] = {
		{'f', NULL, &options->config, NULL},
		{'i', NULL, &options->node, NULL},
		{'s', NULL, &options->socket, NULL},
		{0, "json", NULL, &options->json},
		{0, "iam-policy", NULL, &options->policy},
		{0, "offline", NULL, &options->offline},
		{0, "region", &options->region, NULL},
		{0, "account", &options->account, NULL},
		{0, NULL, NULL, NULL},
	};

	return options_read(argc, argv, words, "zonevip-doctor", usage);
}

static void ask_daemon(struct doctor *d)
{
	struct err err = {""};
	struct buf reply;

	buf_init(&reply, CTL_REPLY_MAX);
	if (ask(d->socket, "json", &reply, &err) == CTL_OK)
		d->status = json_loadb(reply.data, reply.length, JSON_REJECT_DUPLICATES, NULL);
	if (!d->status)
		(void)snprintf(d->status_problem, sizeof(d->status_problem), "%s",
			       err.text[0] ? err.text : "the daemon's answer is not JSON");
	buf_free(&reply);
}

static int examine(struct doctor *d, const struct options *options)
{
	const char *no_colour = getenv("NO_COLOR");

	ask_daemon(d);
	doctor_identify(d);
	if (d->identity.known)
		doctor_learn(d);
	doctor_run(d);
	if (d->out_of_memory) {
		(void)fputs("zonevip-doctor: no memory\n", stderr);
		return EX_OSERR;
	}
	if (options->json)
		(void)report_json(d, stdout);
	else
		report_table(d, stdout, isatty(STDOUT_FILENO) && !(no_colour && *no_colour));
	if (report_count(d, DOCTOR_FAIL))
		return CTL_FAILURES;
	return report_count(d, DOCTOR_WARN) ? CTL_WARNINGS : CTL_OK;
}

static const char *partition_of(const char *region)
{
	if (strncmp(region, "cn-", 3) == 0)
		return "aws-cn";
	return strncmp(region, "us-gov-", 7) == 0 ? "aws-us-gov" : "aws";
}

static int print_policy(struct doctor *d, const struct options *options)
{
	struct policy_names names = {.region = options->region, .account = options->account};
	json_t *policy;
	int ret;

	if (!options->offline) {
		doctor_identify(d);
		if (d->identity.known)
			doctor_learn(d);
	}
	if (!names.region)
		names.region = d->conf->aws.region[0] ? d->conf->aws.region : d->identity.region;
	if (!names.account)
		names.account = d->account;
	names.partition = partition_of(names.region);
	names.vpc = d->vpc;
	for (unsigned int n = 0; n < d->conf->node_count; n++)
		names.enis[n] = d->enis[n].eni;
	policy = policy_make(d->conf, &names);
	ret = policy ? json_dumpf(policy, stdout, JSON_INDENT(2)) : -1;
	(void)fputc('\n', stdout);
	json_decref(policy);
	return ret < 0 ? EX_OSERR : EX_OK;
}

int main(int argc, char **argv)
{
	struct options options = {.config = SYSCONFDIR "/zonevip/zonevip.conf",
				  .socket = RUNSTATEDIR "/zonevip/zonevipd.sock"};
	int status = read_options(argc, argv, &options);
	struct err err = {""};
	struct doctor *d;
	struct conf *conf;

	if (status >= 0)
		return status;
	d = calloc(1, sizeof(*d));
	if (!d)
		return EX_OSERR;
	log_open("zonevip-doctor", LOG_TO_STDERR, (enum log_level)0); /* findings say it all */
	conf = conf_load(options.config, options.node, &err);
	if (!conf) {
		(void)fprintf(stderr, "%s\n", err.text);
		free(d);
		return EX_CONFIG;
	}
	d->conf = conf;
	d->socket = options.socket;
	d->loop = ev_default_loop(EVFLAG_NOENV);
	status = options.policy ? print_policy(d, &options) : examine(d, &options);
	if (fflush(stdout) != 0 || ferror(stdout))
		status = EX_IOERR;
	aws_close(d->aws);
	json_decref(d->status);
	free(d->findings);
	free(d);
	conf_free(conf);
	return status;
}
