"""Kaggle *Blood Cell Images* (P. Mooney): ``TRAIN/EOSINOPHIL/_0_1169.jpeg``, and so in ``TEST``.

The pictures are rotations and crops of some 350 fields of BCCD. The first number of a name is taken for the original
and becomes the group, as is usual. It is not reliable: pictures of one original are found under different numbers, so
that a check of the set reports near duplicates across groups; between TRAIN and TEST it found none. ``TEST_SIMPLE`` is
no part of the official split, may show its originals once more, and is left out.
"""

from __future__ import annotations

import re

from wbc_core.datasets.contents import Contents, Skipped
from wbc_core.datasets.importers.layout import PUBLISHED, FoundPicture, Layout, Reading

_NAME = re.compile(r"_(\d+)_(\d+)")


def read(contents: Contents) -> Reading:
    """Read Kaggle's blood cells."""
    pictures, skipped = [], []
    for member in contents.pictures:
        name = _NAME.fullmatch(member.stem)
        part, label = (("", "", *member.folders))[-2:]
        if name is None or part.upper() not in ("TRAIN", "TEST", "TEST_SIMPLE"):
            continue
        if part.upper() == "TEST_SIMPLE":
            skipped.append(
                Skipped(member.name, "TEST_SIMPLE is no part of the official split and may repeat its originals")
            )
            continue
        group = f"{part}-{label}-{name[1]}".upper()
        pictures.append(FoundPicture(member.name, label, member, group, part.lower()))
    return Reading(
        tuple(pictures),
        tuple(skipped),
        notes=(
            "The pictures of TRAIN and TEST are an augmentation: rotations and crops of a few hundred originals.",
            "The original's number in a name is not reliable: parts drawn from TRAIN by group can share originals.",
        ),
    )


LAYOUT = Layout("kaggle", "Kaggle blood cells", "TRAIN|TEST/<CLASS>/_<original>_<number>.jpeg", PUBLISHED, read)
