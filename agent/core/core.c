/* SPDX-License-Identifier: MIT */
/*
 * The door of the core: an event is learned, every instance gets a turn, and
 * the heartbeat goes out when it is due or when there is news.
 */
#include "agent/core/machine.h"

#include <assert.h>

#define BURST_GAP (50 * MSEC)
#define ROOM_PER_TURN                                                                              \
	(2 * CORE_TABLES_MAX + 32) /* one turn and the tail of a step ask for less                 \
				    */

/* --- what the rooms share ------------------------------------------------------------ */

bool due(const struct turn *t, mono_us at)
{
	if (t->now >= at)
		return true;
	t->core->wake = mono_min(t->core->wake, at);
	return false;
}

bool lately(const struct turn *t, mono_us then, mono_us span)
{
	if (PLANTED(FORGET_WAKE))
		return t->now - then <= span;
	return then == MONO_NEVER || !due(t, then + span + 1);
}

struct action *emit(struct turn *t, enum action_type type)
{
	struct action *act = &t->out->items[t->out->count];

	assert(!observes(t) || !core_changes(type));
	/* core_step() makes room before each turn, so this cannot overflow. */
	t->out->count++;
	*act = (struct action){.type = type, .instance = t->index, .node = -1};
	return act;
}

void note(struct turn *t, enum core_note what, int node)
{
	struct action *act = emit(t, ACT_NOTE);

	act->note = what;
	act->node = node;
}

uint32_t next_op(struct core *core)
{
	if (++core->op == 0)
		core->op = 1;
	return core->op;
}

/* xorshift64: no more is asked of it than to spread retries. */
mono_us jitter(struct core *core, mono_us limit)
{
	core->rng ^= core->rng << 13;
	core->rng ^= core->rng >> 7;
	core->rng ^= core->rng << 17;
	return limit > 0 ? (mono_us)(core->rng % (uint64_t)limit) : 0;
}

mono_us backoff(struct core *core, enum outcome outcome, unsigned int failures)
{
	/* Full jitter; who is throttled begins late, who failed begins at once. */
	mono_us limit = (outcome == OUTCOME_THROTTLED ? SEC : 50 * MSEC)
			<< (failures < 6 ? failures : 6);

	if (PLANTED(NO_BACKOFF))
		return 0;
	switch (outcome) {
	case OUTCOME_DENIED:
	case OUTCOME_REFUSED:
		return 30 * SEC;
	case OUTCOME_ABSENT:
	case OUTCOME_EXISTS:
		return 5 * SEC;
	case OUTCOME_OK:
	case OUTCOME_THROTTLED:
	case OUTCOME_UNKNOWN:
	case OUTCOME_NOT_SENT:
	case OUTCOME_COUNT:
		break;
	}
	return 10 * MSEC + jitter(core, mono_min(limit, 2 * SEC));
}

bool set_flag(struct instance *in, enum core_flag flag, bool on)
{
	uint32_t before = in->flags;

	in->flags = on ? before | flag : before & ~(uint32_t)flag;
	return in->flags != before;
}

/* --- start ------------------------------------------------------------------------------ */

