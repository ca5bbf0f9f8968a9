/* SPDX-License-Identifier: MIT */
/*
 * The hosts of the world, and its one loop: take the next event, feed a core,
 * carry out what it asks for, let the judge look. Long, because every action
 * of the core is carried out here and every one of its events made.
 */
#include "tests/sim/world.h"

#include <stdlib.h>
#include <string.h>

#define ALIAS_ASKED 256

/* --- clocks ----------------------------------------------------------------------------- */

static mono_us clock_at(const struct host *h, mono_us now)
{
	return now + h->offset + (h->ppm ? now / 1000 * h->ppm / 1000 : 0);
}

mono_us world_clock(const struct world *world, unsigned int host)
{
	return clock_at(&world->hosts[host], world->now);
}

/* The first world time, not before now, at which the host's clock shows @clock. */
static mono_us time_of(const struct world *world, const struct host *h, mono_us clock)
{
	mono_us at = world->now;
	mono_us left;

	while ((left = clock - clock_at(h, at)) > 0)
		at += left;
	return at;
}

/* --- events ------------------------------------------------------------------------------- */

static void happen(struct world *world, unsigned int host, enum happening what, mono_us delay,
		   int index)
{
	queue_push(world, &(struct item){.at = world->now + delay,
					 .order = world_order(world),
					 .what = what,
					 .host = host,
					 .boot = world->hosts[host].boot,
					 .index = index});
}

static void happen_alias(struct world *world, unsigned int host, int index)
{
	world->hosts[host].alias_news[index & (ALIAS_ASKED - 1)]++;
	happen(world, host, HAPPENS_ALIAS, 0, index);
}

/* One tick is queued per host; one that has become too early is put off when it comes. */
static void rearm(struct world *world, unsigned int host)
{
	struct host *h = &world->hosts[host];
	mono_us deadline = core_deadline(&h->core);
	mono_us at;

	if (!h->running || h->paused || deadline == MONO_NEVER)
		return;
	at = time_of(world, h, deadline);
	if (at >= h->tick_at)
		return;
	h->tick_at = at;
	happen(world, host, HAPPENS_TICK, at - world->now, 0);
}

/*
 * A shell carries out the duties of one instance one after the other; a fence
 * ends what is under way. Its answer may never come.
 */
static void begin_duty(struct world *world, unsigned int host, const struct action *act,
		       enum core_duty duty)
{
	struct host *h = &world->hosts[host];
	mono_us *free_at = &h->duty_free_at[act->instance];

	if (duty == DUTY_FENCE) {
		h->fence_op[act->instance] = act->op;
		*free_at = world->now;
	}
	*free_at = mono_max(*free_at, world->now) + h->duty[duty].takes;
	if (!h->duty[duty].silent)
		queue_push(world, &(struct item){.at = *free_at,
						 .order = world_order(world),
						 .what = HAPPENS_DUTY,
						 .host = host,
						 .boot = h->boot,
						 .index = (int)act->instance,
						 .op = act->op,
						 .duty = duty});
}

/* What the daemon writes down. A stale file is that of the run before. */
static void save(struct world *world, unsigned int host)
{
	struct host *h = &world->hosts[host];

	memcpy(h->saved[1], h->saved[0], sizeof(h->saved[0]));
	for (unsigned int i = 0; i < world->config.instances; i++)
		core_save(&h->core, i, &h->saved[0][i]);
	h->saved_count++;
}

