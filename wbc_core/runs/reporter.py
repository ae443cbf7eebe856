"""The sign of life of a run: ``status.json`` is renewed on every change and every few seconds in between."""

from __future__ import annotations

import os
import socket
import threading
import time
from pathlib import Path
from typing import Any, Self

from wbc_core.runs.folder import State, write_status

HEARTBEAT_S = 3.0


class Reporter:
    """Keeps a run's ``status.json`` fresh while its process works; used as a context manager.

    Parameters
    ----------
    run_dir : Path
        The run's folder; it exists.
    """

    def __init__(self, run_dir: Path) -> None:
        self.run_dir = run_dir
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._state: State = "preparing"
        self._fields: dict[str, Any] = {
            "pid": os.getpid(),
            "host": socket.gethostname(),
            "started": time.time(),
            "step": 0,
            "eta_s": None,
        }
        self._written = 0.0
        self._thread = threading.Thread(target=self._beat, name="heartbeat", daemon=True)

    def __enter__(self) -> Self:
        self._write()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def report(self, state: State, **fields: Any) -> None:
        """Take a new state and fields, and write them now."""
        with self._lock:
            self._state = state
            self._fields |= fields
        self._write()

    def step(self, step: int, eta_s: float | None) -> None:
        """Take the number of batches done; written at once only if the last writing is some time ago."""
        with self._lock:
            self._fields |= {"step": step, "eta_s": eta_s}
        if time.monotonic() - self._written > HEARTBEAT_S / 3:
            self._write()

    def _write(self) -> None:
        with self._lock:
            self._written = time.monotonic()
            write_status(self.run_dir, self._state, **self._fields)

    def _beat(self) -> None:
        while not self._ended.wait(HEARTBEAT_S):
            self._write()
