"""Recipes from outside are read within limits, and refused in words where they ask for more."""

from __future__ import annotations

import os
from pathlib import Path

import cv2
import numpy as np
import pytest

from wbc_core.errors import ImageError, RecipeError
from wbc_core.imaging.decoding import MOST_ELONGATED, decode_image
from wbc_core.recipes.spec import parse_recipe, read_recipe
from wbc_core.recipes.yaml_text import DEEPEST, load_fields

GOOD = "id: ab\ntitle: A\nseed: 1\ndata: [{name: pbc}]\n"
LAUGHS = "a: &a [x, x]\n" + "".join(f"{n}: &{n} [*{chr(ord(n) - 1)}, *{chr(ord(n) - 1)}]\n" for n in "bcdefghij")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (LAUGHS, "The recipe r uses a YAML alias (*name)."),
        ("a: !!python/object/apply:os.system [id]", "The recipe r uses a YAML tag (!!name)."),
        ("a: !!timestamp x", "The recipe r uses a YAML tag (!!name)."),
        ("a: " + "[" * 10_000, f"The recipe r is nested more than {DEEPEST} deep."),
        ("- " * 1000 + "x", f"The recipe r is nested more than {DEEPEST} deep."),
        ("a: 2026-13-45", "The recipe r is no valid YAML."),
        ("a: 1" + ":00" * 200 + ".0", "The recipe r is no valid YAML."),
        ("a: " + "9" * 5000, "The recipe r is no valid YAML."),
        ("a: 0x" + "f" * 17, "The recipe r holds a number of more than 64 bits."),
        ("a: {b: [1, 0x1" + "0" * 16 + "]}", "The recipe r holds a number of more than 64 bits."),
        ("a: b\0", "The recipe r is no valid YAML."),
        ("[]", "The recipe r holds no fields."),
        ("a" * 20_001, "The recipe r has 20,001 characters, more than 20,000."),
    ],
)
def test_what_no_recipe_needs_is_refused(text: str, message: str) -> None:
    for read in (load_fields, parse_recipe):
        with pytest.raises(RecipeError) as caught:
            read(text, "r")
        assert caught.value.message == message
        assert caught.value.hint


@pytest.mark.parametrize("value", [".inf", "-.inf", ".nan"])
def test_a_share_must_be_a_number(value: str) -> None:
    with pytest.raises(RecipeError, match=r"data\.0\.share is"):
        parse_recipe(GOOD.replace("name: pbc", f"name: pbc, share: {value}"))


@pytest.mark.parametrize("kind", ["pipe", "device", "folder", "missing", "bytes"])
def test_what_is_no_text_file_is_refused_at_once(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "r.yaml"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "device":
        path.symlink_to("/dev/zero")
    elif kind == "folder":
        path.mkdir()
    elif kind == "bytes":
        path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(RecipeError) as caught:
        read_recipe(path)
    assert caught.value.message == f"The recipe {path} cannot be read."


def test_a_strip_that_would_have_no_pixels_left_is_no_picture() -> None:
    for height, width, well in ((24, 24 * MOST_ELONGATED, True), (24, 24 * MOST_ELONGATED + 1, False)):
        data = cv2.imencode(".png", np.full((height, width, 3), 200, np.uint8))[1].tobytes()
        if well:
            assert decode_image(data, "a.png").width == width
        else:
            with pytest.raises(ImageError) as caught:
                decode_image(data, "a.png")
            assert str(caught.value) == (
                "'a.png' has 1,537 × 24 pixels; no side may exceed 64 times the other. "
                "Crop it to the cell and try again."
            )
