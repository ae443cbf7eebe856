"""Installed models of a few bytes, whose answer follows the mean colour of the crop."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from wbc_core.imaging.preprocessing import Preprocessing
from wbc_core.inference.cards import ModelCard, describe_file, save_card
from wbc_core.settings import ROOT


def install_tiny_model(
    models_dir: Path, model_id: str, title: str, labels: Sequence[str], preprocessing: Preprocessing | None = None
) -> Path:
    """Write card and network of a model; the first label is the likelier, the more red a crop holds.

    Parameters
    ----------
    models_dir : Path
        Folder of the models.
    model_id, title : str
        For the card.
    labels : sequence of str
        Classes of the network.
    preprocessing : Preprocessing, optional
        Input of the network; the default one at 64 px if not given.

    Returns
    -------
    Path
        The model's folder.
    """
    definition = preprocessing or Preprocessing(size=64)
    folder = models_dir / model_id
    folder.mkdir(parents=True)
    weights = np.zeros((3, len(labels)), np.float32)
    weights[0, 0], weights[2, 1] = 0.05, 0.04
    nodes = [
        helper.make_node("ReduceMean", ["picture", "axes"], ["embedding"], keepdims=0),
        helper.make_node("MatMul", ["embedding", "weights"], ["logits"]),
    ]
    side = definition.size
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("picture", TensorProto.FLOAT, ["images", side, side, 3])],
        [
            helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["images", len(labels)]),
            helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["images", 3]),
        ],
        [numpy_helper.from_array(np.array([1, 2]), "axes"), numpy_helper.from_array(weights, "weights")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    onnx.checker.check_model(model)
    onnx.save(model, folder / "model.onnx")
    content = json.loads((ROOT / "models" / "wbc8-lite0" / "card.json").read_text(encoding="utf-8"))
    content |= {
        "id": model_id,
        "title": title,
        "labels": list(labels),
        "architecture": "mean colour",
        "input_size": [side, side, 3],
        "preprocessing": definition.model_dump(),
        "evaluations": [],
        "precision_at_smear_prevalence": {},
        "comparisons": [],
        "novelty": None,
        "speed": None,
        "parameters": weights.size,
        "files": {"model.onnx": describe_file(folder / "model.onnx").model_dump()},
    }
    content["calibration"]["temperature"] = 1.0
    content["abstention"]["threshold"] = 0.6
    save_card(ModelCard.model_validate(content), folder)
    return folder
