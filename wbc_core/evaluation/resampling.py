"""Bootstrap by group as one matrix of weights: every resampled figure is then a product of matrices.

A resample draws as many groups as there are, with replacement (cluster bootstrap: Efron and Tibshirani 1993, An
Introduction to the Bootstrap). It is held as how often each group was drawn. Whatever is a function of sums over
pictures (a confusion matrix, a log loss, a calibration bin) follows for all resamples from ``weights @ sums by group``.
All models of a comparison see the same resamples, so that differences are paired.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 1000


@dataclass(frozen=True, eq=False)
class Resampling:
    """How pictures are drawn again.

    Attributes
    ----------
    codes : ndarray of int64, shape (images,)
        Group of each picture.
    groups : int
        Number of groups.
    weights : ndarray of float32, shape (resamples, groups)
        How often each group was drawn; rows sum to ``groups``.
    """

    codes: NDArray[np.int64]
    groups: int
    weights: NDArray[np.float32]

    @property
    def alone(self) -> bool:
        """Whether every picture is a group of its own."""
        return self.groups == len(self.codes)

    def group_sums(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Add up columns by group: shape (images, columns) becomes (groups, columns)."""
        sums = np.zeros((self.groups, values.shape[1]))
        if self.alone:
            sums[self.codes] = values
        else:
            np.add.at(sums, self.codes, values)
        return sums

    def sums(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the weighted sums of columns over pictures in every resample.

        Parameters
        ----------
        values : ndarray of float64, shape (images, columns)
            One row for each picture.

        Returns
        -------
        ndarray of float64, shape (resamples, columns)
        """
        return (self.weights @ self.group_sums(values).astype(np.float32)).astype(np.float64)

    def sizes(self) -> NDArray[np.float64]:
        """Return the number of pictures of every resample, shape (resamples,)."""
        counts = np.bincount(self.codes, minlength=self.groups).astype(np.float32)
        return (self.weights @ counts).astype(np.float64)


def resample(groups: Sequence[str], seed: int = 0, resamples: int = RESAMPLES) -> Resampling:
    """Draw resamples by group.

    Parameters
    ----------
    groups : sequence of str
        Group of each picture; an empty one makes the picture a group of its own. Where all pictures are of one group
        nothing could vary: each is then taken alone.
    seed : int
        Seed of the draws.
    resamples : int
        Number of draws.
    """
    named = np.asarray([group or f"\0{index}" for index, group in enumerate(groups)], dtype=object).astype(str)
    _, codes = np.unique(named, return_inverse=True)
    count = int(codes.max()) + 1 if len(codes) else 0
    if count < 2 or count == len(codes):
        codes, count = np.arange(len(named)), len(named)
    return Resampling(codes.astype(np.int64), count, _weights(count, seed, resamples))


@lru_cache(maxsize=8)
def _weights(groups: int, seed: int, resamples: int) -> NDArray[np.float32]:
    rng = np.random.default_rng([seed, groups])
    drawn = rng.integers(groups, size=(resamples, groups)) + groups * np.arange(resamples)[:, None]
    weights = np.bincount(drawn.ravel(), minlength=resamples * groups).reshape(resamples, groups).astype(np.float32)
    weights.flags.writeable = False
    return weights
