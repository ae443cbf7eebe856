"""A run follows its recipe and its seed; a killed one continues as if nothing had happened."""

import csv
import json
import os

import cv2
import numpy as np
import pytest

from wbc_core.datasets.synthetic import render_cell
from wbc_core.errors import RecipeError
from wbc_core.settings import Settings
from wbc_core.training.augmentation import MARGIN, augment, colour_statistics
from wbc_core.training.checkpoint import Progress, load_checkpoint, save_checkpoint
from wbc_core.recipes.spec import Recipe, read_recipe

LABELS = ("lymphocyte", "neutrophil", "platelet")
RECIPE = """
id: tiny
title: Tiny
seed: 5
labels: [lymphocyte, neutrophil, platelet]
data: [{name: one, share: 0.75}, {name: two, share: 0.25}]
preprocessing: {size: 32}
network: {initial_weights: random, frozen_through: block1a_project_bn}
optimisation: {batch_size: 4, steps_per_epoch: 3, epochs: 3, warmup_steps: 2, learning_rate: 0.001}
calibrate_on: [one]
"""


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """Settings over two small synthetic data sets."""
    root = tmp_path_factory.mktemp("tiny")
    for source, shift in (("one", 0), ("two", 100)):
        rows = []
        (root / source).mkdir()
        for index in range(18):
            label = LABELS[index % 3]
            name = f"{label}{index}.png"
            cv2.imwrite(str(root / source / name), render_cell(label, seed=index + shift, size=96)[..., ::-1])
            rows.append([name, label, "train" if index < 12 else "val"])
        with (root / source / "split.csv").open("w", newline="") as stream:
            csv.writer(stream).writerows([["file", "label", "split"], *rows])
    return Settings(data_dir=root, cache_dir=root / "cache", runs_dir=root / "runs")


@pytest.fixture
def recipe(tmp_path):
    path = tmp_path / "tiny.yaml"
    path.write_text(RECIPE)
    return read_recipe(path)


def test_the_shipped_recipes_are_valid():
    root = Settings().models_dir / "recipes"
    for path in sorted(root.glob("*.yaml")):
        assert read_recipe(path).id == path.stem


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("epochs: 3|epochs: 0", "optimisation.epochs is 0"),
        ("share: 0.75|share: -1", "data.0.share is -1"),
        ("title: Tiny|titel: Tiny", "title"),
        ("initial_weights: random|initial_weights: magic", "must be 'imagenet' or 'random'"),
        ("id: tiny|id: Tiny Model", "id is 'Tiny Model'"),
        ("seed: 5|seed: [", "no valid YAML"),
    ],
)
def test_a_faulty_recipe_names_field_and_value(tmp_path, change, message):
    old, new = change.split("|")
    path = tmp_path / "faulty.yaml"
    path.write_text(RECIPE.replace(old, new))
    with pytest.raises(RecipeError, match=message.replace("'", ".")):
        read_recipe(path)


def test_augmentation_follows_its_generator_and_keeps_the_cell():
    crop = cv2.resize(render_cell("neutrophil", seed=1, size=200), (104, 104))
    table = colour_statistics(crop)[np.newaxis]
    first, second = (augment(crop, 64, np.random.default_rng(3), table) for _ in range(2))
    assert np.array_equal(first, second)
    assert first.shape == (64, 64, 3)
    assert not np.array_equal(first, augment(crop, 64, np.random.default_rng(4), table))
    assert round(64 * MARGIN) == 104
    spread = [augment(crop, 64, np.random.default_rng(seed), table)[16:48, 16:48].std() for seed in range(40)]
    assert np.median(spread) > 15  # the nucleus is still there, not the empty slide


def test_a_checkpoint_returns_what_was_saved(tmp_path):
    progress = Progress(epoch=2, best_epoch=1, best_loss=0.5, history=[{"epoch": 0.0}])
    arrays = [np.arange(3.0), np.ones((2, 2), np.float32)]
    save_checkpoint(tmp_path / "a.npz", progress, weights=arrays, best=arrays[:1])
    again, groups = load_checkpoint(tmp_path / "a.npz")
    assert again == progress
    assert all(np.array_equal(a, b) for a, b in zip(groups["weights"], arrays, strict=True))
    assert len(groups["best"]) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["a.npz"]


@pytest.mark.slow
def test_batches_are_balanced_over_sets_and_classes(tiny, recipe):
    from wbc_core.training.data import BalancedBatches, split_set

    sets = tuple(split_set(part, recipe, tiny.data_dir) for part in recipe.data)
    batches = BalancedBatches(recipe, sets, tiny.cache_dir)
    targets = np.concatenate([batches[index][1] for index in range(150)])
    assert targets.mean(axis=0) == pytest.approx(np.full(3, 1 / 3), abs=0.07)
    pictures, _ = batches[0]
    assert pictures.shape == (4, 32, 32, 3)
    again, _ = BalancedBatches(recipe, sets, tiny.cache_dir)[0]
    assert np.array_equal(pictures, again)
    batches.on_epoch_end()
    assert not np.array_equal(pictures, batches[0][0])


@pytest.mark.slow
def test_a_killed_run_continues_bit_for_bit(tiny, recipe, tmp_path, monkeypatch):
    from wbc_core.training import loop

    whole = loop.run_training(recipe, tmp_path / "whole", tiny)

    class KillError(BaseException):
        pass

    def kill(batch, self):
        if self.progress.epoch == 1 and batch == 1:
            raise KillError

    plain = loop._EpochEnd.on_train_batch_end
    monkeypatch.setattr(
        loop._EpochEnd,
        "on_train_batch_end",
        lambda self, batch, logs=None: (plain(self, batch, logs), kill(batch, self)),
    )
    with pytest.raises(KillError):
        loop.run_training(recipe, tmp_path / "killed", tiny)
    monkeypatch.undo()
    resumed = loop.run_training(recipe, tmp_path / "killed", tiny)

    timing = {"seconds"}
    assert [row["epoch"] for row in resumed.history] == [0, 1, 2]
    for ours, theirs in zip(resumed.history, whole.history, strict=True):
        assert {k: v for k, v in ours.items() if k not in timing} == {
            k: v for k, v in theirs.items() if k not in timing
        }
    _, a = load_checkpoint(tmp_path / "whole" / loop.CHECKPOINT)
    _, b = load_checkpoint(tmp_path / "killed" / loop.CHECKPOINT)
    for group in ("weights", "average", "best", "optimiser"):
        assert all(np.array_equal(x, y) for x, y in zip(a[group], b[group], strict=True)), group
    with (tmp_path / "killed" / "history.csv").open() as stream:
        assert [row["epoch"] for row in csv.DictReader(stream)] == ["0", "1", "2"]
    status = json.loads((tmp_path / "killed" / "status.json").read_text())
    assert (status["state"], status["pid"]) == ("finished", os.getpid())


@pytest.mark.slow
def test_a_run_folder_of_another_recipe_is_refused(tiny, recipe, tmp_path):
    from wbc_core.training.loop import run_training

    (tmp_path / "recipe.sha256").write_text("another")
    with pytest.raises(RecipeError, match="holds a run of another recipe"):
        run_training(recipe, tmp_path, tiny)


def test_a_recipe_is_read_as_it_was_written(recipe):
    assert isinstance(recipe, Recipe)
    assert recipe.labels == LABELS
    assert recipe.digest() == read_recipe_digest(recipe)


def read_recipe_digest(recipe):
    return Recipe.model_validate(recipe.model_dump()).digest()
