# SPDX-License-Identifier: MIT
"""Canaries: the heartbeat key, the database's password and AWS's credentials stand in no output of ours.

Everything that leaves the daemon is searched, at the most talkative level and while things go wrong: log,
every command's answer, journal, state file, doctor, policy, command lines, environments, notify scripts'.
"""

import base64
import json
import os
import secrets
import signal
import subprocess
import urllib.parse

import pytest
from vpc import DB_HOSTS, unitfile
from vpc.service import PATH

ONLY = "DB_Host1"
SCRIPT = "#!/bin/bash\n{ printf '%s\\n' \"$@\"; /usr/bin/env; } >>/run/zonevip-script/everything\n"
IMDS = """
import json, urllib.request
def ask(path, method='GET', **headers):
    request = urllib.request.Request('http://169.254.169.254/latest/' + path, method=method, headers=headers)
    return urllib.request.urlopen(request, timeout=10).read().decode()
token = ask('api/token', 'PUT', **{'X-aws-ec2-metadata-token-ttl-seconds': '60'})
print(ask('meta-data/iam/security-credentials/zonevip', **{'X-aws-ec2-metadata-token': token}))
"""
QUESTIONS = (["status"], ["json"], ["why"], ["events"], ["events", "--json"], ["metrics"], ["version"], ["iam-policy"],
             ["doctor"], ["whatif", "peer-down"], ["reload"])


def forms(secret: bytes) -> list[bytes]:
    """As it is, and as it would look in a log, a URL or a dump."""
    found = [secret, secret.hex().encode(), secret.hex().upper().encode(), base64.b64encode(secret).rstrip(b"="),
             urllib.parse.quote_from_bytes(secret).encode()]
    return found + [form[4:24] for form in found if len(form) > 40]  # a piece is a leak too


@pytest.fixture
def talkative(lab):
    """(lab, process, canaries): one agent that logs details, with a password and a key that we know."""
    host = lab.host(ONLY)
    key, password = secrets.token_bytes(32), "Canary-" + secrets.token_hex(16)
    while all(32 <= byte < 127 for byte in key):
        key = secrets.token_bytes(32)
    lab.install_key(key)
    host.install_secret("mysql.pw", password)
    host.mysql(f"ALTER USER zonevip@localhost IDENTIFIED BY '{password}'")
    lab.install_conf(lab.conf_text(track_mysql={"password_file": "/etc/zonevip/mysql.pw"}))
    with open(host.path("/etc/zonevip/notify.sh"), "w") as stream:
        stream.write(SCRIPT)
    host.notify_start()
    unit = unitfile.words(unitfile.texts()["zonevip.service"])
    argv = unitfile.command(unit, {name: lab.uid(name) for name in ("zonevip", "zonevip-script")}, host.root)
    with open(f"{lab.dir}/log/talkative.log", "wb") as log:
        process = host.popen(["/usr/bin/env", "-i", f"PATH={PATH}", "LANG=C.UTF-8", *argv, "-D"], stdout=log, stderr=log)
    lab.wait_owner(ONLY, 20)
    answer = json.loads(host.exec(["/usr/bin/python3", "-c", IMDS]).stdout)
    yield lab, process, {"heartbeat key": key, "password": password.encode(), "secret key": answer["SecretAccessKey"].encode(),
                         "session token": answer["Token"].encode()}
    host.exec(["pkill", "-KILL", "-x", "zonevipd"], check=False)
    process.wait(20)
    host.mysql("ALTER USER zonevip@localhost IDENTIFIED VIA unix_socket")
    lab.install_conf(lab.conf_text())
    host.notify_stop()


def outer(process):
    """The daemon's pid here: nsenter's child, which has become it."""
    with open(f"/proc/{process.pid}/task/{process.pid}/children") as stream:
        return int(stream.read().split()[0])


