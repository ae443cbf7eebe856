"""Boxes around cells, as Pascal VOC stores them and BCCD has them: ``Annotations/x.xml`` for ``JPEGImages/x.jpg``.

Every box becomes a picture, with a margin on each side; all boxes of one field are a group. A box called WBC or RBC
names no type of this program: such boxes are counted and left out, never guessed, so that of BCCD itself only the
platelets remain. ``ImageSets/Main/train.txt``, ``val.txt`` and ``test.txt`` give the published parts.
"""

from __future__ import annotations

from collections import Counter
from functools import partial
from pathlib import PurePosixPath
from xml.etree import ElementTree  # the files are checked for declarations first, see _boxes

import numpy as np

from wbc_core.datasets.contents import BOXES, LIST, Contents, Member, Skipped
from wbc_core.datasets.importers.layout import PUBLISHED, FoundPicture, Layout, Pixels, Reading, part_of

MARGIN = 0.25
"""Added to each side of a box, as a share of its longer side: what surrounds a cell tells its size."""

LARGEST_FILE = 5_000_000
"""Most bytes of an annotation."""

_NO_TYPE = {
    **dict.fromkeys(("wbc", "white blood cell", "leukocyte", "leucocyte"), "WBC says no more than leukocyte"),
    **dict.fromkeys(("rbc", "red blood cell", "red_cell", "erythrocyte"), "red cells are no class of this program"),
}


def read(contents: Contents) -> Reading:
    """Read boxes in Pascal VOC form."""
    fields = {member.stem.lower(): member for member in contents.pictures}
    parts = _parts(contents)
    pictures: list[FoundPicture] = []
    skipped: list[Skipped] = []
    for member in contents.ending_in(BOXES):
        boxes = _boxes(member)
        if boxes is None:
            skipped.append(Skipped(member.name, "is not an annotation of boxes"))
            continue
        field = fields.get(member.stem.lower())
        if field is None:
            skipped.append(Skipped(member.name, "its picture is not there"))
            continue
        numbers: Counter[str] = Counter()
        for label, box in boxes:
            numbers[label] += 1
            pictures.append(
                FoundPicture(
                    f"{field.name}#{label}-{numbers[label]}",
                    label,
                    field,
                    field.stem,
                    parts.get(member.stem, ""),
                    cut=partial(cut_box, box=box),
                )
            )
    return Reading(tuple(pictures), tuple(skipped), left_out=_NO_TYPE if pictures else {})


def cut_box(pixels: Pixels, *, box: tuple[float, float, float, float]) -> Pixels | None:
    """Return a box with its margin, within the picture; None for a box outside it or without an area.

    Parameters
    ----------
    pixels : ndarray of uint8, shape (height, width, 3)
        The field.
    box : tuple of float
        Left, top, right and bottom in pixels.
    """
    height, width = pixels.shape[:2]
    left, top, right, bottom = box
    if not (0 <= left < right and 0 <= top < bottom and left < width and top < height):
        return None
    margin = MARGIN * max(right - left, bottom - top)
    x0, y0 = (max(0, round(value - margin)) for value in (left, top))
    cut = pixels[y0 : min(height, round(bottom + margin)), x0 : min(width, round(right + margin))]
    return np.ascontiguousarray(cut)


def _boxes(member: Member) -> list[tuple[str, tuple[float, float, float, float]]] | None:
    """Return an annotation's labels and boxes, None if it is none."""
    try:
        if member.path.stat().st_size > LARGEST_FILE:
            return None
        text = member.path.read_text(encoding="utf-8-sig")
        if "<!DOCTYPE" in text or "<!ENTITY" in text:
            return None  # entities can unfold without end; annotations have none
        root = ElementTree.fromstring(text)  # noqa: S314
        boxes = []
        for item in root.iter("object"):
            corners = [float(item.findtext(f"bndbox/{side}", "")) for side in ("xmin", "ymin", "xmax", "ymax")]
            boxes.append((item.findtext("name", "").strip(), (corners[0], corners[1], corners[2], corners[3])))
    except (OSError, ValueError, ElementTree.ParseError):
        return None
    return boxes if root.tag == "annotation" else None


def _parts(contents: Contents) -> dict[str, str]:
    """Map the fields' names to the published parts."""
    found: dict[str, str] = {}
    for member in contents.ending_in(LIST):
        part = part_of(member.stem)
        if part and member.folders[-2:] == ("ImageSets", "Main") and member.path.stat().st_size < LARGEST_FILE:
            for line in member.path.read_text(encoding="utf-8", errors="replace").splitlines():
                if line.strip():
                    found[PurePosixPath(line.split()[0]).name] = part
    return found


LAYOUT = Layout("voc", "Pascal VOC boxes (BCCD)", "Annotations/x.xml with boxes, JPEGImages/x.jpg", PUBLISHED, read)
