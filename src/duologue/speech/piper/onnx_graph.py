"""An ONNX model cut in two, by its own bytes. Pure, and without the package ``onnx``.

An ONNX file is a protocol buffer whose field numbers never change (onnx.proto3). A cut needs no more of it than the
names that nodes read and write: nodes and weights are copied as the bytes that they are, and only the lists of inputs
and outputs are written anew. So a voice is cut each time it is loaded, in memory, and nothing is kept on a disk.
"""

from __future__ import annotations

from collections.abc import Collection, Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

_VARINT, _EIGHT, _BYTES, _FOUR = 0, 1, 2, 5
_MODEL_GRAPH = 7
_GRAPH_NODE, _GRAPH_WEIGHT, _GRAPH_INPUT, _GRAPH_OUTPUT, _GRAPH_HINT = 1, 5, 11, 12, 13
_NODE_INPUT, _NODE_OUTPUT, _NODE_KIND, _NODE_ATTRIBUTE = 1, 2, 4, 5
_ATTRIBUTE_GRAPHS = (6, 11)
_WEIGHT_NAME = 8
_VALUE_NAME = 1
FLOAT = 1
"""The element type of 32-bit floats (TensorProto.DataType)."""


class BrokenError(ValueError):
    """The bytes are no ONNX model."""


@dataclass(frozen=True, slots=True)
class Node:
    """An operation: its ``kind`` (``Add``), and the values that it reads and writes, by name.

    ``reads`` holds also what graphs inside it (the branches of an ``If``) read.
    """

    kind: str
    reads: tuple[str, ...]
    writes: tuple[str, ...]
    body: memoryview = field(repr=False)


@dataclass(frozen=True, slots=True)
class Graph:
    """A model: its nodes in the order in which they run, weights by name, and the names that it takes and gives."""

    nodes: tuple[Node, ...]
    weights: Mapping[str, memoryview] = field(repr=False)
    inputs: Mapping[str, memoryview]
    outputs: Mapping[str, memoryview]
    rest: tuple[memoryview, ...] = field(repr=False)
    """The model's other fields: its version, the operator sets."""

    def downstream(self, name: str) -> tuple[Node, ...]:
        """The nodes that need the value ``name``, through whatever lies between, in their order."""
        reached, found = {name}, list[Node]()
        for node in self.nodes:
            if reached.intersection(node.reads):
                reached.update(node.writes)
                found.append(node)
        return tuple(found)

    def upstream(self, names: Iterable[str], given: Collection[str] = ()) -> tuple[Node, ...]:
        """The nodes that make ``names`` out of what is ``given`` and the inputs, in their order."""
        wanted, found = set(names) - set(given), list[Node]()
        for node in reversed(self.nodes):
            if wanted.intersection(node.writes):
                wanted.update(name for name in node.reads if name not in given)
                found.append(node)
        return tuple(reversed(found))

    def cut(self, inputs: Sequence[str], outputs: Sequence[str]) -> bytes:
        """The part between ``inputs`` and ``outputs`` as a model of its own.

        Inputs that the model has keep their types; values from within become floats of any shape. The part may take
        only what is named: raises :class:`BrokenError` when it needs more of the model's inputs.
        """
        nodes = self.upstream(outputs, inputs)
        read = {name for node in nodes for name in node.reads}
        if missing := (read & self.inputs.keys()) - set(inputs):
            raise BrokenError(f"the part needs {', '.join(sorted(missing))} too")
        graph = bytearray()
        for node in nodes:
            _field(graph, _GRAPH_NODE, node.body)
        _field(graph, 2, b"part")
        for name, weight in self.weights.items():
            if name in read:
                _field(graph, _GRAPH_WEIGHT, weight)
        for number, names in ((_GRAPH_INPUT, inputs), (_GRAPH_OUTPUT, outputs)):
            known = {**self.inputs, **self.outputs}
            for name in names:
                _field(graph, number, known[name] if name in known else _float_value(name))
        model = bytearray().join(self.rest)
        _field(model, _MODEL_GRAPH, graph)
        return bytes(model)


