"""Raabin-WBC (Kouzehkanan et al., Scientific Reports 2022;12:1123): ``Train``, ``TestA`` and ``TestB``.

Inside them lie class folders, as published (``Train/Neutrophil/95-9-4-4_80_1.jpg``), or files named
``label_imageid.jpg`` (``Train/Neutrophil_95-9-4-4_80_1.jpg``), with the label as a name or as a number. Which number is
which cell type is published nowhere that we found: the set's own files carry names, and what other programs use differs
(neutrophil 1, lymphocyte 2, monocyte 3, eosinophil 4, basophil 5 in one, 0 to 4 in alphabetical order in another).
Numbers therefore need to be told: ``--label 1=neutrophil``, and so on.

The image id begins with the slide, which becomes the group. Both tests become the part ``test``; the file's folder
still says which of them it was.
"""

from __future__ import annotations

import re

from wbc_core.datasets.contents import Contents
from wbc_core.datasets.importers.layout import PUBLISHED, FoundPicture, Layout, Reading

_PARTS = {"train": "train", "testa": "test", "testb": "test"}
_LABELLED = re.compile(r"([A-Za-z ]+|\d{1,2})_(.+)")


def read(contents: Contents) -> Reading:
    """Read Raabin-WBC."""
    pictures = []
    tests = False
    for member in contents.pictures:
        depth = next((at for at, name in enumerate(member.folders) if _plain(name) in _PARTS), None)
        if depth is None:
            continue
        # Below the outermost such folder may lie another of the same name, as zip files of zip files have it.
        while depth + 1 < len(member.folders) and _plain(member.folders[depth + 1]) in _PARTS:
            depth += 1
        part, below = _plain(member.folders[depth]), member.folders[depth + 1 :]
        named = _LABELLED.fullmatch(member.stem)
        if below:
            label, image_id = below[0], member.stem
        elif named:
            label, image_id = named[1], named[2]
        else:
            continue
        tests |= part != "train"
        pictures.append(FoundPicture(member.name, label, member, _slide(image_id), _PARTS[part]))
    return Reading(tuple(pictures) if tests else ())


def _plain(name: str) -> str:
    return re.sub(r"[\s_-]", "", name).lower()


def _slide(image_id: str) -> str:
    """Return the slide from an id such as ``95-9-4-4_80_1``; nothing where the id has no such parts."""
    return image_id.partition("_")[0] if image_id.count("_") >= 2 else ""


LAYOUT = Layout(
    "raabin", "Raabin-WBC", "Train|TestA|TestB/<Label>_<image id>.jpg or /<Label>/<image id>.jpg", PUBLISHED, read
)
