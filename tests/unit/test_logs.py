"""The log tells what happens, as sentences or JSON, and names no uploaded file unless asked to."""

from __future__ import annotations

import ast
import json
import logging
import re
import threading
from collections.abc import Callable, Iterator
from io import StringIO
from pathlib import Path

import cv2
import pytest

from tests.tiny_models import install_tiny_model
from wbc_core.batches.listing import Upload
from wbc_core.batches.worker import Work
from wbc_core.datasets.synthetic import render_cell
from wbc_core.errors import ImageError, ModelError, WbcError
from wbc_core.jobs.database import open_database
from wbc_core.jobs.queue import open_queue
from wbc_core.recipes.spec import parse_recipe
from wbc_core.services.access import identify_visitors_by
from wbc_core.services.batch_submission import submit_uploads
from wbc_core.services.batches import wait_for, worker
from wbc_core.services.logs import OWN, WITHHELD, DiscreetHandler, set_up_logs, share_logs, shown_session
from wbc_core.services.single_image import classify_image
from wbc_core.settings import ROOT, Settings, as_public, settings

PATIENT = "Meier_Anna_1980-02-03"
RECIPE = "{id: tiny, title: Tiny, seed: 5, labels: [lymphocyte, neutrophil], data: [{name: one}]}"


@pytest.fixture
def logged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., StringIO]]:
    """Return a function that sets variables and gives the stream that the log then goes to."""
    install_tiny_model(tmp_path / "models", "tiny", "Tiny", ("neutrophil", "lymphocyte"))
    for name in ("RUNS", "BATCHES", "MODELS"):
        monkeypatch.setenv(f"WBC_{name}_DIR", str(tmp_path / name.lower()))
    monkeypatch.setenv("WBC_DEFAULT_MODEL", "tiny")
    own = logging.getLogger(OWN)
    before = list(own.handlers), own.level

    def start(**values: str) -> StringIO:
        for name, value in values.items():
            monkeypatch.setenv(f"WBC_{name.upper()}", value)
        settings.cache_clear()
        stream = StringIO()
        set_up_logs(settings(), stream)
        return stream

    worker.cache_clear()
    yield start
    worker().end()
    worker.cache_clear()
    own.handlers, own.level = before
    own.setLevel(before[1])
    monkeypatch.undo()
    settings.cache_clear()
    open_database.cache_clear()
    identify_visitors_by(str)


def cell() -> bytes:
    return cv2.imencode(".png", render_cell("lymphocyte", seed=1, size=96)[..., ::-1])[1].tobytes()


