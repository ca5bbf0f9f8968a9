/* SPDX-License-Identifier: MIT */
/*
 * What can be wrong between two values of a configuration, each of them good
 * in itself. Every complaint points at the later of the two and names the
 * line of the other. Rules: zonevip.conf(5).
 */
#include "conf/load.h"

#include <string.h>

#include "conf/value.h"

/*
 * One value of a touch parameter lists every instance of the cluster, each as
 * "<id, 4 hex digits>:m<term>" and a space, a term having at most 8 digits:
 * it moves once a claim. A standard parameter holds 4096 bytes.
 */
#define TOUCH_ENTRY_MAX (4 + 2 + 8 + 1)
#define TOUCH_VALUE_MAX 4096
_Static_assert(CONF_INSTANCES_MAX *TOUCH_ENTRY_MAX <= TOUCH_VALUE_MAX,
	       "a touch of all instances must fit one parameter");

/* The token of the value stored at @field. */
static const struct conf_token *at(const struct conf_tree *tree, const void *field)
{
	return &conf_where(tree, field)->value;
}

/* Says that the value at @field clashes with that at @other: @fmt takes the other's place. */
static int clash(struct conf_tree *tree, const void *field, const void *other, const char *what)
{
	char place[CONF_PLACE_MAX];

	return conf_fail(tree, at(tree, field), "%s on %s", what,
			 conf_place(tree, at(tree, field), at(tree, other), place));
}

static int check_node_pair(const struct conf_node *node, const struct conf_node *other,
			   struct conf_tree *tree)
{
	if (ip_equal(&node->address, &other->address))
		return clash(tree, &node->address, &other->address,
			     "each node needs its own address; this is also that of the node");
	if (node->address.family != other->address.family)
		return clash(tree, &node->address, &other->address,
			     "nodes talk IPv4 or IPv6, not both; the other kind is");
	if (node->priority == other->priority)
		return clash(tree, &node->priority, &other->priority,
			     "each node needs its own priority, which settles who claims first; "
			     "this is taken");
	if (node->id == other->id)
		return clash(tree, node, other,
			     "has the same 16-bit number (a hash of the name) as another node; "
			     "rename one; the other is");
	return 0;
}

static int check_nodes(const struct conf *conf, struct conf_tree *tree)
{
	int ret = 0;

	for (unsigned int i = 0; i < conf->node_count && ret == 0; i++)
		for (unsigned int j = 0; j < i && ret == 0; j++)
			ret = check_node_pair(&conf->nodes[i], &conf->nodes[j], tree);
	return ret;
}

/* Each node's touch parameter has a name that AWS takes. */
static int check_touch_names(const struct conf *conf, struct conf_tree *tree)
{
	const struct conf_item *item = conf_where(tree, conf->touch_prefix);
	const struct conf_token *place = at(tree, conf->cluster);
	char name[sizeof(conf->touch_prefix) + CONF_NAME_MAX];

	if (item->element == conf->touch_prefix)
		place = &item->value;
	for (unsigned int i = 0; i < conf->node_count; i++) {
		struct err why = {0};

		(void)snprintf(name, sizeof(name), "%s.%s", conf->touch_prefix,
			       conf->nodes[i].name);
		if (strlen(name) >= CONF_AWS_NAME_MAX)
			return conf_fail(tree, place,
					 "makes the touch parameter of '%s' longer "
					 "than %d bytes",
					 conf->nodes[i].name, CONF_AWS_NAME_MAX - 1);
		if (!conf_parameter_ok(name, &why))
			return conf_fail(tree, place,
					 "makes a touch parameter '%s' that %s; set "
					 "'touch_parameter'",
					 name, why.text);
	}
	return 0;
}

static int check_timers(const struct conf *conf, struct conf_tree *tree)
{
	const struct conf_item *block = conf_where(tree, &conf->heartbeat);
	const struct timers *timers = &conf->heartbeat.timers;
	struct err why = {0};

	if (timers_check(timers, &why) < 0)
		return conf_fail(tree, &block->name, "%s", why.text);
	if (timers->hold > timers->hold_max)
		return conf_fail(tree, &block->name,
				 "hold <= hold_max does not hold (%.3f s against %.3f s): it only "
				 "grows; raise hold_max",
				 mono_seconds(timers->hold), mono_seconds(timers->hold_max));
	return 0;
}

static int check_keys(const struct conf *conf, struct conf_tree *tree)
{
	const struct conf_heartbeat *hb = &conf->heartbeat;

	if (hb->accept_key_file[0] && !hb->accept_key_id)
		return conf_fail(tree, at(tree, hb->accept_key_file),
				 "has no number; add 'accept_key_id'");
	if (!hb->accept_key_file[0] && hb->accept_key_id)
		return conf_fail(tree, at(tree, &hb->accept_key_id),
				 "means nothing without 'accept_key_file'");
	if (hb->accept_key_file[0] && hb->accept_key_id == hb->key_id)
		return conf_fail(tree, at(tree, &hb->accept_key_id),
				 "is 'key_id' too; two keys need two numbers");
	return 0;
}

