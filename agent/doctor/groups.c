/* SPDX-License-Identifier: MIT */
/*
 * Checks of security groups: may the peers' heartbeats come in here, and are
 * there rules that were meant for clients of the VIP and can never match it? A
 * rule that names a group means its members' own addresses, and the VIP is
 * none of them.
 */
#include "agent/doctor/doctor.h"

#include <stdlib.h>
#include <string.h>

#include "aws/ec2.h"
#include "aws/reply.h"
#include "aws/xml.h"

#define IN "/ipPermissions/item"
#define OUT "/ipPermissionsEgress/item"

struct rule {
	char protocol[16];
	long from, to;	/* -1: all */
	uint32_t nodes; /* whose address, or whose group, is a source or destination */
	bool group;	/* names one of the nodes' groups */
	bool vip;	/* a CIDR of it holds the first VIP */
};

struct group_walk {
	struct doctor *d;
	long port;	  /* of mysqld */
	struct rule rule; /* being read */
	char id[AWS_ID_MAX];
	char name[64];
	uint32_t heard; /* nodes whose heartbeats this group lets in */
	bool out_group; /* a rule out to a group of the nodes, for mysqld's port */
	bool out_vip;	/* one that reaches the VIP */
	/* of all groups */
	uint32_t let_in;
	unsigned int deaf;
};

static bool in_groups(const struct eni_fact *eni, const char *group)
{
	for (unsigned int g = 0; g < eni->group_count; g++)
		if (strcmp(eni->groups[g], group) == 0)
			return true;
	return false;
}

static bool cidr_holds(const char *cidr, const struct ip *ip)
{
	const char *slash = strchr(cidr, '/');
	char text[64];
	struct ip net;
	unsigned long bits;

	if (!slash || slash - cidr >= (int)sizeof(text))
		return false;
	(void)snprintf(text, sizeof(text), "%.*s", (int)(slash - cidr), cidr);
	bits = strtoul(slash + 1, NULL, 10);
	if (ip_parse(text, &net) < 0 || net.family != ip->family || bits > 8 * ip_length(ip))
		return false;
	for (unsigned int b = 0; b < bits; b++)
		if (((ip->bytes[b / 8] ^ net.bytes[b / 8]) >> (7 - b % 8)) & 1)
			return false;
	return true;
}

static bool covers(const struct rule *rule, const char *protocol, const char *number, long port)
{
	if (strcmp(rule->protocol, "-1") == 0)
		return true;
	if (strcmp(rule->protocol, protocol) != 0 && strcmp(rule->protocol, number) != 0)
		return false;
	return rule->from < 0 || (rule->from <= port && port <= rule->to);
}

static void rule_field(struct group_walk *walk, const char *name, const char *text)
{
	const struct conf *conf = walk->d->conf;
	struct rule *rule = &walk->rule;

	if (strcmp(name, "/ipProtocol") == 0)
		reply_copy(rule->protocol, sizeof(rule->protocol), text);
	else if (strcmp(name, "/fromPort") == 0)
		rule->from = strtol(text, NULL, 10);
	else if (strcmp(name, "/toPort") == 0)
		rule->to = strtol(text, NULL, 10);
	else if (strcmp(name, "/groups/item/groupId") == 0)
		for (unsigned int n = 0; n < conf->node_count; n++) {
			if (!in_groups(&walk->d->enis[n], text))
				continue;
			rule->nodes |= 1U << n;
			rule->group = true;
		}
	else if (strcmp(name, "/ipRanges/item/cidrIp") == 0 ||
		 strcmp(name, "/ipv6Ranges/item/cidrIpv6") == 0) {
		for (unsigned int n = 0; n < conf->node_count; n++)
			if (cidr_holds(text, &conf->nodes[n].address))
				rule->nodes |= 1U << n;
		rule->vip |= cidr_holds(text, &conf->instances[0].vips[0].address);
	}
}

static void end_rule(struct group_walk *walk, bool out)
{
	const struct rule *rule = &walk->rule;

	if (!out && covers(rule, "udp", "17", walk->d->conf->heartbeat.port))
		walk->heard |= rule->nodes;
	if (out && covers(rule, "tcp", "6", walk->port)) {
		walk->out_group |= rule->group;
		walk->out_vip |= rule->vip;
	}
	walk->rule = (struct rule){.from = -1, .to = -1};
}

