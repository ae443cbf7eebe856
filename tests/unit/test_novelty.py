"""Novelty scores: what lies far from training scores higher, files come back as they were, broken ones are refused."""

import io

import numpy as np
import pytest
from sklearn.covariance import LedoitWolf
from sklearn.neighbors import NearestNeighbors

from wbc_core.errors import ModelError
from wbc_core.evaluation.novelty_fitting import NEIGHBOURS, fit_novelty, separation
from wbc_core.inference.novelty import METHODS, NoveltyScore, read_novelty

FEATURES, LABELS = 16, 3


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
