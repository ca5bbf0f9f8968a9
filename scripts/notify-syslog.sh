#!/bin/sh
# SPDX-License-Identifier: MIT
#
# A notify script for zonevip: one line in syslog for every state change.
# Works unchanged under keepalived too, which sets no ZONEVIP_ variables.
#
#	vip_instance MasterDB {
#	    notify /etc/zonevip/notify-syslog.sh
#	}
#
# Arguments, as keepalived's: INSTANCE name state priority.
# Environment and rules for scripts: zonevip-notify(8).
set -eu

if [ "$#" -ne 4 ]; then
	echo "usage: notify-syslog.sh INSTANCE NAME MASTER|BACKUP|FAULT|STOP PRIORITY" >&2
	exit 2
fi
name=$2
state=$3
priority=$4

# A newer change of the same instance waits already: this one is history.
if [ "${ZONEVIP_SUPERSEDED:-0}" = 1 ]; then
	echo "$name was $state for a moment"
	exit 0
fi

case $state in
MASTER) level=daemon.notice ;;
BACKUP | STOP) level=daemon.info ;;
FAULT) level=daemon.err ;;
*) level=daemon.warning ;;
esac

exec logger -t zonevip -p "$level" -- "$name is $state here" \
	"(was ${ZONEVIP_OLD_STATE:-unknown}, reason ${ZONEVIP_REASON:-unknown}," \
	"term ${ZONEVIP_TERM:-unknown}, priority $priority," \
	"the VIP ${ZONEVIP_VIP:-unknown} is at ${ZONEVIP_PEER:-unknown})"
