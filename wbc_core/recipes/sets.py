"""The pictures a recipe names, read from the ``split.csv`` of its data sets; no picture is opened."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from wbc_core.datasets.parts import Classes, SplitSet, dataset_folder, refuse_missing_classes, train_and_validation
from wbc_core.datasets.sources import LabelledImage, read_split
from wbc_core.recipes.spec import Recipe


def recipe_sets(recipe: Recipe, folders: Sequence[Path]) -> tuple[SplitSet, ...]:
    """Read every data set of a recipe, and refuse what would spoil a run before it begins.

    Parameters
    ----------
    recipe : Recipe
        The recipe.
    folders : sequence of Path
        Where data sets lie, the first one that holds a set counts.

    Raises
    ------
    DatasetError
        If a set or a part is missing, a class has no picture for training or validation, or pictures leak between
        parts.
    """
    classes = Classes(recipe.source_labels(), recipe.merge_list())
    sets = tuple(
        train_and_validation(
            dataset_folder(part.name, folders),
            classes,
            part.labels,
            share=part.share,
            hold_out=part.hold_out,
            seed=recipe.seed,
        )
        for part in recipe.data
    )
    refuse_missing_classes(recipe.labels, sets)
    return sets


def recipe_test_part(recipe: Recipe, name: str, folders: Sequence[Path]) -> tuple[LabelledImage, ...]:
    """Return the test pictures of a set, under the recipe's classes; pictures of labels it leaves out are left out.

    Raises
    ------
    DatasetError
        If the set is missing, or a picture's label does not count.
    """
    keep = next((part.labels for part in recipe.data if part.name == name), None)
    part = read_split(dataset_folder(name, folders), "test")
    return Classes(recipe.source_labels(), recipe.merge_list()).counted(part, keep)
