"""A folder per class: ``neutrophil/cell1.jpg``, also inside ``train``, ``val`` and ``test``.

Folders around all classes are passed over. A folder below a class, such as a patient or a slide, is a group; the same
name under two classes is the same group.
"""

from __future__ import annotations

from pathlib import PurePosixPath

from wbc_core.datasets.contents import Contents, Member, Skipped, folders_without_pictures
from wbc_core.datasets.importers.layout import GENERAL, FoundPicture, Layout, Reading, is_label, part_of


def read(contents: Contents) -> Reading:
    """Read a folder of class folders."""
    around = _folders_around(contents.pictures)
    pictures, skipped = [], []
    places: dict[tuple[str, ...], str] = {}
    for member in contents.pictures:
        folders = member.folders[around:]
        part = part_of(folders[0]) if folders else ""
        inner = folders[1:] if part else folders
        if not inner:
            skipped.append(Skipped(member.name, "lies in no class folder"))
            continue
        places[member.folders[: len(member.folders) - len(inner) + 1]] = inner[0]
        group = "/".join(inner[1:])
        pictures.append(FoundPicture(member.name, inner[0], member, group, part))
    return Reading(tuple(pictures), tuple(skipped), empty=_empty_classes(contents, set(places)))


def _folders_around(pictures: tuple[Member, ...]) -> int:
    """Return how many folders lie around all classes: neither parts nor classes themselves.

    A few pictures beside the class folders, such as a preview, do not make the folder around them a class.
    """
    around = 0
    while True:
        names = {member.folders[around] for member in pictures if len(member.folders) > around}
        deeper = sum(len(member.folders) > around + 1 for member in pictures)
        only = next(iter(names), "")
        if len(names) != 1 or part_of(only) or is_label(only) or 2 * deeper <= len(pictures):
            return around
        around += 1


def _empty_classes(contents: Contents, classes: set[tuple[str, ...]]) -> tuple[str, ...]:
    """Return the names of folders that lie beside class folders and hold no picture."""
    beside = {place[:-1] for place in classes}
    folders = (PurePosixPath(name).parts for name in folders_without_pictures(contents))
    filled = {place[-1] for place in classes}
    return tuple(sorted({parts[-1] for parts in folders if parts[:-1] in beside} - filled))


LAYOUT = Layout(
    "class-folders", "folder of classes", "neutrophil/cell1.jpg, also within train, val, test", GENERAL, read
)
