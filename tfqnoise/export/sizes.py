"""Real bytes: what each weight of a model takes, and what it could take."""

import dataclasses
import gzip
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import zstandard

from tfqnoise.compression.clustering.codebook import group_count
from tfqnoise.compression.plan import Phase
from tfqnoise.export.inspect import constant, layer_name, operator_name, read, tensor_type
from tfqnoise.recipe import Recipe

_ZSTD_LEVEL = 19


@dataclasses.dataclass(frozen=True)
class TensorSize:
    """What one constant tensor of a model takes.

    Attributes:
        name: of the tensor.
        operator: that uses it.
        type: such as "INT4".
        shape: as stored.
        elements: how many values.
        float_bytes: 4 bytes a value.
        stored_bytes: in the file.
        gzip_bytes: of the stored bytes, at level 9.
        zstd_bytes: of the stored bytes, at level 19.
        unique: distinct values (as integers; a channel's scale is not counted).
        unique_in_group: the same in one group of output channels, the largest; groups are those with a codebook.
        zeros: share of values that are 0.
        entropy_bits: H = -sum p log2 p of the values' frequencies, bits a value.
        entropy_bytes: H x elements / 8: no code that treats values one by one takes less.
    """

    name: str
    operator: str
    type: str
    shape: list[int]
    elements: int
    float_bytes: int
    stored_bytes: int
    gzip_bytes: int
    zstd_bytes: int
    unique: int
    unique_in_group: int
    zeros: float
    entropy_bits: float
    entropy_bytes: int


def gzipped(data: bytes) -> int:
    """Returns the bytes of data under gzip, level 9."""
    return len(gzip.compress(data, compresslevel=9, mtime=0))


def zstandard_bytes(data: bytes) -> int:
    """Returns the bytes of data under Zstandard, level 19."""
    return len(zstandard.ZstdCompressor(level=_ZSTD_LEVEL).compress(data))


def tensor_sizes(content: bytes, recipe: Recipe | None = None) -> list[TensorSize]:
    """Returns the size of every kernel and bias of a TFLite model, in the order of its operators.

    Args:
        content: the model.
        recipe: says in how many groups of channels kernels have codebooks of their own; in one if None.

    Raises:
        ExportError: if the bytes are not a TFLite model.
    """
    model = read(content)
    graph = model.subgraphs[0]
    sizes, seen = [], set()
    for op in graph.operators:
        name = operator_name(model, op)
        if name not in ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"):
            continue
        for index in op.inputs[1:]:
            tensor = graph.tensors[index] if index >= 0 else None
            if tensor is None or model.buffers[tensor.buffer].data is None or index in seen:
                continue
            seen.add(index)
            values = constant(model, tensor)
            groups = 1
            if recipe is not None and recipe.clusters and name == "CONV_2D" and values.ndim == 4:
                groups = group_count(len(values), values.size, recipe.clusters, recipe.codebooks)
            sizes.append(_size(tensor, name, values, bytes(model.buffers[tensor.buffer].data), groups))
    return sizes


def _size(tensor: Any, operator: str, values: np.ndarray, data: bytes, groups: int) -> TensorSize:
    _, counts = np.unique(values, return_counts=True)
    shares = counts / values.size
    entropy = float(-(shares * np.log2(shares)).sum()) + 0.0
    return TensorSize(
        name=tensor.name.decode(),
        operator=operator,
        type=tensor_type(tensor),
        shape=[int(n) for n in values.shape],
        elements=values.size,
        float_bytes=4 * values.size,
        stored_bytes=len(data),
        gzip_bytes=gzipped(data),
        zstd_bytes=zstandard_bytes(data),
        unique=len(counts),
        unique_in_group=max(len(np.unique(part)) for part in np.array_split(values, groups)),
        zeros=float(np.mean(values == 0)),
        entropy_bits=entropy,
        entropy_bytes=math.ceil(entropy * values.size / 8),
    )


