/* SPDX-License-Identifier: MIT */
/*
 * The parameter store and the route tables, as badly as they may behave: a
 * call can fail, be throttled, be executed with its answer lost, land after
 * its deadline, and a read can show what was. Every call is answered once.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/sim/world.h"

/* --- registers with a past ------------------------------------------------------------ */

#define PUSH(history, item) ((history)->items[(history)->count++ % WORLD_HISTORY] = (item))
#define NEWEST(history) (&(history)->items[((history)->count - 1) % WORLD_HISTORY])

#define AS_OF(history, then)                                                                       \
	(&(history)->items[index_then(&(history)->items[0].at, sizeof((history)->items[0]),        \
				      (history)->count, (then))])

/*
 * Where the version stands that was the newest one at @then, or the oldest
 * one still known. @first: the time of slot 0; the others follow @stride bytes apart.
 */
static unsigned int index_then(const mono_us *first, size_t stride, unsigned int count,
			       mono_us then)
{
	unsigned int oldest = count > WORLD_HISTORY ? count - WORLD_HISTORY : 0;
	unsigned int i = count - 1;

	while (i > oldest &&
	       *(const mono_us *)((const char *)first + (i % WORLD_HISTORY) * stride) > then)
		i--;
	return i % WORLD_HISTORY;
}

void cloud_init(struct world *world)
{
	struct cloud *cloud = &world->cloud;
	const struct param_version nothing = {.at = -1};
	const struct touch_version untouched = {.at = -1};
	const struct route_version unset = {.at = -1, .target = TARGET_MISSING};

	for (unsigned int i = 0; i < WORLD_INSTANCES; i++) {
		PUSH(&cloud->param[i], nothing);
		for (unsigned int t = 0; t < WORLD_TABLES; t++)
			PUSH(&cloud->route[i][t], unset);
	}
	for (unsigned int n = 0; n < WORLD_NODES; n++)
		PUSH(&cloud->touch[n], untouched);
}

const struct param_version *world_param(const struct world *world, unsigned int instance)
{
	return NEWEST(&world->cloud.param[instance]);
}

const struct param_version *world_param_then(const struct world *world, unsigned int instance,
					     mono_us ago)
{
	return AS_OF(&world->cloud.param[instance], world->now - ago);
}

int world_route(const struct world *world, unsigned int instance, unsigned int table)
{
	return NEWEST(&world->cloud.route[instance][table])->target;
}

static const struct param_version *put_param(struct world *world, unsigned int instance, int value)
{
	struct param_history *history = &world->cloud.param[instance];
	struct param_version next = *NEWEST(history);

	next.at = world->now;
	next.version = next.exists ? next.version + 1 : 1;
	next.exists = true;
	next.value = value;
	next.mtime = world->config.wall + world->now / 1000 * 1000; /* whole milliseconds */
	PUSH(history, next);
	return NEWEST(history);
}

void world_param_put(struct world *world, unsigned int instance, int value)
{
	const struct param_version *put = put_param(world, instance, value);

	trace_note(world, -1, WORLD_OPERATOR_PARAM, (long long)put->version, value);
}

void world_param_delete(struct world *world, unsigned int instance)
{
	struct param_history *history = &world->cloud.param[instance];
	struct param_version gone = {.at = world->now, .birth = NEWEST(history)->birth + 1};

	PUSH(history, gone);
	trace_note(world, -1, WORLD_OPERATOR_PARAM, 0, -1);
}

void world_route_set(struct world *world, unsigned int instance, unsigned int table, int target)
{
	struct route_version next = {.at = world->now, .target = target};

	PUSH(&world->cloud.route[instance][table], next);
	trace_note(world, -1, WORLD_OPERATOR_ROUTE, table, target);
}

/* --- one call --------------------------------------------------------------------------- */

static bool is_write(enum action_type type)
{
	return type == ACT_PARAM_PUT || type == ACT_TOUCH_PUT || type == ACT_ROUTE_SET;
}

static struct path *path_of(struct world *world, const struct call *call)
{
	bool ec2 = call->act.type == ACT_ROUTE_GET || call->act.type == ACT_ROUTE_SET;

	return &world->hosts[call->host].path[ec2 ? SERVICE_EC2 : SERVICE_SSM];
}

static void expect(struct world *world, int index, enum happening what, mono_us at)
{
	struct call *call = &world->calls[index];

	call->pending++;
	queue_push(world, &(struct item){.at = mono_max(at, world->now),
					 .order = world_order(world),
					 .what = what,
					 .host = call->host,
					 .boot = call->boot,
					 .index = index});
}

