/* SPDX-License-Identifier: MIT */
/*
 * See mytask.h. A probe may hang: the caller's limit ends it. A write that was
 * not answered is not repeated while the server still has its session: one
 * stuck statement is evidence, a pile of them is an outage of our making.
 */
#include "config.h"

#include "agent/mytask.h"

#include <stdio.h>
#include <string.h>

#include "agent/myverdict.h"

#define LOOK_PERIOD (5 * SEC)
#define LOOK_OFTEN (1 * SEC) /* where somebody decides by the answer */
#define LOOK_PAUSE (5 * SEC) /* after one that was not answered */

void mytask_init(struct mytask *task, const struct mycheck_config *config)
{
	*task = (struct mytask){.config = config, .next_look = MONO_LONG_AGO};
	task->facts.read_only = task->facts.super_read_only = -1;
	task->facts.lag_s = -1;
}

/* --- alive --------------------------------------------------------------------------- */

struct alive {
	struct mycheck_facts *facts;
	unsigned int rows;
};

static bool take_alive(void *arg, const struct myclient_row *row)
{
	struct alive *alive = arg;

	return ++alive->rows == 1 && mystate_alive_row(row, alive->facts);
}

enum myclient_end mytask_alive(struct mytask *task, struct myclient *client,
			       const struct myclient_limit *limit)
{
	struct alive alive = {.facts = &task->facts};
	enum myclient_end end;

	task->began = mono_now();
	task->writing = false;
	task->query_problem[0] = task->write_problem[0] = '\0';
	task->facts.mariadb = myclient_mariadb(client);
	myverdict_clean(task->facts.version, sizeof(task->facts.version), myclient_server(client));
	end = myclient_run(client, mystate_alive(client), take_alive, &alive, limit);
	return end == MYCLIENT_DONE && alive.rows != 1 ? MYCLIENT_STRANGE : end;
}

/* --- probes ------------------------------------------------------------------------------ */

/* The first cell of the first row, to be neither null, nothing, nor 0. */
static bool take_truth(void *arg, const struct myclient_row *row)
{
	bool *good = arg;

	*good = row->count > 0 && row->cells[0] && row->cells[0][0] &&
		strcmp(row->cells[0], "0") != 0;
	return true;
}

static enum myclient_end ask_query(struct mytask *task, struct myclient *client,
				   const struct myclient_limit *limit)
{
	bool good = false;
	enum myclient_end end = mystate_ask(client, task->config->query, take_truth, &good,
					    task->query_problem, limit);

	if (end == MYCLIENT_DONE && !good && !task->query_problem[0])
		(void)snprintf(task->query_problem, sizeof(task->query_problem),
			       "the query's answer is empty, null or 0");
	return end;
}

/* Is the session of the write that was not answered still there? */
static enum myclient_end ask_stuck(struct mytask *task, struct myclient *client,
				   const struct myclient_limit *limit)
{
	char refused[160] = "";
	bool there = false;
	enum myclient_end end;
	char sql[96];

	(void)snprintf(sql, sizeof(sql),
		       "SELECT COUNT(*) FROM information_schema.processlist WHERE id = %lu",
		       task->stuck);
	end = mystate_ask(client, sql, take_truth, &there, refused, limit);
	if (end == MYCLIENT_DONE && !there)
		task->stuck = 0;
	return end;
}

/* Only an answer ends it: a deadline leaves task->writing and the session's number. */
static enum myclient_end write_row(struct mytask *task, struct myclient *client,
				   const struct myclient_limit *limit)
{
	unsigned long session = myclient_session(client);
	mono_us now = mono_now();
	enum myclient_end end;
	char sql[256];

	(void)snprintf(sql, sizeof(sql),
		       "INSERT INTO zonevip.heartbeat (node, beat) VALUES ('%s', %lld) "
		       "ON DUPLICATE KEY UPDATE beat = %lld",
		       task->config->node, (long long)now, (long long)now);
	task->writing = true;
	end = mystate_ask(client, sql, NULL, NULL, task->write_problem, limit);
	if (end == MYCLIENT_DEADLINE) {
		task->stuck = session;
		task->stuck_since = mono_now();
		return end;
	}
	task->writing = false;
	task->write_code = task->write_problem[0] ? myclient_code(client) : 0;
	return end;
}