def broken_promises(sizes: Sequence[TensorSize], recipe: Recipe, phase: Phase) -> list[str]:
    """Returns what a recipe promised of its kernels and a file doesn't keep, in words; nothing if all is kept.

    Args:
        sizes: of the model's tensors.
        recipe: which bits, clusters and sparsity.
        phase: how far the run has come: clusters are promised once weights are snapped, zeros once they are pruned.
    """
    kernels = [size for size in sizes if len(size.shape) > 1]
    clusters = recipe.clusters if phase.snapped and recipe.clusters else 256
    sparsity = recipe.sparsity if phase.pruned else 0.0
    found = []
    for number, size in enumerate(kernels):
        edge = number in (0, len(kernels) - 1)
        bits = max(recipe.bits, recipe.edge_bits) if edge else recipe.bits
        values = min(2**bits, clusters if size.elements > clusters else 256)
        if size.unique_in_group > values:
            found.append(f"{layer_name(size.name)} has {size.unique_in_group} values, not {values}")
        # A share of a few weights can only be met up to one of them.
        if size.zeros < sparsity - 1 / size.elements:
            found.append(f"{layer_name(size.name)} has {size.zeros:.1%} zeros, not {sparsity:.1%}")
    return found


def fitting(sizes: Sequence[TensorSize], storage: str) -> str:
    """Returns how many kernels fit into the storage that was asked for, in words; "" where all do or none need to.

    Args:
        sizes: of the model's tensors.
        storage: as in `tfqnoise.export.export`.
    """
    kernels = [size for size in sizes if len(size.shape) > 1]
    packed = sum(size.type == "INT4" for size in kernels)
    if storage != "int4" or packed == len(kernels):
        return ""
    return f"--storage int4: {packed} of {len(kernels)} kernels fit into 4 bits, the others are stored as INT8" + (
        "" if packed else " (kernels fit after training with --bits 4)"
    )


def table(sizes: Sequence[TensorSize], content: bytes, storage: str = "narrowest") -> str:
    """Returns the sizes as aligned lines of text, with the sums and the whole file at the end.

    Args:
        sizes: of the model's tensors.
        content: the model.
        storage: that was asked for; what doesn't fit into it is said first.
    """
    lines = list(filter(None, [fitting(sizes, storage)]))
    lines += [
        f"{'tensor':<28} type  {'values':>10} {'float':>11} {'stored':>10} {'gzip':>9} {'zstd':>9} unique  bits"
    ]
    for size in sizes:
        if len(size.shape) > 1:
            lines.append(
                _line(layer_name(size.name)[-28:], size.type, size, str(size.unique), f"{size.entropy_bits:.2f}")
            )
    rest = [size for size in sizes if len(size.shape) == 1]
    for name, group in (("biases", rest), ("all weights", sizes)):
        lines.append(_line(name, "", _sum(group), "", ""))
    whole = f"{len(content):>10,} {gzipped(content):>9,} {zstandard_bytes(content):>9,}"
    return "\n".join([*lines, f"{'the whole file':<28} {'':<5} {'':>10} {'':>11} {whole}"])


def _sum(sizes: Sequence[TensorSize]) -> dict[str, int]:
    names = ("elements", "float_bytes", "stored_bytes", "gzip_bytes", "zstd_bytes")
    return {name: sum(getattr(size, name) for size in sizes) for name in names}


def _line(name: str, kind: str, size: TensorSize | dict[str, int], unique: str, bits: str) -> str:
    values = size if isinstance(size, dict) else dataclasses.asdict(size)
    return (
        f"{name:<28} {kind:<5} {values['elements']:>10,} {values['float_bytes']:>11,} {values['stored_bytes']:>10,} "
        f"{values['gzip_bytes']:>9,} {values['zstd_bytes']:>9,} {unique:>6} {bits:>5}"
    ).rstrip()
