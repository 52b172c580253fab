import pytest

from tfqnoise.compression.plan import LayerReport, Phase, phases, table
from tfqnoise.recipe import Recipe


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"freeze_batch_norm": 0.2}, [(0, 8, True, False), (8, 10, True, True)]),
        ({"freeze_batch_norm": 0.0}, [(0, 10, True, False)]),
        ({"bits": 32, "freeze_batch_norm": 0.2}, [(0, 8, False, False), (8, 10, False, True)]),
        (
            {"float_epochs": 3, "freeze_batch_norm": 0.3},
            [(0, 3, False, False), (3, 7, True, False), (7, 10, True, True)],
        ),
        (
            {"float_epochs": 9, "freeze_batch_norm": 0.3},
            [(0, 7, False, False), (7, 9, False, True), (9, 10, True, True)],
        ),
    ],
)
def test_phases_cover_all_epochs_once(settings, expected):
    assert phases(Recipe(epochs=10, **settings)) == [Phase(*row) for row in expected]


def test_a_short_run_freezes_nothing():
    assert phases(Recipe(epochs=1)) == [Phase(0, 1, True, False)]


def test_table_lines_up():
    text = table([LayerReport("a", "Conv2D", "quantised", "x"), LayerReport("long", "Add", "fused", "y")])
    assert text == "a     Conv2D  quantised  x\nlong  Add     fused      y"
