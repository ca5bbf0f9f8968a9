/* SPDX-License-Identifier: MIT */
/*
 * Bad configurations: each row changes the good text in one place, and the
 * one error must stand at exactly that line and column, quote the word and
 * say what is wrong. 0-length replacements remove text.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/load.h"
#include "tests/unit/conf_text.h"

struct bad {
	const char *find; /* NULL: @with is the whole text; "" : it is added at the end */
	const char *with;
	const char *where; /* "LINE:COLUMN: 'WORD'" */
	const char *what;
};

/* clang-format off */
static const struct bad words[] = {
	{"cluster orders-db", "clutser orders-db", "2:2: 'clutser'", "did you mean 'cluster'?"},
	{"priority 150", "prority 150", "7:2: 'prority'", "did you mean 'priority'?"},
	{"priority 150", "PRIORITY 150", "7:2: 'PRIORITY'", "did you mean 'priority'?"},
	{"profile safe", "profil safe", "16:2: 'profil'", "did you mean 'profile'?"},
	{"heartbeat {", "hartbeat {", "13:1: 'hartbeat'", "did you mean 'heartbeat'?"},
	{"vip_instance Reports", "vrrp_instance Reports", "45:1: 'vrrp_instance'", "write 'vip_instance'"},
	{"lease 2.5", "laese 2.5", "17:2: 'laese'", "did you mean 'lease'?"},
	{"region us-east-1", "regoin us-east-1", "29:2: 'regoin'", "did you mean 'region'?"},
	{"route_table {\n", "route_tabel {\n", "38:2: 'route_tabel'", "did you mean 'route_table'?"},
	{"priority 150", "includ x", "7:2: 'includ'", "did you mean 'include'?"},
	{"priority 150", "frobnicate 1", "7:2: 'frobnicate'", "unknown word in 'node' on line 5"},
	{"", "frobnicate 1\n", "51:1: 'frobnicate'", "unknown word in the file"},
	{"priority 150", "\xc2\xa0priority 150", "7:2: '\\xc2\\xa0priority'", "did you mean 'priority'?"},
	{"parameter MasterDB_VIP", "state MASTER", "41:2: 'state'", "keepalived's; leave it out"},
	{"parameter MasterDB_VIP", "virtual_router_id 51", "41:2: 'virtual_router_id'", "keepalived's"},
	{"parameter MasterDB_VIP", "authentication {", "41:2: 'authentication'", "'key_file'"},
	{"parameter MasterDB_VIP", "nopreempt", "41:2: 'nopreempt'", "keepalived's"},
	{"port 7112", "interface eth0", "14:2: 'interface'", "no place in 'heartbeat' on line 13; it belongs in 'vip_instance'"},
	{"", "vip_sync_group g {\n\tgroup { Reports Reprots }\n}\n", "52:18: 'Reprots'", "no 'vip_instance' block has this name"},
	{"", "vip_sync_group g {\n\tgroup { Reports Reports }\n}\n", "52:18: 'Reports'", "in a sync group already"},
	{"", "vip_sync_group g {\n\tgroup { Reports }\n}\n", "52:2: 'INSTANCE'", "at least 2 are needed"},
	{"rise 3", "weight 5", "22:2: 'weight'", "belongs in"},
	{"parameter Reports_VIP", "parameter Reports_VIP\n\ttrack_script { chk }", "50:17: 'chk'", "no 'vrrp_script' block has this name"},
	{"", "vrrp_track_file f {\n", "51:1: 'vrrp_track_file'", "write 'track_file'"},
	{"", "vrrp_script chk {\n\tscript /c\n\tuser root\n}\n", "53:7: 'root'", "is not script_user"},
	{"", "vrrp_script chk {\n\tscript /c\n\tweight 254\n}\n", "53:9: '254'", "-253 to 253"},
	{"", "vrrp_script chk {\n\tscript /c\n\tweight 1-\n}\n", "53:9: '1-'", "is not a number"},
	{"", "vrrp_script chk {\n}\n", "51:1: 'script'", "missing in 'vrrp_script'"},
	{"", "track_process p {\n\tprocess x\n\tquorum 3\n\tquorum_max 2\n}\n", "54:13: '2'", "less than quorum (3)"},
	{"", "track_file x {\n\tfile /f\n}\ntrack_process x {\n\tprocess x\n}\n", "54:15: 'x'", "the name of a file too"},
	{"parameter Reports_VIP", "parameter Reports_VIP\n\ttrack_interface { eth5 eth6 }", "50:25: 'eth6'", "only 'weight' may follow"},
	{"parameter Reports_VIP", "parameter Reports_VIP\n\ttrack_interface { a2345678901234567 }", "50:20: 'a2345678901234567'", "longer than a device name"},
	{"parameter Reports_VIP", "parameter Reports_VIP\ntrack_interface {\neth5\neth5 weight 3\n}", "52:1: 'eth5'", "already tracked"},
	{"parameter Reports_VIP", "parameter Reports_VIP\ntrack_interface {\na\nb\nc\nd\ne\n}", "55:1: 'e'", "one too many"},
	{"", "port 7112\n", "51:1: 'port'", "no place in the file; it belongs in 'heartbeat'"},
	{"\tparameter Reports_VIP\n}\n", "\tparameter Reports_VIP\nnode C {\n", "50:1: 'node'", "no place inside 'vip_instance' on line 45; is a '}' missing"},
	{"10.1.5.5/32 label eth0:1", "10.1.5.5/32 dev eth0", "35:15: 'dev'", "only 'label' may follow"},
	{"10.1.5.5/32 label eth0:1", "10.1.5.5/32 10.1.5.7", "35:15: '10.1.5.7'", "one address a line"},
};

