/* SPDX-License-Identifier: MIT */
/*
 * Tokens to items: one item a line, blocks in braces, only known words in
 * their places, each as often as the table allows. Follows zonevip.conf(5),
 * "SYNTAX". No recursion: blocks nest as deep as the table does, files are a
 * stack of their own.
 */
#include "conf/parse.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "conf/value.h"

#define FRAMES_MAX 4 /* top, vip_instance, virtual_ipaddress, the words after an address */

/* An open block. */
struct frame {
	enum conf_block block;
	int item;				/* index, -1 for the top */
	unsigned int file;			/* the one that opened it */
	unsigned int counts[CONF_WORDS_MAX];	/* how often each word was there */
	struct conf_token last[CONF_WORDS_MAX]; /* and where */
};

struct reader {
	struct conf_tree *tree;
	unsigned int files[CONF_FILES_MAX]; /* to be read, the current one last */
	unsigned int file_count;
	struct frame frames[FRAMES_MAX];
	struct frame *top; /* the innermost open block */
	struct conf_token ahead;
	bool has_ahead;
};

static int next(struct reader *reader, struct conf_token *token)
{
	if (reader->has_ahead) {
		*token = reader->ahead;
		reader->has_ahead = false;
		return 0;
	}
	return conf_lex(reader->tree, reader->files[reader->file_count - 1], token);
}

static void put_back(struct reader *reader, const struct conf_token *token)
{
	reader->ahead = *token;
	reader->has_ahead = true;
}

#define BLOCK_NAME_MAX 64
/* "'node' on line 4" or "the file": where the reader is. */
static const char *block_name(const struct reader *reader, const struct conf_token *at,
			      char text[static BLOCK_NAME_MAX])
{
	const struct conf_token *name;
	char place[CONF_PLACE_MAX];

	if (reader->top->item < 0)
		return "the file";
	name = &reader->tree->items[reader->top->item].name;
	(void)snprintf(text, BLOCK_NAME_MAX, "'%.20s' on %.30s", name->text,
		       conf_place(reader->tree, at, name, place));
	return text;
}

static int add_item(struct reader *reader, const struct conf_word *word,
		    const struct conf_token *name, const struct conf_token *value)
{
	struct conf_tree *tree = reader->tree;

	if (tree->item_count == tree->item_room) {
		unsigned int room = tree->item_room ? 2 * tree->item_room : 64;
		struct conf_item *items = realloc(tree->items, room * sizeof(*items));

		if (!items)
			return conf_fail(tree, name, "out of memory");
		tree->items = items;
		tree->item_room = room;
	}
	tree->items[tree->item_count++] = (struct conf_item){
		.word = word,
		.parent = reader->top->item,
		.name = *name,
		.value = *value,
	};
	return 0;
}

/* Counts @word in the innermost block; once too often is an error. */
static int count(struct reader *reader, const struct conf_word *word, const struct conf_token *at)
{
	struct frame *frame = reader->top;
	size_t row = (size_t)(word - conf_words);
	char place[CONF_PLACE_MAX];

	if (frame->counts[row] == word->most && word->most == 1)
		return conf_fail(reader->tree, at, "is there twice; the first is on %s",
				 conf_place(reader->tree, at, &frame->last[row], place));
	if (frame->counts[row] == word->most)
		return conf_fail(reader->tree, at, "is one too many: at most %u '%s'", word->most,
				 word->word);
	frame->counts[row]++;
	frame->last[row] = *at;
	return 0;
}

static void push(struct reader *reader, enum conf_block block, const struct conf_token *at)
{
	assert(reader->top < &reader->frames[FRAMES_MAX - 1]); /* the table nests no deeper */
	*++reader->top = (struct frame){
		.block = block,
		.item = (int)reader->tree->item_count - 1,
		.file = at->file,
	};
}

/* Why @at is no word of this block, with the best guess at what was meant. */
static int unknown_word(struct reader *reader, const struct conf_token *at)
{
	const char *near = conf_word_nearest(reader->top->block, at->text);
	const char *foreign = conf_word_foreign(at->text);
	char name[BLOCK_NAME_MAX];
	const char *block = block_name(reader, at, name);

	for (size_t i = 0; i < conf_word_count; i++) {
		const struct conf_word *word = &conf_words[i];

		if (word->entry || strcmp(word->word, at->text) != 0)
			continue;
		if (word->block == CONF_BLOCK_TOP)
			return conf_fail(reader->tree, at,
					 "has no place inside %s; is a '}' missing "
					 "before it?",
					 block);
		return conf_fail(reader->tree, at, "has no place in %s; it belongs in '%s'", block,
				 conf_block_word(word->block)->word);
	}
	if (foreign) /* what it means there is known; how it is spelt says less */
		return conf_fail(reader->tree, at, "is a word of keepalived's; %s", foreign);
	if (near)
		return conf_fail(reader->tree, at, "unknown word; did you mean '%s'?", near);
	return conf_fail(reader->tree, at, "unknown word in %s; zonevip.conf(5) lists them all",
			 block);
}

