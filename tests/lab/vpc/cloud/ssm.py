# SPDX-License-Identifier: MIT
"""SSM Parameter Store: versions, overwrite, types, labels and the history's limit of a hundred."""

import json
import re
from typing import Callable

from ..layout import ACCOUNT, REGION
from .call import Call
from .errors import AwsError
from .iam import parameter_arn
from .state import ParameterVersion, State

HISTORY_MAX = 100
VALUE_MAX = {"Standard": 4096, "Advanced": 8192, "Intelligent-Tiering": 8192}


class Ssm:
    def __init__(self, state: State) -> None:
        self._state = state

    def run(self, call: Call) -> dict:
        return OPERATIONS[call.action](self, call)

    def get_parameter(self, call: Call) -> dict:
        name, _, selector = _plain_name(call.values["Name"]).partition(":")
        call.require(parameter_arn(name))
        versions = self._state.versions(name, call.stale)
        if not versions:
            raise AwsError("ParameterNotFound", f"Parameter {name} not found.")
        chosen = versions[-1]
        if selector:
            chosen = next((entry for entry in versions
                           if selector == str(entry.version) or selector in entry.labels), None)
            if not chosen:
                raise AwsError("ParameterVersionNotFound", f"Systems Manager could not find version {selector} "
                               f"of {name}. Verify the version and try again.")
        view = _view(name, chosen)
        if selector:
            view["Selector"] = ":" + selector
        return {"Parameter": view}

    def put_parameter(self, call: Call) -> dict:
        values = call.values
        name = _plain_name(values["Name"])
        call.require(parameter_arn(name))
        _check_name(name)
        tier = values.get("Tier", "Standard")
        _check_value(values, tier)
        with self._state.lock:
            versions = self._state.versions(name)
            kind = _kind(values, versions[-1] if versions else None)
            if versions and not values.get("Overwrite", False):
                raise AwsError("ParameterAlreadyExists", "The parameter already exists. To overwrite this value, "
                               "set the overwrite option in the request to true.")
            if len(versions) >= HISTORY_MAX and versions[0].labels:
                raise AwsError("ParameterMaxVersionLimitExceeded", f"You attempted to create a new version of {name} "
                               "by calling the PutParameter API with the overwrite flag. Version "
                               f"{versions[0].version}, the oldest version, can't be deleted because it has a label "
                               "associated with it. Move the label to another version of the parameter, and try again.")
            version = self._state.put_parameter(
                name, value=values["Value"], type=kind, user=call.credential.arn, tier=tier,
                description=values.get("Description"), pattern=values.get("AllowedPattern"))
        return {"Version": version.version, "Tier": tier}

    def get_parameter_history(self, call: Call) -> dict:
        name = _plain_name(call.values["Name"])
        call.require(parameter_arn(name))
        versions = self._state.versions(name, call.stale)
        if not versions:
            raise AwsError("ParameterNotFound", f"Parameter {name} not found.")
        token = call.values.get("NextToken")
        if token is not None and not re.fullmatch(r"[0-9]{1,6}", token):
            raise AwsError("InvalidNextToken", "The specified token is not valid.")
        start = int(token or 0)
        end = start + call.values.get("MaxResults", 50)
        page = [_history_view(name, entry) for entry in versions[start:end]]
        return {"Parameters": page} | ({"NextToken": str(end)} if end < len(versions) else {})

    def label_parameter_version(self, call: Call) -> dict:
        name = _plain_name(call.values["Name"])
        call.require(parameter_arn(name))
        versions = self._state.versions(name)
        if not versions:
            raise AwsError("ParameterNotFound", f"Parameter {name} not found.")
        number = call.values.get("ParameterVersion", versions[-1].version)
        if number not in [entry.version for entry in versions]:
            raise AwsError("ParameterVersionNotFound", f"Systems Manager could not find version {number} of {name}.")
        self._state.label_parameter(name, number, call.values["Labels"])
        return {"InvalidLabels": [], "ParameterVersion": number}

    def delete_parameter(self, call: Call) -> dict:
        name = _plain_name(call.values["Name"])
        call.require(parameter_arn(name))
        if not self._state.versions(name):
            raise AwsError("ParameterNotFound", f"Parameter {name} not found.")
        self._state.delete_parameter(name)
        return {}