static void instance_init(struct core *core, struct instance *in,
			  const struct core_instance_config *config, struct route *routes)
{
	mono_us now = core->started;

	*in = (struct instance){
		.config = *config,
		.state = CORE_INIT,
		.since = now,
		.begun = now,
		.acting_since = MONO_NEVER,
		.touch_sent = MONO_LONG_AGO,
		.routes = routes,
		.own_link_up = true,
		.link_up = true, /* until told otherwise: no fault without evidence */
		.alias_retry = MONO_LONG_AGO,
		.alias_quiet = MONO_LONG_AGO,
		.claim_after = MONO_LONG_AGO,
		.hold_until = MONO_LONG_AGO,
		.last_failure = MONO_LONG_AGO,
		.handover_to = -1,
		.handover_until = MONO_LONG_AGO,
		.frozen_until = MONO_NEVER,
		.confirm_after = MONO_LONG_AGO,
		.route_taken = MONO_LONG_AGO,
		.touch_at = MONO_LONG_AGO,
		.fit_since = MONO_NEVER,
		.preempt_after = MONO_LONG_AGO,
	};
	if (core->config.observe)
		observe_duties(&in->config);
	record_init(&in->record);
	duty_init(in);
	for (unsigned int i = 0; i < sizeof(in->alias_lost) / sizeof(in->alias_lost[0]); i++)
		in->alias_lost[i] = MONO_LONG_AGO;
	for (unsigned int n = 0; n < CORE_NODES_MAX; n++)
		in->view[n] = (struct view){.act_seen = MONO_LONG_AGO,
					    .touch_seen = MONO_LONG_AGO,
					    .covered_at = MONO_LONG_AGO,
					    .handover_to = -1};
	for (unsigned int i = 0; i < core_tables_room(config); i++)
		route_init(&routes[i]);
}

void core_init(struct core *core, mono_us now, const struct core_config *config,
	       struct instance *instances, struct route *routes)
{
	*core = (struct core){
		.config = *config,
		.started = now,
		.wake = now,
		.hello_at = now,
		.burst_at = MONO_NEVER,
		.rng = config->seed ? config->seed : 1,
		.instances = instances,
		.touch_write = {.asked = MONO_LONG_AGO, .next = now, .outcome = OUTCOME_NOT_SENT},
	};
	for (unsigned int k = 0; k < config->track_count; k++)
		health_init(&core->health[k], config->tracks[k].rise, config->tracks[k].fall);
	for (unsigned int n = 0; n < CORE_NODES_MAX; n++) {
		peer_init(&core->peers[n]);
		core->evidence[n] = (struct evidence){.asked = MONO_LONG_AGO,
						      .retry_at = MONO_LONG_AGO,
						      .gone_since = MONO_NEVER,
						      .gone_at = MONO_LONG_AGO};
		core->touch_read[n] = (struct touch_reader){.moved_at = MONO_LONG_AGO,
							    .asked = MONO_LONG_AGO,
							    .read_at = MONO_LONG_AGO,
							    .answered = MONO_LONG_AGO,
							    .retry_at = MONO_LONG_AGO,
							    .outcome = OUTCOME_NOT_SENT};
	}
	for (unsigned int i = 0; i < config->instance_count; i++) {
		instance_init(core, &instances[i], &config->instances[i], routes);
		routes += core_tables_room(&config->instances[i]);
	}
	core->config.instances = NULL; /* copied; the caller's may go */
	group_init(core);
}

/* --- heartbeats in --------------------------------------------------------------------------- */

static int node_by_id(const struct core *core, uint16_t id)
{
	for (unsigned int n = 0; n < core->config.node_count; n++)
		if (core->config.nodes[n].id == id)
			return (int)n;
	return -1;
}

static int owner_by_id(const struct core *core, uint16_t id)
{
	int node = node_by_id(core, id);

	if (node >= 0)
		return node;
	return id == HELLO_NOBODY ? OWNER_NOBODY : OWNER_STRANGER;
}

/* What a packet is worth. */
struct worth {
	bool fresh;   /* proves that the peer lives and hears us */
	bool session; /* of the run of the peer that has proven itself: no recording */
};

/* A restarted peer has forgotten its promises, so what its present run says replaces
 * what an earlier one said. Only that run is believed. */
static void hear_disclaim(struct view *view, mono_us now, uint64_t disclaimed)
{
	if (disclaimed > view->disclaimed)
		view->covered_at = now;
	view->disclaimed = disclaimed;
}

/*
 * K2. What may be a recording is not believed by a node that can ask P itself:
 * it asks. Neither may it pass such news on, or a peer would believe it.
 */
