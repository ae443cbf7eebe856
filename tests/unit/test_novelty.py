"""Novelty scores: what lies far from training scores higher, files come back as they were, broken ones are refused."""

import io
import json

import cv2
import numpy as np
import pytest
from sklearn.covariance import LedoitWolf
from sklearn.neighbors import NearestNeighbors

from tests.tiny_models import install_tiny_model
from wbc_core.datasets.oddities import ODDITIES
from wbc_core.errors import ModelError
from wbc_core.evaluation.novelty_fitting import NEIGHBOURS, fit_novelty, separation
from wbc_core.inference.cards import NOVELTY, NoveltyFacts, describe_file, load_card, save_card
from wbc_core.inference.novelty import METHODS, NoveltyScore, read_novelty
from wbc_core.services.evaluating import evaluate_source
from wbc_core.services.prediction import predict_paths
from wbc_core.services.single_image import classify_image
from wbc_core.settings import settings

FEATURES, LABELS = 16, 3
RED, BLUE = (205, 60, 60), (40, 40, 160)


@pytest.fixture(scope="module")
def cells():
    """Embeddings, logits and labels of three clusters, and of a fourth that was not trained on."""
    rng = np.random.default_rng(3)
    centres = 6 * np.eye(4, FEATURES)
    truth = np.repeat(np.arange(4), 60)
    embeddings = (centres[truth] + rng.normal(size=(240, FEATURES))).astype(np.float32)
    logits = (embeddings[:, :LABELS] * 1.5).astype(np.float32)
    return embeddings, logits, truth


@pytest.fixture(scope="module")
def fitted(cells):
    embeddings, logits, truth = cells
    known = truth < LABELS
    return {method: fit_novelty(method, embeddings[known], logits[known], truth[known]) for method in METHODS}


@pytest.mark.parametrize("method", METHODS)
def test_a_class_that_was_not_trained_on_is_told_from_those_that_were(cells, fitted, method):
    embeddings, logits, truth = cells
    scores = fitted[method](embeddings, logits)
    assert scores.shape == truth.shape
    assert separation(scores[truth < LABELS], scores[truth == LABELS]).value > 0.95


@pytest.mark.parametrize("method", METHODS)
def test_a_score_comes_back_from_its_file(cells, fitted, method):
    embeddings, logits, _ = cells
    again = read_novelty(fitted[method].to_bytes(), "some")
    assert again.method == method
    before, after = fitted[method](embeddings, logits), again(embeddings, logits)
    assert np.abs(after - before).max() <= 0.02 * (before.max() - before.min())


def test_mahalanobis_is_the_distance_to_the_nearest_mean_under_the_shrunk_covariance(cells, fitted):
    embeddings, logits, truth = cells
    known = truth < LABELS
    means = np.stack([embeddings[truth == label].mean(axis=0) for label in range(LABELS)])
    within = embeddings[known] - means[truth[known]]
    precision = LedoitWolf(assume_centered=True).fit(within.astype(np.float64)).precision_
    steps = embeddings[:, None, :] - means
    distances = np.einsum("nlf,fg,nlg->nl", steps, precision, steps).min(axis=1)
    assert fitted["mahalanobis"](embeddings, logits) == pytest.approx(distances, rel=1e-3, abs=1e-3)


def test_nearest_is_the_cosine_distance_to_the_tenth_neighbour(cells, fitted):
    embeddings, logits, truth = cells
    known = embeddings[truth < LABELS]
    index = NearestNeighbors(n_neighbors=NEIGHBOURS, metric="cosine").fit(known)
    distances, _ = index.kneighbors(embeddings)
    assert fitted["nearest"](embeddings, logits) == pytest.approx(distances[:, -1], abs=1e-5)


def test_separation_of_equal_scores_is_a_half_with_an_interval_around_it():
    estimate = separation(np.zeros(50), np.zeros(50))
    assert estimate.value == 0.5
    assert 0.3 < estimate.low < 0.5 < estimate.high < 0.7


def unpicklable() -> bytes:
    written = io.BytesIO()
    np.savez(written, method=np.array([{"method": "energy"}], dtype=object))
    return written.getvalue()


def lacking() -> bytes:
    return NoveltyScore("mahalanobis", {"centre": np.zeros(2, np.float32)}).to_bytes()


