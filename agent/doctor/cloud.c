/* SPDX-License-Identifier: MIT */
/*
 * Questions to AWS, one at a time and each with a deadline, over the worker
 * that the daemon uses: so what is tried is what the daemon would do. May not
 * judge; checks do. Reads answers as they come: any order, any element absent.
 */
#include "agent/doctor/doctor.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "agent/awsconf.h"
#include "aws/ec2.h"
#include "aws/reply.h"
#include "aws/xml.h"

#define IDENTITY_WAIT 5.0
#define CALL_DEADLINE (3 * SEC)
#define PAGES_MAX 20

/* --- waiting ------------------------------------------------------------------------ */

static void on_late(struct ev_loop *loop, ev_timer *timer, int events)
{
	(void)timer;
	(void)events;
	ev_break(loop, EVBREAK_ALL);
}

static void wait_at_most(struct doctor *d, double seconds)
{
	ev_timer timer;

	ev_now_update(d->loop);
	ev_timer_init(&timer, on_late, seconds, 0.0);
	ev_timer_start(d->loop, &timer);
	(void)ev_run(d->loop, 0);
	ev_timer_stop(d->loop, &timer);
}

static void on_job(void *arg, struct aws_job *job)
{
	struct doctor *d = arg;

	aws_job_free(d->answer);
	d->answer = job;
	ev_break(d->loop, EVBREAK_ALL);
}

static void on_identity(void *arg, const struct aws_identity *identity)
{
	struct doctor *d = arg;

	d->identity = *identity;
	if (identity->known)
		ev_break(d->loop, EVBREAK_ALL);
}

void doctor_identify(struct doctor *d)
{
	struct aws_config config;
	struct err err = {""};

	if (awsconf_fill(d->conf, &config, &err) < 0) {
		(void)snprintf(d->identity.problem, sizeof(d->identity.problem), "%s", err.text);
		return;
	}
	d->aws = aws_open(d->loop, &config, on_job, on_identity, d);
	if (!d->aws)
		(void)snprintf(d->identity.problem, sizeof(d->identity.problem),
			       "the AWS worker cannot start (threads, memory)");
	else
		wait_at_most(d, IDENTITY_WAIT);
}

/* --- one call ------------------------------------------------------------------------- */

/* What every answer shows besides: the way there, and AWS's clock. */
static void learn_of_call(struct doctor *d, const struct aws_job *job)
{
	unsigned int s = job->ask->ssm;

	if (job->ask->status == 0) {
		if (!d->services[s].reached)
			memcpy(d->services[s].problem, job->error, sizeof(d->services[s].problem));
		return;
	}
	/* The first call opens the connection: the fastest one says how far it is. */
	if (!d->services[s].reached || job->done - job->sent < d->services[s].took)
		d->services[s].took = job->done - job->sent;
	d->services[s].reached = true;
	if (job->ask->date > 0) {
		d->skew_s = (int64_t)time(NULL) - job->ask->date;
		d->skew_known = true;
	}
}

struct aws_job *doctor_ask(struct doctor *d, bool ssm, const char *action, const struct buf *body)
{
	struct aws_job *job = aws_job_new(AWS_ASK);

	if (!job)
		return NULL;
	job->ask = calloc(1, sizeof(*job->ask));
	if (job->ask)
		job->ask->body = strdup(body->data ? body->data : "");
	if (!job->ask || !job->ask->body || body->overflow) {
		aws_job_free(job);
		return NULL;
	}
	job->ask->ssm = ssm;
	(void)snprintf(job->ask->action, sizeof(job->ask->action), "%s", action);
	job->not_after = mono_now() + CALL_DEADLINE;
	job->deadline = job->not_after;
	aws_submit(d->aws, job);
	while (!d->answer)
		wait_at_most(d, 2.0 * mono_seconds(CALL_DEADLINE));
	job = d->answer;
	d->answer = NULL;
	learn_of_call(d, job);
	return job;
}

const char *doctor_code(const struct aws_job *job)
{
	if (!job || job->ask->status == 0)
		return "no answer";
	if (job->ask->status == 200)
		return "";
	return job->ask->code[0] ? job->ask->code : "an answer without a code";
}

/* --- interfaces ------------------------------------------------------------------------- */

struct eni_walk {
	struct doctor *d;
	struct eni_fact fact; /* being read */
	char vpc[AWS_ID_MAX];
	int node;
};

static int node_by_text(const struct conf *conf, const char *text)
{
	struct ip ip;

	if (ip_parse(text, &ip) < 0)
		return -1;
	for (unsigned int n = 0; n < conf->node_count; n++)
		if (ip_equal(&conf->nodes[n].address, &ip))
			return (int)n;
	return -1;
}

