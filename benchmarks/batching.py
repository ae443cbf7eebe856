"""What several pictures in one call of the network save: pictures a second at 1, 8 and 16 a call, all in one run.

Also two threads that each ask for one picture, as two visitors at once do.
"""

from __future__ import annotations

import argparse
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from wbc_core.inference.classifier import Classifier
from wbc_core.services.models import classifier_for


def rate(classifier: Classifier, crops: np.ndarray, each: int, threads: int, seconds: float) -> float:
    """Return pictures a second, with so many in each call and so many threads that call."""

    def call(until: float) -> int:
        count = 0
        while time.perf_counter() < until:
            classifier.look(crops[:each])
            count += each
        return count

    classifier.look(crops[:each])
    began = time.perf_counter()
    with ThreadPoolExecutor(threads) as pool:
        total = sum(pool.map(call, [began + seconds] * threads))
    return total / (time.perf_counter() - began)


def main() -> None:
    """Measure and print; the ways take turns, as a busy machine moves them all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=3.0, help="of each measurement")
    parser.add_argument("--rounds", type=int, default=3)
    chosen = parser.parse_args()
    classifier = classifier_for(None)
    size = classifier.card.preprocessing.size
    crops = np.random.default_rng(1).integers(0, 255, (16, size, size, 3), np.uint8)
    ways = {"1 a call": (1, 1), "1 a call, 2 threads": (1, 2), "8 a call": (8, 1), "16 a call": (16, 1)}
    rates: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(chosen.rounds):
        for name, (each, threads) in ways.items():
            rates[name].append(rate(classifier, crops, each, threads, chosen.seconds))
    alone = float(np.median(rates["1 a call"]))
    for name, values in rates.items():
        print(f"{name}: {np.median(values):.1f} pictures/s, {np.median(values) / alone:.2f} times one a call")


if __name__ == "__main__":
    main()