def unheard_of() -> bytes:
    written = io.BytesIO()
    np.savez(written, method=np.array("divination"))
    return written.getvalue()


@pytest.mark.parametrize("data", [b"", b"not an archive", unpicklable(), lacking(), unheard_of()])
def test_a_file_that_is_no_score_is_refused(data):
    with pytest.raises(ModelError) as caught:
        read_novelty(data, "some")
    assert caught.value.message == "The novelty score of the model some cannot be read."


@pytest.fixture
def model_with_score(tmp_path, monkeypatch):
    """A tiny model whose embedding is the mean colour, and to which only crops as red as one cell are known."""
    monkeypatch.setenv("WBC_MODELS_DIR", str(tmp_path))
    monkeypatch.setenv("WBC_DEFAULT_MODEL", "tiny")
    settings.cache_clear()
    folder = install_tiny_model(tmp_path, "tiny", "Tiny", ["eosinophil", "neutrophil"])
    known = cv2.imdecode(np.frombuffer(png(RED), np.uint8), cv2.IMREAD_COLOR)[..., ::-1]
    score = NoveltyScore(
        "mahalanobis",
        {
            "centre": load_card(folder).preprocessing.apply(known).mean(axis=(0, 1)).astype(np.float32),
            "whitening": np.eye(3, dtype=np.float32),
            "means": np.zeros((1, 3), np.float32),
        },
    )
    (folder / NOVELTY).write_bytes(score.to_bytes())
    facts = NoveltyFacts(
        score="mahalanobis",
        threshold=5.0**2,
        rule="",
        fitted_on="",
        chosen_on="",
        accepted={},
        separation={},
        refused={},
    )
    card = load_card(folder)
    files = card.files | {NOVELTY: describe_file(folder / NOVELTY)}
    save_card(card.model_copy(update={"novelty": facts, "files": files}), folder)
    yield folder
    settings.cache_clear()


def png(colour):
    """A stained cell of one colour on a pale field."""
    picture = np.full((200, 200, 3), 235, np.uint8)
    cv2.circle(picture, (100, 100), 90, colour, -1)
    done, encoded = cv2.imencode(".png", picture[..., ::-1])
    assert done
    return encoded.tobytes()


def test_a_cell_unlike_all_training_cells_is_unidentified_and_says_so(model_with_score, tmp_path):
    known, unknown = png(RED), png(BLUE)
    assert classify_image(known, "known.png").status == "classified"
    found = classify_image(unknown, "unknown.png")
    assert (found.status, found.reason) == ("unidentified", "unknown_cell")
    assert found.label == "neutrophil"  # what it would have said stays visible
    (tmp_path / "pictures").mkdir()
    for name, data in (("a.png", known), ("b.png", unknown), ("c.png", b"no picture"), ("d.png", known)):
        (tmp_path / "pictures" / name).write_bytes(data)
    rows = list(predict_paths([tmp_path / "pictures"]))
    assert [(row.status, row.reason) for row in rows] == [
        ("classified", ""),
        ("unidentified", "unknown_cell"),
        ("failed", ""),
        ("classified", ""),
    ]


def test_what_is_unknown_counts_as_not_answered(model_with_score, tmp_path):
    for label, colour in (("eosinophil", RED), ("neutrophil", BLUE)):
        (tmp_path / "labelled" / label).mkdir(parents=True)
        (tmp_path / "labelled" / label / "1.png").write_bytes(png(colour))
    measured = evaluate_source(tmp_path / "labelled")
    assert (measured.accuracy.value, measured.coverage.value) == (1.0, 0.5)


def test_a_card_that_speaks_of_a_score_must_list_its_file(model_with_score):
    content = json.loads((model_with_score / "card.json").read_text())
    del content["files"][NOVELTY]
    (model_with_score / "card.json").write_text(json.dumps(content))
    with pytest.raises(ModelError, match=r"files lacks novelty\.npz"):
        load_card(model_with_score)


@pytest.mark.parametrize("kind", ODDITIES)
def test_odd_pictures_are_the_same_for_the_same_seed_and_differ_between_seeds(kind):
    pictures = [ODDITIES[kind](seed) for seed in (1, 1, 2)]
    assert all(picture.shape == (240, 240, 3) and picture.dtype == np.uint8 for picture in pictures)
    assert np.array_equal(pictures[0], pictures[1])
    assert not np.array_equal(pictures[0], pictures[2])
