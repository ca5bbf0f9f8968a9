# SPDX-License-Identifier: MIT
"""One service under the contract of a systemd unit (DECISIONS 15): what systemd does, and no more.

Type=notify with NOTIFY_SOCKET, WatchdogSec with SIGKILL, Restart=on-failure after RestartSec,
StartLimitBurst, OnFailure, TimeoutStopSec, a log. The lab has no systemd; the
daemon must not be able to tell.
"""

import os
import resource
import signal
import socket
import struct
from dataclasses import dataclass, field
from typing import Callable

from .clock import now
from .control import Later
from .errors import LabError
from .loop import Loop, Timer

NOTIFY_DIR = "/run/lab-notify"
CLEAN_SIGNALS = (signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGPIPE)  # as systemd sees it
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True)
class Unit:
    name: str
    argv: list[str]
    notify: bool = True
    watchdog_s: float | None = None
    restart: str = "no"  # no on-failure always
    restart_s: float = 0.2
    start_limit: tuple[int, float] = (5, 10.0)  # burst, interval in seconds
    no_restart_status: tuple[int, ...] = ()
    on_failure: list[str] | None = None
    start_timeout_s: float = 20.0
    stop_timeout_s: float = 10.0
    environment: dict[str, str] = field(default_factory=dict)


