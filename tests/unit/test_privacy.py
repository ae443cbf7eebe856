"""The privacy page says what is true: each sentence is held to be so here, or by the test that is named."""

from __future__ import annotations

import ast
import inspect
import io
import json
import re
import sqlite3
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import pytest
from PIL import ExifTags, Image
from streamlit.runtime.memory_session_storage import MemorySessionStorage

from wbc_core.batches import worker as batch_worker
from wbc_core.datasets.synthetic import render_cell
from wbc_core.jobs.database import jobs, open_database
from wbc_core.services import access, field_runs, privacy, single_image
from wbc_core.settings import ROOT, settings

LOGIN = {"LOGIN_ISSUER": "https://id.example.org", "LOGIN_CLIENT_ID": "wbc", "LOGIN_HOURS": "8"}
PUBLIC = "unit/test_access.py::test_a_public_server_keeps_nothing_on_a_disk_and_nothing_after_its_end"
SESSION = "browser/test_privacy_session.py::test_nothing_of_a_session_is_left_behind"
HELD = {
    "memory": SESSION,
    "arrival": "unit/test_privacy.py::test_the_page_says_where_uploads_arrive",
    "how_long": "unit/test_privacy.py::test_what_is_let_go_is_let_go_when_the_page_says_so",
    "exif": "unit/test_privacy.py::test_a_result_holds_nothing_of_what_the_camera_wrote",
    "training": "unit/test_privacy.py::test_no_training_can_reach_what_was_handed_in",
    "batch_public": PUBLIC,
    "batch_kept": "unit/test_privacy.py::test_the_page_names_the_days_of_the_settings",
    "single_kept_nowhere": SESSION,
    "no_patient_data": "",  # a request, not a promise
    "address": "unit/test_privacy.py::test_addresses_cannot_be_guessed",
    "login": "app/test_login_page.py::test_whoever_has_not_logged_in_sees_one_button_and_nothing_else",
    "logs": SESSION,
    "proxy": "",  # about others
    "login_cookie": "browser/test_login.py::test_a_login_opens_the_pages_of_its_role_and_a_logout_closes_them",
    "cookie": SESSION,
    "foreign": "browser/test_security_headers.py::test_no_page_violates_the_policy",
    "delete_single": SESSION,
    "delete_batch": SESSION,
    "delete_batch_public": PUBLIC,
    "delete_fields": "unit/test_privacy.py::test_fields_that_are_forgotten_are_gone",
    "jobs": "unit/test_privacy.py::test_what_is_deleted_from_the_database_of_jobs_is_overwritten",
    "backups": "",  # about others
}


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., dict[str, str]]]:
    """Return a function that gives the page's sentences by code, of a server with these settings."""

    def ask(**values: object) -> dict[str, str]:
        for name, value in values.items():
            monkeypatch.setenv(f"WBC_{name.upper()}", str(value))
        settings.cache_clear()
        access.serve_at("0.0.0.0")
        return {statement.code: statement.text for part in privacy.privacy_chapters() for statement in part.statements}

    yield ask
    access.serve_nobody()
    monkeypatch.undo()
    settings.cache_clear()


def test_every_sentence_is_held_by_a_test_that_exists(said: Callable[..., dict[str, str]]) -> None:
    codes = set(said(mode="local")) | set(said(mode="public")) | set(said(mode="laboratory", **LOGIN))
    assert codes == set(HELD)
    for held in filter(None, HELD.values()):
        file, name = held.split("::")
        tree = ast.parse((ROOT / "tests" / file).read_text(encoding="utf-8"))
        assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}, held


def test_each_mode_says_its_own(said: Callable[..., dict[str, str]]) -> None:
    local, public = said(mode="local"), said(mode="public")
    assert {"batch_kept", "delete_batch", "jobs", "backups", "cookie"} <= set(local)
    assert not {"batch_kept", "delete_batch", "jobs", "backups", "login", "login_cookie"} & set(public)
    assert {"batch_public", "delete_batch_public"} <= set(public)
    laboratory = said(mode="laboratory", **LOGIN)
    assert {"login", "login_cookie"} <= set(laboratory)
    assert "cookie" not in laboratory
    assert "It ends after 8 hours;" in laboratory["login_cookie"]
    assert "when your identity provider says so" in said(LOGIN_HOURS=0)["login_cookie"]


