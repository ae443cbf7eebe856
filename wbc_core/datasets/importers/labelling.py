"""What a source's labels mean: as the user says, as the layout knows, or as their names say; never guessed."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from wbc_core.biology.labels import canonical_label
from wbc_core.datasets.importers.layout import Reading, is_label
from wbc_core.errors import DatasetError


@dataclass(frozen=True)
class Meanings:
    """What becomes of each label of a source.

    Attributes
    ----------
    labels : dict of str to str
        The source's label to the canonical one.
    left_out : dict of str to str
        The labels whose pictures are not taken, with the reason.
    """

    labels: dict[str, str]
    left_out: dict[str, str]


def parse_meanings(options: Sequence[str]) -> dict[str, str]:
    """Read options such as ``1=neutrophil``.

    Returns
    -------
    dict of str to str
        The source's label to the canonical one.

    Raises
    ------
    DatasetError
        If an option has another form, names no cell type, or a label is given two meanings.
    """
    found: dict[str, str] = {}
    for option in options:
        source, equals, label = (text.strip() for text in option.rpartition("="))
        if not equals or not source:
            raise DatasetError(
                f'"{option}" does not say what a label means.', "Write it as SOURCE=cell type, such as 1=neutrophil."
            )
        meaning = canonical_label(label)
        if found.setdefault(source, meaning) != meaning:
            raise DatasetError(f'The label "{source}" is given two meanings.', "Give each --label once.")
    return found


def meanings_of(reading: Reading, told: Mapping[str, str], leave_out: Sequence[str]) -> Meanings:
    """Decide what every label of a source means.

    Parameters
    ----------
    reading : Reading
        What the layout found.
    told : mapping of str to str
        What the user said labels mean; decides over everything else.
    leave_out : sequence of str
        Labels whose pictures the user does not want.

    Returns
    -------
    Meanings

    Raises
    ------
    DatasetError
        If a label is unknown, a class folder is empty, or the user spoke of a label that does not occur.
    """
    counts = Counter(picture.source_label for picture in reading.pictures)
    told = {_written(source, counts, reading): label for source, label in told.items()}
    unwanted = {_written(source, counts, reading) for source in leave_out}
    labels: dict[str, str] = {}
    left_out: dict[str, str] = {}
    unknown: list[tuple[str, DatasetError]] = []
    for source in sorted(counts):
        if source in unwanted:
            left_out[source] = f'labelled "{source}", which was to be left out'
        elif source in told:
            labels[source] = told[source]
        elif source in reading.meanings:
            labels[source] = reading.meanings[source]
        elif source.lower() in reading.left_out:
            left_out[source] = f'labelled "{source}": {reading.left_out[source.lower()]}'
        else:
            try:
                labels[source] = canonical_label(source)
            except DatasetError as error:
                unknown.append((source, error))
    if unknown:
        raise _unknown(unknown, counts)
    empty = [name for name in reading.empty if name not in unwanted]
    if empty:
        raise DatasetError(
            f'The class folder "{empty[0]}" holds no picture.',
            f"Add some, or leave it out with --skip-label {shlex.quote(empty[0])}.",
        )
    if not labels:
        raise DatasetError(
            "No picture has a label of a single cell type: "
            + "; ".join(f"{counts[source]:,} {reason}" for source, reason in left_out.items())
            + ".",
            "Say what a label means with --label SOURCE=cell type.",
        )
    return Meanings(labels, left_out)


def understood(reading: Reading) -> int:
    """Return how many pictures have a label that needs no explanation."""
    counts = Counter(picture.source_label for picture in reading.pictures)
    return sum(
        count
        for source, count in counts.items()
        if source in reading.meanings or source.lower() in reading.left_out or is_label(source)
    )


def _written(source: str, counts: Counter[str], reading: Reading) -> str:
    """Return a label as the source writes it, whatever its case in the option."""
    names = [*counts, *reading.empty]
    if source in names:
        return source
    for name in names:
        if name.lower() == source.lower():
            return name
    raise DatasetError(f'No picture is labelled "{source}".', f"Labels found: {', '.join(sorted(names))}.")


def _unknown(unknown: list[tuple[str, DatasetError]], counts: Counter[str]) -> DatasetError:
    source, error = unknown[0]
    name = shlex.quote(source)
    listed = ", ".join(f'"{label}" ({counts[label]:,} pictures)' for label, _ in unknown)
    words = "is not a known cell type" if len(unknown) == 1 else "are not known cell types"
    return DatasetError(
        f"{listed} {words}.",
        f"{error.hint} Say what it means with --label {name}=<cell type>, or leave it out with --skip-label {name}.",
    )
