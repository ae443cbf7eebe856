"""Pictures that show the same: exactly, or nearly, as after another compression, a new size or a slight crop.

Near duplicates are looked for by their gradients and confirmed by their content:

1. Two pictures are compared at all only if one of `BANDS` bands of their 64 gradient bits is equal. If they differ in
   at most `MOST_BITS` = `BANDS` - 1 bits, at least one band must be (pigeonhole principle), so none is missed.
2. Of those that differ in so few bits, reduced colour pictures are correlated, without what is black in either and next
   to black: on the black ground of cut-out cells the outline alone would make all round cells look alike.

Thresholds were set on pbc, cnmc, kaggle and raabin: of 16 known pairs of pbc 15 are found; of 3,581 cells of cnmc no
pair of two subjects is named; every pair between different originals of kaggle proved, when looked at, to show one
field. Turned or mirrored copies are not found.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from wbc_core.datasets.fingerprints import Fingerprint

BANDS = 5
MOST_BITS = BANDS - 1
"""Gradient bits in which near duplicates may differ."""

LEAST_CORRELATION = 0.95
"""Least correlation of two reduced pictures for being taken as one."""

BLACK = 16
"""Grey level below which a pixel counts as the black ground of a cut-out cell."""

LEAST_COMPARED = 24
"""Least number of pixels of the reduced pictures that must be left to compare."""

_BLOCK = 2048


@dataclass(frozen=True)
class Pair:
    """Two pictures that show nearly the same, by their positions.

    Attributes
    ----------
    first, second : int
        ``first`` < ``second``.
    correlation : float
        Of the reduced pictures, 0 to 1.
    """

    first: int
    second: int
    correlation: float


def exact_groups(marks: Mapping[int, Fingerprint]) -> tuple[tuple[int, ...], ...]:
    """Return the positions of pictures with identical pixels, two or more each, in order."""
    found: dict[str, list[int]] = defaultdict(list)
    for at, mark in sorted(marks.items()):
        found[mark.sha256].append(at)
    return tuple(tuple(group) for group in found.values() if len(group) > 1)


def near_pairs(marks: Mapping[int, Fingerprint]) -> tuple[Pair, ...]:
    """Return the pairs of pictures that show nearly the same; identical ones are not among them.

    Of several identical pictures only the first is compared.

    Parameters
    ----------
    marks : mapping of int to Fingerprint
        By position.

    Returns
    -------
    tuple of Pair
        In order of positions.
    """
    first: dict[str, int] = {}
    for at, mark in sorted(marks.items()):
        first.setdefault(mark.sha256, at)
    places = np.array(sorted(first.values()), dtype=np.int64)
    gradients = np.array([marks[int(at)].gradients for at in places], dtype=np.uint64)
    candidates = {pair for block in _candidates(gradients) for pair in block}
    found = []
    for one, other in sorted(candidates):
        at, beside = int(places[one]), int(places[other])
        correlation = content_correlation(marks[at].thumbnail, marks[beside].thumbnail)
        if correlation >= LEAST_CORRELATION:
            found.append(Pair(at, beside, correlation))
    return tuple(found)


def content_correlation(first: NDArray[np.uint8], second: NDArray[np.uint8]) -> float:
    """Return the correlation of two reduced pictures over what is black in neither, 0 where little is left.

    Parameters
    ----------
    first, second : ndarray of uint8, shape (side, side, 3)
        RGB.
    """
    lit = ((first.max(axis=2) >= BLACK) & (second.max(axis=2) >= BLACK)).astype(np.uint8)
    inner = cv2.erode(lit, np.ones((3, 3), np.uint8), borderType=cv2.BORDER_CONSTANT, borderValue=(1, 1, 1, 1)) > 0
    if int(inner.sum()) < LEAST_COMPARED:
        return 0.0
    one, other = first[inner].astype(np.float64), second[inner].astype(np.float64)
    one -= one.mean(axis=0)
    other -= other.mean(axis=0)
    spread = float(np.sqrt((one * one).sum() * (other * other).sum()))
    return float((one * other).sum()) / spread if spread > 1e-6 else 0.0


def joined(size: int, links: Iterable[Sequence[int]]) -> list[int]:
    """Join positions that are linked, directly or through others.

    Parameters
    ----------
    size : int
        Number of positions.
    links : iterable of sequence of int
        Positions that belong together.

    Returns
    -------
    list of int
        For each position, the lowest one of those it belongs to.
    """
    parents = list(range(size))

    def root(at: int) -> int:
        while parents[at] != at:
            parents[at] = parents[parents[at]]
            at = parents[at]
        return at

    for link in links:
        for other in link[1:]:
            low, high = sorted((root(link[0]), root(other)))
            parents[high] = low
    return [root(at) for at in range(size)]


def _candidates(gradients: NDArray[np.uint64]) -> Iterator[list[tuple[int, int]]]:
    """Yield pairs of indices whose gradients differ in at most `MOST_BITS` bits, some of them more than once."""
    edges = [round(64 * band / BANDS) for band in range(BANDS + 1)]
    for low, high in pairwise(edges):
        band = (gradients >> np.uint64(low)) & np.uint64(2 ** (high - low) - 1)
        order = np.argsort(band, kind="stable")
        starts = np.flatnonzero(np.diff(band[order])) + 1
        for bucket in np.split(order, starts):
            members = gradients[bucket]
            for start in range(0, len(bucket), _BLOCK):
                block = members[start : start + _BLOCK, None] ^ members[None, start:]
                rows, columns = np.nonzero(np.bitwise_count(block) <= MOST_BITS)
                ahead = rows < columns
                ones, others = bucket[start + rows[ahead]], bucket[start + columns[ahead]]
                yield [(min(a, b), max(a, b)) for a, b in zip(ones.tolist(), others.tolist(), strict=True)]
