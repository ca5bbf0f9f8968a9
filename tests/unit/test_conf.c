/* SPDX-License-Identifier: MIT */
/*
 * Good configurations: every word reaches its field, every default is the
 * documented one, what is printed reads back the same, the digest sees what
 * it must and nothing else, and the limits lie where the header says. Long
 * because it is one list, a test per word or rule, that shares one full text.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/load.h"
#include "conf/print.h"
#include "tests/unit/conf_text.h"

/* Nothing that has a default. */
static const char minimal[] = "global_defs {\n"
			      "cluster c\n"
			      "}\n"
			      "node a {\n"
			      "address 10.0.0.1\n"
			      "priority 2\n"
			      "}\n"
			      "node b {\n"
			      "address 10.0.0.2\n"
			      "priority 1\n"
			      "}\n"
			      "heartbeat {\n"
			      "key_file /k\n"
			      "}\n"
			      "track_mysql s {\n"
			      "socket /s\n"
			      "}\n"
			      "track_mysql t {\n"
			      "host 10.0.0.9\n"
			      "}\n"
			      "vip_instance I {\n"
			      "interface eth0\n"
			      "virtual_ipaddress { 10.1.5.5 }\n"
			      "route_table { rtb-00000001 }\n"
			      "parameter p\n"
			      "}\n";

/* Every word, none at its default. Values do not repeat, so that one can be changed alone. */
/* clang-format off */
static const char full[] =
	"global_defs {\n"
	"	cluster orders\n"
	"	script_user scripts\n"
	"	notify_fifo /run/zonevip/fifo\n"
	"	control_group dba\n"
	"	touch_parameter /orders/touch\n"
	"	journal_size 17\n"
	"	touch owner\n"
	"	ssm_outage_takeover wait\n"
	"	early_evidence off\n"
	"	observe on\n"
	"}\n"
	"node n1 {\n"
	"	address fd00::1\n"
	"	priority 254\n"
	"}\n"
	"node n2 {\n"
	"	address fd00::2\n"
	"	priority 21\n"
	"}\n"
	"node n3 {\n"
	"	address fd00::3\n"
	"	priority 11\n"
	"}\n"
	"heartbeat {\n"
	"	ack_age 0.511\n" /* before the profile on purpose */
	"	profile wan\n"
	"	port 7113\n"
	"	key_file \"/etc/zonevip/a key\"\n"
	"	key_id 7\n"
	"	accept_key_file /etc/zonevip/another\n"
	"	accept_key_id 255\n"
	"	heartbeat 0.11\n"
	"	dead_after 1.01\n"
	"	touch 1.02\n"
	"	param_call 1.03\n"
	"	route_call 2.51\n"
	"	stale 0.53\n"
	"	poll 0.26\n"
	"	slack 0.27\n"
	"	lease 2.65\n"
	"	grace 4.01\n"
	"	stagger 1.54\n"
	"	verify_master 5.1\n"
	"	verify_backup 10.1\n"
	"	verify_fast 1.04\n"
	"	claim 4.02\n"
	"	route 20.1\n"
	"	api_age 31\n"
	"	ssm_outage 32\n"
	"	reclaim 1.05\n"
	"	handover 5.2\n"
	"	hold 61\n"
	"	hold_max 1801.000001\n"
	"}\n"
	"track_mysql local {\n"
	"	socket /run/mysqld/mysqld.sock\n"
	"	user check\n"
	"	password_file /etc/zonevip/mysql.pw\n"
	"	interval 0.25\n"
	"	timeout 0.75\n"
	"	rise 3\n"
	"	fall 4\n"
	"	unfit_on readonly dead\n"
	"	slow 0.3\n"
	"	query \"SELECT 1 FROM app.ready\"\n"
	"	write_probe\n"
	"	galera\n"
	"}\n"
	"track_mysql tcp {\n"
	"	host 127.0.0.1\n"
	"	port 3307\n"
	"	admin_port 33062\n"
	"	tls\n"
	"	tls_ca /etc/zonevip/db.pem\n"
	"	replication_port 3308\n"
	"	replication_user repl\n"
	"	replication_password_file /etc/zonevip/repl.pw\n"
	"}\n"
	"vrrp_script chk {\n"
	"	script \"/usr/local/bin/chk -v\"\n"
	"	interval 2.5\n"
	"	timeout 1.5\n"
	"	weight -20\n"
	"	rise 5\n"
	"	fall 6\n"
	"}\n"
	"track_file drain {\n"
	"	file /run/drain\n"
	"	weight 0\n"
	"	interval 3.5\n"
	"}\n"
	"track_process proxy {\n"
	"	process \"haproxy -W\"\n"
	"	param_match partial\n"
	"	weight +253\n"
	"	quorum 2\n"
	"	quorum_max 4\n"
	"	interval 4.5\n"
	"}\n"
	"aws {\n"
	"	region eu-west-3\n"
	"	endpoint_url_ec2 http://127.0.0.1:4566\n"
	"	endpoint_url_ssm https://[fd00::9]:4567\n"
	"	endpoint_url_sts https://sts.example.org\n"
	"	use_fips\n"
	"	use_dualstack\n"
	"	proxy http://10.9.9.9:3128\n"
	"	profile routes\n"
	"	credentials_file /etc/zonevip/credentials\n"
	"	config_file /etc/zonevip/awsconfig\n"
	"	role_arn arn:aws:iam::123456789012:role/network/zonevip-routes\n"
	"	external_id tables-7\n"
	"	role_session_name orders\n"
	"	api_budget 9000000\n"
	"	on_spot_interruption ignore\n"
	"	on_rebalance handover\n"
	"	on_maintenance ignore\n"
	"	maintenance_lead 90.5\n"
	"	on_lifecycle alarm\n"
	"	imds_endpoint http://127.0.0.1:4568\n"
	"	ca_file /etc/ssl/lab.pem\n"
	"	ca_path /etc/ssl/lab\n"
	"	allow_http\n"
	"	source_dest_check fix\n"
	"}\n"
	"vip_instance DB {\n"
	"	interface ens5.100\n"
	"	virtual_ipaddress {\n"
	"		10.1.5.5 label ens5.100:db\n"
	"		10.1.5.6/32\n"
	"		fd00:15::5/128\n"
	"	}\n"
	"	route_table {\n"
	"		rtb-0a1b2c3d rtb-0123456789abcdef0\n"
	"		rtb-00000003\n"
	"		discover off\n"
	"		tag \"zone vip=a=b\"\n"
	"	}\n"
	"	discover_interval 60\n"
	"	target instance\n"
	"	create_route no\n"
	"	parameter /orders/MasterDB_VIP\n"
	"	track_mysql tcp local\n"
	"	track_script {\n"
	"		chk\n"
	"	}\n"
	"	track_file {\n"
	"		drain weight -7\n"
	"	}\n"
	"	track_process {\n"
	"		proxy\n"
	"	}\n"
	"	track_interface {\n"
	"		eth7\n"
	"		eth8 weight 9\n"
	"	}\n"
	"	isolation fence\n"
	"	promotion_gate wait\n"
	"	promotion_wait 7\n"
	"	promotion_lag_max 8\n"
	"	promote\n"
	"	reset_replica\n"
	"	fence\n"
	"	fence_sessions drain\n"
	"	rejoin auto\n"
	"	pre_claim \"/bin/claim a\"\n"
	"	pre_release /bin/release\n"
	"	hook_timeout 9\n"
	"	preempt on\n"
	"	preempt_delay 7.5\n"
	"	notify \"/bin/any \\\"a b\\\" 'c' \\\\d # ! {}\"\n"
	"	notify_master '/bin/master'\n"
	"	notify_backup /bin/backup\n"
	"	notify_fault /bin/fault\n"
	"	notify_stop /bin/stop\n"
	"	notify_timeout 12.5\n"
	"}\n"
	"vip_instance Reports {\n"
	"	interface eth9\n"
	"	virtual_ipaddress { 10.9.9.9 }\n"
	"	route_table { rtb-00000009 }\n"
	"	parameter Reports_VIP\n"
	"}\n"
	"vip_sync_group both {\n"
	"	group {\n"
	"		Reports\n"
	"		DB\n"
	"	}\n"
	"}\n";
