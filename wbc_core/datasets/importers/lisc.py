"""LISC (Rezatofighi and Soltanian-Zadeh, Comput Med Imaging Graph 2011;35:333): ``Main Dataset/Baso/1.bmp``.

Fields of 720 × 576 pixels with one leukocyte each, in folders Baso, eosi, lymp, mixt, mono and neut. Those of *mixt*
show several types at once and are left out. ``Ground Truth Segmentation`` holds masks, not pictures. Neither slides nor
people are named: every picture is a group of its own.
"""

from __future__ import annotations

from wbc_core.datasets.contents import Contents
from wbc_core.datasets.importers.layout import PUBLISHED, FoundPicture, Layout, Reading

CLASSES = frozenset({"baso", "eosi", "lymp", "mixt", "mono", "neut"})


def read(contents: Contents) -> Reading:
    """Read LISC."""
    pictures = []
    for member in contents.pictures:
        folders = [name.lower() for name in member.folders]
        if len(folders) >= 2 and folders[-2] == "main dataset" and folders[-1] in CLASSES:
            pictures.append(FoundPicture(member.name, member.folders[-1], member))
    return Reading(tuple(pictures), left_out={"mixt": "shows several types of cells at once"})


LAYOUT = Layout("lisc", "LISC", "Main Dataset/Baso|eosi|lymp|mixt|mono|neut/<number>.bmp", PUBLISHED, read)