void cloud_forget(struct world *world, int index)
{
	struct call *call = &world->calls[index];

	if (--call->pending == 0)
		call->used = false;
}

static void take_touch(struct world *world, struct call *call)
{
	core_touch(&world->hosts[call->host].core, &world->scratch);
	call->touch.count = world->scratch.count;
	memcpy(call->touch.entries, world->scratch.entries,
	       world->scratch.count * sizeof(world->scratch.entries[0]));
}

void cloud_start(struct world *world, unsigned int host, const struct action *act)
{
	int index = 0;
	struct call *call;

	while (index < WORLD_CALLS && world->calls[index].used)
		index++;
	if (index == WORLD_CALLS) {
		world->broken = "I11 more calls in flight than any node may have";
		return;
	}
	call = &world->calls[index];
	*call = (struct call){.used = true,
			      .host = host,
			      .boot = world->hosts[host].boot,
			      .act = *act,
			      .decided = world->now,
			      .outcome = OUTCOME_UNKNOWN};
	if (act->type == ACT_TOUCH_PUT)
		take_touch(world, call);
	expect(world, index, HAPPENS_SEND,
	       world->now + rng_below(&world->rng, path_of(world, call)->hand_over_max));
}

static bool meets_bad_table(const struct path *path, const struct action *act)
{
	return (act->type == ACT_ROUTE_GET || act->type == ACT_ROUTE_SET) &&
	       act->table + 1 == path->bad_table;
}

/* The worker hands the request to the socket, or finds it too old. */
void cloud_send(struct world *world, int index)
{
	struct call *call = &world->calls[index];
	struct path *path = path_of(world, call);
	mono_us clock = world_clock(world, call->host);
	mono_us left = call->act.deadline - clock;
	mono_us there = rng_between(&world->rng, path->latency_min, path->latency_max) / 2;
	bool late = rng_chance(&world->rng, path->late_permille);
	bool bad = meets_bad_table(path, &call->act);

	if (call->answered)
		return;
	call->sent = clock;
	if (clock > call->act.not_after) {
		call->outcome = OUTCOME_NOT_SENT;
		expect(world, index, HAPPENS_ANSWER, world->now);
		return;
	}
	call->sent_off = true;
	if (path->down && !late) {
		expect(world, index, HAPPENS_ANSWER, world->now + left);
		return;
	}
	if (late || world->now < world->cloud.outage_until ||
	    rng_chance(&world->rng, path->error_permille) || bad) {
		call->outcome = late					 ? OUTCOME_UNKNOWN
				: world->now < world->cloud.outage_until ? OUTCOME_UNKNOWN
				: bad					 ? path->table_error
									 : path->error;
		if (late)
			there = left + rng_below(&world->rng, path->late_max);
		if (late || (call->outcome == OUTCOME_UNKNOWN && rng_chance(&world->rng, 500)))
			expect(world, index, HAPPENS_EXECUTE, world->now + there);
		expect(world, index, HAPPENS_ANSWER,
		       world->now + (late ? left : mono_min(2 * there, left)));
		return;
	}
	call->outcome = OUTCOME_OK; /* unless the deadline comes first */
	if (path->writes_denied && is_write(call->act.type)) {
		call->outcome = OUTCOME_DENIED;
		expect(world, index, HAPPENS_ANSWER, world->now + mono_min(2 * there, left));
		return;
	}
	if (rng_chance(&world->rng, path->lost_permille) || 2 * there > left) {
		call->outcome = OUTCOME_UNKNOWN;
		expect(world, index, HAPPENS_ANSWER, world->now + left);
		if (there <= left)
			expect(world, index, HAPPENS_EXECUTE, world->now + there);
		return;
	}
	expect(world, index, HAPPENS_EXECUTE, world->now + there);
	expect(world, index, HAPPENS_ANSWER, world->now + 2 * there);
}

static mono_us seen_at(struct world *world, const struct path *path)
{
	if (!rng_chance(&world->rng, path->stale_permille))
		return world->now;
	return world->now - rng_below(&world->rng, path->stale_max);
}

static void execute_put(struct world *world, struct call *call)
{
	const struct param_version *now = world_param(world, call->act.instance);

	if (call->act.create && now->exists) {
		if (call->outcome == OUTCOME_OK)
			call->outcome = OUTCOME_EXISTS;
		return;
	}
	call->param = *put_param(world, call->act.instance, (int)call->host);
	world->cloud.puts++;
	trace_note(world, (int)call->host, WORLD_WRITES_PARAM, (long long)call->param.version,
		   (long long)call->param.value);
}

