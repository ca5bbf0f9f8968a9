/* SPDX-License-Identifier: MIT */
/*
 * From the words on the command line to the one request line that the daemon
 * reads (zonevipctl(8)). Pure. A name with a space or a line break in it could
 * become another request, so names are checked here, where the user sees it.
 */
#include <stdbool.h>
#include <string.h>

#include "agent/ctl/ctl.h"

#define SPAN_MAX_S 2592000 /* 30 days, as the daemon has it */

struct composing {
	const struct ctl_command *command;
	char *line;
	bool named;	    /* an instance was given */
	const char *reason; /* NULL = none */
	struct err *err;
};

static int add(struct composing *composing, const char *key, const char *value)
{
	size_t used = strlen(composing->line);
	int length = snprintf(composing->line + used, CTL_LINE_MAX - used, " %s%s", key, value);

	if ((size_t)length >= CTL_LINE_MAX - used)
		return err_set(composing->err, "too many arguments");
	return 0;
}

static int check_name(struct composing *composing, const char *name)
{
	size_t length = strlen(name);

	if (length == 0 || length > CTL_NAME_MAX)
		return err_set(composing->err, "a name has 1 to %d characters", CTL_NAME_MAX);
	for (size_t i = 0; i < length; i++)
		if (name[i] <= 0x20 || name[i] > 0x7e || name[i] == '=')
			return err_set(composing->err,
				       "a name has no spaces, control characters or '='");
	return 0;
}

static int add_instance(struct composing *composing, const char *name)
{
	unsigned int form = composing->command->form;

	if (composing->named || !(form & (CTL_INSTANCE | CTL_NAME)))
		return err_set(composing->err, "%s: '%s' is one argument too many",
			       composing->command->name, name);
	if (check_name(composing, name) < 0)
		return -1;
	composing->named = true;
	return add(composing, form & CTL_NAME ? "" : "instance=", name);
}

/* "--to NODE" or "--to=NODE"; moves @at to the last word used. */
static int add_target(struct composing *composing, char *const **at)
{
	const char *word = **at;
	const char *node = word + strlen("--to");

	if (*node == '=') {
		node++;
	} else {
		node = *++*at;
		if (!node) {
			--*at;
			return err_set(composing->err, "--to needs the name of a node");
		}
	}
	if (check_name(composing, node) < 0)
		return -1;
	return add(composing, "to=", node);
}

/* The word behind "--NAME" or "--NAME="; moves @at to the last word used. NULL: there is none. */
static const char *value_of(char *const **at, const char *name)
{
	const char *word = **at + strlen(name);

	if (*word == '=')
		return word + 1;
	word = (*at)[1];
	if (word)
		++*at;
	return word;
}

/* "2h", "90m", "30s", "1d" or seconds, to seconds; 0 = none of these. */
static unsigned int read_span(const char *text)
{
	static const struct {
		char unit;
		unsigned int seconds;
	} units[] = {{'\0', 1}, {'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};
	size_t digits = strspn(text, "0123456789");
	unsigned int number = 0;

	if (digits == 0 || digits > 7)
		return 0;
	for (size_t i = 0; i < digits; i++)
		number = number * 10 + (unsigned int)(text[i] - '0');
	for (size_t u = 0; u < sizeof(units) / sizeof(units[0]); u++)
		if (text[digits] == units[u].unit && (text[digits] == '\0' || !text[digits + 1]) &&
		    number <= SPAN_MAX_S / units[u].seconds)
			return number * units[u].seconds;
	return 0;
}

static int add_span(struct composing *composing, char *const **at)
{
	const char *text = value_of(at, "--for");
	unsigned int span = text ? read_span(text) : 0;
	char seconds[16];

	if (span == 0)
		return err_set(composing->err,
			       "--for takes a time up to 30 days: 45s, 30m, 2h or 1d");
	(void)snprintf(seconds, sizeof(seconds), "%u", span);
	return add(composing, "for=", seconds);
}

/* Kept until the end: it takes the rest of the line. */
static int keep_reason(struct composing *composing, char *const **at)
{
	composing->reason = value_of(at, "--reason");
	if (!composing->reason || !*composing->reason || strlen(composing->reason) > CTL_REASON_MAX)
		return err_set(composing->err, "--reason takes 1 to %d characters", CTL_REASON_MAX);
	for (const char *c = composing->reason; *c; c++)
		if (*c < 0x20 || *c > 0x7e)
			return err_set(composing->err, "--reason takes printable ASCII only");
	return 0;
}

static bool is_option(const char *word, const char *name)
{
	size_t length = strlen(name);

	return strncmp(word, name, length) == 0 && (word[length] == '\0' || word[length] == '=');
}

static int add_option(struct composing *composing, char *const **at)
{
	unsigned int form = composing->command->form;
	const char *word = **at;

	if (form & CTL_TO_FORCE && (strcmp(word, "--to") == 0 || strncmp(word, "--to=", 5) == 0))
		return add_target(composing, at);
	if (form & CTL_TO_FORCE && strcmp(word, "--force") == 0)
		return add(composing, "", "force");
	if (form & (CTL_TO_FORCE | CTL_DRY) && strcmp(word, "--dry-run") == 0)
		return add(composing, "", "dry");
	if (form & CTL_KEEP && strcmp(word, "--keep") == 0)
		return add(composing, "", "keep");
	if (form & CTL_FOR && is_option(word, "--for"))
		return add_span(composing, at);
	if (form & CTL_FOR && is_option(word, "--reason"))
		return keep_reason(composing, at);
	if (form & CTL_JSON && strcmp(word, "--json") == 0)
		return 0;
	return err_set(composing->err, "%s has no option '%s'", composing->command->name, word);
}

static bool is_case(const char *word)
{
	return strcmp(word, "peer-down") == 0 || strcmp(word, "db-down") == 0 ||
	       strcmp(word, "api-down") == 0;
}

int ctl_compose(const struct ctl_command *command, char *const *arguments,
		char line[static CTL_LINE_MAX], struct err *err)
{
	struct composing composing = {.command = command, .line = line, .err = err};

	(void)snprintf(line, CTL_LINE_MAX, "%s", command->name);
	if (command->form & CTL_ON_OFF) {
		if (!*arguments ||
		    (strcmp(*arguments, "on") != 0 && strcmp(*arguments, "off") != 0))
			return err_set(err, "%s: say 'on' or 'off'", command->name);
		if (add(&composing, "", *arguments++) < 0)
			return -1;
	}
	if (command->form & CTL_CASE) {
		if (!*arguments || !is_case(*arguments))
			return err_set(err, "%s: say 'peer-down', 'db-down' or 'api-down'",
				       command->name);
		if (add(&composing, "", *arguments++) < 0)
			return -1;
	}
	for (; *arguments; arguments++) {
		int ret = **arguments == '-' ? add_option(&composing, &arguments)
					     : add_instance(&composing, *arguments);

		if (ret < 0)
			return -1;
	}
	return composing.reason ? add(&composing, "reason=", composing.reason) : 0;
}
