"""What an importer is: a layout's name, how it looks, and a function that reads it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

import numpy as np
from numpy.typing import NDArray

from wbc_core.biology.labels import canonical_label
from wbc_core.datasets.contents import Contents, Member, Skipped
from wbc_core.errors import DatasetError

Pixels = NDArray[np.uint8]

GENERAL, PUBLISHED, OWN = 1, 2, 3
"""How much a layout says about a source that fits it: any folder of classes; a published set; a table written here."""

_PART_WORDS: Final = MappingProxyType(
    {
        "train": "train",
        "training": "train",
        "val": "val",
        "valid": "val",
        "validation": "val",
        "dev": "val",
        "test": "test",
        "testing": "test",
    }
)


@dataclass(frozen=True)
class FoundPicture:
    """One labelled picture of a source, not read yet.

    Attributes
    ----------
    name : str
        Its path within the source; for a part of a picture, that picture's path with a number.
    source_label : str
        Label as the source writes it.
    member : Member or None
        The file that holds it.
    group : str
        Pictures of one group (slide, donor, original) must stay in one part of a split; empty where nothing is known.
    split : str
        Published part: train, val or test; empty where none is published.
    subtype : str
        Finer label where the source has one.
    cut : callable, optional
        From the file's pixels to this picture's; None from it means that there is nothing to cut.
    frame : callable, optional
        Return the pixels, (height, width, 3) uint8 RGB, where they lie in no picture file.
    """

    name: str
    source_label: str
    member: Member | None = None
    group: str = ""
    split: str = ""
    subtype: str = ""
    cut: Callable[[Pixels], Pixels | None] | None = None
    frame: Callable[[], Pixels] | None = None


@dataclass(frozen=True)
class Reading:
    """What a layout finds in a source.

    Attributes
    ----------
    pictures : tuple of FoundPicture
        In the order of names.
    skipped : tuple of Skipped
        What lies there but is not read, with the reason.
    meanings : mapping of str to str
        What labels of the source mean that are no names of cell types, such as numbers.
    left_out : mapping of str to str
        Labels, in lower case, that name no single cell type, with the reason why they are left out.
    empty : tuple of str
        Labels of class folders that hold no picture.
    notes : tuple of str
        Sentences that whoever uses the set should know.
    """

    pictures: tuple[FoundPicture, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    meanings: Mapping[str, str] = field(default_factory=dict)
    left_out: Mapping[str, str] = field(default_factory=dict)
    empty: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Layout:
    """A way in which sets of labelled pictures are stored.

    Attributes
    ----------
    name : str
        As ``--layout`` takes it.
    title : str
        As reports call it.
    form : str
        How the source looks, in one line.
    rank : int
        `GENERAL`, `PUBLISHED` or `OWN`.
    read : callable
        From a source's files to what the layout finds there; finds nothing where the source is of another layout.
    """

    name: str
    title: str
    form: str
    rank: int
    read: Callable[[Contents], Reading]


def part_of(word: str) -> str:
    """Return train, val or test for a word that means one of them, else an empty string.

    Examples
    --------
    >>> part_of("Training"), part_of("valid"), part_of("neutrophil")
    ('train', 'val', '')
    """
    return _PART_WORDS.get(word.strip().lower(), "")


def is_label(text: str) -> bool:
    """Tell whether a name stands for a cell type."""
    try:
        canonical_label(text)
    except DatasetError:
        return False
    return True
