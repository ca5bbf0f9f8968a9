/* SPDX-License-Identifier: MIT */
/*
 * EC2's Query protocol, version 2016-11-15. May not send anything and may not
 * judge what an answer means for ownership. Elements may come in any order,
 * be absent or empty, and unknown ones are skipped.
 */
#include "aws/ec2.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aws/form.h"
#include "aws/reply.h"
#include "aws/xml.h"

#define ROW "routeTableSet/item/routeSet/item"
#define CIDR_MAX 64
#define ORIGIN_PROPAGATED "EnableVgwRoutePropagation"

void ec2_add(struct buf *body, const char *name, const char *value)
{
	form_add(body, name, value);
}

void ec2_begin(struct buf *body, const char *action)
{
	form_begin(body, action, "2016-11-15");
}

void ec2_describe_table(struct buf *body, const char *table_id, const char *page)
{
	ec2_begin(body, "DescribeRouteTables");
	ec2_add(body, "RouteTableId.1", table_id);
	if (*page)
		ec2_add(body, "NextToken", page);
}

void ec2_describe_table_dry(struct buf *body, const char *table_id)
{
	ec2_describe_table(body, table_id, "");
	ec2_add(body, "DryRun", "true");
}

void ec2_describe_tables(struct buf *body, const char *vpc, const char *tag, const char *page)
{
	const char *value = strchr(tag, '=');
	char name[AWS_TAG_MAX + 8];

	ec2_begin(body, "DescribeRouteTables");
	ec2_add(body, "Filter.1.Name", "vpc-id");
	ec2_add(body, "Filter.1.Value.1", vpc);
	if (value) {
		(void)snprintf(name, sizeof(name), "tag:%.*s", (int)(value - tag), tag);
		ec2_add(body, "Filter.2.Name", name);
		ec2_add(body, "Filter.2.Value.1", value + 1);
	}
	ec2_add(body, "MaxResults", "100");
	if (*page)
		ec2_add(body, "NextToken", page);
}

void ec2_describe_instance(struct buf *body, const char *instance_id)
{
	ec2_begin(body, "DescribeInstances");
	ec2_add(body, "InstanceId.1", instance_id);
}

void ec2_check_off(struct buf *body, const char *eni)
{
	ec2_begin(body, "ModifyNetworkInterfaceAttribute");
	ec2_add(body, "NetworkInterfaceId", eni);
	ec2_add(body, "SourceDestCheck.Value", "false");
}

void ec2_set_route(struct buf *body, bool create, const struct aws_job *job,
		   const struct ec2_target *ours)
{
	char text[IP_TEXT_MAX];
	char cidr[CIDR_MAX];
	bool six = job->vip.family == AF_INET6;

	(void)snprintf(cidr, sizeof(cidr), "%s/%d", ip_format(&job->vip, text), six ? 128 : 32);
	ec2_begin(body, create ? "CreateRoute" : "ReplaceRoute");
	ec2_add(body, "RouteTableId", job->table_id);
	ec2_add(body, six ? "DestinationIpv6CidrBlock" : "DestinationCidrBlock", cidr);
	if (job->target_instance)
		ec2_add(body, "InstanceId", ours->instance);
	else
		ec2_add(body, "NetworkInterfaceId", ours->eni);
}

void ec2_describe_interface(struct buf *body, const struct ip *ip, const char *eni, const char *vpc)
{
	char text[IP_TEXT_MAX];

	ec2_begin(body, "DescribeNetworkInterfaces");
	if (ip->family == 0) {
		ec2_add(body, "NetworkInterfaceId.1", eni);
		return;
	}
	ec2_add(body, "Filter.1.Name",
		ip->family == AF_INET6 ? "ipv6-addresses.ipv6-address"
				       : "addresses.private-ip-address");
	ec2_add(body, "Filter.1.Value.1", ip_format(ip, text));
	if (*vpc) { /* other VPCs of the account may use the same addresses */
		ec2_add(body, "Filter.2.Name", "vpc-id");
		ec2_add(body, "Filter.2.Value.1", vpc);
	}
}

/* --- answers ---------------------------------------------------------------- */

struct row {
	char cidr[CIDR_MAX];
	char eni[AWS_ID_MAX];
	char instance[AWS_ID_MAX];
	bool blackhole;
	bool propagated;
};

struct table_walk {
	struct aws_job *jobs; /* all that ask about this table */
	struct row row;	      /* being read */
	char id[AWS_ID_MAX];  /* of the present table */
	bool table_seen;      /* ours, whole */
	char *page;
	bool page_cut;
};

