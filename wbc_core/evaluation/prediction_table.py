"""Predictions kept row by row: one model's answers on labelled pictures, from a shipped or an uploaded CSV file."""

from __future__ import annotations

import csv
import io
import re
from collections import defaultdict
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from wbc_core.biology.labels import ALL_LABELS, canonical_label
from wbc_core.errors import DatasetError
from wbc_core.evaluation.labelled import LabelledPredictions

COLUMNS = ("source", "file", "truth", "label", "confidence")
FEWEST = 10
"""Pictures below which no interval is drawn by resampling."""

SMALLEST_PROBABILITY = 5e-7
"""Half the last digit of a file with six decimals: what a printed 0.000000 can be at most."""
_SUM_TOLERANCE = 0.01
_LABEL = re.compile(r"[a-z][a-z0-9_]{0,59}")
_MOST_LABELS = 64
_FORM = "Expected the columns source, file, truth, label, confidence and one p_<label> for each label."


@dataclass(frozen=True, eq=False)
class PredictionTable:
    """What one model said about labelled pictures.

    Attributes
    ----------
    name : str
        The model's id, or the name of the file.
    labels : tuple of str
        Columns of ``probabilities``.
    source, file : ndarray of object, shape (images,)
        Set and name of each picture; together they are unique.
    truth : ndarray of int64, shape (images,)
        Index of the true label.
    probabilities : ndarray of float64, shape (images, labels)
        Rows sum to 1; none is below :data:`SMALLEST_PROBABILITY` by more than its row's rounding.
    group, subtype : ndarray of object, shape (images,)
        Slide, donor or original, and the finer label; empty where not known.
    notes : tuple of str
        What was left out or taken otherwise than the file has it, in sentences.
    """

    name: str
    labels: tuple[str, ...]
    source: NDArray[np.object_]
    file: NDArray[np.object_]
    truth: NDArray[np.int64]
    probabilities: NDArray[np.float64]
    group: NDArray[np.object_]
    subtype: NDArray[np.object_]
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        """Return the number of pictures."""
        return len(self.truth)

    def sets(self) -> dict[str, int]:
        """Return the sets in the order of the file, and how many pictures each has."""
        names, counts = np.unique(self.source.astype(str), return_counts=True)
        found = dict(zip(names.tolist(), counts.tolist(), strict=True))
        return {name: found[name] for name in dict.fromkeys(self.source.tolist())}

    def rows(self, chosen: NDArray[Any]) -> PredictionTable:
        """Return some of the pictures: a mask or row numbers."""
        return replace(
            self,
            source=self.source[chosen],
            file=self.file[chosen],
            truth=self.truth[chosen],
            probabilities=self.probabilities[chosen],
            group=self.group[chosen],
            subtype=self.subtype[chosen],
        )

    def of_set(self, source: str) -> PredictionTable:
        """Return the pictures of one set.

        Raises
        ------
        DatasetError
            If there is none.
        """
        table = self.rows(self.source == source)
        if not len(table):
            raise DatasetError(
                f"The predictions of {self.name} have no picture of the set {source!r}.",
                f"They have {', '.join(self.sets())}.",
            )
        return table


def table_of(predictions: LabelledPredictions, name: str) -> PredictionTable:
    """Return live predictions as a table.

    Raises
    ------
    DatasetError
        If no picture's label is among those asked for.
    """
    images = predictions.images
    columns: dict[str, NDArray[np.object_]] = {
        key: np.array([getattr(image, key) for image in images], dtype=object)
        for key in ("source", "file", "label", "group", "subtype")
    }
    notes = []
    if predictions.failed:
        example = predictions.failed[0]
        notes.append(f"{_pictures(len(predictions.failed))} could not be read, such as {example[0].file}: {example[1]}")
    return _known_only(name, predictions.labels, columns, predictions.probabilities, notes)


