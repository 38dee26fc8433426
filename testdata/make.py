#!/usr/bin/env python3
"""Writes the made captures of this folder, always the same bytes.

usage: make.py [--check]

With --check nothing is written: it fails if a file is missing, differs from what it
should be, or is listed nowhere.
"""

import argparse
import sys

sys.dont_write_bytecode = True

from maker import contents
from maker.registry import FOLDER, captures


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition('\n')[0])
    parser.add_argument('--check', action='store_true', help='compare, write nothing')
    check = parser.parse_args().check

    files = {capture.name: capture.build() for capture in captures}
    files['README.md'] = contents.readme()
    faults = contents.unlisted()
    for name, data in files.items():
        path = FOLDER / name
        if path.is_file() and path.read_bytes() == data:
            continue
        if check:
            faults.append(f'{name} is not what make.py makes')
        else:
            path.write_bytes(data)
            print(f'{name}: {len(data)} bytes')
    for fault in faults:
        print(f'make.py: {fault}', file=sys.stderr)
    return 1 if faults else 0


if __name__ == '__main__':
    sys.exit(main())
