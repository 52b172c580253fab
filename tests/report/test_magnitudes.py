import dataclasses

from tfqnoise import Recipe, Run
from tfqnoise.report import magnitudes
from tfqnoise.report.comparison import compare

RECIPE = Recipe(noise=0.4, bits=32)


def _run(path, accuracy, memorised=0.05, **changes):
    run = Run.create(dataclasses.replace(RECIPE, **changes), path)
    summary = {"metric": "accuracy", "test_accuracy_last": accuracy, "test_accuracy_best": accuracy, "epochs": 30}
    summary |= {"parameters": 78378, "macs": 12_501_632}
    run.write_json("summary.json", {**summary, "memorised_last": memorised, "recovered_last": None})
    return run


def _strength(magnitude):
    return f'{{"name": "rand_augment", "magnitude": {magnitude}}}'


def test_each_size_has_a_line_in_the_order_of_magnitudes(tmp_path, silent):
    runs = [
        _run(tmp_path / f"{width}-{m}", accuracy, width=width, augmentation=_strength(m))
        for width, m, accuracy in ((1.0, 0, 0.65), (0.5, 1, 0.4), (0.5, 0, 0.6), (1.0, 1, 0.7))
    ]
    drawn = magnitudes.figure([*runs, _run(tmp_path / "standard", 0.5)])
    left, right = drawn.axes
    assert [(line.get_label(), list(line.get_xdata()), list(line.get_ydata())) for line in left.lines] == [
        ("resnet8, width 0.5, noise 0.4", [0, 1], [0.6, 0.4]),
        ("resnet8, width 1, noise 0.4", [0, 1], [0.65, 0.7]),
    ]
    assert list(right.lines[0].get_ydata()) == [0.05, 0.05]
    paths = compare(runs, tmp_path / "comparison", report=silent)
    assert (tmp_path / "comparison" / "magnitude.png") in paths


def test_without_noise_there_is_nothing_memorised(tmp_path):
    runs = [_run(tmp_path / f"{m}", 0.5, None, noise=0.0, augmentation=_strength(m)) for m in (0, 1)]
    assert len(magnitudes.figure(runs).axes) == 1


def test_one_magnitude_or_none_is_no_figure(tmp_path, silent):
    runs = [
        _run(tmp_path / "a", 0.5, augmentation=_strength(1)),
        _run(tmp_path / "b", 0.5),
        _run(tmp_path / "c", 0.5),
    ]
    assert magnitudes.figure(runs) is None
    compare(runs, tmp_path / "comparison", report=silent)
    assert not (tmp_path / "comparison" / "magnitude.png").exists()
