"""A recipe for trainings of seconds, or of none where a stand-in takes its place, and how tests wait for them."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from wbc_core.jobs.queue import Job
from wbc_core.runs.folder import read_status

RECIPE = """
id: tiny
title: Tiny
note: {note}
seed: 5
labels: [lymphocyte, neutrophil, platelet]
data: [{{name: made}}]
preprocessing: {{size: 32}}
network: {{architecture: baseline_cnn, initial_weights: random, dropout: 0.2}}
optimisation: {{batch_size: 4, steps_per_epoch: {steps}, epochs: {epochs}, learning_rate: 0.001, average_decay: 0.9}}
"""
WAIT_S = 240  # a busy machine is not a broken promise

T = TypeVar("T")


def tiny_recipe(*, epochs: int = 3, steps: int = 3, note: str = "") -> str:
    """Return a recipe's text; the note says how a stand-in behaves, see tests/unit/stand_in_training.py."""
    return RECIPE.format(epochs=epochs, steps=steps, note=note or "''")


def until(condition: Callable[[], T | None], what: str) -> T:
    """Poll until the condition holds; return what it gave."""
    deadline = time.monotonic() + WAIT_S
    while not (found := condition()):
        assert time.monotonic() < deadline, what
        time.sleep(0.01)
    return found


def at_the_gate(job: Job, epoch: int = 1) -> int:
    """Wait until a stand-in stands in the middle of an epoch; return its process id."""

    def there() -> int | None:
        status = read_status(job.run_dir)
        if status is None or (status.state, status.epoch, status.step) != ("running", epoch, 1):
            return None
        return status.pid

    return until(there, "the training did not get to its gate")
