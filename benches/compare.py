#!/usr/bin/env python3
"""Runs wsdump beside tshark, tcpdump and tcpflow on generated captures, and then by itself.

    benches/compare.py [--size MIB] [--runs N] [--only WORD] WSDUMP GENERATE INFLATE FOLDER

Captures are written into FOLDER by GENERATE, the benchmark of that name, and kept there for
the next run. Programs run in turn, N times each; what is printed is the median of their wall
times, as seconds and as a ratio, and the greatest peak of their memory. Of wsdump by itself it
is the shortest time: what else the machine does can only add to it, and there is no peer to
which it adds as well. INFLATE is the benchmark of that name: the time of the library that
wsdump inflates with, alone. Programs that are missing are left out.
"""

import argparse
import os
import platform
import re
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


# Starts a command and prints what it took: seconds, KiB, exit status. What a process is told to
# have held is at least what the one held that started it, so that must be a small one.
LAUNCHER = """
import os, sys, time
start = time.perf_counter()
null = [(os.POSIX_SPAWN_OPEN, number, os.devnull, os.O_WRONLY, 0) for number in (1, 2)]
child = os.posix_spawnp(sys.argv[1], sys.argv[1:], os.environ, file_actions=null)
_, status, usage = os.wait4(child, 0)
print(time.perf_counter() - start, usage.ru_maxrss, os.waitstatus_to_exitcode(status))
"""


def run(command: list[str], folder: Path) -> Cost:
    """Runs a command, whose output nobody reads."""
    flows = folder / "flows"
    shutil.rmtree(flows, ignore_errors=True)
    flows.mkdir()
    command = [str(flows) if word == "FLOWS" else word for word in command]
    launched = subprocess.run([sys.executable, "-I", "-S", "-c", LAUNCHER, *command],
                              capture_output=True, text=True, check=True)
    wall, peak, status = launched.stdout.split()
    # tcpflow fails where it has nothing to say.
    if status not in ("0", "1"):
        sys.exit(f"{' '.join(command)}: exit status {status}")
    return Cost(float(wall), int(peak) * 1024)


def measured(commands: list[list[str]], runs: int, folder: Path,
             of=statistics.median) -> list[Cost]:
    """The time `of` all runs and the greatest peak of each command; they run in turn."""
    costs = [[] for _ in commands]
    for _ in range(runs):
        for cost, command in zip(costs, commands):
            cost.append(run(command, folder))
    return [
        Cost(of(cost.wall for cost in each), max(cost.peak for cost in each))
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


class Bench:
    """The programs, and the captures that they read."""

    def __init__(self, asked: argparse.Namespace):
        self.asked = asked
        self.folder = asked.folder

    def capture(self, kind: str, mib: int | None = None, connections: int | None = None) -> str:
        """A capture of this kind, made if it is not there."""
        mib = mib or self.asked.size
        name = f"{kind}-{mib}" + (f"-{connections}" if connections else "")
        file = self.folder / f"{name}.pcap"
        if not file.exists():
            command = [self.asked.generate, kind, f"{mib}M", str(file)]
            command += [str(connections)] if connections else []
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        return str(file)

    def wsdump(self, *arguments: str) -> Cost:
        """The cost of wsdump; what is read is in memory by then."""
        command = [self.asked.wsdump, *arguments]
        run(command, self.folder)
        [cost] = measured([command], self.asked.runs, self.folder, min)
        return cost

    def said(self, *arguments: str) -> subprocess.CompletedProcess:
        """What wsdump says on standard error."""
        command = [self.asked.wsdump, *arguments]
        return subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                              text=True, check=True)

    def packets(self, capture: str) -> int:
        return int(re.search(r"(\d+) packets?,", self.said("--summary", capture).stderr)[1])


