"""What training costs: the figures behind the estimate that is shown before a job starts.

For each architecture at 96 px, in a process of its own: processor seconds for one training picture, and how much memory
a picture of a batch adds. Processor seconds, not seconds by the clock, so that other programs disturb little. Asserts
nothing; ``wbc_core/recipes/costs.py`` holds what it printed.

``python benchmarks/training_cost.py --all``
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import time

SIZE = 96
SMALL, LARGE = 8, 32
STEPS = 5
FEW = ("baseline_cnn", "efficientnet_lite0", "mobilenetv2")


def peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000


def measure(architecture: str) -> None:
    """Print one architecture's figures."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
    import keras
    import numpy as np

    from wbc_core.zoo import registry

    keras.utils.set_random_seed(1)
    network = registry.build(architecture, SIZE, 8)
    model = keras.Model(network.input, network.output["logits"])
    model.compile(keras.optimizers.AdamW(1e-4), keras.losses.CategoricalCrossentropy(from_logits=True))
    random = np.random.default_rng(1)

    def batch(count: int) -> tuple[np.ndarray, np.ndarray]:
        pictures = random.random((count, SIZE, SIZE, 3), np.float32) * 255
        return pictures, np.eye(8, dtype=np.float32)[random.integers(0, 8, count)]

    for _ in range(3):
        model.train_on_batch(*batch(SMALL))
    small = peak_mb()
    for _ in range(2):
        model.train_on_batch(*batch(LARGE))
    data = [batch(LARGE) for _ in range(STEPS)]
    processor, clock = time.process_time(), time.perf_counter()
    for pictures, targets in data:
        model.train_on_batch(pictures, targets)
    processor, clock = time.process_time() - processor, time.perf_counter() - clock
    count = STEPS * LARGE
    slope = (peak_mb() - small) / (LARGE - SMALL)
    print(
        f"{architecture}: {1000 * processor / count:.1f} processor ms and {1000 * clock / count:.1f} ms a picture, "
        f"{slope:.1f} MB a picture of a batch, {small - SMALL * slope:.0f} MB besides "
        f"({network.count_params() / 1e6:.2f} million parameters)",
        flush=True,
    )


def measure_augmentation() -> None:
    """Print what varying one picture costs."""
    import numpy as np

    from wbc_core.datasets.synthetic import render_cell
    from wbc_core.training.augmentation import MARGIN, augment, colour_statistics

    crop = render_cell("neutrophil", seed=1, size=round(SIZE * MARGIN))
    table, count = np.stack([colour_statistics(crop)]), 200
    start = time.process_time()
    for seed in range(count):
        augment(crop, SIZE, np.random.default_rng(seed), table)
    print(f"augmentation: {1000 * (time.process_time() - start) / count:.1f} processor ms a picture")


def main() -> None:
    from wbc_core.recipes.architectures import ARCHITECTURES

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--all", action="store_true", help=f"every architecture, not only {', '.join(FEW)}")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        measure(arguments.one)
        return
    measure_augmentation()
    for architecture in ARCHITECTURES if arguments.all else FEW:
        subprocess.run([sys.executable, __file__, "--one", architecture], check=True)


if __name__ == "__main__":
    main()
