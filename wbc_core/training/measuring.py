"""What an exported model is worth: calibrated on validation pictures, measured once on the test parts."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

import keras
import numpy as np
import onnxruntime
from numpy.typing import NDArray

from wbc_core.biology.labels import SMEAR_PREVALENCE
from wbc_core.datasets.cache import cached_crops
from wbc_core.datasets.parts import SplitSet
from wbc_core.datasets.sources import LabelledImage
from wbc_core.errors import ModelError
from wbc_core.evaluation.abstention import choose_abstention
from wbc_core.evaluation.calibration import fit_temperature
from wbc_core.evaluation.labelled import LabelledPredictions, measure, predict_labelled, restricted
from wbc_core.evaluation.metrics import expected_calibration_error, precision_at_prevalence
from wbc_core.inference.cards import Calibration, ModelCard, describe_file
from wbc_core.inference.classifier import Classifier, open_network, softmax
from wbc_core.inference.measurements import Evaluation
from wbc_core.recipes.spec import Recipe
from wbc_core.settings import Settings
from wbc_core.training.data import exact_crops
from wbc_core.training.epoch_end import predict_logits

AGREEMENT = 1e-4
"""Largest difference allowed between a softmax value of Keras and of ONNX Runtime."""

STORAGE = 0.02
"""Largest change of a softmax value allowed by storing weights in half. Rounded weights lose nothing more, but the
converter multiplies those of a convolution with the normalisation behind it, and the products are rounded anew."""


def calibrated(
    card: ModelCard, recipe: Recipe, sets: Sequence[SplitSet], folder: Path, settings: Settings
) -> ModelCard:
    """Choose temperature and threshold on the validation parts that the recipe names, with the file that ships."""
    classifier = Classifier(folder, settings.inference_threads)
    chosen = [part for part in sets if not recipe.calibrate_on or part.name in recipe.calibrate_on]
    logits, truth = [], []
    for part in chosen:
        crops, labels = exact_crops(part.validation, recipe, settings.cache_dir)
        logits.append(_in_batches(classifier, crops))
        truth.append(labels)
    values, answers = np.concatenate(logits).astype(np.float64), np.concatenate(truth)
    temperature = fit_temperature(values, answers)
    plain, scaled = softmax(values), softmax(values / temperature)
    correct = scaled.argmax(axis=1) == answers
    named = " and ".join(f"{part.name} validation" for part in chosen)
    return card.model_copy(
        update={
            "calibration": Calibration(
                temperature=temperature,
                fitted_on=named,
                images=len(answers),
                ece_before=expected_calibration_error(plain.max(axis=1), correct),
                ece_after=expected_calibration_error(scaled.max(axis=1), correct),
            ),
            "abstention": choose_abstention(scaled.max(axis=1), correct, named),
        }
    )


def _in_batches(classifier: Classifier, crops: NDArray[np.uint8], batch: int = 64) -> NDArray[np.float32]:
    return np.concatenate([classifier.logits(np.asarray(crops[at : at + batch])) for at in range(0, len(crops), batch)])


def measured(
    card: ModelCard,
    network: keras.Model,
    converted: bytes,
    folder: Path,
    tests: Mapping[str, tuple[LabelledImage, ...]],
    settings: Settings,
) -> ModelCard:
    """Read every test part once: agreement with Keras, evaluations, predictions row by row.

    Parameters
    ----------
    card : ModelCard
        With calibration and abstention.
    network : keras.Model
        What was trained.
    converted : bytes
        The ONNX file as converted, before its weights were stored in half.
    folder : Path
        The model's folder, with the file that ships; all figures are of that one.
    tests : mapping of str to tuple of LabelledImage
        Test parts by name.
    settings : Settings
        Where the cache lies.

    Raises
    ------
    ModelError
        If the converted network differs from the Keras one, or the stored one from the converted.
    """
    classifier = Classifier(folder, settings.inference_threads)
    whole_weights = open_network(converted, settings.inference_threads, card.id)
    plain = keras.Model(network.input, network.output["logits"])
    evaluations: list[Evaluation] = []
    predicted: dict[str, LabelledPredictions] = {}
    difference = stored = 0.0
    for name, images in tests.items():
        crops = cached_crops(images, card.preprocessing, settings.cache_dir)
        between = _converted(whole_weights, classifier.input_name, crops)
        difference = max(difference, _disagreement(between, predict_logits(plain, crops)))
        stored = max(stored, _disagreement(between, _in_batches(classifier, crops)))
        present = tuple(label for label in card.labels if any(image.label == label for image in images))
        whole = predict_labelled(classifier, images)
        predicted[name] = whole
        evaluations.append(measure(restricted(whole, present), f"{name} test", card.abstention.threshold))
    if difference > AGREEMENT:
        raise ModelError(
            f"The exported network differs from the Keras one by {difference:.1e} in a probability.",
            f"At most {AGREEMENT:.0e} is allowed; keep the run and report the versions of Keras and ONNX Runtime.",
        )
    if stored > STORAGE:
        raise ModelError(
            f"Storing the weights in half changes a probability by {stored:.1e}; at most {STORAGE} is allowed.",
            "Set `storage: float32` in the recipe; the run is kept.",
        )
    _write_predictions(folder / "test_predictions.csv", predicted, card)
    return card.model_copy(
        update={
            "evaluations": tuple(evaluations),
            "precision_at_smear_prevalence": _smear_precision(predicted),
            "keras_agreement": difference,
            "storage_difference": stored,
            "files": card.files | {"test_predictions.csv": describe_file(folder / "test_predictions.csv")},
        }
    )


def _converted(session: onnxruntime.InferenceSession, name: str, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return the logits of a session without a card, (images, labels)."""
    batches = [crops[at : at + 64].astype(np.float32) for at in range(0, len(crops), 64)]
    return np.concatenate([session.run(["logits"], {name: batch})[0] for batch in batches])


def _disagreement(ours: NDArray[np.float32], theirs: NDArray[np.float32]) -> float:
    return float(np.abs(softmax(ours.astype(np.float64)) - softmax(theirs.astype(np.float64))).max())


def _smear_precision(predicted: Mapping[str, LabelledPredictions]) -> dict[str, object]:
    """Precision at smear prevalence among the five leukocytes, from the pbc test pictures where the model knows all."""
    predictions = predicted.get("pbc")
    if predictions is None or not set(SMEAR_PREVALENCE) <= set(predictions.labels):
        return {}
    labels = [label for label in predictions.labels if label in SMEAR_PREVALENCE]
    columns = [predictions.labels.index(label) for label in labels]
    rows = [index for index, image in enumerate(predictions.images) if image.label in SMEAR_PREVALENCE]
    values = predictions.probabilities[np.ix_(rows, columns)]
    truth = np.array([labels.index(predictions.images[index].label) for index in rows])
    estimates = precision_at_prevalence(
        values / values.sum(axis=1, keepdims=True), truth, labels, dict(SMEAR_PREVALENCE)
    )
    return dict(estimates)


def _write_predictions(path: Path, predicted: Mapping[str, LabelledPredictions], card: ModelCard) -> None:
    """Write one row per test picture: what it is, what was said, and every probability."""
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["source", "file", "truth", "label", "confidence", *(f"p_{label}" for label in card.labels)])
        for source, rows in predicted.items():
            for image, values in zip(rows.images, rows.probabilities, strict=True):
                top = int(values.argmax())
                shares = [f"{value:.6f}" for value in values]
                writer.writerow([source, image.file, image.label, card.labels[top], shares[top], *shares])
