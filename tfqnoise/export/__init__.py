"""Export: a run in, a verified integer model out."""

import dataclasses
import hashlib
import importlib.metadata
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tfqnoise.errors import UsageError
from tfqnoise.export import refusal, targets
from tfqnoise.export.refusal import Fault
from tfqnoise.metrics import NAMES
from tfqnoise.run import Run

if TYPE_CHECKING:
    from tfqnoise.export.calibrate import Calibration

IO_TYPES = ("int8", "uint8")
STORAGES = ("narrowest", "int4", "int8")

# A trained model whose export agrees with it on fewer pictures is refused, unless each of its layers by itself
# computes what the trained network's does: then single steps have added up, as they do between two sets of kernels.
LEAST_AGREEMENT = 0.995
# Below it, refused all the same: what the trained network was tested for says nothing about the file.
LEAST_ADDED_UP = 0.95
_NO_LAYER = "no layer by itself diverges: single steps add up"


def export(
    run: Run,
    *,
    target: str = "generic",
    io: str | None = None,
    storage: str | None = None,
    examples: int | None = None,
    calibration: "Calibration | None" = None,
    licence: str = "",
    report: Callable[[str], None] = print,
) -> dict[str, Any]:
    """Exports a run's network as a fully-integer TFLite model and proves it.

    Writes `export/model.tflite`, which says what it is in its metadata, `labels.txt`, `model_float.tflite` (the same
    network without quantization) and `report.json`; a refused one is kept as `rejected.tflite`, `rejected.json`.

    Args:
        run: a run that has finished at least one epoch, trained with --bits below 32 or to be calibrated.
        target: what the model is to run on, see `tfqnoise.export.targets`.
        io: "int8" (pixel - 128) or "uint8" (the pixel itself); the target's own if None.
        storage: of weights: "narrowest" (that holds them and that LiteRT executes), "int4" or "int8"; the target's
            own if None.
        examples: test pictures to compare on, spread evenly; all if None.
        calibration: how a run trained in float is quantised.
        licence: of the model, for its metadata, such as "CC BY 4.0".
        report: takes each message.

    Returns:
        The content of `export/report.json`.

    Raises:
        ExportError: if the model isn't fully integer, answers otherwise than the network or breaks a target's rule.
        RunError: if the run lacks what is needed, or can't be written.
        UsageError: for arguments out of their limits, or a run trained in float without a calibration.
    """
    aim, io, storage = _asked(run, target, io, storage, examples)
    # From here on TensorFlow is needed.
    from tfqnoise.export import graph, metadata, sizes
    from tfqnoise.export.restore import restore

    restored = restore(run, storage, calibration)
    _say_unfinished(run, restored, report)
    content, proof, faults = _converted(restored, io, storage, examples)
    tensors = sizes.tensor_sizes(content, restored.recipe)
    content = metadata.described(content, _facts(run, restored, io, licence, proof))
    plain = graph.graph(content)
    found = aim.check(plain)
    faults += refusal.unfit(found) + refusal.broken(sizes.broken_promises(tensors, restored.recipe, restored.phase))
    result = {
        **_result(run, restored, content),
        **proof,
        "storage": storage,
        "tensors": list(map(dataclasses.asdict, tensors)),
        "target": found.to_dict(),
        "problems": [fault.text for fault in faults],
    }
    if faults:
        raise refusal.refused(run, content, result, faults)
    path = _keep(run, restored, content, result, aim.artefacts(plain, restored.class_names, metadata.MEANINGS[io]))
    report(f"{_describe(path, result)}\n{found.line}\n{sizes.table(tensors, content, storage)}")
    return result | {"passed": True}


def _say_unfinished(run: Run, restored: Any, report: Callable[[str], None]) -> None:
    if restored.epoch < run.recipe.epochs:
        report(f"epoch {restored.epoch} of {run.recipe.epochs}: the run is not finished (train --resume goes on)")


def _write_artefacts(run: Run, files: dict[str, bytes]) -> None:
    for name in {"model.h"} - set(files):
        # Of another export, and so of another model.
        (run.path / "export" / name).unlink(missing_ok=True)
    for name, content in files.items():
        run.write_bytes(f"export/{name}", content)


def _keep(run: Run, restored: Any, content: bytes, result: dict[str, Any], files: dict[str, bytes]) -> Path:
    """Writes a model that passed, what belongs to it, and its proof."""
    from tfqnoise.export import convert

    # All that can fail but the disk comes first: files of two models must not lie side by side.
    float_content = convert.floating(restored.float_network(), restored.input_shape)
    path = run.write_bytes("export/model.tflite", content)
    run.write_bytes("export/labels.txt", "".join(f"{name}\n" for name in restored.class_names).encode())
    run.write_bytes("export/model_float.tflite", float_content)
    _write_artefacts(run, files)
    run.write_json("export/report.json", result | {"passed": True})
    refusal.forget(run)
    return path


def _converted(
    restored: Any, io: str, storage: str, examples: int | None
) -> tuple[bytes, dict[str, Any], list[Fault]]:
    """Returns the model, how it answers, and what is wrong with it."""
    from tfqnoise.export import convert, rounding
    from tfqnoise.export.storage import pack, same_weights

    as_int8 = convert.integer(restored.network, restored.input_shape, io)
    content = rounding.compensated(pack(as_int8, storage))
    proof, faults = _prove(content, restored, io, examples)
    if not same_weights(as_int8, content):
        faults.append(refusal.repacked())
    return content, proof, faults


