"""How far a picture is from everything a model was trained on: scores from its embedding and its logits.

Larger is stranger. Fitting is in :mod:`wbc_core.evaluation.novelty_fitting`; here is what an answer costs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

from wbc_core.errors import ModelError
from wbc_core.inference.stored_arrays import packed_arrays, unpacked_arrays

Floats = NDArray[np.float32]
Scores = NDArray[np.float64]
Arrays = Mapping[str, Floats]


def uncertainty(arrays: Arrays, embeddings: Floats, logits: Floats) -> Scores:
    """Return one minus the largest softmax value (Hendrycks and Gimpel 2017, arXiv:1610.02136)."""
    values = logits.astype(np.float64)
    return np.asarray(1 - np.exp(values.max(axis=1) - logsumexp(values, axis=1)), np.float64)


def energy(arrays: Arrays, embeddings: Floats, logits: Floats) -> Scores:
    """Return the free energy of the logits (Liu et al. 2020, arXiv:2010.03759)."""
    return np.asarray(-logsumexp(logits.astype(np.float64), axis=1))


def mahalanobis(arrays: Arrays, embeddings: Floats, logits: Floats) -> Scores:
    """Return the squared distance to the nearest class mean under one covariance (Lee et al. 2018, arXiv:1807.03888).

    ``arrays`` holds ``centre`` (features,), ``whitening`` (features, kept) and the whitened ``means`` (labels, kept).
    """
    return _to_nearest_mean(_whitened(arrays, embeddings), arrays["means"])


def relative_mahalanobis(arrays: Arrays, embeddings: Floats, logits: Floats) -> Scores:
    """Return :func:`mahalanobis` less the distance to all pictures as one class (Ren et al. 2021, arXiv:2106.09022).

    ``arrays`` holds those of :func:`mahalanobis`, and ``background`` (features, kept).
    """
    to_all = ((embeddings - arrays["centre"]) @ arrays["background"]).astype(np.float64)
    return np.asarray(mahalanobis(arrays, embeddings, logits) - (to_all**2).sum(axis=1), np.float64)


def nearest(arrays: Arrays, embeddings: Floats, logits: Floats) -> Scores:
    """Return one minus the cosine to the k-th nearest reference cell (Sun et al. 2022, arXiv:2204.06507).

    ``arrays`` holds ``references`` (cells, features), of length one, and ``k`` ().
    """
    lengths = np.linalg.norm(embeddings, axis=1, keepdims=True)
    cosines = (embeddings / np.maximum(lengths, 1e-12)) @ arrays["references"].T.astype(np.float32)
    k = min(int(arrays["k"]), cosines.shape[1])
    return (1 - np.partition(cosines, -k, axis=1)[:, -k]).astype(np.float64)


def residual(arrays: Arrays, embeddings: Floats, logits: Floats) -> Scores:
    """Return the length of what the training's principal directions leave out, less the energy's scale.

    ViM without its virtual class (Wang et al. 2022, arXiv:2203.10807). ``arrays`` holds ``centre`` (features,),
    ``directions`` (features, kept) and ``alpha`` (), which brings lengths to the logits' scale.
    """
    centred = (embeddings - arrays["centre"]).astype(np.float64)
    left = np.sqrt(np.maximum(left_out(centred, arrays["directions"]), 0))
    return np.asarray(float(arrays["alpha"]) * left + energy(arrays, embeddings, logits))


def discriminant(arrays: Arrays, embeddings: Floats, logits: Floats) -> Scores:
    """Return how far a picture lies from known cells where classes differ, how unsure the network is, and what is left.

    Three measurements, each in deviations of the training pictures' logarithms: the distance to the k-th nearest
    reference cell in the discriminant directions of the classes (Fisher 1936, doi:10.1111/j.1469-1809.1936.tb02137.x;
    Sun et al. 2022, arXiv:2204.06507), half of the chance of another class than the first, and four times what the
    principal directions leave out, beyond two deviations. The first two notice other cells, the third what is no cell.

    ``arrays`` holds ``centre`` (features,), ``directions`` (features, kept), ``axes`` (features, labels - 1),
    ``references`` (cells, labels - 1), ``k`` (), and mean and deviation of the three logarithms, ``usual`` (3, 2).
    """
    measured = discriminant_logarithms(arrays, embeddings, logits)
    usual = arrays["usual"].astype(np.float64)
    near, unsure, left = ((values - mean) / spread for values, (mean, spread) in zip(measured, usual, strict=True))
    return np.asarray(near + 0.5 * unsure + 4 * np.maximum(left - 2, 0), np.float64)


def discriminant_logarithms(
    arrays: Arrays, embeddings: Floats, logits: Floats, *, own: bool = False
) -> tuple[Scores, Scores, Scores]:
    """Return the three logarithms of :func:`discriminant`, (pictures,) each; ``own`` pictures are references too."""
    centred = (embeddings - arrays["centre"]).astype(np.float64)
    places = centred @ arrays["axes"].astype(np.float64)
    references = arrays["references"].astype(np.float64)
    squares = (places**2).sum(axis=1)[:, None] - 2 * places @ references.T + (references**2).sum(axis=1)
    at = min(int(arrays["k"]) - (not own), len(references) - 1)
    near = np.partition(np.maximum(squares, 0), at, axis=1)[:, at]
    values = logits.astype(np.float64)
    unsure = -np.expm1(values.max(axis=1) - logsumexp(values, axis=1))
    left = left_out(centred, arrays["directions"])
    return (
        0.5 * np.log(np.maximum(near, 1e-9)),
        np.log(unsure + 1e-4),
        0.5 * np.log(np.maximum(left, 1e-9)),
    )


def left_out(centred: Scores, directions: Floats | Scores) -> Scores:
    """Return the squared length of what orthonormal directions leave out.

    Parameters
    ----------
    centred : ndarray of float64, shape (pictures, features)
        Embeddings less their centre.
    directions : ndarray, shape (features, kept)
        Orthonormal columns.

    Returns
    -------
    ndarray of float64, shape (pictures,)
        Below 0 by rounding at most.
    """
    return np.asarray((centred**2).sum(axis=1) - ((centred @ directions.astype(np.float64)) ** 2).sum(axis=1))


METHODS: Mapping[str, Callable[[Arrays, Floats, Floats], Scores]] = {
    "uncertainty": uncertainty,
    "energy": energy,
    "mahalanobis": mahalanobis,
    "relative_mahalanobis": relative_mahalanobis,
    "nearest": nearest,
    "residual": residual,
    "discriminant": discriminant,
}
"""Scores by name; a card names the one that its model uses."""

_NEEDS = {
    "uncertainty": (),
    "energy": (),
    "mahalanobis": ("centre", "whitening", "means"),
    "relative_mahalanobis": ("centre", "whitening", "means", "background"),
    "nearest": ("references", "k"),
    "residual": ("centre", "directions", "alpha"),
    "discriminant": ("centre", "directions", "axes", "references", "k", "usual"),
}


_EXACT = ("discriminant",)
"""Scores that subtract numbers which are nearly alike: half precision is too coarse for them."""


@dataclass(frozen=True)
class NoveltyScore:
    """A fitted score.

    Attributes
    ----------
    method : str
        One of :data:`METHODS`.
    arrays : mapping of str to ndarray of float32
        What it was fitted to.
    """

    method: str
    arrays: Arrays

    def __call__(self, embeddings: Floats, logits: Floats) -> Scores:
        """Score pictures.

        Parameters
        ----------
        embeddings : ndarray of float32, shape (pictures, features)
            The network's pooled features.
        logits : ndarray of float32, shape (pictures, labels)
            Before the temperature.

        Returns
        -------
        ndarray of float64, shape (pictures,)
            The larger, the stranger.
        """
        return METHODS[self.method](self.arrays, embeddings, logits)

    def to_bytes(self) -> bytes:
        """Return the score as an ``.npz`` file, numbers in half precision where that is enough."""
        kind = np.float32 if self.method in _EXACT else np.float16
        stored: dict[str, NDArray[Any]] = {name: values.astype(kind) for name, values in self.arrays.items()}
        return packed_arrays(stored | {"method": np.array(self.method)})


def read_novelty(data: bytes, model_id: str) -> NoveltyScore:
    """Read what :meth:`NoveltyScore.to_bytes` wrote; nothing is unpickled.

    Raises
    ------
    ModelError
        If the file is no such score.
    """
    try:
        stored = unpacked_arrays(data)
        method = str(stored["method"])
        arrays = {name: stored[name].astype(np.float32) for name in _NEEDS[method]}
    except (ValueError, KeyError) as error:
        raise ModelError(
            f"The novelty score of the model {model_id} cannot be read.", "Fetch the model's folder again."
        ) from error
    return NoveltyScore(method, arrays)


def _whitened(arrays: Arrays, embeddings: Floats) -> NDArray[np.float64]:
    return ((embeddings - arrays["centre"]) @ arrays["whitening"]).astype(np.float64)


def _to_nearest_mean(points: NDArray[np.float64], means: Floats) -> Scores:
    centres = means.astype(np.float64)
    squares = (points**2).sum(axis=1)[:, None] - 2 * points @ centres.T + (centres**2).sum(axis=1)
    return np.asarray(np.maximum(squares.min(axis=1), 0))
