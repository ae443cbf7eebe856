"""The command ``wbc compare``: a table and sentences for people, JSON and CSV for programs."""

from __future__ import annotations

import csv
import json

import cv2
import pytest

from wbc_core.cli.main import main
from wbc_core.datasets.synthetic import render_cell

TWO = ("wbc8-lite0", "wbc8-lite0-pbc-only")


def compare(capsys, *arguments, code=0):
    with pytest.raises(SystemExit) as left:
        main(["compare", *map(str, arguments)])
    assert left.value.code == code
    return capsys.readouterr()


def test_shipped_predictions_need_no_pictures(capsys):
    text = compare(capsys, *TWO).out
    assert text.startswith("pbc: 2,220 pictures, basophil, eosinophil")
    assert "wbc8-lite0 is right on 13 pictures where wbc8-lite0-pbc-only is wrong" in text
    assert "choose one with --set." in text


def test_everything_is_written_as_json_and_one_row_a_model_as_csv(capsys, tmp_path):
    report = json.loads(compare(capsys, *TWO, "--set", "raabin", "--json", "--out", tmp_path / "rows.csv").out)
    assert report["source"] == "raabin"
    assert report["n"] == 49
    assert {row["model"] for row in report["models"]} == set(TWO)
    with (tmp_path / "rows.csv").open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["model"] for row in rows] == list(TWO)
    compare(capsys, *TWO, "--set", "raabin", "--out", tmp_path / "all.json")
    assert json.loads((tmp_path / "all.json").read_text(encoding="utf-8")) == report


def test_labels_can_be_chosen_by_their_aliases(capsys):
    report = json.loads(compare(capsys, *TWO, "--labels", "Monocytes,ig", "--json").out)
    assert report["labels"] == ["monocyte", "immature_granulocyte"]
    assert report["n"] == 185 + 376


def test_models_run_on_a_folder(capsys, tmp_path):
    for label in ("monocyte", "neutrophil"):
        (tmp_path / "cells" / label).mkdir(parents=True)
        picture = render_cell(label, seed=1, size=96)[..., ::-1]
        for number in range(3):
            cv2.imwrite(str(tmp_path / "cells" / label / f"{number}.png"), picture)
    report = json.loads(compare(capsys, *TWO, "--on", tmp_path / "cells", "--json").out)
    assert report["source"] == "cells"
    assert report["n"] == 6
    assert any(note.startswith("There are only 6 pictures") for note in report["notes"])
    assert report["models"][0]["figures"]["macro_f1"]["low"] is None


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["wbc8-lite0"], "One model was named: wbc8-lite0. Name two or more, or use `wbc evaluate` for one."),
        ([*TWO, "--out", "x.xlsx"], "The result file x.xlsx ends neither in .csv nor in .json. Choose one of the two."),
        ([*TWO, "--set", "moon"], "The predictions of wbc8-lite0 have no picture of the set 'moon'."),
        (["wbc8-lite0", "none"], "There is no model named 'none'."),
        ([*TWO, "--labels", "unicorn,monocyte"], '"unicorn" is not a known cell type.'),
        ([*TWO, "--on", "nowhere"], "There is no labelled data at nowhere."),
    ],
)
def test_errors_are_one_sentence_and_a_hint(capsys, arguments, words):
    done = compare(capsys, *arguments, code=1)
    assert done.out == ""
    assert done.err.startswith(f"wbc: {words}")
    assert len(done.err.strip().splitlines()) == 1