static void apply(struct world *world, unsigned int host, const struct action *act)
{
	struct host *h = &world->hosts[host];

	switch (act->type) {
	case ACT_HELLO:
		net_send(world, host);
		break;
	case ACT_STATE:
		if (world->log)
			(void)fprintf(world->log, "%12.6f n%u i%u %-8s -> %-8s %s\n",
				      mono_seconds(world->now), host, act->instance,
				      core_state_name(act->old_state), core_state_name(act->state),
				      core_reason_name(act->reason));
		break;
	case ACT_NOTE:
		break;
	case ACT_ALIAS_ADD:
	case ACT_ALIAS_DEL:
		if (!h->alias_fails)
			h->alias[act->instance] = act->type == ACT_ALIAS_ADD;
		happen_alias(world, host, (int)act->instance | ALIAS_ASKED);
		break;
	case ACT_CANCEL:
		cloud_cancel(world, host, act->instance);
		break;
	case ACT_PARAM_GET:
	case ACT_PARAM_PUT:
	case ACT_TOUCH_GET:
	case ACT_TOUCH_PUT:
	case ACT_ROUTE_GET:
	case ACT_ROUTE_SET:
		cloud_start(world, host, act);
		break;
	case ACT_EXIT:
		save(world, host);
		h->running = false;
		h->exited = true;
		trace_note(world, (int)host, WORLD_EXITS, 0, 0);
		break;
	case ACT_EVIDENCE_GET:
		if (!world->tells_evidence)
			break;
		queue_push(world, &(struct item){.at = world->now + 50 * MSEC,
						 .order = world_order(world),
						 .what = HAPPENS_EVIDENCE,
						 .host = host,
						 .boot = h->boot,
						 .index = act->node,
						 .op = act->op});
		break;
	case ACT_GATE:
		begin_duty(world, host, act, DUTY_GATE);
		break;
	case ACT_PROMOTE:
		begin_duty(world, host, act, DUTY_PROMOTE);
		break;
	case ACT_FENCE:
		begin_duty(world, host, act, DUTY_FENCE);
		break;
	case ACT_RELEASE:
		begin_duty(world, host, act, DUTY_RELEASE);
		break;
	case ACT_TYPES:
		break;
	}
}

static void feed(struct world *world, unsigned int host, const struct event *ev)
{
	struct host *h = &world->hosts[host];
	struct actions *out = &world->out;

	h->steps++;
	h->ticks += ev->type == EV_TICK;
	trace_event(world, host, ev);
	core_step(&h->core, world_clock(world, host), ev, out);
	trace_actions(world, host);
	if (world->witness && !world->broken) {
		world->culprit = (int)host;
		world->broken = world->witness(world, host, ev, out, world->arg);
	}
	for (unsigned int i = 0; i < out->count && h->running; i++)
		apply(world, host, &out->items[i]);
	rearm(world, host);
}

/* A report on what was asked for can say that it failed; any other only says what is there. */
static void feed_alias(struct world *world, unsigned int host, int index)
{
	struct host *h = &world->hosts[host];
	unsigned int instance = (unsigned int)index & (ALIAS_ASKED - 1U);
	bool acting = core_acting(&h->instances[instance]);
	bool up = h->alias[instance];
	bool failed = index & ALIAS_ASKED && up != acting;

	h->alias_news[instance] -= h->alias_news[instance] > 0;
	feed(world, host,
	     &(struct event){.type = EV_ALIAS,
			     .instance = instance,
			     .up = up,
			     .outcome = failed ? OUTCOME_REFUSED : OUTCOME_OK});
}

/* What a recording must not change: that a peer lives, hears us, and acts. */
struct proof {
	mono_us heard, ack, act_seen[WORLD_INSTANCES];
};

static struct proof proof_of(const struct host *h, unsigned int peer)
{
	struct proof proof = {.heard = h->core.peers[peer].heard, .ack = h->core.peers[peer].ack};

	for (unsigned int i = 0; i < h->core.config.instance_count; i++)
		proof.act_seen[i] = h->instances[i].view[peer].act_seen;
	return proof;
}

/* A core drops what is not newer than what it has of that session, and the session before while
 * the present one is heard or nothing proves that it is the later one. */
static bool is_old(const struct world *world, unsigned int host, unsigned int from,
		   const struct hello *hello)
{
	const struct core *core = &world->hosts[host].core;
	const struct peer *peer = &core->peers[from];
	mono_us now = world_clock(world, host), limit = core->config.timers.dead_after;

	if (hello->nonce == peer->nonce)
		return hello->seq <= peer->seq;
	return hello->nonce == peer->retired &&
	       (now - peer->heard <= limit || hello->echo_nonce != core->config.nonce ||
		now - (mono_us)hello->echo_seq > limit);
}

/* I6 An old packet leaves no trace: not in what the core does, nor when it wakes. */
static void feed_old(struct world *world, unsigned int host)
{
	struct core *core = &world->hosts[host].core;
	mono_us wake = core_deadline(core);

	if (world->deaf_to_old)
		return;
	core_step(core, world_clock(world, host),
		  &(struct event){.type = EV_HELLO, .hello = &world->hello}, &world->out);
	if (world->out.count > 0 || core_deadline(core) < wake) {
		world->broken = "I6 an old packet changed something";
		world->culprit = (int)host;
	}
	core->wake = wake; /* a look may find that one is not needed; its tick must come anyway */
}

