"""ALL-IDB1 (Labati et al., ICIP 2011): fields ``im/ImXXX_Y.jpg``, Y = 1 with blasts, 0 without, and ``xyc`` files.

Each line of ``xyc/ImXXX_Y.xyc`` is the centroid of a blast, x and y in pixels. With these files, cells are cut out:
every blast around its centroid; of a field without blasts the most prominent stained cell, found as for prediction,
so that both classes are framed alike. All cells of one field are a group. Without any such file, whole fields are
taken.
"""

from __future__ import annotations

import re
from functools import partial

import numpy as np

from wbc_core.datasets.contents import CENTRES, Contents, Member, Skipped
from wbc_core.datasets.importers.all_idb import MEANINGS, NAME, NOTE, SOURCE_LABELS
from wbc_core.datasets.importers.layout import PUBLISHED, FoundPicture, Layout, Pixels, Reading
from wbc_core.imaging.localisation import locate_cell

SIDE = 257
"""Edge of a cell in pixels: that of ALL-IDB2, whose pictures were cut out of these fields."""

MOST_CENTRES = 1000
"""Most centroids of a field; the set has at most some dozens."""

_NUMBER = r"-?\d+(?:\.\d+)?"
_LINE = re.compile(rf"\s*({_NUMBER})[\s,;]+({_NUMBER})\s*")


def read(contents: Contents) -> Reading:
    """Read ALL-IDB1."""
    centres = {member.stem.lower(): member for member in contents.ending_in(CENTRES)}
    pictures: list[FoundPicture] = []
    skipped: list[Skipped] = []
    for member in contents.pictures:
        name = NAME.fullmatch(member.stem)
        if name is None or (not centres and member.ending not in (".jpg", ".jpeg")):
            continue
        label, field = SOURCE_LABELS[name[2]], f"Im{name[1]}"
        if not centres:
            pictures.append(FoundPicture(member.name, label, member, field))
        elif name[2] == "0":
            pictures.append(FoundPicture(member.name, label, member, field, cut=cut_located))
        elif (points := _centroids(centres.get(member.stem.lower()))) is None:
            skipped.append(Skipped(member.name, "its .xyc file is missing or not a list of x and y"))
        else:
            pictures += [
                FoundPicture(f"{member.name}#{at}", label, member, field, cut=partial(cut_around, x=x, y=y))
                for at, (x, y) in enumerate(points, start=1)
            ]
    framing = (
        f"Cells are cut out of the fields, {SIDE} pixels wide: blasts around their centroids, in fields without blasts "
        f"the most prominent stained cell."
        if centres
        else "These are whole fields with many cells, not single cells: no .xyc file says where the blasts lie."
    )
    return Reading(tuple(pictures), tuple(skipped), MEANINGS, notes=(NOTE, framing))


def cut_around(pixels: Pixels, *, x: float, y: float) -> Pixels | None:
    """Return the square around a point, smaller at the picture's border; None for a point outside.

    Parameters
    ----------
    pixels : ndarray of uint8, shape (height, width, 3)
        The field.
    x, y : float
        The point in pixels from the left and from the top.
    """
    height, width = pixels.shape[:2]
    if not (0 <= x < width and 0 <= y < height):
        return None
    left, top = (max(0, round(value - SIDE / 2)) for value in (x, y))
    return np.ascontiguousarray(pixels[top : round(y - SIDE / 2) + SIDE, left : round(x - SIDE / 2) + SIDE])


def cut_located(pixels: Pixels) -> Pixels | None:
    """Return the square around the most prominent stained cell; None where none stands out."""
    cell = locate_cell(pixels)
    return cut_around(pixels, x=cell.x, y=cell.y) if cell.convincing else None


def _centroids(member: Member | None) -> list[tuple[float, float]] | None:
    if member is None or member.path.stat().st_size > 100 * MOST_CENTRES:
        return None
    lines = [line for line in member.path.read_text(encoding="ascii", errors="replace").splitlines() if line.strip()]
    found = [_LINE.fullmatch(line) for line in lines[: MOST_CENTRES + 1]]
    if len(lines) > MOST_CENTRES or not all(found):
        return None
    return [(float(line[1]), float(line[2])) for line in found if line]


LAYOUT = Layout("all-idb1", "ALL-IDB1", "im/ImXXX_Y.jpg with xyc/ImXXX_Y.xyc, Y = 1 blast, 0 normal", PUBLISHED, read)
