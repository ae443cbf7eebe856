"""What a search varies in a recipe, and how far; a trial is the recipe with fewer epochs and other values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from wbc_core.errors import RecipeError
from wbc_core.recipes.spec import Recipe, Step

PARAMETERS = ("learning_rate", "dropout", "augmentation_strength", "input_size")
"""What can be varied. ``learning_rate`` is the first phase's peak; the other phases keep their ratio to it."""

Values = Mapping[str, float]

SIZE_STEP = 16
LEAST_SIZE = 32
LARGEST_DROPOUT = 0.6
LARGEST_STRENGTH = 1.6
RATE_FACTOR = 10.0
ID_LENGTH = 41


def check_parameters(names: Sequence[str]) -> None:
    """Refuse names that are no parameter of a search.

    Raises
    ------
    RecipeError
        Naming those that are.
    """
    unknown = [name for name in names if name not in PARAMETERS]
    if unknown or not names:
        said = f"cannot vary {', '.join(map(repr, unknown))}" if unknown else "has nothing to vary"
        raise RecipeError(f"A search {said}.", f"Choose among {', '.join(PARAMETERS)}.")


def own_values(recipe: Recipe, names: Sequence[str]) -> dict[str, float]:
    """Return the values that the recipe itself has."""
    values = {
        "learning_rate": recipe.all_phases()[0].learning_rate,
        "dropout": recipe.network.dropout,
        "augmentation_strength": recipe.augmentation_strength,
        "input_size": recipe.preprocessing.size,
    }
    return {name: values[name] for name in names}


def suggest(trial: Any, recipe: Recipe, names: Sequence[str]) -> dict[str, float]:
    """Let an Optuna trial choose values.

    The learning rate lies between a tenth and ten times the recipe's, on a logarithmic scale; dropout and augmentation
    go from none to much; the input size is about two thirds, one or four thirds of the recipe's.
    """
    own = own_values(recipe, PARAMETERS)
    rate = own["learning_rate"]
    values: dict[str, float] = {}
    for name in names:
        match name:
            case "learning_rate":
                values[name] = trial.suggest_float(name, rate / RATE_FACTOR, min(rate * RATE_FACTOR, 1.0), log=True)
            case "dropout":
                values[name] = trial.suggest_float(name, 0.0, max(LARGEST_DROPOUT, own[name]))
            case "augmentation_strength":
                values[name] = trial.suggest_float(name, 0.0, max(LARGEST_STRENGTH, own[name]))
            case "input_size":
                values[name] = trial.suggest_categorical(name, sizes(recipe.preprocessing.size))
    return {name: value if name == "input_size" else float(f"{value:.4g}") for name, value in values.items()}


def sizes(size: int) -> list[int]:
    """Return the input sizes to choose from: about two thirds of the recipe's, its own, and four thirds.

    Examples
    --------
    >>> sizes(96)
    [64, 96, 128]
    """
    around = {round(size * share / SIZE_STEP) * SIZE_STEP for share in (2 / 3, 4 / 3)}
    return sorted({max(each, LEAST_SIZE) for each in around} | {size})


def varied(recipe: Recipe, values: Values, *, epochs: int, suffix: str, title: str, note: str = "") -> Recipe:
    """Return the recipe with other values and a number of epochs; phases and settling keep their shares of the run.

    Parameters
    ----------
    recipe : Recipe
        The recipe to start from.
    values : mapping of str to float
        New values by parameter.
    epochs : int
        Epochs of all phases.
    suffix : str
        Ends the id.
    title : str
        Ends the title.
    note : str
        Ends the note.

    Raises
    ------
    RecipeError
        If the values make no valid recipe.
    """
    content = recipe.model_dump()
    share = epochs / recipe.epochs
    factor = values.get("learning_rate", recipe.all_phases()[0].learning_rate) / recipe.all_phases()[0].learning_rate
    choice = content["optimisation"]
    for phase in content["phases"]:
        phase["epochs"] = max(1, round(phase["epochs"] * share))
        phase["learning_rate"] = float(f"{phase['learning_rate'] * factor:.4g}")
    if not content["phases"]:
        choice["epochs"] = epochs
        choice["learning_rate"] = values.get("learning_rate", choice["learning_rate"])
    choice["warmup_steps"] = round(choice["warmup_steps"] * min(share, 1.0))
    if isinstance(recipe.optimisation.schedule, Step):
        choice["schedule"]["every"] = max(1, round(choice["schedule"]["every"] * share))
    if content["settling"]:
        first = max(1, round(content["settling"]["from_epoch"] * share))
        content["settling"] = content["settling"] | {"from_epoch": first} if first < epochs else None
    content["network"]["dropout"] = values.get("dropout", recipe.network.dropout)
    content["augmentation_strength"] = values.get("augmentation_strength", recipe.augmentation_strength)
    content["preprocessing"]["size"] = int(values.get("input_size", recipe.preprocessing.size))
    content["id"] = recipe.id[: ID_LENGTH - len(suffix)] + suffix
    content["title"] = f"{recipe.title[: 119 - len(title)]} {title}"
    content["note"] = f"{recipe.note[: 599 - len(note)]} {note}".strip()
    try:
        return Recipe.model_validate(content)
    except ValidationError as error:
        raise RecipeError(
            f"The values {dict(values)} make no valid recipe: {error.errors()[0]['msg']}.", "Vary something else."
        ) from error
