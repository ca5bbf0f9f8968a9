/* SPDX-License-Identifier: MIT */
/*
 * The AWS side: one worker thread with its own libev loop, libcurl multi
 * handle, credentials and connections. The rest of the daemon hands it jobs
 * and gets each job back, finished, on the main loop. Nothing here decides
 * anything about ownership, retries a write, or outlives its deadline.
 *
 * Rules of one job (doc/protocol.md, "Request discipline"):
 * - not_after is checked when the worker is about to send; a job that waited
 *   longer comes back OUTCOME_NOT_SENT.
 * - deadline bounds the whole call; at the deadline the connection is reset
 *   (RST, nothing lingers in a send queue) and the outcome is UNKNOWN.
 * - where nothing of a request left (no address, no connection, the deadline
 *   came first) a write is NOT_SENT, for it did not happen, and a read is
 *   UNKNOWN, for that is how an outage looks.
 * - a job is sent once. What may follow inside the same deadline: the switch
 *   from ReplaceRoute to CreateRoute (and back, should that find a route after
 *   all), and one new signature after a credential refresh or a clock
 *   correction. A read may go out again on a connection that died under it.
 */
#ifndef AWS_AWS_H
#define AWS_AWS_H

#include <ev.h>
#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/base/ip.h"
#include "agent/base/mono.h"
#include "agent/base/outcome.h"

#define AWS_ID_MAX 32 /* eni-..., i-..., rtb-... */
#define AWS_PARAM_NAME_MAX 384
#define AWS_PARAM_VALUE_MAX 4096 /* a standard parameter; longer is cut at this and flagged */

struct aws; /* the worker */

#define AWS_INTERFACES_MAX 16 /* an instance has 15 at most */
#define AWS_ARN_MAX 640
#define AWS_EXTERNAL_ID_MAX 1225

/* Strings are copied by aws_open; NULL is "". What is left out may be said by
 * the environment, as aws/settings.h lists. */
struct aws_config {
	const char *region;	  /* "" = ask IMDS */
	const char *endpoint_ec2; /* "" = https://ec2.<region>.<domain> */
	const char *endpoint_ssm;
	const char *endpoint_sts;
	const char *imds_endpoint;
	const char *proxy;   /* for EC2, SSM and STS; "" = none, whatever the environment says */
	const char *ca_file; /* "" = the system's bundle or directory */
	const char *ca_path;
	const char *profile; /* of the two files; "" = the environment, then "default" */
	const char *credentials_file;
	const char *config_file;
	const char *role_arn; /* assumed for the calls about route tables; "" = none */
	const char *external_id;
	const char *role_session_name;
	bool allow_http;
	bool use_fips;
	bool use_dualstack;
	const char *interfaces[AWS_INTERFACES_MAX]; /* whose MACs name our ENIs */
	unsigned int interface_count;
	mono_us warm; /* idle EC2 and SSM connections are used so far apart, 0 = not (lane.h) */
	unsigned int watch;  /* notices to look for: bits 1 << enum aws_notice_kind */
	unsigned int budget; /* calls an hour, 0 = no limit (budget.h) */
	bool read_only;	     /* every write comes back NOT_SENT */
};

enum aws_call {
	AWS_PARAM_GET,	  /* SSM GetParameter */
	AWS_PARAM_PUT,	  /* SSM PutParameter; overwrite=false makes it an atomic create */
	AWS_ROUTE_GET,	  /* EC2 DescribeRouteTables of one table, the row of one VIP */
	AWS_ROUTE_SET,	  /* EC2 ReplaceRoute to our target, CreateRoute if absent and allowed */
	AWS_TARGET_CHECK, /* EC2 DescribeNetworkInterfaces: of the interface that has address vip
			   * (none: our own ENI of @interface); answers route_eni,
			   * route_instance and source_dest_check */
	AWS_TARGET_FIX,	  /* EC2 ModifyNetworkInterfaceAttribute: check of our ENI of @interface off
			   */
	AWS_TABLES,	  /* EC2 DescribeRouteTables of our VPC, all or those with a tag: tables */
	AWS_INSTANCE,	  /* EC2 DescribeInstances of instance_id: instance_state */
	AWS_ASK,	  /* any call as it stands in ask; answered by its bare reply */
	AWS_CALLS
};

