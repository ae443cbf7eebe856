"""Every layout that is read, and the choice of the one that fits a source."""

from __future__ import annotations

from difflib import get_close_matches
from types import MappingProxyType

from wbc_core.datasets.contents import Contents
from wbc_core.datasets.importers import (
    all_idb1,
    all_idb2,
    class_folders,
    cnmc,
    kaggle,
    lisc,
    medmnist,
    pbc,
    raabin,
    table,
    voc_boxes,
)
from wbc_core.datasets.importers.labelling import understood
from wbc_core.datasets.importers.layout import Layout, Reading
from wbc_core.errors import DatasetError

LAYOUTS = MappingProxyType(
    {
        layout.name: layout
        for layout in (
            all_idb1.LAYOUT,
            all_idb2.LAYOUT,
            class_folders.LAYOUT,
            cnmc.LAYOUT,
            table.LAYOUT,
            kaggle.LAYOUT,
            lisc.LAYOUT,
            medmnist.LAYOUT,
            pbc.LAYOUT,
            raabin.LAYOUT,
            table.OWN_LAYOUT,
            voc_boxes.LAYOUT,
        )
    }
)


def recognise(contents: Contents, name: str | None = None) -> tuple[Layout, Reading]:
    """Return the layout that a source has, and what it finds there.

    Of the layouts that find pictures, the one that says most about the source decides: a published set before a
    folder of classes; among equals, the one that finds most pictures under labels that are understood, then the one
    that finds most.

    Parameters
    ----------
    contents : Contents
        The source's files.
    name : str, optional
        The layout to read it with, instead of choosing.

    Returns
    -------
    Layout
        The one chosen.
    Reading
        At least one picture.

    Raises
    ------
    DatasetError
        If no layout fits, two fit equally well, or the one named is unknown or finds nothing.
    """
    if name is not None:
        layout = _named(name)
        reading = layout.read(contents)
        if not reading.pictures:
            raise DatasetError(
                f"{contents.name} holds no picture in the layout {name}; it holds {contents.summary()}.",
                f"Expected {layout.form}.",
            )
        return layout, reading
    found: list[tuple[tuple[int, int, int], Layout, Reading]] = []
    refused: DatasetError | None = None
    for layout in LAYOUTS.values():
        try:
            reading = layout.read(contents)
        except DatasetError as error:
            refused = refused or error
            continue
        if reading.pictures:
            found.append(((layout.rank, understood(reading), len(reading.pictures)), layout, reading))
    if not found:
        raise refused or DatasetError(
            f"{contents.name} has no layout that is known here; it holds {contents.summary()}.",
            f"Layouts: {', '.join(LAYOUTS)}; docs/datasets.md shows how each looks.",
        )
    best = max(score for score, _, _ in found)
    fitting = [(layout, reading) for score, layout, reading in found if score == best]
    if len(fitting) > 1:
        names = [layout.name for layout, _ in fitting]
        raise DatasetError(
            f"{contents.name} can be read as {' and as '.join(names)}.", f"Choose one: --layout {names[0]}."
        )
    return fitting[0]


def _named(name: str) -> Layout:
    if name in LAYOUTS:
        return LAYOUTS[name]
    closest = get_close_matches(name.lower(), LAYOUTS, n=1, cutoff=0.4)
    raise DatasetError(
        f"There is no layout {name!r}.",
        f"{f'The closest: {closest[0]}. ' if closest else ''}All: {', '.join(LAYOUTS)}.",
    )
