"""The publications that facts come from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from types import MappingProxyType

from pydantic.dataclasses import dataclass

from wbc_core.biology.tables import STRICT, read_table, validated
from wbc_core.errors import DatasetError


@dataclass(frozen=True, config=STRICT)
class Source:
    """A publication that facts come from: a short name for the page and the full citation."""

    short: str
    citation: str


def source(key: str) -> Source:
    """Return one source by its key in ``sources.yaml``.

    Raises
    ------
    DatasetError
        There is no such key.
    """
    sources = _sources()
    if key not in sources:
        raise DatasetError(f'The source "{key}" is not in sources.yaml.', "Reinstall wbc-core.")
    return sources[key]


def cited(keys: Iterable[str]) -> tuple[Source, ...]:
    """Return the sources of these keys, in the same order."""
    return tuple(source(key) for key in keys)


@lru_cache(maxsize=1)
def _sources() -> Mapping[str, Source]:
    table = read_table("sources.yaml")
    return MappingProxyType({key: validated(Source, row, f"sources.yaml, {key}") for key, row in table.items()})
