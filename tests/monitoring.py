#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Alert rules and dashboard name only metrics and labels that agent/metrics.c prints, and promtool, where there
is one, takes the rules. What is printed is learned from the sources: no daemon is needed."""
import json
import os
import re
import shutil
import subprocess
import sys

TOP = os.environ.get("top_srcdir") or os.path.join(os.path.dirname(__file__), "..")


def read(*path):
    with open(os.path.join(TOP, *path), encoding="utf-8") as file:
        return file.read()


def main():
    source = read("agent", "metrics.c")
    known = {"zonevip_" + name for name in re.findall(r'\{"([a-z_]+)",\s*"(?:gauge|counter)"', source)}
    known |= {"zonevip_" + name for name in re.findall(r'\bhead\(out, "([a-z_]+)"', source)}
    known |= {"zonevip_" + name for name in re.findall(r'\{"([a-z_]+_total)", "', source)}
    known |= {"zonevip_" + name for name in re.findall(r'print_words\(\s*\w+,\s*"([a-z_]+)"', source)}
    known |= {"zonevip_stage_duration_seconds_" + end for end in ("bucket", "sum", "count")} | {"zonevip_up"}
    dashboard = json.loads(read("conf", "monitoring", "grafana.json"))
    rules = read("conf", "monitoring", "alerts.yml")
    expressions = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    expressions += re.findall(r"^ +expr: (.+)$", rules, re.M)
    unknown = {name for text in expressions for name in re.findall(r"\bzonevip_\w+", text)} - known
    ids = [panel["id"] for panel in dashboard["panels"]]
    failed = 0
    if unknown:
        print("no such metric:", ", ".join(sorted(unknown)))
        failed = 1
    if len(expressions) < 25 or len(set(ids)) != len(ids):
        print("expressions were not found, or two panels have one id")
        failed = 1
    if shutil.which("promtool"):
        failed |= subprocess.run(["promtool", "check", "rules", os.path.join(TOP, "conf", "monitoring", "alerts.yml")],
                                 check=False, timeout=60).returncode
    print(f"{len(expressions)} expressions, {len(known)} metrics")
    return failed


sys.exit(main())
