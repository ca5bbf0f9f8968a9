/* SPDX-License-Identifier: MIT */
/*
 * The table of words (conf/words.h), in the order of zonevip.conf(5), and the
 * questions that can be asked about a word: is it known, what was probably
 * meant, what does a keepalived user write instead. Names are keepalived's
 * where the meaning is the same.
 * Long, because it is the list of all words, a line or two for each.
 */
#include "conf/words.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "conf/conf.h"

#define SIZE(type, field) sizeof(((struct type *)0)->field)
#define AT(type, field) .offset = offsetof(struct type, field), .size = SIZE(type, field)
#define ARRAY(type, field, counter)                                                                \
	.offset = offsetof(struct type, field), .size = sizeof(((struct type *)0)->field[0]),      \
	.count = offsetof(struct type, counter)
#define TIMER(name, min, max, text)                                                                \
	{                                                                                          \
		.block = CONF_BLOCK_HEARTBEAT, .word = #name, .type = CONF_TYPE_TIME, .most = 1,   \
		.low = (min), .high = (max), .unit = "seconds", .standard = "of the profile",      \
		.derived = true, .help = (text), AT(conf_heartbeat, timers.name)                   \
	}
#define NOTIFY(name, text)                                                                         \
	{                                                                                          \
		.block = CONF_BLOCK_INSTANCE, .word = #name, .type = CONF_TYPE_COMMAND, .most = 1, \
		.keepalived = #name, .help = (text), AT(conf_instance, name)                       \
	}

#define NOTIFY_HOOK(name, text)                                                                    \
	{                                                                                          \
		.block = CONF_BLOCK_INSTANCE, .word = #name, .type = CONF_TYPE_COMMAND, .most = 1, \
		.help = (text), AT(conf_instance, name)                                            \
	}

#define HOUR (3600 * SEC)

