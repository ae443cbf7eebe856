"""A finished run becomes a model that can be served: the `wbc train` command from recipe to card."""

import csv
import os
import subprocess
import sys

import cv2
import numpy as np
import pytest

from wbc_core.datasets.synthetic import render_cell
from wbc_core.inference.cards import load_card, read_verified
from wbc_core.inference.classifier import Classifier
from wbc_core.runs.folder import read_status

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
def trained(tmp_path_factory):
    """A run of two epochs on drawn cells, trained and exported by the command."""
    root = tmp_path_factory.mktemp("export")
    (root / "data" / "made").mkdir(parents=True)
    rows = [("file", "label", "split")]
    for index in range(24):
        label = ("lymphocyte", "neutrophil", "platelet")[index % 3]
        name = f"{index}.png"
        cv2.imwrite(str(root / "data" / "made" / name), render_cell(label, seed=index, size=96)[..., ::-1])
        rows.append((name, label, ("train", "train", "val", "test")[index // 6]))
    with (root / "data" / "made" / "split.csv").open("w", newline="") as stream:
        csv.writer(stream).writerows(rows)
    (root / "recipe.yaml").write_text(RECIPE)
    environment = os.environ | {
        "WBC_DATA_DIR": str(root / "data"),
        "WBC_CACHE_DIR": str(root / "cache"),
        "WBC_RUNS_DIR": str(root / "runs"),
    }
    done = subprocess.run(
        [sys.executable, "-m", "wbc_core", "train", str(root / "recipe.yaml")],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return root / "runs" / "tiny-merged"


pytestmark = pytest.mark.slow


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
    assert card.limits[0] == "A try."
    assert "its own terms" in card.licence
    assert card.precision_at_smear_prevalence == {}
    assert card.calibration.fitted_on == "made validation"


def test_half_storage_halves_the_file_and_still_agrees_with_keras(trained):
    card = load_card(trained / "export")
    assert card.keras_agreement < 1e-4
    assert card.files["model.onnx"].bytes < 2.6 * card.parameters
    crops = np.random.default_rng(0).integers(0, 255, (3, 32, 32, 3), dtype=np.uint8)
    assert Classifier(trained / "export", threads=1).logits(crops).shape == (3, 2)
