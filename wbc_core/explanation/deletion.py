"""Whether a map marks what counts: erase the marked region, and erase regions of the same shape elsewhere.

The deletion test of Samek et al. 2017 (arXiv:1509.06321) and Petsiuk et al. 2018 (arXiv:1806.07421), with one region a
picture. The random regions are the marked one, turned and moved, so that area and shape are the same.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from wbc_core.explanation.dense_stack import DenseStack
from wbc_core.explanation.heat_maps import against_the_others, answer_with_maps
from wbc_core.explanation.linear_head import LinearHead
from wbc_core.explanation.overlay import spread_over
from wbc_core.imaging.preprocessing import slide_colour
from wbc_core.inference.classifier import Classifier

SHARE = 0.2
"""Share of the crop that is erased."""

SOFT_EDGE = 3.0
"""Deviation in pixels of the Gaussian that softens the edge: a hard one would be a feature of its own."""


@dataclass(frozen=True)
class DeletionDrops:
    """How far the probability of the top class fell, 0 to 1: by erasing the marked region, random ones, the middle."""

    marked: float
    random: float
    middle: float


def deletion_drops(
    classifier: Classifier, head: LinearHead | DenseStack, crop: NDArray[np.uint8], *, seed: int, draws: int = 8
) -> DeletionDrops:
    """Erase regions of one crop and see how far its top class falls.

    Parameters
    ----------
    classifier : Classifier
        The model.
    head : LinearHead or DenseStack
        What follows its feature map.
    crop : ndarray of uint8, shape (size, size, 3)
        A preprocessed picture.
    seed : int
        Of the random regions.
    draws : int
        Random regions; their mean counts.

    Returns
    -------
    DeletionDrops
    """
    answer = answer_with_maps(classifier, head, crop)
    top = int(answer.logits.argmax())
    marked = strongest_region(against_the_others(answer.maps)[top], crop.shape[0])
    random = np.random.default_rng(seed)
    regions = [marked, middle_region(crop.shape[0]), *(moved(marked, random) for _ in range(draws))]
    pictures = np.stack([crop, *(erased(crop, region) for region in regions)])
    shares = classifier.probabilities(classifier.logits(pictures))[:, top]
    drops = shares[0] - shares[1:]
    return DeletionDrops(float(drops[0]), float(drops[2:].mean()), float(drops[1]))


def strongest_region(values: NDArray[np.float32], size: int, share: float = SHARE) -> NDArray[np.bool_]:
    """Return the pixels with a map's largest values, ``share`` of a (size, size) crop."""
    field = spread_over(values, size, size)
    count = round(share * field.size)
    region = np.zeros(field.size, bool)
    region[np.argsort(-field, axis=None, kind="stable")[:count]] = True
    return region.reshape(size, size)


def middle_region(size: int, share: float = SHARE) -> NDArray[np.bool_]:
    """Return the disc of the same area in the middle of a (size, size) crop: what a map must beat to say anything."""
    y, x = np.mgrid[:size, :size] - (size - 1) / 2
    region = np.zeros(size * size, bool)
    region[np.argsort(x**2 + y**2, axis=None, kind="stable")[: round(share * size * size)]] = True
    return region.reshape(size, size)


def moved(region: NDArray[np.bool_], random: np.random.Generator) -> NDArray[np.bool_]:
    """Return a region turned by a multiple of 90°, perhaps mirrored, and shifted by any distance, wrapping around."""
    turned = np.rot90(region, int(random.integers(4)))
    if random.integers(2):
        turned = turned[:, ::-1]
    size = region.shape[0]
    shift = (int(random.integers(size)), int(random.integers(size)))
    return np.roll(turned, shift, axis=(0, 1))


def erased(crop: NDArray[np.uint8], region: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Return a crop with the colour of the empty slide in a region, with a soft edge."""
    share = cv2.GaussianBlur(region.astype(np.float32), (0, 0), SOFT_EDGE)[..., np.newaxis]
    filled: NDArray[np.uint8] = np.rint(crop * (1 - share) + slide_colour(crop).astype(np.float32) * share).astype(
        np.uint8
    )
    return filled