/* After the last value of an item: the line, the block or the file must end. */
static int end_item(struct reader *reader, const struct conf_word *word)
{
	struct conf_token token;

	if (next(reader, &token) < 0)
		return -1;
	if (token.type == CONF_TOKEN_OPEN)
		return conf_fail(reader->tree, &token, "'%s' does not open a block", word->word);
	if (token.type != CONF_TOKEN_WORD) {
		put_back(reader, &token);
		return 0;
	}
	if (!token.quoted && conf_word_find(reader->top->block, token.text))
		return conf_fail(reader->tree, &token, "begins a new item; put it on its own line");
	if (word->type == CONF_TYPE_COMMAND)
		return conf_fail(reader->tree, &token,
				 "'%s' takes one value; put command and "
				 "arguments in one pair of quotes",
				 word->word);
	return conf_fail(reader->tree, &token, "'%s' takes one value, this is one more",
			 word->word);
}

static int need_value(struct reader *reader, const struct conf_word *word,
		      const struct conf_token *at)
{
	char range[CONF_RANGE_MAX];

	return conf_fail(reader->tree, at, "has no value; it takes %s",
			 conf_value_range(word, range));
}

/* What may follow a value on its line: "label eth0:1" after an address. */
static int read_line_words(struct reader *reader, const struct conf_word *entry,
			   const struct conf_token *at)
{
	const struct conf_word *word;
	struct conf_token name;
	struct conf_token value;

	for (push(reader, entry->opens, at);;) {
		if (next(reader, &name) < 0)
			return -1;
		if (name.type != CONF_TOKEN_WORD)
			break;
		word = conf_word_find(reader->top->block, name.text);
		if (!word)
			return conf_fail(reader->tree, &name,
					 entry->type == CONF_TYPE_VIP
						 ? "after an address only 'label' may "
						   "follow; one address a line"
						 : "after a name only 'weight' may follow; one "
						   "name a line");
		if (next(reader, &value) < 0)
			return -1;
		if (value.type != CONF_TOKEN_WORD)
			return need_value(reader, word, &name);
		if (count(reader, word, &name) < 0 || add_item(reader, word, &name, &value) < 0)
			return -1;
	}
	reader->top--;
	put_back(reader, &name);
	return 0;
}

/* One value, or all on the line when it is a list. */
static int read_values(struct reader *reader, const struct conf_word *word,
		       const struct conf_token *name)
{
	struct conf_token value;
	bool first = true;

	do {
		if (next(reader, &value) < 0)
			return -1;
		if (value.type != CONF_TOKEN_WORD) {
			put_back(reader, &value);
			if (!first)
				break;
			if (word->type != CONF_TYPE_BOOL)
				return need_value(reader, word, name);
			value = *name; /* a bare word means on */
			value.text = "on";
		}
		if (count(reader, word, first ? name : &value) < 0 ||
		    add_item(reader, word, word->entry ? &value : name, &value) < 0)
			return -1;
		first = false;
	} while (word->list);
	if ((word->type == CONF_TYPE_VIP || word->type == CONF_TYPE_TRACKED) &&
	    read_line_words(reader, word, name) < 0)
		return -1;
	return end_item(reader, word);
}

/* A block of this kind and name that is already there? */
static int check_name_free(struct reader *reader, const struct conf_word *word,
			   const struct conf_token *name)
{
	const struct conf_tree *tree = reader->tree;
	char place[CONF_PLACE_MAX];

	for (unsigned int i = 0; i < tree->item_count; i++) {
		const struct conf_item *item = &tree->items[i];

		if (item->word == word && strcmp(item->value.text, name->text) == 0)
			return conf_fail(reader->tree, name, "is the name of another '%s' on %s",
					 word->word, conf_place(tree, name, &item->value, place));
	}
	return 0;
}

static int read_block(struct reader *reader, const struct conf_word *word,
		      const struct conf_token *name)
{
	struct conf_token value = {0};
	struct conf_token token;

	if (next(reader, &token) < 0)
		return -1;
	if (word->named && token.type != CONF_TOKEN_WORD)
		return conf_fail(reader->tree, name, "has no name; write: %s NAME {", word->word);
	if (word->named) {
		value = token;
		if (check_name_free(reader, word, &value) < 0 || next(reader, &token) < 0)
			return -1;
	}
	while (token.type == CONF_TOKEN_LINE_END)
		if (next(reader, &token) < 0)
			return -1;
	if (token.type == CONF_TOKEN_WORD && !word->named && token.line == name->line)
		return conf_fail(reader->tree, &token, "'%s' takes no name; write: %s {",
				 word->word, word->word);
	if (token.type != CONF_TOKEN_OPEN)
		return conf_fail(reader->tree, name, "is not followed by '{'");
	if (count(reader, word, name) < 0 || add_item(reader, word, name, &value) < 0)
		return -1;
	push(reader, word->opens, name);
	return 0;
}