/* I6 A counter never goes back, and a recording proves nothing. */
static void feed_new(struct world *world, unsigned int host, unsigned int from, bool replayed)
{
	const struct peer *peer = &world->hosts[host].core.peers[from];
	struct proof before = {0}, after;
	uint64_t nonce = peer->nonce, seq = peer->seq;

	if (replayed)
		before = proof_of(&world->hosts[host], from);
	feed(world, host, &(struct event){.type = EV_HELLO, .hello = &world->hello});
	if (peer->nonce == nonce && peer->seq < seq && !world->broken)
		world->broken = "I6 a counter went back";
	if (!replayed || world->broken)
		return;
	after = proof_of(&world->hosts[host], from);
	if (memcmp(&before, &after, sizeof(before)) != 0)
		world->broken = "I6 a replayed packet proved something";
}

static void feed_packet(struct world *world, unsigned int host, int index)
{
	const struct packet *packet = &world->packets[index];
	const struct host *h = &world->hosts[host];
	unsigned int from = packet->from;
	/* One replayed at once is no more than late. */
	bool replayed = packet->replayed &&
			world->now - packet->born > h->core.config.timers.dead_after + SEC;
	bool old = is_old(world, host, from, &packet->hello);

	if (old && world_clock(world, host) >= core_deadline(&h->core)) {
		net_again(world, index); /* what is due comes first */
		return;
	}
	net_copy(&world->hello, &packet->hello); /* the feed may send, and so move the packets */
	net_free(world, index);
	if (old)
		feed_old(world, host);
	else
		feed_new(world, host, from, replayed);
}

/* --- standing still ------------------------------------------------------------------------- */

static void defer(struct world *world, const struct item *item)
{
	struct host *h = &world->hosts[item->host];

	if (item->what == HAPPENS_PACKET && h->backlog_count >= WORLD_BACKLOG) {
		net_free(world, item->index); /* the socket's buffer is full */
		return;
	}
	if (h->backlog_count == h->backlog_size) {
		h->backlog_size = h->backlog_size ? 2 * h->backlog_size : 64;
		h->backlog = realloc(h->backlog, h->backlog_size * sizeof(*h->backlog));
		if (!h->backlog)
			abort();
	}
	h->backlog[h->backlog_count++] = *item;
}

static void go_on(struct world *world, unsigned int host)
{
	struct host *h = &world->hosts[host];
	mono_us late = world_clock(world, host) - core_deadline(&h->core);
	unsigned int count = h->backlog_count;

	h->paused = false;
	h->tick_at = MONO_NEVER;
	h->backlog_count = 0;
	trace_note(world, (int)host, WORLD_GOES_ON, late, count);
	for (unsigned int i = 0; i < count; i++) {
		h->backlog[i].at = world->now;
		h->backlog[i].order = world_order(world);
		queue_push(world, &h->backlog[i]);
	}
	if (late > h->core.config.timers.slack)
		feed(world, host, &(struct event){.type = EV_RESUMED, .gap = late});
	else
		rearm(world, host);
}

void world_resume(struct world *world, unsigned int host)
{
	if (world->hosts[host].running && world->hosts[host].paused)
		go_on(world, host);
}

void world_pause(struct world *world, unsigned int host, mono_us length)
{
	struct host *h = &world->hosts[host];

	if (!h->running || h->paused)
		return;
	h->paused = true;
	h->paused_at = world_clock(world, host);
	trace_note(world, (int)host, WORLD_STOPS_DEAD, length, 0);
	happen(world, host, HAPPENS_RESUME, length, 0);
}

/* --- the loop ------------------------------------------------------------------------------------
 */

static void take_answer(struct world *world, const struct item *item)
{
	struct event ev;

	if (cloud_answer(world, item->index, &ev))
		feed(world, item->host, &ev);
	cloud_forget(world, item->index);
}

