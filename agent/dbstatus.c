/* SPDX-License-Identifier: MIT */
/*
 * The database of an instance as JSON and in words: what it is, what a
 * promotion would lose, what its gate says and what is left to be done.
 */
#include "agent/agent.h"

#include <jansson.h>
#include <string.h>

static bool gate_open(const struct agent_database *db)
{
	return db->gate == OUTCOME_OK;
}

static json_t *replica_json(const struct mycheck_facts *facts)
{
	if (!facts->known || !facts->replica)
		return json_null();
	return json_pack("{s:s, s:i, s:b, s:b, s:o, s:s}", "source", facts->source, "port",
			 (int)facts->source_port, "receiving", facts->io_running, "applying",
			 facts->sql_running, "lag_s",
			 facts->lag_s < 0 ? json_null() : json_integer(facts->lag_s), "problem",
			 facts->problem);
}

static json_t *owner_json(const struct agent *agent, unsigned int i, mono_us now)
{
	const struct agent_database *db = &agent->databases[i];
	int owner = agent->instances[i].record.owner;

	if (owner < 0 || owner == (int)agent->conf->self || db->heard[owner] == MONO_LONG_AGO)
		return json_null();
	return json_pack("{s:s, s:f, s:b}", "position", db->positions[owner].executed, "age_ms",
			 (double)(now - db->heard[owner]) / 1e3, "final",
			 (db->positions[owner].flags & POSITION_FINAL) != 0);
}

json_t *agent_database_json(const struct agent *agent, unsigned int i)
{
	const struct agent_database *db = &agent->databases[i];
	const struct instance *in = &agent->instances[i];
	const struct mycheck_facts *facts = &db->facts;
	bool gated = agent->instances[i].config.gates;
	mono_us now = mono_now();

	if (!db->commands)
		return json_null();
	return json_pack(
		"{s:s, s:s, s:o, s:s, s:o, s:o, s:o, s:s, s:s, s:b, s:b, s:s, s:s}", "track",
		agent->conf->tracks[db->track].name, "version", facts->version, "read_only",
		facts->read_only < 0 ? json_null() : json_boolean(facts->read_only), "position",
		facts->executed, "replica", replica_json(facts), "owner", owner_json(agent, i, now),
		"would_lose",
		db->lose_known ? json_integer((json_int_t)db->would_lose) : json_null(), "gate",
		!gated			       ? "off"
		: db->gate == OUTCOME_NOT_SENT ? "not asked"
		: gate_open(db)		       ? "open"
					       : "shut",
		"gate_reason", db->gate_text, "promoted", in->promoted, "fenced", in->fenced,
		"last_order", db->last, "to_do", db->rejoin);
}

void agent_database_why(const struct agent *agent, unsigned int i, struct buf *reply)
{
	const struct agent_database *db = &agent->databases[i];

	if (!db->commands)
		return;
	if (db->lose_known)
		(void)buf_printf(reply,
				 "  promotion here would lose up to %llu transactions, replication "
				 "lags by %ld s\n",
				 (unsigned long long)db->would_lose, db->facts.lag_s);
	if (db->gate_text[0])
		(void)buf_printf(reply, "  gate: %s (%s)\n", gate_open(db) ? "open" : "shut",
				 db->gate_text);
	if (db->last[0])
		(void)buf_printf(reply, "  last order to mysqld: %s\n", db->last);
	if (db->rejoin[0])
		(void)buf_printf(reply, "  to do: %s\n", db->rejoin);
}
