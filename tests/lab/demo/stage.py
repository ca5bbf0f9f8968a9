# SPDX-License-Identifier: MIT
"""What stands on the lab's stage besides the VPC: the web page on both web hosts, the client loop,
and the questions that a spectator asks (page, routes, parameter, status).

Knows how to ask; judges nothing (play.py does) and prints nothing (show.py does).
"""

import os
import subprocess
import time
from typing import Dict, List, NamedTuple, Optional

from vpc import DB_HOSTS, VIP, WEB_HOSTS, Lab, LabError, now_ns
from vpc.layout import (APP_PASSWORD, APP_USER, BY_NAME, DATABASE, INSTANCE, PARAMETER, ROUTE_TABLES)

from . import beats, gaps
from .states import Watch

WEB_DIR = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "web")
ZONEVIPCTL = "/usr/local/sbin/zonevipctl"
TEAMS = 30
QUERY = "SELECT name, short_name, @@hostname FROM teams ORDER BY name LIMIT 1"
ROUTE_CALLS = ("ReplaceRoute", "CreateRoute", "DeleteRoute")


class Page(NamedTuple):
    status: int
    server: str  # the database host that answered, or ""
    teams: int
    text: List[str]  # lines


class Stage:
    def __init__(self, lab: Lab, work: str, vipload: str, limit_s: float):
        self.lab = lab
        self.trace_path = os.path.join(work, "clients.tsv")
        self._work = work
        self._vipload = vipload
        self._limit_s = limit_s
        self._clients = None
        self._others: List[subprocess.Popen] = []
        self._beats: Dict[str, str] = {}  # host: file of the time stamps of its heartbeats
        self.watch = Watch({name: lab.host(name).agent_log for name in DB_HOSTS}, INSTANCE, now_ns)

    # --- setting up -------------------------------------------------------------------------

    def open_web(self) -> None:
        """PHP's own server on port 80 of both web hosts."""
        config = self._write("web.ini", f'host = "DB_Host"\nuser = "{APP_USER}"\n'
                                        f'password = "{APP_PASSWORD}"\ndatabase = "{DATABASE}"\n')
        for name in WEB_HOSTS:
            log = os.path.join(self._work, f"{name}.log")
            self.lab.host(name).exec(
                ["sh", "-c", 'exec setsid -f env TEAMS_CONFIG="$1" PHP_CLI_SERVER_WORKERS=4 '
                 'php -S 0.0.0.0:80 "$2" >"$3" 2>&1 </dev/null', "sh", config,
                 os.path.join(WEB_DIR, "index.php"), log])
            self.lab.wait_for(lambda name=name: self._answers(name), 10, f"the web server on {name}")

    def open_clients(self) -> None:
        """The open loop of vipload on web_host1, and the watch on the agents' logs."""
        password = self._write("app.password", APP_PASSWORD + "\n")
        log = open(os.path.join(self._work, "vipload.log"), "wb")
        with log:
            self._clients = self.lab.host(WEB_HOSTS[0]).popen(
                [self._vipload, "--host", VIP, "--user", APP_USER, "--password-file", password,
                 "--database", DATABASE, "--query", QUERY, "--seconds", str(self._limit_s),
                 "--out", self.trace_path], stdout=log, stderr=log)
        self.lab.wait_for(lambda: os.path.exists(self.trace_path) and self.trace().requests, 10,
                          "the client loop's first request")
        self.watch.start()

    def open_beats(self, seconds: float) -> None:
        """Stamps of every heartbeat that leaves a database host, for so long."""
        for host in DB_HOSTS:
            self._beats[host] = os.path.join(self._work, f"{host}.beats")
            self._others.append(self.lab.host(host).popen(
                ["/usr/bin/python3", "-B", beats.__file__, self._beats[host], str(seconds)]))
        self.lab.wait_for(lambda: all(os.path.exists(path) and beats.read(path) for path in self._beats.values()),
                          10, "the first heartbeats")

    def beats_late_ms(self, since: int, until: int) -> Dict[str, Optional[float]]:
        """By host, how far behind its schedule the latest heartbeat of the window was."""
        time.sleep(0.3)  # the stamps are exact, but they are written down a moment later
        wall = time.time_ns() - now_ns()  # the kernel stamps packets by the wall clock
        return {host: beats.lateness_ms(beats.read(path), since + wall, until + wall)
                for host, path in self._beats.items()}

    def close(self) -> None:
        self.watch.stop()
        for process in self._others + ([self._clients] if self._clients else []):
            process.terminate()
            try:
                process.wait(timeout=5)
            except subprocess.TimeoutExpired:  # it ends with the lab at the latest
                process.kill()

    def check(self) -> None:
        """Raises when one of those who watch has gone: nothing may be judged without them."""
        self.watch.check()
        if self._clients and self._clients.poll() is not None:
            with open(os.path.join(self._work, "vipload.log"), encoding="utf-8", errors="replace") as log:
                raise LabError(f"the client loop has ended by itself, status {self._clients.returncode}: {log.read()}")

    def _write(self, name: str, text: str) -> str:
        path = os.path.join(self._work, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    # --- asking -------------------------------------------------------------------------------

    def _get(self, web: str) -> Optional[str]:
        url = f"http://{BY_NAME[web].address}/"
        done = self.lab.host(web).exec(["php", os.path.join(WEB_DIR, "get.php"), url], timeout=10, check=False)
        return done.stdout if done.returncode == 0 else None

    def _answers(self, web: str) -> bool:
        return self._get(web) is not None

    def page(self, web: str) -> Page:
        """The page as web host @web serves it now."""
        text = self._get(web)
        if text is None:
            return Page(0, "", 0, ["the web server does not answer"])
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        server = next((line.split("answered by ")[1].split()[0] for line in lines
                       if "answered by " in line), "")
        rows = [line for line in lines if "\t" in line]
        return Page(int(lines[0].split()[1]), server, max(len(rows) - 1, 0), lines)

    def ctl(self, host: str, *words: str, check: bool = True) -> str:
        done = self.lab.host(host).exec([ZONEVIPCTL, *words], timeout=10, check=False)
        if check and done.returncode != 0:
            raise LabError(f"zonevipctl {' '.join(words)} on {host}: {(done.stderr or done.stdout).strip()}")
        return done.stdout + done.stderr

    def state(self, host: str) -> str:
        """The state its agent reports, or '' when it does not answer."""
        try:
            status = self.lab.status(host)
        except LabError:
            return ""
        return next((item["state_name"] for item in status["instances"] if item["iname"] == INSTANCE), "")

    def states(self) -> Dict[str, str]:
        return {host: self.state(host) for host in DB_HOSTS}

    def owner(self) -> str:
        """The host that every route and the parameter name, or '' when they do not agree."""
        named = set(self.lab.routes().values()) | {self.lab.parameter()[0]}
        return (named.pop() or "") if len(named) == 1 else ""

    def route_lines(self) -> List[str]:
        names = {table.id: table.name for table in ROUTE_TABLES}
        lines = []
        for table, host in self.lab.routes().items():
            target = f"{host} ({BY_NAME[host].eni}, {BY_NAME[host].instance_id})" if host else "nothing"
            lines.append(f"{table} {names.get(table, ''):<8} {VIP}/32 -> {target}")
        return lines

    def parameter_line(self) -> str:
        value, version = self.lab.parameter()
        return f"{PARAMETER} = {value} (version {version})"

    # --- what happened -------------------------------------------------------------------------

    def trace(self) -> gaps.Trace:
        return gaps.read(self.trace_path)

    def writes(self, since: int) -> List[dict]:
        """Route writes that were carried out."""
        return [call for call in self.lab.log(since=since)
                if call["action"] in ROUTE_CALLS and call["executed"]]

    def puts(self, since: int) -> List[dict]:
        """Writes of the owner's parameter (not of touches)."""
        return [call for call in self.lab.log(since=since, action="PutParameter")
                if call["executed"] and call["params"].get("Name") == PARAMETER]

    def log_tail(self, host: str, lines: int = 25) -> List[str]:
        return self.lab.host(host).agent_log().splitlines()[-lines:]
