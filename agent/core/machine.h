/* SPDX-License-Identifier: MIT */
/*
 * What the rooms of the core share and nobody else sees. A *turn* is one look
 * at one instance at one moment: facts in core and instance, actions out.
 *
 *   core.c    the door: learn the event, give every instance a turn, heartbeat
 *   record.c  the parameter P: knowledge (K1, K2), reading it, writing it
 *   routes.c  the route tables: reading, writing, drift (V1)
 *   lease.c   acks, touches (T2) and the lease (F1)
 *   outage.c  the route decides while the store is away and the owner silent
 *   claim.c   why a BACKUP may claim (A1, C1-C4) and how a claim goes on (C5)
 *   evidence.c  a silent owner whose machine is known to be stopped
 *   group.c   instances that move together, and nodes that want the VIP back
 *   orders.c  operators
 *   states.c  one function per state, enter()
 *   depart.c  how an acting state ends: leave()
 *   duty.c    gate, promotion, fence and release hook
 *   fitness.c who may take the VIP: blockers, hold, rank
 *   observe.c one that decides and changes nothing
 *   carry.c   another configuration, the same run
 */
#ifndef AGENT_CORE_MACHINE_H
#define AGENT_CORE_MACHINE_H

#include "agent/core/core.h"
#include "agent/core/planted.h"

/* How long an answer of the cloud may show what was before our own write. */
#define READ_MAY_BE_STALE (10 * SEC)

struct turn {
	struct core *core;
	struct instance *in;
	unsigned int index; /* of in */
	mono_us now;
	struct actions *out;
};

static inline const struct timers *timers_of(const struct turn *t)
{
	return &t->core->config.timers;
}

static inline int self_of(const struct core *core)
{
	return (int)core->config.self;
}

/* Since when it has listened to the peers. */
static inline mono_us begun(const struct core *core, const struct instance *in)
{
	return mono_max(core->started, in->begun);
}

/*
 * True when @at has come. Otherwise the machine looks again at that time, so
 * no rule that waits for a moment can be forgotten in core_deadline().
 */
bool due(const struct turn *t, mono_us at);
/* Not longer than @span since @then. Looks again when that ends. */
bool lately(const struct turn *t, mono_us then, mono_us span);

/*
 * The period of a steady look that throttled reads have made slower: doubled by each, up to
 * five minutes, and halved again by each that was answered. What waits for an answer (a claim,
 * a silent owner, a drift) is never slowed.
 */
#define SLOW_MAX 6
static inline mono_us slowed(mono_us period, unsigned int slow)
{
	return mono_max(period, mono_min(period << slow, 300 * SEC));
}

struct action *emit(struct turn *t, enum action_type type);
void note(struct turn *t, enum core_note what, int node);
/* Full jitter: 0..limit. From the seed, never from rand(). */
mono_us jitter(struct core *core, mono_us limit);
/* A fresh operation number. */
uint32_t next_op(struct core *core);
/* Wait before try number @failures again: full jitter, 0.2 s doubling to 2 s;
 * half a minute when asking again is useless. */
mono_us backoff(struct core *core, enum outcome outcome, unsigned int failures);
/* True when this changed it. */
bool set_flag(struct instance *in, enum core_flag flag, bool on);

/* record.c */
void record_init(struct record *record);
void record_hear(struct instance *in, mono_us now, const struct hello_instance *said, int owner);
void record_read(struct core *core, struct instance *in, mono_us now, const struct event *ev);
void record_written(struct core *core, struct instance *in, mono_us now, const struct event *ev);
/* Asks for P when the last question is @period old. */
void record_refresh(struct turn *t, mono_us period);
/* Asks for P at once unless a call is under way or backing off. */
void record_ask(struct turn *t);
void record_put(struct turn *t, bool create);
/* P was read by ourselves, started at or after @from, answered less than eps ago. */
bool record_just_read(const struct turn *t, mono_us from);
/* Nothing can be read: takes what an earlier run knew for known. */
void record_recall(struct record *record, mono_us started);
/* v <= what its owner has promised not to act on. */
bool record_covered(const struct instance *in, const struct core *core);
void record_disclaim(struct core *core, struct instance *in);