def _prove(content: bytes, restored: Any, io: str, examples: int | None) -> tuple[dict[str, Any], list[Fault]]:
    from tfqnoise.export import inspect, layerwise, parity

    contents = inspect.inspect(content)
    faults = refusal.not_integer(inspect.problems(contents, io), restored.recipe.allow_float)
    if contents.output_dtype != io:
        return {}, faults
    comparison = parity.compare(content, restored, examples)
    layers: list[Any] = []
    if comparison.top1_agreement < LEAST_AGREEMENT:
        layers = layerwise.compare_layers(content, restored)
        at_fault = next((layer for layer in layers if not layer.faithful), None)
        if at_fault or comparison.top1_agreement < LEAST_ADDED_UP:
            text = (
                f"it agrees with the trained network on {comparison.top1_agreement:.2%} of {comparison.examples} "
                f"pictures; {f'the first layer that diverges is {at_fault}' if at_fault else _NO_LAYER}"
            )
            faults.append(refusal.disagrees(text, LEAST_AGREEMENT))
    proof = dataclasses.asdict(comparison) | {
        "layers": [dataclasses.asdict(layer) for layer in layers],
        "kernels": parity.by_kernel(content, restored),
    }
    return proof, faults


def _asked(
    run: Run, target: str, io: str | None, storage: str | None, examples: int | None
) -> tuple[targets.Target, str, str]:
    aim = targets.get(target)
    io, storage = io or targets.integer_border(aim), storage or aim.storage
    if io not in IO_TYPES:
        raise UsageError(f"--io {io}", f"one of {', '.join(IO_TYPES)}", "choose --io int8 or --io uint8")
    if storage not in STORAGES:
        raise UsageError(f"--storage {storage}", f"one of {', '.join(STORAGES)}", "leave it out for the narrowest")
    if examples is not None and examples < 1:
        raise UsageError(f"--examples {examples}", "at least 1", "leave it out to compare on all test pictures")
    run.check_writable("export")
    return aim, io, storage


def _result(run: Run, restored: Any, content: bytes) -> dict[str, Any]:
    from tfqnoise.export import inspect, sizes

    return {
        **dataclasses.asdict(inspect.inspect(content)),
        "bytes": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
        "gzip_bytes": sizes.gzipped(content),
        "zstd_bytes": sizes.zstandard_bytes(content),
        "least_agreement": LEAST_AGREEMENT,
        "recipe_hash": run.recipe.hash(),
        "versions": {name: importlib.metadata.version(name) for name in ("tfqnoise", "tensorflow", "ai-edge-litert")},
        "class_names": list(restored.class_names),
        "epoch": restored.epoch,
        "epochs": run.recipe.epochs,
        "calibration": restored.calibration,
    }


def _facts(run: Run, restored: Any, io: str, licence: str, proof: dict[str, Any]) -> dict[str, Any]:
    """Returns what the model's metadata say."""
    from tfqnoise.export import metadata

    return metadata.facts(
        run.recipe,
        restored.class_names,
        restored.task,
        io,
        bits=restored.recipe.bits,
        licence=licence,
        metric=proof.get("metric", "accuracy"),
        score=proof.get("accuracy_tflite"),
    )


def _describe(path: Path, result: dict[str, Any]) -> str:
    operators = ", ".join(f"{count} {name}" for name, count in result["operators"].items())
    return (
        f"{path}: {result['bytes']:,} bytes ({result['gzip_bytes']:,} gzip, {result['zstd_bytes']:,} zstd), "
        f"{result['input_dtype']} in, {result['output_dtype']} out\n"
        f"operators: {operators}\n"
        f"agrees with the {_network(result)} network on {result['top1_agreement']:.2%} of {_compared(result)} "
        f"({result['kernel']} kernels), outputs differ by at most {result['max_output_step_difference']} steps\n"
        f"{_added_up(result)}kernels: {'; '.join(map(_kernels, result['kernels']))}\n"
        f"test {NAMES[result['metric']]}: Keras {result['accuracy_keras']:.2%}, "
        f"TFLite {result['accuracy_tflite']:.2%}{_by_label(result)}"
    )


def _added_up(result: dict[str, Any]) -> str:
    if not result["layers"]:
        return ""
    return (
        f"WARNING: less than {LEAST_AGREEMENT:.1%}, though each of {len(result['layers'])} layers, given the same "
        "integers, computes what the trained one does: single steps add up where answers are close, here and between "
        "kernels. Train on, or count on the accuracy of the file\n"
    )


def _kernels(row: dict[str, Any]) -> str:
    if "refused" in row:
        return f"{row['kernels']} can't execute it"
    text = f"{row['kernels']} {row['top1_agreement']:.2%}"
    if not row["differing"]:
        return text
    share = row["differing"] / row["values"]
    return f"{text}, {share:.2%} of all values up to {row['most_steps']} steps off, first in {row['first_differing']}"


def _network(result: dict[str, Any]) -> str:
    return "calibrated" if result["calibration"] else "trained"


def _compared(result: dict[str, Any]) -> str:
    pictures = f"{result['examples']} test pictures"
    return pictures if result["metric"] == "accuracy" else f"the labels of {pictures}"


def _by_label(result: dict[str, Any]) -> str:
    values = zip(result["class_names"], result["f1_tflite"] or (), strict=False)
    shown = ", ".join(f"{name} {value:.1%}" for name, value in values)
    return f"\nF1 of the file: {shown}" if shown else ""
