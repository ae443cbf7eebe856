"""Models compared: on the predictions they ship with, on an uploaded table, or live on labelled pictures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache, partial
from pathlib import Path

from wbc_core.biology.labels import Merge
from wbc_core.datasets.sources import read_source
from wbc_core.errors import DatasetError, ModelError
from wbc_core.evaluation.labelled import predict_labelled
from wbc_core.evaluation.lineup import Lineup, line_up
from wbc_core.evaluation.measures import ModelMeasures, measure_model
from wbc_core.evaluation.paired import Pair, PairData, compare_pairs
from wbc_core.evaluation.prediction_table import PredictionTable, parse_predictions, table_of
from wbc_core.inference.cards import CARD, load_card, read_verified
from wbc_core.services.access import require
from wbc_core.services.compare_pictures import with_groups
from wbc_core.services.models import classifier_for, installed_ids, model_folder
from wbc_core.services.roles import Action
from wbc_core.settings import settings

PREDICTIONS = "test_predictions.csv"
MOST_MODELS = 24


@dataclass(frozen=True, eq=False)
class ModelComparison:
    """Models on the same pictures.

    Attributes
    ----------
    source : str
        The set of pictures.
    lineup : Lineup
        Answers row by row; ``lineup.notes`` says what was left out.
    measures : tuple of ModelMeasures
        One for each model, in the order asked for.
    sets : dict of str to int
        Sets in which every model has pictures, and the fewest that one has.
    find_pairs : callable
        Finds ``pairs``.
    """

    source: str
    lineup: Lineup
    measures: tuple[ModelMeasures, ...]
    sets: dict[str, int]
    find_pairs: Callable[[], tuple[Pair, ...]]

    @cached_property
    def pairs(self) -> tuple[Pair, ...]:
        """Every two models, each on all pictures and labels that the two know; found when they are first asked for.

        With a third model of fewer labels in the comparison these may be more than the lineup has.
        """
        return self.find_pairs()


@dataclass(frozen=True)
class ShippedPredictions:
    """A model that brings its test predictions, and the sets in them."""

    model_id: str
    title: str
    labels: tuple[str, ...]
    sets: dict[str, int]


def models_with_predictions() -> tuple[ShippedPredictions, ...]:
    """Return the installed models whose predictions can be read; the others are left out."""
    require(Action.LOOK)
    found = []
    for model_id in installed_ids():
        try:
            folder = model_folder(model_id)
            found.append(_offered(folder, _stamp(folder)))
        except (ModelError, DatasetError, OSError):
            continue  # `wbc models verify` says what is wrong with it
    return tuple(found)


def shipped_predictions(model_id: str) -> PredictionTable:
    """Return the test predictions that a model ships with, read once while the file stays the same.

    Raises
    ------
    ModelError
        If there is no such model, it ships none, or the file differs from what its card says.
    DatasetError
        If the file is no table of predictions.
    """
    require(Action.LOOK)
    folder = model_folder(model_id)
    return _shipped(folder, _stamp(folder))


def uploaded_predictions(data: bytes, name: str) -> PredictionTable:
    """Read a table of predictions that a user brings.

    Raises
    ------
    DatasetError
        If it is too large, no such table, or holds probabilities that are none.
    """
    require(Action.CLASSIFY)
    return with_groups(parse_predictions(data, name, most_bytes=settings().max_upload_mb * 1_000_000))


def live_predictions(
    model_ids: Sequence[str],
    source: Path,
    *,
    split: str | None = None,
    progress: Callable[[str, int, int], None] | None = None,
) -> tuple[PredictionTable, ...]:
    """Run models on labelled pictures.

    Parameters
    ----------
    model_ids : sequence of str
        The models.
    source : Path
        Folder of class folders, an imported set, or a CSV file with the columns file and label.
    split : str, optional
        Only this part of the source.
    progress : callable, optional
        Called with the model's id, the number of pictures done and their total.

    Raises
    ------
    DatasetError
        If there is no labelled data, or none of it can be read.
    """
    require(Action.CLASSIFY)
    images = read_source(source, split=split)
    tables = []
    for model_id in model_ids:

        def told(done: int, total: int, model_id: str = model_id) -> None:
            if progress is not None:
                progress(model_id, done, total)

        predictions = predict_labelled(
            classifier_for(model_id), images, batch_size=settings().batch_size, progress=told
        )
        tables.append(table_of(predictions, model_id))
    return tuple(tables)


def compare_models(
    model_ids: Sequence[str],
    *,
    source: str | None = None,
    labels: Sequence[str] | None = None,
    merges: Sequence[Merge] = (),
) -> ModelComparison:
    """Compare models on the predictions they ship with; the same question is answered from memory.

    Parameters
    ----------
    model_ids : sequence of str
        At least one, each once.
    source : str, optional
        Name of the set, such as ``pbc``; the first that all have if not given.
    labels : sequence of str, optional
        Choose between these labels only.
    merges : sequence of Merge
        Classes counted as one.

    Raises
    ------
    ModelError
        If a model is unknown, named twice, or ships no predictions.
    DatasetError
        If the models have no set, picture or labels in common.
    """
    require(Action.LOOK)
    ids = tuple(model_ids)
    if not ids or len(set(ids)) < len(ids) or len(ids) > MOST_MODELS:
        raise ModelError(
            f"A comparison needs 1 to {MOST_MODELS} different models; {len(ids)} were named.", "Name each model once."
        )
    stamps = tuple(_stamp(model_folder(model_id)) for model_id in ids)
    return _compared(ids, stamps, source, None if labels is None else tuple(labels), tuple(merges))


def compare_tables(
    tables: Sequence[PredictionTable],
    *,
    source: str | None = None,
    labels: Sequence[str] | None = None,
    merges: Sequence[Merge] = (),
) -> ModelComparison:
    """Compare tables of predictions, shipped, uploaded or live.

    Raises
    ------
    DatasetError
        If they have no set, picture or labels in common.
    """
    require(Action.LOOK)
    sets = _shared_sets(tables)
    if source is None:
        source = next(iter(sets))
    chosen = [table.of_set(source) for table in tables]
    lineup = line_up(chosen, labels=labels, merges=merges)
    measures = _measured(lineup)
    grouped = not lineup.resampling().alone
    # Where no pair knows more than all together, what was measured for all serves every pair.
    alike = len({frozenset(table.labels) for table in chosen}) == 1 and all(
        len(table) == len(lineup) for table in chosen
    )
    done: dict[tuple[object, ...], ModelMeasures] = {}
    right = lineup.right

    def data_of(first: int, second: int) -> PairData:
        if alike or len(tables) == 2:
            return PairData(lineup.labels, (right[first], right[second]), (measures[first], measures[second]), grouped)
        two = line_up([chosen[first], chosen[second]], labels=labels, merges=merges)
        if two.labels == lineup.labels and len(two) == len(lineup):
            return PairData(lineup.labels, (right[first], right[second]), (measures[first], measures[second]), grouped)
        rest = (two.labels, tuple(two.file))
        if not {(two.names[0], *rest), (two.names[1], *rest)} <= set(done):
            done.update({(each.name, *rest): each for each in _measured(two)})
        own = (done[(two.names[0], *rest)], done[(two.names[1], *rest)])
        return PairData(two.labels, (two.right[0], two.right[1]), own, not two.resampling().alone)

    return ModelComparison(source, lineup, measures, sets, partial(compare_pairs, lineup.names, data_of))


def _measured(lineup: Lineup) -> tuple[ModelMeasures, ...]:
    draws = lineup.resampling()
    return tuple(
        measure_model(name, values, lineup.truth, lineup.labels, draws, lineup.subtype.tolist())
        for name, values in zip(lineup.names, lineup.probabilities, strict=True)
    )


def _shared_sets(tables: Sequence[PredictionTable]) -> dict[str, int]:
    counts = [table.sets() for table in tables]
    shared = {name: min(row.get(name, 0) for row in counts) for name in counts[0]}
    shared = {name: fewest for name, fewest in shared.items() if fewest}
    if not shared:
        each = "; ".join(f"{table.name}: {', '.join(row)}" for table, row in zip(tables, counts, strict=True))
        raise DatasetError(
            f"The models have no test set in common ({each}).",
            "Choose models that were tested on the same set, or run them on one: wbc compare ID ID --on FOLDER.",
        )
    return shared


def _stamp(folder: Path) -> tuple[int, int]:
    """Return what changes when a model is replaced."""
    card = (folder / CARD).stat()
    return card.st_mtime_ns, card.st_size


@lru_cache(maxsize=64)
def _offered(folder: Path, stamp: tuple[int, int]) -> ShippedPredictions:
    card = load_card(folder)
    return ShippedPredictions(card.id, card.title, card.labels, _shipped(folder, stamp).sets())


@lru_cache(maxsize=64)
def _shipped(folder: Path, stamp: tuple[int, int]) -> PredictionTable:
    card = load_card(folder)
    if PREDICTIONS not in card.files:
        raise ModelError(
            f"The model {card.id} ships no test predictions.", f"Run it on pictures: wbc compare {card.id} --on FOLDER."
        )
    data = read_verified(folder, card, PREDICTIONS)
    return with_groups(replace(parse_predictions(data, f"{card.id}/{PREDICTIONS}", most_bytes=len(data)), name=card.id))


@lru_cache(maxsize=32)
def _compared(
    ids: tuple[str, ...],
    stamps: tuple[tuple[int, int], ...],
    source: str | None,
    labels: tuple[str, ...] | None,
    merges: tuple[Merge, ...],
) -> ModelComparison:
    return compare_tables([shipped_predictions(each) for each in ids], source=source, labels=labels, merges=merges)
