/* SPDX-License-Identifier: MIT */
/*
 * The configuration that the tests of conf/ start from: good, every block in
 * it, and no two lines alike, so that a test can name the text it changes.
 */
#ifndef TESTS_UNIT_CONF_TEXT_H
#define TESTS_UNIT_CONF_TEXT_H

static const char conf_text[] = "global_defs {\n"				/* 1 */
				"\tcluster orders-db\n"				/* 2 */
				"\ttouch_parameter /orders/touch\n"		/* 3 */
				"}\n"						/* 4 */
				"node DB_Host1 {\n"				/* 5 */
				"\taddress 10.0.2.10\n"				/* 6 */
				"\tpriority 150\n"				/* 7 */
				"}\n"						/* 8 */
				"node DB_Host2 {\n"				/* 9 */
				"\taddress 10.0.4.10\n"				/* 10 */
				"\tpriority 100\n"				/* 11 */
				"}\n"						/* 12 */
				"heartbeat {\n"					/* 13 */
				"\tport 7112\n"					/* 14 */
				"\tkey_file /etc/zonevip/heartbeat.key\n"	/* 15 */
				"\tprofile safe\n"				/* 16 */
				"\tlease 2.5\n"					/* 17 */
				"}\n"						/* 18 */
				"track_mysql local {\n"				/* 19 */
				"\tsocket /run/mysqld/mysqld.sock\n"		/* 20 */
				"\tinterval 0.5\n"				/* 21 */
				"\trise 3\n"					/* 22 */
				"}\n"						/* 23 */
				"track_mysql remote {\n"			/* 24 */
				"\thost 127.0.0.1\n"				/* 25 */
				"\tport 3307\n"					/* 26 */
				"}\n"						/* 27 */
				"aws {\n"					/* 28 */
				"\tregion us-east-1\n"				/* 29 */
				"\tendpoint_url_ec2 https://ec2.test\n"		/* 30 */
				"}\n"						/* 31 */
				"vip_instance MasterDB {\n"			/* 32 */
				"\tinterface eth0\n"				/* 33 */
				"\tvirtual_ipaddress {\n"			/* 34 */
				"\t\t10.1.5.5/32 label eth0:1\n"		/* 35 */
				"\t\t10.1.5.6\n"				/* 36 */
				"\t}\n"						/* 37 */
				"\troute_table {\n"				/* 38 */
				"\t\trtb-0a1b2c3d rtb-0123456789abcdef0\n"	/* 39 */
				"\t}\n"						/* 40 */
				"\tparameter MasterDB_VIP\n"			/* 41 */
				"\ttrack_mysql local remote\n"			/* 42 */
				"\tnotify \"/etc/zonevip/notify.sh --quiet\"\n" /* 43 */
				"}\n"						/* 44 */
				"vip_instance Reports {\n"			/* 45 */
				"\tinterface eth1\n"				/* 46 */
				"\tvirtual_ipaddress { fd00:15::5 }\n"		/* 47 */
				"\troute_table { rtb-11111111 }\n"		/* 48 */
				"\tparameter Reports_VIP\n"			/* 49 */
				"}\n";						/* 50 */

#endif
