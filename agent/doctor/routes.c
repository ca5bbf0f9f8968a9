/* SPDX-License-Identifier: MIT */
/*
 * Checks of who we are in AWS, of the way there, of our rights, and of route
 * tables and interfaces. Rights to write are tried by DryRun, which changes
 * nothing.
 */
#include "agent/doctor/doctor.h"

#include <stdlib.h>
#include <string.h>

#include "aws/ec2.h"

#define SKEW_WARN_S 60
#define SKEW_MAX_S 270 /* AWS refuses a signature that is five minutes off */
#define BURST 50       /* EC2's bucket of writes, and what it gets back a second */
#define REFILL 5

void check_identity(struct doctor *d)
{
	const struct aws_identity *id = &d->identity;

	if (!id->known) {
		doctor_say(d, DOCTOR_FAIL, "",
			   "attach an instance profile, and allow IMDSv2 with a hop limit that "
			   "reaches here",
			   "%s", id->problem);
		return;
	}
	doctor_say(d, DOCTOR_OK, "", "", "%s in %s, interface %s, credentials from %s",
		   id->instance_id, id->zone, id->eni, id->source);
	if (id->problem[0])
		doctor_say(d, DOCTOR_WARN, "credentials", "see the instance profile and IMDS", "%s",
			   id->problem);
}

void check_endpoints(struct doctor *d)
{
	static const char *const names[] = {"EC2", "SSM"};
	struct buf body;

	/* A cheap question each, twice: the first one opens the connection. */
	for (unsigned int turn = 0; turn < 1U + (d->services[0].reached && d->services[1].reached);
	     turn++) {
		buf_init(&body, EC2_BODY_MAX);
		ec2_add(&body, "DryRun", "true");
		aws_job_free(doctor_ask(d, false, "DescribeRouteTables", &body));
		buf_clear(&body);
		(void)buf_printf(&body, "{\"Name\":\"%s\"}", d->conf->instances[0].parameter);
		aws_job_free(doctor_ask(d, true, "GetParameter", &body));
		buf_free(&body);
	}
	for (unsigned int s = 0; s < 2; s++)
		if (!d->services[s].reached)
			doctor_say(d, DOCTOR_FAIL, names[s],
				   "a route and DNS to it: NAT, internet gateway or VPC endpoint; "
				   "its certificate must be trusted here",
				   "%s", d->services[s].problem);
		else
			doctor_say(d, d->services[s].took > 500 * MSEC ? DOCTOR_WARN : DOCTOR_OK,
				   names[s], "", "answers in %.0f ms",
				   (double)d->services[s].took / 1000.0);
}

void check_clock(struct doctor *d)
{
	long long off = (long long)d->skew_s;

	if (!d->skew_known)
		doctor_say(d, DOCTOR_SKIP, "", "", "no answer of AWS showed its time");
	else if (llabs(off) >= SKEW_WARN_S)
		doctor_say(d, llabs(off) >= SKEW_MAX_S ? DOCTOR_FAIL : DOCTOR_WARN, "",
			   "run chronyd against 169.254.169.123", "%lld s off AWS's clock", off);
	else
		doctor_say(d, DOCTOR_OK, "", "", "within %lld s of AWS's", llabs(off) + 1);
}

/* --- rights ------------------------------------------------------------------------------ */

/* What the answer to a dry run, or to a reading call, says about a right. */
static void say_right(struct doctor *d, const char *subject, const char *right,
		      const struct aws_job *job)
{
	const char *code = doctor_code(job);
	char fix[256];

	(void)snprintf(fix, sizeof(fix),
		       "allow %s; 'zonevipctl iam-policy' prints the whole policy", right);
	if (!*code || strcmp(code, "DryRunOperation") == 0)
		doctor_say(d, DOCTOR_OK, subject, "", "%s is allowed", right);
	else if (strcmp(code, "UnauthorizedOperation") == 0)
		doctor_say(d, DOCTOR_FAIL, subject, fix, "%s is denied", right);
	else
		doctor_say(d, DOCTOR_WARN, subject, "", "%s could not be tried: %s", right,
			   job && job->error[0] ? job->error : code);
}

static void try_read(struct doctor *d, const char *action)
{
	char right[96];
	struct aws_job *job;
	struct buf body;

	(void)snprintf(right, sizeof(right), "ec2:%s", action);
	buf_init(&body, EC2_BODY_MAX);
	ec2_add(&body, "DryRun", "true");
	job = doctor_ask(d, false, action, &body);
	say_right(d, "", right, job);
	aws_job_free(job);
	buf_free(&body);
}

