"""What fields of one smear have in common: one ruler, and cells that more than one of them shows.

Fields handed in together with one picture size come from one camera.
"""

from __future__ import annotations

import statistics
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from wbc_core.services.field_results import ELSEWHERE, FieldResult, FoundCell
from wbc_core.smear.fields.once import count_once
from wbc_core.smear.fields.overlaps import find_overlaps
from wbc_core.smear.fields.scale import scale_of, with_stored_scale

SAME_PICTURE: Final = 0.97
"""Share of two fields in common from which on a sentence calls them the same part of the film."""

_NAMES: Final = {
    "wbc": ("leukocyte", "leukocytes"),
    "smudge_cell": ("smudge cell", "smudge cells"),
    "artefact": ("artefact", "artefacts"),
    "platelet": ("platelet", "platelets"),
    "rbc": ("red cell", "red cells"),
}


def joined(results: Sequence[FieldResult], given: float | None = None) -> list[FieldResult]:
    """Count each cell of overlapping fields once, and give the fields of one camera one scale.

    Parameters
    ----------
    results : sequence of FieldResult
        Each as if it were alone, in their order.
    given : float, optional
        Micrometres per pixel as the user knows them.

    Returns
    -------
    list of FieldResult
        In the same order, without their overviews.

    Raises
    ------
    ImageError
        If the scale is no size of a pixel.
    """
    cameras: dict[tuple[int, int], list[int]] = defaultdict(list)
    for number, result in enumerate(results):
        if result.status == "counted":
            cameras[(result.width, result.height)].append(number)
    done = [replace(result, overview=None) for result in results]
    for numbers in cameras.values():
        fields = _each_cell_once([results[number] for number in numbers])
        measured = scale_of([diameter for field in fields for diameter in field.round_red_cells], given)
        for number, field in zip(numbers, fields, strict=True):
            scale, note = with_stored_scale(measured, field.stated_scale, field.red_cell)
            notes = field.notes + ((note,) if note else ())
            done[number] = replace(field, scale=scale, notes=notes, overview=None)
    return done


def _each_cell_once(fields: Sequence[FieldResult]) -> list[FieldResult]:
    """Mark the cells that another field of the same camera counts, and say so."""
    overviews = [field.overview for field in fields if field.overview is not None]
    sizes = [field.red_cell for field in fields if field.red_cell is not None]
    if len(overviews) != len(fields) or len(fields) < 2 or not sizes:
        return list(fields)
    size, red_cell = (fields[0].width, fields[0].height), statistics.median(sizes)
    reduced = max(overviews[0].shape) / max(size)
    overlaps = [
        replace(pair, x=pair.x / reduced, y=pair.y / reduced) for pair in find_overlaps(overviews, red_cell * reduced)
    ]
    if not overlaps:
        return list(fields)
    once = count_once([[found.cell for found in field.cells] for field in fields], overlaps, size, red_cell)
    elsewhere: dict[int, dict[int, int]] = defaultdict(dict)
    for (number, cell), keeper in once.elsewhere.items():
        elsewhere[number][cell] = keeper
    done = []
    for number, field in enumerate(fields):
        keepers = elsewhere[number]
        cells = tuple(
            replace(found, status="not_counted", reason=ELSEWHERE, counted_in=fields[keepers[at]].file)
            if at in keepers
            else found
            for at, found in enumerate(field.cells)
        )
        notes = _notes(cells, {fields[other].file: share for other, share in once.partners.get(number, {}).items()})
        done.append(replace(field, cells=cells, notes=field.notes + notes))
    return done


def _notes(cells: Iterable[FoundCell], shares: Mapping[str, float]) -> tuple[str, ...]:
    """Return a sentence for each field that counts cells of this one; ``shares`` is of the picture, by their names."""
    left: dict[str, Counter[str]] = defaultdict(Counter)
    for found in cells:
        if found.reason == ELSEWHERE:
            left[found.counted_in][found.cell.kind] += 1
    sentences = []
    for file, kinds in left.items():
        share = shares.get(file, 0.0)
        shown = "Shows the same part of the film as" if share >= SAME_PICTURE else f"Has {share:.0%} in common with"
        numbers = [f"{kinds[kind]} {names[kinds[kind] != 1]}" for kind, names in _NAMES.items() if kinds[kind]]
        sentences.append(f"{shown} {file}: {_listed(numbers)} counted there.")
    return tuple(sentences)


def _listed(words: Sequence[str]) -> str:
    return f"{', '.join(words[:-1])} and {words[-1]}" if len(words) > 1 else words[0]
