# SPDX-License-Identifier: MIT
"""EC2: the calls around routes, network interfaces and instances, with AWS's checks in AWS's order."""

import base64
import datetime
import fnmatch
import ipaddress
import re
from typing import Callable

from ..layout import (ACCOUNT, BY_ENI, BY_INSTANCE, HOSTS, ROUTE_TABLES, SUBNET_OF, VPC_CIDR,
                      VPC_ID, HostSpec)
from . import groups
from .call import Call
from .errors import AwsError
from .iam import eni_arn, route_table_arn
from .state import INSTANCE_STATES, Route, State, associations, canonical_cidr

ROUTES_MAX = 500
TARGETS = ("NetworkInterfaceId", "InstanceId", "GatewayId", "NatGatewayId", "TransitGatewayId", "LocalGatewayId",
           "CarrierGatewayId", "EgressOnlyInternetGatewayId", "VpcPeeringConnectionId", "VpcEndpointId",
           "CoreNetworkArn", "LocalTarget")
LAUNCHED = datetime.datetime(2026, 1, 5, 8, 0, 0)
Operation = Callable[["Ec2", Call], dict]


class Ec2:
    def __init__(self, state: State, on_sdcheck: Callable[[str, bool], None]) -> None:
        self._state = state
        self._on_sdcheck = on_sdcheck

    def run(self, call: Call) -> dict:
        return OPERATIONS[call.action](self, call)

    # --- routes ---

    def describe_route_tables(self, call: Call) -> dict:
        call.require("*")
        _dry_run(call)
        wanted = call.values.get("RouteTableIds") or []
        for table in wanted:
            self._table(table)
        with self._state.lock:
            found = [self._table_view(table.id, call.stale) for table in ROUTE_TABLES
                     if table.id not in self._state.deleted and (not wanted or table.id in wanted)]
        found = _filtered(found, call.values.get("Filters"), _TABLE_FILTERS)
        return _page("RouteTables", found, call.values, 5, 100)

    def _table_view(self, table: str, stale: float) -> dict:
        spec = next(spec for spec in ROUTE_TABLES if spec.id == table)
        links = [{"Main": False, "RouteTableAssociationId": "rtbassoc-" + subnet[7:], "RouteTableId": table,
                  "SubnetId": subnet, "AssociationState": {"State": "associated"}} for subnet in associations(table)]
        if spec.main:
            links.insert(0, {"Main": True, "RouteTableAssociationId": "rtbassoc-" + table[4:],
                             "RouteTableId": table, "AssociationState": {"State": "associated"}})
        routes = self._state.tables[table].get(stale)
        return {"RouteTableId": table, "VpcId": VPC_ID, "OwnerId": ACCOUNT, "PropagatingVgws": [],
                "Tags": [{"Key": "Name", "Value": spec.name}], "Associations": links,
                "Routes": [self._route_view(route) for route in routes.values()]}

    def _route_view(self, route: Route) -> dict:
        view = {"DestinationCidrBlock": route.destination}
        state = "active"
        if route.eni:
            host = BY_ENI[route.eni]
            view |= {"InstanceId": host.instance_id, "InstanceOwnerId": ACCOUNT, "NetworkInterfaceId": route.eni}
            if self._state.instances[host.name] not in ("pending", "running"):
                state = "blackhole"
        elif route.gateway.startswith("nat-"):
            view["NatGatewayId"] = route.gateway
        else:
            view["GatewayId"] = route.gateway
        return view | {"State": state, "Origin": route.origin}

    def replace_route(self, call: Call) -> dict:
        table, route = self._route_of(call)
        with self._state.lock:
            present = self._state.tables[table].get().get(route.destination)
            if not present:
                raise AwsError("InvalidParameterValue", f"There is no route defined for '{route.destination}' "
                               "in the route table. Use CreateRoute instead.")
            if present.gateway == "local":
                raise AwsError("InvalidParameterValue", "cannot replace local route "
                               f"{route.destination} in route table {table}")
            call.executed_ns = self._state.write_route(table, route)
        return {}

    def create_route(self, call: Call) -> dict:
        table, route = self._route_of(call)
        with self._state.lock:
            routes = self._state.tables[table].get()
            if route.destination in routes:
                raise AwsError("RouteAlreadyExists", f"The route identified by {route.destination} already exists.")
            if len(routes) >= ROUTES_MAX:
                raise AwsError("RouteLimitExceeded", "The maximum number of routes has been reached.")
            call.executed_ns = self._state.write_route(table, route)
        return {"Return": True}

    def delete_route(self, call: Call) -> dict:
        table = _required(call, "RouteTableId")
        call.require(route_table_arn(table))
        _dry_run(call)
        self._table(table)
        destination = _required(call, "DestinationCidrBlock")
        with self._state.lock:
            present = self._state.tables[table].get().get(destination)
            if not present:
                raise AwsError("InvalidRoute.NotFound", f"no route with destination-cidr-block {destination} "
                               f"in route table {table}")
            if present.gateway == "local":
                raise AwsError("InvalidParameterValue", f"cannot remove local route {destination} "
                               f"in route table {table}")
            call.executed_ns = self._state.delete_route(table, destination)
        return {}

    def _route_of(self, call: Call) -> tuple[str, Route]:
        """The route that ReplaceRoute and CreateRoute speak of, when everything about it is in order."""
        table = _required(call, "RouteTableId")
        call.require(route_table_arn(table))
        _dry_run(call)
        self._table(table)
        destination = self._destination(call)
        given = [name for name in TARGETS if name in call.values]
        if not given:
            raise AwsError("MissingParameter", "The request must contain exactly one of gatewayId, natGatewayId, "
                           "networkInterfaceId, vpcPeeringConnectionId, instanceId")
        if len(given) > 1:
            raise AwsError("InvalidParameterCombination", "The parameters "
                           f"{' and '.join(given)} cannot be used together: exactly one target")
        return table, self._target(destination, given[0], call.values[given[0]], call.values.get("LocalTarget"))

    @staticmethod
    def _destination(call: Call) -> str:
        if "DestinationIpv6CidrBlock" in call.values:
            raise AwsError("InvalidParameterValue", "The VPC has no IPv6 CIDR block: destinationIpv6CidrBlock "
                           f"{call.values['DestinationIpv6CidrBlock']} is not valid")
        text = _required(call, "DestinationCidrBlock")
        destination = canonical_cidr(text)
        if not destination:
            raise AwsError("InvalidParameterValue", f"Value ({text}) for parameter destinationCidrBlock is invalid. "
                           "This is not a valid CIDR block.")
        network = ipaddress.ip_network(destination)
        if network != ipaddress.ip_network(VPC_CIDR) and network.subnet_of(ipaddress.ip_network(VPC_CIDR)):
            raise AwsError("InvalidParameterValue", "Route destination doesn't match any subnet CIDR blocks.")
        return destination

    def _target(self, destination: str, kind: str, value: str, local: bool | None) -> Route:
        if kind == "NetworkInterfaceId":
            return Route(destination, eni=self._eni(value).eni)
        if kind == "InstanceId":
            return Route(destination, eni=_instance(value).eni)
        gateways = {table.gateway for table in ROUTE_TABLES}
        if kind in ("GatewayId", "NatGatewayId") and value in gateways:
            return Route(destination, gateway=value)
        code = {"GatewayId": "InvalidGatewayID.NotFound", "NatGatewayId": "NatGatewayNotFound"}.get(kind)
        raise AwsError(code or "InvalidParameterValue", f"The target '{local or value}' does not exist in this VPC")

    # --- interfaces and instances ---

    def describe_network_interfaces(self, call: Call) -> dict:
        call.require("*")
        _dry_run(call)
        wanted = call.values.get("NetworkInterfaceIds") or []
        for eni in wanted:
            self._eni(eni)
        found = [self._eni_view(host, call.stale) for host in HOSTS if not wanted or host.eni in wanted]
        found = _filtered(found, call.values.get("Filters"), _ENI_FILTERS)
        return _page("NetworkInterfaces", found, call.values, 5, 1000)

    def _eni_view(self, host: HostSpec, stale: float) -> dict:
        subnet = SUBNET_OF[host.name]
        return {"NetworkInterfaceId": host.eni, "Status": "in-use", "InterfaceType": "interface",
                "SourceDestCheck": self._state.checks[host.eni].get(stale), "MacAddress": host.mac,
                "SubnetId": subnet.id, "VpcId": VPC_ID, "AvailabilityZone": subnet.zone, "OwnerId": ACCOUNT,
                "PrivateIpAddress": host.address, "RequesterManaged": False, "Description": "", "TagSet": [],
                "Ipv6Addresses": [],
                "Groups": [{"GroupName": groups.NAMES[groups.group_of(host)], "GroupId": groups.group_of(host)}],
                "PrivateIpAddresses": [{"Primary": True, "PrivateIpAddress": host.address}],
                "Attachment": {"AttachmentId": host.attachment, "DeleteOnTermination": True, "DeviceIndex": 0,
                               "InstanceId": host.instance_id, "InstanceOwnerId": ACCOUNT, "Status": "attached"}}

    def describe_security_groups(self, call: Call) -> dict:
        call.require("*")
        _dry_run(call)
        wanted = call.values.get("GroupIds") or []
        for group in wanted:
            if group not in self._state.groups:
                raise AwsError("InvalidGroup.NotFound", f"The security group '{group}' does not exist")
        found = [groups.view(group, rules) for group, rules in self._state.groups.items()
                 if not wanted or group in wanted]
        return _page("SecurityGroups", _filtered(found, call.values.get("Filters"), _GROUP_FILTERS), call.values, 5, 1000)

    def describe_instances(self, call: Call) -> dict:
        call.require("*")
        _dry_run(call)
        wanted = call.values.get("InstanceIds") or []
        for instance in wanted:
            _instance(instance)
        found = [self._instance_view(host, call.stale) for host in HOSTS
                 if not wanted or host.instance_id in wanted]
        found = _filtered(found, call.values.get("Filters"), _INSTANCE_FILTERS)
        reservations = [{"ReservationId": "r-" + view["InstanceId"][2:], "OwnerId": ACCOUNT, "Groups": [],
                         "Instances": [view]} for view in found]
        return _page("Reservations", reservations, call.values, 5, 1000)

    def _instance_view(self, host: HostSpec, stale: float) -> dict:
        eni = self._eni_view(host, stale)
        return {"InstanceId": host.instance_id, "ImageId": "ami-0a1b2c3d4e5f60001", "InstanceType": "m6i.large",
                "State": {"Code": INSTANCE_STATES[self._state.instances[host.name]],
                          "Name": self._state.instances[host.name]}, "VpcId": VPC_ID, "SubnetId": eni["SubnetId"],
                "PrivateIpAddress": host.address, "LaunchTime": LAUNCHED, "Architecture": "x86_64",
                "Placement": {"AvailabilityZone": eni["AvailabilityZone"], "Tenancy": "default"},
                "SourceDestCheck": eni["SourceDestCheck"], "Tags": [{"Key": "Name", "Value": host.name}],
                "NetworkInterfaces": [{
                    "NetworkInterfaceId": host.eni, "OwnerId": ACCOUNT, "Status": "in-use",
                    "SourceDestCheck": eni["SourceDestCheck"], "MacAddress": host.mac, "VpcId": VPC_ID,
                    "SubnetId": eni["SubnetId"], "PrivateIpAddress": host.address,
                    "Attachment": {"AttachmentId": host.attachment, "DeviceIndex": 0, "Status": "attached"}}]}

    def describe_network_interface_attribute(self, call: Call) -> dict:
        call.require("*")
        _dry_run(call)
        host = self._eni(_required(call, "NetworkInterfaceId"))
        attribute = call.values.get("Attribute")
        if attribute == "sourceDestCheck":
            value = self._state.checks[host.eni].get(call.stale)
            return {"NetworkInterfaceId": host.eni, "SourceDestCheck": {"Value": value}}
        if attribute == "description":
            return {"NetworkInterfaceId": host.eni, "Description": {"Value": ""}}
        raise AwsError("InvalidParameterCombination" if not attribute else "InvalidParameterValue",
                       f"Value ({attribute}) for parameter attribute is not answered")

    def modify_network_interface_attribute(self, call: Call) -> dict:
        eni = _required(call, "NetworkInterfaceId")
        call.require(eni_arn(eni))
        _dry_run(call)
        host = self._eni(eni)
        check = call.values.get("SourceDestCheck", {}).get("Value")
        if check is None:
            raise AwsError("MissingParameter", "The request must contain an attribute to modify")
        with self._state.lock:
            self._on_sdcheck(host.name, check)
            self._state.checks[host.eni].set(check)
        return {}

    # --- the ids of others ---

    def _table(self, table: str) -> None:
        if not re.fullmatch(r"rtb-([0-9a-f]{8}|[0-9a-f]{17})", table):
            raise AwsError("InvalidRouteTableId.Malformed", f'Invalid id: "{table}" (expecting "rtb-...")')
        if table not in self._state.tables or table in self._state.deleted:
            raise AwsError("InvalidRouteTableID.NotFound", f"The routeTable ID '{table}' does not exist")

    @staticmethod
    def _eni(eni: str) -> HostSpec:
        if not re.fullmatch(r"eni-([0-9a-f]{8}|[0-9a-f]{17})", eni):
            raise AwsError("InvalidNetworkInterfaceId.Malformed", f'Invalid id: "{eni}" (expecting "eni-...")')
        if eni not in BY_ENI:
            raise AwsError("InvalidNetworkInterfaceID.NotFound", f"The networkInterface ID '{eni}' does not exist")
        return BY_ENI[eni]


