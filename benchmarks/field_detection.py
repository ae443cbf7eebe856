"""Recall and false finds of the search for cells in whole fields, and what it costs.

``python -m benchmarks.field_detection [--split train|val] [--transforms] [--fields N] [--large]`` reads the fields of
BCCD (``WBC_DATA_DIR``). A found cell is right where it covers a labelled one of its kind with an intersection over
union of at least 0.5, each label once, clearest cells first. BCCD leaves cells without a label, red cells above all:
``false`` counts what has none, whether or not a cell is there, and recall is the fairer figure. Thresholds were chosen
on the train fields. ``--large`` times one field of 20 megapixels and prints the peak memory of the process.
"""

from __future__ import annotations

import argparse
import csv
import resource
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from wbc_core.imaging.decoding import read_image
from wbc_core.settings import settings
from wbc_core.smear.fields.finding import find_cells

KINDS = {"wbc": "WBC", "rbc": "RBC", "platelet": "Platelets"}
THREADS = 2

Pixels = NDArray[np.uint8]
Box = tuple[float, float, float, float]
Labelled = dict[str, list[Box]]
Change = Callable[[Pixels, Labelled], tuple[Pixels, Labelled]]


def labelled_fields(split: str) -> list[tuple[Path, Labelled]]:
    """Return BCCD's fields of a part with their boxes by kind, in the order of their names."""
    folder = settings().data_dir / "bccd"
    boxes: dict[str, Labelled] = defaultdict(lambda: {kind: [] for kind in KINDS})
    kind_of = {label: kind for kind, label in KINDS.items()}
    with (folder / "boxes.csv").open(newline="") as stream:
        for row in csv.DictReader(stream):
            if row["split"] == split:
                box = tuple(float(row[key]) for key in ("xmin", "ymin", "xmax", "ymax"))
                boxes[row["file"]][kind_of[row["label"]]].append((box[0], box[1], box[2], box[3]))
    return [(folder / "JPEGImages" / file, boxes[file]) for file in sorted(boxes)]


def overlap(one: Box, other: Box) -> float:
    """Return the intersection over union of two boxes."""
    wide = min(one[2], other[2]) - max(one[0], other[0])
    high = min(one[3], other[3]) - max(one[1], other[1])
    if wide <= 0 or high <= 0:
        return 0.0
    areas = sum((box[2] - box[0]) * (box[3] - box[1]) for box in (one, other))
    return wide * high / (areas - wide * high)


def compared(pixels: Pixels, labelled: Labelled) -> Counter[str]:
    """Return how many cells of each kind are labelled, found at 0.5, and found without a label."""
    found = find_cells(pixels)
    counts: Counter[str] = Counter({"refused": int(bool(found.reason))})
    for kind, boxes in labelled.items():
        used: set[int] = set()
        cells = sorted(found.of_kind(kind), key=lambda cell: -cell.score)
        for cell in cells:
            box = (cell.xmin, cell.ymin, cell.xmax, cell.ymax)
            free = [(overlap(box, label), at) for at, label in enumerate(boxes) if at not in used]
            best, at = max(free, default=(0.0, -1))
            if best >= 0.5:
                used.add(at)
        counts.update({f"{kind} labelled": len(boxes), f"{kind} found": len(used)})
        counts[f"{kind} false"] += len(cells) - len(used)
    return counts


def resized(factor: float) -> Change:
    def change(pixels: Pixels, labelled: Labelled) -> tuple[Pixels, Labelled]:
        way = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
        moved = {
            kind: [(a * factor, b * factor, c * factor, d * factor) for a, b, c, d in boxes]
            for kind, boxes in labelled.items()
        }
        return np.asarray(cv2.resize(pixels, None, fx=factor, fy=factor, interpolation=way), np.uint8), moved

    return change


def turned(pixels: Pixels, labelled: Labelled) -> tuple[Pixels, Labelled]:
    """Turn by 90 degrees to the left."""
    width = pixels.shape[1]
    moved = {kind: [(b, width - c, d, width - a) for a, b, c, d in boxes] for kind, boxes in labelled.items()}
    return np.ascontiguousarray(np.rot90(pixels)), moved


def white_balance(red: float, green: float, blue: float) -> Change:
    gains = np.array([red, green, blue], np.float32)
    return lambda pixels, labelled: (np.clip(pixels * gains + 0.5, 0, 255).astype(np.uint8), labelled)


TRANSFORMS: dict[str, Change] = {
    "scaled by 0.5": resized(0.5),
    "scaled by 2": resized(2),
    "scaled by 3": resized(3),
    "turned by 90°": turned,
    "warm: red 1.15, blue 0.8": white_balance(1.15, 1, 0.8),
    "cold: red 0.8, blue 1.15": white_balance(0.8, 1, 1.15),
    "dim: 0.7": white_balance(0.7, 0.7, 0.7),
}


def measure(name: str, fields: list[tuple[Path, Labelled]], change: Change | None) -> None:
    """Print one line of figures for the fields, changed or as they are."""
    counts: Counter[str] = Counter()
    wall, processor = [], []
    for path, boxes in fields:
        pixels, labelled = read_image(path).pixels, boxes
        if change is not None:
            pixels, labelled = change(pixels, labelled)
        start = time.perf_counter(), time.process_time()
        counts.update(compared(pixels, labelled))
        wall.append(time.perf_counter() - start[0])
        processor.append(time.process_time() - start[1])
    total = len(fields)
    parts = []
    for kind in KINDS:
        found, labels = counts[f"{kind} found"], counts[f"{kind} labelled"]
        parts.append(
            f"{kind} {found}/{labels} = {found / max(labels, 1):.1%}, false {counts[f'{kind} false'] / total:.2f}"
        )
    print(
        f"{name:26} {'; '.join(parts)}; refused {counts['refused']}; per field "
        f"{np.mean(processor):.2f} s CPU, {np.median(wall):.2f} s wall"
    )


def large(path: Path) -> None:
    """Time a field of 20 megapixels: eight by five copies of one, cut to size."""
    pixels = np.tile(read_image(path).pixels, (8, 9, 1))[:3700, :5440].copy()
    start = time.perf_counter(), time.process_time()
    found = find_cells(pixels)
    wall, processor = time.perf_counter() - start[0], time.process_time() - start[1]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{pixels.shape[0] * pixels.shape[1] / 1e6:.1f} megapixels: {len(found.of_kind('wbc'))} leukocytes, "
        f"{wall:.1f} s wall, {processor:.1f} s CPU, peak {peak:.0f} MiB"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--split", choices=("train", "val"), default="val")
    parser.add_argument("--fields", type=int, default=None, help="the first so many only")
    parser.add_argument("--transforms", action="store_true", help="scaled, turned and in other light as well")
    parser.add_argument("--large", action="store_true", help="one field of 20 megapixels instead")
    asked = parser.parse_args()
    cv2.setNumThreads(THREADS)
    fields = labelled_fields(asked.split)[: asked.fields]
    if asked.large:
        large(fields[0][0])
        return
    print(f"BCCD {asked.split}, {len(fields)} fields, {THREADS} threads")
    measure("as they are", fields, None)
    for name, change in TRANSFORMS.items() if asked.transforms else ():
        measure(name, fields, change)


if __name__ == "__main__":
    main()
