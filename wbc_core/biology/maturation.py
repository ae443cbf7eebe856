"""How grave it is to take one cell for another, by their maturation."""

from __future__ import annotations

from functools import lru_cache
from typing import Literal

from pydantic.dataclasses import dataclass

from wbc_core.biology.labels import members_of
from wbc_core.biology.sources import Source, cited
from wbc_core.biology.tables import STRICT, read_table, validated

Severity = Literal["right", "minor", "other", "major"]

_TABLE = "maturation.yaml"


@dataclass(frozen=True, config=STRICT)
class Stage:
    """A stage of a series: its name, the cell type it belongs to, and how data sets write it as a subtype."""

    name: str
    label: str
    subtypes: tuple[str, ...]


@dataclass(frozen=True, config=STRICT)
class Series:
    """Stages in the order in which cells ripen."""

    name: str
    stages: tuple[Stage, ...]
    sources: tuple[str, ...]


@dataclass(frozen=True, config=STRICT)
class Maturity:
    """Which types are immature and which mature."""

    immature: tuple[str, ...]
    mature: tuple[str, ...]
    sources: tuple[str, ...]


@dataclass(frozen=True, config=STRICT)
class GravePair:
    """Two types whose confusion is major whatever their maturity."""

    labels: tuple[str, str]
    sources: tuple[str, ...]


@dataclass(frozen=True, config=STRICT)
class Weights:
    """What a mistake counts."""

    minor: float
    other: float
    major: float


@dataclass(frozen=True, config=STRICT)
class Maturation:
    """The whole definition, as ``data/maturation.yaml`` has it."""

    maturity: Maturity
    series: tuple[Series, ...]
    always_major: tuple[GravePair, ...]
    weights: Weights


@lru_cache(maxsize=1)
def maturation() -> Maturation:
    """Return the definition.

    Raises
    ------
    DatasetError
        The data file does not fit.
    """
    return validated(Maturation, read_table(_TABLE), _TABLE)


def maturation_sources() -> tuple[Source, ...]:
    """Return the publications that the definition rests on, each once."""
    table = maturation()
    parts = [
        table.maturity.sources,
        *(row.sources for row in table.series),
        *(row.sources for row in table.always_major),
    ]
    return cited(dict.fromkeys(key for part in parts for key in part))


@lru_cache(maxsize=4096)
def severity(truth: str, said: str, subtype: str = "") -> Severity:
    """Return how grave it is to call a cell something.

    Parameters
    ----------
    truth, said : str
        Labels; merged ones are what all their members are.
    subtype : str
        The true cell's finer label, such as ``"MMY"``; empty where not known.

    Returns
    -------
    {"right", "minor", "other", "major"}

    Examples
    --------
    >>> severity("immature_granulocyte", "neutrophil", "PMY"), severity("immature_granulocyte", "neutrophil", "MMY")
    ('major', 'minor')
    >>> severity("eosinophil", "basophil"), severity("lymphocyte", "erythroblast")
    ('other', 'major')
    """
    if truth == said:
        return "right"
    table = maturation()
    if any({truth, said} == set(pair.labels) for pair in table.always_major):
        return "major"
    if _are_neighbours(truth, said, subtype, table):
        return "minor"
    ripeness = {_ripeness(label, table) for label in (truth, said)}
    return "major" if ripeness == {"immature", "mature"} else "other"


def _are_neighbours(truth: str, said: str, subtype: str, table: Maturation) -> bool:
    for series in table.series:
        for at, stage in enumerate(series.stages):
            if stage.label == truth and subtype in stage.subtypes:
                beside = series.stages[max(at - 1, 0) : at + 2]
                return any(neighbour.label == said for neighbour in beside)
    return False


def _ripeness(label: str, table: Maturation) -> str:
    """Return *immature*, *mature*, or nothing where the label is unknown or a mixture."""
    members = set(members_of(label) or (label,))
    if members <= set(table.maturity.immature):
        return "immature"
    return "mature" if members <= set(table.maturity.mature) else ""