def read(model: bytes) -> Graph:
    """The graph of a model's bytes. Raises :class:`BrokenError`."""
    whole = memoryview(model)
    graph: memoryview | None = None
    rest: list[memoryview] = []
    for number, body, raw in _fields(whole):
        if number == _MODEL_GRAPH:
            graph = body
        else:
            rest.append(raw)
    if graph is None:
        raise BrokenError("it holds no graph")
    nodes: list[Node] = []
    weights: dict[str, memoryview] = {}
    inputs: dict[str, memoryview] = {}
    outputs: dict[str, memoryview] = {}
    for number, body, _ in _fields(graph):
        if number == _GRAPH_NODE:
            nodes.append(_node(body))
        elif number == _GRAPH_WEIGHT:
            weights[_text(body, _WEIGHT_NAME)] = body
        elif number == _GRAPH_INPUT:
            inputs[_text(body, _VALUE_NAME)] = body
        elif number == _GRAPH_OUTPUT:
            outputs[_text(body, _VALUE_NAME)] = body
    if not nodes or not outputs:
        raise BrokenError("its graph is empty")
    return Graph(tuple(nodes), weights, {name: body for name, body in inputs.items() if name not in weights},
                 outputs, tuple(rest))  # fmt: skip


def _node(body: memoryview) -> Node:
    kind, reads, writes = "", list[str](), list[str]()
    for number, value, _ in _fields(body):
        if number == _NODE_INPUT:
            reads.append(_decoded(value))
        elif number == _NODE_OUTPUT:
            writes.append(_decoded(value))
        elif number == _NODE_KIND:
            kind = _decoded(value)
        elif number == _NODE_ATTRIBUTE:
            for inner, graph, _ in _fields(value):
                if inner in _ATTRIBUTE_GRAPHS:
                    reads.extend(name for part, each, _ in _fields(graph) if part == _GRAPH_NODE
                                 for name in _node(each).reads)  # fmt: skip
    return Node(kind, tuple(filter(None, reads)), tuple(filter(None, writes)), body)


def _text(body: memoryview, wanted: int) -> str:
    return next((_decoded(value) for number, value, _ in _fields(body) if number == wanted), "")


def _decoded(value: memoryview) -> str:
    try:
        return str(value, "utf-8")
    except UnicodeDecodeError as error:
        raise BrokenError("a name in it is no text") from error


def _fields(body: memoryview) -> Generator[tuple[int, memoryview, memoryview]]:
    """Each field of a message: its number, its value where that has a length (else nothing), and all its bytes."""
    at, end = 0, len(body)
    nothing = body[:0]
    while at < end:
        begin = at
        key, at = _varint(body, at)
        kind, value = key & 7, nothing
        if kind == _VARINT:
            _, at = _varint(body, at)
        elif kind == _BYTES:
            length, at = _varint(body, at)
            value = body[at : at + length]
            at += length
        elif kind in (_EIGHT, _FOUR):
            at += 8 if kind == _EIGHT else 4
        else:
            raise BrokenError("a field in it is of no known kind")
        if at > end:
            raise BrokenError("it ends within a field")
        yield key >> 3, value, body[begin:at]


def _varint(body: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while shift < 70:
        if at >= len(body):
            raise BrokenError("it ends within a number")
        byte = body[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
    raise BrokenError("a number in it is too long")


def _number(value: int) -> bytes:
    made = bytearray()
    while value > 0x7F:
        made.append(value & 0x7F | 0x80)
        value >>= 7
    made.append(value)
    return bytes(made)


def _field(out: bytearray, number: int, body: bytes | bytearray | memoryview) -> None:
    out += _number(number << 3 | _BYTES)
    out += _number(len(body))
    out += body


def _float_value(name: str) -> bytes:
    """A ValueInfoProto: floats of any shape."""
    tensor = _number(1 << 3 | _VARINT) + _number(FLOAT)
    kind, value = bytearray(), bytearray()
    _field(kind, 1, tensor)
    _field(value, 1, name.encode())
    _field(value, 2, kind)
    return bytes(value)
