import pytest

from tfqnoise import Recipe, Run
from tfqnoise.errors import RunError
from tfqnoise.report import pruning, report


def _step(number, before, after):
    names = ("stem", "block")
    groups = [
        {"group": name, "layers": [name], "units_first": 16, "units_before": before, "units_after": after}
        for name in names
    ]
    record = {"step": number, "parameters_before": 100, "parameters": 60, "groups": groups}
    return record | {
        "macs_before": before * 1_000_000,
        "macs": after * 1_000_000,
        "test_accuracy_before": 0.8,
        "test_accuracy": 0.3,
    }


@pytest.fixture
def run(tmp_path):
    run = Run.create(Recipe(), tmp_path / "run")
    run.write_json("pruning.json", {"steps": [_step(1, 16, 12), _step(2, 12, 8)]})
    return run


def test_what_each_group_has_left_is_drawn_and_what_it_cost(run, silent):
    left, right, costs = pruning.pruning(run).axes
    assert [bar.get_width() for bar in left.patches] == [16, 16, 8, 8]
    assert [text.get_text() for text in left.get_yticklabels()] == ["stem", "block"]
    assert {line.get_label(): list(line.get_ydata()) for line in right.lines} == {
        "before removal": [0.8, 0.8],
        "right after": [0.3, 0.3],
    }
    assert list(costs.lines[0].get_xdata()) == [0, 1, 2]
    assert list(costs.lines[0].get_ydata()) == [16, 12, 8]
    assert [path.name for path in report(run, report=silent)] == ["pruning.png"]


def test_a_run_that_removed_nothing_has_no_such_figure(tmp_path):
    assert pruning.pruning(Run.create(Recipe(), tmp_path / "run")) is None


@pytest.mark.parametrize("content", [{}, {"steps": []}, {"steps": [{"step": 1}]}])
def test_a_damaged_file_is_named(run, content):
    run.write_json("pruning.json", content)
    with pytest.raises(RunError, match=r"pruning\.json"):
        pruning.pruning(run)
