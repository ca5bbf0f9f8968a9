# SPDX-License-Identifier: MIT
"""HTTP/1.1 with keep-alive for the endpoint and for IMDS: one thread a connection.

Written out instead of http.server because requests must reach the signature check exactly as they
came, and because answers must be able to go wrong in every way that a network knows.
"""

import http
import socket
import ssl
import struct
import threading
import time
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import Callable

HEAD_MAX = 64 * 1024
BODY_MAX = 1024 * 1024
IDLE_S = 60.0
HANDSHAKE_S = 10.0


class BadRequest(Exception):
    """Not HTTP as a client of AWS speaks it."""


@dataclass
class Request:
    method: str
    target: str
    headers: list[tuple[str, str]]  # names in lower case, as received otherwise
    body: bytes
    peer: str

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key == name), None)


@dataclass
class Response:
    status: int
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""
    chunked: bool = False
    # How it goes wrong on the way; see cloud/faults.py.
    silent: bool = False
    reset: bool = False
    truncate: int | None = None
    drip: float | None = None
    date_offset: float = 0.0
    flood: int = 0  # so many bytes instead of the body


Handler = Callable[[Request], Response]


class Connection:
    def __init__(self, sock: socket.socket, peer: str) -> None:
        self._sock = sock
        self._peer = peer
        self._buffer = bytearray()

    def serve(self, handler: Handler) -> None:
        try:
            while True:
                request = self._read_request()
                if request is None:
                    return
                response = handler(request)
                keep = (request.header("connection") or "").lower() != "close"
                if not self._send(response, keep) or not keep:
                    return
        except BadRequest as error:
            self._send(Response(400, [("Content-Type", "text/plain")], f"{error}\n".encode()), False)
        except (OSError, ssl.SSLError):
            return

    def _fill(self) -> bool:
        data = self._sock.recv(65536)
        self._buffer += data
        return bool(data)

    def _read_request(self) -> Request | None:
        while b"\r\n\r\n" not in self._buffer:
            if len(self._buffer) > HEAD_MAX:
                raise BadRequest("header too long")
            if not self._fill():
                return None
        head, _, rest = bytes(self._buffer).partition(b"\r\n\r\n")
        self._buffer = bytearray(rest)
        lines = head.decode("latin-1").split("\r\n")
        parts = lines[0].split(" ")
        if len(parts) != 3 or not parts[2].startswith("HTTP/1."):
            raise BadRequest("not an HTTP/1.1 request line")
        request = Request(parts[0], parts[1], [self._header(line) for line in lines[1:]], b"", self._peer)
        request.body = self._read_body(request)
        return request

    @staticmethod
    def _header(line: str) -> tuple[str, str]:
        name, colon, value = line.partition(":")
        if not colon or name != name.strip() or not name:
            raise BadRequest(f"not a header: {line[:80]!r}")
        return name.lower(), value.strip(" \t")

    def _read_body(self, request: Request) -> bytes:
        if request.header("transfer-encoding"):
            raise BadRequest("a length is required")
        length = request.header("content-length") or "0"
        if not length.isdigit() or int(length) > BODY_MAX:
            raise BadRequest("Content-Length is not a number or too large")
        if request.header("expect") and len(self._buffer) < int(length):
            self._sock.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        while len(self._buffer) < int(length):
            if not self._fill():
                raise ConnectionError("closed in the middle of a body")
        body = bytes(self._buffer[:int(length)])
        del self._buffer[:int(length)]
        return body

    def _send(self, response: Response, keep: bool) -> bool:
        """False: the connection is of no further use."""
        if response.silent:
            self._wait_for_close()
            return False
        if response.reset:
            self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            return False
        if response.flood:
            return self._flood(response)
        head, body = _encode(response, keep)
        if response.truncate is not None:
            self._sock.sendall(head + body[:response.truncate])
            return False
        if response.drip is not None:
            self._sock.sendall(head)
            for index in range(len(body)):
                time.sleep(1 / response.drip)
                self._sock.sendall(body[index:index + 1])
            return True
        self._sock.sendall(head + body)
        return True

    def _flood(self, response: Response) -> bool:
        """A body that does not end: what a client takes of it is the client's cap and its buffers."""
        self._sock.sendall(f"HTTP/1.1 200 OK\r\nContent-Length: {response.flood}\r\n\r\n".encode())
        left, piece = response.flood, b"A" * 65536
        while left > 0:
            self._sock.sendall(piece[:left])
            left -= len(piece)
        return False

    def _wait_for_close(self) -> None:
        self._sock.settimeout(600)
        try:
            while self._sock.recv(65536):
                pass
        except (OSError, ssl.SSLError):
            pass


def _encode(response: Response, keep: bool) -> tuple[bytes, bytes]:
    try:
        phrase = http.HTTPStatus(response.status).phrase
    except ValueError:
        phrase = "Unknown"
    lines = [f"HTTP/1.1 {response.status} {phrase}"]
    lines += [f"{name}: {value}" for name, value in response.headers]
    lines.append(f"Date: {formatdate(time.time() + response.date_offset, usegmt=True)}")
    body = response.body
    if response.chunked:
        lines.append("Transfer-Encoding: chunked")
        half = max(1, len(body) // 2)
        chunks = [body[:half], body[half:]]
        body = b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks if chunk) + b"0\r\n\r\n"
    else:
        lines.append(f"Content-Length: {len(body)}")
    if not keep:
        lines.append("Connection: close")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1"), body


class Listener:
    """Accepts on a socket made elsewhere. The TLS handshake runs in the connection's own thread."""

    def __init__(self, sock: socket.socket, handler: Handler,
                 tls: Callable[[str], ssl.SSLContext] | None = None) -> None:
        self._sock = sock
        self._handler = handler
        self._tls = tls

    def start(self) -> None:
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            sock, address = self._sock.accept()
            threading.Thread(target=self._serve, args=(sock, address[0]), daemon=True).start()

    def _serve(self, sock: socket.socket, peer: str) -> None:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.settimeout(HANDSHAKE_S)
        try:
            if self._tls:
                sock = self._tls(peer).wrap_socket(sock, server_side=True)
            sock.settimeout(IDLE_S)
            Connection(sock, peer).serve(self._handler)
        except (OSError, ssl.SSLError):
            pass  # the client gave up, or would not trust us: a fault test does both
        finally:
            sock.close()
