"""Whether a TFLite file's offsets and lengths stay inside it, seen from its bytes before anything follows them."""

import dataclasses
import functools
import struct
from typing import Any

from ai_edge_litert import schema_py_generated as schema

# A network of a thousand layers has some ten thousand tables; reading as many as this takes seconds.
MOST_TABLES = 100_000
# Converters let little of a file be pointed at twice, such as empty lists and equal names.
_SPARE_BYTES = 2**16
_TYPES = {number for number in vars(schema.TensorType).values() if isinstance(number, int)}
# Unions, whose kind stands in the field before them.
UNIONS = {
    "BuiltinOptions": schema.BuiltinOptions,
    "BuiltinOptions2": schema.BuiltinOptions2,
    "Details": schema.QuantizationDetails,
    "ArraySegments": schema.SparseIndexVector,
    "ArrayIndices": schema.SparseIndexVector,
}


class DamagedError(ValueError):
    """What is wrong with a flatbuffer, in words."""


@dataclasses.dataclass(frozen=True)
class Field:
    """A field of a table.

    Attributes:
        name: as the schema's class calls it.
        slot: its place in the table's list of offsets, in bytes.
        width: bytes of a number, or of an element of a vector.
        vector: whether it is a vector.
        text: whether it is a string, or a vector of strings.
        table: the class of the table, or of the vector's tables, or None.
        union: the kinds of a union, or None.
    """

    name: str
    slot: int
    width: int = 4
    vector: bool = False
    text: bool = False
    table: Any = None
    union: Any = None

    @property
    def points(self) -> bool:
        """Whether the table holds an offset instead of a value."""
        return self.vector or self.text or self.table is not None or self.union is not None


class _Probe:
    """Stands where a generated class keeps its table, and writes down what the class asks of it."""

    Bytes, Pos = b"", 0

    def __init__(self) -> None:
        self.slot = self.width = 0
        self.vector = self.text = self.union = self.other = False

    def Offset(self, slot: int) -> int:  # noqa: N802
        self.slot = slot
        return 4

    def Vector(self, offset: int) -> int:  # noqa: N802
        self.vector = True
        return 0

    def Indirect(self, offset: int) -> int:  # noqa: N802
        return 0

    def Get(self, flags: Any, offset: int) -> int:  # noqa: N802
        self.width = flags.bytewidth
        return 0

    def String(self, offset: int) -> bytes:  # noqa: N802
        self.text = True
        return b""

    def Union(self, table: Any, offset: int) -> None:  # noqa: N802
        self.union = True

    def VectorLen(self, offset: int) -> int:  # noqa: N802
        self.other = True
        return 0

    def GetVectorAsNumpy(self, flags: Any, offset: int) -> int:  # noqa: N802
        self.other = True
        return 0


@functools.cache
def fields(kind: Any) -> tuple[Field, ...]:
    """Returns the fields of a table, found by asking the generated class for each."""
    found = []
    for name, method in vars(kind).items():
        if isinstance(method, classmethod) or not callable(method) or name == "Init":
            continue
        reader = kind()
        reader._tab = probe = _Probe()
        answer = method(*[reader, 0][: method.__code__.co_argcount])
        table = type(answer) if hasattr(answer, "_tab") else None
        if probe.other or not (probe.width or probe.text or probe.union or table):
            continue
        union = UNIONS[name] if probe.union else None
        found.append(Field(name, probe.slot, probe.width or 4, probe.vector, probe.text, table, union))
    return tuple(found)


@functools.cache
def kinds(union: Any) -> dict[int, Any]:
    """Returns the tables of a union by number; None for the number that means there is none."""
    return {number: getattr(schema, name, None) for name, number in vars(union).items() if isinstance(number, int)}


def marked(content: bytes) -> bool:
    """Whether bytes begin as a TFLite model does."""
    return content[4:8] == b"TFL3"


def verify(content: bytes) -> None:
    """Follows every offset of a TFLite model.

    A file in which much is pointed at more than once is refused too: it would be larger read than written.

    Raises:
        DamagedError: if something lies outside the file, or where it can't.
    """
    if not marked(content):
        raise DamagedError("it lacks the mark TFL3")
    _Walk(content).model()
    _check_parts(schema.Model.GetRootAs(content, 0), len(content))


