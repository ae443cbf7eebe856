"""A run follows its recipe and its seed; a killed one continues as if nothing had happened."""

import csv
import json
import os

import cv2
import numpy as np
import pytest

from tests.drawn_cells import LABELS, draw_set
from wbc_core.datasets.synthetic import render_cell
from wbc_core.errors import DatasetError, RecipeError
from wbc_core.recipes.spec import Recipe, parse_recipe, read_recipe, recipe_yaml
from wbc_core.runs.folder import CHECKPOINT, EVENTS
from wbc_core.runs.reporter import Reporter
from wbc_core.settings import Settings
from wbc_core.training.augmentation import MARGIN, augment, colour_statistics
from wbc_core.training.checkpoint import Progress, load_checkpoint, save_checkpoint

RECIPE = """
id: tiny
title: Tiny
seed: 5
labels: [lymphocyte, neutrophil, platelet]
data: [{name: one, share: 0.75}, {name: two, share: 0.25}]
preprocessing: {size: 32}
network: {architecture: raabin_cnn, initial_weights: random, frozen_through: block1_pool}
optimisation: {batch_size: 4, steps_per_epoch: 3, epochs: 3, warmup_steps: 2, learning_rate: 0.001}
calibrate_on: [one]
"""


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """Settings over two small synthetic data sets."""
    root = tmp_path_factory.mktemp("tiny")
    for source, first_seed in (("one", 0), ("two", 100)):
        draw_set(root / source, test=0, first_seed=first_seed)
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
    for path in sorted((root / "full").glob("*.yaml")):
        assert read_recipe(path).id == f"{path.stem}-full"
    for path in sorted((root / "pretraining").glob("*.yaml")):
        assert read_recipe(path).id == path.stem


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("epochs: 3|epochs: 0", "optimisation.epochs is 0"),
        ("share: 0.75|share: -1", "data.0.share is -1"),
        ("title: Tiny|titel: Tiny", "title"),
        (
            "optimisation: {|optimisation: {schedule: {kind: stairs}, ",
            "optimisation.schedule is .*'cosine', 'constant'",
        ),
        ("batch_size: 4|batchsize: 4", "there is no field optimisation.batchsize. The closest: batch_size"),
        ("raabin_cnn|vg19", "network.architecture is 'vg19'.*The closest: vgg19"),
        ("neutrophil, platelet]|neutrofil, platelet]", '"neutrofil" is not a known cell type. The closest: neutrophil'),
        ("calibrate_on: [one]|calibrate_on: [three]", "calibrate_on names three, which is not among the data sets"),
        ("name: two|name: one", "data names one set twice"),
        ("labels: [lymphocyte|merges: [a=lymphocyte+platelet]\nlabels: [a", "platelet both alone and in a merge"),
        ("id: tiny|id: Tiny Model", "id is .Tiny Model."),
        ("seed: 5|seed: [", "no valid YAML"),
    ],
)
def test_a_faulty_recipe_names_field_and_value(tmp_path, change, message):
    old, new = change.split("|")
    path = tmp_path / "faulty.yaml"
    path.write_text(RECIPE.replace(old, new))
    with pytest.raises(RecipeError, match=message):
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
    from wbc_core.training.data import TrainingBatches, split_sets

    sets = split_sets(recipe, tiny)
    batches = TrainingBatches(recipe, sets, tiny.cache_dir)
    targets = np.concatenate([batches[index][1] for index in range(150)])
    assert targets.mean(axis=0) == pytest.approx(np.full(3, 1 / 3), abs=0.07)
    pictures, _ = batches[0]
    assert pictures.shape == (4, 32, 32, 3)
    again, _ = TrainingBatches(recipe, sets, tiny.cache_dir)[0]
    assert np.array_equal(pictures, again)
    batches.on_epoch_end()
    assert not np.array_equal(pictures, batches[0][0])


