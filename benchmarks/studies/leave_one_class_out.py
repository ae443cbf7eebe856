"""Does a model notice a cell type it has never seen? Each type of pbc is left out once, of everything that is trained.

For each type a small network is trained on the seven others, from ImageNet weights and for a few minutes; then every
novelty score is fitted to its training pictures, and asked to tell pictures of the type left out from the others. The
score is chosen by its mean on validation pictures; ``--write`` reads the test part too, once, and writes
``docs/studies/leave_one_class_out.csv`` and the page beside it. Trainings that are done are not done again.

``python -m benchmarks.studies.leave_one_class_out [--only basophil] [--write]``
"""

from __future__ import annotations

import argparse
import csv
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.studies.own_trainings import trained
from benchmarks.studies.sampling import cells
from wbc_core.biology.cell_types import CELL_TYPES
from wbc_core.datasets.cache import cached_crops
from wbc_core.datasets.sources import LabelledImage, read_split
from wbc_core.evaluation.novelty_fitting import fit_novelty, separation
from wbc_core.inference.classifier import Classifier
from wbc_core.inference.measurements import Estimate
from wbc_core.inference.novelty import METHODS
from wbc_core.settings import ROOT, settings

RECIPE = """id: without-{slug}
title: All but {label}
note: One of eight trainings of the leave-one-class-out study.
seed: 20261121
labels: [{labels}]
data: [{{name: pbc, labels: [{labels}]}}]
preprocessing: {{size: 96}}
augmentation_strength: 0.5
network: {{architecture: efficientnet_lite0, initial_weights: imagenet, dropout: 0.2}}
optimisation:
  optimiser: adamw
  batch_size: 32
  steps_per_epoch: 100
  epochs: 4
  learning_rate: 5.0e-4
  warmup_steps: 40
  weight_decay: 0.02
  average_decay: 0.98
"""
FITTED_ON = 400
"""Training pictures of each known type that a score is fitted to."""
STUDIES = ROOT / "docs" / "studies"
NAME = "leave_one_class_out"


@dataclass(frozen=True)
class Row:
    """How well one score notices one type that was left out; ``test`` is None as long as the test part was not read."""

    label: str
    method: str
    accuracy: float
    validation: Estimate
    test: Estimate | None
    score_ms: float


def without(label: str) -> Classifier:
    """Return a model trained on all types but one."""
    slug = label.replace("_", "-")
    others = ", ".join(other for other in CELL_TYPES if other != label)
    recipe = RECIPE.format(slug=slug, label=label.replace("_", " "), labels=others)
    return Classifier(trained(f"without-{slug}", recipe), settings().inference_threads)


def drawn_by_type(images: Sequence[LabelledImage], count: int, seed: int = 0) -> tuple[LabelledImage, ...]:
    """Draw up to so many pictures of every type."""
    rng = np.random.default_rng(seed)
    chosen: list[int] = []
    for label in sorted({image.label for image in images}):
        members = np.array([index for index, image in enumerate(images) if image.label == label])
        chosen += rng.permutation(members)[:count].tolist()
    return tuple(images[index] for index in sorted(chosen))


