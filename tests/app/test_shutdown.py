"""SIGTERM ends the server in good order: what is at hand is finished, the rest goes on at the next start."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import pytest

from scripts.running_app import free_port
from tests.tiny_models import install_tiny_model
from wbc_core.batches.folder import BatchFolder, batch_folder
from wbc_core.datasets.synthetic import render_cell
from wbc_core.jobs.database import open_database
from wbc_core.jobs.staff import Staff
from wbc_core.services.batch_submission import submit_paths
from wbc_core.services.batches import cancel_batch, wait_for, worker
from wbc_core.settings import ROOT, settings

WAIT_S = 120
PICTURES = 2000
AT_WORK = 64
"""Rows after which the batch is certainly under way."""


@pytest.fixture
def variables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, str]]:
    """Variables of a server with one tiny model, folders of its own and a free port; this process has them too."""
    install_tiny_model(tmp_path / "models", "tiny", "Tiny", ("neutrophil", "lymphocyte"))
    chosen = {f"WBC_{name.upper()}_DIR": str(tmp_path / name) for name in ("runs", "batches", "models", "cache")}
    chosen |= {"WBC_DEFAULT_MODEL": "tiny", "WBC_PORT": str(free_port()), "WBC_LOG_FORMAT": "json"}
    for name, value in chosen.items():
        monkeypatch.setenv(name, value)
    settings.cache_clear()
    worker.cache_clear()
    yield chosen
    worker().end()
    worker.cache_clear()
    monkeypatch.undo()
    settings.cache_clear()
    open_database.cache_clear()


class Server:
    """A server in a process of its own; its log goes to a file."""

    def __init__(self, variables: dict[str, str], log: Path) -> None:
        self.address = f"http://127.0.0.1:{variables['WBC_PORT']}"
        self.log = log
        with log.open("w") as stream:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "wbc_core", "serve"], cwd=ROOT, env=os.environ | variables, stderr=stream
            )

    def answer(self, path: str, **headers: str) -> tuple[int, bytes]:
        try:
            request = urllib.request.Request(self.address + path, headers=headers)
            with urllib.request.urlopen(request, timeout=10) as response:
                return response.status, response.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()

    def events(self) -> list[str]:
        lines = [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{")]
        return [str(line["event"]) for line in lines if "event" in line]

    def wait(self, condition: Callable[[], bool]) -> None:
        began = time.monotonic()
        while not condition():
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() - began < WAIT_S, self.log.read_text()
            time.sleep(0.05)

    def up(self) -> bool:
        try:
            return self.answer("/healthz")[0] == 200
        except (urllib.error.URLError, OSError):
            return False

    def end(self) -> tuple[int, float]:
        began = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(WAIT_S)
        return code, time.monotonic() - began


@pytest.fixture
def start(variables: dict[str, str], tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """Return a function that starts a server; those that a test leaves are killed."""
    started: list[Server] = []

    def serve(**more: str) -> Server:
        started.append(Server(variables | more, tmp_path / f"server{len(started)}.log"))
        return started[-1]

    yield serve
    for server in started:
        if server.process.poll() is None:
            server.process.kill()
            server.process.wait()


def rows_of(folder: BatchFolder) -> int:
    return sum(1 for _ in folder.rows())


@pytest.mark.slow
def test_a_batch_at_work_is_left_whole_for_the_next_start(start: Callable[..., Server], tmp_path: Path) -> None:
    data = cv2.imencode(".png", render_cell("lymphocyte", seed=1, size=64)[..., ::-1])[1].tobytes()
    with zipfile.ZipFile(tmp_path / "cells.zip", "w") as archive:
        for number in range(PICTURES):
            archive.writestr(f"{number:05d}.png", data)
    batch = submit_paths([tmp_path / "cells.zip"])
    cancel_batch(batch)
    wait_for(batch, lambda _: None)
    worker().end()
    folder = batch_folder(settings().batches_dir, batch)
    folder.write_standing(folder.standing().model_copy(update={"state": "running"}))  # as after a power cut
    server = start(WBC_JOBS_WORKER="false")
    server.wait(lambda: rows_of(folder) > AT_WORK)
    code, seconds = server.end()
    print(f"The server ended {seconds:.1f} s after SIGTERM.")
    assert code == 0
    assert server.events()[-3:] == ["stop", "batch.end", "stopped"]
    standing, done = folder.standing(), rows_of(folder)
    assert standing.state == "interrupted"
    assert standing.message == "The server was ended."
    assert AT_WORK < done < PICTURES
    text = (folder.path / "rows.jsonl").read_text()
    assert text.endswith("\n")
    assert len(text.splitlines()) == len({json.loads(line)["file"] for line in text.splitlines()}) == done
    assert not folder.held()


@pytest.mark.slow
def test_the_server_tells_its_metrics_to_this_computer_and_takes_its_worker_along(
    start: Callable[..., Server],
) -> None:
    server = start()
    server.wait(server.up)
    code, body = server.answer("/metrics")
    assert code == 200
    assert b'wbc_info{mode="local"' in body
    assert server.answer("/metrics", **{"X-Forwarded-For": "10.0.0.7"}) == (404, b"There is nothing here.\n")
    database = settings().runs_dir / "jobs.sqlite"
    server.wait(lambda: database.exists() and bool(Staff(open_database(f"sqlite:///{database}")).heartbeats()))
    assert server.end()[0] == 0
    assert Staff(open_database(f"sqlite:///{database}")).heartbeats() == {}, "the worker left by itself"
    assert server.events()[0] == "start"
    assert server.events()[-2:] == ["stop", "stopped"]
