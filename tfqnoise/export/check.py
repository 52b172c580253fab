"""What a target makes of a model: a file, a run, or a recipe before it has been trained."""

import dataclasses
from collections import Counter
from pathlib import Path

from tfqnoise.errors import ExportError
from tfqnoise.export import edgetpu_compiler, targets
from tfqnoise.export.compiled import already
from tfqnoise.export.graph import graph, load
from tfqnoise.export.subject import Subject
from tfqnoise.export.targets import Check
from tfqnoise.recipe import Recipe

_ESTIMATE = "an estimate with fresh weights: once it is trained, the file may be some bytes larger or smaller"


def check(subject: Path | None, target: str = "generic") -> Check:
    """Checks a model against a target.

    Args:
        subject: a .tflite file; a run directory, of which the exported model is taken or, before there is one, its
            network with fresh weights; or a recipe.json, whose network is taken likewise. The newest run if None.
        target: its name, or a dict or JSON text with settings.

    Raises:
        ExportError: for a file that is missing or damaged.
        RunError: if there is no run.
    """
    aim = targets.get(target)
    if subject is not None and subject.suffix == ".json":
        return check_recipe(Recipe.load(subject), target)
    found = Subject.of(subject)
    if found.run is not None and not found.exported:
        return check_recipe(found.run.recipe, target)
    model = graph(load(found.model()))
    judged = aim.check(model)
    return dataclasses.replace(judged, notes=(*judged.notes, *filter(None, [already(model), found.outdated])))


def check_recipe(recipe: Recipe, target: str) -> Check:
    """Checks the network that a recipe leads to, with fresh weights, so before days of training."""
    # TensorFlow takes seconds to load and is needed here alone.
    from tfqnoise.export.untrained import untrained

    aim = targets.get(target)
    found = aim.check(graph(untrained(recipe, targets.integer_border(aim), aim.storage)))
    return dataclasses.replace(found, notes=(_ESTIMATE, *found.notes))


def refuse(found: Check) -> None:
    """Raises ExportError with the table of a check that isn't passed."""
    if not found.passed:
        raise ExportError(
            f"the model doesn't fit {found.target}:\n{found.table()}",
            f"every operator on {found.target}",
            "change what the table names, or choose another --target",
        )


def beside_compiler(model: Path, found: Check, directory: Path | None) -> str:
    """Compiles a model for the Edge TPU, and returns a table of what the compiler says beside what the check said.

    Args:
        model: a .tflite file.
        found: its check against the target edgetpu.
        directory: where edgetpu_compiler lies; None for the PATH.

    Raises:
        UsageError: if there is no compiler.
        ExportError: if it fails.
    """
    _, log = edgetpu_compiler.compiled(load(model), directory)
    said = Counter((each.name.partition(":")[0], each.reason) for each in found.operators)
    lines = [f"Edge TPU Compiler {log.version}", f"{'operator':<28} {'compiler':>8} {'check':>6}  status"]
    for name, status in sorted({*said, *log.counts}):
        lines.append(f"{name:<28} {log.counts.get((name, status), 0):>8} {said[name, status]:>6}  {status}")
    here = len(found.operators) - len(found.away)
    return "\n".join([*lines, f"on the Edge TPU: {log.mapped} by the compiler, {here} by the check"])
