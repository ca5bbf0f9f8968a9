/* SPDX-License-Identifier: MIT */
/*
 * Values of the status JSON as words for a person. What is missing or of
 * another type reads as empty: a page with a gap is better than no page.
 */
#ifndef AGENT_CTL_TEXT_H
#define AGENT_CTL_TEXT_H

#include <jansson.h>
#include <stdbool.h>

struct text {
	char s[640];
};

/* A string without control characters; "" if there is none. */
struct text text_of(const json_t *object, const char *key);
/* "950 ms", "12.3 s", "5 min 03 s", "2 h 05 min", "3 d 04 h". */
struct text text_duration(double seconds);
/* "950 ms ago", or "never" for null and negative. @key is in milliseconds. */
struct text text_ago(const json_t *object, const char *key);
double text_number(const json_t *object, const char *key, double otherwise);
bool text_true(const json_t *object, const char *key);
/* The strings of an array, joined by @between. */
struct text text_list(const json_t *object, const char *key, const char *between);

/* Takes control characters out. */
void text_clean(struct text *text);

/* Appends, cut at the end of @text. */
__attribute__((format(printf, 2, 3))) void text_add(struct text *text, const char *fmt, ...);

#endif
