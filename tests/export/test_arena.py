from tfqnoise.export.arena import arena_bytes
from tfqnoise.export.graph import Graph, Operator, Tensor, graph


def _tensor(index, size, *, constant=False):
    return Tensor(index, f"t{index}", "INT8", (size,), False, constant, 1)


def test_a_branch_is_alive_until_it_is_joined():
    """100 -> 200 -> 50 -> 20 -> 40 (with the 200 kept for the last): counted by hand, in steps of 16 bytes."""
    first, wide, a, b, joined = (_tensor(n, size) for n, size in enumerate((100, 200, 50, 20, 40)))
    weights = _tensor(9, 10_000, constant=True)
    operators = (
        Operator(0, "CONV_2D", 3, (first, weights), (wide,), {}),
        Operator(1, "CONV_2D", 3, (wide, None), (a,), {}),
        Operator(2, "CONV_2D", 3, (a,), (b,), {}),
        Operator(3, "ADD", 2, (b, wide), (joined,), {}),
    )
    model = Graph(operators, (first,), (joined,), 1)
    # 112 + 208, 208 + 64, 208 + 64 + 32, 208 + 32 + 48
    assert arena_bytes(model) == 320
    # An output is kept to the end.
    assert arena_bytes(Graph(operators, (first,), (joined, a), 1)) == 352
    assert arena_bytes(Graph((), (first,), (first,), 1)) == 0


def test_a_real_model_needs_its_two_largest_neighbours_at_least(trained):
    model = graph((trained.path / "export" / "model.tflite").read_bytes())
    pairs = [sum(t.bytes for t in (*op.given, *op.outputs) if not t.constant) for op in model.operators]
    assert max(pairs) <= arena_bytes(model) < 3 * max(pairs)
