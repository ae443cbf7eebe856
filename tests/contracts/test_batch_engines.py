"""Both engines of a batch write the same rows, and a kill loses none and repeats none."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import cv2
import pytest

from tests.ray_cluster import ray_head
from tests.tiny_models import install_tiny_model
from wbc_core.datasets.synthetic import render_cell
from wbc_core.settings import ROOT

PICTURES = 500
LABELS = ("neutrophil", "lymphocyte", "monocyte")


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder of 400 pictures and an archive of 100, some of them broken, and a model that answers at once."""
    folder = tmp_path_factory.mktemp("batch")
    pictures = folder / "pictures"
    pictures.mkdir()
    drawn = [
        cv2.imencode(".png", render_cell(LABELS[seed % 3], seed=seed, size=96)[..., ::-1])[1].tobytes()
        for seed in range(25)
    ]
    data = [drawn[number % 25] + bytes([number % 251, number // 251]) for number in range(PICTURES)]
    for broken in (17, 230, 450):
        data[broken] = data[broken][:200]
    for number in range(400):
        (pictures / f"{number:03}.png").write_bytes(data[number])
    with zipfile.ZipFile(folder / "more.zip", "w") as archive:
        for number in range(400, PICTURES):
            archive.writestr(f"{number:03}.png", data[number])
    install_tiny_model(folder / "models", "tiny", "Tiny", LABELS)
    return folder


def command(place: Path, out: Path, *options: str) -> tuple[list[str], dict[str, str]]:
    arguments = [str(place / "pictures"), str(place / "more.zip"), "--id", out.stem, "--out", str(out), *options]
    environment = os.environ | {
        "WBC_MODELS_DIR": str(place / "models"),
        "WBC_BATCHES_DIR": str(place / "batches"),
        "WBC_DEFAULT_MODEL": "tiny",
        "PYTHONPATH": str(ROOT),
    }
    return [sys.executable, "-m", "wbc_core", "batch", *arguments], environment


def run(place: Path, out: Path, *options: str) -> list[dict[str, str]]:
    line, environment = command(place, out, *options)
    done = subprocess.run(line, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    with out.open(newline="") as stream:
        return list(csv.DictReader(stream))


@pytest.fixture(scope="module")
def uninterrupted(place):
    return run(place, place / "whole.csv")


def test_every_picture_has_one_row_in_its_order(place, uninterrupted):
    names = [row["file"] for row in uninterrupted]
    assert names == [
        *(str(place / "pictures" / f"{number:03}.png") for number in range(400)),
        *(f"{place / 'more.zip'}/{number:03}.png" for number in range(400, PICTURES)),
    ]
    assert [number for number, row in enumerate(uninterrupted) if row["status"] == "failed"] == [17, 230, 450]


@pytest.mark.slow
def test_killed_in_the_middle_and_given_again_it_loses_nothing_and_does_nothing_twice(place, uninterrupted):
    out, rows = place / "killed.csv", place / "batches" / "killed" / "rows.jsonl"
    line, environment = command(place, out)
    done_before = []
    for _ in range(3):
        process = subprocess.Popen(line, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        floor = done_before[-1] if done_before else 0
        while process.poll() is None:
            if rows.exists() and rows.read_bytes().count(b"\n") > floor:
                process.send_signal(signal.SIGKILL)
            time.sleep(0.005)
        process.wait()
        done_before.append(rows.read_bytes().count(b"\n"))
    assert done_before[0] < PICTURES, "the first kill came in the middle"
    assert done_before == sorted(done_before)
    with rows.open("ab") as stream:
        stream.write(b'{"place":499,"file":"torn')  # as a power cut leaves a line
    assert run(place, out) == uninterrupted
    written = [json.loads(text)["file"] for text in rows.read_text().splitlines()]
    assert len(written) == len(set(written)) == PICTURES


@pytest.mark.slow
def test_ray_data_writes_the_same_rows(place, uninterrupted, monkeypatch):
    pytest.importorskip("ray", reason="Ray is optional: requirements-cluster.txt")
    with ray_head() as head:
        monkeypatch.setenv("WBC_RAY_CLUSTER", head.address)
        assert run(place, place / "on-ray.csv", "--engine", "ray") == uninterrupted


def test_without_a_cluster_the_ray_engine_says_what_to_start(place, monkeypatch):
    pytest.importorskip("ray", reason="Ray is optional: requirements-cluster.txt")
    monkeypatch.setenv("WBC_RAY_CLUSTER", "127.0.0.1:1")
    line, environment = command(place, place / "none.csv", "--engine", "ray")
    done = subprocess.run(
        line,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 1
    assert "No Ray cluster answers at 127.0.0.1:1." in done.stderr
