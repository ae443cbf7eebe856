"""What a data set holds: pictures by label and part, groups, sizes and colours."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from wbc_core.datasets.fingerprints import Fingerprint
from wbc_core.datasets.sources import LabelledImage
from wbc_core.errors import ImageError

PARTS = ("train", "val", "test")


@dataclass(frozen=True)
class Colours:
    """Colours of a label's pictures, red, green and blue in grey levels 0 to 255.

    Attributes
    ----------
    mean : tuple of float
        Over all pixels of all pictures, every picture counting alike.
    deviation : tuple of float
        Standard deviation of pixels within a picture, averaged (root mean square).
    between : tuple of float
        Standard deviation of the pictures' means: how much pictures differ from each other.
    """

    mean: tuple[float, ...]
    deviation: tuple[float, ...]
    between: tuple[float, ...]


@dataclass(frozen=True)
class Statistics:
    """What a data set holds.

    Attributes
    ----------
    pictures : int
        Listed pictures.
    readable : int
        Pictures that could be decoded.
    groups : int
        Groups that pictures were gathered in; pictures without a group count as one each.
    counts : dict of str to dict of str to int
        Pictures by label and part; the empty name stands for no part.
    subtypes : dict of str to dict of str to int
        Pictures by label and subtype, where there are subtypes.
    sizes : dict of str to int
        Pictures by size such as ``360×363``, the ten most frequent.
    distinct_sizes : int
        Number of sizes.
    colours : dict of str to Colours
        By label.
    """

    pictures: int
    readable: int
    groups: int
    counts: dict[str, dict[str, int]]
    subtypes: dict[str, dict[str, int]]
    sizes: dict[str, int]
    distinct_sizes: int
    colours: dict[str, Colours]


def describe(images: Sequence[LabelledImage], marks: Sequence[Fingerprint | ImageError]) -> Statistics:
    """Describe a data set.

    Parameters
    ----------
    images : sequence of LabelledImage
        Its pictures.
    marks : sequence of Fingerprint or ImageError
        What was found when each was decoded, in the same order.
    """
    readable = [(image, mark) for image, mark in zip(images, marks, strict=True) if isinstance(mark, Fingerprint)]
    sizes = Counter(f"{mark.width}×{mark.height}" for _, mark in readable)
    labels = sorted({image.label for image in images})
    return Statistics(
        len(images),
        len(readable),
        len({group_of(image) for image in images}),
        {label: _counts(image.split for image in images if image.label == label) for label in labels},
        {
            label: counts
            for label in labels
            if (counts := _counts(image.subtype for image in images if image.label == label and image.subtype))
        },
        dict(sizes.most_common(10)),
        len(sizes),
        {
            label: _colours([mark for image, mark in readable if image.label == label])
            for label in labels
            if any(image.label == label for image, _ in readable)
        },
    )


def group_of(image: LabelledImage) -> str:
    """Return the group a picture belongs to; its own where none is given."""
    return f"group {image.group}" if image.group else f"picture {image.file}"


def _counts(names: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(names).items()))


def _colours(marks: Sequence[Fingerprint]) -> Colours:
    means = np.array([mark.mean for mark in marks])
    deviations = np.array([mark.deviation for mark in marks])
    return Colours(
        *(
            tuple(round(float(value), 1) for value in values)
            for values in (means.mean(axis=0), np.sqrt((deviations**2).mean(axis=0)), means.std(axis=0))
        )
    )
