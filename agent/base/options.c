/* SPDX-License-Identifier: MIT */
/*
 * A table of options, read by getopt_long: what its strings and structs want
 * is made from the table, so that no program keeps a second list.
 */
#include "config.h"

#include "agent/base/options.h"

#include <assert.h>
#include <getopt.h>
#include <sysexits.h>

#define LONG_ONLY 256 /* + index: what getopt returns for an option without a letter */

struct getopt_view {
	char letters[2 * OPTIONS_MAX + 3];
	struct option names[OPTIONS_MAX + 3];
};

static void view_words(struct getopt_view *view, const struct option_word *words)
{
	struct option *name = view->names;
	char *letter = view->letters;
	int i;

	for (i = 0; words[i].letter || words[i].name; i++) {
		assert(i < OPTIONS_MAX);
		if (words[i].letter) {
			*letter++ = words[i].letter;
			if (words[i].value)
				*letter++ = ':';
		}
		if (words[i].name)
			*name++ = (struct option){
				words[i].name, words[i].value ? required_argument : no_argument,
				NULL, words[i].letter ? words[i].letter : LONG_ONLY + i};
	}
	*letter++ = 'v';
	*letter++ = 'h';
	*letter = '\0';
	*name++ = (struct option){"version", no_argument, NULL, 'v'};
	*name++ = (struct option){"help", no_argument, NULL, 'h'};
	*name = (struct option){NULL, 0, NULL, 0};
}

static void take(const struct option_word *words, int option)
{
	int i = option >= LONG_ONLY ? option - LONG_ONLY : 0;

	while (option < LONG_ONLY && words[i].letter != option)
		i++;
	if (words[i].value)
		*words[i].value = optarg;
	else if (words[i].flag)
		*words[i].flag = true;
}

int options_read(int argc, char **argv, const struct option_word *words, const char *program,
		 void (*usage)(FILE *to))
{
	struct getopt_view view = {.letters = ""};
	int option;

	view_words(&view, words);
	while ((option = getopt_long(argc, argv, view.letters, view.names, NULL)) != -1) {
		switch (option) {
		case 'v':
			(void)printf("%s " PACKAGE_VERSION "\n", program);
			return EX_OK;
		case 'h':
			usage(stdout);
			return EX_OK;
		case '?':
			usage(stderr);
			return EX_USAGE;
		default:
			take(words, option);
		}
	}
	if (optind == argc)
		return -1;
	(void)fprintf(stderr, "%s: '%s' is too much\n", program, argv[optind]);
	return EX_USAGE;
}
