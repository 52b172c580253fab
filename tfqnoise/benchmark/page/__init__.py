"""The page that runs a run's exported model in a browser: its files, its server and what it hands back."""

import base64
import hashlib
import importlib.metadata
import importlib.resources
import json
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tfqnoise.benchmark.page import litert
from tfqnoise.errors import ExportError
from tfqnoise.export import targets
from tfqnoise.export.graph import graph, load
from tfqnoise.export.subject import Subject
from tfqnoise.run import Run

FOLDER = "benchmark/browser"
PICTURES = 32
_OWN = ("index.html", "page.js", "measure.js", "style.css")


def write(run: Run, report: Callable[[str], None]) -> dict[str, Path]:
    """Writes the page with the run's exported model into `benchmark/browser/`.

    It needs nothing but these files: any server that sends them will do.

    Args:
        run: the run, exported for the browser.
        report: takes each message.

    Returns:
        The files by their address on the page's server.

    Raises:
        RunError: if the run isn't exported, or the disk is full.
        ExportError: if the model isn't one that browsers take.
        DeviceError: if LiteRT.js can't be had.
    """
    content = _model(run, report)
    for name in _OWN:
        page = importlib.resources.files(__name__) / "files" / name
        run.write_bytes(f"{FOLDER}/{name}", page.read_bytes())
    litert.place(run, FOLDER, report)
    if _examples(run).get("sha256") != _sha256(content):
        # The model first: without examples of its own it isn't taken for finished.
        (run.path / FOLDER / "examples.json").unlink(missing_ok=True)
        run.write_bytes(f"{FOLDER}/model.tflite", content)
        run.write_json(f"{FOLDER}/examples.json", _made(run, content))
    names = (*_OWN, "model.tflite", "examples.json", *litert.FILES)
    return {f"/{name}": run.path / FOLDER / name for name in names}


def facts(run: Run) -> dict[str, Any]:
    """Returns what the page was given, without the pictures: model, versions, and how many values an output has."""
    examples = run.read_json(f"{FOLDER}/examples.json")
    with run.expecting(f"{FOLDER}/examples.json"):
        return {
            "sha256": examples["sha256"],
            "bytes": examples["bytes"],
            "type": examples["type"],
            "outputs": len(examples["outputs"]),
            "values": sum(len(base64.b64decode(output)) for output in examples["outputs"]),
            "versions": examples["versions"],
        }


def _model(run: Run, report: Callable[[str], None]) -> bytes:
    path = Subject.of(run).model("browser", report)
    content = load(path)
    found = targets.get("browser").check(graph(content))
    if not found.passed:
        remedy = f"export it: python scripts/export_tflite.py {shlex.quote(str(run.path))} --target browser"
        raise ExportError(f"{path} is not for browsers: {'; '.join(found.faults)}", "a model that they take", remedy)
    return content


def _examples(run: Run) -> dict[str, Any]:
    """Returns what an earlier call wrote; nothing if that can't be relied on."""
    try:
        examples = json.loads((run.path / FOLDER / "examples.json").read_text())
        model = (run.path / FOLDER / "model.tflite").read_bytes()
    except (OSError, ValueError):
        return {}
    known = isinstance(examples, dict) and examples.get("sha256") == _sha256(model)
    return examples if known and examples.get("versions") == _versions() else {}


def _versions() -> dict[str, str]:
    names = ("tfqnoise", "ai-edge-litert")
    return {name: importlib.metadata.version(name) for name in names} | {litert.PACKAGE: litert.VERSION}


def _made(run: Run, content: bytes) -> dict[str, Any]:
    """Returns test pictures, spread evenly, and what the model answers in Python."""
    # The data set needs TensorFlow, which a page that is there already does without.
    from tfqnoise.data import dataset as data
    from tfqnoise.export.interpreter import Interpreter

    dataset = data.load(run.recipe)
    model = Interpreter(content)
    pictures = dataset.test.spread(PICTURES).images
    return {
        "sha256": _sha256(content),
        "bytes": len(content),
        "type": model.input_type,
        "kernel": model.kernel,
        "shape": [1, *model.input_shape],
        "labels": list(dataset.source.class_names) if dataset.source.task == "single" else [],
        "versions": _versions(),
        "pictures": [_text(picture) for picture in pictures],
        "outputs": [_text(output) for output in model(pictures)],
    }


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _text(values: np.ndarray) -> str:
    return base64.b64encode(np.ascontiguousarray(values).tobytes()).decode()
