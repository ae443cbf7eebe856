"""The database of jobs comes from any version to any other with its rows, once, whoever starts at the same moment."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import insert, inspect, update

from wbc_core.cli.main import main
from wbc_core.errors import WbcError
from wbc_core.jobs import upgrading
from wbc_core.jobs.database import REVISIONS, VERSION, open_database, revision_of, revisions, versions, workers
from wbc_core.jobs.processes import process_name
from wbc_core.jobs.queue import Queue
from wbc_core.jobs.upgrading import MIGRATIONS
from wbc_core.settings import ROOT, settings

BEFORE_MIGRATIONS = """
CREATE TABLE wbc_schema (name VARCHAR(40) NOT NULL, version INTEGER NOT NULL, PRIMARY KEY (name));
CREATE TABLE wbc_jobs (
	number INTEGER NOT NULL, id VARCHAR(40) NOT NULL, recipe_id VARCHAR(80) NOT NULL, title VARCHAR(200) NOT NULL,
	spec TEXT NOT NULL, run_dir TEXT NOT NULL, backend VARCHAR(10) NOT NULL, device VARCHAR(10) NOT NULL,
	state VARCHAR(20) NOT NULL, submitted FLOAT NOT NULL, started FLOAT, ended FLOAT, available FLOAT NOT NULL,
	worker VARCHAR(200) NOT NULL, process VARCHAR(200) NOT NULL, heartbeat FLOAT, attempts INTEGER NOT NULL,
	deaths INTEGER NOT NULL, epoch INTEGER NOT NULL, epochs INTEGER, progress FLOAT NOT NULL, eta_s FLOAT,
	cancel_requested INTEGER NOT NULL, message TEXT NOT NULL, hint TEXT NOT NULL, search_id VARCHAR(80) NOT NULL,
	PRIMARY KEY (number), UNIQUE (id)
);
CREATE INDEX wbc_jobs_state ON wbc_jobs (state, number);
CREATE TABLE wbc_workers (name VARCHAR(200) NOT NULL, started FLOAT NOT NULL, heartbeat FLOAT NOT NULL,
	PRIMARY KEY (name));
CREATE TABLE wbc_leases (name VARCHAR(40) NOT NULL, holder VARCHAR(200) NOT NULL, heartbeat FLOAT NOT NULL,
	PRIMARY KEY (name));
INSERT INTO wbc_schema VALUES ('jobs', 1);
INSERT INTO wbc_jobs VALUES (1, 'j-20261101-0001', 'tiny', 'Ünïcode title', 'id: tiny', '/runs/j-20261101-0001',
	'local', 'cpu', 'finished', 1.5, 2.5, 3.5, 0.0, '', '', 3.25, 1, 0, 3, 3, 1.0, NULL, 0, 'Done.', '', '');
INSERT INTO wbc_jobs VALUES (7, 'j-20261101-0002', 'tiny', 'Waits', 'id: tiny', '/runs/j-20261101-0002', 'ray', 'gpu',
	'queued', 4.5, NULL, NULL, 0.0, '', '', NULL, 0, 0, 0, 3, 0.0, NULL, 0, '', '', 'search');
"""
"""What the releases before migrations made, word for word as SQLite kept it, with two jobs."""


@pytest.fixture
def url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Address of the database in a folder of runs that the settings name; nothing is there yet."""
    monkeypatch.setenv("WBC_RUNS_DIR", str(tmp_path))
    settings.cache_clear()
    yield f"sqlite:///{tmp_path / 'jobs.sqlite'}"
    monkeypatch.undo()
    settings.cache_clear()
    open_database.cache_clear()


def made_before_migrations(folder: Path, script: str = BEFORE_MIGRATIONS) -> None:
    connection = sqlite3.connect(folder / "jobs.sqlite")
    connection.executescript(script)
    connection.close()


