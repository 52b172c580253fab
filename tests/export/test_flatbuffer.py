import struct
import time

import flatbuffers
import pytest
from ai_edge_litert import schema_py_generated as schema

from tfqnoise.errors import ExportError
from tfqnoise.export import flatbuffer
from tfqnoise.export.flatbuffer import DamagedError, fields, verify
from tfqnoise.export.inspect import read

TABLES = [kind for kind in vars(schema).values() if isinstance(kind, type) and hasattr(kind, "Init")]


@pytest.fixture(scope="module")
def content(trained):
    return (trained.path / "export" / "model.tflite").read_bytes()


@pytest.mark.parametrize("kind", TABLES, ids=lambda kind: kind.__name__)
def test_every_field_of_the_schema_is_known(kind):
    """The classes that hold a table's values have been generated apart from those that are asked."""
    expected = {name.lower() for name in vars(getattr(schema, f"{kind.__name__}T")())}
    assert {field.name.lower() for field in fields(kind)} == expected


def test_a_union_has_its_kind_in_the_field_before_it():
    for kind in TABLES:
        slots = {field.slot: field for field in fields(kind)}
        assert len(slots) == len(fields(kind))
        for field in fields(kind):
            if field.union is not None:
                assert slots[field.slot - 2].name == f"{field.name}Type"


def test_real_models_pass(content, shared):
    verify(content)
    for path in sorted((shared / "peers").rglob("*.tflite")):
        verify(path.read_bytes())


def test_a_large_model_is_verified_in_no_time(shared):
    path = max((shared / "peers" / "edgetpu_pairs").glob("*.tflite"), key=lambda path: path.stat().st_size)
    large, began = path.read_bytes(), time.perf_counter()
    verify(large)
    assert len(large) > 3_500_000
    assert time.perf_counter() - began < 0.3


@pytest.mark.parametrize("length", [0, 3, 8, 40, 1000])
def test_a_truncated_model_is_refused(content, length):
    with pytest.raises(DamagedError):
        verify(content[:length])
    with pytest.raises(DamagedError):
        verify(content[: len(content) - 1 - length])


def _description(content):
    """Returns where the offset of the model's description lies."""
    model = schema.Model.GetRootAs(content, 0)
    return model._tab.Pos + model._tab.Offset(10)


@pytest.mark.parametrize(
    ("offset", "message"),
    [
        (0, "leads to itself"),
        (2**31, "points to 4 bytes"),
        (2**32 - 4, "points to 4 bytes"),
        (3, "isn't aligned"),
    ],
)
def test_an_offset_that_leads_nowhere_is_refused(content, offset, message):
    place = _description(content)
    damaged = bytearray(content)
    damaged[place : place + 4] = struct.pack("<I", offset)
    with pytest.raises(DamagedError, match=message):
        verify(bytes(damaged))


def test_a_text_without_end_and_a_length_beyond_the_file_are_refused(content):
    place = _description(content)
    text = place + struct.unpack_from("<I", content, place)[0]
    length = struct.unpack_from("<I", content, text)[0]
    damaged = bytearray(content)
    damaged[text + 4 + length] = 65
    with pytest.raises(DamagedError, match="has no end"):
        verify(bytes(damaged))
    damaged = bytearray(content)
    damaged[text : text + 4] = struct.pack("<I", 2**32 - 1)
    with pytest.raises(DamagedError, match=r"4,294,967,296 bytes at"):
        verify(bytes(damaged))


def _bomb(width, name=b"graph"):
    """Returns a small model whose graphs, or whose tensors, are all the same one."""
    builder = flatbuffers.Builder()
    text = builder.CreateString(name)
    schema.TensorStart(builder)
    schema.TensorAddName(builder, text)
    tensor = schema.TensorEnd(builder)
    tensors = _vector(builder, schema.SubGraphStartTensorsVector, tensor, width)
    operators = _vector(builder, schema.SubGraphStartOperatorsVector, tensor, 0)
    schema.SubGraphStart(builder)
    schema.SubGraphAddTensors(builder, tensors)
    schema.SubGraphAddOperators(builder, operators)
    graph = schema.SubGraphEnd(builder)
    graphs = _vector(builder, schema.ModelStartSubgraphsVector, graph, width)
    schema.BufferStart(builder)
    buffer = schema.BufferEnd(builder)
    buffers = _vector(builder, schema.ModelStartBuffersVector, buffer, 1)
    codes = _vector(builder, schema.ModelStartOperatorCodesVector, buffer, 0)
    schema.ModelStart(builder)
    schema.ModelAddSubgraphs(builder, graphs)
    schema.ModelAddBuffers(builder, buffers)
    schema.ModelAddOperatorCodes(builder, codes)
    builder.Finish(schema.ModelEnd(builder), b"TFL3")
    return bytes(builder.Output())


def _vector(builder, start, offset, count):
    start(builder, count)
    for _ in range(count):
        builder.PrependUOffsetTRelative(offset)
    return builder.EndVector()


def test_a_model_that_unfolds_into_millions_of_tables_is_refused_at_once():
    verify(_bomb(2))
    bomb, began = _bomb(5000), time.perf_counter()
    assert len(bomb) < 50_000
    with pytest.raises(ExportError, match="used many times over"):
        read(bomb)
    assert time.perf_counter() - began < 2


def test_a_long_name_that_all_tensors_share_is_refused():
    with pytest.raises(DamagedError, match="used many times over"):
        verify(_bomb(100, b"x" * 100_000))


def test_more_tables_than_any_network_has_are_refused(monkeypatch):
    monkeypatch.setattr(flatbuffer, "MOST_TABLES", 20)
    with pytest.raises(DamagedError, match="more than 20 tables"):
        verify(_bomb(30))


def test_a_model_without_graph_is_refused():
    builder = flatbuffers.Builder()
    schema.ModelStart(builder)
    builder.Finish(schema.ModelEnd(builder), b"TFL3")
    with pytest.raises(ExportError, match="no TFLite model: it has no graph"):
        read(bytes(builder.Output()))
