# SPDX-License-Identifier: MIT
"""keepalived in our place: Debian's package, on the same hosts, in front of the same endpoint.

Its own defaults: an advert every second, mysqld asked every second by mysqladmin, no preemption. What an address means
at AWS it cannot know, so notify_master runs what a careful user writes: a script that takes the role's credentials
from IMDS and replaces the route in all tables at once, again until it succeeds. It is written with curl, which
signs and sends in some 20 ms; the AWS command line would need a second to begin.
"""

import os

from vpc import DB_HOSTS, TABLES, VIP, now_ns
from vpc.control import call
from vpc.layout import BY_NAME, REGION
from vpc.mysql import SOCKET

SERVICE = "keepalived"
FOLDER = "/etc/keepalived"
ADVERT_S = 1.0
PASSWORD = "lab-vrrp"
ROUTER_ID = 51
READY_S = 20.0

CONF = """global_defs {{
    router_id {name}
    script_user root
    enable_script_security
}}
vrrp_script mysqld {{
    script "/usr/bin/mariadb-admin --no-defaults --socket={socket} ping"
    interval 1
    timeout 1
    fall 2
    rise 2
}}
vrrp_instance MasterDB {{
    state BACKUP
    nopreempt
    interface eth0
    virtual_router_id {router}
    priority {priority}
    advert_int {advert:g}
    unicast_src_ip {address}
    unicast_peer {{
        {peer}
    }}
    authentication {{
        auth_type PASS
        auth_pass {password}
    }}
    virtual_ipaddress {{
        {vip}/32 dev eth0 label eth0:1
    }}
    track_script {{
        mysqld
    }}
    notify_master {folder}/route.sh
}}
"""

ROUTE = """#!/bin/bash
imds=http://169.254.169.254/latest
token=$(curl -sS -m 2 -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' $imds/api/token)
role=$(curl -sS -m 2 -H "X-aws-ec2-metadata-token: $token" $imds/meta-data/iam/security-credentials/zonevip)
key=$(jq -r .AccessKeyId <<<"$role") secret=$(jq -r .SecretAccessKey <<<"$role") session=$(jq -r .Token <<<"$role")
replace() {{
    for _ in 1 2 3 4 5 6 7 8 9 10; do
        curl -sS -f -m 5 --cacert /etc/ssl/certs/ca-certificates.crt --aws-sigv4 aws:amz:{region}:ec2 --user "$key:$secret" \\
            -H "x-amz-security-token: $session" -H 'content-type: application/x-www-form-urlencoded; charset=utf-8' \\
            --data "Action=ReplaceRoute&DestinationCidrBlock={vip}%2F32&NetworkInterfaceId={eni}&RouteTableId=$1&Version=2016-11-15" \\
            https://ec2.{region}.amazonaws.com/ && return
        sleep 0.5
    done
}}
for table in {tables}; do replace "$table" & done
wait
"""


def other(host):
    return next(name for name in DB_HOSTS if name != host)


def ask(lab, host, op, **words):
    return call(lab.socket(host), op, service=SERVICE, **words)


def write(lab, host):
    here, peer = BY_NAME[host], BY_NAME[other(host)]
    folder = lab.host(host).path(FOLDER)
    os.makedirs(folder, exist_ok=True)
    with open(f"{folder}/keepalived.conf", "w") as file:
        file.write(CONF.format(name=host, socket=SOCKET, router=ROUTER_ID, priority=here.priority, advert=ADVERT_S, address=here.address,
                               peer=peer.address, password=PASSWORD, vip=VIP, folder=FOLDER))
    with open(f"{folder}/route.sh", "w") as file:
        file.write(ROUTE.format(region=REGION, vip=VIP, eni=here.eni, tables=" ".join(TABLES)))
    os.chmod(f"{folder}/route.sh", 0o755)


def start(lab):
    """DB_Host1 is master and has the routes; DB_Host2 has heard it."""
    lab.set_route(DB_HOSTS[0])  # the script replaces only: somebody made the route once
    for name in DB_HOSTS:
        write(lab, name)
    since = now_ns()
    ask(lab, DB_HOSTS[0], "start")
    lab.wait_for(lambda: lab.holders() == [DB_HOSTS[0]], READY_S, "keepalived to be master")
    ask(lab, DB_HOSTS[1], "start")
    lab.wait_for(lambda: "Entering BACKUP STATE" in log(lab, DB_HOSTS[1]), READY_S, "the other to be its backup")
    lab.wait_for(lambda: len(lab.log(since=since, action="ReplaceRoute")) >= len(TABLES), READY_S, "its script to end")


def log(lab, host):
    return lab.read_log(f"{host}.{SERVICE}.log").rpartition("Starting Keepalived")[2]


def stop(lab):
    for name in DB_HOSTS:
        ask(lab, name, "stop")
        lab.host(name).exec(["ip", "addr", "flush", "dev", "eth0", "label", "eth0:*"])
