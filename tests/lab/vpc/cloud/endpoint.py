# SPDX-License-Identifier: MIT
"""A request becomes a call and the call an answer: service, signature, rights, faults, log."""

import datetime
import json
import os
import time
import uuid
from typing import Callable

from botocore.model import Shape

from ..clock import now_ns
from ..layout import BY_ADDRESS, REGION
from . import ec2, ssm, sts
from .call import Call
from .errors import AwsError
from .faults import Effects, Faults
from .hostile import hostile
from .http import Request, Response
from .iam import Credential, CredentialStore, Rights
from .model import Form, answer_xml, error_xml_ec2, error_xml_sts, load, validate
from .sigv4 import Refusal, utc_now, verify
from .state import State

JSON_TYPE = "application/x-amz-json-1.1"
HTML = b"<html><head><title>503 Service Temporarily Unavailable</title></head><body>proxy</body></html>\n"
VERSIONS = {"ec2": "2016-11-15", "sts": "2011-06-15"}
# Refusal kind: (code, status) of the service.
REFUSALS = {
    "ec2": {"missing": ("MissingAuthenticationToken", 403), "incomplete": ("IncompleteSignature", 400),
            "unknown": ("AuthFailure", 401), "mismatch": ("AuthFailure", 401), "skew": ("RequestExpired", 400),
            "expired": ("RequestExpired", 400)},
    "ssm": {"missing": ("MissingAuthenticationTokenException", 400),
            "incomplete": ("IncompleteSignatureException", 400), "unknown": ("UnrecognizedClientException", 400),
            "mismatch": ("InvalidSignatureException", 400), "skew": ("InvalidSignatureException", 400),
            "expired": ("ExpiredTokenException", 400)},
    "sts": {"missing": ("MissingAuthenticationToken", 403), "incomplete": ("IncompleteSignature", 400),
            "unknown": ("InvalidClientTokenId", 403), "mismatch": ("SignatureDoesNotMatch", 403),
            "skew": ("SignatureDoesNotMatch", 403), "expired": ("ExpiredToken", 403)},
}
REFUSAL_TEXT = {
    "missing": "Request is missing Authentication Token",
    "incomplete": "Authorization header requires 'Credential', 'Signature', 'SignedHeaders' and a date",
    "unknown": "The security token included in the request is invalid.",
    "mismatch": "The request signature we calculated does not match the signature you provided. Check your AWS "
                "Secret Access Key and signing method. Consult the service documentation for details.",
    "skew": "Signature expired or not yet current: the date of the request is too far from now",
    "expired": "The security token included in the request is expired",
}
EC2_TEXT = {"unknown": "AWS was not able to validate the provided access credentials",
            "mismatch": "AWS was not able to validate the provided access credentials",
            "skew": "Request has expired.", "expired": "Request has expired."}


