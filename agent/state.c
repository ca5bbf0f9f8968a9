/* SPDX-License-Identifier: MIT */
/*
 * The format (state.h), version 1: a line that says so, one for the node, one
 * for each instance, and the checksum of all before it. Words are key=value
 * in fixed order, so reading is one strict scan.
 */
#include "agent/state.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "agent/base/crc.h"

#define FIRST_LINE "zonevip-state 1\n"
#define LAST_LINE 18 /* "checksum=xxxxxxxx\n" */
#define WORD_MAX ((size_t)3 * STATE_REASON_MAX)

/* --- writing ------------------------------------------------------------------------ */

/* Letters, digits and a few signs as they are, everything else as %xx; empty is "-". */
static const char *encode(const char *text, char word[static WORD_MAX])
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789_.,:;/()+";
	size_t used = 0;

	for (; *text && used + 4 < WORD_MAX; text++) {
		bool alone = strchr(plain, *text) != NULL || (*text == '-' && used > 0);

		used += (size_t)snprintf(word + used, WORD_MAX - used, alone ? "%c" : "%%%02x",
					 (unsigned char)*text);
	}
	if (used == 0)
		word[used++] = '-';
	word[used] = '\0';
	return word;
}

static const char *time_text(mono_us at, char text[static 24])
{
	if (at == MONO_NEVER || at == MONO_LONG_AGO)
		(void)snprintf(text, 24, "-");
	else
		(void)snprintf(text, 24, "%" PRId64, at);
	return text;
}

static void format_instance(const struct state_instance *in, struct buf *text)
{
	char name[WORD_MAX], owner[WORD_MAX], reason[WORD_MAX];
	char until[24], hold[24], failed[24];

	(void)buf_printf(
		text,
		"instance=%s life=%" PRIu32 " version=%" PRIu64 " owner=%s disclaimed=%" PRIu64
		" standby=%d maintenance=%d until=%s reason=%s hold=%s failed=%s failures=%u\n",
		encode(in->name, name), in->life, in->version, encode(in->owner, owner),
		in->disclaimed, in->standby, in->frozen, time_text(in->frozen_until, until),
		encode(in->reason, reason), time_text(in->hold_until, hold),
		time_text(in->last_failure, failed), in->failures);
}

int state_format(const struct state *state, struct buf *text)
{
	char cluster[WORD_MAX], node[WORD_MAX], boot[WORD_MAX];
	size_t start = text->length;

	(void)buf_printf(text,
			 FIRST_LINE "cluster=%s node=%s boot=%s written=%" PRId64 " wall=%" PRId64
				    "\n",
			 encode(state->cluster, cluster), encode(state->node, node),
			 encode(state->boot, boot), state->written, state->wall_us);
	for (unsigned int i = 0; i < state->count; i++)
		format_instance(&state->instances[i], text);
	if (text->overflow)
		return -1;
	return buf_printf(text, "checksum=%08" PRIx32 "\n",
			  crc32_add(0, text->data + start, text->length - start)) < 0
		       ? -1
		       : 0;
}

/* --- reading --------------------------------------------------------------------------- */

struct scan {
	const char *at, *end;
	bool last; /* the next word ends its line */
	bool bad;
};

/* The value behind "KEY=" up to the space or the end of the line, which it takes along. */
static void word(struct scan *scan, const char *key, char *value, size_t size)
{
	size_t length = strlen(key);
	size_t used = 0;
	char behind = scan->last ? '\n' : ' ';

	scan->last = false;
	value[0] = '\0';
	if ((size_t)(scan->end - scan->at) <= length || memcmp(scan->at, key, length) != 0 ||
	    scan->at[length] != '=') {
		scan->bad = true;
		return;
	}
	scan->at += length + 1;
	while (scan->at<scan->end && * scan->at> ' ' && *scan->at < 0x7f && used + 1 < size)
		value[used++] = *scan->at++;
	value[used] = '\0';
	if (scan->at == scan->end || used == 0 || *scan->at != behind)
		scan->bad = true;
	else
		scan->at++;
}

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static void text_word(struct scan *scan, const char *key, char *out, size_t size)
{
	char value[WORD_MAX];
	char again[WORD_MAX];
	size_t used = 0;

	word(scan, key, value, sizeof(value));
	for (const char *c = strcmp(value, "-") == 0 ? "" : value; *c; c++) {
		int byte = (unsigned char)*c;

		if (*c == '%') {
			byte = hex(c[1]) < 0 || hex(c[2]) < 0 ? 0 : hex(c[1]) << 4 | hex(c[2]);
			c += byte ? 2 : 0;
		}
		if (byte == 0 || used + 1 >= size) {
			scan->bad = true;
			break;
		}
		out[used++] = (char)byte;
	}
	out[used] = '\0';
	if (strcmp(encode(out, again), value) != 0) /* one way to write a thing, and no other */
		scan->bad = true;
}