def test_the_page_names_the_days_of_the_settings(said: Callable[..., dict[str, str]]) -> None:
    assert "on the server's disk for 7 days, or until you delete it." in said(mode="local", batch_days=7)["batch_kept"]


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("tmpfs", "lies in the server's memory and on no disk"),
        ("ext4", "the folder lies on a disk here"),
        ("", "on a disk"),
    ],
)
def test_the_page_says_where_uploads_arrive(
    said: Callable[..., dict[str, str]], monkeypatch: pytest.MonkeyPatch, kind: str, words: str
) -> None:
    monkeypatch.setattr(privacy, "file_system", lambda folder: kind)
    assert words in said(mode="local")["arrival"]


def test_what_is_let_go_is_let_go_when_the_page_says_so(said: Callable[..., dict[str, str]]) -> None:
    assert "two minutes after you leave" in said(mode="local")["how_long"]
    assert "an hour after their end" in said()["how_long"]
    assert inspect.signature(MemorySessionStorage).parameters["ttl_seconds"].default == 120
    assert (batch_worker.KEPT_S, field_runs.KEPT_S) == (3600, 3600)
    config = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text(encoding="utf-8"))
    assert config["browser"]["gatherUsageStats"] is False


def test_a_result_holds_nothing_of_what_the_camera_wrote() -> None:
    image = Image.fromarray(cv2.resize(render_cell("neutrophil", seed=7), (360, 360)))
    exif = image.getexif()
    exif[ExifTags.Base.Make] = exif[ExifTags.Base.ImageDescription] = "Praxis-Dr-Geheim"
    place = exif.get_ifd(ExifTags.IFD.GPSInfo)
    place[ExifTags.GPS.GPSLatitudeRef], place[ExifTags.GPS.GPSLatitude] = "N", (48.0, 8.0, 13.37)
    written = io.BytesIO()
    image.save(written, "JPEG", exif=exif)
    assert b"Praxis-Dr-Geheim" in written.getvalue()
    result = single_image.classify_image(written.getvalue(), "cell.jpg")
    for text in (json.dumps(result.as_dict()), repr(result)):
        assert "Geheim" not in text
        assert "13.37" not in text


def test_no_training_can_reach_what_was_handed_in() -> None:
    """Uploads are known to these rooms alone, and none of the rooms that train, or keep data sets, imports them."""
    for room in ("training", "recipes", "runs", "jobs", "datasets"):
        for path in (ROOT / "wbc_core" / room).rglob("*.py"):
            text = path.read_text(encoding="utf-8")
            assert not re.search(r"^\s*(from|import) wbc_core\.(batches|ui)\b", text, re.MULTILINE), path
            assert "Upload(" not in text


def test_addresses_cannot_be_guessed(said: Callable[..., dict[str, str]]) -> None:
    assert "cannot be guessed" in said(mode="local")["address"]
    for module, name in (("batch_submission", "id=batch_id or"), ("field_runs", "id=secrets.token_hex")):
        source = (ROOT / "wbc_core" / "services" / f"{module}.py").read_text(encoding="utf-8")
        (length,) = re.findall(re.escape(name) + r".*?token_hex\((\d+)\)|" + re.escape(name) + r"\((\d+)\)", source)
        assert int("".join(length)) >= 8  # 64 random bits


def test_fields_that_are_forgotten_are_gone() -> None:
    run = field_runs.FieldRun("r1", "t", "m", "M", (), None, listing=None, in_memory=5)  # type: ignore[arg-type]
    run.ended = 0.0
    field_runs.runner().submit(run)
    assert field_runs.runner().run("r1") is run
    field_runs.forget_fields("r1")
    assert field_runs.runner().run("r1") is None


def test_what_is_deleted_from_the_database_of_jobs_is_overwritten(tmp_path: Path) -> None:
    secret = "Geheimnis-" * 400
    engine = open_database(f"sqlite:///{tmp_path / 'jobs.sqlite'}")
    row = dict.fromkeys(("recipe_id", "spec", "run_dir", "backend", "device", "state"), "x")
    with engine.begin() as connection:
        connection.execute(jobs.insert().values(id="a", title="t", submitted=0.0, **(row | {"spec": secret})))
    assert held(tmp_path, secret)
    with engine.begin() as connection:
        connection.execute(jobs.delete())
    engine.dispose()
    with sqlite3.connect(tmp_path / "jobs.sqlite") as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    assert not held(tmp_path, secret)


def held(folder: Path, text: str) -> bool:
    return any(text[:200].encode() in path.read_bytes() for path in folder.iterdir())