static void take_tick(struct world *world, const struct item *item)
{
	struct host *h = &world->hosts[item->host];
	mono_us late = world_clock(world, item->host) - core_deadline(&h->core);

	if (item->at != h->tick_at)
		return;
	if (h->late_max > 0 && item->index == 0 && late >= 0) {
		h->tick_at = world->now + rng_below(&world->rng, h->late_max);
		happen(world, item->host, HAPPENS_TICK, h->tick_at - world->now, 1);
		return;
	}
	h->tick_at = MONO_NEVER;
	if (late > h->core.config.timers.slack) /* as the daemon's loop tells it */
		feed(world, item->host, &(struct event){.type = EV_RESUMED, .gap = late});
	else if (late >= 0)
		feed(world, item->host, &(struct event){.type = EV_TICK});
	else
		rearm(world, item->host);
}

static void take_check(struct world *world, const struct item *item)
{
	struct host *h = &world->hosts[item->host];

	feed(world, item->host, &(struct event){.type = EV_VERDICT, .health = h->check});
	if (item->index == 0)
		happen(world, item->host, HAPPENS_CHECK, h->check_period, 0);
}

static void end_duty(struct world *world, const struct item *item)
{
	static const enum event_type answers[CORE_DUTIES] = {EV_GATE, EV_PROMOTED, EV_FENCED,
							     EV_RELEASED};
	struct host *h = &world->hosts[item->host];
	bool ended = item->op < h->fence_op[item->index]; /* by a fence that came after it */
	enum outcome outcome = ended ? OUTCOME_UNKNOWN : h->duty[item->duty].outcome;

	if (outcome == OUTCOME_OK && item->duty == DUTY_PROMOTE)
		h->writable[item->index] = true;
	if (outcome == OUTCOME_OK && item->duty == DUTY_FENCE)
		h->writable[item->index] = false;
	feed(world, item->host,
	     &(struct event){.type = answers[item->duty],
			     .instance = (unsigned int)item->index,
			     .op = item->op,
			     .outcome = outcome});
}

/* The state of a machine: stopped when its process crashed with it. */
static void tell_evidence(struct world *world, const struct item *item)
{
	const struct path *path = &world->hosts[item->host].path[SERVICE_EC2];
	bool lost = path->down || rng_chance(&world->rng, path->error_permille);

	feed(world, item->host,
	     &(struct event){.type = EV_EVIDENCE,
			     .node = item->index,
			     .op = item->op,
			     .outcome = lost ? OUTCOME_UNKNOWN : OUTCOME_OK,
			     .sent = world_clock(world, item->host) - 50 * MSEC,
			     .up = !world->hosts[item->index].machine_stopped});
}

static void dispatch(struct world *world, const struct item *item)
{
	struct host *h = &world->hosts[item->host];

	switch (item->what) {
	case HAPPENS_TICK:
		take_tick(world, item);
		break;
	case HAPPENS_PACKET:
		feed_packet(world, item->host, item->index);
		break;
	case HAPPENS_SEND:
		cloud_send(world, item->index);
		cloud_forget(world, item->index);
		break;
	case HAPPENS_EXECUTE:
		cloud_execute(world, item->index);
		cloud_forget(world, item->index);
		break;
	case HAPPENS_ANSWER:
		take_answer(world, item);
		break;
	case HAPPENS_ALIAS:
		feed_alias(world, item->host, item->index);
		break;
	case HAPPENS_LINK:
		feed(world, item->host,
		     &(struct event){.type = EV_LINK,
				     .instance = (unsigned int)item->index,
				     .up = h->link_up[item->index]});
		break;
	case HAPPENS_CHECK:
		take_check(world, item);
		break;
	case HAPPENS_WEIGHT:
		feed(world, item->host,
		     &(struct event){.type = EV_VERDICT,
				     .track = 1,
				     .health = h->weight,
				     .number = h->number});
		break;
	case HAPPENS_BEHIND:
		for (unsigned int i = 0; i < world->config.instances; i++)
			feed(world, item->host,
			     &(struct event){.type = EV_BEHIND, .instance = i, .up = h->behind});
		break;
	case HAPPENS_TARGET:
		feed(world, item->host,
		     &(struct event){.type = EV_TARGET,
				     .up = h->target_known,
				     .source_dest_check = h->source_dest_check});
		break;
	case HAPPENS_RESUME:
		world_resume(world, item->host);
		break;
	case HAPPENS_DUTY:
		end_duty(world, item);
		break;
	case HAPPENS_EVIDENCE:
		tell_evidence(world, item);
		break;
	case HAPPENS_SCRIPT:
		world->script(world, item->index, world->arg);
		break;
	case HAPPENS_KINDS:
		break;
	}
}

