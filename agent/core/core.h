/* SPDX-License-Identifier: MIT */
/*
 * The core decides who owns the VIP. It takes an event and the time and
 * returns a list of actions; it has no I/O, no clock, no allocation, no
 * globals and no logging, so the daemon, the unit tests, the fuzzers and the
 * simulator drive the same object code (tests/core-purity.sh asks the linker).
 *
 * One struct core is one node: its peers, its checks and its instances, one
 * failover machine per VIP. The rules and their letters (K1, S1, C2, ...) are
 * those of doc/protocol.md. In one breath:
 *
 *   The parameter P names the owner; its version is the term. Heartbeats only
 *   tell whether the owner is alive. Silence starts an inquiry, never a
 *   claim; a *disclaim* (a promise not to act on any version up to v) lets a
 *   peer claim at once. A claim writes P, reads it back, and moves the routes.
 *
 * Events only add facts; then settle() compares what should be with what is
 * and emits what is missing. So nothing hangs on one edge: a lost answer, a
 * late one or a doubled one is mended by the next look.
 *
 * It is long because it is the whole contract: events, actions and what the
 * machine keeps, in one place for daemon, tests, simulator and journal.
 */
#ifndef AGENT_CORE_CORE_H
#define AGENT_CORE_CORE_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/base/mono.h"
#include "agent/base/outcome.h"
#include "agent/base/timers.h"
#include "agent/core/health.h"
#include "agent/core/hello.h"
#include "agent/core/peer.h"

#define CORE_NODES_MAX 8
#define CORE_INSTANCES_MAX 255
#define CORE_TABLES_MAX 64
#define CORE_TRACKS_MAX 32
#define CORE_ACTIONS_MAX 256

enum core_state {
	CORE_INIT,     /* finding out what is there */
	CORE_BACKUP,   /* another host holds the VIP, as far as we know */
	CORE_CLAIMING, /* has written P, or is about to; acting already */
	CORE_MASTER,   /* holds it */
	CORE_FAULT,    /* cannot serve */
	CORE_MAINT,    /* kept out by an operator (standby) */
	CORE_STATES
};

/* Why a state was entered. The names go to logs, scripts and status. */
enum core_reason {
	REASON_NONE,
	REASON_STARTED,	     /* first look finished */
	REASON_ADOPTED,	     /* P names us and nothing contradicts: found as we left it */
	REASON_DISCLAIMED,   /* the owner promised not to act */
	REASON_OWNER_SILENT, /* neither heard nor touching for D + G */
	REASON_NO_OWNER,     /* the parameter does not exist */
	REASON_RECLAIM,	     /* our own disclaim, recovered, nobody else went first */
	REASON_STRANDED,     /* the owner has lost the API and a route is wrong */
	REASON_CONFIRMED,    /* P read back */
	REASON_UNRECORDED,   /* acts on the owner's promise; P cannot be written now */
	REASON_OVERRULED,    /* P names another node */
	REASON_GAP,	     /* somebody wrote P in between: ask again later */
	REASON_CHECK_FAILED,
	REASON_LINK_DOWN,
	REASON_RECOVERED,
	REASON_CLAIM_FAILED,  /* not confirmed within T_claim */
	REASON_ROUTES_FAILED, /* no route table written within T_route */
	REASON_CONCEDED,      /* lease over and a route points at a peer */
	REASON_FENCED,	      /* lease over and the cloud unreadable */
	REASON_STALLED,	      /* did not run for longer than the lease */
	REASON_SWITCHOVER,
	REASON_RELEASED,
	REASON_STANDBY,
	REASON_RESUMED, /* standby off */
	REASON_STOPPING,
	REASON_PROMOTE_FAILED, /* the database could not be made writable */
	REASON_STORE_OUTAGE,   /* silent owner and no parameter store: the route decides */
	REASON_OWNER_GONE,     /* silent, and its machine is known to be stopped */
	REASON_PREEMPTED,      /* handed to a better node that asked for it */
	REASON_SYNC_GROUP,     /* an instance of its sync group went */
	REASON_COUNT
};

