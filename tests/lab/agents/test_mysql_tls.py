# SPDX-License-Identifier: MIT
"""TLS to a real mysqld with a certificate of a made-up authority: taken when it is right, refused with the reason when not."""

import os
import subprocess

import pytest
from conftest_agents import clean, instance
from vpc import DB_HOSTS
from vpc import mysql as server

HOST = DB_HOSTS[0]
PASSWORD = "correct horse"
FOLDER = "/etc/zonevip/tls"


def openssl(folder, *words):
    subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)


def authority(folder, name):
    openssl(folder, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "3",
            "-subj", f"/CN={name}", "-addext", "basicConstraints=critical,CA:TRUE", "-keyout", f"{name}.key", "-out", f"{name}.pem")


def certificate(folder, name, ca, alternative):
    openssl(folder, "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", f"/CN={name}",
            "-keyout", f"{name}.key", "-out", f"{name}.csr")
    with open(f"{folder}/{name}.ext", "w") as extension:
        extension.write(f"subjectAltName={alternative}\n")
    openssl(folder, "x509", "-req", "-in", f"{name}.csr", "-CA", f"{ca}.pem", "-CAkey", f"{ca}.key", "-CAcreateserial",
            "-days", "3", "-extfile", f"{name}.ext", "-out", f"{name}.pem")


class Server:
    """mariadbd as the lab's own, with the certificate asked for."""

    def __init__(self, host):
        self.host, self.process = host, None

    def start(self, name):
        self.stop()
        words = [f"--ssl-cert={FOLDER}/{name}.pem", f"--ssl-key={FOLDER}/{name}.key"] if name else ["--skip-ssl"]
        self.process = self.host.popen(server.argv(11) + words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.host.exec(["mariadb-admin", "--no-defaults", f"--socket={server.SOCKET}", "--wait=30", "ping"], timeout=60)

    def stop(self):
        if self.process:
            self.host.exec(["mariadb-admin", "--no-defaults", f"--socket={server.SOCKET}", "--wait=30", "shutdown"], timeout=60)
            self.process.wait(60)
            self.process = None


@pytest.fixture
def tls(lab):
    host = lab.host(HOST)
    folder = host.root + FOLDER
    os.makedirs(folder, exist_ok=True)
    authority(folder, "ours")
    authority(folder, "another")
    certificate(folder, "right", "ours", "IP:127.0.0.1")
    certificate(folder, "wrong-name", "ours", "IP:10.9.9.9,DNS:db.example")
    for entry in os.listdir(folder):
        os.chmod(f"{folder}/{entry}", 0o644)  # mysqld's user reads its key
    host.install_secret("mysql.pw", PASSWORD + "\n")
    host.mysql(f"CREATE OR REPLACE USER zonevip@'127.0.0.1' IDENTIFIED BY '{PASSWORD}' REQUIRE SSL")
    host.mysql_stop()
    running = Server(host)
    yield running
    host.agent_stop()
    running.stop()
    host.mysql_start()
    host.mysql("DROP USER zonevip@'127.0.0.1'")
    clean(lab)


def look(lab, verdict, ca="ours"):
    """What the agent says of its mysqld, started anew with an authority to trust."""
    host = lab.host(HOST)
    host.agent_stop()
    words = {"socket": None, "host": "127.0.0.1", "port": 3306, "password_file": "/etc/zonevip/mysql.pw", "tls": True,
             "tls_ca": f"{FOLDER}/{ca}.pem" if ca else None}
    lab.install_conf(lab.conf_text(track_mysql=words))
    host.agent_start()
    check = lambda: lab.status(HOST)["checks"][0]  # noqa: E731
    lab.wait_for(lambda: check()["verdict"] == verdict, 20, f"{verdict}, now {check()}")
    return check()["evidence"]


def test_only_the_server_that_the_authority_vouches_for_is_believed(lab, tls):
    tls.start("right")
    look(lab, "OK")  # the account is refused without TLS, so this was TLS
    lab.wait_for(lambda: instance(lab, HOST)["state_name"] == "MASTER", 20, "the VIP")
    said = look(lab, "AUTH", ca="another")
    print("another authority:", said)
    assert "certificate" in said.lower()
    look(lab, "OK", ca=None)  # encrypted, to whomever

    tls.start("wrong-name")
    said = look(lab, "AUTH")
    print("another name:", said)
    assert "certificate" in said.lower() or "hostname" in said.lower()

    tls.start(None)
    said = look(lab, "AUTH")
    print("no TLS:", said)
    assert "SSL" in said or "TLS" in said
    assert "tls_ca" in said
    assert "'tls_ca' must be the authority" in lab.host(HOST).exec(["zonevipctl", "doctor"], check=False).stdout
