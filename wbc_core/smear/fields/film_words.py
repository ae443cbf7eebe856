"""What is said of a field whose film or stain is not as a differential needs it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Final

from wbc_core.smear.result import Caution

CAUTIONS: Final = {
    "crowded": "Nucleated cells fill more of this field than of any blood film: bone marrow, a cell-rich clump, or red"
    " cells in the colour of nuclei? The differential of a blood film does not hold.",
    "thick": "Red cells lie on one another here: a thick part of the film, or rouleaux. Leukocytes are small and dense"
    " in it; take fields where red cells lie side by side.",
    "feathered_edge": "Red cells are flat and have no pale middle here, as at the feathered edge, where leukocytes are"
    " swollen or torn; take fields nearer to the thick end.",
    "violet_red_cells": "Red cells take the colour of nuclei here: another stain than Romanowsky's, or too alkaline a"
    " buffer? Types named by a model that never saw such a stain do not hold.",
    "foreign_colours": "Part of this field has colours that no Romanowsky stain gives: another stain, or coloured"
    " light? Types named by a model that never saw such a stain do not hold.",
    "no_violet": "Dark bodies of this field are not violet, as nuclei are after Romanowsky: another stain? Leukocytes"
    " cannot be found in it.",
    "coarse": "Red cells are less than 20 pixels wide here: granules and chromatin cannot be seen, and types are less"
    " sure. Use a stronger objective, or the picture at its full size.",
}
"""What is said of a field, by a word for it; the gravest first."""

SHORT: Final = {
    "crowded": "crowded as no blood film is",
    "thick": "a thick part of the film, or rouleaux",
    "feathered_edge": "the feathered edge",
    "violet_red_cells": "red cells in the colour of nuclei",
    "foreign_colours": "colours that no Romanowsky stain gives",
    "no_violet": "dark bodies that are not violet",
    "coarse": "red cells less than 20 pixels wide",
}
"""The same in a few words."""

NAMED: Final = 5
"""Fields that a caution names; of more it says how many."""


def fields_by_caution(notes: Mapping[str, Collection[str]]) -> dict[str, tuple[str, ...]]:
    """Return which fields bear which caution.

    Parameters
    ----------
    notes : mapping of str to collection of str
        Sentences by the names of the counted fields; those that are no cautions are passed over.

    Returns
    -------
    dict of str to tuple of str
        Words of :data:`CAUTIONS` to names of fields; the gravest first, those that no field bears left out.
    """
    found = {
        word: tuple(file for file, said in notes.items() if sentence in said) for word, sentence in CAUTIONS.items()
    }
    return {word: files for word, files in found.items() if files}


def cautions_of_fields(notes: Mapping[str, Collection[str]], failed: Sequence[str] = ()) -> tuple[Caution, ...]:
    """Return the same as cautions of a differential, each with the fields that bear it.

    Parameters
    ----------
    notes : mapping of str to collection of str
        As in :func:`fields_by_caution`.
    failed : sequence of str
        Names of the pictures that were no fields, or could not be read.
    """
    found = [Caution(word, f"{_named(files)}: {CAUTIONS[word]}") for word, files in fields_by_caution(notes).items()]
    if failed:
        total = len(notes) + len(failed)
        verb = "was" if len(failed) == 1 else "were"
        found.append(Caution("failed", f"{len(failed):,} of {total:,} pictures {verb} not counted: {_named(failed)}."))
    return tuple(found)


def _named(files: Sequence[str]) -> str:
    named = ", ".join(file.rpartition("/")[2] for file in files[:NAMED])
    return f"{named} and {len(files) - NAMED:,} more" if len(files) > NAMED else named