/* What keeps a node from taking the VIP; a set of bits. */
enum core_blocker {
	BLOCK_CHECK = 1 << 0,	   /* a check fails */
	BLOCK_NO_VERDICT = 1 << 1, /* a check cannot tell (login refused, not yet run) */
	BLOCK_LINK = 1 << 2,	   /* interface down */
	BLOCK_STANDBY = 1 << 3,
	BLOCK_MAINTENANCE = 1 << 4,
	BLOCK_HOLD = 1 << 5,	    /* failed lately and another node can serve */
	BLOCK_IDENTITY = 1 << 6,    /* who we are in AWS is not known */
	BLOCK_SOURCE_DEST = 1 << 7, /* source/destination check on: no traffic would pass */
	BLOCK_PARAMETER = 1 << 8,   /* not read within T_api */
	BLOCK_ROUTES = 1 << 9,	    /* no route table read within T_api */
	BLOCK_STOPPING = 1 << 10,
	BLOCK_TOUCH = 1 << 11,	 /* touch parameters may not be read or written */
	BLOCK_GATE = 1 << 12,	 /* the gate refused a claim; asked again after a while */
	BLOCK_OBSERVE = 1 << 13, /* it only observes */
};

/* What is remarkable while it lasts; a set of bits, for status. */
enum core_flag {
	FLAG_PARTITIONED = 1 << 0,    /* a peer is alive by its touches but not heard */
	FLAG_UNCONFIRMED = 1 << 1,    /* lease over or just resumed: watches the routes */
	FLAG_UNRECORDED = 1 << 2,     /* acts, but P does not say so yet */
	FLAG_PARTIAL = 1 << 3,	      /* some route table is not ours and cannot be written */
	FLAG_DEGRADED = 1 << 4,	      /* neither peers nor the cloud can be reached */
	FLAG_ALIAS_FIGHT = 1 << 5,    /* somebody keeps removing or adding the address */
	FLAG_STRANGER = 1 << 6,	      /* P names no configured node */
	FLAG_CLAIM_BACKOFF = 1 << 7,  /* the last claim failed; the next one waits */
	FLAG_SUSPECT = 1 << 8,	      /* the owner is not heard: the parameter is being asked */
	FLAG_BLOCKED = 1 << 9,	      /* the gate refuses, or says that it would */
	FLAG_UNPROMOTED = 1 << 10,    /* acts, but the database is not writable yet */
	FLAG_TOUCHES_OWNER = 1 << 11, /* touches go to P itself (touch = owner) */
	FLAG_ROUTE_FIGHT = 1 << 12,   /* somebody keeps moving a route: not mended for a while */
	FLAG_WOULD_CLAIM = 1 << 13,   /* it only observes: this is where it would have claimed */
	FLAG_BEHIND = 1 << 14, /* another candidate's database has more: that one goes first */
};

/* Owner of P and target of a route: a node index, or one of these. */
enum {
	OWNER_NOBODY = -1,   /* the parameter does not exist */
	OWNER_STRANGER = -2, /* it names no configured node */
	TARGET_MISSING = -1, /* the table has no route for the VIP */
	TARGET_OTHER = -2,   /* points at something that is no configured node, or a blackhole */
	TARGET_UNREAD = -3,
	TARGET_BLACKHOLE = -4, /* what it pointed at is gone */
};

/* --- configuration: fixed between core_init and the next ------------------------ */

struct core_node {
	uint16_t id;
	uint8_t priority;
};

/* What a claim and its end may ask of the database and of hooks (duty.c). */
enum core_duty { DUTY_GATE, DUTY_PROMOTE, DUTY_FENCE, DUTY_RELEASE, CORE_DUTIES };

struct core_instance_config {
	uint16_t id;
	unsigned int tables;	  /* route tables, times virtual addresses */
	unsigned int tables_room; /* how many there may come to be by EV_TABLES; 0 = tables */
	bool discovers;		  /* tables come and go: none is not the same as none needed */
	uint32_t tracks;	  /* set of track indexes: with one of them down it cannot serve */
	int weights[CORE_TRACKS_MAX]; /* of others, which move the priority only; 0 = none */
	bool fence;		      /* isolation = fence; else hold */
	bool gates;		      /* asks ACT_GATE before the first Put of a claim */
	bool promotes;		      /* asks ACT_PROMOTE before its first route write */
	bool fences;	       /* asks ACT_FENCE before it gives up, and beside another owner */
	bool releases;	       /* asks ACT_RELEASE before a planned hand-over */
	uint8_t group;	       /* sync group: those of one number move together; 0 = none */
	bool preempt;	       /* a better node asks the MASTER for the VIP */
	mono_us preempt_delay; /* after it could have had it for so long */
	bool unpromoted_ok;    /* a failed promotion does not keep the routes away */
	mono_us patience[CORE_DUTIES]; /* for the answer; 0 = 2, 10, 1 and 10 s */
};

