"""A novelty score beside a model: fitted to its training cells, its threshold chosen on validation, then measured."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from wbc_core.biology.labels import canonical_label
from wbc_core.datasets.oddities import ODDITIES
from wbc_core.datasets.parts import dataset_folder
from wbc_core.datasets.sources import LabelledImage, read_split
from wbc_core.errors import DatasetError, ModelError
from wbc_core.evaluation.metrics import proportion
from wbc_core.evaluation.novelty_fitting import fit_novelty, separation
from wbc_core.explanation.linear_head import LinearHead, head_of
from wbc_core.explanation.reference_cells import spread_choice
from wbc_core.inference.cards import NOVELTY, NoveltyFacts
from wbc_core.inference.classifier import Classifier
from wbc_core.inference.measurements import Estimate
from wbc_core.inference.novelty import METHODS, NoveltyScore, Scores, read_novelty
from wbc_core.recipes.sets import recipe_sets, recipe_test_part
from wbc_core.recipes.spec import read_recipe
from wbc_core.services.explanation_files import embedded, put_beside
from wbc_core.services.models import classifier_for, model_folder
from wbc_core.settings import ROOT, settings

SCORE = "discriminant"
"""Fitted unless another is named; ``python -m benchmarks.studies.leave_one_class_out`` compares them."""
ACCEPTED = 0.99
PER_CLASS = 400
ODD_PICTURES = 200
STUDY_CELLS = "cnmc"

Report = Callable[[str], None]


def write_novelty(model_id: str | None = None, *, score: str = SCORE, report: Report | None = None) -> NoveltyFacts:
    """Fit a novelty score to a model's training cells, choose its threshold, and write both into the model's folder.

    The threshold lets at least 99 % of the validation pictures of every training set pass. Test pictures, and pictures
    that hold no known cell, are read once, after that.

    Parameters
    ----------
    model_id : str, optional
        The model; the default one if not given. Its head must be an average over the feature map and a dense layer.
    score : str
        One of :data:`wbc_core.inference.novelty.METHODS`.
    report : callable, optional
        Called with a line on each step.

    Returns
    -------
    NoveltyFacts

    Raises
    ------
    DatasetError
        If a training set is not at hand.
    ModelError
        If the score is unknown, or the model has another head.
    """
    if score not in METHODS:
        raise ModelError(f"There is no novelty score {score!r}.", f"Choose one of {', '.join(METHODS)}.")
    say = report or (lambda line: None)
    classifier, folder = classifier_for(model_id), model_folder(model_id)
    head = head_of(classifier, folder)
    recipe = read_recipe(ROOT / classifier.card.training.recipe)
    folders = (settings().data_dir, settings().datasets_dir)
    parts = recipe_sets(recipe, folders)
    chosen = spread_choice([image for part in parts for image in part.train], PER_CLASS)
    say(f"{len(chosen):,} training cells of {', '.join(part.name for part in parts)}")
    embeddings = embedded(chosen, classifier)
    truth = np.array([classifier.card.labels.index(image.label) for image in chosen])
    fitted = fit_novelty(score, embeddings, _logits(embeddings, head), truth)
    stored = fitted.to_bytes()
    fitted = read_novelty(stored, classifier.card.id)  # what is measured is what ships
    validation = {part.name: _scores(fitted, part.validation, classifier, head) for part in parts}
    threshold = max(float(np.quantile(values, ACCEPTED)) for values in validation.values())
    say(f"threshold {threshold:.6g}")
    tests = {
        part.name: _scores(fitted, recipe_test_part(recipe, part.name, folders), classifier, head) for part in parts
    }
    first = next(iter(tests))
    unknown = {name: _odd_scores(fitted, classifier, name) for name in ODDITIES}
    if blasts := _blasts():
        unknown["lymphoblasts of another laboratory, cut out"] = _scores(fitted, blasts, classifier, head)
    facts = NoveltyFacts(
        score=score,
        threshold=threshold,
        rule=f"the lowest value below which {100 * ACCEPTED:g} % of the validation pictures of every set lie",
        fitted_on=f"{len(chosen)} training cells of {', '.join(part.name for part in parts)}",
        chosen_on=", ".join(f"{name} validation" for name in validation),
        accepted={f"{name} test": _share(values <= threshold) for name, values in tests.items()},
        separation={name: separation(tests[first], values) for name, values in unknown.items()},
        refused={name: _share(values > threshold) for name, values in unknown.items()},
    )
    put_beside(folder, {NOVELTY: stored}, novelty=facts)
    return facts


def _scores(score: NoveltyScore, images: Sequence[LabelledImage], classifier: Classifier, head: LinearHead) -> Scores:
    embeddings = embedded(images, classifier)
    return score(embeddings, _logits(embeddings, head))


def _logits(embeddings: NDArray[np.float32], head: LinearHead) -> NDArray[np.float32]:
    return np.asarray(embeddings @ head.weights + head.bias, np.float32)


def _odd_scores(score: NoveltyScore, classifier: Classifier, kind: str) -> Scores:
    """Score made pictures, prepared as a user's are."""
    preprocessing = classifier.card.preprocessing
    parts = []
    for start in range(0, ODD_PICTURES, 50):
        crops = np.stack([preprocessing.apply(ODDITIES[kind](seed)) for seed in range(start, start + 50)])
        names = ["embedding", "logits"]
        parts.append(classifier.session.run(names, {classifier.input_name: crops.astype(np.float32)}))
    embeddings, logits = (np.concatenate(column) for column in zip(*parts, strict=True))
    return score(np.asarray(embeddings, np.float32), np.asarray(logits, np.float32))


def _blasts() -> tuple[LabelledImage, ...]:
    """Return the lymphoblasts of the bone-marrow study's test part; nothing where it is not at hand."""
    try:
        folder = dataset_folder(STUDY_CELLS, (settings().data_dir, settings().datasets_dir))
        images = read_split(folder, "test")
    except DatasetError:
        return ()
    return tuple(image for image in images if canonical_label(image.label) == "lymphoblast")


def _share(hits: NDArray[np.bool_]) -> Estimate:
    share = proportion(int(hits.sum()), len(hits))
    assert share is not None
    return share
