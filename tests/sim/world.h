/* SPDX-License-Identifier: MIT */
/*
 * A world for the core to live in: nodes with clocks that drift, links that
 * lose, delay, double and replay, a cloud that answers late or never, kernels
 * with addresses. It is a priority queue of (time, order, host, event) over
 * the very objects that the daemon links; the same seed gives the same run to
 * the byte. It may not decide anything: what should hold is tests/sim/judge.c's
 * business, what goes wrong is swarm.c's, a scenario's or a unit test's.
 */
#ifndef TESTS_SIM_WORLD_H
#define TESTS_SIM_WORLD_H

#include <stdio.h>

#include "agent/core/core.h"
#include "tests/sim/rng.h"

#define WORLD_NODES CORE_NODES_MAX
#define WORLD_INSTANCES 3
#define WORLD_TABLES 4
#define WORLD_HISTORY 48 /* versions of anything that a stale read may still show */
#define WORLD_CALLS 512
#define WORLD_RECORDED 64
#define WORLD_BACKLOG 64 /* packets a stopped process finds in its socket afterwards */
#define WORLD_STRANGER 99

/* In what the configuration of a node differs from that of the world. */
enum world_variant {
	VARIANT_SOFTWARE = 1 << 0,
	VARIANT_ISOLATION = 1 << 1,
	VARIANT_OUTAGE = 1 << 2,
	VARIANT_PREEMPT = 1 << 3,
	VARIANT_PRIORITY = 1 << 4,
	VARIANTS = 1 << 5,
};

struct world_config {
	unsigned int nodes, instances, tables;
	enum timers_profile profile;
	bool fence;
	bool duties[CORE_DUTIES]; /* which of them the instances have */
	bool unpromoted_ok;
	bool touch_owner, outage_takeover, evidence;
	unsigned int observers;	       /* set of nodes that only observe */
	uint8_t variants[WORLD_NODES]; /* sets of world_variant: configurations differ */
	bool preempt, group;	       /* of all instances */
	mono_us preempt_delay;
	int weight; /* of the second track, which moves priorities only; 0 = there is none */
	bool weight_counts; /* it is multiplied by the number reported */
	uint64_t seed;
	uint8_t priority[WORLD_NODES];
	mono_us wall; /* the cloud's clock at start: must not matter */
};

/* --- the cloud ------------------------------------------------------------------ */

enum service { SERVICE_SSM, SERVICE_EC2, SERVICES };

/* One node's way to one service. All zero but the latency: it works. */
struct path {
	bool down;	    /* nothing comes back; nothing arrives */
	bool writes_denied; /* reads only */
	enum outcome error;
	unsigned int error_permille;
	mono_us latency_min, latency_max;
	unsigned int lost_permille; /* executed, but the answer never comes */
	unsigned int late_permille; /* executed up to late_max after the deadline */
	mono_us late_max;
	unsigned int stale_permille;
	mono_us stale_max;
	mono_us hand_over_max; /* decision to socket */
	unsigned int
		bad_table; /* that one alone answers with table_error; 0 = none, 1 = the first */
	enum outcome table_error;
};

struct param_version {
	mono_us at;
	bool exists;
	int value; /* node index or WORLD_STRANGER */
	uint64_t version;
	mono_us mtime;
	uint32_t birth; /* how often it had been deleted */
};

struct touch_version {
	mono_us at;
	uint64_t version; /* 0 = absent */
	unsigned int count;
	struct touch_entry entries[WORLD_INSTANCES];
};

struct route_version {
	mono_us at;
	int target; /* node index, TARGET_MISSING or TARGET_OTHER */
};

struct param_history {
	unsigned int count;
	struct param_version items[WORLD_HISTORY];
};

struct touch_history {
	unsigned int count;
	struct touch_version items[WORLD_HISTORY];
};

struct route_history {
	unsigned int count;
	struct route_version items[WORLD_HISTORY];
};

struct cloud {
	struct param_history param[WORLD_INSTANCES];
	struct touch_history touch[WORLD_NODES];
	struct route_history route[WORLD_INSTANCES][WORLD_TABLES];
	uint64_t route_writes, puts, touches; /* executed */
	mono_us outage_until;		      /* everything answers UNKNOWN */
};

struct call {
	bool used, sent_off, answered, executed, cancelled;
	unsigned int host, pending; /* events that still point here */
	uint32_t boot;
	struct action act;
	mono_us sent; /* sender's clock */
	mono_us decided;
	enum outcome outcome;
	struct param_version param;
	struct touch_version touch;
	int target;
};

/* --- hosts and links -------------------------------------------------------------- */

struct item;

