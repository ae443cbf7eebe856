"""What enlarging does to one picture, and what the study of many found."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from wbc_core.errors import ImageError, WbcError
from wbc_core.imaging.decoding import decode_image
from wbc_core.imaging.enlargement import METHODS, REFERENCE, reduced
from wbc_core.services.access import spend
from wbc_core.services.drawn_samples import require_for_picture
from wbc_core.services.models import classifier_for
from wbc_core.settings import ROOT

STUDY = ROOT / "docs" / "studies" / "super_resolution.csv"
LEAST_SIDE = 32
MOST_SIDE = 512
"""Sides in pixels of the picture that is enlarged; larger ones are reduced to this first."""

Pixels = NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Enlarged:
    """One way to enlarge, and what came of it.

    Attributes
    ----------
    method : str
        Its name.
    pixels : ndarray of uint8, shape (height, width, 3), or None
        The enlarged picture in RGB; None where the method could not be used.
    psnr_db : float or None
        Against the picture before it was reduced; None where that is not known.
    ms : float
        Time that it took.
    label : str
        What the model calls it.
    confidence : float
        Its calibrated probability.
    hint : str
        What to do where there is no picture.
    """

    method: str
    pixels: Pixels | None
    psnr_db: float | None = None
    ms: float = 0.0
    label: str = ""
    confidence: float = 0.0
    hint: str = ""


@dataclass(frozen=True, eq=False)
class EnlargementTrial:
    """All ways to enlarge one picture.

    Attributes
    ----------
    small : ndarray of uint8, shape (height, width, 3)
        What was enlarged.
    full : ndarray of uint8 or None
        The picture before it was reduced, factor times as high and wide; None where it was enlarged as it is.
    full_label, full_confidence : str and float
        What the model calls the full picture.
    versions : tuple of Enlarged
        In the order of :data:`wbc_core.imaging.enlargement.METHODS`.
    """

    small: Pixels
    full: Pixels | None
    full_label: str
    full_confidence: float
    versions: tuple[Enlarged, ...]


def try_enlargement(
    data: bytes, name: str, *, factor: int, reduce: bool, model_id: str | None = None
) -> EnlargementTrial:
    """Enlarge a picture in every way, and ask the model what it sees in each.

    Parameters
    ----------
    data : bytes
        An encoded picture.
    name : str
        Its name, used in messages only.
    factor : int
        2 or 4.
    reduce : bool
        Reduce the picture by the factor first, so that what is made can be compared with what was there.
    model_id : str, optional
        The model that is asked; the default one if not given.

    Raises
    ------
    ImageError
        If the bytes are no acceptable picture, or it is too small.
    ModelError
        If the model is missing or altered.
    """
    require_for_picture(data)
    spend(len(METHODS[factor]))
    picture = decode_image(data, name).pixels
    longest = MOST_SIDE * factor if reduce else MOST_SIDE
    if max(picture.shape[:2]) > longest:
        scale = longest / max(picture.shape[:2])
        picture = np.asarray(cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)
    full, small = reduced(picture, factor) if reduce else (None, picture)
    if min(small.shape[:2]) < LEAST_SIDE:
        raise ImageError(
            f"{name} is too small: {picture.shape[1]} × {picture.shape[0]} pixels.",
            f"What is enlarged must be at least {LEAST_SIDE} pixels high and wide.",
        )
    versions = tuple(_enlarged(method, small, full, factor, model_id) for method in METHODS[factor])
    label, confidence = ("", 0.0) if full is None else _named(full, model_id)
    return EnlargementTrial(small, full, label, confidence, versions)


def _enlarged(method: str, small: Pixels, full: Pixels | None, factor: int, model_id: str | None) -> Enlarged:
    start = time.perf_counter()
    try:
        pixels = METHODS[factor][method](small)
    except WbcError as error:
        return Enlarged(method, None, hint=error.hint)
    spent = 1e3 * (time.perf_counter() - start)
    label, confidence = _named(pixels, model_id)
    return Enlarged(method, pixels, None if full is None else float(cv2.PSNR(full, pixels)), spent, label, confidence)


def _named(pixels: Pixels, model_id: str | None) -> tuple[str, float]:
    classifier = classifier_for(model_id)
    crop = classifier.card.preprocessing.apply(pixels)
    (values,) = classifier.probabilities(classifier.logits(crop[np.newaxis]))
    return classifier.card.labels[int(values.argmax())], float(values.max())


def super_resolution_study(path: Path = STUDY) -> pd.DataFrame | None:
    """Return the study's table as ``benchmarks/studies/super_resolution.py`` wrote it; None where it was not run."""
    return pd.read_csv(path) if path.is_file() else None


def methods_of(factor: int) -> tuple[str, ...]:
    """Return the ways to enlarge by a factor, the one that others are compared with first."""
    return (REFERENCE, *(name for name in METHODS[factor] if name != REFERENCE))