/* The files named go on top of the stack: read before the rest of this one. */
static int read_include(struct reader *reader, const struct conf_token *name)
{
	struct conf_tree *tree = reader->tree;
	unsigned int before = tree->source_count;
	struct conf_token value;
	struct conf_token end;

	if (next(reader, &value) < 0)
		return -1;
	if (value.type != CONF_TOKEN_WORD || !value.text[0])
		return conf_fail(tree, name, "has no value; write: include FILE");
	if (next(reader, &end) < 0)
		return -1;
	if (end.type != CONF_TOKEN_LINE_END && end.type != CONF_TOKEN_FILE_END)
		return conf_fail(tree, &end, "'include' takes one value and a line of its own");
	put_back(reader, &end);
	if (conf_source_include(tree, &value) < 0)
		return -1;
	reader->has_ahead =
		false; /* the end of the line says nothing; that of the file comes again */
	for (unsigned int i = tree->source_count; i > before; i--)
		reader->files[reader->file_count++] = i - 1;
	return 0;
}

static int read_item(struct reader *reader, const struct conf_token *name)
{
	const struct conf_word *word;

	if (!name->quoted && strcmp(name->text, "include") == 0)
		return read_include(reader, name);
	word = conf_word_find(reader->top->block, name->text);
	if (!word)
		return unknown_word(reader, name);
	if (word->entry)
		put_back(reader, name); /* it is the value */
	if (word->type == CONF_TYPE_BLOCK)
		return read_block(reader, word, name);
	return read_values(reader, word, name);
}

/* Everything that the innermost block must hold is there? @at: where to say no. */
static int check_complete(struct reader *reader, const struct conf_token *at)
{
	const struct frame *frame = reader->top;
	struct conf_token missing = *at;
	char name[BLOCK_NAME_MAX];

	for (size_t i = 0; i < conf_word_count; i++) {
		const struct conf_word *word = &conf_words[i];

		if (word->block != frame->block || frame->counts[i] >= word->least)
			continue;
		missing.text = word->word;
		if (frame->counts[i] > 0)
			return conf_fail(reader->tree, &missing,
					 "%u is there, at least %u are needed", frame->counts[i],
					 word->least);
		return conf_fail(reader->tree, &missing, "is missing in %s: %s",
				 block_name(reader, at, name), word->help);
	}
	return 0;
}

static int close_block(struct reader *reader, const struct conf_token *close)
{
	struct conf_token token;
	char name[BLOCK_NAME_MAX];

	if (reader->top == reader->frames)
		return conf_fail(reader->tree, close, "closes no block; is it one too many?");
	if (reader->top->file != close->file)
		return conf_fail(reader->tree, close, "would close %s, which another file opened",
				 block_name(reader, close, name));
	if (check_complete(reader, &reader->tree->items[reader->top->item].name) < 0 ||
	    next(reader, &token) < 0)
		return -1;
	reader->top--;
	if (token.type == CONF_TOKEN_WORD || token.type == CONF_TOKEN_OPEN)
		return conf_fail(reader->tree, &token, "follows a '}'; put it on its own line");
	put_back(reader, &token);
	return 0;
}

/* Leaves the file that is read to its end. */
static int close_file(struct reader *reader, const struct conf_token *end)
{
	struct conf_token brace = *end;
	char name[BLOCK_NAME_MAX];

	brace.text = "}";
	if (reader->top != reader->frames && reader->top->file == end->file)
		return conf_fail(reader->tree, &brace, "is missing; nothing closes %s",
				 block_name(reader, end, name));
	reader->file_count--;
	return reader->file_count > 0 ? 0 : check_complete(reader, end);
}

/* From the first file, already added, to the end of the last. */
static int parse(struct conf_tree *tree)
{
	struct reader *reader = calloc(1, sizeof(*reader));
	struct conf_token token;
	int ret = 0;

	if (!reader)
		return err_set(tree->err, "out of memory while reading the configuration");
	reader->tree = tree;
	reader->file_count = 1;
	reader->top = reader->frames;
	reader->top->item = -1;
	while (ret == 0 && reader->file_count > 0) {
		ret = next(reader, &token);
		if (ret < 0)
			break;
		switch (token.type) {
		case CONF_TOKEN_LINE_END:
			break;
		case CONF_TOKEN_WORD:
			ret = read_item(reader, &token);
			break;
		case CONF_TOKEN_OPEN:
			ret = conf_fail(tree, &token, "opens a block without a word before it");
			break;
		case CONF_TOKEN_CLOSE:
			ret = close_block(reader, &token);
			break;
		case CONF_TOKEN_FILE_END:
			ret = close_file(reader, &token);
			break;
		}
	}
	free(reader);
	return ret;
}

int conf_parse_file(struct conf_tree *tree, const char *path, struct err *err)
{
	*tree = (struct conf_tree){.err = err};
	return conf_source_file(tree, path, NULL) < 0 ? -1 : parse(tree);
}

int conf_parse_buffer(struct conf_tree *tree, const void *data, size_t length, struct err *err)
{
	*tree = (struct conf_tree){.err = err};
	return conf_source_memory(tree, data, length) < 0 ? -1 : parse(tree);
}
