/* SPDX-License-Identifier: MIT */
/*
 * A fleet on one account (scripts/sim --fleet): pairs by the hundred, each
 * node the daemon's own core, one VIP a pair, and EC2's and SSM's token buckets
 * between all of them. Not the simulator of single faults (sim.c): nothing is
 * lost or late here but what the buckets refuse. Results and what follows
 * from them: doc/fleet.md.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/core/core.h"
#include "agent/core/planted.h"
#include "tests/sim/rng.h"

#ifdef CORE_FLEET
enum core_throttle core_throttle = CORE_THROTTLE_WAITS;
#endif

#define A 0 /* nodes of a pair: A owns at first */
#define B 1
#define CALLS_MAX 65536

enum bucket_name { SSM_GET, SSM_PUT, EC2_READ, EC2_WRITE, BUCKETS };

struct bucket {
	const char *name;
	double burst, rate; /* a second */
	double tokens;
	mono_us at;
	uint64_t asked, refused;
};

struct touched {
	uint64_t version;
	bool disclaims, listed;
	uint64_t term;
	mono_us mtime;
};

struct pair {
	uint64_t version; /* of P */
	int value;
	mono_us mtime;
	struct touched touch[2];
	int route;
	mono_us moved; /* when route and P had both gone to B; 0 = not yet */
	mono_us taken; /* when P first named B */
};

struct node {
	struct core core;
	struct instance instance;
	struct route route;
	bool up;
	mono_us tick_at;
};

struct call {
	struct action act;
	unsigned int node;
	bool executed, cancelled;
	mono_us sent;
	struct event answer;
	struct touched touch;
	int next; /* of the free ones */
};

enum kind { TICK, HELLO, EXECUTE, ANSWER, ALIAS, BOOT };

struct item {
	mono_us at;
	uint64_t order;
	enum kind kind;
	unsigned int node;
	int index;
};

static struct fleet {
	unsigned int pairs;
	mono_us now;
	struct rng rng;
	struct bucket buckets[BUCKETS];
	struct pair *pair;
	struct node *nodes;
	struct item *heap;
	size_t count, room;
	uint64_t order;
	struct call calls[CALLS_MAX];
	int free_call;
	struct hello *hellos;
	int *hello_next;
	int free_hello;
	unsigned int hello_room;
	bool cut; /* heartbeats between the zones are lost */
	struct actions out;
	struct touch scratch;
} fleet = {
	.buckets = {{.name = "SSM get", .burst = 40, .rate = 40},
		    {.name = "SSM put", .burst = 3, .rate = 3},
		    {.name = "EC2 read", .burst = 100, .rate = 20},
		    {.name = "EC2 write", .burst = 50, .rate = 5}},
};

static void die(const char *why)
{
	(void)fprintf(stderr, "fleet: %s\n", why);
	exit(2);
}

/* --- time ------------------------------------------------------------------------------- */

static bool before(const struct item *a, const struct item *b)
{
	return a->at < b->at || (a->at == b->at && a->order < b->order);
}

static void push(mono_us at, enum kind kind, unsigned int node, int index)
{
	struct item item = {at, ++fleet.order, kind, node, index};
	size_t i = fleet.count++;

	if (i == fleet.room) {
		fleet.room = fleet.room ? 2 * fleet.room : 65536;
		fleet.heap = realloc(fleet.heap, fleet.room * sizeof(*fleet.heap));
		if (!fleet.heap)
			die("no memory");
	}
	for (; i > 0 && before(&item, &fleet.heap[(i - 1) / 2]); i = (i - 1) / 2)
		fleet.heap[i] = fleet.heap[(i - 1) / 2];
	fleet.heap[i] = item;
}

static struct item pop(void)
{
	struct item top = fleet.heap[0];
	struct item last = fleet.heap[--fleet.count];
	size_t i = 0;

	for (;;) {
		size_t child = 2 * i + 1;

		if (child >= fleet.count)
			break;
		if (child + 1 < fleet.count && before(&fleet.heap[child + 1], &fleet.heap[child]))
			child++;
		if (!before(&fleet.heap[child], &last))
			break;
		fleet.heap[i] = fleet.heap[child];
		i = child;
	}
	fleet.heap[i] = last;
	return top;
}

