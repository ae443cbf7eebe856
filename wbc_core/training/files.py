"""A network as files: Keras, ONNX with float32 or float16 storage, TensorFlow Lite."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from wbc_core.errors import ModelError

LEAST_HALVED = 4096
"""Arrays with fewer numbers stay float32: they weigh nothing, and statistics of normalisation can exceed float16."""


def write_onnx(source: Path, target: Path) -> None:
    """Write a saved Keras model as one ONNX file with a dynamic batch; outputs are fetched by name.

    Raises
    ------
    ModelError
        If Keras does not run on TensorFlow, whose graph the export needs.
    """
    if keras.backend.backend() != "tensorflow":
        raise ModelError(
            f"The export to ONNX needs the TensorFlow backend; Keras runs on {keras.backend.backend()}.",
            "Set KERAS_BACKEND=tensorflow and run the same command again: the run itself is kept.",
        )
    model = keras.saving.load_model(source, compile=False, safe_mode=True)
    model(np.zeros((1, *model.input_shape[1:]), np.float32))
    model.export(target, format="onnx", verbose=False)


def write_tflite(source: Path, target: Path) -> None:
    """Convert a saved Keras model to TensorFlow Lite."""
    import tensorflow

    model = keras.saving.load_model(source, compile=False, safe_mode=True)
    target.write_bytes(tensorflow.lite.TFLiteConverter.from_keras_model(model).convert())


def round_to_half(network: keras.Model) -> None:
    """Round every large array of weights to what float16 can hold, so that half storage loses nothing more."""
    for variable in network.weights:
        value = keras.ops.convert_to_numpy(variable)
        if _is_halved(value):
            variable.assign(value.astype(np.float16).astype(np.float32))


def store_in_half(path: Path) -> None:
    """Store an ONNX file's large arrays as float16, each cast back to float32 when the session starts.

    The graph computes in float32 as before. With weights from :func:`round_to_half` its answers do not change.
    """
    model = onnx.load(path)
    kept, casts = [], []
    for array in model.graph.initializer:
        value = numpy_helper.to_array(array)
        if array.data_type != TensorProto.FLOAT or not _is_halved(value):
            kept.append(array)
            continue
        kept.append(numpy_helper.from_array(value.astype(np.float16), f"{array.name}_half"))
        casts.append(
            helper.make_node("Cast", [f"{array.name}_half"], [array.name], f"{array.name}_cast", to=TensorProto.FLOAT)
        )
    nodes = [*casts, *model.graph.node]
    del model.graph.initializer[:], model.graph.node[:]
    model.graph.initializer.extend(kept)
    model.graph.node.extend(nodes)
    onnx.checker.check_model(model)
    onnx.save(model, path)


def _is_halved(value: np.ndarray) -> bool:
    return value.dtype == np.float32 and value.size >= LEAST_HALVED and float(np.abs(value).max()) < 60_000
