/* SPDX-License-Identifier: MIT */
/*
 * From the words on the command line to the one request line that the daemon
 * reads (zonevipctl(8)). Pure. A name with a space or a line break in it could
 * become another request, so names are checked here, where the user sees it.
 */
#include <stdbool.h>
#include <string.h>

#include "agent/ctl/ctl.h"

struct composing {
	const struct ctl_command *command;
	char *line;
	bool named; /* an instance was given */
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

static int add_option(struct composing *composing, char *const **at)
{
	unsigned int form = composing->command->form;
	const char *word = **at;

	if (form & CTL_TO_FORCE && (strcmp(word, "--to") == 0 || strncmp(word, "--to=", 5) == 0))
		return add_target(composing, at);
	if (form & CTL_TO_FORCE && strcmp(word, "--force") == 0)
		return add(composing, "", "force");
	if (form & CTL_KEEP && strcmp(word, "--keep") == 0)
		return add(composing, "", "keep");
	if (form & CTL_JSON && strcmp(word, "--json") == 0)
		return 0;
	return err_set(composing->err, "%s has no option '%s'", composing->command->name, word);
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
	for (; *arguments; arguments++) {
		int ret = **arguments == '-' ? add_option(&composing, &arguments)
					     : add_instance(&composing, *arguments);

		if (ret < 0)
			return -1;
	}
	return 0;
}
