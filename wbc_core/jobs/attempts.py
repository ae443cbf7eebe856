"""What the worker asks of a backend, whether the training runs beside it or on a cluster."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from wbc_core.errors import WbcError
from wbc_core.jobs.alone import BUSY
from wbc_core.jobs.queue import Job
from wbc_core.runs.folder import SPEC
from wbc_core.settings import ROOT, Settings

STOPPED = 3
"""Exit code of a training that ended because it was asked to."""

_KEPT_HERE = frozenset({"database_url", "jobs_worker", "ray_address"})


class NotNow(WbcError):
    """A training that cannot be started at this moment; the job waits and is tried again."""


@dataclass(frozen=True)
class End:
    """How a training process ended.

    Attributes
    ----------
    code : int or None
        Exit code; minus the signal's number where a signal ended it; None where nobody can tell any more.
    words : tuple of str
        What the backend itself says about it, for the log.
    """

    code: int | None
    words: tuple[str, ...] = ()

    @property
    def busy(self) -> bool:
        """Whether it did not start because another process holds the run folder."""
        return self.code == BUSY


class Attempt(Protocol):
    """One training process at work."""

    @property
    def process(self) -> str:
        """Its name, by which another worker finds it again."""

    def poll(self) -> End | None:
        """Return how it ended; None while it runs."""

    def stop(self) -> None:
        """Ask it to end at the next batch boundary."""

    def kill(self) -> None:
        """End it now."""


class Backend(Protocol):
    """Where trainings run."""

    slots: int
    """How many of them one worker starts at once."""
    outlives_worker: bool
    """Whether trainings go on when the worker ends, and the next worker finds them."""

    def start(self, job: Job, *, export: bool = True) -> Attempt:
        """Start or continue a job's training in its run folder.

        Raises
        ------
        NotNow
            If it cannot be started yet.
        WbcError
            If it cannot be started at all.
        """

    def adopt(self, job: Job) -> Attempt | None:
        """Return a job's training that still runs from an earlier worker; None if there is none."""


def training_command(python: str) -> tuple[str, ...]:
    """Return the command line of the program, without arguments."""
    return (python, "-m", "wbc_core")


def training_arguments(job: Job, *, export: bool = True) -> tuple[str, ...]:
    """Return the arguments that train a job's recipe in its run folder; without export it ends after its epochs."""
    arguments = ("train", str(job.run_dir / SPEC), "--run", str(job.run_dir), "--device", job.device)
    return arguments if export else (*arguments, "--no-export")


def training_environment(settings: Settings, environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that make a process elsewhere see the same data, models and code as this one."""
    values = {f"WBC_{name.upper()}": value for name, value in settings if name not in _KEPT_HERE}
    passed = {name: str(value.absolute() if isinstance(value, Path) else value) for name, value in values.items()}
    if "KERAS_BACKEND" in environment:
        passed["KERAS_BACKEND"] = environment["KERAS_BACKEND"]
    paths = [str(ROOT), *filter(None, [environment.get("PYTHONPATH", "")])]
    return passed | {"PYTHONPATH": os.pathsep.join(paths), "PYTHONUNBUFFERED": "1"}
