"""The command ``wbc differential`` and its services: predictions or a count in, a table, JSON or a file out."""

from __future__ import annotations

import csv
import json
import re
from collections import Counter
from pathlib import Path

import cv2
import pytest

from wbc_core.biology.cell_types import CELL_TYPES
from wbc_core.biology.own_ranges import read_own_ranges
from wbc_core.biology.statements import RESEARCH_USE
from wbc_core.cli.main import main
from wbc_core.datasets.synthetic import render_cell
from wbc_core.services.differential import count_answers, count_typed, site_rules
from wbc_core.settings import settings
from wbc_core.smear.case import Case
from wbc_core.smear.intervals import exact_limits, rounded_outward

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "differential.md"
LABELS = ("basophil", "eosinophil", "lymphocyte", "monocyte", "neutrophil")


@pytest.fixture(autouse=True)
def _fresh_settings():
    settings.cache_clear()
    yield
    settings.cache_clear()


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def wbc(capsys, *arguments: str, code: int = 0):
    with pytest.raises(SystemExit) as left:
        main(["differential", *arguments])
    assert left.value.code == code
    return capsys.readouterr()


def predictions(path: Path, cells: dict[str, int], unsure: int = 0) -> Path:
    rows = [label for label, number in cells.items() for _ in range(number)]
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(["file", "label", "confidence", "status", "reason", "error", *(f"p_{x}" for x in LABELS)])
        for place, label in enumerate([*rows, *["monocyte"] * unsure]):
            sure = place < len(rows)
            writer.writerow(
                [f"{place}.png", label, 0.9 if sure else 0.4, "classified" if sure else "unidentified",
                 "" if sure else "low_confidence", "", *(0.9 if x == label else 0.025 for x in LABELS)]
            )  # fmt: skip
    return path


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


def test_the_worked_example_of_the_document_is_what_the_command_prints(capsys, here):
    (here / "count.csv").write_text(blocks("csv")[0], encoding="utf-8")
    command, output = blocks("console")[0].strip(), blocks("text")[0]
    assert command.startswith("$ wbc differential ")
    assert wbc(capsys, *command.split()[3:]).out == output


def test_the_numbers_that_the_document_explains_are_those_of_the_example(capsys, here):
    (here / "count.csv").write_text(blocks("csv")[0], encoding="utf-8")
    arguments = blocks("console")[0].split()[3:]
    line = json.loads(wbc(capsys, *arguments, "--json").out)["lines"][0]
    text = " ".join(DOCUMENT.read_text(encoding="utf-8").split())
    assert f"**Neutrophils {line['percent_shown']}, limits {line['low_shown']}–{line['high_shown']}.**" in text
    absolute = line["absolute"]
    assert f"62 % of 12.04 × 10⁹/L are {absolute['value']:.2f} × 10⁹/L" in text
    assert f"reach from {absolute['low']:.1f} to {absolute['high']:.1f}" in text
    assert line["flag"]["words"] == "high, limit inside counting error"


