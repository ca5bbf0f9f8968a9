#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Many clients of the status socket at once, from inside a host: crowd.py KIND COUNT SECONDS.

idle     connected, says nothing                 slow    a request, a byte every 50 ms
deaf     asks again and again, never reads       line    a line of a megabyte
leave    asks and is gone before the answer
"""

import socket
import sys
import time

PATH = "/run/zonevip/zonevipd.sock"


def client():
    sock = socket.socket(socket.AF_UNIX)
    sock.setblocking(False)
    try:
        sock.connect(PATH)
    except OSError:
        sock.close()
        return None
    return sock


def speak(kind, sock, turn):
    text = {"idle": b"", "slow": b"json\n"[turn % 5:turn % 5 + 1], "deaf": b"json\n", "line": b"x" * 65536, "leave": b"json\n"}[kind]
    try:
        if text:
            sock.send(text)
    except OSError:
        return False
    return kind != "leave"


def main():
    kind, count, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
    end, turn, crowd = time.monotonic() + seconds, 0, []
    while time.monotonic() < end:
        crowd += [sock for sock in (client() for _ in range(count - len(crowd))) if sock]
        kept = []
        for sock in crowd:
            if speak(kind, sock, turn):
                kept.append(sock)
            else:
                sock.close()
        crowd, turn = kept, turn + 1
        time.sleep(0.05)


main()