def parse_predictions(data: bytes, name: str, *, most_bytes: int) -> PredictionTable:
    """Read a table of predictions.

    Parameters
    ----------
    data : bytes
        CSV in UTF-8 with the columns source, file, truth, label, confidence and a ``p_<label>`` for each label; group
        and subtype are read where they are there. The probabilities decide: label and confidence follow from them.
    name : str
        For messages and results.
    most_bytes : int
        Size from which on the file is refused.

    Returns
    -------
    PredictionTable
        Pictures whose truth is none of the labels are left out, with a note.

    Raises
    ------
    DatasetError
        If it is too large, no such table, or holds probabilities that are none.
    """
    if len(data) > most_bytes:
        raise DatasetError(
            f"{name} has {len(data) / 1e6:,.0f} MB; the limit is {most_bytes / 1e6:,.0f} MB.",
            "Keep fewer pictures in it, or raise WBC_MAX_UPLOAD_MB.",
        )
    try:
        text = data.decode("utf-8-sig")
        heading = next(csv.reader(io.StringIO(text[:100_000])), [])
    except (UnicodeDecodeError, csv.Error) as error:
        raise DatasetError(f"{name} cannot be read as a table.", "Save it as CSV in UTF-8.") from error
    labels = _labels_of(heading, name)
    frame = _frame(text, name, labels)
    columns: dict[str, NDArray[np.object_]] = {
        key: frame[key].str.strip().to_numpy(dtype=object) for key in ("source", "file")
    }
    for key in ("group", "subtype"):
        columns[key] = frame[key].to_numpy(dtype=object) if key in frame else np.full(len(frame), "", dtype=object)
    _refuse_duplicates(columns["source"], columns["file"], name)
    columns["label"] = _canonical(frame["truth"], labels, name)
    values = _checked(frame, labels, name)
    named = frame["label"].map({label: index for index, label in enumerate(labels)}).fillna(-1).to_numpy(dtype=np.int64)
    other = (named < 0) | (values[np.arange(len(values)), named] < values.max(axis=1) - 2e-6)
    odd = f"In {other.sum():,} of {len(other):,} rows label is not the largest probability's; the probabilities decide."
    notes = [odd] if other.any() else []
    return _known_only(name, labels, columns, values, notes)


def _labels_of(heading: list[str], name: str) -> tuple[str, ...]:
    missing = [column for column in COLUMNS if column not in heading]
    labels = tuple(column.removeprefix("p_") for column in heading if column.startswith("p_"))
    if missing or len(labels) < 2:
        lacking = [*missing, *(["p_<label> of at least two labels"] if len(labels) < 2 else [])]
        raise DatasetError(f"{name} lacks the column {', '.join(lacking)}.", _FORM)
    twice = sorted({column for column in heading if heading.count(column) > 1})
    if twice:
        raise DatasetError(f"{name} has the column {twice[0][:80]} twice.", _FORM)
    foreign = [label for label in labels if not _LABEL.fullmatch(label)]
    if foreign or len(labels) > _MOST_LABELS:
        shown = f"the column p_{foreign[0][:60]}" if foreign else f"{len(labels)} labels"
        raise DatasetError(
            f"{name} has {shown}, which cannot be read.",
            f"Labels are lower case with underscores, such as p_neutrophil, and at most {_MOST_LABELS}.",
        )
    return labels


def _frame(text: str, name: str, labels: tuple[str, ...]) -> pd.DataFrame:
    numbers = [f"p_{label}" for label in labels]
    options: dict[str, Any] = {"keep_default_na": False, "index_col": False, "on_bad_lines": "error"}
    try:
        try:
            kinds: dict[str, type] = defaultdict(lambda: str, dict.fromkeys(numbers, float))
            frame: pd.DataFrame = pd.read_csv(io.StringIO(text), dtype=kinds, **options)
        except (ValueError, TypeError):
            frame = pd.read_csv(io.StringIO(text), dtype=str, **options)
            for key in numbers:
                frame[key] = pd.to_numeric(frame[key], errors="coerce")
    except (ValueError, pd.errors.ParserError) as error:
        fault = str(error).strip()[:120]
        raise DatasetError(f"{name} cannot be read as a table: {fault}.", "Save it as CSV in UTF-8.") from error
    if frame.empty:
        raise DatasetError(f"{name} lists no picture.", "Add one line per picture below the heading.")
    texts = frame.columns.difference(numbers)
    frame[texts] = frame[texts].fillna("")
    return frame