struct core_config {
	struct timers timers;
	struct core_node nodes[CORE_NODES_MAX];
	unsigned int node_count;
	unsigned int self;
	struct {
		unsigned int rise;
		unsigned int fall;
		bool counts; /* its weight is multiplied by the number it reports */
	} tracks[CORE_TRACKS_MAX];
	unsigned int track_count;
	unsigned int instance_count;
	const struct core_instance_config *instances; /* copied by core_init */
	uint64_t nonce;				      /* random, not 0: names this run */
	uint64_t seed;				      /* of jitter and tie-breaks */
	uint32_t digest;
	uint16_t software;    /* HELLO_SOFTWARE() */
	bool evidence;	      /* ask whether a silent owner's machine is stopped */
	bool touch_owner;     /* T1: touches go to P itself, not to parameters of the nodes */
	bool outage_takeover; /* the store away and the owner silent: take the route (else wait) */
	bool observe; /* decides and tells, and orders nothing that changes anything (observe.c) */
};

/* --- events -------------------------------------------------------------------- */

enum event_type {
	EV_TICK,	  /* core_deadline() has come */
	EV_RESUMED,	  /* the loop woke late by more than eps: gap */
	EV_HELLO,	  /* an authentic heartbeat for us: hello */
	EV_VERDICT,	  /* a check ended: track, health, number */
	EV_LINK,	  /* instance's interface: up */
	EV_ALIAS,	  /* instance's addresses are all there: up; or adding failed: outcome */
	EV_TARGET,	  /* who we are in AWS: up = known; source_dest_check */
	EV_PARAM_READ,	  /* answer to ACT_PARAM_GET: outcome, version, owner, mtime, sent */
	EV_PARAM_WRITTEN, /* answer to ACT_PARAM_PUT: outcome, version, sent */
	EV_TOUCH_READ,	  /* answer to ACT_TOUCH_GET: node, outcome, version, mtime, touch */
	EV_TOUCH_WRITTEN, /* answer to ACT_TOUCH_PUT: outcome, sent */
	EV_ROUTE_READ,	  /* answer to ACT_ROUTE_GET: table, outcome, target, sent */
	EV_ROUTE_WRITTEN, /* answer to ACT_ROUTE_SET: table, outcome, sent */
	EV_TABLES,	  /* tables were looked for: count, table = first that is another now */
	EV_COMMAND,	  /* command, node (target of a switchover or -1), force */
	/* Answers to the duties: op, outcome. OK = yes, done; DENIED = no, by decision (a veto,
	 * too far behind); REFUSED = failed for good; UNKNOWN = no answer in time; NOT_SENT =
	 * could not be asked. With op 0 unasked news: of the gate, what it would say; of the
	 * fence, that the database was seen read-only (OK) or writable (anything else). */
	EV_GATE,
	EV_PROMOTED,
	EV_FENCED,
	EV_RELEASED,
	EV_EVIDENCE, /* answer to ACT_EVIDENCE_GET: node, op, outcome, sent, up: it may be running
		      */
	EV_BEHIND,   /* instance: up = its database lacks what that of another candidate has */
	EV_TYPES
};

enum core_command {
	CMD_SWITCHOVER, /* hand the VIP to node, or to whoever takes it (-1) */
	CMD_RELEASE,	/* disclaim once */
	CMD_STANDBY_ON,
	CMD_STANDBY_OFF,
	CMD_FREEZE_ON, /* maintenance */
	CMD_FREEZE_OFF,
	CMD_ACK,       /* end the hold after a failure */
	CMD_STOP,      /* hand over, then ACT_EXIT; concerns every instance */
	CMD_STOP_KEEP, /* ACT_EXIT at once, everything stays as it is */
};

/* What a touch parameter lists: "acts on term" or "disclaims up to term". */
struct touch_entry {
	uint16_t id; /* instance */
	bool disclaims;
	uint64_t term;
};

struct touch {
	unsigned int count;
	struct touch_entry entries[CORE_INSTANCES_MAX];
};