def rows(folder: Path) -> list[tuple[object, ...]]:
    connection = sqlite3.connect(folder / "jobs.sqlite")
    found = connection.execute("SELECT * FROM wbc_jobs ORDER BY number").fetchall()
    connection.close()
    return found


def shape(url: str) -> dict[str, object]:
    """Tables with their columns and indexes, without Alembic's own."""
    found = inspect(open_database(url))
    return {
        table: (
            [(column["name"], str(column["type"]), column["nullable"]) for column in found.get_columns(table)],
            found.get_pk_constraint(table)["constrained_columns"],
            sorted((index["name"], tuple(index["column_names"])) for index in found.get_indexes(table)),
            sorted(tuple(constraint["column_names"]) for constraint in found.get_unique_constraints(table)),
        )
        for table in sorted(found.get_table_names())
        if table != revisions.name
    }


def wbc(*arguments: str, code: int = 0) -> None:
    with pytest.raises(SystemExit) as ending:
        main(arguments)
    assert ending.value.code == code


def opened_anew(url: str) -> Queue:
    open_database.cache_clear()
    return Queue(open_database(url), Path("/runs"))


def test_every_migration_is_known_to_the_program_and_packed_into_the_wheel() -> None:
    named = tuple(sorted(path.name[:4] for path in (MIGRATIONS / "versions").glob("*.py")))
    assert named == REVISIONS
    data = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]["package-data"]
    packed = {path for pattern in data["wbc_core.jobs"] for path in (ROOT / "wbc_core" / "jobs").glob(pattern)}
    assert packed == set(MIGRATIONS.rglob("*.py"))


def test_a_fresh_database_and_a_migrated_one_have_the_same_tables(url: str, tmp_path: Path) -> None:
    fresh = shape(url)
    (tmp_path / "old").mkdir()
    made_before_migrations(tmp_path / "old")
    migrated = f"sqlite:///{tmp_path / 'old' / 'jobs.sqlite'}"
    assert shape(migrated) == fresh
    assert revision_of(open_database(migrated)) == revision_of(open_database(url)) == REVISIONS[-1]


def test_a_database_from_before_migrations_is_brought_up_to_date_with_its_jobs(url: str, tmp_path: Path) -> None:
    made_before_migrations(tmp_path)
    before = rows(tmp_path)
    queue = opened_anew(url)
    assert rows(tmp_path) == before
    assert [(job.id, job.title, job.state) for job in queue.listed()] == [
        ("j-20261101-0002", "Waits", "queued"),
        ("j-20261101-0001", "Ünïcode title", "finished"),
    ]


def test_one_whose_making_was_cut_off_is_completed(url: str, tmp_path: Path) -> None:
    made_before_migrations(tmp_path, BEFORE_MIGRATIONS.partition("CREATE INDEX")[0])
    opened_anew(url)
    assert set(shape(url)) == {"wbc_backups", "wbc_jobs", "wbc_leases", "wbc_schema", "wbc_workers"}