/* What was meant for a process that is gone. */
static bool orphaned(struct world *world, const struct item *item)
{
	const struct host *h = &world->hosts[item->host];
	bool gone = !h->running || item->boot != h->boot;

	switch (item->what) {
	case HAPPENS_EXECUTE:
	case HAPPENS_SCRIPT:
		return false;
	case HAPPENS_PACKET: /* a new process listens on the same port */
		if (!h->running)
			net_free(world, item->index);
		return !h->running;
	case HAPPENS_SEND:
	case HAPPENS_ANSWER:
		if (gone)
			cloud_forget(world, item->index);
		return gone;
	case HAPPENS_TICK:
	case HAPPENS_ALIAS:
	case HAPPENS_LINK:
	case HAPPENS_CHECK:
	case HAPPENS_WEIGHT:
	case HAPPENS_BEHIND:
	case HAPPENS_TARGET:
	case HAPPENS_RESUME:
	case HAPPENS_DUTY:
	case HAPPENS_EVIDENCE:
	case HAPPENS_KINDS:
		break;
	}
	return gone;
}

static bool waits(const struct world *world, const struct item *item)
{
	return world->hosts[item->host].paused && item->what != HAPPENS_EXECUTE &&
	       item->what != HAPPENS_SCRIPT && item->what != HAPPENS_RESUME;
}

bool world_step(struct world *world)
{
	struct item item;

	if (world->broken || !queue_pop(world, &item))
		return false;
	world->now = item.at;
	if (orphaned(world, &item))
		return true;
	if (waits(world, &item)) {
		if (item.what != HAPPENS_TICK)
			defer(world, &item);
		return true;
	}
	world->events++;
	world->touched = item.what == HAPPENS_SCRIPT || item.what == HAPPENS_EXECUTE
				 ? UINT32_MAX
				 : 1U << item.host;
	dispatch(world, &item);
	if (world->judge && !world->broken)
		world->broken = world->judge(world, world->arg);
	return !world->broken;
}

void world_run(struct world *world, mono_us until)
{
	while (world->heap_count > 0 && world->heap[0].at <= until)
		if (!world_step(world))
			return;
	world->now = mono_max(world->now, until);
}

/* --- making and changing it
 * ------------------------------------------------------------------------ */

struct world *world_new(const struct world_config *config)
{
	struct world *world = calloc(1, sizeof(*world));

	if (!world)
		abort();
	world->config = *config;
	world->rng.state = config->seed;
	world->order_rng.state = ~config->seed;
	world->hash = 0xcbf29ce484222325ULL;
	world->culprit = -1;
	cloud_init(world);
	net_init(world);
	for (unsigned int n = 0; n < config->nodes; n++) {
		struct host *h = &world->hosts[n];

		h->check_period = 500 * MSEC;
		h->target_known = true;
		h->offset = 1000 * SEC;
		for (unsigned int i = 0; i < WORLD_INSTANCES; i++)
			h->link_up[i] = true;
		for (unsigned int s = 0; s < SERVICES; s++)
			h->path[s] = (struct path){.error = OUTCOME_UNKNOWN,
						   .latency_min = 20 * MSEC,
						   .latency_max = 60 * MSEC,
						   .hand_over_max = 200 * USEC};
	}
	return world;
}

void world_free(struct world *world)
{
	for (unsigned int n = 0; n < WORLD_NODES; n++)
		free(world->hosts[n].backlog);
	free(world->heap);
	free(world->packets);
	free(world);
}

static void fill_config(struct world *world, unsigned int host, struct core_config *config,
			struct core_instance_config *instances)
{
	uint32_t variant = world->config.variants[host];

