/* SPDX-License-Identifier: MIT */
/*
 * Commands whose answer is printed as the daemon gave it: everything but the
 * page of "status".
 */
#include <stdio.h>

#include "agent/ctl/ask.h"
#include "agent/ctl/ctl.h"

enum ctl_exit ctl_fail(enum ctl_exit code, const char *text)
{
	(void)fprintf(stderr, "zonevipctl: %s\n", text);
	return code;
}

/* Names in it may come from another host: nothing may move the cursor. */
void ctl_print(const struct buf *reply)
{
	for (size_t i = 0; i < reply->length; i++) {
		unsigned char c = (unsigned char)reply->data[i];

		putchar((c < 0x20 && c != '\n' && c != '\t') || c == 0x7f ? '?' : c);
	}
	putchar('\n');
}

enum ctl_exit ctl_run_request(const struct ctl *ctl, const struct ctl_command *command,
			      char *const *arguments)
{
	char line[CTL_LINE_MAX];
	struct err err = {""};
	struct buf reply;
	enum ctl_exit code;

	if (ctl_compose(command, arguments, line, &err) < 0)
		return ctl_fail(CTL_USAGE, err.text);
	buf_init(&reply, CTL_REPLY_MAX);
	code = ask(ctl->socket, line, &reply, &err);
	if (code == CTL_OK)
		ctl_print(&reply);
	else
		(void)ctl_fail(code, err.text);
	buf_free(&reply);
	return code;
}
