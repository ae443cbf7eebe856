"""How cells look on a stained film, read from ``data/morphology.yaml``."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from pydantic.dataclasses import dataclass

from wbc_core.biology.sources import Source, cited
from wbc_core.biology.tables import STRICT, read_table, validated
from wbc_core.errors import DatasetError


@dataclass(frozen=True, config=STRICT)
class CellForm:
    """One form of a cell as it looks on a stained film.

    Attributes
    ----------
    name : str
        Name in the singular.
    cell_type : str or None
        Label of the type it belongs to; None for cells that a model of the eight types does not know.
    sizes_um : mapping of str to (float, float)
        Diameter on the film in µm, lowest and highest, per size class (``"any"`` where there is only one).
    nucleus, chromatin, cytoplasm, granules : str
        Structure; an empty chromatin where there is no nucleus to describe.
    taken_for : tuple of str
        What it is mistaken for.
    sources : tuple of Source
        Where the row is from.
    """

    name: str
    sizes_um: dict[str, tuple[float, float]]
    nucleus: str
    chromatin: str
    cytoplasm: str
    granules: str
    taken_for: tuple[str, ...]
    sources: tuple[Source, ...]
    cell_type: str | None = None


def form_of_row(row: Mapping[str, Any], file: str) -> CellForm:
    """Return a form from a row of a data file, sources by their keys."""
    return validated(CellForm, {**row, "sources": cited(row["sources"])}, f"{file}, {row['name']}")


def forms_of(label: str) -> tuple[CellForm, ...]:
    """Return the forms that a cell type consists of, such as segmented and band neutrophil."""
    return tuple(form for form in _forms() if form.cell_type == label)


def look_alikes() -> tuple[CellForm, ...]:
    """Return the cells that a model of the eight types does not know and may mistake for one of them."""
    return tuple(form for form in _forms() if form.cell_type is None)


def look_alike(name: str) -> CellForm:
    """Return one of :func:`look_alikes` by its name.

    Raises
    ------
    DatasetError
        There is none of that name.
    """
    for form in look_alikes():
        if form.name == name:
            return form
    raise DatasetError(f'morphology.yaml describes no look-alike "{name}".', "Reinstall wbc-core.")


@lru_cache(maxsize=1)
def _forms() -> tuple[CellForm, ...]:
    rows = read_table("morphology.yaml")
    return tuple(form_of_row(row, "morphology.yaml") for row in rows)