	*config = (struct core_config){
		.timers = *timers_profile(world->config.profile),
		.node_count = world->config.nodes,
		.self = host,
		.tracks = {{.rise = 2, .fall = 2},
			   {.rise = 1, .fall = 1, .counts = world->config.weight_counts}},
		.track_count = world->config.weight ? 2 : 1,
		.instance_count = world->config.instances,
		.instances = instances,
		.touch_owner = world->config.touch_owner,
		.evidence = world->config.evidence,
		.outage_takeover = world->config.outage_takeover != !!(variant & VARIANT_OUTAGE),
		.observe = (world->config.observers >> host) & 1,
		.software = (uint16_t)(0x0100 + (variant & VARIANT_SOFTWARE)),
		.digest = variant & ~(uint32_t)VARIANT_SOFTWARE};
	config->nonce =
		rng_next(&world->rng) | 1; /* one after the other: an initialiser has no order */
	config->seed = rng_next(&world->rng);
	for (unsigned int n = 0; n < world->config.nodes; n++)
		config->nodes[n] = (struct core_node){.id = world_node_id(n),
						      .priority = world->config.priority[n]};
	if (variant & VARIANT_PRIORITY) /* it alone believes so */
		config->nodes[host].priority = (uint8_t)(255 - config->nodes[host].priority);
	for (unsigned int i = 0; i < world->config.instances; i++)
		instances[i] = (struct core_instance_config){
			.id = (uint16_t)(100 + i),
			.tables = world->config.tables,
			.tracks = 1,
			.weights = {0, world->config.weight},
			.fence = world->config.fence != !!(variant & VARIANT_ISOLATION),
			.preempt = world->config.preempt != !!(variant & VARIANT_PREEMPT),
			.preempt_delay = world->config.preempt_delay,
			.group = world->config.group,
			.gates = world->config.duties[DUTY_GATE],
			.promotes = world->config.duties[DUTY_PROMOTE],
			.fences = world->config.duties[DUTY_FENCE],
			.releases = world->config.duties[DUTY_RELEASE],
			.unpromoted_ok = world->config.unpromoted_ok};
}

static void restore(struct world *world, unsigned int host)
{
	struct host *h = &world->hosts[host];
	unsigned int which = h->state_file == STATE_STALE;

	if (h->state_file == STATE_LOST || h->saved_count <= which)
		return;
	for (unsigned int i = 0; i < world->config.instances; i++)
		core_restore(&h->core, i, &h->saved[which][i]);
}

void world_boot(struct world *world, unsigned int host)
{
	struct host *h = &world->hosts[host];
	struct core_instance_config instances[WORLD_INSTANCES];
	struct core_config config;

	if (h->running)
		return;
	h->boot++;
	h->running = true;
	h->paused = h->exited = h->machine_stopped = false;
	h->tick_at = MONO_NEVER;
	h->backlog_count = 0;
	fill_config(world, host, &config, instances);
	memset(h->instances, 0, sizeof(h->instances));
	memset(h->routes, 0, sizeof(h->routes));
	memset(h->fence_op, 0, sizeof(h->fence_op));
	memset(h->alias_news, 0, sizeof(h->alias_news));
	memset(h->duty_free_at, 0, sizeof(h->duty_free_at));
	trace_note(world, (int)host, WORLD_BOOTS, h->boot, 0);
	core_init(&h->core, world_clock(world, host), &config, h->instances, h->routes);
	restore(world, host);
	for (unsigned int i = 0; i < world->config.instances; i++) {
		happen(world, host, HAPPENS_LINK, 0, (int)i);
		happen_alias(world, host, (int)i);
	}
	happen(world, host, HAPPENS_CHECK, rng_between(&world->rng, MSEC, 50 * MSEC), 0);
	happen(world, host, HAPPENS_TARGET, rng_between(&world->rng, MSEC, 50 * MSEC), 0);
	rearm(world, host);
}

static const struct core_map *everything_as_it_was(const struct world *world)
{
	static int instances[WORLD_INSTANCES], routes[WORLD_INSTANCES * WORLD_TABLES];
	static const bool readdressed[WORLD_INSTANCES];
	static struct core_map map = {
		.instances = instances, .routes = routes, .readdressed = readdressed};

	for (unsigned int i = 0; i < world->config.instances; i++) {
		instances[i] = (int)i;
		for (unsigned int t = 0; t < world->config.tables; t++)
			routes[i * world->config.tables + t] = (int)t;
	}
	for (int n = 0; n < CORE_NODES_MAX; n++)
		map.nodes[n] = n;
	for (int k = 0; k < CORE_TRACKS_MAX; k++)
		map.tracks[k] = k;
	return &map;
}

