/* SPDX-License-Identifier: MIT */
/*
 * struct conf to text (conf/print.h), driven by the table of words: one item
 * a line, in the table's order, tabs inside blocks. Loops nest as deep as the
 * table's blocks do.
 */
#include "conf/print.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "conf/value.h"

struct printer {
	const struct conf *conf;
	struct buf *out;
	bool all;
	int indent;
};

/* Element @i of what @word describes inside the structure at @base. */
static const char *element(const struct conf_word *word, const char *base, unsigned int i)
{
	const char *first = base + word->offset;

	if (word->pointer)
		memcpy(&first, base + word->offset, sizeof(first));
	return first + i * word->size;
}

static unsigned int element_count(const struct conf_word *word, const char *base)
{
	unsigned int count = 1;

	if (word->most > 1)
		memcpy(&count, base + word->count, sizeof(count));
	return count;
}

/* @text as one word of the grammar. */
static void put_value(struct printer *printer, const char *text)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				    "0123456789_.,:;/@%+=-[]()<>?*&|~^$";

	if (text[0] && text[strspn(text, plain)] == '\0') {
		(void)buf_printf(printer->out, " %s", text);
		return;
	}
	(void)buf_append(printer->out, " \"", 2);
	for (; *text; text++)
		(void)buf_printf(printer->out, *text == '"' || *text == '\\' ? "\\%c" : "%c",
				 *text);
	(void)buf_append(printer->out, "\"", 1);
}

static void put_word(struct printer *printer, const char *word)
{
	for (int i = 0; i < printer->indent; i++)
		(void)buf_append(printer->out, "\t", 1);
	(void)buf_append(printer->out, word, strlen(word));
}

static void put_item(struct printer *printer, const struct conf_word *word, const char *field)
{
	char text[CONF_VALUE_TEXT_MAX];
	const char *value = conf_value_text(word, field, text);
	bool standard = !word->derived && word->standard && strcmp(value, word->standard) == 0;

	if (!value[0] || (standard && !printer->all))
		return;
	put_word(printer, word->word);
	put_value(printer, value);
	(void)buf_append(printer->out, "\n", 1);
}

/* "unfit_on hung dead": the elements of a list, on one line. */
static void put_list(struct printer *printer, const struct conf_word *word, const char *base)
{
	char text[CONF_VALUE_TEXT_MAX];
	char all[CONF_VALUE_TEXT_MAX] = "";

	for (unsigned int i = 0; i < element_count(word, base); i++) {
		size_t used = strlen(all);

		(void)snprintf(all + used, sizeof(all) - used, "%s%s", i ? " " : "",
			       conf_value_text(word, element(word, base, i), text));
	}
	if (!all[0] || (!printer->all && strcmp(all, word->standard) == 0))
		return;
	put_word(printer, word->word);
	(void)buf_printf(printer->out, " %s\n", all);
}

/* "track_mysql a b": names for indexes. */
static void put_tracks(struct printer *printer, const struct conf_word *word, const char *base)
{
	unsigned int count = element_count(word, base);

	if (count == 0)
		return;
	put_word(printer, word->word);
	for (unsigned int i = 0; i < count; i++) {
		unsigned int track;

		memcpy(&track, element(word, base, i), sizeof(track));
		put_value(printer, printer->conf->tracks[track].name);
	}
	(void)buf_append(printer->out, "\n", 1);
}

/* A line of a block of entries; an address with its label. */
static void put_entry(struct printer *printer, const struct conf_word *word, const char *field)
{
	const struct conf_word *label = conf_word_find(CONF_BLOCK_VIP, "label");
	char text[CONF_VALUE_TEXT_MAX];

	put_word(printer, conf_value_text(word, field, text));
	if (word->type == CONF_TYPE_VIP && field[label->offset]) {
		(void)buf_printf(printer->out, " %s", label->word);
		put_value(printer, field + label->offset);
	}
	if (word->type == CONF_TYPE_TRACKED)
		(void)buf_printf(printer->out, " weight %d",
				 ((const struct conf_tracked *)(const void *)field)->weight);
	(void)buf_append(printer->out, "\n", 1);
}

static void put_block(struct printer *printer, enum conf_block block, const char *base);

/* track_script and its like may be left out: then nothing was written. */
static bool nothing_tracked(const struct conf_word *word, const char *base)
{
	const struct conf_word *first = conf_word_find(word->opens, "");

	return first && first->type == CONF_TYPE_TRACKED && element_count(first, base) == 0;
}

static void put_blocks(struct printer *printer, const struct conf_word *word, const char *base)
{
	if (nothing_tracked(word, base))
		return;
	for (unsigned int i = 0; i < element_count(word, base); i++) {
		const char *inner = element(word, base, i);

		put_word(printer, word->word);
		if (word->named)
			put_value(printer, inner); /* the name is the first field */
		(void)buf_append(printer->out, " {\n", 3);
		printer->indent++;
		put_block(printer, word->opens, inner);
		printer->indent--;
		put_word(printer, "}\n");
	}
}

/* Recursion over the table, which is ours and three deep; never over input. */
static void put_block(struct printer *printer, enum conf_block block, const char *base)
{
	for (size_t i = 0; i < conf_word_count; i++) {
		const struct conf_word *word = &conf_words[i];

		if (word->block != block)
			continue;
		if (word->type == CONF_TYPE_BLOCK)
			put_blocks(printer, word, base);
		else if (word->type == CONF_TYPE_TRACK)
			put_tracks(printer, word, base);
		else if (word->entry)
			for (unsigned int n = 0; n < element_count(word, base); n++)
				put_entry(printer, word, element(word, base, n));
		else if (word->list)
			put_list(printer, word, base);
		else
			put_item(printer, word, base + word->offset);
	}
}

int conf_print(const struct conf *conf, enum conf_print which, struct buf *out)
{
	struct printer printer = {.conf = conf, .out = out, .all = which == CONF_PRINT_ALL};

	put_block(&printer, CONF_BLOCK_TOP, (const char *)conf);
	if (!out->overflow)
		return 0;
	return out->length < out->max / 2 ? -ENOMEM : -EMSGSIZE;
}