/* Of a route to exactly one address, with the full prefix; IPv6 has many spellings. */
static bool single_address(const char *cidr, struct ip *ip)
{
	char text[CIDR_MAX];
	char *slash;

	reply_copy(text, sizeof(text), cidr);
	slash = strchr(text, '/');
	if (!slash)
		return false;
	*slash = '\0';
	return ip_parse(text, ip) == 0 &&
	       strcmp(slash + 1, ip->family == AF_INET6 ? "128" : "32") == 0;
}

static bool cidr_is(const char *cidr, const struct ip *vip)
{
	struct ip ip;

	return single_address(cidr, &ip) && ip_equal(&ip, vip);
}

static void row_field(struct row *row, const char *name, const char *text)
{
	if (strcmp(name, "destinationCidrBlock") == 0 ||
	    strcmp(name, "destinationIpv6CidrBlock") == 0)
		reply_copy(row->cidr, sizeof(row->cidr), text);
	else if (strcmp(name, "networkInterfaceId") == 0)
		reply_copy(row->eni, sizeof(row->eni), text);
	else if (strcmp(name, "instanceId") == 0)
		reply_copy(row->instance, sizeof(row->instance), text);
	else if (strcmp(name, "state") == 0)
		row->blackhole = strcmp(text, "blackhole") == 0;
	else if (strcmp(name, "origin") == 0)
		row->propagated = strcmp(text, ORIGIN_PROPAGATED) == 0;
}

static void forget_rows(const struct table_walk *walk)
{
	for (struct aws_job *job = walk->jobs; job; job = job->beside) {
		job->route = AWS_ROUTE_MISSING;
		job->route_eni[0] = job->route_instance[0] = '\0';
	}
}

/* The first table of that name counts. A propagated route of the same CIDR is
 * another row, not ours to replace. */
static void keep_row(const struct table_walk *walk)
{
	const struct row *row = &walk->row;
	struct ip ip;

	if (walk->table_seen || row->propagated || !single_address(row->cidr, &ip))
		return;
	for (struct aws_job *job = walk->jobs; job; job = job->beside) {
		if (!ip_equal(&ip, &job->vip))
			continue;
		job->route = row->blackhole ? AWS_ROUTE_BLACKHOLE : AWS_ROUTE_ACTIVE;
		memcpy(job->route_eni, row->eni, sizeof(job->route_eni));
		memcpy(job->route_instance, row->instance, sizeof(job->route_instance));
	}
}

static void on_table_field(void *arg, const char *path, const char *text)
{
	struct table_walk *walk = arg;

	if (strncmp(path, ROW "/", strlen(ROW) + 1) == 0) {
		row_field(&walk->row, path + strlen(ROW) + 1, text);
	} else if (strcmp(path, ROW) == 0) {
		keep_row(walk);
		memset(&walk->row, 0, sizeof(walk->row));
	} else if (strcmp(path, "routeTableSet/item/routeTableId") == 0) {
		reply_copy(walk->id, sizeof(walk->id), text);
	} else if (strcmp(path, "routeTableSet/item") == 0) {
		if (strcmp(walk->id, walk->jobs->table_id) == 0)
			walk->table_seen = true;
		else if (!walk->table_seen)
			forget_rows(walk);
		walk->id[0] = '\0';
	} else if (strcmp(path, "nextToken") == 0) {
		walk->page_cut = strlen(text) >= EC2_TOKEN_MAX;
		reply_copy(walk->page, EC2_TOKEN_MAX, text);
	}
}

static int expect(struct xml_walk *walk, const char *xml, size_t length, const char *root,
		  struct err *err)
{
	int ret = xml_walk(walk, xml, length, err);

	if (ret == 0 && strcmp(walk->root, root) != 0) {
		(void)err_set(err, "the answer is not a %s", root);
		ret = -EBADMSG;
	}
	return ret;
}

static bool points_at(const struct aws_job *job, const struct ec2_target *ours)
{
	if (job->route == AWS_ROUTE_MISSING)
		return false;
	/* The interface decides: an instance may have others than ours. */
	if (job->route_eni[0] && !job->target_instance)
		return strcmp(job->route_eni, ours->eni) == 0;
	return job->route_instance[0] && strcmp(job->route_instance, ours->instance) == 0;
}

