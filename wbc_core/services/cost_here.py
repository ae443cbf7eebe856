"""Speed and memory of one model in this process, started for it alone by ``compare_cost``.

It imports no more than a prediction needs: what it measures is the model, not the tools of a comparison.
"""

from __future__ import annotations

import json
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from wbc_core.services.prediction import predict_paths


@dataclass(frozen=True)
class CostHere:
    """Speed and memory measured now, on this host.

    Attributes
    ----------
    images : int
        Pictures timed.
    images_per_second : float
        Of one run over them, the model loaded before.
    first_answer_s : float
        From loading the model in a fresh process to its first answer.
    memory_mb : float
        Resident memory of that process after the run, in 10⁶ bytes.
    added_mb : float
        The part of it that came with the model and its run.
    """

    images: int
    images_per_second: float
    first_answer_s: float
    memory_mb: float
    added_mb: float


def measure_here(model_id: str, images: str) -> None:
    """Measure in this process and write the result as JSON to the standard output."""
    process = psutil.Process()
    before = process.memory_info().rss
    start = time.perf_counter()
    next(iter(predict_paths([Path(images)], model_id=model_id)))
    first = time.perf_counter() - start
    start = time.perf_counter()
    count = sum(1 for _ in predict_paths([Path(images)], model_id=model_id))
    seconds = time.perf_counter() - start
    after = process.memory_info().rss
    found = CostHere(
        count, round(count / seconds, 1), round(first, 3), round(after / 1e6, 1), round((after - before) / 1e6, 1)
    )
    sys.stdout.write(json.dumps(asdict(found)))
