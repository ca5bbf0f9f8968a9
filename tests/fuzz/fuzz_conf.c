/* SPDX-License-Identifier: MIT */
/*
 * The reader of zonevip.conf from memory, with no include. Oracle: what is
 * refused has a message with file, line and column and without control bytes;
 * what is taken prints as text that is taken again and prints the same, with
 * the same digest.
 *
 * fuzz: conf/[c-v]*.c conf/{watch,words}.c agent/base/buf.c agent/base/ip.c agent/base/timers.c
 * covers: conf/lex.c
 * covers: conf/parse.c
 * covers: conf/value.c
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/load.h"
#include "conf/print.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct conf *make(const void *data, size_t size, struct err *err)
{
	struct conf *conf = NULL;
	struct conf_tree tree;

	if (conf_parse_buffer(&tree, data, size, err) == 0)
		conf = conf_make(&tree);
	conf_tree_free(&tree);
	return conf;
}

static void check_message(const struct err *err)
{
	unsigned int line;
	unsigned int column;

	if (sscanf(err->text, "buffer:%u:%u: '", &line, &column) != 2 || !line || !column)
		abort();
	for (const char *c = err->text; *c; c++)
		if (*c < 0x20 || *c > 0x7e)
			abort();
}

static void check_round_trip(const struct conf *conf, enum conf_print which)
{
	struct err err = {0};
	struct conf *again;
	struct buf first;
	struct buf second;

	buf_init(&first, CONF_PRINT_MAX);
	buf_init(&second, CONF_PRINT_MAX);
	if (conf_print(conf, which, &first) < 0)
		abort();
	again = make(first.data, first.length, &err);
	if (!again || again->digest != conf->digest || conf_print(again, which, &second) < 0 ||
	    strcmp(first.data, second.data) != 0)
		abort();
	conf_free(again);
	buf_free(&first);
	buf_free(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct err err = {0};
	struct conf *conf = make(data, size, &err);

	if (conf) {
		check_round_trip(conf, CONF_PRINT_ALL);
		check_round_trip(conf, CONF_PRINT_CHANGED);
	} else {
		check_message(&err);
	}
	conf_free(conf);
	return 0;
}
