/* SPDX-License-Identifier: MIT */
/*
 * The command line of a program that takes options only: a table of them.
 * -h, -v and their long forms belong to every program. Unlike other libraries
 * it prints: help, version and complaints are the same everywhere.
 */
#ifndef AGENT_BASE_OPTIONS_H
#define AGENT_BASE_OPTIONS_H

#include <stdbool.h>
#include <stdio.h>

#define OPTIONS_MAX 24 /* in a table, with its empty end */

struct option_word {
	char letter;	    /* '\0': none */
	const char *name;   /* NULL: none */
	const char **value; /* takes the argument, which is argv's own; or */
	bool *flag;	    /* is set; or neither, and the option is accepted in silence */
};

/*
 * @words ends with an empty one. Returns -1 to go on, else the exit status:
 * 0 after help or version, 64 after a complaint.
 */
int options_read(int argc, char **argv, const struct option_word *words, const char *program,
		 void (*usage)(FILE *to));

#endif
