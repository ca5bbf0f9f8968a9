# SPDX-License-Identifier: MIT
"""moto's EC2, SSM and IAM on 127.0.0.1:5555 with signatures and rights checked, and a VPC like the lab's.

Run by a Python that has moto; prints one line of JSON (route table, access key, secret) and serves until killed.
"""

import json
import os
import sys
import time

os.environ["INITIAL_NO_AUTH_ACTION_COUNT"] = "0"  # every call from outside is checked

from moto.ec2.models import ec2_backends  # noqa: E402
from moto.iam.models import iam_backends  # noqa: E402
from moto.server import ThreadedMotoServer  # noqa: E402

ACCOUNT, REGION = "123456789012", "us-east-1"
POLICY = {"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Action": ["ec2:*", "ssm:GetParameter", "ssm:PutParameter"], "Resource": "*"}]}


def main() -> None:
    ec2 = ec2_backends[ACCOUNT][REGION]
    vpc = ec2.create_vpc("10.0.0.0/16")
    subnet = ec2.create_subnet(vpc.id, "10.0.2.0/24", availability_zone=f"{REGION}a")
    table = ec2.create_route_table(vpc.id)
    eni = ec2.create_network_interface(subnet, sys.argv[2])
    del ec2.enis[eni.id]
    eni.id = sys.argv[1]  # the one that the lab's IMDS names
    eni.source_dest_check = False
    ec2.enis[eni.id] = eni
    iam = iam_backends[ACCOUNT]["aws"]
    iam.create_user(REGION, "zonevip")
    iam.put_user_policy("zonevip", "all", json.dumps(POLICY))
    key = iam.create_access_key("zonevip")
    ThreadedMotoServer(ip_address="127.0.0.1", port=5555, verbose=False).start()
    print(json.dumps({"table": table.id, "key": key.access_key_id, "secret": key.secret_access_key}), flush=True)
    time.sleep(300)


if __name__ == "__main__":
    main()
