/* SPDX-License-Identifier: MIT */
/*
 * The one place that knows both sides: callbacks of the shells become events,
 * core_step() decides, its actions start work in the shells.
 *
 *   agent.c    callbacks -> events, the door agent_feed(), the timer, open and close
 *   apply.c    actions -> shells
 *   around.c   links and addresses -> events
 *   answers.c  finished AWS jobs and identity -> events
 *   tables.c   which route tables there are: listed, or found in the VPC
 *   cloud.c    configuration -> the AWS worker; what AWS announces -> hand-overs
 *   database.c duties -> orders to mysqld and hooks, reports -> events
 *   watches.c  scripts, files, processes and interfaces that are tracked
 *   positions.c positions of the databases between nodes, rejoining
 *   memory.c   the state file and the journal
 *   wish.c     a switchover asked for where the VIP is to go
 *   reload.c   another configuration, while everything goes on
 *   command.c  request lines of the control socket -> events and answers
 *   events.c   what happened, kept for people
 *   status.c   the state of everything as JSON
 *   why.c      the present state as a chain of facts
 */
#ifndef AGENT_AGENT_H
#define AGENT_AGENT_H

#include <ev.h>

#include "agent/control.h"
#include "agent/core/core.h"
#include "agent/database.h"
#include "agent/heartbeat.h"
#include "agent/mycheck.h"
#include "agent/notify.h"
#include "agent/stages.h"
#include "agent/watcher.h"
#include "aws/aws.h"
#include "conf/conf.h"
#include "netlink/netlink.h"

#define AGENT_EVENTS_MAX 128
#define AGENT_REASON_MAX 128 /* with the NUL */
/*
 * A job names its instance by the configured id, so that its answer finds the
 * right one (or none) whatever was reloaded meanwhile. This one is of no
 * instance, and its table is the id of a node.
 */
#define AGENT_TOUCH ((unsigned int)-1)

/*
 * One table of an instance. The core counts routes: every address in the
 * first table, then in the next, so that a table more at the end changes no
 * other's number.
 */
struct agent_table {
	char id[AWS_ID_MAX];
	bool found; /* by discovery, not by the configuration */
};

/* One route of an instance (VIP x table, the core's table index) in words. */
struct agent_route {
	char target[AWS_ID_MAX]; /* the interface it points at, as last read */
	char *error;		 /* of the last call, NULL = none */
};

/* Beside what the core knows of an instance: words for people. */
struct agent_instance {
	struct agent_table *tables; /* those in use; room for table_room */
	unsigned int table_count;
	unsigned int table_room;
	ev_timer tables_timer;	    /* when to look for tables again */
	double last_transition;	    /* wall clock, seconds since the epoch */
	char value[CONF_NAME_MAX];  /* the parameter's value as last read */
	char type[AWS_TYPE_MAX];    /* of the parameter, kept when it is written */
	char *record_error;	    /* of the last call, NULL = none */
	struct agent_route *routes; /* route_count of them, owned */
	unsigned int route_count;
	unsigned int route_room;
	char reason[AGENT_REASON_MAX]; /* an operator's, for the maintenance; "" = none */
	char told[16];		       /* keepalived's word last given to scripts */
	bool alias_changed;	       /* the kernel has told of a change: to be looked at */
	bool alias_report;	       /* the core waits to hear how plumbing went: */
	bool alias_added;	       /* all there, or all gone, */
	bool alias_failed;	       /* unless this */
	bool sent_away;		       /* ordered to leave because the next file has it not */
};

/* What is tracked beside mysqld: conf_watch() of the same number. */
struct agent_watch {
	struct agent *agent;
	struct watcher_result result;
	/* Of a script: */
	ev_timer timer; /* when to ask for it again */
	mono_us asked_at;
	mono_us answered;     /* when the runner last answered at all */
	uint32_t asked;	      /* number of what the runner was asked, 0 = nothing */
	unsigned int took_ms; /* what the last run took */
};

