# SPDX-License-Identifier: MIT
"""The scenario, step by step: what is done to the VPC, and what has to be true afterwards.

Play.scenario() is the story, (a) to (h), once, with everything shown. Play.rounds() repeats the
faults whose bar is a median until each was measured often enough. Every fault goes through one of
two doors: strike() for those after which the other host must own the VIP, still() for those after
which nothing may have moved. Both look at the VPC from outside: the cloud's routes and parameter,
the addresses in the hosts, the requests of the client loop; an agent's own words (its state) are
asked only on top.
"""

import time
from typing import Callable, Dict, List, Optional, Sequence

from vpc import DB_HOSTS, WEB_HOSTS, Lab, LabError, now_ns
from vpc.layout import INSTANCE

from . import gaps, show
from .panels import panel
from .report import Bar, Run, Step
from .stage import TEAMS, Stage
from .states import transitions
from .timeline import Panel

FAST_MS = 60  # the bar of everything that is announced: a stop, a crash of mysqld, a hand-over
SILENT_S = {"safe": 5.0, "fast": 2.3, "wan": 7.5}  # D + G of the profile
SILENT_EXTRA_S = 0.5
OWNER_TIMEOUT_S = 15.0
READY_TIMEOUT_S = 30.0
QUIET_S = 0.4  # after a fault the judge keeps still: its own questions cost CPU that the hosts need
SETTLE_S = 1.0  # watched after the VIP has moved
STILL_S = 2.0  # watched when nothing may move
HANG_S = 5.0  # each of the calls that hang, and the time after
BEATS_LATE_MS = 50.0  # heartbeats are never further behind their schedule


def other(host: str) -> str:
    return DB_HOSTS[1] if host == DB_HOSTS[0] else DB_HOSTS[0]


