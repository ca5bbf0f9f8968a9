/* SPDX-License-Identifier: MIT */
/*
 * "zonevipctl doctor" and "iam-policy": a program of their own does the work
 * (agent/doctor/doctor.h says why). It lies where this one lies, in a build
 * tree as well as installed, and gets the arguments as they are.
 */
#define _GNU_SOURCE /* readlink */
#include "agent/ctl/ctl.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#define ARGUMENTS_MAX 32

enum ctl_exit ctl_run_doctor(const struct ctl *ctl, const struct ctl_command *command,
			     char *const *arguments)
{
	const char *argv[ARGUMENTS_MAX + 5] = {"zonevip-doctor", "-s", ctl->socket};
	char path[PATH_MAX + sizeof("zonevip-doctor")];
	ssize_t length = readlink("/proc/self/exe", path, PATH_MAX - 1);
	struct err err = {""};
	unsigned int count = 3;
	char *slash;

	path[length > 0 ? length : 0] = '\0';
	slash = strrchr(path, '/');
	if (!slash)
		return ctl_fail(CTL_REFUSED, "cannot tell where this program lies (/proc)");
	(void)strcpy(slash + 1, "zonevip-doctor");
	if (strcmp(command->name, "iam-policy") == 0)
		argv[count++] = "--iam-policy";
	for (; *arguments; arguments++) {
		if (count >= ARGUMENTS_MAX + 4)
			return ctl_fail(CTL_USAGE, "too many arguments");
		argv[count++] = *arguments;
	}
	(void)execv(path, (char *const *)argv);
	(void)err_set(&err, "%s: %s", path, strerror(errno));
	return ctl_fail(CTL_REFUSED, err.text);
}
