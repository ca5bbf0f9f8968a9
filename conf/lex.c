/* SPDX-License-Identifier: MIT */
/*
 * Bytes to tokens: words, quoted or not, braces, ends of lines. keepalived's
 * rules (zonevip.conf(5), "SYNTAX"), with one difference: '#' and '!' begin a
 * comment only where a word could begin. In the middle of a word keepalived
 * cuts the word in silence; here it is an error that says what to do.
 */
#include "conf/parse.h"

#include <assert.h>
#include <string.h>

static bool is_control(char c)
{
	return (unsigned char)c < 0x20 || c == 0x7f;
}

static bool is_space(const char *text)
{
	return *text == ' ' || *text == '\t' || (*text == '\r' && text[1] == '\n');
}

/* Where the reader stands, for messages about one byte. */
static struct conf_token here(const struct conf_source *source, unsigned int file, size_t at)
{
	return (struct conf_token){
		.file = file,
		.line = source->line,
		.column = (unsigned int)(at - source->line_start) + 1,
	};
}

static int bad_byte(struct conf_tree *tree, unsigned int file, size_t at)
{
	const struct conf_source *source = &tree->sources[file];
	char byte[2] = {source->text[at], '\0'};
	struct conf_token token = here(source, file, at);

	token.text = byte;
	if (is_control(byte[0]))
		return conf_fail(tree, &token, "control byte 0x%02x; the file must be plain text",
				 (unsigned int)(unsigned char)byte[0]);
	if (byte[0] == '\\')
		return conf_fail(tree, &token,
				 "a backslash has a meaning only inside quotes; "
				 "quote the whole value");
	if (byte[0] == '#' || byte[0] == '!')
		return conf_fail(tree, &token,
				 "in the middle of a word; quote the value, or put a "
				 "space before a comment");
	return conf_fail(tree, &token,
			 "in the middle of a word; quote the whole value, or put a space before");
}

static int bad_escape(struct conf_tree *tree, unsigned int file, size_t at)
{
	struct conf_token token = here(&tree->sources[file], file, at);

	token.text = "\\";
	return conf_fail(tree, &token,
			 "unknown escape; inside quotes there are \\\\, \\\" and \\'");
}

/* Adds to the copy of the word; the room suffices because every word has a byte after it. */
static void keep(struct conf_source *source, char byte)
{
	assert(source->words_used < source->length + 2);
	source->words[source->words_used++] = byte;
}

static int bare_word(struct conf_tree *tree, unsigned int file)
{
	struct conf_source *source = &tree->sources[file];
	const char *text = source->text;

	for (; source->at < source->length; source->at++) {
		char c = text[source->at];

		if (is_space(text + source->at) || c == '\n' || c == '{' || c == '}')
			break;
		if (is_control(c) || strchr("#!\"'\\", c))
			return bad_byte(tree, file, source->at);
		keep(source, c);
	}
	keep(source, '\0');
	return 0;
}

/* After the opening quote; ends on the byte after the closing one. */
static int quoted_word(struct conf_tree *tree, unsigned int file, const struct conf_token *open)
{
	struct conf_source *source = &tree->sources[file];
	const char *text = source->text;
	char quote = text[source->at - 1];

	for (;; source->at++) {
		char c = text[source->at];

		if (source->at == source->length || c == '\n') {
			keep(source, '\0');
			return conf_fail(tree, open, "this quote is not closed on its line");
		}
		if (c == quote)
			break;
		if (c == '\\' && source->at + 1 < source->length) {
			c = text[++source->at];
			if (c != '\\' && c != '"' && c != '\'')
				return bad_escape(tree, file, source->at - 1);
		}
		if (is_control(c) && c != '\t')
			return bad_byte(tree, file, source->at);
		keep(source, c);
	}
	source->at++;
	keep(source, '\0');
	text += source->at;
	if (source->at == source->length || is_space(text) || strchr("\n{}", *text))
		return 0;
	return bad_byte(tree, file, source->at);
}

static int skip_space(struct conf_tree *tree, unsigned int file)
{
	struct conf_source *source = &tree->sources[file];
	const char *text = source->text;

	while (source->at < source->length && is_space(text + source->at))
		source->at++;
	if (text[source->at] != '#' && text[source->at] != '!')
		return 0;
	while (source->at < source->length && text[source->at] != '\n') {
		if (text[source->at] == '\0')
			return bad_byte(tree, file, source->at);
		source->at++;
	}
	return 0;
}

int conf_lex(struct conf_tree *tree, unsigned int file, struct conf_token *token)
{
	struct conf_source *source = &tree->sources[file];
	char c;

	if (skip_space(tree, file) < 0)
		return -1;
	*token = here(source, file, source->at);
	if (source->at == source->length) {
		token->type = CONF_TOKEN_FILE_END;
		return 0;
	}
	c = source->text[source->at];
	token->text = c == '{' ? "{" : c == '}' ? "}" : source->words + source->words_used;
	if (c == '\n') {
		token->type = CONF_TOKEN_LINE_END;
		source->line_start = ++source->at;
		source->line++;
		return 0;
	}
	if (c == '{' || c == '}') {
		token->type = c == '{' ? CONF_TOKEN_OPEN : CONF_TOKEN_CLOSE;
		source->at++;
		return 0;
	}
	token->type = CONF_TOKEN_WORD;
	if (c != '"' && c != '\'')
		return bare_word(tree, file);
	token->quoted = true;
	token->text = source->words + source->words_used;
	source->at++;
	return quoted_word(tree, file, token);
}