static const struct bad shapes[] = {
	{NULL, "", "1:1: 'global_defs'", "missing in the file"},
	{NULL, "# nothing\n\n", "3:1: 'global_defs'", "missing in the file"},
	{NULL, "}\n", "1:1: '}'", "closes no block"},
	{NULL, "{\n", "1:1: '{'", "without a word before it"},
	{NULL, "node A {\n\taddress 10.0.0.1\n", "3:1: '}'", "nothing closes 'node' on line 1"},
	{NULL, "include x\n", "1:9: 'x'", "no file to include from here"},
	{NULL, "include\n", "1:1: 'include'", "has no value"},
	{NULL, "include a b\n", "1:11: 'b'", "takes one value and a line of its own"},
	{NULL, "cluster", "1:1: 'cluster'", "belongs in 'global_defs'"},
	{"node DB_Host1 {", "node {", "5:1: 'node'", "has no name; write: node NAME {"},
	{"node DB_Host1 {", "node DB_Host1", "5:1: 'node'", "not followed by '{'"},
	{"node DB_Host1 {", "node DB_Host1 extra {", "5:1: 'node'", "not followed by '{'"},
	{"heartbeat {", "heartbeat fast {", "13:11: 'fast'", "takes no name"},
	{"aws {", "aws", "28:1: 'aws'", "not followed by '{'"},
	{"\tparameter Reports_VIP\n}\n", "\tparameter Reports_VIP\n", "50:1: '}'", "nothing closes 'vip_instance' on line 45"},
	{"parameter Reports_VIP\n}", "parameter Reports_VIP\n}\n}", "51:1: '}'", "closes no block"},
	{"address 10.0.2.10\n\tpriority 150", "address 10.0.2.10 priority 150", "6:20: 'priority'", "on its own line"},
	{"priority 150", "priority 150 160", "7:15: '160'", "takes one value, this is one more"},
	{"priority 150", "priority", "7:2: 'priority'", "has no value; it takes 1 to 254"},
	{"priority 150", "priority {", "7:2: 'priority'", "has no value"},
	{"priority 150", "priority 150 {", "7:15: '{'", "'priority' does not open a block"},
	{"\"/etc/zonevip/notify.sh --quiet\"", "/etc/zonevip/notify.sh --quiet", "43:32: '--quiet'", "in one pair of quotes"},
	{"fd00:15::5 }", "fd00:15::5 } parameter x", "47:35: 'parameter'", "follows a '}'"},
	{"label eth0:1", "label", "35:15: 'label'", "has no value"},
	{"label eth0:1", "label eth0:1 label eth0:2", "35:28: 'label'", "twice; the first is on line 35"},
	{"10.1.5.5/32 label eth0:1", "10.1.5.5 {", "35:12: '{'", "does not open a block"},
	{"\"/etc/zonevip/notify.sh --quiet\"", "\"/etc/zonevip/notify.sh", "43:9: '/etc/zonevip/notify.sh'", "not closed on its line"},
	{"\"/etc/zonevip/notify.sh --quiet\"", "'/etc/a\\n'", "43:16: '\\'", "unknown escape"},
	{"\"/etc/zonevip/notify.sh --quiet\"", "\"/a\"b", "43:13: 'b'", "quote the whole value"},
	{NULL, "node 'A", "1:6: 'A'", "not closed on its line"},
	{NULL, "node \"A\\", "1:6: 'A\\'", "not closed on its line"},
	{"orders-db", "orders#db", "2:16: '#'", "space before a comment"},
	{"orders-db", "orders\\db", "2:16: '\\'", "only inside quotes"},
	{"orders-db", "orders\"db\"", "2:16: '\"'", "quote the whole value"},
	{"orders-db", "orders\x01" "db", "2:16: '\\x01'", "control byte 0x01"},
	{"orders-db", "\"orders\x7f\"", "2:17: '\\x7f'", "control byte 0x7f"},
	{"orders-db", "orders\r-db", "2:16: '\\x0d'", "control byte 0x0d"},
};

