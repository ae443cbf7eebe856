"""Every bad input gets its reason: named per file, nothing lost, nothing counted silently, as a field and as a cell."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from benchmarks.field_detection import labelled_fields
from tests import bad_fields
from tests.own_batches import own_batches
from tests.packed_pictures import changed, png, zipped
from tests.tiny_models import install_tiny_model
from wbc_core.biology.cell_types import CELL_TYPES
from wbc_core.cli.main import main
from wbc_core.datasets.synthetic import render_cell
from wbc_core.imaging.decoding import read_image
from wbc_core.services.differential import count_table
from wbc_core.services.field_cautions import cautions_over
from wbc_core.services.field_results import FieldResult
from wbc_core.services.fields import find_in_paths
from wbc_core.settings import settings
from wbc_core.smear.case import Case
from wbc_core.smear.fields.film_words import CAUTIONS
from wbc_core.smear.fields.finding import find_cells

TO_PREDICT = "Whole fields are counted here; single cells go to the page Batch, or to `wbc batch`."
NO_LEUKOCYTE = "No leukocyte was found in this field."
REFUSED: dict[str, tuple[Callable[[], np.ndarray], str, str, str]] = {
    "cat": (
        bad_fields.cat,
        "not_a_field",
        "The picture has colours that no blood film stained after Romanowsky has.",
        "Hand in pictures of a stained blood film, taken through the microscope.",
    ),
    "grey cat": (
        lambda: bad_fields.cat(grey=True),
        "no_colours",
        "The picture is grey: without a stain's colours no cell type can be told.",
        "Hand in colour pictures of a film stained after Romanowsky.",
    ),
    "phase contrast": (
        lambda: bad_fields.as_grey(bad_fields.good_field()),
        "no_colours",
        "The picture is grey: without a stain's colours no cell type can be told.",
        "Hand in colour pictures of a film stained after Romanowsky.",
    ),
    "single cell": (
        lambda: render_cell("neutrophil", seed=1, size=200),
        "single_cell",
        "The picture is a cutting around a single cell, no field.",
        TO_PREDICT,
    ),
    "cut out": (
        bad_fields.cut_out_on_black,
        "single_cell",
        "The picture shows a single cell, cut out on black.",
        TO_PREDICT,
    ),
    "weak objective": (
        bad_fields.weak_objective,
        "magnification_too_low",
        "Red cells are only 9 pixels wide.",
        "Use a stronger objective, or the picture at its full size.",
    ),
    "strong objective": (
        bad_fields.strong_objective,
        "magnification_too_high",
        "The picture shows hardly more than a single cell.",
        TO_PREDICT,
    ),
    "empty slide": (
        bad_fields.empty_slide,
        "no_red_cells",
        "No red cells were found to tell the magnification by.",
        "Hand in a whole field of the monolayer, or give the scale in µm per pixel.",
    ),
}
BEWARE: dict[str, tuple[Callable[[], np.ndarray], tuple[str, ...]]] = {
    "thick": (bad_fields.thick_part, (CAUTIONS["thick"],)),
    "feathered": (bad_fields.feathered_edge, (CAUTIONS["feathered_edge"],)),
    "cobbled": (lambda: bad_fields.feathered_edge(cobbled=True), (CAUTIONS["feathered_edge"],)),
    "marrow": (bad_fields.marrow, (CAUTIONS["crowded"],)),
    "coarse": (bad_fields.coarse_field, (CAUTIONS["coarse"],)),
    "haematoxylin and eosin": (
        lambda: bad_fields.restained(bad_fields.good_field(1), "haematoxylin and eosin"),
        (CAUTIONS["violet_red_cells"],),
    ),
    "Papanicolaou": (
        lambda: bad_fields.restained(bad_fields.good_field(2), "Papanicolaou"),
        (CAUTIONS["violet_red_cells"], CAUTIONS["foreign_colours"]),
    ),
    "immunoperoxidase": (
        lambda: bad_fields.restained(bad_fields.good_field(3), "immunoperoxidase"),
        (CAUTIONS["no_violet"], NO_LEUKOCYTE),
    ),
    "Gram": (
        lambda: bad_fields.restained(bad_fields.good_field(4), "Gram"),
        (CAUTIONS["no_violet"], NO_LEUKOCYTE),
    ),
    "crystal violet": (
        lambda: bad_fields.restained(bad_fields.good_field(5), "crystal violet"),
        (CAUTIONS["crowded"], CAUTIONS["violet_red_cells"]),
    ),
    "eyepiece": (
        bad_fields.eyepiece,
        ("Dark surroundings, 52% of the picture, were left out; cells at their edge count as cut.",),
    ),
    "no leukocyte": (bad_fields.no_leukocyte, (NO_LEUKOCYTE,)),
    "good": (bad_fields.good_field, ()),
}
BROKEN = {"007.png", "250.png", "499.png"}


@dataclass(frozen=True)
class Ran:
    """What a command said: its JSON, and its lines on stderr."""

    answer: dict
    said: list[str]


def run(arguments: list[str], capsys: pytest.CaptureFixture[str], code: int = 0) -> Ran:
    with pytest.raises(SystemExit) as left:
        main([*arguments, "--json"])
    printed = capsys.readouterr()
    assert left.value.code == code, printed.err
    return Ran(json.loads(printed.out), printed.err.splitlines())


@pytest.fixture(scope="module")
def handed_in(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of bad fields among other documents, in it a folder with a second file of one name."""
    folder = tmp_path_factory.mktemp("handed_in")
    for name, drawn in {**REFUSED, **BEWARE}.items():
        (folder / f"{name}.png").write_bytes(png(drawn[0]()))
    (folder / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 torn")
    (folder / "report.docx").write_bytes(b"PK no picture")
    (folder / "counts.xlsx").write_bytes(b"PK no picture")
    (folder / "older.zip").write_bytes(b"PK packed")
    (folder / "again").mkdir()
    (folder / "again" / "cat.png").write_bytes((folder / "cat.png").read_bytes())
    return folder


@pytest.fixture(scope="module")
def archives(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Archives that are none, hold others, are locked, or lie about their entries; two entries of one name."""
    folder = tmp_path_factory.mktemp("archives")
    cell, other = png(render_cell("monocyte", seed=2, size=64)), png(render_cell("monocyte", seed=3, size=64))
    one = zipped({"a.png": cell})
    (folder / "none.zip").write_bytes(b"PK no archive")
    (folder / "nested.zip").write_bytes(zipped({"inner.zip": one, "notes.txt": b"x", "b.png": other}))
    (folder / "locked.zip").write_bytes(changed(one, 0, 8, b"\x01"))
    (folder / "checksum.zip").write_bytes(changed(one, 0, 16, b"\0\0\0\0"))
    (folder / "larger.zip").write_bytes(changed(one, 0, 24, (40_000_000).to_bytes(4, "little")))
    (folder / "unfolding.zip").write_bytes(changed(one, 0, 24, (900_000_000).to_bytes(4, "little")))
    twice = zipped(
        {name: png(render_cell("monocyte", seed=seed, size=64)) for seed, name in ((4, "c.png"), (5, "d.png"))}
    )
    (folder / "twice.zip").write_bytes(twice.replace(b"d.png", b"c.png"))
    return folder


ARCHIVE_ERRORS = {
    "none.zip": ("The archive {} cannot be read as a zip file.", "Pack the pictures again."),
    "locked.zip": ("{}/a.png is encrypted.", "Pack the pictures without a password."),
    "checksum.zip": ("{}/a.png cannot be unpacked: Bad CRC-32 for file 'a.png'.", "Pack the pictures again."),
    "larger.zip": (
        "{}/a.png has 40 MB; the limit is 25 MB.",
        "Save the picture smaller, or raise WBC_MAX_UPLOAD_MB.",
    ),
    "unfolding.zip": (
        "The archive {} unfolds to more than 200 times its size, which no pictures do.",
        "Pack the pictures again.",
    ),
}


@pytest.fixture
def _models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with own_batches(tmp_path, monkeypatch, {"tiny": CELL_TYPES}):
        yield


@pytest.mark.slow
@pytest.mark.usefixtures("_models")
def test_every_bad_field_is_named_with_its_reason(handed_in, archives, capsys):
    names = sorted(ARCHIVE_ERRORS)
    ran = run(["detect", str(handed_in), *(str(archives / name) for name in names), "--model", "tiny"], capsys)
    fields = {field["file"]: field for field in ran.answer["fields"]}
    pictures = len(REFUSED) + len(BEWARE) + 2
    assert len(fields) == pictures + len(names), "every file once"
    for name, (_, reason, message, hint) in REFUSED.items():
        file = str(handed_in / f"{name}.png")
        said = {key: fields[file][key] for key in ("status", "reason", "error", "hint", "leukocytes")}
        assert said == {
            "status": "failed", "reason": reason, "error": f"{file}: {message}", "hint": hint, "leukocytes": 0,
        }, name  # fmt: skip
        assert f"wbc: {file}: {message} {hint} [{reason}]" in ran.said
    for name, (_, notes) in BEWARE.items():
        file = str(handed_in / f"{name}.png")
        assert (fields[file]["status"], tuple(fields[file]["notes"])) == ("counted", notes), name
        assert all(f"wbc: {file}: {note}" in ran.said for note in notes)
    assert fields[str(handed_in / "again" / "cat.png")]["reason"] == "not_a_field"
    assert fields[str(handed_in / "broken.jpg")]["reason"] == "unreadable"
    for name, (error, hint) in ARCHIVE_ERRORS.items():
        (found,) = [field for file, field in fields.items() if file.startswith(str(archives / name))]
        assert (found["reason"], found["error"], found["hint"]) == (
            "unreadable", error.format(archives / name), hint,
        )  # fmt: skip
    assert {left["file"] for left in ran.answer["left_out"]} == {
        str(handed_in / name) for name in ("counts.xlsx", "older.zip", "report.docx")
    }
    assert f"wbc: {handed_in / 'older.zip'} is an archive inside; unpack it and hand in its pictures." in ran.said
    counted = {cell["file"] for cell in ran.answer["cells"] if cell["kind"]}
    assert counted == {str(handed_in / f"{name}.png") for name in BEWARE}, "nothing of a refused field is counted"
    differential = count_table(json.dumps(ran.answer).encode(), "cells.json", Case())
    cautions = {caution.code: caution.sentence for caution in differential.cautions}
    for name, (_, notes) in BEWARE.items():
        for word in (word for word, sentence in CAUTIONS.items() if sentence in notes):
            assert f"{name}.png" in cautions[word] and CAUTIONS[word] in cautions[word], name
    failed = len(REFUSED) + 2 + len(names)
    assert cautions["failed"].startswith(f"{failed} of {len(fields)} pictures were not counted: ")


@pytest.mark.usefixtures("_models")
def test_every_bad_picture_of_a_cell_is_named_with_its_reason(handed_in, archives, tmp_path, capsys):
    cells = zipped(
        {
            f"{number:03}.png": b"torn" if f"{number:03}.png" in BROKEN else png(_small_cell(number))
            for number in range(500)
        }
    )
    (tmp_path / "cells.zip").write_bytes(cells)
    names = sorted([*ARCHIVE_ERRORS, "nested.zip", "twice.zip"])
    sources = [str(handed_in), str(tmp_path / "cells.zip"), *(str(archives / name) for name in names)]
    out = tmp_path / "rows.csv"
    ran = run(["batch", *sources, "--model", "tiny", "--out", str(out)], capsys)
    rows = {row["file"]: row for row in csv.DictReader(io.StringIO(out.read_text(encoding="utf-8")))}
    pictures = len(REFUSED) + len(BEWARE) + 2
    assert len(rows) == ran.answer["pictures"] == pictures + 500 + len(ARCHIVE_ERRORS) + 3, "every picture has a row"

    failed = {file for file, row in rows.items() if row["status"] == "failed"}
    torn = {f"{tmp_path / 'cells.zip'}/{name}" for name in BROKEN}
    bad = {error.split(" ")[0].format(archives / name) for name, (error, _) in ARCHIVE_ERRORS.items()} - {"The"}
    whole = {str(archives / name) for name in ("none.zip", "unfolding.zip")}
    assert failed == torn | bad | whole | {str(handed_in / "broken.jpg")}
    for name, (error, hint) in ARCHIVE_ERRORS.items():
        assert f"{error.format(archives / name)} {hint}" in {rows[file]["error"] for file in failed}
    assert all("wbc: " + rows[file]["error"] in ran.said for file in failed)

    for name in ("cat", "grey cat", "phase contrast", "empty slide"):
        row = rows[str(handed_in / f"{name}.png")]
        assert (row["status"], row["reason"]) == ("unidentified", "not_a_cell"), name
    for name in ("good", "thick", "marrow"):
        assert rows[str(handed_in / f"{name}.png")]["note"] == "several_cells", name
    assert rows[str(handed_in / "single cell.png")]["note"] == ""
    first, again = (rows[str(handed_in / folder / "cat.png")] for folder in ("again", "."))
    assert sorted((first["same_as"], again["same_as"])) == ["", str(handed_in / "again" / "cat.png")]
    assert {f"{archives / 'twice.zip'}/c.png", f"{archives / 'twice.zip'}/c.png (2)"} <= set(rows)

    left_out = ran.answer["left_out"]
    assert left_out == {
        str(handed_in / "counts.xlsx"): "is no picture: files ending in .xlsx are left out",
        str(handed_in / "older.zip"): "is an archive inside; unpack it and hand in its pictures",
        str(handed_in / "report.docx"): "is no picture: files ending in .docx are left out",
        f"{archives / 'nested.zip'}/inner.zip": "is an archive inside; unpack it and hand in its pictures",
        f"{archives / 'nested.zip'}/notes.txt": "is no picture: files ending in .txt are left out",
    }
    counted = sum(ran.answer["classified"].values()) + sum(ran.answer["unidentified"].values())
    assert counted + ran.answer["failed"] + ran.answer["same_as_another"] == len(rows), "nothing is lost"


def _small_cell(number: int) -> np.ndarray:
    """A drawn cell that no other number has."""
    pixels = _DRAWN[number % len(_DRAWN)].copy()
    pixels[0, 0] = (*divmod(number, 256), 0)
    return pixels


_DRAWN = [render_cell(label, seed=1, size=64) for label in ("neutrophil", "lymphocyte", "monocyte")]


def test_a_caution_of_several_fields_is_said_once_the_gravest_first():
    results = [
        FieldResult("a.png", notes=(CAUTIONS["coarse"],)),
        FieldResult("b.png", notes=("Other.", CAUTIONS["crowded"], CAUTIONS["coarse"])),
        FieldResult("c.png", status="failed", reason="not_a_field"),
    ]
    assert list(cautions_over(results).items()) == [
        ("crowded", ("b.png",)),
        ("coarse", ("a.png", "b.png")),
    ]


@pytest.mark.data
def test_real_fields_are_neither_refused_nor_cautioned_without_cause(data_dir):
    for path, _ in labelled_fields("train")[::21]:
        found = find_cells(read_image(path).pixels)
        assert not found.reason, path.name
        assert set(found.notes) <= {CAUTIONS["thick"]}, path.name


@pytest.mark.data
def test_real_pictures_of_single_cells_are_no_fields(data_dir, tmp_path, monkeypatch):
    folders = [data_dir / "pbc" / kind for kind in ("basophil", "monocyte", "platelet")]
    folders += [data_dir / "cnmc" / "blast", data_dir / "raabin" / "TestA"]
    files = [sorted(path for path in folder.rglob("*") if path.is_file())[7] for folder in folders]
    install_tiny_model(tmp_path, "tiny", "Tiny", CELL_TYPES)
    monkeypatch.setenv("WBC_MODELS_DIR", str(tmp_path))
    settings.cache_clear()
    try:
        results = find_in_paths(files, model_id="tiny")
    finally:
        settings.cache_clear()
    assert {result.file: result.reason for result in results} == {str(file): "single_cell" for file in files}
