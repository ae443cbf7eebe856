"""What ONNX Runtime makes of a network is what the file says."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from wbc_core.inference.classifier import open_network


def padded_pooling() -> bytes:
    """Return a network that puts zeros around a picture and takes the largest of each 3 x 3 places."""
    pads = numpy_helper.from_array(np.array([0, 0, 1, 1, 0, 0, 1, 1], np.int64), "pads")
    nodes = [
        helper.make_node("Pad", ["picture", "pads"], ["padded"]),
        helper.make_node("MaxPool", ["padded"], ["largest"], kernel_shape=[3, 3], strides=[2, 2]),
    ]
    shape = helper.make_tensor_value_info("picture", TensorProto.FLOAT, [1, 1, 6, 6])
    result = helper.make_tensor_value_info("largest", TensorProto.FLOAT, [1, 1, 3, 3])
    graph = helper.make_graph(nodes, "pooling", [shape], [result], [pads])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    return model.SerializeToString()


def test_zeros_around_negative_numbers_are_the_largest_of_a_maximum_pooling() -> None:
    session = open_network(padded_pooling(), threads=1, model_id="pooling")
    (largest,) = session.run(["largest"], {"picture": np.full((1, 1, 6, 6), -5.0, np.float32)})
    assert largest[0, 0].tolist() == [[0, 0, 0], [0, -5, -5], [0, -5, -5]]
