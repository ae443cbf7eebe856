"""Nodes and stored arrays of an ONNX file, read without the ``onnx`` package, which serving does not install.

Only what the closed form of a heat map needs is decoded, straight from the file: the numbers of the fields are those of
``onnx.proto3`` (ONNX 1.x, ModelProto). Everything else is skipped by its length.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from wbc_core.imaging.wire_format import fields, numbers

Value = int | memoryview

_MODEL_GRAPH = 7
_GRAPH_NODE, _GRAPH_INITIALIZER = 1, 5
_NODE_INPUT, _NODE_OUTPUT, _NODE_KIND, _NODE_ATTRIBUTE = 1, 2, 4, 5
_ATTRIBUTE_NAME, _ATTRIBUTE_FLOAT, _ATTRIBUTE_INTEGER = 1, 2, 3
_TENSOR_DIMS, _TENSOR_TYPE, _TENSOR_FLOATS, _TENSOR_NAME, _TENSOR_RAW = 1, 2, 4, 8, 9
_RAW_TYPES: Mapping[int, str] = {1: "<f4", 10: "<f2", 11: "<f8"}


@dataclass(frozen=True)
class Node:
    """One operation of the graph: its kind, the names of what it takes and gives, and its numbers."""

    kind: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    integers: Mapping[str, int]
    floats: Mapping[str, float]


@dataclass
class Graph:
    """Operations by the name of what they give, and stored arrays by name, not yet decoded."""

    producers: dict[str, Node] = field(default_factory=dict)
    stored: dict[str, memoryview] = field(default_factory=dict)

    def array(self, name: str) -> NDArray[np.float32] | None:
        """Return a stored array of numbers; None where there is none of that name, or it holds another type."""
        return _array(self.stored[name]) if name in self.stored else None


def read_graph(data: bytes) -> Graph:
    """Read the graph of an ONNX file.

    Parameters
    ----------
    data : bytes
        The whole file; large models with arrays in other files are not supported.

    Returns
    -------
    Graph
        Empty if the bytes hold no graph.

    Raises
    ------
    ValueError
        If the bytes are no such file.
    """
    graph = Graph()
    for number, content, _ in fields(data):
        if number != _MODEL_GRAPH:
            continue
        for kind, part, _ in fields(_bytes(content)):
            if kind == _GRAPH_NODE:
                node = _node(_bytes(part))
                graph.producers.update(dict.fromkeys(node.outputs, node))
            elif kind == _GRAPH_INITIALIZER:
                array = _bytes(part)
                graph.stored[_text(_by_number(array).get(_TENSOR_NAME, memoryview(b"")))] = array
    return graph


def _node(data: memoryview) -> Node:
    inputs, outputs, kind, integers, floats = [], [], "", {}, {}
    for number, value, _ in fields(data):
        if number == _NODE_INPUT:
            inputs.append(_text(value))
        elif number == _NODE_OUTPUT:
            outputs.append(_text(value))
        elif number == _NODE_KIND:
            kind = _text(value)
        elif number == _NODE_ATTRIBUTE:
            found = _by_number(_bytes(value))
            if isinstance(whole := found.get(_ATTRIBUTE_INTEGER), int):
                integers[_text(found[_ATTRIBUTE_NAME])] = whole
            if isinstance(number_of := found.get(_ATTRIBUTE_FLOAT), memoryview) and len(number_of) == 4:
                floats[_text(found[_ATTRIBUTE_NAME])] = float(np.frombuffer(number_of, "<f4")[0])
    return Node(kind, tuple(inputs), tuple(outputs), integers, floats)


def _array(data: memoryview) -> NDArray[np.float32] | None:
    shape: list[int] = []
    kind, raw, floats = 0, None, None
    for number, value, _ in fields(data):
        if number == _TENSOR_DIMS:
            shape += [value] if isinstance(value, int) else numbers(value)
        elif number == _TENSOR_TYPE and isinstance(value, int):
            kind = value
        elif number == _TENSOR_RAW:
            raw = _bytes(value)
        elif number == _TENSOR_FLOATS and not isinstance(value, int):
            floats = value
    stored = raw if raw is not None else floats
    if kind not in _RAW_TYPES or stored is None:
        return None
    return np.frombuffer(stored, _RAW_TYPES[kind]).astype(np.float32).reshape(shape)


def _by_number(data: memoryview) -> dict[int, Value]:
    return {number: value for number, value, _ in fields(data)}


def _bytes(value: Value) -> memoryview:
    if isinstance(value, int):
        raise ValueError("no ONNX file: a number where a message belongs")
    return value


def _text(value: Value) -> str:
    return bytes(_bytes(value)).decode("utf-8", "replace")