/* One row a word, the same order in every row. */
/* clang-format off */
const struct conf_word conf_words[] = {
	{.block = CONF_BLOCK_TOP, .word = "global_defs", .type = CONF_TYPE_BLOCK,
	 .opens = CONF_BLOCK_GLOBAL, .least = 1, .most = 1, .keepalived = "global_defs",
	 .help = "what concerns the whole cluster"},
	{.block = CONF_BLOCK_GLOBAL, .word = "cluster", .type = CONF_TYPE_NAME, .least = 1,
	 .most = 1, .keepalived = "router_id",
	 .help = "name of the cluster; part of every heartbeat", AT(conf, cluster)},
	{.block = CONF_BLOCK_GLOBAL, .word = "script_user", .type = CONF_TYPE_NAME, .most = 1,
	 .standard = "zonevip-script", .keepalived = "script_user",
	 .help = "user that notify scripts run as", AT(conf, script_user)},
	{.block = CONF_BLOCK_GLOBAL, .word = "notify_fifo", .type = CONF_TYPE_PATH, .most = 1,
	 .keepalived = "notify_fifo",
	 .help = "FIFO that gets a line for every state change", AT(conf, notify_fifo)},
	{.block = CONF_BLOCK_GLOBAL, .word = "control_group", .type = CONF_TYPE_NAME, .most = 1,
	 .help = "group that may give commands on the status socket besides root",
	 AT(conf, control_group)},
	{.block = CONF_BLOCK_GLOBAL, .word = "touch_parameter", .type = CONF_TYPE_PARAMETER,
	 .most = 1, .standard = "<cluster>.touch", .derived = true,
	 .help = "each node touches the parameter <touch_parameter>.<node>",
	 AT(conf, touch_prefix)},
	{.block = CONF_BLOCK_GLOBAL, .word = "journal_size", .type = CONF_TYPE_NUMBER, .most = 1,
	 .low = 0, .high = 1024, .unit = "megabytes", .standard = "16",
	 .help = "room for the journal that zonevipd --replay reads; 0: none",
	 AT(conf, journal_mb)},

	{.block = CONF_BLOCK_GLOBAL, .word = "touch", .type = CONF_TYPE_CHOICE, .most = 1,
	 .choices = "parameter|owner", .standard = "parameter",
	 .help = "where touches go: a parameter of each node, or the one that names the owner",
	 AT(conf, touch)},
	{.block = CONF_BLOCK_GLOBAL, .word = "ssm_outage_takeover", .type = CONF_TYPE_CHOICE,
	 .most = 1, .choices = "route|wait", .standard = "route",
	 .help = "a silent owner while the parameter store is away",
	 AT(conf, ssm_outage_takeover)},
	{.block = CONF_BLOCK_GLOBAL, .word = "early_evidence", .type = CONF_TYPE_BOOL, .most = 1,
	 .standard = "on", .help = "a stopped machine or a blackhole spares the grace",
	 AT(conf, early_evidence)},
	{.block = CONF_BLOCK_GLOBAL, .word = "observe", .type = CONF_TYPE_BOOL, .most = 1,
	 .standard = "off", .help = "decides and tells what it would do; changes nothing",
	 AT(conf, observe)},

	{.block = CONF_BLOCK_TOP, .word = "node", .type = CONF_TYPE_BLOCK,
	 .opens = CONF_BLOCK_NODE, .named = true, .least = 2, .most = CONF_NODES_MAX,
	 .keepalived = "unicast_peer", .help = "one host; its name is the value of the parameter",
	 ARRAY(conf, nodes, node_count)},
	{.block = CONF_BLOCK_NODE, .word = "address", .type = CONF_TYPE_ADDRESS, .least = 1,
	 .most = 1, .keepalived = "unicast_src_ip",
	 .help = "where its heartbeats come from and go to", AT(conf_node, address)},
	{.block = CONF_BLOCK_NODE, .word = "priority", .type = CONF_TYPE_NUMBER, .least = 1,
	 .most = 1, .low = 1, .high = 254, .keepalived = "priority",
	 .help = "the higher claims first; no two nodes the same", AT(conf_node, priority)},

	{.block = CONF_BLOCK_TOP, .word = "heartbeat", .type = CONF_TYPE_BLOCK,
	 .opens = CONF_BLOCK_HEARTBEAT, .least = 1, .most = 1,
	 .help = "how the nodes hear each other, and the timers of the protocol",
	 AT(conf, heartbeat)},
	{.block = CONF_BLOCK_HEARTBEAT, .word = "port", .type = CONF_TYPE_NUMBER, .most = 1,
	 .low = 1024, .high = 65535, .unit = "UDP port", .standard = "7112",
	 .help = "heartbeats are sent from and to it", AT(conf_heartbeat, port)},
	{.block = CONF_BLOCK_HEARTBEAT, .word = "key_file", .type = CONF_TYPE_PATH, .least = 1,
	 .most = 1, .keepalived = "auth_hmac", .help = "file with the key of the heartbeats",
	 AT(conf_heartbeat, key_file)},
	{.block = CONF_BLOCK_HEARTBEAT, .word = "key_id", .type = CONF_TYPE_NUMBER, .most = 1,
	 .low = 1, .high = 255, .standard = "1", .help = "number of that key in the heartbeats",
	 AT(conf_heartbeat, key_id)},
	{.block = CONF_BLOCK_HEARTBEAT, .word = "accept_key_file", .type = CONF_TYPE_PATH,
	 .most = 1, .help = "another key that is taken from peers, to change keys without an outage",
	 AT(conf_heartbeat, accept_key_file)},
	{.block = CONF_BLOCK_HEARTBEAT, .word = "accept_key_id", .type = CONF_TYPE_NUMBER,
	 .most = 1, .low = 1, .high = 255, .help = "its number; not key_id",
	 AT(conf_heartbeat, accept_key_id)},
	{.block = CONF_BLOCK_HEARTBEAT, .word = "profile", .type = CONF_TYPE_CHOICE, .most = 1,
	 .choices = "safe|fast|wan", .standard = "safe", .keepalived = "advert_int",
	 .help = "set of timers to start from", AT(conf_heartbeat, profile)},
	TIMER(heartbeat, 10 * MSEC, 10 * SEC, "period of the heartbeats"),
	TIMER(ack_age, 30 * MSEC, 60 * SEC,
	      "age of a peer's last echo at which the owner starts to touch"),
	TIMER(dead_after, 50 * MSEC, 120 * SEC, "owner not seen acting for so long: suspected"),
	TIMER(touch, 100 * MSEC, 60 * SEC, "period of the touches"),
	TIMER(param_call, 100 * MSEC, 30 * SEC, "hard deadline of one call to the parameter store"),
	TIMER(route_call, 100 * MSEC, 60 * SEC, "hard deadline of one call to EC2"),
	TIMER(stale, 10 * MSEC, 30 * SEC, "how old what the parameter store answers may be"),
	TIMER(poll, 50 * MSEC, 60 * SEC,
	      "how often a node that suspects the owner reads the parameter"),
	TIMER(slack, 10 * MSEC, 10 * SEC,
	      "late wake-ups, difference of clock rates, time between read and write"),
	TIMER(lease, 100 * MSEC, 600 * SEC,
	      "how long an owner acts after its last proof of being seen"),
	TIMER(grace, 100 * MSEC, 600 * SEC, "wait between suspecting a silent owner and claiming"),
	TIMER(stagger, 100 * MSEC, 600 * SEC, "further wait per rank with more than two nodes"),
	TIMER(verify_master, 1 * SEC, HOUR, "how often the MASTER reads parameter and routes"),
	TIMER(verify_backup, 1 * SEC, HOUR, "how often everybody else does"),
	TIMER(verify_fast, 100 * MSEC, 60 * SEC, "two reads so far apart make a fact"),
	TIMER(claim, 500 * MSEC, 600 * SEC, "a claim not confirmed by then is given up"),
	TIMER(route, 1 * SEC, HOUR,
	      "MASTER without one good route for so long: gives up if a peer can serve"),
	TIMER(api_age, 1 * SEC, HOUR, "an answer of the API older than this proves nothing"),
	TIMER(ssm_outage, 1 * SEC, HOUR, "parameter store unreachable for so long: an outage"),
	TIMER(reclaim, 0, 600 * SEC,
	      "after its own disclaim a node lets others go first for so long"),
	TIMER(handover, 500 * MSEC, 600 * SEC,
	      "nobody took a planned hand-over by then: it is taken back"),
	TIMER(hold, 0, 24 * HOUR,
	      "after a failure no moving back for so long; doubles with each further one"),
	TIMER(hold_max, 0, 168 * HOUR, "the longest that hold grows to"),

	{.block = CONF_BLOCK_TOP, .word = "track_mysql", .type = CONF_TYPE_BLOCK,
	 .opens = CONF_BLOCK_TRACK, .named = true, .most = CONF_TRACKS_MAX,
	 .help = "how the local mysqld is asked whether it serves",
	 ARRAY(conf, tracks, track_count)},
	{.block = CONF_BLOCK_TRACK, .word = "socket", .type = CONF_TYPE_PATH, .most = 1,
	 .help = "unix socket of mysqld; this or host", AT(conf_track_mysql, socket)},
	{.block = CONF_BLOCK_TRACK, .word = "host", .type = CONF_TYPE_ADDRESS, .most = 1,
	 .help = "address of mysqld when asked over TCP; this or socket",
	 AT(conf_track_mysql, host)},
	{.block = CONF_BLOCK_TRACK, .word = "port", .type = CONF_TYPE_NUMBER, .most = 1, .low = 1,
	 .high = 65535, .unit = "TCP port", .standard = "3306", .derived = true,
	 .help = "only with host", AT(conf_track_mysql, port)},
	{.block = CONF_BLOCK_TRACK, .word = "user", .type = CONF_TYPE_TEXT, .most = 1,
	 .standard = "zonevip", .help = "MySQL user of the check", AT(conf_track_mysql, user)},
	{.block = CONF_BLOCK_TRACK, .word = "password_file", .type = CONF_TYPE_PATH, .most = 1,
	 .help = "its first line is the password; left out: socket authentication",
	 AT(conf_track_mysql, password_file)},
	{.block = CONF_BLOCK_TRACK, .word = "interval", .type = CONF_TYPE_TIME, .most = 1,
	 .low = 100 * MSEC, .high = 60 * SEC, .unit = "seconds", .standard = "0.5",
	 .keepalived = "interval", .help = "from the start of one check to the start of the next",
	 AT(conf_track_mysql, interval)},
	{.block = CONF_BLOCK_TRACK, .word = "timeout", .type = CONF_TYPE_TIME, .most = 1,
	 .low = 50 * MSEC, .high = 60 * SEC, .unit = "seconds", .standard = "1",
	 .keepalived = "timeout", .help = "hard deadline of one check, connect and login included",
	 AT(conf_track_mysql, timeout)},
	{.block = CONF_BLOCK_TRACK, .word = "rise", .type = CONF_TYPE_NUMBER, .most = 1, .low = 1,
	 .high = 100, .unit = "checks", .standard = "2", .keepalived = "rise",
	 .help = "good checks in a row that make it healthy", AT(conf_track_mysql, rise)},
	{.block = CONF_BLOCK_TRACK, .word = "fall", .type = CONF_TYPE_NUMBER, .most = 1, .low = 1,
	 .high = 100, .unit = "checks", .standard = "2", .keepalived = "fall",
	 .help = "bad checks in a row that make it unhealthy; a death is not counted, it is known",
	 AT(conf_track_mysql, fall)},
	{.block = CONF_BLOCK_TRACK, .word = "unfit_on", .type = CONF_TYPE_CHOICE, .list = true,
	 .most = CONF_UNFIT_COUNT, .choices = "slow|full|readonly|stalled|hung|failed|dead",
	 .standard = "stalled hung failed dead", .derived = true,
	 .help = "verdicts that make the node unfit", ARRAY(conf_track_mysql, unfit, unfit_count)},
	{.block = CONF_BLOCK_TRACK, .word = "slow", .type = CONF_TYPE_TIME, .most = 1,
	 .low = MSEC, .high = 60 * SEC, .unit = "seconds", .standard = "0.5",
	 .help = "an answer that takes longer is SLOW", AT(conf_track_mysql, slow)},
	{.block = CONF_BLOCK_TRACK, .word = "admin_port", .type = CONF_TYPE_NUMBER, .most = 1,
	 .low = 1, .high = 65535, .unit = "TCP port",
	 .help = "admin_port (MySQL) or extra_port (MariaDB): asked when the server is full",
	 AT(conf_track_mysql, admin_port)},
	{.block = CONF_BLOCK_TRACK, .word = "query", .type = CONF_TYPE_TEXT, .most = 1,
	 .help = "asked in every check; empty, null or 0 is FAILED", AT(conf_track_mysql, query)},
	{.block = CONF_BLOCK_TRACK, .word = "write_probe", .type = CONF_TYPE_BOOL, .most = 1,
	 .standard = "off", .help = "while acting, every check writes a row of zonevip.heartbeat",
	 AT(conf_track_mysql, write_probe)},
	{.block = CONF_BLOCK_TRACK, .word = "galera", .type = CONF_TYPE_BOOL, .most = 1,
	 .standard = "off", .help = "a node that is not ready and synced is FAILED",
	 AT(conf_track_mysql, galera)},
	{.block = CONF_BLOCK_TRACK, .word = "tls", .type = CONF_TYPE_BOOL, .most = 1,
	 .standard = "off", .help = "over TCP: with TLS or not at all",
	 AT(conf_track_mysql, tls)},
	{.block = CONF_BLOCK_TRACK, .word = "tls_ca", .type = CONF_TYPE_PATH, .most = 1,
	 .help = "authority of the server's certificate; left out: it is not checked",
	 AT(conf_track_mysql, tls_ca)},
	{.block = CONF_BLOCK_TRACK, .word = "replication_port", .type = CONF_TYPE_NUMBER,
	 .most = 1, .low = 1, .high = 65535, .unit = "TCP port", .standard = "3306",
	 .help = "where 'rejoin auto' finds mysqld on the other nodes",
	 AT(conf_track_mysql, replication_port)},
	{.block = CONF_BLOCK_TRACK, .word = "replication_user", .type = CONF_TYPE_TEXT, .most = 1,
	 .help = "as whom 'rejoin auto' replicates; left out: as before",
	 AT(conf_track_mysql, replication_user)},
	{.block = CONF_BLOCK_TRACK, .word = "replication_password_file", .type = CONF_TYPE_PATH,
	 .most = 1, .help = "its first line is the password of replication_user",
	 AT(conf_track_mysql, replication_password_file)},

	{.block = CONF_BLOCK_TOP, .word = "vrrp_script", .type = CONF_TYPE_BLOCK,
	 .opens = CONF_BLOCK_SCRIPT, .named = true, .most = CONF_WATCH_SCRIPTS_MAX,
	 .keepalived = "vrrp_script", .help = "a command whose exit status says whether all is well",
	 ARRAY(conf, scripts, script_count)},
	{.block = CONF_BLOCK_SCRIPT, .word = "script", .type = CONF_TYPE_COMMAND, .least = 1,
	 .most = 1, .keepalived = "script", .help = "run by zonevip-notify; 0 is good",
	 AT(conf_watch, what)},
	{.block = CONF_BLOCK_SCRIPT, .word = "interval", .type = CONF_TYPE_TIME, .most = 1,
	 .low = 100 * MSEC, .high = HOUR, .unit = "seconds", .standard = "1",
	 .keepalived = "interval", .help = "from the start of one run to the start of the next",
	 AT(conf_watch, interval)},
	{.block = CONF_BLOCK_SCRIPT, .word = "timeout", .type = CONF_TYPE_TIME, .most = 1,
	 .low = 50 * MSEC, .high = HOUR, .unit = "seconds", .standard = "of interval",
	 .derived = true, .keepalived = "timeout",
	 .help = "then it is killed with all its children, and has failed", AT(conf_watch, timeout)},
	{.block = CONF_BLOCK_SCRIPT, .word = "weight", .type = CONF_TYPE_WEIGHT, .most = 1,
	 .low = -CONF_WEIGHT_MAX, .high = CONF_WEIGHT_MAX, .standard = "0", .keepalived = "weight",
	 .help = "added to the priority while it is up (above 0) or down (below 0); 0: down is unfit",
	 AT(conf_watch, weight)},
	{.block = CONF_BLOCK_SCRIPT, .word = "rise", .type = CONF_TYPE_NUMBER, .most = 1, .low = 1,
	 .high = 100, .unit = "runs", .standard = "1", .keepalived = "rise",
	 .help = "good runs in a row that bring it up", AT(conf_watch, rise)},
	{.block = CONF_BLOCK_SCRIPT, .word = "fall", .type = CONF_TYPE_NUMBER, .most = 1, .low = 1,
	 .high = 100, .unit = "runs", .standard = "1", .keepalived = "fall",
	 .help = "bad runs in a row that bring it down", AT(conf_watch, fall)},
	{.block = CONF_BLOCK_SCRIPT, .word = "user", .type = CONF_TYPE_NAME, .most = 1,
	 .keepalived = "user", .help = "only script_user: one runner, one user",
	 AT(conf_watch, user)},

	{.block = CONF_BLOCK_TOP, .word = "track_file", .type = CONF_TYPE_BLOCK,
	 .opens = CONF_BLOCK_FILE, .named = true, .most = CONF_WATCH_FILES_MAX,
	 .keepalived = "track_file", .help = "a file that holds a number",
	 ARRAY(conf, files, file_count)},
	{.block = CONF_BLOCK_FILE, .word = "file", .type = CONF_TYPE_PATH, .least = 1, .most = 1,
	 .keepalived = "file", .help = "not there, or empty, is 0", AT(conf_watch, what)},
	{.block = CONF_BLOCK_FILE, .word = "weight", .type = CONF_TYPE_WEIGHT, .most = 1,
	 .low = -CONF_WEIGHT_MAX, .high = CONF_WEIGHT_MAX, .standard = "1", .keepalived = "weight",
	 .help = "times the number is added to the priority; 0: any number but 0 is unfit",
	 AT(conf_watch, weight)},
	{.block = CONF_BLOCK_FILE, .word = "interval", .type = CONF_TYPE_TIME, .most = 1,
	 .low = 100 * MSEC, .high = HOUR, .unit = "seconds", .standard = "1",
	 .help = "how often it is read", AT(conf_watch, interval)},

	{.block = CONF_BLOCK_TOP, .word = "track_process", .type = CONF_TYPE_BLOCK,
	 .opens = CONF_BLOCK_PROCESS, .named = true, .most = CONF_WATCH_PROCESSES_MAX,
	 .keepalived = "track_process", .help = "processes that must run",
	 ARRAY(conf, processes, process_count)},
	{.block = CONF_BLOCK_PROCESS, .word = "process", .type = CONF_TYPE_TEXT, .least = 1,
	 .most = 1, .keepalived = "process",
	 .help = "name, or path as it was started by, and arguments in one pair of quotes",
	 AT(conf_watch, what)},
	{.block = CONF_BLOCK_PROCESS, .word = "param_match", .type = CONF_TYPE_CHOICE, .most = 1,
	 .choices = "exact|initial|partial", .standard = "exact", .keepalived = "param_match",
	 .help = "with arguments: all of them, the first ones, or the first ones up to a part of the last",
	 AT(conf_watch, match)},
	{.block = CONF_BLOCK_PROCESS, .word = "weight", .type = CONF_TYPE_WEIGHT, .most = 1,
	 .low = -CONF_WEIGHT_MAX, .high = CONF_WEIGHT_MAX, .standard = "0", .keepalived = "weight",
	 .help = "added to the priority while it is up (above 0) or down (below 0); 0: down is unfit",
	 AT(conf_watch, weight)},
	{.block = CONF_BLOCK_PROCESS, .word = "quorum", .type = CONF_TYPE_NUMBER, .most = 1,
	 .low = 1, .high = 65535, .unit = "processes", .standard = "1", .keepalived = "quorum",
	 .help = "up while at least so many run", AT(conf_watch, quorum)},
	{.block = CONF_BLOCK_PROCESS, .word = "quorum_max", .type = CONF_TYPE_NUMBER, .most = 1,
	 .low = 1, .high = 65535, .unit = "processes", .standard = "65535",
	 .keepalived = "quorum_max", .help = "and at most so many", AT(conf_watch, quorum_max)},
	{.block = CONF_BLOCK_PROCESS, .word = "interval", .type = CONF_TYPE_TIME, .most = 1,
	 .low = 100 * MSEC, .high = HOUR, .unit = "seconds", .standard = "1",
	 .help = "how often they are looked for; a death is seen at once", AT(conf_watch, interval)},

	{.block = CONF_BLOCK_TOP, .word = "aws", .type = CONF_TYPE_BLOCK, .opens = CONF_BLOCK_AWS,
	 .most = 1, .help = "where AWS is reached; seldom needed", AT(conf, aws)},
	{.block = CONF_BLOCK_AWS, .word = "region", .type = CONF_TYPE_REGION, .most = 1,
	 .help = "left out: asked from the instance metadata", AT(conf_aws, region)},
	{.block = CONF_BLOCK_AWS, .word = "endpoint_url_ec2", .type = CONF_TYPE_URL, .most = 1,
	 .help = "left out: the public one of the region", AT(conf_aws, endpoint_url_ec2)},
	{.block = CONF_BLOCK_AWS, .word = "endpoint_url_ssm", .type = CONF_TYPE_URL, .most = 1,
	 .help = "left out: the public one of the region", AT(conf_aws, endpoint_url_ssm)},
	{.block = CONF_BLOCK_AWS, .word = "endpoint_url_sts", .type = CONF_TYPE_URL, .most = 1,
	 .help = "left out: the public one of the region", AT(conf_aws, endpoint_url_sts)},
	{.block = CONF_BLOCK_AWS, .word = "use_fips", .type = CONF_TYPE_BOOL, .most = 1,
	 .standard = "off", .help = "the FIPS endpoints of the region", AT(conf_aws, use_fips)},
	{.block = CONF_BLOCK_AWS, .word = "use_dualstack", .type = CONF_TYPE_BOOL, .most = 1,
	 .standard = "off", .help = "the endpoints that answer IPv6 as well",
	 AT(conf_aws, use_dualstack)},
	{.block = CONF_BLOCK_AWS, .word = "proxy", .type = CONF_TYPE_URL, .most = 1,
	 .help = "http proxy to reach AWS through; none is taken from the environment",
	 AT(conf_aws, proxy)},
	{.block = CONF_BLOCK_AWS, .word = "profile", .type = CONF_TYPE_TEXT, .most = 1,
	 .help = "profile of the credentials file; left out: the usual order of sources",
	 AT(conf_aws, profile)},
	{.block = CONF_BLOCK_AWS, .word = "credentials_file", .type = CONF_TYPE_PATH, .most = 1,
	 .help = "shared credentials file", AT(conf_aws, credentials_file)},
	{.block = CONF_BLOCK_AWS, .word = "config_file", .type = CONF_TYPE_PATH, .most = 1,
	 .help = "shared config file", AT(conf_aws, config_file)},
	{.block = CONF_BLOCK_AWS, .word = "role_arn", .type = CONF_TYPE_TEXT, .most = 1,
	 .help = "role to assume for the calls about route tables, which another account may own",
	 AT(conf_aws, role_arn)},
	{.block = CONF_BLOCK_AWS, .word = "external_id", .type = CONF_TYPE_TEXT, .most = 1,
	 .help = "what the role's trust policy asks for", AT(conf_aws, external_id)},
	{.block = CONF_BLOCK_AWS, .word = "role_session_name", .type = CONF_TYPE_TEXT, .most = 1,
	 .standard = "zonevip-<instance id>", .derived = true,
	 .help = "how the role's calls appear in CloudTrail", AT(conf_aws, role_session_name)},
	{.block = CONF_BLOCK_AWS, .word = "api_budget", .type = CONF_TYPE_NUMBER, .most = 1,
	 .high = 10000000, .unit = "calls an hour", .standard = "0",
	 .help = "most calls to AWS an hour; 0 = four times what this configuration needs",
	 AT(conf_aws, api_budget)},
	{.block = CONF_BLOCK_AWS, .word = "on_spot_interruption", .type = CONF_TYPE_CHOICE, .most = 1,
	 .choices = "handover|alarm|ignore", .standard = "handover",
	 .help = "when AWS announces that it takes this spot instance away", AT(conf_aws, on_spot_interruption)},
	{.block = CONF_BLOCK_AWS, .word = "on_rebalance", .type = CONF_TYPE_CHOICE, .most = 1,
	 .choices = "handover|alarm|ignore", .standard = "alarm",
	 .help = "when AWS recommends to leave this spot instance", AT(conf_aws, on_rebalance)},
	{.block = CONF_BLOCK_AWS, .word = "on_maintenance", .type = CONF_TYPE_CHOICE, .most = 1,
	 .choices = "handover|alarm|ignore", .standard = "alarm",
	 .help = "when AWS has scheduled a reboot, a stop or the retirement of this instance", AT(conf_aws, on_maintenance)},
	{.block = CONF_BLOCK_AWS, .word = "maintenance_lead", .type = CONF_TYPE_TIME, .most = 1,
	 .low = 0, .high = 24 * HOUR, .unit = "seconds", .standard = "600",
	 .help = "with on_maintenance handover: so long before it begins",
	 AT(conf_aws, maintenance_lead)},
	{.block = CONF_BLOCK_AWS, .word = "on_lifecycle", .type = CONF_TYPE_CHOICE, .most = 1,
	 .choices = "handover|alarm|ignore", .standard = "handover",
	 .help = "when the auto-scaling group takes this instance out of service", AT(conf_aws, on_lifecycle)},
	{.block = CONF_BLOCK_AWS, .word = "imds_endpoint", .type = CONF_TYPE_URL, .most = 1,
	 .standard = "http://169.254.169.254", .derived = true, .help = "instance metadata service",
	 AT(conf_aws, imds_endpoint)},
	{.block = CONF_BLOCK_AWS, .word = "ca_file", .type = CONF_TYPE_PATH, .most = 1,
	 .help = "bundle of the authorities to trust; left out: the system's",
	 AT(conf_aws, ca_file)},
	{.block = CONF_BLOCK_AWS, .word = "ca_path", .type = CONF_TYPE_PATH, .most = 1,
	 .help = "hashed directory of the same; takes less memory than a bundle",
	 AT(conf_aws, ca_path)},
	{.block = CONF_BLOCK_AWS, .word = "allow_http", .type = CONF_TYPE_BOOL, .most = 1,
	 .standard = "off", .help = "endpoints without TLS: for test doubles only",
	 AT(conf_aws, allow_http)},
	{.block = CONF_BLOCK_AWS, .word = "source_dest_check", .type = CONF_TYPE_CHOICE,
	 .most = 1, .choices = "verify|fix", .standard = "verify",
	 .help = "fix: switch the check of this host's own interface off when it is on",
	 AT(conf_aws, source_dest_check)},

	{.block = CONF_BLOCK_TOP, .word = "vip_instance", .type = CONF_TYPE_BLOCK,
	 .opens = CONF_BLOCK_INSTANCE, .named = true, .least = 1, .most = CONF_INSTANCES_MAX,
	 .keepalived = "vrrp_instance",
	 .help = "one service: addresses and routes that move together",
	 ARRAY(conf, instances, instance_count), .pointer = true},
	{.block = CONF_BLOCK_INSTANCE, .word = "interface", .type = CONF_TYPE_INTERFACE,
	 .least = 1, .most = 1, .keepalived = "interface",
	 .help = "device that carries the addresses", AT(conf_instance, interface)},
	{.block = CONF_BLOCK_INSTANCE, .word = "virtual_ipaddress", .type = CONF_TYPE_BLOCK,
	 .opens = CONF_BLOCK_VIPS, .least = 1, .most = 1, .keepalived = "virtual_ipaddress",
	 .help = "one address a line"},
	{.block = CONF_BLOCK_VIPS, .word = "ADDRESS[/LENGTH]", .type = CONF_TYPE_VIP,
	 .opens = CONF_BLOCK_VIP, .entry = true, .least = 1, .most = CONF_VIPS_MAX,
	 .keepalived = "IP/MASK",
	 .help = "a virtual address; its length can only be 32 (IPv4) or 128 (IPv6)",
	 ARRAY(conf_instance, vips, vip_count)},
	{.block = CONF_BLOCK_VIP, .word = "label", .type = CONF_TYPE_LABEL, .most = 1,
	 .standard = "<interface>:1, then :2 and so on", .derived = true, .keepalived = "label",
	 .help = "alias name of an IPv4 address", AT(conf_vip, label)},
	{.block = CONF_BLOCK_INSTANCE, .word = "route_table", .type = CONF_TYPE_BLOCK,
	 .opens = CONF_BLOCK_TABLES, .least = 1, .most = 1,
	 .help = "the VPC route tables that lead clients to the addresses"},
	{.block = CONF_BLOCK_TABLES, .word = "discover", .type = CONF_TYPE_BOOL, .most = 1,
	 .standard = "off",
	 .help = "also every table of the VPC that carries the first address",
	 AT(conf_instance, discover)},
	{.block = CONF_BLOCK_TABLES, .word = "tag", .type = CONF_TYPE_TEXT, .most = 1,
	 .help = "KEY=VALUE: also every table of the VPC with this tag",
	 AT(conf_instance, discover_tag)},
	{.block = CONF_BLOCK_TABLES, .word = "TABLE", .type = CONF_TYPE_TABLE, .entry = true,
	 .list = true, .most = CONF_TABLES_MAX, .help = "id of a route table",
	 ARRAY(conf_instance, tables, table_count)},
	{.block = CONF_BLOCK_INSTANCE, .word = "discover_interval", .type = CONF_TYPE_TIME,
	 .most = 1, .low = 10 * SEC, .high = 24 * HOUR, .unit = "seconds", .standard = "300",
	 .help = "how often 'discover' and 'tag' of route_table look again",
	 AT(conf_instance, discover_interval)},
	{.block = CONF_BLOCK_INSTANCE, .word = "target", .type = CONF_TYPE_CHOICE, .most = 1,
	 .choices = "eni|instance", .standard = "eni", .help = "what the routes point at",
	 AT(conf_instance, target)},
	{.block = CONF_BLOCK_INSTANCE, .word = "create_route", .type = CONF_TYPE_BOOL, .most = 1,
	 .standard = "on", .help = "create a route that is missing",
	 AT(conf_instance, create_route)},
	{.block = CONF_BLOCK_INSTANCE, .word = "parameter", .type = CONF_TYPE_PARAMETER,
	 .least = 1, .most = 1,
	 .help = "where the name of the owner is kept", AT(conf_instance, parameter)},
	{.block = CONF_BLOCK_INSTANCE, .word = "track_mysql", .type = CONF_TYPE_TRACK,
	 .list = true, .most = CONF_TRACKS_MAX,
	 .help = "checks that must all be good", ARRAY(conf_instance, tracks, track_count)},
	{.block = CONF_BLOCK_INSTANCE, .word = "track_script", .type = CONF_TYPE_BLOCK,
	 .opens = CONF_BLOCK_TRACK_SCRIPT, .most = 1, .keepalived = "track_script",
	 .help = "scripts that count for it, one a line"},
	{.block = CONF_BLOCK_TRACK_SCRIPT, .word = "NAME", .type = CONF_TYPE_TRACKED,
	 .opens = CONF_BLOCK_TRACKED, .entry = true, .most = CONF_WATCH_SCRIPTS_MAX,
	 .help = "name of a vrrp_script block",
	 ARRAY(conf_instance, scripts, script_count)},
	{.block = CONF_BLOCK_INSTANCE, .word = "track_file", .type = CONF_TYPE_BLOCK,
	 .opens = CONF_BLOCK_TRACK_FILE, .most = 1, .keepalived = "track_file",
	 .help = "files that count for it, one a line"},
	{.block = CONF_BLOCK_TRACK_FILE, .word = "NAME", .type = CONF_TYPE_TRACKED,
	 .opens = CONF_BLOCK_TRACKED, .entry = true, .most = CONF_WATCH_FILES_MAX,
	 .help = "name of a track_file block",
	 ARRAY(conf_instance, files, file_count)},
	{.block = CONF_BLOCK_INSTANCE, .word = "track_process", .type = CONF_TYPE_BLOCK,
	 .opens = CONF_BLOCK_TRACK_PROCESS, .most = 1, .keepalived = "track_process",
	 .help = "processes that count for it, one a line"},
	{.block = CONF_BLOCK_TRACK_PROCESS, .word = "NAME", .type = CONF_TYPE_TRACKED,
	 .opens = CONF_BLOCK_TRACKED, .entry = true, .most = CONF_WATCH_PROCESSES_MAX,
	 .help = "name of a track_process block",
	 ARRAY(conf_instance, processes, process_count)},
	{.block = CONF_BLOCK_INSTANCE, .word = "track_interface", .type = CONF_TYPE_BLOCK,
	 .opens = CONF_BLOCK_TRACK_INTERFACE, .most = 1, .keepalived = "track_interface",
	 .help = "further devices that must be up, one a line"},
	{.block = CONF_BLOCK_TRACK_INTERFACE, .word = "INTERFACE", .type = CONF_TYPE_TRACKED,
	 .opens = CONF_BLOCK_TRACKED, .entry = true, .most = CONF_WATCH_INTERFACES_MAX,
	 .help = "name of a device",
	 ARRAY(conf_instance, interfaces, interface_count)},
	{.block = CONF_BLOCK_TRACKED, .word = "weight", .type = CONF_TYPE_WEIGHT, .most = 1,
	 .low = -CONF_WEIGHT_MAX, .high = CONF_WEIGHT_MAX, .standard = "of its block; of a device 0",
	 .derived = true, .keepalived = "weight", .help = "for this instance",
	 AT(conf_tracked, weight)},
	{.block = CONF_BLOCK_INSTANCE, .word = "isolation", .type = CONF_TYPE_CHOICE, .most = 1,
	 .choices = "hold|fence", .standard = "hold",
	 .help = "what the MASTER does when it can prove nothing any more",
	 AT(conf_instance, isolation)},
	{.block = CONF_BLOCK_INSTANCE, .word = "promotion_gate", .type = CONF_TYPE_CHOICE,
	 .most = 1, .choices = "off|claim|wait|refuse", .standard = "off",
	 .help = "what a replica that misses transactions does before it claims",
	 AT(conf_instance, gate)},
	{.block = CONF_BLOCK_INSTANCE, .word = "promotion_wait", .type = CONF_TYPE_TIME,
	 .most = 1, .low = 0, .high = HOUR, .unit = "seconds", .standard = "5",
	 .help = "how long the gate waits for what was received to be applied",
	 AT(conf_instance, gate_wait)},
	{.block = CONF_BLOCK_INSTANCE, .word = "promotion_lag_max", .type = CONF_TYPE_TIME,
	 .most = 1, .low = 0, .high = 24 * HOUR, .unit = "seconds", .standard = "10",
	 .help = "a replica that lags by more is refused a switchover",
	 AT(conf_instance, lag_max)},
	{.block = CONF_BLOCK_INSTANCE, .word = "promote", .type = CONF_TYPE_BOOL, .most = 1,
	 .standard = "off", .help = "on taking over: stop replicating, read_only off",
	 AT(conf_instance, promote)},
	{.block = CONF_BLOCK_INSTANCE, .word = "reset_replica", .type = CONF_TYPE_BOOL, .most = 1,
	 .standard = "off", .help = "promotion also forgets the source (RESET REPLICA ALL)",
	 AT(conf_instance, reset_replica)},
	{.block = CONF_BLOCK_INSTANCE, .word = "fence", .type = CONF_TYPE_BOOL, .most = 1,
	 .standard = "off", .help = "beside another owner: super_read_only or read_only on",
	 AT(conf_instance, fence)},
	{.block = CONF_BLOCK_INSTANCE, .word = "fence_sessions", .type = CONF_TYPE_CHOICE,
	 .most = 1, .choices = "kill|drain|keep", .standard = "kill",
	 .help = "what fencing does to the sessions of clients", AT(conf_instance, sessions)},
	{.block = CONF_BLOCK_INSTANCE, .word = "rejoin", .type = CONF_TYPE_CHOICE, .most = 1,
	 .choices = "manual|auto", .standard = "manual",
	 .help = "how a server that does not replicate from the owner gets to do so",
	 AT(conf_instance, rejoin)},
	NOTIFY_HOOK(pre_claim, "run as 'pre_claim gate' and 'pre_claim promote' instead of both"),
	NOTIFY_HOOK(pre_release,
		    "run as 'pre_release release' (may veto) and 'pre_release fence'"),
	{.block = CONF_BLOCK_INSTANCE, .word = "hook_timeout", .type = CONF_TYPE_TIME, .most = 1,
	 .low = 100 * MSEC, .high = 600 * SEC, .unit = "seconds", .standard = "10",
	 .help = "then a pre_ hook is killed and has failed", AT(conf_instance, hook_timeout)},
	{.block = CONF_BLOCK_INSTANCE, .word = "preempt", .type = CONF_TYPE_BOOL, .most = 1,
	 .standard = "off", .keepalived = "preempt",
	 .help = "a node of higher priority asks the MASTER for the VIP",
	 AT(conf_instance, preempt)},
	{.block = CONF_BLOCK_INSTANCE, .word = "preempt_delay", .type = CONF_TYPE_TIME,
	 .most = 1, .low = 0, .high = HOUR, .unit = "seconds", .standard = "60",
	 .keepalived = "preempt_delay", .help = "it could have had it for so long before it asks",
	 AT(conf_instance, preempt_delay)},
	NOTIFY(notify, "run on every change of state, after the others"),
	NOTIFY(notify_master, "run on becoming MASTER"),
	NOTIFY(notify_backup, "run on becoming BACKUP"),
	NOTIFY(notify_fault, "run on entering FAULT"),
	NOTIFY(notify_stop, "run when the daemon stops"),
	{.block = CONF_BLOCK_INSTANCE, .word = "notify_timeout", .type = CONF_TYPE_TIME, .most = 1,
	 .low = 100 * MSEC, .high = HOUR, .unit = "seconds", .standard = "30",
	 .help = "then the script and all its children are killed",
	 AT(conf_instance, notify_timeout)},

	{.block = CONF_BLOCK_TOP, .word = "vip_sync_group", .type = CONF_TYPE_BLOCK,
	 .opens = CONF_BLOCK_GROUP, .named = true, .most = CONF_GROUPS_MAX,
	 .keepalived = "vrrp_sync_group", .help = "instances that are always on one node",
	 ARRAY(conf, groups, group_count), .pointer = true},
	{.block = CONF_BLOCK_GROUP, .word = "group", .type = CONF_TYPE_BLOCK,
	 .opens = CONF_BLOCK_MEMBERS, .least = 1, .most = 1, .keepalived = "group",
	 .help = "their names; the first leads"},
	{.block = CONF_BLOCK_MEMBERS, .word = "INSTANCE", .type = CONF_TYPE_NAME, .entry = true,
	 .list = true, .least = 2, .most = CONF_MEMBERS_MAX, .help = "name of a vip_instance",
	 ARRAY(conf_group, members, member_count)},
};
/* clang-format on */

