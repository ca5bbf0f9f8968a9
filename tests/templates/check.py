#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The templates of conf/aws: every property is one that AWS knows, every reference leads somewhere,
and both build what the scenario needs.

schema.json says which member of which AWS call carries a property; botocore's service models are the
judge of that and of the values' types. user-data.sh runs here with stand-ins for the programs that
reach out, and the configuration it writes is read by zonevipd -t.
"""

import json
import os
import re
import stat
import subprocess
import sys
import tempfile

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../..")
AWS = f"{TOP}/conf/aws"
BUILD = os.environ.get("top_builddir", f"{TOP}/build")

try:
    import botocore.session
    import yaml
except ImportError as missing:
    print(f"{missing}: the templates are not checked")
    sys.exit(77)

PROBLEMS = []


def expect(good, text):
    if not good:
        PROBLEMS.append(text)


def read(path):
    with open(path) as stream:
        return stream.read()


class Tagged(dict):
    """A value that CloudFormation computes: {'Ref': ...}, {'Sub': ...}, {'GetAtt': ...}."""


def load_yaml(path):
    class Loader(yaml.SafeLoader):
        pass

    def tagged(loader, suffix, node):
        kinds = {yaml.ScalarNode: loader.construct_scalar, yaml.SequenceNode: lambda n: loader.construct_sequence(n, deep=True),
                 yaml.MappingNode: lambda n: loader.construct_mapping(n, deep=True)}
        return Tagged({suffix: kinds[type(node)](node)})

    def mapping(loader, node, deep=False):
        keys = [loader.construct_object(key) for key, _ in node.value]
        for key in {key for key in keys if keys.count(key) > 1}:
            PROBLEMS.append(f"{os.path.basename(path)}: '{key}' twice in one block")
        return yaml.SafeLoader.construct_mapping(loader, node, deep=True)

    Loader.add_multi_constructor("!", tagged)
    Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, mapping)
    return yaml.load(read(path), Loader)


# --- botocore as the judge ----------------------------------------------------------------------

SESSION = botocore.session.get_session()
MODELS = {}


def shape_of(member):
    """The shape of 'service.Operation.Member.Member'; lists are looked through."""
    service, operation, *path = member.split(".")
    if service not in MODELS:
        MODELS[service] = SESSION.get_service_model(service)
    shape = MODELS[service].operation_model(operation).input_shape
    for name in path:
        while shape.type_name == "list":
            shape = shape.member
        shape = shape.members[name]
    return shape


def fits(value, shape):
    if isinstance(value, Tagged):
        return True
    kinds = {"string": str, "integer": int, "boolean": bool, "list": list, "structure": dict, "blob": (str, dict)}
    if shape.type_name == "integer" and isinstance(value, str) and value.isdigit():
        return True  # CloudFormation takes numbers as text
    if shape.type_name == "list" and isinstance(value, list):
        return all(fits(item, shape.member) for item in value)
    if shape.type_name == "structure" and isinstance(value, dict):
        return all(name in shape.members and fits(item, shape.members[name]) for name, item in value.items())
    if shape.type_name == "string" and isinstance(value, dict) and set(value) == {"Fn::Base64"}:
        return True
    if getattr(shape, "enum", None) and isinstance(value, str):
        return value in shape.enum
    good = isinstance(value, kinds.get(shape.type_name, object))
    return good and not (shape.type_name == "integer" and isinstance(value, bool))


def check_member(where, member, value):
    try:
        shape = shape_of(member)
    except (KeyError, botocore.model.OperationNotFoundError, AttributeError):
        PROBLEMS.append(f"{where}: AWS has no {member}")
        return
    expect(fits(value, shape), f"{where}: {value!r} is no {shape.type_name} for {member}")


# --- CloudFormation -------------------------------------------------------------------------------


def references(value):
    """Names that a value refers to."""
    if isinstance(value, Tagged):
        for kind, inner in value.items():
            if kind == "Ref":
                yield inner
            elif kind == "GetAtt":
                yield inner.split(".")[0]
            elif kind == "Sub":
                yield from re.findall(r"\$\{([A-Za-z0-9:]+)\}", inner)
            else:
                yield from references(inner)
    elif isinstance(value, dict):
        for inner in value.values():
            yield from references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from references(inner)


def check_policy(where, document):
    expect(document["Version"] == "2012-10-17", f"{where}: policy version")
    for statement in document["Statement"]:
        extra = set(statement) - {"Sid", "Effect", "Action", "Resource", "Principal"}
        expect(not extra, f"{where}: a statement has {extra}")
        for action in [statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"]:
            service, call = action.split(":")
            check = SESSION.get_service_model(service)
            expect(call in check.operation_names, f"{where}: there is no {action}")


def check_property(schema, where, kind, value):
    if kind in schema["groups"]:
        for item in value if isinstance(value, list) else [value]:
            for name, inner in item.items():
                member = schema["groups"][kind].get(name)
                expect(member, f"{where}: '{name}' is not known")
                if member:
                    check_member(f"{where}.{name}", member, inner)
    elif kind == "policy":
        check_policy(where, value)
    elif kind == "policies":
        for policy in value:
            check_policy(where, policy["PolicyDocument"])
    elif kind == "roles":
        expect(isinstance(value, list), f"{where}: a list of roles")
    else:
        check_member(where, kind, value)


def check_cloudformation(schema):
    template = load_yaml(f"{AWS}/cloudformation.yaml")
    resources = template["Resources"]
    known = set(resources) | set(template["Parameters"]) | {"AWS::Region", "AWS::AccountId", "AWS::Partition"}
    for name, resource in resources.items():
        kind = resource["Type"]
        properties = schema["properties"].get(kind)
        if properties is None:
            PROBLEMS.append(f"{name}: {kind} is not in the schema")
            continue
        for word, value in resource.get("Properties", {}).items():
            expect(word in properties, f"{name}: {kind} has no property {word}")
            if word in properties:
                check_property(schema, f"{name}.{word}", properties[word], value)
        for word in schema["required"].get(kind, []):
            expect(word in resource.get("Properties", {}), f"{name}: {kind} needs {word}")
        depends = resource.get("DependsOn", [])
        for target in [depends] if isinstance(depends, str) else depends:
            expect(target in resources, f"{name}: depends on {target}, which is not there")
    used = list(references(resources)) + list(references(template["Outputs"]))
    for target in used:
        expect(target in known, f"refers to {target}, which is not there")
    for parameter in template["Parameters"]:
        expect(parameter in used, f"parameter {parameter} is not used")
    return template


def of_type(template, kind):
    return {name: one["Properties"] for name, one in template["Resources"].items() if one["Type"] == kind}


def check_scenario(template):
    interfaces = of_type(template, "AWS::EC2::NetworkInterface")
    expect(len(interfaces) == 2 and all(one.get("SourceDestCheck") is False for one in interfaces.values()),
           "both database hosts' source/destination check is off")
    expect(len(of_type(template, "AWS::EC2::Subnet")) == 4, "four subnets")
    routes = [route for route in of_type(template, "AWS::EC2::Route").values()
              if route["DestinationCidrBlock"] == {"Sub": "${VirtualIp}/32"}]
    tables = {route["RouteTableId"]["Ref"] for route in routes}
    expect(tables == set(of_type(template, "AWS::EC2::RouteTable")), "the virtual IP's route is in every table")
    ports = {(rule["IpProtocol"], rule["FromPort"]) for rule in of_type(template, "AWS::EC2::SecurityGroupIngress").values()}
    port = int(re.search(r"^\s*port (\d+)", read(f"{TOP}/conf/zonevip.conf.sample"), re.M).group(1))
    expect(("udp", port) in ports, f"heartbeats may pass: UDP {port}")
    egress = of_type(template, "AWS::EC2::SecurityGroup")["WebGroup"]["SecurityGroupEgress"]
    expect(any(rule["CidrIp"] == {"Sub": "${VirtualIp}/32"} and rule["FromPort"] == 3306 for rule in egress),
           "web hosts may reach the virtual IP")
    wanted = json.loads(read(f"{AWS}/iam-policy.json"))
    check_policy("iam-policy.json", wanted)
    policy = of_type(template, "AWS::IAM::Role")["DbRole"]["Policies"][0]["PolicyDocument"]["Statement"]
    have = {one["Sid"]: one["Action"] for one in policy}
    for statement in wanted["Statement"]:
        expect(have.get(statement["Sid"]) == statement["Action"], f"the role lacks {statement['Sid']} of iam-policy.json")
    body = read(f"{AWS}/user-data.sh")
    for name, one in of_type(template, "AWS::EC2::Instance").items():
        if name.startswith("Db"):
            text = one["UserData"]["Fn::Base64"]["Sub"]
            expect(text.endswith("\n" + body.rstrip("\n") + "\n") or text.endswith("\n" + body), f"{name}: its user data is not user-data.sh")


# --- Terraform --------------------------------------------------------------------------------------


def blocks(text):
    """[(header words, [(attribute, text)], [inner blocks])] of HCL as 'terraform fmt' writes it."""
    stack = [([], [], [])]
    depth = 0  # of brackets inside an attribute's value
    for line in text.splitlines():
        line = line.split("# ")[0].rstrip() if '"' not in line else line.rstrip()
        word = line.strip()
        if not word or word.startswith("#"):
            continue
        if depth == 0 and re.fullmatch(r'[a-z_]+( "[^"]+")* \{', word):
            stack.append((re.findall(r'[^" {]+', word), [], []))
            continue
        if depth == 0 and word == "}":
            done = stack.pop()
            stack[-1][2].append(done)
            continue
        if depth == 0 and re.fullmatch(r'[a-z_]+ "[^"]+"( "[^"]+")? \{\}', word):
            stack[-1][2].append((re.findall(r'[^" {}]+', word), [], []))
            continue
        match = re.match(r"([a-z_]+) *= *(.*)", word) if depth == 0 else None
        if match:
            stack[-1][1].append([match.group(1), match.group(2)])
        elif stack[-1][1]:
            stack[-1][1][-1][1] += "\n" + word
        bare = re.sub(r'"([^"\\]|\\.)*"', "", word)
        depth += sum(bare.count(c) for c in "([{") - sum(bare.count(c) for c in ")]}")
    assert len(stack) == 1 and depth == 0, "brackets do not close"
    return stack[0][2]


def check_terraform(schema):
    folder = f"{AWS}/terraform"
    text = "".join(read(f"{folder}/{name}") for name in sorted(os.listdir(folder)) if name.endswith(".tf"))
    found = blocks(text)
    resources = [(head[1], head[2], attributes, inner) for head, attributes, inner in found if head[0] == "resource"]
    names = {f"{kind}.{name}" for kind, name, _, _ in resources}
    data = {f"data.{head[1]}.{head[2]}" for head, _, _ in found if head[0] == "data"}
    variables = {head[1] for head, _, _ in found if head[0] == "variable"}
    for kind, name, attributes, inner in resources:
        known = schema["resources"].get(kind)
        if known is None:
            PROBLEMS.append(f"terraform: {kind} is not in the schema")
            continue
        for word, value in attributes:
            expect(word in known or word in schema["every"], f"terraform: {kind}.{name} has no '{word}'")
            if "." in known.get(word, ""):
                plain = {"true": True, "false": False}.get(value, json.loads(value) if re.fullmatch(r'"[^"$]*"', value) else None)
                check_member(f"{kind}.{name}.{word}", known[word], Tagged() if plain is None else plain)
        for head, words, _ in inner:
            allowed = schema["blocks"].get(known.get(head[0], schema["every"].get(head[0], "")), {})
            for word, _ in words:
                expect(word in allowed, f"terraform: {kind}.{name}.{head[0]} has no '{word}'")
                if "." in allowed.get(word, ""):
                    check_member(f"{kind}.{name}.{head[0]}.{word}", allowed[word], Tagged())
    for target in set(re.findall(r"(?<![.\w])((?:data\.)?(?:aws|random)_[a-z_]+\.[a-z_]+)", text)):
        expect(target in names | data, f"terraform: refers to {target}, which is not there")
    used = set(re.findall(r"var\.([a-z_]+)", text))
    expect(used == variables, f"terraform: variables said and used differ by {used ^ variables}")
    for needed in ('source_dest_check = false', 'to_port     = 7112', '"${var.virtual_ip}/32"',
                   'file("${path.module}/../user-data.sh")'):
        expect(needed in text, f"terraform: {needed} is not said")
    policy = json.loads(read(f"{AWS}/iam-policy.json"))
    for action in (action for one in policy["Statement"] for action in one["Action"]):
        expect(f'"{action}"' in text, f"terraform: the role lacks {action}")


# --- user data --------------------------------------------------------------------------------------

STUBS = {"apt-get": "", "curl": "", "chown": "", "mysql": "", "systemctl": 'echo "$@" >>"$ROOT/started"',
         "aws": "echo kZ3qf6rV1cQm9sT7xW2yB8nL4jH5gD0a", "ip": "echo default via 10.0.2.1 dev ens5"}


def check_user_data():
    program = f"{BUILD}/zonevipd"
    if not os.path.exists(program):
        print(f"{program} is not built: the user data is not run")
        return False
    for name, node in (("zonevip.conf.sample", "DB_Host2"), ("zonevip-three.conf.sample", "DB_Host3")):
        done = subprocess.run([program, "-f", f"{TOP}/conf/{name}", "-i", node, "-t"], capture_output=True, text=True)
        expect(done.returncode == 0, f"{name}: {done.stderr}")
    with tempfile.TemporaryDirectory() as work:
        for folder in ("bin", "etc/zonevip", "etc/mysql/mariadb.conf.d"):
            os.makedirs(f"{work}/{folder}")
        for name, line in {**STUBS, "zonevipd": f'exec {os.path.abspath(program)} -i DB_Host2 "$@"'}.items():
            with open(f"{work}/bin/{name}", "w") as stream:
                stream.write(f"#!/bin/sh\n{line}\n")
            os.chmod(f"{work}/bin/{name}", stat.S_IRWXU)
        variables = {"PACKAGE_URL": "https://example.invalid/z.deb", "KEY_SECRET": "arn", "REGION": "us-east-1",
                     "CLUSTER": "orders-db", "VIP": "10.1.5.5", "PARAMETER": "MasterDB_VIP", "ADDRESS1": "10.0.2.10",
                     "ADDRESS2": "10.0.4.10", "TABLES": "rtb-0a1b2c3d4e5f60001 rtb-0a1b2c3d4e5f60002", "ROOT": work}
        done = subprocess.run(["bash", f"{AWS}/user-data.sh"], capture_output=True, text=True, timeout=60,
                              env={**variables, "PATH": f"{work}/bin:/usr/bin:/bin"})
        expect(done.returncode == 0 and "configuration OK: node DB_Host2 of 2" in done.stdout,
               f"user-data.sh: exit {done.returncode}: {done.stdout}{done.stderr}")
        if done.returncode == 0:
            expect(os.path.getsize(f"{work}/etc/zonevip/heartbeat.key") == 32, "the heartbeat key is 32 bytes")
            expect("bind_address = *" in read(f"{work}/etc/mysql/mariadb.conf.d/90-zonevip.cnf"), "mysqld listens on the virtual IP")
            expect("enable --now zonevip-notify zonevip" in read(f"{work}/started"), "the units are enabled and started")
            expect("interface ens5" in read(f"{work}/etc/zonevip/zonevip.conf"), "the interface is the one that there is")
    return True


def main():
    schema = json.loads(read(f"{TOP}/tests/templates/schema.json"))
    check_scenario(check_cloudformation(schema["cloudformation"]))
    check_terraform(schema["terraform"])
    whole = check_user_data()
    for problem in PROBLEMS:
        print(problem)
    sys.exit(1 if PROBLEMS else 0 if whole else 77)


if __name__ == "__main__":
    main()
