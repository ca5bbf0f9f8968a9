/* SPDX-License-Identifier: MIT */
/*
 * The machine and the memory of one sync group are copied; the copy is stepped
 * through the seconds after the event and its actions are answered by a model
 * as small as can be: a call takes CALL, a read shows what was last known, a
 * write succeeds, a peer goes on saying what it last said, and the best of
 * those that said they were eligible takes what is disclaimed. That is said
 * under the answer, so that nobody takes it for a promise.
 *
 * Nothing outside the copy is read or written but names; no clock is asked.
 * Follows doc/protocol.md by using the core, not by knowing it. Long, because
 * the copy, its small world and the words about it are one thought experiment.
 */
#include "agent/whatif.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define CALL (50 * MSEC)
#define PENDING_MAX 512
#define LINES_MAX 60
#define AFTERWARDS (10 * SEC)

/* An answer on its way. */
struct pending {
	mono_us at;
	mono_us sent;
	struct action act; /* ACT_TYPES: a peer takes over */
	bool used;
};

/* The world as far as the copy can ask it. */
struct outside {
	int owner;
	uint64_t version;
	mono_us mtime;
	bool taking; /* a peer is about to take over */
};

struct whatif_run {
	const struct whatif *question;
	struct buf *reply;
	struct core core;
	struct instance *instances;
	struct route *routes;
	struct outside *outsides; /* one per instance */
	int *targets;		  /* of all routes, as routes */
	unsigned int *numbers;	  /* in the configuration, one per instance */
	unsigned int first;	  /* of those asked about */
	struct actions todo;
	struct touch touch;
	struct hello hello;
	struct pending pending[PENDING_MAX];
	bool silent[CORE_NODES_MAX];
	uint64_t peer_seq[CORE_NODES_MAX];
	mono_us beat_at; /* of the peers */
	mono_us beaten;	 /* we, last */
	mono_us now;
	mono_us end;
	unsigned int touches;
	unsigned int turns;
	unsigned int lines;
	uint32_t blockers, flags; /* of the instance asked about, as last told */
	bool crowded;		  /* more answers on their way than there is room for */
};

enum whatif_case whatif_case_of(const char *word)
{
	static const char *const words[] = {"peer-down", "db-down", "api-down"};

	for (unsigned int w = 0; w < sizeof(words) / sizeof(words[0]); w++)
		if (strcmp(word, words[w]) == 0)
			return (enum whatif_case)w;
	return WHATIF_CASES;
}

/* --- words ----------------------------------------------------------------------- */

static const char *node_name(const struct whatif_run *run, int node)
{
	if (node >= 0)
		return run->question->conf->nodes[node].name;
	return node == OWNER_NOBODY ? "nobody" : "a stranger";
}

static const char *self_name(const struct whatif_run *run)
{
	return node_name(run, (int)run->core.config.self);
}

