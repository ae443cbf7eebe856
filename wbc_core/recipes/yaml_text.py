"""YAML from outside, read within limits: a short text can otherwise unfold into more values than memory holds."""

from __future__ import annotations

from typing import Any

import yaml

from wbc_core.errors import RecipeError

LONGEST = 20_000  # characters; the longest recipe here has a tenth of them


def load_fields(text: str, name: str) -> dict[str, Any]:
    r"""Return the fields of a YAML text.

    Aliases (``*name``) are refused: nested, they let ten lines stand for billions of values.

    Parameters
    ----------
    text : str
        The YAML text.
    name : str
        Of the recipe, used in messages only.

    Raises
    ------
    RecipeError
        If the text is too long, is no YAML, uses aliases, or holds no fields.

    Examples
    --------
    >>> load_fields("id: wbc8\nseed: 7", "recipe")
    {'id': 'wbc8', 'seed': 7}
    """
    if len(text) > LONGEST:
        raise RecipeError(
            f"The recipe {name} has {len(text):,} characters, more than {LONGEST:,}.", "Shorten it, see models/recipes."
        )
    try:
        if any(isinstance(token, yaml.AliasToken) for token in yaml.scan(text)):
            raise RecipeError(f"The recipe {name} uses a YAML alias (*name).", "Write the value out where it is used.")
        content = yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise RecipeError(f"The recipe {name} is no valid YAML.", _where(error)) from error
    if not isinstance(content, dict):
        raise RecipeError(f"The recipe {name} holds no fields.", "Write one `field: value` a line, see models/recipes.")
    return content


def _where(error: Exception) -> str:
    """Return the line that YAML stumbled over, and why."""
    if not isinstance(error, yaml.MarkedYAMLError) or error.problem_mark is None:
        return "Write one `field: value` a line, see models/recipes."
    return f"Look at line {error.problem_mark.line + 1}: {error.problem or 'it cannot be read'}."
