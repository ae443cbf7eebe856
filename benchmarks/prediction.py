"""Compare ``predict`` with a loop of ``model.predict`` over the same pictures and weights, in one run.

Prints pictures per second, their ratio, peak memory of both, and how long a fresh ``predict`` takes to its first
answer. Both work from the same 1,000 encoded files to a named type: read, decode, find the cell, crop, network.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from wbc_core.settings import settings

LOOP = """
import sys, time
from pathlib import Path
import numpy as np
import keras
from wbc_core.imaging.decoding import read_image
from wbc_core.inference.cards import load_card
folder, files = Path(sys.argv[1]), Path(sys.argv[2]).read_text().splitlines()
card = load_card(folder)
model = keras.saving.load_model(folder / "model.keras", compile=False, safe_mode=True)
def name(file):
    crop = card.preprocessing.apply(read_image(Path(file)).pixels)
    return card.labels[int(np.argmax(model.predict(crop[None].astype("float32"), verbose=0)["logits"]))]
name(files[0])
start = time.perf_counter()
for file in files: name(file)
print(time.perf_counter() - start)
"""

PREDICT = """
import sys, time
from pathlib import Path
from wbc_core.services.prediction import predict_paths
files = [Path(file) for file in Path(sys.argv[2]).read_text().splitlines()]
for _ in predict_paths(files[:1]): pass
start = time.perf_counter()
count = sum(result.status != "failed" for result in predict_paths(files))
print(time.perf_counter() - start)
assert count == len(files)
"""


def timed(command: list[str]) -> tuple[float, str, float]:
    """Run a command; return its wall-clock seconds, its output and its peak memory in MB (10⁶ bytes)."""
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    output = process.stdout.read() if process.stdout else ""
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{' '.join(command[:3])} ended with {status}")
    return time.perf_counter() - start, output, usage.ru_maxrss * 1024 / 1e6


def main() -> None:
    """Print the comparison."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=1000)
    parser.add_argument("--loop-images", type=int, default=1000, help="pictures of the slow loop")
    chosen = parser.parse_args()
    folder = settings().models_dir / settings().default_model
    files = sorted(str(path) for path in (settings().data_dir / "pbc").rglob("*.webp"))
    files = files[:: max(1, len(files) // chosen.images)][: chosen.images]
    if not files:
        raise SystemExit(f"There is no picture in {settings().data_dir / 'pbc'}: set WBC_DATA_DIR.")
    with tempfile.TemporaryDirectory() as temporary:
        listing = Path(temporary) / "files.txt"
        listing.write_text("\n".join(files))
        first = [timed([sys.executable, "-m", "wbc_core", "predict", files[index]]) for index in range(5)]
        seconds, memory = sorted(run[0] for run in first)[2], max(run[2] for run in first)
        print(f"first answer of a fresh predict: {seconds:.2f} s (median of 5), peak memory {memory:.0f} MB")
        _, output, memory = timed([sys.executable, "-c", PREDICT, str(folder), str(listing)])
        ours = len(files) / float(output)
        print(f"predict:            {ours:7.1f} images/s, {len(files):,} files, peak memory {memory:.0f} MB")
        listing.write_text("\n".join(files[: chosen.loop_images]))
        _, output, memory = timed([sys.executable, "-c", LOOP, str(folder), str(listing)])
        theirs = min(len(files), chosen.loop_images) / float(output)
        print(f"model.predict loop: {theirs:7.1f} images/s, {chosen.loop_images:,} files, peak memory {memory:.0f} MB")
        print(f"ratio:              {ours / theirs:7.1f}")


if __name__ == "__main__":
    main()