def encode(answer: dict) -> bytes:
    """JSON as SSM writes it: GetParameter's date is a number of the form 1.795364686666E9."""
    text = json.dumps(answer)
    if "Parameter" in answer:
        seconds = answer["Parameter"]["LastModifiedDate"]
        mantissa, exponent = f"{seconds:.12e}".split("e")
        text = text.replace(f'"LastModifiedDate": {seconds}', f'"LastModifiedDate": {mantissa}E{int(exponent)}')
    return text.encode()


def _plain_name(name: str) -> str:
    """/X and X are one parameter."""
    return name[1:] if name.startswith("/") and name.count("/") == 1 else name


def _check_name(name: str) -> None:
    if not re.fullmatch(r"/?[a-zA-Z0-9_.-]+(/[a-zA-Z0-9_.-]+)*", name):
        raise AwsError("ValidationException", "Parameter name: can't be prefixed with \"ssm\" (case-insensitive). "
                       "If formed as a path, it can consist of sub-paths divided by slash symbol; each sub-path can "
                       "be formed as a mix of letters, numbers and the following 3 symbols .-_")
    if "/" in name and not name.startswith("/"):
        raise AwsError("ValidationException", "Parameter name must be a fully qualified name.")
    if re.match(r"/?(aws|ssm)", name, re.IGNORECASE):
        raise AwsError("ValidationException", f"Parameter name: can't be prefixed with \"aws\" or \"ssm\": {name}")
    if name.count("/") > 15:
        raise AwsError("HierarchyLevelLimitExceededException", "A hierarchy can have a maximum of 15 levels.")


def _check_value(values: dict, tier: str) -> None:
    value = values["Value"]
    if not value or "{{" in value:
        raise AwsError("ValidationException", "Parameter value can't nest another parameter, and is not empty. "
                       "Do not use \"{{}}\" in the value.")
    if len(value.encode()) > VALUE_MAX[tier]:
        raise AwsError("ValidationException", f"{tier} tier parameters support a maximum parameter value of "
                       f"{VALUE_MAX[tier]} characters.")
    if values.get("Tags") and values.get("Overwrite"):
        raise AwsError("ValidationException", "Invalid request: tags and overwrite can't be used together. To create "
                       "a parameter with tags, please remove overwrite flag.")
    pattern = values.get("AllowedPattern")
    if pattern and not re.fullmatch(pattern, value):
        raise AwsError("ParameterPatternMismatchException", "Parameter value, cannot be validated against "
                       f"allowedPattern: {pattern}")


def _kind(values: dict, last: ParameterVersion | None) -> str:
    kind = values.get("Type")
    if not last:
        if not kind:
            raise AwsError("ValidationException", "A parameter type is required when you create a parameter.")
        return kind
    if kind and kind != last.type:
        raise AwsError("HierarchyTypeMismatchException", "The parameter type cannot be changed: it is "
                       f"{last.type}, not {kind}.")
    return last.type


def _view(name: str, entry: ParameterVersion) -> dict:
    slash = "" if name.startswith("/") else "/"
    return {"ARN": f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter{slash}{name}", "DataType": "text",
            "LastModifiedDate": entry.modified, "Name": name, "Type": entry.type, "Value": entry.value,
            "Version": entry.version}


def _history_view(name: str, entry: ParameterVersion) -> dict:
    view = _view(name, entry)
    del view["ARN"]
    view |= {"LastModifiedUser": entry.user, "Labels": list(entry.labels), "Tier": entry.tier, "Policies": []}
    if entry.description:
        view["Description"] = entry.description
    return view


OPERATIONS: dict[str, Callable[[Ssm, Call], dict]] = {
    "GetParameter": Ssm.get_parameter,
    "PutParameter": Ssm.put_parameter,
    "GetParameterHistory": Ssm.get_parameter_history,
    "LabelParameterVersion": Ssm.label_parameter_version,
    "DeleteParameter": Ssm.delete_parameter,
}