enum myclient_end mytask_probe(struct mytask *task, struct myclient *client, enum mycheck_role role,
			       const struct myclient_limit *limit)
{
	enum myclient_end end = MYCLIENT_DONE;

	if (task->config->query[0])
		end = ask_query(task, client, limit);
	if (end == MYCLIENT_DONE && task->stuck)
		end = ask_stuck(task, client, limit);
	if (end == MYCLIENT_DONE && !task->stuck && task->config->write_probe &&
	    role == MYCHECK_ACTING && task->facts.read_only == 0)
		end = write_row(task, client, limit);
	return end;
}

/* --- judging ------------------------------------------------------------------------------- */

__attribute__((format(printf, 3, 4))) static void
say(struct mycheck_result *result, enum mycheck_verdict verdict, const char *fmt, ...)
{
	char text[sizeof(result->evidence)];
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, args); /* cut is better than none */
	va_end(args);
	result->verdict = verdict;
	myverdict_clean(result->evidence, sizeof(result->evidence), text);
}

static bool judge_galera(const struct mytask *task, enum mycheck_role role,
			 struct mycheck_result *result)
{
	const struct mystate_galera *galera = &task->galera;
	bool donor = galera->local_state == MYSTATE_DONOR && role == MYCHECK_ACTING;

	if (!task->config->galera || task->next_look == MONO_LONG_AGO)
		return false;
	if (!galera->known)
		say(result, MYCHECK_FAILED, "no wsrep status: not a Galera node");
	else if (!galera->ready)
		say(result, MYCHECK_FAILED, "wsrep_ready is OFF");
	else if (galera->local_state != MYSTATE_SYNCED && !donor)
		say(result, MYCHECK_FAILED, "wsrep_local_state is %d, not synced",
		    galera->local_state);
	else
		return false;
	return true;
}

/* A write that the server refused; an error of ours (no table, no grant) proves nothing. */
static void judge_write(const struct mytask *task, struct mycheck_result *result)
{
	result->code = task->write_code;
	switch (task->write_code) {
	case 1290: /* ER_OPTION_PREVENTS_STATEMENT: --read-only */
	case 1836: /* ER_READ_ONLY_MODE */
		say(result, MYCHECK_READONLY, "write probe: %s", task->write_problem);
		break;
	case 1044:
	case 1049: /* ER_BAD_DB_ERROR */
	case 1054: /* ER_BAD_FIELD_ERROR */
	case 1142:
	case 1143: /* ER_COLUMNACCESS_DENIED_ERROR */
	case 1146: /* ER_NO_SUCH_TABLE */
		say(result, MYCHECK_AUTH, "write probe: %s; doc/mysql.md has the table and grants",
		    task->write_problem);
		break;
	default:
		say(result, MYCHECK_STALLED, "write probe: %s", task->write_problem);
		break;
	}
}

void mytask_judge(const struct mytask *task, enum mycheck_role role, struct mycheck_result *result)
{
	mono_us took = mono_now() - task->began;

	if (judge_galera(task, role, result))
		return;
	if (task->query_problem[0])
		say(result, MYCHECK_FAILED, "query: %s", task->query_problem);
	else if (task->stuck)
		say(result, MYCHECK_STALLED, "a write is not answered for %.1f s; SELECT 1 is",
		    mono_seconds(mono_now() - task->stuck_since));
	else if (task->write_problem[0])
		judge_write(task, result);
	else if (role == MYCHECK_ACTING && task->facts.read_only == 1)
		say(result, MYCHECK_READONLY, "read_only is on%s",
		    task->facts.super_read_only == 1 ? ", super_read_only too" : "");
	else if (task->crowded)
		say(result, MYCHECK_FULL, "%u of %u connections taken; SELECT 1 in %.1f ms",
		    task->facts.connections, task->facts.connections_max, (double)took / 1e3);
	else if (took > task->config->slow)
		say(result, MYCHECK_SLOW, "SELECT 1 in %.1f ms, expected below %.0f ms",
		    (double)took / 1e3, (double)task->config->slow / 1e3);
}

