"""Trainings as child processes of the worker, one at a time."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Sequence

from wbc_core.jobs.alone import holder
from wbc_core.jobs.attempts import Attempt, End, NotNow, training_arguments, training_command, training_environment
from wbc_core.jobs.processes import ProcessName, parse_process_name, process_name
from wbc_core.jobs.queue import Job
from wbc_core.runs.folder import LOG
from wbc_core.settings import Settings


class LocalAttempt:
    """A training process of this host; a child of this worker, or one that an earlier worker left behind."""

    def __init__(self, name: ProcessName, child: subprocess.Popen[bytes] | None) -> None:
        self._name = name
        self._child = child

    @property
    def process(self) -> str:
        """Host, process id and start time."""
        return str(self._name)

    def poll(self) -> End | None:
        """Return how it ended; what a process was to another worker nobody can tell any more."""
        if self._child is not None:
            code = self._child.poll()
            return None if code is None else End(code)
        return None if self._name.alive() else End(None)

    def stop(self) -> None:
        """Send SIGTERM to the training alone: what it started ends with it."""
        self._name.send(signal.SIGTERM)

    def kill(self) -> None:
        """Send SIGKILL to the training and all it started."""
        self._name.send(signal.SIGKILL, to_group=True)


class LocalBackend:
    """Starts trainings on this host.

    Parameters
    ----------
    settings : Settings
        Passed on to the training.
    command : sequence of str, optional
        Stands before the arguments ``train SPEC --run DIR --device D``; this program if not given.
    """

    slots = 1  # a training uses every core
    outlives_worker = False

    def __init__(self, settings: Settings, command: Sequence[str] = ()) -> None:
        self._settings = settings
        self._command = tuple(command) or training_command(sys.executable)

    def start(self, job: Job, *, export: bool = True) -> Attempt:
        """Start the training in a process group of its own, so that no signal meant for the worker reaches it."""
        alone = (sys.executable, "-m", "wbc_core.jobs.alone", str(job.run_dir))
        environment = os.environ | training_environment(self._settings, os.environ)
        with (job.run_dir / LOG).open("ab") as log:
            try:
                child = subprocess.Popen(  # noqa: S603  (a list, no shell)
                    [*alone, *self._command, *training_arguments(job, export=export)],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    env=environment,
                    start_new_session=True,
                )
            except BlockingIOError as error:
                raise NotNow("This host has too many processes to start one more.", "It is tried again.") from error
        # Until poll() is called even a child that is dead already has its name.
        return LocalAttempt(process_name(child.pid), child)

    def adopt(self, job: Job) -> Attempt | None:
        """Return the job's training process if it still runs here."""
        for name in (parse_process_name(job.process), holder(job.run_dir)):
            if name is not None and name.alive():
                return LocalAttempt(name, None)
        return None
