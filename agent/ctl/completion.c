/* SPDX-License-Identifier: MIT */
/*
 * "zonevipctl completion SHELL": what bash or zsh need to complete commands
 * and their options, made from the table of commands, so it is never behind
 * it. Names of instances and nodes are asked from the daemon when they are
 * wanted.
 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "agent/ctl/ctl.h"

/* The words of "[--to NODE] on|off [INSTANCE]" that are to be typed as they are. */
static void print_words(const char *arguments)
{
	const char *at = arguments;

	while (*at) {
		size_t length = strspn(at, "abcdefghijklmnopqrstuvwxyz-");
		bool bare = at == arguments || strchr(" [|", at[-1]);

		if (length && bare)
			(void)printf(" %.*s", (int)length, at);
		at += length ? length : 1;
	}
}

static void print_bash(const struct ctl_command *commands, size_t count)
{
	(void)fputs("# bash completion for zonevipctl: zonevipctl completion bash\n"
		    "_zonevipctl()\n{\n"
		    "\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} words\n"
		    "\tif [ \"$COMP_CWORD\" = 1 ]; then\n\t\twords=\"",
		    stdout);
	for (size_t i = 0; i < count; i++)
		(void)printf("%s%s", i ? " " : "", commands[i].name);
	(void)fputs("\"\n\telif [ \"$prev\" = --to ]; then\n"
		    "\t\twords=$(zonevipctl nodes 2>/dev/null)\n\telse\n"
		    "\t\tcase ${COMP_WORDS[1]} in\n",
		    stdout);
	for (size_t i = 0; i < count; i++) {
		(void)printf("\t\t%s) words=\"", commands[i].name);
		print_words(commands[i].arguments);
		(void)printf("%s\" ;;\n", strstr(commands[i].arguments, "INSTANCE")
						  ? " $(zonevipctl instances 2>/dev/null)"
						  : "");
	}
	(void)fputs("\t\tesac\n\tfi\n"
		    "\tmapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$cur\")\n}\n"
		    "complete -F _zonevipctl zonevipctl\n",
		    stdout);
}

/* Inside single quotes of a shell. */
static void print_quoted(const char *text)
{
	for (; *text; text++)
		(void)fputs(*text == '\'' ? "'\\''" : (char[]){*text, '\0'}, stdout);
}

static void print_zsh(const struct ctl_command *commands, size_t count)
{
	(void)fputs("#compdef zonevipctl\n"
		    "# zsh completion for zonevipctl: zonevipctl completion zsh\n"
		    "local -a commands\ncommands=(\n",
		    stdout);
	for (size_t i = 0; i < count; i++) {
		(void)printf("\t'%s:", commands[i].name);
		print_quoted(commands[i].help);
		(void)fputs("'\n", stdout);
	}
	(void)fputs(")\nif (( CURRENT == 2 )); then\n\t_describe command commands\n\treturn\nfi\n"
		    "if [[ $words[CURRENT-1] == --to ]]; then\n"
		    "\tcompadd -- $(zonevipctl nodes 2>/dev/null)\n\treturn\nfi\n"
		    "case $words[2] in\n",
		    stdout);
	for (size_t i = 0; i < count; i++) {
		(void)printf("%s) compadd --", commands[i].name);
		print_words(commands[i].arguments);
		(void)printf("%s ;;\n", strstr(commands[i].arguments, "INSTANCE")
						? " $(zonevipctl instances 2>/dev/null)"
						: "");
	}
	(void)fputs("esac\n", stdout);
}

enum ctl_exit ctl_run_completion(const struct ctl *ctl, const struct ctl_command *command,
				 char *const *arguments)
{
	const char *shell = arguments[0] && !arguments[1] ? arguments[0] : "";
	size_t count = 0;

	(void)command;
	while (ctl->commands[count].name)
		count++;
	if (strcmp(shell, "bash") == 0)
		print_bash(ctl->commands, count);
	else if (strcmp(shell, "zsh") == 0)
		print_zsh(ctl->commands, count);
	else
		return ctl_fail(CTL_USAGE, "completion: name a shell, 'bash' or 'zsh'");
	return CTL_OK;
}
