"""Pictures that hold no blood cell: photographs, noise and empty fields, to see whether a model refuses them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]

SIDE = 240


def photograph(seed: int) -> Picture:
    """Return a part of one of scikit-learn's two sample photographs, a temple and a flower.

    Parameters
    ----------
    seed : int
        Chooses photograph, place, size and mirroring.

    Returns
    -------
    ndarray of uint8, shape (240, 240, 3)
        In RGB.
    """
    from sklearn.datasets import load_sample_images

    rng = np.random.default_rng([1, seed])
    whole = load_sample_images().images[seed % 2]
    side = int(rng.integers(96, min(whole.shape[:2]) + 1))
    top, left = (int(rng.integers(length - side + 1)) for length in whole.shape[:2])
    part = whole[top : top + side, left : left + side, :]
    if rng.random() < 0.5:
        part = part[:, ::-1]
    return np.asarray(cv2.resize(part, (SIDE, SIDE), interpolation=cv2.INTER_AREA), dtype=np.uint8)


def noise(seed: int) -> Picture:
    """Return noise of any grain: from single pixels to soft clouds, grey or coloured.

    Returns
    -------
    ndarray of uint8, shape (240, 240, 3)
        In RGB.
    """
    rng = np.random.default_rng([2, seed])
    channels = 3 if rng.random() < 0.7 else 1
    values: NDArray[np.float32] = rng.normal(size=(SIDE, SIDE, channels)).astype(np.float32)
    grain = float(rng.choice([0, 1, 3, 8, 20]))
    if grain:
        values = np.asarray(cv2.GaussianBlur(values, (0, 0), grain), np.float32).reshape(SIDE, SIDE, channels)
    values = (values - values.mean()) / values.std()
    shades = rng.uniform(60, 200) + rng.uniform(15, 70) * values
    return np.broadcast_to(shades, (SIDE, SIDE, 3)).clip(0, 255).astype(np.uint8)


def empty_field(seed: int) -> Picture:
    """Return a field without any cell: one shade from white to the pink of a smear, uneven light, a camera's noise.

    Returns
    -------
    ndarray of uint8, shape (240, 240, 3)
        In RGB.
    """
    rng = np.random.default_rng([3, seed])
    shade = rng.uniform((200, 180, 180), (255, 245, 250))
    across = np.linspace(-1, 1, SIDE)
    light = 1 + rng.uniform(-0.06, 0.06) * across[:, None] + rng.uniform(-0.06, 0.06) * across
    field = shade * light[..., None] + rng.normal(0, rng.uniform(0.5, 4), (SIDE, SIDE, 3))
    return field.clip(0, 255).astype(np.uint8)


ODDITIES: Mapping[str, Callable[[int], Picture]] = {
    "photographs": photograph,
    "noise": noise,
    "empty fields": empty_field,
}
"""Makers of such pictures by name; each takes a seed."""
