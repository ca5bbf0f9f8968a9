# SPDX-License-Identifier: MIT
"""The two protocols, driven by botocore's service models: form to dict, dict to XML.

ec2 names members by queryName, else by locationName with a capital, and flattens lists to Name.N;
answers use locationName, and list members are called item. query (STS) wraps its answer in
<OpResult>.
"""

import datetime
from urllib.parse import parse_qsl
from xml.sax.saxutils import escape

from botocore.exceptions import UnknownServiceError
from botocore.loaders import Loader
from botocore.model import OperationModel, ServiceModel, Shape
from botocore.validate import ParamValidator

from .errors import AwsError

EC2_XMLNS = "http://ec2.amazonaws.com/doc/2016-11-15/"
STS_XMLNS = "https://sts.amazonaws.com/doc/2011-06-15/"


def load(service: str) -> ServiceModel:
    try:
        return ServiceModel(Loader().load_service_model(service, "service-2"), service)
    except UnknownServiceError as error:
        raise SystemExit(f"botocore has no model of {service}: {error}") from None


def validate(operation: OperationModel, values: dict, code: str) -> None:
    """Required members, types and ranges, as the model has them."""
    report = ParamValidator().validate(values, operation.input_shape)
    if report.has_errors():
        raise AwsError(code, report.generate_report().replace("\n", "; "))


class Form:
    """The parameters of one query request, taken one by one; what is left over is an error."""

    def __init__(self, body: bytes) -> None:
        try:
            pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, strict_parsing=True)
        except ValueError as error:
            raise AwsError("MalformedQueryString", f"The query string is malformed: {error}") from None
        self._left = dict(pairs)
        if len(self._left) != len(pairs):
            raise AwsError("InvalidParameterCombination", "A parameter was given twice")

    def take(self, name: str) -> str | None:
        return self._left.pop(name, None)

    def has(self, prefix: str) -> bool:
        return prefix in self._left or any(name.startswith(prefix + ".") for name in self._left)

    def done(self) -> None:
        for name in self._left:
            raise AwsError("UnknownParameter", f"The parameter {name} is not recognized")

    def read(self, shape: Shape, protocol: str) -> dict:
        values = self._structure(shape, "", protocol)
        self.done()
        return values

    def _structure(self, shape: Shape, prefix: str, protocol: str) -> dict:
        values = {}
        for name, member in shape.members.items():
            full = prefix + _query_name(name, member, protocol)
            if self.has(full):
                values[name] = self._value(member, full, protocol)
        return values

    def _value(self, shape: Shape, name: str, protocol: str):
        if shape.type_name == "structure":
            return self._structure(shape, name + ".", protocol)
        if shape.type_name == "list":
            stem = name if protocol == "ec2" else name + ".member"
            values = []
            while self.has(f"{stem}.{len(values) + 1}"):
                values.append(self._value(shape.member, f"{stem}.{len(values) + 1}", protocol))
            return values
        return _scalar(shape, name, self.take(name) or "")


def _query_name(name: str, shape: Shape, protocol: str) -> str:
    serialization = shape.serialization
    if protocol != "ec2":
        return serialization.get("name", name)
    if "queryName" in serialization:
        return serialization["queryName"]
    given = serialization.get("name", name)
    return given[0].upper() + given[1:]


def _scalar(shape: Shape, name: str, text: str):
    if shape.type_name == "boolean":
        if text not in ("true", "false"):
            raise AwsError("InvalidParameterValue", f"Invalid value '{text}' for boolean parameter {name}")
        return text == "true"
    if shape.type_name in ("integer", "long"):
        try:
            return int(text)
        except ValueError:
            raise AwsError("InvalidParameterValue", f"Invalid value '{text}' for {name}. Must be a number") from None
    return text


def answer_xml(operation: OperationModel, values: dict, request_id: str, protocol: str) -> bytes:
    shape = operation.output_shape
    inner = "".join(_members(shape, values)) if shape else "<return>true</return>"
    name = operation.name
    if protocol == "ec2":
        text = (f'<{name}Response xmlns="{EC2_XMLNS}">\n    <requestId>{request_id}</requestId>\n'
                f"    {inner}\n</{name}Response>")
    else:
        text = (f'<{name}Response xmlns="{STS_XMLNS}"><{name}Result>{inner}</{name}Result>'
                f"<ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata></{name}Response>")
    return ('<?xml version="1.0" encoding="UTF-8"?>\n' + text).encode()


def _members(shape: Shape, values: dict) -> list[str]:
    unknown = set(values) - set(shape.members)
    if unknown:
        raise AssertionError(f"not in the model of {shape.name}: {unknown}")
    return [_element(member, member.serialization.get("name", name), values[name])
            for name, member in shape.members.items() if name in values]


def _element(shape: Shape, name: str, value) -> str:
    if shape.type_name == "structure":
        return f"<{name}>{''.join(_members(shape, value))}</{name}>"
    if shape.type_name == "list":
        item = shape.member.serialization.get("name", "item")
        if not value:
            return f"<{name}/>"
        return f"<{name}>{''.join(_element(shape.member, item, entry) for entry in value)}</{name}>"
    if isinstance(value, bool):
        value = "true" if value else "false"
    elif isinstance(value, datetime.datetime):
        value = value.strftime("%Y-%m-%dT%H:%M:%S") + ".000Z"
    return f"<{name}>{escape(str(value))}</{name}>"


def error_xml_ec2(error: AwsError, request_id: str) -> bytes:
    return ('<?xml version="1.0" encoding="UTF-8"?>\n<Response><Errors><Error>'
            f"<Code>{escape(error.code)}</Code><Message>{escape(error.message)}</Message></Error></Errors>"
            f"<RequestID>{request_id}</RequestID></Response>").encode()


def error_xml_sts(error: AwsError, request_id: str) -> bytes:
    side = "Sender" if error.status < 500 else "Receiver"
    return (f'<ErrorResponse xmlns="{STS_XMLNS}"><Error><Type>{side}</Type><Code>{escape(error.code)}</Code>'
            f"<Message>{escape(error.message)}</Message></Error><RequestId>{request_id}</RequestId>"
            "</ErrorResponse>").encode()
