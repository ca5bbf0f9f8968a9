#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# The sample scripts in scripts/notify with tools that only write down how they
# were called: each does what its head says, and no secret is in an argument.
set -eu

src=${top_srcdir:-.}/scripts/notify
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/bin"
for tool in curl aws mysql socat; do
	# shellcheck disable=SC2016
	printf '#!/bin/sh\necho "%s $*" >>"$LOG"\ncase %s in curl | socat) cat >>"$LOG" ;; esac\n' "$tool" "$tool" >"$work/bin/$tool"
	chmod 755 "$work/bin/$tool"
done
export PATH=$work/bin:$PATH LOG=$work/log ZONEVIP_OLD_STATE=BACKUP ZONEVIP_REASON='owner_silent'
cat >"$work/env" <<'END'
WEBHOOK_URL=https://hooks.example/secret SNS_TOPIC=arn:aws:sns:eu-west-1:1:t
HAPROXY_SOCKET=/run/h.sock HAPROXY_SERVER=db/one PROXYSQL_CNF=/etc/p.cnf PROXYSQL_SERVER=10.1.5.5
ZONE_ID=Z1 RECORD=db.example.com ADDRESS=192.0.2.7
END
export ZONEVIP_WEBHOOK_ENV=$work/env ZONEVIP_PROXY_ENV=$work/env ZONEVIP_ROUTE53_ENV=$work/env

has() { # WORDS: is in the log
	grep -qF -- "$1" "$LOG" || { echo "missing: $1"; cat "$LOG"; exit 1; }
}
"$src/webhook.sh" INSTANCE MasterDB MASTER 150
has 'url = "https://hooks.example/secret"'
has '{"text": "MasterDB is MASTER on'
has 'aws sns publish --topic-arn arn:aws:sns:eu-west-1:1:t'
if grep '^curl' "$LOG" | grep -q secret; then echo "the URL is in curl's arguments"; exit 1; fi
"$src/promote.sh" master
has 'SET GLOBAL read_only = 0'
"$src/promote.sh" backup
has 'SET GLOBAL read_only = 1'
"$src/proxy-refresh.sh" INSTANCE MasterDB BACKUP 150
has 'shutdown sessions server db/one'
has 'OFFLINE_HARD'
"$src/route53.sh"
has '"Value": "192.0.2.7"'
: >"$LOG"
ZONEVIP_SUPERSEDED=1 "$src/promote.sh" master
ZONEVIP_SUPERSEDED=1 "$src/route53.sh"
[ ! -s "$LOG" ] || { echo "history was acted upon"; exit 1; }