/* clang-format on */

static struct conf *make(const char *text, struct err *err)
{
	struct conf *conf = NULL;
	struct conf_tree tree;

	if (conf_parse_buffer(&tree, text, strlen(text), err) == 0)
		conf = conf_make(&tree);
	conf_tree_free(&tree);
	return conf;
}

static struct conf *good(const char *text)
{
	struct err err = {0};
	struct conf *conf = make(text, &err);

	if (!conf)
		print_error("%s\n", err.text);
	assert_non_null(conf);
	assert_string_equal(err.text, "");
	return conf;
}

static uint32_t digest(const char *text)
{
	struct conf *conf = good(text);
	uint32_t value = conf->digest;

	conf_free(conf);
	return value;
}

/* The caller frees it. */
static char *print(const struct conf *conf, enum conf_print which)
{
	struct buf out;

	buf_init(&out, CONF_PRINT_MAX);
	assert_int_equal(conf_print(conf, which, &out), 0);
	return out.data;
}

static char *replaced(const char *text, const char *find, const char *with)
{
	const char *found = strstr(text, find);
	char *out = malloc(strlen(text) + strlen(with) + 1);

	assert_non_null(found);
	assert_non_null(out);
	(void)sprintf(out, "%.*s%s%s", (int)(found - text), text, with, found + strlen(find));
	return out;
}

