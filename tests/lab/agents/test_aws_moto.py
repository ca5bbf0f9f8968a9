# SPDX-License-Identifier: MIT
"""The real daemon against moto's server: another reading of EC2 and SSM, with signatures checked, on plain http."""

import json
import os
import shutil
import subprocess

import pytest
from conftest_agents import TOP, instance, last_words, state
from vpc import LabError

ONE = "DB_Host1"
SERVER = os.path.join(TOP, "tests", "lab", "moto_server.py")


def python_with_moto():
    for name in ("python3", "/usr/bin/python3"):
        path = shutil.which(name)
        if path and subprocess.run([path, "-c", "import moto.server"], capture_output=True, timeout=60).returncode == 0:
            return path
    pytest.skip("no python3 here has moto (pip install 'moto[server]')")


def test_moto_takes_what_the_daemon_signs(lab):
    python, host = python_with_moto(), lab.host(ONE)
    with host.popen([python, "-B", SERVER, host.spec.eni, host.address], stdout=subprocess.PIPE, text=True) as server:
        try:
            made = json.loads(server.stdout.readline())
            path = host.path("/etc/zonevip/aws-credentials")
            with open(path, "w") as stream:
                stream.write(f"[moto]\naws_access_key_id = {made['key']}\naws_secret_access_key = {made['secret']}\n")
            os.chmod(path, 0o600)
            os.chown(path, lab.uid("zonevip"), lab.uid("zonevip"))
            lab.install_conf(lab.conf_text(
                aws={"endpoint_url_ec2": "http://127.0.0.1:5555", "endpoint_url_ssm": "http://127.0.0.1:5555",
                     "allow_http": True, "profile": "moto", "credentials_file": "/etc/zonevip/aws-credentials"},
                vip_instance={"route_table": [made["table"]]}), host=ONE)
            host.agent_start()
            try:
                lab.wait_for(lambda: state(lab, ONE) == "MASTER", 20, "MASTER")
            except LabError:
                pytest.fail(host.exec(["zonevipctl", "why"]).stdout + last_words(lab))
            status = lab.status(ONE)
            assert status["aws"]["credentials"].startswith("profile moto of ")
            lab.wait_for(lambda: instance(lab, ONE)["routes"][0]["target"] == host.spec.eni, 15, "the route at moto's")
            assert "event=route_set" in host.agent_log()
            host.agent_stop()
            with open(path, "w") as stream:
                stream.write(f"[moto]\naws_access_key_id = {made['key']}\naws_secret_access_key = wrong\n")
            mark = len(host.agent_log())
            host.agent_start()
            # moto's refusals are no well-formed XML, so their status speaks
            lab.wait_for(lambda: "outcome=denied" in host.agent_log()[mark:], 20, "moto to refuse another secret")
        finally:
            host.agent_stop()
            server.kill()
