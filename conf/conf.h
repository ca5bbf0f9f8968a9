/* SPDX-License-Identifier: MIT */
/*
 * The configuration as the program sees it: checked, defaults filled in, one
 * identical file on every host. Grammar and words: zonevip.conf(5); the one
 * table of words is conf/words.c. A struct conf is built whole or not at all,
 * so a bad file on reload leaves the running one untouched.
 */
#ifndef CONF_CONF_H
#define CONF_CONF_H

#include <limits.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

#include "agent/base/err.h"
#include "agent/base/ip.h"
#include "agent/base/mono.h"
#include "agent/base/timers.h"

#define CONF_NODES_MAX 8
#define CONF_INSTANCES_MAX 255
#define CONF_VIPS_MAX 8
#define CONF_TABLES_MAX 64
#define CONF_TRACKS_MAX 8
#define CONF_WATCH_SCRIPTS_MAX 8 /* each kind of watch */
#define CONF_WATCH_FILES_MAX 8
#define CONF_WATCH_PROCESSES_MAX 4
#define CONF_WATCH_INTERFACES_MAX 4
#define CONF_WATCHES_MAX                                                                           \
	(CONF_WATCH_SCRIPTS_MAX + CONF_WATCH_FILES_MAX + CONF_WATCH_PROCESSES_MAX +                \
	 CONF_WATCH_INTERFACES_MAX)
#define CONF_WEIGHT_MAX 253
#define CONF_WEIGHT_UNSET 1000 /* before load.c has resolved it */
#define CONF_GROUPS_MAX 32
#define CONF_MEMBERS_MAX 64
#define CONF_NAME_MAX 64 /* with the NUL: nodes, instances, tracks, cluster */
#define CONF_AWS_NAME_MAX 256
#define CONF_SCRIPT_MAX 512
#define CONF_TAG_MAX 400   /* KEY=VALUE: AWS allows 128 and 256 characters */
#define CONF_ROUTES_MAX 64 /* addresses times tables of one instance */

struct conf_node {
	char name[CONF_NAME_MAX]; /* the value that MasterDB_VIP carries */
	struct ip address;	  /* where its heartbeats come from and go to */
	unsigned int priority;	  /* 1..254, higher goes first */
	uint16_t id;		  /* conf_id(name): on the wire, the same on every host */
};

struct conf_heartbeat {
	uint16_t port;
	char key_file[PATH_MAX];
	unsigned int key_id;		/* of key_file, on the wire */
	char accept_key_file[PATH_MAX]; /* taken from peers as well; "" = none */
	unsigned int accept_key_id;	/* 0 = none */
	enum timers_profile profile;
	struct timers timers; /* profile with single values set on top, inequalities checked */
};

/* Verdicts that may make a node unfit, in the order of the words of unfit_on. */
enum conf_unfit {
	CONF_UNFIT_SLOW,
	CONF_UNFIT_FULL,
	CONF_UNFIT_READONLY,
	CONF_UNFIT_STALLED,
	CONF_UNFIT_HUNG,
	CONF_UNFIT_FAILED,
	CONF_UNFIT_DEAD,
	CONF_UNFIT_COUNT
};

/* track_mysql NAME: how the local mysqld is asked whether it serves. */
struct conf_track_mysql {
	char name[CONF_NAME_MAX];
	char socket[108]; /* unix socket path, or "" */
	struct ip host;	  /* with port, when socket is "" */
	uint16_t port;
	char user[CONF_NAME_MAX];
	char password_file[PATH_MAX]; /* first line is the password; "" for socket authentication */
	mono_us interval;	      /* start to start */
	mono_us timeout;	      /* of one whole check, connect included */
	unsigned int rise;
	unsigned int fall;
	uint16_t admin_port; /* asked when the other is full; 0 = none */
	bool tls;
	char tls_ca[PATH_MAX];
	mono_us slow;
	char query[CONF_SCRIPT_MAX]; /* "" = none */
	bool write_probe;
	bool galera;
	enum conf_unfit unfit[CONF_UNFIT_COUNT];
	unsigned int unfit_count;
	uint16_t replication_port; /* where a replica finds the other nodes' mysqld */
	char replication_user[CONF_NAME_MAX];
	char replication_password_file[PATH_MAX];
};

/* What is watched beside mysqld, with keepalived's words. */
enum conf_watch_kind {
	CONF_WATCH_SCRIPT,
	CONF_WATCH_FILE,
	CONF_WATCH_PROCESS,
	CONF_WATCH_INTERFACE,
	CONF_WATCH_KINDS
};

enum conf_match { CONF_MATCH_EXACT, CONF_MATCH_INITIAL, CONF_MATCH_PARTIAL };

