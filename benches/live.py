#!/usr/bin/env python3
"""Sends a capture over a virtual pair as fast as it goes, and says what wsdump got of it.

    benches/live.py [--runs N] WSDUMP CAPTURE

Makes two network namespaces for it, which takes root, and removes them. CAPTURE is a pcap file
of this machine's byte order with microseconds, as the generator writes it.
"""

import argparse
import ctypes
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import time
from pathlib import Path

SENDS, SNIFFS = "wsdump-sends", "wsdump-sniffs"

# Packets that one call hands over.
BATCH = 256

# Kibibytes that the kernel keeps for wsdump: what comes while the sender has its processor.
BUFFER = 65536

# <linux/if_packet.h>
SOL_PACKET, PACKET_QDISC_BYPASS = 263, 20


class Part(ctypes.Structure):
    """struct iovec"""

    _fields_ = [("base", ctypes.c_void_p), ("len", ctypes.c_size_t)]


class Message(ctypes.Structure):
    """struct mmsghdr"""

    _fields_ = [
        ("name", ctypes.c_void_p), ("name_len", ctypes.c_uint),
        ("parts", ctypes.POINTER(Part)), ("part_count", ctypes.c_size_t),
        ("control", ctypes.c_void_p), ("control_len", ctypes.c_size_t),
        ("flags", ctypes.c_int), ("sent", ctypes.c_uint),
        ("padding", ctypes.c_uint),
    ]


def send(interface: str, capture: str) -> None:
    """Sends all packets, and prints how many went out a second."""
    data = Path(capture).read_bytes()
    start = ctypes.cast(ctypes.c_char_p(data), ctypes.c_void_p).value
    places = []
    at = 24
    while at + 16 <= len(data):
        length = struct.unpack_from("=I", data, at + 8)[0]
        places.append((start + at + 16, length))
        at += 16 + length
    parts = (Part * len(places))(*places)
    messages = (Message * len(places))()
    for message, part in zip(messages, parts):
        message.parts = ctypes.pointer(part)
        message.part_count = 1
    out = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    out.bind((interface, 0))
    out.setsockopt(SOL_PACKET, PACKET_QDISC_BYPASS, 1)
    sendmmsg = ctypes.CDLL(None, use_errno=True).sendmmsg
    size = ctypes.sizeof(Message)
    began = time.perf_counter()
    sent = 0
    while sent < len(messages):
        count = min(BATCH, len(messages) - sent)
        went = sendmmsg(out.fileno(), ctypes.byref(messages, sent * size), count, 0)
        if went <= 0:
            sys.exit(f"sendmmsg: {os.strerror(ctypes.get_errno())}")
        sent += went
    print(round(sent / (time.perf_counter() - began)))


def ip(*words: str, check: bool = True) -> None:
    subprocess.run(["ip", *words], check=check, capture_output=not check)


def measure(wsdump: str, capture: str) -> str:
    """One run, as a row of a table."""
    sniffing = subprocess.Popen(
        ["ip", "netns", "exec", SNIFFS, wsdump, "-i", "sniffs", "--summary", "-B", str(BUFFER)],
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    time.sleep(1)
    rate = subprocess.run(
        ["ip", "netns", "exec", SENDS, sys.executable, __file__, "--send", "sends", capture],
        check=True, capture_output=True, text=True).stdout
    time.sleep(1)
    sniffing.send_signal(signal.SIGINT)
    _, said = sniffing.communicate()
    counts = re.search(r"(\d+) packets captured.*dropped: (\d+) by the kernel, (\d+) by the "
                       r"interface, (\d+) by wsdump", said)
    if not counts:
        sys.exit(said)
    captured, *dropped = map(int, counts.groups())
    return f"| {int(rate):,} | {captured:,} | {sum(dropped):,} |"


def main() -> None:
    if sys.argv[1:2] == ["--send"]:
        send(*sys.argv[2:])
        return
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("wsdump")
    parser.add_argument("capture")
    asked = parser.parse_args()
    if os.geteuid() != 0:
        sys.exit("network namespaces take root: run this with sudo")
    try:
        for name in (SENDS, SNIFFS):
            ip("netns", "add", name)
        # Frames go whole into a segment of the generator's size, and nothing else is sent.
        ip("link", "add", "name", "sends", "netns", SENDS, "type", "veth",
           "peer", "name", "sniffs", "netns", SNIFFS)
        for name, end in ((SENDS, "sends"), (SNIFFS, "sniffs")):
            ip("-n", name, "link", "set", end, "mtu", "9000", "addrgenmode", "none", "up")
        print("| packets sent a second | captured | dropped |\n| --- | --- | --- |")
        for _ in range(asked.runs):
            print(measure(asked.wsdump, asked.capture), flush=True)
    finally:
        for name in (SENDS, SNIFFS):
            ip("netns", "delete", name, check=False)


if __name__ == "__main__":
    main()
