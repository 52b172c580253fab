import subprocess
import sys

import pytest

from tfqnoise import Recipe, Run
from tfqnoise.errors import RunError
from tfqnoise.report import report


def _run(path, epochs=3):
    run = Run.create(Recipe(), path)
    layers = [{"layer": f"layer{n}", "error": 0.1, "centroids": [-1.0, 0.0, 1.0], "revived": 0} for n in range(5)]
    run.write_lines("clusters.jsonl", [{"epoch": e + 1, "layers": layers} for e in range(epochs)])
    return run


def test_a_figure_is_drawn_of_each_layer(tmp_path):
    from tfqnoise.report.centroids import centroids

    run = _run(tmp_path / "run")
    figure = centroids(run)
    titles = [axes.get_title() for axes in figure.axes]
    assert [title for title in titles if title] == [f"layer{n}" for n in range(5)]
    assert len(figure.axes[0].lines) == 3
    (path,) = report(run, report=lambda text: None)
    assert path.name == "centroids.png"
    assert path.read_bytes().startswith(b"\x89PNG")


def test_groups_share_a_panel_and_the_snap_is_marked(tmp_path):
    from tfqnoise.report.centroids import centroids

    run = Run.create(Recipe(), tmp_path / "run")
    book = {"error": 0.1, "centroids": [-1.0, 1.0]}
    names = ["stem/0", "stem/1", "logits"]
    drawn = [{"layer": name, **book, "revived": 0} for name in names]
    snapped = [{"layer": name, **book, "error": 0.0} for name in names]
    run.write_lines("clusters.jsonl", [{"epoch": e, "layers": drawn if e < 3 else snapped} for e in (1, 2, 3)])
    figure = centroids(run)
    assert [axes.get_title() for axes in figure.axes if axes.get_title()] == ["stem", "logits"]
    # Two centroids of each of two groups, and the mark between epochs 2 and 3.
    assert len(figure.axes[0].lines) == 5
    assert list(figure.axes[0].lines[-1].get_xdata()) == [2.5, 2.5]


def test_a_run_without_clusters_has_nothing_to_draw(tmp_path):
    with pytest.raises(RunError, match="nothing to draw"):
        report(Run.create(Recipe(), tmp_path / "run"))


@pytest.mark.parametrize("rows", [[], [{"a": 1}], [{"epoch": 1, "layers": []}]])
def test_a_damaged_file_is_named(tmp_path, rows):
    run = Run.create(Recipe(), tmp_path / "run")
    run.write_lines("clusters.jsonl", rows)
    with pytest.raises(RunError, match=r"clusters\.jsonl lacks"):
        report(run, report=lambda text: None)


def test_figures_need_no_tensorflow():
    code = "import sys; sys.modules['tensorflow'] = None; import tfqnoise.report.centroids"
    subprocess.run([sys.executable, "-c", code], check=True)