static int check_track(const struct conf_track_mysql *track, struct conf_tree *tree)
{
	if (track->socket[0] && track->host.family)
		return conf_fail(tree, at(tree, &track->host),
				 "'socket' is set too; keep one of them");
	if (!track->socket[0] && !track->host.family)
		return conf_fail(tree, at(tree, track),
				 "has neither 'socket' nor 'host'; add: "
				 "socket /run/mysqld/mysqld.sock");
	if (track->socket[0] && track->port)
		return conf_fail(tree, at(tree, &track->port),
				 "a port means nothing with 'socket'; remove one of them");
	return 0;
}

static int check_tracks(const struct conf *conf, struct conf_tree *tree)
{
	int ret = 0;

	for (unsigned int i = 0; i < conf->track_count && ret == 0; i++)
		ret = check_track(&conf->tracks[i], tree);
	return ret;
}

static bool is_http(const char *url)
{
	return strncmp(url, "http://", 7) == 0;
}

static int check_aws(const struct conf *conf, struct conf_tree *tree)
{
	/* The two addresses at which every instance finds its metadata, never off the host. */
	static const char *const link_local[] = {"http://169.254.169.254",
						 "http://[fd00:ec2::254]"};
	const struct conf_aws *aws = &conf->aws;
	const char *const urls[] = {aws->endpoint_url_ec2, aws->endpoint_url_ssm,
				    aws->endpoint_url_sts, aws->imds_endpoint};

	for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]) && !aws->allow_http; i++) {
		if (!is_http(urls[i]) || strcmp(urls[i], link_local[0]) == 0 ||
		    strcmp(urls[i], link_local[1]) == 0)
			continue;
		return conf_fail(tree, at(tree, urls[i]),
				 "would be talked to without TLS; write https://, or 'allow_http' "
				 "for a test double");
	}
	if (aws->api_budget != 0 && aws->api_budget / 4 < conf_calls_an_hour(conf) / 3 + 1)
		return conf_fail(
			tree, at(tree, &aws->api_budget),
			"is too small: this configuration makes up to %u calls in an hour, "
			"which must be no more than three quarters of it",
			conf_calls_an_hour(conf));
	if (aws->proxy[0] && !is_http(aws->proxy))
		return conf_fail(
			tree, at(tree, aws->proxy),
			"TLS runs inside the proxy's tunnel, so the proxy itself is spoken to "
			"in plain; write http://HOST:PORT");
	if (aws->role_arn[0] &&
	    (strncmp(aws->role_arn, "arn:aws", 7) != 0 || !strstr(aws->role_arn, ":role/")))
		return conf_fail(tree, at(tree, aws->role_arn),
				 "is not the ARN of a role; they look like "
				 "arn:aws:iam::123456789012:role/NAME");
	if (!aws->role_arn[0] && aws->external_id[0])
		return conf_fail(tree, at(tree, aws->external_id),
				 "is of no use without 'role_arn'");
	return 0;
}

static int check_label(const struct conf_instance *instance, unsigned int n, struct conf_tree *tree)
{
	const struct conf_vip *vip = &instance->vips[n];
	size_t length = strlen(instance->interface);

	if (!vip->label[0])
		return 0;
	if (vip->address.family != AF_INET)
		return conf_fail(tree, at(tree, vip->label),
				 "IPv6 addresses have no label; "
				 "leave it out");
	if (strncmp(vip->label, instance->interface, length) != 0 || vip->label[length] != ':')
		return conf_fail(tree, at(tree, vip->label),
				 "must begin with '%s:', the interface of its instance",
				 instance->interface);
	for (unsigned int i = 0; i < n; i++)
		if (strcmp(instance->vips[i].label, vip->label) == 0)
			return clash(tree, vip->label, instance->vips[i].label,
				     "is already a label");
	return 0;
}

/* @vip against the nodes and against every virtual address before it. */
static int check_vip(const struct conf *conf, unsigned int i, unsigned int n,
		     struct conf_tree *tree)
{
	const struct conf_vip *vip = &conf->instances[i].vips[n];

	for (unsigned int j = 0; j < conf->node_count; j++)
		if (ip_equal(&vip->address, &conf->nodes[j].address))
			return clash(tree, vip, &conf->nodes[j].address,
				     "a virtual address moves, this one belongs to the node");
	for (unsigned int j = 0; j <= i; j++) {
		const struct conf_instance *other = &conf->instances[j];

		for (unsigned int k = 0; k < (j == i ? n : other->vip_count); k++)
			if (ip_equal(&vip->address, &other->vips[k].address))
				return clash(tree, vip, &other->vips[k],
					     "is already a virtual address");
	}
	return check_label(&conf->instances[i], n, tree);
}