def answers(classifier: Classifier, images: Sequence[LabelledImage]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return embeddings (pictures, features) and logits (pictures, labels)."""
    crops = cached_crops(images, classifier.card.preprocessing, settings().cache_dir)
    parts = [
        classifier.session.run(["embedding", "logits"], {classifier.input_name: crops[at : at + 64].astype(np.float32)})
        for at in range(0, len(crops), 64)
    ]
    return tuple(np.concatenate(column) for column in zip(*parts, strict=True))  # type: ignore[return-value]


def study(label: str, test_too: bool) -> list[Row]:
    """Train without one type, and ask every score to notice it."""
    classifier = without(label)
    home = settings().data_dir / "pbc"
    fitted_on = drawn_by_type([image for image in read_split(home, "train") if image.label != label], FITTED_ON)
    embeddings, logits = answers(classifier, fitted_on)
    truth = np.array([classifier.card.labels.index(image.label) for image in fitted_on])
    parts = {name: read_split(home, name) for name in (("val", "test") if test_too else ("val",))}
    given = {name: answers(classifier, images) for name, images in parts.items()}
    known = {name: np.array([image.label != label for image in images]) for name, images in parts.items()}
    named = given["val"][1].argmax(axis=1)[known["val"]]
    labels = [classifier.card.labels.index(image.label) for image in parts["val"] if image.label != label]
    rows = []
    for method in METHODS:
        score = fit_novelty(method, embeddings, logits, truth)
        areas: dict[str, Estimate] = {}
        start = time.perf_counter()
        for name, (features, values) in given.items():
            strange = score(features, values)
            areas[name] = separation(strange[known[name]], strange[~known[name]])
        spent = 1e3 * (time.perf_counter() - start) / sum(len(images) for images in parts.values())
        accuracy = float(np.mean(named == labels))
        rows.append(Row(label, method, accuracy, areas["val"], areas.get("test"), spent))
    return rows


def mean(rows: Sequence[Row], method: str, part: str) -> float:
    """Return the mean area over the types left out."""
    areas = [getattr(row, part) for row in rows if row.method == method]
    return float(np.mean([area.value for area in areas])) if None not in areas else float("nan")


def shown(area: Estimate | None) -> str:
    """Return an area with its interval."""
    return "not read" if area is None else f"{area.value:.3f} ({area.low:.3f} to {area.high:.3f})"


def methods_table(rows: Sequence[Row]) -> str:
    """Return one line for each score, means over the types left out."""
    lines = ["| score | mean AUROC, validation | mean AUROC, test | ms a picture |", "|---|---|---|---|"]
    for method in METHODS:
        spent = np.mean([row.score_ms for row in rows if row.method == method])
        test = mean(rows, method, "test")
        lines.append(
            f"| {method.replace('_', ' ')} | {mean(rows, method, 'validation'):.3f} "
            f"| {'not read' if np.isnan(test) else f'{test:.3f}'} | {spent:.3f} |"
        )
    return "\n".join(lines)


def labels_table(rows: Sequence[Row], method: str) -> str:
    """Return one line for each type left out, with the chosen score."""
    lines = [
        "| type left out | AUROC, validation (95 % interval) | AUROC, test | accuracy on the other seven, validation |",
        "|---|---|---|---|",
    ]
    lines += [
        f"| {row.label.replace('_', ' ')} | {shown(row.validation)} | {shown(row.test)} | {100 * row.accuracy:.1f} % |"
        for row in rows
        if row.method == method
    ]
    return "\n".join(lines)


def page(rows: Sequence[Row], chosen: str) -> str:
    """Return the study's page."""
    worst = min((row for row in rows if row.method == chosen), key=lambda row: row.test.value if row.test else 1)
    return f"""# Does a model notice a type it has never seen?

Written by `python -m benchmarks.studies.leave_one_class_out --write`; the figures are those of
[{NAME}.csv]({NAME}.csv).

Each of the eight types of pbc was left out once, of training, validation and the choice of weights, while a small
network (EfficientNet-Lite0 from ImageNet weights, 96 px, 400 steps of 32 pictures) learned the other seven. Then each
score was fitted to its training pictures and asked to tell pictures of the type left out from pictures of the seven.
AUROC is the chance that a strange picture scores higher than a known one; intervals by Hanley and McNeil. One seed.

{methods_table(rows)}

Chosen by its mean on validation pictures: **{chosen.replace("_", " ")}**. The test part was read once.

{labels_table(rows, chosen)}

The mean on test pictures is {mean(rows, chosen, "test"):.3f}; {worst.label.replace("_", " ")} is the hardest to notice.

A first attempt compared the scores but the last, all from the literature: the best mean on validation was 0.846
(uncertainty alone), short of the 0.90 aimed at. The second, *discriminant*, was put together on the same validation
pictures: distance in the directions in which the classes differ, uncertainty, and what the principal directions leave
out. The goal of 0.98 is far: a type left out mostly looks like one that was learned.

What this does not show: pathological cells that look like known types, and cells of other laboratories.
"""


def write_csv(rows: Sequence[Row], path: Path) -> None:
    """Write every area with its interval."""
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        figures = [f"{part}_auroc{suffix}" for part in ("val", "test") for suffix in ("", "_low", "_high")]
        writer.writerow(["left_out", "score", "val_accuracy_of_the_others", *figures])
        for row in rows:
            values = [*cells(row.validation), *cells(row.test)]
            writer.writerow([row.label, row.method, f"{row.accuracy:.4f}", *values])


def main() -> None:
    """Print the tables; with ``--write`` put them into the studies."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", choices=CELL_TYPES, help="leave out this type alone")
    parser.add_argument("--write", action="store_true", help="read the test part too, and write the study's files")
    arguments = parser.parse_args()
    if arguments.only and arguments.write:
        parser.error("--write needs all eight types")
    rows = [
        row for label in ([arguments.only] if arguments.only else CELL_TYPES) for row in study(label, arguments.write)
    ]
    chosen = max(METHODS, key=lambda method: mean(rows, method, "validation"))
    print(f"{methods_table(rows)}\n\n{labels_table(rows, chosen)}")
    if arguments.write:
        STUDIES.mkdir(parents=True, exist_ok=True)
        write_csv(rows, STUDIES / f"{NAME}.csv")
        (STUDIES / f"{NAME}.md").write_text(page(rows, chosen), encoding="utf-8")


if __name__ == "__main__":
    main()
