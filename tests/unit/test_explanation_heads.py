"""The head of a network is read from its ONNX file without the ``onnx`` package, or the model is refused a heat map."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from tests.tiny_models import install_tiny_model
from wbc_core.errors import ModelError
from wbc_core.explanation.heat_maps import against_the_others, class_maps, mapped_head
from wbc_core.explanation.linear_head import LinearHead, find_head, head_of
from wbc_core.explanation.onnx_reading import read_graph
from wbc_core.inference.cards import describe_file, load_card, save_card
from wbc_core.inference.classifier import Classifier

RANDOM = np.random.default_rng(3)
WEIGHTS = RANDOM.normal(size=(5, 3)).astype(np.float32)
BIAS = np.array([0.5, -1.0, 2.0], np.float32)


def network(form: str) -> onnx.ModelProto:
    """Return a network of one picture size whose head is written in one of the forms that exporters use."""
    arrays = [numpy_helper.from_array(np.array([1, 2]), "axes")]
    arrays.append(numpy_helper.from_array(RANDOM.normal(size=(3, 5)).astype(np.float32) / 100, "filters"))
    nodes = [
        helper.make_node("MatMul", ["picture", "filters"], ["coloured"]),
        helper.make_node("Relu", ["coloured"], ["feature_map"]),
        helper.make_node("ReduceMean", ["feature_map", "axes"], ["embedding"], keepdims=0),
    ]
    if form == "gemm":
        arrays += [numpy_helper.from_array(np.ascontiguousarray(WEIGHTS.T), "w"), numpy_helper.from_array(BIAS, "b")]
        nodes.append(helper.make_node("Gemm", ["embedding", "w", "b"], ["logits"], transB=1))
    elif form == "half":
        rounded = WEIGHTS.astype(np.float16)
        arrays += [numpy_helper.from_array(rounded, "w_half"), numpy_helper.from_array(BIAS, "b")]
        nodes += [
            helper.make_node("Cast", ["w_half"], ["w"], to=TensorProto.FLOAT),
            helper.make_node("MatMul", ["embedding", "w"], ["product"]),
            helper.make_node("Add", ["b", "product"], ["sum"]),
            helper.make_node("Identity", ["sum"], ["logits"]),
        ]
    elif form == "numbers":  # not as raw bytes
        arrays += [
            helper.make_tensor("w", TensorProto.FLOAT, WEIGHTS.shape, WEIGHTS.ravel().tolist()),
            helper.make_tensor("b", TensorProto.FLOAT, BIAS.shape, BIAS.tolist()),
        ]
        nodes += [
            helper.make_node("MatMul", ["embedding", "w"], ["product"]),
            helper.make_node("Add", ["product", "b"], ["logits"]),
        ]
    elif form == "no bias":
        arrays.append(numpy_helper.from_array(WEIGHTS, "w"))
        nodes.append(helper.make_node("MatMul", ["embedding", "w"], ["logits"]))
    else:  # a nonlinear layer between the average and the last dense layer
        arrays += [numpy_helper.from_array(WEIGHTS, "w"), numpy_helper.from_array(BIAS, "b")]
        nodes += [
            helper.make_node("Sqrt", ["embedding"], ["bent"]),
            helper.make_node("MatMul", ["bent", "w"], ["product"]),
            helper.make_node("Add", ["product", "b"], ["logits"]),
        ]
    graph = helper.make_graph(
        nodes,
        "head",
        [helper.make_tensor_value_info("picture", TensorProto.FLOAT, ["images", 64, 64, 3])],
        [
            helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["images", 3]),
            helper.make_tensor_value_info("feature_map", TensorProto.FLOAT, ["images", 64, 64, 5]),
        ],
        arrays,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    onnx.checker.check_model(model)
    return model


def installed(tmp_path, form: str) -> tuple[Classifier, object]:
    folder = install_tiny_model(tmp_path, "headed", "Headed", ("neutrophil", "monocyte", "platelet"))
    onnx.save(network(form), folder / "model.onnx")
    card = load_card(folder)
    save_card(card.model_copy(update={"files": {"model.onnx": describe_file(folder / "model.onnx")}}), folder)
    return Classifier(folder, 1), folder


@pytest.mark.parametrize("form", ["gemm", "half", "numbers", "no bias"])
def test_weights_and_bias_are_those_of_the_file_however_it_writes_them(tmp_path, form: str) -> None:
    classifier, folder = installed(tmp_path, form)
    head = head_of(classifier, folder)
    expected = WEIGHTS.astype(np.float16).astype(np.float32) if form == "half" else WEIGHTS
    assert np.array_equal(head.weights, expected)
    assert np.array_equal(head.bias, np.zeros(3) if form == "no bias" else BIAS)


def test_a_head_that_only_ends_in_a_dense_layer_is_refused_because_the_closed_form_fails(tmp_path) -> None:
    classifier, folder = installed(tmp_path, "bent")
    assert find_head((folder / "model.onnx").read_bytes()) is not None
    with pytest.raises(ModelError, match="There is no heat map for the model headed"):
        mapped_head(classifier, folder)
    with pytest.raises(ModelError) as caught:
        head_of(classifier, folder)
    assert caught.value.message == (
        "The head of the model headed is more than an average over the feature map and one dense layer."
    )
    assert caught.value.hint == (
        "What rests on the averaged map needs that head; docs/explanation.md says more. Choose another model."
    )


def test_a_model_without_a_feature_map_is_refused(tmp_path) -> None:
    folder = install_tiny_model(tmp_path, "mapless", "Mapless", ("neutrophil", "monocyte"))
    with pytest.raises(ModelError, match="The head of the model mapless is more than"):
        head_of(Classifier(folder, 1), folder)
    with pytest.raises(ModelError, match="There is no heat map for the model mapless: more than dense layers stands"):
        mapped_head(Classifier(folder, 1), folder)


def test_the_reader_finds_the_nodes_and_arrays_that_the_onnx_package_finds() -> None:
    model = network("gemm")
    graph = read_graph(model.SerializeToString())
    assert {name: node.kind for name, node in graph.producers.items()} == {
        name: node.op_type for node in model.graph.node for name in node.output
    }
    for array in model.graph.initializer:
        if array.data_type == TensorProto.FLOAT:
            assert np.array_equal(graph.array(array.name), numpy_helper.to_array(array))
    assert graph.array("axes") is None  # whole numbers
    assert graph.array("nothing") is None


@pytest.mark.parametrize("data", [b"", b"\x00", b"\xff" * 40, b"not a network at all", b"\x3a\x05\x0a\xff\xff\xff\xff"])
def test_bytes_that_are_no_network_have_no_head(data: bytes) -> None:
    assert find_head(data) is None


def test_every_cut_of_a_file_is_read_or_refused_without_another_error() -> None:
    data = network("half").SerializeToString()
    for length in range(0, len(data), 7):
        find_head(data[:length])


def maps() -> NDArray[np.float32]:
    return class_maps(RANDOM.normal(size=(4, 4, 5)).astype(np.float32), LinearHead(WEIGHTS, BIAS))


def test_what_is_added_to_every_class_alike_disappears_from_the_comparison() -> None:
    plain = maps()
    shift = RANDOM.normal(size=(1, 4, 4)).astype(np.float32)
    assert against_the_others(plain + shift) == pytest.approx(against_the_others(plain), abs=1e-5)
    assert against_the_others(plain).sum(axis=0) == pytest.approx(np.zeros((4, 4)), abs=1e-5)
