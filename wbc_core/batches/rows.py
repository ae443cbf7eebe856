"""What came of each picture of a batch, as it is written down."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Final

from wbc_core.batches.listing import Picture
from wbc_core.inference.classifier import Classifier
from wbc_core.inference.judging import judge
from wbc_core.inference.pipeline import PendingImage, answer_all

DIGITS = 6
"""Decimals of a probability; what lies beyond differs with the number of pictures in a call of the network."""

_BY_A_PERSON: Final = frozenset({"reviewed", "corrected_from"})

_KINDS: Final[dict[str, tuple[type, ...]]] = {
    "int": (int,),
    "str": (str,),
    "float": (float, int),
    "str | None": (str, type(None)),
}


@dataclass(frozen=True)
class BatchRow:
    """What came of one picture.

    Attributes
    ----------
    place : int
        Its place among the pictures handed in, from 0.
    file : str
        Its name.
    size : int
        Bytes, as it was listed.
    digest : str
        SHA-256 of its bytes; empty where they could not be read. Equal ones are the same picture.
    label : str or None
        Top label, also where the model abstains; None of a failed picture.
    confidence : float
        Calibrated probability of the top label.
    status, reason : str
        As :func:`wbc_core.inference.judging.judge` gives them, or ``failed``.
    error, hint : str
        Of a failed picture.
    probabilities : tuple of float
        In the order of the batch's labels; empty of a failed picture.
    note : str
        What else the picture shows, as :func:`wbc_core.inference.judging.note_of` gives it.
    reviewed : bool
        Whether a person has said what it shows; kept apart from the row.
    corrected_from : str
        What the model had called it, where a person calls it something else: a label, or ``unidentified``.
    """

    place: int
    file: str
    size: int
    digest: str
    label: str | None
    confidence: float
    status: str
    reason: str = ""
    error: str = ""
    hint: str = ""
    probabilities: tuple[float, ...] = ()
    note: str = ""
    reviewed: bool = False
    corrected_from: str = ""

    def to_line(self) -> str:
        """Return the row as one line of JSON, without what a person made of it."""
        values = {name: value for name, value in asdict(self).items() if name not in _BY_A_PERSON}
        return json.dumps(values, ensure_ascii=True, separators=(",", ":")) + "\n"


def row_of_line(line: str | bytes) -> BatchRow:
    """Return the row that a line holds.

    Raises
    ------
    ValueError, TypeError, KeyError
        If the line is torn or no row.
    """
    values = json.loads(line)
    row = BatchRow(**{**values, "probabilities": tuple(float(value) for value in values["probabilities"])})
    for field in fields(BatchRow):
        if field.name in _BY_A_PERSON:
            continue
        value, expected = getattr(row, field.name), _KINDS.get(str(field.type), object)
        if not isinstance(value, expected) or isinstance(value, bool):
            raise TypeError(f"{field.name} is {type(value).__name__}")
    bytes.fromhex(row.digest)
    if not all(0 <= value <= 1 for value in (row.confidence, *row.probabilities)):
        raise ValueError("what is no probability stands in the place of one")
    return row


def classify(
    pictures: Iterable[tuple[int, Picture]], classifier: Classifier, labels: Sequence[str] | None, batch_size: int
) -> Iterator[BatchRow]:
    """Classify pictures in their order; one that cannot be read becomes a failed row and stops nothing.

    Parameters
    ----------
    pictures : iterable of (int, Picture)
        Places and pictures, read lazily.
    classifier : Classifier
        The model.
    labels : sequence of str or None
        Labels to choose between; the model's own if None.
    batch_size : int
        Pictures per call of the network.

    Yields
    ------
    BatchRow
        One per picture, in order.
    """
    shown = tuple(labels) if labels is not None else classifier.card.labels
    threshold = classifier.card.abstention.threshold
    digests: dict[str, str] = {}
    waiting: dict[str, tuple[int, Picture]] = {}

    def pending() -> Iterator[PendingImage]:
        for place, picture in pictures:
            waiting[picture.name] = (place, picture)
            yield PendingImage(picture.name, _noting(picture, digests))

    for answer in answer_all(pending(), classifier, labels=labels, batch_size=batch_size):
        place, picture = waiting.pop(answer.name)
        digest = digests.pop(answer.name, "")
        if answer.probabilities is None:
            words = (answer.error.message, answer.error.hint) if answer.error else ("", "")
            yield BatchRow(place, picture.name, picture.size, digest, None, 0.0, "failed", "", *words)
            continue
        top = int(answer.probabilities.argmax())
        confidence = float(answer.probabilities[top])
        status, reason = judge(confidence, answer.convincing, threshold, unknown=answer.unknown)
        yield BatchRow(
            place,
            picture.name,
            picture.size,
            digest,
            shown[top],
            round(confidence, DIGITS),
            status,
            reason,
            probabilities=tuple(round(float(value), DIGITS) for value in answer.probabilities),
            note=answer.note,
        )


def _noting(picture: Picture, digests: dict[str, str]):  # type: ignore[no-untyped-def]
    def read() -> bytes:
        data = picture.read()
        digests[picture.name] = hashlib.sha256(data).hexdigest()
        return data

    return read


def repeated(rows: Iterable[BatchRow]) -> dict[str, str]:
    """Return which pictures are the same as an earlier one, bit for bit: name to the name of the first.

    Parameters
    ----------
    rows : iterable of BatchRow
        In the order of their places.
    """
    first: dict[str, str] = {}
    again = {}
    for row in rows:
        if row.digest and first.setdefault(row.digest, row.file) != row.file:
            again[row.file] = first[row.digest]
    return again


def as_record(row: BatchRow, labels: Sequence[str], again: Mapping[str, str]) -> dict[str, str | float | None]:
    """Return a row as the ``predict`` table has it: fixed columns, ``p_<label>`` per label, what else is known."""
    failed = row.status == "failed"
    record: dict[str, str | float | None] = {
        "file": row.file,
        "label": row.label or "",
        "confidence": None if failed or row.corrected_from else row.confidence,
        "status": row.status,
        "reason": row.reason,
        "error": f"{row.error} {row.hint}".strip(),
    }
    fits = len(row.probabilities) == len(labels)  # a line of another batch has others
    values: Sequence[float | None] = row.probabilities if fits else [None] * len(labels)
    record |= {f"p_{label}": value for label, value in zip(labels, values, strict=True)}
    record |= {"same_as": again.get(row.file, ""), "note": row.note}
    return record | {"reviewed": row.reviewed, "corrected_from": row.corrected_from}
