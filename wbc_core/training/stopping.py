"""Ending a run from outside: a signal asks, and the run ends at the next batch boundary."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any


class RunCancelled(Exception):
    """Somebody asked the run to end; it continues from its last finished epoch when it is started again."""


class StopRequest:
    """Whether somebody asked this process to end its run."""

    def __init__(self) -> None:
        self._asked = threading.Event()

    def ask(self) -> None:
        """Ask for the end at the next batch boundary."""
        self._asked.set()

    def check(self) -> None:
        """Raise :class:`RunCancelled` if the end was asked for."""
        if self._asked.is_set():
            raise RunCancelled


@contextmanager
def stop_on_signals(request: StopRequest) -> Iterator[None]:
    """Let SIGTERM and SIGINT ask for the end; a second signal of a kind acts as it does by default.

    Outside the main thread, where Python allows no signal handlers, nothing changes.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before: dict[int, Any] = {}

    def handle(number: int, frame: FrameType | None) -> None:
        request.ask()
        signal.signal(number, before[number])

    for asked in (signal.SIGTERM, signal.SIGINT):
        before[asked] = signal.signal(asked, handle)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
