#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""What the lab's tests do from inside a host. Question: JSON on stdin; answer: JSON on stdout.

boto  {calls: [[service, operation, arguments], ...], key?, secret?}    botocore itself as the client
http  {address, requests: [{method, target, headers, body}], tls?: name} bytes as given, one connection
tcp   {address, port, timeout}                                           one attempt to connect
udp   {to, port, count, source?} | {listen: port, seconds, ready: file}  packets sent, or counted
"""

import json
import os
import socket
import ssl
import sys
import time


def boto(calls, key=None, secret=None):
    import botocore.session
    from botocore.config import Config
    from botocore.exceptions import ClientError

    session = botocore.session.get_session()
    if key:
        session.set_credentials(key, secret)
    config = Config(retries={"max_attempts": 0}, connect_timeout=5, read_timeout=20)
    clients, answers = {}, []
    for service, operation, arguments in calls:
        if service not in clients:
            clients[service] = session.create_client(
                service, region_name="us-east-1", config=config,
                endpoint_url=f"https://{service}.us-east-1.amazonaws.com")
        start = time.monotonic()
        try:
            answer = getattr(clients[service], operation)(**arguments)
            meta = answer.pop("ResponseMetadata")
            answer = {"ok": True, "status": meta["HTTPStatusCode"], **answer}
        except ClientError as error:
            answer = {"ok": False, "code": error.response["Error"]["Code"],
                      "message": error.response["Error"].get("Message", ""),
                      "status": error.response["ResponseMetadata"]["HTTPStatusCode"]}
        except Exception as error:
            answer = {"ok": False, "code": type(error).__name__, "message": str(error), "status": 0}
        answers.append({**answer, "seconds": time.monotonic() - start})
    return json.loads(json.dumps(answers, default=str))


def how_closed(sock):
    """TLS hides the difference: after RST the kernel's socket is in CLOSE (7), after FIN in CLOSE_WAIT."""
    return "reset" if sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] == 7 else "closed"


def read_answer(sock):
    data = b""
    try:
        while b"\r\n\r\n" not in data:
            more = sock.recv(65536)
            if not more:
                return {"status": 0, "error": how_closed(sock), "body": "", "headers": {}}
            data += more
        head, _, body = data.partition(b"\r\n\r\n")
        lines = head.decode().split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
        length = int(headers.get("content-length", 0))
        chunked = headers.get("transfer-encoding") == "chunked"
        while not body.endswith(b"0\r\n\r\n") if chunked else len(body) < length:
            more = sock.recv(65536)
            if not more:
                break
            body += more
    except OSError as error:
        return {"status": 0, "error": type(error).__name__, "body": "", "headers": {}}
    return {"status": int(lines[0].split()[1]), "headers": headers, "body": body.decode(), "length": length,
            "error": ""}


def http(address, requests, port=None, tls=None, timeout=5):
    answers = []
    with socket.create_connection((address, port or (443 if tls else 80)), timeout) as sock:
        if tls:
            context = ssl.create_default_context(capath="/etc/zonevip/ca")
            context.minimum_version = ssl.TLSVersion.TLSv1_2
            try:
                sock = context.wrap_socket(sock, server_hostname=tls)
            except ssl.SSLError as error:
                return [{"status": 0, "error": str(error)}]
        for request in requests:
            body = request.get("body", "").encode()
            lines = [f"{request['method']} {request['target']} HTTP/1.1"]
            lines += [f"{name}: {value}" for name, value in request["headers"]]
            if body or request["method"] == "POST":
                lines.append(f"Content-Length: {len(body)}")
            start = time.monotonic()
            sock.sendall(("\r\n".join(lines) + "\r\n\r\n").encode() + body)
            answers.append({**read_answer(sock), "seconds": time.monotonic() - start})
        sock.close()
    return answers


def tcp(address, port, timeout):
    start = time.monotonic()
    try:
        with socket.create_connection((address, port), timeout) as sock:
            sock.settimeout(timeout)
            said = "ok" if sock.recv(1) else "closed"
    except OSError as error:
        said = type(error).__name__
    return {"result": said, "seconds": time.monotonic() - start}


def udp(to=None, port=0, count=0, source="0.0.0.0", listen=None, seconds=0.0, ready=""):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        if to:
            sock.bind((source, 0))
            for number in range(count):
                sock.sendto(b"%d" % number, (to, port))
                if number % 50 == 0:
                    time.sleep(0.001)
            return {"sent": count}
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        sock.bind(("0.0.0.0", listen))
        sock.settimeout(0.1)
        with open(ready, "w"):
            pass
        got, end = 0, time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                sock.recv(100)
                got += 1
            except TimeoutError:
                if got:
                    break
        os.unlink(ready)
        return {"got": got}


if __name__ == "__main__":
    print(json.dumps({"boto": boto, "http": http, "tcp": tcp, "udp": udp}[sys.argv[1]](**json.load(sys.stdin))))
