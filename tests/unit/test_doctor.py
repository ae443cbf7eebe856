"""`wbc doctor` says what is wrong with a host and what to do about it; where something is an error it leaves with 1."""

from __future__ import annotations

import json
import socket
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import pytest
from sqlalchemy import update

from tests.tiny_models import install_tiny_model
from wbc_core.cli.main import main
from wbc_core.jobs.database import backups, database_url, open_database
from wbc_core.services import doctor, doctor_server
from wbc_core.services.backup import make_backup
from wbc_core.services.findings import Finding
from wbc_core.services.serving import server_command
from wbc_core.settings import settings

Examine = Callable[..., dict[str, Finding]]


@pytest.fixture
def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free_port: int) -> Iterator[Callable[..., None]]:
    """Return a function that sets variables for a host with one sound model, folders of its own and a free port."""
    install_tiny_model(tmp_path / "models", "tiny", "Tiny", ("neutrophil", "lymphocyte"))
    for name in ("RUNS", "BATCHES", "CACHE", "MODELS", "DATA", "WEIGHTS"):
        monkeypatch.setenv(f"WBC_{name}_DIR", str(tmp_path / name.lower()))
    monkeypatch.setenv("WBC_DEFAULT_MODEL", "tiny")
    monkeypatch.setenv("WBC_PORT", str(free_port))

    def change(**values: object) -> None:
        for name, value in values.items():
            monkeypatch.setenv(f"WBC_{name.upper()}", str(value))
        settings.cache_clear()

    change()
    yield change
    monkeypatch.undo()
    settings.cache_clear()


@pytest.fixture
def examined(host: Callable[..., None]) -> Examine:
    """Return a function that examines the host with variables and gives the findings by subject."""

    def examine(**values: object) -> dict[str, Finding]:
        host(**values)
        return {finding.subject: finding for finding in doctor.examine()}

    return examine


def test_a_sound_host_has_nothing_to_do(examined: Examine) -> None:
    found = examined()
    assert {finding.level for finding in found.values()} <= {"ok", "warning"}
    for subject in ("Python", "Packages", "Model tiny", "Data sets", "Database", "Mode", "Port"):
        assert found[subject].level == "ok", found[subject]
        assert found[subject].advice == ""
    assert found["Model tiny"].sentence == "1 files are as the card describes them."


def test_an_altered_model_is_found_before_anything_parses_it(examined: Examine, tmp_path: Path) -> None:
    (tmp_path / "models" / "tiny" / "model.onnx").write_bytes(b"altered")
    found = examined()["Model tiny"]
    assert found.level == "error"
    assert found.sentence == "The file model.onnx of the model tiny differs from the one its card describes."


def test_a_missing_default_model_is_an_error(examined: Examine) -> None:
    found = examined(default_model="other")["Models"]
    assert (found.level, "WBC_DEFAULT_MODEL" in found.advice) == ("error", True)


@pytest.mark.parametrize(
    ("values", "subject", "level", "says"),
    [
        ({"mode": "public", "address": "127.0.0.1"}, "Mode", "ok", "nothing is kept, nothing is trained"),
        ({"mode": "laboratory"}, "Mode", "warning", "without a login: training pages are locked"),
        ({"address": "0.0.0.0"}, "Mode", "warning", "Local, yet other computers reach"),
        ({"address": "0.0.0.0"}, "Host names", "warning", "The server answers to any name"),
        ({"mode": "laboratory", "frame_ancestors": "https://a.example"}, "Frames", "warning", "https://a.example"),
        ({"mode": "public", "max_upload_mb": 99}, "Settings", "warning", "goes without WBC_MAX_UPLOAD_MB"),
        ({"mode": "public", "batch_root": "/srv"}, "Settings", "warning", "goes without WBC_BATCH_ROOT"),
        ({"database_url": "nonsense"}, "Database", "error", "cannot be opened"),
        ({"address": "203.0.113.7"}, "Port", "error", "cannot be listened on"),
    ],
)
def test_what_does_not_fit_together_is_said(
    examined: Examine, values: dict[str, object], subject: str, level: str, says: str
) -> None:
    found = examined(**values)[subject]
    assert found.level == level
    assert says in found.sentence
    assert bool(found.advice) == (level != "ok")


def test_a_port_that_something_else_has_taken_is_an_error(examined: Examine, free_port: int) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", free_port))
        other.listen()
        other.settimeout(0)
        found = examined()["Port"]
    assert found.level == "error"
    assert found.sentence == f"127.0.0.1:{free_port} cannot be listened on: Address already in use."


def test_a_damaged_database_is_found(examined: Examine, tmp_path: Path) -> None:
    (tmp_path / "runs").mkdir()
    file = tmp_path / "runs" / "jobs.sqlite"
    with sqlite3.connect(file) as connection:
        connection.execute("CREATE TABLE a (b TEXT)")
        connection.executemany("INSERT INTO a VALUES (?)", [("x" * 3000,)] * 20)
    assert examined()["Database"].sentence == "It opens and is sound."
    data = bytearray(file.read_bytes())
    data[4096:8192] = bytes(range(256)) * 16
    file.write_bytes(data)
    assert examined()["Database"].level == "error"


