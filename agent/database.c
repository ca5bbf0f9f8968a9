/* SPDX-License-Identifier: MIT */
/*
 * Duties to orders and hooks, reports to events. Nothing here waits, and
 * nothing decides about ownership; what is decided here is only which
 * position a gate is given and whom a fenced server should follow. See
 * agent/database.h; the rest of it, for people and for peers, is in
 * positions.c.
 */
#include "agent/agent.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/base/log.h"

#define PERIOD 0.1 /* of looking whether something is due */

/* --- answers to the core ----------------------------------------------------------------- */

static const enum event_type answer_events[CORE_DUTIES] = {
	[DUTY_GATE] = EV_GATE,
	[DUTY_PROMOTE] = EV_PROMOTED,
	[DUTY_FENCE] = EV_FENCED,
	[DUTY_RELEASE] = EV_RELEASED,
};

static void answer(struct agent *agent, unsigned int i, enum core_duty duty, uint32_t op,
		   enum outcome outcome)
{
	if (op && agent->databases[i].ops[duty] == op)
		agent->databases[i].ops[duty] = 0;
	agent_feed(agent, &(struct event){.type = answer_events[duty],
					  .instance = i,
					  .op = op,
					  .outcome = outcome});
}

/* Soon, but not from inside a step. */
static void wake_soon(struct agent *agent)
{
	ev_timer_stop(agent->loop, &agent->database_timer);
	ev_timer_set(&agent->database_timer, 0.0, PERIOD);
	ev_timer_start(agent->loop, &agent->database_timer);
}

/* From inside a step: the answer goes in on the next turn. */
static void answer_later(struct agent *agent, unsigned int i, enum core_duty duty,
			 enum outcome outcome)
{
	struct agent_database *db = &agent->databases[i];

	db->answers[duty] = (struct database_answer){true, db->ops[duty], outcome};
	db->ops[duty] = 0;
	wake_soon(agent);
}

static void deliver_answers(struct agent *agent, unsigned int i)
{
	struct agent_database *db = &agent->databases[i];

	for (unsigned int d = 0; d < CORE_DUTIES; d++) {
		struct database_answer waiting = db->answers[d];

		if (!waiting.waits)
			continue;
		db->answers[d].waits = false;
		answer(agent, i, (enum core_duty)d, waiting.op, waiting.outcome);
	}
}

/* --- the gate ----------------------------------------------------------------------------------
 */

static void gate_says(struct agent *agent, unsigned int i, enum outcome outcome, const char *text)
{
	struct agent_database *db = &agent->databases[i];

	if (db->gate != outcome || strcmp(db->gate_text, text) != 0) {
		log_event(outcome == OUTCOME_OK ? LOG_LV_INFO : LOG_LV_WARNING, "gate",
			  "instance=%s says=%s reason=\"%s\"", agent->conf->instances[i].name,
			  outcome == OUTCOME_OK ? "open" : "shut", text);
	}
	db->gate = outcome;
	(void)snprintf(db->gate_text, sizeof(db->gate_text), "%s", text);
}

static bool flag(const struct agent_database *db, int node, uint8_t which)
{
	return (db->positions[node].flags & which) != 0;
}

/*
 * An owner that is there and serves is asked for its last word: the position
 * after its fence. From one that is gone the last that was heard must do.
 */
static bool owner_may_still_speak(const struct agent *agent, unsigned int i)
{
	const struct agent_database *db = &agent->databases[i];
	const struct instance *in = &agent->instances[i];
	int owner = in->record.owner;
	bool final;

	if (!agent->conf->instances[i].fence ||
	    !core_hears(&agent->core, mono_now(), (unsigned int)owner) ||
	    !flag(db, owner, POSITION_SERVES))
		return false;
	final = flag(db, owner, POSITION_FINAL) && db->positions[owner].term >= in->record.version;
	return !final;
}

static void give_gate(struct agent *agent, unsigned int i, bool alive)
{
	static const enum mycheck_policy policies[] = {[CONF_GATE_CLAIM] = MYCHECK_CLAIM,
						       [CONF_GATE_WAIT] = MYCHECK_WAIT,
						       [CONF_GATE_REFUSE] = MYCHECK_REFUSE};
	struct agent_database *db = &agent->databases[i];
	int owner = agent->instances[i].record.owner;
	struct mycheck_order order = {.type = MYCHECK_GATE,
				      .op = db->ops[DUTY_GATE],
				      .deadline = db->gate_deadline - 200 * MSEC,
				      .policy = policies[agent->conf->instances[i].gate],
				      .source_alive = alive};

	if (flag(db, owner, POSITION_KNOWN))
		(void)snprintf(order.wanted, sizeof(order.wanted), "%s",
			       db->positions[owner].executed);
	db->gate_waits = false;
	mycheck_give(agent->checks[db->track], &order);
}

