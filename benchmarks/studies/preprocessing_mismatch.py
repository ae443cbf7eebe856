"""What the wrong input preprocessing costs a frozen ImageNet network: a linear head on MobileNetV2, fed five ways.

MobileNetV2 was trained on RGB in -1 to 1. A linear head is fitted on the features of 4,000 training pictures of pbc
that were prepared in this way or in one of four wrong ones, and judged on pictures prepared in the same or in another.
Only the strength of the head's ridge penalty is chosen, on validation pictures.

``python -m benchmarks.studies.preprocessing_mismatch`` prints validation figures; ``--write`` reads the test part too,
and writes ``docs/studies/preprocessing_mismatch.csv`` and the page beside it.
"""

from __future__ import annotations

import argparse
import csv
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import log_softmax

from benchmarks.studies.sampling import cells, drawn
from wbc_core.biology.cell_types import CELL_TYPES
from wbc_core.datasets.cache import cached_crops
from wbc_core.datasets.sources import read_split
from wbc_core.evaluation.metrics import proportion
from wbc_core.imaging.preprocessing import Preprocessing
from wbc_core.inference.measurements import Estimate
from wbc_core.settings import ROOT, settings

Pictures = NDArray[np.float32]
Features = NDArray[np.float32]
Labels = NDArray[np.int64]

SEED = 0
TRAINING_PICTURES = 4000
SIZE = 96
PENALTIES = (1e-1, 1e-2, 1e-3, 1e-4)
STUDIES = ROOT / "docs" / "studies"
NAME = "preprocessing_mismatch"

RIGHT = "RGB, -1 to 1 (right)"
CAFFE_MEAN = np.array([103.939, 116.779, 123.68], np.float32)
FEEDS: dict[str, Callable[[Pictures], Pictures]] = {
    RIGHT: lambda rgb: rgb / 127.5 - 1,
    "RGB, 0 to 1": lambda rgb: rgb / 255,
    "RGB, 0 to 255": lambda rgb: rgb,
    "BGR, -1 to 1": lambda rgb: rgb[..., ::-1] / 127.5 - 1,
    "BGR less the ImageNet mean (caffe)": lambda rgb: rgb[..., ::-1] - CAFFE_MEAN,
}
"""Ways to prepare pictures, RGB in 0 to 255; the four wrong ones are the right ones of other networks, or of none."""


@dataclass(frozen=True)
class Part:
    """One part of the split: crops uint8 (pictures, size, size, 3) and indices of labels (pictures,)."""

    crops: NDArray[np.uint8]
    truth: Labels


@dataclass(frozen=True)
class Head:
    """A linear head: weights (features, classes), bias (classes,), and the ridge penalty it was fitted with."""

    weights: NDArray[np.float32]
    bias: NDArray[np.float32]
    penalty: float


@dataclass(frozen=True)
class Row:
    """One line of the table; ``test`` is None as long as the test part was not read."""

    trained_on: str
    evaluated_on: str
    penalty: float
    validation: Estimate
    test: Estimate | None


def read_part(name: str, pictures: int | None = None) -> Part:
    """Read one part of pbc, or some of its pictures."""
    images = read_split(settings().data_dir / "pbc", name)
    if pictures is not None:
        images = drawn(images, pictures, SEED)
    crops = cached_crops(images, Preprocessing(size=SIZE, crop="centre"), settings().cache_dir)
    return Part(crops, np.array([CELL_TYPES.index(image.label) for image in images]))


