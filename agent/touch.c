/* SPDX-License-Identifier: MIT */
/*
 * The parameter can be edited by anybody with the right to, so reading is
 * strict: one bad word and nothing is believed.
 */
#include "agent/touch.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

int touch_format(const struct touch *touch, char *text, size_t size)
{
	size_t used = 0;

	if (size < 2)
		return -EMSGSIZE;
	memcpy(text, "-", sizeof("-"));
	for (unsigned int i = 0; i < touch->count; i++) {
		const struct touch_entry *entry = &touch->entries[i];
		int n = snprintf(text + used, size - used, "%s%04x:%c%" PRIu64, i ? " " : "",
				 entry->id, entry->disclaims ? 'd' : 'm', entry->term);

		if (n < 0 || (size_t)n >= size - used)
			return -EMSGSIZE;
		used += (size_t)n;
	}
	return 0;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* One word; returns what follows it, or NULL. */
static const char *parse_word(const char *text, struct touch_entry *entry)
{
	unsigned int id = 0;
	uint64_t term = 0;

	for (int i = 0; i < 4; i++, text++) {
		int digit = hex_digit(*text);

		if (digit < 0)
			return NULL;
		id = id << 4 | (unsigned int)digit;
	}
	if (text[0] != ':' || (text[1] != 'm' && text[1] != 'd'))
		return NULL;
	entry->id = (uint16_t)id;
	entry->disclaims = text[1] == 'd';
	text += 2;
	if (*text < '0' || *text > '9')
		return NULL;
	for (; *text >= '0' && *text <= '9'; text++) {
		if (term > (UINT64_MAX - 9) / 10)
			return NULL;
		term = term * 10 + (uint64_t)(*text - '0');
	}
	entry->term = term;
	return text;
}

int touch_parse(const char *text, struct touch *touch)
{
	touch->count = 0;
	if (strcmp(text, "-") == 0)
		return 0;
	for (;;) {
		if (touch->count == CORE_INSTANCES_MAX)
			break;
		text = parse_word(text, &touch->entries[touch->count]);
		if (!text)
			break;
		touch->count++;
		if (*text == '\0')
			return 0;
		if (*text++ != ' ')
			break;
	}
	touch->count = 0;
	return -EINVAL;
}
