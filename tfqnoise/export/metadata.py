"""What a model says about itself, kept in the file: a JSON text under the name "tfqnoise" in its metadata."""

import importlib.metadata
import json
from collections.abc import Sequence
from typing import Any

from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.tools import flatbuffer_utils

from tfqnoise.export.inspect import read
from tfqnoise.recipe import Recipe

NAME = b"tfqnoise"

MEANINGS = {
    "int8": "raw pixels, no normalisation: int8 = pixel - 128",
    "uint8": "raw pixels, no normalisation: uint8 = pixel",
}


def facts(
    recipe: Recipe,
    labels: Sequence[str],
    task: str,
    io: str,
    *,
    bits: int,
    licence: str,
    metric: str,
    score: float | None,
) -> dict[str, Any]:
    """Returns what an exported model says about itself.

    Args:
        recipe: of the run.
        labels: names of its outputs.
        task: "single" or "multi", see `tfqnoise.data.source.Source`.
        io: "int8" or "uint8".
        bits: of its weights.
        licence: of the model; "" if it isn't stated.
        metric: the score's name, such as "accuracy".
        score: of the file on the test pictures; None if it wasn't measured.
    """
    return {
        "labels": list(labels),
        "task": task,
        "input": MEANINGS[io],
        "output": "a logit for each label" if task == "single" else "a logit for each label: above 0 is yes",
        "recipe_hash": recipe.hash(),
        "dataset": recipe.dataset.partition(":")[0],
        "bits": bits,
        "licence": licence or "not stated",
        metric: score,
        "tfqnoise": importlib.metadata.version("tfqnoise"),
    }


def described(content: bytes, facts: dict[str, Any]) -> bytes:
    """Returns a model with facts about it in its metadata, in place of those that it had.

    Args:
        content: the model.
        facts: what JSON can hold.

    Raises:
        ExportError: if the bytes are not a TFLite model.
    """
    model = read(content)
    entry = next((entry for entry in model.metadata or [] if bytes(entry.name) == NAME), None)
    if entry is None:
        entry = schema.MetadataT()
        entry.name, entry.buffer = NAME, len(model.buffers)
        model.buffers.append(schema.BufferT())
        model.metadata = [*(model.metadata or []), entry]
    model.buffers[entry.buffer].data = list(json.dumps(facts, ensure_ascii=False, sort_keys=True).encode())
    return bytes(flatbuffer_utils.convert_object_to_bytearray(model))


def description(content: bytes) -> dict[str, Any]:
    """Returns the facts that a model holds about itself; nothing if tfqnoise hasn't written it.

    Raises:
        ExportError: if the bytes are not a TFLite model.
    """
    model = read(content)
    for entry in model.metadata or []:
        if bytes(entry.name) == NAME and 0 <= entry.buffer < len(model.buffers):
            try:
                facts = json.loads(bytes(model.buffers[entry.buffer].data).decode())
            except ValueError:
                return {}
            return facts if isinstance(facts, dict) else {}
    return {}