int ec2_read_table(const char *xml, size_t length, struct aws_job *jobs,
		   const struct ec2_target *ours, char page[static EC2_TOKEN_MAX], struct err *err)
{
	struct table_walk table = {.jobs = jobs, .page = page};
	struct xml_walk walk = {.fn = on_table_field, .arg = &table};
	int ret;

	page[0] = '\0';
	forget_rows(&table);
	ret = expect(&walk, xml, length, "DescribeRouteTablesResponse", err);
	if (ret == 0 && !table.table_seen) {
		(void)err_set(err, "the answer does not hold the table");
		ret = table.page_cut ? -EBADMSG : -ENOENT;
	}
	if (ret < 0) {
		forget_rows(&table); /* of an answer that is refused nothing is believed */
		return ret;
	}
	for (struct aws_job *job = jobs; job; job = job->beside)
		job->route_is_ours = points_at(job, ours);
	return 0;
}

/* --- the tables of a VPC --- */

struct tables_walk {
	struct aws_job *job;
	struct row row;
	struct aws_table table; /* being read */
	char *page;
	int ret;
};

static void keep_table(struct tables_walk *walk)
{
	struct aws_job *job = walk->job;
	struct aws_table *grown;

	if (walk->ret < 0 || !walk->table.id[0])
		return;
	if (job->table_count >= AWS_TABLES_MAX) {
		walk->ret = -E2BIG;
		return;
	}
	grown = realloc(job->tables, (job->table_count + 1) * sizeof(*grown));
	if (!grown) {
		walk->ret = -ENOMEM;
		return;
	}
	job->tables = grown;
	grown[job->table_count++] = walk->table;
}

static void on_tables_field(void *arg, const char *path, const char *text)
{
	static const char association[] = "routeTableSet/item/associationSet/item/";
	struct tables_walk *walk = arg;

	if (strncmp(path, ROW "/", strlen(ROW) + 1) == 0) {
		row_field(&walk->row, path + strlen(ROW) + 1, text);
	} else if (strcmp(path, ROW) == 0) {
		walk->table.carries |=
			cidr_is(walk->row.cidr, &walk->job->vip) && !walk->row.propagated;
		memset(&walk->row, 0, sizeof(walk->row));
	} else if (strncmp(path, association, sizeof(association) - 1) == 0) {
		path += sizeof(association) - 1;
		if (strcmp(path, "main") == 0 && strcmp(text, "true") == 0)
			walk->table.main = walk->table.used = true;
		else if (strcmp(path, "subnetId") == 0 && *text)
			walk->table.used = true;
	} else if (strcmp(path, "routeTableSet/item/routeTableId") == 0) {
		reply_copy(walk->table.id, sizeof(walk->table.id), text);
	} else if (strcmp(path, "routeTableSet/item") == 0) {
		keep_table(walk);
		memset(&walk->table, 0, sizeof(walk->table));
	} else if (strcmp(path, "nextToken") == 0) {
		if (strlen(text) >= EC2_TOKEN_MAX)
			walk->ret = -EBADMSG;
		reply_copy(walk->page, EC2_TOKEN_MAX, text);
	}
}

int ec2_read_tables(const char *xml, size_t length, struct aws_job *job,
		    char page[static EC2_TOKEN_MAX], struct err *err)
{
	struct tables_walk tables = {.job = job, .page = page};
	struct xml_walk walk = {.fn = on_tables_field, .arg = &tables};
	int ret;

	page[0] = '\0';
	ret = expect(&walk, xml, length, "DescribeRouteTablesResponse", err);
	if (ret == 0 && tables.ret < 0) {
		(void)err_set(err,
			      tables.ret == -E2BIG ? "the VPC has more than %d route tables"
						   : "the list of tables cannot be kept",
			      AWS_TABLES_MAX);
		ret = tables.ret;
	}
	return ret;
}

/* --- one instance --- */

struct instance_walk {
	const char *wanted;
	char id[AWS_ID_MAX];
	char state[AWS_STATE_MAX];
	char *found;
};

static void on_instance_field(void *arg, const char *path, const char *text)
{
	static const char item[] = "reservationSet/item/instancesSet/item";
	struct instance_walk *walk = arg;

	if (strncmp(path, item, sizeof(item) - 1) != 0)
		return;
	path += sizeof(item) - 1;
	if (strcmp(path, "/instanceId") == 0) {
		reply_copy(walk->id, sizeof(walk->id), text);
	} else if (strcmp(path, "/instanceState/name") == 0) {
		reply_copy(walk->state, sizeof(walk->state), text);
	} else if (!*path) {
		if (strcmp(walk->id, walk->wanted) == 0)
			memcpy(walk->found, walk->state, sizeof(walk->state));
		walk->id[0] = '\0';
		walk->state[0] = '\0';
	}
}

