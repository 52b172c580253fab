"""Running TFLite models with the LiteRT interpreter."""

from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter as _Interpreter
from ai_edge_litert.interpreter import OpResolverType, load_delegate

from tfqnoise.backend import quiet
from tfqnoise.errors import DeviceError, ExportError
from tfqnoise.export.inspect import built_in, read

KERNELS = {
    "XNNPACK": OpResolverType.AUTO,
    "built-in": OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
    "reference": OpResolverType.BUILTIN_REF,
}


class Interpreter:
    """A model, ready to run on one picture at a time.

    Args:
        model: the file's content, or its path.
        threads: threads of the interpreter.
        kernels: "XNNPACK", which takes what it can and leaves the rest to the built-in ones; "built-in"; or
            "reference", the plain and slow ones that the others are optimised forms of.
        delegate: what `delegate` returns, which takes what it can before these kernels do.

    Attributes:
        kernel: what it runs in: as asked for; "XNNPACK and built-in" where packed weights are left to the built-in
            kernels; "built-in" where XNNPACK can't prepare the model.

    Raises:
        ExportError: if the model can't be loaded.
    """

    def __init__(
        self, model: bytes | Path, threads: int = 1, *, kernels: str = "XNNPACK", delegate: Any = None
    ) -> None:
        name = str(model) if isinstance(model, Path) else f"a model of {len(model)} bytes"
        try:
            content = model.read_bytes() if isinstance(model, Path) else model
            self._interpreter, self.kernel = _load(content, threads, kernels, delegate)
            # A name that isn't UTF-8 fails here.
            inputs = self._interpreter.get_input_details()
            self.outputs: list[dict[str, Any]] = self._interpreter.get_output_details()
            if not inputs or not self.outputs:
                raise ValueError("it has no input or no output")
        except (OSError, ValueError, RuntimeError) as error:
            raise ExportError(
                f"{name} can't be loaded: {(str(error).splitlines() or ['no message'])[0]}",
                "a .tflite model that LiteRT can run",
                "export it again, or check the path",
            ) from error
        self._input = inputs[0]

    @property
    def input_shape(self) -> tuple[int, ...]:
        return tuple(int(size) for size in self._input["shape"][1:])

    @property
    def input_type(self) -> str:
        return np.dtype(self._input["dtype"]).name

    def prepare(self, images: np.ndarray) -> np.ndarray:
        """Returns uint8 pictures in the model's input type: pixel - 128, pixel, or pixel / 255 for float."""
        kind = self._input["dtype"]
        if kind == np.int8:
            return (images.astype(np.int16) - 128).astype(np.int8)
        return images if kind == np.uint8 else images.astype(np.float32) * np.float32(1 / 255)

    def set_input(self, prepared: np.ndarray) -> None:
        """Puts in one prepared picture [1, H, W, C]."""
        self._interpreter.set_tensor(self._input["index"], prepared)

    def set_random_input(self) -> None:
        """Puts in a picture of random pixels, always the same."""
        picture = np.random.default_rng(0).integers(0, 256, (1, *self.input_shape), np.uint8)
        self.set_input(self.prepare(picture))

    def invoke(self) -> None:
        self._interpreter.invoke()

    def output(self, number: int = 0) -> np.ndarray:
        return self._interpreter.get_tensor(self.outputs[number]["index"])

    def real(self, answers: np.ndarray) -> np.ndarray:
        """Returns raw outputs as logits: (integer - zero point) x scale; those of a float model as they are."""
        step, zero = self.outputs[0]["quantization"]
        return (answers.astype(np.int64) - zero) * np.float64(step) if step else answers

    def __call__(self, images: np.ndarray) -> np.ndarray:
        """Returns the raw first output [N, classes] for uint8 pictures [N, H, W, C]."""
        rows = []
        for picture in self.prepare(images):
            self.set_input(picture[None])
            self.invoke()
            rows.append(self.output()[0])
        return np.stack(rows)


def delegate(library: str, what: str, how: str) -> Any:
    """Returns a delegate that a shared library makes: LiteRT's way to a device. Only loaded in a process of its own.

    Args:
        library: its name or path.
        what: it drives, such as "Edge TPU".
        how: to install it, in words.

    Raises:
        DeviceError: if there is no such library, or it finds no device.
    """
    try:
        return load_delegate(library)
    except OSError as error:
        raise DeviceError(f"{library} can't be loaded: {error}", f"a library that drives an {what}", how) from error
    except AttributeError as error:
        raise DeviceError(f"{library} drives nothing: {error}", f"a library that drives an {what}", how) from error
    except ValueError as error:
        # What a library gives for a reason is empty where it finds no device.
        reason = str(error).partition("\n")[2].strip() or "it gives no reason"
        raise DeviceError(
            f"{library} finds no {what} ({reason})",
            f"an {what} that this user may use",
            "plug it in; see that lsusb lists 1a6e:089a or 18d1:9302, or for a PCIe card that /dev/apex_0 is there; "
            "put yourself into the group plugdev (USB) or apex (PCIe), and end what else uses it",
        ) from error


def _load(content: bytes, threads: int, kernels: str, delegate: Any) -> tuple[Any, str]:
    # A few old models can't be prepared by XNNPACK.
    kinds = {kernels: KERNELS[kernels], **({"built-in": KERNELS["built-in"]} if kernels == "XNNPACK" else {})}
    failure: Exception | None = None
    for kernel, resolver in kinds.items():
        try:
            with quiet():
                interpreter = _Interpreter(
                    model_content=content,
                    num_threads=threads,
                    experimental_op_resolver_type=resolver,
                    experimental_delegates=None if delegate is None else [delegate],
                )
                interpreter.allocate_tensors()
        except (ValueError, RuntimeError) as error:
            failure = failure or error
        else:
            mixed = kernel == "XNNPACK" and built_in(read(content))
            return interpreter, "XNNPACK and built-in" if mixed else kernel
    assert failure is not None
    raise failure
