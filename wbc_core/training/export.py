"""From a finished run to a model that can be served: Keras file, ONNX file, calibration, measurements, card."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray

from wbc_core.biology.labels import SMEAR_PREVALENCE
from wbc_core.datasets.cache import cached_crops
from wbc_core.datasets.sources import read_split
from wbc_core.errors import ModelError
from wbc_core.evaluation.calibration import choose_threshold, error_upper_bound, fit_temperature
from wbc_core.evaluation.labelled import LabelledPredictions, measure, predict_labelled, restricted
from wbc_core.evaluation.metrics import expected_calibration_error, precision_at_prevalence
from wbc_core.inference.cards import (
    Abstention,
    Calibration,
    ModelCard,
    TrainingFacts,
    TrainingSetFacts,
    describe_file,
    save_card,
)
from wbc_core.inference.classifier import Classifier, softmax
from wbc_core.inference.measurements import Evaluation
from wbc_core.settings import Settings
from wbc_core.training.checkpoint import load_checkpoint
from wbc_core.training.data import SplitSet, exact_crops, split_set
from wbc_core.training.facts import INTENDED_USE, LICENCE, LIMITS, NEVER_SEEN, SPLITS
from wbc_core.training.loop import CHECKPOINT, build_network, predict_logits
from wbc_core.recipes.spec import Recipe
from wbc_core.zoo.orientations import average_orientations

ERROR_GOAL = 0.005
"""Largest upper bound of the error among answered validation pictures that the abstention threshold aims at."""

AGREEMENT = 1e-4
"""Largest difference allowed between a softmax value of Keras and of ONNX Runtime."""


def export_run(recipe: Recipe, recipe_path: Path, run_dir: Path, settings: Settings) -> ModelCard:
    """Export a finished run to ``<run>/export``, shaped like ``models/<id>``.

    Temperature and threshold are chosen on validation pictures. The test parts are read once, at the end, through
    the exported file and the path that serves users.

    Parameters
    ----------
    recipe : Recipe
        The run's recipe.
    recipe_path : Path
        Its file, named in the card.
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
    target = run_dir / "export"
    target.mkdir(exist_ok=True)
    progress, groups = load_checkpoint(run_dir / CHECKPOINT)
    network = build_network(recipe.network, recipe.preprocessing.size, len(recipe.labels), None)
    network.set_weights(groups["best"])
    network = average_orientations(network, recipe.network.orientations)
    network(np.zeros((1, *network.input_shape[1:]), np.float32))
    network.save(target / "model.keras")
    write_onnx(target / "model.keras", target / "model.onnx")
    shutil.copyfile(run_dir / "history.csv", target / "history.csv")

    sets = tuple(split_set(part, recipe, settings.data_dir) for part in recipe.data)
    best = progress.history[progress.best_epoch]
    card = ModelCard(
        id=recipe.id,
        title=recipe.title,
        labels=recipe.labels,
        architecture=_architecture(recipe),
        input_size=(recipe.preprocessing.size, recipe.preprocessing.size, 3),
        preprocessing=recipe.preprocessing,
        training=TrainingFacts(
            recipe=f"models/recipes/{recipe_path.name}",
            recipe_sha256=recipe.digest(),
            seed=recipe.seed,
            initial_weights=recipe.network.initial_weights,
            sets=tuple(_set_facts(part, best[f"val_balanced_accuracy_{part.name}"]) for part in sets),
            epochs=progress.epoch,
            best_epoch=progress.best_epoch,
            seconds=sum(row["seconds"] for row in progress.history),
            keras=keras.version(),
            backend=keras.backend.backend(),
        ),
        # Replaced below, once the exported file has answered for the validation pictures.
        calibration=Calibration(temperature=1.0, fitted_on="", images=0, ece_before=0.0, ece_after=0.0),
        abstention=Abstention(threshold=0.0, rule="", chosen_on="", coverage=1.0, errors=0, error_upper_bound=1.0),
        evaluations=(),
        precision_at_smear_prevalence={},
        keras_agreement=0.0,
        parameters=network.count_params(),
        files={
            path.name: describe_file(path)
            for path in (target / "model.keras", target / "model.onnx", target / "history.csv")
        },
        licence=LICENCE,
        intended_use=INTENDED_USE,
        splits=dict(SPLITS),
        never_seen=NEVER_SEEN,
        limits=LIMITS,
    )
    save_card(card, target)
    card = _calibrated(card, recipe, sets, target, settings)
    save_card(card, target)
    card = _measured(card, network, target, settings)
    save_card(card, target)
    return card


def _architecture(recipe: Recipe) -> str:
    name, count = recipe.network.architecture, recipe.network.orientations
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


def write_onnx(source: Path, target: Path) -> None:
    """Write a saved Keras model as one ONNX file with a dynamic batch; outputs are fetched by name.

    Raises
    ------
    ModelError
        If Keras does not run on TensorFlow, whose graph the export needs.
    """
    if keras.backend.backend() != "tensorflow":
        raise ModelError(
            f"The export to ONNX needs the TensorFlow backend; Keras runs on {keras.backend.backend()}.",
            "Set KERAS_BACKEND=tensorflow and run the same command again: the run itself is kept.",
        )
    model = keras.saving.load_model(source, compile=False)
    model(np.zeros((1, *model.input_shape[1:]), np.float32))
    model.export(target, format="onnx", verbose=False)


