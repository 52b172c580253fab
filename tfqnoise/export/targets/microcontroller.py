"""Microcontrollers, through TensorFlow Lite Micro."""

import dataclasses

from tfqnoise.export import boards
from tfqnoise.export.arena import arena_bytes
from tfqnoise.export.c_array import header
from tfqnoise.export.graph import Graph
from tfqnoise.export.targets import Check, Target, placed, register, whole_problems

# What AddConv2D() and its like can give a resolver (tflite-micro 90b983c, August 2026). All of them are named here,
# though not each has an int8 kernel.
_OPERATORS = {
    *("ABS", "ADD", "ADD_N", "ARG_MAX", "ARG_MIN", "ASSIGN_VARIABLE", "AVERAGE_POOL_2D", "BATCH_MATMUL"),
    *("BATCH_TO_SPACE_ND", "BROADCAST_ARGS", "BROADCAST_TO", "CALL_ONCE", "CAST", "CEIL", "CONCATENATION"),
    *("CONV_2D", "COS", "CUMSUM", "DEPTHWISE_CONV_2D", "DEPTH_TO_SPACE", "DEQUANTIZE", "DIV"),
    *("DYNAMIC_UPDATE_SLICE", "ELU", "EMBEDDING_LOOKUP", "EQUAL", "EXP", "EXPAND_DIMS", "FILL", "FLOOR"),
    *("FLOOR_DIV", "FLOOR_MOD", "FULLY_CONNECTED", "GATHER", "GATHER_ND", "GREATER", "GREATER_EQUAL"),
    *("HARD_SWISH", "IF", "L2_NORMALIZATION", "L2_POOL_2D", "LEAKY_RELU", "LESS", "LESS_EQUAL", "LOG"),
    *("LOGICAL_AND", "LOGICAL_NOT", "LOGICAL_OR", "LOGISTIC", "LOG_SOFTMAX", "MAXIMUM", "MAX_POOL_2D", "MEAN"),
    *("MINIMUM", "MIRROR_PAD", "MUL", "NEG", "NOT_EQUAL", "PACK", "PAD", "PADV2", "PRELU", "QUANTIZE"),
    *("READ_VARIABLE", "REDUCE_ALL", "REDUCE_MAX", "REDUCE_MIN", "RELU", "RELU6", "RESHAPE", "RESIZE_BILINEAR"),
    *("RESIZE_NEAREST_NEIGHBOR", "REVERSE_V2", "ROUND", "RSQRT", "SELECT_V2", "SHAPE", "SIN", "SLICE", "SOFTMAX"),
    *("SPACE_TO_BATCH_ND", "SPACE_TO_DEPTH", "SPLIT", "SPLIT_V", "SQRT", "SQUARE", "SQUARED_DIFFERENCE"),
    *("SQUEEZE", "STRIDED_SLICE", "SUB", "SUM", "SVDF", "TANH", "TRANSPOSE", "TRANSPOSE_CONV"),
    *("UNIDIRECTIONAL_SEQUENCE_LSTM", "UNPACK", "VAR_HANDLE", "WHILE", "ZEROS_LIKE"),
}


@register(reference="TensorFlow Lite Micro, micro_mutable_op_resolver.h")
@dataclasses.dataclass(frozen=True)
class Microcontroller(Target):
    """A microcontroller with TensorFlow Lite Micro: int8; writes model.h, says what flash and RAM the model needs.

    Args:
        flash: KiB for the model; 0 for any number.
        ram: KiB for its activations; 0 for any number.
    """

    flash: int = 0
    ram: int = 0

    io = ("int8",)
    storage = "int8"

    def check(self, graph: Graph) -> Check:
        operators = placed(graph, "microcontroller", ("INT8", "INT16"), ("INT8",), _OPERATORS)
        size, arena = len(graph.content), arena_bytes(graph)
        problems = list(whole_problems(graph, self.io))
        for name, needed, had in (("flash", size, self.flash), ("ram", arena, self.ram)):
            if had and needed > had * 1024:
                problems.append(f"it takes {needed:,} bytes of {name}, more than {had} KiB; choose a smaller --width")
        notes = (
            f"flash {size:,} bytes, RAM at least {arena:,} bytes, without the program and the runtime around it",
            f"of common boards:\n{boards.table(size, arena)}",
        )
        return Check("microcontroller", operators, tuple(problems), notes)

    def artefacts(self, graph: Graph, labels: tuple[str, ...], meaning: str) -> dict[str, bytes]:
        """Returns what is written beside the model: model.h."""
        return {"model.h": header(graph.content, labels, meaning, arena_bytes(graph)).encode()}
