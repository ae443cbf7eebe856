"""What a form for a training offers, and the recipe that its values make."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from typing import Any

import yaml

from wbc_core.biology.labels import parse_merge
from wbc_core.errors import RecipeError, WbcError
from wbc_core.inference.cards import CARD
from wbc_core.recipes.architectures import ARCHITECTURES
from wbc_core.recipes.spec import ID_PATTERN, Recipe, parse_recipe, read_recipe
from wbc_core.recipes.yaml_text import load_fields
from wbc_core.services.access import require_training
from wbc_core.services.datasets import installed_datasets
from wbc_core.services.models import available_models, model_details
from wbc_core.settings import settings

BLANK = ""
"""Name of the starting point that is no recipe."""
SCHEDULES = ("cosine", "constant", "step", "plateau")
HOLD_OUT = 0.15
"""Share parted from training for validation, where a set has no validation part."""


@dataclass(frozen=True)
class InstalledSet:
    """A data set that can be trained on.

    Attributes
    ----------
    name : str
        As a recipe names it.
    labels : tuple of str
        Labels of its training pictures, in sorted order.
    train, validation : int
        Pictures of each part.
    """

    name: str
    labels: tuple[str, ...]
    train: int
    validation: int


@dataclass(frozen=True)
class FormValues:
    """What the form asks for. Fields mean what the recipe's fields of the same name mean."""

    id: str
    title: str
    sets: tuple[str, ...]
    labels: tuple[str, ...]
    architecture: str
    initial_weights: str
    size: int
    augmentation_strength: float
    epochs: int
    learning_rate: float
    schedule: str
    batch_size: int
    class_weights: str
    seed: int


def installed_sets() -> tuple[InstalledSet, ...]:
    """Return the data sets with training pictures, by name; read again only where one of their tables has changed."""
    require_training()
    tables = []
    for folder in (settings().data_dir, settings().datasets_dir):
        for table in sorted(folder.glob("*/split.csv")):
            stat = table.stat()
            tables.append((str(table), stat.st_mtime_ns, stat.st_size))
    return _read_sets(tuple(tables))


@lru_cache(maxsize=1)
def _read_sets(tables: tuple[tuple[str, int, int], ...]) -> tuple[InstalledSet, ...]:
    found = []
    for dataset in installed_datasets():
        labels = tuple(sorted(label for label, parts in dataset.counts.items() if parts.get("train")))
        train, validation = (sum(row.get(part, 0) for row in dataset.counts.values()) for part in ("train", "val"))
        if train:
            found.append(InstalledSet(dataset.name, labels, train, validation))
    return tuple(found)


def starting_points() -> dict[str, Recipe]:
    """Return the recipes to start from by their file's name below ``models/recipes``; broken ones are left out."""
    folder = settings().models_dir / "recipes"
    found = {}
    for path in [*sorted(folder.glob("*.yaml")), *sorted(folder.glob("full/*.yaml"))]:
        try:
            found[str(path.relative_to(folder).with_suffix(""))] = read_recipe(path)
        except WbcError:
            continue
    return found


def blank_recipe(sets: Sequence[InstalledSet]) -> Recipe:
    """Return a plain recipe for the largest of the sets: a small network that two cores train in reasonable time.

    Raises
    ------
    RecipeError
        If no set has pictures of at least two labels.
    """
    usable = [each for each in sets if len(each.labels) >= 2]
    if not usable:
        raise RecipeError(
            "There is no data set to train on.", "Import one with `wbc datasets import`, or set WBC_DATA_DIR."
        )
    largest = max(usable, key=lambda each: each.train)
    content = {
        "id": "my-model",
        "title": "My model",
        "seed": 1,
        "labels": list(largest.labels),
        "data": [_set_fields(largest, largest.labels, {})],
        "preprocessing": {"size": 96},
        "network": {"architecture": "baseline_cnn", "initial_weights": "random"},
        "optimisation": {"epochs": 12, "learning_rate": 1e-3, "weight_decay": 0.02, "warmup_steps": 50},
    }
    return Recipe.model_validate(content)


def values_of(recipe: Recipe) -> FormValues:
    """Return what the form shows first for a recipe; its id and title become those of a model not yet there."""
    choice = recipe.optimisation
    taken = free_id(recipe.id) != recipe.id
    return FormValues(
        id=free_id(recipe.id),
        title=f"{recipe.title} (copy)"[:120] if taken else recipe.title,
        sets=tuple(part.name for part in recipe.data),
        labels=recipe.labels,
        architecture=recipe.network.architecture,
        initial_weights=recipe.network.initial_weights,
        size=recipe.preprocessing.size,
        augmentation_strength=recipe.augmentation_strength,
        epochs=recipe.epochs,
        learning_rate=recipe.all_phases()[-1].learning_rate,
        schedule=choice.schedule.kind,
        batch_size=choice.batch_size,
        class_weights=choice.class_weights,
        seed=recipe.seed,
    )


