"""What enlarging does to a small picture, and to the answer of the model: super resolution against interpolation.

Pictures of pbc's test part are reduced to a half and a quarter and enlarged again by each method; PSNR and SSIM compare
with the picture before it was reduced. The default model classifies what comes out. Kaggle's test pictures, small as
they are published, are enlarged to twice their size and classified; nothing is known of how they looked in full.
Adaptive sharpening is treated alike. No figure chooses anything: the table is the result.

``python -m benchmarks.studies.super_resolution [--pictures 600] [--write]``; ``--write`` puts
``docs/studies/super_resolution.csv`` and the page beside it, which the app shows.
"""

from __future__ import annotations

import argparse
import csv
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from skimage.metrics import peak_signal_noise_ratio, structural_similarity
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests

from benchmarks.studies.sampling import drawn
from wbc_core.datasets.sources import LabelledImage, read_split
from wbc_core.evaluation.metrics import proportion
from wbc_core.imaging.decoding import read_image
from wbc_core.imaging.enlargement import METHODS, REFERENCE, Picture, reduced
from wbc_core.inference.classifier import Classifier
from wbc_core.inference.measurements import Estimate
from wbc_core.services.models import model_folder
from wbc_core.settings import ROOT, settings

PICTURES = 600
STUDIES = ROOT / "docs" / "studies"
NAME = "super_resolution"
COLUMNS = ("pictures", "factor", "method", "n", "psnr_db", "ssim", "ms")
COLUMNS += ("accuracy", "accuracy_low", "accuracy_high", "p_against_bicubic")


@dataclass(frozen=True)
class Row:
    """One method on one set of pictures; ``psnr_db`` and ``ssim`` are None where the full picture is not known."""

    pictures: str
    factor: int
    method: str
    n: int
    psnr_db: float | None
    ssim: float | None
    ms: float
    accuracy: Estimate
    p_value: float | None
    """Of the exact McNemar test against bicubic interpolation, after Holm; None for bicubic itself."""


@dataclass
class Tally:
    """What one method has given so far."""

    right: list[bool]
    psnr: list[float]
    ssim: list[float]
    ms: list[float]


def answers_rightly(classifier: Classifier, pictures: Sequence[Picture], label: str) -> list[bool]:
    """Classify pictures of one cell as they are; a set of four types is not restricted to them."""
    crops = np.stack([classifier.card.preprocessing.apply(picture) for picture in pictures])
    return [classifier.card.labels[at] == label for at in classifier.logits(crops).argmax(axis=1)]


def study(images: Sequence[LabelledImage], factor: int, *, degraded: bool, classifier: Classifier) -> dict[str, Tally]:
    """Enlarge every picture by every method; the classifier answers for all of a picture's versions at once."""
    methods = METHODS[factor]
    tallies = {name: Tally([], [], [], []) for name in methods}
    for image in images:
        picture = read_image(image.path).pixels
        full, small = reduced(picture, factor) if degraded else (picture, picture)
        versions = []
        for name, method in methods.items():
            start = time.perf_counter()
            versions.append(method(small))
            tallies[name].ms.append(1e3 * (time.perf_counter() - start))
            if degraded:
                tallies[name].psnr.append(float(peak_signal_noise_ratio(full, versions[-1])))
                tallies[name].ssim.append(float(structural_similarity(full, versions[-1], channel_axis=2)))
        for name, right in zip(methods, answers_rightly(classifier, versions, image.label), strict=True):
            tallies[name].right.append(right)
    return tallies


