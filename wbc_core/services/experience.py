"""How long runs took on this host: what an estimate rests on where there is any."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from statistics import median

import pandas as pd

from wbc_core.errors import WbcError
from wbc_core.jobs.queue import Job
from wbc_core.recipes.estimate import Measured
from wbc_core.recipes.spec import Recipe, parse_recipe
from wbc_core.runs.folder import HISTORY, read_status


def measured_before(recipe: Recipe, device: str, jobs: Sequence[Job]) -> Measured | None:
    """Return how long epochs of the same kind took on this host.

    Parameters
    ----------
    recipe : Recipe
        What is to be trained.
    device : str
        Only jobs on the same device count.
    jobs : sequence of Job
        Finished jobs.

    Returns
    -------
    Measured or None
        None where no job was of the same network, input size and frozen layers.
    """
    rates = [rate for job in jobs if job.device == device and (rate := _picture_s(job, recipe)) is not None]
    return Measured(picture_s=float(median(rates)), runs=len(rates)) if rates else None


def _picture_s(job: Job, recipe: Recipe) -> float | None:
    """Return the seconds a picture of a finished job; None if it was of another kind or on another host."""
    status = read_status(job.run_dir)
    if status is None or status.host != socket.gethostname() or not status.steps:
        return None
    try:
        then = parse_recipe(job.spec)
        seconds = pd.read_csv(job.run_dir / HISTORY)["seconds"].median()  # the first epoch also compiles
    except (WbcError, OSError, ValueError, KeyError):  # from another version, or cleared away
        return None
    if _kind(then) != _kind(recipe):
        return None
    return float(seconds) / (status.steps * then.optimisation.batch_size)


def _kind(recipe: Recipe) -> tuple[object, ...]:
    """Return what the time for a picture depends on."""
    frozen = tuple(phase.frozen_through for phase in recipe.all_phases())
    return recipe.network.architecture, recipe.preprocessing.size, frozen