def misfortunes(lab):
    """What makes it talk: refusals with long answers, a wrong password, drift, a dump on request."""
    host = lab.host(ONLY)
    rule = lab.fault("ReplaceRoute", status=403, code="UnauthorizedOperation", message="Encoded authorization failure message: x")
    lab.set_route(None)
    lab.wait_for(lambda: "UnauthorizedOperation" in lab.read_log("talkative.log"), 30, "the refusal to be logged")
    lab.unfault(rule)
    host.mysql("ALTER USER zonevip@localhost IDENTIFIED BY 'another'; KILL USER zonevip")
    lab.wait_for(lambda: "verdict=AUTH" in lab.read_log("talkative.log"), 30, "the refused login to be logged")
    host.exec(["pkill", "-USR1", "-x", "zonevipd"])
    host.exec(["pkill", "-USR2", "-x", "zonevipd"])


def outputs(lab, process):
    """(name, bytes) of everything that came out."""
    host = lab.host(ONLY)
    for question in QUESTIONS:
        done = subprocess.run(host.command(["zonevipctl", *question]), capture_output=True, timeout=60, env=host.environment())
        yield "zonevipctl " + " ".join(question), done.stdout + done.stderr
    pid = outer(process)
    for name in ("cmdline", "environ"):
        with open(f"/proc/{pid}/{name}", "rb") as stream:
            yield f"/proc/PID/{name}", stream.read()
    for folder in ("/var/lib/zonevip", "/run/zonevip-script"):
        for name in os.listdir(host.path(folder)):
            with open(host.path(f"{folder}/{name}"), "rb") as stream:
                yield f"{folder}/{name}", stream.read()
    with open(f"{lab.dir}/log/talkative.log", "rb") as stream:
        yield "log", stream.read()


def test_no_output_holds_a_secret(talkative):
    lab, process, canaries = talkative
    misfortunes(lab)
    found = dict(outputs(lab, process))
    assert b"verdict=AUTH" in found["log"] and len(found["zonevipctl metrics"]) > 1000, "nothing was said, so nothing is proven"
    assert b"ZONEVIP_STATE=MASTER" in found["/run/zonevip-script/everything"]
    assert any(name.startswith("/var/lib/zonevip/") and len(data) > 100 for name, data in found.items())
    leaks = [(name, what) for name, data in found.items() for what, secret in canaries.items()
             if any(form in data for form in forms(secret))]
    assert leaks == []


def copies(pid, secret):
    """How often it stands in the memory that the process can read itself."""
    found = 0
    with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        for line in maps:
            span, mode, *_ = line.split()
            start, end = (int(part, 16) for part in span.split("-"))
            if "r" in mode and "[v" not in line:
                try:
                    memory.seek(start)
                    found += memory.read(end - start).count(secret)
                except (OSError, OverflowError):
                    continue
    return found


def test_what_is_left_of_the_key_lies_in_one_locked_page_and_no_core_is_left(talkative):
    lab, process, canaries = talkative
    pid = outer(process)
    with open(f"/proc/{pid}/smaps") as stream:
        flags = [line for line in stream if line.startswith("VmFlags:") and " dd" in line and " wf" in line and " lo" in line]
    assert len(flags) == 1, "one page that is locked, not dumped and wiped on fork"
    assert copies(pid, canaries["heartbeat key"]) == 0, "that page holds what was made of the key, and nothing holds the key"
    assert copies(pid, b"zonevip") > 0, "or this could find nothing"
    assert os.stat(f"/proc/{pid}/mem").st_uid == 0, "not dumpable: its /proc belongs to root"
    with open(f"/proc/{pid}/limits") as stream:
        core = next(line for line in stream if line.startswith("Max core file size"))
    assert core.split()[4:6] == ["0", "0"]
    os.kill(pid, signal.SIGABRT)
    process.wait(20)
    for name in DB_HOSTS:
        assert [file for file in os.listdir(lab.host(name).path("/var/lib/zonevip")) if "core" in file] == []