/* vrrp_script, track_file or track_process NAME; or an interface that somebody tracks. */
struct conf_watch {
	char name[CONF_NAME_MAX];   /* of an interface: the device */
	char what[CONF_SCRIPT_MAX]; /* command, path of the file, or process with its arguments */
	char user[CONF_NAME_MAX];   /* of a script: script_user, or "" */
	mono_us interval;	    /* start to start */
	mono_us timeout;	    /* of a script; then it is killed and has failed */
	unsigned int rise;
	unsigned int fall;
	int weight; /* where an instance gives none; 0 = one that is down makes the node unfit */
	enum conf_match match;	 /* how the arguments of a process are compared */
	unsigned int quorum;	 /* so many processes at least */
	unsigned int quorum_max; /* and at most */
};

/* One line of track_script, track_file, track_process or track_interface. */
struct conf_tracked {
	char name[CONF_NAME_MAX];
	int weight;
};

/* The same, resolved. */
struct conf_weighed {
	unsigned int watch; /* of conf_watch() */
	int weight;
};

/* What to do where the source/destination check of our own interface is on. */
enum conf_check { CONF_CHECK_VERIFY, CONF_CHECK_FIX };

/* What is done about something that IMDS announces. */
enum conf_policy { CONF_POLICY_HANDOVER, CONF_POLICY_ALARM, CONF_POLICY_IGNORE };

struct conf_aws { /* "" = left out */
	char region[64];
	char endpoint_url_ec2[CONF_AWS_NAME_MAX]; /* "" = the public one of the region */
	char endpoint_url_ssm[CONF_AWS_NAME_MAX];
	char endpoint_url_sts[CONF_AWS_NAME_MAX];
	bool use_fips;
	bool use_dualstack;
	char proxy[CONF_AWS_NAME_MAX];
	char profile[CONF_NAME_MAX];
	char credentials_file[PATH_MAX];
	char config_file[PATH_MAX];
	char role_arn[640]; /* assumed for the calls about route tables */
	char external_id[1225];
	char role_session_name[65];
	unsigned int api_budget; /* calls an hour; 0 = 4 * conf_calls_an_hour() */
	enum conf_policy on_spot_interruption;
	enum conf_policy on_rebalance;
	enum conf_policy on_maintenance;
	enum conf_policy on_lifecycle;
	mono_us maintenance_lead;	       /* hand over so long before */
	char imds_endpoint[CONF_AWS_NAME_MAX]; /* default http://169.254.169.254 */
	char ca_file[PATH_MAX];		       /* "" = the system's */
	char ca_path[PATH_MAX];		       /* hashed directory; cheaper than a bundle */
	bool allow_http;		       /* plain http:// endpoints: for test doubles only */
	enum conf_check source_dest_check;
};

struct conf_vip {
	struct ip address;
	unsigned int prefix_length; /* 32 or 128 for a route of its own */
	char label[IFNAMSIZ];	    /* "eth0:1"; "" for IPv6, which has none */
};

enum conf_isolation { CONF_ISOLATION_HOLD, CONF_ISOLATION_FENCE };
enum conf_gate { CONF_GATE_OFF, CONF_GATE_CLAIM, CONF_GATE_WAIT, CONF_GATE_REFUSE };
enum conf_sessions { CONF_SESSIONS_KILL, CONF_SESSIONS_DRAIN, CONF_SESSIONS_KEEP };
enum conf_rejoin { CONF_REJOIN_MANUAL, CONF_REJOIN_AUTO };
enum conf_touch { CONF_TOUCH_PARAMETER, CONF_TOUCH_OWNER };
enum conf_outage { CONF_OUTAGE_ROUTE, CONF_OUTAGE_WAIT };
enum conf_target { CONF_TARGET_ENI, CONF_TARGET_INSTANCE };