static void hear_record(struct core *core, struct instance *in, mono_us now,
			const struct hello_instance *said, struct worth worth)
{
	const struct timers *timers = &core->config.timers;
	struct record *record = &in->record;
	bool can_ask = now - record->reachable <= 2 * slowed(timers->verify_backup, record->slow);
	bool news = said->life > record->life || said->version > record->version;

	if (worth.session || !can_ask)
		record_hear(in, now, said, owner_by_id(core, said->owner));
	else if (news && now - record->asked > timers->verify_fast)
		record->asked = MONO_LONG_AGO;
}

static void hear_instance(struct core *core, struct instance *in, mono_us now, unsigned int node,
			  const struct hello_instance *said, struct worth worth)
{
	struct view *view = &in->view[node];
	enum core_state state =
		said->state < CORE_STATES ? (enum core_state)said->state : CORE_INIT;

	hear_record(core, in, now, said, worth);
	if (worth.session && said->life == in->record.life)
		hear_disclaim(view, now, said->disclaimed);
	if (!worth.fresh)
		return;
	view->state = state;
	view->flags = said->flags;
	view->priority = said->priority;
	view->handover_to = said->handover_to ? node_by_id(core, said->handover_to) : -1;
	if (state == CORE_CLAIMING || state == CORE_MASTER)
		view->act_seen = now;
}

/* Says it when a difference appears, not while it lasts. */
static void compare(struct turn *t, bool *differs, bool now, enum core_note what, unsigned int node)
{
	if (now && !*differs)
		note(t, what, (int)node);
	*differs = now;
}

/* Its configuration and its software should be ours. */
static void hear_build(struct turn *t, unsigned int node, const struct hello *hello)
{
	struct core *core = t->core;

	compare(t, &core->config_differs[node], hello->digest != core->config.digest,
		NOTE_CONFIG_DIFFERS, node);
	compare(t, &core->software_differs[node], hello->software != core->config.software,
		NOTE_SOFTWARE_DIFFERS, node);
	core->software[node] = hello->software;
}

static void hear(struct turn *t, const struct hello *hello)
{
	struct core *core = t->core;
	int node = node_by_id(core, hello->sender);
	enum peer_verdict verdict;
	struct worth worth;
	uint64_t session;

	if (node < 0 || node == self_of(core))
		return;
	session = core->peers[node].nonce;
	verdict = peer_hear(&core->peers[node], t->now, core->config.nonce,
			    core->config.timers.dead_after, hello);
	if (verdict == PEER_OLD && !PLANTED(OLD_PACKET))
		return;
	if (core->peers[node].nonce != session)
		touch_begins_anew(core, node);
	worth.fresh = verdict == PEER_FRESH;
	core->awaited[node] &= !worth.fresh;
	worth.session = hello->nonce == core->peers[node].nonce;
	if (worth.session && hello->count > 0)
		hear_build(t, (unsigned int)node, hello);
	for (unsigned int e = 0; e < hello->count; e++)
		for (unsigned int i = 0; i < core->config.instance_count; i++)
			if (core->instances[i].config.id == hello->instances[e].id)
				hear_instance(core, &core->instances[i], t->now, (unsigned int)node,
					      &hello->instances[e], worth);
}

/* --- heartbeats out ----------------------------------------------------------------------------
 */

static uint16_t instance_flags(const struct turn *t)
{
	const struct instance *in = t->in;
	const struct timers *timers = timers_of(t);
	mono_us call = timers->route_call;
	mono_us fresh = 2 * slowed(timers->verify_backup, in->record.slow) + call;
	mono_us routes_fresh = 2 * slowed(timers->verify_backup, in->routes_slow) + call;
	uint16_t flags = 0;

	if (healthy(t))
		flags |= HELLO_HEALTHY;
	if (t->now - in->record.reachable <= fresh)
		flags |= HELLO_SSM_OK;
	if (t->now - routes_reachable_since(in) <= routes_fresh)
		flags |= HELLO_EC2_OK;
	if (eligible(t))
		flags |= HELLO_ELIGIBLE;
	if (t->now < in->hold_until)
		flags |= HELLO_HOLD;
	if (in->standby)
		flags |= HELLO_STANDBY;
	if (in->frozen)
		flags |= HELLO_FROZEN;
	if (in->flags & FLAG_PARTIAL)
		flags |= HELLO_PARTIAL;
	if (in->flags & FLAG_BLOCKED)
		flags |= HELLO_BLOCKED;
	return flags;
}

