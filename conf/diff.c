/* SPDX-License-Identifier: MIT */
/*
 * Both configurations as text (conf/print.h), made flat: every item becomes a
 * line that begins with the blocks it stands in. Two sets of lines are easy to
 * hold against each other, and no word of the table can be forgotten.
 */
#include "conf/diff.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/base/buf.h"
#include "conf/print.h"
#include "conf/words.h"

#define DEPTH_MAX 4
#define LINE_MAX_ 2048

struct lines {
	struct buf text;    /* all of them, each with its NUL */
	const char **at;    /* in the order of the file */
	const char **order; /* sorted */
	size_t count;
};

static int compare(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool holds(const struct lines *lines, const char *line)
{
	return bsearch(&line, lines->order, lines->count, sizeof(*lines->order), compare) != NULL;
}

/* Our own print: one item a line, "word {" and "}" on lines of their own. */
static int flatten(char *printed, struct lines *lines)
{
	const char *blocks[DEPTH_MAX];
	unsigned int depth = 0;
	char *rest = printed, *line;

	while ((line = strsep(&rest, "\n"))) {
		size_t length;

		line += strspn(line, "\t");
		length = strlen(line);
		if (length > 1 && line[length - 1] == '{' && depth < DEPTH_MAX) {
			line[length - 2] = '\0';
			blocks[depth++] = line;
		} else if (line[0] == '}' && depth > 0) {
			depth--;
		} else if (length > 0) {
			for (unsigned int d = 0; d < depth; d++)
				(void)buf_printf(&lines->text, "%s ", blocks[d]);
			(void)buf_append(&lines->text, line, length + 1);
			lines->count++;
		}
	}
	return lines->text.overflow ? -ENOMEM : 0;
}

static int index_lines(struct lines *lines)
{
	const char *line = lines->text.data;

	lines->at = calloc(2 * lines->count + 1, sizeof(*lines->at));
	if (!lines->at)
		return -ENOMEM;
	lines->order = lines->at + lines->count;
	for (size_t i = 0; i < lines->count; i++) {
		lines->at[i] = lines->order[i] = line;
		line += strlen(line) + 1;
	}
	qsort(lines->order, lines->count, sizeof(*lines->order), compare);
	return 0;
}

static int make_lines(const struct conf *conf, struct lines *lines)
{
	struct buf printed;
	int ret;

	*lines = (struct lines){.count = 0};
	buf_init(&lines->text, 2 * CONF_PRINT_MAX);
	buf_init(&printed, CONF_PRINT_MAX);
	ret = conf_print(conf, CONF_PRINT_ALL, &printed);
	if (ret == 0)
		ret = flatten(printed.data, lines);
	if (ret == 0)
		ret = index_lines(lines);
	buf_free(&printed);
	return ret;
}

static void free_lines(struct lines *lines)
{
	free(lines->at);
	buf_free(&lines->text);
}

/* Names are plain words, so the first blanks part them. */
static void tell(char sign, const char *line, conf_change_fn *fn, void *arg)
{
	const struct conf_word *block;
	struct conf_change change = {.sign = sign, .name = "", .line = line};
	char copy[LINE_MAX_];
	char *rest = copy;

	(void)snprintf(copy, sizeof(copy), "%s", line);
	change.block = strsep(&rest, " ");
	block = conf_word_find(CONF_BLOCK_TOP, change.block);
	if (rest && block && block->named)
		change.name = strsep(&rest, " ");
	change.item = rest ? rest : "";
	fn(arg, &change);
}

int conf_diff(const struct conf *from, const struct conf *to, conf_change_fn *fn, void *arg)
{
	struct lines was, is = {.count = 0};
	int ret = make_lines(from, &was);

	if (ret == 0)
		ret = make_lines(to, &is);
	for (size_t i = 0; ret == 0 && i < was.count; i++)
		if (!holds(&is, was.at[i]))
			tell('-', was.at[i], fn, arg);
	for (size_t i = 0; ret == 0 && i < is.count; i++)
		if (!holds(&was, is.at[i]))
			tell('+', is.at[i], fn, arg);
	free_lines(&was);
	free_lines(&is);
	return ret;
}
