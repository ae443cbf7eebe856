"""A recipe's pictures: train and validation parts, and batches balanced over set and class."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import keras
import numpy as np
from numpy.typing import NDArray

from wbc_core.datasets.cache import cached_crops
from wbc_core.datasets.sources import LabelledImage, digest_of, hold_out_groups, read_split
from wbc_core.training.augmentation import MARGIN, augment, colour_statistics
from wbc_core.recipes.spec import Recipe, TrainingSet


@dataclass(frozen=True)
class SplitSet:
    """One data set of a recipe, parted."""

    name: str
    share: float
    train: tuple[LabelledImage, ...]
    validation: tuple[LabelledImage, ...]

    @property
    def digests(self) -> dict[str, str]:
        """SHA-256 of the two lists of pictures."""
        return {"train": digest_of(self.train), "validation": digest_of(self.validation)}


def split_set(part: TrainingSet, recipe: Recipe, data_dir: Path) -> SplitSet:
    """Read one data set of a recipe and its validation part."""
    folder = data_dir / part.name
    train = read_split(folder, "train", allowed=recipe.labels)
    if part.hold_out:
        train, validation = hold_out_groups(train, part.hold_out, recipe.seed)
    else:
        validation = read_split(folder, "val", allowed=recipe.labels)
    return SplitSet(part.name, part.share, train, validation)


class BalancedBatches(keras.utils.PyDataset):
    """Endless augmented batches: a set is drawn by its share, then a class, then a picture.

    Classes are drawn evenly until the recipe settles.

    Every choice follows from ``default_rng([seed, epoch, step])`` alone, so that a resumed run sees the batches it
    would have seen.
    """

    def __init__(self, recipe: Recipe, sets: tuple[SplitSet, ...], cache_dir: Path, epoch: int = 0) -> None:
        super().__init__(workers=1, use_multiprocessing=False, max_queue_size=8)
        cv2.setNumThreads(1)
        self.recipe = recipe
        self.epoch = epoch
        self.shares = np.array([part.share for part in sets]) / sum(part.share for part in sets)
        self.crops = [cached_crops(part.train, recipe.preprocessing, cache_dir, margin=MARGIN) for part in sets]
        self.members = [
            [
                (recipe.labels.index(label), np.flatnonzero([image.label == label for image in part.train]))
                for label in sorted({image.label for image in part.train})
            ]
            for part in sets
        ]
        self.sizes = [np.array([len(rows) for _, rows in members], np.float64) for members in self.members]
        # A tenth of the pictures describes a laboratory's colours well enough; every set counts alike.
        samples = [crops[:: max(1, len(crops) // 500)][:500] for crops in self.crops]
        tables = [np.stack([colour_statistics(crop) for crop in sample]) for sample in samples]
        most = max(len(table) for table in tables)
        self.statistics = np.concatenate([np.resize(table, (most, 2, 3)) for table in tables])

    @property
    def num_batches(self) -> int:
        """Batches of one epoch."""
        return self.recipe.optimisation.steps_per_epoch

    def __getitem__(self, index: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return one batch: pictures (batch, size, size, 3) in 0 to 255 and one-hot labels (batch, classes)."""
        recipe = self.recipe
        rng = np.random.default_rng([recipe.seed, self.epoch, index])
        count, size = recipe.optimisation.batch_size, recipe.preprocessing.size
        settling = recipe.settling if recipe.settling and self.epoch >= recipe.settling.from_epoch else None
        strength = settling.augmentation_strength if settling else recipe.augmentation_strength
        pictures = np.empty((count, size, size, 3), np.float32)
        targets = np.zeros((count, len(recipe.labels)), np.float32)
        for row in range(count):
            chosen = rng.choice(len(self.shares), p=self.shares)
            if settling:
                weight = self.sizes[chosen] ** (1 - settling.class_balance)
                drawn = int(rng.choice(len(weight), p=weight / weight.sum()))
            else:
                drawn = int(rng.integers(len(self.members[chosen])))
            label, members = self.members[chosen][drawn]
            crop = self.crops[chosen][members[rng.integers(len(members))]]
            pictures[row] = augment(crop, size, rng, self.statistics, strength)
            targets[row, label] = 1
        return pictures, targets

    def on_epoch_end(self) -> None:
        """Go on to the next epoch's batches."""
        self.epoch += 1


def exact_crops(
    images: tuple[LabelledImage, ...], recipe: Recipe, cache_dir: Path
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Return the pictures as serving would crop them, (images, size, size, 3) uint8, and their label indices."""
    crops = cached_crops(images, recipe.preprocessing, cache_dir)
    return crops, np.array([recipe.labels.index(image.label) for image in images])
