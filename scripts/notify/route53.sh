#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Points a DNS name at whoever is MASTER, for clients outside the VPC, which the
# routes of the VIP do not reach. DNS is slow (its TTL, and caches that ignore
# it): never use it where the VIP can be reached.
#
#	vip_instance MasterDB {
#	    notify_master /etc/zonevip/route53.sh
#	}
#
# Needs the aws command, route53:ChangeResourceRecordSets for the instance's
# role, and /etc/zonevip/route53.env with ZONE_ID=Z..., RECORD=db.example.com and
# ADDRESS=the address of this host that those clients reach.
set -eu

# shellcheck source=/dev/null
. "${ZONEVIP_ROUTE53_ENV:-/etc/zonevip/route53.env}"
[ "${ZONEVIP_SUPERSEDED:-0}" = 0 ] || exit 0

timeout 25 aws route53 change-resource-record-sets --hosted-zone-id "${ZONE_ID:?}" --change-batch "{\"Changes\": [{
	\"Action\": \"UPSERT\", \"ResourceRecordSet\": {\"Name\": \"${RECORD:?}\", \"Type\": \"A\", \"TTL\": 10,
	\"ResourceRecords\": [{\"Value\": \"${ADDRESS:?}\"}]}}]}" >/dev/null