def _check_parts(model: Any, size: int) -> None:
    """Refuses a model that lacks what every reader follows, or keeps values where there are none."""
    if not model.SubgraphsLength() or model.OperatorCodesIsNone() or model.BuffersIsNone():
        raise DamagedError("it has no graph")
    buffers = model.BuffersLength()
    apart = [model.Buffers(number) for number in range(buffers)]
    if any(buffer.Offset() + buffer.Size() > size for buffer in apart if buffer.Offset()):
        raise DamagedError("it ends before its last buffer")
    for part in map(model.Subgraphs, range(model.SubgraphsLength())):
        if part.TensorsIsNone() or part.OperatorsIsNone():
            raise DamagedError("it has a graph without tensors or operators")
        for number, tensor in enumerate(map(part.Tensors, range(part.TensorsLength()))):
            if not 0 <= tensor.Buffer() < buffers:
                raise DamagedError(f"tensor {number} is kept in buffer {tensor.Buffer()} of {buffers}")
            if tensor.Type() not in _TYPES:
                raise DamagedError(f"tensor {number} is of type {tensor.Type()}, which is unknown")


class _Walk:
    def __init__(self, content: bytes) -> None:
        self.content, self.size = content, len(content)
        self.tables = 0
        self.bytes = 2 * self.size + _SPARE_BYTES
        self.open: list[tuple[Any, int]] = []

    def model(self) -> None:
        self.open.append((schema.Model, self.target(0)))
        while self.open:
            self.tables += 1
            if self.tables > MOST_TABLES:
                raise DamagedError(f"it has more than {MOST_TABLES:,} tables")
            self.table(*self.open.pop())

    def target(self, place: int) -> int:
        """Returns where the offset at a place leads."""
        offset = self.number("<I", place, 4)
        if not offset:
            raise DamagedError(f"the offset at {place:,} leads to itself")
        return place + offset

    def number(self, form: str, place: int, width: int) -> int:
        self.inside(place, width, width)
        return int(struct.unpack_from(form, self.content, place)[0])

    def inside(self, place: int, count: int, alignment: int) -> None:
        if not 0 <= place <= self.size - count:
            raise DamagedError(f"it points to {count:,} bytes at {place:,} of {self.size:,}")
        if place % alignment:
            raise DamagedError(f"what is at {place:,} isn't aligned")

    def spend(self, count: int) -> None:
        self.bytes -= count
        if self.bytes < 0:
            raise DamagedError("much of it is used many times over")

    def table(self, kind: Any, place: int) -> None:
        offsets = place - self.number("<i", place, 4)
        length, extent = self.number("<H", offsets, 2), self.number("<H", offsets + 2, 2)
        self.inside(offsets, length, 2)
        self.inside(place, extent, 4)
        if length < 4 or length % 2 or extent < 4:
            raise DamagedError(f"the table at {place:,} has no size")
        self.spend(extent + 4)
        slots = struct.unpack_from(f"<{length // 2}H", self.content, offsets)
        given = len(slots)
        for field in fields(kind):
            offset = slots[field.slot // 2] if field.slot // 2 < given else 0
            if not offset:
                continue
            width = 4 if field.points else field.width
            if offset < 4 or offset + width > extent:
                raise DamagedError(f"{kind.__name__}.{field.name} lies outside its table")
            if (place + offset) % width:
                raise DamagedError(f"{kind.__name__}.{field.name} isn't aligned")
            if field.points:
                before = slots[field.slot // 2 - 1]
                self.pointed(kind, field, self.target(place + offset), place + before if before else None)

    def pointed(self, kind: Any, field: Field, place: int, before: int | None) -> None:
        if field.union is not None:
            number = 0 if before is None else self.content[before] if before < self.size else -1
            known = kinds(field.union)
            if number not in known:
                raise DamagedError(f"{kind.__name__}.{field.name} is of kind {number}, which is unknown")
            if known[number] is not None:
                self.open.append((known[number], place))
        elif field.vector:
            count = self.vector(place, field.width)
            if field.text:
                for index in range(count):
                    self.vector(self.target(place + 4 + 4 * index), 1, 1)
            elif field.table is not None:
                self.open += [(field.table, self.target(place + 4 + 4 * index)) for index in range(count)]
                if len(self.open) + self.tables > MOST_TABLES:
                    raise DamagedError(f"it has more than {MOST_TABLES:,} tables")
        elif field.text:
            self.vector(place, 1, 1)
        else:
            self.open.append((field.table, place))

    def vector(self, place: int, width: int, ending: int = 0) -> int:
        """Returns the length of a vector; a string has a zero for its ending."""
        count = self.number("<I", place, 4)
        self.inside(place + 4, count * width + ending, 1)
        if ending and self.content[place + 4 + count]:
            raise DamagedError(f"the text at {place:,} has no end")
        if count and (place + 4) % width:
            raise DamagedError(f"the vector at {place:,} isn't aligned")
        self.spend(count * width + 4)
        return count
