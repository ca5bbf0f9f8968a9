/* SPDX-License-Identifier: MIT */
/*
 * What happened lately, in few bytes per event, and a hash of all of it: two
 * runs are the same when their hashes are. The lines are put into words only
 * when somebody wants to read them.
 */
#include <inttypes.h>

#include "tests/sim/world.h"

#define KIND_ACTION 100
#define KIND_WORLD 300

void trace_add(struct world *world, int host, int kind, const long long values[4])
{
	struct trace_line *line = &world->trace[world->trace_count % TRACE_LINES];
	const uint64_t words[] = {
		(uint64_t)world->now, ((uint64_t)(unsigned int)host << 32) | (unsigned int)kind,
		(uint64_t)values[0],  (uint64_t)values[1],
		(uint64_t)values[2],  (uint64_t)values[3]};

	*line = (struct trace_line){.at = world->now,
				    .number = world->events,
				    .host = host,
				    .kind = kind,
				    .a = values[0],
				    .b = values[1],
				    .c = values[2],
				    .d = values[3]};
	world->trace_count++;
	for (unsigned int i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		world->hash = (world->hash ^ words[i]) * 0x100000001b3ULL;
}

void trace_event(struct world *world, unsigned int host, const struct event *ev)
{
	long long values[4] = {ev->instance, (int)ev->outcome, (long long)ev->version, ev->owner};

	switch (ev->type) {
	case EV_HELLO:
		values[0] = ev->hello->sender;
		values[1] = ev->hello->count ? ev->hello->instances[0].state : -1;
		values[2] = ev->hello->count ? (long long)ev->hello->instances[0].version : -1;
		values[3] = ev->hello->count ? (long long)ev->hello->instances[0].disclaimed : -1;
		break;
	case EV_TOUCH_READ:
		values[3] = ev->node;
		break;
	case EV_ROUTE_READ:
	case EV_ROUTE_WRITTEN:
		values[2] = ev->table;
		values[3] = ev->target;
		break;
	case EV_TABLES:
		values[2] = ev->table;
		values[3] = ev->count;
		break;
	case EV_VERDICT:
		values[1] = (int)ev->health;
		break;
	case EV_LINK:
	case EV_ALIAS:
	case EV_TARGET:
		values[1] = ev->up;
		break;
	case EV_RESUMED:
		values[1] = ev->gap;
		break;
	case EV_COMMAND:
		values[1] = (int)ev->command;
		values[2] = ev->node;
		break;
	case EV_TICK:
	case EV_PARAM_READ:
	case EV_PARAM_WRITTEN:
	case EV_TOUCH_WRITTEN:
	case EV_GATE:
	case EV_PROMOTED:
	case EV_FENCED:
	case EV_RELEASED:
	case EV_EVIDENCE:
	case EV_BEHIND:
	case EV_TYPES:
		break;
	}
	trace_add(world, (int)host, (int)ev->type, values);
}

void trace_actions(struct world *world, unsigned int host)
{
	for (unsigned int i = 0; i < world->out.count; i++) {
		const struct action *act = &world->out.items[i];
		long long values[4] = {act->instance, act->table, act->node, act->create};

		if (act->type == ACT_STATE) {
			values[1] = (int)act->old_state;
			values[2] = (int)act->state;
			values[3] = (int)act->reason;
		} else if (act->type == ACT_NOTE) {
			values[1] = (int)act->note;
		}
		trace_add(world, (int)host, KIND_ACTION + (int)act->type, values);
	}
}

void trace_note(struct world *world, int host, int what, long long a, long long b)
{
	const long long values[4] = {a, b, 0, 0};

	trace_add(world, host, KIND_WORLD + what, values);
}

/* --- in words ------------------------------------------------------------------------------ */

static void print_event(const struct trace_line *line, FILE *to)
{
	const char *outcome = outcome_name((enum outcome)line->b);

	(void)fprintf(to, "  <- %-14s", core_event_name((enum event_type)line->kind));
	switch ((enum event_type)line->kind) {
	case EV_HELLO:
		(void)fprintf(to, "id %lld %s knows v%lld disclaims %lld", line->a,
			      core_state_name((enum core_state)line->b), line->c, line->d);
		break;
	case EV_PARAM_READ:
	case EV_PARAM_WRITTEN:
		(void)fprintf(to, "i%lld %s v%lld owner %lld", line->a, outcome, line->c, line->d);
		break;
	case EV_TOUCH_READ:
	case EV_TOUCH_WRITTEN:
		(void)fprintf(to, "%s v%lld of %lld", outcome, line->c, line->d);
		break;
	case EV_TABLES:
		(void)fprintf(to, "i%lld from %lld on, %lld in all", line->a, line->c, line->d);
		break;
	case EV_ROUTE_READ:
	case EV_ROUTE_WRITTEN:
		(void)fprintf(to, "i%lld %s table %lld target %lld", line->a, outcome, line->c,
			      line->d);
		break;
	case EV_GATE:
	case EV_PROMOTED:
	case EV_FENCED:
	case EV_RELEASED:
		(void)fprintf(to, "i%lld %s", line->a, outcome);
		break;
	case EV_TICK:
		break;
	case EV_RESUMED:
	case EV_VERDICT:
	case EV_LINK:
	case EV_ALIAS:
	case EV_TARGET:
	case EV_COMMAND:
	case EV_EVIDENCE:
	case EV_BEHIND:
	case EV_TYPES:
		(void)fprintf(to, "i%lld %lld %lld", line->a, line->b, line->c);
		break;
	}
}

static void print_action(const struct trace_line *line, FILE *to)
{
	static const char *const names[ACT_TYPES] = {
		"HELLO",     "STATE",	  "NOTE",      "ALIAS_ADD", "ALIAS_DEL", "CANCEL",
		"PARAM_GET", "PARAM_PUT", "TOUCH_GET", "TOUCH_PUT", "ROUTE_GET", "ROUTE_SET",
		"EXIT",	     "GATE",	  "PROMOTE",   "FENCE",	    "RELEASE",	 "EVIDENCE_GET",
	};
	enum action_type type = (enum action_type)(line->kind - KIND_ACTION);

	(void)fprintf(to, "       %-12s i%lld ", names[type], line->a);
	if (type == ACT_STATE)
		(void)fprintf(to, "%s -> %s (%s)", core_state_name((enum core_state)line->b),
			      core_state_name((enum core_state)line->c),
			      core_reason_name((enum core_reason)line->d));
	else if (type == ACT_NOTE)
		(void)fprintf(to, "%s %lld", core_note_name((enum core_note)line->b), line->c);
	else if (type == ACT_ROUTE_GET || type == ACT_ROUTE_SET)
		(void)fprintf(to, "table %lld", line->b);
	else if (type == ACT_TOUCH_GET)
		(void)fprintf(to, "of %lld", line->c);
}

static void print_world(const struct trace_line *line, FILE *to)
{
	static const char *const names[WORLD_NOTES] = {
		"boots", "crashes",  "stands still", "goes on",	    "exits", "P :=",
		"R :=",	 "touch :=", "operator: P",  "operator: R", "fault",
	};

	(void)fprintf(to, "  ** %s %lld %lld", names[line->kind - KIND_WORLD], line->a, line->b);
}

/* Where everybody stands. */
void trace_nodes(struct world *world, FILE *to)
{
	for (unsigned int i = 0; i < world->config.instances; i++) {
		const struct param_version *param = world_param(world, i);

		(void)fprintf(to, "i%u: P v%" PRIu64 " names %d, born %u, R", i, param->version,
			      param->exists ? param->value : -1, param->birth);
		for (unsigned int t = 0; t < world->config.tables; t++)
			(void)fprintf(to, " %d", world_route(world, i, t));
		(void)fputc('\n', to);
		for (unsigned int n = 0; n < world->config.nodes; n++) {
			const struct host *h = &world->hosts[n];
			const struct instance *in = &h->instances[i];

			(void)fprintf(
				to,
				"  n%u %s%s %s (%s) since %.3f knows v%" PRIu64 " of %d life %u, "
				"disclaims %" PRIu64 ", promise %" PRIu64
				", address %d%s%s%s%s, flags %x, blocked %x\n",
				n, h->running ? "runs" : "down", h->paused ? " (stopped)" : "",
				core_state_name(in->state), core_reason_name(in->reason),
				mono_seconds(in->since - h->offset), in->record.version,
				in->record.owner, in->record.life, in->disclaimed, in->promise,
				h->alias[i], in->frozen ? ", frozen" : "",
				h->writable[i] ? ", writable" : "",
				in->promoted ? ", promoted" : "", in->fenced ? ", fenced" : "",
				in->flags, in->blockers);
		}
	}
}

void trace_print(const struct world *world, FILE *to, unsigned int lines)
{
	uint64_t first = world->trace_count > lines ? world->trace_count - lines : 0;

	if (world->trace_count - first > TRACE_LINES)
		first = world->trace_count - TRACE_LINES;
	for (uint64_t i = first; i < world->trace_count; i++) {
		const struct trace_line *line = &world->trace[i % TRACE_LINES];

		(void)fprintf(to, "%12.6f #%-8" PRIu64 " ", mono_seconds(line->at), line->number);
		if (line->host >= 0)
			(void)fprintf(to, "n%d", line->host);
		else
			(void)fputs("--", to);
		if (line->kind >= KIND_WORLD)
			print_world(line, to);
		else if (line->kind >= KIND_ACTION)
			print_action(line, to);
		else
			print_event(line, to);
		(void)fputc('\n', to);
	}
}
