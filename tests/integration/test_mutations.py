"""Damaged models: thousands of mutations of real ones, read and checked here, and run in children."""

import dataclasses
import json
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from tfqnoise.errors import ExportError, TfqnoiseError
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
        causes: of refusals and crashes, with how often.
        seconds: that all took.
    """

    counts: Counter = dataclasses.field(default_factory=Counter)
    causes: Counter = dataclasses.field(default_factory=Counter)
    seconds: float = 0.0


def mutate(content: bytes, count: int, seed: int, folder: Path, child: Child, keep: Path | None = None) -> Outcome:
    """Inspects and checks mutations in this process, and runs those that pass in a child."""
    outcome, mutations, began = Outcome(), Mutations(content, seed), time.perf_counter()
    path = folder / "mutated.tflite"
    for number in range(count):
        mutated = mutations.draw()
        path.write_bytes(mutated)
        try:
            found = overview_of(path)
            json.dumps(found.to_dict(), allow_nan=False)
            found.table()
            check(path, "generic").table()
            for target in TARGETS:
                targets.get(target).check(found.graph).table()
        except TfqnoiseError as error:
            assert "\n" not in error.received
            outcome.counts["refused here"] += 1
            continue
        try:
            child.run("mutated", mutated)
            outcome.counts["ran"] += 1
        except ExportError as error:
            kind = next((k for k in ("crashes", "doesn't end", "memory") if k in error.received), "refused by LiteRT")
            outcome.counts[kind] += 1
            outcome.causes[error.received] += 1
            if keep is not None and kind != "refused by LiteRT":
                (keep / f"{seed}_{number}_{kind.replace(' ', '_')}.tflite").write_bytes(mutated)
    outcome.seconds = time.perf_counter() - began
    return outcome
