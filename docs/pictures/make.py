#!/usr/bin/env python3
"""Draws what wsdump shows on a terminal, as SVG: python3 docs/pictures/make.py WSDUMP

Each picture is a real run on a terminal of so many columns. With --check nothing is written:
it fails where a picture is not what the program shows now. Standard library only.
"""

import fcntl
import html
import os
import pathlib
import pty
import re
import shlex
import struct
import subprocess
import sys
import termios
import unicodedata

HERE = pathlib.Path(__file__).resolve().parent
TESTDATA = HERE.parent.parent / "testdata"

# Name, columns, lines shown at most, arguments.
PICTURES = [
    ("timeline", 120, 18, ["chat.pcap"]),
    ("summary", 140, 24, ["--summary", "--sort", "messages", "socketio.pcap"]),
    ("follow", 130, 24, ["--follow", "1", "--pretty", "graphql.pcap"]),
    ("ladder", 110, 26, ["--ladder", "1", "fragments.pcap"]),
    ("fields", 110, 16, ["-xx", "-Y", "websocket", "chat.pcap"]),
    ("messages", 120, 14, ["--messages", "--only", "frame,message", "fragments.pcap"]),
    ("filter", 100, 5, ["-Y", "websocket.opcod == 8", "chat.pcap"]),
    ("csv", 120, 9, ["--csv", "chat.pcap"]),
    ("check", 120, 14, ["check", "--no-settings", "chat.pcap", "badaccept.pcap", "rejected.pcap"]),
    ("diff", 120, 26, ["diff", "--ignore", "$.at", "run_before.pcap", "run_after.pcap"]),
    ("json", 120, 6, ["--json", "--only", "message", "chat.pcap"]),
]

CELL, LINE, MARGIN = 8.4, 18, 14
COLORS = {
    31: "#f47067", 32: "#57ab5a", 33: "#daaa3f", 34: "#6cb6ff", 35: "#dcbdfb", 36: "#76e3ea",
}
PLAIN, BACKGROUND = "#d1d7e0", "#1c2128"


def run(program, columns, arguments):
    """What the program prints on a terminal with so many columns, standard error as well."""
    main, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    environment = {**os.environ, "TERM": "xterm-256color", "TZ": "UTC"}
    environment.pop("NO_COLOR", None)
    child = subprocess.Popen(
        [program, *arguments], cwd=TESTDATA, env=environment,
        stdin=subprocess.DEVNULL, stdout=terminal, stderr=terminal,
    )
    os.close(terminal)
    shown = b""
    while True:
        try:
            part = os.read(main, 65536)
        except OSError:  # Nobody writes to the terminal any more.
            break
        if not part:
            break
        shown += part
    child.wait()
    return shown.decode().replace("\r", "")


def width(char):
    return 0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1


def runs(line):
    """Parts of a line: column, columns, text, attributes of its look."""
    bold = dim = False
    color, column = PLAIN, 0
    for part in re.split(r"(\x1b\[[0-9;]*m)", line):
        codes = re.fullmatch(r"\x1b\[([0-9;]*)m", part)
        if codes:
            for code in [int(number or 0) for number in codes[1].split(";")]:
                if code == 0:
                    bold, dim, color = False, False, PLAIN
                elif code == 1:
                    bold = True
                elif code == 2:
                    dim = True
                elif code in COLORS:
                    color = COLORS[code]
        elif part:
            columns = sum(width(char) for char in part)
            look = f'fill="{color}"'
            look += ' font-weight="bold"' if bold else ""
            look += ' opacity="0.6"' if dim else ""
            yield column, columns, part, look
            column += columns


def picture(columns, lines):
    height = len(lines) * LINE + 2 * MARGIN
    breadth = columns * CELL + 2 * MARGIN
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {breadth:.0f} {height}" '
        f'width="{breadth:.0f}" height="{height}" font-size="14" '
        'font-family="ui-monospace, Menlo, Consolas, DejaVu Sans Mono, monospace">',
        f'<rect width="100%" height="100%" rx="8" fill="{BACKGROUND}"/>',
    ]
    for number, line in enumerate(lines):
        y = MARGIN + number * LINE + 13
        for column, taken, text, look in runs(line):
            if not text.strip():
                continue
            # Spaces at the ends are left out: some programs that draw drop them.
            lead = len(text) - len(text.lstrip(" "))
            text = text.strip(" ")
            taken = sum(width(char) for char in text)
            out.append(
                f'<text x="{MARGIN + (column + lead) * CELL:.1f}" y="{y}" {look} '
                f'textLength="{taken * CELL:.1f}" lengthAdjust="spacingAndGlyphs" '
                f'xml:space="preserve">{html.escape(text)}</text>'
            )
    out.append("</svg>")
    return "\n".join(out) + "\n"


def main():
    check = "--check" in sys.argv
    programs = [argument for argument in sys.argv[1:] if argument != "--check"]
    if len(programs) != 1:
        sys.exit(__doc__)
    program = str(pathlib.Path(programs[0]).resolve())
    different = []
    for name, columns, most, arguments in PICTURES:
        shown = run(program, columns, arguments).rstrip("\n").split("\n")
        command = shlex.join(arguments)
        lines = [f"\x1b[1m$ wsdump {command}\x1b[0m", *shown[:most]]
        if len(shown) > most:
            lines.append("\x1b[2m…\x1b[0m")
        drawn = picture(columns, lines)
        path = HERE / f"{name}.svg"
        if not check:
            path.write_text(drawn)
        elif not path.exists() or path.read_text() != drawn:
            different.append(path.name)
    if different:
        sys.exit(f"not what the program shows: {', '.join(different)}; run docs/pictures/make.py")


main()