struct event {
	enum event_type type;
	unsigned int instance; /* index; which events carry which fields: see above */
	unsigned int table;
	unsigned int count;
	unsigned int track;
	int node;
	uint32_t op;
	enum outcome outcome;
	mono_us sent;
	mono_us gap;
	int owner;
	int target;
	uint64_t version;
	mono_us mtime; /* LastModifiedDate, us since the epoch: only compared with its like */
	enum health_result health;
	int number; /* of a track that counts: +-HEALTH_NUMBER_MAX */
	enum core_command command;
	bool up;
	bool force;
	bool source_dest_check;
	mono_us until;		   /* CMD_FREEZE_ON: ends by itself; 0 = not */
	const struct hello *hello; /* borrowed for the call */
	const struct touch *touch; /* borrowed for the call */
};

/* --- actions ------------------------------------------------------------------- */

enum action_type {
	ACT_HELLO, /* send a heartbeat to every peer: core_hello() fills it */
	ACT_STATE, /* instance went from old_state to state for reason: log, notify */
	ACT_NOTE,  /* something worth a line: note */
	ACT_ALIAS_ADD,
	ACT_ALIAS_DEL,
	ACT_CANCEL, /* drop and abort every write of instance not yet answered */
	ACT_PARAM_GET,
	ACT_PARAM_PUT, /* our name; create = only if absent */
	ACT_TOUCH_GET, /* of node */
	ACT_TOUCH_PUT, /* core_touch() fills the value */
	ACT_ROUTE_GET, /* table */
	ACT_ROUTE_SET, /* table, to us */
	ACT_EXIT,      /* the stop is complete */
	/* Duties: op, deadline. The shell carries out those of one instance in the order in which
	 * they come, except that a fence ends what is under way; it answers each by its deadline.
	 */
	ACT_GATE,	  /* may we take over? */
	ACT_PROMOTE,	  /* make the database writable; done already is success */
	ACT_FENCE,	  /* make it read-only; done already is success */
	ACT_RELEASE,	  /* prepare the hand-over to node (-1: whoever takes it) */
	ACT_EVIDENCE_GET, /* is node's machine stopping, stopped or terminated? */
	ACT_TYPES
};

enum core_note {
	NOTE_DRIFT,	  /* a route is not ours any more: putting it back */
	NOTE_PARTITIONED, /* owner not heard, but it touches */
	NOTE_HEARD_AGAIN,
	NOTE_SUSPECT, /* owner silent: asking the parameter */
	NOTE_UNCONFIRMED,
	NOTE_DEGRADED,
	NOTE_STRANGER,	     /* the parameter names nobody we know */
	NOTE_CONFIG_DIFFERS, /* node's configuration is not ours */
	NOTE_TAKEN_BACK,     /* nobody took the planned hand-over */
	NOTE_ROUTE_FIGHT,    /* a route was moved away again and again: left alone for a while */
	NOTE_THAWED,	     /* maintenance had an end, and it has come */
	NOTE_GATE_SHUT,	     /* the gate refused a claim */
	NOTE_PROMOTE_FAILED,
	NOTE_FENCE_FAILED,
	NOTE_RELEASE_REFUSED,  /* by the hook before a planned hand-over */
	NOTE_SOFTWARE_DIFFERS, /* node runs another version of the program */
	NOTE_WOULD_CLAIM,      /* observing: here the VIP would have been claimed, for reason */
	NOTE_COUNT
};

struct action {
	enum action_type type;
	unsigned int instance;
	unsigned int table;
	int node;
	uint32_t op;	   /* handed back in the answer */
	mono_us not_after; /* calls: not to be sent later than this */
	mono_us deadline;  /* calls: the whole call */
	enum core_state old_state, state;
	enum core_reason reason;
	enum core_note note;
	bool create;
};

struct actions {
	unsigned int count;
	struct action items[CORE_ACTIONS_MAX];
};

/* --- the machine: fields are for this folder and for status; others only read ------ */

/* What a peer last said about an instance. */
struct view {
	enum core_state state;
	uint16_t flags;
	uint8_t priority;
	mono_us act_seen;   /* receipt of its last fresh heartbeat in an acting state */
	mono_us touch_seen; /* its touch moved and lists the instance as acting */
	uint64_t disclaimed;
	mono_us covered_at; /* when that disclaim was first known */
	int handover_to;
};

/* The parameter P as this node knows it. */
struct record {
	bool known;
	uint64_t version;   /* kv; while nothing is known: what an earlier run knew, or 0 */
	int owner;	    /* ko */
	int recalled;	    /* owner of version by an earlier run; OWNER_NOBODY: no more needed */
	mono_us first_seen; /* o_kv: when this version was first known */
	mono_us mtime;
	uint32_t life;	      /* raised when P was deleted and made anew */
	uint64_t odd_version; /* contradicting read that waits for a second one */
	mono_us odd_since;    /* MONO_NEVER = none */
	mono_us disputed;     /* a peer tells this version with another owner; MONO_NEVER = no */

