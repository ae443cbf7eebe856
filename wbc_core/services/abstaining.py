"""Choose again from which confidence on an installed model answers, and measure what it then answers."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from wbc_core.evaluation.abstention import choose_abstention
from wbc_core.evaluation.labelled import measure, predict_labelled, restricted
from wbc_core.inference.cards import ModelCard, save_card
from wbc_core.recipes.sets import recipe_sets, recipe_test_part
from wbc_core.recipes.spec import read_recipe
from wbc_core.services.models import classifier_for, model_folder
from wbc_core.settings import ROOT, settings

Report = Callable[[str], None]


def choose_threshold_again(model_id: str | None = None, *, report: Report | None = None) -> ModelCard:
    """Choose a model's threshold on its validation parts, as users' pictures are read; then read its test parts.

    The network and its temperature stay as they are; threshold and evaluations of the card are written anew.

    Parameters
    ----------
    model_id : str, optional
        The model; the default one if not given.
    report : callable, optional
        Called with a line on each step.

    Raises
    ------
    DatasetError
        If a data set is not at hand.
    ModelError
        If the model is missing or altered.
    """
    say = report or (lambda line: None)
    classifier, folder = classifier_for(model_id), model_folder(model_id)
    card, recipe = classifier.card, read_recipe(ROOT / classifier.card.training.recipe)
    folders = (settings().data_dir, settings().datasets_dir)
    sets = recipe_sets(recipe, folders)
    chosen = [part for part in sets if not recipe.calibrate_on or part.name in recipe.calibrate_on]
    confidence, correct = [], []
    for part in chosen:
        found = predict_labelled(classifier, part.validation)
        truth = np.array([card.labels.index(image.label) for image in found.images])
        confidence.append(found.probabilities.max(axis=1))
        correct.append(found.probabilities.argmax(axis=1) == truth)
    named = " and ".join(f"{part.name} validation" for part in chosen)
    abstention = choose_abstention(np.concatenate(confidence), np.concatenate(correct), named)
    say(
        f"threshold {abstention.threshold:.6f}: {100 * abstention.coverage:.1f} % of {named}, {abstention.errors} wrong"
    )
    evaluations = []
    for stated in card.evaluations:
        images = recipe_test_part(recipe, stated.source.removesuffix(" test"), folders)
        whole = predict_labelled(classifier, images)
        present = tuple(label for label in card.labels if any(image.label == label for image in images))
        evaluations.append(measure(restricted(whole, present), stated.source, abstention.threshold))
        say(f"{stated.source}: {evaluations[-1].n:,} pictures")
    card = card.model_copy(update={"abstention": abstention, "evaluations": tuple(evaluations)})
    save_card(card, folder)
    return card
