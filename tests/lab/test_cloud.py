# SPDX-License-Identifier: MIT
"""The lab's AWS, asked by botocore and by requests signed by hand, from inside a host."""

import datetime
import hashlib
import hmac
import json
import time

import pytest
from labtools import inside

from vpc import LabError, TABLES, now_ns
from vpc.layout import BY_NAME, SERVICES

ENI1, ENI2 = BY_NAME["DB_Host1"].eni, BY_NAME["DB_Host2"].eni
ROUTE = {"RouteTableId": TABLES[0], "DestinationCidrBlock": "10.1.5.5/32"}
TO1, TO2 = {**ROUTE, "NetworkInterfaceId": ENI1}, {**ROUTE, "NetworkInterfaceId": ENI2}
VIP = {"Name": "MasterDB_VIP"}


def boto(lab, *calls, host="DB_Host1", operator=False):
    """Answers of the calls, made with the instance's role or as the operator."""
    keys = dict(zip(("key", "secret"), lab.operator)) if operator else {}
    return inside(lab.host(host), "boto", calls=calls, **keys)


def codes(answers):
    return [answer.get("code", "ok") for answer in answers]


# --- EC2 ---


def test_create_and_replace_route_as_aws_answers_them_and_the_kernel_has_it_first(lab):
    answers = boto(lab, ("ec2", "replace_route", TO1), ("ec2", "create_route", TO1), ("ec2", "create_route", TO2),
                   ("ec2", "replace_route", TO2), ("ec2", "replace_route", TO2), ("ec2", "describe_route_tables", {}))
    assert codes(answers) == ["InvalidParameterValue", "ok", "RouteAlreadyExists", "ok", "ok", "ok"]
    assert "no route defined for '10.1.5.5/32'" in answers[0]["message"] and "Use CreateRoute" in answers[0]["message"]
    assert answers[1]["Return"] is True
    assert lab.routes() == {TABLES[0]: "DB_Host2", TABLES[1]: None}
    described = {table["RouteTableId"]: table for table in answers[5]["RouteTables"]}
    assert set(described) == set(TABLES)
    assert {"DestinationCidrBlock": "10.1.5.5/32", "InstanceId": BY_NAME["DB_Host2"].instance_id,
            "InstanceOwnerId": "123456789012", "NetworkInterfaceId": ENI2, "Origin": "CreateRoute",
            "State": "active"} in described[TABLES[0]]["Routes"]
    moved = [line for line in lab.history(event="route") if line["target"] == "DB_Host2"][-1]
    written = lab.log(action="ReplaceRoute")[-2]
    assert written["executed"] and moved["t_ns"] <= written["t_done_ns"] + 2_000_000


def test_route_errors_are_those_of_aws(lab):
    other = {"NetworkInterfaceId": ENI1}
    answers = boto(
        lab,
        ("ec2", "replace_route", {**TO1, "RouteTableId": "rtb-00000000000000000"}),
        ("ec2", "replace_route", {**TO1, "RouteTableId": "table"}),
        ("ec2", "create_route", {**TO1, "NetworkInterfaceId": "eni-00000000000000000"}),
        ("ec2", "create_route", {**TO1, "InstanceId": BY_NAME["DB_Host1"].instance_id}),
        ("ec2", "create_route", ROUTE),
        ("ec2", "create_route", {**other, "RouteTableId": TABLES[0], "DestinationCidrBlock": "10.0.9.9/32"}),
        ("ec2", "create_route", {**other, "RouteTableId": TABLES[0], "DestinationCidrBlock": "10.1.5.5"}),
        ("ec2", "replace_route", {**other, "RouteTableId": TABLES[0], "DestinationCidrBlock": "10.0.0.0/16"}),
        ("ec2", "delete_route", ROUTE),
        ("ec2", "create_route", {**TO1, "DryRun": True}),
        ("ec2", "describe_route_tables", {"RouteTableIds": [TABLES[0], "rtb-00000000000000000"]}),
        ("ec2", "describe_route_tables", {"Filters": [{"Name": "colour", "Values": ["red"]}]}),
        operator=True)
    assert codes(answers) == [
        "InvalidRouteTableID.NotFound", "InvalidRouteTableId.Malformed", "InvalidNetworkInterfaceID.NotFound",
        "InvalidParameterCombination", "MissingParameter", "InvalidParameterValue", "InvalidParameterValue",
        "InvalidParameterValue", "InvalidRoute.NotFound", "DryRunOperation", "InvalidRouteTableID.NotFound",
        "InvalidParameterValue"]
    assert answers[9]["status"] == 412
    assert lab.routes() == dict.fromkeys(TABLES)


