/* SPDX-License-Identifier: MIT */
/*
 * "zonevipctl watch": the status page again and again, in place. The page is
 * made in memory and written at once, so that it does not flicker; a daemon
 * that does not answer is shown, not a reason to end: watching a restart is
 * what this is for.
 */
#include <jansson.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "agent/ctl/ask.h"
#include "agent/ctl/page.h"

#define HOME "\033[H"
#define CLEAR_LINE "\033[K"
#define CLEAR_BELOW "\033[J"

static void print_problem(FILE *out, const char *text)
{
	(void)fprintf(out, "%s\n", text);
}

static void print_status(FILE *out, const struct ctl *ctl, bool colour)
{
	struct err err = {""};
	struct buf reply;
	json_t *status = NULL;

	buf_init(&reply, CTL_REPLY_MAX);
	if (ask(ctl->socket, "json", &reply, &err) != CTL_OK)
		print_problem(out, err.text);
	else if (!(status = json_loadb(reply.data, reply.length, 0, NULL)))
		print_problem(out, "the daemon's answer is not JSON");
	else if (page_print(out, status, colour, &err) < 0)
		print_problem(out, err.text);
	json_decref(status);
	buf_free(&reply);
}

/* Every line is cleared behind its end: what stood there before is gone. */
static void show(const char *page, bool terminal)
{
	(void)fputs(terminal ? HOME : "", stdout);
	for (const char *line = page; *line;) {
		size_t length = strcspn(line, "\n");

		(void)printf("%.*s%s\n", (int)length, line, terminal ? CLEAR_LINE : "");
		line += length + (line[length] == '\n');
	}
	(void)fputs(terminal ? CLEAR_BELOW : "\n", stdout);
	(void)fflush(stdout);
}

/* False when there is no memory or nobody to write to. */
static bool draw(const struct ctl *ctl, bool terminal)
{
	const char *no_colour = getenv("NO_COLOR");
	time_t now = time(NULL);
	struct tm tm;
	char when[32];
	char *page = NULL;
	size_t length = 0;
	FILE *out = open_memstream(&page, &length);

	if (!out)
		return false;
	(void)localtime_r(&now, &tm);
	(void)strftime(when, sizeof(when), "%H:%M:%S", &tm);
	(void)fprintf(out, "%s   (Ctrl-C ends)\n\n", when);
	print_status(out, ctl, terminal && !(no_colour && no_colour[0]));
	(void)fclose(out);
	if (page)
		show(page, terminal);
	free(page);
	return !ferror(stdout);
}

enum ctl_exit ctl_run_watch(const struct ctl *ctl, const struct ctl_command *command,
			    char *const *arguments)
{
	bool terminal = isatty(STDOUT_FILENO);
	double every = 1;
	char *end = "";

	(void)command;
	if (arguments[0] && strcmp(arguments[0], "--every") == 0 && arguments[1]) {
		every = strtod(arguments[1], &end);
		arguments += 2;
	}
	if (arguments[0] || *end || !(every >= 0.1 && every <= 3600))
		return ctl_fail(CTL_USAGE, "watch: [--every SECONDS], 0.1 to 3600");
	if (terminal)
		(void)fputs("\033[2J", stdout);
	while (draw(ctl, terminal))
		(void)poll(NULL, 0, (int)(every * 1000));
	return CTL_REFUSED;
}
