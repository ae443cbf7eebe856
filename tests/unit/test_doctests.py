"""Docstrings: every example in a room that loads without Keras and Streamlit runs and prints what it says."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import wbc_core

ROOMS_LEFT_OUT = ("wbc_core.ui", "wbc_core.zoo", "wbc_core.training", "wbc_core.__main__")

MODULES = [
    module.name
    for module in pkgutil.walk_packages(wbc_core.__path__, "wbc_core.")
    if not module.name.startswith(ROOMS_LEFT_OUT)
]


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_a_docstring_are_true(name: str) -> None:
    results = doctest.testmod(importlib.import_module(name), optionflags=doctest.NORMALIZE_WHITESPACE)
    assert results.failed == 0


def test_the_search_finds_examples_to_run() -> None:
    finder = doctest.DocTestFinder()
    labels = importlib.import_module("wbc_core.biology.labels")
    assert sum(len(found.examples) for found in finder.find(labels)) >= 3
    assert "wbc_core.biology.labels" in MODULES
