"""Does the exported model answer like the network that was trained?"""

import dataclasses
from typing import Any

import numpy as np

from tfqnoise import metrics
from tfqnoise.errors import ExportError
from tfqnoise.export.inspect import layer_name, with_all_outputs
from tfqnoise.export.interpreter import KERNELS, Interpreter
from tfqnoise.export.layerwise import steps
from tfqnoise.export.restore import Restored
from tfqnoise.networks.predict import Predictor

_KERNEL_PICTURES = 100


@dataclasses.dataclass(frozen=True)
class Parity:
    """Trained network against exported model.

    Attributes:
        examples: test pictures compared.
        kernel: the interpreter's kernels; another implementation may round differently.
        top1_agreement: share of pictures to which both give the same class; of several labels a picture, share of
            labels that both find or both don't.
        max_output_step_difference: largest difference of an output, in steps of its scale.
        outputs_differing: share of outputs that differ at all.
        metric: "accuracy", or "f1", the mean F1 of several labels a picture.
        accuracy_keras: that of the trained network on these pictures.
        accuracy_tflite: that of the exported model on them.
        f1_tflite: of the exported model, by label, where there are several a picture.
    """

    examples: int
    kernel: str
    top1_agreement: float
    max_output_step_difference: int
    outputs_differing: float
    metric: str
    accuracy_keras: float
    accuracy_tflite: float
    f1_tflite: tuple[float, ...] | None


def compare(content: bytes, restored: Restored, examples: int | None = None) -> Parity:
    """Runs the trained network and its exported model on the same test pictures.

    Args:
        content: the integer model.
        restored: the trained network and the test pictures.
        examples: how many pictures, spread evenly over the test set; all if None or more than there are.
    """
    test = restored.test.spread(examples or len(restored.test))
    interpreter = Interpreter(content)
    answers = interpreter(test.images)
    real, task = interpreter.real(answers), restored.task
    logits = Predictor(restored.network)(test.images)
    difference = np.abs(answers.astype(np.int64) - steps(logits, interpreter.outputs[0]))
    return Parity(
        examples=len(test),
        kernel=interpreter.kernel,
        top1_agreement=float(np.mean(metrics.decisions(task, real) == metrics.decisions(task, logits))),
        max_output_step_difference=int(difference.max()),
        outputs_differing=float(np.mean(difference > 0)),
        metric=metrics.HEADLINE[task],
        accuracy_keras=metrics.headline(task, test.labels, logits),
        accuracy_tflite=metrics.headline(task, test.labels, real),
        f1_tflite=metrics.f1(test.labels, real).f1 if task == "multi" else None,
    )


def by_kernel(content: bytes, restored: Restored, examples: int = _KERNEL_PICTURES) -> list[dict[str, Any]]:
    """Returns how the kernels that LiteRT has differ from the trained network and from one another.

    Args:
        content: the integer model.
        restored: the trained network and the test pictures.
        examples: pictures, spread evenly; the reference kernels take milliseconds for each.

    Returns:
        For each set of kernels its name, `top1_agreement` with the trained network, and of all values of all tensors
        that an operator gives (`values`) how many differ from XNNPACK's (`differing`), by how many steps at most
        (`most_steps`), and the `first_differing` tensor. Of kernels that don't execute the model, such as the
        reference ones where depthwise weights are packed, the name and why (`refused`).
    """
    images = restored.test.spread(examples).images
    wanted = metrics.decisions(restored.task, Predictor(restored.network)(images))
    probed, first = with_all_outputs(content), None
    rows: list[dict[str, Any]] = []
    for kernels in KERNELS:
        try:
            interpreter = Interpreter(content, kernels=kernels)
        except ExportError as error:
            if not rows:
                raise
            rows.append({"kernels": kernels, "refused": error.received})
            continue
        found = metrics.decisions(restored.task, interpreter.real(interpreter(images)))
        names, values = _tensors(Interpreter(probed, kernels=kernels), images)
        first = first or values
        off = [np.abs(one.astype(np.int64) - other) for one, other in zip(values, first, strict=True)]
        rows.append(
            {
                "kernels": interpreter.kernel,
                "top1_agreement": float(np.mean(found == wanted)),
                "values": sum(each.size for each in off),
                "differing": int(sum(np.count_nonzero(each) for each in off)),
                "most_steps": int(max(each.max() for each in off)),
                "first_differing": next((n for n, each in zip(names, off, strict=True) if each.any()), None),
            }
        )
    return rows


def _tensors(interpreter: Interpreter, images: np.ndarray) -> tuple[list[str], list[np.ndarray]]:
    """Returns the names of a model's outputs, and their values for all pictures."""
    seen: list[list[np.ndarray]] = [[] for _ in interpreter.outputs]
    for picture in interpreter.prepare(images):
        interpreter.set_input(picture[None])
        interpreter.invoke()
        for place in range(len(seen)):
            seen[place].append(interpreter.output(place))
    return [layer_name(details["name"]) for details in interpreter.outputs], [np.stack(each) for each in seen]
