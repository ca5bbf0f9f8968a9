/* SPDX-License-Identifier: MIT */
/*
 * Splits a command into words (zonevip.conf(5), notify). Pure: text in, words
 * out. keepalived's scripts and configurations must mean the same here, so
 * the escapes are its own, also inside both kinds of quotes: \a \b \E \f \n \r
 * \t \v, \NNN octal, \xHH, \cX control; any other byte stands for itself.
 */
#include "agent/runner/split.h"

#include <ctype.h>
#include <string.h>

#define WHITE " \t\f\n\r\v"

struct cursor {
	const char *in;
	char *out;
	const char *out_end; /* last byte that may be written */
	struct err *err;
};

/* Up to @digits_max digits of @base at the cursor. */
static int number(struct cursor *cursor, unsigned int base, int digits_max)
{
	static const char digits[] = "0123456789abcdef";
	unsigned int value = 0;

	for (int i = 0; i < digits_max && *cursor->in; i++) {
		const char *digit = memchr(digits, tolower((unsigned char)*cursor->in), base);

		if (!digit)
			break;
		value = value * base + (unsigned int)(digit - digits);
		cursor->in++;
	}
	return (int)(value & 0xff);
}

/* The byte behind a backslash. 0 is no byte of a word. */
static int escape(struct cursor *cursor)
{
	static const char names[] = "abEfnrtv";
	static const char bytes[] = "\a\b\033\f\n\r\t\v";
	const char *name;
	char c = *cursor->in;

	if (c == '\0')
		return err_set(cursor->err, "ends with a backslash");
	if (c >= '0' && c <= '7')
		return number(cursor, 8, 3);
	cursor->in++;
	if (c == 'x' && isxdigit((unsigned char)*cursor->in))
		return number(cursor, 16, 2);
	if (c == 'c' && *cursor->in)
		return *cursor->in++ & 0x1f;
	name = strchr(names, c);
	return name ? (unsigned char)bytes[name - names] : (unsigned char)c;
}

static int put(struct cursor *cursor, int byte)
{
	if (byte < 0)
		return -1; /* said by escape() */
	if (byte == 0)
		return err_set(cursor->err, "holds a NUL byte");
	if (cursor->out >= cursor->out_end)
		return err_set(cursor->err, "is longer than %d bytes", SPLIT_TEXT_MAX - 1);
	*cursor->out++ = (char)(unsigned char)byte;
	return 0;
}

/* One word; @cursor stands on its first byte and is left behind its last. */
static int word(struct cursor *cursor)
{
	char quote = '\0';

	while (*cursor->in && (quote || !strchr(WHITE, *cursor->in))) {
		char c = *cursor->in++;

		if (c == '\\') {
			if (put(cursor, escape(cursor)) < 0)
				return -1;
		} else if (quote && c == quote) {
			quote = '\0';
		} else if (!quote && (c == '"' || c == '\'')) {
			quote = c;
		} else if (put(cursor, (unsigned char)c) < 0) {
			return -1;
		}
	}
	if (quote)
		return err_set(cursor->err, "has no closing %c", quote);
	*cursor->out++ = '\0';
	return 0;
}

int split_command(const char *command, struct split *split, struct err *err)
{
	struct err why = {""};
	struct cursor cursor = {
		.in = command, .out = split->text, .out_end = split->text, .err = &why};

	split->count = 0;
	for (;;) {
		cursor.in += strspn(cursor.in, WHITE);
		if (!*cursor.in)
			break;
		if (split->count == SPLIT_WORDS_MAX) {
			err_set(&why, "has more than %d words", SPLIT_WORDS_MAX);
			break;
		}
		/* Each word costs one NUL more, for which text has room. */
		cursor.out_end = split->text + SPLIT_TEXT_MAX - 1 + split->count;
		split->words[split->count++] = cursor.out;
		if (word(&cursor) < 0)
			break;
	}
	if (!why.text[0] && split->count == 0)
		err_set(&why, "is empty");
	if (why.text[0])
		split->count = 0; /* half a command is none */
	split->words[split->count] = NULL;
	if (!why.text[0])
		return 0;
	return err_set(err, "the command '%s' %s", command, why.text);
}

void split_append(struct split *split, char *word_added)
{
	if (split->count == SPLIT_WORDS_MAX + SPLIT_EXTRA_MAX)
		return; /* only a bug of ours could get here; one argument less is no overflow */
	split->words[split->count++] = word_added;
	split->words[split->count] = NULL;
}