/* Long, as the list of words is: one line a default. */
static void every_default_is_as_documented(void **state)
{
	struct conf *conf = good(minimal);
	const struct conf_instance *instance = &conf->instances[0];

	(void)state;
	assert_string_equal(conf->script_user, "zonevip-script");
	assert_string_equal(conf->control_group, "");
	assert_string_equal(conf->touch_prefix, "c.touch");
	assert_int_equal(conf->touch, CONF_TOUCH_PARAMETER);
	assert_int_equal(conf->ssm_outage_takeover, CONF_OUTAGE_ROUTE);
	assert_true(conf->early_evidence);
	assert_false(conf->observe);
	assert_int_equal(conf->group_count, 0);
	assert_int_equal(conf->heartbeat.port, 7112);
	assert_int_equal(conf->heartbeat.profile, TIMERS_SAFE);
	assert_memory_equal(&conf->heartbeat.timers, timers_profile(TIMERS_SAFE),
			    sizeof(struct timers));
	for (unsigned int i = 0; i < 2; i++) {
		assert_string_equal(conf->tracks[i].user, "zonevip");
		assert_string_equal(conf->tracks[i].password_file, "");
		assert_int_equal(conf->tracks[i].interval, 500 * MSEC);
		assert_int_equal(conf->tracks[i].timeout, 1 * SEC);
		assert_int_equal(conf->tracks[i].rise, 2);
		assert_int_equal(conf->tracks[i].fall, 2);
	}
	assert_int_equal(conf->tracks[0].port, 0);
	assert_int_equal(conf->tracks[0].host.family, 0);
	assert_int_equal(conf->tracks[1].port, 3306);
	assert_string_equal(conf->tracks[1].socket, "");
	assert_string_equal(conf->aws.region, "");
	assert_string_equal(conf->aws.endpoint_url_ec2, "");
	assert_string_equal(conf->aws.endpoint_url_ssm, "");
	assert_string_equal(conf->aws.endpoint_url_sts, "");
	assert_string_equal(conf->aws.proxy, "");
	assert_string_equal(conf->aws.profile, "");
	assert_string_equal(conf->aws.role_arn, "");
	assert_string_equal(conf->aws.role_session_name, "");
	assert_int_equal(conf->aws.api_budget, 0);
	/* Two reads a verify round, touch and look each second, interfaces each minute. */
	assert_int_equal(conf_calls_an_hour(conf), 2 * 720 + 2 * 3600 + 60 * 6);
	assert_int_equal(conf->aws.on_spot_interruption, CONF_POLICY_HANDOVER);
	assert_int_equal(conf->aws.on_rebalance, CONF_POLICY_ALARM);
	assert_int_equal(conf->aws.on_maintenance, CONF_POLICY_ALARM);
	assert_int_equal(conf->aws.on_lifecycle, CONF_POLICY_HANDOVER);
	assert_int_equal(conf->aws.maintenance_lead, 600 * SEC);
	assert_false(conf->aws.use_fips);
	assert_false(conf->aws.use_dualstack);
	assert_string_equal(conf->aws.imds_endpoint, ""); /* aws/settings.c knows where */
	assert_string_equal(conf->aws.ca_file, "");
	assert_string_equal(conf->aws.ca_path, "");
	assert_false(conf->aws.allow_http);
	assert_int_equal(instance->target, CONF_TARGET_ENI);
	assert_true(instance->create_route);
	for (unsigned int i = 0; i < 2; i++) {
		assert_int_equal(conf->tracks[i].unfit_count, 4);
		assert_int_equal(conf->tracks[i].unfit[0], CONF_UNFIT_STALLED);
		assert_int_equal(conf->tracks[i].unfit[3], CONF_UNFIT_DEAD);
		assert_int_equal(conf->tracks[i].slow, 500 * MSEC);
		assert_int_equal(conf->tracks[i].admin_port, 0);
		assert_int_equal(conf->tracks[i].replication_port, 3306);
		assert_false(conf->tracks[i].write_probe);
		assert_false(conf->tracks[i].tls);
	}
	assert_int_equal(instance->isolation, CONF_ISOLATION_HOLD);
	assert_int_equal(instance->gate, CONF_GATE_OFF);
	assert_int_equal(instance->gate_wait, 5 * SEC);
	assert_int_equal(instance->lag_max, 10 * SEC);
	assert_false(instance->promote || instance->fence || instance->reset_replica);
	assert_int_equal(instance->sessions, CONF_SESSIONS_KILL);
	assert_int_equal(instance->rejoin, CONF_REJOIN_MANUAL);
	assert_int_equal(instance->hook_timeout, 10 * SEC);
	assert_int_equal(instance->track_count, 0);
	assert_string_equal(instance->notify, "");
	assert_string_equal(instance->notify_master, "");
	assert_string_equal(instance->notify_backup, "");
	assert_string_equal(instance->notify_fault, "");
	assert_string_equal(instance->notify_stop, "");
	assert_int_equal(instance->notify_timeout, 30 * SEC);
	assert_int_equal(instance->vips[0].prefix_length, 32);
	assert_string_equal(instance->vips[0].label, "eth0:1");
	conf_free(conf);
}

static void a_profile_sets_every_timer_that_is_not_given(void **state)
{
	char *text = replaced(minimal, "key_file /k\n", "grace 2\nkey_file /k\nprofile fast\n");
	struct timers want = *timers_profile(TIMERS_FAST);
	struct conf *conf = good(text);

	(void)state;
	want.grace = 2 * SEC;
	assert_int_equal(conf->heartbeat.profile, TIMERS_FAST);
	assert_memory_equal(&conf->heartbeat.timers, &want, sizeof(want));
	conf_free(conf);
	free(text);
}

static void assert_address(const struct ip *ip, const char *text)
{
	char have[IP_TEXT_MAX];

	assert_string_equal(ip_format(ip, have), text);
}