def test_delete_route_and_host_bits(lab):
    answers = boto(lab, ("ec2", "create_route", {**TO1, "DestinationCidrBlock": "192.168.7.9/24"}),
                   ("ec2", "delete_route", {**ROUTE, "DestinationCidrBlock": "192.168.7.9/24"}),
                   ("ec2", "delete_route", {**ROUTE, "DestinationCidrBlock": "192.168.7.0/24"}), operator=True)
    assert codes(answers) == ["ok", "InvalidRoute.NotFound", "ok"]
    targets = [line["target"] for line in lab.history(event="route") if line["destination"] == "192.168.7.0/24"]
    assert targets == ["DB_Host1", None]


def test_interfaces_and_instances_are_described(lab):
    enis, instances, attribute, filtered = boto(
        lab, ("ec2", "describe_network_interfaces", {"NetworkInterfaceIds": [ENI1]}),
        ("ec2", "describe_instances", {"InstanceIds": [BY_NAME["DB_Host2"].instance_id]}),
        ("ec2", "describe_network_interface_attribute", {"NetworkInterfaceId": ENI1, "Attribute": "sourceDestCheck"}),
        ("ec2", "describe_network_interfaces", {"Filters": [{"Name": "mac-address", "Values": ["02:*:04:0a"]}]}),
        operator=True)
    eni, = enis["NetworkInterfaces"]
    assert (eni["SourceDestCheck"], eni["MacAddress"], eni["Attachment"]["InstanceId"]) == (
        False, BY_NAME["DB_Host1"].mac, BY_NAME["DB_Host1"].instance_id)
    instance = instances["Reservations"][0]["Instances"][0]
    assert (instance["State"], instance["PrivateIpAddress"]) == ({"Code": 16, "Name": "running"}, "10.0.4.10")
    assert attribute["SourceDestCheck"] == {"Value": False}
    assert [entry["NetworkInterfaceId"] for entry in filtered["NetworkInterfaces"]] == [ENI2]


# --- SSM, STS, rights ---


def test_parameter_versions_types_and_overwrite(lab):
    put = {**VIP, "Value": "DB_Host1"}
    answers = boto(
        lab, ("ssm", "get_parameter", VIP), ("ssm", "put_parameter", put),
        ("ssm", "put_parameter", {**put, "Type": "String"}), ("ssm", "put_parameter", put),
        ("ssm", "put_parameter", {**put, "Overwrite": True}),
        ("ssm", "put_parameter", {**put, "Overwrite": True, "Type": "StringList"}),
        ("ssm", "put_parameter", {**put, "Overwrite": True, "Value": "{{x}}"}),
        ("ssm", "put_parameter", {**put, "Overwrite": True, "Value": "x" * 4097}),
        ("ssm", "get_parameter", VIP), ("ssm", "get_parameter", {"Name": "MasterDB_VIP:1"}),
        ("ssm", "get_parameter", {"Name": "MasterDB_VIP:9"}), ("ssm", "get_parameter_history", VIP))
    assert codes(answers) == [
        "ParameterNotFound", "ValidationException", "ok", "ParameterAlreadyExists", "ok",
        "HierarchyTypeMismatchException", "ValidationException", "ValidationException", "ok", "ok",
        "ParameterVersionNotFound", "ok"]
    assert [answers[2]["Version"], answers[4]["Version"], answers[8]["Parameter"]["Version"]] == [1, 2, 2]
    assert [entry["Version"] for entry in answers[11]["Parameters"]] == [1, 2]
    assert lab.parameter() == ("DB_Host1", 2)


