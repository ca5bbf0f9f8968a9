/* SPDX-License-Identifier: MIT */
/*
 * Words and numbers of the status page. Pure. Node names, evidence and errors
 * come from other machines, so control characters of both kinds, the ASCII
 * ones and those of Unicode's second control block, are replaced.
 */
#include "agent/ctl/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void text_add(struct text *text, const char *fmt, ...)
{
	size_t used = strlen(text->s);
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(text->s + used, sizeof(text->s) - used, fmt, args); /* cut is fine */
	va_end(args);
}

void text_clean(struct text *text)
{
	unsigned char *c = (unsigned char *)text->s;

	for (; *c; c++) {
		if (*c < 0x20 || *c == 0x7f)
			*c = '?';
		else if (c[0] == 0xc2 && c[1] >= 0x80 && c[1] <= 0x9f)
			c[0] = c[1] = '?';
	}
}

struct text text_of(const json_t *object, const char *key)
{
	const char *value = json_string_value(json_object_get(object, key));
	struct text text = {""};

	if (value)
		text_add(&text, "%s", value);
	text_clean(&text);
	return text;
}

struct text text_duration(double seconds)
{
	struct text text = {""};
	long whole = (long)seconds;

	if (seconds < 1)
		text_add(&text, "%.0f ms", seconds * 1000);
	else if (seconds < 60)
		text_add(&text, "%.1f s", seconds);
	else if (whole < 3600)
		text_add(&text, "%ld min %02ld s", whole / 60, whole % 60);
	else if (whole < 86400)
		text_add(&text, "%ld h %02ld min", whole / 3600, whole / 60 % 60);
	else
		text_add(&text, "%ld d %02ld h", whole / 86400, whole / 3600 % 24);
	return text;
}

struct text text_ago(const json_t *object, const char *key)
{
	double ms = text_number(object, key, -1);
	struct text text = {"never"};

	if (ms < 0)
		return text;
	text = text_duration(ms / 1000);
	text_add(&text, " ago");
	return text;
}

double text_number(const json_t *object, const char *key, double otherwise)
{
	const json_t *value = json_object_get(object, key);

	return json_is_number(value) ? json_number_value(value) : otherwise;
}

bool text_true(const json_t *object, const char *key)
{
	return json_is_true(json_object_get(object, key));
}

struct text text_list(const json_t *object, const char *key, const char *between)
{
	const json_t *array = json_object_get(object, key);
	struct text text = {""};

	for (size_t i = 0; i < json_array_size(array); i++) {
		const char *string = json_string_value(json_array_get(array, i));

		if (string)
			text_add(&text, "%s%s", text.s[0] ? between : "", string);
	}
	text_clean(&text);
	return text;
}
