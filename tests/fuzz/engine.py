"""The loop: mutate, hand in, and see that only a ``WbcError`` comes out, soon and without taking the memory."""

from __future__ import annotations

import base64
import hashlib
import os
import textwrap
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from tests.fuzz.mutations import Mutation, mutated
from wbc_core.errors import WbcError
from wbc_core.settings import memory_folder, settings

CORPUS = Path(__file__).parent / "corpus"
MOST_SECONDS = 2.0
"""Processor time that one file may take."""

MOST_MEGABYTES = 64.0
"""Growth of the process that one file may cause. Pictures have at most one megapixel here, uploads at most 5 MB."""

LIMITS = {"WBC_MAX_UPLOAD_MB": "5", "WBC_MAX_ARCHIVE_MB": "5", "WBC_MAX_MEGAPIXELS": "1", "WBC_MODE": "local"}
_LONGEST_MESSAGE = 1500


@dataclass(frozen=True)
class Target:
    """One kind of file and the entry point that it is handed to.

    Attributes
    ----------
    name : str
        Name of the kind.
    seeds : callable
        Returns valid files.
    hand_in : callable
        Takes the bytes and a folder to write into; raises what the entry point raises.
    own : sequence of Mutation
        Mutations of the format.
    count : int
        Mutated files in a run of the tests.
    may_read : bool
        Whether a mutated file can still be a good one.
    """

    name: str
    seeds: Callable[[], Sequence[bytes]]
    hand_in: Callable[[bytes, Path], None]
    own: Sequence[Mutation]
    count: int
    may_read: bool = True


class FuzzFailure(AssertionError):
    """A file that broke a promise; its bytes stand in the corpus."""


@dataclass
class Report:
    """What came of the files of one target."""

    outcomes: Counter[str] = field(default_factory=Counter)
    slowest_s: float = 0.0
    largest_mb: float = 0.0


@contextmanager
def own_place() -> Iterator[Path]:
    """Give a folder for everything that is written, and low limits, to all that runs within."""
    before = dict(os.environ)
    with TemporaryDirectory(dir=memory_folder()) as name:  # thousands of small files are written there
        place = Path(name)
        for folder in ("models", "runs", "batches", "datasets", "cache", "data"):
            (place / folder).mkdir()
            os.environ[f"WBC_{folder.upper()}_DIR"] = str(place / folder)
        os.environ.update(LIMITS)
        settings.cache_clear()
        try:
            yield place
        finally:
            for variable in set(os.environ) - set(before):
                del os.environ[variable]
            os.environ.update(before)
            settings.cache_clear()


def attempt(target: Target, data: bytes, place: Path, report: Report) -> None:
    """Hand one file in.

    Raises
    ------
    AssertionError
        If the refusal is not in words, or takes too long or too much memory.
    Exception
        Whatever else than a ``WbcError`` comes out.
    """
    before = _fresh_peak_mb()
    start = time.thread_time()
    try:
        target.hand_in(data, place)
        outcome = "read"
    except WbcError as error:
        outcome = "refused"
        said = error
    seconds, megabytes = time.thread_time() - start, _peak_mb() - before
    report.outcomes[outcome] += 1
    report.slowest_s, report.largest_mb = max(report.slowest_s, seconds), max(report.largest_mb, megabytes)
    if outcome == "refused":
        assert said.message.strip(), "a refusal without words"
        assert len(str(said)) < _LONGEST_MESSAGE, f"a refusal of {len(str(said)):,} characters"
    assert seconds < MOST_SECONDS, f"took {seconds:.1f} s of processor time"
    assert megabytes < MOST_MEGABYTES, f"took {megabytes:.0f} MB"


def fuzz(target: Target, seed: int, count: int, *, keep: Path | None = None) -> Report:
    """Hand in so many mutated files.

    Parameters
    ----------
    target : Target
        What is mutated, and where it is handed in.
    seed : int
        Of the mutations; one seed gives the same files everywhere.
    count : int
        How many.
    keep : Path, optional
        Folder for a file that breaks a promise; the corpus if not given.

    Raises
    ------
    FuzzFailure
        With the first such file.
    """
    chance = Random(f"{target.name}:{seed}")
    report, seeds = Report(), target.seeds()
    with own_place() as place:
        for data in seeds:
            target.hand_in(data, place)  # the seeds are good files
        for number in range(count):
            try:
                data = mutated(seeds, target.own, chance)
                attempt(target, data, place, report)
            except Exception as failure:  # any exception is what is looked for
                words = f"{type(failure).__name__}: {failure}"[:300]
                path = store(target.name, data, words, keep or CORPUS)
                raise FuzzFailure(f"{target.name}, seed {seed}, file {number}: {words}; kept in {path}") from failure
    return report


def store(name: str, data: bytes, note: str, folder: Path) -> Path:
    """Write a file to the corpus, as text: a line that says why it is there, then its bytes in base 64."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}-{hashlib.sha256(data).hexdigest()[:12]}.txt"
    lines = textwrap.wrap(base64.b64encode(data).decode(), 100)
    path.write_text("\n".join([" ".join(note.split()), *lines]) + "\n", encoding="utf-8")
    return path


def corpus(name: str, folder: Path = CORPUS) -> dict[str, bytes]:
    """Return the kept files of a target by their names."""
    found = {}
    for path in sorted(folder.glob(f"{name}-*.txt")):
        _, _, body = path.read_text(encoding="utf-8").partition("\n")
        found[path.stem] = base64.b64decode(body)
    return found


def _fresh_peak_mb() -> float:
    """Let the kernel forget the peak of resident memory, and return what is resident now."""
    with suppress(OSError):  # without it the peak only ever grows, and growth is measured from there
        Path("/proc/self/clear_refs").write_text("5")
    return _peak_mb()


def _peak_mb() -> float:
    """Return the peak of resident memory since it was last forgotten; 0 where the system does not tell."""
    try:
        status = Path("/proc/self/status").read_bytes()
    except OSError:
        return 0.0
    return int(status.partition(b"VmHWM:")[2].split(None, 1)[0]) / 1e3
