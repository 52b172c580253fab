"""How much working memory a model needs while it runs."""

from tfqnoise.export.graph import ETHOS_U, Graph, Tensor

_ALIGNMENT = 16


def arena_bytes(graph: Graph) -> int:
    """Returns the largest sum of activations that are alive at once, in bytes.

    max over operators i of the sum of ceil(bytes_t / 16) 16 over all tensors t with made_t <= i <= used_t, where an
    input of the model is made before the first operator and an output is used until the last. An interpreter can't do
    with less; it needs more for its own structures, for what kernels keep beside, and where gaps can't be filled.
    What Vela has compiled works in a tensor of its own, in which the others have their places.
    """
    last = len(graph.operators) - 1
    made = {tensor.index: 0 for tensor in graph.inputs}
    used: dict[int, int] = {}
    tensors: dict[int, Tensor] = {tensor.index: tensor for tensor in graph.inputs}
    for operator in graph.operators:
        for tensor in operator.outputs:
            made.setdefault(tensor.index, operator.index)
            tensors[tensor.index] = tensor
        used.update({tensor.index: operator.index for tensor in (*operator.given, *operator.outputs)})
    used.update({tensor.index: last for tensor in graph.outputs})
    sizes = {index: -(-tensors[index].bytes // _ALIGNMENT) * _ALIGNMENT for index in made}
    working = [
        sum(
            tensor.bytes
            for tensor in {tensor.index: tensor for tensor in operator.given}.values()
            if not tensor.constant and tensor.index not in made
        )
        for operator in graph.operators
        if operator.name == ETHOS_U
    ]
    alive = [
        sum(size for index, size in sizes.items() if made[index] <= number <= used.get(index, 0))
        for number in range(len(graph.operators))
    ]
    return max([*working, *alive], default=0)