static void try_route(struct doctor *d, const struct conf_instance *instance, const char *table,
		      bool create)
{
	const char *action = create ? "CreateRoute" : "ReplaceRoute";
	const struct eni_fact *eni = &d->enis[d->conf->self];
	const struct ec2_target ours = {.eni = eni->eni, .instance = eni->instance};
	struct aws_job question = {.vip = instance->vips[0].address};
	struct aws_job *job;
	char right[96];
	struct buf body;
	struct buf rest;

	(void)snprintf(question.table_id, sizeof(question.table_id), "%s", table);
	buf_init(&body, EC2_BODY_MAX);
	buf_init(&rest, EC2_BODY_MAX);
	ec2_set_route(&body, create, &question, &ours);
	ec2_add(&body, "DryRun", "true");
	/* doctor_ask() writes action and version itself */
	(void)buf_append(&rest, strstr(body.data, "&RouteTableId"),
			 strlen(strstr(body.data, "&RouteTableId")));
	job = doctor_ask(d, false, action, &rest);
	(void)snprintf(right, sizeof(right), "ec2:%s", action);
	say_right(d, table, right, job);
	aws_job_free(job);
	buf_free(&body);
	buf_free(&rest);
}

static void try_check_off(struct doctor *d)
{
	struct aws_job *job;
	struct buf body;

	buf_init(&body, EC2_BODY_MAX);
	ec2_add(&body, "NetworkInterfaceId", d->identity.eni);
	ec2_add(&body, "SourceDestCheck.Value", "false");
	ec2_add(&body, "DryRun", "true");
	job = doctor_ask(d, false, "ModifyNetworkInterfaceAttribute", &body);
	say_right(d, d->identity.eni, "ec2:ModifyNetworkInterfaceAttribute", job);
	aws_job_free(job);
	buf_free(&body);
}

void check_rights(struct doctor *d)
{
	try_read(d, "DescribeRouteTables");
	try_read(d, "DescribeNetworkInterfaces");
	for (unsigned int i = 0; i < d->conf->instance_count; i++) {
		const struct conf_instance *instance = &d->conf->instances[i];

		for (unsigned int t = 0; t < instance->table_count; t++) {
			try_route(d, instance, instance->tables[t], false);
			if (instance->create_route)
				try_route(d, instance, instance->tables[t], true);
		}
	}
	if (d->conf->aws.source_dest_check == CONF_CHECK_FIX)
		try_check_off(d);
}

void check_source_dest(struct doctor *d)
{
	char fix[192];

	for (unsigned int n = 0; n < d->conf->node_count; n++) {
		const struct eni_fact *eni = &d->enis[n];
		const char *name = d->conf->nodes[n].name;

		(void)snprintf(fix, sizeof(fix),
			       "aws ec2 modify-network-interface-attribute --network-interface-id "
			       "%s --no-source-dest-check",
			       eni->eni);
		if (!eni->known)
			doctor_say(d, DOCTOR_FAIL, name,
				   "correct its 'address', or allow ec2:DescribeNetworkInterfaces",
				   "no interface of this account and region has its address");
		else if (eni->check)
			doctor_say(d, DOCTOR_FAIL, name, fix,
				   "on for %s: no packet for the VIP would reach it", eni->eni);
		else
			doctor_say(d, DOCTOR_OK, name, "", "off for %s in %s", eni->eni, eni->zone);
	}
}

/* --- tables --------------------------------------------------------------------------------- */

static bool inside(const struct ip *ip, const struct ip *net, unsigned int bits)
{
	if (ip->family != net->family || bits > 8 * ip_length(ip))
		return false;
	for (unsigned int b = 0; b < bits; b++)
		if (((ip->bytes[b / 8] ^ net->bytes[b / 8]) >> (7 - b % 8)) & 1)
			return false;
	return true;
}

void check_vip_range(struct doctor *d)
{
	struct table_fact *tables = calloc(FACT_TABLES_MAX, sizeof(*tables));
	char vip[IP_TEXT_MAX];
	char net[IP_TEXT_MAX];

	if (!tables || doctor_tables(d, &d->conf->instances[0], tables) < 0) {
		doctor_say(d, DOCTOR_SKIP, "", "", "the tables of %s could not be read", d->vpc);
		free(tables);
		return;
	}
	free(tables);
	for (unsigned int i = 0; i < d->conf->instance_count; i++)
		for (unsigned int v = 0; v < d->conf->instances[i].vip_count; v++) {
			const struct ip *ip = &d->conf->instances[i].vips[v].address;
			bool clash = false;

			for (unsigned int c = 0; c < d->cidr_count && !clash; c++) {
				clash = inside(ip, &d->cidrs[c], d->cidr_bits[c]);
				if (clash)
					doctor_say(d, DOCTOR_FAIL, ip_format(ip, vip),
						   "take an address outside every CIDR of the VPC: "
						   "EC2 refuses a route to one inside",
						   "lies in %s/%u of %s",
						   ip_format(&d->cidrs[c], net), d->cidr_bits[c],
						   d->vpc);
			}
			if (!clash)
				doctor_say(d, DOCTOR_OK, ip_format(ip, vip), "",
					   "outside the %u CIDRs of %s", d->cidr_count, d->vpc);
		}
}