static const struct bad counts[] = {
	{"\tcluster orders-db\n", "", "1:1: 'cluster'", "missing in 'global_defs' on line 1"},
	{"\taddress 10.0.2.10\n", "", "5:1: 'address'", "missing in 'node' on line 5"},
	{"\tpriority 100\n", "", "9:1: 'priority'", "missing in 'node' on line 9"},
	{"\tkey_file /etc/zonevip/heartbeat.key\n", "\tkey_file /etc/k\n\taccept_key_file /etc/l\n", "16:18: '/etc/l'", "add 'accept_key_id'"},
	{"\tkey_file /etc/zonevip/heartbeat.key\n", "\tkey_file /etc/k\n\taccept_key_file /etc/l\n\taccept_key_id 1\n", "17:16: '1'", "two keys need two numbers"},
	{"\tkey_file /etc/zonevip/heartbeat.key\n", "\tkey_file /etc/k\n\taccept_key_id 2\n", "16:16: '2'", "means nothing without 'accept_key_file'"},
	{"\tkey_file /etc/zonevip/heartbeat.key\n", "", "13:1: 'key_file'", "missing in 'heartbeat' on line 13"},
	{"\tinterface eth1\n", "", "45:1: 'interface'", "missing in 'vip_instance' on line 45"},
	{"\tparameter MasterDB_VIP\n", "", "32:1: 'parameter'", "missing in 'vip_instance' on line 32"},
	{"\troute_table { rtb-11111111 }\n", "", "45:1: 'route_table'", "missing in 'vip_instance'"},
	{"\tvirtual_ipaddress { fd00:15::5 }\n", "", "45:1: 'virtual_ipaddress'", "missing in 'vip_instance'"},
	{"rtb-11111111 ", "", "45:14: 'Reports'", "write 'discover' or"},
	{"rtb-11111111 ", "discover\ntag a=b\n", "49:5: 'a=b'", "keep one of them"},
	{"rtb-11111111 ", "tag zonevip\n", "48:20: 'zonevip'", "is not KEY=VALUE"},
	{"rtb-11111111 ", "tag =x\n", "48:20: '=x'", "is not KEY=VALUE"},
	{"fd00:15::5 ", "", "47:2: 'ADDRESS[/LENGTH]'", "missing in 'virtual_ipaddress'"},
	{"node DB_Host2 {\n\taddress 10.0.4.10\n\tpriority 100\n}\n", "", "47:1: 'node'", "1 is there, at least 2 are needed"},
	{"priority 150", "priority 150\n\tpriority 151", "8:2: 'priority'", "twice; the first is on line 7"},
	{"interface eth1", "interface eth1\n\tinterface eth2", "47:2: 'interface'", "twice; the first is on line 46"},
	{"", "aws {\n}\n", "51:1: 'aws'", "twice; the first is on line 28"},
	{"", "heartbeat {\n}\n", "51:1: 'heartbeat'", "twice; the first is on line 13"},
	{"fd00:15::5 }", "fd00:15::5 }\n\tvirtual_ipaddress { fd00:15::6 }", "48:2: 'virtual_ipaddress'", "twice"},
	{"node DB_Host2", "node DB_Host1", "9:6: 'DB_Host1'", "name of another 'node' on line 5"},
	{"vip_instance Reports", "vip_instance MasterDB", "45:14: 'MasterDB'", "name of another 'vip_instance' on line 32"},
	{"track_mysql remote {", "track_mysql local {", "24:13: 'local'", "name of another 'track_mysql' on line 19"},
};