/* True when it has been given to the worker, or answered. */
static void try_gate(struct agent *agent, unsigned int i)
{
	struct agent_database *db = &agent->databases[i];
	int owner = agent->instances[i].record.owner;
	bool waits = owner_may_still_speak(agent, i);
	bool claim = agent->conf->instances[i].gate == CONF_GATE_CLAIM;
	bool alive = core_hears(&agent->core, mono_now(), (unsigned int)owner) &&
		     flag(db, owner, POSITION_SERVES);

	if (!waits) {
		give_gate(agent, i, alive);
	} else if (mono_now() >= db->gate_deadline - SEC) {
		if (claim) {
			give_gate(agent, i, alive);
			return;
		}
		db->gate_waits = false;
		gate_says(agent, i, OUTCOME_DENIED,
			  "the owner is alive and has not told its last position");
		answer_later(agent, i, DUTY_GATE, OUTCOME_DENIED);
	}
}

static void begin_gate(struct agent *agent, const struct action *act)
{
	unsigned int i = act->instance;
	struct agent_database *db = &agent->databases[i];
	int owner = agent->instances[i].record.owner;

	db->gate_deadline = act->deadline;
	if (owner < 0 || owner == (int)agent->conf->self) {
		gate_says(agent, i, OUTCOME_OK, "no other node has been the owner since");
		answer_later(agent, i, DUTY_GATE, OUTCOME_OK);
		return;
	}
	db->gate_waits = true;
	try_gate(agent, i);
}

/* --- duties --------------------------------------------------------------------------------------
 */

static const char *const hook_states[CORE_DUTIES] = {
	[DUTY_GATE] = "GATE",
	[DUTY_PROMOTE] = "PROMOTE",
	[DUTY_FENCE] = "FENCE",
	[DUTY_RELEASE] = "RELEASE",
};

static bool has_hook(const struct conf_instance *conf, enum core_duty duty)
{
	return duty == DUTY_GATE || duty == DUTY_PROMOTE ? conf->pre_claim[0] != '\0'
							 : conf->pre_release[0] != '\0';
}

static void order(struct agent *agent, const struct action *act, enum mycheck_order_type type)
{
	struct agent_database *db = &agent->databases[act->instance];
	struct mycheck_order given = {
		.type = type,
		.op = act->op,
		.deadline = act->deadline,
		.reset = agent->conf->instances[act->instance].reset_replica,
	};

	if (type == MYCHECK_FENCE) { /* it ends what is under way */
		mycheck_take_back(agent->checks[db->track], MYCHECK_PROMOTE);
		mycheck_take_back(agent->checks[db->track], MYCHECK_GATE);
		mycheck_take_back(agent->checks[db->track], MYCHECK_FOLLOW);
		db->ops[DUTY_PROMOTE] = db->ops[DUTY_GATE] = 0;
		db->following = false;
	}
	mycheck_give(agent->checks[db->track], &given);
}

static enum core_duty duty_of(enum action_type type)
{
	if (type == ACT_GATE)
		return DUTY_GATE;
	if (type == ACT_PROMOTE)
		return DUTY_PROMOTE;
	return type == ACT_FENCE ? DUTY_FENCE : DUTY_RELEASE;
}

void agent_database_duty(struct agent *agent, const struct action *act)
{
	enum core_duty duty = duty_of(act->type);
	struct agent_database *db = &agent->databases[act->instance];

	db->ops[duty] = act->op;
	db->gate_waits = false;
	if (has_hook(&agent->conf->instances[act->instance], duty)) {
		db->hook_numbers[duty] = agent_run_hook(agent, act, hook_states[duty]);
		return;
	}
	switch (duty) {
	case DUTY_GATE:
		begin_gate(agent, act);
		break;
	case DUTY_PROMOTE:
		order(agent, act, MYCHECK_PROMOTE);
		break;
	case DUTY_FENCE:
		order(agent, act, MYCHECK_FENCE);
		break;
	case DUTY_RELEASE:
	case CORE_DUTIES:
		answer_later(agent, act->instance, duty, OUTCOME_OK); /* only a hook has a say */
		break;
	}
}

/* --- reports
 * ----------------------------------------------------------------------------------------- */

