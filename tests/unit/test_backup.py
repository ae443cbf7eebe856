"""A backup holds everything and is never half; a restore checks all first, and a kill leaves all old or all new."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import insert

from tests.tiny_models import install_tiny_model
from wbc_core.batches.folder import BatchFolder
from wbc_core.cli.main import main
from wbc_core.errors import WbcError
from wbc_core.jobs.database import database_url, open_database, workers
from wbc_core.jobs.processes import process_name
from wbc_core.jobs.queue import open_queue
from wbc_core.recipes.spec import parse_recipe
from wbc_core.services import backup as backing
from wbc_core.services.backup import backup_age_s, make_backup
from wbc_core.services.backup_contents import is_kept
from wbc_core.services.restore import restore_backup
from wbc_core.services.restore_moves import settle_restore, unsettled
from wbc_core.settings import ROOT, settings

RECIPE = "{id: tiny, title: Tiny, seed: 5, labels: [lymphocyte, neutrophil], data: [{name: one}]}"
PLACES = ("runs", "batches", "models", "datasets")


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Path]]:
    """Return a function that lets the settings name the folders below one of that name."""

    def use(name: str) -> Path:
        for place in PLACES:
            monkeypatch.setenv(f"WBC_{place.upper()}_DIR", str(tmp_path / name / place))
        settings.cache_clear()
        return tmp_path / name

    yield use
    monkeypatch.undo()
    settings.cache_clear()
    open_database.cache_clear()


@pytest.fixture
def laboratory(host: Callable[[str], Path]) -> Path:
    """A host with a job, its run, a batch, a model and a set; and what no backup takes along."""
    root = host("laboratory")
    job = open_queue(settings()).submit(parse_recipe(RECIPE))
    write(job.run_dir / "status.json", '{"state": "queued"}')
    write(job.run_dir / "checkpoints" / "last.npz", "weights")
    write(job.run_dir / "lock", "1")
    write(job.run_dir / "history.csv.partial", "half")
    write(root / "batches" / "b-20261121" / "batch.json", "{}")
    write(root / "batches" / "b-20261121" / "rows.jsonl", '{"file": "cell.png"}\n')
    os.utime(root / "batches" / "b-20261121" / "rows.jsonl", (1e9, 1e9))
    install_tiny_model(root / "models", "tiny", "Tiny", ("neutrophil", "lymphocyte"))
    write(root / "models" / "recipes" / "tiny.yaml", "not a model")
    write(root / "datasets" / "own" / "split.csv", "file,label\n")
    write(root / "datasets" / "own" / "images" / "cell.png", "a picture")
    write(root / "secret", "outside")
    (root / "batches" / "b-20261121" / "link").symlink_to(root / "secret")
    return root


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def contents(root: Path) -> dict[str, bytes]:
    """Every file below, but for the database, whose bytes may differ."""
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file() and not path.name.startswith("jobs.sqlite")
    }


def jobs_of(root: Path) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(root / "runs" / "jobs.sqlite")) as connection:
        return connection.execute("SELECT id, state, run_dir FROM wbc_jobs").fetchall()


def names_in(archive: Path) -> list[str]:
    with zipfile.ZipFile(archive) as opened:
        return sorted(opened.namelist())


def job_id() -> str:
    return open_queue(settings()).listed()[0].id


def test_a_backup_holds_results_and_models_and_leaves_out_pictures_locks_links_and_halves(
    laboratory: Path, tmp_path: Path
) -> None:
    made = make_backup(tmp_path / "kept.zip")
    job = job_id()
    assert names_in(tmp_path / "kept.zip") == sorted(
        [
            "manifest.json",
            "database.sqlite",
            f"runs/{job}/status.json",
            f"runs/{job}/checkpoints/last.npz",
            "batches/b-20261121/batch.json",
            "batches/b-20261121/rows.jsonl",
            "models/tiny/card.json",
            "models/tiny/model.onnx",
            "datasets/own/split.csv",
        ]
    )
    assert (made.files, made.database) == (8, True)
    assert (tmp_path / "kept.zip").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir() if "partial" in path.name] == []
    make_backup(tmp_path / "small.zip", models=False)
    assert not [name for name in names_in(tmp_path / "small.zip") if name.startswith("models/")]
    age = backup_age_s(settings())
    assert age is not None
    assert age < 600


def test_restored_on_another_host_everything_is_as_it_was(
    laboratory: Path, tmp_path: Path, host: Callable[[str], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    job = job_id()
    make_backup(tmp_path / "kept.zip")
    other = host("other")
    with pytest.raises(SystemExit) as ending:
        main(["restore", str(tmp_path / "kept.zip")])
    assert ending.value.code == 0
    assert capsys.readouterr().out.startswith("8 files are as they were on 20")
    expected = {
        name: data
        for name, data in contents(laboratory).items()
        if is_kept(name) and not name.endswith("link") and name != "models/recipes/tiny.yaml"
    }
    assert contents(other) == expected
    assert jobs_of(other) == [(job, "queued", str(other / "runs" / job))]  # in its folder of here
    assert (other / "batches" / "b-20261121" / "rows.jsonl").stat().st_mtime == 1e9
    assert open_queue(settings()).get(job).state == "queued"


def test_what_is_there_gives_way_only_when_told_to(laboratory: Path, tmp_path: Path) -> None:
    make_backup(tmp_path / "kept.zip")
    before = contents(laboratory)
    write(laboratory / "runs" / "later" / "status.json", "{}")
    write(laboratory / "models" / "tiny" / "card.json", "altered")
    write(laboratory / "models" / "mine" / "card.json", "of my own")
    write(laboratory / "datasets" / "own" / "split.csv", "altered")
    changed = contents(laboratory)
    with pytest.raises(WbcError) as caught:
        restore_backup(tmp_path / "kept.zip")
    assert caught.value.message.startswith(f"There is {laboratory / 'runs'}")
    assert caught.value.hint == "With --replace it gives way; back it up first."
    assert contents(laboratory) == changed
    restore_backup(tmp_path / "kept.zip", replace=True)
    lost = {name for name in before if "/lock" in name or name.endswith((".partial", "/link"))}
    kept = {name: data for name, data in before.items() if name not in lost}
    assert contents(laboratory) == kept | {"models/mine/card.json": b"of my own"}


def test_an_installed_model_that_is_the_same_stays(laboratory: Path, tmp_path: Path) -> None:
    make_backup(tmp_path / "kept.zip")
    for place in ("runs", "batches", "datasets"):
        shutil.rmtree(laboratory / place)
    open_database.cache_clear()
    inode = (laboratory / "models" / "tiny").stat().st_ino
    assert restore_backup(tmp_path / "kept.zip").kept_models == ("tiny",)
    assert (laboratory / "models" / "tiny").stat().st_ino == inode


def test_a_backup_that_fails_leaves_nothing_and_never_replaces_another(
    laboratory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "kept.zip", "an earlier one")
    with pytest.raises(WbcError) as caught:
        make_backup(tmp_path / "kept.zip")
    assert caught.value.message == f"There is a file {tmp_path / 'kept.zip'} already."
    assert (tmp_path / "kept.zip").read_text() == "an earlier one"

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    (tmp_path / "disk").mkdir()
    monkeypatch.setattr(backing, "_add", full)
    with pytest.raises(WbcError) as caught:
        make_backup(tmp_path / "disk" / "new.zip")
    assert caught.value.message == (
        f"The backup {tmp_path / 'disk' / 'new.zip'} cannot be made: No space left on device."
    )
    assert list((tmp_path / "disk").iterdir()) == []


def altered(source: Path, target: Path, change: Callable[[dict[str, bytes], dict[str, object]], None]) -> Path:
    """Write an archive anew after a change to its entries or its manifest."""
    with zipfile.ZipFile(source) as opened:
        entries = {name: opened.read(name) for name in opened.namelist()}
    manifest = json.loads(entries.pop("manifest.json"))
    change(entries, manifest)
    with zipfile.ZipFile(target, "w") as opened:
        for name, data in entries.items():
            info = zipfile.ZipInfo(name)
            info.external_attr = (0o120777 if data == b"a link" else 0o100600) << 16
            opened.writestr(info, data)
        opened.writestr("manifest.json", json.dumps(manifest))
    return target


ROWS = "batches/b-20261121/rows.jsonl"


def traversing(name: str) -> Callable[[dict[str, bytes], dict[str, object]], None]:
    def change(entries: dict[str, bytes], manifest: dict[str, object]) -> None:
        entries[name] = entries.pop(ROWS)
        files = manifest["files"]
        assert isinstance(files, dict)
        files[name] = files.pop(ROWS)

    return change


def linked(entries: dict[str, bytes], manifest: dict[str, object]) -> None:
    entries[ROWS] = b"a link"


def rewritten(entries: dict[str, bytes], manifest: dict[str, object]) -> None:
    entries[ROWS] = entries[ROWS].replace(b"cell", b"evil")


def longer(entries: dict[str, bytes], manifest: dict[str, object]) -> None:
    entries[ROWS] += b"more"


def unnamed(entries: dict[str, bytes], manifest: dict[str, object]) -> None:
    entries["runs/x/added"] = b""


def lacking(entries: dict[str, bytes], manifest: dict[str, object]) -> None:
    del entries[ROWS]


def newer_form(entries: dict[str, bytes], manifest: dict[str, object]) -> None:
    manifest["format"] = 2


def newer_tables(entries: dict[str, bytes], manifest: dict[str, object]) -> None:
    manifest["database_version"] = 9


def strange(entries: dict[str, bytes], manifest: dict[str, object]) -> None:
    manifest["command"] = "rm"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (traversing("../evil"), "holds '../evil', which no backup holds."),
        (traversing("runs/../../evil"), "holds 'runs/../../evil', which no backup holds."),
        (traversing("/etc/evil"), "holds '/etc/evil', which no backup holds."),
        (traversing("runs\\..\\evil"), "holds 'runs\\\\..\\\\evil', which no backup holds."),
        (traversing("models/../x/card.json"), "holds 'models/../x/card.json', which no backup holds."),
        (traversing("datasets/own/evil.py"), "holds 'datasets/own/evil.py', which no backup holds."),
        (traversing("runs/.restore/journal.json"), "holds 'runs/.restore/journal.json', which no backup holds."),
        (linked, f"holds '{ROWS}', which is a link or no file."),
        (rewritten, f"The file '{ROWS}' of the backup "),
        (longer, f"holds '{ROWS}' otherwise than its manifest says."),
        (unnamed, "holds 'runs/x/added' otherwise than its manifest says."),
        (lacking, f"lacks '{ROWS}', which its manifest names."),
        (newer_form, "was made by a newer version of this program"),
        (newer_tables, "was made by a newer version of this program"),
        (strange, "The manifest of "),
    ],
)
def test_an_altered_archive_is_refused_and_changes_nothing(
    laboratory: Path,
    tmp_path: Path,
    host: Callable[[str], Path],
    change: Callable[[dict[str, bytes], dict[str, object]], None],
    words: str,
) -> None:
    make_backup(tmp_path / "kept.zip", models=False)
    other = host("other")
    write(other / "runs" / "mine" / "status.json", "{}")
    with pytest.raises(WbcError) as caught:
        restore_backup(altered(tmp_path / "kept.zip", tmp_path / "altered.zip", change), replace=True)
    assert words in caught.value.message
    assert contents(other) == {"runs/mine/status.json": b"{}"}
    assert not (tmp_path / "evil").exists()


@pytest.mark.parametrize("data", [b"", b"no zip at all", b"PK\x03\x04 torn"])
def test_a_file_that_is_no_archive_is_refused(host: Callable[[str], Path], tmp_path: Path, data: bytes) -> None:
    host("other")
    (tmp_path / "some.zip").write_bytes(data)
    with pytest.raises(WbcError) as caught:
        restore_backup(tmp_path / "some.zip")
    assert (
        caught.value.message == f"The file {tmp_path / 'some.zip'} is no sound backup: it is not a whole zip archive."
    )


def test_nothing_is_restored_below_a_worker_or_a_batch_at_work(laboratory: Path, tmp_path: Path) -> None:
    make_backup(tmp_path / "kept.zip")
    with (
        BatchFolder(laboratory / "batches" / "b-20261121").alone(),
        pytest.raises(WbcError, match="The batch b-20261121 is at work"),
    ):
        restore_backup(tmp_path / "kept.zip", replace=True)
    now = time.time()
    with open_database(database_url(settings())).begin() as connection:
        connection.execute(insert(workers).values(name=str(process_name()), started=now, heartbeat=now))
    with pytest.raises(WbcError, match="A worker is at work on the jobs"):
        restore_backup(tmp_path / "kept.zip", replace=True)


KILLED = """
import os, signal, sys
from pathlib import Path
from wbc_core.services import restore, restore_moves
moves = 0
rename = restore_moves._rename
def killed(source, target):
    global moves
    moves += 1
    if moves == last:
        os.kill(os.getpid(), signal.SIGKILL)
    rename(source, target)