static const struct bad values[] = {
	{"orders-db", "\"\"", "2:10: ''", "is empty"},
	{"orders-db", "orders/db", "2:10: 'orders/db'", "is no name"},
	{"orders-db", "-orders", "2:10: '-orders'", "not beginning with"},
	{"DB_Host1", "\"DB Host1\"", "5:6: 'DB Host1'", "is no name"},
	{"DB_Host1", "A234567890123456789012345678901234567890123456789012345678901234", "5:6: 'A23456789012345678901234567890123456789012345678...'", "too long: 64 bytes, at most 63"},
	{"10.0.2.10", "db-host1.example", "6:10: 'db-host1.example'", "names are not looked up"},
	{"10.0.2.10", "10.0.2.300", "6:10: '10.0.2.300'", "no IPv4 or IPv6 address"},
	{"10.0.2.10", "10.0.2", "6:10: '10.0.2'", "no IPv4 or IPv6 address"},
	{"10.0.2.10", "0.0.0.0", "6:10: '0.0.0.0'", "not the address of one host"},
	{"10.0.2.10", "224.0.0.18", "6:10: '224.0.0.18'", "multicast"},
	{"10.0.2.10", "255.255.255.255", "6:10: '255.255.255.255'", "not the address of one host"},
	{"10.0.2.10", "169.254.1.1", "6:10: '169.254.1.1'", "link-local"},
	{"10.0.2.10", "fe80::1", "6:10: 'fe80::1'", "link-local"},
	{"10.0.2.10", "::ffff:10.0.2.10", "6:10: '::ffff:10.0.2.10'", "IPv4-mapped"},
	{"priority 150", "priority 0", "7:11: '0'", "out of range; 'priority' takes 1 to 254"},
	{"priority 150", "priority 255", "7:11: '255'", "out of range"},
	{"priority 150", "priority -1", "7:11: '-1'", "not a number"},
	{"priority 150", "priority 0x10", "7:11: '0x10'", "not a number"},
	{"priority 150", "priority 99999999999999999999", "7:11: '99999999999999999999'", "out of range"},
	{"port 7112", "port 80", "14:7: '80'", "1024 to 65535"},
	{"port 7112", "port 65536", "14:7: '65536'", "1024 to 65535"},
	{"/etc/zonevip/heartbeat.key", "heartbeat.key", "15:11: 'heartbeat.key'", "absolute path"},
	{"profile safe", "profile fsat", "16:10: 'fsat'", "none of safe, fast, wan; did you mean 'fast'?"},
	{"profile safe", "profile turbo", "16:10: 'turbo'", "none of safe, fast, wan"},
	{"lease 2.5", "lease 2.5s", "17:8: '2.5s'", "not a time; write seconds"},
	{"lease 2.5", "lease 1e3", "17:8: '1e3'", "not a time"},
	{"lease 2.5", "lease nan", "17:8: 'nan'", "not a time"},
	{"lease 2.5", "lease -1", "17:8: '-1'", "not a time"},
	{"lease 2.5", "lease 2,5", "17:8: '2,5'", "not a time"},
	{"lease 2.5", "lease 2.", "17:8: '2.'", "not a time"},
	{"lease 2.5", "lease 2.1234567", "17:8: '2.1234567'", "six decimals"},
	{"lease 2.5", "lease 700", "17:8: '700'", "0.1 to 600 seconds"},
	{"lease 2.5", "lease 99999999999999999999", "17:8: '99999999999999999999'", "out of range"},
	{"/run/mysqld/mysqld.sock", "mysqld.sock", "20:9: 'mysqld.sock'", "absolute path"},
	{"/run/mysqld/mysqld.sock", "/a23456789/a23456789/a23456789/a23456789/a23456789/a23456789/a23456789/a23456789/a23456789/a23456789/a2345678", "20:9: '/a23456789/", "too long: 109 bytes, at most 107"},
	{"interval 0.5", "interval 0.01", "21:11: '0.01'", "0.1 to 60 seconds"},
	{"rise 3", "rise 0", "22:7: '0'", "1 to 100"},
	{"us-east-1", "us-east-1.evil", "29:9: 'us-east-1.evil'", "is no region"},
	{"https://ec2.test", "ec2.test", "30:19: 'ec2.test'", "is no URL"},
	{"https://ec2.test", "https://", "30:19: 'https://'", "has no host"},
	{"https://ec2.test", "https://[::1", "30:19: 'https://[::1'", "has no host"},
	{"https://ec2.test", "https://ec2.test:0", "30:19: 'https://ec2.test:0'", "no port from 1 to 65535"},
	{"https://ec2.test", "https://ec2.test:99999", "30:19: 'https://ec2.test:99999'", "no port"},
	{"https://ec2.test", "https://me:pw@ec2.test", "30:19: 'https://me:pw@ec2.test'", "no port"},
	{"https://ec2.test", "https://me@ec2.test", "30:19: 'https://me@ec2.test'", "without user, path or query"},
	{"https://ec2.test", "https://ec\xa1" "2.test", "30:19: 'https://ec\\xa12.test'", "without user, path or query"},
	{"https://ec2.test", "https://ec2.test/a?b", "30:19: 'https://ec2.test/a?b'", "without user, path or query"},
	{"region us-east-1", "allow_http maybe", "29:13: 'maybe'", "neither on nor off"},
	{"interface eth1", "interface eth1:1", "46:12: 'eth1:1'", "is a label"},
	{"interface eth1", "interface ../eth1", "46:12: '../eth1'", "no interface name"},
	{"interface eth1", "interface enp0123456789012", "46:12: 'enp0123456789012'", "too long: 16 bytes, at most 15"},
	{"10.1.5.6", "10.1.5.6/24", "36:3: '10.1.5.6/24'", "more than one address; the route leads to one: write 10.1.5.6/32"},
	{"10.1.5.6", "10.1.5.6/", "36:3: '10.1.5.6/'", "no number after the '/'"},
	{"10.1.5.6", "10.1.5.6/33", "36:3: '10.1.5.6/33'", "write 10.1.5.6/32"},
	{"10.1.5.6", "10.1.5.6.7", "36:3: '10.1.5.6.7'", "no IPv4 or IPv6 address"},
	{"10.1.5.6", "0123456789012345678901234567890123456789012345678/32", "36:3: '012345678901234567890123456789012345678901234567...'", "no IPv4 or IPv6 address"},
	{"10.1.5.6", "127.0.0.2", "36:3: '127.0.0.2'", "loopback"},
	{"fd00:15::5", "fd00:15::5/64", "47:22: 'fd00:15::5/64'", "write fd00:15::5/128"},
	{"fd00:15::5", "::1", "47:22: '::1'", "loopback"},
	{"fd00:15::5", "::", "47:22: '::'", "unspecified"},
	{"label eth0:1", "label web", "35:21: 'web'", "is no label"},
	{"label eth0:1", "label eth0:", "35:21: 'eth0:'", "is no label"},
	{"label eth0:1", "label eth0:longlonglong", "35:21: 'eth0:longlonglong'", "at most 15"},
	{"rtb-11111111", "rtb-1111111", "48:16: 'rtb-1111111'", "no route table id"},
	{"rtb-11111111", "rtb-1111111A", "48:16: 'rtb-1111111A'", "no route table id"},
	{"rtb-11111111", "rtb-111111111111111111", "48:16: 'rtb-111111111111111111'", "no route table id"},
	{"rtb-11111111", "eni-11111111", "48:16: 'eni-11111111'", "no route table id"},
	{"interface eth1", "interface eth1\n\ttarget subnet", "47:9: 'subnet'", "none of eni, instance"},
	{"interface eth1", "interface eth1\n\tisolation fenced", "47:12: 'fenced'", "did you mean 'fence'?"},
	{"Reports_VIP", "a/b", "49:12: 'a/b'", "must begin with one"},
	{"Reports_VIP", "/a//b", "49:12: '/a//b'", "empty part"},
	{"Reports_VIP", "/a/", "49:12: '/a/'", "empty part"},
	{"Reports_VIP", "/", "49:12: '/'", "empty part"},
	{"Reports_VIP", "/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16", "49:12: '/1/2/3", "more than 15 levels"},
	{"Reports_VIP", "aws_thing", "49:12: 'aws_thing'", "AWS keeps for itself"},
	{"Reports_VIP", "/SSM/x", "49:12: '/SSM/x'", "AWS keeps for itself"},
	{"Reports_VIP", "\"a b\"", "49:12: 'a b'", "no parameter name"},
	{"Reports_VIP", "{{x}}", "49:2: 'parameter'", "has no value"},
	{"\"/etc/zonevip/notify.sh --quiet\"", "notify.sh", "43:9: 'notify.sh'", "does not begin with '/'"},
	{"interface eth1", "interface eth1\n\tnotify_timeout 0", "47:17: '0'", "0.1 to 3600 seconds"},
};