def _instance(instance: str) -> HostSpec:
    if not re.fullmatch(r"i-([0-9a-f]{8}|[0-9a-f]{17})", instance):
        raise AwsError("InvalidInstanceID.Malformed", f'Invalid id: "{instance}"')
    if instance not in BY_INSTANCE:
        raise AwsError("InvalidInstanceID.NotFound", f"The instance ID '{instance}' does not exist")
    return BY_INSTANCE[instance]


def _required(call: Call, name: str) -> str:
    value = call.values.get(name)
    if not value:
        raise AwsError("MissingParameter", "The request must contain the parameter "
                       f"{name[0].lower()}{name[1:]}")
    return value


def _dry_run(call: Call) -> None:
    if call.values.get("DryRun"):
        raise AwsError("DryRunOperation", "Request would have succeeded, but DryRun flag is set.", 412)


_TABLE_FILTERS: dict[str, Callable[[dict], list]] = {
    "vpc-id": lambda view: [view["VpcId"]],
    "route-table-id": lambda view: [view["RouteTableId"]],
    "owner-id": lambda view: [view["OwnerId"]],
    "association.subnet-id": lambda view: [link.get("SubnetId") for link in view["Associations"]],
    "association.main": lambda view: [str(link["Main"]).lower() for link in view["Associations"]],
    "route.destination-cidr-block": lambda view: [route["DestinationCidrBlock"] for route in view["Routes"]],
    "route.instance-id": lambda view: [route.get("InstanceId") for route in view["Routes"]],
    "route.gateway-id": lambda view: [route.get("GatewayId") for route in view["Routes"]],
    "route.state": lambda view: [route["State"] for route in view["Routes"]],
    "route.origin": lambda view: [route["Origin"] for route in view["Routes"]],
    "tag:Name": lambda view: [tag["Value"] for tag in view["Tags"]],
}
_ENI_FILTERS: dict[str, Callable[[dict], list]] = {
    "network-interface-id": lambda view: [view["NetworkInterfaceId"]],
    "vpc-id": lambda view: [view["VpcId"]],
    "subnet-id": lambda view: [view["SubnetId"]],
    "mac-address": lambda view: [view["MacAddress"]],
    "private-ip-address": lambda view: [view["PrivateIpAddress"]],
    "addresses.private-ip-address": lambda view: [view["PrivateIpAddress"]],
    "attachment.instance-id": lambda view: [view["Attachment"]["InstanceId"]],
    "attachment.device-index": lambda view: [str(view["Attachment"]["DeviceIndex"])],
    "source-dest-check": lambda view: [str(view["SourceDestCheck"]).lower()],
    "status": lambda view: [view["Status"]],
    "availability-zone": lambda view: [view["AvailabilityZone"]],
}
_GROUP_FILTERS: dict[str, Callable[[dict], list]] = {
    "vpc-id": lambda view: [view["VpcId"]],
    "group-id": lambda view: [view["GroupId"]],
    "egress.ip-permission.group-id": lambda view: [pair["GroupId"] for rule in view["IpPermissionsEgress"]
                                                   for pair in rule["UserIdGroupPairs"]],
}
_INSTANCE_FILTERS: dict[str, Callable[[dict], list]] = {
    "instance-id": lambda view: [view["InstanceId"]],
    "vpc-id": lambda view: [view["VpcId"]],
    "subnet-id": lambda view: [view["SubnetId"]],
    "private-ip-address": lambda view: [view["PrivateIpAddress"]],
    "instance-state-name": lambda view: [view["State"]["Name"]],
    "tag:Name": lambda view: [tag["Value"] for tag in view["Tags"]],
}


