"""Trainings on a Ray cluster, through its job API: the same command, on a file system that all nodes share."""

from __future__ import annotations

import logging
import os
import secrets
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from wbc_core.errors import WbcError
from wbc_core.jobs.attempts import (
    STOPPED,
    Attempt,
    End,
    NotNow,
    training_arguments,
    training_command,
    training_environment,
)
from wbc_core.jobs.queue import Job
from wbc_core.runs.folder import LOG
from wbc_core.settings import Settings

log = logging.getLogger("wbc_core.jobs")

PREFIX = "ray:"
STOP_WAIT_S = 30
"""Seconds that the cluster gives a training to reach its batch boundary before it kills it."""

_ENDED = ("SUCCEEDED", "FAILED", "STOPPED")


def job_client(address: str) -> Any:
    """Return a client of a cluster's job API.

    Raises
    ------
    WbcError
        If the package is not installed.
    NotNow
        If the cluster does not answer.
    """
    try:
        from ray.job_submission import JobSubmissionClient

        return JobSubmissionClient(address)
    except ImportError as error:
        raise WbcError(
            "Training on a Ray cluster needs the package ray, which is not installed.",
            "Install it: pip install -c constraints.txt -r requirements-cluster.txt.",
        ) from error
    except (OSError, RuntimeError) as error:
        raise NotNow(
            f"The Ray cluster at {address} does not answer.",
            "Start it with its dashboard, or set WBC_RAY_ADDRESS; the job waits and is tried again.",
        ) from error


class RayAttempt:
    """A job of the cluster."""

    def __init__(self, client: Any, submission: str, job: Job, logged: int = 0) -> None:
        self._client, self._submission, self._job = client, submission, job
        self._logged = logged  # bytes of the run's log before this attempt
        self._silent = False

    @property
    def process(self) -> str:
        """The cluster's id of the job."""
        return PREFIX + self._submission

    def poll(self) -> End | None:
        """Return how it ended; None while it waits or runs, and while the cluster does not answer."""
        try:
            info = self._client.get_job_info(self._submission)
        except OSError as error:
            if not self._silent:
                log.warning("The Ray cluster does not answer; the job %s is kept: %s", self._job.id, error)
            self._silent = True
            return None
        except RuntimeError as error:
            return End(None, (f"The cluster no longer knows the job {self._submission}: {_first_line(error)}",))
        self._silent = False
        if info.status == "SUCCEEDED":
            return End(0)
        if info.status == "STOPPED":
            return End(STOPPED)
        if info.status == "FAILED":
            return End(info.driver_exit_code, self._words(info.message))
        return None

    def _words(self, message: str | None) -> tuple[str, ...]:
        """Return what the cluster says of a failure, with its own log; nothing where the training told its own."""
        if _size(self._job.run_dir / LOG) > self._logged:
            return ()
        words = [f"ray: {line}" for line in (message or "").splitlines()[-20:]]
        try:
            return (*self._client.get_job_logs(self._submission).splitlines()[-40:], *words)
        except (OSError, RuntimeError) as error:
            log.warning("The cluster gives no log of %s: %s", self._submission, error)
            return tuple(words)

    def stop(self) -> None:
        """Let the cluster send SIGTERM, and SIGKILL if the training does not reach a batch boundary in time."""
        try:
            self._client.stop_job(self._submission)
        except (OSError, RuntimeError) as error:
            log.warning("The cluster did not stop %s: %s", self._submission, error)

    def kill(self) -> None:
        """Ask again: the cluster itself kills what does not end."""
        self.stop()


class RayBackend:
    """Submits trainings to the cluster at ``WBC_RAY_ADDRESS``.

    All nodes see the project, its Python environment, data, weights and run folders under the same paths.

    Parameters
    ----------
    settings : Settings
        Passed on to the training.
    command : sequence of str, optional
        Stands before the arguments ``train SPEC --run DIR --device D``; this program if not given.
    """

    slots = 4  # the cluster itself decides which of them run at once
    outlives_worker = True

    def __init__(self, settings: Settings, command: Sequence[str] = ()) -> None:
        self._settings = settings
        self._command = tuple(command) or training_command(sys.executable)
        self._connected: Any = None

    @property
    def _client(self) -> Any:
        if self._connected is None:
            self._connected = job_client(self._settings.ray_address)
        return self._connected

    def start(self, job: Job, *, export: bool = True) -> Attempt:
        """Submit the training; it takes a CPU of the cluster, and a GPU where the job's device says so."""
        alone = (sys.executable, "-m", "wbc_core.jobs.alone", str(job.run_dir))
        entrypoint = shlex.join([*alone, *self._command, *training_arguments(job, export=export)])
        environment = training_environment(self._settings, os.environ)
        logged = _size(job.run_dir / LOG)
        try:
            submission = self._client.submit_job(
                entrypoint=f"exec {entrypoint}",  # the signal is to reach the training, not a shell around it
                submission_id=f"{job.id}-{job.attempts}-{secrets.token_hex(3)}",
                runtime_env={"env_vars": environment | {"RAY_JOB_STOP_WAIT_TIME_S": str(STOP_WAIT_S)}},
                metadata={"run": str(job.run_dir), "title": job.title},
                entrypoint_num_cpus=1,
                entrypoint_num_gpus=1 if job.device == "gpu" else None,
            )
        except OSError as error:
            self._connected = None
            raise NotNow(
                f"The Ray cluster at {self._settings.ray_address} does not answer.", "The job is tried again."
            ) from error
        except RuntimeError as error:
            raise WbcError(
                f"The Ray cluster refused the job: {_first_line(error)}",
                "Compare the versions of ray here and on the cluster, and see the cluster's dashboard.",
            ) from error
        return RayAttempt(self._client, submission, job, logged)

    def adopt(self, job: Job) -> Attempt | None:
        """Return the job's training that still waits or runs on the cluster."""
        try:
            submitted = self._client.list_jobs()
        except OSError as error:
            self._connected = None
            raise NotNow(
                f"The Ray cluster at {self._settings.ray_address} does not answer.", "The job is tried again."
            ) from error
        for info in submitted:
            if (info.metadata or {}).get("run") == str(job.run_dir) and info.status not in _ENDED:
                return RayAttempt(self._client, info.submission_id, job)
        return None


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]
