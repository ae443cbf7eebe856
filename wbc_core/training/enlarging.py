"""Trains the cell enlarger: from pictures of cells at half their size it learns what bicubic enlargement misses."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import cv2
import keras
import numpy as np
from numpy.typing import NDArray

from wbc_core.datasets.sources import LabelledImage, digest_of, read_split
from wbc_core.imaging.decoding import read_image
from wbc_core.settings import Settings
from wbc_core.zoo import cell_enlarger

Luminance = NDArray[np.uint8]

SOURCE = "pbc"
PATCH = 96
BATCH = 16
TRAINING_PICTURES, VALIDATION_PICTURES = 4000, 300
RATE = 1e-3
SEED = 20261121


class Patches(keras.utils.PyDataset):
    """Random patches of pictures, turned and mirrored, with what bicubic enlargement misses of them."""

    def __init__(self, pictures: list[Luminance], steps: int, seed: int) -> None:
        super().__init__(workers=1)
        self._pictures, self._steps, self._seed = pictures, steps, seed

    @property
    def num_batches(self) -> int:
        """Number of batches."""
        return self._steps

    def __getitem__(self, index: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        rng = np.random.default_rng([self._seed, index])
        pairs = [_pair(self._patch(rng)) for _ in range(BATCH)]
        small, missing = zip(*pairs, strict=True)
        return np.stack(small)[..., np.newaxis], np.stack(missing)[..., np.newaxis]

    def _patch(self, rng: np.random.Generator) -> Luminance:
        picture = self._pictures[rng.integers(len(self._pictures))]
        top, left = (int(rng.integers(side - PATCH + 1)) for side in picture.shape)
        patch = np.rot90(picture[top : top + PATCH, left : left + PATCH], int(rng.integers(4)))
        return np.ascontiguousarray(patch[:, :: 1 if rng.random() < 0.5 else -1])


def train_enlarger(target: Path, settings: Settings, *, steps: int = 6000) -> dict[str, object]:
    """Train the cell enlarger and write it as ONNX, with the facts of its training beside it.

    Parameters
    ----------
    target : Path
        The ONNX file; the facts go into a JSON file of the same name.
    settings : Settings
        Where the pictures lie.
    steps : int
        Batches of 16 patches.

    Returns
    -------
    dict
        The facts: pictures and their digest, steps, seed, PSNR in dB on validation pictures beside bicubic's.

    Raises
    ------
    DatasetError, ImageError
        If the pictures are missing or broken.
    """
    keras.utils.set_random_seed(SEED)
    rng = np.random.default_rng(SEED)
    train = _drawn(read_split(settings.data_dir / SOURCE, "train"), TRAINING_PICTURES, rng)
    validation = _drawn(read_split(settings.data_dir / SOURCE, "val"), VALIDATION_PICTURES, rng)
    network = cell_enlarger.build()
    schedule = keras.optimizers.schedules.CosineDecay(RATE, steps, alpha=0.01)
    network.compile(keras.optimizers.Adam(schedule), "mean_absolute_error")
    network.fit(Patches([_luminance(image) for image in train], steps, SEED), epochs=1, shuffle=False, verbose=0)
    facts: dict[str, object] = {
        "source": SOURCE,
        "training_pictures": len(train),
        "training_sha256": digest_of(train),
        "steps": steps,
        "batch": BATCH,
        "seed": SEED,
        "parameters": network.count_params(),
        **_judged(network, validation),
    }
    network.export(target, format="onnx", verbose=False)
    facts["sha256"] = hashlib.sha256(target.read_bytes()).hexdigest()
    target.with_suffix(".json").write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
    return facts


def _drawn(images: tuple[LabelledImage, ...], count: int, rng: np.random.Generator) -> tuple[LabelledImage, ...]:
    chosen = np.sort(rng.choice(len(images), min(count, len(images)), replace=False))
    return tuple(images[index] for index in chosen)


def _luminance(image: LabelledImage) -> Luminance:
    return np.asarray(cv2.cvtColor(read_image(image.path).pixels, cv2.COLOR_RGB2YCrCb)[..., 0], dtype=np.uint8)


def _pair(large: Luminance) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the picture at half its size, and what its bicubic enlargement misses, both in units of 255 levels."""
    height, width = large.shape
    small = cv2.resize(large, (width // 2, height // 2), interpolation=cv2.INTER_AREA)
    again = cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)
    scale = np.float32(255)
    return small.astype(np.float32) / scale, (large.astype(np.float32) - again.astype(np.float32)) / scale


def _judged(network: keras.Model, images: tuple[LabelledImage, ...]) -> dict[str, float]:
    """Return the mean PSNR of luminance in dB on whole pictures, beside that of bicubic enlargement."""
    ours: list[float] = []
    bicubic: list[float] = []
    for image in images:
        large = _luminance(image)
        large = large[: large.shape[0] // 2 * 2, : large.shape[1] // 2 * 2]
        small, missing = _pair(large)
        added = np.asarray(network(small[np.newaxis, ..., np.newaxis], training=False))[0, ..., 0]
        for errors, difference in ((ours, missing - added), (bicubic, missing)):
            errors.append(float(-10 * np.log10(max(float((difference**2).mean()), 1e-12))))
    return {"validation_psnr_db": float(np.mean(ours)), "validation_psnr_bicubic_db": float(np.mean(bicubic))}
