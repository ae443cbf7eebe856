"""Heat maps of the models in the repository add up to their logits, depend on their weights, and mark what counts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from numpy.typing import NDArray
from onnx import numpy_helper
from scipy.stats import spearmanr, wilcoxon

from wbc_core.datasets.sources import LabelledImage, read_split
from wbc_core.datasets.synthetic import render_cell
from wbc_core.explanation.deletion import deletion_drops
from wbc_core.explanation.dense_stack import DenseStack, pieces
from wbc_core.explanation.heat_maps import against_the_others, answer_with_maps, class_maps, mapped_head
from wbc_core.explanation.linear_head import LinearHead, head_of
from wbc_core.imaging.decoding import read_image
from wbc_core.inference.classifier import Classifier, load_classifier
from wbc_core.settings import ROOT, settings

MODELS = sorted(path.parent for path in (ROOT / "models").glob("*/card.json"))
PICTURES = 40

each_model = pytest.mark.parametrize("folder", MODELS, ids=lambda folder: folder.name)


@pytest.fixture(scope="module")
def default() -> tuple[Classifier, LinearHead]:
    folder = ROOT / "models" / settings().default_model
    classifier = load_classifier(folder)
    return classifier, head_of(classifier, folder)


@pytest.fixture(scope="module")
def pictures(data_dir: Path) -> list[LabelledImage]:
    """Forty test pictures, as many of each type."""
    images = read_split(data_dir / "pbc", "test")
    labels = sorted({image.label for image in images})
    return [image for label in labels for image in [each for each in images if each.label == label][: PICTURES // 8]]


@pytest.fixture(scope="module")
def crops(default: tuple[Classifier, LinearHead], pictures: list[LabelledImage]) -> list[NDArray[np.uint8]]:
    preprocessing = default[0].card.preprocessing
    return [preprocessing.apply(read_image(image.path).pixels) for image in pictures]


@each_model
def test_the_average_of_a_map_plus_the_constant_is_the_logit(folder: Path) -> None:
    classifier = load_classifier(folder)
    head = mapped_head(classifier, folder)
    for seed, label in enumerate(("neutrophil", "lymphocyte", "platelet")):
        crop = classifier.card.preprocessing.apply(render_cell(label, seed=seed))
        answer = answer_with_maps(classifier, head, crop)
        assert answer.logits == pytest.approx(classifier.logits(crop[np.newaxis])[0], abs=1e-4)
        sums = answer.maps.mean(axis=(1, 2)) + answer.constant
        assert sums == pytest.approx(answer.logits, rel=1e-4, abs=1e-3)


def test_the_map_of_a_dense_stack_is_its_gradient_times_its_feature_map() -> None:
    """Told apart from a map that only sums up right: a small step at one place changes the logits as its map says."""
    folder = ROOT / "models" / "b-kaggle-cnn"
    classifier = load_classifier(folder)
    stack = mapped_head(classifier, folder)
    assert isinstance(stack, DenseStack)
    random = np.random.default_rng(5)
    features = np.abs(random.normal(size=len(stack.layers[0].dense.weights))).astype(np.float32)
    (matrix,), (constant,) = pieces(stack.layers, features[np.newaxis])
    assert features @ matrix + constant == pytest.approx(through(stack, features), rel=1e-4, abs=1e-3)
    for at in random.integers(0, len(features), 5):
        step = np.zeros_like(features)
        step[at] = 1e-2
        change = (through(stack, features + step) - through(stack, features - step)) / 2e-2
        assert matrix[at] == pytest.approx(change, abs=2e-3)


def through(stack: DenseStack, features: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return what the dense layers give, computed plainly."""
    values = features.astype(np.float64)
    for layer in stack.layers:
        values = values @ layer.dense.weights + layer.dense.bias
        values = np.where(values > 0, values, layer.slope * values)
    return values


def test_a_mirrored_picture_has_the_mirrored_map(default: tuple[Classifier, LinearHead]) -> None:
    classifier, head = default
    crop = classifier.card.preprocessing.apply(render_cell("monocyte", seed=4))
    plain = answer_with_maps(classifier, head, crop).maps
    for axis in (0, 1):
        mirrored = answer_with_maps(classifier, head, np.ascontiguousarray(np.flip(crop, axis))).maps
        assert np.flip(mirrored, axis + 1) == pytest.approx(plain, abs=1e-3)