	uint32_t op;	    /* in flight, 0 = none */
	bool putting;	    /* it is a Put */
	mono_us asked;	    /* when the last read was started */
	mono_us read_at;    /* start of the last answered read */
	mono_us answered;   /* when that answer came */
	mono_us first_read; /* start of the first read of this version since the owner fell silent
			     */
	mono_us reachable; /* start of the last read that was answered at all, throttled included */
	mono_us retry_at;
	mono_us throttled;    /* last time */
	mono_us outage_since; /* reads have failed by the store's fault ever since; MONO_NEVER = no
			       */
	unsigned int failures;
	unsigned int slow;	  /* V is doubled so often: reads of P were throttled */
	enum outcome outcome;	  /* of the last read */
	enum outcome put_outcome; /* of the last Put */
};

struct route {
	uint32_t op;
	bool writing;
	int target; /* by the last read believed, TARGET_UNREAD at first */
	mono_us asked;
	mono_us read_at;    /* start of the last answered read */
	mono_us same_since; /* start of the first read of the run that gave this target */
	mono_us reachable; /* start of the last read that was answered at all, throttled included */
	mono_us written;   /* send time of our last successful write */
	mono_us mine_at;   /* when it was last seen, or written, to point at us */
	mono_us mended[3]; /* V1: when a drift of it was mended, newest first */
	mono_us retry_at;
	unsigned int failures;
	bool wanted;	      /* to be written for this claim */
	bool unsettled;	      /* a write ended unknown: look before writing again */
	bool tried;	      /* a read ended at least once, well or badly */
	enum outcome outcome; /* of the last call */
};

enum claim_kind {
	CLAIM_FAST, /* on the owner's disclaim: routes in parallel with the Put */
	CLAIM_SILENT,
	CLAIM_CREATE, /* P is absent */
	CLAIM_OWN,    /* our own disclaim, or a stranded owner: Put, confirm, route */
	CLAIM_GAP,    /* a Put of a MASTER met another Put: ask again */
	CLAIM_ROUTE,  /* the store is away: only the routes are claimed */
};

struct claim {
	enum claim_kind kind;
	uint64_t base; /* version before our Put */
	uint32_t life;
	mono_us since;
	mono_us put_at;	    /* next Put may go */
	mono_us settled_at; /* a read started before this confirms nothing */
	unsigned int puts;  /* so far; 0 = none may have been applied */
};

struct duty {
	uint32_t op; /* under way, 0 = none */
	mono_us asked;
	mono_us deadline;
	mono_us answered;
	mono_us retry_at;
	unsigned int failures; /* in a row */
	enum outcome outcome;  /* of the last answer */
};

/* What an operator wants of one instance. */
struct order {
	enum core_command command;
	int node; /* target, or -1 */
	mono_us until;
};

/* The end of an acting state, while it is under way (depart.c). */
struct departure {
	enum { DEPARTURE_NONE, DEPARTURE_RELEASING, DEPARTURE_FENCING } step;
	enum core_state state;
	enum core_reason reason;
	int target; /* of a hand-over, or -1 */
};

struct instance {
	struct core_instance_config config;
	enum core_state state;
	enum core_reason reason;
	mono_us since;	      /* in this state */
	mono_us begun;	      /* with the node, or later by core_carry() */
	mono_us acting_since; /* CLAIMING or MASTER; MONO_NEVER when not acting */
	mono_us touch_sent;   /* send time of the last Put that renewed the lease */
	uint64_t disclaimed;
	uint64_t promise; /* version on whose disclaim we act unrecorded, 0 = none */
	bool by_route;	  /* there is no such disclaim: the owner was silent and the store away */
	mono_us route_taken; /* when that was last done: once per silence */
	mono_us touch_at;    /* next touch of P itself (touch = owner) */
	struct record record;
	struct claim claim;
	struct view view[CORE_NODES_MAX];
	struct route *routes; /* config.tables of them, the caller's memory */

