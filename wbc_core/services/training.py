"""One training run in the foreground, from recipe to card."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from wbc_core.errors import RecipeError, WbcError
from wbc_core.inference.cards import ModelCard
from wbc_core.settings import settings

DEVICES = ("auto", "cpu", "gpu")


def train_recipe(
    recipe_path: Path, *, run_dir: Path | None = None, device: str = "auto", install: bool = False
) -> tuple[ModelCard, Path]:
    """Train a recipe or continue its run, then export it.

    Parameters
    ----------
    recipe_path : Path
        The recipe's YAML file.
    run_dir : Path, optional
        The run's folder; ``<runs>/<recipe id>`` if not given.
    device : str
        ``auto`` takes a GPU where there is one, ``cpu`` hides it, ``gpu`` insists on one.
    install : bool
        Copy the result to the models folder.

    Returns
    -------
    tuple of (ModelCard, Path)
        The card, and the folder that holds model and card.

    Raises
    ------
    WbcError
        If recipe, data, pretrained weights or device do not hold.
    """
    if device not in DEVICES:
        raise RecipeError(f"There is no device {device!r}.", f"Choose {', '.join(DEVICES)}.")
    if device == "cpu":
        # Read by TensorFlow and JAX when they are imported, which happens below.
        os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
        os.environ["JAX_PLATFORMS"] = "cpu"
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    from wbc_core.recipes.spec import read_recipe

    recipe = read_recipe(recipe_path)
    from wbc_core.training.export import export_run
    from wbc_core.training.loop import insist_on_gpu, run_training, write_status

    if device == "gpu":
        insist_on_gpu()
    folder = run_dir or settings().runs_dir / recipe.id
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(recipe_path, folder / "spec.yaml")
    try:
        run_training(recipe, folder, settings())
        card = export_run(recipe, recipe_path, folder, settings())
    except KeyboardInterrupt as error:
        write_status(folder, "stopped")
        raise WbcError(
            f"The run in {folder} was stopped.", "The same command continues it from its last finished epoch."
        ) from error
    except WbcError as error:
        write_status(folder, "failed", error=str(error))
        raise
    if not install:
        return card, folder / "export"
    target = settings().models_dir / recipe.id
    shutil.copytree(folder / "export", target, dirs_exist_ok=True)
    return card, target