def test_the_limits_in_the_document_are_exact():
    rows = re.findall(
        r"^\| (\d+) % \| (\d+)–(\d+) \| (\d+)–(\d+) \| (\d+)–(\d+) \|$",
        DOCUMENT.read_text(encoding="utf-8"),
        re.MULTILINE,
    )
    assert len(rows) == 4
    for percent, *limits in rows:
        shown = [rounded_outward(*exact_limits(int(percent) * n // 100, n)) for n in (100, 200, 500)]
        assert [int(limit) for limit in limits] == [limit for pair in shown for limit in pair]


def test_the_chances_in_the_document_are_right():
    text = " ".join(DOCUMENT.read_text(encoding="utf-8").split())
    assert f"missed entirely by {100 * 0.99**100:.0f} of 100 counts of 100 cells" in text
    assert f"and by {100 * 0.99**200:.0f} of 100 counts of 200" in text
    right, wrong = 0.005 * 0.98, 0.995 * 0.005
    assert right / (right + wrong) == pytest.approx(0.5, abs=0.005)
    assert "half of the cells called by the name" in text


def test_the_own_ranges_of_the_document_can_be_used(capsys, here, monkeypatch):
    (here / "ranges.csv").write_text(blocks("csv")[1], encoding="utf-8")
    assert len(read_own_ranges(here / "ranges.csv")) == 3
    monkeypatch.setenv("WBC_REFERENCE_RANGES", str(here / "ranges.csv"))
    (here / "count.csv").write_text("label,count\nneutrophil,100\n", encoding="utf-8")
    out = wbc(capsys, "count.csv", "--age", "30", "--leukocyte-count", "7").out
    assert "1.8–7.2 × 10⁹/L" in out
    assert "Own study of 2025, approved by Head of haematology on 2026-03-01" in out


def test_the_settings_of_the_document_exist():
    named = set(re.findall(r"`WBC_([A-Z_]+)", DOCUMENT.read_text(encoding="utf-8")))
    assert named == {
        "DIFFERENTIAL_TARGET", "BAND_RULE", "MANY_SMUDGE_CELLS", "ERYTHROBLAST_THRESHOLD", "REFERENCE_RANGES"
    }  # fmt: skip
    assert {name.lower() for name in named} <= set(type(settings()).model_fields)


def test_predictions_are_counted_as_a_pre_classification(capsys, here):
    table = predictions(here / "cells.csv", {"neutrophil": 124, "lymphocyte": 52, "monocyte": 14, "eosinophil": 10}, 5)
    out = wbc(capsys, str(table), "--sampling", "consecutive").out
    assert "95 % limits: pre-classification, counting error only" in out
    assert re.search(r"^Neutrophils +124 +62\.0 +54–69 +40–80 %$", out, re.MULTILINE)
    assert "outside the 100 %\n  Unidentified, a person must decide: 5\n" in out
    assert "caution: 5 cells were not identified" in out
    assert "caution: Not assessed, since the model knows no such class: reactive lymphocytes" in out
    assert out.endswith(f"{RESEARCH_USE}\n")


def test_what_predict_writes_is_counted_and_nothing_of_it_is_lost(capsys, here):
    for place, label in enumerate(CELL_TYPES):
        for seed in range(2):
            picture = render_cell(label, seed=seed, size=128)[..., ::-1]
            cv2.imwrite(str(here / f"{place}{seed}.png"), picture)
    (here / "bad.png").write_bytes(b"no picture")
    with pytest.raises(SystemExit):
        main(["predict", ".", "--out", "cells.csv"])
    capsys.readouterr()
    with (here / "cells.csv").open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    sure = [row["label"] for row in rows if row["status"] == "classified"]
    leukocytes = [label for label in sure if label not in ("erythroblast", "platelet")]
    assert leukocytes
    report = json.loads(wbc(capsys, "cells.csv", "--json").out)
    assert report["leukocytes"] == len(leukocytes)
    assert {line["label"]: line["count"] for line in report["lines"] if line["count"]} == Counter(leukocytes)
    outside = {row["label"]: row["count"] for row in report["outside"]}
    assert len(leukocytes) + sum(outside.values()) == len(rows) - 1
    assert "1 picture could not be read and was not counted; its row says why." in [
        caution["sentence"] for caution in report["cautions"]
    ]


def test_json_and_files_hold_what_the_table_shows(capsys, here):
    table = predictions(here / "cells.csv", {"neutrophil": 60, "lymphocyte": 40})
    report = json.loads(wbc(capsys, str(table), "--json", "--out", "rows.csv", "--leukocyte-count", "10").out)
    assert report["format"] == "wbc-differential/1"
    assert report["statement"] == RESEARCH_USE
    assert report["agreement"] is None
    assert sum(float(line["percent_shown"]) for line in report["lines"]) == 100
    with (here / "rows.csv").open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["label"] for row in rows] == ["neutrophil", "lymphocyte", "monocyte", "eosinophil", "basophil"]
    assert (rows[0]["count"], rows[0]["percent"], rows[0]["absolute_10e9_per_l"]) == ("60", "60.0", "6.0")
    assert (rows[1]["flag"], rows[1]["range_absolute"]) == ("high", "1–3 × 10⁹/L")
    wbc(capsys, str(table), "--out", "all.json", "--leukocyte-count", "10")
    assert json.loads((here / "all.json").read_text(encoding="utf-8")) == report


def test_an_analyser_and_another_count_stand_beside_it(capsys, here):
    (here / "count.csv").write_text("label,count\nneutrophil,62\nlymphocyte,38\n", encoding="utf-8")
    (here / "analyser.csv").write_text("label,percent\nneut,60.1\nlymph,36.2\nmono,3.7\n", encoding="utf-8")
    out = wbc(capsys, "count.csv", "--against", "analyser.csv").out
    assert "Monocytes: ours 0.0 %, analyser 3.7 %, differs more than counting error explains" in out
    assert "Beside the analyser, the share of monocytes differs more than counting error explains." in out
    (here / "second.csv").write_text("label,count\nneutrophil,55\nlymphocyte,42\nmono,3\n", encoding="utf-8")
    out = wbc(capsys, "count.csv", "--against", "second.csv").out
    assert "Monocytes: ours 0.0 %, other count 3.0 %, agrees (p = 0.739, corrected for 3 lines)" in out
    assert "The count agrees with the other count in all 3 lines" in out
    report = json.loads(wbc(capsys, "count.csv", "--against", "second.csv", "--json").out)
    assert report["agreement"]["kind"] == "hand_count"


def test_two_examiners_are_counted_together_and_compared(capsys, here):
    (here / "one.csv").write_text("label,count\nneutrophil,120\nlymphocyte,80\n", encoding="utf-8")
    (here / "two.csv").write_text("label,count\nsegs,110\nlymphs,90\n", encoding="utf-8")
    out = wbc(capsys, "one.csv", "--second", "two.csv", "--target", "2x200").out
    assert out.startswith("one.csv and two.csv: 200 and 200 leukocytes by two examiners, 200 asked for of each.\n")
    assert re.search(r"^Neutrophils +230 +57\.5 +52–63 ", out, re.MULTILINE)
    assert "Neutrophils: ours 60.0 %, other count 55.0 %, agrees" in out
    report = json.loads(wbc(capsys, "one.csv", "--second", "two.csv", "--json").out)
    assert report["between_examiners"]["other_n"] == 200
    predictions(here / "cells.csv", {"neutrophil": 3})
    assert wbc(capsys, "one.csv", "--second", "cells.csv", code=1).err.startswith("wbc: A model is no examiner")


def test_the_settings_of_the_laboratory_are_kept(capsys, here, monkeypatch):
    monkeypatch.setenv("WBC_BAND_RULE", "one_third")
    monkeypatch.setenv("WBC_DIFFERENTIAL_TARGET", "2x200")
    (here / "count.csv").write_text("label,count\nsegs,90\nbands,10\n", encoding="utf-8")
    out = wbc(capsys, "count.csv").out
    assert "100 of 200 leukocytes: 100 to go" in out
    assert "a second examiner counts another 200." in out
    assert re.search(r"^  bands \(one-third rule\) +10 +10 ", out, re.MULTILINE)
    assert "100 leukocytes, 100 asked for." in wbc(capsys, "count.csv", "--target", "100").out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["missing.csv"], "The file missing.csv cannot be read: No such file or directory. Name a CSV file."),
        (
            ["count.csv", "--sampling", "nicest"],
            '"nicest" is no way to sample cells. Choose from: consecutive, chosen,',
        ),
        (["count.csv", "--target", "50"], '"50" is no number of cells to count to. Choose from: 100, 200, 2x200.'),
        (["count.csv", "--age", "young"], '"young" is not an age. Write years as "34"'),
        (["count.csv", "--leukocyte-count", "7200"], "The leukocyte count is 7200 × 10⁹/L; expected more than 0"),
        (["count.csv", "--leukocyte-count", "nan"], "The leukocyte count is nan × 10⁹/L; expected more than 0"),
        (["count.csv", "--out", "x.pdf"], "The result file x.pdf ends neither in .csv nor in .json."),
        (["empty.csv"], "No leukocyte was counted (platelets: 3). A differential needs at least one leukocyte."),
        (["analyser.csv"], "analyser.csv holds percentages: without the number of cells nothing can be said"),
        (["count.csv", "--against", "cells.csv"], "cells.csv holds a model's predictions: on the same pictures"),
        (["other.csv"], "other.csv has the columns a, b. Expected a table of `wbc predict`"),
    ],
)
def test_errors_are_one_sentence_and_a_hint(capsys, here, arguments, words):
    (here / "count.csv").write_text("label,count\nneutrophil,100\n", encoding="utf-8")
    (here / "empty.csv").write_text("label,count\nplatelet,3\n", encoding="utf-8")
    (here / "analyser.csv").write_text("label,percent\nneutrophil,60\n", encoding="utf-8")
    (here / "other.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    predictions(here / "cells.csv", {"neutrophil": 3})
    done = wbc(capsys, *arguments, code=1)
    assert done.out == ""
    assert done.err.startswith(f"wbc: {words}")
    assert len(done.err.strip().splitlines()) == 1


def test_a_file_above_the_limit_is_refused(capsys, here, monkeypatch):
    monkeypatch.setenv("WBC_MAX_UPLOAD_MB", "1")
    (here / "large.csv").write_bytes(b"label,count\n" + b"x" * 1_100_000)
    err = wbc(capsys, "large.csv", code=1).err
    assert err == "wbc: large.csv has 1 MB; the limit is 1 MB. Split it, or raise WBC_MAX_UPLOAD_MB.\n"


def test_a_batch_that_is_running_is_counted_from_its_numbers():
    result = count_answers(
        LABELS, {"neutrophil": 70, "monocyte": 10}, {"low_confidence": 3, "not_a_cell": 2}, Case(), failed=1, repeats=4
    )
    assert (result.leukocytes, result.count_outside("unidentified"), result.reviewed) == (80, 3, False)
    assert {"failed", "repeats", "not_a_cell", "not_assessed"} <= {caution.code for caution in result.cautions}


def test_a_count_that_was_typed_in_is_one_of_a_person():
    result = count_typed({"segs": 60, "lymphs": "40"}, Case())
    assert result.reviewed
    assert result.line("neutrophil").percent_shown == "60"


def test_the_rules_of_the_laboratory_come_from_the_settings():
    rules = site_rules()
    assert (rules.target, rules.band_rule, rules.many_smudge_cells, rules.erythroblast_threshold) == (
        "100", "none", 10, 0
    )  # fmt: skip
