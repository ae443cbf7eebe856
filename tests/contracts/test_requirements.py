"""Installing: every package is bounded and locked, and the slim set stays slim."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
LISTS = tuple(f"requirements-{name}.txt" for name in ("serve", "train", "cluster", "laboratory", "dev", "release"))
TRAINING_ONLY = {"tensorflow", "keras", "tf2onnx", "torch", "jax"}


def requirements(name: str) -> list[Requirement]:
    lines = (line.partition("#")[0].strip() for line in (ROOT / name).read_text(encoding="utf-8").splitlines())
    return [Requirement(line) for line in lines if line and not line.startswith("-")]


LOCK = requirements("constraints.txt")


@pytest.mark.parametrize("name", LISTS)
def test_every_package_has_a_lower_and_an_upper_bound(name: str) -> None:
    for requirement in requirements(name):
        operators = {part.operator for part in requirement.specifier}
        assert operators == {">=", "<"}, f"{requirement} in {name}"


@pytest.mark.parametrize("name", LISTS)
def test_every_package_is_locked_inside_its_bounds(name: str) -> None:
    for requirement in requirements(name):
        pins = [pin for pin in LOCK if canonicalize_name(pin.name) == canonicalize_name(requirement.name)]
        assert pins, f"{requirement.name} of {name} is not in constraints.txt"
        for pin in pins:
            (version,) = (part.version for part in pin.specifier)
            assert requirement.specifier.contains(version), f"{pin} against {requirement}"


def test_the_lock_holds_exact_versions_and_names_no_host() -> None:
    for pin in LOCK:
        assert [part.operator for part in pin.specifier] == ["=="], str(pin)
        assert pin.url is None
    assert not re.search(r"https?://|--\w|@", (ROOT / "constraints.txt").read_text(encoding="utf-8"))


def test_the_slim_set_brings_no_training_framework() -> None:
    assert not {requirement.name for requirement in requirements("requirements-serve.txt")} & TRAINING_ONLY


def test_the_whole_set_is_the_slim_set_and_training() -> None:
    text = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    included = [line.removeprefix("-r ") for line in text.splitlines() if line.startswith("-r ")]
    assert included == ["requirements-serve.txt", "requirements-train.txt"]


def test_opencv_is_the_headless_build() -> None:
    names = {pin.name for pin in LOCK if pin.name.startswith("opencv")}
    assert names == {"opencv-python-headless"}
