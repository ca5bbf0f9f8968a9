/* SPDX-License-Identifier: MIT */
/*
 * "zonevipctl events": the daemon's lines, its JSON, or one fail-over as a
 * picture, for which the events of the other node may come from a file.
 */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "agent/ctl/ask.h"
#include "agent/ctl/ctl.h"
#include "agent/ctl/svg.h"

struct wanted {
	bool json;
	unsigned int picture; /* 0 = none, 1 = the last change, ... */
	const char *with;     /* file of the other node's events, NULL = none */
};

static int read_arguments(char *const *arguments, struct wanted *wanted, struct err *err)
{
	for (; *arguments; arguments++) {
		if (strcmp(*arguments, "--json") == 0) {
			wanted->json = true;
		} else if (strcmp(*arguments, "--svg") == 0 && arguments[1]) {
			char *end;
			unsigned long number = strtoul(*++arguments, &end, 10);

			if (*end || number < 1 || number > 1000)
				return err_set(err, "--svg: 1 is the last change, 2 the one before "
						    "it");
			wanted->picture = (unsigned int)number;
		} else if (strcmp(*arguments, "--with") == 0 && arguments[1]) {
			wanted->with = *++arguments;
		} else {
			return err_set(err, "events: [--json] [--svg N [--with FILE]]");
		}
	}
	if (wanted->with && !wanted->picture)
		return err_set(err, "--with goes with --svg");
	return 0;
}

static enum ctl_exit draw(const struct buf *reply, const struct wanted *wanted, struct err *err)
{
	json_error_t problem;
	json_t *own = json_loadb(reply->data, reply->length, 0, &problem);
	json_t *other = NULL;
	enum ctl_exit code = CTL_REFUSED;

	if (!own) {
		(void)err_set(err, "the daemon's answer is not JSON: %s", problem.text);
		goto out;
	}
	if (wanted->with) {
		other = json_load_file(wanted->with, JSON_REJECT_DUPLICATES, &problem);
		if (!json_is_array(json_object_get(other, "events"))) {
			(void)err_set(err, "%s is not made by 'zonevipctl events --json': %s",
				      wanted->with, other ? "no events in it" : problem.text);
			goto out;
		}
	}
	if (svg_print(stdout, own, other, wanted->picture, err) == 0)
		code = CTL_OK;
out:
	json_decref(own);
	json_decref(other);
	return code;
}

enum ctl_exit ctl_run_events(const struct ctl *ctl, const struct ctl_command *command,
			     char *const *arguments)
{
	struct wanted wanted = {.with = NULL};
	struct err err = {""};
	struct buf reply;
	enum ctl_exit code;

	(void)command;
	if (read_arguments(arguments, &wanted, &err) < 0)
		return ctl_fail(CTL_USAGE, err.text);
	buf_init(&reply, CTL_REPLY_MAX);
	code = ask(ctl->socket, wanted.json || wanted.picture ? "events json" : "events", &reply,
		   &err);
	if (code == CTL_OK && wanted.picture)
		code = draw(&reply, &wanted, &err);
	else if (code == CTL_OK)
		ctl_print(&reply);
	if (code != CTL_OK)
		(void)ctl_fail(code, err.text);
	buf_free(&reply);
	return code;
}
