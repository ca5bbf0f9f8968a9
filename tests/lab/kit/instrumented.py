# SPDX-License-Identifier: MIT
"""One scenario with both agents under valgrind, or built with ThreadSanitizer; what those found is the verdict.

    scripts/instrumented valgrind|thread [--build DIR]

The build tree of "thread" was configured with --enable-sanitizers=thread. The watchdog only records: under
valgrind everything takes twenty times as long. The scenario: two agents start, mysqld of the owner is
killed, the other takes over, mysqld comes back, a switchover, a reload, commands, and both agents end.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import sys
import tempfile

from vpc import DB_HOSTS, Lab

REAL = "/usr/local/libexec/zonevipd-real"
FOUND = "/run/zonevip/found"
WRAPPERS = {
    "valgrind": f"exec /usr/bin/valgrind --quiet --leak-check=full --show-leak-kinds=definite --errors-for-leak-kinds=definite "
                f"--track-fds=no --log-file={FOUND}.%p {REAL} \"$@\"",
    # Without a random layout: its shadow memory has fixed places, which newer kernels would take.
    "thread": f"export TSAN_OPTIONS=\"log_path={FOUND} exitcode=0 second_deadlock_stack=1\"\n"
              f"exec /usr/bin/setarch --addr-no-randomize {REAL} \"$@\"",
}
PATIENCE_S = 120.0


def wrapped(build: str, tool: str, folder: str) -> str:
    """A folder of programs in which zonevipd is the tool's."""
    for name in ("zonevipctl", "zonevip-notify", "zonevip-cleanup"):
        shutil.copy2(os.path.join(build, name), folder)
    with open(f"{folder}/zonevipd", "w") as stream:
        stream.write(f"#!/bin/sh\n{WRAPPERS[tool]}\n")
        os.fchmod(stream.fileno(), 0o755)
    return folder


def state(lab: Lab, name: str) -> str:
    return lab.status(name)["instances"][0]["state_name"]


def eligible(lab: Lab, name: str) -> None:
    lab.wait_for(lambda: lab.status(name)["instances"][0]["eligible"], PATIENCE_S, f"{name} to be eligible")


def scenario(lab: Lab) -> None:
    first, second = DB_HOSTS
    for name in DB_HOSTS:
        lab.host(name).agent_watchdog(False)
    lab.host(first).agent_start()
    lab.wait_owner(first, PATIENCE_S)
    lab.host(second).agent_start()
    eligible(lab, second)
    lab.host(first).mysql_kill()
    lab.wait_owner(second, PATIENCE_S)
    lab.host(first).mysql_start()
    lab.wait_for(lambda: state(lab, first) == "BACKUP", PATIENCE_S, f"{first} to recover")
    lab.host(first).exec(["zonevipctl", "ack"])
    eligible(lab, first)
    for words in (["status"], ["why"], ["events"], ["metrics"], ["whatif", "peer-down"], ["reload"]):
        lab.host(second).exec(["zonevipctl", *words], check=False, timeout=60)
    lab.host(second).exec(["zonevipctl", "switchover"], timeout=60, check=False)
    lab.wait_owner(first, PATIENCE_S)
    lab.host(second).agent_stop()
    lab.host(first).agent_stop()


def reports(lab: Lab) -> list[str]:
    found = []
    for name in DB_HOSTS:
        folder, prefix = os.path.split(lab.host(name).path(FOUND))
        for file in sorted(os.listdir(folder)):
            if file.startswith(prefix):
                with open(f"{folder}/{file}", errors="replace") as stream:
                    text = "".join(line for line in stream if not line.startswith("--")).strip()  # valgrind on itself
                if text:
                    found.append(f"{name}: {text}")
    return found


def main() -> None:
    parser = argparse.ArgumentParser(prog="scripts/instrumented", description=__doc__.splitlines()[0])
    parser.add_argument("tool", choices=WRAPPERS)
    parser.add_argument("--build", required=True)
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    with tempfile.TemporaryDirectory() as folder, Lab(bindir=wrapped(options.build, options.tool, folder)) as lab:
        for name in DB_HOSTS:
            shutil.copy2(os.path.join(options.build, "zonevipd"), lab.host(name).path(REAL))
            os.chmod(lab.host(name).path(REAL), 0o755)
        scenario(lab)
        ends = {name: lab.host(name).agent_status()["last_exit"] for name in DB_HOSTS}
        found = reports(lab)
    print("\n\n".join(found))
    print(f"{options.tool}: {len(found)} reports; the agents ended with {ends}")
    sys.exit(1 if found or set(ends.values()) != {"exit 0"} else 0)


if __name__ == "__main__":
    main()
