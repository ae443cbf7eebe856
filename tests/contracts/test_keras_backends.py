"""Training runs on any backend of Keras: begun and ended on JAX, it is exported with TensorFlow."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import cv2
import pandas as pd
import pytest

from wbc_core.datasets.synthetic import render_cell

RECIPE = """
id: tiny
title: Tiny
seed: 7
labels: [lymphocyte, neutrophil, platelet]
data: [{name: made}]
preprocessing: {size: 32}
network: {architecture: baseline_cnn, initial_weights: random, dropout: 0.2}
optimisation: {batch_size: 4, steps_per_epoch: 3, epochs: 2, learning_rate: 0.001, average_decay: 0.9}
"""


@pytest.mark.slow
def test_a_run_on_jax_is_exported_with_tensorflow(tmp_path: Path) -> None:
    made = tmp_path / "data" / "made"
    made.mkdir(parents=True)
    rows = [("file", "label", "split")]
    for index in range(24):
        label = ("lymphocyte", "neutrophil", "platelet")[index % 3]
        cv2.imwrite(str(made / f"{index}.png"), render_cell(label, seed=index, size=64)[..., ::-1])
        rows.append((f"{index}.png", label, ("train", "train", "val", "test")[index // 6]))
    with (made / "split.csv").open("w", newline="") as stream:
        csv.writer(stream).writerows(rows)
    (tmp_path / "tiny.yaml").write_text(RECIPE)

    def train(backend: str) -> subprocess.CompletedProcess[str]:
        folders = {f"WBC_{name.upper()}_DIR": str(tmp_path / name) for name in ("data", "runs", "cache", "models")}
        return subprocess.run(
            [sys.executable, "-m", "wbc_core", "train", str(tmp_path / "tiny.yaml"), "--device", "cpu"],
            env=os.environ | folders | {"KERAS_BACKEND": backend},
            capture_output=True,
            text=True,
            check=False,
        )

    on_jax = train("jax")
    history = tmp_path / "runs" / "tiny" / "history.csv"
    assert history.exists(), on_jax.stderr
    trained = history.read_bytes()
    assert list(pd.read_csv(history)["epoch"]) == [0, 1]
    assert on_jax.returncode == 1
    assert "The export to ONNX needs the TensorFlow backend; Keras runs on jax." in on_jax.stderr
    exported = train("tensorflow")
    assert exported.returncode == 0, exported.stderr
    card = json.loads((tmp_path / "runs" / "tiny" / "export" / "card.json").read_text())
    assert card["training"]["backend"] == "jax"
    assert card["keras_agreement"] < 1e-4
    assert history.read_bytes() == trained  # nothing was trained again
