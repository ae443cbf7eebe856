"""PBC (Acevedo et al., Data in Brief 2020;30:105474): ``neutrophil/BNE_100102.jpg``.

Eight class folders; the prefix of a file's name is the subtype: band (BNE) and segmented (SNE) neutrophils,
metamyelocytes (MMY), myelocytes (MY) and promyelocytes (PMY) among the immature granulocytes, IG and NEUTROPHIL where
none was said. The set names neither donors nor slides: every picture is a group of its own until duplicates are joined.
"""

from __future__ import annotations

import re

from wbc_core.biology.labels import canonical_label
from wbc_core.datasets.contents import Contents, Skipped
from wbc_core.datasets.importers.layout import PUBLISHED, FoundPicture, Layout, Reading, is_label

PREFIXES = ("BA", "EO", "ERB", "IG", "MMY", "MY", "PMY", "LY", "MO", "BNE", "SNE", "NEUTROPHIL", "PLATELET")
_NAME = re.compile(rf"({'|'.join(PREFIXES)})_\d+", re.IGNORECASE)


def read(contents: Contents) -> Reading:
    """Read PBC."""
    pictures, skipped = [], []
    for member in contents.pictures:
        name = _NAME.fullmatch(member.stem)
        if name is None or not member.folders or not is_label(member.folders[-1]):
            continue
        label, subtype = member.folders[-1], name[1].upper()
        if canonical_label(label) != canonical_label(subtype):
            skipped.append(Skipped(member.name, f"its name says {subtype}, its folder {label}"))
            continue
        pictures.append(FoundPicture(member.name, label, member, subtype=subtype))
    return Reading(tuple(pictures), tuple(skipped))


LAYOUT = Layout("pbc", "PBC", "<class>/<PREFIX>_<number>.jpg with prefixes such as BNE, SNE, MMY", PUBLISHED, read)