def backbone() -> Callable[[Pictures], Features]:
    """Return the frozen network from what it is fed to its 1280 pooled features."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import keras

    from wbc_core.zoo.imagenet import load_imagenet
    from wbc_core.zoo.registry import build

    network = build("mobilenetv2", SIZE, len(CELL_TYPES))
    load_imagenet(network, "mobilenetv2", settings().weights_dir)
    model = keras.Model(network.input, network.output["embedding"])
    # The zoo's network brings 0 to 255 to -1 to 1 itself: that step is undone, so that it sees what it is fed.
    return lambda fed: model.predict((fed + 1) * 127.5, batch_size=128, verbose=0)


def features(network: Callable[[Pictures], Features], feed: Callable[[Pictures], Pictures], part: Part) -> Features:
    """Return the features of a part, prepared in one way, a few hundred pictures at a time."""
    steps = range(0, len(part.crops), 512)
    return np.concatenate([network(feed(part.crops[start : start + 512].astype(np.float32))) for start in steps])


def fit_heads(table: Features, truth: Labels, classes: int, penalties: Sequence[float]) -> list[Head]:
    """Fit softmax regressions by L-BFGS, one for each strength of a ridge penalty.

    Parameters
    ----------
    table : ndarray of float32, shape (pictures, features)
        Features, as the network gives them.
    truth : ndarray of int64, shape (pictures,)
        Indices of labels.
    classes : int
        Number of labels.
    penalties : sequence of float
        Half of one times the sum of squared weights is added to the mean cross-entropy.

    Returns
    -------
    list of Head
        In the order of ``penalties``; each fit starts from the one before it.
    """
    centre = table.mean(axis=0)
    inputs = np.hstack([table - centre, np.ones((len(table), 1), np.float32)])
    targets = np.eye(classes, dtype=np.float32)[truth]
    heads = []
    weights = np.zeros((inputs.shape[1], classes), np.float32)
    for penalty in penalties:

        def loss(flat: NDArray[np.float64], penalty: float = penalty) -> tuple[float, NDArray[np.float64]]:
            current = flat.reshape(-1, classes).astype(np.float32)
            scores = log_softmax(inputs @ current, axis=1)
            shrunk = current.copy()
            shrunk[-1] = 0
            gradient = inputs.T @ (np.exp(scores) - targets) / len(inputs) + penalty * shrunk
            value = -(targets * scores).sum(dtype=np.float64) / len(inputs)
            value += penalty / 2 * (shrunk**2).sum(dtype=np.float64)
            return float(value), gradient.astype(np.float64).ravel()

        options = {"maxiter": 300, "ftol": 1e-7}
        found = minimize(loss, weights.astype(np.float64).ravel(), jac=True, method="L-BFGS-B", options=options)
        weights = np.asarray(found.x).reshape(-1, classes).astype(np.float32)
        heads.append(Head(weights[:-1], weights[-1] - centre @ weights[:-1], penalty))
    return heads


def accuracy(head: Head, table: Features, truth: Labels) -> Estimate:
    """Return the share of pictures named rightly, with its exact 95 % interval."""
    right = int(((table @ head.weights + head.bias).argmax(axis=1) == truth).sum())
    measured = proportion(right, len(truth))
    assert measured is not None
    return measured


def study(pictures: int, test_too: bool) -> list[Row]:
    """Fit a head for every way; judge the right one on every way and each wrong one on its own."""
    network = backbone()
    train, validation = read_part("train", pictures), read_part("val")
    test = read_part("test") if test_too else None
    tables, heads = {}, {}
    for name, feed in FEEDS.items():
        print(f"features of {name} …", file=sys.stderr)
        fitted_on = features(network, feed, train)
        tables[name] = (
            features(network, feed, validation),
            None if test is None else features(network, feed, test),
        )
        candidates = fit_heads(fitted_on, train.truth, len(CELL_TYPES), PENALTIES)
        heads[name] = max(candidates, key=lambda head: accuracy(head, tables[name][0], validation.truth).value)
    pairs = [(RIGHT, name) for name in FEEDS] + [(name, name) for name in FEEDS if name != RIGHT]
    rows = []
    for trained_on, evaluated_on in pairs:
        head = heads[trained_on]
        on_validation, on_test = tables[evaluated_on]
        rows.append(
            Row(
                trained_on,
                evaluated_on,
                head.penalty,
                accuracy(head, on_validation, validation.truth),
                None if test is None or on_test is None else accuracy(head, on_test, test.truth),
            )
        )
    return rows


def shown(estimate: Estimate | None) -> str:
    """Return a share in percent with its interval."""
    if estimate is None:
        return "not read"
    return f"{100 * estimate.value:.1f} ({100 * estimate.low:.1f} to {100 * estimate.high:.1f})"


def markdown_table(rows: Sequence[Row]) -> str:
    """Return the rows as a table."""
    lines = [
        "| head trained on | judged on | penalty | validation accuracy, % (95 % interval) | test accuracy, % |",
        "|---|---|---|---|---|",
    ]
    lines += [
        f"| {row.trained_on} | {row.evaluated_on} | {row.penalty:g} | {shown(row.validation)} | {shown(row.test)} |"
        for row in rows
    ]
    return "\n".join(lines)


def write_csv(rows: Sequence[Row], path: Path) -> None:
    """Write the rows as a CSV file, shares from 0 to 1."""
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        figures = [f"{part}{suffix}" for part in ("val_accuracy", "test_accuracy") for suffix in ("", "_low", "_high")]
        writer.writerow(["trained_on", "evaluated_on", "penalty", *figures])
        for row in rows:
            values = [*cells(row.validation), *cells(row.test)]
            writer.writerow([row.trained_on, row.evaluated_on, f"{row.penalty:g}", *values])


def page(rows: Sequence[Row], pictures: int) -> str:
    """Return the study's page: what was done, the table, and no more than the table shows."""
    tested = {(row.trained_on, row.evaluated_on): row.test for row in rows}
    right = tested[RIGHT, RIGHT]
    crossed = [test for (trained, judged), test in tested.items() if trained != judged]
    matched = [test for (trained, judged), test in tested.items() if trained == judged != RIGHT]
    assert right is not None

    def spread(estimates: Sequence[Estimate | None]) -> str:
        values = sorted(100 * estimate.value for estimate in estimates if estimate is not None)
        return f"{values[0]:.1f} to {values[-1]:.1f} %"

    penalties = ", ".join(f"{each:g}" for each in PENALTIES)
    return f"""# What the wrong input preprocessing costs

Written by `python -m benchmarks.studies.preprocessing_mismatch --write`; the figures are those of
[preprocessing_mismatch.csv]({NAME}.csv).

A published study of the pbc pictures reports about 66 % for a ResNet50, frozen and then fine-tuned in its last
layers, beside 98 % for a small network trained from random weights. A mismatch between the preprocessing that the
frozen network was trained with and the one it was fed could explain that. This page shows what such a mismatch does
to another frozen network. It does not show what happened in that study: network, head and fine-tuning differ.

**Done.** MobileNetV2 with ImageNet weights, frozen, {SIZE} px, whole pictures; a linear head on its pooled features,
fitted on {pictures:,} pictures drawn from pbc's training part (seed {SEED}). The head's ridge penalty is chosen on the
validation part, among {penalties}; the test part was read once. No augmentation, no fine-tuning, one seed.

{markdown_table(rows)}

**Seen.** With the right preprocessing in training and use, the head names {100 * right.value:.1f} % of the test
pictures. The same head fed wrongly prepared pictures names {spread(crossed)}, depending on the mistake. A head that was
trained on the same wrong preparation as it is used with names {spread(matched)}.
"""


def main() -> None:
    """Print the table; with ``--write`` put it into the studies."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pictures", type=int, default=TRAINING_PICTURES, help="training pictures")
    parser.add_argument("--write", action="store_true", help="read the test part too, and write the study's files")
    arguments = parser.parse_args()
    rows = study(arguments.pictures, arguments.write)
    print(markdown_table(rows))
    if arguments.write:
        STUDIES.mkdir(parents=True, exist_ok=True)
        write_csv(rows, STUDIES / f"{NAME}.csv")
        (STUDIES / f"{NAME}.md").write_text(page(rows, arguments.pictures), encoding="utf-8")


if __name__ == "__main__":
    main()