/* --- looks ---------------------------------------------------------------------------------- */

bool mytask_due(const struct mytask *task)
{
	return mono_now() >= task->next_look;
}

enum myclient_end mytask_look(struct mytask *task, struct myclient *client,
			      const struct myclient_limit *limit)
{
	bool often = task->config->replication || task->config->galera;
	enum myclient_end end;

	task->next_look = mono_now() + (often ? LOOK_OFTEN : LOOK_PERIOD);
	end = mystate_status(client, &task->facts, task->config->galera ? &task->galera : NULL,
			     limit);
	task->crowded = task->facts.connections_max &&
			task->facts.connections >= task->facts.connections_max;
	if (end == MYCLIENT_DONE && task->config->replication)
		end = mystate_replication(client, &task->facts, limit);
	if (end != MYCLIENT_DONE)
		task->next_look = mono_now() + LOOK_PAUSE;
	return end;
}

/* --- orders ------------------------------------------------------------------------------------
 */

static enum myclient_end carry_out(struct mytask *task, struct myclient *client,
				   const struct mycheck_order *order, struct mycheck_report *report,
				   const struct myclient_limit *limit)
{
	switch (order->type) {
	case MYCHECK_PROMOTE:
		return myorder_promote(client, order, &task->facts, report, limit);
	case MYCHECK_FENCE:
		return myorder_fence(client, task->config->sessions, report, limit);
	case MYCHECK_FOLLOW:
		return myorder_follow(client, order, task->config, report, limit);
	case MYCHECK_GATE:
	case MYCHECK_ORDERS:
		break;
	}
	return MYCLIENT_DONE;
}

/* What an order has changed is known at once: peers wait for the position of a fenced server. */
static enum myclient_end learn(struct mytask *task, struct myclient *client,
			       const struct myclient_limit *limit)
{
	enum myclient_end end = mytask_alive(task, client, limit);

	if (end == MYCLIENT_DONE && task->config->replication)
		end = mystate_replication(client, &task->facts, limit);
	return end == MYCLIENT_ERROR && myclient_fd(client) >= 0 ? MYCLIENT_DONE : end;
}

enum myclient_end mytask_obey(struct mytask *task, struct myclient *client,
			      const struct mycheck_order *order, struct mycheck_report *report,
			      const struct myclient_limit *limit)
{
	mono_us began = mono_now();
	enum myclient_end end = MYCLIENT_DONE;

	if (order->type == MYCHECK_GATE) {
		task->gating = true;
		task->gate = *order;
		task->watch = (struct mygate_watch){.began = began, .moved = began};
		return MYCLIENT_DONE;
	}
	if (!client || began >= limit->deadline) {
		report->outcome = OUTCOME_UNKNOWN;
		(void)snprintf(report->text, sizeof(report->text), "%s",
			       client ? "too late" : "the server does not serve");
		return MYCLIENT_DONE;
	}
	end = carry_out(task, client, order, report, limit);
	if (end == MYCLIENT_DONE)
		end = learn(task, client, limit);
	report->took = mono_now() - began;
	return end;
}

enum myclient_end mytask_gate(struct mytask *task, struct myclient *client,
			      struct mycheck_report *report, const struct myclient_limit *limit)
{
	enum myclient_end end = MYCLIENT_DONE;

	if (client)
		end = mystate_replication(client, &task->facts, limit);
	if (!client || end != MYCLIENT_DONE) {
		if (mono_now() < task->gate.deadline)
			return end;
		report->outcome = OUTCOME_UNKNOWN;
		(void)snprintf(report->text, sizeof(report->text), "the server does not answer");
		task->gating = false;
		return end;
	}
	task->gating = mygate_look(&task->gate, &task->facts, &task->watch, mono_now(), report) ==
		       MYGATE_ASK_AGAIN;
	report->took = mono_now() - task->watch.began;
	return end;
}
