"""Trainings that a study makes for itself, each in a folder among the runs; one that is done is not done again."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from wbc_core.settings import settings


def trained(run: str, recipe: str) -> Path:
    """Train a recipe, or go on where it stopped, and return the folder of its model.

    Parameters
    ----------
    run : str
        Name of the folder among the runs.
    recipe : str
        Text of the recipe.

    Raises
    ------
    subprocess.CalledProcessError
        If the training failed.
    """
    folder = settings().runs_dir / run
    if not (folder / "export" / "card.json").is_file():
        folder.mkdir(parents=True, exist_ok=True)
        spec = folder / "recipe.yaml"
        spec.write_text(recipe, encoding="utf-8")
        print(f"training {run} …", file=sys.stderr, flush=True)
        subprocess.run([sys.executable, "-m", "wbc_core", "train", str(spec), "--run", str(folder)], check=True)
    return folder / "export"
