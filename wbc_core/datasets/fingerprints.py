"""What a picture's pixels say about it: size, colours, and marks by which it is found again, exactly or nearly."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from wbc_core.datasets.sources import LabelledImage
from wbc_core.errors import ImageError
from wbc_core.imaging.decoding import read_image

THUMBNAIL_SIDE = 32
"""Edge in pixels of the small picture by which near duplicates are confirmed."""


@dataclass(frozen=True)
class Fingerprint:
    """Marks of one decoded picture.

    Attributes
    ----------
    width, height : int
        In pixels.
    sha256 : str
        Of size and pixels, so that the same picture in another file format is found where it is lossless.
    gradients : int
        64 bits, one for each pair of neighbours in a row of the picture reduced to 9 × 8 grey values: whether it gets
        brighter (difference hash, N. Krawetz 2013, hackerfactor.com/blog/?/archives/529).
    thumbnail : ndarray of uint8, shape (32, 32, 3)
        The picture reduced, RGB.
    mean, deviation : tuple of float
        Of red, green and blue over all pixels, in grey levels 0 to 255.
    """

    width: int
    height: int
    sha256: str
    gradients: int
    thumbnail: NDArray[np.uint8] = field(repr=False, compare=False)
    mean: tuple[float, float, float]
    deviation: tuple[float, float, float]


def fingerprint(pixels: NDArray[np.uint8]) -> Fingerprint:
    """Return the marks of a picture.

    Parameters
    ----------
    pixels : ndarray of uint8, shape (height, width, 3)
        RGB.
    """
    height, width = pixels.shape[:2]
    content = hashlib.sha256(f"{width}x{height}:".encode())
    content.update(np.ascontiguousarray(pixels).data)
    grey = cv2.resize(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), (9, 8), interpolation=cv2.INTER_AREA)
    bits = np.packbits(grey[:, 1:] > grey[:, :-1])
    thumbnail = cv2.resize(pixels, (THUMBNAIL_SIDE, THUMBNAIL_SIDE), interpolation=cv2.INTER_AREA)
    mean, deviation = (values.ravel().tolist() for values in cv2.meanStdDev(pixels))
    return Fingerprint(
        width,
        height,
        content.hexdigest(),
        int.from_bytes(bits.tobytes(), "big"),
        np.asarray(thumbnail, dtype=np.uint8),
        (mean[0], mean[1], mean[2]),
        (deviation[0], deviation[1], deviation[2]),
    )


def fingerprints_of(
    images: Sequence[LabelledImage], *, progress: Callable[[str, int, int], None] | None = None
) -> tuple[Fingerprint | ImageError, ...]:
    """Decode pictures in two threads and return the marks of each, or why it cannot be read.

    Parameters
    ----------
    images : sequence of LabelledImage
        The pictures.
    progress : callable, optional
        Called with what is being done, how many are done and how many there are.

    Returns
    -------
    tuple of Fingerprint or ImageError
        In the order of `images`.
    """
    cv2.setNumThreads(1)

    def take(image: LabelledImage) -> Fingerprint | ImageError:
        try:
            return fingerprint(read_image(image.path).pixels)
        except ImageError as error:
            return error

    found: list[Fingerprint | ImageError] = []
    with ThreadPoolExecutor(2) as pool:
        try:
            for done, result in enumerate(pool.map(take, images), start=1):
                found.append(result)
                if progress is not None and (done % 200 == 0 or done == len(images)):
                    progress("reading", done, len(images))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return tuple(found)
