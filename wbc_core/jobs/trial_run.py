"""One trial of a search as a job: begun, found again, followed step by step."""

from __future__ import annotations

import time

import pandas as pd

from wbc_core.jobs.attempts import Backend, NotNow
from wbc_core.jobs.endings import Outcome
from wbc_core.jobs.queue import Job, Queue
from wbc_core.jobs.staff import Staff
from wbc_core.jobs.states import ACTIVE, WAITING
from wbc_core.jobs.watching import Timing, Watch
from wbc_core.runs.folder import ENDED, HISTORY


class TrialRun:
    """Follows a trial's job, whoever started it, to its end; trains without export, and so without test pictures.

    Parameters
    ----------
    queue : Queue
        Where the job is kept.
    backend : Backend
        Where it trains.
    staff : Staff
        Tells whether another worker that has the job lives.
    job : Job
        The job; new ones belong to ``worker``.
    worker : str
        The search's name as a worker.
    timing : Timing
        How patient it is.
    """

    def __init__(self, queue: Queue, backend: Backend, staff: Staff, job: Job, worker: str, timing: Timing) -> None:
        self.job = job
        self._queue, self._backend, self._staff, self._worker, self._timing = queue, backend, staff, worker, timing
        self._watch: Watch | None = None
        self._given_up = ""
        if job.worker == worker:
            self._watch = self._new_watch()
            self._watch.begin()

    @property
    def ended(self) -> bool:
        """Whether the job has ended for good."""
        return self.job.state in ENDED

    @property
    def training(self) -> bool:
        """Whether this process looks after a training at this moment."""
        return self._watch is not None

    def _new_watch(self) -> Watch:
        return Watch(self._queue, self._backend, self.job, self._worker, self._timing, export=False)

    def step(self) -> None:
        """Do what is to be done now: start, continue, look, write down."""
        if self._watch is None:
            self._take()
        if self._watch is not None:
            self._watch.look()
            if self._watch.outcome is not None:
                if self._watch.outcome.state == "cancelled" and self._given_up:
                    self._watch.outcome = Outcome("cancelled", self._given_up)
                self._watch.record()
                self._watch = None
            elif self._watch.lost:
                self._watch = None
        self.job = self._queue.get(self.job.id)

    def _take(self) -> None:
        """Take the job up if it waits, or if whoever had it has died."""
        job = self.job
        if job.state in WAITING and job.available <= time.time():
            if self._queue.take(job.id, self._worker):
                self.job = self._queue.get(job.id)
                self._watch = self._new_watch()
                self._watch.begin()
        elif job.state in ACTIVE and self._staff.silent(job.worker, self._staff.heartbeats().get(job.worker)):
            watch = self._new_watch()
            try:
                self._watch = watch if watch.take_over() else None
            except NotNow:
                return  # the next step tries again

    def give_up(self, reason: str) -> None:
        """Let it end at its next batch boundary."""
        self._given_up = reason
        if not self.ended:
            self._queue.request_cancel(self.job.id)

    def shut_down(self) -> None:
        """Let its training stop, to be continued by the next process."""
        if self._watch is not None:
            self._watch.ask("shutdown")

    def validation(self) -> list[tuple[float, float]]:
        """Return validation log loss and accuracy of every epoch so far."""
        try:
            table = pd.read_csv(self.job.run_dir / HISTORY)
            return list(zip(table["val_loss"].astype(float), table["val_accuracy"].astype(float), strict=True))
        except (OSError, ValueError, KeyError):  # not yet, or just being replaced
            return []