class Endpoint:
    def __init__(self, state: State, store: CredentialStore, rights: Rights, faults: Faults, log_path: str,
                 on_sdcheck: Callable[[str, bool], None]) -> None:
        self._models = {service: load(service) for service in ("ec2", "ssm", "sts")}
        self._services = {"ec2": ec2.Ec2(state, on_sdcheck), "ssm": ssm.Ssm(state), "sts": sts.Sts(store)}
        self._operations = {"ec2": ec2.OPERATIONS, "ssm": ssm.OPERATIONS, "sts": sts.OPERATIONS}
        self._names = {f"{service}.{REGION}.amazonaws.com": service for service in self._models}
        self._store, self._rights, self._faults = store, rights, faults
        self._log = os.open(log_path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)

        self._warm_up()

    def _warm_up(self) -> None:
        """botocore reads a model when it is first needed; no caller shall pay for that."""
        for service, operations in self._operations.items():
            for action in operations:
                operation = self._models[service].operation_model(action)
                _touch(operation.input_shape)
                _touch(operation.output_shape)

    def actions(self) -> list[str]:
        return [action for operations in self._operations.values() for action in operations]

    def handle(self, request: Request) -> Response:
        service = self._names.get((request.header("host") or "").lower())
        if not service:
            return Response(404, [("Content-Type", "text/html")], HTML)
        line = {"t_ns": now_ns(), "t_done_ns": 0, "host": _host_of(request.peer), "role": None, "service": service,
                "action": "?", "params": {}, "status": 0, "code": "", "error": "", "latency_ms": 0.0,
                "request_id": str(uuid.uuid4()), "auth": "", "executed": False, "t_executed_ns": None, "fault": []}
        response = self._answer(request, service, line)
        line["t_done_ns"] = now_ns()
        line["latency_ms"] = round((line["t_done_ns"] - line["t_ns"]) / 1e6, 3)
        line["status"] = 0 if response.silent or response.reset else response.status
        os.write(self._log, json.dumps(line).encode() + b"\n")
        return response

    def _answer(self, request: Request, service: str, line: dict) -> Response:
        effects = Effects()
        try:
            credential = self._verify(request, service, line)
            action, values = self._read(request, service, line)
            effects = self._faults.of(service, action, line["host"], _resource(values))
            line["fault"] = effects.rules
            call = Call(service, action, credential, values, self._rights, effects.stale)
            body = self._carry_out(call, effects, line)
        except AwsError as error:
            line["code"], line["error"] = error.code, error.message
            response = self._error(service, error, line["request_id"])
        else:
            response = self._success(service, action, body, line["request_id"])
        if effects.html:
            response = Response(effects.status or 503, [("Content-Type", "text/html")], HTML)
        response.silent = effects.drop or effects.hang
        response.reset = effects.reset
        response.truncate, response.drip = effects.truncate, effects.drip
        response.date_offset = effects.date + self._faults.clock_of(line["host"])
        return hostile(effects.body, service, response) if effects.body else response

    def _time_for(self, host: str | None) -> datetime.datetime:
        return utc_now() + datetime.timedelta(seconds=self._faults.clock_of(host))

    def _verify(self, request: Request, service: str, line: dict) -> Credential:
        try:
            credential = verify(request, service, self._store, self._time_for(line["host"]))
        except Refusal as refusal:
            line["auth"] = f"{refusal.kind}: {refusal.reason}"
            code, status = REFUSALS[service][refusal.kind]
            text = REFUSAL_TEXT[refusal.kind]
            raise AwsError(code, EC2_TEXT.get(refusal.kind, text) if service == "ec2" else text, status) from None
        line["role"] = credential.role
        return credential

    def _read(self, request: Request, service: str, line: dict) -> tuple[str, dict]:
        if request.method != "POST" or request.target != "/":
            raise AwsError("InvalidAction", "The lab answers POST / only", 400)
        action, values = self._read_json(request) if service == "ssm" else self._read_form(request, service, line)
        line["action"], line["params"] = action, values
        return action, values

    def _read_form(self, request: Request, service: str, line: dict) -> tuple[str, dict]:
        content = (request.header("content-type") or "").split(";")[0].strip().lower()
        if content != "application/x-www-form-urlencoded":
            raise AwsError("MissingAction", f"Content-Type {content} is not a form")
        form = Form(request.body)
        action, version = form.take("Action") or "", form.take("Version")
        line["action"] = action
        if action not in self._operations[service] or version != VERSIONS[service]:
            raise AwsError("InvalidAction", f"The action {action} is not valid for this web service.")
        operation = self._models[service].operation_model(action)
        values = form.read(operation.input_shape, "ec2" if service == "ec2" else "query")
        validate(operation, values, "MissingParameter" if service == "ec2" else "ValidationError")
        return action, values

    def _read_json(self, request: Request) -> tuple[str, dict]:
        target = request.header("x-amz-target") or ""
        action = target.removeprefix("AmazonSSM.")
        if not target.startswith("AmazonSSM.") or action not in self._operations["ssm"]:
            raise AwsError("UnknownOperationException", "")
        if (request.header("content-type") or "").lower() != JSON_TYPE:
            raise AwsError("SerializationException", f"Content-Type is not {JSON_TYPE}")
        try:
            values = json.loads(request.body)
        except ValueError:
            values = None
        if not isinstance(values, dict):
            raise AwsError("SerializationException", "The body is not a JSON object")
        validate(self._models["ssm"].operation_model(action), values, "ValidationException")
        return action, values

    def _carry_out(self, call: Call, effects: Effects, line: dict) -> dict:
        if effects.latency or effects.late:
            time.sleep(effects.latency / 2 + effects.late)
        if effects.hang:
            return {}
        if effects.code or effects.status or effects.html:
            raise AwsError(effects.code or "InternalError", effects.message or "An internal error has occurred",
                           effects.status or 500)
        answer = self._services[call.service].run(call)
        line["executed"] = True
        line["t_executed_ns"] = call.executed_ns or now_ns()
        if effects.latency:
            time.sleep(effects.latency / 2)
        return answer

    def _success(self, service: str, action: str, answer: dict, request_id: str) -> Response:
        if service == "ssm":
            return Response(200, [("x-amzn-RequestId", request_id), ("Content-Type", JSON_TYPE)], ssm.encode(answer))
        operation = self._models[service].operation_model(action)
        body = answer_xml(operation, answer, request_id, "ec2" if service == "ec2" else "query")
        return Response(200, [("x-amzn-RequestId", request_id), ("Content-Type", "text/xml;charset=UTF-8"),
                              ("Cache-Control", "no-cache, no-store")], body,
                        chunked=action.startswith("Describe"))

    @staticmethod
    def _error(service: str, error: AwsError, request_id: str) -> Response:
        headers = [("x-amzn-RequestId", request_id)]
        if service == "ssm":
            body = json.dumps({"__type": error.code} | ({"message": error.message} if error.message else {})).encode()
            return Response(error.status, headers + [("Content-Type", JSON_TYPE)], body)
        body = (error_xml_ec2 if service == "ec2" else error_xml_sts)(error, request_id)
        return Response(error.status, headers + [("Content-Type", "text/xml;charset=UTF-8")], body)


def _touch(shape: Shape | None, depth: int = 0) -> None:
    if shape is None or depth > 8:
        return
    _ = shape.serialization, shape.metadata
    if shape.type_name == "structure":
        for member in shape.members.values():
            _touch(member, depth + 1)
    elif shape.type_name == "list":
        _touch(shape.member, depth + 1)


def _host_of(peer: str) -> str | None:
    spec = BY_ADDRESS.get(peer)
    return spec.name if spec else None


def _resource(values: dict) -> str | None:
    tables = values.get("RouteTableIds") or [None]
    return values.get("RouteTableId") or values.get("Name") or tables[0]
