"""What is served is what was trained: ONNX Runtime and Keras agree on every test picture; serving needs no Keras."""

import subprocess
import sys

import numpy as np
import pytest

from wbc_core.datasets.cache import cached_crops
from wbc_core.datasets.sources import read_split
from wbc_core.inference.classifier import Classifier, softmax
from wbc_core.services.models import model_folder
from wbc_core.settings import settings

SOURCES = ("pbc", "raabin", "kaggle")
MOST = 96
"""Pictures of each set: `wbc train` has compared all of them before it wrote the card's keras_agreement."""

BATCH = 8  # what every layer gives stays in memory until the last has given its own


@pytest.fixture(scope="module")
def in_keras():
    """The default model as Keras keeps it."""
    import keras

    return keras.saving.load_model(model_folder(None) / "model.keras", compile=False)


@pytest.mark.data
@pytest.mark.slow
@pytest.mark.parametrize("source", SOURCES)
def test_probabilities_equal_keras_on_test_pictures(data_dir, in_keras, tmp_path, source):
    classifier = Classifier(model_folder(None), threads=1)
    images = read_split(data_dir / source, "test")
    images = images[:: -(-len(images) // MOST)]
    crops = cached_crops(images, classifier.card.preprocessing, tmp_path)
    for at in range(0, len(crops), BATCH):
        batch = np.asarray(crops[at : at + BATCH])
        # Called layer by layer, as to compile the graph would take longer than the pictures.
        theirs = np.asarray(in_keras(batch.astype(np.float32), training=False)["logits"], np.float64)
        assert np.abs(softmax(classifier.logits(batch).astype(np.float64)) - softmax(theirs)).max() < 1e-4


def test_any_batch_size_gives_the_same_answer():
    classifier = Classifier(model_folder(None), threads=1)
    size = classifier.card.preprocessing.size
    crops = np.random.default_rng(1).integers(0, 255, (7, size, size, 3), dtype=np.uint8)
    together = classifier.logits(crops)
    alone = np.concatenate([classifier.logits(crop[np.newaxis]) for crop in crops])
    assert np.abs(together - alone).max() < 1e-4


def test_serving_commands_never_import_tensorflow(tmp_path):
    import cv2

    from wbc_core.datasets.synthetic import render_cell

    picture = tmp_path / "cell.png"
    cv2.imwrite(str(picture), render_cell("monocyte", seed=1)[..., ::-1])
    program = (
        "import sys\nfrom wbc_core.cli.main import main\n"
        "for command in sys.argv[1:]:\n"
        "    try:\n        main(command.split('|'))\n"
        "    except SystemExit as stop:\n        assert not stop.code, (command, stop.code)\n"
        "    loaded = {'tensorflow', 'keras', 'jax', 'torch'} & set(sys.modules)\n"
        "    assert not loaded, (command, loaded)\n"
    )
    commands = ["--version", "models|list", "models|show", f"models|verify|{model_folder(None).name}"]
    done = subprocess.run(
        [sys.executable, "-c", program, *commands, f"predict|{picture}"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "monocyte" in done.stdout


def test_the_card_holds_what_its_reader_must_know():
    card = Classifier(model_folder(settings().default_model), threads=1).card
    assert [row.source for row in card.evaluations] == ["pbc test", "raabin test", "kaggle test"]
    assert set(card.precision_at_smear_prevalence) == {"basophil", "eosinophil", "lymphocyte", "monocyte", "neutrophil"}
    assert any("blasts" in text for text in card.never_seen)
    assert set(card.splits) == set(SOURCES)
    assert card.speed is not None
    assert [row.model_id for row in card.comparisons] == ["wbc8-lite0-pbc-only"]
