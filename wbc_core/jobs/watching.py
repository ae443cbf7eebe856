"""One job under a worker's eyes: started or adopted, followed through its run folder, ended, written down."""

from __future__ import annotations

import errno
import logging
import time
from dataclasses import dataclass
from typing import Any, Literal

from wbc_core.errors import WbcError
from wbc_core.jobs.attempts import Attempt, Backend, End, NotNow
from wbc_core.jobs.endings import CONTINUES, Outcome, judge
from wbc_core.jobs.queue import Job, Queue
from wbc_core.jobs.states import ACTIVE, MOVES
from wbc_core.runs.folder import ENDED, SPEC, RunStatus, append_log, last_lines, read_status, write_status

log = logging.getLogger("wbc_core.jobs")

JUDGED_LINES = 60


@dataclass(frozen=True)
class Timing:
    """How patient a worker is. All in seconds.

    Attributes
    ----------
    poll_s : float
        Between two looks at the queue and at the trainings.
    beat_s : float
        Between two signs of life, and two searches for workers that have died.
    grace_s : float
        From the request to end until a training that does not is killed; batches of large networks take long.
    shutdown_grace_s : float
        The same when the worker itself has to end, which a service manager does not wait long for.
    retry_s : float
        Until a job that could not be started is tried again.
    """

    poll_s: float = 1.0
    beat_s: float = 3.0
    grace_s: float = 60.0
    shutdown_grace_s: float = 6.0
    retry_s: float = 30.0


