"""The commands of the contract, as a script would call them."""

import csv
import io
import json
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from subprocess import CompletedProcess

import cv2
import numpy as np
import pytest

from wbc_core.biology.cell_types import CELL_TYPES
from wbc_core.cli.main import main
from wbc_core.datasets.synthetic import render_cell


def wbc(*arguments, code=0):
    """Give a command in this process, which has loaded already what each process of its own would load."""
    printed, complained = io.StringIO(), io.StringIO()
    with redirect_stdout(printed), redirect_stderr(complained), pytest.raises(SystemExit) as left:
        main([str(argument) for argument in arguments])
    assert left.value.code == code, complained.getvalue()
    return CompletedProcess(arguments, code, printed.getvalue(), complained.getvalue())


def wbc_process(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "wbc_core", *map(str, arguments)], capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def cells(tmp_path_factory):
    """A folder of class folders with synthetic cells, three of each type."""
    folder = tmp_path_factory.mktemp("cells")
    for label in CELL_TYPES:
        (folder / label).mkdir()
        for seed in range(3):
            cv2.imwrite(str(folder / label / f"{seed}.jpg"), render_cell(label, seed=seed, size=200)[..., ::-1])
    return folder


def test_a_process_gives_rows_on_stdout_or_one_sentence_on_stderr_and_its_exit_code(cells):
    good = wbc_process("predict", cells / "monocyte")
    assert (good.returncode, good.stderr) == (0, "")
    assert good.stdout == wbc("predict", cells / "monocyte").stdout
    bad = wbc_process("predict", "x.jpg", "--model", "nothing")
    assert (bad.returncode, bad.stdout) == (1, "")
    assert bad.stderr == wbc("predict", "x.jpg", "--model", "nothing", code=1).stderr


def test_predict_prints_one_row_a_picture(cells):
    rows = list(csv.DictReader(wbc("predict", cells).stdout.splitlines()))
    assert len(rows) == 24
    assert list(rows[0]) == [
        "file",
        "label",
        "confidence",
        "status",
        "reason",
        "error",
        *(f"p_{x}" for x in CELL_TYPES),
    ]
    assert {row["status"] for row in rows} <= {"classified", "unidentified"}
    for row in rows:
        assert sum(float(row[f"p_{label}"]) for label in CELL_TYPES) == pytest.approx(1, abs=1e-4)


def test_predict_writes_json_for_chosen_labels(cells, tmp_path):
    wbc("predict", cells / "monocyte", "--labels", "Monocytes,lymphocyte", "--out", tmp_path / "out.json")
    content = json.loads((tmp_path / "out.json").read_text())
    assert len(content["results"]) == 3
    assert set(content["results"][0]["probabilities"]) == {"monocyte", "lymphocyte"}


def test_predict_fails_only_when_nothing_could_be_read(cells, tmp_path):
    (tmp_path / "bad.jpg").write_text("no picture")
    alone = wbc("predict", tmp_path / "bad.jpg", code=1)
    assert "failed" in alone.stdout
    (tmp_path / "report.docx").write_bytes(b"PK no picture")
    mixed = wbc("predict", tmp_path, cells / "monocyte")
    assert f"wbc: {tmp_path / 'report.docx'} is no picture: files ending in .docx are left out." in mixed.stderr
    assert "1 of 4 pictures could not be read" in mixed.stderr


@pytest.mark.parametrize(
    ("content", "name", "words"),
    [
        (b"", "empty.jpg", "empty"),
        (b"Dear doctor,\n", "letter.jpg", "letter.jpg"),
        (cv2.imencode(".png", np.zeros((1, 1, 3), np.uint8))[1].tobytes(), "dot.png", "1 × 1"),
    ],
)
def test_a_bad_picture_says_what_is_wrong(tmp_path, content, name, words):
    (tmp_path / name).write_bytes(content)
    (row,) = csv.DictReader(wbc("predict", tmp_path / name, code=1).stdout.splitlines())
    assert row["status"] == "failed"
    assert words in row["error"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["predict", "x.jpg", "--model", "nothing"], "There is no model named 'nothing'"),
        (["predict", "x.jpg", "--labels", "unicorn,monocyte"], "unicorn"),
        (["predict", "x.jpg", "--out", "x.xlsx"], "ends neither in .csv nor in .json"),
        (["evaluate", "nowhere"], "There is no labelled data at nowhere"),
        (["train", "nowhere.yaml"], "The recipe nowhere.yaml cannot be read"),
        (["models", "export", "wbc8-lite0", "--format", "pdf"], "no export format 'pdf'"),
    ],
)
def test_errors_are_one_sentence_and_a_hint_on_stderr(arguments, words):
    done = wbc(*arguments, code=1)
    assert done.stdout == ""
    assert done.stderr.startswith("wbc: ")
    assert words in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_evaluate_reports_the_figures_of_the_contract(cells, tmp_path):
    wbc("evaluate", cells, "--merge", "granulocyte=eosinophil+basophil+neutrophil", "--out", tmp_path / "report.json")
    report = json.loads((tmp_path / "report.json").read_text())
    assert {"n", "accuracy", "macro_f1", "coverage", "accuracy_classified", "ece", "per_class", "confusion"} <= set(
        report
    )
    assert report["n"] == 24
    assert "granulocyte" in report["confusion"]["labels"]
    assert report["per_class"]["granulocyte"]["support"] == 9
    assert set(report["per_class"]["granulocyte"]) == {"precision", "recall", "specificity", "f1", "support"}
    assert sum(map(sum, report["confusion"]["matrix"])) == 24
    trace = sum(row[index] for index, row in enumerate(report["confusion"]["matrix"]))
    assert report["accuracy"] == pytest.approx(trace / 24)


def test_evaluate_refuses_labels_that_were_not_asked_for(cells):
    done = wbc("evaluate", cells, "--labels", "monocyte,lymphocyte", code=1)
    assert "which are not among the labels predicted" in done.stderr


def test_models_are_listed_shown_verified_and_exported(tmp_path):
    listed = json.loads(wbc("models", "list", "--json").stdout)
    assert listed[0]["id"] == "wbc8-lite0"
    assert json.loads(wbc("models", "show", "wbc8-lite0").stdout)["labels"] == list(CELL_TYPES)
    assert "wbc8-lite0: sound" in wbc("models", "verify").stdout
    wbc("models", "export", "wbc8-lite0", "--format", "onnx", "--to", tmp_path)
    assert (tmp_path / "wbc8-lite0.onnx").stat().st_size > 1_000_000


@pytest.mark.slow
def test_a_model_is_exported_to_tflite(tmp_path):
    wbc("models", "export", "wbc8-lite0", "--format", "tflite", "--to", tmp_path)
    assert (tmp_path / "wbc8-lite0.tflite").read_bytes()[4:8] == b"TFL3"
