"""What the Edge TPU's compiler takes, operator by operator: versions, parameters and limits."""

from collections.abc import Callable, Mapping

from tfqnoise.export.graph import Operator

# The newest version of each operator that the compiler takes: as seen in compiled models, otherwise that of
# an int8 operator in the TensorFlow of the compiler's time.
NEWEST: Mapping[str, int] = {
    "ADD": 2,
    "AVERAGE_POOL_2D": 2,
    "CONCATENATION": 2,
    "CONV_2D": 3,
    "DEPTHWISE_CONV_2D": 3,
    "EXPAND_DIMS": 1,
    "FULLY_CONNECTED": 4,
    "L2_NORMALIZATION": 2,
    "LOGISTIC": 2,
    "LSTM": 3,
    "MAX_POOL_2D": 2,
    "MAXIMUM": 2,
    "MEAN": 2,
    "MINIMUM": 2,
    "MUL": 2,
    "PACK": 2,
    "PAD": 2,
    "PRELU": 1,
    "QUANTIZE": 1,
    "REDUCE_MAX": 2,
    "REDUCE_MIN": 2,
    "RELU": 2,
    "RELU6": 2,
    "RELU_N1_TO_1": 1,
    "RESHAPE": 1,
    "RESIZE_BILINEAR": 3,
    "RESIZE_NEAREST_NEIGHBOR": 3,
    "RSQRT": 2,
    "SLICE": 2,
    "SOFTMAX": 2,
    "SPACE_TO_DEPTH": 2,
    "SPLIT": 2,
    "SQUARED_DIFFERENCE": 2,
    "SQUEEZE": 1,
    "STRIDED_SLICE": 2,
    "SUB": 2,
    "SUM": 1,
    "TANH": 2,
    "TILE": 1,
    "TRANSPOSE": 2,
    "TRANSPOSE_CONV": 3,
    "UNIDIRECTIONAL_SEQUENCE_LSTM": 3,
}
# Of these, inputs beyond the first have to be constants.
PARAMETRISED = {
    "CONV_2D",
    "DEPTHWISE_CONV_2D",
    "FULLY_CONNECTED",
    *("MEAN", "SUM", "REDUCE_MAX", "REDUCE_MIN", "PAD", "PRELU", "RESHAPE", "RESIZE_BILINEAR", "TILE", "TRANSPOSE"),
    *("RESIZE_NEAREST_NEIGHBOR", "SLICE", "STRIDED_SLICE", "EXPAND_DIMS"),
}
# Their state is of 16 bits.
RECURRENT = ("LSTM", "UNIDIRECTIONAL_SEQUENCE_LSTM")
_LARGEST_SOFTMAX = 16_384
# 2x is mapped and 15x isn't; 128x128x32 is and 512x512x32 isn't (google-coral/edgetpu issue 31). The rest is guessed.
_MOST_ENLARGED = 8
_LARGEST_RESIZED = 2**20


def limit(operator: Operator) -> str:
    """Returns how an operator has to change to be mapped, "" if it needn't: of a known version and types."""
    return _LIMITS.get(operator.name, _unlimited)(operator)


def _unlimited(operator: Operator) -> str:
    return ""


def _pool(operator: Operator) -> str:
    return "put no activation behind the pooling" if operator.options.get("fusedActivationFunction") else ""


def _concatenation(operator: Operator) -> str:
    if operator.options.get("fusedActivationFunction"):
        return "put no activation behind the concatenation"
    constants = sum(tensor.constant for tensor in operator.given)
    return (
        "concatenate no constant, except one of zeros to one other input"
        if constants and len(operator.given) > 2
        else ""
    )


def _convolution(operator: Operator) -> str:
    options = operator.options
    same = options.get("dilationWFactor", 1) == options.get("dilationHFactor", 1)
    return "" if same else "dilate both axes by the same factor"


