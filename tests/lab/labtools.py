# SPDX-License-Identifier: MIT
"""What the lab's own tests share: a way to ask from inside a host, and a daemon that is none."""

import json
import os
import stat

HERE = os.path.dirname(os.path.abspath(__file__))
INSIDE = os.path.join(HERE, "inside.py")


def inside(host, what, **question):
    """inside.py on a host: see there."""
    done = host.exec(["/usr/bin/python3", INSIDE, what], input=json.dumps(question), timeout=60)
    return json.loads(done.stdout)


# A daemon that keeps the unit's contract and nothing else, to test the supervisor by. SIGUSR1: it
# stops feeding the watchdog. It refuses to start while /run/zonevip/refuse exists.
STAND_IN = """#!/usr/bin/python3
import os, signal, socket, sys, time
feeding = True
def hang(*_):
    global feeding
    feeding = False
signal.signal(signal.SIGUSR1, hang)
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
if os.path.exists("/run/zonevip/refuse"):
    sys.exit("refused as ordered")
def tell(text):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.sendto(text.encode(), os.environ["NOTIFY_SOCKET"])
assert os.environ["WATCHDOG_PID"] == str(os.getpid())
period = int(os.environ["WATCHDOG_USEC"]) / 1e6 / 4
print("uid", os.getuid(), "argv", sys.argv[1:], flush=True)
print([line for line in open("/proc/self/status") if line.startswith(("Cap", "NoNew", "Groups"))], flush=True)
tell("READY=1")
while True:
    if feeding:
        tell("WATCHDOG=1")
    time.sleep(min(period, 0.2))
"""


def stand_in(folder):
    programs = {"zonevipd": STAND_IN, "zonevipctl": "#!/bin/sh\necho '{\"asked\": \"'$1'\"}'\n",
                "zonevip-notify": "#!/bin/sh\nexec sleep 1000\n",
                "zonevip-cleanup": "#!/bin/sh\nexec /usr/sbin/ip addr flush dev eth0 label 'eth0:*'\n"}
    for name, text in programs.items():
        path = folder / name
        path.write_text(text)
        path.chmod(stat.S_IRWXU | stat.S_IRGRP | stat.S_IXGRP | stat.S_IROTH | stat.S_IXOTH)
    return str(folder)
