"""Errors that a user may see: one sentence about what happened and one hint on what to do next."""

from __future__ import annotations


class WbcError(Exception):
    """An error whose text is meant for the user.

    Parameters
    ----------
    message : str
        One sentence: what happened, to which file, expected and received where that helps.
    hint : str
        What to do next.
    """

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()


class ImageError(WbcError):
    """An image that cannot be read or is outside the limits."""


class DatasetError(WbcError):
    """A data set, split or label that does not hold together."""


class ModelError(WbcError):
    """A model card or model file that is missing, altered or of another version."""


class RecipeError(WbcError):
    """A training recipe with a field that is not allowed."""


class AccessError(WbcError):
    """Something that this server does not offer to this visitor, or not so often."""


class BusyError(WbcError):
    """Something that this server would do, but not now: too much is waiting already."""
