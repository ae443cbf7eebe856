"""What to beware of in a count of fields, over all of them: the same caution of several fields is said once."""

from __future__ import annotations

from collections.abc import Sequence

from wbc_core.services.field_results import FieldResult
from wbc_core.smear.fields.film import CAUTIONS


def cautions_over(results: Sequence[FieldResult]) -> dict[str, tuple[str, ...]]:
    """Return which counted fields bear which caution about film and stain.

    Parameters
    ----------
    results : sequence of FieldResult
        Fields that were handed in together.

    Returns
    -------
    dict of str to tuple of str
        Sentence to names of fields; the gravest first, those that no field bears left out.
    """
    found = {
        sentence: tuple(result.file for result in results if result.status == "counted" and sentence in result.notes)
        for sentence in CAUTIONS.values()
    }
    return {sentence: files for sentence, files in found.items() if files}
