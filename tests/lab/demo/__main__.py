# SPDX-License-Identifier: MIT
"""python3 -m demo: brings the lab up, plays the scenario, leaves report and picture. See --help.

Whatever ends this program, its lab ends too: by down() in the ordinary way, and because the lab is
tied to this process in every other. Only --keep unties it, and then only at the end.
"""

import argparse
import datetime
import os
import signal
import subprocess
import sys
import threading
from typing import List, Optional

from vpc import Lab, LabError

from . import report, show, timeline
from .play import BEATS_LATE_MS, Play
from .stage import Stage

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
LIMIT_S = 1500
GRACE_S = 30  # after the limit, for an orderly end


class Ended(Exception):
    """A signal or the time limit ended the demo."""


def arguments(argv: Optional[List[str]] = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/demo", description=(
        "Plays the scenario of README.md in a VPC made of network namespaces, with real parts, and measures "
        "how long clients are without service. Exit status 0 only if every step held."))
    parser.add_argument("--runs", type=int, default=5, metavar="N",
                        help="how often each fault is measured (default %(default)s)")
    parser.add_argument("--silent-runs", type=int, default=2, metavar="N",
                        help="the same for the silent death of a host (default %(default)s)")
    parser.add_argument("--fast", action="store_true", help="every fault once")
    parser.add_argument("--keep", action="store_true", help="leave the lab up and say how to play with it")
    parser.add_argument("--build", default=os.path.join(TOP, "build"), metavar="DIR", help=argparse.SUPPRESS)
    parser.add_argument("--out", default=".", metavar="DIR", help="where report and picture go (default: here)")
    words = parser.parse_args(argv)
    if words.fast:
        words.runs = words.silent_runs = 1
    if words.runs < 1 or words.silent_runs < 1:
        parser.error("--runs and --silent-runs are 1 or more")
    words.out = os.path.abspath(words.out)
    return words


def limits() -> None:
    """Signals and the time limit end the demo as an exception in the main thread would."""
    def end(number: int, _frame: object) -> None:
        signal.signal(signal.SIGALRM, signal.SIG_IGN)  # one end is enough
        what = f"not done after {LIMIT_S} s" if number == signal.SIGALRM else signal.Signals(number).name
        raise Ended(what)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGALRM):
        signal.signal(number, end)
    signal.alarm(LIMIT_S)
    last = threading.Timer(LIMIT_S + GRACE_S, lambda: os._exit(3))  # the lab is tied to us
    last.daemon = True
    last.start()


def commit() -> str:
    """Of the tree, with "-dirty" if it was changed; "unknown" without git or outside a repository."""
    words = ["git", "-C", TOP, "describe", "--always", "--abbrev=40", "--exclude=*", "--dirty"]
    try:
        return subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def facts() -> dict:
    now = datetime.datetime.now(datetime.timezone.utc)
    return {"commit": commit(), "when": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "host": {"kernel": os.uname().release, "cores": len(os.sched_getaffinity(0))},
            "profile": "safe", "api_latency_ms": 0}


def leave(play: Play, about: dict, out: str) -> None:
    """Report and picture, of as much as was played."""
    steps = list(play.steps.values())
    report.write(os.path.join(out, "demo-report.json"), report.document(steps, about))
    host = about["host"]
    subtitle = (f"commit {about['commit'][:12]}, {about['when']}, kernel {host['kernel']}, {host['cores']} cores; "
                "the first run of each step, time counted from the fault")
    with open(os.path.join(out, "demo-timeline.svg"), "w", encoding="utf-8") as file:
        file.write(timeline.draw("zonevip: the scenario of the demo", subtitle,
                                 [play.panels[step.id] for step in steps if step.id in play.panels]))


def summary(play: Play, out: str) -> bool:
    steps = list(play.steps.values())
    show.scene("Result")
    show.line(report.table(steps).rstrip())
    show.line()
    for step in steps:
        for why in step.broken:
            show.line(f"({step.id}) did not hold: {why}")
    for run in play.steps["i"].runs:
        show.line(f"Heartbeats in step (i): at most {run.heartbeat_late_ms} ms behind their schedule (bar: "
                  f"{BEATS_LATE_MS:g}).")
    show.line("A gap is the time from the last good request before a fault to the first good one after it; a request\n"
              "goes out every 10 ms, so a move cannot show less than about 10.\n"
              f"{out}/demo-report.json and {out}/demo-timeline.svg written.")
    return all(step.ok for step in steps)


def kept(lab: Lab) -> None:
    show.scene("The lab stays up")
    here = os.path.relpath(TOP)
    run = f"{TOP if here.startswith('..') else here}/scripts/lab --dir {lab.dir}"
    web = os.path.join(TOP, "tests", "lab", "web", "get.php")
    show.line(f"""
  {run} status
  {run} exec DB_Host1 -- zonevipctl status
  {run} exec web_host1 -- php {web} http://10.0.1.10/
  {run} mysql-kill DB_Host1         # and mysql-start
  {run} fault cut DB_Host2          # and heal
  {run} --help                      # every fault it can make
  {run} down                        # when you have seen enough""")


def play_all(words: argparse.Namespace, stage: Stage, about: dict) -> bool:
    play = Play(stage, words.runs, words.silent_runs)
    try:
        play.scenario()
        play.rounds()
    except LabError as error:
        show.scene("The demo ends early", str(error))
    finally:
        leave(play, about, words.out)
    ok = summary(play, words.out)
    if not ok:
        show.logs(stage)
    return ok


def main() -> int:
    words = arguments()
    about = facts()
    limits()
    lab = Lab(bindir=words.build, tie=not words.keep)
    ok = keep = False
    stage = None
    try:
        show.scene("The lab", "Two zones, four subnets, a router with one kernel routing table for each VPC route "
                   "table, two web hosts, two database hosts with a mariadbd each, and an AWS endpoint that checks "
                   "every signature. All of it in namespaces of its own; nothing leaves them.")
        lab.up()
        work = os.path.join(lab.dir, "demo")  # ends with the lab
        os.mkdir(work, 0o700)
        stage = Stage(lab, work, os.path.join(words.build, "vipload"), LIMIT_S)
        stage.open_web()
        keep = words.keep
        ok = play_all(words, stage, about)
    except LabError as error:
        show.scene("The demo could not be played", str(error))
    except Ended as error:
        keep = False
        show.scene("The demo was ended", str(error))
    finally:
        signal.alarm(0)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)  # cleaning up is not interrupted
        if stage:
            stage.close()
        if keep:
            kept(lab)
        else:
            lab.down()
    return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main())