def recipe_from(base: Recipe, values: FormValues, sets: Sequence[InstalledSet]) -> Recipe:
    """Return the recipe that a form's values make of its starting point.

    What the form does not ask for stays as it is, with three exceptions: the note, which describes the original; the
    sets that are tested and calibrated on, where other sets are chosen; and the epoch from which a recipe settles,
    which keeps its place in a shorter or longer training.

    Parameters
    ----------
    base : Recipe
        The starting point.
    values : FormValues
        What was entered.
    sets : sequence of InstalledSet
        What can be chosen; an unknown name is an error of the recipe.

    Raises
    ------
    RecipeError
        If a value is not allowed; the message names field, value and what is allowed.
    """
    _refuse_gaps(values)
    content: dict[str, Any] = base.model_dump(mode="json", exclude_defaults=True)
    known = {each.name: each for each in sets}
    before = {part["name"]: part for part in content["data"]}
    sources = _source_labels(base, values.labels)
    content |= {
        "id": values.id,
        "title": values.title,
        "seed": values.seed,
        "labels": list(values.labels),
        "merges": [text for text in base.merges if parse_merge(text).name in values.labels],
        "data": [_set_fields(known.get(name), sources, before.get(name, {"name": name})) for name in values.sets],
        "augmentation_strength": values.augmentation_strength,
        "preprocessing": content.get("preprocessing", {}) | {"size": values.size},
        "network": content.get("network", {})
        | {"architecture": values.architecture, "initial_weights": values.initial_weights},
    }
    content.pop("note", None)
    if tuple(before) != values.sets:
        content.pop("calibrate_on", None)
        content.pop("test_on", None)
    if values.architecture != base.network.architecture:
        content["network"].pop("frozen_through", None)  # names a layer of the other network
    optimisation = content.get("optimisation", {})
    if base.optimisation.schedule.kind == values.schedule:
        optimisation["schedule"] = base.optimisation.schedule.model_dump()
    else:
        optimisation["schedule"] = {"kind": values.schedule}
    optimisation |= {"batch_size": values.batch_size, "class_weights": values.class_weights}
    if not base.phases:
        optimisation |= {"epochs": values.epochs, "learning_rate": values.learning_rate}
        if base.settling is not None:
            place = base.settling.from_epoch / base.epochs * values.epochs
            content["settling"] = base.settling.model_dump() | {"from_epoch": max(1, round(place))}
    content["optimisation"] = optimisation
    return parse_recipe(yaml.safe_dump(content, sort_keys=False), "of this form")


def checked_recipe(text: str) -> Recipe:
    """Check a recipe that was typed into the page.

    Raises
    ------
    RecipeError
        If it does not hold, see :func:`wbc_core.recipes.spec.parse_recipe`; or if its first weights are a file: from
        the page, only weights that are installed can be loaded.
    """
    load_fields(text, "in the editor")
    recipe = parse_recipe(text, "in the editor")
    weights = recipe.network.initial_weights
    if weights not in ("random", "imagenet") and not _installed(weights):
        models = ", ".join(first_weights(recipe.network.architecture))
        raise RecipeError(
            f"In the recipe in the editor, network.initial_weights is {weights!r}: no model of that id is installed.",
            f"Here it may be {models}; files are taken by `wbc train` only.",
        )
    return recipe


def first_weights(architecture: str) -> tuple[str, ...]:
    """Return what can be the first weights of an architecture: random, ImageNet where known, and installed models."""
    known = ARCHITECTURES.get(architecture)
    models = [
        model.id
        for model in available_models()
        if model_details(model.id).architecture.partition(",")[0] == architecture
        and (settings().models_dir / model.id / "model.keras").is_file()
    ]
    return (*(("imagenet",) if known is not None and known.imagenet else ()), "random", *models)


def free_id(wanted: str) -> str:
    """Return an id that no installed model has: the wanted one, or with a number behind it."""
    number, candidate = 1, wanted
    while (settings().models_dir / candidate / CARD).is_file():
        number += 1
        candidate = f"{wanted[:37]}-{number}"
    return candidate


def backends() -> tuple[str, ...]:
    """Return where jobs can run from here: on this host, and on a Ray cluster where Ray is installed."""
    return ("local", "ray") if find_spec("ray") is not None else ("local",)


def _installed(model_id: str) -> bool:
    return bool(re.fullmatch(ID_PATTERN, model_id)) and (settings().models_dir / model_id / CARD).is_file()


def _refuse_gaps(values: FormValues) -> None:
    """Raise RecipeError where a field is empty or not allowed that a form can say more plainly than a recipe."""
    if not re.fullmatch(ID_PATTERN, values.id):
        raise RecipeError(
            f"The id {values.id!r} is not allowed.",
            "Use 2 to 41 small letters, digits and hyphens, with a letter or a digit first.",
        )
    if free_id(values.id) != values.id:
        raise RecipeError(f"A model with the id {values.id!r} is installed already.", f"Try {free_id(values.id)}.")
    if not values.title.strip():
        raise RecipeError("The model has no title.", "Give it one: it stands in the model chooser.")
    if not values.sets:
        raise RecipeError("No data set is chosen.", "Choose at least one.")
    if len(values.labels) < 2:
        raise RecipeError("There is nothing to tell apart.", "Choose at least two cell types.")


def _source_labels(base: Recipe, labels: Sequence[str]) -> set[str]:
    members = {merge.name: merge.members for merge in base.merge_list()}
    return {source for label in labels for source in members.get(label, (label,))}


def _set_fields(found: InstalledSet | None, sources: Collection[str], before: Mapping[str, Any]) -> dict[str, Any]:
    """Return a set's fields of a recipe: only pictures of labels that count, and something to validate on."""
    fields = {key: value for key, value in before.items() if key != "labels"}
    if found is None:
        return fields
    fields = {"name": found.name} | fields
    wanted = [label for label in found.labels if label in sources]
    if set(before.get("labels", ())) == set(wanted):
        fields["labels"] = list(before["labels"])
    elif len(wanted) < len(found.labels):
        fields["labels"] = wanted
    if not found.validation and not fields.get("hold_out"):
        fields["hold_out"] = HOLD_OUT
    return fields