def test_uploads_that_would_touch_a_disk_are_an_error_but_at_home(
    examined: Examine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "file_system", lambda folder: "ext4")
    assert examined()["Uploads"].level == "warning"
    assert examined(mode="public")["Uploads"].level == "error"


def test_the_file_system_is_that_of_the_nearest_mount(tmp_path: Path) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text(f"/dev/a / ext4 rw 0 0\ntmpfs {tmp_path} tmpfs rw 0 0\n/dev/b {tmp_path}/x xfs rw 0 0\n")
    assert doctor.file_system(tmp_path / "y", mounts) == "tmpfs"
    assert doctor.file_system(tmp_path / "x" / "z", mounts) == "xfs"
    assert doctor.file_system(tmp_path, tmp_path / "none") == ""


def test_a_disk_that_is_nearly_full_is_an_error(examined: Examine, monkeypatch: pytest.MonkeyPatch) -> None:
    full = type("Usage", (), {"free": 50e6})()
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda folder: full)
    found = examined()["Runs"]
    assert (found.level, found.sentence.startswith("50 MB are free")) == ("error", True)


def test_missing_packages_are_named_with_the_command_that_brings_them(
    examined: Examine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "find_spec", lambda name: None if name in ("cv2", "keras") else object())
    found = examined()
    assert found["Packages"].sentence == "Not installed: cv2."
    assert "requirements-serve.txt" in found["Packages"].advice
    assert found["Training"].level == "warning"
    assert examined(jobs_worker="false")["Training"].level == "ok"


def test_the_command_prints_a_line_each_and_its_exit_code_tells_errors(host: Callable[..., None]) -> None:
    host(address="127.0.0.1")
    for arguments, code in ((["doctor"], 0), (["doctor", "--json"], 0)):
        printed = StringIO()
        with redirect_stdout(printed), pytest.raises(SystemExit) as left:
            main(arguments)
        assert left.value.code == code, printed.getvalue()
    assert {row["level"] for row in json.loads(printed.getvalue())} <= {"ok", "warning"}
    host(default_model="other")
    printed = StringIO()
    with redirect_stdout(printed), pytest.raises(SystemExit) as left:
        main(["doctor"])
    assert left.value.code == 1
    assert "error   Models: The default model other is not in" in printed.getvalue()
    assert "        → Set WBC_MODELS_DIR" in printed.getvalue()


@pytest.mark.parametrize(("mode", "guarded"), [("public", "false"), ("laboratory", "true"), ("local", "true")])
def test_only_a_public_server_takes_uploads_without_the_cookie_that_a_frame_keeps_back(
    host: Callable[..., None], mode: str, guarded: str
) -> None:
    host(mode=mode, port=7860, address="0.0.0.0")
    command = server_command(settings())
    options = dict(zip(command[5::2], command[6::2], strict=True))
    assert options["--server.enableXsrfProtection"] == guarded
    assert options["--server.enableCORS"] == "true"
    assert (options["--server.port"], options["--server.address"]) == ("7860", "0.0.0.0")
    assert options["--browser.serverAddress"] == "localhost", "else Streamlit asks a foreign server for its address"
    assert options["--server.maxUploadSize"] == ("50" if mode == "public" else "500")


def test_the_doctor_knows_the_app_by_its_answer(free_port: int) -> None:
    assert not doctor_server._answers(free_port)


@pytest.mark.parametrize(
    ("chosen", "subject", "level", "sentence"),
    [
        ({}, "Metrics", "ok", "This computer may read /metrics, and nobody through a proxy."),
        ({"metrics": "off"}, "Metrics", "ok", "Nobody may read /metrics."),
        ({"mode": "public"}, "Metrics", "ok", "Nobody may read /metrics."),
        ({"metrics": "token"}, "Metrics", "error", "Nobody may read /metrics: there is no token, or a short one."),
        ({"metrics": "token", "metrics_token": "x" * 16}, "Metrics", "ok", "Who shows the token may read /metrics."),
        ({}, "Log", "ok", "As sentences, from the level info on; no uploaded file is named in it."),
        (
            {"log_format": "json", "log_file_names": "yes"},
            "Log",
            "warning",
            "As JSON objects, from the level info on; uploaded files may be named in it.",
        ),
    ],
)
def test_the_doctor_tells_who_reads_metrics_and_what_the_log_holds(
    examined: Examine, chosen: dict[str, str], subject: str, level: str, sentence: str
) -> None:
    found = examined(**chosen)[subject]
    assert (found.level, found.sentence) == (level, sentence)


def test_the_doctor_tells_the_version_of_the_database_and_the_age_of_the_backup(
    examined: Examine, host: Callable[..., None], tmp_path: Path
) -> None:
    assert "Database version" not in examined()
    open_database(database_url(settings()))
    found = examined()
    assert found["Database version"].sentence == "Tables of version 2, which is this program's."
    assert (found["Backup"].level, found["Backup"].sentence) == ("ok", "None is known of.")
    assert examined(mode="laboratory")["Backup"].level == "warning"
    make_backup(tmp_path / "kept.zip")
    assert examined()["Backup"].sentence == "The last one is 0 hours old."
    with open_database(database_url(settings())).begin() as connection:
        connection.execute(update(backups).values(made=backups.c.made - 9 * 86_400))
    assert examined()["Backup"].sentence == "The last one is 9 days old."
    open_database.cache_clear()