static void say_route(struct doctor *d, const struct conf_instance *instance,
		      const struct table_fact *table, unsigned int v)
{
	const struct route_fact *route = &table->routes[v];
	int node = doctor_node_of(d, route->eni);
	char vip[IP_TEXT_MAX];
	char extra[64] = "";

	(void)ip_format(&instance->vips[v].address, vip);
	if (table->prefixes)
		(void)snprintf(extra, sizeof(extra), " (beside %u prefix lists, which it beats)",
			       table->prefixes);
	if (!route->there && instance->create_route)
		doctor_say(d, DOCTOR_WARN, table->id, "the next owner creates it",
			   "no route to %s%s", vip,
			   route->propagated ? " but a propagated one, which is not ours" : "");
	else if (!route->there)
		doctor_say(d, DOCTOR_FAIL, table->id, "create it by hand, or set 'create_route on'",
			   "no route to %s", vip);
	else if (route->blackhole)
		doctor_say(d, DOCTOR_FAIL, table->id,
			   "the owner repairs it; if there is none, start zonevip on a node",
			   "the route to %s is a blackhole: %s is gone or its instance stopped",
			   vip, route->eni[0] ? route->eni : route->other);
	else if (node < 0)
		doctor_say(
			d, DOCTOR_FAIL, table->id,
			"find out who moved it: CloudTrail, ReplaceRoute; an owner takes it back",
			"%s points at %s, which is no node of ours", vip,
			route->eni[0] ? route->eni : route->other);
	else
		doctor_say(d, DOCTOR_OK, table->id, "", "%s points at %s%s", vip,
			   d->conf->nodes[node].name, extra);
}

static const struct table_fact *find(const struct table_fact *tables, int count, const char *id)
{
	for (int t = 0; t < count; t++)
		if (strcmp(tables[t].id, id) == 0)
			return &tables[t];
	return NULL;
}

static void check_routes_of(struct doctor *d, const struct conf_instance *instance,
			    const struct table_fact *tables, int count)
{
	unsigned int seen = 0;

	for (unsigned int t = 0; t < instance->table_count; t++)
		if (!find(tables, count, instance->tables[t])) {
			doctor_say(d, DOCTOR_FAIL, instance->tables[t],
				   "correct 'route_table', the region or the account",
				   "is no route table of %s", d->vpc);
			seen++;
		}
	for (int t = 0; t < count; t++) {
		if (!doctor_configured(instance, &tables[t]))
			continue;
		seen++;
		for (unsigned int v = 0; v < instance->vip_count; v++)
			say_route(d, instance, &tables[t], v);
	}
	if (seen == 0)
		doctor_say(d, DOCTOR_FAIL, instance->name,
			   "create the first route by hand, or tag or list the tables",
			   "discovery finds no route table in %s", d->vpc);
}

static void check_subnets_of(struct doctor *d, const struct conf_instance *instance,
			     const struct table_fact *tables, int count)
{
	unsigned int left_out = 0;

	for (int t = 0; t < count; t++) {
		if (!tables[t].used || doctor_configured(instance, &tables[t]))
			continue;
		left_out++;
		doctor_say(d, DOCTOR_WARN, tables[t].id,
			   "add it to 'route_table' if clients live there",
			   "%s of %s, but does not lead to %s's address",
			   tables[t].main ? "the main table, used by every other subnet"
					  : "used by subnets",
			   d->vpc, instance->name);
	}
	if (!left_out)
		doctor_say(d, DOCTOR_OK, instance->name, "",
			   "every table that a subnet of %s uses leads there", d->vpc);
}

static void for_each_instance(struct doctor *d,
			      void (*check)(struct doctor *, const struct conf_instance *,
					    const struct table_fact *, int))
{
	struct table_fact *tables = calloc(FACT_TABLES_MAX, sizeof(*tables));

	for (unsigned int i = 0; tables && i < d->conf->instance_count; i++) {
		const struct conf_instance *instance = &d->conf->instances[i];
		int count = doctor_tables(d, instance, tables);

		if (count < 0)
			doctor_say(d, DOCTOR_SKIP, instance->name, "",
				   "the tables of %s could not be read", d->vpc);
		else
			check(d, instance, tables, count);
	}
	free(tables);
}

void check_routes(struct doctor *d)
{
	for_each_instance(d, check_routes_of);
}

void check_subnets(struct doctor *d)
{
	for_each_instance(d, check_subnets_of);
}

static unsigned int routes_counted;

static void count_routes(struct doctor *d, const struct conf_instance *instance,
			 const struct table_fact *tables, int count)
{
	(void)d;
	for (int t = 0; t < count; t++)
		if (doctor_configured(instance, &tables[t]))
			routes_counted += instance->vip_count;
}

/* A move of everything at once: the bucket's burst, then its refill. */
void check_write_rate(struct doctor *d)
{
	routes_counted = 0;
	for_each_instance(d, count_routes);
	if (routes_counted > BURST)
		doctor_say(
			d, DOCTOR_WARN, "",
			"fewer tables (subnets can share one), or a higher EC2 rate from AWS",
			"%u routes: moving them all takes EC2 at least %u s (%u at once, then %d "
			"a second, shared with the account)",
			routes_counted, (routes_counted - BURST + REFILL - 1) / REFILL, BURST,
			REFILL);
	else
		doctor_say(d, DOCTOR_OK, "", "", "%u route%s: within EC2's burst of %u writes",
			   routes_counted, routes_counted == 1 ? "" : "s", BURST);
}
