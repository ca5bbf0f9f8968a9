# SPDX-License-Identifier: MIT
"""The measuring works: one round of the floor and one fail-over, from the programs to the report."""

import json
import os
import subprocess
import sys

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
BUILD = os.environ.get("ZONEVIP_BUILD", os.path.join(os.path.dirname(os.path.dirname(HERE)), "build"))


def test_one_round_of_floor_and_switchover_makes_a_report(tmp_path):
    if not os.path.exists(os.path.join(BUILD, "floor")):
        pytest.skip(f"no floor in {BUILD}: build first, or set ZONEVIP_BUILD")
    done = subprocess.run([sys.executable, "-B", "-m", "bench", "failover", "--runs", "1", "--subjects", "zonevip",
                           "--faults", "switchover", "--build", BUILD, "--out", str(tmp_path)],
                          env={**os.environ, "PYTHONPATH": HERE}, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    with open(tmp_path / "bench-report.json", encoding="utf-8") as file:
        report = json.load(file)
    seen = {(row["measure"], row["subject"]): row for row in report["rows"]}
    for part in ("eof_term", "eof_kill9", "udp", "address", "spawn", "route_accepted", "route_answered"):
        assert seen[f"floor.{part}", "floor"]["min"] > 0, part
    for stage in ("route_accepted", "alias", "notify", "client"):
        assert seen[f"switchover.{stage}", "zonevip"]["n"] == 1, stage
    assert any("switchover" in bound["bound"] for bound in report["bounds"])
    assert (tmp_path / "bench-failover.svg").read_text().startswith("<svg")