def test_down_and_up_again_keeps_every_job(url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made_before_migrations(tmp_path)
    before, shaped = rows(tmp_path), shape(url)
    for version in range(VERSION - 1, 0, -1):
        open_database.cache_clear()
        wbc("database", "downgrade", "--to", str(version))
        assert rows(tmp_path) == before
        wbc("database", "version", "--json")
        assert capsys.readouterr().out.splitlines()[-1] == f'{{"found": {version}, "known": {VERSION}}}'
    wbc("database", "upgrade")
    wbc("database", "upgrade")
    assert capsys.readouterr().out.splitlines() == [
        f"The tables were at version 1 and are now at version {VERSION}.",
        f"The tables are at version {VERSION} already.",
    ]
    assert rows(tmp_path) == before
    assert shape(url) == shaped


def test_brought_back_it_is_as_the_older_release_made_it(url: str, tmp_path: Path) -> None:
    made_before_migrations(tmp_path)
    opened_anew(url)
    wbc("database", "downgrade", "--to", "1")
    connection = sqlite3.connect(tmp_path / "jobs.sqlite")
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    assert tables == {"wbc_schema", "wbc_jobs", "wbc_workers", "wbc_leases", revisions.name}
    assert connection.execute("SELECT version FROM wbc_schema").fetchall() == [(1,)]  # what that release asks for
    connection.close()


def test_a_newer_database_is_refused_and_stays_as_it_is(
    url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    engine = open_database(url)
    with engine.begin() as connection:
        connection.execute(update(versions).values(version=9))
        connection.execute(update(revisions).values(version_num="0009"))
    open_database.cache_clear()
    refusal = (
        f"The database of jobs {url} has tables of version 9; this program knows version {VERSION}. "
        "Update the program, or name another database in WBC_DATABASE_URL."
    )
    for refused in (
        lambda: open_database(url),
        lambda: upgrading.bring_back(settings(), 1),
    ):
        with pytest.raises(WbcError) as caught:
            refused()
        assert str(caught.value) == refusal
    for command in (["database", "upgrade"], ["database", "downgrade", "--to", "1"]):
        wbc(*command, code=1)
        assert capsys.readouterr().err == f"wbc: {refusal}\n"
    wbc("database", "version")
    assert capsys.readouterr().out == (f"Tables of version 9, which is newer than version {VERSION} of this program.\n")


def test_nothing_is_brought_back_below_a_worker(url: str) -> None:
    now = time.time()
    with open_database(url).begin() as connection:
        connection.execute(insert(workers).values(name=str(process_name()), started=now, heartbeat=now))
    with pytest.raises(WbcError) as caught:
        upgrading.bring_back(settings(), 1)
    assert caught.value.message == f"A worker is at work on the database of jobs {url}."
    assert caught.value.hint == "End the app and `wbc jobs worker` first."


@pytest.mark.parametrize(("to", "message"), [(3, "There is no version 3 of the database of jobs."), (0, None)])
def test_there_is_no_way_to_a_version_that_does_not_exist(url: str, to: int, message: str | None) -> None:
    with pytest.raises(WbcError) as caught:
        upgrading.bring_back(settings(), to)
    assert caught.value.message == (message or "There is no version 0 of the database of jobs.")
    assert caught.value.hint == f"Choose one from 1 to {VERSION}."


def test_a_migration_cut_off_in_its_middle_leaves_the_database_as_it_was(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made_before_migrations(tmp_path)
    before = rows(tmp_path)

    def cut_off(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(upgrading, "_say_version", cut_off)  # after the tables, before the end of the transaction
    with pytest.raises(KeyboardInterrupt):
        opened_anew(url)
    connection = sqlite3.connect(tmp_path / "jobs.sqlite")
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    connection.close()
    assert tables == {"wbc_schema", "wbc_jobs", "wbc_workers", "wbc_leases"}
    assert rows(tmp_path) == before


def test_two_processes_that_start_at_once_migrate_once(url: str, tmp_path: Path) -> None:
    made_before_migrations(tmp_path)
    program = (
        "import sys; from wbc_core.jobs.database import open_database, revision_of;"
        "import wbc_core.jobs.upgrading; print('ready', flush=True); sys.stdin.readline();"
        f"print(revision_of(open_database({url!r})))"
    )
    both = [
        subprocess.Popen(
            [sys.executable, "-c", program],
            cwd=ROOT,
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        for _ in range(2)
    ]
    for process in both:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in both:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    for process in both:
        out, err = process.communicate(timeout=60)
        assert (out, process.returncode) == (f"{REVISIONS[-1]}\n", 0), err
    assert len(rows(tmp_path)) == 2


def test_a_database_that_is_up_to_date_is_opened_without_alembic(url: str) -> None:
    open_database(url)
    program = (
        f"import sys; from wbc_core.jobs.database import open_database; open_database({url!r});"
        "print([name for name in sys.modules if name.startswith('alembic') or name.endswith('jobs.upgrading')])"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
