"""What a page, a command or a script is told about a training job."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from wbc_core.jobs.queue import BackendName, Job
from wbc_core.jobs.states import ACTIVE, WAITING
from wbc_core.runs.folder import State


@dataclass(frozen=True)
class JobView:
    """One line of the list of jobs. Times are seconds since 1970, durations seconds.

    Attributes
    ----------
    progress : float
        Share of the planned batches done, 0 to 1.
    epoch, epochs : int, int or None
        Epochs finished and planned; early stopping may end the run before.
    eta_s : float or None
        Estimate of the time left while it trains.
    heartbeat : float or None
        Last sign of life of the training.
    message, hint : str
        What happened and what to do next; empty while all is well.
    search_id : str
        The search that the job is a trial of; else empty.
    """

    id: str
    recipe_id: str
    title: str
    state: State
    backend: BackendName
    device: str
    submitted: float
    started: float | None
    ended: float | None
    progress: float
    epoch: int
    epochs: int | None
    eta_s: float | None
    heartbeat: float | None
    message: str
    hint: str
    cancel_requested: bool
    search_id: str
    run_dir: Path

    @property
    def active(self) -> bool:
        """Whether a worker is responsible for it now."""
        return self.state in ACTIVE

    @property
    def waiting(self) -> bool:
        """Whether a worker takes it up without being asked again."""
        return self.state in WAITING

    @property
    def can_cancel(self) -> bool:
        """Whether :func:`wbc_core.services.jobs.cancel_job` makes sense."""
        return (self.active or self.waiting) and not self.cancel_requested

    @property
    def can_resume(self) -> bool:
        """Whether :func:`wbc_core.services.jobs.resume_job` makes sense; trials are resumed by their search."""
        return self.state in ("cancelled", "failed") and not self.search_id

    @property
    def can_promote(self) -> bool:
        """Whether :func:`wbc_core.services.jobs.promote_job` makes sense."""
        return self.state == "finished" and not self.search_id

    def as_dict(self) -> dict[str, Any]:
        """Return the fields as JSON takes them."""
        return asdict(self) | {"run_dir": str(self.run_dir)}


@dataclass(frozen=True)
class JobDetails(JobView):
    """A job with all that its own page shows.

    Attributes
    ----------
    spec : str
        Its recipe as YAML.
    attempts : int
        How often training was started or continued.
    step, steps : int, int or None
        Batches done of the current epoch, and its number of batches.
    worker, process : str
        Who is responsible for it, and what trains: a process, or a job of a Ray cluster. Empty while nobody is.
    last_lines : tuple of str
        The end of its log.
    workers : int
        How many workers are at work; where there is none, a waiting job waits for one.
    """

    spec: str
    attempts: int
    step: int
    steps: int | None
    worker: str
    process: str
    last_lines: tuple[str, ...]
    workers: int


def view_of(job: Job) -> JobView:
    """Return a job's line of the list."""
    return JobView(**_shared(job))


def details_of(job: Job, *, step: int, steps: int | None, last_lines: tuple[str, ...], workers: int) -> JobDetails:
    """Return a job's details."""
    own: dict[str, Any] = {"spec": job.spec, "attempts": job.attempts, "worker": job.worker, "process": job.process}
    return JobDetails(**_shared(job), **own, step=step, steps=steps, last_lines=last_lines, workers=workers)


def _shared(job: Job) -> dict[str, Any]:
    return {name: getattr(job, name) for name in JobView.__dataclass_fields__}
