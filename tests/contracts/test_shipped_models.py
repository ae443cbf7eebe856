"""Every model in the repository: its recipe, history and test predictions are those that its card speaks of."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from wbc_core.inference.cards import load_card
from wbc_core.recipes.spec import read_recipe
from wbc_core.settings import ROOT

MODELS = sorted(path.parent for path in (ROOT / "models").glob("*/card.json"))

each_model = pytest.mark.parametrize("folder", MODELS, ids=lambda folder: folder.name)


@each_model
def test_the_recipe_in_the_repository_is_the_one_it_was_trained_by(folder: Path) -> None:
    facts = load_card(folder).training
    for path in (ROOT / facts.recipe, ROOT / "models" / "recipes" / f"{folder.name}.yaml"):
        assert read_recipe(path).digest() == facts.recipe_sha256, path


@each_model
def test_the_history_has_every_epoch_once(folder: Path) -> None:
    with (folder / "history.csv").open(newline="") as stream:
        epochs = [int(row["epoch"]) for row in csv.DictReader(stream)]
    facts = load_card(folder).training
    assert epochs == list(range(facts.epochs))
    assert facts.best_epoch in epochs


@each_model
def test_the_test_predictions_give_the_figures_of_the_card(folder: Path) -> None:
    card = load_card(folder)
    with (folder / "test_predictions.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert {f"{row['source']} test" for row in rows} == {row.source for row in card.evaluations}
    for stated in card.evaluations:
        mine = [row for row in rows if f"{row['source']} test" == stated.source]
        assert len(mine) == stated.n
        # The choice is among the types that the test set has.
        present = [label for label in card.labels if label in {row["truth"] for row in mine}]
        shares = np.array([[float(row[f"p_{label}"]) for label in present] for row in mine])
        right = sum(present[at] == row["truth"] for at, row in zip(shares.argmax(axis=1), mine, strict=True))
        assert right / len(mine) == pytest.approx(stated.accuracy.value)


REFERENCE_SYSTEMS = {
    "A": ("a-vgg19", "a-inceptionv3", "a-mobilenetv2", "a-densenet201", "a-resnet101v2"),
    "B": ("b-kaggle-cnn",),
    "C": ("c-baseline-cnn", "c-resnet50"),
    "D": ("d-raabin-cnn",),
    "E": ("e-merged-cnn", "e-merged-cnn-sr"),
}


@pytest.mark.parametrize("system", REFERENCE_SYSTEMS)
def test_every_row_of_the_reference_systems_has_a_card(system: str) -> None:
    for model_id in REFERENCE_SYSTEMS[system]:
        assert load_card(ROOT / "models" / model_id).evaluations
