# SPDX-License-Identifier: MIT
"""What an operator asks, and rehearses, before it matters."""

import re

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
