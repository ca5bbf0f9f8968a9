#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Promotes or demotes the local mysqld, for those who do not use the 'promote'
# and 'fence' words of zonevip.conf(5), which check much more and come before
# the routes move. As a notify script this comes after them.
#
#	vip_instance MasterDB {
#	    notify_master "/etc/zonevip/promote.sh master"
#	    notify_backup "/etc/zonevip/promote.sh backup"
#	    notify_fault  "/etc/zonevip/promote.sh backup"
#	}
#
# Needs the mysql client and /etc/zonevip/promote.cnf ([client] user, password,
# socket), readable by script_user only, of a user with SUPER (MySQL 8:
# SYSTEM_VARIABLES_ADMIN and REPLICATION_SLAVE_ADMIN).
set -eu

run() {
	timeout 20 "${MYSQL:-mysql}" --defaults-file="${ZONEVIP_PROMOTE_CNF:-/etc/zonevip/promote.cnf}" -e "$1"
}

# A newer change waits already: this one is history.
[ "${ZONEVIP_SUPERSEDED:-0}" = 0 ] || exit 0
case ${1:-} in
master)
	run 'STOP SLAVE' || echo "no replication to stop" >&2
	run 'SET GLOBAL read_only = 0'
	;;
backup) run 'SET GLOBAL read_only = 1' ;;
*)
	echo "usage: promote.sh master|backup" >&2
	exit 2
	;;
esac