def test_history_keeps_a_hundred_and_a_label_on_the_oldest_blocks_writes(lab):
    put = ("ssm", "put_parameter", {**VIP, "Value": "x", "Type": "String", "Overwrite": True})
    answers = boto(lab, *[put] * 101, ("ssm", "get_parameter_history", {**VIP, "MaxResults": 50}), put,
                   ("ssm", "label_parameter_version", {**VIP, "ParameterVersion": 3, "Labels": ["keep"]}), put,
                   operator=True)
    assert [entry["Version"] for entry in answers[101]["Parameters"]][:2] == [2, 3] and answers[101]["NextToken"]
    assert codes(answers[102:]) == ["ok", "ok", "ParameterMaxVersionLimitExceeded"]


def test_the_date_of_a_parameter_comes_as_a_number_with_exponent(lab):
    lab.set_parameter("DB_Host1")
    answer = signed(lab, "ssm", json.dumps(VIP), target="GetParameter")
    assert '"LastModifiedDate": 1.' in answer["body"] and "E9" in answer["body"]
    assert abs(json.loads(answer["body"])["Parameter"]["LastModifiedDate"] - time.time()) < 60


def test_the_instance_role_may_what_the_manual_says_and_no_more(lab):
    touch = {"Name": "orders-db.touch.DB_Host1", "Value": "1", "Type": "String", "Overwrite": True}
    answers = boto(lab, ("sts", "get_caller_identity", {}), ("ssm", "put_parameter", touch),
                   ("ssm", "put_parameter", {**touch, "Name": "other"}), ("ec2", "delete_route", ROUTE),
                   ("ec2", "modify_network_interface_attribute",
                    {"NetworkInterfaceId": ENI1, "SourceDestCheck": {"Value": False}}))
    assert answers[0]["Arn"].endswith("assumed-role/zonevip/" + BY_NAME["DB_Host1"].instance_id)
    assert codes(answers[1:]) == ["ok", "AccessDeniedException", "UnauthorizedOperation", "UnauthorizedOperation"]
    assert "is not authorized to perform: ec2:DeleteRoute" in answers[3]["message"]


def test_a_right_taken_away_is_missed_by_that_host_only_and_comes_back(lab):
    lab.iam_deny("ec2:ReplaceRoute", host="DB_Host1")
    lab.set_route("DB_Host1")
    assert codes(boto(lab, ("ec2", "replace_route", TO2))) == ["UnauthorizedOperation"]
    assert codes(boto(lab, ("ec2", "replace_route", TO2), host="DB_Host2")) == ["ok"]
    lab.iam_allow("ec2:ReplaceRoute", host="DB_Host1")
    assert codes(boto(lab, ("ec2", "replace_route", TO1))) == ["ok"]


def test_assumed_role_credentials_work_and_have_the_roles_rights(lab):
    role = {"RoleArn": "arn:aws:iam::123456789012:role/zonevip-routes", "RoleSessionName": "test"}
    good, chained, foreign = boto(lab, ("sts", "assume_role", role),
                                  ("sts", "assume_role", {**role, "DurationSeconds": 7200}),
                                  ("sts", "assume_role", {**role, "RoleArn": "arn:aws:iam::1:role/x"}))
    assert (chained["code"], foreign["code"]) == ("ValidationError", "AccessDenied")
    keys = good["Credentials"]
    answer = signed(lab, "sts", "Action=GetCallerIdentity&Version=2011-06-15", key=keys["AccessKeyId"],
                    secret=keys["SecretAccessKey"], token=keys["SessionToken"])
    assert answer["status"] == 200 and "assumed-role/zonevip-routes/test" in answer["body"]
    answer = signed(lab, "ssm", json.dumps(VIP), target="GetParameter", key=keys["AccessKeyId"],
                    secret=keys["SecretAccessKey"], token=keys["SessionToken"])
    assert "AccessDeniedException" in answer["body"]


# --- signatures ---


