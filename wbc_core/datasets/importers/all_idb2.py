"""ALL-IDB2 (Labati et al., ICIP 2011): single cells ``img/ImXXX_Y.tif``, Y = 1 blast, 0 normal.

The set does not say which cells come from one person or field: every picture is a group of its own.
"""

from __future__ import annotations

from wbc_core.datasets.contents import CENTRES, Contents
from wbc_core.datasets.importers.all_idb import MEANINGS, NAME, NOTE, SOURCE_LABELS
from wbc_core.datasets.importers.layout import PUBLISHED, FoundPicture, Layout, Reading


def read(contents: Contents) -> Reading:
    """Read ALL-IDB2; JPEG files are taken for fields of ALL-IDB1."""
    if contents.ending_in(CENTRES):
        return Reading()
    pictures = []
    for member in contents.pictures:
        name = NAME.fullmatch(member.stem)
        if name is not None and member.ending not in (".jpg", ".jpeg"):
            pictures.append(FoundPicture(member.name, SOURCE_LABELS[name[2]], member))
    return Reading(tuple(pictures), meanings=MEANINGS, notes=(NOTE,))


LAYOUT = Layout("all-idb2", "ALL-IDB2", "img/ImXXX_Y.tif, Y = 1 blast, 0 normal", PUBLISHED, read)
