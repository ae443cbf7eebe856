"""A field's scale: the user's, else the file's where the red cells do not contradict it, else that of the red cells."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import Image

from tests.tiny_models import install_tiny_model
from wbc_core.biology.cell_types import CELL_TYPES
from wbc_core.datasets.synthetic_fields import render_field, um_per_pixel
from wbc_core.services.field_results import FieldResult, as_summary
from wbc_core.services.fields import find_in_paths
from wbc_core.settings import settings
from wbc_core.smear.fields.scale import Scale, with_stored_scale

SIDE = 200
TRUE = um_per_pixel(SIDE)
MEASURED = Scale(0.1, 0.007, 50)


@pytest.fixture(autouse=True)
def _tiny(tmp_path, monkeypatch):
    install_tiny_model(tmp_path / "models", "tiny", "Tiny", CELL_TYPES)
    monkeypatch.setenv("WBC_MODELS_DIR", str(tmp_path / "models"))
    settings.cache_clear()
    yield
    settings.cache_clear()


def found_in(tmp_path: Path, ending: str, um: float, *, few: bool = False, scale: float | None = None) -> FieldResult:
    """The result of a drawn field whose file states a scale."""
    labels = (("platelet", "lymphocyte"),) if few else (("neutrophil", "lymphocyte"),) * 2
    pixels = render_field(labels, seed=20, side=SIDE)
    pixels = pixels[:, :330] if few else pixels
    buffer = io.BytesIO()
    if ending == "tif":
        words = f'<OME><Image><Pixels PhysicalSizeX="{um}" PhysicalSizeXUnit="um"/></Image></OME>'
        Image.fromarray(pixels).save(buffer, "TIFF", description=words)
    else:
        Image.fromarray(pixels).save(buffer, {"png": "PNG", "jpg": "JPEG"}[ending], dpi=(25_400 / um,) * 2)
    path = tmp_path / f"field.{ending}"
    path.write_bytes(buffer.getvalue())
    (result,) = find_in_paths([path], model_id="tiny", scale=scale)
    return result


@pytest.mark.parametrize("ending", ["tif", "png"])
def test_a_scale_in_the_file_is_used_where_the_red_cells_agree(tmp_path, ending):
    result = found_in(tmp_path, ending, 1.02 * TRUE)
    assert result.scale is not None and result.scale.stored
    summary = as_summary(result)
    assert summary["um_per_pixel"] == pytest.approx(1.02 * TRUE, rel=1e-3)
    assert summary["scale_from"] == "the file"
    assert not [note for note in result.notes if "file" in note]


def test_a_scale_in_the_file_that_the_red_cells_contradict_is_not_used_and_named(tmp_path):
    result = found_in(tmp_path, "tif", 2 * TRUE)
    assert result.scale is not None and result.scale.round_red_cells >= 30
    (note,) = [note for note in result.notes if "in the file" in note]
    assert note.startswith(f"The scale in the file, {2 * TRUE:.4f} µm per pixel, was not used: red cells would be 1")


def test_the_resolution_of_a_screen_is_not_used_and_named(tmp_path):
    result = found_in(tmp_path, "jpg", 25_400 / 72)
    assert result.scale is not None and not result.scale.stored
    assert "The file states 72 dpi, the resolution of a screen or printer: not used as scale." in result.notes


def test_the_users_scale_goes_before_the_files(tmp_path):
    result = found_in(tmp_path, "png", 1.02 * TRUE, scale=TRUE)
    assert as_summary(result)["scale_from"] == "given" and as_summary(result)["um_per_pixel"] == TRUE


def test_with_too_few_red_cells_the_files_scale_is_all_there_is(tmp_path):
    result = found_in(tmp_path, "png", 1.3 * TRUE, few=True)
    assert len(result.round_red_cells) < 30
    assert as_summary(result)["scale_from"] == "the file"


@pytest.mark.parametrize(
    ("measured", "stated", "source", "note"),
    [
        (MEASURED, None, "50 round red cells", ""),
        (MEASURED, 0.107, "the file", ""),
        (MEASURED, 0.108, "50 round red cells", "The scale in the file, 0.1080 µm per pixel, was not used."),
        (None, 0.02, "the file", ""),
        (None, 1.0, "the file", ""),
        (None, 1.1, None, "The file states 23091 dpi, the resolution of a screen or printer: not used as scale."),
        (Scale(0.3), 0.1, "given", ""),
        (None, None, None, ""),
    ],
)
def test_which_scale_goes_before(measured, stated, source, note):
    scale, said = with_stored_scale(measured, stated)
    assert (None if scale is None else scale.source, said) == (source, note)
