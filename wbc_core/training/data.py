"""A recipe's pictures: train and validation parts, and the batches that training sees."""

from __future__ import annotations

from pathlib import Path

import cv2
import keras
import numpy as np
from numpy.typing import NDArray

from wbc_core.datasets.cache import cached_crops
from wbc_core.datasets.parts import (
    SplitSet,
)
from wbc_core.datasets.sources import LabelledImage
from wbc_core.recipes.sets import recipe_sets, recipe_test_part
from wbc_core.recipes.spec import Recipe
from wbc_core.settings import Settings
from wbc_core.training.augmentation import MARGIN, augment, colour_statistics

Batch = (
    tuple[NDArray[np.float32], NDArray[np.float32]]
    | tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]
)


def split_sets(recipe: Recipe, settings: Settings) -> tuple[SplitSet, ...]:
    """Read every data set of a recipe, and refuse what would spoil the run before it begins.

    Raises
    ------
    DatasetError
        If a set or a part is missing, a class has no picture, or pictures leak between parts.
    """
    return recipe_sets(recipe, (settings.data_dir, settings.datasets_dir))


def test_images(recipe: Recipe, name: str, settings: Settings) -> tuple[LabelledImage, ...]:
    """Return the test pictures of a set, under the recipe's classes; pictures of labels it leaves out are left out."""
    return recipe_test_part(recipe, name, (settings.data_dir, settings.datasets_dir))


class TrainingBatches(keras.utils.PyDataset):
    """Augmented batches, epoch after epoch.

    With ``steps_per_epoch``, a batch's pictures are drawn: a set by its share, then a class (evenly until the recipe
    settles), then a picture. Without, an epoch is one shuffled pass over all pictures, and the last batch is filled
    up from the pass's begin, so that every batch has the same size.

    Every choice follows from ``default_rng([seed, epoch, batch])`` alone, so that a resumed run sees the batches it
    would have seen.
    """

    def __init__(self, recipe: Recipe, sets: tuple[SplitSet, ...], cache_dir: Path, epoch: int = 0) -> None:
        super().__init__(workers=1, use_multiprocessing=False, max_queue_size=8)
        cv2.setNumThreads(1)
        self.recipe = recipe
        self.epoch = epoch
        self.shares = np.array([part.share for part in sets]) / sum(part.share for part in sets)
        self.crops = [cached_crops(part.train, recipe.preprocessing, cache_dir, margin=MARGIN) for part in sets]
        self.classes = [np.array([recipe.labels.index(image.label) for image in part.train]) for part in sets]
        self.members = [
            [(int(label), np.flatnonzero(classes == label)) for label in np.unique(classes)] for classes in self.classes
        ]
        self.sizes = [np.array([len(rows) for _, rows in members], np.float64) for members in self.members]
        self.places = np.concatenate(
            [np.column_stack([np.full(len(rows), at), np.arange(len(rows))]) for at, rows in enumerate(self.classes)]
        )
        self.weights = self._class_weights()
        # A tenth of the pictures describes a laboratory's colours well enough; every set counts alike.
        samples = [crops[:: max(1, len(crops) // 500)][:500] for crops in self.crops]
        tables = [np.stack([colour_statistics(crop) for crop in sample]) for sample in samples]
        most = max(len(table) for table in tables)
        self.statistics = np.concatenate([np.resize(table, (most, 2, 3)) for table in tables])

    def _class_weights(self) -> NDArray[np.float32] | None:
        """Return a weight per class, 1 on average over the pictures; None where the recipe wants none."""
        if self.recipe.optimisation.class_weights == "none":
            return None
        counts = np.bincount(np.concatenate(self.classes), minlength=len(self.recipe.labels))
        return np.asarray(counts.sum() / (len(counts) * np.maximum(counts, 1)), dtype=np.float32)

    @property
    def num_batches(self) -> int:
        """Batches of one epoch."""
        choice = self.recipe.optimisation
        return choice.steps_per_epoch or -(-len(self.places) // choice.batch_size)

    def __getitem__(self, index: int) -> Batch:
        """Return one batch.

        Returns
        -------
        tuple of ndarray
            Pictures, float32 (batch, size, size, 3) in 0 to 255; one-hot labels, float32 (batch, classes); with
            class weights also a weight per picture, float32 (batch,).
        """
        recipe = self.recipe
        rng = np.random.default_rng([recipe.seed, self.epoch, index])
        count, size = recipe.optimisation.batch_size, recipe.preprocessing.size
        settling = recipe.settling if recipe.settling and self.epoch >= recipe.settling.from_epoch else None
        strength = settling.augmentation_strength if settling else recipe.augmentation_strength
        balance = settling.class_balance if settling else 1.0
        places = None if recipe.optimisation.steps_per_epoch else self._of_the_pass(index)
        pictures = np.empty((count, size, size, 3), np.float32)
        targets = np.zeros((count, len(recipe.labels)), np.float32)
        for row in range(count):
            chosen, member = self._drawn(rng, balance) if places is None else places[row]
            pictures[row] = augment(self.crops[chosen][member], size, rng, self.statistics, strength)
            targets[row, self.classes[chosen][member]] = 1
        if self.weights is None:
            return pictures, targets
        return pictures, targets, self.weights[targets.argmax(axis=1)]

    def _of_the_pass(self, index: int) -> NDArray[np.int64]:
        """Return set and picture of every row of one batch of this epoch's pass."""
        count = self.recipe.optimisation.batch_size
        order = np.random.default_rng([self.recipe.seed, self.epoch]).permutation(len(self.places))
        return self.places[order[np.arange(index * count, (index + 1) * count) % len(order)]]

    def _drawn(self, rng: np.random.Generator, balance: float) -> tuple[int, int]:
        """Draw a set, a class and a picture."""
        chosen = int(rng.choice(len(self.shares), p=self.shares))
        if balance == 1.0:
            drawn = int(rng.integers(len(self.members[chosen])))
        else:
            weight = self.sizes[chosen] ** (1 - balance)
            drawn = int(rng.choice(len(weight), p=weight / weight.sum()))
        _, members = self.members[chosen][drawn]
        return chosen, int(members[rng.integers(len(members))])

    def on_epoch_end(self) -> None:
        """Go on to the next epoch's batches."""
        self.epoch += 1


def exact_crops(
    images: tuple[LabelledImage, ...], recipe: Recipe, cache_dir: Path
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Return the pictures as serving would crop them, (images, size, size, 3) uint8, and their label indices."""
    crops = cached_crops(images, recipe.preprocessing, cache_dir)
    return crops, np.array([recipe.labels.index(image.label) for image in images])
