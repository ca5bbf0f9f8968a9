# SPDX-License-Identifier: MIT
"""The lab from inside: process 1 and the process that builds everything, then changes the network.

Runs in fresh mount, network and pid namespaces, made by unshare(1) under the keeper. When it ends,
however it ends, the kernel ends everything it started.
"""

import json
import os
import secrets
import shutil
import signal
import sys
import time
from typing import Callable

from . import ca, kernel, mysql
from .clock import now_ns
from .control import Server, call
from .errors import LabError
from .freezer import Freezer, prefix
from .hosts import LAB, Users, anchor, install_files, install_programs
from .layout import DB_HOSTS, HEARTBEAT_PORT, HOSTS
from .loop import Loop
from .network import AWS, ROUTER, Filter, build

HERE = os.path.dirname(os.path.abspath(__file__))


def main() -> None:
    lab_dir, ready_fd = sys.argv[1], int(sys.argv[2])
    with open(f"{lab_dir}/options.json") as stream:
        options = json.load(stream)
    if os.getpid() == 1:
        _be_init(ready_fd)
    with os.fdopen(ready_fd, "w") as ready:
        try:
            top = Top(lab_dir, options)
        except (LabError, OSError) as error:
            ready.write(f"{error}\n")
            sys.exit(1)
        ready.write("ready\n")
    top.loop.run()


def _be_init(ready_fd: int) -> None:
    """Process 1 forks the rest and reaps what is left over; it ends when the rest does."""
    pid = os.fork()
    if pid == 0:
        return
    os.close(ready_fd)
    kernel.name_process("lab-init")
    while True:
        ended, status = os.wait()
        if ended == pid:
            os._exit(os.waitstatus_to_exitcode(status) & 0xFF)