__attribute__((format(printf, 3, 4))) static void tell(struct whatif_run *run, unsigned int i,
						       const char *fmt, ...)
{
	mono_us after = run->now - run->question->now;
	char text[256];
	va_list args;

	if (run->lines++ >= LINES_MAX)
		return;
	va_start(args, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	(void)buf_printf(run->reply, "  after %6.2f s  ", mono_seconds(after));
	if (run->core.config.instance_count > 1)
		(void)buf_printf(run->reply,
				 "%s: ", run->question->conf->instances[run->numbers[i]].name);
	(void)buf_printf(run->reply, "%s\n", text);
}

static void tell_bits(struct whatif_run *run, uint32_t set, const char *(*name)(uint32_t),
		      const char *before)
{
	for (unsigned int bit = 0; bit < 32; bit++)
		if (set & 1U << bit)
			tell(run, run->first, "%s: %s", before, name(1U << bit));
}

/* What became different for the instance asked about. */
static void tell_difference(struct whatif_run *run)
{
	const struct instance *in = &run->instances[run->first];

	tell_bits(run, in->blockers & ~run->blockers, core_blocker_name,
		  "could no longer take the VIP");
	tell_bits(run, run->blockers & ~in->blockers, core_blocker_name, "no longer in the way");
	tell_bits(run, in->flags & ~run->flags, core_flag_name, "begins");
	tell_bits(run, run->flags & ~in->flags, core_flag_name, "ends");
	run->blockers = in->blockers;
	run->flags = in->flags;
}

/* --- answers ---------------------------------------------------------------------- */

static void expect(struct whatif_run *run, mono_us at, const struct action *act)
{
	for (unsigned int p = 0; p < PENDING_MAX; p++) {
		struct pending *slot = &run->pending[p];

		if (slot->used)
			continue;
		*slot = (struct pending){.at = at, .sent = run->now, .act = *act, .used = true};
		return;
	}
	run->crowded = true;
}

static struct pending *next_pending(struct whatif_run *run)
{
	struct pending *next = NULL;

	for (unsigned int p = 0; p < PENDING_MAX; p++)
		if (run->pending[p].used && (!next || run->pending[p].at < next->at))
			next = &run->pending[p];
	return next;
}

static bool is_write(enum action_type type)
{
	return type == ACT_PARAM_PUT || type == ACT_ROUTE_SET;
}

static bool is_call(enum action_type type)
{
	return is_write(type) || type == ACT_PARAM_GET || type == ACT_TOUCH_GET ||
	       type == ACT_TOUCH_PUT || type == ACT_ROUTE_GET || type == ACT_EVIDENCE_GET;
}

static void cancel(struct whatif_run *run, unsigned int instance)
{
	for (unsigned int p = 0; p < PENDING_MAX; p++) {
		struct pending *pending = &run->pending[p];

		if (pending->used && is_write(pending->act.type) &&
		    pending->act.instance == instance) {
			pending->at = run->now;
			pending->act.not_after = MONO_LONG_AGO; /* never left */
		}
	}
}

static int *target_of(struct whatif_run *run, unsigned int instance, unsigned int table)
{
	return &run->targets[&run->instances[instance].routes[table] - run->routes];
}

/* A peer that is heard says in its touch what it says in its heartbeat. */
static void fill_touch(struct whatif_run *run, const struct action *act, struct event *ev)
{
	const struct core *core = &run->core;
	unsigned int node = (unsigned int)act->node;

	run->touch.count = 0;
	ev->touch = &run->touch;
	ev->version = core->touch_read[node].version;
	ev->mtime = run->outsides[0].mtime + (run->now - run->question->now);
	if (run->silent[node])
		return;
	ev->version += ++run->touches;
	for (unsigned int i = 0; i < core->config.instance_count; i++)
		if (run->outsides[i].owner == act->node)
			run->touch.entries[run->touch.count++] =
				(struct touch_entry){.id = run->instances[i].config.id,
						     .term = run->outsides[i].version};
}

static void answer_call(struct whatif_run *run, const struct action *act, struct event *ev)
{
	struct outside *out = &run->outsides[act->instance];
	int self = (int)run->core.config.self;

	switch (act->type) {
	case ACT_PARAM_PUT:
		ev->type = EV_PARAM_WRITTEN;
		if (ev->outcome != OUTCOME_OK)
			break;
		ev->version = ++out->version;
		out->owner = self;
		out->mtime += run->now - run->question->now;
		out->taking = false;
		tell(run, act->instance, "%s has written the parameter: version %llu",
		     self_name(run), (unsigned long long)out->version);
		break;
	case ACT_ROUTE_SET:
		ev->type = EV_ROUTE_WRITTEN;
		if (ev->outcome != OUTCOME_OK)
			break;
		*target_of(run, act->instance, act->table) = self;
		tell(run, act->instance, "route %u leads to %s", act->table + 1, self_name(run));
		break;
	case ACT_PARAM_GET:
		ev->type = EV_PARAM_READ;
		ev->owner = out->owner;
		ev->version = out->version;
		ev->mtime = out->mtime;
		if (ev->outcome == OUTCOME_OK && out->owner == OWNER_NOBODY)
			ev->outcome = OUTCOME_ABSENT;
		break;
	case ACT_ROUTE_GET:
		ev->type = EV_ROUTE_READ;
		ev->target = *target_of(run, act->instance, act->table);
		if (ev->outcome == OUTCOME_OK && ev->target == TARGET_MISSING)
			ev->outcome = OUTCOME_ABSENT;
		break;
	case ACT_TOUCH_GET:
		ev->type = EV_TOUCH_READ;
		fill_touch(run, act, ev);
		break;
	case ACT_TOUCH_PUT:
		ev->type = EV_TOUCH_WRITTEN;
		break;
	default:
		ev->type = EV_EVIDENCE; /* nobody says that the machine is stopped */
		ev->up = true;
		break;
	}
}

static void answer_duty(struct whatif_run *run, const struct action *act, struct event *ev)
{
	const struct instance *in = &run->instances[act->instance];
	bool shut = in->gate_shut || in->duties[DUTY_GATE].failures > 0;

	switch (act->type) {
	case ACT_GATE:
		ev->type = EV_GATE;
		ev->outcome = shut ? OUTCOME_DENIED : OUTCOME_OK;
		break;
	case ACT_PROMOTE:
		ev->type = EV_PROMOTED;
		tell(run, act->instance, "the database is writable (assumed to succeed)");
		break;
	case ACT_FENCE:
		ev->type = EV_FENCED;
		ev->outcome = run->question->what == WHATIF_DB_DOWN ? OUTCOME_NOT_SENT : OUTCOME_OK;
		break;
	case ACT_RELEASE:
		ev->type = EV_RELEASED;
		tell(run, act->instance, "the release hook has agreed (assumed)");
		break;
	default: /* the address */
		ev->type = EV_ALIAS;
		ev->up = act->type == ACT_ALIAS_ADD;
		break;
	}
}

static void take(struct whatif_run *run, unsigned int i);

/* The event that an answer is. False: it was none for the core. */
static bool make_answer(struct whatif_run *run, const struct pending *pending, struct event *ev)
{
	const struct action *act = &pending->act;
	bool away = run->question->what == WHATIF_API_DOWN;

	*ev = (struct event){.instance = act->instance,
			     .table = act->table,
			     .node = act->node,
			     .op = act->op,
			     .sent = pending->sent,
			     .outcome = OUTCOME_OK};
	if (act->type == ACT_TYPES) {
		take(run, act->instance);
		return false;
	}
	if (!is_call(act->type)) {
		answer_duty(run, act, ev);
		return true;
	}
	if (is_write(act->type) && act->not_after == MONO_LONG_AGO)
		ev->outcome = OUTCOME_NOT_SENT;
	else if (away)
		ev->outcome = OUTCOME_UNKNOWN;
	answer_call(run, act, ev);
	return true;
}

/* --- peers -------------------------------------------------------------------------- */

/* Who, of those that are heard and said they could, would take it. */
static int taker(const struct whatif_run *run, unsigned int i)
{
	const struct instance *in = &run->instances[i];
	int best = -1;

	for (unsigned int n = 0; n < run->core.config.node_count; n++) {
		const struct view *view = &in->view[n];
		bool able = view->flags & HELLO_ELIGIBLE && !(view->flags & HELLO_BLOCKED);

		if (n == run->core.config.self || run->silent[n] ||
		    (in->handover_to >= 0 && in->handover_to != (int)n))
			continue;
		if ((able || in->handover_to == (int)n) &&
		    (best < 0 || view->priority > in->view[best].priority))
			best = (int)n;
	}
	return best;
}

/* A disclaim has gone out: the best of the peers claims at once. */
static void offer(struct whatif_run *run, unsigned int i)
{
	const struct instance *in = &run->instances[i];
	struct outside *out = &run->outsides[i];

	if (out->taking || out->owner != (int)run->core.config.self ||
	    in->disclaimed < out->version || core_acting(in) || in->state == CORE_INIT)
		return;
	out->taking = true;
	if (taker(run, i) < 0) {
		tell(run, i, "nobody would take over: no peer is heard that said it could");
		return;
	}
	expect(run, run->now + 2 * CALL, &(struct action){.type = ACT_TYPES, .instance = i});
}

static void take(struct whatif_run *run, unsigned int i)
{
	struct outside *out = &run->outsides[i];
	struct instance *in = &run->instances[i];
	int node = taker(run, i);

	if (node < 0 || !out->taking)
		return;
	out->owner = node;
	out->version++;
	out->mtime += run->now - run->question->now;
	in->view[node].state = CORE_MASTER; /* what it says from now on */
	for (unsigned int k = 0; k < in->config.tables; k++)
		*target_of(run, i, k) = node;
	tell(run, i, "%s has taken over: version %llu, %u routes (as it said it could)",
	     node_name(run, node), (unsigned long long)out->version, in->config.tables);
}

static void say_of(struct whatif_run *run, unsigned int node, unsigned int i)
{
	const struct instance *in = &run->instances[i];
	const struct outside *out = &run->outsides[i];
	const struct view *view = &in->view[node];
	int to = view->handover_to;

	run->hello.instances[run->hello.count++] = (struct hello_instance){
		.id = in->config.id,
		.flags = view->flags,
		.state = (uint8_t)view->state,
		.priority = view->priority,
		.owner = out->owner >= 0	      ? run->core.config.nodes[out->owner].id
			 : out->owner == OWNER_NOBODY ? HELLO_NOBODY
						      : HELLO_STRANGER,
		.handover_to = to >= 0 ? run->core.config.nodes[to].id : 0,
		.life = in->record.life,
		.version = out->version,
		.disclaimed = view->disclaimed,
	};
}

/* --- one step -------------------------------------------------------------------------- */

static void carry_out(struct whatif_run *run, const struct action *act)
{
	bool away = run->question->what == WHATIF_API_DOWN;

	switch (act->type) {
	case ACT_HELLO:
		run->beaten = run->now;
		break;
	case ACT_STATE:
		tell(run, act->instance, "%s would go from %s to %s (%s)", self_name(run),
		     core_state_name(act->old_state), core_state_name(act->state),
		     core_reason_name(act->reason));
		break;
	case ACT_NOTE:
		tell(run, act->instance, "it would say: %s", core_note_name(act->note));
		break;
	case ACT_CANCEL:
		cancel(run, act->instance);
		break;
	case ACT_EXIT:
	case ACT_TYPES:
		break;
	case ACT_ALIAS_ADD:
	case ACT_ALIAS_DEL:
		tell(run, act->instance, "the address would %s %s",
		     act->type == ACT_ALIAS_ADD ? "come to" : "go from", self_name(run));
		expect(run, run->now, act);
		break;
	default:
		expect(run, is_call(act->type) && away ? act->deadline : run->now + CALL, act);
		break;
	}
}

static void step(struct whatif_run *run, const struct event *ev)
{
	core_step(&run->core, run->now, ev, &run->todo);
	run->turns += run->core.config.instance_count;
	for (unsigned int a = 0; a < run->todo.count; a++)
		carry_out(run, &run->todo.items[a]);
	for (unsigned int i = 0; i < run->core.config.instance_count; i++)
		offer(run, i);
	tell_difference(run);
}

static void beat(struct whatif_run *run)
{
	const struct core *core = &run->core;

	for (unsigned int n = 0; n < core->config.node_count; n++) {
		const struct peer *peer = &core->peers[n];

		if (n == core->config.self || run->silent[n])
			continue;
		run->hello = (struct hello){.sender = core->config.nodes[n].id,
					    .receiver = core->config.nodes[core->config.self].id,
					    .flags = HELLO_COUNTED,
					    .digest = peer->digest,
					    .software = core->software[n],
					    .nonce = peer->nonce,
					    .seq = ++run->peer_seq[n],
					    .echo_nonce = core->config.nonce,
					    .echo_seq = (uint64_t)run->beaten};
		for (unsigned int i = 0; i < core->config.instance_count && i < HELLO_INSTANCES_MAX;
		     i++)
			say_of(run, n, i);
		step(run, &(struct event){.type = EV_HELLO, .hello = &run->hello});
	}
	run->beat_at = run->now + core->config.timers.ack_age / 2;
}

/* --- the copy ------------------------------------------------------------------------------- */

/* Calls under way when the copy is made are asked again: their answers go to the original. */
static void forget_calls(struct whatif_run *run, unsigned int i)
{
	struct instance *in = &run->instances[i];

	in->record.op = 0;
	for (unsigned int k = 0; k < in->config.tables; k++)
		in->routes[k].op = 0;
	if (in->alias_pending)
		expect(run, run->now,
		       &(struct action){.type = in->alias_asked ? ACT_ALIAS_ADD : ACT_ALIAS_DEL,
					.instance = i});
	for (unsigned int d = 0; d < CORE_DUTIES; d++) {
		static const enum action_type acts[CORE_DUTIES] = {
			[DUTY_GATE] = ACT_GATE,
			[DUTY_PROMOTE] = ACT_PROMOTE,
			[DUTY_FENCE] = ACT_FENCE,
			[DUTY_RELEASE] = ACT_RELEASE,
		};

		if (in->duties[d].op)
			expect(run, run->now + CALL,
			       &(struct action){
				       .type = acts[d], .instance = i, .op = in->duties[d].op});
	}
}

static void copy_instance(struct whatif_run *run, const struct instance *from, unsigned int i,
			  struct route *routes)
{
	struct instance *in = &run->instances[i];

	*in = *from;
	in->leader = 0; /* the leader is the first of its group */
	in->routes = routes;
	run->outsides[i] = (struct outside){
		.owner = from->record.known ? from->record.owner : OWNER_NOBODY,
		.version = from->record.known ? from->record.version : 0,
		.mtime = from->record.mtime == MONO_NEVER ? 0 : from->record.mtime,
	};
	for (unsigned int k = 0; k < core_tables_room(&from->config); k++) {
		routes[k] = from->routes[k];
		run->targets[&routes[k] - run->routes] = from->routes[k].target;
	}
}

static unsigned int count_group(const struct core *core, unsigned int instance,
				unsigned int *routes)
{
	unsigned int count = 0;

	*routes = 0;
	for (unsigned int i = 0; i < core->config.instance_count; i++) {
		if (core->instances[i].leader != core->instances[instance].leader)
			continue;
		count++;
		*routes += core_tables_room(&core->instances[i].config);
	}
	return count;
}

static void copy_group(struct whatif_run *run, const struct core *core)
{
	unsigned int instance = run->question->instance;
	unsigned int count = 0;
	struct route *routes = run->routes;

	for (unsigned int i = 0; i < core->config.instance_count; i++) {
		const struct instance *from = &core->instances[i];

		if (from->leader != core->instances[instance].leader)
			continue;
		if (i == instance)
			run->first = count;
		run->numbers[count] = i;
		copy_instance(run, from, count, routes);
		routes += core_tables_room(&from->config);
		count++;
	}
}

static mono_us horizon(const struct core *core)
{
	const struct timers *timers = &core->config.timers;
	mono_us longest = mono_max(timers->api_age, timers->ssm_outage);

	longest = mono_max(longest, timers_silent(timers) + timers->claim +
					    timers->stagger * core->config.node_count);
	return mono_max(longest, timers->route) + AFTERWARDS;
}

static void copy_core(struct whatif_run *run, const struct core *core, unsigned int count)
{
	run->core = *core;
	run->core.instances = run->instances;
	run->core.config.instance_count = count;
	run->core.touch_write.op = 0;
	run->now = run->question->now;
	run->beaten = (mono_us)core->seq;
	run->end = run->now + horizon(core);
	copy_group(run, core);
	for (unsigned int n = 0; n < core->config.node_count; n++) {
		run->core.touch_read[n].op = 0;
		run->core.evidence[n].op = 0;
		run->silent[n] = !core_hears(core, run->now, n);
		run->peer_seq[n] = core->peers[n].seq;
	}
	for (unsigned int i = 0; i < count; i++)
		forget_calls(run, i);
	run->blockers = run->instances[run->first].blockers;
	run->flags = run->instances[run->first].flags;
}

static struct whatif_run *open_run(const struct core *core, const struct whatif *question,
				   struct buf *reply)
{
	unsigned int routes;
	unsigned int count = count_group(core, question->instance, &routes);
	struct whatif_run *run = calloc(1, sizeof(*run));

	if (!run)
		return NULL;
	run->question = question;
	run->reply = reply;
	run->instances = calloc(count + 1, sizeof(*run->instances));
	run->routes = calloc(routes + 1, sizeof(*run->routes));
	run->outsides = calloc(count + 1, sizeof(*run->outsides));
	run->targets = calloc(routes + 1, sizeof(*run->targets));
	run->numbers = calloc(count + 1, sizeof(*run->numbers));
	if (run->instances && run->routes && run->outsides && run->targets && run->numbers)
		copy_core(run, core, count);
	return run;
}

static void close_run(struct whatif_run *run)
{
	if (!run)
		return;
	free(run->instances);
	free(run->routes);
	free(run->outsides);
	free(run->targets);
	free(run->numbers);
	free(run);
}

/* --- the question ----------------------------------------------------------------------------- */

static void silence_peers(struct whatif_run *run)
{
	int owner = run->outsides[run->first].owner;
	bool peer_owns = owner >= 0 && owner != (int)run->core.config.self;

	for (unsigned int n = 0; n < run->core.config.node_count; n++)
		if (n != run->core.config.self && (!peer_owns || (int)n == owner))
			run->silent[n] = true;
}

static void kill_database(struct whatif_run *run)
{
	uint32_t tracks = run->instances[run->first].config.tracks;

	for (unsigned int k = 0; k < run->core.config.track_count; k++)
		if (tracks & 1U << k)
			step(run, &(struct event){.type = EV_VERDICT,
						  .track = k,
						  .health = HEALTH_RESULT_DEAD});
}

static void begin(struct whatif_run *run)
{
	const struct whatif *question = run->question;

	switch (question->what) {
	case WHATIF_PEER_DOWN:
		silence_peers(run);
		break;
	case WHATIF_DB_DOWN:
		kill_database(run);
		break;
	case WHATIF_SWITCHOVER:
		step(run, &(struct event){.type = EV_COMMAND,
					  .instance = run->first,
					  .command = CMD_SWITCHOVER,
					  .node = question->node,
					  .force = question->force});
		break;
	case WHATIF_API_DOWN:
	case WHATIF_CASES:
		break;
	}
	run->beat_at = run->now;
}

static void play(struct whatif_run *run)
{
	begin(run);
	while (run->turns < WHATIF_TURNS_MAX && !run->crowded) {
		struct pending *pending = next_pending(run);
		mono_us deadline = core_deadline(&run->core);
		mono_us next = mono_min(deadline, run->beat_at);
		struct event ev = {.type = EV_TICK};

		if (pending)
			next = mono_min(next, pending->at);
		if (next > run->end)
			break;
		run->now = mono_max(run->now, next);
		if (pending && pending->at <= run->now) {
			pending->used = false;
			if (make_answer(run, pending, &ev))
				step(run, &ev);
		} else if (run->beat_at <= run->now) {
			beat(run);
		} else {
			step(run, &ev);
		}
	}
}

static void tell_beginning(struct whatif_run *run)
{
	static const char *const cases[WHATIF_CASES] = {
		[WHATIF_PEER_DOWN] = "fell silent",
		[WHATIF_DB_DOWN] = "'s database died",
		[WHATIF_API_DOWN] = " got no more answers from AWS",
		[WHATIF_SWITCHOVER] = " handed over",
	};
	const struct instance *in = &run->instances[run->first];
	int owner = run->outsides[run->first].owner;
	bool peer = owner >= 0 && owner != (int)run->core.config.self;

	if (run->question->what == WHATIF_PEER_DOWN)
		(void)buf_printf(run->reply, "If %s %s now",
				 peer ? node_name(run, owner) : "every peer",
				 cases[run->question->what]);
	else
		(void)buf_printf(run->reply, "If %s%s now", self_name(run),
				 cases[run->question->what]);
	(void)buf_printf(run->reply, " (%s is %s on %s, the parameter names %s at version %llu):\n",
			 run->question->conf->instances[run->question->instance].name,
			 core_state_name(in->state), self_name(run), node_name(run, owner),
			 (unsigned long long)run->outsides[run->first].version);
}

static void tell_end(struct whatif_run *run)
{
	const struct instance *in = &run->instances[run->first];
	const struct outside *out = &run->outsides[run->first];
	double looked = mono_seconds(run->now - run->question->now);

	if (run->lines == 0)
		(void)buf_printf(run->reply, "  nothing would change\n");
	if (run->lines > LINES_MAX)
		(void)buf_printf(run->reply, "  ... and %u lines more\n", run->lines - LINES_MAX);
	(void)buf_printf(run->reply,
			 "  at the end, %.0f s on: %s is %s, the address is %s, the parameter "
			 "names %s at version %llu\n",
			 looked, self_name(run), core_state_name(in->state),
			 in->alias_present ? "here" : "not here", node_name(run, out->owner),
			 (unsigned long long)out->version);
	if (run->crowded || run->turns >= WHATIF_TURNS_MAX)
		(void)buf_printf(run->reply, "  (not looked further: too much would happen)\n");
	(void)buf_printf(
		run->reply,
		"Assumed: calls take %.0f ms, reads show what was last known, writes succeed%s; "
		"peers that are heard go on saying what they last said and could do it; hooks "
		"agree; nothing else happens.\n",
		(double)CALL / 1e3,
		run->question->what == WHATIF_API_DOWN
			? ", but those of this node are never answered"
			: "");
}

static int refuse(const struct core *core, const struct whatif *question, struct err *err)
{
	const struct event command = {.type = EV_COMMAND,
				      .instance = question->instance,
				      .command = CMD_SWITCHOVER,
				      .node = question->node,
				      .force = question->force};
	enum core_refusal refusal;

	if (question->what == WHATIF_DB_DOWN && !core->instances[question->instance].config.tracks)
		return err_set(err, "it has no check: nobody looks at a database for it");
	if (question->what == WHATIF_PEER_DOWN && core->config.node_count < 2)
		return err_set(err, "there is no peer");
	if (question->what != WHATIF_SWITCHOVER)
		return 0;
	refusal = core_refuses(core, question->now, &command);
	return refusal == REFUSE_NOT ? 0 : err_set(err, "%s", core_refusal_name(refusal));
}

int whatif_tell(const struct core *core, const struct whatif *question, struct buf *reply,
		struct err *err)
{
	struct whatif_run *run;
	int ret = 0;

	if (refuse(core, question, err) < 0)
		return -1;
	run = open_run(core, question, reply);
	if (!run || !run->instances || !run->routes || !run->outsides || !run->targets ||
	    !run->numbers) {
		ret = err_set(err, "no memory for a copy of the machine");
		goto out;
	}
	tell_beginning(run);
	play(run);
	tell_end(run);
out:
	close_run(run);
	return ret;
}
