"""The queue of training jobs, kept in a database that several workers and pages share."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, get_args

from sqlalchemy import Engine, RowMapping, case, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from wbc_core.errors import WbcError
from wbc_core.jobs.database import database_url, jobs, open_database
from wbc_core.jobs.states import ACTIVE, WAITING, check_move, sources_of
from wbc_core.recipes.spec import Recipe, recipe_yaml
from wbc_core.runs.folder import ENDED, State
from wbc_core.settings import Settings

log = logging.getLogger("wbc_core.jobs.queue")

BackendName = Literal["local", "ray"]
BACKENDS: tuple[BackendName, ...] = get_args(BackendName)
DEVICES = ("auto", "cpu", "gpu")
LONGEST_DELAY_S = 300.0  # what seems put off for longer was so before the clock was moved back


@dataclass(frozen=True)
class Job:
    """One row of the queue. Times are seconds since 1970.

    Attributes
    ----------
    available : float
        Not taken up before this time.
    worker, process : str
        Who is responsible, and what trains: a process of a host, or a job of a Ray cluster.
    heartbeat : float or None
        Last sign of life of the training itself.
    attempts : int
        How often training was started or continued.
    deaths : int
        How often in a row the training was killed without having finished another epoch.
    epoch, epochs : int, int or None
        Epochs finished and planned.
    progress : float
        Share of the planned batches done, 0 to 1.
    """

    number: int
    id: str
    recipe_id: str
    title: str
    spec: str
    run_dir: Path
    backend: BackendName
    device: str
    state: State
    submitted: float
    started: float | None
    ended: float | None
    available: float
    worker: str
    process: str
    heartbeat: float | None
    attempts: int
    deaths: int
    epoch: int
    epochs: int | None
    progress: float
    eta_s: float | None
    cancel_requested: bool
    message: str
    hint: str
    search_id: str


def _job(row: RowMapping) -> Job:
    values = dict(row)
    return Job(**values | {"run_dir": Path(values["run_dir"]), "cancel_requested": bool(values["cancel_requested"])})


class Queue:
    """The jobs of one database. Every change is one statement that names the state it expects.

    So two workers, or a worker and a page, never both change a job: the second finds nothing to change.

    Parameters
    ----------
    engine : sqlalchemy.Engine
        From :func:`wbc_core.jobs.database.open_database`.
    runs_dir : Path
        Folder in which each job gets its run folder.
    """

    def __init__(self, engine: Engine, runs_dir: Path) -> None:
        self.engine = engine
        self.runs_dir = runs_dir.absolute()

    def submit(
        self,
        recipe: Recipe,
        *,
        text: str = "",
        backend: BackendName = "local",
        device: str = "auto",
        search_id: str = "",
        worker: str = "",
    ) -> Job:
        """Put a recipe into the queue, in its author's words if given; with ``worker`` it is that worker's at once."""
        day = datetime.now().astimezone().strftime("%Y%m%d")
        values: dict[str, Any] = {
            "recipe_id": recipe.id,
            "title": recipe.title,
            "spec": text or recipe_yaml(recipe),
            "backend": backend,
            "device": device,
            "state": "preparing" if worker else "queued",
            "submitted": time.time(),
            "started": time.time() if worker else None,
            "worker": worker,
            "attempts": 1 if worker else 0,
            "epochs": recipe.epochs,
            "search_id": search_id,
        }
        while True:
            job_id = self._next_id(f"j-{day}-")
            try:
                with self.engine.begin() as connection:
                    connection.execute(insert(jobs).values(id=job_id, run_dir=str(self.runs_dir / job_id), **values))
            except IntegrityError:
                continue  # another process took the id
            _log_state(job_id, str(values["state"]))
            return self.get(job_id)

    def _next_id(self, prefix: str) -> str:
        """Return the day's next id that neither the database nor a run folder of an earlier one holds."""
        newest = select(jobs.c.id).where(jobs.c.id.startswith(prefix)).order_by(jobs.c.number.desc()).limit(1)
        with self.engine.connect() as connection:
            last = connection.scalar(newest)
        number = int(last.removeprefix(prefix)) + 1 if last else 1
        while (self.runs_dir / f"{prefix}{number:04d}").exists():
            number += 1
        return f"{prefix}{number:04d}"

    def get(self, job_id: str) -> Job:
        """Return a job.

        Raises
        ------
        WbcError
            If there is none of that id.
        """
        with self.engine.connect() as connection:
            row = connection.execute(select(jobs).where(jobs.c.id == job_id)).mappings().first()
        if row is None:
            raise WbcError(f"There is no job {job_id!r}.", "See `wbc jobs list`.")
        return _job(row)

    def listed(
        self,
        *,
        states: Sequence[State] = (),
        search_id: str | None = None,
        limit: int | None = None,
        offset: int = 0,
    ) -> tuple[Job, ...]:
        """Return jobs, the newest first; only those of some states or of one search where these are given."""
        query = select(jobs).order_by(jobs.c.number.desc()).limit(limit).offset(offset)
        if states:
            query = query.where(jobs.c.state.in_(states))
        if search_id is not None:
            query = query.where(jobs.c.search_id == search_id)
        with self.engine.connect() as connection:
            return tuple(_job(row) for row in connection.execute(query).mappings())

    def count(self) -> dict[State, int]:
        """Return how many jobs are in each state that occurs."""
        query = select(jobs.c.state, func.count()).group_by(jobs.c.state)
        with self.engine.connect() as connection:
            return {row[0]: row[1] for row in connection.execute(query)}

    def claim(self, worker: str, backends: Sequence[BackendName] = BACKENDS) -> Job | None:
        """Take the next waiting job for a worker: interrupted ones first, then the oldest. None if there is none."""
        waiting = (
            select(jobs.c.id)
            .where(
                jobs.c.state.in_(WAITING),
                jobs.c.backend.in_(backends),
                jobs.c.search_id == "",  # a search works off its own
                ~jobs.c.available.between(time.time(), time.time() + LONGEST_DELAY_S),
            )
            .order_by(case((jobs.c.state == "interrupted", 0), else_=1), jobs.c.number)
            .limit(1)
        )
        while True:
            with self.engine.connect() as connection:
                job_id = connection.scalar(waiting)
            if job_id is None:
                return None
            if self.take(job_id, worker):
                return self.get(job_id)

    def take(self, job_id: str, worker: str) -> bool:
        """Take one waiting job; False where another was faster."""
        return self._change(
            job_id,
            (jobs.c.state.in_(WAITING),),
            state="preparing",
            worker=worker,
            started=func.coalesce(jobs.c.started, time.time()),
            ended=None,
            attempts=jobs.c.attempts + 1,
            message="",
            hint="",
        )

    def move(self, job_id: str, new: State, *, worker: str | None = None, **values: Any) -> Job:
        """Move a job to another state.

        Parameters
        ----------
        job_id : str
            The job.
        new : State
            Where to.
        worker : str, optional
            Only if the job is still this worker's.
        **values
            Columns to set as well; ``message`` and ``hint`` are emptied unless given.

        Raises
        ------
        IllegalMove
            If its state does not allow it.
        WbcError
            If there is no such job, or it is another worker's.
        """
        conditions: list[Any] = [jobs.c.state.in_(sources_of(new))]
        if worker is not None:
            conditions.append(jobs.c.worker == worker)
        values = {"message": "", "hint": "", **values, "state": new}
        values["ended"] = time.time() if new in ENDED else None
        if new not in ACTIVE:
            values |= {"worker": "", "process": "", "eta_s": None}
        if new in ENDED or new == "queued":  # an interrupted job's worker-to-be still has to know
            values["cancel_requested"] = 0
        if not self._change(job_id, conditions, **values):
            job = self.get(job_id)
            check_move(job_id, job.state, new)
            raise WbcError(f"The job {job_id} belongs to another worker.", "Look again: it has just been changed.")
        return self.get(job_id)

    def take_over(self, job_id: str, dead: str, worker: str) -> bool:
        """Make a dead worker's active job this worker's; False where another was faster."""
        return self._change(job_id, (jobs.c.worker == dead, jobs.c.state.in_(ACTIVE)), worker=worker)

    def note(self, job_id: str, worker: str, **values: Any) -> bool:
        """Set columns of a job that is this worker's; False if it no longer is."""
        return self._change(job_id, (jobs.c.worker == worker, jobs.c.state.in_(ACTIVE)), **values)

    def request_cancel(self, job_id: str) -> Job:
        """Cancel a waiting job at once; ask the worker of an active one to do it.

        Raises
        ------
        IllegalMove
            If the job has ended.
        """
        while True:
            if self._change(job_id, (jobs.c.state.in_(ACTIVE),), cancel_requested=1):
                return self.get(job_id)
            now = {"ended": time.time(), "message": "Cancelled while it waited.", "hint": ""}
            if self._change(job_id, (jobs.c.state.in_(WAITING),), state="cancelled", **now):
                return self.get(job_id)
            check_move(job_id, self.get(job_id).state, "cancelled")  # or a worker takes it up at this moment

    def queue_again(self, job_id: str, *, device: str | None = None) -> Job:
        """Put a cancelled or failed job back into the queue; its run folder is kept, so it continues."""
        chosen = {} if device is None else {"device": device}
        return self.move(job_id, "queued", deaths=0, available=0.0, **chosen)

    def _change(self, job_id: str, conditions: Sequence[Any], **values: Any) -> bool:
        with self.engine.begin() as connection:
            result = connection.execute(update(jobs).where(jobs.c.id == job_id, *conditions).values(**values))
        if result.rowcount and "state" in values:
            _log_state(job_id, str(values["state"]))
        return bool(result.rowcount)


def _log_state(job_id: str, state: str) -> None:
    log.info("The job %s: %s.", job_id, state, extra={"event": "job.state", "job": job_id, "state": state})


def open_queue(settings: Settings) -> Queue:
    """Open the queue that the settings name."""
    return Queue(open_database(database_url(settings)), settings.runs_dir)
