"""A model's files are compared with the digests of its card before anything opens them, and lead nowhere else."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest

from tests.tiny_models import install_tiny_model
from wbc_core.errors import ModelError
from wbc_core.inference.cards import CARD, describe_file, load_card, read_verified, save_card
from wbc_core.inference.classifier import Classifier
from wbc_core.services.exporting import export_model
from wbc_core.services.models import available_models, verify_model
from wbc_core.settings import ROOT, settings

SHIPPED = ROOT / "models" / "wbc8-lite0"
FILES = sorted(load_card(SHIPPED).files)


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """An empty folder of models."""
    (tmp_path / "models").mkdir()
    monkeypatch.setenv("WBC_MODELS_DIR", str(tmp_path / "models"))
    monkeypatch.setenv("WBC_DEFAULT_MODEL", "tiny")
    settings.cache_clear()
    yield tmp_path / "models"
    monkeypatch.undo()
    settings.cache_clear()


@pytest.fixture
def tiny(models: Path) -> Path:
    """A model of a few bytes."""
    return install_tiny_model(models, "tiny", "Tiny", ("monocyte", "neutrophil"))


@pytest.fixture
def nothing_opens(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every way by which a model's file could be parsed fails the test."""

    def opened(*arguments: object, **options: object) -> object:
        raise AssertionError("a file with another digest was opened")

    monkeypatch.setattr(onnxruntime, "InferenceSession", opened)
    monkeypatch.setattr("onnxruntime.InferenceSession", opened)
    for name in ("load", "loads", "load_model_from_string", "load_from_string"):
        monkeypatch.setattr(f"onnx.{name}", opened, raising=False)
    monkeypatch.setattr(np, "load", opened)
    monkeypatch.setattr("wbc_core.inference.stored_arrays.unpacked_arrays", opened)
    monkeypatch.setattr("wbc_core.inference.novelty.unpacked_arrays", opened)
    monkeypatch.setattr("wbc_core.evaluation.prediction_table.parse_predictions", opened)


@pytest.mark.parametrize("name", FILES)
def test_no_file_of_a_model_is_opened_when_its_digest_differs(models: Path, nothing_opens: None, name: str) -> None:
    folder = models / "wbc8-lite0"
    folder.mkdir()
    for other in (*FILES, CARD):
        (folder / other).symlink_to(SHIPPED / other)
    (folder / name).unlink()
    data = bytearray((SHIPPED / name).read_bytes())
    data[len(data) // 2] ^= 1
    (folder / name).write_bytes(data)
    with pytest.raises(ModelError) as caught:
        verify_model("wbc8-lite0")
    assert caught.value.message == (f"The file {name} of the model wbc8-lite0 differs from the one its card describes.")
    with pytest.raises(ModelError, match="differs from the one its card describes"):
        read_verified(folder, load_card(folder), name)


@pytest.mark.parametrize("file_format", ["keras", "tflite"])
def test_a_changed_keras_file_is_neither_exported_nor_converted(tiny: Path, tmp_path: Path, file_format: str) -> None:
    content = json.loads((tiny / CARD).read_text())
    content["files"]["model.keras"] = {"sha256": "0" * 64, "bytes": 1}
    (tiny / CARD).write_text(json.dumps(content))
    (tiny / "model.keras").write_bytes(b"PK\3\4 anything")
    with pytest.raises(ModelError, match=r"model\.keras of the model tiny differs"):
        export_model("tiny", tmp_path / "out", file_format)
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize(
    "name",
    ["../../secret.txt", "/etc/passwd", "..", "a/b.onnx", "a\\b.onnx", "C:model", ".hidden", "", "a\0b", "．．／x"],
)
def test_a_card_cannot_name_a_file_elsewhere(tiny: Path, name: str) -> None:
    content = json.loads((tiny / CARD).read_text())
    content["files"][name] = content["files"]["model.onnx"]
    (tiny / CARD).write_text(json.dumps(content))
    with pytest.raises(ModelError, match=r"files names .* which is no file beside the card"):
        load_card(tiny)
    assert available_models() == ()


def test_a_link_in_a_models_folder_opens_nothing_that_the_card_does_not_describe(tiny: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"a secret")
    (tiny / "model.onnx").unlink()
    (tiny / "model.onnx").symlink_to(tmp_path / "secret")
    with pytest.raises(ModelError) as caught:
        Classifier(tiny, 1)
    assert "differs from the one its card describes" in caught.value.message
    assert "a secret" not in str(caught.value)


@pytest.mark.parametrize("name", [CARD, "model.onnx"])
@pytest.mark.parametrize("kind", ["pipe", "device", "folder", "circle", "secret"])
def test_what_is_no_file_is_refused_at_once_and_not_waited_for(tiny: Path, name: str, kind: str) -> None:
    place = tiny / name
    place.unlink()
    if kind == "pipe":
        os.mkfifo(place)
    elif kind == "device":
        place.symlink_to("/dev/zero")
    elif kind == "folder":
        place.mkdir()
    elif kind == "circle":
        place.symlink_to(place)
    else:
        place.symlink_to("/etc/passwd")
    with pytest.raises(ModelError) as caught:
        Classifier(tiny, 1)
    assert "root:" not in str(caught.value)


def test_a_network_that_asks_for_a_file_elsewhere_is_refused(tiny: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(bytes(24))
    for location in ("../../secret", str(tmp_path / "secret"), "http://127.0.0.1/weights", "missing"):
        model = onnx.load(tiny / "model.onnx")
        array = next(each for each in model.graph.initializer if each.name == "weights")
        array.ClearField("raw_data")
        array.data_location = onnx.TensorProto.EXTERNAL
        array.external_data.add(key="location", value=location)
        changed = tiny.parent / "changed"
        shutil.copytree(tiny, changed, dirs_exist_ok=True)
        (changed / "model.onnx").write_bytes(model.SerializeToString())
        card = load_card(changed)
        save_card(card.model_copy(update={"files": {"model.onnx": describe_file(changed / "model.onnx")}}), changed)
        with pytest.raises(ModelError, match="cannot be loaded"):
            Classifier(changed, 1)
