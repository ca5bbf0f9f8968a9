# SPDX-License-Identifier: MIT
"""Answers that no AWS gives, for what stands between it and us, or pretends to be it."""

from ..errors import LabError
from .http import Response

GIGABYTE = 1 << 30


def _nested(service: str) -> bytes:
    if service == "ssm":
        return b'{"Parameter":' + b"[" * 30000 + b"]" * 30000 + b"}"
    return b"<DescribeRouteTablesResponse>" + b"<a>" * 100000 + b"</a>" * 100000 + b"</DescribeRouteTablesResponse>"


def _bomb(_: str) -> bytes:
    levels = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    return (f'<?xml version="1.0"?><!DOCTYPE r [<!ENTITY l0 "lol">{levels}]>'
            "<DescribeRouteTablesResponse><requestId>&l9;</requestId></DescribeRouteTablesResponse>").encode()


def _spoil(with_bytes: bytes):
    return lambda service: (b'{"Parameter":{"Name":"P","Type":"String","Value":"DB' + with_bytes + b'","Version":3,'
                            b'"LastModifiedDate":1.0}}' if service == "ssm" else
                            b"<DescribeRouteTablesResponse><requestId>" + with_bytes + b"</requestId>"
                            b"<routeTableSet/></DescribeRouteTablesResponse>")


def _twice(service: str) -> bytes:
    if service == "ssm":
        return (b'{"Parameter":{"Name":"P","Type":"String","Value":"DB_Host1","Value":"DB_Host2","Version":3,'
                b'"Version":9,"LastModifiedDate":1.0}}')
    return b"<DescribeRouteTablesResponse/><DescribeRouteTablesResponse/>"


BODIES = {"nested": _nested, "bomb": _bomb, "nul": _spoil(b"\0"), "utf8": _spoil(b"\xff\xfe"), "twice": _twice}
KINDS = ("gigabyte", "redirect", *BODIES)


def hostile(kind: str, service: str, instead_of: Response) -> Response:
    """kind: gigabyte redirect nested bomb nul utf8 twice; headers as the real answer would have them."""
    if kind == "gigabyte":
        return Response(200, flood=GIGABYTE)
    if kind == "redirect":
        return Response(307, [("Location", "https://203.0.113.99/"), ("Content-Type", "text/html")], b"")
    if kind not in BODIES:
        raise LabError(f"no body '{kind}' (bodies: {', '.join(KINDS)})")
    return Response(200, instead_of.headers, BODIES[kind](service))
