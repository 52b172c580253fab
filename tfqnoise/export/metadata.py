"""What a model says about itself, kept in the file: a JSON text under the name "tfqnoise" in its metadata."""

import json
from typing import Any

from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.tools import flatbuffer_utils

from tfqnoise.export.inspect import read

NAME = b"tfqnoise"

MEANINGS = {
    "int8": "raw pixels, no normalisation: int8 = pixel - 128",
    "uint8": "raw pixels, no normalisation: uint8 = pixel",
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