/* Likewise: one line a word. */
static void every_word_reaches_its_field(void **state)
{
	struct conf *conf = good(full);
	const struct timers want = {
		.heartbeat = 110 * MSEC,
		.ack_age = 511 * MSEC,
		.dead_after = 1010 * MSEC,
		.touch = 1020 * MSEC,
		.param_call = 1030 * MSEC,
		.route_call = 2510 * MSEC,
		.stale = 530 * MSEC,
		.poll = 260 * MSEC,
		.slack = 270 * MSEC,
		.lease = 2650 * MSEC,
		.grace = 4010 * MSEC,
		.stagger = 1540 * MSEC,
		.verify_master = 5100 * MSEC,
		.verify_backup = 10100 * MSEC,
		.verify_fast = 1040 * MSEC,
		.claim = 4020 * MSEC,
		.route = 20100 * MSEC,
		.api_age = 31 * SEC,
		.ssm_outage = 32 * SEC,
		.reclaim = 1050 * MSEC,
		.handover = 5200 * MSEC,
		.hold = 61 * SEC,
		.hold_max = 1801 * SEC + 1,
	};

	(void)state;
	assert_string_equal(conf->cluster, "orders");
	assert_string_equal(conf->script_user, "scripts");
	assert_string_equal(conf->notify_fifo, "/run/zonevip/fifo");
	assert_string_equal(conf->control_group, "dba");
	assert_string_equal(conf->touch_prefix, "/orders/touch");
	assert_int_equal(conf->touch, CONF_TOUCH_OWNER);
	assert_int_equal(conf->ssm_outage_takeover, CONF_OUTAGE_WAIT);
	assert_false(conf->early_evidence);
	assert_true(conf->observe);
	assert_int_equal(conf->node_count, 3);
	assert_string_equal(conf->nodes[2].name, "n3");
	assert_address(&conf->nodes[2].address, "fd00::3");
	assert_int_equal(conf->nodes[0].priority, 254);
	assert_int_equal(conf->nodes[2].priority, 11);
	assert_int_equal(conf->nodes[1].id, conf_id("n2"));
	assert_int_equal(conf->heartbeat.port, 7113);
	assert_string_equal(conf->heartbeat.key_file, "/etc/zonevip/a key");
	assert_int_equal(conf->heartbeat.key_id, 7);
	assert_string_equal(conf->heartbeat.accept_key_file, "/etc/zonevip/another");
	assert_int_equal(conf->heartbeat.accept_key_id, 255);
	assert_int_equal(conf->heartbeat.profile, TIMERS_WAN);
	assert_memory_equal(&conf->heartbeat.timers, &want, sizeof(want));
	assert_int_equal(conf->track_count, 2);
	assert_string_equal(conf->tracks[0].name, "local");
	assert_string_equal(conf->tracks[0].socket, "/run/mysqld/mysqld.sock");
	assert_string_equal(conf->tracks[0].user, "check");
	assert_string_equal(conf->tracks[0].password_file, "/etc/zonevip/mysql.pw");
	assert_int_equal(conf->tracks[0].interval, 250 * MSEC);
	assert_int_equal(conf->tracks[0].timeout, 750 * MSEC);
	assert_int_equal(conf->tracks[0].rise, 3);
	assert_int_equal(conf->tracks[0].fall, 4);
	assert_address(&conf->tracks[1].host, "127.0.0.1");
	assert_int_equal(conf->tracks[0].unfit_count, 2);
	assert_int_equal(conf->tracks[0].unfit[0], CONF_UNFIT_READONLY);
	assert_int_equal(conf->tracks[0].unfit[1], CONF_UNFIT_DEAD);
	assert_int_equal(conf->tracks[0].slow, 300 * MSEC);
	assert_string_equal(conf->tracks[0].query, "SELECT 1 FROM app.ready");
	assert_true(conf->tracks[0].write_probe);
	assert_true(conf->tracks[0].galera);
	assert_int_equal(conf->tracks[1].admin_port, 33062);
	assert_true(conf->tracks[1].tls);
	assert_string_equal(conf->tracks[1].tls_ca, "/etc/zonevip/db.pem");
	assert_int_equal(conf->tracks[1].replication_port, 3308);
	assert_string_equal(conf->tracks[1].replication_user, "repl");
	assert_string_equal(conf->tracks[1].replication_password_file, "/etc/zonevip/repl.pw");
	assert_int_equal(conf->tracks[1].port, 3307);
	assert_string_equal(conf->aws.region, "eu-west-3");
	assert_string_equal(conf->aws.endpoint_url_ec2, "http://127.0.0.1:4566");
	assert_string_equal(conf->aws.endpoint_url_ssm, "https://[fd00::9]:4567");
	assert_string_equal(conf->aws.endpoint_url_sts, "https://sts.example.org");
	assert_int_equal(conf->aws.api_budget, 9000000);
	assert_int_equal(conf->aws.on_spot_interruption, CONF_POLICY_IGNORE);
	assert_int_equal(conf->aws.on_rebalance, CONF_POLICY_HANDOVER);
	assert_int_equal(conf->aws.on_maintenance, CONF_POLICY_IGNORE);
	assert_int_equal(conf->aws.on_lifecycle, CONF_POLICY_ALARM);
	assert_int_equal(conf->aws.maintenance_lead, 90500 * MSEC);
	assert_true(conf->aws.use_fips);
	assert_true(conf->aws.use_dualstack);
	assert_string_equal(conf->aws.proxy, "http://10.9.9.9:3128");
	assert_string_equal(conf->aws.profile, "routes");
	assert_string_equal(conf->aws.credentials_file, "/etc/zonevip/credentials");
	assert_string_equal(conf->aws.config_file, "/etc/zonevip/awsconfig");
	assert_string_equal(conf->aws.role_arn,
			    "arn:aws:iam::123456789012:role/network/zonevip-routes");
	assert_string_equal(conf->aws.external_id, "tables-7");
	assert_string_equal(conf->aws.role_session_name, "orders");
	assert_string_equal(conf->aws.imds_endpoint, "http://127.0.0.1:4568");
	assert_string_equal(conf->aws.ca_file, "/etc/ssl/lab.pem");
	assert_string_equal(conf->aws.ca_path, "/etc/ssl/lab");
	assert_true(conf->aws.allow_http);
	conf_free(conf);
}