struct host {
	bool running, paused, machine_stopped;
	enum state_file { STATE_LOST, STATE_KEPT, STATE_STALE } state_file; /* at the next start */
	struct core_saved saved[2][WORLD_INSTANCES]; /* at the last two ends; 0 = the newer */
	unsigned int saved_count;
	uint32_t boot;
	mono_us offset; /* clock = now + offset + now * ppm / 1e6 */
	int ppm;
	mono_us paused_at; /* its clock */
	struct core core;
	struct instance instances[WORLD_INSTANCES];
	struct route routes[WORLD_INSTANCES * WORLD_TABLES];
	mono_us tick_at;  /* world time of the tick that is queued */
	mono_us late_max; /* timers come so much late */
	bool link_up[WORLD_INSTANCES];
	bool alias[WORLD_INSTANCES];
	unsigned int alias_news[WORLD_INSTANCES]; /* on their way to the core */
	bool alias_fails;
	bool target_known, source_dest_check;
	bool writable[WORLD_INSTANCES]; /* its database, as the duties leave it */
	struct {
		enum outcome outcome;
		bool silent; /* never answers */
		mono_us takes;
	} duty[CORE_DUTIES];
	mono_us duty_free_at[WORLD_INSTANCES]; /* its shells have done what was asked */
	uint32_t fence_op[WORLD_INSTANCES];    /* of the last fence asked for */
	enum health_result check;
	enum health_result weight; /* the track that has one, as last reported */
	int number;
	bool behind; /* its database lacks what another candidate's has */
	mono_us check_period;
	struct path path[SERVICES];
	struct item *backlog; /* what came while it stood still */
	unsigned int backlog_count, backlog_size;
	uint64_t steps, ticks;
	bool exited;
};

struct link {
	bool cut;
	bool bursts, lost; /* two-state loss: it is in the bad state now */
	unsigned int loss_permille, twice_permille;
	mono_us delay_min, delay_max;
};

struct packet {
	unsigned int from, to;
	bool replayed;
	mono_us born;
	int next;
	struct hello hello;
};

/* --- what happens -------------------------------------------------------------------- */

enum happening {
	HAPPENS_TICK,	 /* index: 1 = put off once already */
	HAPPENS_PACKET,	 /* index: packet */
	HAPPENS_SEND,	 /* index: call */
	HAPPENS_EXECUTE, /* index: call */
	HAPPENS_ANSWER,	 /* index: call */
	HAPPENS_ALIAS,	 /* index: instance */
	HAPPENS_LINK,
	HAPPENS_CHECK,
	HAPPENS_WEIGHT,
	HAPPENS_BEHIND,
	HAPPENS_TARGET,
	HAPPENS_RESUME,
	HAPPENS_EVIDENCE, /* index: node, op */
	HAPPENS_DUTY,	  /* index: instance, op, duty */
	HAPPENS_SCRIPT,	  /* index: handed to config.script */
	HAPPENS_KINDS
};

struct item {
	mono_us at;
	uint64_t order;
	enum happening what;
	unsigned int host;
	uint32_t boot;
	int index;
	uint32_t op;
	enum core_duty duty;
};

struct trace_line {
	mono_us at;
	uint64_t number;
	int host;
	int kind; /* < 100: event_type; 100 + action_type; 200 + happening; 300 + note of the world
		   */
	long long a, b, c, d;
};

#define TRACE_LINES 4096

struct world;
/* Looks at everything after one event; returns NULL or the sentence of what is broken. */
typedef const char *(*world_judge)(struct world *world, void *arg);
/* Sees every step of a core with what it asked for, before that is carried out. */
typedef const char *(*world_witness)(struct world *world, unsigned int host, const struct event *ev,
				     const struct actions *out, void *arg);
typedef void (*world_script)(struct world *world, int index, void *arg);

struct world {
	struct world_config config;
	struct rng rng;	      /* of nature */
	struct rng order_rng; /* of ties */
	mono_us now;
	uint64_t events, hash, sequence;
	struct item *heap;
	unsigned int heap_count, heap_size, heap_max;
	struct host hosts[WORLD_NODES];
	struct link links[WORLD_NODES][WORLD_NODES];
	struct cloud cloud;
	struct call calls[WORLD_CALLS];
	struct packet *packets;
	unsigned int packet_count;
	int packet_free;
	int recorded[WORLD_RECORDED]; /* packets kept for a replay, -1 = none */
	unsigned int record_permille;
	bool shuffle;	     /* ties in random order */
	bool late_lands;     /* cancelled or timed-out writes may still land */
	bool tells_evidence; /* answers for machines; else who makes the world does */
	bool deaf_to_old;    /* what a core must drop as old is not even delivered (twin runs) */
	uint32_t touched;    /* set of hosts that the event may have changed */
	struct actions out;
	struct touch scratch;
	struct hello hello;
	struct trace_line trace[TRACE_LINES];
	uint64_t trace_count;
	FILE *log; /* every transition as a line, NULL = quiet */
	world_judge judge;
	world_witness witness;
	world_script script;
	void *arg;
	const char *broken; /* the first sentence a judge returned */
	int culprit;	    /* the node it is about, -1 = none in particular */
};

struct world *world_new(const struct world_config *config);
void world_free(struct world *world);