def signed(lab, service, body, target=None, key=None, secret=None, token=None, region="us-east-1", scope=None,
           shift=0, order=sorted, leave_out=(), extra=(), tamper=None, host="DB_Host1"):
    """One request signed by hand, with everything that can be wrong about it; the answer."""
    name = f"{service}.us-east-1.amazonaws.com"
    if not key:
        key, secret = lab.operator
    moment = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=shift)
    stamp = moment.strftime("%Y%m%dT%H%M%SZ")
    headers = {"host": name, "x-amz-date": stamp, "content-type":
               "application/x-amz-json-1.1" if target else "application/x-www-form-urlencoded; charset=utf-8"}
    if target:
        headers["x-amz-target"] = "AmazonSSM." + target
    if token:
        headers["x-amz-security-token"] = token
    names = [header for header in order(headers) if header not in leave_out]
    canonical = "\n".join(["POST", "/", "", *(f"{header}:{headers[header]}" for header in names), "",
                           ";".join(names), hashlib.sha256(body.encode()).hexdigest()])
    where = f"{stamp[:8]}/{region}/{scope or service}/aws4_request"
    text = "\n".join(["AWS4-HMAC-SHA256", stamp, where, hashlib.sha256(canonical.encode()).hexdigest()])
    digest = ("AWS4" + secret).encode()
    for part in (*where.split("/"), text):
        digest = hmac.new(digest, part.encode(), hashlib.sha256).digest()
    authorization = (f"AWS4-HMAC-SHA256 Credential={key}/{where}, SignedHeaders={';'.join(names)}, "
                     f"Signature={digest.hex()}")
    sent = [*headers.items(), *extra, ("authorization", authorization)]
    if tamper == "no authorization":
        sent.pop()
    request = {"method": "POST", "target": "/", "headers": sent,
               "body": body.replace("Describe", "describe") if tamper == "body" else body}
    return inside(lab.host(host), "http", address=SERVICES[service], tls=name, requests=[request])[0]


DESCRIBE = f"Action=DescribeRouteTables&Version=2016-11-15&RouteTableId.1={TABLES[0]}"


def test_a_request_signed_by_hand_is_accepted(lab):
    answer = signed(lab, "ec2", DESCRIBE)
    assert answer["status"] == 200 and "<routeTableId>" in answer["body"]
    assert answer["headers"]["x-amzn-requestid"] in answer["body"]


@pytest.mark.parametrize("wrong, status, code, reason", [
    ({"secret": "x" * 40, "key": "operator"}, 401, "AuthFailure", "mismatch: signature does not match"),
    ({"tamper": "body"}, 401, "AuthFailure", "mismatch: signature does not match"),
    ({"order": lambda names: sorted(names, reverse=True)}, 401, "AuthFailure", "mismatch: SignedHeaders not sorted"),
    ({"leave_out": ("x-amz-date",)}, 401, "AuthFailure", "mismatch: header x-amz-date is not signed"),
    ({"leave_out": ("host",)}, 401, "AuthFailure", "mismatch: header host is not signed"),
    ({"extra": (("x-amz-meta", "1"),)}, 401, "AuthFailure", "mismatch: header x-amz-meta is not signed"),
    ({"extra": (("x-amz-date", "20260101T000000Z"),)}, 401, "AuthFailure", "mismatch: signed header x-amz-date comes"),
    ({"shift": -400}, 400, "RequestExpired", "skew"),
    ({"shift": 400}, 400, "RequestExpired", "skew"),
    ({"region": "eu-west-1"}, 401, "AuthFailure", "mismatch: scope"),
    ({"scope": "ssm"}, 401, "AuthFailure", "mismatch: scope"),
    ({"key": "AKIA0000000000000000", "secret": "x"}, 401, "AuthFailure", "unknown: no access key"),
    ({"token": "stolen"}, 401, "AuthFailure", "unknown: security token"),
    ({"tamper": "no authorization"}, 403, "MissingAuthenticationToken", "missing"),
])
def test_a_wrong_signature_is_refused_and_the_log_says_why(lab, wrong, status, code, reason):
    wrong = {**wrong, "key": lab.operator[0]} if wrong.get("key") == "operator" else wrong
    since = now_ns()
    answer = signed(lab, "ec2", DESCRIBE, **wrong)
    assert (answer["status"], f"<Code>{code}</Code>" in answer["body"]) == (status, True)
    line, = lab.log(since=since)
    assert line["auth"].startswith(reason) and not line["executed"]