static void every_word_of_an_instance_reaches_its_field(void **state)
{
	struct conf *conf = good(full);
	const struct conf_instance *instance = &conf->instances[0];

	(void)state;
	assert_int_equal(conf->instance_count, 2);
	assert_string_equal(instance->name, "DB");
	assert_int_equal(instance->id, conf_id("DB"));
	assert_string_equal(instance->interface, "ens5.100");
	assert_int_equal(instance->vip_count, 3);
	assert_address(&instance->vips[0].address, "10.1.5.5");
	assert_int_equal(instance->vips[0].prefix_length, 32);
	assert_string_equal(instance->vips[0].label, "ens5.100:db");
	assert_string_equal(instance->vips[1].label, "ens5.100:1");
	assert_address(&instance->vips[2].address, "fd00:15::5");
	assert_int_equal(instance->vips[2].prefix_length, 128);
	assert_string_equal(instance->vips[2].label, "");
	assert_int_equal(instance->table_count, 3);
	assert_string_equal(instance->tables[1], "rtb-0123456789abcdef0");
	assert_string_equal(instance->tables[2], "rtb-00000003");
	assert_false(instance->discover);
	assert_string_equal(instance->discover_tag, "zone vip=a=b");
	assert_int_equal(instance->discover_interval, 60 * SEC);
	assert_int_equal(conf->aws.source_dest_check, CONF_CHECK_FIX);
	assert_int_equal(instance->target, CONF_TARGET_INSTANCE);
	assert_false(instance->create_route);
	assert_string_equal(instance->parameter, "/orders/MasterDB_VIP");
	assert_int_equal(instance->track_count, 2);
	assert_int_equal(instance->tracks[0], 1);
	assert_int_equal(instance->tracks[1], 0);
	assert_int_equal(instance->isolation, CONF_ISOLATION_FENCE);
	assert_int_equal(instance->gate, CONF_GATE_WAIT);
	assert_int_equal(instance->gate_wait, 7 * SEC);
	assert_int_equal(instance->lag_max, 8 * SEC);
	assert_true(instance->promote);
	assert_true(instance->reset_replica);
	assert_true(instance->fence);
	assert_int_equal(instance->sessions, CONF_SESSIONS_DRAIN);
	assert_int_equal(instance->rejoin, CONF_REJOIN_AUTO);
	assert_string_equal(instance->pre_claim, "/bin/claim a");
	assert_string_equal(instance->pre_release, "/bin/release");
	assert_int_equal(instance->hook_timeout, 9 * SEC);
	assert_true(instance->preempt);
	assert_int_equal(instance->preempt_delay, 7500 * MSEC);
	assert_int_equal(conf->group_count, 1);
	assert_string_equal(conf->groups[0].name, "both");
	assert_int_equal(conf->groups[0].member_count, 2);
	assert_string_equal(conf->groups[0].members[1], "DB");
	assert_int_equal(instance->group, 1);
	assert_int_equal(conf->instances[1].group, 1);
	assert_string_equal(instance->notify, "/bin/any \"a b\" 'c' \\d # ! {}");
	assert_string_equal(instance->notify_master, "/bin/master");
	assert_string_equal(instance->notify_backup, "/bin/backup");
	assert_string_equal(instance->notify_fault, "/bin/fault");
	assert_string_equal(instance->notify_stop, "/bin/stop");
	assert_int_equal(instance->notify_timeout, 12500 * MSEC);
	conf_free(conf);
}

static void every_word_of_a_watch_reaches_its_field(void **state)
{
	struct conf *conf = good(full);
	const struct conf_instance *instance = &conf->instances[0];
	const struct conf_watch *watch = conf_watch(conf, 0);

	(void)state;
	assert_int_equal(conf_watch_count(conf), 5);
	assert_string_equal(watch->name, "chk");
	assert_string_equal(watch->what, "/usr/local/bin/chk -v");
	assert_int_equal(watch->interval, 2500 * MSEC);
	assert_int_equal(watch->timeout, 1500 * MSEC);
	assert_int_equal(watch->weight, -20);
	assert_int_equal(watch->rise, 5);
	assert_int_equal(watch->fall, 6);
	watch = conf_watch(conf, 1);
	assert_string_equal(watch->what, "/run/drain");
	assert_int_equal(watch->weight, 0);
	assert_int_equal(watch->interval, 3500 * MSEC);
	watch = conf_watch(conf, 2);
	assert_string_equal(watch->what, "haproxy -W");
	assert_int_equal(watch->match, CONF_MATCH_PARTIAL);
	assert_int_equal(watch->weight, 253);
	assert_int_equal(watch->quorum, 2);
	assert_int_equal(watch->quorum_max, 4);
	assert_int_equal(watch->interval, 4500 * MSEC);
	assert_string_equal(conf_watch(conf, 3)->what, "eth7");
	assert_int_equal(conf_watch_kind(conf, 4), CONF_WATCH_INTERFACE);
	assert_int_equal(instance->watch_count, 5);
	for (unsigned int w = 0; w < 5; w++)
		assert_int_equal(instance->watches[w].watch, w);
	assert_int_equal(instance->watches[0].weight, -20); /* of its block */
	assert_int_equal(instance->watches[1].weight, -7);  /* its own */
	assert_int_equal(instance->watches[2].weight, 253);
	assert_int_equal(instance->watches[3].weight, 0);
	assert_int_equal(instance->watches[4].weight, 9);
	assert_int_equal(conf->instances[1].watch_count, 0);
	conf_free(conf);
}

/* Defaults are keepalived's. */
static void a_watch_left_bare_has_keepalived_s_defaults(void **state)
{
	char *text = replaced(minimal, "vip_instance",
			      "vrrp_script s {\nscript /s\ninterval 7\nuser zonevip-script\n}\n"
			      "track_file f {\nfile /f\n}\n"
			      "track_process p {\nprocess p\n}\nvip_instance");
	struct conf *conf = good(text);

	(void)state;
	assert_int_equal(conf->scripts[0].timeout, 7 * SEC);
	assert_int_equal(conf->scripts[0].weight, 0);
	assert_int_equal(conf->scripts[0].rise, 1);
	assert_int_equal(conf->scripts[0].fall, 1);
	assert_int_equal(conf->files[0].weight, 1);
	assert_int_equal(conf->files[0].interval, SEC);
	assert_int_equal(conf->processes[0].weight, 0);
	assert_int_equal(conf->processes[0].quorum, 1);
	assert_int_equal(conf->processes[0].match, CONF_MATCH_EXACT);
	conf_free(conf);
	free(text);
}

static void every_word_of_the_table_is_in_these_tests(void **state)
{
	(void)state;
	for (size_t i = 0; i < conf_word_count; i++) {
		char line[64];

		if (conf_words[i].entry)
			continue;
		(void)snprintf(line, sizeof(line), "%s", conf_words[i].word);
		if (!strstr(full, line))
			print_error("'%s' is not tried\n", line);
		assert_non_null(strstr(full, line));
	}
}