/* Takes one event; false when nothing is left or something is broken. */
bool world_step(struct world *world);
/* Runs until world time @until (absolute), or until something is broken. */
void world_run(struct world *world, mono_us until);

mono_us world_clock(const struct world *world, unsigned int host);

void world_boot(struct world *world, unsigned int host);
void world_crash(struct world *world, unsigned int host);
/* It takes the configuration that world->config is now; @map NULL: all is what it was. */
void world_reload(struct world *world, unsigned int host, const struct core_map *map);
/* Stops the process like SIGSTOP; it goes on after @length. */
void world_pause(struct world *world, unsigned int host, mono_us length);
/* Ends a pause now. */
void world_resume(struct world *world, unsigned int host);
void world_command(struct world *world, unsigned int host, const struct event *command);
/* How its shells carry out a duty from now on. */
void world_duty(struct world *world, unsigned int host, enum core_duty duty, enum outcome outcome,
		mono_us takes);
/* Any event, as a shell would tell it. */
void world_tell(struct world *world, unsigned int host, const struct event *ev);
void world_check(struct world *world, unsigned int host, enum health_result result);
void world_behind(struct world *world, unsigned int host, bool behind);
/* The track that moves priorities reports. */
void world_weigh(struct world *world, unsigned int host, enum health_result result, int number);
void world_link(struct world *world, unsigned int host, unsigned int instance, bool up);
void world_target(struct world *world, unsigned int host, bool known, bool source_dest_check);
/* Somebody else changes the kernel. */
void world_alias(struct world *world, unsigned int host, unsigned int instance, bool present);
/* Its clock runs on from where it is, so much too fast. */
void world_clock_rate(struct world *world, unsigned int host, int ppm);
/* Both directions. */
void world_cut(struct world *world, unsigned int a, unsigned int b, bool cut);
void world_replay(struct world *world);
/* A tick that the core did not ask for: it must answer with nothing. */
void world_poke(struct world *world, unsigned int host);
void world_at(struct world *world, mono_us at, int index); /* calls script */

/* The operator's hand in the cloud. */
void world_param_put(struct world *world, unsigned int instance, int value);
void world_param_delete(struct world *world, unsigned int instance);
void world_route_set(struct world *world, unsigned int instance, unsigned int table, int target);

const struct param_version *world_param(const struct world *world, unsigned int instance);
int world_route(const struct world *world, unsigned int instance, unsigned int table);
/* The version of P as it was @ago before now. */
const struct param_version *world_param_then(const struct world *world, unsigned int instance,
					     mono_us ago);

static inline uint16_t world_node_id(unsigned int node)
{
	return (uint16_t)(11 * (node + 1));
}

static inline struct instance *world_instance(struct world *world, unsigned int host,
					      unsigned int instance)
{
	return &world->hosts[host].instances[instance];
}

static inline bool world_acts(const struct world *world, unsigned int host, unsigned int instance)
{
	return world->hosts[host].running && core_acting(&world->hosts[host].instances[instance]);
}

/* Of two events at the same moment either may come first. */
static inline uint64_t world_order(struct world *world)
{
	world->sequence++;
	return world->shuffle ? rng_next(&world->order_rng) : world->sequence;
}

/* --- between the files of the world ----------------------------------------------------- */

/* queue.c */
void queue_push(struct world *world, const struct item *item);
bool queue_pop(struct world *world, struct item *item);

/* cloud.c */
void cloud_init(struct world *world);
void cloud_start(struct world *world, unsigned int host, const struct action *act);
void cloud_send(struct world *world, int index);
void cloud_execute(struct world *world, int index);
/* Makes the event of an answer; false when it was given before. */
bool cloud_answer(struct world *world, int index, struct event *ev);
void cloud_cancel(struct world *world, unsigned int host, unsigned int instance);
void cloud_forget(struct world *world, int index); /* one pending event less */

/* net.c */
void net_copy(struct hello *to, const struct hello *from);
void net_init(struct world *world);
void net_send(struct world *world, unsigned int host);
void net_free(struct world *world, int index);
void net_again(struct world *world, int index); /* delivers it a moment later */

/* trace.c */
void trace_add(struct world *world, int host, int kind, const long long values[4]);
void trace_event(struct world *world, unsigned int host, const struct event *ev);
void trace_actions(struct world *world, unsigned int host);
void trace_note(struct world *world, int host, int what, long long a, long long b);
void trace_nodes(struct world *world, FILE *to);
void trace_print(const struct world *world, FILE *to, unsigned int lines);

enum world_note {
	WORLD_BOOTS,
	WORLD_CRASHES,
	WORLD_STOPS_DEAD, /* paused */
	WORLD_GOES_ON,
	WORLD_EXITS,
	WORLD_WRITES_PARAM, /* version, value */
	WORLD_WRITES_ROUTE, /* table, target */
	WORLD_WRITES_TOUCH,
	WORLD_OPERATOR_PARAM,
	WORLD_OPERATOR_ROUTE,
	WORLD_FAULT, /* family, on */
	WORLD_NOTES
};

#endif
