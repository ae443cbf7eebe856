"""Whether anything is left behind: memory over many predictions in one process, and after many sessions of a server.

The predictions go the way of the page's service, decoding included; the sessions are opened on the single-image page,
every tenth classifies a picture, and all are closed. Streamlit keeps a closed session for two minutes in case its
browser comes back; the count is taken after that.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import psutil

from benchmarks.load import memory_mb, server_process
from scripts.running_app import running_app
from scripts.visitor import Visitor
from wbc_core.biology.cell_types import CELL_TYPES
from wbc_core.datasets.synthetic import render_cell
from wbc_core.settings import ROOT

KEPT_S = 140
"""Streamlit keeps a session for 120 s after its browser has gone; then come a collection and a new count."""

OF_SESSIONS = ("session_state", "uploaded", "media")
"""Kinds of memory that Streamlit counts and that end with a session."""


def drawn_pictures(count: int = 64) -> list[bytes]:
    """Return drawn cells as PNG, JPEG and WebP files by turns."""
    endings = (".png", ".jpg", ".webp")
    return [
        cv2.imencode(endings[seed % 3], render_cell(list(CELL_TYPES)[seed % 8], seed=seed)[..., ::-1])[1].tobytes()
        for seed in range(count)
    ]


def predictions(count: int, warm_up: int, every: int) -> dict[str, float]:
    """Classify so many pictures in this process.

    Returns
    -------
    dict of str to float
        ``slope``: MB (10⁶ bytes) more for each 10,000 predictions after the warm-up, by least squares over the
        memory measured every so many; ``threads`` and ``descriptors``: how many more than after the warm-up;
        ``rate``: pictures a second; ``memory``: MB at the end.
    """
    from wbc_core.services.single_image import classify_image

    pictures, process = drawn_pictures(), psutil.Process()
    done, memory = [], []
    threads = descriptors = 0
    began = time.perf_counter()
    for number in range(warm_up + count):
        classify_image(pictures[number % len(pictures)], "cell")
        if number + 1 == warm_up:
            gc.collect()
            threads, descriptors = process.num_threads(), process.num_fds()
        if number + 1 >= warm_up and (number + 1 - warm_up) % every == 0:
            done.append(number + 1 - warm_up)
            memory.append(memory_mb(process, "VmRSS"))
    slope = float(np.polyfit(done, memory, 1)[0]) * 10_000 if len(done) > 2 else float("nan")
    return {
        "slope": slope,
        "threads": process.num_threads() - threads,
        "descriptors": process.num_fds() - descriptors,
        "rate": (warm_up + count) / (time.perf_counter() - began),
        "memory": memory[-1],
    }


@dataclass(frozen=True)
class Held:
    """What a server holds at one moment; ``sessions`` and ``uploads`` as Streamlit itself counts them."""

    sessions: int
    stored: float
    threads: int
    descriptors: int
    files: int
    memory: float


def held(address: str, server: psutil.Process, temporary: Path) -> Held:
    """Ask the running server, and the system, what it holds."""
    with urllib.request.urlopen(f"{address}/_stcore/metrics", timeout=60) as answer:
        lines = answer.read().decode().splitlines()
    values: dict[str, float] = {}
    for line in lines:
        if line and not line.startswith("#"):
            name, _, value = line.rpartition(" ")
            try:
                values[name] = float(value)
            except ValueError:
                name, _, value = name.rpartition(" ")  # a time stands after the value
                values[name] = float(value)
    active = sum(value for name, value in values.items() if name.startswith("active_sessions"))
    stored = sum(
        value
        for name, value in values.items()
        if name.startswith("cache_memory_bytes") and any(kind in name for kind in OF_SESSIONS)
    )
    files = sum(1 for path in temporary.rglob("*") if path.is_file())
    return Held(int(active), stored, server.num_threads(), server.num_fds(), files, memory_mb(server, "VmRSS"))


async def come_and_go(
    address: str, sessions: int, pictures: list[bytes], at_once: int = 4, every: int = 10
) -> list[str]:
    """Open sessions and close them; return what went wrong."""
    errors: list[str] = []
    turn = asyncio.Semaphore(at_once)

    async def visit(number: int) -> None:
        async with turn, Visitor(address) as visitor:
            seen = await visitor.open()
            if number % every == 0:
                seen = await visitor.classify(pictures[number % len(pictures)], f"{number}.png")
            errors.extend(seen.failures)

    await asyncio.gather(*(visit(number) for number in range(sessions)))
    return errors


def predictions_apart(count: int, warm_up: int, every: int) -> dict[str, float]:
    """Classify so many pictures in a fresh process, where nothing but them takes memory; as `predictions`."""
    command = [sys.executable, "-m", "benchmarks.soak", "--here", "--predictions", str(count)]
    command += ["--warm-up", str(warm_up), "--every", str(every)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT, env=os.environ)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def sessions(count: int, kept_s: float = KEPT_S) -> tuple[Held, Held, list[str]]:
    """Let visitors come and go on a server of their own.

    Returns
    -------
    before, after : Held
        With the server warm and nobody there; and after the last session is forgotten.
    errors : list of str
        What pages said.
    """
    pictures = drawn_pictures(16)
    with tempfile.TemporaryDirectory() as spool:
        environment = {"WBC_JOBS_WORKER": "false", "TMPDIR": spool}
        with running_app(environment) as address:
            server = server_process()
            errors = asyncio.run(come_and_go(address, max(8, count // 20), pictures))
            time.sleep(kept_s)
            before = held(address, server, Path(spool))
            errors += asyncio.run(come_and_go(address, count, pictures))
            time.sleep(kept_s)
            after = held(address, server, Path(spool))
    return before, after, errors


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--predictions", type=int, default=50_000)
    parser.add_argument("--warm-up", type=int, default=2_000)
    parser.add_argument("--sessions", type=int, default=1_000)
    parser.add_argument("--here", action="store_true", help="predict in this process and print JSON")
    parser.add_argument("--every", type=int, help="predictions between two looks at the memory")
    chosen = parser.parse_args()
    every = chosen.every or max(1, chosen.predictions // 100)
    if chosen.here:
        print(json.dumps(predictions(chosen.predictions, chosen.warm_up, every)))
        return
    if chosen.predictions:
        found = predictions_apart(chosen.predictions, chosen.warm_up, every)
        print(
            f"{chosen.predictions:,} predictions in one process, {found['rate']:.1f} a second: "
            f"{found['slope']:+.2f} MB for each 10,000 after the warm-up, {found['memory']:.0f} MB at the end, "
            f"{found['threads']:+.0f} threads, {found['descriptors']:+.0f} open files"
        )
    if chosen.sessions:
        before, after, errors = sessions(chosen.sessions)
        print(f"{chosen.sessions:,} sessions opened and closed, {len(errors)} errors; before and after:")
        for name, old, new in (
            ("sessions", before.sessions, after.sessions),
            ("bytes kept for sessions", before.stored, after.stored),
            ("threads", before.threads, after.threads),
            ("open files", before.descriptors, after.descriptors),
            ("temporary files", before.files, after.files),
            ("memory in MB", round(before.memory), round(after.memory)),
        ):
            print(f"  {name}: {old:g}, {new:g}")


if __name__ == "__main__":
    main()
