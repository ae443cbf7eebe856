"""Training curves from a run's folder, from Keras's CSVLogger and from TensorBoard event files, in one form."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from wbc_core.errors import WbcError
from wbc_core.runs.folder import HISTORY

LOSS, ACCURACY, VAL_LOSS, VAL_ACCURACY, RATE = "loss", "accuracy", "val_loss", "val_accuracy", "learning_rate"
CURVES = (ACCURACY, VAL_ACCURACY, LOSS, VAL_LOSS, RATE)
LARGEST_EPOCHS = 100_000  # lines
LARGEST_EPOCH = 1 << 53  # the largest whole number that a float holds exactly
LARGEST_FILE = 25_000_000  # bytes
_LARGEST_COLUMNS = 200

_ALIASES = {
    "acc": ACCURACY,
    "binary_accuracy": ACCURACY,
    "categorical_accuracy": ACCURACY,
    "sparse_categorical_accuracy": ACCURACY,
    "lr": RATE,
}


@dataclass(frozen=True)
class Curve:
    """The history of one training.

    Attributes
    ----------
    table : DataFrame
        One row an epoch, sorted. Columns: ``epoch`` (int, counted from 1), then float64 with NaN where a value is
        missing: ``accuracy``, ``val_accuracy`` (0 to 1), ``loss``, ``val_loss``, ``learning_rate``, and any other
        numeric column of the source, such as ``seconds``.
    notes : tuple of str
        What reading had to decide, one sentence each.
    """

    table: pd.DataFrame
    notes: tuple[str, ...] = ()

    @property
    def epochs(self) -> int:
        """Number of epochs."""
        return len(self.table)

    def has(self, column: str) -> bool:
        """Return whether a column holds at least one finite value."""
        return column in self.table and bool(self.table[column].notna().any())


def standard_name(name: str) -> str:
    """Return the name that this program uses for a logged value.

    Examples
    --------
    >>> standard_name("val_acc"), standard_name("lr"), standard_name("val_loss")
    ('val_accuracy', 'learning_rate', 'val_loss')
    """
    plain = name.strip().lower().replace(" ", "_").replace("-", "_")
    prefix = "val_" if plain.startswith("val_") else ""
    rest = plain.removeprefix("val_")
    return prefix + _ALIASES.get(rest, rest)


def read_run_curve(run_dir: Path) -> Curve:
    """Read the history of a run's or model's folder.

    Raises
    ------
    WbcError
        If there is no history yet, or it cannot be read.
    """
    path = run_dir / HISTORY
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise _too_large(f"{run_dir.name}/{HISTORY}")
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise WbcError(
            f"{run_dir.name} has no finished epoch yet.", "Its curves begin with the end of the first epoch."
        ) from error
    except OSError as error:
        raise WbcError(
            f"The history of {run_dir.name} cannot be read: {error.strerror}.", "Check the rights of the file."
        ) from error
    return read_history(data, f"{run_dir.name}/{HISTORY}")


def read_history(data: bytes, name: str) -> Curve:
    """Read a CSV file of Keras's CSVLogger or of this program.

    Comma, semicolon and tab separate; ``acc`` and ``lr`` count as accuracy and learning rate; a learning rate may be
    missing. Where a training was started again into the same file, so that epochs repeat, the last start counts.

    Parameters
    ----------
    data : bytes
        The file's content, at most 25 MB of UTF-8.
    name : str
        Its name, used in messages only.

    Returns
    -------
    Curve

    Raises
    ------
    WbcError
        If the file is too large, is no such table, or holds no epoch.
    """
    if len(data) > LARGEST_FILE:
        raise _too_large(name)
    expected = (
        "Expected a CSV file of Keras's CSVLogger: a first line such as epoch,accuracy,loss, then a line an epoch."
    )
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise WbcError(f"{name} is no text file.", expected) from error
    heading, _, _ = text.lstrip().partition("\n")
    separator = max(",;\t", key=heading.count)
    try:
        rows = [row for row in csv.reader(io.StringIO(text.lstrip()), delimiter=separator) if any(row)]
    except csv.Error as error:
        raise WbcError(f"{name} cannot be read as CSV: {error}.", expected) from error
    if not rows:
        raise WbcError(f"{name} is empty.", "A CSVLogger writes its first lines when the first epoch has ended.")
    columns = [standard_name(cell) for cell in rows[0]]
    if not set(columns) & {LOSS, ACCURACY, VAL_LOSS, VAL_ACCURACY}:
        raise WbcError(f"{name} has no column named loss or accuracy.", expected)
    if len(columns) > _LARGEST_COLUMNS or len(rows) > LARGEST_EPOCHS:
        raise WbcError(
            f"{name} has {len(rows):,} lines of {len(columns)} columns; "
            f"at most {LARGEST_EPOCHS:,} lines of {_LARGEST_COLUMNS} are read.",
            "Log once an epoch.",
        )
    body = [row for row in rows[1:] if row[0].strip() != rows[0][0].strip()]  # less headings repeated by a restart
    notes = []
    if "epoch" not in columns:
        columns.append("epoch")
        body = [[*row[: len(columns) - 1], *[""] * (len(columns) - 1 - len(row)), str(i)] for i, row in enumerate(body)]
        notes.append("There is no column named epoch: the lines are counted instead.")
    records = [_numbers(columns, row) for row in body]
    return build_curve(records, name, notes)


def build_curve(records: Sequence[Mapping[str, float]], name: str, notes: Sequence[str] = ()) -> Curve:
    """Put logged values into one form.

    Parameters
    ----------
    records : sequence of mapping of str to float
        One per line of a log in its order, with ``epoch`` (from 0 or 1) and standard names; missing values left out.
    name : str
        Of the source, used in messages only.
    notes : sequence of str
        What reading had to decide so far.

    Returns
    -------
    Curve

    Raises
    ------
    WbcError
        If no record has an epoch and a loss or accuracy.
    """
    said = list(notes)
    kept: list[tuple[int, Mapping[str, float]]] = []  # epochs rise: a row that goes back takes away what it repeats
    restarts: list[tuple[int, int]] = []
    unreadable = 0
    for record in records:
        number = record.get("epoch", math.nan)
        if not 0 <= number < LARGEST_EPOCH or not any(key in record for key in CURVES):
            unreadable += 1
            continue
        epoch = int(number)
        if kept and epoch <= kept[-1][0]:
            restarts.append((kept[-1][0], epoch))
        while kept and epoch <= kept[-1][0]:
            kept.pop()
        kept.append((epoch, record))
    if not kept:
        raise WbcError(
            f"{name} holds no finished epoch.", "A CSVLogger writes its first lines when the first epoch has ended."
        )
    first = 1 if kept[0][0] == 0 else 0
    if unreadable:
        said.append(f"{unreadable} of its lines could not be read and were left out.")
    if restarts:
        times = "" if len(restarts) == 1 else f" {len(restarts)} times"
        old, new = restarts[-1]
        said.append(
            f"The training was started again{times}, last at epoch {new + first} after epoch {old + first}: "
            "of repeated epochs the last start counts."
        )
    table = pd.DataFrame([{**_marked(values), "epoch": epoch + first} for epoch, values in kept])
    return Curve(_cleaned(table, said), tuple(said))


def _marked(values: Mapping[str, float]) -> dict[str, float]:
    """Return values with *not a number* as infinity, so that it differs from what was not logged."""
    return {column: math.inf if math.isnan(value) else value for column, value in values.items()}


def _cleaned(table: pd.DataFrame, said: list[str]) -> pd.DataFrame:
    """Order the columns, make everything but the epoch float64, and let infinite values and empty columns go."""
    others = [str(column) for column in table if column not in ("epoch", *CURVES)]
    table = table.reindex(columns=["epoch", *CURVES, *others])
    values = table[[*CURVES, *others]].astype("float64")
    infinite = values.isin([math.inf, -math.inf])
    if bool(infinite.to_numpy().any()):
        said.append("Some values are infinite or not a number: the training diverged there. They are left out.")
        values = values.mask(infinite)
    largest = values[[ACCURACY, VAL_ACCURACY]].max().max()
    if largest > 1.5:
        said.append("Accuracy is logged in percent; it was divided by 100.")
        values[[ACCURACY, VAL_ACCURACY]] /= 100
    values = values.drop(columns=[column for column in others if values[column].isna().all()])
    return pd.concat([table["epoch"].astype(int), values], axis=1)


def _numbers(columns: Sequence[str], row: Sequence[str]) -> dict[str, float]:
    """Return a line's numbers by column; anything else, such as the NA that CSVLogger writes, counts as missing."""
    found = {}
    for column, cell in zip(columns, row, strict=False):
        try:
            found[column] = float(cell)
        except ValueError:
            continue
    return found


def _too_large(name: str) -> WbcError:
    return WbcError(
        f"{name} is larger than {LARGEST_FILE // 1_000_000} MB.",
        "A history has one line an epoch: choose the file that CSVLogger or TensorBoard wrote.",
    )