enum agent_event_kind { EVENT_NOTE, EVENT_STATE, EVENT_CHANGE };

struct agent_event {
	enum agent_event_kind kind;
	double when; /* wall clock */
	char text[240];
	/* Of a state or a change: */
	char instance[CONF_NAME_MAX]; /* it may be configured no more */
	enum core_state from, to;
	enum core_reason reason;
	uint64_t term;
	/* Of a change: */
	bool takeover;	/* or this node left */
	double decided; /* wall clock, as when, which is its end */
	double sign;
	double promote_from;  /* 0 = no promotion */
	mono_us took[STAGES]; /* -1 = not part of it */
};

struct agent {
	struct ev_loop *loop;
	struct conf *conf; /* borrowed from main */
	struct core core;
	struct instance *instances;
	struct route *routes;
	struct actions todo;
	struct agent_instance *extra; /* one per instance */

	struct memory *memory;
	struct heartbeat *heartbeat;
	struct netlink *netlink;
	struct mycheck *checks[CONF_TRACKS_MAX];
	struct mycheck_result results[CONF_TRACKS_MAX];
	enum mycheck_role roles[CONF_TRACKS_MAX];
	struct agent_watch watches[CONF_WATCHES_MAX];
	struct watcher *watch;		  /* files and processes, NULL = none */
	struct agent_database *databases; /* one per instance */
	ev_timer database_timer;
	struct aws *aws;
	struct notify *notify;
	struct control *control;

	ev_timer timer;	       /* at core_deadline() */
	ev_check woken;	       /* first thing after every wake-up: were we late? */
	ev_timer target_timer; /* source/destination check and the peers' interfaces */
	ev_timer leave_timer;  /* the next try to hand over because of a notice */
	ev_timer settle_timer; /* when to look at an address that has changed */
	ev_timer exit_timer;   /* ends the loop, after a moment for the last notifications */
	mono_us deadline;
	mono_us started;
	mono_us stepped; /* last core_step: the watchdog is fed only while it moves */

	struct aws_identity identity;
	struct { /* of identity.interfaces */
		bool checked;
		bool on;
	} checks_of[AWS_INTERFACES_MAX];
	bool target_checked;	/* each of them */
	bool source_dest_check; /* on any of them */
	char target_error[512];
	bool address_seen;			   /* this host has carried our node's address */
	bool address_checked;			   /* EC2 said whose our node's address is */
	char clone_error[256];			   /* "" or: another instance's */
	char node_eni[CORE_NODES_MAX][AWS_ID_MAX]; /* "" = not known */
	char node_instance[CORE_NODES_MAX][AWS_ID_MAX];

	struct stages stages;			     /* how long fail-overs took */
	struct agent_event events[AGENT_EVENTS_MAX]; /* ring */
	unsigned int event_count;
	mono_us late_max;	   /* worst lateness of the loop */
	mono_us hello_late_max;	   /* worst heartbeat against its schedule */
	uint64_t hello_late_count; /* heartbeats more than 50 ms late */
	bool out_of_memory;	   /* the loop was left for it */
	struct {		   /* a switchover to this node that the owner is asked for */
		uint16_t id;	   /* of the instance */
		uint64_t term;
		mono_us until;
		ev_timer timer;
	} wish;
	struct {
		struct conf *next; /* waits until what is not in it has left; NULL = none */
		mono_us until;
		ev_timer timer;
		double at;	   /* wall clock of the configuration in force */
		unsigned int done; /* so many were taken, */
		unsigned int refused;
		char error[512]; /* why the file is not the configuration in force, "" = it is */
	} reload;
};

struct agent_paths {
	const char *control;
	const char *notify;
	const char *state; /* directory */
};

/* @conf stays the caller's; whatever agent->conf is before agent_close(). NULL with @err set. */
struct agent *agent_open(struct ev_loop *loop, struct conf *conf, const struct agent_paths *paths,
			 struct err *err);