@pytest.mark.slow
def test_a_pass_shows_every_picture_once_and_class_weights_even_the_classes(tiny, recipe):
    from wbc_core.training.data import TrainingBatches, split_sets

    choice = recipe.optimisation.model_copy(update={"steps_per_epoch": None, "class_weights": "balanced"})
    recipe = recipe.model_copy(update={"optimisation": choice, "augmentation_strength": 0.0})
    sets = split_sets(recipe, tiny)
    batches = TrainingBatches(recipe, sets, tiny.cache_dir)
    assert batches.num_batches == 6  # 24 pictures
    shown = np.concatenate([batches._of_the_pass(index) for index in range(6)])
    assert sorted(map(tuple, shown)) == [(at, row) for at in range(2) for row in range(12)]
    pictures, targets, weights = batches[0]
    assert weights == pytest.approx(np.ones(4))
    assert (pictures.shape, targets.sum()) == ((4, 32, 32, 3), 4)
    batches.on_epoch_end()
    assert not np.array_equal(shown[:4], batches._of_the_pass(0))


def run(recipe, folder, settings, **arguments):
    from wbc_core.training import loop

    folder.mkdir(exist_ok=True)
    with Reporter(folder) as reporter:
        return loop.run_training(recipe, reporter, settings, **arguments)


def without_time(history):
    return [{key: value for key, value in row.items() if key != "seconds"} for row in history]


@pytest.mark.slow
@pytest.mark.parametrize(
    "change",
    [
        {},
        {
            "phases": [
                {"epochs": 1, "learning_rate": 0.01, "frozen_through": "backbone"},
                {"epochs": 2, "learning_rate": 0.001},
            ],
            "network": {"architecture": "baseline_cnn", "initial_weights": "random"},
            "optimisation": {
                "batch_size": 4,
                "steps_per_epoch": 3,
                "optimiser": "adam",
                "loss": "focal",
                "average_decay": 0.9,
                "schedule": {"kind": "plateau", "patience": 1},
                "keep": "last",
            },
        },
    ],
    ids=["one phase", "two phases, plateau, focal loss, averaged weights, the last epoch kept"],
)
def test_a_run_killed_and_then_asked_to_end_continues_bit_for_bit(tiny, recipe, tmp_path, monkeypatch, change):
    from wbc_core.training.epoch_end import EpochEnd
    from wbc_core.training.stopping import RunCancelled, StopRequest

    recipe = Recipe.model_validate(recipe.model_dump() | change)
    whole = run(recipe, tmp_path / "whole", tiny)

    class KillError(BaseException):
        pass

    def kill(batch, self):
        if self.progress.epoch == 1 and batch == 1:
            raise KillError

    plain = EpochEnd.on_train_batch_end
    monkeypatch.setattr(
        EpochEnd,
        "on_train_batch_end",
        lambda self, batch, logs=None: (plain(self, batch, logs), kill(batch, self)),
    )
    with pytest.raises(KillError):
        run(recipe, tmp_path / "killed", tiny)
    monkeypatch.undo()
    stop = StopRequest()
    stop.ask()
    with pytest.raises(RunCancelled):
        run(recipe, tmp_path / "killed", tiny, stop=stop)
    resumed = run(recipe, tmp_path / "killed", tiny)

    assert [row["epoch"] for row in resumed.history] == [0, 1, 2]
    assert without_time(resumed.history) == without_time(whole.history)
    _, a = load_checkpoint(tmp_path / "whole" / CHECKPOINT)
    _, b = load_checkpoint(tmp_path / "killed" / CHECKPOINT)
    assert set(a) == set(b)
    for group in a:
        assert all(np.array_equal(x, y) for x, y in zip(a[group], b[group], strict=True)), group
    if recipe.optimisation.keep == "last":
        assert whole.best_epoch == 2
        assert all(np.array_equal(x, y) for x, y in zip(a["best"], a["average"], strict=True))
    with (tmp_path / "killed" / "history.csv").open() as stream:
        assert [row["epoch"] for row in csv.DictReader(stream)] == ["0", "1", "2"]
    status = json.loads((tmp_path / "killed" / "status.json").read_text())
    assert (status["state"], status["epoch"], status["pid"]) == ("running", 3, os.getpid())
    assert len(list((tmp_path / "killed" / EVENTS).iterdir())) == 1


