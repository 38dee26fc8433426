#!/usr/bin/env python3
"""Counts the instructions that each layer takes for a packet, and compares them.

    benches/instructions.py [--accept] LAYERS

LAYERS is the benchmark of that name. valgrind counts: the same program with the same input
gives the same number, whatever else the machine does, but that now and then two connections
fall together in a hash table, whose seed is random: some 20 instructions a packet more. So what
counts is the least of several runs. A layer that takes over 10 % more than
benches/instructions.txt says is a failure; --accept writes that file anew.
"""

import argparse
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

RUNS = 3
STORED = Path(__file__).with_name("instructions.txt")
MOST = 1.10


def counted(layers: str, name: str, times: int) -> int:
    """Instructions of a run that goes through a layer so many times."""
    command = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"]
    command += [layers, "--count", name, str(times)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    found = re.search(r"Collected : (\d+)", ran.stderr)
    if ran.returncode != 0 or not found:
        sys.exit(f"{name} cannot be counted: {ran.stderr}")
    return int(found[1])


def stored() -> dict[str, int]:
    lines = STORED.read_text().splitlines() if STORED.exists() else []
    rows = [line.rsplit(maxsplit=1) for line in lines if line and not line.startswith("#")]
    return {name.strip(): int(count) for name, count in rows}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--accept", action="store_true")
    parser.add_argument("layers")
    asked = parser.parse_args()
    listed = subprocess.run([asked.layers, "--list"], capture_output=True, text=True, check=True)
    rows = [line.split("\t") for line in listed.stdout.splitlines()]
    kinds = {kind: name for name, kind, _ in rows}
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        # Making the input does not count: any layer that reads the same tells what it takes.
        inputs = {}
        for kind, name in kinds.items():
            inputs[kind] = min(pool.map(lambda _: counted(asked.layers, name, 0), range(RUNS)))

        def for_a_packet(row: list[str]) -> int:
            name, kind, packets = row
            return round((counted(asked.layers, name, 1) - inputs[kind]) / int(packets))

        counts = {row[0]: count for row, count in zip(rows, pool.map(for_a_packet, rows))}
        before = stored()
        for row in rows:
            for _ in range(1, RUNS):
                if counts[row[0]] > MOST * before.get(row[0], 0):
                    counts[row[0]] = min(counts[row[0]], for_a_packet(row))

    failed = False
    for name, count in counts.items():
        ratio = count / before.get(name, count)
        verdict = "" if ratio <= MOST else "  more than 10 % above what is stored"
        failed |= ratio > MOST
        print(f"{name:28} {count:7} {100 * (ratio - 1):+6.1f} %{verdict}")
    if asked.accept:
        lines = [f"{name:28} {count:7}\n" for name, count in counts.items()]
        heading = "# Instructions that each layer takes for a packet: `make instructions` compares.\n"
        STORED.write_text(heading + "".join(lines))
    elif failed:
        sys.exit("where it is meant, `make instructions ACCEPT=--accept` stores the new numbers")
    elif missing := [name for name in counts if name not in before]:
        sys.exit(f"nothing is stored of {', '.join(missing)}")


if __name__ == "__main__":
    main()
