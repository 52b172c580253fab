"""Reading CIFAR-10_human.pt, a pickle in a zip archive, without unpickling it.

Unpickling runs what a file tells it to run. Here its instructions are read one by one; those that make dictionaries,
tuples, numbers, text and int64 arrays are followed, and any other is refused.
"""

import pickletools
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tfqnoise.errors import DataError

_FORM = "CIFAR-10_human.pt as its authors publish it: int64 labels and nothing else"
_REMEDY = "download it again from http://noisylabels.com or github.com/UCSC-REAL/cifar-10-100n"
# The official file has 2.4 MB in 256 instructions.
_MAX_BYTES, _MAX_STEPS = 64 << 20, 10_000

_GLOBALS = (
    "numpy.core.multiarray _reconstruct",
    "numpy._core.multiarray _reconstruct",
    "numpy ndarray",
    "numpy dtype",
    "_codecs encode",
)
_MARK = object()


class _Global(str):
    """The name of something that a pickle calls."""


class _Int64(list[str]):
    """The type int64; holds its byte order once that is known."""


class _Array(list[np.ndarray]):
    """An array to be; holds its values once they are known."""


def read(path: str) -> dict[str, np.ndarray]:
    """Returns the label arrays of a file by name, each int64 [N].

    Args:
        path: a zip archive with a data.pkl in it.

    Raises:
        DataError: if it is missing, damaged, too large or has anything else in it.
    """
    reader = _Reader(path)
    steps = 0
    try:
        for opcode, argument, _ in pickletools.genops(_content(path)):
            steps += 1
            if steps > _MAX_STEPS:
                raise _refusal(path, f"takes more than {_MAX_STEPS} instructions")
            reader.follow(opcode.name, argument)
        content = reader.stack.pop()
        found = {str(name): value[0] for name, value in content.items() if isinstance(value, _Array)}
        if len(found) != len(content):
            raise ValueError("it holds more than arrays")
    except (ValueError, IndexError, KeyError, TypeError, AttributeError, RecursionError, OverflowError) as error:
        raise _refusal(path, f"is damaged or of another form ({str(error)[:200]})") from error
    return found


def _refusal(path: str, received: str) -> DataError:
    return DataError(f"human labels {path}: the file {received}", _FORM, _REMEDY)


def _content(path: str) -> bytes:
    try:
        with zipfile.ZipFile(Path(path).expanduser()) as archive:
            names = [name for name in archive.namelist() if name.rsplit("/", 1)[-1] == "data.pkl"]
            if len(names) != 1:
                raise _refusal(path, f"has {len(names)} data.pkl in it, not one")
            member = archive.getinfo(names[0])
            if member.file_size > _MAX_BYTES or member.compress_type not in (
                zipfile.ZIP_STORED,
                zipfile.ZIP_DEFLATED,
            ):
                raise _refusal(path, f"has a data.pkl of more than {_MAX_BYTES >> 20} MB, or packed in a rare way")
            # With a bound of our own, since the size that a file declares need not be true.
            with archive.open(member) as file:
                return file.read(_MAX_BYTES)
    except (OSError, EOFError, RuntimeError, NotImplementedError, zipfile.BadZipFile, zlib.error) as error:
        raise _refusal(path, f"can't be read ({error})") from error


class _Reader:
    """The machine that a pickle's instructions are for, with few of them."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._memo: dict[int, Any] = {}
        self._bytes = 0
        self.stack: list[Any] = []

    def follow(self, name: str, argument: Any) -> None:
        """Follows one instruction."""
        stack = self.stack
        if name in ("PROTO", "STOP"):
            return
        if name in ("BINUNICODE", "BININT", "BININT1", "BININT2"):
            stack.append(argument)
        elif name in _CONSTANTS:
            stack.append(_CONSTANTS[name]())
        elif name in ("BINPUT", "LONG_BINPUT"):
            self._memo[argument] = stack[-1]
        elif name in ("BINGET", "LONG_BINGET"):
            stack.append(self._memo[argument])
        elif name == "GLOBAL":
            if argument not in _GLOBALS:
                raise _refusal(self._path, f"asks for {argument.replace(' ', '.')[:80]}, which no labels need")
            stack.append(_Global(argument.rsplit(" ", 1)[1]))
        elif name == "TUPLE":
            stack.append(tuple(self._since_mark()))
        elif name in ("TUPLE1", "TUPLE2", "TUPLE3"):
            items = [stack.pop() for _ in range(int(name[-1]))]
            stack.append(tuple(reversed(items)))
        elif name == "SETITEMS":
            items = self._since_mark()
            if not all(isinstance(key, str) for key in items[::2]):
                raise ValueError("a dictionary whose keys are not text")
            stack[-1].update(zip(items[::2], items[1::2], strict=True))
        elif name == "REDUCE":
            arguments, function = stack.pop(), stack.pop()
            stack.append(self._call(function, arguments))
        elif name == "BUILD":
            state = stack.pop()
            _build(stack[-1], state)
        else:
            raise _refusal(self._path, f"has the instruction {name}, which no labels need")

    def _since_mark(self) -> list[Any]:
        items = []
        while (item := self.stack.pop()) is not _MARK:
            items.append(item)
        return items[::-1]

    def _call(self, function: Any, arguments: Any) -> Any:
        if not isinstance(function, _Global):
            raise TypeError("it calls what is no function")
        if function == "encode":
            text, encoding = arguments
            self._bytes += len(text)
            if encoding != "latin1" or self._bytes > _MAX_BYTES:
                raise ValueError("bytes in another form, or too many of them")
            return text.encode("latin1")
        if function == "dtype" and arguments[0] == "i8":
            return _Int64()
        if function == "_reconstruct" and arguments[0] == "ndarray" and arguments[1] == (0,):
            return _Array()
        # What it is called with may be nested too deeply to be shown.
        raise ValueError(f"{function} with other arguments")


_CONSTANTS: dict[str, Callable[[], Any]] = {
    "MARK": lambda: _MARK,
    "NONE": lambda: None,
    "NEWTRUE": lambda: True,
    "NEWFALSE": lambda: False,
    "EMPTY_DICT": dict,
}


def _build(target: Any, state: Any) -> None:
    """Completes an array or a type; NumPy's own order of its state."""
    if isinstance(target, _Int64):
        target.append(state[1])
    elif isinstance(target, _Array):
        _, (length,), kind, _, content = state
        if not isinstance(kind, _Int64) or kind != ["<"] or not isinstance(content, bytes):
            raise ValueError("an array that is not of little-endian int64")
        # A view: however often a file uses the same bytes, they are held once.
        values = np.frombuffer(content, "<i8")
        if len(values) != length:
            raise ValueError(f"an array of {len(values)} values that says {length}")
        target.append(values)
    else:
        raise TypeError("it completes what is no array")