def write_tflite(source: Path, target: Path) -> None:
    """Convert a saved Keras model to TensorFlow Lite."""
    import tensorflow

    model = keras.saving.load_model(source, compile=False)
    target.write_bytes(tensorflow.lite.TFLiteConverter.from_keras_model(model).convert())


def _calibrated(
    card: ModelCard, recipe: Recipe, sets: Sequence[SplitSet], folder: Path, settings: Settings
) -> ModelCard:
    """Choose temperature and threshold on the validation parts that the recipe names."""
    classifier = Classifier(folder, settings.inference_threads)
    logits, truth = [], []
    for part in sets:
        if part.name in recipe.calibrate_on:
            crops, labels = exact_crops(part.validation, recipe, settings.cache_dir)
            logits.append(_in_batches(classifier, crops))
            truth.append(labels)
    values, answers = np.concatenate(logits).astype(np.float64), np.concatenate(truth)
    temperature = fit_temperature(values, answers)
    plain, scaled = softmax(values), softmax(values / temperature)
    correct = scaled.argmax(axis=1) == answers
    threshold, answered, errors = choose_threshold(scaled.max(axis=1), correct, ERROR_GOAL)
    named = " and ".join(f"{name} validation" for name in recipe.calibrate_on)
    return card.model_copy(
        update={
            "calibration": Calibration(
                temperature=temperature,
                fitted_on=named,
                images=len(answers),
                ece_before=expected_calibration_error(plain.max(axis=1), correct),
                ece_after=expected_calibration_error(scaled.max(axis=1), correct),
            ),
            "abstention": Abstention(
                threshold=threshold,
                rule=_rule(error_upper_bound(errors, answered)),
                chosen_on=named,
                coverage=answered / len(answers),
                errors=errors,
                error_upper_bound=error_upper_bound(errors, answered),
            ),
        }
    )


def _rule(bound: float) -> str:
    wanted = f"the lowest confidence from which the exact 95 % bound of the error is at most {100 * ERROR_GOAL:g} %"
    if bound <= ERROR_GOAL:
        return wanted
    return f"wanted: {wanted}; no confidence reaches that on so few pictures, so the one with the lowest bound"


def _in_batches(classifier: Classifier, crops: NDArray[np.uint8], batch: int = 64) -> NDArray[np.float32]:
    return np.concatenate([classifier.logits(np.asarray(crops[at : at + batch])) for at in range(0, len(crops), batch)])


def _measured(card: ModelCard, network: keras.Model, folder: Path, settings: Settings) -> ModelCard:
    """Read every test part once: agreement with Keras, evaluations, predictions row by row."""
    classifier = Classifier(folder, settings.inference_threads)
    plain = keras.Model(network.input, network.output["logits"])
    evaluations: list[Evaluation] = []
    predicted: dict[str, LabelledPredictions] = {}
    difference = 0.0
    for name in SPLITS:
        images = read_split(settings.data_dir / name, "test", allowed=card.labels)
        crops = cached_crops(images, card.preprocessing, settings.cache_dir)
        difference = max(difference, _disagreement(classifier, plain, crops))
        present = tuple(label for label in card.labels if any(image.label == label for image in images))
        whole = predict_labelled(classifier, images)
        predicted[name] = whole
        evaluations.append(measure(restricted(whole, present), f"{name} test", card.abstention.threshold))
    if difference > AGREEMENT:
        raise ModelError(
            f"The exported network differs from the Keras one by {difference:.1e} in a probability.",
            f"At most {AGREEMENT:.0e} is allowed; keep the run and report the versions of Keras and ONNX Runtime.",
        )
    _write_predictions(folder / "test_predictions.csv", predicted, card)
    return card.model_copy(
        update={
            "evaluations": tuple(evaluations),
            "precision_at_smear_prevalence": _smear_precision(predicted["pbc"]),
            "keras_agreement": difference,
            "files": card.files | {"test_predictions.csv": describe_file(folder / "test_predictions.csv")},
        }
    )


def _disagreement(classifier: Classifier, plain: keras.Model, crops: NDArray[np.uint8]) -> float:
    ours = softmax(_in_batches(classifier, crops).astype(np.float64))
    theirs = softmax(predict_logits(plain, crops).astype(np.float64))
    return float(np.abs(ours - theirs).max())


def _smear_precision(predictions: LabelledPredictions) -> dict[str, object]:
    """Precision at smear prevalence among the five leukocytes, from the pbc test pictures of those."""
    labels = [label for label in predictions.labels if label in SMEAR_PREVALENCE]
    columns = [predictions.labels.index(label) for label in labels]
    rows = [index for index, image in enumerate(predictions.images) if image.label in SMEAR_PREVALENCE]
    values = predictions.probabilities[np.ix_(rows, columns)]
    truth = np.array([labels.index(predictions.images[index].label) for index in rows])
    estimates = precision_at_prevalence(
        values / values.sum(axis=1, keepdims=True), truth, labels, dict(SMEAR_PREVALENCE)
    )
    return dict(estimates)


def _write_predictions(path: Path, predicted: dict[str, LabelledPredictions], card: ModelCard) -> None:
    """Write one row per test picture: what it is, what was said, and all eight probabilities."""
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["source", "file", "truth", "label", "confidence", *(f"p_{label}" for label in card.labels)])
        for source, rows in predicted.items():
            for image, values in zip(rows.images, rows.probabilities, strict=True):
                top = int(values.argmax())
                writer.writerow(
                    [
                        source,
                        image.file,
                        image.label,
                        card.labels[top],
                        f"{values[top]:.6f}",
                        *(f"{v:.6f}" for v in values),
                    ]
                )
