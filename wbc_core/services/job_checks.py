"""What is looked at before a job is queued: better one sentence now than a failed run in the night."""

from __future__ import annotations

import shutil
from importlib.util import find_spec
from pathlib import Path

from wbc_core.datasets.parts import SplitSet
from wbc_core.errors import DatasetError, ModelError, RecipeError, WbcError
from wbc_core.inference.cards import CARD
from wbc_core.jobs.queue import BACKENDS, DEVICES
from wbc_core.recipes.estimate import disk_mb
from wbc_core.recipes.sets import recipe_sets
from wbc_core.recipes.spec import Recipe
from wbc_core.settings import settings

SPARE_MB = 500
"""Room in MB that is left on a disk besides what a run writes."""


def check_choices(backend: str, device: str) -> None:
    """Refuse a backend or a device that does not exist, and a backend whose package is missing.

    Raises
    ------
    WbcError
        Naming what there is, or the command that installs what is missing.
    """
    if backend not in BACKENDS:
        raise RecipeError(f"There is no backend {backend!r}.", f"Choose {' or '.join(BACKENDS)}.")
    if device not in DEVICES:
        raise RecipeError(f"There is no device {device!r}.", f"Choose {', '.join(DEVICES)}.")
    if backend == "ray" and find_spec("ray") is None:
        raise WbcError(
            "Training on a Ray cluster needs the package ray, which is not installed.",
            "Install it: pip install -c constraints.txt -r requirements-cluster.txt.",
        )


def check_model_id(recipe: Recipe, *, replace: bool) -> None:
    """Refuse an id that an installed model has, unless that model is to be replaced.

    Raises
    ------
    ModelError
        If it is taken.
    """
    if not replace and (settings().models_dir / recipe.id / CARD).is_file():
        raise ModelError(
            f"A model named {recipe.id!r} is installed already.",
            "Give the recipe another id, or say that the model is to be replaced.",
        )


def check_sets(recipe: Recipe) -> tuple[SplitSet, ...]:
    """Read the recipe's data sets, and return their training and validation pictures.

    Raises
    ------
    DatasetError
        If a set is not there, a class has no picture for training or validation, or parts leak.
    """
    sets = recipe_sets(recipe, (settings().data_dir, settings().datasets_dir))
    for part in sets:
        if not part.train[0].path.is_file():
            raise DatasetError(
                f"The picture {part.train[0].path} of the set {part.name} is not there.",
                "Its split.csv names pictures that are gone: import the set again.",
            )
    return sets


def check_room(recipe: Recipe, pictures: int) -> None:
    """Refuse a run that its disk has no room for.

    Parameters
    ----------
    recipe : Recipe
        What is to be trained.
    pictures : int
        Pictures for training and validation, all sets together.

    Raises
    ------
    WbcError
        Naming the folder, and how much is free and needed.
    """
    needs = disk_mb(recipe, pictures)
    for folder, megabytes, variable in (
        (settings().runs_dir, needs.run, "WBC_RUNS_DIR"),
        (settings().cache_dir, needs.cache, "WBC_CACHE_DIR"),
    ):
        free = shutil.disk_usage(_existing(folder)).free / 1e6
        if free < megabytes + SPARE_MB:
            raise WbcError(
                f"The disk of {folder} has {free:,.0f} MB left; this run wants {megabytes + SPARE_MB:,.0f} MB.",
                f"Make room, or set {variable} to another disk.",
            )


def _existing(folder: Path) -> Path:
    return next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
