"""What a batch costs beyond the classifier: peak memory at 500 and at 5,000 pictures, and speed beside ``predict``.

Each measurement is a process of its own over a zip archive of real pictures; the ratio of two runs is printed, as a
busy machine moves both.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import pandas as pd

from wbc_core.settings import settings

BATCH = """
import json, resource, sys, time
from pathlib import Path
from wbc_core.services import batch_submission, batches
from wbc_core.services.models import classifier_for
classifier_for(None)
start, used = time.perf_counter(), time.process_time()
batch_id = batch_submission.submit_paths([Path(sys.argv[1])])
batches.worker().wait(batch_id)
seconds, used = time.perf_counter() - start, time.process_time() - used
view = batches.view_batch(batch_id)
assert view.standing.state == "finished", view.standing
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
print(json.dumps([view.tally.done, seconds, used, peak]))
"""

PREDICT = """
import json, resource, sys, time
from pathlib import Path
from wbc_core.services.models import classifier_for
from wbc_core.services.prediction import predict_paths
classifier_for(None)
start, used = time.perf_counter(), time.process_time()
count = sum(1 for _ in predict_paths([Path(sys.argv[1])]))
seconds, used = time.perf_counter() - start, time.process_time() - used
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
print(json.dumps([count, seconds, used, peak]))
"""


def measured(code: str, archive: Path, batches: Path) -> tuple[int, float, float, float]:
    """Run code on an archive; return pictures, wall-clock and processor seconds, and peak memory in MB (10⁶ bytes)."""
    environment = os.environ | {"WBC_BATCHES_DIR": str(batches)}
    done = subprocess.run(
        [sys.executable, "-c", code, str(archive)], env=environment, capture_output=True, text=True, check=True
    )
    count, seconds, used, peak = json.loads(done.stdout.splitlines()[-1])
    return int(count), float(seconds), float(used), float(peak)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=int, default=5000, help="size of the large batch")
    arguments = parser.parse_args()
    folder = settings().data_dir / "pbc"
    files = list(pd.read_csv(folder / "split.csv")["file"])[: arguments.pictures]
    with tempfile.TemporaryDirectory() as made:
        root = Path(made)
        archives = {}
        for count in (500, len(files)):
            archives[count] = root / f"{count}.zip"
            with zipfile.ZipFile(archives[count], "w") as archive:
                for file in files[:count]:
                    archive.write(folder / file, file)
        peaks, rates, work = {}, {}, {}
        for count, archive in archives.items():
            done, seconds, used, peaks[count] = measured(BATCH, archive, root / "batches")
            rates[count], work[count] = done / seconds, used / done * 1e3
            print(
                f"batch of {done:,}: {rates[count]:.1f} pictures/s, {work[count]:.1f} ms of processor each, "
                f"peak {peaks[count]:.0f} MB"
            )
        done, seconds, used, peak = measured(PREDICT, archives[len(files)], root / "batches")
        print(
            f"predict on the same {done:,}: {done / seconds:.1f} pictures/s, {used / done * 1e3:.1f} ms of processor "
            f"each, peak {peak:.0f} MB"
        )
        print(
            f"speed of the batch beside predict: {100 * rates[len(files)] / (done / seconds):.0f} % by the clock, "
            f"{100 * (used / done * 1e3) / work[len(files)]:.0f} % by processor time"
        )
        print(f"peak memory at {len(files):,} beside that at 500: {100 * peaks[len(files)] / peaks[500]:.0f} %")


if __name__ == "__main__":
    main()
