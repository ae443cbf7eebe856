"""Thousands of spoiled archives, tables, recipes, cards and networks through the ways in: only ``WbcError``."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest

from tests.fuzz.all_targets import all_targets
from tests.fuzz.engine import FuzzFailure, Target, attempt, corpus, fuzz, own_place, store
from tests.fuzz.engine import Report as FuzzReport
from tests.fuzz.mutations import flip_bits
from tests.fuzz.picture_targets import picture_targets
from wbc_core.errors import WbcError

SEED = 20261122
TARGETS = all_targets()
PICTURES = {target.name for target in picture_targets()}
FEWEST = 20_000
"""Mutated files of a run of the tests over all kinds."""


@pytest.mark.parametrize("name", [name for name in TARGETS if name not in PICTURES])
def test_a_spoiled_file_is_read_or_refused_in_words(name: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pandas and zipfile warn of what is meant here
        report = fuzz(TARGETS[name], SEED, TARGETS[name].count)
    assert report.outcomes["read"] > 5, report
    assert report.outcomes["refused"] > 5 or name == "run", report


def test_the_files_are_many_and_of_every_kind() -> None:
    assert sum(target.count for target in TARGETS.values()) >= FEWEST
    needed = {"jpeg", "png", "tiff", "webp", "bmp", "zip", "predictions", "curves", "recipe", "card", "onnx"}
    assert needed <= set(TARGETS)


@pytest.mark.parametrize("name", TARGETS)
def test_a_file_that_once_broke_a_promise_breaks_it_no_more(name: str) -> None:
    with own_place() as place, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for kept, data in corpus(name).items():
            try:
                attempt(TARGETS[name], data, place, FuzzReport())
            except Exception as failure:
                raise AssertionError(f"{kept}: {type(failure).__name__}: {failure}") from failure


def test_every_kept_file_belongs_to_a_target_and_is_small() -> None:
    for path in (Path(__file__).parent / "corpus").iterdir():
        assert path.name.rpartition("-")[0] in TARGETS, path.name
        assert path.stat().st_size < 32_000, path.name


def stand_in(hand_in) -> Target:
    return Target("stand_in", lambda: [b"good" * 20], hand_in, (flip_bits,), 10)


def test_what_is_no_refusal_ends_the_run_and_is_kept(tmp_path: Path) -> None:
    def hand_in(data: bytes, place: Path) -> None:
        if data != b"good" * 20:
            raise KeyError("a fault")

    with pytest.raises(FuzzFailure, match="stand_in, seed 1, file 0: KeyError"):
        fuzz(stand_in(hand_in), 1, 10, keep=tmp_path)
    (kept,) = corpus("stand_in", tmp_path).values()
    assert kept != b"good" * 20


@pytest.mark.parametrize(
    ("hand_in", "words"),
    [
        (lambda data, place: sum(range(3_000_000)), "of processor time"),
        (lambda data, place: bytearray(b"x") * 90_000_000, "took .* MB"),
    ],
)
def test_time_and_memory_are_seen(hand_in, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if words == "of processor time":
        monkeypatch.setattr("tests.fuzz.engine.MOST_SECONDS", 1e-3)
    with own_place() as place, pytest.raises(AssertionError, match=words):
        attempt(stand_in(hand_in), b"x", place, FuzzReport())


def test_a_refusal_without_words_or_of_endless_words_is_a_fault() -> None:
    for said in ("", "x" * 5000):

        def hand_in(data: bytes, place: Path, said: str = said) -> None:
            raise WbcError(said)

        with own_place() as place, pytest.raises(AssertionError, match="refusal"):
            attempt(stand_in(hand_in), b"x", place, FuzzReport())


def test_a_kept_file_comes_back_as_it_was(tmp_path: Path) -> None:
    data = bytes(range(256)) * 3
    store("png", data, "KeyError:\nx", tmp_path)
    assert list(corpus("png", tmp_path).values()) == [data]


def test_one_seed_gives_the_same_files_everywhere() -> None:
    seen: list[list[bytes]] = []
    for _ in range(2):
        files: list[bytes] = []
        fuzz(stand_in(lambda data, place, files=files: files.append(data)), 5, 30)
        seen.append(files)
    assert seen[0] == seen[1]
    assert len(set(seen[0])) > 10
