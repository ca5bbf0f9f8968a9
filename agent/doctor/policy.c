/* SPDX-License-Identifier: MIT */
/*
 * The least that this configuration needs of IAM, as the policy of the
 * instance role of every node. What is not known here is a placeholder in
 * angle brackets. IAM cannot limit the destination or the target of a route:
 * who may replace a route of a table may replace all of it, so the tables are
 * listed one by one. Pure but for memory.
 */
#include "agent/doctor/doctor.h"

#include <stdlib.h>
#include <string.h>

static const char *or_placeholder(const char *text, const char *placeholder)
{
	return text && text[0] ? text : placeholder;
}

/* "arn:aws:ec2:eu-west-1:123456789012:route-table/rtb-1" */
static json_t *arn(const struct policy_names *names, const char *service, const char *kind,
		   const char *what)
{
	return json_sprintf("arn:%s:%s:%s:%s:%s/%s", or_placeholder(names->partition, "aws"),
			    service, or_placeholder(names->region, "<region>"),
			    or_placeholder(names->account, "<account>"), kind,
			    what + (*what == '/'));
}

static void add_once(json_t *list, json_t *item)
{
	for (size_t i = 0; i < json_array_size(list); i++)
		if (json_equal(json_array_get(list, i), item)) {
			json_decref(item);
			return;
		}
	(void)json_array_append_new(list, item);
}

static json_t *statement(const char *sid, json_t *actions, json_t *resources)
{
	return json_pack("{s:s, s:s, s:o, s:o}", "Sid", sid, "Effect", "Allow", "Action", actions,
			 "Resource", resources);
}

static json_t *read_network(const struct policy_names *names)
{
	json_t *actions = json_pack("[s, s, s, s]", "ec2:DescribeRouteTables",
				    "ec2:DescribeNetworkInterfaces", "ec2:DescribeSecurityGroups",
				    "ec2:DescribeInstances");
	json_t *one;

	one = statement("ReadNetwork", actions, json_pack("[s]", "*"));
	if (names->region && names->region[0])
		(void)json_object_set_new(one, "Condition",
					  json_pack("{s:{s:s}}", "StringEquals",
						    "aws:RequestedRegion", names->region));
	return one;
}

static void move_listed(const struct conf *conf, const struct policy_names *names,
			json_t *statements)
{
	json_t *actions = json_pack("[s]", "ec2:ReplaceRoute");
	json_t *tables = json_array();

	for (unsigned int i = 0; i < conf->instance_count; i++) {
		const struct conf_instance *instance = &conf->instances[i];

		for (unsigned int t = 0; t < instance->table_count; t++)
			add_once(tables, arn(names, "ec2", "route-table", instance->tables[t]));
		if (instance->create_route)
			add_once(actions, json_string("ec2:CreateRoute"));
	}
	if (json_array_size(tables) > 0) {
		(void)json_array_append_new(statements, statement("MoveVip", actions, tables));
		return;
	}
	json_decref(actions);
	json_decref(tables);
}

/* Tables that are found are known by their tag; by their VPC only where there is none. */
static void move_found(const struct conf_instance *instance, const struct policy_names *names,
		       json_t *statements)
{
	json_t *actions = json_pack("[s]", "ec2:ReplaceRoute");
	json_t *one;
	char sid[96] = "MoveFound";
	char key[CONF_TAG_MAX + 32];
	const char *value = strchr(instance->discover_tag, '=');

	for (const char *c = instance->name; *c; c++) /* a Sid takes letters and digits */
		if (((*c | 32) >= 'a' && (*c | 32) <= 'z') || (*c >= '0' && *c <= '9'))
			(void)strncat(sid, (char[]){*c, '\0'}, sizeof(sid) - strlen(sid) - 1);
	if (instance->create_route)
		(void)json_array_append_new(actions, json_string("ec2:CreateRoute"));
	one = statement(sid, actions, json_pack("[o]", arn(names, "ec2", "route-table", "*")));
	if (value) {
		(void)snprintf(key, sizeof(key), "aws:ResourceTag/%.*s",
			       (int)(value - instance->discover_tag), instance->discover_tag);
		(void)json_object_set_new(one, "Condition",
					  json_pack("{s:{s:s}}", "StringEquals", key, value + 1));
	} else {
		(void)json_object_set_new(
			one, "Condition",
			json_pack("{s:{s:o}}", "StringEquals", "ec2:Vpc",
				  arn(names, "ec2", "vpc", or_placeholder(names->vpc, "<vpc>"))));
	}
	(void)json_array_append_new(statements, one);
}

static json_t *record(const struct conf *conf, const struct policy_names *names)
{
	json_t *actions = json_pack("[s, s, s]", "ssm:GetParameter", "ssm:PutParameter",
				    "ssm:GetParameterHistory");
	json_t *parameters = json_array();
	char touch[sizeof(conf->touch_prefix) + CONF_NAME_MAX + 1];

	for (unsigned int i = 0; i < conf->instance_count; i++)
		add_once(parameters, arn(names, "ssm", "parameter", conf->instances[i].parameter));
	for (unsigned int n = 0; n < conf->node_count; n++) {
		(void)snprintf(touch, sizeof(touch), "%s.%s", conf->touch_prefix,
			       conf->nodes[n].name);
		add_once(parameters, arn(names, "ssm", "parameter", touch));
	}
	return statement("RecordOwner", actions, parameters);
}

static json_t *switch_check_off(const struct conf *conf, const struct policy_names *names)
{
	json_t *enis = json_array();
	char placeholder[CONF_NAME_MAX + 16];

	for (unsigned int n = 0; n < conf->node_count; n++) {
		(void)snprintf(placeholder, sizeof(placeholder), "<eni-of-%s>",
			       conf->nodes[n].name);
		add_once(enis, arn(names, "ec2", "network-interface",
				   or_placeholder(names->enis[n], placeholder)));
	}
	return statement("SwitchCheckOff", json_pack("[s]", "ec2:ModifyNetworkInterfaceAttribute"),
			 enis);
}

json_t *policy_make(const struct conf *conf, const struct policy_names *names)
{
	json_t *statements = json_array();

	(void)json_array_append_new(statements, read_network(names));
	move_listed(conf, names, statements);
	for (unsigned int i = 0; i < conf->instance_count; i++)
		if (conf->instances[i].discover || conf->instances[i].discover_tag[0])
			move_found(&conf->instances[i], names, statements);
	(void)json_array_append_new(statements, record(conf, names));
	if (conf->aws.source_dest_check == CONF_CHECK_FIX)
		(void)json_array_append_new(statements, switch_check_off(conf, names));
	return json_pack("{s:s, s:o}", "Version", "2012-10-17", "Statement", statements);
}
