/* SPDX-License-Identifier: MIT */
/*
 * The one table of words of zonevip.conf: where each may stand, what it takes,
 * its range, its default, where the value goes and what it means. The reader,
 * the defaults, the printer, the fuzzer's dictionary, shell completion and the
 * test that zonevip.conf(5) is complete are all driven by it: a new word is
 * one row here and one paragraph there.
 */
#ifndef CONF_WORDS_H
#define CONF_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum conf_block {
	CONF_BLOCK_TOP,
	CONF_BLOCK_GLOBAL,
	CONF_BLOCK_NODE,
	CONF_BLOCK_HEARTBEAT,
	CONF_BLOCK_TRACK,
	CONF_BLOCK_SCRIPT,
	CONF_BLOCK_FILE,
	CONF_BLOCK_PROCESS,
	CONF_BLOCK_AWS,
	CONF_BLOCK_INSTANCE,
	CONF_BLOCK_VIPS,   /* lines of addresses */
	CONF_BLOCK_VIP,	   /* what may follow an address on its line */
	CONF_BLOCK_TABLES, /* route table ids */
	CONF_BLOCK_GROUP,
	CONF_BLOCK_MEMBERS, /* names of instances */
	CONF_BLOCK_TRACK_SCRIPT,
	CONF_BLOCK_TRACK_FILE,
	CONF_BLOCK_TRACK_PROCESS,
	CONF_BLOCK_TRACK_INTERFACE,
	CONF_BLOCK_TRACKED, /* what may follow a name in one of these four */
};

enum conf_type {
	CONF_TYPE_BLOCK,     /* opens a block; has a name when .named */
	CONF_TYPE_NAME,	     /* of a cluster, node, instance, track, user or group */
	CONF_TYPE_TEXT,	     /* anything printable */
	CONF_TYPE_PATH,	     /* absolute */
	CONF_TYPE_COMMAND,   /* absolute path and arguments in one quoted value */
	CONF_TYPE_NUMBER,    /* decimal, .low to .high */
	CONF_TYPE_TIME,	     /* decimal seconds, .low to .high microseconds */
	CONF_TYPE_BOOL,	     /* on off true false yes no; alone means on */
	CONF_TYPE_CHOICE,    /* one of .choices; stored as its position */
	CONF_TYPE_ADDRESS,   /* IPv4 or IPv6 literal */
	CONF_TYPE_VIP,	     /* address[/length]; words of .opens may follow on the line */
	CONF_TYPE_INTERFACE, /* device name */
	CONF_TYPE_LABEL,     /* interface:text */
	CONF_TYPE_REGION,    /* AWS region */
	CONF_TYPE_URL,	     /* http(s)://host[:port] */
	CONF_TYPE_TABLE,     /* rtb-... */
	CONF_TYPE_PARAMETER, /* name in the parameter store */
	CONF_TYPE_TRACK,     /* name of a track_mysql block; resolved when all is read */
	CONF_TYPE_TRACKED,   /* name of another track; words of .opens may follow on the line */
	CONF_TYPE_WEIGHT,    /* number with a sign, .low to .high */
};

struct conf_word {
	const char *word;      /* in a block of entries: what an entry looks like */
	enum conf_block block; /* where it may stand */
	enum conf_type type;
	enum conf_block opens; /* CONF_TYPE_BLOCK, CONF_TYPE_VIP and CONF_TYPE_TRACKED */
	unsigned int least;    /* 0 = may be left out */
	unsigned int most;     /* 1 = not twice */
	bool named;	       /* CONF_TYPE_BLOCK: "word NAME {" */
	bool entry;	       /* stands for any value: the block is a list without words */
	bool list;	       /* several values on one line */
	bool derived;	       /* .standard describes the default, load.c computes it */
	bool pointer;	       /* .offset holds a pointer to the elements */
	int64_t low;
	int64_t high;
	const char *choices;	/* CONF_TYPE_CHOICE: "a|b|c" in the order of the enum */
	const char *unit;	/* for people: "seconds", or NULL */
	const char *standard;	/* default, as it would be written; NULL = none */
	const char *keepalived; /* the word there, or NULL */
	const char *help;
	size_t offset; /* in the structure of the enclosing block */
	size_t size;   /* of the field, or of one element; 0: the block has none of its own */
	size_t count;  /* offset of the element count when .most > 1 */
};

#define CONF_WORDS_MAX 192 /* rows, for arrays with one place a row */
extern const struct conf_word conf_words[];
extern const size_t conf_word_count;

/* The row for @text in @block (in a block of entries: the entry's), or NULL. */
const struct conf_word *conf_word_find(enum conf_block block, const char *text);

/* The row that opens @block, or NULL for the top. */
const struct conf_word *conf_block_word(enum conf_block block);

/* The known word of @block that @text is probably a slip for, or NULL. */
const char *conf_word_nearest(enum conf_block block, const char *text);

/* True when @text is so close to @known that one is a slip for the other. */
bool conf_similar(const char *text, const char *known);

/* What to write instead of a word of keepalived's that has no place here, or NULL. */
const char *conf_word_foreign(const char *text);

#endif
