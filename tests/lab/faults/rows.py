# SPDX-License-Identifier: MIT
"""The rows of the fault matrix: number, what happens, and where else it is tested.

The lab's tests of a row are found by their @row; a row that has none says here why, or who else tests it.
keepalived is run on the rows of which it can know anything (rival.py).
"""

from typing import NamedTuple


class Row(NamedTuple):
    number: int
    title: str
    elsewhere: str = ""  # the tests outside of the lab
    lacking: str = ""  # why the lab has no test of it


_SIM = "simulator"
_UNIT = "unit tests"
_FUZZ = "fuzz targets"

ROWS = [Row(*entry) for entry in (
    (1, "kill -9 of the master, restarted", _SIM),
    (2, "kill -9 of the master, not restarted", _SIM),
    (3, "SIGTERM, SIGINT", _SIM),
    (4, "SIGSTOP of the master, 0.5 s, 8 s, 60 s", _SIM),
    (5, "a stall between the decision and the send", _SIM),
    (6, "the main loop spins for ever"),
    (7, "every allocation fails once; 24 MB of memory", "scripts/torture"),
    (8, "no descriptors, no processes, 100 status clients"),
    (9, "notify scripts that hang, fork, print, fail"),
    (10, "a damaged state file", _FUZZ),
    (11, "mysqld stopped, killed", _SIM),
    (12, "mysqld hangs", _SIM),
    (13, "all of mysqld's connections taken"),
    (14, "read_only on the master"),
    (15, "password changed on both", _SIM),
    (16, "both databases dead", _SIM),
    (17, "mysqld slow around the limit", _SIM),
    (18, "mysqld's disk full, commits hang"),
    (19, "replica lags", f"tests/lab/agents/test_replication.py, {_SIM}"),
    (20, "a server that answers garbage", _FUZZ),
    (21, "loss 5, 10, 20 %", _SIM),
    (22, "loss 30, 50 %, with and without the API", _SIM),
    (23, "packets tripled, reordered, delayed", _SIM),
    (24, "one way: the standby does not hear the master", _SIM),
    (25, "one way: the master does not hear the standby", _SIM),
    (26, "full partition, both reach the API", _SIM),
    (27, "full partition, the master or nobody reaches the API", _SIM),
    (28, "the master isolated from peer and API", _SIM),
    (29, "a partition that flaps", _SIM),
    (30, "small MTU, a filter by length"),
    (31, "ICMP unreachables from a stopped peer, forged"),
    (32, "interface down, deleted, absent at start"),
    (33, "the alias deleted, added by hand"),
    (34, "all addresses flushed, the base address back later"),
    (35, "10,000 address changes", _UNIT),
    (36, "the socket refuses to send", _UNIT),
    (37, "50,000 packets of garbage a second"),
    (38, "the API throttles, fails, during a claim", _SIM),
    (39, "the API hangs, drips, resets"),
    (40, "bad certificates"),
    (41, "credentials expired", _SIM),
    (42, "IMDS away", _SIM),
    (43, "the host's clock 10 minutes off"),
    (44, "one of two tables fails", _SIM),
    (45, "a write carried out, its answer lost", _SIM),
    (46, "a write carried out late", _SIM),
    (47, "stale reads", _SIM),
    (48, "an operator moves the route", _SIM),
    (49, "the parameter deleted, edited", _SIM),
    (50, "route, table deleted", _SIM),
    (51, "wrong region, denied"),
    (52, "both claim in the same moment", _SIM),
    (53, "a cloned image", _SIM),
    (54, "forged heartbeats, wrong key", _SIM),
    (55, "recorded heartbeats replayed", _SIM),
    (56, "every length, every bit of a heartbeat", f"{_UNIT}, {_FUZZ}"),
    (57, "key rotation under loss", _SIM),
    (58, "200 status clients", _FUZZ),
    (59, "commands by strangers, a socket path that is taken"),
    (60, "hostile answers of the API", _FUZZ),
    (61, "bad configurations", f"tests/lab/agents/test_refusals.py, {_UNIT}, {_FUZZ}"),
    (62, "notify scripts that others may write", _UNIT),
    (63, "links planted at our paths"),
    (64, "secrets in the outputs"),
    (65, "machines paused and going on", _SIM),
    (66, "the wall clock jumps", _SIM),
    (67, "reloads under loss", _SIM),
    (68, "log disk full, nobody reads the log"),
    (69, "both boot together; one alone", _SIM),
    (70, "maintenance, switchovers under writes, soak", _SIM),
)]
BY_NUMBER = {row.number: row for row in ROWS}