def beside(bench: Bench, rows: list[Row]) -> None:
    """wsdump and each peer in turn."""
    print("| work | wsdump | peer | ratio | wanted | peak of wsdump | peak of peer |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for row in rows:
        capture = bench.capture(row.capture)
        peer = [capture if word == "FILE" else word for word in row.peer]
        own = [bench.asked.wsdump, *row.arguments, capture]
        # What is read by the first is in memory for the others.
        run(own, bench.folder)
        ours, theirs = measured([own, peer], bench.asked.runs, bench.folder)
        ratio = ours.wall / theirs.wall
        shown = " ".join(row.peer).replace(" -r FILE", "").replace(" -n", "")
        print(
            f"| {row.work} | {ours.wall:.2f} s | `{shown}` {theirs.wall:.2f} s "
            f"| {show(ratio)} | {show(row.wanted)}{missed(ratio > row.wanted)} "
            f"| {ours.peak / 2**20:.0f} MiB | {theirs.peak / 2**20:.0f} MiB |",
            flush=True,
        )


def alone(bench: Bench) -> None:
    """What wsdump takes by itself."""
    print("\n| wsdump by itself | measured | wanted |")
    print("| --- | --- | --- |")

    def tell(what: str, measured: str, wanted: str, failed: bool) -> None:
        print(f"| {what} | {measured} | {wanted}{missed(failed)} |", flush=True)

    small, large = bench.capture("small"), bench.capture("large")
    deflate = bench.capture("deflate", max(bench.asked.size // 4, 1))

    def to_library() -> float:
        """The time of wsdump to that of the library, right after each other."""
        alone = subprocess.run([bench.asked.inflate, deflate], capture_output=True, text=True,
                               check=True)
        cost = run([bench.asked.wsdump, "--summary", deflate], bench.folder)
        return cost.wall / float(alone.stdout)

    ratio = statistics.median(to_library() for _ in range(bench.asked.runs))
    tell("permessage-deflate, to the library alone", f"{ratio:.2f}", "1.30", ratio > 1.3)

    messages = int(re.search(r"(\d+) messages", bench.said("--summary", large).stderr)[1])
    rate = messages * LARGE / bench.wsdump("--json", "--messages", large).wall / 1e9
    tell("JSON of large text", f"{rate:.2f} GB/s of payload", "1 GB/s", rate < 1)

    rate = lines([bench.asked.wsdump, small]) / bench.wsdump(small).wall / 1e6
    tell("timeline", f"{rate:.2f} million rows/s", "1", rate < 1)

    peak = bench.wsdump("--summary", bench.capture("small", connections=1_000)).peak / 2**20
    tell("peak with 1,000 connections", f"{peak:.0f} MiB", "32 MiB", peak > 32)

    few, many = (bench.capture("small", 300, number) for number in (100, 100_000))
    costs = [bench.wsdump("--summary", capture) for capture in (few, many)]
    idle = (costs[1].peak - costs[0].peak) / 99_900 / 1024
    tell("a connection that is open", f"{idle:.1f} KiB", "2 KiB", idle > 2)

    # What the opening of so many takes is left out: the same once more, with more packets.
    more = [bench.capture("small", 600, number) for number in (100, 100_000)]
    each = []
    for cost, short, long in zip(costs, (few, many), more):
        packets = bench.packets(long) - bench.packets(short)
        each.append((bench.wsdump("--summary", long).wall - cost.wall) / packets)
    ratio = each[1] / each[0]
    tell("time of a packet, 100,000 connections to 100", f"{ratio:.1f}", "2", ratio > 2)

    little = bench.capture("small", 10)
    each = [bench.wsdump("--summary", capture).wall / bench.packets(capture)
            for capture in (little, small)]
    ratio = each[1] / each[0]
    tell(f"time of a packet, {bench.asked.size} MiB to 10 MiB", f"{ratio:.2f}", "1.1", ratio > 1.1)

    short = bench.capture("small", 5)
    for what, arguments in (("summary", ["--summary", small]), ("timeline", [small]),
                            ("JSON", ["--json", small]),
                            ("timeline of 5 MiB", [short])):
        commands = [[bench.asked.wsdump, jobs, *arguments] for jobs in ("-j2", "-j1")]
        two, one = measured(commands, max(bench.asked.runs, 5), bench.folder)
        ratio = two.wall / one.wall
        tell(f"{what}, `-j2` to `-j1`", f"{ratio:.2f}", "1", ratio > 1)

    start = bench.wsdump("--version").wall * 1e3
    tell("`--version`", f"{start:.1f} ms", "5 ms", start > 5)
    first = min(first_row(bench.asked.wsdump, small) for _ in range(9)) * 1e3
    tell("first row of a large file", f"{first:.1f} ms", "20 ms", first > 20)


# Bytes of a message of the kind `large`.
LARGE = 60_000


def lines(command: list[str]) -> int:
    """How many lines a command writes."""
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    count = sum(chunk.count(b"\n") for chunk in iter(lambda: child.stdout.read(1 << 16), b""))
    child.wait()
    return count


def first_row(wsdump: str, capture: str) -> float:
    """Seconds until something is written."""
    start = time.perf_counter()
    child = subprocess.Popen([wsdump, capture], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    child.stdout.read(1)
    taken = time.perf_counter() - start
    child.kill()
    child.wait()
    return taken


def show(ratio: float) -> str:
    return f"{ratio:.2f}" if ratio > 0.2 else f"1/{1 / ratio:.0f}"


def missed(is_missed: bool) -> str:
    return " **missed**" if is_missed else ""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, default=340, help="MiB of each capture")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--only", help="rows of which the work has this word; "
                        "`alone` for wsdump by itself")
    parser.add_argument("wsdump")
    parser.add_argument("generate")
    parser.add_argument("inflate")
    parser.add_argument("folder", type=Path)
    asked = parser.parse_args()
    asked.folder.mkdir(parents=True, exist_ok=True)

    rows = [row for row in ROWS if (asked.only or "") in row.work]
    there = [row for row in rows if shutil.which(row.peer[0])]
    print(f"{time.strftime('%Y-%m-%d')}, {processor()}, {platform.system()} {platform.release()}")
    print(", ".join([version(asked.wsdump), *sorted({version(row.peer[0]) for row in there})]))
    print(f"captures of {asked.size} MiB, {asked.runs} runs\n")
    for row in rows:
        if row not in there:
            print(f"{row.peer[0]} is missing: {row.work} is not compared with it\n")
    bench = Bench(asked)
    beside(bench, there)
    if asked.only in (None, "alone"):
        alone(bench)


if __name__ == "__main__":
    main()
