"""How many real leukocytes are taken for smudge cells or artefacts.

``python -m benchmarks.field_debris [--split train|val] [--cells N]`` searches BCCD's fields and, each as a small field,
as many pictures of single cells of each type of PBC and Raabin as asked for (``WBC_DATA_DIR``). There is no set of
labelled smudge cells: how many of them are found is not measured. Thresholds were chosen on the training parts.
"""

from __future__ import annotations

import argparse
import csv
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.field_detection import THREADS, labelled_fields, overlap
from wbc_core.imaging.decoding import read_image
from wbc_core.settings import settings
from wbc_core.smear.fields.cells import FieldCell
from wbc_core.smear.fields.finding import find_cells

DEBRIS = ("smudge_cell", "artefact")
PBC_SCALE = 34.3 / 224
"""Micrometres per pixel of PBC's pictures at 224 pixels: 360 as published, at 10.5 pixels a micrometre."""


def of_fields(split: str) -> Iterator[tuple[str, str]]:
    """Yield, for each labelled leukocyte of BCCD that something covers, a name and the kind of what covers it best."""
    for path, labelled in labelled_fields(split):
        found = [cell for cell in find_cells(read_image(path).pixels).cells if cell.kind in ("wbc", *DEBRIS)]
        for box in labelled["wbc"]:
            levels = [(overlap((cell.xmin, cell.ymin, cell.xmax, cell.ymax), box), cell.kind) for cell in found]
            level, kind = max(levels, default=(0.0, ""))
            if level >= 0.5:
                yield path.stem, kind
        for cell in found:
            if cell.kind in DEBRIS and not any(_covers(cell, box) for box in labelled["wbc"]):
                print(f"  {path.stem}: {cell.kind} at {cell.xmin:.0f}, {cell.ymin:.0f}, no labelled leukocyte")


def of_single_cells(name: str, split: str, number: int, scale: float | None) -> Iterator[tuple[str, str]]:
    """Yield the kind of what lies in the middle of pictures of single leukocytes, ``number`` of each type."""
    folder = settings().data_dir / name
    by_label: dict[str, list[Path]] = defaultdict(list)
    with (folder / "split.csv").open(newline="") as stream:
        for row in csv.DictReader(stream):
            if row["split"] == split and row["label"] != "platelet":
                by_label[row["label"]].append(folder / row["file"])
    for paths in by_label.values():
        for path in paths[:: max(1, len(paths) // number)][:number]:
            pixels = read_image(path).pixels
            middle = _in_the_middle(pixels, scale)
            if middle is not None:
                yield path.stem, middle.kind


def _in_the_middle(pixels: NDArray[np.uint8], scale: float | None) -> FieldCell | None:
    y, x = pixels.shape[0] / 2, pixels.shape[1] / 2
    cells = [cell for cell in find_cells(pixels, scale).cells if cell.kind in ("wbc", *DEBRIS)]
    return next((cell for cell in cells if cell.xmin < x < cell.xmax and cell.ymin < y < cell.ymax), None)


def _covers(cell: FieldCell, box: tuple[float, float, float, float]) -> bool:
    return overlap((cell.xmin, cell.ymin, cell.xmax, cell.ymax), box) >= 0.5


def report(name: str, found: Iterator[tuple[str, str]]) -> None:
    """Print how many leukocytes were taken for something else, and which."""
    kinds: Counter[str] = Counter()
    for stem, kind in found:
        kinds[kind] += 1
        if kind in DEBRIS:
            print(f"  {stem}: leukocyte taken for {kind}")
    total = sum(kinds.values())
    wrong = sum(kinds[kind] for kind in DEBRIS)
    print(f"{name}: {wrong} of {total} leukocytes taken for smudge cells or artefacts ({wrong / max(total, 1):.1%})")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--split", choices=("train", "val"), default="train")
    parser.add_argument("--cells", type=int, default=70, help="of each type of PBC and Raabin")
    asked = parser.parse_args()
    cv2.setNumThreads(THREADS)
    report(f"BCCD {asked.split}", of_fields(asked.split))
    report(f"PBC {asked.split}", of_single_cells("pbc", asked.split, asked.cells, PBC_SCALE))
    report(f"Raabin {asked.split}", of_single_cells("raabin", asked.split, asked.cells, None))


if __name__ == "__main__":
    main()
