"""What speaks against a result: the runner-up, the look-alikes, what to check, and the picture's faults."""

from __future__ import annotations

from dataclasses import dataclass

from wbc_core.biology.cell_types import CellType, cell_type
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
        Sentences that hold for every cell of the predicted type.
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
    named = cell_type(result.label)
    here = []
    if result.status == "unidentified":
        here.append(f"The model abstains. {REASONS.get(result.reason, '')}".strip())
    here += [runner_up(result, named)] if len(result.probabilities) > 1 else []
    if result.status == "classified" and result.confidence < 0.8:
        here.append(f"{confidence_in_words(result.confidence)}: have a second look before you count this cell.")
    here += [warning.message for warning in result.warnings]
    return Doubts(tuple(here), named.against, named.mimics)


def runner_up(result: ImageResult, named: CellType) -> str:
    """Say which type comes second, how far behind it is and, where it is close, how it would look."""
    ranked = sorted(result.probabilities.items(), key=lambda pair: pair[1], reverse=True)
    second, probability = next(pair for pair in ranked if pair[0] != named.label)
    other = cell_type(second)
    behind = 100 * (result.probabilities[named.label] - probability)
    sentence = f"Next comes {other.name.lower()} with {percent(probability)}, {behind:.1f} points behind."
    return f"{sentence} Its look: {other.look}" if probability >= CLOSE else sentence
