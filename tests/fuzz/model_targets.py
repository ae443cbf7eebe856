"""Models: cards as they are stored, networks, and the folders of both."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import numpy as np
import onnx
from google.protobuf.message import DecodeError

from tests.fuzz import mutations
from tests.fuzz.engine import Target
from tests.fuzz.text_targets import JSON
from tests.tiny_models import install_tiny_model
from wbc_core.imaging.preprocessing import Preprocessing
from wbc_core.inference.cards import CARD, describe_file, load_card, save_card
from wbc_core.inference.classifier import Classifier
from wbc_core.services.models import available_models, model_details, verify_model
from wbc_core.settings import ROOT

MODEL = "tiny"


@lru_cache(maxsize=1)
def _tiny() -> tuple[bytes, bytes]:
    """Return card and network of a model of a few bytes."""
    with TemporaryDirectory() as name:
        definition = Preprocessing(size=32)
        folder = install_tiny_model(Path(name), MODEL, "Tiny", ("monocyte", "neutrophil"), definition)
        return (folder / CARD).read_bytes(), (folder / "model.onnx").read_bytes()


def _folder(place: Path) -> Path:
    folder = place / "models" / MODEL
    if not folder.exists():
        folder.mkdir()
        (folder / CARD).write_bytes(_tiny()[0])
        (folder / "model.onnx").write_bytes(_tiny()[1])
    return folder


def card(data: bytes, place: Path) -> None:
    """Offer a model whose card is what it is, and check the model."""
    (_folder(place) / CARD).write_bytes(data)
    available_models()
    verify_model(MODEL)
    model_details(MODEL)


def _cards() -> Sequence[bytes]:
    return (_tiny()[0],)


def shipped_card(data: bytes, place: Path) -> None:
    """Read a card with every part that a shipped model's has."""
    (_folder(place) / CARD).write_bytes(data)
    load_card(place / "models" / MODEL)


def _shipped_cards() -> Sequence[bytes]:
    return ((ROOT / "models" / "wbc8-lite0" / CARD).read_bytes(),)


def network(data: bytes, place: Path) -> None:
    """Load and run a network; an odd number of bytes stands for a digest that does not fit."""
    folder = _folder(place)
    (folder / CARD).write_bytes(_tiny()[0])
    found = load_card(folder)
    (folder / "model.onnx").write_bytes(data)
    if len(data) % 2 == 0:
        save_card(found.model_copy(update={"files": {"model.onnx": describe_file(folder / "model.onnx")}}), folder)
    loaded = Classifier(folder, 1)
    crops = np.full((2, 32, 32, 3), 128, np.uint8)
    logits, unknown = loaded.look(crops)
    assert loaded.probabilities(logits).shape == (2, 2)
    assert len(unknown) == 2


@lru_cache(maxsize=1)
def _networks() -> tuple[bytes, ...]:
    data = _tiny()[1]
    # One more byte of documentation makes the length odd or even: the digest of even ones is put right.
    model = onnx.load_from_string(data)
    model.doc_string = "x"
    other = model.SerializeToString()
    return tuple(seed for seed in (data, other, _padded(model)) if len(seed) % 2 == 0)[:2]


def _padded(model: onnx.ModelProto) -> bytes:
    for length in range(8):
        model.doc_string = "x" * length
        data = bytes(model.SerializeToString())
        if len(data) % 2 == 0:
            return data
    raise AssertionError("no even length")


def change_graph(data: bytes, chance: Random) -> bytes:
    """Change what a graph declares: shapes, types, names, operators, outputs, files elsewhere."""
    model = onnx.ModelProto()
    try:
        model.ParseFromString(data)
        graph = model.graph
        way = chance.randrange(9)
        if way == 0 and graph.output:
            del graph.output[chance.randrange(len(graph.output))]
        elif way == 1 and graph.output:
            shape = chance.choice(graph.output).type.tensor_type.shape
            del shape.dim[chance.randrange(3) :]
        elif way == 2 and graph.input:
            for dim in graph.input[0].type.tensor_type.shape.dim:
                dim.dim_value = chance.choice((0, 1, -1, 31, 2**31, 2**62))
        elif way == 3 and graph.node:
            chance.choice(graph.node).op_type = chance.choice(("ConstantOfShape", "Expand", "Loop", "Nothing", "Tile"))
        elif way == 4 and graph.initializer:
            array = chance.choice(graph.initializer)
            array.dims[:] = [chance.choice((0, 1, 3, 2**20, 2**40)) for _ in range(chance.randrange(4))]
        elif way == 5 and graph.initializer:
            array = chance.choice(graph.initializer)
            array.ClearField("raw_data")
            array.data_location = onnx.TensorProto.EXTERNAL
            array.external_data.add(key="location", value=chance.choice(("../card.json", "/etc/passwd", "http://a/b")))
        elif way == 6 and graph.input:
            graph.input[0].type.tensor_type.elem_type = chance.randrange(20)
        elif way == 7:
            model.opset_import[0].version = chance.choice((0, 1, 99, 2**40))
        else:
            graph.node.extend(list(graph.node))
        return _padded(model)
    except (DecodeError, ValueError, TypeError, IndexError):  # bytes that are no graph any more stay as they are
        return data


def model_targets() -> list[Target]:
    return [
        Target("card", _cards, card, JSON, 900),
        Target("shipped_card", _shipped_cards, shipped_card, JSON, 500),
        Target("onnx", _networks, network, (change_graph, mutations.edit_a_length), 800),
    ]
