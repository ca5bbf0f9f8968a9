/* SPDX-License-Identifier: MIT */
/*
 * Commands that are programs of their own: "doctor" and "iam-policy", which
 * need libraries that nobody wants to load for a status (agent/doctor/doctor.h
 * says why), and "exporter". Such a program lies where this one lies, in a
 * build tree as well as installed, and gets the arguments as they are.
 */
#define _GNU_SOURCE /* readlink */
#include "agent/ctl/ctl.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#define ARGUMENTS_MAX 32

static enum ctl_exit become(const struct ctl *ctl, const char *program, const char *option,
			    char *const *arguments)
{
	const char *argv[ARGUMENTS_MAX + 5] = {program, "-s", ctl->socket};
	char path[PATH_MAX + NAME_MAX];
	ssize_t length = readlink("/proc/self/exe", path, PATH_MAX - 1);
	struct err err = {""};
	unsigned int count = 3;
	char *slash;

	path[length > 0 ? length : 0] = '\0';
	slash = strrchr(path, '/');
	if (!slash)
		return ctl_fail(CTL_REFUSED, "cannot tell where this program lies (/proc)");
	(void)snprintf(slash + 1, NAME_MAX, "%s", program);
	if (option)
		argv[count++] = option;
	for (; *arguments; arguments++) {
		if (count >= ARGUMENTS_MAX + 4)
			return ctl_fail(CTL_USAGE, "too many arguments");
		argv[count++] = *arguments;
	}
	(void)execv(path, (char *const *)argv);
	(void)err_set(&err, "%s: %s", path, strerror(errno));
	return ctl_fail(CTL_REFUSED, err.text);
}

enum ctl_exit ctl_run_doctor(const struct ctl *ctl, const struct ctl_command *command,
			     char *const *arguments)
{
	return become(ctl, "zonevip-doctor",
		      strcmp(command->name, "iam-policy") == 0 ? "--iam-policy" : NULL, arguments);
}

enum ctl_exit ctl_run_exporter(const struct ctl *ctl, const struct ctl_command *command,
			       char *const *arguments)
{
	(void)command;
	return become(ctl, "zonevip-exporter", NULL, arguments);
}