static void note_report(struct agent *agent, unsigned int i, const struct mycheck_report *report)
{
	struct agent_database *db = &agent->databases[i];
	const char *name = agent->conf->instances[i].name;

	(void)snprintf(db->last, sizeof(db->last), "%s: %s (%s)", mycheck_order_name(report->type),
		       outcome_name(report->outcome), report->text);
	log_event(report->outcome == OUTCOME_OK ? LOG_LV_INFO : LOG_LV_WARNING, "database",
		  "instance=%s order=%s outcome=%s took_ms=%.1f text=\"%s\"", name,
		  mycheck_order_name(report->type), outcome_name(report->outcome),
		  (double)report->took / 1e3, report->text);
	agent_remember(agent, "%s: %s", name, db->last);
}

static void gate_report(struct agent *agent, unsigned int i, const struct mycheck_report *report)
{
	enum outcome outcome =
		report->outcome == OUTCOME_REFUSED ? OUTCOME_DENIED : report->outcome;

	gate_says(agent, i, outcome, report->text);
	agent->databases[i].would_lose = report->lost;
	answer(agent, i, DUTY_GATE, report->op, outcome);
}

static void follow_report(struct agent *agent, unsigned int i, const struct mycheck_report *report)
{
	struct agent_database *db = &agent->databases[i];

	db->following = false;
	db->rejoin_after = mono_now() + (report->outcome == OUTCOME_OK ? 3 : 10) * SEC;
	(void)snprintf(db->rejoin, sizeof(db->rejoin), "%s", report->text);
}

void agent_on_report(void *arg, unsigned int track, const struct mycheck_report *report)
{
	struct agent *agent = arg;

	for (unsigned int i = 0; i < agent->conf->instance_count; i++) {
		struct agent_database *db = &agent->databases[i];

		if (!db->commands || db->track != track)
			continue;
		mycheck_facts(agent->checks[track], &db->facts);
		note_report(agent, i, report);
		switch (report->type) {
		case MYCHECK_GATE:
			gate_report(agent, i, report);
			break;
		case MYCHECK_PROMOTE:
			answer(agent, i, DUTY_PROMOTE, report->op, report->outcome);
			agent_tell_position(agent, i, 3);
			break;
		case MYCHECK_FENCE:
			/* The peers' gates wait for this position: it goes before the disclaim. */
			agent_tell_position(agent, i, 10);
			answer(agent, i, DUTY_FENCE, report->op, report->outcome);
			break;
		case MYCHECK_FOLLOW:
			follow_report(agent, i, report);
			break;
		case MYCHECK_ORDERS:
			break;
		}
	}
}

/* A hook's exit status: 0 is yes. */
bool agent_hook_ended(struct agent *agent, const struct notify_report *report)
{
	for (unsigned int i = 0; i < agent->conf->instance_count; i++) {
		struct agent_database *db = &agent->databases[i];

		for (unsigned int d = 0; d < CORE_DUTIES; d++) {
			enum outcome outcome = report->status == 0  ? OUTCOME_OK
					       : report->status > 0 ? OUTCOME_DENIED
								    : OUTCOME_NOT_SENT;

			if (!report->number || db->hook_numbers[d] != report->number)
				continue;
			db->hook_numbers[d] = 0;
			(void)snprintf(db->last, sizeof(db->last), "hook %s: status %d %s",
				       hook_states[d], report->status, report->problem);
			if (d == DUTY_GATE)
				gate_says(agent, i, outcome, db->last);
			if (d == DUTY_FENCE)
				agent_tell_position(agent, i, 10);
			answer(agent, i, (enum core_duty)d, db->ops[d], outcome);
			return true;
		}
	}
	return false;
}

/* --- looking
 * ------------------------------------------------------------------------------------------ */

/* After each check: what the server was seen to be. */
void agent_database_checked(struct agent *agent, unsigned int track)
{
	for (unsigned int i = 0; i < agent->conf->instance_count; i++) {
		struct agent_database *db = &agent->databases[i];
		const struct instance *in = &agent->instances[i];

		if (!db->commands || db->track != track)
			continue;
		mycheck_facts(agent->checks[track], &db->facts);
		/* An acting node's server is judged by its verdict: an operator who sets it
		 * read-only there is not fought with. */
		if (agent->conf->instances[i].fence && !core_acting(in) && db->facts.serves &&
		    db->facts.read_only >= 0 && !db->ops[DUTY_FENCE])
			answer(agent, i, DUTY_FENCE, 0,
			       db->facts.read_only ? OUTCOME_OK : OUTCOME_REFUSED);
		agent_foresee(agent, i);
		agent_compare(agent, i);
		agent_rejoin(agent, i);
	}
}

/* Who was the owner does not replicate yet: the peers must not count on it for a moment. */
static void note_owner(struct agent *agent, unsigned int i)
{
	struct agent_database *db = &agent->databases[i];
	int owner = agent->instances[i].record.owner;

	if (!db->commands || db->owner == owner)
		return;
	db->owner = owner;
	db->look_now = true;
	db->rejoin_after = MONO_LONG_AGO;
	wake_soon(agent);
}