def test_ssm_refuses_in_its_own_words(lab):
    for wrong, code in (({"shift": -400}, "InvalidSignatureException"),
                        ({"leave_out": ("x-amz-target",)}, "InvalidSignatureException"),
                        ({"key": "AKIA0000000000000000", "secret": "x"}, "UnrecognizedClientException"),
                        ({"tamper": "no authorization"}, "MissingAuthenticationTokenException")):
        answer = signed(lab, "ssm", json.dumps(VIP), target="GetParameter", **wrong)
        assert (answer["status"], json.loads(answer["body"])["__type"]) == (400, code)


def test_revoked_credentials_are_answered_as_expired(lab):
    keys = imds_credentials(lab)
    mine = {"key": keys["AccessKeyId"], "secret": keys["SecretAccessKey"], "token": keys["Token"]}
    assert signed(lab, "ec2", DESCRIBE, **mine)["status"] == 200
    lab.host("DB_Host1").rotate_credentials(revoke=True)
    assert "<Code>RequestExpired</Code>" in signed(lab, "ec2", DESCRIBE, **mine)["body"]
    assert "ExpiredTokenException" in signed(lab, "ssm", json.dumps(VIP), target="GetParameter", **mine)["body"]
    assert imds_credentials(lab)["AccessKeyId"] != keys["AccessKeyId"]
    assert codes(boto(lab, ("ec2", "describe_route_tables", {}))) == ["ok"]


# --- IMDS ---

TOKEN_PATH, TTL = "/latest/api/token", "X-aws-ec2-metadata-token-ttl-seconds"


def imds(lab, *requests, host="DB_Host1"):
    full = [{"method": method, "target": target, "headers": [("Host", "169.254.169.254"), *headers]}
            for method, target, *headers in requests]
    return inside(lab.host(host), "http", address="169.254.169.254", requests=full)


def imds_get(lab, *paths, host="DB_Host1"):
    token = imds(lab, ("PUT", TOKEN_PATH, (TTL, "60")), host=host)[0]["body"]
    return imds(lab, *[("GET", path, ("X-aws-ec2-metadata-token", token)) for path in paths], host=host)


def imds_credentials(lab, host="DB_Host1"):
    return json.loads(imds_get(lab, "/latest/meta-data/iam/security-credentials/zonevip", host=host)[0]["body"])


def test_imds_wants_a_token_made_as_aws_wants_it(lab):
    answers = imds(lab, ("PUT", TOKEN_PATH, (TTL, "60")), ("PUT", TOKEN_PATH), ("PUT", TOKEN_PATH, (TTL, "0")),
                   ("PUT", TOKEN_PATH, (TTL, "21601")), ("PUT", "/2021-07-15/api/token", (TTL, "60")),
                   ("PUT", TOKEN_PATH, (TTL, "60"), ("X-Forwarded-For", "10.0.0.1")),
                   ("GET", "/latest/meta-data/instance-id"),
                   ("GET", "/latest/meta-data/instance-id", ("X-aws-ec2-metadata-token", "guess")))
    assert [answer["status"] for answer in answers] == [200, 400, 400, 400, 403, 403, 401, 401]


def test_imds_token_ends_with_its_ttl(lab):
    token = imds(lab, ("PUT", TOKEN_PATH, (TTL, "1")))[0]["body"]
    get = ("GET", "/latest/meta-data/instance-id", ("X-aws-ec2-metadata-token", token))
    assert imds(lab, get)[0]["status"] == 200
    time.sleep(1.1)
    assert imds(lab, get)[0]["status"] == 401


def test_imds_tells_each_host_who_it_is(lab):
    for name in ("DB_Host1", "DB_Host2"):
        spec = BY_NAME[name]
        macs = "/latest/meta-data/network/interfaces/macs/"
        got = imds_get(lab, "/latest/meta-data/instance-id", "/latest/meta-data/placement/region", macs,
                       f"{macs}{spec.mac}/interface-id", "/latest/meta-data/iam/security-credentials/",
                       "/latest/dynamic/instance-identity/document", "/latest/meta-data/spot/instance-action",
                       host=name)
        assert [answer["body"] for answer in got[:5]] == [
            spec.instance_id, "us-east-1", spec.mac + "/", spec.eni, "zonevip"]
        assert json.loads(got[5]["body"])["instanceId"] == spec.instance_id
        assert got[6]["status"] == 404