static void spacing_comments_and_quotes_mean_nothing(void **state)
{
	static const char spread[] =
		"! keepalived's other comment\r\n"
		"global_defs{cluster \"c\"}# after a brace\n"
		"\n"
		"\"node\" 'a'\n"
		"\t# between the name and its brace: \x80 { } \" \n"
		"{\n"
		"\taddress\t10.0.0.1 ! why\r\n"
		"\tpriority 2 }\n"
		"node b { priority 001\naddress 10.0.0.2\n}\n"
		"vip_instance I { parameter p\n"
		"route_table { rtb-00000001 }\n"
		"virtual_ipaddress {\n\n10.1.5.5/32 label \"eth0:1\" # x\n}\n"
		"interface eth0 }\n"
		"aws { }\n"
		"track_mysql s { socket /s }\n"
		"track_mysql t { host 10.0.0.9\nuser zonevip\ntimeout 1.000 }\n"
		"heartbeat { key_file /k\ngrace 4\nprofile safe }";
	struct conf *conf = good(spread);

	(void)state;
	assert_int_equal(conf->digest, digest(minimal));
	conf_free(conf);
}

static void every_boolean_of_keepalived_is_understood(void **state)
{
	static const struct {
		const char *text;
		bool value;
	} words[] = {{"", true},      {" on", true},	 {" true", true}, {" yes", true},
		     {" off", false}, {" false", false}, {" no", false}};

	(void)state;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		char line[64];
		char *text;
		struct conf *conf;

		(void)snprintf(line, sizeof(line), "parameter p\ncreate_route%s\n", words[i].text);
		text = replaced(minimal, "parameter p\n", line);
		conf = good(text);
		assert_int_equal(conf->instances[0].create_route, words[i].value);
		conf_free(conf);
		free(text);
	}
}

static void labels_are_numbered_within_the_instance(void **state)
{
	char *text = replaced(minimal, "{ 10.1.5.5 }",
			      "{\n10.1.5.5\n10.1.5.6 label eth0:2\nfd00::5\n10.1.5.7\n10.1.5.8\n}");
	struct conf *conf = good(text);
	const struct conf_vip *vips = conf->instances[0].vips;

	(void)state;
	assert_string_equal(vips[0].label, "eth0:1");
	assert_string_equal(vips[1].label, "eth0:2");
	assert_string_equal(vips[2].label, "");
	assert_string_equal(vips[3].label, "eth0:3");
	assert_string_equal(vips[4].label, "eth0:4");
	conf_free(conf);
	free(text);
}

static void what_is_printed_reads_back_the_same(void **state)
{
	static const char *const texts[] = {minimal, full, conf_text};

	(void)state;
	for (size_t i = 0; i < 3; i++)
		for (unsigned int which = CONF_PRINT_ALL; which <= CONF_PRINT_CHANGED; which++) {
			struct conf *first = good(texts[i]);
			char *printed = print(first, which);
			struct conf *second = good(printed);
			char *again = print(second, which);

			assert_string_equal(printed, again);
			assert_int_equal(first->digest, second->digest);
			/* No pointers inside, and every byte was zero before it was set. */
			assert_memory_equal(first->instances, second->instances,
					    first->instance_count * sizeof(*first->instances));
			free(first->instances);
			free(second->instances);
			first->instances = second->instances = NULL;
			assert_memory_equal(first->groups, second->groups,
					    first->group_count * sizeof(*first->groups));
			free(first->groups);
			free(second->groups);
			first->groups = second->groups = NULL;
			assert_memory_equal(first, second, sizeof(*first));
			conf_free(first);
			conf_free(second);
			free(printed);
			free(again);
		}
}

static void a_full_dump_shows_every_value_in_force(void **state)
{
	struct conf *conf = good(minimal);
	char *printed = print(conf, CONF_PRINT_ALL);

	(void)state;
	assert_non_null(strstr(printed, "\tscript_user zonevip-script\n"));
	assert_non_null(strstr(printed, "\ttouch_parameter c.touch\n"));
	assert_non_null(strstr(printed, "\tport 7112\n"));
	assert_non_null(strstr(printed, "\tlease 2.5\n"));
	assert_non_null(strstr(printed, "\tcreate_route on\n"));
	assert_non_null(strstr(printed, "\t\t10.1.5.5/32 label eth0:1\n"));
	free(printed);
	conf_free(conf);
}