/* routes.c */
void route_init(struct route *route);
void route_read(struct core *core, struct instance *in, mono_us now, const struct event *ev);
void route_written(struct core *core, struct instance *in, mono_us now, const struct event *ev);
/* The set of tables is another: from ev->table on everything must be read anew. */
void routes_found(struct instance *in, const struct event *ev);
void routes_refresh(struct turn *t, mono_us period);
/* Wants every table that is not known to be ours since @since: what was known before may
 * be of an earlier reign. */
void routes_want(struct turn *t, mono_us since);
void routes_unwant(struct turn *t);
void routes_write(struct turn *t); /* what is wanted and may be written now */
void routes_mend(struct turn *t);  /* V1: drift, seen twice, P confirmed after */
/* What entitles to a write: the owner's promise, or P read just now and after @from, and ours. */
bool routes_entitled(const struct turn *t, mono_us from);
bool routes_tried(const struct instance *in);
bool routes_all_mine(const struct turn *t);
bool routes_any_mine(const struct turn *t);
/* When one of them was last seen to be ours, or will be mended again after a fight: whoever
 * moves it from us again and again would move it from a peer as well. */
mono_us routes_mine_at(const struct instance *in);
bool routes_at_peer(const struct turn *t);
mono_us routes_reachable_since(const struct instance *in); /* of the table reached last */
/* Some table points at another than @owner, seen twice V_fast apart. */
bool routes_stranded(const struct turn *t, int owner);
/* Period at which an acting instance should read the routes now. */
mono_us routes_period(const struct turn *t);
/* The same for one that does not act: soon after the owner has changed, else V_b. */
mono_us routes_idle_period(const struct turn *t);

/* lease.c */
mono_us lease_base(const struct turn *t);
bool lease_acked(const struct turn *t); /* every peer acked within U */
void lease_watch(struct turn *t);	/* F1: may leave the state */
bool touch_lands(const struct turn *t); /* the last touch was written */
bool touch_throttled(const struct turn *t);
void touch_owner(struct turn *t); /* MASTER, touch = owner: T1 */
void touch_settle(struct core *core, mono_us now, struct actions *out);
void touch_read(struct core *core, mono_us now, const struct event *ev);
/* The node has restarted: what its touch says until it moves is of an earlier run. */
void touch_begins_anew(struct core *core, int node);
void touch_written(struct core *core, mono_us now, const struct event *ev);
void touch_refresh(struct turn *t, int node, mono_us period);
mono_us touch_idle_period(const struct turn *t, int node); /* while its node is heard */

/* claim.c */
void claim_consider(struct turn *t); /* BACKUP: A1, C1, C2, C3, C4 */
void claim_continue(struct turn *t); /* CLAIMING: C5 */
void claim_record(struct turn *t);   /* MASTER: P absent, a stranger's, or not yet ours */
void claim_written(struct turn *t, const struct event *ev);
mono_us claim_quiet_from(const struct core *core, const struct instance *in);
void claim_begin(struct turn *t, enum claim_kind kind, enum core_reason reason);

/* outage.c */
void outage_consider(struct turn *t); /* BACKUP, nobody acts */
/* INIT: what an earlier run knew of P has to do. */
void outage_start(struct turn *t);
/* INIT: P, by what is known of it, names us: MASTER without having read it? */
bool outage_adopt(struct turn *t);
/* We act by the route alone and it is back at the owner, who then lives; or a route was moved to
 * a peer that could serve, and P cannot be asked. */
bool outage_conceded(const struct turn *t);
mono_us outage_route_period(const struct turn *t); /* MONO_NEVER: no hurry */

/* observe.c */
bool observes(const struct turn *t);
void observe_duties(struct core_instance_config *config);
/* A claim would begin here: told once, and not begun. */
void observe_claim(struct turn *t, enum core_reason reason);
/* What was told still stands: there is nothing to decide before P has moved or the owner is back.
 */
