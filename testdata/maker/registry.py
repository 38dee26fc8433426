"""The list of captures: every builder function adds its own by a decorator."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from .pcapfile import pcap
from .trace import Trace

FOLDER = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Capture:
    """One file to be made."""

    name: str
    shows: str
    group: str
    made_by: str
    build: Callable[[], bytes]


captures: list[Capture] = []


def made(name: str, shows: str):
    """Registers a function that returns the bytes of a capture file."""

    def register(function):
        group = function.__module__.rsplit('.', 1)[-1]
        made_by = f'{group}.{function.__name__}'
        captures.append(Capture(name, shows, group, made_by, function))
        return function

    return register


def traced(name: str, shows: str):
    """Registers a function that fills a Trace; the file is a plain Ethernet pcap."""

    def register(function):
        def build() -> bytes:
            trace = Trace()
            function(trace)
            return pcap(trace.packets())

        build.__name__ = function.__name__
        build.__module__ = function.__module__
        made(name, shows)(build)
        return function

    return register


def source(name: str) -> bytes:
    """The bytes of a capture that was recorded, not made."""
    return (FOLDER / name).read_bytes()
