"""The command ``wbc detect`` and its service: fields in, one row per cell out, every refusal by its reason."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.tiny_models import install_tiny_model
from wbc_core.biology.cell_types import CELL_TYPES
from wbc_core.biology.statements import RESEARCH_USE
from wbc_core.cli.main import main
from wbc_core.datasets.synthetic_fields import render_field, um_per_pixel
from wbc_core.imaging.preprocessing import Preprocessing
from wbc_core.services.field_results import COLUMNS, as_rows
from wbc_core.services.fields import cut_out, find_in_paths
from wbc_core.settings import settings

HEADER = "file,xmin,ymin,xmax,ymax,kind,score,label,confidence,status"
SIDE = 200


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Three pictures: two fields of one camera, and one that shows an empty slide."""
    place = tmp_path_factory.mktemp("fields")
    drawn = {
        "a.png": render_field((("neutrophil", "lymphocyte"), ("platelet", "monocyte")), seed=3, side=SIDE),
        "b.png": render_field((("platelet", "platelet"), ("platelet", "platelet")), seed=9, side=SIDE),
        "empty.png": np.full((300, 400, 3), 228, np.uint8),
    }
    for name, pixels in drawn.items():
        cv2.imwrite(str(place / name), cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR))
    return place


@pytest.fixture(autouse=True)
def _tiny(tmp_path, monkeypatch):
    install_tiny_model(tmp_path / "models", "tiny", "Tiny", CELL_TYPES)
    monkeypatch.setenv("WBC_MODELS_DIR", str(tmp_path / "models"))
    settings.cache_clear()
    yield
    settings.cache_clear()


def detect(capsys, *arguments: str, code: int = 0):
    with pytest.raises(SystemExit) as left:
        main(["detect", *arguments])
    assert left.value.code == code
    return capsys.readouterr()


def test_the_table_has_the_columns_that_scripts_rely_on(capsys, folder):
    printed = detect(capsys, str(folder), "--model", "tiny")
    assert printed.out.splitlines()[0] == HEADER == ",".join(COLUMNS)
    rows = list(csv.DictReader(io.StringIO(printed.out)))
    assert {row["kind"] for row in rows} == {"wbc", "rbc", "platelet", ""}
    for row in rows:
        if row["kind"] == "wbc":
            assert row["label"] in CELL_TYPES and 0 <= float(row["confidence"]) <= 1
            assert row["status"] in {"classified", "unidentified", "not_counted"}
        elif row["kind"]:
            assert row["label"] in {"red_cell", "platelet"} and row["confidence"] == ""
            assert row["status"] in {"found", "not_counted"}
        if row["kind"]:
            assert 0 <= int(row["xmin"]) < int(row["xmax"]) <= 2 * SIDE
            assert 0 <= int(row["ymin"]) < int(row["ymax"]) <= 2 * SIDE
            assert 0 <= float(row["score"]) <= 1
    assert sum(row["kind"] == "wbc" for row in rows) == 3


def test_a_picture_that_is_no_field_is_a_failed_row_and_stops_nothing(capsys, folder):
    (folder / "broken.jpg").write_bytes(b"no picture")
    try:
        printed = detect(capsys, str(folder), "--model", "tiny")
    finally:
        (folder / "broken.jpg").unlink()
    failed = [row for row in csv.DictReader(io.StringIO(printed.out)) if row["status"] == "failed"]
    assert [Path(row["file"]).name for row in failed] == ["broken.jpg", "empty.png"]
    assert all(row["kind"] == row["label"] == row["xmin"] == "" for row in failed)
    assert (
        f"wbc: {folder / 'empty.png'}: No red cells were found to tell the magnification by. Hand in a whole field of"
        " the monolayer, or give the scale in µm per pixel. [no_red_cells]"
    ) in printed.err.splitlines()
    assert "[unreadable]" in printed.err