static const struct bad meanings[] = {
	{"10.0.4.10", "10.0.2.10", "10:10: '10.0.2.10'", "also that of the node on line 6"},
	{"10.0.4.10", "fd00::4", "10:10: 'fd00::4'", "the other kind is on line 6"},
	{"priority 100", "priority 150", "11:11: '150'", "this is taken on line 7"},
	{"touch_parameter /orders/touch", "touch_parameter /aws/touch", "3:18: '/aws/touch'", "AWS keeps for itself"},
	{"cluster orders-db\n\ttouch_parameter /orders/touch", "cluster aws-db\n", "2:10: 'aws-db'", "set 'touch_parameter'"},
	{"lease 2.5", "lease 4", "13:1: 'heartbeat'", "lease + param_call + slack <= grace"},
	{"lease 2.5", "hold_max 59", "13:1: 'heartbeat'", "hold <= hold_max does not hold"},
	{"\tsocket /run/mysqld/mysqld.sock\n", "", "19:13: 'local'", "neither 'socket' nor 'host'"},
	{"host 127.0.0.1", "socket /a\n\thost 127.0.0.1", "26:7: '127.0.0.1'", "'socket' is set too"},
	{"interval 0.5", "port 3306", "21:7: '3306'", "means nothing with 'socket'"},
	{"https://ec2.test", "http://ec2.test", "30:19: 'http://ec2.test'", "without TLS"},
	{"region us-east-1", "endpoint_url_ssm http://127.0.0.1:8443", "29:19: 'http://127.0.0.1:8443'", "'allow_http'"},
	{"region us-east-1", "imds_endpoint http://169.254.169.254.evil.test", "29:16: 'http://169.254.169.254.evil.test'", "without TLS"},
	{"10.1.5.6\n", "10.1.5.5\n", "36:3: '10.1.5.5'", "already a virtual address on line 35"},
	{"fd00:15::5", "10.1.5.5", "47:22: '10.1.5.5'", "already a virtual address on line 35"},
	{"10.1.5.6", "10.0.4.10", "36:3: '10.0.4.10'", "belongs to the node on line 10"},
	{"label eth0:1", "label eth1:1", "35:21: 'eth1:1'", "must begin with 'eth0:'"},
	{"10.1.5.6", "10.1.5.6 label eth0:1", "36:18: 'eth0:1'", "already a label on line 35"},
	{"fd00:15::5 }", "fd00:15::5 label eth1:1 }", "47:39: 'eth1:1'", "IPv6 addresses have no label"},
	{"interface eth0\n", "interface eth9\n", "35:21: 'eth0:1'", "must begin with 'eth9:'"},
	{"interface eth0\n", "interface eth\n", "35:21: 'eth0:1'", "must begin with 'eth:'"},
	{"interface eth1\n\tvirtual_ipaddress { fd00:15::5 }", "interface enp012345678901\n\tvirtual_ipaddress { 10.1.5.7 }", "47:22: '10.1.5.7'", "longer than 15 bytes; give it one"},
	{"rtb-0123456789abcdef0", "rtb-0a1b2c3d", "39:16: 'rtb-0a1b2c3d'", "already in this list on line 39"},
	{"track_mysql local remote", "track_mysql lokal remote", "42:14: 'lokal'", "did you mean 'local'?"},
	{"track_mysql local remote", "track_mysql local replica", "42:20: 'replica'", "no 'track_mysql' block has this name"},
	{"track_mysql local remote", "track_mysql local local", "42:20: 'local'", "already tracked on line 42"},
	{"Reports_VIP", "MasterDB_VIP", "49:12: 'MasterDB_VIP'", "this is taken on line 41"},
	{"Reports_VIP", "/MasterDB_VIP", "49:12: '/MasterDB_VIP'", "this is taken on line 41"},
	{"Reports_VIP", "/orders/touch.DB_Host2", "49:12: '/orders/touch.DB_Host2'", "touch parameter of the node on line 9"},
};
/* clang-format on */

