/* SPDX-License-Identifier: MIT */
/*
 * Prints the table of words, for programs: with no argument one line a word,
 * fields separated by tabs (block, word, "block" or "entry" or what it takes,
 * unit, default, keepalived's word, how often at least and at most, help), "-"
 * for none; with --dict a dictionary for libFuzzer. Never installed.
 */
#include <stdio.h>
#include <string.h>

#include "conf/value.h"
#include "conf/words.h"

static const char *or_dash(const char *text)
{
	return text && text[0] ? text : "-";
}

static void print_row(const struct conf_word *word)
{
	const struct conf_word *block = conf_block_word(word->block);
	char range[CONF_RANGE_MAX];
	const char *takes = conf_value_range(word, range);

	if (word->type == CONF_TYPE_BLOCK)
		takes = "block";
	else if (word->entry)
		takes = "entry";
	printf("%s\t%s\t%s\t%s\t%s\t%s\t%u\t%u\t%s\n", block ? block->word : "-", word->word, takes,
	       or_dash(word->unit), or_dash(word->standard), or_dash(word->keepalived), word->least,
	       word->most, word->help);
}

/* Words as they are, and one good value of each kind. */
static void print_dictionary(void)
{
	static const char *const values[] = {
		"include",  "on",	 "off",	     "yes",
		"no",	    "true",	 "false",    " {\\x0a",
		"}\\x0a",   "#",	 "!",	     "\\x22",
		"'",	    "\\\\",	 "10.1.5.5", "10.1.5.5/32",
		"fd00::1",  "eth0",	 "eth0:1",   "rtb-0a1b2c3d",
		"/a",	    "https://a", "safe",     "fast",
		"wan",	    "eni",	 "instance", "hold",
		"fence",    "0.5",	 "7112",     "/orders/touch",
		"DB_Host1", "us-east-1",
	};

	for (size_t i = 0; i < conf_word_count; i++)
		if (!conf_words[i].entry)
			printf("\"%s\"\n", conf_words[i].word);
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
		printf("\"%s\"\n", values[i]);
}

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "--dict") == 0) {
		print_dictionary();
		return 0;
	}
	for (size_t i = 0; i < conf_word_count; i++)
		print_row(&conf_words[i]);
	return 0;
}
