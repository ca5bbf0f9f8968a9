# SPDX-License-Identifier: MIT
"""The floor: each part of a fail-over alone, by tests/lab/floor.c, in the same lab and the same run."""

import os
import subprocess
from typing import Dict, List

from vpc import TABLES, VIP, Lab, LabError
from vpc.layout import BY_NAME

PORT = 7113
SCRATCH = "10.1.9.9"
SIGNALS = {"eof_term": 15, "eof_kill9": 9}
COUNT = 10  # samples of the cheap parts in one round


class Floor:
    def __init__(self, lab: Lab, work: str, program: str) -> None:
        self.lab, self.program = lab, program
        self.keys = os.path.join(work, "operator.keys")
        with open(os.open(self.keys, os.O_WRONLY | os.O_CREAT, 0o600), "w", encoding="ascii") as file:
            file.write("\n".join(lab.operator) + "\n")

    def _run(self, host: str, *words: object, program: str = "") -> List[str]:
        done = self.lab.host(host).exec([program or self.program, *map(str, words)], timeout=60)
        return done.stdout.splitlines()

    def eof(self, part: str) -> List[float]:
        host = self.lab.host("DB_Host1")
        lines = self._run("DB_Host1", "eof", "/run/mysqld/mysqld.sock", host.pid("mysqld"), SIGNALS[part])
        self.lab.wait_for(lambda: not host.pid("mysqld"), 20, "mysqld to end")
        host.mysql_start()
        return _ms(lines)

    def udp(self) -> List[float]:
        to = BY_NAME["DB_Host2"].address
        sink = self.lab.host("DB_Host2").popen([self.program, "sink", to, str(PORT), str(COUNT)],
                                               stdout=subprocess.PIPE, text=True)
        self.lab.wait_for(lambda: self._bound("DB_Host2"), 10, "the sink")
        self._run("DB_Host1", "send", BY_NAME["DB_Host1"].address, to, PORT, COUNT, 20)
        said, _ = sink.communicate(timeout=40)
        return _ms(said.splitlines())

    def _bound(self, host: str) -> bool:
        return f":{PORT:04X} " in self.lab.host(host).exec(["cat", "/proc/net/udp"]).stdout

    def address(self) -> List[float]:
        return _ms(self._run("DB_Host2", "address", "eth0", SCRATCH, COUNT))

    def spawn(self) -> List[float]:
        return _ms(self._run("DB_Host2", "spawn", COUNT))

    def route(self) -> Dict[str, List[float]]:
        """From the sending until the endpoint has carried it out, and until the answer is back."""
        self.lab.set_route("DB_Host1")
        since = self.lab.now_ns()
        lines = self._run("DB_Host2", self.keys, TABLES[0], f"{VIP}/32", BY_NAME["DB_Host2"].eni, COUNT, 20,
                          program=self.program + "-route")
        sent = [tuple(map(int, line.split())) for line in lines]
        done = [line["t_executed_ns"] for line in self.lab.log(since=since, action="ReplaceRoute", host="DB_Host2")
                if line["executed"]][-len(sent):]
        self.lab.set_route(None)
        if len(done) != len(sent):
            raise LabError(f"floor: {len(sent)} calls, {len(done)} carried out")
        return {"route_accepted": [(at - began) / 1e6 for at, (began, _) in zip(done, sent)],
                "route_answered": [(ended - began) / 1e6 for began, ended in sent]}

    def round(self) -> Dict[str, List[float]]:
        """Samples in milliseconds by part; on a clean lab."""
        return {**{part: self.eof(part) for part in SIGNALS}, "udp": self.udp(), "address": self.address(),
                "spawn": self.spawn(), **self.route()}


def _ms(lines: List[str]) -> List[float]:
    return [int(line) / 1e6 for line in lines]
