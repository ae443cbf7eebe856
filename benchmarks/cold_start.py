"""How long the first visitor waits: from the start of the server's process to the first page, and to the first answer.

The visitor asks again and again until the server listens, opens the single-image page and hands in a picture, as a
browser does whose own start is not counted. The size of the slim set is that of an environment made for it, if named.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

import cv2

from scripts.running_app import free_port
from scripts.visitor import Visitor
from wbc_core.datasets.synthetic import render_cell
from wbc_core.settings import ROOT


async def first_visit(address: str, picture: bytes, began: float) -> tuple[float, float, list[str]]:
    """Return seconds to the first finished page and to the first answer, and what the pages said went wrong."""
    while True:
        try:
            async with Visitor(address) as visitor:
                opened = await visitor.open()
                page = time.perf_counter() - began
                seen = await visitor.classify(picture, "first.png")
                return page, time.perf_counter() - began, opened.failures + seen.failures
        except (ConnectionError, OSError):
            await asyncio.sleep(0.02)


def cold_start(python: str) -> tuple[float, float, list[str]]:
    """Start a server, be its first visitor, end it."""
    picture = cv2.imencode(".png", render_cell("neutrophil", seed=7)[..., ::-1])[1].tobytes()
    port = free_port()
    command = [python, "-m", "streamlit", "run", str(ROOT / "app.py"), "--server.headless", "true"]
    command += ["--server.address", "127.0.0.1", "--server.port", str(port), "--server.fileWatcherType", "none"]
    began = time.perf_counter()
    server = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True, env=os.environ
    )
    try:
        return asyncio.run(first_visit(f"http://127.0.0.1:{port}", picture, began))
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait()


def size_mb(folder: Path) -> float:
    """Return the size of all files of a folder, in MB (10⁶ bytes)."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file() and not path.is_symlink()) / 1e6


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--starts", type=int, default=5, help="the median counts; the first one reads the disk")
    parser.add_argument("--python", default=sys.executable, help="of the environment to start the server with")
    chosen = parser.parse_args()
    found = []
    for number in range(chosen.starts):
        page, answer, errors = cold_start(chosen.python)
        found.append((page, answer))
        print(f"start {number + 1}: first page after {page:.2f} s, first answer after {answer:.2f} s {errors or ''}")
    print(f"median: first page {median(row[0] for row in found):.2f} s, answer {median(row[1] for row in found):.2f} s")
    place = Path(chosen.python).parent.parent / "lib"
    if chosen.python != sys.executable and place.is_dir():
        print(
            f"installed size of {place.parent.name}: {size_mb(place):.0f} MB, models {size_mb(ROOT / 'models'):.0f} MB"
        )


if __name__ == "__main__":
    main()
