"""The `wbc train` command from recipe to card: a run that was trained on JAX becomes a model with TensorFlow."""

import io
import os
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from tests.drawn_cells import draw_set
from wbc_core.inference.cards import load_card, read_verified
from wbc_core.inference.classifier import Classifier
from wbc_core.runs.folder import HISTORY, read_status

RECIPE = """
id: tiny-merged
title: Tiny
note: A try.
seed: 7
merges: [other=lymphocyte+platelet]
labels: [neutrophil, other]
data: [{name: made}]
preprocessing: {size: 32}
network: {architecture: raabin_cnn, initial_weights: random, orientations: 2}
optimisation: {batch_size: 6, steps_per_epoch: 4, epochs: 2, learning_rate: 0.001, average_decay: 0.5}
storage: float16
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Return a function that gives the command on a backend of Keras, always for the same run on drawn cells."""
    root = tmp_path_factory.mktemp("export")
    draw_set(root / "data" / "made")
    (root / "recipe.yaml").write_text(RECIPE)
    folders = {f"WBC_{name.upper()}_DIR": str(root / name) for name in ("data", "runs", "cache", "models")}

    def train(backend):
        done = subprocess.run(
            [sys.executable, "-m", "wbc_core", "train", str(root / "recipe.yaml"), "--device", "cpu"],
            env=os.environ | folders | {"KERAS_BACKEND": backend},
            capture_output=True,
            text=True,
            check=False,
        )
        return root / "runs" / "tiny-merged", done

    return train


@pytest.fixture(scope="module")
def on_jax(run):
    """What the command says on JAX, and the history then."""
    folder, done = run("jax")
    assert (folder / HISTORY).exists(), done.stderr
    return done, (folder / HISTORY).read_bytes()


@pytest.fixture(scope="module")
def trained(run, on_jax):
    """The run's folder, exported by the same command with TensorFlow."""
    folder, done = run("tensorflow")
    assert done.returncode == 0, done.stderr
    return folder


pytestmark = pytest.mark.slow


def test_a_run_on_jax_is_kept_and_exported_with_tensorflow(on_jax, trained):
    done, history = on_jax
    assert done.returncode == 1
    assert "The export to ONNX needs the TensorFlow backend; Keras runs on jax." in done.stderr
    assert list(pd.read_csv(io.BytesIO(history))["epoch"]) == [0, 1]
    assert load_card(trained / "export").training.backend == "jax"
    assert (trained / HISTORY).read_bytes() == history  # nothing was trained again


def test_the_run_ends_finished_with_every_file_its_card_names(trained):
    status = read_status(trained)
    assert (status.state, status.epoch, status.progress) == ("finished", 2, 1.0)
    card = load_card(trained / "export")
    assert set(card.files) == {"model.onnx", "history.csv", "spec.yaml", "test_predictions.csv"}
    for name in card.files:
        read_verified(trained / "export", card, name)


def test_the_card_tells_merged_classes_first_weights_and_the_recipes_note(trained):
    card = load_card(trained / "export")
    assert card.labels == ("neutrophil", "other")
    assert [(row.source, row.n, row.labels) for row in card.evaluations] == [("made test", 6, ("neutrophil", "other"))]
    assert "random" in card.training.initial_weights
    assert card.limits[:2] == (
        "Do not use it: on validation pictures of made it is hardly better than guessing (balanced accuracy 0.50, "
        "guessing 0.50).",
        "A try.",
    )
    assert "its own terms" in card.licence
    assert card.precision_at_smear_prevalence == {}
    assert card.calibration.fitted_on == "made validation"


def test_half_storage_halves_the_file_and_still_agrees_with_keras(trained):
    card = load_card(trained / "export")
    assert card.keras_agreement < 1e-4
    assert card.storage_difference < 1e-4, "a network whose convolutions have a bias is rounded before, not after"
    assert card.files["model.onnx"].bytes < 2.6 * card.parameters
    crops = np.random.default_rng(0).integers(0, 255, (3, 32, 32, 3), dtype=np.uint8)
    assert Classifier(trained / "export", threads=1).logits(crops).shape == (3, 2)


def test_a_convolution_is_rounded_again_with_the_normalisation_behind_it_and_the_change_is_small(tmp_path):
    import keras
    import onnxruntime

    from wbc_core.training.files import round_to_half, store_in_half, write_onnx

    keras.utils.set_random_seed(3)
    inputs = keras.Input((16, 16, 3))
    x = keras.layers.Conv2D(256, 3, use_bias=False)(inputs)
    x = keras.layers.BatchNormalization(name="normalised")(x)
    x = keras.layers.GlobalAveragePooling2D()(keras.layers.ReLU()(x))
    network = keras.Model(inputs, {"logits": keras.layers.Dense(2)(x)})
    rng = np.random.default_rng(0)
    for weight in network.get_layer("normalised").weights:
        weight.assign(rng.uniform(0.3, 1.7, weight.shape))
    round_to_half(network)
    network.save(tmp_path / "model.keras")
    write_onnx(tmp_path / "model.keras", tmp_path / "model.onnx")
    pictures = rng.uniform(0, 255, (4, 16, 16, 3)).astype(np.float32)

    def logits():
        session = onnxruntime.InferenceSession(tmp_path / "model.onnx")
        return session.run(["logits"], {session.get_inputs()[0].name: pictures})[0]

    exact = logits()
    store_in_half(tmp_path / "model.onnx")
    changed = np.abs(logits() - exact).max() / np.abs(exact).max()
    trained = network.predict_on_batch(pictures)["logits"]
    assert np.abs(exact - trained).max() <= 1e-5 * np.abs(trained).max()
    assert 1e-6 < changed < 1e-2