static int check_tables(const struct conf_instance *instance, struct conf_tree *tree)
{
	const char *tag = instance->discover_tag;
	const char *value = strchr(tag, '=');

	if (instance->table_count == 0 && !instance->discover && !tag[0])
		return conf_fail(tree, at(tree, instance),
				 "has an empty 'route_table': list tables, or write 'discover' or "
				 "'tag KEY=VALUE' in it");
	if (tag[0] && instance->discover)
		return conf_fail(tree, at(tree, tag), "'discover' is there too; keep one of them");
	if (tag[0] && (!value || value == tag || value - tag > 128 || strlen(value + 1) > 256))
		return conf_fail(tree, at(tree, tag),
				 "is not KEY=VALUE with at most 128 and 256 characters");
	if (instance->vip_count * instance->table_count > CONF_ROUTES_MAX)
		return conf_fail(tree, at(tree, instance),
				 "%u addresses in %u tables are %u routes; at most %d in one "
				 "instance: make two of it",
				 instance->vip_count, instance->table_count,
				 instance->vip_count * instance->table_count, CONF_ROUTES_MAX);
	return 0;
}

static int check_lists(const struct conf_instance *instance, struct conf_tree *tree)
{
	for (unsigned int i = 0; i < instance->table_count; i++)
		for (unsigned int j = 0; j < i; j++)
			if (strcmp(instance->tables[i], instance->tables[j]) == 0)
				return clash(tree, instance->tables[i], instance->tables[j],
					     "is already in this list");
	for (unsigned int i = 0; i < instance->track_count; i++)
		for (unsigned int j = 0; j < i; j++)
			if (instance->tracks[i] == instance->tracks[j])
				return clash(tree, &instance->tracks[i], &instance->tracks[j],
					     "is already tracked");
	return 0;
}

/* Any word that gives orders to a mysqld. */
static bool commands_database(const struct conf_instance *instance)
{
	return instance->gate != CONF_GATE_OFF || instance->promote || instance->fence ||
	       instance->rejoin == CONF_REJOIN_AUTO;
}

/* Whose mysqld is promoted and fenced must be plain, and nobody else's. */
static int check_database(const struct conf *conf, unsigned int i, struct conf_tree *tree)
{
	const struct conf_instance *instance = &conf->instances[i];

	if (!commands_database(instance))
		return 0;
	if (instance->track_count == 0)
		return conf_fail(tree, at(tree, instance),
				 "promotes or fences a mysqld but has no 'track_mysql'");
	for (unsigned int j = 0; j < i; j++) {
		const struct conf_instance *other = &conf->instances[j];

		if (commands_database(other) && other->tracks[0] == instance->tracks[0])
			return clash(tree, &instance->tracks[0], &other->tracks[0],
				     "one mysqld cannot be promoted and fenced for two instances; "
				     "the other is");
	}
	return 0;
}

/* "/X" and "X" are the same parameter. */
static bool same_parameter(const char *a, const char *b)
{
	return strcmp(a + (a[0] == '/' && !strchr(a + 1, '/')),
		      b + (b[0] == '/' && !strchr(b + 1, '/'))) == 0;
}

static int check_parameter(const struct conf *conf, unsigned int i, struct conf_tree *tree)
{
	const struct conf_instance *instance = &conf->instances[i];
	char touch[sizeof(conf->touch_prefix) + CONF_NAME_MAX];

	for (unsigned int j = 0; j < i; j++)
		if (same_parameter(instance->parameter, conf->instances[j].parameter))
			return clash(tree, instance->parameter, conf->instances[j].parameter,
				     "each instance needs its own parameter; this is taken");
	for (unsigned int j = 0; j < conf->node_count; j++) {
		(void)snprintf(touch, sizeof(touch), "%s.%s", conf->touch_prefix,
			       conf->nodes[j].name);
		if (same_parameter(instance->parameter, touch))
			return clash(tree, instance->parameter, &conf->nodes[j],
				     "is the touch parameter of the node");
	}
	return 0;
}

static int check_instances(const struct conf *conf, struct conf_tree *tree)
{
	int ret = 0;

	for (unsigned int i = 0; i < conf->instance_count && ret == 0; i++) {
		const struct conf_instance *instance = &conf->instances[i];

		for (unsigned int j = 0; j < i && ret == 0; j++)
			if (instance->id == conf->instances[j].id)
				ret = clash(tree, instance, &conf->instances[j],
					    "has the same 16-bit number (a hash of the name) as "
					    "another instance; rename one; the other is");
		for (unsigned int n = 0; n < instance->vip_count && ret == 0; n++)
			ret = check_vip(conf, i, n, tree);
		if (ret == 0)
			ret = check_tables(instance, tree);
		if (ret == 0)
			ret = check_lists(instance, tree);
		if (ret == 0)
			ret = check_parameter(conf, i, tree);
		if (ret == 0)
			ret = check_database(conf, i, tree);
	}
	return ret;
}

int conf_check(const struct conf *conf, struct conf_tree *tree)
{
	if (check_nodes(conf, tree) < 0 || check_touch_names(conf, tree) < 0 ||
	    check_timers(conf, tree) < 0 || check_keys(conf, tree) < 0 ||
	    check_tracks(conf, tree) < 0 || check_aws(conf, tree) < 0 ||
	    check_instances(conf, tree) < 0)
		return -1;
	return 0;
}