int ec2_read_instance(const char *xml, size_t length, struct aws_job *job, struct err *err)
{
	struct instance_walk instance = {.wanted = job->instance_id, .found = job->instance_state};
	struct xml_walk walk = {.fn = on_instance_field, .arg = &instance};
	int ret;

	job->instance_state[0] = '\0';
	ret = expect(&walk, xml, length, "DescribeInstancesResponse", err);
	if (ret == 0 && !job->instance_state[0]) {
		(void)err_set(err, "the answer does not hold the instance");
		ret = -ENOENT;
	}
	return ret;
}

static void on_done_field(void *arg, const char *path, const char *text)
{
	bool *refused = arg;

	if (strcmp(path, "return") == 0 && strcmp(text, "true") != 0)
		*refused = true;
}

int ec2_read_done(const char *xml, size_t length, struct err *err)
{
	static const char *const roots[] = {"ReplaceRouteResponse", "CreateRouteResponse",
					    "ModifyNetworkInterfaceAttributeResponse"};
	bool refused = false;
	bool known = false;
	struct xml_walk walk = {.fn = on_done_field, .arg = &refused};
	int ret;

	if (length == 0)
		return 0;
	ret = xml_walk(&walk, xml, length, err);
	for (size_t i = 0; ret == 0 && i < sizeof(roots) / sizeof(roots[0]); i++)
		known |= strcmp(walk.root, roots[i]) == 0;
	if (ret == 0 && (refused || !known)) {
		(void)err_set(err, "the answer does not say that it was done");
		ret = -EBADMSG;
	}
	return ret;
}

struct interface_walk {
	const struct ip *ip; /* asked for, family 0: by id */
	const char *eni;
	char id[AWS_ID_MAX]; /* being read */
	char instance[AWS_ID_MAX];
	char check[8];
	bool address_seen;
	unsigned int found;
	char found_id[AWS_ID_MAX];
	char found_instance[AWS_ID_MAX];
	bool on;
};

static bool is_address(const char *text, const struct ip *wanted)
{
	struct ip ip;

	return wanted->family && ip_parse(text, &ip) == 0 && ip_equal(&ip, wanted);
}

static void end_interface(struct interface_walk *walk)
{
	bool wanted = walk->ip->family ? walk->address_seen : strcmp(walk->id, walk->eni) == 0;

	if (wanted && walk->id[0] && walk->check[0]) {
		walk->found++;
		memcpy(walk->found_id, walk->id, sizeof(walk->found_id));
		memcpy(walk->found_instance, walk->instance, sizeof(walk->found_instance));
		walk->on = strcmp(walk->check, "false") != 0;
	}
	walk->id[0] = '\0';
	walk->instance[0] = '\0';
	walk->check[0] = '\0';
	walk->address_seen = false;
}

static void on_interface_field(void *arg, const char *path, const char *text)
{
	static const char item[] = "networkInterfaceSet/item";
	struct interface_walk *walk = arg;

	if (strncmp(path, item, sizeof(item) - 1) != 0)
		return;
	path += sizeof(item) - 1;
	if (strcmp(path, "/networkInterfaceId") == 0)
		reply_copy(walk->id, sizeof(walk->id), text);
	else if (strcmp(path, "/attachment/instanceId") == 0)
		reply_copy(walk->instance, sizeof(walk->instance), text);
	else if (strcmp(path, "/sourceDestCheck") == 0)
		reply_copy(walk->check, sizeof(walk->check), text);
	else if (strcmp(path, "/privateIpAddress") == 0 ||
		 strcmp(path, "/privateIpAddressesSet/item/privateIpAddress") == 0 ||
		 strcmp(path, "/ipv6AddressesSet/item/ipv6Address") == 0)
		walk->address_seen |= is_address(text, walk->ip);
	else if (!*path)
		end_interface(walk);
}

int ec2_read_interface(const char *xml, size_t length, struct aws_job *job, const char *eni,
		       struct err *err)
{
	struct interface_walk interface = {.ip = &job->vip, .eni = eni};
	struct xml_walk walk = {.fn = on_interface_field, .arg = &interface};
	int ret = expect(&walk, xml, length, "DescribeNetworkInterfacesResponse", err);

	if (ret < 0)
		return ret;
	if (interface.found != 1) {
		(void)err_set(err, interface.found ? "several interfaces have this address"
						   : "there is no such interface");
		return -ENOENT;
	}
	memcpy(job->route_eni, interface.found_id, sizeof(job->route_eni));
	memcpy(job->route_instance, interface.found_instance, sizeof(job->route_instance));
	job->source_dest_check = interface.on;
	return 0;
}
