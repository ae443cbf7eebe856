"""Several models on the same pictures and the same labels: what a fair comparison needs before it measures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from wbc_core.biology.labels import Merge, members_of
from wbc_core.errors import DatasetError
from wbc_core.evaluation.prediction_table import FEWEST, PredictionTable
from wbc_core.evaluation.resampling import Resampling, resample

FEW_GROUPS = 30
"""Below some 30 groups resampling by group gives intervals that are too narrow (Cameron, Gelbach and Miller 2008,
doi:10.1162/rest.90.3.414)."""


@dataclass(frozen=True, eq=False)
class Lineup:
    """Models side by side, row by row.

    Attributes
    ----------
    names : tuple of str
        The models.
    labels : tuple of str
        What all of them choose between.
    source, file, group, subtype : ndarray of object, shape (images,)
        Of each picture.
    truth : ndarray of int64, shape (images,)
        Index of the true label.
    probabilities : ndarray of float64, shape (models, images, labels)
        Renormalised over the labels.
    notes : tuple of str
        What was left out or counted as one, and what the intervals rest on.
    """

    names: tuple[str, ...]
    labels: tuple[str, ...]
    source: NDArray[np.object_]
    file: NDArray[np.object_]
    group: NDArray[np.object_]
    subtype: NDArray[np.object_]
    truth: NDArray[np.int64]
    probabilities: NDArray[np.float64]
    notes: tuple[str, ...]

    def __len__(self) -> int:
        """Return the number of pictures."""
        return len(self.truth)

    @property
    def said(self) -> NDArray[np.int64]:
        """Index of the label that each model names, shape (models, images)."""
        return np.asarray(self.probabilities.argmax(axis=2))

    @property
    def right(self) -> NDArray[np.bool_]:
        """Whether each model is right, shape (models, images)."""
        return np.asarray(self.said == self.truth)

    def resampling(self) -> Resampling:
        """Return the bootstrap's draws by group; pictures of one group of one set stay together."""
        return resample([f"{a}/{b}" if b else "" for a, b in zip(self.source, self.group, strict=True)])


def line_up(
    tables: Sequence[PredictionTable], *, labels: Sequence[str] | None = None, merges: Sequence[Merge] = ()
) -> Lineup:
    """Put models side by side on the pictures and labels that all of them know.

    Parameters
    ----------
    tables : sequence of PredictionTable
        One for each model, at least one.
    labels : sequence of str, optional
        Choose between these labels only. Default: the labels that all models know and the pictures have, as cards are
        measured; all that the models know where the pictures are of one class.
    merges : sequence of Merge
        Classes counted as one. What a model answers as one class is counted as one for all of them.

    Returns
    -------
    Lineup

    Raises
    ------
    DatasetError
        If the models have no picture or fewer than two labels in common.
    """
    declared = [*merges, *_merged_by_models(tables, merges)]
    merged = [_merge(table, declared) for table in tables]
    notes = [note for table in tables for note in table.notes]
    if any(after is not before for before, after in zip(tables, merged, strict=True)):
        notes += [f"{' and '.join(merge.members)} are counted as one class, {merge.name}." for merge in declared]
    common = tuple(label for label in merged[0].labels if all(label in table.labels for table in merged))
    if labels is not None:
        foreign = [label for label in labels if label not in common]
        if foreign:
            raise DatasetError(
                f"Not every model knows {', '.join(foreign)}.", f"All of them know {', '.join(common) or 'no label'}."
            )
        common = tuple(labels)
    if len(common) < 2:
        raise DatasetError(
            f"{_listed(tables)} have fewer than two labels in common.", "Choose models that answer the same question."
        )
    rows, left_out = _shared_rows(merged, common)
    notes += left_out
    first = merged[0].rows(rows[0])
    index = np.array([common.index(label) if label in common else -1 for label in merged[0].labels])
    truth = index[first.truth]
    if labels is None:
        present = np.unique(truth)
        if len(present) > 1:
            common = tuple(common[position] for position in present)
            truth = np.searchsorted(present, truth)
    if any(set(table.labels) != set(common) for table in merged):
        notes.append(f"Every model chooses between {', '.join(common)}; its other probabilities are left out.")
    values = np.stack([_restricted(table.rows(chosen), common) for table, chosen in zip(merged, rows, strict=True)])
    lineup = Lineup(
        tuple(table.name for table in tables),
        common,
        first.source,
        first.file,
        _known_to_any(merged, rows, "group"),
        _known_to_any(merged, rows, "subtype"),
        truth,
        values,
        (),
    )
    return replace(lineup, notes=tuple(dict.fromkeys([*notes, *_cautions(lineup)])))