_Static_assert(sizeof(conf_words) / sizeof(conf_words[0]) <= CONF_WORDS_MAX,
	       "raise CONF_WORDS_MAX");
const size_t conf_word_count = sizeof(conf_words) / sizeof(conf_words[0]);

/* Words that a hand used to keepalived writes, and what they are here. */
static const struct {
	const char *word;
	const char *hint;
} foreign[] = {
	{"vrrp_instance", "write 'vip_instance'"},
	{"vrrp_track_file", "write 'track_file'"},
	{"vrrp_track_process", "write 'track_process'"},
	{"vrrp_sync_group", "write 'vip_sync_group'"},
	{"router_id", "write 'cluster'"},
	{"enable_script_security", "it is always on"},
	{"state", "leave it out: the parameter says who the owner is"},
	{"virtual_router_id", "leave it out: instances are told apart by name"},
	{"advert_int", "it is 'profile' or 'heartbeat' in the block 'heartbeat'"},
	{"authentication", "leave it out: every heartbeat is authenticated with 'key_file'"},
	{"auth_hmac", "it is 'key_file' in the block 'heartbeat'"},
	{"unicast_peer", "peers are the blocks 'node'"},
	{"unicast_src_ip", "it is 'address' in the block 'node'"},
	{"nopreempt", "leave it out: it is what 'preempt off', the default, means"},
	{"virtual_routes", "the routes of the VPC are listed in 'route_table'"},
};

