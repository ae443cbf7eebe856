"""What speaks against a result: the runner-up, the look-alikes, what to check, and the picture's faults."""

from __future__ import annotations

from dataclasses import dataclass

from wbc_core.biology.classes import ClassFacts, class_facts
from wbc_core.services.single_image import ImageResult
from wbc_core.ui.wording import REASONS, confidence_in_words, percent

CLOSE = 0.05
"""A runner-up from this probability on is described, not only named."""


@dataclass(frozen=True)
class Doubts:
    """What a reader should weigh before believing a result.

    Attributes
    ----------
    about_this_picture : tuple of str
        Sentences that hold for this result.
    about_the_type : tuple of str
        Sentences that hold for every cell of the predicted class; none where it has no description.
    mimics : tuple of str
        What the type is taken for.
    """

    about_this_picture: tuple[str, ...]
    about_the_type: tuple[str, ...]
    mimics: tuple[str, ...]


def doubts(result: ImageResult) -> Doubts:
    """Collect what speaks against a result.

    Parameters
    ----------
    result : ImageResult
        With a label.

    Returns
    -------
    Doubts
        Sentences in plain text.
    """
    assert result.label is not None
    named = class_facts(result.label)
    here = []
    if result.status == "unidentified":
        here.append(f"The model abstains. {reason_in_words(result)}")
    if len(result.probabilities) > 1 and not result.outside_study:
        here.append(runner_up(result, named))
    if result.status == "classified" and result.confidence < 0.8:
        here.append(f"{confidence_in_words(result.confidence)}: have a second look before you rely on it.")
    here += [warning.message for warning in result.warnings]
    if result.outside_study:
        return Doubts(tuple(here), (), ())
    return Doubts(tuple(here), named.against, named.mimics)


def reason_in_words(result: ImageResult) -> str:
    """Return why the model abstains, as a sentence; empty where the reason has none."""
    if result.outside_study:
        return "The picture shows no stained cell that was cut out on black, and this model has seen no other."
    return REASONS.get(result.reason, "")


def runner_up(result: ImageResult, named: ClassFacts) -> str:
    """Say which type comes second, how far behind it is and, where it is close, how it would look."""
    ranked = sorted(result.probabilities.items(), key=lambda pair: pair[1], reverse=True)
    second, probability = next(pair for pair in ranked if pair[0] != named.label)
    other = class_facts(second)
    behind = 100 * (result.probabilities[named.label] - probability)
    sentence = f"Next comes {other.name_inside} with {percent(probability)}, {behind:.1f} points behind."
    return f"{sentence} Its look: {other.look}" if probability >= CLOSE and other.look else sentence
