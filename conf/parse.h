/* SPDX-License-Identifier: MIT */
/*
 * The reader: files to a flat list of items, each a known word in its place
 * with where it stands. Three layers, one file each: source.c opens files
 * (and finds those that include names), lex.c makes tokens of bytes, parse.c
 * makes items of tokens. What the values mean is not known here.
 */
#ifndef CONF_PARSE_H
#define CONF_PARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "agent/base/err.h"
#include "conf/words.h"

/* Of all files together; 255 instances with 64 tables take half of it. */
#define CONF_BYTES_MAX (1024UL * 1024)
#define CONF_FILES_MAX 300 /* one for each instance and then some */
#define CONF_INCLUDE_DEPTH_MAX 8
#define CONF_SHOWN_MAX 48 /* bytes of a bad word that a message shows */

enum conf_token_type {
	CONF_TOKEN_WORD,
	CONF_TOKEN_OPEN,
	CONF_TOKEN_CLOSE,
	CONF_TOKEN_LINE_END,
	CONF_TOKEN_FILE_END,
};

struct conf_token {
	enum conf_token_type type;
	const char *text; /* unquoted; lives as long as the tree */
	bool quoted;
	unsigned int file;   /* index into the tree's sources */
	unsigned int line;   /* from 1 */
	unsigned int column; /* in bytes, from 1 */
};

struct conf_source {
	char *path;
	char *text; /* length bytes and a NUL */
	size_t length;
	char *words; /* unquoted tokens; the text has room for no more than length + 2 bytes */
	size_t words_used;
	size_t at; /* the reader's place */
	size_t line_start;
	unsigned int line;
	bool from_file;		    /* else from memory */
	int includer;		    /* index of the source, -1 for the first */
	unsigned int include_depth; /* 0 for the first */
	dev_t device;
	ino_t inode;
};

/* A word with its value, an entry of a list, or a block that others name as parent. */
struct conf_item {
	const struct conf_word *word;
	int parent;		 /* index of the block, -1 at the top */
	struct conf_token name;	 /* the word itself */
	struct conf_token value; /* name of a block; text NULL: none given */
	void *element;		 /* where load.c put it in struct conf */
};

struct conf_tree {
	struct conf_source *sources;
	unsigned int source_count;
	size_t bytes;		 /* of all sources */
	struct conf_item *items; /* a block before what it holds; in the order of the files */
	unsigned int item_count;
	unsigned int item_room;
	struct err *err; /* borrowed; takes the first error */
};

/*
 * Reads @path and what it includes into @tree. Returns 0, or -1 with @err
 * set. The caller calls conf_tree_free() in both cases.
 */
int conf_parse_file(struct conf_tree *tree, const char *path, struct err *err);

/* The same from memory, for tests and the fuzzer; include is refused. */
int conf_parse_buffer(struct conf_tree *tree, const void *data, size_t length, struct err *err);

void conf_tree_free(struct conf_tree *tree);

/* "FILE:LINE:COLUMN: 'word': " and the sentence, control bytes escaped. Returns -1. */
__attribute__((format(printf, 3, 4))) int
conf_fail(struct conf_tree *tree, const struct conf_token *at, const char *fmt, ...);

/* "line 12", with the file when it is not that of @from: for a second place in a message. */
#define CONF_PLACE_MAX 160
const char *conf_place(const struct conf_tree *tree, const struct conf_token *from,
		       const struct conf_token *place, char text[static CONF_PLACE_MAX]);

/* --- between the layers ------------------------------------------------------- */

/* Adds the file at @path; @by is the include's value, NULL for the first. 0 or -1. */
int conf_source_file(struct conf_tree *tree, const char *path, const struct conf_token *by);
int conf_source_memory(struct conf_tree *tree, const void *data, size_t length);

/*
 * Adds what the pattern in @by names, in the order of the names. No match is
 * an error only without wildcards. 0 or -1.
 */
int conf_source_include(struct conf_tree *tree, const struct conf_token *by);

/* The next token of source @file. 0 or -1. */
int conf_lex(struct conf_tree *tree, unsigned int file, struct conf_token *token);

#endif
