"""What to beware of in a count of fields, over all of them: the same caution of several fields is said once."""

from __future__ import annotations

from collections.abc import Sequence

from wbc_core.services.field_results import FieldResult
from wbc_core.smear.fields.film_words import cautions_of_fields, fields_by_caution
from wbc_core.smear.result import Caution


def cautions_over(results: Sequence[FieldResult]) -> dict[str, tuple[str, ...]]:
    """Return which counted fields bear which caution about film and stain.

    Parameters
    ----------
    results : sequence of FieldResult
        Fields that were handed in together.

    Returns
    -------
    dict of str to tuple of str
        Words of ``film_words.CAUTIONS`` to names of fields; the gravest first, those that no field bears left out.
    """
    return fields_by_caution(_notes(results))


def film_cautions_of(results: Sequence[FieldResult]) -> tuple[Caution, ...]:
    """Return the same for a differential's own list; last, which pictures were not counted."""
    return cautions_of_fields(_notes(results), [result.file for result in results if result.status == "failed"])


def _notes(results: Sequence[FieldResult]) -> dict[str, tuple[str, ...]]:
    return {result.file: result.notes for result in results if result.status == "counted"}
