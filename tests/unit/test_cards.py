"""A card that does not validate, or a file that differs from its card, is refused before anything parses the file."""

import json
import shutil

import pytest

from wbc_core.errors import ModelError
from wbc_core.inference.cards import load_card, read_verified
from wbc_core.inference.classifier import Classifier
from wbc_core.services.models import available_models, model_folder, verify_model
from wbc_core.settings import Settings, settings


@pytest.fixture
def folder(tmp_path):
    """A copy of the default model that a test may damage."""
    target = tmp_path / settings().default_model
    shutil.copytree(settings().models_dir / settings().default_model, target)
    return target


def edit(folder, **changes):
    content = json.loads((folder / "card.json").read_text())
    (folder / "card.json").write_text(json.dumps(content | changes))


def test_every_installed_model_is_sound():
    models = available_models()
    assert models[0].id == settings().default_model
    for model in models:
        card = verify_model(model.id)
        assert card.id == model_folder(model.id).name
        assert card.keras_agreement <= 1e-4


def test_a_card_of_a_newer_schema_is_refused(folder):
    edit(folder, schema_version=2)
    with pytest.raises(ModelError) as caught:
        load_card(folder)
    assert "has schema version 2; this program reads up to 1." in caught.value.message
    assert caught.value.hint == "Update wbc-core, or choose another model."


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"labels": ["neutrophil"]}, "labels"),
        ({"input_size": [64, 64, 3]}, "input_size"),
        ({"files": {}}, "files lacks model.onnx"),
        ({"colour_of_the_door": "green"}, "colour_of_the_door"),
        ({"id": "../elsewhere"}, "id"),
    ],
)
def test_a_card_that_does_not_validate_names_the_field(folder, changes, field):
    edit(folder, **changes)
    with pytest.raises(ModelError, match=field):
        load_card(folder)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe", b"[" * 100_000, b'{"schema_version": "1"}'])
def test_a_broken_card_is_refused(folder, content):
    (folder / "card.json").write_bytes(content)
    with pytest.raises(ModelError):
        load_card(folder)


def test_a_network_that_differs_from_its_card_is_refused_unparsed(folder, monkeypatch):
    data = bytearray((folder / "model.onnx").read_bytes())
    data[len(data) // 2] ^= 1
    (folder / "model.onnx").write_bytes(data)

    def parse(*_arguments, **_options):
        raise AssertionError("the altered file was parsed")

    monkeypatch.setattr("onnxruntime.InferenceSession", parse)
    with pytest.raises(
        ModelError, match=r"The file model\.onnx of the model .* differs from the one its card describes"
    ):
        Classifier(folder, 1)


def test_a_missing_file_is_named(folder):
    (folder / "model.keras").unlink()
    with pytest.raises(ModelError, match=r"model\.keras"):
        read_verified(folder, load_card(folder), "model.keras")


@pytest.mark.parametrize("name", ["nothing-here", "../models", "", "A B"])
def test_an_unknown_model_names_the_installed_ones(name):
    with pytest.raises(ModelError) as caught:
        model_folder(name)
    assert settings().default_model in caught.value.hint


def test_the_settings_read_the_environment(monkeypatch):
    monkeypatch.setenv("WBC_MAX_UPLOAD_MB", "3")
    assert Settings().max_upload_mb == 3
