"""Models that an accelerator's compiler has been over already: known by the operators that it leaves in them."""

from tfqnoise.export.graph import COMPILED, ETHOS_U, Graph
from tfqnoise.export.inspect import read

# Of Ethos-U, by number.
_PRODUCTS = {0: "ethos-u55", 1: "ethos-u65", 2: "ethos-u85"}


def already(model: Graph) -> str:
    """Returns for what accelerator a model is compiled already, in words; "" where no compiler has been over it."""
    for name, words in COMPILED.items():
        count = sum(operator.name == name for operator in model.operators)
        if count:
            exactly = compiled_for(model) if name == ETHOS_U else ""
            return f"compiled for {exactly or words} already, by {count} of {len(model.operators)} operators"
    return ""


def compiled_for(model: Graph) -> str:
    """Returns the configuration that Vela compiled a model for, such as "ethos-u55-128"; "" if it doesn't say.

    The commands for an accelerator begin with the word COP1, one that announces the next, and that one: the product
    in its highest four bits, and in its lowest four the binary logarithm of the multiply-accumulates a cycle.
    """
    whole = read(model.content)
    for operator in model.operators:
        commands = operator.inputs[0] if operator.inputs else None
        if operator.name != ETHOS_U or commands is None:
            continue
        data = whole.buffers[whole.subgraphs[0].tensors[commands.index].buffer].data
        head = bytes(() if data is None else data[:12])
        if len(head) == 12 and head[:4] == b"COP1" and head[4] == 1:
            word = int.from_bytes(head[8:], "little")
            product = _PRODUCTS.get(word >> 28)
            return f"{product}-{2 ** (word & 15)}" if product else ""
    return ""