/* --- the account --------------------------------------------------------------------------- */

static bool take(enum bucket_name name)
{
	struct bucket *bucket = &fleet.buckets[name];

	bucket->tokens += (double)(fleet.now - bucket->at) / 1e6 * bucket->rate;
	if (bucket->tokens > bucket->burst)
		bucket->tokens = bucket->burst;
	bucket->at = fleet.now;
	bucket->asked++;
	if (bucket->tokens < 1.0) {
		bucket->refused++;
		return false;
	}
	bucket->tokens -= 1.0;
	return true;
}

static enum bucket_name bucket_of(enum action_type type)
{
	if (type == ACT_ROUTE_GET)
		return EC2_READ;
	if (type == ACT_ROUTE_SET)
		return EC2_WRITE;
	return type == ACT_PARAM_GET || type == ACT_TOUCH_GET ? SSM_GET : SSM_PUT;
}

static void look_at_move(struct pair *pair)
{
	if (pair->value == B && pair->route == B && !pair->moved)
		pair->moved = fleet.now;
}

static void put_param(struct pair *pair, int side, struct event *ev)
{
	if (side == B && pair->value == A && !pair->taken)
		pair->taken = fleet.now;
	pair->value = side;
	pair->mtime = fleet.now;
	ev->version = ++pair->version;
	look_at_move(pair);
}

static void put_touch(struct pair *pair, unsigned int node, struct event *ev)
{
	struct touched *touch = &pair->touch[node % 2];

	core_touch(&fleet.nodes[node].core, &fleet.scratch);
	touch->listed = fleet.scratch.count > 0;
	touch->disclaims = touch->listed && fleet.scratch.entries[0].disclaims;
	touch->term = touch->listed ? fleet.scratch.entries[0].term : 0;
	touch->mtime = fleet.now;
	ev->version = ++touch->version;
}

