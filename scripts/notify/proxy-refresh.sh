#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Ends what a proxy on this host still holds to the database that was: HAProxy's
# sessions of a backend, or ProxySQL's connections to a hostgroup.
#
#	vip_instance MasterDB {
#	    notify /etc/zonevip/proxy-refresh.sh
#	}
#
# Needs one or both, script_user allowed to use it:
#	HAPROXY_SOCKET=/run/haproxy/admin.sock with "level admin", HAPROXY_SERVER=backend/server (socat)
#	PROXYSQL_CNF=/etc/zonevip/proxysql.cnf ([client] of the admin port), PROXYSQL_SERVER=VIP (mysql)
# in /etc/zonevip/proxy-refresh.env.
set -eu

state=${3:?}
# shellcheck source=/dev/null
. "${ZONEVIP_PROXY_ENV:-/etc/zonevip/proxy-refresh.env}"
[ "$state" != STOP ] || exit 0

if [ -n "${HAPROXY_SOCKET:-}" ]; then
	echo "shutdown sessions server ${HAPROXY_SERVER:?}" | timeout 5 socat - "UNIX-CONNECT:$HAPROXY_SOCKET"
fi
if [ -n "${PROXYSQL_CNF:-}" ]; then
	# OFFLINE_HARD drops its connections; ONLINE lets new ones in.
	for status in OFFLINE_HARD ONLINE; do
		timeout 5 "${MYSQL:-mysql}" --defaults-file="$PROXYSQL_CNF" -e \
			"UPDATE mysql_servers SET status = '$status' WHERE hostname = '${PROXYSQL_SERVER:?}';
			 LOAD MYSQL SERVERS TO RUNTIME;"
	done
fi