const struct conf_word *conf_word_find(enum conf_block block, const char *text)
{
	for (size_t i = 0; i < conf_word_count; i++)
		if (conf_words[i].block == block &&
		    (conf_words[i].entry || strcmp(conf_words[i].word, text) == 0))
			return &conf_words[i];
	return NULL;
}

const struct conf_word *conf_block_word(enum conf_block block)
{
	for (size_t i = 0; i < conf_word_count; i++)
		if (conf_words[i].opens == block && block != CONF_BLOCK_TOP)
			return &conf_words[i];
	return NULL;
}

/* Longer words are compared by their beginnings: enough to see a slip. */
#define SIMILAR_MAX 32

static unsigned int least(unsigned int a, unsigned int b)
{
	return a < b ? a : b;
}

/* Insertions, deletions, substitutions and swaps of neighbours between @a and @b. */
static unsigned int distance(const char *a, const char *b)
{
	unsigned int rows[SIMILAR_MAX + 1][SIMILAR_MAX + 1];
	size_t a_length = strnlen(a, SIMILAR_MAX);
	size_t b_length = strnlen(b, SIMILAR_MAX);

	for (unsigned int i = 0; i <= SIMILAR_MAX; i++)
		rows[i][0] = rows[0][i] = i;
	for (size_t i = 1; i <= a_length; i++)
		for (size_t j = 1; j <= b_length; j++) {
			unsigned int differ = a[i - 1] != b[j - 1];
			unsigned int best = rows[i - 1][j - 1] + differ;

			best = least(best, least(rows[i - 1][j], rows[i][j - 1]) + 1);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				best = least(best, rows[i - 2][j - 2] + 1);
			rows[i][j] = best;
		}
	return rows[a_length][b_length];
}

/* How many slips are still a slip: one in three letters. */
static unsigned int slips_max(const char *known)
{
	size_t length = strnlen(known, SIMILAR_MAX);

	return length < 6 ? 1 : (unsigned int)(length / 3);
}

bool conf_similar(const char *text, const char *known)
{
	return strcasecmp(text, known) == 0 || distance(text, known) <= slips_max(known);
}

const char *conf_word_nearest(enum conf_block block, const char *text)
{
	const char *nearest = NULL;
	unsigned int nearest_distance = SIMILAR_MAX;

	for (size_t i = 0; i < conf_word_count; i++) {
		const struct conf_word *word = &conf_words[i];

		if (word->block != block || word->entry || !conf_similar(text, word->word))
			continue;
		if (distance(text, word->word) < nearest_distance) {
			nearest = word->word;
			nearest_distance = distance(text, word->word);
		}
	}
	return nearest ? nearest : conf_similar(text, "include") ? "include" : NULL;
}

const char *conf_word_foreign(const char *text)
{
	for (size_t i = 0; i < sizeof(foreign) / sizeof(foreign[0]); i++)
		if (strcmp(foreign[i].word, text) == 0)
			return foreign[i].hint;
	return NULL;
}