class Play:
    def __init__(self, stage: Stage, runs: int, silent_runs: int, profile: str = "safe"):
        self.stage = stage
        self.lab: Lab = stage.lab
        self.panels: Dict[str, Panel] = {}
        silent_ms = (SILENT_S[profile] + SILENT_EXTRA_S) * 1000
        fast, silent, none = Bar(median_ms=FAST_MS), Bar(max_ms=silent_ms), Bar(max_ms=0)
        self.steps: Dict[str, Step] = {step.id: step for step in (
            Step("a", "both agents start, DB_Host1 takes the VIP", None),
            Step("b", "mysqld on the owner is stopped", fast, runs),
            Step("b9", "mysqld on the owner is killed (kill -9)", fast, runs),
            Step("c", "mysqld is started again: nothing moves", none),
            Step("d", "the owner's host dies silently", silent, silent_runs),
            Step("e", "the dead host comes back: nothing moves", none),
            Step("f", "planned switchover", fast, runs),
            Step("g", "SIGTERM of the owner's agent", fast, runs),
            Step("h", "kill -9 of the owner's agent, restarted", none, runs),
            Step("i", "AWS, DNS and mysqld hang: nothing moves", none),
        )}

    # --- the two doors ---------------------------------------------------------------------------

    def strike(self, step: str, act: Callable[[], object], mark: str, alias: bool = True) -> Run:
        """Does @act to the owner; the other host must take over. @alias: and be the only one that
        carries the address (a host that is cut off keeps it; the route is the fence)."""
        before = self.owner()
        after = other(before)
        self.stage.check()
        since = now_ns()
        act()
        time.sleep(QUIET_S)
        run = Run(before, after, 0)
        self.must(run, lambda: self.lab.wait_owner(after, OWNER_TIMEOUT_S))
        self.must(run, lambda: self.lab.wait_for(lambda: self.stage.state(after) == "MASTER", 5.0,
                                                 f"{after} to call itself MASTER"))
        time.sleep(SETTLE_S)
        run.owner_after = self.stage.owner() or "nobody"
        self.expect(run, run.owner_after == after, f"routes and parameter name {run.owner_after}, not {after}")
        if alias:
            holders = self.lab.holders()
            self.expect(run, holders == [after], f"the address is on {' and '.join(holders) or 'no host'}")
        self.measure(run, since, step, mark)
        answered = {r.text for r in gaps.within(self.stage.trace(), now_ns() - 300_000_000, now_ns()) if r.good}
        self.expect(run, answered == {after}, f"clients are answered by {', '.join(sorted(answered)) or 'nobody'}")
        return run

    def still(self, step: str, act: Callable[[], object], mark: str, until: Callable[[], bool], what: str,
              quiet: Sequence[str]) -> Run:
        """Does @act and waits for @until; nobody may notice: no failed request, no write, no change
        of state on the hosts in @quiet."""
        before = self.owner()
        self.stage.check()  # what the logs have said until now is not of this run
        since = now_ns()
        act()
        time.sleep(QUIET_S)
        run = Run(before, before, 0)
        self.must(run, lambda: self.lab.wait_for(until, READY_TIMEOUT_S, what))
        time.sleep(STILL_S)
        run.owner_after = self.stage.owner() or "nobody"
        self.expect(run, run.owner_after == before, f"routes and parameter name {run.owner_after}, not {before}")
        holders = self.lab.holders()
        self.expect(run, holders == [before], f"the address is on {' and '.join(holders) or 'no host'}")
        puts = self.stage.puts(since)
        self.expect(run, not puts, f"the parameter was written {len(puts)} times")
        self.measure(run, since, step, mark)
        self.expect(run, run.route_writes == 0, f"routes were written {run.route_writes} times")
        self.expect(run, run.failed == 0, f"{run.failed} requests failed")
        for host in quiet:
            changes = self.stage.watch.followers[host].since(since)
            self.expect(run, not changes, f"{host} changed its state: {transitions(changes)}")
        return run

    def measure(self, run: Run, since: int, step: str, mark: str) -> None:
        until = now_ns()
        self.stage.check()
        trace = self.stage.trace()
        found = gaps.outages_within(trace, since, until)
        run.late = sum(count for at, count in trace.late if since <= at <= until)
        run.route_writes = len(self.stage.writes(since))
        run.failed = sum(outage.failed for outage in found)
        sent = len(gaps.within(trace, since, until))
        self.expect(run, sent + run.late >= (until - since) / gaps.PERIOD_NS / 2,
                    f"the client loop sent {sent} requests in {(until - since) / 1e9:.1f} s: nothing was measured")
        self.expect(run, len(found) <= 1, f"{len(found)} separate outages instead of one")
        lengths = [outage.gap_ms for outage in found]
        if not found and run.owner_before != run.owner_after:
            lengths = [gaps.handover_ms(trace.requests, since, run.owner_after)]
        run.gap_ms = None if None in lengths else round(max(lengths, default=0.0), 1)
        if self.steps[step].book(run) and len(self.steps[step].runs) == 1:
            self.panels[step] = panel(self.stage, self.steps[step], since, until, mark, found)

    @staticmethod
    def expect(run: Run, held: bool, sentence: str) -> None:
        if not held:
            run.broken.append(sentence)

    @staticmethod
    def must(run: Run, wait: Callable[[], object]) -> None:
        try:
            wait()
        except LabError as error:
            run.broken.append(str(error))

    # --- helpers of the story --------------------------------------------------------------------

    def owner(self) -> str:
        return self.lab.wait_for(self.stage.owner, OWNER_TIMEOUT_S, "routes and parameter to agree")

    def ready(self) -> None:
        """Steady state: one MASTER, one BACKUP, and the clients are content."""
        owner = self.owner()
        wanted = {owner: "MASTER", other(owner): "BACKUP"}
        self.lab.wait_for(lambda: self.stage.states() == wanted, READY_TIMEOUT_S,
                          f"{owner} to be MASTER and {other(owner)} BACKUP")
        self.lab.wait_for(self.content, READY_TIMEOUT_S, "clients to be answered without failures")

    def content(self) -> bool:
        now = now_ns()
        recent = [r for r in self.stage.trace().requests if now - 600_000_000 <= r.sent_ns]
        return len(recent) > 20 and all(r.good for r in recent)

    def ack(self) -> None:
        """What an operator does after having looked into a failure: it ends the hold."""
        for host in DB_HOSTS:
            self.stage.ctl(host, "ack", INSTANCE)
        time.sleep(0.3)  # an operator types slower than the peers hear of it

    def told(self, step: str, run: Run) -> None:
        gap = "no service again" if run.gap_ms is None else f"gap {run.gap_ms:.0f} ms"
        text = f"{run.owner_before} -> {run.owner_after}, {gap}, {run.failed} failed requests, " \
               f"{run.route_writes} route writes"
        if not run.counts:
            show.line(f"  not counted: this machine stood still for {run.late * 10} ms meanwhile ({text})")
        else:
            show.verdict(not run.broken and run.gap_ms is not None, f"({step}) {text}", run.broken)

    def scene(self, step: str, title: str, explanation: str, play: Callable[[], Run]) -> Run:
        show.scene(f"({step}) {title}", explanation)
        run = play()
        show.facts(self.stage)
        self.told(step, run)
        return run

    # --- the faults --------------------------------------------------------------------------------

    def start(self) -> Run:
        """(a), from nothing: no route, no parameter, no alias."""
        run = Run("nobody", "nobody", 0)
        since = now_ns()
        first, second = DB_HOSTS
        self.lab.host(first).agent_start()
        # Priority orders those who are ready to claim; on a busy machine the first may not be yet.
        self.lab.wait_for(lambda: self.stage.state(first) not in ("", "INIT"), OWNER_TIMEOUT_S, f"{first} to be ready")
        self.lab.host(second).agent_start()
        self.must(run, lambda: self.lab.wait_owner(DB_HOSTS[0], OWNER_TIMEOUT_S))
        self.must(run, lambda: self.lab.wait_for(
            lambda: self.stage.states() == {DB_HOSTS[0]: "MASTER", DB_HOSTS[1]: "BACKUP"},
            OWNER_TIMEOUT_S, "DB_Host1 to be MASTER and DB_Host2 BACKUP"))
        run.owner_after = self.stage.owner() or "nobody"
        run.route_writes = len(self.stage.writes(since))
        for web in WEB_HOSTS:
            page = self.stage.page(web)
            self.expect(run, (page.status, page.server, page.teams) == (200, DB_HOSTS[0], TEAMS),
                        f"the page on {web}: HTTP {page.status}, {page.teams} teams from {page.server or 'nobody'}")
        self.steps["a"].book(run)
        return run

    def mysqld_stopped(self) -> Run:
        owner = self.owner()
        show.did(f"systemctl stop mariadb        # on {owner}")
        return self.strike("b", self.lab.host(owner).mysql_stop, f"mysqld on {owner} is stopped")

    def mysqld_killed(self) -> Run:
        owner = self.owner()
        show.did(f"kill -9 $(pidof mariadbd)     # on {owner}")
        return self.strike("b9", self.lab.host(owner).mysql_kill, f"mysqld on {owner} is killed")

    def mysqld_started(self) -> Run:
        owner = self.owner()
        back = other(owner)
        show.did(f"systemctl start mariadb       # on {back}")
        return self.still("c", self.lab.host(back).mysql_start, f"mysqld on {back} is started",
                          lambda: self.stage.state(back) == "BACKUP", f"{back} to be BACKUP", [owner])

    def host_dies(self) -> Run:
        owner = self.owner()
        show.did(f"cut off {owner}: from here on no packet reaches or leaves it")
        return self.strike("d", lambda: self.lab.cut(owner), f"{owner} is cut off", alias=False)

    def host_returns(self) -> Run:
        owner = self.owner()
        back = other(owner)
        show.did(f"connect {back} again")
        return self.still("e", self.lab.heal, f"{back} is connected again",
                          lambda: self.stage.state(back) == "BACKUP" and self.lab.holders() == [owner],
                          f"{back} to be BACKUP without the address", [owner])

    def switchover(self) -> Run:
        owner = self.owner()
        show.did(f"zonevipctl switchover {INSTANCE} --to {other(owner)}    # on {owner}")
        return self.strike("f", lambda: self.stage.ctl(owner, "switchover", INSTANCE, "--to", other(owner)),
                           "switchover")

    def agent_terminated(self) -> Run:
        owner = self.owner()
        show.did(f"systemctl stop zonevip         # on {owner}: SIGTERM")
        run = self.strike("g", self.lab.host(owner).agent_stop, f"SIGTERM of zonevipd on {owner}")
        self.lab.host(owner).agent_start()
        return run

    def agent_killed(self) -> Run:
        owner = self.owner()
        host = self.lab.host(owner)
        restarts = host.agent_status()["restarts"]
        show.did(f"kill -9 $(pidof zonevipd)       # on {owner}; the service manager starts it again")
        run = self.still(
            "h", host.agent_kill, f"kill -9 of zonevipd on {owner}",
            lambda: host.agent_status()["restarts"] > restarts and self.stage.state(owner) == "MASTER",
            f"the restarted agent on {owner} to be MASTER", [other(owner)])
        self.expect(run, host.agent_status()["restarts"] > restarts, "the agent was not restarted")
        return run

    def calls_hang(self) -> Run:
        """Everything that the agents ask says nothing: a worker may wait, the heartbeats may not."""
        owner = self.owner()
        back = other(owner)
        self.stage.open_beats(8 * HANG_S)
        since = now_ns()
        run = self.still("i", lambda: self.hang(back), "AWS, DNS and mysqld hang, one after the other",
                         lambda: self.stage.state(back) == "BACKUP", f"{back} to be BACKUP", [owner])
        late = self.stage.beats_late_ms(since, now_ns())
        for host, ms in late.items():
            self.expect(run, ms is not None and ms <= BEATS_LATE_MS,
                        f"heartbeats of {host} were {'not sent' if ms is None else f'{ms:.1f} ms late'}")
        run.heartbeat_late_ms = None if None in late.values() else round(max(late.values()), 1)
        if run.heartbeat_late_ms is not None:
            show.line(f"  heartbeats on the wire: at most {run.heartbeat_late_ms:.1f} ms behind their schedule")
        return run

    def hang(self, back: str) -> None:
        show.did("EC2 and SSM take every call and never answer")
        self.lab.fault("*", hang=True)
        time.sleep(HANG_S)
        self.lab.heal()
        show.did("every connection to AWS is reset, and the resolver never answers")
        for host in DB_HOSTS:
            self.lab.host(host).dns("hang")
        self.lab.fault("*", reset=True)
        time.sleep(HANG_S)
        self.lab.heal()
        show.did(f"kill -STOP $(pidof mariadbd)    # on {back}")
        self.lab.host(back).signal("mysqld", "STOP")
        time.sleep(HANG_S)
        self.lab.heal()

    # --- the two acts ------------------------------------------------------------------------------

    def scenario(self) -> None:
        self.scene("a", "both agents start",
                   "One identical zonevip.conf on both hosts. Nobody owns the VIP: there is no route to "
                   "10.1.5.5 and no parameter MasterDB_VIP.", self.start)
        self.stage.open_clients()
        show.line("  From here on a client on web_host1 logs in to 10.1.5.5 and asks for a team every 10 ms, "
                  "whatever is outstanding.")
        self.ready()
        self.scene("b", "mysqld on DB_Host1 is stopped", "The page goes on, the route points at DB_Host2, "
                   "the parameter says DB_Host2.", self.mysqld_stopped)
        self.scene("c", "mysqld on DB_Host1 is started again", "Nothing moves: no fail-back by itself.",
                   self.mysqld_started)
        self.scene("d", "DB_Host2 dies silently", "Its namespace is cut off: no goodbye, no reset, no ICMP. "
                   "Silence is not death, so DB_Host1 asks the parameter store first.", self.host_dies)
        self.scene("e", "DB_Host2 is back", "It finds that it was overruled and becomes BACKUP.",
                   self.host_returns)
        show.scene("an operator has looked and says so",
                   "After a failure a node does not get the VIP by request until T_hold is over or somebody "
                   "acknowledges it.")
        show.did(f"zonevipctl ack {INSTANCE}    # on both hosts")
        self.ack()
        self.ready()
        self.scene("f", "planned switchover", "The owner hands over: it lets go first, and the other takes it.",
                   self.switchover)
        self.ready()
        self.scene("g", "SIGTERM of the MASTER's agent", "A planned stop is a hand-over. Then the agent is "
                   "started again.", self.agent_terminated)
        self.ready()
        self.scene("h", "kill -9 of the MASTER's agent", "A crash of the agent is no reason to move: the route "
                   "stays, the alias stays, the restarted agent adopts both.", self.agent_killed)
        self.ready()
        self.scene("i", "calls that hang", "Not in the story, but under every step of it: whatever AWS, the resolver "
                   "or a database does not answer, heartbeats leave on time and nothing moves.", self.calls_hang)

    def rounds(self) -> None:
        """Again, until every figure that is a median has its runs."""
        show.scene("Measuring rounds", "The same faults again, from both hosts, acknowledged after each.")
        steps = self.steps.values()
        while any(step.wants for step in steps):
            self.once(("b", "c"), self.mysqld_stopped, self.mysqld_started)
            self.once(("b9",), self.mysqld_killed, self.mysqld_started)
            self.once(("f",), self.switchover)
            self.once(("g",), self.agent_terminated)
            self.once(("h",), self.agent_killed)
            self.once(("d", "e"), self.host_dies, self.host_returns)
            self.once(("i",), self.calls_hang)

    def once(self, steps: Sequence[str], fault: Callable[[], Run],
             repair: Optional[Callable[[], Run]] = None) -> None:
        if not any(self.steps[step].wants for step in steps):
            return
        self.ack()
        self.ready()
        self.told(steps[0], fault())
        if repair:
            self.told("e" if steps[0] == "d" else "c", repair())