bool observe_told(struct turn *t);

/* states.c */
void settle(struct turn *t);
void enter(struct turn *t, enum core_state state, enum core_reason reason);
void alias_seen(struct instance *in, mono_us now, const struct event *ev);

/* orders.c */
void orders_take(struct turn *t, const struct event *ev);
void orders_carry_out(struct turn *t);

/* group.c */
void group_init(struct core *core);
/* An interface of one of them is up or down: so is that of all. */
void group_links(struct core *core);
void group_link(struct core *core, unsigned int index, bool up);
/* Both are of one sync group, or the same. */
bool group_mates(const struct core *core, unsigned int one, unsigned int other);
/* This instance has failed here: its mates go as well. */
void group_fail(struct turn *t);
void group_follow(struct turn *t);
bool group_elsewhere(const struct turn *t); /* a peer acts on the leader of the group */
bool group_here(const struct turn *t);	    /* we do */
/* MASTER: hands over to the node that its group is on, or that asks by right. */
void group_yield(struct turn *t);
/* BACKUP: asks the MASTER for the VIP, or no longer. */
void group_want(struct turn *t);

/* evidence.c */
void evidence_learn(struct core *core, mono_us now, const struct event *ev);
/* The owner, silent since @since, cannot act: when that was certain, else MONO_NEVER. */
mono_us evidence_found(struct turn *t, int owner, mono_us since);

/* depart.c */
/* Leaves an acting state: writes cancelled, fenced, alias off, disclaimed, told. At once, or
 * when the database has answered. */
void leave(struct turn *t, enum core_state state, enum core_reason reason);
/* The same by an operator's will: the release hook is asked before. */
void leave_planned(struct turn *t, enum core_state state, enum core_reason reason, int target);
void depart_continue(struct turn *t);
void drop_alias(struct turn *t);
/* P names another that has not renounced: it serves, though we may not hear it. */
bool taken_over(const struct turn *t);

/* duty.c */
void duty_init(struct instance *in);
void duty_begin(struct instance *in); /* an acting state begins */
void duty_end(struct instance *in);   /* an acting state ends */
void duty_answered(struct turn *t, enum core_duty which, const struct event *ev);
/* The database of @track was away: what was known of it may be wrong. */
void duty_forget(struct core *core, unsigned int track);
bool duty_gate(struct turn *t);		    /* open: asked for this claim, answered lately */
bool duty_gate_waits(const struct turn *t); /* it refused and is not to be asked yet */
void duty_promote(struct turn *t);
bool duty_promoted(const struct turn *t); /* routes may lead to the database */
bool duty_promote_failed(const struct turn *t);
bool duty_fence(struct turn *t); /* asks; true when there is nothing to wait for */
bool duty_fence_done(struct turn *t);
void duty_release(struct turn *t, int target);
void duty_settle(struct turn *t); /* before the state looks: what is over, what is missing */
void duty_flags(struct turn *t);  /* after it */

/* fitness.c */
uint32_t blockers(const struct turn *t);
bool eligible(const struct turn *t);
bool healthy(const struct turn *t);	 /* nothing says it cannot serve */
bool unhealthy(const struct turn *t);	 /* something says it cannot */
bool check_failed(const struct turn *t); /* the database does not serve */
bool peer_heard(const struct turn *t, unsigned int node);
bool peer_could_serve(const struct turn *t); /* a heard peer is eligible or acting */
/* One that goes before us by priority, then by place in the configuration. */
bool peer_better(const struct turn *t, unsigned int node);
bool node_better(const struct core *core, unsigned int node); /* by configuration alone */
bool peer_acts(const struct turn *t, unsigned int node);      /* heard, and acting */
bool peer_acting(const struct turn *t);			      /* some peer acts */
unsigned int rank(const struct turn *t);		      /* better candidates heard */
void failed(struct turn *t);				      /* count a failure, start the hold */

#endif