/* The good text with the first @bad->find replaced. */
static char *changed(const struct bad *bad)
{
	const char *found = bad->find ? strstr(conf_text, bad->find) : NULL;
	size_t before;
	char *text;

	if (!bad->find)
		return strdup(bad->with);
	if (!bad->find[0])
		found = conf_text + strlen(conf_text);
	assert_non_null(found);
	before = (size_t)(found - conf_text);
	text = malloc(sizeof(conf_text) + strlen(bad->with));
	assert_non_null(text);
	(void)sprintf(text, "%.*s%s%s", (int)before, conf_text, bad->with,
		      found + strlen(bad->find));
	return text;
}

static void try_one(const struct bad *bad)
{
	char *text = changed(bad);
	struct conf *conf = NULL;
	struct conf_tree tree;
	struct err err = {0};
	char prefix[160];

	if (conf_parse_buffer(&tree, text, strlen(text), &err) == 0)
		conf = conf_make(&tree);
	(void)snprintf(prefix, sizeof(prefix), "buffer:%s", bad->where);
	if (conf || strncmp(err.text, prefix, strlen(prefix)) != 0 || !strstr(err.text, bad->what))
		print_error("%s -> %s\nexpected %s ... %s\ngot      %s\n",
			    bad->find ? bad->find : "(all)", bad->with, prefix, bad->what,
			    conf ? "no error" : err.text);
	assert_null(conf);
	assert_memory_equal(err.text, prefix, strlen(prefix));
	assert_non_null(strstr(err.text, bad->what));
	for (const char *c = err.text; *c; c++)
		assert_in_range(*c, ' ', '~'); /* a terminal shows it as it stands */
	conf_tree_free(&tree);
	free(text);
}

static void try_all(const struct bad *table, size_t count)
{
	for (size_t i = 0; i < count; i++)
		try_one(&table[i]);
}

#define TRY_ALL(table) try_all(table, sizeof(table) / sizeof((table)[0]))

static void an_unknown_word_is_refused_with_the_nearest_known_one(void **state)
{
	(void)state;
	TRY_ALL(words);
}

static void a_broken_shape_is_refused_where_it_breaks(void **state)
{
	(void)state;
	TRY_ALL(shapes);
}

static void what_is_missing_or_there_twice_is_refused(void **state)
{
	(void)state;
	TRY_ALL(counts);
}

static void a_value_outside_its_type_or_range_is_refused(void **state)
{
	(void)state;
	TRY_ALL(values);
}

static void values_that_contradict_each_other_are_refused(void **state)
{
	(void)state;
	TRY_ALL(meanings);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_unknown_word_is_refused_with_the_nearest_known_one),
		cmocka_unit_test(a_broken_shape_is_refused_where_it_breaks),
		cmocka_unit_test(what_is_missing_or_there_twice_is_refused),
		cmocka_unit_test(a_value_outside_its_type_or_range_is_refused),
		cmocka_unit_test(values_that_contradict_each_other_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