static void on_eni_field(void *arg, const char *path, const char *text)
{
	static const char item[] = "networkInterfaceSet/item";
	struct eni_walk *walk = arg;
	struct eni_fact *fact = &walk->fact;

	if (strncmp(path, item, sizeof(item) - 1) != 0)
		return;
	path += sizeof(item) - 1;
	if (strcmp(path, "/networkInterfaceId") == 0)
		reply_copy(fact->eni, sizeof(fact->eni), text);
	else if (strcmp(path, "/attachment/instanceId") == 0)
		reply_copy(fact->instance, sizeof(fact->instance), text);
	else if (strcmp(path, "/ownerId") == 0)
		reply_copy(fact->owner, sizeof(fact->owner), text);
	else if (strcmp(path, "/availabilityZone") == 0)
		reply_copy(fact->zone, sizeof(fact->zone), text);
	else if (strcmp(path, "/vpcId") == 0)
		reply_copy(walk->vpc, sizeof(walk->vpc), text);
	else if (strcmp(path, "/sourceDestCheck") == 0)
		fact->check = strcmp(text, "false") != 0;
	else if (strcmp(path, "/groupSet/item/groupId") == 0 && fact->group_count < GROUPS_MAX)
		reply_copy(fact->groups[fact->group_count++], AWS_ID_MAX, text);
	else if (strcmp(path, "/privateIpAddress") == 0 ||
		 strcmp(path, "/ipv6AddressesSet/item/ipv6Address") == 0)
		walk->node = node_by_text(walk->d->conf, text) >= 0
				     ? node_by_text(walk->d->conf, text)
				     : walk->node;
	else if (!*path) {
		if (walk->node >= 0) {
			fact->known = true;
			walk->d->enis[walk->node] = *fact;
		}
		if (walk->node == (int)walk->d->conf->self) {
			memcpy(walk->d->vpc, walk->vpc, sizeof(walk->d->vpc));
			memcpy(walk->d->account, fact->owner, sizeof(walk->d->account));
		}
		*fact = (struct eni_fact){.check = true};
		walk->node = -1;
	}
}

void doctor_learn(struct doctor *d)
{
	struct eni_walk walk = {.d = d, .fact = {.check = true}, .node = -1};
	struct xml_walk xml = {.fn = on_eni_field, .arg = &walk};
	const struct conf_node *nodes = d->conf->nodes;
	char name[48];
	char text[IP_TEXT_MAX];
	struct aws_job *job;
	struct buf body;

	buf_init(&body, EC2_BODY_MAX);
	ec2_add(&body, "Filter.1.Name",
		nodes[0].address.family == AF_INET6 ? "ipv6-addresses.ipv6-address"
						    : "addresses.private-ip-address");
	for (unsigned int n = 0; n < d->conf->node_count; n++) {
		(void)snprintf(name, sizeof(name), "Filter.1.Value.%u", n + 1);
		ec2_add(&body, name, ip_format(&nodes[n].address, text));
	}
	job = doctor_ask(d, false, "DescribeNetworkInterfaces", &body);
	buf_free(&body);
	if (job && job->ask->status == 200)
		(void)xml_walk(&xml, job->ask->reply, job->ask->reply_length, NULL);
	aws_job_free(job);
}

int doctor_node_of(const struct doctor *d, const char *eni)
{
	for (unsigned int n = 0; n < d->conf->node_count; n++)
		if (d->enis[n].known && strcmp(d->enis[n].eni, eni) == 0)
			return (int)n;
	return -1;
}

/* --- route tables --------------------------------------------------------------------------- */

struct row {
	char cidr[64];
	char eni[AWS_ID_MAX];
	char other[AWS_ID_MAX];
	bool local, prefix, blackhole, propagated;
};

struct table_walk {
	struct doctor *d;
	const struct conf_instance *instance;
	struct table_fact *tables;
	unsigned int count;
	struct table_fact table; /* being read */
	struct row row;
	char key[160]; /* of a tag */
	char token[EC2_TOKEN_MAX];
};

/* "10.0.0.0/16": 0, or -1. */
static int read_cidr(const char *cidr, struct ip *ip, unsigned int *bits)
{
	const char *slash = strchr(cidr, '/');
	char text[64];

	if (!slash || slash - cidr >= (int)sizeof(text))
		return -1;
	(void)snprintf(text, sizeof(text), "%.*s", (int)(slash - cidr), cidr);
	*bits = (unsigned int)strtoul(slash + 1, NULL, 10);
	return ip_parse(text, ip);
}

static void learn_local(struct doctor *d, const char *cidr)
{
	struct ip ip;
	unsigned int bits;

	if (d->cidr_count == CIDRS_MAX || read_cidr(cidr, &ip, &bits) < 0)
		return;
	for (unsigned int i = 0; i < d->cidr_count; i++)
		if (ip_equal(&d->cidrs[i], &ip) && d->cidr_bits[i] == bits)
			return;
	d->cidrs[d->cidr_count] = ip;
	d->cidr_bits[d->cidr_count++] = bits;
}

