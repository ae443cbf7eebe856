"""Print the contrast of located regions: of cells in three laboratories, and of red cells alone (BCCD cuttings)."""

from __future__ import annotations

import csv
import random

import numpy as np

from wbc_core.datasets.sources import read_split
from wbc_core.imaging.decoding import read_image
from wbc_core.imaging.localisation import CONVINCING_CONTRAST, locate_cell
from wbc_core.settings import settings

PERCENTILES = (1, 5, 50, 95, 99)


def red_cells_alone() -> list[float]:
    """Cut squares without leukocyte or platelet from the fields, one a field, and return their contrasts."""
    folder = settings().data_dir / "bccd"
    boxes: dict[str, list[tuple[int, ...]]] = {}
    with (folder / "boxes.csv").open(newline="") as stream:
        for row in csv.DictReader(stream):
            box = tuple(int(row[key]) for key in ("xmin", "ymin", "xmax", "ymax"))
            boxes.setdefault(row["file"], []).extend([box] if row["label"] != "RBC" else [])
    rng = random.Random(0)
    contrasts = []
    for file, stained in boxes.items():
        pixels = read_image(folder / "JPEGImages" / file).pixels
        for _ in range(12):
            side = rng.choice([160, 200, 240])
            x, y = rng.randrange(pixels.shape[1] - side), rng.randrange(pixels.shape[0] - side)
            if all(a > x + side or c < x or b > y + side or d < y for a, b, c, d in stained):
                contrasts.append(locate_cell(pixels[y : y + side, x : x + side].copy()).strength)
                break
    return contrasts


def main() -> None:
    """Print percentiles of each group."""
    print(f"contrast, percentiles {PERCENTILES}; convincing from {CONVINCING_CONTRAST:g}")
    for source in ("pbc", "raabin", "kaggle"):
        images = random.Random(0).sample(read_split(settings().data_dir / source, "train"), 200)
        values = [locate_cell(read_image(image.path).pixels).strength for image in images]
        print(f"{source:12}", np.percentile(values, PERCENTILES).round())
    values = red_cells_alone()
    print(f"{'red cells':12}", np.percentile(values, PERCENTILES).round(), f"of {len(values)} cuttings")


if __name__ == "__main__":
    main()