static void execute_touch(struct world *world, struct call *call)
{
	struct touch_history *history = &world->cloud.touch[call->host];

	call->touch.at = world->now;
	call->touch.version = NEWEST(history)->version + 1;
	PUSH(history, call->touch);
	world->cloud.touches++;
	trace_note(world, (int)call->host, WORLD_WRITES_TOUCH, (long long)call->touch.version, 0);
}

static void execute_route(struct world *world, struct call *call)
{
	struct route_version next = {.at = world->now, .target = (int)call->host};

	PUSH(&world->cloud.route[call->act.instance][call->act.table], next);
	world->cloud.route_writes++;
	trace_note(world, (int)call->host, WORLD_WRITES_ROUTE, call->act.table, (int)call->host);
}

void cloud_execute(struct world *world, int index)
{
	struct call *call = &world->calls[index];
	const struct action *act = &call->act;
	mono_us then = seen_at(world, path_of(world, call));
	bool absent = false;

	if (call->cancelled && !world->late_lands)
		return;
	call->executed = true;
	switch (act->type) {
	case ACT_PARAM_PUT:
		execute_put(world, call);
		return;
	case ACT_TOUCH_PUT:
		execute_touch(world, call);
		return;
	case ACT_ROUTE_SET:
		execute_route(world, call);
		return;
	case ACT_PARAM_GET:
		call->param = *AS_OF(&world->cloud.param[act->instance], then);
		absent = !call->param.exists;
		break;
	case ACT_TOUCH_GET:
		call->touch = *AS_OF(&world->cloud.touch[act->node], then);
		absent = call->touch.version == 0;
		break;
	case ACT_ROUTE_GET:
		call->target = AS_OF(&world->cloud.route[act->instance][act->table], then)->target;
		absent = call->target == TARGET_MISSING;
		break;
	case ACT_HELLO:
	case ACT_STATE:
	case ACT_NOTE:
	case ACT_ALIAS_ADD:
	case ACT_ALIAS_DEL:
	case ACT_CANCEL:
	case ACT_EXIT:
	case ACT_GATE:
	case ACT_PROMOTE:
	case ACT_FENCE:
	case ACT_RELEASE:
	case ACT_EVIDENCE_GET:
	case ACT_TYPES:
		break;
	}
	if (absent && call->outcome == OUTCOME_OK)
		call->outcome = OUTCOME_ABSENT;
}

static enum event_type answer_type(enum action_type type)
{
	switch (type) {
	case ACT_PARAM_GET:
		return EV_PARAM_READ;
	case ACT_PARAM_PUT:
		return EV_PARAM_WRITTEN;
	case ACT_TOUCH_GET:
		return EV_TOUCH_READ;
	case ACT_TOUCH_PUT:
		return EV_TOUCH_WRITTEN;
	case ACT_ROUTE_GET:
		return EV_ROUTE_READ;
	default:
		return EV_ROUTE_WRITTEN;
	}
}

bool cloud_answer(struct world *world, int index, struct event *ev)
{
	struct call *call = &world->calls[index];
	int value = call->param.value;

	if (call->answered)
		return false;
	call->answered = true;
	*ev = (struct event){.type = answer_type(call->act.type),
			     .instance = call->act.instance,
			     .table = call->act.table,
			     .node = call->act.node,
			     .op = call->act.op,
			     .outcome = call->outcome,
			     .sent = call->sent,
			     .target = call->target,
			     .version = call->param.version,
			     .mtime = call->param.mtime,
			     .owner = value == WORLD_STRANGER ? OWNER_STRANGER : value};
	if (call->act.type == ACT_TOUCH_GET) {
		ev->version = call->touch.version;
		ev->mtime = world->config.wall + call->touch.at / 1000 * 1000;
		world->scratch.count = call->touch.count;
		memcpy(world->scratch.entries, call->touch.entries, sizeof(call->touch.entries));
		ev->touch = &world->scratch;
	}
	return true;
}

/* Writes on their way are cut off: nobody knows whether they happen. */
void cloud_cancel(struct world *world, unsigned int host, unsigned int instance)
{
	for (int index = 0; index < WORLD_CALLS; index++) {
		struct call *call = &world->calls[index];

		if (!call->used || call->answered || call->cancelled || call->host != host ||
		    call->boot != world->hosts[host].boot || call->act.type == ACT_TOUCH_PUT ||
		    !is_write(call->act.type) || call->act.instance != instance)
			continue;
		call->cancelled = true;
		if (!call->sent_off)
			call->sent = world_clock(world, host);
		call->outcome = call->sent_off ? OUTCOME_UNKNOWN : OUTCOME_NOT_SENT;
		expect(world, index, HAPPENS_ANSWER, world->now);
	}
}