static void execute(struct call *call)
{
	struct pair *pair = &fleet.pair[call->node / 2];
	int side = (int)(call->node % 2);
	struct event *ev = &call->answer;

	if (call->cancelled)
		return;
	ev->outcome = OUTCOME_THROTTLED;
	if (!take(bucket_of(call->act.type)))
		return;
	ev->outcome = OUTCOME_OK;
	if (call->act.type == ACT_PARAM_GET) {
		ev->version = pair->version;
		ev->owner = pair->value;
		ev->mtime = pair->mtime;
	} else if (call->act.type == ACT_PARAM_PUT) {
		put_param(pair, side, ev);
	} else if (call->act.type == ACT_TOUCH_GET) {
		call->touch = pair->touch[call->act.node];
		ev->version = call->touch.version;
		ev->mtime = call->touch.mtime;
		ev->outcome = ev->version ? OUTCOME_OK : OUTCOME_ABSENT;
	} else if (call->act.type == ACT_TOUCH_PUT) {
		put_touch(pair, call->node, ev);
	} else if (call->act.type == ACT_ROUTE_GET) {
		ev->target = pair->route;
	} else {
		pair->route = side;
		look_at_move(pair);
	}
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

/* --- nodes ------------------------------------------------------------------------------------ */

static void start_call(unsigned int node, const struct action *act)
{
	int index = fleet.free_call;
	struct call *call;

	if (index < 0)
		die("too many calls");
	call = &fleet.calls[index];
	fleet.free_call = call->next;
	*call = (struct call){.act = *act, .node = node, .sent = fleet.now, .next = -2};
	call->answer = (struct event){.type = answer_type(act->type),
				      .table = act->table,
				      .node = act->node,
				      .op = act->op,
				      .sent = fleet.now,
				      .owner = OWNER_NOBODY,
				      .target = (int)(node % 2)};
	push(fleet.now + rng_between(&fleet.rng, 5 * MSEC, 20 * MSEC), EXECUTE, node, index);
}

static void send_hello(unsigned int node)
{
	int index = fleet.free_hello;

	if (index < 0)
		die("too many packets");
	fleet.free_hello = fleet.hello_next[index];
	(void)core_hello(&fleet.nodes[node].core, fleet.now, 1 - node % 2, 0, &fleet.hellos[index]);
	push(fleet.now + rng_between(&fleet.rng, 300, 1500), HELLO, node ^ 1U, index);
}

static void cancel(unsigned int node)
{
	for (int i = 0; i < CALLS_MAX; i++)
		if (fleet.calls[i].next == -2 && fleet.calls[i].node == node)
			fleet.calls[i].cancelled = true;
}

static void act_upon(unsigned int n, const struct action *act)
{
	switch (act->type) {
	case ACT_HELLO:
		send_hello(n);
		break;
	case ACT_ALIAS_ADD:
	case ACT_ALIAS_DEL:
		push(fleet.now + MSEC, ALIAS, n, act->type == ACT_ALIAS_ADD);
		break;
	case ACT_CANCEL:
		cancel(n);
		break;
	case ACT_PARAM_GET:
	case ACT_PARAM_PUT:
	case ACT_TOUCH_GET:
	case ACT_TOUCH_PUT:
	case ACT_ROUTE_GET:
	case ACT_ROUTE_SET:
		start_call(n, act);
		break;
	default:
		break; /* words for people; no duties are configured here */
	}
}

static void feed(unsigned int n, const struct event *ev)
{
	static struct actions todo;
	struct node *node = &fleet.nodes[n];
	mono_us at;

	if (!node->up)
		return;
	core_step(&node->core, fleet.now, ev, &fleet.out);
	todo = fleet.out;
	for (unsigned int i = 0; i < todo.count; i++)
		act_upon(n, &todo.items[i]);
	at = mono_max(core_deadline(&node->core), fleet.now + 1);
	if (at < node->tick_at || node->tick_at <= fleet.now) {
		node->tick_at = at;
		push(at, TICK, n, 0);
	}
}

static void boot(unsigned int n)
{
	const struct core_instance_config one = {.id = 7, .tables = 1};
	struct core_config config = {.timers = *timers_profile(TIMERS_SAFE),
				     .node_count = 2,
				     .self = n % 2,
				     .nodes = {{1, 150}, {2, 100}},
				     .instance_count = 1,
				     .instances = &one,
				     .nonce = rng_next(&fleet.rng) | 1,
				     .seed = rng_next(&fleet.rng) | 1};
	struct node *node = &fleet.nodes[n];

	config.timers.heartbeat = 200 * MSEC; /* half the work; no rule depends on it */
	node->up = true;
	core_init(&node->core, fleet.now, &config, &node->instance, &node->route);
	feed(n, &(struct event){.type = EV_TARGET, .up = true});
}

static void answer(unsigned int n, int index)
{
	struct call *call = &fleet.calls[index];
	struct event ev = call->answer;

	if (call->cancelled && !call->executed)
		ev.outcome = OUTCOME_NOT_SENT;
	fleet.scratch.count = call->touch.listed;
	fleet.scratch.entries[0] = (struct touch_entry){
		.id = 7, .disclaims = call->touch.disclaims, .term = call->touch.term};
	ev.touch = &fleet.scratch;
	call->next = fleet.free_call;
	fleet.free_call = index;
	feed(n, &ev);
}

static void happen(const struct item *item)
{
	struct call *call = &fleet.calls[item->index];

	switch (item->kind) {
	case BOOT:
		boot(item->node);
		break;
	case TICK:
		if (fleet.nodes[item->node].tick_at == item->at)
			feed(item->node, &(struct event){.type = EV_TICK});
		break;
	case HELLO:
		if (!fleet.cut)
			feed(item->node, &(struct event){.type = EV_HELLO,
							 .hello = &fleet.hellos[item->index]});
		fleet.hello_next[item->index] = fleet.free_hello;
		fleet.free_hello = item->index;
		break;
	case EXECUTE:
		execute(call);
		call->executed = !call->cancelled;
		push(fleet.now + rng_between(&fleet.rng, 5 * MSEC, 20 * MSEC), ANSWER, item->node,
		     item->index);
		break;
	case ANSWER:
		answer(item->node, item->index);
		break;
	case ALIAS:
		feed(item->node,
		     &(struct event){.type = EV_ALIAS, .outcome = OUTCOME_OK, .up = item->index});
		break;
	}
}

static void run(mono_us until)
{
	while (fleet.count > 0 && fleet.heap[0].at <= until) {
		struct item item = pop();

		fleet.now = item.at;
		happen(&item);
	}
	fleet.now = until;
}

/* --- scenes
 * --------------------------------------------------------------------------------------- */

static void start(unsigned int pairs, uint64_t seed)
{
	fleet.pairs = pairs;
	fleet.rng.state = seed;
	fleet.now = 1000 * SEC;
	fleet.hello_room = 16 * pairs + 64;
	fleet.pair = calloc(pairs, sizeof(*fleet.pair));
	fleet.nodes = calloc((size_t)2 * pairs, sizeof(*fleet.nodes));
	fleet.hellos = calloc(fleet.hello_room, sizeof(*fleet.hellos));
	fleet.hello_next = calloc(fleet.hello_room, sizeof(*fleet.hello_next));
	if (!fleet.pair || !fleet.nodes || !fleet.hellos || !fleet.hello_next)
		die("no memory");
	for (unsigned int i = 0; i < fleet.hello_room; i++)
		fleet.hello_next[i] = i + 1 < fleet.hello_room ? (int)i + 1 : -1;
	for (int i = 0; i < CALLS_MAX; i++)
		fleet.calls[i].next = i + 1 < CALLS_MAX ? i + 1 : -1;
	for (unsigned int b = 0; b < BUCKETS; b++) {
		fleet.buckets[b].tokens = fleet.buckets[b].burst;
		fleet.buckets[b].at = fleet.now;
	}
	for (unsigned int p = 0; p < pairs; p++)
		fleet.pair[p] = (struct pair){
			.version = 1, .value = A, .mtime = fleet.now - 1000 * SEC, .route = A};
	/* Pair after pair starts within ten minutes, the owner first. */
	for (unsigned int p = 0; p < pairs; p++) {
		mono_us at = fleet.now + rng_below(&fleet.rng, 600 * SEC);

		push(at, BOOT, 2 * p + A, 0);
		push(at + rng_between(&fleet.rng, 100 * MSEC, 900 * MSEC), BOOT, 2 * p + B, 0);
	}
}

static unsigned int in_state(int side, enum core_state state)
{
	unsigned int count = 0;

	for (unsigned int p = 0; p < fleet.pairs; p++)
		count += fleet.nodes[2 * p + (unsigned int)side].instance.state == state;
	return count;
}

static void steady(mono_us length)
{
	for (unsigned int b = 0; b < BUCKETS; b++)
		fleet.buckets[b].asked = fleet.buckets[b].refused = 0;
	run(fleet.now + length);
	for (unsigned int b = 0; b < BUCKETS; b++) {
		const struct bucket *bucket = &fleet.buckets[b];

		(void)printf("| %-9s | %5.1f/s | %7.2f/s | %5.1f %% |\n", bucket->name,
			     bucket->rate, (double)bucket->asked / mono_seconds(length),
			     bucket->asked ? 100.0 * (double)bucket->refused / (double)bucket->asked
					   : 0.0);
	}
	(void)printf("masters %u, standbys %u of %u pairs\n", in_state(A, CORE_MASTER),
		     in_state(B, CORE_BACKUP), fleet.pairs);
}

static int by_time(const void *a, const void *b)
{
	mono_us x = *(const mono_us *)a;
	mono_us y = *(const mono_us *)b;

	return x < y ? -1 : x > y;
}

/* Every owner dies in the same moment. 0: within 1.15 times the slower bucket's bound. */
static int zone_loss(mono_us limit)
{
	const struct bucket *put = &fleet.buckets[SSM_PUT];
	const struct bucket *write = &fleet.buckets[EC2_WRITE];
	double puts = ((double)fleet.pairs - put->burst) / put->rate;
	double writes = ((double)fleet.pairs - write->burst) / write->rate;
	const struct timers *timers = timers_profile(TIMERS_SAFE);
	double bound =
		(puts > writes ? puts : writes) + mono_seconds(timers->dead_after + timers->grace);
	mono_us since = fleet.now;
	mono_us *times = calloc(fleet.pairs, sizeof(*times));
	unsigned int moved = 0;

	for (unsigned int p = 0; p < fleet.pairs; p++)
		fleet.nodes[2 * p + A].up = false;
	for (mono_us step = 0; step < limit && moved < fleet.pairs; step += SEC) {
		run(since + step + SEC);
		moved = 0;
		for (unsigned int p = 0; p < fleet.pairs; p++)
			if (fleet.pair[p].moved)
				times[moved++] = fleet.pair[p].moved - since;
	}
	qsort(times, moved, sizeof(*times), by_time);
	(void)printf("| %u | %u | %s | %.0f s | %.1f s | %.1f s | %.1f s | %.2f |\n", fleet.pairs,
		     moved, puts > writes ? put->name : write->name, bound,
		     moved ? mono_seconds(times[0]) : 0.0,
		     moved ? mono_seconds(times[moved / 2]) : 0.0,
		     moved ? mono_seconds(times[moved - 1]) : 0.0,
		     moved ? mono_seconds(times[moved - 1]) / bound : 0.0);
	if (moved < fleet.pairs || mono_seconds(times[moved - 1]) > 1.15 * bound) {
		free(times);
		return 1;
	}
	free(times);
	return 0;
}

/* Heartbeats between the zones stop; every owner lives and reaches AWS. */
static void link_cut(mono_us length)
{
	unsigned int taken = 0;
	mono_us first = MONO_NEVER;
	mono_us since = fleet.now;
	struct bucket *put = &fleet.buckets[SSM_PUT];

	put->asked = put->refused = 0;
	fleet.cut = true;
	run(fleet.now + length);
	for (unsigned int p = 0; p < fleet.pairs; p++) {
		taken += fleet.pair[p].taken != 0;
		if (fleet.pair[p].taken)
			first = mono_min(first, fleet.pair[p].taken - since);
	}
	(void)printf("| %u | %.0f s | %u | %.1f %% | %.1f s | %.1f %% |\n", fleet.pairs,
		     mono_seconds(length), taken, 100.0 * taken / fleet.pairs,
		     taken ? mono_seconds(first) : 0.0,
		     100.0 * (double)put->refused / (double)(put->asked ? put->asked : 1));
}

int main(int argc, char **argv)
{
	unsigned int pairs = 1000;
	const char *scene = "zone";
	double put_rate = 3;
	uint64_t seed = 1;
	int option;

	while ((option = getopt(argc, argv, "n:s:w:r:p:")) != -1) {
		if (option == 'n')
			pairs = (unsigned int)strtoul(optarg, NULL, 10);
		else if (option == 's')
			seed = strtoull(optarg, NULL, 0);
		else if (option == 'w')
			scene = optarg;
		else if (option == 'p')
			put_rate = strtod(optarg, NULL);
#ifdef CORE_FLEET
		else if (option == 'r')
			core_throttle = (enum core_throttle)strtoul(optarg, NULL, 10);
#endif
		else
			die("usage: fleet [-n PAIRS] [-s SEED] [-w steady|zone|link] [-r RULE] "
			    "[-p PUTS_A_SECOND]");
	}
	if (pairs == 0 || pairs > 4000)
		die("1 to 4000 pairs");
	fleet.buckets[SSM_PUT].rate = fleet.buckets[SSM_PUT].burst = put_rate;
	start(pairs, seed);
	run(fleet.now + 1200 * SEC);
	if (strcmp(scene, "steady") == 0)
		steady(600 * SEC);
	else if (strcmp(scene, "zone") == 0)
		return zone_loss(1500 * SEC);
	else if (strcmp(scene, "link") == 0)
		link_cut(300 * SEC);
	else
		die("no such scene");
	return 0;
}
