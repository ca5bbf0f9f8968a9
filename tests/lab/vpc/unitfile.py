# SPDX-License-Identifier: MIT
"""The packaged unit files, read as systemd reads them, for the words that the supervisor keeps.

So the lab runs the command lines, users, capabilities, limits and deadlines that are installed on
real hosts; and, with Lab(sandbox=True), mounts and system call filters too. systemd itself has its
turn in scripts/package-test.
"""

import json
import os
import re

from . import sandbox
from .errors import LabError
from .service import Unit

UNITS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../../packaging/systemd")
SBINDIR = "/usr/local/sbin"  # where the lab installs the programs
SETPRIV = "/usr/bin/setpriv"
SANDBOX = "/usr/local/libexec/zonevip-sandbox"
SECONDS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "min": 60.0, "h": 3600.0}


def texts() -> dict[str, str]:
    """name: unit text, from the tree; read before a host's own file system hides it."""
    found = {}
    for name in os.listdir(UNITS):
        if name.endswith(".service.in"):
            with open(f"{UNITS}/{name}") as stream:
                found[name.removesuffix(".in")] = stream.read().replace("@sbindir@", SBINDIR)
    return found


def words(text: str) -> dict[str, list[str]]:
    """word: its values in order. Sections do not matter here: no word stands in two of them."""
    found: dict[str, list[str]] = {}
    for line in text.replace("\\\n", " ").splitlines():
        line = line.strip()
        if line and line[0] not in "#;[":
            word, _, value = line.partition("=")
            found.setdefault(word.strip(), []).append(value.strip())
    return found


def seconds(value: str) -> float:
    """systemd's time spans: '5', '200ms', '1min 30s'."""
    parts = re.findall(r"([0-9.]+) *([a-z]*)", value)
    if not parts or "".join("".join(part) for part in parts) != value.replace(" ", ""):
        raise LabError(f"'{value}' is no time span")
    return sum(float(number) * SECONDS[unit or "s"] for number, unit in parts)


def environment(files: list[str], root: str = "") -> dict[str, str]:
    """EnvironmentFile=: a leading '-' forgives a file that is not there."""
    found = {}
    for name in files:
        try:
            with open(root + name.removeprefix("-")) as stream:
                lines = stream.read().splitlines()
        except FileNotFoundError:
            if not name.startswith("-"):
                raise
            continue
        for line in lines:
            if line.strip() and line.strip()[0] not in "#;":
                word, _, value = line.partition("=")
                found[word.strip()] = value.strip().strip("\"'")
    return found


def command(unit: dict[str, list[str]], ids: dict[str, int], root: str = "", box: str | None = None) -> list[str]:
    """ExecStart= under what the unit says of users and capabilities; $WORD is split into words.

    box: the file that describes its sandbox, entered around the change of user (sandbox.py).
    """
    known = environment(unit.get("EnvironmentFile", []), root)
    argv = []
    for word in unit["ExecStart"][-1].split():
        argv += known.get(word[1:], "").split() if word.startswith("$") else [word]
    if box:
        return [SANDBOX, "outer", box, *_privileges(unit, ids), SANDBOX, "inner", box, *argv]
    return [*_privileges(unit, ids), *argv]


def _capabilities(values: list[str]) -> str:
    names = [name.removeprefix("CAP_").lower() for value in values for name in value.split()]
    return ",".join(["-all", *(f"+{name}" for name in names)])


def _privileges(unit: dict[str, list[str]], ids: dict[str, int]) -> list[str]:
    argv = [SETPRIV]
    if "User" in unit:
        uid = ids[unit["User"][-1]]
        argv += [f"--reuid={uid}", f"--regid={uid}", "--clear-groups"]
    if "AmbientCapabilities" in unit:
        ambient = _capabilities(unit["AmbientCapabilities"])
        argv += [f"--inh-caps={ambient}", f"--ambient-caps={ambient}"]
    if "CapabilityBoundingSet" in unit:
        argv.append("--bounding-set=" + _capabilities(unit["CapabilityBoundingSet"]))
    if unit.get("NoNewPrivileges") == ["yes"]:
        argv.append("--no-new-privs")
    return argv


def box(name: str, unit: dict[str, list[str]], folder: str) -> str:
    """Writes what the sandbox of that unit is, where whoever runs in it can read it."""
    path = f"{folder}/{name}.sandbox"
    with open(path, "w") as stream:
        json.dump(sandbox.describe(unit), stream)
        os.fchmod(stream.fileno(), 0o644)
    return path


def load(name: str, file: str, units: dict[str, str], ids: dict[str, int], boxes: str | None = None) -> Unit:
    """A unit file as the lab's own record, called name; its OnFailure= unit comes with it.

    boxes: a folder for descriptions of sandboxes; None: without a sandbox.
    """
    unit = words(units[file])

    def one(word: str, default: str) -> str:
        return unit.get(word, [default])[-1]

    if "WatchdogSec" in unit and one("WatchdogSignal", "") != "SIGKILL":
        raise LabError(f"{name}: the lab's watchdog kills with SIGKILL, the unit says otherwise")
    failure = one("OnFailure", "")
    return Unit(
        name, command(unit, ids, box=box(name, unit, boxes) if boxes else None), notify=one("Type", "simple") == "notify",
        watchdog_s=seconds(one("WatchdogSec", "0")) or None,
        restart=one("Restart", "no"), restart_s=seconds(one("RestartSec", "100ms")),
        start_limit=(int(one("StartLimitBurst", "5")), seconds(one("StartLimitIntervalSec", "10s"))),
        no_restart_status=tuple(map(int, one("RestartPreventExitStatus", "").split())),
        on_failure=command(words(units[failure]), ids) if failure else None,
        start_timeout_s=seconds(one("TimeoutStartSec", "90s")), stop_timeout_s=seconds(one("TimeoutStopSec", "90s")))
