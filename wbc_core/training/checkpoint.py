"""One checkpoint file per run: written beside, then renamed, so that a kill leaves the last whole one."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Arrays = list[NDArray[Any]]


@dataclass
class Progress:
    """Where a run stands after an epoch."""

    epoch: int = 0
    best_epoch: int = -1
    best_loss: float = float("inf")
    finished: bool = False
    history: list[dict[str, float]] = field(default_factory=list)
    plateau_factor: float = 1.0
    """What the plateau schedule has multiplied the learning rate by."""
    plateau_waited: int = 0
    """Epochs since the validation loss last fell or the factor last changed."""
    first_weights: str = ""
    """What the run started from, in words."""
    backend: str = ""
    """What Keras ran on; comma-separated where the run changed it on its way."""


def save_checkpoint(path: Path, progress: Progress, **groups: Sequence[NDArray[Any]]) -> None:
    """Write progress and groups of arrays (weights, averages, optimiser, best) to one file.

    The file is complete or absent: it is written beside its place and then renamed.
    """
    arrays: dict[str, NDArray[Any]] = {"progress": np.array(json.dumps(asdict(progress)))}
    for name, members in groups.items():
        arrays |= {f"{name}-{index:04d}": np.asarray(member) for index, member in enumerate(members)}
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    try:
        with partial.open("wb") as stream:
            np.savez(stream, **arrays)  # type: ignore[arg-type]
            stream.flush()
            os.fsync(stream.fileno())
        partial.replace(path)
    except OSError:
        partial.unlink(missing_ok=True)  # a full disk must not stay full because of the half-written file
        raise


def load_checkpoint(path: Path) -> tuple[Progress, dict[str, Arrays]]:
    """Read what :func:`save_checkpoint` wrote."""
    groups: dict[str, Arrays] = {}
    with np.load(path) as arrays:
        progress = Progress(**json.loads(str(arrays["progress"])))
        for key in sorted(name for name in arrays.files if name != "progress"):
            groups.setdefault(key.rsplit("-", 1)[0], []).append(arrays[key])
    return progress, groups
