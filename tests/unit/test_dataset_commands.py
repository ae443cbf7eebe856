"""``wbc datasets …``: what it prints, what it writes, and its exit codes."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.drawn_cells import cell, write
from tests.made_sets import MAKERS
from wbc_core.cli.main import main
from wbc_core.services.datasets import installed_datasets
from wbc_core.settings import settings


@pytest.fixture(autouse=True)
def folders(tmp_path, monkeypatch):
    """Folders of data sets that hold nothing yet."""
    monkeypatch.setenv("WBC_DATA_DIR", str(tmp_path / "shared"))
    monkeypatch.setenv("WBC_DATASETS_DIR", str(tmp_path / "sets"))
    settings.cache_clear()
    yield tmp_path
    settings.cache_clear()


@pytest.fixture
def wbc(capsys):
    """Run a command; return its exit code, what it printed and what it complained of."""

    def run(*arguments: object) -> tuple[int, str, str]:
        try:
            main([str(argument) for argument in arguments])
        except SystemExit as end:
            code = int(end.code or 0)
        else:
            code = 0
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return run


@pytest.fixture
def cells(folders) -> Path:
    """A folder of classes with 24 cells and a file that is no picture."""
    for label in ("monocyte", "neutrophil"):
        for seed in range(12):
            write(folders / "my cells" / label / f"{seed}.png", cell(label, seed))
    (folders / "my cells" / "neutrophil" / "bad.png").write_text("no picture")
    return folders / "my cells"


def test_import_says_what_came_in_and_what_was_left_out(wbc, cells, folders):
    code, printed, _ = wbc("datasets", "import", cells, "--licence", "our own")
    assert code == 0
    lines = printed.splitlines()
    assert lines[0] == f"24 pictures of my cells, read as class-folders, are in {folders / 'sets' / 'my-cells'}"
    assert lines[1].split() == ["no", "part"]
    assert lines[2].split() == ["monocyte", "12"]
    assert lines[4].startswith("left out: 1 file, is not an accepted picture")
    assert lines[4].endswith("such as neutrophil/bad.png")
    assert lines[5] == "No picture is marked for training yet: wbc datasets split my-cells"
    assert json.loads((folders / "sets/my-cells/dataset.json").read_text())["licence"] == "our own"


def test_a_set_is_imported_split_checked_listed_and_evaluated_by_name(wbc, cells):
    assert wbc("datasets", "import", cells, "--name", "mine", "--json")[0] == 0
    code, printed, _ = wbc("datasets", "split", "mine", "--fractions", "0.5,0.25,0.25", "--seed", "4", "--json")
    assert code == 0
    split = json.loads(printed)
    assert split["seed"] == 4
    assert split["counts"] == {label: {"test": 3, "train": 6, "val": 3} for label in ("monocyte", "neutrophil")}
    code, printed, _ = wbc("datasets", "check", "mine", "--json")
    assert (code, json.loads(printed)["trustworthy"]) == (0, True)
    (listed,) = json.loads(wbc("datasets", "list", "--json")[1])
    assert (listed["name"], listed["imported"], listed["parts"]) == ("mine", True, ["train", "val", "test"])
    assert wbc("datasets", "list")[1] == "mine\t24 pictures\tmonocyte, neutrophil\ttrain, val, test\n"
    code, printed, complaint = wbc("evaluate", settings().datasets_dir / "mine", "--split", "test", "--json")
    assert (code, json.loads(printed)["n"]) == (0, 6), complaint
    _, _, complaint = wbc("evaluate", settings().datasets_dir / "mine", "--split", "exam")
    assert "lists no picture of the part 'exam'. It has test and train and val" in complaint


def test_a_leak_is_said_and_ends_with_exit_code_1(wbc, cells):
    wbc("datasets", "import", cells, "--name", "mine")
    wbc("datasets", "split", "mine")
    table = settings().datasets_dir / "mine" / "split.csv"
    row = next(line for line in table.read_text().splitlines() if ",train," in line)
    copy = row.replace(".png", "-copy.png", 1).replace(",train,", ",test,")
    shutil.copy(table.parent / row.split(",")[0], table.parent / copy.split(",")[0])
    table.write_text(table.read_text() + copy + "\n")
    code, printed, _ = wbc("datasets", "check", "mine")
    assert code == 1
    assert "SERIOUS: 1 time the same picture stands in two parts of the split: figures would flatter." in printed
    assert "SERIOUS: 1 group stands in more than one part of the split" in printed
    assert printed.endswith("Results on this set would mislead.\n")


def test_statistics_are_printed_and_given_as_json(wbc, cells):
    code, printed, _ = wbc("datasets", "stats", cells)
    assert code == 0
    assert printed.startswith("25 pictures, 24 of them readable, in 25 groups")
    assert "sizes: 64×64 (24)" in printed
    found = json.loads(wbc("datasets", "stats", cells, "--json")[1])
    assert found["counts"] == {"monocyte": {"": 12}, "neutrophil": {"": 13}}
    assert len(found["colours"]["monocyte"]["mean"]) == 3


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["check", "nothing"], "There is no data set 'nothing', neither under this name nor at this path."),
        (["import", "nowhere"], "There is nothing at nowhere."),
        (["split", "x", "--by", "donor"], "A set cannot be split by 'donor'."),
        (["split", "x", "--fractions", "0.7"], '"0.7" are not three fractions that sum to 1.'),
        (["import", "x", "--label", "1"], '"1" does not say what a label means.'),
    ],
)
def test_errors_are_one_line_with_a_hint(wbc, arguments, words):
    code, printed, complaint = wbc("datasets", *arguments)
    assert (code, printed) == (1, "")
    assert complaint.startswith(f"wbc: {words} ")
    assert complaint.count("\n") == 1


def test_options_of_import_reach_the_importer(wbc, folders):
    MAKERS["voc"](folders / "bccd", ".jpg")
    code, printed, _ = wbc(
        "datasets",
        "import",
        folders / "bccd",
        "--to",
        folders / "else",
        "--label",
        "WBC=monocyte",
        "--skip-label",
        "Platelets",
    )
    assert code == 0
    assert "read as voc" in printed
    assert [path.name for path in (folders / "else").iterdir()] == ["bccd"]
    assert json.loads((folders / "else/bccd/dataset.json").read_text())["counts"] == {
        "monocyte": {"test": 1, "train": 1}
    }


def test_every_layout_is_listed(wbc):
    printed = wbc("datasets", "layouts")[1]
    assert len(printed.splitlines()) == len(MAKERS)
    assert "raabin          Raabin-WBC: Train|TestA|TestB/" in printed


def test_sets_of_both_folders_are_found_and_broken_ones_left_out(wbc, cells, folders):
    MAKERS["own"](folders / "shared" / "hospital", ".png")
    (folders / "shared" / "broken").mkdir()
    (folders / "shared" / "broken" / "split.csv").write_text("a,b\n1,2\n")
    wbc("datasets", "import", cells, "--name", "mine")
    found = installed_datasets()
    assert [(each.name, each.imported, each.pictures) for each in found] == [("hospital", False, 6), ("mine", True, 24)]
    assert found[0].counts["monocyte"] == {"test": 1, "train": 1, "val": 1}
    assert [each.parts for each in found] == [("train", "val", "test"), ()]
