/* SPDX-License-Identifier: MIT */
/*
 * Rows of a server: cells that are NULL, huge, no numbers, columns that nobody asked for; and its
 * sets of transactions. Oracle: what is kept is printable and ends, a set lacks nothing of itself,
 * and its position is a set again.
 *
 * Input: cells, each ended by a newline; a first byte 'N' makes it NULL, else the rest of the line
 * is "column=cell".
 *
 * fuzz: agent/myverdict.c agent/mygtid.c agent/base/outcome.c
 * covers: agent/mygtid.c
 * covers: agent/mystate.c mystate_alive_row truth either says keep take_status take_position
 * covers: agent/mystate.c take_variable
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* The readers of rows are of this file alone; what they call of a session is not reached. */
#include "agent/mystate.c"
#include "agent/mygtid.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#ifdef FUZZ_ALONE
const char *myclient_cell(const struct myclient_row *row, const char *name)
{
	for (unsigned int i = 0; i < row->count; i++)
		if (strcasecmp(row->names[i], name) == 0)
			return row->cells[i];
	return NULL;
}

bool myclient_mariadb(const struct myclient *client)
{
	return client != NULL;
}

unsigned long myclient_version(const struct myclient *client)
{
	return client ? 101100 : 80022;
}

enum myclient_end myclient_run(struct myclient *client, const char *sql, myclient_row_fn *fn,
			       void *arg, const struct myclient_limit *limit)
{
	(void)client;
	(void)sql;
	(void)fn;
	(void)arg;
	(void)limit;
	return MYCLIENT_DONE;
}

const char *myclient_text(const struct myclient *client)
{
	(void)client;
	return "";
}

unsigned int myclient_code(const struct myclient *client)
{
	(void)client;
	return 0;
}

int myclient_fd(const struct myclient *client)
{
	(void)client;
	return -1;
}
#endif

static void check_text(const char *text, size_t room)
{
	size_t length = strnlen(text, room);

	if (length == room)
		abort();
	for (size_t i = 0; i < length; i++)
		if ((unsigned char)text[i] < 0x20 || (unsigned char)text[i] > 0x7e)
			abort();
}

/* @text is taken apart. */
static void read_row(char *text, struct myclient_row *row)
{
	*row = (struct myclient_row){.count = 0};
	for (char *line; row->count < MYCLIENT_COLUMNS_MAX && (line = strsep(&text, "\n"));) {
		char *value = strchr(line, '=');

		if (value)
			*value++ = '\0';
		row->names[row->count] = line;
		row->cells[row->count] = !value || *value == 'N' ? NULL : value;
		row->count++;
	}
}

static void check_rows(const struct myclient_row *row)
{
	struct mycheck_facts facts = {.lag_s = -1};
	struct mystate_galera galera = {.known = false};
	struct reading reading = {.facts = &facts};
	struct status status = {.facts = &facts, .galera = &galera};

	if (mystate_alive_row(row, &facts) && (!row->count || !row->cells[0]))
		abort();
	if (facts.read_only < -1 || facts.read_only > 1 || facts.super_read_only < -1 ||
	    facts.super_read_only > 1)
		abort();
	(void)take_status(&reading, row);
	(void)take_status(&reading, row); /* a second channel changes nothing */
	if (reading.rows != 2)
		abort();
	(void)take_position(&reading, row);
	(void)take_variable(&status, row);
	check_text(facts.source, sizeof(facts.source));
	check_text(facts.problem, sizeof(facts.problem));
	check_text(facts.received, sizeof(facts.received));
	check_text(facts.executed, sizeof(facts.executed));
}

static void check_sets(const char *a_text, const char *b_text)
{
	static struct mygtid_set a, b, position;
	char text[4096], where[4096];
	uint64_t errant;

	if (mygtid_parse(a_text, &a) < 0) {
		if (a.count)
			abort();
		return;
	}
	if (a.count > MYGTID_RANGES_MAX || mygtid_missing(&a, &a) != 0 ||
	    mygtid_errant(&a, &a, text, sizeof(text)) != 0)
		abort();
	if (mygtid_parse(b_text, &b) < 0)
		return;
	errant = mygtid_errant(&a, &b, text, sizeof(text));
	check_text(text, sizeof(text));
	if ((errant == 0) != (text[0] == '\0'))
		abort();
	if (a.mariadb && (b.mariadb || !b.count) && mygtid_position(&a, &b, where, sizeof(where)) &&
	    where[0] && (mygtid_parse(where, &position) < 0 || !position.mariadb))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char text[8193];
	struct myclient_row row;

	if (size >= sizeof(text))
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	read_row(text, &row);
	check_rows(&row);
	check_sets(row.count > 0 && row.cells[0] ? row.cells[0] : "",
		   row.count > 1 && row.cells[1] ? row.cells[1] : "");
	return 0;
}
