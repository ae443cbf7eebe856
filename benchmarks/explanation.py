"""Compare an answer with its heat maps to the plain answer, and say whether the maps mark what counts.

Prints the median times of both, alternating over the same pictures, and their ratio: for the network alone, and from
the encoded file on. Then the deletion test on as many test pictures: how far the probability of the named class falls
when the marked fifth of the crop is erased, a region of the same shape elsewhere, or the middle.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np
from scipy.stats import wilcoxon

from wbc_core.datasets.sources import read_split
from wbc_core.explanation.deletion import deletion_drops
from wbc_core.explanation.heat_maps import answer_with_maps
from wbc_core.explanation.linear_head import head_of
from wbc_core.inference.pipeline import prepare
from wbc_core.services.explaining import explain_image
from wbc_core.services.models import classifier_for, model_folder
from wbc_core.services.single_image import classify_image
from wbc_core.settings import settings


def compared(title: str, plain: Callable[[int], object], mapped: Callable[[int], object], count: int) -> None:
    """Time two calls in turn over all pictures; print medians in milliseconds and their ratio."""
    times: dict[str, list[float]] = {"plain": [], "mapped": []}
    for index in range(-3, count):  # the first three warm up
        for name, call in (("plain", plain), ("mapped", mapped)):
            start = time.perf_counter()
            call(index % count)
            if index >= 0:
                times[name].append(time.perf_counter() - start)
    first, second = (float(np.median(times[name])) * 1e3 for name in ("plain", "mapped"))
    print(f"{title}: answer {first:.1f} ms, with heat maps {second:.1f} ms, ratio {second / first:.2f}")


def main() -> None:
    """Print both comparisons."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=40)
    chosen = parser.parse_args()
    classifier, folder = classifier_for(None), model_folder(None)
    head = head_of(classifier, folder)
    images = read_split(settings().data_dir / "pbc", "test")
    images = images[:: max(1, len(images) // chosen.images)][: chosen.images]
    files = [image.path.read_bytes() for image in images]
    crops = [prepare(data, "cell", classifier.card.preprocessing).crop for data in files]

    compared(
        "network alone     ",
        lambda at: classifier.logits(crops[at][np.newaxis]),
        lambda at: answer_with_maps(classifier, head, crops[at]),
        len(crops),
    )
    compared(
        "from the file on  ",
        lambda at: classify_image(files[at], "cell"),
        lambda at: explain_image(files[at], "cell"),
        len(files),
    )
    drops = [deletion_drops(classifier, head, crop, seed=seed, draws=4) for seed, crop in enumerate(crops)]
    marked, random, middle = (
        np.array([getattr(drop, name) for drop in drops]) for name in ("marked", "random", "middle")
    )
    for name, values in (("marked region", marked), ("same shape elsewhere", random), ("middle", middle)):
        print(f"probability lost without the {name}: mean {values.mean():.3f} over {len(values)} pictures")
    test = wilcoxon(marked, random, alternative="greater")
    print(f"marked against elsewhere: Wilcoxon signed-rank p = {test.pvalue:.1e}")


if __name__ == "__main__":
    main()
