"""What a batch costs beyond the classifier: peak memory at 500 and at 5,000 pictures, and speed beside ``predict``.

``python -m benchmarks.batch [--pictures 5000] [--few 500] [--compared 1000]``. Each measurement is a process of its own
over a zip archive of real pictures; the bare classifier is measured before and after the large batch, as a busy machine
moves both. Progress goes to stderr, and a summary stands at the end.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from wbc_core.settings import settings

BATCH = """
import json, resource, sys, time
from pathlib import Path
from wbc_core.services import batch_submission, batches
from wbc_core.services.models import classifier_for
classifier_for(None)
last = time.perf_counter()
def report(view):
    global last
    if time.perf_counter() - last > 10:
        last = time.perf_counter()
        print(f"  {view.tally.done:,} of {view.standing.total:,}", file=sys.stderr, flush=True)
start, used = time.perf_counter(), time.process_time()
batch_id = batch_submission.submit_paths([Path(sys.argv[1])])
view = batches.wait_for(batch_id, report)
seconds, used = time.perf_counter() - start, time.process_time() - used
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
last, count = start, 0
for _ in predict_paths([Path(sys.argv[1])]):
    count += 1
    if time.perf_counter() - last > 10:
        last = time.perf_counter()
        print(f"  {count:,}", file=sys.stderr, flush=True)
seconds, used = time.perf_counter() - start, time.process_time() - used
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
print(json.dumps([count, seconds, used, peak]))
"""


@dataclass(frozen=True)
class Measured:
    """Pictures, wall-clock and processor seconds, and peak memory in MB (10⁶ bytes)."""

    pictures: int
    seconds: float
    used: float
    peak: float

    @property
    def rate(self) -> float:
        """Pictures a second by the clock."""
        return self.pictures / self.seconds

    @property
    def work(self) -> float:
        """Milliseconds of processor time a picture."""
        return 1e3 * self.used / self.pictures

    def __str__(self) -> str:
        return (
            f"{self.rate:.1f} pictures/s, {self.work:.1f} ms of processor each, peak {self.peak:.0f} MB"
            f" ({self.pictures:,} pictures in {self.seconds:.0f} s)"
        )


def measured(name: str, code: str, archive: Path, batches: Path) -> Measured:
    """Run code on an archive in a process of its own, and print what it took."""
    print(f"{name} …", file=sys.stderr, flush=True)
    environment = os.environ | {"WBC_BATCHES_DIR": str(batches)}
    done = subprocess.run(
        [sys.executable, "-c", code, str(archive)], env=environment, stdout=subprocess.PIPE, text=True, check=True
    )
    found = Measured(*json.loads(done.stdout.splitlines()[-1]))
    print(f"{name}: {found}", flush=True)
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--pictures", type=int, default=5000, help="size of the large batch")
    parser.add_argument("--few", type=int, default=500, help="size of the small one")
    parser.add_argument("--compared", type=int, default=1000, help="pictures that the bare classifier answers, twice")
    asked = parser.parse_args()
    folder = settings().data_dir / "pbc"
    files = list(pd.read_csv(folder / "split.csv")["file"])[: asked.pictures]
    with tempfile.TemporaryDirectory() as made:
        root = Path(made)

        def packed(count: int) -> Path:
            path = root / f"{count}.zip"
            if not path.exists():
                with zipfile.ZipFile(path, "w") as archive:
                    for file in files[:count]:
                        archive.write(folder / file, file)
            return path

        few = measured(f"batch of {asked.few:,}", BATCH, packed(asked.few), root / "batches")
        bare = [measured("bare classifier, before", PREDICT, packed(asked.compared), root / "batches")]
        many = measured(f"batch of {len(files):,}", BATCH, packed(len(files)), root / "batches")
        bare.append(measured("bare classifier, after", PREDICT, packed(asked.compared), root / "batches"))
    rate, work = (sum(getattr(each, name) for each in bare) / len(bare) for name in ("rate", "work"))
    print("\nsummary")
    print(f"  peak memory   {few.peak:.0f} MB at {few.pictures:,} pictures, {many.peak:.0f} MB at {many.pictures:,}:")
    print(f"                {100 * many.peak / few.peak:.0f} % (at most 110 % asked for)")
    print(f"  speed         batch {many.rate:.1f} pictures/s, bare classifier {rate:.1f} pictures/s:")
    print(f"                {100 * many.rate / rate:.0f} % by the clock (at least 80 % asked for)")
    print(f"                {100 * work / many.work:.0f} % by processor time")


if __name__ == "__main__":
    main()