def _merged_by_models(tables: Sequence[PredictionTable], merges: Sequence[Merge]) -> list[Merge]:
    """Return what models answer as one class where another model knows the members."""
    taken = {merge.name for merge in merges}
    names = {label: members_of(label) for table in tables for label in table.labels if label not in taken}
    known = {label for table in tables for label in table.labels}
    return [Merge(name, members) for name, members in names.items() if members and known & set(members)]


def _merge(table: PredictionTable, merges: Sequence[Merge]) -> PredictionTable:
    for merge in merges:
        inside = [label for label in table.labels if label in merge.members or label == merge.name]
        if not inside or inside == [merge.name]:
            continue
        kept = [label for label in table.labels if label not in inside]
        labels = (*kept, merge.name)
        values = table.probabilities
        parts = [values[:, table.labels.index(label)] for label in kept]
        parts.append(values[:, [table.labels.index(label) for label in inside]].sum(axis=1))
        index = np.array([labels.index(merge.name if label in inside else label) for label in table.labels])
        table = replace(table, labels=labels, truth=index[table.truth], probabilities=np.stack(parts, axis=1))
    return table


def _shared_rows(tables: Sequence[PredictionTable], labels: Sequence[str]) -> tuple[list[NDArray[np.int64]], list[str]]:
    """Return each table's row numbers of the pictures that all have with one and the same of the labels."""
    keys, _ = pd.factorize(np.concatenate([table.source + "\0" + table.file for table in tables]))
    ends = np.cumsum([len(table) for table in tables])[:-1]
    own = np.split(keys.astype(np.int64), ends)
    truth = np.full((len(tables), int(keys.max()) + 1), -2, dtype=np.int64)  # -2: no such picture, -1: another label
    row_of = np.zeros_like(truth)
    for number, (table, mine) in enumerate(zip(tables, own, strict=True)):
        index = np.array([labels.index(label) if label in labels else -1 for label in table.labels], dtype=np.int64)
        truth[number, mine] = index[table.truth]
        row_of[number, mine] = np.arange(len(mine))
    everywhere = (truth > -2).all(axis=0)
    known = everywhere & (truth >= 0).all(axis=0)
    alike = known & (truth == truth[0]).all(axis=0)
    if not alike.any():
        raise DatasetError(
            f"{_listed(tables)} have no picture in common whose label all of them know.",
            "Choose models that were tested on the same set, or run them on one: wbc compare ID ID --on FOLDER.",
        )
    notes = []
    largest = max(len(table) for table in tables)
    if everywhere.sum() < truth.shape[1]:
        notes.append(f"{everywhere.sum():,} pictures are shared by all models, of up to {largest:,} that one has.")
    if known.sum() < everywhere.sum():
        notes.append(
            f"{(everywhere & ~known).sum():,} shared pictures are of classes that not every model knows: left out."
        )
    if alike.sum() < known.sum():
        notes.append(f"{(known & ~alike).sum():,} shared pictures bear different true labels in the files: left out.")
    chosen = np.flatnonzero(alike)
    return [row_of[number, chosen] for number in range(len(tables))], notes


def _restricted(table: PredictionTable, labels: Sequence[str]) -> NDArray[np.float64]:
    if tuple(labels) == table.labels:
        return table.probabilities
    values = table.probabilities[:, [table.labels.index(label) for label in labels]]
    shares: NDArray[np.float64] = values / values.sum(axis=1, keepdims=True)
    return shares


def _known_to_any(
    tables: Sequence[PredictionTable], rows: Sequence[NDArray[np.int64]], key: str
) -> NDArray[np.object_]:
    """Return group or subtype from the first table that knows it."""
    values: NDArray[np.object_] = getattr(tables[0], key)[rows[0]]
    for table, chosen in zip(tables[1:], rows[1:], strict=True):
        values = np.where(values == "", getattr(table, key)[chosen], values)
    return values


def _cautions(lineup: Lineup) -> list[str]:
    """Return what a reader must know of the set."""
    notes = []
    if len(lineup) < FEWEST:
        notes.append(
            f"There are only {len(lineup)} pictures: shares have their interval, other figures have none, and nothing "
            "can be concluded."
        )
    if len(np.unique(lineup.truth)) < 2:
        notes.append(
            f"All pictures are of one class, {lineup.labels[lineup.truth[0]]}: only recall and what follows from it "
            "can be judged."
        )
    named = lineup.group[lineup.group != ""]
    groups = len(np.unique(named.astype(str)))
    if not groups:
        notes.append(
            "No slide or donor is known: each picture counts as independent, which makes intervals too narrow."
        )
    elif groups < FEW_GROUPS and groups < len(named):
        notes.append(f"The pictures come from only {groups} groups (slides, originals): intervals are too narrow.")
    return notes


def _listed(tables: Sequence[PredictionTable]) -> str:
    names = [table.name for table in tables]
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
