/* SPDX-License-Identifier: MIT */
/*
 * zonevip-doctor: everything that can be found out, before it matters, about
 * this host with this configuration (zonevipctl(8), "doctor"). A program of
 * its own, run by zonevipctl and by zonevipd -t --online: zonevipctl is asked
 * every few seconds by monitors and shall not load an HTTP and a database
 * client for that.
 *
 *   main.c     options, gathering, exit status
 *   cloud.c    one question to AWS at a time; what was learned, once
 *   checks.c   the table of checks
 *   host.c     checks of this host and its daemon
 *   routes.c   checks of route tables and interfaces
 *   groups.c   checks of security groups
 *   record.c   checks of the parameters
 *   database.c checks of mysqld
 *   grants.c   the rights of the account that the configuration needs
 *   policy.c   the IAM policy for exactly this configuration
 *   report.c   findings as a table or as JSON
 *
 * It changes nothing: writes are dry runs, or ask for what cannot happen.
 */
#ifndef AGENT_DOCTOR_DOCTOR_H
#define AGENT_DOCTOR_DOCTOR_H

#include <ev.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "agent/base/buf.h"
#include "agent/base/ip.h"
#include "agent/myclient.h"
#include "aws/aws.h"
#include "conf/conf.h"

enum doctor_result { DOCTOR_OK, DOCTOR_WARN, DOCTOR_FAIL, DOCTOR_SKIP, DOCTOR_RESULTS };

struct finding {
	const char *check; /* name in the table of checks */
	char subject[64];  /* what it is about: a table, a node, "" */
	enum doctor_result result;
	char found[512];
	char fix[512]; /* "" when there is nothing to do */
};

#define CIDRS_MAX 16
#define GROUPS_MAX 32
#define FACT_TABLES_MAX 256

/* A route of a table to one of our addresses. */
struct route_fact {
	bool there;
	bool blackhole;
	bool propagated; /* one of the same destination exists, which is never ours to write */
	char eni[AWS_ID_MAX];
	char other[AWS_ID_MAX]; /* a gateway or the like, when no interface */
};

struct table_fact {
	char id[AWS_ID_MAX];
	bool main;
	bool used;	       /* main, or associated with a subnet */
	bool tagged;	       /* has the tag of discovery */
	unsigned int prefixes; /* routes to prefix lists */
	struct route_fact routes[CONF_VIPS_MAX];
};

/* The interface of a node. */
struct eni_fact {
	bool known;
	char eni[AWS_ID_MAX];
	char instance[AWS_ID_MAX];
	char owner[16];
	char zone[64];
	bool check; /* source/destination check on */
	char groups[GROUPS_MAX][AWS_ID_MAX];
	unsigned int group_count;
};

struct doctor {
	const struct conf *conf;
	const char *socket; /* of the daemon */
	struct ev_loop *loop;
	struct aws *aws;
	struct aws_identity identity;
	struct aws_job *answer;
	json_t *status; /* the daemon's, or NULL */
	char status_problem[512];

	char vpc[AWS_ID_MAX];
	char account[16];
	struct ip cidrs[CIDRS_MAX]; /* of the VPC, by its local routes */
	unsigned int cidr_bits[CIDRS_MAX];
	unsigned int cidr_count;
	struct eni_fact enis[CONF_NODES_MAX];
	int64_t skew_s; /* ours less AWS's */
	bool skew_known;
	struct {
		bool reached;
		mono_us took;
		char problem[512];
	} services[2]; /* EC2, SSM */

	const char *check; /* running */
	struct finding *findings;
	unsigned int count;
	unsigned int room;
	bool out_of_memory;
};

/* --- cloud.c ------------------------------------------------------------------------ */

/* Waits until IMDS has told who we are, or for five seconds. */
void doctor_identify(struct doctor *d);
/*
 * One call; NULL without memory. @body is what follows the version (EC2) or
 * the JSON (SSM). The job is freed by the caller.
 */
struct aws_job *doctor_ask(struct doctor *d, bool ssm, const char *action, const struct buf *body);
/* The answer's code, "" for a success, "no answer" when there was none. */
const char *doctor_code(const struct aws_job *job);
/* Interfaces of all nodes; needs the identity. */
void doctor_learn(struct doctor *d);
/* The VPC's tables with the routes to @instance's addresses; count or -1. */
int doctor_tables(struct doctor *d, const struct conf_instance *instance,
		  struct table_fact tables[static FACT_TABLES_MAX]);
/* The configuration moves this table. */
bool doctor_configured(const struct conf_instance *instance, const struct table_fact *table);
/* The node whose interface this is, or -1. */
int doctor_node_of(const struct doctor *d, const char *eni);

/* --- checks.c ------------------------------------------------------------------------- */

void doctor_run(struct doctor *d);
/* Keeps a finding of the running check; @fix may be "". */
__attribute__((format(printf, 5, 6))) void doctor_say(struct doctor *d, enum doctor_result result,
						      const char *subject, const char *fix,
						      const char *fmt, ...);
const char *doctor_result_name(enum doctor_result result);

typedef void doctor_check(struct doctor *d);
doctor_check check_configuration, check_daemon, check_interface, check_key, check_daemons,
	check_forwarding, check_identity, check_clock, check_endpoints, check_rights, check_routes,
	check_subnets, check_vip_range, check_source_dest, check_write_rate, check_groups,
	check_parameter, check_touch, check_peers, check_mysql;

/* --- policy.c ------------------------------------------------------------------------- */

struct policy_names { /* "" = a placeholder is printed */
	const char *partition;
	const char *region;
	const char *account;
	const char *vpc;
	const char *enis[CONF_NODES_MAX];
};
/* The document, owned by the caller, or NULL without memory. */
json_t *policy_make(const struct conf *conf, const struct policy_names *names);

/* --- report.c ------------------------------------------------------------------------- */

void report_table(const struct doctor *d, FILE *out, bool colour);
int report_json(const struct doctor *d, FILE *out);
/* How many findings have this result. */
unsigned int report_count(const struct doctor *d, enum doctor_result result);

/* The rights of the account of track_mysql @index, over a session that is logged in. */
void check_grants(struct doctor *d, unsigned int index, struct myclient *client,
		  const struct myclient_limit *limit);

#endif
