"""The long run: ``make fuzz SECONDS=600 SEED=7``. Every file that breaks a promise is written to the corpus.

Each kind of file is fuzzed by a child process of its own, round after round, each round with a new seed. The file that
is just being read lies beside, so that one that ends its process, or makes it silent, is kept as well.
"""

from __future__ import annotations

import argparse
import base64
import os
import random
import subprocess
import sys
import time
import warnings
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.fuzz.all_targets import all_targets
from tests.fuzz.engine import CORPUS, FuzzFailure, Report, attempt, fuzz, own_place, store

ROUND_S = 20.0
SILENT_S = 60.0
"""Seconds at one file from which on a process counts as stuck."""


def child(name: str, seed: int, seconds: float, current: Path) -> int:
    """Fuzz one kind of file for some seconds; print how many files were handed in, and return 1 after a failure."""
    target = all_targets()[name]
    hand_in = target.hand_in

    def watched(data: bytes, place: Path) -> None:
        current.write_bytes(data)
        hand_in(data, place)

    target = replace(target, hand_in=watched)
    ends, files, failed = time.monotonic() + seconds, 0, 0
    while time.monotonic() < ends:
        seed += 1
        try:
            files += sum(fuzz(target, seed, 200).outcomes.values())
        except FuzzFailure as failure:
            failed = 1
            print(f"FAILED {failure}", file=sys.stderr, flush=True)
    print(files)
    return failed


def one_round(name: str, seed: int, seconds: float, folder: Path) -> tuple[int, bool]:
    """Run a child; return how many files it handed in, and whether all went well."""
    current = folder / name
    command = [sys.executable, "-m", "tests.fuzz", "--child", name, "--seed", str(seed), "--seconds", str(seconds)]
    words = ""
    with subprocess.Popen([*command, "--current", str(current)], stdout=subprocess.PIPE, text=True) as running:
        while running.poll() is None:
            time.sleep(0.2)
            if current.exists() and time.time() - current.stat().st_mtime > SILENT_S:
                running.kill()
                words = "made its process silent"
        lines = running.stdout.read().split() if running.stdout is not None else []
    if not words and running.returncode not in (0, 1):
        words = f"ended its process with {running.returncode}"
    if words:
        path = store(name, current.read_bytes() if current.exists() else b"", words, CORPUS)
        print(f"FAILED {name}: a file {words}; kept in {path}", file=sys.stderr, flush=True)
    files = int(lines[-1]) if lines and lines[-1].isdigit() else 0
    return files, not words and running.returncode == 0


def replay(name: str) -> int:
    """Hand in one kept file again, by the name of its file in the corpus, and let what comes out come out."""
    kept = CORPUS / f"{Path(name).stem}.txt"
    target = all_targets()[kept.stem.rpartition("-")[0]]
    data = base64.b64decode(kept.read_text(encoding="utf-8").partition("\n")[2])
    with own_place() as place:
        report = Report()
        attempt(target, data, place, report)
        print(f"{kept.stem}: {', '.join(report.outcomes)} in {report.slowest_s:.3f} s, {report.largest_mb:.1f} MB")
    return 0


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--seconds", type=float, default=600.0, help="how long, over all kinds of files")
    parser.add_argument("--seed", type=int, default=None, help="first seed; another one each time if not given")
    parser.add_argument("--only", default="", help="kinds of files, parted by commas; all if not given")
    parser.add_argument("--replay", default="", help="a file of the corpus to hand in once instead")
    parser.add_argument("--child", default="", help=argparse.SUPPRESS)
    parser.add_argument("--current", type=Path, default=None, help=argparse.SUPPRESS)
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    if given.replay:
        return replay(given.replay)
    if given.child:
        sys.stderr.flush()
        return child(given.child, given.seed, given.seconds, given.current)
    names = given.only.split(",") if given.only else list(all_targets())
    seed = random.SystemRandom().randrange(1 << 32) if given.seed is None else given.seed
    print(f"seed {seed}; {len(names)} kinds of files; {given.seconds:.0f} s", flush=True)
    ends, files, well = time.monotonic() + given.seconds, dict.fromkeys(names, 0), True
    spent = dict.fromkeys(names, 0.0)
    with TemporaryDirectory(dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None) as folder:
        number = 0
        while time.monotonic() < ends:
            name = names[number % len(names)]
            length = min(ROUND_S, given.seconds / len(names), max(1.0, ends - time.monotonic()))
            start = time.monotonic()
            count, good = one_round(name, seed + number * 1_000_003, length, Path(folder))
            files[name] += count
            spent[name] += time.monotonic() - start
            well = well and good
            number += 1
    for name in names:
        print(f"{name:<14}{files[name]:>10,} files{files[name] / max(spent[name], 1e-9):>10,.0f} a second")
    print(f"{sum(files.values()):,} files; seed {seed}; {'nothing found' if well else 'FAILED: see the corpus'}")
    if untried := [name for name in names if not files[name]]:
        print(f"No time was left for {', '.join(untried)}: give more SECONDS, or name them by --only.")
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main())
