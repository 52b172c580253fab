"""Damaged models: thousands of mutations of real ones, read and checked here, and run in children."""

import dataclasses
import json
import re
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from tfqnoise.errors import TfqnoiseError
from tfqnoise.export import targets
from tfqnoise.export.check import check
from tfqnoise.export.child import Child
from tfqnoise.export.overview import overview_of

# Vela is a program of its own, and slow.
TARGETS = [name for name in targets.registry.entries() if not name.startswith("ethos")]
_LARGE = 64
_WORDS = (0, 1, 2, 3, 4, 5, 7, 8, 16, 127, 128, 255, 256, 2**15, 2**16, 2**24, 2**31 - 1, 2**31, 2**32 - 4, 2**32 - 1)


class Mutations:
    """Draws damaged forms of a model; half of them are damaged in its structure, half anywhere.

    Args:
        content: the model.
        seed: of the draws.
    """

    def __init__(self, content: bytes, seed: int) -> None:
        self.content = content
        self.random = np.random.default_rng(seed)
        structure = np.ones(len(content), bool)
        model = schema.Model.GetRootAs(content, 0)
        for number in range(model.BuffersLength()):
            buffer = model.Buffers(number)
            if buffer.DataLength() > _LARGE:
                start = buffer._tab.Vector(buffer._tab.Offset(4))
                structure[start : start + buffer.DataLength()] = False
        self.structure = np.flatnonzero(structure)
        self.kinds = (
            self.bits, self.bytes, self.word, self.words, self.swap, self.insert, self.remove, self.truncate,
        )  # fmt: skip

    def draw(self) -> bytes:
        kind = self.kinds[int(self.random.integers(len(self.kinds)))]
        return kind(bytearray(self.content))

    def place(self) -> int:
        if self.random.random() < 0.5:
            return int(self.random.choice(self.structure))
        return int(self.random.integers(len(self.content)))

    def aligned(self) -> int:
        return min(self.place() // 4 * 4, len(self.content) - 4)

    def bits(self, content: bytearray) -> bytes:
        for _ in range(int(self.random.integers(1, 9))):
            content[self.place()] ^= 1 << int(self.random.integers(8))
        return bytes(content)

    def bytes(self, content: bytearray) -> bytes:
        for _ in range(int(self.random.integers(1, 9))):
            content[self.place()] = int(self.random.integers(256))
        return bytes(content)

    def word(self, content: bytearray) -> bytes:
        """One word becomes what limits are made of, another anything, or a small change of itself."""
        place = self.aligned()
        before = int.from_bytes(content[place : place + 4], "little")
        chosen = (
            int(self.random.choice(np.array(_WORDS, np.int64))),
            int(self.random.integers(2**32)),
            before + int(self.random.integers(-8, 9)),
        )[int(self.random.integers(3))]
        content[place : place + 4] = (chosen % 2**32).to_bytes(4, "little")
        return bytes(content)

    def words(self, content: bytearray) -> bytes:
        for _ in range(int(self.random.integers(2, 5))):
            content = bytearray(self.word(content))
        return bytes(content)

    def swap(self, content: bytearray) -> bytes:
        one, other = self.aligned(), self.aligned()
        held = bytes(content[one : one + 4])
        content[one : one + 4] = content[other : other + 4]
        content[other : other + 4] = held
        return bytes(content)

    def insert(self, content: bytearray) -> bytes:
        place = self.place()
        content[place:place] = self.random.bytes(int(self.random.integers(1, 65)))
        return bytes(content)

    def remove(self, content: bytearray) -> bytes:
        place = self.place()
        del content[place : place + int(self.random.integers(1, 65))]
        return bytes(content)

    def truncate(self, content: bytearray) -> bytes:
        return bytes(content[: int(self.random.integers(len(content)))])


@dataclasses.dataclass
class Outcome:
    """What became of the mutations; anything but a TfqnoiseError ends the run as it is raised.

    Attributes:
        counts: by what happened.
        causes: of what LiteRT refused or crashed with, without their numbers.
        seconds: that all took.
    """

    counts: Counter = dataclasses.field(default_factory=Counter)
    causes: Counter = dataclasses.field(default_factory=Counter)
    seconds: float = 0.0

    def __str__(self):
        counts = ", ".join(f"{name} {count:,}" for name, count in sorted(self.counts.items()))
        causes = "".join(f"\n{count:>7,}  {cause}" for cause, count in self.causes.most_common(20))
        return f"{self.counts.total():,} mutations in {self.seconds:.0f} s: {counts}{causes}"


def mutate(content: bytes, count: int, seed: int, folder: Path, child: Child) -> Outcome:
    """Inspects and checks mutations in this process, and runs those that pass in a child."""
    outcome, mutations, began = Outcome(), Mutations(content, seed), time.perf_counter()
    path = folder / "mutated.tflite"
    for _ in range(count):
        mutated = mutations.draw()
        path.write_bytes(mutated)
        try:
            _look(path)
            child.run("mutated", mutated)
            happened = "ran"
        except TfqnoiseError as error:
            happened = _told(error)
            if happened != "refused here":
                outcome.causes[re.sub(r"-?\d[\d.,e-]*", "#", error.received)[:110]] += 1
        outcome.counts[happened] += 1
    outcome.seconds = time.perf_counter() - began
    return outcome


def _look(path: Path) -> None:
    found = overview_of(path)
    json.dumps(found.to_dict(), allow_nan=False)
    found.table()
    check(path, "generic").table()
    for target in TARGETS:
        targets.get(target).check(found.graph).table()


def _told(error: TfqnoiseError) -> str:
    for part in (error.received, error.expected, error.remedy):
        assert part
        assert "\n" not in part
        assert len(part) < 600
    if not error.received.startswith("mutated: "):
        return "refused here"
    words = {"crashes with it": "child crashed", "doesn't end": "child hung", "of memory": "child ran out of memory"}
    return next((happened for word, happened in words.items() if word in error.received), "refused by LiteRT")


def _passed(outcome: Outcome, count: int) -> None:
    print(outcome)
    assert outcome.counts.total() == count
    assert outcome.counts["ran"] > count // 10
    assert outcome.counts["refused here"] > count // 4
    # What crashes a child was seen in one of some thousand; more would be a check that went missing.
    assert outcome.counts["child crashed"] <= 2 + count // 500
    assert outcome.counts["child hung"] <= 1 + count // 1000


def test_damaged_models_end_in_a_clean_error_or_run(trained, tmp_path):
    with Child(seconds=5) as child:
        outcome = mutate((trained.path / "export" / "model.tflite").read_bytes(), 300, 0, tmp_path, child)
    _passed(outcome, 300)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["trained", "mlperf_tiny"])
def test_ten_thousand_damaged_models_end_in_a_clean_error_or_run(name, request, tmp_path):
    if name == "trained":
        path = request.getfixturevalue(name).path / "export" / "model.tflite"
    else:
        path = request.getfixturevalue("shared") / "peers" / "mlperf_tiny" / "mlperf_tiny_ic01_int8.tflite"
    with Child(seconds=5) as child:
        outcome = mutate(path.read_bytes(), 10_000, 1, tmp_path, child)
    _passed(outcome, 10_000)
