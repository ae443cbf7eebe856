"""Print the colour statistics of training pictures that colour normalisation aims at."""

from __future__ import annotations

import csv
import random

import numpy as np

from wbc_core.datasets.sources import read_split
from wbc_core.imaging.colour_normalisation import lab_statistics
from wbc_core.imaging.decoding import read_image
from wbc_core.imaging.foreground import lit_pixels
from wbc_core.imaging.preprocessing import Preprocessing
from wbc_core.settings import settings

PER_CLASS = 100
PER_SUBJECT = 20


def main() -> None:
    """Print mean and standard deviation of L*, a* and b*: medians over pictures, classes or subjects counting alike."""
    definition = Preprocessing(size=96)
    images = read_split(settings().data_dir / "pbc", "train")
    rng = random.Random(0)
    on_slide, cut_out = [], []
    for label in sorted({image.label for image in images}):
        for image in rng.sample([image for image in images if image.label == label], PER_CLASS):
            crop = definition.apply(read_image(image.path).pixels)
            on_slide.append(lab_statistics(crop, np.ones(crop.shape[:2], np.bool_)))
    folder = settings().data_dir / "cnmc"
    with (folder / "split.csv").open(newline="") as stream:
        rows = [row for row in csv.DictReader(stream) if row["split"] == "train"]
    for subject in sorted({row["group"] for row in rows}):
        files = [row["file"] for row in rows if row["group"] == subject]
        for file in rng.sample(files, min(PER_SUBJECT, len(files))):
            pixels = read_image(folder / file).pixels
            cut_out.append(lab_statistics(pixels, lit_pixels(pixels)))
    for name, table in (("cell on the slide", on_slide), ("cell cut out", cut_out)):
        mean, deviation = np.median(np.stack(table), axis=0).round(1)
        print(f"{name:18} mean {mean.tolist()}, standard deviation {deviation.tolist()} ({len(table)} pictures)")


if __name__ == "__main__":
    main()