static uint16_t id_of_owner(const struct core *core, int owner)
{
	if (owner >= 0)
		return core->config.nodes[owner].id;
	return owner == OWNER_NOBODY ? HELLO_NOBODY : HELLO_STRANGER;
}

static void say_instance(const struct turn *t, struct hello_instance *said)
{
	const struct instance *in = t->in;
	const struct core *core = t->core;

	*said = (struct hello_instance){
		.id = in->config.id,
		.flags = instance_flags(t),
		.state = (uint8_t)in->state,
		.priority = (uint8_t)core_priority(core, t->index),
		.owner = id_of_owner(core, in->record.owner),
		.handover_to = in->handover_to >= 0 ? core->config.nodes[in->handover_to].id : 0,
		.life = in->record.known ? in->record.life : 0,
		.version = in->record.known ? in->record.version : 0,
		.disclaimed = in->disclaimed,
	};
}

unsigned int core_hello(struct core *core, mono_us now, unsigned int node, unsigned int first,
			struct hello *hello)
{
	struct turn t = {.core = core, .now = now};
	uint64_t seq = (uint64_t)now;

	core->seq = seq > core->seq ? seq : core->seq + 1;
	*hello = (struct hello){
		.sender = core->config.nodes[core->config.self].id,
		.receiver = core->config.nodes[node].id,
		.digest = core->config.digest,
		.software = core->config.software,
		.nonce = core->config.nonce,
		.seq = core->seq,
	};
	peer_echo(&core->peers[node], now, core->config.timers.dead_after, hello);
	for (t.index = first; t.index < core->config.instance_count; t.index++) {
		if (hello->count == HELLO_INSTANCES_MAX)
			break;
		t.in = &core->instances[t.index];
		say_instance(&t, &hello->instances[hello->count++]);
	}
	return t.index;
}

static void beat(struct core *core, mono_us now, struct actions *out)
{
	struct turn t = {.core = core, .now = now, .out = out};
	mono_us period = core->config.timers.heartbeat;

	if (core->hello_now && core->burst > 0)
		core->burst_at = now; /* the first copy is this one */
	if (!core->hello_now && now < core->burst_at && now < core->hello_at)
		goto wait;
	emit(&t, ACT_HELLO);
	core->hello_now = false;
	if (now >= core->hello_at) /* keep the rhythm, but do not catch up what is lost */
		core->hello_at = mono_max(core->hello_at + period, now + period / 2);
	if (now >= core->burst_at) {
		core->burst_at = core->burst > 0 ? now + BURST_GAP : MONO_NEVER;
		core->burst -= core->burst > 0;
	}
wait:
	(void)due(&t, mono_min(core->hello_at, core->burst_at));
}

/* --- the door
 * -------------------------------------------------------------------------------------- */

static void resume(struct core *core, mono_us now, mono_us gap)
{
	if (gap >= core->config.timers.dead_after)
		core->started = now; /* learn the peers anew before acting */
	for (unsigned int i = 0; i < core->config.instance_count; i++)
		core->instances[i].stall = mono_max(core->instances[i].stall, gap);
}

/* Calls can be made now: what could not be asked before is asked at once. */
static void ask_again(struct core *core)
{
	for (unsigned int i = 0; i < core->config.instance_count; i++) {
		struct instance *in = &core->instances[i];

		in->record.asked = MONO_LONG_AGO;
		in->record.retry_at = MONO_LONG_AGO;
		for (unsigned int k = 0; k < in->config.tables; k++) {
			in->routes[k].asked = MONO_LONG_AGO;
			in->routes[k].retry_at = MONO_LONG_AGO;
		}
	}
}

