"""Why an exported model is refused, and where it is kept then."""

import dataclasses
from collections.abc import Sequence
from typing import Any

from tfqnoise.errors import ExportError
from tfqnoise.export.targets import Check
from tfqnoise.run import Run

_MODEL, _PROOF = "rejected.tflite", "rejected.json"
_DEFECT = "report a defect"


@dataclasses.dataclass(frozen=True)
class Fault:
    """One thing that is wrong with an exported model.

    Attributes:
        text: what is wrong.
        expected: what would have been right.
        remedy: what the user can do.
    """

    text: str
    expected: str
    remedy: str


def not_integer(texts: Sequence[str], allow_float: bool) -> list[Fault]:
    """Returns the faults of a model that isn't fully integer.

    Args:
        texts: what keeps it from that, see `tfqnoise.export.inspect.problems`.
        allow_float: whether its recipe allows layers in float.
    """
    remedy = "train without --allow-float" if allow_float else _DEFECT
    return [Fault(text, "integers only", remedy) for text in texts]


def disagrees(text: str, least: float) -> Fault:
    """Returns the fault of a model that answers otherwise than its network.

    Args:
        text: how it does.
        least: share of the pictures on which it has to agree.
    """
    remedy = f"train on (an untrained network has no clear answer to agree with), or {_DEFECT}"
    return Fault(text, f"the trained network's answer on {least:.1%} of the pictures", remedy)


def repacked() -> Fault:
    """Returns the fault of a model whose weights packing has changed."""
    return Fault("packed into fewer bits, its weights are others", "the weights that were trained", _DEFECT)


def unfit(found: Check) -> list[Fault]:
    """Returns what keeps a model from its target."""
    remedies = dict.fromkeys(each.remedy for each in found.away if each.remedy)
    # A problem of the whole model ends with what to do about it.
    remedies.update(dict.fromkeys(problem.rpartition("; ")[2] for problem in found.problems))
    remedy = "; ".join([*remedies, "or choose another --target"])
    return [Fault(text, f"every operator on {found.target}", remedy) for text in found.faults]


def broken(texts: Sequence[str]) -> list[Fault]:
    """Returns the faults of a model that doesn't keep what its recipe promised of its kernels."""
    return [Fault(text, "the values and zeros that the recipe promises", _DEFECT) for text in texts]


def refused(run: Run, content: bytes, result: dict[str, Any], faults: Sequence[Fault]) -> ExportError:
    """Keeps a model that failed apart, where nobody takes it for a good one, and returns the error.

    What an earlier export has left is another model with a proof of its own, so it stays.

    Args:
        run: whose model it is.
        content: the model.
        result: its proof.
        faults: what is wrong with it, one at least.
    """
    # The proof of a model that was refused before must not lie beside this one.
    (run.path / "export" / _PROOF).unlink(missing_ok=True)
    path = run.write_bytes(f"export/{_MODEL}", content)
    run.write_json(f"export/{_PROOF}", result | {"passed": False})
    earlier = "; the earlier model.tflite stays" if (run.path / "export" / "model.tflite").exists() else ""
    return ExportError(
        f"the exported model fails: {_joined([fault.text for fault in faults])} (kept as {path}{earlier})",
        _joined([fault.expected for fault in faults]),
        _joined([fault.remedy for fault in faults]),
    )


def forget(run: Run) -> None:
    """Removes a model that was refused, after one has passed."""
    for name in (_MODEL, _PROOF):
        (run.path / "export" / name).unlink(missing_ok=True)


def _joined(texts: Sequence[str]) -> str:
    return "; ".join(dict.fromkeys(texts))
