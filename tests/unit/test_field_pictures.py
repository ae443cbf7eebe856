"""Decoded fields are kept for the next click, within a bound, and forgotten with their run."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from tests.tiny_models import install_tiny_model
from wbc_core.batches.listing import Upload
from wbc_core.biology.cell_types import CELL_TYPES
from wbc_core.errors import ImageError
from wbc_core.services import field_runs
from wbc_core.services.field_pictures import DecodedFields, decoded_fields
from wbc_core.settings import settings

SIZE = 100 * 100 * 3


class Decoder:
    """Decodes to a picture of one grey and counts how often it did."""

    def __init__(self, side: int = 100) -> None:
        self.side = side
        self.calls = 0

    def __call__(self) -> np.ndarray:
        self.calls += 1
        return np.full((self.side, self.side, 3), self.calls, np.uint8)


def test_a_field_is_decoded_once():
    fields, decode = DecodedFields(), Decoder()
    first, second = (fields.field("run", 0, decode) for _ in range(2))
    assert first is second
    assert decode.calls == 1
    assert fields.bytes == SIZE


def test_the_fields_used_longest_ago_give_way():
    fields, decode = DecodedFields(2 * SIZE), Decoder()
    for number in (0, 1, 0, 2, 0):
        fields.field("run", number, decode)
    assert (decode.calls, fields.bytes) == (3, 2 * SIZE)
    fields.field("run", 1, decode)
    assert decode.calls == 4


def test_a_field_larger_than_the_bound_is_not_kept():
    fields, decode = DecodedFields(SIZE - 1), Decoder()
    assert fields.field("run", 0, decode).shape == (100, 100, 3)
    assert fields.bytes == 0


def test_a_forgotten_run_leaves_nothing_and_others_stay():
    fields, decode = DecodedFields(), Decoder()
    fields.field("one", 0, decode)
    fields.field("other", 0, decode)
    fields.forget("one")
    assert fields.bytes == SIZE
    fields.field("other", 0, decode)
    assert decode.calls == 2


def test_what_cannot_be_decoded_is_not_kept():
    def broken() -> np.ndarray:
        raise ImageError("It is damaged.", "Copy it again.")

    fields = DecodedFields()
    with pytest.raises(ImageError):
        fields.field("run", 0, broken)
    assert fields.bytes == 0


def test_the_fields_of_a_page_are_decoded_once_and_forgotten_with_their_run(tmp_path, monkeypatch):
    install_tiny_model(tmp_path / "models", "tiny", "Tiny", CELL_TYPES)
    monkeypatch.setenv("WBC_MODELS_DIR", str(tmp_path / "models"))
    settings.cache_clear()
    decoded_fields.cache_clear()
    buffer = io.BytesIO()
    Image.fromarray(np.full((120, 160, 3), 225, np.uint8)).save(buffer, "PNG")
    try:
        run_id = field_runs.submit_fields([Upload("a.png", buffer.getvalue())], model_id="tiny")
        assert field_runs.runner().wait(run_id, 120)
        run = field_runs.field_run(run_id)
        assert field_runs.field_pixels(run, 0) is field_runs.field_pixels(run, 0)
        assert decoded_fields().bytes == 120 * 160 * 3
        field_runs.forget_fields(run_id)
        assert decoded_fields().bytes == 0
        assert field_runs.field_pixels(run, 0).shape == (120, 160, 3)  # a page that still holds the run
        assert decoded_fields().bytes == 0
    finally:
        settings.cache_clear()