class Watch:
    """One job of a worker, from the start of its training to the end that the database keeps.

    Parameters
    ----------
    queue : Queue
        Where the job is kept.
    backend : Backend
        Where it trains.
    job : Job
        The job; it belongs to the worker.
    worker : str
        The worker's name.
    timing : Timing
        How patient it is.
    export : bool
        Without it the training ends after its last epoch.
    """

    def __init__(
        self, queue: Queue, backend: Backend, job: Job, worker: str, timing: Timing, *, export: bool = True
    ) -> None:
        self.job = job
        self.outcome: Outcome | None = None
        """Where the job goes; None while it trains."""
        self.lost = False
        """Whether the job has become another worker's."""
        self._queue, self._backend, self._worker, self._timing, self._export = queue, backend, worker, timing, export
        self._attempt: Attempt | None = None
        self._asked: Literal["cancel", "shutdown"] | None = None
        self._kill_at = float("inf")
        self._first_epoch = job.epoch
        self._delay = 0.0

    def adopt(self) -> bool:
        """Look after the job's training if it still runs from an earlier worker; return whether it does.

        Raises
        ------
        NotNow
            If nobody can tell at this moment.
        """
        self._attempt = self._backend.adopt(self.job)
        if self._attempt is None:
            return False
        status = read_status(self.job.run_dir)
        self._first_epoch = status.epoch if status is not None else self.job.epoch
        self._name_process()
        return True

    def begin(self) -> None:
        """Start or continue the training; whatever prevents it becomes the job's outcome."""
        try:
            if self.adopt():
                return
            if self.job.cancel_requested:
                self.outcome = Outcome("cancelled", "Cancelled.", CONTINUES)
                return
            self._prepare_folder()
            self._attempt = self._backend.start(self.job, export=self._export)
            self._name_process()
        except NotNow as error:
            self._delay = self._timing.retry_s
            self.outcome = Outcome("interrupted", error.message, error.hint, self.job.deaths)
        except WbcError as error:
            self.outcome = Outcome("failed", error.message, error.hint)
        except OSError as error:
            self.outcome = Outcome("failed", *_explained(error))

    def _prepare_folder(self) -> None:
        run_dir = self.job.run_dir
        run_dir.mkdir(parents=True, exist_ok=True)
        spec = run_dir / SPEC
        if not spec.exists() or spec.read_text(encoding="utf-8") != self.job.spec:
            spec.write_text(self.job.spec, encoding="utf-8")
        # What an earlier attempt said of its end is over; its epochs are not.
        write_status(run_dir, "preparing", pid=None, host="", started=time.time(), eta_s=None)

    def _name_process(self) -> None:
        assert self._attempt is not None
        self._note(process=self._attempt.process)

    def ask(self, what: Literal["cancel", "shutdown"]) -> None:
        """Ask the training to end at the next batch boundary; it is killed if it does not in time."""
        if self._attempt is None or self._asked is not None:
            return
        self._asked = what
        grace = self._timing.grace_s if what == "cancel" else self._timing.shutdown_grace_s
        self._kill_at = time.monotonic() + grace
        self._attempt.stop()

    def look(self) -> None:
        """Carry the run's status over to the database, pass on a request to cancel, and notice the end."""
        if self._attempt is None or self.outcome is not None:
            return
        end = self._attempt.poll()
        status = read_status(self.job.run_dir)
        if end is not None:
            self._conclude(end, status)
            return
        self.job = self._queue.get(self.job.id)
        if self.job.worker != self._worker or self.job.state not in ACTIVE:
            self._let_go()
            return
        if status is not None and status.heartbeat != self.job.heartbeat:
            self._note(**self._carried(status))
        if self.job.cancel_requested:
            self.ask("cancel")
        if time.monotonic() > self._kill_at:
            self._attempt.kill()

    def _carried(self, status: RunStatus) -> dict[str, Any]:
        values: dict[str, Any] = {
            "heartbeat": status.heartbeat,
            "epoch": status.epoch,
            "progress": status.progress,
            "eta_s": status.eta_s,
        }
        if status.epochs is not None:
            values["epochs"] = status.epochs
        if status.state in ACTIVE and status.state in MOVES[self.job.state]:
            values["state"] = status.state
        return values

    def _note(self, **values: Any) -> None:
        if not self._queue.note(self.job.id, self._worker, **values):
            self._let_go()

    def _let_go(self) -> None:
        """Leave the job to whoever has it now; two trainings on one run folder must not be."""
        log.warning("The job %s is no longer this worker's.", self.job.id)
        self.lost = True
        if self._attempt is not None and not self._backend.outlives_worker:
            self._attempt.kill()

    def take_over(self) -> bool:
        """Make a dead worker's job this worker's: adopt its training, or judge what that has left.

        Returns
        -------
        bool
            False where another worker was faster.

        Raises
        ------
        NotNow
            If nobody can tell at this moment whether the training runs; the job then stays as it is.
        """
        running = self._backend.adopt(self.job) is not None
        if not self._queue.take_over(self.job.id, self.job.worker, self._worker):
            return False
        log.info("The worker of the job %s has died; its training %s.", self.job.id, "runs" if running else "is gone")
        if not running or not self.adopt():
            self._conclude_unseen()
        return True

    def _conclude_unseen(self) -> None:
        """Judge a training that ended while no worker looked, by what it left in its folder."""
        self._conclude(End(None), read_status(self.job.run_dir))

    def _conclude(self, end: End, status: RunStatus | None) -> None:
        try:
            for line in end.words:
                append_log(self.job.run_dir, line)
        except OSError as error:  # a full disk must not hide how the training ended
            log.warning("The log of the job %s cannot be written: %s", self.job.id, error)
        asked = "cancel" if self._queue.get(self.job.id).cancel_requested else self._asked
        progressed = status is not None and status.epoch > self._first_epoch
        lines = last_lines(self.job.run_dir, JUDGED_LINES)
        self.outcome = judge(end, status, lines, asked=asked, deaths=self.job.deaths, progressed=progressed)
        if end.busy:
            self._delay = self._timing.retry_s

    def give_up(self, error: Exception) -> None:
        """End a job with which the worker itself cannot go on."""
        if self._attempt is not None:
            self._attempt.kill()
        self.outcome = Outcome("failed", f"The worker met a fault: {type(error).__name__}: {error}.", CONTINUES)

    def record(self) -> Job:
        """Write the outcome into the run folder and the database; may be repeated if that fails."""
        assert self.outcome is not None
        outcome, run_dir = self.outcome, self.job.run_dir
        status = read_status(run_dir)
        values: dict[str, Any] = {"message": outcome.message, "hint": outcome.hint, "deaths": outcome.deaths}
        if status is not None:
            values |= {"epoch": status.epoch, "heartbeat": status.heartbeat, "progress": status.progress}
            if status.state != outcome.state and self._delay == 0.0:
                _try_status(self.job, outcome)
        if outcome.state == "finished":
            values["progress"] = 1.0
        if self._delay:
            values |= {"available": time.time() + self._delay, "attempts": self.job.attempts - 1}
        self.job = self._queue.move(self.job.id, outcome.state, worker=self._worker, **values)
        said = f"{outcome.state}. {outcome.message}" if outcome.message else outcome.state
        log.info("The job %s is %s", self.job.id, said)
        return self.job


def _try_status(job: Job, outcome: Outcome) -> None:
    """Let the run folder say the same as the database, where the disk allows."""
    ended = {"eta_s": None} if outcome.state in ENDED else {}
    try:
        write_status(job.run_dir, outcome.state, message=outcome.message, hint=outcome.hint, **ended)
    except OSError as error:
        log.warning("The status of the job %s cannot be written: %s", job.id, error)


def _explained(error: OSError) -> tuple[str, str]:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "The disk is full: the run folder could not be made.", "Make room, and resume the job."
    return (
        f"The run folder could not be made: {error.strerror or error}.",
        "Check WBC_RUNS_DIR and the right to write there, and resume the job.",
    )
