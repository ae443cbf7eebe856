"""The process that works off the queue: one training at a time beside it, more on a cluster, none of them lost."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Mapping

from sqlalchemy.exc import SQLAlchemyError

from wbc_core.errors import WbcError
from wbc_core.jobs.attempts import Backend, NotNow
from wbc_core.jobs.local_backend import LocalBackend
from wbc_core.jobs.processes import ending_on_signals, process_name
from wbc_core.jobs.queue import BackendName, Job, Queue, open_queue
from wbc_core.jobs.ray_backend import RayBackend
from wbc_core.jobs.staff import APP, Staff
from wbc_core.jobs.states import ACTIVE
from wbc_core.jobs.watching import Timing, Watch
from wbc_core.settings import Settings, settings

log = logging.getLogger("wbc_core.jobs")

NICENESS = 5
"""Lower priority of a worker beside the app, and of its trainings: a page answers first."""


class Worker:
    """Claims jobs, starts them, follows them to their end, and takes over those of workers that have died.

    Parameters
    ----------
    queue : Queue
        The queue.
    backends : mapping of str to Backend
        Where jobs run.
    staff : Staff, optional
        The list of workers.
    timing : Timing, optional
        How patient it is.
    beside_app : bool
        Whether it belongs to an app: it then works only while it is the only one of its kind, and ends with its
        parent process.
    """

    def __init__(
        self,
        queue: Queue,
        backends: Mapping[BackendName, Backend],
        *,
        staff: Staff | None = None,
        timing: Timing | None = None,
        beside_app: bool = False,
    ) -> None:
        self.name = str(process_name())
        self._queue, self._backends = queue, backends
        self._staff = staff or Staff(queue.engine)
        self._timing = timing or Timing()
        self._beside_app = beside_app
        self._parent = os.getppid()
        self._watches: list[Watch] = []
        self._ending = threading.Event()
        self._next_beat = 0.0
        self._suspects = 0

    def end(self) -> None:
        """Let :meth:`run` return soon: the training beside it is told to stop, and resumed by the next worker."""
        self._ending.set()

    def run(self, *, once: bool = False) -> None:
        """Work until :meth:`end` is called; with ``once``, until nothing is left to do."""
        while not self._ending.is_set():
            try:
                busy = self._round()
            except SQLAlchemyError:
                log.exception("The database of jobs does not answer; it is tried again.")
                busy = True
            if once and not busy:
                break
            if self._beside_app and os.getppid() != self._parent:
                break
            self._ending.wait(self._timing.poll_s)
        self._shut_down()

    def _round(self) -> bool:
        """Do everything that is to be done now; return whether anything goes on."""
        if time.monotonic() >= self._next_beat:
            if self._beside_app and not self._staff.hold(APP, self.name) and not self._watches:
                return True
            self._staff.beat(self.name)
            self._take_over_from_the_dead()
            self._next_beat = time.monotonic() + self._timing.beat_s
        for watch in self._watches:
            _guarded(watch, watch.look)
        self._write_down_ends()
        if not self._suspects:  # their trainings may still use this host
            self._claim()
        return bool(self._watches or self._suspects)

    def _write_down_ends(self) -> None:
        """Record what has ended; a job that somebody else changed meanwhile is left to them."""
        for watch in [watch for watch in self._watches if watch.outcome is not None and not watch.lost]:
            try:
                watch.record()
            except WbcError as error:
                log.warning("The end of the job %s is not recorded: %s", watch.job.id, error)
            self._watches.remove(watch)
        self._watches = [watch for watch in self._watches if not watch.lost]

    def _claim(self) -> None:
        """Take up jobs for every place that is free."""
        for name, backend in self._backends.items():
            while sum(watch.job.backend == name for watch in self._watches) < backend.slots:
                job = self._queue.claim(self.name, (name,))
                if job is None:
                    break
                log.info("The job %s (%s) is taken up, attempt %d.", job.id, job.title, job.attempts)
                watch = self._watch(job)
                self._watches.append(watch)
                _guarded(watch, watch.begin)
                self._write_down_ends()

    def _watch(self, job: Job) -> Watch:
        return Watch(self._queue, self._backends[job.backend], job, self.name, self._timing)

    def _take_over_from_the_dead(self) -> None:
        """Adopt trainings whose worker has died, or put their jobs back into the queue."""
        heartbeats = self._staff.heartbeats()
        self._suspects = 0
        mine = {watch.job.id for watch in self._watches}
        for job in self._queue.listed(states=tuple(ACTIVE)):
            if job.id in mine or job.backend not in self._backends:
                continue
            if not self._staff.silent(job.worker, heartbeats.get(job.worker)):
                self._suspects += self._staff.in_doubt(job.worker)
                continue
            watch = self._watch(job)
            try:
                if watch.take_over():
                    self._watches.append(watch)
            except NotNow as error:
                log.warning("The job %s of a dead worker stays as it is: %s", job.id, error)
        for name, heartbeat in heartbeats.items():
            if self._staff.silent(name, heartbeat):
                self._staff.leave(name)

    def _shut_down(self) -> None:
        """Tell trainings to stop that would not outlive this worker, wait for them, and leave the list."""
        try:
            for watch in self._watches:
                if not self._backends[watch.job.backend].outlives_worker:
                    watch.ask("shutdown")
            while any(not self._backends[watch.job.backend].outlives_worker for watch in self._watches):
                for watch in self._watches:
                    _guarded(watch, watch.look)
                self._write_down_ends()
                time.sleep(min(0.1, self._timing.poll_s))
            self._staff.leave(self.name)
        except SQLAlchemyError:
            log.exception("The database of jobs does not answer; the next worker finds out what is left.")


def _guarded(watch: Watch, step: Callable[[], None]) -> None:
    """Take a step for one job; a fault of that job ends the job, not the worker."""
    try:
        step()
    except SQLAlchemyError:
        raise
    except Exception as error:
        log.exception("The worker cannot go on with the job %s.", watch.job.id)
        watch.give_up(error)


def run_worker(*, once: bool = False, beside_app: bool = False, worker: Worker | None = None) -> None:
    """Work off the queue that the settings name, in this process, until SIGTERM or SIGINT.

    Parameters
    ----------
    once : bool
        End when nothing is left to do.
    beside_app : bool
        For the worker that an app starts: see :class:`Worker`.
    worker : Worker, optional
        Instead of one made from the settings.
    """
    if beside_app:
        os.nice(NICENESS)
    chosen = worker or make_worker(settings(), beside_app=beside_app)
    log.info("The worker %s is at work.", chosen.name)
    with ending_on_signals(chosen.end):
        chosen.run(once=once)


def make_worker(values: Settings, *, beside_app: bool = False, timing: Timing | None = None) -> Worker:
    """Make a worker over the queue and the backends that settings name."""
    backends: dict[BackendName, Backend] = {"local": LocalBackend(values), "ray": RayBackend(values)}
    return Worker(open_queue(values), backends, beside_app=beside_app, timing=timing)
