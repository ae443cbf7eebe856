"""Which models there are, what their cards say, and whether their files are sound."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from wbc_core.errors import ModelError, WbcError
from wbc_core.inference.cards import CARD, ID_PATTERN, ModelCard, load_card, read_verified
from wbc_core.inference.classifier import Classifier, load_classifier
from wbc_core.services.access import is_offered, require, require_offered
from wbc_core.services.roles import Action
from wbc_core.settings import settings


@dataclass(frozen=True)
class ModelSummary:
    """One line of the model chooser.

    ``headline`` states accuracy by test set, for example ``pbc test 98.9 % of 2,220``.
    """

    id: str
    title: str
    labels: tuple[str, ...]
    input_size: tuple[int, int, int]
    parameters: int
    accuracy: dict[str, float]
    headline: str


def model_folder(model_id: str | None) -> Path:
    """Return a model's folder; the default model's for None.

    Raises
    ------
    ModelError
        If the id has a wrong form or no such model is installed.
    """
    chosen = settings().default_model if model_id is None else model_id
    folder = settings().models_dir / chosen
    if not re.fullmatch(ID_PATTERN, chosen) or not (folder / CARD).is_file():
        known = ", ".join(installed_ids())
        hint = f"Installed models: {known}." if known else "Set WBC_MODELS_DIR to the folder that holds the models."
        raise ModelError(f"There is no model named {chosen!r}.", hint)
    return folder


def installed_ids() -> tuple[str, ...]:
    """Return the ids of all installed models, sound or not."""
    return tuple(sorted(path.parent.name for path in settings().models_dir.glob(f"*/{CARD}")))


def classifier_for(model_id: str | None) -> Classifier:
    """Return the classifier of a model, loaded once per process.

    Raises
    ------
    ModelError
        If there is no such model, or it is altered.
    AccessError
        If it names no pictures on this server.
    """
    classifier = load_classifier(model_folder(model_id))
    require_offered(classifier.card.labels, classifier.card.id)
    return classifier


def available_models() -> tuple[ModelSummary, ...]:
    """Return the models that can be chosen here, the default one first; those with a broken card are left out."""
    require(Action.LOOK)
    rows = []
    for path in sorted(settings().models_dir.glob(f"*/{CARD}")):
        try:
            card = known_card(path.parent)
        except WbcError:
            continue  # `wbc models verify` and `show` say what is wrong with it
        if is_offered(card.labels):
            rows.append(_summary(card))
    return tuple(sorted(rows, key=lambda row: (row.id != settings().default_model, row.id)))


def _summary(card: ModelCard) -> ModelSummary:
    accuracy = {row.source: row.accuracy.value for row in card.evaluations}
    parts = [f"{row.source} {100 * row.accuracy.value:.1f} % of {row.n:,}" for row in card.evaluations]
    return ModelSummary(card.id, card.title, card.labels, card.input_size, card.parameters, accuracy, ", ".join(parts))


def model_details(model_id: str | None = None) -> ModelCard:
    """Return a model's card."""
    return known_card(model_folder(model_id))


def known_card(folder: Path) -> ModelCard:
    """Return a model's card, read again only where its file has changed: a page asks for every card at each click.

    Raises
    ------
    ModelError
        If there is no card, or it does not validate.
    """
    try:
        now = (folder / CARD).stat()
    except OSError:
        return load_card(folder)  # raises what is missing
    return _card(folder, now.st_mtime_ns, now.st_size)


@lru_cache(maxsize=64)
def _card(folder: Path, changed: int, size: int) -> ModelCard:
    return load_card(folder)


def verify_model(model_id: str | None = None) -> ModelCard:
    """Check a model: card against schema, every file against its digest, network against labels.

    Raises
    ------
    ModelError
        With the first fault found.
    """
    folder = model_folder(model_id)
    card = load_card(folder)
    for name in sorted(card.files):
        read_verified(folder, card, name)
    Classifier(folder, settings().inference_threads)
    return card
