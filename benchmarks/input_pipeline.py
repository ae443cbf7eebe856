"""Does training wait for its pictures? One epoch as trained, against the same epoch on tensors that are there already.

Also against loading as Keras's ImageDataGenerator does it: each picture decoded and varied again in every epoch, in the
training thread's own time. Prints pictures per second and ratios; asserts nothing.

``python benchmarks/input_pipeline.py --recipe models/recipes/b-kaggle-cnn.yaml --steps 60``
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import cv2
import keras
import numpy as np

from wbc_core.imaging.decoding import read_image
from wbc_core.recipes.spec import read_recipe
from wbc_core.settings import ROOT, settings
from wbc_core.training.augmentation import MARGIN, augment
from wbc_core.training.data import TrainingBatches, split_sets
from wbc_core.training.loop import build_network


class Ready(keras.utils.PyDataset):
    """The same random batch again and again: an epoch that waits for nothing."""

    def __init__(self, batch: tuple[np.ndarray, ...], count: int) -> None:
        super().__init__(workers=1)
        self.batch, self.count = batch, count

    @property
    def num_batches(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> tuple[np.ndarray, ...]:
        return self.batch


class Files(keras.utils.PyDataset):
    """Every batch read from files, cropped and varied when it is asked for."""

    def __init__(self, batches: TrainingBatches, images: list, count: int) -> None:
        super().__init__(workers=1)
        self.batches, self.images, self.count = batches, images, count

    @property
    def num_batches(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> tuple[np.ndarray, ...]:
        recipe = self.batches.recipe
        rng = np.random.default_rng(index)
        chosen = [self.images[at] for at in rng.integers(0, len(self.images), recipe.optimisation.batch_size)]
        crops = [recipe.preprocessing.apply(read_image(image.path).pixels, margin=MARGIN) for image in chosen]
        size, table, strength = recipe.preprocessing.size, self.batches.statistics, recipe.augmentation_strength
        pictures = np.stack([augment(crop, size, rng, table, strength) for crop in crops]).astype(np.float32)
        targets = np.eye(len(recipe.labels), dtype=np.float32)[[recipe.labels.index(image.label) for image in chosen]]
        return pictures, targets


class Cut(keras.utils.PyDataset):
    """The first batches of an epoch."""

    def __init__(self, batches: TrainingBatches, count: int) -> None:
        super().__init__(workers=1, max_queue_size=8)
        self.batches, self.count = batches, count

    @property
    def num_batches(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> tuple[np.ndarray, ...]:
        return self.batches[index]


def pictures_per_second(model: keras.Model, data: keras.utils.PyDataset, size: int) -> float:
    start = time.perf_counter()
    model.fit(data, epochs=1, verbose=0, shuffle=False)
    return data.num_batches * size / (time.perf_counter() - start)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--recipe", type=Path, default=ROOT / "models" / "recipes" / "b-kaggle-cnn.yaml")
    parser.add_argument("--steps", type=int, default=40, help="batches an epoch")
    parser.add_argument("--rounds", type=int, default=3, help="how often each is measured; the best counts")
    arguments = parser.parse_args()
    recipe = read_recipe(arguments.recipe)
    cv2.setNumThreads(1)
    sets = split_sets(recipe, settings())
    batches = TrainingBatches(recipe, sets, settings().cache_dir)
    network = build_network(recipe)
    model = keras.Model(network.input, network.output["logits"])
    loss = keras.losses.CategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(1e-4), loss, jit_compile=False)
    size, steps = recipe.optimisation.batch_size, arguments.steps
    example = tuple(np.random.default_rng(0).random(part.shape, np.float32) * 255 for part in batches[0][:1])
    ready = Ready((*example, *batches[0][1:]), steps)
    images = [image for part in sets for image in part.train]
    ways = {
        "cached random tensors": ready,
        "as trained: uint8 cache, augmentation in a thread": Cut(batches, steps),
        "from files, as ImageDataGenerator reads them": Files(batches, images, max(4, steps // 4)),
    }
    model.fit(Ready(ready.batch, 3), verbose=0)
    best = dict.fromkeys(ways, 0.0)
    for _ in range(arguments.rounds):
        for name, data in ways.items():
            best[name] = max(best[name], pictures_per_second(model, data, size))
    rate = best["cached random tensors"]
    what = f"{recipe.network.architecture} at {recipe.preprocessing.size} px"
    print(f"{what}, {1000 / rate:.1f} ms a picture, {os.cpu_count()} cores")
    for name, value in best.items():
        print(f"{name}: {value:.1f} pictures/s, {100 * value / rate:.0f} % of cached random tensors")


if __name__ == "__main__":
    main()
