/* SPDX-License-Identifier: MIT */
/*
 * "zonevipctl status": asks for the JSON, which is the one description of the
 * daemon's state, and makes the page for people from it. Programs get the JSON
 * itself with --json.
 */
#include <jansson.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/ctl/ask.h"
#include "agent/ctl/ctl.h"
#include "agent/ctl/page.h"

static bool wants_json(char *const *arguments)
{
	for (; *arguments; arguments++)
		if (strcmp(*arguments, "--json") == 0)
			return true;
	return false;
}

/* no-color.org: set and not empty means none. */
static bool wants_colour(void)
{
	const char *no_colour = getenv("NO_COLOR");
	const char *terminal = getenv("TERM");

	if (no_colour && no_colour[0])
		return false;
	return isatty(STDOUT_FILENO) && terminal && strcmp(terminal, "dumb") != 0;
}

static enum ctl_exit print_page(const struct buf *reply)
{
	json_error_t problem;
	json_t *status = json_loadb(reply->data, reply->length, JSON_REJECT_DUPLICATES, &problem);
	struct err err = {""};
	enum ctl_exit code = CTL_OK;

	if (!status) {
		(void)err_set(&err, "the daemon's answer is not JSON: %s (line %d)", problem.text,
			      problem.line);
		return ctl_fail(CTL_REFUSED, err.text);
	}
	if (page_print(stdout, status, wants_colour(), &err) < 0)
		code = ctl_fail(CTL_REFUSED, err.text);
	json_decref(status);
	return code;
}

enum ctl_exit ctl_run_status(const struct ctl *ctl, const struct ctl_command *command,
			     char *const *arguments)
{
	char line[CTL_LINE_MAX];
	struct err err = {""};
	struct buf reply;
	enum ctl_exit code;

	if (ctl_compose(command, arguments, line, &err) < 0)
		return ctl_fail(CTL_USAGE, err.text);
	buf_init(&reply, CTL_REPLY_MAX);
	code = ask(ctl->socket, "json", &reply, &err);
	if (code != CTL_OK)
		(void)ctl_fail(code, err.text);
	else if (wants_json(arguments))
		puts(reply.data);
	else
		code = print_page(&reply);
	buf_free(&reply);
	return code;
}
