"""YAML from outside, read within limits: a short text can otherwise unfold into more values than memory holds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from wbc_core.errors import RecipeError

LONGEST = 20_000  # characters; the longest recipe here has a tenth of them

DEEPEST = 40  # lists and mappings within one another; a recipe has four. Thousands of brackets take PyYAML seconds.

_OPENING = (
    yaml.FlowSequenceStartToken,
    yaml.FlowMappingStartToken,
    yaml.BlockSequenceStartToken,
    yaml.BlockMappingStartToken,
)
_CLOSING = (yaml.FlowSequenceEndToken, yaml.FlowMappingEndToken, yaml.BlockEndToken)

# What PyYAML raises for values that look like a date, a number or a list of bits, and are none.
_NO_VALUES = (ValueError, ArithmeticError, LookupError, TypeError, AttributeError)


def load_fields(text: str, name: str) -> dict[str, Any]:
    r"""Return the fields of a YAML text.

    Aliases (``*name``) are refused: nested, they let ten lines stand for billions of values. So are tags (``!!name``),
    which ask for values that no recipe has.

    Parameters
    ----------
    text : str
        The YAML text.
    name : str
        Of the recipe, used in messages only.

    Raises
    ------
    RecipeError
        If the text is too long, is no YAML, uses aliases or tags, or holds no fields.

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
        depth = 0
        for token in yaml.scan(text):
            depth += isinstance(token, _OPENING) - isinstance(token, _CLOSING)
            if depth > DEEPEST:
                raise RecipeError(f"The recipe {name} is nested more than {DEEPEST} deep.", "Write fields as they are.")
            if isinstance(token, yaml.AliasToken):
                raise RecipeError(
                    f"The recipe {name} uses a YAML alias (*name).", "Write the value out where it is used."
                )
            if isinstance(token, yaml.TagToken):
                raise RecipeError(f"The recipe {name} uses a YAML tag (!!name).", "Write plain values.")
        content = yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError, *_NO_VALUES) as error:
        raise RecipeError(f"The recipe {name} is no valid YAML.", _where(error)) from error
    if not isinstance(content, dict):
        raise RecipeError(f"The recipe {name} holds no fields.", "Write one `field: value` a line, see models/recipes.")
    if _holds_huge_number(content):
        raise RecipeError(f"The recipe {name} holds a number of more than 64 bits.", "Write a smaller one.")
    return content


def read_text(path: Path) -> str:
    """Return the text of a recipe's file, at most a little more than :data:`LONGEST` of it.

    Raises
    ------
    RecipeError
        If there is no such file, it is a device, or it is no text.
    """
    try:
        if not path.is_file():
            raise RecipeError(f"The recipe {path} cannot be read.", "Name a YAML file, see models/recipes.")
        with path.open(encoding="utf-8") as stream:
            return stream.read(LONGEST + 1)
    except (OSError, ValueError) as error:
        raise RecipeError(f"The recipe {path} cannot be read.", "Name a YAML file, see models/recipes.") from error


def _holds_huge_number(content: object) -> bool:
    """Return whether a number stands somewhere that Python refuses to write in decimal digits, or nearly so."""
    left = [content]
    while left:
        value = left.pop()
        if isinstance(value, dict):
            left += [*value.keys(), *value.values()]
        elif isinstance(value, list):
            left += value
        elif isinstance(value, int) and value.bit_length() > 64:
            return True
    return False


def _where(error: Exception) -> str:
    """Return the line that YAML stumbled over, and why."""
    if not isinstance(error, yaml.MarkedYAMLError) or error.problem_mark is None:
        return "Write one `field: value` a line, see models/recipes."
    return f"Look at line {error.problem_mark.line + 1}: {error.problem or 'it cannot be read'}."
