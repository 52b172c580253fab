"""Microcontrollers, through TensorFlow Lite Micro."""

import dataclasses

from tfqnoise.export.arena import arena_bytes
from tfqnoise.export.c_array import header
from tfqnoise.export.graph import Graph
from tfqnoise.export.targets import INTEGERS, Check, Target, border_problems, dynamic_problems, placed, register

# What its resolver can be given, of operators that networks of pictures have.
_OPERATORS = {
    *("ADD", "ARG_MAX", "ARG_MIN", "AVERAGE_POOL_2D", "BATCH_TO_SPACE_ND", "BROADCAST_TO", "CAST"),
    *("CONCATENATION", "CONV_2D", "DEPTHWISE_CONV_2D", "DEQUANTIZE", "DIV", "EXPAND_DIMS", "FULLY_CONNECTED"),
    *("GATHER", "HARD_SWISH", "L2_NORMALIZATION", "LEAKY_RELU", "LOGISTIC", "MAXIMUM", "MAX_POOL_2D", "MEAN"),
    *("MINIMUM", "MUL", "PACK", "PAD", "PADV2", "PRELU", "QUANTIZE", "REDUCE_MAX", "RELU", "RELU6", "RESHAPE"),
    *("RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR", "SLICE", "SOFTMAX", "SPACE_TO_BATCH_ND", "SPACE_TO_DEPTH"),
    *("SPLIT", "SPLIT_V", "SQUEEZE", "STRIDED_SLICE", "SUB", "SUM", "TANH", "TRANSPOSE", "TRANSPOSE_CONV"),
    *("UNPACK"),
}
# Flash and RAM in KiB, as the makers' data sheets and product pages give them.
BOARDS = {
    "Arduino Nano 33 BLE (nRF52840)": (1024, 256),
    "SparkFun Edge (Apollo3 Blue)": (1024, 384),
    "NUCLEO-L4R5ZI (STM32L4R5)": (2048, 640),
    "STM32F746G-DISCO (STM32F746)": (1024, 320),
    "NUCLEO-H743ZI (STM32H743)": (2048, 1024),
    "Raspberry Pi Pico (RP2040)": (2048, 264),
    "Raspberry Pi Pico 2 (RP2350)": (4096, 520),
    "ESP32-S3-DevKitC-1 N8": (8192, 512),
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
        operators = placed(graph, "microcontroller", (*INTEGERS, "INT16"), INTEGERS, _OPERATORS)
        size, arena = len(graph.content), arena_bytes(graph)
        problems = [*border_problems(graph, self.io), *dynamic_problems(graph)]
        for name, needed, had in (("flash", size, self.flash), ("ram", arena, self.ram)):
            if had and needed > had * 1024:
                problems.append(f"it takes {needed:,} bytes of {name}, more than {had} KiB; choose a smaller --width")
        fitting = [name for name, (flash, ram) in BOARDS.items() if size <= flash * 1024 and arena <= ram * 1024]
        notes = (
            f"flash {size:,} bytes, RAM at least {arena:,} bytes, without the runtime",
            f"fits {', '.join(fitting)}" if fitting else f"fits none of {', '.join(BOARDS)}",
        )
        return Check("microcontroller", operators, tuple(problems), notes)

    def artefacts(self, graph: Graph, labels: tuple[str, ...], meaning: str) -> dict[str, bytes]:
        """Returns what is written beside the model: model.h."""
        return {"model.h": header(graph.content, labels, meaning, arena_bytes(graph)).encode()}