/* Each line of the full text that can change alone without contradicting another. */
static void the_digest_sees_every_value(void **state)
{
	/* clang-format off */
	static const char *const changes[][2] = {
		{"cluster orders", "cluster orderz"}, {"scripts", "scriptz"}, {"dba", "dbb"},
		{"/orders/touch", "/orders/touches"}, {"node n1", "node n4"}, {"fd00::1", "fd00::4"},
		{"priority 254", "priority 253"}, {"wan", "fast"}, {"7113", "7114"}, {"a key", "b key"},
		{"heartbeat 0.11", "heartbeat 0.12"}, {"0.511", "0.512"}, {"1.01", "1.011"},
		{"touch 1.02", "touch 1.021"}, {"1.03", "1.029"}, {"2.51", "2.511"}, {"0.53", "0.531"},
		{"0.26", "0.261"}, {"0.27", "0.271"}, {"2.65", "2.651"}, {"4.01", "4.02"},
		{"1.54", "1.55"}, {"5.1\n", "5.11\n"}, {"10.1\n", "10.11\n"}, {"1.04", "1.041"},
		{"4.02", "4.021"}, {"20.1", "20.2"}, {"api_age 31", "api_age 33"}, {"ssm_outage 32", "ssm_outage 34"}, {"1.05", "1.051"},
		{"5.2", "5.3"}, {"hold 61", "hold 62"}, {"1801.000001", "1801.000002"},
		{"mysqld.sock", "mysqle.sock"}, {"user check", "user cheks"}, {"mysql.pw", "mysql.px"},
		{"0.25", "0.251"}, {"0.75", "0.751"}, {"rise 3", "rise 4"}, {"fall 4", "fall 3"},
		{"host 127.0.0.1", "host 127.0.0.2"}, {"3307", "3308"}, {"eu-west-3", "eu-west-2"},
		{":4566", ":4569"}, {":4567", ":4569"}, {":4568", ":4569"}, {"lab.pem", "lac.pem"},
		{"/ssl/lab\n", "/ssl/lac\n"}, {"both", "all"}, {"touch owner", "touch parameter"},
		{"takeover wait", "takeover route"}, {"early_evidence off", "early_evidence on"},
		{"observe on", "observe off"},
		{"preempt on", "preempt off"}, {"7.5", "7.6"}, {"Reports\n		DB", "DB\n		Reports"},
		{"ens5.100:db", "ens5.100:dc"}, {"10.1.5.6", "10.1.5.7"}, {"fd00:15::5", "fd00:15::6"},
		{"rtb-00000003", "rtb-00000004"}, {"target instance", "target eni"},
		{"create_route no", "create_route"}, {"MasterDB_VIP", "MasterDC_VIP"},
		{"track_mysql tcp local", "track_mysql local tcp"}, {"isolation fence", "isolation hold"},
		{"unfit_on readonly", "unfit_on hung"}, {"slow 0.3", "slow 0.4"},
		{"app.ready", "app.reads"}, {"33062", "33063"}, {"gate wait", "gate refuse"},
		{"promotion_wait 7", "promotion_wait 6"}, {"sessions drain", "sessions keep"},
		{"chk -v", "chk -w"}, {"weight -20", "weight -21"}, {"rise 5", "rise 6"}, {"fall 6", "fall 5"},
		{"timeout 1.5", "timeout 1.6"}, {"interval 2.5", "interval 2.6"}, {"/run/drain", "/run/drian"},
		{"interval 3.5", "interval 3.6"}, {"haproxy -W", "haproxy -X"}, {"match partial", "match initial"},
		{"weight +253", "weight 252"}, {"quorum 2", "quorum 3"}, {"quorum_max 4", "quorum_max 5"},
		{"interval 4.5", "interval 4.6"}, {"drain weight -7", "drain weight -8"}, {"drain weight -7", "drain"},
		{"eth7", "eth6"}, {"eth8 weight 9", "eth8 weight 0"}, {"\t\tproxy\n", ""},
		{"rejoin auto", "rejoin manual"}, {"/bin/claim", "/bin/claims"}, {"\tpromote\n", "\tpromote off\n"},
		{"/bin/any", "/bin/all"}, {"/bin/master", "/bin/mastes"}, {"/bin/backup", "/bin/backuq"},
		{"/bin/fault", "/bin/faulu"}, {"/bin/stop", "/bin/stoq"}, {"12.5", "12.6"},
	};
	/* clang-format on */
	uint32_t before = digest(full);

	(void)state;
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		char *text = replaced(full, changes[i][0], changes[i][1]);

		if (digest(text) == before)
			print_error("not seen: %s\n", changes[i][0]);
		assert_int_not_equal(digest(text), before);
		free(text);
	}
}

static void the_digest_does_not_see_who_we_are_or_a_default_spelt_out(void **state)
{
	char *text = replaced(minimal, "key_file /k\n", "key_file /k\nport 7112\nlease 2.50\n");

	(void)state;
	assert_int_equal(digest(text), digest(minimal));
	/* A fixed number: hosts of different builds and processors must agree. */
	assert_int_equal(digest(minimal), 0xd3373b7c);
	free(text);
}

static void ids_are_folded_fnv_and_never_0(void **state)
{
	char name[16];
	unsigned int zero = 0;

	(void)state;
	assert_int_equal(conf_id("a"), 0xe40c ^ 0x292c);
	assert_int_equal(conf_id("foobar"), 0xbf9c ^ 0xf968);
	for (unsigned int i = 0; i < 200000; i++) {
		(void)snprintf(name, sizeof(name), "%u", i);
		zero += conf_id(name) == 0;
	}
	assert_int_equal(zero, 0);
}

/* A name other than @name with the same id. */
static void twin(const char *name, char out[static 16])
{
	unsigned int i = 0;

	do
		(void)snprintf(out, 16, "t%u", i++);
	while (conf_id(out) != conf_id(name));
}

static void two_names_with_one_number_are_refused(void **state)
{
	struct err err = {0};
	char name[16];
	char line[64];
	char *text;

	(void)state;
	twin("DB_Host1", name);
	(void)snprintf(line, sizeof(line), "node %s", name);
	text = replaced(conf_text, "node DB_Host2", line);
	assert_null(make(text, &err));
	assert_non_null(strstr(err.text, "buffer:9:6: '"));
	assert_non_null(strstr(err.text, "the other is on line 5"));
	free(text);
	twin("MasterDB", name);
	(void)snprintf(line, sizeof(line), "vip_instance %s", name);
	text = replaced(conf_text, "vip_instance Reports", line);
	err.text[0] = '\0';
	assert_null(make(text, &err));
	assert_non_null(strstr(err.text, "buffer:45:14: '"));
	assert_non_null(strstr(err.text, "the other is on line 32"));
	free(text);
}

static void names_are_found_by_index(void **state)
{
	struct conf *conf = good(conf_text);

	(void)state;
	assert_int_equal(conf_node_by_name(conf, "DB_Host2"), 1);
	assert_int_equal(conf_node_by_name(conf, "DB_Host3"), -1);
	assert_int_equal(conf_instance_by_name(conf, "Reports"), 1);
	assert_int_equal(conf_instance_by_name(conf, ""), -1);
	conf_free(conf);
}

/* The good text with @count more lines or blocks by @format, which takes one number up to three
 * times. */
static char *grown(const char *before, const char *format, unsigned int first, unsigned int count)
{
	const char *found = strstr(conf_text, before);
	size_t room = sizeof(conf_text) + count * (strlen(format) + 64);
	char *text = malloc(room);
	size_t used;

	assert_non_null(found);
	assert_non_null(text);
	used = (size_t)snprintf(text, room, "%.*s", (int)(found - conf_text), conf_text);
	for (unsigned int i = first; i < first + count; i++)
		used += (size_t)snprintf(text + used, room - used, format, i, i, i);
	(void)snprintf(text + used, room - used, "%s", found);
	return text;
}

