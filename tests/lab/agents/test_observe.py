# SPDX-License-Identifier: MIT
"""What monitoring sees of a fail-over: metrics, and the stages in the status."""

import re
import shutil
import subprocess

import pytest

from conftest_agents import instance


def metrics(lab, host):
    """{series: value} of `zonevipctl metrics`."""
    text = lab.host(host).exec(["zonevipctl", "metrics"]).stdout
    return {series: float(value) for series, value in re.findall(r"^(zonevip_[^ ]+) ([^ ]+)$", text, re.M)}


def test_a_fail_over_is_in_the_metrics_stage_by_stage(pair):
    before = metrics(pair, "DB_Host2")
    assert before['zonevip_state{vip_instance="MasterDB",state="BACKUP"}'] == 1
    assert before["zonevip_takeovers_total"] == 0
    pair.host("DB_Host1").mysql_kill()
    pair.wait_owner("DB_Host2", 5)
    pair.wait_for(lambda: instance(pair, "DB_Host2")["last_change"] and not instance(pair, "DB_Host2")["last_change"]["under_way"], 5, "the take-over to end")
    after = metrics(pair, "DB_Host2")
    assert after['zonevip_state{vip_instance="MasterDB",state="MASTER"}'] == 1
    assert after["zonevip_takeovers_total"] == 1
    for stage, samples in (("decide", 1), ("claim", 1), ("route", 2), ("total", 1)):
        assert after[f'zonevip_stage_duration_seconds_count{{stage="{stage}"}}'] == samples, stage
        assert 0 <= after[f'zonevip_stage_duration_seconds_sum{{stage="{stage}"}}'] < 5 * samples, stage
    took = instance(pair, "DB_Host2")["last_change"]["took_ms"]
    assert took["total"] >= max(took["route"], took["record"])
    loser = metrics(pair, "DB_Host1")
    assert loser["zonevip_failures_total"] == 1
    assert loser['zonevip_stage_duration_seconds_count{stage="detect"}'] == 1
    assert loser['zonevip_stage_duration_seconds_count{stage="release"}'] == 1


def test_promtool_has_nothing_to_say_about_the_names(pair):
    if not shutil.which("promtool"):
        pytest.skip("promtool is not installed (Debian: prometheus)")
    text = pair.host("DB_Host1").exec(["zonevipctl", "metrics"]).stdout
    check = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True, timeout=30, check=False)
    assert (check.returncode, check.stdout + check.stderr) == (0, "")


FETCH = """
import sys, urllib.request, urllib.error
try:
    with urllib.request.urlopen(sys.argv[1], timeout=5) as reply:
        print(reply.status, reply.headers["Content-Type"])
        print(reply.read().decode())
except urllib.error.HTTPError as error:
    print(error.code)
"""


def test_the_exporter_serves_them_and_tells_when_the_daemon_is_gone(pair):
    host = pair.host("DB_Host1")
    if not host.exec(["sh", "-c", "command -v zonevip-exporter"], check=False).stdout:
        pytest.skip("built without libmicrohttpd: no zonevip-exporter")
    user = "zonevip"  # in the package a dynamic user in that group

    def get(path):
        return host.exec(["/usr/bin/python3", "-c", FETCH, f"http://127.0.0.1:9712{path}"], check=False).stdout

    with host.popen(["sh", "-c", "echo $$; exec zonevip-exporter"], user=user, stdout=subprocess.PIPE, text=True) as exporter:
        pid = exporter.stdout.readline().strip()
        try:
            pair.wait_for(lambda: get("/").startswith("200 text/html"), 10, "the exporter to answer")
            reply = get("/metrics")
            assert reply.startswith("200 text/plain; version=0.0.4")
            assert 'zonevip_state{vip_instance="MasterDB",state="MASTER"} 1' in reply
            assert "\nzonevip_up 1\n" in reply
            assert get("/nothing").startswith("404")
            host.agent_stop()
            assert "\nzonevip_up 0\n" in get("/metrics")
        finally:
            host.exec(["kill", pid])
            assert exporter.wait(10) == 0
    usage = host.exec(["zonevip-exporter", "--listen", "nowhere"], check=False)
    assert usage.returncode == 2 and "is not ADDRESS:PORT" in usage.stderr


def test_check_zonevip_judges_owner_spare_fault_and_absence(pair):
    def check(host, code, *words):
        result = pair.host(host).exec(["/usr/local/libexec/check_zonevip"], check=False, user="zonevip")
        assert result.returncode == code, result.stdout
        for word in words:
            assert word in result.stdout

    for name in ("DB_Host1", "DB_Host2"):  # just started, they have still to be heard
        pair.wait_for(lambda name=name: "ZONEVIP OK" in pair.host(name).exec(["/usr/local/libexec/check_zonevip"], check=False).stdout,
                      20, f"{name} to be OK")
    check("DB_Host1", 0, "ZONEVIP OK - MasterDB MASTER: alias, 2 routes and record say DB_Host1", "'MasterDB_state'=2")
    check("DB_Host2", 0, "MasterDB BACKUP")
    pair.host("DB_Host1").mysql_stop()
    pair.wait_owner("DB_Host2", 5)
    check("DB_Host1", 2, "MasterDB FAULT")
    pair.host("DB_Host2").agent_stop()
    check("DB_Host2", 2, "zonevipd is not running")


def test_watch_draws_the_page_again_and_again(pair):
    with pair.host("DB_Host1").popen(["zonevipctl", "watch", "--every", "0.2"], stdout=subprocess.PIPE, text=True) as watch:
        pages = 0
        for line in watch.stdout:
            pages += "DB_Host1 in cluster" in line
            if pages == 3:
                break
        watch.stdout.close()
        assert watch.wait(10) != 0  # nobody reads it any more
    assert pages == 3
    wrong = pair.host("DB_Host1").exec(["zonevipctl", "watch", "--every", "never"], check=False)
    assert wrong.returncode == 2


def test_a_key_is_made_once_and_never_shown(pair):
    host = pair.host("DB_Host1")
    made = host.exec(["zonevipctl", "keygen", "/tmp/new.key"])
    assert host.exec(["stat", "-c", "%a %s", "/tmp/new.key"]).stdout.split() == ["400", "32"]
    key = open(host.path("/tmp/new.key"), "rb").read()
    again = host.exec(["zonevipctl", "keygen", "/tmp/new.key"], check=False)
    assert again.returncode == 1 and "exists and is left alone" in again.stderr
    assert open(host.path("/tmp/new.key"), "rb").read() == key
    assert key.hex() not in (made.stdout + again.stderr).encode().hex()
    host.exec(["rm", "/tmp/new.key"])


def test_bash_completes_commands_options_and_names(pair):
    script = """source <(zonevipctl completion bash)
        complete_it() { COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _zonevipctl; echo "${COMPREPLY[*]}"; }
        complete_it zonevipctl swi
        complete_it zonevipctl switchover --to ''
        complete_it zonevipctl why M
        complete_it zonevipctl maintenance o"""
    lines = pair.host("DB_Host1").exec(["bash", "-c", script]).stdout.split("\n")
    assert lines[:4] == ["switchover", "DB_Host1 DB_Host2", "MasterDB", "on off"]
