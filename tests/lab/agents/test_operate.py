# SPDX-License-Identifier: MIT
"""What an operator asks, and rehearses, before it matters."""

import json
import os
import re
import subprocess
from xml.etree import ElementTree

from conftest_agents import instance, state


def ctl(lab, host, *words, check=True):
    return lab.host(host).exec(["zonevipctl", *words], check=check)


def foretold(answer, words):
    """Seconds before the first line with these words."""
    lines = [line for line in answer.splitlines() if words in line]
    assert lines, f"'{words}' is not in:\n{answer}"
    return float(re.match(r"\s+after +([0-9.]+) s", lines[0]).group(1))


def test_what_if_is_answered_by_the_rules_and_changes_nothing(pair):
    ctl(pair, "DB_Host1", "reload")
    answer = ctl(pair, "DB_Host2", "whatif", "peer-down").stdout
    assert answer.startswith("If DB_Host1 fell silent now (MasterDB is BACKUP on DB_Host2, the parameter names DB_Host1")
    assert 4 <= foretold(answer, "from BACKUP to CLAIMING (owner_silent)") <= 6
    assert foretold(answer, "route 2 leads to DB_Host2") >= foretold(answer, "address would come to DB_Host2")
    assert "DB_Host2 is MASTER, the address is here" in answer
    answer = ctl(pair, "DB_Host1", "whatif", "db-down", "MasterDB").stdout
    assert foretold(answer, "from MASTER to FAULT (check_failed)") < 1
    assert foretold(answer, "DB_Host2 has taken over") < 1
    answer = ctl(pair, "DB_Host1", "whatif", "api-down").stdout
    assert "DB_Host1 is MASTER, the address is here" in answer and "would go from" not in answer
    assert ctl(pair, "DB_Host1", "whatif", "rain", check=False).returncode == 2
    assert (state(pair, "DB_Host1"), state(pair, "DB_Host2")) == ("MASTER", "BACKUP")


def test_a_switchover_is_tried_without_doing_it(pair):
    answer = ctl(pair, "DB_Host1", "switchover", "--dry-run").stdout
    assert foretold(answer, "from MASTER to BACKUP (switchover)") < 1
    assert foretold(answer, "DB_Host2 has taken over") < 2
    refused = ctl(pair, "DB_Host2", "switchover", "--dry-run", check=False)
    assert refused.returncode == 1 and "MasterDB: this node is not MASTER" in refused.stderr
    pair.host("DB_Host2").mysql_stop()
    pair.wait_for(lambda: not instance(pair, "DB_Host2")["eligible"], 10, "DB_Host2 to be unfit")
    pair.wait_for(lambda: "the target is not eligible" in ctl(pair, "DB_Host1", "switchover", "--dry-run", check=False).stderr,
                  10, "the refusal to name the target")
    assert state(pair, "DB_Host1") == "MASTER"


def events(lab, host):
    return json.loads(ctl(lab, host, "events", "--json").stdout)


def changes(lab, host):
    return [event for event in events(lab, host)["events"] if event["kind"] == "change"]


def test_a_fail_over_is_told_with_its_stages_and_drawn(pair):
    pair.host("DB_Host1").mysql_kill()
    pair.wait_owner("DB_Host2", 10)
    pair.wait_for(lambda: changes(pair, "DB_Host2") and changes(pair, "DB_Host1"), 10, "both to have told it")
    left, taken = changes(pair, "DB_Host1")[-1], changes(pair, "DB_Host2")[-1]
    assert (left["takeover"], left["reason"], left["to"]) == (False, "check_failed", "FAULT")
    assert {"detect", "release"} <= set(left["took_ms"])
    assert (taken["takeover"], taken["reason"], taken["to"]) == (True, "owner_disclaimed", "MASTER")
    assert {"claim", "route", "record", "total"} <= set(taken["took_ms"])
    assert taken["sign"] <= taken["decided"] <= taken["when"]
    text = ctl(pair, "DB_Host2", "events").stdout
    assert "MasterDB: taken over within" in text and "BACKUP -> CLAIMING (owner_disclaimed)" in text and "address added" in text

    with open(pair.host("DB_Host2").path("/tmp/other.json"), "w", encoding="utf-8") as file:
        file.write(ctl(pair, "DB_Host1", "events", "--json").stdout)
    both = ctl(pair, "DB_Host2", "events", "--svg", "1", "--with", "/tmp/other.json").stdout
    ElementTree.fromstring(both)
    for words in (">DB_Host1<", ">DB_Host2<", ">MASTER<", ">route  ", ">detect  ", "From the address gone to the last route written", "check "):
        assert words in both, words
    alone = ctl(pair, "DB_Host2", "events", "--svg", "1").stdout
    ElementTree.fromstring(alone)
    assert "its events were not given" in alone
    if os.environ.get("ZONEVIP_SVG"):
        with open(os.environ["ZONEVIP_SVG"], "w", encoding="utf-8") as file:
            file.write(both)
    assert "have not been 999 changes" in ctl(pair, "DB_Host2", "events", "--svg", "999", check=False).stderr
    with open(pair.host("DB_Host2").path("/tmp/other.json"), "w", encoding="utf-8") as file:
        file.write('{"node": "<&\\u0007\\"", "events": [7, {"kind": "change", "when": 1e308, "sign": -1e308, "took_ms": {"route": "x"}}]}')
    ElementTree.fromstring(ctl(pair, "DB_Host2", "events", "--svg", "1", "--with", "/tmp/other.json").stdout)


def test_a_drill_goes_there_and_back_and_writes_what_a_client_felt(pair):
    host = pair.host("DB_Host1")
    refused = ctl(pair, "DB_Host1", "drill", "--one-way", check=False)
    assert refused.returncode == 1 and "say --yes" in refused.stderr
    elsewhere = ctl(pair, "DB_Host2", "drill", "--one-way", "--yes", check=False)
    assert elsewhere.returncode == 1 and "a drill begins on the owner" in elsewhere.stderr
    words = ["zonevipctl", "drill", "--yes", "--back", "touch /tmp/come-back", "--report", "/tmp/drill.md"]
    with host.popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as drill:
        pair.wait_for(lambda: os.path.exists(host.path("/tmp/come-back")) or drill.poll() is not None, 60, "the drill to ask for the way back")
        if drill.poll() is None:
            assert pair.owner() == "DB_Host2"
            ctl(pair, "DB_Host2", "switchover", "--to", "DB_Host1")
        said = drill.communicate(timeout=90)
    report = open(host.path("/tmp/drill.md"), encoding="utf-8").read()
    assert drill.returncode == 0, (said, report)
    assert pair.owner() == "DB_Host1"
    gaps = [float(gap) for gap in re.findall(r"to the next \| ([0-9.]+) ms", report)]
    assert len(gaps) == 2 and all(0 < gap < 10_000 for gap in gaps), report
    for part in ("## DB_Host1 to DB_Host2", "## DB_Host2 to DB_Host1", "| leaving here: release |", "| taking over here: route |", "Done."):
        assert part in report
    pair.host("DB_Host2").mysql_stop()
    pair.wait_for(lambda: "the target is not eligible" in ctl(pair, "DB_Host1", "drill", "--one-way", "--yes", check=False).stderr,
                  15, "the drill to be refused without a spare")
    assert pair.owner() == "DB_Host1"
    host.exec(["rm", "/tmp/come-back", "/tmp/drill.md"])