def at(number):
    global last
    last = number
    child = os.fork()
    if child == 0:
        restore_moves._rename = killed
        restore.restore_backup(Path(sys.argv[1]), replace=True)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
for line in sys.stdin:
    print(at(int(line)), flush=True)
"""


def test_a_restore_killed_at_any_move_leaves_all_old_or_all_new(
    laboratory: Path, tmp_path: Path, host: Callable[[str], Path]
) -> None:
    make_backup(tmp_path / "kept.zip")
    new = None
    settled: list[str] = []
    host("other")
    other = tmp_path / "other"
    with subprocess.Popen(
        [sys.executable, "-c", KILLED, str(tmp_path / "kept.zip")],
        cwd=ROOT,
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as killer:
        assert killer.stdin is not None
        assert killer.stdout is not None
        for number in range(1, 40):
            shutil.rmtree(other, ignore_errors=True)
            write(other / "runs" / "mine" / "status.json", "{}")
            write(other / "runs" / "also-mine" / "status.json", "{}")
            write(other / "models" / "tiny" / "card.json", "altered")
            write(other / "datasets" / "own" / "split.csv", "altered")
            old = contents(other)
            killer.stdin.write(f"{number}\n")
            killer.stdin.flush()
            code = int(killer.stdout.readline())
            if code == 0:
                new = contents(other)
                break
            assert code == -9
            assert unsettled(settings())
            word = settle_restore(settings())
            settled.append(word)
            found = {name: data for name, data in contents(other).items() if "/.restore/" not in name}
            if word == "old":
                assert found == old
            else:
                assert (other / "runs" / "jobs.sqlite").is_file()
                restore_backup(tmp_path / "kept.zip", replace=True)
                assert contents(other) == found
            assert not unsettled(settings())
    assert new is not None
    assert settled == sorted(settled, reverse=True), "once new, it stays new"
    assert set(settled) == {"old", "new"}
