"""What the studies share: pictures drawn by seed, and an estimate as cells of a CSV file."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from wbc_core.datasets.sources import LabelledImage
from wbc_core.inference.measurements import Estimate


def drawn(images: Sequence[LabelledImage], count: int, seed: int = 0) -> tuple[LabelledImage, ...]:
    """Draw pictures without regard to their class, in their old order."""
    chosen = np.sort(np.random.default_rng(seed).choice(len(images), min(count, len(images)), replace=False))
    return tuple(images[index] for index in chosen)


def cells(estimate: Estimate | None) -> list[str]:
    """Return value and interval with four decimals; three empty cells where the part was not read."""
    if estimate is None:
        return ["", "", ""]
    return [f"{value:.4f}" for value in (estimate.value, estimate.low, estimate.high)]