static void limit(const char *before, const char *format, unsigned int most, unsigned int there)
{
	char *fits = grown(before, format, there + 1, most - there);
	char *more = grown(before, format, there + 1, most - there + 1);
	struct err err = {0};
	struct conf *conf = good(fits);

	conf_free(conf);
	assert_null(make(more, &err));
	if (!strstr(err.text, "is one too many: at most"))
		print_error("%s\n", err.text);
	assert_non_null(strstr(err.text, "is one too many: at most"));
	free(fits);
	free(more);
}

static void every_limit_lies_where_it_is_said_to(void **state)
{
	(void)state;
	limit("heartbeat {", "node N%u {\naddress 10.0.9.%u\npriority %u\n}\n", CONF_NODES_MAX, 2);
	limit("aws {", "track_mysql T%u {\nsocket /%u\n}\n", CONF_TRACKS_MAX, 2);
	limit("aws {", "vrrp_script S%u {\nscript /%u\n}\n", CONF_WATCH_SCRIPTS_MAX, 0);
	limit("\t\t10.1.5.6\n", "10.1.9.%u\n", CONF_VIPS_MAX, 2);
	limit("rtb-11111111 ", "rtb-%08u\n", CONF_TABLES_MAX, 1);
	/* The ids of these names are all different; 255 addresses need two bytes. */
	limit("vip_instance MasterDB {",
	      "vip_instance vip%u {\ninterface eth0\nvirtual_ipaddress {\nfd00:9::%u\n}\n"
	      "route_table {\nrtb-00000001\n}\nparameter p%u\n}\n",
	      CONF_INSTANCES_MAX, 2);
}

static void what_is_as_long_as_it_may_be_is_taken(void **state)
{
	char name[CONF_NAME_MAX];
	char line[CONF_SCRIPT_MAX + 16];
	char command[CONF_SCRIPT_MAX + 1];
	struct err err = {0};
	struct conf *conf;
	char *text;

	(void)state;
	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	(void)snprintf(line, sizeof(line), "node %s {", name);
	text = replaced(conf_text, "node DB_Host1 {", line);
	conf = good(text);
	assert_string_equal(conf->nodes[0].name, name);
	conf_free(conf);
	free(text);
	memset(command, 'x', sizeof(command));
	command[0] = '/';
	command[CONF_SCRIPT_MAX - 1] = '\0';
	(void)snprintf(line, sizeof(line), "notify_stop %s\n", command);
	text = grown("\tparameter Reports_VIP\n", line, 0, 1);
	conf = good(text);
	assert_string_equal(conf->instances[1].notify_stop, command);
	conf_free(conf);
	free(text);
	command[CONF_SCRIPT_MAX - 1] = 'x';
	command[CONF_SCRIPT_MAX] = '\0';
	(void)snprintf(line, sizeof(line), "notify_stop %s\n", command);
	text = grown("\tparameter Reports_VIP\n", line, 0, 1);
	assert_null(make(text, &err));
	assert_non_null(strstr(err.text, "is too long: 512 bytes, at most 511"));
	free(text);
}

static void a_touch_parameter_that_gets_too_long_is_refused(void **state)
{
	char line[320] = "touch_parameter ";
	struct err err = {0};
	struct conf *conf;
	char *text;

	(void)state;
	/* 246 + '.' + "DB_Host1": 255 bytes */
	memset(line + 16, 'p', 246);
	text = replaced(conf_text, "touch_parameter /orders/touch", line);
	conf = good(text);
	conf_free(conf);
	free(text);
	line[16 + 246] = 'p';
	text = replaced(conf_text, "touch_parameter /orders/touch", line);
	assert_null(make(text, &err));
	assert_non_null(strstr(err.text, "buffer:3:18: 'pppp"));
	assert_non_null(strstr(err.text, "longer than 255 bytes"));
	free(text);
}

static void metadata_may_be_asked_without_tls_on_the_link_only(void **state)
{
	char *text =
		replaced(conf_text, "region us-east-1", "imds_endpoint http://[fd00:ec2::254]");
	struct conf *conf = good(text);

	(void)state;
	assert_string_equal(conf->aws.imds_endpoint, "http://[fd00:ec2::254]");
	conf_free(conf);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_default_is_as_documented),
		cmocka_unit_test(a_profile_sets_every_timer_that_is_not_given),
		cmocka_unit_test(every_word_reaches_its_field),
		cmocka_unit_test(every_word_of_an_instance_reaches_its_field),
		cmocka_unit_test(every_word_of_a_watch_reaches_its_field),
		cmocka_unit_test(a_watch_left_bare_has_keepalived_s_defaults),
		cmocka_unit_test(every_word_of_the_table_is_in_these_tests),
		cmocka_unit_test(spacing_comments_and_quotes_mean_nothing),
		cmocka_unit_test(every_boolean_of_keepalived_is_understood),
		cmocka_unit_test(labels_are_numbered_within_the_instance),
		cmocka_unit_test(what_is_printed_reads_back_the_same),
		cmocka_unit_test(a_full_dump_shows_every_value_in_force),
		cmocka_unit_test(the_digest_sees_every_value),
		cmocka_unit_test(the_digest_does_not_see_who_we_are_or_a_default_spelt_out),
		cmocka_unit_test(ids_are_folded_fnv_and_never_0),
		cmocka_unit_test(two_names_with_one_number_are_refused),
		cmocka_unit_test(names_are_found_by_index),
		cmocka_unit_test(every_limit_lies_where_it_is_said_to),
		cmocka_unit_test(what_is_as_long_as_it_may_be_is_taken),
		cmocka_unit_test(a_touch_parameter_that_gets_too_long_is_refused),
		cmocka_unit_test(metadata_may_be_asked_without_tls_on_the_link_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