	unsigned int routes_slow; /* V of the routes is doubled so often */
	bool tables_sought;	  /* discovers: looked for at least once, well or badly */
	bool own_link_up;
	bool link_up; /* of every instance of the sync group */
	bool standby;
	bool frozen;
	mono_us frozen_until; /* MONO_NEVER = until told */
	bool alias_present;
	bool alias_pending; /* asked for, answer not yet there */
	bool alias_asked;   /* what was asked for last: present or not */
	bool alias_kept;    /* FAULT: kept because nobody else can serve */
	mono_us alias_retry;
	mono_us alias_lost[5]; /* when others removed it, newest first */
	mono_us alias_quiet;   /* no fighting before this */
	mono_us claim_after;   /* back-off after a failed claim */
	mono_us hold_until;
	mono_us last_failure;
	unsigned int failures;
	unsigned int leader; /* of its sync group: the first instance in it, or itself */
	bool follow;	     /* one of its group has failed: leave as well */
	bool ordered;	     /* order is still to be carried out */
	struct order order;
	mono_us fit_since;     /* eligible, and beside no better MASTER; MONO_NEVER = is not */
	mono_us preempt_after; /* no preempting before this */
	struct duty duties[CORE_DUTIES];
	struct departure departure;
	bool promoted;	 /* in this reign: the database is known to be writable */
	bool fenced;	 /* the database is known to be read-only */
	bool gate_shut;	 /* what the gate would say, by news unasked for */
	int handover_to; /* -1 = none; else the node meant to take over */
	mono_us handover_until;
	mono_us stall;	       /* the loop stood still for so long, not yet acted upon */
	mono_us confirm_after; /* resumed: P must be read from here on before anything is trusted */
	uint32_t flags;	       /* core_flag */
	uint32_t blockers;     /* core_blocker, as of the last step */
};

/* A node's touch parameter as read by us, and our own as written. */
struct touch_reader {
	uint32_t op;
	uint64_t version; /* 0 = not yet read in this session of the node */
	mono_us moved_at; /* start of the read that first saw it; MONO_LONG_AGO: never seen to move
			   */
	mono_us asked;
	mono_us read_at;
	mono_us answered;
	mono_us retry_at;
	enum outcome outcome;
};

struct touch_writer {
	uint32_t op;
	mono_us asked;
	mono_us next;
	unsigned int failures;
	enum outcome outcome;
	bool landed; /* once, in this run */
};

/* What is known of a node's machine from its cloud. */
struct evidence {
	uint32_t op;
	mono_us asked;
	mono_us retry_at;
	mono_us gone_since; /* start of the first read of the run that shows it stopped */
	mono_us gone_at;    /* start of the last one */
};

struct core {
	struct core_config config;
	mono_us started;
	mono_us wake;	    /* when to look again */
	mono_us hello_at;   /* next heartbeat by schedule */
	mono_us burst_at;   /* next copy of a disclaim */
	unsigned int burst; /* copies left */
	bool hello_now;	    /* news: do not wait for the schedule */
	uint64_t seq;
	uint64_t rng;
	uint32_t op;
	bool target_known;
	bool source_dest_check;
	bool stopping;
	struct health health[CORE_TRACKS_MAX];
	struct peer peers[CORE_NODES_MAX];
	struct touch_reader touch_read[CORE_NODES_MAX];
	struct touch_writer touch_write;
	struct evidence evidence[CORE_NODES_MAX];
	bool config_differs[CORE_NODES_MAX];
	bool software_differs[CORE_NODES_MAX];
	uint16_t software[CORE_NODES_MAX]; /* as heard */
	bool awaited[CORE_NODES_MAX];	   /* came by core_carry() and was not heard yet */
	struct instance *instances;	   /* the caller's memory */
};

/*
 * Makes a node out of a configuration.
 *
 * @instances	config->instance_count of them, @routes: the sum of their
 *		tables (of tables_room where that is more); both the caller's memory, zeroed by the
 *caller, kept as long as the core.
 */
void core_init(struct core *core, mono_us now, const struct core_config *config,
	       struct instance *instances, struct route *routes);

/*
 * What of an instance outlives the process: what it promised, what it was told
 * to keep, and how far P had counted. agent/state.h writes it down.
 */
struct core_saved {
	uint32_t life;
	uint64_t version; /* newest known of P, 0 = none */
	int owner;	  /* as of that version; believed only when the store is away */
	uint64_t disclaimed;
	bool standby;
	bool frozen;
	mono_us frozen_until; /* MONO_NEVER = until told */
	mono_us hold_until;   /* MONO_LONG_AGO = no hold */
	mono_us last_failure; /* MONO_LONG_AGO = none */
	unsigned int failures;
};