def rows_of(tallies: dict[str, Tally], pictures: str, factor: int) -> list[Row]:
    """Sum up, with exact McNemar tests against bicubic interpolation, corrected after Holm."""
    reference = np.array(tallies[REFERENCE].right)
    others = [name for name in tallies if name != REFERENCE]
    raw = []
    for name in others:
        mine = np.array(tallies[name].right)
        table = [[0, int((reference & ~mine).sum())], [int((~reference & mine).sum()), 0]]
        raw.append(float(mcnemar(table, exact=True).pvalue))
    corrected = dict(zip(others, multipletests(raw, method="holm")[1], strict=True))
    rows = []
    for name, tally in tallies.items():
        accuracy = proportion(sum(tally.right), len(tally.right))
        assert accuracy is not None
        rows.append(
            Row(
                pictures,
                factor,
                name,
                len(tally.right),
                float(np.mean(tally.psnr)) if tally.psnr else None,
                float(np.mean(tally.ssim)) if tally.ssim else None,
                float(np.median(tally.ms)),
                accuracy,
                float(corrected[name]) if name in corrected else None,
            )
        )
    return rows


def markdown_table(rows: Sequence[Row]) -> str:
    """Return the rows as a table."""
    lines = [
        "| pictures | factor | method | PSNR, dB | SSIM | ms each | accuracy, % (95 % interval) | p against bicubic |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        quality = ("–", "–") if row.psnr_db is None else (f"{row.psnr_db:.2f}", f"{row.ssim:.3f}")
        share = row.accuracy
        lines.append(
            f"| {row.pictures} | ×{row.factor} | {row.method} | {quality[0]} | {quality[1]} | {row.ms:.1f} "
            f"| {100 * share.value:.1f} ({100 * share.low:.1f} to {100 * share.high:.1f}) "
            f"| {'–' if row.p_value is None else f'{row.p_value:.2g}'} |"
        )
    return "\n".join(lines)


def write_csv(rows: Sequence[Row], path: Path) -> None:
    """Write the rows as a CSV file, accuracy from 0 to 1, nothing rounded: whoever shows a figure rounds it."""
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(COLUMNS)
        for row in rows:
            share = row.accuracy
            figures = (row.psnr_db, row.ssim, row.ms, share.value, share.low, share.high, row.p_value)
            writer.writerow([row.pictures, row.factor, row.method, row.n, *map(_cell, figures)])


def _cell(value: float | None) -> str:
    return "" if value is None else f"{value:.10g}"


def page(rows: Sequence[Row], model: str) -> str:
    """Return the study's page."""
    return f"""# What super resolution does to small pictures

Written by `python -m benchmarks.studies.super_resolution --write`; the figures are those of
[{NAME}.csv]({NAME}.csv).

Pictures of pbc's test part (224 px) were reduced to a half or a quarter by area averaging and enlarged again by each
method. PSNR and SSIM compare with the picture before it was reduced. Kaggle's test pictures (160 × 120 px) were
enlarged to twice their size as they are. `{model}` then classified every version among all its types, without
abstaining. Intervals are Wilson's; p is that of an exact McNemar test against bicubic interpolation on the same
pictures, corrected after Holm within each block.

{markdown_table(rows)}

A network that enlarges draws what such pictures usually look like. It cannot bring back what the small picture does
not hold: a granule that it draws was not seen. A higher PSNR means nearer to the full picture on average, not truer in
any one cell.
"""


def main() -> None:
    """Print the table; with ``--write`` put it into the studies."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pictures", type=int, default=PICTURES, help="pictures of each set")
    parser.add_argument("--write", action="store_true", help="write the study's files")
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    classifier = Classifier(model_folder(None), settings().inference_threads)
    rows: list[Row] = []
    for source, factor, degraded in (("pbc", 2, True), ("pbc", 4, True), ("kaggle", 2, False)):
        images = drawn(read_split(settings().data_dir / source, "test"), arguments.pictures)
        words = f"{source} test, reduced" if degraded else f"{source} test, as published"
        print(f"{words}, ×{factor} …", file=sys.stderr, flush=True)
        rows += rows_of(study(images, factor, degraded=degraded, classifier=classifier), words, factor)
    print(markdown_table(rows))
    if arguments.write:
        STUDIES.mkdir(parents=True, exist_ok=True)
        write_csv(rows, STUDIES / f"{NAME}.csv")
        (STUDIES / f"{NAME}.md").write_text(page(rows, classifier.card.id), encoding="utf-8")


if __name__ == "__main__":
    main()