@pytest.mark.slow
def test_a_run_folder_of_another_recipe_is_refused(tiny, recipe, tmp_path):
    (tmp_path / "recipe.sha256").write_text("another")
    with pytest.raises(RecipeError, match="holds a run of another recipe"):
        run(recipe, tmp_path, tiny)


@pytest.mark.parametrize(
    ("rows", "change", "message"),
    [
        ([], {"data": [{"name": "three"}]}, "no data set 'three'.*Sets found: made"),
        ([("d.png", "platelet", "", "test")], {}, "No training picture shows platelet"),
        ([("d.png", "platelet", "", "train")], {}, "No validation picture shows platelet"),
        ([("d.png", "monocyte", "", "train")], {}, "holds pictures of monocyte, which are not among the recipe's"),
        ([("a.png", "lymphocyte", "", "val")], {}, "The picture a.png stands in train and in validation"),
        ([("d.png", "platelet", "g1", "val"), ("e.png", "platelet", "g1", "train")], {}, "The group made/g1 stands in"),
    ],
)
def test_what_would_spoil_a_run_is_said_before_it_begins(recipe, tmp_path, rows, change, message):
    from wbc_core.training.data import split_sets

    (tmp_path / "made").mkdir()
    whole = [
        ("a.png", "lymphocyte", "", "train"),
        ("b.png", "neutrophil", "", "train"),
        ("c.png", "lymphocyte", "", "val"),
        ("f.png", "neutrophil", "", "val"),
    ]
    with (tmp_path / "made" / "split.csv").open("w", newline="") as stream:
        csv.writer(stream).writerows([("file", "label", "group", "split"), *whole, *rows])
    content = recipe.model_dump() | {"data": [{"name": "made"}], "calibrate_on": []} | change
    with pytest.raises(DatasetError, match=message):
        split_sets(Recipe.model_validate(content), Settings(data_dir=tmp_path, datasets_dir=tmp_path / "none"))


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (MemoryError(), "ran out of memory"),
        (OSError(28, "No space left on device"), "The disk is full"),
        (RuntimeError("CUDA_ERROR_LAUNCH_FAILED: device lost"), "The GPU failed"),
        (ValueError("odd"), "The run failed with ValueError: odd"),
    ],
)
def test_what_ends_a_run_is_put_into_words(error, message):
    from wbc_core.services.training import explained

    assert message in str(explained(error))


def test_learning_rates_follow_their_schedule():
    from wbc_core.recipes.spec import Constant, Step, WarmupCosine
    from wbc_core.training.schedules import PlannedRate

    def rates(schedule, *steps):
        planned = PlannedRate(schedule, peak=1.0, warmup=4, steps=10, epochs=4)
        return [round(float(planned(step)), 4) for step in steps]

    assert rates(WarmupCosine(floor=0.1), 0, 3, 22, 40) == [0.25, 1.0, 0.55, 0.1]
    assert rates(Constant(kind="constant"), 0, 4, 39) == [0.25, 1.0, 1.0]
    assert rates(Step(kind="step", every=2, factor=0.5), 5, 19, 20, 39) == [1.0, 1.0, 0.5, 0.5]


def test_a_recipe_is_read_as_it_was_written(recipe):
    assert isinstance(recipe, Recipe)
    assert recipe.labels == LABELS
    assert parse_recipe(recipe_yaml(recipe)) == recipe
    assert parse_recipe(recipe_yaml(recipe)).digest() == recipe.digest()


def test_merged_classes_count_as_one():
    text = "id: ab\ntitle: x\nseed: 1\ndata: [{name: a}]\nmerges: [both=eos+baso]\nlabels: [both, neutrophil]"
    recipe = parse_recipe(text)
    assert recipe.source_labels() == ("eosinophil", "basophil", "neutrophil")
    assert [recipe.merged(label) for label in recipe.source_labels()] == ["both", "both", "neutrophil"]
