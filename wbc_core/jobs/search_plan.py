"""What a search is, and its folder, which only one process works in and which no other search takes over."""

from __future__ import annotations

import fcntl
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from wbc_core.errors import WbcError
from wbc_core.jobs.alone import LOCK
from wbc_core.recipes.spec import Recipe, recipe_yaml

PLAN = "search.json"
RECIPE = "recipe.yaml"


@dataclass(frozen=True)
class Plan:
    """What a search is, besides its recipe; the same name goes on only with the same plan.

    Attributes
    ----------
    name : str
        Its name.
    parameters : tuple of str
        What it varies.
    epochs : int
        Epochs of a trial.
    seed : int
        Seed of the choices. Every trial trains with the recipe's own seed.
    """

    name: str
    parameters: tuple[str, ...]
    epochs: int
    seed: int


@contextmanager
def alone_on(folder: Path, plan: Plan, recipe: Recipe) -> Iterator[None]:
    """Hold a search's folder; made with plan and recipe if it is new, compared with them if not.

    Raises
    ------
    WbcError
        If another process holds it, or it belongs to a search with another plan or recipe.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / LOCK).open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise WbcError(
                f"The search {plan.name!r} is already running.", "Give another --name for a second one."
            ) from error
        wanted = json.loads(json.dumps(asdict(plan) | {"recipe_sha256": recipe.digest()}))
        path = folder / PLAN
        if not path.exists():
            (folder / RECIPE).write_text(recipe_yaml(recipe), encoding="utf-8")
            path.write_text(json.dumps(wanted, indent=1), encoding="utf-8")
        found = json.loads(path.read_text(encoding="utf-8"))
        other = [key.removesuffix("_sha256") for key in wanted if found.get(key) != wanted[key]]
        if other:
            raise WbcError(
                f"The search {plan.name!r} was started with another value of {', '.join(other)}.",
                "Give the same again to continue it, or another --name for a new one.",
            )
        yield
