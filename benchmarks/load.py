"""Many visitors at once: each opens the single-image page and classifies pictures one after another, without a pause.

Prints errors, throughput beside that of the classifier alone in one process, the wait for an answer, memory of the
server, and how much longer the slowest visitor took than the fastest. Visitors speak the protocol of a browser's page,
upload included, on this computer only; they share its cores with the server.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import psutil

from scripts.running_app import running_app
from scripts.visitor import Seen, Visitor, timed
from wbc_core.biology.cell_types import CELL_TYPES
from wbc_core.biology.classes import class_facts
from wbc_core.datasets.synthetic import render_cell
from wbc_core.settings import ROOT, settings

STARTS_S = 10
"""Pause after a first picture of each visitor: until then a server reads what the Compare page shows."""

ALONE = """
import json, sys, time
from pathlib import Path
from wbc_core.services.prediction import predict_paths
from wbc_core.services.single_image import classify_image
files = [Path(name) for name in json.loads(Path(sys.argv[1]).read_text())]
for file in files[:5]: classify_image(file.read_bytes(), file.name)
start = time.perf_counter()
answers = [classify_image(file.read_bytes(), file.name) for file in files]
one_by_one = time.perf_counter() - start
start = time.perf_counter()
for answer in predict_paths(files): pass
in_batches = time.perf_counter() - start
print(json.dumps([one_by_one, in_batches, [[answer.label, answer.status] for answer in answers]]))
"""


@dataclass(frozen=True)
class Alone:
    """What the classifier does in a process of its own, on the same pictures.

    ``one_by_one`` and ``in_batches`` are pictures a second; ``expected`` holds label and status of each picture.
    """

    one_by_one: float
    in_batches: float
    expected: tuple[tuple[str, str], ...]


@dataclass
class Crowd:
    """What many visitors met with.

    Attributes
    ----------
    seconds : float
        From the first picture handed in to the last page finished.
    waits : list of list of float
        Of each visitor: seconds from handing in a picture to the finished page with its answer.
    totals : list of float
        Of each visitor: seconds for all its pictures.
    errors : list of str
        What went wrong, a wrong answer included.
    told : int
        How often a place in line was shown.
    """

    seconds: float = 0.0
    waits: list[list[float]] = field(default_factory=list)
    totals: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    told: int = 0

    @property
    def pictures(self) -> int:
        """Return how many were answered."""
        return sum(map(len, self.waits))

    @property
    def fairness(self) -> float:
        """Return how much longer the slowest visitor took than the fastest."""
        return max(self.totals) / min(self.totals)


def write_pictures(folder: Path, count: int) -> list[Path]:
    """Write pictures to hand in: real ones of the test part of PBC where they are, else drawn ones."""
    source = settings().data_dir / "pbc"
    if (source / "split.csv").is_file():
        split = pd.read_csv(source / "split.csv")
        names = list(split[split["split"] == "test"]["file"].sample(frac=1, random_state=3))
        data = [(source / name).read_bytes() for name in names[:count]]
        ending = Path(names[0]).suffix
    else:
        drawn = [render_cell(list(CELL_TYPES)[seed % 8], seed=seed)[..., ::-1] for seed in range(min(count, 40))]
        data, ending = [cv2.imencode(".png", pixels)[1].tobytes() for pixels in drawn], ".png"
    files = [folder / f"{number:04}{ending}" for number in range(count)]
    for number, file in enumerate(files):
        file.write_bytes(data[number % len(data)])
    return files


def alone(files: Sequence[Path]) -> Alone:
    """Measure the classifier in a process of its own."""
    with tempfile.NamedTemporaryFile("w", suffix=".json") as listing:
        listing.write(json.dumps([str(file) for file in files]))
        listing.flush()
        command = [sys.executable, "-c", ALONE, listing.name]
        done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    one_by_one, in_batches, expected = json.loads(done.stdout.splitlines()[-1])
    count = len(files)
    return Alone(count / one_by_one, count / in_batches, tuple((label, status) for label, status in expected))


def wrong(seen: Seen, name: str, label: str, status: str) -> str:
    """Return what is wrong with a page that should show this answer to this picture; empty if nothing is."""
    if seen.failures or not seen.finished:
        return f"{name}: {'; '.join(seen.failures) or 'the page did not finish'}"
    if not any(text.startswith(f"{name}\n") for text in seen.texts):
        return f"{name}: the page shows another picture"
    type_name = class_facts(label).name
    if status == "classified":
        right = type_name in seen.texts
    else:
        right = "Unidentified" in seen.texts and any(f"**{type_name}, " in text for text in seen.texts)
    return "" if right else f"{name}: the page does not say {label}, {status}"


async def crowd(address: str, files: Sequence[Path], expected: Sequence[tuple[str, str]], visitors: int) -> Crowd:
    """Let visitors come, wait until all have their page, and classify; visitor n has every n-th picture."""
    found, ready = Crowd(), asyncio.Barrier(visitors + 1)

    async def visit(number: int) -> None:
        own = list(zip(files, expected, strict=True))[number::visitors]
        waits: list[float] = []
        async with Visitor(address) as visitor:
            opened = await visitor.open()
            found.errors += opened.failures
            await ready.wait()
            began = time.perf_counter()
            for file, (label, status) in own:
                seconds, seen = await timed(visitor, file.read_bytes(), file.name)
                waits.append(seconds)
                if error := wrong(seen, file.name, label, status):
                    found.errors.append(error)
            found.totals.append(time.perf_counter() - began)
            found.waits.append(waits)
            found.told += len(visitor.places)

    async with asyncio.TaskGroup() as group:
        for number in range(visitors):
            group.create_task(visit(number))
        await ready.wait()
        start = time.perf_counter()
    found.seconds = time.perf_counter() - start
    return found


def server_process() -> psutil.Process:
    """Return the app that this process has started."""
    return next(child for child in psutil.Process().children() if "app.py" in " ".join(child.cmdline()))


def memory_mb(process: psutil.Process, name: str = "VmHWM") -> float:
    """Return the most memory that a process has held, or with ``VmRSS`` that of now, in MB (10⁶ bytes)."""
    lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 / 1e6 for line in lines if line.startswith(f"{name}:"))


def measure(visitors: int, images: int, environment: Mapping[str, str]) -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as made:
        files = write_pictures(Path(made), visitors * images)
        known = alone(files)
        with running_app(environment) as address:
            server = server_process()
            first = asyncio.run(crowd(address, files[:visitors], known.expected[:visitors], visitors))
            time.sleep(STARTS_S)
            before = server.cpu_times()
            found = asyncio.run(crowd(address, files, known.expected, visitors))
            after = server.cpu_times()
            memory = memory_mb(server)
    found.errors += first.errors
    rate = found.pictures / found.seconds
    waits = np.concatenate(found.waits)
    used = (after.user + after.system - before.user - before.system) / found.pictures * 1e3
    print(f"{visitors} visitors, {found.pictures:,} pictures in {found.seconds:.1f} s, {len(found.errors)} errors")
    for error in found.errors[:5]:
        print(f"  {error}")
    print(f"throughput: {rate:.1f} pictures/s, {used:.0f} ms of the server's processor time each")
    print(
        f"the classifier alone in one process: {known.one_by_one:.1f} pictures/s one by one "
        f"({100 * rate / known.one_by_one:.0f} % reached), {known.in_batches:.1f} in batches "
        f"({100 * rate / known.in_batches:.0f} %)"
    )
    print(
        f"wait for one picture: median {np.median(waits):.2f} s, 95th percentile {np.percentile(waits, 95):.2f} s, "
        f"longest {waits.max():.2f} s; place in line shown {found.told:,} times"
    )
    print(f"slowest visitor beside the fastest: {found.fairness:.2f}")
    print(f"most memory of the server: {memory:.0f} MB")


def main() -> None:
    """Read the arguments, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--visitors", type=int, default=20)
    parser.add_argument("--images", type=int, default=50, help="pictures of each visitor")
    arguments = parser.parse_args()
    # The worker for trainings is a process of its own; without it the figures are the app's alone.
    measure(arguments.visitors, arguments.images, {"WBC_JOBS_WORKER": "false"})


if __name__ == "__main__":
    main()