def lines(stream: StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def fail_over_a_file() -> None:
    raise ValueError(f"cannot read /uploads/{PATIENT}.png")


def use_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    """Classify, refuse, and let a batch fail by a fault that names the file."""
    classify_image(cell(), f"{PATIENT}.png")
    with pytest.raises(ImageError):
        classify_image(b"no picture", f"{PATIENT}.png")
    with pytest.raises(WbcError):
        submit_uploads([Upload(f"{PATIENT}.txt", b"no picture")])
    wait_for(submit_uploads([Upload(f"{PATIENT}.png", cell()), Upload(f"{PATIENT}2.png", b"bad")]), lambda _: None)
    with monkeypatch.context() as patched:
        patched.setattr(Work, "_begin", lambda _: fail_over_a_file())
        wait_for(submit_uploads([Upload(f"{PATIENT}.png", cell())]), lambda _: None)
    try:
        fail_over_a_file()
    except ValueError as error:
        logging.getLogger("wbc_core.ui").error("A page failed: %s", error, exc_info=error)


@pytest.mark.parametrize("form", ["text", "json"])
def test_no_line_names_an_upload(logged: Callable[..., StringIO], monkeypatch: pytest.MonkeyPatch, form: str) -> None:
    stream = logged(log_format=form, log_level="debug")
    use_everything(monkeypatch)
    said = stream.getvalue()
    assert "Meier" not in said
    assert "A batch failed" in said
    assert "in fail_over_a_file" in said, "where it failed is told"
    assert f"builtins.ValueError {WITHHELD}" in said


def test_who_asks_for_names_gets_them(logged: Callable[..., StringIO], monkeypatch: pytest.MonkeyPatch) -> None:
    stream = logged(log_file_names="yes")
    use_everything(monkeypatch)
    assert stream.getvalue().count(f"cannot read /uploads/{PATIENT}.png") == 3
    assert WITHHELD not in stream.getvalue()


def test_a_public_server_names_none_even_if_asked() -> None:
    assert not as_public(Settings(mode="public", log_file_names=True)).log_file_names


def test_events_are_json_objects_with_what_belongs_to_them(
    logged: Callable[..., StringIO], monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = logged(log_format="json")
    use_everything(monkeypatch)
    job = open_queue(settings()).submit(parse_recipe(RECIPE))
    open_queue(settings()).request_cancel(job.id)
    found = lines(stream)
    events = [(line.get("event"), line.get("kind") or line.get("state")) for line in found]
    assert events == [
        ("upload.refused", "no_picture"),
        ("upload.refused", "other"),
        ("batch.start", None),
        ("batch.end", "finished"),
        (None, None),  # a batch failed, with its trace
        ("batch.end", "failed"),
        (None, None),  # a page failed
        ("job.state", "queued"),
        ("job.state", "cancelled"),
    ]
    assert found[3]["done"] == 2
    assert found[2]["batch"] == found[3]["batch"]
    assert found[-1]["job"] == job.id
    for line in found:
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", str(line["time"]))
        assert line["level"] in ("INFO", "ERROR")
        assert str(line["logger"]).startswith("wbc_core.")
        assert line["message"]


def test_a_session_is_shown_by_a_digest(logged: Callable[..., StringIO]) -> None:
    stream = logged(log_format="json")
    here = threading.get_ident()
    identify_visitors_by(lambda: "session-4711" if threading.get_ident() == here else "")
    with pytest.raises(ImageError):
        classify_image(b"no picture", "cell.png")
    wait_for(submit_uploads([Upload("cell.png", cell())]), lambda _: None)
    refused, begun, _ = lines(stream)
    assert refused["session"] == shown_session("session-4711")
    assert re.fullmatch("[0-9a-f]{12}", str(refused["session"]))
    assert "session" not in begun, "a thread that works for all"
    assert "4711" not in stream.getvalue()


def test_a_sentence_has_time_level_and_place(logged: Callable[..., StringIO]) -> None:
    stream = logged()
    with pytest.raises(ImageError):
        classify_image(b"no picture", "cell.png")
    assert re.fullmatch(
        r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z INFO    wbc_core\.service: "
        r"What was handed in is not taken: no_picture\.\n",
        stream.getvalue(),
    )


@pytest.mark.parametrize(("level", "told"), [("info", 1), ("warning", 0)])
def test_nothing_below_the_level_is_logged(logged: Callable[..., StringIO], level: str, told: int) -> None:
    stream = logged(log_level=level)
    with pytest.raises(ImageError):
        classify_image(b"no picture", "cell.png")
    assert len(stream.getvalue().splitlines()) == told


def test_set_up_twice_each_line_is_written_once(logged: Callable[..., StringIO]) -> None:
    logged()
    stream = logged()
    logging.getLogger("wbc_core.app").warning("Once.")
    assert stream.getvalue().count("Once.") == 1


def test_what_goes_wrong_in_the_queue_and_with_a_model_is_told_in_full(logged: Callable[..., StringIO]) -> None:
    stream = logged()
    logging.getLogger("wbc_core.app").warning("Not ready: %s", ModelError("There is no model named 'x'.", "Set it."))
    try:
        raise OSError("the cluster is away")
    except OSError:
        logging.getLogger("wbc_core.jobs.ray").exception("No answer")
    assert "There is no model named 'x'. Set it." in stream.getvalue()
    assert "OSError: the cluster is away" in stream.getvalue()


def test_the_server_around_the_app_writes_in_the_same_form(logged: Callable[..., StringIO]) -> None:
    stream = logged(log_format="json")
    foreign = logging.getLogger("streamlit.test_of_logs")
    foreign.propagate = False
    foreign.addHandler(logging.StreamHandler(stream))
    share_logs(settings())
    try:
        fail_over_a_file()
    except ValueError:
        foreign.exception("Uncaught app execution")
    foreign.handlers.clear()
    (line,) = lines(stream)
    assert line["message"] == "Uncaught app execution"
    assert "Meier" not in str(line)
    assert isinstance(DiscreetHandler(stream, names=False), logging.Handler)


NAMING = re.compile(r"\b(file|name|upload|picture|data|source|path)s?\b")
MEANT = {"self.folder.path.name", "chosen.name"}
"""A batch's own id, and a worker's name."""


def test_no_call_of_a_log_is_given_what_may_name_a_picture() -> None:
    looked_at = 0
    for path in (ROOT / "wbc_core").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
                continue
            if not (isinstance(node.func.value, ast.Name) and node.func.value.id == "log"):
                continue
            looked_at += 1
            assert isinstance(node.args[0], ast.Constant), f"{path}:{node.lineno} builds its message"
            for value in node.args[1:]:
                text = ast.unparse(value)
                assert text in MEANT or not NAMING.search(text), f"{path}:{node.lineno} logs {text}"
    assert looked_at > 30