/* What a route row points at. */
enum aws_route_state { AWS_ROUTE_ACTIVE, AWS_ROUTE_BLACKHOLE, AWS_ROUTE_MISSING };

#define AWS_TABLES_MAX 1000 /* of one VPC: AWS allows 200 unless asked for more */
#define AWS_TAG_MAX 400	    /* "KEY=VALUE" */
#define AWS_STATE_MAX 16    /* "shutting-down" */
#define AWS_TYPE_MAX 16	    /* "StringList" */

/* One route table of the VPC. */
struct aws_table {
	char id[AWS_ID_MAX];
	bool carries; /* a route to exactly vip that is no propagated one */
	bool main;    /* used by every subnet without a table of its own */
	bool used;    /* main, or a subnet is associated with it */
};

/* A call that only its caller understands: zonevip-doctor's. */
struct aws_ask {
	bool ssm;	 /* else EC2 */
	char action[64]; /* "DescribeSecurityGroups" */
	char *body;	 /* freed with the job: EC2, what follows the version; SSM, the JSON */
	char *reply;	 /* freed with the job: the whole answer, whatever its status, or NULL */
	size_t reply_length;
	long status;
	int64_t date;  /* its Date header in Unix seconds, 0 = none */
	char code[96]; /* of an error, "" = none */
};

struct aws_job {
	/* the question: filled by the caller, not changed by the worker */
	enum aws_call call;
	uint32_t op;	       /* the caller's, handed back */
	unsigned int instance; /* the caller's, handed back; aws_cancel() works by it */
	unsigned int table;    /* the caller's, handed back */
	mono_us not_after;
	mono_us deadline;
	char name[AWS_PARAM_NAME_MAX];	 /* PARAM_*: parameter */
	char value[AWS_PARAM_VALUE_MAX]; /* PARAM_PUT: what to write; PARAM_GET: what was read */
	bool overwrite;			 /* PARAM_PUT */
	char type[AWS_TYPE_MAX]; /* PARAM_GET: of the parameter; PARAM_PUT: to keep, "" = String */
	char table_id[AWS_ID_MAX];    /* ROUTE_* */
	struct ip vip;		      /* ROUTE_*: /32 or /128 */
	bool create;		      /* ROUTE_SET: CreateRoute when there is no route */
	bool target_instance;	      /* ROUTE_SET: InstanceId instead of NetworkInterfaceId */
	char tag[AWS_TAG_MAX];	      /* TABLES: only those with this tag, "" = all */
	char instance_id[AWS_ID_MAX]; /* INSTANCE */
	struct aws_ask *ask;	      /* ASK: owned by the job */
	bool urgent;		      /* a read that a claim waits for (budget.h) */
	mono_us patience;	      /* ROUTE_GET: may wait so long for others of its table */
	char interface[IFNAMSIZ];     /* whose ENI is ours here; "" = the first one's */

	/* the answer: filled by the worker */
	enum outcome outcome;
	mono_us sent; /* when the (last) request was handed to the socket */
	mono_us done;
	int64_t version; /* PARAM_GET, PARAM_PUT */
	mono_us mtime;	 /* PARAM_GET: LastModifiedDate, microseconds since the epoch */
	enum aws_route_state route;
	bool route_is_ours;	    /* ROUTE_GET: points at our ENI (or instance) */
	char route_eni[AWS_ID_MAX]; /* ROUTE_GET: where it points; ROUTE_SET: where it was pointed
				     */
	char route_instance[AWS_ID_MAX];
	bool source_dest_check;	  /* TARGET_CHECK: true = still on, so no traffic would pass */
	struct aws_table *tables; /* TABLES: owned by the job */
	unsigned int table_count;
	char instance_state[AWS_STATE_MAX]; /* INSTANCE: "running", "stopped", ... */
	char error[512];      /* set by the caller: come back NOT_SENT with it. "ReplaceRoute rtb-1:
				 UnauthorizedOperation (HTTP 403): ...", or "" */
	struct aws_job *next; /* the worker's */
	struct aws_job *beside; /* the worker's: another that the same read answers */
};

