import pytest

from tfqnoise import Recipe, Run
from tfqnoise.errors import RunError
from tfqnoise.report.training import training


def test_what_each_epoch_measured_is_drawn_and_phases_are_marked(tmp_path):
    run = Run.create(Recipe(), tmp_path / "run")
    assert training(run) is None
    rows = [{"epoch": e, "test_accuracy": e / 4, "validation_accuracy": e / 5, "loss": 1.0} for e in (1, 2, 3)]
    run.write_lines("metrics.jsonl", rows)
    run.write_json("plan.json", {"phases": [{"start": 0}, {"start": 2}]})
    axes = training(run).axes[0]
    curves = {line.get_label(): list(line.get_ydata()) for line in axes.lines if not line.get_label().startswith("_")}
    assert curves == {"test accuracy": [0.25, 0.5, 0.75], "validation accuracy (given labels)": [0.2, 0.4, 0.6]}
    assert list(axes.lines[-1].get_xdata()) == [2.5, 2.5]


def test_a_damaged_file_is_named(tmp_path):
    run = Run.create(Recipe(), tmp_path / "run")
    run.write_lines("metrics.jsonl", [])
    with pytest.raises(RunError, match=r"metrics\.jsonl lacks"):
        training(run)
