#!/usr/bin/env python3
"""Runs wsdump beside tshark, tcpdump and tcpflow on generated captures.

    benches/compare.py [--size MIB] [--runs N] [--only WORD] WSDUMP GENERATE FOLDER

Captures are written into FOLDER by GENERATE, the benchmark of that name, and kept there for
the next run. Programs run in turn, N times each; what is printed is the median of their wall
times, as seconds and as a ratio to what is wanted, and the greatest peak of their memory.
Programs that are missing are left out.
"""

import argparse
import os
import platform
import shutil
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path


@dataclass
class Row:
    """What wsdump is asked, and what it is measured against."""

    work: str
    capture: str
    arguments: list[str]
    peer: list[str]
    # The time of wsdump to that of the peer is at most this.
    wanted: float


TCPDUMP = ["tcpdump", "-r", "FILE", "-w", "/dev/null"]
FIELDS = ["tshark", "-n", "-r", "FILE", "-Y", "websocket", "-T", "fields", "-e", "frame.number"]
EK = ["tshark", "-n", "-r", "FILE", "-T", "ek"]
TCPFLOW = ["tcpflow", "-q", "-o", "FLOWS", "-r", "FILE"]

ROWS = [
    Row("summary of small frames", "small", ["--summary"], TCPDUMP, 1),
    Row("summary of small frames", "small", ["--summary"], FIELDS, 1 / 150),
    Row("summary of small frames", "small", ["--summary"], TCPFLOW, 1),
    Row("summary of large messages", "large", ["--summary"], TCPDUMP, 1),
    Row("summary of other traffic", "mixed", ["--summary"], TCPDUMP, 1.3),
    Row("JSON of small frames", "small", ["--json"], EK, 1 / 40),
    Row("timeline of small frames", "small", [], FIELDS, 1 / 10),
]


@dataclass
class Cost:
    wall: float
    peak: int  # bytes


def run(command: list[str], folder: Path) -> Cost:
    """Runs a command, whose output nobody reads."""
    flows = folder / "flows"
    shutil.rmtree(flows, ignore_errors=True)
    flows.mkdir()
    command = [str(flows) if word == "FLOWS" else word for word in command]
    start = time.perf_counter()
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    wall = time.perf_counter() - start
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode not in (0, 1):
        sys.exit(f"{' '.join(command)}: exit status {child.returncode}")
    return Cost(wall, usage.ru_maxrss * 1024)


def measured(commands: list[list[str]], runs: int, folder: Path) -> list[Cost]:
    """The median time and the greatest peak of each command; they run in turn."""
    costs = [[] for _ in commands]
    for _ in range(runs):
        for cost, command in zip(costs, commands):
            cost.append(run(command, folder))
    return [
        Cost(statistics.median(cost.wall for cost in each), max(cost.peak for cost in each))
        for each in costs
    ]


def version(program: str) -> str:
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)
    return (said.stdout or said.stderr).splitlines()[0].split(" (Git")[0]


def processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return f"{len(names)} × {names[0]}" if names else platform.processor()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, default=340, help="MiB of each capture")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--only", default="", help="rows of which the work has this word")
    parser.add_argument("wsdump")
    parser.add_argument("generate")
    parser.add_argument("folder", type=Path)
    asked = parser.parse_args()
    asked.folder.mkdir(parents=True, exist_ok=True)

    rows = [row for row in ROWS if asked.only in row.work]
    there = [row for row in rows if shutil.which(row.peer[0])]
    print(f"{time.strftime('%Y-%m-%d')}, {processor()}, {platform.system()} {platform.release()}")
    print(", ".join([version(asked.wsdump), *sorted({version(row.peer[0]) for row in there})]))
    print(f"captures of {asked.size} MiB, medians of {asked.runs} runs in turn\n")
    for row in rows:
        if row not in there:
            print(f"{row.peer[0]} is missing: {row.work} is not compared with it")

    print("| work | wsdump | peer | ratio | wanted | peak of wsdump | peak of peer |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for row in there:
        capture = asked.folder / f"{row.capture}-{asked.size}.pcap"
        if not capture.exists():
            size = f"{asked.size}M"
            subprocess.run([asked.generate, row.capture, size, capture], check=True,
                           stdout=subprocess.DEVNULL)
        peer = [str(capture) if word == "FILE" else word for word in row.peer]
        own = [asked.wsdump, *row.arguments, str(capture)]
        # What is read by the first is in memory for the others.
        run(own, asked.folder)
        ours, theirs = measured([own, peer], asked.runs, asked.folder)
        ratio = ours.wall / theirs.wall
        mark = "" if ratio <= row.wanted else " **missed**"
        shown = " ".join(row.peer).replace(" -r FILE", "").replace(" -n", "")
        print(
            f"| {row.work} | {ours.wall:.2f} s | `{shown}` {theirs.wall:.2f} s "
            f"| {show(ratio)} | {show(row.wanted)}{mark} "
            f"| {ours.peak / 2**20:.0f} MiB | {theirs.peak / 2**20:.0f} MiB |",
            flush=True,
        )


def show(ratio: float) -> str:
    return f"{ratio:.2f}" if ratio > 0.2 else f"1/{1 / ratio:.0f}"


if __name__ == "__main__":
    main()