struct conf_instance {
	char name[CONF_NAME_MAX];
	uint16_t id; /* conf_id(name) */
	char interface[IFNAMSIZ];
	struct conf_vip vips[CONF_VIPS_MAX];
	unsigned int vip_count;
	char tables[CONF_TABLES_MAX][32]; /* rtb-... */
	unsigned int table_count;
	bool discover;			 /* also all tables of the VPC that carry the first VIP */
	char discover_tag[CONF_TAG_MAX]; /* also all tables with this "KEY=VALUE", or "" */
	mono_us discover_interval;
	enum conf_target target;
	bool create_route; /* default true */
	char parameter[CONF_AWS_NAME_MAX];
	unsigned int tracks[CONF_TRACKS_MAX]; /* indexes into conf.tracks */
	unsigned int track_count;
	struct conf_tracked scripts[CONF_WATCH_SCRIPTS_MAX];
	unsigned int script_count;
	struct conf_tracked files[CONF_WATCH_FILES_MAX];
	unsigned int file_count;
	struct conf_tracked processes[CONF_WATCH_PROCESSES_MAX];
	unsigned int process_count;
	struct conf_tracked interfaces[CONF_WATCH_INTERFACES_MAX];
	unsigned int interface_count;
	struct conf_weighed watches[CONF_WATCHES_MAX]; /* all four, in the order of conf_watch() */
	unsigned int watch_count;
	enum conf_isolation isolation;
	enum conf_gate gate;
	mono_us gate_wait;
	mono_us lag_max; /* a replica behind by more is not handed the VIP by plan */
	bool promote;
	bool reset_replica;
	bool fence;
	enum conf_sessions sessions;
	enum conf_rejoin rejoin;
	char pre_claim[CONF_SCRIPT_MAX]; /* instead of gate and promote, or "" */
	char pre_release[CONF_SCRIPT_MAX];
	mono_us hook_timeout;
	bool preempt;
	mono_us preempt_delay;
	unsigned int group;		     /* 1 + index of its sync group, 0 = none */
	char notify[CONF_SCRIPT_MAX];	     /* command for every state change, or "" */
	char notify_master[CONF_SCRIPT_MAX]; /* keepalived's words, or "" */
	char notify_backup[CONF_SCRIPT_MAX];
	char notify_fault[CONF_SCRIPT_MAX];
	char notify_stop[CONF_SCRIPT_MAX];
	mono_us notify_timeout; /* then the script's whole process group is killed */
};

struct conf_group {
	char name[CONF_NAME_MAX];
	char members[CONF_MEMBERS_MAX][CONF_NAME_MAX]; /* of instances; the first leads */
	unsigned int member_count;
};

struct conf {
	char path[PATH_MAX]; /* of the file read */
	char cluster[CONF_NAME_MAX];
	char script_user[CONF_NAME_MAX];      /* default zonevip-script */
	char notify_fifo[PATH_MAX];	      /* "" = none */
	char control_group[CONF_NAME_MAX];    /* may give commands besides root; "" = none */
	char touch_prefix[CONF_AWS_NAME_MAX]; /* touch parameters: <prefix>.<node> */
	unsigned int journal_mb;	      /* size of the journal's ring, 0 = none */
	enum conf_touch touch;
	enum conf_outage ssm_outage_takeover;
	bool early_evidence; /* default true */
	bool observe;	     /* decides and tells, changes nothing */
	struct conf_node nodes[CONF_NODES_MAX];
	unsigned int node_count;
	unsigned int self; /* index into nodes */
	struct conf_heartbeat heartbeat;
	struct conf_track_mysql tracks[CONF_TRACKS_MAX];
	unsigned int track_count;
	struct conf_watch scripts[CONF_WATCH_SCRIPTS_MAX];
	unsigned int script_count;
	struct conf_watch files[CONF_WATCH_FILES_MAX];
	unsigned int file_count;
	struct conf_watch processes[CONF_WATCH_PROCESSES_MAX];
	unsigned int process_count;
	struct conf_watch interfaces[CONF_WATCH_INTERFACES_MAX]; /* made of what instances track */
	unsigned int interface_count;
	struct conf_aws aws;
	struct conf_instance *instances; /* owned */
	unsigned int instance_count;
	struct conf_group *groups; /* owned */
	unsigned int group_count;
	uint32_t digest; /* of everything that must be equal on every host, self left out */
};

/*
 * Reads, checks and completes @path.
 *
 * @self_name  node name of this host (-i, or NULL: the short host name, else
 *	       the node one of whose addresses this host carries).
 * @err	       on failure "FILE:LINE:COLUMN: 'word': what is wrong; the fix".
 *
 * Returns a configuration owned by the caller (conf_free), or NULL.
 */
struct conf *conf_load(const char *path, const char *self_name, struct err *err);
void conf_free(struct conf *conf);

/*
 * The 16-bit number by which a name travels in heartbeats and touches: FNV-1a
 * folded. A hash and not a position, so that two hosts whose files differ for
 * a minute during a change never mistake one instance for another; a
 * collision inside one file is an error at load. Never 0 or 0xffff,
 * which mean nobody and a stranger in heartbeats.
 */
uint16_t conf_id(const char *name);

/* What this configuration needs of aws.api_budget when nothing but a peer is missing. */
unsigned int conf_calls_an_hour(const struct conf *conf);

/*
 * All that is watched, counted through: scripts, files, processes, interfaces.
 * The core counts the track_mysql blocks first and these after them.
 */
unsigned int conf_watch_count(const struct conf *conf);
enum conf_watch_kind conf_watch_kind(const struct conf *conf, unsigned int watch);
const struct conf_watch *conf_watch(const struct conf *conf, unsigned int watch);
/* "script", "file", "process", "interface" */
const char *conf_watch_kind_name(enum conf_watch_kind kind);

/* Index of the node or instance, or -1. */
int conf_node_by_name(const struct conf *conf, const char *name);
int conf_instance_by_name(const struct conf *conf, const char *name);

#endif