void core_save(const struct core *core, unsigned int instance, struct core_saved *saved);
/*
 * Right after core_init(). The owner is asked again; but no version that was
 * disclaimed is acted upon, and a read that has not come as far as @saved is
 * stale, or P was made anew.
 */
void core_restore(struct core *core, unsigned int instance, const struct core_saved *saved);

/* What was what before a change of configuration. */
struct core_map {
	int nodes[CORE_NODES_MAX];   /* the node that was n is now ..., -1 = is none any more */
	int tracks[CORE_TRACKS_MAX]; /* what is now check k was ..., -1 = is new */
	const int *instances;	     /* the same of the instances */
	const int *routes;	     /* what is now in this place of the memory of routes was
				      * route ... of the same instance; -1 = leads elsewhere, is new */
	const bool *readdressed;     /* the instance's addresses are other ones now */
};

/*
 * Right after core_init() of @to with another configuration: the machine that
 * was @from goes on as @to, the same run to its peers. States, knowledge,
 * promises, calls under way and times are kept; what is new begins at @now.
 * @from is not used any more. An instance that acts must not be left out: it
 * is to leave in order before.
 */
void core_carry(struct core *to, mono_us now, const struct core *from, const struct core_map *map);

/*
 * Advances the machine by one event.
 *
 * @core  owned by the caller; the only state read or written.
 * @now   monotonic microseconds, never less than on the previous call.
 * @ev	  borrowed for this call only.
 * @out	  emptied here, then filled with actions in the order in which the
 *	  caller must carry them out. When it is full the rest follows at once:
 *	  core_deadline() then says now.
 * Cannot fail: an event that makes no sense in this state changes nothing.
 */
void core_step(struct core *core, mono_us now, const struct event *ev, struct actions *out);

/* When to call core_step() with EV_TICK if nothing else happens. */
mono_us core_deadline(const struct core *core);

/*
 * Fills the heartbeat for @node with instances from @first on and numbers it.
 * Returns the index of the first instance that did not fit (instance_count
 * when all did), so a caller sends packets until it gets that.
 */
unsigned int core_hello(struct core *core, mono_us now, unsigned int node, unsigned int first,
			struct hello *hello);

/* What our touch parameter should list now. */
void core_touch(const struct core *core, struct touch *touch);

/* Why a command would be refused now. */
enum core_refusal {
	REFUSE_NOT,
	REFUSE_NOT_MASTER,
	REFUSE_SELF,	/* the target is this node */
	REFUSE_NO_PEER, /* no peer is eligible */
	REFUSE_TARGET_SILENT,
	REFUSE_TARGET_HOLD,    /* target is held back after a failure: ack it there */
	REFUSE_TARGET_UNFIT,   /* target says it is not eligible */
	REFUSE_TARGET_BLOCKED, /* its gate would refuse */
	REFUSE_FROZEN,	       /* maintenance is on */
	REFUSE_BUSY,	       /* a hand-over is under way */
	REFUSE_COUNT
};
enum core_refusal core_refuses(const struct core *core, mono_us now, const struct event *command);

/* For status: the peers and lease as numbers. */
bool core_hears(const struct core *core, mono_us now, unsigned int node);

/* What its tracks make of this node's priority for an instance: 1 to 254; 1 while it is behind. */
unsigned int core_priority(const struct core *core, unsigned int instance);
/* What one of them adds; 0 when it has no weight there. */
int core_track_adds(const struct core *core, unsigned int instance, unsigned int track);

/* Names for logs, scripts and status; never NULL. */
const char *core_state_name(enum core_state state);
const char *core_reason_name(enum core_reason reason);
const char *core_note_name(enum core_note note);
const char *core_event_name(enum event_type type);
const char *core_refusal_name(enum core_refusal refusal);
/* The word of the lowest bit of @set; call again with the bit cleared. */
const char *core_blocker_name(uint32_t set);
const char *core_flag_name(uint32_t set);

/* An order to change something outside: none is given, or carried out, by one that observes. */
bool core_changes(enum action_type type);

static inline unsigned int core_tables_room(const struct core_instance_config *config)
{
	return config->tables_room > config->tables ? config->tables_room : config->tables;
}

static inline bool core_acting(const struct instance *in)
{
	return in->state == CORE_CLAIMING || in->state == CORE_MASTER;
}

#endif