def test_json_holds_a_summary_of_each_field_beside_the_cells(folder, tmp_path, capsys):
    out = tmp_path / "cells.json"
    detect(capsys, str(folder), "--model", "tiny", "--out", str(out), "--scale", str(um_per_pixel(SIDE)))
    written = json.loads(out.read_text(encoding="utf-8"))
    assert written["statement"] == RESEARCH_USE
    first, second, empty = written["fields"]
    assert (first["leukocytes"], first["um_per_pixel"], first["scale_from"]) == (3, um_per_pixel(SIDE), "given")
    assert (second["leukocytes"], second["platelets"], second["notes"]) == (
        0, 4, ["No leukocyte was found in this field."],
    )  # fmt: skip
    assert (empty["status"], empty["reason"]) == ("failed", "no_cells")
    assert len(written["cells"]) > 7


def test_fields_of_one_camera_share_one_ruler(tmp_path):
    for number in range(2):
        field = render_field((("platelet", "lymphocyte"),), seed=20 + 5 * number, side=SIDE)[:, :330]
        cv2.imwrite(str(tmp_path / f"{number}.png"), cv2.cvtColor(field, cv2.COLOR_RGB2BGR))
    first, second = find_in_paths([tmp_path], model_id="tiny")
    together = len(first.round_red_cells) + len(second.round_red_cells)
    assert together >= 30 > max(len(first.round_red_cells), len(second.round_red_cells))
    assert first.scale == second.scale
    assert first.scale is not None and first.scale.round_red_cells == together
    assert abs(first.scale.um_per_pixel - um_per_pixel(SIDE)) < first.scale.error
    (alone,) = find_in_paths([tmp_path / "0.png"], model_id="tiny")
    assert alone.scale is None
    assert all(found.diameter_um(alone.scale) is None for found in alone.cells)


def test_sizes_are_given_in_micrometres_where_there_is_a_scale(folder):
    (found,) = find_in_paths([folder / "a.png"], model_id="tiny", scale=um_per_pixel(SIDE))
    for cell in found.counted("wbc"):
        size = cell.diameter_um(found.scale)
        assert size is not None and 8 < size < 20


def test_a_cutting_shows_the_cell_in_its_middle(folder):
    (found,) = find_in_paths([folder / "a.png"], model_id="tiny")
    pixels = cv2.cvtColor(cv2.imread(str(folder / "a.png")), cv2.COLOR_BGR2RGB)
    for cell in found.counted("wbc"):
        cutting = cut_out(pixels, cell)
        assert cutting.shape[0] == cutting.shape[1]
        middle = slice(len(cutting) * 3 // 8, len(cutting) * 5 // 8)
        assert cutting[middle, middle, 1].mean() < cutting[..., 1].mean() - 20


def test_a_failed_field_is_one_row(folder):
    (found,) = find_in_paths([folder / "empty.png"], model_id="tiny")
    assert as_rows(found) == [dict.fromkeys(COLUMNS, "") | {"file": str(folder / "empty.png"), "status": "failed"}]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--scale", "9"), "wbc: A scale of 9 µm per pixel was given; between 0.005 and 2 was expected. Divide the µm"
                           " of a stage micrometer by the pixels they cover.\n"),
        (("--out", "cells.txt"), "wbc: The result file cells.txt ends neither in .csv nor in .json. Choose one of the"
                                 " two.\n"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_said_in_one_sentence_and_a_hint(capsys, folder, arguments, message):
    assert detect(capsys, str(folder / "a.png"), "--model", "tiny", *arguments, code=1).err == message


def test_a_folder_without_pictures_is_named(capsys, tmp_path):
    (tmp_path / "nothing").mkdir()
    printed = detect(capsys, str(tmp_path / "nothing"), "--model", "tiny", code=1)
    assert printed.err == (
        "wbc: No picture was found under the given paths. Name picture files, folders that hold some, or a zip.\n"
    )


def test_nothing_but_failures_leaves_with_an_error(capsys, folder):
    detect(capsys, str(folder / "empty.png"), "--model", "tiny", code=1)


def test_a_model_of_cells_cut_out_on_black_is_refused(capsys, folder, tmp_path):
    install_tiny_model(
        tmp_path / "models", "marrow", "Marrow", ("lymphoblast", "normal_precursor"), Preprocessing(crop="foreground")
    )
    printed = detect(capsys, str(folder / "a.png"), "--model", "marrow", code=1)
    assert printed.err == (
        "wbc: The model marrow knows only cells that were cut out on black. Choose a model for cells on a blood film.\n"
    )
