"""The eight drawn sample pictures: everybody may have them classified, and so the services know them."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from wbc_core.biology.cell_types import CELL_TYPES
from wbc_core.datasets.synthetic import render_cell
from wbc_core.services.access import may, require
from wbc_core.services.roles import Action

SAMPLE_SEEDS: Final = dict.fromkeys(CELL_TYPES, 7) | {"basophil": 8, "immature_granulocyte": 8, "monocyte": 5}
"""Which drawing stands for each type: one that a person would call by its name."""


def as_png(picture: NDArray[np.uint8] | cv2.typing.MatLike) -> bytes:
    """Return a picture (height, width, 3), uint8, RGB, as a PNG file."""
    return cv2.imencode(".png", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))[1].tobytes()


@lru_cache(maxsize=len(CELL_TYPES))
def sample_png(label: str) -> bytes:
    """Return the sample of a cell type as a PNG file of 360 by 360 pixels."""
    return as_png(render_cell(label, seed=SAMPLE_SEEDS[label]))


@lru_cache(maxsize=1)
def _digests() -> frozenset[bytes]:
    return frozenset(hashlib.sha256(sample_png(label)).digest() for label in CELL_TYPES)


def is_sample(data: bytes) -> bool:
    """Return whether these bytes are one of the drawn samples."""
    return hashlib.sha256(data).digest() in _digests()


def require_for_picture(data: bytes) -> None:
    """Refuse a picture from whoever may look at drawn samples alone.

    Raises
    ------
    AccessError
        As :func:`wbc_core.services.access.require`.
    """
    require(Action.LOOK if not may(Action.CLASSIFY) and is_sample(data) else Action.CLASSIFY)