def _dense(operator: Operator) -> str:
    if operator.options.get("weightsFormat"):
        return "keep the weights in the default format"
    wide = sum(size != 1 for size in operator.outputs[0].shape) > 1
    return "flatten its input, so that it gives one row" if wide else ""


def _softmax(operator: Operator) -> str:
    shape = operator.outputs[0].shape
    if sum(size != 1 for size in shape) > 1:
        return "apply softmax to one row only"
    return f"at most {_LARGEST_SOFTMAX:,} values" if operator.outputs[0].elements > _LARGEST_SOFTMAX else ""


def _axes(operator: Operator) -> str:
    axes, rank = operator.given[1].values or (), len(operator.given[0].shape)
    return "leave the batch out" if rank > 3 and any(axis % rank == 0 for axis in axes) else ""


def _pad(operator: Operator) -> str:
    values = operator.given[1].values
    return "pad no batch" if values and len(operator.given[0].shape) > 3 and any(values[:2]) else ""


def _pack(operator: Operator) -> str:
    rank = len(operator.outputs[0].shape)
    return "pack along another axis than the batch" if operator.options.get("axis", 0) % max(rank, 1) == 0 else ""


def _split(operator: Operator) -> str:
    axis, rank = operator.given[0].values or (1,), len(operator.given[1].shape)
    return "split along another axis than the batch" if rank > 3 and axis[0] % rank == 0 else ""


def _squeeze(operator: Operator) -> str:
    shape = operator.given[0].shape
    rank, dropped = len(shape), operator.options.get("squeezeDims")
    dropped = [] if dropped is None else [int(axis) % max(rank, 1) for axis in dropped]
    leading = all(size == 1 for axis in dropped for size in shape[: axis + 1])
    return "" if leading else "squeeze leading sizes of 1 only"


def _strided_slice(operator: Operator) -> str:
    strides = operator.given[3].values if len(operator.given) > 3 else None
    if strides is None or any(stride != 1 for stride in strides):
        return "slice with strides of 1"
    masks = [
        value for name, value in operator.options.items() if name in ("ellipsisMask", "newAxisMask", "shrinkAxisMask")
    ]
    return "slice without new, dropped or elided axes" if any(masks) else ""


def _resize(operator: Operator) -> str:
    before, after = operator.given[0].shape, operator.outputs[0].shape
    if not len(before) == len(after) == 4:
        return "resize pictures only"
    grown = max(after[axis] / max(before[axis], 1) for axis in (1, 2))
    if grown > _MOST_ENLARGED:
        return f"enlarge by at most {_MOST_ENLARGED}x at a time"
    return "resize smaller pictures, or fewer channels" if operator.outputs[0].elements > _LARGEST_RESIZED else ""


def _prelu(operator: Operator) -> str:
    inner = all(size == 1 for size in operator.given[1].shape[:-1])
    return "" if inner else "share the slopes over the picture (shared_axes)"


def _recurrent(operator: Operator) -> str:
    return "run it over the time axis in one direction" if operator.options.get("timeMajor") else ""


_LIMITS: Mapping[str, Callable[[Operator], str]] = {
    **dict.fromkeys(("AVERAGE_POOL_2D", "MAX_POOL_2D"), _pool),
    **dict.fromkeys(("CONV_2D", "DEPTHWISE_CONV_2D"), _convolution),
    **dict.fromkeys(("MEAN", "SUM", "REDUCE_MAX", "REDUCE_MIN"), _axes),
    **dict.fromkeys(("RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR"), _resize),
    **dict.fromkeys(RECURRENT, _recurrent),
    "CONCATENATION": _concatenation,
    "FULLY_CONNECTED": _dense,
    "SOFTMAX": _softmax,
    "PAD": _pad,
    "PACK": _pack,
    "SPLIT": _split,
    "SQUEEZE": _squeeze,
    "STRIDED_SLICE": _strided_slice,
    "PRELU": _prelu,
}
