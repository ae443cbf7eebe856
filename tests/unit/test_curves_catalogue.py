"""Runs are listed whatever state they are in, broken ones with their reason, a thousand of them at once."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from benchmarks.run_listing import write_runs
from wbc_core.runs.catalogue import list_runs, read_entry
from wbc_core.runs.folder import STATES, write_history, write_status
from wbc_core.services import curves
from wbc_core.services.curves import by_name, curves_csv, load_run, load_uploads, run_choices
from wbc_core.settings import Settings

SPEC = "# A comment.\nid: one\ntitle: 'Sharpened pictures'\nseed: 1\ndata: [{name: pbc}]\naugmentation_strength: 0\n"


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Runs and models in a folder of their own."""
    own = Settings(runs_dir=tmp_path / "runs", models_dir=tmp_path / "models")
    own.runs_dir.mkdir()
    own.models_dir.mkdir()
    monkeypatch.setattr(curves, "settings", lambda: own)
    monkeypatch.setattr("wbc_core.services.models.settings", lambda: own)
    return own


def make_run(runs: Path, name: str, state: str = "finished", epochs: int = 2, **fields: object) -> Path:
    folder = runs / name
    folder.mkdir()
    (folder / "spec.yaml").write_text(SPEC)
    write_status(folder, state, **fields)  # type: ignore[arg-type]
    if epochs:
        write_history(folder, [{"epoch": float(i), "loss": 1.0, "val_loss": 2.0} for i in range(epochs)])
    return folder


def test_a_thousand_runs_are_all_listed(tmp_path: Path) -> None:
    write_runs(tmp_path, 1000)
    start = time.perf_counter()
    found = list_runs(tmp_path)
    print(f"1,000 runs in {time.perf_counter() - start:.3f} s")
    assert len(found) == 1000
    assert all(entry.title and entry.status is not None for entry in found)


@pytest.mark.parametrize("state", STATES)
def test_a_run_of_any_state_is_listed_with_its_title(tmp_path: Path, state: str) -> None:
    make_run(tmp_path, "one", state)
    (entry,) = list_runs(tmp_path)
    assert (entry.id, entry.title, entry.has_history) == ("one", "Sharpened pictures", True)
    assert entry.active == (state in {"queued", "preparing", "running", "exporting"})
    assert (entry.silent_s is None) == (state not in {"preparing", "running", "exporting"})


def test_the_newest_come_first_and_other_folders_are_passed_over(tmp_path: Path) -> None:
    for name, heartbeat in (("old", 100.0), ("new", 200.0)):
        folder = make_run(tmp_path, name)
        (folder / "status.json").write_text(json.dumps({"state": "finished", "heartbeat": heartbeat}))
    (tmp_path / "empty").mkdir()
    (tmp_path / "jobs.sqlite").write_bytes(b"")
    assert [entry.id for entry in list_runs(tmp_path)] == ["new", "old"]
    assert list_runs(tmp_path / "missing") == ()
    assert read_entry(tmp_path / "missing") is None


def test_runs_come_before_models_and_a_label_does_not_change_with_the_state(folders: Settings) -> None:
    run = make_run(folders.runs_dir, "one", "running")
    model = folders.models_dir / "wbc8"
    model.mkdir()
    (model / "card.json").write_text("{}")
    (model / "history.csv").write_text("epoch,loss\n0,1\n")
    labels = [choice.label for choice in run_choices()]
    assert labels == ["one · Sharpened pictures", "wbc8 (installed model)"]
    write_status(run, "finished")
    assert [choice.label for choice in run_choices()] == labels


def test_a_run_brings_its_curve_its_spec_and_whether_pictures_were_varied(folders: Settings) -> None:
    make_run(folders.runs_dir, "one")
    run = load_run("one")
    assert (run.title, run.state, run.problem, run.augmented) == ("Sharpened pictures", "finished", None, False)
    assert run.curve is not None
    assert run.spec == SPEC


def test_a_failed_run_brings_its_reason_and_the_epochs_it_has(folders: Settings) -> None:
    make_run(folders.runs_dir, "one", "failed", message="The disk is full.", hint="Make room.")
    run = load_run("one")
    assert str(run.problem) == "The disk is full. Make room."
    assert run.curve is not None


def test_a_broken_run_brings_what_is_broken(folders: Settings) -> None:
    folder = make_run(folders.runs_dir, "one")
    (folder / "history.csv").write_bytes(b"\xff\xfe")
    assert load_run("one").curve is None
    assert "is no text file" in str(load_run("one").problem)
    (folder / "status.json").write_text("{")
    (folder / "history.csv").write_text("epoch,loss\n0,1\n")
    run = load_run("one")
    assert run.curve is not None
    assert "The status of one is missing or broken." in str(run.problem)


@pytest.mark.parametrize(
    "key", ["nothing", "..", "../models", "/etc", "a/b", "", "x\0y", "model:../runs", "model:none"]
)
def test_a_key_from_a_link_never_leads_out_of_the_folder(folders: Settings, key: str) -> None:
    (folders.runs_dir.parent / "history.csv").write_text("epoch,loss\n0,1\n")
    run = load_run(key)
    assert run.curve is None
    assert str(run.problem).startswith("There is no ")


def test_uploads_are_read_each_by_itself() -> None:
    good = b"epoch,loss\n0,1\n"
    runs = load_uploads([("log.csv", good), ("notes.csv", b"hello"), ("log.csv", good)])
    assert [run.curve is not None for run in runs] == [True, False, True]
    assert "notes.csv has no column named loss or accuracy." in str(runs[1].problem)
    assert list(by_name(runs)) == ["log.csv", "notes.csv", "log.csv (2)"]


def test_more_uploads_than_are_read_are_named() -> None:
    runs = load_uploads([(f"{i}.csv", b"epoch,loss\n0,1\n") for i in range(41)])
    assert len(runs) == 41
    assert str(runs[-1].problem) == "41 files were uploaded; only the first 40 are read. Remove some of them."


def test_the_table_to_take_away_names_each_run_and_no_formula() -> None:
    run = load_uploads([("=cmd.csv", b"epoch,loss,lr\n0,1,0.1\n1,0.5,0.05\n")])[0]
    assert run.curve is not None
    assert curves_csv({"=cmd": run.curve}).splitlines() == [
        "run,epoch,loss,learning_rate",
        "'=cmd,1,1.0,0.1",
        "'=cmd,2,0.5,0.05",
    ]
