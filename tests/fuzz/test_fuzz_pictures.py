"""Thousands of spoiled pictures through the upload of the single-image page: a picture, or a ``WbcError``."""

from __future__ import annotations

import pytest

from tests.fuzz.engine import fuzz
from tests.fuzz.picture_targets import picture_targets

pytestmark = pytest.mark.filterwarnings("ignore")  # Pillow warns of what is meant here
SEED = 20261122
TARGETS = {target.name: target for target in picture_targets()}


@pytest.mark.parametrize("name", TARGETS)
def test_a_spoiled_picture_is_shown_or_refused_in_words(name: str) -> None:
    report = fuzz(TARGETS[name], SEED, TARGETS[name].count)
    # Both must occur: else the mutations would be too mild or too crude to show anything.
    assert report.outcomes["read"] > 50, report
    assert report.outcomes["refused"] > 50, report