def test_imds_faults(lab):
    host = lab.host("DB_Host1")
    creds = "/latest/meta-data/iam/security-credentials/zonevip"
    for kind, expected in (("off", 403), ("401", 401), ("503", 503), ("hang", 0)):
        host.imds(kind)
        answer = inside(host, "http", address="169.254.169.254", timeout=0.5, requests=[
            {"method": "PUT", "target": TOKEN_PATH, "headers": [("Host", "169.254.169.254"), (TTL, "60")]}])[0]
        assert answer["status"] == expected, kind
    for kind in ("404", "norole"):
        host.imds(kind)
        assert imds_get(lab, creds)[0]["status"] == 404
    host.imds("expired")
    assert imds_credentials(lab)["Expiration"] < datetime.datetime.now().strftime("%Y-%m-%d")
    host.imds("badsecret")
    assert codes(boto(lab, ("ec2", "describe_route_tables", {}))) == ["AuthFailure"]
    lab.heal()
    assert codes(boto(lab, ("ec2", "describe_route_tables", {}))) == ["ok"]


def test_credentials_rotate_before_they_expire(lab):
    host = lab.host("DB_Host1")
    host.rotate_credentials(life_s=2)
    first = imds_credentials(lab)
    time.sleep(1.7)
    second = imds_credentials(lab)
    assert first["AccessKeyId"] != second["AccessKeyId"] and first["Expiration"] < second["Expiration"]
    host.rotate_credentials()


# --- faults ---


def test_latency_and_status_and_times_and_resource(lab):
    lab.fault("DescribeRouteTables", latency=0.3)
    lab.fault("GetParameter", status=503, code="ServiceUnavailable", resource="MasterDB_VIP", times=1)
    slow, failed, again, other = boto(
        lab, ("ec2", "describe_route_tables", {}), ("ssm", "get_parameter", VIP), ("ssm", "get_parameter", VIP),
        ("ssm", "get_parameter", {"Name": "orders-db.touch.DB_Host1"}))
    assert 0.3 <= slow["seconds"] < 1.0
    assert codes([failed, again, other]) == ["ServiceUnavailable", "ParameterNotFound", "ParameterNotFound"]


def test_a_fault_for_one_host_spares_the_other(lab):
    lab.fault("ec2", host="DB_Host1", status=500)
    assert codes(boto(lab, ("ec2", "describe_route_tables", {}))) == ["InternalError"]
    assert codes(boto(lab, ("ec2", "describe_route_tables", {}), host="DB_Host2")) == ["ok"]


def test_throttling_passes_its_rate_and_speaks_each_services_words(lab):
    lab.fault("*", throttle=0)
    assert codes(boto(lab, ("ec2", "describe_route_tables", {}), ("ssm", "get_parameter", VIP))) == [
        "RequestLimitExceeded", "ThrottlingException"]
    lab.heal()
    lab.fault("DescribeRouteTables", throttle=3)
    got = codes(boto(lab, *[("ec2", "describe_route_tables", {})] * 12))
    assert 3 <= got.count("ok") <= 5 and got[:3] == ["ok"] * 3


def test_dropped_and_reset_answers_leave_the_write_done(lab):
    for effect in ("drop", "reset"):
        lab.set_route("DB_Host1")
        rule = lab.fault("ReplaceRoute", **{effect: True})
        since = now_ns()
        body = f"Action=ReplaceRoute&Version=2016-11-15&RouteTableId={TABLES[0]}" \
               f"&DestinationCidrBlock=10.1.5.5%2F32&NetworkInterfaceId={ENI2}"
        answer = signed(lab, "ec2", body)
        assert answer["error"] == ("TimeoutError" if effect == "drop" else "reset")
        assert lab.routes()[TABLES[0]] == "DB_Host2"
        line, = lab.log(since=since)
        assert line["executed"] and line["status"] == 0 and line["fault"] == [rule]
        lab.unfault(rule)


