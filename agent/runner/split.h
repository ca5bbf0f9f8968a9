/* SPDX-License-Identifier: MIT */
/*
 * A command line of the configuration as the words of an argv, split as
 * keepalived does it: at white space, with "" and '' and backslash escapes,
 * and without a shell, so nothing in it is ever expanded.
 */
#ifndef AGENT_RUNNER_SPLIT_H
#define AGENT_RUNNER_SPLIT_H

#include "agent/base/err.h"

#define SPLIT_TEXT_MAX 512 /* with the NUL: CONF_SCRIPT_MAX */
#define SPLIT_WORDS_MAX 64
#define SPLIT_EXTRA_MAX 4 /* room for what the caller appends */

struct split {
	char text[SPLIT_TEXT_MAX + SPLIT_WORDS_MAX];	    /* the words, each with its NUL */
	char *words[SPLIT_WORDS_MAX + SPLIT_EXTRA_MAX + 1]; /* into text; NULL-terminated */
	unsigned int count;
};

/* 0 with at least one word, or -1 with @err. */
int split_command(const char *command, struct split *split, struct err *err);

/* Appends one of the SPLIT_EXTRA_MAX arguments; @word is borrowed. */
void split_append(struct split *split, char *word);

#endif
