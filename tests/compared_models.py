"""Installed models that bring made predictions, and drawn pictures to go with them."""

from __future__ import annotations

import csv
import os
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from tests.tiny_models import install_tiny_model
from wbc_core.datasets.synthetic import render_cell
from wbc_core.inference.cards import describe_file, load_card, save_card
from wbc_core.inference.measurements import Speed

SET = "drawn"
DRAWINGS = 4
"""Different pictures of each class; all others are links to them."""


def install_predicting_model(
    models_dir: Path,
    model_id: str,
    title: str,
    labels: Sequence[str],
    *,
    pictures: int,
    noise: float,
    seed: int = 0,
    source: str = SET,
    images_per_second: float | None = None,
) -> None:
    """Install a tiny model with test predictions: sure and right without noise, worse the more there is.

    Parameters
    ----------
    models_dir : Path
        Folder of the models.
    model_id, title, labels
        For the card.
    pictures : int
        Rows, the classes in turns; models with the same labels have the same pictures.
    noise : float
        Standard deviation of what is added to the logits; the true label has 4, the others have 0.
    seed : int
        Of the noise.
    source : str
        Name of the set.
    images_per_second : float, optional
        Measured speed that the card states.
    """
    folder = install_tiny_model(models_dir, model_id, title, labels)
    (folder / "test_predictions.csv").write_bytes(predictions(labels, pictures, noise, seed=seed, source=source))
    card = load_card(folder)
    speed = None
    if images_per_second is not None:
        speed = Speed(host="a host", threads=1, images=10, images_per_second=images_per_second, single_image_ms=9.0)
    files = card.files | {"test_predictions.csv": describe_file(folder / "test_predictions.csv")}
    save_card(card.model_copy(update={"files": files, "speed": speed}), folder)


def predictions(labels: Sequence[str], pictures: int, noise: float, *, seed: int = 0, source: str = SET) -> bytes:
    """Return a table of predictions as a file; see :func:`install_predicting_model`."""
    truth = np.arange(pictures) % len(labels)
    logits = 4.0 * np.eye(len(labels))[truth] + np.random.default_rng(seed).normal(0, noise, (pictures, len(labels)))
    values = np.exp(logits)
    values /= values.sum(axis=1, keepdims=True)
    lines = [",".join(["source", "file", "truth", "label", "confidence", *(f"p_{label}" for label in labels)])]
    for number, (true, row) in enumerate(zip(truth, values, strict=True)):
        top = int(row.argmax())
        cells = [source, file_name(labels[true], number), labels[true], labels[top], f"{row[top]:.6f}"]
        lines.append(",".join([*cells, *(f"{value:.6f}" for value in row)]))
    return ("\n".join(lines) + "\n").encode()


def file_name(label: str, number: int) -> str:
    """Return the file of a picture of the made set."""
    return f"{label}/{number:04d}.png"


def draw_pictures(data_dir: Path, labels: Sequence[str], pictures: int, source: str = SET) -> None:
    """Put the pictures of the made set into the data folder, and its table of labels."""
    folder = data_dir / source
    drawn: dict[tuple[str, int], Path] = {}
    rows = []
    for number in range(pictures):
        label = labels[number % len(labels)]
        path = folder / file_name(label, number)
        path.parent.mkdir(parents=True, exist_ok=True)
        kind = (label, number // len(labels) % DRAWINGS)
        if kind in drawn:
            os.link(drawn[kind], path)
        else:
            cv2.imwrite(str(path), render_cell(label, seed=kind[1], size=128)[..., ::-1])
            drawn[kind] = path
        rows.append((file_name(label, number), label, "test"))
    with (folder / "split.csv").open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream).writerows([("file", "label", "split"), *rows])
