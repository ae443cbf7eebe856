"""How many real leukocytes are taken for smudge cells or artefacts.

``python -m benchmarks.field_debris [--split train|val] [--cells N]`` searches BCCD's fields, and fields made of nine
pictures of single cells of PBC or Raabin, from as many of each type as asked for (``WBC_DATA_DIR``). There is no set of
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

from benchmarks.field_detection import THREADS, labelled_fields, overlap
from wbc_core.imaging.decoding import read_image
from wbc_core.settings import settings
from wbc_core.smear.fields.cells import FieldCell
from wbc_core.smear.fields.finding import find_cells

DEBRIS = ("smudge_cell", "artefact")
ACROSS = 3
"""Pictures of single cells in a row and a column of a field."""


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


def of_single_cells(name: str, split: str, number: int) -> Iterator[tuple[str, str]]:
    """Yield the kind of each leukocyte of a set of single cells, nine pictures laid side by side making a field."""
    folder = settings().data_dir / name
    by_label: dict[str, list[Path]] = defaultdict(list)
    with (folder / "split.csv").open(newline="") as stream:
        for row in csv.DictReader(stream):
            if row["split"] == split and row["label"] != "platelet":
                by_label[row["label"]].append(folder / row["file"])
    for paths in by_label.values():
        chosen = paths[:: max(1, len(paths) // number)][:number]
        for start in range(0, len(chosen) - ACROSS**2 + 1, ACROSS**2):
            nine = chosen[start : start + ACROSS**2]
            pictures = [read_image(path).pixels for path in nine]
            side = min(min(pixels.shape[:2]) for pixels in pictures)
            rows = [
                np.concatenate([pixels[:side, :side] for pixels in pictures[at : at + ACROSS]], axis=1)
                for at in range(0, ACROSS**2, ACROSS)
            ]
            found = find_cells(np.concatenate(rows)).cells
            for at, path in enumerate(nine):
                middle = ((at % ACROSS + 0.5) * side, (at // ACROSS + 0.5) * side)
                kind = next((cell.kind for cell in found if _is_at(cell, *middle)), None)
                if kind is not None:
                    yield path.stem, kind


def _is_at(cell: FieldCell, x: float, y: float) -> bool:
    return cell.kind in ("wbc", *DEBRIS) and cell.xmin < x < cell.xmax and cell.ymin < y < cell.ymax


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
    report(f"PBC {asked.split}", of_single_cells("pbc", asked.split, asked.cells))
    report(f"Raabin {asked.split}", of_single_cells("raabin", asked.split, asked.cells))


if __name__ == "__main__":
    main()
