"""How long a list of 1,000 training runs takes: the promise is less than a second.

Prints the time of the first list after the folders were written, and the median of five more.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path

from wbc_core.runs.catalogue import list_runs
from wbc_core.runs.folder import append_log, write_history, write_status

EPOCHS = 20


def write_runs(folder: Path, count: int) -> None:
    """Write run folders as training leaves them, less their weights."""
    for number in range(count):
        run = folder / f"j-20260101-{number:04d}"
        run.mkdir()
        (run / "spec.yaml").write_text(
            f"id: run-{number}\ntitle: Training number {number}\nseed: {number}\ndata: [{{name: pbc}}]\n"
        )
        write_status(run, "finished", epoch=EPOCHS, epochs=EPOCHS, step=0, steps=347)
        append_log(run, "epoch=19 loss=0.1")
        if number % 10 == 0:
            write_history(run, [{"epoch": float(epoch), "loss": 1.0, "val_loss": 1.0} for epoch in range(EPOCHS)])


def seconds(folder: Path) -> float:
    start = time.perf_counter()
    list_runs(folder)
    return time.perf_counter() - start


def main() -> None:
    """Print the times."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=1000)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        write_runs(Path(folder), chosen.runs)
        first = seconds(Path(folder))
        again = statistics.median(seconds(Path(folder)) for _ in range(5))
    print(f"list of {chosen.runs:,} runs: {first:.3f} s at first, {again:.3f} s again (median of 5)")


if __name__ == "__main__":
    main()
