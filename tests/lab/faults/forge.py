#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Packets that nobody should send, from inside a host. Question: JSON on stdin; answer: JSON on stdout.

garbage  {to, port, rate, seconds, sizes}   UDP of random bytes; rate 0: as fast as it goes
icmp     {to, source, port, rate, seconds}  forged "port unreachable" about datagrams from there to here
adverts  {to, router, address, password, rate, seconds}  VRRP of the highest priority
record   {protocol, seconds}                what leaves this host by that IP protocol: {packets: [hex, ...]}
again    {to, protocol, packets, seconds}   those sent again, one after the other, over and over
"""

import json
import os
import socket
import struct
import sys
import time


VRRP = 112
ETH_P_ALL, ETH_P_IP = 0x0003, 0x0800
PACKET_OUTGOING = 4


def paced(send, rate, seconds):
    start, sent = time.monotonic(), 0
    while (now := time.monotonic() - start) < seconds:
        if not rate or sent < now * rate:
            send()
            sent += 1
        else:
            time.sleep(0.0005)
    return {"sent": sent, "seconds": time.monotonic() - start}


def garbage(to, port, rate, seconds, sizes):
    noise = [os.urandom(size) for size in sizes]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.connect((to, port))

        def send():
            noise.append(noise.pop(0))
            try:
                sock.send(noise[0])
            except OSError:
                pass  # the queue is full: that is what a flood does
        return paced(send, rate, seconds)


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total >> 16) + (total & 0xFFFF)
    return ~(total + (total >> 16)) & 0xFFFF


def icmp(to, source, port, rate, seconds):
    """About a datagram that `to` would have sent to `source`, from and to the port."""
    inner = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 150, 0, 0, 64, 17, 0, socket.inet_aton(to), socket.inet_aton(source))
    inner += struct.pack("!HHHH", port, port, 130, 0)
    body = struct.pack("!BBHI", 3, 3, 0, 0) + inner
    body = body[:2] + struct.pack("!H", checksum(body)) + body[4:]
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as sock:
        return paced(lambda: sock.sendto(body, (to, 0)), rate, seconds)


def adverts(to, router, address, password, rate, seconds):
    """Version 2, as keepalived speaks it to unicast peers with a password."""
    body = struct.pack("!BBBBBBH4s8s", 0x21, router, 255, 1, 1, 1, 0, socket.inet_aton(address), password.encode())
    body = body[:6] + struct.pack("!H", checksum(body[:12])) + body[8:]
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, VRRP) as sock:
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, 255)
        return paced(lambda: sock.sendto(body, (to, 0)), rate, seconds)


def record(protocol, seconds):
    """The payloads of IP packets."""
    packets, end = [], time.monotonic() + seconds
    with socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P_ALL)) as sock:
        sock.settimeout(0.2)
        while time.monotonic() < end:
            try:
                packet, where = sock.recvfrom(2048)
            except TimeoutError:
                continue
            if where[2] == PACKET_OUTGOING and where[1] == ETH_P_IP and packet[9] == protocol:
                packets.append(packet[(packet[0] & 15) * 4:].hex())
    return {"packets": packets}


def again(to, protocol, packets, seconds):
    payloads = [bytes.fromhex(packet) for packet in packets]
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, protocol) as sock:
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, 255)

        def send():
            payloads.append(payloads.pop(0))
            sock.sendto(payloads[-1], (to, 0))
        return paced(send, 1, seconds)


if __name__ == "__main__":
    todo = {"garbage": garbage, "icmp": icmp, "adverts": adverts, "record": record, "again": again}
    print(json.dumps(todo[sys.argv[1]](**json.load(sys.stdin))))
