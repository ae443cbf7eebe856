"""Results of this session, so that a click elsewhere on the page computes nothing again."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from dataclasses import dataclass

import cv2
import streamlit as st

from wbc_core.services.models import model_details
from wbc_core.services.single_image import ImageResult, classify_and_keep
from wbc_core.ui.options import Options
from wbc_core.ui.outline import outlined
from wbc_core.ui.picture_source import Picture
from wbc_core.ui.waiting import place_in_line_shown

REMEMBERED = 8
_KEY = "single_results"


@dataclass(frozen=True)
class Shown:
    """A result together with what the page shows of the picture.

    Attributes
    ----------
    result : ImageResult
        What the service answered.
    outlined : numpy.ndarray
        (height, width, 3) uint8 RGB, the picture with the cell outlined, at most 640 px wide or high.
    synthetic : bool
        Whether the picture was drawn.
    needed : float
        Confidence from which on the model names a type.
    """

    result: ImageResult
    outlined: cv2.typing.MatLike
    synthetic: bool
    needed: float


def classified(picture: Picture, options: Options) -> Shown:
    """Classify a picture, or return what was found for the same bytes, model and options before.

    Raises
    ------
    WbcError
        If the picture or the model cannot be used; failures are not remembered.
    """
    digest = hashlib.sha256(picture.data).hexdigest()
    key = (digest, picture.name, options)
    results: OrderedDict[tuple[str, str, Options], Shown] = st.session_state.setdefault(_KEY, OrderedDict())
    if key not in results:
        with place_in_line_shown():
            result, pixels = classify_and_keep(
                picture.data,
                picture.name,
                model_id=options.model_id,
                labels=options.labels,
                microns_per_pixel=options.microns_per_pixel,
            )
        needed = model_details(options.model_id).abstention.threshold
        results[key] = Shown(result, outlined(pixels, result), picture.synthetic, needed)
        while len(results) > REMEMBERED:
            results.popitem(last=False)
    return results[key]