class Top:
    def __init__(self, lab_dir: str, options: dict) -> None:
        self._children: dict[int, str] = {}
        self._problems: list[str] = []
        self._relay = 0
        self._boxed = options["sandbox"]
        self._started = now_ns()
        self._mount_private(lab_dir)
        self._users = Users.choose()
        self._history = os.open(f"{LAB}/history.jsonl", os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        self._group_prefix = prefix(lab_dir)
        self._freezer = Freezer(self._group_prefix)
        self._stopped: set[tuple[str, int]] = set()
        self._prepare_files(options)
        self._anchors = self._build(options)
        self._filter = Filter()
        self.loop = Loop()
        self._start_processes()
        self._start_mysqld()
        self._serve()

    # --- coming up ---

    @staticmethod
    def _mount_private(lab_dir: str) -> None:
        kernel.make_private()
        lab = os.open(lab_dir, os.O_PATH | os.O_DIRECTORY)
        kernel.mount("tmpfs", "/run", "tmpfs", kernel.MS_NOSUID | kernel.MS_NODEV, "mode=755,size=64m")
        os.makedirs(LAB)
        kernel.bind(f"/proc/self/fd/{lab}", LAB)
        os.close(lab)
        os.mkdir("/run/netns")
        os.chdir("/")

    def _prepare_files(self, options: dict) -> None:
        for folder in ("sock", "etc"):
            os.makedirs(f"{LAB}/{folder}", mode=0o700)
        ca.create(f"{LAB}/ca")
        shutil.copy(mysql.template(options["cache"], f"{HERE}/../mlb.sql"), f"{LAB}/mysql.tar")
        kernel.write_file(f"{LAB}/etc/zonevip.conf", options["conf"])
        kernel.write_file(f"{LAB}/etc/heartbeat.key", secrets.token_bytes(32), 0o400)
        shutil.copy(f"{HERE}/../notify.sh", f"{LAB}/etc/notify.sh")

    def _build(self, options: dict) -> dict[str, int]:
        anchors = {name: anchor(name, None, self._users, None) for name in (ROUTER, AWS)}
        for host in HOSTS:
            anchors[host.name] = anchor(host.name, host, self._users, options["bindir"])
        os.unlink(f"{LAB}/mysql.tar")
        build()
        self._children.update({pid: f"namespace of {name}" for name, pid in anchors.items()})
        return anchors

    def _start_processes(self) -> None:
        """Forked from here, before any loop runs: nothing has to be imported twice."""
        from . import recorder, supervisor

        self._fork("recorder", recorder.main)
        self._fork("cloud", _cloud)
        for name in DB_HOSTS:
            self._fork(name, lambda ready, name=name: supervisor.main(
                name, self._anchors[name], self._users, self._boxed, ready))
        self._await_ready()

    def _fork(self, name: str, run: Callable[[Callable[[], None]], None]) -> None:
        reader, writer = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(reader)
            try:
                kernel.name_process(f"lab-{name}")
                log = os.open(f"{LAB}/log/{name}.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
                os.dup2(log, 1)
                os.dup2(log, 2)

                def ready() -> None:
                    os.write(writer, b"ready")
                    os.close(writer)

                run(ready)
            except BaseException:
                sys.excepthook(*sys.exc_info())
            finally:
                os._exit(1)
        os.close(writer)
        self._children[pid] = name
        self._pending = getattr(self, "_pending", {}) | {name: reader}

    def _await_ready(self) -> None:
        for name, reader in self._pending.items():
            with os.fdopen(reader, "rb") as pipe:
                if pipe.read() != b"ready":
                    raise LabError(f"the lab's {name} did not start; see log/{name}.log")

    def _start_mysqld(self) -> None:
        """Both at once; the supervisors know when they are ready."""
        for wait in (False, True):
            for name in DB_HOSTS:
                call(f"{LAB}/sock/{name}", "start", service="mysqld", wait=wait)

    def _serve(self) -> None:
        self.loop.on_signal({signal.SIGCHLD: self._reap})
        Server(self.loop, f"{LAB}/sock/top", {
            "memory": self._memory, "relay": self._start_relay, "relay_stop": self._stop_relay,
            "ping": self._view, "cut": self._cut, "loss": self._loss, "sdcheck": self._filter.sdcheck,
            "freeze": self._freeze, "thaw": self._freezer.thaw, "stop": self._stop, "cont": self._cont,
            "faults": self._faults, "heal": self._heal, "install": self._install, "note": self._note})

    # --- what the lab asks for ---

    def _view(self) -> dict:
        return {"anchors": self._anchors, "up_since_ns": self._started, "problems": self._problems,
                "users": self._users.ids}

    def _note(self, what: str, **arguments) -> None:
        line = {"t_ns": now_ns(), "event": "fault", "host": None, "what": what, "arguments": arguments}
        os.write(self._history, json.dumps(line).encode() + b"\n")

    def _cut(self, a: str, b: str | None, oneway: bool) -> None:
        self._filter.cut(a, b, oneway)
        self._tell_relay()

    def _start_relay(self) -> None:
        if self._relay:
            return
        from kit import relay

        self._pending = {}
        self._fork("relay", relay.main)
        self._relay = next(pid for pid, name in self._children.items() if name == "relay")
        self._await_ready()
        self._filter.divert(DB_HOSTS, HEARTBEAT_PORT, True)
        self._tell_relay()

    def _stop_relay(self) -> None:
        if not self._relay:
            return
        self._filter.divert(DB_HOSTS, HEARTBEAT_PORT, False)
        self._children.pop(self._relay, None)
        os.kill(self._relay, signal.SIGKILL)
        self._relay = 0

    def _tell_relay(self) -> None:
        if self._relay:
            call(f"{LAB}/sock/relay", "block", pairs=self._filter.severed(DB_HOSTS))

    def _loss(self, percent: float, a: str, b: str, oneway: bool, port: int | None) -> None:
        self._filter.loss(percent, a, b, oneway, port)

    def _freeze(self, group: str, pids: list[int]) -> None:
        self._freezer.freeze(group, [member for pid in pids for member in _process_group(pid)])

    def _memory(self, group: str, pid: int, limit: int) -> None:
        from kit import limits

        name = f"{self._group_prefix}.{group}"
        if limit:
            limits.memory_limit(name, _process_group(pid), limit)
        else:
            limits.memory_unlimit(name)

    def _stop(self, name: str, pid: int) -> None:
        """Returns when it stands still: a running process stops only at its next way into the kernel."""
        self._stopped.add((name, pid))
        os.killpg(pid, signal.SIGSTOP)
        end = time.monotonic() + 2
        while not all(_stands_still(member) for member in _process_group(pid)):
            if time.monotonic() > end:
                raise LabError(f"{name} did not stop")
            time.sleep(0.0005)

    def _cont(self, name: str, pid: int) -> None:
        self._stopped.discard((name, pid))
        try:
            os.killpg(pid, signal.SIGCONT)
        except ProcessLookupError:
            pass  # it has been killed meanwhile, as a watchdog does

    def _faults(self) -> list[dict]:
        return ([{"kind": "network", "what": name} for name in self._filter.faults()]
                + [{"kind": "frozen", "what": name} for name in self._freezer.groups()]
                + [{"kind": "stopped", "what": f"{name} (pid {pid})"} for name, pid in sorted(self._stopped)])

    def _heal(self) -> None:
        self._stop_relay()
        self._filter.heal()
        for group in self._freezer.groups():
            self._freezer.thaw(group)
        for name, pid in list(self._stopped):
            self._cont(name, pid)

    def _install(self, host: str, names: list[str], bindir: str | None) -> None:
        """Files of the lab's etc directory, and programs, into a running host."""
        root = f"/proc/{self._anchors[host]}/root"
        install_files(self._users, root, tuple(names))
        if bindir:
            install_programs(bindir, root)

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if not pid:
                return
            name = self._children.pop(pid, None)
            if name:
                problem = f"{name} ended ({os.waitstatus_to_exitcode(status)})"
                self._problems.append(problem)
                self._note("lab broken", problem=problem)
                print(f"{time.strftime('%F %T')} {problem}", file=sys.stderr, flush=True)


def _cloud(ready: Callable[[], None]) -> None:
    from .cloud.process import main as cloud_main

    cloud_main(LAB, ready)


def _stands_still(pid: int) -> bool:
    """Every thread of it."""
    try:
        for thread in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{thread}/stat") as stream:
                if stream.read().rpartition(")")[2].split()[0] not in "TtZX":
                    return False
    except (FileNotFoundError, ProcessLookupError):
        pass
    return True


def _process_group(leader: int) -> list[int]:
    members = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            if os.getpgid(int(name)) == leader:
                members.append(int(name))
        except ProcessLookupError:
            pass
    return members or [leader]