def _checked(frame: pd.DataFrame, labels: tuple[str, ...], name: str) -> NDArray[np.float64]:
    """Return the probabilities with rows that sum to 1; the first that is none is named with its line."""
    values = frame[[f"p_{label}" for label in labels]].to_numpy(dtype=np.float64)

    def place(row: int) -> str:
        return f"{name}, line {row + 2} ({frame['file'].iloc[row][:80]})"

    unfit = np.argwhere(~np.isfinite(values))
    if len(unfit):
        row, column = unfit[0]
        raise DatasetError(
            f"{place(int(row))}: p_{labels[column]} is not a number; so are {len(unfit):,} values in all.",
            "Every probability must be a number from 0 to 1; leave out pictures without an answer.",
        )
    unfit = np.argwhere((values < -1e-6) | (values > 1 + 1e-6))
    if len(unfit):
        row, column = unfit[0]
        raise DatasetError(
            f"{place(int(row))}: p_{labels[column]} is {values[row, column]:g}; expected 0 to 1.",
            "Write probabilities, not logits or percentages.",
        )
    sums = values.sum(axis=1)
    off = np.flatnonzero(np.abs(sums - 1) > _SUM_TOLERANCE)
    if len(off):
        raise DatasetError(
            f"{place(int(off[0]))}: the probabilities sum to {sums[off[0]]:.3f}; expected 1.",
            f"So are {len(off):,} of {len(sums):,} rows. Keep every label's column, with four decimals or more.",
        )
    values = values.clip(SMALLEST_PROBABILITY)
    scaled: NDArray[np.float64] = values / values.sum(axis=1, keepdims=True)
    return scaled


def _canonical(column: pd.Series[Any], labels: tuple[str, ...], name: str) -> NDArray[np.object_]:
    """Return labels by their canonical names; a name that no one knows is an error."""
    known: dict[str, str] = {}
    for text in column.unique():
        try:
            known[text] = (
                text if text in labels else canonical_label(text, tuple(dict.fromkeys((*labels, *ALL_LABELS))))
            )
        except DatasetError as error:
            raise DatasetError(f"{name}: {error.message}", error.hint) from error
    mapped: NDArray[np.object_] = column.map(known).to_numpy(dtype=object)
    return mapped


def _refuse_duplicates(source: NDArray[np.object_], file: NDArray[np.object_], name: str) -> None:
    keys = pd.Series(source).str.cat(pd.Series(file), sep="\0")
    again = keys.duplicated()
    if again.any():
        second = int(np.flatnonzero(again)[0])
        first = int(np.flatnonzero(keys == keys[second])[0])
        raise DatasetError(
            f"{name} lists {source[second][:80]}/{file[second][:80]} twice, in lines {first + 2} and {second + 2}.",
            f"Keep one line per picture; {_pictures(int(again.sum()))} too many in all.",
        )


def _known_only(
    name: str,
    labels: tuple[str, ...],
    columns: dict[str, NDArray[np.object_]],
    values: NDArray[np.float64],
    notes: list[str],
) -> PredictionTable:
    """Put a table together from the pictures whose truth is among the labels."""
    position = {label: index for index, label in enumerate(labels)}
    truth = np.array([position.get(label, -1) for label in columns["label"]], dtype=np.int64)
    known = truth >= 0
    if not known.all():
        foreign = ", ".join(sorted(set(columns["label"][~known])))
        if not known.any():
            raise DatasetError(
                f"No picture of {name} has a label that its predictions know: they are {foreign}.",
                f"The predictions choose between {', '.join(labels)}.",
            )
        notes.append(f"{_pictures(int((~known).sum()))} labelled {foreign} left out: {name} knows no such class.")
    whole = PredictionTable(
        name, labels, columns["source"], columns["file"], truth, values, columns["group"], columns["subtype"]
    )
    return replace(whole.rows(known), notes=tuple(notes))


def _pictures(count: int) -> str:
    return f"{count:,} picture{'' if count == 1 else 's'}"