struct aws_interface { /* one of ours */
	char name[IFNAMSIZ];
	char eni[AWS_ID_MAX];
};

/* What IMDS announces. */
enum aws_notice_kind {
	AWS_NOTICE_SPOT,	/* this spot instance will be taken away */
	AWS_NOTICE_REBALANCE,	/* it is at risk of that */
	AWS_NOTICE_MAINTENANCE, /* scheduled: a reboot, a stop, a retirement */
	AWS_NOTICE_LIFECYCLE,	/* its auto-scaling group wants it elsewhere than in service */
	AWS_NOTICES
};

struct aws_notice {
	bool stands;
	char what[64]; /* "terminate", "system-reboot", "Terminated" */
	mono_us at;    /* boottime at which it happens; 0 = not said */
};
bool aws_notice_same(const struct aws_notice *a, const struct aws_notice *b);

/* Who we are in AWS. Changes are reported on the main loop, whole. */
struct aws_identity {
	bool known; /* everything below is there and credentials are usable */
	char region[64];
	char instance_id[AWS_ID_MAX];
	char eni[AWS_ID_MAX]; /* of the first interface */
	struct aws_interface interfaces[AWS_INTERFACES_MAX];
	unsigned int interface_count;
	char zone[64];
	char source[192];	   /* of the credentials, for people */
	char routes_source[192];   /* of those for the route tables, "" = the same */
	mono_us credentials_until; /* boottime at which the first of them expire; 0 = none,
				    * MONO_NEVER = they do not say */
	char problem[512];	   /* "" or what is missing and how to mend it */
	unsigned int generation;   /* goes up when anything above has changed */
	struct aws_notice notices[AWS_NOTICES];
};

typedef void aws_job_fn(void *arg, struct aws_job *job); /* ownership of @job goes to the callee */
typedef void aws_identity_fn(void *arg, const struct aws_identity *identity);

/*
 * Starts the worker. Callbacks run on @loop, never from inside a call into
 * this module. Returns NULL when a thread or a library cannot be set up.
 */
struct aws *aws_open(struct ev_loop *loop, const struct aws_config *config, aws_job_fn *on_job,
		     aws_identity_fn *on_identity, void *arg);

/* A zeroed job, or NULL. Freed by aws_job_free (or handed to aws_submit). */
struct aws_job *aws_job_new(enum aws_call call);
void aws_job_free(struct aws_job *job);

/* Hands @job over. It comes back through on_job exactly once. */
void aws_submit(struct aws *aws, struct aws_job *job);

/*
 * Between the two the worker is not told of new jobs: those of one moment set
 * out together, and writes of routes, on which clients wait, before the rest.
 */
void aws_hold(struct aws *aws);
void aws_release(struct aws *aws);

/*
 * Resets the connections of all writes of @instance in flight and drops its
 * queued writes; each comes back at once, UNKNOWN if any byte had left, else
 * NOT_SENT. Reads go on.
 */
void aws_cancel(struct aws *aws, unsigned int instance);

/* Calls an hour from now on; what was spent stays spent. */
void aws_set_budget(struct aws *aws, unsigned int calls);

/* Ends the worker within 200 ms, whatever hangs; jobs in flight are dropped. */
void aws_close(struct aws *aws);

/* Counters for the status page: calls and failures since start, by call. */
struct aws_counters {
	uint64_t calls[AWS_CALLS];
	uint64_t failures[AWS_CALLS];
	uint64_t held_back;  /* reads not made for want of budget */
	unsigned int hour;   /* calls in the last hour, all kinds, retries and pings included */
	unsigned int budget; /* the limit, 0 = none */
	uint64_t connects;   /* TCP+TLS connections opened; flat when kept warm */
};
void aws_counters(struct aws *aws, struct aws_counters *out);

#endif
