"""Training jobs as pages and commands use them: submit, list, look, cancel, resume, promote, estimate."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace as changed
from pathlib import Path
from typing import cast

from wbc_core.errors import RecipeError, WbcError
from wbc_core.jobs import worker
from wbc_core.jobs.queue import BackendName, Queue, open_queue
from wbc_core.jobs.staff import Staff
from wbc_core.recipes.estimate import Estimate, estimate
from wbc_core.recipes.spec import Recipe, parse_recipe
from wbc_core.runs.folder import ENDED, LOG, State, last_lines, read_status, write_status
from wbc_core.services.access import require_training
from wbc_core.services.experience import measured_before
from wbc_core.services.job_checks import check_choices, check_model_id, check_room, check_sets
from wbc_core.services.job_views import JobDetails, JobView, details_of, view_of
from wbc_core.services.promotion import install_model
from wbc_core.settings import settings

DETAIL_LINES = 40
LEARNED_FROM = 60
"""Finished jobs, the newest first, among which an estimate looks for runs of the same kind."""


def queue() -> Queue:
    """Return the queue that the settings name; every use case of a job asks for it.

    Raises
    ------
    AccessError
        If training is not open to this visitor.
    """
    require_training()
    return open_queue(settings())


def submit_job(
    text_or_path: str | Path, *, backend: str = "local", device: str = "auto", replace: bool = False
) -> JobView:
    """Check a recipe and put it into the queue.

    Parameters
    ----------
    text_or_path : str or Path
        A recipe's YAML text, or the path of its file.
    backend : str
        ``local`` or ``ray``.
    device : str
        ``auto`` takes a GPU where there is one, ``cpu`` hides it, ``gpu`` insists on one.
    replace : bool
        Whether the recipe's id may be that of an installed model.

    Returns
    -------
    JobView

    Raises
    ------
    WbcError
        If the recipe, a data set, the id, the disk, the backend or the device do not hold; nothing is queued then.
    """
    require_training()
    text, name = _text(text_or_path)
    recipe = parse_recipe(text, name)
    check_choices(backend, device)
    check_model_id(recipe, replace=replace)
    sets = check_sets(recipe)
    check_room(recipe, sum(len(part.train) + len(part.validation) for part in sets))
    return view_of(queue().submit(recipe, text=text, backend=cast(BackendName, backend), device=device))


def _text(text_or_path: str | Path) -> tuple[str, str]:
    if isinstance(text_or_path, str):
        return text_or_path, "recipe"
    try:
        return text_or_path.read_text(encoding="utf-8"), text_or_path.name
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeError(
            f"The recipe {text_or_path} cannot be read.", "Name a YAML file, see models/recipes."
        ) from error


def list_jobs(
    limit: int | None = None, offset: int = 0, *, states: Sequence[State] = (), search_id: str | None = None
) -> tuple[JobView, ...]:
    """Return jobs, the newest first.

    Parameters
    ----------
    limit : int, optional
        At most so many.
    offset : int
        Leave out so many of the newest.
    states : sequence of str
        Only those in one of these states.
    search_id : str, optional
        Only a search's trials; ``""`` for the jobs that are none.
    """
    found = queue().listed(states=states, search_id=search_id, limit=limit, offset=offset)
    return tuple(view_of(job) for job in found)


def count_jobs() -> dict[State, int]:
    """Return how many jobs are in each state that occurs."""
    return queue().count()


def job_details(job_id: str, lines: int = DETAIL_LINES) -> JobDetails:
    """Return all about a job, with the last lines of its log.

    Raises
    ------
    WbcError
        If there is no such job.
    """
    found = queue()
    job = found.get(job_id)
    status = read_status(job.run_dir)
    if status is not None and status.state == job.state and job.state not in ENDED:
        # The run folder is ahead of the database by a moment.
        job = changed(job, progress=status.progress, epoch=status.epoch, eta_s=status.eta_s)
    return details_of(
        job,
        step=status.step if status is not None else 0,
        steps=status.steps if status is not None else None,
        last_lines=last_lines(job.run_dir, lines),
        workers=len(Staff(found.engine).alive()),
    )


def follow_log(job_id: str, lines: int, *, every_s: float) -> Iterator[str]:
    """Give the last lines of a job's log, and then each new one until the job has ended.

    Parameters
    ----------
    job_id : str
        The job.
    lines : int
        At most so many of the lines that are there already.
    every_s : float
        Seconds between two looks.
    """
    found = queue()
    path = found.get(job_id).run_dir / LOG
    position, wanted = 0, slice(-lines, None)
    while True:
        ended = found.get(job_id).state in ENDED  # before the log is read: nothing comes after
        if path.exists():
            with path.open("rb") as stream:
                stream.seek(position)
                text = stream.read()
            whole = text[: text.rfind(b"\n") + 1]
            position += len(whole)
            yield from whole.decode("utf-8", errors="replace").splitlines()[wanted]
        wanted = slice(None)
        if ended:
            return
        time.sleep(every_s)


def workers_at_work() -> int:
    """Return how many workers are at work; without one, jobs wait."""
    return len(Staff(queue().engine).alive())


def run_worker(*, once: bool = False, beside_app: bool = False) -> None:
    """Work off the queue in this process until it is ended, see :func:`wbc_core.jobs.worker.run_worker`."""
    worker.run_worker(once=once, beside_app=beside_app)


def cancel_job(job_id: str) -> JobView:
    """Cancel a waiting job at once; let a running one end at its next batch boundary.

    Raises
    ------
    WbcError
        If there is no such job, or it has ended.
    """
    found = queue()
    job = found.get(job_id)
    if job.state in ENDED:
        raise WbcError(
            f"The job {job_id} cannot be cancelled: it is {job.state}.", "Only a job that has not ended can."
        )
    return view_of(found.request_cancel(job_id))


def resume_job(job_id: str, *, device: str | None = None) -> JobView:
    """Put a cancelled or failed job back into the queue; it continues from its last finished epoch.

    Parameters
    ----------
    job_id : str
        The job.
    device : str, optional
        Continue on another device, for example ``cpu`` where the GPU has vanished.

    Raises
    ------
    WbcError
        If there is no such job, it needs no resuming, or it is a trial of a search.
    """
    found = queue()
    job = found.get(job_id)
    if device is not None:
        check_choices(job.backend, device)
    if job.search_id:
        raise WbcError(f"The job {job_id} is a trial of the search {job.search_id}.", "Run the search's command again.")
    if job.state not in ("cancelled", "failed"):
        hint = {
            "finished": "Submit its recipe again for another run.",
            "interrupted": "A worker continues it by itself; start one with `wbc jobs worker`.",
            "queued": "A worker takes it up by itself; start one with `wbc jobs worker`.",
        }.get(job.state, "It is at work.")
        raise WbcError(f"The job {job_id} cannot be resumed: it is {job.state}.", hint)
    # What the last attempt said of its end must not be taken for the next one's.
    if job.run_dir.is_dir():
        try:
            write_status(job.run_dir, "queued", eta_s=None)
        except OSError as error:
            raise WbcError(
                f"The run folder {job.run_dir} cannot be written: {error.strerror}.", "Make room, and resume it again."
            ) from error
    return view_of(found.queue_again(job_id, device=device))


def promote_job(job_id: str, *, replace: bool = False) -> str:
    """Copy a finished job's model into the models folder, so that it stands in the model chooser.

    Parameters
    ----------
    job_id : str
        The job.
    replace : bool
        Whether a model of that id may be replaced.

    Returns
    -------
    str
        The model's id.

    Raises
    ------
    WbcError
        If the job has not finished, its result is not sound, or a model of that id is installed.
    """
    job = queue().get(job_id)
    if job.state != "finished":
        raise WbcError(f"The job {job_id} has no model to promote: it is {job.state}.", "Wait until it has finished.")
    return install_model(job.run_dir, replace=replace)


def estimate_job(recipe: Recipe | str, *, device: str = "auto") -> Estimate:
    """Estimate time, memory and disk of a recipe before it is started, on this host.

    Parameters
    ----------
    recipe : Recipe or str
        The recipe, or its YAML text.
    device : str
        Only runs on the same device count as experience.

    Raises
    ------
    WbcError
        If the recipe or its data sets do not hold.
    """
    require_training()
    chosen = parse_recipe(recipe) if isinstance(recipe, str) else recipe
    sets = check_sets(chosen)
    return estimate(
        chosen,
        pictures=sum(len(part.train) for part in sets),
        validation=sum(len(part.validation) for part in sets),
        cores=os.cpu_count() or 1,
        measured=measured_before(chosen, device, queue().listed(states=("finished",), limit=LEARNED_FROM)),
    )
