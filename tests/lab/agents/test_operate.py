# SPDX-License-Identifier: MIT
"""What an operator asks, and rehearses, before it matters."""

import json
import os
import re
import subprocess
from xml.etree import ElementTree

import pytest

from conftest_agents import instance, state


def ctl(lab, host, *words, check=True):
    return lab.host(host).exec(["zonevipctl", *words], check=check)


@pytest.fixture
def ready(pair):
    """Both run, and the owner has heard that the other could take over."""
    pair.wait_for(lambda: ctl(pair, "DB_Host1", "switchover", "--dry-run", check=False).returncode == 0, 20, "the owner to know its spare")
    return pair


def foretold(answer, words):
    """Seconds before the first line with these words."""
    lines = [line for line in answer.splitlines() if words in line]
    assert lines, f"'{words}' is not in:\n{answer}"
    return float(re.match(r"\s+after +([0-9.]+) s", lines[0]).group(1))


def test_what_if_is_answered_by_the_rules_and_changes_nothing(ready):
    ctl(ready, "DB_Host1", "reload")
    answer = ctl(ready, "DB_Host2", "whatif", "peer-down").stdout
    assert answer.startswith("If DB_Host1 fell silent now (MasterDB is BACKUP on DB_Host2, the parameter names DB_Host1")
    assert 2 <= foretold(answer, "from BACKUP to CLAIMING (owner_silent)") <= 8
    assert foretold(answer, "route 2 leads to DB_Host2") >= foretold(answer, "address would come to DB_Host2")
    assert "DB_Host2 is MASTER, the address is here" in answer
    answer = ctl(ready, "DB_Host1", "whatif", "db-down", "MasterDB").stdout
    assert foretold(answer, "from MASTER to FAULT (check_failed)") < 1
    assert foretold(answer, "DB_Host2 has taken over") < 1
    answer = ctl(ready, "DB_Host1", "whatif", "api-down").stdout
    assert "DB_Host1 is MASTER, the address is here" in answer and "would go from" not in answer
    assert ctl(ready, "DB_Host1", "whatif", "rain", check=False).returncode == 2
    assert (state(ready, "DB_Host1"), state(ready, "DB_Host2")) == ("MASTER", "BACKUP")


def test_a_switchover_is_tried_without_doing_it(ready):
    answer = ctl(ready, "DB_Host1", "switchover", "--dry-run").stdout
    assert foretold(answer, "from MASTER to BACKUP (switchover)") < 1
    assert foretold(answer, "DB_Host2 has taken over") < 2
    refused = ctl(ready, "DB_Host2", "switchover", "--dry-run", check=False)
    assert refused.returncode == 1 and "MasterDB: this node is not MASTER" in refused.stderr
    ready.host("DB_Host2").mysql_stop()
    ready.wait_for(lambda: not instance(ready, "DB_Host2")["eligible"], 10, "DB_Host2 to be unfit")
    ready.wait_for(lambda: "the target is not eligible" in ctl(ready, "DB_Host1", "switchover", "--dry-run", check=False).stderr,
                  10, "the refusal to name the target")
    assert state(ready, "DB_Host1") == "MASTER"


def events(lab, host):
    return json.loads(ctl(lab, host, "events", "--json").stdout)


def changes(lab, host):
    return [event for event in events(lab, host)["events"] if event["kind"] == "change"]


def test_a_fail_over_is_told_with_its_stages_and_drawn(ready):
    ready.host("DB_Host1").mysql_kill()
    ready.wait_owner("DB_Host2", 10)
    ready.wait_for(lambda: changes(ready, "DB_Host2") and changes(ready, "DB_Host1"), 10, "both to have told it")
    left, taken = changes(ready, "DB_Host1")[-1], changes(ready, "DB_Host2")[-1]
    assert (left["takeover"], left["reason"], left["to"]) == (False, "check_failed", "FAULT")
    assert {"detect", "release"} <= set(left["took_ms"])
    assert (taken["takeover"], taken["reason"], taken["to"]) == (True, "owner_disclaimed", "MASTER")
    assert {"claim", "route", "record", "total"} <= set(taken["took_ms"])
    assert taken["sign"] <= taken["decided"] <= taken["when"]
    text = ctl(ready, "DB_Host2", "events").stdout
    assert "MasterDB: taken over within" in text and "BACKUP -> CLAIMING (owner_disclaimed)" in text and "address added" in text

    with open(ready.host("DB_Host2").path("/tmp/other.json"), "w", encoding="utf-8") as file:
        file.write(ctl(ready, "DB_Host1", "events", "--json").stdout)
    both = ctl(ready, "DB_Host2", "events", "--svg", "1", "--with", "/tmp/other.json").stdout
    ElementTree.fromstring(both)
    for words in (">DB_Host1<", ">DB_Host2<", ">MASTER<", ">route  ", ">detect  ", "From the address gone to the last route written", "check "):
        assert words in both, words
    alone = ctl(ready, "DB_Host2", "events", "--svg", "1").stdout
    ElementTree.fromstring(alone)
    assert "its events were not given" in alone
    if os.environ.get("ZONEVIP_SVG"):
        with open(os.environ["ZONEVIP_SVG"], "w", encoding="utf-8") as file:
            file.write(both)
    assert "have not been 999 changes" in ctl(ready, "DB_Host2", "events", "--svg", "999", check=False).stderr
    with open(ready.host("DB_Host2").path("/tmp/other.json"), "w", encoding="utf-8") as file:
        file.write('{"node": "<&\\u0007\\"", "events": [7, {"kind": "change", "when": 1e308, "sign": -1e308, "took_ms": {"route": "x"}}]}')
    ElementTree.fromstring(ctl(ready, "DB_Host2", "events", "--svg", "1", "--with", "/tmp/other.json").stdout)


