#!/bin/sh
# SPDX-License-Identifier: MIT
#
# A notify script for zonevip: tells people, in Slack (or anything that takes
# {"text": ...}) and through an SNS topic.
#
#	vip_instance MasterDB {
#	    notify /etc/zonevip/webhook.sh
#	}
#
# Needs, readable by script_user, /etc/zonevip/webhook.env with one or both of
#	WEBHOOK_URL=https://hooks.slack.com/services/...   (curl)
#	SNS_TOPIC=arn:aws:sns:...      (aws; sns:Publish for the instance's role)
set -eu

name=${2:?} state=${3:?}
# shellcheck source=/dev/null
. "${ZONEVIP_WEBHOOK_ENV:-/etc/zonevip/webhook.env}"
text="$name is $state on $(hostname) (was ${ZONEVIP_OLD_STATE:-unknown}, ${ZONEVIP_REASON:-unknown})"

if [ -n "${WEBHOOK_URL:-}" ]; then
	# The URL is a secret: not in the arguments, where ps shows it.
	printf 'url = "%s"\n' "$WEBHOOK_URL" | curl -fsS -m 10 -K - \
		-H 'Content-Type: application/json' \
		--data "{\"text\": \"$(printf %s "$text" | tr -d '\\"')\"}" >/dev/null
fi
if [ -n "${SNS_TOPIC:-}" ]; then
	timeout 10 aws sns publish --topic-arn "$SNS_TOPIC" --subject "zonevip: $name $state" --message "$text" >/dev/null
fi
