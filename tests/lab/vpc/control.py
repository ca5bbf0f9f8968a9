# SPDX-License-Identifier: MIT
"""How the parts of a running lab are spoken to: one JSON line to a unix socket, one line back.

    {"op": "stop", "service": "mysqld"}   ->   {"ok": true, "result": ...} | {"ok": false, "error": "..."}

Sockets are reached through their directory's descriptor, so that a lab may lie deeper than the
107 bytes that a socket's path may have.
"""

import json
import os
import socket
from typing import Any, Callable

from .errors import LabError
from .loop import Loop

REQUEST_MAX = 1 << 20


class Later:
    """A handler returns one of these to answer when it knows the answer."""

    def __init__(self) -> None:
        self._send: Callable[[dict], None] | None = None
        self._early: dict | None = None

    def done(self, result: Any = None) -> None:
        self._deliver({"ok": True, "result": result})

    def fail(self, error: str) -> None:
        self._deliver({"ok": False, "error": error})

    def attach(self, send: Callable[[dict], None]) -> None:
        self._send = send
        if self._early is not None:
            send(self._early)

    def _deliver(self, reply: dict) -> None:
        if self._send:
            self._send(reply)
        else:
            self._early = reply


class Server:
    """Serves handlers {op: fn(**arguments)} on a Loop."""

    def __init__(self, loop: Loop, path: str, handlers: dict[str, Callable[..., Any]]) -> None:
        self._loop = loop
        self._handlers = handlers
        if os.path.lexists(path):
            os.unlink(path)
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        self._listener.bind(path)
        os.chmod(path, 0o600)
        self._listener.listen(64)
        self._listener.setblocking(False)
        loop.watch(self._listener, self._accept)

    def _accept(self) -> None:
        try:
            sock, _ = self._listener.accept()
        except BlockingIOError:
            return
        sock.setblocking(False)
        received = bytearray()
        self._loop.watch(sock, lambda: self._read(sock, received))

    def _read(self, sock: socket.socket, received: bytearray) -> None:
        try:
            data = sock.recv(65536)
        except BlockingIOError:
            return
        except ConnectionError:
            data = b""
        received += data
        if data and b"\n" not in received and len(received) <= REQUEST_MAX:
            return
        self._loop.unwatch(sock)
        if b"\n" not in received:
            sock.close()
            return
        self._answer(sock, bytes(received))

    def _answer(self, sock: socket.socket, line: bytes) -> None:
        def send(reply: dict) -> None:
            with sock:
                sock.settimeout(5)
                try:
                    sock.sendall(json.dumps(reply).encode() + b"\n")
                except OSError:
                    pass  # the asker has gone; the deed is done all the same

        try:
            request = json.loads(line)
            handler = self._handlers[request.pop("op")]
        except (ValueError, KeyError, AttributeError, TypeError) as error:
            send({"ok": False, "error": f"not understood: {error!r}"})
            return
        try:
            result = handler(**request)
        except (LabError, OSError, TypeError, ValueError, KeyError) as error:
            send({"ok": False, "error": str(error) if isinstance(error, LabError) else repr(error)})
            return
        if isinstance(result, Later):
            result.attach(send)
        else:
            send({"ok": True, "result": result})


def call(path: str, op: str, timeout: float = 30, **arguments: Any) -> Any:
    """One request to the process that serves path; raises LabError with its sentence."""
    folder, name = os.path.split(path)
    what = f"{name} of the lab in {os.path.dirname(folder)}"
    try:
        fd = os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise LabError(f"{what}: {error.strerror}; is the lab up?") from None
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC) as sock:
            sock.settimeout(timeout)
            sock.connect(f"/proc/self/fd/{fd}/{name}")
            sock.sendall(json.dumps({"op": op, **arguments}).encode() + b"\n")
            reply = _read_line(sock)
    except TimeoutError:
        raise LabError(f"{what} did not answer '{op}' within {timeout:g} s") from None
    except OSError as error:
        raise LabError(f"{what} is not there ({error.strerror}); is the lab up?") from None
    finally:
        os.close(fd)
    if not reply:
        raise LabError(f"{what} went away during '{op}'; see the log directory")
    answer = json.loads(reply)
    if not answer["ok"]:
        raise LabError(answer["error"])
    return answer["result"]


def _read_line(sock: socket.socket) -> bytes:
    received = bytearray()
    while not received.endswith(b"\n"):
        data = sock.recv(1 << 20)
        if not data:
            return b""
        received += data
    return bytes(received)