def _filtered(views: list[dict], filters: list[dict] | None, known: dict[str, Callable[[dict], list]]) -> list[dict]:
    for entry in filters or []:
        name = entry.get("Name", "")
        if name not in known:
            raise AwsError("InvalidParameterValue", f"The filter '{name}' is invalid")
        views = [view for view in views
                 if any(value is not None and fnmatch.fnmatchcase(value, pattern)
                        for value in known[name](view) for pattern in entry.get("Values", []))]
    return views


def _page(name: str, found: list[dict], values: dict, least: int, most: int) -> dict:
    size = values.get("MaxResults")
    start = 0
    if size is not None and not least <= size <= most:
        raise AwsError("InvalidParameterValue", f"Value ( {size} ) for parameter maxResults is invalid. "
                       f"Expecting a value between {least} and {most}.")
    if values.get("NextToken"):
        try:
            start = int(base64.b64decode(values["NextToken"], validate=True))
        except ValueError:
            raise AwsError("InvalidNextToken", "The token is invalid.") from None
    end = start + (size or most)
    page = {name: found[start:end]}
    if end < len(found):
        page["NextToken"] = base64.b64encode(str(end).encode()).decode()
    return page


OPERATIONS: dict[str, Operation] = {
    "DescribeRouteTables": Ec2.describe_route_tables,
    "ReplaceRoute": Ec2.replace_route,
    "CreateRoute": Ec2.create_route,
    "DeleteRoute": Ec2.delete_route,
    "DescribeNetworkInterfaces": Ec2.describe_network_interfaces,
    "DescribeInstances": Ec2.describe_instances,
    "DescribeSecurityGroups": Ec2.describe_security_groups,
    "DescribeNetworkInterfaceAttribute": Ec2.describe_network_interface_attribute,
    "ModifyNetworkInterfaceAttribute": Ec2.modify_network_interface_attribute,
}