def test_a_drill_goes_there_and_back_and_writes_what_a_client_felt(ready):
    host = ready.host("DB_Host1")
    refused = ctl(ready, "DB_Host1", "drill", "--one-way", check=False)
    assert refused.returncode == 1 and "say --yes" in refused.stderr
    elsewhere = ctl(ready, "DB_Host2", "drill", "--one-way", "--yes", check=False)
    assert elsewhere.returncode == 1 and "a drill begins on the owner" in elsewhere.stderr
    words = ["zonevipctl", "drill", "--yes", "--back", "touch /tmp/come-back", "--report", "/tmp/drill.md"]
    with host.popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as drill:
        ready.wait_for(lambda: os.path.exists(host.path("/tmp/come-back")) or drill.poll() is not None, 60, "the drill to ask for the way back")
        if drill.poll() is None:
            assert ready.owner() == "DB_Host2"
            ctl(ready, "DB_Host2", "switchover", "--to", "DB_Host1")
        said = drill.communicate(timeout=90)
    report = open(host.path("/tmp/drill.md"), encoding="utf-8").read()
    assert drill.returncode == 0, (said, report)
    assert ready.owner() == "DB_Host1"
    gaps = [float(gap) for gap in re.findall(r"to the next \| ([0-9.]+) ms", report)]
    assert len(gaps) == 2 and all(0 < gap < 10_000 for gap in gaps), report
    for part in ("## DB_Host1 to DB_Host2", "## DB_Host2 to DB_Host1", "| leaving here: release |", "| taking over here: route |", "Done."):
        assert part in report
    ready.wait_for(lambda: ctl(ready, "DB_Host1", "switchover", "--dry-run", check=False).returncode == 0, 20, "the spare to be fit again")
    alone = host.exec(["zonevipctl", "drill", "--yes"], timeout=120)  # the way back by itself: the owner is asked
    assert "Done." in alone.stdout and ready.owner() == "DB_Host1"
    assert "event=wish instance=MasterDB node=DB_Host1 result=granted" in ready.host("DB_Host2").agent_log()
    ready.host("DB_Host2").mysql_stop()
    ready.wait_for(lambda: "the target is not eligible" in ctl(ready, "DB_Host1", "drill", "--one-way", "--yes", check=False).stderr,
                  15, "the drill to be refused without a spare")
    wish = ctl(ready, "DB_Host2", "switchover", "--to", "DB_Host2", check=False)
    assert wish.returncode == 1 and "MasterDB: this node is not" in wish.stderr
    assert ready.owner() == "DB_Host1"
    host.exec(["rm", "/tmp/come-back", "/tmp/drill.md"])


def test_why_says_what_would_have_to_change(ready):
    owner, spare = ctl(ready, "DB_Host1", "why").stdout, ctl(ready, "DB_Host2", "why", "MasterDB").stdout
    assert "the address is here" in owner and "leads to DB_Host1" in owner and "DB_Host2 is heard, says BACKUP, could take it" in owner
    assert "to move it: 'zonevipctl switchover', which nothing refuses now" in owner
    assert "it could take the VIP now" in spare and "to take it: DB_Host1 hands over or renounces it (at once), or is silent for 5.0 s" in spare
    ready.host("DB_Host2").mysql_stop()
    ready.wait_for(lambda: state(ready, "DB_Host2") == "FAULT", 15, "DB_Host2 to be in FAULT")
    assert "it could not take the VIP: a check fails" in ctl(ready, "DB_Host2", "why").stdout
    assert "to be a spare again" in ctl(ready, "DB_Host2", "why").stdout
    ready.wait_for(lambda: "would be refused: the target is not eligible" in ctl(ready, "DB_Host1", "why").stdout, 10, "the owner to know")
