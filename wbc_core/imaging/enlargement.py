"""Ways to enlarge a picture to two or four times its size: interpolations, super-resolution networks, sharpening."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from wbc_core.imaging.sharpening import sharpen
from wbc_core.imaging.super_resolution import enlarge

Picture = NDArray[np.uint8]
Method = Callable[[Picture], Picture]

REFERENCE: Final = "bicubic"
"""What the other ways are compared with."""


def interpolated(kind: int, factor: int) -> Method:
    """Return enlargement by an interpolation of OpenCV.

    Parameters
    ----------
    kind : int
        Such as ``cv2.INTER_CUBIC``.
    factor : int
        Pictures become so many times as high and wide.
    """
    return lambda small: np.asarray(
        cv2.resize(small, (factor * small.shape[1], factor * small.shape[0]), interpolation=kind), dtype=np.uint8
    )


def by_networks(*names: str) -> Method:
    """Return enlargement by networks of :mod:`wbc_core.imaging.super_resolution`, one after the other."""

    def enlarged(small: Picture) -> Picture:
        for name in names:
            small = enlarge(small, name)
        return small

    return enlarged


def then_sharpened(method: Method) -> Method:
    """Return a method followed by adaptive sharpening."""
    return lambda small: sharpen(method(small))


METHODS: Final[Mapping[int, Mapping[str, Method]]] = MappingProxyType(
    {
        2: MappingProxyType(
            {
                REFERENCE: interpolated(cv2.INTER_CUBIC, 2),
                "Lanczos": interpolated(cv2.INTER_LANCZOS4, 2),
                "FSRCNN": by_networks("fsrcnn_x2"),
                "ESPCN": by_networks("espcn_x2"),
                "LapSRN": by_networks("lapsrn_x2"),
                "cell enlarger": by_networks("cell_x2"),
                "bicubic, then sharpened": then_sharpened(interpolated(cv2.INTER_CUBIC, 2)),
            }
        ),
        4: MappingProxyType(
            {
                REFERENCE: interpolated(cv2.INTER_CUBIC, 4),
                "Lanczos": interpolated(cv2.INTER_LANCZOS4, 4),
                "FSRCNN": by_networks("fsrcnn_x4"),
                "ESPCN": by_networks("espcn_x4"),
                "LapSRN, twice": by_networks("lapsrn_x2", "lapsrn_x2"),
                "cell enlarger, twice": by_networks("cell_x2", "cell_x2"),
                "bicubic, then sharpened": then_sharpened(interpolated(cv2.INTER_CUBIC, 4)),
            }
        ),
    }
)
"""By factor and name. FSRCNN, ESPCN and LapSRN need their files in the folder of weights."""


def reduced(picture: Picture, factor: int) -> tuple[Picture, Picture]:
    """Return a picture cut to whole multiples of a factor, and the same reduced by it.

    Parameters
    ----------
    picture : ndarray of uint8, shape (height, width, 3)
        At least ``factor`` pixels each way.
    factor : int
        Every square of so many pixels each way becomes one pixel, their mean.

    Returns
    -------
    tuple of ndarray of uint8
        Shapes (factor * h, factor * w, 3) and (h, w, 3).
    """
    height, width = (side // factor * factor for side in picture.shape[:2])
    full = np.ascontiguousarray(picture[:height, :width])
    small = cv2.resize(full, (width // factor, height // factor), interpolation=cv2.INTER_AREA)
    return full, np.asarray(small, dtype=np.uint8)