def test_random_head_weights_give_another_map(
    default: tuple[Classifier, LinearHead], crops: list[NDArray[np.uint8]]
) -> None:
    """A map that survives random weights explains nothing of the model (Adebayo et al. 2018, arXiv:1810.03292)."""
    classifier, head = default
    random = np.random.default_rng(0)
    correlations, repeated = [], []
    for crop in crops:
        picture = crop[np.newaxis].astype(np.float32)
        logits, maps = classifier.session.run(["logits", "feature_map"], {classifier.input_name: picture})
        top = int(logits[0].argmax())
        true = against_the_others(class_maps(maps[0], head))[top]
        drawn = replace(head, weights=random.permuted(head.weights, axis=0))
        correlations.append(spearmanr(true.ravel(), against_the_others(class_maps(maps[0], drawn))[top].ravel())[0])
        repeated.append(spearmanr(true.ravel(), against_the_others(class_maps(maps[0], head))[top].ravel())[0])
    assert np.mean(repeated) == pytest.approx(1.0)
    assert abs(np.mean(correlations)) < 0.5


def test_a_random_backbone_gives_another_map(
    default: tuple[Classifier, LinearHead], crops: list[NDArray[np.uint8]]
) -> None:
    classifier, head = default
    blind = shuffled_backbone(ROOT / "models" / settings().default_model / "model.onnx")
    correlations = []
    for crop in crops[::2]:
        picture = {classifier.input_name: crop[np.newaxis].astype(np.float32)}
        logits, maps = classifier.session.run(["logits", "feature_map"], picture)
        (others,) = blind.run(["feature_map"], picture)
        assert np.isfinite(others).all()
        top = int(logits[0].argmax())
        true, other = (against_the_others(class_maps(each[0], head))[top] for each in (maps, others))
        assert other.std() > 0
        correlations.append(spearmanr(true.ravel(), other.ravel())[0])
    assert abs(np.mean(correlations)) < 0.5


def shuffled_backbone(path: Path) -> onnxruntime.InferenceSession:
    """Return the network with the numbers of every large array shuffled, but for the head's."""
    random = np.random.default_rng(0)
    model = onnx.load(path)
    for array in model.graph.initializer:
        values = numpy_helper.to_array(array)
        if values.dtype == np.float32 and values.ndim == 4:
            array.CopyFrom(numpy_helper.from_array(random.permuted(values.ravel()).reshape(values.shape), array.name))
    return onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])


@pytest.mark.slow
def test_erasing_the_marked_region_lowers_the_class_more_than_erasing_random_ones(
    default: tuple[Classifier, LinearHead], crops: list[NDArray[np.uint8]]
) -> None:
    drops = [deletion_drops(*default, crop, seed=seed, draws=4) for seed, crop in enumerate(crops)]
    marked, random = np.array([drop.marked for drop in drops]), np.array([drop.random for drop in drops])
    assert marked.mean() > random.mean() + 0.2
    assert wilcoxon(marked, random, alternative="greater").pvalue < 0.001


def test_erasing_what_a_dense_stack_marks_lowers_its_class_more_than_erasing_random_regions(
    pictures: list[LabelledImage],
) -> None:
    folder = ROOT / "models" / "d-raabin-cnn"
    classifier = load_classifier(folder)
    stack = mapped_head(classifier, folder)
    crops = [
        classifier.card.preprocessing.apply(read_image(image.path).pixels)
        for image in pictures
        if image.label in classifier.card.labels
    ]
    drops = [deletion_drops(classifier, stack, crop, seed=seed, draws=4) for seed, crop in enumerate(crops)]
    marked, random = np.array([drop.marked for drop in drops]), np.array([drop.random for drop in drops])
    assert marked.mean() > random.mean() + 0.2
    assert wilcoxon(marked, random, alternative="greater").pvalue < 0.001


@pytest.mark.slow
def test_the_map_follows_a_cell_that_is_not_in_the_middle(
    default: tuple[Classifier, LinearHead], pictures: list[LabelledImage]
) -> None:
    """In a centred crop the middle alone is as good a guess as the map; only a moved cell tells the two apart."""
    classifier, head = default
    preprocessing = classifier.card.preprocessing
    marked, middle = [], []
    for seed, image in enumerate(pictures):
        pixels = read_image(image.path).pixels
        location = preprocessing.locate(pixels)
        side = preprocessing.window(*pixels.shape[:2], location)[2]
        aside = replace(
            location, x=location.x + 0.28 * side * (-1) ** seed, y=location.y + 0.28 * side * (-1) ** (seed // 2)
        )
        drop = deletion_drops(classifier, head, preprocessing.apply(pixels, aside), seed=seed, draws=1)
        marked.append(drop.marked)
        middle.append(drop.middle)
    assert wilcoxon(marked, middle, alternative="greater").pvalue < 0.01