void agent_close(struct agent *agent);

/* The door: the only caller of core_step(). */
void agent_feed(struct agent *agent, const struct event *ev);
/* Begins the planned stop; the loop breaks when it is complete. */
void agent_stop(struct agent *agent);
/*
 * HUP: reads the file again and goes on with it, all of it or nothing. Says in
 * @out, a line each, what changed or (@dry) would. 0, or -1 with @err; a file
 * that takes an acting instance away is taken once that has handed over.
 */
int agent_reload(struct agent *agent, bool dry, struct buf *out, struct err *err);
/* The loop runs and the core steps: the watchdog may be fed. */
bool agent_alive(const struct agent *agent);

/* --- between the files of the agent ------------------------------------------------- */

/* agent.c: what is made of agent->conf, at the start and by reload.c */
int agent_build_instances(struct agent *agent);
int agent_build_core(struct agent *agent, mono_us now);
void agent_free_instances(struct agent *agent);
struct wire_keys agent_keys(const struct conf *conf);
struct heartbeat *agent_open_heartbeat(struct agent *agent, struct err *err);
struct mycheck *agent_open_check(struct agent *agent, unsigned int track, struct err *err);

/* wish.c */
void agent_wish_open(struct agent *agent);
/* Asks the owner to hand @instance over to us. NULL, or why that would be in vain. */
const char *agent_wish(struct agent *agent, unsigned int instance, bool dry);
void agent_wish_heard(struct agent *agent, const struct hello *hello);

/* reload.c */
void agent_reload_open(struct agent *agent);
void agent_reload_close(struct agent *agent);

/* apply.c */
/* Takes away what the instance of another configuration had and this one has not. */
void agent_unplumb(struct agent *agent, const struct conf_instance *before);
void agent_apply(struct agent *agent, const struct action *act);
/* Hands a hook to the runner; returns its number. */
uint32_t agent_run_hook(struct agent *agent, const struct action *act, const char *word);
/* All VIPs of an instance are there (or, when @any, one of them). */
bool agent_plumbed(struct agent *agent, unsigned int instance, bool any);

/* around.c */
int agent_open_netlink(struct agent *agent, struct err *err);
void agent_close_netlink(struct agent *agent);
/* Every link and every address of ours, as they are now. */
void agent_look_around(struct agent *agent);

/* events.c */
/* Keeps a line for `zonevipctl events`. */
__attribute__((format(printf, 2, 3))) void agent_remember(struct agent *agent, const char *fmt,
							  ...);
void agent_remember_state(struct agent *agent, const struct action *act);
/* Take-overs and departures that have ended since the last call, with their stages. */
void agent_remember_changes(struct agent *agent);
void agent_events_text(const struct agent *agent, struct buf *reply);
int agent_events_json(const struct agent *agent, struct buf *reply);
/* Seconds since the epoch: for people only, decides nothing. */
double agent_wall_clock(void);

/* cloud.c */
struct aws *agent_open_aws(struct agent *agent, struct err *err);
unsigned int agent_api_budget(const struct conf *conf);
/* Looks whether this host carries our node's address: until it does, nothing is asked of AWS. */
void agent_look_for_address(struct agent *agent);
/* The identity has been reported: notices may have come, changed or gone. */
void agent_on_notices(struct agent *agent, const struct aws_notice before[AWS_NOTICES]);
const char *agent_notice_name(enum aws_notice_kind kind);
enum conf_policy agent_notice_policy(const struct agent *agent, enum aws_notice_kind kind);

/* answers.c */
void agent_on_job(void *arg, struct aws_job *job);
void agent_on_identity(void *arg, const struct aws_identity *identity);
void agent_check_target(struct agent *agent);