class Service:
    """States: inactive, starting, active, stopping, waiting (for a restart), failed."""

    def __init__(self, loop: Loop, unit: Unit, log_dir: str, host: str, record: Callable[..., None]) -> None:
        self.unit = unit
        self.state = "inactive"
        self.pid = 0
        self.restarts = 0
        self.last_exit: str | None = None
        self.watchdog_kills = True
        self.status_text = ""
        self._loop = loop
        self._log_path = f"{log_dir}/{host}.{unit.name}.log"
        self._record = record
        self._starts: list[float] = []
        self._timers: dict[str, Timer] = {}
        self._waiting: list[tuple[Later, str]] = []  # who is told when the service is 'active' or 'inactive'
        self._no_restart = False
        self._cleanup = True
        self._cleanup_pid = 0
        self.extra: dict[str, str] = {}  # of the environment, from the next start on
        self._notify_path = f"{NOTIFY_DIR}/{unit.name}"
        self._notify = self._open_notify()

    # --- what the lab asks for ---

    def start(self, wait: bool = True) -> Later:
        later = Later()
        if self.state == "active":
            later.done(self.view())
            return later
        if self.state in ("inactive", "failed"):
            self._starts.clear()
            self.restarts = 0
            self._spawn()
        if wait and self.state != "active":  # one that does not say READY is active at once
            self._waiting.append((later, "active"))
        else:
            later.done(self.view())
        return later

    def stop(self) -> Later:
        later = Later()
        if self.state in ("inactive", "failed"):
            later.done(self.view())
            return later
        self._waiting.append((later, "inactive"))
        if self.state == "waiting":
            self._enter("inactive")
        elif self.state != "stopping":
            self._enter("stopping")
            self._record("stopping", self)
            os.kill(self.pid, signal.SIGTERM)
            self._arm("stop", self.unit.stop_timeout_s, self._kill_group)
        return later

    def kill(self, restart: bool, cleanup: bool) -> Later:
        """SIGKILL. restart False: as after the start limit, on-failure command included unless cleanup is False."""
        later = Later()
        if not self.pid:
            raise LabError(f"{self.unit.name} is not running")
        self._no_restart = not restart
        self._cleanup = cleanup
        self._waiting.append((later, "dead"))
        self._kill_group()
        return later

    def signal(self, number: int) -> None:
        if not self.pid:
            raise LabError(f"{self.unit.name} is not running")
        os.kill(self.pid, number)

    def view(self) -> dict:
        return {"service": self.unit.name, "state": self.state, "pid": self.pid, "restarts": self.restarts,
                "ready": self.state == "active", "last_exit": self.last_exit, "status": self.status_text,
                "log": f"log/{os.path.basename(self._log_path)}"}

    # --- starting ---

    def _spawn(self) -> None:
        moment = now()
        burst, interval = self.unit.start_limit
        self._starts = [start for start in self._starts if start > moment - interval]
        if len(self._starts) >= burst:
            self._fail("start limit hit")
            return
        self._starts.append(moment)
        self._no_restart, self._cleanup = False, True
        self.status_text = ""
        self.pid = self._fork(self.unit.argv, self._environment)
        self._enter("starting")
        self._record("started", self)
        if self.unit.notify:
            self._arm("start", self.unit.start_timeout_s, self._kill_group)
        else:
            self._ready()

    def _environment(self) -> dict[str, str]:
        environment = {"PATH": PATH, "LANG": "C.UTF-8", **self.unit.environment, **self.extra}
        if self.unit.notify:
            environment["NOTIFY_SOCKET"] = self._notify_path
        if self.unit.watchdog_s:
            environment["WATCHDOG_USEC"] = str(int(self.unit.watchdog_s * 1e6))
            environment["WATCHDOG_PID"] = str(os.getpid())
        return environment

    def _fork(self, argv: list[str], environment: Callable[[], dict[str, str]]) -> int:
        """The child's environment is made in the child: WATCHDOG_PID is its own pid."""
        log = os.open(self._log_path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        pid = os.fork()
        if pid:
            os.close(log)
            return pid
        try:
            signal.set_wakeup_fd(-1)
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD, signal.SIGPIPE, signal.SIGXFSZ):
                signal.signal(number, signal.SIG_DFL)
            os.setsid()
            null = os.open("/dev/null", os.O_RDONLY)
            for source, target in ((null, 0), (log, 1), (log, 2)):
                os.dup2(source, target)
            os.umask(0o077)
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            os.chdir("/")
            os.execve(argv[0], argv, environment())
        except BaseException as error:
            os.write(2, f"{argv[0]}: {error}\n".encode())
        finally:
            os._exit(203)  # systemd's EXIT_EXEC

    def _open_notify(self) -> socket.socket:
        os.makedirs(NOTIFY_DIR, exist_ok=True)
        os.chmod(NOTIFY_DIR, 0o755)
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK)
        sock.bind(self._notify_path)
        os.chmod(self._notify_path, 0o777)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        self._loop.watch(sock, self._read_notify)
        return sock

    def _read_notify(self) -> None:
        try:
            data, ancillary, _, _ = self._notify.recvmsg(4096, socket.CMSG_SPACE(12))
        except BlockingIOError:
            return
        sender = next((struct.unpack("3i", raw[:12])[0] for level, kind, raw in ancillary
                       if level == socket.SOL_SOCKET and kind == socket.SCM_CREDENTIALS), 0)
        if not self.pid or sender != self.pid:
            return  # NotifyAccess=main
        for line in data.decode(errors="replace").split("\n"):
            name, _, value = line.partition("=")
            if name == "READY" and value == "1" and self.state == "starting":
                self._ready()
            elif name == "WATCHDOG" and value == "1" and self.state == "active":
                self._feed()
            elif name == "STATUS":
                self.status_text = value

    def _ready(self) -> None:
        self._disarm("start")
        self._record("ready", self)  # before anybody is told: who then looks finds it
        self._enter("active")
        self._feed()

    def _feed(self) -> None:
        if self.unit.watchdog_s:
            self._arm("watchdog", self.unit.watchdog_s, self._watchdog)

    def _watchdog(self) -> None:
        self._record("watchdog", self)
        if self.watchdog_kills:
            self._kill_group()

    # --- ending ---

    def _kill_group(self) -> None:
        for send, target in ((os.killpg, self.pid), (os.kill, self.pid)):
            try:
                send(target, signal.SIGKILL)
            except ProcessLookupError:
                pass

    def reaped(self, pid: int, status: int) -> None:
        """A child of the supervisor has ended; perhaps it was ours."""
        if pid == self._cleanup_pid:
            self._cleanup_pid = 0
            self._record("cleanup", self, status=_words(status))
            self._tell("dead")
        if pid != self.pid:
            return
        self._kill_group()  # KillMode=control-group: what it left behind goes with it
        was, self.pid = self.state, 0
        for name in list(self._timers):
            self._disarm(name)
        self.last_exit = _words(status)
        self._record("exited", self, pid=pid, status=self.last_exit)
        clean = status == 0 or (os.WIFSIGNALED(status) and os.WTERMSIG(status) in CLEAN_SIGNALS)
        if was == "stopping":
            self._enter("inactive" if clean else "failed")
        elif self._no_restart:
            self._fail("killed for good", self._cleanup)
        elif self._restarts_after(status, clean):
            self.restarts += 1
            self._enter("waiting")
            self._arm("restart", self.unit.restart_s, self._spawn)
            self._tell("dead")
        elif clean:
            self._enter("inactive")
        else:
            self._fail(self.last_exit)

    def _restarts_after(self, status: int, clean: bool) -> bool:
        prevented = os.WIFEXITED(status) and os.WEXITSTATUS(status) in self.unit.no_restart_status
        if prevented or self.unit.restart == "no":
            return False
        return self.unit.restart == "always" or not clean

    def _fail(self, why: str, cleanup: bool = True) -> None:
        self._record("gave-up", self, status=why)
        self._enter("failed")
        if cleanup and self.unit.on_failure:
            self._cleanup_pid = self._fork(self.unit.on_failure, lambda: {"PATH": PATH, "LANG": "C.UTF-8"})
        else:
            self._tell("dead")

    def _enter(self, state: str) -> None:
        self.state = state
        if state in ("inactive", "failed"):
            for name in list(self._timers):
                self._disarm(name)
            self._tell("inactive")
            self._refuse_starters()
        elif state == "active":
            self._tell("active")

    def _tell(self, what: str) -> None:
        ready = [later for later, wanted in self._waiting if wanted == what]
        self._waiting = [entry for entry in self._waiting if entry[1] != what]
        for later in ready:
            later.done(self.view())

    def _refuse_starters(self) -> None:
        hopeless = [later for later, wanted in self._waiting if wanted == "active"]
        self._waiting = [entry for entry in self._waiting if entry[1] != "active"]
        for later in hopeless:
            later.fail(f"{self.unit.name} did not start: {self.last_exit}; see log/{os.path.basename(self._log_path)}: {self._log_tail()}")

    def _log_tail(self) -> str:
        try:
            with open(self._log_path, errors="replace") as stream:
                return " | ".join(stream.read()[-600:].strip().splitlines()[-3:])
        except OSError:
            return "(no log)"

    def _arm(self, name: str, seconds: float, fn: Callable[[], None]) -> None:
        self._disarm(name)
        self._timers[name] = self._loop.after(seconds, fn)

    def _disarm(self, name: str) -> None:
        timer = self._timers.pop(name, None)
        if timer:
            timer.cancel()


def _words(status: int) -> str:
    if os.WIFSIGNALED(status):
        return f"signal {signal.Signals(os.WTERMSIG(status)).name}"
    return f"exit {os.WEXITSTATUS(status)}"
