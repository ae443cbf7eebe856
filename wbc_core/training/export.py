"""From a finished run to a model that can be served: Keras file, ONNX file, calibration, measurements, card."""

from __future__ import annotations

import shutil
from pathlib import Path

import keras
import numpy as np

from wbc_core.datasets.parts import SplitSet
from wbc_core.inference.cards import (
    Abstention,
    Calibration,
    ModelCard,
    TrainingFacts,
    TrainingSetFacts,
    describe_file,
    save_card,
)
from wbc_core.recipes.architectures import ARCHITECTURES
from wbc_core.recipes.spec import Recipe, recipe_yaml
from wbc_core.runs.folder import CHECKPOINT, EXPORT, HISTORY, SPEC
from wbc_core.settings import Settings
from wbc_core.training.checkpoint import load_checkpoint
from wbc_core.training.data import split_sets, test_images
from wbc_core.training.facts import intended_use, licence, limits, never_seen, splits, unlearned
from wbc_core.training.files import round_to_half, store_in_half, write_onnx
from wbc_core.training.loop import build_network
from wbc_core.training.measuring import calibrated, measured
from wbc_core.zoo.orientations import average_orientations


def export_run(recipe: Recipe, run_dir: Path, settings: Settings) -> ModelCard:
    """Export a finished run to ``<run>/export``, shaped like ``models/<id>``.

    Temperature and threshold are chosen on validation pictures. The test parts are read once, at the end, through
    the exported file and the path that serves users.

    Parameters
    ----------
    recipe : Recipe
        The run's recipe.
    run_dir : Path
        The run's folder.
    settings : Settings
        Where data and cache lie.

    Returns
    -------
    ModelCard

    Raises
    ------
    ModelError
        If the exported network differs from the Keras one.
    """
    target = run_dir / EXPORT
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir()
    progress, groups = load_checkpoint(run_dir / CHECKPOINT)
    network = build_network(recipe)
    network.set_weights(groups["best"])
    half = recipe.storage == "float16"
    if half:
        round_to_half(network)
    network = average_orientations(network, recipe.network.orientations)
    network(np.zeros((1, *network.input_shape[1:]), np.float32))
    network.save(target / "model.keras")
    write_onnx(target / "model.keras", target / "model.onnx")
    converted = (target / "model.onnx").read_bytes()
    if half:
        store_in_half(target / "model.onnx")
        (target / "model.keras").unlink()
    shutil.copyfile(run_dir / HISTORY, target / HISTORY)
    (target / SPEC).write_text(recipe_yaml(recipe), encoding="utf-8")

    sets = split_sets(recipe, settings)
    names = [part.name for part in recipe.data]
    tests = {name: test_images(recipe, name, settings) for name in recipe.test_on or names}
    best = progress.history[progress.best_epoch]
    reached = {part.name: best[f"val_balanced_accuracy_{part.name}"] for part in sets}
    card = ModelCard(
        id=recipe.id,
        title=recipe.title,
        labels=recipe.labels,
        architecture=_architecture(recipe),
        input_size=(recipe.preprocessing.size, recipe.preprocessing.size, 3),
        preprocessing=recipe.preprocessing,
        training=TrainingFacts(
            recipe=f"models/{recipe.id}/{SPEC}",
            recipe_sha256=recipe.digest(),
            seed=recipe.seed,
            initial_weights=progress.first_weights or recipe.network.initial_weights,
            sets=tuple(_set_facts(part, reached[part.name]) for part in sets),
            epochs=progress.epoch,
            best_epoch=progress.best_epoch,
            seconds=sum(row["seconds"] for row in progress.history),
            keras=keras.version(),
            backend=progress.backend or keras.backend.backend(),
        ),
        # Replaced below, once the exported file has answered for the validation pictures.
        calibration=Calibration(temperature=1.0, fitted_on="", images=0, ece_before=0.0, ece_after=0.0),
        abstention=Abstention(threshold=0.0, rule="", chosen_on="", coverage=1.0, errors=0, error_upper_bound=1.0),
        evaluations=(),
        precision_at_smear_prevalence={},
        keras_agreement=0.0,
        parameters=network.count_params(),
        files={path.name: describe_file(path) for path in sorted(target.iterdir())},
        licence=licence(names, progress.first_weights),
        intended_use=intended_use(recipe.labels),
        splits=splits(tuple(tests)),
        never_seen=never_seen(recipe.labels),
        limits=unlearned(recipe.labels, reached) + limits(recipe.labels, names, recipe.note),
    )
    save_card(card, target)
    card = calibrated(card, recipe, sets, target, settings)
    save_card(card, target)
    card = measured(card, network, converted, target, tests, settings)
    save_card(card, target)
    return card


def _architecture(recipe: Recipe) -> str:
    name, count = ARCHITECTURES[recipe.network.architecture].title, recipe.network.orientations
    return name if count == 1 else f"{name}, averaged over {count} mirrored orientations"


def _set_facts(part: SplitSet, balanced_accuracy: float) -> TrainingSetFacts:
    digests = part.digests
    return TrainingSetFacts(
        name=part.name,
        train_images=len(part.train),
        validation_images=len(part.validation),
        train_sha256=digests["train"],
        validation_sha256=digests["validation"],
        validation_balanced_accuracy=balanced_accuracy,
    )