/* What is demanded of each server, after every step. */
void agent_database_settle(struct agent *agent)
{
	enum mycheck_role roles[CONF_TRACKS_MAX] = {MYCHECK_STANDBY};

	for (unsigned int i = 0; i < agent->conf->instance_count; i++) {
		const struct instance *in = &agent->instances[i];

		note_owner(agent, i);
		if (!core_acting(in) || in->departure.step != DEPARTURE_NONE ||
		    (in->config.promotes && !in->promoted))
			continue;
		for (unsigned int k = 0; k < agent->conf->track_count; k++)
			if (in->config.tracks & (1U << k))
				roles[k] = MYCHECK_ACTING;
	}
	for (unsigned int k = 0; k < agent->conf->track_count; k++) {
		if (roles[k] != agent->roles[k] && agent->checks[k])
			mycheck_set_role(agent->checks[k], roles[k]);
		agent->roles[k] = roles[k];
	}
}

static void on_timer(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct agent *agent = timer->data;

	(void)loop;
	(void)events;
	for (unsigned int i = 0; i < agent->conf->instance_count; i++) {
		struct agent_database *db = &agent->databases[i];

		if (!db->commands)
			continue;
		deliver_answers(agent, i);
		if (db->look_now) {
			db->look_now = false;
			agent_foresee(agent, i);
		}
		if (db->gate_waits)
			try_gate(agent, i);
		if (db->burst || mono_now() >= db->send_at)
			agent_tell_position(agent, i, db->burst);
	}
}

void agent_database_heard(struct agent *agent, const struct hello *hello)
{
	int node = -1;
	struct position position;

	for (unsigned int n = 0; n < agent->conf->node_count; n++)
		if (agent->conf->nodes[n].id == hello->sender)
			node = (int)n;
	/* Only of a packet that the core has just taken as fresh, never of a recording. */
	if (node < 0 || !hello->note_length || agent->core.peers[node].heard != agent->stepped ||
	    !position_read(hello->note, hello->note_length, &position))
		return;
	for (unsigned int i = 0; i < agent->conf->instance_count; i++) {
		struct agent_database *db = &agent->databases[i];

		if (!db->commands || conf_id(agent->conf->tracks[db->track].name) != position.track)
			continue;
		db->positions[node] = position;
		db->heard[node] = mono_now();
		if (db->gate_waits)
			try_gate(agent, i);
	}
}

/* --- opening
 * ------------------------------------------------------------------------------------------ */

bool agent_commands_database(const struct conf_instance *conf)
{
	return conf->gate != CONF_GATE_OFF || conf->promote || conf->fence ||
	       conf->rejoin == CONF_REJOIN_AUTO;
}

void agent_database_core(const struct conf_instance *conf, struct core_instance_config *core)
{
	bool claims = conf->pre_claim[0] != '\0';
	bool releases = conf->pre_release[0] != '\0';

	core->gates = conf->gate != CONF_GATE_OFF || claims;
	core->promotes = conf->promote || claims;
	core->fences = conf->fence || releases;
	core->releases = releases;
	core->patience[DUTY_GATE] = claims ? conf->hook_timeout : conf->gate_wait + 1500 * MSEC;
	core->patience[DUTY_PROMOTE] = claims ? conf->hook_timeout : 0;
	core->patience[DUTY_RELEASE] = conf->hook_timeout;
}

int agent_database_build(struct agent *agent)
{
	agent->databases = calloc(agent->conf->instance_count, sizeof(*agent->databases));
	if (!agent->databases)
		return -1;
	for (unsigned int i = 0; i < agent->conf->instance_count; i++) {
		const struct conf_instance *conf = &agent->conf->instances[i];
		struct agent_database *db = &agent->databases[i];

		if (agent->conf->observe || !agent_commands_database(conf))
			continue;
		db->commands = true;
		db->track = conf->tracks[0];
		db->gate = OUTCOME_NOT_SENT;
		db->owner = OWNER_NOBODY;
		for (unsigned int n = 0; n < CORE_NODES_MAX; n++)
			db->heard[n] = MONO_LONG_AGO;
	}
	return 0;
}

void agent_database_open(struct agent *agent)
{
	ev_timer_init(&agent->database_timer, on_timer, PERIOD, PERIOD);
	agent->database_timer.data = agent;
	ev_timer_start(agent->loop, &agent->database_timer);
}

void agent_database_close(struct agent *agent)
{
	ev_timer_stop(agent->loop, &agent->database_timer);
}