/* tables.c */
int agent_tables_open(struct agent *agent, unsigned int instance);
void agent_tables_close(struct agent *agent, unsigned int instance);
/* We know who we are: look for the tables of every instance that discovers. */
void agent_tables_look(struct agent *agent);
void agent_tables_wake(struct agent *agent, unsigned int instance, double seconds);
void agent_tables_done(struct agent *agent, const struct aws_job *job);
/* Of a route by the core's number. */
const char *agent_table_id(const struct agent *agent, unsigned int instance, unsigned int route);
const struct ip *agent_route_vip(const struct agent *agent, unsigned int instance,
				 unsigned int route);
/* Its number, or -1. */
int agent_route_by(const struct agent *agent, unsigned int instance, const char *table,
		   const struct ip *vip);
/* After agent_tables_open(): those that an instance of the configuration before has found. */
void agent_tables_carry(struct agent *agent, unsigned int instance,
			const struct agent_instance *before);

/* database.c */
bool agent_commands_database(const struct conf_instance *conf);
void agent_database_core(const struct conf_instance *conf, struct core_instance_config *core);
int agent_database_build(struct agent *agent);
void agent_database_open(struct agent *agent);
void agent_database_close(struct agent *agent);
void agent_database_duty(struct agent *agent, const struct action *act);
void agent_database_checked(struct agent *agent, unsigned int track);
void agent_database_heard(struct agent *agent, const struct hello *hello);
void agent_database_settle(struct agent *agent);
void agent_on_report(void *arg, unsigned int track, const struct mycheck_report *report);
/* False: that was no hook. */
bool agent_hook_ended(struct agent *agent, const struct notify_report *report);

/* watches.c */
/* The tracks of the core: first those of mysqld, then what is watched. */
const char *agent_track_name(const struct conf *conf, unsigned int track);
void agent_watch_tracks(const struct conf *conf, struct core_config *core);
void agent_watch_weights(const struct conf *conf, const struct conf_instance *instance,
			 struct core_instance_config *core);
/* Its number, or -1. */
int agent_watch_by(const struct conf *conf, enum conf_watch_kind kind, const char *name);
/* The thread for files and processes of agent->conf, at agent->watch. */
int agent_watcher_open(struct agent *agent, struct err *err);
/* What was known of those that are tracked still; scripts are asked from now on. */
void agent_watches_carry(struct agent *agent, const struct conf *before);
int agent_watches_open(struct agent *agent, struct err *err);
void agent_watches_close(struct agent *agent);
/* Looks at @interface if it is tracked; NULL = at all that are. */
void agent_watch_links(struct agent *agent, const char *interface);
/* False: that was no check. */
bool agent_watch_reported(struct agent *agent, const struct notify_report *report);
struct json_t *agent_watches_json(struct agent *agent, mono_us now);
struct json_t *agent_weights_json(const struct agent *agent, unsigned int instance);
void agent_watches_why(const struct agent *agent, unsigned int instance, struct buf *reply);

/* positions.c */
void agent_tell_position(struct agent *agent, unsigned int instance, unsigned int copies);
void agent_foresee(struct agent *agent, unsigned int instance);
/* With more than two nodes: does another candidate have what our server lacks? */
void agent_compare(struct agent *agent, unsigned int instance);
void agent_rejoin(struct agent *agent, unsigned int instance);

/* dbstatus.c */
struct json_t *agent_database_json(const struct agent *agent, unsigned int instance);
void agent_database_why(const struct agent *agent, unsigned int instance, struct buf *reply);

/* command.c */
void agent_on_request(void *arg, const struct control_peer *peer, const char *line,
		      struct buf *reply);

/* status.c */
int agent_status_json(struct agent *agent, struct buf *reply);
/* The same for Prometheus. 0 or -1. */
int agent_status_metrics(struct agent *agent, struct buf *reply);
void agent_status_text(struct agent *agent, struct buf *reply);

/* why.c */
void agent_why(const struct agent *agent, unsigned int instance, struct buf *reply);

#endif