static void end_group(struct group_walk *walk)
{
	struct doctor *d = walk->d;
	char subject[AWS_ID_MAX + 70];
	char vip[IP_TEXT_MAX];
	char fix[192];

	if (in_groups(&d->enis[d->conf->self], walk->id))
		walk->let_in |= walk->heard;
	if (walk->out_group && !walk->out_vip) {
		(void)snprintf(subject, sizeof(subject), "%s", walk->id);
		(void)snprintf(fix, sizeof(fix),
			       "add a rule out to %s/32 (or /128), TCP %ld, to this group",
			       ip_format(&d->conf->instances[0].vips[0].address, vip), walk->port);
		doctor_say(d, DOCTOR_WARN, subject, fix,
			   "%s: its rule out to the databases' group cannot match the VIP, since a "
			   "group means its members' own addresses",
			   walk->name);
		walk->deaf++;
	}
	walk->heard = 0;
	walk->out_group = walk->out_vip = false;
}

static void on_field(void *arg, const char *path, const char *text)
{
	static const char item[] = "securityGroupInfo/item";
	struct group_walk *walk = arg;

	if (strncmp(path, item, sizeof(item) - 1) != 0)
		return;
	path += sizeof(item) - 1;
	if (strcmp(path, "/groupId") == 0)
		reply_copy(walk->id, sizeof(walk->id), text);
	else if (strcmp(path, "/groupName") == 0)
		reply_copy(walk->name, sizeof(walk->name), text);
	else if (strcmp(path, IN) == 0 || strcmp(path, OUT) == 0)
		end_rule(walk, strcmp(path, OUT) == 0);
	else if (strncmp(path, OUT "/", sizeof(OUT)) == 0)
		rule_field(walk, path + sizeof(OUT) - 1, text);
	else if (strncmp(path, IN "/", sizeof(IN)) == 0)
		rule_field(walk, path + sizeof(IN) - 1, text);
	else if (!*path)
		end_group(walk);
}

static long mysql_port(const struct conf *conf)
{
	for (unsigned int k = 0; k < conf->track_count; k++)
		if (conf->tracks[k].port)
			return conf->tracks[k].port;
	return 3306;
}

void check_groups(struct doctor *d)
{
	struct group_walk walk = {
		.d = d, .port = mysql_port(d->conf), .rule = {.from = -1, .to = -1}};
	struct xml_walk xml = {.fn = on_field, .arg = &walk};
	struct aws_job *job;
	struct buf body;
	char fix[192];

	buf_init(&body, EC2_BODY_MAX);
	ec2_add(&body, "Filter.1.Name", "vpc-id");
	ec2_add(&body, "Filter.1.Value.1", d->vpc);
	ec2_add(&body, "MaxResults", "1000");
	job = doctor_ask(d, false, "DescribeSecurityGroups", &body);
	buf_free(&body);
	if (!job || job->ask->status != 200 ||
	    xml_walk(&xml, job->ask->reply, job->ask->reply_length, NULL) < 0) {
		doctor_say(d, DOCTOR_SKIP, "",
			   "allow ec2:DescribeSecurityGroups to have them looked at", "%s",
			   doctor_code(job));
		aws_job_free(job);
		return;
	}
	aws_job_free(job);
	for (unsigned int n = 0; n < d->conf->node_count; n++) {
		if (n == d->conf->self)
			continue;
		(void)snprintf(fix, sizeof(fix),
			       "add a rule in for UDP %u from its address or its group",
			       d->conf->heartbeat.port);
		if (walk.let_in & (1U << n))
			doctor_say(d, DOCTOR_OK, d->conf->nodes[n].name, "",
				   "its heartbeats may come in");
		else
			doctor_say(d, DOCTOR_FAIL, d->conf->nodes[n].name, fix,
				   "no group of %s lets UDP %u from it in",
				   d->enis[d->conf->self].eni, d->conf->heartbeat.port);
	}
	if (!walk.deaf)
		doctor_say(d, DOCTOR_OK, "clients", "", "no rule found that cannot match the VIP");
}
