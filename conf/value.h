/* SPDX-License-Identifier: MIT */
/*
 * One value: text to field, checked against its row of the table, and back.
 * Knows types, not meanings: what two values say together is check.c's.
 */
#ifndef CONF_VALUE_H
#define CONF_VALUE_H

#include "agent/base/err.h"
#include "conf/words.h"

/*
 * Checks @text and writes it to @field, which is as @word says. Returns 0, or
 * -1 with @why saying what is wrong without naming the value.
 */
int conf_value_store(const struct conf_word *word, const char *text, void *field, struct err *why);

#define CONF_VALUE_TEXT_MAX 80
/*
 * The text that conf_value_store() would take for @field: @text, or the field
 * itself when it is text. "" when it is not set. Not for CONF_TYPE_TRACK.
 */
const char *conf_value_text(const struct conf_word *word, const void *field,
			    char text[static CONF_VALUE_TEXT_MAX]);

#define CONF_RANGE_MAX 96
/* "1024 to 65535", "safe, fast, wan", "absolute path": for messages and the manual. */
const char *conf_value_range(const struct conf_word *word, char text[static CONF_RANGE_MAX]);

/* True for a name that the parameter store takes; else @why says what it does not like. */
bool conf_parameter_ok(const char *name, struct err *why);

#endif
