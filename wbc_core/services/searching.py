"""A search for better values of a recipe, as the command runs it: checked first, in the foreground, resumable."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import cast

from wbc_core.errors import RecipeError
from wbc_core.jobs.attempts import Backend
from wbc_core.jobs.local_backend import LocalBackend
from wbc_core.jobs.processes import ending_on_signals
from wbc_core.jobs.queue import BackendName, open_queue
from wbc_core.jobs.ray_backend import RayBackend
from wbc_core.jobs.search import Search, SearchStopped
from wbc_core.jobs.search_plan import Plan
from wbc_core.jobs.search_results import SearchResult
from wbc_core.jobs.search_space import PARAMETERS, check_parameters
from wbc_core.jobs.watching import Timing
from wbc_core.recipes.spec import ID_PATTERN, read_recipe
from wbc_core.services.access import require_training
from wbc_core.services.job_checks import check_choices, check_room, check_sets
from wbc_core.settings import settings

__all__ = ["SearchStopped", "search_recipe"]

STORAGE = "searches.sqlite"
SHARE = 3
"""A trial has one in so many of the recipe's epochs, unless said otherwise."""


def search_recipe(
    recipe_path: Path,
    *,
    trials: int,
    name: str | None = None,
    parameters: Sequence[str] = PARAMETERS,
    epochs: int | None = None,
    seed: int | None = None,
    backend: str = "local",
    device: str = "auto",
    command: Sequence[str] = (),
    timing: Timing | None = None,
) -> SearchResult:
    """Run or continue a search in this process, until it has so many trials.

    Parameters
    ----------
    recipe_path : Path
        The recipe to start from; the first trial has its own values.
    trials : int
        Trials in all.
    name : str, optional
        Name of the search; the recipe's id if not given. The same name continues the same search.
    parameters : sequence of str
        What to vary, see :data:`wbc_core.jobs.search_space.PARAMETERS`.
    epochs : int, optional
        Epochs of a trial; a third of the recipe's if not given.
    seed : int, optional
        Seed of the choices; the recipe's if not given.
    backend, device : str
        Where trials train, as for a job.
    command : sequence of str, optional
        Trains instead of this program.
    timing : Timing, optional
        How patient the search is.

    Returns
    -------
    SearchResult
        Table and best recipe; both are also files in ``<runs>/search-<name>``.

    Raises
    ------
    SearchStopped
        If SIGTERM or SIGINT ended it; the same call continues it.
    WbcError
        If recipe, data, name or choices do not hold, or all trials fail.
    """
    require_training()
    recipe = read_recipe(recipe_path)
    check_choices(backend, device)
    check_parameters(parameters)
    chosen = name or recipe.id
    if not re.fullmatch(ID_PATTERN, chosen):
        raise RecipeError(
            f"A search cannot be named {chosen!r}.", "Use small letters, digits and hyphens, 2 to 41 of them."
        )
    sets = check_sets(recipe)
    check_room(recipe, sum(len(part.train) + len(part.validation) for part in sets))
    values = settings()
    values.runs_dir.mkdir(parents=True, exist_ok=True)
    place: Backend = RayBackend(values, command) if backend == "ray" else LocalBackend(values, command)
    search = Search(
        open_queue(values),
        place,
        recipe,
        Plan(
            name=chosen,
            parameters=tuple(parameters),
            epochs=epochs or max(1, round(recipe.epochs / SHARE)),
            seed=recipe.seed if seed is None else seed,
        ),
        storage=values.database_url or f"sqlite:///{(values.runs_dir / STORAGE).absolute()}",
        backend_name=cast(BackendName, backend),
        device=device,
        timing=timing,
    )
    with ending_on_signals(search.end):
        return search.run(trials)
