# SPDX-License-Identifier: MIT
"""Random faults for hours, told by a seed; what memory, descriptors and answers do meanwhile.

    scripts/soak [--hours H] [--seed N] [--build DIR] [--out DIR]

Round after round: one or two faults for some seconds, then everything is healed and one owner must be
there again, with one address, before the agents are looked at: resident memory, open descriptors, and how
long the status socket takes to answer. Every round is a line of OUT/soak.jsonl; OUT/soak.svg draws them.
The agents are never killed, for a new process has a memory of its own; a watchdog that had to kill is a
failure. Drift is the slope of a straight line through the second half of the rounds.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import socket
import statistics
import sys
import time
from typing import Callable

from kit import plot
from vpc import DB_HOSTS, VIP, Lab, LabError, now_ns

OWNER_S = 120.0  # after a heal: outage timers, rests after a fight for routes, a busy machine
ASKS = 20
RSS_DRIFT_KB_H = 1024  # of a run of an hour or longer; see drift()
RSS_GROWTH_KB = 512
FD_GROWTH = 10  # connections to AWS come and go; a leak goes on


def faults(dice: random.Random, lab: Lab) -> tuple[str, Callable[[], None]]:
    """(what, do): the next one. Everything it does is undone by heal() and mend()."""
    name = dice.choice(DB_HOSTS)
    other = next(host for host in DB_HOSTS if host != name)
    host = lab.host(name)
    percent, seconds, seed = dice.choice((5, 10, 20, 30)), dice.uniform(0.1, 0.4), dice.randrange(1 << 30)
    choices: list[tuple[str, Callable[[], None]]] = [
        (f"loss {percent} %", lambda: lab.loss(percent)),
        (f"relay late by {seconds:.2f} s", lambda: lab.relay(seed, delay=seconds, jitter=seconds) and None),
        ("relay copies and mixes", lambda: lab.relay(seed, copies=2, window=4) and None),
        ("cut between them", lambda: lab.cut(name, other)),
        (f"{name} does not reach AWS", lambda: lab.cut(name, "aws")),
        (f"{name} is cut off", lambda: lab.cut(name)),
        (f"one way from {name}", lambda: lab.cut(name, other, oneway=True)),
        ("AWS answers 503", lambda: lab.fault(status=503, code="RequestLimitExceeded") and None),
        ("AWS is slow", lambda: lab.fault(latency=1.5) and None),
        ("AWS is silent", lambda: lab.fault("ec2", hang=True) and None),
        ("SSM resets", lambda: lab.fault("ssm", reset=True) and None),
        (f"mysqld stopped on {name}", host.mysql_stop),
        (f"mysqld killed on {name}", host.mysql_kill),
        (f"mysqld hangs on {name}", lambda: host.signal("mysqld", "STOP")),
        (f"{name} frozen", lambda: (host.freeze(), time.sleep(dice.uniform(0.2, 2.5)), host.thaw()) and None),
        (f"IMDS of {name} is down", lambda: host.imds("503")),
        (f"no names on {name}", lambda: host.dns("hang")),
        (f"credentials of {name} rotate", lambda: host.rotate_credentials(revoke=True)),
        ("the route is taken away", lambda: lab.set_route(None)),
        (f"the route goes to {name}", lambda: lab.set_route(name)),
        (f"address removed on {name}", lambda: host.exec(["ip", "addr", "del", f"{VIP}/32", "dev", "eth0"], check=False) and None),
        (f"notify runner killed on {name}", host.notify_kill),
        (f"reload on {name}", host.agent_reload),
        (f"switchover from {name}", lambda: host.exec(["zonevipctl", "switchover"], check=False) and None),
        (f"commands on {name}", lambda: [host.exec(["zonevipctl", word], check=False) for word in ("why", "metrics", "events")] and None),
    ]
    return dice.choice(choices)


def mend(lab: Lab) -> None:
    lab.heal()
    for name in DB_HOSTS:
        host = lab.host(name)
        host.imds("ok")
        host.mysql_start()
        host.notify_start()
        host.exec(["zonevipctl", "ack"], check=False)


def settled(lab: Lab) -> bool:
    owner = lab.owner()
    return owner is not None and lab.holders() == [owner]


def resident_kb(pid: int) -> int:
    with open(f"/proc/{pid}/status") as stream:
        return next(int(line.split()[1]) for line in stream if line.startswith("VmRSS:"))


def answer_ms(lab: Lab, name: str) -> float:
    """Of the middle one of some questions, from here: no process is started for it."""
    took = []
    for _ in range(ASKS):
        start = time.monotonic()
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
            sock.settimeout(30)
            sock.connect(lab.host(name).path("/run/zonevip/zonevipd.sock"))
            sock.sendall(b"json\n")
            while sock.recv(65536):
                pass
        took.append((time.monotonic() - start) * 1000)
    return statistics.median(took)


def look(lab: Lab) -> dict[str, dict]:
    found = {}
    for name in DB_HOSTS:
        pid = lab.host(name).outer_pid("zonevipd")
        found[name] = {"pid": pid, "rss_kb": resident_kb(pid), "fds": len(os.listdir(f"/proc/{pid}/fd")),
                       "answer_ms": round(answer_ms(lab, name), 3)}
    return found


def drift(rounds: list[dict], name: str, what: str) -> float:
    """Per hour, over the second half: the first fills what is allocated once."""
    half = rounds[len(rounds) // 2:]
    if len(half) < 3:
        return 0.0
    return statistics.linear_regression([line["t_s"] for line in half], [line[name][what] for line in half]).slope * 3600


def verdict(rounds: list[dict]) -> list[str]:
    """What must not be. A short run has no slope worth the name: there growth is bounded instead."""
    bad = [f"round {line['round']}: {line['problem']}" for line in rounds if line.get("problem")]
    good = [line for line in rounds if not line.get("problem")]
    for name in DB_HOSTS:
        if len({line[name]["pid"] for line in good}) > 1:
            bad.append(f"{name}: the agent was started anew")
        if len(good) < 4:
            continue
        half = good[len(good) // 2:]
        growth = max(line[name]["rss_kb"] for line in half[-3:]) - max(line[name]["rss_kb"] for line in half[:3])
        if growth > RSS_GROWTH_KB:
            bad.append(f"{name}: memory grew by {growth} kB in the second half")
        if half[-1]["t_s"] - half[0]["t_s"] >= 1800 and drift(good, name, "rss_kb") > RSS_DRIFT_KB_H:
            bad.append(f"{name}: memory grows by {drift(good, name, 'rss_kb'):.0f} kB an hour")
        grown = min(line[name]["fds"] for line in half[-3:]) - min(line[name]["fds"] for line in half[:3])
        if grown > FD_GROWTH:
            bad.append(f"{name}: {grown} descriptors more than before")
    return bad


def soak(lab: Lab, seed: int, seconds: float, record: Callable[[dict], None]) -> list[dict]:
    dice = random.Random(seed)
    begin = time.monotonic()
    rounds: list[dict] = []
    while time.monotonic() - begin < seconds:
        since = now_ns()
        done = []
        for _ in range(dice.choice((1, 1, 2))):
            what, act = faults(dice, lab)
            done.append(what)
            try:
                act()
            except LabError as error:  # two that exclude each other: the second has nothing to do
                done[-1] += f" (not possible: {error})"
            time.sleep(dice.uniform(0.5, 6))
        mend(lab)
        line = {"round": len(rounds) + 1, "faults": done}
        try:
            lab.wait_for(lambda: settled(lab), OWNER_S, "one owner with the one address")
            time.sleep(1)  # what the last event set in motion
            line |= look(lab)
        except LabError as error:
            line["problem"] = str(error)
        if any(event["what"] == "watchdog" for event in lab.history(since=since, event="process")):
            line["problem"] = "the watchdog had to kill an agent"
        line["t_s"] = round(time.monotonic() - begin, 1)
        rounds.append(line)
        record(line)
        if lab.problems():
            raise LabError(f"the lab itself broke: {lab.problems()}")
    return rounds


def panels(rounds: list[dict]) -> str:
    good = [line for line in rounds if not line.get("problem")]
    return plot.panels([(title, [(name, [(line["t_s"] / 60, line[name][what]) for line in good]) for name in DB_HOSTS])
                        for title, what in (("resident memory, kB", "rss_kb"), ("open descriptors", "fds"),
                                            ("answer of the status socket, ms", "answer_ms"))], "minutes")


def main() -> None:
    parser = argparse.ArgumentParser(prog="scripts/soak", description=__doc__.splitlines()[0])
    parser.add_argument("--hours", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--build", default="build", help="the build tree (now: %(default)s)")
    parser.add_argument("--out", default="build/soak", help="where soak.jsonl and soak.svg go (now: %(default)s)")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    os.makedirs(options.out, exist_ok=True)
    print(f"soak: seed {options.seed}, {options.hours:g} h", flush=True)
    with open(f"{options.out}/soak.jsonl", "w") as lines, Lab(bindir=options.build) as lab:
        lab.host(DB_HOSTS[0]).agent_start()
        lab.wait_owner(DB_HOSTS[0], 30)
        lab.host(DB_HOSTS[1]).agent_start()

        def record(line: dict) -> None:
            print(json.dumps(line), file=lines, flush=True)
            print(f"{line['t_s']:8.1f} s  {'; '.join(line['faults'])}  {line.get('problem', '')}", flush=True)

        rounds = soak(lab, options.seed, options.hours * 3600, record)
    with open(f"{options.out}/soak.svg", "w") as stream:
        stream.write(panels(rounds))
    bad = verdict(rounds)
    good = [line for line in rounds if not line.get("problem")]
    for name in DB_HOSTS if good else ():
        print(f"{name}: memory {good[0][name]['rss_kb']} to {good[-1][name]['rss_kb']} kB "
              f"({drift(good, name, 'rss_kb'):+.0f} kB/h in the second half), descriptors {good[0][name]['fds']} to "
              f"{good[-1][name]['fds']}, answer {good[0][name]['answer_ms']} to {good[-1][name]['answer_ms']} ms")
    print("\n".join(bad) if bad else f"{len(rounds)} rounds, nothing drifts; {options.out}/soak.svg")
    sys.exit(1 if bad or not good else 0)


if __name__ == "__main__":
    main()
