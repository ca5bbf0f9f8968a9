# SPDX-License-Identifier: MIT
"""What the demo prints. Everything shown here was asked for at the moment it is shown."""

import sys
import textwrap
from typing import List

from vpc import DB_HOSTS, WEB_HOSTS

from .stage import Page, Stage

WIDTH = 110
TEAMS_SHOWN = 4


def _styled(text: str, code: str) -> str:
    return f"\033[{code}m{text}\033[0m" if sys.stdout.isatty() else text


def line(text: str = "") -> None:
    print(text, flush=True)


def scene(title: str, explanation: str = "") -> None:
    line()
    line(_styled(title, "1"))
    if explanation:
        line(textwrap.fill(explanation, WIDTH, initial_indent="  ", subsequent_indent="  "))


def did(text: str) -> None:
    line(f"  $ {text}")


def block(label: str, lines: List[str]) -> None:
    for number, text in enumerate(lines):
        line(f"  {label if number == 0 else '':<11} {text}")


def page(web: str, shown: Page) -> None:
    teams = [row.replace("\t", " = ") for row in shown.text if "\t" in row][1:]
    if shown.status == 200:
        rest = f", ... {len(teams) - TEAMS_SHOWN} more" if len(teams) > TEAMS_SHOWN else ""
        text = [f"{shown.text[0]}: {shown.text[2]}", ", ".join(teams[:TEAMS_SHOWN]) + rest]
    else:
        text = [": ".join(shown.text)]
    block(web, text)


def facts(stage: Stage) -> None:
    """Page, routes, parameter and status, as they are now."""
    for web in WEB_HOSTS:
        page(web, stage.page(web))
    block("routes", stage.route_lines())
    block("parameter", [stage.parameter_line()])
    for host in DB_HOSTS:
        block(host, stage.ctl(host, "status", check=False).rstrip().splitlines() or ["(says nothing)"])


def verdict(ok: bool, text: str, broken: List[str]) -> None:
    line(f"  {_styled('held', '32') if ok else _styled('DID NOT HOLD', '31;1')}: {text}")
    for why in broken:
        line(f"    {why}")


def logs(stage: Stage) -> None:
    """The last words of both agents, for whoever looks for the reason."""
    for host in DB_HOSTS:
        scene(f"last log lines of zonevipd on {host}")
        try:
            for text in stage.log_tail(host):
                line(f"  {text}")
        except Exception as error:  # the lab itself may be what failed
            line(f"  (cannot be read: {error})")