void world_reload(struct world *world, unsigned int host, const struct core_map *map)
{
	static struct instance instances[WORLD_INSTANCES];
	static struct route routes[WORLD_INSTANCES * WORLD_TABLES];
	struct host *h = &world->hosts[host];
	struct core_instance_config configs[WORLD_INSTANCES];
	struct core_config config;
	struct core from = h->core;
	mono_us now = world_clock(world, host);

	memcpy(instances, h->instances, sizeof(instances));
	memcpy(routes, h->routes, sizeof(routes));
	for (unsigned int i = 0; i < from.config.instance_count; i++)
		instances[i].routes = routes + (h->instances[i].routes - h->routes);
	from.instances = instances;
	fill_config(world, host, &config, configs);
	core_init(&h->core, now, &config, h->instances, h->routes);
	core_carry(&h->core, now, &from, map ? map : everything_as_it_was(world));
	rearm(world, host);
}

void world_crash(struct world *world, unsigned int host)
{
	struct host *h = &world->hosts[host];

	if (!h->running)
		return;
	for (unsigned int i = 0; i < h->backlog_count; i++)
		if (h->backlog[i].what == HAPPENS_PACKET)
			net_free(world, h->backlog[i].index);
		else if (h->backlog[i].what == HAPPENS_SEND || h->backlog[i].what == HAPPENS_ANSWER)
			cloud_forget(world, h->backlog[i].index);
	h->backlog_count = 0;
	save(world, host);
	h->running = h->paused = false;
	trace_note(world, (int)host, WORLD_CRASHES, 0, 0);
}

void world_command(struct world *world, unsigned int host, const struct event *command)
{
	struct event ev = *command;

	if (!world->hosts[host].running || world->hosts[host].paused)
		return;
	ev.type = EV_COMMAND;
	feed(world, host, &ev);
}

void world_duty(struct world *world, unsigned int host, enum core_duty duty, enum outcome outcome,
		mono_us takes)
{
	world->hosts[host].duty[duty].outcome = outcome;
	world->hosts[host].duty[duty].takes = takes;
	world->hosts[host].duty[duty].silent = false;
}

void world_tell(struct world *world, unsigned int host, const struct event *ev)
{
	if (world->hosts[host].running && !world->hosts[host].paused)
		feed(world, host, ev);
}

void world_check(struct world *world, unsigned int host, enum health_result result)
{
	world->hosts[host].check = result;
	if (world->hosts[host].running)
		happen(world, host, HAPPENS_CHECK, 0, 1);
}

void world_behind(struct world *world, unsigned int host, bool behind)
{
	world->hosts[host].behind = behind;
	if (world->hosts[host].running)
		happen(world, host, HAPPENS_BEHIND, 0, 0);
}

void world_weigh(struct world *world, unsigned int host, enum health_result result, int number)
{
	world->hosts[host].weight = result;
	world->hosts[host].number = number;
	if (world->hosts[host].running && world->config.weight)
		happen(world, host, HAPPENS_WEIGHT, 0, 0);
}

void world_link(struct world *world, unsigned int host, unsigned int instance, bool up)
{
	world->hosts[host].link_up[instance] = up;
	if (world->hosts[host].running)
		happen(world, host, HAPPENS_LINK, 0, (int)instance);
}

void world_target(struct world *world, unsigned int host, bool known, bool source_dest_check)
{
	world->hosts[host].target_known = known;
	world->hosts[host].source_dest_check = source_dest_check;
	if (world->hosts[host].running)
		happen(world, host, HAPPENS_TARGET, 0, 0);
}

void world_alias(struct world *world, unsigned int host, unsigned int instance, bool present)
{
	world->hosts[host].alias[instance] = present;
	if (world->hosts[host].running)
		happen_alias(world, host, (int)instance);
}

void world_clock_rate(struct world *world, unsigned int host, int ppm)
{
	struct host *h = &world->hosts[host];
	mono_us clock = clock_at(h, world->now);

	h->ppm = ppm;
	h->offset += clock - clock_at(h, world->now);
	if (h->running)
		rearm(world, host);
}

void world_poke(struct world *world, unsigned int host)
{
	struct host *h = &world->hosts[host];

	if (!h->running || h->paused || world_clock(world, host) >= core_deadline(&h->core))
		return;
	feed(world, host, &(struct event){.type = EV_TICK});
	if (world->out.count > 0 && !world->broken)
		world->broken = "W a tick before core_deadline() had something to do";
}

void world_at(struct world *world, mono_us at, int index)
{
	happen(world, 0, HAPPENS_SCRIPT, mono_max(at - world->now, 0), index);
}