def test_hang_executes_nothing(lab):
    lab.fault("PutParameter", hang=True)
    answer = signed(lab, "ssm", json.dumps({**VIP, "Value": "x", "Type": "String"}), target="PutParameter")
    assert answer["error"] == "TimeoutError" and lab.parameter() == (None, 0)


def test_a_late_call_is_carried_out_after_its_caller_has_gone(lab):
    lab.fault("PutParameter", late=6)
    answer = signed(lab, "ssm", json.dumps({**VIP, "Value": "late", "Type": "String"}), target="PutParameter")
    assert answer["error"] == "TimeoutError" and lab.parameter() == (None, 0)
    lab.wait_for(lambda: lab.parameter() == ("late", 1), 4, "the late write")


def test_truncated_dripping_html_and_dated_answers(lab):
    rule = lab.fault("GetParameter", truncate=10)
    lab.set_parameter("DB_Host1")
    answer = signed(lab, "ssm", json.dumps(VIP), target="GetParameter")
    assert len(answer["body"]) == 10 < answer["length"]
    lab.unfault(rule)
    rule = lab.fault("GetParameter", drip=100)
    answer = signed(lab, "ssm", json.dumps(VIP), target="GetParameter")
    assert answer["length"] == len(answer["body"]) > 100 and answer["seconds"] > 1
    lab.unfault(rule)
    rule = lab.fault("ssm", html=True, status=502, date=-3600)
    answer = signed(lab, "ssm", json.dumps(VIP), target="GetParameter")
    assert (answer["status"], "<html>" in answer["body"]) == (502, True)
    shown = datetime.datetime.strptime(answer["headers"]["date"], "%a, %d %b %Y %H:%M:%S GMT")
    assert 3500 < (datetime.datetime.utcnow() - shown).total_seconds() < 3700


def test_stale_reads_show_the_past_and_writes_go_to_the_present(lab):
    lab.set_route("DB_Host1")
    lab.set_parameter("DB_Host1")
    lab.fault("*", stale=2)
    read = (("ec2", "describe_route_tables", {"RouteTableIds": [TABLES[0]]}), ("ssm", "get_parameter", VIP))
    answers = boto(lab, ("ec2", "replace_route", TO2),
                   ("ssm", "put_parameter", {**VIP, "Value": "DB_Host2", "Overwrite": True}), *read)
    assert codes(answers) == ["ok"] * 4 and seen(answers[2:]) == [ENI1, "DB_Host1"]
    assert lab.routes()[TABLES[0]] == "DB_Host2" and lab.parameter()[0] == "DB_Host2"
    time.sleep(2.1)
    assert seen(boto(lab, *read)) == [ENI2, "DB_Host2"]


def seen(answers):
    route = next(route for route in answers[0]["RouteTables"][0]["Routes"]
                 if route["DestinationCidrBlock"] == "10.1.5.5/32")
    return [route["NetworkInterfaceId"], answers[1]["Parameter"]["Value"]]


@pytest.mark.parametrize("kind, word", [("expired", "expired"), ("selfsigned", "self-signed"),
                                        ("wrongname", "hostname mismatch"), ("old", "protocol")])
def test_a_bad_certificate_is_shown_to_that_host_only(lab, kind, word):
    lab.tls(kind, host="DB_Host1")
    assert word in signed(lab, "ec2", DESCRIBE)["error"].lower()
    assert signed(lab, "ec2", DESCRIBE, host="DB_Host2")["status"] == 200


def test_faults_are_listed_and_healed_and_bad_ones_refused(lab):
    lab.fault("ReplaceRoute", latency=1)
    lab.iam_deny("ssm:*")
    lab.host("DB_Host1").imds("off")
    lab.tls("expired")
    lab.sdcheck("DB_Host1", True)
    assert {fault["kind"] for fault in lab.faults()} == {"api", "iam", "imds", "tls", "sdcheck"}
    lab.heal()
    assert lab.faults() == []
    for wrong in ({"action": "Replace", "latency": 1}, {"action": "ec2"}, {"action": "ec2", "colour": 1},
                  {"action": "ec2", "host": "DB_Host9", "latency": 1}):
        with pytest.raises(LabError):
            lab.fault(**wrong)
