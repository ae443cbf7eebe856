"""Processes named so that they are not mistaken for another: host, process id and start time."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

import psutil

START_TOLERANCE_S = 2.0
"""Start times come from the boot time, which a corrected clock moves by a second."""


@dataclass(frozen=True)
class ProcessName:
    """One process of one host.

    Attributes
    ----------
    host : str
        Name of the host.
    pid : int
        Process id.
    started : float
        When it started, in seconds since 1970: ids are used again, start times are not.
    """

    host: str
    pid: int
    started: float

    def __str__(self) -> str:
        return f"{self.host}:{self.pid}:{self.started:.2f}"

    @property
    def here(self) -> bool:
        """Whether the process belongs to this host."""
        return self.host == socket.gethostname()

    def alive(self) -> bool:
        """Return whether this very process still runs here; a zombie does not."""
        if not self.here:
            return False
        try:
            process = psutil.Process(self.pid)
            same = abs(process.create_time() - self.started) < START_TOLERANCE_S
            return same and process.status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return False

    def send(self, number: signal.Signals, *, to_group: bool = False) -> None:
        """Send a signal to the process, or to the group it leads; a process that is gone is no fault."""
        if not self.alive():
            return
        try:
            if to_group and os.getpgid(self.pid) == self.pid:
                os.killpg(self.pid, number)
            else:
                os.kill(self.pid, number)
        except ProcessLookupError:
            return


@contextmanager
def ending_on_signals(end: Callable[[], None]) -> Iterator[None]:
    """Call ``end`` at SIGTERM and SIGINT, and put back afterwards what they did before."""

    def handle(number: int, frame: FrameType | None) -> None:
        end()

    before = {number: signal.signal(number, handle) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def process_name(pid: int | None = None) -> ProcessName:
    """Name a running process of this host; this one if no id is given.

    Raises
    ------
    psutil.NoSuchProcess
        If there is none of that id.
    """
    number = os.getpid() if pid is None else pid
    return ProcessName(socket.gethostname(), number, psutil.Process(number).create_time())


def parse_process_name(text: str) -> ProcessName | None:
    """Read what ``str`` of a process name wrote, words after it left out; None for anything else."""
    host, _, rest = text.partition(" ")[0].partition(":")
    pid, _, started = rest.partition(":")
    try:
        return ProcessName(host, int(pid), float(started))
    except ValueError:
        return None
