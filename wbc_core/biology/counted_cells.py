"""What a differential may count, in the order of a laboratory's report, read from ``data/counted_cells.yaml``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Literal

from pydantic.dataclasses import dataclass

from wbc_core.biology.cell_types import CELL_TYPES
from wbc_core.biology.labels import canonical_label, members_of
from wbc_core.biology.sources import Source, source
from wbc_core.biology.spelling import closest_names, comparison_form, quoted, singular
from wbc_core.biology.tables import STRICT, read_table, validated
from wbc_core.errors import DatasetError

Place = Literal["line", "part", "per_100", "outside"]

_CELLS = "counted_cells.yaml"
_FACTS = "counting_facts.yaml"


@dataclass(frozen=True, config=STRICT)
class CountedCell:
    """One thing that a differential may count.

    Attributes
    ----------
    label : str
        Its name in files.
    title : str
        Its name in a table.
    place : {"line", "part", "per_100", "outside"}
        A leukocyte and part of the 100 %; a finer name of such a line; outside and reported per 100 leukocytes;
        outside, only the number is reported.
    aliases : tuple of str
        Other names, besides those that the eight types of the models have.
    part_of : str
        Of a part: its line.
    shown : bool
        Whether the line stands in the table at zero too.
    """

    label: str
    title: str
    place: Place
    aliases: tuple[str, ...]
    part_of: str = ""
    shown: bool = False


@dataclass(frozen=True, config=STRICT)
class BandRule:
    """What tells a band from a segmented neutrophil: one of two rival rules."""

    title: str
    says: str
    source: str


@dataclass(frozen=True, config=STRICT)
class ReliableCount:
    """Leukocyte counts in 10⁹/L between which counting from pictures was found reliable."""

    low: float
    high: float
    source: str


@lru_cache(maxsize=1)
def counted_cells() -> Mapping[str, CountedCell]:
    """Return everything that may be counted, by label, in the fixed order of a report.

    Raises
    ------
    DatasetError
        The data file does not fit.
    """
    cells = [validated(CountedCell, row, f"{_CELLS}, {row['label']}") for row in read_table(_CELLS)]
    return MappingProxyType({cell.label: cell for cell in cells})


def lines() -> tuple[CountedCell, ...]:
    """Return the lines that make up the 100 %, in order."""
    return tuple(cell for cell in counted_cells().values() if cell.place == "line")


def parts_of(label: str) -> tuple[CountedCell, ...]:
    """Return the finer names of a line, such as segmented and band neutrophils, in order."""
    return tuple(cell for cell in counted_cells().values() if cell.part_of == label)


def counted_label(text: str) -> str:
    """Return the label of what a name stands for in a differential.

    Parameters
    ----------
    text : str
        A label, or an alias as laboratories write it. A band is a band here, a blast a blast.

    Returns
    -------
    str
        One of :func:`counted_cells`.

    Raises
    ------
    DatasetError
        The name is unknown: the closest known ones are named.

    Examples
    --------
    >>> counted_label("Bands"), counted_label("NRBC"), counted_label("polymorphs")
    ('band_neutrophil', 'erythroblast', 'neutrophil')
    """
    choice = tuple(counted_cells())
    form = comparison_form(text)
    if not form:
        raise DatasetError("The name of a cell is empty.", f"Choose from: {', '.join(choice)}.")
    names = _names()
    label = names.get(form) or names.get(singular(form))
    if label is not None:
        return label
    try:
        return canonical_label(text, CELL_TYPES)
    except DatasetError:
        hint = closest_names(form, names, choice)
    raise DatasetError(f"{quoted(text)} is no cell that a differential counts.", hint)


def differential_labels(labels: Iterable[str]) -> tuple[str, ...]:
    """Return a model's labels if a differential can be counted from them.

    Raises
    ------
    DatasetError
        One is a merged class, of the bone-marrow study or unknown.
    """
    given = tuple(labels)
    for label in given:
        if label in CELL_TYPES:
            continue
        if members_of(label):
            raise DatasetError(
                f"A differential cannot be counted from the class {label[:60]}: it holds several cell types.",
                "Choose a model that names each cell type by itself.",
            )
        raise DatasetError(
            f"A differential cannot be counted from the class {label[:60]}: it is no cell type of ordinary blood.",
            f"Choose a model whose classes are among: {', '.join(CELL_TYPES)}.",
        )
    return given


@lru_cache(maxsize=2)
def band_rule(name: str) -> BandRule:
    """Return a rule for bands by its name, ``"filament"`` or ``"one_third"``."""
    return validated(BandRule, read_table(_FACTS)["band_rules"][name], f"{_FACTS}, {name}")


@lru_cache(maxsize=1)
def reliable_count() -> tuple[ReliableCount, Source]:
    """Return the leukocyte counts between which counting from pictures was found reliable, and the study."""
    found = validated(ReliableCount, read_table(_FACTS)["reliable_leukocyte_count"], _FACTS)
    return found, source(found.source)


@lru_cache(maxsize=1)
def _names() -> Mapping[str, str]:
    names = {label: label for label in counted_cells()}
    for cell in counted_cells().values():
        for alias in cell.aliases:
            if names.setdefault(comparison_form(alias), cell.label) != cell.label:
                raise DatasetError(f"{_CELLS} gives {quoted(alias)} two meanings.", "Reinstall wbc-core.")
    return MappingProxyType(names)