static void check(struct core *core, const struct event *ev)
{
	struct health *health = &core->health[ev->track];
	enum health_state before = health->state;

	health_count(health, ev->health);
	if (ev->health != HEALTH_RESULT_NO_ANSWER)
		health->number = ev->number;
	if (health->state == HEALTH_UP && before != HEALTH_UP)
		duty_forget(core, ev->track);
}

/* One case for each event. NOLINTNEXTLINE(readability-function-size) */
static void learn(struct turn *t, const struct event *ev)
{
	struct core *core = t->core;

	switch (ev->type) {
	case EV_TICK:
		break;
	case EV_RESUMED:
		resume(core, t->now, ev->gap);
		break;
	case EV_HELLO:
		hear(t, ev->hello);
		break;
	case EV_VERDICT:
		check(core, ev);
		break;
	case EV_LINK:
		group_link(core, t->index, ev->up);
		break;
	case EV_ALIAS:
		alias_seen(t->in, t->now, ev);
		break;
	case EV_TARGET:
		if (ev->up && !core->target_known)
			ask_again(core);
		core->target_known = ev->up;
		core->source_dest_check = ev->source_dest_check;
		break;
	case EV_PARAM_READ:
		record_read(core, t->in, t->now, ev);
		break;
	case EV_PARAM_WRITTEN:
		record_written(core, t->in, t->now, ev);
		claim_written(t, ev);
		break;
	case EV_TOUCH_READ:
		touch_read(core, t->now, ev);
		break;
	case EV_TOUCH_WRITTEN:
		touch_written(core, t->now, ev);
		break;
	case EV_ROUTE_READ:
		route_read(core, t->in, t->now, ev);
		break;
	case EV_ROUTE_WRITTEN:
		route_written(core, t->in, t->now, ev);
		break;
	case EV_TABLES:
		routes_found(t->in, ev);
		break;
	case EV_COMMAND:
		orders_take(t, ev);
		break;
	case EV_GATE:
		duty_answered(t, DUTY_GATE, ev);
		break;
	case EV_PROMOTED:
		duty_answered(t, DUTY_PROMOTE, ev);
		break;
	case EV_FENCED:
		duty_answered(t, DUTY_FENCE, ev);
		break;
	case EV_RELEASED:
		duty_answered(t, DUTY_RELEASE, ev);
		break;
	case EV_EVIDENCE:
		evidence_learn(core, t->now, ev);
		break;
	case EV_BEHIND:
		set_flag(t->in, FLAG_BEHIND, ev->up);
		break;
	case EV_TYPES:
		break;
	}
}

/* Stopped when the promise is out and no address waits to go. */
static void finish(struct core *core, mono_us now, struct actions *out)
{
	struct turn t = {.core = core, .now = now, .out = out};

	if (!core->stopping || core->burst > 0)
		return;
	for (unsigned int i = 0; i < core->config.instance_count; i++) {
		const struct instance *in = &core->instances[i];

		bool held = (in->alias_present && !core->config.observe) || in->alias_pending;

		if (core_acting(in) || held)
			return;
	}
	emit(&t, ACT_EXIT);
}

void core_step(struct core *core, mono_us now, const struct event *ev, struct actions *out)
{
	struct turn t = {.core = core, .now = now, .out = out};

	out->count = 0;
	core->wake = MONO_NEVER;
	if (ev->instance < core->config.instance_count) {
		t.index = ev->instance;
		t.in = &core->instances[t.index];
		learn(&t, ev);
	}
	for (t.index = 0; t.index < core->config.instance_count; t.index++) {
		if (CORE_ACTIONS_MAX - out->count < ROOM_PER_TURN) {
			core->wake = now; /* the rest at once, in the next step */
			break;
		}
		t.in = &core->instances[t.index];
		settle(&t);
	}
	touch_settle(core, now, out);
	beat(core, now, out);
	finish(core, now, out);
}

mono_us core_deadline(const struct core *core)
{
	return core->wake;
}