/* Digits only; @max 0 = any that fits. */
static uint64_t number(struct scan *scan, const char *key, uint64_t max)
{
	char value[24];
	uint64_t result = 0;

	word(scan, key, value, sizeof(value));
	for (const char *c = value; *c; c++) {
		uint64_t digit = (uint64_t)(*c - '0');

		if (*c < '0' || *c > '9' || result > (UINT64_MAX - digit) / 10 ||
		    (result == 0 && c > value))
			scan->bad = true;
		else
			result = result * 10 + digit;
	}
	if (max > 0 && result > max)
		scan->bad = true;
	return scan->bad ? 0 : result;
}

static mono_us moment(struct scan *scan, const char *key, mono_us none)
{
	struct scan before = *scan;
	char value[24];
	mono_us at = 0;

	word(scan, key, value, sizeof(value));
	if (strcmp(value, "-") == 0)
		return none;
	if (value[0] != '-' || scan->bad) {
		*scan = before;
		return (mono_us)number(scan, key, INT64_MAX / 8);
	}
	/* before the boot: what state_rebase() made of a time long past */
	for (const char *c = value + 1; *c; c++) {
		if (*c < '0' || *c > '9' || at > INT64_MAX / 80 || (c == value + 1 && *c == '0'))
			scan->bad = true;
		else
			at = at * 10 + (*c - '0');
	}
	return -at;
}

static void read_instance(struct scan *scan, struct state_instance *in)
{
	memset(in, 0, sizeof(*in));
	text_word(scan, "instance", in->name, sizeof(in->name));
	in->life = (uint32_t)number(scan, "life", STATE_LIFE_MAX);
	in->version = number(scan, "version", 0);
	text_word(scan, "owner", in->owner, sizeof(in->owner));
	in->disclaimed = number(scan, "disclaimed", 0);
	in->standby = number(scan, "standby", 1) != 0;
	in->frozen = number(scan, "maintenance", 1) != 0;
	in->frozen_until = moment(scan, "until", MONO_NEVER);
	text_word(scan, "reason", in->reason, sizeof(in->reason));
	in->hold_until = moment(scan, "hold", MONO_LONG_AGO);
	in->last_failure = moment(scan, "failed", MONO_LONG_AGO);
	scan->last = true;
	in->failures = (unsigned int)number(scan, "failures", UINT32_MAX);
}

static int check_sum(const char *text, size_t length, struct err *err)
{
	char expected[LAST_LINE + 1];
	size_t body = length - LAST_LINE;

	if (length < sizeof(FIRST_LINE) - 1 + LAST_LINE)
		return err_set(err, "is cut short");
	if (memcmp(text, FIRST_LINE, sizeof(FIRST_LINE) - 1) != 0)
		return err_set(err, "is not of this format");
	(void)snprintf(expected, sizeof(expected), "checksum=%08" PRIx32 "\n",
		       crc32_add(0, text, body));
	if (memcmp(text + body, expected, LAST_LINE) != 0)
		return err_set(err, "is damaged: its checksum is wrong");
	return 0;
}

int state_parse(const char *text, size_t length, struct state *state, struct err *err)
{
	struct scan scan = {.at = text + sizeof(FIRST_LINE) - 1};

	if (check_sum(text, length, err) < 0)
		return -1;
	scan.end = text + length - LAST_LINE;
	memset(state, 0, offsetof(struct state, instances)); /* the rest as it is filled */
	text_word(&scan, "cluster", state->cluster, sizeof(state->cluster));
	text_word(&scan, "node", state->node, sizeof(state->node));
	text_word(&scan, "boot", state->boot, sizeof(state->boot));
	state->written = (mono_us)number(&scan, "written", INT64_MAX / 8);
	scan.last = true;
	state->wall_us = (int64_t)number(&scan, "wall", INT64_MAX / 8);
	while (!scan.bad && scan.at < scan.end && state->count < STATE_INSTANCES_MAX)
		read_instance(&scan, &state->instances[state->count++]);
	if (scan.bad || scan.at < scan.end)
		return err_set(err, "has words that do not belong there");
	return 0;
}

/* --- times of another boot -------------------------------------------------------------- */

void state_rebase(struct state *state, const char *boot, mono_us now, int64_t wall_us)
{
	mono_us gone = mono_max(wall_us - state->wall_us, 0);
	bool same = strcmp(boot, STATE_BOOT_UNKNOWN) != 0 && strcmp(state->boot, boot) == 0 &&
		    state->written <= now;
	/* The present boot's clock at the moment of writing. */
	mono_us shift = same ? 0 : now - gone - state->written;

	for (unsigned int i = 0; i < state->count; i++) {
		struct state_instance *in = &state->instances[i];

		if (in->frozen_until != MONO_NEVER)
			in->frozen_until = mono_max(in->frozen_until + shift, 1);
		if (in->hold_until != MONO_LONG_AGO)
			in->hold_until += shift;
		if (in->last_failure != MONO_LONG_AGO)
			in->last_failure += shift;
	}
}

const struct state_instance *state_find(const struct state *state, const char *name)
{
	for (unsigned int i = 0; i < state->count; i++)
		if (strcmp(state->instances[i].name, name) == 0)
			return &state->instances[i];
	return NULL;
}