static void end_row(struct table_walk *walk)
{
	const struct conf_instance *instance = walk->instance;
	const struct row *row = &walk->row;
	struct ip ip;
	unsigned int bits;

	walk->table.prefixes += row->prefix;
	if (row->local)
		learn_local(walk->d, row->cidr);
	if (read_cidr(row->cidr, &ip, &bits) < 0)
		return;
	for (unsigned int v = 0; v < instance->vip_count; v++) {
		struct route_fact *fact = &walk->table.routes[v];

		if (!ip_equal(&instance->vips[v].address, &ip) ||
		    bits != instance->vips[v].prefix_length)
			continue;
		fact->propagated |= row->propagated;
		if (row->propagated)
			continue;
		fact->there = true;
		fact->blackhole = row->blackhole;
		memcpy(fact->eni, row->eni, sizeof(fact->eni));
		memcpy(fact->other, row->other, sizeof(fact->other));
	}
}

static void row_field(struct row *row, const char *name, const char *text)
{
	if (strcmp(name, "destinationCidrBlock") == 0 ||
	    strcmp(name, "destinationIpv6CidrBlock") == 0)
		reply_copy(row->cidr, sizeof(row->cidr), text);
	else if (strcmp(name, "destinationPrefixListId") == 0)
		row->prefix = *text != '\0';
	else if (strcmp(name, "networkInterfaceId") == 0)
		reply_copy(row->eni, sizeof(row->eni), text);
	else if (strcmp(name, "state") == 0)
		row->blackhole = strcmp(text, "blackhole") == 0;
	else if (strcmp(name, "origin") == 0)
		row->propagated = strcmp(text, "EnableVgwRoutePropagation") == 0;
	else if (strcmp(name, "gatewayId") == 0 && strcmp(text, "local") == 0)
		row->local = true;
	else if (strstr(name, "Id") && strcmp(name, "instanceOwnerId") != 0 &&
		 strcmp(name, "instanceId") != 0)
		reply_copy(row->other, sizeof(row->other), text);
}

static void on_table_field(void *arg, const char *path, const char *text)
{
	static const char item[] = "routeTableSet/item";
	struct table_walk *walk = arg;

	if (strcmp(path, "nextToken") == 0)
		reply_copy(walk->token, sizeof(walk->token), text);
	if (strncmp(path, item, sizeof(item) - 1) != 0)
		return;
	path += sizeof(item) - 1;
	if (strncmp(path, "/routeSet/item/", 15) == 0) {
		row_field(&walk->row, path + 15, text);
	} else if (strcmp(path, "/routeSet/item") == 0) {
		end_row(walk);
		walk->row = (struct row){.local = false};
	} else if (strcmp(path, "/associationSet/item/main") == 0) {
		walk->table.main |= strcmp(text, "true") == 0;
	} else if (strcmp(path, "/associationSet/item/subnetId") == 0) {
		walk->table.used |= *text != '\0';
	} else if (strcmp(path, "/tagSet/item/key") == 0) {
		reply_copy(walk->key, sizeof(walk->key), text);
	} else if (strcmp(path, "/tagSet/item/value") == 0) {
		char tag[CONF_TAG_MAX + 160];

		(void)snprintf(tag, sizeof(tag), "%s=%.300s", walk->key, text);
		walk->table.tagged |= walk->instance->discover_tag[0] &&
				      strcmp(tag, walk->instance->discover_tag) == 0;
	} else if (strcmp(path, "/routeTableId") == 0) {
		reply_copy(walk->table.id, sizeof(walk->table.id), text);
	} else if (!*path) {
		walk->table.used |= walk->table.main;
		if (walk->count < FACT_TABLES_MAX)
			walk->tables[walk->count++] = walk->table;
		walk->table = (struct table_fact){.main = false};
	}
}

int doctor_tables(struct doctor *d, const struct conf_instance *instance,
		  struct table_fact tables[static FACT_TABLES_MAX])
{
	struct table_walk walk = {.d = d, .instance = instance, .tables = tables};
	struct xml_walk xml = {.fn = on_table_field, .arg = &walk};
	int ret = 0;

	for (unsigned int page = 0; ret == 0 && page < PAGES_MAX; page++) {
		struct aws_job *job;
		struct buf body;

		buf_init(&body, EC2_BODY_MAX);
		ec2_add(&body, "Filter.1.Name", "vpc-id");
		ec2_add(&body, "Filter.1.Value.1", d->vpc);
		ec2_add(&body, "MaxResults", "100");
		if (page > 0)
			ec2_add(&body, "NextToken", walk.token);
		walk.token[0] = '\0';
		job = doctor_ask(d, false, "DescribeRouteTables", &body);
		buf_free(&body);
		ret = job && job->ask->status == 200
			      ? xml_walk(&xml, job->ask->reply, job->ask->reply_length, NULL)
			      : -1;
		aws_job_free(job);
		if (!walk.token[0])
			break;
	}
	return ret < 0 ? -1 : (int)walk.count;
}

bool doctor_configured(const struct conf_instance *instance, const struct table_fact *table)
{
	for (unsigned int t = 0; t < instance->table_count; t++)
		if (strcmp(instance->tables[t], table->id) == 0)
			return true;
	return table->tagged || (instance->discover && table->routes[0].there);
}
